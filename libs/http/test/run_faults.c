/* What can go wrong on the way: each by its name, and without the secrets of the request. */
#include "misbehaving.h"

#include <netinet/in.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <unistd.h>

static void test_truncated(void **state)
{
	static const char *const paths[] = { "/truncated", "/truncated_chunk", "/nothing" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct http_request q = secret_get(paths[i]);

		q.url = arena_printf(arena, "%s%s/path?token=%s", closing_base, paths[i], secret);

		expect_fault(&q, HTTP_FAULT_TRUNCATED);
		assert_int_equal(err.status, ST_UPSTREAM);
		assert_non_null(strstr(err.detail, "127.0.0.1"));
	}
}

static void test_not_http(void **state)
{
	struct http_request q = secret_get("/garbage");

	(void)state;
	expect_fault(&q, HTTP_FAULT_PROTOCOL);
}

static void test_timeout(void **state)
{
	struct http_request q = secret_get("/hold");

	(void)state;
	q.total_ms = 50;
	expect_fault(&q, HTTP_FAULT_TIMEOUT);
	assert_int_equal(err.status, ST_TIMEOUT);
	q.total_ms = 20000;
	q.deadline_mono_us = time_mono_us() + 50000;
	expect_fault(&q, HTTP_FAULT_TIMEOUT);
	atomic_store(&let_go, true);
}

static void test_deadline_already_past(void **state)
{
	struct http_request q = secret_get("/echo");

	(void)state;
	q.deadline_mono_us = time_mono_us() - 1;
	expect_fault(&q, HTTP_FAULT_TIMEOUT);
	assert_int_equal(atomic_load(&requests), 0);
}

static void *cancel_on_arrival(void *flag)
{
	int64_t deadline = time_mono_us() + 20 * US_PER_SECOND;

	while (!atomic_load(&arrived) && time_mono_us() < deadline)
		time_sleep_us(time_mono_us() + 1000);
	atomic_store((atomic_bool *)flag, true);
	return NULL;
}

static void test_cancel(void **state)
{
	struct http_request q = secret_get("/hold");
	atomic_bool flag = false;
	pthread_t thread;

	(void)state;
	q.cancel = &flag;
	assert_int_equal(pthread_create(&thread, NULL, cancel_on_arrival, &flag), 0);
	expect_fault(&q, HTTP_FAULT_CANCELLED);
	pthread_join(thread, NULL);
	assert_true(atomic_load(&arrived));
	atomic_store(&let_go, true);
}

/* A port that nobody listens on: bound by us, never listened on. */
static void test_refused(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);
	struct http_request q = secret_get("/echo");

	(void)state;
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&at, &len), 0);
	q.url = arena_printf(arena, "http://127.0.0.1:%d/path?token=%s", ntohs(at.sin_port),
			     secret);
	expect_fault(&q, HTTP_FAULT_CONNECT);
	close(s);
}

static atomic_int asked;

static bool not_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;

	atomic_fetch_add(&asked, 1);
	return address->sa_family == AF_INET && v4->sin_addr.s_addr != htonl(INADDR_LOOPBACK);
}

static bool anywhere(const struct sockaddr *address)
{
	atomic_fetch_add(&asked, 1);
	return address->sa_family == AF_INET;
}

/* The name is resolved first: what it says does not matter, where it leads does. */
static void test_address_not_allowed(void **state)
{
	struct http_client *own = http_client_new("pulsepoint-test/1"), *all = client;
	struct http_request q = secret_get("/echo");
	char named[80];

	(void)state;
	assert_non_null(own);
	client = own; /* without connections that nobody was asked for */
	atomic_store(&asked, 0);
	q.address_allowed = not_loopback;
	expect_fault(&q, HTTP_FAULT_ADDRESS);
	assert_int_equal(atomic_load(&asked), 1);
	snprintf(named, sizeof(named), "http://localhost%s/echo", strrchr(base, ':'));
	q.url = named;
	expect_fault(&q, HTTP_FAULT_ADDRESS);
	assert_int_equal(atomic_load(&requests), 0);
	atomic_store(&asked, 0);
	q = secret_get("/echo");
	q.address_allowed = anywhere;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(http_send(client, &q, arena, &res, &err), ST_OK);
		assert_int_equal(res.code, 200);
	}
	assert_int_equal(atomic_load(&asked), 1); /* once for each connection */
	client = all;
	http_client_free(own);
}

static void test_unresolvable(void **state)
{
	struct http_request q = secret_get("/echo");
	char label[80];

	(void)state;
	memset(label, 'a', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	q.url = arena_printf(arena, "http://%s.example/path?token=%s", label, secret);
	expect_fault(&q, HTTP_FAULT_RESOLVE);
}

static void test_tls(void **state)
{
	struct http_request q = secret_get("/echo");

	(void)state;
	q.url = arena_printf(arena, "https%s/path?token=%s", base + strlen("http"), secret);
	expect_fault(&q, HTTP_FAULT_TLS);
	assert_int_equal(atomic_load(&requests), 0);
}

/* What must not be sent is not sent. */
static void test_bad_requests(void **state)
{
	static const struct http_header breaks = { "X-A", "1\r\nX-B: 2" }, named = { "X A", "1" },
					unnamed = { "", "1" };
	static const char *const urls[] = {
		"ftp://127.0.0.1/",
		"file:///etc/passwd",
		"127.0.0.1/echo",
		"",
		"http://",
		"http:///echo",
		"http://user:pass@127.0.0.1/",
		"http://127.0.0.1/a b",
		"http://127.0.0.1/\r\nX: 1",
		"http://127.0.0.1/\303\251",
	};
	const struct http_header *const headers[] = { &breaks, &named, &unnamed };
	struct http_request q;
	char *longest = arena_alloc(arena, HTTP_URL_MAX + 1);

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		q = secret_get("/echo");
		q.url = urls[i];
		expect_fault(&q, HTTP_FAULT_REQUEST);
	}
	for (size_t i = 0; i < 3; i++) {
		q = secret_get("/echo");
		q.headers = headers[i];
		expect_fault(&q, HTTP_FAULT_REQUEST);
	}
	q = secret_get("/echo");
	q.method = "get";
	expect_fault(&q, HTTP_FAULT_REQUEST);
	q = secret_get("/echo");
	q.body = "x";
	q.body_len = 1;
	expect_fault(&q, HTTP_FAULT_REQUEST);
	q = secret_get("/echo");
	q.max_body = (size_t)HTTP_BODY_MAX + 1;
	expect_fault(&q, HTTP_FAULT_REQUEST);
	memset(longest, 'a', HTTP_URL_MAX);
	memcpy(longest, "http://h/", 9);
	q = secret_get("/echo");
	q.url = longest;
	expect_fault(&q, HTTP_FAULT_REQUEST);
	assert_int_equal(atomic_load(&requests), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_truncated, test_setup),
		cmocka_unit_test_setup(test_not_http, test_setup),
		cmocka_unit_test_setup(test_timeout, test_setup),
		cmocka_unit_test_setup(test_deadline_already_past, test_setup),
		cmocka_unit_test_setup(test_cancel, test_setup),
		cmocka_unit_test_setup(test_refused, test_setup),
		cmocka_unit_test_setup(test_address_not_allowed, test_setup),
		cmocka_unit_test_setup(test_unresolvable, test_setup),
		cmocka_unit_test_setup(test_tls, test_setup),
		cmocka_unit_test_setup(test_bad_requests, test_setup),
	};

	return cmocka_run_group_tests_name("faults", tests, group_setup, group_teardown);
}
