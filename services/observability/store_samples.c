/* See store_samples.h. */
#include "store_samples.h"

#include "core/timeutil.h"
#include "histogram.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_MAX  5000
#define NEWS_KEEP_S 3600 /* of tenants that nobody looks at */
#define AMOUNT_MAX  "9223372036854775807"

const struct db_stmt sample_statements[] = {
	{ "slots_add",
	  "INSERT INTO sample_slots AS s (tenant_id, kind, tier, slot, bucket, n, amount)"
	  " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], "
	  "$5::bigint[],"
	  " $6::bigint[], $7::bigint[])"
	  " ON CONFLICT (tenant_id, kind, tier, slot, bucket) DO UPDATE SET n = s.n + excluded.n,"
	  " amount = least(s.amount::numeric + excluded.amount, " AMOUNT_MAX ")::bigint" },
	{ "news_add", "INSERT INTO sample_news (tenant_id, kind)"
		      " SELECT * FROM unnest($1::uuid[], $2::bigint[])" },
	{ "answers_add",
	  "INSERT INTO sample_answers AS a (tenant_id, question_id, at, traced)"
	  " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::boolean[])"
	  " ON CONFLICT (tenant_id, question_id) DO UPDATE SET at = coalesce(a.at, excluded.at),"
	  " traced = coalesce(a.traced, excluded.traced)" },
	/* `was` is what the judge said before: the difference moves `against`. */
	{ "verdicts_add",
	  "WITH put AS (INSERT INTO sample_verdicts AS v (tenant_id, question_id, judge, good,"
	  " version) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::boolean[],"
	  " $5::bigint[]) ON CONFLICT (tenant_id, question_id, judge) DO UPDATE SET was = v.good,"
	  " good = excluded.good, version = excluded.version WHERE v.version < excluded.version"
	  " RETURNING tenant_id, question_id, coalesce(was, true)::int - good::int AS moved)"
	  " INSERT INTO sample_answers AS a (tenant_id, question_id, against)"
	  " SELECT tenant_id, question_id, sum(moved) FROM put GROUP BY 1, 2 ORDER BY 1, 2"
	  " ON CONFLICT (tenant_id, question_id) DO UPDATE SET"
	  " against = a.against + excluded.against" },
	{ NULL, NULL },
};

const struct db_stmt sample_app_statements[] = {
	{ "windows",
	  "SELECT w.o, x.bucket, x.n, x.amount, x.oldest"
	  " FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY"
	  " AS w(kind, tier, since, o), LATERAL ("
	  "SELECT s.bucket, sum(s.n)::bigint AS n,"
	  " least(sum(s.amount), " AMOUNT_MAX ")::bigint AS amount, min(s.slot) AS oldest"
	  " FROM sample_slots s WHERE s.tenant_id = $1::uuid AND s.kind = w.kind"
	  " AND s.tier = w.tier AND s.slot >= w.since GROUP BY s.bucket"
	  " UNION ALL SELECT 0, count(*), count(*) FILTER (WHERE a.traced AND a.against = 0),"
	  " floor(extract(epoch FROM min(a.at)))::bigint FROM sample_answers a"
	  " WHERE w.kind = 4 AND a.tenant_id = $1::uuid AND a.at >= to_timestamp(w.since)"
	  " HAVING count(*) > 0) x ORDER BY w.o, x.bucket" },
	{ NULL, NULL },
};

const struct db_stmt sample_worker_statements[] = {
	{ "slots_forget",
	  "DELETE FROM sample_slots WHERE ctid = ANY (ARRAY(SELECT ctid FROM sample_slots"
	  " WHERE tier = $1::smallint AND slot < $2::bigint LIMIT $3))" },
	{ "news_forget",
	  "DELETE FROM sample_news WHERE ctid = ANY (ARRAY(SELECT ctid FROM sample_news"
	  " WHERE at < $1::timestamptz LIMIT $2))" },
	/* Verdicts on answers that never came go with their placeholder, which has no time. */
	{ "answers_forget",
	  "WITH gone AS (DELETE FROM sample_answers WHERE ctid = ANY (ARRAY(SELECT ctid FROM "
	  "sample_answers"
	  " WHERE made_at < $1::timestamptz LIMIT $2))"
	  " RETURNING tenant_id, question_id)"
	  " DELETE FROM sample_verdicts v USING gone g WHERE v.tenant_id = g.tenant_id"
	  " AND v.question_id = g.question_id" },
	{ NULL, NULL },
};

/* ---- writing ---- */

static enum status no_memory(struct error *err)
{
	return error_set(err, ST_TOO_LARGE, NULL, "the samples do not fit in memory");
}

/* One for each tenant and kind of what rules look at; latencies are requests. */
static enum status add_news(struct db_tx *tx, struct arena *a, const char *const *tenants,
			    const int64_t *kinds, size_t n, struct error *err)
{
	struct db_args args;

	if (n == 0)
		return ST_OK;
	db_args_init(&args, a);
	db_arg_text_array(&args, tenants, n);
	db_arg_i64_array(&args, kinds, n);
	return db_do(tx, "news_add", &args, err);
}

enum status store_slots_add(struct db_tx *tx, struct arena *a, const struct slot_sum *rows,
			    size_t n, struct error *err)
{
	const char **tenants = arena_array(a, n + 1, sizeof(*tenants));
	const char **news = arena_array(a, n + 1, sizeof(*news));
	int64_t *col = arena_array(a, n * 7 + 1, sizeof(*col)), *kinds;
	size_t n_news = 0;
	struct db_args args;
	enum status st;

	if (n == 0)
		return ST_OK;
	if (!tenants || !news || !col)
		return no_memory(err);
	kinds = col + n * 6;
	for (size_t i = 0; i < n; i++) {
		const struct slot_sum *r = &rows[i];
		const int64_t cells[] = { r->kind, r->tier, r->slot, r->bucket, r->n, r->amount };

		tenants[i] = r->tenant_id;
		for (size_t k = 0; k < 6; k++)
			col[k * n + i] = cells[k];
		if (i > 0 && r->kind == rows[i - 1].kind &&
		    strcmp(r->tenant_id, rows[i - 1].tenant_id) == 0)
			continue;
		news[n_news] = r->tenant_id;
		kinds[n_news++] = r->kind;
	}
	db_args_init(&args, a);
	db_arg_text_array(&args, tenants, n);
	for (size_t k = 0; k < 6; k++)
		db_arg_i64_array(&args, col + k * n, n);
	st = db_do(tx, "slots_add", &args, err);
	return st == ST_OK ? add_news(tx, a, news, kinds, n_news, err) : st;
}

static int by_answer(const void *a, const void *b)
{
	const struct answer_row *x = a, *y = b;
	int order = strcmp(x->tenant_id, y->tenant_id);

	if (order == 0)
		order = strcmp(x->question_id, y->question_id);
	return order != 0 ? order : (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

enum status store_answers_add(struct db_tx *tx, struct arena *a, struct answer_row *rows, size_t n,
			      struct error *err)
{
	const char **text = arena_array(a, n * 3 + 1, sizeof(*text));
	int64_t *at = arena_array(a, n * 2 + 1, sizeof(*at));
	bool *traced = arena_array(a, n + 1, sizeof(*traced));
	size_t kept = 0, n_news = 0;
	struct db_args args;
	enum status st;

	if (n == 0)
		return ST_OK;
	if (!text || !at || !traced)
		return no_memory(err);
	qsort(rows, n, sizeof(*rows), by_answer);
	for (size_t i = 0; i < n; i++) {
		if (kept && strcmp(text[kept - 1], rows[i].tenant_id) == 0 &&
		    strcmp(text[n + kept - 1], rows[i].question_id) == 0)
			continue;
		if (n_news == 0 || strcmp(text[2 * n + n_news - 1], rows[i].tenant_id) != 0) {
			at[n + n_news] = SLOT_ANSWERS;
			text[2 * n + n_news++] = rows[i].tenant_id;
		}
		text[kept] = rows[i].tenant_id;
		text[n + kept] = rows[i].question_id;
		at[kept] = rows[i].at_us;
		traced[kept++] = rows[i].traced;
	}
	db_args_init(&args, a);
	db_arg_text_array(&args, text, kept);
	db_arg_text_array(&args, text + n, kept);
	db_arg_time_array(&args, at, kept);
	db_arg_bool_array(&args, traced, kept);
	st = db_do(tx, "answers_add", &args, err);
	return st == ST_OK ? add_news(tx, a, text + 2 * n, at + n, n_news, err) : st;
}

static int by_verdict(const void *a, const void *b)
{
	const struct verdict_row *x = a, *y = b;
	int order = strcmp(x->tenant_id, y->tenant_id);

	if (order == 0)
		order = strcmp(x->question_id, y->question_id);
	if (order == 0)
		order = strcmp(x->judge, y->judge);
	return order != 0 ? order : (x->version < y->version) - (x->version > y->version);
}

static bool same_judge(const struct verdict_row *x, const struct verdict_row *y)
{
	return strcmp(x->tenant_id, y->tenant_id) == 0 &&
	       strcmp(x->question_id, y->question_id) == 0 && strcmp(x->judge, y->judge) == 0;
}

enum status store_verdicts_add(struct db_tx *tx, struct arena *a, struct verdict_row *rows,
			       size_t n, struct error *err)
{
	const char **text = arena_array(a, n * 4 + 1, sizeof(*text));
	int64_t *numbers = arena_array(a, n * 2 + 1, sizeof(*numbers));
	bool *good = arena_array(a, n + 1, sizeof(*good));
	size_t kept = 0, n_news = 0;
	struct db_args args;
	enum status st;

	if (n == 0)
		return ST_OK;
	if (!text || !numbers || !good)
		return no_memory(err);
	qsort(rows, n, sizeof(*rows), by_verdict);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && same_judge(&rows[i - 1], &rows[i]))
			continue; /* the newest stands first */
		if (n_news == 0 || strcmp(text[3 * n + n_news - 1], rows[i].tenant_id) != 0) {
			numbers[n + n_news] = SLOT_ANSWERS;
			text[3 * n + n_news++] = rows[i].tenant_id;
		}
		text[kept] = rows[i].tenant_id;
		text[n + kept] = rows[i].question_id;
		text[2 * n + kept] = rows[i].judge;
		good[kept] = rows[i].good;
		numbers[kept++] = rows[i].version;
	}
	db_args_init(&args, a);
	for (size_t k = 0; k < 3; k++)
		db_arg_text_array(&args, text + k * n, kept);
	db_arg_bool_array(&args, good, kept);
	db_arg_i64_array(&args, numbers, kept);
	st = db_do(tx, "verdicts_add", &args, err);
	return st == ST_OK ? add_news(tx, a, text + 3 * n, numbers + n, n_news, err) : st;
}

/* ---- reading ---- */

/* The rows of one window: buckets in their order, or a single row. */
static void read_window(const struct db_tx *tx, int r, int first, int end, struct window_ask *ask)
{
	static const int64_t parts[] = { 50, 95, 99 };
	struct window_sums *sums = &ask->sums;
	int64_t oldest = INT64_MAX, seen = 0;
	size_t next = 0;

	*sums = (struct window_sums){ 0 };
	for (int i = first; i < end; i++) {
		sums->n += db_int(tx, r, i, 2);
		sums->amount += db_int(tx, r, i, 3);
		if (db_int(tx, r, i, 4) < oldest)
			oldest = db_int(tx, r, i, 4);
	}
	if (sums->n > 0)
		sums->edge_us = window_edge_us(ask->window_s, oldest);
	/* The value that at least so many percent do not exceed. */
	for (int i = first; ask->kind == SLOT_LATENCY && i < end; i++) {
		seen += db_int(tx, r, i, 2);
		while (next < 3 && seen >= (sums->n * parts[next] + 99) / 100)
			sums->percentile[next++] = histogram_middle((uint32_t)db_int(tx, r, i, 1));
	}
}

enum status store_windows(struct db_tx *tx, struct arena *a, const char *tenant_id, int64_t now_us,
			  struct window_ask *asks, size_t n, struct error *err)
{
	int64_t *col = arena_array(a, n * 3 + 1, sizeof(*col));
	struct db_args args;
	enum status st;
	int r, rows, at = 0;

	if (!col)
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct window w = window_at(asks[i].window_s, now_us);

		col[i] = asks[i].kind;
		col[n + i] = w.tier;
		col[2 * n + i] = w.since_s;
	}
	db_args_init(&args, a);
	db_arg_text(&args, tenant_id);
	for (size_t k = 0; k < 3; k++)
		db_arg_i64_array(&args, col + k * n, n);
	st = db_exec(tx, "windows", &args, &r, err);
	if (st != ST_OK)
		return st;
	rows = db_rows(tx, r);
	for (size_t i = 0; i < n; i++) {
		int first = at;

		while (at < rows && db_int(tx, r, at, 0) == (int64_t)i + 1)
			at++;
		read_window(tx, r, first, at, &asks[i]);
	}
	return ST_OK;
}

/* ---- forgetting ---- */

static void add_forget(struct db_tx *tx, struct arena *a, int64_t now_us)
{
	struct db_args args;

	for (int tier = 0; tier < SLOT_TIERS; tier++) {
		db_args_init(&args, a);
		db_arg_i64(&args, tier);
		db_arg_i64(&args, now_us / US_PER_SECOND - slot_tiers[tier].keep_s);
		db_arg_i64(&args, FORGET_MAX);
		db_add(tx, "slots_forget", &args);
	}
	db_args_init(&args, a);
	db_arg_time(&args, now_us - NEWS_KEEP_S * US_PER_SECOND);
	db_arg_i64(&args, FORGET_MAX);
	db_add(tx, "news_forget", &args);
	db_args_init(&args, a);
	db_arg_time(&args, now_us - slot_tiers[SLOT_TIERS - 1].keep_s * US_PER_SECOND);
	db_arg_i64(&args, FORGET_MAX);
	db_add(tx, "answers_forget", &args);
}

enum status store_samples_forget(struct db *worker, struct arena *a, int64_t now_us, bool *more,
				 struct error *err)
{
	const struct db_scope nobody = { 0 };
	AUTO_TX *tx = db_tx_new(worker, &nobody);
	enum status st;

	if (!tx)
		return store_no_memory(err);
	add_forget(tx, a, now_us);
	st = store_run(tx, err);
	*more = false;
	for (int i = 0; st == ST_OK && i < SLOT_TIERS + 1; i++)
		*more = *more || db_affected(tx, i) >= FORGET_MAX;
	return st;
}
