/* The operator's port: counters by page, pace, webhooks received, and refusals that name the field.
 */
#include "test/fixture.h"

#include "core/timeutil.h"

static const char orders[] = "1,#1,2025-01-01T00:00:00Z,2025-01-02T00:00:00Z,2025-01-03T00:00:00Z,"
			     "c1,GBP,PAID,,false,GB\n"
			     "2,#2,2025-01-01T00:00:00Z,2025-01-02T00:00:00Z,2025-01-03T00:00:00Z,"
			     "c1,GBP,PAID,,false,GB\n";

static cJSON *state_of(struct fx *fx)
{
	fx_request(fx, "GET", "/control/state?pages=1", NULL, NULL);
	assert_int_equal(fx->status, 200);
	return fx_json(fx);
}

/* A counter of one endpoint; -1 when the endpoint was never asked. */
static int counter(const cJSON *j, const char *endpoint, const char *name)
{
	const cJSON *e;

	cJSON_ArrayForEach(
		e, fx_at(j, "served.endpoints")) if (strcmp(fx_text(e, "endpoint"), endpoint) ==
						     0) return fx_at(e, name)
		->valueint;
	return -1;
}

static void pages_fetched_again_are_counted(void **state)
{
	struct fx fx = { .port = 0 };
	cJSON *j;

	(void)state;
	fx_folder(&fx, "orders.csv", orders, NULL);
	fx_start(&fx, "standard");
	cJSON_Delete(fx_gql(&fx, "{orders(first:1){nodes{id} pageInfo{endCursor}}}", NULL));
	j = state_of(&fx);
	assert_int_equal(fx_at(j, "dataset.orders")->valueint, 2);
	assert_int_equal(fx_at(j, "served.distinct_pages")->valueint, 1);
	assert_int_equal(fx_at(j, "served.pages_fetched_again")->valueint, 0);
	cJSON_Delete(j);
	cJSON_Delete(fx_gql(&fx, "{orders(first:1){nodes{id name}}}", NULL));
	cJSON_Delete(fx_gql(&fx, "{orders(first:1,query:\"id:2\"){nodes{id}}}", NULL));
	fx_control(&fx, "/control/faults",
		   "{\"provider\":\"shopify\",\"endpoint\":\"orders\",\"kind\":\"throttle\"}");
	cJSON_Delete(fx_gql(&fx, "{orders(first:1){nodes{id}}}", NULL));
	j = state_of(&fx);
	assert_int_equal(fx_at(j, "served.distinct_pages")->valueint, 2);
	assert_int_equal(fx_at(j, "served.pages_fetched_again")->valueint, 1);
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "served.pages")), 2);
	assert_int_equal(counter(j, "orders", "requests"), 4);
	assert_int_equal(counter(j, "orders", "pages"), 3);
	assert_int_equal(counter(j, "orders", "throttled"), 1);
	assert_int_equal(counter(j, "orders", "faults"), 1);
	assert_int_equal(counter(j, "token", "requests"), 1); /* of Shopify, which was met first */
	cJSON_Delete(j);
	fx_stop(&fx);
}

static void pace_and_slowness_delay(void **state)
{
	struct fx fx = { .port = 0 };
	int64_t before;

	(void)state;
	fx_folder(&fx, NULL);
	fx_start(&fx, "standard");
	fx_control(&fx, "/control/pace", "{\"provider\":\"shopify\",\"delay_ms\":120}");
	before = time_mono_us();
	cJSON_Delete(fx_gql(&fx, "{shop{name}}", NULL));
	assert_true(time_mono_us() - before >= 120000);
	fx_control(&fx, "/control/pace", "{\"provider\":\"shopify\",\"delay_ms\":0}");
	fx_control(&fx, "/control/faults",
		   "{\"provider\":\"shopify\",\"kind\":\"slow\",\"delay_ms\":150}");
	before = time_mono_us();
	cJSON_Delete(fx_gql(&fx, "{shop{name}}", NULL));
	assert_true(time_mono_us() - before >= 150000);
	fx_stop(&fx);
}

static void webhooks_are_kept(void **state)
{
	const char *const headers[] = { "X-Pulsepoint-Signature: t=1,v1=ab",
					"Content-Type: application/json", NULL };
	struct fx fx = { .port = 0 };
	cJSON *j;

	(void)state;
	fx_folder(&fx, NULL);
	fx_start(&fx, "standard");
	fx_request(&fx, "POST", "/control/webhook/alerts", headers, "{\"n\":1}");
	fx_request(&fx, "POST", "/control/webhook/other", headers, "{\"n\":2}");
	fx_request(&fx, "POST", "/control/webhook/alerts?status=503", headers, "{\"n\":3}");
	assert_int_equal(fx.status, 503); /* kept all the same: the sender shall try again */
	fx_request(&fx, "GET", "/control/webhook/alerts", NULL, NULL);
	j = fx_json(&fx);
	assert_int_equal(fx_at(j, "total")->valueint, 2);
	assert_string_equal(fx_text(j, "received.0.body"), "{\"n\":1}");
	assert_string_equal(fx_text(j, "received.1.body"), "{\"n\":3}");
	assert_string_equal(fx_text(j, "received.0.headers.X-Pulsepoint-Signature"), "t=1,v1=ab");
	assert_true(cJSON_IsFalse(fx_at(j, "full")));
	cJSON_Delete(j);
	fx_request(&fx, "GET", "/control/webhook/alerts?offset=1", NULL, NULL);
	j = fx_json(&fx);
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "received")), 1);
	cJSON_Delete(j);
	fx_request(&fx, "DELETE", "/control/webhook/alerts", NULL, NULL);
	fx_request(&fx, "GET", "/control/webhook/other", NULL, NULL);
	j = fx_json(&fx);
	assert_int_equal(fx_at(j, "total")->valueint, 1);
	cJSON_Delete(j);
	fx_stop(&fx);
}

/* What led to no order leaves through here, and only that; nothing of it is lost on the way. */
static void visits_without_an_order_are_exported(void **state)
{
	static const char visits[] = "v1,1,1,2025-01-01T00:00:00Z,google,SEO,,,,,,\n"
				     "\"v\"\"2\",,1,2025-01-01T00:00:00.5Z,news,,email,\"May, 25\","
				     ",,https://x/?a=1,\n"
				     "v3,,7,2025-01-02T00:00:00Z,,,,,,,,\n";
	struct fx fx = { .port = 0 };

	(void)state;
	fx_folder(&fx, "orders.csv", orders, "visits.csv", visits, NULL);
	fx_start(&fx, "standard");
	fx_request(&fx, "GET", "/control/visits", NULL, NULL);
	assert_int_equal(fx.status, 200);
	assert_string_equal(
		buf_str(&fx.body),
		"{\"visitor_id\":\"v\\\"2\",\"position\":1,\"occurred_at\":"
		"\"2025-01-01T00:00:00.500Z\",\"source\":\"news\",\"source_type\":\"\","
		"\"medium\":\"email\",\"campaign\":\"May, 25\",\"content\":\"\",\"term\":\"\","
		"\"landing_page\":\"https://x/?a=1\",\"referrer\":\"\"}\n"
		"{\"visitor_id\":\"v3\",\"position\":7,\"occurred_at\":\"2025-01-02T00:00:00Z\","
		"\"source\":\"\",\"source_type\":\"\",\"medium\":\"\",\"campaign\":\"\","
		"\"content\":\"\",\"term\":\"\",\"landing_page\":\"\",\"referrer\":\"\"}\n");
	fx_stop(&fx);
}

static void wrong_orders_are_refused(void **state)
{
	static const char *const table[][3] = {
		{ "/control/faults", "{\"provider\":\"bing\",\"kind\":\"slow\"}",
		  "provider must be" },
		{ "/control/faults", "{\"provider\":\"meta\",\"kind\":\"odd\"}", "kind must be" },
		{ "/control/faults", "{\"provider\":\"meta\",\"kind\":\"slow\",\"delay_ms\":-1}",
		  "delay_ms must be a number" },
		{ "/control/faults", "{\"provider\":\"meta\",\"kind\":\"slow\",\"count\":0}",
		  "count must be at least 1" },
		{ "/control/faults", "nonsense", "not a JSON object" },
		{ "/control/clock", "{}", "now (a time) or advance_s" },
		{ "/control/pace", "{\"provider\":\"meta\",\"delay_ms\":\"x\"}",
		  "delay_ms must be" },
		{ "/control/nope", "{}", "no such control" },
	};
	struct fx fx = { .port = 0 };

	(void)state;
	fx_folder(&fx, NULL);
	fx_start(&fx, "standard");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		fx_request(&fx, "POST", table[i][0], NULL, table[i][1]);
		assert_true(fx.status == 400 || fx.status == 404);
		assert_non_null(strstr(buf_str(&fx.body), table[i][2]));
	}
	fx_stop(&fx);
}

/* Answers under way keep the data they began with while the folder is read again and again. */
static void *reload_often(void *arg)
{
	struct fx *fx = arg;
	struct error err = { 0 };

	for (int i = 0; i < 50; i++)
		if (sim_reload(&fx->sim, &err) != ST_OK)
			return fx;
	return NULL;
}

static void reloading_disturbs_nobody(void **state)
{
	struct fx fx = { .port = 0 };
	pthread_t thread;
	void *failed = NULL;

	(void)state;
	fx_unpack(&fx, "nasty");
	fx_start(&fx, "enterprise");
	assert_int_equal(pthread_create(&thread, NULL, reload_often, &fx), 0);
	for (int i = 0; i < 50; i++) {
		cJSON *j = fx_gql(&fx,
				  "{orders(first:250){nodes{id lineItems(first:9){nodes{title}}}}}",
				  NULL);

		assert_int_equal(cJSON_GetArraySize(fx_at(j, "data.orders.nodes")), 140);
		cJSON_Delete(j);
	}
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	fx_stop(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_fetched_again_are_counted),
		cmocka_unit_test(pace_and_slowness_delay),
		cmocka_unit_test(webhooks_are_kept),
		cmocka_unit_test(visits_without_an_order_are_exported),
		cmocka_unit_test(wrong_orders_are_refused),
		cmocka_unit_test(reloading_disturbs_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
