/* The bounded buffer and JSON strings. */
#include "core/test/rows.h"

#include "core/buf.h"

#include <string.h>

static void test_writes_are_whole_or_not(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_string_equal(buf_str(&b), "");
	buf_puts(&b, "12345");
	buf_put(&b, "678", 3);
	assert_int_equal(buf_status(&b), ST_OK);
	buf_puts(&b, "9ab");
	assert_int_equal(buf_status(&b), ST_TOO_LARGE);
	assert_string_equal(buf_str(&b), "12345678");
	/* Later writes are ignored even when they would fit. */
	buf_putc(&b, '9');
	assert_string_equal(buf_str(&b), "12345678");
	buf_reset(&b);
	assert_int_equal(buf_status(&b), ST_OK);
	assert_string_equal(buf_str(&b), "");
	buf_printf(&b, "%d", 1234567890);
	assert_string_equal(buf_str(&b), "1234567890");
	assert_int_equal(buf_status(&b), ST_OK);
	buf_printf(&b, "%s", "");
	assert_int_equal(buf_status(&b), ST_OK);
	buf_printf(&b, "%d", 1);
	assert_int_equal(buf_status(&b), ST_TOO_LARGE);
	assert_int_equal(b.len, 10);
	buf_done(&b);
	buf_done(&b);
	assert_null(b.data);
}

static void test_grows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "%c", 'a' + i % 26);
	assert_int_equal(buf_status(&b), ST_OK);
	assert_int_equal(b.len, 100000);
	assert_int_equal(strlen(b.data), 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_done(&b);
}

static void test_json_strings(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out, *why;
	} rows[] = {
		{ "", 0, "\"\"", "empty" },
		{ "abc", 3, "\"abc\"", "plain" },
		{ "a\"b\\c", 5, "\"a\\\"b\\\\c\"", "quote and backslash" },
		{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"", "short escapes" },
		{ "\x01\x1f", 2, "\"\\u0001\\u001f\"", "other controls" },
		{ "a\0b", 3, "\"a\\u0000b\"", "a NUL inside" },
		{ "\x7f", 1, "\"\x7f\"", "DEL needs no escape" },
		{ "\xC3\xA9\xF0\x9F\x98\x80", 6, "\"\xC3\xA9\xF0\x9F\x98\x80\"", "UTF-8 as it is" },
		{ "</script>", 9, "\"</script>\"", "a slash needs no escape" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct buf b;

		buf_init(&b, 100);
		buf_put_json(&b, rows[i].in, rows[i].len);
		CHECK_ROW(rows[i].why, strcmp(buf_str(&b), rows[i].out) == 0);
		CHECK_ROW(rows[i].why, b.len == strlen(rows[i].out));
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_are_whole_or_not),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_json_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
