/*
 * The sync-run engine that the ingest services share. A run is a row of `sync_runs`; runner threads
 * in every replica claim rows, fetch pages from the provider, store each page with its events and
 * the checkpoint in one transaction, and survive crashes, restarts and other replicas. A service
 * writes only what is the provider's: the functions of struct ingest_spec.
 *
 *   queued -> running -> projecting -> done
 *                 \-> failed
 *
 * At most one run of a brand and platform is queued or running (unique index). A running run
 * belongs to one process: claimed with FOR UPDATE SKIP LOCKED, a lease renewed by heartbeat, and a
 * session advisory lock of the process, so that the runs of a killed process are taken over within
 * RUNS_POLL_MS instead of after the lease. Every write of a run checks that it is still owned
 * (fencing), so a process that lost a run without noticing cannot store a page of it.
 * Read next: docs/internals/ingest.md, runs.c.
 */
#ifndef INGEST_RUNS_H
#define INGEST_RUNS_H

#include "core/arena.h"
#include "core/id.h"
#include "core/status.h"
#include "db/db.h"
#include "db/migrate.h"
#include "svc/outbox.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNS_RUNNERS_MAX    16
#define RUNS_POLL_MS        1000
#define RUNS_LEASE_MS       30000
#define RUNS_FAILURES_MAX   8   /* consecutive failures of one fetch or store; then it fails */
#define RUNS_TAKEOVERS_MAX  10  /* take-overs without a page stored in between; then it fails */
#define RUNS_FETCH_MAX_S    180 /* a runner that shows no life for longer loses its lease */
#define RUNS_WAIT_MAX_S     120
#define RUNS_CHECKPOINT_MAX (64 * 1024)
#define RUNS_PAGE_MEMORY    (64 * 1024 * 1024) /* arena of one page */
#define RUNS_NOTE_MAX       200
#define RUNS_ACTOR_TEXT     96
#define RUNS_PLATFORM_TEXT  16
#define RUNS_KEEP_DAYS      90 /* ended runs older than this go, but for a brand's newest */
#define RUNS_PROJECTING_WAIT_S                                             \
	120 /* projecting for longer does not keep a new run from starting \
	     */
#define RUNS_PROJECTED_MAX 1000

enum run_state {
	RUN_QUEUED,
	RUN_RUNNING,
	RUN_PROJECTING,
	RUN_DONE,
	RUN_FAILED,
};

struct runs; /* the engine of one process */

/* A run as its service sees it. Counters are this run's, of pages committed so far. */
struct run {
	char run_id[UUID_TEXT], tenant_id[UUID_TEXT], brand_id[UUID_TEXT];
	char platform[RUNS_PLATFORM_TEXT]; /* "shopify", "meta", ... */
	bool full;                         /* fetch everything again instead of what changed */
	int64_t started_at; /* us; first claim of this run, by the database's clock */
	uint32_t rows, pages, events, retries;
	char actor[RUNS_ACTOR_TEXT]; /* who started it */
	char traceparent[TRACEPARENT_TEXT];
};
/* The origin for emit_* in store and finish: the run's tenant, actor and trace. */
struct event_origin run_origin(const struct run *run);

/*
 * One page on its way. All memory of a page comes from `arena`, which is reset when the page is
 * stored or given up; the engine copies the checkpoint.
 */
struct run_page {
	/* given by the engine */
	struct arena *arena;
	const struct run *run;
	void *session;          /* what `open` made */
	const char *checkpoint; /* as last written, NUL-terminated; NULL: the run begins */
	size_t checkpoint_len;
	int attempt; /* failures of this very fetch so far: ask for less, if that helps */

	/* set by fetch */
	void *data;                  /* for store: what was fetched, in `arena` */
	const char *next_checkpoint; /* written with the page; NULL keeps the old one */
	size_t next_checkpoint_len;
	bool last;    /* nothing follows: the run is all fetched */
	bool skipped; /* a step without a page (moving on to the next account): `pages` stays */
	int64_t progress, expected; /* absolute, same unit (rows, days); expected 0: unknown */

	/* set by store */
	uint32_t rows;   /* rows stored */
	uint32_t events; /* events emitted that SyncFinished.pages counts */
};

/*
 * What a service plugs in. `app` is the pointer of runs_config. The functions run on runner
 * threads, for different runs at the same time; calls for one run never overlap.
 *
 * Outcomes of open, fetch, store and finish:
 *
 * - ST_LIMITED, ST_UPSTREAM, ST_UNAVAILABLE, ST_TIMEOUT: tried again with back-off, at most
 *   RUNS_FAILURES_MAX times in a row (err->retry_after_s, to be set after error_set, is respected
 * up to 5 minutes). Meanwhile the run's note reads "<err->detail>, trying again in 8 s". So is
 * ST_CONFLICT from store and finish: the transaction clashed with another.
 *
 * - ST_CANCELLED, as runs_wait returned it: the process shuts down, another will take the run over.
 *
 * - Anything else but ST_OK: the run fails at once, err->detail is its error.
 *
 * err->detail is shown to people: a phrase without full stop such as "Shopify answers 429". It
 * holds no token, no URL and no row values.
 */
struct ingest_spec {
	/*
	 * Once per claim (at the start, after a take-over): loads connections, unseals tokens,
	 * checks that there is something to sync. `ret` becomes page->session. Both may be NULL.
	 */
	enum status (*open)(void *app, const struct run *run, void **ret, struct error *err);
	void (*close)(void *app, void *session);
	/*
	 * Asks the provider for the page after page->checkpoint. No transaction is open. Ends
	 * within RUNS_FETCH_MAX_S, waits of runs_wait not counted.
	 */
	enum status (*fetch)(void *app, struct run_page *page, struct error *err);
	/*
	 * Writes page->data and emits its events in `tx` (open; scope: the run's tenant and brand).
	 * Never commits, never asks the network. Called again with the same page when the
	 * transaction failed.
	 */
	enum status (*store)(void *app, struct run_page *page, struct db_tx *tx, struct error *err);
	/*
	 * In the transaction of the last page, after its store: emits sync.finished with pages =
	 * run->events (the last page's are in it), notes how far the data reach. The engine sets
	 * the state to projecting in the same transaction.
	 */
	enum status (*finish)(void *app, struct run_page *page, const struct run *run,
			      struct db_tx *tx, struct error *err);
	/*
	 * In the transaction that marks the run failed: e.g. sets the connection to "reconnect"
	 * when why->status is ST_UNAUTHENTICATED. `session` is NULL when open failed. May be NULL.
	 */
	enum status (*failed)(void *app, const struct run *run, void *session, struct db_tx *tx,
			      const struct error *why, struct error *err);
};

/* Texts and pools must outlive the engine. */
struct runs_config {
	const struct ingest_spec *spec;
	void *app;
	struct db *db;               /* as <svc>_app, with runs_statements in its tables */
	struct db *worker;           /* as <svc>_worker, with runs_worker_statements */
	const char *worker_conninfo; /* for the session that holds this process's lock */
	const char *schema;          /* "ingest_shopify" */
	int runners;                 /* 1 to RUNS_RUNNERS_MAX runs at a time */
	int poll_ms, lease_ms;       /* 0: RUNS_POLL_MS, RUNS_LEASE_MS */
	int retry_cap_ms;            /* 0: none; tests shorten the waits between tries */
};

/* The SQL of the engine, to be listed in the statement tables of the two pools. */
extern const struct db_stmt runs_statements[];
extern const struct db_stmt runs_worker_statements[];
/* The table sync_runs, to be listed in the service's migration sets before its own. */
extern const struct db_migration ingest_migrations[];
#define RUNS_MIGRATION_SET                  \
	{                                   \
		"ingest", ingest_migrations \
	}

/*
 * Starts the threads: heartbeat and runners. ST_UNAVAILABLE when the database cannot be reached.
 * Logs "sync.*" events like the runtime does; services need not.
 */
enum status runs_open(struct runs **ret, const struct runs_config *cfg, struct error *err) MUST_USE;
/*
 * Cancels waits, lets a page being stored commit, hands running runs back (checkpoint kept; another
 * replica claims them at once) and joins all threads. A fetch under way is waited for: it is
 * bounded by its own time-outs. Accepts NULL.
 */
void runs_close(struct runs *r);

struct runs_stats {
	uint64_t looks; /* for a run to claim */
	uint64_t claimed, taken_over, pages, rows, retries, finished, failed, lost;
	uint32_t active;
};
void runs_stats(const struct runs *r, struct runs_stats *out);

/* ---- for handlers and consumers ---- */

/*
 * Starts a run, or answers with the one under way: queued, running, or projecting for less than
 * RUNS_PROJECTING_WAIT_S. `tx` must be open (call_begin) in the caller's scope; that the brand
 * exists is the caller's business. A new run resumes from the checkpoint of the latest run of the
 * brand and platform if that failed, unless `full`. This process's runners are woken after commit.
 * `is_new` may be NULL. ST_INVALID for a malformed brand id or platform word.
 */
enum status runs_start(struct runs *r, struct db_tx *tx, const struct event_origin *origin,
		       const char *brand_id, const char *platform, bool full,
		       char ret_run_id[UUID_TEXT], bool *is_new, struct error *err) MUST_USE;

/* What GET /api/sync/... shows: the fields of pulsepoint.SyncRun. */
struct run_view {
	char run_id[UUID_TEXT], brand_id[UUID_TEXT], platform[RUNS_PLATFORM_TEXT];
	enum run_state state;
	uint32_t rows, pages, percent, retries;
	char error[ERROR_DETAIL_MAX], note[RUNS_NOTE_MAX];
	int64_t created_at, started_at, finished_at; /* us; 0: not yet */
};
/*
 * One round trip on `tx` (queued, empty; call_tx). ST_NOT_FOUND when its scope holds no such run or
 * the run is of another platform (`platform` NULL: any).
 */
enum status runs_get(struct db_tx *tx, const char *platform, const char *run_id,
		     int64_t deadline_mono_us, struct run_view *ret, struct error *err) MUST_USE;
/* The lower-case word of a state, as in SyncState and in the column. */
const char *run_state_name(enum run_state s);

/*
 * The reports contain everything of these runs (event attribution.updated): projecting -> done.
 * `tx` is the event batch's. Ids that are not ours or not projecting are skipped, so it may be
 * repeated. At most RUNS_PROJECTED_MAX ids.
 */
enum status runs_projected(struct db_tx *tx, struct arena *a, const char *const *run_ids, size_t n,
			   struct error *err) MUST_USE;

/* ---- for ingest_spec functions ---- */

/*
 * Waits (the provider's bucket fills, a report is made ready) while the run's note says what for:
 * "Shopify's query budget refills". The note is written only for waits of a second or more.
 * ST_CANCELLED when the process shuts down or lost the run. At most RUNS_WAIT_MAX_S at a time.
 */
enum status runs_wait(const struct run *run, int64_t us, const char *note) MUST_USE;
/* Becomes true when the process shuts down or lost the run: give up with ST_CANCELLED. For
 * http_request.cancel. */
const atomic_bool *runs_cancelled(const struct run *run);

#endif
