/*
 * See emit.h. Pages of 50 orders or 250 variants nearly always fit one event; hostile texts may
 * not, so a page that is too large is halved until it does.
 */
#include "emit.h"

#include "contract/ingest_shopify_events.h"
#include "core/log.h"
#include "core/text.h"
#include "ingest/values.h"

#include <string.h>

/* What consumers keep of a link; more is somebody's junk. */
#define SOURCE_MAX   255
#define TYPE_MAX     64
#define MEDIUM_MAX   255
#define CAMPAIGN_MAX 1024
#define TITLE_MAX    2048
#define SKU_MAX      1024

static enum status memory(const struct arena *a, struct error *err)
{
	return arena_failed(a) ? error_set(err, ST_UNAVAILABLE, NULL, "memory is out") : ST_OK;
}

static char *clip(struct arena *a, const char *s, size_t max)
{
	size_t len = strlen(s);

	return len <= max ? value_text(s) : arena_strndup(a, s, utf8_clip(s, len, max));
}

/* ---- orders ---- */

static Shopify__V1__Touch *touch_row(struct arena *a, const struct touch *t, size_t position)
{
	Shopify__V1__Touch *row = arena_alloc(a, sizeof(*row));

	if (!row)
		return NULL;
	shopify__v1__touch__init(row);
	row->position = (uint32_t)position;
	row->occurred_at = value_time(a, t->occurred_at);
	row->source = clip(a, t->source, SOURCE_MAX);
	row->source_type = clip(a, t->source_type, TYPE_MAX);
	row->medium = clip(a, t->medium, MEDIUM_MAX);
	row->campaign = clip(a, t->campaign, CAMPAIGN_MAX);
	return row;
}

/* Touches before `skip` are left out. */
static Shopify__V1__OrderRow *order_row(struct arena *a, const struct changed_order *c, size_t skip)
{
	Shopify__V1__OrderRow *row = arena_alloc(a, sizeof(*row));
	const struct order *o = c->order;

	if (!row)
		return NULL;
	shopify__v1__order_row__init(row);
	row->order_id = value_text(o->order_id);
	row->version = (uint64_t)c->version;
	row->processed_at = value_time(a, o->processed_at);
	row->day = value_date(a, c->day);
	row->counts = o->counts;
	row->gross = value_money(a, o->gross, o->currency);
	row->refunds = value_money(a, o->refunded, o->currency);
	row->touches = arena_array(a, c->n_touches + 1, sizeof(*row->touches));
	for (size_t i = skip; row->touches && i < c->n_touches; i++)
		row->touches[row->n_touches++] = touch_row(a, &c->touches[i], i + 1);
	return row;
}

static enum status put_orders(struct db_tx *tx, struct arena *a, const struct run *run,
			      const struct changed_order *rows, size_t n, size_t skip,
			      struct error *err)
{
	const struct event_origin origin = run_origin(run);
	Shopify__V1__OrdersUpserted m = SHOPIFY__V1__ORDERS_UPSERTED__INIT;

	m.brand_id = value_text(run->brand_id);
	m.run_id = value_text(run->run_id);
	m.rows = arena_array(a, n, sizeof(*m.rows));
	for (size_t i = 0; m.rows && i < n; i++)
		m.rows[m.n_rows++] = order_row(a, &rows[i], skip);
	if (arena_failed(a))
		return memory(a, err);
	return emit_ingest_shopify_orders_upserted(tx, &origin, &m, err);
}

/* One order whose journey alone is too large for an event: the oldest touches are left out, since
 * no window reaches that far back. */
static enum status put_long_order(struct db_tx *tx, struct arena *a, const struct run *run,
				  const struct changed_order *row, struct error *err)
{
	enum status st = ST_TOO_LARGE;
	size_t left = row->n_touches;

	while (st == ST_TOO_LARGE && left > 0) {
		left /= 2;
		st = put_orders(tx, a, run, row, 1, row->n_touches - left, err);
	}
	log_event(LOG_WARN, "shopify.journey_cut",
		  "run %s: an event carries %zu of %zu touches of an order", run->run_id, left,
		  row->n_touches);
	return st;
}

enum status emit_orders(struct db_tx *tx, struct arena *a, const struct run *run,
			const struct changed_order *rows, size_t n, uint32_t *events,
			struct error *err)
{
	enum status st;

	if (n == 0)
		return ST_OK;
	st = put_orders(tx, a, run, rows, n, 0, err);
	if (st == ST_TOO_LARGE && n > 1) {
		st = emit_orders(tx, a, run, rows, n / 2, events, err);
		return st == ST_OK ? emit_orders(tx, a, run, rows + n / 2, n - n / 2, events, err)
				   : st;
	}
	if (st == ST_TOO_LARGE)
		st = put_long_order(tx, a, run, rows, err);
	*events += st == ST_OK;
	return st;
}

/* ---- products ---- */

static Shopify__V1__ProductRow *product_row(struct arena *a, const struct changed_variant *c)
{
	Shopify__V1__ProductRow *row = arena_alloc(a, sizeof(*row));
	const struct variant *v = c->variant;

	if (!row)
		return NULL;
	shopify__v1__product_row__init(row);
	row->variant_id = value_text(v->variant_id);
	row->product_id = value_text(v->product_id);
	row->version = (uint64_t)c->version;
	row->sku = clip(a, v->sku, SKU_MAX);
	row->title = clip(a, v->title, TITLE_MAX);
	row->price = value_money(a, v->price, v->currency);
	row->unit_cost = v->has_cost ? value_money(a, v->cost, v->cost_currency) : NULL;
	return row;
}

static enum status emit_products(struct db_tx *tx, struct arena *a, const struct run *run,
				 const struct changed_variant *rows, size_t n, struct error *err)
{
	const struct event_origin origin = run_origin(run);
	Shopify__V1__ProductsUpserted m = SHOPIFY__V1__PRODUCTS_UPSERTED__INIT;
	enum status st;

	m.brand_id = value_text(run->brand_id);
	m.run_id = value_text(run->run_id);
	m.rows = arena_array(a, n + 1, sizeof(*m.rows));
	for (size_t i = 0; m.rows && i < n; i++)
		if (rows[i].content)
			m.rows[m.n_rows++] = product_row(a, &rows[i]);
	if (arena_failed(a) || m.n_rows == 0)
		return memory(a, err);
	st = emit_ingest_shopify_products_upserted(tx, &origin, &m, err);
	if (st != ST_TOO_LARGE || n == 1)
		return st;
	st = emit_products(tx, a, run, rows, n / 2, err);
	return st == ST_OK ? emit_products(tx, a, run, rows + n / 2, n - n / 2, err) : st;
}

static Shopify__V1__StockRow *stock_row(struct arena *a, const struct changed_variant *c)
{
	Shopify__V1__StockRow *row = arena_alloc(a, sizeof(*row));

	if (!row)
		return NULL;
	shopify__v1__stock_row__init(row);
	row->variant_id = value_text(c->variant->variant_id);
	row->version = (uint64_t)c->version;
	row->inventory_quantity = c->variant->inventory;
	return row;
}

/* Ids and numbers only: a page of them always fits. */
static enum status emit_stock(struct db_tx *tx, struct arena *a, const struct run *run,
			      const struct changed_variant *rows, size_t n, struct error *err)
{
	const struct event_origin origin = run_origin(run);
	Shopify__V1__StockChanged m = SHOPIFY__V1__STOCK_CHANGED__INIT;

	m.brand_id = value_text(run->brand_id);
	m.run_id = value_text(run->run_id);
	m.rows = arena_array(a, n + 1, sizeof(*m.rows));
	for (size_t i = 0; m.rows && i < n; i++)
		if (rows[i].stock)
			m.rows[m.n_rows++] = stock_row(a, &rows[i]);
	if (arena_failed(a) || m.n_rows == 0)
		return memory(a, err);
	return emit_ingest_shopify_stock_changed(tx, &origin, &m, err);
}

enum status emit_variants(struct db_tx *tx, struct arena *a, const struct run *run,
			  const struct changed_variant *rows, size_t n, struct error *err)
{
	enum status st = n > 0 ? emit_products(tx, a, run, rows, n, err) : ST_OK;

	return st == ST_OK && n > 0 ? emit_stock(tx, a, run, rows, n, err) : st;
}

/* ---- the end ---- */

enum status emit_finished(struct db_tx *tx, const struct run *run, int64_t data_through,
			  struct error *err)
{
	const struct event_origin origin = run_origin(run);
	Shopify__V1__SyncFinished m = SHOPIFY__V1__SYNC_FINISHED__INIT;
	Pulsepoint__Timestamp through = PULSEPOINT__TIMESTAMP__INIT;

	through.micros = data_through;
	m.brand_id = value_text(run->brand_id);
	m.run_id = value_text(run->run_id);
	m.pages = run->events;
	m.data_through = data_through != 0 ? &through : NULL;
	return emit_ingest_shopify_sync_finished(tx, &origin, &m, err);
}
