/* See ask.h: who answers, and the answer put together. Read next: ask_turns.c. */
#include "ask.h"

#include "analyst.h"
#include "ask_turns.h"
#include "report.h"
#include "svc/call.h"
#include "tools.h"

#include <string.h>

#define TURNS_ARENA_MAX ((size_t)24 * 1024 * 1024)

static const char *const reason_words[] = {
#define X(name, word, text) [ASK_##name] = (word),
	ASK_REASON_LIST(X)
#undef X
};
static const char *const reason_texts[] = {
#define X(name, word, text) [ASK_##name] = (text),
	ASK_REASON_LIST(X)
#undef X
};

static enum status full(const struct asking *a)
{
	return error_set(a->call->err, ST_TOO_LARGE, NULL, "the answer is too large");
}

/* ---- the answer, in the call's arena ---- */

static void put_evidence(struct arena *a, const struct evidence_list *ev, struct answer *ret)
{
	ret->evidence = arena_array(a, evidence_used(ev) + 1, sizeof(*ret->evidence));
	for (size_t i = 0; ret->evidence && i < ev->n; i++) {
		const struct evidence *e = &ev->items[i];

		if (e->used)
			ret->evidence[ret->n_evidence++] = (struct proof){
				arena_strdup(a, e->id),        arena_strdup(a, e->tool),
				arena_strdup(a, e->arguments), arena_strdup(a, e->metric),
				arena_strdup(a, e->value),     arena_strdup(a, e->unit),
			};
	}
}

static enum status put_lists(struct arena *a, struct answer *ret)
{
	struct report report;
	enum status st = report_split(a, ret->text, &report);

	if (st != ST_OK)
		return st;
	ret->findings = (const char **)report.findings;
	ret->n_findings = report.n_findings;
	ret->recommendations = (const char **)report.recommendations;
	ret->n_recommendations = report.n_recommendations;
	return ST_OK;
}

/* Everything that a draft says and stands on. */
static enum status put_draft(const struct asking *a, const struct draft *d, const char *text,
			     struct answer *ret)
{
	struct arena *arena = a->call->arena;

	ret->question_id = a->question->question_id;
	ret->brand_id = a->question->brand_id;
	ret->text = arena_strdup(arena, text);
	ret->untraced = arena_array(arena, d->n_untraced + 1, sizeof(*ret->untraced));
	for (size_t i = 0; ret->untraced && i < d->n_untraced; i++)
		ret->untraced[ret->n_untraced++] = arena_strdup(arena, d->untraced[i]);
	put_evidence(arena, d->evidence, ret);
	if (put_lists(arena, ret) != ST_OK || arena_failed(arena))
		return full(a);
	return ST_OK;
}

/* ---- the analyst ---- */

struct analysis {
	const struct asking *asking;
	struct evidence_list evidence;
};

static enum status analyst_tool(void *arg, const char *tool, const char *input, unsigned *ret_call)
{
	struct analysis *x = arg;
	const struct asking *a = x->asking;
	struct tool_result result;
	enum status st = a->out->tool(a->out->arg, tool, input);

	if (st == ST_OK)
		st = tool_run(a->call, a->question->brand_id, &x->evidence, tool, input,
			      strlen(input), &result);
	if (st != ST_OK)
		return st;
	*ret_call = result.call;
	return result.is_error ? result.status : ST_OK;
}

/* The analyst is held to the same rule as the model: what cannot be traced is marked. */
static enum status release(const struct asking *a, struct evidence_list *ev, const char *text,
			   struct answer *ret)
{
	struct draft d;
	const char *final = "";
	enum status st;

	draft_init(&d, a->call->arena, ev, a->question->text, a->out->text, a->out->arg);
	draft_begin(&d, false);
	st = draft_add(&d, text, strlen(text));
	if (st == ST_OK)
		st = draft_end(&d);
	if (st == ST_OK)
		st = draft_finish(&d, &final);
	if (st == ST_OK)
		st = put_draft(a, &d, final, ret);
	draft_done(&d);
	return st;
}

static enum status ask_analyst(const struct asking *a, struct answer *ret)
{
	struct analysis x = { .asking = a };
	const char *text = NULL;
	enum status st;

	evidence_init(&x.evidence, a->call->arena);
	st = analyst_answer(a->call->arena, &x.evidence, a->question->text, analyst_tool, &x,
			    &text);
	ret->model = ANALYST_MODEL;
	return st == ST_OK ? release(a, &x.evidence, text, ret) : st;
}

/* ---- the model ---- */

static void put_bill(const struct bill *b, struct answer *ret)
{
	ret->tokens = b->used;
	ret->cost_nano = b->cost_nano;
	ret->cost_known = b->cost_known;
}

static enum status ask_model(const struct asking *a, struct answer *ret, enum ask_reason *reason)
{
	struct turns t = { .asking = a, .call = *a->call };
	enum status st;

	t.call.arena = arena_new(TURNS_ARENA_MAX);
	if (!t.call.arena)
		return error_set(a->call->err, ST_UNAVAILABLE, NULL,
				 "the service is out of memory");
	st = turns_run(&t);
	put_bill(&t.bill, ret);
	ret->attempts = t.drafts;
	*reason = t.reason;
	if (st == ST_OK && t.reason != ASK_NONE)
		st = turns_withdraw(&t, reason_texts[t.reason]);
	else if (st == ST_OK)
		st = put_draft(a, &t.draft, t.text, ret);
	if (st == ST_OK && t.reason == ASK_NONE)
		ret->model = arena_strdup(a->call->arena, t.model);
	turns_done(&t);
	arena_free(t.call.arena);
	return st;
}

enum status ask_answer(const struct asking *a, struct answer *ret)
{
	enum ask_reason reason = ASK_NO_KEY;
	enum status st = ST_OK;

	*ret = (struct answer){ .cost_known = true };
	if (a->app->model)
		st = ask_model(a, ret, &reason);
	ret->fallback_reason = reason_words[reason];
	if (st == ST_OK && reason != ASK_NONE)
		st = ask_analyst(a, ret);
	return st;
}
