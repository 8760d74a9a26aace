/* See attribution_build.h. */
#include "component/attribution_build.h"

#include "core/magic.h"
#include "json/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NEW(w, type, descriptor) ((type *)make(w, &descriptor))

static ProtobufCMessage *make(struct world *w, const ProtobufCMessageDescriptor *d)
{
	ProtobufCMessage *m = message_new(w->arena, d);

	INVARIANT(m != NULL);
	return m;
}

static void *list(struct world *w, size_t n)
{
	void *p = arena_array(w->arena, n + 1, sizeof(void *));

	INVARIANT(p != NULL);
	return p;
}

static char *text(const char *s)
{
	return (char *)(s ? s : "");
}

static Pulsepoint__Money *money(struct world *w, int64_t micros, const char *currency)
{
	Pulsepoint__Money *m = NEW(w, Pulsepoint__Money, pulsepoint__money__descriptor);

	m->micros = micros;
	m->currency = text(currency);
	return m;
}

static Pulsepoint__Timestamp *time_of(struct world *w, int64_t us)
{
	Pulsepoint__Timestamp *m = NEW(w, Pulsepoint__Timestamp, pulsepoint__timestamp__descriptor);

	m->micros = us;
	return m;
}

static Pulsepoint__Date *date_of(struct world *w, int32_t days)
{
	Pulsepoint__Date *m = NEW(w, Pulsepoint__Date, pulsepoint__date__descriptor);

	m->days = days;
	return m;
}

/* ---- events ---- */

static Shopify__V1__Touch *touch(struct world *w, const struct at_touch *t)
{
	Shopify__V1__Touch *m = NEW(w, Shopify__V1__Touch, shopify__v1__touch__descriptor);

	m->position = t->position;
	m->occurred_at = time_of(w, t->occurred_us);
	m->source = text(t->source);
	m->source_type = text(t->source_type);
	m->medium = text(t->medium);
	m->campaign = text(t->campaign);
	return m;
}

static Shopify__V1__OrderRow *order(struct world *w, const struct at_order *o)
{
	Shopify__V1__OrderRow *m =
		NEW(w, Shopify__V1__OrderRow, shopify__v1__order_row__descriptor);

	m->order_id = text(o->order_id);
	m->version = o->version;
	m->processed_at = time_of(w, o->processed_us);
	m->day = date_of(w, o->day);
	m->counts = !o->dropped;
	m->gross = money(w, o->gross, o->currency);
	m->refunds = money(w, o->refunds, o->currency);
	m->touches = list(w, o->n_touches);
	for (size_t i = 0; i < o->n_touches; i++)
		m->touches[i] = touch(w, &o->touches[i]);
	m->n_touches = o->n_touches;
	return m;
}

Shopify__V1__OrdersUpserted *at_orders_message(struct world *w, const struct at_tenant *t,
					       const char *run, const struct at_order *orders,
					       size_t n)
{
	Shopify__V1__OrdersUpserted *m =
		NEW(w, Shopify__V1__OrdersUpserted, shopify__v1__orders_upserted__descriptor);

	m->brand_id = (char *)t->brand;
	m->run_id = text(run);
	m->rows = list(w, n);
	for (size_t i = 0; i < n; i++)
		m->rows[i] = order(w, &orders[i]);
	m->n_rows = n;
	return m;
}

void at_orders(struct world *w, const struct at_tenant *t, const char *run,
	       const struct at_order *orders, size_t n)
{
	at_publish(w, t->id, AT_ORDERS, at_orders_message(w, t, run, orders, n), NULL);
}

void at_shop_done(struct world *w, const struct at_tenant *t, const char *run, uint32_t pages,
		  int64_t through)
{
	Shopify__V1__SyncFinished m = SHOPIFY__V1__SYNC_FINISHED__INIT;

	m.brand_id = (char *)t->brand;
	m.run_id = text(run);
	m.pages = pages;
	m.data_through = time_of(w, through);
	at_publish(w, t->id, AT_SHOP_DONE, &m, NULL);
}

void at_results(struct world *w, const struct at_tenant *t, const char *run,
		Ads__V1__Platform platform, const struct at_result *rows, size_t n)
{
	Ads__V1__AdResultsUpserted m = ADS__V1__AD_RESULTS_UPSERTED__INIT;

	m.brand_id = (char *)t->brand;
	m.run_id = text(run);
	m.platform = platform;
	m.rows = list(w, n);
	for (size_t i = 0; i < n; i++) {
		Ads__V1__AdResultRow *r =
			NEW(w, Ads__V1__AdResultRow, ads__v1__ad_result_row__descriptor);

		r->account_id = text(rows[i].account_id);
		r->campaign_id = text(rows[i].campaign_id);
		r->adset_id = text("set");
		r->ad_id = text(rows[i].ad_id);
		r->day = date_of(w, rows[i].day);
		r->version = rows[i].version;
		r->spend = money(w, rows[i].spend, rows[i].currency);
		m.rows[i] = r;
	}
	m.n_rows = n;
	at_publish(w, t->id, AT_RESULTS, &m, NULL);
}

void at_campaigns(struct world *w, const struct at_tenant *t, const char *run,
		  Ads__V1__Platform platform, const struct at_campaign *rows, size_t n)
{
	Ads__V1__CampaignsUpserted m = ADS__V1__CAMPAIGNS_UPSERTED__INIT;

	m.brand_id = (char *)t->brand;
	m.run_id = text(run);
	m.platform = platform;
	m.rows = list(w, n);
	for (size_t i = 0; i < n; i++) {
		Ads__V1__CampaignRow *r =
			NEW(w, Ads__V1__CampaignRow, ads__v1__campaign_row__descriptor);

		r->account_id = text(rows[i].account_id);
		r->campaign_id = text(rows[i].campaign_id);
		r->version = rows[i].version;
		r->name = text(rows[i].name);
		r->past_names = list(w, 1);
		r->past_names[0] = text(rows[i].past_name);
		r->n_past_names = rows[i].past_name != NULL;
		m.rows[i] = r;
	}
	m.n_rows = n;
	at_publish(w, t->id, AT_CAMPAIGNS, &m, NULL);
}

void at_ads_done(struct world *w, const struct at_tenant *t, const char *run,
		 Ads__V1__Platform platform, uint32_t pages, int64_t through)
{
	Ads__V1__SyncFinished m = ADS__V1__SYNC_FINISHED__INIT;

	m.brand_id = (char *)t->brand;
	m.run_id = text(run);
	m.platform = platform;
	m.pages = pages;
	m.data_through = time_of(w, through);
	at_publish(w, t->id, AT_ADS_DONE, &m, NULL);
}

/* ---- questions ---- */

const Attribution__V1__AttributionReport *at_report(struct world *w, const struct at_tenant *t,
						    struct at_question q)
{
	Attribution__V1__AttributionRequest in = ATTRIBUTION__V1__ATTRIBUTION_REQUEST__INIT;

	in.brand_id = (char *)t->brand;
	in.model = q.linear ? ATTRIBUTION__V1__MODEL__MODEL_LINEAR
			    : ATTRIBUTION__V1__MODEL__MODEL_LAST_TOUCH;
	in.by = q.by_campaign ? ATTRIBUTION__V1__GROUPING__GROUPING_CAMPAIGN
			      : ATTRIBUTION__V1__GROUPING__GROUPING_CHANNEL;
	in.measure = q.gross ? ATTRIBUTION__V1__MEASURE__MEASURE_GROSS
			     : ATTRIBUTION__V1__MEASURE__MEASURE_NET;
	in.window = text(q.window ? q.window : "28d");
	if (q.bounded) {
		in.from = date_of(w, q.from);
		in.to = date_of(w, q.to);
	}
	return at_must(w, t->token, ATTRIBUTION_GET_ATTRIBUTION, &in);
}

const Attribution__V1__Summary *at_summary(struct world *w, const struct at_tenant *t)
{
	Attribution__V1__SummaryRequest in = ATTRIBUTION__V1__SUMMARY_REQUEST__INIT;

	in.brand_id = (char *)t->brand;
	return at_must(w, t->token, ATTRIBUTION_GET_SUMMARY, &in);
}

const Attribution__V1__OrderCreditsReply *at_credits(struct world *w, const struct at_tenant *t,
						     const char *order_id)
{
	Attribution__V1__OrderCreditsRequest in = ATTRIBUTION__V1__ORDER_CREDITS_REQUEST__INIT;

	in.brand_id = (char *)t->brand;
	in.order_id = (char *)order_id;
	return at_must(w, t->token, ATTRIBUTION_ORDER_CREDITS, &in);
}

const Attribution__V1__AttributionRow *at_row(const Attribution__V1__AttributionReport *report,
					      int channel, const char *campaign)
{
	const Attribution__V1__AttributionRow *found = NULL;

	for (size_t i = 0; i < report->n_rows; i++) {
		const Attribution__V1__AttributionRow *r = report->rows[i];

		if ((int)r->channel != channel || strcmp(r->campaign, campaign) != 0)
			continue;
		if (found)
			fail_msg("channel %d, campaign \"%s\" has two rows", channel, campaign);
		found = r;
	}
	return found;
}

int64_t at_revenue(const Attribution__V1__AttributionReport *report, int channel,
		   const char *campaign, const char *currency)
{
	const Attribution__V1__AttributionRow *r = at_row(report, channel, campaign);

	if (!r)
		return 0;
	assert_non_null(r->revenue);
	assert_string_equal(r->revenue->currency, currency);
	return r->revenue->micros;
}

int64_t at_sum_revenue(const Attribution__V1__AttributionReport *report, const char *currency)
{
	int64_t sum = 0;

	for (size_t i = 0; i < report->n_rows; i++)
		for (size_t k = 0; k < report->rows[i]->n_revenue_by_currency; k++)
			if (strcmp(report->rows[i]->revenue_by_currency[k]->currency, currency) ==
			    0)
				sum += report->rows[i]->revenue_by_currency[k]->micros;
	return sum;
}

int64_t at_sum_orders(const Attribution__V1__AttributionReport *report)
{
	int64_t sum = 0;

	for (size_t i = 0; i < report->n_rows; i++) {
		assert_int_equal(report->rows[i]->orders->scale, 6);
		sum += report->rows[i]->orders->units;
	}
	return sum;
}

const Attribution__V1__Freshness *at_fresh_of(Attribution__V1__Freshness **rows, size_t n,
					      const char *source)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i]->source, source) == 0)
			return rows[i];
	return NULL;
}
