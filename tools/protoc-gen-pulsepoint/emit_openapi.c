/* Writes openapi.json: paths, parameters, bodies, answers. Read next: openapi_schema.c. */
#include "emit.h"

#include "check_parts.h"
#include "json_out.h"
#include "mem.h"
#include "openapi_schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define JSON_TYPE    "application/json"
#define PROBLEM_TYPE "application/problem+json"
#define LINES_TYPE   "application/x-ndjson"
#define SSE_TYPE     "text/event-stream"

struct answer {
	int code;
	const char *name, *doc;
	bool retry_after;
};
static const struct answer answers[] = {
	{ 400, "Invalid", "The request breaks a rule; `field` names where.", false },
	{ 401, "Unauthenticated", "No valid credentials.", false },
	{ 403, "Denied", "The caller's role or brands do not allow this.", false },
	{ 404, "NotFound", "There is no such thing, or it is another tenant's.", false },
	{ 409, "Conflict", "It contradicts what is there.", false },
	{ 413, "TooLarge", "The body is larger than this method takes.", false },
	{ 415, "Unsupported", "The body is not of the media type this method takes.", false },
	{ 422, "Mismatch", "The Idempotency-Key was used for another request.", false },
	{ 429, "Limited", "Too many requests of this tenant or address.", true },
	{ 503, "Unavailable", "A part of the system is not there; try again.", true },
};
#define ANSWERS_N (sizeof(answers) / sizeof(answers[0]))

static bool in_path(const struct method *me, const struct field *f)
{
	return strstr(me->http_path, mem_printf("{%s}", f->name)) != NULL;
}

static bool takes_body(const struct method *me)
{
	return strcmp(me->http_method, "GET") != 0 && strcmp(me->http_method, "DELETE") != 0;
}

static bool is_upload(const struct method *me)
{
	return me->rule->upload_field[0] != '\0';
}

static bool in_body(const struct method *me, const struct field *f)
{
	return takes_body(me) && !is_upload(me) && !in_path(me, f) && !f->rule->in_header;
}

static bool in_query(const struct method *me, const struct field *f)
{
	return (!takes_body(me) || is_upload(me)) && !in_path(me, f) && !f->rule->in_header &&
	       strcmp(f->name, me->rule->upload_field) != 0;
}

static bool any_field(const struct method *me, openapi_keep_fn *is)
{
	for (size_t i = 0; i < me->in->n_fields; i++)
		if (is(me, &me->in->fields[i]))
			return true;
	return false;
}

/* ---- parameters and body ---- */

static void put_parameter(struct json_out *j, const struct field *f, const char *in, bool required)
{
	json_object(j, NULL);
	json_string(j, "name", f->name);
	json_string(j, "in", in);
	if (required)
		json_bool(j, "required", true);
	if (f->repeated && strcmp(in, "query") == 0)
		json_bool(j, "explode", false); /* one parameter, comma separated */
	json_string_if(j, "description", f->doc);
	openapi_field(j, "schema", f, USED_IN);
	json_end_object(j);
}

/* What a stream that is taken up again tells: SSE, https://html.spec.whatwg.org, "last-event-id".
 */
static const struct field *resumes_by(const struct method *me)
{
	const struct field *f = message_field(me->in, "last_event_id");

	return f && f->rule->in_header ? f : NULL;
}

static void put_last_event_id(struct json_out *j, const struct field *f)
{
	json_object(j, NULL);
	json_string(j, "name", "Last-Event-ID");
	json_string(j, "in", "header");
	json_string_if(j, "description", f->doc);
	openapi_field(j, "schema", f, USED_IN);
	json_end_object(j);
}

static void put_idempotency_key(struct json_out *j, const struct method *me)
{
	json_object(j, NULL);
	json_string(j, "name", "Idempotency-Key");
	json_string(j, "in", "header");
	json_string(j, "description",
		    is_upload(me) ? "Send the same key again to resume an upload."
				  : "A request sent again with its key gets the first answer again "
				    "and has no second effect.");
	json_object(j, "schema");
	json_string(j, "type", "string");
	json_int(j, "minLength", 1);
	json_int(j, "maxLength", 255);
	json_end_object(j);
	json_end_object(j);
}

static void put_parameters(struct json_out *j, const struct method *me)
{
	bool keyed = me->rule->idempotent || is_upload(me);

	json_array(j, "parameters");
	for (size_t i = 0; i < me->in->n_fields; i++)
		if (in_path(me, &me->in->fields[i]))
			put_parameter(j, &me->in->fields[i], "path", true);
	for (size_t i = 0; i < me->in->n_fields; i++) {
		const struct field *f = &me->in->fields[i];

		if (in_query(me, f))
			put_parameter(j, f, "query", f->rule->required);
	}
	if (keyed)
		put_idempotency_key(j, me);
	if (resumes_by(me))
		put_last_event_id(j, resumes_by(me));
	json_end_array(j);
}

static void put_upload(struct json_out *j, const struct method *me)
{
	const struct field *f = message_field(me->in, me->rule->upload_field);

	json_object(j, LINES_TYPE);
	json_object(j, "schema");
	json_string(j, "type", "string");
	json_string(j, "description",
		    mem_printf("One JSON object a line, at most %u bytes each; %s",
			       f->rule->max_len != 0 ? f->rule->max_len : STRING_MAX_LEN, f->doc));
	json_end_object(j);
	json_end_object(j);
}

static bool body_required(const struct method *me)
{
	for (size_t i = 0; i < me->in->n_fields; i++)
		if (in_body(me, &me->in->fields[i]) && me->in->fields[i].rule->required)
			return true;
	return is_upload(me);
}

static void put_body(struct json_out *j, const struct method *me)
{
	if (!is_upload(me) && !any_field(me, in_body))
		return;
	json_object(j, "requestBody");
	json_bool(j, "required", body_required(me));
	json_object(j, "content");
	if (is_upload(me)) {
		put_upload(j, me);
	} else {
		json_object(j, JSON_TYPE);
		openapi_object(j, "schema", me->in, USED_IN, in_body, me);
		json_end_object(j);
	}
	json_end_object(j);
	json_end_object(j);
}

/* ---- answers ---- */

static bool answer_applies(const struct method *me, int code)
{
	bool public = me->rule->role == PULSEPOINT__ROLE__ROLE_PUBLIC;
	bool input = any_field(me, in_path) || any_field(me, in_query) || any_field(me, in_body) ||
		     is_upload(me) || resumes_by(me);
	bool body = is_upload(me) || any_field(me, in_body);

	switch (code) {
	case 400:
		return input;
	case 401: /* a public method with input checks credentials of its own: login, refresh */
		return !public || input;
	case 403:
		return !public;
	case 404:
		return any_field(me, in_path) || me->rule->brand_field[0] != '\0';
	case 409:
		return !public && takes_body(me);
	case 413:
	case 415:
		return body;
	case 422:
		return me->rule->idempotent;
	default:
		return true;
	}
}

/* A stream with an answer_field is also answered whole, to clients that do not ask for events. */
static void put_stream(struct json_out *j, const struct method *me)
{
	const char *name = me->rule->answer_field;

	if (name[0] != '\0') {
		json_object(j, JSON_TYPE);
		json_ref(j, "schema", "schemas", message_field(me->out, name)->message->full);
		json_end_object(j);
	}
	json_object(j, SSE_TYPE);
	json_ref(j, "schema", "schemas", me->out->full);
	json_end_object(j);
}

static void put_success(struct json_out *j, const struct method *me)
{
	json_object(j, mem_printf("%d", me->http_status));
	json_string(j, "description",
		    me->rule->stream ? "The answer in parts, each a JSON object in an event."
				     : "Done.");
	if (me->http_status != 204) {
		json_object(j, "content");
		if (me->rule->stream) {
			put_stream(j, me);
		} else {
			json_object(j, JSON_TYPE);
			json_ref(j, "schema", "schemas", me->out->full);
			json_end_object(j);
		}
		json_end_object(j);
	}
	json_end_object(j);
}

static void put_responses(struct json_out *j, const struct method *me)
{
	json_object(j, "responses");
	put_success(j, me);
	if (strcmp(me->http_method, "GET") == 0 && !me->rule->stream) {
		json_object(j, "304");
		json_string(j, "description", "Unchanged since the ETag given in If-None-Match.");
		json_end_object(j);
	}
	for (size_t i = 0; i < ANSWERS_N; i++)
		if (answer_applies(me, answers[i].code))
			json_ref(j, mem_printf("%d", answers[i].code), "responses",
				 answers[i].name);
	json_ref(j, "default", "responses", "Failed");
	json_end_object(j);
}

static void put_answer(struct json_out *j, const struct answer *a)
{
	json_object(j, a->name);
	json_string(j, "description", a->doc);
	if (a->retry_after) {
		json_object(j, "headers");
		json_object(j, "Retry-After");
		json_string(j, "description", "Seconds to wait before the next attempt.");
		json_object(j, "schema");
		json_string(j, "type", "integer");
		json_end_object(j);
		json_end_object(j);
		json_end_object(j);
	}
	json_object(j, "content");
	json_object(j, PROBLEM_TYPE);
	json_ref(j, "schema", "schemas", "Problem");
	json_end_object(j);
	json_end_object(j);
	json_end_object(j);
}

/* ---- operations and the document ---- */

static const char *const role_words[] = { "",      "public",   "viewer", "analyst",
					  "admin", "operator", "service" };

/* The first sentence. */
static const char *summary_of(const char *doc)
{
	const char *end = strstr(doc, ". ");

	return end != NULL ? mem_copy(doc, (size_t)(end - doc) + 1) : doc;
}

static void put_operation(struct json_out *j, const struct method *me)
{
	const char *word = role_words[me->rule->role];
	bool public = me->rule->role == PULSEPOINT__ROLE__ROLE_PUBLIC;
	char *verb = mem_copy(me->http_method, strlen(me->http_method));

	for (char *p = verb; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	json_object(j, verb);
	json_string(j, "operationId", mem_printf("%s_%s", me->service->ident, me->snake));
	json_array(j, "tags");
	json_string(j, NULL, me->service->name);
	json_end_array(j);
	json_string_if(j, "summary", summary_of(me->doc));
	json_string(j, "description",
		    public ? mem_printf("%s No token is needed.", me->doc)
			   : mem_printf("%s Role: %s.", me->doc, word));
	json_array(j, "security");
	if (!public) {
		json_object(j, NULL);
		json_array(j, "bearer");
		json_end_array(j);
		json_end_object(j);
	}
	json_end_array(j);
	put_parameters(j, me);
	put_body(j, me);
	put_responses(j, me);
	json_end_object(j);
}

static int by_path(const void *a, const void *b)
{
	const struct method *x = *(const struct method *const *)a;
	const struct method *y = *(const struct method *const *)b;
	int order = strcmp(x->http_path, y->http_path);

	return order != 0 ? order : strcmp(x->http_method, y->http_method);
}

static void put_paths(struct json_out *j, const struct model *m)
{
	const struct method **all;
	size_t n = 0;

	for (size_t i = 0; i < m->n_services; i++)
		n += m->services[i]->n_methods;
	all = mem_array(n, sizeof(*all));
	n = 0;
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t k = 0; k < m->services[i]->n_methods; k++)
			if (m->services[i]->methods[k].http_path != NULL)
				all[n++] = &m->services[i]->methods[k];
	qsort(all, n, sizeof(*all), by_path);
	json_object(j, "paths");
	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || strcmp(all[i - 1]->http_path, all[i]->http_path) != 0;
		bool last = i + 1 == n || strcmp(all[i + 1]->http_path, all[i]->http_path) != 0;

		if (first)
			json_object(j, all[i]->http_path);
		put_operation(j, all[i]);
		if (last)
			json_end_object(j);
	}
	json_end_object(j);
}

static void put_components(struct json_out *j, const struct model *m)
{
	static const struct answer failed = { 0, "Failed", "Anything else that went wrong.",
					      false };

	json_object(j, "components");
	json_object(j, "securitySchemes");
	json_object(j, "bearer");
	json_string(j, "type", "http");
	json_string(j, "scheme", "bearer");
	json_string(j, "bearerFormat", "JWT");
	json_end_object(j);
	json_end_object(j);
	json_object(j, "responses");
	for (size_t i = 0; i < ANSWERS_N; i++)
		put_answer(j, &answers[i]);
	put_answer(j, &failed);
	json_end_object(j);
	openapi_schemas(j, m);
	json_end_object(j);
}

void emit_openapi(FILE *out, const struct model *m)
{
	struct json_out j = { .out = out, .comma = false };

	openapi_mark_usage(m);
	json_object(&j, NULL);
	json_string(&j, "openapi", "3.1.0");
	json_object(&j, "info");
	json_string(&j, "title", "Pulsepoint");
	json_string(&j, "version", "1");
	json_string(&j, "description",
		    "The control tower of an online brand: orders, ad results, and which campaign "
		    "earned "
		    "which order. Errors are problem documents (RFC 9457). Inside a version things "
		    "are only added.");
	json_end_object(&j);
	json_array(&j, "servers");
	json_object(&j, NULL);
	json_string(&j, "url", "/");
	json_end_object(&j);
	json_end_array(&j);
	json_array(&j, "tags");
	for (size_t i = 0; i < m->n_services; i++) {
		json_object(&j, NULL);
		json_string(&j, "name", m->services[i]->name);
		json_string(&j, "description", m->services[i]->summary);
		json_end_object(&j);
	}
	json_end_array(&j);
	put_paths(&j, m);
	put_components(&j, m);
	json_end_object(&j);
}

void emit_openapi_c(FILE *out, const char *json, size_t len)
{
	fputs("/* openapi.json as bytes. Made by protoc-gen-pulsepoint; not to be edited. */\n"
	      "#include \"contract/openapi.h\"\n\nconst char contract_openapi[] = {",
	      out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s%d,", i % 24 == 0 ? "\n\t" : " ", (signed char)json[i]);
	fprintf(out, "\n\t0 };\nconst size_t contract_openapi_len = %zu;\n", len);
}

void emit_openapi_h(FILE *out)
{
	fputs("/* The OpenAPI document of the contract. Made by protoc-gen-pulsepoint; not to be "
	      "edited. */\n"
	      "#ifndef CONTRACT_OPENAPI_H\n#define CONTRACT_OPENAPI_H\n\n#include <stddef.h>\n\n"
	      "/* openapi.json; a NUL follows that the length does not count. */\n"
	      "extern const char contract_openapi[];\nextern const size_t "
	      "contract_openapi_len;\n\n#endif\n",
	      out);
}
