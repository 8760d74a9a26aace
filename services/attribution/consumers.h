/* What the consumers share: batches by brand, checks of what came, the progress of runs. Read next:
 * consumers.c. */
#ifndef ATTRIBUTION_CONSUMERS_H
#define ATTRIBUTION_CONSUMERS_H

#include "service.h"
#include "store.h"

#include "svc/events.h"

/* One event of a batch and the brand it is about. */
struct brand_event {
	const char *brand_id;
	size_t i; /* of the message in its batch */
};

/* Applies n >= 1 events of one brand, oldest first. `in` are the batch's messages. */
typedef enum status brand_events_fn(struct event_batch *batch, const struct brand_tx *b,
				    const void *in, const struct brand_event *events, size_t n);

/*
 * Calls `fn` once per brand of the batch, in the order of the brands' ids (and so of their locks).
 * `brand_ids[i]` is what message i says. A conflict in the database becomes ST_UNAVAILABLE: two
 * consumers met, and one of them tries again.
 */
enum status for_each_brand(struct event_batch *batch, const void *in, const char *const *brand_ids,
			   size_t n, brand_events_fn *fn) MUST_USE;

/*
 * Notes the steps of the brand's runs and tells of each run that is complete. `steps` in any order,
 * a run may stand in several; those without a run id are left out.
 */
enum status step_runs(struct event_batch *batch, const struct brand_tx *b, struct run_step *steps,
		      size_t n) MUST_USE;

/* What is wrong with a row; reason NULL: nothing. */
struct fault {
	const char *field, *reason;
};
/* Fills err with the place of the fault ("rows[3].gross") and returns ST_INVALID: the event goes to
 * the dead letters. */
enum status bad_row(struct event_batch *batch, size_t row, struct fault f);
/* Non-empty, at most ID_MAX bytes. */
bool id_fits(const char *id);

/* "meta" ... of the contract's enum; AD_NONE for a number it does not know. */
enum ad_platform platform_of(int contract_platform);

#define CONSUMER(name, type) \
	enum status name(struct event_batch *batch, const type *const *in, size_t n)

CONSUMER(consume_orders, Shopify__V1__OrdersUpserted) MUST_USE;
CONSUMER(consume_spend, Ads__V1__AdResultsUpserted) MUST_USE;
CONSUMER(consume_campaigns, Ads__V1__CampaignsUpserted) MUST_USE;

#endif
