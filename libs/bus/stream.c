/*
 * Answers in parts, the callee's side: numbered parts within a window, beats, the end marker; and
 * the control messages the caller sends back. The protocol is in docs/internals/bus.md; the other
 * side is call.c.
 */
#include "bus/bus_priv.h"
#include "core/magic.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_MAGIC       0x73746d31u
#define STREAM_STALL_MS    30000 /* a caller that reads nothing for so long is given up */
#define STREAM_TICK_MS     250
#define STREAM_CTL_PENDING 65536

struct bus_stream {
	uint32_t magic;
	struct bus *bus;
	uint32_t slot, serial;
	int refs; /* of the table's lock: the owner's one and the ticker's */
	char inbox[BUS_SUBJECT_MAX], control[BUS_SUBJECT_MAX];

	pthread_mutex_t mu; /* all below, and the order of what is published */
	pthread_cond_t moved;
	uint64_t sent, read;
	bool cancelled, ended;
	int64_t last_sent_us;
};

/* ---- what the caller says ---- */
static void apply_control(struct bus_stream *s, natsMsg *nm)
{
	const char *data = natsMsg_GetData(nm);
	char text[32];
	int64_t n;

	/* Nobody listens on the caller's inbox any more. */
	if (natsMsg_IsNoResponders(nm)) {
		s->cancelled = true;
	} else if (data && natsMsg_GetDataLength(nm) < (int)sizeof(text)) {
		snprintf(text, sizeof(text), "%.*s", natsMsg_GetDataLength(nm), data);
		if (strcmp(text, "cancel") == 0)
			s->cancelled = true;
		else if (strncmp(text, "read ", 5) == 0 && parse_i64(text + 5, 0, INT64_MAX, &n) &&
			 (uint64_t)n > s->read && (uint64_t)n <= s->sent)
			s->read = (uint64_t)n;
	}
	pthread_cond_broadcast(&s->moved);
}

/* The last token of the subject: <slot>-<serial>. */
static struct bus_stream *find_stream(struct stream_table *t, const char *subject)
{
	const char *token = strrchr(subject, '.');
	uint32_t slot, serial;

	if (!token || !bus_id_parse(token + 1, &slot, &serial) || slot >= BUS_STREAMS_MAX)
		return NULL;
	return t->slot[slot] && t->slot[slot]->serial == serial ? t->slot[slot] : NULL;
}

static void on_control(void *arg, natsMsg *nm)
{
	struct stream_table *t = &((struct bus *)arg)->streams;
	struct bus_stream *s;

	pthread_mutex_lock(&t->mu);
	s = find_stream(t, natsMsg_GetSubject(nm));
	if (s) {
		pthread_mutex_lock(&s->mu);
		apply_control(s, nm);
		pthread_mutex_unlock(&s->mu);
	}
	pthread_mutex_unlock(&t->mu);
	natsMsg_Destroy(nm);
}

/* ---- publishing ---- */
/* With the stream's lock held. `number` is the header's value. */
static enum status publish(struct bus_stream *s, const char *header, uint64_t number,
			   const char *control, const void *data, size_t len)
{
	char value[24];
	struct bus_header h[] = {
		{ header, value },
		{ BUS_STREAM_CONTROL, control },
	};

	snprintf(value, sizeof(value), "%llu", (unsigned long long)number);
	s->last_sent_us = time_mono_us();
	/* With the control subject as reply the server tells us there when nobody takes the part.
	 */
	return bus_send(s->bus, s->inbox, s->control, h, 2, data, len);
}

static void stream_release(struct stream_table *t, struct bus_stream *s)
{
	int refs;

	pthread_mutex_lock(&t->mu);
	refs = --s->refs;
	pthread_mutex_unlock(&t->mu);
	if (refs > 0)
		return;
	pthread_cond_destroy(&s->moved);
	pthread_mutex_destroy(&s->mu);
	s->magic = 0;
	free(s);
}

/* ---- the ticker ---- */
static void beat(struct bus_stream *s)
{
	/* Whoever holds the lock is sending just now. */
	if (pthread_mutex_trylock(&s->mu) != 0)
		return;
	if (!s->ended && !s->cancelled &&
	    time_mono_us() - s->last_sent_us >= BUS_STREAM_BEAT_MS * INT64_C(1000))
		(void)!publish(s, BUS_STREAM_BEAT, s->sent, NULL, NULL, 0);
	pthread_mutex_unlock(&s->mu);
}

static void *ticker_main(void *arg)
{
	struct stream_table *t = &((struct bus *)arg)->streams;
	struct bus_stream *open[BUS_STREAMS_MAX];

	pthread_mutex_lock(&t->mu);
	while (!t->stop) {
		int64_t next = time_mono_us() + STREAM_TICK_MS * INT64_C(1000);
		size_t n = 0;

		if (t->open == 0) {
			pthread_cond_wait(&t->wake, &t->mu);
			continue;
		}
		for (size_t i = 0; i < BUS_STREAMS_MAX; i++) {
			if (t->slot[i]) {
				t->slot[i]->refs++;
				open[n++] = t->slot[i];
			}
		}
		pthread_mutex_unlock(&t->mu);
		while (n > 0) {
			beat(open[--n]);
			stream_release(t, open[n]);
		}
		pthread_mutex_lock(&t->mu);
		while (!t->stop && bus_cond_wait(&t->wake, &t->mu, next))
			;
	}
	pthread_mutex_unlock(&t->mu);
	nats_ReleaseThreadMemory();
	return NULL;
}

/* ---- open and end ---- */
/* With the table's lock held: the first stream starts the ticker and listens for control messages.
 */
static enum status table_start(struct bus *bus)
{
	struct stream_table *t = &bus->streams;
	char subject[BUS_SUBJECT_MAX];
	enum status st;

	if (!t->listening) {
		snprintf(subject, sizeof(subject), "pp.ctl.%s.*", bus->token);
		st = tap_open(&t->ctl, bus, subject, NULL, STREAM_CTL_PENDING, on_control, bus);
		if (st != ST_OK)
			return st;
		t->listening = true;
	}
	if (!t->ticking) {
		if (pthread_create(&t->ticker, NULL, ticker_main, bus) != 0)
			return ST_INTERNAL;
		t->ticking = true;
	}
	return ST_OK;
}

static enum status table_add(struct bus *bus, struct bus_stream *s)
{
	struct stream_table *t = &bus->streams;
	enum status st;
	uint32_t i = 0;

	pthread_mutex_lock(&t->mu);
	st = table_start(bus);
	while (st == ST_OK && i < BUS_STREAMS_MAX && t->slot[i])
		i++;
	if (st == ST_OK && i == BUS_STREAMS_MAX)
		st = ST_UNAVAILABLE;
	if (st == ST_OK) {
		s->slot = i;
		s->serial = ++t->serial;
		snprintf(s->control, sizeof(s->control), "pp.ctl.%s.%u-%u", bus->token, s->slot,
			 s->serial);
		t->slot[i] = s;
		if (t->open++ == 0)
			pthread_cond_signal(&t->wake);
	}
	pthread_mutex_unlock(&t->mu);
	return st;
}

static void table_remove(struct bus_stream *s)
{
	struct stream_table *t = &s->bus->streams;

	pthread_mutex_lock(&t->mu);
	t->slot[s->slot] = NULL;
	t->open--;
	pthread_mutex_unlock(&t->mu);
}

enum status bus_stream_open(struct bus *bus, const struct bus_msg *request, struct bus_stream **ret)
{
	const char *reply = bus_msg_reply(request);
	struct bus_stream *s;
	enum status st;

	if (!reply || strlen(reply) >= BUS_SUBJECT_MAX)
		return ST_INVALID;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ST_INTERNAL;
	*s = (struct bus_stream){ .magic = STREAM_MAGIC, .bus = bus, .refs = 1 };
	(void)!text_copy(s->inbox, sizeof(s->inbox), reply);
	pthread_mutex_init(&s->mu, NULL);
	bus_cond_init(&s->moved);
	s->last_sent_us = time_mono_us();
	st = table_add(bus, s);
	if (st == ST_OK) {
		pthread_mutex_lock(&s->mu);
		st = publish(s, BUS_STREAM_BEAT, 0, s->control, NULL, 0);
		pthread_mutex_unlock(&s->mu);
		if (st != ST_OK)
			table_remove(s);
	}
	if (st != ST_OK) {
		stream_release(&bus->streams, s);
		return st;
	}
	*ret = s;
	return ST_OK;
}

/* With the stream's lock held. */
static enum status wait_window(struct bus_stream *s)
{
	int64_t give_up = time_mono_us() + STREAM_STALL_MS * INT64_C(1000);
	uint64_t read = s->read;

	while (s->sent - s->read >= BUS_STREAM_WINDOW && !s->cancelled) {
		int64_t now = time_mono_us();
		int64_t look = now + BUS_STATUS_SLICE_MS * INT64_C(1000);

		if (s->read != read) {
			read = s->read;
			give_up = now + STREAM_STALL_MS * INT64_C(1000);
		}
		if (now >= give_up)
			return ST_TIMEOUT;
		if (!bus_connected(s->bus))
			return ST_UNAVAILABLE;
		(void)bus_cond_wait(&s->moved, &s->mu, look);
	}
	return s->cancelled ? ST_CANCELLED : ST_OK;
}

enum status bus_stream_send(struct bus_stream *s, const void *data, size_t len)
{
	enum status st;

	CHECK_MAGIC(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->mu);
	st = wait_window(s);
	if (st == ST_OK) {
		s->sent++;
		st = publish(s, BUS_STREAM_PART, s->sent, NULL, data, len);
		/* Refused before it was sent; any other failure leaves a gap, which is how the
		 * caller learns of it. */
		if (st == ST_TOO_LARGE || st == ST_INVALID)
			s->sent--;
	}
	pthread_mutex_unlock(&s->mu);
	return st;
}

bool bus_stream_cancelled(const struct bus_stream *s)
{
	struct bus_stream *w = (struct bus_stream *)s;
	bool cancelled;

	CHECK_MAGIC(s, STREAM_MAGIC);
	pthread_mutex_lock(&w->mu);
	cancelled = w->cancelled;
	pthread_mutex_unlock(&w->mu);
	return cancelled;
}

/* A failure here needs no report: a caller that misses the end takes the stream for lost. */
static void publish_end(struct bus_stream *s, const struct bus_header *h, int n_headers)
{
	char count[24];
	natsMsg *nm;

	snprintf(count, sizeof(count), "%llu", (unsigned long long)s->sent);
	if (bus_msg_build(s->inbox, NULL, h, n_headers, NULL, 0, &nm) != ST_OK)
		return;
	if (natsMsgHeader_Set(nm, BUS_STREAM_END, count) == NATS_OK)
		(void)natsConnection_PublishMsg(s->bus->nc, nm);
	natsMsg_Destroy(nm);
}

void bus_stream_end(struct bus_stream *s, const struct bus_header *h, int n_headers)
{
	CHECK_MAGIC(s, STREAM_MAGIC);
	table_remove(s);
	pthread_mutex_lock(&s->mu);
	s->ended = true;
	if (!s->cancelled)
		publish_end(s, h, n_headers);
	pthread_mutex_unlock(&s->mu);
	stream_release(&s->bus->streams, s);
}

/* ---- with the bus ---- */
void streams_init(struct bus *bus)
{
	pthread_mutex_init(&bus->streams.mu, NULL);
	bus_cond_init(&bus->streams.wake);
}

void streams_stop(struct bus *bus)
{
	struct stream_table *t = &bus->streams;

	pthread_mutex_lock(&t->mu);
	t->stop = true;
	pthread_cond_broadcast(&t->wake);
	pthread_mutex_unlock(&t->mu);
	if (t->ticking)
		pthread_join(t->ticker, NULL);
	t->ticking = false;
	if (t->listening)
		tap_close(&t->ctl, 0);
	t->listening = false;
}

void streams_done(struct bus *bus)
{
	pthread_cond_destroy(&bus->streams.wake);
	pthread_mutex_destroy(&bus->streams.mu);
}
