/*
 * The recorded price changes of data/llm-prices/price_history.csv: a call right before a change
 * costs what the old rates say, one at the change what the new ones say. What is expected
 * PostgreSQL works out in numeric from the file's own text; no code of ours computes it. Read next:
 * cost.h.
 */
#include "component/billing_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HISTORY "data/llm-prices/price_history.csv"
#define LINES   1000
#define CHANGES 8

static struct bl_world world;

struct fact {
	char line[512];
	char *seen, *model, *event, *rate[4]; /* input, output, write 5 m, read; "" unknown */
};
static struct fact facts[LINES];
static int n_facts;

static void read_history(void)
{
	FILE *f = fopen(HISTORY, "re");

	assert_non_null(f);
	while (n_facts < LINES && fgets(facts[n_facts].line, sizeof(facts[0].line), f)) {
		struct fact *x = &facts[n_facts];
		char *cell[8], *p = x->line;

		x->line[strcspn(x->line, "\r\n")] = '\0';
		for (int i = 0; i < 8; i++) {
			cell[i] = p;
			p += strcspn(p, ",");
			if (*p)
				*p++ = '\0';
		}
		x->seen = cell[0];
		x->model = cell[2];
		x->event = cell[3];
		for (int i = 0; i < 4; i++)
			x->rate[i] = cell[4 + i];
		n_facts += strcmp(x->event, "event") != 0;
	}
	fclose(f);
}

/* The line that held before `change`. */
static const struct fact *before(const struct fact *change)
{
	const struct fact *found = NULL;

	for (const struct fact *x = facts; x < change; x++)
		if (strcmp(x->model, change->model) == 0)
			found = x;
	assert_non_null(found);
	return found;
}

/* Tokens of the kinds that the line has rates for; counts that leave a rest when rounded. */
static Billing__V1__TokenCounts tokens_of(const struct fact *x)
{
	Billing__V1__TokenCounts t = BILLING__V1__TOKEN_COUNTS__INIT;

	t.input = x->rate[0][0] ? 1234567 : 0;
	t.output = x->rate[1][0] ? 89123 : 0;
	t.cache_write_5m = x->rate[2][0] ? 45679 : 0;
	t.cache_read = x->rate[3][0] ? 999331 : 0;
	return t;
}

static int64_t expected(const struct fact *x)
{
	const Billing__V1__TokenCounts t = tokens_of(x);

	return sx_int(&world.sx,
		      "SELECT round((%llu * '0%s'::numeric + %llu * '0%s'::numeric + %llu *"
		      " '0%s'::numeric + %llu * '0%s'::numeric) * 1000000000)::bigint",
		      (unsigned long long)t.input, x->rate[0], (unsigned long long)t.output,
		      x->rate[1], (unsigned long long)t.cache_write_5m, x->rate[2],
		      (unsigned long long)t.cache_read, x->rate[3]);
}

static void costs(const struct sx_tenant *t, const struct fact *rates, int64_t at)
{
	const Billing__V1__TokenCounts used = tokens_of(rates);
	char id[UUID_TEXT] = "";
	struct bl_reply r = bl_reserve(&world, t->viewer, t->brand, rates->model, 1, id);

	assert_int_equal(r.status, ST_OK);
	r = bl_settle(&world, t->viewer, t->brand, id, &used, at);
	if (r.status != ST_OK)
		fail_msg("%s: %s %s", rates->model, status_name(r.status), r.detail);
	assert_false(r.unpriced);
	assert_int_equal(r.nano, expected(rates));
}

static void both_sides_of_every_recorded_change(void **state)
{
	struct sx_tenant t;
	int changes = 0, differ = 0;

	(void)state;
	sx_tenant(&world.sx, &t);
	for (int i = 0; i < n_facts; i++) {
		const struct fact *x = &facts[i];
		int64_t at = 0;

		if (strcmp(x->event, "changed") != 0)
			continue;
		assert_true(time_parse(x->seen, &at));
		costs(&t, before(x), at - 1);
		costs(&t, x, at);
		differ += expected(x) != expected(before(x));
		print_message("  %s at %s: %lld, then %lld nano-dollars\n", x->model, x->seen,
			      (long long)expected(before(x)), (long long)expected(x));
		changes++;
	}
	assert_int_equal(changes, CHANGES);
	assert_true(differ >= 4);
}

/* Every rate of the file is in the table as it stands in the file. */
static void every_line_of_the_file_is_a_price(void **state)
{
	static const char *const kinds[] = { "input", "output", "cache_write_5m", "cache_read" };
	int checked = 0;

	(void)state;
	for (int i = 0; i < n_facts; i++)
		for (int k = 0; k < 4; k++) {
			const struct fact *x = &facts[i];

			if (!x->rate[k][0])
				continue;
			assert_int_equal(
				sx_int(&world.sx,
				       "SELECT count(*) FROM token_billing.prices WHERE model = "
				       "'%s'"
				       " AND kind = '%s' AND effective_from = '%s'::timestamptz AND"
				       " nano_usd_per_mtok = '%s'::numeric * 1e15",
				       x->model, kinds[k], x->seen, x->rate[k]),
				1);
			checked++;
		}
	assert_true(checked > 500);
	print_message("  %d rates\n", checked);
}

static void before_the_first_price_nobody_knows_it(void **state)
{
	const Billing__V1__TokenCounts used = tokens_of(&facts[0]);
	char id[UUID_TEXT] = "";
	struct sx_tenant t;
	struct bl_reply r;
	int64_t at = 0;

	(void)state;
	sx_tenant(&world.sx, &t);
	assert_true(time_parse(facts[0].seen, &at));
	assert_int_equal(bl_reserve(&world, t.viewer, t.brand, facts[0].model, 1, id).status,
			 ST_OK);
	r = bl_settle(&world, t.viewer, t.brand, id, &used, at - 1);
	assert_int_equal(r.status, ST_OK);
	assert_true(r.unpriced);
}

static int set_up(void **state)
{
	(void)state;
	read_history();
	bl_start(&world);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bl_stop(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_of_every_recorded_change),
		cmocka_unit_test(every_line_of_the_file_is_a_price),
		cmocka_unit_test(before_the_first_price_nobody_knows_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
