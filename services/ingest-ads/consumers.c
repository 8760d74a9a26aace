/* attribution says which runs the reports contain: those are done. */
#include "handlers.h"
#include "ingest/runs.h"
#include "store.h"
#include "svc/events.h"

#include <string.h>

/* Runs of Shopify are announced on the same subject; they are not ours. */
static bool is_ours(const Attribution__V1__AttributionUpdated *m)
{
	return provider_find(m->source) != NULL;
}

static enum status on_updated(struct event_batch *b,
			      const Attribution__V1__AttributionUpdated *const *in, size_t n)
{
	const char **runs = arena_array(b->arena, n, sizeof(char *));
	const char **brands = arena_array(b->arena, n, sizeof(char *));
	const char **platforms = arena_array(b->arena, n, sizeof(char *));
	size_t k = 0;
	enum status st;

	if (!runs || !brands || !platforms)
		return ST_UNAVAILABLE;
	for (size_t i = 0; i < n; i++) {
		if (!is_ours(in[i]))
			continue;
		runs[k] = in[i]->run_id;
		brands[k] = in[i]->brand_id;
		platforms[k++] = in[i]->source;
	}
	if (k == 0)
		return ST_OK;
	st = runs_projected(b->tx, b->arena, runs, k, b->err);
	return st == ST_OK ? store_mark_synced(b->tx, b->arena, brands, platforms, k, b->err) : st;
}

const struct ingest_ads_consumers ads_consumers = {
	.attribution_attribution_updated = on_updated,
};
