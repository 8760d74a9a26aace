/* How far sync runs have been applied, and how fresh each source is. */
#include "store.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

extern const struct db_stmt store_run_statements[];
const struct db_stmt store_run_statements[] = {
	{ "runs_step",
	  "INSERT INTO run_progress AS r (tenant_id, brand_id, source, run_id, pages_seen, "
	  "pages_total,"
	  " data_through) SELECT $1::uuid, $2::uuid, t.source, t.run_id, t.pages,"
	  " nullif(t.total, -1), t.through"
	  " FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::timestamptz[])"
	  " AS t(source, run_id, pages, total, through)"
	  " ON CONFLICT (tenant_id, brand_id, source, run_id) DO UPDATE SET"
	  " pages_seen = r.pages_seen + excluded.pages_seen,"
	  " pages_total = coalesce(excluded.pages_total, r.pages_total),"
	  " data_through = coalesce(excluded.data_through, r.data_through),"
	  " updated_at = clock_timestamp()" },
	/* An older run that ends later moves no clock back. */
	{ "runs_finish",
	  "WITH done AS (UPDATE run_progress r SET done_at = clock_timestamp()"
	  " FROM unnest($3::text[], $4::text[]) AS t(source, run_id)"
	  " WHERE r.tenant_id = $1::uuid AND r.brand_id = $2::uuid AND r.source = t.source"
	  " AND r.run_id = t.run_id AND r.done_at IS NULL AND r.pages_seen >= r.pages_total"
	  " RETURNING r.source, r.run_id, r.data_through, r.done_at),"
	  " fresh AS (INSERT INTO freshness AS f (tenant_id, brand_id, source, synced_at,"
	  " data_through) SELECT $1::uuid, $2::uuid, d.source, max(d.done_at), max(d.data_through)"
	  " FROM done d GROUP BY d.source ORDER BY d.source"
	  " ON CONFLICT (tenant_id, brand_id, source) DO UPDATE SET"
	  " synced_at = greatest(f.synced_at, excluded.synced_at),"
	  " data_through = greatest(f.data_through, excluded.data_through))"
	  " SELECT source, run_id FROM done ORDER BY source, run_id" },
	{ "runs_forget",
	  "DELETE FROM run_progress WHERE tenant_id = $1 AND brand_id = $2"
	  " AND updated_at < clock_timestamp() - interval '" TEXT(RUNS_KEEP_DAYS) " days'" },
	{ "freshness_get",
	  "WITH running AS (SELECT DISTINCT source FROM run_progress WHERE tenant_id = $1"
	  " AND brand_id = $2 AND done_at IS NULL"
	  " AND updated_at > clock_timestamp() - interval '" TEXT(
		  SYNCING_MINUTES) " minutes')"
				   " SELECT coalesce(f.source, r.source), f.synced_at, "
				   "f.data_through, r.source IS NOT NULL"
				   " FROM (SELECT * FROM freshness WHERE tenant_id = $1 AND "
				   "brand_id = $2) f"
				   " FULL JOIN running r ON r.source = f.source ORDER BY 1" },
	{ NULL, NULL },
};

static enum status finish(const struct brand_tx *b, const struct run_step *steps, size_t n,
			  int *ret)
{
	struct db_args args;

	store_args(&args, b);
	COLUMN_TEXT(&args, steps, source, n);
	COLUMN_TEXT(&args, steps, run_id, n);
	return db_exec(b->tx, "runs_finish", &args, ret, b->err);
}

static enum status read_done(const struct brand_tx *b, int r, struct run_done **done, size_t *n)
{
	int rows = db_rows(b->tx, r);
	struct db_args args;

	*done = arena_array(b->arena, rows ? (size_t)rows : 1, sizeof(**done));
	if (!*done)
		return error_set(b->err, ST_TOO_LARGE, NULL, "the runs do not fit in memory");
	for (int i = 0; i < rows; i++)
		(*done)[i] = (struct run_done){ db_str(b->tx, r, i, 0), db_str(b->tx, r, i, 1) };
	*n = (size_t)rows;
	if (rows == 0)
		return ST_OK;
	store_args(&args, b);
	return db_exec(b->tx, "runs_forget", &args, NULL, b->err);
}

enum status store_step_runs(const struct brand_tx *b, const struct run_step *steps, size_t n,
			    struct run_done **done, size_t *n_done)
{
	struct db_args args;
	enum status st;
	int r;

	*n_done = 0;
	if (n == 0)
		return ST_OK;
	store_args(&args, b);
	COLUMN_TEXT(&args, steps, source, n);
	COLUMN_TEXT(&args, steps, run_id, n);
	COLUMN_I64(&args, steps, pages, n);
	COLUMN_I64(&args, steps, pages_total, n);
	COLUMN_TIME(&args, steps, data_through, n);
	st = db_exec(b->tx, "runs_step", &args, NULL, b->err);
	if (st == ST_OK)
		st = finish(b, steps, n, &r);
	return st == ST_OK ? read_done(b, r, done, n_done) : st;
}

int store_ask_freshness(const struct brand_tx *b)
{
	struct db_args args;

	store_args(&args, b);
	return db_add(b->tx, "freshness_get", &args);
}

struct freshness_row *store_read_freshness(const struct brand_tx *b, int result, size_t *n)
{
	int rows = db_rows(b->tx, result);
	struct freshness_row *list = arena_array(b->arena, (size_t)rows + 1, sizeof(*list));

	for (int i = 0; list && i < rows; i++)
		list[i] =
			(struct freshness_row){ arena_strdup(b->arena, db_str(b->tx, result, i, 0)),
						db_time(b->tx, result, i, 1),
						db_time(b->tx, result, i, 2),
						db_bool(b->tx, result, i, 3) };
	*n = (size_t)rows;
	return list;
}
