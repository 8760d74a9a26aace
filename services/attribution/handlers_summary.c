/* GetSummary: the brand's figures, per currency and, where there is one currency, as one. */
#include "handlers.h"

#include "core/money.h"
#include "json/message.h"

#include <string.h>

struct summary_questions {
	struct day_range days;
	int totals, spend, freshness; /* numbers of results */
};

static void ask_summary(const struct brand_tx *b, void *arg)
{
	struct summary_questions *q = arg;

	q->totals = store_ask_totals(b, &q->days);
	q->spend = store_ask_spend(b, &q->days);
	q->freshness = store_ask_freshness(b);
}

static uint32_t whole_orders(int64_t micro_orders)
{
	return (uint32_t)(micro_orders / CREDIT_ONE_ORDER);
}

static Attribution__V1__CurrencyFigures *make_figures(struct arena *a,
						      const struct currency_total *t)
{
	Attribution__V1__CurrencyFigures *f = (Attribution__V1__CurrencyFigures *)message_new(
		a, &attribution__v1__currency_figures__descriptor);

	if (!f)
		return NULL;
	f->currency = arena_strdup(a, t->currency);
	f->orders = whole_orders(t->micro_orders);
	f->gross = make_money(a, t->gross, t->currency);
	f->refunds = make_money(a, t->refunds, t->currency);
	f->net = make_money(a, t->net, t->currency);
	return f;
}

/* `gross`, `refunds` and `net` only where one currency says it all; without orders they are nothing
 * in the brand's. */
static void put_totals(struct arena *a, const struct currency_total *totals, size_t n,
		       const char *currency, Attribution__V1__Summary *out)
{
	const struct currency_total nothing = { .currency = currency };
	const struct currency_total *one = n ? totals : &nothing;

	out->by_currency = arena_array(a, n ? n : 1, sizeof(*out->by_currency));
	if (!out->by_currency)
		return;
	for (size_t i = 0; i < n; i++) {
		out->by_currency[i] = make_figures(a, &totals[i]);
		out->orders += whole_orders(totals[i].micro_orders);
	}
	out->n_by_currency = n;
	if (n > 1)
		return;
	out->gross = make_money(a, one->gross, one->currency);
	out->refunds = make_money(a, one->refunds, one->currency);
	out->net = make_money(a, one->net, one->currency);
}

static void put_days(struct arena *a, const struct currency_total *totals, size_t n,
		     Attribution__V1__Summary *out)
{
	int32_t first = 0, last = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || totals[i].first_day < first)
			first = totals[i].first_day;
		if (i == 0 || totals[i].last_day > last)
			last = totals[i].last_day;
	}
	if (n == 0)
		return;
	out->first_day = make_date(a, first);
	out->last_day = make_date(a, last);
}

/* Adds up the platforms' spend per currency; the number of currencies, sorted, is returned. */
static enum status spend_by_currency(struct call *call, const struct platform_spend *spend,
				     size_t n, struct amount *amounts, size_t *ret_n)
{
	size_t known = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = 0;

		while (at < known && strcmp(amounts[at].currency, spend[i].currency) < 0)
			at++;
		if (at == known || strcmp(amounts[at].currency, spend[i].currency) != 0) {
			memmove(amounts + at + 1, amounts + at, (known - at) * sizeof(*amounts));
			amounts[at] = (struct amount){ spend[i].currency, 0 };
			known++;
		}
		if (!micros_add(amounts[at].micros, spend[i].micros, &amounts[at].micros))
			return error_set(call->err, ST_TOO_LARGE, NULL, "an amount is too large");
	}
	*ret_n = known;
	return ST_OK;
}

static void put_platforms(struct arena *a, const struct platform_spend *spend, size_t n,
			  Attribution__V1__Summary *out)
{
	out->spend_by_platform = arena_array(a, n ? n : 1, sizeof(*out->spend_by_platform));
	for (size_t i = 0; out->spend_by_platform && i < n; i++) {
		Attribution__V1__PlatformSpend *p = (Attribution__V1__PlatformSpend *)message_new(
			a, &attribution__v1__platform_spend__descriptor);

		if (!p)
			return;
		p->platform = arena_strdup(a, spend[i].platform);
		p->spend = make_money(a, spend[i].micros, spend[i].currency);
		out->spend_by_platform[i] = p;
		out->n_spend_by_platform = i + 1;
	}
}

static enum status put_spend(struct call *call, const struct platform_spend *spend, size_t n,
			     Attribution__V1__Summary *out)
{
	struct amount *amounts = arena_array(call->arena, n + 1, sizeof(*amounts));
	const struct amount net = { out->net ? out->net->currency : "",
				    out->net ? out->net->micros : 0 };
	size_t n_amounts = 0;
	int64_t roas;
	enum status st;

	if (!amounts)
		return reply_status(call);
	st = spend_by_currency(call, spend, n, amounts, &n_amounts);
	if (st != ST_OK)
		return st;
	put_platforms(call->arena, spend, n, out);
	out->ad_spend = make_moneys(call->arena, amounts, n_amounts);
	out->n_ad_spend = n_amounts;
	if (out->net && report_roas(&net, 1, amounts, n_amounts, "", &roas))
		out->roas = make_decimal(call->arena, roas, REPORT_ROAS_SCALE);
	return ST_OK;
}

/* Fills the answer from what was read; every text in it is a copy in the call's arena. */
static enum status answer(struct call *call, const struct brand_tx *b,
			  const struct summary_questions *q, const char *currency,
			  Attribution__V1__Summary *out)
{
	size_t n_totals, n_spend, n_fresh;
	struct currency_total *totals = store_read_totals(b, q->totals, &n_totals);
	struct platform_spend *spend = store_read_spend(b, q->spend, &n_spend);
	struct freshness_row *fresh = store_read_freshness(b, q->freshness, &n_fresh);
	enum status st;

	if (!totals || !spend || !fresh)
		return reply_status(call);
	put_totals(call->arena, totals, n_totals, currency, out);
	put_days(call->arena, totals, n_totals, out);
	st = put_spend(call, spend, n_spend, out);
	out->freshness = make_freshness(call->arena, fresh, n_fresh);
	out->n_freshness = n_fresh;
	return st == ST_OK ? reply_status(call) : st;
}

HANDLER(handle_summary, SummaryRequest, Summary)
{
	struct summary_questions q;
	struct brand_tx b;
	const char *currency;
	enum status st = read_days(call, in->from, in->to, &q.days);

	if (st == ST_OK)
		st = ask_brand(call, in->brand_id, ask_summary, &q, &b, &currency);
	if (st != ST_OK)
		return st;
	st = answer(call, &b, &q, currency, out);
	db_tx_free(b.tx);
	return st;
}
