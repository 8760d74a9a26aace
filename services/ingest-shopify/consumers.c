/* attribution says which runs the reports contain: those are done. */
#include "handlers.h"
#include "ingest/runs.h"
#include "service.h"
#include "store.h"
#include "svc/events.h"

#include "core/id.h"

#include <string.h>

static enum status on_updated(struct event_batch *b,
			      const Attribution__V1__AttributionUpdated *const *in, size_t n)
{
	const char **runs = arena_array(b->arena, n + 1, sizeof(char *));
	const char **brands = arena_array(b->arena, n + 1, sizeof(char *));
	size_t k = 0;
	enum status st;

	if (!runs || !brands)
		return error_set(b->err, ST_UNAVAILABLE, NULL, "memory is out");
	for (size_t i = 0; i < n; i++) {
		/* Runs of the ad platforms are announced on the same subject. */
		if (strcmp(in[i]->source, PLATFORM) != 0 || !uuid_valid(in[i]->brand_id))
			continue;
		runs[k] = in[i]->run_id;
		brands[k++] = in[i]->brand_id;
	}
	if (k == 0)
		return ST_OK;
	st = runs_projected(b->tx, b->arena, runs, k, b->err);
	return st == ST_OK ? store_mark_synced(b->tx, b->arena, brands, k, b->err) : st;
}

const struct ingest_shopify_consumers shopify_consumers = {
	.attribution_attribution_updated = on_updated,
};
