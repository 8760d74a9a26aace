/*
 * The contract's rules over a whole message, and its defaults. What came as JSON and what came over
 * the bus is judged here by the same code. Read next: formats.c.
 */
#include "core/magic.h"
#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "message_priv.h"

#include "pulsepoint/types.pb-c.h"

#include <string.h>

#define DECIMAL_SCALE_MAX 9

static enum status check_object(struct error *err, const struct where *at,
				const ProtobufCMessage *m, int depth);

static void kind_limits(enum field_kind kind, json_wide *min, json_wide *max)
{
	bool is_signed = kind == KIND_I32 || kind == KIND_I64;
	bool is_long = kind == KIND_I64 || kind == KIND_U64;

	*min = !is_signed ? 0 : is_long ? INT64_MIN : INT32_MIN;
	*max = is_signed ? (is_long ? INT64_MAX : INT32_MAX) : UINT32_MAX;
	if (kind == KIND_U64)
		*max = UINT64_MAX;
}

enum status check_number(struct error *err, const struct where *at, enum field_kind kind,
			 const struct field_rule *rule, json_wide value)
{
	json_wide min, max;

	if (rule->has_range && (value < rule->min || value > rule->max))
		return fault_at(err, at, "must be between %lld and %lld", (long long)rule->min,
				(long long)rule->max);
	kind_limits(kind, &min, &max);
	if (value < min)
		return fault_at(err, at, "must not be less than %lld", (long long)min);
	if (value > max)
		return fault_at(err, at, "must not be more than %llu", (unsigned long long)max);
	return ST_OK;
}

static enum status check_length(struct error *err, const struct where *at, enum field_kind kind,
				const struct field_rule *rule, size_t len)
{
	uint32_t max = rule_max_len(rule, kind);

	if (len > max)
		return fault_at(err, at, "is longer than %u bytes", max);
	if (len < rule->min_len)
		return fault_at(err, at, "is shorter than %u bytes", rule->min_len);
	return ST_OK;
}

static enum status check_string(struct error *err, const struct where *at,
				const struct field_rule *rule, const char *s)
{
	size_t len = strlen(s);
	const char *fault;
	enum status st;

	if (!utf8_valid(s, len))
		return fault_at(err, at, "is not valid UTF-8");
	st = check_length(err, at, KIND_STRING, rule, len);
	if (st != ST_OK)
		return st;
	fault = format_fault(rule->format, s);
	return fault == NULL ? ST_OK : fault_at(err, at, "%s", fault);
}

/* The four messages with a form of their own hold only what that form can say. */
static enum status check_special(struct error *err, const struct where *at, enum special special,
				 const ProtobufCMessage *m)
{
	struct where currency_at = { .up = at, .key = "currency", .key_len = strlen("currency") };
	char text[TIME_TEXT_MAX] = "";

	switch (special) {
	case SPECIAL_MONEY:
		if (!currency_known(((const Pulsepoint__Money *)m)->currency))
			return fault_at(err, &currency_at, "must be an ISO 4217 currency code");
		return ST_OK;
	case SPECIAL_DECIMAL:
		if (((const Pulsepoint__Decimal *)m)->scale > DECIMAL_SCALE_MAX)
			return fault_at(err, at, "has more than %d digits after the point",
					DECIMAL_SCALE_MAX);
		return ST_OK;
	case SPECIAL_TIMESTAMP:
		time_format(((const Pulsepoint__Timestamp *)m)->micros, text);
		break;
	case SPECIAL_DATE:
		date_format(((const Pulsepoint__Date *)m)->days, text);
		break;
	case SPECIAL_NONE:
		return ST_OK;
	}
	return text[0] != '\0' ? ST_OK : fault_at(err, at, "is outside the years 0001 to 9999");
}

static enum status check_value(struct error *err, const struct where *at,
			       const ProtobufCFieldDescriptor *f, const struct field_rule *rule,
			       const void *slot, int depth)
{
	enum field_kind kind = field_kind(f);
	char word[ENUM_WORD_MAX];

	switch (kind) {
	case KIND_I32:
	case KIND_U32:
	case KIND_I64:
	case KIND_U64:
		return check_number(err, at, kind, rule, slot_number(kind, slot));
	case KIND_STRING:
		return check_string(err, at, rule, slot_string(slot));
	case KIND_BYTES:
		return check_length(err, at, kind, rule, ((const ProtobufCBinaryData *)slot)->len);
	case KIND_ENUM:
		if (!enum_word_put(f->descriptor, (int)slot_number(kind, slot), word))
			return fault_not_a_word(err, at, f->descriptor);
		return ST_OK;
	case KIND_MESSAGE:
		if (slot_message(slot) == NULL)
			return fault_at(err, at, "is required");
		return check_object(err, at, slot_message(slot), depth + 1);
	case KIND_BOOL:
	case KIND_FLOATING:
		return ST_OK;
	}
	return fault_at(err, at, "is of no known type");
}

/* proto3 cannot tell an empty field from an absent one; so empty means absent. */
static bool is_empty(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const void *slot = field_slot(m, f);
	enum field_kind kind = field_kind(f);

	if (field_has_presence(f))
		return !field_present(m, f);
	switch (kind) {
	case KIND_STRING:
		return slot_string(slot)[0] == '\0';
	case KIND_BYTES:
		return ((const ProtobufCBinaryData *)slot)->len == 0;
	case KIND_I32:
	case KIND_U32:
	case KIND_I64:
	case KIND_U64:
	case KIND_ENUM:
		return slot_number(kind, slot) == 0;
	case KIND_BOOL:
	case KIND_MESSAGE:
	case KIND_FLOATING:
		break;
	}
	return false;
}

static enum status check_items(struct error *err, const struct where *at, const ProtobufCMessage *m,
			       const ProtobufCFieldDescriptor *f, const struct field_rule *rule,
			       int depth)
{
	size_t n = field_count(m, f);
	struct where step = { .up = at };
	enum status st = ST_OK;

	if (n == 0 && rule->required)
		return fault_at(err, at, "is required");
	if (n > rule_max_items(rule))
		return fault_at(err, at, "has more than %u items", rule_max_items(rule));
	for (; step.index < n && st == ST_OK; step.index++)
		st = check_value(err, &step, f, rule, field_item(m, f, step.index), depth);
	return st;
}

static enum status check_field(struct error *err, const struct where *at, const ProtobufCMessage *m,
			       const ProtobufCFieldDescriptor *f, const struct field_rule *rule,
			       int depth)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return check_items(err, at, m, f, rule, depth);
	if (is_empty(m, f))
		return rule->required ? fault_at(err, at, "is required") : ST_OK;
	return check_value(err, at, f, rule, field_slot(m, f), depth);
}

static enum status check_object(struct error *err, const struct where *at,
				const ProtobufCMessage *m, int depth)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	const struct message_rule *rules = contract_message_find(d);
	enum special special = special_of(d);
	enum status st = ST_OK;

	if (special != SPECIAL_NONE)
		return check_special(err, at, special, m);
	if (depth >= JSON_DEPTH_MAX)
		return fault_at(err, at, "nests deeper than %d", JSON_DEPTH_MAX);
	for (unsigned i = 0; i < d->n_fields && st == ST_OK; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		struct where step = { .up = at, .key = f->name, .key_len = strlen(f->name) };

		st = check_field(err, &step, m, f, rule_of(rules, d, f), depth);
	}
	return st;
}

enum status message_check(const ProtobufCMessage *m, struct error *err)
{
	return check_object(err, NULL, m, 0);
}

static void apply_below(struct arena *a, ProtobufCMessage *m, int depth);

/* The generator has refused defaults that do not fit, so one that fails here is a broken contract.
 */
static void apply_default(struct arena *a, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
			  const struct field_rule *rule)
{
	struct take t = { .a = a, .field = f, .rule = rule };

	if (rule->default_value == NULL || field_has_presence(f) || !is_empty(m, f))
		return;
	INVARIANT(take_text(&t, NULL, rule->default_value, (char *)m + f->offset) == ST_OK);
}

static void apply_items(struct arena *a, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
			int depth)
{
	for (size_t i = 0; i < field_count(m, f); i++) {
		ProtobufCMessage *item = slot_message(field_item(m, f, i));

		if (item != NULL)
			apply_below(a, item, depth);
	}
}

static void apply_below(struct arena *a, ProtobufCMessage *m, int depth)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	const struct message_rule *rules = contract_message_find(d);

	if (depth >= JSON_DEPTH_MAX || special_of(d) != SPECIAL_NONE)
		return;
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		bool message = f->type == PROTOBUF_C_TYPE_MESSAGE;

		if (f->label == PROTOBUF_C_LABEL_REPEATED && message)
			apply_items(a, m, f, depth + 1);
		else if (message && field_present(m, f))
			apply_below(a, slot_message(field_slot(m, f)), depth + 1);
		else if (f->label != PROTOBUF_C_LABEL_REPEATED)
			apply_default(a, m, f, rule_of(rules, d, f));
	}
}

void message_apply_defaults(struct arena *a, ProtobufCMessage *m)
{
	apply_below(a, m, 0);
}
