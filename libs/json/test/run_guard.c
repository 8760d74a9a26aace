/* The guard: what RFC 8259 and our limits refuse, with the place of the fault; and that cJSON
 * agrees on the rest. long: its functions are tables. */
#include "core/test/rows.h"

#include "json/guard.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 16

static enum status parse(const char *text, size_t len, int lenient, struct error *err)
{
	/* A copy of exactly that size lets ASan see a read past the end. */
	char *copy = malloc(len > 0 ? len : 1);
	cJSON *tree = NULL;
	enum status st;

	assert_non_null(copy);
	memcpy(copy, text, len);
	st = json_parse(copy, len, DEPTH, lenient, &tree, err);
	assert_true((tree != NULL) == (st == ST_OK));
	cJSON_Delete(tree);
	free(copy);
	return st;
}

static void test_accepted(void **state)
{
	static const char *const rows[] = {
		"{}",
		"[]",
		"\"\"",
		"0",
		"-0",
		"true",
		"false",
		"null",
		" \t\r\n{ } \n",
		"{\"a\":1,\"b\":[1,2,{\"c\":null}],\"A\":2}",
		"9007199254740992",
		"-9007199254740992",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0001\\uD83D\\uDE00\\ud83d\\ude00\"",
		"\"\xC3\xA9\xF0\x9F\x98\x80\x7f\"",
		"{\"\":1}",
		"{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
		"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };

		CHECK_ROW(rows[i], parse(rows[i], strlen(rows[i]), 0, &err) == ST_OK);
		CHECK_ROW(rows[i], err.detail[0] == '\0');
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *in, *field, *reason, *why;
	} rows[] = {
		{ "", "body", "is empty", "nothing" },
		{ " \n", "body", "is empty", "space only" },
		{ "{", "body", "is not JSON: expected a key in quotes at byte 2", "cut" },
		{ "{\"a\"", "body", "is not JSON: expected ':' at byte 5", "cut" },
		{ "{\"a\":", "body", "is not JSON: expected a value at byte 6", "cut" },
		{ "{\"a\":1", "body", "is not JSON: expected ',' or '}' at byte 7", "cut" },
		{ "{\"a\":1,", "body", "is not JSON: expected a key in quotes at byte 8", "cut" },
		{ "{\"a\":1,}", "body", "is not JSON: expected a key in quotes at byte 8",
		  "comma too many" },
		{ "[1,]", "body", "is not JSON: expected a value at byte 4", "comma too many" },
		{ "[1 2]", "body", "is not JSON: expected ',' or ']' at byte 4", "no comma" },
		{ "[1}", "body", "is not JSON: expected ',' or ']' at byte 3", "wrong bracket" },
		{ "{} {}", "body", "is not JSON: expected the end at byte 4", "two documents" },
		{ "{}x", "body", "is not JSON: expected the end at byte 3", "something behind" },
		{ "\xEF\xBB\xBF{}", "body", "is not JSON: expected a value at byte 1",
		  "byte order mark" },
		{ "{'a':1}", "body", "is not JSON: expected a key in quotes at byte 2",
		  "single quotes" },
		{ "{a:1}", "body", "is not JSON: expected a key in quotes at byte 2", "no quotes" },
		{ "// x\n{}", "body", "is not JSON: expected a value at byte 1", "comment" },
		{ "tru", "body", "is not JSON: expected a value at byte 1", "half a word" },
		{ "nulL", "body", "is not JSON: expected a value at byte 1", "capitals" },
		{ "truex", "body", "is not JSON: expected the end at byte 5", "too long a word" },
		{ "NaN", "body", "is not JSON: expected a value at byte 1", "no number" },
		{ "\f1", "body", "is not JSON: expected a value at byte 1",
		  "form feed is no space" },
		{ "01", "body", "is not JSON: expected a number at byte 3", "leading zero" },
		{ "-", "body", "is not JSON: expected a number at byte 2", "sign only" },
		{ "+1", "body", "is not JSON: expected a value at byte 1", "plus" },
		{ ".5", "body", "is not JSON: expected a value at byte 1",
		  "no digit before the point" },
		{ "5.", "body", "is not JSON: expected a digit at byte 3",
		  "no digit behind the point" },
		{ "1e", "body", "is not JSON: expected a digit at byte 3", "no exponent" },
		{ "{\"a\":1.5}", "a", "holds a number that is not a whole number within 2^53",
		  "fraction" },
		{ "{\"a\":1e2}", "a", "holds a number that is not a whole number within 2^53",
		  "exponent" },
		{ "{\"a\":1.0}", "a", "holds a number that is not a whole number within 2^53",
		  "fraction of 0" },
		{ "[9007199254740993]", "[0]",
		  "holds a number that is not a whole number within 2^53", "2^53 + 1" },
		{ "[1,-9007199254740993]", "[1]",
		  "holds a number that is not a whole number within 2^53", "below" },
		{ "[123456789012345678901234567890]", "[0]",
		  "holds a number that is not a whole number within 2^53", "long" },
		{ "{\"a\":\"\\u0000\"}", "a", "holds \\u0000", "NUL" },
		{ "{\"a\\u0000b\":1}", "body", "has a key that holds \\u0000", "NUL in a key" },
		{ "{\"x\":{\"\\ud800\":1}}", "x", "has a key that holds half of a surrogate pair",
		  "in a key" },
		{ "[\"\\ud800\"]", "[0]", "holds half of a surrogate pair", "high alone" },
		{ "[\"\\udc00\"]", "[0]", "holds half of a surrogate pair", "low alone" },
		{ "[\"\\ud800\\ud800\"]", "[0]", "holds half of a surrogate pair", "high twice" },
		{ "[\"\\udc00\\udc00\"]", "[0]", "holds half of a surrogate pair", "low twice" },
		{ "[\"\\ud800\\u0041\"]", "[0]", "holds half of a surrogate pair",
		  "high and a letter" },
		{ "[\"\\ud800\\n\"]", "[0]", "holds half of a surrogate pair",
		  "high and an escape" },
		{ "[\"\\ud800", "[0]", "holds half of a surrogate pair", "high and the end" },
		{ "[\"\\u12", "[0]", "holds a bad escape", "cut" },
		{ "[\"\\u12g4\"]", "[0]", "holds a bad escape", "not hex" },
		{ "[\"\\x41\"]", "[0]", "holds a bad escape", "no such escape" },
		{ "[\"\\", "[0]", "holds a bad escape", "cut" },
		{ "[\"a\nb\"]", "[0]", "holds a control character that is not escaped",
		  "raw newline" },
		{ "[\"abc", "[0]", "has no closing quote", "cut" },
		{ "{\"a\":[0,\"\xFF\"]}", "a[1]", "is not valid UTF-8", "no UTF-8" },
		{ "{\"\xC3\":1}", "body", "has a key that is not valid UTF-8",
		  "no UTF-8 in a key" },
		{ "\"\xED\xA0\x80\"", "body", "is not valid UTF-8", "a surrogate as UTF-8" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", "a", "appears twice", "twice" },
		{ "{\"a\":1,\"\\u0061\":3}", "a", "appears twice", "twice, once escaped" },
		{ "{\"x\":[{},{\"k\":{\"a\":1,\"a\":1}}]}", "x[1].k.a", "appears twice", "deep" },
		{ "{\"\":1,\"\":1}", "body", "appears twice", "twice nothing" },
		{ "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
		  "[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]", "nests deeper than 16",
		  "one too deep" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };

		CHECK_ROW(rows[i].in, parse(rows[i].in, strlen(rows[i].in), 0, &err) == ST_INVALID);
		if (strcmp(err.detail, rows[i].reason) != 0 ||
		    strcmp(err.field, rows[i].field) != 0)
			fail_msg("%s (%s): %s: %s", rows[i].why, rows[i].in, err.field, err.detail);
	}
}

static void test_a_nul_byte_is_no_end(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(parse("{}\0", 3, 0, &err), ST_INVALID);
	assert_int_equal(parse("[\"a\0b\"]", 7, 0, &err), ST_INVALID);
	assert_int_equal(parse("[1,\0 2]", 7, 0, &err), ST_INVALID);
}

static void test_lenient_numbers(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		double value;
		const char *why;
	} rows[] = {
		{ "1.5", true, 1.5, "fraction" },
		{ "-1.5e-3", true, -0.0015, "exponent" },
		{ "1E+2", true, 100, "capital" },
		{ "120210000000000017", true, 120210000000000017.0, "beyond 2^53" },
		{ "1e999", false, 0, "infinite" },
		{ "-1e999", false, 0, "infinite below" },
		{ "1.00000000000000000000000000000000000000000000000000000000001", false, 0,
		  "longer than any number needs" },
		{ "01.5", false, 0, "leading zero" },
		{ "1.e5", false, 0, "no digit behind the point" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };
		cJSON *tree = NULL;
		enum status st = json_parse(rows[i].in, strlen(rows[i].in), DEPTH, 1, &tree, &err);

		CHECK_ROW(rows[i].why, (st == ST_OK) == rows[i].ok);
		CHECK_ROW(rows[i].why, st != ST_OK || (tree->valuedouble >= rows[i].value &&
						       tree->valuedouble <= rows[i].value));
		cJSON_Delete(tree);
	}
}

/* An object of n different keys, one of them twice if `twin`. */
static char *object_of(size_t n, bool twin)
{
	char *text = malloc(n * 16 + 32), *at = text;

	assert_non_null(text);
	*at++ = '{';
	for (size_t i = 0; i < n; i++)
		at += snprintf(at, 16, "%s\"k%zu\":%zu", i > 0 ? "," : "", i * 7919 % n, i % 10);
	if (twin)
		at += snprintf(at, 16, ",\"k%zu\":0", n / 2);
	*at++ = '}';
	*at = '\0';
	return text;
}

static void test_many_keys(void **state)
{
	static const struct {
		size_t n;
		bool twin;
		const char *field, *reason;
	} rows[] = {
		{ 4096, false, "", "" },
		{ 4097, false, "body", "has more than 4096 keys" },
		{ 4095, true, "k2047", "appears twice" },
		{ 100, true, "k50", "appears twice" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		char *text = object_of(rows[i].n, rows[i].twin);
		struct error err = { 0 };
		enum status st = parse(text, strlen(text), 0, &err);

		assert_int_equal(st, rows[i].reason[0] == '\0' ? ST_OK : ST_INVALID);
		assert_string_equal(err.field, rows[i].field);
		assert_string_equal(err.detail, rows[i].reason);
		free(text);
	}
}

static void test_many_values(void **state)
{
	size_t n = 1000001, len = 0;
	char *text = malloc(2 * n + 2);
	struct error err = { 0 };

	(void)state;
	assert_non_null(text);
	text[len++] = '[';
	for (size_t i = 0; i < n; i++) {
		text[len++] = '0';
		text[len++] = i + 1 < n ? ',' : ']';
	}
	assert_int_equal(parse(text, len, 0, &err), ST_INVALID);
	assert_string_equal(err.detail, "holds more than 1000000 values");
	/* Depth, too, is refused without following it. */
	memset(text, '[', 2 * n);
	assert_int_equal(parse(text, 2 * n, 0, &err), ST_INVALID);
	assert_string_equal(err.detail, "nests deeper than 16");
	free(text);
}

/* A path longer than the error's field is cut, at a character. */
static void test_long_paths(void **state)
{
	char text[2000], *at = text;
	struct error err = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++)
		at += snprintf(at, 100,
			       "{\"%s\":", "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xACxx");
	*at = '\0';
	strncat(text, "1.5", 4);
	assert_int_equal(parse(text, strlen(text), 0, &err), ST_INVALID);
	assert_in_range(strlen(err.field), ERROR_FIELD_MAX - 4, ERROR_FIELD_MAX - 1);
	assert_int_equal(strncmp(err.field, "\xE2\x82\xAC", 3), 0);
}

/* Every prefix of a document is refused, and none is read past its end (under ASan). */
static void test_every_prefix(void **state)
{
	static const char text[] = "{\"a\":[1,-20,true,false,null,\"\\u00e9\\ud83d\\ude00 "
				   "\xE2\x82\xAC\"],\"b\":{\"c\":\"\\n\"}}";
	struct error err = { 0 };

	(void)state;
	assert_int_equal(parse(text, strlen(text), 0, &err), ST_OK);
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(parse(text, len, 0, &err), ST_INVALID);
}

/* Random damage: whatever the guard passes, cJSON reads; nothing crashes. Counts show both happen.
 */
static void test_damaged_documents(void **state)
{
	static const char sample[] = "{\"name\":\"x\\u0041\",\"n\":[1,2,3],\"o\":{\"k\":null,\"t\":"
				     "true},\"e\":\"\xC3\xA9\"}";
	static const char bytes[] = "{}[]\":,\\u0019aeE+-.tfn \xC3\xFF";
	uint64_t seed = 21;
	int passed = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char text[sizeof(sample)];
		struct error err = { 0 };
		enum status st;

		memcpy(text, sample, sizeof(sample));
		for (uint64_t n = 1 + next_random(&seed) % 3; n > 0; n--)
			text[next_random(&seed) % (sizeof(sample) - 1)] =
				bytes[next_random(&seed) % (sizeof(bytes) - 1)];
		st = parse(text, sizeof(sample) - 1, (int)(i % 2), &err);
		/* ST_UNAVAILABLE would mean that cJSON refused what the guard passed. */
		assert_true(st == ST_OK || st == ST_INVALID);
		assert_int_equal(st == ST_OK, err.field[0] == '\0');
		passed += st == ST_OK;
		refused += st != ST_OK;
	}
	assert_true(passed > 5000);
	assert_true(refused > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_a_nul_byte_is_no_end),
		cmocka_unit_test(test_lenient_numbers),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_many_values),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_damaged_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
