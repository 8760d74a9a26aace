/* Usage and budgets, for the tenant's admins. Read next: store_report.c. */
#include "contract/auth.h"
#include "core/timeutil.h"
#include "service.h"
#include "store.h"

#include <string.h>

#define USD_DIGITS 9 /* nano-dollars */

static enum status out_of_memory(struct call *call)
{
	return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
}

static Pulsepoint__Decimal *usd(struct call *call, int64_t nano)
{
	Pulsepoint__Decimal *d = arena_alloc(call->arena, sizeof(*d));

	if (d) {
		pulsepoint__decimal__init(d);
		d->units = nano;
		d->scale = USD_DIGITS;
	}
	return d;
}

static Pulsepoint__Date *date(struct call *call, int32_t days)
{
	Pulsepoint__Date *d = arena_alloc(call->arena, sizeof(*d));

	if (d) {
		pulsepoint__date__init(d);
		d->days = days;
	}
	return d;
}

static Pulsepoint__Timestamp *stamp(struct call *call, int64_t us)
{
	Pulsepoint__Timestamp *t = arena_alloc(call->arena, sizeof(*t));

	if (t) {
		pulsepoint__timestamp__init(t);
		t->micros = us;
	}
	return t;
}

/* ---- usage ---- */

/* The first day of the month of `day`. */
static int32_t month_start(int32_t day)
{
	int y, m, d;

	civil_from_days(day, &y, &m, &d);
	return days_from_civil(y, m, 1);
}

static enum status days_of(struct call *call, const Billing__V1__UsageRequest *in, int32_t *from,
			   int32_t *to)
{
	*to = in->to ? in->to->days : (int32_t)(time_now_us() / US_PER_DAY);
	*from = in->from ? in->from->days : month_start(*to);
	if (*from > *to)
		return error_set(call->err, ST_INVALID, "from", "is later than `to`");
	return ST_OK;
}

static Billing__V1__UsageRow *row_message(struct call *call, const struct usage_row *row)
{
	Billing__V1__UsageRow *m = arena_alloc(call->arena, sizeof(*m));
	Billing__V1__TokenCounts *t = arena_alloc(call->arena, sizeof(*t));

	if (!m || !t)
		return NULL;
	billing__v1__usage_row__init(m);
	billing__v1__token_counts__init(t);
	t->input = (uint64_t)row->tokens[TOKEN_INPUT];
	t->cache_read = (uint64_t)row->tokens[TOKEN_CACHE_READ];
	t->cache_write_5m = (uint64_t)row->tokens[TOKEN_CACHE_WRITE_5M];
	t->cache_write_1h = (uint64_t)row->tokens[TOKEN_CACHE_WRITE_1H];
	t->output = (uint64_t)row->tokens[TOKEN_OUTPUT];
	m->key = arena_strdup(call->arena, row->key);
	m->calls = (uint32_t)row->calls;
	m->unpriced_calls = (uint32_t)row->unpriced;
	m->tokens = t;
	/* Calls without any price cost something that is not known: absent, never 0. */
	if (row->calls == 0 || row->unpriced < row->calls)
		m->cost = usd(call, row->nano);
	return m;
}

static const char *grouping_word(Billing__V1__UsageGrouping by)
{
	if (by == BILLING__V1__USAGE_GROUPING__USAGE_GROUPING_MODEL)
		return "model";
	if (by == BILLING__V1__USAGE_GROUPING__USAGE_GROUPING_BRAND)
		return "brand";
	return by == BILLING__V1__USAGE_GROUPING__USAGE_GROUPING_USER ? "user" : "day";
}

enum status on_get_usage(struct call *call, const Billing__V1__UsageRequest *in,
			 Billing__V1__UsageReply *out)
{
	struct usage u;
	int32_t from, to;
	enum status st = days_of(call, in, &from, &to);

	if (st == ST_OK)
		st = store_usage(call, from, to, grouping_word(in->by), &u);
	if (st != ST_OK)
		return st;
	out->from = date(call, from);
	out->to = date(call, to);
	out->by = in->by;
	out->rows = arena_array(call->arena, u.n + 1, sizeof(*out->rows));
	out->total = row_message(call, &u.total);
	for (size_t i = 0; out->rows && i < u.n; i++) {
		out->rows[i] = row_message(call, &u.rows[i]);
		if (!out->rows[i])
			return out_of_memory(call);
		out->n_rows++;
	}
	out->open_reservations = (uint32_t)u.open;
	out->expired_reservations = (uint32_t)u.expired;
	return arena_failed(call->arena) ? out_of_memory(call) : ST_OK;
}

/* ---- budgets ---- */

static enum status fill_budget(struct call *call, const struct budget *b, Billing__V1__Budget *m)
{
	m->brand_id = arena_strdup(call->arena, b->brand_id);
	m->period = strcmp(b->period, "day") == 0 ? BILLING__V1__PERIOD__PERIOD_DAY
						  : BILLING__V1__PERIOD__PERIOD_MONTH;
	m->soft = b->has_soft ? usd(call, b->soft) : NULL;
	m->hard = b->has_hard ? usd(call, b->hard) : NULL;
	m->used = usd(call, b->used);
	m->held = usd(call, b->held);
	m->period_start = stamp(call, b->start_us);
	m->period_end = stamp(call, b->end_us);
	m->updated_at = stamp(call, b->updated_us);
	return arena_failed(call->arena) ? out_of_memory(call) : ST_OK;
}

enum status on_list_budgets(struct call *call, const Billing__V1__ListBudgetsRequest *in,
			    Billing__V1__ListBudgetsReply *out)
{
	struct budget *all = NULL;
	size_t n = 0;
	enum status st = store_budgets(call, &all, &n);

	(void)in;
	if (st != ST_OK)
		return st;
	out->budgets = arena_array(call->arena, n + 1, sizeof(*out->budgets));
	for (size_t i = 0; st == ST_OK && out->budgets && i < n; i++) {
		out->budgets[i] = arena_alloc(call->arena, sizeof(*out->budgets[i]));
		if (!out->budgets[i])
			return out_of_memory(call);
		billing__v1__budget__init(out->budgets[i]);
		st = fill_budget(call, &all[i], out->budgets[i]);
		out->n_budgets++;
	}
	return st;
}

static enum status nano_of(struct call *call, const char *field, const Pulsepoint__Decimal *d,
			   bool *has, int64_t *ret)
{
	int64_t v = d ? d->units : 0;

	*has = d != NULL;
	if (d && d->units < 0)
		return error_set(call->err, ST_INVALID, field, "is negative");
	for (uint32_t i = d ? d->scale : USD_DIGITS; i < USD_DIGITS; i++)
		if (__builtin_mul_overflow(v, 10, &v))
			return error_set(call->err, ST_INVALID, field, "is too large");
	*ret = v;
	return ST_OK;
}

/* Whose budget may be set: a token that is limited to brands sets no tenant's. */
static enum status check_scope(struct call *call, const char *brand_id)
{
	Auth__V1__BrandRequest in = AUTH__V1__BRAND_REQUEST__INIT;
	Auth__V1__Brand *brand;

	if (*brand_id) {
		in.brand_id = arena_strdup(call->arena, brand_id);
		return auth_get_brand(call, &in, &brand);
	}
	if (call->who->brand_ids[0])
		return error_set(call->err, ST_DENIED, "brand_id",
				 "is needed: you are limited to some brands");
	return ST_OK;
}

enum status on_put_budget(struct call *call, const Billing__V1__PutBudgetRequest *in,
			  Billing__V1__Budget *out)
{
	struct budget b = { .brand_id = in->brand_id, .period = "day" }, *kept = NULL;
	enum status st = check_scope(call, in->brand_id);

	if (in->period == BILLING__V1__PERIOD__PERIOD_MONTH)
		b.period = "month";
	if (st == ST_OK)
		st = nano_of(call, "soft", in->soft, &b.has_soft, &b.soft);
	if (st == ST_OK)
		st = nano_of(call, "hard", in->hard, &b.has_hard, &b.hard);
	if (st == ST_OK && b.has_soft && b.has_hard && b.hard < b.soft)
		st = error_set(call->err, ST_INVALID, "hard", "is below `soft`");
	if (st == ST_OK)
		st = store_budget_put(call, &b, &kept);
	return st == ST_OK ? fill_budget(call, kept, out) : st;
}
