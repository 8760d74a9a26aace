/* Rules of methods: who may call, the route and the fields it binds, streams and uploads. Read
 * next: check.c. */
#include "check_parts.h"

#include "mem.h"
#include "names.h"

#include <ctype.h>
#include <string.h>

#define DEADLINE_MAX_MS 600000
#define BODY_LIMIT      (64u * 1024 * 1024)
#define SEGMENT_CHARS   "abcdefghijklmnopqrstuvwxyz0123456789_.-"

static void refuse(struct model *m, const struct method *me, const char *reason)
{
	model_refuse(m, me->service->file, mem_printf("%s.%s", me->service->full, me->name), "%s",
		     reason);
}

/* ---- who may call ---- */

static void check_callers(struct model *m, const struct method *me)
{
	const char *p = me->rule->callers;

	if (strcmp(p, "*") == 0)
		return;
	while (*p != '\0') {
		size_t n = strcspn(p, ",");
		const char *name = mem_copy(p, n);

		if (strcmp(name, EDGE_NAME) != 0 && model_service(m, name) == NULL)
			refuse(m, me,
			       mem_printf(
				       "its caller \"%s\" is no service (no spaces, commas only)",
				       name));
		p += n;
		if (*p == ',')
			p++;
	}
}

static void check_role(struct model *m, const struct method *me)
{
	bool for_services = me->rule->role == PULSEPOINT__ROLE__ROLE_SERVICE;

	if (me->rule->role == PULSEPOINT__ROLE__ROLE_UNSPECIFIED ||
	    me->rule->role > PULSEPOINT__ROLE__ROLE_SERVICE)
		refuse(m, me, "does not say who may call it: give (pulsepoint.rule) a role");
	if (for_services && me->http_path != NULL)
		refuse(m, me, "is for services (ROLE_SERVICE), which never comes over HTTP");
	if (for_services && me->rule->callers[0] == '\0')
		refuse(m, me, "is for services (ROLE_SERVICE), but names no callers");
	if (!for_services && me->rule->callers[0] != '\0')
		refuse(m, me, "names callers, which only a method of ROLE_SERVICE has");
	check_callers(m, me);
}

/* ---- the route ---- */

char *path_brace(const char *p, const char **end)
{
	size_t n = strcspn(p + 1, "{}/");

	if (n == 0 || p[1 + n] != '}')
		return NULL;
	*end = p + n + 2;
	return mem_copy(p + 1, n);
}

/* "{x}", "{x}:verb" or literal characters, up to the next '/'. NULL when malformed. */
static const char *check_segment(struct model *m, const struct method *me, const char *p)
{
	const struct field *f;
	size_t n;
	char *name;

	if (*p != '{') {
		n = strspn(p, SEGMENT_CHARS);
		if (n == 0)
			return NULL;
		p += n;
	} else {
		name = path_brace(p, &p);
		if (name == NULL)
			return NULL;
		f = message_field(me->in, name);
		if (f == NULL)
			refuse(m, me,
			       mem_printf("its path has {%s}, but %s has no such field", name,
					  me->in->full));
		else if (f->repeated || f->message != NULL)
			refuse(m, me,
			       mem_printf("its path field {%s} is not a single value", name));
	}
	if (*p == ':') {
		n = strspn(p + 1, SEGMENT_CHARS);
		if (n == 0)
			return NULL;
		p += 1 + n;
	}
	return *p == '/' || *p == '\0' ? p : NULL;
}

static bool in_path(const char *path, const char *field)
{
	return strstr(path, mem_printf("{%s}", field)) != NULL;
}

/* What a query parameter can be: one value, a list of plain values, or a message with a text form
 * of its own. */
static bool fits_query(const struct field *f)
{
	if (f->message == NULL)
		return true;
	return !f->repeated && (strcmp(f->message->full, "pulsepoint.Timestamp") == 0 ||
				strcmp(f->message->full, "pulsepoint.Date") == 0 ||
				strcmp(f->message->full, "pulsepoint.Decimal") == 0);
}

static bool has_body(const struct method *me)
{
	return strcmp(me->http_method, "GET") != 0 && strcmp(me->http_method, "DELETE") != 0;
}

static void check_route(struct model *m, const struct method *me)
{
	static const char *const verbs[] = { "GET", "POST", "PATCH", "PUT", "DELETE" };
	const char *p = me->http_path;
	bool known = false;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		known = known || strcmp(verbs[i], me->http_method) == 0;
	if (!known)
		refuse(m, me, "its HTTP method is none of GET, POST, PATCH, PUT, DELETE");
	if (me->http_status < 200 || me->http_status > 299)
		refuse(m, me, "its success status is not between 200 and 299");
	if (*p != '/') {
		refuse(m, me, "its path does not begin with /");
		return;
	}
	while (*p == '/') {
		const char *next = check_segment(m, me, p + 1);

		if (next == NULL) {
			refuse(m, me,
			       mem_printf("its path is malformed at \"%s\"; a segment is "
					  "[a-z0-9_.-]+ or "
					  "{field}, then :verb if any",
					  p));
			return;
		}
		p = next;
	}
	for (size_t i = 0; !has_body(me) && i < me->in->n_fields; i++) {
		const struct field *f = &me->in->fields[i];

		if (!in_path(me->http_path, f->name) && !f->rule->in_header && !fits_query(f))
			refuse(m, me,
			       mem_printf("its field %s cannot be a query parameter", f->name));
	}
}

/* ---- the rest ---- */

static void check_brand(struct model *m, const struct method *me)
{
	const struct field *f;

	if (me->rule->brand_field[0] == '\0')
		return;
	f = message_field(me->in, me->rule->brand_field);
	if (f == NULL || f->repeated || !field_is_text(f))
		refuse(m, me,
		       mem_printf("its brand_field \"%s\" is no string field of %s",
				  me->rule->brand_field, me->in->full));
}

static void check_upload(struct model *m, const struct method *me)
{
	const struct field *f;

	if (me->rule->upload_field[0] == '\0')
		return;
	f = message_field(me->in, me->rule->upload_field);
	if (f == NULL || !f->repeated || !field_is_text(f))
		refuse(m, me,
		       mem_printf("its upload_field \"%s\" is no repeated string of %s",
				  me->rule->upload_field, me->in->full));
	if (me->rule->stream)
		refuse(m, me, "is a stream with an upload: one request cannot be both");
	if (me->http_path == NULL || !has_body(me))
		refuse(m, me, "has an upload_field but no route with a body");
}

/* A part of a streamed answer sets one message; a string `id` beside it is where a client goes on.
 */
static void check_parts(struct model *m, const struct method *me)
{
	for (size_t i = 0; i < me->out->n_fields; i++) {
		const struct field *f = &me->out->fields[i];
		bool id = field_is_text(f) && strcmp(f->name, "id") == 0;

		if (f->repeated || (f->message == NULL && !id))
			refuse(m, me,
			       mem_printf(
				       "is a stream with a route, but %s.%s is no single message",
				       me->out->full, f->name));
	}
}

static void check_stream(struct model *m, const struct method *me)
{
	const char *name = me->rule->answer_field;
	const struct field *f;

	if (name[0] != '\0') {
		f = message_field(me->out, name);
		if (!me->rule->stream || f == NULL || f->message == NULL)
			refuse(m, me,
			       mem_printf("its answer_field \"%s\" is no message in the parts of a "
					  "stream",
					  name));
	}
	if (me->rule->stream && me->http_path != NULL)
		check_parts(m, me);
	if (me->rule->stream && me->rule->idempotent)
		refuse(m, me, "is a stream, which is not kept for an Idempotency-Key");
}

void check_method(struct model *m, const struct method *me)
{
	if (me->in == NULL || me->out == NULL) {
		refuse(m, me, "its request or reply type is unknown");
		return;
	}
	if (me->protobuf_streaming)
		refuse(m, me, "uses the word `stream`; say stream: true in its (pulsepoint.rule)");
	if (!name_is_token(me->snake))
		refuse(m, me,
		       mem_printf("its name \"%s\" is not a token of [a-z0-9_-]", me->snake));
	check_role(m, me);
	if (me->http_path != NULL)
		check_route(m, me);
	check_brand(m, me);
	check_upload(m, me);
	check_stream(m, me);
	if (me->rule->idempotent && (me->http_path == NULL || !has_body(me)))
		refuse(m, me, "is idempotent by key, but has no route with a body");
	if (me->deadline_ms > DEADLINE_MAX_MS)
		refuse(m, me, "its deadline_ms is greater than 600,000");
	if (me->max_body > BODY_LIMIT)
		refuse(m, me, "its max_body is greater than 64 MiB");
}

/* The path with every {name} as {}: two paths of one shape cannot be told apart. */
static const char *path_shape(const struct method *me)
{
	const char *p = me->http_path;
	char *out = mem_copy("", 0);

	while (*p != '\0') {
		size_t n = strcspn(p, "{");

		out = mem_printf("%s%.*s%s", out, (int)n, p, p[n] == '{' ? "{}" : "");
		p += n;
		if (*p == '{')
			p += strcspn(p, "}");
		if (*p == '}')
			p++;
	}
	return out;
}

static void check_pair(struct model *m, const struct method *a, const struct method *b)
{
	const char *other = mem_printf("%s.%s", a->service->full, a->name);

	if (strcmp(a->subject, b->subject) == 0)
		refuse(m, b, mem_printf("has the same subject %s as %s", b->subject, other));
	if (a->http_path == NULL || b->http_path == NULL ||
	    strcmp(path_shape(a), path_shape(b)) != 0)
		return;
	if (strcmp(a->http_method, b->http_method) == 0)
		refuse(m, b,
		       mem_printf("has the same route %s %s as %s", b->http_method, b->http_path,
				  other));
	else if (strcmp(a->http_path, b->http_path) != 0)
		refuse(m, b,
		       mem_printf("names its path %s otherwise than %s, which OpenAPI forbids",
				  b->http_path, other));
}

void check_methods_differ(struct model *m)
{
	size_t n = 0, k = 0;
	const struct method **all;

	for (size_t i = 0; i < m->n_services; i++)
		n += m->services[i]->n_methods;
	all = mem_array(n, sizeof(*all));
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t j = 0; j < m->services[i]->n_methods; j++)
			all[k++] = &m->services[i]->methods[j];
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			check_pair(m, all[j], all[i]);
}
