// expect: incompatible(-function)?-pointer-types
/* A consumer stands in the slot of another event. */
#include "contract/attribution_events.h"

static enum status orders(struct event_batch *batch, const Shopify__V1__OrdersUpserted *const *in,
			  size_t n)
{
	(void)batch, (void)in, (void)n;
	return ST_OK;
}

extern const struct attribution_consumers consumers;
const struct attribution_consumers consumers = {
#ifdef WRONG
	.ingest_shopify_sync_finished = orders,
#else
	.ingest_shopify_orders_upserted = orders,
#endif
};
