/*
 * What we know of a shop, as plain values: the border between pages of JSON (pages.c), rules
 * (order.c), rows (store_*.c) and messages (emit.c, handlers*.c). Texts live in the arena of the
 * page or call. Money is micros of the stated currency, times are UTC microseconds, ids are the
 * part of the provider's gid after the type.
 */
#ifndef SHOPIFY_MODEL_H
#define SHOPIFY_MODEL_H

#include "core/money.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_MAX            255   /* bytes of an id, as in the contract */
#define ORDER_LINES_MAX   10000 /* of one order, as in the contract */
#define ORDER_REFUNDS_MAX 1000
#define ORDER_TOUCHES_MAX 1000 /* as attribution takes */
#define HASH_TEXT         33   /* 128 bits in hex */

struct shop {
	const char *domain, *name, *currency, *timezone;
};

struct variant {
	const char *variant_id, *product_id, *sku, *title, *product_type;
	const char *currency, *cost_currency;
	int64_t price, cost;
	bool has_cost;
	int32_t inventory;
	int64_t updated_at;
	const char *hash; /* of all but the stock */
};

struct line {
	const char *line_id, *variant_id, *sku, *title;
	int32_t quantity;
	int64_t unit_price, discount, total; /* total is order_close's */
};
struct refund {
	const char *refund_id;
	int64_t created_at, amount;
};
struct touch { /* its position is its place in the list, from 1 */
	int64_t occurred_at;
	const char *source, *source_type, *medium, *campaign, *content, *term, *landing_page,
		*referrer;
};

/* A list that comes in parts. `next` is the cursor of the part that follows, NULL when complete. */
struct part_list {
	size_t n, cap;
	const char *next;
};
struct order {
	const char *order_id, *name, *status, *customer_id, *country, *currency;
	int64_t created_at, processed_at, updated_at, cancelled_at; /* 0: not cancelled */
	bool test, journey_ready;
	struct line *lines;
	struct part_list lines_part;
	struct refund *refunds;
	size_t n_refunds;
	bool refunds_cut; /* the list was asked for with a limit, and is as long as that */
	struct touch *touches;
	struct part_list touches_part;
	/* order_close's */
	bool counts;
	int64_t gross, refunded;
	const char *hash, *journey_hash;
};

#endif
