/* Calls of the gateway and of the simulator, for people who read JSON trees. */
#include "demo.h"

#include "json/guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (256 * 1024 * 1024)

void give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "\ndemo: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(v) ? v->valuestring : "";
}

int number_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) ? v->valueint : 0;
}

static void send_request(struct demo *d, const struct http_request *q, struct http_response *r)
{
	struct error err = { 0 };

	if (http_send(d->http, q, d->arena, r, &err) != ST_OK)
		give_up("%s", err.detail);
}

static int call(struct demo *d, const char *method, const char *path, const char *token,
		const char *body, struct http_response *r)
{
	struct http_header h[3];
	size_t n = 0;
	struct http_request q = { .method = method,
				  .headers = h,
				  .body = body,
				  .body_len = body ? strlen(body) : 0,
				  .max_body = ANSWER_MAX,
				  .total_ms = 60000 };

	arena_reset(d->arena);
	q.url = *path == '/' ? arena_printf(d->arena, "%s%s", d->base_url, path) : path;
	if (body)
		h[n++] = (struct http_header){ "Content-Type", "application/json" };
	if (*token && *path == '/')
		h[n++] = (struct http_header){ "Authorization",
					       arena_printf(d->arena, "Bearer %s", token) };
	q.n_headers = n;
	send_request(d, &q, r);
	return r->code;
}

static cJSON *tree_of(const struct http_response *r)
{
	struct error err = { 0 };
	cJSON *tree = NULL;

	if (json_parse(r->body, r->body_len, 64, 1, &tree, &err) != ST_OK)
		return NULL;
	return tree;
}

static cJSON *expect(const char *method, const char *path, const struct http_response *r, int want)
{
	cJSON *tree = tree_of(r);

	if (r->code != want)
		give_up("%s %s answered %d: %s", method, path, r->code,
			tree && *text_of(tree, "detail") ? text_of(tree, "detail") : r->body);
	return tree;
}

cJSON *api(struct demo *d, const char *method, const char *path, const char *body, int want)
{
	struct http_response r;

	call(d, method, path, d->token, body, &r);
	return expect(method, path, &r, want);
}

cJSON *api_operator(struct demo *d, const char *method, const char *path, const char *body,
		    int want)
{
	struct http_response r;

	call(d, method, path, d->operator_key, body, &r);
	return expect(method, path, &r, want);
}

int api_try(struct demo *d, const char *method, const char *path, const char *body, cJSON **ret)
{
	struct http_response r;
	int code = call(d, method, path, d->token, body, &r);

	*ret = tree_of(&r);
	return code;
}

cJSON *api_upload(struct demo *d, const char *path, const char *key, const char *body, size_t len)
{
	struct http_response r;
	struct http_header h[3];
	struct http_request q = { .method = "POST",
				  .headers = h,
				  .n_headers = 3,
				  .body = body,
				  .body_len = len,
				  .total_ms = 600000 };

	q.url = arena_printf(d->arena, "%s%s", d->base_url, path);
	h[0] = (struct http_header){ "Content-Type", "application/x-ndjson" };
	h[1] = (struct http_header){ "Idempotency-Key", key };
	h[2] = (struct http_header){ "Authorization",
				     arena_printf(d->arena, "Bearer %s", d->token) };
	send_request(d, &q, &r);
	return expect("POST", path, &r, 200);
}

/* ---- streams ---- */

struct reading {
	int code;
	struct buf problem; /* the body of an answer that is no stream */
	bool (*on_data)(void *arg, const char *data, size_t len);
	void *arg;
};

static bool take_head(void *arg, const struct http_response *head)
{
	struct reading *r = arg;

	r->code = head->code;
	return true;
}

static bool take_data(void *arg, const char *data, size_t len)
{
	struct reading *r = arg;

	if (r->code == 200)
		return r->on_data(r->arg, data, len);
	buf_put(&r->problem, data, len);
	return true;
}

int api_stream(struct demo *d, const char *path, const char *body, int timeout_ms,
	       bool (*on_data)(void *arg, const char *data, size_t len), void *arg,
	       struct error *err)
{
	struct reading r = { .on_data = on_data, .arg = arg };
	struct http_sink sink = { .arg = &r, .on_head = take_head, .on_data = take_data };
	struct http_header h[3] = { { "Content-Type", "application/json" },
				    { "Accept", "text/event-stream" } };
	struct http_request q = { .method = "POST",
				  .headers = h,
				  .n_headers = 3,
				  .body = body,
				  .body_len = strlen(body),
				  .max_body = ANSWER_MAX,
				  .total_ms = timeout_ms };
	struct http_response answer;
	cJSON *problem;

	arena_reset(d->arena);
	q.url = arena_printf(d->arena, "%s%s", d->base_url, path);
	h[2] = (struct http_header){ "Authorization",
				     arena_printf(d->arena, "Bearer %s", d->token) };
	buf_init(&r.problem, 65536);
	if (http_stream(d->http, &q, &sink, d->arena, &answer, err) != ST_OK)
		give_up("%s: %s", path, err->detail);
	problem = r.code == 200 ? NULL : cJSON_Parse(buf_str(&r.problem));
	if (problem)
		error_set(err, ST_UPSTREAM, NULL, "%s", text_of(problem, "detail"));
	cJSON_Delete(problem);
	buf_done(&r.problem);
	return r.code;
}
