/* Credits under a window that has no roll-ups: every order that counts goes through the rules once
 * more. Read next: credit.h. */
#ifndef ATTRIBUTION_ADHOC_H
#define ATTRIBUTION_ADHOC_H

#include "store_reports.h"

/*
 * Adds up the credits of the days' orders by kind and currency. `b` is an open transaction; earlier
 * results of it are dropped. The finished tally's memory is b->arena's.
 */
enum status adhoc_tally(const struct brand_tx *b, enum credit_model model, int64_t window_us,
			const struct day_range *days, struct tally *ret) MUST_USE;

#endif
