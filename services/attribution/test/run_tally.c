/* Sums of credits: adding orders and taking them back leaves what is left, and nothing where
 * nothing is. */
#include "tally.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define AT        (20000 * US_PER_DAY)
#define WINDOW    (CREDIT_WINDOW_DAYS * US_PER_DAY)

static int setup(void **state)
{
	*state = arena_new(ARENA_MAX);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static const struct touch touches[] = { { AT - 3, 5, 1 }, { AT - 2, 6, 2 }, { AT - 1, 5, 3 } };

static struct credit_order order(int64_t net)
{
	return (struct credit_order){ AT, net, 2 * net, touches, 3 };
}

static void test_adds_by_key(void **state)
{
	struct credit_order a = order(100), b = order(7);
	struct tally t;

	tally_init(&t, *state);
	assert_int_equal(tally_order(&t, TALLY_ADD, CREDIT_LINEAR, WINDOW, 9, "GBP", &a), ST_OK);
	assert_int_equal(tally_order(&t, TALLY_ADD, CREDIT_LAST_TOUCH, WINDOW, 9, "GBP", &a),
			 ST_OK);
	assert_int_equal(tally_order(&t, TALLY_ADD, CREDIT_LAST_TOUCH, WINDOW, 8, "GBP", &a),
			 ST_OK);
	assert_int_equal(tally_order(&t, TALLY_ADD, CREDIT_LAST_TOUCH, WINDOW, 8, "EUR", &a),
			 ST_OK);
	assert_int_equal(tally_order(&t, TALLY_ADD, CREDIT_LAST_TOUCH, WINDOW, 8, "GBP", &b),
			 ST_OK);
	tally_finish(&t);
	static const struct tally_row want[] = {
		{ CREDIT_LAST_TOUCH, 8, 5, "EUR", 1000000, 100, 200 },
		{ CREDIT_LAST_TOUCH, 8, 5, "GBP", 2000000, 107, 214 },
		{ CREDIT_LAST_TOUCH, 9, 5, "GBP", 1000000, 100, 200 },
		{ CREDIT_LINEAR, 9, 5, "GBP", 666667, 67, 133 },
		{ CREDIT_LINEAR, 9, 6, "GBP", 333333, 33, 67 },
	};
	assert_int_equal(t.n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < t.n; i++) {
		assert_int_equal(t.rows[i].model, want[i].model);
		assert_int_equal(t.rows[i].day, want[i].day);
		assert_int_equal(t.rows[i].kind, want[i].kind);
		assert_string_equal(t.rows[i].currency, want[i].currency);
		assert_int_equal(t.rows[i].micro_orders, want[i].micro_orders);
		assert_int_equal(t.rows[i].net, want[i].net);
		assert_int_equal(t.rows[i].gross, want[i].gross);
	}
}

static void test_takes_back(void **state)
{
	struct credit_order was = order(100), is = order(40);
	struct tally t;

	tally_init(&t, *state);
	for (size_t m = 0; m < CREDIT_MODELS; m++) {
		enum credit_model model = credit_models[m];

		assert_int_equal(tally_order(&t, TALLY_TAKE_BACK, model, WINDOW, 9, "GBP", &was),
				 ST_OK);
		assert_int_equal(tally_order(&t, TALLY_ADD, model, WINDOW, 9, "GBP", &is), ST_OK);
		/* An order that comes back as it was leaves nothing behind. */
		assert_int_equal(tally_order(&t, TALLY_ADD, model, WINDOW, 3, "GBP", &was), ST_OK);
		assert_int_equal(tally_order(&t, TALLY_TAKE_BACK, model, WINDOW, 3, "GBP", &was),
				 ST_OK);
	}
	tally_finish(&t);
	assert_int_equal(t.n, 3);
	for (size_t i = 0; i < t.n; i++) {
		assert_int_equal(t.rows[i].micro_orders, 0);
		assert_int_equal(t.rows[i].day, 9);
		assert_true(t.rows[i].net < 0);
	}
	assert_int_equal(t.rows[0].net, -60);
	assert_int_equal(t.rows[1].net + t.rows[2].net, -60);
}

/* Many keys: the table grows, and finds each again. */
static void test_grows(void **state)
{
	enum { DAYS = 5000 };
	struct credit_order o = order(3);
	struct tally t;

	tally_init(&t, *state);
	for (int round = 0; round < 2; round++)
		for (int32_t day = DAYS; day-- > 0;)
			assert_int_equal(
				tally_order(&t, TALLY_ADD, CREDIT_LINEAR, WINDOW, day, "GBP", &o),
				ST_OK);
	tally_finish(&t);
	assert_int_equal(t.n, 2 * DAYS);
	for (size_t i = 0; i < t.n; i++) {
		assert_int_equal(t.rows[i].day, i / 2);
		assert_int_equal(t.rows[i].kind, i % 2 ? 6 : 5);
		assert_int_equal(t.rows[i].net, i % 2 ? 2 : 4);
	}
}

static void test_limits(void **state)
{
	struct arena *small = arena_new(4096);
	struct credit_order huge = { AT, INT64_MAX, INT64_MAX, NULL, 0 };
	enum status st = ST_OK;
	struct tally t;

	tally_init(&t, *state);
	assert_int_equal(tally_order(&t, TALLY_ADD, CREDIT_LINEAR, WINDOW, 1, "GBP", &huge), ST_OK);
	assert_int_equal(tally_order(&t, TALLY_ADD, CREDIT_LINEAR, WINDOW, 1, "GBP", &huge),
			 ST_TOO_LARGE);
	tally_init(&t, small);
	for (int32_t day = 0; st == ST_OK && day < 10000; day++)
		st = tally_order(&t, TALLY_ADD, CREDIT_LINEAR, WINDOW, day, "GBP", &huge);
	assert_int_equal(st, ST_TOO_LARGE);
	arena_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_adds_by_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
