/*
 * Writes the typed headers of a service. The functions of libs/svc that they call are declared
 * again in them, so that the contract compiles without svc; where both are included the compiler
 * compares the two. Read next: main.c.
 */
#include "emit.h"

#include "mem.h"
#include "names.h"

#include <string.h>

static void begin(FILE *out, const char *guard, const char *what)
{
	fprintf(out,
		"/* %s. Made by protoc-gen-pulsepoint from proto/; not to be edited. */\n"
		"#ifndef %s\n#define %s\n\n"
		"#include \"core/contract.h\"\n#include \"core/status.h\"\n\n"
		"#include <protobuf-c/protobuf-c.h>\n\n",
		what, guard, guard);
}

/* Files already included, kept as a list of names. */
static void include_once(FILE *out, const char **seen, const struct file *f)
{
	if (strstr(*seen, mem_printf("|%s|", f->d->name)) != NULL)
		return;
	*seen = mem_printf("%s%s|", *seen, f->d->name);
	fprintf(out, "#include \"%s\"\n", name_pbc_header(f->d->name));
}

static void comment_line(FILE *out, const char *indent, const char *doc)
{
	if (doc[0] == '\0')
		return;
	fprintf(out, "%s/* ", indent);
	for (; *doc != '\0'; doc++) {
		fputc(*doc, out);
		if (doc[0] == '*' && doc[1] == '/')
			fputc(' ', out);
	}
	fputs(" */\n", out);
}

/* A macro that takes the service's own struct only: a description of a service with another's does
 * not compile. */
static void emit_pairing(FILE *out, const struct service *s, const char *macro, const char *members,
			 const char *type)
{
	fprintf(out,
		"\n/* For struct svc_spec; takes a struct %s only. */\n"
		"#define %s_%s(x) \\\n\t%s = _Generic((x), struct %s *: (x), const struct %s *: "
		"(x))\n",
		type, s->upper, macro, members, type, type);
}

/* ---- contract/<service>.h ---- */

static void emit_slot(FILE *out, const struct method *me)
{
	comment_line(out, "\t", me->doc);
	if (me->rule->stream)
		fprintf(out,
			"\tenum status (*%s)(struct call *call, const %s *in, struct call_stream "
			"*out);\n",
			me->snake, me->in->c_type);
	else
		fprintf(out, "\tenum status (*%s)(struct call *call, const %s *in, %s *out);\n",
			me->snake, me->in->c_type, me->out->c_type);
}

static void emit_caller(FILE *out, const struct service *s, const struct method *me)
{
	fputc('\n', out);
	comment_line(out, "", me->doc);
	fprintf(out,
		"static inline MUST_USE enum status %s_%s(struct call *call, const %s *in, %s "
		"**out)\n{\n"
		"\tProtobufCMessage *reply;\n"
		"\tenum status st = svc_call(call, &%s_methods[%s_%s], &in->base, &reply);\n\n"
		"\tif (st == ST_OK)\n\t\t*out = (%s *)reply;\n\treturn st;\n}\n",
		s->ident, me->snake, me->in->c_type, me->out->c_type, s->ident, s->upper,
		name_upper(me->snake), me->out->c_type);
}

static void emit_method_names(FILE *out, const struct service *s)
{
	fprintf(out,
		"\n/* Indices into %s_methods and the order of the members of struct %s_handlers. "
		"*/\n"
		"enum %s_method {\n",
		s->ident, s->ident, s->ident);
	for (size_t i = 0; i < s->n_methods; i++)
		fprintf(out, "\t%s_%s,\n", s->upper, name_upper(s->methods[i].snake));
	fprintf(out, "\t%s_METHODS_N\n};\nextern const struct contract_method %s_methods[];\n",
		s->upper, s->ident);
}

void emit_service_header(FILE *out, const struct service *s)
{
	const char *guard = mem_printf("CONTRACT_%s_H", s->upper), *seen = "|";

	begin(out, guard, mem_printf("Methods of %s: handlers, names, callers", s->name));
	include_once(out, &seen, s->file);
	for (size_t i = 0; i < s->n_methods; i++) {
		include_once(out, &seen, s->methods[i].in->file);
		include_once(out, &seen, s->methods[i].out->file);
	}
	fprintf(out,
		"\nstruct call;\nstruct call_stream;\n\n"
		"/* %s */\nextern const struct contract_service %s_contract;\n",
		s->summary, s->ident);
	if (s->n_methods > 0) {
		emit_method_names(out, s);
		fprintf(out,
			"\n/* One per method; what the service does. */\nstruct %s_handlers {\n",
			s->ident);
		for (size_t i = 0; i < s->n_methods; i++)
			emit_slot(out, &s->methods[i]);
		fprintf(out,
			"};\n_Static_assert(sizeof(struct %s_handlers) == %s_METHODS_N * "
			"sizeof(void (*)(void)),\n"
			"\t       \"one pointer per method\");\n",
			s->ident, s->upper);
		emit_pairing(out, s, "SERVES",
			     mem_printf(".contract = &%s_contract, .handlers", s->ident),
			     mem_printf("%s_handlers", s->ident));
		fputs("\n/* As in svc/call.h. */\n"
		      "enum status svc_call(struct call *call, const struct contract_method "
		      "*method,\n"
		      "\t\t     const ProtobufCMessage *in, ProtobufCMessage **out) MUST_USE;\n",
		      out);
	}
	for (size_t i = 0; i < s->n_methods; i++)
		if (!s->methods[i].rule->stream)
			emit_caller(out, s, &s->methods[i]);
	fputs("\n#endif\n", out);
}

/* ---- contract/<service>_events.h ---- */

static void emit_emitter(FILE *out, const struct service *s, const struct event *e)
{
	fputc('\n', out);
	comment_line(out, "", e->message->doc);
	fprintf(out,
		"static inline MUST_USE enum status emit_%s_%s_%s(struct db_tx *tx,\n"
		"\tconst struct event_origin *origin, const %s *m, struct error *err)\n{\n"
		"\treturn outbox_put(tx, &%s_events[%s_EVENT_%s_%s], origin, &m->base, err);\n}\n",
		s->ident, e->entity_ident, e->action_ident, e->message->c_type, s->ident, s->upper,
		name_upper(e->entity_ident), name_upper(e->action_ident));
}

static void emit_event_names(FILE *out, const struct service *s)
{
	fprintf(out, "\n/* Indices into %s_events. */\nenum %s_event {\n", s->ident, s->ident);
	for (size_t i = 0; i < s->n_events; i++)
		fprintf(out, "\t%s_EVENT_%s_%s,\n", s->upper, name_upper(s->events[i].entity_ident),
			name_upper(s->events[i].action_ident));
	fprintf(out, "\t%s_EVENTS_N\n};\nextern const struct contract_event %s_events[];\n",
		s->upper, s->ident);
	fputs("\n/* As in svc/outbox.h. */\n"
	      "enum status outbox_put(struct db_tx *tx, const struct contract_event *event,\n"
	      "\t\t       const struct event_origin *origin, const ProtobufCMessage *m,\n"
	      "\t\t       struct error *err) MUST_USE;\n",
	      out);
}

static void emit_consumer_slots(FILE *out, const struct service *s)
{
	fprintf(out,
		"\n/* One per event it consumes: n messages of one tenant, oldest first. The order "
		"is that of the\n"
		" * contract's consumers. */\nstruct %s_consumers {\n",
		s->ident);
	for (size_t i = 0; i < s->n_consumers; i++) {
		const struct consumer *c = &s->consumers[i];

		comment_line(out, "\t", c->event->message->doc);
		fprintf(out,
			"\tenum status (*%s)(struct event_batch *batch,\n\t\tconst %s *const *in, "
			"size_t n);\n",
			c->slot, c->event->message->c_type);
	}
	fprintf(out,
		"};\n_Static_assert(sizeof(struct %s_consumers) == %zu * sizeof(void (*)(void)),\n"
		"\t       \"one pointer per consumer\");\n",
		s->ident, s->n_consumers);
	emit_pairing(out, s, "CONSUMES", ".consumers", mem_printf("%s_consumers", s->ident));
}

void emit_events_header(FILE *out, const struct service *s)
{
	const char *guard = mem_printf("CONTRACT_%s_EVENTS_H", s->upper), *seen = "|";

	begin(out, guard, mem_printf("Events of %s: what it emits and consumes", s->name));
	include_once(out, &seen, s->file);
	for (size_t i = 0; i < s->n_consumers; i++)
		include_once(out, &seen, s->consumers[i].event->message->file);
	fputs("\nstruct db_tx;\nstruct event_batch;\nstruct event_origin;\n", out);
	if (s->n_events > 0)
		emit_event_names(out, s);
	for (size_t i = 0; i < s->n_events; i++)
		emit_emitter(out, s, &s->events[i]);
	if (s->n_consumers > 0)
		emit_consumer_slots(out, s);
	fputs("\n#endif\n", out);
}
