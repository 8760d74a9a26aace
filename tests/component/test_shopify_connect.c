/*
 * Connecting a shop, and who may: refusals that name the field, credentials that are replaced and
 * never shown, one run at a time, rows that are nobody else's. Read next: shopify_fixture.h.
 */
#include "component/shopify_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PROJECTED PULSEPOINT__SYNC_STATE__SYNC_STATE_PROJECTING
#define LOG_MAX   (1024 * 1024)

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

static char *new_code(void)
{
	return (char *)sx_code(&world);
}

static int64_t connections(void)
{
	return sx_int(&world, "SELECT count(*) FROM ingest_shopify.connections");
}

static void test_refusals(void **state)
{
	struct sx_tenant t, other;
	struct {
		const char *why, *token;
		char *brand, *shop, *code, *refresh;
		enum status st;
		const char *field, *words;
	} rows[] = {
		{ "no credential", t.admin, t.brand, (char *)SX_SHOP, (char *)"", (char *)"",
		  ST_INVALID, "code", "required" },
		{ "two", t.admin, t.brand, (char *)SX_SHOP, (char *)"a", (char *)"b", ST_INVALID,
		  "refresh_token", "together" },
		{ "a code that nobody gave", t.admin, t.brand, (char *)SX_SHOP, (char *)"made-up",
		  (char *)"", ST_INVALID, "code", "refused" },
		{ "a refresh token that nobody gave", t.admin, t.brand, (char *)SX_SHOP, (char *)"",
		  (char *)"made-up", ST_INVALID, "refresh_token", "refused" },
		{ "no such shop", t.admin, t.brand, (char *)"other.myshopify.com", (char *)"x",
		  (char *)"", ST_INVALID, "shop_domain", "no shop" },
		{ "no host name", t.admin, t.brand, (char *)"not a host", (char *)"x", (char *)"",
		  ST_INVALID, "shop_domain", "host name" },
		{ "another tenant's brand", t.admin, other.brand, (char *)SX_SHOP, (char *)"x",
		  (char *)"", ST_NOT_FOUND, "", "no such brand" },
		{ "no brand", t.admin, t.id, (char *)SX_SHOP, (char *)"x", (char *)"", ST_NOT_FOUND,
		  "", "no such brand" },
		{ "a viewer", t.viewer, t.brand, (char *)SX_SHOP, (char *)"x", (char *)"",
		  ST_DENIED, "", "" },
		{ "nobody", "", t.brand, (char *)SX_SHOP, (char *)"x", (char *)"",
		  ST_UNAUTHENTICATED, "", "" },
	};

	(void)state;
	sx_tenant(&world, &t);
	sx_tenant(&world, &other);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		Shopify__V1__ConnectRequest in = SHOPIFY__V1__CONNECT_REQUEST__INIT;
		struct reply r;

		in.brand_id = rows[i].brand;
		in.shop_domain = rows[i].shop;
		in.code = rows[i].code;
		in.refresh_token = rows[i].refresh;
		r = sx_call(&world, rows[i].token, INGEST_SHOPIFY_CONNECT, &in);
		if (r.status != rows[i].st || strcmp(r.field, rows[i].field) != 0 ||
		    !strstr(r.detail, rows[i].words))
			fail_msg("%s: %s \"%s\" \"%s\"", rows[i].why, status_name(r.status),
				 r.field, r.detail);
	}
	assert_int_equal(connections(), 0);
}

/* A code that was used for nothing is good still: brand and shop are looked at first. */
static void test_foreign_brand_costs_no_code(void **state)
{
	Shopify__V1__ConnectRequest in = SHOPIFY__V1__CONNECT_REQUEST__INIT;
	struct sx_tenant t, other;

	(void)state;
	sx_tenant(&world, &t);
	sx_tenant(&world, &other);
	in.brand_id = other.brand;
	in.shop_domain = (char *)SX_SHOP;
	in.code = new_code();
	assert_int_equal(sx_call(&world, t.admin, INGEST_SHOPIFY_CONNECT, &in).status,
			 ST_NOT_FOUND);
	in.brand_id = t.brand;
	sx_must(&world, t.admin, INGEST_SHOPIFY_CONNECT, &in);
}

/* Connecting again replaces the credentials and keeps the connection. */
static void test_again(void **state)
{
	Shopify__V1__ConnectRequest in = SHOPIFY__V1__CONNECT_REQUEST__INIT;
	const Shopify__V1__Connection *first, *second;
	struct sx_tenant t;
	struct reply r;
	const char *sealed;

	(void)state;
	sx_tenant(&world, &t);
	first = sx_connect(&world, &t);
	sealed = sx_text(&world,
			 "SELECT access_sealed FROM ingest_shopify.connections WHERE brand_id = "
			 "'%s'",
			 t.brand);
	second = sx_connect(&world, &t);
	assert_string_equal(first->connection_id, second->connection_id);
	assert_string_not_equal(
		sealed, sx_text(&world,
				"SELECT access_sealed FROM ingest_shopify.connections WHERE "
				"brand_id = '%s'",
				t.brand));
	/* Host names have no case; another shop is another matter. */
	in.brand_id = t.brand;
	in.shop_domain = (char *)"NASTY.MyShopify.com";
	in.code = new_code();
	assert_string_equal(((const Shopify__V1__Connection *)sx_must(&world, t.admin,
								      INGEST_SHOPIFY_CONNECT, &in))
				    ->shop_domain,
			    SX_SHOP);
	in.shop_domain = (char *)"other.myshopify.com";
	r = sx_call(&world, t.admin, INGEST_SHOPIFY_CONNECT, &in);
	assert_int_equal(r.status, ST_CONFLICT);
	assert_string_equal(r.field, "shop_domain");
}

/* A refresh token connects as well, and is used up by it: what is kept is its successor. */
static void test_refresh_token(void **state)
{
	Shopify__V1__ConnectRequest in = SHOPIFY__V1__CONNECT_REQUEST__INIT;
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world, &t);
	in.brand_id = t.brand;
	in.shop_domain = (char *)SX_SHOP;
	in.refresh_token = (char *)sx_exchange(&world, "refresh_token");
	sx_must(&world, t.admin, INGEST_SHOPIFY_CONNECT, &in);
	sx_await(&world, &t, sx_sync(&world, &t, false), PROJECTED);
	sx_check_totals(&world, &t);
}

/* A provider that is ill while somebody connects. */
static void test_provider_ill(void **state)
{
	static const struct {
		const char *endpoint, *kind;
		enum status st;
		const char *words;
	} rows[] = {
		{ "token", "http_5xx", ST_UPSTREAM, "Shopify answers 503" },
		{ "token", "http_429", ST_LIMITED, "Shopify answers 429" },
		{ "token", "wrong_type", ST_UPSTREAM, "tokens that are not of their form" },
		{ "token", "truncate", ST_UPSTREAM, "Shopify" },
		{ "shop", "bad_json", ST_UPSTREAM, "not good JSON" },
		{ "shop", "wrong_type", ST_UPSTREAM, "\"shop\" that is not an object" },
		{ "shop", "throttle", ST_LIMITED, "query budget" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		Shopify__V1__ConnectRequest in = SHOPIFY__V1__CONNECT_REQUEST__INIT;
		int64_t before = connections();
		struct sx_tenant t;
		struct reply r;

		sx_tenant(&world, &t);
		in.brand_id = t.brand;
		in.shop_domain = (char *)SX_SHOP;
		in.code = new_code();
		sx_fault(&world, rows[i].endpoint, rows[i].kind, 1, 0);
		r = sx_call(&world, t.admin, INGEST_SHOPIFY_CONNECT, &in);
		if (r.status != rows[i].st || !strstr(r.detail, rows[i].words))
			fail_msg("%s on %s: %s \"%s\"", rows[i].kind, rows[i].endpoint,
				 status_name(r.status), r.detail);
		assert_int_equal(connections(), before);
	}
}

static void test_secrets(void **state)
{
	char *log = arena_alloc(world.arena, LOG_MAX);
	struct sx_tenant t;
	const char *row;

	(void)state;
	sx_tenant(&world, &t);
	sx_connect(&world, &t);
	sx_await(&world, &t, sx_sync(&world, &t, false), PROJECTED);
	/* The simulator's tokens begin so. */
	row = sx_text(&world,
		      "SELECT c::text FROM ingest_shopify.connections c WHERE brand_id = '%s'",
		      t.brand);
	assert_non_null(strstr(row, SX_SHOP));
	assert_null(strstr(row, "shpat_"));
	assert_null(strstr(row, "shprt_"));
	assert_true(tk_read_file(tk_proc_log(world.world.service), log, LOG_MAX));
	assert_non_null(strstr(log, "sync.claimed"));
	assert_null(strstr(log, "shpat_"));
	assert_null(strstr(log, "shprt_"));
	assert_null(strstr(log, "simulator-secret"));
}

/* ---- runs ---- */

static void test_start(void **state)
{
	Pulsepoint__SyncRequest in = PULSEPOINT__SYNC_REQUEST__INIT;
	Shopify__V1__GetSyncRequest get = SHOPIFY__V1__GET_SYNC_REQUEST__INIT;
	struct sx_tenant t, other;
	struct reply r;
	const char *run;

	(void)state;
	sx_tenant(&world, &t);
	sx_tenant(&world, &other);
	in.brand_id = t.brand;
	r = sx_call(&world, t.admin, INGEST_SHOPIFY_START_SYNC, &in);
	assert_int_equal(r.status, ST_NOT_FOUND);
	assert_string_equal(r.field, "brand_id");
	assert_string_equal(r.detail, "connect Shopify to this brand first");
	sx_connect(&world, &t);
	assert_int_equal(sx_call(&world, t.viewer, INGEST_SHOPIFY_START_SYNC, &in).status,
			 ST_DENIED);
	assert_int_equal(sx_call(&world, other.admin, INGEST_SHOPIFY_START_SYNC, &in).status,
			 ST_NOT_FOUND);
	/* The run under way is the answer to all who ask. */
	sx_control(&world, "pace", "{\"provider\":\"shopify\",\"delay_ms\":100}");
	run = sx_sync(&world, &t, false);
	for (int i = 0; i < 5; i++)
		assert_string_equal(sx_sync(&world, &t, i % 2 == 0), run);
	sx_await(&world, &t, run, PROJECTED);
	assert_int_equal(sx_int(&world,
				"SELECT count(*) FROM ingest_shopify.sync_runs WHERE brand_id = "
				"'%s'",
				t.brand),
			 1);
	get.run_id = (char *)run;
	assert_int_equal(sx_call(&world, other.admin, INGEST_SHOPIFY_GET_SYNC, &get).status,
			 ST_NOT_FOUND);
	get.run_id = t.brand;
	assert_int_equal(sx_call(&world, t.viewer, INGEST_SHOPIFY_GET_SYNC, &get).status,
			 ST_NOT_FOUND);
}

/* One shop, two tenants: each has all of it, with credentials of its own, and nothing of the other.
 */
static void test_two_tenants(void **state)
{
	Shopify__V1__ListProductsRequest in = SHOPIFY__V1__LIST_PRODUCTS_REQUEST__INIT;
	const char *runs[4];
	struct sx_tenant t[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		sx_tenant(&world, &t[i]);
		sx_connect(&world, &t[i]);
	}
	for (int i = 0; i < 4; i++)
		runs[i] = sx_sync(&world, &t[i], false);
	for (int i = 0; i < 4; i++) {
		sx_await(&world, &t[i], runs[i], PROJECTED);
		sx_check_totals(&world, &t[i]);
		assert_int_equal(sx_events(&world, &t[i], "orders.upserted"), 3);
	}
	in.page_size = 200;
	assert_int_equal(((const Shopify__V1__ListProductsReply *)sx_must(
				  &world, t[0].viewer, INGEST_SHOPIFY_LIST_PRODUCTS, &in))
				 ->n_products,
			 14);
}

/* Every table is shut without a tenant, for the role that handlers and runs have. */
static void test_row_security(void **state)
{
	(void)state;
	assert_string_equal(
		sx_text(&world, "SELECT count(*) || ' ' || bool_and(relrowsecurity AND "
				"relforcerowsecurity) FROM pg_class WHERE relnamespace = "
				"'ingest_shopify'::regnamespace AND relkind = 'r' AND relname IN "
				"('connections', 'products', 'orders', 'order_lines', 'refunds', "
				"'touches', 'sync_runs')"),
		"7 true");
	assert_int_equal(sx_int(&world, "SELECT count(*) FROM pg_policies WHERE schemaname = "
					"'ingest_shopify' AND policyname = 'app_own' AND qual = "
					"with_check"),
			 sx_int(&world, "SELECT count(*) FROM pg_policies WHERE schemaname = "
					"'ingest_shopify' AND policyname = 'app_own'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_refusals, fresh),
		cmocka_unit_test_setup(test_foreign_brand_costs_no_code, fresh),
		cmocka_unit_test_setup(test_again, fresh),
		cmocka_unit_test_setup(test_refresh_token, fresh),
		cmocka_unit_test_setup(test_provider_ill, fresh),
		cmocka_unit_test_setup(test_secrets, fresh),
		cmocka_unit_test_setup(test_start, fresh),
		cmocka_unit_test_setup(test_two_tenants, fresh),
		cmocka_unit_test_setup(test_row_security, fresh),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
