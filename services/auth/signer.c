/* See signer.h. SQL: store_key.c. */
#include "signer.h"

#include "core/text.h"
#include "core/timeutil.h"
#include "store.h"
#include "svc/svc.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SIGNER_PURPOSE   "signing-key"
#define SIGNER_ARENA_MAX ((size_t)64 * 1024)
#define NEVER_S          (INT64_C(100) * 365 * 86400)

enum status signer_init(struct signer *s, struct error *err)
{
	if (pthread_rwlock_init(&s->lock, NULL) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "the signer cannot start");
	s->kid[0] = '\0';
	return ST_OK;
}

void signer_done(struct signer *s)
{
	pthread_rwlock_destroy(&s->lock);
	sodium_memzero(s, sizeof(*s));
}

static enum status rotate(struct svc *svc, struct arena *a, int64_t age_s, bool *rotated,
			  struct error *err)
{
	char private_pem[SIGNER_PEM_MAX], public_pem[SIGNER_PEM_MAX], id[UUID_TEXT];
	enum status st = access_new_key(private_pem, public_pem, sizeof(private_pem));
	struct stored_key key = { .public_pem = public_pem };

	if (st != ST_OK)
		return error_set(err, st, NULL, "a signing key cannot be made");
	uuid_v7(id);
	key.kid = arena_printf(a, "k-%s", id);
	key.private_sealed =
		seal_put(svc_seal_ring(svc), a, SIGNER_PURPOSE, private_pem, strlen(private_pem));
	sodium_memzero(private_pem, sizeof(private_pem));
	if (!key.private_sealed)
		return error_set(err, ST_INTERNAL, NULL, "a signing key cannot be sealed");
	return store_key_rotate(svc_worker_db(svc), a, &key, age_s, rotated, err);
}

enum status signer_rotate(struct svc *svc, int64_t age_s, bool *rotated, struct error *err)
{
	struct arena *a = arena_new(SIGNER_ARENA_MAX);
	enum status st = ST_UNAVAILABLE;

	if (a)
		st = rotate(svc, a, age_s, rotated, err);
	arena_free(a);
	return st;
}

static enum status take(struct svc *svc, struct signer *s, struct arena *a,
			const struct stored_key *key, struct error *err)
{
	char *pem;
	bool known;
	size_t len = 0;
	enum status st = ST_OK;

	pthread_rwlock_rdlock(&s->lock);
	known = strcmp(s->kid, key->kid) == 0;
	pthread_rwlock_unlock(&s->lock);
	if (known)
		return ST_OK;
	pem = seal_get(svc_seal_ring(svc), a, SIGNER_PURPOSE, key->private_sealed, &len);
	if (!pem)
		return error_set(err, ST_INTERNAL, NULL,
				 "the signing key was sealed with a key that PP_SEAL_KEY_FILE does "
				 "not hold");
	pthread_rwlock_wrlock(&s->lock);
	if (text_copy(s->private_pem, sizeof(s->private_pem), pem) != ST_OK ||
	    text_copy(s->kid, sizeof(s->kid), key->kid) != ST_OK) {
		s->kid[0] = '\0';
		st = error_set(err, ST_INTERNAL, NULL, "the signing key is not one of ours");
	}
	pthread_rwlock_unlock(&s->lock);
	sodium_memzero(pem, len);
	return st;
}

static enum status load(struct svc *svc, struct signer *s, struct arena *a, struct error *err)
{
	struct stored_key key;
	bool found = false, rotated;
	enum status st = store_key_active(svc_db(svc), a, &key, &found, err);

	if (st == ST_OK && !found) {
		/* Another copy may be faster: whichever key is there afterwards is everybody's. */
		st = rotate(svc, a, NEVER_S, &rotated, err);
		if (st == ST_OK)
			st = store_key_active(svc_db(svc), a, &key, &found, err);
	}
	if (st != ST_OK)
		return st;
	if (!found)
		return error_set(err, ST_UNAVAILABLE, NULL, "there is no signing key");
	return take(svc, s, a, &key, err);
}

enum status signer_load(struct svc *svc, struct signer *s, struct error *err)
{
	struct arena *a = arena_new(SIGNER_ARENA_MAX);
	enum status st = ST_UNAVAILABLE;

	if (a)
		st = load(svc, s, a, err);
	arena_free(a);
	return st;
}

enum status signer_sign(struct signer *s, const struct access_claims *claims,
			char token[ACCESS_TOKEN_MAX], struct error *err)
{
	enum status st;

	pthread_rwlock_rdlock(&s->lock);
	if (s->kid[0])
		st = access_sign(claims, s->kid, s->private_pem, time_now_us() / US_PER_SECOND,
				 token, err);
	else
		st = error_set(err, ST_UNAVAILABLE, NULL, "there is no signing key yet");
	pthread_rwlock_unlock(&s->lock);
	return st;
}
