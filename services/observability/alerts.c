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
	for (size_t i = 0; i < n && !bell_ended(&al->bell); i++) {
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
		if (bell_ended(&al->bell))
			return;
	}
	if (st != ST_OK)
		log_event(LOG_WARN, "alerts.forget_failed", "trying again in a minute: %s",
			  err.detail);
}

/* ---- the thread ---- */

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

	while (!bell_ended(&al->bell)) {
		int64_t begun = time_mono_us();
		struct error err = { 0 };
		bool more = false;

		if (look_round(al, list, a, &more, &err) != ST_OK) {
			log_event(LOG_WARN, "alerts.failed", "trying again: %s", err.detail);
			time_sleep_us(begun + FAILED_WAIT_US);
		} else if (more) {
			time_sleep_us(begun + GAP_US);
		} else {
			bell_wait(&al->bell, until_due(al, list));
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
	bell_init(&al->bell);
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
	bell_end(&al->bell);
	if (al->thread_on)
		pthread_join(al->thread, NULL);
	deliver_stop(al->deliver);
	watch_stop(al->watch);
	app->alerts = NULL;
	bell_done(&al->bell);
	free(al);
}

void alerts_wake(void *arg)
{
	struct observability *app = arg;

	if (app->alerts)
		bell_ring(&app->alerts->bell);
}

void alerts_changed(struct observability *app)
{
	if (!app->alerts)
		return;
	deliver_wake(app->alerts->deliver);
	watch_wake(app->alerts->watch);
}
