/*
 * What civetweb 1.15 lets through that two parsers could read in two ways (RFC 9112, sections 5 and
 * 6, request smuggling), and whose bytes it may take for a request. Everything here ends the
 * connection. Read next: request.c.
 */
#include "edge.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18

struct counted {
	int hosts, lengths, codings;
	const char *length, *coding;
};

static enum status refuse(struct exchange *x, const char *field, const char *why)
{
	return error_set(&x->err, ST_INVALID, field, "%s", why);
}

/*
 * civetweb reads every request of a thread into the same buffer and skips white space at its start
 * beyond what was received, into the bytes of whoever was served before. Where the buffer begins is
 * the lowest place a request of this thread ever began. One empty line is skipped safely: the rest
 * of the head follows it.
 */
static const char *buffer_of(const char *method)
{
	static _Thread_local const char *buffer;

	if (!buffer || method < buffer)
		buffer = method;
	return buffer;
}

static bool begins_clean(const char *method)
{
	const char *buffer = buffer_of(method);

	return method == buffer || (method - buffer == 2 && memcmp(buffer, "\r\n", 2) == 0);
}

/*
 * The head must end behind the last header that was parsed: civetweb stops at a folded line and
 * after 64 headers, and would leave a Content-Length behind it unread. It has put a NUL on the line
 * break of each value and on the last byte of the head.
 */
static bool ends_clean(const struct mg_request_info *info)
{
	const char *p;

	if (info->num_headers == 0)
		return true; /* without Host: refused, or HTTP/1.0, whose connection ends here */
	p = info->http_headers[info->num_headers - 1].value;
	p += strlen(p) + 1;
	return p + 2 < buffer_of(info->request_method) + EDGE_HEAD_MAX && p[0] == '\0' &&
	       p[1] == '\r' && p[2] == '\0';
}

/* Blanks between a name and its colon are cut by civetweb and kept by others. */
static bool name_clean(const struct mg_header *h)
{
	const char *p = h->name + strlen(h->name) + 1;

	for (; p < h->value; p++)
		if (*p != ' ' && *p != '\t')
			return false;
	return h->name[0] != '\0';
}

static bool count_headers(const struct mg_request_info *info, struct counted *c)
{
	for (int i = 0; i < info->num_headers; i++) {
		const struct mg_header *h = &info->http_headers[i];

		if (!name_clean(h))
			return false;
		if (strcasecmp(h->name, "Host") == 0)
			c->hosts++;
		if (strcasecmp(h->name, "Content-Length") == 0) {
			c->lengths++;
			c->length = h->value;
		}
		if (strcasecmp(h->name, "Transfer-Encoding") == 0) {
			c->codings++;
			c->coding = h->value;
		}
	}
	return true;
}

static bool length_clean(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits > 0 && digits <= LENGTH_DIGITS_MAX &&
	       s[digits + strspn(s + digits, " ")] == '\0';
}

static enum status check_framing(struct exchange *x, const struct counted *c, bool old)
{
	if (c->codings > 0 && (old || c->codings > 1 || strcasecmp(c->coding, "chunked") != 0))
		return refuse(x, "Transfer-Encoding", "must be chunked, once, in HTTP/1.1");
	if (c->codings > 0 && c->lengths > 0)
		return refuse(x, "Content-Length", "must not be given beside Transfer-Encoding");
	if (c->lengths > 1)
		return refuse(x, "Content-Length", "must be given once");
	if (c->lengths == 1 && !length_clean(c->length))
		return refuse(x, "Content-Length", "must be a whole number");
	x->chunked = c->codings > 0;
	x->unread = x->chunked || x->info->content_length > 0;
	return ST_OK;
}

/* A client that waits for leave to send its body gets it when the body is read. */
static enum status check_expect(struct exchange *x, bool old)
{
	const char *expect = mg_get_header(x->conn, "Expect");

	if (!expect || old)
		return ST_OK;
	x->http = strcasecmp(expect, "100-continue") == 0 ? 0 : 417;
	x->waits = x->http == 0 && x->unread;
	return x->http ? refuse(x, "Expect", "can only be 100-continue") : ST_OK;
}

enum status edge_check_head(struct exchange *x)
{
	const struct mg_request_info *info = x->info;
	bool old = strcmp(info->http_version, "1.1") != 0;
	struct counted c = { 0 };
	enum status st;

	if (!begins_clean(info->request_method) || !ends_clean(info) || !count_headers(info, &c))
		return refuse(x, NULL,
			      "the request's head is not as RFC 9112 wants it: folded lines, more "
			      "than 64 headers, blanks before a colon, a line without CR");
	if (c.hosts > 1 || (c.hosts == 0 && !old))
		return refuse(x, "Host", "must be given once");
	if (info->request_uri[0] != '/')
		return refuse(x, "path", "must begin with a slash");
	st = check_framing(x, &c, old);
	return st == ST_OK ? check_expect(x, old) : st;
}

/* As civetweb decides it, so that the answer can say so. */
bool edge_client_closes(const struct exchange *x)
{
	const char *wish = mg_get_header(x->conn, "Connection");

	/* An upgrade is not taken up, but civetweb ends such connections. */
	if (wish && strcasestr(wish, "upgrade"))
		return true;
	if (strcmp(x->info->http_version, "1.1") != 0)
		return true;
	return wish && !strcasestr(wish, "keep-alive");
}
