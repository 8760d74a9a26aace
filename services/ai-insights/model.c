/*
 * Sends a turn, reads the stream, tries again while nothing was handed on. Read next:
 * model_stream.c (the events), model_error.c (what errors mean).
 */
#include "model.h"

#include "core/id.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "http/client.h"
#include "model_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MODEL_MAGIC       0x4d4f444cu
#define MODEL_PATH        "v1/messages"
#define MODEL_VERSION     "2023-06-01"
#define MODEL_AGENT       "pulsepoint/1"
#define MODEL_URL_MAX     1024
#define MODEL_TOKENS_MAX  1000000
#define MODEL_WAIT_SLICE  (US_PER_SECOND / 5) /* how often a wait looks at the cancel flag */
#define MODEL_ADVICE_NONE (-1)

struct model_client {
	uint32_t magic;
	struct http_client *http;
	char url[MODEL_URL_MAX], key[MODEL_KEY_MAX], model[MODEL_NAME_MAX];
	int max_tokens, total_ms, first_byte_ms, idle_ms, attempts;
};

/* One request and what came of it. */
struct attempt {
	struct model_stream stream;
	struct arena *arena;
	struct buf body; /* of an answer that is no stream */
	int code;
	bool streaming;
	int should_retry; /* 1, 0, or -1: the provider does not say */
	int64_t wait_ms;  /* the provider's advice, or MODEL_ADVICE_NONE */
	char request_id[MODEL_ID_MAX];
	enum model_fault fault;
	bool transient; /* asking again may help */
	char detail[ERROR_DETAIL_MAX];
};

static const struct {
	const char *name;
	enum status status;
} faults[] = {
#define X(name, st) [MODEL_FAULT_##name] = { #name, ST_##st },
	MODEL_FAULT_LIST(X)
#undef X
};

const char *model_stop_word(enum model_stop s)
{
	static const char *const words[] = { "",
#define X(name, word) word,
					     MODEL_STOP_LIST(X)
#undef X
	};

	return (size_t)s < sizeof(words) / sizeof(words[0]) ? words[s] : "";
}

/* ---- the client ---- */

static bool printable(const char *s, size_t max)
{
	size_t len = strnlen(s, max);

	for (size_t i = 0; i < len; i++) {
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	}
	return len > 0 && len < max;
}

static enum status check_config(const struct model_config *cfg, struct error *err)
{
	if (!printable(cfg->url, MODEL_URL_MAX - sizeof(MODEL_PATH)) ||
	    (strncasecmp(cfg->url, "http://", 7) != 0 && strncasecmp(cfg->url, "https://", 8) != 0))
		return error_set(err, ST_INVALID, "url", "is no address with http or https");
	if (!printable(cfg->key, MODEL_KEY_MAX))
		return error_set(err, ST_INVALID, "key", "is no line of printable characters");
	if (!printable(cfg->model, MODEL_NAME_MAX) || strpbrk(cfg->model, "\"\\") != NULL)
		return error_set(err, ST_INVALID, "model", "is no name of a model");
	if (cfg->max_tokens < 1 || cfg->max_tokens > MODEL_TOKENS_MAX)
		return error_set(err, ST_INVALID, "max_tokens", "must be between 1 and %d",
				 MODEL_TOKENS_MAX);
	if (cfg->attempts < 0 || cfg->attempts > MODEL_ATTEMPTS_MAX)
		return error_set(err, ST_INVALID, "attempts", "must be between 0 and %d",
				 MODEL_ATTEMPTS_MAX);
	return ST_OK;
}

static int or_else(int value, int otherwise)
{
	return value > 0 ? value : otherwise;
}

enum status model_client_new(const struct model_config *cfg, struct model_client **ret,
			     struct error *err)
{
	enum status st = check_config(cfg, err);
	struct model_client *c;
	struct buf url;

	if (st != ST_OK)
		return st;
	c = calloc(1, sizeof(*c)); /* allowed: a long-lived object */
	if (c == NULL)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	c->magic = MODEL_MAGIC;
	buf_init(&url, sizeof(c->url) - 1);
	http_url_begin(&url, cfg->url);
	http_url_path(&url, MODEL_PATH);
	snprintf(c->url, sizeof(c->url), "%s", buf_str(&url));
	buf_done(&url);
	snprintf(c->key, sizeof(c->key), "%s", cfg->key);
	snprintf(c->model, sizeof(c->model), "%s", cfg->model);
	c->max_tokens = cfg->max_tokens;
	c->total_ms = or_else(cfg->total_ms, MODEL_TOTAL_MS);
	c->first_byte_ms = or_else(cfg->first_byte_ms, MODEL_FIRST_BYTE_MS);
	c->idle_ms = or_else(cfg->idle_ms, MODEL_IDLE_MS);
	c->attempts = or_else(cfg->attempts, MODEL_ATTEMPTS);
	c->http = http_client_new(MODEL_AGENT);
	if (c->http == NULL) {
		model_client_free(c);
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	}
	*ret = c;
	return ST_OK;
}

void model_client_free(struct model_client *c)
{
	if (c == NULL)
		return;
	CHECK_MAGIC(c, MODEL_MAGIC);
	http_client_free(c->http);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* ---- receiving ---- */

/* A number of seconds or milliseconds, fractions allowed, as milliseconds; none beyond a day. */
static int64_t advice_ms(const char *text, int64_t unit_ms)
{
	int64_t whole = 0, part = 0, scale = unit_ms;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		whole = whole * 10 + (*p - '0');
		if (whole > US_PER_DAY / 1000)
			return US_PER_DAY / 1000;
	}
	if (p == text)
		return MODEL_ADVICE_NONE;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			scale /= 10;
			part += (*p - '0') * scale;
		}
	}
	return *p == '\0' ? whole * unit_ms + part : MODEL_ADVICE_NONE;
}

static void read_advice(struct attempt *t, const struct http_response *head)
{
	const char *ms = http_response_header(head, "retry-after-ms");
	const char *s = http_response_header(head, "retry-after");
	const char *should = http_response_header(head, "x-should-retry");

	t->wait_ms = ms != NULL ? advice_ms(ms, 1) : MODEL_ADVICE_NONE;
	if (t->wait_ms < 0 && s != NULL)
		t->wait_ms = advice_ms(s, 1000);
	if (t->wait_ms < 0 && head->retry_after_s > 0) /* a date */
		t->wait_ms = (int64_t)head->retry_after_s * 1000;
	t->should_retry = -1;
	if (should != NULL && strcmp(should, "true") == 0)
		t->should_retry = 1;
	if (should != NULL && strcmp(should, "false") == 0)
		t->should_retry = 0;
}

static bool on_head(void *arg, const struct http_response *head)
{
	static const char stream_type[] = "text/event-stream";
	struct attempt *t = arg;
	const char *type = http_response_header(head, "content-type");
	const char *id = http_response_header(head, "request-id");

	t->code = head->code;
	t->streaming = head->code == 200 && type != NULL &&
		       strncasecmp(type, stream_type, sizeof(stream_type) - 1) == 0;
	if (id != NULL && printable(id, MODEL_ID_MAX))
		snprintf(t->request_id, sizeof(t->request_id), "%s", id);
	read_advice(t, head);
	return true;
}

/* An error body is read as far as it may be of use; the rest is passed over. */
static bool on_data(void *arg, const char *data, size_t len)
{
	struct attempt *t = arg;

	if (t->streaming)
		model__stream_feed(&t->stream, data, len);
	else
		buf_put(&t->body, data, len);
	return true;
}

/* ---- judging ---- */

static void judge(struct attempt *t, enum model_fault f, bool transient, const char *words)
{
	t->fault = f;
	/* An answer whose whole price was told is not bought again. */
	t->transient = transient && !t->stream.final_usage;
	snprintf(t->detail, sizeof(t->detail), "the model's provider %s", words);
}

static void judge_code(struct attempt *t)
{
	char type[MODEL_WORD_MAX], words[MODEL_WORD_MAX + 64];
	enum model_fault f = model__fault_of_code(t->code);
	bool transient = t->code == 408 || t->code == 409 || t->code == 429 || t->code >= 500;

	if (t->code == 200) { /* whole, or no answer of this API */
		model__whole_usage(buf_str(&t->body), t->body.len, t->stream.hour, &t->stream);
		judge(t, MODEL_FAULT_ANSWER, false, "sent an answer that is no event stream");
		return;
	}
	model__error_type(buf_str(&t->body), t->body.len, type);
	snprintf(words, sizeof(words), "answers %d (%s)", t->code,
		 type[0] != '\0' ? type : "without a reason");
	if (t->code >= 500 && strcmp(type, "overloaded_error") == 0)
		f = MODEL_FAULT_OVERLOADED;
	judge(t, f, t->code >= 400 && t->should_retry >= 0 ? t->should_retry == 1 : transient,
	      words);
}

static void judge_stream(struct attempt *t)
{
	const struct model_stream *s = &t->stream;
	char words[MODEL_WORD_MAX + 100];
	bool transient = s->fault == MODEL_FAULT_TRUNCATED;

	if (s->error_event)
		transient = s->fault == MODEL_FAULT_RATE || s->fault == MODEL_FAULT_OVERLOADED ||
			    s->fault == MODEL_FAULT_PROVIDER;
	snprintf(words, sizeof(words), s->word[0] != '\0' ? "%s: %s" : "%s%s", s->why, s->word);
	judge(t, s->fault, transient, words);
}

static void judge_transport(struct attempt *t, enum http_fault f)
{
	static const struct {
		enum http_fault http;
		enum model_fault model;
	} pairs[] = {
		{ HTTP_FAULT_REQUEST, MODEL_FAULT_REQUEST },
		{ HTTP_FAULT_TIMEOUT, MODEL_FAULT_TIMEOUT },
		{ HTTP_FAULT_TRUNCATED, MODEL_FAULT_TRUNCATED },
		{ HTTP_FAULT_TOO_LARGE, MODEL_FAULT_TOO_LARGE },
		{ HTTP_FAULT_PROTOCOL, MODEL_FAULT_ANSWER },
		{ HTTP_FAULT_CANCELLED, MODEL_FAULT_CANCELLED },
		{ HTTP_FAULT_MEMORY, MODEL_FAULT_MEMORY },
	};
	enum model_fault m = MODEL_FAULT_UNREACHABLE;
	char words[160];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i].http == f)
			m = pairs[i].model;
	}
	snprintf(words, sizeof(words), "gave no whole answer: %s", http_fault_words(f));
	judge(t, m, http_fault_transient(f), words);
}

/* ---- one request ---- */

/* What the provider said in the stream counts for more than how the connection ended; and an answer
 * that has said its end is whole, however the connection ended. */
static void judge_attempt(struct attempt *t, const struct http_response *res)
{
	if (t->streaming)
		model__stream_end(&t->stream);
	if (t->streaming && t->stream.fault == MODEL_FAULT_NONE)
		return;
	if (t->streaming && (t->stream.fault != MODEL_FAULT_TRUNCATED ||
			     res->fault == HTTP_FAULT_NONE || res->fault == HTTP_FAULT_TRUNCATED))
		judge_stream(t);
	else if (res->fault != HTTP_FAULT_NONE)
		judge_transport(t, res->fault);
	else
		judge_code(t);
}

static void send_once(struct model_client *c, const struct model_turn *turn, const struct buf *body,
		      struct attempt *t)
{
	const struct http_header headers[] = { { "content-type", "application/json" },
					       { "accept", "text/event-stream" },
					       { "anthropic-version", MODEL_VERSION },
					       { "x-api-key", c->key } };
	const struct http_request q = { .method = "POST",
					.url = c->url,
					.headers = headers,
					.n_headers = sizeof(headers) / sizeof(headers[0]),
					.body = buf_str(body),
					.body_len = body->len,
					.total_ms = c->total_ms,
					.deadline_mono_us = turn->deadline_mono_us,
					.max_body = MODEL_STREAM_MAX,
					.cancel = turn->cancel };
	const struct http_sink sink = { .arg = t,
					.on_head = on_head,
					.on_data = on_data,
					.first_byte_ms = c->first_byte_ms,
					.idle_ms = c->idle_ms };
	struct http_response res;
	enum status st = http_stream(c->http, &q, &sink, t->arena, &res, NULL);

	INVARIANT((st == ST_OK) == (res.fault == HTTP_FAULT_NONE));
	judge_attempt(t, &res);
}

static struct attempt *attempt_new(struct arena *a, const struct model_turn *turn)
{
	struct attempt *t = calloc(1, sizeof(*t)); /* allowed: freed at the attempt's end */

	if (t == NULL)
		return NULL;
	t->arena = a;
	t->should_retry = -1;
	t->wait_ms = MODEL_ADVICE_NONE;
	model__stream_init(&t->stream, &turn->events, conversation_keeps_hour(turn->talk));
	buf_init(&t->body, MODEL_ERROR_BODY_MAX);
	return t;
}

static void attempt_free(struct attempt *t)
{
	model__stream_done(&t->stream);
	buf_done(&t->body);
	free(t);
}

/* A refusal comes as another code, or as an error before the message; whatever else was answered
 * may have been billed. */
static bool may_be_billed(const struct attempt *t)
{
	return t->stream.usage.known ||
	       (t->code == 200 && (t->stream.started || !t->stream.error_event));
}

static bool may_try_again(const struct model_client *c, const struct attempt *t, int attempts)
{
	return t->fault != MODEL_FAULT_NONE && t->transient && !t->stream.text_given &&
	       attempts < c->attempts;
}

/* What it cost and what it said goes to the caller, whatever became of it. */
static void tell(const struct model_client *c, struct attempt *t, const struct model_turn *turn,
		 struct model_reply *ret)
{
	int attempts = ret->attempts;
	bool text_given = t->stream.text_given;

	t->stream.fault = t->fault;
	*ret = (struct model_reply){ .category = "",
				     .content = "[]",
				     .content_len = 2,
				     .attempts = attempts,
				     .text_given = text_given };
	if (!model__stream_reply(&t->stream, t->arena, ret))
		judge_stream(t);
	ret->request_id = arena_strdup(t->arena, t->request_id);
	ret->fault = t->fault;
	if (t->fault != MODEL_FAULT_NONE)
		ret->stop = MODEL_STOP_NONE;
	if (may_be_billed(t) && turn->events.on_usage != NULL)
		turn->events.on_usage(
			turn->events.arg,
			&(struct model_spent){ .usage = &t->stream.usage,
					       .request_id = t->request_id,
					       .model = t->stream.model,
					       .attempt = attempts,
					       .again = may_try_again(c, t, attempts) });
}

/* ---- trying again ---- */

static bool cancelled(const struct model_turn *turn)
{
	return turn->cancel != NULL && atomic_load(turn->cancel);
}

/* Microseconds to wait, up to a tenth more than the provider's advice so that not all come back at
 * once; -1 when that is longer than we wait. */
static int64_t wait_for(const struct attempt *t, const struct model_turn *turn, int attempts)
{
	int64_t us = http_backoff(attempts - 1, 0);
	uint16_t r;

	if (t->wait_ms > MODEL_RETRY_AFTER_MS)
		return -1;
	if (t->wait_ms >= 0) {
		random_bytes(&r, sizeof(r));
		us = t->wait_ms * 1000 + t->wait_ms * 100 * r / UINT16_MAX;
	}
	if (turn->deadline_mono_us != 0 && time_mono_us() + us >= turn->deadline_mono_us)
		return -1;
	return us;
}

/* True when there is to be another request, after the wait. */
static bool again(const struct model_client *c, const struct attempt *t,
		  const struct model_turn *turn, int attempts)
{
	int64_t us, until;

	if (!may_try_again(c, t, attempts))
		return false;
	us = wait_for(t, turn, attempts);
	if (us < 0)
		return false;
	for (until = time_mono_us() + us; time_mono_us() < until && !cancelled(turn);) {
		int64_t slice = time_mono_us() + MODEL_WAIT_SLICE;

		time_sleep_us(slice < until ? slice : until);
	}
	return !cancelled(turn);
}

static enum status report(const struct attempt *t, struct error *err)
{
	enum status st = error_set(err, faults[t->fault].status, NULL, "%s", t->detail);

	if (err != NULL && t->wait_ms > 0)
		err->retry_after_s = (int)((t->wait_ms + 999) / 1000);
	return st;
}

static enum status fail(struct model_reply *ret, enum model_fault f, struct error *err,
			const char *words)
{
	ret->fault = f;
	return error_set(err, faults[f].status, NULL, "%s", words);
}

static enum status send_body(struct model_client *c, const struct model_turn *turn,
			     const struct buf *body, struct arena *a, struct model_reply *ret,
			     struct error *err)
{
	enum status st = ST_OK;
	bool more = true;

	while (more) {
		struct attempt *t = attempt_new(a, turn);

		if (t == NULL)
			return fail(ret, MODEL_FAULT_MEMORY, err, "out of memory");
		ret->attempts++;
		send_once(c, turn, body, t);
		tell(c, t, turn, ret);
		more = again(c, t, turn, ret->attempts);
		st = t->fault == MODEL_FAULT_NONE ? ST_OK : report(t, err);
		attempt_free(t);
	}
	return st;
}

enum status model_send(struct model_client *c, const struct model_turn *turn, struct arena *a,
		       struct model_reply *ret, struct error *err)
{
	struct error why = { 0 };
	struct buf body;
	enum status st;

	CHECK_MAGIC(c, MODEL_MAGIC);
	*ret = (struct model_reply){ .category = "",
				     .text = "",
				     .content = "[]",
				     .content_len = 2,
				     .message_id = "",
				     .request_id = "",
				     .model = "" };
	buf_init(&body, CONVERSATION_BODY_MAX);
	if (conversation_body(turn->talk, c->model, c->max_tokens, &body, &why) == ST_OK)
		st = send_body(c, turn, &body, a, ret, err);
	else
		st = fail(ret, MODEL_FAULT_REQUEST, err, why.detail);
	buf_done(&body);
	return st;
}
