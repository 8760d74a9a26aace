/* What ingest-ads tells, from plain rows to events. */
#ifndef ADS_EMIT_H
#define ADS_EMIT_H

#include "store.h"

/* Events of a page: campaigns first, then results; `events` grows by each. */
enum status emit_campaigns(struct db_tx *tx, struct arena *a, const struct run *run,
			   const char *account, const struct changed_campaign *rows, size_t n,
			   uint32_t *events, struct error *err);
enum status emit_results(struct db_tx *tx, struct arena *a, const struct run *run,
			 const struct ad_account *account, const struct ad_result *rows,
			 const struct changed_result *changed, size_t n, uint32_t *events,
			 struct error *err);
enum status emit_finished(struct db_tx *tx, const struct run *run, int64_t data_through,
			  struct error *err);

#endif
