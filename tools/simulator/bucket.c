/* See bucket.h. Read next: shopify.c. */
#include "bucket.h"

#include "core/timeutil.h"

#define MICRO INT64_C(1000000)

void bucket_init(struct bucket *b, int64_t max, int64_t per_s)
{
	pthread_mutex_init(&b->lock, NULL);
	b->max = max;
	b->per_s = per_s;
	b->micro = max * MICRO;
	b->at_us = time_mono_us();
}

void bucket_done(struct bucket *b)
{
	pthread_mutex_destroy(&b->lock);
}

/* Call with the lock held. */
static void refill(struct bucket *b)
{
	int64_t now = time_mono_us();

	b->micro += (now - b->at_us) * b->per_s;
	b->at_us = now;
	if (b->micro > b->max * MICRO)
		b->micro = b->max * MICRO;
}

bool bucket_take(struct bucket *b, int64_t points, int64_t *ret_left)
{
	bool ok;

	pthread_mutex_lock(&b->lock);
	refill(b);
	ok = b->micro >= points * MICRO;
	if (ok)
		b->micro -= points * MICRO;
	*ret_left = b->micro / MICRO;
	pthread_mutex_unlock(&b->lock);
	return ok;
}

int64_t bucket_give(struct bucket *b, int64_t points)
{
	int64_t left;

	pthread_mutex_lock(&b->lock);
	b->micro += points * MICRO;
	refill(b);
	left = b->micro / MICRO;
	pthread_mutex_unlock(&b->lock);
	return left;
}
