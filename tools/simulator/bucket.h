/* A leaky bucket on the real monotonic clock: points come back at a steady rate up to a maximum.
 * Thread-safe. */
#ifndef SIM_BUCKET_H
#define SIM_BUCKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct bucket {
	pthread_mutex_t lock;
	int64_t max, per_s; /* points */
	int64_t micro;      /* what is there, in millionths of a point */
	int64_t at_us;      /* monotonic time of `micro` */
};

void bucket_init(struct bucket *b, int64_t max, int64_t per_s);
void bucket_done(struct bucket *b);
/* Takes `points` if they are there. `ret_left`: whole points left (or there, when refused). */
bool bucket_take(struct bucket *b, int64_t points, int64_t *ret_left);
/* Gives points back; returns what is there then. */
int64_t bucket_give(struct bucket *b, int64_t points);

#endif
