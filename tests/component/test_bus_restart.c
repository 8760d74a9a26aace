/*
 * The nats-server dies and comes back: what waits fails at once, what is asked meanwhile fails at
 * once, and everything works again afterwards without a restart of ours.
 */
#include "component/bus_fixture.h"
#include "core/magic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Nothing here may wait it out: ST_TIMEOUT in place of ST_UNAVAILABLE fails the test. */
#define PATIENT_MS 60000
#define ID_TEXT    32

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

static bool both_connected(void *arg)
{
	(void)arg;
	return bus_connected(callee) && bus_connected(caller);
}

static bool both_down(void *arg)
{
	(void)arg;
	return !bus_connected(callee) && !bus_connected(caller);
}

static void come_back(void)
{
	broker_again(&broker);
	assert_true(wait_for(both_connected, NULL));
	assert_int_equal(bus_flush(callee, PATIENT_MS), ST_OK);
	assert_int_equal(bus_flush(caller, PATIENT_MS), ST_OK);
}

/* ---- a handler that can be held ---- */
struct held {
	struct gate gate;
	atomic_int entered;
};

static void answer(void *arg, struct bus_msg *m)
{
	struct held *h = arg;

	atomic_fetch_add(&h->entered, 1);
	gate_pass(&h->gate);
	/* The way back may be cut. */
	(void)!bus_reply(callee, m, NULL, 0, "yes", 3);
}

static void say_full(void *arg, struct bus_msg *m)
{
	(void)arg;
	(void)!bus_reply(callee, m, NULL, 0, "full", 4);
}

static struct bus_server *serve(const char *subject, bus_serve_fn *fn, void *arg)
{
	struct bus_server_config cfg = { subject, "q", 2, 64, fn, say_full, arg };
	struct bus_server *s = NULL;

	assert_int_equal(bus_serve(callee, &cfg, &s), ST_OK);
	assert_int_equal(bus_flush(callee, PATIENT_MS), ST_OK);
	return s;
}

struct entered_goal {
	atomic_int *n;
	int at_least;
};

static bool reached(void *arg)
{
	struct entered_goal *g = arg;

	return atomic_load(g->n) >= g->at_least;
}

/* ---- requests ---- */
struct asking {
	pthread_t thread;
	enum status st;
};

static void *ask(void *arg)
{
	struct asking *a = arg;
	struct bus_msg *m = NULL;

	a->st = bus_request(caller, "pp.rpc.r.get", NULL, 0, "x", 1, PATIENT_MS, &m);
	if (a->st == ST_OK)
		bus_msg_free(m);
	return NULL;
}

struct reconnect_goal {
	uint64_t reconnects;
};

static bool reconnected(void *arg)
{
	struct reconnect_goal *g = arg;
	struct bus_stats now;

	bus_stats(caller, &now);
	return now.reconnects == g->reconnects;
}

static void test_requests_fail_at_once_while_down_and_work_again(void **state)
{
	struct held h = { .entered = 0 };
	struct entered_goal in = { &h.entered, 1 };
	struct reconnect_goal again;
	struct bus_stats before;
	struct bus_server *s;
	struct asking a;

	(void)state;
	gate_init(&h.gate);
	s = serve("pp.rpc.r.>", answer, &h);
	bus_stats(caller, &before);
	assert_int_equal(pthread_create(&a.thread, NULL, ask, &a), 0);
	assert_true(wait_for(reached, &in));
	broker_kill(&broker);
	/* The one that waited, and those that come now. */
	pthread_join(a.thread, NULL);
	assert_int_equal(a.st, ST_UNAVAILABLE);
	assert_true(wait_for(both_down, NULL));
	for (int i = 0; i < 100; i++) {
		ask(&a);
		assert_int_equal(a.st, ST_UNAVAILABLE);
	}
	assert_int_equal(atomic_load(&h.entered), 1);
	gate_open(&h.gate);
	come_back();
	for (int i = 0; i < 100; i++) {
		ask(&a);
		assert_int_equal(a.st, ST_OK);
	}
	assert_int_equal(atomic_load(&h.entered), 101);
	/* Counted once, by a callback that may come a moment later. */
	again.reconnects = before.reconnects + 1;
	assert_true(wait_for(reconnected, &again));
	assert_false(bus_lost(caller));
	bus_server_stop(s, 1000);
}

static void test_everything_else_fails_at_once_while_down(void **state)
{
	struct bus_event e = { .subject = "t.x", .id = "x:1" };
	struct bus_consumer *c;
	struct bus_msg *m = NULL;
	struct bus_call *call = NULL;
	uint64_t seq = 7;
	char id[ID_TEXT];
	int n = -1;

	(void)state;
	assert_int_equal(bus_consumer_open(caller, "x", "y", &c), ST_OK);
	broker_kill(&broker);
	assert_true(wait_for(both_down, NULL));
	assert_int_equal(bus_flush(caller, PATIENT_MS), ST_UNAVAILABLE);
	assert_int_equal(bus_js_publish(caller, &e, 1, PATIENT_MS, &seq), ST_UNAVAILABLE);
	assert_int_equal(seq, 0);
	assert_int_equal(bus_js_msg_id(caller, "x", 1, id, sizeof(id)), ST_UNAVAILABLE);
	assert_int_equal(bus_consumer_fetch(c, 1, PATIENT_MS, &m, &n), ST_UNAVAILABLE);
	assert_int_equal(bus_call_open(caller, "pp.rpc.x", NULL, 0, NULL, 0, &call),
			 ST_UNAVAILABLE);
	bus_consumer_close(c);
	come_back();
}

/* Published while disconnected waits for the reconnect, up to a limit that says so. */
static void test_the_reconnect_buffer_has_a_limit(void **state)
{
	static char body[100000];
	enum status st = ST_OK;
	int kept = 0;

	(void)state;
	broker_kill(&broker);
	assert_true(wait_for(both_down, NULL));
	while (st == ST_OK && kept < 100) {
		st = bus_publish(caller, "t.buffer", NULL, 0, body, sizeof(body));
		kept += st == ST_OK;
	}
	assert_int_equal(st, ST_UNAVAILABLE);
	assert_in_range(kept, 1, 20);
	come_back();
	assert_int_equal(bus_publish(caller, "t.buffer", NULL, 0, body, sizeof(body)), ST_OK);
}

/* ---- streams ---- */
struct streaming {
	atomic_int sent, finished;
	_Atomic enum status last;
};

static void stream_on(void *arg, struct bus_msg *m)
{
	struct streaming *s = arg;
	struct bus_stream *out;
	enum status st = bus_stream_open(callee, m, &out);

	if (st == ST_OK) {
		while ((st = bus_stream_send(out, "p", 1)) == ST_OK)
			atomic_fetch_add(&s->sent, 1);
		bus_stream_end(out, NULL, 0);
	}
	atomic_store(&s->last, st);
	atomic_fetch_add(&s->finished, 1);
}

static void test_a_stream_ends_in_an_error_on_both_sides(void **state)
{
	struct streaming st = { 0 };
	struct entered_goal full = { &st.sent, BUS_STREAM_WINDOW }, over = { &st.finished, 1 };
	struct bus_server *s = serve("pp.rpc.st.>", stream_on, &st);
	struct bus_msg *m = NULL;
	struct bus_call *c;
	enum status ended;
	int parts = 0;

	(void)state;
	assert_int_equal(bus_call_open(caller, "pp.rpc.st.get", NULL, 0, NULL, 0, &c), ST_OK);
	assert_true(wait_for(reached, &full));
	broker_kill(&broker);
	assert_true(wait_for(reached, &over));
	assert_int_not_equal(atomic_load(&st.last), ST_OK);
	while ((ended = bus_call_next(c, PATIENT_MS, &m)) == ST_OK && m) {
		parts++;
		bus_msg_free(m);
		m = NULL;
	}
	/* No more than the window, and never the end. */
	assert_true(parts <= BUS_STREAM_WINDOW);
	assert_int_equal(ended, ST_UNAVAILABLE);
	assert_null(bus_call_end(c));
	bus_call_close(c);
	bus_server_stop(s, 1000);
	come_back();
}

/* ---- JetStream ---- */
struct fetching {
	pthread_t thread;
	struct bus_consumer *c;
	enum status st;
	int n;
};

static void *fetch(void *arg)
{
	struct fetching *f = arg;
	struct bus_msg *m;

	f->st = bus_consumer_fetch(f->c, 1, PATIENT_MS, &m, &f->n);
	return NULL;
}

static void test_a_waiting_fetch_fails_at_once(void **state)
{
	struct fetching f = { .n = -1 };
	struct bus_event e = { .subject = "t.wait.a", .id = "wait:1" };
	struct bus_msg *m;
	uint64_t seq;

	(void)state;
	fixture_stream(caller, "wait", "t.wait.>");
	fixture_consumer(caller, "wait", "c1", "");
	assert_int_equal(bus_consumer_open(caller, "wait", "c1", &f.c), ST_OK);
	assert_int_equal(pthread_create(&f.thread, NULL, fetch, &f), 0);
	broker_kill(&broker);
	pthread_join(f.thread, NULL);
	assert_int_equal(f.st, ST_UNAVAILABLE);
	assert_int_equal(f.n, -1);
	come_back();
	/* The same handle goes on. */
	assert_int_equal(bus_js_publish(caller, &e, 1, PATIENT_MS, &seq), ST_OK);
	assert_int_equal(bus_consumer_fetch(f.c, 1, 10000, &m, &f.n), ST_OK);
	assert_int_equal(f.n, 1);
	assert_int_equal(bus_js_ack(m), ST_OK);
	bus_msg_free(m);
	bus_consumer_close(f.c);
}

#define EVENTS 20000

struct publishing {
	pthread_t thread;
	struct bus_event e[EVENTS];
	uint64_t seq[EVENTS];
	char id[EVENTS][ID_TEXT];
	enum status st;
	atomic_bool done;
};

static void *publish(void *arg)
{
	struct publishing *p = arg;

	p->st = bus_js_publish(caller, p->e, EVENTS, PATIENT_MS, p->seq);
	atomic_store(&p->done, true);
	return NULL;
}

static size_t acknowledged(const struct publishing *p)
{
	size_t n = 0;

	for (size_t i = 0; i < EVENTS; i++)
		n += p->seq[i] != 0;
	return n;
}

static bool has_message(void *arg)
{
	char id[ID_TEXT];

	(void)arg;
	return bus_js_msg_id(callee, "kill", 500, id, sizeof(id)) == ST_OK;
}

/* Killed in the middle; the same ids again: each is in the stream exactly once. */
static void test_publishing_again_after_a_kill_doubles_nothing(void **state)
{
	struct publishing *p = calloc(1, sizeof(*p));
	struct bus_consumer *c;
	struct bus_msg *msgs[512];
	static int times[EVENTS];
	size_t seen = 0;

	(void)state;
	assert_non_null(p);
	fixture_stream(caller, "kill", "t.kill.>");
	fixture_consumer(caller, "kill", "c1", ",\"max_ack_pending\":20000");
	for (size_t i = 0; i < EVENTS; i++) {
		snprintf(p->id[i], ID_TEXT, "kill:%zu", i);
		p->e[i] = (struct bus_event){
			.subject = "t.kill.a", .id = p->id[i], .data = "12345678", .len = 8
		};
	}
	assert_int_equal(pthread_create(&p->thread, NULL, publish, p), 0);
	assert_true(wait_for(has_message, NULL));
	broker_kill(&broker);
	pthread_join(p->thread, NULL);
	assert_int_equal(p->st, ST_UNAVAILABLE);
	assert_true(acknowledged(p) < EVENTS);
	come_back();
	publish(p);
	assert_int_equal(p->st, ST_OK);
	assert_int_equal(acknowledged(p), EVENTS);
	assert_int_equal(bus_consumer_open(caller, "kill", "c1", &c), ST_OK);
	for (int n = -1; n != 0;) {
		assert_int_equal(bus_consumer_fetch(c, 512, 300, msgs, &n), ST_OK);
		for (int i = 0; i < n; i++) {
			const char *id = bus_msg_header(msgs[i], "Nats-Msg-Id");

			assert_non_null(id);
			times[strtol(id + 5, NULL, 10)]++;
			assert_int_equal(bus_js_ack(msgs[i]), ST_OK);
			bus_msg_free(msgs[i]);
		}
		seen += (size_t)n;
	}
	assert_int_equal(seen, EVENTS);
	for (size_t i = 0; i < EVENTS; i++)
		assert_int_equal(times[i], 1);
	bus_consumer_close(c);
	free(p);
}

/* ---- the first connect ---- */
struct opening {
	pthread_t thread;
	char url[64];
	struct bus *bus;
	struct error err;
	enum status st;
};

static void *open_bus(void *arg)
{
	struct opening *o = arg;
	struct bus_config cfg = { .url = o->url, .name = "opening" };

	o->st = bus_open(&o->bus, &cfg, &o->err);
	return NULL;
}

static struct opening hopeless = { .url = "nats://127.0.0.1:1" };

static void begin_hopeless_open(void **state)
{
	(void)state;
	assert_int_equal(pthread_create(&hopeless.thread, NULL, open_bus, &hopeless), 0);
}

static void test_an_open_without_a_server_fails(void **state)
{
	(void)state;
	pthread_join(hopeless.thread, NULL);
	assert_int_equal(hopeless.st, ST_UNAVAILABLE);
	assert_null(hopeless.bus);
	assert_true(*hopeless.err.detail);
}

static void test_an_open_waits_for_a_server_that_starts_late(void **state)
{
	struct opening o = { 0 };

	(void)state;
	broker_kill(&broker);
	snprintf(o.url, sizeof(o.url), "%s", broker.url);
	assert_int_equal(pthread_create(&o.thread, NULL, open_bus, &o), 0);
	assert_true(wait_for(both_down, NULL));
	come_back();
	pthread_join(o.thread, NULL);
	assert_int_equal(o.st, ST_OK);
	assert_true(bus_connected(o.bus));
	bus_close(o.bus, 1000);
}

static void test_bad_settings_name_their_field(void **state)
{
	static const struct {
		struct bus_config cfg;
		const char *field;
	} row[] = {
		{ { .name = "x" }, "url" },
		{ { .url = "", .name = "x" }, "url" },
		{ { .url = "nats://127.0.0.1:1" }, "name" },
		{ { .url = "nats://127.0.0.1:1", .name = "x", .inbox_prefix = "a b" },
		  "inbox_prefix" },
		{ { .url = "nats://127.0.0.1:1",
		    .name = "x",
		    .inbox_prefix = "_INBOX_of_a_much_too_long_service_name" },
		  "inbox_prefix" },
		{ { .url = "nats://127.0.0.1:1", .name = "x", .user = "U" }, "seed_file" },
		{ { .url = "nats://127.0.0.1:1",
		    .name = "x",
		    .user = "U",
		    .seed_file = "/nowhere" },
		  "seed_file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct error err = { 0 };
		struct bus *b = NULL;

		assert_int_equal(bus_open(&b, &row[i].cfg, &err), ST_INVALID);
		assert_string_equal(err.field, row[i].field);
		assert_null(b);
	}
}

/* ---- the end ---- */
static void test_closing_while_down(void **state)
{
	struct bus *own = fixture_bus(&broker, "own");
	struct held h = { .entered = 0 };
	struct bus_server_config cfg = { "pp.rpc.own.>", "q", 2, 64, answer, say_full, &h };
	struct bus_server *s;

	(void)state;
	gate_init(&h.gate);
	gate_open(&h.gate);
	assert_int_equal(bus_serve(own, &cfg, &s), ST_OK);
	broker_kill(&broker);
	bus_close(own, 500);
	come_back();
}

static bool caller_lost(void *arg)
{
	(void)arg;
	return bus_lost(caller);
}

/* Our user is taken away: cnats gives up after the second refusal, and the process is to learn of
 * it. */
static void test_a_refused_user_is_lost(void **state)
{
	struct bus_msg *m = NULL;

	(void)state;
	broker_kill(&broker);
	snprintf(broker.extra, sizeof(broker.extra),
		 "authorization { user: somebody, password: else }\n");
	broker_again(&broker);
	assert_true(wait_for(caller_lost, NULL));
	assert_false(bus_connected(caller));
	assert_int_equal(bus_request(caller, "a.b", NULL, 0, NULL, 0, PATIENT_MS, &m),
			 ST_UNAVAILABLE);
	assert_int_equal(bus_publish(caller, "a.b", NULL, 0, NULL, 0), ST_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begin_hopeless_open),
		cmocka_unit_test(test_requests_fail_at_once_while_down_and_work_again),
		cmocka_unit_test(test_everything_else_fails_at_once_while_down),
		cmocka_unit_test(test_the_reconnect_buffer_has_a_limit),
		cmocka_unit_test(test_a_stream_ends_in_an_error_on_both_sides),
		cmocka_unit_test(test_a_waiting_fetch_fails_at_once),
		cmocka_unit_test(test_publishing_again_after_a_kill_doubles_nothing),
		cmocka_unit_test(test_an_open_waits_for_a_server_that_starts_late),
		cmocka_unit_test(test_bad_settings_name_their_field),
		cmocka_unit_test(test_an_open_without_a_server_fails),
		cmocka_unit_test(test_closing_while_down),
		cmocka_unit_test(test_a_refused_user_is_lost),
	};

	return cmocka_run_group_tests_name("bus_restart", tests, set_up, tear_down);
}
