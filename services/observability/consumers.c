/*
 * Business events as rows of `events`: what happened, who did it, what it is about, in words. Those
 * that alert rules look at are samples as well, in the same transaction. A function tell_... for
 * each event says what is its own; the rest is the same for all. Read next: event.h, samples.h.
 */
#include "consumers.h"

#include "event.h"
#include "partitions.h"
#include "samples.h"

#include "core/id.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <inttypes.h>
#include <string.h>

#define NANO        INT64_C(1000000000)
#define RATING_GOOD 3 /* of 5; less counts against accuracy (samples.h) */

/* ---- what they share ---- */

/* A batch on its way into rows. */
struct heard {
	struct event_batch *batch;
	struct arena *arena;
	struct event_row *rows, *row; /* `row`: of the event at hand */
	struct sample *samples;
	size_t n, n_samples;
};

static enum status no_memory(struct event_batch *batch)
{
	return error_set(batch->err, ST_TOO_LARGE, NULL, "the batch does not fit in memory");
}

static bool begin(struct heard *h, struct event_batch *batch, size_t n)
{
	*h = (struct heard){ .batch = batch, .arena = batch->arena, .n = n };
	h->rows = arena_array(batch->arena, n, sizeof(*h->rows));
	h->samples = arena_array(batch->arena, n, sizeof(*h->samples));
	return h->rows && h->samples;
}

/* Row i is at hand, with what its envelope tells. */
static void begin_row(struct heard *h, size_t i, enum event_category category, const char *service,
		      const char *action)
{
	const struct event_meta *meta = &h->batch->meta[i];

	h->row = &h->rows[i];
	*h->row = (struct event_row){
		.tenant_id = h->batch->tenant_id,
		.at_us = meta->occurred_us > 0 ? meta->occurred_us : time_now_us(),
		.user_id = meta->actor,
		.category = category,
		.service = service,
		.action = action,
	};
	event_trace(h->row, h->arena, meta->traceparent);
}

/* What the event at hand is about; either may be empty. */
static void about(struct heard *h, const char *brand_id, const char *subject)
{
	h->row->brand_id = uuid_valid(brand_id) ? brand_id : NULL;
	h->row->subject = subject;
}

/* The event at hand is what rules look at. */
static void add_sample(struct heard *h, struct sample s)
{
	s.tenant_id = h->row->tenant_id;
	s.at_us = h->row->at_us;
	h->samples[h->n_samples++] = s;
}

/* What is too old for any partition is history that would be dropped at once. */
static enum status put_rows(struct event_batch *batch, struct event_row *rows, size_t n)
{
	int64_t now = time_now_us(), first = INT64_MAX, last = INT64_MIN;
	size_t kept = 0;
	enum status st;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].at_us > now + US_PER_DAY)
			rows[i].at_us = now;
		if (!partitions_take(rows[i].at_us, now))
			continue;
		first = rows[i].at_us < first ? rows[i].at_us : first;
		last = rows[i].at_us > last ? rows[i].at_us : last;
		rows[kept++] = rows[i];
	}
	if (kept == 0)
		return ST_OK;
	st = partitions_need(svc_worker_db(batch->svc), batch->arena, (int32_t)(first / US_PER_DAY),
			     (int32_t)(last / US_PER_DAY), batch->err);
	return st == ST_OK ? store_events(batch->tx, batch->arena, rows, kept, batch->err) : st;
}

static enum status put(struct heard *h)
{
	struct event_batch *batch = h->batch;
	enum status st = ST_OK;

	if (arena_failed(h->arena))
		return no_memory(batch);
	if (h->n_samples > 0) {
		st = samples_put(batch->tx, h->arena, h->samples, h->n_samples, batch->err);
		db_after_commit(batch->tx, alerts_wake, batch->app);
	}
	return st == ST_OK ? put_rows(batch, h->rows, h->n) : st;
}

/* The consumer of an event: a row for each, of that category, service and action. */
#define HEARD(name, type, category, service, action)                 \
	CONSUMER(consume_##name, type)                               \
	{                                                            \
		struct heard h;                                      \
                                                                     \
		if (!begin(&h, batch, n))                            \
			return no_memory(batch);                     \
		for (size_t i = 0; i < n; i++) {                     \
			begin_row(&h, i, category, service, action); \
			tell_##name(&h, in[i]);                      \
		}                                                    \
		return put(&h);                                      \
	}

/* ---- words ---- */

/* A cut between characters: what is longer than a row keeps is cut, not refused. */
static const char *cut(struct arena *a, const char *text)
{
	return arena_strndup(a, text, utf8_clip(text, strlen(text), EVENT_TEXT_MAX));
}

static const char *usd(struct arena *a, int64_t nano)
{
	uint64_t v = nano < 0 ? 0 - (uint64_t)nano : (uint64_t)nano;

	return arena_printf(a, "%s%" PRIu64 ".%09" PRIu64 " USD", nano < 0 ? "-" : "", v / NANO,
			    v % NANO);
}

static const char *word(struct arena *a, const ProtobufCEnumDescriptor *e, int value)
{
	const char *text = enum_word(a, e, value);

	return text ? text : "unknown";
}

/* ---- audit and syncs ---- */

static void tell_audit(struct heard *h, const Auth__V1__AuditRecorded *m)
{
	about(h, "", m->target);
	if (*m->act)
		h->row->action = m->act;
	if (*m->actor)
		h->row->user_id = m->actor;
	if (m->at)
		h->row->at_us = m->at->micros;
}
HEARD(audit, Auth__V1__AuditRecorded, EVENT_AUDIT, "auth", "audit.recorded")

static void tell_shopify_sync(struct heard *h, const Shopify__V1__SyncFinished *m)
{
	about(h, m->brand_id, m->run_id);
	h->row->detail = arena_printf(h->arena, "shopify: %u pages", m->pages);
}
HEARD(shopify_sync, Shopify__V1__SyncFinished, EVENT_SYNC, "ingest-shopify", "sync.finished")

static void tell_ads_sync(struct heard *h, const Ads__V1__SyncFinished *m)
{
	about(h, m->brand_id, m->run_id);
	h->row->detail = arena_printf(
		h->arena, "%s: %u pages",
		word(h->arena, &ads__v1__platform__descriptor, (int)m->platform), m->pages);
}
HEARD(ads_sync, Ads__V1__SyncFinished, EVENT_SYNC, "ingest-ads", "sync.finished")

/* ---- questions ---- */

static void tell_question(struct heard *h, const Insights__V1__QuestionAsked *m)
{
	about(h, m->brand_id, m->question_id);
	h->row->detail = cut(h->arena, m->question);
}
HEARD(question, Insights__V1__QuestionAsked, EVENT_QUESTION, "ai-insights", "question.asked")

static void tell_answer(struct heard *h, const Insights__V1__AnswerGenerated *m)
{
	about(h, m->brand_id, m->question_id);
	h->row->detail = arena_printf(
		h->arena, "%s: %u figures of evidence, %u numbers untraced, %u attempts%s",
		m->fallback_used ? "analyst" : m->model, m->evidence, m->untraced, m->attempts,
		m->fallback_used ? ", without the model" : "");
	add_sample(h, (struct sample){ .kind = SAMPLE_ANSWER,
				       .good = m->untraced == 0,
				       .subject = m->question_id });
}
HEARD(answer, Insights__V1__AnswerGenerated, EVENT_QUESTION, "ai-insights", "answer.generated")

static void tell_feedback(struct heard *h, const Insights__V1__FeedbackGiven *m)
{
	about(h, m->brand_id, m->question_id);
	h->row->detail = arena_printf(h->arena, "rated %u of 5, %s", m->rating,
				      m->was_actionable ? "actionable" : "not actionable");
	add_sample(h, (struct sample){ .kind = SAMPLE_VERDICT,
				       .good = m->rating >= RATING_GOOD,
				       .subject = m->question_id,
				       .judge = h->row->user_id,
				       .version = (int64_t)m->version });
}
HEARD(feedback, Insights__V1__FeedbackGiven, EVENT_QUESTION, "ai-insights", "feedback.given")

/* ---- billing ---- */

static void tell_usage(struct heard *h, const Billing__V1__UsageRecorded *m)
{
	about(h, m->brand_id, *m->question_id ? m->question_id : m->usage_id);
	if (*m->user_id)
		h->row->user_id = m->user_id;
	h->row->detail = arena_printf(h->arena, "%s: %s", m->model,
				      m->unpriced ? "unpriced" : usd(h->arena, m->cost_nano_usd));
	if (!m->unpriced)
		add_sample(h, (struct sample){ .kind = SAMPLE_COST, .amount = m->cost_nano_usd });
}
HEARD(usage, Billing__V1__UsageRecorded, EVENT_BILLING, "token-billing", "usage.recorded")

static const char *kinds_text(struct arena *a, const Billing__V1__UsageUnpriced *m)
{
	const char *text = arena_strdup(a, "");

	if (m->n_kinds == 0)
		return "an unknown model";
	for (size_t i = 0; i < m->n_kinds; i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : "no rate for ", m->kinds[i]);
	return text;
}

static void tell_unpriced(struct heard *h, const Billing__V1__UsageUnpriced *m)
{
	about(h, m->brand_id, m->usage_id);
	h->row->detail =
		cut(h->arena, arena_printf(h->arena, "%s: %s", m->model, kinds_text(h->arena, m)));
}
HEARD(unpriced, Billing__V1__UsageUnpriced, EVENT_BILLING, "token-billing", "usage.unpriced")

static void tell_budget(struct heard *h, const Billing__V1__BudgetCrossed *m)
{
	about(h, m->brand_id, m->brand_id);
	h->row->detail = arena_printf(
		h->arena, "%s limit of %s a %s: %s used%s",
		word(h->arena, &billing__v1__budget_level__descriptor, (int)m->level),
		usd(h->arena, m->limit_nano_usd),
		word(h->arena, &billing__v1__period__descriptor, (int)m->period),
		usd(h->arena, m->used_nano_usd),
		m->used_nano_usd < m->limit_nano_usd ? ", too little left for a call" : "");
}
HEARD(budget, Billing__V1__BudgetCrossed, EVENT_BILLING, "token-billing", "budget.crossed")

static void tell_expired(struct heard *h, const Billing__V1__ReservationExpired *m)
{
	about(h, m->brand_id, m->reservation_id);
	h->row->detail = arena_printf(h->arena, "%s: %s held, never settled", m->model,
				      usd(h->arena, m->held_nano_usd));
}
HEARD(expired, Billing__V1__ReservationExpired, EVENT_BILLING, "token-billing",
      "reservation.expired")
