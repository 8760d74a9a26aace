/*
 * PostgreSQL by libpq. A pool of connections in pipeline mode; one transaction is one round trip;
 * transactions that are ready at the same time share a pipeline (natural batching).
 *
 * A `struct db_tx` is either *queued* (db_tx_new, db_add..., db_run: all statements go at once as
 * one implicit transaction; no BEGIN or COMMIT, see docs/internals/db.md) or *open* (db_begin,
 * db_exec..., db_commit: look, then write). Both set app.tenant_id and app.brand_ids first, so
 * row-level security applies to every statement.
 *
 * Threads: a pool may be used by any thread; one db_tx belongs to one thread. Results live in the
 * tx's arena-like memory until db_tx_free.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DB_ARGS_MAX       32
#define DB_BATCH_MAX      16 /* transactions that share a pipeline */
#define DB_STATEMENTS_MAX 64 /* in one queued transaction */

struct db;
struct db_tx;

/* One SQL text; prepared on each connection when it is made, so that a typo fails at start. */
struct db_stmt {
	const char *name; /* unique within the pool; NULL ends a table */
	const char *sql;
};

struct db_config {
	const char *conninfo;               /* libpq connection string; never logged */
	const char *schema;                 /* search_path */
	int connections;                    /* 1 to 64 */
	const struct db_stmt *const *stmts; /* NULL-ended list of tables */
	int statement_timeout_ms;           /* 0: 30,000 */
	int queue_max; /* transactions that may wait for a connection; 0: 1,024. Beyond:
			  ST_UNAVAILABLE */
};

struct db_stats {
	uint64_t transactions, pipelines, statements, failures, reconnects, refused_full;
	uint64_t busy_us; /* time spent waiting for the server */
	uint64_t waiting; /* transactions that wait for a connection now */
};

/*
 * Opens the pool: connects, sets search_path, prepares everything. ST_UNAVAILABLE with the reason
 * when the server cannot be had; ST_INTERNAL naming the statement that it refuses; ST_INVALID
 * naming the setting.
 */
enum status db_open(struct db **ret, const struct db_config *cfg, struct error *err) MUST_USE;
/* Waits for running transactions, then closes. Accepts NULL. */
void db_close(struct db *db);
void db_stats(const struct db *db, struct db_stats *out);
/* ST_OK when a connection answers within a second. */
enum status db_ping(struct db *db) MUST_USE;
/* The statement's index for db_add; panics when the name is unknown (a programming error caught at
 * first use). */
int db_stmt_id(const struct db *db, const char *name);

/* Whose rows: NULL tenant = none visible. Empty brands = every brand of the tenant; else comma
 * separated UUIDs. */
struct db_scope {
	const char *tenant_id;
	const char *brand_ids;
};

/* Arguments in text form, in order. Pointers must stay valid until db_run / db_exec returned. */
struct db_args {
	struct arena *arena; /* for numbers and arrays */
	int n;
	const char *v[DB_ARGS_MAX];
	int len[DB_ARGS_MAX]; /* >= 0: binary bytea of that length; -1: text */
};
void db_args_init(struct db_args *args, struct arena *a);
void db_arg_text(struct db_args *args, const char *s);         /* NULL is SQL NULL */
void db_arg_text_or_null(struct db_args *args, const char *s); /* "" is SQL NULL too */
void db_arg_i64(struct db_args *args, int64_t v);
void db_arg_i64_or_null(struct db_args *args, bool known, int64_t v); /* not known: SQL NULL */
void db_arg_bool(struct db_args *args, bool v);
void db_arg_time(struct db_args *args, int64_t us);         /* timestamptz */
void db_arg_time_or_null(struct db_args *args, int64_t us); /* 0 is SQL NULL */
void db_arg_date(struct db_args *args, int32_t days);
void db_arg_null(struct db_args *args);
void db_arg_bytes(struct db_args *args, const void *data, size_t len); /* bytea */
/* Arrays for INSERT ... SELECT FROM unnest($1::text[], ...). NULL elements become SQL NULL. */
void db_arg_text_array(struct db_args *args, const char *const *v, size_t n);
void db_arg_i64_array(struct db_args *args, const int64_t *v, size_t n);
void db_arg_time_array(struct db_args *args, const int64_t *us, size_t n); /* 0 becomes NULL */
void db_arg_date_array(struct db_args *args, const int32_t *days, size_t n);
void db_arg_bool_array(struct db_args *args, const bool *v, size_t n);

/* ---- queued: one round trip ---- */

/* A transaction to be filled. Memory for results is bounded by 64 MiB. NULL when memory is out. */
struct db_tx *db_tx_new(struct db *db, const struct db_scope *scope);
/* Frees (rolls back an open one). Accepts NULL. */
void db_tx_free(struct db_tx *tx);
/* Queues a statement (its name in the tables); the number of its result is returned. Overflow makes
 * db_run fail. */
int db_add(struct db_tx *tx, const char *stmt, const struct db_args *args);
/*
 * Sends everything as one implicit transaction, with others if they are ready, and waits at most
 * until the monotonic deadline (0: 30 s). Fails alone: neighbours in the pipeline are unharmed (and
 * run in any order). A transaction late before it was sent is not run; later its outcome is
 * unknown. SQLSTATE becomes a status: 23505 and 23503 ST_CONFLICT, 40xxx ST_CONFLICT after db_run
 * retried it up to 3 times, 57014 ST_TIMEOUT, 42501 ST_DENIED, class 08/53/57 and a lost connection
 * ST_UNAVAILABLE, 22xxx/23xxx others ST_INVALID, else ST_INTERNAL. err->detail never holds row
 * values; db_constraint tells the constraint. A connection lost after sending leaves the outcome
 * unknown: ST_UNAVAILABLE, never retried by itself.
 */
enum status db_run(struct db_tx *tx, int64_t deadline_mono_us, struct error *err) MUST_USE;
/*
 * Microseconds that this thread has waited for the database so far, in all that sends to it or
 * waits for a connection, of whatever pool: what lies between two readings belongs to what was done
 * between.
 */
int64_t db_waited_us(void);

/* ---- open: look before you write ---- */

/*
 * Takes a connection of its own and begins. ST_UNAVAILABLE when none is free within the deadline
 * (0: 30 s), or when the server is gone. At most all connections but one (of one: that one) are
 * open ones at a time. A deadline that is given bounds the statements too: ST_TIMEOUT. Not retried
 * after 40xxx: look again.
 */
enum status db_begin(struct db_tx **ret, struct db *db, const struct db_scope *scope,
		     int64_t deadline_mono_us, struct error *err) MUST_USE;
/*
 * Runs one statement now; `ret` (may be NULL: the result is dropped) gets the number of its result.
 * After a failure all others fail with the same reason, until db_rollback_to_savepoint or the end.
 */
enum status db_exec(struct db_tx *tx, const char *stmt, const struct db_args *args, int *ret,
		    struct error *err) MUST_USE;
/*
 * Runs SQL that is not prepared (tests, maintenance). Several statements allowed; no result. COPY
 * and the end of the transaction are refused. The connection is closed after the transaction, so
 * that no setting of it reaches others: not for hot paths.
 */
enum status db_exec_sql(struct db_tx *tx, const char *sql, struct error *err) MUST_USE;
enum status db_commit(struct db_tx *tx, struct error *err) MUST_USE;
/* Frees the results so far; numbers start again from 0. For an open transaction that reads more
 * than fits at once. */
void db_drop_results(struct db_tx *tx);
/* One savepoint at a time, for isolating one item of a batch: setting it again releases the former.
 */
enum status db_savepoint(struct db_tx *tx, struct error *err) MUST_USE;
enum status db_rollback_to_savepoint(struct db_tx *tx, struct error *err) MUST_USE;

/*
 * Callbacks after commit, in order of registration (e.g. wake the relay). At most 8; the same
 * function with the same argument counts once.
 */
void db_after_commit(struct db_tx *tx, void (*fn)(void *), void *arg);
/*
 * Memory that lives as long as the transaction (at most 64 MiB), for arguments built by
 * libraries. NULL when memory is out.
 */
struct arena *db_tx_arena(struct db_tx *tx);
/* True for a tx made by db_begin. */
bool db_is_open(const struct db_tx *tx);
const struct db_scope *db_scope_of(const struct db_tx *tx);
/* Adds a statement to either kind: db_add for a queued one, db_exec for an open one. */
enum status db_do(struct db_tx *tx, const char *stmt, const struct db_args *args,
		  struct error *err) MUST_USE;

/* ---- results: row and column from 0; NULL or out of range gives 0 / "" / NULL as said ---- */
int db_rows(const struct db_tx *tx, int result);
int64_t db_affected(const struct db_tx *tx, int result);
bool db_null(const struct db_tx *tx, int result, int row, int col);
const char *db_str(const struct db_tx *tx, int result, int row, int col); /* "" for NULL */
int64_t db_int(const struct db_tx *tx, int result, int row, int col);
bool db_bool(const struct db_tx *tx, int result, int row, int col);
int64_t db_time(const struct db_tx *tx, int result, int row,
		int col); /* timestamptz to micros; 0 for NULL */
int32_t db_date(const struct db_tx *tx, int result, int row, int col);
/* bytea, decoded into the arena; `len` gets the count. */
uint8_t *db_bytes(const struct db_tx *tx, struct arena *a, int result, int row, int col,
		  size_t *len);
/* The constraint that a failed db_run / db_exec named, "" when none. */
const char *db_constraint(const struct db_tx *tx);

#define AUTO_TX __attribute__((cleanup(db_tx_cleanup))) struct db_tx
static inline void db_tx_cleanup(struct db_tx **tx)
{
	db_tx_free(*tx);
}

#endif
