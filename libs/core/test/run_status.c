/* The table of outcomes and the error record. */
#include "core/test/rows.h"

#include "core/status.h"
#include "core/text.h"

#include <string.h>

static void test_table(void **state)
{
	static const struct {
		enum status st;
		const char *wire;
		int http;
		enum verdict verdict;
		const char *why;
	} rows[] = {
		{ ST_OK, "ok", 200, VERDICT_ACK, "success is acknowledged" },
		{ ST_INVALID, "invalid", 400, VERDICT_TERM, "bad input stays bad: no retry" },
		{ ST_UNAUTHENTICATED, "unauthenticated", 401, VERDICT_TERM, "no token" },
		{ ST_DENIED, "denied", 403, VERDICT_TERM, "token without the right" },
		{ ST_NOT_FOUND, "not_found", 404, VERDICT_TERM, "nothing there" },
		{ ST_CONFLICT, "conflict", 409, VERDICT_TERM, "state forbids it" },
		{ ST_TOO_LARGE, "too_large", 413, VERDICT_TERM, "a limit" },
		{ ST_LIMITED, "rate_limited", 429, VERDICT_RETRY, "later it may work" },
		{ ST_INTERNAL, "internal", 500, VERDICT_RETRY, "our fault: try again" },
		{ ST_UNAVAILABLE, "unavailable", 503, VERDICT_RETRY, "neighbour is away" },
		{ ST_TIMEOUT, "timeout", 504, VERDICT_RETRY, "too slow" },
		{ (enum status)9999, "internal", 500, VERDICT_RETRY, "a number that is no status" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		CHECK_ROW(rows[i].why, strcmp(status_name(rows[i].st), rows[i].wire) == 0);
		CHECK_ROW(rows[i].why, status_http(rows[i].st) == rows[i].http);
		CHECK_ROW(rows[i].why, status_verdict(rows[i].st) == rows[i].verdict);
	}
}

static void test_names_go_round(void **state)
{
	(void)state;
	for (int st = ST_OK; st <= ST_TIMEOUT; st++)
		assert_int_equal(status_from_name(status_name((enum status)st)), st);
	assert_int_equal(status_from_name("no such word"), ST_INTERNAL);
	assert_int_equal(status_from_name(""), ST_INTERNAL);
	assert_int_equal(status_from_name(NULL), ST_INTERNAL);
}

static void test_error_set(void **state)
{
	struct error err = { .retry_after_s = 7 };

	(void)state;
	assert_int_equal(error_set(&err, ST_CONFLICT, "name", "is taken %d times", 2), ST_CONFLICT);
	assert_int_equal(err.status, ST_CONFLICT);
	assert_string_equal(err.field, "name");
	assert_string_equal(err.detail, "is taken 2 times");
	assert_int_equal(err.retry_after_s, 0);
	assert_int_equal(error_set(&err, ST_INTERNAL, NULL, "broke"), ST_INTERNAL);
	assert_string_equal(err.field, "");
	assert_int_equal(error_set(NULL, ST_DENIED, "x", "y"), ST_DENIED);
}

/* Cutting must not leave half a character, at any offset of the cut within it. */
static void test_error_is_cut_at_a_character(void **state)
{
	static const char *const characters[] = { "a", "\xC3\xA9", "\xE2\x82\xAC",
						  "\xF0\x9F\x98\x80" };

	(void)state;
	for (size_t c = 0; c < N_ROWS(characters); c++) {
		for (size_t shift = 0; shift < 4; shift++) {
			char text[3 * ERROR_DETAIL_MAX] = "";
			size_t len = strlen(characters[c]), at = shift;
			struct error err = { 0 };

			memset(text, 'x', shift);
			for (; at + len < sizeof(text); at += len)
				memcpy(text + at, characters[c], len);
			text[at] = '\0';
			error_set(&err, ST_INVALID, text, "%s", text);
			assert_true(utf8_valid(err.detail, strlen(err.detail)));
			assert_true(utf8_valid(err.field, strlen(err.field)));
			assert_in_range(strlen(err.detail), ERROR_DETAIL_MAX - 4,
					ERROR_DETAIL_MAX - 1);
			assert_in_range(strlen(err.field), ERROR_FIELD_MAX - 4,
					ERROR_FIELD_MAX - 1);
			assert_memory_equal(err.detail, text, strlen(err.detail));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_names_go_round),
		cmocka_unit_test(test_error_set),
		cmocka_unit_test(test_error_is_cut_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
