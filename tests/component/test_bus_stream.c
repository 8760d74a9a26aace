/*
 * Answers in parts on a real nats-server: order, window, cancel, limits. What cuts them short is in
 * test_bus_stream_lost.c.
 */
#include "component/bus_fixture.h"
#include "core/magic.h"
#include "core/timeutil.h"

#include <nats/nats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENT_MS 60000
#define OPEN_MAX   256 /* streams a callee may have open (docs/internals/bus.md) */

static struct broker broker;
static struct bus *callee, *caller;

/* ---- a callee that does what its script says ---- */
struct script {
	int parts;         /* to send */
	size_t size;       /* of a part */
	int pause_at;      /* before this part: */
	int pause_us;      /* long work without a word */
	struct gate *hold; /* before opening */
	atomic_int sent;
	atomic_int read; /* by the caller, who keeps it */
	atomic_int ahead_max;
	atomic_int finished;
	_Atomic enum status last;
};

static void send_parts(struct script *sc, struct bus_stream *s)
{
	char *body = calloc(1, sc->size + 16);
	enum status st = ST_OK;

	INVARIANT(body != NULL);
	for (int i = 1; i <= sc->parts && st == ST_OK; i++) {
		int ahead;

		if (i == sc->pause_at)
			time_sleep_us(time_mono_us() + sc->pause_us);
		snprintf(body, 16, "%d", i);
		st = bus_stream_send(s, body, sc->size + 16);
		if (st != ST_OK)
			break;
		ahead = atomic_fetch_add(&sc->sent, 1) + 1 - atomic_load(&sc->read);
		if (ahead > atomic_load(&sc->ahead_max))
			atomic_store(&sc->ahead_max, ahead);
	}
	atomic_store(&sc->last, st);
	free(body);
}

static void serve_script(void *arg, struct bus_msg *m)
{
	struct script *sc = arg;
	struct bus_stream *s;
	struct bus_header h = { "Pp-Status", "ok" };

	if (sc->hold)
		gate_pass(sc->hold);
	INVARIANT(bus_stream_open(callee, m, &s) == ST_OK);
	send_parts(sc, s);
	if (atomic_load(&sc->last) != ST_OK)
		h.value = status_name(atomic_load(&sc->last));
	bus_stream_end(s, &h, 1);
	atomic_fetch_add(&sc->finished, 1);
}

static void refuse(void *arg, struct bus_msg *m)
{
	struct bus_header h = { "Pp-Status", "denied" };

	(void)arg;
	INVARIANT(bus_reply(callee, m, &h, 1, NULL, 0) == ST_OK);
}

static struct bus_server *serve(const char *subject, int workers, bus_serve_fn *fn, void *arg)
{
	struct bus_server_config cfg = { subject, "q", workers, 512, fn, refuse, arg };
	struct bus_server *s = NULL;

	assert_int_equal(bus_serve(callee, &cfg, &s), ST_OK);
	assert_int_equal(bus_flush(callee, PATIENT_MS), ST_OK);
	return s;
}

static struct bus_call *call(const char *subject)
{
	struct bus_call *c = NULL;

	assert_int_equal(bus_call_open(caller, subject, NULL, 0, "q", 1, &c), ST_OK);
	return c;
}

/* Reads the next part, which must be number n. */
static void read_part(struct bus_call *c, struct script *sc, int n)
{
	struct bus_msg *m = NULL;
	const char *data;
	size_t len;

	/* Before the credit for it can reach the callee. */
	if (sc)
		atomic_fetch_add(&sc->read, 1);
	assert_int_equal(bus_call_next(c, PATIENT_MS, &m), ST_OK);
	assert_non_null(m);
	data = bus_msg_data(m, &len);
	assert_int_equal(strtol(data, NULL, 10), n);
	bus_msg_free(m);
	if (sc)
		assert_int_equal(len, sc->size + 16);
}

static void read_end(struct bus_call *c, const char *status)
{
	struct bus_msg *m = NULL;

	assert_null(bus_call_end(c));
	assert_int_equal(bus_call_next(c, PATIENT_MS, &m), ST_OK);
	assert_null(m);
	assert_non_null(bus_call_end(c));
	assert_string_equal(bus_msg_header(bus_call_end(c), "Pp-Status"), status);
}

struct goal {
	atomic_int *counter;
	int value;
};

static bool equals(void *arg)
{
	struct goal *g = arg;

	return atomic_load(g->counter) == g->value;
}

static void wait_equal(atomic_int *counter, int value)
{
	struct goal g = { counter, value };

	if (!wait_for(equals, &g))
		assert_int_equal(atomic_load(counter), value);
}

/* ---- the good case ---- */
static void test_parts_come_in_order_and_end(void **state)
{
	static const struct {
		int parts;
		size_t size;
	} row[] = { { 0, 0 }, { 1, 10 }, { 64, 0 }, { 65, 100 }, { 5000, 200 }, { 300, 100000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct script sc = { .parts = row[i].parts, .size = row[i].size };
		struct bus_server *s = serve("pp.rpc.s.order", 2, serve_script, &sc);
		struct bus_call *c = call("pp.rpc.s.order");

		for (int n = 1; n <= sc.parts; n++)
			read_part(c, &sc, n);
		read_end(c, "ok");
		bus_call_close(c);
		bus_server_stop(s, PATIENT_MS);
		assert_int_equal(atomic_load(&sc.sent), sc.parts);
	}
}

static void *read_whole(void *arg)
{
	struct script *sc = arg;
	struct bus_call *c = call("pp.rpc.s.many");

	for (int n = 1; n <= sc->parts; n++)
		read_part(c, NULL, n);
	read_end(c, "ok");
	bus_call_close(c);
	return NULL;
}

static void test_many_streams_at_once(void **state)
{
	enum { N = 16 };
	struct script sc = { .parts = 400, .size = 64 };
	struct bus_server *s = serve("pp.rpc.s.many", N, serve_script, &sc);
	pthread_t t[N];

	(void)state;
	for (int i = 0; i < N; i++)
		assert_int_equal(pthread_create(&t[i], NULL, read_whole, &sc), 0);
	for (int i = 0; i < N; i++)
		pthread_join(t[i], NULL);
	bus_server_stop(s, PATIENT_MS);
	assert_int_equal(atomic_load(&sc.finished), N);
	assert_int_equal(atomic_load(&sc.sent), N * sc.parts);
}

/* ---- the window ---- */
static void test_callee_never_runs_further_ahead_than_the_window(void **state)
{
	struct script sc = { .parts = 500, .size = 0 };
	struct bus_server *s = serve("pp.rpc.s.window", 1, serve_script, &sc);
	struct bus_call *c = call("pp.rpc.s.window");
	int n = 1;

	(void)state;
	/* Without a read it comes to the window and no further; what it was told of 16 reads moves
	 * it by 16. */
	for (int limit = BUS_STREAM_WINDOW; limit < 200; limit += 16) {
		wait_equal(&sc.sent, limit);
		for (int i = 0; i < 16; i++)
			read_part(c, &sc, n++);
	}
	for (; n <= sc.parts; n++)
		read_part(c, &sc, n);
	read_end(c, "ok");
	bus_call_close(c);
	bus_server_stop(s, PATIENT_MS);
	assert_int_equal(atomic_load(&sc.sent), sc.parts);
	assert_true(atomic_load(&sc.ahead_max) <= BUS_STREAM_WINDOW);
}

static void test_a_slow_reader_gets_all(void **state)
{
	struct script sc = { .parts = 300, .size = 1000 };
	struct bus_server *s = serve("pp.rpc.s.slow", 1, serve_script, &sc);
	struct bus_call *c = call("pp.rpc.s.slow");

	(void)state;
	for (int n = 1; n <= sc.parts; n++) {
		read_part(c, &sc, n);
		time_sleep_us(time_mono_us() + 3000);
	}
	read_end(c, "ok");
	bus_call_close(c);
	bus_server_stop(s, PATIENT_MS);
	assert_true(atomic_load(&sc.ahead_max) <= BUS_STREAM_WINDOW);
}

/* Longer than the silence after which a caller gives up: the beats carry it over. */
static void test_long_work_between_parts(void **state)
{
	struct script sc = { .parts = 2, .pause_at = 2, .pause_us = 6500000 };
	struct bus_server *s = serve("pp.rpc.s.work", 1, serve_script, &sc);
	struct bus_call *c = call("pp.rpc.s.work");
	struct bus_msg *m = NULL;

	(void)state;
	read_part(c, &sc, 1);
	/* The caller's own deadline is not the end of the stream. */
	assert_int_equal(bus_call_next(c, 50, &m), ST_TIMEOUT);
	assert_null(m);
	read_part(c, &sc, 2);
	read_end(c, "ok");
	bus_call_close(c);
	bus_server_stop(s, PATIENT_MS);
}

/* ---- cancel ---- */
static void test_callee_sees_a_cancel(void **state)
{
	struct script sc = { .parts = 1000000, .size = 10 };
	struct bus_server *s = serve("pp.rpc.s.cancel", 1, serve_script, &sc);
	struct bus_call *c = call("pp.rpc.s.cancel");

	(void)state;
	for (int n = 1; n <= 100; n++)
		read_part(c, &sc, n);
	bus_call_close(c);
	wait_equal(&sc.finished, 1);
	assert_int_equal(atomic_load(&sc.last), ST_CANCELLED);
	assert_true(atomic_load(&sc.sent) <= 100 + BUS_STREAM_WINDOW);
	bus_server_stop(s, PATIENT_MS);
}

static void test_cancel_before_the_callee_answered(void **state)
{
	struct gate hold;
	struct script sc = { .parts = 1000000, .hold = &hold };
	struct bus_server *s;
	struct bus_call *c;

	(void)state;
	gate_init(&hold);
	s = serve("pp.rpc.s.early", 1, serve_script, &sc);
	c = call("pp.rpc.s.early");
	assert_int_equal(bus_flush(caller, PATIENT_MS), ST_OK);
	bus_call_close(c);
	gate_open(&hold);
	wait_equal(&sc.finished, 1);
	assert_int_equal(atomic_load(&sc.last), ST_CANCELLED);
	bus_server_stop(s, PATIENT_MS);
}

/* A caller that is gone altogether: the server itself says that nobody takes the parts. */
static void test_callee_notices_a_dead_caller(void **state)
{
	struct script sc = { .parts = 1000000 };
	struct bus_server *s = serve("pp.rpc.s.dead", 1, serve_script, &sc);
	natsConnection *nc = NULL;

	(void)state;
	assert_int_equal(natsConnection_ConnectTo(&nc, broker.url), NATS_OK);
	assert_int_equal(
		natsConnection_PublishRequestString(nc, "pp.rpc.s.dead", "_INBOX.gone", ""),
		NATS_OK);
	assert_int_equal(natsConnection_Flush(nc), NATS_OK);
	natsConnection_Destroy(nc);
	wait_equal(&sc.finished, 1);
	assert_int_equal(atomic_load(&sc.last), ST_CANCELLED);
	assert_true(atomic_load(&sc.sent) <= BUS_STREAM_WINDOW);
	bus_server_stop(s, PATIENT_MS);
}

struct stalled {
	struct script sc;
	struct bus_server *s;
	struct bus_call *c;
};

/* Takes 30 s, so it is begun first and looked at last. */
static struct stalled stalled = { .sc = { .parts = 100 } };

static void begin_stalled_reader(void **state)
{
	(void)state;
	stalled.s = serve("pp.rpc.s.stalled", 1, serve_script, &stalled.sc);
	stalled.c = call("pp.rpc.s.stalled");
	wait_equal(&stalled.sc.sent, BUS_STREAM_WINDOW);
}

static void test_a_reader_that_stalls_is_given_up(void **state)
{
	(void)state;
	/* 20 s at most for each of two waits; the other tests have used up some of the 30. */
	for (int i = 0; i < 2 && atomic_load(&stalled.sc.finished) == 0; i++)
		(void)wait_for(equals, &(struct goal){ &stalled.sc.finished, 1 });
	assert_int_equal(atomic_load(&stalled.sc.finished), 1);
	assert_int_equal(atomic_load(&stalled.sc.last), ST_TIMEOUT);
	assert_int_equal(atomic_load(&stalled.sc.sent), BUS_STREAM_WINDOW);
	/* What had been sent is still there, and then the end that says why. */
	for (int n = 1; n <= BUS_STREAM_WINDOW; n++)
		read_part(stalled.c, &stalled.sc, n);
	read_end(stalled.c, "timeout");
	bus_call_close(stalled.c);
	bus_server_stop(stalled.s, PATIENT_MS);
}

/* ---- no stream at all ---- */
static void test_a_refusal_in_place_of_a_stream(void **state)
{
	struct bus_server *s = serve("pp.rpc.s.refuse", 1, refuse, NULL);
	struct bus_call *c = call("pp.rpc.s.refuse");

	(void)state;
	read_end(c, "denied");
	bus_call_close(c);
	bus_server_stop(s, PATIENT_MS);
}

static void serve_too_large(void *arg, struct bus_msg *m)
{
	static const char *const parts[] = { "1", "2" };
	char *big = calloc(1, BUS_PAYLOAD_MAX + 1);
	struct bus_header h = { "Pp-Status", "ok" };
	atomic_int *refused = arg;
	struct bus_stream *s;

	INVARIANT(big != NULL && bus_stream_open(callee, m, &s) == ST_OK);
	for (int i = 0; i < 2; i++) {
		INVARIANT(bus_stream_send(s, parts[i], 2) == ST_OK);
		/* The headers count too. */
		if (bus_stream_send(s, big, BUS_PAYLOAD_MAX + (size_t)i) == ST_TOO_LARGE)
			atomic_fetch_add(refused, 1);
	}
	bus_stream_end(s, &h, 1);
	free(big);
}

static void test_a_part_too_large_leaves_no_gap(void **state)
{
	atomic_int refused = 0;
	struct bus_server *s = serve("pp.rpc.s.large", 1, serve_too_large, &refused);
	struct bus_call *c = call("pp.rpc.s.large");

	(void)state;
	read_part(c, NULL, 1);
	read_part(c, NULL, 2);
	read_end(c, "ok");
	bus_call_close(c);
	bus_server_stop(s, PATIENT_MS);
	assert_int_equal(atomic_load(&refused), 2);
}

/* ---- the limit of open streams ---- */
struct holder {
	struct bus_stream *open[OPEN_MAX + 1];
	atomic_int n, failed;
	_Atomic enum status why;
};

/* Opens and leaves open: the stream outlives the handler. */
static void serve_hold(void *arg, struct bus_msg *m)
{
	struct holder *h = arg;
	struct bus_stream *s = NULL;
	enum status st = bus_stream_open(callee, m, &s);

	if (st == ST_OK) {
		h->open[atomic_load(&h->n)] = s;
		atomic_fetch_add(&h->n, 1);
		return;
	}
	atomic_store(&h->why, st);
	atomic_fetch_add(&h->failed, 1);
	refuse(NULL, m);
}

static void test_the_257th_stream_fails_to_open(void **state)
{
	/* The stalled reader's stream is one of them. */
	enum { OURS = OPEN_MAX - 1 };
	static struct holder h;
	struct bus_server *s = serve("pp.rpc.s.hold", 1, serve_hold, &h);
	struct bus_call *c[OURS + 1];
	struct bus_header ok = { "Pp-Status", "ok" };

	(void)state;
	for (int i = 0; i <= OURS; i++)
		c[i] = call("pp.rpc.s.hold");
	read_end(c[OURS], "denied");
	assert_int_equal(atomic_load(&h.failed), 1);
	assert_int_equal(atomic_load(&h.why), ST_UNAVAILABLE);
	assert_int_equal(atomic_load(&h.n), OURS);
	bus_call_close(c[OURS]);
	for (int i = 0; i < OURS; i++)
		bus_stream_end(h.open[i], &ok, 1);
	for (int i = 0; i < OURS; i++) {
		read_end(c[i], "ok");
		bus_call_close(c[i]);
	}
	/* Free again. */
	c[0] = call("pp.rpc.s.hold");
	wait_equal(&h.n, OURS + 1);
	bus_stream_end(h.open[OURS], &ok, 1);
	read_end(c[0], "ok");
	bus_call_close(c[0]);
	bus_server_stop(s, PATIENT_MS);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begin_stalled_reader),
		cmocka_unit_test(test_parts_come_in_order_and_end),
		cmocka_unit_test(test_many_streams_at_once),
		cmocka_unit_test(test_callee_never_runs_further_ahead_than_the_window),
		cmocka_unit_test(test_a_slow_reader_gets_all),
		cmocka_unit_test(test_long_work_between_parts),
		cmocka_unit_test(test_callee_sees_a_cancel),
		cmocka_unit_test(test_cancel_before_the_callee_answered),
		cmocka_unit_test(test_callee_notices_a_dead_caller),
		cmocka_unit_test(test_a_refusal_in_place_of_a_stream),
		cmocka_unit_test(test_a_part_too_large_leaves_no_gap),
		cmocka_unit_test(test_the_257th_stream_fails_to_open),
		cmocka_unit_test(test_a_reader_that_stalls_is_given_up),
	};

	return cmocka_run_group_tests_name("bus_stream", tests, set_up, tear_down);
}
