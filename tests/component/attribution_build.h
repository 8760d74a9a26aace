/* Events of the ingest services and questions to attribution, written short. Read next:
 * attribution_fixture.h. */
#ifndef COMPONENT_ATTRIBUTION_BUILD_H
#define COMPONENT_ATTRIBUTION_BUILD_H

#include "component/attribution_fixture.h"

#define AT_DAY     INT64_C(86400000000)
#define AT_NOON(d) ((d)*AT_DAY + AT_DAY / 2)
#define AT_UNIT    INT64_C(1000000) /* one unit of money, one order */

struct at_touch {
	int64_t occurred_us;
	uint32_t position;
	const char *source, *source_type, *medium, *campaign; /* NULL is "" */
};
struct at_order {
	const char *order_id;
	uint64_t version;
	int64_t processed_us;
	int32_t day;
	bool dropped; /* counts in no figure */
	const char *currency;
	int64_t gross, refunds; /* micros */
	const struct at_touch *touches;
	size_t n_touches;
};
Shopify__V1__OrdersUpserted *at_orders_message(struct world *w, const struct at_tenant *t,
					       const char *run, const struct at_order *orders,
					       size_t n);
void at_orders(struct world *w, const struct at_tenant *t, const char *run,
	       const struct at_order *orders, size_t n);
void at_shop_done(struct world *w, const struct at_tenant *t, const char *run, uint32_t pages,
		  int64_t through);

struct at_result {
	const char *account_id, *campaign_id, *ad_id;
	int32_t day;
	uint64_t version;
	const char *currency;
	int64_t spend; /* micros */
};
void at_results(struct world *w, const struct at_tenant *t, const char *run,
		Ads__V1__Platform platform, const struct at_result *rows, size_t n);

struct at_campaign {
	const char *account_id, *campaign_id;
	uint64_t version;
	const char *name, *past_name; /* past_name NULL: none */
};
void at_campaigns(struct world *w, const struct at_tenant *t, const char *run,
		  Ads__V1__Platform platform, const struct at_campaign *rows, size_t n);
void at_ads_done(struct world *w, const struct at_tenant *t, const char *run,
		 Ads__V1__Platform platform, uint32_t pages, int64_t through);

#define AT_META   ADS__V1__PLATFORM__PLATFORM_META
#define AT_GOOGLE ADS__V1__PLATFORM__PLATFORM_GOOGLE
#define AT_TIKTOK ADS__V1__PLATFORM__PLATFORM_TIKTOK

/* ---- questions; each fails the test unless it is answered ---- */

#define AT_NO_DAY INT32_MIN
struct at_question {
	bool linear, by_campaign, gross;
	const char *window; /* NULL: 28d */
	bool bounded;       /* by the days from..to */
	int32_t from, to;
};
const Attribution__V1__AttributionReport *at_report(struct world *w, const struct at_tenant *t,
						    struct at_question q);
const Attribution__V1__Summary *at_summary(struct world *w, const struct at_tenant *t);
const Attribution__V1__OrderCreditsReply *at_credits(struct world *w, const struct at_tenant *t,
						     const char *order_id);

/* The row of a channel and campaign ("" by channel); NULL when there is none, fails when there are
 * two. */
const Attribution__V1__AttributionRow *at_row(const Attribution__V1__AttributionReport *report,
					      int channel, const char *campaign);
/* Micros of the row's revenue, which must be in `currency`; 0 without a row. */
int64_t at_revenue(const Attribution__V1__AttributionReport *report, int channel,
		   const char *campaign, const char *currency);
/* Sums over all rows, unattributed included. */
int64_t at_sum_revenue(const Attribution__V1__AttributionReport *report, const char *currency);
int64_t at_sum_orders(const Attribution__V1__AttributionReport *report);
const Attribution__V1__Freshness *at_fresh_of(Attribution__V1__Freshness **list, size_t n,
					      const char *source);

#endif
