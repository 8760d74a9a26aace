/*
 * Builds the model from protoc's request: first every message and enum of every file, then the
 * references between them, then services. Read next: check.c.
 */
#include "model.h"

#include "mem.h"
#include "names.h"
#include "options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_DEPTH 32

/* Field numbers of descriptor.proto, which the paths of source_code_info are made of. */
enum {
	IN_FILE_MESSAGE = 4,
	IN_FILE_ENUM = 5,
	IN_FILE_SERVICE = 6,
	IN_MESSAGE_FIELD = 2,
	IN_MESSAGE_NESTED = 3,
	IN_MESSAGE_ENUM = 4,
	IN_ENUM_VALUE = 2,
	IN_SERVICE_METHOD = 2,
};

struct path {
	int32_t at[PATH_MAX_DEPTH];
	size_t n;
};

static const Pulsepoint__FieldRule no_field_rule = PULSEPOINT__FIELD_RULE__INIT;
static const Pulsepoint__MethodRule no_method_rule = PULSEPOINT__METHOD_RULE__INIT;
static const Pulsepoint__ServiceRule no_service_rule = PULSEPOINT__SERVICE_RULE__INIT;

void model_refuse(struct model *m, const struct file *f, const char *name, const char *fmt, ...)
{
	char reason[512];
	va_list ap;

	m->n_refusals++;
	if (m->n_refusals > REFUSALS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	m->refusals = mem_printf("%s%s%s: %s: %s", m->refusals != NULL ? m->refusals : "",
				 m->refusals != NULL ? "\n" : "", f->d->name, name, reason);
}

/* ---- comments ---- */

static struct path path_add(struct path p, int32_t a, size_t i)
{
	if (p.n + 2 <= PATH_MAX_DEPTH) {
		p.at[p.n++] = a;
		p.at[p.n++] = (int32_t)i;
	}
	return p;
}

/* One line, single spaces. */
static void append_words(char *out, size_t *len, const char *text)
{
	if (text == NULL)
		return;
	for (;;) {
		size_t n;

		text += strspn(text, " \t\r\n");
		n = strcspn(text, " \t\r\n");
		if (n == 0)
			return;
		if (*len > 0)
			out[(*len)++] = ' ';
		memcpy(out + *len, text, n);
		*len += n;
		text += n;
	}
}

static const char *comment(const struct file *f, const struct path *p, bool with_trailing)
{
	const Google__Protobuf__SourceCodeInfo *info = f->d->source_code_info;

	for (size_t i = 0; info != NULL && i < info->n_location; i++) {
		const Google__Protobuf__SourceCodeInfo__Location *l = info->location[i];
		const char *lead = l->leading_comments;
		const char *trail = with_trailing ? l->trailing_comments : NULL;
		size_t len = 0;
		char *out;

		if (l->n_path != p->n || memcmp(l->path, p->at, p->n * sizeof(p->at[0])) != 0)
			continue;
		out = mem_alloc((lead != NULL ? strlen(lead) : 0) +
				(trail != NULL ? strlen(trail) : 0) + 2);
		append_words(out, &len, lead);
		append_words(out, &len, trail);
		return out;
	}
	return "";
}

/* ---- look-ups ---- */

static int by_full_name(const void *a, const void *b)
{
	return strcmp(((const struct message *)a)->full, ((const struct message *)b)->full);
}

struct message *model_message(const struct model *m, const char *full)
{
	struct message key = { .full = full };

	return bsearch(&key, m->messages, m->n_messages, sizeof(key), by_full_name);
}

static struct enumeration *model_enum(const struct model *m, const char *full)
{
	for (size_t i = 0; i < m->n_enums; i++)
		if (strcmp(m->enums[i].full, full) == 0)
			return &m->enums[i];
	return NULL;
}

struct service *model_service(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (strcmp(m->services[i]->name, name) == 0)
			return m->services[i];
	return NULL;
}

struct field *message_field(const struct message *msg, const char *name)
{
	for (size_t i = 0; i < msg->n_fields; i++)
		if (strcmp(msg->fields[i].name, name) == 0)
			return &msg->fields[i];
	return NULL;
}

struct event *service_event(const struct service *s, const char *entity, const char *action)
{
	for (size_t i = 0; i < s->n_events; i++)
		if (strcmp(s->events[i].entity, entity) == 0 &&
		    strcmp(s->events[i].action, action) == 0)
			return &s->events[i];
	return NULL;
}

/* ---- messages and enums ---- */

static const char *full_name(const char *scope, const char *name)
{
	return scope[0] != '\0' ? mem_printf("%s.%s", scope, name) : name;
}

static void add_enum(struct model *m, struct file *f, const char *scope, struct path at,
		     const Google__Protobuf__EnumDescriptorProto *d)
{
	struct enumeration *e = &m->enums[m->n_enums++];

	e->full = full_name(scope, d->name);
	e->prefix = mem_printf("%s_", name_upper(name_snake(d->name)));
	e->file = f;
	e->doc = comment(f, &at, false);
	e->values = mem_array(d->n_value, sizeof(*e->values));
	e->n_values = d->n_value;
	for (size_t i = 0; i < d->n_value; i++) {
		struct path p = path_add(at, IN_ENUM_VALUE, i);

		e->values[i].name = d->value[i]->name;
		e->values[i].word = name_enum_word(d->value[i]->name, e->prefix);
		e->values[i].number = d->value[i]->number;
		e->values[i].doc = comment(f, &p, true);
	}
}

static int by_number(const void *a, const void *b)
{
	int x = ((const struct field *)a)->number, y = ((const struct field *)b)->number;

	return (x > y) - (x < y);
}

static const char *type_word(const Google__Protobuf__FieldDescriptorProto *d)
{
	static const char *const words[] = { "",         "double",   "float",   "int64",  "uint64",
					     "int32",    "fixed64",  "fixed32", "bool",   "string",
					     "group",    "",         "bytes",   "uint32", "",
					     "sfixed32", "sfixed64", "sint32",  "sint64" };

	if (d->type_name != NULL && d->type_name[0] == '.')
		return d->type_name + 1;
	return (size_t)d->type < sizeof(words) / sizeof(words[0]) ? words[d->type] : "?";
}

static void add_field(struct model *m, struct file *f, struct message *msg, struct path at,
		      const Google__Protobuf__FieldDescriptorProto *d, struct field *to)
{
	bool bad = false;
	const Pulsepoint__FieldRule *rule =
		option_unpack(d->options != NULL ? &d->options->base : NULL, OPTION_FIELD,
			      &pulsepoint__field_rule__descriptor, &bad);

	if (bad)
		model_refuse(m, f, mem_printf("%s.%s", msg->full, d->name),
			     "its (pulsepoint.field) cannot be read");
	to->name = d->name;
	to->number = d->number;
	to->type = d->type;
	to->type_name = type_word(d);
	to->repeated = d->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
	to->in_oneof = d->has_oneof_index != 0;
	to->rule = rule != NULL ? rule : &no_field_rule;
	to->doc = comment(f, &at, true);
}

static void add_message(struct model *m, struct file *f, const char *scope, struct path at,
			const Google__Protobuf__DescriptorProto *d)
{
	struct message *msg = &m->messages[m->n_messages++];
	bool bad = false;

	msg->full = full_name(scope, d->name);
	msg->c_type = name_c_type(msg->full);
	msg->c_lower = name_c_lower(msg->full);
	msg->file = f;
	msg->doc = comment(f, &at, false);
	for (size_t i = 0; i < d->n_nested_type; i++)
		if (d->nested_type[i]->options != NULL && d->nested_type[i]->options->map_entry)
			msg->has_nested_map = true;
	msg->event = option_unpack(d->options != NULL ? &d->options->base : NULL, OPTION_EVENT,
				   &pulsepoint__event_rule__descriptor, &bad);
	if (bad)
		model_refuse(m, f, msg->full, "its (pulsepoint.event) cannot be read");
	msg->fields = mem_array(d->n_field, sizeof(*msg->fields));
	msg->n_fields = d->n_field;
	for (size_t i = 0; i < d->n_field; i++)
		add_field(m, f, msg, path_add(at, IN_MESSAGE_FIELD, i), d->field[i],
			  &msg->fields[i]);
	qsort(msg->fields, msg->n_fields, sizeof(*msg->fields), by_number);
	for (size_t i = 0; i < d->n_enum_type; i++)
		add_enum(m, f, msg->full, path_add(at, IN_MESSAGE_ENUM, i), d->enum_type[i]);
	for (size_t i = 0; i < d->n_nested_type; i++)
		add_message(m, f, msg->full, path_add(at, IN_MESSAGE_NESTED, i), d->nested_type[i]);
}

static void count_types(const Google__Protobuf__DescriptorProto *d, size_t *messages, size_t *enums)
{
	*messages += 1;
	*enums += d->n_enum_type;
	for (size_t i = 0; i < d->n_nested_type; i++)
		count_types(d->nested_type[i], messages, enums);
}

static void add_types(struct model *m)
{
	size_t messages = 0, enums = 0;

	for (size_t i = 0; i < m->n_files; i++) {
		enums += m->files[i].d->n_enum_type;
		for (size_t j = 0; j < m->files[i].d->n_message_type; j++)
			count_types(m->files[i].d->message_type[j], &messages, &enums);
	}
	m->messages = mem_array(messages, sizeof(*m->messages));
	m->enums = mem_array(enums, sizeof(*m->enums));
	for (size_t i = 0; i < m->n_files; i++) {
		struct file *f = &m->files[i];
		const char *pkg = f->d->package != NULL ? f->d->package : "";
		struct path top = { .n = 0 };

		for (size_t j = 0; j < f->d->n_enum_type; j++)
			add_enum(m, f, pkg, path_add(top, IN_FILE_ENUM, j), f->d->enum_type[j]);
		for (size_t j = 0; j < f->d->n_message_type; j++)
			add_message(m, f, pkg, path_add(top, IN_FILE_MESSAGE, j),
				    f->d->message_type[j]);
	}
	qsort(m->messages, m->n_messages, sizeof(*m->messages), by_full_name);
}

static void resolve_fields(struct model *m)
{
	for (size_t i = 0; i < m->n_messages; i++) {
		struct message *msg = &m->messages[i];

		for (size_t j = 0; j < msg->n_fields; j++) {
			struct field *f = &msg->fields[j];

			f->message = model_message(m, f->type_name);
			f->enumeration = model_enum(m, f->type_name);
		}
	}
}

/* ---- services ---- */

static void add_method(struct model *m, struct service *s, struct path at,
		       const Google__Protobuf__MethodDescriptorProto *d, struct method *to)
{
	bool bad = false;
	const Pulsepoint__MethodRule *rule =
		option_unpack(d->options != NULL ? &d->options->base : NULL, OPTION_METHOD,
			      &pulsepoint__method_rule__descriptor, &bad);

	if (bad)
		model_refuse(m, s->file, mem_printf("%s.%s", s->full, d->name),
			     "its (pulsepoint.rule) cannot be read");
	to->service = s;
	to->name = d->name;
	to->snake = name_snake(d->name);
	to->subject = mem_printf("pp.rpc.%s.%s", s->name, to->snake);
	to->doc = comment(s->file, &at, false);
	to->in = model_message(m, d->input_type + 1);
	to->out = model_message(m, d->output_type + 1);
	to->protobuf_streaming = d->client_streaming || d->server_streaming;
	to->rule = rule != NULL ? rule : &no_method_rule;
	to->deadline_ms = to->rule->deadline_ms != 0 ? to->rule->deadline_ms : DEADLINE_MS;
	to->max_body = to->rule->max_body != 0 ? to->rule->max_body : BODY_MAX;
	to->http_status = HTTP_OK;
	if (to->rule->http != NULL) {
		to->http_method = to->rule->http->method;
		to->http_path = to->rule->http->path;
		if (to->rule->http->status != 0)
			to->http_status = (int)to->rule->http->status;
	}
}

static void add_events(struct model *m, struct service *s)
{
	for (size_t i = 0; i < m->n_messages; i++)
		if (m->messages[i].event != NULL && m->messages[i].file == s->file)
			s->n_events++;
	s->events = mem_array(s->n_events, sizeof(*s->events));
	s->n_events = 0;
	for (size_t i = 0; i < m->n_messages; i++) {
		struct message *msg = &m->messages[i];
		struct event *e = &s->events[s->n_events];

		if (msg->event == NULL || msg->file != s->file)
			continue;
		msg->owner = s;
		e->message = msg;
		e->entity = msg->event->entity;
		e->action = msg->event->action;
		e->entity_ident = name_ident(e->entity);
		e->action_ident = name_ident(e->action);
		s->n_events++;
	}
}

static void add_service(struct model *m, struct file *f, size_t index, struct service *s)
{
	const Google__Protobuf__ServiceDescriptorProto *d = f->d->service[index];
	struct path at = path_add((struct path){ .n = 0 }, IN_FILE_SERVICE, index);
	bool bad = false;

	s->file = f;
	s->index = index;
	s->full = full_name(f->d->package != NULL ? f->d->package : "", d->name);
	s->rule = option_unpack(d->options != NULL ? &d->options->base : NULL, OPTION_SERVICE,
				&pulsepoint__service_rule__descriptor, &bad);
	if (bad)
		model_refuse(m, f, s->full, "its (pulsepoint.service) cannot be read");
	if (s->rule == NULL)
		s->rule = &no_service_rule;
	s->name = s->rule->name;
	s->summary = s->rule->summary;
	s->ident = name_ident(s->name);
	s->upper = name_upper(s->ident);
	s->doc = comment(f, &at, false);
	s->methods = mem_array(d->n_method, sizeof(*s->methods));
	s->n_methods = d->n_method;
	for (size_t i = 0; i < d->n_method; i++)
		add_method(m, s, path_add(at, IN_SERVICE_METHOD, i), d->method[i], &s->methods[i]);
	add_events(m, s);
}

static int by_service_name(const void *a, const void *b)
{
	const struct service *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void add_services(struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_files; i++)
		n += m->files[i].d->n_service;
	m->services = mem_array(n, sizeof(*m->services));
	for (size_t i = 0; i < m->n_files; i++)
		for (size_t j = 0; j < m->files[i].d->n_service; j++) {
			struct service *s = mem_alloc(sizeof(*s));

			add_service(m, &m->files[i], j, s);
			m->services[m->n_services++] = s;
		}
	qsort(m->services, m->n_services, sizeof(struct service *), by_service_name);
}

void model_build(struct model *m, const Google__Protobuf__Compiler__CodeGeneratorRequest *request)
{
	m->files = mem_array(request->n_proto_file, sizeof(*m->files));
	m->n_files = request->n_proto_file;
	for (size_t i = 0; i < m->n_files; i++) {
		struct file *f = &m->files[i];

		f->d = request->proto_file[i];
		for (size_t j = 0; j < request->n_file_to_generate; j++)
			if (strcmp(f->d->name, request->file_to_generate[j]) == 0)
				f->generate = true;
		f->ours = f->generate && strcmp(f->d->name, "pulsepoint/options.proto") != 0;
	}
	add_types(m);
	resolve_fields(m);
	add_services(m);
}
