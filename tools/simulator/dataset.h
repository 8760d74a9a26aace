/*
 * A dataset folder in memory: read-only once loaded, shared by reference count, so that a reload
 * does not disturb the answers under way. Money is micros (core/money.h), times UTC microseconds.
 * Read next: dataset.c, dataset_index.c.
 */
#ifndef SIM_DATASET_H
#define SIM_DATASET_H

#include "csv.h"

#include "core/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TIME_NONE        INT64_MIN
#define INDEX_NONE       UINT32_MAX
#define DATASET_FILE_MAX (INT64_C(4) << 30)
#define DATASET_ROWS_MAX 20000000u

struct variant {
	struct str product_id, variant_id, sku, title, product_type, price, unit_cost;
	int64_t inventory_quantity, updated_at;
	uint32_t product; /* index into products */
};

struct product {
	struct str product_id;
	uint32_t first, n;  /* its variants, in file order */
	int64_t updated_at; /* the newest of its variants */
	int64_t inventory;
};

struct order {
	struct str order_id, name, customer_id, currency, status, country;
	int64_t created_at, processed_at, updated_at,
		cancelled_at; /* cancelled_at may be TIME_NONE */
	bool test;
	uint32_t line0, nlines, refund0, nrefunds, visit0, nvisits;
	int64_t total, refunded; /* micros, rounded to the currency's minor unit line by line */
	int64_t quantity;
	int32_t customer_index; /* place among the customer's orders, from 1; 0: no customer, or a
				   test order */
};

struct order_line {
	struct str line_id, variant_id, sku, title, unit_price, discount;
	int32_t quantity;
	uint32_t order, variant; /* INDEX_NONE: not in products.csv */
	int64_t original, total; /* micros */
};

struct refund {
	struct str refund_id;
	uint32_t order;
	int64_t created_at, amount;
	struct str amount_text;
};

struct visit {
	struct str source, source_type, medium, campaign, content, term, landing_page, referrer;
	int64_t position, occurred_at;
	uint32_t order;
};

struct loose_visit {
	struct str visitor_id;
	struct visit visit; /* its order is INDEX_NONE */
};

enum platform { PLATFORM_META, PLATFORM_GOOGLE, PLATFORM_TIKTOK, PLATFORM_COUNT };

struct ad_row {
	enum platform platform;
	struct str account_id, campaign_id, campaign_name, adset_id, adset_name, ad_id, ad_name;
	struct str currency;
	int32_t day;
	int64_t spend, conversions, conversion_value; /* micros */
	int64_t impressions, clicks;
};

struct ad_account {
	enum platform platform;
	struct str account_id, currency;
};

enum collection { COLL_ORDERS, COLL_PRODUCTS, COLL_VARIANTS, COLL_COUNT };
enum sort_key {
	SORT_ID,
	SORT_CREATED,
	SORT_PROCESSED,
	SORT_UPDATED,
	SORT_NAME,  /* order number, product or variant title */
	SORT_TOTAL, /* order total, product or variant stock */
	SORT_SKU,
	SORT_TYPE,
	SORT_COUNT
};

struct dataset {
	_Atomic int refs;
	char *texts[8]; /* the files; every struct str points into one of them */
	size_t ntexts;
	char *name, *shop_domain, *currency, *zone, *country;
	int32_t first_day, last_day, shift_days;

	struct variant *variants;
	struct product *products;
	struct order *orders;
	struct order_line *lines; /* grouped by order, in file order */
	struct refund *refunds;   /* grouped by order */
	struct visit *visits;     /* those of orders only, grouped, by position */
	struct ad_row *ads;       /* by platform, account, then file order */
	struct ad_account *accounts;
	uint32_t nvariants, nproducts, norders, nlines, nrefunds, nvisits, nads, naccounts;
	/* Journeys that did not convert: not Shopify's to serve; GET /control/visits exports them.
	 */
	struct loose_visit *loose;
	uint32_t loose_visits;

	uint32_t *sorted[COLL_COUNT][SORT_COUNT]; /* NULL where a collection has no such key */
};

/*
 * Reads a folder. `shift_to_day`: INT32_MIN to take the data as they are, else the day that
 * last_day becomes (each order moves with its own refunds and visits by whole local days, so
 * distances inside an order stay exact).
 */
enum status dataset_load(struct dataset **ret, const char *dir, int32_t shift_to_day,
			 struct error *err) MUST_USE;
void dataset_hold(struct dataset *ds);
/* Frees with the last reference; accepts NULL. */
void dataset_drop(struct dataset *ds);

/*
 * The steps of loading (dataset_index.c): ids of what has been read so far (duplicates are
 * refused); then groups, totals and products; then the sort orders and ad accounts, after a shift.
 */
enum status dataset_index_ids(struct dataset *ds, struct error *err) MUST_USE;
enum status dataset_index_groups(struct dataset *ds, struct error *err) MUST_USE;
enum status dataset_index_sorts(struct dataset *ds, struct error *err) MUST_USE;
/* Moves all times so that last_day becomes `to_day` (dataset_shift.c). */
void dataset_shift(struct dataset *ds, int32_t to_day);

/* Rows by their raw id; INDEX_NONE when there is none. */
uint32_t dataset_find(const struct dataset *ds, enum collection coll, const char *id);
uint32_t dataset_size(const struct dataset *ds, enum collection coll);
struct str dataset_id(const struct dataset *ds, enum collection coll, uint32_t i);
/* True when `key` sorts by text, false when by number. */
bool dataset_key_is_text(enum sort_key key);
struct str dataset_key_text(const struct dataset *ds, enum collection coll, enum sort_key key,
			    uint32_t i);
int64_t dataset_key_number(const struct dataset *ds, enum collection coll, enum sort_key key,
			   uint32_t i);
/* Ids of digits sort as numbers, others by bytes. */
int id_compare(struct str a, struct str b);
int str_compare(struct str a, struct str b);
const struct ad_account *dataset_account(const struct dataset *ds, enum platform p,
					 const char *account_id);

#endif
