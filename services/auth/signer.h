/*
 * The key that signs access tokens: made by the first copy of auth that finds none, sealed in the
 * database, held unsealed in memory by each copy. Rotation is a row; a copy that has not heard of
 * it signs with the retired key, which stays published until such tokens are dead.
 */
#ifndef AUTH_SIGNER_H
#define AUTH_SIGNER_H

#include "access/access.h"
#include "core/status.h"

#include <pthread.h>

#define SIGNER_PEM_MAX  512
#define SIGNER_KID_TEXT (UUID_TEXT + 3)

struct svc;

struct signer {
	pthread_rwlock_t lock;
	char kid[SIGNER_KID_TEXT]; /* empty: none yet */
	char private_pem[SIGNER_PEM_MAX];
};

enum status signer_init(struct signer *s, struct error *err) MUST_USE;
/* Wipes the key. */
void signer_done(struct signer *s);

/* Reads the active key, and makes the first one when there is none. Cheap when nothing changed. */
enum status signer_load(struct svc *svc, struct signer *s, struct error *err) MUST_USE;
/* Puts a new key in place of one that is at least `age_s` old. `rotated` tells whether it was. The
 * caller loads and announces. */
enum status signer_rotate(struct svc *svc, int64_t age_s, bool *rotated,
			  struct error *err) MUST_USE;
/* As access_sign with the active key. */
enum status signer_sign(struct signer *s, const struct access_claims *claims,
			char token[ACCESS_TOKEN_MAX], struct error *err) MUST_USE;

#endif
