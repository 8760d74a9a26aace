/*
 * Writes the listing that releases are compared by: a line that was released must stay. So a line
 * says only what callers rely on, and "optional" stands for what may not become required. Read
 * next: tests/contract/.
 */
#include "emit.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MAX 20000

struct lines {
	const char **at;
	size_t n;
};

static void add(struct lines *l, const char *line)
{
	if (l->n == LINES_MAX) {
		fputs("protoc-gen-pulsepoint: the listing has too many lines\n", stderr);
		exit(1);
	}
	l->at[l->n++] = line;
}

static void list_service(struct lines *l, const struct service *s)
{
	add(l, mem_printf("service %s", s->name));
	for (size_t i = 0; i < s->n_methods; i++) {
		const struct method *me = &s->methods[i];

		add(l, mem_printf("method %s.%s %s %s%s", s->name, me->name, me->in->full,
				  me->out->full, me->rule->stream ? " stream" : ""));
		add(l, mem_printf("subject %s", me->subject));
		if (me->http_path != NULL)
			add(l, mem_printf("route %s %s %d %s.%s", me->http_method, me->http_path,
					  me->http_status, s->name, me->name));
	}
	for (size_t i = 0; i < s->n_events; i++)
		add(l, mem_printf("event %s.%s.%s %s", s->name, s->events[i].entity,
				  s->events[i].action, s->events[i].message->full));
}

static void list_message(struct lines *l, const struct message *msg)
{
	add(l, mem_printf("message %s", msg->full));
	for (size_t i = 0; i < msg->n_fields; i++) {
		const struct field *f = &msg->fields[i];

		add(l, mem_printf("field %s.%s %d %s%s%s", msg->full, f->name, f->number,
				  f->repeated ? "repeated " : "", f->type_name,
				  f->in_oneof ? " oneof" : ""));
		if (!f->rule->required)
			add(l, mem_printf("optional %s.%s", msg->full, f->name));
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void emit_listing(FILE *out, const struct model *m)
{
	struct lines l = { .at = mem_array(LINES_MAX, sizeof(char *)), .n = 0 };

	for (size_t i = 0; i < m->n_services; i++)
		list_service(&l, m->services[i]);
	for (size_t i = 0; i < m->n_messages; i++)
		if (m->messages[i].file->ours)
			list_message(&l, &m->messages[i]);
	for (size_t i = 0; i < m->n_enums; i++)
		for (size_t j = 0; m->enums[i].file->ours && j < m->enums[i].n_values; j++)
			add(&l,
			    mem_printf("value %s.%s %d", m->enums[i].full,
				       m->enums[i].values[j].name, m->enums[i].values[j].number));
	qsort(l.at, l.n, sizeof(*l.at), by_text);
	for (size_t i = 0; i < l.n; i++)
		fprintf(out, "%s\n", l.at[i]);
}
