/*
 * Answers in parts that are cut short, on a real nats-server: lost parts, lost ends, callees that
 * die or break the protocol. Where a callee has to misbehave it is a bare cnats client; the one
 * that dies is a process of its own.
 */
#include "component/bus_fixture.h"
#include "core/magic.h"

#include <nats/nats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENT_MS 60000
#define LAST_WORDS 5 /* parts of the callee that dies */

static struct broker broker;
static struct bus *caller;

/* ---- the callee that dies: forked before there are threads, told the address once the server
 * listens ---- */
static struct {
	pid_t pid;
	int tell;
} mortal;
static struct bus *mortal_bus;

static void die_in_the_middle(void *arg, struct bus_msg *m)
{
	struct bus_stream *s;

	(void)arg;
	INVARIANT(bus_stream_open(mortal_bus, m, &s) == ST_OK);
	for (int i = 0; i < LAST_WORDS; i++)
		INVARIANT(bus_stream_send(s, "p", 1) == ST_OK);
	INVARIANT(bus_flush(mortal_bus, PATIENT_MS) == ST_OK);
	_exit(0);
}

static _Noreturn void mortal_main(int from)
{
	struct bus_server_config cfg = { "pp.rpc.mortal",   "q", 1, 4, die_in_the_middle,
					 die_in_the_middle, NULL };
	struct broker b = { .nats = NULL };
	struct bus_server *s;

	if (read(from, b.url, sizeof(b.url)) <= 0)
		_exit(1);
	mortal_bus = fixture_bus(&b, "mortal");
	INVARIANT(bus_serve(mortal_bus, &cfg, &s) == ST_OK);
	/* The handler ends the process, the closed pipe does if it is never called. */
	while (read(from, b.url, sizeof(b.url)) > 0)
		;
	_exit(1);
}

static int set_up(void **state)
{
	int ends[2];

	(void)state;
	INVARIANT(pipe(ends) == 0);
	mortal.pid = fork();
	INVARIANT(mortal.pid >= 0);
	if (mortal.pid == 0) {
		close(ends[1]);
		mortal_main(ends[0]);
	}
	close(ends[0]);
	mortal.tell = ends[1];
	broker_start(&broker, NULL);
	caller = fixture_bus(&broker, "caller");
	INVARIANT(write(mortal.tell, broker.url, sizeof(broker.url)) == sizeof(broker.url));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bus_close(caller, 1000);
	broker_stop(&broker);
	return 0;
}

static struct bus_call *call(const char *subject)
{
	struct bus_call *c = NULL;

	assert_int_equal(bus_call_open(caller, subject, NULL, 0, "q", 1, &c), ST_OK);
	return c;
}

/* Reads until something else than a part comes: the number of parts, and the status that ended it.
 */
static int read_parts(struct bus_call *c, enum status *ended)
{
	int parts = 0;

	for (;;) {
		struct bus_msg *m = NULL;

		*ended = bus_call_next(c, PATIENT_MS, &m);
		if (!m)
			return parts;
		parts++;
		bus_msg_free(m);
	}
}

/* Nobody may listen yet; then there is no answer at all. */
static bool mortal_listens(void *arg)
{
	struct bus_call **c = arg;
	struct bus_msg *m = NULL;

	*c = call("pp.rpc.mortal");
	if (bus_call_next(*c, PATIENT_MS, &m) == ST_OK) {
		bus_msg_free(m);
		return true;
	}
	bus_call_close(*c);
	return false;
}

static void test_a_callee_that_dies(void **state)
{
	struct bus_call *c = NULL;
	struct bus_msg *m = NULL;
	enum status ended;
	int status = -1;

	(void)state;
	assert_true(wait_for(mortal_listens, &c));
	assert_int_equal(read_parts(c, &ended), LAST_WORDS - 1);
	assert_int_equal(ended, ST_UNAVAILABLE);
	assert_null(bus_call_end(c));
	assert_int_equal(bus_call_next(c, PATIENT_MS, &m), ST_UNAVAILABLE);
	bus_call_close(c);
	assert_int_equal(waitpid(mortal.pid, &status, 0), mortal.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(mortal.tell);
}

/* ---- callees with a script ---- */
struct raw_step {
	const char *header, *value; /* NULL: the last step */
};
struct raw_callee {
	natsConnection *nc;
	natsSubscription *sub, *ctl;
	const struct raw_step *steps;
	atomic_int cancels, answered;
};

static void raw_control(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure)
{
	struct raw_callee *r = closure;

	(void)nc;
	(void)sub;
	if (natsMsg_GetDataLength(m) == 6 && memcmp(natsMsg_GetData(m), "cancel", 6) == 0)
		atomic_fetch_add(&r->cancels, 1);
	natsMsg_Destroy(m);
}

static void raw_answer(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure)
{
	struct raw_callee *r = closure;

	(void)sub;
	for (const struct raw_step *step = r->steps; step->header; step++) {
		natsMsg *out;
		const char *value = step->value;

		INVARIANT(natsMsg_Create(&out, natsMsg_GetReply(m), NULL, value,
					 (int)strlen(value)) == NATS_OK);
		INVARIANT(natsMsgHeader_Set(out, step->header, value) == NATS_OK);
		if (step == r->steps)
			INVARIANT(natsMsgHeader_Set(out, "Pp-Stream-Control", "pp.ctl.raw.1-1") ==
				  NATS_OK);
		INVARIANT(natsConnection_PublishMsg(nc, out) == NATS_OK);
		natsMsg_Destroy(out);
	}
	natsMsg_Destroy(m);
	atomic_fetch_add(&r->answered, 1);
}

/* Reads until something else than a part comes; the number of parts, and the status that ended it.
 */
static void raw_open(struct raw_callee *r)
{
	assert_int_equal(natsConnection_ConnectTo(&r->nc, broker.url), NATS_OK);
	assert_int_equal(natsConnection_Subscribe(&r->sub, r->nc, "pp.rpc.raw", raw_answer, r),
			 NATS_OK);
	assert_int_equal(natsConnection_Subscribe(&r->ctl, r->nc, "pp.ctl.raw.*", raw_control, r),
			 NATS_OK);
	assert_int_equal(natsConnection_Flush(r->nc), NATS_OK);
}

static bool happened(void *arg)
{
	return atomic_load((atomic_int *)arg) > 0;
}

static void raw_close(struct raw_callee *r)
{
	/* Its thread has left what is taken down here. */
	assert_true(wait_for(happened, &r->answered));
	assert_int_equal(natsSubscription_Unsubscribe(r->sub), NATS_OK);
	assert_int_equal(natsSubscription_Unsubscribe(r->ctl), NATS_OK);
	assert_int_equal(natsConnection_Flush(r->nc), NATS_OK);
	natsConnection_Close(r->nc);
	natsSubscription_Destroy(r->sub);
	natsSubscription_Destroy(r->ctl);
	natsConnection_Destroy(r->nc);
}

struct raw_row {
	const char *what;
	struct raw_step steps[6];
	int parts;
	enum status ended;
};

static void run_row(const struct raw_row *row)
{
	struct raw_callee r = { .steps = row->steps };
	enum status ended;
	struct bus_call *c;
	int parts;

	print_message("  %s\n", row->what);
	raw_open(&r);
	c = call("pp.rpc.raw");
	parts = read_parts(c, &ended);
	assert_int_equal(parts, row->parts);
	assert_int_equal(ended, row->ended);
	if (ended == ST_OK) {
		assert_non_null(bus_call_end(c));
	} else {
		struct bus_msg *m = NULL;

		assert_null(bus_call_end(c));
		/* A lost stream stays lost. */
		assert_int_equal(bus_call_next(c, PATIENT_MS, &m), ended);
	}
	bus_call_close(c);
	/* The callee of a broken answer is told once, that of a whole one never. */
	if (ended != ST_OK)
		assert_true(wait_for(happened, &r.cancels));
	assert_int_equal(bus_flush(caller, PATIENT_MS), ST_OK);
	raw_close(&r);
	assert_int_equal(atomic_load(&r.cancels), ended == ST_OK ? 0 : 1);
}

static void test_a_cut_answer_is_an_error(void **state)
{
	static const struct raw_row rows[] = {
		{ "whole",
		  { { "Pp-Beat", "0" }, { "Pp-Part", "1" }, { "Pp-Part", "2" }, { "Pp-End", "2" } },
		  2,
		  ST_OK },
		{ "a part is missing",
		  { { "Pp-Beat", "0" }, { "Pp-Part", "1" }, { "Pp-Part", "3" }, { "Pp-End", "3" } },
		  1,
		  ST_UNAVAILABLE },
		{ "a part comes twice",
		  { { "Pp-Beat", "0" }, { "Pp-Part", "1" }, { "Pp-Part", "1" }, { "Pp-End", "1" } },
		  1,
		  ST_UNAVAILABLE },
		{ "the last part is missing, says the end",
		  { { "Pp-Beat", "0" }, { "Pp-Part", "1" }, { "Pp-End", "2" } },
		  1,
		  ST_UNAVAILABLE },
		{ "the last part is missing, says a beat",
		  { { "Pp-Beat", "0" }, { "Pp-Part", "1" }, { "Pp-Beat", "2" } },
		  1,
		  ST_UNAVAILABLE },
		{ "a number that is none",
		  { { "Pp-Beat", "0" }, { "Pp-Part", "one" } },
		  0,
		  ST_UNAVAILABLE },
		{ "a plain reply in the middle",
		  { { "Pp-Beat", "0" }, { "Pp-Part", "1" }, { "Pp-Status", "ok" } },
		  1,
		  ST_UNAVAILABLE },
		{ "the end never comes",
		  { { "Pp-Beat", "0" },
		    { "Pp-Part", "1" },
		    { "Pp-Part", "2" },
		    { "Pp-Part", "3" } },
		  3,
		  ST_UNAVAILABLE },
		{ "two ends",
		  { { "Pp-Beat", "0" }, { "Pp-Part", "1" }, { "Pp-End", "1" }, { "Pp-End", "1" } },
		  1,
		  ST_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
}

/* More parts than the window, without waiting for credit. */
static void test_a_callee_that_ignores_the_window(void **state)
{
	enum { N = BUS_STREAM_WINDOW + 1 };
	static char value[N][12];
	static struct raw_step steps[N + 2];
	struct raw_callee r = { .steps = steps };
	struct bus_call *c;
	enum status ended;

	(void)state;
	steps[0] = (struct raw_step){ "Pp-Beat", "0" };
	for (int i = 0; i < N; i++) {
		snprintf(value[i], sizeof(value[i]), "%d", i + 1);
		steps[i + 1] = (struct raw_step){ "Pp-Part", value[i] };
	}
	raw_open(&r);
	c = call("pp.rpc.raw");
	/* Refused on arrival, before the first read. */
	assert_true(wait_for(happened, &r.cancels));
	assert_int_equal(read_parts(c, &ended), BUS_STREAM_WINDOW);
	assert_int_equal(ended, ST_UNAVAILABLE);
	bus_call_close(c);
	raw_close(&r);
}

static void test_nobody_to_stream(void **state)
{
	struct bus_call *c = call("pp.rpc.nobody");
	enum status ended;

	(void)state;
	assert_int_equal(read_parts(c, &ended), 0);
	assert_int_equal(ended, ST_UNAVAILABLE);
	bus_call_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_callee_that_dies),
		cmocka_unit_test(test_a_cut_answer_is_an_error),
		cmocka_unit_test(test_a_callee_that_ignores_the_window),
		cmocka_unit_test(test_nobody_to_stream),
	};

	return cmocka_run_group_tests_name("bus_stream_lost", tests, set_up, tear_down);
}
