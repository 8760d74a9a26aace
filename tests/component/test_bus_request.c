/*
 * Requests, replies and the worker pool on a real nats-server.
 */
#include "component/bus_fixture.h"
#include "core/magic.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Long enough that a test which waits it out is seen to hang; what must be at once is told apart by
 * its status. */
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

/* ---- handlers ---- */
static const char *const copied[] = { "Pp-A", "Pp-B", "Pp-Empty", "Pp-Last" };

static void reply_status(struct bus_msg *m, const char *status)
{
	struct bus_header h = { "Pp-Status", status };

	INVARIANT(bus_reply(callee, m, &h, 1, NULL, 0) == ST_OK);
}

static void say_full(void *arg, struct bus_msg *m)
{
	(void)arg;
	reply_status(m, "full");
}

/* Sends data and headers back; a header that did not arrive comes back as "(none)". */
static void echo(void *arg, struct bus_msg *m)
{
	struct bus_header h[4];
	const void *data;
	size_t len;

	(void)arg;
	for (int i = 0; i < 4; i++) {
		const char *value = bus_msg_header(m, copied[i]);

		h[i] = (struct bus_header){ copied[i], value ? value : "(none)" };
	}
	data = bus_msg_data(m, &len);
	INVARIANT(bus_reply(callee, m, h, 4, data, len) == ST_OK);
}

struct gated {
	struct gate gate;
	atomic_int entered, answered;
};

static void answer_behind_gate(void *arg, struct bus_msg *m)
{
	struct gated *g = arg;

	atomic_fetch_add(&g->entered, 1);
	gate_pass(&g->gate);
	reply_status(m, "ok");
	atomic_fetch_add(&g->answered, 1);
}

static struct bus_server *serve(struct bus *bus, const char *subject, int workers, int queue,
				bus_serve_fn *fn, void *arg)
{
	struct bus_server_config cfg = {
		.subject = subject,
		.queue = "q",
		.workers = workers,
		.queue_max = queue,
		.serve = fn,
		.full = say_full,
		.arg = arg,
	};
	struct bus_server *s = NULL;

	assert_int_equal(bus_serve(bus, &cfg, &s), ST_OK);
	assert_int_equal(bus_flush(bus, PATIENT_MS), ST_OK);
	return s;
}

/* ---- request and reply ---- */
static void test_data_and_headers_come_through(void **state)
{
	struct bus_server *s = serve(callee, "pp.rpc.echo.>", 2, 16, echo, NULL);
	struct bus_header h[] = {
		{ "Pp-A", "one two" },
		{ "Pp-B", "100% \xc3\xa9: \"x\", y" },
		{ "Pp-Empty", "" },
		{ "Pp-Last", "line\r\nbreak: injected" },
	};
	const char body[] = "bytes\0with\r\nNUL";
	struct bus_msg *m;
	const void *data;
	size_t len;

	(void)state;
	assert_int_equal(
		bus_request(caller, "pp.rpc.echo.get", h, 4, body, sizeof(body), PATIENT_MS, &m),
		ST_OK);
	data = bus_msg_data(m, &len);
	assert_int_equal(len, sizeof(body));
	assert_memory_equal(data, body, sizeof(body));
	assert_string_equal(bus_msg_header(m, "Pp-A"), "one two");
	assert_string_equal(bus_msg_header(m, "Pp-B"), h[1].value);
	assert_string_equal(bus_msg_header(m, "Pp-Empty"), "(none)");
	assert_string_equal(bus_msg_header(m, "Pp-Last"), "line  break: injected");
	assert_null(bus_msg_header(m, "break"));
	bus_msg_free(m);
	bus_server_stop(s, 1000);
}

static void test_large_bodies(void **state)
{
	struct bus_server *s = serve(callee, "pp.rpc.echo.>", 2, 16, echo, NULL);
	static const size_t sizes[] = { 0, 1, 32767, 32768, 32769, 500000, 1000000 };
	char *body = malloc(BUS_PAYLOAD_MAX + 1);
	struct bus_msg *m;
	size_t len;

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i <= BUS_PAYLOAD_MAX; i++)
		body[i] = (char)(i * 31 + i / 251);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(bus_request(caller, "pp.rpc.echo.get", NULL, 0, body, sizes[i],
					     PATIENT_MS, &m),
				 ST_OK);
		assert_memory_equal(bus_msg_data(m, &len), body, sizes[i]);
		assert_int_equal(len, sizes[i]);
		bus_msg_free(m);
	}
	assert_int_equal(bus_request(caller, "pp.rpc.echo.get", NULL, 0, body, BUS_PAYLOAD_MAX + 1,
				     PATIENT_MS, &m),
			 ST_TOO_LARGE);
	/* The server counts headers too. */
	assert_int_equal(bus_request(caller, "pp.rpc.echo.get", &(struct bus_header){ "Pp-A", "x" },
				     1, body, BUS_PAYLOAD_MAX, PATIENT_MS, &m),
			 ST_TOO_LARGE);
	assert_true(bus_connected(caller));
	free(body);
	bus_server_stop(s, 1000);
}

static void test_nobody_listens(void **state)
{
	struct bus_msg *m = NULL;

	(void)state;
	assert_int_equal(bus_request(caller, "pp.rpc.nobody.get", NULL, 0, "x", 1, PATIENT_MS, &m),
			 ST_UNAVAILABLE);
	assert_null(m);
}

static void test_no_answer_in_time(void **state)
{
	struct gated g = { 0 };
	struct bus_server *s;
	struct bus_msg *m = NULL;

	(void)state;
	gate_init(&g.gate);
	s = serve(callee, "pp.rpc.slow.>", 1, 4, answer_behind_gate, &g);
	assert_int_equal(bus_request(caller, "pp.rpc.slow.get", NULL, 0, NULL, 0, 100, &m),
			 ST_TIMEOUT);
	assert_null(m);
	assert_int_equal(atomic_load(&g.answered), 0);
	gate_open(&g.gate);
	bus_server_stop(s, 5000);
	assert_int_equal(atomic_load(&g.answered), 1);
}

static void test_bad_input_never_reaches_the_wire(void **state)
{
	static const char *const subjects[] = {
		"",     ".",   "a.",    ".a",           "a..b",   "a b",
		"a\tb", "a.>", "a.*.b", "a\r\nPUB b 0", "a.\x7f", "caf\xc3\xa9"
	};
	struct bus_header many[BUS_HEADERS_MAX + 1];
	struct bus_msg *m = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		assert_int_equal(bus_publish(caller, subjects[i], NULL, 0, "x", 1), ST_INVALID);
		assert_int_equal(bus_request(caller, subjects[i], NULL, 0, "x", 1, 100, &m),
				 ST_INVALID);
	}
	for (int i = 0; i <= BUS_HEADERS_MAX; i++)
		many[i] = (struct bus_header){ "Pp-A", "x" };
	assert_int_equal(bus_publish(caller, "a.b", many, BUS_HEADERS_MAX + 1, "x", 1), ST_INVALID);
	assert_int_equal(bus_publish(caller, "a.b", many, BUS_HEADERS_MAX, "x", 1), ST_OK);
	many[0].name = "Bad: Name";
	assert_int_equal(bus_publish(caller, "a.b", many, 1, "x", 1), ST_INVALID);
	assert_int_equal(bus_flush(caller, PATIENT_MS), ST_OK);
	assert_false(bus_lost(caller));
}

/* ---- the queue ---- */
struct asker {
	pthread_t thread;
	const char *subject;
	enum status st;
	char said[16];
};

static void *ask_once(void *arg)
{
	struct asker *a = arg;
	struct bus_msg *m = NULL;
	const char *said;

	a->st = bus_request(caller, a->subject, NULL, 0, NULL, 0, PATIENT_MS, &m);
	if (a->st != ST_OK)
		return NULL;
	said = bus_msg_header(m, "Pp-Status");
	snprintf(a->said, sizeof(a->said), "%s", said ? said : "");
	bus_msg_free(m);
	return NULL;
}

struct stats_goal {
	const struct bus_server *s;
	uint64_t taken, refused;
	uint32_t waiting, busy;
};

static bool stats_reached(void *arg)
{
	struct stats_goal *g = arg;
	struct bus_server_stats st;

	bus_server_stats(g->s, &st);
	return st.taken == g->taken && st.refused_full == g->refused && st.waiting == g->waiting &&
	       st.busy == g->busy;
}

static void test_a_full_queue_says_so(void **state)
{
	enum { WORKERS = 2, QUEUE = 3, EXTRA = 5, ALL = WORKERS + QUEUE + EXTRA };
	struct asker a[ALL] = { 0 };
	struct gated g = { 0 };
	struct bus_server *s;
	int ok = 0;

	(void)state;
	gate_init(&g.gate);
	s = serve(callee, "pp.rpc.full.>", WORKERS, QUEUE, answer_behind_gate, &g);
	for (int i = 0; i < ALL; i++) {
		bool extra = i >= WORKERS + QUEUE;
		struct stats_goal goal = {
			.s = s,
			.taken = (uint64_t)(extra ? WORKERS + QUEUE : i + 1),
			.refused = (uint64_t)(extra ? i + 1 - WORKERS - QUEUE : 0),
			.waiting = (uint32_t)(i < WORKERS ? 0
					      : extra     ? QUEUE
							  : i + 1 - WORKERS),
			.busy = (uint32_t)(i < WORKERS ? i + 1 : WORKERS),
		};

		a[i].subject = "pp.rpc.full.get";
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask_once, &a[i]), 0);
		assert_true(wait_for(stats_reached, &goal));
	}
	/* The refused ones have their answer while every worker is still held. */
	for (int i = WORKERS + QUEUE; i < ALL; i++) {
		pthread_join(a[i].thread, NULL);
		assert_int_equal(a[i].st, ST_OK);
		assert_string_equal(a[i].said, "full");
	}
	assert_int_equal(atomic_load(&g.answered), 0);
	gate_open(&g.gate);
	for (int i = 0; i < WORKERS + QUEUE; i++) {
		pthread_join(a[i].thread, NULL);
		assert_int_equal(a[i].st, ST_OK);
		ok += strcmp(a[i].said, "ok") == 0;
	}
	assert_int_equal(ok, WORKERS + QUEUE);
	bus_server_stop(s, 5000);
}

struct bytes_goal {
	const struct bus_server *s;
	uint64_t n;
};

static bool all_decided(void *arg)
{
	struct bytes_goal *g = arg;
	struct bus_server_stats st;

	bus_server_stats(g->s, &st);
	return st.taken + st.refused_full == g->n;
}

static void wait_at_gate(void *arg, struct bus_msg *m)
{
	(void)m;
	gate_pass(arg);
}

struct heavy {
	struct gate gate; /* first: what wait_at_gate gets */
	atomic_int full;
};

static void refuse_heavy(void *arg, struct bus_msg *m)
{
	(void)m;
	atomic_fetch_add(&((struct heavy *)arg)->full, 1);
}

/* 64 MiB wait at most, however many requests that are. */
static void test_a_queue_is_full_by_bytes_too(void **state)
{
	enum { SENT = 80, SIZE = 1000000, RUNNING = 1, FIT = 64 * 1024 * 1024 / SIZE };
	struct heavy h = { .full = 0 };
	struct bus_server_config cfg = { "pp.rpc.heavy.>", "q",          1, 1000,
					 wait_at_gate,     refuse_heavy, &h };
	struct bytes_goal goal = { .n = SENT };
	struct stats_goal first = { .taken = 1, .busy = 1 };
	struct bus_server_stats st;
	struct bus_server *s;
	char *body = calloc(1, SIZE);

	(void)state;
	assert_non_null(body);
	gate_init(&h.gate);
	assert_int_equal(bus_serve(callee, &cfg, &s), ST_OK);
	assert_int_equal(bus_flush(callee, PATIENT_MS), ST_OK);
	goal.s = first.s = s;
	for (int i = 0; i < SENT; i++) {
		assert_int_equal(bus_publish(caller, "pp.rpc.heavy.get", NULL, 0, body, SIZE),
				 ST_OK);
		if (i == 0)
			assert_true(wait_for(stats_reached, &first));
	}
	assert_true(wait_for(all_decided, &goal));
	bus_server_stats(s, &st);
	assert_int_equal(st.taken, RUNNING + FIT);
	assert_int_equal(st.refused_full, SENT - RUNNING - FIT);
	assert_int_equal(atomic_load(&h.full), SENT - RUNNING - FIT);
	gate_open(&h.gate);
	bus_server_stop(s, PATIENT_MS);
	free(body);
}

struct stopping {
	struct bus_server *s;
	int drain_ms;
};

static void *stop_server(void *arg)
{
	struct stopping *st = arg;

	bus_server_stop(st->s, st->drain_ms);
	return NULL;
}

static void test_what_the_deadline_leaves_is_refused_not_dropped(void **state)
{
	enum { QUEUE = 4 };
	struct asker a[1 + QUEUE] = { 0 };
	struct stopping stop = { .drain_ms = 50 };
	struct gated g = { 0 };
	pthread_t stopper;

	(void)state;
	gate_init(&g.gate);
	stop.s = serve(callee, "pp.rpc.late.>", 1, QUEUE, answer_behind_gate, &g);
	for (int i = 0; i <= QUEUE; i++) {
		struct stats_goal goal = { stop.s, (uint64_t)i + 1, 0, (uint32_t)i, 1 };

		a[i].subject = "pp.rpc.late.get";
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask_once, &a[i]), 0);
		assert_true(wait_for(stats_reached, &goal));
	}
	assert_int_equal(pthread_create(&stopper, NULL, stop_server, &stop), 0);
	for (int i = 1; i <= QUEUE; i++) {
		pthread_join(a[i].thread, NULL);
		assert_int_equal(a[i].st, ST_OK);
		assert_string_equal(a[i].said, "full");
	}
	/* The one that runs is waited for and answers. */
	gate_open(&g.gate);
	pthread_join(a[0].thread, NULL);
	assert_int_equal(a[0].st, ST_OK);
	assert_string_equal(a[0].said, "ok");
	pthread_join(stopper, NULL);
}

/* ---- stopping under load ---- */
struct load {
	const char *subject;
	atomic_int answered, refused, unavailable, other;
	atomic_int served;
	atomic_bool enough;
};

static void count_and_answer(void *arg, struct bus_msg *m)
{
	struct load *l = arg;

	atomic_fetch_add(&l->served, 1);
	reply_status(m, "ok");
}

static void *ask_until_enough(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&l->enough)) {
		struct asker a = { .subject = l->subject };

		ask_once(&a);
		if (a.st == ST_OK && strcmp(a.said, "ok") == 0)
			atomic_fetch_add(&l->answered, 1);
		else if (a.st == ST_OK)
			atomic_fetch_add(&l->refused, 1);
		else if (a.st == ST_UNAVAILABLE)
			atomic_fetch_add(&l->unavailable, 1);
		else
			atomic_fetch_add(&l->other, 1);
	}
	return NULL;
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

#define LOADERS 12

static void test_stopping_answers_everything_taken(void **state)
{
	struct load l = { .subject = "pp.rpc.drain.get" };
	struct counter_goal busy = { &l.answered, 2000 }, gone = { &l.unavailable, 50 };
	struct bus_server *s = serve(callee, "pp.rpc.drain.>", 4, 256, count_and_answer, &l);
	pthread_t t[LOADERS];

	(void)state;
	for (int i = 0; i < LOADERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask_until_enough, &l), 0);
	assert_true(wait_for(counter_reached, &busy));
	bus_server_stop(s, 10000);
	assert_true(wait_for(counter_reached, &gone));
	atomic_store(&l.enough, true);
	for (int i = 0; i < LOADERS; i++)
		pthread_join(t[i], NULL);
	/* Every request got an answer or was told at once that nobody listens; none was lost on the
	 * way down. */
	assert_int_equal(atomic_load(&l.answered), atomic_load(&l.served));
	assert_int_equal(atomic_load(&l.refused), 0);
	assert_int_equal(atomic_load(&l.other), 0);
}

static void test_a_second_copy_takes_over_without_a_lost_request(void **state)
{
	struct load l = { .subject = "pp.rpc.copies.get" };
	struct counter_goal busy = { &l.answered, 1000 };
	struct bus *other = fixture_bus(&broker, "callee-2");
	struct bus_server *first, *second;
	pthread_t t[LOADERS];
	int rounds = 3;

	(void)state;
	first = serve(callee, "pp.rpc.copies.>", 4, 256, count_and_answer, &l);
	for (int i = 0; i < LOADERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask_until_enough, &l), 0);
	while (rounds-- > 0) {
		assert_true(wait_for(counter_reached, &busy));
		second = serve(other, "pp.rpc.copies.>", 4, 256, count_and_answer, &l);
		bus_server_stop(first, 10000);
		busy.at_least = atomic_load(&l.answered) + 500;
		assert_true(wait_for(counter_reached, &busy));
		first = serve(callee, "pp.rpc.copies.>", 4, 256, count_and_answer, &l);
		bus_server_stop(second, 10000);
		busy.at_least = atomic_load(&l.answered) + 500;
	}
	atomic_store(&l.enough, true);
	for (int i = 0; i < LOADERS; i++)
		pthread_join(t[i], NULL);
	bus_server_stop(first, 1000);
	bus_close(other, 1000);
	assert_int_equal(atomic_load(&l.answered), atomic_load(&l.served));
	assert_int_equal(atomic_load(&l.refused), 0);
	assert_int_equal(atomic_load(&l.unavailable), 0);
	assert_int_equal(atomic_load(&l.other), 0);
}

static void test_closing_the_bus_stops_its_servers(void **state)
{
	struct load l = { .subject = "pp.rpc.close.get" };
	struct counter_goal busy = { &l.answered, 500 }, gone = { &l.unavailable, 10 };
	struct bus *own = fixture_bus(&broker, "short-lived");
	pthread_t t[LOADERS];

	(void)state;
	(void)serve(own, "pp.rpc.close.>", 4, 256, count_and_answer, &l);
	for (int i = 0; i < LOADERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask_until_enough, &l), 0);
	assert_true(wait_for(counter_reached, &busy));
	bus_close(own, 10000);
	assert_true(wait_for(counter_reached, &gone));
	atomic_store(&l.enough, true);
	for (int i = 0; i < LOADERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(atomic_load(&l.answered), atomic_load(&l.served));
	assert_int_equal(atomic_load(&l.other), 0);
}

static void test_bad_server_settings(void **state)
{
	static const struct {
		int workers, queue;
		const char *subject;
	} row[] = { { 0, 1, "a.>" },     { 65, 1, "a.>" }, { 1, 0, "a.>" },
		    { 1, 65537, "a.>" }, { 1, 1, "a b" },  { 1, 1, "" } };
	struct bus_server *s = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bus_server_config cfg = {
			row[i].subject, "q", row[i].workers, row[i].queue, echo, say_full, NULL
		};

		assert_int_equal(bus_serve(callee, &cfg, &s), ST_INVALID);
		assert_null(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data_and_headers_come_through),
		cmocka_unit_test(test_large_bodies),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_no_answer_in_time),
		cmocka_unit_test(test_bad_input_never_reaches_the_wire),
		cmocka_unit_test(test_a_full_queue_says_so),
		cmocka_unit_test(test_a_queue_is_full_by_bytes_too),
		cmocka_unit_test(test_what_the_deadline_leaves_is_refused_not_dropped),
		cmocka_unit_test(test_stopping_answers_everything_taken),
		cmocka_unit_test(test_a_second_copy_takes_over_without_a_lost_request),
		cmocka_unit_test(test_closing_the_bus_stops_its_servers),
		cmocka_unit_test(test_bad_server_settings),
	};

	return cmocka_run_group_tests_name("bus_request", tests, set_up, tear_down);
}
