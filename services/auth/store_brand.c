/* Brands. Row-level security keeps tenants apart and shows a limited token only its brands; no
 * statement here names a tenant but the INSERT. */
#include "store.h"

#include <string.h>

#define BRAND_COLUMNS "brand_id, name, domain, currency, timezone, version, created_at, updated_at"

const struct db_stmt brand_statements[] = {
	{ "brand_add",
	  "INSERT INTO brands (brand_id, tenant_id, name, domain, currency, timezone, created_at, "
	  "updated_at)"
	  " VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6, $7::timestamptz, $7::timestamptz)" },
	{ "brands", "SELECT " BRAND_COLUMNS " FROM brands WHERE (name, brand_id) > ($1, $2::uuid)"
		    " ORDER BY name, brand_id LIMIT $3" },
	/* Cut as the column is, but for a hyphen at the front of a word, which excludes it. */
	{ "brands_search",
	  "SELECT " BRAND_COLUMNS " FROM brands WHERE (name, brand_id) > ($1, $2::uuid)"
	  " AND words @@ websearch_to_tsquery('simple',"
	  " translate(regexp_replace($4, '(\\w)-(?=\\w)', '\\1 ', 'g'), '._/:@', '     '))"
	  " ORDER BY name, brand_id LIMIT $3" },
	{ "brand_get", "SELECT " BRAND_COLUMNS " FROM brands WHERE brand_id = $1::uuid" },
	{ "brand_lock",
	  "SELECT " BRAND_COLUMNS " FROM brands WHERE brand_id = $1::uuid FOR UPDATE" },
	{ "brand_change", "UPDATE brands SET name = $2, domain = $3, currency = $4, timezone = $5,"
			  " updated_at = clock_timestamp(), version = version + 1"
			  " WHERE brand_id = $1::uuid RETURNING " BRAND_COLUMNS },
	{ "brands_count", "SELECT count(*) FROM brands WHERE brand_id = ANY ($1::uuid[])" },
	{ NULL, NULL },
};

static struct brand read_brand(struct call *call, const struct db_tx *tx, int result, int row)
{
	return (struct brand){
		.brand_id = arena_strdup(call->arena, db_str(tx, result, row, 0)),
		.name = arena_strdup(call->arena, db_str(tx, result, row, 1)),
		.domain = arena_strdup(call->arena, db_str(tx, result, row, 2)),
		.currency = arena_strdup(call->arena, db_str(tx, result, row, 3)),
		.timezone = arena_strdup(call->arena, db_str(tx, result, row, 4)),
		.version = db_int(tx, result, row, 5),
		.created_at = db_time(tx, result, row, 6),
		.updated_at = db_time(tx, result, row, 7),
	};
}

static enum status no_brand(struct call *call)
{
	return error_set(call->err, ST_NOT_FOUND, NULL, ACCESS_NO_BRAND);
}

void store_brand_add(struct call *call, struct db_tx *tx, const char *tenant_id,
		     const struct brand *b)
{
	struct db_args args;

	db_args_init(&args, call->arena);
	db_arg_text(&args, b->brand_id);
	db_arg_text(&args, tenant_id);
	db_arg_text(&args, b->name);
	db_arg_text(&args, b->domain);
	db_arg_text(&args, b->currency);
	db_arg_text(&args, b->timezone);
	db_arg_time(&args, b->created_at);
	db_add(tx, "brand_add", &args);
}

enum status store_brands(struct call *call, const char *words, const char *after_name,
			 const char *after_id, int64_t limit, struct brand **ret, size_t *n)
{
	AUTO_TX *tx = call_tx(call);
	struct brand *brands;
	struct db_args args;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, after_name);
	db_arg_text(&args, after_id);
	db_arg_i64(&args, limit);
	if (words)
		db_arg_text(&args, words);
	if (tx)
		db_add(tx, words ? "brands_search" : "brands", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	*ret = brands = arena_array(call->arena, *n + 1, sizeof(*brands));
	if (!brands)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	for (int i = 0; i < (int)*n; i++)
		brands[i] = read_brand(call, tx, 0, i);
	return ST_OK;
}

enum status store_brand_get(struct call *call, const char *brand_id, struct brand *ret)
{
	AUTO_TX *tx = call_tx(call);
	struct db_args args;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, brand_id);
	if (tx)
		db_add(tx, "brand_get", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, 0) == 0)
		return no_brand(call);
	*ret = read_brand(call, tx, 0, 0);
	return ST_OK;
}

static const char *either(const char *change, const char *present)
{
	return *change ? change : present;
}

static bool same(const struct brand *change, const struct brand *present)
{
	return strcmp(either(change->name, present->name), present->name) == 0 &&
	       strcmp(either(change->domain, present->domain), present->domain) == 0 &&
	       strcmp(either(change->currency, present->currency), present->currency) == 0 &&
	       strcmp(either(change->timezone, present->timezone), present->timezone) == 0;
}

enum status store_brand_change(struct call *call, struct db_tx *tx, const struct brand *change,
			       struct brand *ret, bool *changed)
{
	struct brand present;
	struct db_args args;
	enum status st;
	int result;

	db_args_init(&args, call->arena);
	db_arg_text(&args, change->brand_id);
	st = db_exec(tx, "brand_lock", &args, &result, call->err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, result) == 0)
		return no_brand(call);
	present = read_brand(call, tx, result, 0);
	*changed = !same(change, &present);
	*ret = present;
	if (!*changed)
		return ST_OK;
	db_arg_text(&args, either(change->name, present.name));
	db_arg_text(&args, either(change->domain, present.domain));
	db_arg_text(&args, either(change->currency, present.currency));
	db_arg_text(&args, either(change->timezone, present.timezone));
	st = db_exec(tx, "brand_change", &args, &result, call->err);
	if (st == ST_OK)
		*ret = read_brand(call, tx, result, 0);
	return st;
}

enum status store_brands_count(struct call *call, struct db_tx *tx, char *const *brand_ids,
			       size_t n, int64_t *ret)
{
	struct db_args args;
	enum status st;
	int result;

	db_args_init(&args, call->arena);
	db_arg_text_array(&args, (const char *const *)brand_ids, n);
	st = db_exec(tx, "brands_count", &args, &result, call->err);
	if (st == ST_OK)
		*ret = db_int(tx, result, 0, 0);
	return st;
}
