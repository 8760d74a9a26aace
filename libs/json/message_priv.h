/*
 * What the files of libs/json share and nobody else sees: where in a document we are, what kind of
 * field this is, and the pieces of the walk. Read next: message_parse.c.
 */
#ifndef JSON_MESSAGE_PRIV_H
#define JSON_MESSAGE_PRIV_H

#include "json/message.h"

#include <cjson/cJSON.h>

/* Wide enough for every int64 and uint64. */
__extension__ typedef __int128 json_wide;

/* A step on the way to a value: a key of an object, or an item of an array when `key` is NULL. */
struct where {
	const struct where *up; /* NULL at the top */
	const char *key;
	size_t key_len, index;
};

#define WHERE_STEPS_MAX 64 /* deepest path that is printed; deeper documents are refused */
#define WHERE_TEXT_MAX  (ERROR_FIELD_MAX + 4)

/* An error with the path as its field ("rows[3].id", "body" at the top). Returns ST_INVALID. */
enum status fault_at(struct error *err, const struct where *at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The arena of a request is full: ST_TOO_LARGE. */
enum status fault_full(struct error *err);

/* protobuf's types with those that differ only on the wire made one. */
enum field_kind {
	KIND_I32,
	KIND_U32,
	KIND_I64,
	KIND_U64,
	KIND_BOOL,
	KIND_ENUM,
	KIND_STRING,
	KIND_BYTES,
	KIND_MESSAGE,
	KIND_FLOATING, /* refused by the generator */
};
enum field_kind field_kind(const ProtobufCFieldDescriptor *f);
/* Bytes that one value takes inside a message or array. */
size_t field_size(const ProtobufCFieldDescriptor *f);
const void *field_slot(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
/* Items of a repeated field. */
size_t field_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
const void *field_item(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i);
/* False for absent messages, unset members of a oneof and unset proto2 fields. */
bool field_present(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
/* True when the field can be absent as opposed to empty. */
bool field_has_presence(const ProtobufCFieldDescriptor *f);
/* The submessage in a slot, NULL when absent. */
ProtobufCMessage *slot_message(const void *slot);
/* The string in a slot, "" when NULL. */
const char *slot_string(const void *slot);
json_wide slot_number(enum field_kind kind, const void *slot);

/* The rule of a field; an empty one when the message has none. `rules` may be NULL. */
const struct field_rule *rule_of(const struct message_rule *rules,
				 const ProtobufCMessageDescriptor *d,
				 const ProtobufCFieldDescriptor *f);
uint32_t rule_max_len(const struct field_rule *rule, enum field_kind kind);
uint32_t rule_max_items(const struct field_rule *rule);

/* Messages with a JSON form of their own (proto/pulsepoint/types.proto). */
enum special { SPECIAL_NONE, SPECIAL_MONEY, SPECIAL_DECIMAL, SPECIAL_TIMESTAMP, SPECIAL_DATE };
enum special special_of(const ProtobufCMessageDescriptor *d);

#define ENUM_WORD_MAX 64
/* As enum_word, into a buffer; false for an unknown value, the *_UNSPECIFIED one included. */
bool enum_word_put(const ProtobufCEnumDescriptor *e, int value, char out[ENUM_WORD_MAX]);
enum status fault_not_a_word(struct error *err, const struct where *at,
			     const ProtobufCEnumDescriptor *e);

/* NULL when `s` has the form, else the reason why not ("must be a UUID"). */
const char *format_fault(enum field_format format, const char *s);

/* Refuses a number outside the rule's range or its type's. */
enum status check_number(struct error *err, const struct where *at, enum field_kind kind,
			 const struct field_rule *rule, json_wide value);

/* A value being read: where it comes from, what it must be. */
struct take {
	struct arena *a;
	struct error *err;
	const ProtobufCFieldDescriptor *field;
	const struct field_rule *rule;
};
/* Reads text without quotes (a parameter, a default, the inside of a JSON string) into a slot. */
enum status take_text(const struct take *t, const struct where *at, const char *text, void *slot);
/* A whole decimal number of at most 20 digits. */
bool wide_from_text(const char *s, json_wide *ret);
enum status take_number(const struct take *t, const struct where *at, json_wide value, void *slot);
/* Marks a single field as given (oneof case, proto2 has_); refuses a second member of a oneof. */
enum status take_mark(const struct take *t, const struct where *at, ProtobufCMessage *m);
/* Room for n items of a repeated field, refused beyond its limit. */
enum status take_items(const struct take *t, const struct where *at, size_t n, ProtobufCMessage *m,
		       void **ret);

enum status take_params(struct arena *a, struct error *err, ProtobufCMessage *m, const cJSON *body,
			const struct json_param *params, size_t n);

/* One field's value as JSON. */
enum status print_field(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
			struct buf *out, int depth);

#endif
