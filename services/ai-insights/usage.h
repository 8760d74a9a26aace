/*
 * Tokens of one call of the model, as the provider counts and bills them. Read next: model.h.
 */
#ifndef INSIGHTS_USAGE_H
#define INSIGHTS_USAGE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define USAGE_TOKENS_MAX INT64_C(1000000000) /* a larger count is not believed */

struct model_usage {
	int64_t input;          /* neither read from nor written to the cache */
	int64_t cache_read;     /* read from the cache */
	int64_t cache_write_5m; /* written to it for five minutes */
	int64_t cache_write_1h; /* ... for an hour */
	int64_t output;
	bool known;   /* the provider told what it read, which no call goes without: the call is
			 billed */
	bool partial; /* the answer broke off: `output` is what had been told by then, a lower bound
		       */
};

/*
 * Takes over what a `usage` object of message_start or message_delta tells. Counts are cumulative:
 * a later one replaces an earlier one, an absent or null one leaves it. A total of cache writes
 * without its split by time counts for `hour` when that is the time the request asked for, else for
 * five minutes. False, with `u` unchanged, when a count is no whole number of 0..USAGE_TOKENS_MAX.
 */
bool usage_read(struct model_usage *u, const cJSON *usage, bool hour);

#endif
