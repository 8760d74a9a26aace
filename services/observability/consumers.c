/*
 * Business events as rows of `events`: what happened, who did it, what it is about, in words. Those
 * that alert rules look at are samples as well, in the same transaction. Read next: event.h,
 * samples.h.
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

static enum status no_memory(struct event_batch *batch)
{
	return error_set(batch->err, ST_TOO_LARGE, NULL, "the batch does not fit in memory");
}

/* What all have in common: envelope and names. `brand_id` and `subject` may be empty. */
static void begin_row(const struct event_batch *batch, size_t i, const char *brand_id,
		      const char *subject, struct event_row *row)
{
	const struct event_meta *meta = &batch->meta[i];

	row->tenant_id = batch->tenant_id;
	row->at_us = meta->occurred_us > 0 ? meta->occurred_us : time_now_us();
	row->user_id = meta->actor;
	row->brand_id = brand_id && uuid_valid(brand_id) ? brand_id : NULL;
	row->subject = subject;
	event_trace(row, batch->arena, meta->traceparent);
}

static struct event_row *new_rows(struct event_batch *batch, size_t n, enum event_category category,
				  const char *service, const char *action)
{
	struct event_row *rows = arena_array(batch->arena, n, sizeof(*rows));

	for (size_t i = 0; rows && i < n; i++) {
		rows[i].category = category;
		rows[i].service = service;
		rows[i].action = action;
	}
	return rows;
}

/* A cut between characters: what is longer than a row keeps is cut, not refused. */
static const char *cut(struct arena *a, const char *text)
{
	return arena_strndup(a, text, utf8_clip(text, strlen(text), EVENT_TEXT_MAX));
}

/* What is too old for any partition is history that would be dropped at once. */
static enum status put(struct event_batch *batch, struct event_row *rows, size_t n)
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
	if (arena_failed(batch->arena))
		return no_memory(batch);
	st = partitions_need(svc_worker_db(batch->svc), batch->arena, (int32_t)(first / US_PER_DAY),
			     (int32_t)(last / US_PER_DAY), batch->err);
	return st == ST_OK ? store_events(batch->tx, batch->arena, rows, kept, batch->err) : st;
}

static void wake(void *app)
{
	alerts_wake(app);
}

static enum status put_samples(struct event_batch *batch, struct sample *samples, size_t n)
{
	enum status st;

	for (size_t i = 0; i < n; i++)
		samples[i].tenant_id = batch->tenant_id;
	if (n == 0)
		return ST_OK;
	st = samples_put(batch->tx, batch->arena, samples, n, batch->err);
	if (st == ST_OK)
		db_after_commit(batch->tx, wake, batch->app);
	return st;
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

CONSUMER(consume_audit, Auth__V1__AuditRecorded)
{
	struct event_row *rows = new_rows(batch, n, EVENT_AUDIT, "auth", "audit.recorded");

	if (!rows)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, NULL, in[i]->target, &rows[i]);
		if (*in[i]->act)
			rows[i].action = in[i]->act;
		if (*in[i]->actor)
			rows[i].user_id = in[i]->actor;
		if (in[i]->at)
			rows[i].at_us = in[i]->at->micros;
	}
	return put(batch, rows, n);
}

CONSUMER(consume_shopify_sync, Shopify__V1__SyncFinished)
{
	struct event_row *rows = new_rows(batch, n, EVENT_SYNC, "ingest-shopify", "sync.finished");

	if (!rows)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id, in[i]->run_id, &rows[i]);
		rows[i].detail = arena_printf(batch->arena, "shopify: %u pages", in[i]->pages);
	}
	return put(batch, rows, n);
}

CONSUMER(consume_ads_sync, Ads__V1__SyncFinished)
{
	struct event_row *rows = new_rows(batch, n, EVENT_SYNC, "ingest-ads", "sync.finished");

	if (!rows)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id, in[i]->run_id, &rows[i]);
		rows[i].detail = arena_printf(
			batch->arena, "%s: %u pages",
			word(batch->arena, &ads__v1__platform__descriptor, (int)in[i]->platform),
			in[i]->pages);
	}
	return put(batch, rows, n);
}

/* ---- questions ---- */

CONSUMER(consume_question, Insights__V1__QuestionAsked)
{
	struct event_row *rows =
		new_rows(batch, n, EVENT_QUESTION, "ai-insights", "question.asked");

	if (!rows)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id, in[i]->question_id, &rows[i]);
		rows[i].detail = cut(batch->arena, in[i]->question);
	}
	return put(batch, rows, n);
}

CONSUMER(consume_answer, Insights__V1__AnswerGenerated)
{
	struct event_row *rows =
		new_rows(batch, n, EVENT_QUESTION, "ai-insights", "answer.generated");
	struct sample *samples = arena_array(batch->arena, n, sizeof(*samples));
	enum status st;

	if (!rows || !samples)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id, in[i]->question_id, &rows[i]);
		rows[i].detail = arena_printf(
			batch->arena,
			"%s: %u figures of evidence, %u numbers untraced, %u attempts%s",
			in[i]->fallback_used ? "analyst" : in[i]->model, in[i]->evidence,
			in[i]->untraced, in[i]->attempts,
			in[i]->fallback_used ? ", without the model" : "");
		samples[i] = (struct sample){ .kind = SAMPLE_ANSWER,
					      .at_us = rows[i].at_us,
					      .good = in[i]->untraced == 0,
					      .subject = in[i]->question_id };
	}
	st = put_samples(batch, samples, n);
	return st == ST_OK ? put(batch, rows, n) : st;
}

CONSUMER(consume_feedback, Insights__V1__FeedbackGiven)
{
	struct event_row *rows =
		new_rows(batch, n, EVENT_QUESTION, "ai-insights", "feedback.given");
	struct sample *samples = arena_array(batch->arena, n, sizeof(*samples));
	enum status st;

	if (!rows || !samples)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id, in[i]->question_id, &rows[i]);
		rows[i].detail =
			arena_printf(batch->arena, "rated %u of 5, %s", in[i]->rating,
				     in[i]->was_actionable ? "actionable" : "not actionable");
		samples[i] = (struct sample){ .kind = SAMPLE_VERDICT,
					      .at_us = rows[i].at_us,
					      .good = in[i]->rating >= RATING_GOOD,
					      .subject = in[i]->question_id,
					      .judge = rows[i].user_id,
					      .version = (int64_t)in[i]->version };
	}
	st = put_samples(batch, samples, n);
	return st == ST_OK ? put(batch, rows, n) : st;
}

/* ---- billing ---- */

CONSUMER(consume_usage, Billing__V1__UsageRecorded)
{
	struct event_row *rows =
		new_rows(batch, n, EVENT_BILLING, "token-billing", "usage.recorded");
	struct sample *samples = arena_array(batch->arena, n, sizeof(*samples));
	size_t priced = 0;
	enum status st;

	if (!rows || !samples)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id,
			  *in[i]->question_id ? in[i]->question_id : in[i]->usage_id, &rows[i]);
		if (*in[i]->user_id)
			rows[i].user_id = in[i]->user_id;
		rows[i].detail = arena_printf(
			batch->arena, "%s: %s", in[i]->model,
			in[i]->unpriced ? "unpriced" : usd(batch->arena, in[i]->cost_nano_usd));
		if (!in[i]->unpriced)
			samples[priced++] = (struct sample){ .kind = SAMPLE_COST,
							     .at_us = rows[i].at_us,
							     .amount = in[i]->cost_nano_usd };
	}
	st = put_samples(batch, samples, priced);
	return st == ST_OK ? put(batch, rows, n) : st;
}

static const char *kinds_text(struct arena *a, const Billing__V1__UsageUnpriced *m)
{
	const char *text = arena_strdup(a, "");

	if (m->n_kinds == 0)
		return "an unknown model";
	for (size_t i = 0; i < m->n_kinds; i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : "no rate for ", m->kinds[i]);
	return text;
}

CONSUMER(consume_unpriced, Billing__V1__UsageUnpriced)
{
	struct event_row *rows =
		new_rows(batch, n, EVENT_BILLING, "token-billing", "usage.unpriced");

	if (!rows)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id, in[i]->usage_id, &rows[i]);
		rows[i].detail =
			cut(batch->arena, arena_printf(batch->arena, "%s: %s", in[i]->model,
						       kinds_text(batch->arena, in[i])));
	}
	return put(batch, rows, n);
}

CONSUMER(consume_budget, Billing__V1__BudgetCrossed)
{
	struct event_row *rows =
		new_rows(batch, n, EVENT_BILLING, "token-billing", "budget.crossed");

	if (!rows)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id, in[i]->brand_id, &rows[i]);
		rows[i].detail = arena_printf(
			batch->arena, "%s limit of %s a %s: %s used and held",
			word(batch->arena, &billing__v1__budget_level__descriptor,
			     (int)in[i]->level),
			usd(batch->arena, in[i]->limit_nano_usd),
			word(batch->arena, &billing__v1__period__descriptor, (int)in[i]->period),
			usd(batch->arena, in[i]->used_nano_usd));
	}
	return put(batch, rows, n);
}

CONSUMER(consume_expired, Billing__V1__ReservationExpired)
{
	struct event_row *rows =
		new_rows(batch, n, EVENT_BILLING, "token-billing", "reservation.expired");

	if (!rows)
		return no_memory(batch);
	for (size_t i = 0; i < n; i++) {
		begin_row(batch, i, in[i]->brand_id, in[i]->reservation_id, &rows[i]);
		rows[i].detail =
			arena_printf(batch->arena, "%s: %s held, never settled", in[i]->model,
				     usd(batch->arena, in[i]->held_nano_usd));
	}
	return put(batch, rows, n);
}
