/* Daily results and campaign names, a page at a time in three statements. Read next: store.h. */
#include "store.h"

#include <string.h>

/* A key of results may come twice in a page only if a provider repeats itself; the last one wins,
 * as it would a day later. */
const struct db_stmt result_statements[] = {
	{ "put_results",
	  "INSERT INTO results AS r (tenant_id, brand_id, platform, account_id, campaign_id, "
	  "adset_id, ad_id, day,"
	  " currency, spend_micros, impressions, clicks, conversions_micros, value_micros)"
	  " SELECT $1::uuid, $2::uuid, $3, $4, u.campaign, u.adset, u.ad, u.day, $5, u.spend, "
	  "u.impressions, u.clicks,"
	  " u.conversions, u.value FROM (SELECT DISTINCT ON (campaign, adset, ad, day) * FROM"
	  " unnest($6::text[], $7::text[], $8::text[], $9::date[], $10::bigint[], $11::bigint[], "
	  "$12::bigint[],"
	  " $13::bigint[], $14::bigint[]) WITH ORDINALITY"
	  " AS t (campaign, adset, ad, day, spend, impressions, clicks, conversions, value, n)"
	  " ORDER BY campaign, adset, ad, day, n DESC) AS u"
	  " ON CONFLICT (brand_id, platform, account_id, campaign_id, adset_id, ad_id, day) DO "
	  "UPDATE SET"
	  " currency = excluded.currency, spend_micros = excluded.spend_micros,"
	  " impressions = excluded.impressions, clicks = excluded.clicks,"
	  " conversions_micros = excluded.conversions_micros, value_micros = excluded.value_micros,"
	  " version = r.version + 1"
	  " WHERE (r.currency, r.spend_micros, r.impressions, r.clicks, r.conversions_micros, "
	  "r.value_micros)"
	  " IS DISTINCT FROM (excluded.currency, excluded.spend_micros, excluded.impressions, "
	  "excluded.clicks,"
	  " excluded.conversions_micros, excluded.value_micros)"
	  " RETURNING r.campaign_id, r.adset_id, r.ad_id, r.day, r.version" },
	{ "put_ads",
	  "INSERT INTO ads AS a (tenant_id, brand_id, platform, account_id, campaign_id, adset_id, "
	  "ad_id, adset_name,"
	  " ad_name) SELECT DISTINCT ON (u.campaign, u.adset, u.ad) $1::uuid, $2::uuid, $3, $4, "
	  "u.campaign, u.adset,"
	  " u.ad, u.adset_name, u.ad_name"
	  " FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::date[])"
	  " AS u (campaign, adset, ad, adset_name, ad_name, day) ORDER BY u.campaign, u.adset, "
	  "u.ad, u.day DESC"
	  " ON CONFLICT (brand_id, platform, account_id, campaign_id, adset_id, ad_id) DO UPDATE "
	  "SET"
	  " adset_name = excluded.adset_name, ad_name = excluded.ad_name"
	  " WHERE (a.adset_name, a.ad_name) IS DISTINCT FROM (excluded.adset_name, "
	  "excluded.ad_name)" },
	{ "put_names",
	  "INSERT INTO campaign_names AS c (tenant_id, brand_id, platform, account_id, "
	  "campaign_id, name, last_day)"
	  " SELECT $1::uuid, $2::uuid, $3, $4, u.campaign, u.name, max(u.day)"
	  " FROM unnest($5::text[], $6::text[], $7::date[]) AS u (campaign, name, day)"
	  " GROUP BY u.campaign, u.name ORDER BY u.campaign, u.name"
	  " ON CONFLICT (brand_id, platform, account_id, campaign_id, name) DO UPDATE SET"
	  " last_day = excluded.last_day WHERE c.last_day < excluded.last_day" },
	/* The latest name is the one seen on the latest day; equal days go by name, so that the
	   answer is always the same. */
	{ "put_campaigns",
	  "INSERT INTO campaigns AS c (tenant_id, brand_id, platform, account_id, campaign_id, "
	  "name, names)"
	  " SELECT $1::uuid, $2::uuid, $3, $4, n.campaign_id,"
	  " (array_agg(n.name ORDER BY n.last_day DESC, n.name))[1], array_agg(n.name ORDER BY "
	  "n.last_day DESC, n.name)"
	  " FROM campaign_names n WHERE n.brand_id = $2::uuid AND n.platform = $3 AND n.account_id "
	  "= $4"
	  " AND n.campaign_id = ANY ($5::text[]) GROUP BY n.campaign_id ORDER BY n.campaign_id"
	  " ON CONFLICT (brand_id, platform, account_id, campaign_id) DO UPDATE SET name = "
	  "excluded.name,"
	  " names = excluded.names, version = c.version + 1 WHERE c.names IS DISTINCT FROM "
	  "excluded.names"
	  " RETURNING c.campaign_id, c.version" },
	{ "names_of", "SELECT c.campaign_id, c.version, n.name FROM campaigns c,"
		      " unnest(c.names) WITH ORDINALITY AS n (name, place) WHERE c.brand_id = "
		      "$1::uuid AND c.platform = $2"
		      " AND c.account_id = $3 AND c.campaign_id = ANY ($4::text[]) ORDER BY "
		      "c.campaign_id, n.place" },
	{ NULL, NULL },
};

/* ---- columns of a page ---- */

struct columns {
	const char **campaign, **campaign_name, **adset, **adset_name, **ad, **ad_name;
	int32_t *day;
	int64_t *spend, *impressions, *clicks, *conversions, *value;
};

static bool make_columns(struct arena *a, const struct ad_result *rows, size_t n, struct columns *c)
{
	const char ***text[] = { &c->campaign, &c->campaign_name, &c->adset, &c->adset_name,
				 &c->ad,       &c->ad_name };
	int64_t **number[] = { &c->spend, &c->impressions, &c->clicks, &c->conversions, &c->value };

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		*text[i] = arena_array(a, n + 1, sizeof(char *));
	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		*number[i] = arena_array(a, n + 1, sizeof(int64_t));
	c->day = arena_array(a, n + 1, sizeof(int32_t));
	if (arena_failed(a))
		return false;
	for (size_t i = 0; i < n; i++) {
		c->campaign[i] = rows[i].campaign_id;
		c->campaign_name[i] = rows[i].campaign_name;
		c->adset[i] = rows[i].adset_id;
		c->adset_name[i] = rows[i].adset_name;
		c->ad[i] = rows[i].ad_id;
		c->ad_name[i] = rows[i].ad_name;
		c->day[i] = rows[i].day;
		c->spend[i] = rows[i].spend_micros;
		c->impressions[i] = rows[i].impressions;
		c->clicks[i] = rows[i].clicks;
		c->conversions[i] = rows[i].conversions_micros;
		c->value[i] = rows[i].value_micros;
	}
	return true;
}

static void own_args(struct db_args *args, struct arena *a, const char *tenant, const char *brand,
		     const char *platform, const char *account)
{
	db_args_init(args, a);
	db_arg_text(args, tenant);
	db_arg_text(args, brand);
	db_arg_text(args, platform);
	db_arg_text(args, account);
}

/* The last row of the page with that key. */
static size_t index_of(const struct ad_result *rows, size_t n, const char *campaign,
		       const char *adset, const char *ad, int32_t day)
{
	while (n-- > 0)
		if (rows[n].day == day && strcmp(rows[n].ad_id, ad) == 0 &&
		    strcmp(rows[n].adset_id, adset) == 0 &&
		    strcmp(rows[n].campaign_id, campaign) == 0)
			return n;
	return SIZE_MAX;
}

enum status store_put_results(struct db_tx *tx, struct arena *a, const char *tenant,
			      const char *brand, const char *platform,
			      const struct ad_account *account, const struct ad_result *rows,
			      size_t n, struct changed_result **changed, size_t *n_changed,
			      struct error *err)
{
	struct columns c;
	struct db_args args;
	int r;
	enum status st;

	*n_changed = 0;
	if (n == 0)
		return ST_OK;
	if (!make_columns(a, rows, n, &c))
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	own_args(&args, a, tenant, brand, platform, account->account_id);
	db_arg_text(&args, account->currency);
	db_arg_text_array(&args, c.campaign, n);
	db_arg_text_array(&args, c.adset, n);
	db_arg_text_array(&args, c.ad, n);
	db_arg_date_array(&args, c.day, n);
	db_arg_i64_array(&args, c.spend, n);
	db_arg_i64_array(&args, c.impressions, n);
	db_arg_i64_array(&args, c.clicks, n);
	db_arg_i64_array(&args, c.conversions, n);
	db_arg_i64_array(&args, c.value, n);
	st = db_exec(tx, "put_results", &args, &r, err);
	if (st != ST_OK)
		return st;
	*changed = arena_array(a, (size_t)db_rows(tx, r) + 1, sizeof(**changed));
	for (int i = 0; *changed && i < db_rows(tx, r); i++) {
		size_t at = index_of(rows, n, db_str(tx, r, i, 0), db_str(tx, r, i, 1),
				     db_str(tx, r, i, 2), db_date(tx, r, i, 3));

		if (at != SIZE_MAX)
			(*changed)[(*n_changed)++] =
				(struct changed_result){ at, db_int(tx, r, i, 4) };
	}
	own_args(&args, a, tenant, brand, platform, account->account_id);
	db_arg_text_array(&args, c.campaign, n);
	db_arg_text_array(&args, c.adset, n);
	db_arg_text_array(&args, c.ad, n);
	db_arg_text_array(&args, c.adset_name, n);
	db_arg_text_array(&args, c.ad_name, n);
	db_arg_date_array(&args, c.day, n);
	return db_exec(tx, "put_ads", &args, NULL, err);
}

/* The changed campaigns with all their names, latest first. */
static enum status read_names(struct db_tx *tx, struct arena *a, const char *brand,
			      const char *platform, const char *account, const char *const *ids,
			      size_t n, struct changed_campaign **changed, size_t *n_changed,
			      struct error *err)
{
	struct changed_campaign *out = arena_array(a, n + 1, sizeof(*out));
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text(&args, platform);
	db_arg_text(&args, account);
	db_arg_text_array(&args, ids, n);
	st = db_exec(tx, "names_of", &args, &r, err);
	if (st != ST_OK || !out)
		return st == ST_OK ? error_set(err, ST_UNAVAILABLE, NULL, "memory is out") : st;
	for (int i = 0; i < db_rows(tx, r); i++) {
		struct changed_campaign *last = *n_changed ? &out[*n_changed - 1] : NULL;

		if (!last || strcmp(last->campaign_id, db_str(tx, r, i, 0)) != 0) {
			last = &out[(*n_changed)++];
			last->campaign_id = arena_strdup(a, db_str(tx, r, i, 0));
			last->version = db_int(tx, r, i, 1);
			last->name = arena_strdup(a, db_str(tx, r, i, 2));
			last->past_names = arena_array(a, (size_t)db_rows(tx, r), sizeof(char *));
			if (!last->past_names)
				return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
			continue;
		}
		last->past_names[last->n_past++] = arena_strdup(a, db_str(tx, r, i, 2));
	}
	*changed = out;
	return ST_OK;
}

enum status store_put_campaigns(struct db_tx *tx, struct arena *a, const char *tenant,
				const char *brand, const char *platform, const char *account,
				const struct ad_result *rows, size_t n,
				struct changed_campaign **changed, size_t *n_changed,
				struct error *err)
{
	const char **ids;
	struct columns c;
	struct db_args args;
	int r;
	enum status st;

	*n_changed = 0;
	if (n == 0)
		return ST_OK;
	if (!make_columns(a, rows, n, &c))
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	own_args(&args, a, tenant, brand, platform, account);
	db_arg_text_array(&args, c.campaign, n);
	db_arg_text_array(&args, c.campaign_name, n);
	db_arg_date_array(&args, c.day, n);
	st = db_exec(tx, "put_names", &args, NULL, err);
	if (st != ST_OK)
		return st;
	own_args(&args, a, tenant, brand, platform, account);
	db_arg_text_array(&args, c.campaign, n);
	st = db_exec(tx, "put_campaigns", &args, &r, err);
	if (st != ST_OK || db_rows(tx, r) == 0)
		return st;
	ids = arena_array(a, (size_t)db_rows(tx, r), sizeof(char *));
	if (!ids)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	for (int i = 0; i < db_rows(tx, r); i++)
		ids[i] = arena_strdup(a, db_str(tx, r, i, 0));
	return read_names(tx, a, brand, platform, account, ids, (size_t)db_rows(tx, r), changed,
			  n_changed, err);
}
