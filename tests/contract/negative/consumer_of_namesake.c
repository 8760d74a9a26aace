// expect: incompatible(-function)?-pointer-types
/* Two services publish sync.finished; one's consumer does not take the other's. */
#include "contract/attribution_events.h"

static enum status finished(struct event_batch *batch, const Ads__V1__SyncFinished *const *in,
			    size_t n)
{
	(void)batch, (void)in, (void)n;
	return ST_OK;
}

extern const struct attribution_consumers consumers;
const struct attribution_consumers consumers = {
#ifdef WRONG
	.ingest_shopify_sync_finished = finished,
#else
	.ingest_ads_sync_finished = finished,
#endif
};
