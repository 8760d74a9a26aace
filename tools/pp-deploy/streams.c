/*
 * `pp-deploy streams`: JetStream streams and durable consumers, made or brought up to date.
 * Services cannot make them. Read next: permissions.c.
 */
#include "deploy.h"
#include "session.h"

#include <nats/nats.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS       1000000000LL
#define EVENT_AGE_NS    (7 * 24 * 3600 * SECOND_NS) /* as long as outbox rows live */
#define DLQ_AGE_NS      (30 * 24 * 3600 * SECOND_NS)
#define DUPLICATES_NS   (120 * SECOND_NS)
#define ACK_WAIT_NS     (30 * SECOND_NS)
#define MAX_ACK_PENDING 1000

/* ---- streams ---- */

static enum status stream_delete(struct session *ss, const char *name, struct error *err)
{
	jsErrCode code = (jsErrCode)0;
	natsStatus s;

	do
		s = js_DeleteStream(ss->js, name, NULL, &code);
	while (s != NATS_OK && session_again(ss, s, code));
	if (s == NATS_OK || s == NATS_NOT_FOUND || code == JSStreamNotFoundErr)
		return ST_OK;
	return session_fail(err, name, s, code);
}

static enum status stream_put(struct session *ss, const char *name, const char *subject,
			      int64_t age_ns, int64_t bytes, struct error *err)
{
	const char *subjects[] = { subject };
	jsErrCode code = (jsErrCode)0;
	jsStreamConfig cfg;
	natsStatus s;

	jsStreamConfig_Init(&cfg);
	cfg.Name = name;
	cfg.Subjects = subjects;
	cfg.SubjectsLen = 1;
	cfg.Retention = js_LimitsPolicy;
	cfg.Storage = js_FileStorage;
	cfg.Discard = js_DiscardOld;
	cfg.MaxAge = age_ns;
	cfg.MaxBytes = bytes;
	cfg.Duplicates = DUPLICATES_NS;
	cfg.Replicas = ss->replicas;
	cfg.AllowDirect = strcmp(name, DLQ_STREAM) == 0; /* how dlq.c reads */
	do {
		/* Adding what is there with the same settings succeeds; with others it must be
		 * updated. */
		s = js_AddStream(NULL, ss->js, &cfg, NULL, &code);
		if (s != NATS_OK && code == JSStreamNameExistErr)
			s = js_UpdateStream(NULL, ss->js, &cfg, NULL, &code);
	} while (s != NATS_OK && session_again(ss, s, code));
	return s == NATS_OK ? ST_OK : session_fail(err, name, s, code);
}

static enum status consumer_put(struct session *ss, const struct contract_consumer *c,
				struct error *err)
{
	jsErrCode code = (jsErrCode)0;
	jsConsumerConfig cfg;
	natsStatus s;

	jsConsumerConfig_Init(&cfg);
	cfg.Durable = c->durable;
	cfg.FilterSubject = c->filter;
	cfg.DeliverPolicy = js_DeliverAll;
	cfg.AckPolicy = js_AckExplicit;
	cfg.AckWait = ACK_WAIT_NS;
	cfg.MaxDeliver = -1; /* the runtime counts and dead-letters */
	cfg.MaxAckPending = MAX_ACK_PENDING;
	do
		s = js_AddConsumer(NULL, ss->js, c->stream, &cfg, NULL, &code);
	while (s != NATS_OK && session_again(ss, s, code));
	return s == NATS_OK ? ST_OK : session_fail(err, c->durable, s, code);
}

static enum status make_streams(struct session *ss, bool wipe, int *count, struct error *err)
{
	enum status st = wipe ? stream_delete(ss, DLQ_STREAM, err) : ST_OK;

	if (st == ST_OK)
		st = stream_put(ss, DLQ_STREAM, "pp.dlq.>", DLQ_AGE_NS, DLQ_BYTES, err);
	*count = 1;
	for (size_t i = 0; st == ST_OK && i < contract_services_n; i++) {
		const struct contract_service *s = contract_services[i];
		char name[NAME_CAP], subject[NAME_CAP + 16];

		if (s->n_events == 0)
			continue;
		snprintf(name, sizeof(name), "evt-%s", s->name);
		snprintf(subject, sizeof(subject), "pp.evt.*.%s.>", s->name);
		if (wipe)
			st = stream_delete(ss, name, err);
		if (st == ST_OK)
			st = stream_put(ss, name, subject, EVENT_AGE_NS, STREAM_BYTES, err);
		(*count)++;
	}
	return st;
}

static enum status make_consumers(struct session *ss, int *count, struct error *err)
{
	enum status st = ST_OK;

	*count = 0;
	for (size_t i = 0; st == ST_OK && i < contract_services_n; i++)
		for (size_t j = 0; st == ST_OK && j < contract_services[i]->n_consumers; j++) {
			st = consumer_put(ss, &contract_services[i]->consumers[j], err);
			(*count)++;
		}
	return st;
}

enum status command_streams(int argc, char **argv, const struct options *o, struct error *err)
{
	struct session ss = { .replicas = o->replicas };
	char dir[PATH_MAX];
	int streams = 0, consumers = 0;
	enum status st = secrets_open(argv[0], dir, err);

	if (st != ST_OK)
		return st;
	st = session_open(&ss, dir, argc > 1 ? argv[1] : NULL, err);
	if (st == ST_OK)
		st = make_streams(&ss, o->wipe, &streams, err);
	if (st == ST_OK)
		st = make_consumers(&ss, &consumers, err);
	session_close(&ss);
	if (st == ST_OK)
		printf("streams: %d streams, %d consumers\n", streams, consumers);
	return st;
}
