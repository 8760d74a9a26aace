/*
 * Queued transactions: natural batching by leaders and followers, without a thread of the pool's
 * own.
 *
 * A caller that finds a free connection leads it: it sends what waits (up to DB_BATCH_MAX, its own
 * last) as one pipeline and reads the answers; those who wait are followers and are woken one by
 * one. When the leader's own is done it sends the next batch, if any, and makes one of that batch
 * the leader, so that the server works while a thread wakes. Alone, a call costs no thread switch.
 */
#include "core/id.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "db_priv.h"

#include <stdlib.h>
#include <string.h>

static const char lost_text[] = "the connection to the database was lost; the outcome is unknown";

/* Moves what waits into the pipeline, `me` (may be NULL) last. Needs the lock. */
static int take_batch(struct db_conn *c, struct db_tx *me, struct db_tx *batch[DB_BATCH_MAX])
{
	struct db *db = c->db;
	int64_t now = time_mono_us();
	int n = 0, limit = me ? DB_BATCH_MAX - 1 : DB_BATCH_MAX;

	for (struct db_tx *tx = TAILQ_FIRST(&db->queue), *next; tx && n < limit; tx = next) {
		next = TAILQ_NEXT(tx, link);
		/* Who leads another connection sends by himself; who is late leaves by himself. */
		if (!tx->lead && tx->deadline > now)
			batch[n++] = tx;
	}
	if (me)
		batch[n++] = me;
	for (int i = 0; i < n; i++) {
		db__dequeue(db, batch[i]);
		batch[i]->state = DB_TX_SENDING;
		batch[i]->segment = db__segment_push(c, batch[i], true);
		db->stats.statements += (uint64_t)batch[i]->n_calls;
	}
	db->stats.pipelines += n > 0;
	return n;
}

static bool send_segment(struct db_conn *c, const struct db_tx *tx)
{
	bool ok = db__send_scope(c, tx);

	for (int i = 0; i < tx->n_calls && ok; i++)
		ok = db__send_call(c, tx, &tx->calls[i]);
	return ok && db__send_sync(c);
}

/* Everybody on this connection learns that it is lost. Needs the lock. */
static void lose(struct db_conn *c)
{
	for (int i = 0; i < c->n; i++) {
		struct db_tx *tx = c->segments[(c->first + i) % DB_BATCH_MAX].tx;

		if (tx)
			db__finish(tx, ST_UNAVAILABLE, lost_text);
	}
	db__conn_close(c);
	c->retry_at = 0;
}

/* Needs the lock, which is open while libpq writes. */
static void send_batch(struct db_conn *c, struct db_tx *me)
{
	struct db *db = c->db;
	struct db_tx *batch[DB_BATCH_MAX];
	int n = take_batch(c, me, batch);
	bool ok = true;

	pthread_mutex_unlock(&db->lock);
	for (int i = 0; i < n && ok; i++)
		ok = send_segment(c, batch[i]);
	pthread_mutex_lock(&db->lock);
	for (int i = 0; i < n; i++) {
		batch[i]->state = DB_TX_SENT;
		if (batch[i]->wants_signal)
			pthread_cond_signal(&batch[i]->bell->cond);
	}
	if (!ok)
		lose(c);
}

/* Hands the first segment's results to its transaction, or drops them when nobody waits. */
static const struct db_tx *deliver(struct db_conn *c)
{
	struct db_segment *s = &c->segments[c->first];
	struct db_tx *tx;
	struct db_bell *bell = NULL;

	pthread_mutex_lock(&c->db->lock);
	tx = s->tx;
	if (tx) {
		memcpy(tx->results, s->results, (size_t)s->n_results * sizeof(PGresult *));
		tx->n_results = s->n_results;
		tx->failure = s->failure;
		tx->failed_call = s->failed_call;
		s->n_results = 0;
		s->failure = NULL;
		if (s->too_large)
			db__end(tx, ST_TOO_LARGE, "the results are larger than 64 MiB");
		else
			db__end(tx, ST_OK, NULL);
		bell = db__bell_hold(tx->bell);
	}
	pthread_mutex_unlock(&c->db->lock);
	/* Who wakes takes the lock first. */
	if (bell)
		pthread_cond_signal(&bell->cond);
	db__bell_release(bell);
	db__segment_pop(c);
	return tx;
}

/* When a server that says nothing counts as lost. */
static int64_t silence_limit(const struct db_conn *c)
{
	return c->progress + (int64_t)c->db->statement_timeout_ms * 1000 + DB_GRACE_US;
}

/* Reads until `me` has its answer, the pipeline is empty or `me` is late; false when the connection
 * is lost. */
static bool read_answers(struct db_conn *c, const struct db_tx *me)
{
	bool dead = false;

	while (c->n) {
		int rc = db__pipe_step(c);
		int64_t limit;

		if (rc == 1) {
			if (deliver(c) == me)
				return true;
			continue;
		}
		if (rc < 0 || dead)
			return false;
		limit = silence_limit(c);
		if (time_mono_us() >= me->deadline)
			return true;
		/* What arrived before the end is still worth reading: one more turn. */
		rc = db__conn_wait(c, me->deadline < limit ? me->deadline : limit);
		dead = rc < 0 || (rc == 0 && time_mono_us() >= limit);
	}
	return true;
}

/* Makes sure that the connection works. False when it was given back because it does not. Needs the
 * lock. */
static bool make_ready(struct db_conn *c, struct db_tx *me)
{
	struct db *db = c->db;
	struct error err = { 0 };
	enum status st;

	if (c->pg && !c->idle)
		return true;
	pthread_mutex_unlock(&db->lock);
	st = db__conn_ready(c, me->deadline, &err);
	pthread_mutex_lock(&db->lock);
	if (st == ST_OK)
		return true;
	me->lead = NULL;
	/* When only this caller's time is over, others may still try. */
	if (time_mono_us() >= me->deadline)
		db__release(c);
	else
		db__connect_failed(c, &err);
	return false;
}

static struct db_tx *last_waiting(const struct db_conn *c)
{
	for (int i = c->n - 1; i >= 0; i--) {
		struct db_tx *tx = c->segments[(c->first + i) % DB_BATCH_MAX].tx;

		if (tx)
			return tx;
	}
	return NULL;
}

/* The leader's own is done: the next batch goes out, and one who waits for this connection leads
 * it. Needs the lock. */
static void hand_over(struct db_conn *c)
{
	struct db_tx *next = db__next_waiting(c->db);

	if (c->n == 0 && c->pg && !c->recycle && next && !next->open)
		send_batch(c, NULL);
	next = last_waiting(c);
	if (!next) {
		db__release(c);
		return;
	}
	next->lead = c;
	pthread_cond_signal(&next->bell->cond);
}

/* Needs the lock. */
static void lead(struct db_conn *c, struct db_tx *me)
{
	struct db *db = c->db;

	while (me->state != DB_TX_DONE) {
		bool ok;

		if (time_mono_us() >= me->deadline) {
			db__expire(me);
			break;
		}
		if (!make_ready(c, me))
			return;
		if (c->n == 0)
			send_batch(c, me);
		if (!c->pg)
			continue;
		pthread_mutex_unlock(&db->lock);
		ok = read_answers(c, me);
		pthread_mutex_lock(&db->lock);
		if (!ok)
			lose(c);
	}
	me->lead = NULL;
	hand_over(c);
}

/* Waits for its turn and its answer. */
static enum status run_once(struct db_tx *tx, struct error *err)
{
	struct db *db = tx->db;

	pthread_mutex_lock(&db->lock);
	db__enqueue(db, tx);
	while (tx->state != DB_TX_DONE) {
		db__wait_turn(db, tx);
		if (tx->lead)
			lead(tx->lead, tx);
	}
	pthread_mutex_unlock(&db->lock);
	if (tx->failure) {
		const char *name = tx->failed_call >= 0 && tx->failed_call < tx->n_calls
					   ? db->stmts[tx->calls[tx->failed_call].stmt].name
					   : "commit";

		return db__error(tx->failure, name, tx->constraint, err);
	}
	if (tx->outcome != ST_OK)
		return error_set(err, tx->outcome, NULL, "%s", tx->reason);
	return ST_OK;
}

/* A random pause before the n-th retry, so that two that collided do not meet again; false when it
 * is too late. */
static bool pause_before_retry(int n, int64_t deadline)
{
	uint32_t draw;
	int64_t until;

	random_bytes(&draw, sizeof(draw));
	until = time_mono_us() + DB_RETRY_STEP_US +
		(int64_t)(draw % (uint32_t)(n * DB_RETRY_STEP_US));
	if (until >= deadline)
		return false;
	time_sleep_us(until);
	return true;
}

static enum status run_retried(struct db_tx *tx, struct error *err)
{
	enum status st = run_once(tx, err);

	for (int n = 1; n <= DB_RETRIES_MAX && st != ST_OK && tx->failure; n++) {
		if (!db__retryable(tx->failure) || !pause_before_retry(n, tx->deadline))
			break;
		db__tx_clear_outcome(tx);
		st = run_once(tx, err);
	}
	return st;
}

/* From admission to counting the pool knows that somebody is inside, and is not closed. */
static enum status run_admitted(struct db_tx *tx, struct error *err)
{
	struct db *db = tx->db;
	enum status admitted, st;

	pthread_mutex_lock(&db->lock);
	st = admitted = db__admit(db, time_mono_us(), err);
	pthread_mutex_unlock(&db->lock);
	if (admitted == ST_OK)
		st = run_retried(tx, err);
	pthread_mutex_lock(&db->lock);
	db->stats.transactions++;
	db->stats.failures += st != ST_OK;
	if (admitted == ST_OK)
		db__leave(db);
	pthread_mutex_unlock(&db->lock);
	return st;
}

enum status db_run(struct db_tx *tx, int64_t deadline_mono_us, struct error *err)
{
	struct error own = { 0 }; /* a retry that went well leaves the caller's untouched */
	int64_t start = time_mono_us();
	enum status st;

	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (tx->broken == ST_OK && (tx->open || tx->state != DB_TX_NEW))
		return error_set(err, ST_INTERNAL, NULL, "the transaction is open or has run");
	if (tx->broken != ST_OK)
		return error_set(err, tx->broken, NULL, "%s", tx->broken_why);
	if (!db__tx_reserve(tx, tx->n_calls))
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	tx->deadline = db__deadline(deadline_mono_us);
	st = tx->n_calls ? run_admitted(tx, &own) : ST_OK;
	db__waited(start);
	tx->state = DB_TX_DONE;
	if (st != ST_OK) {
		db__tx_drop_results(tx);
		if (err)
			*err = own;
		return st;
	}
	db__tx_after_commit(tx);
	return ST_OK;
}
