/* Money: the currencies, decimals, rounding, and shares that add up. */
#include "core/test/rows.h"

#include "core/money.c"

static void test_currency_table(void **state)
{
	/* ISO 4217, amendment 180: every code whose minor unit is not two digits. */
	static const char none[] =
		"BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
	static const char three[] = "BHD IQD JOD KWD LYD OMR TND";
	static const char four[] = "CLF UYW";
	int counts[5] = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ROWS(currencies); i++) {
		char code[CURRENCY_TEXT] = { 0 };
		int expected;

		memcpy(code, currencies[i], 3);
		if (i > 0)
			CHECK_ROW(code, memcmp(currencies[i - 1], currencies[i], 3) < 0);
		expected = strstr(none, code)    ? 0
			   : strstr(three, code) ? 3
			   : strstr(four, code)  ? 4
						 : 2;
		CHECK_ROW(code, currency_minor_digits(code) == expected);
		CHECK_ROW(code, currency_known(code));
		counts[expected]++;
	}
	assert_int_equal(counts[0], 17);
	assert_int_equal(counts[3], 7);
	assert_int_equal(counts[4], 2);
	assert_int_equal(N_ROWS(currencies), 180);
	assert_false(currency_known("gbp"));
	assert_false(currency_known("GBPX"));
	assert_false(currency_known("GB"));
	assert_false(currency_known(""));
	assert_false(currency_known(NULL));
	assert_false(currency_known("ZZZ"));
	assert_int_equal(currency_minor_digits("ZZZ"), 2);
	assert_int_equal(currency_minor_digits(NULL), 2);
}

static void test_decimal_parse(void **state)
{
	static const struct {
		const char *in;
		int scale;
		bool ok;
		int64_t units;
		const char *why;
	} rows[] = {
		{ "0", 6, true, 0, "zero" },
		{ "-0", 6, true, 0, "minus zero" },
		{ "12.345", 6, true, 12345000, "a price" },
		{ "-12.345", 6, true, -12345000, "a refund" },
		{ "0.28175", 6, true, 281750, "less than one" },
		{ "007.10", 2, true, 710, "leading zeros" },
		{ "1.230000000000", 2, true, 123, "zeros behind the scale" },
		{ "1.2300000000001", 2, false, 0, "not a zero behind the scale" },
		{ "1.234", 2, false, 0, "one digit too many" },
		{ "5", 0, true, 5, "scale 0" },
		{ "5.0", 0, true, 5, "scale 0 with a zero" },
		{ "5.5", 0, false, 0, "scale 0 with a fraction" },
		{ "1", 9, true, 1000000000, "scale 9" },
		{ "1", 10, false, 0, "scale too large" },
		{ "1", -1, false, 0, "scale below zero" },
		{ "9223372036854.775807", 6, true, INT64_MAX, "largest" },
		{ "-9223372036854.775808", 6, true, INT64_MIN, "smallest" },
		{ "9223372036854.775808", 6, false, 0, "one more" },
		{ "-9223372036854.775809", 6, false, 0, "one less" },
		{ "9223372036855", 6, false, 0, "too large once scaled" },
		{ "99999999999999999999", 0, false, 0, "too large at once" },
		{ "", 2, false, 0, "nothing" },
		{ "-", 2, false, 0, "a sign only" },
		{ "+1", 2, false, 0, "plus" },
		{ ".5", 2, false, 0, "nothing before the point" },
		{ "5.", 2, false, 0, "nothing behind the point" },
		{ "1e3", 2, false, 0, "exponent" },
		{ "1,5", 2, false, 0, "comma" },
		{ "1.5 ", 2, false, 0, "space" },
		{ "1.5.1", 2, false, 0, "two points" },
		{ "--1", 2, false, 0, "two signs" },
		{ "NaN", 2, false, 0, "no number" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t units = 42;

		CHECK_ROW(rows[i].why,
			  decimal_parse(rows[i].in, rows[i].scale, &units) == rows[i].ok);
		CHECK_ROW(rows[i].why, units == (rows[i].ok ? rows[i].units : 42));
	}
	assert_false(decimal_parse(NULL, 2, &(int64_t){ 0 }));
}

static void test_decimals_round_trip(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		int64_t units = i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : random_i64(&seed);
		int scale = i % 10;
		char text[DECIMAL_TEXT];
		int64_t back;

		decimal_format(units, scale, text);
		if (!decimal_parse(text, scale, &back) || back != units)
			fail_msg("%s", text);
		/* Exactly `scale` digits behind the point, and no point without digits. */
		assert_int_equal(scale,
				 strchr(text, '.') != NULL ? strlen(strchr(text, '.')) - 1 : 0);
	}
}

static void test_money_format(void **state)
{
	static const struct {
		int64_t micros;
		const char *currency, *out, *why;
	} rows[] = {
		{ 12340000, "GBP", "12.34", "two digits" },
		{ 12000000, "GBP", "12.00", "two digits even if zero" },
		{ 12345000, "GBP", "12.345", "more where they are not zero" },
		{ 1, "GBP", "0.000001", "all six" },
		{ -1, "GBP", "-0.000001", "below zero" },
		{ -10000, "GBP", "-0.01", "the sign of less than one" },
		{ 100000000, "JPY", "100", "no minor unit" },
		{ 100500000, "JPY", "100.5", "a fraction of a yen" },
		{ 1234000, "KWD", "1.234", "three digits" },
		{ 1200000, "KWD", "1.200", "three digits even if zero" },
		{ 1200000, "CLF", "1.2000", "four digits" },
		{ 0, "GBP", "0.00", "nothing" },
		{ 1500000, "???", "1.50", "unknown: two" },
		{ INT64_MIN, "GBP", "-9223372036854.775808", "smallest" },
		{ INT64_MAX, "JPY", "9223372036854.775807", "largest" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		char out[DECIMAL_TEXT];
		int64_t back;

		money_format(rows[i].micros, rows[i].currency, out);
		CHECK_ROW(rows[i].why, strcmp(out, rows[i].out) == 0);
		CHECK_ROW(rows[i].why, decimal_parse(out, 6, &back) && back == rows[i].micros);
	}
}

static void test_checked_sums(void **state)
{
	int64_t v = 42;

	(void)state;
	assert_true(micros_add(2, 3, &v));
	assert_int_equal(v, 5);
	assert_true(micros_sub(2, 3, &v));
	assert_int_equal(v, -1);
	assert_false(micros_add(INT64_MAX, 1, &v));
	assert_false(micros_add(INT64_MIN, -1, &v));
	assert_false(micros_sub(INT64_MIN, 1, &v));
	assert_false(micros_sub(0, INT64_MIN, &v));
	assert_int_equal(v, -1);
}

static void test_rounding(void **state)
{
	static const struct {
		int64_t micros;
		const char *currency;
		int64_t rounded;
		const char *why;
	} rows[] = {
		{ 12344999, "GBP", 12340000, "below half" },
		{ 12345000, "GBP", 12350000, "half goes up" },
		{ -12345000, "GBP", -12350000, "half goes away from zero" },
		{ -12344999, "GBP", -12340000, "below half, negative" },
		{ 499999, "JPY", 0, "below half a yen" },
		{ 500000, "JPY", 1000000, "half a yen" },
		{ 1234500, "KWD", 1235000, "half a fils" },
		{ 1234550, "CLF", 1234600, "half at four digits" },
		{ 0, "GBP", 0, "nothing" },
		{ INT64_MAX, "GBP", INT64_C(9223372036854770000), "would overflow: toward zero" },
		{ INT64_MIN, "GBP", INT64_C(-9223372036854770000), "would overflow: toward zero" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		CHECK_ROW(rows[i].why,
			  micros_round_minor(rows[i].micros, rows[i].currency) == rows[i].rounded);
}

static void test_line_total(void **state)
{
	static const struct {
		int64_t quantity, price, discount;
		const char *currency;
		bool ok;
		int64_t total;
		const char *why;
	} rows[] = {
		{ 3, 1250000, 0, "GBP", true, 3750000, "three at 1.25" },
		{ 3, 1250000, 750000, "GBP", true, 3000000, "less a discount" },
		{ 3, 1255000, 0, "GBP", true, 3770000, "3.765 rounds up, once, at the end" },
		{ -2, 1255000, 0, "GBP", true, -2510000, "returned" },
		{ -1, 1255000, 0, "GBP", true, -1260000, "half away from zero" },
		{ 7, 333333, 0, "JPY", true, 2000000, "2.33 yen" },
		{ 0, INT64_MAX, 0, "GBP", true, 0, "none" },
		{ INT64_C(1000000), INT64_C(10000000000000), 0, "GBP", false, 0, "too large" },
		{ INT64_MIN, INT64_MIN, INT64_MIN, "GBP", false, 0, "far too large" },
		{ INT64_MIN, INT64_MAX, INT64_MAX, "GBP", false, 0, "far too small" },
		{ INT64_C(4000000000), INT64_C(4000000000), INT64_C(9000000000000000000), "GBP",
		  true, INT64_C(7000000000000000000), "only the product is too large" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t total = 42;

		CHECK_ROW(rows[i].why, line_total(rows[i].quantity, rows[i].price, rows[i].discount,
						  rows[i].currency, &total) == rows[i].ok);
		CHECK_ROW(rows[i].why, total == (rows[i].ok ? rows[i].total : 42));
	}
}

static void test_ratio(void **state)
{
	static const struct {
		int64_t a, b;
		int scale;
		bool ok;
		int64_t units;
		const char *why;
	} rows[] = {
		{ 1, 3, 4, true, 3333, "a third" },
		{ 2, 3, 4, true, 6667, "two thirds" },
		{ 1, 2, 0, true, 1, "half goes up" },
		{ -1, 2, 0, true, -1, "half goes away from zero" },
		{ 1, -2, 0, true, -1, "either sign" },
		{ -1, -2, 0, true, 1, "both signs" },
		{ -1, 3, 0, true, 0, "a third below zero is nothing" },
		{ 0, 5, 9, true, 0, "nothing" },
		{ 5, 0, 4, false, 0, "by nothing" },
		{ INT64_MAX, 1, 0, true, INT64_MAX, "largest" },
		{ INT64_MIN, 1, 0, true, INT64_MIN, "smallest" },
		{ INT64_MIN, -1, 0, false, 0, "one more than largest" },
		{ INT64_MAX, 1, 1, false, 0, "too large once scaled" },
		{ INT64_MAX, INT64_MAX, 9, true, 1000000000, "large by large" },
		{ INT64_MIN, INT64_MIN, 9, true, 1000000000, "small by small" },
		{ 1, 1, 10, false, 0, "scale too large" },
		{ 1, 1, -1, false, 0, "scale below zero" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t units = 42;

		CHECK_ROW(rows[i].why,
			  ratio_units(rows[i].a, rows[i].b, rows[i].scale, &units) == rows[i].ok);
		CHECK_ROW(rows[i].why, units == (rows[i].ok ? rows[i].units : 42));
	}
}

static void test_shares_table(void **state)
{
	static const struct {
		int64_t total, weights[4];
		size_t n;
		int64_t shares[4];
		const char *why;
	} rows[] = {
		{ 100, { 1, 1, 1 }, 3, { 34, 33, 33 }, "the first of equals gets the rest" },
		{ -100, { 1, 1, 1 }, 3, { -34, -33, -33 }, "below zero alike" },
		{ 101, { 1, 1, 1 }, 3, { 34, 34, 33 }, "two left over" },
		{ 10, { 3, 3, 4 }, 3, { 3, 3, 4 }, "nothing left over" },
		{ 7, { 1, 2, 4 }, 3, { 1, 2, 4 }, "exact" },
		{ 10, { 1, 2, 4 }, 3, { 1, 3, 6 }, "largest remainders 3/7, 6/7, 5/7: last two" },
		{ 5, { 0, 1, 0, 1 }, 4, { 0, 3, 0, 2 }, "no weight, no share" },
		{ 0, { 5, 5 }, 2, { 0, 0 }, "nothing to share" },
		{ 1, { 1, 1, 1, 1 }, 4, { 1, 0, 0, 0 }, "less than the number of shares" },
		{ 9, { 7 }, 1, { 9 }, "one takes all" },
		{ INT64_MIN, { 1, 1 }, 2, { INT64_MIN / 2, INT64_MIN / 2 }, "smallest" },
		{ INT64_MIN, { 1 }, 1, { INT64_MIN }, "smallest to one" },
		{ INT64_MAX,
		  { INT64_MAX, INT64_MAX },
		  2,
		  { INT64_MAX / 2 + 1, INT64_MAX / 2 },
		  "largest" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t shares[4];

		CHECK_ROW(rows[i].why,
			  share_split(rows[i].total, rows[i].weights, rows[i].n, shares) == ST_OK);
		for (size_t k = 0; k < rows[i].n; k++)
			CHECK_ROW(rows[i].why, shares[k] == rows[i].shares[k]);
	}
}

static void test_shares_refused(void **state)
{
	static const int64_t zero[] = { 0, 0 }, negative[] = { 5, -1 };
	int64_t shares[2] = { 42, 42 };
	int64_t *many = calloc(SHARES_MAX + 1, sizeof(*many));
	int64_t *out = calloc(SHARES_MAX + 1, sizeof(*out));
	int64_t sum = 0;

	(void)state;
	assert_non_null(many);
	assert_non_null(out);
	assert_int_equal(share_split(10, zero, 2, shares), ST_INVALID);
	assert_int_equal(share_split(10, negative, 2, shares), ST_INVALID);
	assert_int_equal(share_split(10, zero, 0, shares), ST_INVALID);
	assert_int_equal(shares[0], 42);
	for (size_t i = 0; i <= SHARES_MAX; i++)
		many[i] = INT64_MAX;
	assert_int_equal(share_split(10, many, SHARES_MAX + 1, out), ST_TOO_LARGE);
	assert_int_equal(share_split(INT64_MAX, many, SHARES_MAX, out), ST_OK);
	for (size_t i = 0; i < SHARES_MAX; i++)
		sum += out[i];
	assert_true(sum == INT64_MAX);
	free(many);
	free(out);
}

/*
 * For random totals and weights: shares add up exactly; none is off its exact part by a whole unit
 * (quota rule); a larger weight never gets less; of equal weights the earlier gets at least as
 * much, in size.
 */
static void test_shares_hold_their_rules(void **state)
{
	enum { MAX = 200 };
	static int64_t weights[MAX], shares[MAX];
	uint64_t seed = 99;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + next_random(&seed) % (round % 50 == 0 ? MAX : 12);
		int64_t total = random_i64(&seed);
		wide sum = 0, back = 0;

		for (size_t i = 0; i < n; i++) {
			weights[i] = random_i64(&seed) % (round % 2 == 0 ? 5 : INT64_MAX);
			weights[i] = weights[i] < 0 ? -weights[i] : weights[i];
			sum += weights[i];
		}
		if (sum == 0)
			sum = weights[next_random(&seed) % n] = 1;
		assert_int_equal(share_split(total, weights, n, shares), ST_OK);
		for (size_t i = 0; i < n; i++) {
			wide off = (wide)shares[i] * sum - (wide)total * weights[i];

			back += shares[i];
			if (off <= -sum || off >= sum)
				fail_msg("round %d: share %zu breaks the quota", round, i);
			for (size_t k = 0; k < i && n <= 12; k++) {
				wide mine = total < 0 ? -(wide)shares[i] : shares[i];
				wide its = total < 0 ? -(wide)shares[k] : shares[k];

				if ((weights[i] > weights[k] && mine < its) ||
				    (weights[i] <= weights[k] && mine > its))
					fail_msg("round %d: shares %zu and %zu", round, k, i);
			}
		}
		if (back != total)
			fail_msg("round %d does not add up", round);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_currency_table),
		cmocka_unit_test(test_decimal_parse),
		cmocka_unit_test(test_decimals_round_trip),
		cmocka_unit_test(test_money_format),
		cmocka_unit_test(test_checked_sums),
		cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_line_total),
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_shares_table),
		cmocka_unit_test(test_shares_refused),
		cmocka_unit_test(test_shares_hold_their_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
