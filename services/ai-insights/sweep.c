/* See sweep.h. Read next: running.h (what it cuts short at the end). */
#include "sweep.h"

#include "billing.h"
#include "core/log.h"
#include "core/timeutil.h"
#include "running.h"
#include "store.h"

#include <string.h>

#define SWEEP_ARENA_MAX ((size_t)4 * 1024 * 1024)
#define SWEEP_CALL_MS   10000

struct sweep {
	struct svc *svc;
	struct arena *arena;
	struct error err;
	/* The last tenant's grant: it outlives a round. */
	const char *tenant_id, *token;
};

static struct place worker_place(struct sweep *s)
{
	return (struct place){ .db = svc_worker_db(s->svc),
			       .arena = s->arena,
			       .deadline_us = time_mono_us() + SWEEP_CALL_MS * INT64_C(1000),
			       .err = &s->err };
}

static enum status tenant_token(struct sweep *s, const char *tenant_id)
{
	struct call call;
	enum status st;

	if (s->token && strcmp(s->tenant_id, tenant_id) == 0)
		return ST_OK;
	s->token = NULL;
	s->tenant_id = tenant_id;
	svc_call_init(&call, s->svc, s->arena, &s->err, NULL, NULL, NULL, SWEEP_CALL_MS);
	st = billing_grant(&call, tenant_id, &s->token);
	if (st != ST_OK)
		s->token = NULL;
	return st;
}

static enum status settle_one(struct sweep *s, const struct unsettled *u)
{
	struct settlement cost;
	struct place p;
	struct call call;
	enum status st = tenant_token(s, u->tenant_id);

	if (st != ST_OK)
		return st;
	svc_call_init(&call, s->svc, s->arena, &s->err, s->token, NULL, NULL, SWEEP_CALL_MS);
	st = billing_settle(&call, &u->call, &cost);
	if (st != ST_OK)
		return st;
	p = worker_place(s);
	return store_call_settled(&p, u->call.reservation_id, cost.cost_nano, cost.unpriced);
}

/* A call that fails stays claimed until its next try; the others go on. */
static enum status settle_left(struct sweep *s, size_t *n)
{
	struct place p = worker_place(s);
	struct unsettled *left;
	enum status st = store_sweep_claim(&p, SWEEP_MAX, &left, n);

	for (size_t i = 0; st == ST_OK && i < *n && !svc_stopping(s->svc); i++) {
		log_context(NULL, left[i].tenant_id);
		if (settle_one(s, &left[i]) == ST_OK)
			log_event(LOG_INFO, "call.settled_late",
				  "a call of the model that was left unsettled, at try %d",
				  left[i].tries);
		else
			log_event(LOG_WARN, "call.unsettled",
				  "a call of the model could not be settled at try %d: %s",
				  left[i].tries, s->err.detail);
		log_context(NULL, NULL);
	}
	return st;
}

static enum status end_overdue(struct sweep *s)
{
	struct place p = worker_place(s);
	int64_t questions = 0, calls = 0;
	enum status st = store_sweep_overdue(&p, &questions, &calls);

	if (st == ST_OK && (questions > 0 || calls > 0))
		log_event(LOG_WARN, "asks.left_behind",
			  "%lld questions without an answer are failed, the tokens of %lld calls "
			  "of the model stay unknown",
			  (long long)questions, (long long)calls);
	return st;
}

static void sweep_once(struct svc *svc)
{
	struct sweep s = { .svc = svc, .arena = arena_new(SWEEP_ARENA_MAX) };
	enum status st = s.arena ? end_overdue(&s) : ST_UNAVAILABLE;
	size_t n = SWEEP_MAX;

	while (st == ST_OK && n == SWEEP_MAX && !svc_stopping(svc)) {
		s.token = NULL;
		arena_reset(s.arena);
		st = settle_left(&s, &n);
	}
	if (st != ST_OK)
		log_event(LOG_WARN, "sweep.failed", "trying again in %d ms: %s", SWEEP_EVERY_MS,
			  s.err.detail);
	arena_free(s.arena);
}

struct sweeper {
	struct svc *svc;
	struct insights *app;
};

static void *sweep_main(void *arg)
{
	const struct sweeper x = *(struct sweeper *)arg;

	while (!svc_stopping(x.svc)) {
		sweep_once(x.svc);
		svc_wait(x.svc, SWEEP_EVERY_MS);
	}
	running_cancel_all(x.app);
	return NULL;
}

enum status sweep_start(struct svc *svc, struct insights *app, struct error *err)
{
	static struct sweeper x;

	x = (struct sweeper){ svc, app };
	if (pthread_mutex_init(&app->running_lock, NULL) != 0 ||
	    pthread_create(&app->sweeper, NULL, sweep_main, &x) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "the sweeper cannot start");
	app->sweeper_on = true;
	return ST_OK;
}

void sweep_stop(struct svc *svc, struct insights *app)
{
	svc_wake(svc);
	if (!app->sweeper_on)
		return;
	pthread_join(app->sweeper, NULL);
	pthread_mutex_destroy(&app->running_lock);
	app->sweeper_on = false;
}
