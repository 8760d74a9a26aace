/*
 * What ingest-shopify keeps. One function per question; SQL in store_connections.c,
 * store_products.c, store_orders.c (writing) and store_lists.c (reading). Texts of results live in
 * the arena given.
 */
#ifndef SHOPIFY_STORE_H
#define SHOPIFY_STORE_H

#include "db/db.h"
#include "model.h"

/* ---- connections ---- */

struct connection {
	const char *connection_id, *brand_id, *state;
	struct shop shop;
	const char *access_sealed, *refresh_sealed;
	int64_t access_expires_at;       /* by the provider's clock */
	int64_t connected_at, synced_at; /* ours; synced_at 0: never */
	int64_t orders_since;            /* the provider's; 0: never */
};
/* Connects, or replaces credentials and a refusal. ST_CONFLICT when the brand is connected to
 * another shop. `ret` gets the row without tokens. Open transaction. */
enum status store_connect(struct db_tx *tx, struct arena *a, const char *tenant,
			  const struct connection *c, struct connection *ret,
			  struct error *err) MUST_USE;
/* The brand's connection; ST_NOT_FOUND without. One round trip on a queued, empty transaction. */
enum status store_connection(struct db_tx *tx, struct arena *a, const char *brand, int64_t deadline,
			     struct connection *ret, struct error *err) MUST_USE;
/* The same in an open transaction, which holds the row from then on. */
enum status store_lock_connection(struct db_tx *tx, struct arena *a, const char *brand,
				  struct connection *ret, struct error *err) MUST_USE;
/* ST_NOT_FOUND with field brand_id when the brand is not connected. Open transaction. */
enum status store_need_connection(struct db_tx *tx, struct arena *a, const char *brand,
				  struct error *err) MUST_USE;
/* Those of the scope; `brand` may be NULL or "". One round trip on a queued, empty transaction. */
enum status store_connections(struct db_tx *tx, struct arena *a, const char *brand,
			      int64_t deadline, struct connection **ret, size_t *n,
			      struct error *err) MUST_USE;
/* Open transactions: */
enum status store_put_tokens(struct db_tx *tx, struct arena *a, const char *brand,
			     const char *access_sealed, const char *refresh_sealed,
			     int64_t expires_at, struct error *err) MUST_USE;
enum status store_mark_reconnect(struct db_tx *tx, struct arena *a, const char *brand,
				 struct error *err) MUST_USE;
/* The orders are complete up to this time of the provider's clock. */
enum status store_mark_since(struct db_tx *tx, struct arena *a, const char *brand, int64_t since,
			     struct error *err) MUST_USE;
/* The reports contain the brands' data: now. */
enum status store_mark_synced(struct db_tx *tx, struct arena *a, const char *const *brands,
			      size_t n, struct error *err) MUST_USE;

/* ---- pages of a run: open transactions ---- */

/* Whose rows. */
struct owner {
	const char *tenant_id, *brand_id, *zone;
};
struct changed_variant {
	const struct variant *variant;
	int64_t version;
	bool content, stock; /* what changed */
};
/* Upserts; new and changed ones come back. */
enum status store_put_variants(struct db_tx *tx, struct arena *a, const struct owner *own,
			       const struct variant *rows, size_t n,
			       struct changed_variant **changed, size_t *n_changed,
			       struct error *err) MUST_USE;

struct changed_order {
	const struct order *order;
	int64_t version;
	int32_t day;
	/* As they now stand: those of the page, or (kept) the row's, while Shopify rebuilds the
	 * journey. */
	bool kept;
	const struct touch *touches;
	size_t n_touches;
};
/* Upserts orders with lines, refunds and touches; new and changed ones come back. */
enum status store_put_orders(struct db_tx *tx, struct arena *a, const struct owner *own,
			     const struct order *rows, size_t n, struct changed_order **changed,
			     size_t *n_changed, struct error *err) MUST_USE;
/* Counts a look at orders whose journey is not ready, whether it is now or not. */
enum status store_count_tries(struct db_tx *tx, struct arena *a, const char *brand,
			      const char *const *order_ids, size_t n, struct error *err) MUST_USE;
/* Ids of at most `max` orders after `after` ("": from the first) whose journey is still to come.
 * One round trip on a queued, empty transaction. */
enum status store_unready(struct db_tx *tx, struct arena *a, const char *brand, const char *after,
			  int max, const char ***ret, size_t *n, struct error *err) MUST_USE;

/* How many orders wait for their journey. Open transaction. */
enum status store_count_unready(struct db_tx *tx, struct arena *a, const char *brand, int64_t *ret,
				struct error *err) MUST_USE;

/* ---- lists: one round trip on a queued, empty transaction ---- */

struct order_row {
	struct order order; /* lines, refunds and touches only from store_order */
	int32_t day;
	int64_t row_no;
};
struct order_place { /* of the last row of a page */
	int64_t processed_at, row_no;
};
/* Newest first; at most `max` rows after `after` (NULL: from the newest). */
enum status store_orders(struct db_tx *tx, struct arena *a, const char *brand,
			 const struct order_place *after, int max, int64_t deadline,
			 struct order_row **ret, size_t *n, struct error *err) MUST_USE;
/* One with everything; ST_NOT_FOUND without. */
enum status store_order(struct db_tx *tx, struct arena *a, const char *brand, const char *order_id,
			int64_t deadline, struct order_row *ret, struct error *err) MUST_USE;

struct variant_row {
	struct variant variant;
	const char *brand_id, *title_start;
	int64_t row_no;
};
/* By title; `brand` "" for all of the scope. `after_title` NULL: from the first. */
enum status store_variants(struct db_tx *tx, struct arena *a, const char *tenant, const char *brand,
			   const char *after_title, int64_t after_row, int max, int64_t deadline,
			   struct variant_row **ret, size_t *n, struct error *err) MUST_USE;

/* Touches of rows of a result, from column `col` on; store_orders.c and store_lists.c share it. */
void store_read_touch(const struct db_tx *tx, struct arena *a, int result, int row, int col,
		      struct touch *ret);

#endif
