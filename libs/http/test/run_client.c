/* Whole answers, limits, threads. Faults are in run_faults.c. */
#include "misbehaving.h"

#include <pthread.h>

/* ---- answers ---- */

static void test_methods(void **state)
{
	static const struct {
		const char *method, *body, *want;
	} rows[] = {
		{ "GET", NULL,
		  "GET /echo?a=1 type=- token=t agent=pulsepoint-test/1 empty=yes expect=no "
		  "body=" },
		{ "POST", "x=y",
		  "POST /echo?a=1 type=- token=t agent=pulsepoint-test/1 empty=yes expect=no "
		  "body=x=y" },
		{ "POST", NULL,
		  "POST /echo?a=1 type=- token=t agent=pulsepoint-test/1 empty=yes expect=no "
		  "body=" },
		{ "PUT", "p",
		  "PUT /echo?a=1 type=- token=t agent=pulsepoint-test/1 empty=yes expect=no "
		  "body=p" },
		{ "PATCH", "q",
		  "PATCH /echo?a=1 type=- token=t agent=pulsepoint-test/1 empty=yes expect=no "
		  "body=q" },
		{ "DELETE", NULL,
		  "DELETE /echo?a=1 type=- token=t agent=pulsepoint-test/1 empty=yes expect=no "
		  "body=" },
		{ "DELETE", "d",
		  "DELETE /echo?a=1 type=- token=t agent=pulsepoint-test/1 empty=yes expect=no "
		  "body=d" },
	};
	struct http_header headers[] = { { "X-Token", "t" }, { "X-Empty", "" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_request q = { .method = rows[i].method,
					  .url = url_of("/echo?a=1"),
					  .headers = headers,
					  .n_headers = 2,
					  .body = rows[i].body,
					  .body_len = rows[i].body ? strlen(rows[i].body) : 0 };

		assert_int_equal(http_send(client, &q, arena, &res, &err), ST_OK);
		assert_int_equal(res.code, 200);
		assert_string_equal(res.body, rows[i].want);
		assert_int_equal(res.body_len, strlen(rows[i].want));
		assert_int_equal(res.date_us, INT64_C(1795253400) * US_PER_SECOND);
		assert_int_equal(res.retry_after_s, 0);
	}
}

static void test_content_type_is_the_callers(void **state)
{
	struct http_header header = { "content-type", "application/json" };
	struct http_request q = { .method = "POST",
				  .url = url_of("/echo"),
				  .headers = &header,
				  .n_headers = 1,
				  .body = "{}",
				  .body_len = 2 };

	(void)state;
	assert_int_equal(http_send(client, &q, arena, &res, &err), ST_OK);
	assert_non_null(strstr(res.body, "type=application/json "));
}

static void test_chunked(void **state)
{
	(void)state;
	assert_int_equal(get("/chunked"), ST_OK);
	assert_string_equal(res.body, "hello world");
}

static void test_only_the_final_headers(void **state)
{
	(void)state;
	assert_int_equal(get("/early"), ST_OK);
	assert_int_equal(res.code, 201);
	assert_null(http_response_header(&res, "X-Early"));
	assert_string_equal(http_response_header(&res, "X-FINAL"), "yes");
	assert_string_equal(http_response_header(&res, "Content-Length"), "2");
	assert_int_equal(res.n_headers, 3);
	assert_null(http_response_header(&res, "X"));
}

static void test_codes_are_answers(void **state)
{
	(void)state;
	assert_int_equal(get("/unknown"), ST_OK);
	assert_int_equal(res.code, 404);
	assert_int_equal(get("/no_content"), ST_OK);
	assert_int_equal(res.code, 204);
	assert_string_equal(res.body, "");
	assert_int_equal(get("/redirect"), ST_OK);
	assert_int_equal(res.code, 302);
	assert_string_equal(http_response_header(&res, "location"), "/echo");
	assert_int_equal(atomic_load(&requests), 3); /* not followed */
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *path;
		int code, wait;
	} rows[] = {
		{ "/throttled", 429, 17 },
		{ "/throttled_until", 503,
		  125 }, /* 09:30:00 to 09:32:05 by the server's clock, not ours */
		{ "/bad_dates", 503, 0 },
		{ "/huge_wait", 429, HTTP_RETRY_AFTER_SEEN_MAX_S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(get(rows[i].path), ST_OK);
		assert_int_equal(res.code, rows[i].code);
		assert_int_equal(res.retry_after_s, rows[i].wait);
		assert_true(http_code_transient(res.code));
	}
	assert_int_equal(res.date_us, 0);
}

static void test_connection_is_kept(void **state)
{
	struct http_client *own = http_client_new("own");
	struct http_request q = { .method = "GET", .url = url_of("/port") };
	char first[16];

	(void)state;
	assert_int_equal(http_send(own, &q, arena, &res, &err), ST_OK);
	snprintf(first, sizeof(first), "%s", res.body);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(http_send(own, &q, arena, &res, &err), ST_OK);
		assert_string_equal(res.body, first);
	}
	http_client_free(own);
}

/* ---- limits ---- */

static void test_body_limit(void **state)
{
	static const char *const paths[] = { "/big", "/big_chunks", "/packed" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct http_request q = secret_get(paths[i]);

		q.max_body = BIG_BODY;
		assert_int_equal(http_send(client, &q, arena, &res, &err), ST_OK);
		assert_int_equal(res.body_len, BIG_BODY);
		assert_int_equal(res.body[BIG_BODY - 1], "bc\0"[i]);
		q.max_body = BIG_BODY - 1;
		expect_fault(&q, HTTP_FAULT_TOO_LARGE);
	}
}

static void test_arena_limit(void **state)
{
	struct arena *small = arena_new(1024 * 1024);
	struct http_request q = { .method = "GET", .url = url_of("/big") };

	(void)state;
	assert_int_equal(http_send(client, &q, small, &res, &err), ST_INTERNAL);
	assert_int_equal(res.fault, HTTP_FAULT_MEMORY);
	assert_null(res.body);
	arena_free(small);
}

static void test_header_limit(void **state)
{
	struct http_request q = secret_get("/many_headers");

	(void)state;
	expect_fault(&q, HTTP_FAULT_TOO_LARGE);
	/* The client is as good as before. */
	assert_int_equal(get("/echo"), ST_OK);
}

/* ---- threads ---- */

#define CROWD      8
#define CROWD_EACH 40

static void *crowd_send(void *arg)
{
	atomic_int *good = arg;
	struct arena *own = arena_new(1024 * 1024);

	for (int i = 0; i < CROWD_EACH; i++) {
		struct http_request q = { .method = "POST", .body = "crowd", .body_len = 5 };
		struct http_response r;
		struct error e = { 0 };

		arena_reset(own);
		q.url = arena_printf(own, "%s/echo?n=%d", base, i);
		if (http_send(client, &q, own, &r, &e) == ST_OK &&
		    strstr(r.body, arena_printf(own, "?n=%d ", i)) && strstr(r.body, "body=crowd"))
			atomic_fetch_add(good, 1);
	}
	arena_free(own);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[CROWD];
	atomic_int good = 0;

	(void)state;
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_send, &good), 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&good), CROWD * CROWD_EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_methods, test_setup),
		cmocka_unit_test_setup(test_content_type_is_the_callers, test_setup),
		cmocka_unit_test_setup(test_chunked, test_setup),
		cmocka_unit_test_setup(test_only_the_final_headers, test_setup),
		cmocka_unit_test_setup(test_codes_are_answers, test_setup),
		cmocka_unit_test_setup(test_retry_after, test_setup),
		cmocka_unit_test_setup(test_connection_is_kept, test_setup),
		cmocka_unit_test_setup(test_body_limit, test_setup),
		cmocka_unit_test_setup(test_arena_limit, test_setup),
		cmocka_unit_test_setup(test_header_limit, test_setup),
		cmocka_unit_test_setup(test_threads, test_setup),
	};

	return cmocka_run_group_tests_name("client", tests, group_setup, group_teardown);
}
