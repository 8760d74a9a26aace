/*
 * The Messages API: who may ask, what is answered, what is billed. Read next: anthropic_check.c
 * (what is refused), model.h (who thinks), anthropic_send.c (the order of events).
 */
#include "anthropic.h"

#include "core/id.h"
#include "core/text.h"
#include "json/guard.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define JSON_DEPTH 64

void anth_put_error(struct buf *b, const char *type, const char *message, const char *request_id)
{
	buf_puts(b, "{\"type\":\"error\",\"error\":{\"type\":");
	buf_put_json(b, type, strlen(type));
	buf_puts(b, ",\"message\":");
	buf_put_json(b, message, strlen(message));
	buf_printf(b, "},\"request_id\":\"%s\"}", request_id);
}

/* "req_01..." as the provider writes it; it is in the answer's headers already. */
static const char *request_id_of(const struct exchange *ex)
{
	const char *at = strstr(buf_str(&ex->rep->headers), "request-id: ");
	size_t n = at != NULL ? strcspn(at + 12, "\r") : 0;

	return arena_strndup(ex->arena, at != NULL ? at + 12 : "", n);
}

void anth_error(struct exchange *ex, int status, const char *type, const char *fmt, ...)
{
	va_list ap;
	char *message;

	va_start(ap, fmt);
	message = arena_vprintf(ex->arena, fmt, ap);
	va_end(ap);
	web_json(ex->rep, status, "");
	anth_put_error(&ex->rep->body, type, message, request_id_of(ex));
	/* The official clients heed it. */
	web_add_header(ex->rep, "x-should-retry", "%s",
		       status == 408 || status == 409 || status == 429 || status >= 500 ? "true"
											: "false");
}

bool anthropic_owns(const struct web_request *req)
{
	return strcmp(req->seg[0], "v1") == 0 &&
	       (strcmp(req->seg[1], "messages") == 0 || strcmp(req->seg[1], "models") == 0);
}

/* ---- who asks ---- */

static bool key_hash(struct exchange *ex, char out[ANTH_KEY_HASH])
{
	const char *key = web_header(ex->req, "x-api-key");
	size_t len = key != NULL ? strlen(key) : 0;
	uint8_t hash[crypto_generichash_BYTES_MIN];

	if (key == NULL && web_bearer(ex->req) == NULL) {
		anth_error(ex, 401, "authentication_error", "x-api-key header is required");
		return false;
	}
	if (len < ANTH_KEY_MIN || len > ANTH_KEY_MAX ||
	    strncmp(key, ANTH_KEY_PREFIX, strlen(ANTH_KEY_PREFIX)) != 0) {
		anth_error(ex, 401, "authentication_error", "invalid x-api-key");
		return false;
	}
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)key, len, NULL, 0);
	hex_encode(hash, (ANTH_KEY_HASH - 1) / 2, out);
	return true;
}

static bool check_head(struct exchange *ex, bool post, char hash[ANTH_KEY_HASH])
{
	const char *version = web_header(ex->req, "anthropic-version");
	const char *type = web_header(ex->req, "Content-Type");

	if (!key_hash(ex, hash))
		return false;
	if (version == NULL) {
		anth_bad(ex, "anthropic-version: header is required");
		return false;
	}
	if (strcmp(version, "2023-06-01") != 0) {
		anth_bad(ex, "anthropic-version: \"%.40s\" is not a valid version", version);
		return false;
	}
	if (post && (type == NULL || strncasecmp(type, "application/json", 16) != 0)) {
		anth_bad(ex, "Content-Type must be application/json");
		return false;
	}
	return true;
}

/* ---- models ---- */

static void put_model(struct buf *b, const struct anth_model *m)
{
	buf_printf(
		b,
		"{\"type\":\"model\",\"id\":\"%s\",\"display_name\":\"%s\",\"created_at\":\"%s\","
		"\"max_input_tokens\":%lld,\"max_tokens\":%lld}",
		m->id, m->display, m->created, (long long)m->context, (long long)m->max_output);
}

static void models(struct exchange *ex)
{
	struct buf *b = &ex->rep->body;
	size_t n;
	const struct anth_model *all = anth_models(&n), *one;

	if (ex->req->nseg == 3) {
		one = anth_model_find(ex->req->seg[2]);
		if (one == NULL) {
			anth_error(ex, 404, "not_found_error", "model: %.100s", ex->req->seg[2]);
			return;
		}
		web_json(ex->rep, 200, "");
		put_model(b, one);
		return;
	}
	web_json(ex->rep, 200, "{\"data\":[");
	for (size_t i = 0; i < n; i++) {
		buf_puts(b, i > 0 ? "," : "");
		put_model(b, &all[i]);
	}
	buf_printf(b, "],\"has_more\":false,\"first_id\":\"%s\",\"last_id\":\"%s\"}", all[0].id,
		   all[n - 1].id);
}

/* ---- messages ---- */

/* What the modes refuse; nothing is said or billed then. */
static bool refused_by_mode(struct exchange *ex, const struct mode_rule *m)
{
	if (m->mode != MODE_OVERLOAD && m->mode != MODE_RATE_LIMIT && m->mode != MODE_UNAUTHORIZED)
		return false;
	if (m->mode == MODE_UNAUTHORIZED) {
		anth_error(ex, 401, "authentication_error", "invalid x-api-key");
		return true;
	}
	if (m->retry_after > 0)
		web_add_header(ex->rep, "retry-after", "%lld", (long long)m->retry_after);
	if (m->mode == MODE_OVERLOAD) {
		anth_error(ex, 529, "overloaded_error", "Overloaded");
		return true;
	}
	web_add_header(ex->rep, "anthropic-ratelimit-requests-limit", "50");
	web_add_header(ex->rep, "anthropic-ratelimit-requests-remaining", "0");
	anth_error(ex, 429, "rate_limit_error",
		   "This request would exceed your organization's rate limit of 50 requests per "
		   "minute");
	return true;
}

static void speak(struct exchange *ex, const struct anth_request *r, const char *hash)
{
	struct model_reply reply;
	struct anth_speech s = { .r = r, .reply = &reply, .request_id = request_id_of(ex) };
	struct anth_billed entry = { .model = r->model->id, .at_us = ex->now, .stream = r->stream };
	size_t n = 0;
	struct anth_segment *segs = anth_segments(ex->arena, r, hash, &n);

	if (segs != NULL && n > 0 && segs[n - 1].tokens + r->max_tokens > r->model->context) {
		anth_bad(ex, "prompt is too long: %lld tokens > %lld maximum",
			 (long long)segs[n - 1].tokens, (long long)r->model->context);
		return;
	}
	if (segs == NULL || n == 0 || !model_think(ex->arena, r, ex->sim->modes, &s.mode, &reply)) {
		anth_error(ex, 500, "api_error", "Internal server error");
		return;
	}
	if (refused_by_mode(ex, &s.mode))
		return;
	anth_cache_use(ex->sim->anth_cache, segs, n, r->model, ex->now, &s.usage);
	snprintf(entry.request_id, sizeof(entry.request_id), "%s", s.request_id);
	snprintf(entry.key_hash, sizeof(entry.key_hash), "%s", hash);
	anth_send(ex, &s, &entry);
	anth_ledger_add(ex->sim->ledger, &entry);
}

static void messages(struct exchange *ex, const char *hash)
{
	struct anth_request *r = arena_alloc(ex->arena, sizeof(*r));
	struct error err = { 0 };
	cJSON *root = NULL;

	if (ex->req->body_len > ANTH_BODY_MAX) {
		anth_error(ex, 413, "request_too_large", "Request exceeds the maximum size");
		return;
	}
	if (r == NULL ||
	    json_parse(ex->req->body, ex->req->body_len, JSON_DEPTH, 1, &root, &err) != ST_OK ||
	    !cJSON_IsObject(root)) {
		anth_bad(ex, "The request body is not valid JSON: %s", err.detail);
		cJSON_Delete(root);
		return;
	}
	if (anth_check(ex, root, r))
		speak(ex, r, hash);
	cJSON_Delete(root);
}

void anthropic_handle(struct exchange *ex)
{
	bool post = strcmp(ex->req->method, "POST") == 0;
	bool wants_post = strcmp(ex->req->seg[1], "messages") == 0;
	char hash[ANTH_KEY_HASH], id[64];
	struct fault f;

	random_hex(id, 12);
	web_add_header(ex->rep, "request-id", "req_01%s", id);
	f = exchange_begin(ex, PROV_ANTHROPIC, wants_post ? "messages" : "models");
	if (f.kind == FAULT_HTTP_5XX) {
		web_html(ex->rep, 502, "<html><body>Bad Gateway</body></html>");
		return;
	}
	if (f.kind == FAULT_HTTP_429 || f.kind == FAULT_THROTTLE) {
		refused_by_mode(ex, &(struct mode_rule){ .mode = MODE_RATE_LIMIT,
							 .retry_after = f.retry_after });
		return;
	}
	if (f.kind == FAULT_INTERNAL) {
		anth_error(ex, 500, "api_error", "Internal server error");
		return;
	}
	if (!check_head(ex, wants_post, hash))
		return;
	if (post != wants_post || ex->req->nseg > (wants_post ? 2u : 3u))
		anth_error(ex, post != wants_post ? 405 : 404, "not_found_error", "Not Found");
	else if (wants_post)
		messages(ex, hash);
	else
		models(ex);
}
