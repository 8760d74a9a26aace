/*
 * The bytes of a request: bodies that are too large, chunked, broken off or slow, and what two
 * parsers may read differently, which is refused (RFC 9112, ASVS 4.2.1). Read next:
 * test_edge_http.c.
 */
#include "component/edge_fixture.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define THREADS 12
#define BODY_MS "1500"

static struct world w;
static struct gate_proc edge;
static const char *token; /* of an admin without limits */

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	return 0;
}

/* ---- bodies ---- */

static const char *post(const char *more, const char *body)
{
	return arena_printf(w.arena,
			    "POST /api/brands HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
			    "%s\r\n%s\r\n%s",
			    token, more, body);
}

/* The body is announced and never sent: the answer comes all the same, and the end after it. */
static void a_body_too_large_is_not_waited_for(void **state)
{
	static const char *const lengths[] = { "65537", "10000000000", "999999999999999999" };
	struct answer r;
	struct wire c;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		wire_open(&c, edge.port);
		wire_puts(&c,
			  post(arena_printf(w.arena, "Content-Length: %s\r\n", lengths[i]), ""));
		r = wire_answer(&c, w.arena, false);
		assert_problem(&r, 413, "body");
		assert_header(&r, w.arena, "Connection", "close");
		assert_true(wire_ended(&c));
		wire_close(&c);
	}
	/* The same for whoever may not even ask; GET is no way around it. */
	wire_open(&c, edge.port);
	wire_puts(&c, "GET /api/brands HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
		      "10000000000\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 401, NULL);
	assert_header(&r, w.arena, "Connection", "close");
	assert_true(wire_ended(&c));
	wire_close(&c);
}

/* A client that sends it all before it reads still gets to read. */
static void whoever_sends_on_hears_the_refusal(void **state)
{
	const size_t len = (size_t)2 * 1024 * 1024;
	char *body = arena_alloc(w.arena, len + 1);
	struct answer r;
	struct wire c;

	(void)state;
	memset(body, ' ', len);
	for (int i = 0; i < 5; i++) {
		wire_open(&c, edge.port);
		wire_puts(&c, post(arena_printf(w.arena, "Content-Length: %zu\r\n", len), ""));
		assert_true(wire_send(&c, body, len));
		r = wire_answer(&c, w.arena, false);
		assert_problem(&r, 413, "body");
		assert_true(wire_ended(&c));
		wire_close(&c);
	}
	/* 64 KiB are taken. */
	memcpy(body, "{\"name\":\"Large\"}", 16);
	body[65536] = '\0';
	r = edge_as(&w, edge.port, token, "POST /api/brands", body);
	assert_int_equal(r.status, 201);
}

static void chunks_make_a_body(void **state)
{
	static const char *const whole[] = {
		"10\r\n{\"name\":\"Chunk\"}\r\n0\r\n\r\n",
		"1\r\n{\r\n00000001\r\n\"\r\nE\r\nname\":\"Chunk\"}\r\n0\r\n\r\n",
		"10\r\n{\"name\":\"Chunk\"}\r\n0\r\nTrailer: yes\r\n\r\n",
	};
	static const char *const broken[] = {
		"10\r\n{\"name\":\"Chunk\"}\r\n",        /* and no more */
		"10\r\n{\"name\":\"Chunk\"}XX0\r\n\r\n", /* longer than it says */
		"zz\r\n{\"name\":\"Chunk\"}\r\n0\r\n\r\n",
		"-10\r\n{\"name\":\"Chunk\"}\r\n0\r\n\r\n",
		"ffffffffffffffffffff\r\n{\"name\":\"Chunk\"}\r\n0\r\n\r\n",
		"8000000000000000\r\n{\"name\":\"Chunk\"}\r\n0\r\n\r\n",
		"{\"name\":\"Chunk\"}",
		"\r\n",
	};
	int64_t before = world_sql_int(&w, "SELECT count(*) FROM auth.brands");
	char spaces[4096];
	struct answer r;
	struct wire c;

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		r = edge_raw(&w, edge.port, post("Transfer-Encoding: chunked\r\n", whole[i]));
		assert_int_equal(r.status, 201);
		assert_header(&r, w.arena, "Connection", "close");
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		wire_open(&c, edge.port);
		wire_puts(&c, post("Transfer-Encoding: chunked\r\n", broken[i]));
		shutdown(c.fd, SHUT_WR);
		r = wire_answer(&c, w.arena, false);
		if (r.status != 400)
			fail_msg("row %zu: %d %s", i, r.status, r.body);
		assert_problem(&r, 400, "body");
		assert_true(wire_ended(&c));
		wire_close(&c);
	}
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.brands"), before + 3);
	/* A chunked body is limited like any other. */
	wire_open(&c, edge.port);
	wire_puts(&c, post("Transfer-Encoding: chunked\r\n", "10001\r\n"));
	memset(spaces, ' ', sizeof(spaces));
	for (int i = 0; i < 65536 / (int)sizeof(spaces); i++)
		assert_true(wire_send(&c, spaces, sizeof(spaces)));
	wire_send(&c, spaces, 1);
	wire_puts(&c, "\r\n0\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 413, "body");
	wire_close(&c);
}

static void a_body_that_breaks_off_is_refused(void **state)
{
	struct answer r;
	struct wire c;

	(void)state;
	wire_open(&c, edge.port);
	wire_puts(&c, post("Content-Length: 17\r\n", "{\"name\":\"Short\"}"));
	shutdown(c.fd, SHUT_WR);
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 400, "body");
	assert_true(wire_ended(&c));
	wire_close(&c);
	/* Kept open and silent, it ends by the clock. */
	wire_open(&c, edge.port);
	wire_puts(&c, post("Content-Length: 17\r\n", "{\"name\":\"Short\"}"));
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 408, "body");
	assert_true(wire_ended(&c));
	wire_close(&c);
}

/* A byte now and then does not buy more time. */
static void a_dripping_body_ends_by_the_clock(void **state)
{
	struct answer r;
	struct wire c;
	int sent = 0;

	(void)state;
	wire_open(&c, edge.port);
	wire_puts(&c, post("Content-Length: 60000\r\n", "{"));
	while (sent < 1000 && wire_puts(&c, " ")) {
		char byte;

		sent++;
		if (recv(c.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
			break;
		time_sleep_us(time_mono_us() + 20000);
	}
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 408, "body");
	assert_true(sent < 1000);
	wire_close(&c);
}

static void bodies_and_queries_have_their_place(void **state)
{
	struct answer r =
		edge_as(&w, edge.port, token, "POST /api/brands?name=x", "{\"name\":\"x\"}");

	(void)state;
	assert_problem(&r, 400, "query");
	r = edge_as(&w, edge.port, token, "GET /api/brands", "{}");
	assert_problem(&r, 400, "body");
	r = edge_raw(
		&w, edge.port,
		post("Content-Type: text/plain\r\nContent-Length: 12\r\n", "{\"name\":\"x\"}"));
	assert_problem(&r, 415, "Content-Type");
	r = edge_raw(&w, edge.port,
		     post("Content-Type: application/json; charset=utf-8\r\nContent-Length: 12\r\n",
			  "{\"name\":\"x\"}"));
	assert_int_equal(r.status, 201);
	r = edge_raw(&w, edge.port, post("Content-Length: 0\r\n", ""));
	assert_problem(&r, 400, "name");
	r = edge_raw(&w, edge.port, post("", ""));
	assert_problem(&r, 400, "name");
	/* A key on a route that takes none is no fault; a bad one is, everywhere. */
	r = edge_ask(
		&w, edge.port, "GET /api/brands",
		arena_printf(w.arena, "Authorization: Bearer %s\r\nIdempotency-Key: k\r\n", token),
		NULL);
	assert_int_equal(r.status, 200);
	r = edge_ask(&w, edge.port, "GET /api/brands",
		     arena_printf(w.arena,
				  "Authorization: Bearer %s\r\nIdempotency-Key: \xc3\xa4\r\n",
				  token),
		     NULL);
	assert_problem(&r, 400, "Idempotency-Key");
}

static void a_key_makes_one_brand(void **state)
{
	const char *head = arena_printf(
		w.arena, "Authorization: Bearer %s\r\nIdempotency-Key: one-%d\r\n", token, 1);
	struct answer a = edge_ask(&w, edge.port, "POST /api/brands", head, "{\"name\":\"Once\"}");
	struct answer b = edge_ask(&w, edge.port, "POST /api/brands", head, "{\"name\":\"Once\"}");
	struct answer other =
		edge_ask(&w, edge.port, "POST /api/brands", head, "{\"name\":\"Twice\"}");

	(void)state;
	assert_int_equal(a.status, 201);
	assert_int_equal(b.status, 201);
	assert_string_equal(a.body, b.body);
	assert_problem(&other, 422, NULL);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.brands WHERE name = 'Once'"),
			 1);
}

static void leave_to_send_is_given_once_it_is_due(void **state)
{
	struct answer r;
	struct wire c;

	(void)state;
	wire_open(&c, edge.port);
	wire_puts(&c, post("Expect: 100-Continue\r\nContent-Length: 19\r\n", ""));
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 100);
	wire_puts(&c, "{\"name\":\"Expected\"}");
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 201);
	wire_close(&c);
	/* Whoever is refused is not asked for his body. */
	wire_open(&c, edge.port);
	wire_puts(&c, "POST /api/brands HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
		      "Content-Length: 19\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 401, NULL);
	assert_true(wire_ended(&c));
	wire_close(&c);
	wire_open(&c, edge.port);
	wire_puts(&c, post("Expect: 100-continue\r\nContent-Length: 70000\r\n", ""));
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 413, "body");
	assert_true(wire_ended(&c));
	wire_close(&c);
	r = edge_raw(&w, edge.port, post("Expect: coffee\r\n", ""));
	assert_problem(&r, 417, "Expect");
}

/* ---- smuggling ---- */

#define SECOND "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* Each row leaves bytes that one reading takes for a body and another for a request. */
static void nothing_is_smuggled(void **state)
{
	static const char *const heads[] = {
		"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
		"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: identity\r\nContent-Length: 4\r\n",
		"Transfer-Encoding: gzip, chunked\r\n",
		"Transfer-Encoding: xchunked\r\n",
		"Transfer-Encoding: chunked \r\n",
		"Transfer-Encoding : chunked\r\n",
		"Transfer-Encoding:\r\n chunked\r\n",
		"X: a\r\n b\r\nContent-Length: 4\r\n",
		"X: a\r\n\tb\r\nContent-Length: 4\r\n",
		"X:\r\n \r\nContent-Length: 4\r\n",
		"Content-Length: 0\r\nContent-Length: 44\r\n",
		"Content-Length: 4\r\nContent-Length: 4\r\n",
		"Content-Length: 4, 4\r\n",
		"Content-Length: +4\r\n",
		"Content-Length: -4\r\n",
		"Content-Length: 4x\r\n",
		"Content-Length: 0x4\r\n",
		"Content-Length: 4 4\r\n",
		"Content-Length: \r\n",
		"Content-Length: 99999999999999999999\r\n",
		"Content-Length : 4\r\n",
		"Content-Length\r\n",
		": 4\r\n",
		"Host: localhost\r\n",
		"Host: other\r\n",
		"X: a\n\r\n",
		"X: a\r\r\n",
		"X\x01: a\r\n",
	};
	static const char *const starts[] = {
		"POST /api/auth/logout HTTP/1.1\r\nHost: localhost\r\n",
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
	};
	struct answer r;
	struct wire c;

	(void)state;
	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
			wire_open(&c, edge.port);
			wire_puts(&c,
				  arena_printf(w.arena, "%s%s\r\n" SECOND, starts[s], heads[i]));
			r = wire_answer(&c, w.arena, false);
			if (r.status != 400 || !wire_ended(&c))
				fail_msg("%s: %d and more", heads[i], r.status);
			assert_problem(&r, 400, NULL);
			assert_header(&r, w.arena, "Connection", "close");
			wire_close(&c);
		}
	r = edge_raw(&w, edge.port, "GET /healthz HTTP/1.1\r\n\r\n");
	assert_problem(&r, 400, "Host");
	r = edge_raw(
		&w, edge.port,
		"POST /api/auth/logout HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	assert_problem(&r, 400, "Transfer-Encoding");
}

/*
 * civetweb skips white space into what the connection before left in the buffer. Every thread gets
 * a request whose body is a request, then one that is white space up to there.
 */
static void nobody_is_served_the_request_of_another(void **state)
{
	char blank[1024];
	struct wire c;

	(void)state;
	memset(blank, ' ', sizeof(blank));
	for (int i = 0; i < 3 * THREADS; i++) {
		const char *head = "POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\n"
				   "Content-Type: application/json\r\nContent-Length: 44\r\n\r\n";
		struct answer r;
		size_t at;

		wire_open(&c, edge.port);
		wire_puts(&c, head);
		wire_puts(&c, SECOND "  ");
		r = wire_answer(&c, w.arena, false);
		assert_problem(&r, 400, NULL);
		wire_close(&c);
		at = strlen(head);
		for (int blanks = 0; blanks < 2; blanks++) {
			wire_open(&c, edge.port);
			memcpy(blank + at - 2, "\n\n", 2);
			wire_send(&c, blank, at);
			r = wire_answer(&c, w.arena, false);
			assert_problem(&r, 400, NULL);
			assert_true(wire_ended(&c));
			wire_close(&c);
			memset(blank, '\r', sizeof(blank));
		}
	}
}

static void two_requests_on_one_connection_stay_apart(void **state)
{
	struct answer r;
	struct wire c;

	(void)state;
	/* The first fails on its content, having been read: the connection goes on. */
	wire_open(&c, edge.port);
	wire_puts(&c, post("X-Request-Id: first\r\nContent-Length: 43\r\n",
			   SECOND "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
				  "X-Request-Id: second\r\n\r\n"));
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 400, "body");
	assert_header(&r, w.arena, "X-Request-Id", "first");
	assert_header(&r, w.arena, "Connection", "");
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 200);
	assert_header(&r, w.arena, "X-Request-Id", "second");
	wire_close(&c);
	wire_open(&c, edge.port);
	for (int i = 0; i < 20; i++)
		wire_puts(&c, arena_printf(w.arena,
					   "GET /%s HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: "
					   "n%d\r\n\r\n",
					   i % 2 ? "healthz" : "nowhere", i));
	for (int i = 0; i < 20; i++) {
		r = wire_answer(&c, w.arena, false);
		assert_int_equal(r.status, i % 2 ? 200 : 404);
		assert_header(&r, w.arena, "X-Request-Id", arena_printf(w.arena, "n%d", i));
	}
	wire_close(&c);
	/* Refused before its body was read: the body is not the next request. */
	wire_open(&c, edge.port);
	wire_puts(&c, "POST /api/brands HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
		      "43\r\n\r\n" SECOND SECOND);
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 401, NULL);
	assert_true(wire_ended(&c));
	wire_close(&c);
}

static void floods_are_refused(void **state)
{
	char *text = arena_alloc(w.arena, 40000);
	struct answer r;
	struct wire c;

	(void)state;
	/* The 65th header would be dropped, with what it says of the body. */
	for (int n = 62; n < 70; n++) {
		size_t len = (size_t)snprintf(text, 40000,
					      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n");

		for (int i = 2; i < n; i++)
			len += (size_t)snprintf(text + len, 40000 - len, "X-%d: y\r\n", i);
		snprintf(text + len, 40000 - len, "Content-Length: 43\r\n\r\n" SECOND);
		wire_open(&c, edge.port);
		wire_puts(&c, text);
		r = wire_answer(&c, w.arena, false);
		assert_int_equal(r.status, n <= 64 ? 200 : 400);
		assert_true(wire_ended(&c));
		wire_close(&c);
	}
	for (int where = 0; where < 2; where++) {
		memset(text, 'a', 39999);
		memcpy(text, "GET /", 5);
		if (where)
			memcpy(text, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", 36);
		wire_open(&c, edge.port);
		wire_send(&c, text, 39999);
		r = wire_answer(&c, w.arena, false);
		assert_problem(&r, 400, NULL);
		wire_close(&c);
	}
	/* A long path within the head's limit is looked up like another. */
	memset(text, 'a', 15000);
	text[15000] = '\0';
	r = edge_raw(&w, edge.port,
		     arena_printf(w.arena, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", text));
	assert_problem(&r, 404, NULL);
}

/* One thread is left of all, and it serves everybody else. */
static void slow_clients_hold_only_their_own_thread(void **state)
{
	struct wire slow[THREADS - 1];

	(void)state;
	for (int i = 0; i < THREADS - 1; i++) {
		wire_open(&slow[i], edge.port);
		wire_puts(&slow[i], i % 2 ? "GET /healthz HTTP/1.1\r\nHost:" : "G");
	}
	for (int i = 0; i < 50; i++)
		assert_int_equal(
			edge_ask(&w, edge.port, "GET /healthz", "Connection: close\r\n", NULL)
				.status,
			200);
	for (int i = 0; i < THREADS - 1; i++) {
		struct answer r;

		wire_puts(&slow[i], i % 2 ? " localhost\r\n\r\n"
					  : "ET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
		r = wire_answer(&slow[i], w.arena, false);
		assert_int_equal(r.status, 200);
		wire_close(&slow[i]);
	}
}

static int begin(void **state)
{
	static const char *const settings[] = { "PP_HTTP_HOSTS",
						"localhost, [::1]",
						"PP_HTTP_THREADS",
						"12",
						"PP_HTTP_STREAMS",
						"8",
						"PP_HTTP_BODY_MS",
						BODY_MS,
						NULL };

	(void)state;
	world_start(&w);
	token = edge_open(&w, &edge, settings);
	return 0;
}

static int finish(void **state)
{
	int code = edge_end(&edge);

	(void)state;
	world_stop(&w);
	return code;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_body_too_large_is_not_waited_for, fresh),
		cmocka_unit_test_setup(whoever_sends_on_hears_the_refusal, fresh),
		cmocka_unit_test_setup(chunks_make_a_body, fresh),
		cmocka_unit_test_setup(a_body_that_breaks_off_is_refused, fresh),
		cmocka_unit_test_setup(a_dripping_body_ends_by_the_clock, fresh),
		cmocka_unit_test_setup(bodies_and_queries_have_their_place, fresh),
		cmocka_unit_test_setup(a_key_makes_one_brand, fresh),
		cmocka_unit_test_setup(leave_to_send_is_given_once_it_is_due, fresh),
		cmocka_unit_test_setup(nothing_is_smuggled, fresh),
		cmocka_unit_test_setup(nobody_is_served_the_request_of_another, fresh),
		cmocka_unit_test_setup(two_requests_on_one_connection_stay_apart, fresh),
		cmocka_unit_test_setup(floods_are_refused, fresh),
		cmocka_unit_test_setup(slow_clients_hold_only_their_own_thread, fresh),
	};

	return cmocka_run_group_tests_name("edge_wire", tests, begin, finish);
}
