/* The models on small cases with answers worked out by hand, and on random orders whose sums must
 * be exact. */
#include "credit.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define DAY    US_PER_DAY
#define AT     (20000 * US_PER_DAY) /* processed_at of the cases */
#define WINDOW (CREDIT_WINDOW_DAYS * US_PER_DAY)

struct expected {
	int64_t kind;
	int32_t position;
	int64_t micro_orders, net;
};

struct test_case {
	const char *name;
	enum credit_model model;
	int64_t net;
	struct touch touches[6];
	size_t n;
	struct expected credits[6];
	size_t n_credits;
};

static const struct test_case cases[] = {
	{ "no touch", CREDIT_LAST_TOUCH, 500, { { 0 } }, 0, { { 0, 0, 1000000, 500 } }, 1 },
	{ "no touch, linear", CREDIT_LINEAR, -500, { { 0 } }, 0, { { 0, 0, 1000000, -500 } }, 1 },
	{ "one touch",
	  CREDIT_LAST_TOUCH,
	  500,
	  { { AT - 1, 7, 1 } },
	  1,
	  { { 7, 1, 1000000, 500 } },
	  1 },
	{ "at the moment of the order",
	  CREDIT_LAST_TOUCH,
	  5,
	  { { AT, 7, 1 } },
	  1,
	  { { 7, 1, 1000000, 5 } },
	  1 },
	{ "a microsecond late",
	  CREDIT_LAST_TOUCH,
	  5,
	  { { AT + 1, 7, 1 } },
	  1,
	  { { 0, 0, 1000000, 5 } },
	  1 },
	{ "at the window's edge",
	  CREDIT_LAST_TOUCH,
	  5,
	  { { AT - WINDOW, 7, 1 } },
	  1,
	  { { 7, 1, 1000000, 5 } },
	  1 },
	{ "a microsecond before the window",
	  CREDIT_LAST_TOUCH,
	  5,
	  { { AT - WINDOW - 1, 7, 1 } },
	  1,
	  { { 0, 0, 1000000, 5 } },
	  1 },
	{ "tied times go by position",
	  CREDIT_LAST_TOUCH,
	  9,
	  { { AT - 5, 1, 3 }, { AT - 5, 2, 1 }, { AT - 5, 3, 2 } },
	  3,
	  { { 1, 3, 1000000, 9 } },
	  1 },
	{ "a late touch is not the last",
	  CREDIT_LAST_TOUCH,
	  9,
	  { { AT + 5, 1, 3 }, { AT - 5, 2, 2 }, { AT - 9, 3, 1 } },
	  3,
	  { { 2, 2, 1000000, 9 } },
	  1 },
	{ "linear in three: the first takes what is left",
	  CREDIT_LINEAR,
	  100,
	  { { AT - 3, 1, 1 }, { AT - 2, 2, 2 }, { AT - 1, 3, 3 } },
	  3,
	  { { 1, 1, 333334, 34 }, { 2, 2, 333333, 33 }, { 3, 3, 333333, 33 } },
	  3 },
	{ "linear of a negative net",
	  CREDIT_LINEAR,
	  -100,
	  { { AT - 3, 1, 1 }, { AT - 2, 2, 2 }, { AT - 1, 3, 3 } },
	  3,
	  { { 1, 1, 333334, -34 }, { 2, 2, 333333, -33 }, { 3, 3, 333333, -33 } },
	  3 },
	{ "linear of nothing",
	  CREDIT_LINEAR,
	  0,
	  { { AT - 3, 1, 1 }, { AT - 2, 2, 2 } },
	  2,
	  { { 1, 1, 500000, 0 }, { 2, 2, 500000, 0 } },
	  2 },
	{ "linear shares among counting touches only",
	  CREDIT_LINEAR,
	  10,
	  { { AT + 1, 9, 5 }, { AT - WINDOW - 1, 8, 1 }, { AT - 2, 2, 2 }, { AT - 2, 3, 3 } },
	  4,
	  { { 2, 2, 500000, 5 }, { 3, 3, 500000, 5 } },
	  2 },
	{ "the same kind twice earns twice",
	  CREDIT_LINEAR,
	  10,
	  { { AT - 3, 4, 1 }, { AT - 2, 4, 2 } },
	  2,
	  { { 4, 1, 500000, 5 }, { 4, 2, 500000, 5 } },
	  2 },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct test_case *c = &cases[i];
		struct touch touches[6];
		struct credit got[6];
		size_t n = 0;

		print_message("%s\n", c->name);
		memcpy(touches, c->touches, sizeof(touches));
		touches_sort(touches, c->n);
		const struct credit_order o = { AT, c->net, 2 * c->net, touches, c->n };
		assert_int_equal(credit_order(c->model, &o, WINDOW, got, &n), ST_OK);
		assert_int_equal(n, c->n_credits);
		for (size_t k = 0; k < n; k++) {
			assert_int_equal(got[k].kind, c->credits[k].kind);
			assert_int_equal(got[k].position, c->credits[k].position);
			assert_int_equal(got[k].micro_orders, c->credits[k].micro_orders);
			assert_int_equal(got[k].net, c->credits[k].net);
		}
	}
}

/* A touch stays where it was when the window grows; the narrowest window holds one day. */
static void test_windows(void **state)
{
	struct touch touches[90];
	size_t first;

	(void)state;
	for (int d = 0; d < 90; d++)
		touches[d] = (struct touch){ AT - (d + 1) * DAY, d + 1, d + 1 };
	touches_sort(touches, 90);
	const struct credit_order o = { AT, 1, 1, touches, 90 };
	for (int d = CREDIT_WINDOW_MIN; d <= CREDIT_WINDOW_MAX; d++) {
		assert_int_equal(touches_counting(&o, d * DAY, &first), d);
		assert_int_equal(touches[first].kind, d);
	}
}

/* A small generator of our own, so that a failing seed can be run again anywhere. */
static uint64_t next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static void one_random_order(uint64_t seed)
{
	static struct touch touches[CREDIT_TOUCHES_MAX];
	static struct credit credits[CREDIT_TOUCHES_MAX];
	size_t n = next(&seed) % (seed % 7 == 0 ? CREDIT_TOUCHES_MAX : 9), n_credits = 0;
	struct credit_order o = { .processed_us = AT, .touches = touches, .n_touches = n };

	o.gross = (int64_t)(next(&seed) * next(&seed) % INT64_C(4000000000000));
	o.net = o.gross - (int64_t)(next(&seed) * next(&seed) % INT64_C(5000000000000));
	for (size_t i = 0; i < n; i++)
		touches[i] = (struct touch){ AT + 2 * DAY - (int64_t)(next(&seed) % 40) * DAY,
					     (int64_t)(next(&seed) % 5) + 1, (int32_t)i + 1 };
	touches_sort(touches, n);
	for (size_t m = 0; m < CREDIT_MODELS; m++) {
		int64_t net = 0, gross = 0, orders = 0;

		assert_int_equal(credit_order(credit_models[m], &o, WINDOW, credits, &n_credits),
				 ST_OK);
		assert_true(n_credits >= 1 && n_credits <= (n ? n : 1));
		for (size_t i = 0; i < n_credits; i++) {
			net += credits[i].net;
			gross += credits[i].gross;
			orders += credits[i].micro_orders;
		}
		if (net != o.net || gross != o.gross || orders != CREDIT_ONE_ORDER)
			fail_msg("seed %llu, model %d: %lld of %lld", (unsigned long long)seed,
				 (int)credit_models[m], (long long)net, (long long)o.net);
	}
}

static void test_sums_are_exact(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++)
		one_random_order(seed * UINT64_C(0x9e3779b97f4a7c15));
}

static void test_limit(void **state)
{
	static struct touch touches[CREDIT_TOUCHES_MAX + 1];
	static struct credit out[CREDIT_TOUCHES_MAX + 1];
	struct credit_order o = { AT, 1, 1, touches, CREDIT_TOUCHES_MAX + 1 };
	size_t n = 77;

	(void)state;
	assert_int_equal(credit_order(CREDIT_LINEAR, &o, WINDOW, out, &n), ST_TOO_LARGE);
	assert_int_equal(n, 77);
	for (size_t i = 0; i < CREDIT_TOUCHES_MAX; i++)
		touches[i].occurred_us = AT;
	o.n_touches = CREDIT_TOUCHES_MAX;
	assert_int_equal(credit_order(CREDIT_LINEAR, &o, WINDOW, out, &n), ST_OK);
	assert_int_equal(n, CREDIT_TOUCHES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_sums_are_exact),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
