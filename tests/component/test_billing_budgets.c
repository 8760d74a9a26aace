/*
 * Hard budgets: they hold under fifty at a time, each refusal says whether waiting helps, and a
 * limit is told of once, when it was reached. Read next: test_billing_prices.c.
 */
#include "component/billing_fixture.h"

#include "core/timeutil.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PARALLEL    50
#define FITS        20
#define ROUNDS      10
#define BUSY_WAIT_S 1 /* as migrations/0003_functions.sql says */

static struct bl_world world;

/* ---- refusals ---- */

static int64_t crossings(const struct sx_tenant *t)
{
	return sx_int(&world.sx,
		      "SELECT count(*) FROM token_billing.crossings WHERE tenant_id = '%s'", t->id);
}

static int64_t seconds_of_the_day_left(void)
{
	int64_t now = time_now_us() / US_PER_SECOND;

	return 86400 - now % 86400;
}

/* Refused for now: what is held is in the way, which is no news for anybody. */
static void assert_busy(struct bl_reply r, const char *whose)
{
	assert_int_equal(r.status, ST_LIMITED);
	assert_non_null(strstr(r.detail, "calls under way hold"));
	assert_non_null(strstr(r.detail, whose));
	assert_int_equal(r.retry_after_s, BUSY_WAIT_S);
}

/* Refused until the day is over. */
static void assert_spent(struct bl_reply r, const char *whose, int64_t left_before)
{
	assert_int_equal(r.status, ST_LIMITED);
	assert_non_null(strstr(r.detail, "is spent"));
	assert_non_null(strstr(r.detail, whose));
	assert_in_range(r.retry_after_s, seconds_of_the_day_left(), left_before + 1);
}

static struct bl_reply reserve(const struct sx_tenant *t, uint64_t tokens)
{
	char id[UUID_TEXT] = "";

	return bl_reserve(&world, t->viewer, t->brand, BL_MODEL, tokens, id);
}

/* ---- all at once ---- */

struct racer {
	const struct sx_tenant *t;
	struct bl_reply r;
	char id[UUID_TEXT];
};

static void *race(void *arg)
{
	struct racer *x = arg;

	x->r = bl_reserve(&world, x->t->viewer, x->t->brand, BL_MODEL, BL_TOKENS, x->id);
	return NULL;
}

/* All at once, each with an id of its own ("") or all with the same; how many were let through. The
 * others were told to come again. */
static int race_all(const struct sx_tenant *t, struct racer *all, const char *id)
{
	pthread_t threads[PARALLEL];
	int through = 0;

	for (int i = 0; i < PARALLEL; i++) {
		all[i] = (struct racer){ .t = t };
		snprintf(all[i].id, UUID_TEXT, "%s", id);
		assert_int_equal(pthread_create(&threads[i], NULL, race, &all[i]), 0);
	}
	for (int i = 0; i < PARALLEL; i++) {
		pthread_join(threads[i], NULL);
		if (all[i].r.status == ST_OK)
			through++;
		else
			assert_busy(all[i].r, "");
	}
	return through;
}

/* Those that were let through, each at the cost of so many tokens. */
static void settle_all(const struct sx_tenant *t, const struct racer *all, uint64_t tokens)
{
	const Billing__V1__TokenCounts used = bl_input(tokens);

	for (int i = 0; i < PARALLEL; i++)
		if (all[i].r.status == ST_OK)
			assert_int_equal(
				bl_settle(&world, t->viewer, t->brand, all[i].id, &used, 0).status,
				ST_OK);
}

static void until_told(const struct sx_tenant *t, int64_t levels)
{
	sx_until(&world.sx, levels,
		 "SELECT count(*) FROM token_billing.outbox WHERE subject ="
		 " 'pp.evt.%s.token-billing.budget.crossed'",
		 t->id);
}

static void a_hard_budget_holds_with_fifty_at_once(void **state)
{
	static struct racer all[PARALLEL];
	const int64_t left = seconds_of_the_day_left();
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world.sx, &t);
	bl_budget(&world, &t, "", BL_NANO * FITS / 2, BL_NANO * FITS);
	assert_int_equal(race_all(&t, all, ""), FITS);
	bl_check_books(&world, &t);
	assert_busy(reserve(&t, 1), "tenant");
	/* All of it is held, and nothing is used: nobody is told that a limit was reached. */
	assert_int_equal(crossings(&t), 0);
	/* Half of what was held is not used: so many fit again, and not one more. */
	settle_all(&t, all, BL_TOKENS / 2);
	until_told(&t, 1);
	assert_int_equal(race_all(&t, all, ""), FITS / 2);
	bl_check_books(&world, &t);
	assert_int_equal(crossings(&t), 1);
	settle_all(&t, all, BL_TOKENS);
	assert_spent(reserve(&t, 1), "tenant", left);
	bl_check_books(&world, &t);
	/* Each level is told once. */
	until_told(&t, 2);
	assert_int_equal(bl_events(&world, &t, "budget.crossed"), 2);
}

static void a_brand_has_a_budget_of_its_own(void **state)
{
	static struct racer all[PARALLEL];
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world.sx, &t);
	bl_budget(&world, &t, "", -1, BL_NANO * 30);
	bl_budget(&world, &t, t.brand, -1, BL_NANO * 7);
	assert_int_equal(race_all(&t, all, ""), 7);
	bl_check_books(&world, &t);
}

/* There is room for it once: what its first asking holds is not in the way of the others. */
static void one_call_asked_for_fifty_times_is_held_once(void **state)
{
	static struct racer all[PARALLEL];
	struct sx_tenant t;
	char id[UUID_TEXT];

	(void)state;
	sx_tenant(&world.sx, &t);
	bl_budget(&world, &t, "", -1, BL_NANO);
	for (int round = 0; round < ROUNDS; round++) {
		uuid_v7(id);
		assert_int_equal(race_all(&t, all, id), PARALLEL);
		for (int i = 0; i < PARALLEL; i++)
			assert_int_equal(all[i].r.nano, BL_NANO);
		bl_check_books(&world, &t);
		assert_busy(reserve(&t, 1), "tenant");
		/* Room for the next round. */
		assert_int_equal(bl_settle(&world, t.viewer, t.brand, id, NULL, 0).status, ST_OK);
	}
	assert_int_equal(crossings(&t), 0);
	assert_int_equal(sx_int(&world.sx,
				"SELECT count(*) FROM token_billing.reservations WHERE tenant_id ="
				" '%s' AND state = 'released'",
				t.id),
			 ROUNDS);
}

/* ---- one after another ---- */

static void what_is_held_comes_back_and_what_is_spent_does_not(void **state)
{
	const Billing__V1__TokenCounts half = bl_input(BL_TOKENS);
	const int64_t left = seconds_of_the_day_left();
	char id[UUID_TEXT] = "";
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world.sx, &t);
	bl_budget(&world, &t, "", -1, BL_NANO * 2);
	assert_int_equal(bl_reserve(&world, t.viewer, t.brand, BL_MODEL, BL_TOKENS * 2, id).status,
			 ST_OK);
	assert_busy(reserve(&t, 1), "tenant");
	assert_busy(reserve(&t, BL_TOKENS * 2), "tenant");
	assert_int_equal(crossings(&t), 0);
	assert_spent(reserve(&t, BL_TOKENS * 2 + 1), "tenant", left);
	assert_int_equal(crossings(&t), 1);
	/* It tells what is used; not what was asked for, nor what is held. */
	assert_int_equal(
		sx_int(&world.sx,
		       "SELECT used_nano FROM token_billing.crossings WHERE tenant_id = '%s'",
		       t.id),
		0);
	assert_int_equal(bl_settle(&world, t.viewer, t.brand, id, &half, 0).status, ST_OK);
	assert_spent(reserve(&t, BL_TOKENS + 1), "tenant", left);
	assert_int_equal(reserve(&t, BL_TOKENS).status, ST_OK);
	assert_busy(reserve(&t, 1), "tenant");
	assert_int_equal(crossings(&t), 1);
	bl_check_books(&world, &t);
}

/* Of two budgets without room the one is named that will not have it. */
static void what_is_spent_counts_more_than_what_is_held(void **state)
{
	const int64_t left = seconds_of_the_day_left();
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world.sx, &t);
	bl_budget(&world, &t, "", -1, BL_NANO);
	bl_budget(&world, &t, t.brand, -1, BL_NANO * 2);
	assert_int_equal(reserve(&t, BL_TOKENS).status, ST_OK);
	assert_busy(reserve(&t, 1), "tenant");
	assert_spent(reserve(&t, BL_TOKENS * 2), "tenant", left);
	bl_budget(&world, &t, "", -1, BL_NANO * 2);
	bl_budget(&world, &t, t.brand, -1, BL_NANO);
	assert_busy(reserve(&t, 1), "brand");
	assert_spent(reserve(&t, BL_TOKENS * 2), "brand", left);
	bl_check_books(&world, &t);
}

static int set_up(void **state)
{
	(void)state;
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
		cmocka_unit_test(a_hard_budget_holds_with_fifty_at_once),
		cmocka_unit_test(a_brand_has_a_budget_of_its_own),
		cmocka_unit_test(one_call_asked_for_fifty_times_is_held_once),
		cmocka_unit_test(what_is_held_comes_back_and_what_is_spent_does_not),
		cmocka_unit_test(what_is_spent_counts_more_than_what_is_held),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
