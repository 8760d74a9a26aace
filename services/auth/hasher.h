/*
 * Argon2id with OWASP's parameters (Password Storage Cheat Sheet: m = 19456 KiB, t = 2, p = 1), as
 * many at a time as there are cores: more would only take memory and slow each other down.
 */
#ifndef AUTH_HASHER_H
#define AUTH_HASHER_H

#include "core/status.h"

#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>

#define HASHER_MEMORY_BYTES ((size_t)19456 * 1024)
#define HASHER_PASSES       2
/* Waiting logins hold a request thread each; AUTH_WORKERS of main.c leaves as many for everybody
 * else. */
#define HASHER_WAITING_MAX 32

struct hasher {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	int slots, busy, waiting;              /* under lock */
	char stranger[crypto_pwhash_STRBYTES]; /* a hash that no password matches, for unknown
						  addresses */
};

enum status hasher_init(struct hasher *h, struct error *err) MUST_USE;
void hasher_done(struct hasher *h);

/*
 * Takes a slot, to be given back with hasher_leave. ST_UNAVAILABLE when HASHER_WAITING_MAX wait
 * already, ST_TIMEOUT at the monotonic deadline. `waited` (may be NULL) tells that what was read
 * before may be old.
 */
enum status hasher_enter(struct hasher *h, int64_t deadline_us, bool *waited,
			 struct error *err) MUST_USE;
void hasher_leave(struct hasher *h);

/* Only between hasher_enter and hasher_leave; each takes some 20 to 50 ms. */
enum status hasher_make(const char *password, char out[crypto_pwhash_STRBYTES],
			struct error *err) MUST_USE;
bool hasher_matches(const char *hash, const char *password);

#endif
