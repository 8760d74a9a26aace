/*
 * Fields of protobuf-c messages, read through their descriptors. The only file that knows how
 * protobuf-c lays out structs; see ProtobufCFieldDescriptor in protobuf-c.h.
 */
#include "core/magic.h"
#include "message_priv.h"

#include <string.h>

#define STRING_MAX_LEN 1024
#define BYTES_MAX_LEN  65536
#define ITEMS_MAX      1000

enum field_kind field_kind(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return KIND_I32;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return KIND_I64;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return KIND_U32;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return KIND_U64;
	case PROTOBUF_C_TYPE_BOOL:
		return KIND_BOOL;
	case PROTOBUF_C_TYPE_ENUM:
		return KIND_ENUM;
	case PROTOBUF_C_TYPE_STRING:
		return KIND_STRING;
	case PROTOBUF_C_TYPE_BYTES:
		return KIND_BYTES;
	case PROTOBUF_C_TYPE_MESSAGE:
		return KIND_MESSAGE;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return KIND_FLOATING;
	}
	panic(__FILE__, __LINE__, "a field descriptor with an unknown type");
}

size_t field_size(const ProtobufCFieldDescriptor *f)
{
	switch (field_kind(f)) {
	case KIND_I32:
	case KIND_U32:
		return sizeof(int32_t);
	case KIND_I64:
	case KIND_U64:
		return sizeof(int64_t);
	case KIND_BOOL:
		return sizeof(protobuf_c_boolean);
	case KIND_ENUM:
		return sizeof(int);
	case KIND_STRING:
	case KIND_MESSAGE:
		return sizeof(void *);
	case KIND_BYTES:
		return sizeof(ProtobufCBinaryData);
	case KIND_FLOATING:
		break;
	}
	return f->type == PROTOBUF_C_TYPE_FLOAT ? sizeof(float) : sizeof(double);
}

const void *field_slot(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return (const char *)m + f->offset;
}

static const void *quantifier(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return (const char *)m + f->quantifier_offset;
}

size_t field_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	size_t n;

	memcpy(&n, quantifier(m, f), sizeof(n));
	return n;
}

const void *field_item(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i)
{
	const char *items;

	memcpy(&items, field_slot(m, f), sizeof(items));
	return items + i * field_size(f);
}

ProtobufCMessage *slot_message(const void *slot)
{
	ProtobufCMessage *m;

	memcpy(&m, slot, sizeof(m));
	return m;
}

const char *slot_string(const void *slot)
{
	const char *s;

	memcpy(&s, slot, sizeof(s));
	return s != NULL ? s : "";
}

bool field_present(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const void *slot = field_slot(m, f);
	enum field_kind kind = field_kind(f);
	int mark;

	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		memcpy(&mark, quantifier(m, f), sizeof(mark));
		return mark == (int)f->id && (kind != KIND_MESSAGE || slot_message(slot) != NULL);
	}
	if (kind == KIND_MESSAGE)
		return slot_message(slot) != NULL;
	if (f->label != PROTOBUF_C_LABEL_OPTIONAL)
		return true;
	if (kind == KIND_STRING)
		return slot_message(slot) != NULL;
	memcpy(&mark, quantifier(m, f), sizeof(mark));
	return mark != 0;
}

bool field_has_presence(const ProtobufCFieldDescriptor *f)
{
	return (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 ||
	       f->label == PROTOBUF_C_LABEL_OPTIONAL || f->type == PROTOBUF_C_TYPE_MESSAGE;
}

json_wide slot_number(enum field_kind kind, const void *slot)
{
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;

	switch (kind) {
	case KIND_U32:
		memcpy(&u32, slot, sizeof(u32));
		return u32;
	case KIND_I64:
		memcpy(&i64, slot, sizeof(i64));
		return i64;
	case KIND_U64:
		memcpy(&u64, slot, sizeof(u64));
		return u64;
	case KIND_I32:
	case KIND_BOOL:
	case KIND_ENUM:
		memcpy(&i32, slot, sizeof(i32));
		return i32;
	case KIND_STRING:
	case KIND_BYTES:
	case KIND_MESSAGE:
	case KIND_FLOATING:
		break;
	}
	panic(__FILE__, __LINE__, "the slot holds no number");
}

const struct field_rule *rule_of(const struct message_rule *rules,
				 const ProtobufCMessageDescriptor *d,
				 const ProtobufCFieldDescriptor *f)
{
	static const struct field_rule none;

	return rules != NULL ? &rules->fields[f - d->fields] : &none;
}

uint32_t rule_max_len(const struct field_rule *rule, enum field_kind kind)
{
	if (rule->max_len != 0)
		return rule->max_len;
	return kind == KIND_STRING ? STRING_MAX_LEN : BYTES_MAX_LEN;
}

uint32_t rule_max_items(const struct field_rule *rule)
{
	return rule->max_items != 0 ? rule->max_items : ITEMS_MAX;
}

enum special special_of(const ProtobufCMessageDescriptor *d)
{
	static const char *const names[] = {
		[SPECIAL_MONEY] = "Money",
		[SPECIAL_DECIMAL] = "Decimal",
		[SPECIAL_TIMESTAMP] = "Timestamp",
		[SPECIAL_DATE] = "Date",
	};

	if (strcmp(d->package_name, "pulsepoint") != 0)
		return SPECIAL_NONE;
	for (int i = SPECIAL_MONEY; i <= SPECIAL_DATE; i++) {
		if (strcmp(d->short_name, names[i]) == 0)
			return (enum special)i;
	}
	return SPECIAL_NONE;
}
