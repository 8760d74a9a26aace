/*
 * From credits and spend per campaign and currency to the rows of a report. Pure. Amounts of
 * different currencies are never added. Read next: handlers_report.c.
 */
#ifndef ATTRIBUTION_REPORT_H
#define ATTRIBUTION_REPORT_H

#include "channel.h"

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_ROWS_MAX   10000 /* the contract's */
#define REPORT_ROAS_SCALE 4

/* What a report may add up: credits have micro_orders and revenue, results of ads have spend. */
struct report_item {
	enum channel channel;
	const char *platform, *campaign_id, *campaign; /* never NULL */
	const char *currency;
	bool is_spend;
	int64_t micro_orders; /* of credits */
	int64_t micros;       /* revenue or spend */
};

struct amount {
	const char *currency;
	int64_t micros;
};

struct report_row {
	enum channel channel;
	const char *platform, *campaign_id, *campaign;
	int64_t micro_orders;
	struct amount *revenue, *spend; /* by currency, sorted */
	size_t n_revenue, n_spend;
};

/*
 * One row per channel, or per (channel, platform, campaign id, campaign) when `by_campaign`. Spend
 * without orders makes a row when it is not zero. Sorted: revenue descending (rows of one currency
 * before those of several), then channel, campaign, campaign id and platform; unattributed last.
 * ST_TOO_LARGE beyond REPORT_ROWS_MAX rows, when the arena is full or an amount overflows.
 */
enum status report_rows(struct arena *a, struct report_item *items, size_t n, bool by_campaign,
			struct report_row **ret, size_t *ret_n, struct error *err) MUST_USE;

/* The one currency of all revenue; `otherwise` when there is none or several. */
const char *report_currency(const struct report_row *rows, size_t n, const char *otherwise);

/*
 * revenue / spend in units of 10^-REPORT_ROAS_SCALE. False across currencies and without spend
 * above zero. A `revenue` of zero entries is nothing in `currency`.
 */
bool report_roas(const struct amount *revenue, size_t n_revenue, const struct amount *spend,
		 size_t n_spend, const char *currency, int64_t *ret);

#endif
