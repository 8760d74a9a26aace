/*
 * Pacing by Shopify's leaky bucket: a query's cost must be in the bucket before it is asked, and
 * points come back at a steady rate. We remember what the last answer said and wait before asking
 * when the bucket would not hold the query. Pure; times are monotonic microseconds.
 */
#ifndef SHOPIFY_PACE_H
#define SHOPIFY_PACE_H

#include "answer.h"

struct pace {
	bool known;
	int64_t available, maximum, restore, at_us;
};

/* Takes over what an answer said. Costs that are not known change nothing. */
void pace_note(struct pace *p, const struct query_cost *c, int64_t now_us);
/* How long to wait until a query of that cost fits; 0 when it fits, or nothing is known yet. A
 * query dearer than the whole bucket waits until that is full. */
int64_t pace_wait(const struct pace *p, int64_t cost, int64_t now_us);

#endif
