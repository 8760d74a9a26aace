/* Limits of tenants against a clock of our own: windows, headers, replicas, eviction, threads. */
#include "ratelimit.h"

#include "core/id.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The start of a day, so that minute, hour and day begin together. */
#define DAY0      (INT64_C(20000) * US_PER_DAY)
#define DRAIN_MAX ((size_t)4 * 1024 * 1024)

static const char *const one = "01890000-0000-7000-8000-000000000001";
static const char *const two = "01890000-0000-7000-8000-000000000002";
static struct limits *l;

static int fresh(void **state)
{
	(void)state;
	l = limits_new();
	return l ? 0 : -1;
}

static int done(void **state)
{
	(void)state;
	limits_free(l);
	limits_free(NULL);
	return 0;
}

static struct limits_verdict take(const char *tenant, int64_t us)
{
	return limits_take(l, tenant, "standard", us);
}

/* How many of n requests at that moment pass. */
static int pass(const char *tenant, int n, int64_t us)
{
	int passed = 0;

	for (int i = 0; i < n; i++)
		passed += take(tenant, us).allowed;
	return passed;
}

static void sixty_a_minute_exactly(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		struct limits_verdict v = take(one, DAY0 + i * US_PER_SECOND / 2);

		assert_true(v.counted);
		assert_true(v.allowed);
		assert_int_equal(v.limit, 60);
		assert_int_equal(v.remaining, 59 - i);
		assert_int_equal(v.reset_s, 60 - i / 2);
		assert_int_equal(v.wait_s, 0);
	}
	for (int i = 0; i < 100; i++) {
		struct limits_verdict v = take(one, DAY0 + 30 * US_PER_SECOND);

		assert_true(v.counted);
		assert_false(v.allowed);
		assert_int_equal(v.limit, 60);
		assert_int_equal(v.remaining, 0);
		/* A second into the next minute 59 of the sixty still count. */
		assert_int_equal(v.wait_s, 31);
		assert_int_equal(v.reset_s, v.wait_s);
	}
	assert_int_equal(pass(two, 61, DAY0 + 30 * US_PER_SECOND), 60);
}

/* Whoever waits as long as he was told passes, and not a second earlier. */
static void the_wait_is_exact(void **state)
{
	int64_t now = DAY0 + 17 * US_PER_SECOND;
	int refused = 0;

	(void)state;
	for (int i = 0; i < 3000 && refused < 200; i++) {
		struct limits_verdict v = take(one, now);

		if (v.allowed)
			continue;
		refused++;
		assert_in_range(v.wait_s, 1, 2 * 86400);
		assert_false(take(one, now + (v.wait_s - 1) * US_PER_SECOND).allowed);
		now += v.wait_s * US_PER_SECOND;
		assert_true(take(one, now).allowed);
	}
	assert_int_equal(refused, 200);
}

static void windows_slide(void **state)
{
	(void)state;
	assert_int_equal(pass(one, 100, DAY0 + 59 * US_PER_SECOND), 60);
	/* The last minute counts for what of it lies within the sixty seconds that end now. */
	assert_int_equal(pass(one, 100, DAY0 + 60 * US_PER_SECOND), 0);
	assert_int_equal(pass(one, 100, DAY0 + 75 * US_PER_SECOND), 15);
	assert_int_equal(pass(one, 100, DAY0 + 90 * US_PER_SECOND), 15);
	/* Two windows on, nothing is left of it. */
	assert_int_equal(pass(one, 100, DAY0 + 240 * US_PER_SECOND), 60);
}

/* In no sixty seconds more than 60 + what the estimate is off by: twice the limit never. */
static void a_boundary_gives_no_burst(void **state)
{
	int at_end, at_start;

	(void)state;
	at_end = pass(one, 200, DAY0 + 119 * US_PER_SECOND);
	at_start = pass(one, 200, DAY0 + 121 * US_PER_SECOND);
	assert_int_equal(at_end, 60);
	assert_in_range(at_start, 1, 2);
}

static void hours_and_days_bind_too(void **state)
{
	int64_t minute, hour;
	int passed = 0;

	(void)state;
	/* Two minutes between bursts: the minute never binds. */
	for (minute = 0; minute < 60; minute += 2)
		passed += pass(one, 50, DAY0 + minute * US_PER_MINUTE);
	assert_int_equal(passed, 1000);
	struct limits_verdict v = take(one, DAY0 + 59 * US_PER_MINUTE);

	assert_false(v.allowed);
	assert_int_equal(v.limit, 1000);
	assert_in_range(v.wait_s, 60, 3600);
	/* An even rate below the hour's limit meets the day's. */
	passed = 0;
	for (hour = 0; hour < 24; hour++)
		for (minute = 0; minute < 60; minute += 2)
			passed += pass(two, 20, DAY0 + hour * US_PER_HOUR + minute * US_PER_MINUTE);
	assert_int_equal(passed, 10000);
	v = take(two, DAY0 + 24 * US_PER_HOUR - US_PER_MINUTE);
	assert_false(v.allowed);
	assert_int_equal(v.limit, 10000);
	/* After two days all of it is forgotten. */
	assert_int_equal(pass(two, 100, DAY0 + 3 * US_PER_DAY), 60);
}

static void tiers_differ(void **state)
{
	int passed = 0;

	(void)state;
	for (int i = 0; i < 700; i++)
		passed += limits_take(l, one, "growth", DAY0).allowed;
	assert_int_equal(passed, 600);
	/* What this build does not know gets the least. */
	passed = 0;
	for (int i = 0; i < 100; i++)
		passed += limits_take(l, two, "platinum", DAY0).allowed;
	assert_int_equal(passed, 60);
	assert_string_equal(limits_policy("standard"), "60;w=60, 1000;w=3600, 10000;w=86400");
	assert_string_equal(limits_policy("growth"), "600;w=60, 10000;w=3600, 100000;w=86400");
	assert_string_equal(limits_policy("platinum"), limits_policy("standard"));
	assert_null(limits_policy("unlimited"));
}

static void without_limits_is_counted_and_never_refused(void **state)
{
	struct buf out;
	char line[80];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct limits_verdict v = limits_take(l, one, "unlimited", DAY0);

		assert_true(v.allowed);
		assert_false(v.counted);
	}
	buf_init(&out, DRAIN_MAX);
	limits_drain(l, &out);
	snprintf(line, sizeof(line), "%s 5000\n", one);
	assert_string_equal(buf_str(&out), line);
	/* Its tier goes down within the window: what it used counts. */
	assert_false(take(one, DAY0).allowed);
	buf_done(&out);
}

static void a_clock_set_back_gives_nothing_anew(void **state)
{
	(void)state;
	assert_int_equal(pass(one, 100, DAY0 + 61 * US_PER_SECOND), 60);
	assert_int_equal(pass(one, 100, DAY0 + 58 * US_PER_SECOND), 0);
	assert_int_equal(pass(one, 100, DAY0 + 62 * US_PER_SECOND), 0);
	/* Set back for good, it is taken as it is. */
	assert_int_equal(pass(two, 100, DAY0 + 400 * US_PER_DAY), 60);
	assert_int_equal(pass(two, 100, DAY0), 60);
}

static void replicas_add_up(void **state)
{
	struct limits *other = limits_new();
	struct limits_verdict v;
	struct buf out;

	(void)state;
	assert_non_null(other);
	for (int i = 0; i < 45; i++)
		assert_true(limits_take(other, one, "standard", DAY0).allowed);
	assert_true(limits_take(other, two, "standard", DAY0).allowed);
	buf_init(&out, DRAIN_MAX);
	limits_drain(other, &out);
	limits_merge(l, out.data, out.len, DAY0 + US_PER_SECOND);
	v = take(one, DAY0 + US_PER_SECOND);
	assert_true(v.allowed);
	assert_int_equal(v.remaining, 60 - 45 - 1);
	assert_int_equal(pass(one, 100, DAY0 + US_PER_SECOND), 14);
	assert_int_equal(pass(two, 100, DAY0 + US_PER_SECOND), 59);
	/* Told once, and what was heard from others is not told on. */
	buf_reset(&out);
	limits_drain(other, &out);
	assert_int_equal(out.len, 0);
	limits_drain(l, &out);
	assert_non_null(strstr(buf_str(&out), " 15\n"));
	assert_non_null(strstr(buf_str(&out), " 59\n"));
	buf_done(&out);
	limits_free(other);
}

static void what_does_not_fit_is_told_later(void **state)
{
	struct buf out;
	size_t lines = 0;

	(void)state;
	assert_true(take(one, DAY0).allowed);
	assert_true(take(two, DAY0).allowed);
	buf_init(&out, 45); /* one line */
	for (int round = 0; round < 2; round++) {
		buf_reset(&out);
		limits_drain(l, &out);
		assert_int_equal(out.len, 39);
		lines++;
	}
	buf_reset(&out);
	limits_drain(l, &out);
	assert_int_equal(out.len, 0);
	assert_int_equal(lines, 2);
	buf_done(&out);
}

static void malformed_lines_are_skipped(void **state)
{
	char text[1024];
	size_t len;

	(void)state;
	len = (size_t)snprintf(text, sizeof(text),
			       "\n \nx 5\n%s\n%s -5\n%s 1e3\n%s 99999999\n%s 5 6\n"
			       "%s5\n'; DROP TABLE 5\n%s %0400d\n%s 7\n%s 3",
			       one, one, one, one, one, one, one, 1, one, one);
	text[1] = '\0'; /* a NUL amid it */
	limits_merge(l, text, len, DAY0);
	limits_merge(l, text, 0, DAY0);
	/* Only the last two hold. */
	assert_int_equal(take(one, DAY0).remaining, 60 - 10 - 1);
}

static void tenant_id(char out[UUID_TEXT], int n)
{
	snprintf(out, UUID_TEXT, "01890000-0000-7000-8000-%012x", (unsigned)n);
}

/* The table is full: whoever asked longest ago makes room, whoever asks now is kept. */
static void the_longest_unused_makes_room(void **state)
{
	char id[UUID_TEXT];
	struct buf out;
	size_t lines = 0;

	(void)state;
	assert_int_equal(pass(one, 100, DAY0 + 30 * US_PER_SECOND), 60);
	for (int i = 0; i < 2 * LIMITS_TENANTS_MAX; i++) {
		tenant_id(id, i + 16);
		assert_true(take(id, DAY0 + i % 2 * US_PER_SECOND).allowed);
	}
	assert_false(take(one, DAY0 + 31 * US_PER_SECOND).allowed);
	buf_init(&out, DRAIN_MAX);
	limits_drain(l, &out);
	for (size_t i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	assert_in_range(lines, LIMITS_TENANTS_MAX / 2, LIMITS_TENANTS_MAX);
	buf_done(&out);
}

struct racer {
	pthread_t thread;
	int passed, others;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	char id[UUID_TEXT];

	for (int i = 0; i < 500; i++) {
		r->passed += take(one, DAY0).allowed;
		tenant_id(id, 100 + i % 50);
		r->others += take(id, DAY0).allowed;
	}
	return NULL;
}

static void threads_share_one_count(void **state)
{
	struct racer r[8] = { 0 };
	int passed = 0, others = 0;
	struct buf out;

	(void)state;
	buf_init(&out, DRAIN_MAX);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&r[i].thread, NULL, race, &r[i]), 0);
	for (int i = 0; i < 50; i++) {
		limits_drain(l, &out);
		limits_merge(l, "x", 1, DAY0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(r[i].thread, NULL);
		passed += r[i].passed;
		others += r[i].others;
	}
	assert_int_equal(passed, 60);
	assert_int_equal(others, 50 * 60);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sixty_a_minute_exactly, fresh, done),
		cmocka_unit_test_setup_teardown(the_wait_is_exact, fresh, done),
		cmocka_unit_test_setup_teardown(windows_slide, fresh, done),
		cmocka_unit_test_setup_teardown(a_boundary_gives_no_burst, fresh, done),
		cmocka_unit_test_setup_teardown(hours_and_days_bind_too, fresh, done),
		cmocka_unit_test_setup_teardown(tiers_differ, fresh, done),
		cmocka_unit_test_setup_teardown(without_limits_is_counted_and_never_refused, fresh,
						done),
		cmocka_unit_test_setup_teardown(a_clock_set_back_gives_nothing_anew, fresh, done),
		cmocka_unit_test_setup_teardown(replicas_add_up, fresh, done),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_told_later, fresh, done),
		cmocka_unit_test_setup_teardown(malformed_lines_are_skipped, fresh, done),
		cmocka_unit_test_setup_teardown(the_longest_unused_makes_room, fresh, done),
		cmocka_unit_test_setup_teardown(threads_share_one_count, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
