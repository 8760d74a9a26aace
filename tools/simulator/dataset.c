/*
 * Reads a dataset folder, strictly: a wrong file stops the simulator with file, line and column.
 * Each file is one row of the table at the end. Read next: dataset_index.c (groups, totals, sort
 * orders).
 */
#include "dataset.h"

#include "zone.h"

#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MICRO_SCALE   6
#define QUANTITY_MAX  1000000000
#define PATH_TEXT_MAX 1024

typedef enum status (*row_fn)(struct dataset *ds, const struct csv *c, struct str *f,
			      struct error *err);

struct file_spec {
	const char *name;
	const char *columns[CSV_COLUMNS_MAX];
	row_fn row;
	size_t rows_at;  /* offset of the array in struct dataset */
	size_t count_at; /* offset of its count */
	size_t row_size;
};

/* ------------------------------------------------------------------ fields */

static enum status get_time(const struct csv *c, size_t col, struct str f, int64_t *ret,
			    struct error *err)
{
	if (f.n == 0 || f.p[f.n - 1] != 'Z' || !time_parse(f.p, ret))
		return csv_bad_field(c, col, err, "not a UTC time such as 2011-09-11T10:35:00Z");
	return ST_OK;
}

static enum status get_micros(const struct csv *c, size_t col, struct str f, int64_t *ret,
			      struct error *err)
{
	if (!decimal_parse(f.p, MICRO_SCALE, ret))
		return csv_bad_field(c, col, err,
				     "not a decimal of at most 6 digits after the point");
	return ST_OK;
}

static enum status get_int(const struct csv *c, size_t col, struct str f, int64_t *ret,
			   struct error *err)
{
	if (!parse_i64(f.p, -(int64_t)QUANTITY_MAX * 1000, (int64_t)QUANTITY_MAX * 1000, ret))
		return csv_bad_field(c, col, err, "not a whole number");
	return ST_OK;
}

static enum status get_text(const struct csv *c, size_t col, struct str f, struct error *err)
{
	return f.n > 0 ? ST_OK : csv_bad_field(c, col, err, "is empty");
}

static enum status get_currency(const struct csv *c, size_t col, struct str f, struct error *err)
{
	return f.n == 3 && currency_known(f.p) ? ST_OK
					       : csv_bad_field(c, col, err, "not an ISO 4217 code");
}

static enum status get_order(struct dataset *ds, const struct csv *c, struct str f, uint32_t *ret,
			     struct error *err)
{
	*ret = dataset_find(ds, COLL_ORDERS, f.p);
	return *ret != INDEX_NONE ? ST_OK : csv_bad_field(c, 0, err, "no such order in orders.csv");
}

/* Runs checks in turn and stops at the first that fails. */
#define TRY(call)                         \
	do {                              \
		enum status st_ = (call); \
		if (st_ != ST_OK)         \
			return st_;       \
	} while (0)

/* -------------------------------------------------------------------- rows */

static enum status row_variant(struct dataset *ds, const struct csv *c, struct str *f,
			       struct error *err)
{
	struct variant v = { f[0], f[1], f[2], f[3], f[4], f[5], f[6], 0, 0, 0 };
	int64_t ignored;

	TRY(get_text(c, 0, f[0], err));
	TRY(get_text(c, 1, f[1], err));
	TRY(get_micros(c, 5, f[5], &ignored, err));
	if (f[6].n > 0)
		TRY(get_micros(c, 6, f[6], &ignored, err));
	TRY(get_int(c, 7, f[7], &v.inventory_quantity, err));
	TRY(get_time(c, 8, f[8], &v.updated_at, err));
	ds->variants[ds->nvariants++] = v;
	return ST_OK;
}

static bool known_financial_status(const char *s)
{
	static const char *const known[] = {
		"AUTHORIZED",         "EXPIRED", "PAID",     "PARTIALLY_PAID",
		"PARTIALLY_REFUNDED", "PENDING", "REFUNDED", "VOIDED"
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(s, known[i]) == 0)
			return true;
	return false;
}

static enum status row_order(struct dataset *ds, const struct csv *c, struct str *f,
			     struct error *err)
{
	struct order o = { .order_id = f[0],
			   .name = f[1],
			   .customer_id = f[5],
			   .currency = f[6],
			   .status = f[7],
			   .country = f[10],
			   .cancelled_at = TIME_NONE };

	TRY(get_text(c, 0, f[0], err));
	TRY(get_time(c, 2, f[2], &o.created_at, err));
	TRY(get_time(c, 3, f[3], &o.processed_at, err));
	TRY(get_time(c, 4, f[4], &o.updated_at, err));
	TRY(get_currency(c, 6, f[6], err));
	if (!known_financial_status(f[7].p))
		return csv_bad_field(c, 7, err, "not a financial status of an order");
	if (f[8].n > 0)
		TRY(get_time(c, 8, f[8], &o.cancelled_at, err));
	o.test = strcmp(f[9].p, "true") == 0;
	if (!o.test && strcmp(f[9].p, "false") != 0)
		return csv_bad_field(c, 9, err, "neither true nor false");
	ds->orders[ds->norders++] = o;
	return ST_OK;
}

static enum status row_line(struct dataset *ds, const struct csv *c, struct str *f,
			    struct error *err)
{
	struct order_line l = { .line_id = f[1],
				.variant_id = f[2],
				.sku = f[3],
				.title = f[4],
				.unit_price = f[6],
				.discount = f[7],
				.variant = INDEX_NONE };
	const char *currency;
	int64_t quantity, price, discount;

	TRY(get_order(ds, c, f[0], &l.order, err));
	TRY(get_text(c, 1, f[1], err));
	TRY(get_int(c, 5, f[5], &quantity, err));
	if (quantity < -QUANTITY_MAX || quantity > QUANTITY_MAX)
		return csv_bad_field(c, 5, err, "out of range");
	TRY(get_micros(c, 6, f[6], &price, err));
	TRY(get_micros(c, 7, f[7], &discount, err));
	currency = ds->orders[l.order].currency.p;
	if (!line_total(quantity, price, discount, currency, &l.total) ||
	    !line_total(quantity, price, 0, currency, &l.original))
		return csv_bad_field(c, 6, err, "the line's total is out of range");
	l.quantity = (int32_t)quantity;
	if (f[2].n > 0)
		l.variant = dataset_find(ds, COLL_VARIANTS, f[2].p);
	ds->lines[ds->nlines++] = l;
	return ST_OK;
}

static enum status row_refund(struct dataset *ds, const struct csv *c, struct str *f,
			      struct error *err)
{
	struct refund r = { .refund_id = f[1], .amount_text = f[3] };

	TRY(get_order(ds, c, f[0], &r.order, err));
	TRY(get_text(c, 1, f[1], err));
	TRY(get_time(c, 2, f[2], &r.created_at, err));
	TRY(get_micros(c, 3, f[3], &r.amount, err));
	ds->refunds[ds->nrefunds++] = r;
	return ST_OK;
}

/* Grown by doubling: how many rows have no order is known at the end only. */
static enum status keep_loose(struct dataset *ds, struct str visitor_id, const struct visit *v,
			      struct error *err)
{
	uint32_t n = ds->loose_visits;
	struct loose_visit *grown;

	if ((n & (n - 1)) == 0) {
		grown = reallocarray(ds->loose, n > 0 ? 2 * (size_t)n : 1, sizeof(*grown));
		if (grown == NULL)
			return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
		ds->loose = grown;
	}
	ds->loose[n] = (struct loose_visit){ visitor_id, *v };
	ds->loose[n].visit.order = INDEX_NONE;
	ds->loose_visits++;
	return ST_OK;
}

static enum status row_visit(struct dataset *ds, const struct csv *c, struct str *f,
			     struct error *err)
{
	struct visit v = { f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], 0, 0, 0 };

	TRY(get_int(c, 2, f[2], &v.position, err));
	TRY(get_time(c, 3, f[3], &v.occurred_at, err));
	if (f[1].n == 0)
		return keep_loose(ds, f[0], &v, err);
	v.order = dataset_find(ds, COLL_ORDERS, f[1].p);
	if (v.order == INDEX_NONE)
		return csv_bad_field(c, 1, err, "no such order in orders.csv");
	ds->visits[ds->nvisits++] = v;
	return ST_OK;
}

static enum status row_ad(struct dataset *ds, const struct csv *c, struct str *f, struct error *err)
{
	static const char *const platforms[] = {
		[PLATFORM_META] = "meta", [PLATFORM_GOOGLE] = "google", [PLATFORM_TIKTOK] = "tiktok"
	};
	struct ad_row r = { .platform = PLATFORM_COUNT,
			    .account_id = f[1],
			    .campaign_id = f[2],
			    .campaign_name = f[3],
			    .adset_id = f[4],
			    .adset_name = f[5],
			    .ad_id = f[6],
			    .ad_name = f[7],
			    .currency = f[9] };

	for (unsigned p = 0; p < PLATFORM_COUNT; p++)
		if (strcmp(f[0].p, platforms[p]) == 0)
			r.platform = (enum platform)p;
	if (r.platform == PLATFORM_COUNT)
		return csv_bad_field(c, 0, err, "not meta, google or tiktok");
	TRY(get_text(c, 1, f[1], err));
	TRY(get_text(c, 2, f[2], err));
	if (!date_parse(f[8].p, &r.day))
		return csv_bad_field(c, 8, err, "not a date such as 2011-09-10");
	TRY(get_currency(c, 9, f[9], err));
	TRY(get_micros(c, 10, f[10], &r.spend, err));
	TRY(get_int(c, 11, f[11], &r.impressions, err));
	TRY(get_int(c, 12, f[12], &r.clicks, err));
	TRY(get_micros(c, 13, f[13], &r.conversions, err));
	TRY(get_micros(c, 14, f[14], &r.conversion_value, err));
	ds->ads[ds->nads++] = r;
	return ST_OK;
}

/* ------------------------------------------------------------------- files */

#define ROWS(field, count)                                                \
	offsetof(struct dataset, field), offsetof(struct dataset, count), \
		sizeof(*((struct dataset *)0)->field)

static const struct file_spec files[] = {
	{ "products.csv",
	  { "product_id", "variant_id", "sku", "title", "product_type", "price", "unit_cost",
	    "inventory_quantity", "updated_at" },
	  row_variant,
	  ROWS(variants, nvariants) },
	{ "orders.csv",
	  { "order_id", "name", "created_at", "processed_at", "updated_at", "customer_id",
	    "currency", "financial_status", "cancelled_at", "test", "country" },
	  row_order,
	  ROWS(orders, norders) },
	{ "order_lines.csv",
	  { "order_id", "line_id", "variant_id", "sku", "title", "quantity", "unit_price",
	    "discount" },
	  row_line,
	  ROWS(lines, nlines) },
	{ "refunds.csv",
	  { "order_id", "refund_id", "created_at", "amount" },
	  row_refund,
	  ROWS(refunds, nrefunds) },
	{ "visits.csv",
	  { "visitor_id", "order_id", "position", "occurred_at", "source", "source_type", "medium",
	    "campaign", "content", "term", "landing_page", "referrer" },
	  row_visit,
	  ROWS(visits, nvisits) },
	{ "ad_insights.csv",
	  { "platform", "account_id", "campaign_id", "campaign_name", "adset_id", "adset_name",
	    "ad_id", "ad_name", "date", "currency", "spend", "impressions", "clicks", "conversions",
	    "conversion_value" },
	  row_ad,
	  ROWS(ads, nads) },
};

/* Reads a whole file and a NUL into memory that the dataset owns. */
static enum status read_text(struct dataset *ds, const char *dir, const char *name, char **ret,
			     size_t *ret_len, struct error *err)
{
	char path[PATH_TEXT_MAX];
	long size = -1;
	char *text = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (f == NULL)
		return error_set(err, ST_NOT_FOUND, name, "%s cannot be opened", name);
	if (fseek(f, 0, SEEK_END) == 0)
		size = ftell(f);
	if (size >= 0 && size <= DATASET_FILE_MAX && fseek(f, 0, SEEK_SET) == 0)
		text = malloc((size_t)size + 1);
	if (text != NULL && fread(text, 1, (size_t)size, f) != (size_t)size) {
		free(text);
		text = NULL;
	}
	fclose(f);
	if (text == NULL)
		return error_set(err, ST_INVALID, name, "%s cannot be read whole", name);
	text[size] = '\0';
	ds->texts[ds->ntexts++] = text;
	*ret = text;
	*ret_len = (size_t)size;
	return ST_OK;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 1;

	for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))) != NULL; p++)
		n++;
	return n;
}

static enum status read_rows(struct dataset *ds, const struct file_spec *spec, struct csv *c,
			     struct error *err)
{
	struct str fields[CSV_COLUMNS_MAX];

	for (;;) {
		enum status st = csv_next(c, fields, err);

		if (st == ST_NOT_FOUND)
			return ST_OK;
		if (st == ST_OK)
			st = spec->row(ds, c, fields, err);
		if (st != ST_OK)
			return st;
	}
}

static enum status read_file(struct dataset *ds, const char *dir, const struct file_spec *spec,
			     struct error *err)
{
	char *base = (char *)ds;
	struct csv c;
	size_t ncolumns = 0, len = 0, rows;
	char *text = NULL;
	void *array;

	TRY(read_text(ds, dir, spec->name, &text, &len, err));
	rows = count_lines(text, len);
	if (rows > DATASET_ROWS_MAX)
		return error_set(err, ST_TOO_LARGE, spec->name, "%s has more than %u lines",
				 spec->name, DATASET_ROWS_MAX);
	array = calloc(rows, spec->row_size);
	if (array == NULL)
		return error_set(err, ST_INTERNAL, spec->name, "out of memory for %s", spec->name);
	memcpy(base + spec->rows_at, &array, sizeof(array));
	while (ncolumns < CSV_COLUMNS_MAX && spec->columns[ncolumns] != NULL)
		ncolumns++;
	TRY(csv_open(&c, spec->name, text, len, spec->columns, ncolumns, err));
	return read_rows(ds, spec, &c, err);
}

/* ------------------------------------------------------------ dataset.json */

static enum status meta_text(const cJSON *root, const char *key, char **ret, struct error *err)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, key));

	if (s == NULL || s[0] == '\0')
		return error_set(err, ST_INVALID, key, "dataset.json: %s is missing or empty", key);
	*ret = strdup(s);
	return *ret != NULL ? ST_OK : error_set(err, ST_INTERNAL, key, "out of memory");
}

static enum status meta_day(const cJSON *root, const char *key, int32_t *ret, struct error *err)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, key));

	if (s == NULL || !date_parse(s, ret))
		return error_set(err, ST_INVALID, key, "dataset.json: %s is not a date", key);
	return ST_OK;
}

static enum status take_meta(struct dataset *ds, const cJSON *root, struct error *err)
{
	if (!cJSON_IsObject(root))
		return error_set(err, ST_INVALID, "dataset.json",
				 "dataset.json: not a JSON object");
	TRY(meta_text(root, "name", &ds->name, err));
	TRY(meta_text(root, "shop_domain", &ds->shop_domain, err));
	TRY(meta_text(root, "currency", &ds->currency, err));
	TRY(meta_text(root, "iana_timezone", &ds->zone, err));
	TRY(meta_text(root, "country", &ds->country, err));
	TRY(meta_day(root, "first_day", &ds->first_day, err));
	TRY(meta_day(root, "last_day", &ds->last_day, err));
	if (!currency_known(ds->currency))
		return error_set(err, ST_INVALID, "currency", "dataset.json: unknown currency");
	if (!zone_known(ds->zone))
		return error_set(err, ST_INVALID, "iana_timezone",
				 "dataset.json: unknown time zone");
	if (ds->last_day < ds->first_day)
		return error_set(err, ST_INVALID, "last_day",
				 "dataset.json: last_day is before first_day");
	return ST_OK;
}

static enum status read_meta(struct dataset *ds, const char *dir, struct error *err)
{
	char *text = NULL;
	size_t len = 0;
	cJSON *root;
	enum status st;

	TRY(read_text(ds, dir, "dataset.json", &text, &len, err));
	root = cJSON_ParseWithLength(text, len);
	st = take_meta(ds, root, err);
	cJSON_Delete(root);
	return st;
}

static enum status load(struct dataset *ds, const char *dir, int32_t shift_to_day,
			struct error *err)
{
	TRY(read_meta(ds, dir, err));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		TRY(read_file(ds, dir, &files[i], err));
		/* Lines, refunds and visits look their order and variant up, so ids are indexed as
		 * soon as they are known. */
		TRY(dataset_index_ids(ds, err));
	}
	TRY(dataset_index_groups(ds, err));
	if (shift_to_day != INT32_MIN)
		dataset_shift(ds, shift_to_day);
	return dataset_index_sorts(ds, err);
}

enum status dataset_load(struct dataset **ret, const char *dir, int32_t shift_to_day,
			 struct error *err)
{
	struct dataset *ds = calloc(1, sizeof(*ds));
	enum status st;

	if (ds == NULL)
		return error_set(err, ST_INTERNAL, NULL, "out of memory");
	ds->refs = 1;
	st = load(ds, dir, shift_to_day, err);
	if (st != ST_OK) {
		dataset_drop(ds);
		return st;
	}
	*ret = ds;
	return ST_OK;
}

void dataset_hold(struct dataset *ds)
{
	atomic_fetch_add(&ds->refs, 1);
}

void dataset_drop(struct dataset *ds)
{
	if (ds == NULL || atomic_fetch_sub(&ds->refs, 1) > 1)
		return;
	for (size_t i = 0; i < ds->ntexts; i++)
		free(ds->texts[i]);
	for (unsigned c = 0; c < COLL_COUNT; c++)
		for (unsigned k = 0; k < SORT_COUNT; k++)
			free(ds->sorted[c][k]);
	free(ds->name);
	free(ds->shop_domain);
	free(ds->currency);
	free(ds->zone);
	free(ds->country);
	free(ds->variants);
	free(ds->products);
	free(ds->orders);
	free(ds->lines);
	free(ds->refunds);
	free(ds->visits);
	free(ds->loose);
	free(ds->ads);
	free(ds->accounts);
	free(ds);
}
