/*
 * The road of an event out of a service: outbox, relay, stream. The relay is killed at every step
 * it takes, commits come late and all at once, the broker loses its disk: each event stands in the
 * stream once, and none is missing. Auth plays the publisher: each brand it makes is an event.
 */
#include "component/auth_fixture.h"

#include "core/timeutil.h"

#include <postgresql/libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WRITERS    8
#define PER_WRITER 25

static struct world w;
static const char *token;

/* ---- what the outbox and the stream say ---- */

#define UNSENT "SELECT count(*) FROM auth.outbox WHERE sent_at IS NULL"
#define SENT   "SELECT count(*) FROM auth.outbox WHERE sent_at IS NOT NULL"

static int64_t events(void)
{
	return world_sql_int(&w, "SELECT count(*) FROM auth.outbox");
}

/*
 * Every row is sent, each has a sequence of its own, and the stream's last sequence is the number
 * of rows: nothing twice, nothing else. Only right while the stream was never wiped.
 */
static void assert_each_once(void)
{
	world_sql_until(&w, "0", UNSENT);
	assert_int_equal(world_sql_int(&w, "SELECT count(DISTINCT stream_seq) FROM auth.outbox"),
			 events());
	assert_int_equal(world_sql_int(&w, "SELECT max(stream_seq) FROM auth.outbox"), events());
}

/* The stream holds each row's event id at the row's sequence. */
static void assert_stream_agrees(void)
{
	PGresult *r =
		PQexec(w.super, "SELECT event_id, stream_seq FROM auth.outbox ORDER BY position");
	char id[160];

	for (int i = 0; i < PQntuples(r); i++) {
		uint64_t seq = strtoull(PQgetvalue(r, i, 1), NULL, 10);

		assert_int_equal(
			bus_js_msg_id(world_bus(&w, "auth"), "evt-auth", seq, id, sizeof(id)),
			ST_OK);
		assert_string_equal(id, PQgetvalue(r, i, 0));
	}
	PQclear(r);
}

static void make_brand(const char *name)
{
	world_brand(&w, token, name, "");
}

static void respawn(void)
{
	tk_proc_kill(w.auth);
	w.auth = world_spawn(&w);
}

/* ---- tests ---- */

static void order_is_kept(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		make_brand("in order");
	assert_each_once();
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM (SELECT stream_seq,"
					   " lag(stream_seq) OVER (ORDER BY position) AS before"
					   " FROM auth.outbox) AS o WHERE stream_seq < before"),
			 0);
	assert_stream_agrees();
}

struct writer {
	pthread_t thread;
	struct bus *bus;
	struct arena *arena;
	int made;
};

static void *write_brands(void *arg)
{
	struct writer *me = arg;

	for (int i = 0; i < PER_WRITER; i++) {
		Auth__V1__CreateBrandRequest in = AUTH__V1__CREATE_BRAND_REQUEST__INIT;

		in.name = (char *)(uintptr_t) "concurrent";
		in.currency = (char *)(uintptr_t) "GBP";
		in.timezone = (char *)(uintptr_t) "UTC";
		if (world_call_on(me->bus, me->arena, (struct caller){ .token = token },
				  AUTH_CREATE_BRAND, &in)
			    .status == ST_OK)
			me->made++;
		arena_reset(me->arena);
	}
	return NULL;
}

/* A row that took its place in the order early and commits after all the others were sent. */
static void late_commits_are_not_lost(void **state)
{
	struct writer writers[WRITERS];
	PGconn *late = PQconnectdb(w.pg);
	int64_t before = events();
	int made = 0;

	(void)state;
	PQclear(PQexec(late, "BEGIN"));
	PQclear(PQexec(late,
		       "INSERT INTO auth.outbox (event_id, tenant_id, subject, headers, payload)"
		       " SELECT 'auth:late', tenant_id, subject, headers, payload FROM auth.outbox "
		       "LIMIT 1"));
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .bus = w.edge, .arena = arena_new(1 << 22) };
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_brands, &writers[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		arena_free(writers[i].arena);
		made += writers[i].made;
	}
	assert_int_equal(made, WRITERS * PER_WRITER);
	world_sql_until(&w, "0", UNSENT);
	/* Each brand is told of, and each act is on record. */
	assert_int_equal(events(), before + 2 * made);
	PQclear(PQexec(late, "COMMIT"));
	PQfinish(late);
	assert_int_equal(events(), before + 2 * made + 1);
	assert_each_once();
	assert_stream_agrees();
}

/* Step 1: nothing was published yet, because the broker is away. */
static void killed_before_publishing(void **state)
{
	(void)state;
	tk_nats_kill(w.nats);
	world_sql(&w, "INSERT INTO auth.outbox (event_id, tenant_id, subject, headers, payload)"
		      " SELECT 'auth:before-' || g, tenant_id, subject, headers, payload"
		      " FROM (SELECT * FROM auth.outbox LIMIT 1) o, generate_series(1, 5) g");
	tk_proc_kill(w.auth);
	assert_int_equal(world_sql_int(&w, UNSENT), 5);
	tk_nats_start(w.nats);
	w.auth = world_spawn(&w);
	assert_each_once();
	assert_stream_agrees();
}

static bool stream_has_next(void *arg)
{
	char id[160];

	return bus_js_msg_id(world_bus(&w, "auth"), "evt-auth", *(uint64_t *)arg, id, sizeof(id)) ==
	       ST_OK;
}

/* Step 2: published and acknowledged, but not noted: the row is locked by somebody else just then.
 */
static void killed_before_noting(void **state)
{
	PGconn *lock = PQconnectdb(w.pg);
	uint64_t next = (uint64_t)events() + 1;

	(void)state;
	PQclear(PQexec(lock, "BEGIN"));
	PQclear(PQexec(lock,
		       "INSERT INTO auth.outbox (event_id, tenant_id, subject, headers, payload)"
		       " SELECT 'auth:noting', tenant_id, subject, headers, payload FROM "
		       "auth.outbox LIMIT 1"));
	PQclear(PQexec(lock, "COMMIT; BEGIN; SELECT * FROM auth.outbox WHERE event_id = "
			     "'auth:noting' FOR UPDATE"));
	/* The relay reads without locks: it publishes, then waits for the row. Or it was faster
	 * than our lock. */
	assert_true(tk_wait_until(stream_has_next, &next, WORLD_LIMIT_MS));
	tk_proc_kill(w.auth);
	PQclear(PQexec(lock, "COMMIT"));
	PQfinish(lock);
	w.auth = world_spawn(&w);
	assert_each_once();
	assert_stream_agrees();
}

static bool relay_waits_in_commit(void *arg)
{
	(void)arg;
	return world_sql_int(
		       &w,
		       "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
		       " AND objid = 4711") == 1;
}

/* Step 3: published and noted, but the commit does not come: a deferred trigger holds it. */
static void killed_in_commit(void **state)
{
	PGconn *hold = PQconnectdb(w.pg);

	(void)state;
	PQclear(PQexec(hold, "SELECT pg_advisory_lock(4711)"));
	world_sql(&w, "CREATE FUNCTION auth.hold() RETURNS trigger LANGUAGE plpgsql AS"
		      " 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END'");
	world_sql(&w, "CREATE CONSTRAINT TRIGGER hold AFTER UPDATE ON auth.outbox DEFERRABLE "
		      "INITIALLY DEFERRED"
		      " FOR EACH ROW EXECUTE FUNCTION auth.hold()");
	make_brand("held in commit");
	assert_true(tk_wait_until(relay_waits_in_commit, NULL, WORLD_LIMIT_MS));
	tk_proc_kill(w.auth);
	world_sql(
		&w,
		"SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"
		" AND NOT granted AND objid = 4711");
	world_sql(&w, "DROP TRIGGER hold ON auth.outbox");
	world_sql(&w, "DROP FUNCTION auth.hold()");
	PQfinish(hold);
	assert_int_equal(world_sql_int(&w, UNSENT), 2); /* the brand and the act */
	w.auth = world_spawn(&w);
	assert_each_once();
	assert_stream_agrees();
}

/* Two copies of the service: their relays take turns, nothing is sent twice. */
static void two_copies_take_turns(void **state)
{
	struct tk_proc *other = world_spawn(&w);

	(void)state;
	for (int i = 0; i < 60; i++)
		make_brand("two copies");
	assert_each_once();
	assert_stream_agrees();
	assert_int_equal(world_end(other), 0);
}

/* Where the server stores is said by the configuration that pp-deploy made. */
static void lose_the_disk(void)
{
	const char *argv[] = { "/bin/rm", "-rf", arena_printf(w.arena, "%s/unused", w.dir), NULL };

	assert_int_equal(tk_run(argv, NULL, WORLD_LIMIT_MS, NULL, 0), 0);
}

/* The broker comes back with an empty disk: everything the outbox holds is sent again. */
static void wiped_stream_is_filled_again(void **state)
{
	int64_t n;

	(void)state;
	world_sql_until(&w, "0", UNSENT);
	n = events();
	tk_nats_kill(w.nats);
	lose_the_disk();
	tk_nats_start(w.nats);
	world_streams(&w);
	assert_true(tk_wait_logged(w.auth, "relay.resend", WORLD_LIMIT_MS));
	world_sql_until(&w, "0", UNSENT);
	assert_int_equal(world_sql_int(&w, SENT), n);
	assert_int_equal(world_sql_int(&w, "SELECT max(stream_seq) FROM auth.outbox"), n);
	assert_stream_agrees();
	make_brand("after the wipe");
	world_sql_until(&w, "0", UNSENT);
	assert_int_equal(world_sql_int(&w, "SELECT max(stream_seq) FROM auth.outbox"), n + 2);
}

/* Events of a refused transaction are not events: the outbox row went with it. */
static void nothing_is_told_of_what_failed(void **state)
{
	Auth__V1__CreateBrandRequest in = AUTH__V1__CREATE_BRAND_REQUEST__INIT;
	int64_t before = events();

	(void)state;
	in.name = (char *)(uintptr_t) "same key";
	in.currency = (char *)(uintptr_t) "GBP";
	in.timezone = (char *)(uintptr_t) "UTC";
	assert_int_equal(world_call(&w, (struct caller){ .token = token, .key = "one" },
				    AUTH_CREATE_BRAND, &in)
				 .status,
			 ST_OK);
	assert_int_equal(world_call(&w, (struct caller){ .token = token, .key = "one" },
				    AUTH_CREATE_BRAND, &in)
				 .status,
			 ST_OK);
	in.name = (char *)(uintptr_t) "another body";
	assert_int_equal(world_call(&w, (struct caller){ .token = token, .key = "one" },
				    AUTH_CREATE_BRAND, &in)
				 .status,
			 ST_MISMATCH);
	assert_int_equal(events(), before + 2);
	respawn();
	world_sql_until(&w, "0", UNSENT);
}

static int start(void **state)
{
	(void)state;
	world_start(&w);
	world_tenant(&w, "relay@tests.example");
	token = arena_strdup(w.keep, world_must_login(&w, "relay@tests.example")->access_token);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_stop(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(late_commits_are_not_lost),
		cmocka_unit_test(killed_before_publishing),
		cmocka_unit_test(killed_before_noting),
		cmocka_unit_test(killed_in_commit),
		cmocka_unit_test(two_copies_take_turns),
		cmocka_unit_test(nothing_is_told_of_what_failed),
		cmocka_unit_test(wiped_stream_is_filled_again),
	};

	return cmocka_run_group_tests_name("svc_relay", tests, start, stop);
}
