/* Campaigns and every name they have had: the projection that links are matched against. Writers
 * hold the brand's lock. */
#include "store.h"

#include "links.h"

#include <string.h>

extern const struct db_stmt store_campaign_statements[];
const struct db_stmt store_campaign_statements[] = {
	{ "campaigns_put",
	  "INSERT INTO campaigns AS c (tenant_id, brand_id, platform, account_id, campaign_id,"
	  " version, name) SELECT $1::uuid, $2::uuid, t.* FROM unnest($3::text[], $4::text[],"
	  " $5::text[], $6::bigint[], $7::text[]) AS t"
	  " ON CONFLICT (tenant_id, brand_id, platform, account_id, campaign_id) DO UPDATE"
	  " SET version = excluded.version, name = excluded.name WHERE c.version < excluded.version"
	  " RETURNING platform, account_id, campaign_id" },
	{ "campaign_names_drop",
	  "DELETE FROM campaign_names n USING unnest($3::text[], $4::text[], $5::text[])"
	  " AS t(platform, account_id, campaign_id) WHERE n.tenant_id = $1 AND n.brand_id = $2"
	  " AND n.platform = t.platform AND n.account_id = t.account_id"
	  " AND n.campaign_id = t.campaign_id" },
	/* Two long names may be the same once cut; the latest goes before the past. */
	{ "campaign_names_put",
	  "INSERT INTO campaign_names (tenant_id, brand_id, platform, account_id, campaign_id, "
	  "name,"
	  " latest) SELECT $1::uuid, $2::uuid, t.platform, t.account_id, t.campaign_id, t.name,"
	  " bool_or(t.latest) FROM unnest($3::text[], $4::text[], $5::text[], $6::text[],"
	  " $7::boolean[]) AS t(platform, account_id, campaign_id, name, latest)"
	  " GROUP BY t.platform, t.account_id, t.campaign_id, t.name" },
	{ "campaign_names_of",
	  "SELECT n.platform, n.account_id, n.campaign_id, n.name, n.latest FROM campaign_names n"
	  " WHERE n.tenant_id = $1 AND n.brand_id = $2"
	  " AND (n.name = ANY ($3::text[]) OR n.campaign_id = ANY ($3::text[]))" },
	{ NULL, NULL },
};

static bool same_campaign(const struct campaign_row *c, const char *platform,
			  const char *account_id, const char *campaign_id)
{
	return strcmp(ad_platform_word(c->platform), platform) == 0 &&
	       strcmp(c->account_id, account_id) == 0 && strcmp(c->campaign_id, campaign_id) == 0;
}

/* Which of the rows came back. They come in the order in which they went in, so the search goes on
 * from the last one found. */
static enum status mark_applied(const struct brand_tx *b, int r, const struct campaign_row *rows,
				size_t n, bool *applied)
{
	size_t at = 0;

	memset(applied, 0, n * sizeof(*applied));
	for (int row = 0; row < db_rows(b->tx, r); row++) {
		size_t tried = 0;

		for (; tried < n; tried++, at = (at + 1) % n)
			if (same_campaign(&rows[at], db_str(b->tx, r, row, 0),
					  db_str(b->tx, r, row, 1), db_str(b->tx, r, row, 2)))
				break;
		if (tried == n)
			return error_set(b->err, ST_INTERNAL, NULL, "a campaign came back unasked");
		applied[at] = true;
	}
	return ST_OK;
}

static enum status put_rows(const struct brand_tx *b, const struct campaign_row *rows, size_t n,
			    bool *applied)
{
	struct db_args args;
	enum status st;
	int r;

	store_args(&args, b);
	COLUMN_PLATFORM(&args, rows, platform, n);
	COLUMN_TEXT(&args, rows, account_id, n);
	COLUMN_TEXT(&args, rows, campaign_id, n);
	COLUMN_I64(&args, rows, version, n);
	COLUMN_TEXT(&args, rows, name, n);
	st = db_exec(b->tx, "campaigns_put", &args, &r, b->err);
	if (st != ST_OK)
		return st;
	return mark_applied(b, r, rows, n, applied);
}

/* One name of one campaign, as a row of the table. */
struct name_row {
	enum ad_platform platform;
	const char *account_id, *campaign_id, *name;
	bool latest;
};

static struct name_row *list_names(const struct brand_tx *b, const struct campaign_row *rows,
				   size_t n, const bool *applied, size_t *ret_n)
{
	struct name_row *names;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		total += applied[i] ? 1 + rows[i].n_past_names : 0;
	names = arena_array(b->arena, total ? total : 1, sizeof(*names));
	for (size_t i = 0; names && i < n; i++) {
		const struct campaign_row *c = &rows[i];

		if (!applied[i])
			continue;
		for (size_t k = 0; k <= c->n_past_names; k++)
			names[at++] = (struct name_row){
				c->platform, c->account_id, c->campaign_id,
				link_campaign_text(b->arena, k ? c->past_names[k - 1] : c->name),
				k == 0
			};
	}
	*ret_n = at;
	return names;
}

static void arg_campaigns(struct db_args *args, const struct name_row *names, size_t n)
{
	COLUMN_PLATFORM(args, names, platform, n);
	COLUMN_TEXT(args, names, account_id, n);
	COLUMN_TEXT(args, names, campaign_id, n);
}

static enum status replace_names(const struct brand_tx *b, const struct name_row *names, size_t n)
{
	struct db_args args;
	enum status st;

	store_args(&args, b);
	arg_campaigns(&args, names, n);
	st = db_exec(b->tx, "campaign_names_drop", &args, NULL, b->err);
	if (st != ST_OK)
		return st;
	store_args(&args, b);
	arg_campaigns(&args, names, n);
	COLUMN_TEXT(&args, names, name, n);
	COLUMN_BOOL(&args, names, latest, n);
	return db_exec(b->tx, "campaign_names_put", &args, NULL, b->err);
}

enum status store_put_campaigns(const struct brand_tx *b, const struct campaign_row *rows, size_t n,
				bool *applied)
{
	struct name_row *names;
	size_t n_names;
	enum status st = put_rows(b, rows, n, applied);

	if (st != ST_OK)
		return st;
	names = list_names(b, rows, n, applied, &n_names);
	if (!names)
		return error_set(b->err, ST_TOO_LARGE, NULL, "the names do not fit in memory");
	return n_names ? replace_names(b, names, n_names) : ST_OK;
}

enum status store_campaign_names(const struct brand_tx *b, const char *const *texts, size_t n,
				 struct campaign_name **ret, size_t *ret_n)
{
	struct campaign_name *names;
	struct db_args args;
	enum status st;
	int rows, r;

	store_args(&args, b);
	db_arg_text_array(&args, texts, n);
	st = db_exec(b->tx, "campaign_names_of", &args, &r, b->err);
	if (st != ST_OK)
		return st;
	rows = db_rows(b->tx, r);
	names = arena_array(b->arena, rows ? (size_t)rows : 1, sizeof(*names));
	if (!names)
		return error_set(b->err, ST_TOO_LARGE, NULL, "the names do not fit in memory");
	for (int i = 0; i < rows; i++)
		names[i] =
			(struct campaign_name){ ad_platform_from_word(db_str(b->tx, r, i, 0)),
						db_str(b->tx, r, i, 1), db_str(b->tx, r, i, 2),
						db_str(b->tx, r, i, 3), db_bool(b->tx, r, i, 4) };
	*ret = names;
	*ret_n = (size_t)rows;
	return ST_OK;
}
