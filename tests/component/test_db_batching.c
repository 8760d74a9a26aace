/*
 * Queued transactions: they share pipelines by themselves under load, fail alone, keep their
 * deadlines, are refused when too many wait, and are retried when the server asks for it. Real
 * PostgreSQL. The pool's only connection is held by an open transaction whenever a test needs
 * others to wait.
 */
#include "db_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define JOBS_MAX 64

static struct tk_db database;

static const struct db_stmt stmts[] = {
	{ "insert", "INSERT INTO item VALUES ($1::int, $2)" },
	{ "count", "SELECT count(*) FROM item" },
	{ "insert_child", "INSERT INTO child VALUES ($1::int)" },
	{ "sleep", "SELECT pg_sleep($1::float8)" },
	{ "flaky", "SELECT flaky($1::bigint)" },
	{ "wide", "SELECT repeat('x', 1000000) FROM generate_series(1, $1::int)" },
	{ "all", "SELECT * FROM shape" },
	{ "divide", "SELECT 1 / $1::int" },
	{ NULL, NULL },
};

static const char tables_sql[] =
	"CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);"
	"CREATE TABLE child (id int REFERENCES item DEFERRABLE INITIALLY DEFERRED);"
	"CREATE TABLE shape (a int);"
	"INSERT INTO shape VALUES (1);"
	"CREATE SEQUENCE tries;"
	/* A sequence is not rolled back, so it counts the attempts. */
	"CREATE FUNCTION flaky(failures bigint) RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE n bigint := nextval('tries');"
	" BEGIN IF n <= failures THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END IF;"
	" RETURN n; END $$;";

static int setup_group(void **state)
{
	(void)state;
	tk_db_create(tk_pg_open(false), &database);
	tk_sql(database.superuser, tables_sql);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	tk_sql(database.superuser, "TRUNCATE item, child; ALTER SEQUENCE tries RESTART");
	return 0;
}

static int64_t count_items(void)
{
	return tk_sql_int(database.superuser, "SELECT count(*) FROM item");
}

/* Takes the pool's only connection, so that everything else waits. */
static struct db_tx *hold(struct db *db)
{
	struct error err = { 0 };
	struct db_tx *tx = NULL;

	if (db_begin(&tx, db, NULL, 0, &err) != ST_OK)
		fail_msg("db_begin: %s", err.detail);
	return tx;
}

/* Starts n inserts of ids from `first` that wait for the held connection. */
static void start_inserts(struct db *db, struct dbf_job *jobs, char ids[][12], int first, int n)
{
	uint64_t before = dbf_stats(db).waiting;

	for (int i = 0; i < n; i++) {
		snprintf(ids[i], 12, "%d", first + i);
		jobs[i] = (struct dbf_job){ .db = db, .stmt = "insert", .args = { ids[i], "x" } };
		dbf_job_start(&jobs[i]);
		/* One by one, so that they queue in this order. */
		dbf_wait_waiting(db, before + (uint64_t)i + 1);
	}
}

static void check_batches(int n)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *held = hold(db);
	struct dbf_job jobs[JOBS_MAX];
	char ids[JOBS_MAX][12];
	struct db_stats before, after;

	tk_sql(database.superuser, "TRUNCATE item, child");
	start_inserts(db, jobs, ids, 0, n);
	before = dbf_stats(db);
	db_tx_free(held);
	for (int i = 0; i < n; i++) {
		dbf_job_join(&jobs[i]);
		assert_int_equal(jobs[i].st, ST_OK);
	}
	after = dbf_stats(db);
	assert_int_equal(after.pipelines - before.pipelines, (n + DB_BATCH_MAX - 1) / DB_BATCH_MAX);
	assert_int_equal(after.statements - before.statements, n);
	assert_int_equal(after.waiting, 0);
	assert_int_equal(count_items(), n);
	db_close(db);
}

static void test_waiting_transactions_share_pipelines(void **state)
{
	static const int counts[] = { 1, 2, 15, 16, 17, 33, 40 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		check_batches(counts[i]);
}

static void test_alone_a_call_is_a_pipeline_of_one(void **state)
{
	struct db *db = dbf_pool(database.superuser, 2, stmts);
	struct db_stats s;

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct dbf_job job = { .db = db, .stmt = "count" };

		assert_int_equal(dbf_job_run(&job), ST_OK);
	}
	s = dbf_stats(db);
	assert_int_equal(s.pipelines, 10);
	assert_int_equal(s.transactions, 10);
	assert_int_equal(s.failures, 0);
	assert_int_equal(s.reconnects, 0);
	db_close(db);
}

static void test_segments_fail_alone(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *held = hold(db);
	struct dbf_job jobs[] = {
		{ .db = db, .stmt = "count" }, /* leads, and is sent last */
		{ .db = db, .stmt = "insert", .args = { "1", "a" } },
		{ .db = db, .stmt = "insert", .args = { "1", "again" } },
		{ .db = db, .stmt = "insert", .args = { "2", "b" } },
		{ .db = db, .stmt = "insert_child", .args = { "999" } }, /* fails at commit */
		{ .db = db, .stmt = "insert", .args = { "3", "c" } },
		{ .db = db, .stmt = "insert", .args = { "no number", "d" } },
		{ .db = db, .stmt = "divide", .args = { "0" } },
		{ .db = db, .stmt = "insert_child", .args = { "1" } },
	};
	static const enum status expected[] = { ST_OK, ST_OK,      ST_CONFLICT, ST_OK, ST_CONFLICT,
						ST_OK, ST_INVALID, ST_INVALID,  ST_OK };
	const int n = (int)(sizeof(jobs) / sizeof(jobs[0]));
	uint64_t pipelines = dbf_stats(db).pipelines;

	(void)state;
	for (int i = 0; i < n; i++) {
		dbf_job_start(&jobs[i]);
		dbf_wait_waiting(db, (uint64_t)i + 1);
	}
	db_tx_free(held);
	for (int i = 0; i < n; i++) {
		dbf_job_join(&jobs[i]);
		assert_int_equal(jobs[i].st, expected[i]);
	}
	assert_int_equal(dbf_stats(db).pipelines - pipelines, 1);
	assert_int_equal(count_items(), 3);
	assert_int_equal(tk_sql_int(database.superuser, "SELECT count(*) FROM child"), 1);
	db_close(db);
}

static void test_a_failed_transaction_writes_nothing(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = db_tx_new(db, NULL);
	struct error err = { 0 };
	struct db_args args;
	int first, second;

	(void)state;
	db_args_init(&args, NULL);
	db_arg_text(&args, "7");
	db_arg_text(&args, "secret value");
	first = db_add(tx, "insert", &args);
	second = db_add(tx, "count", NULL);
	db_add(tx, "insert", &args);
	assert_int_equal(db_run(tx, 0, &err), ST_CONFLICT);
	assert_int_equal(err.status, ST_CONFLICT);
	assert_string_equal(db_constraint(tx), "item_pkey");
	assert_null(strstr(err.detail, "secret"));
	assert_non_null(strstr(err.detail, "23505"));
	/* Nothing can be read after a failure, not even of the statements before it. */
	assert_int_equal(db_rows(tx, second), 0);
	assert_int_equal(db_affected(tx, first), 0);
	assert_int_equal(db_int(tx, second, 0, 0), 0);
	assert_string_equal(db_str(tx, second, 0, 0), "");
	assert_true(db_null(tx, second, 0, 0));
	assert_int_equal(db_rows(tx, 99), 0);
	assert_int_equal(db_rows(tx, -1), 0);
	db_tx_free(tx);
	assert_int_equal(count_items(), 0);
	db_close(db);
}

static void test_full_queue_refuses(void **state)
{
	struct db *db = dbf_pool_queue(database.superuser, 1, stmts, 4);
	struct db_tx *held = hold(db), *tx = NULL;
	struct dbf_job jobs[4];
	struct dbf_job late = { .db = db, .stmt = "insert", .args = { "100", "x" } };
	char ids[4][12];
	struct error err = { 0 };

	(void)state;
	start_inserts(db, jobs, ids, 0, 4);
	assert_int_equal(dbf_job_run(&late), ST_UNAVAILABLE);
	assert_non_null(strstr(late.err.detail, "4 transactions wait"));
	assert_int_equal(db_begin(&tx, db, NULL, 0, &err), ST_UNAVAILABLE);
	assert_null(tx);
	assert_int_equal(dbf_stats(db).refused_full, 2);
	db_tx_free(held);
	for (int i = 0; i < 4; i++) {
		dbf_job_join(&jobs[i]);
		assert_int_equal(jobs[i].st, ST_OK);
	}
	assert_int_equal(dbf_job_run(&late), ST_OK);
	assert_int_equal(count_items(), 5);
	db_close(db);
}

static void test_deadline_while_waiting(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *held = hold(db);
	struct dbf_job late = {
		.db = db, .stmt = "insert", .args = { "1", "x" }, .timeout_ms = 30
	};
	struct dbf_job patient = { .db = db, .stmt = "insert", .args = { "2", "x" } };

	(void)state;
	dbf_job_start(&patient);
	dbf_wait_waiting(db, 1);
	assert_int_equal(dbf_job_run(&late), ST_TIMEOUT);
	assert_int_equal(dbf_stats(db).waiting, 1);
	db_tx_free(held);
	dbf_job_join(&patient);
	assert_int_equal(patient.st, ST_OK);
	/* The late one was never sent. */
	assert_int_equal(count_items(), 1);
	db_close(db);
}

static void test_deadline_stops_the_server_too(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct dbf_job slow = { .db = db, .stmt = "sleep", .args = { "3600" }, .timeout_ms = 100 };
	struct dbf_job next = { .db = db, .stmt = "insert", .args = { "1", "x" } };

	(void)state;
	assert_int_equal(dbf_job_run(&slow), ST_TIMEOUT);
	/* The same connection serves on: nobody sleeps for an hour in it. */
	assert_int_equal(dbf_job_run(&next), ST_OK);
	assert_int_equal(dbf_stats(db).reconnects, 0);
	db_close(db);
}

/* In one pipeline a patient sleeper goes first; who comes behind it with little time leaves alone.
 */
static void test_deadline_behind_a_slow_neighbour(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *held = hold(db);
	struct dbf_job jobs[] = {
		{ .db = db, .stmt = "insert", .args = { "1", "x" } }, /* will lead: sent last */
		{ .db = db, .stmt = "sleep", .args = { "1.5" } },
		{ .db = db, .stmt = "insert", .args = { "2", "x" }, .timeout_ms = 600 },
		{ .db = db, .stmt = "insert", .args = { "3", "x" } },
	};
	static const enum status expected[] = { ST_OK, ST_OK, ST_TIMEOUT, ST_OK };
	uint64_t pipelines = dbf_stats(db).pipelines;

	(void)state;
	for (int i = 0; i < 4; i++) {
		dbf_job_start(&jobs[i]);
		dbf_wait_waiting(db, (uint64_t)i + 1);
	}
	db_tx_free(held);
	for (int i = 0; i < 4; i++) {
		dbf_job_join(&jobs[i]);
		assert_int_equal(jobs[i].st, expected[i]);
	}
	/* Its statement had been sent, so it ran, and its answer was drained. */
	assert_int_equal(dbf_stats(db).pipelines - pipelines, 1);
	assert_int_equal(count_items(), 3);
	assert_int_equal(dbf_job_run(&jobs[1]), ST_OK);
	db_close(db);
}

static void test_serialization_failures_are_retried(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct dbf_job job = { .db = db, .stmt = "flaky", .args = { "3" } };

	(void)state;
	assert_int_equal(dbf_job_run(&job), ST_OK);
	assert_int_equal(tk_sql_int(database.superuser, "SELECT last_value FROM tries"), 4);
	assert_string_equal(job.err.detail, "");
	tk_sql(database.superuser, "ALTER SEQUENCE tries RESTART");
	job.args[0] = "1000";
	assert_int_equal(dbf_job_run(&job), ST_CONFLICT);
	/* One attempt and three more. */
	assert_int_equal(tk_sql_int(database.superuser, "SELECT last_value FROM tries"), 4);
	assert_int_equal(dbf_stats(db).transactions, 2);
	assert_int_equal(dbf_stats(db).failures, 1);
	db_close(db);
}

static void test_altered_table_is_prepared_again(void **state)
{
	struct db *db = dbf_pool(database.superuser, 2, stmts);
	struct dbf_job job = { .db = db, .stmt = "all" };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(dbf_job_run(&job), ST_OK);
	tk_sql(database.superuser, "ALTER TABLE shape ADD COLUMN b text");
	for (int i = 0; i < 4; i++)
		assert_int_equal(dbf_job_run(&job), ST_OK);
	tk_sql(database.superuser, "ALTER TABLE shape DROP COLUMN b");
	db_close(db);
}

static void test_results_are_bounded(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct dbf_job fits = { .db = db, .stmt = "wide", .args = { "40" } };
	struct dbf_job wide = { .db = db, .stmt = "wide", .args = { "80" } };

	(void)state;
	assert_int_equal(dbf_job_run(&fits), ST_OK);
	assert_int_equal(dbf_job_run(&wide), ST_TOO_LARGE);
	assert_int_equal(db_ping(db), ST_OK);
	assert_int_equal(dbf_stats(db).reconnects, 0);
	db_close(db);
}

struct note {
	char *text;
	char letter;
};

static void write_note(void *arg)
{
	const struct note *n = arg;
	size_t len = strlen(n->text);

	n->text[len] = n->letter;
}

static void test_callbacks_after_commit(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	char text[16] = "";
	struct note a = { text, 'a' }, b = { text, 'b' };
	struct note many[9];
	struct db_args args;
	struct db_tx *tx = db_tx_new(db, NULL);

	(void)state;
	db_args_init(&args, NULL);
	db_arg_text(&args, "1");
	db_arg_text(&args, "x");
	db_add(tx, "insert", &args);
	db_after_commit(tx, write_note, &a);
	db_after_commit(tx, write_note, &b);
	db_after_commit(tx, write_note, &a); /* the same once more counts once */
	assert_int_equal(db_run(tx, 0, NULL), ST_OK);
	assert_string_equal(text, "ab");
	db_tx_free(tx);
	tx = db_tx_new(db, NULL);
	db_add(tx, "insert", &args); /* the id is there already */
	db_after_commit(tx, write_note, &a);
	assert_int_equal(db_run(tx, 0, NULL), ST_CONFLICT);
	assert_string_equal(text, "ab");
	db_tx_free(tx);
	tx = db_tx_new(db, NULL);
	db_add(tx, "count", NULL);
	for (int i = 0; i < 9; i++) {
		many[i] = a;
		db_after_commit(tx, write_note, &many[i]);
	}
	assert_int_equal(db_run(tx, 0, NULL), ST_INTERNAL);
	assert_string_equal(text, "ab");
	db_tx_free(tx);
	db_close(db);
}

static void test_misuse_is_refused(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = db_tx_new(db, NULL);
	struct error err = { 0 };

	(void)state;
	for (int i = 0; i < DB_STATEMENTS_MAX; i++)
		assert_int_equal(db_add(tx, "count", NULL), i);
	assert_int_equal(db_add(tx, "count", NULL), -1);
	assert_int_equal(db_run(tx, 0, &err), ST_INTERNAL);
	assert_non_null(strstr(err.detail, "too many statements"));
	db_tx_free(tx);
	tx = db_tx_new(db, NULL);
	db_add(tx, "count", NULL);
	assert_int_equal(db_run(tx, 0, NULL), ST_OK);
	assert_int_equal(db_run(tx, 0, NULL), ST_INTERNAL);
	assert_int_equal(db_commit(tx, NULL), ST_INTERNAL);
	db_tx_free(tx);
	/* Nothing to do is done without the server. */
	tx = db_tx_new(db, NULL);
	assert_int_equal(db_run(tx, 0, NULL), ST_OK);
	db_tx_free(tx);
	assert_int_equal(dbf_stats(db).pipelines, 1);
	db_close(db);
}

static void check_open_fails(const char *conninfo, const struct db_stmt *table, int connections,
			     enum status expected, const char *word)
{
	const struct db_stmt *tables[] = { stmts, table, NULL };
	struct db_config cfg = { .conninfo = conninfo,
				 .schema = "public",
				 .connections = connections,
				 .stmts = tables };
	struct error err = { 0 };
	struct db *db = NULL;

	assert_int_equal(db_open(&db, &cfg, &err), expected);
	assert_null(db);
	if (!strstr(err.detail, word) && !strstr(err.field, word))
		fail_msg("\"%s\" is not in \"%s\"", word, err.detail);
	assert_null(strstr(err.detail, "hush"));
}

static void test_open_tells_what_is_wrong(void **state)
{
	static const struct db_stmt typo[] = { { "good", "SELECT 1" },
					       { "brand_list", "SELECT name FORM item" },
					       { NULL, NULL } };
	static const struct db_stmt missing[] = { { "lost", "SELECT * FROM no_such_table" },
						  { NULL, NULL } };
	static const struct db_stmt twice[] = { { "insert", "SELECT 1" }, { NULL, NULL } };
	char dead[TK_TEXT], refused[TK_TEXT];

	(void)state;
	check_open_fails(database.superuser, typo, 1, ST_INTERNAL, "brand_list");
	check_open_fails(database.superuser, missing, 1, ST_INTERNAL, "no_such_table");
	check_open_fails(database.superuser, twice, 1, ST_INTERNAL, "twice");
	check_open_fails(database.superuser, NULL, 0, ST_INVALID, "connections");
	check_open_fails(database.superuser, NULL, 65, ST_INVALID, "connections");
	check_open_fails("password=hush =", NULL, 1, ST_INVALID, "conninfo");
	snprintf(dead, sizeof(dead), "host=127.0.0.1 port=%d password=hush", tk_free_port());
	check_open_fails(dead, NULL, 1, ST_UNAVAILABLE, "refused");
	tk_db_conninfo(&database, "nobody_at_all", "hush", refused);
	check_open_fails(refused, NULL, 1, ST_UNAVAILABLE, "nobody_at_all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_waiting_transactions_share_pipelines, setup),
		cmocka_unit_test_setup(test_alone_a_call_is_a_pipeline_of_one, setup),
		cmocka_unit_test_setup(test_segments_fail_alone, setup),
		cmocka_unit_test_setup(test_a_failed_transaction_writes_nothing, setup),
		cmocka_unit_test_setup(test_full_queue_refuses, setup),
		cmocka_unit_test_setup(test_deadline_while_waiting, setup),
		cmocka_unit_test_setup(test_deadline_stops_the_server_too, setup),
		cmocka_unit_test_setup(test_deadline_behind_a_slow_neighbour, setup),
		cmocka_unit_test_setup(test_serialization_failures_are_retried, setup),
		cmocka_unit_test_setup(test_altered_table_is_prepared_again, setup),
		cmocka_unit_test_setup(test_results_are_bounded, setup),
		cmocka_unit_test_setup(test_callbacks_after_commit, setup),
		cmocka_unit_test_setup(test_misuse_is_refused, setup),
		cmocka_unit_test_setup(test_open_tells_what_is_wrong, setup),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
