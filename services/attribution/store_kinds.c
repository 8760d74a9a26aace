/* Kinds of touches: each distinct link of a brand once, with what it means. Writers hold the
 * brand's lock. */
#include "store.h"

#define KIND_COLUMNS "k.kind_id, k.channel, k.platform, k.account_id, k.campaign_id"
#define LINKS_GIVEN                                              \
	"unnest($3::text[], $4::text[], $5::text[], $6::text[])" \
	" WITH ORDINALITY AS t(source, source_type, medium, campaign, i)"

extern const struct db_stmt store_kind_statements[];
const struct db_stmt store_kind_statements[] = {
	{ "kinds_find",
	  "SELECT t.i, k.kind_id FROM " LINKS_GIVEN " JOIN touch_kinds k ON k.tenant_id = $1"
	  " AND k.brand_id = $2 AND k.source = t.source AND k.source_type = t.source_type"
	  " AND k.medium = t.medium AND k.campaign = t.campaign" },
	{ "kinds_count",
	  "SELECT count(*) FROM touch_kinds WHERE tenant_id = $1 AND brand_id = $2" },
	{ "kinds_add",
	  "INSERT INTO touch_kinds (tenant_id, brand_id, source, source_type, medium, campaign,"
	  " channel, platform, account_id, campaign_id)"
	  " SELECT $1::uuid, $2::uuid, t.* FROM unnest($3::text[], $4::text[], $5::text[],"
	  " $6::text[], $7::smallint[], $8::text[], $9::text[], $10::text[]) AS t" },
	{ "kinds_of_campaigns",
	  "SELECT " KIND_COLUMNS
	  ", k.source, k.source_type, k.medium, k.campaign FROM touch_kinds k"
	  " WHERE k.tenant_id = $1 AND k.brand_id = $2 AND (k.campaign = ANY ($3::text[])"
	  " OR (k.platform <> '' AND k.campaign_id = ANY ($3::text[])))" },
	{ "kinds_change",
	  "UPDATE touch_kinds k SET channel = t.channel, platform = t.platform,"
	  " account_id = t.account_id, campaign_id = t.campaign_id"
	  " FROM unnest($3::bigint[], $4::smallint[], $5::text[], $6::text[], $7::text[])"
	  " AS t(kind_id, channel, platform, account_id, campaign_id)"
	  " WHERE k.tenant_id = $1 AND k.brand_id = $2 AND k.kind_id = t.kind_id" },
	{ NULL, NULL },
};

static void arg_links(struct db_args *args, const struct link *links, size_t n)
{
	COLUMN_TEXT(args, links, source, n);
	COLUMN_TEXT(args, links, source_type, n);
	COLUMN_TEXT(args, links, medium, n);
	COLUMN_TEXT(args, links, campaign, n);
}

static void arg_meanings(struct db_args *args, const struct kind *kinds, size_t n)
{
	COLUMN_INT(args, kinds, channel, n);
	COLUMN_PLATFORM(args, kinds, platform, n);
	COLUMN_TEXT(args, kinds, account_id, n);
	COLUMN_TEXT(args, kinds, campaign_id, n);
}

enum status store_find_kinds(const struct brand_tx *b, const struct link *links, size_t n,
			     int64_t *ids)
{
	struct db_args args;
	enum status st;
	int result;

	store_args(&args, b);
	arg_links(&args, links, n);
	st = db_exec(b->tx, "kinds_find", &args, &result, b->err);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < n; i++)
		ids[i] = 0;
	for (int row = 0; row < db_rows(b->tx, result); row++)
		ids[db_int(b->tx, result, row, 0) - 1] = db_int(b->tx, result, row, 1);
	return ST_OK;
}

enum status store_count_kinds(const struct brand_tx *b, int64_t *ret)
{
	struct db_args args;
	enum status st;
	int result;

	store_args(&args, b);
	st = db_exec(b->tx, "kinds_count", &args, &result, b->err);
	if (st == ST_OK)
		*ret = db_int(b->tx, result, 0, 0);
	return st;
}

enum status store_add_kinds(const struct brand_tx *b, const struct link *links,
			    const struct kind *kinds, size_t n)
{
	struct db_args args;

	store_args(&args, b);
	arg_links(&args, links, n);
	arg_meanings(&args, kinds, n);
	return db_exec(b->tx, "kinds_add", &args, NULL, b->err);
}

enum status store_kinds_of_campaigns(const struct brand_tx *b, const char *const *texts, size_t n,
				     struct kind_link **ret, size_t *ret_n)
{
	struct db_args args;
	struct kind_link *kinds;
	enum status st;
	size_t rows;
	int r;

	store_args(&args, b);
	db_arg_text_array(&args, texts, n);
	st = db_exec(b->tx, "kinds_of_campaigns", &args, &r, b->err);
	if (st != ST_OK)
		return st;
	rows = (size_t)db_rows(b->tx, r);
	kinds = arena_array(b->arena, rows ? rows : 1, sizeof(*kinds));
	if (!kinds)
		return error_set(b->err, ST_TOO_LARGE, NULL, "the links do not fit in memory");
	for (int i = 0; i < (int)rows; i++)
		kinds[i] = (struct kind_link){
			.now = { db_int(b->tx, r, i, 0), (enum channel)db_int(b->tx, r, i, 1),
				 ad_platform_from_word(db_str(b->tx, r, i, 2)),
				 db_str(b->tx, r, i, 3), db_str(b->tx, r, i, 4) },
			.link = { db_str(b->tx, r, i, 5), db_str(b->tx, r, i, 6),
				  db_str(b->tx, r, i, 7), db_str(b->tx, r, i, 8) },
		};
	*ret = kinds;
	*ret_n = rows;
	return ST_OK;
}

enum status store_change_kinds(const struct brand_tx *b, const struct kind *kinds, size_t n)
{
	struct db_args args;

	if (n == 0)
		return ST_OK;
	store_args(&args, b);
	COLUMN_I64(&args, kinds, kind_id, n);
	arg_meanings(&args, kinds, n);
	return db_exec(b->tx, "kinds_change", &args, NULL, b->err);
}
