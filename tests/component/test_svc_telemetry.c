/*
 * What the runtime tells of the requests it answered, seen in the stream with auth as the service:
 * one row each, refused ones included, and numbers that add up. Read next: libs/svc/telemetry.c,
 * test_observability_ingest.c (overload).
 */
#include "component/auth_fixture.h"

#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "pulsepoint/telemetry.pb-c.h"
#include "json/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PAGES_MAX 256
#define TRACE     "0af7651916cd43dd8448eb211c80319c"
#define PARENT    "b7ad6b7169203331"

static struct world w;
static struct bus *taker; /* as observability */
static struct bus_consumer *pages;
static const char *tenant, *token;

/* The next page of auth in the stream; waits for it. */
static const Pulsepoint__Telemetry *next_page(void)
{
	const int64_t deadline = time_mono_us() + WORLD_LIMIT_MS * INT64_C(1000);

	while (time_mono_us() < deadline) {
		struct bus_msg *m = NULL;
		ProtobufCMessage *page;
		size_t len;
		int n = 0;
		const void *data;
		bool ours;

		if (bus_consumer_fetch(pages, 1, 1000, &m, &n) != ST_OK || n == 0)
			continue;
		data = bus_msg_data(m, &len);
		ours = strcmp(bus_msg_subject(m), "pp.obs.auth") == 0;
		INVARIANT(message_unpack(w.keep, &pulsepoint__telemetry__descriptor, data, len,
					 BUS_EVENT_MAX, &page) == ST_OK);
		assert_int_equal(message_check(page, NULL), ST_OK);
		INVARIANT(bus_js_ack(m) == ST_OK);
		bus_msg_free(m);
		if (ours)
			return (const Pulsepoint__Telemetry *)page;
	}
	fail_msg("no page came");
	return NULL;
}

/* The row of the request with that id; waits for it. */
static const Pulsepoint__RequestRow *row_of(const char *request_id)
{
	for (int i = 0; i < PAGES_MAX; i++) {
		const Pulsepoint__Telemetry *p = next_page();

		for (size_t k = 0; k < p->n_rows; k++)
			if (strcmp(p->rows[k]->request_id, request_id) == 0)
				return p->rows[k];
	}
	fail_msg("no row of %s", request_id);
	return NULL;
}

static void send(const char *subject, const char *authorization, const char *id, const void *data,
		 size_t len)
{
	const struct bus_header h[] = {
		{ "Authorization",
		  authorization ? arena_printf(w.arena, "Bearer %s", authorization) : NULL },
		{ "Pp-Request-Id", id },
		{ "traceparent", "00-" TRACE "-" PARENT "-01" },
	};
	struct bus_msg *m = NULL;

	assert_int_equal(bus_request(w.edge, subject, h, 3, data, len, WORLD_LIMIT_MS, &m), ST_OK);
	bus_msg_free(m);
}

static void test_a_request_is_a_row(void **state)
{
	const Pulsepoint__RequestRow *row;
	int64_t before = time_now_us();
	char hex[33];

	(void)state;
	world_brand(&w, token, "Told", "told.example.com");
	/* Transactions that look before they write are counted, too. */
	assert_true(row_of("test-request")->database_us > 0);
	send("pp.rpc.auth.list_brands", token, "told-1", "", 0);
	row = row_of("told-1");
	assert_string_equal(row->method, "ListBrands");
	assert_string_equal(row->status, "ok");
	assert_int_equal(row->http_status, 200);
	assert_string_equal(row->tenant_id, tenant);
	assert_string_equal(row->user_id, world_claim(&w, token, "sub"));
	assert_true(row->started_at >= before - US_PER_SECOND && row->started_at <= time_now_us());
	assert_true(row->duration_us > 0 && row->database_us > 0);
	assert_true(row->database_us <= row->duration_us);
	assert_true(row->response_bytes > 0);
	assert_int_equal(row->request_bytes, 0);
	/* In the caller's trace, below the caller's span. */
	hex_encode(row->trace_id.data, row->trace_id.len, hex);
	assert_string_equal(hex, TRACE);
	hex_encode(row->parent_span_id.data, row->parent_span_id.len, hex);
	assert_string_equal(hex, PARENT);
	assert_int_equal(row->span_id.len, 8);
	hex_encode(row->span_id.data, 8, hex);
	assert_string_not_equal(hex, PARENT);
}

static void test_refused_ones_are_told(void **state)
{
	const Pulsepoint__RequestRow *row;

	(void)state;
	send("pp.rpc.auth.list_brands", NULL, "told-2", "", 0);
	row = row_of("told-2");
	assert_string_equal(row->status, "unauthenticated");
	assert_int_equal(row->http_status, 401);
	assert_string_equal(row->tenant_id, "");
	assert_string_equal(row->user_id, "");
	send("pp.rpc.auth.list_brands", token, "told-3", "\xff", 1);
	row = row_of("told-3");
	assert_string_equal(row->status, "invalid");
	assert_string_equal(row->tenant_id, tenant);
	assert_int_equal(row->request_bytes, 1);
}

/* Pages are numbered, and each tells how many rows there have been: none is missing. */
static void test_numbers_add_up(void **state)
{
	const Pulsepoint__Telemetry *p, *before = NULL;
	uint64_t rows = 0, from = 0;
	char instance[UUID_TEXT] = "";
	int ours = 0;

	(void)state;
	for (int i = 0; i < 500; i++)
		send("pp.rpc.auth.jwks", NULL, arena_printf(w.arena, "sum-%d", i), "", 0);
	while (ours < 500) {
		p = next_page();
		if (before)
			assert_int_equal(p->page, before->page + 1);
		else
			from = p->emitted - p->dropped - p->n_rows;
		assert_true(p->n_rows <= 100);
		rows += p->n_rows;
		assert_int_equal(p->emitted - p->dropped, from + rows);
		assert_int_equal(p->dropped, 0);
		assert_string_equal(p->service, "auth");
		if (*instance)
			assert_string_equal(p->instance, instance);
		snprintf(instance, sizeof(instance), "%s", p->instance);
		for (size_t k = 0; k < p->n_rows; k++)
			ours += strncmp(p->rows[k]->request_id, "sum-", 4) == 0;
		before = p;
	}
	assert_int_equal(ours, 500);
}

/* The end of a process flushes: its last request is told though no page was full. */
static void test_the_end_flushes(void **state)
{
	(void)state;
	send("pp.rpc.auth.list_brands", token, "told-last", "", 0);
	assert_int_equal(world_end(w.auth), 0);
	assert_string_equal(row_of("told-last")->method, "ListBrands");
	w.auth = world_spawn(&w);
}

static int start(void **state)
{
	(void)state;
	world_start(&w);
	tenant = arena_strdup(w.keep, world_tenant(&w, "telemetry@example.com"));
	token = arena_strdup(w.keep, world_must_login(&w, "telemetry@example.com")->access_token);
	taker = world_bus_new(&w, "observability");
	INVARIANT(bus_consumer_open(taker, "obs", "observability-obs", &pages) == ST_OK);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	bus_consumer_close(pages);
	bus_close(taker, 1000);
	world_stop(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_is_a_row),
		cmocka_unit_test(test_refused_ones_are_told),
		cmocka_unit_test(test_numbers_add_up),
		cmocka_unit_test(test_the_end_flushes),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
