/* The import of visits: chunks in the edge's manner, resumed, repeated, broken, out of place. */
#include "component/attribution_build.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LINES 250

static struct world world;
static char *lines[LINES];

/* A chunk of the body `lines`. */
static struct reply send(const struct at_tenant *t, const char *key, int first, int n, bool last)
{
	Attribution__V1__ImportTouchpointsRequest in =
		ATTRIBUTION__V1__IMPORT_TOUCHPOINTS_REQUEST__INIT;

	in.brand_id = (char *)t->brand;
	in.lines = lines + first;
	in.n_lines = (size_t)n;
	in.import_key = (char *)key;
	in.first_line = (uint64_t)first;
	in.last = last;
	return at_call(&world, t->token, ATTRIBUTION_IMPORT_TOUCHPOINTS, &in);
}

static void expect(struct reply r, uint64_t settled, uint64_t imported, uint64_t duplicates)
{
	const Attribution__V1__ImportTouchpointsReply *out = r.out;

	if (r.status != ST_OK)
		fail_msg("%s: %s %s", status_name(r.status), r.field, r.detail);
	assert_int_equal(out->lines, settled);
	assert_int_equal(out->imported, imported);
	assert_int_equal(out->duplicates, duplicates);
}

static int64_t visits(const struct at_tenant *t)
{
	return world_sql_int(
		&world, "SELECT count(*) FROM attribution.visits WHERE brand_id = '%s'", t->brand);
}

/* A body of visits that all differ. */
static void fill(const char *who)
{
	for (int i = 0; i < LINES; i++)
		lines[i] = arena_printf(
			world.arena,
			"{\"visitor_id\":\"%s-%d\",\"position\":%d,"
			"\"occurred_at\":\"2025-03-%02dT10:00:%02d.%06dZ\",\"source\":\"klaviyo\","
			"\"campaign\":\"May, \\\"2025\\\" \\\\ \\u263a\"}",
			who, i / 5, i % 5 + 1, i % 28 + 1, i % 60, i);
}

static void fresh(struct at_tenant *t)
{
	world_fresh(&world);
	at_tenant(&world, t, "GBP");
	fill("v");
}

static void test_whole_body(void **state)
{
	const Attribution__V1__Freshness *f;
	const Attribution__V1__Summary *s;
	struct at_tenant t;

	(void)state;
	fresh(&t);
	expect(send(&t, "key", 0, 100, false), 100, 100, 0);
	s = at_summary(&world, &t);
	assert_null(at_fresh_of(s->freshness, s->n_freshness, "touchpoints"));
	expect(send(&t, "key", 100, 100, false), 200, 100, 0);
	expect(send(&t, "key", 200, LINES - 200, true), LINES, LINES - 200, 0);
	assert_int_equal(visits(&t), LINES);
	s = at_summary(&world, &t);
	f = at_fresh_of(s->freshness, s->n_freshness, "touchpoints");
	assert_non_null(f);
	assert_false(f->syncing);
	assert_true(llabs(f->synced_at->micros - time_now_us()) < US_PER_HOUR);
	/* As fresh as the latest visit. */
	assert_int_equal(
		f->data_through->micros,
		world_sql_int(&world,
			      "SELECT (extract(epoch FROM max(occurred_at)) * 1000000)::bigint"
			      " FROM attribution.visits WHERE brand_id = '%s'",
			      t.brand));
	/* What was written is what was sent, and converted no order. */
	assert_string_equal(
		world_sql(&world,
			  "SELECT campaign FROM attribution.visits WHERE brand_id = '%s'"
			  " AND visitor_id = 'v-0' AND position = 1",
			  t.brand),
		"May, \"2025\" \\ \xe2\x98\xba");
	assert_int_equal(s->orders, 0);
	/* The same body again under its key: everything is resumed over, nothing read. */
	expect(send(&t, "key", 0, 100, false), LINES, 0, 0);
	expect(send(&t, "key", 200, LINES - 200, true), LINES, 0, 0);
	/* Under another key, and under none: read, and all there already. */
	expect(send(&t, "other", 0, LINES, true), LINES, 0, LINES);
	expect(send(&t, "", 0, LINES, true), LINES, 0, LINES);
	assert_int_equal(visits(&t), LINES);
}

static void test_resume(void **state)
{
	struct at_tenant t;

	(void)state;
	fresh(&t);
	expect(send(&t, "key", 0, 100, false), 100, 100, 0);
	/* The upload broke off. Sent again, in chunks cut elsewhere: the first 100 lines are
	 * skipped. */
	expect(send(&t, "key", 0, 70, false), 100, 0, 0);
	expect(send(&t, "key", 70, 70, false), 140, 40, 0);
	expect(send(&t, "key", 140, LINES - 140, true), LINES, LINES - 140, 0);
	assert_int_equal(visits(&t), LINES);
}

static void test_bad_line(void **state)
{
	static const struct {
		const char *line, *field;
	} bad[] = {
		{ "{\"visitor_id\":\"x\",\"position\":0,\"occurred_at\":\"2025-03-01T10:00:00Z\"}",
		  "lines[143].position" },
		{ "{\"position\":1,\"occurred_at\":\"2025-03-01T10:00:00Z\"}",
		  "lines[143].visitor_id" },
		{ "{\"visitor_id\":\"x\",\"position\":1,\"occurred_at\":\"yesterday\"}",
		  "lines[143].occurred_at" },
		{ "{\"visitor_id\":\"x\",\"position\":1}", "lines[143].occurred_at" },
		{ "{\"visitor_id\":\"x\",\"position\":1,\"occurred_at\":\"2025-03-01T10:00:00Z\","
		  "\"e-mail\":1}",
		  "lines[143].e-mail" },
		{ "{\"visitor_id\":\"x\",", "lines[143]" },
		{ "", "lines[143].visitor_id" },
	};
	struct at_tenant t;

	(void)state;
	fresh(&t);
	expect(send(&t, "key", 0, 100, false), 100, 100, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *good = lines[142];
		struct reply r;

		lines[142] = (char *)bad[i].line;
		r = send(&t, "key", 100, 100, false);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, bad[i].field);
		assert_true(strlen(r.detail) > 0);
		lines[142] = good;
	}
	/* Nothing of the bad chunk was kept, the chunk before it was; mended, it goes on. */
	assert_int_equal(visits(&t), 100);
	expect(send(&t, "key", 0, 100, false), 100, 0, 0);
	expect(send(&t, "key", 100, 100, false), 200, 100, 0);
	expect(send(&t, "key", 200, LINES - 200, true), LINES, LINES - 200, 0);
	/* A bad line is found without a key, too, and counted within the whole body. */
	lines[142] = (char *)bad[0].line;
	assert_string_equal(send(&t, "", 140, 10, false).field, "lines[143].position");
}

static void test_out_of_place(void **state)
{
	struct at_tenant t;
	struct reply r;

	(void)state;
	fresh(&t);
	r = send(&t, "key", 100, 100, false);
	assert_int_equal(r.status, ST_CONFLICT);
	assert_string_equal(r.field, "first_line");
	expect(send(&t, "key", 0, 100, false), 100, 100, 0);
	r = send(&t, "key", 101, 100, false);
	assert_int_equal(r.status, ST_CONFLICT);
	assert_string_equal(r.field, "first_line");
	assert_int_equal(visits(&t), 100);
	/* Another body under the key must not be taken for a resumed one. */
	fill("somebody else");
	r = send(&t, "key", 0, 100, false);
	assert_int_equal(r.status, ST_MISMATCH);
	assert_string_equal(r.field, "import_key");
	assert_int_equal(visits(&t), 100);
}

static void test_duplicates_within(void **state)
{
	struct at_tenant t;

	(void)state;
	fresh(&t);
	lines[7] = lines[3];
	lines[120] = lines[5];
	expect(send(&t, "key", 0, 100, false), 100, 99, 1);
	expect(send(&t, "key", 100, 100, false), 200, 99, 1);
	expect(send(&t, "key", 200, 0, true), 200, 0, 0);
	assert_int_equal(visits(&t), 198);
}

/* Keys and visits are a brand's own; a viewer may not import. */
static void test_brands_apart(void **state)
{
	Attribution__V1__ImportTouchpointsRequest in =
		ATTRIBUTION__V1__IMPORT_TOUCHPOINTS_REQUEST__INIT;
	struct at_tenant mine, theirs;
	struct reply r;

	(void)state;
	fresh(&mine);
	at_tenant(&world, &theirs, "GBP");
	expect(send(&theirs, "key", 0, 100, true), 100, 100, 0);
	expect(send(&mine, "key", 0, 100, true), 100, 100, 0);
	in.brand_id = theirs.brand;
	in.lines = lines;
	in.n_lines = 10;
	r = at_call(&world, mine.token, ATTRIBUTION_IMPORT_TOUCHPOINTS, &in);
	assert_int_equal(r.status, ST_NOT_FOUND);
	r = at_call(&world, world_token(&world, theirs.id, ROLE_VIEWER, ""),
		    ATTRIBUTION_IMPORT_TOUCHPOINTS, &in);
	assert_int_equal(r.status, ST_DENIED);
	assert_int_equal(visits(&theirs), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_body),        cmocka_unit_test(test_resume),
		cmocka_unit_test(test_bad_line),          cmocka_unit_test(test_out_of_place),
		cmocka_unit_test(test_duplicates_within), cmocka_unit_test(test_brands_apart),
	};
	int failed;

	at_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	at_stop(&world);
	return failed;
}
