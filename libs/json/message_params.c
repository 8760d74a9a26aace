/*
 * Fields given outside the body: parts of the path, query parameters, headers. They name top-level
 * fields and are text. Read next: take.c.
 */
#include "message_priv.h"

#include <string.h>

#define PARAMS_MAX 64 /* of one request */

/* Items of "a,b,c"; none in "". */
static size_t count_items(const char *text)
{
	size_t n = text[0] != '\0';

	for (; *text != '\0'; text++)
		n += *text == ',';
	return n;
}

static enum status take_list(const struct take *t, const struct where *at, const char *text,
			     ProtobufCMessage *m)
{
	size_t n = count_items(text);
	struct where step = { .up = at };
	enum status st;
	void *items;

	if (n == 0)
		return ST_OK;
	st = take_items(t, at, n, m, &items);
	for (; step.index < n && st == ST_OK; step.index++) {
		size_t len = strcspn(text, ",");
		const char *item = arena_strndup(t->a, text, len);

		st = take_text(t, &step, item, (char *)items + step.index * field_size(t->field));
		text += len + (text[len] == ',');
	}
	return st;
}

static enum status take_param(const struct take *t, const struct where *at, const char *text,
			      ProtobufCMessage *m)
{
	enum status st;

	if (t->field->label == PROTOBUF_C_LABEL_REPEATED)
		return take_list(t, at, text, m);
	st = take_mark(t, at, m);
	return st == ST_OK ? take_text(t, at, text, (char *)m + t->field->offset) : st;
}

/* A field of the path that the body repeats must say the same there. Compared as printed. */
static enum status check_same(const struct take *t, const struct where *at, const char *text,
			      const ProtobufCMessage *m)
{
	ProtobufCMessage *other = message_new(t->a, m->descriptor);
	struct buf here, there;
	enum status st;

	if (other == NULL)
		return fault_full(t->err);
	st = take_param(t, at, text, other);
	if (st != ST_OK)
		return st;
	buf_init(&here, SIZE_MAX);
	buf_init(&there, SIZE_MAX);
	if (print_field(m, t->field, &here, 0) != ST_OK ||
	    print_field(other, t->field, &there, 0) != ST_OK ||
	    strcmp(buf_str(&here), buf_str(&there)) != 0)
		st = fault_at(t->err, at, "differs between path and body");
	buf_done(&here);
	buf_done(&there);
	return st;
}

static bool given_before(const struct json_param *params, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(params[i].name, name) == 0)
			return true;
	}
	return false;
}

static enum status take_one(const struct take *t, const struct where *at, ProtobufCMessage *m,
			    const cJSON *body, const struct json_param *p)
{
	if (t->rule->in_header && !p->from_header)
		return fault_at(t->err, at, "cannot be given in path or query");
	if (body == NULL || cJSON_GetObjectItemCaseSensitive(body, p->name) == NULL)
		return take_param(t, at, p->value, m);
	if (p->from_path)
		return check_same(t, at, p->value, m);
	return fault_at(t->err, at, "appears twice: in the body and outside it");
}

enum status take_params(struct arena *a, struct error *err, ProtobufCMessage *m, const cJSON *body,
			const struct json_param *params, size_t n)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	const struct message_rule *rules = contract_message_find(d);
	enum status st = ST_OK;

	if (n > PARAMS_MAX)
		return error_set(err, ST_INVALID, "query", "has more than %d parameters",
				 PARAMS_MAX);
	for (size_t i = 0; i < n && st == ST_OK; i++) {
		const struct json_param *p = &params[i];
		struct where at = { .key = p->name, .key_len = strlen(p->name) };
		struct take t = { .a = a, .err = err };

		t.field = protobuf_c_message_descriptor_get_field_by_name(d, p->name);
		if (t.field == NULL)
			return fault_at(err, &at, "is not a field of %s", d->short_name);
		t.rule = rule_of(rules, d, t.field);
		if (given_before(params, i, p->name))
			return fault_at(err, &at, "appears twice");
		st = take_one(&t, &at, m, body, p);
	}
	return st;
}
