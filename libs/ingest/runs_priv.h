/*
 * The inside of the sync-run engine: runs.c (threads, leases), work.c (one run from claim to end),
 * runs_store.c (SQL). Nobody else includes this.
 */
#ifndef INGEST_RUNS_PRIV_H
#define INGEST_RUNS_PRIV_H

#include "ingest/runs.h"

#include <pthread.h>

#define RUNNER_MAGIC 0x52554e52u
#define RUNS_MAGIC   0x52554e53u

/* A run as claimed: what the service sees, and what the engine needs to drive it. */
struct claimed {
	struct run run;
	int64_t claim;    /* fencing: every write names it */
	int64_t step;     /* pages committed so far, by any process: every page names it too */
	bool was_owned;   /* taken over from a process that died or hung */
	int stalled;      /* take-overs since the last page */
	char *checkpoint; /* malloc, NUL-terminated; NULL: none */
	size_t checkpoint_len;
	int64_t progress, expected;
};
void runs__claimed_done(struct claimed *c);

/* One runner thread. `c.run` comes first: runs_wait finds the runner from the run. */
struct runner {
	struct claimed c;
	uint32_t magic;
	struct runs *r;
	pthread_t thread;
	atomic_bool cancel;       /* the process stops, or the run was lost */
	atomic_bool busy;         /* c is a run that this thread drives */
	atomic_llong alive_until; /* monotonic us; past it the lease is not renewed any more */
	struct arena *arena;      /* of one page */
	void *session;
	bool put_back; /* given up because the database is away: not failed, handed back */
};

struct runs {
	uint32_t magic;
	struct runs_config cfg;
	struct db *keeper;  /* the one session that holds the lock of this process */
	int64_t owner;      /* the key of that lock */
	atomic_bool locked; /* it is held: runs may be claimed */
	pthread_mutex_t lock;
	pthread_cond_t cond; /* broadcast: something to claim, or stop */
	bool stopping;       /* lock; the runners end */
	bool heart_stop;     /* lock; the heart ends, after them */
	int64_t next_poll;   /* lock; monotonic us */
	pthread_t heart;
	int n_runners; /* whose threads run */
	struct runner runners[RUNS_RUNNERS_MAX];
	struct {
		atomic_ulong looks, claimed, taken_over, pages, rows, retries, finished, failed,
			lost;
	} stats;
};

/* Waits until the monotonic time, the stop, or (runner given) its cancel. False when it was ended
 * early. */
bool runs__sleep(struct runs *r, const struct runner *me, int64_t until_us);
/* Looks for runs to claim at once; any thread. */
void runs__wake(void *r);
/* Drives the claimed run until it ends, is lost or the process stops. */
void runs__work(struct runner *me);

/* ---- SQL: runs_store.c ---- */

extern const struct db_stmt runs__keeper_statements[];
/* True when this process's session holds the lock (taken now, if need be). */
bool runs__store_lock(struct runs *r);
/* ST_NOT_FOUND when there is nothing to claim. */
enum status runs__store_claim(struct runs *r, struct claimed *ret, struct error *err);
/* Renews the leases of the given runs; `kept[i]` tells whether run i is still ours. */
enum status runs__store_renew(struct runs *r, const char *const *run_ids, const int64_t *claims,
			      size_t n, bool *kept, struct error *err);
enum status runs__store_release(struct runs *r, const struct claimed *c, struct error *err);
/* Deletes ended runs past their time. */
enum status runs__store_keep(struct runs *r, struct error *err);
/* The next ones: ST_CANCELLED when the run is no longer ours. */
enum status runs__store_note(struct runs *r, const struct claimed *c, const char *note,
			     struct error *err);
enum status runs__store_page(struct db_tx *tx, const struct claimed *c, const struct run_page *page,
			     const struct run *now, struct error *err);
enum status runs__store_failed(struct db_tx *tx, const struct claimed *c, const char *why,
			       struct error *err);

#endif
