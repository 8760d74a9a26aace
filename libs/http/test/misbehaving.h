/*
 * A civetweb server that behaves as badly as providers do, and small helpers, for the tests of the
 * client. One function a path. Only for run_*.c of this folder.
 */
#ifndef HTTP_TEST_MISBEHAVING_H
#define HTTP_TEST_MISBEHAVING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/timeutil.h"
#include "http/client.h"

#include <civetweb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static inline void raw(struct mg_connection *c, const char *head, const char *body)
{
	mg_write(c, head, strlen(head));
	mg_write(c, body, strlen(body));
}

static inline void plain(struct mg_connection *c, const char *body)
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

/* A first piece; the second only once the first was heard, or never. */
static void two_pieces(struct mg_connection *c, bool second)
{
	int64_t deadline = time_mono_us() + 30 * US_PER_SECOND;

	raw(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", "");
	mg_send_chunk(c, "first", 5);
	while (second && !atomic_load(&let_go) && time_mono_us() < deadline)
		time_sleep_us(time_mono_us() + 1000);
	deadline = time_mono_us() + 2 * US_PER_SECOND;
	while (!second && time_mono_us() < deadline)
		time_sleep_us(time_mono_us() + 10000);
	mg_send_chunk(c, "second", 6);
	mg_send_chunk(c, "", 0);
}

static void drip(struct mg_connection *c)
{
	two_pieces(c, true);
}

static void silent(struct mg_connection *c)
{
	two_pieces(c, false);
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
	{ "/drip", drip },
	{ "/silent", silent },
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

static inline char *url_of(const char *path)
{
	return arena_printf(arena, "%s%s", base, path);
}

static inline enum status get(const char *path)
{
	struct http_request q = { .method = "GET", .url = url_of(path) };

	return http_send(client, &q, arena, &res, &err);
}

/* A request that ends without a whole answer: fault, status, words; and the secrets stay out of it.
 */
static inline void expect_fault(const struct http_request *q, enum http_fault want)
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

static inline struct http_request secret_get(const char *path)
{
	static struct http_header header = { "Authorization", secret };
	struct http_request q = { .method = "GET", .headers = &header, .n_headers = 1 };

	q.url = arena_printf(arena, "%s%s/path?token=%s", base, path, secret);
	return q;
}

#endif
