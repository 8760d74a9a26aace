/* What ads cost, per ad and day of its account. Versions alone keep these rows in line; no lock is
 * needed. */
#include "store.h"

extern const struct db_stmt store_spend_statements[];
const struct db_stmt store_spend_statements[] = {
	/* Sorted by key, so that two consumers take the row locks in the same order. */
	{ "spend_put",
	  "INSERT INTO ad_spend AS s (tenant_id, brand_id, platform, account_id, campaign_id,"
	  " adset_id, ad_id, day, version, currency, spend)"
	  " SELECT DISTINCT ON (t.platform, t.account_id, t.campaign_id, t.adset_id, t.ad_id, "
	  "t.day)"
	  " $1::uuid, $2::uuid, t.* FROM unnest($3::text[], $4::text[], $5::text[], $6::text[],"
	  " $7::text[], $8::date[], $9::bigint[], $10::text[], $11::bigint[])"
	  " AS t(platform, account_id, campaign_id, adset_id, ad_id, day, version, currency, spend)"
	  " ORDER BY t.platform, t.account_id, t.campaign_id, t.adset_id, t.ad_id, t.day,"
	  " t.version DESC"
	  " ON CONFLICT (tenant_id, brand_id, platform, account_id, campaign_id, adset_id, ad_id, "
	  "day)"
	  " DO UPDATE SET version = excluded.version, currency = excluded.currency,"
	  " spend = excluded.spend WHERE s.version < excluded.version" },
	{ NULL, NULL },
};

enum status store_put_spend(const struct brand_tx *b, const struct spend_row *rows, size_t n)
{
	struct db_args args;

	if (n == 0)
		return ST_OK;
	store_args(&args, b);
	COLUMN_PLATFORM(&args, rows, platform, n);
	COLUMN_TEXT(&args, rows, account_id, n);
	COLUMN_TEXT(&args, rows, campaign_id, n);
	COLUMN_TEXT(&args, rows, adset_id, n);
	COLUMN_TEXT(&args, rows, ad_id, n);
	COLUMN_DAY(&args, rows, day, n);
	COLUMN_I64(&args, rows, version, n);
	COLUMN_TEXT(&args, rows, currency, n);
	COLUMN_I64(&args, rows, spend, n);
	return db_exec(b->tx, "spend_put", &args, NULL, b->err);
}
