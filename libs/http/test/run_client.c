/* The client against a civetweb server of our own that behaves as badly as providers do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/timeutil.h"
#include "http/client.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define ARENA_MAX (64 * 1024 * 1024)
#define BIG_BODY  (3 * 1024 * 1024)

static struct mg_context *server, *closing; /* keeps connections alive; closes after each answer */
static char base[64], closing_base[64];
static struct http_client *client;
static struct arena *arena;
static struct error err;
static struct http_response res;
static atomic_int requests; /* that reached a handler */
static atomic_bool arrived; /* a handler holds its request */
static atomic_bool let_go;  /* ... until this */
static const char secret[] = "s3cr3t-t0ken";

/* ---- the server: one function a path ---- */

static void raw(struct mg_connection *c, const char *head, const char *body)
{
	mg_write(c, head, strlen(head));
	mg_write(c, body, strlen(body));
}

static void plain(struct mg_connection *c, const char *body)
{
	char head[200];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 09:30:00 GMT\r\nContent-Length: %zu\r\n"
		 "Content-Type: text/plain\r\n\r\n",
		 strlen(body));
	raw(c, head, body);
}

/* Tells what arrived: method, headers of interest, remote port, body. */
static void echo(struct mg_connection *c)
{
	const struct mg_request_info *ri = mg_get_request_info(c);
	const char *type = mg_get_header(c, "Content-Type"), *token = mg_get_header(c, "X-Token");
	const char *agent = mg_get_header(c, "User-Agent"), *empty = mg_get_header(c, "X-Empty");
	char body[1024], text[2048];
	int n = mg_read(c, body, sizeof(body) - 1);

	body[n > 0 ? n : 0] = '\0';
	snprintf(text, sizeof(text),
		 "%s %s?%s type=%s token=%s agent=%s empty=%s expect=%s body=%s",
		 ri->request_method, ri->request_uri, ri->query_string ? ri->query_string : "",
		 type ? type : "-", token ? token : "-", agent ? agent : "-", empty ? "yes" : "no",
		 mg_get_header(c, "Expect") ? "yes" : "no", body);
	plain(c, text);
}

static void port(struct mg_connection *c)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", mg_get_request_info(c)->remote_port);
	plain(c, text);
}

/* Holds the request until the test lets go (or half a minute has passed). */
static void hold(struct mg_connection *c)
{
	int64_t deadline = time_mono_us() + 30 * US_PER_SECOND;

	atomic_store(&arrived, true);
	while (!atomic_load(&let_go) && time_mono_us() < deadline)
		time_sleep_us(time_mono_us() + 1000);
	plain(c, "late");
}

static void truncated(struct mg_connection *c)
{
	raw(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n",
	    "{\"half\":");
}

static void truncated_chunk(struct mg_connection *c)
{
	raw(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
	    "8\r\n{\"half\":\r\n");
}

static void nothing(struct mg_connection *c)
{
	(void)c;
}

static void garbage(struct mg_connection *c)
{
	raw(c, "220 smtp.example ready\r\n", "");
}

static void chunked(struct mg_connection *c)
{
	raw(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "5\r\nhello\r\n1\r\n \r\n5;x=y\r\nworld\r\n0\r\nX-Trailer: 1\r\n\r\n");
}

static void early(struct mg_connection *c)
{
	raw(c, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n", "");
	raw(c,
	    "HTTP/1.1 201 Created\r\nX-Final: yes \r\nx-final: second\r\nContent-Length: 2\r\n\r\n",
	    "ok");
}

static void throttled(struct mg_connection *c)
{
	raw(c, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 4\r\n\r\n",
	    "wait");
}

static void throttled_until(struct mg_connection *c)
{
	raw(c,
	    "HTTP/1.1 503 Service Unavailable\r\nDate: Sat, 21 Nov 2026 09:30:00 GMT\r\n"
	    "Retry-After: Sat, 21 Nov 2026 09:32:05 GMT\r\nContent-Length: 0\r\n\r\n",
	    "");
}

static void bad_dates(struct mg_connection *c)
{
	raw(c,
	    "HTTP/1.1 503 Service Unavailable\r\nDate: yesterday\r\nRetry-After: "
	    "soon\r\nContent-Length: 0\r\n\r\n",
	    "");
}

static void huge_wait(struct mg_connection *c)
{
	raw(c,
	    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 99999999\r\nContent-Length: 0\r\n\r\n",
	    "");
}

static void redirect(struct mg_connection *c)
{
	raw(c, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n", "");
}

static void many_headers(struct mg_connection *c)
{
	raw(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "");
	for (int i = 0; i < HTTP_ANSWER_HEADERS_MAX; i++)
		mg_printf(c, "X-%d: 1\r\n", i);
	raw(c, "\r\n", "");
}

static void no_content(struct mg_connection *c)
{
	raw(c, "HTTP/1.1 204 No Content\r\n\r\n", "");
}

static void big(struct mg_connection *c)
{
	char head[100], *body = malloc(BIG_BODY);

	assert_non_null(body);
	memset(body, 'b', BIG_BODY);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG_BODY);
	mg_write(c, head, strlen(head));
	mg_write(c, body, BIG_BODY);
	free(body);
}

/* A large body without a length said beforehand. */
static void big_chunks(struct mg_connection *c)
{
	char chunk[4096];

	memset(chunk, 'c', sizeof(chunk));
	raw(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", "");
	for (int i = 0; i < BIG_BODY / 4096; i++) {
		if (mg_send_chunk(c, chunk, sizeof(chunk)) <= 0)
			return;
	}
	mg_send_chunk(c, "", 0);
}

/* BIG_BODY zeros, packed into some kilobytes. */
static void packed(struct mg_connection *c)
{
	z_stream z = { 0 };
	uint8_t *in = calloc(1, BIG_BODY), *out = malloc(BIG_BODY);

	assert_non_null(in);
	assert_non_null(out);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = in;
	z.avail_in = BIG_BODY;
	z.next_out = out;
	z.avail_out = BIG_BODY;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	mg_printf(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
		  z.total_out);
	mg_write(c, out, z.total_out);
	deflateEnd(&z);
	free(in);
	free(out);
}

static const struct {
	const char *path;
	void (*serve)(struct mg_connection *c);
} pages[] = {
	{ "/echo", echo },
	{ "/port", port },
	{ "/hold", hold },
	{ "/truncated", truncated },
	{ "/truncated_chunk", truncated_chunk },
	{ "/nothing", nothing },
	{ "/garbage", garbage },
	{ "/chunked", chunked },
	{ "/early", early },
	{ "/throttled", throttled },
	{ "/throttled_until", throttled_until },
	{ "/bad_dates", bad_dates },
	{ "/huge_wait", huge_wait },
	{ "/redirect", redirect },
	{ "/many_headers", many_headers },
	{ "/no_content", no_content },
	{ "/big", big },
	{ "/big_chunks", big_chunks },
	{ "/packed", packed },
};

static int serve(struct mg_connection *c, void *arg)
{
	const struct mg_request_info *ri = mg_get_request_info(c);

	(void)arg;
	atomic_fetch_add(&requests, 1);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		size_t len = strlen(pages[i].path);

		if (strncmp(ri->request_uri, pages[i].path, len) == 0 &&
		    (ri->request_uri[len] == '\0' || ri->request_uri[len] == '/')) {
			pages[i].serve(c);
			return 200;
		}
	}
	raw(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "");
	return 404;
}

static struct mg_context *start(const char *keep_alive, char ret_base[64])
{
	const char *options[] = { "listening_ports",
				  "127.0.0.1:0",
				  "num_threads",
				  "12",
				  "enable_keep_alive",
				  keep_alive,
				  "keep_alive_timeout_ms",
				  "5000",
				  "tcp_nodelay",
				  "1",
				  NULL };
	struct mg_context *ctx = mg_start(NULL, NULL, options);
	struct mg_server_port ports[1];

	assert_non_null(ctx);
	mg_set_request_handler(ctx, "/**", serve, NULL);
	assert_int_equal(mg_get_server_ports(ctx, 1, ports), 1);
	snprintf(ret_base, 64, "http://127.0.0.1:%d", ports[0].port);
	return ctx;
}

static int group_setup(void **state)
{
	(void)state;
	/* A proxy in the environment must not be used. */
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	mg_init_library(0);
	server = start("yes", base);
	closing = start("no", closing_base);
	client = http_client_new("pulsepoint-test/1");
	arena = arena_new(ARENA_MAX);
	return client == NULL || arena == NULL;
}

static int group_teardown(void **state)
{
	(void)state;
	atomic_store(&let_go, true);
	http_client_free(client);
	mg_stop(server);
	mg_stop(closing);
	mg_exit_library();
	arena_free(arena);
	return 0;
}

static int test_setup(void **state)
{
	(void)state;
	arena_reset(arena);
	err = (struct error){ 0 };
	atomic_store(&requests, 0);
	atomic_store(&arrived, false);
	atomic_store(&let_go, false);
	return 0;
}

static char *url_of(const char *path)
{
	return arena_printf(arena, "%s%s", base, path);
}

static enum status get(const char *path)
{
	struct http_request q = { .method = "GET", .url = url_of(path) };

	return http_send(client, &q, arena, &res, &err);
}

/* A request that ends without a whole answer: fault, status, words; and the secrets stay out of it.
 */
static void expect_fault(const struct http_request *q, enum http_fault want)
{
	enum status st = http_send(client, q, arena, &res, &err);

	if (res.fault != want)
		fail_msg("fault %d (%s), expected %d", (int)res.fault, err.detail, (int)want);
	assert_int_equal(st, http_fault_status(want));
	assert_int_equal(err.status, st);
	assert_int_equal(res.code, 0);
	assert_null(res.body);
	assert_non_null(strstr(err.detail, http_fault_words(want)));
	assert_null(strstr(err.detail, secret));
	assert_null(strstr(err.detail, "/path"));
}

static struct http_request secret_get(const char *path)
{
	static struct http_header header = { "Authorization", secret };
	struct http_request q = { .method = "GET", .headers = &header, .n_headers = 1 };

	q.url = arena_printf(arena, "%s%s/path?token=%s", base, path, secret);
	return q;
}

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

/* ---- faults ---- */

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
		cmocka_unit_test_setup(test_truncated, test_setup),
		cmocka_unit_test_setup(test_not_http, test_setup),
		cmocka_unit_test_setup(test_timeout, test_setup),
		cmocka_unit_test_setup(test_deadline_already_past, test_setup),
		cmocka_unit_test_setup(test_cancel, test_setup),
		cmocka_unit_test_setup(test_refused, test_setup),
		cmocka_unit_test_setup(test_unresolvable, test_setup),
		cmocka_unit_test_setup(test_tls, test_setup),
		cmocka_unit_test_setup(test_bad_requests, test_setup),
		cmocka_unit_test_setup(test_threads, test_setup),
	};

	return cmocka_run_group_tests_name("client", tests, group_setup, group_teardown);
}
