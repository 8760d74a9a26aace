/* Brands: the projection of auth's, and the lock that keeps the changes of a brand in line. */
#include "store.h"

extern const struct db_stmt store_brand_statements[];
const struct db_stmt store_brand_statements[] = {
	{ "brands_put",
	  "INSERT INTO brands (tenant_id, brand_id, version, currency)"
	  " SELECT DISTINCT ON (t.brand_id) $1::uuid, t.brand_id, t.version, t.currency"
	  " FROM unnest($2::uuid[], $3::bigint[], $4::text[]) AS t(brand_id, version, currency)"
	  " ORDER BY t.brand_id, t.version DESC"
	  " ON CONFLICT (tenant_id, brand_id) DO UPDATE"
	  " SET version = excluded.version, currency = excluded.currency"
	  " WHERE brands.version < excluded.version" },
	{ "brand_lock",
	  "SELECT pg_advisory_xact_lock(hashtextextended($1::text || '/' || $2::text, 0))" },
	{ "brand_get", "SELECT currency FROM brands WHERE tenant_id = $1 AND brand_id = $2" },
	{ NULL, NULL },
};

enum status store_put_brands(struct db_tx *tx, struct arena *a, const struct brand_row *rows,
			     size_t n, struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, db_scope_of(tx)->tenant_id);
	COLUMN_TEXT(&args, rows, brand_id, n);
	COLUMN_I64(&args, rows, version, n);
	COLUMN_TEXT(&args, rows, currency, n);
	return db_exec(tx, "brands_put", &args, NULL, err);
}

enum status store_lock_brand(const struct brand_tx *b)
{
	struct db_args args;

	store_args(&args, b);
	return db_exec(b->tx, "brand_lock", &args, NULL, b->err);
}

int store_ask_brand(const struct brand_tx *b)
{
	struct db_args args;

	store_args(&args, b);
	return db_add(b->tx, "brand_get", &args);
}

bool store_read_brand(const struct brand_tx *b, int result, const char **currency)
{
	if (db_rows(b->tx, result) == 0)
		return false;
	*currency = arena_strdup(b->arena, db_str(b->tx, result, 0, 0));
	return true;
}
