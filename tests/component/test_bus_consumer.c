/*
 * Fetching and settling through libs/bus on a real nats-server: order, redeliveries, copies that
 * share a consumer, limits, and consumers that are not there.
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

#define PATIENT_MS 60000

static struct broker broker;
static struct bus *bus;

static int set_up(void **state)
{
	(void)state;
	broker_start(&broker, NULL);
	bus = fixture_bus(&broker, "js");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bus_close(bus, 1000);
	broker_stop(&broker);
	return 0;
}

struct publisher {
	pthread_t thread;
	struct batch b;
	enum status st;
};

static void *publish_main(void *arg)
{
	struct publisher *p = arg;

	p->st = bus_js_publish(bus, p->b.events, p->b.n, PATIENT_MS, p->b.seq);
	return NULL;
}

static void publish_n(const char *subject, const char *name, size_t n, size_t len)
{
	struct batch b;

	batch_make(&b, subject, name, n, len);
	assert_int_equal(bus_js_publish(bus, b.events, n, PATIENT_MS, b.seq), ST_OK);
	batch_free(&b);
}

static struct bus_consumer *consumer(const char *stream, const char *durable)
{
	struct bus_consumer *c = NULL;

	assert_int_equal(bus_consumer_open(bus, stream, durable, &c), ST_OK);
	return c;
}

/* Fetches until n messages are there; what comes beyond is a failure. */
static void fetch_n(struct bus_consumer *c, struct bus_msg **msgs, int n)
{
	int have = 0, got;

	while (have < n) {
		assert_int_equal(bus_consumer_fetch(c, n - have, 5000, msgs + have, &got), ST_OK);
		assert_true(got > 0);
		have += got;
	}
}

static void fetch_none(struct bus_consumer *c)
{
	struct bus_msg *msgs[4];
	int n = -1;

	assert_int_equal(bus_consumer_fetch(c, 4, 50, msgs, &n), ST_OK);
	assert_int_equal(n, 0);
}

static void test_fetch_in_order_and_acknowledge(void **state)
{
	enum { N = 700 };
	struct bus_msg *msgs[N];
	struct bus_consumer *c;

	(void)state;
	fixture_stream(bus, "order", "t.order.>");
	fixture_consumer(bus, "order", "c1", "");
	c = consumer("order", "c1");
	fetch_none(c);
	publish_n("t.order.a", "order", N, 20);
	fetch_n(c, msgs, N);
	for (int i = 0; i < N; i++) {
		char id[BATCH_ID_TEXT];

		snprintf(id, sizeof(id), "order:%d", i);
		assert_int_equal(bus_js_sequence(msgs[i]), i + 1);
		assert_int_equal(bus_js_deliveries(msgs[i]), 1);
		assert_string_equal(bus_msg_subject(msgs[i]), "t.order.a");
		assert_string_equal(bus_msg_header(msgs[i], "Nats-Msg-Id"), id);
		assert_int_equal(bus_js_ack(msgs[i]), ST_OK);
		/* Once is enough. */
		assert_int_equal(bus_js_ack(msgs[i]), ST_INVALID);
		assert_int_equal(bus_js_nak(msgs[i], 0), ST_INVALID);
		bus_msg_free(msgs[i]);
	}
	fetch_none(c);
	bus_consumer_close(c);
}

static void test_settling_decides_what_comes_again(void **state)
{
	enum { N = 5 };
	struct bus_msg *msgs[N], *again[2];
	struct bus_consumer *c;
	int64_t asked;

	(void)state;
	fixture_stream(bus, "settle", "t.settle.>");
	fixture_consumer(bus, "settle", "c1", ",\"ack_wait\":1000000000");
	c = consumer("settle", "c1");
	publish_n("t.settle.a", "settle", N, 20);
	fetch_n(c, msgs, N);
	/* 1 acknowledged, 2 back at once, 3 terminated, 4 back after a while, 5 left alone. */
	assert_int_equal(bus_js_ack(msgs[0]), ST_OK);
	assert_int_equal(bus_js_nak(msgs[1], 0), ST_OK);
	assert_int_equal(bus_js_term(msgs[2]), ST_OK);
	asked = time_mono_us();
	assert_int_equal(bus_js_nak(msgs[3], 400), ST_OK);
	fetch_n(c, again, 1);
	assert_int_equal(bus_js_sequence(again[0]), 2);
	assert_int_equal(bus_js_deliveries(again[0]), 2);
	assert_int_equal(bus_js_ack(again[0]), ST_OK);
	bus_msg_free(again[0]);
	fetch_n(c, again, 2);
	/* Not before the delay it asked for, and the one left alone after the consumer's ack wait.
	 */
	assert_true(time_mono_us() - asked >= 400000);
	assert_int_equal(bus_js_sequence(again[0]) + bus_js_sequence(again[1]), 4 + 5);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bus_js_deliveries(again[i]), 2);
		assert_int_equal(bus_js_ack(again[i]), ST_OK);
		bus_msg_free(again[i]);
	}
	fetch_none(c);
	for (int i = 0; i < N; i++)
		bus_msg_free(msgs[i]);
	bus_consumer_close(c);
}

static void test_deliveries_are_counted(void **state)
{
	struct bus_consumer *c;
	struct bus_msg *m;

	(void)state;
	fixture_stream(bus, "again", "t.again.>");
	fixture_consumer(bus, "again", "c1", "");
	c = consumer("again", "c1");
	publish_n("t.again.a", "again", 1, 20);
	for (int i = 1; i <= 10; i++) {
		fetch_n(c, &m, 1);
		assert_int_equal(bus_js_deliveries(m), i);
		assert_int_equal(bus_js_sequence(m), 1);
		assert_int_equal(i < 10 ? bus_js_nak(m, 1) : bus_js_ack(m), ST_OK);
		bus_msg_free(m);
	}
	fetch_none(c);
	bus_consumer_close(c);
}

/* Three times the ack wait, asked for step by step: nobody else gets it meanwhile. */
static void test_more_time_for_long_work(void **state)
{
	struct bus_consumer *c, *other;
	struct bus_msg *m;

	(void)state;
	fixture_stream(bus, "long", "t.long.>");
	fixture_consumer(bus, "long", "c1", ",\"ack_wait\":1000000000");
	c = consumer("long", "c1");
	other = consumer("long", "c1");
	publish_n("t.long.a", "long", 1, 20);
	fetch_n(c, &m, 1);
	for (int i = 0; i < 12; i++) {
		struct bus_msg *none[1];
		int n = -1;

		assert_int_equal(bus_js_in_progress(m), ST_OK);
		assert_int_equal(bus_consumer_fetch(other, 1, 250, none, &n), ST_OK);
		assert_int_equal(n, 0);
	}
	assert_int_equal(bus_js_ack(m), ST_OK);
	bus_msg_free(m);
	bus_consumer_close(other);
	bus_consumer_close(c);
}

static void test_a_fetch_waits_for_the_first(void **state)
{
	struct publisher p;
	struct bus_consumer *c;
	struct bus_msg *msgs[10];
	int have = 0, n;

	(void)state;
	fixture_stream(bus, "first", "t.first.>");
	fixture_consumer(bus, "first", "c1", "");
	c = consumer("first", "c1");
	batch_make(&p.b, "t.first.a", "first", 10, 10);
	assert_int_equal(pthread_create(&p.thread, NULL, publish_main, &p), 0);
	while (have < 10) {
		assert_int_equal(bus_consumer_fetch(c, 10 - have, 30000, msgs + have, &n), ST_OK);
		assert_true(n > 0);
		have += n;
	}
	pthread_join(p.thread, NULL);
	assert_int_equal(p.st, ST_OK);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(bus_js_sequence(msgs[i]), i + 1);
		assert_int_equal(bus_js_deliveries(msgs[i]), 1);
		bus_msg_free(msgs[i]);
	}
	batch_free(&p.b);
	bus_consumer_close(c);
}

/* Pages as large as they may be: a pull is bounded by bytes, and nothing is lost over it. */
static void test_large_events(void **state)
{
	enum { N = 80 };
	struct bus_msg *msgs[N];
	struct bus_consumer *c;
	size_t len;

	(void)state;
	fixture_stream(bus, "large", "t.large.>");
	fixture_consumer(bus, "large", "c1", "");
	c = consumer("large", "c1");
	publish_n("t.large.a", "large", N, BUS_EVENT_MAX);
	fetch_n(c, msgs, N);
	for (int i = 0; i < N; i++) {
		assert_int_equal(bus_js_sequence(msgs[i]), i + 1);
		assert_int_equal(bus_js_deliveries(msgs[i]), 1);
		(void)bus_msg_data(msgs[i], &len);
		assert_int_equal(len, BUS_EVENT_MAX);
		assert_int_equal(bus_js_ack(msgs[i]), ST_OK);
		bus_msg_free(msgs[i]);
	}
	fetch_none(c);
	bus_consumer_close(c);
}

struct worker {
	pthread_t thread;
	const char *stream;
	atomic_int *seen; /* per sequence */
	atomic_int *total;
	int goal;
};

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct bus *own = fixture_bus(&broker, "worker");
	struct bus_consumer *c;
	struct bus_msg *msgs[32];
	int n;

	INVARIANT(bus_consumer_open(own, w->stream, "c1", &c) == ST_OK);
	while (atomic_load(w->total) < w->goal) {
		INVARIANT(bus_consumer_fetch(c, 32, 200, msgs, &n) == ST_OK);
		for (int i = 0; i < n; i++) {
			atomic_fetch_add(&w->seen[bus_js_sequence(msgs[i])], 1);
			INVARIANT(bus_js_ack(msgs[i]) == ST_OK);
			bus_msg_free(msgs[i]);
			atomic_fetch_add(w->total, 1);
		}
	}
	bus_consumer_close(c);
	bus_close(own, 1000);
	return NULL;
}

static void test_copies_share_a_consumer(void **state)
{
	enum { WORKERS = 3, N = 3000 };
	static atomic_int seen[N + 1];
	atomic_int total = 0;
	struct worker w[WORKERS];

	(void)state;
	fixture_stream(bus, "shared", "t.shared.>");
	fixture_consumer(bus, "shared", "c1", "");
	for (int i = 0; i < WORKERS; i++) {
		w[i] = (struct worker){
			.stream = "shared", .seen = seen, .total = &total, .goal = N
		};
		assert_int_equal(pthread_create(&w[i].thread, NULL, worker_main, &w[i]), 0);
	}
	publish_n("t.shared.a", "shared", N, 50);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(w[i].thread, NULL);
	for (int i = 1; i <= N; i++)
		assert_int_equal(atomic_load(&seen[i]), 1);
}

static void test_a_full_ack_window_is_no_error(void **state)
{
	struct bus_consumer *c;
	struct bus_msg *msgs[5];
	int n = -1;

	(void)state;
	fixture_stream(bus, "window", "t.window.>");
	fixture_consumer(bus, "window", "c1", ",\"max_ack_pending\":2");
	c = consumer("window", "c1");
	publish_n("t.window.a", "window", 5, 10);
	fetch_n(c, msgs, 2);
	fetch_none(c);
	assert_int_equal(bus_js_ack(msgs[0]), ST_OK);
	assert_int_equal(bus_js_ack(msgs[1]), ST_OK);
	assert_int_equal(bus_consumer_fetch(c, 3, 5000, msgs + 2, &n), ST_OK);
	assert_true(n >= 1 && n <= 2);
	assert_int_equal(bus_js_sequence(msgs[2]), 3);
	for (int i = 0; i < 2 + n; i++)
		bus_msg_free(msgs[i]);
	bus_consumer_close(c);
}

static void test_a_missing_consumer(void **state)
{
	struct bus_consumer *c;
	struct bus_msg *m;
	int n = -1;

	(void)state;
	fixture_stream(bus, "lone", "t.lone.>");
	c = consumer("lone", "nobody");
	assert_int_equal(bus_consumer_fetch(c, 1, 50, &m, &n), ST_UNAVAILABLE);
	bus_consumer_close(c);
	c = consumer("nothing", "nobody");
	assert_int_equal(bus_consumer_fetch(c, 1, 50, &m, &n), ST_UNAVAILABLE);
	bus_consumer_close(c);
	assert_int_equal(n, -1);
	assert_int_equal(bus_consumer_open(bus, "a.b", "c", &c), ST_INVALID);
	assert_int_equal(bus_consumer_open(bus, "a", ">", &c), ST_INVALID);
}

static void test_a_consumer_deleted_while_we_wait(void **state)
{
	struct bus *own = fixture_bus(&broker, "deleter");
	struct bus_consumer *c;
	struct bus_msg *m;
	int n = -1;

	(void)state;
	fixture_stream(bus, "gone", "t.gone.>");
	fixture_consumer(bus, "gone", "c1", "");
	c = consumer("gone", "c1");
	fetch_none(c);
	fixture_js(own, "CONSUMER.DELETE.gone.c1", "");
	assert_int_equal(bus_consumer_fetch(c, 1, 50, &m, &n), ST_UNAVAILABLE);
	/* Made anew, the same handle works again. */
	fixture_consumer(bus, "gone", "c1", "");
	publish_n("t.gone.a", "gone", 1, 10);
	fetch_n(c, &m, 1);
	assert_int_equal(bus_js_sequence(m), 1);
	bus_msg_free(m);
	bus_consumer_close(c);
	bus_close(own, 1000);
}

static void test_a_message_without_stream_cannot_be_settled(void **state)
{
	struct bus_msg *m = NULL;

	(void)state;
	assert_int_equal(bus_request(bus, "$JS.API.INFO", NULL, 0, NULL, 0, PATIENT_MS, &m), ST_OK);
	assert_int_equal(bus_js_ack(m), ST_INVALID);
	assert_int_equal(bus_js_in_progress(m), ST_INVALID);
	assert_int_equal(bus_js_sequence(m), 0);
	assert_int_equal(bus_js_deliveries(m), 0);
	bus_msg_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fetch_in_order_and_acknowledge),
		cmocka_unit_test(test_settling_decides_what_comes_again),
		cmocka_unit_test(test_deliveries_are_counted),
		cmocka_unit_test(test_more_time_for_long_work),
		cmocka_unit_test(test_a_fetch_waits_for_the_first),
		cmocka_unit_test(test_large_events),
		cmocka_unit_test(test_copies_share_a_consumer),
		cmocka_unit_test(test_a_full_ack_window_is_no_error),
		cmocka_unit_test(test_a_missing_consumer),
		cmocka_unit_test(test_a_consumer_deleted_while_we_wait),
		cmocka_unit_test(test_a_message_without_stream_cannot_be_settled),
	};

	return cmocka_run_group_tests_name("bus_consumer", tests, set_up, tear_down);
}
