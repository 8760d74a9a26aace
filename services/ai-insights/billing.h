/*
 * What we ask token-billing, in plain values. Read next: settle.h (when it is asked),
 * handlers_billing.c.
 */
#ifndef INSIGHTS_BILLING_H
#define INSIGHTS_BILLING_H

#include "store.h"
#include "svc/call.h"

struct settlement {
	int64_t cost_nano;
	bool unpriced; /* cost_nano then says nothing */
};

/* ST_LIMITED when a hard budget would be crossed. With the call's token. */
enum status billing_reserve(struct call *call, const struct model_call *c,
			    const struct tokens *estimate) MUST_USE;
/* Settling again gives the same. */
enum status billing_settle(struct call *call, const struct model_call *c,
			   struct settlement *ret) MUST_USE;
/* A token for work that no asker waits for; in the call's arena. */
enum status billing_grant(struct call *call, const char *tenant_id, const char **ret) MUST_USE;

#endif
