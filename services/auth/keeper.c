/*
 * The hooks of the runtime, and the keeper: a thread that deletes what nobody can use any more and
 * puts a new signing key in place of an old one. Every copy of auth runs one; the work is made so
 * that it does not matter who does it.
 */
#include "core/log.h"
#include "service.h"
#include "store.h"

#define KEEPER_WAIT_MS     60000
#define KEEPER_BATCHES_MAX 100
#define KEEPER_ARENA_MAX   ((size_t)64 * 1024)
#define KEY_LIFE_S         (INT64_C(90) * 86400)

enum status auth_own_access_state(struct svc *svc, void *app, struct arena *arena,
				  struct access_state *ret, struct error *err)
{
	struct auth *auth = app;
	bool full = false;
	/* A copy hears of another's rotation here. */
	enum status st = signer_load(svc, &auth->signer, err);

	if (st == ST_OK)
		st = store_access_state(svc_db(svc), arena, ret, &full, err);
	return st;
}

static enum status forget(struct svc *svc, struct error *err)
{
	struct arena *a = arena_new(KEEPER_ARENA_MAX);
	enum status st = a ? ST_OK : ST_UNAVAILABLE;
	int64_t n = 1;

	for (int i = 0; i < KEEPER_BATCHES_MAX && st == ST_OK && n > 0 && !svc_stopping(svc); i++) {
		arena_reset(a);
		st = store_forget(svc_worker_db(svc), a, &n, err);
	}
	arena_free(a);
	return st;
}

static enum status renew_key(struct svc *svc, struct auth *auth, struct error *err)
{
	bool rotated = false;
	enum status st = signer_rotate(svc, KEY_LIFE_S, &rotated, err);

	if (st != ST_OK || !rotated)
		return st;
	log_event(LOG_INFO, "signing_key.rotated", "the signing key was %d days old",
		  (int)(KEY_LIFE_S / 86400));
	st = signer_load(svc, &auth->signer, err);
	return st == ST_OK ? svc_announce_access(svc) : st;
}

struct keeper {
	struct svc *svc;
	struct auth *auth;
};

static void *keep(void *arg)
{
	struct keeper k = *(struct keeper *)arg;

	while (!svc_stopping(k.svc)) {
		struct error err = { 0 };
		enum status st = forget(k.svc, &err);

		if (st == ST_OK)
			st = renew_key(k.svc, k.auth, &err);
		if (st != ST_OK)
			log_event(LOG_WARN, "keeper.failed", "trying again in a minute: %s",
				  err.detail);
		svc_wait(k.svc, KEEPER_WAIT_MS);
	}
	return NULL;
}

enum status auth_start(struct svc *svc, void *app, struct error *err)
{
	static struct keeper k;
	struct auth *auth = app;
	enum status st = hasher_init(&auth->hasher, err);

	if (st == ST_OK)
		st = signer_load(svc, &auth->signer, err);
	if (st != ST_OK)
		return st;
	k = (struct keeper){ svc, auth };
	if (pthread_create(&auth->keeper, NULL, keep, &k) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "the keeper cannot start");
	auth->keeper_on = true;
	return ST_OK;
}

void auth_stop(struct svc *svc, void *app)
{
	struct auth *auth = app;

	svc_wake(svc);
	if (auth->keeper_on)
		pthread_join(auth->keeper, NULL);
	auth->keeper_on = false;
	hasher_done(&auth->hasher);
}
