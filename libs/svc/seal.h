/*
 * Secrets at rest: libsodium secretbox under a key derived per purpose from a ring of master keys.
 * The blob names its key, so the current key may change while retired ones still open what they
 * sealed.
 *
 * Key file (PP_SEAL_KEY_FILE, mode 0600): one key a line, "<id> <64 hex digits>", ids [a-z0-9_-];
 * the first line is current, at most 8. Blob: "<id>.<base64url(nonce || box)>", text.
 */
#ifndef SVC_SEAL_H
#define SVC_SEAL_H

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEYS_MAX 8

struct seal_ring;

enum status seal_ring_load(struct seal_ring **ret, const char *path, struct error *err) MUST_USE;
/* Wipes and frees. Accepts NULL. */
void seal_ring_free(struct seal_ring *r);

/* Seals under the current key for `purpose` ("shopify-token"); a blob of another purpose does not
 * open. In the arena; NULL when it is full. */
char *seal_put(const struct seal_ring *r, struct arena *a, const char *purpose, const void *data,
	       size_t len);
/* Opens; NULL when altered, for another purpose, or under an unknown key. NUL-terminated; `len`
 * (may be NULL) gets the length. */
char *seal_get(const struct seal_ring *r, struct arena *a, const char *purpose, const char *blob,
	       size_t *len);
/* True when the blob was not sealed under the current key (a re-encryption job's question). */
bool seal_is_old(const struct seal_ring *r, const char *blob);

/*
 * A keyed hash (BLAKE2b, 32 bytes) of data that must not be guessed from its hash, under the
 * current key for `purpose`; and whether a kept hash is that of the data under any key of the ring.
 */
void seal_hash(const struct seal_ring *r, const char *purpose, const void *data, size_t len,
	       uint8_t out[32]);
bool seal_hash_is(const struct seal_ring *r, const char *purpose, const void *data, size_t len,
		  const uint8_t hash[32]);

#endif
