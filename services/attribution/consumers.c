/* What attribution hears. Here: brands and the ends of sync runs. Read next: consume_orders.c,
 * consume_ads.c. */
#include "consumers.h"

#include "core/id.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>

/* ---- what the consumers share ---- */

enum status bad_row(struct event_batch *batch, size_t row, struct fault f)
{
	char place[ERROR_FIELD_MAX];

	snprintf(place, sizeof(place), "rows[%zu].%s", row, f.field);
	return error_set(batch->err, ST_INVALID, place, "%s", f.reason);
}

bool id_fits(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= ID_MAX;
}

enum ad_platform platform_of(int contract_platform)
{
	switch (contract_platform) {
	case ADS__V1__PLATFORM__PLATFORM_META:
		return AD_META;
	case ADS__V1__PLATFORM__PLATFORM_TIKTOK:
		return AD_TIKTOK;
	case ADS__V1__PLATFORM__PLATFORM_GOOGLE:
		return AD_GOOGLE;
	}
	return AD_NONE;
}

static int by_brand(const void *a, const void *b)
{
	const struct brand_event *x = a, *y = b;
	int order = strcmp(x->brand_id, y->brand_id);

	return order != 0 ? order : (x->i > y->i) - (x->i < y->i);
}

static enum status sort_by_brand(struct event_batch *batch, const char *const *brand_ids, size_t n,
				 struct brand_event *events)
{
	for (size_t i = 0; i < n; i++) {
		char *id = arena_strdup(batch->arena, brand_ids[i]);

		if (!uuid_valid(id))
			return error_set(batch->err, ST_INVALID, "brand_id", "is not a UUID");
		uuid_normalise(id);
		events[i] = (struct brand_event){ id, i };
	}
	qsort(events, n, sizeof(*events), by_brand);
	return ST_OK;
}

enum status for_each_brand(struct event_batch *batch, const void *in, const char *const *brand_ids,
			   size_t n, brand_events_fn *fn)
{
	struct brand_event *events = arena_array(batch->arena, n, sizeof(*events));
	enum status st;
	size_t end;

	if (!events)
		return error_set(batch->err, ST_TOO_LARGE, NULL,
				 "the batch does not fit in memory");
	st = sort_by_brand(batch, brand_ids, n, events);
	for (size_t i = 0; st == ST_OK && i < n; i = end) {
		const struct brand_tx b = { batch->tx, batch->arena, batch->err,
					    events[i].brand_id };

		end = i;
		while (end < n && strcmp(events[end].brand_id, b.brand_id) == 0)
			end++;
		st = fn(batch, &b, in, events + i, end - i);
	}
	return st == ST_CONFLICT ? ST_UNAVAILABLE : st;
}

static int by_run(const void *a, const void *b)
{
	const struct run_step *x = a, *y = b;
	int order = strcmp(x->source, y->source);

	return order != 0 ? order : strcmp(x->run_id, y->run_id);
}

/* One step per run. */
static size_t unite(struct run_step *steps, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (*steps[i].run_id)
			steps[kept++] = steps[i];
	n = kept;
	kept = 0;
	if (n > 1)
		qsort(steps, n, sizeof(*steps), by_run);
	for (size_t i = 0; i < n; i++) {
		struct run_step *last = kept ? &steps[kept - 1] : NULL;

		if (!last || by_run(last, &steps[i]) != 0) {
			steps[kept++] = steps[i];
			continue;
		}
		last->pages += steps[i].pages;
		if (steps[i].pages_total >= 0)
			last->pages_total = steps[i].pages_total;
		if (steps[i].data_through > last->data_through)
			last->data_through = steps[i].data_through;
	}
	return kept;
}

enum status step_runs(struct event_batch *batch, const struct brand_tx *b, struct run_step *steps,
		      size_t n)
{
	const struct event_origin origin = batch_origin(batch);
	struct run_done *done = NULL;
	size_t n_done = 0;
	enum status st;

	for (size_t i = 0; i < n; i++)
		if (strlen(steps[i].run_id) > ID_MAX)
			return error_set(batch->err, ST_INVALID, "run_id", "is too long");
	st = store_step_runs(b, steps, unite(steps, n), &done, &n_done);
	for (size_t i = 0; st == ST_OK && i < n_done; i++) {
		Attribution__V1__AttributionUpdated m = ATTRIBUTION__V1__ATTRIBUTION_UPDATED__INIT;

		m.brand_id = arena_strdup(b->arena, b->brand_id);
		m.run_id = arena_strdup(b->arena, done[i].run_id);
		m.source = arena_strdup(b->arena, done[i].source);
		st = emit_attribution_attribution_updated(b->tx, &origin, &m, batch->err);
	}
	return st;
}

/* ---- the ends of runs ---- */

static enum status shopify_runs(struct event_batch *batch, const struct brand_tx *b, const void *in,
				const struct brand_event *events, size_t n)
{
	const Shopify__V1__SyncFinished *const *messages = in;
	struct run_step *steps = arena_array(batch->arena, n, sizeof(*steps));

	for (size_t i = 0; steps && i < n; i++) {
		const Shopify__V1__SyncFinished *m = messages[events[i].i];

		steps[i] = (struct run_step){ "shopify", m->run_id, 0, m->pages,
					      m->data_through ? m->data_through->micros : 0 };
	}
	return steps ? step_runs(batch, b, steps, n) : ST_TOO_LARGE;
}

static CONSUMER(consume_shopify_sync, Shopify__V1__SyncFinished)
{
	const char *brands[EVENT_BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		brands[i] = in[i]->brand_id;
	return for_each_brand(batch, in, brands, n, shopify_runs);
}

static enum status ads_runs(struct event_batch *batch, const struct brand_tx *b, const void *in,
			    const struct brand_event *events, size_t n)
{
	const Ads__V1__SyncFinished *const *messages = in;
	struct run_step *steps = arena_array(batch->arena, n, sizeof(*steps));

	for (size_t i = 0; steps && i < n; i++) {
		const Ads__V1__SyncFinished *m = messages[events[i].i];
		enum ad_platform p = platform_of((int)m->platform);

		if (p == AD_NONE)
			return error_set(batch->err, ST_INVALID, "platform", "is unknown");
		steps[i] = (struct run_step){ ad_platform_word(p), m->run_id, 0, m->pages,
					      m->data_through ? m->data_through->micros : 0 };
	}
	return steps ? step_runs(batch, b, steps, n) : ST_TOO_LARGE;
}

static CONSUMER(consume_ads_sync, Ads__V1__SyncFinished)
{
	const char *brands[EVENT_BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		brands[i] = in[i]->brand_id;
	return for_each_brand(batch, in, brands, n, ads_runs);
}

/* ---- brands ---- */

static CONSUMER(consume_brands, Auth__V1__BrandsUpserted)
{
	struct brand_row *rows;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		total += in[i]->n_rows;
	rows = arena_array(batch->arena, total ? total : 1, sizeof(*rows));
	if (!rows)
		return error_set(batch->err, ST_TOO_LARGE, NULL,
				 "the batch does not fit in memory");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < in[i]->n_rows; k++) {
			const Auth__V1__BrandRow *r = in[i]->rows[k];

			if (!uuid_valid(r->brand_id))
				return bad_row(batch, k,
					       (struct fault){ "brand_id", "is not a UUID" });
			rows[at++] =
				(struct brand_row){ r->brand_id, r->currency, (int64_t)r->version };
		}
	return store_put_brands(batch->tx, batch->arena, rows, total, batch->err);
}

const struct attribution_consumers attribution_consumers = {
	.ingest_shopify_orders_upserted = consume_orders,
	.ingest_shopify_sync_finished = consume_shopify_sync,
	.ingest_ads_ad_results_upserted = consume_spend,
	.ingest_ads_campaigns_upserted = consume_campaigns,
	.ingest_ads_sync_finished = consume_ads_sync,
	.auth_brands_upserted = consume_brands,
};
