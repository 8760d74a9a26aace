/*
 * Protobuf messages and their JSON: one generic walk over descriptors and the contract's field
 * rules does parsing, validation, defaults and printing for every method and event. The only user
 * of cJSON in libs and services.
 *
 * JSON forms: Money {"amount","currency"}; Decimal a string; Timestamp RFC 3339; Date YYYY-MM-DD;
 * 32-bit integers are numbers, 64-bit integers strings (a whole number up to 2^53 is taken too on
 * input); enums lower case without prefix, and null when unspecified; bytes base64url without
 * padding; every field is printed, an absent message as null; unknown fields are refused by name.
 *
 * Absent and empty: proto3 cannot tell them apart, so "", 0, an unspecified enum and an empty list
 * count as absent for `required` and for defaults. A number that JSON does give must lie in its
 * range even when it is 0. null stands for an absent message, enum or oneof member, nothing else.
 */
#ifndef JSON_MESSAGE_H
#define JSON_MESSAGE_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/contract.h"
#include "core/status.h"

#include <protobuf-c/protobuf-c.h>

#define JSON_DEPTH_MAX 16

/*
 * A request field given outside the body: path part, query parameter or header. Text form as in
 * JSON without quotes; decoded, NUL-terminated. At most 64 of a request.
 */
struct json_param {
	const char *name;
	const char *value;
	bool from_path;   /* a body field of the same name must be absent or equal */
	bool from_header; /* set by the edge itself; only so can an in_header field be given */
};

/*
 * Builds a message from a JSON object (`text` may be NULL or empty: {}) and params; checks rules;
 * fills defaults; puts UUIDs into lower case. Refuses by field name and reason: wrong type, missing
 * required, unknown or duplicate field, bad UTF-8, \u0000, numbers out of range, bad formats, too
 * long, too many, too deep. Fields with in_header are refused in body and query. A query parameter
 * of a repeated field is comma separated; a parameter given twice, or in the body as well, is
 * refused. The four messages with a form of their own cannot stand alone. All memory is the
 * arena's; ST_TOO_LARGE when it is full, else faults are ST_INVALID.
 */
enum status message_from_json(struct arena *a, const ProtobufCMessageDescriptor *d,
			      const char *text, size_t len, const struct json_param *params,
			      size_t n_params, ProtobufCMessage **ret, struct error *err) MUST_USE;

/*
 * Appends the message as JSON. ST_INTERNAL when it holds what JSON cannot say (bad UTF-8, an
 * unknown enum value, a time outside the years 1 to 9999), ST_TOO_LARGE when full; then nothing is
 * appended.
 */
enum status message_to_json(const ProtobufCMessage *m, struct buf *out) MUST_USE;

/*
 * Applies the contract's rules to a message that came over the bus: UTF-8, lengths, ranges,
 * formats, required, known enum values. What passes has a JSON form. ST_INVALID with field and
 * reason.
 */
enum status message_check(const ProtobufCMessage *m, struct error *err) MUST_USE;

/*
 * Fills defaults of the contract into empty fields (strings, numbers, enums) at any depth, memory
 * from the arena: check arena_failed.
 */
void message_apply_defaults(struct arena *a, ProtobufCMessage *m);

/*
 * Unpacks into the arena; at most `max` bytes. ST_INVALID for malformed or oversized input,
 * ST_TOO_LARGE when the arena is full. Fields that the contract does not know are dropped. The
 * message must not be freed with protobuf-c's free function. Call message_check before using it.
 */
enum status message_unpack(struct arena *a, const ProtobufCMessageDescriptor *d, const void *data,
			   size_t len, size_t max, ProtobufCMessage **ret) MUST_USE;
/* Packs into the arena; ST_TOO_LARGE when it is full. */
enum status message_pack(struct arena *a, const ProtobufCMessage *m, uint8_t **ret,
			 size_t *ret_len) MUST_USE;
/* A zeroed (initialised) message of that type in the arena; NULL when the arena is full. */
ProtobufCMessage *message_new(struct arena *a, const ProtobufCMessageDescriptor *d);
/* The string value of a top-level string field by name; NULL when there is none such. */
const char *message_string_field(const ProtobufCMessage *m, const char *name);

/*
 * The JSON word of an enum value ("last_touch"), NULL when it has none (unknown, or *_UNSPECIFIED);
 * and the way back (false when unknown).
 */
const char *enum_word(struct arena *a, const ProtobufCEnumDescriptor *e, int value);
bool enum_from_word(const ProtobufCEnumDescriptor *e, const char *word, int *ret);

#endif
