/*
 * GetAttribution: what each channel or campaign earned. The usual window reads the roll-ups; any
 * other is worked out from the orders by the same rules. Read next: report.h, adhoc.h.
 */
#include "adhoc.h"
#include "handlers.h"

#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <string.h>

#define ADHOC_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define ADHOC_MAX       2
#define ADHOC_QUEUE_MAX 6
#define ADHOC_LOOK_US   5000

/* The question as the rules understand it, and the numbers of its results. */
struct report_questions {
	enum credit_model model;
	enum report_measure measure;
	bool by_campaign;
	int64_t window_days;
	struct day_range days;
	int credits, spend, freshness; /* credits < 0: not the usual window */
};

static void ask_report(const struct brand_tx *b, void *arg)
{
	struct report_questions *q = arg;

	q->credits = -1;
	if (q->window_days == CREDIT_WINDOW_DAYS)
		q->credits = store_ask_credits(b, q->model, &q->days);
	q->spend = store_ask_campaign_spend(b, &q->days);
	q->freshness = store_ask_freshness(b);
}

/* "28d" */
static bool window_parse(const char *text, int64_t *days)
{
	size_t len = strlen(text);
	char digits[8];

	if (len < 2 || len > sizeof(digits) || text[len - 1] != 'd')
		return false;
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	return parse_i64(digits, CREDIT_WINDOW_MIN, CREDIT_WINDOW_MAX, days);
}

static enum status read_question(struct call *call, const Attribution__V1__AttributionRequest *in,
				 struct report_questions *q)
{
	*q = (struct report_questions){
		.model = in->model == ATTRIBUTION__V1__MODEL__MODEL_LINEAR ? CREDIT_LINEAR
									   : CREDIT_LAST_TOUCH,
		.measure = in->measure == ATTRIBUTION__V1__MEASURE__MEASURE_GROSS ? REPORT_GROSS
										  : REPORT_NET,
		.by_campaign = in->by == ATTRIBUTION__V1__GROUPING__GROUPING_CAMPAIGN,
	};
	if (!window_parse(in->window, &q->window_days))
		return error_set(call->err, ST_INVALID, "window", "must be %dd to %dd",
				 CREDIT_WINDOW_MIN, CREDIT_WINDOW_MAX);
	return read_days(call, in->from, in->to, &q->days);
}

/* ---- a window without roll-ups ---- */

/* True when this call is one of at most ADHOC_MAX now. */
static bool take_turn(struct attribution *app)
{
	int n = atomic_load(&app->adhoc);

	while (n < ADHOC_MAX)
		if (atomic_compare_exchange_weak(&app->adhoc, &n, n + 1))
			return true;
	return false;
}

/* Such a report holds a connection for seconds, so few run at a time and few wait for them. */
static enum status wait_turn(struct call *call)
{
	struct attribution *app = call->app;
	bool mine = false;

	if (atomic_fetch_add(&app->adhoc_queued, 1) < ADHOC_QUEUE_MAX)
		while (!(mine = take_turn(app)) &&
		       time_mono_us() + ADHOC_LOOK_US < call->deadline_us)
			time_sleep_us(time_mono_us() + ADHOC_LOOK_US);
	atomic_fetch_sub(&app->adhoc_queued, 1);
	if (mine)
		return ST_OK;
	error_set(call->err, ST_UNAVAILABLE, NULL,
		  "too many reports over other windows than %dd are being made; try again",
		  CREDIT_WINDOW_DAYS);
	call->err->retry_after_s = 1;
	return ST_UNAVAILABLE;
}

static void add_tally(struct arena *a, const struct report_questions *q, const struct tally *t,
		      const struct kind_name *names, size_t n_names, struct report_item *items)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct tally_row *r = &t->rows[i];
		const struct kind_name k = kind_name_find(names, n_names, r->kind);

		items[i] = (struct report_item){ k.channel,
						 k.platform,
						 k.campaign_id,
						 k.campaign,
						 arena_strdup(a, r->currency),
						 false,
						 r->micro_orders,
						 q->measure == REPORT_NET ? r->net : r->gross };
	}
}

/* `reports` holds what was read of spend. Its memory is the call's, that of the tally is `tx`'s. */
static enum status adhoc_items(const struct report_questions *q, const struct brand_tx *reports,
			       const struct brand_tx *tx, struct report_item **ret, size_t *n)
{
	struct brand_tx names_tx = *tx;
	struct kind_name *names = NULL;
	struct report_item *items;
	struct tally t;
	size_t n_names = 0;
	enum status st;

	st = adhoc_tally(tx, q->model, q->window_days * US_PER_DAY, &q->days, &t);
	names_tx.arena = reports->arena;
	if (st == ST_OK)
		st = store_kind_names(&names_tx, &t, &names, &n_names);
	if (st != ST_OK)
		return st;
	items = store_read_items(reports, -1, q->spend, q->measure, t.n, n);
	if (!items)
		return error_set(tx->err, ST_TOO_LARGE, NULL, "the report is too large");
	add_tally(reports->arena, q, &t, names, n_names, items + *n);
	*n += t.n;
	*ret = items;
	return ST_OK;
}

static enum status adhoc(struct call *call, const struct report_questions *q,
			 const struct brand_tx *reports, struct report_item **ret, size_t *n)
{
	struct arena *a;
	struct brand_tx tx = { NULL, NULL, call->err, reports->brand_id };
	enum status st = wait_turn(call);

	if (st != ST_OK)
		return st;
	tx.arena = a = arena_new(ADHOC_ARENA_MAX);
	st = a ? call_begin(call, &tx.tx)
	       : error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	if (st == ST_OK)
		st = adhoc_items(q, reports, &tx, ret, n);
	db_tx_free(tx.tx);
	arena_free(a);
	atomic_fetch_sub(&((struct attribution *)call->app)->adhoc, 1);
	return st;
}

/* ---- the answer ---- */

static Attribution__V1__AttributionRow *make_row(struct arena *a, const struct report_row *r,
						 const char *currency)
{
	Attribution__V1__AttributionRow *row = (Attribution__V1__AttributionRow *)message_new(
		a, &attribution__v1__attribution_row__descriptor);
	int64_t roas;

	if (!row)
		return NULL;
	row->channel = (Attribution__V1__Channel)r->channel;
	row->platform = arena_strdup(a, r->platform);
	row->campaign_id = arena_strdup(a, r->campaign_id);
	row->campaign = arena_strdup(a, r->campaign);
	row->orders = make_decimal(a, r->micro_orders, 6);
	if (r->n_revenue == 1)
		row->revenue = make_money(a, r->revenue->micros, r->revenue->currency);
	else if (r->n_revenue == 0)
		row->revenue = make_money(a, 0, currency);
	if (r->n_spend == 1)
		row->spend = make_money(a, r->spend->micros, r->spend->currency);
	if (report_roas(r->revenue, r->n_revenue, r->spend, r->n_spend, currency, &roas))
		row->roas = make_decimal(a, roas, REPORT_ROAS_SCALE);
	row->revenue_by_currency = make_moneys(a, r->revenue, r->n_revenue);
	row->n_revenue_by_currency = r->n_revenue;
	row->spend_by_currency = make_moneys(a, r->spend, r->n_spend);
	row->n_spend_by_currency = r->n_spend;
	return row;
}

static enum status answer(struct call *call, const Attribution__V1__AttributionRequest *in,
			  const struct report_questions *q, const struct brand_tx *b,
			  const char *currency, Attribution__V1__AttributionReport *out)
{
	struct freshness_row *fresh;
	struct report_item *items = NULL;
	struct report_row *rows;
	size_t n, n_rows, n_fresh;
	enum status st = ST_OK;

	if (q->credits < 0)
		st = adhoc(call, q, b, &items, &n);
	else
		items = store_read_items(b, q->credits, q->spend, q->measure, 0, &n);
	fresh = store_read_freshness(b, q->freshness, &n_fresh);
	if (st == ST_OK && (!items || !fresh))
		st = reply_status(call);
	if (st == ST_OK)
		st = report_rows(call->arena, items, n, q->by_campaign, &rows, &n_rows, call->err);
	if (st != ST_OK)
		return st;
	currency = report_currency(rows, n_rows, currency);
	out->model = (Attribution__V1__Model)q->model;
	out->by = q->by_campaign ? ATTRIBUTION__V1__GROUPING__GROUPING_CAMPAIGN
				 : ATTRIBUTION__V1__GROUPING__GROUPING_CHANNEL;
	out->measure = q->measure == REPORT_NET ? ATTRIBUTION__V1__MEASURE__MEASURE_NET
						: ATTRIBUTION__V1__MEASURE__MEASURE_GROSS;
	out->window = arena_strdup(call->arena, in->window);
	out->rows = arena_array(call->arena, n_rows + 1, sizeof(*out->rows));
	for (size_t i = 0; out->rows && i < n_rows; i++)
		out->rows[i] = make_row(call->arena, &rows[i], currency);
	out->n_rows = n_rows;
	out->freshness = make_freshness(call->arena, fresh, n_fresh);
	out->n_freshness = n_fresh;
	return reply_status(call);
}

HANDLER(handle_report, AttributionRequest, AttributionReport)
{
	struct report_questions q;
	struct brand_tx b;
	const char *currency;
	enum status st = read_question(call, in, &q);

	if (st == ST_OK)
		st = ask_brand(call, in->brand_id, ask_report, &q, &b, &currency);
	if (st != ST_OK)
		return st;
	st = answer(call, in, &q, &b, currency, out);
	db_tx_free(b.tx);
	return st;
}
