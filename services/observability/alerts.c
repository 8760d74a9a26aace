/*
 * The evaluator's thread, and the start and end of all that alerts need. It is woken by samples of
 * this copy, and looks by itself for those of others, for rules that are due, and for what a copy
 * left that died. A tenant is one transaction (evaluate.c). Read next: evaluate.c, deliver.c,
 * watch.c.
 */
#include "alert.h"
#include "alerts_priv.h"
#include "core/log.h"
#include "core/timeutil.h"
#include "samples.h"
#include "store_alerts.h"
#include "store_samples.h"

#include <stdlib.h>

#define LOOK_MS        500                  /* without being woken */
#define GAP_US         (20 * INT64_C(1000)) /* between rounds under load: samples come together */
#define TENANTS_MAX    64                   /* of a round */
#define ARENA_MAX      ((size_t)16 * 1024 * 1024)
#define FAILED_WAIT_US (US_PER_SECOND / 2)
#define FORGET_US      (60 * US_PER_SECOND)
#define FORGET_ROUNDS  20 /* of a few thousand rows */

/* ---- a round ---- */

static bool stopping(struct alerts *al)
{
	bool ret;

	pthread_mutex_lock(&al->lock);
	ret = al->stopping;
	pthread_mutex_unlock(&al->lock);
	return ret;
}

/* The tenants that have work, each in its own transaction. One that fails does not stop the others;
 * its work stays. */
static enum status look_round(struct alerts *al, struct arena *list, struct arena *a, bool *more,
			      struct error *err)
{
	const char **tenants = NULL;
	size_t n = 0, changes;
	enum status st, ret;

	arena_reset(list);
	ret = store_tenants_with_work(svc_worker_db(al->svc), list, time_now_us(), TENANTS_MAX,
				      &tenants, &n, err);
	*more = n > 0;
	for (size_t i = 0; i < n && !stopping(al); i++) {
		struct error why = { 0 };

		arena_reset(a);
		st = evaluate_tenant(al->svc, a, tenants[i], &changes, &why);
		if (st == ST_OK && changes > 0)
			alerts_changed(al->app);
		if (st == ST_OK)
			continue;
		ret = st;
		*err = why;
	}
	return ret;
}

static void forget(struct alerts *al, struct arena *a)
{
	struct error err = { 0 };
	bool samples = true, alerts = true;
	enum status st = ST_OK;

	for (int i = 0; i < FORGET_ROUNDS && st == ST_OK && (samples || alerts); i++) {
		arena_reset(a);
		st = store_samples_forget(svc_worker_db(al->svc), a, time_now_us(), &samples, &err);
		if (st == ST_OK)
			st = store_alerts_forget(svc_worker_db(al->svc), a, &alerts, &err);
		if (stopping(al))
			return;
	}
	if (st != ST_OK)
		log_event(LOG_WARN, "alerts.forget_failed", "trying again in a minute: %s",
			  err.detail);
}

/* ---- the thread ---- */

/* Until woken, or `us` have passed. */
static void wait_us(struct alerts *al, int64_t us)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)((us % US_PER_SECOND) * 1000);
	until.tv_sec += us / US_PER_SECOND + until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&al->lock);
	while (!al->woken && !al->stopping)
		if (pthread_cond_timedwait(&al->cond, &al->lock, &until) != 0)
			break;
	al->woken = false;
	pthread_mutex_unlock(&al->lock);
}

/* How long to sleep: until the next rule is due, at most LOOK_MS. */
static int64_t until_due(struct alerts *al, struct arena *a)
{
	int64_t due = 0, us = LOOK_MS * INT64_C(1000), left;
	struct error err = { 0 };

	arena_reset(a);
	if (store_next_due(svc_worker_db(al->svc), a, &due, &err) != ST_OK || due == 0)
		return us;
	left = due - time_now_us();
	if (left < 0)
		left = 0;
	return left < us ? left : us;
}

static void evaluate_for_ever(struct alerts *al, struct arena *list, struct arena *a)
{
	int64_t forget_at = 0; /* what fell due while nobody ran */

	while (!stopping(al)) {
		int64_t begun = time_mono_us();
		struct error err = { 0 };
		bool more = false;

		if (look_round(al, list, a, &more, &err) != ST_OK) {
			log_event(LOG_WARN, "alerts.failed", "trying again: %s", err.detail);
			time_sleep_us(begun + FAILED_WAIT_US);
		} else if (more) {
			time_sleep_us(begun + GAP_US);
		} else {
			wait_us(al, until_due(al, list));
		}
		if (time_mono_us() > forget_at) {
			forget(al, list);
			forget_at = time_mono_us() + FORGET_US;
		}
	}
}

static void *evaluator(void *arg)
{
	struct alerts *al = arg;
	struct arena *list = arena_new(ARENA_MAX), *a = arena_new(ARENA_MAX);

	if (list && a)
		evaluate_for_ever(al, list, a);
	else
		log_event(LOG_ERROR, "alerts.no_memory", "no rule is evaluated by this process");
	arena_free(list);
	arena_free(a);
	return NULL;
}

/* ---- start and end ---- */

static enum status start_thread(struct alerts *al, struct error *err)
{
	if (pthread_create(&al->thread, NULL, evaluator, al) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "the evaluator cannot start");
	al->thread_on = true;
	return ST_OK;
}

enum status alerts_start(struct svc *svc, struct observability *app, struct error *err)
{
	struct alerts *al = calloc(1, sizeof(*al)); /* allowed: a long-lived object */
	enum status st;

	if (!al)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	al->svc = svc;
	al->app = app;
	pthread_mutex_init(&al->lock, NULL);
	pthread_cond_init(&al->cond, NULL);
	app->alerts = al;
	st = deliver_start(svc, &app->cfg, &al->deliver, err);
	if (st == ST_OK)
		st = watch_start(svc, &al->watch, err);
	return st == ST_OK ? start_thread(al, err) : st;
}

void alerts_stop(struct observability *app)
{
	struct alerts *al = app->alerts;

	if (!al)
		return;
	pthread_mutex_lock(&al->lock);
	al->stopping = true;
	pthread_cond_broadcast(&al->cond);
	pthread_mutex_unlock(&al->lock);
	if (al->thread_on)
		pthread_join(al->thread, NULL);
	deliver_stop(al->deliver);
	watch_stop(al->watch);
	app->alerts = NULL;
	pthread_cond_destroy(&al->cond);
	pthread_mutex_destroy(&al->lock);
	free(al);
}

void alerts_wake(struct observability *app)
{
	struct alerts *al = app->alerts;

	if (!al)
		return;
	pthread_mutex_lock(&al->lock);
	al->woken = true;
	pthread_cond_signal(&al->cond);
	pthread_mutex_unlock(&al->lock);
}

void alerts_changed(struct observability *app)
{
	if (!app->alerts)
		return;
	deliver_wake(app->alerts->deliver);
	watch_wake(app->alerts->watch);
}
