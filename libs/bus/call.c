/*
 * Answers in parts, the caller's side: one subscription for all open calls, each with a ring of at
 * most a window of parts. Numbers are checked as parts arrive, so that a lost part or a lost end is
 * an error and never a short answer. The other side is stream.c.
 */
#include "bus/bus_priv.h"
#include "core/magic.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_MAGIC        0x63616c31u
#define CALL_SILENCE_MS   5000
#define CALL_CREDIT_EVERY 16
#define CALL_LOOK_MS      250 /* how often a waiting caller looks at the connection */
#define CTL_PREFIX        "pp.ctl."

struct bus_call {
	uint32_t magic;
	struct bus *bus;
	uint32_t slot, serial;
	char subject[BUS_SUBJECT_MAX];
	int64_t began_us;
	uint64_t disconnects;

	pthread_mutex_t mu; /* all below */
	pthread_cond_t moved;
	char control[BUS_SUBJECT_MAX]; /* empty: not known yet */
	natsMsg *ring[BUS_STREAM_WINDOW];
	uint32_t head, count;
	uint64_t arrived, read, credited;
	int64_t heard_us;
	struct bus_msg *end;
	enum status lost; /* ST_OK: not lost */
	bool cancelled;   /* the callee was told to stop */
	bool end_read;
};

static void send_control(struct bus *bus, const char *control, const char *text)
{
	/* Lost credit is sent again at the next beat, a lost cancel by the table for calls it does
	 * not know. */
	(void)!bus_send(bus, control, NULL, NULL, 0, text, strlen(text));
}

static void send_credit(struct bus *bus, const char *control, uint64_t read)
{
	char text[32];

	snprintf(text, sizeof(text), "read %llu", (unsigned long long)read);
	send_control(bus, control, text);
}

static bool control_valid(const char *subject)
{
	return subject && strncmp(subject, CTL_PREFIX, sizeof(CTL_PREFIX) - 1) == 0 &&
	       bus_subject_valid(subject, false);
}

/* ---- arrivals, on the delivery thread with the call's lock held ---- */
static bool header_number(natsMsg *nm, const char *name, uint64_t *ret)
{
	const char *value = nats_header(nm, name);
	int64_t n;

	if (!value || !parse_i64(value, 0, INT64_MAX, &n))
		return false;
	*ret = (uint64_t)n;
	return true;
}

/* Returns true when it kept `nm`. */
static bool take_part(struct bus_call *c, natsMsg *nm, uint64_t number)
{
	if (number != c->arrived + 1 || c->count == BUS_STREAM_WINDOW) {
		c->lost = ST_UNAVAILABLE;
		return false;
	}
	c->ring[(c->head + c->count) % BUS_STREAM_WINDOW] = nm;
	c->count++;
	c->arrived = number;
	return true;
}

static bool take_end(struct bus_call *c, natsMsg *nm, uint64_t number)
{
	if (number != c->arrived) {
		c->lost = ST_UNAVAILABLE;
		return false;
	}
	c->end = bus_msg_wrap(c->bus, nm);
	if (!c->end)
		c->lost = ST_INTERNAL;
	return true;
}

static void take_beat(struct bus_call *c, natsMsg *nm, uint64_t number)
{
	const char *control = nats_header(nm, BUS_STREAM_CONTROL);

	if (!*c->control && control_valid(control))
		(void)!text_copy(c->control, sizeof(c->control), control);
	if (number != c->arrived)
		c->lost = ST_UNAVAILABLE;
	else if (*c->control && c->read > 0)
		send_credit(c->bus, c->control, c->read);
}

static bool arrive(struct bus_call *c, natsMsg *nm)
{
	uint64_t n;

	if (c->lost != ST_OK || c->end)
		return false;
	c->heard_us = time_mono_us();
	if (natsMsg_IsNoResponders(nm)) {
		c->lost = ST_UNAVAILABLE;
		return false;
	}
	if (header_number(nm, BUS_STREAM_PART, &n))
		return take_part(c, nm, n);
	if (header_number(nm, BUS_STREAM_END, &n))
		return take_end(c, nm, n);
	if (header_number(nm, BUS_STREAM_BEAT, &n)) {
		take_beat(c, nm, n);
		return false;
	}
	/* A plain reply in place of a stream, for instance a refusal: the end of an answer without
	 * parts. */
	return take_end(c, nm, *c->control ? UINT64_MAX : 0);
}

/* The callee of a broken answer works for nothing: it is told at once, not when the caller comes to
 * close. */
static void cancel_lost(struct bus_call *c)
{
	if (c->lost == ST_OK || c->cancelled || !*c->control)
		return;
	c->cancelled = true;
	send_control(c->bus, c->control, "cancel");
}

static struct bus_call *find_call(struct call_table *t, const char *subject)
{
	const char *token = strrchr(subject, '.');
	uint32_t slot, serial;

	if (!token || !bus_id_parse(token + 1, &slot, &serial) || slot >= BUS_CALLS_MAX)
		return NULL;
	return t->slot[slot] && t->slot[slot]->serial == serial ? t->slot[slot] : NULL;
}

static void on_message(void *arg, natsMsg *nm)
{
	struct bus *bus = arg;
	struct call_table *t = &bus->calls;
	struct bus_call *c;
	bool kept = false;

	pthread_mutex_lock(&t->mu);
	c = find_call(t, natsMsg_GetSubject(nm));
	if (c)
		pthread_mutex_lock(&c->mu);
	pthread_mutex_unlock(&t->mu);
	if (c) {
		kept = arrive(c, nm);
		cancel_lost(c);
		pthread_cond_broadcast(&c->moved);
		pthread_mutex_unlock(&c->mu);
	} else if (control_valid(natsMsg_GetReply(nm))) {
		/* For a call that is closed: its callee may not have heard. */
		send_control(bus, natsMsg_GetReply(nm), "cancel");
	}
	if (!kept)
		natsMsg_Destroy(nm);
}

/* ---- opening ---- */
static enum status table_add(struct bus *bus, struct bus_call *c)
{
	struct call_table *t = &bus->calls;
	enum status st = ST_OK;
	char subject[BUS_SUBJECT_MAX];
	uint32_t i = 0;

	pthread_mutex_lock(&t->mu);
	if (!t->listening) {
		snprintf(subject, sizeof(subject), "%s.%s.c.*", bus->prefix, bus->token);
		st = tap_open(&t->tap, bus, subject, NULL, BUS_PENDING_MSGS, on_message, bus);
		t->listening = st == ST_OK;
	}
	while (st == ST_OK && i < BUS_CALLS_MAX && t->slot[i])
		i++;
	if (st == ST_OK && i == BUS_CALLS_MAX)
		st = ST_UNAVAILABLE;
	if (st == ST_OK) {
		c->slot = i;
		c->serial = ++t->serial;
		t->slot[i] = c;
	}
	pthread_mutex_unlock(&t->mu);
	return st;
}

/* Afterwards no delivery touches the call. */
static void table_remove(struct bus_call *c)
{
	struct call_table *t = &c->bus->calls;

	pthread_mutex_lock(&t->mu);
	t->slot[c->slot] = NULL;
	pthread_mutex_lock(&c->mu);
	pthread_mutex_unlock(&c->mu);
	pthread_mutex_unlock(&t->mu);
}

static void call_free(struct bus_call *c)
{
	for (; c->count > 0; c->count--) {
		natsMsg_Destroy(c->ring[c->head]);
		c->head = (c->head + 1) % BUS_STREAM_WINDOW;
	}
	bus_msg_free(c->end);
	pthread_cond_destroy(&c->moved);
	pthread_mutex_destroy(&c->mu);
	c->magic = 0;
	free(c);
}

static struct bus_call *call_new(struct bus *bus)
{
	struct bus_call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->magic = CALL_MAGIC;
	c->bus = bus;
	c->began_us = c->heard_us = time_mono_us();
	c->disconnects = atomic_load(&bus->disconnects);
	pthread_mutex_init(&c->mu, NULL);
	bus_cond_init(&c->moved);
	return c;
}

enum status bus_call_open(struct bus *bus, const char *subject, const struct bus_header *h,
			  int n_headers, const void *data, size_t len, struct bus_call **ret)
{
	char reply[BUS_SUBJECT_MAX];
	struct bus_call *c;
	enum status st;

	if (!bus_subject_valid(subject, false))
		return ST_INVALID;
	if (!bus_connected(bus))
		return ST_UNAVAILABLE;
	c = call_new(bus);
	if (!c)
		return ST_INTERNAL;
	(void)!text_copy(c->subject, sizeof(c->subject), subject);
	st = table_add(bus, c);
	if (st != ST_OK) {
		call_free(c);
		return st;
	}
	snprintf(reply, sizeof(reply), "%s.%s.c.%u-%u", bus->prefix, bus->token, c->slot,
		 c->serial);
	st = bus_send(bus, subject, reply, h, n_headers, data, len);
	if (st != ST_OK) {
		table_remove(c);
		call_free(c);
		return st;
	}
	*ret = c;
	return ST_OK;
}

/* ---- reading ---- */
static natsMsg *ring_pop(struct bus_call *c)
{
	natsMsg *nm = c->ring[c->head];

	c->head = (c->head + 1) % BUS_STREAM_WINDOW;
	c->count--;
	c->read++;
	return nm;
}

/* With the lock held and nothing to read: has the callee, or the way to it, gone? */
static void look_for_loss(struct bus_call *c)
{
	if (!bus_connected(c->bus) || atomic_load(&c->bus->disconnects) != c->disconnects)
		c->lost = ST_UNAVAILABLE;
	else if (c->arrived == 0 && !*c->control && bus_was_denied(c->bus, c->subject, c->began_us))
		c->lost = ST_DENIED;
	else if (time_mono_us() - c->heard_us >= CALL_SILENCE_MS * INT64_C(1000))
		c->lost = ST_UNAVAILABLE;
}

/* With the lock held, until a part, the end, a loss or the deadline. */
static enum status wait_part(struct bus_call *c, int64_t deadline)
{
	while (c->count == 0 && !c->end && c->lost == ST_OK) {
		int64_t look = time_mono_us() + CALL_LOOK_MS * INT64_C(1000);

		look_for_loss(c);
		if (c->lost != ST_OK)
			break;
		if (!bus_cond_wait(&c->moved, &c->mu, deadline < look ? deadline : look))
			return ST_TIMEOUT;
	}
	/* What came before the loss was in order and is given out. */
	return c->count > 0 || c->end ? ST_OK : c->lost;
}

enum status bus_call_next(struct bus_call *c, int timeout_ms, struct bus_msg **ret)
{
	int64_t deadline = time_mono_us() + timeout_ms * INT64_C(1000);
	struct bus_msg *m = NULL;
	uint64_t credit = 0;
	natsMsg *nm = NULL;
	enum status st;

	CHECK_MAGIC(c, CALL_MAGIC);
	pthread_mutex_lock(&c->mu);
	st = wait_part(c, deadline);
	if (st == ST_OK && c->count > 0) {
		nm = ring_pop(c);
		if (c->read - c->credited >= CALL_CREDIT_EVERY && *c->control)
			credit = c->credited = c->read;
	} else if (st == ST_OK) {
		c->end_read = true;
	}
	pthread_mutex_unlock(&c->mu);
	if (credit)
		send_credit(c->bus, c->control, credit);
	if (nm) {
		m = bus_msg_wrap(c->bus, nm);
		if (!m)
			return ST_INTERNAL;
	}
	if (st == ST_OK)
		*ret = m;
	return st;
}

const struct bus_msg *bus_call_end(const struct bus_call *c)
{
	struct bus_call *w = (struct bus_call *)c;
	const struct bus_msg *end;

	CHECK_MAGIC(c, CALL_MAGIC);
	pthread_mutex_lock(&w->mu);
	end = w->end_read ? w->end : NULL;
	pthread_mutex_unlock(&w->mu);
	return end;
}

void bus_call_close(struct bus_call *c)
{
	if (!c)
		return;
	CHECK_MAGIC(c, CALL_MAGIC);
	table_remove(c);
	/* Without a control subject the callee has not answered yet: on_message cancels it when it
	 * does. */
	if (!c->end && !c->cancelled && *c->control)
		send_control(c->bus, c->control, "cancel");
	call_free(c);
}

/* ---- with the bus ---- */
void calls_init(struct bus *bus)
{
	pthread_mutex_init(&bus->calls.mu, NULL);
}

void calls_stop(struct bus *bus)
{
	if (bus->calls.listening)
		tap_close(&bus->calls.tap, 0);
	bus->calls.listening = false;
}

void calls_done(struct bus *bus)
{
	pthread_mutex_destroy(&bus->calls.mu);
}
