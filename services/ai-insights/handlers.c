/* The questions of before: lists, one, judgements. Read next: handlers_ask.c, store.h. */
#include "handlers.h"

#include "contract/ai_insights_events.h"
#include "core/id.h"
#include "svc/outbox.h"
#include "svc/svc.h"
#include "json/message.h"

#include <string.h>

/* A page ends early rather than grow beyond what a message takes. */
#define PAGE_BYTES_MAX ((size_t)700 * 1024)

#define NANO_DIGITS 9

struct place call_place(const struct call *call)
{
	return (struct place){ .db = svc_db(call->svc),
			       .scope = call_scope(call),
			       .arena = call->arena,
			       .deadline_us = call->deadline_us,
			       .err = call->err };
}

static enum status memory(const struct call *call)
{
	return arena_failed(call->arena) ? error_set(call->err, ST_TOO_LARGE, NULL,
						     "the answer is too large; ask for less")
					 : ST_OK;
}

/* ---- values ---- */

static Pulsepoint__Timestamp *make_time(struct arena *a, int64_t us)
{
	Pulsepoint__Timestamp *t = NULL;

	if (us != 0)
		t = (Pulsepoint__Timestamp *)message_new(a, &pulsepoint__timestamp__descriptor);
	if (t)
		t->micros = us;
	return t;
}

static uint32_t count_of(int64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static Insights__V1__AnswerTokens *make_tokens(struct arena *a, const struct tokens *from)
{
	Insights__V1__AnswerTokens *t = (Insights__V1__AnswerTokens *)message_new(
		a, &insights__v1__answer_tokens__descriptor);

	if (!t)
		return NULL;
	t->input = count_of(from->input);
	t->output = count_of(from->output);
	t->cache_read = count_of(from->cache_read);
	t->cache_write = count_of(from->cache_write_5m + from->cache_write_1h);
	return t;
}

static Pulsepoint__Decimal *make_cost(struct arena *a, const struct answer *from)
{
	Pulsepoint__Decimal *d = NULL;

	if (from->cost_known)
		d = (Pulsepoint__Decimal *)message_new(a, &pulsepoint__decimal__descriptor);
	if (d) {
		d->units = from->cost_nano;
		d->scale = NANO_DIGITS;
	}
	return d;
}

static Insights__V1__Evidence **make_evidence(struct arena *a, const struct answer *from)
{
	Insights__V1__Evidence **list = arena_array(a, from->n_evidence + 1, sizeof(*list));

	for (size_t i = 0; list && i < from->n_evidence; i++) {
		const struct proof *p = &from->evidence[i];
		Insights__V1__Evidence *e = (Insights__V1__Evidence *)message_new(
			a, &insights__v1__evidence__descriptor);

		list[i] = e;
		if (!e)
			return NULL;
		e->id = text_of(p->id);
		e->tool = text_of(p->tool);
		e->arguments = text_of(p->arguments);
		e->metric = text_of(p->metric);
		e->value = text_of(p->value);
		e->unit = text_of(p->unit);
	}
	return list;
}

static char **make_texts(struct arena *a, const char **lines, size_t n)
{
	char **list = arena_array(a, n + 1, sizeof(*list));

	for (size_t i = 0; list && i < n; i++)
		list[i] = text_of(lines[i]);
	return list;
}

Insights__V1__Answer *make_answer(struct arena *a, const struct answer *from)
{
	Insights__V1__Answer *m =
		(Insights__V1__Answer *)message_new(a, &insights__v1__answer__descriptor);

	if (!m)
		return NULL;
	m->question_id = text_of(from->question_id);
	m->answer = text_of(from->text);
	m->findings = make_texts(a, from->findings, from->n_findings);
	m->n_findings = from->n_findings;
	m->recommendations = make_texts(a, from->recommendations, from->n_recommendations);
	m->n_recommendations = from->n_recommendations;
	m->untraced = make_texts(a, from->untraced, from->n_untraced);
	m->n_untraced = from->n_untraced;
	m->evidence = make_evidence(a, from);
	m->n_evidence = from->n_evidence;
	m->model = text_of(from->model);
	m->tokens = make_tokens(a, &from->tokens);
	m->cost = make_cost(a, from);
	m->fallback_used = *from->fallback_reason != '\0';
	m->fallback_reason = text_of(from->fallback_reason);
	m->attempts = (uint32_t)from->attempts;
	return arena_failed(a) ? NULL : m;
}

static Insights__V1__Feedback *make_feedback(struct arena *a, const struct judgement *from)
{
	Insights__V1__Feedback *f = NULL;

	if (from->given)
		f = (Insights__V1__Feedback *)message_new(a, &insights__v1__feedback__descriptor);
	if (!f)
		return NULL;
	f->rating = (uint32_t)from->rating;
	f->comment = text_of(from->comment);
	f->was_actionable = from->was_actionable;
	f->given_at = make_time(a, from->given_at);
	return f;
}

static Insights__V1__QuestionState state_value(enum question_state s)
{
	switch (s) {
	case QUESTION_ANSWERED:
		return INSIGHTS__V1__QUESTION_STATE__QUESTION_STATE_ANSWERED;
	case QUESTION_FAILED:
		return INSIGHTS__V1__QUESTION_STATE__QUESTION_STATE_FAILED;
	case QUESTION_ASKED:
		break;
	}
	return INSIGHTS__V1__QUESTION_STATE__QUESTION_STATE_ASKED;
}

static void fill_question(struct arena *a, const struct question_row *row,
			  Insights__V1__Question *out)
{
	out->question_id = text_of(row->question.question_id);
	out->brand_id = text_of(row->question.brand_id);
	out->user_id = text_of(row->question.user_id);
	out->question = text_of(row->question.text);
	out->state = state_value(row->state);
	out->asked_at = make_time(a, row->asked_at);
	out->answered_at = make_time(a, row->answered_at);
	if (row->state == QUESTION_ANSWERED)
		out->answer = make_answer(a, &row->answer);
	out->feedback = make_feedback(a, &row->judgement);
}

/* ---- lists ---- */

/* A token is the last question's id, then the brand that was asked for. */
static enum status open_token(struct call *call, const Insights__V1__ListQuestionsRequest *in,
			      const char **before)
{
	const char *text = NULL;
	enum status st = call_page_open(call, in->page_token, &text);

	*before = "";
	if (st != ST_OK || !text)
		return st;
	*before = arena_strndup(call->arena, text, UUID_TEXT - 1);
	if (strlen(text) < UUID_TEXT || !uuid_valid(*before) ||
	    strcmp(text + UUID_TEXT, in->brand_id) != 0)
		return error_set(call->err, ST_INVALID, "page_token",
				 "is not a token of this list; ask for the first page again");
	return ST_OK;
}

static enum status list_questions(struct call *call, const Insights__V1__ListQuestionsRequest *in,
				  Insights__V1__ListQuestionsReply *out)
{
	const struct place p = call_place(call);
	struct question_row *rows;
	size_t n = 0, bytes = 0;
	const char *before;
	enum status st = open_token(call, in, &before);

	if (st == ST_OK)
		st = store_questions(&p, in->brand_id, before, (int)in->page_size + 1,
				     call->who->user_id, &rows, &n);
	if (st != ST_OK)
		return st;
	out->questions = arena_array(call->arena, n + 1, sizeof(*out->questions));
	for (size_t i = 0; out->questions && i < n && i < in->page_size; i++) {
		Insights__V1__Question *q = (Insights__V1__Question *)message_new(
			call->arena, &insights__v1__question__descriptor);

		if (!q)
			break;
		fill_question(call->arena, &rows[i], q);
		bytes += protobuf_c_message_get_packed_size(&q->base);
		if (bytes > PAGE_BYTES_MAX && i > 0)
			break;
		out->questions[out->n_questions++] = q;
	}
	if (out->n_questions > 0 && out->n_questions < n)
		out->next_page_token = text_of(call_page_seal(
			call, arena_printf(call->arena, "%s %s",
					   rows[out->n_questions - 1].question.question_id,
					   in->brand_id)));
	return memory(call);
}

static enum status get_question(struct call *call, const Insights__V1__GetQuestionRequest *in,
				Insights__V1__Question *out)
{
	const struct place p = call_place(call);
	struct question_row row;
	enum status st = store_question(&p, in->question_id, call->who->user_id, &row);

	if (st != ST_OK)
		return st;
	fill_question(call->arena, &row, out);
	return memory(call);
}

/* ---- judgements ---- */

static enum status emit_feedback(struct call *call, struct db_tx *tx,
				 const Insights__V1__FeedbackRequest *in, const char *brand_id,
				 int64_t version)
{
	Insights__V1__FeedbackGiven event = INSIGHTS__V1__FEEDBACK_GIVEN__INIT;
	const struct event_origin origin = call_origin(call);

	event.question_id = in->question_id;
	event.brand_id = text_of(brand_id);
	event.rating = in->rating;
	event.was_actionable = in->was_actionable;
	event.version = (uint64_t)version;
	return emit_ai_insights_feedback_given(tx, &origin, &event, call->err);
}

static enum status give_feedback(struct call *call, const Insights__V1__FeedbackRequest *in,
				 Insights__V1__Feedback *out)
{
	const struct place p = call_place(call);
	const struct judgement j = { true, (int)in->rating, in->comment, in->was_actionable, 0 };
	const char *brand_id;
	AUTO_TX *tx = NULL;
	int64_t version, given_at;
	enum status st = call_begin(call, &tx);

	if (st == ST_OK)
		st = store_question_brand(&p, tx, in->question_id, &brand_id);
	if (st == ST_OK)
		st = store_judge(&p, tx, in->question_id, brand_id, call->who->user_id, &j,
				 &version, &given_at);
	if (st == ST_OK)
		st = emit_feedback(call, tx, in, brand_id, version);
	if (st != ST_OK)
		return st;
	out->rating = in->rating;
	out->comment = in->comment;
	out->was_actionable = in->was_actionable;
	out->given_at = make_time(call->arena, given_at);
	st = memory(call);
	if (st == ST_OK)
		st = call_seal(call, tx, &out->base);
	return st == ST_OK ? db_commit(tx, call->err) : st;
}

const struct ai_insights_handlers insights_handlers = {
	.ask = handle_ask,
	.list_questions = list_questions,
	.get_question = get_question,
	.give_feedback = give_feedback,
};
