/*
 * What is derived from the rows: look-up by id, lines and refunds grouped under their order,
 * totals, products made of their variants, and one sorted list per sort key (ties by id, so that
 * pages are stable). Read next: shopify_list.c.
 */
#include "dataset.h"

#include "core/money.h"

#include <stdlib.h>
#include <string.h>

struct sort_ctx {
	const struct dataset *ds;
	enum collection coll;
	enum sort_key key;
};

int str_compare(struct str a, struct str b)
{
	int d = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return d != 0 ? d : (a.n > b.n) - (a.n < b.n);
}

static bool all_digits(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

int id_compare(struct str a, struct str b)
{
	bool da = all_digits(a), db = all_digits(b);

	if (da != db)
		return da ? -1 : 1;
	if (da && a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return str_compare(a, b);
}

uint32_t dataset_size(const struct dataset *ds, enum collection coll)
{
	switch (coll) {
	case COLL_ORDERS:
		return ds->norders;
	case COLL_PRODUCTS:
		return ds->nproducts;
	case COLL_VARIANTS:
		return ds->nvariants;
	case COLL_COUNT:
		break;
	}
	return 0;
}

struct str dataset_id(const struct dataset *ds, enum collection coll, uint32_t i)
{
	switch (coll) {
	case COLL_ORDERS:
		return ds->orders[i].order_id;
	case COLL_PRODUCTS:
		return ds->products[i].product_id;
	case COLL_VARIANTS:
	case COLL_COUNT:
		break;
	}
	return ds->variants[i].variant_id;
}

bool dataset_key_is_text(enum sort_key key)
{
	return key == SORT_NAME || key == SORT_SKU || key == SORT_TYPE;
}

struct str dataset_key_text(const struct dataset *ds, enum collection coll, enum sort_key key,
			    uint32_t i)
{
	const struct variant *v;

	if (coll == COLL_ORDERS)
		return ds->orders[i].name;
	v = coll == COLL_PRODUCTS ? &ds->variants[ds->products[i].first] : &ds->variants[i];
	if (key == SORT_SKU)
		return v->sku;
	return key == SORT_TYPE ? v->product_type : v->title;
}

int64_t dataset_key_number(const struct dataset *ds, enum collection coll, enum sort_key key,
			   uint32_t i)
{
	const struct order *o;

	if (key == SORT_ID)
		return 0;
	if (coll == COLL_PRODUCTS)
		return key == SORT_TOTAL ? ds->products[i].inventory : ds->products[i].updated_at;
	if (coll == COLL_VARIANTS)
		return key == SORT_TOTAL ? ds->variants[i].inventory_quantity
					 : ds->variants[i].updated_at;
	o = &ds->orders[i];
	if (key == SORT_CREATED)
		return o->created_at;
	if (key == SORT_PROCESSED)
		return o->processed_at;
	return key == SORT_TOTAL ? o->total : o->updated_at;
}

static int compare_rows(const void *pa, const void *pb, void *arg)
{
	const struct sort_ctx *ctx = arg;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	int d = 0;

	if (dataset_key_is_text(ctx->key)) {
		d = str_compare(dataset_key_text(ctx->ds, ctx->coll, ctx->key, a),
				dataset_key_text(ctx->ds, ctx->coll, ctx->key, b));
	} else {
		int64_t na = dataset_key_number(ctx->ds, ctx->coll, ctx->key, a);
		int64_t nb = dataset_key_number(ctx->ds, ctx->coll, ctx->key, b);

		d = (na > nb) - (na < nb);
	}
	if (d != 0)
		return d;
	return id_compare(dataset_id(ctx->ds, ctx->coll, a), dataset_id(ctx->ds, ctx->coll, b));
}

static enum status make_sort(struct dataset *ds, enum collection coll, enum sort_key key)
{
	struct sort_ctx ctx = { ds, coll, key };
	uint32_t n = dataset_size(ds, coll);
	uint32_t *rows = calloc(n + 1, sizeof(*rows));

	if (rows == NULL)
		return ST_INTERNAL;
	for (uint32_t i = 0; i < n; i++)
		rows[i] = i;
	qsort_r(rows, n, sizeof(*rows), compare_rows, &ctx);
	free(ds->sorted[coll][key]);
	ds->sorted[coll][key] = rows;
	return ST_OK;
}

uint32_t dataset_find(const struct dataset *ds, enum collection coll, const char *id)
{
	const uint32_t *rows = ds->sorted[coll][SORT_ID];
	struct str want = { id, (uint32_t)strlen(id) };
	uint32_t lo = 0, hi = dataset_size(ds, coll);

	if (rows == NULL)
		return INDEX_NONE;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int d = id_compare(dataset_id(ds, coll, rows[mid]), want);

		if (d == 0)
			return rows[mid];
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return INDEX_NONE;
}

static enum status index_ids_of(struct dataset *ds, enum collection coll, const char *file,
				struct error *err)
{
	uint32_t n = dataset_size(ds, coll);
	const uint32_t *rows;

	if (ds->sorted[coll][SORT_ID] != NULL || n == 0)
		return ST_OK;
	if (make_sort(ds, coll, SORT_ID) != ST_OK)
		return error_set(err, ST_INTERNAL, file, "out of memory for %s", file);
	rows = ds->sorted[coll][SORT_ID];
	for (uint32_t i = 1; i < n; i++) {
		struct str id = dataset_id(ds, coll, rows[i]);

		if (str_compare(dataset_id(ds, coll, rows[i - 1]), id) == 0)
			return error_set(err, ST_INVALID, file,
					 "%s: the id \"%.60s\" is there twice", file, id.p);
	}
	return ST_OK;
}

enum status dataset_index_ids(struct dataset *ds, struct error *err)
{
	enum status st = index_ids_of(ds, COLL_VARIANTS, "products.csv", err);

	return st == ST_OK ? index_ids_of(ds, COLL_ORDERS, "orders.csv", err) : st;
}

/* ------------------------------------------------------------------ groups */

static int compare_lines(const void *a, const void *b)
{
	const struct order_line *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	/* Rows of one file lie in one text, so the address of a field is the place in the file. */
	return (x->line_id.p > y->line_id.p) - (x->line_id.p < y->line_id.p);
}

static int compare_refunds(const void *a, const void *b)
{
	const struct refund *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->refund_id.p > y->refund_id.p) - (x->refund_id.p < y->refund_id.p);
}

static int compare_visits(const void *a, const void *b)
{
	const struct visit *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return (x->source.p > y->source.p) - (x->source.p < y->source.p);
}

static void group_children(struct dataset *ds)
{
	qsort(ds->lines, ds->nlines, sizeof(*ds->lines), compare_lines);
	qsort(ds->refunds, ds->nrefunds, sizeof(*ds->refunds), compare_refunds);
	qsort(ds->visits, ds->nvisits, sizeof(*ds->visits), compare_visits);
	for (uint32_t i = ds->nlines; i-- > 0;) {
		ds->orders[ds->lines[i].order].line0 = i;
		ds->orders[ds->lines[i].order].nlines++;
	}
	for (uint32_t i = ds->nrefunds; i-- > 0;) {
		ds->orders[ds->refunds[i].order].refund0 = i;
		ds->orders[ds->refunds[i].order].nrefunds++;
	}
	for (uint32_t i = ds->nvisits; i-- > 0;) {
		ds->orders[ds->visits[i].order].visit0 = i;
		ds->orders[ds->visits[i].order].nvisits++;
	}
}

static bool sum_order(struct dataset *ds, struct order *o)
{
	for (uint32_t i = 0; i < o->nlines; i++) {
		const struct order_line *l = &ds->lines[o->line0 + i];

		o->quantity += l->quantity;
		if (!micros_add(o->total, l->total, &o->total))
			return false;
	}
	for (uint32_t i = 0; i < o->nrefunds; i++)
		if (!micros_add(o->refunded, ds->refunds[o->refund0 + i].amount, &o->refunded))
			return false;
	return true;
}

static int compare_by_customer(const void *pa, const void *pb, void *arg)
{
	const struct dataset *ds = arg;
	const struct order *a = &ds->orders[*(const uint32_t *)pa];
	const struct order *b = &ds->orders[*(const uint32_t *)pb];
	int d = str_compare(a->customer_id, b->customer_id);

	if (d != 0)
		return d;
	if (a->processed_at != b->processed_at)
		return a->processed_at < b->processed_at ? -1 : 1;
	return id_compare(a->order_id, b->order_id);
}

static enum status number_customer_orders(struct dataset *ds)
{
	uint32_t *rows = calloc(ds->norders + 1, sizeof(*rows));
	uint32_t n = 0;

	if (rows == NULL)
		return ST_INTERNAL;
	for (uint32_t i = 0; i < ds->norders; i++)
		if (ds->orders[i].customer_id.n > 0 && !ds->orders[i].test)
			rows[n++] = i;
	qsort_r(rows, n, sizeof(*rows), compare_by_customer, ds);
	for (uint32_t i = 0; i < n; i++) {
		struct order *o = &ds->orders[rows[i]];
		bool same = i > 0 &&
			    str_compare(ds->orders[rows[i - 1]].customer_id, o->customer_id) == 0;

		o->customer_index = same ? ds->orders[rows[i - 1]].customer_index + 1 : 1;
	}
	free(rows);
	return ST_OK;
}

static int compare_variants(const void *a, const void *b)
{
	const struct variant *x = a, *y = b;
	int d = id_compare(x->product_id, y->product_id);

	if (d != 0)
		return d;
	return (x->variant_id.p > y->variant_id.p) - (x->variant_id.p < y->variant_id.p);
}

/* Variants were looked up by index, so lines are told where theirs has gone. */
static enum status group_products(struct dataset *ds)
{
	const char **ids = calloc(ds->nlines + 1, sizeof(*ids));

	ds->products = calloc(ds->nvariants + 1, sizeof(*ds->products));
	if (ids == NULL || ds->products == NULL) {
		free(ids);
		return ST_INTERNAL;
	}
	for (uint32_t i = 0; i < ds->nlines; i++)
		if (ds->lines[i].variant != INDEX_NONE)
			ids[i] = ds->lines[i].variant_id.p;
	qsort(ds->variants, ds->nvariants, sizeof(*ds->variants), compare_variants);
	for (uint32_t i = 0; i < ds->nvariants; i++) {
		struct variant *v = &ds->variants[i];
		struct product *p;

		if (i == 0 || str_compare(v->product_id, ds->variants[i - 1].product_id) != 0)
			ds->products[ds->nproducts++] =
				(struct product){ .product_id = v->product_id, .first = i };
		p = &ds->products[ds->nproducts - 1];
		v->product = ds->nproducts - 1;
		p->n++;
		p->inventory += v->inventory_quantity;
	}
	if (make_sort(ds, COLL_VARIANTS, SORT_ID) != ST_OK) {
		free(ids);
		return ST_INTERNAL;
	}
	for (uint32_t i = 0; i < ds->nlines; i++)
		if (ids[i] != NULL)
			ds->lines[i].variant = dataset_find(ds, COLL_VARIANTS, ids[i]);
	free(ids);
	return ST_OK;
}

enum status dataset_index_groups(struct dataset *ds, struct error *err)
{
	group_children(ds);
	for (uint32_t i = 0; i < ds->norders; i++)
		if (!sum_order(ds, &ds->orders[i]))
			return error_set(err, ST_INVALID, "order_lines.csv",
					 "order_lines.csv: the total of an order is out of range");
	if (number_customer_orders(ds) != ST_OK || group_products(ds) != ST_OK)
		return error_set(err, ST_INTERNAL, NULL, "out of memory");
	return ST_OK;
}

/* ------------------------------------------------------ sort orders, accounts */

static int compare_ads(const void *a, const void *b)
{
	const struct ad_row *x = a, *y = b;
	int d;

	if (x->platform != y->platform)
		return x->platform < y->platform ? -1 : 1;
	d = str_compare(x->account_id, y->account_id);
	if (d != 0)
		return d;
	return (x->account_id.p > y->account_id.p) - (x->account_id.p < y->account_id.p);
}

static enum status make_accounts(struct dataset *ds, struct error *err)
{
	qsort(ds->ads, ds->nads, sizeof(*ds->ads), compare_ads);
	ds->accounts = calloc(ds->nads + 1, sizeof(*ds->accounts));
	if (ds->accounts == NULL)
		return error_set(err, ST_INTERNAL, NULL, "out of memory");
	for (uint32_t i = 0; i < ds->nads; i++) {
		const struct ad_row *r = &ds->ads[i];
		const struct ad_account *last =
			ds->naccounts > 0 ? &ds->accounts[ds->naccounts - 1] : NULL;

		if (last == NULL || last->platform != r->platform ||
		    str_compare(last->account_id, r->account_id) != 0)
			ds->accounts[ds->naccounts++] =
				(struct ad_account){ r->platform, r->account_id, r->currency };
		else if (str_compare(last->currency, r->currency) != 0)
			return error_set(err, ST_INVALID, "ad_insights.csv",
					 "ad_insights.csv: account %.60s has two currencies",
					 r->account_id.p);
	}
	return ST_OK;
}

const struct ad_account *dataset_account(const struct dataset *ds, enum platform p,
					 const char *account_id)
{
	for (uint32_t i = 0; i < ds->naccounts; i++)
		if (ds->accounts[i].platform == p &&
		    strcmp(ds->accounts[i].account_id.p, account_id) == 0)
			return &ds->accounts[i];
	return NULL;
}

enum status dataset_index_sorts(struct dataset *ds, struct error *err)
{
	static const enum sort_key keys[COLL_COUNT][SORT_COUNT] = {
		[COLL_ORDERS] = { SORT_CREATED, SORT_PROCESSED, SORT_UPDATED, SORT_NAME,
				  SORT_TOTAL },
		[COLL_PRODUCTS] = { SORT_UPDATED, SORT_NAME, SORT_TOTAL, SORT_TYPE },
		[COLL_VARIANTS] = { SORT_UPDATED, SORT_NAME, SORT_TOTAL, SORT_SKU },
	};

	for (uint32_t i = 0; i < ds->nproducts; i++)
		for (uint32_t k = 0; k < ds->products[i].n; k++) {
			const struct variant *v = &ds->variants[ds->products[i].first + k];

			if (k == 0 || v->updated_at > ds->products[i].updated_at)
				ds->products[i].updated_at = v->updated_at;
		}
	for (unsigned c = 0; c < COLL_COUNT; c++) {
		enum status st = make_sort(ds, (enum collection)c, SORT_ID);

		/* SORT_ID is 0, so it ends each list of the table. */
		for (unsigned k = 0; st == ST_OK && k < SORT_COUNT && keys[c][k] != SORT_ID; k++)
			st = make_sort(ds, (enum collection)c, keys[c][k]);
		if (st != ST_OK)
			return error_set(err, st, NULL, "out of memory");
	}
	return make_accounts(ds, err);
}
