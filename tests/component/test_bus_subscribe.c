/*
 * Plain subscriptions of libs/bus on a real nats-server: order, and their end while messages
 * arrive.
 */
#include "component/bus_fixture.h"
#include "core/magic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PATIENT_MS 60000

static struct broker broker;
static struct bus *callee, *caller;

static int set_up(void **state)
{
	(void)state;
	broker_start(&broker, NULL);
	callee = fixture_bus(&broker, "callee");
	caller = fixture_bus(&broker, "caller");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bus_close(caller, 1000);
	bus_close(callee, 1000);
	broker_stop(&broker);
	return 0;
}

struct counter_goal {
	atomic_int *counter;
	int at_least;
};

static bool counter_reached(void *arg)
{
	struct counter_goal *g = arg;

	return atomic_load(g->counter) >= g->at_least;
}

struct heard {
	atomic_int n, disorder;
};

static void hear(void *arg, const struct bus_msg *m)
{
	struct heard *h = arg;
	const char *number = bus_msg_header(m, "Pp-N");

	if (!number || strtol(number, NULL, 10) != atomic_load(&h->n))
		atomic_fetch_add(&h->disorder, 1);
	atomic_fetch_add(&h->n, 1);
}

static void test_broadcasts_reach_everybody_in_order(void **state)
{
	enum { N = 2000 };
	struct heard here = { 0 }, there = { 0 };
	struct counter_goal a = { &here.n, N }, b = { &there.n, N };
	struct bus_sub *s1, *s2;
	char number[16];

	(void)state;
	assert_int_equal(bus_subscribe(callee, "pp.ctl.news.*", hear, &here, &s1), ST_OK);
	assert_int_equal(bus_subscribe(caller, "pp.ctl.>", hear, &there, &s2), ST_OK);
	assert_int_equal(bus_flush(callee, PATIENT_MS), ST_OK);
	for (int i = 0; i < N; i++) {
		snprintf(number, sizeof(number), "%d", i);
		assert_int_equal(bus_publish(caller, "pp.ctl.news.x",
					     &(struct bus_header){ "Pp-N", number }, 1, NULL, 0),
				 ST_OK);
	}
	assert_true(wait_for(counter_reached, &a));
	assert_true(wait_for(counter_reached, &b));
	bus_unsubscribe(s1);
	bus_unsubscribe(s2);
	assert_int_equal(bus_publish(caller, "pp.ctl.news.x", NULL, 0, NULL, 0), ST_OK);
	assert_int_equal(bus_flush(caller, PATIENT_MS), ST_OK);
	assert_int_equal(bus_flush(callee, PATIENT_MS), ST_OK);
	assert_int_equal(atomic_load(&here.n), N);
	assert_int_equal(atomic_load(&there.n), N);
	assert_int_equal(atomic_load(&here.disorder) + atomic_load(&there.disorder), 0);
}

struct flood {
	atomic_bool enough;
	atomic_int sent;
};

static void *flood_main(void *arg)
{
	struct flood *f = arg;

	while (!atomic_load(&f->enough)) {
		INVARIANT(bus_publish(caller, "pp.ctl.flood", NULL, 0, "x", 1) == ST_OK);
		atomic_fetch_add(&f->sent, 1);
	}
	return NULL;
}

static void count_heard(void *arg, const struct bus_msg *m)
{
	(void)m;
	atomic_fetch_add(&((struct heard *)arg)->n, 1);
}

/* cnats 3.4.1 by itself crashes here: a message arrives for a subscription that is being freed. */
static void test_unsubscribing_under_fire(void **state)
{
	struct flood f = { 0 };
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, flood_main, &f), 0);
	for (int i = 0; i < 200; i++) {
		struct heard *h = calloc(1, sizeof(*h));
		struct counter_goal some = { &h->n, 3 };
		struct bus_sub *s;
		int n;

		assert_int_equal(bus_subscribe(callee, "pp.ctl.flood", count_heard, h, &s), ST_OK);
		assert_true(wait_for(counter_reached, &some));
		bus_unsubscribe(s);
		n = atomic_load(&h->n);
		assert_true(n >= 3);
		free(h);
	}
	atomic_store(&f.enough, true);
	pthread_join(t, NULL);
	assert_true(bus_connected(callee));
}

struct blocked {
	struct gate gate;
	atomic_int n;
};

static void hear_behind_gate(void *arg, const struct bus_msg *m)
{
	struct blocked *b = arg;

	(void)m;
	gate_pass(&b->gate);
	atomic_fetch_add(&b->n, 1);
}

static bool slow_consumer_counted(void *arg)
{
	struct bus_stats st;

	(void)arg;
	bus_stats(callee, &st);
	return st.slow_consumers > 0;
}

/* A callback that stands still costs messages, not memory, and it is counted. */
static void test_a_slow_subscriber_is_counted(void **state)
{
	enum { KEPT = 65536, SENT = KEPT + 5000 };
	struct blocked b = { .n = 0 };
	struct counter_goal all = { &b.n, KEPT };
	struct bus_sub *s;

	(void)state;
	gate_init(&b.gate);
	assert_int_equal(bus_subscribe(callee, "pp.ctl.slow", hear_behind_gate, &b, &s), ST_OK);
	assert_int_equal(bus_flush(callee, PATIENT_MS), ST_OK);
	for (int i = 0; i < SENT; i++)
		assert_int_equal(bus_publish(caller, "pp.ctl.slow", NULL, 0, NULL, 0), ST_OK);
	assert_int_equal(bus_flush(caller, PATIENT_MS), ST_OK);
	assert_int_equal(bus_flush(callee, PATIENT_MS), ST_OK);
	assert_true(wait_for(slow_consumer_counted, NULL));
	gate_open(&b.gate);
	assert_true(wait_for(counter_reached, &all));
	bus_unsubscribe(s);
	/* The one held at the gate was not in the list any more. */
	assert_in_range(atomic_load(&b.n), KEPT, KEPT + 1);
	assert_true(bus_connected(callee));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broadcasts_reach_everybody_in_order),
		cmocka_unit_test(test_unsubscribing_under_fire),
		cmocka_unit_test(test_a_slow_subscriber_is_counted),
	};

	return cmocka_run_group_tests_name("bus_subscribe", tests, set_up, tear_down);
}
