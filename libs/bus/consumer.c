/*
 * Fetching from a pull consumer that the deploy step made, with no more rights than a service has:
 * ask for the next messages, settle them. How the server answers a pull (tried with 2.9.10) is in
 * docs/internals/bus.md.
 */
#include "bus/bus_priv.h"
#include "core/magic.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSUMER_MAGIC 0x636f6e31u
#define FETCH_MAX      1024
#define FETCH_BYTES \
	(16 * 1024 * 1024) /* of one pull, so that a page of large events cannot eat the memory */
#define FETCH_WAIT_MIN_MS 10
#define FETCH_WAIT_MAX_MS 60000
#define FETCH_SPARE_MS                                                                        \
	1000 /* the server's answer may come this much after the wait; silence means: no such \
		consumer */
#define FETCH_GRACE_MS \
	100 /* after a message: a pull goes on when too many are unacknowledged, we do not */
#define ACK_TOKENS 12
#define ACK_PREFIX "$JS.ACK."

struct bus_consumer {
	uint32_t magic;
	struct bus *bus;
	char subject[BUS_SUBJECT_MAX];
	pthread_mutex_t mu; /* one fetch at a time */
	struct inbox *in;
};

/* ---- what the reply subject of a delivered message says ---- */
struct ack_fields {
	uint64_t deliveries, sequence;
};

/*
 * $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, or with
 * <domain>.<account hash> before the stream and perhaps a random token at the end (11 or 12 tokens;
 * newer servers).
 */
static bool ack_parse(const char *reply, struct ack_fields *out)
{
	char text[BUS_SUBJECT_MAX], *token[ACK_TOKENS], *save = NULL;
	int64_t v[2];
	int n = 0, at;

	if (!reply || strncmp(reply, ACK_PREFIX, sizeof(ACK_PREFIX) - 1) != 0)
		return false;
	if (text_copy(text, sizeof(text), reply) != ST_OK)
		return false;
	for (char *p = strtok_r(text, ".", &save); p; p = strtok_r(NULL, ".", &save)) {
		if (n == ACK_TOKENS)
			return false;
		token[n++] = p;
	}
	if (n != 9 && n != 11 && n != 12)
		return false;
	at = n == 9 ? 4 : 6;
	if (!parse_i64(token[at], 1, INT64_MAX, &v[0]) ||
	    !parse_i64(token[at + 1], 1, INT64_MAX, &v[1]))
		return false;
	*out = (struct ack_fields){ (uint64_t)v[0], (uint64_t)v[1] };
	return true;
}

uint64_t bus_js_deliveries(const struct bus_msg *m)
{
	struct ack_fields f;

	return ack_parse(bus_msg_reply(m), &f) ? f.deliveries : 0;
}

uint64_t bus_js_sequence(const struct bus_msg *m)
{
	struct ack_fields f;

	return ack_parse(bus_msg_reply(m), &f) ? f.sequence : 0;
}

/* ---- settling ---- */
static enum status send_ack(struct bus_msg *m, const char *what, bool settles)
{
	const char *reply = bus_msg_reply(m);
	enum status st;

	if (!reply || strncmp(reply, ACK_PREFIX, sizeof(ACK_PREFIX) - 1) != 0 || m->settled)
		return ST_INVALID;
	st = bus_send(m->bus, reply, NULL, NULL, 0, what, strlen(what));
	if (st == ST_OK && settles)
		m->settled = true;
	return st;
}

enum status bus_js_ack(struct bus_msg *m)
{
	return send_ack(m, "+ACK", true);
}

enum status bus_js_nak(struct bus_msg *m, int delay_ms)
{
	char body[64];

	snprintf(body, sizeof(body), "-NAK {\"delay\":%lld}", delay_ms * 1000000LL);
	return send_ack(m, delay_ms > 0 ? body : "-NAK", true);
}

enum status bus_js_term(struct bus_msg *m)
{
	return send_ack(m, "+TERM", true);
}

enum status bus_js_in_progress(struct bus_msg *m)
{
	return send_ack(m, "+WPI", false);
}

/* ---- fetching ---- */
enum status bus_consumer_open(struct bus *bus, const char *stream, const char *durable,
			      struct bus_consumer **ret)
{
	struct bus_consumer *c;
	enum status st;

	if (!token_valid(stream) || !token_valid(durable))
		return ST_INVALID;
	c = calloc(1, sizeof(*c));
	if (!c)
		return ST_INTERNAL;
	c->magic = CONSUMER_MAGIC;
	c->bus = bus;
	snprintf(c->subject, sizeof(c->subject), "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream,
		 durable);
	st = inbox_take(bus, &c->in);
	if (st != ST_OK) {
		free(c);
		return st;
	}
	pthread_mutex_init(&c->mu, NULL);
	*ret = c;
	return ST_OK;
}

/* Messages that came after the last fetch had returned go back at once instead of after the
 * consumer's ack wait. */
static void return_unread(struct bus_consumer *c)
{
	natsMsg *nm;

	while (natsSubscription_NextMsg(&nm, c->in->ns, 0) == NATS_OK) {
		struct bus_msg *m = bus_msg_wrap(c->bus, nm);

		if (m && bus_js_sequence(m) != 0)
			(void)!bus_js_nak(m, 0);
		bus_msg_free(m);
	}
}

void bus_consumer_close(struct bus_consumer *c)
{
	if (!c)
		return;
	CHECK_MAGIC(c, CONSUMER_MAGIC);
	return_unread(c);
	/* Not to the pool: a pull may still be open for it. */
	inbox_drop(c->bus, c->in);
	pthread_mutex_destroy(&c->mu);
	c->magic = 0;
	free(c);
}

struct fetch_run {
	struct bus_consumer *c;
	struct bus_msg **msgs;
	int n, max;
};

enum pull_end { PULL_GOES_ON, PULL_DONE, PULL_BUSY, PULL_FAILED };

static enum pull_end read_status(struct fetch_run *r, natsMsg *nm)
{
	const char *code = nats_header(nm, "Status"), *text = nats_header(nm, "Description");
	size_t index;

	/* Of an earlier pull, or no status at all. */
	if (!code || !inbox_index(r->c->in, natsMsg_GetSubject(nm), &index))
		return PULL_GOES_ON;
	if (strcmp(code, "100") == 0)
		return PULL_GOES_ON;
	if (strcmp(code, "404") == 0)
		return PULL_DONE;
	if (strcmp(code, "408") == 0)
		return text && strcmp(text, "Requests Pending") == 0 ? PULL_BUSY : PULL_DONE;
	/* The pull's byte limit: what fits has come. */
	if (strcmp(code, "409") == 0 && text && strstr(text, "MaxBytes") && r->n > 0)
		return PULL_DONE;
	return PULL_FAILED;
}

/* Takes `nm`. */
static enum pull_end take_message(struct fetch_run *r, natsMsg *nm)
{
	struct ack_fields f;
	enum pull_end end;

	if (!ack_parse(natsMsg_GetReply(nm), &f)) {
		end = read_status(r, nm);
		natsMsg_Destroy(nm);
		return end;
	}
	r->msgs[r->n] = bus_msg_wrap(r->c->bus, nm);
	if (!r->msgs[r->n])
		return PULL_FAILED;
	r->n++;
	return r->n == r->max ? PULL_DONE : PULL_GOES_ON;
}

static enum pull_end collect(struct fetch_run *r, int64_t deadline_us)
{
	for (;;) {
		int64_t until = deadline_us;
		enum pull_end end;
		enum status st;
		natsMsg *nm;

		if (r->n > 0)
			until = time_mono_us() + FETCH_GRACE_MS * INT64_C(1000);
		st = inbox_next(r->c->bus, r->c->in, until, &nm);
		if (st == ST_TIMEOUT && r->n > 0)
			return PULL_DONE;
		if (st != ST_OK)
			return PULL_FAILED;
		end = take_message(r, nm);
		if (end != PULL_GOES_ON)
			return end;
	}
}

static enum pull_end pull(struct fetch_run *r, int batch, bool no_wait, int wait_ms)
{
	char reply[BUS_SUBJECT_MAX], body[128];
	struct bus_consumer *c = r->c;

	inbox_begin(c->bus, c->in);
	inbox_subject(c->in, 0, reply);
	snprintf(body, sizeof(body), "{\"batch\":%d,%s\"expires\":%lld,\"max_bytes\":%d}", batch,
		 no_wait ? "\"no_wait\":true," : "", wait_ms * 1000000LL, FETCH_BYTES);
	if (bus_send(c->bus, c->subject, reply, NULL, 0, body, strlen(body)) != ST_OK)
		return PULL_FAILED;
	return collect(r, time_mono_us() + (wait_ms + FETCH_SPARE_MS) * INT64_C(1000));
}

static enum status fetch(struct fetch_run *r, int wait_ms)
{
	int64_t deadline = time_mono_us() + wait_ms * INT64_C(1000);
	enum pull_end end = PULL_GOES_ON;
	int64_t left_ms;
	natsMsg *nm;

	/* What came after the last fetch had returned; its end, if that comes too, is not this
	 * one's. */
	inbox_begin(r->c->bus, r->c->in);
	while (end == PULL_GOES_ON && natsSubscription_NextMsg(&nm, r->c->in->ns, 0) == NATS_OK)
		if (take_message(r, nm) == PULL_DONE)
			return ST_OK;
	if (r->n > 0)
		return ST_OK;
	end = pull(r, r->max, true, wait_ms);
	/* Another copy of this service waits already and has asked for more than there is. */
	if (end == PULL_BUSY && r->n == 0) {
		left_ms = (deadline - time_mono_us()) / 1000;
		end = pull(r, 1, false,
			   left_ms < FETCH_WAIT_MIN_MS ? FETCH_WAIT_MIN_MS : (int)left_ms);
	}
	return end == PULL_FAILED && r->n == 0 ? ST_UNAVAILABLE : ST_OK;
}

enum status bus_consumer_fetch(struct bus_consumer *c, int max, int wait_ms, struct bus_msg **msgs,
			       int *n)
{
	struct fetch_run r = { .c = c, .msgs = msgs, .max = max };
	enum status st;

	CHECK_MAGIC(c, CONSUMER_MAGIC);
	if (max < 1 || max > FETCH_MAX || wait_ms > FETCH_WAIT_MAX_MS)
		return ST_INVALID;
	if (wait_ms < FETCH_WAIT_MIN_MS)
		wait_ms = FETCH_WAIT_MIN_MS;
	if (!bus_connected(c->bus))
		return ST_UNAVAILABLE;
	pthread_mutex_lock(&c->mu);
	st = fetch(&r, wait_ms);
	pthread_mutex_unlock(&c->mu);
	if (st == ST_OK)
		*n = r.n;
	return st;
}
