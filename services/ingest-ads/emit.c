/* Plain rows to protobuf; an event is a page of rows, split so that none comes near the bus's
 * limit. */
#include "emit.h"

#include "contract/ingest_ads_events.h"
#include "ingest/values.h"

#include <string.h>

#define ROWS_PER_EVENT      800
#define CAMPAIGNS_PER_EVENT 100

static Ads__V1__Platform platform_of(const struct run *run)
{
	if (strcmp(run->platform, "meta") == 0)
		return ADS__V1__PLATFORM__PLATFORM_META;
	if (strcmp(run->platform, "tiktok") == 0)
		return ADS__V1__PLATFORM__PLATFORM_TIKTOK;
	return ADS__V1__PLATFORM__PLATFORM_GOOGLE;
}

static Ads__V1__CampaignRow *campaign_row(struct arena *a, const char *account,
					  const struct changed_campaign *c)
{
	Ads__V1__CampaignRow *row = arena_alloc(a, sizeof(*row));

	if (!row)
		return NULL;
	ads__v1__campaign_row__init(row);
	row->account_id = value_text(account);
	row->campaign_id = value_text(c->campaign_id);
	row->version = (uint64_t)c->version;
	row->name = value_text(c->name);
	row->n_past_names = c->n_past;
	row->past_names = (char **)(uintptr_t)c->past_names;
	return row;
}

enum status emit_campaigns(struct db_tx *tx, struct arena *a, const struct run *run,
			   const char *account, const struct changed_campaign *rows, size_t n,
			   uint32_t *events, struct error *err)
{
	const struct event_origin origin = run_origin(run);

	for (size_t from = 0; from < n; from += CAMPAIGNS_PER_EVENT) {
		Ads__V1__CampaignsUpserted m = ADS__V1__CAMPAIGNS_UPSERTED__INIT;
		size_t count = n - from < CAMPAIGNS_PER_EVENT ? n - from : CAMPAIGNS_PER_EVENT;
		enum status st;

		m.brand_id = value_text(run->brand_id);
		m.run_id = value_text(run->run_id);
		m.platform = platform_of(run);
		m.rows = arena_array(a, count, sizeof(*m.rows));
		for (size_t i = 0; m.rows && i < count; i++)
			m.rows[m.n_rows++] = campaign_row(a, account, &rows[from + i]);
		if (arena_failed(a))
			return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
		st = emit_ingest_ads_campaigns_upserted(tx, &origin, &m, err);
		if (st != ST_OK)
			return st;
		(*events)++;
	}
	return ST_OK;
}

static Ads__V1__AdResultRow *result_row(struct arena *a, const struct ad_account *account,
					const struct ad_result *r, int64_t version)
{
	Ads__V1__AdResultRow *row = arena_alloc(a, sizeof(*row));

	if (!row)
		return NULL;
	ads__v1__ad_result_row__init(row);
	row->account_id = value_text(account->account_id);
	row->campaign_id = value_text(r->campaign_id);
	row->adset_id = value_text(r->adset_id);
	row->ad_id = value_text(r->ad_id);
	row->day = value_date(a, r->day);
	row->version = (uint64_t)version;
	row->spend = value_money(a, r->spend_micros, account->currency);
	row->impressions = (uint64_t)r->impressions;
	row->clicks = (uint64_t)r->clicks;
	row->conversions_micros = r->conversions_micros;
	row->conversion_value = value_money(a, r->value_micros, account->currency);
	return row;
}

enum status emit_results(struct db_tx *tx, struct arena *a, const struct run *run,
			 const struct ad_account *account, const struct ad_result *rows,
			 const struct changed_result *changed, size_t n, uint32_t *events,
			 struct error *err)
{
	const struct event_origin origin = run_origin(run);

	for (size_t from = 0; from < n; from += ROWS_PER_EVENT) {
		Ads__V1__AdResultsUpserted m = ADS__V1__AD_RESULTS_UPSERTED__INIT;
		size_t count = n - from < ROWS_PER_EVENT ? n - from : ROWS_PER_EVENT;
		enum status st;

		m.brand_id = value_text(run->brand_id);
		m.run_id = value_text(run->run_id);
		m.platform = platform_of(run);
		m.rows = arena_array(a, count, sizeof(*m.rows));
		for (size_t i = 0; m.rows && i < count; i++)
			m.rows[m.n_rows++] = result_row(a, account, &rows[changed[from + i].index],
							changed[from + i].version);
		if (arena_failed(a))
			return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
		st = emit_ingest_ads_ad_results_upserted(tx, &origin, &m, err);
		if (st != ST_OK)
			return st;
		(*events)++;
	}
	return ST_OK;
}

enum status emit_finished(struct db_tx *tx, const struct run *run, int64_t data_through,
			  struct error *err)
{
	const struct event_origin origin = run_origin(run);
	Ads__V1__SyncFinished m = ADS__V1__SYNC_FINISHED__INIT;
	Pulsepoint__Timestamp through = PULSEPOINT__TIMESTAMP__INIT;

	through.micros = data_through;
	m.brand_id = value_text(run->brand_id);
	m.run_id = value_text(run->run_id);
	m.platform = platform_of(run);
	m.pages = run->events;
	m.data_through = data_through > 0 ? &through : NULL;
	return emit_ingest_ads_sync_finished(tx, &origin, &m, err);
}
