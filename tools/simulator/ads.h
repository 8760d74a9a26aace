/* Ad results summed to the level and days a provider is asked for. Read next: ads.c; meta.c,
 * tiktok.c, google.c ask. */
#ifndef SIM_ADS_H
#define SIM_ADS_H

#include "dataset.h"

#include "core/arena.h"

enum ads_level { LEVEL_ACCOUNT, LEVEL_CAMPAIGN, LEVEL_ADSET, LEVEL_AD };

struct ads_query {
	enum platform platform;
	const char *account_id;
	int32_t from, to; /* days, both included */
	enum ads_level level;
	bool daily; /* one row per day, else one for the whole range */
};

struct ads_row {
	const struct ad_row *row; /* ids, and the names as they were on the row's (last) day */
	int32_t day, last_day;
	int64_t spend, conversions, conversion_value; /* micros */
	int64_t impressions, clicks;
};

/* Rows sorted by day, then ids. NULL when memory is out. */
const struct ads_row *ads_sum(struct arena *a, const struct dataset *ds, const struct ads_query *q,
			      size_t *ret_n);
/* Micros as a decimal without needless zeros ("3", "0.5"). */
const char *ads_decimal(struct arena *a, int64_t micros);
/* a / b as a decimal of 6 digits, "0" when b is 0. */
const char *ads_ratio(struct arena *a, int64_t numerator, int64_t denominator);

#endif
