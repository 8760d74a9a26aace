/* Runs: the reports tell when they contain everything of a sync run, in whatever order its pages
 * and its end arrive, and exactly once. */
#include "component/attribution_build.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY1 INT32_C(20000)

static struct world world;

static const char *told(const struct at_tenant *t, const char *run, const char *source)
{
	return arena_printf(world.arena, "%s %s %s", t->brand, run, source);
}

static void one_page(const struct at_tenant *t, const char *run, const char *order_id)
{
	const struct at_order o = { .order_id = order_id,
				    .version = 1,
				    .processed_us = AT_NOON(DAY1),
				    .day = DAY1,
				    .currency = "GBP",
				    .gross = AT_UNIT };

	at_orders(&world, t, run, &o, 1);
}

static int64_t done_runs(const struct at_tenant *t)
{
	return world_sql_int(&world,
			     "SELECT count(*) FROM attribution.run_progress"
			     " WHERE brand_id = '%s' AND done_at IS NOT NULL",
			     t->brand);
}

static int64_t updates(const struct at_tenant *t)
{
	return world_sql_int(
		&world, "SELECT count(*) FROM attribution.outbox WHERE tenant_id = '%s'", t->id);
}

static void test_end_comes_last(void **state)
{
	const Attribution__V1__Freshness *f;
	const Attribution__V1__Summary *s;
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	assert_int_equal(at_summary(&world, &t)->n_freshness, 0);
	one_page(&t, "run-1", "a");
	at_settled(&world, t.id);
	s = at_summary(&world, &t);
	f = at_fresh_of(s->freshness, s->n_freshness, "shopify");
	assert_non_null(f);
	assert_true(f->syncing);
	assert_null(f->synced_at);
	one_page(&t, "run-1", "b");
	at_shop_done(&world, &t, "run-1", 2, AT_NOON(DAY1 + 3));
	assert_string_equal(at_next_update(&world, t.id), told(&t, "run-1", "shopify"));
	at_settled(&world, t.id);
	s = at_summary(&world, &t);
	assert_int_equal(s->orders, 2);
	f = at_fresh_of(s->freshness, s->n_freshness, "shopify");
	assert_non_null(f);
	assert_false(f->syncing);
	assert_int_equal(f->data_through->micros, AT_NOON(DAY1 + 3));
	assert_true(llabs(f->synced_at->micros - time_now_us()) < US_PER_HOUR);
	assert_int_equal(updates(&t), 1);
}

static void test_end_comes_first(void **state)
{
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	at_shop_done(&world, &t, "run-1", 3, AT_NOON(DAY1));
	at_settled(&world, t.id);
	one_page(&t, "run-1", "a");
	at_settled(&world, t.id);
	one_page(&t, "run-1", "b");
	at_settled(&world, t.id);
	assert_int_equal(done_runs(&t), 0);
	assert_int_equal(updates(&t), 0);
	/* A page of another run is no page of this one, nor is one of no run at all. */
	one_page(&t, "run-2", "c");
	one_page(&t, "", "d");
	at_settled(&world, t.id);
	assert_int_equal(done_runs(&t), 0);
	one_page(&t, "run-1", "e");
	at_settled(&world, t.id);
	assert_int_equal(done_runs(&t), 1);
	assert_int_equal(updates(&t), 1);
	assert_string_equal(at_next_update(&world, t.id), told(&t, "run-1", "shopify"));
	assert_int_equal(at_summary(&world, &t)->orders, 5);
}

static void test_empty_run(void **state)
{
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	at_shop_done(&world, &t, "run-1", 0, AT_NOON(DAY1));
	assert_string_equal(at_next_update(&world, t.id), told(&t, "run-1", "shopify"));
	assert_int_equal(done_runs(&t), 1);
}

/* Results and campaigns are pages of one run, though two consumers apply them. */
static void test_ads(void **state)
{
	const struct at_result spend = { "act", "77", "ad", DAY1, 1, "GBP", AT_UNIT };
	const struct at_campaign campaign = { "act", "77", 1, "spring", NULL };
	const Attribution__V1__Summary *s;
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	at_ads_done(&world, &t, "run-9", AT_TIKTOK, 3, AT_NOON(DAY1));
	at_results(&world, &t, "run-9", AT_TIKTOK, &spend, 1);
	at_results(&world, &t, "run-9", AT_TIKTOK, &spend, 1);
	/* The same run id of another platform is another run. */
	at_results(&world, &t, "run-9", AT_META, &spend, 1);
	at_settled(&world, t.id);
	assert_int_equal(done_runs(&t), 0);
	at_campaigns(&world, &t, "run-9", AT_TIKTOK, &campaign, 1);
	assert_string_equal(at_next_update(&world, t.id), told(&t, "run-9", "tiktok"));
	at_settled(&world, t.id);
	s = at_summary(&world, &t);
	assert_false(at_fresh_of(s->freshness, s->n_freshness, "tiktok")->syncing);
	assert_true(at_fresh_of(s->freshness, s->n_freshness, "meta")->syncing);
}

/* An older run that ends after a newer one moves no clock back, and is told of nevertheless. */
static void test_older_run_ends_later(void **state)
{
	const Attribution__V1__Summary *s;
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	at_shop_done(&world, &t, "newer", 0, AT_NOON(DAY1 + 9));
	assert_string_equal(at_next_update(&world, t.id), told(&t, "newer", "shopify"));
	at_shop_done(&world, &t, "older", 0, AT_NOON(DAY1 + 2));
	assert_string_equal(at_next_update(&world, t.id), told(&t, "older", "shopify"));
	s = at_summary(&world, &t);
	assert_int_equal(at_fresh_of(s->freshness, s->n_freshness, "shopify")->data_through->micros,
			 AT_NOON(DAY1 + 9));
}

/* Many pages and their end at once, and the service stopped among them: every page counts once. */
static void test_restart_amid_pages(void **state)
{
	enum { PAGES = 400 };
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	at_shop_done(&world, &t, "big", PAGES, AT_NOON(DAY1));
	for (int i = 0; i < PAGES; i++) {
		one_page(&t, "big", arena_printf(world.arena, "order-%d", i));
		if (i == PAGES / 2)
			at_restart(&world);
	}
	assert_string_equal(at_next_update(&world, t.id), told(&t, "big", "shopify"));
	at_settled(&world, t.id);
	assert_int_equal(at_summary(&world, &t)->orders, PAGES);
	assert_int_equal(
		world_sql_int(
			&world,
			"SELECT pages_seen FROM attribution.run_progress WHERE brand_id = '%s'",
			t.brand),
		PAGES);
	assert_int_equal(updates(&t), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end_comes_last),
		cmocka_unit_test(test_end_comes_first),
		cmocka_unit_test(test_empty_run),
		cmocka_unit_test(test_ads),
		cmocka_unit_test(test_older_run_ends_later),
		cmocka_unit_test(test_restart_amid_pages),
	};
	int failed;

	at_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	at_stop(&world);
	return failed;
}
