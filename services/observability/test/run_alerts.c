/* Alerts without a database: where webhooks may lead, when they are tried again, how they are
 * signed; windows of samples. Rules are in run_rule.c. */
#include "channel.h"
#include "deliver.h"
#include "notice.h"
#include "samples.h"
#include "samples_window.h"

#include "core/timeutil.h"
#include "json/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct arena *arena;

/* ---- addresses ---- */

static bool is_public(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return channel_address_public((const struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return channel_address_public((const struct sockaddr *)&v6);
}

static void test_addresses(void **state)
{
	static const char *const refused[] = {
		"0.0.0.0",
		"10.0.0.1",
		"10.255.255.255",
		"100.64.0.1",
		"100.127.255.255",
		"127.0.0.1",
		"127.8.9.10",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.0.0.8",
		"192.0.2.1",
		"192.88.99.1",
		"192.168.1.1",
		"198.18.0.1",
		"198.19.255.255",
		"198.51.100.7",
		"203.0.113.9",
		"224.0.0.1",
		"239.255.255.255",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"::ffff:8.8.8.8",
		"::ffff:127.0.0.1",
		"64:ff9b::8.8.8.8",
		"fc00::1",
		"fd12:3456::1",
		"fe80::1",
		"ff02::1",
		"2001::1",
		"2001:db8::1",
		"2002:7f00:1::1",
		"3fff::1",
		"100::1",
	};
	static const char *const taken[] = {
		"1.1.1.1",         "8.8.8.8",        "9.255.255.255",
		"11.0.0.1",        "100.63.255.255", "100.128.0.1",
		"126.0.0.1",       "128.0.0.1",      "169.253.0.1",
		"172.15.255.255",  "172.32.0.1",     "192.167.0.1",
		"198.17.255.255",  "198.20.0.1",     "223.255.255.255",
		"2606:4700::1111", "2a00:1450::1",   "2001:4860:4860::8888",
	};
	const struct sockaddr local = { .sa_family = AF_UNIX };

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (is_public(refused[i]))
			fail_msg("%s is taken for public", refused[i]);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (!is_public(taken[i]))
			fail_msg("%s is not taken for public", taken[i]);
	assert_false(channel_address_public(&local));
}

static void test_urls(void **state)
{
	static const char *const refused[] = {
		"http://example.com/",
		"https://127.0.0.1/x",
		"https://10.1.2.3:8443/",
		"https://[::1]/",
		"https://[fe80::1]:1/",
		"https://localhost/",
		"https://LOCALHOST:9/",
		"https://a@example.com/",
		"https://a:b@8.8.8.8/",
		"https://169.254.169.254/latest/meta-data",
		"https:///x",
		"https://[::1",
	};
	static const char *const taken[] = {
		"https://example.com/",
		"https://example.com:8443/a?b=c@d",
		"https://8.8.8.8/hook",
		"https://[2606:4700::1111]/",
		"https://hooks.example.com/webhook/a/b",
	};
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		err = (struct error){ 0 };
		if (channel_url_check(refused[i], false, &err) != ST_INVALID)
			fail_msg("%s is taken", refused[i]);
		assert_string_equal(err.field, "url");
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (channel_url_check(taken[i], false, &err) != ST_OK)
			fail_msg("%s: %s", taken[i], err.detail);
	/* The operator allows private ones, but never a password in the URL. */
	assert_int_equal(channel_url_check("http://127.0.0.1:8400/hook", true, &err), ST_OK);
	assert_int_equal(channel_url_check("http://u:p@127.0.0.1/", true, &err), ST_INVALID);
}

/* ---- again ---- */

static void test_about_four_hours(void **state)
{
	int64_t total = 0, most = 0;

	(void)state;
	for (int n = 1; n <= DELIVER_ATTEMPTS; n++) {
		struct attempt r = { 0 };

		deliver_failed(n, 0, n - 1, 0, 0, &r);
		assert_int_equal(r.state,
				 n < DELIVER_ATTEMPTS ? DELIVERY_WAITING : DELIVERY_FAILED);
		assert_int_equal(r.failures, n);
		total += r.wait_us;
		assert_true(r.wait_us == 0 || r.wait_us > most);
		most = r.wait_us > most ? r.wait_us : most;
		assert_true(r.rest_us <= DELIVER_REST_MAX_S * US_PER_SECOND);
		assert_true(r.rest_us >= 2 * US_PER_SECOND);
	}
	assert_in_range(total / US_PER_SECOND, 14000, 16000);
}

static void test_retry_after(void **state)
{
	struct attempt r = { 0 };

	(void)state;
	deliver_failed(1, 0, 0, 120, 0, &r);
	assert_true(r.wait_us >= 120 * US_PER_SECOND);
	assert_true(r.rest_us >= 120 * US_PER_SECOND);
	deliver_failed(1, 0, 0, 86400, 0, &r); /* nobody makes us wait a day */
	assert_true(r.wait_us <= DELIVER_AFTER_MAX_S * US_PER_SECOND);
	deliver_failed(6, 0, 5, 1, 0, &r); /* our own wait is longer */
	assert_true(r.wait_us >= 3600 * US_PER_SECOND);
	deliver_failed(6, 0, 5, 1, 50, &r); /* ours are cut short, the receiver's is not */
	assert_int_equal(r.wait_us, US_PER_SECOND);
	assert_int_equal(r.rest_us, US_PER_SECOND);
	deliver_failed(6, 0, 5, 0, 50, &r);
	assert_int_equal(r.wait_us, 50000);
	assert_int_equal(r.rest_us, 50000);
	deliver_failed(1, (DELIVER_AGE_MAX_S + 1) * US_PER_SECOND, 0, 0, 0, &r);
	assert_int_equal(r.state, DELIVERY_FAILED);
	deliver_failed(1, 0, INT32_MAX - 1, 0, 0, &r);
	assert_int_equal(r.rest_us, DELIVER_REST_MAX_S * US_PER_SECOND);
}

/* ---- the notice ---- */

static struct alert_change change_of(enum change change)
{
	return (struct alert_change){
		.change = change,
		.seq = 8,
		.notice_id = "0190a000-0000-7000-8000-000000000001",
		.alert = { .alert_id = "0190a000-0000-7000-8000-000000000002",
			   .rule_id = "0190a000-0000-7000-8000-000000000003",
			   .rule = "errors \"above\" 5 %",
			   .metric = METRIC_ERRORS,
			   .severity = SEVERITY_CRIT,
			   .value = 75000,
			   .threshold = 50000,
			   .text = "error rate 7.5 % over 5 minutes: above 5 %",
			   .fired_us = INT64_C(1795253400) * US_PER_SECOND,
			   .resolved_us = INT64_C(1795253460) * US_PER_SECOND,
			   .has_resolved_value = true,
			   .resolved_value = 30000,
			   .resolved_text = "error rate 3 %" },
	};
}

static void assert_text(const cJSON *o, const char *name, const char *want)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsString(item))
		fail_msg("%s is no text", name);
	assert_string_equal(item->valuestring, want);
}

static cJSON *body_of(const struct alert_change *c)
{
	const char *body = NULL;
	struct error err = { 0 };
	cJSON *json = NULL;

	assert_int_equal(notice_body(arena, "0190a000-0000-7000-8000-00000000000a", c, &body, &err),
			 ST_OK);
	assert_int_equal(json_parse(body, strlen(body), 8, 0, &json, &err), ST_OK);
	return json;
}

static void test_bodies(void **state)
{
	const struct alert_change fired = change_of(CHANGE_FIRED),
				  over = change_of(CHANGE_RESOLVED);
	cJSON *json = body_of(&fired);
	const cJSON *alert = cJSON_GetObjectItemCaseSensitive(json, "alert");

	(void)state;
	assert_text(json, "notice_id", fired.notice_id);
	assert_text(json, "change", "fired");
	assert_text(json, "tenant_id", "0190a000-0000-7000-8000-00000000000a");
	assert_text(json, "occurred_at", "2026-11-21T09:30:00Z");
	assert_text(alert, "rule", "errors \"above\" 5 %");
	assert_text(alert, "metric", "error_rate");
	assert_text(alert, "severity", "critical");
	assert_text(alert, "state", "firing");
	assert_text(alert, "value", "7.5");
	assert_text(alert, "threshold", "5");
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(alert, "resolved_at")));
	cJSON_Delete(json);
	json = body_of(&over);
	alert = cJSON_GetObjectItemCaseSensitive(json, "alert");
	assert_text(json, "change", "resolved");
	assert_text(json, "occurred_at", "2026-11-21T09:31:00Z");
	assert_text(alert, "state", "resolved");
	assert_text(alert, "resolved_value", "3");
	cJSON_Delete(json);
}

/* The signature, by another library. */
static void test_signature(void **state)
{
	static const char secret[] = "whsec_0123456789";
	static const char signed_text[] = "1795253400.{\"a\":1}";
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char want[128] = "t=1795253400,v1=";

	(void)state;
	assert_non_null(HMAC(EVP_sha256(), secret, (int)strlen(secret),
			     (const unsigned char *)signed_text, strlen(signed_text), mac, &len));
	assert_int_equal(len, 32);
	for (unsigned i = 0; i < len; i++)
		snprintf(want + strlen(want), sizeof(want) - strlen(want), "%02x", mac[i]);
	assert_string_equal(notice_signature(arena, secret, 1795253400, "{\"a\":1}"), want);
	assert_string_not_equal(
		notice_signature(arena, "whsec_0123456788", 1795253400, "{\"a\":1}"), want);
}

static void test_secrets(void **state)
{
	char a[NOTICE_SECRET_MAX], b[NOTICE_SECRET_MAX];

	(void)state;
	notice_secret(a);
	notice_secret(b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 6 + 43);
	assert_memory_equal(a, "whsec_", 6);
}

/* ---- samples ---- */

static void test_windows(void **state)
{
	const int64_t now = INT64_C(1795253407) * US_PER_SECOND; /* 09:30:07 */
	struct window w = window_at(300, now);

	(void)state;
	assert_int_equal(w.tier, 0);
	assert_int_equal(w.since_s, INT64_C(1795253407) - 307);
	/* A slot leaves when the window begins behind it. */
	assert_int_equal(window_edge_us(300, w.since_s), now + 3 * US_PER_SECOND);
	assert_int_equal(window_at(300, window_edge_us(300, w.since_s)).since_s, w.since_s + 10);
	assert_int_equal(window_at(300, window_edge_us(300, w.since_s) - 1).since_s, w.since_s);
	assert_int_equal(window_at(3600, now).tier, 0);
	assert_int_equal(window_at(3601, now).tier, 1);
	assert_int_equal(window_at(86400, now).tier, 1);
	assert_int_equal(window_at(86401, now).tier, 2);
	assert_int_equal(window_at(2592000, now).since_s % 3600, 0);
	for (int i = 0; i < SLOT_TIERS; i++) /* what a window needs is kept */
		assert_true(slot_tiers[i].keep_s >= slot_tiers[i].window_s + slot_tiers[i].slot_s);
}

static void test_requests_that_count(void **state)
{
	(void)state;
	assert_true(samples_counts_request("api-edge", "GET /api/brands"));
	assert_true(samples_counts_request("api-edge", "POST /api/brands/{brand_id}/ask"));
	assert_false(samples_counts_request("api-edge", "GET /api/alerts/stream"));
	assert_false(samples_counts_request("auth", "ListBrands"));
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new(1024 * 1024);
	return arena ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_about_four_hours),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_requests_that_count),
	};

	return cmocka_run_group_tests_name("alerts", tests, setup, teardown);
}
