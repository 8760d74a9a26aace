/*
 * Publishing to JetStream: each message has a reply subject of its own, so that its acknowledgement
 * names it; up to 256 are under way at once. cnats' own asynchronous publish is not used because it
 * hands out no sequences.
 */
#include "bus/bus_priv.h"

#include <cjson/cJSON.h>
#include <string.h>

#define JS_IN_FLIGHT_MAX 256
#define JS_ID_HEADER     "Nats-Msg-Id"

/* Every message is looked at before the first is sent. */
static enum status check_events(const struct bus_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct bus_event *e = &events[i];

		if (!bus_subject_valid(e->subject, false) || !e->id || !*e->id)
			return ST_INVALID;
		if (e->n_headers < 0 || e->n_headers >= BUS_HEADERS_MAX)
			return ST_INVALID;
		if (e->len > BUS_EVENT_MAX)
			return ST_TOO_LARGE;
	}
	return ST_OK;
}

static enum status send_event(struct bus *bus, const struct inbox *in, const struct bus_event *e,
			      size_t index)
{
	char reply[BUS_SUBJECT_MAX];
	natsMsg *nm;
	natsStatus s;
	enum status st;

	inbox_subject(in, index, reply);
	st = bus_msg_build(e->subject, reply, e->headers, e->n_headers, e->data, e->len, &nm);
	if (st != ST_OK)
		return st;
	s = natsMsgHeader_Set(nm, JS_ID_HEADER, e->id);
	if (s == NATS_OK)
		s = natsConnection_PublishMsg(bus->nc, nm);
	natsMsg_Destroy(nm);
	st = bus_status_of(s);
	return st == ST_TIMEOUT ? ST_UNAVAILABLE : st;
}

/* {"stream":"s","seq":7} or {"stream":"s","seq":7,"duplicate":true} or {"error":{...}}; 0 when it
 * is no success. */
static uint64_t ack_sequence(natsMsg *nm)
{
	cJSON *ack = cJSON_ParseWithLength(natsMsg_GetData(nm), (size_t)natsMsg_GetDataLength(nm));
	const cJSON *seq = cJSON_GetObjectItemCaseSensitive(ack, "seq");
	uint64_t value = 0;

	if (!cJSON_GetObjectItemCaseSensitive(ack, "error") && cJSON_IsNumber(seq) &&
	    seq->valuedouble >= 1 && seq->valuedouble < 9007199254740992.0)
		value = (uint64_t)seq->valuedouble;
	cJSON_Delete(ack);
	return value;
}

struct publish_run {
	struct bus *bus;
	struct inbox *in;
	const struct bus_event *events;
	size_t n, sent, answered, first_open; /* first_open: no answer known for it */
	uint64_t *seq;
	int64_t began_us, deadline_us;
};

static enum status fill_window(struct publish_run *r)
{
	while (r->sent < r->n && r->sent - r->answered < JS_IN_FLIGHT_MAX) {
		enum status st = send_event(r->bus, r->in, &r->events[r->sent], r->sent);

		if (st != ST_OK)
			return st;
		r->sent++;
	}
	return ST_OK;
}

/* A refused publish gets no answer from the server, only an error out of band: look for it instead
 * of waiting for the deadline. */
static enum status wait_ack(struct publish_run *r, natsMsg **ret)
{
	for (;;) {
		int64_t slice = time_mono_us() + BUS_STATUS_SLICE_MS * INT64_C(1000);
		enum status st;

		st = inbox_next(r->bus, r->in, slice < r->deadline_us ? slice : r->deadline_us,
				ret);
		if (st != ST_TIMEOUT)
			return st;
		while (r->first_open < r->sent && r->seq[r->first_open] != 0)
			r->first_open++;
		if (r->first_open < r->sent &&
		    bus_was_denied(r->bus, r->events[r->first_open].subject, r->began_us))
			return ST_DENIED;
		if (time_mono_us() >= r->deadline_us)
			return ST_TIMEOUT;
	}
}

static void note_ack(struct publish_run *r, natsMsg *nm)
{
	size_t index;

	/* Late for an earlier use of the inbox: not ours. */
	if (!inbox_index(r->in, natsMsg_GetSubject(nm), &index) || index >= r->sent)
		return;
	r->answered++;
	r->seq[index] = ack_sequence(nm);
}

static enum status publish_all(struct publish_run *r)
{
	while (r->answered < r->n) {
		enum status st = fill_window(r);
		natsMsg *nm = NULL;

		if (st != ST_OK)
			return st;
		st = wait_ack(r, &nm);
		/* cnats tells of "no responders" without the message it was for. */
		if (st == ST_UNAVAILABLE && bus_connected(r->bus)) {
			r->answered++;
			continue;
		}
		if (st != ST_OK)
			return st == ST_TIMEOUT ? ST_UNAVAILABLE : st;
		note_ack(r, nm);
		natsMsg_Destroy(nm);
	}
	return ST_OK;
}

enum status bus_js_publish(struct bus *bus, const struct bus_event *events, size_t n,
			   int timeout_ms, uint64_t *seq)
{
	struct publish_run r = { .bus = bus, .events = events, .n = n, .seq = seq };
	enum status st = check_events(events, n);

	memset(seq, 0, n * sizeof(*seq));
	if (st != ST_OK || n == 0)
		return st;
	if (!bus_connected(bus))
		return ST_UNAVAILABLE;
	st = inbox_take(bus, &r.in);
	if (st != ST_OK)
		return st;
	r.began_us = time_mono_us();
	r.deadline_us = r.began_us + timeout_ms * INT64_C(1000);
	st = publish_all(&r);
	inbox_give(bus, r.in);
	for (size_t i = 0; i < n && st == ST_OK; i++)
		if (seq[i] == 0)
			st = ST_UNAVAILABLE;
	return st;
}
