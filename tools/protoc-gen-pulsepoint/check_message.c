/* Rules of messages, fields and enums. Read next: check_method.c. */
#include "check_parts.h"
#include "mem.h"

#include "core/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { UNSEEN, SEEN };

#define TYPE(x) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##x

bool field_is_text(const struct field *f)
{
	return f->type == TYPE(STRING);
}

bool field_is_number(const struct field *f)
{
	return f->type == TYPE(INT32) || f->type == TYPE(INT64) || f->type == TYPE(UINT32) ||
	       f->type == TYPE(UINT64) || f->type == TYPE(SINT32) || f->type == TYPE(SINT64) ||
	       f->type == TYPE(FIXED32) || f->type == TYPE(FIXED64) || f->type == TYPE(SFIXED32) ||
	       f->type == TYPE(SFIXED64);
}

void check_enum(struct model *m, const struct enumeration *e)
{
	for (size_t i = 0; i < e->n_values; i++) {
		const struct enum_value *v = &e->values[i];

		if (v->word == NULL)
			model_refuse(m, e->file, e->full,
				     "its value %s does not begin with %s, which JSON leaves out",
				     v->name, e->prefix);
		else if (v->number == 0 && strcmp(v->word, "unspecified") != 0)
			model_refuse(m, e->file, e->full, "its value 0 must be %sUNSPECIFIED",
				     e->prefix);
	}
}

static void refuse_field(struct model *m, const struct message *msg, const struct field *f,
			 const char *reason)
{
	model_refuse(m, msg->file, mem_printf("%s.%s", msg->full, f->name), "%s", reason);
}

static bool enum_has_word(const struct enumeration *e, const char *word)
{
	for (size_t i = 0; i < e->n_values; i++)
		if (e->values[i].word != NULL && strcmp(e->values[i].word, word) == 0)
			return true;
	return false;
}

static void check_default(struct model *m, const struct message *msg, const struct field *f)
{
	const char *text = f->rule->default_value;
	char *end;

	if (text[0] == '\0')
		return;
	if (f->repeated || (!field_is_text(f) && !field_is_number(f) && f->enumeration == NULL)) {
		refuse_field(m, msg, f, "only a single string, number or enum can have a default");
	} else if (f->enumeration != NULL && !enum_has_word(f->enumeration, text)) {
		refuse_field(m, msg, f, "its default is no word of its enum");
	} else if (field_is_number(f)) {
		long long v;

		errno = 0;
		v = strtoll(text, &end, 10);
		if (errno != 0 || *end != '\0')
			refuse_field(m, msg, f, "its default is not a whole number");
		else if (f->rule->has_range && (v < f->rule->min || v > f->rule->max))
			refuse_field(m, msg, f, "its default is outside its range");
	} else if (field_is_text(f) && f->rule->max_len != 0 && strlen(text) > f->rule->max_len) {
		refuse_field(m, msg, f, "its default is longer than its max_len");
	}
	if (f->rule->required)
		refuse_field(m, msg, f, "is required, so its default would never be used");
}

static void check_field(struct model *m, const struct message *msg, const struct field *f)
{
	const Pulsepoint__FieldRule *r = f->rule;
	bool sized = field_is_text(f) || f->type == TYPE(BYTES);

	if (f->type == TYPE(FLOAT) || f->type == TYPE(DOUBLE))
		refuse_field(m, msg, f,
			     "is a floating point number: use Decimal, Money or an integer");
	if (f->type == TYPE(GROUP))
		refuse_field(m, msg, f, "is a group");
	if ((r->min_len != 0 || r->max_len != 0) && !sized)
		refuse_field(m, msg, f, "has a length limit but is neither string nor bytes");
	if (r->max_len != 0 && r->min_len > r->max_len)
		refuse_field(m, msg, f, "its min_len is greater than its max_len");
	if (r->max_items != 0 && !f->repeated)
		refuse_field(m, msg, f, "has max_items but is not repeated");
	if (r->has_range && (!field_is_number(f) || r->min > r->max))
		refuse_field(m, msg, f, "its range is empty, or it is not a number");
	if (!r->has_range && (r->min != 0 || r->max != 0))
		refuse_field(m, msg, f, "has min or max without has_range");
	if (r->format != PULSEPOINT__FORMAT__FORMAT_NONE && !field_is_text(f))
		refuse_field(m, msg, f, "has a format but is not a string");
	if (r->required && f->type == TYPE(BOOL))
		refuse_field(m, msg, f,
			     "is a bool, which cannot be required: false and absent are one");
	check_default(m, msg, f);
}

/* True when `to` can be reached from `from`. A message already walked is not walked again. */
static bool reaches(struct message *from, const struct message *to)
{
	if (from->mark == SEEN)
		return false;
	from->mark = SEEN;
	for (size_t i = 0; i < from->n_fields; i++) {
		struct message *next = from->fields[i].message;

		if (next != NULL && (next == to || reaches(next, to)))
			return true;
	}
	return false;
}

void check_message(struct model *m, struct message *msg)
{
	for (size_t i = 0; i < m->n_messages; i++)
		m->messages[i].mark = UNSEEN;
	if (reaches(msg, msg))
		model_refuse(m, msg->file, msg->full,
			     "contains itself: unpacking it would have no depth limit");
	if (msg->has_nested_map)
		model_refuse(m, msg->file, msg->full,
			     "has a map: use a repeated message with a key field");
	for (size_t i = 0; i < msg->n_fields; i++)
		check_field(m, msg, &msg->fields[i]);
}

void check_event_is_clean(struct model *m, const struct message *event, const struct message *msg,
			  const char *path)
{
	for (size_t i = 0; i < msg->n_fields; i++) {
		const struct field *f = &msg->fields[i];
		const char *here = mem_printf("%s.%s", path, f->name);

		if (f->rule->sensitive)
			model_refuse(m, event->file, here,
				     "is sensitive, which an event must not carry");
		if (f->message != NULL)
			check_event_is_clean(m, event, f->message, here);
	}
}
