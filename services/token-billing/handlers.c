/*
 * Reserve and settle. Whose rows they are the token says: tenant, brands and user. Read next:
 * store.h, cost.h, migrations/0003_functions.sql (what holds under concurrency).
 */
#include "contract/auth.h"
#include "contract/token_billing_events.h"
#include "core/id.h"
#include "core/timeutil.h"
#include "service.h"
#include "store.h"
#include "svc/outbox.h"

#include <string.h>

#define STALE_TRIES 3

static struct token_counts counts_of(const Billing__V1__TokenCounts *c)
{
	const uint64_t n[TOKEN_KINDS] = { c->input, c->cache_read, c->cache_write_5m,
					  c->cache_write_1h, c->output };
	struct token_counts ret;

	/* Beyond the limit is refused by cost_of; a cast must not make it negative first. */
	for (unsigned i = 0; i < TOKEN_KINDS; i++)
		ret.n[i] = n[i] > (uint64_t)TOKENS_MAX ? TOKENS_MAX + 1 : (int64_t)n[i];
	return ret;
}

static void rates_at(struct billing *b, const char *model, int64_t at_us, struct rates *ret,
		     int64_t *edition)
{
	pthread_rwlock_rdlock(&b->book_lock);
	book_rates(b->book, model, at_us, ret);
	*edition = book_edition(b->book);
	pthread_rwlock_unlock(&b->book_lock);
}

/* The cost, or that it is unknown, with what is missing. */
static enum status price(struct call *call, const char *field, const struct token_counts *t,
			 const struct rates *r, int64_t *nano, unsigned *missing)
{
	enum status st = cost_of(t, r, nano, missing);

	if (st == ST_OK)
		return ST_OK;
	if (st == ST_INVALID)
		return error_set(call->err, ST_INVALID, field,
				 "has more than %lld tokens of a kind", (long long)TOKENS_MAX);
	return error_set(call->err, ST_INVALID, field, "costs more than can be booked");
}

/* ---- reserve ---- */

/* Who uses the tokens: the token's user; a grant, which no user holds, says for whom. */
static enum status user_of(struct call *call, const char *given, const char **ret)
{
	*ret = call->who->user_id;
	if (*given == '\0' || strcmp(given, call->who->user_id) == 0)
		return ST_OK;
	if (call->who->service[0] == '\0')
		return error_set(call->err, ST_INVALID, "user_id", "is not the user of the token");
	*ret = given;
	return ST_OK;
}

static enum status confirm_brand(struct call *call, const char *brand_id)
{
	Auth__V1__BrandRequest in = AUTH__V1__BRAND_REQUEST__INIT;
	Auth__V1__Brand *brand;
	enum status st;

	in.brand_id = arena_strdup(call->arena, brand_id);
	st = auth_get_brand(call, &in, &brand);
	return st == ST_OK ? store_brand_add(call, brand_id) : st;
}

static enum status try_reserve(struct call *call, struct hold *h, struct held *ret)
{
	struct billing *b = call->app;
	struct rates rates;
	unsigned missing;
	enum status st;

	rates_at(b, h->model, time_now_us(), &rates, &h->edition);
	st = price(call, "estimate", &h->estimate, &rates, &h->nano, &missing);
	if (st != ST_OK)
		return st;
	h->priced = missing == 0 && rates.of[TOKEN_OUTPUT].known;
	st = store_reserve(call, h, ret);
	if (st == ST_OK && ret->noted)
		svc_wake(call->svc);
	if (st == ST_OK && ret->outcome == HOLD_STALE)
		return billing_reload(call->svc, b, call->err);
	if (st == ST_OK && ret->outcome == HOLD_NO_BRAND)
		return confirm_brand(call, h->brand_id);
	return st;
}

static enum status refuse(struct call *call, const struct held *x)
{
	if (x->outcome == HOLD_CONFLICT)
		return error_set(call->err, ST_CONFLICT, "reservation_id",
				 "belongs to another request");
	if (x->outcome == HOLD_UNPRICED)
		error_set(call->err, ST_LIMITED, "model",
			  "has no known price, and the %s has a hard budget for the %s", x->whose,
			  x->period);
	else if (x->outcome == HOLD_SPENT)
		error_set(call->err, ST_LIMITED, NULL, "the %s's hard budget for the %s is spent",
			  x->whose, x->period);
	else if (x->outcome == HOLD_BUSY)
		error_set(call->err, ST_LIMITED, NULL,
			  "calls under way hold what is left of the %s's hard budget for the %s;"
			  " try again",
			  x->whose, x->period);
	else
		return error_set(call->err, ST_UNAVAILABLE, NULL,
				 "prices or brands keep changing; try again");
	call->err->retry_after_s = x->wait_s > 86400 ? 86400 : (int)x->wait_s;
	return ST_LIMITED;
}

enum status on_reserve(struct call *call, const Billing__V1__ReserveRequest *in,
		       Billing__V1__Reservation *out)
{
	struct hold h = { .reservation_id = in->reservation_id,
			  .brand_id = in->brand_id,
			  .question_id = in->question_id,
			  .model = in->model,
			  .estimate = counts_of(in->estimate) };
	struct held x = { .outcome = HOLD_STALE };
	enum status st = user_of(call, in->user_id, &h.user_id);

	for (int i = 0; st == ST_OK && i < STALE_TRIES &&
			(x.outcome == HOLD_STALE || x.outcome == HOLD_NO_BRAND);
	     i++)
		st = try_reserve(call, &h, &x);
	if (st != ST_OK)
		return st;
	if (x.outcome != HOLD_HELD)
		return refuse(call, &x);
	out->reservation_id = in->reservation_id;
	out->held_nano_usd = x.nano;
	out->unpriced = !x.priced;
	out->expires_at = arena_alloc(call->arena, sizeof(*out->expires_at));
	if (!out->expires_at)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	pulsepoint__timestamp__init(out->expires_at);
	out->expires_at->micros = x.expires_us;
	return ST_OK;
}

/* ---- settle ---- */

static enum status emit_line(struct call *call, struct db_tx *tx, const struct line *l,
			     unsigned missing)
{
	Billing__V1__UsageRecorded m = BILLING__V1__USAGE_RECORDED__INIT;
	Billing__V1__UsageUnpriced u = BILLING__V1__USAGE_UNPRICED__INIT;
	Billing__V1__TokenCounts t = BILLING__V1__TOKEN_COUNTS__INIT;
	struct event_origin origin = call_origin(call);
	char *kinds[TOKEN_KINDS];
	enum status st;

	/* Who used them stands in the line, also when a grant settles. */
	origin.actor = l->user_id;
	t.input = (uint64_t)l->tokens.n[TOKEN_INPUT];
	t.cache_read = (uint64_t)l->tokens.n[TOKEN_CACHE_READ];
	t.cache_write_5m = (uint64_t)l->tokens.n[TOKEN_CACHE_WRITE_5M];
	t.cache_write_1h = (uint64_t)l->tokens.n[TOKEN_CACHE_WRITE_1H];
	t.output = (uint64_t)l->tokens.n[TOKEN_OUTPUT];
	m.usage_id = u.usage_id = arena_strdup(call->arena, l->usage_id);
	m.brand_id = u.brand_id = arena_strdup(call->arena, l->brand_id);
	m.user_id = arena_strdup(call->arena, l->user_id);
	m.question_id = arena_strdup(call->arena, l->question_id);
	m.model = u.model = arena_strdup(call->arena, l->model);
	m.tokens = &t;
	m.cost_nano_usd = l->priced ? l->nano : 0;
	m.unpriced = !l->priced;
	m.version = u.version = 1;
	st = emit_token_billing_usage_recorded(tx, &origin, &m, call->err);
	if (st != ST_OK || l->priced)
		return st;
	for (unsigned i = 0; i < TOKEN_KINDS; i++)
		if (missing & (1u << i))
			kinds[u.n_kinds++] =
				arena_strdup(call->arena, token_kind_word((enum token_kind)i));
	u.kinds = kinds;
	return emit_token_billing_usage_unpriced(tx, &origin, &u, call->err);
}

static void answer(Billing__V1__Settlement *out, struct call *call, const struct line *l)
{
	out->usage_id = arena_strdup(call->arena, l->usage_id);
	out->unpriced = l->usage_id[0] != '\0' && !l->priced;
	out->cost_nano_usd = l->priced ? l->nano : 0;
}

static enum status release(struct call *call, const Billing__V1__SettleRequest *in,
			   Billing__V1__Settlement *out)
{
	struct line l;
	bool found = false;
	enum status st = store_release(call, in->reservation_id, in->brand_id, &found, &l);

	if (st != ST_OK)
		return st;
	if (!found)
		return error_set(call->err, ST_NOT_FOUND, "reservation_id",
				 "is no reservation of this brand");
	answer(out, call, &l);
	return ST_OK;
}

/* The line to be: what was used, when, by which model, at what cost. */
static enum status fill_line(struct call *call, const Billing__V1__SettleRequest *in,
			     struct line *l, struct rates *rates, unsigned *missing)
{
	struct billing *b = call->app;
	int64_t edition, now = time_now_us();
	enum status st;
	char *id = arena_alloc(call->arena, UUID_TEXT);

	if (!id)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	uuid_v7(id);
	l->usage_id = id;
	if (in->model[0])
		l->model = in->model;
	l->request_id = in->provider_request_id;
	l->tokens = counts_of(in->used);
	l->used_at_us = in->used_at && in->used_at->micros <= now ? in->used_at->micros : now;
	rates_at(b, l->model, l->used_at_us, rates, &edition);
	st = price(call, "used", &l->tokens, rates, &l->nano, missing);
	l->priced = st == ST_OK && *missing == 0;
	return st;
}

static enum status book_line(struct call *call, const Billing__V1__SettleRequest *in,
			     struct db_tx *tx, struct line *l)
{
	struct rates rates;
	unsigned missing = 0;
	bool noted = false;
	enum status st = fill_line(call, in, l, &rates, &missing);

	if (st == ST_OK)
		st = store_settle(call, tx, l, &rates, &noted);
	if (st == ST_OK)
		st = emit_line(call, tx, l, missing);
	if (st == ST_OK)
		st = db_commit(tx, call->err);
	if (st == ST_OK && noted)
		svc_wake(call->svc);
	return st;
}

static enum status settle_once(struct call *call, const Billing__V1__SettleRequest *in,
			       Billing__V1__Settlement *out, bool *again)
{
	AUTO_TX *tx = NULL;
	struct line l;
	bool settled = false;
	enum status st = call_begin(call, &tx);

	if (st == ST_OK)
		st = store_reservation(call, tx, in->reservation_id, in->brand_id, &l, &settled);
	if (st == ST_OK && !settled)
		st = book_line(call, in, tx, &l);
	/* Its twin was a moment faster: the line is there now. */
	*again = st == ST_CONFLICT && strcmp(db_constraint(tx), "ledger_once") == 0;
	if (st == ST_OK)
		answer(out, call, &l);
	return st;
}

enum status on_settle(struct call *call, const Billing__V1__SettleRequest *in,
		      Billing__V1__Settlement *out)
{
	bool again = false;
	enum status st;

	if (!in->used)
		return release(call, in, out);
	st = settle_once(call, in, out, &again);
	return again ? settle_once(call, in, out, &again) : st;
}

const struct token_billing_handlers token_billing_handlers = {
	.reserve = on_reserve,
	.settle = on_settle,
	.get_usage = on_get_usage,
	.list_budgets = on_list_budgets,
	.put_budget = on_put_budget,
};
