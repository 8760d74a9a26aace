/*
 * Publishing to JetStream through libs/bus on a real nats-server: sequences, duplicates, refusals,
 * and the id stored at a sequence.
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

/* ---- publishing ---- */
static void test_each_message_gets_its_sequence(void **state)
{
	struct bus_header h = { "Traceparent", "00-11-22-01" };
	struct batch b;

	(void)state;
	fixture_stream(bus, "seqs", "t.seqs.>");
	/* More than are in flight at once. */
	batch_make(&b, "t.seqs.a", "seqs", 1000, 100);
	b.events[500].headers = &h;
	b.events[500].n_headers = 1;
	assert_int_equal(bus_js_publish(bus, b.events, b.n, PATIENT_MS, b.seq), ST_OK);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.seq[i], i + 1);
	assert_int_equal(bus_js_publish(bus, b.events, 0, PATIENT_MS, b.seq), ST_OK);
	batch_free(&b);
}

static void test_a_duplicate_gets_the_first_ones_sequence(void **state)
{
	struct batch b;

	(void)state;
	fixture_stream(bus, "dups", "t.dups.>");
	batch_make(&b, "t.dups.a", "dups", 20, 10);
	assert_int_equal(bus_js_publish(bus, b.events, 10, PATIENT_MS, b.seq), ST_OK);
	memset(b.seq, 0, b.n * sizeof(*b.seq));
	/* Ten again and ten new: the new ones follow without a gap. */
	assert_int_equal(bus_js_publish(bus, b.events, 20, PATIENT_MS, b.seq), ST_OK);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.seq[i], i + 1);
	batch_free(&b);
}

static void test_a_subject_of_no_stream(void **state)
{
	struct batch b;

	(void)state;
	fixture_stream(bus, "some", "t.some.>");
	batch_make(&b, "t.some.a", "some", 5, 10);
	b.events[2].subject = "t.nowhere";
	assert_int_equal(bus_js_publish(bus, b.events, b.n, PATIENT_MS, b.seq), ST_UNAVAILABLE);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.seq[i], i == 2 ? 0 : i < 2 ? i + 1 : i);
	batch_free(&b);
}

/* Everybody listening on the subject answers nothing: only the deadline ends it. */
static void swallow(void *arg, const struct bus_msg *m)
{
	(void)m;
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_no_acknowledgement_in_time(void **state)
{
	atomic_int seen = 0;
	struct bus_sub *s;
	struct batch b;

	(void)state;
	assert_int_equal(bus_subscribe(bus, "t.silent", swallow, &seen, &s), ST_OK);
	batch_make(&b, "t.silent", "silent", 3, 10);
	b.seq[0] = b.seq[1] = b.seq[2] = 77;
	assert_int_equal(bus_js_publish(bus, b.events, b.n, 100, b.seq), ST_UNAVAILABLE);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.seq[i], 0);
	bus_unsubscribe(s);
	assert_int_equal(atomic_load(&seen), 3);
	batch_free(&b);
}

static void test_bad_events_are_refused_before_anything_is_sent(void **state)
{
	static const struct {
		const char *what;
		struct bus_event bad;
		enum status st;
	} row[] = {
		{ "subject", { .subject = "t.bad.*", .id = "x" }, ST_INVALID },
		{ "no subject", { .id = "x" }, ST_INVALID },
		{ "no id", { .subject = "t.bad.a" }, ST_INVALID },
		{ "empty id", { .subject = "t.bad.a", .id = "" }, ST_INVALID },
		{ "headers",
		  { .subject = "t.bad.a", .id = "x", .n_headers = BUS_HEADERS_MAX },
		  ST_INVALID },
		{ "size",
		  { .subject = "t.bad.a", .id = "x", .len = BUS_EVENT_MAX + 1 },
		  ST_TOO_LARGE },
	};
	char *body = calloc(1, BUS_EVENT_MAX + 1);
	char id[BATCH_ID_TEXT];

	(void)state;
	fixture_stream(bus, "bad", "t.bad.>");
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bus_event e[2] = { { .subject = "t.bad.a", .id = "good" }, row[i].bad };
		uint64_t seq[2];

		print_message("  %s\n", row[i].what);
		e[1].data = body;
		assert_int_equal(bus_js_publish(bus, e, 2, PATIENT_MS, seq), row[i].st);
		assert_int_equal(bus_js_msg_id(bus, "bad", 1, id, sizeof(id)), ST_NOT_FOUND);
	}
	free(body);
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

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void test_publishers_side_by_side(void **state)
{
	enum { THREADS = 8, EACH = 500 };
	struct publisher p[THREADS];
	uint64_t all[THREADS * EACH];
	char name[16];

	(void)state;
	fixture_stream(bus, "side", "t.side.>");
	for (int i = 0; i < THREADS; i++) {
		snprintf(name, sizeof(name), "side%d", i);
		batch_make(&p[i].b, "t.side.a", name, EACH, 50);
		assert_int_equal(pthread_create(&p[i].thread, NULL, publish_main, &p[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(p[i].thread, NULL);
		assert_int_equal(p[i].st, ST_OK);
		memcpy(all + i * EACH, p[i].b.seq, sizeof(uint64_t) * EACH);
		/* Each batch in its own order. */
		for (int k = 1; k < EACH; k++)
			assert_true(p[i].b.seq[k] > p[i].b.seq[k - 1]);
		batch_free(&p[i].b);
	}
	qsort(all, THREADS * EACH, sizeof(all[0]), by_value);
	for (int i = 0; i < THREADS * EACH; i++)
		assert_int_equal(all[i], i + 1);
}

/* ---- what the stream has ---- */
static void test_the_id_at_a_sequence(void **state)
{
	char id[BATCH_ID_TEXT] = "", small[4] = "";
	struct batch b;

	(void)state;
	fixture_stream(bus, "ids", "t.ids.>");
	batch_make(&b, "t.ids.a", "ids", 5, BUS_EVENT_MAX);
	assert_int_equal(bus_js_publish(bus, b.events, b.n, PATIENT_MS, b.seq), ST_OK);
	for (size_t i = 0; i < b.n; i++) {
		assert_int_equal(bus_js_msg_id(bus, "ids", b.seq[i], id, sizeof(id)), ST_OK);
		assert_string_equal(id, b.ids[i]);
	}
	assert_int_equal(bus_js_msg_id(bus, "ids", 6, id, sizeof(id)), ST_NOT_FOUND);
	assert_int_equal(bus_js_msg_id(bus, "ids", 0, id, sizeof(id)), ST_NOT_FOUND);
	assert_int_equal(bus_js_msg_id(bus, "ids", 1, small, sizeof(small)), ST_TOO_LARGE);
	/* A message of somebody without an id. */
	assert_int_equal(bus_publish(bus, "t.ids.raw", NULL, 0, "x", 1), ST_OK);
	assert_int_equal(bus_flush(bus, PATIENT_MS), ST_OK);
	assert_int_equal(bus_js_msg_id(bus, "ids", 6, id, sizeof(id)), ST_NOT_FOUND);
	batch_free(&b);
}

static void test_a_wiped_stream(void **state)
{
	char id[BATCH_ID_TEXT] = "untouched";
	struct batch b;

	(void)state;
	fixture_stream(bus, "wiped", "t.wiped.>");
	batch_make(&b, "t.wiped.a", "wiped", 10, 10);
	assert_int_equal(bus_js_publish(bus, b.events, b.n, PATIENT_MS, b.seq), ST_OK);
	fixture_js(bus, "STREAM.PURGE.wiped", "{}");
	assert_int_equal(bus_js_msg_id(bus, "wiped", 10, id, sizeof(id)), ST_NOT_FOUND);
	fixture_js(bus, "STREAM.DELETE.wiped", "");
	assert_int_equal(bus_js_msg_id(bus, "wiped", 10, id, sizeof(id)), ST_UNAVAILABLE);
	assert_int_equal(bus_js_publish(bus, b.events, b.n, PATIENT_MS, b.seq), ST_UNAVAILABLE);
	/* Made anew it counts from 1, and the old sequence is not there. */
	fixture_stream(bus, "wiped", "t.wiped.>");
	assert_int_equal(bus_js_msg_id(bus, "wiped", 10, id, sizeof(id)), ST_NOT_FOUND);
	assert_int_equal(bus_js_publish(bus, b.events, b.n, PATIENT_MS, b.seq), ST_OK);
	assert_int_equal(b.seq[0], 1);
	assert_string_equal(id, "untouched");
	assert_int_equal(bus_js_msg_id(bus, "a.b", 1, id, sizeof(id)), ST_INVALID);
	assert_int_equal(bus_js_msg_id(bus, "", 1, id, sizeof(id)), ST_INVALID);
	batch_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_message_gets_its_sequence),
		cmocka_unit_test(test_a_duplicate_gets_the_first_ones_sequence),
		cmocka_unit_test(test_a_subject_of_no_stream),
		cmocka_unit_test(test_no_acknowledgement_in_time),
		cmocka_unit_test(test_bad_events_are_refused_before_anything_is_sent),
		cmocka_unit_test(test_publishers_side_by_side),
		cmocka_unit_test(test_the_id_at_a_sequence),
		cmocka_unit_test(test_a_wiped_stream),
	};

	return cmocka_run_group_tests_name("bus_js", tests, set_up, tear_down);
}
