/*
 * From JSON to values: one function for each query of queries.c, given the answer's "data". All of
 * a page is read or none of it: the first fault ends in ST_UPSTREAM with the field's name. Pure.
 */
#ifndef SHOPIFY_PAGES_H
#define SHOPIFY_PAGES_H

#include "answer.h"
#include "model.h"

struct variant_page {
	struct variant *rows;
	size_t n;
	const char *next; /* cursor, NULL on the last page */
};
struct order_page {
	struct order *rows; /* lists may be in parts still: see struct part_list */
	size_t n;
	const char *next;
};
struct shop_counts {
	int64_t variants, orders;
};

enum status page_shop(const cJSON *data, struct arena *a, struct shop *ret,
		      struct error *err) MUST_USE;
enum status page_counts(const cJSON *data, struct arena *a, struct shop_counts *ret,
			struct error *err) MUST_USE;
/* `currency` is the shop's: prices have no other. */
enum status page_variants(const cJSON *data, struct arena *a, const char *currency,
			  struct variant_page *ret, struct error *err) MUST_USE;
/* Of the connection "orders", and of the plain list "nodes", where null stands for an order that is
 * gone. `refunds_first` is the limit the refunds were asked with. */
enum status page_orders(const cJSON *data, struct arena *a, size_t refunds_first,
			struct order_page *ret, struct error *err) MUST_USE;
enum status page_order_nodes(const cJSON *data, struct arena *a, size_t refunds_first,
			     struct order_page *ret, struct error *err) MUST_USE;
/* More of one order (data.order): the next part of its lines or touches, or all of its refunds. */
enum status page_more_lines(const cJSON *data, struct arena *a, struct order *o,
			    struct error *err) MUST_USE;
enum status page_more_touches(const cJSON *data, struct arena *a, struct order *o,
			      struct error *err) MUST_USE;
enum status page_all_refunds(const cJSON *data, struct arena *a, struct order *o,
			     struct error *err) MUST_USE;

#endif
