/* Verdicts and waits: what is tried again, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/timeutil.h"
#include "http/client.h"

#include <string.h>

static void test_codes(void **state)
{
	static const int transient[] = { 408, 425, 429, 500, 502, 503, 504, 520, 529, 599 };
	static const int settled[] = { 0,   100, 200, 201, 204, 301, 304, 400,
				       401, 403, 404, 409, 422, 501, 505, 600 };

	(void)state;
	for (size_t i = 0; i < sizeof(transient) / sizeof(transient[0]); i++)
		assert_true(http_code_transient(transient[i]));
	for (size_t i = 0; i < sizeof(settled) / sizeof(settled[0]); i++)
		assert_false(http_code_transient(settled[i]));
}

static void test_faults(void **state)
{
	static const struct {
		enum http_fault fault;
		enum status status;
		bool transient;
	} rows[] = {
		{ HTTP_FAULT_NONE, ST_OK, false },
		{ HTTP_FAULT_REQUEST, ST_INVALID, false },
		{ HTTP_FAULT_RESOLVE, ST_UNAVAILABLE, true },
		{ HTTP_FAULT_CONNECT, ST_UNAVAILABLE, true },
		{ HTTP_FAULT_TLS, ST_UPSTREAM, false },
		{ HTTP_FAULT_TIMEOUT, ST_TIMEOUT, true },
		{ HTTP_FAULT_TRUNCATED, ST_UPSTREAM, true },
		{ HTTP_FAULT_TOO_LARGE, ST_UPSTREAM, false },
		{ HTTP_FAULT_PROTOCOL, ST_UPSTREAM, true },
		{ HTTP_FAULT_CANCELLED, ST_CANCELLED, false },
		{ HTTP_FAULT_MEMORY, ST_INTERNAL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(http_fault_status(rows[i].fault), rows[i].status);
		assert_int_equal(http_fault_transient(rows[i].fault), rows[i].transient);
		assert_int_equal(http_fault_words(rows[i].fault)[0] == '\0',
				 rows[i].fault == HTTP_FAULT_NONE);
	}
}

/* Each try waits within its own bounds, and not always the same. */
static void test_backoff(void **state)
{
	static const struct {
		int attempt, retry_after;
		int64_t least_ms, most_ms;
	} rows[] = {
		{ 0, 0, 250, 500 },
		{ 1, 0, 500, 1000 },
		{ 2, 0, 1000, 2000 },
		{ 5, 0, 8000, 16000 },
		{ 6, 0, 15000, 30000 },
		{ 7, 0, 15000, 30000 },
		{ 1000000, 0, 15000, 30000 },
		{ -1, 0, 250, 500 },
		{ 0, -5, 250, 500 },
		{ 0, 8, 8000, 8800 },
		{ 7, 1, 15000, 30000 },
		{ 0, 60, 60000, 66000 },
		{ 0, 100000, 300000, 330000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t low = INT64_MAX, high = 0;

		for (int n = 0; n < 200; n++) {
			int64_t us = http_backoff(rows[i].attempt, rows[i].retry_after);

			assert_in_range(us, rows[i].least_ms * 1000, rows[i].most_ms * 1000);
			low = us < low ? us : low;
			high = us > high ? us : high;
		}
		assert_true(high > low);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
