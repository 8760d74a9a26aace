/*
 * Applies a page of orders: newer versions replace what is stored, and the roll-ups change by the
 * difference of their credits. Read next: tally.h, kinds.h, store_orders.c.
 */
#ifndef ATTRIBUTION_PROJECT_H
#define ATTRIBUTION_PROJECT_H

#include "links.h"
#include "store.h"

struct projected {
	size_t applied, stale; /* orders taken, and those already known as new or newer */
	size_t folded;         /* links that went to KINDS_REST */
};

/*
 * `orders` in any order, an order may stand in several versions; the kind of a touch is the number
 * of its link in `links`. The array is sorted and changed. Takes the brand's lock.
 */
enum status project_orders(const struct brand_tx *b, struct order_state *orders, size_t n,
			   const struct links *links, struct projected *ret) MUST_USE;

#endif
