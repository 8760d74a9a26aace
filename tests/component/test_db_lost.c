/*
 * The server goes away: backends terminated, the cluster stopped, started, killed. Whoever was in
 * flight is told ST_UNAVAILABLE, the next use recovers, and nothing is run twice. On a cluster of
 * its own.
 */
#include "db_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 8

static struct tk_pg *pg;
static struct tk_db database;

static const struct db_stmt stmts[] = {
	{ "insert", "INSERT INTO item VALUES ($1::bigint)" },
	{ "count", "SELECT count(*) FROM item" },
	{ "sleep", "SELECT pg_sleep($1::float8)" },
	{ NULL, NULL },
};

static int setup_group(void **state)
{
	(void)state;
	pg = tk_pg_open(true);
	tk_db_create(pg, &database);
	tk_sql(database.superuser, "CREATE TABLE item (id bigint PRIMARY KEY)");
	return 0;
}

static int setup(void **state)
{
	(void)state;
	tk_sql(database.superuser, "TRUNCATE item");
	return 0;
}

/* Terminates every backend of the database but its own, and waits until they are gone. */
static void terminate_backends(void)
{
	tk_sql(database.superuser,
	       "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
	       " WHERE datname = current_database() AND pid <> pg_backend_pid()");
}

static void test_in_flight_is_unavailable_then_recovers(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct dbf_job sleeper = {
		.db = db, .stmt = "sleep", .args = { "3600" }, .timeout_ms = 600000
	};
	struct dbf_job count = { .db = db, .stmt = "count" };

	(void)state;
	dbf_job_start(&sleeper);
	dbf_wait_running(&database, "pg_sleep");
	terminate_backends();
	dbf_job_join(&sleeper);
	assert_int_equal(sleeper.st, ST_UNAVAILABLE);
	assert_non_null(strstr(sleeper.err.detail, "outcome is unknown"));
	assert_int_equal(dbf_job_run(&count), ST_OK);
	assert_int_equal(dbf_stats(db).reconnects, 1);
	assert_int_equal(dbf_stats(db).failures, 1);
	db_close(db);
}

/* All that share the lost pipeline learn it; who waits behind it is served by the new connection.
 */
static void test_everybody_in_the_pipeline_is_told(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *held = NULL;
	struct dbf_job jobs[DB_BATCH_MAX], waiting = { .db = db, .stmt = "count" };

	(void)state;
	assert_int_equal(db_begin(&held, db, NULL, 0, NULL), ST_OK);
	for (int i = 0; i < DB_BATCH_MAX; i++) {
		jobs[i] = (struct dbf_job){
			.db = db, .stmt = "sleep", .args = { "3600" }, .timeout_ms = 600000
		};
		dbf_job_start(&jobs[i]);
		dbf_wait_waiting(db, (uint64_t)i + 1);
	}
	db_tx_free(held);
	dbf_wait_running(&database, "pg_sleep");
	dbf_job_start(&waiting);
	dbf_wait_waiting(db, 1);
	terminate_backends();
	for (int i = 0; i < DB_BATCH_MAX; i++) {
		dbf_job_join(&jobs[i]);
		assert_int_equal(jobs[i].st, ST_UNAVAILABLE);
	}
	dbf_job_join(&waiting);
	assert_int_equal(waiting.st, ST_OK);
	assert_int_equal(dbf_stats(db).failures, DB_BATCH_MAX);
	db_close(db);
}

static void test_idle_loss_is_not_noticed_by_callers(void **state)
{
	struct db *db = dbf_pool(database.superuser, 3, stmts);
	struct dbf_job count = { .db = db, .stmt = "count" };
	struct db_tx *tx = NULL;

	(void)state;
	for (int i = 0; i < 5; i++) {
		terminate_backends();
		assert_int_equal(dbf_job_run(&count), ST_OK);
		assert_int_equal(db_begin(&tx, db, NULL, 0, NULL), ST_OK);
		assert_int_equal(db_commit(tx, NULL), ST_OK);
		db_tx_free(tx);
	}
	assert_int_equal(dbf_stats(db).failures, 0);
	assert_true(dbf_stats(db).reconnects >= 5);
	db_close(db);
}

static void test_stopped_server_refuses_at_once_then_recovers(void **state)
{
	struct db *db = dbf_pool(database.superuser, 2, stmts);
	struct dbf_job count = { .db = db, .stmt = "count", .timeout_ms = 600000 };
	struct db_tx *tx = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(dbf_job_run(&count), ST_OK);
	tk_pg_stop(pg);
	/* With ten minutes to wait, a wait would not end in this test. */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(dbf_job_run(&count), ST_UNAVAILABLE);
		assert_true(count.err.detail[0] != '\0');
	}
	assert_int_equal(db_begin(&tx, db, NULL, dbf_in_ms(600000), &err), ST_UNAVAILABLE);
	assert_int_equal(db_ping(db), ST_UNAVAILABLE);
	tk_pg_start(pg);
	dbf_wait_ping(db);
	assert_int_equal(dbf_job_run(&count), ST_OK);
	assert_int_equal(dbf_stats(db).waiting, 0);
	db_close(db);
}

struct worker {
	struct db *db;
	int number;
	atomic_bool *stop;
	int64_t sent, confirmed, unknown;
	pthread_t thread;
};

static bool answers(void *arg)
{
	return db_ping(arg) == ST_OK;
}

/* Inserts numbers of its own, each exactly once, and counts what it was told. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct arena *a = arena_new(1024);

	while (!atomic_load(w->stop)) {
		struct db_tx *tx = db_tx_new(w->db, NULL);
		struct db_args args;

		arena_reset(a);
		db_args_init(&args, a);
		db_arg_i64(&args, w->number * INT64_C(1000000000) + w->sent++);
		db_add(tx, "insert", &args);
		if (db_run(tx, 0, NULL) == ST_OK) {
			w->confirmed++;
		} else {
			w->unknown++;
			tk_wait_until(answers, w->db, DBF_LIMIT_MS);
		}
		db_tx_free(tx);
	}
	arena_free(a);
	return NULL;
}

struct progress {
	struct db *db;
	uint64_t target;
};

static bool went_on(void *arg)
{
	const struct progress *p = arg;
	struct db_stats s = dbf_stats(p->db);

	return s.transactions - s.failures >= p->target;
}

static void wait_for_successes(struct db *db, uint64_t more)
{
	struct db_stats s = dbf_stats(db);
	struct progress p = { db, s.transactions - s.failures + more };

	assert_true(tk_wait_until(went_on, &p, DBF_LIMIT_MS));
}

/*
 * Kills the server under load, three times. What was confirmed is there, and nothing is there twice
 * (a primary key would have said ST_CONFLICT, which counts as not confirmed: rows beyond the
 * confirmed ones are those of unknown outcome).
 */
static void test_kill_under_load(void **state)
{
	struct db *db = dbf_pool(database.superuser, 2, stmts);
	struct worker workers[WORKERS];
	atomic_bool stop = false;
	int64_t confirmed = 0, unknown = 0, rows;

	(void)state;
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .db = db, .number = i, .stop = &stop };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 3; i++) {
		wait_for_successes(db, 100);
		tk_pg_kill(pg);
		tk_pg_start(pg);
	}
	wait_for_successes(db, 100);
	atomic_store(&stop, true);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		confirmed += workers[i].confirmed;
		unknown += workers[i].unknown;
		assert_int_equal(workers[i].sent, workers[i].confirmed + workers[i].unknown);
	}
	rows = tk_sql_int(database.superuser, "SELECT count(*) FROM item");
	assert_true(unknown > 0);
	assert_true(rows >= confirmed);
	assert_true(rows <= confirmed + unknown);
	db_close(db);
}

static void test_close_waits_for_running(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct dbf_job slow = { .db = db, .stmt = "sleep", .args = { "0.3" } };

	(void)state;
	dbf_job_start(&slow);
	dbf_wait_running(&database, "pg_sleep");
	db_close(db);
	dbf_job_join(&slow);
	assert_int_equal(slow.st, ST_OK);
	db_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_in_flight_is_unavailable_then_recovers, setup),
		cmocka_unit_test_setup(test_everybody_in_the_pipeline_is_told, setup),
		cmocka_unit_test_setup(test_idle_loss_is_not_noticed_by_callers, setup),
		cmocka_unit_test_setup(test_stopped_server_refuses_at_once_then_recovers, setup),
		cmocka_unit_test_setup(test_kill_under_load, setup),
		cmocka_unit_test_setup(test_close_waits_for_running, setup),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
