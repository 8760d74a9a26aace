/*
 * From a cause to the webhook: requests of api-edge are told through the real ring, sender and
 * stream until a rule fires or resolves, and the notice's arrival at a receiver here is waited for.
 * Rule and channel are made over HTTP. Read next: telemetry.c, services/observability/evaluate.c.
 */
#include "bench.h"

#include "core/buf.h"
#include "core/id.h"
#include "core/timeutil.h"
#include "http/client.h"
#include "svc/telemetry.h"

#include <civetweb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALERTS_MAX 10000
#define STEP       20 /* requests that turn the rule; more than what made rule and channel */
#define WAIT_MS    15000
#define BODY_MAX   4096
#define RULE       "bench: cause to webhook"

struct alert_bench {
	struct svc *svc;
	char *base, *tenant;
	char token[ACCESS_TOKEN_MAX];
	int64_t count;
	struct mg_context *server;
	char hook_url[64];
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int64_t arrived;    /* notices of the rule; under the lock */
	int64_t arrived_us; /* the last one */
	int64_t took_us[ALERTS_MAX];
};

/* ---- the receiver ---- */

static int receive(struct mg_connection *c, void *arg)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct alert_bench *b = arg;
	int64_t now = time_mono_us();
	char body[BODY_MAX];
	int n = 0, got;

	while (n < BODY_MAX - 1 && (got = mg_read(c, body + n, (size_t)(BODY_MAX - 1 - n))) > 0)
		n += got;
	body[n] = '\0';
	if (strstr(body, RULE)) { /* the tenant's own rules may fire as well */
		pthread_mutex_lock(&b->lock);
		b->arrived++;
		b->arrived_us = now;
		pthread_cond_signal(&b->cond);
		pthread_mutex_unlock(&b->lock);
	}
	mg_write(c, answer, strlen(answer));
	return 200;
}

static bool start_receiver(struct alert_bench *b)
{
	static const char *const options[] = { "listening_ports",
					       "127.0.0.1:0",
					       "num_threads",
					       "4",
					       "enable_keep_alive",
					       "yes",
					       "keep_alive_timeout_ms",
					       "5000",
					       NULL };
	struct mg_server_port port;

	b->server = mg_start(NULL, NULL, (const char **)(uintptr_t)options);
	if (!b->server || mg_get_server_ports(b->server, 1, &port) != 1)
		return false;
	mg_set_request_handler(b->server, "/hook", receive, b);
	snprintf(b->hook_url, sizeof(b->hook_url), "http://127.0.0.1:%d/hook", port.port);
	return true;
}

/* True when notice number `n` has come. */
static bool wait_for(struct alert_bench *b, int64_t n)
{
	struct timespec until;
	bool ret;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&b->lock);
	while (b->arrived < n)
		if (pthread_cond_timedwait(&b->cond, &b->lock, &until) != 0)
			break;
	ret = b->arrived == n;
	pthread_mutex_unlock(&b->lock);
	return ret;
}

/* ---- rule and channel ---- */

static bool post(struct alert_bench *b, struct http_client *http, struct arena *a, const char *path,
		 const char *body)
{
	const struct http_header headers[] = {
		{ "Content-Type", "application/json" },
		{ "Authorization", arena_printf(a, "Bearer %s", b->token) },
	};
	const struct http_request q = { .method = "POST",
					.url = arena_printf(a, "%s%s", b->base, path),
					.headers = headers,
					.n_headers = 2,
					.body = body,
					.body_len = strlen(body) };
	struct http_response res;
	struct error err = { 0 };

	if (http_send(http, &q, a, &res, &err) == ST_OK && res.code == 201)
		return true;
	fprintf(stderr, "bench: POST %s: %d %s\n", path, res.code,
		res.body_len ? res.body : err.detail);
	return false;
}

static bool make_rule(struct alert_bench *b)
{
	struct http_client *http = http_client_new("pulsepoint-bench/1");
	struct arena *a = arena_new((size_t)1024 * 1024);
	bool ret = false;

	if (http && a)
		ret = post(b, http, a, "/api/admin/alert-channels",
			   arena_printf(a, "{\"name\":\"bench\",\"url\":\"%s\"}", b->hook_url)) &&
		      post(b, http, a, "/api/admin/alert-rules",
			   "{\"name\":\"" RULE "\",\"metric\":\"error_rate\",\"comparison\":"
			   "\"above\",\"threshold\":\"50\",\"window_seconds\":3600}");
	arena_free(a);
	http_client_free(http);
	return ret;
}

/* ---- causes ---- */

static void tell(struct alert_bench *b, bool failed)
{
	Pulsepoint__RequestRow row = PULSEPOINT__REQUEST_ROW__INIT;

	row.started_at = time_now_us();
	row.duration_us = 1000;
	row.tenant_id = b->tenant;
	row.method = (char *)(uintptr_t) "GET /api/bench";
	row.status = (char *)(uintptr_t)(failed ? "internal" : "ok");
	row.http_status = failed ? 500 : 200;
	for (int i = 0; i < STEP; i++)
		svc_telemetry_request(b->svc, &row);
}

static int by_number(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static bool measure(struct alert_bench *b)
{
	int64_t half, slow;

	for (int64_t i = 0; i < b->count; i++) {
		int64_t begun = time_mono_us();

		tell(b, i % 2 == 0); /* fires, resolves, fires ... */
		if (!wait_for(b, i + 1)) {
			fprintf(stderr, "bench: %lld notices, and not %lld\n",
				(long long)b->arrived, (long long)i + 1);
			return false;
		}
		b->took_us[i] = b->arrived_us - begun;
	}
	qsort(b->took_us, (size_t)b->count, sizeof(b->took_us[0]), by_number);
	half = b->took_us[b->count / 2];
	slow = b->took_us[b->count * 99 / 100];
	/* Alerts, p50, p99 and the slowest, milliseconds. */
	printf("RESULT %lld %.1f %.1f %.1f\n", (long long)b->count, (double)half / 1000,
	       (double)slow / 1000, (double)b->took_us[b->count - 1] / 1000);
	return true;
}

static bool run(struct svc *svc, void *arg)
{
	struct alert_bench *b = arg;
	bool good;

	b->svc = svc;
	good = start_receiver(b) && make_rule(b) && measure(b);
	if (b->server)
		mg_stop(b->server);
	return good;
}

int bench_alerts(int argc, char **argv)
{
	static struct alert_bench b = { .lock = PTHREAD_MUTEX_INITIALIZER,
					.cond = PTHREAD_COND_INITIALIZER };

	(void)argc;
	b.base = argv[1];
	b.tenant = argv[2];
	b.count = bench_number("ALERTS", argv[4], 1, ALERTS_MAX);
	if (!uuid_valid(b.tenant)) {
		fprintf(stderr, "bench: %s is no tenant's id\n", b.tenant);
		return 2;
	}
	return bench_token(argv[3], b.token)
		       ? bench_as_service("api-edge", "causes alerts and waits for their webhooks",
					  run, &b)
		       : 1;
}
