/*
 * The keeper: a thread that makes the next days of `events`, drops the old ones, and forgets what
 * is kept beside them. Every copy of
 * the service runs one; the functions take turns by a lock, and who is second finds nothing to do.
 */
#include "keeper.h"

#include "partitions.h"
#include "store_telemetry.h"

#include "core/log.h"

#include <pthread.h>
#include <stdlib.h>

#define KEEPER_WAIT_MS   (10 * 60 * 1000)
#define KEEPER_ARENA_MAX ((size_t)64 * 1024)

struct keeper {
	struct svc *svc;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool stop; /* under lock */
};

static enum status keep_once(struct svc *svc, struct error *err)
{
	struct arena *a = arena_new(KEEPER_ARENA_MAX);
	int made = 0, dropped = 0;
	enum status st;

	if (!a)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	st = partitions_keep(svc_worker_db(svc), a, &made, &dropped, err);
	if (st == ST_OK && made + dropped > 0)
		log_event(LOG_INFO, "events.days", "%d made, %d dropped", made, dropped);
	if (st == ST_OK)
		st = store_forget_telemetry(svc_worker_db(svc), a, err);
	arena_free(a);
	return st;
}

/* False when the keeper must end. */
static bool wait_for_round(struct keeper *k)
{
	struct timespec until;
	bool go;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += KEEPER_WAIT_MS / 1000;
	pthread_mutex_lock(&k->lock);
	while (!k->stop && pthread_cond_timedwait(&k->cond, &k->lock, &until) == 0)
		;
	go = !k->stop;
	pthread_mutex_unlock(&k->lock);
	return go;
}

static void *keep(void *arg)
{
	struct keeper *k = arg;

	while (wait_for_round(k)) {
		struct error err = { 0 };

		if (keep_once(k->svc, &err) != ST_OK)
			log_event(LOG_WARN, "events.days_failed", "trying again later: %s",
				  err.detail);
	}
	return NULL;
}

enum status keeper_start(struct svc *svc, struct keeper **ret, struct error *err)
{
	struct keeper *k;
	pthread_condattr_t attr;
	/* Before the first row comes, so that there is a day to put it in. */
	enum status st = keep_once(svc, err);

	if (st != ST_OK)
		return st;
	k = calloc(1, sizeof(*k)); /* allowed: lives as long as the process */
	if (!k)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	k->svc = svc;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->cond, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&k->thread, NULL, keep, k) != 0) {
		free(k);
		return error_set(err, ST_UNAVAILABLE, NULL, "the keeper cannot start");
	}
	*ret = k;
	return ST_OK;
}

void keeper_stop(struct keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_cond_signal(&k->cond);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->cond);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
