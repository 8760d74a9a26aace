/* The tables main.c registers, and the methods that handlers.c takes from its neighbour. */
#ifndef SHOPIFY_HANDLERS_H
#define SHOPIFY_HANDLERS_H

#include "contract/ingest_shopify.h"
#include "contract/ingest_shopify_events.h"

extern const struct ingest_shopify_handlers shopify_handlers;
extern const struct ingest_shopify_consumers shopify_consumers;

/* handlers.c: asks auth, which owns brands, whether this caller may see this one. */
enum status check_brand(struct call *call, const char *brand_id) MUST_USE;
/* handlers_lists.c */
enum status list_orders(struct call *call, const Shopify__V1__ListOrdersRequest *in,
			Shopify__V1__ListOrdersReply *out);
enum status get_order(struct call *call, const Shopify__V1__GetOrderRequest *in,
		      Shopify__V1__Order *out);
enum status list_products(struct call *call, const Shopify__V1__ListProductsRequest *in,
			  Shopify__V1__ListProductsReply *out);

#endif
