/* Answers: one buffer, one write. Errors are problem documents (RFC 9457) that name the field and
 * the reason. */
#include "edge.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SLOW_READER_BYTES 65536 /* more than this is watched on its way to the client ... */
#define SLOW_READER_RATE                                                        \
	16384 /* ... and has a second for so many bytes, beyond PP_HTTP_BODY_MS \
	       */
#define LENGTH_UNKNOWN SIZE_MAX

struct reason {
	int status;
	const char *title;
};
static const struct reason reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 499, "Client Closed Request" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *title_of(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].title;
	return "Unknown";
}

bool edge_listed(const char *list, const char *item, size_t len)
{
	while (*list) {
		size_t n, all;

		list += strspn(list, " ");
		all = n = strcspn(list, ",");
		while (n > 0 && list[n - 1] == ' ')
			n--;
		if (n > 0 && n == len && strncasecmp(list, item, n) == 0)
			return true;
		list += all + (list[all] == ',');
	}
	return false;
}

/*
 * Only origins that are listed hear of CORS. "null" is what every sandboxed page and local file
 * calls itself: nobody can mean it.
 */
static void put_cors(struct exchange *x)
{
	const char *origin = x->method ? mg_get_header(x->conn, "Origin") : NULL;

	if (x->edge->cfg.origins[0])
		buf_puts(x->out, "Vary: Origin\r\n");
	if (!origin || strcasecmp(origin, "null") == 0 ||
	    !edge_listed(x->edge->cfg.origins, origin, strlen(origin)))
		return;
	buf_printf(x->out,
		   "Access-Control-Allow-Origin: %s\r\n"
		   "Access-Control-Expose-Headers: ETag, X-Request-Id, RateLimit-Limit, "
		   "RateLimit-Remaining, RateLimit-Reset, Retry-After\r\n",
		   origin);
	if (x->status == 204 && strcmp(x->method, "OPTIONS") == 0)
		buf_puts(x->out, "Access-Control-Allow-Methods: GET, POST, PATCH, PUT, DELETE\r\n"
				 "Access-Control-Allow-Headers: Authorization, Content-Type, "
				 "Idempotency-Key, "
				 "If-None-Match, X-Request-Id, "
				 "traceparent\r\nAccess-Control-Max-Age: 600\r\n");
}

static void put_date(struct buf *b)
{
	time_t now = time(NULL);
	char text[40];
	struct tm tm;

	if (gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		buf_printf(b, "Date: %s\r\n", text);
}

static void put_limits(struct exchange *x)
{
	const char *policy = limits_policy(x->who.tier);

	if (!x->limit.counted)
		return;
	buf_printf(x->out,
		   "RateLimit-Limit: %lld\r\nRateLimit-Remaining: %lld\r\nRateLimit-Reset: "
		   "%lld\r\n",
		   (long long)x->limit.limit, (long long)x->limit.remaining,
		   (long long)x->limit.reset_s);
	if (policy)
		buf_printf(x->out, "RateLimit-Policy: %s\r\n", policy);
}

/* HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer. */
static bool speaks_chunks(const struct exchange *x)
{
	return strcmp(x->info->http_version, "1.1") == 0;
}

static void put_head(struct exchange *x, int status, const char *type, size_t len)
{
	struct buf *b = x->out;

	x->status = status;
	/* What is left of a body must not be taken for the next request. */
	x->close = x->close || x->unread || atomic_load(&x->edge->draining);
	buf_reset(b);
	buf_printf(b, "HTTP/1.1 %d %s\r\nX-Request-Id: %s\r\nX-Content-Type-Options: nosniff\r\n",
		   status, title_of(status), x->call.request_id);
	put_date(b);
	if (type)
		buf_printf(b, "Content-Type: %s\r\n", type);
	if (len == LENGTH_UNKNOWN && speaks_chunks(x))
		buf_puts(b, "Transfer-Encoding: chunked\r\n");
	/* 304 and 204 have no body and, by RFC 9110, no length either. */
	if (status != 204 && status != 304 && len != LENGTH_UNKNOWN)
		buf_printf(b, "Content-Length: %zu\r\n", len);
	put_limits(x);
	if (x->close)
		buf_puts(b, "Connection: close\r\n");
	put_cors(x);
}

static int write_all(struct exchange *x)
{
	size_t len = x->out->len;
	int sent;

	if (len <= SLOW_READER_BYTES)
		return mg_write(x->conn, x->out->data, len);
	x->watch.writes = true;
	edge_watch(x,
		   x->edge->cfg.body_ms * 1000 + (int64_t)(len / SLOW_READER_RATE) * US_PER_SECOND);
	sent = mg_write(x->conn, x->out->data, len);
	(void)edge_unwatch(x);
	return sent;
}

static void send_all(struct exchange *x, const char *body, size_t len)
{
	buf_puts(x->out, "\r\n");
	if (!x->head)
		buf_put(x->out, body, len);
	x->bytes_out = x->head ? 0 : (int64_t)len;
	/* A client that went away has nobody to be told; half an answer ends its connection. */
	if (buf_status(x->out) == ST_OK && write_all(x) == (int)x->out->len)
		atomic_fetch_add(&x->edge->answered, 1);
	else
		x->close = true;
	if (x->close)
		mg_disable_connection_keep_alive(x->conn);
}

void answer_text(struct exchange *x, int status, const char *type, const char *data, size_t len)
{
	put_head(x, status, type, len);
	send_all(x, data, len);
}

void answer_empty(struct exchange *x, int status)
{
	put_head(x, status, NULL, 0);
	if (x->allow)
		buf_printf(x->out, "Allow: %s\r\n", x->allow);
	send_all(x, "", 0);
}

/* A strong validator of the representation: equal bytes, equal tag. */
static void etag_of(const char *data, size_t len, char out[40])
{
	uint8_t hash[16];

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)data, len, NULL, 0);
	out[0] = '"';
	hex_encode(hash, sizeof(hash), out + 1);
	memcpy(out + 33, "\"", 2);
}

void answer_json(struct exchange *x, int status, const char *data, size_t len)
{
	bool get = strcmp(x->method, "GET") == 0 && status == 200;
	const char *match = get ? mg_get_header(x->conn, "If-None-Match") : NULL;
	char etag[40] = "";

	if (get)
		etag_of(data, len, etag);
	if (match && (strstr(match, etag) || strcmp(match, "*") == 0)) {
		put_head(x, 304, NULL, 0);
		len = 0;
	} else {
		put_head(x, status, "application/json", len);
	}
	if (get)
		buf_printf(x->out, "ETag: %s\r\nCache-Control: private, no-cache\r\n", etag);
	else
		buf_puts(x->out, "Cache-Control: no-store\r\n");
	send_all(x, data, len);
}

/* Words may hold what a client or a service sent; JSON is UTF-8 whatever that was. */
static void put_words(struct buf *b, struct arena *a, const char *s)
{
	size_t len = strlen(s);
	char *clean;

	if (utf8_valid(s, len)) {
		buf_put_json(b, s, len);
		return;
	}
	clean = arena_strdup(a, s);
	for (char *p = clean; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	buf_put_json(b, clean, strlen(clean));
}

static void put_problem(struct exchange *x, struct buf *b, enum status st, int http)
{
	const struct error *e = &x->err;
	const char *detail = e->detail[0] ? e->detail : title_of(http);

	buf_printf(b,
		   "{\"type\":\"urn:pulsepoint:problem:%s\",\"title\":\"%s\",\"status\":%d,"
		   "\"detail\":",
		   status_name(st), title_of(http), http);
	/* "name is required" reads better than "is required". */
	if (e->field[0]) {
		put_words(b, x->arena, arena_printf(x->arena, "%s %s", e->field, detail));
		buf_puts(b, ",\"field\":");
		put_words(b, x->arena, e->field);
		buf_puts(b, ",\"reason\":");
	}
	put_words(b, x->arena, detail);
	buf_puts(b, ",\"instance\":");
	put_words(b, x->arena, x->call.request_id);
}

void answer_problem_text(struct exchange *x, struct buf *out, enum status st)
{
	put_problem(x, out, st, status_http(st));
	buf_putc(out, '}');
}

void answer_problem_with(struct exchange *x, enum status st, const char *member, uint64_t value)
{
	int http = x->http ? x->http : status_http(st);
	struct buf body;

	x->outcome = st;

	buf_init(&body, 16384);
	put_problem(x, &body, st, http);
	if (member)
		buf_printf(&body, ",\"%s\":%llu", member, (unsigned long long)value);
	buf_putc(&body, '}');
	if (st == ST_UNAVAILABLE && x->err.retry_after_s == 0)
		x->err.retry_after_s = 1;
	put_head(x, http, "application/problem+json", body.len);
	if (x->err.retry_after_s > 0)
		buf_printf(x->out, "Retry-After: %d\r\n", x->err.retry_after_s);
	if (st == ST_NOT_ALLOWED && x->allow)
		buf_printf(x->out, "Allow: %s\r\n", x->allow);
	if (st == ST_UNAUTHENTICATED)
		buf_puts(x->out, "WWW-Authenticate: Bearer realm=\"pulsepoint\"\r\n");
	buf_puts(x->out, "Cache-Control: no-store\r\n");
	send_all(x, buf_str(&body), body.len);
	buf_done(&body);
}

void answer_problem(struct exchange *x, enum status st)
{
	answer_problem_with(x, st, NULL, 0);
}

/* ---- answers in pieces ---- */

/* However little it is: a client that reads nothing holds a thread. */
static enum status write_piece(struct exchange *x)
{
	int sent = -1;

	if (buf_status(x->out) == ST_OK) {
		x->watch.writes = x->watch.stream = true;
		edge_watch(x, x->edge->cfg.body_ms * 1000);
		sent = mg_write(x->conn, x->out->data, x->out->len);
		(void)edge_unwatch(x);
	}
	if (sent >= 0 && (size_t)sent == x->out->len)
		return ST_OK;
	x->close = true;
	return ST_CANCELLED;
}

enum status answer_stream_begin(struct exchange *x)
{
	put_head(x, 200, "text/event-stream", LENGTH_UNKNOWN);
	/* The last one asks proxies of the nginx kind to pass each event on as it comes. */
	buf_puts(x->out, "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n\r\n");
	return write_piece(x);
}

enum status answer_stream_put(struct exchange *x, const char *data, size_t len)
{
	x->bytes_out += (int64_t)len;
	buf_reset(x->out);
	if (speaks_chunks(x))
		buf_printf(x->out, "%zx\r\n", len);
	buf_put(x->out, data, len);
	if (speaks_chunks(x))
		buf_puts(x->out, "\r\n");
	return write_piece(x);
}

void answer_stream_end(struct exchange *x)
{
	buf_reset(x->out);
	buf_puts(x->out, "0\r\n\r\n");
	if (!speaks_chunks(x) || write_piece(x) == ST_OK)
		atomic_fetch_add(&x->edge->answered, 1);
	if (x->close || atomic_load(&x->edge->draining))
		mg_disable_connection_keep_alive(x->conn);
}
