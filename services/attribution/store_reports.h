/* What reports read. Each question is queued by store_ask_* and its answer read by store_read_*
 * after db_run. */
#ifndef ATTRIBUTION_STORE_REPORTS_H
#define ATTRIBUTION_STORE_REPORTS_H

#include "report.h"
#include "store.h"

/* Days in SQL's text form, both included; "-infinity" and "infinity" where there is no bound. */
struct day_range {
	const char *from, *to;
};

struct currency_total {
	const char *currency;
	int64_t micro_orders, gross, refunds, net;
	int32_t first_day, last_day;
};
int store_ask_totals(const struct brand_tx *b, const struct day_range *days);
/* Rows in the arena, sorted by currency; NULL when it is full. So with all of the following. */
struct currency_total *store_read_totals(const struct brand_tx *b, int result, size_t *n);

struct platform_spend {
	const char *platform, *currency;
	int64_t micros;
};
int store_ask_spend(const struct brand_tx *b, const struct day_range *days);
struct platform_spend *store_read_spend(const struct brand_tx *b, int result, size_t *n);

enum report_measure { REPORT_NET, REPORT_GROSS };

/* The credits of the usual window by kind and currency, and spend by campaign and currency; both
 * become items of one report. */
int store_ask_credits(const struct brand_tx *b, enum credit_model model,
		      const struct day_range *days);
int store_ask_campaign_spend(const struct brand_tx *b, const struct day_range *days);
/* `credits` < 0: room for `extra` items is left at the end instead. */
struct report_item *store_read_items(const struct brand_tx *b, int credits, int spend,
				     enum report_measure measure, size_t extra, size_t *n);

/* What kinds are called in a report. */
struct kind_name {
	int64_t kind_id;
	enum channel channel;
	const char *platform, *campaign_id, *campaign;
};
/* Of the kinds of a finished tally, sorted by id. In an open transaction; drops earlier results. */
enum status store_kind_names(const struct brand_tx *b, const struct tally *t,
			     struct kind_name **ret, size_t *n) MUST_USE;
/* Of the kinds of one order. */
int store_ask_order_kinds(const struct brand_tx *b, const char *order_id);
struct kind_name *store_read_kind_names(const struct brand_tx *b, int result, size_t *n);
/* The kind with that id in a list sorted by id; what is unattributed for CREDIT_KIND_NONE or when
 * it is not there. */
struct kind_name kind_name_find(const struct kind_name *list, size_t n, int64_t kind_id);

#endif
