/*
 * What providers and machines do to a run of ingest-shopify: every kind of bad answer, tokens that
 * end, journeys that are not ready, kill -9. It ends with exact totals, and with words where a
 * person has to act. Read next: shopify_fixture.h.
 */
#include "component/shopify_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ORDER     "3b1a11df-587f-d280-3bab-6c398d88348a"
#define PROJECTED PULSEPOINT__SYNC_STATE__SYNC_STATE_PROJECTING
#define DONE      PULSEPOINT__SYNC_STATE__SYNC_STATE_DONE
#define FAILED    PULSEPOINT__SYNC_STATE__SYNC_STATE_FAILED
#define QUIET_MS  500
#define HOLD_MS   "1000" /* an answer that is held */

static struct sx_world world;

static int set_up(void **state)
{
	(void)state;
	sx_start(&world, "enterprise");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sx_stop(&world);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	sx_fresh(&world);
	return 0;
}

static void connected(struct sx_tenant *t)
{
	sx_tenant(&world, t);
	sx_connect(&world, t);
}

static const Pulsepoint__SyncRun *synced(const struct sx_tenant *t, bool full)
{
	const char *run = sx_sync(&world, t, full);

	sx_await(&world, t, run, PROJECTED);
	sx_announce(&world, t, run, "shopify");
	return sx_await(&world, t, run, DONE);
}

/* Each fault on each endpoint of a run, after it has begun and before. */
static void test_bad_answers(void **state)
{
	static const struct {
		const char *kind;
		unsigned retries; /* that the run tells */
		const char *logged;
	} rows[] = {
		{ "http_429", 1, "Shopify answers 429" },
		{ "http_5xx", 1, "Shopify answers 503" },
		{ "internal", 1, "Shopify answers with an internal error" },
		{ "truncate", 1, "the answer ended before it was complete" },
		{ "bad_json", 1, "an answer that is not good JSON" },
		{ "wrong_type", 1, "that is not an object" },
		{ "slow", 0, "" },
		{ "throttle", 0, "" },
	};
	static const char *const endpoints[] = { "productVariants", "orders" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < sizeof(endpoints) / sizeof(endpoints[0]); k++) {
			const Pulsepoint__SyncRun *run;
			struct sx_tenant t;

			print_message("%s on %s\n", rows[i].kind, endpoints[k]);
			connected(&t);
			sx_fault(&world, endpoints[k], rows[i].kind, 1, k == 0 ? 0 : 1);
			run = sx_await(&world, &t, sx_sync(&world, &t, false), PROJECTED);
			sx_check_totals(&world, &t);
			assert_int_equal(run->retries, rows[i].retries);
			assert_string_equal(run->error, "");
			assert_string_equal(run->note, "");
			assert_true(tk_proc_logged(world.world.service, rows[i].logged));
			assert_int_equal(sx_events(&world, &t, "sync.finished"), 1);
		}
}

/* The count at the very beginning of a run is a question as well. */
static void test_bad_counts(void **state)
{
	static const char *const kinds[] = { "http_5xx", "wrong_type", "truncate" };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const Pulsepoint__SyncRun *run;
		struct sx_tenant t;

		connected(&t);
		sx_fault(&world, "productVariantsCount", kinds[i], 1, 0);
		run = sx_await(&world, &t, sx_sync(&world, &t, false), PROJECTED);
		assert_int_equal(run->retries, 1);
		sx_check_totals(&world, &t);
	}
}

struct noted {
	const struct sx_tenant *t;
	const char *run, *words;
	bool seen;
};

static bool note_or_end(void *arg)
{
	struct noted *x = arg;
	const Pulsepoint__SyncRun *run = sx_run(&world, x->t, x->run);

	x->seen = strstr(run->note, x->words) != NULL;
	return x->seen || run->state >= PROJECTED;
}

/* Who asks for the run reads what it waits for. */
static void test_words(void **state)
{
	struct sx_tenant t;
	struct noted x;

	(void)state;
	connected(&t);
	sx_fault(&world, "orders", "http_5xx", 3, 0);
	x = (struct noted){ &t, sx_sync(&world, &t, false), "Shopify answers 503, trying again in ",
			    false };
	assert_true(tk_wait_until(note_or_end, &x, SX_WAIT_MS));
	assert_true(x.seen);
	assert_int_equal(sx_await(&world, &t, x.run, PROJECTED)->retries, 3);
	sx_check_totals(&world, &t);
}

/* ---- tokens ---- */

static void test_expired_token(void **state)
{
	struct sx_tenant t;
	int64_t before;

	(void)state;
	connected(&t);
	before = sx_served(&world, "token", "requests");
	sx_fault(&world, "orders", "expired_token", 1, 1);
	assert_int_equal(synced(&t, false)->retries, 0);
	sx_check_totals(&world, &t);
	assert_int_equal(sx_served(&world, "token", "requests") - before, 1);
	/* The next run goes on with the tokens that were written. */
	synced(&t, true);
	assert_int_equal(sx_served(&world, "token", "requests") - before, 1);
}

/* An hour later by the provider's clock; ours has nothing to do with it. */
static void test_token_outlived(void **state)
{
	struct sx_tenant t;
	int64_t before;

	(void)state;
	connected(&t);
	before = sx_served(&world, "token", "requests");
	sx_control(&world, "clock", "{\"advance_s\":7200}");
	synced(&t, false);
	sx_check_totals(&world, &t);
	assert_int_equal(sx_served(&world, "token", "requests") - before, 1);
	sx_control(&world, "clock", "{\"advance_s\":-7200}");
}

static Pulsepoint__ConnectionState state_of(const struct sx_tenant *t)
{
	Shopify__V1__ListConnectionsRequest in = SHOPIFY__V1__LIST_CONNECTIONS_REQUEST__INIT;
	const Shopify__V1__ListConnectionsReply *list =
		sx_must(&world, t->viewer, INGEST_SHOPIFY_LIST_CONNECTIONS, &in);

	assert_int_equal(list->n_connections, 1);
	return list->connections[0]->state;
}

struct paged {
	const struct sx_tenant *t;
	const char *run;
	uint32_t pages;
};

static bool has_pages(void *arg)
{
	struct paged *x = arg;

	return sx_run(&world, x->t, x->run)->pages >= x->pages;
}

static void await_pages(const struct sx_tenant *t, const char *run, uint32_t pages)
{
	struct paged x = { t, run, pages };

	assert_true(tk_wait_until(has_pages, &x, SX_WAIT_MS));
}

/*
 * The shop's owner removes our app in the middle of a run. It fails with words, nobody storms the
 * provider, and after a new connection the next run goes on where this one stood.
 */
static void test_reconnect(void **state)
{
	const Pulsepoint__SyncRun *run;
	struct sx_tenant t;
	const char *id;
	int64_t asked, products;

	(void)state;
	connected(&t);
	/* The second page of orders does not come before the app is gone. */
	sx_control(&world, "faults",
		   "{\"provider\":\"shopify\",\"endpoint\":\"orders\",\"kind\":\"slow\","
		   "\"count\":1,\"after\":1,\"delay_ms\":" HOLD_MS "}");
	products = sx_served(&world, "productVariants", "requests");
	id = sx_sync(&world, &t, false);
	await_pages(&t, id, 2);
	sx_control(&world, "expire", "{\"provider\":\"shopify\",\"refresh\":true}");
	run = sx_await(&world, &t, id, FAILED);
	assert_string_equal(run->error, "Shopify refuses our credentials; connect the shop again");
	assert_int_equal(state_of(&t), PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_RECONNECT);
	asked = sx_served(&world, "", "requests");
	for (int i = 0; i < 3; i++) {
		run = sx_await(&world, &t, sx_sync(&world, &t, false), FAILED);
		assert_non_null(strstr(run->error, "connect the shop again"));
	}
	assert_int_equal(sx_served(&world, "", "requests"), asked);
	sx_connect(&world, &t);
	assert_int_equal(state_of(&t), PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_CONNECTED);
	synced(&t, false);
	sx_check_totals(&world, &t);
	assert_int_equal(sx_served(&world, "productVariants", "requests") - products, 1);
}

/* ---- journeys ---- */

static int64_t touches(const struct sx_tenant *t)
{
	return sx_int(&world, "SELECT count(*) FROM ingest_shopify.touches WHERE brand_id = '%s'",
		      t->brand);
}

static int64_t unready(const struct sx_tenant *t)
{
	return sx_int(&world,
		      "SELECT count(*) FROM ingest_shopify.orders WHERE NOT journey_ready AND "
		      "brand_id = '%s'",
		      t->brand);
}

static void drain(const struct sx_tenant *t, int64_t events)
{
	for (int64_t i = 0; i < events; i++)
		assert_non_null(sx_next_orders(&world, t, SX_WAIT_MS));
}

static void test_journeys_not_ready(void **state)
{
	const Shopify__V1__OrdersUpserted *m;
	struct sx_tenant whole, t;
	int64_t all, nodes;

	(void)state;
	connected(&whole);
	synced(&whole, false);
	all = touches(&whole);
	assert_true(all > 0);
	connected(&t);
	sx_fault(&world, "orders", "not_ready", 1, 0);
	synced(&t, false);
	sx_check_totals(&world, &t);
	assert_int_equal(unready(&t), 50);
	assert_true(touches(&t) < all);
	assert_true(tk_proc_logged(world.world.service, "the journeys of 50 orders"));
	drain(&t, 3);
	/* The next run asks for just those again. */
	nodes = sx_served(&world, "nodes", "requests");
	synced(&t, false);
	assert_int_equal(sx_served(&world, "nodes", "requests") - nodes, 1);
	assert_int_equal(unready(&t), 0);
	assert_int_equal(touches(&t), all);
	m = sx_next_orders(&world, &t, SX_WAIT_MS);
	assert_non_null(m);
	assert_int_equal(m->n_rows, 50);
	for (size_t i = 0; i < m->n_rows; i++)
		assert_int_equal(m->rows[i]->version, 2);
	synced(&t, false);
	assert_int_equal(sx_served(&world, "nodes", "requests") - nodes, 1);
	sx_check_totals(&world, &t);
}

/* A journey that Shopify builds anew does not take away the one we have. */
static void test_journey_kept(void **state)
{
	const Shopify__V1__OrdersUpserted *m;
	struct sx_tenant t;
	int64_t all;

	(void)state;
	connected(&t);
	synced(&t, false);
	drain(&t, 3);
	all = touches(&t);
	sx_fault(&world, "orders", "not_ready", 3, 0);
	synced(&t, true);
	assert_int_equal(touches(&t), all);
	assert_int_equal(unready(&t), 0);
	assert_null(sx_next_orders(&world, &t, QUIET_MS));
	/* Not even when the order itself has changed; its event carries the touches kept. */
	sx_edit(&world, "orders.csv", ORDER,
		ORDER ",#1000 b,2025-03-31T12:59:59Z,2025-03-31T12:59:59Z,2025-04-29T09:40:00Z,,"
		      "KWD,PAID,,false,KW");
	sx_fault(&world, "orders", "not_ready", 3, 0);
	synced(&t, false);
	m = sx_next_orders(&world, &t, SX_WAIT_MS);
	assert_non_null(m);
	assert_int_equal(m->n_rows, 1);
	assert_string_equal(m->rows[0]->order_id, ORDER);
	assert_int_equal(m->rows[0]->n_touches, 2);
	assert_int_equal(m->rows[0]->touches[1]->position, 2);
	assert_string_equal(m->rows[0]->touches[1]->campaign, "t-1");
	assert_int_equal(touches(&t), all);
}

/* ---- the machine ---- */

static void test_killed(void **state)
{
	struct sx_tenant t;
	int64_t orders, products;
	const char *id;

	(void)state;
	connected(&t);
	orders = sx_served(&world, "orders", "requests");
	products = sx_served(&world, "productVariants", "requests");
	sx_control(&world, "pace", "{\"provider\":\"shopify\",\"delay_ms\":200}");
	id = sx_sync(&world, &t, false);
	await_pages(&t, id, 2);
	sx_service_kill(&world);
	sx_service_start(&world);
	sx_await(&world, &t, id, PROJECTED);
	sx_check_totals(&world, &t);
	/* Three pages of orders; the one under way at the kill may have been asked for twice. */
	assert_int_equal(sx_served(&world, "productVariants", "requests") - products, 1);
	assert_in_range(sx_served(&world, "orders", "requests") - orders, 3, 4);
	assert_int_equal(sx_events(&world, &t, "sync.finished"), 1);
	assert_int_equal(sx_int(&world,
				"SELECT max(version) FROM ingest_shopify.orders WHERE brand_id = "
				"'%s'",
				t.brand),
			 1);
}

/* SIGTERM hands the run back; the next process goes on. */
static void test_stopped(void **state)
{
	struct sx_tenant t;
	const char *id;

	(void)state;
	connected(&t);
	sx_control(&world, "pace", "{\"provider\":\"shopify\",\"delay_ms\":200}");
	id = sx_sync(&world, &t, false);
	await_pages(&t, id, 1);
	sx_service_stop(&world);
	sx_service_start(&world);
	sx_await(&world, &t, id, PROJECTED);
	sx_check_totals(&world, &t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bad_answers, fresh),
		cmocka_unit_test_setup(test_bad_counts, fresh),
		cmocka_unit_test_setup(test_words, fresh),
		cmocka_unit_test_setup(test_expired_token, fresh),
		cmocka_unit_test_setup(test_token_outlived, fresh),
		cmocka_unit_test_setup(test_reconnect, fresh),
		cmocka_unit_test_setup(test_journeys_not_ready, fresh),
		cmocka_unit_test_setup(test_journey_kept, fresh),
		cmocka_unit_test_setup(test_killed, fresh),
		cmocka_unit_test_setup(test_stopped, fresh),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
