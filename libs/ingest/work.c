/*
 * One run from its claim to its end: fetch a page, store it with its events and the checkpoint in
 * one transaction, again, until the last. What fails for a while is tried again here, so that
 * services need not. Read next: runs_store.c.
 */
#include "core/log.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "http/client.h"
#include "ingest/runs_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_FROM_US  US_PER_SECOND
#define SAVE_TRIES    60 /* half an hour of a database that is away; then the lease ends */
#define STORE_LIMIT_S 60

static struct runner *runner_of(const struct run *run)
{
	struct runner *me = (struct runner *)(void *)run; /* the first member of the first member */

	CHECK_MAGIC(me, RUNNER_MAGIC);
	return me;
}

struct event_origin run_origin(const struct run *run)
{
	return (struct event_origin){ .tenant_id = run->tenant_id,
				      .actor = run->actor,
				      .traceparent = run->traceparent };
}

const atomic_bool *runs_cancelled(const struct run *run)
{
	return &runner_of(run)->cancel;
}

/* The runner shows life, and will again within the time a fetch may take after `wait_us`. */
static void show_life(struct runner *me, int64_t wait_us)
{
	atomic_store(&me->alive_until, time_mono_us() + wait_us + RUNS_FETCH_MAX_S * US_PER_SECOND);
}

/* The run is another's, or the process stops: its waits end and its calls return. */
static enum status give_up(struct runner *me)
{
	atomic_store(&me->cancel, true);
	return ST_CANCELLED;
}

/* Tells what the run waits for. A note that cannot be written is no reason to fail. */
static enum status tell(struct runner *me, const char *note)
{
	struct error err = { 0 };

	if (runs__store_note(me->r, &me->c, note, &err) == ST_CANCELLED)
		return give_up(me);
	return ST_OK;
}

static enum status wait_told(struct runner *me, int64_t us, const char *note)
{
	int64_t until = time_mono_us() + us;
	bool whole;

	show_life(me, us);
	if (us >= NOTE_FROM_US && tell(me, note) != ST_OK)
		return ST_CANCELLED;
	whole = runs__sleep(me->r, me, until);
	show_life(me, 0);
	return whole ? ST_OK : ST_CANCELLED;
}

enum status runs_wait(const struct run *run, int64_t us, const char *note)
{
	struct runner *me = runner_of(run);
	int64_t most = RUNS_WAIT_MAX_S * US_PER_SECOND;

	if (atomic_load(&me->cancel))
		return ST_CANCELLED;
	return us <= 0 ? ST_OK : wait_told(me, us < most ? us : most, note);
}

/* ---- trying again ---- */

static bool passing(enum status st, bool storing)
{
	return st == ST_LIMITED || st == ST_UPSTREAM || st == ST_UNAVAILABLE || st == ST_TIMEOUT ||
	       (storing && st == ST_CONFLICT);
}

/* How long to wait after failure number `failures`. */
static int64_t retry_wait(const struct runner *me, int failures, int retry_after_s)
{
	int64_t us = http_backoff(failures - 1, retry_after_s);
	int64_t cap = (int64_t)me->r->cfg.retry_cap_ms * 1000;

	return cap > 0 && us > cap ? cap : us;
}

static const char *words_of(const struct error *e, enum status st)
{
	return e->detail[0] != '\0' ? e->detail : status_name(st);
}

/*
 * After failure number `failures`: waits, and returns ST_OK to try again; ST_CANCELLED; or the
 * failure itself, when it is final. `e` then holds the words for the run.
 */
static enum status try_again(struct runner *me, enum status st, bool storing, int failures,
			     struct error *e)
{
	int64_t us = retry_wait(me, failures, e->retry_after_s);
	char note[RUNS_NOTE_MAX], words[ERROR_DETAIL_MAX];

	if (atomic_load(&me->cancel))
		return ST_CANCELLED;
	if (st == ST_CANCELLED) /* by nobody: a time-out of the service's own */
		st = ST_TIMEOUT;
	snprintf(words, sizeof(words), "%s", words_of(e, st));
	if (!passing(st, storing))
		return error_set(e, st, NULL, "%s", words);
	if (failures >= RUNS_FAILURES_MAX) {
		/* That our own database is away is not the run's fault. */
		me->put_back = storing && st == ST_UNAVAILABLE;
		return error_set(e, st, NULL, "%.300s; given up after %d tries", words, failures);
	}
	if (!storing) {
		me->c.run.retries++;
		atomic_fetch_add(&me->r->stats.retries, 1);
	}
	log_event(LOG_WARN, "sync.retry", "run %s of %s: %s: %s, try %d failed", me->c.run.run_id,
		  me->c.run.platform, status_name(st), words, failures);
	snprintf(note, sizeof(note), "%.160s, trying again in %lld s",
		 storing ? "the page cannot be stored" : words,
		 (long long)((us + US_PER_SECOND - 1) / US_PER_SECOND));
	return wait_told(me, us, note);
}

/* ---- one page ---- */

static void page_begin(struct runner *me, struct run_page *page)
{
	arena_reset(me->arena);
	*page = (struct run_page){
		.arena = me->arena,
		.run = &me->c.run,
		.session = me->session,
		.checkpoint = me->c.checkpoint,
		.checkpoint_len = me->c.checkpoint_len,
		.progress = me->c.progress,
		.expected = me->c.expected,
	};
	show_life(me, 0);
}

static enum status fetch_page(struct runner *me, struct run_page *page, struct error *err)
{
	enum status st;

	for (int failures = 0;;) {
		page_begin(me, page);
		page->attempt = failures;
		*err = (struct error){ 0 };
		st = me->r->cfg.spec->fetch(me->r->cfg.app, page, err);
		if (st == ST_OK && page->next_checkpoint != NULL &&
		    page->next_checkpoint_len > RUNS_CHECKPOINT_MAX)
			st = error_set(err, ST_INTERNAL, NULL, "the checkpoint is too large");
		if (st == ST_OK)
			return atomic_load(&me->cancel) ? ST_CANCELLED : ST_OK;
		st = try_again(me, st, false, ++failures, err);
		if (st != ST_OK)
			return st;
	}
}

/* Counters as they stand once the page is committed. */
static struct run run_after(const struct run *before, const struct run_page *page)
{
	struct run now = *before;

	now.rows += page->rows;
	now.events += page->events;
	now.pages += !page->skipped;
	return now;
}

/* Everything of the page in one transaction, or nothing. */
static enum status store_once(struct runner *me, struct run_page *page, struct run *now,
			      struct error *err)
{
	const struct runs_config *cfg = &me->r->cfg;
	struct db_scope scope = { me->c.run.tenant_id, me->c.run.brand_id };
	AUTO_TX *tx = NULL;
	enum status st;

	page->rows = page->events = 0;
	st = db_begin(&tx, cfg->db, &scope, time_mono_us() + STORE_LIMIT_S * US_PER_SECOND, err);
	if (st == ST_OK)
		st = cfg->spec->store(cfg->app, page, tx, err);
	if (st != ST_OK)
		return st;
	*now = run_after(&me->c.run, page);
	if (page->last)
		st = cfg->spec->finish(cfg->app, page, now, tx, err);
	if (st != ST_OK)
		return st;
	st = runs__store_page(tx, &me->c, page, now, err);
	if (st == ST_CANCELLED)
		return give_up(me);
	return st == ST_OK ? db_commit(tx, err) : st;
}

/* What was written is now what the next page starts from. */
static enum status page_end(struct runner *me, const struct run_page *page, const struct run *now)
{
	char *copy;

	atomic_fetch_add(&me->r->stats.pages, now->pages - me->c.run.pages);
	atomic_fetch_add(&me->r->stats.rows, page->rows);
	/* Only the counters: the heart reads the ids. */
	me->c.run.rows = now->rows;
	me->c.run.pages = now->pages;
	me->c.run.events = now->events;
	me->c.step++;
	me->c.progress = page->progress;
	me->c.expected = page->expected;
	if (page->next_checkpoint == NULL)
		return ST_OK;
	copy = malloc(page->next_checkpoint_len + 1); /* allowed: outlives the page's arena */
	if (copy == NULL)
		return give_up(me); /* it is in the row; who claims the run next reads it */
	memcpy(copy, page->next_checkpoint, page->next_checkpoint_len);
	copy[page->next_checkpoint_len] = '\0';
	free(me->c.checkpoint);
	me->c.checkpoint = copy;
	me->c.checkpoint_len = page->next_checkpoint_len;
	return ST_OK;
}

static enum status store_page(struct runner *me, struct run_page *page, struct error *err)
{
	struct run now;
	enum status st;

	for (int failures = 0;;) {
		show_life(me, 0);
		*err = (struct error){ 0 };
		st = store_once(me, page, &now, err);
		if (st == ST_OK)
			return page_end(me, page, &now);
		st = try_again(me, st, true, ++failures, err);
		if (st != ST_OK)
			return st;
	}
}

/* ---- the run ---- */

static enum status open_session(struct runner *me, struct error *err)
{
	const struct runs_config *cfg = &me->r->cfg;
	enum status st;

	for (int failures = 0;;) {
		if (cfg->spec->open == NULL)
			return ST_OK;
		show_life(me, 0);
		*err = (struct error){ 0 };
		st = cfg->spec->open(cfg->app, &me->c.run, &me->session, err);
		if (st == ST_OK)
			return ST_OK;
		st = try_again(me, st, false, ++failures, err);
		if (st != ST_OK)
			return st;
	}
}

static enum status drive(struct runner *me, struct error *err)
{
	struct run_page page = { 0 };
	enum status st;

	if (atomic_load(&me->cancel))
		return ST_CANCELLED;
	if (me->c.stalled > RUNS_TAKEOVERS_MAX)
		return error_set(err, ST_INTERNAL, NULL,
				 "%d processes ended while they worked on one page of it",
				 me->c.stalled);
	st = open_session(me, err);
	while (st == ST_OK && !page.last) {
		st = atomic_load(&me->cancel) ? ST_CANCELLED : fetch_page(me, &page, err);
		if (st == ST_OK)
			st = store_page(me, &page, err);
	}
	return st;
}

static enum status fail_once(struct runner *me, const struct error *why, bool with_hook,
			     struct error *err)
{
	const struct runs_config *cfg = &me->r->cfg;
	struct db_scope scope = { me->c.run.tenant_id, me->c.run.brand_id };
	AUTO_TX *tx = NULL;
	enum status st = db_begin(&tx, cfg->db, &scope, 0, err);

	if (st == ST_OK)
		st = runs__store_failed(tx, &me->c, why->detail, err);
	if (st == ST_OK && with_hook && cfg->spec->failed != NULL)
		st = cfg->spec->failed(cfg->app, &me->c.run, me->session, tx, why, err);
	return st == ST_OK ? db_commit(tx, err) : st;
}

/* Waits before saving the end of a run again. False when the process stops or lost the run. */
static bool await_database(struct runner *me, int failures)
{
	int64_t us = retry_wait(me, failures, 0);

	show_life(me, us);
	return runs__sleep(me->r, me, time_mono_us() + us);
}

/* Marks the run failed. A hook that fails is left out; a database that is away is waited for. */
static void fail(struct runner *me, const struct error *why)
{
	struct error err = { 0 };
	enum status st = ST_INTERNAL;
	bool with_hook = true;

	log_event(LOG_ERROR, "sync.failed", "run %s of %s: %s: %s", me->c.run.run_id,
		  me->c.run.platform, status_name(why->status), why->detail);
	for (int i = 1; i <= SAVE_TRIES; i++) {
		err = (struct error){ 0 };
		st = fail_once(me, why, with_hook, &err);
		if (st == ST_OK || st == ST_CANCELLED)
			break;
		log_event(LOG_ERROR, "sync.unsaved", "run %s, try %d: %s: %s", me->c.run.run_id, i,
			  status_name(st), err.detail);
		if (!passing(st, true))
			with_hook = false;
		else if (!await_database(me, i))
			break;
	}
	if (st == ST_OK)
		atomic_fetch_add(&me->r->stats.failed, 1);
}

/* Hands the run back. It names the claim: of a run that is another's by now nothing changes. */
static void release(struct runner *me)
{
	struct error err = { 0 };
	enum status st;
	bool stopping;

	pthread_mutex_lock(&me->r->lock);
	stopping = me->r->stopping;
	pthread_mutex_unlock(&me->r->lock);
	if (me->put_back) {
		log_event(LOG_WARN, "sync.put_back", "run %s of %s: the database is away",
			  me->c.run.run_id, me->c.run.platform);
	} else if (!stopping) {
		atomic_fetch_add(&me->r->stats.lost, 1);
		log_event(LOG_WARN, "sync.lost", "run %s of %s went on without this process",
			  me->c.run.run_id, me->c.run.platform);
	}
	for (int i = 1; i <= SAVE_TRIES; i++) {
		err = (struct error){ 0 };
		st = runs__store_release(me->r, &me->c, &err);
		if (st == ST_OK)
			return;
		log_event(LOG_WARN, "sync.unreleased", "run %s, try %d: %s: %s", me->c.run.run_id,
			  i, status_name(st), err.detail);
		if (!passing(st, true) || !await_database(me, i))
			return;
	}
}

void runs__work(struct runner *me)
{
	const struct runs_config *cfg = &me->r->cfg;
	struct error err = { 0 };
	enum status st;

	log_context(NULL, me->c.run.tenant_id);
	log_event(LOG_INFO, "sync.claimed", "run %s of %s%s, %u pages stored before",
		  me->c.run.run_id, me->c.run.platform, me->c.was_owned ? ", taken over" : "",
		  me->c.run.pages);
	me->session = NULL;
	me->put_back = false;
	st = drive(me, &err);
	if (st == ST_OK) {
		atomic_fetch_add(&me->r->stats.finished, 1);
		log_event(LOG_INFO, "sync.fetched", "run %s of %s: %u rows, %u pages, %u retries",
			  me->c.run.run_id, me->c.run.platform, me->c.run.rows, me->c.run.pages,
			  me->c.run.retries);
	} else if (st == ST_CANCELLED || me->put_back) {
		release(me);
	} else {
		fail(me, &err);
	}
	if (cfg->spec->close != NULL && me->session != NULL)
		cfg->spec->close(cfg->app, me->session);
	me->session = NULL;
	log_context(NULL, NULL);
}
