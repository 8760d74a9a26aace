/*
 * Sums of credits by model, day, kind and currency: what a page of orders changes in the roll-ups,
 * and what a window of its own earns. Pure. Read next: credit.h, project.c.
 */
#ifndef ATTRIBUTION_TALLY_H
#define ATTRIBUTION_TALLY_H

#include "credit.h"

#include "core/arena.h"
#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

#define TALLY_ROWS_MAX 1000000

struct tally_row {
	enum credit_model model;
	int32_t day;
	int64_t kind;
	const char *currency; /* the tally's own copy */
	int64_t micro_orders, net, gross;
};

struct tally {
	struct arena *arena;
	struct tally_row *rows;
	uint32_t *slots; /* 1 + index into rows; 0 is free */
	size_t n, cap;   /* cap rows, 2 * cap slots */
};

/* An empty tally whose memory is the arena's. */
void tally_init(struct tally *t, struct arena *a);

enum tally_sign { TALLY_ADD = 1, TALLY_TAKE_BACK = -1 };

/*
 * Adds the order's credits under `model` and `window_us` on `day`, or takes them back. ST_TOO_LARGE
 * when the tally, its arena or an amount is full.
 */
enum status tally_order(struct tally *t, enum tally_sign sign, enum credit_model model,
			int64_t window_us, int32_t day, const char *currency,
			const struct credit_order *o) MUST_USE;

/* Drops rows that add up to nothing and sorts the others by their key. The rows are in t->rows;
 * nothing may be added after. */
void tally_finish(struct tally *t);

#endif
