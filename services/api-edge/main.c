/*
 * api-edge - everything that speaks HTTP: routes, tokens, limits, JSON. Read next: edge.h.
 */
#include "core/log.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "edge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMITS_SUBJECT  "pp.ctl.limits"
#define LIMITS_TEXT_MAX ((size_t)768 * 1024)
#define DRAIN_WAIT_US   (8 * US_PER_SECOND) /* for what was taken */
#define QUIET_US        (300 * 1000)        /* connections that were just made have sent by then */
#define HEAD_TEXT       "16384"             /* EDGE_HEAD_MAX, for civetweb */

static const struct config_item config[] = {
	CONFIG_STR(struct edge, cfg.listen, "PP_HTTP_LISTEN", "127.0.0.1:8080",
		   "address and port to listen on"),
	CONFIG_STR(struct edge, cfg.hosts, "PP_HTTP_HOSTS", "",
		   "comma separated Host names that are served; empty: all"),
	CONFIG_STR(struct edge, cfg.origins, "PP_HTTP_ORIGINS", "",
		   "comma separated origins that browsers may call from (CORS)"),
	CONFIG_NUM(struct edge, cfg.threads, "PP_HTTP_THREADS", "160", 4, 2048,
		   "connections served at the same time (a thread each)"),
	CONFIG_NUM(struct edge, cfg.body_ms, "PP_HTTP_BODY_MS", "30000", 100, 600000,
		   "milliseconds a client has to send a body, or 64 KiB of an upload"),
	CONFIG_NUM(struct edge, cfg.streams, "PP_HTTP_STREAMS", "64", 1, 2047,
		   "streams open at the same time; must be below PP_HTTP_THREADS"),
	CONFIG_NUM(struct edge, cfg.heartbeat_ms, "PP_HTTP_HEARTBEAT_MS", "10000", 100, 60000,
		   "milliseconds after which a silent stream gets a comment"),
	{ 0 },
};

/* ---- limits: tell the other replicas once a second, hear from them ---- */

static void on_limits(void *arg, const struct bus_msg *m)
{
	struct edge *e = arg;
	const char *from = bus_msg_header(m, "Pp-Instance");
	const char *data;
	size_t len;

	CHECK_MAGIC(e, EDGE_MAGIC);
	data = bus_msg_data(m, &len);
	if (from && strcmp(from, e->base_text) != 0)
		limits_merge(e->limits, data, len, time_now_us());
}

static void *tell_limits(void *arg)
{
	struct edge *e = arg;
	struct bus_header h = { "Pp-Instance", e->base_text };
	struct buf b;

	CHECK_MAGIC(e, EDGE_MAGIC);
	buf_init(&b, LIMITS_TEXT_MAX);
	while (!svc_stopping(e->svc)) {
		svc_wait(e->svc, 1000);
		edge_end_late(e);
		buf_reset(&b);
		limits_drain(e->limits, &b);
		if (b.len > 0)
			(void)!bus_publish(svc_bus(e->svc), LIMITS_SUBJECT, &h, 1, b.data, b.len);
	}
	buf_done(&b);
	return NULL;
}

static enum status start_limits(struct edge *e, struct error *err)
{
	uuid_v7(e->base_text);
	if (bus_subscribe(svc_bus(e->svc), LIMITS_SUBJECT, on_limits, e, &e->limits_sub) != ST_OK)
		return error_set(err, ST_UNAVAILABLE, NULL,
				 "cannot hear the other replicas' counts");
	if (pthread_create(&e->limits_thread, NULL, tell_limits, e) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "no thread for the limits");
	e->limits_thread_on = true;
	return ST_OK;
}

/* ---- the HTTP server ---- */

static enum status start_http(struct edge *e, struct error *err)
{
	char threads[16];
	const char *options[] = {
		"listening_ports",
		e->cfg.listen,
		"num_threads",
		threads,
		"enable_keep_alive",
		"yes",
		"keep_alive_timeout_ms",
		"60000",
		"request_timeout_ms",
		"30000",
		"tcp_nodelay",
		"1",
		"decode_url",
		"no",
		"max_request_size",
		HEAD_TEXT,
		"connection_queue",
		"512",
		"listen_backlog",
		"512",
		NULL,
	};

	snprintf(threads, sizeof(threads), "%d", (int)e->cfg.threads);
	mg_init_library(0);
	e->http = mg_start(
		&(struct mg_callbacks){ .begin_request = edge_handle, .http_error = edge_refused },
		e, options);
	if (!e->http)
		return error_set(err, ST_UNAVAILABLE, "PP_HTTP_LISTEN", "%s cannot be listened on",
				 e->cfg.listen);
	log_event(LOG_INFO, "http.listening", "%s, %d threads", e->cfg.listen, (int)e->cfg.threads);
	return ST_OK;
}

static enum status start(struct svc *svc, void *app, struct error *err)
{
	struct edge *e = app;
	enum status st;

	if (e->cfg.streams >= e->cfg.threads)
		return error_set(err, ST_INVALID, "PP_HTTP_STREAMS",
				 "must be below PP_HTTP_THREADS");
	e->magic = EDGE_MAGIC;
	e->svc = svc;
	e->router = router_new(contract_services, contract_services_n);
	e->limits = limits_new();
	e->keys = operator_keys_new();
	pthread_mutex_init(&e->ready_lock, NULL);
	pthread_mutex_init(&e->watch_lock, NULL);
	if (e->router)
		e->stats = calloc(router_count(e->router) + 1,
				  sizeof(*e->stats)); /* allowed: lives as long as the process */
	if (!e->router || !e->limits || !e->keys || !e->stats)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	st = start_limits(e, err);
	return st == ST_OK ? start_http(e, err) : st;
}

/*
 * Nobody connects any more, each answer ends its connection, and what was taken is answered. When
 * nothing was under way for a while, the door is shut: what is still read then finds its connection
 * closed without a byte, as if it had never come, and whoever is still at work is waited for.
 */
static void drain(struct edge *e)
{
	int64_t now = time_mono_us(), until = now + DRAIN_WAIT_US, busy = now;
	uint64_t seen = atomic_load(&e->taken);

	atomic_store(&e->draining, true);
	edge_stop_listening();
	while (now < until && now - busy < QUIET_US) {
		edge_end_late(e);
		time_sleep_us(now + 5000);
		now = time_mono_us();
		if (atomic_load(&e->in_flight) > 0 || atomic_load(&e->taken) != seen)
			busy = now;
		seen = atomic_load(&e->taken);
	}
	atomic_store(&e->closed, true);
	while (atomic_load(&e->in_flight) > 0 && time_mono_us() < until)
		time_sleep_us(time_mono_us() + 1000);
}

static void stop(struct svc *svc, void *app)
{
	struct edge *e = app;

	(void)svc;
	if (e->http) {
		drain(e);
		mg_stop(e->http);
		mg_exit_library();
		log_event(LOG_INFO, "http.drained", "%llu requests taken, %llu answered",
			  (unsigned long long)atomic_load(&e->taken),
			  (unsigned long long)atomic_load(&e->answered));
	}
	bus_unsubscribe(e->limits_sub);
	if (e->limits_thread_on)
		pthread_join(e->limits_thread, NULL);
	router_free(e->router);
	limits_free(e->limits);
	operator_keys_free(e->keys);
	free(e->stats);
}

static const struct svc_spec spec = {
	.name = "api-edge",
	.summary = "everything that speaks HTTP: routes, tokens, limits, JSON",
	.config = config,
	.start = start,
	.stop = stop,
};

int main(int argc, char **argv)
{
	static struct edge app;

	return svc_main(&spec, &app, argc, argv);
}
