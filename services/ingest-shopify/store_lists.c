/* Reading: lists in pages by keyset, and one order with everything. Read next: store.h. */
#include "store.h"

#include <string.h>

#define ORDER_COLUMNS                                                                   \
	" order_id, name, created_at, processed_at, updated_at, day, financial_status," \
	" cancelled_at, test, counts, customer_id, country, currency, gross_micros,"    \
	" refunds_micros, journey_ready, row_no"

const struct db_stmt list_statements[] = {
	/* Ids are too long for a page token; the row's number leads to it. */
	{ "orders_first", "SELECT" ORDER_COLUMNS " FROM orders WHERE brand_id = $1::uuid"
			  " ORDER BY processed_at DESC, order_id DESC LIMIT $2::int" },
	{ "orders_after", "SELECT" ORDER_COLUMNS " FROM orders WHERE brand_id = $1::uuid"
			  " AND (processed_at, order_id) < ($3::timestamptz,"
			  " (SELECT l.order_id FROM orders l WHERE l.row_no = $4::bigint))"
			  " ORDER BY processed_at DESC, order_id DESC LIMIT $2::int" },
	{ "order", "SELECT" ORDER_COLUMNS " FROM orders WHERE brand_id = $1::uuid"
		   " AND order_id = $2" },
	{ "order_lines",
	  "SELECT line_id, variant_id, sku, title, quantity, unit_price_micros, discount_micros,"
	  " total_micros FROM order_lines WHERE brand_id = $1::uuid AND order_id = $2"
	  " ORDER BY position" },
	{ "order_refunds", "SELECT refund_id, created_at, amount_micros FROM refunds"
			   " WHERE brand_id = $1::uuid AND order_id = $2"
			   " ORDER BY created_at, refund_id" },
	{ "order_touches",
	  "SELECT occurred_at, source, source_type, medium, campaign, content, term,"
	  " landing_page, referrer FROM touches WHERE brand_id = $1::uuid AND order_id = $2"
	  " ORDER BY position" },
	{ "variants", "SELECT brand_id, product_id, variant_id, sku, title, product_type, currency,"
		      " price_micros, cost_currency, cost_micros, inventory_quantity, updated_at,"
		      " left(title, 60), row_no FROM products WHERE tenant_id = $1::uuid"
		      " AND (left(title, 60), row_no) > ($3, $4::bigint)"
		      " ORDER BY left(title, 60), row_no LIMIT $2::int" },
	{ "brand_variants",
	  "SELECT brand_id, product_id, variant_id, sku, title, product_type, currency,"
	  " price_micros, cost_currency, cost_micros, inventory_quantity, updated_at,"
	  " left(title, 60), row_no FROM products WHERE brand_id = $1::uuid"
	  " AND (left(title, 60), row_no) > ($3, $4::bigint)"
	  " ORDER BY left(title, 60), row_no LIMIT $2::int" },
	{ NULL, NULL },
};

static enum status memory(const struct arena *a, struct error *err)
{
	return arena_failed(a)
		       ? error_set(err, ST_UNAVAILABLE, NULL, "the answer does not fit in memory")
		       : ST_OK;
}

/* ---- orders ---- */

static void read_order(const struct db_tx *tx, struct arena *a, int r, int row,
		       struct order_row *ret)
{
	*ret = (struct order_row){
		.order = { .order_id = arena_strdup(a, db_str(tx, r, row, 0)),
			   .name = arena_strdup(a, db_str(tx, r, row, 1)),
			   .created_at = db_time(tx, r, row, 2),
			   .processed_at = db_time(tx, r, row, 3),
			   .updated_at = db_time(tx, r, row, 4),
			   .status = arena_strdup(a, db_str(tx, r, row, 6)),
			   .cancelled_at = db_time(tx, r, row, 7),
			   .test = db_bool(tx, r, row, 8),
			   .counts = db_bool(tx, r, row, 9),
			   .customer_id = arena_strdup(a, db_str(tx, r, row, 10)),
			   .country = arena_strdup(a, db_str(tx, r, row, 11)),
			   .currency = arena_strdup(a, db_str(tx, r, row, 12)),
			   .gross = db_int(tx, r, row, 13),
			   .refunded = db_int(tx, r, row, 14),
			   .journey_ready = db_bool(tx, r, row, 15) },
		.day = db_date(tx, r, row, 5),
		.row_no = db_int(tx, r, row, 16),
	};
}

enum status store_orders(struct db_tx *tx, struct arena *a, const char *brand,
			 const struct order_place *after, int max, int64_t deadline,
			 struct order_row **ret, size_t *n, struct error *err)
{
	struct order_row *rows;
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_i64(&args, max);
	if (after) {
		db_arg_time(&args, after->processed_at);
		db_arg_i64(&args, after->row_no);
	}
	db_add(tx, after ? "orders_after" : "orders_first", &args);
	st = db_run(tx, deadline, err);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	rows = arena_array(a, *n + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < *n; i++)
		read_order(tx, a, 0, (int)i, &rows[i]);
	*ret = rows;
	return memory(a, err);
}

static void read_lines(const struct db_tx *tx, struct arena *a, int r, struct order *o)
{
	size_t n = (size_t)db_rows(tx, r);

	o->lines = arena_array(a, n + 1, sizeof(*o->lines));
	for (size_t i = 0; o->lines && i < n; i++) {
		int row = (int)i;

		o->lines[o->lines_part.n++] =
			(struct line){ .line_id = arena_strdup(a, db_str(tx, r, row, 0)),
				       .variant_id = arena_strdup(a, db_str(tx, r, row, 1)),
				       .sku = arena_strdup(a, db_str(tx, r, row, 2)),
				       .title = arena_strdup(a, db_str(tx, r, row, 3)),
				       .quantity = (int32_t)db_int(tx, r, row, 4),
				       .unit_price = db_int(tx, r, row, 5),
				       .discount = db_int(tx, r, row, 6),
				       .total = db_int(tx, r, row, 7) };
	}
}

static void read_refunds(const struct db_tx *tx, struct arena *a, int r, struct order *o)
{
	size_t n = (size_t)db_rows(tx, r);

	o->refunds = arena_array(a, n + 1, sizeof(*o->refunds));
	for (size_t i = 0; o->refunds && i < n; i++) {
		int row = (int)i;

		o->refunds[o->n_refunds++] =
			(struct refund){ .refund_id = arena_strdup(a, db_str(tx, r, row, 0)),
					 .created_at = db_time(tx, r, row, 1),
					 .amount = db_int(tx, r, row, 2) };
	}
}

static void read_touches(const struct db_tx *tx, struct arena *a, int r, struct order *o)
{
	size_t n = (size_t)db_rows(tx, r);

	o->touches = arena_array(a, n + 1, sizeof(*o->touches));
	for (size_t i = 0; o->touches && i < n; i++)
		store_read_touch(tx, a, r, (int)i, 0, &o->touches[o->touches_part.n++]);
}

enum status store_order(struct db_tx *tx, struct arena *a, const char *brand, const char *order_id,
			int64_t deadline, struct order_row *ret, struct error *err)
{
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text(&args, order_id);
	db_add(tx, "order", &args);
	db_add(tx, "order_lines", &args);
	db_add(tx, "order_refunds", &args);
	db_add(tx, "order_touches", &args);
	st = db_run(tx, deadline, err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, 0) == 0)
		return error_set(err, ST_NOT_FOUND, "order_id", "is no order of this brand");
	read_order(tx, a, 0, 0, ret);
	read_lines(tx, a, 1, &ret->order);
	read_refunds(tx, a, 2, &ret->order);
	read_touches(tx, a, 3, &ret->order);
	return memory(a, err);
}

/* ---- products ---- */

static void read_variant(const struct db_tx *tx, struct arena *a, int row, struct variant_row *ret)
{
	*ret = (struct variant_row){
		.brand_id = arena_strdup(a, db_str(tx, 0, row, 0)),
		.variant = { .product_id = arena_strdup(a, db_str(tx, 0, row, 1)),
			     .variant_id = arena_strdup(a, db_str(tx, 0, row, 2)),
			     .sku = arena_strdup(a, db_str(tx, 0, row, 3)),
			     .title = arena_strdup(a, db_str(tx, 0, row, 4)),
			     .product_type = arena_strdup(a, db_str(tx, 0, row, 5)),
			     .currency = arena_strdup(a, db_str(tx, 0, row, 6)),
			     .price = db_int(tx, 0, row, 7),
			     .cost_currency = arena_strdup(a, db_str(tx, 0, row, 8)),
			     .has_cost = !db_null(tx, 0, row, 9),
			     .cost = db_int(tx, 0, row, 9),
			     .inventory = (int32_t)db_int(tx, 0, row, 10),
			     .updated_at = db_time(tx, 0, row, 11) },
		.title_start = arena_strdup(a, db_str(tx, 0, row, 12)),
		.row_no = db_int(tx, 0, row, 13),
	};
}

enum status store_variants(struct db_tx *tx, struct arena *a, const char *tenant, const char *brand,
			   const char *after_title, int64_t after_row, int max, int64_t deadline,
			   struct variant_row **ret, size_t *n, struct error *err)
{
	struct variant_row *rows;
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, *brand ? brand : tenant);
	db_arg_i64(&args, max);
	db_arg_text(&args, after_title ? after_title : "");
	db_arg_i64(&args, after_title ? after_row : 0); /* rows count from 1 */
	db_add(tx, *brand ? "brand_variants" : "variants", &args);
	st = db_run(tx, deadline, err);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	rows = arena_array(a, *n + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < *n; i++)
		read_variant(tx, a, (int)i, &rows[i]);
	*ret = rows;
	return memory(a, err);
}
