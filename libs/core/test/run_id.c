/* Identifiers: their form, their order, that none comes twice, and W3C trace context. */
#include "core/test/rows.h"

#include "core/id.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS    4
#define PER_THREAD 20000

static char made[THREADS][PER_THREAD][UUID_TEXT];

static void *make_many(void *row)
{
	char(*ids)[UUID_TEXT] = row;

	for (int i = 0; i < PER_THREAD; i++)
		uuid_v7(ids[i]);
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Each thread sees its ids grow, and all of all threads differ. */
static void test_uuids_of_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, make_many, made[t]), 0);
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_join(threads[t], NULL), 0);
	for (int t = 0; t < THREADS; t++) {
		for (int i = 1; i < PER_THREAD; i++) {
			if (strcmp(made[t][i - 1], made[t][i]) >= 0)
				fail_msg("%s before %s", made[t][i - 1], made[t][i]);
		}
	}
	qsort(made, (size_t)THREADS * PER_THREAD, UUID_TEXT, compare_ids);
	for (size_t i = 1; i < (size_t)THREADS * PER_THREAD; i++) {
		const char *one = made[(i - 1) / PER_THREAD][(i - 1) % PER_THREAD];
		const char *two = made[i / PER_THREAD][i % PER_THREAD];

		assert_string_not_equal(one, two);
	}
}

static void test_uuid_form(void **state)
{
	int64_t before = time_now_us() / 1000, after, stamp;
	char id[UUID_TEXT], hex[13];

	(void)state;
	uuid_v7(id);
	after = time_now_us() / 1000;
	assert_true(uuid_valid(id));
	assert_int_equal(id[14], '7');
	assert_non_null(strchr("89ab", id[19]));
	memcpy(hex, id, 8);
	memcpy(hex + 8, id + 9, 4);
	hex[12] = '\0';
	stamp = (int64_t)strtoll(hex, NULL, 16);
	/* The counter may have run a little ahead of the clock in the test before. */
	assert_true(stamp >= before && stamp <= after + 1000);
}

static void test_uuid_valid(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		const char *why;
	} rows[] = {
		{ "0190a3f0-1234-7abc-8def-0123456789ab", true, "lower case" },
		{ "0190A3F0-1234-7ABC-8DEF-0123456789AB", true, "upper case" },
		{ "00000000-0000-0000-0000-000000000000", true, "nil" },
		{ "0190a3f0-1234-7abc-8def-0123456789a", false, "one short" },
		{ "0190a3f0-1234-7abc-8def-0123456789abc", false, "one long" },
		{ "0190a3f012347abc8def0123456789ab", false, "no dashes" },
		{ "0190a3f0-1234-7abc-8def-0123456789ag", false, "not hex" },
		{ "0190a3f01-234-7abc-8def-0123456789ab", false, "a dash elsewhere" },
		{ "{190a3f0-1234-7abc-8def-0123456789a}", false, "braces" },
		{ "", false, "nothing" },
	};
	char id[] = "0190A3F0-1234-7ABC-8DEF-0123456789AB";

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		CHECK_ROW(rows[i].why, uuid_valid(rows[i].in) == rows[i].ok);
	assert_false(uuid_valid(NULL));
	uuid_normalise(id);
	assert_string_equal(id, "0190a3f0-1234-7abc-8def-0123456789ab");
}

static void test_random(void **state)
{
	unsigned char bytes[1000];
	char hex[2 * 200 + 1], other[2 * 200 + 1];
	int seen[256] = { 0 }, values = 0;

	(void)state;
	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		values += seen[bytes[i]]++ == 0;
	/* 1,000 random bytes miss about 5 of 256 values; a broken generator misses most. */
	assert_in_range(values, 200, 256);
	random_hex(hex, 200);
	random_hex(other, 200);
	assert_int_equal(strlen(hex), 400);
	assert_int_equal(strspn(hex, "0123456789abcdef"), 400);
	assert_string_not_equal(hex, other);
	random_hex(hex, 0);
	assert_string_equal(hex, "");
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static void test_traceparent(void **state)
{
	static const struct {
		const char *parent;
		bool kept;
		const char *flags, *why;
	} rows[] = {
		{ "00-" TRACE "-" SPAN "-01", true, "01", "as in the standard" },
		{ "00-" TRACE "-" SPAN "-00", true, "00", "not sampled" },
		{ "00-" TRACE "-" SPAN "-03", true, "01", "a flag we do not know" },
		{ "01-" TRACE "-" SPAN "-01-more", true, "01", "a later version" },
		{ "cc-" TRACE "-" SPAN "-01", true, "01", "a later version without more" },
		{ "00-" TRACE "-" SPAN "-01-more", false, "01", "version 00 has no more" },
		{ "01-" TRACE "-" SPAN "-01more", false, "01", "more without a dash" },
		{ "ff-" TRACE "-" SPAN "-01", false, "01", "the forbidden version" },
		{ "00-00000000000000000000000000000000-" SPAN "-01", false, "01", "no trace" },
		{ "00-" TRACE "-0000000000000000-01", false, "01", "no span" },
		{ "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false, "01", "upper case" },
		{ "00-" TRACE "-" SPAN, false, "01", "cut" },
		{ "00-" TRACE "-" SPAN "-1", false, "01", "one digit of flags" },
		{ "00-" TRACE "-" SPAN "-0g", false, "01", "flags not hex" },
		{ "00_" TRACE "-" SPAN "-01", false, "01", "no dash" },
		{ "", false, "01", "nothing" },
		{ NULL, false, "01", "none" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		char out[TRACEPARENT_TEXT], again[TRACEPARENT_TEXT];

		traceparent_child(rows[i].parent, out);
		CHECK_ROW(rows[i].why, strlen(out) == TRACEPARENT_TEXT - 1);
		CHECK_ROW(rows[i].why, (memcmp(out + 3, TRACE, 32) == 0) == rows[i].kept);
		CHECK_ROW(rows[i].why, memcmp(out + 36, SPAN, 16) != 0);
		CHECK_ROW(rows[i].why, strcmp(out + 53, rows[i].flags) == 0);
		/* What we make is what we take. */
		traceparent_child(out, again);
		CHECK_ROW(rows[i].why, memcmp(out, again, 36) == 0);
		CHECK_ROW(rows[i].why, memcmp(out + 36, again + 36, 16) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uuids_of_threads), cmocka_unit_test(test_uuid_form),
		cmocka_unit_test(test_uuid_valid),       cmocka_unit_test(test_random),
		cmocka_unit_test(test_traceparent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
