/*
 * The gateway as a client sees it: a nats-server, PostgreSQL, auth and api-edge, and bytes as they
 * are written. What two parsers may read differently is refused (RFC 9112, ASVS 4.2.1). Read next:
 * test_edge_service.c, test_edge_upload.c.
 */
#include "component/edge_fixture.h"

#include "contract/auth.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define ORIGIN  "https://app.example"
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

static const char *brand(const char *name)
{
	struct answer r = edge_as(&w, edge.port, token, "POST /api/brands",
				  arena_printf(w.arena, "{\"name\":\"%s\"}", name));

	if (r.status != 201)
		fail_msg("CreateBrand: %d %s", r.status, r.body);
	return answer_text_of(&w, &r, "brand_id");
}

static void assert_header(const struct answer *r, const char *name, const char *value)
{
	assert_string_equal(answer_header(r, w.arena, name), value);
}

/* ---- the way through ---- */

static void a_login_leads_to_brands(void **state)
{
	const char *id = brand("Caf\xc3\xa9 \\u0022x\\u0022");
	struct answer r = edge_as(&w, edge.port, token,
				  arena_printf(w.arena, "GET /api/brands/%s", id), NULL);

	(void)state;
	assert_int_equal(r.status, 200);
	assert_header(&r, "Content-Type", "application/json");
	assert_string_equal(answer_text_of(&w, &r, "brand_id"), id);
	assert_string_equal(answer_text_of(&w, &r, "name"), "Caf\xc3\xa9 \"x\"");
	r = edge_as(&w, edge.port, token, "GET /api/brands?q=Caf%C3%A9&page_size=5", NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(answer_text_of(&w, &r, "brand_id"), id);
	r = edge_as(&w, edge.port, token, arena_printf(w.arena, "PATCH /api/brands/%s", id),
		    "{\"name\":\"Tea\"}");
	assert_int_equal(r.status, 200);
	assert_string_equal(answer_text_of(&w, &r, "name"), "Tea");
	/* A public route takes no heed of a token, however bad. */
	r = edge_as(&w, edge.port, "nonsense", "GET /.well-known/jwks.json", NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(answer_text_of(&w, &r, "kty"), "EC");
}

static struct answer ask_match(const char *what, const char *match)
{
	return edge_ask(&w, edge.port, what,
			arena_printf(w.arena, "Authorization: Bearer %s\r\nIf-None-Match: %s\r\n",
				     token, match),
			NULL);
}

static void an_unchanged_answer_is_not_sent_again(void **state)
{
	const char *id = brand("Etag");
	const char *what = arena_printf(w.arena, "GET /api/brands/%s", id);
	struct answer r = edge_as(&w, edge.port, token, what, NULL);
	const char *etag = answer_header(&r, w.arena, "ETag");
	const char *forms[] = { etag, arena_printf(w.arena, "W/%s", etag),
				arena_printf(w.arena, "\"a\", %s, \"b\"", etag), "*" };

	(void)state;
	assert_int_equal(strlen(etag), 34);
	assert_header(&r, "Cache-Control", "private, no-cache");
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		r = ask_match(what, forms[i]);
		assert_int_equal(r.status, 304);
		assert_header(&r, "ETag", etag);
		assert_int_equal(answer_count(&r, "Content-Length"), 0);
	}
	assert_int_equal(ask_match(what, "\"0123456789abcdef0123456789abcdef\"").status, 200);
	assert_int_equal(ask_match(what, "").status, 200);
	r = edge_as(&w, edge.port, token, arena_printf(w.arena, "PATCH /api/brands/%s", id),
		    "{\"name\":\"Other\"}");
	assert_int_equal(r.status, 200);
	assert_int_equal(answer_count(&r, "ETag"), 0);
	assert_header(&r, "Cache-Control", "no-store");
	r = ask_match(what, etag);
	assert_int_equal(r.status, 200);
	assert_string_not_equal(answer_header(&r, w.arena, "ETag"), etag);
}

static void request_ids_are_echoed_unless_forged(void **state)
{
	static const char *const good[] = {
		"a", "Abc-1_2.3", "0123456789012345678901234567890123456789012345678901234567890123"
	};
	static const char *const bad[] = {
		"",           "a b",
		"a\"b",       "a{b}",
		"x;y",        "caf\xc3\xa9",
		"\xff",       "a/b",
		"%0d%0aX: y", "01234567890123456789012345678901234567890123456789012345678901234"
	};
	struct answer r;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		r = edge_ask(&w, edge.port, "GET /healthz",
			     arena_printf(w.arena, "X-Request-Id: %s\r\n", good[i]), NULL);
		assert_int_equal(r.status, 200);
		assert_header(&r, "X-Request-Id", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = edge_ask(&w, edge.port, "GET /nowhere",
			     arena_printf(w.arena, "X-Request-Id: %s\r\n", bad[i]), NULL);
		assert_problem(&r, 404, "");
		assert_true(uuid_valid(answer_header(&r, w.arena, "X-Request-Id")));
		assert_string_equal(answer_text_of(&w, &r, "instance"),
				    answer_header(&r, w.arena, "X-Request-Id"));
		assert_int_equal(answer_count(&r, "X"), 0);
	}
}

/* ---- what the bus sees: the test plays ingest-shopify ---- */

struct heard {
	pthread_mutex_t lock;
	char trace[128], id[128], ip[64], bearer[5000], timeout[32], forged[64];
	const char *detail, *field; /* to fail with */
	int calls;
};
static struct heard heard = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void copy_header(const struct bus_msg *m, const char *name, char *out, size_t cap)
{
	const char *v = bus_msg_header(m, name);

	snprintf(out, cap, "%s", v ? v : "");
}

static void play(void *arg, struct bus_msg *m)
{
	struct heard *h = &heard;
	struct bus_header answer[3] = { { "Pp-Status", "ok" } };
	int n = 1;

	pthread_mutex_lock(&h->lock);
	h->calls++;
	copy_header(m, "traceparent", h->trace, sizeof(h->trace));
	copy_header(m, "Pp-Request-Id", h->id, sizeof(h->id));
	copy_header(m, "Pp-Client-Ip", h->ip, sizeof(h->ip));
	copy_header(m, "Pp-Timeout-Ms", h->timeout, sizeof(h->timeout));
	copy_header(m, "Pp-Tenant", h->forged, sizeof(h->forged));
	copy_header(m, "Authorization", h->bearer, sizeof(h->bearer));
	if (h->detail) {
		answer[0].value = "invalid";
		answer[n++] = (struct bus_header){ "Pp-Detail", h->detail };
		answer[n++] = (struct bus_header){ "Pp-Field", h->field };
	}
	pthread_mutex_unlock(&h->lock);
	(void)!bus_reply(arg, m, answer, n, "", 0);
}

static struct bus_server *play_shopify(const char *field, const char *detail)
{
	struct bus_server *server = NULL;
	struct bus_server_config cfg = { .subject = "pp.rpc.ingest-shopify.>",
					 .queue = "ingest-shopify",
					 .workers = 2,
					 .queue_max = 64,
					 .serve = play,
					 .full = play,
					 .arg = world_bus(&w, "ingest-shopify") };

	heard.field = field;
	heard.detail = detail;
	heard.calls = 0;
	assert_int_equal(bus_serve(world_bus(&w, "ingest-shopify"), &cfg, &server), ST_OK);
	assert_int_equal(bus_flush(world_bus(&w, "ingest-shopify"), 5000), ST_OK);
	return server;
}

static void the_callee_learns_who_asked(void **state)
{
	struct bus_server *server = play_shopify(NULL, NULL);
	const char *trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	struct answer r = edge_ask(
		&w, edge.port, "GET /api/integrations/shopify",
		arena_printf(w.arena,
			     "Authorization: Bearer %s\r\ntraceparent: %s\r\nX-Request-Id: mine\r\n"
			     "Pp-Tenant: forged\r\nPp-Client-Ip: 6.6.6.6\r\nX-Forwarded-For: "
			     "6.6.6.6\r\n",
			     token, trace),
		NULL);

	(void)state;
	assert_int_equal(r.status, 200);
	assert_int_equal(heard.calls, 1);
	/* The same trace, another span. */
	assert_int_equal(strlen(heard.trace), 55);
	assert_memory_equal(heard.trace, trace, 36);
	assert_string_not_equal(heard.trace, trace);
	assert_string_equal(heard.id, "mine");
	assert_string_equal(heard.ip, "127.0.0.1");
	assert_string_equal(heard.forged, "");
	assert_string_equal(heard.bearer, arena_printf(w.arena, "Bearer %s", token));
	assert_in_range(strtol(heard.timeout, NULL, 10), 1, 10000);
	/* A trace that is none is replaced by one of our own. */
	r = edge_ask(&w, edge.port, "GET /api/integrations/shopify",
		     arena_printf(w.arena,
				  "Authorization: Bearer %s\r\ntraceparent: 00-zz-b7-01\r\n",
				  token),
		     NULL);
	assert_int_equal(r.status, 200);
	assert_int_equal(strlen(heard.trace), 55);
	assert_memory_equal(heard.trace, "00-", 3);
	bus_server_stop(server, 1000);
}

static void hostile_words_of_a_service_stay_json(void **state)
{
	struct bus_server *server =
		play_shopify("f\"\\\xff\xfe{", "</script>\"\\ \xc3\x28 \xed\xa0\x80 \x7f");
	struct answer r = edge_as(&w, edge.port, token, "GET /api/integrations/shopify", NULL);

	(void)state;
	assert_problem(&r, 400, NULL);
	assert_true(utf8_valid(r.body, r.len));
	assert_int_equal(heard.calls, 1);
	bus_server_stop(server, 1000);
}

/* ---- browsers ---- */

static void cors_is_for_listed_origins(void **state)
{
	static const char *const strangers[] = { "https://evil.example",     "null",
						 "https://app.example.evil", "http://app.example",
						 "https://app.exampl",       "" };
	struct answer r =
		edge_ask(&w, edge.port, "OPTIONS /api/brands",
			 "Origin: " ORIGIN "\r\nAccess-Control-Request-Method: POST\r\n", NULL);

	(void)state;
	assert_int_equal(r.status, 204);
	assert_header(&r, "Access-Control-Allow-Origin", ORIGIN);
	assert_non_null(strstr(answer_header(&r, w.arena, "Access-Control-Allow-Headers"),
			       "Authorization"));
	assert_non_null(
		strstr(answer_header(&r, w.arena, "Access-Control-Allow-Methods"), "PATCH"));
	assert_header(&r, "Vary", "Origin");
	assert_int_equal(answer_count(&r, "Content-Length"), 0);
	r = edge_ask(&w, edge.port, "GET /api/brands", "Origin: https://second.example\r\n", NULL);
	assert_problem(&r, 401, NULL);
	assert_header(&r, "Access-Control-Allow-Origin", "https://second.example");
	assert_int_equal(answer_count(&r, "Access-Control-Allow-Methods"), 0);
	/* Cookies are not a way in, so credentials are never allowed. */
	assert_int_equal(answer_count(&r, "Access-Control-Allow-Credentials"), 0);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		r = edge_ask(&w, edge.port, "OPTIONS /api/brands",
			     arena_printf(w.arena, "Origin: %s\r\n", strangers[i]), NULL);
		assert_int_equal(r.status, 204);
		assert_int_equal(answer_count(&r, "Access-Control-Allow-Origin"), 0);
		assert_int_equal(answer_count(&r, "Access-Control-Allow-Methods"), 0);
		assert_header(&r, "Vary", "Origin");
	}
}

static void other_hosts_are_not_served(void **state)
{
	static const char *const hosts[] = { "localhost", "LOCALHOST", "localhost:1234", "[::1]",
					     "[::1]:8080" };
	static const char *const others[] = { "evil.example", "localhost.evil", "local",
					      "[::2]",        "[::1",           "",
					      ":80" };

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		assert_int_equal(
			edge_raw(&w, edge.port,
				 arena_printf(w.arena, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n",
					      hosts[i]))
				.status,
			200);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct answer r =
			edge_raw(&w, edge.port,
				 arena_printf(w.arena, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n",
					      others[i]));

		assert_problem(&r, 400, "Host");
	}
}

/* ---- methods ---- */

static void methods_are_kept_to(void **state)
{
	static const char *const known[] = {
		"PUT", "DELETE", "PATCH", "PROPFIND", "MKCOL", "LOCK"
	};
	static const char *const unknown[] = { "TRACE", "BREW", "get", "G\xc3\x84T" };
	struct answer r = edge_as(&w, edge.port, token, "HEAD /api/brands", NULL), get;

	(void)state;
	get = edge_as(&w, edge.port, token, "GET /api/brands", NULL);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.len, 0);
	assert_header(&r, "Content-Length", arena_printf(w.arena, "%zu", get.len));
	assert_header(&r, "ETag", answer_header(&get, w.arena, "ETag"));
	assert_int_equal(edge_ask(&w, edge.port, "HEAD /healthz", "", NULL).status, 200);
	assert_int_equal(edge_ask(&w, edge.port, "HEAD /api/brands", "", NULL).status, 401);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		r = edge_ask(&w, edge.port, arena_printf(w.arena, "%s /api/brands", known[i]), "",
			     NULL);
		assert_problem(&r, 405, "");
		assert_header(&r, "Allow", "GET, POST, HEAD, OPTIONS");
		r = edge_ask(&w, edge.port, arena_printf(w.arena, "%s /healthz", known[i]), "",
			     NULL);
		assert_problem(&r, 405, "");
		assert_header(&r, "Allow", "GET, HEAD, OPTIONS");
	}
	r = edge_ask(&w, edge.port, "HEAD /api/auth/login", "", NULL);
	assert_int_equal(r.status, 405);
	assert_header(&r, "Allow", "POST, OPTIONS");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		r = edge_ask(&w, edge.port, arena_printf(w.arena, "%s /healthz", unknown[i]), "",
			     NULL);
		assert_problem(&r, 400, "");
		assert_header(&r, "Connection", "close");
	}
}

static void old_clients_and_closing_ones(void **state)
{
	struct answer r =
		edge_raw(&w, edge.port, "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
	struct wire c;

	(void)state;
	assert_int_equal(r.status, 200);
	assert_header(&r, "Connection", "close");
	wire_open(&c, edge.port);
	wire_puts(&c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
		      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	assert_header(&r, "Connection", "close");
	assert_true(wire_ended(&c));
	wire_close(&c);
	/* Upgrades are not taken up. */
	wire_open(&c, edge.port);
	wire_puts(&c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
		      "Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
		      "Sec-WebSocket-Version: 13\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 200);
	assert_header(&r, "Connection", "close");
	assert_true(wire_ended(&c));
	wire_close(&c);
	r = edge_raw(&w, edge.port, "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n");
	assert_problem(&r, 505, "");
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
		assert_header(&r, "Connection", "close");
		assert_true(wire_ended(&c));
		wire_close(&c);
	}
	/* The same for whoever may not even ask; GET is no way around it. */
	wire_open(&c, edge.port);
	wire_puts(&c, "GET /api/brands HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
		      "10000000000\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 401, NULL);
	assert_header(&r, "Connection", "close");
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
	struct answer r;
	struct wire c;

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		r = edge_raw(&w, edge.port, post("Transfer-Encoding: chunked\r\n", whole[i]));
		assert_int_equal(r.status, 201);
		assert_header(&r, "Connection", "close");
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
	for (int i = 0; i < 65537 / 17; i++)
		assert_true(wire_send(&c, "                 ", 17));
	wire_send(&c, "                 ", 65537 % 17);
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
			assert_header(&r, "Connection", "close");
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
	assert_header(&r, "X-Request-Id", "first");
	assert_header(&r, "Connection", "");
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 200);
	assert_header(&r, "X-Request-Id", "second");
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
		assert_header(&r, "X-Request-Id", arena_printf(w.arena, "n%d", i));
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

/* ---- refusals ---- */

static void tokens_are_asked_for_and_never_told(void **state)
{
	const char *forged =
		arena_printf(w.arena, "%.*s.AAAA", (int)(strrchr(token, '.') - token), token);
	const char *heads[] = { "",
				"Authorization: Basic dXNlcjpwYXNz\r\n",
				"Authorization: Bearer \r\n",
				"Authorization: Bearer SECRETSECRET\r\n",
				"Authorization: Bearer SECRET.SECRET.SECRET\r\n",
				"Authorization: Bearer \xff\xfeSECRET\r\n",
				"Authorization: Bearer ppo_SECRETSECRETSECRET\r\n",
				"Authorization: Bearer ppo_\xff\xfe\r\n",
				"Authorization: SECRET\r\n",
				arena_printf(w.arena, "Authorization: Bearer %s\r\n", forged),
				arena_printf(w.arena, "Authorization: Bearer %05000d\r\n", 7) };

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct answer r = edge_ask(&w, edge.port, "GET /api/brands", heads[i], NULL);

		if (r.status != 401)
			fail_msg("%s: %d %s", heads[i], r.status, r.body);
		assert_problem(&r, 401, NULL);
		assert_header(&r, "WWW-Authenticate", "Bearer realm=\"pulsepoint\"");
		assert_null(strstr(r.body, "SECRET"));
		assert_null(strstr(r.body, "dXNlc"));
		assert_null(strstr(r.body, ".AAAA"));
	}
	assert_false(tk_proc_logged(edge.p, "SECRET"));
	assert_false(tk_proc_logged(edge.p, strrchr(token, '.')));
}

static void hostile_names_stay_json(void **state)
{
	static const char *const paths[] = {
		"GET /api/brands?%22%5C%00=1",
		"GET /api/brands?%ff=1",
		"GET /api/brands?%22%5C%0a%7f=1",
		"GET /api/brands?q=%ff%fe",
		"GET /api/brands?q=%zz",
		"GET /api/brands?\"\\<>=1",
		"GET /api/brands?=1",
		"GET /api/brands?page_size=%22%3Cx",
		"GET /api/brands?page_size=1&page_size=2",
		"GET /api/brands/%ff%fe",
		"GET /api/brands/%22%5C%0d%0a",
		"GET /api/brands/%",
		"GET /api/brands/..%2f..%2fetc",
	};
	static const char *const bodies[] = {
		"{\"\\\"\\\\\\u0001\":1}", "{\"\xff\xfe\":1}",     "{\"name\":\"\xc3\x28\"}",
		"{\"name\":\"\\ud800\"}",  "{\"na\\u0000me\":1}",  "[[[[[[[[[[[[[[[[[[[[[[[[[[",
		"\xef\xbb\xbf{}",          "{\"\xe2\x80\xa8\":1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct answer r = edge_as(&w, edge.port, token, paths[i], NULL);

		if (r.status != 400)
			fail_msg("%s: %d %s", paths[i], r.status, r.body);
		assert_problem(&r, 400, NULL);
		assert_true(utf8_valid(r.body, r.len));
	}
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct answer r = edge_as(&w, edge.port, token, "POST /api/brands", bodies[i]);

		assert_problem(&r, 400, NULL);
		assert_true(utf8_valid(r.body, r.len));
	}
	/* 65 parameters. */
	char *many = arena_strdup(w.arena, "GET /api/brands?q=x");

	for (int i = 0; i < 64; i++)
		many = arena_printf(w.arena, "%s&p%d=1", many, i);
	struct answer r = edge_as(&w, edge.port, token, many, NULL);

	assert_problem(&r, 400, "query");
}

/* ---- the edge's own pages ---- */

/* Every sample's family has HELP and TYPE once, before its samples, which stand together. */
static void metrics_are_well_formed(void **state)
{
	struct answer r = edge_ask(&w, edge.port, "GET /metrics", "", NULL);
	char family[128] = "", *save = NULL;
	char *text = arena_strndup(w.arena, r.body, r.len);
	int samples = 0;

	(void)state;
	assert_int_equal(r.status, 200);
	assert_header(&r, "Content-Type", "text/plain; version=0.0.4");
	assert_int_equal(text[r.len - 1], '\n');
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[128], help[160], *end;
		const char *at;

		if (strncmp(line, "# HELP ", 7) == 0) {
			snprintf(family, sizeof(family), "%.*s", (int)strcspn(line + 7, " "),
				 line + 7);
			snprintf(help, sizeof(help), "# HELP %s ", family);
			at = strstr(r.body, help);
			assert_null(strstr(at + 1, help));
			snprintf(help, sizeof(help), "\n# TYPE %s ", family);
			at = strstr(r.body, help);
			assert_non_null(at);
			assert_null(strstr(at + 1, help));
			continue;
		}
		if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_memory_equal(line + 7, family, strlen(family));
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, "{ "), line);
		if (strncmp(name, family, strlen(family)) != 0)
			fail_msg("%s stands below %s", name, family);
		assert_non_null(strrchr(line, ' '));
		strtod(strrchr(line, ' ') + 1, &end);
		assert_string_equal(end, "");
		samples++;
	}
	assert_true(samples > 20);
	assert_non_null(strstr(r.body,
			       "pp_http_requests_total{method=\"GET\",route=\"/api/brands\","
			       "status=\"2xx\"} "));
	assert_non_null(strstr(r.body, "le=\"0.001000\"} "));
	assert_non_null(strstr(r.body, "le=\"+Inf\"} "));
	assert_null(strstr(r.body, "SECRET"));
}

static void pages_are_there(void **state)
{
	struct answer r = edge_ask(&w, edge.port, "GET /openapi.json", "", NULL);

	(void)state;
	assert_int_equal(r.status, 200);
	assert_string_equal(answer_text_of(&w, &r, "openapi"), "3.1.0");
	r = edge_ask(&w, edge.port, "GET /docs?x=y", "", NULL);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body, "/api/brands/{brand_id}"));
	r = edge_ask(&w, edge.port, "GET /readyz", "", NULL);
	assert_int_equal(r.status, 503); /* only auth is there */
	assert_string_equal(answer_text_of(&w, &r, "auth"), "ready");
	assert_string_equal(answer_text_of(&w, &r, "attribution"), "not ready");
	assert_int_equal(edge_ask(&w, edge.port, "GET /healthz", "", NULL).status, 200);
}

static int begin(void **state)
{
	static const char *const settings[] = { "PP_HTTP_ORIGINS",
						ORIGIN ", https://second.example,,null",
						"PP_HTTP_HOSTS",
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
	edge_spawn(&w, &edge, settings);
	token = arena_strdup(w.keep, edge_tenant(&w, edge.port, "unlimited", NULL));
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
		cmocka_unit_test_setup(a_login_leads_to_brands, fresh),
		cmocka_unit_test_setup(an_unchanged_answer_is_not_sent_again, fresh),
		cmocka_unit_test_setup(request_ids_are_echoed_unless_forged, fresh),
		cmocka_unit_test_setup(the_callee_learns_who_asked, fresh),
		cmocka_unit_test_setup(hostile_words_of_a_service_stay_json, fresh),
		cmocka_unit_test_setup(cors_is_for_listed_origins, fresh),
		cmocka_unit_test_setup(other_hosts_are_not_served, fresh),
		cmocka_unit_test_setup(methods_are_kept_to, fresh),
		cmocka_unit_test_setup(old_clients_and_closing_ones, fresh),
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
		cmocka_unit_test_setup(tokens_are_asked_for_and_never_told, fresh),
		cmocka_unit_test_setup(hostile_names_stay_json, fresh),
		cmocka_unit_test_setup(metrics_are_well_formed, fresh),
		cmocka_unit_test_setup(pages_are_there, fresh),
	};

	return cmocka_run_group_tests_name("edge_http", tests, begin, finish);
}
