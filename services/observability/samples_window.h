/*
 * Slots of time and the windows that rules see through them. Pure; inside of samples.c,
 * store_samples.c and the rules only. Read next: samples.h, which says how slots are kept.
 */
#ifndef OBSERVABILITY_SAMPLES_WINDOW_H
#define OBSERVABILITY_SAMPLES_WINDOW_H

#include <stdint.h>

/* What one row sums up: n samples and an amount. */
enum slot_kind {
	SLOT_REQUESTS = 1, /* amount: those that failed */
	SLOT_LATENCY = 2,  /* by bucket of histogram.h; amount: 0 */
	SLOT_COST = 3,     /* amount: nano-dollars */
	SLOT_ANSWERS = 4,  /* a row for each answer, not for each slot; amount: the good ones */
};

#define SLOT_TIERS 3
struct slot_tier {
	int64_t slot_s;   /* length of a slot */
	int64_t window_s; /* longest window counted in it */
	int64_t keep_s;
};
extern const struct slot_tier slot_tiers[SLOT_TIERS];

/* Where a window of that length begins at `now_us`: a tier, and the first slot in seconds since
 * 1970. */
struct window {
	int tier;
	int64_t since_s;
};
struct window window_at(int64_t window_s, int64_t now_us);
/* When that slot leaves such a window. */
int64_t window_edge_us(int64_t window_s, int64_t slot);

/* What a window holds. */
struct window_sums {
	int64_t n, amount;
	int64_t percentile[3]; /* 50, 95, 99; microseconds; of SLOT_LATENCY */
	int64_t edge_us;       /* when its oldest slot leaves it */
};

#endif
