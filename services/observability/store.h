/*
 * What the stores share: an open transaction of one tenant, and queued ones in a limit of time.
 * Read next: store_rules.h, which has the lock that orders a tenant's changes.
 */
#ifndef OBSERVABILITY_STORE_H
#define OBSERVABILITY_STORE_H

#include "core/arena.h"
#include "core/status.h"
#include "db/db.h"

struct call;

#define STORE_LIMIT_S 10 /* for what runs by itself, not for a caller with a deadline */

/* An open transaction of one tenant. Memory is the arena's. */
struct tenant_tx {
	struct db_tx *tx;
	struct arena *arena;
	struct error *err;
	const char *tenant_id;
};
/* Begins one in the caller's scope. `*tx` is the caller's to commit and to free. */
enum status tenant_begin(struct call *call, struct db_tx **tx, struct tenant_tx *ret) MUST_USE;
/* Starts arguments with the tenant. */
void tenant_args(struct db_args *args, const struct tenant_tx *t);
/* A statement with no argument but the tenant; `r` (may be NULL) gets the number of its result. */
enum status tenant_ask(const struct tenant_tx *t, const char *stmt, int *r) MUST_USE;
enum status tenant_no_memory(const struct tenant_tx *t);

/* Runs what is queued, within STORE_LIMIT_S. */
enum status store_run(struct db_tx *tx, struct error *err) MUST_USE;
/* One statement as the worker, within STORE_LIMIT_S; `*ret` is the caller's to free. */
enum status store_ask_worker(struct db *worker, const char *stmt, const struct db_args *args,
			     struct db_tx **ret, struct error *err) MUST_USE;
enum status store_no_memory(struct error *err);

#endif
