/* See db_fixture.h. */
#include "db_fixture.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

int64_t dbf_in_ms(int ms)
{
	return time_mono_us() + (int64_t)ms * 1000;
}

struct db *dbf_pool_queue(const char *conninfo, int connections, const struct db_stmt *stmts,
			  int queue_max)
{
	const struct db_stmt *tables[] = { stmts, NULL };
	struct db_config cfg = { .conninfo = conninfo,
				 .schema = "public",
				 .connections = connections,
				 .stmts = tables,
				 .queue_max = queue_max };
	struct error err = { 0 };
	struct db *db = NULL;

	if (db_open(&db, &cfg, &err) != ST_OK)
		fail_msg("db_open: %s", err.detail);
	return db;
}

struct db *dbf_pool(const char *conninfo, int connections, const struct db_stmt *stmts)
{
	return dbf_pool_queue(conninfo, connections, stmts, 0);
}

struct db_stats dbf_stats(const struct db *db)
{
	struct db_stats s;

	db_stats(db, &s);
	return s;
}

enum status dbf_job_run(struct dbf_job *job)
{
	struct db_tx *tx = db_tx_new(job->db, NULL);
	struct db_args args;

	db_args_init(&args, NULL);
	for (int i = 0; i < DBF_ARGS_MAX && job->args[i]; i++)
		db_arg_text(&args, job->args[i]);
	db_add(tx, job->stmt, &args);
	job->st = db_run(tx, job->timeout_ms ? dbf_in_ms(job->timeout_ms) : 0, &job->err);
	db_tx_free(tx);
	return job->st;
}

static void *job_main(void *arg)
{
	dbf_job_run(arg);
	return NULL;
}

void dbf_job_start(struct dbf_job *job)
{
	assert_int_equal(pthread_create(&job->thread, NULL, job_main, job), 0);
}

void dbf_job_join(struct dbf_job *job)
{
	assert_int_equal(pthread_join(job->thread, NULL), 0);
}

struct waiting {
	struct db *db;
	uint64_t n;
};

static bool enough_wait(void *arg)
{
	const struct waiting *w = arg;

	return dbf_stats(w->db).waiting == w->n;
}

void dbf_wait_waiting(struct db *db, uint64_t n)
{
	struct waiting w = { db, n };

	assert_true(tk_wait_until(enough_wait, &w, DBF_LIMIT_MS));
}

struct running {
	const char *conninfo;
	char sql[512];
};

static bool runs(void *arg)
{
	const struct running *r = arg;

	return tk_sql_int(r->conninfo, r->sql) > 0;
}

void dbf_wait_running(const struct tk_db *database, const char *text)
{
	struct running r = { .conninfo = database->superuser };

	snprintf(r.sql, sizeof(r.sql),
		 "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s' AND state = 'active'"
		 " AND pid <> pg_backend_pid() AND query LIKE '%%%s%%'",
		 database->name, text);
	assert_true(tk_wait_until(runs, &r, DBF_LIMIT_MS));
}

static bool pings(void *arg)
{
	return db_ping(arg) == ST_OK;
}

void dbf_wait_ping(struct db *db)
{
	assert_true(tk_wait_until(pings, db, DBF_LIMIT_MS));
}
