/* See insights_fixture.h. */
#include "component/insights_fixture.h"

#include "core/magic.h"
#include "json/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* ---- starting ---- */

static void give_key(struct in_world *w, const char *more)
{
	const char *key = arena_strdup(
		w->sx.arena, tk_write_file("ai.key", "sk-ant-simulator-0123456789abcdef\n"));

	INVARIANT(chmod(key, 0600) == 0);
	w->sx.settings = arena_strdup(
		w->sx.arena,
		tk_write_file(
			"ai.env",
			arena_printf(w->sx.arena,
				     "PP_AI_URL='http://127.0.0.1:%d'\nPP_AI_KEY_FILE='%s'\n%s\n",
				     w->provider.port, key, more)));
}

void in_restart(struct in_world *w, const char *setting)
{
	sx_service_stop(&w->sx);
	give_key(w, setting);
	sx_service_start(&w->sx);
}

void in_start(struct in_world *w, bool key)
{
	memset(w, 0, sizeof(*w));
	INVARIANT(pthread_mutex_init(&w->lock, NULL) == 0);
	w->campaign = "Brand Search";
	ip_start(&w->provider);
	sx_start_insights(&w->sx);
	in_neighbours_start(w);
	if (!key)
		return;
	in_restart(w, "");
}

void in_stop(struct in_world *w)
{
	in_neighbours_stop(w);
	sx_stop(&w->sx);
	ip_stop(&w->provider);
	pthread_mutex_destroy(&w->lock);
}

void in_fresh(struct in_world *w)
{
	in_billing(w, IN_BILLING_GOOD);
	pthread_mutex_lock(&w->lock);
	memset(w->ledger, 0, sizeof(w->ledger));
	w->n_ledger = 0;
	w->summaries = w->reports = w->grants = w->reserves = 0;
	w->busy = 0;
	w->campaign = "Brand Search";
	pthread_mutex_unlock(&w->lock);
	atomic_store(&w->broken_reports, false);
	ip_fresh(&w->provider);
}

/* ---- asking ---- */

struct asking {
	struct bus_call *call;
	struct in_world *w;
	struct in_answer a;
};

static struct asking open_ask(struct in_world *w, const struct sx_tenant *t, const char *question,
			      int ms)
{
	const struct bus_header h[] = { { "Authorization",
					  arena_printf(w->sx.arena, "Bearer %s", t->viewer) },
					{ "Pp-Timeout-Ms", arena_printf(w->sx.arena, "%d", ms) } };
	Insights__V1__AskRequest in = INSIGHTS__V1__ASK_REQUEST__INIT;
	struct asking x = { .w = w,
			    .a = { .status = ST_INTERNAL,
				   .parts = "",
				   .text = "",
				   .shown = "",
				   .question_id = "",
				   .model = "" } };
	uint8_t *data;
	size_t len;

	in.brand_id = (char *)t->brand;
	in.question = (char *)question;
	INVARIANT(message_pack(w->sx.arena, &in.base, &data, &len) == ST_OK);
	INVARIANT(bus_call_open(w->sx.world.edge, ai_insights_methods[AI_INSIGHTS_ASK].subject, h,
				2, data, len, &x.call) == ST_OK);
	return x;
}

static const char *take_part(struct asking *x, const Insights__V1__AskPart *p)
{
	struct arena *a = x->w->sx.arena;

	if (p->started) {
		x->a.question_id = p->started->question_id;
		x->a.model = p->started->model;
		return "started";
	}
	if (p->tool)
		return "tool";
	if (p->restart) {
		x->a.text = "";
		return "restart";
	}
	if (p->text) {
		x->a.text = arena_printf(a, "%s%s", x->a.text, p->text->delta);
		x->a.shown = arena_printf(a, "%s%s", x->a.shown, p->text->delta);
		return "text";
	}
	INVARIANT(p->answer != NULL);
	x->a.answer = p->answer;
	return "answer";
}

/* The kind of the next part; NULL at the end. */
static const char *next_part(struct asking *x)
{
	const Insights__V1__AskPart *part;
	ProtobufCMessage *message;
	struct bus_msg *m = NULL;
	const char *kind;
	const void *data;
	size_t len;
	enum status st = bus_call_next(x->call, IN_ASK_MS, &m);

	if (st != ST_OK)
		fail_msg("the stream broke: %s", status_name(st));
	if (!m)
		return NULL;
	data = bus_msg_data(m, &len);
	INVARIANT(message_unpack(x->w->sx.arena, &insights__v1__ask_part__descriptor, data, len,
				 BUS_PAYLOAD_MAX, &message) == ST_OK);
	part = (const Insights__V1__AskPart *)message;
	kind = take_part(x, part);
	bus_msg_free(m);
	x->a.parts =
		arena_printf(x->w->sx.arena, "%s%s%s", x->a.parts, *x->a.parts ? " " : "", kind);
	return kind;
}

static void take_end(struct asking *x)
{
	const struct bus_msg *end = bus_call_end(x->call);
	const char *status = end ? bus_msg_header(end, "Pp-Status") : NULL;
	const char *detail = end ? bus_msg_header(end, "Pp-Detail") : NULL;
	const char *after = end ? bus_msg_header(end, "Pp-Retry-After") : NULL;

	INVARIANT(status != NULL);
	x->a.status = status_from_name(status);
	snprintf(x->a.detail, sizeof(x->a.detail), "%s", detail ? detail : "");
	x->a.retry_after_s = after ? (int)strtol(after, NULL, 10) : 0;
}

struct in_answer in_ask_within(struct in_world *w, const struct sx_tenant *t, const char *question,
			       int ms)
{
	struct asking x = open_ask(w, t, question, ms);

	while (next_part(&x))
		;
	take_end(&x);
	bus_call_close(x.call);
	return x.a;
}

struct in_answer in_ask(struct in_world *w, const struct sx_tenant *t, const char *question)
{
	return in_ask_within(w, t, question, IN_ASK_MS);
}

void in_ask_and_leave(struct in_world *w, const struct sx_tenant *t, const char *kind,
		      char question_id[UUID_TEXT])
{
	struct asking x = open_ask(w, t, IN_QUESTION, IN_ASK_MS);
	const char *part;

	while ((part = next_part(&x)) != NULL && strcmp(part, kind) != 0)
		;
	if (!part)
		fail_msg("the answer had no part %s: %s", kind, x.a.parts);
	snprintf(question_id, UUID_TEXT, "%s", x.a.question_id);
	bus_call_close(x.call);
}

void in_ask_until(struct in_world *w, const struct sx_tenant *t, bool (*cond)(void *arg), void *arg,
		  char question_id[UUID_TEXT])
{
	struct asking x = open_ask(w, t, IN_QUESTION, IN_ASK_MS);

	if (!next_part(&x) || !tk_wait_until(cond, arg, IN_WAIT_MS))
		fail_msg("what the asker waits for does not come: %s", x.a.parts);
	snprintf(question_id, UUID_TEXT, "%s", x.a.question_id);
	bus_call_close(x.call);
}

struct reply in_call(struct in_world *w, const char *token, enum ai_insights_method method,
		     const void *in)
{
	return sx_ask(&w->sx, token, &ai_insights_methods[method], in);
}

const Insights__V1__Question *in_question(struct in_world *w, const struct sx_tenant *t,
					  const char *question_id)
{
	Insights__V1__GetQuestionRequest in = INSIGHTS__V1__GET_QUESTION_REQUEST__INIT;
	struct reply r;

	in.question_id = (char *)question_id;
	r = in_call(w, t->viewer, AI_INSIGHTS_GET_QUESTION, &in);
	if (r.status != ST_OK)
		fail_msg("the question %s: %s %s", question_id, status_name(r.status), r.detail);
	return r.out;
}

/* ---- the provider's record ---- */

const Insights__V1__Evidence *in_evidence(const Insights__V1__Answer *a, const char *id)
{
	for (size_t i = 0; i < a->n_evidence; i++)
		if (strcmp(a->evidence[i]->id, id) == 0)
			return a->evidence[i];
	return NULL;
}

int64_t in_events(struct in_world *w, const struct sx_tenant *t, const char *what)
{
	return sx_int(&w->sx,
		      "SELECT count(*) FROM ai_insights.outbox WHERE subject = "
		      "'pp.evt.%s.ai-insights.%s'",
		      t->id, what);
}

int in_calls(struct in_world *w, const char *question_id, const char *state)
{
	return (int)sx_int(&w->sx,
			   "SELECT count(*) FROM ai_insights.model_calls WHERE question_id = '%s'"
			   " AND state = '%s'",
			   question_id, state);
}

void in_until_settled(struct in_world *w, const char *question_id, int calls)
{
	sx_until(&w->sx, calls,
		 "SELECT count(*) FROM ai_insights.model_calls WHERE question_id = '%s'"
		 " AND state = 'settled'",
		 question_id);
}

int in_late(struct in_world *w)
{
	int n = 0;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_ledger; i++)
		n += w->ledger[i].late;
	pthread_mutex_unlock(&w->lock);
	return n;
}

void in_check_ledger(struct in_world *w)
{
	const struct ip_tokens billed = ip_billed(&w->provider);
	struct ip_tokens sum = { 0 };

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_ledger; i++) {
		const struct in_line *l = &w->ledger[i];

		assert_true(l->settled);
		sum.calls += l->used;
		sum.input += l->input;
		sum.cache_read += l->cache_read;
		sum.write_5m += l->write_5m;
		sum.write_1h += l->write_1h;
		sum.output += l->output;
		/* The estimate is never too low. */
		assert_true(l->input + l->cache_read + l->write_5m + l->write_1h <= l->most_input);
		assert_true(l->output <= l->most_output);
	}
	pthread_mutex_unlock(&w->lock);
	assert_int_equal(sum.calls, billed.calls);
	assert_int_equal(sum.input, billed.input);
	assert_int_equal(sum.cache_read, billed.cache_read);
	assert_int_equal(sum.write_5m, billed.write_5m);
	assert_int_equal(sum.write_1h, billed.write_1h);
	assert_int_equal(sum.output, billed.output);
}
