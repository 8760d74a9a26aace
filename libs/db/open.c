/*
 * Open transactions: BEGIN, look, write, COMMIT, on a connection of their own. Each statement is a
 * pipeline of one. The connection is held until commit or db_tx_free, so do no slow work in
 * between.
 */
#include "core/magic.h"
#include "core/timeutil.h"
#include "db_priv.h"

#include <stdlib.h>
#include <string.h>

/* Notes the first failure: the server refuses everything after it. */
static enum status fail(struct db_tx *tx, const struct error *why, struct error *err)
{
	if (!tx->failed)
		tx->first_error = *why;
	tx->failed = true;
	if (err)
		*err = *why;
	return why->status;
}

static enum status lost(struct db_tx *tx, enum status st, struct error *err)
{
	const char *text = "the connection to the database was lost";
	struct error why = { 0 };

	if (st == ST_TIMEOUT)
		text = "the database took too long";
	if (st == ST_UNSUPPORTED)
		text = "COPY is not possible in db_exec_sql";
	db__conn_close(tx->conn);
	error_set(&why, st, NULL, "%s", text);
	return fail(tx, &why, err);
}

/* The server's own timeout comes first; a server that stays silent beyond it is given up. */
static int64_t answer_limit(const struct db_tx *tx)
{
	int64_t limit = time_mono_us() + (int64_t)tx->db->statement_timeout_ms * 1000 + DB_GRACE_US;

	return tx->deadline < limit - DB_LATE_US ? tx->deadline + DB_LATE_US : limit;
}

/* Reads until the first segment is complete. */
static enum status await_segment(struct db_tx *tx, int64_t limit, struct error *err)
{
	struct db_conn *c = tx->conn;
	bool dead = false;

	for (;;) {
		int rc = db__pipe_step(c);

		if (rc == 1)
			return ST_OK;
		if (rc < 0 || dead)
			return lost(tx, ST_UNAVAILABLE, err);
		if (time_mono_us() >= limit)
			return lost(tx, ST_TIMEOUT, err);
		dead = db__conn_wait(c, limit) < 0;
	}
}

/*
 * Ends the segment that was sent (one Sync) and waits for its answer. The last statement's result
 * is kept as number *ret when `ret` is given.
 */
static enum status answer(struct db_tx *tx, const char *name, int *ret, struct error *err)
{
	struct db_conn *c = tx->conn;
	struct db_segment *s = &c->segments[c->first];
	struct error why = { 0 };
	int64_t start = time_mono_us();
	enum status st;

	st = db__send_sync(c) ? await_segment(tx, answer_limit(tx), err)
			      : lost(tx, ST_UNAVAILABLE, err);
	db__waited(start);
	if (st != ST_OK)
		return st;
	if (s->failure) {
		db__error(s->failure, name, tx->constraint, &why);
	} else if (s->too_large) {
		error_set(&why, ST_TOO_LARGE, NULL, "the results are larger than 64 MiB");
	} else if (ret && s->n_results) {
		PGresult *r = s->results[--s->n_results];

		if (db__tx_keep_result(tx, r))
			*ret = tx->n_results - 1;
		else
			error_set(&why, ST_TOO_LARGE, NULL, "the results are larger than 64 MiB");
	}
	db__segment_pop(c);
	return why.status == ST_OK ? ST_OK : fail(tx, &why, err);
}

/* Gives the connection back. */
static void end(struct db_tx *tx)
{
	struct db *db = tx->db;

	pthread_mutex_lock(&db->lock);
	db__release(tx->conn);
	db->stats.transactions++;
	db->stats.failures += tx->failed;
	db__leave(db);
	pthread_mutex_unlock(&db->lock);
	tx->conn = NULL;
}

/* Reads answers that nobody waits for any more, then makes sure the connection works. */
static enum status ready(struct db_tx *tx, struct error *err)
{
	struct db_conn *c = tx->conn;

	while (c->pg && c->n) {
		enum status st = await_segment(tx, tx->deadline, err);

		if (st == ST_TIMEOUT)
			return st;
		if (st == ST_OK)
			db__segment_pop(c);
	}
	tx->failed = false;
	return db__conn_ready(c, tx->deadline, err);
}

static enum status begin(struct db_tx *tx, struct error *err)
{
	struct db_conn *c = tx->conn;

	db__segment_push(c, NULL, false);
	if (!db__send_plain(c, DB_BEGIN) || !db__send_scope(c, tx))
		return lost(tx, ST_UNAVAILABLE, err);
	return answer(tx, "begin", NULL, err);
}

/* A connection that works on the taken place of the pool; the place is given back when there is
 * none. */
static enum status settle(struct db_tx *tx, struct error *err)
{
	struct db *db = tx->db;
	enum status st = ready(tx, err);

	if (st == ST_OK)
		return ST_OK;
	pthread_mutex_lock(&db->lock);
	if (time_mono_us() < tx->deadline) {
		db__connect_failed(tx->conn, err);
	} else {
		/* Only this caller's time is over; others may still try. */
		db__release(tx->conn);
		st = error_set(err, ST_UNAVAILABLE, NULL, "no connection was free in time");
	}
	db__leave(db);
	pthread_mutex_unlock(&db->lock);
	tx->conn = NULL;
	return st;
}

/* Waits for a connection of its own. */
static enum status acquire(struct db_tx *tx, struct error *err)
{
	struct db *db = tx->db;
	enum status st;

	pthread_mutex_lock(&db->lock);
	st = db__admit(db, time_mono_us(), err);
	if (st == ST_OK) {
		db__enqueue(db, tx);
		db__wait_turn(db, tx);
		tx->conn = tx->lead;
		tx->lead = NULL;
		if (!tx->conn) {
			st = error_set(err, ST_UNAVAILABLE, NULL, "%s", tx->reason);
			db__leave(db);
		}
	}
	pthread_mutex_unlock(&db->lock);
	return st == ST_OK ? settle(tx, err) : st;
}

enum status db_begin(struct db_tx **ret, struct db *db, const struct db_scope *scope,
		     int64_t deadline_mono_us, struct error *err)
{
	struct db_tx *tx = db__tx_alloc(db, scope, true);
	struct error why = { 0 };
	int64_t start = time_mono_us();
	enum status st;

	if (!tx)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	tx->deadline = db__deadline(deadline_mono_us);
	st = acquire(tx, &why);
	db__waited(start);
	if (st == ST_OK) {
		/* Without a deadline of the caller only the wait for the connection was bounded. */
		if (!deadline_mono_us)
			tx->deadline = INT64_MAX / 2;
		st = begin(tx, &why);
	}
	if (st != ST_OK) {
		db_tx_free(tx);
		if (err)
			*err = why;
		return st;
	}
	*ret = tx;
	return ST_OK;
}

/* What stands in the way of the next statement. */
static enum status usable(const struct db_tx *tx, struct error *err)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (!tx->open || !tx->conn)
		return error_set(err, ST_INTERNAL, NULL, "the transaction is not open");
	if (!tx->failed)
		return ST_OK;
	return error_set(err, tx->first_error.status, tx->first_error.field, "%s",
			 tx->first_error.detail);
}

static void count_statement(struct db_tx *tx)
{
	pthread_mutex_lock(&tx->db->lock);
	tx->db->stats.statements++;
	pthread_mutex_unlock(&tx->db->lock);
}

enum status db_exec(struct db_tx *tx, const char *stmt, const struct db_args *args, int *ret,
		    struct error *err)
{
	struct db_call call;
	const char *why = "";
	enum status st = usable(tx, err);

	if (st != ST_OK)
		return st;
	tx->n_args = 0;
	st = db__tx_append(tx, stmt, args, &call, &why);
	if (st != ST_OK)
		return error_set(err, st, NULL, "%s", why);
	count_statement(tx);
	db__segment_push(tx->conn, NULL, false);
	if (!db__send_call(tx->conn, tx, &call))
		return lost(tx, ST_UNAVAILABLE, err);
	return answer(tx, stmt, ret, err);
}

/* One answer outside of a pipeline; false when there are no more. */
static bool next_plain(struct db_tx *tx, int64_t limit, PGresult **ret, enum status *st)
{
	struct db_conn *c = tx->conn;

	while (PQisBusy(c->pg)) {
		if (time_mono_us() >= limit) {
			*st = ST_TIMEOUT;
			return false;
		}
		if (db__conn_wait(c, limit) < 0 && PQisBusy(c->pg)) {
			*st = ST_UNAVAILABLE;
			return false;
		}
	}
	*ret = PQgetResult(c->pg);
	return *ret != NULL;
}

/* Reads the answers of free SQL; the first failure is told. */
static enum status read_plain(struct db_tx *tx, struct error *why)
{
	int64_t limit = answer_limit(tx), start = time_mono_us();
	enum status st = ST_OK;
	PGresult *r = NULL;

	while (st == ST_OK && next_plain(tx, limit, &r, &st)) {
		ExecStatusType kind = PQresultStatus(r);

		if (kind == PGRES_FATAL_ERROR && why->status == ST_OK)
			db__error(r, "SQL", tx->constraint, why);
		PQclear(r);
		/* COPY speaks another protocol, for which nobody is here. */
		if (kind == PGRES_COPY_IN || kind == PGRES_COPY_OUT || kind == PGRES_COPY_BOTH)
			st = ST_UNSUPPORTED;
	}
	db__waited(start);
	return PQstatus(tx->conn->pg) == CONNECTION_BAD ? ST_UNAVAILABLE : st;
}

enum status db_exec_sql(struct db_tx *tx, const char *sql, struct error *err)
{
	struct error why = { 0 };
	enum status st = usable(tx, err);
	PGconn *pg;
	int rc;

	if (st != ST_OK)
		return st;
	pg = tx->conn->pg;
	count_statement(tx);
	/* Such SQL may leave settings behind, which nobody else shall inherit. */
	tx->conn->recycle = true;
	if (PQexitPipelineMode(pg) != 1 || PQsendQuery(pg, sql) != 1)
		return lost(tx, ST_UNAVAILABLE, err);
	rc = PQflush(pg);
	tx->conn->unsent = rc > 0;
	st = rc < 0 ? ST_UNAVAILABLE : read_plain(tx, &why);
	if (st != ST_OK || PQenterPipelineMode(pg) != 1)
		return lost(tx, st == ST_OK ? ST_UNAVAILABLE : st, err);
	if (why.status == ST_OK && PQtransactionStatus(pg) != PQTRANS_INTRANS)
		error_set(&why, ST_INTERNAL, NULL, "the SQL ended its transaction");
	return why.status == ST_OK ? ST_OK : fail(tx, &why, err);
}

/* Runs one or two statements of the library itself. */
static enum status run_plain(struct db_tx *tx, const enum db_internal *ids, int n,
			     struct error *err)
{
	db__segment_push(tx->conn, NULL, false);
	for (int i = 0; i < n; i++)
		if (!db__send_plain(tx->conn, ids[i]))
			return lost(tx, ST_UNAVAILABLE, err);
	return answer(tx, tx->db->stmts[ids[n - 1]].name, NULL, err);
}

enum status db_savepoint(struct db_tx *tx, struct error *err)
{
	static const enum db_internal again[] = { DB_SAVEPOINT_RELEASE, DB_SAVEPOINT };
	enum status st = usable(tx, err);

	/* The former one is released, or a long batch would pile them up in the server. */
	if (st == ST_OK)
		st = tx->savepoint ? run_plain(tx, again, 2, err)
				   : run_plain(tx, again + 1, 1, err);
	if (st == ST_OK)
		tx->savepoint = true;
	return st;
}

enum status db_rollback_to_savepoint(struct db_tx *tx, struct error *err)
{
	static const enum db_internal id = DB_SAVEPOINT_ROLLBACK;
	enum status st;

	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (!tx->open || !tx->conn || !tx->savepoint)
		return error_set(err, ST_INTERNAL, NULL, "the transaction has no savepoint");
	if (!tx->conn->pg)
		return usable(tx, err);
	st = run_plain(tx, &id, 1, err);
	if (st == ST_OK)
		tx->failed = false;
	return st;
}

void db__tx_abandon(struct db_tx *tx)
{
	static const enum db_internal id = DB_ROLLBACK;
	int64_t limit = time_mono_us() + DB_ROLLBACK_LIMIT_US;

	if (tx->deadline > limit)
		tx->deadline = limit;
	if (tx->conn->pg && run_plain(tx, &id, 1, NULL) != ST_OK)
		db__conn_close(tx->conn);
	end(tx);
}

enum status db_commit(struct db_tx *tx, struct error *err)
{
	static const enum db_internal id = DB_COMMIT;
	enum status st = usable(tx, err);

	if (st == ST_OK && tx->broken != ST_OK)
		st = error_set(err, tx->broken, NULL, "%s", tx->broken_why);
	if (st == ST_OK)
		st = run_plain(tx, &id, 1, err);
	if (st != ST_OK) {
		if (tx->conn)
			db__tx_abandon(tx);
		return st;
	}
	end(tx);
	db__tx_after_commit(tx);
	return ST_OK;
}
