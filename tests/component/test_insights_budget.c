/*
 * ai-insights and a budget without room: what others hold is waited for, as long as a turn may
 * begin; what is spent is not. Read next: test_insights_model.c.
 */
#include "component/insights_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define REFUSALS  3
#define NO_END    1000000 /* refusals */
#define SHORT_MS  6000
#define TRIES_MAX 5 /* three quarters of SHORT_MS, a second apart */

static struct in_world world;
static struct sx_tenant tenant;

static struct in_answer ask_within(int ms)
{
	struct in_answer a = in_ask_within(&world, &tenant, IN_QUESTION, ms);

	if (a.status != ST_OK || !a.answer)
		fail_msg("%s: %s (%s)", status_name(a.status), a.detail, a.parts);
	assert_string_equal(a.text, a.answer->answer);
	return a;
}

/* By the model, in so many calls, and each is paid. */
static void assert_paid(const struct in_answer *a, int calls)
{
	assert_false(a->answer->fallback_used);
	assert_string_equal(a->answer->model, IN_MODEL);
	assert_int_equal(a->answer->n_untraced, 0);
	assert_int_equal(in_calls(&world, a->question_id, "settled"), calls);
	assert_int_equal(a->answer->cost->units, calls * IN_COST);
	in_check_ledger(&world);
}

static void assert_by_the_analyst(const struct in_answer *a, const char *reason)
{
	assert_true(a->answer->fallback_used);
	assert_string_equal(a->answer->fallback_reason, reason);
	assert_string_equal(a->answer->model, "analyst");
	assert_int_equal(a->answer->cost->units, 0);
	assert_int_equal(ip_seen(&world.provider).requests, 0);
}

/* ---- what others hold ---- */

/* Before the first turn, and before the second. */
static void it_waits_and_then_gets_it(void **state)
{
	(void)state;
	for (int before = 0; before < 2; before++) {
		struct in_answer a;

		in_fresh(&world);
		in_busy(&world, before, REFUSALS);
		a = ask_within(IN_ASK_MS);
		assert_paid(&a, 2);
		assert_int_equal(in_reserves(&world), 2 + REFUSALS);
	}
}

/* A broken attempt was billed, so the next one needs a reservation of its own. */
static void the_next_attempt_waits_too(void **state)
{
	struct in_answer a;

	(void)state;
	ip_set(&world.provider, IP_BREAK_EARLY);
	in_busy(&world, 1, REFUSALS);
	a = ask_within(IN_ASK_MS);
	assert_paid(&a, 3);
	assert_int_equal(in_reserves(&world), 3 + REFUSALS);
}

static void it_does_not_wait_for_ever(void **state)
{
	struct in_answer a;

	(void)state;
	in_busy(&world, 0, NO_END);
	a = ask_within(SHORT_MS);
	assert_by_the_analyst(&a, "budget");
	assert_in_range(in_reserves(&world), 1, TRIES_MAX);
}

/* ---- what is spent ---- */

static void spent_is_the_analyst_at_once(void **state)
{
	struct in_answer a;

	(void)state;
	in_billing(&world, IN_BILLING_SPENT);
	a = ask_within(IN_ASK_MS);
	assert_by_the_analyst(&a, "budget");
	assert_int_equal(in_reserves(&world), 1);
}

/* ---- who does not wait ---- */

static bool was_refused(void *arg)
{
	(void)arg;
	return in_reserves(&world) >= 2;
}

/* Long before no turn may begin any more: the time of the question is not up then. */
static void who_leaves_does_not_wait(void **state)
{
	char id[UUID_TEXT];

	(void)state;
	in_busy(&world, 0, NO_END);
	in_ask_until(&world, &tenant, was_refused, NULL, id);
	sx_until(&world.sx, 1,
		 "SELECT count(*) FROM ai_insights.questions WHERE question_id = '%s'"
		 " AND state = 'failed'",
		 id);
	assert_int_equal(ip_seen(&world.provider).requests, 0);
	assert_int_equal(world.n_ledger, 0);
}

static void *stop_while_it_waits(void *arg)
{
	(void)arg;
	if (tk_wait_until(was_refused, NULL, IN_WAIT_MS))
		sx_service_stop(&world.sx);
	return NULL;
}

static void the_end_of_the_process_does_not_wait(void **state)
{
	struct in_answer a;
	pthread_t stopper;

	(void)state;
	in_busy(&world, 0, NO_END);
	assert_int_equal(pthread_create(&stopper, NULL, stop_while_it_waits, NULL), 0);
	a = ask_within(IN_ASK_MS);
	pthread_join(stopper, NULL);
	sx_service_start(&world.sx);
	assert_by_the_analyst(&a, "unfinished");
}

static int set_up(void **state)
{
	(void)state;
	in_start(&world, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	in_stop(&world);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	in_fresh(&world);
	sx_tenant(&world.sx, &tenant);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_waits_and_then_gets_it), TEST(the_next_attempt_waits_too),
		TEST(it_does_not_wait_for_ever), TEST(spent_is_the_analyst_at_once),
		TEST(who_leaves_does_not_wait),  TEST(the_end_of_the_process_does_not_wait),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
