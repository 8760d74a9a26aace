/* See settle.h. */
#include "settle.h"

#include "core/log.h"
#include "core/timeutil.h"
#include "svc/svc.h"

#include <stdio.h>
#include <string.h>

#define BILL_MS       10000 /* one step with token-billing or the database */
#define OVERDUE_EXTRA (30 * US_PER_SECOND)
#define MODEL_DATE    8 /* digits */

/* A call of its own for each step: the asker's time may be over, and his error is not ours. */
struct step {
	struct call call;
	struct error err;
	struct place place;
};

static void step_begin(const struct bill *b, struct step *s)
{
	*s = (struct step){ .call = *b->call };
	s->call.deadline_us = time_mono_us() + BILL_MS * INT64_C(1000);
	s->call.err = &s->err;
	s->call.idempotency_key = NULL;
	s->place = (struct place){ .db = svc_db(s->call.svc),
				   .scope = call_scope(&s->call),
				   .arena = s->call.arena,
				   .deadline_us = s->call.deadline_us,
				   .err = &s->err };
}

static struct model_call call_of(const struct bill *b)
{
	return (struct model_call){ .reservation_id = b->reservation_id,
				    .brand_id = b->question->brand_id,
				    .question_id = b->question->question_id,
				    .user_id = b->question->user_id,
				    .model = b->model,
				    .request_id = "" };
}

void bill_init(struct bill *b, struct call *call, const struct question *q, const char *model)
{
	*b = (struct bill){ .call = call, .question = q, .asked = model, .cost_known = true };
	snprintf(b->model, sizeof(b->model), "%s", model);
}

enum status bill_open(struct bill *b)
{
	struct model_call c;
	struct step s;
	enum status st;

	uuid_v7(b->reservation_id);
	c = call_of(b);
	step_begin(b, &s);
	st = billing_reserve(&s.call, &c, &b->estimate);
	if (st == ST_OK) {
		c.overdue_at = time_now_us() + (b->deadline_us - time_mono_us()) + OVERDUE_EXTRA;
		st = store_call_open(&s.place, &c);
		if (st != ST_OK)
			bill_give_back(b);
	}
	b->refused = st;
	b->wait_s = st == ST_LIMITED && s.err.retry_after_s <= BILL_WAIT_MAX_S ? s.err.retry_after_s
									       : 0;
	if (st == ST_OK)
		return st;
	b->reservation_id[0] = '\0';
	if (b->wait_s == 0)
		log_event(st == ST_LIMITED ? LOG_INFO : LOG_WARN, "call.not_reserved",
			  "the model is not asked: %s", s.err.detail);
	return st;
}

/*
 * The row first: settled twice is settled once, but what no row holds is lost with the process. Who
 * cannot write the row settles all the same, in time of its own: what is held is in others' way.
 */
static enum status finish(struct bill *b, const struct model_call *c, struct settlement *ret)
{
	struct step s;
	enum status st;

	step_begin(b, &s);
	if (store_call_used(&s.place, c) != ST_OK)
		log_event(c->used ? LOG_ERROR : LOG_WARN, "call.not_noted",
			  "how a call of the model ended is not in its row: %s", s.err.detail);
	step_begin(b, &s);
	st = billing_settle(&s.call, c, ret);
	if (st != ST_OK ||
	    store_call_settled(&s.place, c->reservation_id, ret->cost_nano, ret->unpriced) != ST_OK)
		log_event(LOG_WARN, "call.unsettled", "a call of the model is settled later: %s",
			  s.err.detail);
	b->reservation_id[0] = '\0';
	return st;
}

static void add(struct tokens *sum, const struct tokens *t)
{
	sum->input += t->input;
	sum->cache_read += t->cache_read;
	sum->cache_write_5m += t->cache_write_5m;
	sum->cache_write_1h += t->cache_write_1h;
	sum->output += t->output;
}

bool bill_same_model(const char *asked, const char *answered)
{
	size_t n = strlen(asked);

	return *answered == '\0' || strcmp(asked, answered) == 0 ||
	       (strncmp(asked, answered, n) == 0 && answered[n] == '-' &&
		strlen(answered + n + 1) == MODEL_DATE &&
		strspn(answered + n + 1, "0123456789") == MODEL_DATE);
}

void bill_note(struct bill *b, const struct bill_used *used)
{
	struct settlement cost = { 0, true };
	struct model_call c;
	enum status st;

	add(&b->used, &used->tokens);
	snprintf(b->model, sizeof(b->model), "%s",
		 bill_same_model(b->asked, used->model) ? b->asked : used->model);
	if (!b->reservation_id[0]) {
		/* Only after a refused reservation between two attempts, which ends the turn. */
		b->cost_known = false;
		log_event(LOG_ERROR, "call.not_noted", "a call of the model had no reservation");
		return;
	}
	c = call_of(b);
	c.used = true;
	c.used_at = time_now_us();
	c.tokens = used->tokens;
	c.request_id = used->request_id;
	st = finish(b, &c, &cost);
	if (st == ST_OK)
		b->cost_nano += cost.cost_nano;
	b->cost_known = b->cost_known && st == ST_OK && !cost.unpriced;
}

void bill_unknown(struct bill *b, const struct bill_used *used)
{
	struct model_call c = call_of(b);
	struct step s;

	b->cost_known = false;
	c.request_id = used->request_id;
	step_begin(b, &s);
	/* A row that cannot be written stays open, and the sweeper says the same of it. */
	if (b->reservation_id[0] && store_call_unknown(&s.place, &c) != ST_OK)
		log_event(LOG_WARN, "call.not_noted", "a call of the model is left open: %s",
			  s.err.detail);
	log_event(LOG_WARN, "call.unknown",
		  "a call of the model did not say what it used: its hold expires");
	b->reservation_id[0] = '\0';
}

void bill_give_back(struct bill *b)
{
	struct model_call c = call_of(b);
	struct settlement cost;

	if (!b->reservation_id[0])
		return;
	c.used_at = time_now_us();
	finish(b, &c, &cost);
}
