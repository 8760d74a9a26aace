/*
 * Sealing of provider tokens at rest: libsodium secretbox (XSalsa20-Poly1305) under a key from a
 * file, with the key's id in the sealed blob, so that keys can be rotated: new blobs use the
 * current key, retired keys still open old ones. Read next: seal.c.
 */
#ifndef INGEST_SEAL_H
#define INGEST_SEAL_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEYS_MAX    16
#define SEAL_KEY_ID_MAX  16   /* [a-z0-9_-]{1,16} */
#define SEAL_PLAIN_MAX   4096 /* bytes of one secret */
#define SEAL_CONTEXT_MAX 255
/* Bytes that a sealed secret is longer than the secret and its context, at most. */
#define SEAL_OVERHEAD 64

struct seal;

/*
 * Reads the key file: one key a line, `<key id> <64 hex digits>`, the first line's key is the
 * current one, the others are retired; empty lines and lines that start with # are skipped. The
 * file must not be readable by others (mode & 007). ST_INVALID names the line and the reason, never
 * the content; ST_NOT_FOUND when there is no such file. seal_free wipes the keys and accepts NULL.
 */
enum status seal_open(struct seal **ret, const char *key_file, struct error *err) MUST_USE;
void seal_free(struct seal *s);

/*
 * Appends the sealed secret to `out` (a bytea for the row). `context` says where the blob lives
 * (tenant id and connection id, say): it is sealed in too, and a blob copied into another row does
 * not open there. ST_TOO_LARGE beyond the limits above. Threads: a seal is read-only after
 * seal_open.
 */
enum status seal_put(const struct seal *s, const char *context, const char *secret,
		     struct buf *out) MUST_USE;

/*
 * Opens a blob; `ret` is NUL-terminated in the arena. ST_INVALID when it is malformed, tampered
 * with or of another context; ST_UNAVAILABLE when its key is in the file no more (err says which
 * id).
 */
enum status seal_get(const struct seal *s, const char *context, const void *blob, size_t len,
		     struct arena *a, char **ret, struct error *err) MUST_USE;

/* True when the blob is sealed with the current key; false asks for seal_get and seal_put again
 * (the re-sealing job). */
bool seal_is_current(const struct seal *s, const void *blob, size_t len);
/* The current key's id, for the row's key_id column (to find what must be sealed again). */
const char *seal_current_id(const struct seal *s);

#endif
