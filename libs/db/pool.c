/*
 * The pool: opening and closing, and who gets which connection. Waiting transactions stand in two
 * lists in order of arrival (queued ones, and those that want a connection of their own); a
 * connection that becomes free goes to whoever waits longest, but the last one is kept for queued
 * work. Read next: run.c.
 */
#include "core/magic.h"
#include "core/timeutil.h"
#include "db_priv.h"

#include <stdlib.h>
#include <string.h>

static const struct db_stmt internal_stmts[DB_INTERNAL_N] = {
	[DB_SCOPE] = { "db.scope", "SELECT set_config('app.tenant_id', $1, true),"
				   " set_config('app.brand_ids', $2, true),"
				   " set_config('statement_timeout', $3, true)" },
	[DB_PING] = { "db.ping", "SELECT 1" },
	[DB_BEGIN] = { "db.begin", "BEGIN" },
	[DB_COMMIT] = { "db.commit", "COMMIT" },
	[DB_ROLLBACK] = { "db.rollback", "ROLLBACK" },
	[DB_SAVEPOINT] = { "db.savepoint", "SAVEPOINT item" },
	[DB_SAVEPOINT_RELEASE] = { "db.savepoint_release", "RELEASE SAVEPOINT item" },
	[DB_SAVEPOINT_ROLLBACK] = { "db.savepoint_rollback", "ROLLBACK TO SAVEPOINT item" },
};

/* ---- statements by name ---- */

static int by_name_cmp(const void *a, const void *b, void *stmts)
{
	const struct db_stmt *s = stmts;

	return strcmp(s[*(const int *)a].name, s[*(const int *)b].name);
}

static int find_stmt(const struct db *db, const char *name)
{
	int low = 0, high = db->n_stmts;

	while (low < high) {
		int mid = low + (high - low) / 2;
		int order = strcmp(name, db->stmts[db->by_name[mid]].name);

		if (order == 0)
			return db->by_name[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

int db_stmt_id(const struct db *db, const char *name)
{
	int id = find_stmt(db, name);

	if (id < 0)
		panic(__FILE__, __LINE__, name); /* the name is the fault */
	return id;
}

static enum status index_stmts(struct db *db, struct error *err)
{
	for (int i = 0; i < db->n_stmts; i++)
		db->by_name[i] = i;
	qsort_r(db->by_name, (size_t)db->n_stmts, sizeof(int), by_name_cmp, db->stmts);
	for (int i = 0; i < db->n_stmts; i++) {
		const char *name = db->stmts[db->by_name[i]].name;

		if (strlen(name) > DB_STMT_NAME_MAX)
			return error_set(err, ST_INTERNAL, NULL, "statement name %s is too long",
					 name);
		if (i && strcmp(name, db->stmts[db->by_name[i - 1]].name) == 0)
			return error_set(err, ST_INTERNAL, NULL, "statement %s is there twice",
					 name);
	}
	return ST_OK;
}

static int count_stmts(const struct db_stmt *const *tables)
{
	int n = DB_INTERNAL_N;

	for (; tables && *tables && n <= DB_STMTS_MAX; tables++)
		for (const struct db_stmt *s = *tables; s->name; s++)
			n++;
	return n;
}

static enum status load_stmts(struct db *db, const struct db_stmt *const *tables, struct error *err)
{
	int n = count_stmts(tables);

	if (n > DB_STMTS_MAX)
		return error_set(err, ST_INTERNAL, NULL, "more than %d statements", DB_STMTS_MAX);
	db->stmts = calloc((size_t)n, sizeof(*db->stmts));
	db->by_name = calloc((size_t)n, sizeof(*db->by_name));
	if (!db->stmts || !db->by_name)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	memcpy(db->stmts, internal_stmts, sizeof(internal_stmts));
	n = DB_INTERNAL_N;
	for (; tables && *tables; tables++)
		for (const struct db_stmt *s = *tables; s->name; s++)
			db->stmts[n++] = *s;
	db->n_stmts = n;
	return index_stmts(db, err);
}

/* ---- opening and closing ---- */

static enum status check_config(const struct db_config *cfg, struct error *err)
{
	PQconninfoOption *options;

	if (cfg->connections < 1 || cfg->connections > DB_CONNECTIONS_MAX)
		return error_set(err, ST_INVALID, "connections", "must be 1 to %d",
				 DB_CONNECTIONS_MAX);
	if (!cfg->schema || !*cfg->schema)
		return error_set(err, ST_INVALID, "schema", "is empty");
	/* libpq's own message would repeat the string, with the password in it. */
	options = cfg->conninfo ? PQconninfoParse(cfg->conninfo, NULL) : NULL;
	if (!options)
		return error_set(err, ST_INVALID, "conninfo", "is not a connection string");
	PQconninfoFree(options);
	return ST_OK;
}

static bool init_locks(struct db *db)
{
	if (pthread_mutex_init(&db->lock, NULL) != 0)
		return false;
	if (pthread_cond_init(&db->quiet, NULL) == 0)
		return true;
	pthread_mutex_destroy(&db->lock);
	return false;
}

static struct db *pool_new(const struct db_config *cfg)
{
	size_t size = sizeof(struct db) + (size_t)cfg->connections * sizeof(struct db_conn);
	struct db *db = calloc(1, size);

	if (!db || !init_locks(db)) {
		free(db);
		return NULL;
	}
	TAILQ_INIT(&db->queue);
	TAILQ_INIT(&db->openers);
	db->n_conns = cfg->connections;
	db->max_open = cfg->connections > 1 ? cfg->connections - 1 : 1;
	db->statement_timeout_ms =
		cfg->statement_timeout_ms > 0 ? cfg->statement_timeout_ms : DB_STATEMENT_TIMEOUT_MS;
	db->queue_max = cfg->queue_max > 0 ? cfg->queue_max : DB_QUEUE_DEFAULT;
	for (int i = 0; i < db->n_conns; i++)
		db->conns[i].db = db;
	return db;
}

enum status db_open(struct db **ret, const struct db_config *cfg, struct error *err)
{
	enum status st = check_config(cfg, err);
	struct db *db;

	if (st != ST_OK)
		return st;
	db = pool_new(cfg);
	if (!db)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	db->conninfo = strdup(cfg->conninfo);
	db->schema = strdup(cfg->schema);
	st = db->conninfo && db->schema ? load_stmts(db, cfg->stmts, err)
					: error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	for (int i = 0; i < db->n_conns && st == ST_OK; i++) {
		st = db__conn_open(&db->conns[i], time_mono_us() + DB_CONNECT_LIMIT_US, err);
		db->conns[i].idle = db->conns[i].was_up = true;
	}
	if (st != ST_OK) {
		db_close(db);
		return st;
	}
	*ret = db;
	return ST_OK;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	pthread_mutex_lock(&db->lock);
	db->closing = true;
	while (db->active)
		pthread_cond_wait(&db->quiet, &db->lock);
	pthread_mutex_unlock(&db->lock);
	for (int i = 0; i < db->n_conns; i++)
		db__conn_close(&db->conns[i]);
	pthread_cond_destroy(&db->quiet);
	pthread_mutex_destroy(&db->lock);
	free(db->stmts);
	free(db->by_name);
	free(db->conninfo);
	free(db->schema);
	free(db);
}

void db_stats(const struct db *db, struct db_stats *out)
{
	/* The lock is no part of what the caller sees as constant. */
	struct db *inner = (struct db *)db;

	pthread_mutex_lock(&inner->lock);
	*out = inner->stats;
	out->waiting = (uint64_t)inner->n_waiting;
	pthread_mutex_unlock(&inner->lock);
}

enum status db_ping(struct db *db)
{
	struct db_tx *tx = db_tx_new(db, NULL);
	enum status st;

	if (!tx)
		return ST_UNAVAILABLE;
	db_add(tx, internal_stmts[DB_PING].name, NULL);
	st = db_run(tx, time_mono_us() + DB_PING_LIMIT_US, NULL);
	db_tx_free(tx);
	return st;
}

/* ---- who gets which connection; all with the lock ---- */

bool db__usable(const struct db_conn *c, int64_t now)
{
	return !c->taken && (c->pg || c->retry_at <= now);
}

/* The best free connection: up and empty, then one to be made, then one with answers nobody waits
 * for. */
static struct db_conn *pick_conn(struct db *db, int64_t now)
{
	struct db_conn *best = NULL;
	int best_rank = 3;

	for (int i = 0; i < db->n_conns && best_rank > 0; i++) {
		struct db_conn *c = &db->conns[i];
		int rank = c->taken ? 3 : !c->pg ? 1 : c->n == 0 ? 0 : 2;

		if (rank < best_rank && db__usable(c, now)) {
			best = c;
			best_rank = rank;
		}
	}
	return best;
}

/* True when every connection is down and none may be tried yet. */
static bool unreachable(const struct db *db, int64_t now)
{
	for (int i = 0; i < db->n_conns; i++)
		if (db->conns[i].taken || db__usable(&db->conns[i], now))
			return false;
	return true;
}

enum status db__admit(struct db *db, int64_t now, struct error *err)
{
	if (db->closing)
		return error_set(err, ST_UNAVAILABLE, NULL, "the pool is closing");
	if (unreachable(db, now))
		return error_set(err, ST_UNAVAILABLE, NULL, "%s", db->down_reason);
	if (db->n_waiting >= db->queue_max && !pick_conn(db, now)) {
		db->stats.refused_full++;
		return error_set(err, ST_UNAVAILABLE, NULL,
				 "%d transactions wait for the database already", db->n_waiting);
	}
	db->active++;
	return ST_OK;
}

void db__leave(struct db *db)
{
	if (--db->active == 0)
		pthread_cond_broadcast(&db->quiet);
}

static struct db_tx_list *list_of(struct db *db, const struct db_tx *tx)
{
	return tx->open ? &db->openers : &db->queue;
}

void db__enqueue(struct db *db, struct db_tx *tx)
{
	tx->state = DB_TX_QUEUED;
	tx->ticket = db->tickets++;
	tx->lead = NULL;
	tx->segment = NULL;
	TAILQ_INSERT_TAIL(list_of(db, tx), tx, link);
	db->n_waiting++;
}

void db__dequeue(struct db *db, struct db_tx *tx)
{
	TAILQ_REMOVE(list_of(db, tx), tx, link);
	db->n_waiting--;
}

/* Who is next: the older of the two lists' firsts, of those that have no connection yet. */
struct db_tx *db__next_waiting(struct db *db)
{
	struct db_tx *queued = TAILQ_FIRST(&db->queue);
	struct db_tx *opener = TAILQ_FIRST(&db->openers);

	while (queued && queued->lead)
		queued = TAILQ_NEXT(queued, link);
	if (!opener || db->n_open >= db->max_open)
		return queued;
	return queued && queued->ticket < opener->ticket ? queued : opener;
}

void db__dispatch(struct db *db, int64_t now)
{
	struct db_tx *tx = db__next_waiting(db);
	struct db_conn *c = tx ? pick_conn(db, now) : NULL;

	while (tx && c) {
		c->taken = true;
		tx->lead = c;
		if (tx->open) {
			db__dequeue(db, tx);
			c->open = true;
			db->n_open++;
		}
		pthread_cond_signal(&tx->bell->cond);
		tx = db__next_waiting(db);
		c = tx ? pick_conn(db, now) : NULL;
	}
}

void db__end(struct db_tx *tx, enum status st, const char *reason)
{
	tx->state = DB_TX_DONE;
	tx->segment = NULL;
	tx->outcome = st;
	db__first_line(reason ? reason : "", tx->reason, sizeof(tx->reason));
}

void db__finish(struct db_tx *tx, enum status st, const char *reason)
{
	db__end(tx, st, reason);
	pthread_cond_signal(&tx->bell->cond);
}

/* When the next connection that is down may be tried; INT64_MAX when there is none. */
static int64_t next_retry(const struct db *db, int64_t now)
{
	int64_t at = INT64_MAX;

	for (int i = 0; i < db->n_conns; i++) {
		const struct db_conn *c = &db->conns[i];

		if (!c->taken && !c->pg && c->retry_at > now && c->retry_at < at)
			at = c->retry_at;
	}
	return at;
}

static void wait_until(struct db *db, struct db_tx *tx, int64_t until)
{
	struct timespec ts = { .tv_sec = until / US_PER_SECOND,
			       .tv_nsec = (until % US_PER_SECOND) * 1000 };

	pthread_cond_timedwait(&tx->bell->cond, &db->lock, &ts);
}

void db__expire(struct db_tx *tx)
{
	if (tx->state == DB_TX_QUEUED) {
		db__dequeue(tx->db, tx);
		db__finish(tx, ST_TIMEOUT, "no connection was free in time");
		return;
	}
	/* Its results will be read and dropped by whoever leads the connection. */
	tx->segment->tx = NULL;
	db__finish(tx, ST_TIMEOUT, "the database took too long");
}

void db__wait_turn(struct db *db, struct db_tx *tx)
{
	while (tx->state != DB_TX_DONE && !tx->lead) {
		int64_t now = time_mono_us();
		int64_t until = tx->deadline;

		if (tx->state == DB_TX_QUEUED) {
			int64_t retry = next_retry(db, now);

			db__dispatch(db, now);
			until = retry < until ? retry : until;
			if (tx->lead)
				return;
		}
		if (now < tx->deadline) {
			wait_until(db, tx, until);
		} else if (tx->state == DB_TX_SENDING) {
			tx->wants_signal = true;
			pthread_cond_wait(&tx->bell->cond, &db->lock);
		} else {
			db__expire(tx);
		}
	}
}

void db__release(struct db_conn *c)
{
	struct db *db = c->db;

	if (c->recycle && c->pg)
		db__conn_close(c);
	if (c->open)
		db->n_open--;
	db->stats.busy_us += c->busy_us;
	db->stats.reconnects += c->reconnects;
	c->busy_us = c->reconnects = 0;
	c->taken = c->open = false;
	c->idle = true;
	db__dispatch(db, time_mono_us());
}

void db__connect_failed(struct db_conn *c, const struct error *why)
{
	struct db *db = c->db;
	struct db_tx *tx;

	c->backoff = c->backoff ? c->backoff * 2 : DB_BACKOFF_MIN_US;
	if (c->backoff > DB_BACKOFF_MAX_US)
		c->backoff = DB_BACKOFF_MAX_US;
	c->retry_at = time_mono_us() + c->backoff;
	db__first_line(why->detail, db->down_reason, sizeof(db->down_reason));
	db__release(c);
	if (!unreachable(db, time_mono_us()))
		return;
	while ((tx = TAILQ_FIRST(&db->queue)) || (tx = TAILQ_FIRST(&db->openers))) {
		db__dequeue(db, tx);
		db__finish(tx, ST_UNAVAILABLE, db->down_reason);
	}
}
