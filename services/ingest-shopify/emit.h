/* What ingest-shopify tells, from plain rows to events. In the open transaction of the change. */
#ifndef SHOPIFY_EMIT_H
#define SHOPIFY_EMIT_H

#include "ingest/runs.h"
#include "store.h"

/* orders.upserted; `events` grows by each event, for SyncFinished.pages. */
enum status emit_orders(struct db_tx *tx, struct arena *a, const struct run *run,
			const struct changed_order *rows, size_t n, uint32_t *events,
			struct error *err) MUST_USE;
/* products.upserted and stock.changed. */
enum status emit_variants(struct db_tx *tx, struct arena *a, const struct run *run,
			  const struct changed_variant *rows, size_t n, struct error *err) MUST_USE;
enum status emit_finished(struct db_tx *tx, const struct run *run, int64_t data_through,
			  struct error *err) MUST_USE;

#endif
