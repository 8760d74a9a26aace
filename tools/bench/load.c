/* Threads that call as fast as they are answered, and how long each call took. */
#include "bench.h"

#include "core/timeutil.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WARM_UP_US  US_PER_SECOND
#define FINE_US     100000 /* buckets of a microsecond up to here, then of COARSE_US */
#define COARSE_US   100
#define BUCKETS     200000 /* up to ten seconds; the last one takes all that is slower */
#define US_PER_MS_F 1000.0

struct caller {
	pthread_t thread;
	const struct load *load;
	int number;
	int64_t from_us, until_us;
	uint32_t *buckets;
	uint64_t done, errors;
	int64_t max_us;
};

static size_t bucket_of(int64_t us)
{
	int64_t b = us < FINE_US ? us : FINE_US + (us - FINE_US) / COARSE_US;

	return (size_t)(b < BUCKETS ? b : BUCKETS - 1);
}

static int64_t us_of(int64_t bucket)
{
	return bucket < FINE_US ? bucket : FINE_US + (bucket - FINE_US) * COARSE_US;
}

static void *call_again(void *arg)
{
	struct caller *c = arg;
	int64_t now = time_mono_us(), start;

	while (now < c->until_us) {
		bool good;
		int64_t took;

		start = now;
		good = c->load->once(c->load->arg, c->number);
		now = time_mono_us();
		took = now - start;
		/* Errors count from the first call on: none is wanted in the warm-up either. */
		c->errors += !good;
		if (!good || start < c->from_us)
			continue;
		c->done++;
		c->buckets[bucket_of(took)]++;
		if (took > c->max_us)
			c->max_us = took;
	}
	return NULL;
}

/* What the given share of all calls did not take longer than. */
static int64_t percentile(const struct caller *c, int n, uint64_t done, double share)
{
	uint64_t seen = 0, want = (uint64_t)((double)done * share);

	for (int64_t b = 0; b < BUCKETS; b++) {
		for (int i = 0; i < n; i++)
			seen += c[i].buckets[b];
		if (seen > want)
			return us_of(b);
	}
	return us_of(BUCKETS);
}

static void sum_up(const struct caller *c, const struct load *l, struct load_result *ret)
{
	*ret = (struct load_result){ 0 };
	for (int i = 0; i < l->callers; i++) {
		ret->done += c[i].done;
		ret->errors += c[i].errors;
		if (c[i].max_us > ret->max_us)
			ret->max_us = c[i].max_us;
	}
	ret->per_second = (double)ret->done / (double)l->seconds;
	ret->p50_us = percentile(c, l->callers, ret->done, 0.50);
	ret->p99_us = percentile(c, l->callers, ret->done, 0.99);
}

static bool start_callers(struct caller *c, const struct load *l, int *started)
{
	int64_t from = time_mono_us() + WARM_UP_US;

	for (*started = 0; *started < l->callers; (*started)++) {
		struct caller *me = &c[*started];

		*me = (struct caller){ .load = l, .number = *started, .from_us = from };
		me->until_us = from + l->seconds * US_PER_SECOND;
		me->buckets = calloc(BUCKETS, sizeof(*me->buckets));
		if (!me->buckets || pthread_create(&me->thread, NULL, call_again, me) != 0) {
			free(me->buckets);
			return false;
		}
	}
	return true;
}

bool load_run(const struct load *l, struct load_result *ret)
{
	struct caller *c = calloc((size_t)l->callers, sizeof(*c));
	int started = 0;
	bool all = c && start_callers(c, l, &started);

	for (int i = 0; i < started; i++)
		pthread_join(c[i].thread, NULL);
	if (all)
		sum_up(c, l, ret);
	for (int i = 0; i < started; i++)
		free(c[i].buckets);
	free(c);
	return all;
}

void load_print(const struct load_result *r)
{
	printf("RESULT %.0f %.3f %.3f %llu\n", r->per_second, (double)r->p50_us / US_PER_MS_F,
	       (double)r->p99_us / US_PER_MS_F, (unsigned long long)r->errors);
}
