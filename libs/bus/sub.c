/*
 * Subscriptions with a delivery thread whose end can be waited for, and the graveyard of ended
 * ones.
 */
#include "bus/bus_priv.h"
#include "core/magic.h"

#include <stdlib.h>

#define SUB_MAGIC       0x73756231u
#define RETIRE_FLUSH_MS 2000

struct retired {
	natsSubscription *ns;
	struct retired *next;
};

void bus_free_retired(struct bus *bus)
{
	struct retired *r;

	pthread_mutex_lock(&bus->mu);
	r = bus->retired;
	bus->retired = NULL;
	pthread_mutex_unlock(&bus->mu);
	while (r) {
		struct retired *next = r->next;

		natsSubscription_Destroy(r->ns);
		free(r);
		r = next;
	}
}

/* Takes the whole graveyard, so that what is freed after the flush was in it before. */
static void flush_retired(struct bus *bus)
{
	struct retired *list, *last;

	pthread_mutex_lock(&bus->mu);
	list = bus->retired;
	bus->retired = NULL;
	pthread_mutex_unlock(&bus->mu);
	if (!list)
		return;
	if (bus_flush(bus, RETIRE_FLUSH_MS) != ST_OK) {
		for (last = list; last->next; last = last->next)
			;
		pthread_mutex_lock(&bus->mu);
		last->next = bus->retired;
		bus->retired = list;
		pthread_mutex_unlock(&bus->mu);
		return;
	}
	while (list) {
		struct retired *next = list->next;

		natsSubscription_Destroy(list->ns);
		free(list);
		list = next;
	}
}

void bus_retire(struct bus *bus, natsSubscription *ns)
{
	struct retired *r = malloc(sizeof(*r));

	(void)natsSubscription_Unsubscribe(ns);
	/* Without memory for the entry the subscription itself stays: some 300 bytes, and no crash.
	 */
	if (!r)
		return;
	r->ns = ns;
	pthread_mutex_lock(&bus->mu);
	r->next = bus->retired;
	bus->retired = r;
	pthread_mutex_unlock(&bus->mu);
	flush_retired(bus);
}

/* ---- taps ---- */
static void tap_message(natsConnection *nc, natsSubscription *ns, natsMsg *nm, void *closure)
{
	struct tap *t = closure;

	(void)nc;
	(void)ns;
	t->fn(t->arg, nm);
}

static void tap_complete(void *closure)
{
	struct tap *t = closure;

	pthread_mutex_lock(&t->mu);
	t->done = true;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->mu);
}

enum status tap_open(struct tap *t, struct bus *bus, const char *subject, const char *queue,
		     int pending_msgs, tap_fn *fn, void *arg)
{
	natsStatus s;

	if (!bus_subject_valid(subject, true))
		return ST_INVALID;
	*t = (struct tap){ .bus = bus, .fn = fn, .arg = arg };
	pthread_mutex_init(&t->mu, NULL);
	bus_cond_init(&t->cond);
	if (queue)
		s = natsConnection_QueueSubscribe(&t->ns, bus->nc, subject, queue, tap_message, t);
	else
		s = natsConnection_Subscribe(&t->ns, bus->nc, subject, tap_message, t);
	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(t->ns, pending_msgs, BUS_PENDING_BYTES);
	if (s == NATS_OK)
		s = natsSubscription_SetOnCompleteCB(t->ns, tap_complete, t);
	if (s == NATS_OK)
		return ST_OK;
	if (t->ns)
		bus_retire(bus, t->ns);
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->mu);
	t->ns = NULL;
	return bus_status_of(s);
}

static bool tap_wait(struct tap *t, int64_t deadline_us)
{
	bool done;

	pthread_mutex_lock(&t->mu);
	while (!t->done && bus_cond_wait(&t->cond, &t->mu, deadline_us))
		;
	done = t->done;
	pthread_mutex_unlock(&t->mu);
	return done;
}

void tap_close(struct tap *t, int drain_ms)
{
	int64_t deadline = time_mono_us() + drain_ms * INT64_C(1000);

	if (!t->ns)
		return;
	if (drain_ms > 0 && natsSubscription_DrainTimeout(t->ns, drain_ms) == NATS_OK)
		(void)tap_wait(t, deadline);
	bus_retire(t->bus, t->ns);
	t->ns = NULL;
	/* The delivery thread always gets here once the subscription is closed; only a callback of
	 * ours could delay it. */
	pthread_mutex_lock(&t->mu);
	while (!t->done)
		pthread_cond_wait(&t->cond, &t->mu);
	pthread_mutex_unlock(&t->mu);
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->mu);
}

/* ---- plain subscriptions ---- */
struct bus_sub {
	uint32_t magic;
	struct bus *bus;
	struct tap tap;
	bus_message_fn *fn;
	void *arg;
	struct bus_sub *next;
};

static void sub_message(void *arg, natsMsg *nm)
{
	struct bus_sub *s = arg;
	struct bus_msg *m;

	CHECK_MAGIC(s, SUB_MAGIC);
	m = bus_msg_wrap(s->bus, nm);
	if (!m)
		return;
	s->fn(s->arg, m);
	bus_msg_free(m);
}

enum status bus_subscribe(struct bus *bus, const char *subject, bus_message_fn *fn, void *arg,
			  struct bus_sub **ret)
{
	struct bus_sub *s = calloc(1, sizeof(*s));
	enum status st;

	if (!s)
		return ST_INTERNAL;
	*s = (struct bus_sub){ .magic = SUB_MAGIC, .bus = bus, .fn = fn, .arg = arg };
	st = tap_open(&s->tap, bus, subject, NULL, BUS_PENDING_MSGS, sub_message, s);
	if (st != ST_OK) {
		free(s);
		return st;
	}
	pthread_mutex_lock(&bus->mu);
	s->next = bus->subs;
	bus->subs = s;
	pthread_mutex_unlock(&bus->mu);
	*ret = s;
	return ST_OK;
}

void bus_unsubscribe(struct bus_sub *s)
{
	struct bus_sub **p;

	if (!s)
		return;
	CHECK_MAGIC(s, SUB_MAGIC);
	pthread_mutex_lock(&s->bus->mu);
	for (p = &s->bus->subs; *p && *p != s; p = &(*p)->next)
		;
	INVARIANT(*p == s);
	*p = s->next;
	pthread_mutex_unlock(&s->bus->mu);
	tap_close(&s->tap, 0);
	s->magic = 0;
	free(s);
}

void bus_stop_subs(struct bus *bus)
{
	for (;;) {
		struct bus_sub *s;

		pthread_mutex_lock(&bus->mu);
		s = bus->subs;
		pthread_mutex_unlock(&bus->mu);
		if (!s)
			return;
		bus_unsubscribe(s);
	}
}
