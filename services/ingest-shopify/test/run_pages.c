/* Pages of JSON: what good ones become, and that a page with any fault is refused whole, with words
 * that name the field. */
#include "core/test/rows.h"

#include "order.h"
#include "pages.h"

#include "json/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA ((size_t)64 * 1024 * 1024)
#define DEPTH 24

static const char good_line[] =
	"{\"id\":\"gid://shopify/LineItem/l:1\",\"title\":\"A \\\"mug\\\"\",\"sku\":null,"
	"\"quantity\":3,\"variant\":{\"id\":\"gid://shopify/ProductVariant/v/1?x\"},"
	"\"originalUnitPriceSet\":{\"shopMoney\":{\"amount\":\"0.28175\"}},"
	"\"totalDiscountSet\":{\"shopMoney\":{\"amount\":\"0.600\"}}}";
static const char good_visit[] =
	"{\"__typename\":\"CustomerVisit\",\"occurredAt\":\"2025-03-01T00:00:00Z\","
	"\"source\":\"google\",\"sourceType\":\"SEO\",\"landingPage\":null,"
	"\"referrerUrl\":\"https://x.example/\",\"utmParameters\":{\"source\":\"news\","
	"\"medium\":null,\"campaign\":\"c 1\",\"content\":null,\"term\":null}}";
/* The lines, refunds and moments go where %s stands. */
static const char order_form[] =
	"{\"id\":\"gid://shopify/Order/3b1a-11\",\"name\":\"#1000\","
	"\"createdAt\":\"2025-03-31T12:59:59Z\",\"processedAt\":\"2025-03-31T13:00:00Z\","
	"\"updatedAt\":\"2025-04-01T00:00:00Z\",\"cancelledAt\":null,\"test\":false,"
	"\"currencyCode\":\"KWD\",\"displayFinancialStatus\":\"PAID\",\"customer\":null,"
	"\"shippingAddress\":null,\"billingAddress\":{\"country\":\"\xC3\x85land\"},"
	"\"lineItems\":{\"nodes\":[%s],\"pageInfo\":{\"hasNextPage\":true,\"endCursor\":\"L1\"}},"
	"\"refunds\":[{\"id\":\"gid://shopify/Refund/r1\",\"createdAt\":\"2025-04-02T00:00:00Z\","
	"\"totalRefundedSet\":{\"shopMoney\":{\"amount\":\"1.5\"}}}],"
	"\"customerJourneySummary\":{\"ready\":true,\"moments\":{\"nodes\":[%s],"
	"\"pageInfo\":{\"hasNextPage\":false,\"endCursor\":null}}}}";
static const char variant_json[] =
	"{\"productVariants\":{\"nodes\":[{\"id\":\"gid://shopify/ProductVariant/v-1\","
	"\"sku\":\"S\",\"title\":\"Default Title\",\"displayName\":\"other\",\"price\":\"17.612\","
	"\"inventoryQuantity\":-4,\"updatedAt\":\"2025-04-30T00:00:00Z\","
	"\"product\":{\"id\":\"gid://shopify/Product/p-1\",\"title\":\"Plain mug\","
	"\"productType\":\"\"},\"inventoryItem\":{\"unitCost\":{\"amount\":\"16.7\","
	"\"currencyCode\":\"KWD\"}}}],\"pageInfo\":{\"hasNextPage\":true,\"endCursor\":\"V1\"}}}";

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(ARENA);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static cJSON *parse(const char *text)
{
	struct error err = { 0 };
	cJSON *tree = NULL;

	if (json_parse(text, strlen(text), DEPTH, 1, &tree, &err) != ST_OK)
		fail_msg("%s: %s", err.detail, text);
	return tree;
}

static const char *orders_json(void)
{
	const char *order = arena_printf(arena, order_form, good_line, good_visit);

	return arena_printf(arena,
			    "{\"orders\":{\"nodes\":[%s],\"pageInfo\":{\"hasNextPage\":false,"
			    "\"endCursor\":\"O1\"}}}",
			    order);
}

/* `text` with the first `from` made `to`. */
static const char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (!at)
		fail_msg("there is no %s", from);
	return arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static enum status read_orders(const char *text, struct order_page *page, struct error *err)
{
	cJSON *tree = parse(text);
	enum status st = page_orders(tree, arena, 2, page, err);

	cJSON_Delete(tree);
	return st;
}

static void test_good_order(void **state)
{
	struct error err = { 0 };
	struct order_page page;
	const struct order *o;

	(void)state;
	assert_int_equal(read_orders(orders_json(), &page, &err), ST_OK);
	assert_int_equal(page.n, 1);
	assert_null(page.next);
	o = &page.rows[0];
	assert_string_equal(o->order_id, "3b1a-11");
	assert_string_equal(o->country, "\xC3\x85land");
	assert_string_equal(o->customer_id, "");
	assert_string_equal(o->currency, "KWD");
	assert_int_equal(o->processed_at, INT64_C(1743426000000000));
	assert_int_equal(o->cancelled_at, 0);
	assert_true(o->journey_ready);
	assert_int_equal(o->lines_part.n, 1);
	assert_string_equal(o->lines_part.next, "L1");
	assert_string_equal(o->lines[0].line_id, "l:1");
	assert_string_equal(o->lines[0].variant_id, "v/1?x");
	assert_string_equal(o->lines[0].sku, "");
	assert_string_equal(o->lines[0].title, "A \"mug\"");
	assert_int_equal(o->lines[0].unit_price, 281750);
	assert_int_equal(o->lines[0].discount, 600000);
	assert_int_equal(o->n_refunds, 1);
	assert_int_equal(o->refunds[0].amount, 1500000);
	assert_false(o->refunds_cut);
	assert_int_equal(o->touches_part.n, 1);
	assert_null(o->touches_part.next);
	assert_string_equal(o->touches[0].source, "news"); /* the link's own word */
	assert_string_equal(o->touches[0].source_type, "SEO");
	assert_string_equal(o->touches[0].campaign, "c 1");
	assert_string_equal(o->touches[0].referrer, "https://x.example/");
}

struct change {
	const char *from, *to;
};

/* What Shopify's schema allows, and old guides do not mention. */
static void test_allowed(void **state)
{
	static const struct change rows[] = {
		{ "\"variant\":{\"id\":\"gid://shopify/ProductVariant/v/1?x\"}",
		  "\"variant\":null" },
		{ "\"displayFinancialStatus\":\"PAID\"", "\"displayFinancialStatus\":null" },
		{ "\"customer\":null", "\"customer\":{\"id\":\"gid://shopify/Customer/c,1\"}" },
		{ "\"billingAddress\":{\"country\":\"\xC3\x85land\"}", "\"billingAddress\":null" },
		{ "\"utmParameters\":{\"source\":\"news\"", "\"utmParameters\":{\"source\":null" },
		{ "\"source\":\"google\"", "\"source\":\"\"" },
		{ "\"quantity\":3", "\"quantity\":0" },
		{ "\"amount\":\"0.600\"", "\"amount\":\"0\"" },
		{ "\"createdAt\":\"2025-04-02T00:00:00Z\"", "\"createdAt\":null" },
		{ "\"ready\":true", "\"ready\":false" },
		{ "CustomerVisit", "SomeOtherMoment" },
		{ "\"name\":\"#1000\"", "\"name\":\"\"" },
		{ "2025-03-31T12:59:59Z", "2025-03-31T23:29:59+10:30" },
		{ "\"title\":\"A \\\"mug\\\"\"", "\"title\":\"\",\"unknown\":[1,{}]" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };
		struct order_page page;

		CHECK_ROW(rows[i].to, read_orders(replaced(orders_json(), rows[i].from, rows[i].to),
						  &page, &err) == ST_OK);
		CHECK_ROW(rows[i].to, page.n == 1);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *from, *to, *words;
	} rows[] = {
		{ "{\"orders\":", "{\"order\":", "\"orders\" that is missing" },
		{ "{\"orders\":{\"nodes\":[", "{\"orders\":42,\"x\":{\"nodes\":[",
		  "\"orders\" that is not an object" },
		{ "gid://shopify/Order/3b1a-11", "gid://shopify/Orders/3",
		  "\"id\" that is not an" },
		{ "gid://shopify/Order/3b1a-11", "gid://shopify/Order/", "\"id\" that is not an" },
		{ "\"gid://shopify/Order/3b1a-11\"", "17", "\"id\" that is not text" },
		{ "\"name\":\"#1000\"", "\"name\":null", "\"name\" that is missing" },
		{ "2025-03-31T13:00:00Z", "yesterday", "\"processedAt\" that is not a time" },
		{ "2025-03-31T13:00:00Z", "2025-02-30T13:00:00Z", "\"processedAt\" that is not" },
		{ "2025-04-01T00:00:00Z", "1970-01-01T00:00:00Z", "\"updatedAt\" that is not" },
		{ "\"test\":false", "\"test\":\"false\"", "\"test\" that is neither" },
		{ "\"KWD\"", "\"kwd\"", "\"currencyCode\" that is not a currency" },
		{ "\"KWD\"", "\"KWDX\"", "\"currencyCode\" that is not a currency" },
		{ "\"quantity\":3", "\"quantity\":3.5", "\"quantity\" that is not a whole" },
		{ "\"quantity\":3", "\"quantity\":2147483648", "\"quantity\" that is not a" },
		{ "\"quantity\":3", "\"quantity\":\"3\"", "\"quantity\" that is not a" },
		{ "\"0.28175\"", "\"0.2817501\"", "\"amount\" that is not an amount" },
		{ "\"0.28175\"", "\"1e3\"", "\"amount\" that is not an amount" },
		{ "\"0.28175\"", "\"\"", "\"amount\" that is not an amount" },
		{ "\"0.28175\"", "0.28175", "\"amount\" that is not text" },
		{ "\"0.28175\"", "\"99999999999999\"", "\"amount\" that is not an amount" },
		{ "{\"shopMoney\":{\"amount\":\"0.600\"}}", "{\"shopMoney\":null}",
		  "\"shopMoney\" that is missing" },
		{ "\"endCursor\":\"L1\"", "\"endCursor\":null", "\"endCursor\" that is missing" },
		{ "\"endCursor\":\"L1\"", "\"endCursor\":\"\"", "\"endCursor\" that is empty" },
		{ "\"hasNextPage\":true", "\"hasNextPage\":1", "\"hasNextPage\" that is neither" },
		{ "\"refunds\":[", "\"refunds\":[7,", "\"nodes\" that holds something else" },
		{ "\"lineItems\":{\"nodes\":[", "\"lineItems\":{\"nodes\":[null,",
		  "\"nodes\" that holds something else" },
		{ "\"__typename\":\"CustomerVisit\",", "", "\"__typename\" that is missing" },
		{ "\"ready\":true", "\"ready\":null", "\"ready\" that is missing" },
		{ "{\"orders\":{\"nodes\":[", "{\"orders\":{\"nodes\":[null,",
		  "\"nodes\" that holds something else" },
		{ "\"pageInfo\":{\"hasNextPage\":false,\"endCursor\":\"O1\"}", "\"x\":1",
		  "\"pageInfo\" that is missing" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };
		struct order_page page;
		const char *text = replaced(orders_json(), rows[i].from, rows[i].to);

		CHECK_ROW(rows[i].to, read_orders(text, &page, &err) == ST_UPSTREAM);
		if (!strstr(err.detail, rows[i].words))
			fail_msg("%s: \"%s\" does not hold \"%s\"", rows[i].to, err.detail,
				 rows[i].words);
	}
}

/* Cut at any byte, the text is no JSON, or at least never a page. */
static void test_cut(void **state)
{
	const char *whole = orders_json();

	(void)state;
	for (size_t len = 0; len < strlen(whole); len += 7) {
		struct error err = { 0 };
		cJSON *tree = NULL;

		assert_int_not_equal(json_parse(whole, len, DEPTH, 1, &tree, &err), ST_OK);
		assert_null(tree);
	}
}

/* The last of an order's appearances stands. */
static void test_order_twice(void **state)
{
	const char *one = arena_printf(arena, order_form, good_line, good_visit);
	const char *two = replaced(one, "\"#1000\"", "\"#1000 later\"");
	struct error err = { 0 };
	struct order_page page;

	(void)state;
	assert_int_equal(read_orders(arena_printf(arena,
						  "{\"orders\":{\"nodes\":[%s,%s],\"pageInfo\":{"
						  "\"hasNextPage\":true,\"endCursor\":\"x y\"}}}",
						  one, two),
				     &page, &err),
			 ST_OK);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.rows[0].name, "#1000 later");
	assert_string_equal(page.next, "x y");
}

static void test_nodes(void **state)
{
	const char *order = arena_printf(arena, order_form, good_line, good_visit);
	cJSON *tree = parse(arena_printf(arena, "{\"nodes\":[null,%s,null]}", order));
	struct error err = { 0 };
	struct order_page page;

	(void)state;
	assert_int_equal(page_order_nodes(tree, arena, 1, &page, &err), ST_OK);
	cJSON_Delete(tree);
	assert_int_equal(page.n, 1);
	assert_true(page.rows[0].refunds_cut); /* as many as were asked for */
}

static const char *lines_part(const char *id, const char *info)
{
	return arena_printf(arena, "{\"order\":{\"lineItems\":{\"nodes\":[%s],\"pageInfo\":{%s}}}}",
			    replaced(good_line, "l:1", id), info);
}

static void test_parts(void **state)
{
	struct error err = { 0 };
	struct order_page page;
	struct order *o;
	cJSON *tree;

	(void)state;
	assert_int_equal(read_orders(orders_json(), &page, &err), ST_OK);
	o = &page.rows[0];
	for (int i = 2; i <= 1200; i++) {
		char id[16], info[64];

		snprintf(id, sizeof(id), "l:%d", i);
		snprintf(info, sizeof(info), "\"hasNextPage\":%s,\"endCursor\":\"L%d\"",
			 i < 1200 ? "true" : "false", i);
		tree = parse(lines_part(id, info));
		assert_int_equal(page_more_lines(tree, arena, o, &err), ST_OK);
		cJSON_Delete(tree);
	}
	assert_int_equal(o->lines_part.n, 1200);
	assert_null(o->lines_part.next);
	assert_string_equal(o->lines[0].line_id, "l:1");
	assert_string_equal(o->lines[1199].line_id, "l:1200");
}

static void test_part_that_stands_still(void **state)
{
	struct error err = { 0 };
	struct order_page page;
	cJSON *tree;

	(void)state;
	assert_int_equal(read_orders(orders_json(), &page, &err), ST_OK);
	tree = parse(lines_part("l:2", "\"hasNextPage\":true,\"endCursor\":\"L1\""));
	assert_int_equal(page_more_lines(tree, arena, &page.rows[0], &err), ST_UPSTREAM);
	assert_non_null(strstr(err.detail, "\"endCursor\" that does not move"));
	cJSON_Delete(tree);
	/* An order that is gone between two parts. */
	tree = parse("{\"order\":null}");
	assert_int_equal(page_more_lines(tree, arena, &page.rows[0], &(struct error){ 0 }),
			 ST_UPSTREAM);
	cJSON_Delete(tree);
}

/* Beyond the limit the newest visits stay; lines beyond it are an error. */
static void test_limits(void **state)
{
	struct error err = { 0 };
	struct order_page page;
	struct order *o;

	(void)state;
	assert_int_equal(read_orders(orders_json(), &page, &err), ST_OK);
	o = &page.rows[0];
	for (int i = 0; i < ORDER_TOUCHES_MAX; i++) {
		char campaign[32];
		cJSON *tree;

		snprintf(campaign, sizeof(campaign), "c %d", i + 2);
		tree = parse(arena_printf(
			arena,
			"{\"order\":{\"customerJourneySummary\":{\"moments\":{\"nodes\":[%s],"
			"\"pageInfo\":{\"hasNextPage\":true,\"endCursor\":\"T%d\"}}}}}",
			replaced(good_visit, "c 1", campaign), i));
		assert_int_equal(page_more_touches(tree, arena, o, &err), ST_OK);
		cJSON_Delete(tree);
	}
	assert_int_equal(o->touches_part.n, ORDER_TOUCHES_MAX);
	assert_string_equal(o->touches[0].campaign, "c 2");
	assert_string_equal(o->touches[ORDER_TOUCHES_MAX - 1].campaign, "c 1001");
	o->lines_part.n = o->lines_part.cap = ORDER_LINES_MAX;
	{
		cJSON *tree = parse(lines_part("x", "\"hasNextPage\":false"));

		assert_int_equal(page_more_lines(tree, arena, o, &err), ST_UPSTREAM);
		assert_non_null(strstr(err.detail, "\"lineItems\" that has more items"));
		cJSON_Delete(tree);
	}
}

static enum status read_variants(const char *text, struct variant_page *page, struct error *err)
{
	cJSON *tree = parse(text);
	enum status st = page_variants(tree, arena, "KWD", page, err);

	cJSON_Delete(tree);
	return st;
}

static void test_variants(void **state)
{
	struct error err = { 0 };
	struct variant_page page;
	const char *hash;

	(void)state;
	assert_int_equal(read_variants(variant_json, &page, &err), ST_OK);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.next, "V1");
	assert_string_equal(page.rows[0].variant_id, "v-1");
	assert_string_equal(page.rows[0].product_id, "p-1");
	assert_string_equal(page.rows[0].title, "Plain mug"); /* the product's, not the default */
	assert_int_equal(page.rows[0].price, 17612000);
	assert_true(page.rows[0].has_cost);
	assert_int_equal(page.rows[0].cost, 16700000);
	assert_int_equal(page.rows[0].inventory, -4);
	hash = page.rows[0].hash;
	assert_int_equal(strlen(hash), HASH_TEXT - 1);
	/* Stock is no content; a cost that is not known is none of 0. */
	assert_int_equal(read_variants(replaced(variant_json, "-4", "5"), &page, &err), ST_OK);
	assert_string_equal(page.rows[0].hash, hash);
	assert_int_equal(
		read_variants(replaced(variant_json,
				       "{\"amount\":\"16.7\",\"currencyCode\":\"KWD\"}", "null"),
			      &page, &err),
		ST_OK);
	assert_false(page.rows[0].has_cost);
	assert_string_not_equal(page.rows[0].hash, hash);
	assert_int_equal(read_variants(replaced(variant_json, "Default Title", "Big"), &page, &err),
			 ST_OK);
	assert_string_equal(page.rows[0].title, "other");
	assert_int_equal(read_variants(replaced(variant_json, "-4", "1e300"), &page, &err),
			 ST_UPSTREAM);
	assert_non_null(strstr(err.detail, "inventoryQuantity"));
}

static void test_shop(void **state)
{
	static const char text[] =
		"{\"shop\":{\"name\":\"Nasty\",\"myshopifyDomain\":\"n.myshopify.com\","
		"\"currencyCode\":\"KWD\",\"ianaTimezone\":\"Australia/Lord_Howe\"}}";
	cJSON *tree = parse(text);
	struct error err = { 0 };
	struct shop shop;

	(void)state;
	assert_int_equal(page_shop(tree, arena, &shop, &err), ST_OK);
	assert_string_equal(shop.timezone, "Australia/Lord_Howe");
	cJSON_Delete(tree);
	tree = parse(replaced(text, "\"KWD\"", "null"));
	assert_int_equal(page_shop(tree, arena, &shop, &err), ST_UPSTREAM);
	cJSON_Delete(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_order),  cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_cut),
		cmocka_unit_test(test_order_twice), cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_parts),       cmocka_unit_test(test_part_that_stands_still),
		cmocka_unit_test(test_limits),      cmocka_unit_test(test_variants),
		cmocka_unit_test(test_shop),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
