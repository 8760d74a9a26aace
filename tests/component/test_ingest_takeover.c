/*
 * Runs whose process stops, dies, hangs or loses them, and a database that dies: each run ends
 * whole, each page is stored once. Where one way of noticing is tested the other is set so slow
 * that it cannot help.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/ingest_fixture.h"
#include "core/log.h"
#include "core/timeutil.h"

#include <postgresql/libpq-fe.h>
#include <string.h>
#include <unistd.h>

#define TENANT   "0190a000-0000-7000-8000-000000000001"
#define NEVER_MS (3600 * 1000)

static struct tk_pg *pg;
static struct things_db db;

static const char *self;
static const struct things_options quick = {
	.runners = 2, .poll_ms = 50, .lease_ms = 30000, .retry_cap_ms = 20
};

static int group_setup(void **state)
{
	(void)state;
	pg = tk_pg_open(true); /* roles are made, and it is killed */
	things_db_make(&db, pg);
	return 0;
}

static int test_setup(void **state)
{
	(void)state;
	things_sql(&db, "TRUNCATE sync_runs, things, events, marks");
	return 0;
}
/* ---- processes that end ---- */

/* Stopped in the middle: handed back at once, and the next process goes on from the checkpoint. */
static void test_close_and_go_on(void **state)
{
	struct things_options slow_lease = quick;
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT];
	struct things t;

	(void)state;
	slow_lease.lease_ms = NEVER_MS;
	things_plan_init(&plan, TENANT, 4, 2);
	plan.hold_page = 2;
	things_open(&t, &db, plans, 1, &slow_lease);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_plan_await_held(&plan);
	things_close(&t);
	assert_int_equal(
		things_count(
			&db,
			"SELECT count(*) FROM sync_runs WHERE state = 'running' AND owner IS NULL"
			" AND pages = 2 AND stalled = 0"),
		1);
	things_plan_let_go(&plan);
	things_open(&t, &db, plans, 1, &slow_lease);
	assert_int_equal(things_await(&t, &plan, run_id, RUN_PROJECTING).pages, 4);
	assert_int_equal(plan.asked[0], 1);
	assert_int_equal(plan.asked[1], 1);
	assert_int_equal(plan.asked[2], 2);
	things_assert_whole(&db, &plan, run_id, 4);
	things_close(&t);
	assert_int_equal(atomic_load(&plan.opened), atomic_load(&plan.closed));
}

/* The other process: claims what there is and holds page 2 for ever. */
static _Noreturn void drive_and_hang(const char *app, const char *worker, const char *brand_id)
{
	struct things_options slow = { .runners = 1, .poll_ms = 20, .lease_ms = NEVER_MS };
	struct things_plan plan, *plans[] = { &plan };
	struct things t;

	things_db_attach(&db, app, worker);
	things_plan_init(&plan, TENANT, 4, 3);
	snprintf(plan.brand_id, sizeof(plan.brand_id), "%s", brand_id);
	plan.hold_page = 2;
	things_open(&t, &db, plans, 1, &slow);
	for (;;)
		pause();
}

/* Killed in the middle: its lease would last an hour, but its lock is gone. */
static void test_killed_process(void **state)
{
	struct things_options slow = { .runners = 1, .poll_ms = 50, .lease_ms = NEVER_MS };
	int64_t deadline = time_mono_us() + THINGS_WAIT_US;
	struct things_plan plan, *plans[] = { &plan };
	struct runs_stats stats;
	char run_id[UUID_TEXT];
	struct things t;
	const char *argv[] = { self, "--drive", db.app, db.worker, plan.brand_id, NULL };
	struct tk_proc *other;

	(void)state;
	things_plan_init(&plan, TENANT, 4, 3);
	things_open_pools(&t, &db);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	other = tk_spawn(argv, NULL);
	while (things_get(&t, &plan, run_id).pages < 2) {
		assert_true(time_mono_us() < deadline);
		assert_true(tk_proc_running(other));
		time_sleep_us(time_mono_us() + THINGS_LOOK_US);
	}
	things_close(&t);
	/* While it lives nobody takes the run: three looks find nothing. */
	things_open(&t, &db, plans, 1, &slow);
	things_await_looks(&t, 3);
	runs_stats(t.runs, &stats);
	assert_int_equal(stats.claimed, 0);
	tk_proc_kill(other);
	assert_int_equal(things_await(&t, &plan, run_id, RUN_PROJECTING).rows, 12);
	runs_stats(t.runs, &stats);
	assert_int_equal(stats.taken_over, 1);
	assert_int_equal(plan.asked[0] + plan.asked[1], 0); /* its pages were kept */
	things_assert_whole(&db, &plan, run_id, 4);
	things_close(&t);
}

/* A run that ends every process that touches it is given up. */
static void test_crash_loop(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT];
	struct run_view v;
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 1, 1);
	things_open_pools(&t, &db);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_close(&t);
	/* As if the tenth process had just died; owner 1 is nobody's lock. */
	things_sql(&db, "UPDATE sync_runs SET state = 'running', owner = 1, stalled = 10,"
			" lease_until = now() + interval '1 hour'");
	things_open(&t, &db, plans, 1, &quick);
	v = things_await(&t, &plan, run_id, RUN_FAILED);
	assert_non_null(strstr(v.error, "11 processes ended"));
	assert_int_equal(plan.asked[0], 0);
	things_close(&t);
}

/* ---- fencing ---- */

/*
 * While page 1 is fetched the row changes under the runner: another process claimed it, or (`step`)
 * the page is in it already because a COMMIT went unanswered. The runner's page must not be stored
 * on top, and the run still ends whole.
 */
static void lose_run(const char *change, int asked_again)
{
	struct things_plan plan, *plans[] = { &plan };
	struct runs_stats stats;
	char run_id[UUID_TEXT];
	struct things t;

	things_plan_init(&plan, TENANT, 3, 2);
	plan.hold_page = 1;
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_plan_await_held(&plan);
	things_sql(&db, change);
	things_plan_let_go(&plan);
	assert_int_equal(things_await(&t, &plan, run_id, RUN_PROJECTING).pages, 3);
	runs_stats(t.runs, &stats);
	assert_int_equal(stats.lost, 1);
	assert_int_equal(stats.claimed, 2);
	assert_int_equal(plan.asked[1], asked_again);
	assert_int_equal(things_count(&db, "SELECT count(*) FROM events WHERE kind = 'page'"), 3);
	assert_int_equal(
		things_count(&db, "SELECT count(DISTINCT page) FROM events WHERE kind = 'page'"),
		3);
	assert_int_equal(things_count(&db, "SELECT max(written) FROM things"), 1);
	things_close(&t);
}

static void test_lost_to_another(void **state)
{
	(void)state;
	lose_run("UPDATE sync_runs SET claim = claim + 1, owner = NULL", 2);
}

static void test_commit_without_answer(void **state)
{
	(void)state;
	lose_run("INSERT INTO things (tenant_id, brand_id, thing_id, run_id)"
		 " SELECT tenant_id, brand_id, t, run_id FROM sync_runs, unnest(ARRAY['1-0', "
		 "'1-1']) AS t;"
		 "INSERT INTO events (tenant_id, run_id, kind, page) SELECT tenant_id, run_id, "
		 "'page', 1 FROM sync_runs;"
		 "UPDATE sync_runs SET step = step + 1, checkpoint = '2', pages = 2, rows = 4, "
		 "events = 2",
		 1);
}

/* The heartbeat notices too: a runner that waits for its provider is told that the run is
 * another's. */
static void test_heartbeat_cancels(void **state)
{
	struct things_options beating = { .runners = 1, .poll_ms = 20, .lease_ms = 60 };
	int64_t deadline = time_mono_us() + THINGS_WAIT_US;
	struct things_plan plan, *plans[] = { &plan };
	struct runs_stats stats;
	char run_id[UUID_TEXT];
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 2, 1);
	plan.hold_page = 0; /* and never lets go */
	things_open(&t, &db, plans, 1, &beating);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_plan_await_held(&plan);
	things_sql(&db, "UPDATE sync_runs SET claim = claim + 1, owner = 1, lease_until = now() + "
			"interval '1 hour'");
	do {
		assert_true(time_mono_us() < deadline);
		time_sleep_us(time_mono_us() + THINGS_LOOK_US);
		runs_stats(t.runs, &stats);
	} while (stats.lost == 0);
	things_close(&t);
}

/* A process that lives but renews no more: its lock protects the run only as long as the lease
 * does. */
static void test_lease_runs_out(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	PGconn *owner = PQconnectdb(db.worker);
	struct runs_stats stats;
	char run_id[UUID_TEXT];
	struct things t;

	(void)state;
	PQclear(PQexec(owner, "SELECT pg_advisory_lock(4242)"));
	things_plan_init(&plan, TENANT, 2, 2);
	things_open_pools(&t, &db);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_sql(&db, "UPDATE sync_runs SET state = 'running', owner = 4242, lease_until = now() "
			"+ interval '1 hour'");
	things_close(&t);
	things_open(&t, &db, plans, 1, &quick);
	things_await_looks(&t, 3);
	runs_stats(t.runs, &stats);
	assert_int_equal(stats.claimed, 0);
	things_sql(&db, "UPDATE sync_runs SET lease_until = now() - interval '1 second'");
	things_await(&t, &plan, run_id, RUN_PROJECTING);
	runs_stats(t.runs, &stats);
	assert_int_equal(stats.taken_over, 1);
	things_close(&t);
	PQfinish(owner);
}

/* The session that holds the lock is broken: taken again, and the runs end whole. */
static void test_keeper_killed(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT];
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 3, 2);
	plan.hold_page = 1;
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_plan_await_held(&plan);
	assert_int_equal(
		things_count(&db,
			     "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_locks"
			     " WHERE locktype = 'advisory' AND granted AND database ="
			     " (SELECT oid FROM pg_database WHERE datname = current_database())"),
		1);
	things_plan_let_go(&plan);
	assert_int_equal(things_await(&t, &plan, run_id, RUN_PROJECTING).pages, 3);
	things_assert_whole(&db, &plan, run_id, 3);
	assert_int_equal(things_count(&db, "SELECT max(written) FROM things"), 1);
	things_close(&t);
}

/* The server itself dies in the middle of a run, and comes back: the run ends whole. */
static void test_database_killed(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT];
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 4, 3);
	plan.hold_page = 2;
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_plan_await_held(&plan);
	tk_pg_kill(pg);
	things_plan_let_go(&plan); /* page 2 meets a dead server */
	tk_pg_start(pg);
	things_await(&t, &plan, run_id, RUN_PROJECTING);
	things_assert_whole(&db, &plan, run_id, 4);
	assert_int_equal(things_count(&db, "SELECT max(written) FROM things"), 1);
	things_close(&t);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_close_and_go_on, test_setup),
		cmocka_unit_test_setup(test_killed_process, test_setup),
		cmocka_unit_test_setup(test_crash_loop, test_setup),
		cmocka_unit_test_setup(test_lost_to_another, test_setup),
		cmocka_unit_test_setup(test_commit_without_answer, test_setup),
		cmocka_unit_test_setup(test_heartbeat_cancels, test_setup),
		cmocka_unit_test_setup(test_lease_runs_out, test_setup),
		cmocka_unit_test_setup(test_keeper_killed, test_setup),
		cmocka_unit_test_setup(test_database_killed, test_setup),
	};

	self = argv[0];
	log_init("test", LOG_ERROR + 1); /* faults are the point here */
	if (argc == 5 && strcmp(argv[1], "--drive") == 0)
		drive_and_hang(argv[2], argv[3], argv[4]);
	return cmocka_run_group_tests_name("ingest take-over", tests, group_setup, NULL);
}
