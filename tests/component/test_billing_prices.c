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
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HISTORY    "data/llm-prices/price_history.csv"
#define LINES      1000
#define CHANGES    8
#define LOAD_MS    20000
#define PRICES_MAX 200000 /* BOOK_MAX in book.h */

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

static bool no_price(const struct fact *x)
{
	return x->rate[0][0] && strtod(x->rate[0], NULL) == 0 && x->rate[1][0] &&
	       strtod(x->rate[1], NULL) == 0;
}

/* Every rate of the file is in the table as it stands in the file; of a line with 0 in both
 * directions the table says that nobody knows. */
static void every_line_of_the_file_is_a_price(void **state)
{
	static const char *const kinds[] = { "input", "output", "cache_write_5m", "cache_read" };
	int checked = 0, unknown = 0;

	(void)state;
	for (int i = 0; i < n_facts; i++)
		for (int k = 0; k < 4; k++) {
			const struct fact *x = &facts[i];
			const char *rate;

			if (!x->rate[k][0])
				continue;
			rate = no_price(x) ? "NULL"
					   : arena_printf(world.sx.arena, "%s::numeric * 1e15",
							  x->rate[k]);
			unknown += no_price(x);
			assert_int_equal(
				sx_int(&world.sx,
				       "SELECT count(*) FROM token_billing.prices WHERE model = "
				       "'%s'"
				       " AND kind = '%s' AND effective_from = '%s'::timestamptz AND"
				       " nano_usd_per_mtok IS NOT DISTINCT FROM %s",
				       x->model, kinds[k], x->seen, rate),
				1);
			checked++;
		}
	assert_true(checked > 500);
	assert_int_equal(unknown, 14);
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

/* ---- later prices ---- */

#define HEAD "seen_at,commit,model,event,input,output,write_5m,read,write_1h\n"

/* What `token-billing --load-prices` says of the text, and its exit code. */
static int load(const char *text, char *said, size_t cap)
{
	const char *const argv[] = { tk_bin("token-billing"), "--load-prices",
				     tk_write_file("later.csv", text), NULL };
	struct tk_env env = { 0 };
	int code;

	tk_env_load(&env, arena_printf(world.sx.arena, "%s/token-billing.env", world.sx.dir));
	code = tk_run(argv, &env, LOAD_MS, said, cap);
	tk_env_done(&env);
	return code;
}

static void refused(const char *text, const char *why)
{
	int64_t before = sx_int(&world.sx, "SELECT count(*) FROM token_billing.prices");
	char said[1024];

	assert_int_equal(load(text, said, sizeof(said)), 1);
	if (!strstr(said, why))
		fail_msg("said `%s`, not `%s`", said, why);
	assert_int_equal(sx_int(&world.sx, "SELECT count(*) FROM token_billing.prices"), before);
}

static void a_wrong_line_is_named_and_none_is_loaded(void **state)
{
	static const char good[] =
		HEAD "2026-10-01T00:00:00+00:00,x,claude-later,new,1e-06,2e-06,,,\n";
	char said[1024];

	(void)state;
#define WITH(line) arena_printf(world.sx.arena, "%s%s\n", good, line)
	refused(WITH("2026-10-01,x,claude-b,new,1e-06,2e-06,,,"),
		"later.csv:3: column 1 is no time");
	refused(WITH("2026-10-01T00:00:00+00:00,x,,new,1e-06,2e-06,,,"), "later.csv:3: column 3");
	refused(WITH("2026-10-01T00:00:00+00:00,x,claude-b,new,-1e-06,2e-06,,,"),
		"later.csv:3: column 5 is no rate");
	refused(WITH("2026-10-01T00:00:00+00:00,x,claude-b,new,1e-06,2e-16,,,"),
		"later.csv:3: column 6 is no rate");
	refused(WITH("2026-10-01T00:00:00+00:00,x,claude-b,new,1e-06"), "later.csv:3: column 5");
	refused(WITH("2026-10-01T00:00:00+00:00,x,claude-b,new,1,2,3,4,5,6"),
		"later.csv:3: column 10");
	refused(good + sizeof(HEAD) - 1, "later.csv:1: column 1 is not `seen_at`");
	/* What is there is not changed. */
	refused(WITH(arena_printf(world.sx.arena, "%s,x,%s,changed,1.25e-07,,,,", facts[0].seen,
				  facts[0].model)),
		"has another input rate at that time already");
#undef WITH
	assert_int_equal(load("", said, sizeof(said)), 0);
	assert_non_null(strstr(said, "0 of 0 rates are new"));
}

/* Reserves until the running service knows (or does not know) the model's price. */
static void await_priced(const struct sx_tenant *t, const char *model)
{
	const int64_t deadline = time_mono_us() + LOAD_MS * INT64_C(1000);
	struct bl_reply r;

	do {
		char id[UUID_TEXT] = "";

		assert_true(time_mono_us() < deadline);
		r = bl_reserve(&world, t->viewer, t->brand, model, 1000000, id);
		assert_int_equal(r.status, ST_OK);
	} while (r.unpriced);
	assert_int_equal(r.nano, INT64_C(1500000000));
}

static void later_prices_are_loaded_once_and_heard_by_who_runs(void **state)
{
	static const char text[] =
		HEAD "2026-03-01T00:00:00+00:00,x,claude-later,new,1.5e-06,2e-06,1.875e-06,1.5e-07,"
		     "3e-06\n"
		     "2026-03-02T00:00:00+01:00,x,claude-given-away,new,0.0,0,,0\r\n";
	struct sx_tenant t;
	char said[1024], id[UUID_TEXT] = "";

	(void)state;
	sx_tenant(&world.sx, &t);
	assert_true(bl_reserve(&world, t.viewer, t.brand, "claude-later", 1, id).unpriced);
	assert_int_equal(load(text, said, sizeof(said)), 0);
	assert_string_equal(said, "8 of 8 rates are new\n");
	assert_int_equal(load(text, said, sizeof(said)), 0);
	assert_string_equal(said, "0 of 8 rates are new\n");
	assert_int_equal(sx_int(&world.sx, "SELECT sum(nano_usd_per_mtok) FROM token_billing.prices"
					   " WHERE model = 'claude-later'"),
			 INT64_C(8525000000));
	/* Nothing in both directions is no price: nobody knows what it costs. */
	assert_int_equal(sx_int(&world.sx, "SELECT count(*) FROM token_billing.prices WHERE model ="
					   " 'claude-given-away' AND nano_usd_per_mtok IS NULL"),
			 3);
	await_priced(&t, "claude-later");
	id[0] = '\0';
	assert_true(bl_reserve(&world, t.viewer, t.brand, "claude-given-away", 1, id).unpriced);
}

/* As many as a process reads, and not one more: who runs goes on with what it has. */
static void more_prices_than_are_read_are_not_loaded(void **state)
{
	static const char text[] =
		HEAD "2026-04-01T00:00:00+00:00,x,claude-the-last,new,1.5e-06,2e-06,,,\n";
	struct sx_tenant t;
	char said[1024];

	(void)state;
	sx_tenant(&world.sx, &t);
	(void)sx_text(&world.sx,
		      "INSERT INTO token_billing.prices (provider, model, kind, effective_from,"
		      " nano_usd_per_mtok, source) SELECT 'x', 'many', 'input', now() - n *"
		      " interval '1 second', n, 'x' FROM generate_series(1, %d - (SELECT count(*)"
		      " FROM token_billing.prices)) n",
		      PRICES_MAX - 2);
	assert_int_equal(load(text, said, sizeof(said)), 0);
	await_priced(&t, "claude-the-last");
	refused(HEAD "2026-04-02T00:00:00+00:00,x,claude-too-many,new,1.5e-06,,,,\n",
		"more than 200000 prices");
	/* What is there already is no more. */
	assert_int_equal(load(text, said, sizeof(said)), 0);
	assert_string_equal(said, "0 of 2 rates are new\n");
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
		cmocka_unit_test(a_wrong_line_is_named_and_none_is_loaded),
		cmocka_unit_test(later_prices_are_loaded_once_and_heard_by_who_runs),
		cmocka_unit_test(more_prices_than_are_read_are_not_loaded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
