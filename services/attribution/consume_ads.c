/* ad_results.upserted and campaigns.upserted: what ads cost, and which links they explain. Read
 * next: kinds.h. */
#include "consumers.h"
#include "kinds.h"

#include "core/money.h"

#include <stdlib.h>
#include <string.h>

#define PAST_NAMES_MAX 1000 /* of one campaign; the contract's limit */

static enum status no_memory(struct event_batch *batch)
{
	return error_set(batch->err, ST_TOO_LARGE, NULL, "the batch does not fit in memory");
}

/* ---- what ads cost ---- */

static struct fault spend_fault(const Ads__V1__AdResultRow *r)
{
	if (strlen(r->account_id) > ID_MAX)
		return (struct fault){ "account_id", "is too long" };
	if (strlen(r->campaign_id) > ID_MAX)
		return (struct fault){ "campaign_id", "is too long" };
	if (strlen(r->adset_id) > ID_MAX)
		return (struct fault){ "adset_id", "is too long" };
	if (strlen(r->ad_id) > ID_MAX)
		return (struct fault){ "ad_id", "is too long" };
	if (!r->day)
		return (struct fault){ "day", "is missing" };
	if (r->version == 0 || r->version > INT64_MAX)
		return (struct fault){ "version", "is out of range" };
	if (!r->spend || strlen(r->spend->currency) != CURRENCY_TEXT - 1)
		return (struct fault){ "spend", "is missing or has no currency" };
	return (struct fault){ NULL, NULL };
}

static enum status read_results(struct event_batch *batch, const Ads__V1__AdResultsUpserted *page,
				struct spend_row *out)
{
	const enum ad_platform p = platform_of((int)page->platform);

	if (p == AD_NONE)
		return error_set(batch->err, ST_INVALID, "platform", "is unknown");
	for (size_t i = 0; i < page->n_rows; i++) {
		const Ads__V1__AdResultRow *r = page->rows[i];
		const struct fault f = spend_fault(r);

		if (f.reason)
			return bad_row(batch, i, f);
		out[i] = (struct spend_row){ p,
					     r->account_id,
					     r->campaign_id,
					     r->adset_id,
					     r->ad_id,
					     r->day->days,
					     (int64_t)r->version,
					     r->spend->currency,
					     r->spend->micros };
	}
	return ST_OK;
}

static enum status brand_spend(struct event_batch *batch, const struct brand_tx *b, const void *in,
			       const struct brand_event *events, size_t n)
{
	const Ads__V1__AdResultsUpserted *const *pages = in;
	struct run_step *steps = arena_array(batch->arena, n, sizeof(*steps));
	struct spend_row *rows;
	size_t total = 0, at = 0;
	enum status st = ST_OK;

	for (size_t i = 0; i < n; i++)
		total += pages[events[i].i]->n_rows;
	rows = arena_array(batch->arena, total ? total : 1, sizeof(*rows));
	if (!steps || !rows)
		return no_memory(batch);
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		const Ads__V1__AdResultsUpserted *page = pages[events[i].i];

		st = read_results(batch, page, rows + at);
		at += page->n_rows;
		steps[i] = (struct run_step){ ad_platform_word(platform_of((int)page->platform)),
					      page->run_id, 1, -1, 0 };
	}
	if (st == ST_OK)
		st = store_put_spend(b, rows, total);
	return st == ST_OK ? step_runs(batch, b, steps, n) : st;
}

CONSUMER(consume_spend, Ads__V1__AdResultsUpserted)
{
	const char *brands[EVENT_BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		brands[i] = in[i]->brand_id;
	return for_each_brand(batch, in, brands, n, brand_spend);
}

/* ---- campaigns ---- */

static struct fault campaign_fault(const Ads__V1__CampaignRow *r)
{
	if (!id_fits(r->account_id))
		return (struct fault){ "account_id", "is empty or too long" };
	if (!id_fits(r->campaign_id))
		return (struct fault){ "campaign_id", "is empty or too long" };
	if (r->version == 0 || r->version > INT64_MAX)
		return (struct fault){ "version", "is out of range" };
	if (r->n_past_names > PAST_NAMES_MAX)
		return (struct fault){ "past_names", "are too many" };
	return (struct fault){ NULL, NULL };
}

static enum status read_campaigns(struct event_batch *batch, const Ads__V1__CampaignsUpserted *page,
				  struct campaign_row *out)
{
	const enum ad_platform p = platform_of((int)page->platform);

	if (p == AD_NONE)
		return error_set(batch->err, ST_INVALID, "platform", "is unknown");
	for (size_t i = 0; i < page->n_rows; i++) {
		const Ads__V1__CampaignRow *r = page->rows[i];
		const struct fault f = campaign_fault(r);

		if (f.reason)
			return bad_row(batch, i, f);
		out[i] = (struct campaign_row){ p,
						r->account_id,
						r->campaign_id,
						r->name,
						(const char **)r->past_names,
						r->n_past_names,
						(int64_t)r->version };
	}
	return ST_OK;
}

static int by_campaign(const struct campaign_row *x, const struct campaign_row *y)
{
	int order = (x->platform > y->platform) - (x->platform < y->platform);

	if (order == 0)
		order = strcmp(x->account_id, y->account_id);
	return order != 0 ? order : strcmp(x->campaign_id, y->campaign_id);
}

static int by_campaign_newest_first(const void *a, const void *b)
{
	const struct campaign_row *x = a, *y = b;
	int order = by_campaign(x, y);

	return order != 0 ? order : (x->version < y->version) - (x->version > y->version);
}

/* Keeps the newest version of each campaign. */
static size_t newest(struct campaign_row *rows, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(rows, n, sizeof(*rows), by_campaign_newest_first);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_campaign(&rows[kept - 1], &rows[i]) != 0)
			rows[kept++] = rows[i];
	return kept;
}

/* The ids and names by which a link could mean one of the campaigns that were applied. */
static const char **texts_of(struct arena *a, const struct campaign_row *rows, size_t n,
			     const bool *applied, size_t *ret_n)
{
	const char **texts;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		total += applied[i] ? 2 + rows[i].n_past_names : 0;
	texts = arena_array(a, total ? total : 1, sizeof(*texts));
	for (size_t i = 0; texts && i < n; i++) {
		if (!applied[i])
			continue;
		texts[at++] = rows[i].campaign_id;
		texts[at++] = link_campaign_text(a, rows[i].name);
		for (size_t k = 0; k < rows[i].n_past_names; k++)
			texts[at++] = link_campaign_text(a, rows[i].past_names[k]);
	}
	*ret_n = at;
	return texts;
}

static enum status put_campaigns(struct event_batch *batch, const struct brand_tx *b,
				 struct campaign_row *rows, size_t n)
{
	bool *applied = arena_array(b->arena, n ? n : 1, sizeof(*applied));
	const char **texts;
	size_t n_texts, changed;
	enum status st = store_lock_brand(b);

	n = newest(rows, n);
	if (!applied)
		return no_memory(batch);
	if (st != ST_OK || n == 0)
		return st;
	st = store_put_campaigns(b, rows, n, applied);
	if (st != ST_OK)
		return st;
	texts = texts_of(b->arena, rows, n, applied, &n_texts);
	if (!texts)
		return no_memory(batch);
	return n_texts ? kinds_reclassify(b, texts, n_texts, &changed) : ST_OK;
}

static enum status brand_campaigns(struct event_batch *batch, const struct brand_tx *b,
				   const void *in, const struct brand_event *events, size_t n)
{
	const Ads__V1__CampaignsUpserted *const *pages = in;
	struct run_step *steps = arena_array(batch->arena, n, sizeof(*steps));
	struct campaign_row *rows;
	size_t total = 0, at = 0;
	enum status st = ST_OK;

	for (size_t i = 0; i < n; i++)
		total += pages[events[i].i]->n_rows;
	rows = arena_array(batch->arena, total ? total : 1, sizeof(*rows));
	if (!steps || !rows)
		return no_memory(batch);
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		const Ads__V1__CampaignsUpserted *page = pages[events[i].i];

		st = read_campaigns(batch, page, rows + at);
		at += page->n_rows;
		steps[i] = (struct run_step){ ad_platform_word(platform_of((int)page->platform)),
					      page->run_id, 1, -1, 0 };
	}
	if (st == ST_OK)
		st = put_campaigns(batch, b, rows, total);
	return st == ST_OK ? step_runs(batch, b, steps, n) : st;
}

CONSUMER(consume_campaigns, Ads__V1__CampaignsUpserted)
{
	const char *brands[EVENT_BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		brands[i] = in[i]->brand_id;
	return for_each_brand(batch, in, brands, n, brand_campaigns);
}
