/*
 * The keeper: a thread that makes the next days of `events`, drops the old ones, and forgets what
 * is kept beside them. Every copy of the service runs one; the functions take turns by a lock, and
 * who is second finds nothing to do.
 */
#include "keeper.h"

#include "partitions.h"
#include "store_telemetry.h"

#include "core/log.h"

#include <pthread.h>
#include <stdlib.h>

#define KEEPER_WAIT_MS   (10 * 60 * 1000)
#define KEEPER_ARENA_MAX ((size_t)64 * 1024)
#define FORGET_ROUNDS    100 /* of some ten thousand rows: what is left waits for the next time */

struct keeper {
	struct svc *svc;
	struct arena *arena;
	pthread_t thread;
};

static enum status keep_days(struct keeper *k, struct error *err)
{
	int made = 0, dropped = 0;
	enum status st;

	arena_reset(k->arena);
	st = partitions_keep(svc_worker_db(k->svc), k->arena, &made, &dropped, err);
	if (st == ST_OK && made + dropped > 0)
		log_event(LOG_INFO, "events.days", "%d made, %d dropped", made, dropped);
	return st;
}

static enum status forget(struct keeper *k, struct error *err)
{
	enum status st = ST_OK;
	bool more = true;

	for (int i = 0; i < FORGET_ROUNDS && st == ST_OK && more && !svc_stopping(k->svc); i++) {
		arena_reset(k->arena);
		st = store_forget_telemetry(svc_worker_db(k->svc), k->arena, &more, err);
	}
	return st;
}

static void *keep(void *arg)
{
	struct keeper *k = arg;

	while (!svc_stopping(k->svc)) {
		struct error err = { 0 };
		enum status st = keep_days(k, &err);

		if (st == ST_OK)
			st = forget(k, &err);
		if (st != ST_OK)
			log_event(LOG_WARN, "events.days_failed", "trying again later: %s",
				  err.detail);
		svc_wait(k->svc, KEEPER_WAIT_MS);
	}
	return NULL;
}

static void keeper_free(struct keeper *k)
{
	arena_free(k->arena);
	free(k);
}

enum status keeper_start(struct svc *svc, struct keeper **ret, struct error *err)
{
	struct keeper *k = calloc(1, sizeof(*k)); /* allowed: lives as long as the process */
	enum status st;

	if (!k)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	k->svc = svc;
	k->arena = arena_new(KEEPER_ARENA_MAX);
	/* Before the first row comes, so that there is a day to put it in. */
	st = k->arena ? keep_days(k, err)
		      : error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	if (st == ST_OK && pthread_create(&k->thread, NULL, keep, k) != 0)
		st = error_set(err, ST_UNAVAILABLE, NULL, "the keeper cannot start");
	if (st == ST_OK)
		*ret = k;
	else
		keeper_free(k);
	return st;
}

void keeper_stop(struct keeper *k)
{
	if (!k)
		return;
	pthread_join(k->thread, NULL);
	keeper_free(k);
}
