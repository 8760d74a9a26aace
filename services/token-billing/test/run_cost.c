/* Costs and rates: the sum in integers, one rounding, what is missing, and texts of rates. */
#include "cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS 20000

__extension__ typedef __int128 wide;

static struct rates rates_all(int64_t nano)
{
	struct rates r = { .listed = true };

	for (int i = 0; i < TOKEN_KINDS; i++) {
		r.of[i].known = true;
		r.of[i].nano_per_mtok = nano;
	}
	return r;
}

static void half_a_nano_is_rounded_up_once(void **state)
{
	struct token_counts t = { .n = { 1 } };
	struct rates r = rates_all(499999);
	unsigned missing;
	int64_t nano = -1;

	(void)state;
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_OK);
	assert_int_equal(nano, 0);
	r = rates_all(500000);
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_OK);
	assert_int_equal(nano, 1);
	/* Two halves of two kinds are one, not two. */
	t.n[TOKEN_OUTPUT] = 1;
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_OK);
	assert_int_equal(nano, 1);
}

static void a_missing_rate_is_told_and_never_nothing(void **state)
{
	struct token_counts t = { .n = { 10, 0, 5, 0, 1 } };
	struct rates r = rates_all(1000000);
	unsigned missing;
	int64_t nano = -1;

	(void)state;
	r.of[TOKEN_CACHE_WRITE_5M].known = false;
	r.of[TOKEN_CACHE_READ].known = false; /* no token of it: not missed */
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_OK);
	assert_int_equal(missing, 1u << TOKEN_CACHE_WRITE_5M);
	assert_int_equal(nano, -1);
}

static void a_model_nobody_lists_has_no_cost_not_even_of_nothing(void **state)
{
	struct token_counts t = { { 0 } };
	struct rates r = { 0 };
	unsigned missing;
	int64_t nano = -1;

	(void)state;
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_OK);
	assert_int_equal(missing, COST_UNLISTED);
	t.n[TOKEN_INPUT] = 5;
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_OK);
	assert_int_equal(missing, COST_UNLISTED);
	assert_int_equal(nano, -1);
}

static void what_cannot_be_booked_is_refused(void **state)
{
	struct token_counts t = { .n = { TOKENS_MAX, TOKENS_MAX, 0, 0, 0 } };
	struct rates r = rates_all(INT64_MAX);
	unsigned missing;
	int64_t nano;

	(void)state;
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_TOO_LARGE);
	t.n[0] = TOKENS_MAX + 1;
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_INVALID);
	t.n[0] = -1;
	assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_INVALID);
}

/* Against the definition in 128 bits, and: never more than one nano from the sum of the parts each.
 */
static void any_counts_and_rates(void **state)
{
	(void)state;
	srandom(20260731); /* the same numbers each time */
	for (int i = 0; i < ROUNDS; i++) {
		struct token_counts t;
		struct rates r = rates_all(0);
		wide sum = 0;
		int64_t nano, parts = 0;
		unsigned missing;

		for (int k = 0; k < TOKEN_KINDS; k++) {
			struct token_counts one = { { 0 } };
			int64_t part;

			t.n[k] = random() % 5000000;
			r.of[k].nano_per_mtok = (random() % 1000) * (random() % 100000000);
			one.n[k] = t.n[k];
			sum += (wide)t.n[k] * r.of[k].nano_per_mtok;
			assert_int_equal(cost_of(&one, &r, &part, &missing), ST_OK);
			parts += part;
		}
		assert_int_equal(cost_of(&t, &r, &nano, &missing), ST_OK);
		assert_true(nano == (int64_t)((sum + 500000) / 1000000));
		assert_true(llabs(parts - nano) <= TOKEN_KINDS / 2 + 1);
	}
}

static void texts_of_rates(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t nano;
	} rows[] = {
		{ "3e-06", true, 3000000000 },
		{ "3.75e-08", true, 37500000 },
		{ "7.8125e-08", true, 78125000 },
		{ "0.00012", true, 120000000000 },
		{ "1.5E-5", true, 15000000000 },
		{ "0", true, 0 },
		{ "0.0", true, 0 },
		{ "1e-15", true, 1 },
		{ "10e-16", true, 1 },
		{ "1e-16", false, 0 },
		{ "1.5e-15", false, 0 },
		{ "9224e0", false, 0 },
		{ "9223.372036854775807", true, 9223372036854775807 },
		{ "9223.372036854775808", false, 0 },
		{ "-1e-06", false, 0 },
		{ "", false, 0 },
		{ ".", false, 0 },
		{ "e-06", false, 0 },
		{ "1e", false, 0 },
		{ "1e--6", false, 0 },
		{ "1.2.3", false, 0 },
		{ "1e-06 ", false, 0 },
		{ "nan", false, 0 },
		{ "1e-9999", false, 0 },
		{ "1e+99", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t nano = -1;

		if (rate_parse(rows[i].text, &nano) != rows[i].good)
			fail_msg("\"%s\" is %s", rows[i].text, rows[i].good ? "refused" : "taken");
		if (rows[i].good && nano != rows[i].nano)
			fail_msg("\"%s\" is %lld", rows[i].text, (long long)nano);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_a_nano_is_rounded_up_once),
		cmocka_unit_test(a_missing_rate_is_told_and_never_nothing),
		cmocka_unit_test(a_model_nobody_lists_has_no_cost_not_even_of_nothing),
		cmocka_unit_test(what_cannot_be_booked_is_refused),
		cmocka_unit_test(any_counts_and_rates),
		cmocka_unit_test(texts_of_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
