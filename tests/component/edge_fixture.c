/* See edge_fixture.h. */
#include "component/edge_fixture.h"

#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/guard.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- gateways ---- */

struct place {
	struct world *w;
	int port;
};

/* A made-up token is refused with 401 only when the keys are known. */
static bool knows_keys(void *arg)
{
	struct place *p = arg;
	struct wire c;
	struct answer r;

	if (!wire_try(&c, p->port))
		return false;
	wire_puts(&c, "GET /api/brands HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
		      "a.b.c\r\n\r\n");
	r = wire_answer(&c, p->w->arena, false);
	wire_close(&c);
	return r.status == 401;
}

void edge_spawn(struct world *w, struct gate_proc *g, const char *const *settings)
{
	struct place place;
	struct tk_env env;

	g->port = tk_free_port();
	place = (struct place){ w, g->port };
	world_env(w, "api-edge", &env);
	tk_env_set(&env, "PP_HTTP_LISTEN", arena_printf(w->arena, "127.0.0.1:%d", g->port));
	tk_env_set(&env, "PP_LOG_LEVEL", "0");
	for (; settings && settings[0]; settings += 2)
		tk_env_set(&env, settings[0], settings[1]);
	g->p = world_program(w, "api-edge", &env);
	if (!tk_wait_until(knows_keys, &place, WORLD_LIMIT_MS))
		fail_msg("api-edge knows no keys, see %s", tk_proc_log(g->p));
}

const char *edge_open(struct world *w, struct gate_proc *g, const char *const *settings)
{
	edge_spawn(w, g, settings);
	return arena_strdup(w->keep, edge_tenant(w, g->port, "unlimited", NULL));
}

int edge_end(struct gate_proc *g)
{
	return tk_proc_stop(g->p, WORLD_LIMIT_MS);
}

long edge_memory_kb(const struct gate_proc *g, const char *line)
{
	char path[64], text[8192], *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tk_proc_pid(g->p));
	assert_true(tk_read_file(path, text, sizeof(text)));
	at = strstr(text, line);
	assert_non_null(at);
	return strtol(at + strlen(line) + 1, NULL, 10);
}

/* ---- HTTP ---- */

bool wire_try(struct wire *c, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval limit = { WORLD_LIMIT_MS / 1000, 0 };

	*c = (struct wire){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	INVARIANT(c->fd >= 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(c->fd);
		c->fd = -1;
		return false;
	}
	c->buf = malloc(WIRE_MAX); /* touched as far as it is used */
	INVARIANT(c->buf != NULL);
	return true;
}

void wire_open(struct wire *c, int port)
{
	if (!wire_try(c, port))
		fail_msg("nobody listens on port %d", port);
}

void wire_close(struct wire *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	*c = (struct wire){ .fd = -1 };
}

bool wire_send(struct wire *c, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool wire_puts(struct wire *c, const char *text)
{
	return wire_send(c, text, strlen(text));
}

/* False at the end of the connection. */
static bool more(struct wire *c)
{
	ssize_t n;

	INVARIANT(c->len < WIRE_MAX - 1);
	n = recv(c->fd, c->buf + c->len, WIRE_MAX - 1 - c->len, 0);
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	c->buf[c->len] = '\0';
	return true;
}

const char *answer_header(const struct answer *r, struct arena *a, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = strstr(r->head, "\r\n"); p; p = strstr(p, "\r\n")) {
		p += 2;
		if (strncasecmp(p, name, len) == 0 && p[len] == ':')
			return arena_strndup(a, p + len + 2, strcspn(p + len + 2, "\r"));
	}
	return "";
}

int answer_count(const struct answer *r, const char *name)
{
	size_t len = strlen(name);
	int n = 0;

	for (const char *p = strstr(r->head, "\r\n"); p; p = strstr(p, "\r\n")) {
		p += 2;
		n += strncasecmp(p, name, len) == 0 && p[len] == ':';
	}
	return n;
}

static void forget(struct wire *c, size_t len)
{
	c->len -= len;
	memmove(c->buf, c->buf + len, c->len + 1);
}

struct answer wire_head(struct wire *c, struct arena *a)
{
	struct answer r = { .head = "", .body = "" };
	size_t len;
	char *end;

	while (c->len == 0 || !(end = strstr(c->buf, "\r\n\r\n")))
		if (!more(c))
			return r;
	len = (size_t)(end - c->buf) + 4;
	r.head = arena_strndup(a, c->buf, len - 2);
	INVARIANT(strncmp(r.head, "HTTP/1.1 ", 9) == 0);
	r.status = (int)strtol(r.head + 9, NULL, 10);
	forget(c, len);
	return r;
}

const char *wire_chunk(struct wire *c, struct arena *a)
{
	const char *text;
	size_t len, head;
	char *end;

	while (c->len == 0 || !(end = strstr(c->buf, "\r\n")))
		if (!more(c))
			return NULL;
	head = (size_t)(end - c->buf) + 2;
	len = strtoul(c->buf, NULL, 16);
	while (c->len < head + len + 2)
		if (!more(c))
			return NULL;
	INVARIANT(memcmp(c->buf + head + len, "\r\n", 2) == 0);
	text = arena_strndup(a, c->buf + head, len);
	forget(c, head + len + 2);
	return text;
}

struct answer wire_answer(struct wire *c, struct arena *a, bool bodyless)
{
	struct answer r = { .head = "", .body = "" };
	int64_t body_len = 0;
	size_t head_len;
	char *end;

	while (c->len == 0 || !(end = strstr(c->buf, "\r\n\r\n")))
		if (!more(c))
			return r;
	head_len = (size_t)(end - c->buf) + 4;
	r.head = arena_strndup(a, c->buf, head_len - 2);
	INVARIANT(strncmp(r.head, "HTTP/1.1 ", 9) == 0);
	r.status = (int)strtol(r.head + 9, NULL, 10);
	if (!bodyless && r.status >= 200 && r.status != 204 && r.status != 304)
		INVARIANT(parse_i64(answer_header(&r, a, "Content-Length"), 0, (int64_t)WIRE_MAX,
				    &body_len));
	while (c->len < head_len + (size_t)body_len)
		if (!more(c))
			return r;
	r.len = (size_t)body_len;
	r.body = arena_strndup(a, c->buf + head_len, r.len);
	r.whole = true;
	forget(c, head_len + r.len);
	return r;
}

const char *wire_rest(struct wire *c)
{
	while (more(c))
		;
	return c->len > 0 ? c->buf : "";
}

bool wire_ended(struct wire *c)
{
	return c->len == 0 && !more(c) && c->len == 0;
}

struct answer edge_raw(struct world *w, int port, const char *text)
{
	struct answer r;
	struct wire c;

	wire_open(&c, port);
	wire_puts(&c, text);
	r = wire_answer(&c, w->arena, strncmp(text, "HEAD ", 5) == 0);
	wire_close(&c);
	return r;
}

struct answer edge_ask(struct world *w, int port, const char *what, const char *headers,
		       const char *body)
{
	const char *length =
		body ? arena_printf(w->arena,
				    "Content-Type: application/json\r\nContent-Length: %zu\r\n",
				    strlen(body))
		     : "";

	return edge_raw(w, port,
			arena_printf(w->arena, "%s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n%s", what,
				     headers, length, body ? body : ""));
}

struct answer edge_as(struct world *w, int port, const char *token, const char *what,
		      const char *body)
{
	return edge_ask(w, port, what,
			arena_printf(w->arena, "Authorization: Bearer %s\r\n", token), body);
}

static const cJSON *find(const cJSON *json, const char *member)
{
	for (const cJSON *c = json ? json->child : NULL; c; c = c->next) {
		const cJSON *deeper;

		if (c->string && strcmp(c->string, member) == 0)
			return c;
		deeper = find(c, member);
		if (deeper)
			return deeper;
	}
	return NULL;
}

static cJSON *parse(const struct answer *r)
{
	struct error err = { 0 };
	cJSON *json = NULL;

	if (json_parse(r->body, r->len, 16, 0, &json, &err) != ST_OK)
		fail_msg("no JSON (%s %s): %s", err.field, err.detail, r->body);
	return json;
}

const char *answer_text_of(struct world *w, const struct answer *r, const char *member)
{
	cJSON *json = parse(r);
	const cJSON *item = find(json, member);
	const char *text;

	if (!cJSON_IsString(item))
		fail_msg("no string %s in %s", member, r->body);
	text = arena_strdup(w->arena, item->valuestring);
	cJSON_Delete(json);
	return text;
}

static const char *member_of(const cJSON *json, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

void assert_header(const struct answer *r, struct arena *a, const char *name, const char *value)
{
	assert_string_equal(answer_header(r, a, name), value);
}

void assert_problem(const struct answer *r, int status, const char *field)
{
	cJSON *json;

	if (r->status != status || !r->whole)
		fail_msg("%d in place of %d: %s%s", r->status, status, r->head, r->body);
	assert_non_null(strstr(r->head, "\r\nContent-Type: application/problem+json\r\n"));
	assert_int_equal(answer_count(r, "X-Request-Id"), 1);
	assert_int_equal(answer_count(r, "Content-Length"), 1);
	json = parse(r);
	assert_int_equal(cJSON_GetObjectItemCaseSensitive(json, "status")->valueint, status);
	assert_true(strncmp(member_of(json, "type"), "urn:pulsepoint:problem:", 23) == 0);
	assert_true(strlen(member_of(json, "title")) > 3);
	assert_true(strlen(member_of(json, "detail")) > 3);
	assert_true(strlen(member_of(json, "instance")) > 3);
	if (field)
		assert_string_equal(member_of(json, "field"), field);
	cJSON_Delete(json);
}

const char *edge_tenant(struct world *w, int port, const char *tier, const char **tenant)
{
	static int number;
	const char *mail = arena_printf(w->arena, "admin%d@edge.example", ++number);
	struct answer r = edge_as(
		w, port, w->operator_token, "POST /api/admin/tenants",
		arena_printf(w->arena,
			     "{\"name\":\"Edge\",\"tier\":\"%s\",\"admin\":{\"email\":\"%s\","
			     "\"password\":\"" GOOD_PASSWORD "\"}}",
			     tier, mail));

	if (r.status != 201)
		fail_msg("CreateTenant: %d %s", r.status, r.body);
	if (tenant)
		*tenant = answer_text_of(w, &r, "tenant_id");
	r = edge_ask(w, port, "POST /api/auth/login", "",
		     arena_printf(w->arena, "{\"email\":\"%s\",\"password\":\"" GOOD_PASSWORD "\"}",
				  mail));
	if (r.status != 200)
		fail_msg("Login: %d %s", r.status, r.body);
	return answer_text_of(w, &r, "access_token");
}
