/*
 * GET /api/admin/events: what happened in the tenant, newest first. A page token holds where the
 * page before ended and the stretch of time that was asked for, so that "a day back from now" does
 * not move between pages. Read next: store_events.c, handlers_latency.c.
 */
#include "handlers.h"

#include "event.h"

#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TRACE_TEXT 32

_Static_assert((int)EVENT_REQUEST == OBSERVABILITY__V1__CATEGORY__CATEGORY_REQUEST &&
		       (int)EVENT_QUESTION == OBSERVABILITY__V1__CATEGORY__CATEGORY_QUESTION &&
		       (int)EVENT_BILLING == OBSERVABILITY__V1__CATEGORY__CATEGORY_BILLING &&
		       (int)EVENT_SYNC == OBSERVABILITY__V1__CATEGORY__CATEGORY_SYNC &&
		       (int)EVENT_AUDIT == OBSERVABILITY__V1__CATEGORY__CATEGORY_AUDIT &&
		       (int)EVENT_ALERT == OBSERVABILITY__V1__CATEGORY__CATEGORY_ALERT,
	       "categories are the contract's");

Pulsepoint__Timestamp *reply_time(struct arena *a, int64_t us)
{
	Pulsepoint__Timestamp *t =
		(Pulsepoint__Timestamp *)message_new(a, &pulsepoint__timestamp__descriptor);

	if (t)
		t->micros = us;
	return t;
}

enum status time_or(struct call *call, const char *field, const Pulsepoint__Timestamp *asked,
		    int64_t otherwise, int64_t *ret)
{
	if (asked && (asked->micros < TIME_FIRST_US || asked->micros >= TIME_END_US))
		return error_set(call->err, ST_INVALID, field, "must be in the years 2000 to 2099");
	*ret = asked ? asked->micros : otherwise;
	return ST_OK;
}

static char *span_text(struct arena *a, int64_t span)
{
	return arena_printf(a, "%016" PRIx64, (uint64_t)span);
}

static Observability__V1__Event *make_event(struct arena *a, const struct event_row *row)
{
	Observability__V1__Event *e =
		(Observability__V1__Event *)message_new(a, &observability__v1__event__descriptor);

	if (!e)
		return NULL;
	e->event_id = span_text(a, row->span_id);
	e->category = (Observability__V1__Category)row->category;
	e->at = reply_time(a, row->at_us);
	e->service = arena_strdup(a, row->service);
	e->action = arena_strdup(a, row->action);
	e->user_id = arena_strdup(a, row->user_id);
	e->brand_id = arena_strdup(a, row->brand_id);
	e->subject = arena_strdup(a, row->subject);
	e->detail = arena_strdup(a, row->detail);
	e->status = arena_strdup(a, row->status);
	e->http_status = (uint32_t)row->http_status;
	e->duration_us = (uint32_t)row->duration_us;
	e->database_us = (uint32_t)row->database_us;
	e->request_bytes = (uint32_t)row->request_bytes;
	e->response_bytes = (uint32_t)row->response_bytes;
	e->request_id = arena_strdup(a, row->request_id);
	e->trace_id = arena_strdup(a, row->trace_id);
	e->span_id = span_text(a, row->span_id);
	e->parent_span_id =
		row->parent_span_id ? span_text(a, row->parent_span_id) : e->parent_span_id;
	return e;
}

/* ---- the question ---- */

/* "at:span:from:to", numbers of ours inside a sealed token. */
static bool read_position(const char *text, struct event_question *q)
{
	char end;

	return sscanf(text, "%" SCNd64 ":%" SCNd64 ":%" SCNd64 ":%" SCNd64 "%c", &q->before_us,
		      &q->before_span, &q->from_us, &q->to_us, &end) == 4;
}

static enum status read_times(struct call *call, const Observability__V1__ListEventsRequest *in,
			      struct event_question *q)
{
	const char *position;
	enum status st = call_page_open(call, in->page_token, &position);

	if (st != ST_OK)
		return st;
	if (position) {
		if (!read_position(position, q))
			return error_set(call->err, ST_INVALID, "page_token",
					 "is not a token of this list");
		return ST_OK;
	}
	st = time_or(call, "to", in->to, time_now_us(), &q->to_us);
	if (st == ST_OK)
		st = time_or(call, "from", in->from, q->to_us - US_PER_DAY, &q->from_us);
	if (st != ST_OK)
		return st;
	if (q->from_us > q->to_us)
		return error_set(call->err, ST_INVALID, "from", "must not be after `to`");
	/* `to` is not included. */
	q->before_us = q->to_us;
	q->before_span = INT64_MIN;
	return ST_OK;
}

static enum status read_question(struct call *call, const Observability__V1__ListEventsRequest *in,
				 struct event_question *q)
{
	uint8_t trace[TRACE_TEXT / 2];

	*q = (struct event_question){ .user_id = in->user_id,
				      .service = in->service,
				      .category = (enum event_category)in->category,
				      .limit = (int64_t)in->page_size + 1 };
	if (*in->trace_id &&
	    (strlen(in->trace_id) != TRACE_TEXT || !hex_decode(in->trace_id, TRACE_TEXT, trace)))
		return error_set(call->err, ST_INVALID, "trace_id",
				 "must be 32 hexadecimal digits");
	q->trace_id = *in->trace_id ? in->trace_id : NULL;
	return read_times(call, in, q);
}

/* ---- the answer ---- */

static enum status answer(struct call *call, const struct db_tx *tx, int result,
			  const struct event_question *q, Observability__V1__ListEventsReply *out)
{
	int n = db_rows(tx, result), shown = n < q->limit ? n : (int)q->limit - 1;
	struct event_row row = { .tenant_id = NULL };

	out->events = arena_array(call->arena, (size_t)shown + 1, sizeof(*out->events));
	for (int i = 0; out->events && i < shown; i++) {
		store_read_event(tx, result, i, &row);
		out->events[out->n_events++] = make_event(call->arena, &row);
	}
	if (n > shown && shown > 0)
		out->next_page_token = (char *)call_page_seal(
			call,
			arena_printf(call->arena, "%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64,
				     row.at_us, row.span_id, q->from_us, q->to_us));
	if (arena_failed(call->arena))
		return error_set(call->err, ST_TOO_LARGE, NULL,
				 "the answer is too large; ask for less");
	return ST_OK;
}

enum status handle_list_events(struct call *call, const Observability__V1__ListEventsRequest *in,
			       Observability__V1__ListEventsReply *out)
{
	struct event_question q;
	enum status st = read_question(call, in, &q);
	AUTO_TX *tx = NULL;
	int result;

	if (st != ST_OK)
		return st;
	tx = call_tx(call);
	if (!tx)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	result = store_ask_events(tx, call->arena, &q);
	st = call_run(call, tx);
	return st == ST_OK ? answer(call, tx, result, &q, out) : st;
}
