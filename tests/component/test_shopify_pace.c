/*
 * Runs of ingest-shopify at a shop on Shopify's smallest plan, whose budget they use up: alone they
 * wait in time and are never throttled; several at once are, and still end exact. Read next:
 * shopify_fixture.h, services/ingest-shopify/pace.h.
 */
#include "component/shopify_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PROJECTED PULSEPOINT__SYNC_STATE__SYNC_STATE_PROJECTING
#define DONE      PULSEPOINT__SYNC_STATE__SYNC_STATE_DONE
#define RUNS_MAX  5
#define DRAINED   20 /* points */
#define RIVALS    3

static struct sx_world world;

static int set_up(void **state)
{
	(void)state;
	sx_start(&world, "standard");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sx_stop(&world);
	return 0;
}

struct watched {
	const struct sx_tenant *t;
	const char *run;
	bool waited;
};

static bool ended(void *arg)
{
	struct watched *x = arg;
	const Pulsepoint__SyncRun *run = sx_run(&world, x->t, x->run);

	x->waited = x->waited || strcmp(run->note, "waiting for Shopify's query budget") == 0;
	return run->state == PROJECTED;
}

/* With a bucket that is nearly empty the run waits before it asks, and tells so. */
static void test_alone(void **state)
{
	struct watched x = { 0 };
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world, &t);
	sx_connect(&world, &t);
	x.t = &t;
	x.run = sx_sync(&world, &t, true); /* learns what the questions cost */
	assert_true(tk_wait_until(ended, &x, SX_WAIT_MS));
	sx_announce(&world, &t, x.run, "shopify");
	sx_await(&world, &t, x.run, DONE);
	for (int i = 0; i < RUNS_MAX && !x.waited; i++) {
		sx_drain(&world, DRAINED);
		x.run = sx_sync(&world, &t, true);
		assert_true(tk_wait_until(ended, &x, SX_WAIT_MS));
		sx_announce(&world, &t, x.run, "shopify");
		assert_int_equal(sx_await(&world, &t, x.run, DONE)->retries, 0);
	}
	assert_true(x.waited);
	sx_check_totals(&world, &t);
	assert_int_equal(sx_served(&world, "", "throttled"), 0);
}

/* The bucket is the app's and the shop's: who takes from it does not know of the others. */
static void test_rivals(void **state)
{
	struct sx_tenant t[RIVALS];
	const char *runs[RIVALS];

	(void)state;
	for (int i = 0; i < RIVALS; i++) {
		sx_tenant(&world, &t[i]);
		sx_connect(&world, &t[i]);
	}
	for (int i = 0; i < RIVALS; i++)
		runs[i] = sx_sync(&world, &t[i], false);
	for (int i = 0; i < RIVALS; i++) {
		assert_int_equal(sx_await(&world, &t[i], runs[i], PROJECTED)->retries, 0);
		sx_check_totals(&world, &t[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_rivals),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
