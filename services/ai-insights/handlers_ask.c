/*
 * Ask: the question is stored and told of, answered (ask.h), stored with its evidence and told of.
 * Whatever happens in between, the row says how it ended. Read next: ask.h, store.h.
 */
#include "ask.h"
#include "contract/ai_insights_events.h"
#include "contract/attribution.h"
#include "contract/auth.h"
#include "core/id.h"
#include "core/log.h"
#include "core/timeutil.h"
#include "handlers.h"
#include "svc/outbox.h"
#include "json/message.h"

#include <string.h>

#define FULL_RETRY_S   2
#define LATE_MS        10000 /* for writing down how a question ended, after its time */
#define OVERDUE_EXTRA  (60 * US_PER_SECOND)
#define QUESTION_FIRST 1 /* version of a question that is asked */
#define ANSWER_VERSION 2

/* ---- parts ---- */

static enum status send_part(struct call_stream *s, Insights__V1__AskPart *part)
{
	return call_stream_send(s, &part->base);
}

static enum status send_started(struct call_stream *s, const char *question_id, const char *model)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__AskStarted started = INSIGHTS__V1__ASK_STARTED__INIT;

	started.question_id = text_of(question_id);
	started.model = text_of(model);
	part.started = &started;
	return send_part(s, &part);
}

static enum status send_tool(void *arg, const char *name, const char *arguments)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__AskTool tool = INSIGHTS__V1__ASK_TOOL__INIT;

	tool.tool = text_of(name);
	tool.arguments = text_of(arguments);
	part.tool = &tool;
	return send_part(arg, &part);
}

static enum status send_text(void *arg, const char *delta)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__AskText text = INSIGHTS__V1__ASK_TEXT__INIT;

	text.delta = text_of(delta);
	part.text = &text;
	return send_part(arg, &part);
}

static enum status send_restart(void *arg, const char *reason)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__AskRestart restart = INSIGHTS__V1__ASK_RESTART__INIT;

	restart.reason = text_of(reason);
	part.restart = &restart;
	return send_part(arg, &part);
}

static bool asker_left(void *arg)
{
	return call_stream_cancelled(arg);
}

static enum status send_answer(struct call *call, struct call_stream *s, const struct answer *a)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;

	part.answer = make_answer(call->arena, a);
	if (!part.answer)
		return error_set(call->err, ST_TOO_LARGE, NULL, "the answer is too large");
	return send_part(s, &part);
}

/* ---- storing ---- */

/* The same call with time to write down how it ended, although its own may be over. */
static struct call late_call(const struct call *call)
{
	struct call late = *call;
	int64_t until = time_mono_us() + LATE_MS * INT64_C(1000);

	if (late.deadline_us < until)
		late.deadline_us = until;
	return late;
}

static enum status store_asked(struct call *call, const struct question *q)
{
	const struct place p = call_place(call);
	const struct event_origin origin = call_origin(call);
	Insights__V1__QuestionAsked event = INSIGHTS__V1__QUESTION_ASKED__INIT;
	AUTO_TX *tx = call_tx(call);
	enum status st;

	if (!tx)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	store_question_add(&p, tx, q);
	event.question_id = text_of(q->question_id);
	event.brand_id = text_of(q->brand_id);
	event.question = text_of(q->text);
	event.version = QUESTION_FIRST;
	st = emit_ai_insights_question_asked(tx, &origin, &event, call->err);
	return st == ST_OK ? call_run(call, tx) : st;
}

static enum status store_answered(struct call *call, const struct answer *a)
{
	struct call late = late_call(call);
	const struct place p = call_place(&late);
	const struct event_origin origin = call_origin(call);
	Insights__V1__AnswerGenerated event = INSIGHTS__V1__ANSWER_GENERATED__INIT;
	AUTO_TX *tx = call_tx(&late);
	enum status st;

	if (!tx)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	store_answer_add(&p, tx, a);
	event.question_id = text_of(a->question_id);
	event.brand_id = text_of(a->brand_id);
	event.model = text_of(a->model);
	event.evidence = (uint32_t)a->n_evidence;
	event.untraced = (uint32_t)a->n_untraced;
	event.fallback_used = *a->fallback_reason != '\0';
	event.attempts = (uint32_t)a->attempts;
	event.version = ANSWER_VERSION;
	st = emit_ai_insights_answer_generated(tx, &origin, &event, call->err);
	return st == ST_OK ? call_run(&late, tx) : st;
}

/* The reason is the caller's already; a row that cannot be written now is the sweeper's. */
static void store_failed(struct call *call, const char *question_id)
{
	struct call late = late_call(call);
	struct error err = { 0 };
	struct place p;

	late.err = &err;
	p = call_place(&late);
	if (store_question_fail(&p, question_id) != ST_OK)
		log_event(LOG_WARN, "question.left", "a question stays unanswered for now: %s",
			  err.detail);
}

/* ---- facts ---- */

static const char *day_text(struct arena *a, const Pulsepoint__Date *d)
{
	char text[TIME_TEXT_MAX] = "";

	if (d)
		date_format(d->days, text);
	return arena_strdup(a, text);
}

/* The day of the brand's zone; where the database does not know the zone, of UTC. */
static const char *today(struct call *call, const char *zone)
{
	struct error err = { 0 };
	struct place p = call_place(call);
	char text[TIME_TEXT_MAX];
	int32_t day;

	p.err = &err;
	if (store_today(&p, zone, &day) != ST_OK)
		day = (int32_t)(time_now_us() / US_PER_DAY);
	date_format(day, text);
	return arena_strdup(call->arena, text);
}

/* A brand that attribution has not heard of yet has no data; that is no reason not to answer. */
static enum status data_days(struct call *call, const char *brand_id, struct prompt_facts *facts)
{
	Attribution__V1__SummaryRequest in = ATTRIBUTION__V1__SUMMARY_REQUEST__INIT;
	Attribution__V1__Summary *out;
	enum status st;

	in.brand_id = text_of(brand_id);
	st = attribution_get_summary(call, &in, &out);
	facts->first_day = st == ST_OK ? day_text(call->arena, out->first_day) : "";
	facts->last_day = st == ST_OK ? day_text(call->arena, out->last_day) : "";
	return st == ST_NOT_FOUND ? ST_OK : st;
}

/* ---- the method ---- */

static enum status answer_it(struct call *call, const struct question *q,
			     struct prompt_facts *facts, struct call_stream *s)
{
	const struct ask_out out = { s, send_tool, send_text, send_restart, asker_left };
	const struct asking asking = { call, call->app, q, facts, &out };
	struct insights *app = call->app;
	struct answer answer;
	enum status st =
		send_started(s, q->question_id, app->model ? app->cfg.model : ANALYST_MODEL);

	if (st == ST_OK)
		st = data_days(call, q->brand_id, facts);
	if (st == ST_OK)
		st = ask_answer(&asking, &answer);
	if (st == ST_OK)
		st = store_answered(call, &answer);
	if (st != ST_OK) {
		store_failed(call, q->question_id);
		return st;
	}
	return send_answer(call, s, &answer);
}

static enum status ask(struct call *call, const Insights__V1__AskRequest *in,
		       struct call_stream *out)
{
	Auth__V1__BrandRequest brand_in = AUTH__V1__BRAND_REQUEST__INIT;
	Auth__V1__Brand *brand;
	struct prompt_facts facts = { 0 };
	struct question q = { NULL, in->brand_id, call->who->user_id, in->question, 0 };
	char id[UUID_TEXT];
	enum status st;

	if (in->question[strspn(in->question, " \t\r\n")] == 0)
		return error_set(call->err, ST_INVALID, "question", "is blank");
	brand_in.brand_id = in->brand_id;
	st = auth_get_brand(call, &brand_in, &brand);
	if (st != ST_OK)
		return st;
	facts.brand = brand->name;
	facts.currency = brand->currency;
	facts.zone = brand->timezone;
	facts.today = today(call, brand->timezone);
	uuid_v7(id);
	q.question_id = arena_strdup(call->arena, id);
	q.overdue_at = time_now_us() + (call->deadline_us - time_mono_us()) + OVERDUE_EXTRA;
	st = store_asked(call, &q);
	return st == ST_OK ? answer_it(call, &q, &facts, out) : st;
}

enum status handle_ask(struct call *call, const Insights__V1__AskRequest *in,
		       struct call_stream *out)
{
	struct insights *app = call->app;
	enum status st;

	if (atomic_fetch_add(&app->asking, 1) < app->cfg.asks) {
		st = ask(call, in, out);
	} else {
		st = error_set(call->err, ST_UNAVAILABLE, NULL,
			       "ai-insights answers as many questions as it takes at a time; try "
			       "again");
		call->err->retry_after_s = FULL_RETRY_S;
	}
	atomic_fetch_sub(&app->asking, 1);
	return st;
}
