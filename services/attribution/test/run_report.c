/* Rows of reports: what is added, what is never added, and in which order they stand. */
#include "report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)64 * 1024 * 1024)

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

static struct report_item credit(enum channel channel, const char *campaign, const char *currency,
				 int64_t micro_orders, int64_t revenue)
{
	return (struct report_item){ channel,      channel <= CHANNEL_TIKTOK_ADS ? "p" : "",
				     "",           campaign,
				     currency,     false,
				     micro_orders, revenue };
}

static struct report_item spend(enum channel channel, const char *campaign, const char *currency,
				int64_t micros)
{
	return (struct report_item){ channel, "p", "", campaign, currency, true, 0, micros };
}

/* "channel/campaign orders revenue... | spend...;" of each row, in order. */
static const char *told(struct arena *a, struct report_item *items, size_t n, bool by_campaign)
{
	struct report_row *rows;
	struct error err = { 0 };
	char *out = arena_strdup(a, "");
	size_t n_rows;

	assert_int_equal(report_rows(a, items, n, by_campaign, &rows, &n_rows, &err), ST_OK);
	for (size_t i = 0; i < n_rows; i++) {
		out = arena_printf(a, "%s%d/%s %lld", out, (int)rows[i].channel, rows[i].campaign,
				   (long long)rows[i].micro_orders);
		for (size_t k = 0; k < rows[i].n_revenue; k++)
			out = arena_printf(a, "%s %lld%s", out,
					   (long long)rows[i].revenue[k].micros,
					   rows[i].revenue[k].currency);
		out = arena_printf(a, "%s |", out);
		for (size_t k = 0; k < rows[i].n_spend; k++)
			out = arena_printf(a, "%s %lld%s", out, (long long)rows[i].spend[k].micros,
					   rows[i].spend[k].currency);
		out = arena_printf(a, "%s;", out);
	}
	return out;
}

static void test_rows(void **state)
{
	struct report_item items[] = {
		credit(CHANNEL_UNATTRIBUTED, "", "GBP", 1000000, 900),
		credit(CHANNEL_EMAIL, "weekly", "GBP", 500000, 10),
		credit(CHANNEL_META_ADS, "spring", "GBP", 1, 5),
		spend(CHANNEL_META_ADS, "spring", "GBP", 2),
		credit(CHANNEL_EMAIL, "weekly", "EUR", 100, 3),
		credit(CHANNEL_EMAIL, "weekly", "GBP", 500000, 1),
		spend(CHANNEL_META_ADS, "idle", "USD", 8),
		spend(CHANNEL_META_ADS, "free", "USD", 0),
		spend(CHANNEL_META_ADS, "spring", "GBP", 1),
		credit(CHANNEL_META_ADS, "summer", "GBP", 2, -7),
		credit(CHANNEL_DIRECT, "", "GBP", 3, 5),
	};
	const size_t n = sizeof(items) / sizeof(items[0]);
	struct report_item again[sizeof(items) / sizeof(items[0])];

	memcpy(again, items, sizeof(items));
	assert_string_equal(told(*state, items, n, true), "1/spring 1 5GBP | 3GBP;"
							  "11/ 3 5GBP |;"
							  "1/idle 0 | 8USD;"
							  "1/summer 2 -7GBP |;"
							  "7/weekly 1000100 3EUR 11GBP |;"
							  "13/ 1000000 900GBP |;");
	assert_string_equal(told(*state, again, n, false), "11/ 3 5GBP |;"
							   "1/ 3 -2GBP | 3GBP 8USD;"
							   "7/ 1000100 3EUR 11GBP |;"
							   "13/ 1000000 900GBP |;");
}

static void test_nothing(void **state)
{
	struct report_item free_ads = spend(CHANNEL_META_ADS, "free", "USD", 0);

	assert_string_equal(told(*state, NULL, 0, true), "");
	assert_string_equal(told(*state, &free_ads, 1, true), "");
}

static void test_currency(void **state)
{
	struct amount one = { "GBP", 1 }, two[] = { { "EUR", 1 }, { "GBP", 2 } };
	struct report_row rows[] = { { .revenue = &one, .n_revenue = 1 },
				     { .n_revenue = 0 },
				     { .revenue = two, .n_revenue = 2 } };

	(void)state;
	assert_string_equal(report_currency(rows, 2, "USD"), "GBP");
	assert_string_equal(report_currency(rows, 3, "USD"), "USD");
	assert_string_equal(report_currency(rows + 1, 1, "USD"), "USD");
	assert_string_equal(report_currency(rows, 0, "USD"), "USD");
}

static void test_roas(void **state)
{
	static const struct {
		struct amount revenue[2];
		size_t n_revenue;
		struct amount spend[2];
		size_t n_spend;
		int64_t expected; /* INT64_MIN: none */
	} rows[] = {
		{ { { "GBP", 10 } }, 1, { { "GBP", 4 } }, 1, 25000 },
		{ { { "GBP", 1 } }, 1, { { "GBP", 3 } }, 1, 3333 },
		{ { { "GBP", 2 } }, 1, { { "GBP", 3 } }, 1, 6667 },
		{ { { "GBP", 1 } }, 1, { { "GBP", 20000 } }, 1, 1 }, /* half goes up */
		{ { { "GBP", -1 } }, 1, { { "GBP", 20000 } }, 1, -1 },
		{ { { "GBP", 10 } }, 1, { { "USD", 4 } }, 1, INT64_MIN },
		{ { { "GBP", 10 } }, 1, { { "GBP", 0 } }, 1, INT64_MIN },
		{ { { "GBP", 10 } }, 1, { { "GBP", -4 } }, 1, INT64_MIN },
		{ { { "GBP", 10 } }, 1, { { NULL, 0 } }, 0, INT64_MIN },
		{ { { "EUR", 1 }, { "GBP", 10 } }, 2, { { "GBP", 4 } }, 1, INT64_MIN },
		{ { { "GBP", 10 } }, 1, { { "EUR", 1 }, { "GBP", 4 } }, 2, INT64_MIN },
		{ { { NULL, 0 } }, 0, { { "GBP", 4 } }, 1, 0 },
		{ { { NULL, 0 } }, 0, { { "USD", 4 } }, 1, INT64_MIN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t got = INT64_MIN;
		bool has = report_roas(rows[i].revenue, rows[i].n_revenue, rows[i].spend,
				       rows[i].n_spend, "GBP", &got);

		print_message("row %zu\n", i);
		assert_int_equal(has, rows[i].expected != INT64_MIN);
		assert_int_equal(got, rows[i].expected);
	}
}

static void test_limits(void **state)
{
	static struct report_item items[REPORT_ROWS_MAX + 1];
	static char names[REPORT_ROWS_MAX + 1][8];
	struct error err = { 0 };
	struct report_row *rows;
	size_t n;

	for (size_t i = 0; i <= REPORT_ROWS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "%zu", i);
		items[i] = credit(CHANNEL_EMAIL, names[i], "GBP", 1, 1);
	}
	assert_int_equal(report_rows(*state, items, REPORT_ROWS_MAX + 1, true, &rows, &n, &err),
			 ST_TOO_LARGE);
	assert_int_equal(report_rows(*state, items, REPORT_ROWS_MAX, true, &rows, &n, &err), ST_OK);
	assert_int_equal(n, REPORT_ROWS_MAX);
	items[0] = items[1] = credit(CHANNEL_EMAIL, "", "GBP", 1, INT64_MAX);
	assert_int_equal(report_rows(*state, items, 2, true, &rows, &n, &err), ST_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test(test_currency),
		cmocka_unit_test(test_roas),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
