/* The arithmetic of latency histograms. Read next: histogram.h, test/run_histogram.c. */
#include "histogram.h"

#define LINEAR (1u << HISTOGRAM_LINEAR_BITS)

uint32_t histogram_bucket(uint32_t us)
{
	uint32_t power;

	if (us < LINEAR)
		return us;
	/* The value's 7 leading bits say where in its power of two it lies: 64 to 127. */
	power = 31 - (uint32_t)__builtin_clz(us) - HISTOGRAM_LINEAR_BITS;
	return (power << HISTOGRAM_LINEAR_BITS) + (us >> power);
}

uint32_t histogram_middle(uint32_t bucket)
{
	uint32_t power;

	if (bucket < 2 * LINEAR)
		return bucket; /* a bucket of one value */
	if (bucket >= HISTOGRAM_BUCKETS)
		bucket = HISTOGRAM_BUCKETS - 1;
	power = (bucket >> HISTOGRAM_LINEAR_BITS) - 1;
	return ((bucket - (power << HISTOGRAM_LINEAR_BITS)) << power) + (1u << (power - 1));
}

void histogram_add(struct histogram *h, uint32_t us)
{
	h->counts[histogram_bucket(us)]++;
	h->total++;
	histogram_max(h, us);
}

void histogram_add_bucket(struct histogram *h, uint64_t bucket, uint64_t n)
{
	if (bucket >= HISTOGRAM_BUCKETS)
		return;
	h->counts[bucket] += n;
	h->total += n;
}

void histogram_max(struct histogram *h, uint32_t max_us)
{
	if (max_us > h->max_us)
		h->max_us = max_us;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++)
		into->counts[b] += from->counts[b];
	into->total += from->total;
	histogram_max(into, from->max_us);
}

uint32_t histogram_percentile(const struct histogram *h, uint32_t per_mille)
{
	/* total * per_mille / 1000 without overflow, rounded up. */
	uint64_t rank = h->total / 1000 * per_mille + (h->total % 1000 * per_mille + 999) / 1000;
	uint64_t seen = 0;

	if (h->total == 0)
		return 0;
	if (rank == 0)
		rank = 1;
	for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
		seen += h->counts[b];
		if (seen >= rank) {
			uint32_t us = histogram_middle(b);

			return us < h->max_us ? us : h->max_us;
		}
	}
	return h->max_us;
}
