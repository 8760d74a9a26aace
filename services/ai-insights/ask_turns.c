/*
 * Turns of the model. A turn's text is shown while it is written (draft.h), except in the first
 * one, which mostly says what it is going to look up; text before a tool call is withdrawn. Read
 * next: model.h, settle.h.
 */
#include "ask_turns.h"

#include "core/log.h"
#include "core/timeutil.h"
#include "http/client.h"
#include "model.h"
#include "running.h"
#include "svc/svc.h"
#include "tools.h"

#include <string.h>

#define NO_MORE_TOOLS                                                                              \
	"{\"error\":{\"field\":\"\",\"message\":\"no more queries can be made for this question: " \
	"answer with what you have\"}}"
#define BAD_INPUT "{\"error\":{\"field\":\"\",\"message\":\"the input is no JSON object\"}}"

#define MODEL_PART_NUM   3 /* of the time: no turn begins after three quarters */
#define MODEL_PART_DEN   4
#define READING_PART_NUM 11 /* and none is read on after eleven twelfths */
#define READING_PART_DEN 12

#define ROOM_WAIT_MS \
	20000 /* at most so long, of one question, for what other calls hold of a budget */
#define ROOM_LOOK_MS 100 /* who waits for room in the budget looks so often whether to go on */

struct run {
	struct turns *t;
	struct conversation *talk;
	int64_t begin_until, read_until; /* monotonic */
	int64_t room_until;              /* monotonic; 0: nothing was waited for yet */
	struct running running;          /* with the flag that cuts a turn short */
	enum status failed; /* what ends the whole: the asker left, no access any more */
	int64_t most;       /* tokens that were reserved for reading */
	int turns, tools;
	bool tools_ran; /* there are figures: text of a turn may be the answer */
	bool paused;    /* the next turn goes on with the same text */
	bool too_long;  /* a draft beyond its limit */
};

static const struct ask_out *out_of(const struct turns *t)
{
	return t->asking->out;
}

static enum status gone(const struct turns *t)
{
	return error_set(t->call.err, ST_CANCELLED, NULL, "the asker left");
}

/* ---- what is shown ---- */

enum status turns_withdraw(struct turns *t, const char *why)
{
	if (!t->draft.shown)
		return ST_OK;
	t->draft.shown = false;
	return out_of(t)->restart(out_of(t)->arg, why);
}

static void on_text(void *arg, const char *text, size_t len)
{
	struct run *r = arg;
	enum status st;

	if (r->failed != ST_OK || r->too_long)
		return;
	st = draft_add(&r->t->draft, text, len);
	if (st == ST_TOO_LARGE)
		r->too_long = true;
	else
		r->failed = st;
}

/* ---- the bill ---- */

/*
 * Other calls hold what is left of the budget: waits as long as token-billing says. False when it
 * is not to be tried again: it was waited long enough (a hold whose caller died stays until it
 * expires), no turn may begin after the wait, the process ends, the asker left.
 */
static bool wait_for_room(struct run *r)
{
	struct turns *t = r->t;
	int64_t until = time_mono_us() + http_backoff(0, t->bill.wait_s);

	if (r->room_until == 0)
		r->room_until = time_mono_us() + ROOM_WAIT_MS * INT64_C(1000);
	if (t->bill.wait_s == 0 || until >= r->begin_until || until >= r->room_until)
		return false;
	while (time_mono_us() < until) {
		if (svc_stopping(t->call.svc))
			return false;
		if (out_of(t)->left(out_of(t)->arg)) {
			r->failed = gone(t);
			return false;
		}
		svc_wait(t->call.svc, ROOM_LOOK_MS);
	}
	return true;
}

static enum status open_bill(struct run *r)
{
	struct bill *b = &r->t->bill;
	enum status st = bill_open(b);

	while (st == ST_LIMITED && wait_for_room(r))
		st = bill_open(b);
	if (st == ST_LIMITED && b->wait_s > 0 && r->failed == ST_OK)
		log_event(LOG_INFO, "call.not_reserved",
			  "the model is not asked: other calls hold the rest of the budget");
	return st;
}

static enum ask_reason reason_of_bill(const struct turns *t)
{
	if (t->bill.refused != ST_LIMITED)
		return ASK_UNREACHABLE;
	return t->bill.wait_s > 0 && svc_stopping(t->call.svc) ? ASK_UNFINISHED : ASK_BUDGET;
}

/* A broken attempt may be followed by another one, which needs a reservation of its own. */
static void on_usage(void *arg, const struct model_spent *spent)
{
	struct run *r = arg;
	const struct model_usage *u = spent->usage;
	const struct bill_used used = {
		.tokens = { u->input, u->cache_read, u->cache_write_5m, u->cache_write_1h,
			    u->output },
		.request_id = spent->request_id,
		.model = spent->model,
	};

	if (u->known)
		bill_note(&r->t->bill, &used);
	else
		bill_unknown(&r->t->bill, &used);
	if (u->known && !u->partial && bill_same_model(r->t->bill.asked, spent->model))
		bound_learn(&r->t->asking->app->bound, r->talk, r->most,
			    u->input + u->cache_read + u->cache_write_5m + u->cache_write_1h,
			    u->output);
	if (spent->again && open_bill(r) != ST_OK)
		atomic_store(&r->running.cancel, true);
}

static enum ask_reason reason_of_fault(const struct run *r, enum model_fault fault)
{
	switch (fault) {
	case MODEL_FAULT_REQUEST:
	case MODEL_FAULT_KEY:
	case MODEL_FAULT_CREDIT:
		return ASK_REJECTED;
	case MODEL_FAULT_RATE:
	case MODEL_FAULT_OVERLOADED:
		return ASK_OVERLOADED;
	case MODEL_FAULT_CANCELLED:
	case MODEL_FAULT_TOO_LARGE:
	case MODEL_FAULT_MEMORY:
		return ASK_UNFINISHED;
	case MODEL_FAULT_TIMEOUT:
		return time_mono_us() >= r->read_until ? ASK_UNFINISHED : ASK_UNREACHABLE;
	case MODEL_FAULT_NONE:
	case MODEL_FAULT_PROVIDER:
	case MODEL_FAULT_UNREACHABLE:
	case MODEL_FAULT_TRUNCATED:
	case MODEL_FAULT_ANSWER:
		break;
	}
	return ASK_UNREACHABLE;
}

/* ---- tools ---- */

static enum status give_result(struct run *r, const struct model_tool_call *c, const char *json,
			       size_t len, bool is_error)
{
	return conversation_add_result(r->talk, c->id, json, len, is_error, r->t->call.err);
}

static enum status run_tool(struct run *r, const struct model_tool_call *c)
{
	struct turns *t = r->t;
	struct tool_result result;
	enum status st;

	if (c->malformed)
		return give_result(r, c, BAD_INPUT, strlen(BAD_INPUT), true);
	if (r->tools >= ASK_TOOLS_MAX)
		return give_result(r, c, NO_MORE_TOOLS, strlen(NO_MORE_TOOLS), true);
	r->tools++;
	st = out_of(t)->tool(out_of(t)->arg, c->name,
			     c->input_len <= EVIDENCE_ARGUMENTS_MAX ? c->input : "{}");
	if (st == ST_OK)
		st = tool_run(&t->call, t->asking->question->brand_id, &t->evidence, c->name,
			      c->input, c->input_len, &result);
	if (st != ST_OK)
		return st;
	r->tools_ran = r->tools_ran || !result.is_error;
	return give_result(r, c, result.json, result.len, result.is_error);
}

/* All calls of a turn are answered in one message. */
static enum status run_tools(struct run *r, const struct model_reply *reply)
{
	enum status st = turns_withdraw(r->t, "the model looks further before it answers");

	if (st == ST_OK)
		st = conversation_add_assistant(r->talk, reply->content, reply->content_len,
						r->t->call.err);
	for (size_t i = 0; st == ST_OK && i < reply->n_calls; i++)
		st = run_tool(r, &reply->calls[i]);
	if (r->tools >= ASK_TOOLS_MAX)
		conversation_forbid_tools(r->talk);
	return st;
}

/* ---- a draft ---- */

/* The draft is the answer, or goes back once with what is wrong in it. */
static enum status end_draft(struct run *r, const struct model_reply *reply, bool *done)
{
	struct turns *t = r->t;
	const char *complaint = "";
	enum status st = draft_end(&t->draft);

	t->drafts++;
	if (st == ST_OK && t->draft.stopped && t->drafts < ASK_DRAFTS && r->turns < ASK_TURNS_MAX &&
	    time_mono_us() < r->begin_until)
		st = draft_complaint(&t->draft, &complaint);
	*done = st == ST_OK && *complaint == '\0';
	if (*done)
		return draft_finish(&t->draft, &t->text);
	if (st == ST_OK)
		st = turns_withdraw(t, "a number could not be traced; the answer is written again");
	if (st == ST_OK)
		st = conversation_add_assistant(r->talk, reply->content, reply->content_len,
						t->call.err);
	if (st == ST_OK)
		st = conversation_add_user(r->talk, prompt_again(t->call.arena, complaint),
					   t->call.err);
	return st;
}

static enum status after_turn(struct run *r, const struct model_reply *reply, bool *done)
{
	struct turns *t = r->t;

	t->model = *reply->model ? reply->model : t->bill.model;
	r->paused = false;
	switch (reply->stop) {
	case MODEL_STOP_TOOL_USE:
		return run_tools(r, reply);
	case MODEL_STOP_PAUSE_TURN:
		r->paused = true;
		return conversation_add_assistant(r->talk, reply->content, reply->content_len,
						  t->call.err);
	case MODEL_STOP_END_TURN:
	case MODEL_STOP_STOP_SEQUENCE:
		if (reply->text_len == 0 && t->draft.text.len == 0)
			break;
		return end_draft(r, reply, done);
	case MODEL_STOP_REFUSAL:
		t->reason = ASK_REFUSED;
		return ST_OK;
	case MODEL_STOP_MAX_TOKENS:
	case MODEL_STOP_CONTEXT_WINDOW:
	case MODEL_STOP_NONE:
		break;
	}
	/* A text that was cut off lacks what the asker wanted most: the analyst's is whole. */
	t->reason = ASK_UNFINISHED;
	return ST_OK;
}

/* ---- turns ---- */

static enum status send_turn(struct run *r, struct model_reply *reply)
{
	struct turns *t = r->t;
	const struct model_turn turn = {
		.talk = r->talk,
		.deadline_mono_us = r->read_until,
		.cancel = &r->running.cancel,
		.events = { r, on_text, on_usage },
	};
	enum status st =
		model_send(t->asking->app->model, &turn, t->call.arena, reply, t->call.err);

	bill_give_back(&t->bill);
	if (r->failed != ST_OK)
		return r->failed;
	if (t->bill.refused != ST_OK)
		t->reason = reason_of_bill(t);
	else if (st != ST_OK)
		t->reason = reason_of_fault(r, reply->fault);
	else if (r->too_long)
		t->reason = ASK_UNFINISHED;
	if (st != ST_OK)
		log_event(LOG_WARN, "model.failed", "a turn of the model failed after %d tries: %s",
			  reply->attempts, t->call.err->detail);
	return ST_OK;
}

static enum status one_turn(struct run *r, bool *done)
{
	struct turns *t = r->t;
	bool hour = conversation_keeps_hour(r->talk);
	struct model_reply reply;
	enum status st;

	if (out_of(t)->left(out_of(t)->arg))
		return gone(t);
	if (++r->turns >= ASK_TURNS_MAX)
		conversation_forbid_tools(r->talk);
	r->most = (int64_t)conversation_tokens_at_most(r->talk);
	/* Writing to the cache is the dearest that can become of a token that is read. */
	t->bill.estimate = (struct tokens){ .cache_write_5m = hour ? 0 : r->most,
					    .cache_write_1h = hour ? r->most : 0,
					    .output = t->asking->app->cfg.max_tokens };
	t->bill.deadline_us = r->read_until;
	if (open_bill(r) != ST_OK) {
		t->reason = reason_of_bill(t);
		return r->failed;
	}
	if (!r->paused)
		draft_begin(&t->draft, !r->tools_ran);
	st = send_turn(r, &reply);
	return st == ST_OK && t->reason == ASK_NONE ? after_turn(r, &reply, done) : st;
}

static enum status begin(struct run *r)
{
	struct turns *t = r->t;
	struct arena *a = t->call.arena;
	const char *ttl = t->asking->app->cfg.cache_ttl;
	const struct tool *tools;
	enum status st;
	size_t n;

	r->talk = conversation_new(a, prompt_system(a),
				   strcmp(ttl, "1h") == 0 ? CONVERSATION_TTL_1H
							  : CONVERSATION_TTL_5M);
	if (!r->talk)
		return ST_TOO_LARGE;
	st = tools_list(a, &tools, &n);
	for (size_t i = 0; st == ST_OK && i < n; i++)
		st = conversation_add_tool(r->talk, tools[i].name, tools[i].description,
					   tools[i].input_schema, t->call.err);
	if (st != ST_OK)
		return st;
	bound_begin(&t->asking->app->bound, r->talk);
	return conversation_add_user(
		r->talk, prompt_question(a, t->asking->facts, t->asking->question->text),
		t->call.err);
}

/* What the analyst can make good: the rest ends the question. */
static bool mendable(enum status st)
{
	return st == ST_TOO_LARGE || st == ST_INVALID || st == ST_INTERNAL;
}

enum status turns_run(struct turns *t)
{
	int64_t now = time_mono_us(), left = t->asking->call->deadline_us - now;
	struct run r = { .t = t,
			 .begin_until = now + left * MODEL_PART_NUM / MODEL_PART_DEN,
			 .read_until = now + left * READING_PART_NUM / READING_PART_DEN };
	bool done = false;
	enum status st;

	evidence_init(&t->evidence, t->call.arena);
	draft_init(&t->draft, t->call.arena, &t->evidence, t->asking->question->text,
		   out_of(t)->text, out_of(t)->arg);
	bill_init(&t->bill, &t->call, t->asking->question, t->asking->app->cfg.model);
	running_enter(t->asking->app, t->call.svc, &r.running);
	st = begin(&r);
	while (st == ST_OK && !done && t->reason == ASK_NONE) {
		if (r.turns >= ASK_TURNS_MAX || time_mono_us() >= r.begin_until ||
		    svc_stopping(t->call.svc))
			t->reason = ASK_UNFINISHED;
		else
			st = one_turn(&r, &done);
	}
	running_leave(t->asking->app, &r.running);
	if (mendable(st)) {
		log_event(LOG_WARN, "model.given_up", "the analyst answers: %s",
			  t->call.err->detail);
		t->reason = ASK_UNFINISHED;
		st = ST_OK;
	}
	return st;
}

void turns_done(struct turns *t)
{
	draft_done(&t->draft);
}
