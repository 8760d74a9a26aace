/*
 * Deliveries of notices as rows, and the leases of the channels they go to. Read next:
 * store_deliveries.c, deliver.c.
 */
#ifndef OBSERVABILITY_STORE_DELIVERIES_H
#define OBSERVABILITY_STORE_DELIVERIES_H

#include "alert.h"
#include "deliver.h"

#include "svc/call.h"

extern const struct db_stmt delivery_statements[];
extern const struct db_stmt delivery_worker_statements[];

/* One for each change and each channel that wants its severity. Under the tenant's lock. */
enum status store_deliveries_add(const struct tenant_tx *t, const struct alert_change *changes,
				 size_t n) MUST_USE;

/*
 * As the worker: takes the lease of a channel with work, the one that waits longest; `*got` false:
 * there is none. `healthy`: only one that answered last time, and soon. None of the tenants
 * in `full`. `lease` is a fresh id.
 */
enum status store_channel_claim(struct db *worker, struct arena *a, bool healthy,
				const char *const *full, size_t n_full, const char *lease,
				struct claim *ret, bool *got, struct error *err) MUST_USE;
/* What is to be sent now, in the order of the changes; a rule's later change waits for its earlier
 * ones. Also the channel's address and sealed secret ("" when it was deleted). */
enum status store_claim_batch(struct db *db, struct arena *a, const struct claim *c, int limit,
			      const char **url, const char **secret, struct delivery **ret,
			      size_t *n, struct error *err) MUST_USE;
/* Writes what came of an attempt, and lengthens the lease; `*kept` false: it is another's by now.
 */
enum status store_attempt(struct db *db, struct arena *a, const struct claim *c,
			  const struct delivery *d, const struct attempt *result, bool *kept,
			  struct error *err) MUST_USE;
/* Gives the lease back and notes when the channel has work again. */
enum status store_channel_release(struct db *db, struct arena *a, const struct claim *c,
				  struct error *err) MUST_USE;

/* The log, newest first, behind (seq, channel) of the page before; seq 0: the newest. */
struct delivery_filter {
	const char *alert_id; /* NULL: all */
	int state;            /* 0: all */
	int64_t before_seq;
	const char *before_channel;
	int64_t limit;
};
enum status store_deliveries(struct call *call, const struct delivery_filter *f,
			     struct delivery **ret, size_t *n) MUST_USE;

#endif
