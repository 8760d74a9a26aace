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

/* A piece for the sink, within the same bound as a collected body. */
static size_t give(struct http__answer *ans, const char *data, size_t n)
{
	if (n > ans->body.max - ans->streamed) {
		ans->too_large = true;
		return 0;
	}
	ans->streamed += n;
	ans->stopped = !ans->sink->on_data(ans->sink->arg, data, n);
	ans->heard_mono_us = time_mono_us(); /* what the sink took is not silence */
	return ans->stopped ? 0 : n;
}

size_t http__answer_body(char *data, size_t size, size_t n, void *arg)
{
	struct http__answer *ans = arg;

	CHECK_MAGIC(ans, ANSWER_MAGIC);
	(void)size; /* always 1 */
	if (ans->sink != NULL)
		return give(ans, data, n);
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

/* The code of a status line, "HTTP/1.1 200 OK"; 0 when it has none. */
static int code_of(const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n);
	int code = 0;

	if (space == NULL || n - (size_t)(space - line) < 4)
		return 0;
	for (int i = 1; i <= 3; i++) {
		if (space[i] < '0' || space[i] > '9')
			return 0;
		code = code * 10 + (space[i] - '0');
	}
	return code;
}

/* The empty line behind the headers of the final answer: the sink hears of them. */
static size_t tell_head(struct http__answer *ans, size_t n)
{
	struct http_response head = { .code = ans->code };

	if (ans->sink == NULL || ans->head_told || ans->code < 200)
		return n;
	if (!http__answer_head(ans, &head)) {
		ans->no_memory = true;
		return 0;
	}
	ans->head_told = true;
	ans->stopped = ans->sink->on_head != NULL && !ans->sink->on_head(ans->sink->arg, &head);
	return ans->stopped ? 0 : n;
}

size_t http__answer_header(char *data, size_t size, size_t n, void *arg)
{
	struct http__answer *ans = arg;
	const char *colon;

	CHECK_MAGIC(ans, ANSWER_MAGIC);
	(void)size; /* always 1 */
	ans->heard_mono_us = time_mono_us();
	/* A status line begins an answer: what came before belonged to a 1xx. */
	if (n >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		ans->n_headers = ans->header_bytes = 0;
		ans->code = code_of(data, n);
		return n;
	}
	colon = memchr(data, ':', n);
	if (n > 0 && (data[0] == '\r' || data[0] == '\n'))
		return tell_head(ans, n);
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

bool http__answer_silent(struct http__answer *ans)
{
	int64_t ms;

	if (ans->sink == NULL)
		return false;
	if (ans->code == 0)
		ms = ans->sink->first_byte_ms > 0 ? ans->sink->first_byte_ms : HTTP_FIRST_BYTE_MS;
	else
		ms = ans->sink->idle_ms > 0 ? ans->sink->idle_ms : HTTP_IDLE_MS;
	ans->silent = time_mono_us() - ans->heard_mono_us >= ms * 1000;
	return ans->silent;
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

bool http__answer_head(struct http__answer *ans, struct http_response *ret)
{
	struct http_header *headers = arena_array(ans->arena, ans->n_headers + 1, sizeof(*headers));
	const char *date;

	if (headers == NULL)
		return false;
	memcpy(headers, ans->headers, ans->n_headers * sizeof(*headers));
	ret->headers = headers;
	ret->n_headers = ans->n_headers;
	date = http_response_header(ret, "Date");
	if (date == NULL || !http_date_parse(date, &ret->date_us))
		ret->date_us = 0;
	ret->retry_after_s = retry_after(ret);
	return true;
}

bool http__answer_finish(struct http__answer *ans, struct http_response *ret)
{
	char *body = arena_alloc(ans->arena, ans->body.len + 1);

	if (body == NULL)
		return false;
	if (ans->body.len > 0)
		memcpy(body, ans->body.data, ans->body.len);
	ret->body = body;
	ret->body_len = ans->body.len;
	return http__answer_head(ans, ret);
}
