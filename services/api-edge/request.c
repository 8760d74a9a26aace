/*
 * The life of a request at the edge: head, host, route, token, limits, body, contract, bus, answer.
 * The service checks token and rule again; the edge's checks spare the bus and feed the limits.
 * Read next: head.c, answer.c.
 */
#include "core/log.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "edge.h"
#include "json/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_DEADLINE_MS 10000 /* until the route's own is known */
#define LAST_EVENT_FIELD  "last_event_id"

/* ---- memory of a worker thread, kept between requests ---- */

struct scratch {
	struct arena *arena;
	struct buf out, body;
	struct exchange x;
};
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void free_scratch(void *arg)
{
	struct scratch *s = arg;

	arena_free(s->arena);
	buf_done(&s->out);
	buf_done(&s->body);
	free(s);
}

static void make_key(void)
{
	INVARIANT(pthread_key_create(&scratch_key, free_scratch) == 0);
}

static struct scratch *thread_scratch(void)
{
	struct scratch *s;

	pthread_once(&scratch_once, make_key);
	s = pthread_getspecific(scratch_key);
	if (s)
		return s;
	s = calloc(1, sizeof(*s)); /* allowed: freed with its thread */
	if (!s)
		return NULL;
	s->arena = arena_new(EDGE_ARENA_MAX);
	if (!s->arena) {
		free(s);
		return NULL;
	}
	buf_init(&s->out, EDGE_RESPONSE_MAX + 4096);
	buf_init(&s->body, EDGE_RESPONSE_MAX);
	pthread_setspecific(scratch_key, s);
	return s;
}

/* A large answer's memory goes back: with a thread per connection it would be kept many times. */
static void trim(struct buf *b)
{
	size_t max = b->max;

	if (b->cap <= EDGE_KEEP_MAX)
		return;
	buf_done(b);
	buf_init(b, max);
}

/* ---- who asks ---- */

/* Ids that others gave are taken over only when they cannot forge a log line. */
static bool safe_id(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

	return n > 0 && n <= REQUEST_ID_MAX && s[n] == '\0';
}

static void open_call(struct exchange *x)
{
	const char *id = mg_get_header(x->conn, "X-Request-Id");

	svc_call_init(&x->call, x->edge->svc, x->arena, &x->err, NULL,
		      id && safe_id(id) ? id : NULL, mg_get_header(x->conn, "traceparent"),
		      FIRST_DEADLINE_MS);
	x->call.client_ip = x->info->remote_addr;
}

/* Only hosts we are asked for by name, when the operator lists them (DNS rebinding). */
static bool host_allowed(const struct exchange *x)
{
	const char *host = mg_get_header(x->conn, "Host");
	size_t len;

	if (!x->edge->cfg.hosts[0])
		return true;
	if (!host)
		return false;
	/* The port is not compared; the colons of "[::1]:8080" are no ports. */
	len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	return len <= strlen(host) && edge_listed(x->edge->cfg.hosts, host, len);
}

static enum status read_token(struct exchange *x)
{
	const char *auth = mg_get_header(x->conn, "Authorization");

	if (!auth)
		return error_set(&x->err, ST_UNAUTHENTICATED, NULL,
				 "an access token is needed: Authorization: Bearer <token>");
	if (strncasecmp(auth, "Bearer ", 7) != 0)
		return error_set(&x->err, ST_UNAUTHENTICATED, "Authorization",
				 "must be a Bearer token");
	auth += 7;
	if (strncmp(auth, OPERATOR_KEY_PREFIX, strlen(OPERATOR_KEY_PREFIX)) == 0) {
		enum status st = operator_keys_exchange(x->edge->keys, &x->call, auth, x->token,
							sizeof(x->token));

		if (st != ST_OK)
			return st;
		x->key = auth;
	} else if (text_copy(x->token, sizeof(x->token), auth) != ST_OK) {
		return error_set(&x->err, ST_UNAUTHENTICATED, "Authorization", "is too long");
	}
	x->call.token = x->token;
	return ST_OK;
}

static enum status verify(struct exchange *x)
{
	struct access *access = svc_access(x->edge->svc);
	bool unknown = false;
	enum status st = access_verify(access, x->token, &x->who, &unknown, &x->err);

	if (unknown && svc_refresh_access(x->edge->svc, NULL) == ST_OK)
		st = access_verify(access, x->token, &x->who, NULL, &x->err);
	if (st == ST_UNAUTHENTICATED && x->key)
		operator_keys_forget(x->edge->keys, x->key);
	return st;
}

static enum status identify(struct exchange *x, const struct json_param *params, size_t n)
{
	const struct contract_method *m = x->route->method;
	const char *brand = NULL;
	enum status st;

	if (m->role == ROLE_PUBLIC)
		return ST_OK;
	st = read_token(x);
	if (st == ST_OK)
		st = verify(x);
	if (st != ST_OK)
		return st;
	x->has_who = true;
	x->call.who = &x->who;
	for (size_t i = 0; m->brand_field && i < n; i++)
		if (strcmp(params[i].name, m->brand_field) == 0)
			brand = params[i].value;
	/* The owner checks a brand named in the body; here only what the path says is known. */
	if (m->brand_field && !brand)
		return access_allow(&(struct contract_method){ .role = m->role }, &x->who, NULL,
				    &x->err);
	return access_allow(m, &x->who, brand, &x->err);
}

static enum status limit(struct exchange *x)
{
	if (!x->has_who || !x->who.tenant_id[0])
		return ST_OK;
	x->limit = limits_take(x->edge->limits, x->who.tenant_id, x->who.tier, time_now_us());
	if (x->limit.allowed)
		return ST_OK;
	atomic_fetch_add(&x->edge->limited, 1);
	error_set(&x->err, ST_LIMITED, NULL, "the tenant's limit of %lld requests is reached",
		  (long long)x->limit.limit);
	x->err.retry_after_s = (int)x->limit.wait_s;
	return ST_LIMITED;
}

/* ---- what is asked ---- */

void edge_ask_body(struct exchange *x)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (x->waits && mg_write(x->conn, go_on, strlen(go_on)) < 0)
		x->close = true;
	x->waits = false;
}

enum status edge_body_broken(struct exchange *x)
{
	x->close = true;
	if (x->watch.late) {
		x->http = 408;
		return error_set(&x->err, ST_TIMEOUT, "body", "did not arrive in time");
	}
	return error_set(&x->err, ST_INVALID, "body",
			 x->chunked ? "is not well-formed chunks"
				    : "ended before its Content-Length");
}

/* One byte more than `cap` tells that there is more. */
static enum status fill(struct exchange *x, char *data, size_t cap, size_t *len)
{
	size_t want = x->chunked ? cap + 1 : cap;
	int got = 1;

	edge_ask_body(x);
	edge_watch(x, x->edge->cfg.body_ms * 1000);
	while (*len < want && got > 0) {
		got = mg_read(x->conn, data + *len, want - *len);
		if (got > 0)
			*len += (size_t)got;
	}
	if (edge_unwatch(x) || got < 0 || (!x->chunked && *len < cap))
		return edge_body_broken(x);
	return ST_OK;
}

enum status edge_read_body(struct exchange *x, size_t max, char **ret, size_t *len)
{
	int64_t declared = x->info->content_length;
	size_t cap = x->chunked ? max : (size_t)declared;
	enum status st = ST_OK;

	*len = 0;
	*ret = NULL;
	if (!x->unread)
		return ST_OK;
	if (!x->chunked && declared > (int64_t)max)
		return error_set(&x->err, ST_TOO_LARGE, "body", "is larger than %zu bytes", max);
	*ret = arena_alloc(x->arena, cap + 2);
	if (!*ret)
		return error_set(&x->err, ST_UNAVAILABLE, NULL, "the edge is out of memory");
	st = fill(x, *ret, cap, len);
	if (st != ST_OK)
		return st;
	if (*len > max)
		return error_set(&x->err, ST_TOO_LARGE, "body", "is larger than %zu bytes", max);
	(*ret)[*len] = '\0';
	x->unread = false;
	x->bytes_in = (int64_t)*len;
	return ST_OK;
}

static enum status check_content_type(struct exchange *x, size_t len)
{
	const char *type = mg_get_header(x->conn, "Content-Type");
	size_t n = type ? strcspn(type, "; ") : 0;

	if (len == 0 || !type)
		return ST_OK;
	if (n == strlen("application/json") && strncasecmp(type, "application/json", n) == 0)
		return ST_OK;
	return error_set(&x->err, ST_UNSUPPORTED, "Content-Type", "must be application/json");
}

/* Appends the query's parameters behind those of the path. */
static enum status read_query(struct exchange *x, struct json_param *params, size_t *n)
{
	const char *q = x->info->query_string;

	while (q && *q) {
		size_t len = strcspn(q, "&"), name_len = strcspn(q, "=&");
		const char *value = name_len < len ? q + name_len + 1 : q + len;
		char *name = percent_decode(x->arena, q, name_len, true);
		char *text = percent_decode(x->arena, value, (size_t)(q + len - value), true);

		if (!name || !text)
			return error_set(&x->err, ST_INVALID, "query",
					 "holds a bad percent escape");
		if (!utf8_valid(name, strlen(name)))
			return error_set(&x->err, ST_INVALID, "query", "is not valid UTF-8");
		if (*n == EDGE_PARAMS_MAX)
			return error_set(&x->err, ST_INVALID, "query",
					 "has more than %d parameters", EDGE_PARAMS_MAX);
		if (len > 0)
			params[(*n)++] = (struct json_param){ .name = name, .value = text };
		q += len + (q[len] == '&');
	}
	return ST_OK;
}

static enum status read_idempotency(struct exchange *x)
{
	const char *key = mg_get_header(x->conn, "Idempotency-Key");

	if (!key)
		return ST_OK;
	for (const char *p = key; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			return error_set(&x->err, ST_INVALID, "Idempotency-Key",
					 "must be printable ASCII");
	if (!*key || strlen(key) > IDEMPOTENCY_KEY_MAX)
		return error_set(&x->err, ST_INVALID, "Idempotency-Key",
				 "must be 1 to %d characters", IDEMPOTENCY_KEY_MAX);
	x->call.idempotency_key = key;
	return ST_OK;
}

const struct field_rule *edge_last_event(const struct contract_method *m)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->input, LAST_EVENT_FIELD);
	const struct message_rule *rule = f ? contract_message_find(m->input) : NULL;
	const struct field_rule *ret = rule ? &rule->fields[f - m->input->fields] : NULL;

	return ret && ret->in_header ? ret : NULL;
}

/* What a stream's client has seen already comes in a header (WHATWG HTML, 9.2). */
static enum status read_last_event(struct exchange *x, struct json_param *params, size_t *n)
{
	const char *value = mg_get_header(x->conn, EDGE_LAST_EVENT);

	if (!value || !*value || !edge_last_event(x->route->method))
		return ST_OK;
	if (*n == EDGE_PARAMS_MAX)
		return error_set(&x->err, ST_INVALID, "query", "has more than %d parameters",
				 EDGE_PARAMS_MAX - 1);
	params[(*n)++] = (struct json_param){ .name = LAST_EVENT_FIELD,
					      .value = value,
					      .from_header = true };
	return ST_OK;
}

enum status edge_read_input(struct exchange *x, struct json_param *params, size_t n,
			    ProtobufCMessage **in)
{
	const struct contract_method *m = x->route->method;
	bool has_body = strcmp(m->http_method, "GET") != 0 && strcmp(m->http_method, "DELETE") != 0;
	char *body = NULL;
	size_t len = 0;
	enum status st = edge_read_body(x, m->max_body, &body, &len);

	if (st == ST_OK)
		st = has_body ? check_content_type(x, len) : ST_OK;
	if (st == ST_OK && !has_body && len > 0)
		return error_set(&x->err, ST_INVALID, "body", "is not taken by this method");
	if (st == ST_OK && has_body && x->info->query_string && *x->info->query_string)
		return error_set(&x->err, ST_INVALID, "query",
				 "is not taken by this method; use the body");
	if (st == ST_OK && !has_body)
		st = read_query(x, params, &n);
	if (st == ST_OK)
		st = read_last_event(x, params, &n);
	if (st != ST_OK)
		return st;
	return message_from_json(x->arena, m->input, body, len, params, n, in, &x->err);
}

static void forward(struct exchange *x, struct json_param *params, size_t n)
{
	const struct contract_method *m = x->route->method;
	struct scratch *s = thread_scratch();
	ProtobufCMessage *in = NULL, *out = NULL;
	enum status st = edge_read_input(x, params, n, &in);

	/* A slow client's body does not eat the service's time. */
	x->call.deadline_us = time_mono_us() + (int64_t)m->deadline_ms * 1000;
	if (st == ST_OK)
		st = svc_call(&x->call, m, in, &out);
	if (st == ST_OK && m->http_status == 204) {
		answer_empty(x, 204);
		return;
	}
	buf_reset(&s->body);
	if (st == ST_OK) {
		st = message_to_json(out, &s->body);
		if (st != ST_OK)
			error_set(&x->err, st, NULL,
				  st == ST_TOO_LARGE ? "the answer is too large; ask for less"
						     : "the answer cannot be written as JSON");
	}
	if (st == ST_OK)
		answer_json(x, m->http_status, s->body.data, s->body.len);
	else
		answer_problem(x, st);
}

/* ---- the whole ---- */

/* The path as sent, still percent-encoded: an id may hold an encoded slash. */
static const char *raw_path(struct exchange *x)
{
	const char *uri = x->info->request_uri;

	return arena_strndup(x->arena, uri, strcspn(uri, "?#"));
}

static void refuse_route(struct exchange *x, enum status st, const char *allow)
{
	if (st == ST_NOT_ALLOWED) {
		x->allow = arena_printf(x->arena, "%s%s, OPTIONS", allow,
					strstr(allow, "GET") ? ", HEAD" : "");
		error_set(&x->err, st, NULL, "%s is not one of the methods here: %s",
			  x->info->request_method, x->allow);
	} else if (st == ST_INVALID) {
		error_set(&x->err, st, "path", "holds a bad percent escape");
	} else {
		error_set(&x->err, ST_NOT_FOUND, NULL, "there is nothing at this path");
	}
	answer_problem(x, st);
}

/* Only a well-formed id is told further. */
static void note_brand(struct exchange *x, const struct json_param *params, size_t n)
{
	const char *field = x->route->method->brand_field;

	for (size_t i = 0; field && i < n; i++)
		if (strcmp(params[i].name, field) == 0 && uuid_valid(params[i].value)) {
			char *id = arena_strdup(x->arena, params[i].value);

			uuid_normalise(id);
			x->brand_id = id;
		}
}

static void serve_route(struct exchange *x, struct json_param *params, size_t n)
{
	enum status st;

	note_brand(x, params, n);
	st = identify(x, params, n);

	if (st == ST_OK)
		st = limit(x);
	if (st == ST_OK)
		st = read_idempotency(x);
	if (st != ST_OK)
		answer_problem(x, st);
	else if (x->route->method->upload_field)
		edge_upload(x, params, n);
	else if (x->route->method->stream)
		edge_stream(x, params, n);
	else
		forward(x, params, n);
}

/* What is asked of the head alone, before anybody looks at the path. */
static enum status admit(struct exchange *x)
{
	enum status st = edge_check_head(x);

	/* Chunks may have trailers, after which civetweb keeps no connection. */
	x->close = st != ST_OK || x->chunked || edge_client_closes(x);
	if (st == ST_OK && !host_allowed(x))
		st = error_set(&x->err, ST_INVALID, "Host", "is not served here");
	return st;
}

static void handle(struct exchange *x)
{
	struct json_param params[EDGE_PARAMS_MAX];
	const char *allow = "", *path;
	size_t n = 0;
	enum status st;

	open_call(x);
	x->head = strcmp(x->info->request_method, "HEAD") == 0;
	x->method = x->head ? "GET" : x->info->request_method;
	st = admit(x);
	if (st != ST_OK) {
		answer_problem(x, st);
		return;
	}
	if (strcmp(x->method, "OPTIONS") == 0) {
		answer_empty(x, 204);
		x->untold = true;
		return;
	}
	path = raw_path(x);
	if ((x->untold = edge_page(x, path)))
		return;
	st = router_find(x->edge->router, x->arena, x->method, path, &x->route, params, &n, &allow);
	if (st != ST_OK) {
		refuse_route(x, st, allow);
		return;
	}
	x->call.method = x->route->method;
	x->call.deadline_us = time_mono_us() + (int64_t)x->route->method->deadline_ms * 1000;
	serve_route(x, params, n);
}

static void tell_failure(const struct exchange *x)
{
	if (x->status >= 500)
		log_event(LOG_WARN, "http.failed", "%s %s answered %d: %s",
			  x->route ? x->route->method->http_method : x->info->request_method,
			  x->route ? x->route->method->http_path : "(no route)", x->status,
			  x->err.detail);
}

/* Opens an exchange in this thread's memory; NULL when the edge takes nothing any more. */
static struct scratch *begin(struct mg_connection *conn)
{
	const struct mg_request_info *info = mg_get_request_info(conn);
	struct edge *e = mg_get_user_data(mg_get_context(conn));
	struct scratch *s = thread_scratch();

	CHECK_MAGIC(e, EDGE_MAGIC);
	atomic_fetch_add(&e->in_flight, 1);
	if (!s || !info || atomic_load(&e->closed)) {
		atomic_fetch_sub(&e->in_flight, 1);
		mg_disable_connection_keep_alive(conn);
		return NULL;
	}
	atomic_fetch_add(&e->taken, 1);
	s->x = (struct exchange){ .edge = e,
				  .conn = conn,
				  .info = info,
				  .arena = s->arena,
				  .out = &s->out,
				  .start_us = time_mono_us() };
	return s;
}

static int end(struct scratch *s)
{
	struct exchange *x = &s->x;
	int64_t us = (x->counted_us ? x->counted_us : time_mono_us()) - x->start_us;

	edge_count(x->edge, x->route, x->status, us);
	edge_tell(x, us);
	atomic_fetch_sub(&x->edge->in_flight, 1);
	/* Who waits for leave to send a body has sent none. */
	if (x->unread && !x->waits)
		edge_linger(x);
	arena_reset(s->arena);
	trim(&s->out);
	trim(&s->body);
	return x->status ? x->status : 500;
}

int edge_handle(struct mg_connection *conn)
{
	struct scratch *s = begin(conn);

	if (!s)
		return 503;
	handle(&s->x);
	tell_failure(&s->x);
	return end(s);
}

/* The request is not to be looked at: what civetweb has of it may be half of one. */
int edge_refused(struct mg_connection *conn, int status, const char *why)
{
	struct scratch *s = begin(conn);
	struct exchange *x;

	(void)why;
	if (!s)
		return 0;
	x = &s->x;
	svc_call_init(&x->call, x->edge->svc, x->arena, &x->err, NULL, NULL, NULL,
		      FIRST_DEADLINE_MS);
	x->close = true;
	x->http = status == 505 ? 505 : 400;
	error_set(&x->err, ST_INVALID, NULL,
		  x->http == 505
			  ? "only HTTP/1.0 and HTTP/1.1 are spoken here"
			  : "this is no HTTP request that the edge understands, or its line and "
			    "headers are larger than 16 KiB or came too slowly");
	answer_problem(x, ST_INVALID);
	x->unread = true;
	(void)end(s);
	return 0;
}
