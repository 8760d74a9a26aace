/*
 * Collects an answer within its limits and reads the two headers every caller needs. Read next:
 * client.c.
 */
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "http/http_priv.h"

#include <string.h>
#include <strings.h>

#define ANSWER_MAGIC 0x48545041u

void http__answer_init(struct http__answer *ans, struct arena *a, size_t max_body,
		       const atomic_bool *cancel)
{
	*ans = (struct http__answer){ .magic = ANSWER_MAGIC, .arena = a, .cancel = cancel };
	buf_init(&ans->body, max_body);
}

void http__answer_done(struct http__answer *ans)
{
	buf_done(&ans->body);
	ans->magic = 0;
}

size_t http__answer_body(char *data, size_t size, size_t n, void *arg)
{
	struct http__answer *ans = arg;

	CHECK_MAGIC(ans, ANSWER_MAGIC);
	(void)size; /* always 1 */
	if (n > ans->body.max - ans->body.len) {
		ans->too_large = true;
		return 0;
	}
	buf_put(&ans->body, data, n);
	ans->no_memory = ans->body.failed;
	return ans->no_memory ? 0 : n;
}

/* Cuts spaces and line ends at both ends. */
static char *trimmed(struct arena *a, const char *s, size_t len)
{
	while (len > 0 && (*s == ' ' || *s == '\t')) {
		s++;
		len--;
	}
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\r' ||
			   s[len - 1] == '\n'))
		len--;
	return arena_strndup(a, s, len);
}

size_t http__answer_header(char *data, size_t size, size_t n, void *arg)
{
	struct http__answer *ans = arg;
	const char *colon;

	CHECK_MAGIC(ans, ANSWER_MAGIC);
	(void)size; /* always 1 */
	/* A status line begins an answer: what came before belonged to a 1xx. */
	if (n >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		ans->n_headers = ans->header_bytes = 0;
		return n;
	}
	colon = memchr(data, ':', n);
	if (colon == NULL)
		return n;
	ans->header_bytes += n;
	if (ans->n_headers >= HTTP_ANSWER_HEADERS_MAX ||
	    ans->header_bytes > HTTP_ANSWER_HEADER_BYTES) {
		ans->too_large = true;
		return 0;
	}
	ans->headers[ans->n_headers].name = trimmed(ans->arena, data, (size_t)(colon - data));
	ans->headers[ans->n_headers].value =
		trimmed(ans->arena, colon + 1, n - (size_t)(colon + 1 - data));
	ans->n_headers++;
	ans->no_memory = arena_failed(ans->arena);
	return ans->no_memory ? 0 : n;
}

const char *http_response_header(const struct http_response *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	}
	return NULL;
}

/* Seconds, or a date against the answer's own clock (RFC 9110 section 10.2.3): ours may differ. */
static int retry_after(const struct http_response *r)
{
	const char *text = http_response_header(r, "Retry-After");
	int64_t v, now = r->date_us != 0 ? r->date_us : time_now_us();

	if (text == NULL)
		return 0;
	if (parse_i64(text, 0, INT64_MAX, &v))
		return v > HTTP_RETRY_AFTER_SEEN_MAX_S ? HTTP_RETRY_AFTER_SEEN_MAX_S : (int)v;
	if (!http_date_parse(text, &v) || v <= now)
		return 0;
	v = (v - now + US_PER_SECOND - 1) / US_PER_SECOND;
	return v > HTTP_RETRY_AFTER_SEEN_MAX_S ? HTTP_RETRY_AFTER_SEEN_MAX_S : (int)v;
}

bool http__answer_finish(struct http__answer *ans, struct http_response *ret)
{
	struct http_header *headers;
	const char *date;
	char *body;

	body = arena_alloc(ans->arena, ans->body.len + 1);
	headers = arena_array(ans->arena, ans->n_headers + 1, sizeof(*headers));
	if (body == NULL || headers == NULL)
		return false;
	if (ans->body.len > 0)
		memcpy(body, ans->body.data, ans->body.len);
	memcpy(headers, ans->headers, ans->n_headers * sizeof(*headers));
	ret->body = body;
	ret->body_len = ans->body.len;
	ret->headers = headers;
	ret->n_headers = ans->n_headers;
	date = http_response_header(ret, "Date");
	if (date == NULL || !http_date_parse(date, &ret->date_us))
		ret->date_us = 0;
	ret->retry_after_s = retry_after(ret);
	return true;
}
