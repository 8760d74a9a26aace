/* Sealing with libsodium: secretbox under keys derived from a ring. Read next: seal.h for the
 * forms. */
#include "svc/seal.h"

#include "core/text.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seal_key {
	char id[SUBJECT_TOKEN_MAX + 1];
	uint8_t master[32];
};
struct seal_ring {
	struct seal_key keys[SEAL_KEYS_MAX];
	int n;
};

static bool parse_line(char *line, struct seal_key *key)
{
	char *space = strchr(line, ' ');

	line[strcspn(line, "\r\n")] = '\0';
	if (!space)
		return false;
	*space++ = '\0';
	return token_valid(line) && text_copy(key->id, sizeof(key->id), line) == ST_OK &&
	       strlen(space) == 64 && hex_decode(space, 64, key->master);
}

enum status seal_ring_load(struct seal_ring **ret, const char *path, struct error *err)
{
	struct seal_ring *r;
	char line[256];
	FILE *f = fopen(path, "re");
	enum status st = ST_OK;

	if (!f || sodium_init() < 0) {
		if (f)
			fclose(f);
		return error_set(err, ST_UNAVAILABLE, "PP_SEAL_KEY_FILE", "cannot be read: %s",
				 strerror(errno));
	}
	r = calloc(1, sizeof(*r)); /* allowed: lives as long as the process */
	while (r && st == ST_OK && fgets(line, sizeof(line), f)) {
		if (r->n == SEAL_KEYS_MAX)
			st = error_set(err, ST_INVALID, "PP_SEAL_KEY_FILE",
				       "holds more than %d keys", SEAL_KEYS_MAX);
		else if (!parse_line(line, &r->keys[r->n++]))
			st = error_set(err, ST_INVALID, "PP_SEAL_KEY_FILE",
				       "line %d is not \"<id> <64 hex digits>\"", r->n);
	}
	sodium_memzero(line, sizeof(line));
	fclose(f);
	if (st == ST_OK && (!r || r->n == 0))
		st = error_set(err, ST_INVALID, "PP_SEAL_KEY_FILE", "holds no key");
	if (st != ST_OK) {
		seal_ring_free(r);
		return st;
	}
	*ret = r;
	return ST_OK;
}

void seal_ring_free(struct seal_ring *r)
{
	if (r)
		sodium_memzero(r, sizeof(*r));
	free(r);
}

static void derive(const struct seal_key *key, const char *purpose, uint8_t out[32])
{
	crypto_generichash(out, 32, (const uint8_t *)purpose, strlen(purpose), key->master,
			   sizeof(key->master));
}

char *seal_put(const struct seal_ring *r, struct arena *a, const char *purpose, const void *data,
	       size_t len)
{
	size_t total = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + len;
	uint8_t *blob = arena_alloc(a, total);
	uint8_t key[32];
	char *text, *out;

	if (!blob)
		return NULL;
	randombytes_buf(blob, crypto_secretbox_NONCEBYTES);
	derive(&r->keys[0], purpose, key);
	crypto_secretbox_easy(blob + crypto_secretbox_NONCEBYTES, data, len, blob, key);
	sodium_memzero(key, sizeof(key));
	text = base64url_encode(a, blob, total);
	out = arena_printf(a, "%s.%s", r->keys[0].id, text);
	return arena_failed(a) ? NULL : out;
}

static const struct seal_key *find_key(const struct seal_ring *r, const char *blob)
{
	const char *dot = strchr(blob, '.');

	for (int i = 0; dot && i < r->n; i++)
		if (strlen(r->keys[i].id) == (size_t)(dot - blob) &&
		    strncmp(r->keys[i].id, blob, (size_t)(dot - blob)) == 0)
			return &r->keys[i];
	return NULL;
}

char *seal_get(const struct seal_ring *r, struct arena *a, const char *purpose, const char *blob,
	       size_t *len)
{
	const struct seal_key *k = find_key(r, blob);
	uint8_t key[32], *raw;
	size_t n = 0;
	char *out;
	int bad;

	raw = k ? base64url_decode(a, strchr(blob, '.') + 1, &n) : NULL;
	if (!raw || n < crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)
		return NULL;
	n -= crypto_secretbox_NONCEBYTES;
	out = arena_alloc(a, n - crypto_secretbox_MACBYTES + 1);
	if (!out)
		return NULL;
	derive(k, purpose, key);
	bad = crypto_secretbox_open_easy((uint8_t *)out, raw + crypto_secretbox_NONCEBYTES, n, raw,
					 key);
	sodium_memzero(key, sizeof(key));
	if (len)
		*len = n - crypto_secretbox_MACBYTES;
	return bad ? NULL : out;
}

bool seal_is_old(const struct seal_ring *r, const char *blob)
{
	return find_key(r, blob) != &r->keys[0];
}

static void hash_with(const struct seal_key *k, const char *purpose, const void *data, size_t len,
		      uint8_t out[32])
{
	uint8_t key[32];

	derive(k, purpose, key);
	crypto_generichash(out, 32, data, len, key, sizeof(key));
	sodium_memzero(key, sizeof(key));
}

void seal_hash(const struct seal_ring *r, const char *purpose, const void *data, size_t len,
	       uint8_t out[32])
{
	hash_with(&r->keys[0], purpose, data, len, out);
}

bool seal_hash_is(const struct seal_ring *r, const char *purpose, const void *data, size_t len,
		  const uint8_t hash[32])
{
	uint8_t mine[32];

	for (int i = 0; i < r->n; i++) {
		hash_with(&r->keys[i], purpose, data, len, mine);
		if (sodium_memcmp(mine, hash, sizeof(mine)) == 0)
			return true;
	}
	return false;
}
