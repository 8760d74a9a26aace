/*
 * $SRV.PING, $SRV.INFO and $SRV.STATS (NATS ADR-32), so that `nats micro` and our own readiness
 * checks work on every service.
 */
#include "core/buf.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "svc/svc_priv.h"
#include "json/message.h"

#include <string.h>

#define MICRO_REPLY_MAX (256 * 1024)
#define MICRO_VERSION   "1.0.0"

static void put_identity(struct buf *b, const struct svc *svc, const char *type)
{
	buf_printf(b,
		   "{\"type\":\"io.nats.micro.v1.%s\",\"name\":\"%s\",\"id\":\"%s\",\"version\":\"%"
		   "s\",\"metadata\":{}",
		   type, svc->name, svc->instance, MICRO_VERSION);
}

static void put_info(struct buf *b, const struct svc *svc)
{
	const struct contract_service *c = svc->spec->contract;

	put_identity(b, svc, "info_response");
	buf_puts(b, ",\"description\":");
	buf_put_json(b, svc->spec->summary, strlen(svc->spec->summary));
	buf_puts(b, ",\"endpoints\":[");
	for (size_t i = 0; c && i < c->n_methods; i++)
		buf_printf(b,
			   "%s{\"name\":\"%s\",\"subject\":\"%s\",\"queue_group\":\"%s\","
			   "\"metadata\":{}}",
			   i ? "," : "", c->methods[i].name, c->methods[i].subject, svc->name);
	buf_puts(b, "]}");
}

static void put_endpoint(struct buf *b, const struct svc *svc, size_t i)
{
	const struct contract_method *m = &svc->spec->contract->methods[i];
	struct method_counters *c = &svc->counters[i];
	uint64_t requests = atomic_load(&c->requests), total_us = atomic_load(&c->total_us);

	buf_printf(b,
		   "%s{\"name\":\"%s\",\"subject\":\"%s\",\"queue_group\":\"%s\",\"num_requests\":%"
		   "llu,"
		   "\"num_errors\":%llu,\"processing_time\":%llu,\"average_processing_time\":%llu,",
		   i ? "," : "", m->name, m->subject, svc->name, (unsigned long long)requests,
		   (unsigned long long)atomic_load(&c->errors), (unsigned long long)total_us * 1000,
		   (unsigned long long)(requests ? total_us * 1000 / requests : 0));
	pthread_mutex_lock(&c->lock);
	buf_printf(b, "\"last_error\":\"%s\",\"data\":{\"database_time\":%llu}}", c->last_error,
		   (unsigned long long)atomic_load(&c->db_us) * 1000);
	pthread_mutex_unlock(&c->lock);
}

/* What an operator asks first: is it ready, does work pile up, did the relay have to repeat itself.
 */
static void put_data(struct buf *b, struct svc *svc)
{
	struct bus_server_stats q = { 0 };
	struct db_stats d = { 0 };
	struct telemetry_counts t;
	uint64_t sent, resent;

	svc_telemetry_counts(svc, &t);
	if (svc->server)
		bus_server_stats(svc->server, &q);
	if (svc->db)
		db_stats(svc->db, &d);
	svc__relay_counts(svc, &sent, &resent);
	buf_printf(b,
		   "{\"ready\":%s,\"access_version\":%llu,\"waiting\":%u,\"busy\":%u,\"refused_"
		   "full\":%llu,"
		   "\"db_transactions\":%llu,\"db_pipelines\":%llu,\"db_failures\":%llu,\"db_"
		   "reconnects\":%llu,"
		   "\"events_sent\":%llu,\"events_resent\":%llu,"
		   "\"telemetry_emitted\":%llu,\"telemetry_dropped\":%llu,"
		   "\"telemetry_pages\":%llu,\"telemetry_unsent\":%llu",
		   access_version(svc->access) > 0 && (!svc->db || db_ping(svc->db) == ST_OK)
			   ? "true"
			   : "false",
		   (unsigned long long)access_version(svc->access), q.waiting, q.busy,
		   (unsigned long long)q.refused_full, (unsigned long long)d.transactions,
		   (unsigned long long)d.pipelines, (unsigned long long)d.failures,
		   (unsigned long long)d.reconnects, (unsigned long long)sent,
		   (unsigned long long)resent, (unsigned long long)t.emitted,
		   (unsigned long long)t.dropped, (unsigned long long)t.pages,
		   (unsigned long long)t.unsent);
	if (svc->spec->stats)
		svc->spec->stats(svc, svc->app, b);
	buf_putc(b, '}');
}

static void put_stats(struct buf *b, struct svc *svc)
{
	const struct contract_service *c = svc->spec->contract;

	put_identity(b, svc, "stats_response");
	buf_printf(b, ",\"started\":\"%s\",\"endpoints\":[", svc->started_at);
	for (size_t i = 0; c && i < c->n_methods; i++)
		put_endpoint(b, svc, i);
	buf_puts(b, "],\"data\":");
	put_data(b, svc);
	buf_putc(b, '}');
}

/* True when the subject is $SRV.<VERB>, $SRV.<VERB>.<name> or $SRV.<VERB>.<name>.<id> and means us.
 */
static bool addressed(const struct svc *svc, const char *subject, const char *verb)
{
	size_t verb_len = strlen(verb), name_len = strlen(svc->name);
	const char *p = subject + strlen("$SRV.");

	if (strncmp(p, verb, verb_len) != 0)
		return false;
	p += verb_len;
	if (*p == '\0')
		return true;
	if (*p++ != '.' || strncmp(p, svc->name, name_len) != 0)
		return false;
	p += name_len;
	return *p == '\0' || (*p == '.' && strcmp(p + 1, svc->instance) == 0);
}

static void on_srv(void *arg, const struct bus_msg *m)
{
	struct svc *svc = arg;
	const char *subject = bus_msg_subject(m);
	struct buf b;

	CHECK_MAGIC(svc, SVC_MAGIC);
	if (strncmp(subject, "$SRV.", 5) != 0 || !bus_msg_reply(m))
		return;
	buf_init(&b, MICRO_REPLY_MAX);
	if (addressed(svc, subject, "PING")) {
		put_identity(&b, svc, "ping_response");
		buf_putc(&b, '}');
	} else if (addressed(svc, subject, "INFO")) {
		put_info(&b, svc);
	} else if (addressed(svc, subject, "STATS")) {
		put_stats(&b, svc);
	}
	if (b.len > 0 && buf_status(&b) == ST_OK)
		(void)!bus_reply(svc->bus, m, NULL, 0, b.data, b.len);
	buf_done(&b);
}

enum status svc__micro_start(struct svc *svc)
{
	return bus_subscribe(svc->bus, "$SRV.>", on_srv, svc, &svc->srv_sub);
}
