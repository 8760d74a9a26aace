/*
 * Answers that come in parts: as server-sent events (WHATWG HTML, section 9.2), flushed one by one,
 * or collected for a client that wants the whole answer as JSON. While a stream is open its client,
 * its token and its deadline are looked at. Read next: accept.h, answer.c, libs/svc/callstream.c.
 */
#include "accept.h"
#include "core/timeutil.h"
#include "edge.h"
#include "json/message.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS       250 /* how soon a gone client, a refused token or the end is seen */
#define HEAD_AFTER_US (2 * US_PER_SECOND) /* the head goes out before the first part by then */
#define GRACE_US      (2 * US_PER_SECOND) /* beyond the deadline, for the service's own end */
#define DRAIN_US      (5 * US_PER_SECOND) /* an answer that is being collected, after SIGTERM */
#define END_WAIT_US   (1 * US_PER_SECOND) /* for the end behind the whole answer */
#define FULL_RETRY_S  5
#define PART_MEMORY   ((size_t)8 * 1024 * 1024) /* a part is at most 1 MiB on the wire */
#define ID_MAX        128

struct stream {
	struct exchange *x;
	struct call_parts *call;
	struct arena *part; /* one at a time */
	struct buf text;    /* an event, or the whole answer */
	enum face face;
	int socket;
	uint64_t parts;
	bool begun;  /* the head of an event stream is out */
	bool whole;  /* `text` is the answer */
	bool gone;   /* the client */
	bool enough; /* nothing more is wanted: HEAD, or the answer is there and its end is late */
	/* monotonic */
	int64_t head_at_us, beat_at_us, look_at_us, until_us;
};

/* ---- what a part says ---- */

/* The only message that a part sets; NULL for none. ST_INTERNAL for more than one. */
static enum status event_of(struct stream *s, const ProtobufCMessage *part,
			    const ProtobufCFieldDescriptor **field, const ProtobufCMessage **event)
{
	const ProtobufCMessageDescriptor *d = part->descriptor;

	*event = NULL;
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const ProtobufCMessage *m;

		if (f->type != PROTOBUF_C_TYPE_MESSAGE || f->label == PROTOBUF_C_LABEL_REPEATED)
			continue;
		m = *(ProtobufCMessage *const *)((const char *)part + f->offset);
		if (m && *event)
			return error_set(&s->x->err, ST_INTERNAL, NULL,
					 "a part of the answer says two things");
		if (m) {
			*event = m;
			*field = f;
		}
	}
	return ST_OK;
}

static enum status put_json(struct stream *s, const ProtobufCMessage *m)
{
	enum status st = message_to_json(m, &s->text);

	return st == ST_OK
		       ? ST_OK
		       : error_set(&s->x->err, st, NULL, "the answer cannot be written as JSON");
}

/* ---- events ---- */

/* The client is gone when it takes nothing any more. */
static enum status send_text(struct stream *s)
{
	enum status st = buf_status(&s->text);

	if (st != ST_OK)
		return error_set(&s->x->err, st, NULL, "a part of the answer is too large");
	st = answer_stream_put(s->x, s->text.data, s->text.len);
	s->gone = st != ST_OK;
	s->beat_at_us = time_mono_us() + s->x->edge->cfg.heartbeat_ms * 1000;
	return st;
}

static enum status begin_events(struct stream *s)
{
	if (s->begun)
		return ST_OK;
	s->begun = true;
	/* Who only watches was answered when the stream opened, however long it lasts. */
	if (!s->x->route->method->answer_field)
		s->x->counted_us = time_mono_us();
	s->enough = s->x->head;
	s->beat_at_us = time_mono_us() + s->x->edge->cfg.heartbeat_ms * 1000;
	if (answer_stream_begin(s->x) == ST_OK)
		return ST_OK;
	s->gone = true;
	return ST_CANCELLED;
}

/* A comment: keeps proxies from ending the connection, and tells us when it is broken. */
static enum status send_comment(struct stream *s)
{
	buf_reset(&s->text);
	buf_puts(&s->text, ": \n\n");
	return send_text(s);
}

/* What would end the line is no id; the number of the part is one always. */
static void put_id(struct stream *s, const ProtobufCMessage *part)
{
	const char *id = message_string_field(part, "id");
	bool fit = id && *id && strlen(id) <= ID_MAX;

	for (const char *p = id; fit && *p; p++)
		fit = (unsigned char)*p > 0x20 && (unsigned char)*p < 0x7f;
	if (fit)
		buf_printf(&s->text, "id: %s\n", id);
	else
		buf_printf(&s->text, "id: %llu\n", (unsigned long long)s->parts);
}

static enum status send_event(struct stream *s, const ProtobufCMessage *part, const char *name,
			      const ProtobufCMessage *event)
{
	enum status st = begin_events(s);

	if (st != ST_OK || s->enough)
		return st;
	if (!event)
		return send_comment(s);
	s->parts++;
	buf_reset(&s->text);
	put_id(s, part);
	buf_printf(&s->text, "event: %s\ndata: ", name);
	st = put_json(s, event);
	if (st != ST_OK)
		return st;
	buf_puts(&s->text, "\n\n");
	st = send_text(s);
	if (st == ST_OK)
		atomic_fetch_add(&s->x->edge->stream_parts, 1);
	return st;
}

/* How a stream ends whose head is out: by its last event. */
static void end_events(struct stream *s, enum status st)
{
	struct exchange *x = s->x;

	buf_reset(&s->text);
	if (st == ST_OK) {
		buf_puts(&s->text, "event: end\ndata: {}\n\n");
	} else {
		buf_puts(&s->text, "event: error\n");
		if (st == ST_UNAVAILABLE && x->err.retry_after_s == 0)
			x->err.retry_after_s = 1;
		if (x->err.retry_after_s > 0)
			buf_printf(&s->text, "retry: %d\n", x->err.retry_after_s * 1000);
		buf_puts(&s->text, "data: ");
		answer_problem_text(x, &s->text, st);
		buf_puts(&s->text, "\n\n");
		x->outcome = st;
		x->status = status_http(st);
	}
	if (send_text(s) == ST_OK)
		answer_stream_end(x);
}

/* ---- the whole answer ---- */

static enum status keep_whole(struct stream *s, const char *name, const ProtobufCMessage *event)
{
	if (!event || s->whole || strcmp(name, s->x->route->method->answer_field) != 0)
		return ST_OK;
	s->whole = true;
	s->until_us = time_mono_us() + END_WAIT_US;
	buf_reset(&s->text);
	return put_json(s, event);
}

static void answer_whole(struct stream *s, enum status st)
{
	struct exchange *x = s->x;

	if (s->whole && st == ST_OK) {
		answer_json(x, x->route->method->http_status, s->text.data, s->text.len);
		return;
	}
	if (st == ST_OK)
		st = error_set(&x->err, ST_INTERNAL, NULL, "the %s service ended without an answer",
			       x->route->method->service);
	answer_problem(x, st);
}

/* ---- while it is open ---- */

static enum status check_token(struct stream *s)
{
	struct exchange *x = s->x;
	struct access_claims now;

	return x->has_who ? access_verify(svc_access(x->edge->svc), x->token, &now, NULL, &x->err)
			  : ST_OK;
}

/* Events end at once, so that nobody waits for them; their clients come again elsewhere. */
static enum status check_drain(struct stream *s, int64_t now)
{
	if (!atomic_load(&s->x->edge->draining))
		return ST_OK;
	if (s->face == FACE_WHOLE && s->until_us > now + DRAIN_US)
		s->until_us = now + DRAIN_US;
	if (s->face == FACE_WHOLE)
		return ST_OK;
	error_set(&s->x->err, ST_UNAVAILABLE, NULL, "the gateway is ending; connect again");
	s->x->err.retry_after_s = 1;
	return ST_UNAVAILABLE;
}

/* An answer that is there is told, however late its end may be. */
static enum status check_deadline(struct stream *s, int64_t now)
{
	if (now < s->until_us)
		return ST_OK;
	s->enough = s->whole;
	if (s->whole)
		return ST_OK;
	if (atomic_load(&s->x->edge->draining))
		return error_set(&s->x->err, ST_UNAVAILABLE, NULL,
				 "the gateway is ending; try again");
	return error_set(&s->x->err, ST_TIMEOUT, NULL, "the answer took longer than %u seconds",
			 s->x->route->method->deadline_ms / 1000);
}

/* Four times a second, whether parts come or not. */
static enum status look(struct stream *s)
{
	int64_t now = time_mono_us();
	enum status st;

	if (now < s->look_at_us)
		return ST_OK;
	s->look_at_us = now + LOOK_MS * 1000;
	s->gone = edge_client_gone(s->socket);
	if (s->gone)
		return ST_CANCELLED;
	st = check_token(s);
	if (st == ST_OK)
		st = check_drain(s, now);
	if (st == ST_OK)
		st = check_deadline(s, now);
	if (st == ST_OK && s->face == FACE_EVENTS && now >= s->head_at_us)
		st = begin_events(s);
	if (st == ST_OK && s->begun && !s->enough && now >= s->beat_at_us)
		st = send_comment(s);
	return st;
}

static enum status take(struct stream *s, const ProtobufCMessage *part)
{
	const ProtobufCFieldDescriptor *field = NULL;
	const ProtobufCMessage *event;
	enum status st = event_of(s, part, &field, &event);

	if (st != ST_OK)
		return st;
	return s->face == FACE_EVENTS ? send_event(s, part, field ? field->name : "", event)
				      : keep_whole(s, field ? field->name : "", event);
}

/* Until the service's end, or until somebody on this side has enough. */
static enum status run(struct stream *s)
{
	bool ended = false;
	enum status st = ST_OK;

	while (st == ST_OK && !ended && !s->enough) {
		ProtobufCMessage *part = NULL;

		arena_reset(s->part);
		st = svc_parts_next(s->call, s->part, LOOK_MS, &part, &ended);
		if (st == ST_OK && part)
			st = take(s, part);
		if (st == ST_OK && !ended)
			st = look(s);
	}
	return st;
}

static void leave_gone(struct exchange *x)
{
	x->close = true;
	mg_disable_connection_keep_alive(x->conn);
	x->outcome = ST_CANCELLED;
	x->status = status_http(ST_CANCELLED);
}

static void finish(struct stream *s, enum status st)
{
	struct exchange *x = s->x;

	if (!s->gone && s->face == FACE_WHOLE) {
		answer_whole(s, st);
	} else if (!s->gone && st != ST_OK && !s->begun) {
		answer_problem(x, st);
	} else if (!s->gone && begin_events(s) == ST_OK && !x->head) {
		end_events(s, st);
	}
	if (s->gone)
		leave_gone(x);
}

static enum status open_stream(struct stream *s, const ProtobufCMessage *in)
{
	struct exchange *x = s->x;
	const struct contract_method *m = x->route->method;
	int64_t now = time_mono_us();

	/* A slow client's body does not eat the service's time. */
	x->call.deadline_us = now + (int64_t)m->deadline_ms * 1000;
	s->head_at_us = now + HEAD_AFTER_US;
	s->look_at_us = now + LOOK_MS * 1000;
	s->until_us = x->call.deadline_us + GRACE_US;
	s->socket = edge_socket(x);
	s->part = arena_new(PART_MEMORY);
	if (!s->part)
		return error_set(&x->err, ST_UNAVAILABLE, NULL, "the edge is out of memory");
	return svc_parts_open(&x->call, m, in, &s->call);
}

static enum status choose_face(struct exchange *x, enum face *ret)
{
	*ret = accept_face(mg_get_header(x->conn, "Accept"), x->route->method->answer_field);
	if (*ret != FACE_NONE)
		return ST_OK;
	x->http = 406;
	return error_set(&x->err, ST_INVALID, "Accept", "must take text/event-stream%s",
			 x->route->method->answer_field ? " or application/json" : "");
}

static enum status take_place(struct exchange *x)
{
	struct edge *e = x->edge;

	if (atomic_fetch_add(&e->streams, 1) < e->cfg.streams)
		return ST_OK;
	atomic_fetch_sub(&e->streams, 1);
	atomic_fetch_add(&e->streams_refused, 1);
	error_set(&x->err, ST_UNAVAILABLE, NULL,
		  "as many streams are open as the gateway serves; try again");
	x->err.retry_after_s = FULL_RETRY_S;
	return ST_UNAVAILABLE;
}

static void serve(struct stream *s, const ProtobufCMessage *in)
{
	enum status st = open_stream(s, in);

	buf_init(&s->text, EDGE_RESPONSE_MAX);
	if (st == ST_OK)
		st = run(s);
	finish(s, st);
	svc_parts_close(s->call);
	arena_free(s->part);
	buf_done(&s->text);
}

void edge_stream(struct exchange *x, struct json_param *params, size_t n)
{
	struct stream s = { .x = x };
	ProtobufCMessage *in = NULL;
	enum status st = choose_face(x, &s.face);

	if (st == ST_OK)
		st = edge_read_input(x, params, n, &in);
	if (st == ST_OK)
		st = take_place(x);
	if (st != ST_OK) {
		answer_problem(x, st);
		return;
	}
	serve(&s, in);
	atomic_fetch_sub(&x->edge->streams, 1);
}
