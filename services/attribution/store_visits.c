/* Visits that did not convert, and imports of them. */
#include "store_visits.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
#define HASH(p)  "sha256(convert_to(" p "::text, 'UTF8'))"

extern const struct db_stmt store_visit_statements[];
const struct db_stmt store_visit_statements[] = {
	{ "import_get",
	  "SELECT next_line, first_line_hash = " HASH(
		  "$4") " FROM imports"
			" WHERE tenant_id = $1 AND brand_id = $2 AND import_key = $3" },
	{ "import_lock",
	  "INSERT INTO imports AS i (tenant_id, brand_id, import_key, next_line, first_line_hash)"
	  " VALUES ($1, $2, $3, 0, " HASH(
		  "$4") ")"
			" ON CONFLICT (tenant_id, brand_id, import_key) DO UPDATE"
			" SET updated_at = clock_timestamp()"
			" RETURNING i.next_line, i.first_line_hash = " HASH("$4") },
	{ "import_advance", "UPDATE imports SET next_line = $4, updated_at = clock_timestamp()"
			    " WHERE tenant_id = $1 AND brand_id = $2 AND import_key = $3" },
	/* Sorted by key, so that two imports of the same visits wait for each other in one order.
	 */
	{ "visits_put",
	  "INSERT INTO visits (tenant_id, brand_id, occurred_at, visitor_id, position, source,"
	  " source_type, medium, campaign, content, term, landing_page, referrer)"
	  " SELECT $1::uuid, $2::uuid, t.* FROM unnest($3::timestamptz[], $4::text[], $5::int[],"
	  " $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],"
	  " $13::text[]) AS t(occurred_at, visitor_id, position, source, source_type, medium,"
	  " campaign, content, term, landing_page, referrer)"
	  " ORDER BY t.occurred_at, t.visitor_id, t.position ON CONFLICT DO NOTHING" },
	{ "import_finish",
	  "INSERT INTO freshness AS f (tenant_id, brand_id, source, synced_at, data_through)"
	  " SELECT $1::uuid, $2::uuid, 'touchpoints', clock_timestamp(), max(occurred_at)"
	  " FROM visits WHERE tenant_id = $1::uuid AND brand_id = $2::uuid"
	  " ON CONFLICT (tenant_id, brand_id, source) DO UPDATE SET synced_at = excluded.synced_at,"
	  " data_through = greatest(f.data_through, excluded.data_through)" },
	{ "imports_forget",
	  "DELETE FROM imports WHERE tenant_id = $1 AND brand_id = $2"
	  " AND updated_at < clock_timestamp() - interval '" TEXT(IMPORTS_KEEP_DAYS) " days'" },
	{ NULL, NULL },
};

static void import_args(struct db_args *args, const struct brand_tx *b, const char *key,
			const char *first_line)
{
	store_args(args, b);
	db_arg_text(args, key);
	db_arg_text(args, first_line);
}

int store_ask_import(const struct brand_tx *b, const char *key, const char *first_line)
{
	struct db_args args;

	import_args(&args, b, key, first_line);
	return db_add(b->tx, "import_get", &args);
}

struct import_state store_read_import(const struct brand_tx *b, int result)
{
	return (struct import_state){ db_rows(b->tx, result) > 0, db_bool(b->tx, result, 0, 1),
				      db_int(b->tx, result, 0, 0) };
}

enum status store_lock_import(const struct brand_tx *b, const char *key, const char *first_line,
			      struct import_state *ret)
{
	struct db_args args;
	enum status st;
	int result;

	import_args(&args, b, key, first_line);
	st = db_exec(b->tx, "import_lock", &args, &result, b->err);
	if (st == ST_OK)
		*ret = store_read_import(b, result);
	return st;
}

enum status store_advance_import(const struct brand_tx *b, const char *key, int64_t next_line)
{
	struct db_args args;

	store_args(&args, b);
	db_arg_text(&args, key);
	db_arg_i64(&args, next_line);
	return db_exec(b->tx, "import_advance", &args, NULL, b->err);
}

enum status store_put_visits(const struct brand_tx *b, const struct visit_row *rows, size_t n,
			     int64_t *kept)
{
	struct db_args args;
	enum status st;
	int result;

	*kept = 0;
	if (n == 0)
		return ST_OK;
	store_args(&args, b);
	COLUMN_TIME(&args, rows, occurred_us, n);
	COLUMN_TEXT(&args, rows, visitor_id, n);
	COLUMN_INT(&args, rows, position, n);
	COLUMN_TEXT(&args, rows, source, n);
	COLUMN_TEXT(&args, rows, source_type, n);
	COLUMN_TEXT(&args, rows, medium, n);
	COLUMN_TEXT(&args, rows, campaign, n);
	COLUMN_TEXT(&args, rows, content, n);
	COLUMN_TEXT(&args, rows, term, n);
	COLUMN_TEXT(&args, rows, landing_page, n);
	COLUMN_TEXT(&args, rows, referrer, n);
	st = db_exec(b->tx, "visits_put", &args, &result, b->err);
	if (st == ST_OK)
		*kept = db_affected(b->tx, result);
	return st;
}

enum status store_finish_import(const struct brand_tx *b)
{
	struct db_args args;
	enum status st;

	store_args(&args, b);
	st = db_exec(b->tx, "import_finish", &args, NULL, b->err);
	if (st != ST_OK)
		return st;
	store_args(&args, b);
	return db_exec(b->tx, "imports_forget", &args, NULL, b->err);
}
