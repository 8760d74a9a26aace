/* Shopify as a service meets it: tokens that rotate and expire, the cost bucket, nulls, errors, and
 * misbehaviour on order. */
#include "test/fixture.h"

#include "core/timeutil.h"

static const char orders[] =
	"1,#1,2025-01-01T00:00:00Z,2025-01-02T00:00:00Z,2025-01-03T00:00:00Z,c1,GBP,PAID,,false,"
	"GB\n"
	"a/b?c,#2,2025-01-05T00:00:00.250Z,2025-01-05T00:00:00Z,2025-01-06T00:00:00Z,,KWD,VOIDED,"
	"2025-01-06T00:00:00Z,true,\n";
static const char lines[] =
	"1,1-1,v1,S1,\"Mug, \"\"blue\"\"\",3,0.28175,0.10\n1,1-2,gone,,Old,1,5,0\n"
	"1,1-3,,,Custom,2,1.50,0.50\na/b?c,x,v1,S1,Mug,1,1.2345,0\n";
static const char refunds[] = "1,r1,2025-01-04T00:00:00Z,2.50\n";
static const char visits[] = "v,1,2,2025-01-01T10:00:00Z,,STOREFRONT_APP,,,,,,\n"
			     "v,1,1,2024-12-30T00:00:00Z,google,AD,cpc,spring,c,t,https://"
			     "s.example/,https://g.example/\n"
			     "w,,1,2025-01-01T00:00:00Z,direct,,,,,,,\n";
static const char products[] = "p1,v1,S1,Mug,Mugs,1.00,0.40,-3,2025-01-01T00:00:00Z\n"
			       "p2,v2,,Cup,,2.00,,7,2025-01-02T00:00:00Z\n"
			       "p2,v3,S3,Cup large,,3.00,,8,2025-01-03T00:00:00Z\n";

static void start(struct fx *fx, const char *plan)
{
	fx_folder(fx, "orders.csv", orders, "order_lines.csv", lines, "refunds.csv", refunds,
		  "visits.csv", visits, "products.csv", products, NULL);
	fx_start(fx, plan);
}

/* The `data` of an answer as text must be `want`. */
static void answers(struct fx *fx, const char *query, const char *want)
{
	cJSON *j = fx_gql(fx, query, NULL);
	char *text = cJSON_PrintUnformatted(fx_at(j, "data"));

	if (text == NULL || strcmp(text, want) != 0)
		print_error("%s\n%s\n", query, buf_str(&fx->body));
	assert_non_null(text);
	assert_string_equal(text, want);
	cJSON_free(text);
	cJSON_Delete(j);
}

static void the_shop_tells_about_itself(void **state)
{
	struct fx fx = { .port = 0 };

	(void)state;
	start(&fx, "advanced");
	answers(&fx,
		"{shop{name myshopifyDomain currencyCode ianaTimezone "
		"billingAddress{countryCodeV2} "
		"plan{displayName}}}",
		"{\"shop\":{\"name\":\"Tiny\",\"myshopifyDomain\":\"tiny.myshopify.com\","
		"\"currencyCode\":"
		"\"GBP\",\"ianaTimezone\":\"Europe/"
		"London\",\"billingAddress\":{\"countryCodeV2\":\"GB\"},"
		"\"plan\":{\"displayName\":\"Advanced\"}}}");
	fx_stop(&fx);
}

static void lines_round_half_up(void **state)
{
	struct fx fx = { .port = 0 };

	(void)state;
	start(&fx, "standard");
	/* 3 x 0.28175 - 0.10 = 0.74525, half up 0.75; 5; 2 x 1.50 - 0.50 = 2.50. */
	answers(&fx,
		"{order(id:\"gid://shopify/Order/1\"){totalPriceSet{shopMoney{amount "
		"currencyCode}} "
		"currentTotalPriceSet{shopMoney{amount}} "
		"totalRefundedSet{presentmentMoney{amount}} "
		"netPaymentSet{shopMoney{amount}} subtotalLineItemsQuantity "
		"lineItems(first:9){nodes{sku "
		"title quantity variant{id} originalUnitPriceSet{shopMoney{amount}} "
		"originalTotalSet{shopMoney{amount}} discountedTotalSet{shopMoney{amount}}}}}}",
		"{\"order\":{\"totalPriceSet\":{\"shopMoney\":{\"amount\":\"8.25\","
		"\"currencyCode\":\"GBP\"}},"
		"\"currentTotalPriceSet\":{\"shopMoney\":{\"amount\":\"5.75\"}},"
		"\"totalRefundedSet\":"
		"{\"presentmentMoney\":{\"amount\":\"2.50\"}},\"netPaymentSet\":{\"shopMoney\":{"
		"\"amount\":"
		"\"5.75\"}},\"subtotalLineItemsQuantity\":6,\"lineItems\":{\"nodes\":[{\"sku\":"
		"\"S1\",\"title\":"
		"\"Mug, "
		"\\\"blue\\\"\",\"quantity\":3,\"variant\":{\"id\":\"gid://shopify/ProductVariant/"
		"v1\"},"
		"\"originalUnitPriceSet\":{\"shopMoney\":{\"amount\":\"0.28175\"}},"
		"\"originalTotalSet\":"
		"{\"shopMoney\":{\"amount\":\"0.85\"}},\"discountedTotalSet\":{\"shopMoney\":{"
		"\"amount\":"
		"\"0.75\"}}},{\"sku\":null,\"title\":\"Old\",\"quantity\":1,\"variant\":null,"
		"\"originalUnitPriceSet\":{\"shopMoney\":{\"amount\":\"5\"}},\"originalTotalSet\":"
		"{\"shopMoney\":{\"amount\":\"5.00\"}},\"discountedTotalSet\":{\"shopMoney\":{"
		"\"amount\":"
		"\"5.00\"}}},{\"sku\":null,\"title\":\"Custom\",\"quantity\":2,\"variant\":null,"
		"\"originalUnitPriceSet\":{\"shopMoney\":{\"amount\":\"1.50\"}},"
		"\"originalTotalSet\":"
		"{\"shopMoney\":{\"amount\":\"3.00\"}},\"discountedTotalSet\":{\"shopMoney\":{"
		"\"amount\":"
		"\"2.50\"}}}]}}}");
	fx_stop(&fx);
}

static void absent_values_are_null(void **state)
{
	struct fx fx = { .port = 0 };

	(void)state;
	start(&fx, "standard");
	answers(&fx,
		"{order(id:\"gid://shopify/Order/a/b?c\"){id createdAt cancelledAt cancelReason "
		"test "
		"customer{id} billingAddress{country} totalPriceSet{shopMoney{amount}} "
		"netPaymentSet{shopMoney{amount}} refunds{id} customerJourneySummary{ready "
		"firstVisit{id} "
		"daysToConversion customerOrderIndex momentsCount{count}}}}",
		"{\"order\":{\"id\":\"gid://shopify/Order/a/"
		"b?c\",\"createdAt\":\"2025-01-05T00:00:00.250Z\","
		"\"cancelledAt\":\"2025-01-06T00:00:00Z\",\"cancelReason\":\"OTHER\",\"test\":true,"
		"\"customer\":null,\"billingAddress\":null,\"totalPriceSet\":{\"shopMoney\":{"
		"\"amount\":"
		"\"1.235\"}},\"netPaymentSet\":{\"shopMoney\":{\"amount\":\"0.000\"}},\"refunds\":["
		"],"
		"\"customerJourneySummary\":{\"ready\":true,\"firstVisit\":null,"
		"\"daysToConversion\":null,"
		"\"customerOrderIndex\":null,\"momentsCount\":{\"count\":0}}}}");
	answers(&fx,
		"{order(id:\"gid://shopify/Order/2\"){id} "
		"product(id:\"gid://shopify/Order/1\"){id}}",
		"{\"order\":null,\"product\":null}");
	fx_stop(&fx);
}

static void journeys_keep_their_order(void **state)
{
	struct fx fx = { .port = 0 };

	(void)state;
	start(&fx, "standard");
	answers(&fx,
		"{order(id:\"gid://shopify/Order/1\"){customerJourneySummary{ready "
		"customerOrderIndex "
		"daysToConversion moments(first:5){nodes{__typename occurredAt ... on "
		"CustomerVisit{source "
		"sourceType landingPage referrerUrl utmParameters{source medium campaign content "
		"term}}}}}}}",
		"{\"order\":{\"customerJourneySummary\":{\"ready\":true,\"customerOrderIndex\":1,"
		"\"daysToConversion\":3,\"moments\":{\"nodes\":[{\"__typename\":\"CustomerVisit\","
		"\"occurredAt\":\"2024-12-30T00:00:00Z\",\"source\":\"google\",\"sourceType\":"
		"\"AD\","
		"\"landingPage\":\"https://s.example/\",\"referrerUrl\":\"https://g.example/\","
		"\"utmParameters\":{\"source\":\"google\",\"medium\":\"cpc\",\"campaign\":"
		"\"spring\","
		"\"content\":\"c\",\"term\":\"t\"}},{\"__typename\":\"CustomerVisit\","
		"\"occurredAt\":"
		"\"2025-01-01T10:00:00Z\",\"source\":\"\",\"sourceType\":\"STOREFRONT_APP\","
		"\"landingPage\":"
		"null,\"referrerUrl\":null,\"utmParameters\":null}]}}}}");
	fx_stop(&fx);
}

static void products_have_variants_and_stock(void **state)
{
	struct fx fx = { .port = 0 };

	(void)state;
	start(&fx, "standard");
	answers(&fx,
		"{products(first:9){nodes{title updatedAt totalInventory "
		"variants(first:9){nodes{title sku "
		"price inventoryQuantity inventoryItem{tracked unitCost{amount currencyCode} "
		"inventoryLevels(first:1){nodes{quantities(names:[\"available\",\"committed\"]){"
		"name "
		"quantity}}}}}}}}}",
		"{\"products\":{\"nodes\":[{\"title\":\"Mug\",\"updatedAt\":\"2025-01-01T00:00:"
		"00Z\","
		"\"totalInventory\":-3,\"variants\":{\"nodes\":[{\"title\":\"Default "
		"Title\",\"sku\":\"S1\","
		"\"price\":\"1.00\",\"inventoryQuantity\":-3,\"inventoryItem\":{\"tracked\":true,"
		"\"unitCost\":"
		"{\"amount\":\"0.40\",\"currencyCode\":\"GBP\"},\"inventoryLevels\":{\"nodes\":[{"
		"\"quantities\":"
		"[{\"name\":\"available\",\"quantity\":-3},{\"name\":\"committed\",\"quantity\":0}]"
		"}]}}}]}},"
		"{\"title\":\"Cup\",\"updatedAt\":\"2025-01-03T00:00:00Z\",\"totalInventory\":15,"
		"\"variants\":"
		"{\"nodes\":[{\"title\":\"Cup\",\"sku\":null,\"price\":\"2.00\","
		"\"inventoryQuantity\":7,"
		"\"inventoryItem\":{\"tracked\":true,\"unitCost\":null,\"inventoryLevels\":{"
		"\"nodes\":"
		"[{\"quantities\":[{\"name\":\"available\",\"quantity\":7},{\"name\":\"committed\","
		"\"quantity\":"
		"0}]}]}}},{\"title\":\"Cup "
		"large\",\"sku\":\"S3\",\"price\":\"3.00\",\"inventoryQuantity\":8,"
		"\"inventoryItem\":{\"tracked\":true,\"unitCost\":null,\"inventoryLevels\":{"
		"\"nodes\":"
		"[{\"quantities\":[{\"name\":\"available\",\"quantity\":8},{\"name\":\"committed\","
		"\"quantity\":"
		"0}]}]}}}]}}]}}");
	answers(&fx,
		"{nodes(ids:[\"gid://shopify/Product/p2\",\"gid://shopify/Order/none\","
		"\"gid://shopify/ProductVariant/v3\"]){__typename id ... on Product{title}}}",
		"{\"nodes\":[{\"__typename\":\"Product\",\"id\":\"gid://shopify/Product/"
		"p2\",\"title\":\"Cup\"},"
		"null,{\"__typename\":\"ProductVariant\",\"id\":\"gid://shopify/ProductVariant/"
		"v3\"}]}");
	answers(&fx,
		"{ordersCount{count precision} productVariantsCount(limit:2){count precision}}",
		"{\"ordersCount\":{\"count\":2,\"precision\":\"EXACT\"},\"productVariantsCount\":{"
		"\"count\":2,"
		"\"precision\":\"AT_LEAST\"}}");
	fx_stop(&fx);
}

/* ------------------------------------------------------------------- tokens */

static long refresh(struct fx *fx, const char *token, char next[TOKEN_TEXT])
{
	char body[500];
	cJSON *j;

	snprintf(body, sizeof(body),
		 "{\"client_id\":\"pulsepoint\",\"client_secret\":\"simulator-secret\",\"refresh_"
		 "token\":"
		 "\"%s\",\"grant_type\":\"refresh_token\"}",
		 token);
	fx_oauth(fx, body);
	j = fx_json(fx);
	if (fx->status == 200) {
		fx_copy(next, j, "refresh_token");
		fx_copy(fx->access, j, "access_token");
		assert_int_equal(fx_at(j, "expires_in")->valueint, 3600);
	} else {
		assert_string_equal(fx_text(j, "error"), "invalid_grant");
	}
	cJSON_Delete(j);
	return fx->status;
}

static void exchange_code(struct fx *fx, char first[TOKEN_TEXT])
{
	char body[500], code[TOKEN_TEXT];
	cJSON *j;

	fx_control(fx, "/control/shopify/code", "");
	j = fx_json(fx);
	fx_copy(code, j, "code");
	cJSON_Delete(j);
	snprintf(body, sizeof(body),
		 "{\"client_id\":\"pulsepoint\",\"client_secret\":\"simulator-secret\",\"code\":\"%"
		 "s\","
		 "\"expiring\":\"1\"}",
		 code);
	fx_oauth(fx, body);
	assert_int_equal(fx->status, 200);
	j = fx_json(fx);
	fx_copy(first, j, "refresh_token");
	cJSON_Delete(j);
	fx_oauth(fx, body);
	assert_int_equal(fx->status, 400); /* a code works once */
}

static void refresh_tokens_rotate(void **state)
{
	struct fx fx = { .port = 0 };
	char first[TOKEN_TEXT], second[TOKEN_TEXT], third[TOKEN_TEXT], again[TOKEN_TEXT];

	(void)state;
	start(&fx, "standard");
	exchange_code(&fx, first);
	assert_int_equal(refresh(&fx, first, second), 200);
	assert_string_not_equal(first, second);
	/* A lost answer: the immediately previous token is taken again for a minute, and gives the
	 * same successor. */
	assert_int_equal(refresh(&fx, first, again), 200);
	assert_string_equal(again, second);
	assert_int_equal(refresh(&fx, second, third), 200);
	assert_int_equal(refresh(&fx, first, again), 400);
	fx_control(&fx, "/control/clock", "{\"advance_s\":61}");
	assert_int_equal(refresh(&fx, second, again), 400);
	assert_int_equal(refresh(&fx, third, again), 200);
	fx_control(&fx, "/control/clock", "{\"advance_s\":7776001}");
	assert_int_equal(refresh(&fx, again, third), 400); /* 90 days */
	fx_stop(&fx);
}

static void access_tokens_expire(void **state)
{
	struct fx fx = { .port = 0 };
	cJSON *j;

	(void)state;
	start(&fx, "standard");
	fx_control(&fx, "/control/clock", "{\"advance_s\":3590}");
	j = fx_gql(&fx, "{shop{name}}", NULL);
	assert_int_equal(fx.status, 200);
	cJSON_Delete(j);
	fx_control(&fx, "/control/clock", "{\"advance_s\":11}");
	j = fx_gql(&fx, "{shop{name}}", NULL);
	assert_int_equal(fx.status, 401);
	assert_string_equal(fx_text(j, "errors"),
			    "[API] Invalid API key or access token (unrecognized "
			    "login or wrong password)");
	cJSON_Delete(j);
	fx_connect(&fx);
	fx_control(&fx, "/control/expire", "{\"provider\":\"shopify\"}");
	j = fx_gql(&fx, "{shop{name}}", NULL);
	assert_int_equal(fx.status, 401);
	cJSON_Delete(j);
	fx_stop(&fx);
}

static void the_date_is_the_shops_evening(void **state)
{
	struct fx fx = { .port = 0 };

	(void)state;
	start(&fx, "standard");
	fx_request(&fx, "GET", "/control/health", NULL, NULL);
	assert_non_null(strstr(fx.headers, "Date: Fri, 31 Jan 2025 20:00:0"));
	fx_request(&fx, "GET", "/nowhere", NULL, NULL);
	assert_int_equal(fx.status, 404);
	assert_non_null(strstr(fx.headers, "Date: Fri, 31 Jan 2025 20:00:0"));
	fx_control(&fx, "/control/clock", "{\"now\":\"2025-02-01T01:00:00Z\"}");
	fx_request(&fx, "GET", "/control/health", NULL, NULL);
	assert_non_null(strstr(fx.headers, "Date: Sat, 01 Feb 2025 01:00:0"));
	fx_stop(&fx);
}

/* ----------------------------------------------------------- cost and limits */

#define DEAR_QUERY \
	"{orders(first:250){nodes{lineItems(first:250){nodes{id variant{id product{id}}}}}}}"

static void the_bucket_empties_and_says_so(void **state)
{
	struct fx fx = { .port = 0 };
	unsigned served = 0;
	bool throttled = false;

	(void)state;
	start(&fx, "standard");
	while (!throttled && served < 200) {
		/* 10 x (1 + 10 x 3) = 310 asked for; the little data cost little and the rest comes
		 * back. */
		cJSON *j = fx_gql(&fx, DEAR_QUERY, NULL);

		throttled = fx_at(j, "errors") != NULL;
		if (!throttled) {
			assert_int_equal(fx_at(j, "extensions.cost.requestedQueryCost")->valueint,
					 310);
			assert_int_equal(fx_at(j, "extensions.cost.actualQueryCost")->valueint, 14);
		} else {
			assert_int_equal(fx.status, 200);
			assert_string_equal(fx_text(j, "errors.0.extensions.code"), "THROTTLED");
			assert_true(cJSON_IsNull(fx_at(j, "extensions.cost.actualQueryCost")));
			assert_true(fx_at(j, "extensions.cost.throttleStatus.currentlyAvailable")
					    ->valueint < 310);
			assert_int_equal(fx_at(j, "extensions.cost.throttleStatus.maximumAvailable")
						 ->valueint,
					 2000);
		}
		cJSON_Delete(j);
		served += !throttled;
		/* The bucket runs on real time, so the test drains it by hand rather than by racing
		 * it. */
		if (!throttled) {
			int64_t left;

			bucket_take(&fx.sim.shop_bucket, 400, &left);
		}
	}
	assert_true(throttled);
	assert_true(served >= 4);
	fx_stop(&fx);
}

static void too_dear_and_wrong_requests(void **state)
{
	struct fx fx = { .port = 0 };
	char token[200];
	const char *const other_shop[] = { "Host: other.myshopify.com", token,
					   "Content-Type: application/json", NULL };
	const char *const text_body[] = { "Host: tiny.myshopify.com", token,
					  "Content-Type: text/plain", NULL };
	cJSON *j;

	(void)state;
	start(&fx, "standard");
	snprintf(token, sizeof(token), "X-Shopify-Access-Token: %s", fx.access);
	j = fx_gql(&fx,
		   "{orders(first:250){nodes{lineItems(first:250){nodes{variant{product{variants("
		   "first:250){"
		   "nodes{id}}}}}}}}}",
		   NULL);
	assert_int_equal(fx.status, 200);
	assert_string_equal(fx_text(j, "errors.0.extensions.code"), "MAX_COST_EXCEEDED");
	assert_int_equal(fx_at(j, "errors.0.extensions.maxCost")->valueint, 1000);
	cJSON_Delete(j);
	fx_request(&fx, "POST", "/admin/api/2026-10/graphql.json", other_shop,
		   "{\"query\":\"{shop{id}}\"}");
	assert_int_equal(fx.status, 404);
	fx_request(&fx, "POST", "/admin/api/2020-01/graphql.json", text_body, "{}");
	assert_int_equal(fx.status, 404);
	fx_request(&fx, "POST", "/admin/api/2026-10/graphql.json", text_body,
		   "{\"query\":\"{shop{id}}\"}");
	assert_int_equal(fx.status, 400);
	fx_request(&fx, "GET", "/admin/api/2026-10/graphql.json", text_body, NULL);
	assert_int_equal(fx.status, 404);
	j = fx_gql(&fx, "{orders(first:1,query:\"nope:1\"){nodes{id}}}", NULL);
	assert_string_equal(fx_text(j, "errors.0.message"),
			    "Invalid search syntax: \"nope\" is not a field of this query");
	assert_string_equal(fx_text(j, "errors.0.path.0"), "orders");
	cJSON_Delete(j);
	fx_stop(&fx);
}

/* ------------------------------------------------------------- misbehaviour */

static void add_fault(struct fx *fx, const char *kind, const char *more)
{
	char body[300];

	snprintf(body, sizeof(body),
		 "{\"provider\":\"shopify\",\"endpoint\":\"shop\",\"kind\":\"%s\"%s}", kind, more);
	fx_control(fx, "/control/faults", body);
}

static CURLcode ask_shop(struct fx *fx)
{
	char token[200];
	const char *const headers[] = { "Host: tiny.myshopify.com", token,
					"Content-Type: application/json", NULL };

	snprintf(token, sizeof(token), "X-Shopify-Access-Token: %s", fx->access);
	return fx_try(fx, "POST", "/admin/api/2026-10/graphql.json", headers,
		      "{\"query\":\"{shop{name}}\"}");
}

static void faults_come_as_ordered(void **state)
{
	struct fx fx = { .port = 0 };

	(void)state;
	start(&fx, "standard");
	add_fault(&fx, "http_429", ",\"after\":1,\"count\":2,\"retry_after\":7");
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_int_equal(fx.status, 200);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask_shop(&fx), CURLE_OK);
		assert_int_equal(fx.status, 429);
		assert_non_null(strstr(fx.headers, "Retry-After: 7"));
	}
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_int_equal(fx.status, 200);
	add_fault(&fx, "truncate", "");
	assert_int_equal(ask_shop(&fx), CURLE_PARTIAL_FILE);
	add_fault(&fx, "bad_json", "");
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_null(cJSON_Parse(buf_str(&fx.body)));
	add_fault(&fx, "http_5xx", "");
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_int_equal(fx.status, 503);
	add_fault(&fx, "throttle", "");
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_non_null(strstr(buf_str(&fx.body), "\"THROTTLED\""));
	add_fault(&fx, "wrong_type", "");
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_non_null(strstr(buf_str(&fx.body), "{\"data\":{\"shop\":42}"));
	add_fault(&fx, "http_5xx", ",\"count\":50");
	fx_request(&fx, "DELETE", "/control/faults", NULL, NULL);
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_int_equal(fx.status, 200);
	add_fault(&fx, "expired_token", "");
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_int_equal(fx.status, 401);
	assert_int_equal(ask_shop(&fx), CURLE_OK);
	assert_int_equal(fx.status, 401); /* until it is refreshed */
	fx_stop(&fx);
}

static void journeys_can_be_unready(void **state)
{
	struct fx fx = { .port = 0 };
	const char *query = "{orders(first:1,sortKey:ID){nodes{customerJourneySummary{ready "
			    "customerOrderIndex moments(first:1){nodes{occurredAt}}}}}}";

	(void)state;
	start(&fx, "standard");
	fx_control(&fx, "/control/faults",
		   "{\"provider\":\"shopify\",\"endpoint\":\"orders\",\"kind\":\"not_ready\"}");
	answers(&fx, query,
		"{\"orders\":{\"nodes\":[{\"customerJourneySummary\":{\"ready\":false,"
		"\"customerOrderIndex\":"
		"null,\"moments\":{\"nodes\":[]}}}]}}");
	answers(&fx, query,
		"{\"orders\":{\"nodes\":[{\"customerJourneySummary\":{\"ready\":true,"
		"\"customerOrderIndex\":1,"
		"\"moments\":{\"nodes\":[{\"occurredAt\":\"2024-12-30T00:00:00Z\"}]}}}]}}");
	fx_stop(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shop_tells_about_itself),
		cmocka_unit_test(lines_round_half_up),
		cmocka_unit_test(absent_values_are_null),
		cmocka_unit_test(journeys_keep_their_order),
		cmocka_unit_test(products_have_variants_and_stock),
		cmocka_unit_test(refresh_tokens_rotate),
		cmocka_unit_test(access_tokens_expire),
		cmocka_unit_test(the_date_is_the_shops_evening),
		cmocka_unit_test(the_bucket_empties_and_says_so),
		cmocka_unit_test(too_dear_and_wrong_requests),
		cmocka_unit_test(faults_come_as_ordered),
		cmocka_unit_test(journeys_can_be_unready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
