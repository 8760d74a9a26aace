/*
 * A page of orders in at most seven statements: the orders themselves, then lines, refunds and
 * touches of those that are new or changed. Read next: store.h.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

const struct db_stmt order_statements[] = {
	/*
	 * A journey that is not ready (any more) does not replace one that was. The day is cut in
	 * the shop's zone, $3.
	 */
	{ "put_orders",
	  "INSERT INTO orders AS o (tenant_id, brand_id, order_id, name, created_at, processed_at,"
	  " updated_at, day, financial_status, cancelled_at, test, counts, customer_id, country,"
	  " currency, gross_micros, refunds_micros, content_hash, journey_hash, journey_ready)"
	  " SELECT $1::uuid, $2::uuid, u.id, u.name, u.created, u.processed, u.updated,"
	  " (u.processed AT TIME ZONE $3)::date, u.status, u.cancelled, u.test, u.counts,"
	  " u.customer, u.country, u.currency, u.gross, u.refunds, u.hash, u.journey, u.ready"
	  " FROM unnest($4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],"
	  " $8::timestamptz[], $9::text[], $10::timestamptz[], $11::boolean[], $12::boolean[],"
	  " $13::text[], $14::text[], $15::text[], $16::bigint[], $17::bigint[], $18::text[],"
	  " $19::text[], $20::boolean[]) AS u (id, name, created, processed, updated, status,"
	  " cancelled, test, counts, customer, country, currency, gross, refunds, hash, journey,"
	  " ready)"
	  " ON CONFLICT (brand_id, order_id) DO UPDATE SET name = excluded.name,"
	  " created_at = excluded.created_at, processed_at = excluded.processed_at,"
	  " updated_at = excluded.updated_at, day = excluded.day,"
	  " financial_status = excluded.financial_status, cancelled_at = excluded.cancelled_at,"
	  " test = excluded.test, counts = excluded.counts, customer_id = excluded.customer_id,"
	  " country = excluded.country, currency = excluded.currency,"
	  " gross_micros = excluded.gross_micros, refunds_micros = excluded.refunds_micros,"
	  " content_hash = excluded.content_hash,"
	  " journey_hash = CASE WHEN o.journey_ready AND NOT excluded.journey_ready"
	  " THEN o.journey_hash ELSE excluded.journey_hash END,"
	  " journey_ready = o.journey_ready OR excluded.journey_ready, version = o.version + 1"
	  " WHERE o.content_hash <> excluded.content_hash"
	  " OR (excluded.journey_ready AND NOT o.journey_ready)"
	  " OR (o.journey_hash <> excluded.journey_hash"
	  " AND (excluded.journey_ready OR NOT o.journey_ready))"
	  " RETURNING o.order_id, o.version, o.day, o.journey_ready" },
	{ "drop_lines", "DELETE FROM order_lines WHERE brand_id = $1::uuid"
			" AND order_id = ANY ($2::text[])" },
	{ "drop_refunds", "DELETE FROM refunds WHERE brand_id = $1::uuid"
			  " AND order_id = ANY ($2::text[])" },
	{ "drop_touches", "DELETE FROM touches WHERE brand_id = $1::uuid"
			  " AND order_id = ANY ($2::text[])" },
	{ "put_lines",
	  "INSERT INTO order_lines (tenant_id, brand_id, order_id, position, line_id, variant_id,"
	  " sku, title, quantity, unit_price_micros, discount_micros, total_micros)"
	  " SELECT $1::uuid, $2::uuid, u.* FROM unnest($3::text[], $4::bigint[], $5::text[],"
	  " $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[],"
	  " $12::bigint[]) AS u" },
	{ "put_refunds",
	  "INSERT INTO refunds (tenant_id, brand_id, order_id, refund_id, created_at,"
	  " amount_micros) SELECT $1::uuid, $2::uuid, u.*"
	  " FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::bigint[]) AS u" },
	{ "put_touches",
	  "INSERT INTO touches (tenant_id, brand_id, order_id, position, occurred_at, source,"
	  " source_type, medium, campaign, content, term, landing_page, referrer)"
	  " SELECT $1::uuid, $2::uuid, u.* FROM unnest($3::text[], $4::bigint[],"
	  " $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],"
	  " $11::text[], $12::text[], $13::text[]) AS u" },
	{ "kept_touches",
	  "SELECT order_id, occurred_at, source, source_type, medium, campaign, content, term,"
	  " landing_page, referrer FROM touches WHERE brand_id = $1::uuid"
	  " AND order_id = ANY ($2::text[]) ORDER BY order_id, position" },
	{ "unready", "SELECT order_id FROM orders WHERE brand_id = $1::uuid AND NOT journey_ready"
		     " AND journey_tries < 30 AND order_id > $2 ORDER BY order_id LIMIT $3::int" },
	{ "count_unready",
	  "SELECT count(*) FROM orders WHERE brand_id = $1::uuid AND NOT journey_ready" },
	{ "count_tries", "UPDATE orders SET journey_tries = journey_tries + 1"
			 " WHERE brand_id = $1::uuid AND order_id = ANY ($2::text[])" },
	{ NULL, NULL },
};

static enum status memory(struct error *err)
{
	return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
}

static void own_args(struct db_args *args, struct arena *a, const struct owner *own)
{
	db_args_init(args, a);
	db_arg_text(args, own->tenant_id);
	db_arg_text(args, own->brand_id);
}

/* ---- orders ---- */

struct order_columns {
	const char **id, **name, **status, **customer, **country, **currency, **hash, **journey;
	int64_t *created, *processed, *updated, *cancelled, *gross, *refunds;
	bool *test, *counts, *ready;
};

static bool order_columns(struct arena *a, const struct order *rows, size_t n,
			  struct order_columns *c)
{
	const char ***texts[] = { &c->id,      &c->name,     &c->status, &c->customer,
				  &c->country, &c->currency, &c->hash,   &c->journey };
	int64_t **numbers[] = { &c->created,   &c->processed, &c->updated,
				&c->cancelled, &c->gross,     &c->refunds };
	bool **bools[] = { &c->test, &c->counts, &c->ready };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = arena_array(a, n, sizeof(char *));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = arena_array(a, n, sizeof(int64_t));
	for (size_t i = 0; i < sizeof(bools) / sizeof(bools[0]); i++)
		*bools[i] = arena_array(a, n, sizeof(bool));
	if (arena_failed(a))
		return false;
	for (size_t i = 0; i < n; i++) {
		c->id[i] = rows[i].order_id;
		c->name[i] = rows[i].name;
		c->status[i] = rows[i].status;
		c->customer[i] = rows[i].customer_id;
		c->country[i] = rows[i].country;
		c->currency[i] = rows[i].currency;
		c->hash[i] = rows[i].hash;
		c->journey[i] = rows[i].journey_hash;
		c->created[i] = rows[i].created_at;
		c->processed[i] = rows[i].processed_at;
		c->updated[i] = rows[i].updated_at;
		c->cancelled[i] = rows[i].cancelled_at;
		c->gross[i] = rows[i].gross;
		c->refunds[i] = rows[i].refunded;
		c->test[i] = rows[i].test;
		c->counts[i] = rows[i].counts;
		c->ready[i] = rows[i].journey_ready;
	}
	return true;
}

static enum status put_orders(struct db_tx *tx, struct arena *a, const struct owner *own,
			      const struct order *rows, size_t n, int *r, struct error *err)
{
	struct order_columns c;
	struct db_args args;

	if (!order_columns(a, rows, n, &c))
		return memory(err);
	own_args(&args, a, own);
	db_arg_text(&args, own->zone);
	db_arg_text_array(&args, c.id, n);
	db_arg_text_array(&args, c.name, n);
	db_arg_time_array(&args, c.created, n);
	db_arg_time_array(&args, c.processed, n);
	db_arg_time_array(&args, c.updated, n);
	db_arg_text_array(&args, c.status, n);
	db_arg_time_array(&args, c.cancelled, n);
	db_arg_bool_array(&args, c.test, n);
	db_arg_bool_array(&args, c.counts, n);
	db_arg_text_array(&args, c.customer, n);
	db_arg_text_array(&args, c.country, n);
	db_arg_text_array(&args, c.currency, n);
	db_arg_i64_array(&args, c.gross, n);
	db_arg_i64_array(&args, c.refunds, n);
	db_arg_text_array(&args, c.hash, n);
	db_arg_text_array(&args, c.journey, n);
	db_arg_bool_array(&args, c.ready, n);
	return db_exec(tx, "put_orders", &args, r, err);
}

/* ---- children ---- */

/* Runs a statement on the brand's orders with these ids. */
static enum status by_ids(struct db_tx *tx, struct arena *a, const char *brand, const char *stmt,
			  const char *const *ids, size_t n, int *r, struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text_array(&args, ids, n);
	return db_exec(tx, stmt, &args, r, err);
}

static enum status put_lines(struct db_tx *tx, struct arena *a, const struct owner *own,
			     const struct changed_order *rows, size_t n, struct error *err)
{
	const char **texts[5]; /* order, line, variant, sku, title */
	int64_t *numbers[5];   /* position, quantity, unit price, discount, total */
	struct db_args args;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		total += rows[i].order->lines_part.n;
	if (total == 0)
		return ST_OK;
	for (int i = 0; i < 5; i++) {
		texts[i] = arena_array(a, total, sizeof(char *));
		numbers[i] = arena_array(a, total, sizeof(int64_t));
	}
	if (arena_failed(a))
		return memory(err);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < rows[i].order->lines_part.n; k++, at++) {
			const struct line *l = &rows[i].order->lines[k];

			texts[0][at] = rows[i].order->order_id;
			texts[1][at] = l->line_id;
			texts[2][at] = l->variant_id;
			texts[3][at] = l->sku;
			texts[4][at] = l->title;
			numbers[0][at] = (int64_t)k + 1;
			numbers[1][at] = l->quantity;
			numbers[2][at] = l->unit_price;
			numbers[3][at] = l->discount;
			numbers[4][at] = l->total;
		}
	own_args(&args, a, own);
	db_arg_text_array(&args, texts[0], total);
	db_arg_i64_array(&args, numbers[0], total);
	for (int i = 1; i < 5; i++)
		db_arg_text_array(&args, texts[i], total);
	for (int i = 1; i < 5; i++)
		db_arg_i64_array(&args, numbers[i], total);
	return db_exec(tx, "put_lines", &args, NULL, err);
}

static enum status put_refunds(struct db_tx *tx, struct arena *a, const struct owner *own,
			       const struct changed_order *rows, size_t n, struct error *err)
{
	const char **order, **id;
	int64_t *created, *amount;
	struct db_args args;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		total += rows[i].order->n_refunds;
	if (total == 0)
		return ST_OK;
	order = arena_array(a, total, sizeof(char *));
	id = arena_array(a, total, sizeof(char *));
	created = arena_array(a, total, sizeof(int64_t));
	amount = arena_array(a, total, sizeof(int64_t));
	if (arena_failed(a))
		return memory(err);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < rows[i].order->n_refunds; k++, at++) {
			order[at] = rows[i].order->order_id;
			id[at] = rows[i].order->refunds[k].refund_id;
			created[at] = rows[i].order->refunds[k].created_at;
			amount[at] = rows[i].order->refunds[k].amount;
		}
	own_args(&args, a, own);
	db_arg_text_array(&args, order, total);
	db_arg_text_array(&args, id, total);
	db_arg_time_array(&args, created, total);
	db_arg_i64_array(&args, amount, total);
	return db_exec(tx, "put_refunds", &args, NULL, err);
}

static enum status put_touches(struct db_tx *tx, struct arena *a, const struct owner *own,
			       const struct changed_order *rows, size_t n, struct error *err)
{
	const char **texts[9]; /* order and the eight of struct touch */
	int64_t *position, *occurred;
	struct db_args args;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		total += !rows[i].kept ? rows[i].n_touches : 0;
	if (total == 0)
		return ST_OK;
	for (int i = 0; i < 9; i++)
		texts[i] = arena_array(a, total, sizeof(char *));
	position = arena_array(a, total, sizeof(int64_t));
	occurred = arena_array(a, total, sizeof(int64_t));
	if (arena_failed(a))
		return memory(err);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; !rows[i].kept && k < rows[i].n_touches; k++, at++) {
			const struct touch *t = &rows[i].touches[k];
			const char *const values[] = { rows[i].order->order_id,
						       t->source,
						       t->source_type,
						       t->medium,
						       t->campaign,
						       t->content,
						       t->term,
						       t->landing_page,
						       t->referrer };

			for (int v = 0; v < 9; v++)
				texts[v][at] = values[v];
			position[at] = (int64_t)k + 1;
			occurred[at] = t->occurred_at;
		}
	own_args(&args, a, own);
	db_arg_text_array(&args, texts[0], total);
	db_arg_i64_array(&args, position, total);
	db_arg_time_array(&args, occurred, total);
	for (int i = 1; i < 9; i++)
		db_arg_text_array(&args, texts[i], total);
	return db_exec(tx, "put_touches", &args, NULL, err);
}

void store_read_touch(const struct db_tx *tx, struct arena *a, int result, int row, int col,
		      struct touch *ret)
{
	*ret = (struct touch){
		.occurred_at = db_time(tx, result, row, col),
		.source = arena_strdup(a, db_str(tx, result, row, col + 1)),
		.source_type = arena_strdup(a, db_str(tx, result, row, col + 2)),
		.medium = arena_strdup(a, db_str(tx, result, row, col + 3)),
		.campaign = arena_strdup(a, db_str(tx, result, row, col + 4)),
		.content = arena_strdup(a, db_str(tx, result, row, col + 5)),
		.term = arena_strdup(a, db_str(tx, result, row, col + 6)),
		.landing_page = arena_strdup(a, db_str(tx, result, row, col + 7)),
		.referrer = arena_strdup(a, db_str(tx, result, row, col + 8)),
	};
}

/* Touches of changed orders whose journey Shopify builds anew: those we have still hold. */
static enum status read_kept(struct db_tx *tx, struct arena *a, const struct owner *own,
			     struct changed_order *rows, size_t n, struct error *err)
{
	const char **ids = arena_array(a, n, sizeof(char *));
	size_t k = 0;
	int r;
	enum status st;

	if (!ids)
		return memory(err);
	for (size_t i = 0; i < n; i++)
		if (rows[i].kept)
			ids[k++] = rows[i].order->order_id;
	if (k == 0)
		return ST_OK;
	st = by_ids(tx, a, own->brand_id, "kept_touches", ids, k, &r, err);
	for (int row = 0; st == ST_OK && row < db_rows(tx, r); row++) {
		size_t i = 0;
		struct touch *list;

		while (i < n && (!rows[i].kept ||
				 strcmp(rows[i].order->order_id, db_str(tx, r, row, 0)) != 0))
			i++;
		if (i == n)
			continue;
		if (!rows[i].touches)
			rows[i].touches = arena_array(a, ORDER_TOUCHES_MAX, sizeof(*list));
		list = (struct touch *)(uintptr_t)rows[i].touches;
		if (!list)
			return memory(err);
		if (rows[i].n_touches < ORDER_TOUCHES_MAX)
			store_read_touch(tx, a, r, row, 1, &list[rows[i].n_touches++]);
	}
	return st;
}

/* Old children of orders that were there before. */
static enum status drop_children(struct db_tx *tx, struct arena *a, const struct owner *own,
				 const struct changed_order *rows, size_t n, struct error *err)
{
	const char **all = arena_array(a, n, sizeof(char *));
	const char **touched = arena_array(a, n, sizeof(char *));
	size_t n_all = 0, n_touched = 0;
	enum status st;

	if (!all || !touched)
		return memory(err);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].version == 1)
			continue;
		all[n_all++] = rows[i].order->order_id;
		if (!rows[i].kept)
			touched[n_touched++] = rows[i].order->order_id;
	}
	if (n_all == 0)
		return ST_OK;
	st = by_ids(tx, a, own->brand_id, "drop_lines", all, n_all, NULL, err);
	if (st == ST_OK)
		st = by_ids(tx, a, own->brand_id, "drop_refunds", all, n_all, NULL, err);
	if (st == ST_OK && n_touched > 0)
		st = by_ids(tx, a, own->brand_id, "drop_touches", touched, n_touched, NULL, err);
	return st;
}

/* ---- a page ---- */

static const struct order *find(const struct order *rows, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].order_id, id) == 0)
			return &rows[i];
	return NULL;
}

static enum status read_changed(const struct db_tx *tx, struct arena *a, int r,
				const struct order *rows, size_t n, struct changed_order **changed,
				size_t *n_changed, struct error *err)
{
	*changed = arena_array(a, (size_t)db_rows(tx, r) + 1, sizeof(**changed));
	if (!*changed)
		return memory(err);
	for (int i = 0; i < db_rows(tx, r); i++) {
		const struct order *o = find(rows, n, db_str(tx, r, i, 0));
		bool kept;

		if (!o)
			continue;
		/* Ready in the row although the page says otherwise: the row's journey was kept. */
		kept = !o->journey_ready && db_bool(tx, r, i, 3);
		(*changed)[(*n_changed)++] =
			(struct changed_order){ .order = o,
						.version = db_int(tx, r, i, 1),
						.day = db_date(tx, r, i, 2),
						.kept = kept,
						.touches = kept ? NULL : o->touches,
						.n_touches = kept ? 0 : o->touches_part.n };
	}
	return ST_OK;
}

enum status store_put_orders(struct db_tx *tx, struct arena *a, const struct owner *own,
			     const struct order *rows, size_t n, struct changed_order **changed,
			     size_t *n_changed, struct error *err)
{
	int r;
	enum status st;

	*n_changed = 0;
	if (n == 0)
		return ST_OK;
	st = put_orders(tx, a, own, rows, n, &r, err);
	if (st == ST_OK)
		st = read_changed(tx, a, r, rows, n, changed, n_changed, err);
	if (st != ST_OK || *n_changed == 0)
		return st;
	st = drop_children(tx, a, own, *changed, *n_changed, err);
	if (st == ST_OK)
		st = put_lines(tx, a, own, *changed, *n_changed, err);
	if (st == ST_OK)
		st = put_refunds(tx, a, own, *changed, *n_changed, err);
	if (st == ST_OK)
		st = put_touches(tx, a, own, *changed, *n_changed, err);
	return st == ST_OK ? read_kept(tx, a, own, *changed, *n_changed, err) : st;
}

enum status store_count_tries(struct db_tx *tx, struct arena *a, const char *brand,
			      const char *const *order_ids, size_t n, struct error *err)
{
	return n > 0 ? by_ids(tx, a, brand, "count_tries", order_ids, n, NULL, err) : ST_OK;
}

enum status store_unready(struct db_tx *tx, struct arena *a, const char *brand, const char *after,
			  int max, const char ***ret, size_t *n, struct error *err)
{
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text(&args, after);
	db_arg_i64(&args, max);
	db_add(tx, "unready", &args);
	st = db_run(tx, 0, err);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	*ret = arena_array(a, *n + 1, sizeof(char *));
	for (size_t i = 0; *ret && i < *n; i++)
		(*ret)[i] = arena_strdup(a, db_str(tx, 0, (int)i, 0));
	return arena_failed(a) ? memory(err) : ST_OK;
}

enum status store_count_unready(struct db_tx *tx, struct arena *a, const char *brand, int64_t *ret,
				struct error *err)
{
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	st = db_exec(tx, "count_unready", &args, &r, err);
	if (st == ST_OK)
		*ret = db_int(tx, r, 0, 0);
	return st;
}
