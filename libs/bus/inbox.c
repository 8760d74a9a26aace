/*
 * Inboxes: synchronous subscriptions below this instance's own prefix, kept and used again, because
 * making and freeing one costs a round trip. Every use has a number, so that what arrives late for
 * an earlier use is not mistaken for this one's.
 */
#include "bus/bus_priv.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INBOXES_MAX 64

static enum status inbox_make(struct bus *bus, struct inbox **ret)
{
	struct inbox *in = calloc(1, sizeof(*in));
	char subject[BUS_SUBJECT_MAX];
	natsStatus s;

	if (!in)
		return ST_INTERNAL;
	snprintf(in->base, sizeof(in->base), "%s.%s.a%llu", bus->prefix, bus->token,
		 (unsigned long long)atomic_fetch_add(&bus->inbox_serial, 1));
	snprintf(subject, sizeof(subject), "%s.*", in->base);
	s = natsConnection_SubscribeSync(&in->ns, bus->nc, subject);
	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(in->ns, BUS_PENDING_MSGS, BUS_PENDING_BYTES);
	if (s != NATS_OK) {
		if (in->ns)
			bus_retire(bus, in->ns);
		free(in);
		return bus_status_of(s);
	}
	*ret = in;
	return ST_OK;
}

void inbox_begin(struct bus *bus, struct inbox *in)
{
	in->use++;
	in->disconnects = atomic_load(&bus->disconnects);
}

enum status inbox_take(struct bus *bus, struct inbox **ret)
{
	struct inbox *in;
	enum status st = ST_OK;
	bool full;

	pthread_mutex_lock(&bus->mu);
	in = bus->inboxes;
	if (in)
		bus->inboxes = in->next;
	full = !in && bus->n_inboxes == INBOXES_MAX;
	if (!in && !full)
		bus->n_inboxes++;
	pthread_mutex_unlock(&bus->mu);
	if (full)
		return ST_UNAVAILABLE;
	if (!in)
		st = inbox_make(bus, &in);
	if (st != ST_OK) {
		pthread_mutex_lock(&bus->mu);
		bus->n_inboxes--;
		pthread_mutex_unlock(&bus->mu);
		return st;
	}
	inbox_begin(bus, in);
	*ret = in;
	return ST_OK;
}

void inbox_give(struct bus *bus, struct inbox *in)
{
	natsMsg *nm;

	while (natsSubscription_NextMsg(&nm, in->ns, 0) == NATS_OK)
		natsMsg_Destroy(nm);
	pthread_mutex_lock(&bus->mu);
	in->next = bus->inboxes;
	bus->inboxes = in;
	pthread_mutex_unlock(&bus->mu);
}

void inbox_drop(struct bus *bus, struct inbox *in)
{
	bus_retire(bus, in->ns);
	free(in);
	pthread_mutex_lock(&bus->mu);
	bus->n_inboxes--;
	pthread_mutex_unlock(&bus->mu);
}

/* cnats drains a synchronous subscription only while somebody reads it, so these must be ended
 * before the connection is drained. */
void inbox_end_all(struct bus *bus)
{
	pthread_mutex_lock(&bus->mu);
	for (struct inbox *in = bus->inboxes; in; in = in->next)
		(void)natsSubscription_Unsubscribe(in->ns);
	pthread_mutex_unlock(&bus->mu);
}

void inbox_free_all(struct bus *bus)
{
	struct inbox *in;

	pthread_mutex_lock(&bus->mu);
	in = bus->inboxes;
	bus->inboxes = NULL;
	pthread_mutex_unlock(&bus->mu);
	while (in) {
		struct inbox *next = in->next;

		natsSubscription_Destroy(in->ns);
		free(in);
		in = next;
	}
}

void inbox_subject(const struct inbox *in, size_t index, char out[BUS_SUBJECT_MAX])
{
	snprintf(out, BUS_SUBJECT_MAX, "%s.%llu-%zu", in->base, (unsigned long long)in->use, index);
}

bool inbox_index(const struct inbox *in, const char *subject, size_t *index)
{
	size_t base = strlen(in->base);
	unsigned long long use;
	const char *dash;
	char number[24];
	int64_t value;

	if (strncmp(subject, in->base, base) != 0 || subject[base] != '.')
		return false;
	subject += base + 1;
	dash = strchr(subject, '-');
	if (!dash || (size_t)(dash - subject) >= sizeof(number))
		return false;
	memcpy(number, subject, (size_t)(dash - subject));
	number[dash - subject] = '\0';
	if (!parse_i64(number, 0, INT64_MAX, &value))
		return false;
	use = (unsigned long long)value;
	if (use != in->use || !parse_i64(dash + 1, 0, INT64_MAX, &value))
		return false;
	*index = (size_t)value;
	return true;
}

enum status inbox_next(struct bus *bus, struct inbox *in, int64_t deadline_us, natsMsg **ret)
{
	for (;;) {
		int64_t left_ms = (deadline_us - time_mono_us() + 999) / 1000;
		natsStatus s;

		if (left_ms < 0)
			left_ms = 0;
		s = natsSubscription_NextMsg(
			ret, in->ns, left_ms > BUS_STATUS_SLICE_MS ? BUS_STATUS_SLICE_MS : left_ms);
		if (s != NATS_TIMEOUT)
			return bus_status_of(s);
		/* What was under way is lost, even if the connection is back by now. */
		if (!bus_connected(bus) || atomic_load(&bus->disconnects) != in->disconnects)
			return ST_UNAVAILABLE;
		if (time_mono_us() >= deadline_us)
			return ST_TIMEOUT;
	}
}
