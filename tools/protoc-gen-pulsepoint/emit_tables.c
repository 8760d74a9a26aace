/* Writes contract/tables.c. The shapes are libs/core/contract.h's. Read next: emit_headers.c. */
#include "emit.h"

#include "mem.h"
#include "names.h"

#include <inttypes.h>
#include <string.h>

void emit_c_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f || c == '?')
			fprintf(out, "\\%03o", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

void emit_c_string_or_null(FILE *out, const char *text)
{
	if (text == NULL || text[0] == '\0')
		fputs("NULL", out);
	else
		emit_c_string(out, text);
}

static void member(FILE *out, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	fprintf(out, "\t\t.%s = ", name);
	emit_c_string(out, text);
	fputs(",\n", out);
}

static void flag(FILE *out, const char *name, bool on)
{
	if (on)
		fprintf(out, " .%s = true,", name);
}

/* ---- messages ---- */

static const char *const format_names[] = {
	"FORMAT_NONE",  "FORMAT_UUID",     "FORMAT_EMAIL",   "FORMAT_TIMEZONE", "FORMAT_CURRENCY",
	"FORMAT_TOKEN", "FORMAT_HOSTNAME", "FORMAT_COUNTRY", "FORMAT_WINDOW",   "FORMAT_URL",
};

static void emit_field(FILE *out, const struct field *f)
{
	const Pulsepoint__FieldRule *r = f->rule;
	uint32_t max_len = r->max_len;

	if (max_len == 0 && f->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING)
		max_len = STRING_MAX_LEN;
	if (max_len == 0 && f->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES)
		max_len = BYTES_MAX_LEN;
	fprintf(out, "\t{ /* %s */", f->name);
	flag(out, "required", r->required);
	flag(out, "sensitive", r->sensitive);
	flag(out, "in_header", r->in_header);
	if (r->has_range)
		fprintf(out,
			" .has_range = true, .min = INT64_C(%" PRId64 "), .max = INT64_C(%" PRId64
			"),",
			r->min, r->max);
	if (r->min_len != 0)
		fprintf(out, " .min_len = %" PRIu32 ",", r->min_len);
	if (max_len != 0)
		fprintf(out, " .max_len = %" PRIu32 ",", max_len);
	if (f->repeated)
		fprintf(out, " .max_items = %" PRIu32 ",",
			r->max_items != 0 ? r->max_items : LIST_MAX_ITEMS);
	if (r->format != PULSEPOINT__FORMAT__FORMAT_NONE)
		fprintf(out, " .format = %s,", format_names[r->format]);
	if (r->default_value[0] != '\0') {
		fputs(" .default_value = ", out);
		emit_c_string(out, r->default_value);
		fputc(',', out);
	}
	fputs(" .doc = ", out);
	emit_c_string(out, f->doc);
	fputs(" },\n", out);
}

static void emit_messages(FILE *out, const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_messages; i++) {
		const struct message *msg = &m->messages[i];

		if (!msg->file->ours || msg->n_fields == 0)
			continue;
		fprintf(out, "static const struct field_rule %s__rules[] = {\n", msg->c_lower);
		for (size_t j = 0; j < msg->n_fields; j++)
			emit_field(out, &msg->fields[j]);
		fputs("};\n", out);
	}
	fputs("\nconst struct message_rule contract_messages[] = {\n", out);
	for (size_t i = 0; i < m->n_messages; i++) {
		const struct message *msg = &m->messages[i];

		if (!msg->file->ours)
			continue;
		fprintf(out, "\t{ &%s__descriptor, %s%s, ", msg->c_lower,
			msg->n_fields > 0 ? msg->c_lower : "NULL",
			msg->n_fields > 0 ? "__rules" : "");
		emit_c_string(out, msg->doc);
		fputs(" },\n", out);
		n++;
	}
	fprintf(out, "};\nconst size_t contract_messages_n = %zu;\n", n);
}

/* ---- methods ---- */

static const char *const role_names[] = {
	"ROLE_NONE",  "ROLE_PUBLIC",   "ROLE_VIEWER",  "ROLE_ANALYST",
	"ROLE_ADMIN", "ROLE_OPERATOR", "ROLE_SERVICE",
};

static void emit_dispatch(FILE *out, const struct service *s, const struct method *me)
{
	fprintf(out,
		"static enum status dispatch_%s_%s(const void *handlers, struct call *call,\n"
		"\tconst ProtobufCMessage *in, ProtobufCMessage *out)\n{\n"
		"\tconst struct %s_handlers *h = handlers;\n\n"
		"\tif (h->%s == NULL)\n\t\treturn ST_INTERNAL;\n"
		"\treturn h->%s(call, (const %s *)in, ",
		s->ident, me->snake, s->ident, me->snake, me->snake, me->in->c_type);
	if (me->rule->stream)
		fputs("(struct call_stream *)(void *)out);\n}\n", out);
	else
		fprintf(out, "(%s *)out);\n}\n", me->out->c_type);
}

static void emit_method(FILE *out, const struct service *s, const struct method *me)
{
	fprintf(out, "\t[%s_%s] = {\n", s->upper, name_upper(me->snake));
	member(out, "service", s->name);
	member(out, "name", me->name);
	member(out, "subject", me->subject);
	fprintf(out, "\t\t.input = &%s__descriptor,\n\t\t.output = &%s__descriptor,\n",
		me->in->c_lower, me->out->c_lower);
	member(out, "http_method", me->http_method);
	member(out, "http_path", me->http_path);
	fprintf(out, "\t\t.http_status = %d,\n\t\t.role = %s,\n", me->http_status,
		role_names[me->rule->role]);
	member(out, "brand_field", me->rule->brand_field);
	member(out, "upload_field", me->rule->upload_field);
	member(out, "callers", me->rule->callers);
	member(out, "answer_field", me->rule->answer_field);
	fprintf(out, "\t\t.stream = %s,\n\t\t.idempotent = %s,\n",
		me->rule->stream ? "true" : "false", me->rule->idempotent ? "true" : "false");
	fprintf(out, "\t\t.deadline_ms = %" PRIu32 ",\n\t\t.max_body = %" PRIu32 ",\n",
		me->deadline_ms, me->max_body);
	fputs("\t\t.doc = ", out);
	emit_c_string(out, me->doc);
	fprintf(out, ",\n\t\t.dispatch = dispatch_%s_%s,\n\t},\n", s->ident, me->snake);
}

static void emit_methods(FILE *out, const struct service *s)
{
	if (s->n_methods == 0)
		return;
	for (size_t i = 0; i < s->n_methods; i++)
		emit_dispatch(out, s, &s->methods[i]);
	fprintf(out, "const struct contract_method %s_methods[] = {\n", s->ident);
	for (size_t i = 0; i < s->n_methods; i++)
		emit_method(out, s, &s->methods[i]);
	fputs("};\n", out);
}

/* ---- events and consumers ---- */

static const char *event_index(const struct service *s, const struct event *e)
{
	return mem_printf("%s_EVENT_%s_%s", s->upper, name_upper(e->entity_ident),
			  name_upper(e->action_ident));
}

static void emit_events(FILE *out, const struct service *s)
{
	if (s->n_events == 0)
		return;
	fprintf(out, "const struct contract_event %s_events[] = {\n", s->ident);
	for (size_t i = 0; i < s->n_events; i++) {
		const struct event *e = &s->events[i];

		fprintf(out, "\t[%s] = {\n", event_index(s, e));
		member(out, "service", s->name);
		member(out, "entity", e->entity);
		member(out, "action", e->action);
		member(out, "subject", e->message->event->subject);
		fprintf(out, "\t\t.message = &%s__descriptor,\n", e->message->c_lower);
		fputs("\t\t.doc = ", out);
		emit_c_string(out, e->message->doc);
		fputs(",\n\t},\n", out);
	}
	fputs("};\n", out);
}

static void emit_consume(FILE *out, const struct service *s, const struct consumer *c)
{
	fprintf(out,
		"static enum status consume_%s_%s(const void *consumers, struct event_batch "
		"*batch,\n"
		"\tconst ProtobufCMessage *const *messages, size_t n)\n{\n"
		"\tconst struct %s_consumers *c = consumers;\n\n"
		"\tif (c->%s == NULL)\n\t\treturn ST_INTERNAL;\n"
		"\treturn c->%s(batch, (const %s *const *)messages, n);\n}\n",
		s->ident, c->slot, s->ident, c->slot, c->slot, c->event->message->c_type);
}

static void emit_consumers(FILE *out, const struct service *s)
{
	if (s->n_consumers == 0)
		return;
	for (size_t i = 0; i < s->n_consumers; i++)
		emit_consume(out, s, &s->consumers[i]);
	fprintf(out, "static const struct contract_consumer %s_consumer_table[] = {\n", s->ident);
	for (size_t i = 0; i < s->n_consumers; i++) {
		const struct consumer *c = &s->consumers[i];

		fputs("\t{\n", out);
		member(out, "service", s->name);
		fprintf(out, "\t\t.event = &%s_events[%s],\n", c->publisher->ident,
			event_index(c->publisher, c->event));
		member(out, "stream", c->stream);
		member(out, "durable", c->durable);
		member(out, "filter", c->filter);
		fprintf(out, "\t\t.consume = consume_%s_%s,\n\t},\n", s->ident, c->slot);
	}
	fputs("};\n", out);
}

/* ---- services ---- */

static void table_members(FILE *out, const char *table, size_t n, const char *c_table)
{
	if (n > 0)
		fprintf(out, "\t.%s = %s,\n\t.n_%s = %zu,\n", table, c_table, table, n);
}

static void emit_service(FILE *out, const struct service *s)
{
	if (s->n_calls > 0) {
		fprintf(out, "static const char *const %s_calls[] = {\n", s->ident);
		for (size_t i = 0; i < s->n_calls; i++)
			fprintf(out, "\t\"%s\",\n", s->calls[i]->subject);
		fputs("};\n", out);
	}
	fprintf(out,
		"const struct contract_service %s_contract = {\n\t.name = \"%s\",\n\t.summary = ",
		s->ident, s->name);
	emit_c_string(out, s->summary);
	fputs(",\n", out);
	table_members(out, "methods", s->n_methods, mem_printf("%s_methods", s->ident));
	table_members(out, "events", s->n_events, mem_printf("%s_events", s->ident));
	table_members(out, "consumers", s->n_consumers, mem_printf("%s_consumer_table", s->ident));
	table_members(out, "calls", s->n_calls, mem_printf("%s_calls", s->ident));
	if (s->rule->telemetry)
		fputs("\t.telemetry = true,\n", out);
	fputs("};\n", out);
}

void emit_tables(FILE *out, const struct model *m)
{
	fputs("/* Made by protoc-gen-pulsepoint from proto/. Not to be edited. */\n"
	      "#include \"core/contract.h\"\n\n#include <protobuf-c/protobuf-c.h>\n\n",
	      out);
	for (size_t i = 0; i < m->n_services; i++)
		fprintf(out, "#include \"contract/%s.h\"\n#include \"contract/%s_events.h\"\n",
			m->services[i]->ident, m->services[i]->ident);
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].ours)
			fprintf(out, "#include \"%s\"\n", name_pbc_header(m->files[i].d->name));
	fputc('\n', out);
	emit_messages(out, m);
	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *s = m->services[i];

		fprintf(out, "\n/* ---- %s ---- */\n", s->name);
		emit_methods(out, s);
		emit_events(out, s);
	}
	for (size_t i = 0; i < m->n_services; i++) {
		emit_consumers(out, m->services[i]);
		emit_service(out, m->services[i]);
	}
	fputs("\nconst struct contract_service *const contract_services[] = {\n", out);
	for (size_t i = 0; i < m->n_services; i++)
		fprintf(out, "\t&%s_contract,\n", m->services[i]->ident);
	fprintf(out, "%s};\nconst size_t contract_services_n = %zu;\n",
		m->n_services == 0 ? "\tNULL,\n" : "", m->n_services);
}
