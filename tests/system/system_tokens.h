/*
 * Tokens as an attacker, or time, would make them: with the real signing key, which only auth's
 * sealed table holds, and around it. Read next: libs/access/access.h.
 */
#ifndef SYSTEM_TOKENS_H
#define SYSTEM_TOKENS_H

#include "access/access.h"
#include "system/system_fixture.h"

enum forgery {
	FORGERY_EXPIRED,   /* ours, an hour ago */
	FORGERY_NOT_YET,   /* ours, in an hour */
	FORGERY_HS256,     /* HMAC with the public key's PEM as its secret */
	FORGERY_NONE,      /* alg "none", no signature */
	FORGERY_OTHER_KEY, /* the right kid, somebody else's key */
	FORGERY_PROMOTED,  /* a good token whose role was changed */
	FORGERY_N
};
const char *forgery_name(enum forgery f);

struct forger;
/* Reads and unseals the signing key of the suite's auth. Lives as long as the program. */
struct forger *forger_new(struct suite *s);
/* The claims of a good token. */
void forger_claims(const char *token, struct access_claims *ret);
/* Signs claims as auth would. */
void forger_sign(const struct forger *f, const struct access_claims *c, char out[ACCESS_TOKEN_MAX]);
/* Makes the wrong token of somebody who has the good one. */
void forger_forge(const struct forger *f, enum forgery kind, const char *good,
		  char out[ACCESS_TOKEN_MAX]);

#endif
