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
#define DRAIN_WAIT_US   (5 * US_PER_SECOND)

static const struct config_item config[] = {
	CONFIG_STR(struct edge, cfg.listen, "PP_HTTP_LISTEN", "127.0.0.1:8080",
		   "address and port to listen on"),
	CONFIG_STR(struct edge, cfg.hosts, "PP_HTTP_HOSTS", "",
		   "comma separated Host names that are served; empty: all"),
	CONFIG_STR(struct edge, cfg.origins, "PP_HTTP_ORIGINS", "",
		   "comma separated origins that browsers may call from (CORS)"),
	CONFIG_NUM(struct edge, cfg.threads, "PP_HTTP_THREADS", "160", 4, 2048,
		   "connections served at the same time (a thread each)"),
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
		"16384",
		"connection_queue",
		"512",
		"listen_backlog",
		"512",
		NULL,
	};

	snprintf(threads, sizeof(threads), "%d", (int)e->cfg.threads);
	mg_init_library(0);
	e->http = mg_start(&(struct mg_callbacks){ 0 }, e, options);
	if (!e->http)
		return error_set(err, ST_UNAVAILABLE, "PP_HTTP_LISTEN", "%s cannot be listened on",
				 e->cfg.listen);
	mg_set_request_handler(e->http, "**", edge_handle, e);
	log_event(LOG_INFO, "http.listening", "%s, %d threads", e->cfg.listen, (int)e->cfg.threads);
	return ST_OK;
}

static enum status start(struct svc *svc, void *app, struct error *err)
{
	struct edge *e = app;
	enum status st;

	e->magic = EDGE_MAGIC;
	e->svc = svc;
	e->router = router_new(contract_services, contract_services_n);
	e->limits = limits_new();
	e->keys = operator_keys_new();
	pthread_mutex_init(&e->ready_lock, NULL);
	if (e->router)
		e->stats = calloc(router_count(e->router) + 1,
				  sizeof(*e->stats)); /* allowed: lives as long as the process */
	if (!e->router || !e->limits || !e->keys || !e->stats)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	st = start_limits(e, err);
	return st == ST_OK ? start_http(e, err) : st;
}

/* Requests that were taken are answered; then the server closes its connections. */
static void stop(struct svc *svc, void *app)
{
	struct edge *e = app;
	int64_t until = time_mono_us() + DRAIN_WAIT_US;

	(void)svc;
	while (atomic_load(&e->in_flight) > 0 && time_mono_us() < until)
		time_sleep_us(time_mono_us() + 1000);
	if (e->http)
		mg_stop(e->http);
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
