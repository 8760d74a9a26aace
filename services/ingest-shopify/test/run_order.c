/* The figures of an order by dataset.md, and the hashes that tell a change. */
#include "core/test/rows.h"

#include "order.h"

#include <stdbool.h>
#include <string.h>

#define ARENA ((size_t)4 * 1024 * 1024)
#define ZONE  "Europe/London"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(ARENA);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* An order of one line. */
static struct order order_of(struct line *lines, size_t n, const char *currency)
{
	return (struct order){ .order_id = "1",
			       .name = "#1",
			       .status = "PAID",
			       .customer_id = "",
			       .country = "",
			       .currency = currency,
			       .created_at = 1,
			       .processed_at = 2,
			       .updated_at = 3,
			       .lines = lines,
			       .lines_part = { .n = n, .cap = n },
			       .journey_ready = true };
}

static void test_totals(void **state)
{
	static const struct {
		const char *why, *currency;
		int32_t quantity;
		int64_t price, discount, total;
	} rows[] = {
		{ "three digits", "KWD", 3, 281750, 600000, 245000 }, /* 0.24525 */
		{ "half up", "KWD", 1, 500, 0, 1000 },                /* 0.0005 */
		{ "half up, two digits", "GBP", 1, 5000, 0, 10000 },  /* 0.005 */
		{ "below half", "GBP", 1, 4999, 0, 0 },
		{ "no digits", "JPY", 3, 333500000, 0, 1001000000 }, /* 1000.5 */
		{ "discounted to nothing", "GBP", 2, 10000000, 20000000, 0 },
		{ "none of it", "GBP", 0, 10000000, 0, 0 },
		{ "taken back", "GBP", -1, 2500000, 0, -2500000 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct line l = {
			"l", "v", "", "", rows[i].quantity, rows[i].price, rows[i].discount, 0
		};
		struct order o = order_of(&l, 1, rows[i].currency);
		struct error err = { 0 };

		CHECK_ROW(rows[i].why, order_close(arena, &o, ZONE, &err) == ST_OK);
		CHECK_ROW(rows[i].why, l.total == rows[i].total);
		CHECK_ROW(rows[i].why, o.gross == rows[i].total);
		CHECK_ROW(rows[i].why, o.counts);
	}
}

static void test_sums(void **state)
{
	struct line lines[] = { { "a", "", "", "", 1, 5000, 0, 0 },
				{ "b", "", "", "", 1, 5000, 0, 0 } };
	struct refund refunds[] = { { "r1", 1, 7000 }, { "r2", 2, 1 } };
	struct order o = order_of(lines, 2, "GBP");
	struct error err = { 0 };

	(void)state;
	o.refunds = refunds;
	o.n_refunds = 2;
	assert_int_equal(order_close(arena, &o, ZONE, &err), ST_OK);
	assert_int_equal(o.gross, 20000); /* each line is rounded, not their sum */
	assert_int_equal(o.refunded, 7001);
}

static void test_counts(void **state)
{
	static const struct {
		const char *status;
		int64_t cancelled_at;
		bool test, counts;
	} rows[] = {
		{ "PAID", 0, false, true },     { "PENDING", 0, false, true },
		{ "REFUNDED", 0, false, true }, { "", 0, false, true },
		{ "VOIDED", 0, false, false },  { "PAID", 5, false, false },
		{ "PAID", 0, true, false },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct order o = order_of(NULL, 0, "GBP");
		struct error err = { 0 };

		o.status = rows[i].status;
		o.cancelled_at = rows[i].cancelled_at;
		o.test = rows[i].test;
		CHECK_ROW(rows[i].status, order_close(arena, &o, ZONE, &err) == ST_OK);
		CHECK_ROW(rows[i].status, o.counts == rows[i].counts);
		CHECK_ROW(rows[i].status, o.gross == 0);
	}
}

static void test_overflow(void **state)
{
	struct line huge = { "a", "", "", "", INT32_MAX, INT64_MAX / 2, 0, 0 };
	struct line big[] = { { "a", "", "", "", 1, INT64_MAX - 2000000, 0, 0 },
			      { "b", "", "", "", 1, 4000000, 0, 0 } };
	struct order o = order_of(&huge, 1, "GBP");
	struct error err = { 0 };

	(void)state;
	assert_int_equal(order_close(arena, &o, ZONE, &err), ST_UPSTREAM);
	assert_non_null(strstr(err.detail, "amounts"));
	o = order_of(big, 2, "GBP");
	assert_int_equal(order_close(arena, &o, ZONE, &err), ST_UPSTREAM);
}

static void test_repeats(void **state)
{
	struct line lines[] = { { "b", "", "", "first b", 1, 1000000, 0, 0 },
				{ "a", "", "", "", 1, 1000000, 0, 0 },
				{ "b", "", "", "second b", 1, 1000000, 0, 0 } };
	struct refund refunds[] = { { "r", 1, 5 }, { "r", 1, 5 } };
	struct order o = order_of(lines, 3, "GBP");
	struct error err = { 0 };

	(void)state;
	o.refunds = refunds;
	o.n_refunds = 2;
	assert_int_equal(order_close(arena, &o, ZONE, &err), ST_OK);
	assert_int_equal(o.lines_part.n, 2);
	assert_string_equal(o.lines[0].title, "first b");
	assert_string_equal(o.lines[1].line_id, "a");
	assert_int_equal(o.gross, 2000000);
	assert_int_equal(o.refunded, 5);
}

struct hashes {
	const char *content, *journey;
};

static struct hashes hashes_of(struct order o, const char *zone)
{
	struct error err = { 0 };

	assert_int_equal(order_close(arena, &o, zone, &err), ST_OK);
	return (struct hashes){ o.hash, o.journey_hash };
}

/* Every value that is kept changes one of the hashes, and only that one. */
static void test_hashes(void **state)
{
	struct line l = { "l", "v", "s", "t", 1, 1000000, 0, 0 }, l2 = l;
	struct touch t = { 9, "s", "st", "m", "c", "co", "te", "la", "re" }, t2 = t;
	struct order o = order_of(&l, 1, "GBP"), other = o;
	struct hashes before, after;

	(void)state;
	o.touches = &t;
	o.touches_part.n = 1;
	before = hashes_of(o, ZONE);
	after = hashes_of(o, ZONE);
	assert_string_equal(before.content, after.content);
	assert_string_equal(before.journey, after.journey);
	after = hashes_of(o, "UTC"); /* the day follows from the zone */
	assert_string_not_equal(before.content, after.content);
	other = o;
	other.updated_at++;
	after = hashes_of(other, ZONE);
	assert_string_not_equal(before.content, after.content);
	assert_string_equal(before.journey, after.journey);
	other = o;
	l2.title = "u";
	other.lines = &l2;
	assert_string_not_equal(before.content, hashes_of(other, ZONE).content);
	other = o;
	t2.term = "x";
	other.touches = &t2;
	after = hashes_of(other, ZONE);
	assert_string_equal(before.content, after.content);
	assert_string_not_equal(before.journey, after.journey);
	/* Texts are hashed with their lengths: moving a letter to the neighbour is a change. */
	other = o;
	t2 = t;
	t2.source = "";
	t2.source_type = "sst";
	other.touches = &t2;
	assert_string_not_equal(before.journey, hashes_of(other, ZONE).journey);
}

static void test_full_arena(void **state)
{
	struct line l = { "l", "v", "s", "t", 1, 1000000, 0, 0 };
	struct order o = order_of(&l, 1, "GBP");
	struct arena *small = arena_new(16);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(order_close(small, &o, ZONE, &err), ST_UNAVAILABLE);
	arena_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_totals),     cmocka_unit_test(test_sums),
		cmocka_unit_test(test_counts),     cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_repeats),    cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_full_arena),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
