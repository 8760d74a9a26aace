/* See answer.h. Words name the field, never its value. */
#include "answer.h"

#include "model.h"

#include "core/timeutil.h"

#include <stdio.h>
#include <string.h>

#define GID_PREFIX "gid://shopify/"
#define POINTS_MAX 1000000000 /* more is no budget */
#define CODE_SHOWN 40

static const cJSON *member(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* ---- the answer as a whole ---- */

static bool points(const cJSON *o, const char *name, int64_t *ret)
{
	const cJSON *v = member(o, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= POINTS_MAX))
		return false;
	*ret = (int64_t)v->valuedouble;
	return true;
}

static void read_cost(const cJSON *tree, struct query_cost *cost)
{
	const cJSON *c = member(member(tree, "extensions"), "cost");
	const cJSON *s = member(c, "throttleStatus");

	*cost = (struct query_cost){ 0 };
	cost->known = points(c, "requestedQueryCost", &cost->requested) &&
		      points(s, "currentlyAvailable", &cost->available) &&
		      points(s, "maximumAvailable", &cost->maximum) &&
		      points(s, "restoreRate", &cost->restore) && cost->restore > 0;
}

/* A code as it may be shown: their words are data, so nothing but the letters of codes. */
static void shown_code(const char *code, char out[CODE_SHOWN])
{
	size_t n = 0;

	while (n + 1 < CODE_SHOWN && ((code[n] >= 'A' && code[n] <= 'Z') ||
				      (code[n] >= 'a' && code[n] <= 'z') || code[n] == '_'))
		n++;
	snprintf(out, CODE_SHOWN, "%.*s", n > 0 ? (int)n : 12, n > 0 ? code : "without code");
}

static const struct {
	const char *code;
	enum answer_kind kind;
	enum status st;
	const char *words;
} codes[] = {
	{ "THROTTLED", ANSWER_THROTTLED, ST_OK, "" },
	{ "MAX_COST_EXCEEDED", ANSWER_TOO_DEAR, ST_OK, "" },
	{ "INTERNAL_SERVER_ERROR", ANSWER_FAULT, ST_UPSTREAM,
	  "Shopify answers with an internal error" },
	{ "TIMEOUT", ANSWER_FAULT, ST_UPSTREAM, "Shopify took too long for our query" },
	{ "ACCESS_DENIED", ANSWER_FAULT, ST_UNAUTHENTICATED,
	  "Shopify denies a permission that the sync needs; connect the shop again" },
	{ "SHOP_INACTIVE", ANSWER_FAULT, ST_DENIED, "Shopify says that the shop is not active" },
};

static enum status judge_error(const cJSON *e, enum answer_kind *kind, struct error *err)
{
	const char *code = cJSON_GetStringValue(member(member(e, "extensions"), "code"));
	const char *message = cJSON_GetStringValue(member(e, "message"));
	char shown[CODE_SHOWN];

	*kind = ANSWER_FAULT;
	for (size_t i = 0; code && i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(code, codes[i].code) != 0)
			continue;
		*kind = codes[i].kind;
		return *kind == ANSWER_FAULT
			       ? error_set(err, codes[i].st, NULL, "%s", codes[i].words)
			       : ST_OK;
	}
	if (message && strncmp(message, "Invalid cursor", 14) == 0) {
		*kind = ANSWER_BAD_CURSOR;
		return ST_OK;
	}
	shown_code(code ? code : "", shown);
	return error_set(err, ST_INTERNAL, NULL, "Shopify refuses our query (%s)", shown);
}

enum status answer_judge(const cJSON *tree, enum answer_kind *kind, struct query_cost *cost,
			 struct error *err)
{
	const cJSON *errors = member(tree, "errors");

	*kind = ANSWER_FAULT;
	read_cost(tree, cost);
	if (cJSON_IsArray(errors) && errors->child)
		return judge_error(errors->child, kind, err);
	if (errors && !cJSON_IsNull(errors) && !cJSON_IsArray(errors))
		return error_set(err, ST_UPSTREAM, NULL, "Shopify answers with an error");
	if (!cJSON_IsObject(member(tree, "data")))
		return error_set(err, ST_UPSTREAM, NULL, "Shopify sent an answer without data");
	*kind = ANSWER_DATA;
	return ST_OK;
}

/* ---- readers ---- */

enum status reader_end(struct reader *r)
{
	if (r->st == ST_OK && arena_failed(r->arena))
		r->st = error_set(r->err, ST_UPSTREAM, NULL,
				  "Shopify sent a page that does not fit in memory");
	return r->st;
}

void reader_wrong(struct reader *r, const char *name, const char *why)
{
	if (r->st == ST_OK)
		r->st = error_set(r->err, ST_UPSTREAM, NULL, "Shopify sent \"%s\" that %s", name,
				  why);
}

/* NULL when something is wrong already, so that one fault makes no others. */
static const cJSON *needed(struct reader *r, const cJSON *o, const char *name)
{
	const cJSON *v = r->st == ST_OK ? member(o, name) : NULL;

	if (!v || cJSON_IsNull(v)) {
		reader_wrong(r, name, "is missing");
		return NULL;
	}
	return v;
}

const cJSON *read_object(struct reader *r, const cJSON *o, const char *name)
{
	const cJSON *v = needed(r, o, name);

	if (!v || cJSON_IsObject(v))
		return v;
	reader_wrong(r, name, "is not an object");
	return NULL;
}

const cJSON *read_array(struct reader *r, const cJSON *o, const char *name)
{
	const cJSON *v = needed(r, o, name);

	if (!v || cJSON_IsArray(v))
		return v;
	reader_wrong(r, name, "is not a list");
	return NULL;
}

static bool is_null(const cJSON *o, const char *name)
{
	const cJSON *v = member(o, name);

	return !v || cJSON_IsNull(v);
}

const cJSON *read_object_or_null(struct reader *r, const cJSON *o, const char *name)
{
	return is_null(o, name) ? NULL : read_object(r, o, name);
}

/* The text itself, not copied. */
static const char *peek_text(struct reader *r, const cJSON *o, const char *name)
{
	const cJSON *v = needed(r, o, name);

	if (v && !cJSON_IsString(v))
		reader_wrong(r, name, "is not text");
	return v && cJSON_IsString(v) ? v->valuestring : "";
}

const char *read_text(struct reader *r, const cJSON *o, const char *name)
{
	return arena_strdup(r->arena, peek_text(r, o, name));
}

const char *read_text_or_empty(struct reader *r, const cJSON *o, const char *name)
{
	return is_null(o, name) ? "" : read_text(r, o, name);
}

bool read_bool(struct reader *r, const cJSON *o, const char *name)
{
	const cJSON *v = needed(r, o, name);

	if (v && !cJSON_IsBool(v))
		reader_wrong(r, name, "is neither true nor false");
	return cJSON_IsTrue(v);
}

int32_t read_int(struct reader *r, const cJSON *o, const char *name)
{
	const cJSON *v = needed(r, o, name);

	if (!v)
		return 0;
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= INT32_MIN && v->valuedouble <= INT32_MAX) ||
	    (double)(int32_t)v->valuedouble != v->valuedouble) {
		reader_wrong(r, name, "is not a whole number of 32 bits");
		return 0;
	}
	return (int32_t)v->valuedouble;
}

int32_t read_int_or_zero(struct reader *r, const cJSON *o, const char *name)
{
	return is_null(o, name) ? 0 : read_int(r, o, name);
}

int64_t read_time(struct reader *r, const cJSON *o, const char *name)
{
	int64_t us = 0;

	/* Zero is "never" in what we keep. */
	if (!time_parse(peek_text(r, o, name), &us) || us == 0)
		reader_wrong(r, name, "is not a time");
	return us;
}

int64_t read_time_or_zero(struct reader *r, const cJSON *o, const char *name)
{
	return is_null(o, name) ? 0 : read_time(r, o, name);
}

int64_t read_micros(struct reader *r, const cJSON *o, const char *name)
{
	int64_t micros = 0;

	if (!decimal_parse(peek_text(r, o, name), 6, &micros))
		reader_wrong(r, name, "is not an amount of at most six decimal digits");
	return micros;
}

int64_t read_shop_money(struct reader *r, const cJSON *o, const char *name)
{
	return read_micros(r, read_object(r, read_object(r, o, name), "shopMoney"), "amount");
}

const char *read_currency(struct reader *r, const cJSON *o, const char *name)
{
	const char *s = peek_text(r, o, name);

	if (strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != CURRENCY_TEXT - 1 ||
	    s[CURRENCY_TEXT - 1] != '\0')
		reader_wrong(r, name, "is not a currency code");
	return arena_strdup(r->arena, s);
}

const char *read_id(struct reader *r, const cJSON *o, const char *name, const char *type)
{
	const char *s = peek_text(r, o, name);
	size_t prefix = strlen(GID_PREFIX), n = strlen(type);

	if (strncmp(s, GID_PREFIX, prefix) != 0 || strncmp(s + prefix, type, n) != 0 ||
	    s[prefix + n] != '/' || s[prefix + n + 1] == '\0') {
		reader_wrong(r, name, "is not an id of its type");
		return "";
	}
	s += prefix + n + 1;
	if (strlen(s) > ID_MAX)
		reader_wrong(r, name, "is an id of more than 255 bytes");
	return arena_strdup(r->arena, s);
}
