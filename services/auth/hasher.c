/* See hasher.h. */
#include "hasher.h"

#include "core/id.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STRANGER_BYTES 32
#define RETRY_AFTER_S  1

enum status hasher_make(const char *password, char out[crypto_pwhash_STRBYTES], struct error *err)
{
	if (crypto_pwhash_str(out, password, strlen(password), HASHER_PASSES,
			      HASHER_MEMORY_BYTES) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL,
				 "there is no memory to hash a password");
	return ST_OK;
}

bool hasher_matches(const char *hash, const char *password)
{
	return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

static bool sync_init(struct hasher *h)
{
	pthread_condattr_t attr;
	bool good;

	if (pthread_mutex_init(&h->lock, NULL) != 0 || pthread_condattr_init(&attr) != 0)
		return false;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	good = pthread_cond_init(&h->freed, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return good;
}

enum status hasher_init(struct hasher *h, struct error *err)
{
	char random[2 * STRANGER_BYTES + 1];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	enum status st;

	h->slots = cores > 0 ? (int)cores : 1;
	h->busy = h->waiting = 0;
	if (sodium_init() < 0 || !sync_init(h))
		return error_set(err, ST_UNAVAILABLE, NULL, "the password hasher cannot start");
	random_hex(random, STRANGER_BYTES);
	st = hasher_make(random, h->stranger, err);
	sodium_memzero(random, sizeof(random));
	return st;
}

void hasher_done(struct hasher *h)
{
	if (h->slots == 0)
		return;
	pthread_cond_destroy(&h->freed);
	pthread_mutex_destroy(&h->lock);
	h->slots = 0;
}

/* Under the lock. */
static enum status wait_for_slot(struct hasher *h, int64_t deadline_us, struct error *err)
{
	struct timespec until = { .tv_sec = (time_t)(deadline_us / 1000000),
				  .tv_nsec = (long)(deadline_us % 1000000) * 1000 };
	int rc = 0;

	h->waiting++;
	while (h->busy >= h->slots && rc == 0)
		rc = pthread_cond_timedwait(&h->freed, &h->lock, &until);
	h->waiting--;
	if (h->busy < h->slots)
		return ST_OK;
	return error_set(err, ST_TIMEOUT, NULL, "too many logins at once; try again");
}

enum status hasher_enter(struct hasher *h, int64_t deadline_us, bool *waited, struct error *err)
{
	enum status st = ST_OK;
	bool full;

	pthread_mutex_lock(&h->lock);
	full = h->busy >= h->slots;
	if (full && h->waiting >= HASHER_WAITING_MAX) {
		st = error_set(err, ST_UNAVAILABLE, NULL, "too many logins at once; try again");
		if (err)
			err->retry_after_s = RETRY_AFTER_S;
	} else if (full) {
		st = wait_for_slot(h, deadline_us, err);
	}
	if (st == ST_OK)
		h->busy++;
	pthread_mutex_unlock(&h->lock);
	if (waited)
		*waited = full;
	return st;
}

void hasher_leave(struct hasher *h)
{
	pthread_mutex_lock(&h->lock);
	h->busy--;
	pthread_cond_signal(&h->freed);
	pthread_mutex_unlock(&h->lock);
}
