/*
 * GET /api/admin/latency against the exact percentiles of what was told: over services, instances,
 * minutes and a restart. Read next: services/observability/store_latency.c, test/run_histogram.c.
 */
#include "component/telemetry_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PAGES     12
#define PAGE_ROWS 100
#define VALUES    (PAGES * PAGE_ROWS)

typedef Observability__V1__LatencyRequest request;
typedef Observability__V1__LatencyReply reply;

static struct world w;
static char tenant[UUID_TEXT];
static uint32_t values[VALUES];

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	uuid_v7(tenant);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void assert_close(uint32_t told, uint32_t per_mille)
{
	uint32_t want = values[(VALUES * per_mille + 999) / 1000 - 1];
	uint64_t off = told > want ? told - want : want - told;

	if (off * 128 > want)
		fail_msg("p%u is %u instead of %u", per_mille, told, want);
}

static void publish(const char *service, const char *instance, int page, unsigned short seed[3])
{
	Pulsepoint__RequestRow *rows[PAGE_ROWS];

	for (int i = 0; i < PAGE_ROWS; i++) {
		uint32_t us = (uint32_t)(nrand48(seed) >> (nrand48(seed) % 24));

		rows[i] = tw_row(&w, tenant, 1);
		rows[i]->duration_us = us;
		rows[i]->started_at -= (page % 3) * US_PER_MINUTE;
		rows[i]->http_status = i % 10 == 0 ? 503 : 200;
		values[(page - 1) * PAGE_ROWS + i] = us;
	}
	tw_page(&w, service, instance, (uint64_t)(page + 1) / 2, (uint64_t)page * PAGE_ROWS, 0,
		rows, PAGE_ROWS);
}

static void until_rows(int64_t want)
{
	world_sql_reach(&w, want,
			"SELECT count(*) FROM observability.events WHERE tenant_id = '%s'", tenant);
}

static void test_parts_add_up_to_the_whole(void **state)
{
	unsigned short seed[3] = { 4, 5, 6 };
	char instances[2][UUID_TEXT];
	request in = OBSERVABILITY__V1__LATENCY_REQUEST__INIT;
	const char *admin = world_token(&w, tenant, ROLE_ADMIN, "");
	const Observability__V1__LatencyRow *row;
	const reply *out;

	(void)state;
	uuid_v7(instances[0]);
	uuid_v7(instances[1]);
	for (int page = 1; page <= PAGES; page++) {
		publish("attribution", instances[page % 2], page, seed);
		/* Half by another process: what it wrote is added, not overwritten. */
		if (page == PAGES / 2) {
			until_rows(VALUES / 2);
			tw_kill(&w);
		}
	}
	until_rows(VALUES);
	assert_true(world_sql_int(&w,
				  "SELECT count(DISTINCT minute) FROM observability.latency"
				  " WHERE tenant_id = '%s'",
				  tenant) >= 3);
	qsort(values, VALUES, sizeof(values[0]), by_value);
	out = tw_must(&w, admin, OBSERVABILITY_GET_LATENCY, &in);
	assert_int_equal(out->n_rows, 1);
	row = out->rows[0];
	assert_string_equal(row->service, "attribution");
	assert_string_equal(row->method, "M1");
	assert_int_equal(row->requests, VALUES);
	assert_int_equal(row->errors, VALUES / 10);
	assert_int_equal(row->max_us, values[VALUES - 1]);
	assert_close(row->p50_us, 500);
	assert_close(row->p95_us, 950);
	assert_close(row->p99_us, 990);
	assert_int_equal(out->relative_error->units, 78125);
	assert_int_equal(out->relative_error->scale, 7);
}

/* Rows of the answer, less those of the calls of this test, which come when they come. */
static size_t rows_told(const char *token, const request *in)
{
	const reply *out = tw_must(&w, token, OBSERVABILITY_GET_LATENCY, in);
	size_t n = 0;

	for (size_t i = 0; i < out->n_rows; i++)
		n += strcmp(out->rows[i]->service, "observability") != 0;
	return n;
}

static void test_windows_services_and_strangers(void **state)
{
	/* 0001-01-01, the last second of 1999, 2100-01-01. */
	static const int64_t far[] = { INT64_C(-62135596800000000), INT64_C(946684799000000),
				       INT64_C(4102444800000000) };
	char instance[UUID_TEXT], stranger[UUID_TEXT];
	request in = OBSERVABILITY__V1__LATENCY_REQUEST__INIT;
	Pulsepoint__Timestamp from = PULSEPOINT__TIMESTAMP__INIT, to = from;
	const char *admin = world_token(&w, tenant, ROLE_ADMIN, "");
	Pulsepoint__RequestRow *row = tw_row(&w, tenant, 5), *old = tw_row(&w, tenant, 6);

	(void)state;
	uuid_v7(instance);
	uuid_v7(stranger);
	old->started_at -= 2 * US_PER_HOUR;
	tw_page(&w, "auth", instance, 1, 1, 0, &row, 1);
	tw_page(&w, "ingest-ads", instance, 1, 1, 0, &old, 1);
	until_rows(2);
	assert_int_equal(rows_told(admin, &in), 1);
	from.micros = old->started_at;
	in.from = &from;
	assert_int_equal(rows_told(admin, &in), 2);
	in.service = (char *)"auth";
	assert_int_equal(
		((const reply *)tw_must(&w, admin, OBSERVABILITY_GET_LATENCY, &in))->n_rows, 1);
	in.service = (char *)"";
	assert_int_equal(((const reply *)tw_must(&w, world_token(&w, stranger, ROLE_ADMIN, ""),
						 OBSERVABILITY_GET_LATENCY, &in))
				 ->n_rows,
			 0);
	assert_int_equal(tw_call(&w, world_token(&w, tenant, ROLE_VIEWER, ""),
				 OBSERVABILITY_GET_LATENCY, &in)
				 .status,
			 ST_DENIED);
	to.micros = from.micros - 1;
	in.to = &to;
	assert_string_equal(tw_call(&w, admin, OBSERVABILITY_GET_LATENCY, &in).field, "from");
	to.micros = from.micros + 8 * US_PER_DAY;
	assert_string_equal(tw_call(&w, admin, OBSERVABILITY_GET_LATENCY, &in).field, "from");
	/* Times that no row can have are refused by name, before PostgreSQL sees them. */
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		struct reply r;

		to.micros = far[i];
		in.from = NULL;
		in.to = &to;
		r = tw_call(&w, admin, OBSERVABILITY_GET_LATENCY, &in);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, "to");
		in.to = NULL;
		in.from = &to;
		r = tw_call(&w, admin, OBSERVABILITY_GET_LATENCY, &in);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, "from");
	}
}

static int start_world(void **state)
{
	(void)state;
	tw_start(&w);
	return 0;
}

static int stop_world(void **state)
{
	(void)state;
	tw_stop(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_parts_add_up_to_the_whole, fresh),
		cmocka_unit_test_setup(test_windows_services_and_strangers, fresh),
	};

	return cmocka_run_group_tests(tests, start_world, stop_world);
}
