/*
 * The strict pass before cJSON. One look at every byte: grammar of RFC 8259, depth, sizes, escapes,
 * UTF-8 and numbers that would change; then cJSON builds the tree, and keys, now decoded,
 * are compared. Read next: docs/internals/json.md, which says what cJSON would let through.
 */
#include "json/guard.h"

#include "core/text.h"
#include "message_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_DEPTH_MAX  WHERE_STEPS_MAX
#define GUARD_KEYS_MAX   4096    /* keys of one object */
#define GUARD_VALUES_MAX 1000000 /* values of a document: cJSON takes 64 bytes for each */
#define GUARD_NUMBER_MAX 60      /* bytes of a number: three times what a double needs */
#define GUARD_WHOLE_MAX  (UINT64_C(1) << 53)

struct guard {
	const char *text;
	size_t len, at;
	int max_depth;
	bool lenient;
	size_t values;
	struct error *err;
};

/* The byte at the cursor, 0 at the end. (A NUL byte is no JSON anywhere, so both are refused
 * alike.) */
static char peek(const struct guard *g)
{
	return g->at < g->len ? g->text[g->at] : '\0';
}

static void skip_space(struct guard *g)
{
	while (peek(g) == ' ' || peek(g) == '\t' || peek(g) == '\n' || peek(g) == '\r')
		g->at++;
}

static enum status not_json(struct guard *g, const char *expected)
{
	return error_set(g->err, ST_INVALID, "body", "is not JSON: expected %s at byte %zu",
			 expected, g->at + 1);
}

/* Four hex digits as a number, -1 if they are not there. */
static int code_unit(const struct guard *g, size_t at)
{
	uint8_t bytes[2];

	if (at > g->len || g->len - at < 4 || !hex_decode(g->text + at, 4, bytes))
		return -1;
	return bytes[0] * 256 + bytes[1];
}

/* Steps over the escape at the cursor; the reason when it is not allowed. */
static const char *escape_fault(struct guard *g)
{
	char c = g->at + 1 < g->len ? g->text[g->at + 1] : '\0';
	int unit;

	if (c != 'u') {
		if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
			return "holds a bad escape";
		g->at += 2;
		return NULL;
	}
	unit = code_unit(g, g->at + 2);
	if (unit < 0)
		return "holds a bad escape";
	if (unit == 0)
		return "holds \\u0000";
	g->at += 6;
	if (unit < 0xD800 || unit > 0xDFFF)
		return NULL;
	if (unit > 0xDBFF || peek(g) != '\\' || g->at + 1 >= g->len || g->text[g->at + 1] != 'u')
		return "holds half of a surrogate pair";
	unit = code_unit(g, g->at + 2);
	g->at += 6;
	return unit >= 0xDC00 && unit <= 0xDFFF ? NULL : "holds half of a surrogate pair";
}

/* Steps over the string at the cursor; the reason when it is not allowed. */
static const char *string_fault(struct guard *g)
{
	size_t start = ++g->at;

	while (g->at < g->len && g->text[g->at] != '"') {
		const char *fault = NULL;

		if ((unsigned char)g->text[g->at] < 0x20)
			return "holds a control character that is not escaped";
		if (g->text[g->at] == '\\')
			fault = escape_fault(g);
		else
			g->at++;
		if (fault != NULL)
			return fault;
	}
	if (g->at >= g->len)
		return "has no closing quote";
	if (!utf8_valid(g->text + start, g->at - start))
		return "is not valid UTF-8";
	g->at++;
	return NULL;
}

static size_t skip_digits(struct guard *g)
{
	size_t start = g->at;

	while (peek(g) >= '0' && peek(g) <= '9')
		g->at++;
	return g->at - start;
}

/* Digits at `s` as a number; anything above GUARD_WHOLE_MAX comes out as more than it. */
static uint64_t whole_value(const char *s, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len && value <= GUARD_WHOLE_MAX; i++)
		value = value * 10 + (uint64_t)(s[i] - '0');
	return value;
}

static bool is_finite(const char *s, size_t len)
{
	char copy[GUARD_NUMBER_MAX + 1];

	memcpy(copy, s, len);
	copy[len] = '\0';
	return isfinite(strtod(copy, NULL)) != 0;
}

/* Steps over ".5" and "e-7"; false when digits are missing. */
static bool skip_fraction(struct guard *g, bool *whole)
{
	if (peek(g) == '.') {
		*whole = false;
		g->at++;
		if (skip_digits(g) == 0)
			return false;
	}
	if (peek(g) == 'e' || peek(g) == 'E') {
		*whole = false;
		g->at++;
		if (peek(g) == '+' || peek(g) == '-')
			g->at++;
		if (skip_digits(g) == 0)
			return false;
	}
	return true;
}

static enum status scan_number(struct guard *g, const struct where *at)
{
	size_t start = g->at, digits;
	bool whole = true;

	g->at += peek(g) == '-';
	digits = skip_digits(g);
	if (digits == 0 || (digits > 1 && g->text[g->at - digits] == '0'))
		return not_json(g, "a number");
	if (!skip_fraction(g, &whole))
		return not_json(g, "a digit");
	if (!g->lenient &&
	    (!whole || whole_value(g->text + g->at - digits, digits) > GUARD_WHOLE_MAX))
		return fault_at(g->err, at,
				"holds a number that is not a whole number within 2^53");
	if (g->at - start > GUARD_NUMBER_MAX || !is_finite(g->text + start, g->at - start))
		return fault_at(g->err, at, "is a number too large or too long");
	return ST_OK;
}

static enum status scan_word(struct guard *g, const char *word)
{
	size_t n = strlen(word);

	if (g->len - g->at < n || memcmp(g->text + g->at, word, n) != 0)
		return not_json(g, "a value");
	g->at += n;
	return ST_OK;
}

static enum status scan_value(struct guard *g, const struct where *at, int depth);

/* Takes "," (ST_OK, and *end false) or the closing bracket. */
static enum status scan_separator(struct guard *g, char close, bool *end)
{
	skip_space(g);
	*end = peek(g) == close;
	if (!*end && peek(g) != ',')
		return not_json(g, close == '}' ? "',' or '}'" : "',' or ']'");
	g->at++;
	skip_space(g);
	return ST_OK;
}

/* A key and its colon; `step` becomes the path to its value. */
static enum status scan_key(struct guard *g, struct where *step)
{
	size_t start = g->at + 1;
	const char *fault;

	if (peek(g) != '"')
		return not_json(g, "a key in quotes");
	fault = string_fault(g);
	if (fault != NULL)
		return fault_at(g->err, step->up, "has a key that %s", fault);
	step->key = g->text + start;
	step->key_len = g->at - 1 - start;
	skip_space(g);
	if (peek(g) != ':')
		return not_json(g, "':'");
	g->at++;
	skip_space(g);
	return ST_OK;
}

static enum status scan_object(struct guard *g, const struct where *at, int depth)
{
	bool end = peek(g) == '}';

	g->at += end;
	for (size_t n = 0; !end; n++) {
		struct where step = { .up = at };
		enum status st = scan_key(g, &step);

		if (st == ST_OK && n == GUARD_KEYS_MAX)
			return fault_at(g->err, at, "has more than %d keys", GUARD_KEYS_MAX);
		if (st == ST_OK)
			st = scan_value(g, &step, depth);
		if (st == ST_OK)
			st = scan_separator(g, '}', &end);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static enum status scan_array(struct guard *g, const struct where *at, int depth)
{
	bool end = peek(g) == ']';

	g->at += end;
	for (size_t n = 0; !end; n++) {
		struct where step = { .up = at, .index = n };
		enum status st = scan_value(g, &step, depth);

		if (st == ST_OK)
			st = scan_separator(g, ']', &end);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static enum status scan_container(struct guard *g, const struct where *at, int depth)
{
	bool object = peek(g) == '{';

	if (depth >= g->max_depth)
		return fault_at(g->err, at, "nests deeper than %d", g->max_depth);
	g->at++;
	skip_space(g);
	return object ? scan_object(g, at, depth + 1) : scan_array(g, at, depth + 1);
}

static enum status scan_value(struct guard *g, const struct where *at, int depth)
{
	const char *fault;

	if (++g->values > GUARD_VALUES_MAX)
		return fault_at(g->err, NULL, "holds more than %d values", GUARD_VALUES_MAX);
	switch (peek(g)) {
	case '{':
	case '[':
		return scan_container(g, at, depth);
	case '"':
		fault = string_fault(g);
		return fault == NULL ? ST_OK : fault_at(g->err, at, "%s", fault);
	case 't':
		return scan_word(g, "true");
	case 'f':
		return scan_word(g, "false");
	case 'n':
		return scan_word(g, "null");
	default:
		if (peek(g) != '-' && (peek(g) < '0' || peek(g) > '9'))
			return not_json(g, "a value");
		return scan_number(g, at);
	}
}

static enum status scan_document(struct guard *g)
{
	enum status st;

	skip_space(g);
	if (g->at == g->len)
		return error_set(g->err, ST_INVALID, "body", "is empty");
	st = scan_value(g, NULL, 0);
	skip_space(g);
	if (st == ST_OK && g->at < g->len)
		return not_json(g, "the end");
	return st;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Refuses an object with two equal keys. `keys` is room for GUARD_KEYS_MAX of them. */
static enum status unique_here(const cJSON *object, const struct where *at, const char **keys,
			       struct error *err)
{
	size_t n = 0;

	for (const cJSON *v = object->child; v != NULL; v = v->next)
		keys[n++] = v->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(keys[i - 1], keys[i]) == 0) {
			struct where step = { .up = at,
					      .key = keys[i],
					      .key_len = strlen(keys[i]) };

			return fault_at(err, &step, "appears twice");
		}
	}
	return ST_OK;
}

static enum status unique_below(const cJSON *node, const struct where *at, const char **keys,
				struct error *err)
{
	enum status st = ST_OK;
	size_t index = 0;

	if (cJSON_IsObject(node))
		st = unique_here(node, at, keys, err);
	for (const cJSON *v = node->child; v != NULL && st == ST_OK; v = v->next) {
		struct where step = { .up = at, .key = v->string, .index = index++ };

		step.key_len = v->string != NULL ? strlen(v->string) : 0;
		if (v->child != NULL)
			st = unique_below(v, &step, keys, err);
	}
	return st;
}

static enum status check_keys(const cJSON *tree, struct error *err)
{
	const char **keys;
	enum status st;

	if (tree->child == NULL)
		return ST_OK;
	keys = malloc(GUARD_KEYS_MAX * sizeof(*keys));
	if (keys == NULL)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	st = unique_below(tree, NULL, keys, err);
	free(keys);
	return st;
}

enum status json_parse(const char *text, size_t len, int max_depth, int lenient_numbers,
		       cJSON **ret, struct error *err)
{
	struct guard g = {
		.text = text,
		.len = len,
		.max_depth = max_depth < GUARD_DEPTH_MAX ? max_depth : GUARD_DEPTH_MAX,
		.lenient = lenient_numbers != 0,
		.err = err,
	};
	enum status st = scan_document(&g);
	cJSON *tree;

	if (st != ST_OK)
		return st;
	tree = cJSON_ParseWithLength(text, len);
	if (tree == NULL)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	st = check_keys(tree, err);
	if (st != ST_OK) {
		cJSON_Delete(tree);
		return st;
	}
	*ret = tree;
	return ST_OK;
}
