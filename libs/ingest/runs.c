/*
 * The threads of the engine: runners that claim runs, and a heart that keeps this process's lock
 * and leases. Read next: work.c (one run), runs_store.c (SQL).
 */
#include "core/id.h"
#include "core/log.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "ingest/runs_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEEP_EVERY_US (10 * US_PER_MINUTE)
#define BEATS_A_LEASE 3

/* ---- waiting and waking ---- */

/* Waits on the condition until the monotonic time. Needs the lock. False at the time. */
static bool cond_until(struct runs *r, int64_t until_us)
{
	struct timespec at = { .tv_sec = until_us / US_PER_SECOND,
			       .tv_nsec = (long)(until_us % US_PER_SECOND) * 1000 };

	return pthread_cond_timedwait(&r->cond, &r->lock, &at) == 0;
}

bool runs__sleep(struct runs *r, const struct runner *me, int64_t until_us)
{
	bool ended = false;

	pthread_mutex_lock(&r->lock);
	while (!(ended = me != NULL ? r->stopping || atomic_load(&me->cancel) : r->heart_stop) &&
	       time_mono_us() < until_us)
		cond_until(r, until_us);
	pthread_mutex_unlock(&r->lock);
	return !ended;
}

void runs__wake(void *arg)
{
	struct runs *r = arg;

	CHECK_MAGIC(r, RUNS_MAGIC);
	pthread_mutex_lock(&r->lock);
	r->next_poll = 0;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

/* ---- runners ---- */

/* Waits for this thread's turn to look for a run: one look at a time, once a poll or when woken.
 * False: stop. */
static bool await_turn(struct runs *r)
{
	bool go;

	pthread_mutex_lock(&r->lock);
	while (!r->stopping && time_mono_us() < r->next_poll)
		cond_until(r, r->next_poll);
	r->next_poll = time_mono_us() + (int64_t)r->cfg.poll_ms * 1000;
	go = !r->stopping;
	pthread_mutex_unlock(&r->lock);
	return go;
}

/* From here on the heart renews the lease, and runs_close cancels the run. */
static bool take_on(struct runner *me, const struct claimed *c)
{
	bool go;

	pthread_mutex_lock(&me->r->lock);
	go = !me->r->stopping;
	me->c = *c;
	atomic_store(&me->cancel, !go);
	atomic_store(&me->alive_until, time_mono_us() + RUNS_FETCH_MAX_S * US_PER_SECOND);
	atomic_store(&me->busy, true);
	pthread_mutex_unlock(&me->r->lock);
	return go;
}

static void put_down(struct runner *me)
{
	pthread_mutex_lock(&me->r->lock);
	atomic_store(&me->busy, false);
	runs__claimed_done(&me->c);
	pthread_mutex_unlock(&me->r->lock);
}

static void *runner_main(void *arg)
{
	struct runner *me = arg;
	struct runs *r = me->r;

	CHECK_MAGIC(me, RUNNER_MAGIC);
	while (await_turn(r)) {
		struct claimed c = { 0 };
		struct error err = { 0 };
		enum status st =
			atomic_load(&r->locked) ? runs__store_claim(r, &c, &err) : ST_NOT_FOUND;

		atomic_fetch_add(&r->stats.looks, 1);
		if (st != ST_OK) {
			if (st != ST_NOT_FOUND)
				log_event(LOG_WARN, "sync.claim_failed", "%s: %s", status_name(st),
					  err.detail);
			continue;
		}
		atomic_fetch_add(&r->stats.claimed, 1);
		atomic_fetch_add(&r->stats.taken_over, c.was_owned);
		runs__wake(r); /* there may be more, for another runner */
		take_on(me, &c);
		runs__work(me);
		put_down(me);
	}
	return NULL;
}

/* ---- the heart ---- */

struct beat {
	const char *ids[RUNS_RUNNERS_MAX];
	char texts[RUNS_RUNNERS_MAX][UUID_TEXT];
	int64_t claims[RUNS_RUNNERS_MAX];
	struct runner *runners[RUNS_RUNNERS_MAX];
	bool kept[RUNS_RUNNERS_MAX];
	size_t n;
};

/* The runs whose runners show life. */
static void beat_collect(struct runs *r, struct beat *b)
{
	int64_t now = time_mono_us();

	b->n = 0;
	pthread_mutex_lock(&r->lock);
	for (int i = 0; i < r->n_runners; i++) {
		struct runner *w = &r->runners[i];

		if (!atomic_load(&w->busy) || now > atomic_load(&w->alive_until))
			continue;
		memcpy(b->texts[b->n], w->c.run.run_id, UUID_TEXT);
		b->ids[b->n] = b->texts[b->n];
		b->claims[b->n] = w->c.claim;
		b->runners[b->n++] = w;
	}
	pthread_mutex_unlock(&r->lock);
}

/* Cancels the runners whose run is another's, unless they have ended it themselves meanwhile. */
static void beat_apply(struct runs *r, const struct beat *b)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < b->n; i++) {
		struct runner *w = b->runners[i];

		if (!b->kept[i] && atomic_load(&w->busy) && w->c.claim == b->claims[i] &&
		    strcmp(w->c.run.run_id, b->texts[i]) == 0)
			atomic_store(&w->cancel, true);
	}
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

static void renew(struct runs *r)
{
	struct beat b;
	struct error err = { 0 };

	beat_collect(r, &b);
	if (b.n == 0)
		return;
	if (runs__store_renew(r, b.ids, b.claims, b.n, b.kept, &err) == ST_OK)
		beat_apply(r, &b);
	else
		log_event(LOG_WARN, "sync.renew_failed", "%s", err.detail);
}

static void keep(struct runs *r)
{
	struct error err = { 0 };

	if (runs__store_keep(r, &err) != ST_OK)
		log_event(LOG_WARN, "sync.keep_failed", "%s", err.detail);
}

static void *heart_main(void *arg)
{
	struct runs *r = arg;
	int64_t lease_us = (int64_t)r->cfg.lease_ms * 1000, renewed = time_mono_us(), kept = 0;
	int64_t now = renewed;

	CHECK_MAGIC(r, RUNS_MAGIC);
	/* The lock is looked at with every poll: a session that broke is made again soon. */
	while (runs__sleep(r, NULL, now + (int64_t)r->cfg.poll_ms * 1000)) {
		now = time_mono_us();
		atomic_store(&r->locked, runs__store_lock(r));
		if (now - renewed >= lease_us / BEATS_A_LEASE) {
			renew(r);
			renewed = now;
		}
		if (kept == 0 || now - kept >= KEEP_EVERY_US) {
			keep(r);
			kept = now;
		}
	}
	return NULL;
}

/* ---- opening and closing ---- */

static enum status open_keeper(struct runs *r, struct error *err)
{
	static const struct db_stmt *const tables[] = { runs__keeper_statements, NULL };
	struct db_config cfg = { .conninfo = r->cfg.worker_conninfo,
				 .schema = r->cfg.schema,
				 .connections = 1,
				 .stmts = tables };
	enum status st = db_open(&r->keeper, &cfg, err);

	if (st != ST_OK)
		return st;
	atomic_store(&r->locked, runs__store_lock(r));
	if (!atomic_load(&r->locked))
		return error_set(err, ST_UNAVAILABLE, NULL,
				 "the lock of this process cannot be taken");
	return ST_OK;
}

static struct runs *runs_new(const struct runs_config *cfg)
{
	struct runs *r = calloc(1, sizeof(*r)); /* allowed: a long-lived object */
	pthread_condattr_t attr;

	if (r == NULL)
		return NULL;
	r->magic = RUNS_MAGIC;
	r->cfg = *cfg;
	r->cfg.poll_ms = cfg->poll_ms > 0 ? cfg->poll_ms : RUNS_POLL_MS;
	r->cfg.lease_ms = cfg->lease_ms > 0 ? cfg->lease_ms : RUNS_LEASE_MS;
	random_bytes(&r->owner, sizeof(r->owner));
	r->owner &= INT64_MAX; /* pg_locks shows it in two halves; a sign would only confuse */
	INVARIANT(pthread_mutex_init(&r->lock, NULL) == 0);
	INVARIANT(pthread_condattr_init(&attr) == 0);
	INVARIANT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	INVARIANT(pthread_cond_init(&r->cond, &attr) == 0);
	pthread_condattr_destroy(&attr);
	return r;
}

static void runs_free(struct runs *r)
{
	db_close(r->keeper);
	for (int i = 0; i < RUNS_RUNNERS_MAX; i++)
		arena_free(r->runners[i].arena);
	pthread_cond_destroy(&r->cond);
	pthread_mutex_destroy(&r->lock);
	r->magic = 0;
	free(r);
}

static enum status start_runner(struct runs *r, struct error *err)
{
	struct runner *w = &r->runners[r->n_runners];

	w->magic = RUNNER_MAGIC;
	w->r = r;
	w->arena = arena_new(RUNS_PAGE_MEMORY);
	if (w->arena == NULL || pthread_create(&w->thread, NULL, runner_main, w) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "a thread cannot be started");
	pthread_mutex_lock(&r->lock);
	r->n_runners++;
	pthread_mutex_unlock(&r->lock);
	return ST_OK;
}

/* Ends and joins the runners; the heart still beats while their last pages are stored. */
static void stop_runners(struct runs *r)
{
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	for (int i = 0; i < r->n_runners; i++)
		atomic_store(&r->runners[i].cancel, true);
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
	for (int i = 0; i < r->n_runners; i++)
		pthread_join(r->runners[i].thread, NULL);
}

enum status runs_open(struct runs **ret, const struct runs_config *cfg, struct error *err)
{
	struct runs *r;
	enum status st;

	if (cfg->runners < 1 || cfg->runners > RUNS_RUNNERS_MAX)
		return error_set(err, ST_INVALID, "runners", "must be between 1 and %d",
				 RUNS_RUNNERS_MAX);
	r = runs_new(cfg);
	if (r == NULL)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	st = open_keeper(r, err);
	if (st == ST_OK && pthread_create(&r->heart, NULL, heart_main, r) != 0)
		st = error_set(err, ST_UNAVAILABLE, NULL, "a thread cannot be started");
	if (st != ST_OK) {
		runs_free(r);
		return st;
	}
	for (int i = 0; i < cfg->runners && st == ST_OK; i++)
		st = start_runner(r, err);
	if (st != ST_OK) {
		runs_close(r);
		return st;
	}
	*ret = r;
	return ST_OK;
}

void runs_close(struct runs *r)
{
	if (r == NULL)
		return;
	CHECK_MAGIC(r, RUNS_MAGIC);
	stop_runners(r);
	pthread_mutex_lock(&r->lock);
	r->heart_stop = true;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->heart, NULL);
	runs_free(r);
}

void runs_stats(const struct runs *r, struct runs_stats *out)
{
	CHECK_MAGIC(r, RUNS_MAGIC);
	*out = (struct runs_stats){
		.looks = atomic_load(&r->stats.looks),
		.claimed = atomic_load(&r->stats.claimed),
		.taken_over = atomic_load(&r->stats.taken_over),
		.pages = atomic_load(&r->stats.pages),
		.rows = atomic_load(&r->stats.rows),
		.retries = atomic_load(&r->stats.retries),
		.finished = atomic_load(&r->stats.finished),
		.failed = atomic_load(&r->stats.failed),
		.lost = atomic_load(&r->stats.lost),
	};
	for (int i = 0; i < RUNS_RUNNERS_MAX; i++)
		out->active += atomic_load(&r->runners[i].busy);
}
