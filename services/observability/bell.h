/*
 * What a thread of this service waits at: until somebody rings, for a while, or to the end. Times
 * are of the monotonic clock, so that nobody who sets the other one keeps a thread waiting. Read
 * next: bell.c, alerts.c, deliver.c, watch.c.
 */
#ifndef OBSERVABILITY_BELL_H
#define OBSERVABILITY_BELL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool rung, ended; /* under the lock */
};

void bell_init(struct bell *b);
void bell_done(struct bell *b);
/* Ends one wait: of who waits now, else the next. */
void bell_ring(struct bell *b);
/* Ends all waits, from now on. */
void bell_end(struct bell *b);
bool bell_ended(struct bell *b);
/* Waits until it is rung, at most so long; false when it has ended. */
bool bell_wait(struct bell *b, int64_t us);

/* For conditions of other kinds: one of the same clock, and a time on it. */
void bell_cond_init(pthread_cond_t *cond);
void bell_deadline(int64_t us, struct timespec *ret);

#endif
