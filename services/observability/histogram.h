/*
 * Latency as a log-linear histogram: exact below 128 us, then 64 buckets of equal width in every
 * power of two, up to 2^32 us. A percentile is told as the middle of its bucket, so it is at most
 * HISTOGRAM_ERROR off (half a bucket's width over its lower end); the largest value is kept
 * exactly. Histograms add up: merging in any order gives the histogram of the whole. Pure.
 */
#ifndef OBSERVABILITY_HISTOGRAM_H
#define OBSERVABILITY_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_LINEAR_BITS 6 /* 2^6 buckets in a power of two */
#define HISTOGRAM_BUCKETS     ((32 - HISTOGRAM_LINEAR_BITS + 1) << HISTOGRAM_LINEAR_BITS) /* 1,728 */
/* 1/128 as a decimal of 7 digits: 0.0078125. */
#define HISTOGRAM_ERROR_UNITS 78125
#define HISTOGRAM_ERROR_SCALE 7

struct histogram {
	uint64_t total;
	uint32_t max_us; /* exact */
	uint64_t counts[HISTOGRAM_BUCKETS];
};

/* The bucket of a value, 0 to HISTOGRAM_BUCKETS - 1; grows with the value. */
uint32_t histogram_bucket(uint32_t us);
/* The value that stands for a bucket: its middle. */
uint32_t histogram_middle(uint32_t bucket);

void histogram_add(struct histogram *h, uint32_t us);
/* n values of one bucket, as they are stored. Buckets that do not exist are left out. The largest
 * value is not known from a bucket: histogram_max. */
void histogram_add_bucket(struct histogram *h, uint64_t bucket, uint64_t n);
void histogram_max(struct histogram *h, uint32_t max_us);
void histogram_merge(struct histogram *into, const struct histogram *from);
/*
 * The value below or at which `per_mille` of 1,000 values lie (nearest rank: the value with rank
 * ceil(total * per_mille / 1000)), never above the largest; 0 without values.
 */
uint32_t histogram_percentile(const struct histogram *h, uint32_t per_mille);

#endif
