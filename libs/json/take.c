/*
 * Single values from text into the slots of a message: numbers with their ranges, words of enums,
 * times, dates, decimals. Both JSON (message_parse.c) and parameters (message_params.c) end here.
 */
#include "core/id.h"
#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "message_priv.h"

#include "pulsepoint/types.pb-c.h"

#include <string.h>

#define WIDE_DIGITS_MAX   20
#define DECIMAL_SCALE_MAX 9

bool wide_from_text(const char *s, json_wide *ret)
{
	bool negative = *s == '-';
	json_wide value = 0;
	int n = 0;

	s += negative;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (++n > WIDE_DIGITS_MAX)
			return false;
		value = value * 10 + (*s - '0');
	}
	if (n == 0 || *s != '\0')
		return false;
	*ret = negative ? -value : value;
	return true;
}

enum status take_number(const struct take *t, const struct where *at, json_wide value, void *slot)
{
	enum field_kind kind = field_kind(t->field);
	enum status st = check_number(t->err, at, kind, t->rule, value);
	/* Two's complement: the low half of the wide number is the number, signed or not. */
	uint64_t low64 = (uint64_t)value;
	uint32_t low32 = (uint32_t)low64;

	if (st != ST_OK)
		return st;
	if (kind == KIND_I64 || kind == KIND_U64)
		memcpy(slot, &low64, sizeof(low64));
	else
		memcpy(slot, &low32, sizeof(low32));
	return ST_OK;
}

static enum status take_bool_text(const struct take *t, const struct where *at, const char *text,
				  void *slot)
{
	protobuf_c_boolean on = strcmp(text, "true") == 0;

	if (!on && strcmp(text, "false") != 0)
		return fault_at(t->err, at, "must be true or false");
	memcpy(slot, &on, sizeof(on));
	return ST_OK;
}

static enum status take_word(const struct take *t, const struct where *at, const char *text,
			     void *slot)
{
	const ProtobufCEnumDescriptor *e = t->field->descriptor;
	int value;

	if (!enum_from_word(e, text, &value))
		return fault_not_a_word(t->err, at, e);
	memcpy(slot, &value, sizeof(value));
	return ST_OK;
}

/* UUIDs are kept in lower case, so that equal ones are equal text. */
static enum status take_string(const struct take *t, const char *text, void *slot)
{
	char *copy = arena_strdup(t->a, text);

	if (t->rule->format == FORMAT_UUID && uuid_valid(copy))
		uuid_normalise(copy);
	memcpy(slot, &copy, sizeof(copy));
	return ST_OK;
}

static enum status take_bytes(const struct take *t, const struct where *at, const char *text,
			      void *slot)
{
	ProtobufCBinaryData bytes;

	bytes.data = base64url_decode(t->a, text, &bytes.len);
	if (bytes.data == NULL)
		return fault_at(t->err, at, "must be base64url without padding");
	memcpy(slot, &bytes, sizeof(bytes));
	return ST_OK;
}

/* The scale of a decimal is how many digits it was written with. */
static bool decimal_from_text(const char *text, Pulsepoint__Decimal *m)
{
	const char *point = strchr(text, '.');
	size_t scale = point != NULL ? strlen(point + 1) : 0;

	if (scale > DECIMAL_SCALE_MAX || !decimal_parse(text, (int)scale, &m->units))
		return false;
	m->scale = (uint32_t)scale;
	return true;
}

/* NULL when the text was taken, else what it must be. */
static const char *special_fault(enum special special, const char *text, ProtobufCMessage *m)
{
	switch (special) {
	case SPECIAL_TIMESTAMP:
		if (time_parse(text, &((Pulsepoint__Timestamp *)m)->micros))
			return NULL;
		return "must be a time such as 2026-11-21T09:30:00Z";
	case SPECIAL_DATE:
		if (date_parse(text, &((Pulsepoint__Date *)m)->days))
			return NULL;
		return "must be a date such as 2026-11-21";
	case SPECIAL_DECIMAL:
		if (decimal_from_text(text, (Pulsepoint__Decimal *)m))
			return NULL;
		return "must be a decimal such as 12.50 with at most 9 digits after the point, 18 "
		       "in all";
	case SPECIAL_MONEY:
		return "must be an object with amount and currency";
	case SPECIAL_NONE:
		break;
	}
	return "must be an object";
}

static enum status take_special(const struct take *t, const struct where *at, const char *text,
				void *slot)
{
	const ProtobufCMessageDescriptor *d = t->field->descriptor;
	ProtobufCMessage *m = message_new(t->a, d);
	const char *fault;

	if (m == NULL)
		return fault_full(t->err);
	fault = special_fault(special_of(d), text, m);
	if (fault != NULL)
		return fault_at(t->err, at, "%s", fault);
	memcpy(slot, &m, sizeof(m));
	return ST_OK;
}

enum status take_text(const struct take *t, const struct where *at, const char *text, void *slot)
{
	json_wide value;

	switch (field_kind(t->field)) {
	case KIND_I32:
	case KIND_U32:
	case KIND_I64:
	case KIND_U64:
		if (!wide_from_text(text, &value))
			return fault_at(t->err, at, "must be a whole number");
		return take_number(t, at, value, slot);
	case KIND_BOOL:
		return take_bool_text(t, at, text, slot);
	case KIND_ENUM:
		return take_word(t, at, text, slot);
	case KIND_STRING:
		return take_string(t, text, slot);
	case KIND_BYTES:
		return take_bytes(t, at, text, slot);
	case KIND_MESSAGE:
		return take_special(t, at, text, slot);
	case KIND_FLOATING:
		break;
	}
	return fault_at(t->err, at, "is a floating-point field, which has no exact form");
}

enum status take_mark(const struct take *t, const struct where *at, ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f = t->field;
	char *mark = (char *)m + f->quantifier_offset;
	int value = 1;

	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		memcpy(&value, mark, sizeof(value));
		if (value != 0)
			return fault_at(t->err, at, "cannot be given together with %s",
					protobuf_c_message_descriptor_get_field(m->descriptor,
										(unsigned)value)
						->name);
		value = (int)f->id;
	} else if (f->label != PROTOBUF_C_LABEL_OPTIONAL || f->quantifier_offset == 0) {
		return ST_OK;
	}
	memcpy(mark, &value, sizeof(value));
	return ST_OK;
}

enum status take_items(const struct take *t, const struct where *at, size_t n, ProtobufCMessage *m,
		       void **ret)
{
	uint32_t max = rule_max_items(t->rule);
	void *items;

	if (n > max)
		return fault_at(t->err, at, "has more than %u items", max);
	items = arena_array(t->a, n, field_size(t->field));
	if (items == NULL)
		return fault_full(t->err);
	memcpy((char *)m + t->field->offset, &items, sizeof(items));
	memcpy((char *)m + t->field->quantifier_offset, &n, sizeof(n));
	*ret = items;
	return ST_OK;
}
