/*
 * Which touch earned how much of an order: the attribution models, as pure functions. Read next:
 * credit.c, channel.h (what a touch is called), docs of the figures in README.md.
 *
 * Amounts are micros of the order's currency, orders are micro-orders (1,000,000 is one order).
 * Under every model the credits of an order add up to its net, its gross and 1,000,000 exactly.
 */
#ifndef ATTRIBUTION_CREDIT_H
#define ATTRIBUTION_CREDIT_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

#define CREDIT_WINDOW_DAYS 28 /* unless the question says otherwise */
#define CREDIT_WINDOW_MIN  1
#define CREDIT_WINDOW_MAX  90
#define CREDIT_ONE_ORDER   INT64_C(1000000)
#define CREDIT_KIND_NONE   0    /* the "kind" of an order without a counting touch */
#define CREDIT_TOUCHES_MAX 1000 /* of one order; the contract's limit for its journey */

/* The numbers are those of attribution.v1.Model and stand in the table of roll-ups. */
enum credit_model {
	CREDIT_LAST_TOUCH = 1,
	CREDIT_LINEAR = 2,
};
#define CREDIT_MODELS 2
extern const enum credit_model credit_models[CREDIT_MODELS];

struct touch {
	int64_t occurred_us;
	int64_t kind;     /* what it was, see store_kinds.c */
	int32_t position; /* orders touches of the same time */
};

struct credit_order {
	int64_t processed_us;
	int64_t net, gross;
	const struct touch *touches; /* sorted by touches_sort */
	size_t n_touches;
};

struct credit {
	int64_t kind;
	int32_t position; /* of the touch; 0 for unattributed */
	int64_t micro_orders, net, gross;
};

/* Sorts by time, then position. */
void touches_sort(struct touch *touches, size_t n);

/*
 * The touches that count: at or before processed_us and at most `window_us` before it. They stand
 * together in the sorted array: `*first` is the index of the first, the count is returned.
 */
size_t touches_counting(const struct credit_order *o, int64_t window_us, size_t *first);

/*
 * The credits of one order. `out` has room for max(n_touches, 1); `*n` gets how many were written,
 * at least 1: an order without a counting touch is one credit of kind CREDIT_KIND_NONE at position
 * 0. Fails only with ST_TOO_LARGE beyond CREDIT_TOUCHES_MAX touches.
 */
enum status credit_order(enum credit_model model, const struct credit_order *o, int64_t window_us,
			 struct credit *out, size_t *n) MUST_USE;

#endif
