/*
 * What the files of libs/access share, and what its tests and the fuzz target reach into. Nobody
 * else includes this.
 */
#ifndef ACCESS_ACCESS_PRIV_H
#define ACCESS_ACCESS_PRIV_H

#include "access/access.h"
#include "core/arena.h"

#include <openssl/evp.h>

#define ACCESS_KID_MAX       64
#define ACCESS_SIGNATURE_LEN 64 /* r and s, 32 bytes each (RFC 7518 section 3.4) */
#define ACCESS_ARENA_MAX     (32 * 1024)

/* A flat JSON object: strings and whole numbers only, as our tokens have. */
#define FLAT_MEMBERS_MAX 24
struct flat_member {
	const char *name;
	const char *text; /* NULL: a number */
	int64_t number;
};
struct flat {
	struct flat_member members[FLAT_MEMBERS_MAX];
	size_t n;
};
/*
 * Stricter than JSON: no nesting, no escapes, printable ASCII, no fractions, no duplicate names.
 * False otherwise. `json` is changed (strings are cut in place) and must outlive `ret`.
 */
bool access__flat_parse(char *json, size_t len, struct flat *ret);
/* The string or number with that name; false when absent or of the other type. */
bool access__flat_text(const struct flat *f, const char *name, const char **ret);
bool access__flat_number(const struct flat *f, const char *name, int64_t *ret);

/* The three parts of a token whose header is one of ours; the signature is not yet verified. */
struct token {
	char kid[ACCESS_KID_MAX + 1];
	const char *signed_text; /* header "." payload */
	size_t signed_len;
	const char *payload; /* base64url, NUL-terminated copy in the arena */
	uint8_t signature[ACCESS_SIGNATURE_LEN];
};
enum status access__token_split(struct arena *a, const char *token, size_t len, struct token *ret,
				struct error *err);
/* Checks and copies the claims of a token whose signature was found good. */
enum status access__token_claims(struct arena *a, const struct token *t, const char *service,
				 int64_t now_s, struct access_claims *ret, struct error *err);
/* header "." payload "." signature over any JSON texts; for access_sign and for tests that forge.
 */
enum status access__token_seal(const char *header, const char *payload, EVP_PKEY *key, char *out,
			       size_t cap);
bool access__signature_good(EVP_PKEY *key, const struct token *t);

/* A P-256 key from PEM; NULL for anything else. Free with EVP_PKEY_free. */
EVP_PKEY *access__public_key(const char *pem);
EVP_PKEY *access__private_key(const char *pem);
bool access__kid_valid(const char *kid);

/* access_verify at a given time. */
enum status access__verify_at(struct access *a, const char *token, int64_t now_s,
			      struct access_claims *ret, bool *unknown_kid, struct error *err);
/* Tokens in the cache right now. */
size_t access__cached(struct access *a);

#endif
