/* Text from outside: what is well formed, and what is refused. */
#include "core/test/rows.h"

#include "core/text.h"

#include <stdio.h>
#include <string.h>

static void test_utf8_table(void **state)
{
	static const struct {
		const char *s;
		bool valid;
		const char *why;
	} rows[] = {
		{ "", true, "empty" },
		{ "plain ascii, longer than a word", true, "ascii" },
		{ "\xC2\x80\xDF\xBF", true, "first and last of two bytes" },
		{ "\xE0\xA0\x80\xEF\xBF\xBF", true, "first and last of three bytes" },
		{ "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", true, "first and last of four bytes" },
		{ "\xED\x9F\xBF\xEE\x80\x80", true, "around the surrogates" },
		{ "\xC0\x80", false, "overlong NUL" },
		{ "\xC1\xBF", false, "overlong DEL" },
		{ "\xE0\x9F\xBF", false, "overlong in three" },
		{ "\xF0\x8F\xBF\xBF", false, "overlong in four" },
		{ "\xED\xA0\x80", false, "high surrogate" },
		{ "\xED\xBF\xBF", false, "low surrogate" },
		{ "\xF4\x90\x80\x80", false, "over U+10FFFF" },
		{ "\xF5\x80\x80\x80", false, "no such lead byte" },
		{ "\xFF", false, "no such byte" },
		{ "\x80", false, "continuation alone" },
		{ "\xC3", false, "cut after one of two" },
		{ "\xE2\x82", false, "cut after two of three" },
		{ "\xF0\x9F\x98", false, "cut after three of four" },
		{ "12345678\xE2\x82", false, "cut after a whole word of ascii" },
		{ "1234567\xC3\xA9"
		  "abcdefgh",
		  true, "a character across a word" },
		{ "\xE2\x28\xA1", false, "second byte is ascii" },
		{ "\xE2\x82\x28", false, "third byte is ascii" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		CHECK_ROW(rows[i].why, utf8_valid(rows[i].s, strlen(rows[i].s)) == rows[i].valid);
}

/* Encodes a code point as it stands in the definition, whatever it is. */
static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xC0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xE0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xF0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void test_every_code_point(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x120000; c++) {
		bool scalar = c < 0xD800 || (c > 0xDFFF && c < 0x110000);
		char text[4];
		size_t len = encode(c, text);

		if (utf8_valid(text, len) != scalar)
			fail_msg("U+%04X", c);
		if (utf8_valid(text, len - 1) != (len == 1))
			fail_msg("U+%04X without its last byte", c);
	}
}

static void test_clip(void **state)
{
	static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
	static const size_t ends[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

	(void)state;
	for (size_t max = 0; max < N_ROWS(ends); max++)
		assert_int_equal(utf8_clip(text, strlen(text), max), ends[max]);
	/* Text already cut, of which nothing behind the end may be read. */
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(utf8_clip(text, len, 100), ends[len]);
}

static void test_tokens(void **state)
{
	char longest[SUBJECT_TOKEN_MAX + 2];

	(void)state;
	assert_true(token_valid("a"));
	assert_true(token_valid("0190a3f0-b_9"));
	assert_false(token_valid(""));
	assert_false(token_valid(NULL));
	assert_false(token_valid("A"));
	assert_false(token_valid("a.b"));
	assert_false(token_valid("a*"));
	assert_false(token_valid("a>"));
	assert_false(token_valid("a b"));
	assert_false(token_valid("\xC3\xA9"));
	memset(longest, 'a', sizeof(longest));
	longest[SUBJECT_TOKEN_MAX] = '\0';
	assert_true(token_valid(longest));
	longest[SUBJECT_TOKEN_MAX] = 'a';
	longest[SUBJECT_TOKEN_MAX + 1] = '\0';
	assert_false(token_valid(longest));
}

static void test_copy(void **state)
{
	char dst[4] = "zzz";

	(void)state;
	assert_int_equal(text_copy(dst, sizeof(dst), "abc"), ST_OK);
	assert_string_equal(dst, "abc");
	assert_int_equal(text_copy(dst, sizeof(dst), "abcd"), ST_TOO_LARGE);
	assert_string_equal(dst, "");
	assert_int_equal(text_copy(dst, sizeof(dst), NULL), ST_OK);
	assert_int_equal(text_copy(dst, 0, ""), ST_TOO_LARGE);
}

static void test_percent(void **state)
{
	static const struct {
		const char *in;
		bool plus;
		const char *out, *why; /* out NULL: refused */
	} rows[] = {
		{ "abc", false, "abc", "plain" },
		{ "", false, "", "empty" },
		{ "a%20b%2Fc%2f", false, "a b/c/", "escapes of either case" },
		{ "a+b", true, "a b", "a plus in a query" },
		{ "a+b", false, "a+b", "a plus in a path" },
		{ "%2B", true, "+", "an escaped plus stays one" },
		{ "%", false, NULL, "cut at once" },
		{ "%4", false, NULL, "cut after one digit" },
		{ "%4g", false, NULL, "not hex" },
		{ "%g4", false, NULL, "not hex" },
		{ "%00", false, NULL, "NUL" },
		{ "%25%32%35", false, "%25", "decoded once only" },
	};
	struct arena *a = arena_new(10000);

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		char *out = percent_decode(a, rows[i].in, strlen(rows[i].in), rows[i].plus);

		CHECK_ROW(rows[i].why, (out == NULL) == (rows[i].out == NULL));
		CHECK_ROW(rows[i].why, out == NULL || strcmp(out, rows[i].out) == 0);
	}
	assert_null(percent_decode(a, "a\0b", 3, false));
	assert_string_equal(percent_encode(a, "a-._~/ &\xC3\xA9"), "a-._~%2F%20%26%C3%A9");
	for (int c = 1; c < 256; c++) {
		char one[2] = { (char)c, '\0' };
		char *round = percent_encode(a, one);

		assert_string_equal(percent_decode(a, round, strlen(round), true), one);
	}
	arena_free(a);
}

static void test_hex(void **state)
{
	unsigned char bytes[256], back[256];
	char text[513];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char)i;
	hex_encode(bytes, sizeof(bytes), text);
	assert_int_equal(strlen(text), 512);
	assert_true(hex_decode(text, 512, back));
	assert_memory_equal(bytes, back, 256);
	assert_true(hex_decode("aBcDeF", 6, back));
	assert_memory_equal(back, "\xAB\xCD\xEF", 3);
	assert_false(hex_decode("abc", 3, back));
	assert_false(hex_decode("0g", 2, back));
	assert_false(hex_decode("0x", 2, back));
}

static void test_base64url(void **state)
{
	/* RFC 4648 section 10, without padding. */
	static const char *const pairs[][2] = { { "", "" },
						{ "f", "Zg" },
						{ "fo", "Zm8" },
						{ "foo", "Zm9v" },
						{ "foob", "Zm9vYg" },
						{ "fooba", "Zm9vYmE" },
						{ "foobar", "Zm9vYmFy" } };
	static const struct {
		const char *in, *why;
	} bad[] = {
		{ "Z", "one digit says no byte" }, { "Zg==", "padding" },
		{ "Z+8", "the other alphabet" },   { "Zm 8", "space" },
		{ "Zh", "bits left over" },        { "Zm9", "bits left over" },
		{ "Zm9vY", "five digits" },        { "Zm8\n", "a line's end" },
	};
	struct arena *a = arena_new(1 << 20);
	uint64_t seed = 3;
	size_t len;

	(void)state;
	for (size_t i = 0; i < N_ROWS(pairs); i++) {
		assert_string_equal(base64url_encode(a, pairs[i][0], strlen(pairs[i][0])),
				    pairs[i][1]);
		assert_memory_equal(base64url_decode(a, pairs[i][1], &len), pairs[i][0],
				    strlen(pairs[i][0]));
		assert_int_equal(len, strlen(pairs[i][0]));
	}
	for (size_t i = 0; i < N_ROWS(bad); i++)
		CHECK_ROW(bad[i].why, base64url_decode(a, bad[i].in, &len) == NULL);
	for (size_t n = 0; n < 300; n++) {
		unsigned char data[300];
		uint8_t *back;

		for (size_t i = 0; i < n; i++)
			data[i] = (unsigned char)next_random(&seed);
		back = base64url_decode(a, base64url_encode(a, data, n), &len);
		assert_non_null(back);
		assert_int_equal(len, n);
		assert_memory_equal(back, data, n);
	}
	assert_false(arena_failed(a));
	arena_free(a);
}

static void test_equal_constant_time(void **state)
{
	(void)state;
	assert_true(equal_constant_time("abc", "abd", 2));
	assert_false(equal_constant_time("abc", "abd", 3));
	assert_false(equal_constant_time("xbc", "abc", 3));
	assert_true(equal_constant_time("a", "b", 0));
}

static void test_parse_i64(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t value;
		const char *why;
	} rows[] = {
		{ "0", true, 0, "zero" },
		{ "-0", true, 0, "minus zero" },
		{ "007", true, 7, "leading zeros" },
		{ "9223372036854775807", true, INT64_MAX, "largest" },
		{ "-9223372036854775808", true, INT64_MIN, "smallest" },
		{ "9223372036854775808", false, 0, "one more" },
		{ "-9223372036854775809", false, 0, "one less" },
		{ "99999999999999999999999", false, 0, "far too much" },
		{ "", false, 0, "nothing" },
		{ "-", false, 0, "a sign only" },
		{ "+1", false, 0, "plus" },
		{ " 1", false, 0, "space before" },
		{ "1 ", false, 0, "space behind" },
		{ "1e3", false, 0, "exponent" },
		{ "0x10", false, 0, "hex" },
		{ "1.0", false, 0, "point" },
		{ "--1", false, 0, "two signs" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t value = 42;

		CHECK_ROW(rows[i].why,
			  parse_i64(rows[i].in, INT64_MIN, INT64_MAX, &value) == rows[i].ok);
		CHECK_ROW(rows[i].why, value == (rows[i].ok ? rows[i].value : 42));
	}
	{
		int64_t value = 42;

		assert_false(parse_i64("5", 6, 10, &value));
		assert_false(parse_i64("11", 6, 10, &value));
		assert_false(parse_i64(NULL, 6, 10, &value));
		assert_int_equal(value, 42);
		assert_true(parse_i64("6", 6, 10, &value));
		assert_true(parse_i64("10", 6, 10, &value));
		assert_int_equal(value, 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_table), cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_clip),       cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_copy),       cmocka_unit_test(test_percent),
		cmocka_unit_test(test_hex),        cmocka_unit_test(test_base64url),
		cmocka_unit_test(test_parse_i64),  cmocka_unit_test(test_equal_constant_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
