/* See billing_fixture.h. */
#include "component/billing_fixture.h"

#include "core/magic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)1024 * 1024)

void bl_start(struct bl_world *w)
{
	sx_start_billing(&w->sx);
	w->insights = sx_bus(&w->sx, "ai-insights");
}

void bl_stop(struct bl_world *w)
{
	bus_close(w->insights, 1000);
	sx_stop(&w->sx);
}

/* The answer's message, in the arena, when the status is ST_OK. */
static const void *ask(struct bl_world *w, struct arena *a, const char *token,
		       enum token_billing_method method, const void *in, struct bl_reply *r)
{
	const struct caller who = { .token = token, .wait_ms = w->wait_ms };
	const struct reply got = world_ask(w->insights, a, who, &token_billing_methods[method], in);

	*r = (struct bl_reply){ .status = got.status, .retry_after_s = got.retry_after_s };
	snprintf(r->field, sizeof(r->field), "%s", got.field);
	snprintf(r->detail, sizeof(r->detail), "%s", got.detail);
	return got.out;
}

Billing__V1__TokenCounts bl_input(uint64_t n)
{
	Billing__V1__TokenCounts t = BILLING__V1__TOKEN_COUNTS__INIT;

	t.input = n;
	return t;
}

struct bl_reply bl_reserve(struct bl_world *w, const char *token, const char *brand,
			   const char *model, uint64_t input, char id[UUID_TEXT])
{
	Billing__V1__ReserveRequest in = BILLING__V1__RESERVE_REQUEST__INIT;
	Billing__V1__TokenCounts estimate = BILLING__V1__TOKEN_COUNTS__INIT;
	struct arena *a = arena_new(ARENA_MAX);
	const Billing__V1__Reservation *out;
	struct bl_reply r;

	INVARIANT(a != NULL);
	if (!id[0])
		uuid_v7(id);
	estimate.input = input;
	in.reservation_id = id;
	in.brand_id = (char *)brand;
	in.model = (char *)model;
	in.estimate = &estimate;
	out = ask(w, a, token, TOKEN_BILLING_RESERVE, &in, &r);
	if (out) {
		r.nano = out->held_nano_usd;
		r.unpriced = out->unpriced;
	}
	arena_free(a);
	return r;
}

struct bl_reply bl_settle(struct bl_world *w, const char *token, const char *brand, const char *id,
			  const Billing__V1__TokenCounts *used, int64_t used_at)
{
	Billing__V1__SettleRequest in = BILLING__V1__SETTLE_REQUEST__INIT;
	Pulsepoint__Timestamp at = PULSEPOINT__TIMESTAMP__INIT;
	struct arena *a = arena_new(ARENA_MAX);
	const Billing__V1__Settlement *out;
	struct bl_reply r;

	INVARIANT(a != NULL);
	in.reservation_id = (char *)id;
	in.brand_id = (char *)brand;
	in.used = (Billing__V1__TokenCounts *)used;
	at.micros = used_at;
	if (used_at)
		in.used_at = &at;
	out = ask(w, a, token, TOKEN_BILLING_SETTLE, &in, &r);
	if (out) {
		r.nano = out->cost_nano_usd;
		r.unpriced = out->unpriced;
		snprintf(r.usage_id, sizeof(r.usage_id), "%s", out->usage_id);
	}
	arena_free(a);
	return r;
}

struct reply bl_admin(struct bl_world *w, const char *token, enum token_billing_method method,
		      const void *in)
{
	return sx_ask(&w->sx, token, &token_billing_methods[method], in);
}

void bl_budget(struct bl_world *w, const struct sx_tenant *t, const char *brand, int64_t soft,
	       int64_t hard)
{
	Billing__V1__PutBudgetRequest in = BILLING__V1__PUT_BUDGET_REQUEST__INIT;
	Pulsepoint__Decimal s = PULSEPOINT__DECIMAL__INIT, h = PULSEPOINT__DECIMAL__INIT;
	struct reply r;

	s.units = soft;
	h.units = hard;
	s.scale = h.scale = 9;
	in.brand_id = (char *)brand;
	in.period = BILLING__V1__PERIOD__PERIOD_DAY;
	in.soft = soft >= 0 ? &s : NULL;
	in.hard = hard >= 0 ? &h : NULL;
	r = bl_admin(w, t->admin, TOKEN_BILLING_PUT_BUDGET, &in);
	if (r.status != ST_OK)
		fail_msg("the budget: %s %s %s", status_name(r.status), r.field, r.detail);
}

void bl_check_books(struct bl_world *w, const struct sx_tenant *t)
{
	/* For each brand, and for the tenant under the nil UUID. */
	assert_int_equal(
		sx_int(&w->sx,
		       "SELECT count(*) FROM token_billing.spend s WHERE s.tenant_id = '%s' AND"
		       " (s.used_nano, s.held_nano) IS DISTINCT FROM ("
		       " (SELECT coalesce(sum(cost_nano), 0) FROM token_billing.ledger l WHERE"
		       " l.tenant_id = s.tenant_id AND (l.brand_id = s.brand_id OR s.brand_id ="
		       " '00000000-0000-0000-0000-000000000000') AND date_trunc(s.period,"
		       " l.used_at AT TIME ZONE 'UTC')::date = s.period_start),"
		       " (SELECT coalesce(sum(held_nano), 0) FROM token_billing.reservations r "
		       "WHERE"
		       " r.tenant_id = s.tenant_id AND r.state = 'held' AND (r.brand_id = "
		       "s.brand_id"
		       " OR s.brand_id = '00000000-0000-0000-0000-000000000000') AND"
		       " date_trunc(s.period, r.day)::date = s.period_start))",
		       t->id),
		0);
	assert_true(sx_int(&w->sx,
			   "SELECT count(*) FROM token_billing.spend WHERE tenant_id = '%s'",
			   t->id) > 0);
}

int64_t bl_events(struct bl_world *w, const struct sx_tenant *t, const char *what)
{
	return sx_int(&w->sx,
		      "SELECT count(*) FROM token_billing.outbox WHERE subject ="
		      " 'pp.evt.%s.token-billing.%s'",
		      t->id, what);
}
