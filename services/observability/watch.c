/* See watch.h. */
#include "watch.h"

#include "alert.h"
#include "alert_message.h"
#include "alerts_priv.h"
#include "bell.h"
#include "core/log.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "store_alerts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_(x)      #x
#define TEXT(x)       TEXT_(x)
#define IDLE_US       US_PER_HOUR /* nobody watches */
#define ARENA_MAX     ((size_t)1024 * 1024)
#define PARTS_MAX     ((size_t)4 * 1024 * 1024) /* memory of one page of a stream */
#define BEFORE_END_US (US_PER_SECOND / 2)       /* the stream ends well before its deadline does */

struct watcher {
	bool used;
	char tenant_id[UUID_TEXT];
	int64_t latest; /* number of the tenant's latest change, as far as known */
};

struct watch {
	struct svc *svc;
	pthread_t thread;
	bool thread_on;
	struct bell bell; /* the thread waits here */
	pthread_mutex_t lock;
	pthread_cond_t news; /* the watchers here */
	/* Under the lock: */
	struct watcher watchers[WATCHERS_MAX];
	int n, max;
};

/* ---- the thread that asks ---- */

/* The tenants that are watched, once a watcher. */
static size_t list_watchers(struct watch *w, const char **tenants, char ids[][UUID_TEXT], int *of)
{
	size_t n = 0;

	pthread_mutex_lock(&w->lock);
	for (int i = 0; i < WATCHERS_MAX; i++) {
		if (!w->watchers[i].used)
			continue;
		memcpy(ids[n], w->watchers[i].tenant_id, UUID_TEXT);
		tenants[n] = ids[n];
		of[n++] = i;
	}
	pthread_mutex_unlock(&w->lock);
	return n;
}

static void note_latest(struct watch *w, char ids[][UUID_TEXT], const int *of, size_t n,
			const int64_t *latest)
{
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < n; i++) {
		struct watcher *me = &w->watchers[of[i]];

		/* The place may be another's by now. */
		if (me->used && memcmp(me->tenant_id, ids[i], UUID_TEXT) == 0 &&
		    latest[i] > me->latest)
			me->latest = latest[i];
	}
	pthread_cond_broadcast(&w->news);
	pthread_mutex_unlock(&w->lock);
}

static void *look_for_changes(void *arg)
{
	struct watch *w = arg;
	struct arena *a = arena_new(ARENA_MAX);
	char ids[WATCHERS_MAX][UUID_TEXT];
	const char *tenants[WATCHERS_MAX];
	int64_t latest[WATCHERS_MAX];
	int of[WATCHERS_MAX];
	size_t n = 0;

	while (a && bell_wait(&w->bell, n > 0 ? WATCH_LOOK_MS * INT64_C(1000) : IDLE_US)) {
		struct error err = { 0 };

		arena_reset(a);
		n = list_watchers(w, tenants, ids, of);
		if (n == 0)
			continue;
		if (store_latest_changes(svc_worker_db(w->svc), a, tenants, n, latest, &err) ==
		    ST_OK)
			note_latest(w, ids, of, n, latest);
		else
			log_event(LOG_WARN, "watch.failed", "trying again: %s", err.detail);
	}
	arena_free(a);
	return NULL;
}

enum status watch_start(struct svc *svc, struct watch **ret, struct error *err)
{
	struct watch *w = calloc(1, sizeof(*w)); /* allowed: a long-lived object */

	if (!w)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	w->svc = svc;
	w->max = svc_workers(svc) / 2 < WATCHERS_MAX ? svc_workers(svc) / 2 : WATCHERS_MAX;
	pthread_mutex_init(&w->lock, NULL);
	bell_init(&w->bell);
	bell_cond_init(&w->news);
	*ret = w;
	if (pthread_create(&w->thread, NULL, look_for_changes, w) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "the watch of alerts cannot start");
	w->thread_on = true;
	return ST_OK;
}

void watch_stop(struct watch *w)
{
	if (!w)
		return;
	bell_end(&w->bell);
	if (w->thread_on)
		pthread_join(w->thread, NULL);
	bell_done(&w->bell);
	pthread_cond_destroy(&w->news);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void watch_wake(struct watch *w)
{
	if (w)
		bell_ring(&w->bell);
}

/* ---- a watcher ---- */

/* A free place for the tenant; below 0: none. `*why` then says whose bound it is. Under the lock.
 */
static int find_room(const struct watch *w, const char *tenant, const char **why)
{
	int room = -1, theirs = 0;

	for (int i = 0; i < WATCHERS_MAX; i++)
		if (!w->watchers[i].used)
			room = i;
		else
			theirs += strcmp(w->watchers[i].tenant_id, tenant) == 0;
	if (theirs >= WATCHERS_TENANT_MAX)
		*why = "your tenant watches alerts as often already as this process takes of one "
		       "tenant (" TEXT(WATCHERS_TENANT_MAX) "); try again";
	else if (w->n >= w->max)
		*why = "as many watch alerts already as this process takes; try again";
	else
		return room;
	return -1;
}

static enum status enter(struct watch *w, struct call *call, int *me)
{
	const char *tenant = call_scope(call).tenant_id, *why = "";
	enum status st;
	int room;

	pthread_mutex_lock(&w->lock);
	room = find_room(w, tenant, &why);
	if (room >= 0) {
		w->watchers[room] = (struct watcher){ .used = true };
		snprintf(w->watchers[room].tenant_id, UUID_TEXT, "%s", tenant);
		w->n++;
	}
	pthread_mutex_unlock(&w->lock);
	bell_ring(&w->bell);
	if (room >= 0) {
		*me = room;
		return ST_OK;
	}
	st = error_set(call->err, ST_UNAVAILABLE, NULL, "%s", why);
	call->err->retry_after_s = WATCH_RETRY_AFTER_S;
	return st;
}

static void leave(struct watch *w, int me)
{
	pthread_mutex_lock(&w->lock);
	w->watchers[me].used = false;
	w->n--;
	pthread_mutex_unlock(&w->lock);
}

static enum status send_alert(struct call *call, struct call_stream *out, int64_t id,
			      const struct alert *alert, enum change change)
{
	Observability__V1__AlertPart part = OBSERVABILITY__V1__ALERT_PART__INIT;
	Observability__V1__Alert m = OBSERVABILITY__V1__ALERT__INIT;

	message_alert(call->arena, alert, change, &m);
	part.id = arena_printf(call->arena, "%lld", (long long)id);
	part.alert = &m;
	if (arena_failed(call->arena))
		return error_set(call->err, ST_TOO_LARGE, NULL, "the alerts do not fit in memory");
	return call_stream_send(out, &part.base);
}

/* The alerts that stand; each is told under the number of the change that fired it, so a stream
 * that breaks here goes on with all that changed since. */
static enum status send_standing(struct call *call, struct call_stream *out, int64_t *place)
{
	struct alert *alerts = NULL;
	size_t n = 0;
	enum status st = store_alerts_standing(call, &alerts, &n, place);

	for (size_t i = 0; st == ST_OK && i < n; i++)
		st = send_alert(call, out, alerts[i].fired_seq, &alerts[i], CHANGE_FIRED);
	return st;
}

static enum status send_changes(struct call *call, struct call_stream *out, int64_t *place)
{
	struct alert_change *list = NULL;
	size_t n = WATCH_PAGE;
	enum status st = ST_OK;

	while (st == ST_OK && n == WATCH_PAGE) {
		arena_reset(call->arena);
		st = store_changes(call, *place, WATCH_PAGE, &list, &n);
		for (size_t i = 0; st == ST_OK && i < n; i++) {
			st = send_alert(call, out, list[i].seq, &list[i].alert, list[i].change);
			*place = list[i].seq;
		}
	}
	return st;
}

/* True when there is something behind `place`; false after a while, to look around. */
static bool wait_for_news(struct watch *w, int me, int64_t place)
{
	struct timespec until;
	bool ret;

	bell_deadline(WATCH_WAIT_MS * INT64_C(1000), &until);
	pthread_mutex_lock(&w->lock);
	while (w->watchers[me].latest <= place)
		if (pthread_cond_timedwait(&w->news, &w->lock, &until) != 0)
			break;
	ret = w->watchers[me].latest > place;
	pthread_mutex_unlock(&w->lock);
	return ret;
}

/* Where the caller stopped: the number of a change. */
static enum status find_place(struct call *call, const char *last, int64_t *place)
{
	int64_t latest = 0;
	enum status st;

	if (!parse_i64(last, 0, INT64_MAX, place))
		return error_set(call->err, ST_INVALID, "last_event_id",
				 "is not an id of this stream");
	st = store_latest_change(call, &latest);
	if (st == ST_OK && *place > latest)
		return error_set(call->err, ST_INVALID, "last_event_id",
				 "is not an id of this stream");
	return st;
}

/* A part without an alert: the gateway answers its head at once, also where nothing stands. */
static enum status send_opening(struct call_stream *out)
{
	const Observability__V1__AlertPart part = OBSERVABILITY__V1__ALERT_PART__INIT;

	return call_stream_send(out, &part.base);
}

static enum status watch(struct call *call, const char *last, struct call_stream *out,
			 struct watch *w, int me)
{
	int64_t place = 0;
	enum status st = *last ? find_place(call, last, &place) : send_standing(call, out, &place);

	if (st == ST_OK)
		st = send_opening(out);
	if (st == ST_OK)
		st = send_changes(call, out, &place);
	while (st == ST_OK && !svc_stopping(call->svc) && !call_stream_cancelled(out) &&
	       time_mono_us() < call->deadline_us - BEFORE_END_US)
		if (wait_for_news(w, me, place))
			st = send_changes(call, out, &place);
	return st == ST_CANCELLED ? ST_OK : st; /* nobody is there to be told */
}

enum status handle_watch_alerts(struct call *call, const Observability__V1__WatchAlertsRequest *in,
				struct call_stream *out)
{
	struct observability *app = call->app;
	struct call mine = *call; /* with memory that is emptied page by page */
	int me = 0;
	enum status st = enter(app->alerts->watch, call, &me);

	if (st != ST_OK)
		return st;
	mine.arena = arena_new(PARTS_MAX);
	st = mine.arena ? watch(&mine, in->last_event_id, out, app->alerts->watch, me)
			: error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	arena_free(mine.arena);
	leave(app->alerts->watch, me);
	return st;
}
