/*
 * Takes requests apart by the raw path (ids may hold any punctuation, so it is split first and
 * decoded then) and sends answers with the simulated Date. Read next: sim.c, which picks the
 * provider.
 */
#include "web.h"

#include "clock.h"

#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void web_json(struct web_reply *rep, int status, const char *body)
{
	rep->status = status;
	rep->type = "application/json; charset=utf-8";
	buf_reset(&rep->body);
	buf_puts(&rep->body, body);
}

void web_html(struct web_reply *rep, int status, const char *body)
{
	web_json(rep, status, body);
	rep->type = "text/html; charset=utf-8";
}

const char *web_header(const struct web_request *req, const char *name)
{
	for (int i = 0; i < req->info->num_headers; i++)
		if (strcasecmp(req->info->http_headers[i].name, name) == 0)
			return req->info->http_headers[i].value;
	return NULL;
}

const char *web_param(const struct web_request *req, const char *name)
{
	for (size_t i = 0; i < req->nparams; i++)
		if (strcmp(req->params[i].name, name) == 0)
			return req->params[i].value;
	return NULL;
}

bool web_seg_is(const struct web_request *req, size_t i, const char *s)
{
	return i < req->nseg && strcmp(req->seg[i], s) == 0;
}

const char *web_bearer(const struct web_request *req)
{
	const char *h = web_header(req, "Authorization");

	return h != NULL && strncasecmp(h, "Bearer ", 7) == 0 ? h + 7 : NULL;
}

void web_add_header(struct web_reply *rep, const char *name, const char *fmt, ...)
{
	char value[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	buf_printf(&rep->headers, "%s: %s\r\n", name, value);
}

static bool refuse(struct web_reply *rep, int status, const char *why)
{
	web_html(rep, status, why);
	return false;
}

static bool split_path(struct web_request *req, struct web_reply *rep, const char *uri)
{
	for (size_t i = 0; i < WEB_SEGMENTS_MAX; i++)
		req->seg[i] = "";
	while (*uri == '/') {
		size_t n = strcspn(++uri, "/");

		if (n == 0 && *uri == '\0')
			break;
		if (req->nseg == WEB_SEGMENTS_MAX)
			return refuse(rep, 404, "Not Found");
		req->seg[req->nseg] = percent_decode(req->arena, uri, n, false);
		if (req->seg[req->nseg++] == NULL)
			return refuse(rep, 400, "Bad Request");
		uri += n;
	}
	return true;
}

static bool take_params(struct web_request *req, struct web_reply *rep, const char *text)
{
	while (text != NULL && *text != '\0') {
		size_t n = strcspn(text, "&"), name = strcspn(text, "=&");
		struct web_param *p = &req->params[req->nparams];

		if (n > 0) {
			if (req->nparams == WEB_PARAMS_MAX)
				return refuse(rep, 400, "Bad Request");
			p->name = percent_decode(req->arena, text, name, true);
			p->value = name < n ? percent_decode(req->arena, text + name + 1,
							     n - name - 1, true)
					    : "";
			if (p->name == NULL || p->value == NULL)
				return refuse(rep, 400, "Bad Request");
			req->nparams++;
		}
		text += n + (text[n] == '&');
	}
	return true;
}

static bool read_body(struct mg_connection *conn, struct web_request *req, struct web_reply *rep)
{
	struct buf body;
	char chunk[16384];
	int n;

	req->body = "";
	if (req->info->content_length == 0)
		return true;
	buf_init(&body, WEB_BODY_MAX);
	while ((n = mg_read(conn, chunk, sizeof(chunk))) > 0)
		buf_put(&body, chunk, (size_t)n);
	if (!body.failed && body.len > 0) {
		req->body = arena_strndup(req->arena, body.data, body.len);
		req->body_len = body.len;
	}
	n = body.failed || arena_failed(req->arena);
	buf_done(&body);
	return n == 0 || refuse(rep, 413, "Payload Too Large");
}

bool web_read(struct mg_connection *conn, struct arena *a, struct web_request *req,
	      struct web_reply *rep)
{
	const char *uri, *type;

	*req = (struct web_request){ .arena = a, .info = mg_get_request_info(conn) };
	req->method = req->info->request_method;
	uri = req->info->local_uri_raw;
	req->host = web_header(req, "Host");
	if (req->host == NULL)
		req->host = "";
	if (!read_body(conn, req, rep))
		return false;
	if (uri == NULL || !split_path(req, rep, uri))
		return uri != NULL ? false : refuse(rep, 400, "Bad Request");
	if (!take_params(req, rep, req->info->query_string))
		return false;
	type = web_header(req, "Content-Type");
	if (type == NULL || strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0)
		return true;
	return take_params(req, rep, req->body);
}

static const char *status_words(int status)
{
	static const struct {
		int status;
		const char *words;
	} table[] = { { 200, "OK" },
		      { 204, "No Content" },
		      { 400, "Bad Request" },
		      { 401, "Unauthorized" },
		      { 403, "Forbidden" },
		      { 404, "Not Found" },
		      { 405, "Method Not Allowed" },
		      { 406, "Not Acceptable" },
		      { 409, "Conflict" },
		      { 413, "Payload Too Large" },
		      { 415, "Unsupported Media Type" },
		      { 429, "Too Many Requests" },
		      { 500, "Internal Server Error" },
		      { 502, "Bad Gateway" },
		      { 529, "Overloaded" },
		      { 503, "Service Unavailable" } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status)
			return table[i].words;
	return "Status";
}

void web_send(struct mg_connection *conn, struct web_reply *rep, int64_t now_us)
{
	char date[HTTP_DATE_TEXT], head[512];
	size_t send = rep->body.len, declared = rep->body.len;
	bool keep = rep->mangle != MANGLE_TRUNCATE;
	struct buf all;

	if (rep->body.failed) {
		web_html(rep, 500, "answer too large");
		send = declared = rep->body.len;
	}
	if (rep->mangle != MANGLE_NONE)
		send = send * 2 / 3;
	if (rep->mangle == MANGLE_BAD_JSON)
		declared = send;
	clock_http_date(now_us, date);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		 "Connection: %s\r\n",
		 rep->status, status_words(rep->status), date, rep->type, declared,
		 keep ? "keep-alive" : "close");
	/* One write: head and body in one piece go out in one packet where they fit. */
	buf_init(&all, WEB_ANSWER_MAX + 65536);
	buf_puts(&all, head);
	buf_put(&all, rep->headers.data, rep->headers.len);
	buf_puts(&all, "\r\n");
	buf_put(&all, rep->body.data, send);
	mg_write(conn, all.data, all.len);
	if (!keep)
		mg_disable_connection_keep_alive(conn);
	buf_done(&all);
}
