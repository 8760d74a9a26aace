/*
 * A service and a provider for the tests of libs/ingest: "things" that come in pages. The provider
 * keeps a log of what it was asked; what it shall do wrong is said per brand. The service stores
 * rows and events in tables of its own, so that the tests can count both.
 */
#ifndef COMPONENT_INGEST_FIXTURE_H
#define COMPONENT_INGEST_FIXTURE_H

#include "core/id.h"
#include "db/db.h"
#include "ingest/runs.h"
#include "testkit/testkit.h"

#include <pthread.h>
#include <stdatomic.h>

#define THINGS_PAGES_MAX 64
#define THINGS_WAIT_US   (INT64_C(60) * 1000 * 1000)
#define THINGS_LOOK_US   5000 /* between looks at a condition */

#define THINGS_SCHEMA "things"

/* A database with the roles of a service; roles are the cluster's, so the cluster is the test's
 * own. */
struct things_db {
	struct tk_db db;
	char app[TK_TEXT], worker[TK_TEXT]; /* connection strings */
};
void things_db_make(struct things_db *d, struct tk_pg *pg);
/* Another process's way to it: no superuser. */
void things_db_attach(struct things_db *d, const char *app, const char *worker);

/* What the provider does for a brand. */
struct things_plan {
	char tenant_id[UUID_TEXT], brand_id[UUID_TEXT];
	int pages, rows; /* pages in all; rows on each */
	/* A fault: page `bad_page` (from 0) ends `bad_times` times with this. */
	int bad_page, bad_times;
	enum status bad_status;
	const char *bad_words;
	int bad_retry_after_s;
	bool bad_open; /* the fault is in open instead */
	/* store of that page fails so often, after it has written its rows. */
	int store_page, store_times;
	enum status store_status;
	bool hook_fails; /* failed() itself fails */
	int hold_page;   /* fetch of this page waits for `go`; -1: none */
	/* Seen. */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	atomic_int asked[THINGS_PAGES_MAX]; /* how often each page was asked */
	bool held, go;                      /* lock */
	atomic_int opened, closed, stored, hooks, finished_events;
	enum status hook_status;
};
void things_plan_init(struct things_plan *p, const char *tenant_id, int pages, int rows);
/* Waits until the provider holds the page / lets it go. */
void things_plan_await_held(struct things_plan *p);
void things_plan_let_go(struct things_plan *p);

/* One engine with its pools. `plans` must outlive it. */
struct things {
	struct things_plan **plans;
	size_t n_plans;
	struct db *db, *worker;
	struct runs *runs;
};
struct things_options {
	int runners, poll_ms, lease_ms, retry_cap_ms;
};
void things_open(struct things *t, const struct things_db *d, struct things_plan **plans,
		 size_t n_plans, const struct things_options *o);
void things_close(struct things *t);
/* Only the pools: a process that answers requests. */
void things_open_pools(struct things *t, const struct things_db *d);

/* runs_start in a transaction of its own. */
enum status things_start(struct things *t, const struct things_plan *p, bool full,
			 char ret[UUID_TEXT], bool *is_new);
struct run_view things_get(struct things *t, const struct things_plan *p, const char *run_id);
/* Waits until the run is in the state; fails the test after a minute. */
struct run_view things_await(struct things *t, const struct things_plan *p, const char *run_id,
			     enum run_state state);
/* One number by SQL as the superuser. */
int64_t things_count(const struct things_db *d, const char *sql);
void things_sql(const struct things_db *d, const char *sql);

/* As things_count, of a text like printf's. */
int64_t things_countf(const struct things_db *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * What must hold of a run that was fetched whole: every row of the plan is there, each of the run's
 * pages told its event once, and one sync.finished came after them with their number.
 */
void things_assert_whole(const struct things_db *d, const struct things_plan *p, const char *run_id,
			 int events_of_this_run);
/* runs_projected in a transaction of its own, in the scope of the plan's tenant. */
enum status things_projected(struct things *t, const struct things_plan *p, const char *const *ids,
			     size_t n);
/* Waits until the engine has looked n times for a run to claim. */
void things_await_looks(struct things *t, uint64_t n);

#endif
