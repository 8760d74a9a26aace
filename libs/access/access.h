/*
 * Access tokens: who is calling, for which tenant, with which role. ES256 JWTs (RFC 7519, RFC 9068
 * "at+jwt"), verified by every service itself and cached by SHA-256 of the token until they expire.
 * Suspended tenants and ended sessions come with the access state (auth.AccessState).
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "core/contract.h"
#include "core/id.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCESS_TOKEN_MAX    4096
#define ACCESS_TOKEN_LIFE_S 900
#define ACCESS_GRANT_LIFE_S 180
#define ACCESS_BRANDS_TEXT  (64 * UUID_TEXT)
#define ACCESS_CACHE_MAX    8192
#define ACCESS_CLOCK_SKEW_S 5
#define ACCESS_ISSUER       "pulsepoint"
#define ACCESS_AUDIENCE     "pulsepoint"
/* What a brand that does not exist and one out of reach are answered with, alike (ST_NOT_FOUND). */
#define ACCESS_NO_BRAND "no such brand"

struct access_claims {
	char user_id[UUID_TEXT];    /* sub; a service name for grants */
	char tenant_id[UUID_TEXT];  /* tid; empty for operators */
	char session_id[UUID_TEXT]; /* sid; empty for grants */
	enum role role;
	char tier[16];                      /* standard, growth, unlimited */
	char brand_ids[ACCESS_BRANDS_TEXT]; /* comma separated; empty: all brands */
	char service[64];   /* svc: grants are good for one service only; empty otherwise */
	int64_t expires_at; /* seconds since the epoch */
};

struct access;

/* Never fails but for memory. Accepts tokens only after the first access_set_state. */
struct access *access_new(const char *service);
void access_free(struct access *a);

struct access_key {
	const char *kid, *public_pem;
};
struct access_state {
	uint64_t version;
	const struct access_key *keys;
	size_t n_keys;
	const char *const *suspended_tenants;
	size_t n_suspended;
	const char *const *ended_sessions;
	size_t n_ended;
};
/*
 * Replaces keys and refusals (copies). A state older than the one held is ignored. Clears the cache
 * of what is now refused. ST_INVALID or ST_TOO_LARGE (more than 64 keys, 100,000 ids) leave the old
 * state standing, but for unreadable keys: they are left out and ST_INVALID tells so after the rest
 * was taken over.
 */
enum status access_set_state(struct access *a, const struct access_state *st) MUST_USE;
uint64_t access_version(const struct access *a);

/*
 * Verifies: three parts, header alg exactly ES256 and typ at+jwt, kid known, signature, iss, aud,
 * exp, nbf (skew 5 s), then tenant not suspended and session not ended. ST_UNAUTHENTICATED with a
 * reason that holds no part of the token; ST_DENIED "tenant is suspended"; ST_UNAVAILABLE before
 * the first state. `unknown_kid` (may be NULL) is set when only the key was unknown: the caller may
 * fetch the state and try again.
 */
enum status access_verify(struct access *a, const char *token, struct access_claims *ret,
			  bool *unknown_kid, struct error *err) MUST_USE;

/* Signs claims with a private key (PEM, P-256). iat/nbf now, jti new. `out` holds ACCESS_TOKEN_MAX.
 */
enum status access_sign(const struct access_claims *c, const char *kid, const char *private_pem,
			int64_t now_s, char *out, struct error *err) MUST_USE;
/* A new P-256 key pair as PEM; buffers of 512 bytes each. */
enum status access_new_key(char *private_pem, char *public_pem, size_t cap) MUST_USE;
/* x and y of a public PEM as base64url (44 bytes each incl. NUL), for JWKS. */
enum status access_jwk_xy(const char *public_pem, char *x, char *y, size_t cap) MUST_USE;

/*
 * The contract's rule for a method: PUBLIC always; VIEWER..ADMIN need a tenant token of at least
 * that role; OPERATOR an operator's; SERVICE never passes here (NATS permissions guard those). Then
 * the brand: a token limited to brands must hold `brand_id` (ST_NOT_FOUND otherwise, as for a brand
 * that does not exist). `who` NULL: no token was given.
 */
enum status access_allow(const struct contract_method *m, const struct access_claims *who,
			 const char *brand_id, struct error *err) MUST_USE;
/* True when the comma separated list is empty or holds the id. */
bool access_brand_visible(const char *brand_ids, const char *brand_id);

#endif
