/*
 * The questions we ask Shopify's Admin API (GraphQL, 2026-10). The numbers of nodes at the top are
 * variables, so that one text serves all sizes.
 */
#ifndef SHOPIFY_QUERIES_H
#define SHOPIFY_QUERIES_H

#include "core/arena.h"
#include "core/buf.h"

#include <stdint.h>

enum query {
	QUERY_SHOP,
	QUERY_COUNTS,   /* query */
	QUERY_VARIANTS, /* first, after */
	QUERY_ORDERS,   /* first, after, query */
	QUERY_NODES,    /* ids, of orders */
	QUERY_LINES,    /* id, first, after */
	QUERY_TOUCHES,  /* id, first, after */
	QUERY_REFUNDS,  /* id */
	QUERY_N
};

#define VARIANTS_PER_PAGE 250
#define ORDERS_PER_PAGE   50
#define MORE_PER_PAGE     250
#define REFUNDS_PER_ORDER 25 /* asked for with an order; all of them when it has as many */
#define QUERY_BODY_MAX    (128 * 1024)

/* Variables; those that are 0 or NULL are left out. */
struct query_args {
	int first;
	const char *after, *query, *id; /* id as query_gid gives it */
	const char *const *ids;
	size_t n_ids;
};
/* Appends the request's JSON body. */
void query_write(struct buf *b, enum query q, const struct query_args *args);
/* gid://shopify/Order/<id>; "" when the arena is full. */
const char *query_gid(struct arena *a, const char *type, const char *id);
/* The search "updated_at:>='...'" of orders; whole seconds, rounded down. */
const char *query_since(struct arena *a, int64_t since_us);

#endif
