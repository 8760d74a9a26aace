/* What the resolvers of the Shopify schema share. Read next: shopify_schema.c (tables),
 * shopify_fields.c, shopify_list.c. */
#ifndef SIM_SHOPIFY_VIEW_H
#define SIM_SHOPIFY_VIEW_H

#include "gql_schema.h"

#define COUNT_LIMIT_DEFAULT "10000" /* Shopify's default for ordersCount(limit:) */

struct shop_view {
	int64_t now_us;
	const char *plan_name; /* "Advanced", ... */
	bool plus;
};

/* Pages of the root connections and of the nested ones (shopify_list.c). */
bool list_orders(struct gexec *x, const struct gplan *p, const struct gnode *self,
		 struct gpage *ret);
bool list_products(struct gexec *x, const struct gplan *p, const struct gnode *self,
		   struct gpage *ret);
bool list_variants(struct gexec *x, const struct gplan *p, const struct gnode *self,
		   struct gpage *ret);
/* One page of the `n` rows start, start+1, ... that belong to a parent. */
bool list_nested(struct gexec *x, const struct gplan *p, enum gtype item, uint32_t start,
		 uint32_t n, struct gpage *ret);
/* How many rows match the `query` argument `args[1]`, up to `args[0]`. */
bool count_rows(struct gexec *x, const struct gplan *p, enum collection coll, struct gnode *ret);

/* The fields, by type (shopify_fields.c). */
extern const struct gfield shop_fields[], shop_address_fields[], shop_plan_fields[], order_fields[],
	customer_fields[], address_fields[], money_bag_fields[], money_fields[], line_fields[],
	variant_fields[], product_fields[], item_fields[], level_fields[], quantity_fields[],
	location_fields[], refund_fields[], journey_fields[], moment_fields[], visit_fields[],
	utm_fields[], count_fields[], page_info_fields[];
extern const struct garg nested_args[], reverse_args[], refund_args[], names_args[], level_args[],
	variant_sort_args[];

#endif
