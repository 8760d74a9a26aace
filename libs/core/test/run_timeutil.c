/* Times and dates, against a calendar counted day by day and against libc. */
#include "core/test/rows.h"

#include "core/timeutil.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/* Walks every day of the years 0001 to 9999, leap years by their rule alone. */
static void test_calendar_day_by_day(void **state)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int32_t day = -719162; /* 0001-01-01, from the count of leap years before 1970 */

	(void)state;
	for (int y = 1; y <= 9999; y++) {
		int leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

		for (int m = 1; m <= 12; m++) {
			int last = lengths[m - 1] + (m == 2 ? leap : 0);

			for (int d = 1; d <= last; d++, day++) {
				int yy, mm, dd;

				civil_from_days(day, &yy, &mm, &dd);
				if (yy != y || mm != m || dd != d ||
				    days_from_civil(y, m, d) != day)
					fail_msg("%04d-%02d-%02d", y, m, d);
			}
		}
	}
	assert_int_equal(day, 2932897);
}

static void test_dates_round_trip(void **state)
{
	(void)state;
	for (int32_t day = -719162; day <= 2932896; day += 13) {
		char text[TIME_TEXT_MAX];
		int32_t back;

		date_format(day, text);
		assert_int_equal(strlen(text), 10);
		if (!date_parse(text, &back) || back != day)
			fail_msg("%s", text);
	}
}

static void test_date_table(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int32_t days;
		const char *why;
	} rows[] = {
		{ "1970-01-01", true, 0, "the epoch" },
		{ "1969-12-31", true, -1, "the day before" },
		{ "2000-02-29", true, 11016, "a leap day of a century" },
		{ "2024-02-29", true, 19782, "a leap day" },
		{ "1900-02-29", false, 0, "no leap year" },
		{ "2023-02-29", false, 0, "no leap year" },
		{ "2026-04-31", false, 0, "April has 30" },
		{ "2026-00-10", false, 0, "no month 0" },
		{ "2026-13-10", false, 0, "no month 13" },
		{ "2026-01-00", false, 0, "no day 0" },
		{ "2026-01-32", false, 0, "no day 32" },
		{ "0000-01-01", false, 0, "no year 0" },
		{ "0001-01-01", true, -719162, "the first day" },
		{ "9999-12-31", true, 2932896, "the last day" },
		{ "10000-01-01", false, 0, "five digits" },
		{ "2026-1-01", false, 0, "one digit" },
		{ "2026-01-01 ", false, 0, "something behind" },
		{ "2026-01-01T00:00:00Z", false, 0, "a time" },
		{ "-026-01-01", false, 0, "a sign" },
		{ "2026/01/01", false, 0, "slashes" },
		{ "", false, 0, "nothing" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int32_t days = 7;

		CHECK_ROW(rows[i].why, date_parse(rows[i].in, &days) == rows[i].ok);
		CHECK_ROW(rows[i].why, days == (rows[i].ok ? rows[i].days : 7));
	}
	assert_false(date_parse(NULL, &(int32_t){ 0 }));
}

static void test_times_round_trip(void **state)
{
	uint64_t seed = 11;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		int64_t span = (2932897 + INT64_C(719162)) * US_PER_DAY;
		int64_t us = (int64_t)(next_random(&seed) % (uint64_t)span) - 719162 * US_PER_DAY;
		char text[TIME_TEXT_MAX];
		int64_t back;
		time_t seconds;
		struct tm tm;
		char libc[80];

		us -= i % 3 == 0 ? us % US_PER_SECOND : i % 3 == 1 ? us % 1000 : 0;
		time_format(us, text);
		if (!time_parse(text, &back) || back != us)
			fail_msg("%s", text);
		/* Against libc, by whole seconds toward the past. */
		seconds = us / US_PER_SECOND - (us % US_PER_SECOND < 0);
		gmtime_r(&seconds, &tm);
		snprintf(libc, sizeof(libc), "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
			 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		if (strncmp(libc, text, strlen(libc)) != 0)
			fail_msg("%s is not %s", text, libc);
	}
}

static void test_time_format(void **state)
{
	static const struct {
		int64_t us;
		const char *text, *why;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z", "no fraction" },
		{ 500000, "1970-01-01T00:00:00.500Z", "three digits" },
		{ 1, "1970-01-01T00:00:00.000001Z", "six digits" },
		{ -1, "1969-12-31T23:59:59.999999Z", "before the epoch" },
		{ -US_PER_DAY, "1969-12-31T00:00:00Z", "a whole day before" },
		{ INT64_C(-62135596800000000), "0001-01-01T00:00:00Z", "the first moment" },
		{ INT64_C(-62135596800000001), "", "before it" },
		{ INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z", "the last moment" },
		{ INT64_C(253402300800000000), "", "after it" },
		{ INT64_MAX, "", "far after it" },
		{ INT64_MIN, "", "far before" },
	};
	char text[TIME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		time_format(rows[i].us, text);
		CHECK_ROW(rows[i].why, strcmp(text, rows[i].text) == 0);
	}
	date_format(INT32_MAX, text);
	assert_string_equal(text, "");
	date_format(INT32_MIN, text);
	assert_string_equal(text, "");
}

static void test_time_parse(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t us;
		const char *why;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", true, 0, "the epoch" },
		{ "1970-01-01t00:00:00z", true, 0, "small letters" },
		{ "1970-01-01T01:00:00+01:00", true, 0, "east" },
		{ "1969-12-31T19:00:00-05:00", true, 0, "west, the day before" },
		{ "1970-01-01T05:45:00+05:45", true, 0, "a quarter of an hour" },
		{ "1970-01-01T00:00:00-00:00", true, 0, "unknown offset" },
		{ "1970-01-01T00:00:00.1Z", true, 100000, "one digit" },
		{ "1970-01-01T00:00:00.123456789Z", true, 123456, "nine digits, cut" },
		{ "1970-01-01T00:00:00.999999999Z", true, 999999, "cut, not rounded" },
		{ "1970-01-01T00:00:00.1234567890Z", false, 0, "ten digits" },
		{ "1970-01-01T00:00:00.Z", false, 0, "a point and nothing" },
		{ "1970-01-01T00:00:60Z", false, 0, "leap second" },
		{ "1970-01-01T24:00:00Z", false, 0, "hour 24" },
		{ "1970-01-01T00:60:00Z", false, 0, "minute 60" },
		{ "1970-01-01T00:00:00", false, 0, "no offset" },
		{ "1970-01-01 00:00:00Z", false, 0, "a space" },
		{ "1970-01-01T00:00:00+0100", false, 0, "offset without colon" },
		{ "1970-01-01T00:00:00+24:00", false, 0, "offset of a day" },
		{ "1970-01-01T00:00:00+01:60", false, 0, "offset minute 60" },
		{ "1970-01-01T00:00:00Zx", false, 0, "something behind" },
		{ "1970-01-01T00:00Z", false, 0, "no seconds" },
		{ "1970-02-30T00:00:00Z", false, 0, "no such day" },
		{ "0001-01-01T00:00:00+00:01", false, 0, "pushed out at the front" },
		{ "9999-12-31T23:59:59-00:01", false, 0, "pushed out at the end" },
		{ "", false, 0, "nothing" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t us = 7;

		CHECK_ROW(rows[i].why, time_parse(rows[i].in, &us) == rows[i].ok);
		CHECK_ROW(rows[i].why, us == (rows[i].ok ? rows[i].us : 7));
	}
	assert_false(time_parse(NULL, &(int64_t){ 0 }));
}

static void test_http_date(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t us;
		const char *why;
	} rows[] = {
		/* The example of RFC 9110 section 5.6.7. */
		{ "Sun, 06 Nov 1994 08:49:37 GMT", true, INT64_C(784111777000000),
		  "as in the RFC" },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", true, 0, "the epoch" },
		{ "Wed, 31 Dec 1969 23:59:59 GMT", true, -1000000, "before it" },
		{ "Mon, 06 Nov 1994 08:49:37 GMT", false, 0, "the wrong weekday" },
		{ "Sun, 6 Nov 1994 08:49:37 GMT", false, 0, "one digit" },
		{ "Sun, 06 Nov 1994 08:49:37 UTC", false, 0, "not GMT" },
		{ "Sun, 06 Nov 1994 08:49:37 GMT ", false, 0, "something behind" },
		{ "Sun, 06 nov 1994 08:49:37 GMT", false, 0, "small letters" },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", false, 0, "the obsolete form" },
		{ "Sun Nov  6 08:49:37 1994", false, 0, "asctime" },
		{ "Thu, 31 Feb 1994 08:49:37 GMT", false, 0, "no such day" },
		{ "", false, 0, "nothing" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t us = 7;

		CHECK_ROW(rows[i].why, http_date_parse(rows[i].in, &us) == rows[i].ok);
		CHECK_ROW(rows[i].why, us == (rows[i].ok ? rows[i].us : 7));
	}
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* A signal in the middle does not end the sleep, and a time that is past does not start one. */
static void test_sleep_outlasts_signals(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm }, old;
	struct itimerval every = { { 0, 5000 }, { 0, 5000 } }, none = { { 0, 0 }, { 0, 0 } };
	int64_t until = time_mono_us() + 40000;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
	time_sleep_us(until);
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_true(time_mono_us() >= until);
	assert_true(alarms > 0);
	time_sleep_us(0);
	time_sleep_us(-5);
	time_sleep_us(until);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calendar_day_by_day),
		cmocka_unit_test(test_dates_round_trip),
		cmocka_unit_test(test_date_table),
		cmocka_unit_test(test_times_round_trip),
		cmocka_unit_test(test_time_format),
		cmocka_unit_test(test_time_parse),
		cmocka_unit_test(test_http_date),
		cmocka_unit_test(test_sleep_outlasts_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
