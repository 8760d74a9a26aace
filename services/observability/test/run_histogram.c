/*
 * Latency histograms: bounds of buckets, the error of percentiles on random and on adversarial
 * data, and that merged parts are the whole.
 */
#include "histogram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define VALUES_MAX 20000
#define PARTS      7

static const uint32_t per_milles[] = { 0, 1, 10, 500, 900, 950, 990, 999, 1000 };

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank, from the sorted values themselves. */
static uint32_t exact(const uint32_t *sorted, size_t n, uint32_t per_mille)
{
	size_t rank = (n * per_mille + 999) / 1000;

	return sorted[rank ? rank - 1 : 0];
}

/* |told - true| / true <= HISTOGRAM_ERROR, in whole numbers. */
static void assert_close(uint32_t told, uint32_t want)
{
	uint64_t off = told > want ? told - want : want - told;

	if (off * 10000000 > (uint64_t)want * HISTOGRAM_ERROR_UNITS)
		fail_msg("%u instead of %u", told, want);
}

static void check(const char *what, uint32_t *values, size_t n)
{
	static struct histogram whole, merged, parts[PARTS];

	memset(&whole, 0, sizeof(whole));
	memset(&merged, 0, sizeof(merged));
	memset(parts, 0, sizeof(parts));
	for (size_t i = 0; i < n; i++) {
		histogram_add(&whole, values[i]);
		histogram_add(&parts[(i * 31) % PARTS], values[i]);
	}
	for (size_t i = PARTS; i-- > 0;)
		histogram_merge(&merged, &parts[i]);
	assert_memory_equal(&whole, &merged, sizeof(whole));
	qsort(values, n, sizeof(*values), by_value);
	assert_int_equal(whole.total, n);
	assert_int_equal(whole.max_us, values[n - 1]);
	for (size_t i = 0; i < sizeof(per_milles) / sizeof(per_milles[0]); i++)
		assert_close(histogram_percentile(&whole, per_milles[i]),
			     exact(values, n, per_milles[i]));
	print_message("%s: %zu values\n", what, n);
}

static void test_buckets(void **state)
{
	uint32_t before = 0;

	(void)state;
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket(UINT32_MAX), HISTOGRAM_BUCKETS - 1);
	/* Every value below 128 has a bucket of its own. */
	for (uint32_t us = 0; us < 128; us++) {
		assert_int_equal(histogram_bucket(us), us);
		assert_int_equal(histogram_middle(us), us);
	}
	/* Buckets follow each other without holes; each one's middle lies in it. */
	for (uint64_t us = 1; us <= UINT32_MAX; us += us / 1024 + 1) {
		uint32_t b = histogram_bucket((uint32_t)us);

		assert_true(b == before || b == before + 1);
		assert_int_equal(histogram_bucket(histogram_middle(b)), b);
		assert_close(histogram_middle(b), (uint32_t)us);
		before = b;
	}
	/* The ends of each power of two, where the bound is met exactly. */
	for (int power = 7; power < 32; power++) {
		uint32_t us = UINT32_C(1) << power;

		assert_int_equal(histogram_bucket(us), histogram_bucket(us - 1) + 1);
		assert_close(histogram_middle(histogram_bucket(us)), us);
		assert_close(histogram_middle(histogram_bucket(us - 1)), us - 1);
	}
}

static void test_random_data(void **state)
{
	static uint32_t values[VALUES_MAX];
	unsigned short seed[3] = { 7, 8, 9 };

	(void)state;
	for (int round = 0; round < 20; round++) {
		size_t n = 1 + (size_t)nrand48(seed) % VALUES_MAX;

		for (size_t i = 0; i < n; i++)
			values[i] = (uint32_t)jrand48(seed);
		check("uniform", values, n);
		for (size_t i = 0; i < n; i++)
			values[i] = (uint32_t)exp(22.0 * erand48(seed));
		check("log-uniform", values, n);
		for (size_t i = 0; i < n; i++)
			values[i] = (uint32_t)fmin(4e9, 800.0 / pow(1.0 - erand48(seed), 1.2));
		check("heavy tail", values, n);
	}
}

static void test_adversarial_data(void **state)
{
	static uint32_t values[VALUES_MAX];
	size_t n = 0;

	(void)state;
	values[0] = 0;
	check("a zero", values, 1);
	values[0] = UINT32_MAX;
	check("the largest", values, 1);
	/* All at the lower ends of buckets, then all at the upper ones: as far from the middle as
	 * it gets. */
	for (int power = 7; power < 32; power++)
		for (uint32_t k = 64; k < 128; k++)
			values[n++] = k << (power - 6);
	check("lower ends", values, n);
	n = 0;
	for (int power = 7; power < 31; power++)
		for (uint32_t k = 64; k < 128; k++)
			values[n++] = ((k + 1) << (power - 6)) - 1;
	check("upper ends", values, n);
	/* One slow request among many fast ones; the rank falls exactly on the edge. */
	for (size_t i = 0; i < 1000; i++)
		values[i] = i < 990 ? 100 : 4000000000u;
	check("two heaps", values, 1000);
	for (size_t i = 0; i < 1000; i++)
		values[i] = i < 991 ? 100 : 4000000000u;
	check("two heaps, one less", values, 1000);
}

static void test_nothing(void **state)
{
	static struct histogram h, other;

	(void)state;
	memset(&h, 0, sizeof(h));
	assert_int_equal(histogram_percentile(&h, 990), 0);
	histogram_merge(&h, &other);
	assert_int_equal(h.total, 0);
	histogram_add_bucket(&h, HISTOGRAM_BUCKETS, 5);
	assert_int_equal(h.total, 0);
	/* Of a bucket that is read back, the largest value bounds what is told. */
	histogram_add_bucket(&h, histogram_bucket(1000001), 3);
	histogram_max(&h, 1000001);
	assert_int_equal(histogram_percentile(&h, 1000), 1000001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_random_data),
		cmocka_unit_test(test_adversarial_data),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
