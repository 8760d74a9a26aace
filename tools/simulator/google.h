/* What the files of the Google Ads simulator share. Read next: google.c. */
#ifndef SIM_GOOGLE_H
#define SIM_GOOGLE_H

#include "gaql.h"
#include "sim.h"

#define GOOGLE_VERSION  "v25"
#define GOOGLE_PAGE_MAX 10000 /* rows of a page of :search, and of a batch of :searchStream */

/* Rows that answer a query, in order. False when memory is out. */
bool google_rows(struct exchange *ex, const struct ad_account *acc, const struct gaql_query *q,
		 const struct ads_row **ret, size_t *ret_n);
/* Writes {"results":[...] and what every answer has, without the closing brace: the caller adds the
 * rest. */
void google_put_batch(struct exchange *ex, const struct gaql_query *q, const struct ads_row *rows,
		      size_t n);

#endif
