// expect: incompatible(-function)?-pointer-types
/* A handler fills a reply that is not its method's. */
#include "contract/ingest_shopify.h"

#ifdef WRONG
static enum status get_order(struct call *call, const Shopify__V1__GetOrderRequest *in,
			     Shopify__V1__ListOrdersReply *out)
#else
static enum status get_order(struct call *call, const Shopify__V1__GetOrderRequest *in,
			     Shopify__V1__Order *out)
#endif
{
	(void)call, (void)in, (void)out;
	return ST_OK;
}

extern const struct ingest_shopify_handlers handlers;
const struct ingest_shopify_handlers handlers = { .get_order = get_order };
