/*
 * The gateway as a client sees it: a nats-server, PostgreSQL, auth and api-edge, and bytes as they
 * are written. Read next: test_edge_wire.c (bodies, smuggling), test_edge_service.c,
 * test_edge_upload.c.
 */
#include "component/edge_fixture.h"

#include "core/text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "https://app.example"

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

/* ---- the way through ---- */

static void a_login_leads_to_brands(void **state)
{
	const char *id = brand("Caf\xc3\xa9 \\u0022x\\u0022");
	struct answer r = edge_as(&w, edge.port, token,
				  arena_printf(w.arena, "GET /api/brands/%s", id), NULL);

	(void)state;
	assert_int_equal(r.status, 200);
	assert_header(&r, w.arena, "Content-Type", "application/json");
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
	assert_header(&r, w.arena, "Cache-Control", "private, no-cache");
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		r = ask_match(what, forms[i]);
		assert_int_equal(r.status, 304);
		assert_header(&r, w.arena, "ETag", etag);
		assert_int_equal(answer_count(&r, "Content-Length"), 0);
	}
	assert_int_equal(ask_match(what, "\"0123456789abcdef0123456789abcdef\"").status, 200);
	assert_int_equal(ask_match(what, "").status, 200);
	r = edge_as(&w, edge.port, token, arena_printf(w.arena, "PATCH /api/brands/%s", id),
		    "{\"name\":\"Other\"}");
	assert_int_equal(r.status, 200);
	assert_int_equal(answer_count(&r, "ETag"), 0);
	assert_header(&r, w.arena, "Cache-Control", "no-store");
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
		assert_header(&r, w.arena, "X-Request-Id", good[i]);
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
	char trace[128], id[128], ip[64], bearer[5000], timeout[32], forged[64];
	const char *detail, *field; /* to fail with */
	int calls;
};
static struct heard heard;
static pthread_mutex_t heard_lock = PTHREAD_MUTEX_INITIALIZER;

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

	pthread_mutex_lock(&heard_lock);
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
	pthread_mutex_unlock(&heard_lock);
	(void)!bus_reply(arg, m, answer, n, "", 0);
}

/* What the callee noted of an answered call; that it was answered says so, but over the gateway,
 * which ThreadSanitizer does not see. */
static struct heard hear(void)
{
	struct heard ret;

	pthread_mutex_lock(&heard_lock);
	ret = heard;
	pthread_mutex_unlock(&heard_lock);
	return ret;
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

	pthread_mutex_lock(&heard_lock);
	heard.field = field;
	heard.detail = detail;
	heard.calls = 0;
	pthread_mutex_unlock(&heard_lock);
	assert_int_equal(bus_serve(world_bus(&w, "ingest-shopify"), &cfg, &server), ST_OK);
	assert_int_equal(bus_flush(world_bus(&w, "ingest-shopify"), 5000), ST_OK);
	return server;
}

static void the_callee_learns_who_asked(void **state)
{
	struct bus_server *server = play_shopify(NULL, NULL);
	struct heard h;
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
	h = hear();
	assert_int_equal(h.calls, 1);
	/* The same trace, another span. */
	assert_int_equal(strlen(h.trace), 55);
	assert_memory_equal(h.trace, trace, 36);
	assert_string_not_equal(h.trace, trace);
	assert_string_equal(h.id, "mine");
	assert_string_equal(h.ip, "127.0.0.1");
	assert_string_equal(h.forged, "");
	assert_string_equal(h.bearer, arena_printf(w.arena, "Bearer %s", token));
	assert_in_range(strtol(h.timeout, NULL, 10), 1, 10000);
	/* A trace that is none is replaced by one of our own. */
	r = edge_ask(&w, edge.port, "GET /api/integrations/shopify",
		     arena_printf(w.arena,
				  "Authorization: Bearer %s\r\ntraceparent: 00-zz-b7-01\r\n",
				  token),
		     NULL);
	assert_int_equal(r.status, 200);
	h = hear();
	assert_int_equal(strlen(h.trace), 55);
	assert_memory_equal(h.trace, "00-", 3);
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
	assert_int_equal(hear().calls, 1);
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
	assert_header(&r, w.arena, "Access-Control-Allow-Origin", ORIGIN);
	assert_non_null(strstr(answer_header(&r, w.arena, "Access-Control-Allow-Headers"),
			       "Authorization"));
	assert_non_null(
		strstr(answer_header(&r, w.arena, "Access-Control-Allow-Methods"), "PATCH"));
	assert_header(&r, w.arena, "Vary", "Origin");
	assert_int_equal(answer_count(&r, "Content-Length"), 0);
	r = edge_ask(&w, edge.port, "GET /api/brands", "Origin: https://second.example\r\n", NULL);
	assert_problem(&r, 401, NULL);
	assert_header(&r, w.arena, "Access-Control-Allow-Origin", "https://second.example");
	assert_int_equal(answer_count(&r, "Access-Control-Allow-Methods"), 0);
	/* Cookies are not a way in, so credentials are never allowed. */
	assert_int_equal(answer_count(&r, "Access-Control-Allow-Credentials"), 0);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		r = edge_ask(&w, edge.port, "OPTIONS /api/brands",
			     arena_printf(w.arena, "Origin: %s\r\n", strangers[i]), NULL);
		assert_int_equal(r.status, 204);
		assert_int_equal(answer_count(&r, "Access-Control-Allow-Origin"), 0);
		assert_int_equal(answer_count(&r, "Access-Control-Allow-Methods"), 0);
		assert_header(&r, w.arena, "Vary", "Origin");
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
	assert_header(&r, w.arena, "Content-Length", arena_printf(w.arena, "%zu", get.len));
	assert_header(&r, w.arena, "ETag", answer_header(&get, w.arena, "ETag"));
	assert_int_equal(edge_ask(&w, edge.port, "HEAD /healthz", "", NULL).status, 200);
	assert_int_equal(edge_ask(&w, edge.port, "HEAD /api/brands", "", NULL).status, 401);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		r = edge_ask(&w, edge.port, arena_printf(w.arena, "%s /api/brands", known[i]), "",
			     NULL);
		assert_problem(&r, 405, "");
		assert_header(&r, w.arena, "Allow", "GET, POST, HEAD, OPTIONS");
		r = edge_ask(&w, edge.port, arena_printf(w.arena, "%s /healthz", known[i]), "",
			     NULL);
		assert_problem(&r, 405, "");
		assert_header(&r, w.arena, "Allow", "GET, HEAD, OPTIONS");
	}
	r = edge_ask(&w, edge.port, "HEAD /api/auth/login", "", NULL);
	assert_int_equal(r.status, 405);
	assert_header(&r, w.arena, "Allow", "POST, OPTIONS");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		r = edge_ask(&w, edge.port, arena_printf(w.arena, "%s /healthz", unknown[i]), "",
			     NULL);
		assert_problem(&r, 400, "");
		assert_header(&r, w.arena, "Connection", "close");
	}
}

static void old_clients_and_closing_ones(void **state)
{
	struct answer r =
		edge_raw(&w, edge.port, "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
	struct wire c;

	(void)state;
	assert_int_equal(r.status, 200);
	assert_header(&r, w.arena, "Connection", "close");
	wire_open(&c, edge.port);
	wire_puts(&c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
		      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	assert_header(&r, w.arena, "Connection", "close");
	assert_true(wire_ended(&c));
	wire_close(&c);
	/* Upgrades are not taken up. */
	wire_open(&c, edge.port);
	wire_puts(&c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
		      "Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
		      "Sec-WebSocket-Version: 13\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 200);
	assert_header(&r, w.arena, "Connection", "close");
	assert_true(wire_ended(&c));
	wire_close(&c);
	r = edge_raw(&w, edge.port, "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n");
	assert_problem(&r, 505, "");
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
		assert_header(&r, w.arena, "WWW-Authenticate", "Bearer realm=\"pulsepoint\"");
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
	assert_header(&r, w.arena, "Content-Type", "text/plain; version=0.0.4");
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

/* Of what comes in headers, the description for people has what a client sets itself. */
static void docs_say_how_a_stream_is_resumed(void **state)
{
	struct answer r = edge_ask(&w, edge.port, "GET /docs", "", NULL);
	const char *stream = strstr(r.body, "/api/alerts/stream");
	const char *header = strstr(r.body, "<code>Last-Event-ID</code> <em>header</em>");

	(void)state;
	assert_non_null(stream);
	assert_non_null(header);
	/* In the stream's own section, and in no other. */
	assert_true(header > stream);
	assert_true(header < strstr(stream, "</section>"));
	assert_null(strstr(header + 1, "<code>Last-Event-ID</code>"));
	assert_null(strstr(r.body, "<code>last_event_id</code>"));
	assert_null(strstr(r.body, "<code>import_key</code>"));
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
		cmocka_unit_test_setup(a_login_leads_to_brands, fresh),
		cmocka_unit_test_setup(an_unchanged_answer_is_not_sent_again, fresh),
		cmocka_unit_test_setup(request_ids_are_echoed_unless_forged, fresh),
		cmocka_unit_test_setup(the_callee_learns_who_asked, fresh),
		cmocka_unit_test_setup(hostile_words_of_a_service_stay_json, fresh),
		cmocka_unit_test_setup(cors_is_for_listed_origins, fresh),
		cmocka_unit_test_setup(other_hosts_are_not_served, fresh),
		cmocka_unit_test_setup(methods_are_kept_to, fresh),
		cmocka_unit_test_setup(old_clients_and_closing_ones, fresh),
		cmocka_unit_test_setup(tokens_are_asked_for_and_never_told, fresh),
		cmocka_unit_test_setup(hostile_names_stay_json, fresh),
		cmocka_unit_test_setup(metrics_are_well_formed, fresh),
		cmocka_unit_test_setup(pages_are_there, fresh),
		cmocka_unit_test_setup(docs_say_how_a_stream_is_resumed, fresh),
	};

	return cmocka_run_group_tests_name("edge_http", tests, begin, finish);
}
