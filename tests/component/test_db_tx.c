/*
 * Open transactions: look, then write. Savepoints, failures, what free SQL may not leave behind,
 * and the pool's care that they do not take every connection. Real PostgreSQL.
 */
#include "db_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tk_db database;

static const struct db_stmt stmts[] = {
	{ "insert", "INSERT INTO item VALUES ($1::int, $2)" },
	{ "count", "SELECT count(*) FROM item" },
	{ "names", "SELECT name FROM item ORDER BY id" },
	{ "insert_child", "INSERT INTO child VALUES ($1::int)" },
	{ "setting", "SELECT current_setting($1)" },
	{ "sleep", "SELECT pg_sleep($1::float8)" },
	{ "backend", "SELECT pg_backend_pid()" },
	{ "lock", "SELECT id FROM item WHERE id = $1::int FOR UPDATE" },
	{ "wide", "SELECT repeat('x', 1000000) FROM generate_series(1, $1::int)" },
	{ NULL, NULL },
};

static int setup_group(void **state)
{
	(void)state;
	tk_db_create(tk_pg_open(false), &database);
	tk_sql(database.superuser,
	       "CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);"
	       "CREATE TABLE child (id int REFERENCES item DEFERRABLE INITIALLY DEFERRED)");
	return 0;
}

static int setup(void **state)
{
	(void)state;
	tk_sql(database.superuser, "TRUNCATE item, child");
	return 0;
}

static int64_t count_items(void)
{
	return tk_sql_int(database.superuser, "SELECT count(*) FROM item");
}

static struct db_tx *begin(struct db *db)
{
	struct error err = { 0 };
	struct db_tx *tx = NULL;

	if (db_begin(&tx, db, NULL, 0, &err) != ST_OK)
		fail_msg("db_begin: %s", err.detail);
	return tx;
}

static enum status insert(struct db_tx *tx, const char *id, struct error *err)
{
	struct db_args args;

	db_args_init(&args, NULL);
	db_arg_text(&args, id);
	db_arg_text(&args, "x");
	return db_exec(tx, "insert", &args, NULL, err);
}

static enum status exec1(struct db_tx *tx, const char *stmt, const char *arg, int *ret)
{
	struct db_args args;

	db_args_init(&args, NULL);
	db_arg_text(&args, arg);
	return db_exec(tx, stmt, &args, ret, NULL);
}

static void test_look_then_write(void **state)
{
	struct db *db = dbf_pool(database.superuser, 2, stmts);
	struct db_tx *tx = begin(db);
	int before = -1, after = -1;

	(void)state;
	assert_true(db_is_open(tx));
	assert_int_equal(db_exec(tx, "count", NULL, &before, NULL), ST_OK);
	assert_int_equal(insert(tx, "1", NULL), ST_OK);
	assert_int_equal(insert(tx, "2", NULL), ST_OK);
	assert_int_equal(db_exec(tx, "count", NULL, &after, NULL), ST_OK);
	/* Both results stay readable. */
	assert_int_equal(db_int(tx, before, 0, 0), 0);
	assert_int_equal(db_int(tx, after, 0, 0), 2);
	assert_int_equal(count_items(), 0);
	assert_int_equal(db_commit(tx, NULL), ST_OK);
	assert_int_equal(db_int(tx, after, 0, 0), 2);
	assert_int_equal(count_items(), 2);
	/* It is over. */
	assert_int_equal(insert(tx, "3", NULL), ST_INTERNAL);
	assert_int_equal(db_commit(tx, NULL), ST_INTERNAL);
	db_tx_free(tx);
	assert_int_equal(count_items(), 2);
	db_close(db);
}

static void test_free_rolls_back(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = begin(db);

	(void)state;
	assert_int_equal(insert(tx, "1", NULL), ST_OK);
	db_tx_free(tx);
	assert_int_equal(count_items(), 0);
	assert_int_equal(db_ping(db), ST_OK);
	assert_int_equal(dbf_stats(db).reconnects, 0);
	db_close(db);
}

static void test_failure_ends_it(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = begin(db);
	struct error first = { 0 }, again = { 0 }, last = { 0 };

	(void)state;
	assert_int_equal(insert(tx, "1", NULL), ST_OK);
	assert_int_equal(insert(tx, "1", &first), ST_CONFLICT);
	assert_string_equal(db_constraint(tx), "item_pkey");
	/* Whatever comes after tells the same reason. */
	assert_int_equal(insert(tx, "2", &again), ST_CONFLICT);
	assert_string_equal(again.detail, first.detail);
	assert_int_equal(db_commit(tx, &last), ST_CONFLICT);
	assert_string_equal(last.detail, first.detail);
	db_tx_free(tx);
	assert_int_equal(count_items(), 0);
	assert_int_equal(db_ping(db), ST_OK);
	db_close(db);
}

/* Of 100 items in a batch every tenth is bad; the rest stays. More than one level of savepoint
 * never exists. */
static void test_savepoints_isolate_items(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = begin(db);
	int bad = 0;

	(void)state;
	assert_int_equal(db_rollback_to_savepoint(tx, NULL), ST_INTERNAL);
	assert_int_equal(insert(tx, "1000", NULL), ST_OK);
	for (int i = 0; i < 100; i++) {
		char id[12];

		snprintf(id, sizeof(id), "%d", i % 10 == 9 ? 1000 : i);
		assert_int_equal(db_savepoint(tx, NULL), ST_OK);
		if (insert(tx, id, NULL) == ST_OK)
			continue;
		bad++;
		assert_int_equal(db_rollback_to_savepoint(tx, NULL), ST_OK);
	}
	assert_int_equal(bad, 10);
	assert_int_equal(db_commit(tx, NULL), ST_OK);
	db_tx_free(tx);
	assert_int_equal(count_items(), 91);
	db_close(db);
}

static void test_commit_can_fail(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = begin(db);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(insert(tx, "1", NULL), ST_OK);
	assert_int_equal(exec1(tx, "insert_child", "999", NULL), ST_OK);
	assert_int_equal(db_commit(tx, &err), ST_CONFLICT);
	assert_string_equal(db_constraint(tx), "child_id_fkey");
	db_tx_free(tx);
	assert_int_equal(count_items(), 0);
	assert_int_equal(db_ping(db), ST_OK);
	db_close(db);
}

static void count_up(void *arg)
{
	++*(int *)arg;
}

static void test_callbacks_only_after_commit(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = begin(db);
	int called = 0;

	(void)state;
	db_after_commit(tx, count_up, &called);
	db_tx_free(tx);
	assert_int_equal(called, 0);
	tx = begin(db);
	db_after_commit(tx, count_up, &called);
	assert_int_equal(insert(tx, "1", NULL), ST_OK);
	assert_int_equal(called, 0);
	assert_int_equal(db_commit(tx, NULL), ST_OK);
	assert_int_equal(called, 1);
	db_tx_free(tx);
	assert_int_equal(called, 1);
	tx = begin(db);
	db_after_commit(tx, count_up, &called);
	assert_int_equal(insert(tx, "1", NULL), ST_CONFLICT);
	assert_int_equal(db_commit(tx, NULL), ST_CONFLICT);
	assert_int_equal(called, 1);
	db_tx_free(tx);
	db_close(db);
}

static void test_free_sql(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = begin(db);
	struct error err = { 0 };
	int r = -1;

	(void)state;
	assert_int_equal(db_exec_sql(tx,
				     "INSERT INTO item VALUES (1, 'a'); "
				     "INSERT INTO item VALUES (2, 'b'); SELECT 1",
				     NULL),
			 ST_OK);
	/* Prepared statements work on. */
	assert_int_equal(db_exec(tx, "count", NULL, &r, NULL), ST_OK);
	assert_int_equal(db_int(tx, r, 0, 0), 2);
	assert_int_equal(db_exec_sql(tx, "INSERT INTO item VALUES (3, 'c'); SELECT 1 / 0", &err),
			 ST_INVALID);
	assert_int_equal(db_commit(tx, NULL), ST_INVALID);
	db_tx_free(tx);
	assert_int_equal(count_items(), 0);
	tx = begin(db);
	assert_int_equal(db_exec_sql(tx, "INSERT INTO item VALUES (4, 'd'); COMMIT", &err),
			 ST_INTERNAL);
	assert_non_null(strstr(err.detail, "ended its transaction"));
	db_tx_free(tx);
	tx = begin(db);
	assert_int_equal(db_exec_sql(tx, "COPY item TO STDOUT", &err), ST_UNSUPPORTED);
	db_tx_free(tx);
	assert_int_equal(db_ping(db), ST_OK);
	db_close(db);
}

/* The value of a setting as the next transaction on the pool sees it. */
static void check_setting(struct db *db, const char *name, const char *expected)
{
	struct db_tx *tx = begin(db);
	int r = -1;

	assert_int_equal(exec1(tx, "setting", name, &r), ST_OK);
	assert_string_equal(db_str(tx, r, 0, 0), expected);
	db_tx_free(tx);
}

static void test_settings_do_not_leak(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_scope scope = { .tenant_id = "11111111-1111-1111-1111-111111111111",
				  .brand_ids = "22222222-2222-2222-2222-222222222222" };
	struct db_tx *tx = NULL;
	int r = -1;

	(void)state;
	check_setting(db, "search_path", "public, pg_temp");
	check_setting(db, "app.tenant_id", "");
	assert_int_equal(db_begin(&tx, db, &scope, 0, NULL), ST_OK);
	assert_string_equal(db_scope_of(tx)->tenant_id, scope.tenant_id);
	assert_int_equal(exec1(tx, "setting", "app.tenant_id", &r), ST_OK);
	assert_string_equal(db_str(tx, r, 0, 0), scope.tenant_id);
	assert_int_equal(exec1(tx, "setting", "app.brand_ids", &r), ST_OK);
	assert_string_equal(db_str(tx, r, 0, 0), scope.brand_ids);
	assert_int_equal(db_exec_sql(tx,
				     "SET app.tenant_id = '33333333-3333-3333-3333-333333333333';"
				     "SET search_path = pg_catalog; SET TimeZone = 'Asia/Tokyo'",
				     NULL),
			 ST_OK);
	assert_int_equal(db_commit(tx, NULL), ST_OK);
	db_tx_free(tx);
	check_setting(db, "app.tenant_id", "");
	check_setting(db, "app.brand_ids", "");
	check_setting(db, "search_path", "public, pg_temp");
	check_setting(db, "TimeZone", "UTC");
	check_setting(db, "DateStyle", "ISO, MDY");
	db_close(db);
}

static void test_queued_work_is_not_starved(void **state)
{
	struct db *db = dbf_pool(database.superuser, 3, stmts);
	struct db_tx *a = begin(db), *b = begin(db), *c = NULL;
	struct dbf_job job = { .db = db, .stmt = "count" };
	struct error err = { 0 };

	(void)state;
	/* Two of three are taken; a third may not be, and the queue has it. */
	assert_int_equal(db_begin(&c, db, NULL, dbf_in_ms(30), &err), ST_UNAVAILABLE);
	assert_non_null(strstr(err.detail, "no connection was free"));
	for (int i = 0; i < 20; i++)
		assert_int_equal(dbf_job_run(&job), ST_OK);
	db_tx_free(a);
	assert_int_equal(db_begin(&c, db, NULL, dbf_in_ms(DBF_LIMIT_MS), &err), ST_OK);
	db_tx_free(b);
	db_tx_free(c);
	db_close(db);
}

struct opener {
	struct db *db;
	int left;
	pthread_t thread;
	int done;
};

static void *open_and_close(void *arg)
{
	struct opener *o = arg;

	for (; o->left; o->left--) {
		struct db_tx *tx = NULL;

		if (db_begin(&tx, o->db, NULL, 0, NULL) != ST_OK ||
		    db_exec(tx, "count", NULL, NULL, NULL) != ST_OK || db_commit(tx, NULL) != ST_OK)
			return NULL;
		db_tx_free(tx);
		o->done++;
	}
	return NULL;
}

static void *run_queued(void *arg)
{
	struct opener *o = arg;

	for (; o->left; o->left--) {
		struct dbf_job job = { .db = o->db, .stmt = "count" };

		o->done += dbf_job_run(&job) == ST_OK;
	}
	return NULL;
}

/* Both kinds at once, also when there is one connection for all. */
static void check_mixture(int connections)
{
	struct db *db = dbf_pool(database.superuser, connections, stmts);
	struct opener o[12];

	for (int i = 0; i < 12; i++) {
		o[i] = (struct opener){ .db = db, .left = 50 };
		assert_int_equal(pthread_create(&o[i].thread, NULL,
						i % 2 ? open_and_close : run_queued, &o[i]),
				 0);
	}
	for (int i = 0; i < 12; i++) {
		pthread_join(o[i].thread, NULL);
		assert_int_equal(o[i].done, 50);
	}
	assert_int_equal(dbf_stats(db).transactions, 600);
	assert_int_equal(dbf_stats(db).failures, 0);
	db_close(db);
}

static void test_open_and_queued_mix(void **state)
{
	(void)state;
	check_mixture(1);
	check_mixture(2);
	check_mixture(4);
}

static void test_deadline_of_a_statement(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(db_begin(&tx, db, NULL, dbf_in_ms(300), &err), ST_OK);
	assert_int_equal(exec1(tx, "sleep", "3600", NULL), ST_TIMEOUT);
	assert_int_equal(db_commit(tx, &err), ST_TIMEOUT);
	db_tx_free(tx);
	assert_int_equal(db_ping(db), ST_OK);
	db_close(db);
}

static void test_deadline_at_a_lock(void **state)
{
	struct db *db = dbf_pool(database.superuser, 3, stmts);
	struct db_tx *first, *second = NULL;

	(void)state;
	tk_sql(database.superuser, "INSERT INTO item VALUES (1, 'a')");
	first = begin(db);
	assert_int_equal(exec1(first, "lock", "1", NULL), ST_OK);
	assert_int_equal(db_begin(&second, db, NULL, dbf_in_ms(300), NULL), ST_OK);
	assert_int_equal(exec1(second, "lock", "1", NULL), ST_TIMEOUT);
	db_tx_free(second);
	assert_int_equal(db_commit(first, NULL), ST_OK);
	db_tx_free(first);
	db_close(db);
}

static void test_lost_connection(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = begin(db);
	struct error err = { 0 };
	char sql[128];
	int r = -1;

	(void)state;
	assert_int_equal(insert(tx, "1", NULL), ST_OK);
	assert_int_equal(db_exec(tx, "backend", NULL, &r, NULL), ST_OK);
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%lld, 10000)",
		 (long long)db_int(tx, r, 0, 0));
	tk_sql(database.superuser, sql);
	assert_int_equal(insert(tx, "2", &err), ST_UNAVAILABLE);
	assert_int_equal(db_savepoint(tx, &err), ST_UNAVAILABLE);
	assert_int_equal(db_commit(tx, &err), ST_UNAVAILABLE);
	db_tx_free(tx);
	assert_int_equal(count_items(), 0);
	tx = begin(db);
	assert_int_equal(insert(tx, "1", NULL), ST_OK);
	assert_int_equal(db_commit(tx, NULL), ST_OK);
	db_tx_free(tx);
	assert_int_equal(count_items(), 1);
	assert_int_equal(dbf_stats(db).reconnects, 1);
	db_close(db);
}

static void test_either_kind_by_db_do(void **state)
{
	struct db *db = dbf_pool(database.superuser, 2, stmts);
	struct db_tx *tx = begin(db);
	struct db_args args;

	(void)state;
	db_args_init(&args, NULL);
	db_arg_text(&args, "1");
	db_arg_text(&args, "x");
	assert_int_equal(db_do(tx, "insert", &args, NULL), ST_OK);
	assert_int_equal(db_do(tx, "insert", &args, NULL), ST_CONFLICT);
	db_tx_free(tx);
	tx = db_tx_new(db, NULL);
	assert_false(db_is_open(tx));
	assert_int_equal(db_do(tx, "insert", &args, NULL), ST_OK);
	assert_int_equal(count_items(), 0);
	assert_int_equal(db_run(tx, 0, NULL), ST_OK);
	assert_int_equal(count_items(), 1);
	db_tx_free(tx);
	db_close(db);
}

static void test_results_are_bounded_and_droppable(void **state)
{
	struct db *db = dbf_pool(database.superuser, 1, stmts);
	struct db_tx *tx = begin(db);
	int r = -1;

	(void)state;
	for (int i = 0; i < 6; i++) {
		assert_int_equal(exec1(tx, "wide", "30", &r), ST_OK);
		assert_int_equal(db_rows(tx, r), 30);
		if (i % 2)
			db_drop_results(tx);
	}
	assert_int_equal(exec1(tx, "wide", "30", &r), ST_OK);
	assert_int_equal(r, 0);
	assert_int_equal(exec1(tx, "wide", "60", &r), ST_TOO_LARGE);
	db_tx_free(tx);
	assert_int_equal(db_ping(db), ST_OK);
	db_close(db);
}

static int64_t waited_since(int64_t before)
{
	return db_waited_us() - before;
}

/* What a thread waited for the database is counted, whichever way it waits; of others', nothing. */
static void test_waiting_is_counted(void **state)
{
	struct db *db = dbf_pool(database.superuser, 2, stmts);
	struct db_tx *tx;
	struct db_args args;
	struct error err = { 0 };
	int64_t before = db_waited_us();

	(void)state;
	tx = begin(db);
	assert_true(waited_since(before) > 0);
	/* Twice what is asserted: the clock starts when the words are sent, and the thread may be
	 * late. */
	before = db_waited_us();
	assert_int_equal(exec1(tx, "sleep", "0.1", NULL), ST_OK);
	assert_true(waited_since(before) >= 50000);
	before = db_waited_us();
	assert_int_equal(db_exec_sql(tx, "SELECT pg_sleep(0.1)", &err), ST_OK);
	assert_true(waited_since(before) >= 50000);
	before = db_waited_us();
	assert_int_equal(db_commit(tx, &err), ST_OK);
	assert_true(waited_since(before) > 0);
	db_tx_free(tx);
	before = db_waited_us();
	tx = db_tx_new(db, NULL);
	db_args_init(&args, NULL);
	db_arg_text(&args, "0.1");
	db_add(tx, "sleep", &args);
	assert_int_equal(waited_since(before), 0);
	assert_int_equal(db_run(tx, 0, &err), ST_OK);
	assert_true(waited_since(before) >= 50000);
	db_tx_free(tx);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_look_then_write, setup),
		cmocka_unit_test_setup(test_free_rolls_back, setup),
		cmocka_unit_test_setup(test_failure_ends_it, setup),
		cmocka_unit_test_setup(test_savepoints_isolate_items, setup),
		cmocka_unit_test_setup(test_commit_can_fail, setup),
		cmocka_unit_test_setup(test_callbacks_only_after_commit, setup),
		cmocka_unit_test_setup(test_free_sql, setup),
		cmocka_unit_test_setup(test_settings_do_not_leak, setup),
		cmocka_unit_test_setup(test_queued_work_is_not_starved, setup),
		cmocka_unit_test_setup(test_open_and_queued_mix, setup),
		cmocka_unit_test_setup(test_deadline_of_a_statement, setup),
		cmocka_unit_test_setup(test_deadline_at_a_lock, setup),
		cmocka_unit_test_setup(test_lost_connection, setup),
		cmocka_unit_test_setup(test_either_kind_by_db_do, setup),
		cmocka_unit_test_setup(test_results_are_bounded_and_droppable, setup),
		cmocka_unit_test_setup(test_waiting_is_counted, setup),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
