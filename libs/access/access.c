/*
 * The keys and refusals that auth told us, and a cache of verified tokens. Reading takes a shared
 * lock; only a new token or a new state takes the exclusive one. Read next: token.c, rule.c.
 */
#include "access/access_priv.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ACCESS_MAGIC 0x41434345u
#define CACHE_WAYS   4
#define CACHE_SETS   (ACCESS_CACHE_MAX / CACHE_WAYS)
#define KEYS_MAX     64
#define REFUSALS_MAX 100000
#define SERVICE_MAX  64

/* Shared by the state and by verifications under way, which outlive the state they began with. */
struct key {
	char kid[ACCESS_KID_MAX + 1];
	EVP_PKEY *pkey;
	atomic_uint refs;
};

/* Sorted ids. */
struct id_list {
	char (*ids)[UUID_TEXT];
	size_t n;
};

struct held_state {
	bool ready;
	uint64_t version;
	struct key *keys[KEYS_MAX];
	size_t n_keys;
	struct id_list suspended, ended;
};

/* A verified token: brand ids stand behind the struct, so that an entry is as small as they are. */
struct cached {
	uint8_t hash[SHA256_DIGEST_LENGTH];
	char kid[ACCESS_KID_MAX + 1];
	atomic_llong used_at; /* seconds; written under the shared lock */
	struct access_claims_head {
		char user_id[UUID_TEXT], tenant_id[UUID_TEXT], session_id[UUID_TEXT];
		enum role role;
		char tier[16], service[SERVICE_MAX];
		int64_t expires_at;
	} head;
	char brand_ids[];
};

struct access {
	uint32_t magic;
	char service[SERVICE_MAX];
	pthread_rwlock_t lock; /* guards all below */
	struct held_state state;
	struct cached *cache[CACHE_SETS][CACHE_WAYS];
};

/* Writers first: a suspension must not wait for a pause between readers. */
static void lock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	INVARIANT(pthread_rwlockattr_init(&attr) == 0);
	INVARIANT(pthread_rwlockattr_setkind_np(&attr,
						PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
	INVARIANT(pthread_rwlock_init(lock, &attr) == 0);
	pthread_rwlockattr_destroy(&attr);
}

struct access *access_new(const char *service)
{
	struct access *a = calloc(1, sizeof(*a)); /* allowed: a long-lived object */

	if (a == NULL)
		return NULL;
	a->magic = ACCESS_MAGIC;
	INVARIANT(text_copy(a->service, sizeof(a->service), service) == ST_OK);
	lock_init(&a->lock);
	return a;
}

/* ---- state ---- */

static int compare_ids(const void *x, const void *y)
{
	return strcmp(x, y);
}

static bool list_has(const struct id_list *l, const char *id)
{
	return l->n > 0 && *id != '\0' &&
	       bsearch(id, l->ids, l->n, sizeof(l->ids[0]), compare_ids) != NULL;
}

/* Copies n ids, sorted. Ids that are no UUIDs refuse nobody and are an error. */
static enum status list_copy(struct id_list *ret, const char *const *ids, size_t n)
{
	if (n > REFUSALS_MAX)
		return ST_TOO_LARGE;
	if (n == 0)
		return ST_OK;
	ret->ids = calloc(n, sizeof(ret->ids[0])); /* allowed: a long-lived object */
	if (ret->ids == NULL)
		return ST_INTERNAL;
	for (size_t i = 0; i < n; i++) {
		if (ids[i] == NULL || !uuid_valid(ids[i]))
			return ST_INVALID;
		memcpy(ret->ids[i], ids[i], UUID_TEXT);
		uuid_normalise(ret->ids[i]);
	}
	ret->n = n;
	qsort(ret->ids, n, sizeof(ret->ids[0]), compare_ids);
	return ST_OK;
}

static struct key *key_new(const struct access_key *from)
{
	EVP_PKEY *pkey = access__public_key(from->public_pem);
	struct key *k = calloc(1, sizeof(*k)); /* allowed: a long-lived object */

	if (k == NULL || pkey == NULL || !access__kid_valid(from->kid)) {
		EVP_PKEY_free(pkey);
		free(k);
		return NULL;
	}
	atomic_init(&k->refs, 1);
	memcpy(k->kid, from->kid, strlen(from->kid) + 1);
	k->pkey = pkey;
	return k;
}

static void key_put(struct key *k)
{
	if (k == NULL || atomic_fetch_sub(&k->refs, 1) > 1)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

static void state_done(struct held_state *s)
{
	for (size_t i = 0; i < s->n_keys; i++)
		key_put(s->keys[i]);
	free(s->suspended.ids);
	free(s->ended.ids);
	*s = (struct held_state){ 0 };
}

/* A key that cannot be read is left out: its tokens are refused, and the others still work. */
static enum status keys_copy(struct held_state *s, const struct access_key *keys, size_t n)
{
	enum status st = ST_OK;

	for (size_t i = 0; i < n; i++) {
		struct key *k = key_new(&keys[i]);

		if (k == NULL) {
			st = ST_INVALID;
			continue;
		}
		s->keys[s->n_keys++] = k;
	}
	return st;
}

static struct key *key_find(const struct held_state *s, const char *kid)
{
	for (size_t i = 0; i < s->n_keys; i++) {
		if (strcmp(s->keys[i]->kid, kid) == 0)
			return s->keys[i];
	}
	return NULL;
}

static bool refused(const struct held_state *s, const struct cached *c)
{
	return key_find(s, c->kid) == NULL || list_has(&s->suspended, c->head.tenant_id) ||
	       list_has(&s->ended, c->head.session_id);
}

static void cache_drop(struct access *a, bool all)
{
	struct cached **slot = &a->cache[0][0];

	for (size_t i = 0; i < ACCESS_CACHE_MAX; i++) {
		if (slot[i] != NULL && (all || refused(&a->state, slot[i]))) {
			free(slot[i]);
			slot[i] = NULL;
		}
	}
}

enum status access_set_state(struct access *a, const struct access_state *st)
{
	struct held_state fresh = { .ready = true, .version = st->version };
	struct held_state old;
	enum status lists, keys;

	CHECK_MAGIC(a, ACCESS_MAGIC);
	if (st->n_keys > KEYS_MAX)
		return ST_TOO_LARGE;
	lists = list_copy(&fresh.suspended, st->suspended_tenants, st->n_suspended);
	if (lists == ST_OK)
		lists = list_copy(&fresh.ended, st->ended_sessions, st->n_ended);
	if (lists != ST_OK) {
		state_done(&fresh);
		return lists;
	}
	keys = keys_copy(&fresh, st->keys, st->n_keys);
	pthread_rwlock_wrlock(&a->lock);
	old = fresh;
	if (!a->state.ready || st->version >= a->state.version) {
		old = a->state;
		a->state = fresh;
		cache_drop(a, false);
	}
	pthread_rwlock_unlock(&a->lock);
	state_done(&old);
	return keys;
}

uint64_t access_version(const struct access *a)
{
	struct access *self = (struct access *)a;
	uint64_t v;

	CHECK_MAGIC(a, ACCESS_MAGIC);
	pthread_rwlock_rdlock(&self->lock);
	v = self->state.version;
	pthread_rwlock_unlock(&self->lock);
	return v;
}

void access_free(struct access *a)
{
	if (a == NULL)
		return;
	CHECK_MAGIC(a, ACCESS_MAGIC);
	cache_drop(a, true);
	state_done(&a->state);
	pthread_rwlock_destroy(&a->lock);
	a->magic = 0;
	free(a);
}

/* ---- cache ---- */

static struct cached **cache_set(struct access *a, const uint8_t hash[SHA256_DIGEST_LENGTH])
{
	size_t n;

	memcpy(&n, hash, sizeof(n));
	return a->cache[n % CACHE_SETS];
}

static struct cached *cache_find(struct access *a, const uint8_t hash[SHA256_DIGEST_LENGTH])
{
	struct cached **set = cache_set(a, hash);

	for (size_t i = 0; i < CACHE_WAYS; i++) {
		if (set[i] != NULL && equal_constant_time(set[i]->hash, hash, SHA256_DIGEST_LENGTH))
			return set[i];
	}
	return NULL;
}

static struct cached *cached_new(const struct access_claims *c, const char *kid,
				 const uint8_t hash[SHA256_DIGEST_LENGTH], int64_t now_s)
{
	size_t brands = strlen(c->brand_ids) + 1;
	struct cached *e = calloc(1, sizeof(*e) + brands); /* allowed: a long-lived object */

	if (e == NULL)
		return NULL;
	memcpy(e->hash, hash, sizeof(e->hash));
	memcpy(e->kid, kid, strlen(kid) + 1);
	atomic_init(&e->used_at, now_s);
	memcpy(e->head.user_id, c->user_id, sizeof(c->user_id));
	memcpy(e->head.tenant_id, c->tenant_id, sizeof(c->tenant_id));
	memcpy(e->head.session_id, c->session_id, sizeof(c->session_id));
	memcpy(e->head.tier, c->tier, sizeof(c->tier));
	memcpy(e->head.service, c->service, sizeof(c->service));
	e->head.role = c->role;
	e->head.expires_at = c->expires_at;
	memcpy(e->brand_ids, c->brand_ids, brands);
	return e;
}

static void cached_copy(const struct cached *e, struct access_claims *ret)
{
	memcpy(ret->user_id, e->head.user_id, sizeof(ret->user_id));
	memcpy(ret->tenant_id, e->head.tenant_id, sizeof(ret->tenant_id));
	memcpy(ret->session_id, e->head.session_id, sizeof(ret->session_id));
	memcpy(ret->tier, e->head.tier, sizeof(ret->tier));
	memcpy(ret->service, e->head.service, sizeof(ret->service));
	ret->role = e->head.role;
	ret->expires_at = e->head.expires_at;
	memcpy(ret->brand_ids, e->brand_ids, strlen(e->brand_ids) + 1);
}

/* The slot to fill: a free one, else the one that was used longest ago. Expired ones age out so
 * too. */
static struct cached **cache_victim(struct cached **set, const uint8_t hash[SHA256_DIGEST_LENGTH])
{
	struct cached **victim = &set[0];

	for (size_t i = 0; i < CACHE_WAYS; i++) {
		if (set[i] == NULL || memcmp(set[i]->hash, hash, SHA256_DIGEST_LENGTH) == 0)
			return &set[i];
		if (atomic_load(&set[i]->used_at) < atomic_load(&(*victim)->used_at))
			victim = &set[i];
	}
	return victim;
}

/* Keeps a verified token, unless the state changed since it was verified: then the next call looks
 * again. */
static void cache_put(struct access *a, struct cached *e, uint64_t version)
{
	struct cached **slot;

	if (e == NULL)
		return;
	pthread_rwlock_wrlock(&a->lock);
	if (a->state.version == version && !refused(&a->state, e)) {
		slot = cache_victim(cache_set(a, e->hash), e->hash);
		free(*slot);
		*slot = e;
		e = NULL;
	}
	pthread_rwlock_unlock(&a->lock);
	free(e);
}

size_t access__cached(struct access *a)
{
	struct cached **slot = &a->cache[0][0];
	size_t n = 0;

	pthread_rwlock_rdlock(&a->lock);
	for (size_t i = 0; i < ACCESS_CACHE_MAX; i++)
		n += slot[i] != NULL;
	pthread_rwlock_unlock(&a->lock);
	return n;
}

/* ---- verifying ---- */

static enum status check_refusals(const struct held_state *s, const struct access_claims *c,
				  struct error *err)
{
	if (list_has(&s->suspended, c->tenant_id))
		return error_set(err, ST_DENIED, NULL, "tenant is suspended");
	if (list_has(&s->ended, c->session_id))
		return error_set(err, ST_UNAUTHENTICATED, NULL, "the session has ended");
	return ST_OK;
}

static enum status find_cached(struct access *a, const uint8_t hash[SHA256_DIGEST_LENGTH],
			       int64_t now_s, struct access_claims *ret, bool *found,
			       struct error *err)
{
	struct cached *e;
	enum status st = ST_OK;

	pthread_rwlock_rdlock(&a->lock);
	e = cache_find(a, hash);
	*found = e != NULL && now_s < e->head.expires_at + ACCESS_CLOCK_SKEW_S;
	if (!a->state.ready) {
		st = error_set(err, ST_UNAVAILABLE, NULL, "the signing keys are not known yet");
	} else if (*found) {
		atomic_store(&e->used_at, now_s);
		cached_copy(e, ret);
		st = check_refusals(&a->state, ret, err);
	}
	pthread_rwlock_unlock(&a->lock);
	return st;
}

/* The key stays alive by its reference count; the signature is checked without the lock. */
static struct key *key_take(struct access *a, const char *kid, uint64_t *version)
{
	struct key *key;

	pthread_rwlock_rdlock(&a->lock);
	key = key_find(&a->state, kid);
	if (key != NULL)
		atomic_fetch_add(&key->refs, 1);
	*version = a->state.version;
	pthread_rwlock_unlock(&a->lock);
	return key;
}

static enum status verify_fresh(struct access *a, const char *token, size_t len,
				const uint8_t *hash, int64_t now_s, struct access_claims *ret,
				bool *unknown_kid, struct error *err)
{
	struct arena *arena = arena_new(ACCESS_ARENA_MAX);
	uint64_t version = 0;
	struct key *key = NULL;
	struct token t;
	enum status st;

	if (arena == NULL)
		return error_set(err, ST_INTERNAL, NULL, "memory is out");
	st = access__token_split(arena, token, len, &t, err);
	if (st != ST_OK)
		goto out;
	key = key_take(a, t.kid, &version);
	*unknown_kid = key == NULL;
	if (key == NULL || !access__signature_good(key->pkey, &t)) {
		st = error_set(err, ST_UNAUTHENTICATED, NULL,
			       key == NULL ? "the token's key is unknown"
					   : "the token's signature is not good");
		goto out;
	}
	st = access__token_claims(arena, &t, a->service, now_s, ret, err);
	if (st == ST_OK)
		cache_put(a, cached_new(ret, t.kid, hash, now_s), version);
out:
	key_put(key);
	arena_free(arena);
	return st;
}

enum status access__verify_at(struct access *a, const char *token, int64_t now_s,
			      struct access_claims *ret, bool *unknown_kid, struct error *err)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	struct access_claims c = { 0 };
	size_t len = token != NULL ? strnlen(token, ACCESS_TOKEN_MAX) : 0;
	bool found = false, unknown = false;
	enum status st;

	CHECK_MAGIC(a, ACCESS_MAGIC);
	if (unknown_kid != NULL)
		*unknown_kid = false;
	if (len == 0 || len >= ACCESS_TOKEN_MAX)
		return error_set(err, ST_UNAUTHENTICATED, NULL, "the token is empty or too long");
	if (EVP_Digest(token, len, hash, NULL, EVP_sha256(), NULL) != 1)
		return error_set(err, ST_INTERNAL, NULL, "SHA-256 failed");
	st = find_cached(a, hash, now_s, &c, &found, err);
	if (st == ST_OK && !found) {
		st = verify_fresh(a, token, len, hash, now_s, &c, &unknown, err);
		if (unknown_kid != NULL)
			*unknown_kid = unknown;
		if (st == ST_OK) {
			pthread_rwlock_rdlock(&a->lock);
			st = check_refusals(&a->state, &c, err);
			pthread_rwlock_unlock(&a->lock);
		}
	}
	if (st == ST_OK)
		*ret = c;
	return st;
}

enum status access_verify(struct access *a, const char *token, struct access_claims *ret,
			  bool *unknown_kid, struct error *err)
{
	return access__verify_at(a, token, time_now_us() / US_PER_SECOND, ret, unknown_kid, err);
}
