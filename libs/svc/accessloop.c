/*
 * Keeps the access state fresh: auth announces a change on pp.ctl.access and we ask at once;
 * without an announcement we ask every five seconds. That is the stated bound: a suspension is seen
 * within a second while the bus works, within five if an announcement was lost.
 */
#include "contract/auth.h"
#include "core/log.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "svc/svc_priv.h"

#include <time.h>

#define ACCESS_POLL_S    5
#define ACCESS_CALL_MS   2000
#define ACCESS_FLOOR_US  (200 * 1000)
#define ACCESS_ARENA_MAX ((size_t)64 * 1024 * 1024)

static enum status from_auth(struct svc *svc, struct arena *a, struct access_state *st,
			     struct error *err)
{
	Pulsepoint__Empty in = PULSEPOINT__EMPTY__INIT;
	Auth__V1__AccessStateReply *out = NULL;
	struct access_key *keys;
	struct call call;
	enum status rc;

	svc_call_init(&call, svc, a, err, NULL, NULL, NULL, ACCESS_CALL_MS);
	rc = auth_access_state(&call, &in, &out);
	if (rc != ST_OK)
		return rc;
	keys = arena_array(a, out->n_keys + 1, sizeof(*keys));
	if (!keys)
		return ST_UNAVAILABLE;
	for (size_t i = 0; i < out->n_keys; i++)
		keys[i] = (struct access_key){ out->keys[i]->kid, out->keys[i]->public_pem };
	*st = (struct access_state){ out->version,
				     keys,
				     out->n_keys,
				     (const char *const *)out->suspended_tenants,
				     out->n_suspended_tenants,
				     (const char *const *)out->ended_sessions,
				     out->n_ended_sessions };
	return ST_OK;
}

static enum status fetch(struct svc *svc, struct error *err)
{
	struct arena *a = arena_new(ACCESS_ARENA_MAX);
	struct access_state state;
	enum status st;

	if (!a)
		return ST_UNAVAILABLE;
	st = svc->spec->access_state ? svc->spec->access_state(svc, svc->app, a, &state, err)
				     : from_auth(svc, a, &state, err);
	if (st == ST_OK)
		st = access_set_state(svc->access, &state);
	arena_free(a);
	return st;
}

enum status svc_refresh_access(struct svc *svc, struct error *err)
{
	int64_t now = time_mono_us();
	bool soon;

	pthread_mutex_lock(&svc->access_lock);
	soon = now - svc->access_last_us < ACCESS_FLOOR_US;
	if (!soon)
		svc->access_last_us = now;
	pthread_mutex_unlock(&svc->access_lock);
	return soon ? ST_LIMITED : fetch(svc, err);
}

static void on_announcement(void *arg, const struct bus_msg *m)
{
	struct svc *svc = arg;

	(void)m;
	CHECK_MAGIC(svc, SVC_MAGIC);
	pthread_mutex_lock(&svc->access_lock);
	svc->access_asked = true;
	pthread_cond_signal(&svc->access_cond);
	pthread_mutex_unlock(&svc->access_lock);
}

enum status svc_announce_access(struct svc *svc)
{
	/* Our own copy hears it too: the subscription is on the same subject. */
	return bus_publish(svc->bus, SVC_ACCESS_SUBJECT, NULL, 0, NULL, 0);
}

/* Waits for an announcement or the poll; shorter while no state was ever had. */
static void wait_for_change(struct svc *svc)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	if (access_version(svc->access) == 0)
		until.tv_nsec += 200 * 1000000;
	else
		until.tv_sec += ACCESS_POLL_S;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&svc->access_lock);
	while (!svc->access_asked && !svc_stopping(svc))
		if (pthread_cond_timedwait(&svc->access_cond, &svc->access_lock, &until) != 0)
			break;
	svc->access_asked = false;
	pthread_mutex_unlock(&svc->access_lock);
}

static void *access_main(void *arg)
{
	struct svc *svc = arg;

	CHECK_MAGIC(svc, SVC_MAGIC);
	while (!svc_stopping(svc)) {
		struct error err = { 0 };

		if (fetch(svc, &err) != ST_OK && access_version(svc->access) == 0)
			log_event(LOG_DEBUG, "access.waiting", "no access state yet: %s",
				  err.detail);
		wait_for_change(svc);
	}
	return NULL;
}

enum status svc__access_start(struct svc *svc, struct error *err)
{
	enum status st =
		bus_subscribe(svc->bus, SVC_ACCESS_SUBJECT, on_announcement, svc, &svc->access_sub);

	if (st != ST_OK)
		return error_set(err, st, NULL, "cannot listen for access changes");
	if (pthread_create(&svc->access_thread, NULL, access_main, svc) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "no thread for the access state");
	svc->access_thread_on = true;
	return ST_OK;
}

void svc__access_stop(struct svc *svc)
{
	bus_unsubscribe(svc->access_sub);
	svc->access_sub = NULL;
	if (!svc->access_thread_on)
		return;
	pthread_mutex_lock(&svc->access_lock);
	pthread_cond_signal(&svc->access_cond);
	pthread_mutex_unlock(&svc->access_lock);
	pthread_join(svc->access_thread, NULL);
	svc->access_thread_on = false;
}
