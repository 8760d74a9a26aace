/* Alerts and their changes as rows. Read next: store_alerts.c, evaluate.c, watch.c. */
#ifndef OBSERVABILITY_STORE_ALERTS_H
#define OBSERVABILITY_STORE_ALERTS_H

#include "alert.h"

#include "svc/call.h"

extern const struct db_stmt alert_statements[];
extern const struct db_stmt alert_worker_statements[];

/* Adds the alerts of changes that fired; for those that resolved, writes when and why and fills in
 * the rest of the alert. Then the changes themselves. Under the tenant's lock. */
enum status store_alerts_change(const struct tenant_tx *t, struct alert_change *changes,
				size_t n) MUST_USE;

/* Alerts, newest first; `state` CHANGE_NONE: all, else standing or resolved ones. `before`: the
 * fired_seq to begin behind; 0: the newest. */
enum status store_alerts(struct call *call, enum change state, int64_t before, int64_t limit,
			 struct alert **ret, size_t *n) MUST_USE;
/* The alerts that stand, in the order they fired, and the number of the latest change of that very
 * moment. */
enum status store_alerts_standing(struct call *call, struct alert **ret, size_t *n,
				  int64_t *seq) MUST_USE;
/* Changes behind number `after`, at most `limit`, in their order; no bodies. */
enum status store_changes(struct call *call, int64_t after, int64_t limit,
			  struct alert_change **ret, size_t *n) MUST_USE;
/* The number of the caller's tenant's latest change; 0: none yet. */
enum status store_latest_change(struct call *call, int64_t *ret) MUST_USE;

/* As the worker: the latest change of each of these tenants, in their order; 0: none. */
enum status store_latest_changes(struct db *worker, struct arena *a, const char *const *tenants,
				 size_t n, int64_t *ret, struct error *err) MUST_USE;
/* As the worker: forgets alerts and deliveries that are old, some thousands at a time. */
enum status store_alerts_forget(struct db *worker, struct arena *a, bool *more,
				struct error *err) MUST_USE;

#endif
