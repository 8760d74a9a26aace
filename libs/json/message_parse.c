/*
 * From JSON to messages: the walk over a document that the guard has passed. Everything it builds
 * lies in the caller's arena. Read next: take.c (single values), message_check.c (the contract's
 * rules).
 */
#include "core/money.h"
#include "message_priv.h"
#include "json/guard.h"

#include "pulsepoint/types.pb-c.h"

#include <string.h>

static enum status take_object(struct arena *a, struct error *err, const struct where *at,
			       const cJSON *object, ProtobufCMessage *m);

/* The string of a member of a Money object, or the fault. */
static enum status take_member(struct error *err, const struct where *at, const cJSON *object,
			       const char *name, const char **ret)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);
	struct where step = { .up = at, .key = name, .key_len = strlen(name) };

	if (v == NULL)
		return fault_at(err, &step, "is required");
	if (!cJSON_IsString(v))
		return fault_at(err, &step, "must be a string");
	*ret = v->valuestring;
	return ST_OK;
}

static enum status refuse_other_members(struct error *err, const struct where *at,
					const cJSON *object)
{
	for (const cJSON *v = object->child; v != NULL; v = v->next) {
		struct where step = { .up = at, .key = v->string, .key_len = strlen(v->string) };

		if (strcmp(v->string, "amount") != 0 && strcmp(v->string, "currency") != 0)
			return fault_at(err, &step, "is not a field of Money");
	}
	return ST_OK;
}

static enum status take_money(struct arena *a, struct error *err, const struct where *at,
			      const cJSON *object, Pulsepoint__Money *m)
{
	struct where amount_at = { .up = at, .key = "amount", .key_len = strlen("amount") };
	struct where currency_at = { .up = at, .key = "currency", .key_len = strlen("currency") };
	const char *amount = NULL, *currency = NULL;
	enum status st = refuse_other_members(err, at, object);

	if (st == ST_OK)
		st = take_member(err, at, object, "amount", &amount);
	if (st == ST_OK)
		st = take_member(err, at, object, "currency", &currency);
	if (st != ST_OK)
		return st;
	if (!decimal_parse(amount, 6, &m->micros))
		return fault_at(err, &amount_at,
				"must be a decimal such as 12.50 with at most 6 digits after the "
				"point, 12 before it");
	if (!currency_known(currency))
		return fault_at(err, &currency_at, "must be an ISO 4217 currency code");
	m->currency = arena_strdup(a, currency);
	return ST_OK;
}

/* Times, dates and decimals are strings; Money and all other messages are objects. */
static enum status take_message(const struct take *t, const struct where *at, const cJSON *v,
				void *slot)
{
	const ProtobufCMessageDescriptor *d = t->field->descriptor;
	enum special special = special_of(d);
	ProtobufCMessage *m;
	enum status st;

	if (special != SPECIAL_NONE && special != SPECIAL_MONEY) {
		if (!cJSON_IsString(v))
			return fault_at(t->err, at, "must be a string");
		return take_text(t, at, v->valuestring, slot);
	}
	if (!cJSON_IsObject(v))
		return fault_at(t->err, at, "must be an object");
	m = message_new(t->a, d);
	if (m == NULL)
		return fault_full(t->err);
	st = special == SPECIAL_MONEY ? take_money(t->a, t->err, at, v, (Pulsepoint__Money *)m)
				      : take_object(t->a, t->err, at, v, m);
	if (st == ST_OK)
		memcpy(slot, &m, sizeof(m));
	return st;
}

/* JSON numbers are whole and within 2^53 here: the guard saw to that. */
static enum status take_integer(const struct take *t, const struct where *at, const cJSON *v,
				bool wide, void *slot)
{
	if (cJSON_IsNumber(v))
		return take_number(t, at, (json_wide)v->valuedouble, slot);
	if (wide && cJSON_IsString(v))
		return take_text(t, at, v->valuestring, slot);
	return fault_at(t->err, at, "must be a whole number");
}

static enum status take_value(const struct take *t, const struct where *at, const cJSON *v,
			      void *slot)
{
	enum field_kind kind = field_kind(t->field);

	switch (kind) {
	case KIND_I32:
	case KIND_U32:
		return take_integer(t, at, v, false, slot);
	case KIND_I64:
	case KIND_U64:
		return take_integer(t, at, v, true, slot);
	case KIND_BOOL:
		if (!cJSON_IsBool(v))
			return fault_at(t->err, at, "must be true or false");
		return take_text(t, at, cJSON_IsTrue(v) ? "true" : "false", slot);
	case KIND_ENUM:
		if (!cJSON_IsString(v))
			return fault_not_a_word(t->err, at, t->field->descriptor);
		return take_text(t, at, v->valuestring, slot);
	case KIND_STRING:
	case KIND_BYTES:
	case KIND_FLOATING:
		if (!cJSON_IsString(v))
			return fault_at(t->err, at, "must be a string");
		return take_text(t, at, v->valuestring, slot);
	case KIND_MESSAGE:
		return take_message(t, at, v, slot);
	}
	return fault_at(t->err, at, "has no JSON form");
}

static enum status take_array(const struct take *t, const struct where *at, const cJSON *array,
			      ProtobufCMessage *m)
{
	struct where step = { .up = at };
	enum status st;
	void *items;

	if (!cJSON_IsArray(array))
		return fault_at(t->err, at, "must be an array");
	if (array->child == NULL)
		return ST_OK;
	st = take_items(t, at, (size_t)cJSON_GetArraySize(array), m, &items);
	for (const cJSON *v = array->child; v != NULL && st == ST_OK; v = v->next) {
		st = take_value(t, &step, v, (char *)items + step.index * field_size(t->field));
		step.index++;
	}
	return st;
}

static enum status take_field(const struct take *t, const struct where *at, const cJSON *v,
			      ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f = t->field;
	enum status st;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return take_array(t, at, v, m);
	/* null says absent, for what can be absent; elsewhere it would be ignored silently. */
	if (cJSON_IsNull(v) && (field_has_presence(f) || f->type == PROTOBUF_C_TYPE_ENUM))
		return ST_OK;
	st = take_mark(t, at, m);
	if (st != ST_OK)
		return st;
	return take_value(t, at, v, (char *)m + f->offset);
}

static enum status take_object(struct arena *a, struct error *err, const struct where *at,
			       const cJSON *object, ProtobufCMessage *m)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	const struct message_rule *rules = contract_message_find(d);
	enum status st = ST_OK;

	for (const cJSON *v = object->child; v != NULL && st == ST_OK; v = v->next) {
		struct where step = { .up = at, .key = v->string, .key_len = strlen(v->string) };
		struct take t = { .a = a, .err = err };

		t.field = protobuf_c_message_descriptor_get_field_by_name(d, v->string);
		if (t.field == NULL)
			return fault_at(err, &step, "is not a field of %s", d->short_name);
		t.rule = rule_of(rules, d, t.field);
		if (t.rule->in_header)
			return fault_at(err, &step, "cannot be given in the body");
		st = take_field(&t, &step, v, m);
	}
	return st;
}

static enum status parse_body(const char *text, size_t len, cJSON **ret, struct error *err)
{
	enum status st;

	if (text == NULL || len == 0)
		return ST_OK;
	st = json_parse(text, len, JSON_DEPTH_MAX, 0, ret, err);
	if (st == ST_OK && !cJSON_IsObject(*ret))
		return fault_at(err, NULL, "must be an object");
	return st;
}

static enum status build(struct arena *a, const cJSON *body, const struct json_param *params,
			 size_t n_params, ProtobufCMessage *m, struct error *err)
{
	enum status st = ST_OK;

	if (body != NULL)
		st = take_object(a, err, NULL, body, m);
	if (st == ST_OK)
		st = take_params(a, err, m, body, params, n_params);
	if (st != ST_OK)
		return st;
	message_apply_defaults(a, m);
	return message_check(m, err);
}

enum status message_from_json(struct arena *a, const ProtobufCMessageDescriptor *d,
			      const char *text, size_t len, const struct json_param *params,
			      size_t n_params, ProtobufCMessage **ret, struct error *err)
{
	ProtobufCMessage *m = message_new(a, d);
	cJSON *body = NULL;
	enum status st;

	if (m == NULL)
		return fault_full(err);
	if (special_of(d) != SPECIAL_NONE)
		return fault_at(err, NULL, "cannot be a %s alone", d->short_name);
	st = parse_body(text, len, &body, err);
	if (st == ST_OK)
		st = build(a, body, params, n_params, m, err);
	/* Whatever else went wrong then followed from it. */
	if (arena_failed(a))
		st = fault_full(err);
	cJSON_Delete(body);
	if (st == ST_OK)
		*ret = m;
	return st;
}
