/* See bell.h. */
#include "bell.h"

#include "core/timeutil.h"

#define NS_PER_SECOND INT64_C(1000000000)

void bell_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

void bell_deadline(int64_t us, struct timespec *ret)
{
	clock_gettime(CLOCK_MONOTONIC, ret);
	ret->tv_nsec += (long)(us % US_PER_SECOND * 1000);
	ret->tv_sec += us / US_PER_SECOND + ret->tv_nsec / NS_PER_SECOND;
	ret->tv_nsec %= NS_PER_SECOND;
}

void bell_init(struct bell *b)
{
	*b = (struct bell){ 0 };
	pthread_mutex_init(&b->lock, NULL);
	bell_cond_init(&b->cond);
}

void bell_done(struct bell *b)
{
	pthread_cond_destroy(&b->cond);
	pthread_mutex_destroy(&b->lock);
}

void bell_ring(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	b->rung = true;
	pthread_cond_signal(&b->cond);
	pthread_mutex_unlock(&b->lock);
}

void bell_end(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	b->ended = true;
	pthread_cond_broadcast(&b->cond);
	pthread_mutex_unlock(&b->lock);
}

bool bell_ended(struct bell *b)
{
	bool ret;

	pthread_mutex_lock(&b->lock);
	ret = b->ended;
	pthread_mutex_unlock(&b->lock);
	return ret;
}

bool bell_wait(struct bell *b, int64_t us)
{
	struct timespec until;
	bool ret;

	bell_deadline(us, &until);
	pthread_mutex_lock(&b->lock);
	while (!b->rung && !b->ended)
		if (pthread_cond_timedwait(&b->cond, &b->lock, &until) != 0)
			break;
	b->rung = false;
	ret = !b->ended;
	pthread_mutex_unlock(&b->lock);
	return ret;
}
