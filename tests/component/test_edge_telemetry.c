/*
 * What the gateway tells of requests: read from the stream as observability reads it. Read next:
 * services/api-edge/tell.c, edge_player.h.
 */
#include "component/edge_player.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pulsepoint/telemetry.pb-c.h"

#define BRAND     "0190a000-0000-7000-8000-000000000001"
#define TRACE     "0af7651916cd43dd8448eb211c80319c"
#define SPAN      "b7ad6b7169203331"
#define FETCH_MAX 64
#define ROWS_MAX  4096

static struct world w;
static struct gate_proc edge;
static const char *token;
static struct bus *observer;
static struct bus_consumer *pages;
static Pulsepoint__Telemetry *kept[ROWS_MAX];
static size_t n_kept;

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	players_play(PLAY_ANSWER);
	return 0;
}

/* ---- reading ---- */

static const Pulsepoint__RequestRow *find_row(const char *request_id)
{
	for (size_t i = 0; i < n_kept; i++)
		for (size_t k = 0; k < kept[i]->n_rows; k++)
			if (strcmp(kept[i]->service, "api-edge") == 0 &&
			    strcmp(kept[i]->rows[k]->request_id, request_id) == 0)
				return kept[i]->rows[k];
	return NULL;
}

static bool fetch_row(void *arg)
{
	struct bus_msg *m[FETCH_MAX];
	int n = 0;

	if (find_row(arg))
		return true;
	if (bus_consumer_fetch(pages, FETCH_MAX, 100, m, &n) != ST_OK)
		return false;
	for (int i = 0; i < n; i++) {
		size_t len;
		const void *data = bus_msg_data(m[i], &len);
		Pulsepoint__Telemetry *page = pulsepoint__telemetry__unpack(NULL, len, data);

		assert_non_null(page);
		assert_true(n_kept < ROWS_MAX);
		kept[n_kept++] = page;
		assert_int_equal(bus_js_ack(m[i]), ST_OK);
		bus_msg_free(m[i]);
	}
	return find_row(arg) != NULL;
}

static const Pulsepoint__RequestRow *row_of(const char *request_id)
{
	char id[64];

	snprintf(id, sizeof(id), "%s", request_id);
	if (!tk_wait_until(fetch_row, id, WORLD_LIMIT_MS))
		fail_msg("nobody tells of request %s", request_id);
	return find_row(id);
}

static void assert_hex(const ProtobufCBinaryData *id, const char *want)
{
	char hex[64];

	assert_in_range(id->len, 1, 16);
	hex_encode(id->data, id->len, hex);
	assert_string_equal(hex, want);
}

/* ---- tests ---- */

static void a_request_is_told_whole(void **state)
{
	const Pulsepoint__RequestRow *row;
	int64_t before = time_now_us();
	struct answer r =
		edge_ask(&w, edge.port, ASK,
			 arena_printf(w.arena,
				      "Authorization: Bearer %s\r\nX-Request-Id: told-1\r\n"
				      "traceparent: 00-" TRACE "-" SPAN "-01\r\n",
				      token),
			 QUESTION);

	(void)state;
	assert_int_equal(r.status, 200);
	row = row_of("told-1");
	assert_string_equal(row->method, "POST /api/brands/{brand_id}/ask");
	assert_string_equal(row->status, "ok");
	assert_int_equal(row->http_status, 200);
	assert_string_equal(row->tenant_id, world_claim(&w, token, "tid"));
	assert_string_equal(row->user_id, world_claim(&w, token, "sub"));
	assert_string_equal(row->brand_id, BRAND);
	assert_int_equal(row->request_bytes, strlen(QUESTION));
	assert_int_equal(row->response_bytes, r.len);
	assert_in_range(row->duration_us, 1, time_now_us() - before);
	assert_in_range(row->started_at, before, time_now_us());
	assert_hex(&row->trace_id, TRACE);
	assert_hex(&row->parent_span_id, SPAN);
	assert_int_equal(row->span_id.len, 8);
}

struct told {
	const char *what, *as, *method, *status;
	int http;
	bool known; /* who asked */
};

static void refusals_are_told(void **state)
{
	const struct told asks[] = {
		{ "GET /api/brands", "", "GET /api/brands", "unauthenticated", 401, false },
		{ "GET /api/brands", "a.b.c", "GET /api/brands", "unauthenticated", 401, false },
		{ "GET /api/brands", w.operator_token, "GET /api/brands", "denied", 403, true },
		{ "GET /api/brands?x=1", token, "GET /api/brands", "invalid", 400, true },
		{ "GET /api/no/such/secret", token, "(no route)", "not_found", 404, false },
		{ "DELETE /api/brands", token, "(no route)", "method_not_allowed", 405, false },
		{ "GET /api/brands/not-an-id", token, "GET /api/brands/{brand_id}", "invalid", 400,
		  true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		const char *id = arena_printf(w.arena, "refused-%zu", i);
		const Pulsepoint__RequestRow *row;
		struct answer r =
			edge_ask(&w, edge.port, asks[i].what,
				 arena_printf(w.arena, "X-Request-Id: %s\r\n%s%s%s", id,
					      asks[i].as[0] ? "Authorization: Bearer " : "",
					      asks[i].as, asks[i].as[0] ? "\r\n" : ""),
				 NULL);

		if (r.status != asks[i].http)
			fail_msg("%s: %d %s", asks[i].what, r.status, r.body);
		row = row_of(id);
		assert_string_equal(row->method, asks[i].method);
		assert_string_equal(row->status, asks[i].status);
		assert_int_equal(row->http_status, asks[i].http);
		assert_int_equal(row->user_id[0] != '\0', asks[i].known);
		assert_int_equal(row->tenant_id[0] != '\0', asks[i].known);
		assert_string_equal(row->brand_id, "");
		assert_int_equal(row->parent_span_id.len, 0);
		assert_int_equal(row->trace_id.len, 16);
	}
}

/* An operator's tenant is nobody's. */
static void operators_are_of_no_tenant(void **state)
{
	const Pulsepoint__RequestRow *row;

	(void)state;
	edge_ask(&w, edge.port, "GET /api/admin/tenants",
		 arena_printf(w.arena, "X-Request-Id: operator-1\r\nAuthorization: Bearer %s\r\n",
			      w.operator_token),
		 NULL);
	row = row_of("operator-1");
	assert_string_equal(row->tenant_id, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(row->http_status, 200);
}

/* What a stream came to is told at its end; a failure after the head is no success. */
static void streams_are_told_at_their_end(void **state)
{
	const Pulsepoint__RequestRow *row;
	struct played *p;
	struct wire c;

	(void)state;
	players_play(PLAY_HAND);
	stream_send(&w, &c, edge.port, token, ASK, SSE "X-Request-Id: stream-1\r\n", QUESTION);
	p = player_next();
	assert_true(played_text(p, "It"));
	assert_int_equal(wire_head(&c, w.arena).status, 200);
	stream_expect(&w, &c, "id: 1\nevent: text\ndata: {\"delta\":\"It\"}\n\n");
	played_end(p, ST_UPSTREAM, "the model is gone");
	stream_expect_error(&w, &c, 502);
	wire_close(&c);
	row = row_of("stream-1");
	assert_string_equal(row->status, "upstream");
	assert_int_equal(row->http_status, 502);
	assert_true(row->response_bytes > 60);
	stream_send(&w, &c, edge.port, token, ASK, SSE "X-Request-Id: stream-2\r\n", QUESTION);
	p = player_next();
	wire_close(&c);
	played_cancelled(p);
	row = row_of("stream-2");
	assert_string_equal(row->status, "cancelled");
	assert_int_equal(row->http_status, 499);
}

/* The edge's own pages are no requests of the API: what comes after them is told, they are not. */
static void health_is_not_told(void **state)
{
	static const char *const own[] = { "GET /healthz", "GET /readyz", "GET /metrics",
					   "GET /docs", "OPTIONS /api/brands" };

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		edge_ask(&w, edge.port, own[i],
			 arena_printf(w.arena, "X-Request-Id: own-%zu\r\n", i), NULL);
	edge_ask(&w, edge.port, "GET /api/none", "X-Request-Id: after-own\r\n", NULL);
	assert_non_null(row_of("after-own"));
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		assert_null(find_row(arena_printf(w.arena, "own-%zu", i)));
}

static int begin(void **state)
{
	(void)state;
	world_start(&w);
	players_start(&w);
	observer = world_bus_new(&w, "observability");
	assert_int_equal(bus_consumer_open(observer, "obs", "observability-obs", &pages), ST_OK);
	token = edge_open(&w, &edge, NULL);
	return 0;
}

static int finish(void **state)
{
	int code = edge_end(&edge);

	(void)state;
	bus_consumer_close(pages);
	bus_close(observer, 1000);
	for (size_t i = 0; i < n_kept; i++)
		pulsepoint__telemetry__free_unpacked(kept[i], NULL);
	players_stop();
	world_stop(&w);
	return code;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_request_is_told_whole, fresh),
		cmocka_unit_test_setup(refusals_are_told, fresh),
		cmocka_unit_test_setup(operators_are_of_no_tenant, fresh),
		cmocka_unit_test_setup(streams_are_told_at_their_end, fresh),
		cmocka_unit_test_setup(health_is_not_told, fresh),
	};

	return cmocka_run_group_tests_name("edge_telemetry", tests, begin, finish);
}
