/* What the tests of libs/db share: pools on a fresh database, and transactions run by threads of
 * their own. */
#ifndef COMPONENT_DB_FIXTURE_H
#define COMPONENT_DB_FIXTURE_H

#include "db/db.h"
#include "testkit/testkit.h"

#include <pthread.h>

#define DBF_LIMIT_MS 30000 /* for anything a test waits for; no test passes or fails by it */
#define DBF_ARGS_MAX 4

/* A pool on the database; fails the test when it cannot be opened. `stmts` is one table. */
struct db *dbf_pool(const char *conninfo, int connections, const struct db_stmt *stmts);
/* As dbf_pool with a limit of the queue. */
struct db *dbf_pool_queue(const char *conninfo, int connections, const struct db_stmt *stmts,
			  int queue_max);
struct db_stats dbf_stats(const struct db *db);

/* A transaction of one statement, run by a thread. */
struct dbf_job {
	struct db *db;
	const char *stmt;
	const char *args[DBF_ARGS_MAX]; /* text; up to the first NULL */
	int timeout_ms;                 /* 0: the default */
	enum status st;
	struct error err;
	pthread_t thread;
};
void dbf_job_start(struct dbf_job *job);
void dbf_job_join(struct dbf_job *job);
/* Runs it here and now. */
enum status dbf_job_run(struct dbf_job *job);
/* Waits until n transactions wait for a connection of the pool. */
void dbf_wait_waiting(struct db *db, uint64_t n);
/* Waits until a statement containing this text runs in the server. */
void dbf_wait_running(const struct tk_db *database, const char *text);
/* Waits until the pool answers pings again. */
void dbf_wait_ping(struct db *db);
/* A monotonic deadline that many milliseconds from now. */
int64_t dbf_in_ms(int ms);

#endif
