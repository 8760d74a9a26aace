/*
 * Runs of ingest-shopify on the nasty shop: exact totals in its own tables and events, nothing new
 * the second time, only what changed the third, lists and one order. Read next: shopify_fixture.h,
 * test_shopify_faults.c.
 */
#include "component/shopify_fixture.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ORDER        "3b1a11df-587f-d280-3bab-6c398d88348a" /* #1000 */
#define VOIDED       "81355c53-f0e6-42f4-3328-ad088ded3c96" /* #1003, cancelled too */
#define LINES        419
#define VARIANTS     14
#define QUIET_MS     500 /* for events that must not come */
#define TITLE        9000
#define HEAVY_ORDERS 40
#define HEAVY_LINES  100
#define PROJECTED    PULSEPOINT__SYNC_STATE__SYNC_STATE_PROJECTING

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

/* A run to its very end: one that is not done yet would be the answer to the next request. */
static const Pulsepoint__SyncRun *synced(const struct sx_tenant *t, bool full)
{
	const char *run = sx_sync(&world, t, full);

	sx_await(&world, t, run, PROJECTED);
	sx_announce(&world, t, run, "shopify");
	return sx_await(&world, t, run, PULSEPOINT__SYNC_STATE__SYNC_STATE_DONE);
}

/* What the events of a run say, newest version of each order. */
struct told {
	int64_t events, rows, counting, gross, refunds, touches;
};

static struct told hear(const struct sx_tenant *t, int64_t events)
{
	struct told told = { 0 };

	while (told.events < events) {
		const Shopify__V1__OrdersUpserted *m = sx_next_orders(&world, t, SX_WAIT_MS);

		if (!m)
			fail_msg("%d events came and %d should", (int)told.events, (int)events);
		assert_string_equal(m->brand_id, t->brand);
		told.events++;
		for (size_t i = 0; i < m->n_rows; i++) {
			const Shopify__V1__OrderRow *r = m->rows[i];

			assert_int_equal(r->version, 1);
			assert_string_equal(r->gross->currency, "KWD");
			told.rows++;
			told.touches += (int64_t)r->n_touches;
			if (!r->counts)
				continue;
			told.counting++;
			told.gross += r->gross->micros;
			told.refunds += r->refunds->micros;
		}
	}
	return told;
}

static void test_first_run(void **state)
{
	const Shopify__V1__Connection *c;
	const Pulsepoint__SyncRun *run;
	struct sx_tenant t;
	struct told told;

	(void)state;
	sx_tenant(&world, &t);
	c = sx_connect(&world, &t);
	assert_string_equal(c->shop_domain, SX_SHOP);
	assert_string_equal(c->currency, "KWD");
	assert_string_equal(c->timezone, "Australia/Lord_Howe");
	assert_null(c->synced_at);
	run = sx_await(&world, &t, sx_sync(&world, &t, false), PROJECTED);
	sx_check_totals(&world, &t);
	assert_int_equal(sx_int(&world,
				"SELECT count(*) FROM ingest_shopify.order_lines WHERE brand_id = "
				"'%s'",
				t.brand),
			 LINES);
	assert_int_equal(run->rows, SX_ORDERS + VARIANTS);
	assert_int_equal(run->retries, 0);
	assert_string_equal(run->error, "");
	assert_int_equal(run->percent, 99); /* 100 is for when the reports have it */
	assert_string_equal(run->platform, "shopify");
	/* Days are the shop's: Lord Howe moves its clocks by half an hour on 6 April 2025. */
	assert_int_equal(sx_int(&world,
				"SELECT count(*) FROM ingest_shopify.orders WHERE brand_id = '%s' "
				"AND counts AND day = '2025-04-05'",
				t.brand),
			 2);
	assert_int_equal(sx_events(&world, &t, "orders.upserted"), 3);
	assert_int_equal(sx_events(&world, &t, "products.upserted"), 1);
	assert_int_equal(sx_events(&world, &t, "stock.changed"), 1);
	assert_int_equal(sx_events(&world, &t, "sync.finished"), 1);
	told = hear(&t, 3);
	assert_int_equal(told.rows, SX_ORDERS);
	assert_int_equal(told.counting, SX_COUNT);
	assert_int_equal(told.gross, SX_GROSS);
	assert_int_equal(told.refunds, SX_REFUNDS);
	assert_int_equal(told.touches,
			 sx_int(&world,
				"SELECT count(*) FROM ingest_shopify.touches WHERE brand_id = '%s'",
				t.brand));
}

/* Until attribution says so a run is projecting; then it is done, and the connection has a time. */
static void test_done(void **state)
{
	Shopify__V1__ListConnectionsRequest in = SHOPIFY__V1__LIST_CONNECTIONS_REQUEST__INIT;
	const Shopify__V1__ListConnectionsReply *list;
	const Pulsepoint__SyncRun *run;
	struct sx_tenant t, other;

	(void)state;
	sx_tenant(&world, &t);
	sx_tenant(&world, &other);
	sx_connect(&world, &t);
	run = sx_await(&world, &t, sx_sync(&world, &t, false), PROJECTED);
	sx_announce(&world, &t, run->run_id, "meta");        /* not ours */
	sx_announce(&world, &other, run->run_id, "shopify"); /* not theirs */
	sx_announce(&world, &t, "no run", "shopify");
	assert_int_equal(sx_run(&world, &t, run->run_id)->state, PROJECTED);
	sx_announce(&world, &t, run->run_id, "shopify");
	run = sx_await(&world, &t, run->run_id, PULSEPOINT__SYNC_STATE__SYNC_STATE_DONE);
	assert_int_equal(run->percent, 100);
	assert_non_null(run->finished_at);
	list = sx_must(&world, t.viewer, INGEST_SHOPIFY_LIST_CONNECTIONS, &in);
	assert_int_equal(list->n_connections, 1);
	assert_non_null(list->connections[0]->synced_at);
	assert_int_equal(list->connections[0]->state,
			 PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_CONNECTED);
	/* Nobody else sees it. */
	assert_int_equal(((const Shopify__V1__ListConnectionsReply *)sx_must(
				  &world, other.viewer, INGEST_SHOPIFY_LIST_CONNECTIONS, &in))
				 ->n_connections,
			 0);
}

static void check_nothing_new(const struct sx_tenant *t, int64_t finished)
{
	assert_int_equal(sx_events(&world, t, "orders.upserted"), 3);
	assert_int_equal(sx_events(&world, t, "products.upserted"), 1);
	assert_int_equal(sx_events(&world, t, "stock.changed"), 1);
	assert_int_equal(sx_events(&world, t, "sync.finished"), finished);
	assert_int_equal(sx_int(&world,
				"SELECT max(version) FROM ingest_shopify.orders WHERE brand_id = "
				"'%s'",
				t->brand),
			 1);
	sx_check_totals(&world, t);
}

static void test_nothing_new(void **state)
{
	const Pulsepoint__SyncRun *run;
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world, &t);
	sx_connect(&world, &t);
	synced(&t, false);
	hear(&t, 3);
	run = synced(&t, false);
	check_nothing_new(&t, 2);
	assert_true(run->rows < SX_ORDERS); /* asked only for what changed */
	run = synced(&t, true);
	check_nothing_new(&t, 3);
	assert_int_equal(run->rows, SX_ORDERS + VARIANTS);
	assert_null(sx_next_orders(&world, &t, QUIET_MS));
}

/* After the first run (09:30 by the shop's clock) one order gets a refund, another is cancelled and
 * one product sells out. */
static void test_changes(void **state)
{
	const Shopify__V1__OrdersUpserted *m;
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world, &t);
	sx_connect(&world, &t);
	synced(&t, false);
	hear(&t, 3);
	sx_edit(&world, "orders.csv", ORDER,
		ORDER ",#1000,2025-03-31T12:59:59Z,2025-03-31T12:59:59Z,2025-04-29T09:40:00Z,,KWD,"
		      "PARTIALLY_REFUNDED,,false,KW");
	sx_edit(&world, "refunds.csv", NULL, ORDER ",r-new,2025-04-29T09:39:59Z,0.005");
	sx_edit(&world, "orders.csv", "7fd63116-e1ea-24c4-f934-1c68966baea1",
		"7fd63116-e1ea-24c4-f934-1c68966baea1,#1001,2025-03-31T13:00:00Z,"
		"2025-03-31T14:00:00Z,2025-04-29T09:40:00Z,c20,KWD,VOIDED,2025-04-29T09:40:00Z,"
		"false,KW");
	sx_edit(&world, "products.csv", "gid-0,v-0,",
		"gid-0,v-0,\"SKU,0\",Plain mug,,17.612,,-3,2025-04-29T09:40:00Z");
	synced(&t, false);
	m = sx_next_orders(&world, &t, SX_WAIT_MS);
	assert_non_null(m);
	assert_int_equal(m->n_rows, 2);
	for (size_t i = 0; i < m->n_rows; i++) {
		bool first = strcmp(m->rows[i]->order_id, ORDER) == 0;

		assert_int_equal(m->rows[i]->version, 2);
		assert_int_equal(m->rows[i]->counts, first);
		assert_int_equal(m->rows[i]->refunds->micros, first ? 5000 : 0);
		assert_int_equal(m->rows[i]->n_touches, first ? 2 : 0);
	}
	assert_int_equal(sx_events(&world, &t, "orders.upserted"), 4);
	assert_int_equal(sx_events(&world, &t, "stock.changed"), 2);
	assert_int_equal(sx_int(&world,
				"SELECT inventory_quantity FROM ingest_shopify.products WHERE "
				"brand_id = '%s' AND variant_id = 'v-0' AND version = 2",
				t.brand),
			 -3);
	/* Children are replaced, not added. */
	assert_int_equal(sx_int(&world,
				"SELECT count(*) FROM ingest_shopify.order_lines WHERE brand_id = "
				"'%s'",
				t.brand),
			 LINES);
	assert_int_equal(sx_int(&world,
				"SELECT refunds_micros FROM ingest_shopify.orders WHERE brand_id = "
				"'%s' AND order_id = '" ORDER "'",
				t.brand),
			 5000);
}

/* ---- lists ---- */

static void test_list_orders(void **state)
{
	Shopify__V1__ListOrdersRequest in = SHOPIFY__V1__LIST_ORDERS_REQUEST__INIT;
	int64_t last = INT64_MAX, n = 0, gross = 0, refunds = 0;
	struct sx_tenant t, other;
	struct reply r;

	(void)state;
	sx_tenant(&world, &t);
	sx_tenant(&world, &other);
	sx_connect(&world, &t);
	synced(&t, false);
	in.brand_id = t.brand;
	in.page_size = 7;
	do {
		const Shopify__V1__ListOrdersReply *page =
			sx_must(&world, t.viewer, INGEST_SHOPIFY_LIST_ORDERS, &in);

		assert_true(page->n_orders == 7 || !*page->next_page_token);
		for (size_t i = 0; i < page->n_orders; i++, n++) {
			const Shopify__V1__OrderSummary *o = page->orders[i];

			assert_true(o->processed_at->micros <= last);
			last = o->processed_at->micros;
			assert_int_equal(o->gross->micros - o->refunds->micros, o->net->micros);
			gross += o->counts ? o->gross->micros : 0;
			refunds += o->counts ? o->refunds->micros : 0;
		}
		in.page_token = page->next_page_token;
	} while (*in.page_token && n <= SX_ORDERS);
	/* Each once: the sums would differ otherwise. */
	assert_int_equal(n, SX_ORDERS);
	assert_int_equal(gross, SX_GROSS);
	assert_int_equal(refunds, SX_REFUNDS);
	in.page_token = (char *)"made-up";
	r = sx_call(&world, t.viewer, INGEST_SHOPIFY_LIST_ORDERS, &in);
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "page_token");
	in.page_token = (char *)"";
	assert_int_equal(sx_call(&world, other.viewer, INGEST_SHOPIFY_LIST_ORDERS, &in).status,
			 ST_NOT_FOUND);
	in.brand_id = other.brand; /* theirs, and empty */
	assert_int_equal(((const Shopify__V1__ListOrdersReply *)sx_must(
				  &world, other.viewer, INGEST_SHOPIFY_LIST_ORDERS, &in))
				 ->n_orders,
			 0);
}

static void test_get_order(void **state)
{
	Shopify__V1__GetOrderRequest in = SHOPIFY__V1__GET_ORDER_REQUEST__INIT;
	const Shopify__V1__Order *o;
	struct sx_tenant t;
	struct reply r;

	(void)state;
	sx_tenant(&world, &t);
	sx_connect(&world, &t);
	synced(&t, false);
	in.brand_id = t.brand;
	in.order_id = (char *)ORDER;
	o = sx_must(&world, t.viewer, INGEST_SHOPIFY_GET_ORDER, &in);
	assert_string_equal(o->name, "#1000");
	assert_string_equal(o->country, "\xC3\x85land");
	assert_string_equal(o->customer_id, "");
	assert_int_equal(o->n_lines, 2);
	assert_string_equal(o->lines[0]->title, "%s%n%d");
	assert_int_equal(o->lines[0]->total->micros, 245000);   /* 3 x 0.28175 - 0.600 = 0.24525 */
	assert_int_equal(o->lines[1]->total->micros, 53637000); /* 85.138 - 31.501 */
	assert_int_equal(o->gross->micros, 53882000);
	assert_int_equal(o->n_journey, 2);
	assert_int_equal(o->journey[0]->position, 1);
	assert_string_equal(o->journey[0]->campaign, "t-1");
	assert_string_equal(o->journey[0]->source_type, "AD");
	assert_int_equal(o->n_credits, 1);
	assert_string_equal(o->credits[0]->campaign, "the test's");
	in.order_id = (char *)VOIDED;
	o = sx_must(&world, t.viewer, INGEST_SHOPIFY_GET_ORDER, &in);
	assert_false(o->counts);
	assert_non_null(o->cancelled_at);
	in.order_id = (char *)"no such";
	r = sx_call(&world, t.viewer, INGEST_SHOPIFY_GET_ORDER, &in);
	assert_int_equal(r.status, ST_NOT_FOUND);
	assert_string_equal(r.field, "order_id");
	/* An order without its credits would be half an answer. */
	sx_credits(&world, SX_CREDITS_REFUSED);
	in.order_id = (char *)ORDER;
	r = sx_call(&world, t.viewer, INGEST_SHOPIFY_GET_ORDER, &in);
	sx_credits(&world, SX_CREDITS_GIVEN);
	assert_int_equal(r.status, ST_UNAVAILABLE);
	assert_non_null(strstr(r.detail, "the reports are being rebuilt"));
}

static void test_list_products(void **state)
{
	Shopify__V1__ListProductsRequest in = SHOPIFY__V1__LIST_PRODUCTS_REQUEST__INIT;
	char last[64] = "";
	struct sx_tenant t;
	int n = 0, costless = 0;

	(void)state;
	sx_tenant(&world, &t);
	sx_connect(&world, &t);
	synced(&t, false);
	in.page_size = 3;
	do {
		const Shopify__V1__ListProductsReply *page =
			sx_must(&world, t.viewer, INGEST_SHOPIFY_LIST_PRODUCTS, &in);

		for (size_t i = 0; i < page->n_products; i++, n++) {
			char start[64];

			snprintf(start, sizeof(start), "%.50s", page->products[i]->title);
			assert_true(strcmp(last, start) <= 0);
			snprintf(last, sizeof(last), "%s", start);
			costless += page->products[i]->unit_cost == NULL;
			assert_string_equal(page->products[i]->brand_id, t.brand);
		}
		in.page_token = page->next_page_token;
	} while (*in.page_token && n <= VARIANTS);
	assert_int_equal(n, VARIANTS);
	assert_int_equal(costless, sx_int(&world,
					  "SELECT count(*) FROM ingest_shopify.products WHERE "
					  "brand_id = '%s' AND cost_micros IS NULL",
					  t.brand));
	assert_true(costless > 0);
	in.page_token = (char *)"";
	in.brand_id = t.brand;
	in.page_size = 200;
	assert_int_equal(((const Shopify__V1__ListProductsReply *)sx_must(
				  &world, t.viewer, INGEST_SHOPIFY_LIST_PRODUCTS, &in))
				 ->n_products,
			 VARIANTS);
}

/* An order of 1,250 lines, 30 refunds and 120 visits comes whole, over many parts. */
static void test_long_order(void **state)
{
	struct buf lines, refunds, visits;
	struct sx_tenant t;

	(void)state;
	buf_init(&lines, 1024 * 1024);
	buf_init(&refunds, 65536);
	buf_init(&visits, 65536);
	for (int i = 0; i < 1250; i++)
		buf_printf(&lines, "%s" ORDER ",long:%d,v-1,S,line %d,1,0.001,0", i ? "\n" : "", i,
			   i);
	for (int i = 0; i < 30; i++)
		buf_printf(&refunds, "%s" ORDER ",long-%d,2025-04-01T00:00:%02dZ,0.001",
			   i ? "\n" : "", i, i);
	for (int i = 0; i < 120; i++)
		buf_printf(&visits, "%sv1," ORDER ",%d,2025-03-%02dT00:00:00Z,email,,m,c%d,,,,",
			   i ? "\n" : "", i + 3, 5 + i / 10, i);
	sx_edit(&world, "order_lines.csv", NULL, buf_str(&lines));
	sx_edit(&world, "refunds.csv", NULL, buf_str(&refunds));
	sx_edit(&world, "visits.csv", NULL, buf_str(&visits));
	buf_done(&lines);
	buf_done(&refunds);
	buf_done(&visits);
	sx_tenant(&world, &t);
	sx_connect(&world, &t);
	synced(&t, false);
	assert_string_equal(
		sx_text(&world,
			"SELECT count(*) || ' ' || count(DISTINCT line_id) || ' ' || max(position) "
			"FROM ingest_shopify.order_lines WHERE brand_id = '%s' AND order_id = "
			"'" ORDER "'",
			t.brand),
		"1252 1252 1252");
	assert_string_equal(sx_text(&world,
				    "SELECT gross_micros || ' ' || refunds_micros FROM "
				    "ingest_shopify.orders WHERE brand_id = '%s' AND order_id = "
				    "'" ORDER "'",
				    t.brand),
			    "55132000 30000");
	assert_int_equal(sx_int(&world,
				"SELECT count(*) FROM ingest_shopify.touches WHERE brand_id = '%s' "
				"AND order_id = '" ORDER "'",
				t.brand),
			 122);
}

/* Titles of kilobytes: a page that is too large is asked for again in smaller ones, and comes
 * whole. */
static void test_heavy_pages(void **state)
{
	const char *ids, *path = arena_printf(world.arena, "%s/order_lines.csv", world.data);
	char title[TITLE + 1];
	struct sx_tenant t;
	size_t n = 0;
	FILE *f;

	(void)state;
	sx_tenant(&world, &t);
	sx_connect(&world, &t);
	synced(&t, false);
	ids = sx_text(&world,
		      "SELECT string_agg(order_id, ' ') FROM (SELECT order_id FROM "
		      "ingest_shopify.orders WHERE brand_id = '%s' ORDER BY updated_at LIMIT %d) o",
		      t.brand, HEAVY_ORDERS);
	memset(title, 'x', TITLE);
	title[TITLE] = '\0';
	f = fopen(path, "ae");
	assert_non_null(f);
	for (const char *id = ids; *id; id += strcspn(id, " "), id += *id == ' ', n++)
		for (int i = 0; i < HEAVY_LINES; i++)
			fprintf(f, "%.*s,heavy:%zu:%d,,S,%s,1,0.001,0\n", (int)strcspn(id, " "), id,
				n, i, title);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(n, HEAVY_ORDERS);
	sx_control(&world, "reload", "");
	synced(&t, true);
	assert_true(tk_proc_logged(world.world.service, "the answer is larger than allowed") ||
		    tk_proc_logged(world.world.service, "shopify.smaller_pages"));
	assert_int_equal(sx_int(&world,
				"SELECT count(*) FROM ingest_shopify.order_lines WHERE brand_id = "
				"'%s' AND length(title) = %d AND total_micros = 1000",
				t.brand, TITLE),
			 HEAVY_ORDERS * HEAVY_LINES);
	assert_int_equal(sx_int(&world,
				"SELECT count(*) FROM ingest_shopify.orders WHERE brand_id = '%s'",
				t.brand),
			 SX_ORDERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_first_run, fresh),
		cmocka_unit_test_setup(test_done, fresh),
		cmocka_unit_test_setup(test_nothing_new, fresh),
		cmocka_unit_test_setup(test_changes, fresh),
		cmocka_unit_test_setup(test_list_orders, fresh),
		cmocka_unit_test_setup(test_get_order, fresh),
		cmocka_unit_test_setup(test_list_products, fresh),
		cmocka_unit_test_setup(test_long_order, fresh),
		cmocka_unit_test_setup(test_heavy_pages, fresh),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
