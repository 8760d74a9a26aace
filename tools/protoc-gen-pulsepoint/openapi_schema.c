/* JSON Schema (2020-12, as OpenAPI 3.1 takes it) of fields and messages. Read next: emit_openapi.c.
 */
#include "openapi_schema.h"

#include "check_parts.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define TYPE(x) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##x

/* Messages with a JSON form of their own. */
static const struct form {
	const char *full, *pattern, *format, *doc;
} forms[] = {
	{ "pulsepoint.Decimal", "^-?[0-9]+(\\.[0-9]+)?$", NULL,
	  "A decimal number as text; never a float." },
	{ "pulsepoint.Timestamp", NULL, "date-time",
	  "RFC 3339 in UTC; the fraction is left out when zero." },
	{ "pulsepoint.Date", NULL, "date",
	  "A calendar day; the field that holds it says in which zone." },
};

static const struct form *find_form(const struct message *msg)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].full, msg->full) == 0)
			return &forms[i];
	return NULL;
}

/* ---- usage ---- */

static void mark(struct message *msg, int usage)
{
	if ((msg->mark & usage) == usage)
		return;
	msg->mark |= usage;
	for (size_t i = 0; i < msg->n_fields; i++)
		if (msg->fields[i].message != NULL)
			mark(msg->fields[i].message, usage);
}

void openapi_mark_usage(const struct model *m)
{
	for (size_t i = 0; i < m->n_messages; i++)
		m->messages[i].mark = USED_NOWHERE;
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t j = 0; j < m->services[i]->n_methods; j++) {
			const struct method *me = &m->services[i]->methods[j];

			mark(me->in, USED_IN);
			mark(me->out, USED_OUT);
		}
}

/* ---- fields ---- */

static void put_format(struct json_out *j, const Pulsepoint__FieldRule *r)
{
	static const struct {
		const char *format, *pattern;
	} text[] = {
		[PULSEPOINT__FORMAT__FORMAT_UUID] = { "uuid", NULL },
		[PULSEPOINT__FORMAT__FORMAT_EMAIL] = { "email", NULL },
		[PULSEPOINT__FORMAT__FORMAT_TIMEZONE] = { "iana-timezone", NULL },
		[PULSEPOINT__FORMAT__FORMAT_CURRENCY] = { NULL, "^[A-Z]{3}$" },
		[PULSEPOINT__FORMAT__FORMAT_TOKEN] = { NULL, "^[a-z0-9_-]+$" },
		[PULSEPOINT__FORMAT__FORMAT_HOSTNAME] = { "hostname", NULL },
		[PULSEPOINT__FORMAT__FORMAT_COUNTRY] = { NULL, "^[A-Z]{2}$" },
		[PULSEPOINT__FORMAT__FORMAT_WINDOW] = { NULL, "^[1-9][0-9]*d$" },
		[PULSEPOINT__FORMAT__FORMAT_URL] = { "uri", NULL },
	};

	if ((size_t)r->format >= sizeof(text) / sizeof(text[0]))
		return;
	json_string_if(j, "format", text[r->format].format);
	json_string_if(j, "pattern", text[r->format].pattern);
}

static void put_string(struct json_out *j, const struct field *f, int usage)
{
	const Pulsepoint__FieldRule *r = f->rule;

	json_string(j, "type", "string");
	put_format(j, r);
	if (r->sensitive && r->format == PULSEPOINT__FORMAT__FORMAT_NONE)
		json_string(j, "format", "password");
	if (r->min_len != 0)
		json_int(j, "minLength", r->min_len);
	if (r->max_len != 0)
		json_int(j, "maxLength", r->max_len);
	else if ((usage & USED_IN) != 0)
		json_int(j, "maxLength", STRING_MAX_LEN);
}

static bool is_wide(const struct field *f)
{
	return f->type == TYPE(INT64) || f->type == TYPE(UINT64) || f->type == TYPE(SINT64) ||
	       f->type == TYPE(FIXED64) || f->type == TYPE(SFIXED64);
}

static bool is_unsigned(const struct field *f)
{
	return f->type == TYPE(UINT32) || f->type == TYPE(UINT64) || f->type == TYPE(FIXED32) ||
	       f->type == TYPE(FIXED64);
}

/* 32-bit integers are numbers; 64-bit ones are text, since JSON numbers lose digits beyond 2^53. */
static void put_number(struct json_out *j, const struct field *f)
{
	const Pulsepoint__FieldRule *r = f->rule;

	if (is_wide(f)) {
		json_string(j, "type", "string");
		json_string(j, "format", is_unsigned(f) ? "uint64" : "int64");
		json_string(j, "pattern", is_unsigned(f) ? "^[0-9]{1,20}$" : "^-?[0-9]{1,19}$");
		return;
	}
	json_string(j, "type", "integer");
	json_string(j, "format", is_unsigned(f) ? "uint32" : "int32");
	if (r->has_range) {
		json_int(j, "minimum", r->min);
		json_int(j, "maximum", r->max);
	} else if (is_unsigned(f)) {
		json_int(j, "minimum", 0);
		json_int(j, "maximum", UINT32_MAX);
	}
}

static void put_enum(struct json_out *j, const struct enumeration *e, int usage)
{
	json_string(j, "type", "string");
	json_array(j, "enum");
	for (size_t i = 0; i < e->n_values; i++)
		if (e->values[i].number != 0 || usage != USED_IN)
			json_string(j, NULL, e->values[i].word);
	json_end_array(j);
}

static void put_single(struct json_out *j, const struct field *f, int usage)
{
	if (f->enumeration != NULL) {
		put_enum(j, f->enumeration, usage);
	} else if (field_is_text(f)) {
		put_string(j, f, usage);
	} else if (field_is_number(f)) {
		put_number(j, f);
	} else if (f->type == TYPE(BOOL)) {
		json_string(j, "type", "boolean");
	} else {
		json_string(j, "type", "string");
		json_string(j, "contentEncoding", "base64");
	}
}

/* A message that is always printed is null when absent. */
static void put_message(struct json_out *j, const struct field *f, int usage)
{
	if (f->repeated || (usage & USED_OUT) == 0) {
		json_string(j, "$ref", mem_printf("#/components/schemas/%s", f->message->full));
		return;
	}
	json_array(j, "anyOf");
	json_ref(j, NULL, "schemas", f->message->full);
	json_object(j, NULL);
	json_string(j, "type", "null");
	json_end_object(j);
	json_end_array(j);
}

static void put_value(struct json_out *j, const struct field *f, int usage)
{
	if (f->message != NULL)
		put_message(j, f, usage);
	else
		put_single(j, f, usage);
}

static void put_default(struct json_out *j, const struct field *f)
{
	const char *text = f->rule->default_value;

	if (text[0] == '\0')
		return;
	if (field_is_number(f) && !is_wide(f))
		json_int(j, "default", strtoll(text, NULL, 10));
	else
		json_string(j, "default", text);
}

void openapi_field(struct json_out *j, const char *key, const struct field *f, int usage)
{
	uint32_t items = f->rule->max_items;

	json_object(j, key);
	if (f->repeated) {
		json_string(j, "type", "array");
		if (items != 0 || (usage & USED_IN) != 0)
			json_int(j, "maxItems", items != 0 ? items : LIST_MAX_ITEMS);
		json_object(j, "items");
		put_value(j, f, usage);
		json_end_object(j);
	} else {
		put_value(j, f, usage);
		put_default(j, f);
	}
	json_string_if(j, "description", f->doc);
	json_end_object(j);
}

/* ---- objects ---- */

static bool keep_all(const struct method *me, const struct field *f)
{
	(void)me;
	return !f->rule->in_header;
}

/* What a client must send, and what it always finds in an answer: every field is printed. */
static bool is_required(const struct field *f, int usage)
{
	return f->rule->required || usage == USED_OUT;
}

void openapi_object(struct json_out *j, const char *key, const struct message *msg, int usage,
		    openapi_keep_fn *keep, const struct method *me)
{
	bool any = false;

	if (keep == NULL)
		keep = keep_all;
	json_object(j, key);
	json_string(j, "type", "object");
	json_string_if(j, "description", msg->doc);
	json_object(j, "properties");
	for (size_t i = 0; i < msg->n_fields; i++)
		if (keep(me, &msg->fields[i]))
			openapi_field(j, msg->fields[i].name, &msg->fields[i], usage);
	json_end_object(j);
	for (size_t i = 0; i < msg->n_fields; i++)
		any = any || (keep(me, &msg->fields[i]) && is_required(&msg->fields[i], usage));
	if (any) {
		json_array(j, "required");
		for (size_t i = 0; i < msg->n_fields; i++)
			if (keep(me, &msg->fields[i]) && is_required(&msg->fields[i], usage))
				json_string(j, NULL, msg->fields[i].name);
		json_end_array(j);
	}
	if (usage == USED_IN)
		json_bool(j, "additionalProperties", false);
	json_end_object(j);
}

static void put_money(struct json_out *j, const char *key)
{
	json_object(j, key);
	json_string(j, "type", "object");
	json_string(j, "description", "An amount of one currency; a decimal text, never a float.");
	json_object(j, "properties");
	json_object(j, "amount");
	json_string(j, "type", "string");
	json_string(j, "pattern", "^-?[0-9]+(\\.[0-9]{1,6})?$");
	json_end_object(j);
	json_object(j, "currency");
	json_string(j, "type", "string");
	json_string(j, "pattern", "^[A-Z]{3}$");
	json_string(j, "description", "ISO 4217");
	json_end_object(j);
	json_end_object(j);
	json_array(j, "required");
	json_string(j, NULL, "amount");
	json_string(j, NULL, "currency");
	json_end_array(j);
	json_end_object(j);
}

static void put_problem(struct json_out *j)
{
	static const struct {
		const char *name, *type, *doc;
	} members[] = {
		{ "type", "string",
		  "What kind of problem, as a URI reference; about:blank when the status says it "
		  "all." },
		{ "title", "string", "The kind in words; the same for every problem of the kind." },
		{ "status", "integer", "The HTTP status." },
		{ "detail", "string", "What is wrong with this request, for a person." },
		{ "instance", "string", "The request id." },
		{ "field", "string",
		  "The request field at fault, e.g. admin.email; absent when it is none." },
		{ "reason", "string", "What is wrong with that field." },
		{ "lines_settled", "integer",
		  "Of an upload: lines that are kept; send the rest again under the same key." },
	};

	json_object(j, "Problem");
	json_string(j, "type", "object");
	json_string(j, "description", "Why a request failed (RFC 9457).");
	json_object(j, "properties");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_object(j, members[i].name);
		json_string(j, "type", members[i].type);
		json_string(j, "description", members[i].doc);
		json_end_object(j);
	}
	json_end_object(j);
	json_array(j, "required");
	json_string(j, NULL, "title");
	json_string(j, NULL, "status");
	json_end_array(j);
	json_end_object(j);
}

static void put_form(struct json_out *j, const struct form *form)
{
	json_object(j, form->full);
	json_string(j, "type", "string");
	json_string_if(j, "format", form->format);
	json_string_if(j, "pattern", form->pattern);
	json_string(j, "description", form->doc);
	json_end_object(j);
}

void openapi_schemas(struct json_out *j, const struct model *m)
{
	json_object(j, "schemas");
	put_problem(j);
	for (size_t i = 0; i < m->n_messages; i++) {
		const struct message *msg = &m->messages[i];

		if (!msg->file->ours)
			continue;
		if (strcmp(msg->full, "pulsepoint.Money") == 0)
			put_money(j, msg->full);
		else if (find_form(msg) != NULL)
			put_form(j, find_form(msg));
		else
			openapi_object(j, msg->full, msg, msg->mark, NULL, NULL);
	}
	json_end_object(j);
}
