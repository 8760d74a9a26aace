/* All SQL of reserving and settling. Read next: store_report.c, migrations/0003_functions.sql. */
#include "store.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

#define NIL_UUID "00000000-0000-0000-0000-000000000000"

const struct db_stmt billing_statements[] = {
	{ "prices", "SELECT price_id, model, kind, effective_from, nano_usd_per_mtok FROM prices"
		    " ORDER BY model COLLATE \"C\", kind, effective_from" },
	{ "reserve", "SELECT outcome, held, expires, whose, which, wait_s, noted"
		     " FROM reserve($1, $2::uuid, $3::uuid, $4, $5::uuid, $6, $7::bigint[], $8)" },
	{ "brand_add", "INSERT INTO brands (tenant_id, brand_id) VALUES ($1::uuid, $2::uuid)"
		       " ON CONFLICT DO NOTHING" },
	{ "reservation",
	  "SELECT r.user_id, r.question_id, r.model, l.usage_id, l.cost_nano, l.model, l.tokens"
	  " FROM reservations r LEFT JOIN ledger l USING (tenant_id, reservation_id)"
	  " WHERE r.reservation_id = $1::uuid AND r.brand_id = $2::uuid" },
	{ "settle", "SELECT settle($1::uuid, $2::uuid, $3, $4::bigint[], $5::bigint[], $6, $7,"
		    " $8::timestamptz)" },
	{ "release", "SELECT usage_id, cost_nano FROM release($1::uuid, $2::uuid)" },
	{ "expire", "SELECT reservation_id, brand_id, model, held_nano FROM expire($1::int)" },
	{ "crossings_take", "SELECT brand_id, period, level, limit_nano, used_nano, version"
			    " FROM crossings_take($1::int)" },
	{ "edition", "SELECT coalesce(max(price_id), 0) FROM prices" },
	{ "usage_day",
	  "SELECT (used_at AT TIME ZONE 'UTC')::date::text AS key, count(*),"
	  " count(*) FILTER (WHERE cost_nano IS NULL), sum(tokens[1]), sum(tokens[2]),"
	  " sum(tokens[3]), sum(tokens[4]), sum(tokens[5]), coalesce(sum(cost_nano), 0)"
	  " FROM ledger WHERE used_at >= $1::date::timestamp AT TIME ZONE 'UTC'"
	  " AND used_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC'"
	  " GROUP BY 1 ORDER BY 1 LIMIT $3::int" },
	{ "usage_of",
	  "SELECT CASE $4 WHEN 'model' THEN model WHEN 'brand' THEN brand_id::text ELSE user_id END"
	  " AS key, count(*),"
	  " count(*) FILTER (WHERE cost_nano IS NULL), sum(tokens[1]), sum(tokens[2]),"
	  " sum(tokens[3]), sum(tokens[4]), sum(tokens[5]), coalesce(sum(cost_nano), 0)"
	  " FROM ledger WHERE used_at >= $1::date::timestamp AT TIME ZONE 'UTC'"
	  " AND used_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC'"
	  " GROUP BY 1 ORDER BY 9 DESC, 1 LIMIT $3::int" },
	{ "usage_open", "SELECT (SELECT count(*) FROM reservations WHERE state = 'held'),"
			" (SELECT count(*) FROM reservations WHERE state = 'expired'"
			" AND reserved_at >= $1::date::timestamp AT TIME ZONE 'UTC'"
			" AND reserved_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC')" },
	{ "budgets",
	  "SELECT CASE b.brand_id WHEN '" NIL_UUID "'::uuid THEN '' ELSE b.brand_id::text END,"
	  " b.period, b.soft_nano, b.hard_nano, coalesce(s.used_nano, 0), coalesce(s.held_nano, 0),"
	  " p.starts::timestamp AT TIME ZONE 'UTC', (p.starts + CASE b.period WHEN 'day'"
	  " THEN interval '1 day' ELSE interval '1 month' END)::timestamp AT TIME ZONE 'UTC',"
	  " b.updated_at FROM budgets b"
	  " CROSS JOIN LATERAL (SELECT CASE b.period WHEN 'day'"
	  " THEN (now() AT TIME ZONE 'UTC')::date"
	  " ELSE date_trunc('month', now() AT TIME ZONE 'UTC')::date END AS starts) p"
	  " LEFT JOIN spend s ON s.tenant_id = b.tenant_id AND s.brand_id = b.brand_id"
	  " AND s.period = b.period AND s.period_start = p.starts"
	  " WHERE $2 = '' OR (b.period = $2 AND b.brand_id = coalesce(nullif($1, ''), '" NIL_UUID
	  "')::uuid) ORDER BY b.brand_id, b.period" },
	{ "budget_put",
	  "INSERT INTO budgets AS b (tenant_id, brand_id, period, soft_nano, hard_nano)"
	  " VALUES ($1::uuid, coalesce(nullif($2, ''), '" NIL_UUID "')::uuid, $3, $4, $5)"
	  " ON CONFLICT (tenant_id, brand_id, period) DO UPDATE SET soft_nano = excluded.soft_nano,"
	  " hard_nano = excluded.hard_nano, version = b.version + 1, updated_at = now()" },
	{ NULL, NULL },
};

const struct db_stmt billing_worker_statements[] = {
	{ "due",
	  "SELECT tenant_id FROM (SELECT tenant_id FROM reservations WHERE state = 'held'"
	  " AND expires_at <= now() UNION SELECT tenant_id FROM crossings WHERE told_at IS NULL) t"
	  " LIMIT $1::int" },
	{ "price_add",
	  "INSERT INTO prices (provider, model, kind, effective_from, nano_usd_per_mtok, source)"
	  " VALUES ($1, $2, $3, $4::timestamptz, $5, $6) ON CONFLICT DO NOTHING" },
	{ "prices_count", "SELECT count(*) FROM prices" },
	{ "price_same", "SELECT nano_usd_per_mtok IS NOT DISTINCT FROM $4::bigint FROM prices"
			" WHERE model = $1 AND kind = $2 AND effective_from = $3::timestamptz" },
	{ NULL, NULL },
};

/* ---- prices ---- */

static enum status read_price(const struct db_tx *tx, int i, struct price *p)
{
	p->price_id = db_int(tx, 0, i, 0);
	p->from_us = db_time(tx, 0, i, 3);
	p->known = !db_null(tx, 0, i, 4);
	p->nano_per_mtok = db_int(tx, 0, i, 4);
	if (text_copy(p->model, sizeof(p->model), db_str(tx, 0, i, 1)) != ST_OK ||
	    !token_kind_parse(db_str(tx, 0, i, 2), &p->kind))
		return ST_INTERNAL;
	return ST_OK;
}

enum status store_prices(struct db *db, struct price **ret, size_t *ret_n, struct error *err)
{
	struct db_scope none = { NULL, NULL };
	struct db_args args = { 0 };
	struct price *all = NULL;
	AUTO_TX *tx = db_tx_new(db, &none);
	enum status st;
	int n;

	if (!tx)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	db_add(tx, "prices", &args);
	st = db_run(tx, 0, err);
	n = st == ST_OK ? db_rows(tx, 0) : 0;
	if (n > BOOK_MAX)
		return error_set(err, ST_TOO_LARGE, NULL, "there are more than %d prices",
				 BOOK_MAX);
	all = st == ST_OK ? calloc((size_t)n + 1, sizeof(*all)) : NULL; /* allowed: the book's */
	if (st == ST_OK && !all)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	for (int i = 0; i < n && st == ST_OK; i++)
		st = read_price(tx, i, &all[i]);
	if (st != ST_OK) {
		free(all);
		return st;
	}
	*ret = all;
	*ret_n = (size_t)n;
	return ST_OK;
}

static const char *provider_of(const char *model)
{
	if (strncmp(model, "claude", 6) == 0)
		return "anthropic";
	return strncmp(model, "gemini", 6) == 0 ? "google" : "openai";
}

static enum status add_price(struct db_tx *tx, struct arena *a, const struct price *p,
			     const char *source, int64_t *added, struct error *err)
{
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, provider_of(p->model));
	db_arg_text(&args, p->model);
	db_arg_text(&args, token_kind_word(p->kind));
	db_arg_time(&args, p->from_us);
	db_arg_i64_or_null(&args, p->known, p->nano_per_mtok);
	db_arg_text(&args, source);
	st = db_exec(tx, "price_add", &args, &r, err);
	if (st != ST_OK || db_affected(tx, r) == 1) {
		*added += st == ST_OK;
		return st;
	}
	db_args_init(&args, a);
	db_arg_text(&args, p->model);
	db_arg_text(&args, token_kind_word(p->kind));
	db_arg_time(&args, p->from_us);
	db_arg_i64_or_null(&args, p->known, p->nano_per_mtok);
	st = db_exec(tx, "price_same", &args, &r, err);
	if (st == ST_OK && !db_bool(tx, r, 0, 0))
		return error_set(
			err, ST_CONFLICT, NULL,
			"%s has another %s rate at that time already: prices are only added",
			p->model, token_kind_word(p->kind));
	return st;
}

/* Who runs could not read more (store_prices): better none of these than no price at all. */
static enum status check_room(struct db_tx *tx, struct arena *a, struct error *err)
{
	struct db_args args;
	enum status st;
	int r;

	db_args_init(&args, a);
	st = db_exec(tx, "prices_count", &args, &r, err);
	if (st == ST_OK && db_int(tx, r, 0, 0) > BOOK_MAX)
		return error_set(err, ST_TOO_LARGE, NULL,
				 "there would be more than %d prices with these", BOOK_MAX);
	return st;
}

enum status store_prices_add(struct db *db, struct arena *a, const struct price *prices, size_t n,
			     const char *source, int64_t *ret_added, struct error *err)
{
	struct db_scope none = { NULL, NULL };
	AUTO_TX *tx = NULL;
	enum status st = db_begin(&tx, db, &none, 0, err);

	*ret_added = 0;
	for (size_t i = 0; i < n && st == ST_OK; i++) {
		st = add_price(tx, a, &prices[i], source, ret_added, err);
		db_drop_results(tx);
	}
	if (st == ST_OK)
		st = check_room(tx, a, err);
	return st == ST_OK ? db_commit(tx, err) : st;
}

/* ---- reserve ---- */

static void arg_tokens(struct db_args *args, const struct token_counts *t)
{
	db_arg_i64_array(args, t->n, TOKEN_KINDS);
}

static bool outcome_of(const char *word, enum hold_outcome *ret)
{
	static const char *const words[] = { "held",  "conflict", "stale",   "no_brand",
					     "spent", "busy",     "unpriced" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0) {
			*ret = (enum hold_outcome)i;
			return true;
		}
	return false;
}

enum status store_reserve(struct call *call, const struct hold *h, struct held *ret)
{
	struct db_args args;
	AUTO_TX *tx = call_tx(call);
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_i64(&args, h->edition);
	db_arg_text(&args, h->reservation_id);
	db_arg_text(&args, h->brand_id);
	db_arg_text(&args, h->user_id);
	db_arg_text_or_null(&args, h->question_id);
	db_arg_text(&args, h->model);
	arg_tokens(&args, &h->estimate);
	db_arg_i64_or_null(&args, h->priced, h->nano);
	if (tx)
		db_add(tx, "reserve", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	*ret = (struct held){ .priced = !db_null(tx, 0, 0, 1),
			      .nano = db_int(tx, 0, 0, 1),
			      .expires_us = db_time(tx, 0, 0, 2),
			      .whose = arena_strdup(call->arena, db_str(tx, 0, 0, 3)),
			      .period = arena_strdup(call->arena, db_str(tx, 0, 0, 4)),
			      .wait_s = db_int(tx, 0, 0, 5),
			      .noted = db_bool(tx, 0, 0, 6) };
	if (!outcome_of(db_str(tx, 0, 0, 0), &ret->outcome))
		return error_set(call->err, ST_INTERNAL, NULL, "a reservation came to no end");
	return ST_OK;
}

enum status store_brand_add(struct call *call, const char *brand_id)
{
	struct db_args args;
	AUTO_TX *tx = call_tx(call);

	db_args_init(&args, call->arena);
	db_arg_text(&args, call_scope(call).tenant_id);
	db_arg_text(&args, brand_id);
	if (tx)
		db_add(tx, "brand_add", &args);
	return call_run(call, tx);
}

/* ---- settle ---- */

enum status store_reservation(struct call *call, struct db_tx *tx, const char *reservation_id,
			      const char *brand_id, struct line *ret, bool *ret_settled)
{
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, reservation_id);
	db_arg_text(&args, brand_id);
	st = db_exec(tx, "reservation", &args, &r, call->err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, r) == 0)
		return error_set(call->err, ST_NOT_FOUND, "reservation_id",
				 "is no reservation of this brand");
	*ret = (struct line){ .reservation_id = reservation_id,
			      .brand_id = brand_id,
			      .user_id = arena_strdup(call->arena, db_str(tx, r, 0, 0)),
			      .question_id = arena_strdup(call->arena, db_str(tx, r, 0, 1)),
			      .model = arena_strdup(call->arena, db_str(tx, r, 0, 2)) };
	*ret_settled = !db_null(tx, r, 0, 3);
	if (*ret_settled) {
		ret->usage_id = arena_strdup(call->arena, db_str(tx, r, 0, 3));
		ret->priced = !db_null(tx, r, 0, 4);
		ret->nano = db_int(tx, r, 0, 4);
	}
	return ST_OK;
}

/* The versions that made the cost: NULL where no token of the kind was used or nobody knows. */
static void arg_price_ids(struct call *call, struct db_args *args, const struct line *l,
			  const struct rates *rates)
{
	const char **ids = arena_array(call->arena, TOKEN_KINDS, sizeof(*ids));

	for (unsigned i = 0; ids && i < TOKEN_KINDS; i++)
		ids[i] = l->tokens.n[i] > 0 && rates->of[i].known
				 ? arena_printf(call->arena, "%lld",
						(long long)rates->of[i].price_id)
				 : NULL;
	db_arg_text_array(args, ids, ids ? TOKEN_KINDS : 0);
}

enum status store_settle(struct call *call, struct db_tx *tx, const struct line *l,
			 const struct rates *rates, bool *ret_noted)
{
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, l->usage_id);
	db_arg_text(&args, l->reservation_id);
	db_arg_text(&args, l->model);
	arg_tokens(&args, &l->tokens);
	arg_price_ids(call, &args, l, rates);
	db_arg_i64_or_null(&args, l->priced, l->nano);
	db_arg_text(&args, l->request_id);
	db_arg_time(&args, l->used_at_us);
	st = db_exec(tx, "settle", &args, &r, call->err);
	if (st == ST_OK)
		*ret_noted = db_bool(tx, r, 0, 0);
	return st;
}

enum status store_release(struct call *call, const char *reservation_id, const char *brand_id,
			  bool *ret_found, struct line *ret)
{
	struct db_args args;
	AUTO_TX *tx = call_tx(call);
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, reservation_id);
	db_arg_text(&args, brand_id);
	if (tx)
		db_add(tx, "release", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	*ret_found = db_rows(tx, 0) > 0;
	*ret = (struct line){ .usage_id = arena_strdup(call->arena, db_str(tx, 0, 0, 0)),
			      .priced = !db_null(tx, 0, 0, 1),
			      .nano = db_int(tx, 0, 0, 1) };
	return ST_OK;
}

/* ---- the keeper's ---- */

enum status store_due(struct db *worker, struct arena *a, const char ***ret, size_t *ret_n,
		      struct error *err)
{
	struct db_scope none = { NULL, NULL };
	struct db_args args;
	AUTO_TX *tx = db_tx_new(worker, &none);
	const char **list;
	int n;
	enum status st;

	if (!tx)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	db_args_init(&args, a);
	db_arg_i64(&args, STORE_DUE_MAX);
	db_add(tx, "due", &args);
	st = db_run(tx, 0, err);
	if (st != ST_OK)
		return st;
	n = db_rows(tx, 0);
	list = arena_array(a, (size_t)n + 1, sizeof(*list));
	if (!list)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	for (int i = 0; i < n; i++)
		list[i] = arena_strdup(a, db_str(tx, 0, i, 0));
	*ret = list;
	*ret_n = (size_t)n;
	return ST_OK;
}

enum status store_edition(struct db *db, struct arena *a, int64_t *ret, struct error *err)
{
	struct db_scope none = { NULL, NULL };
	struct db_args args;
	AUTO_TX *tx = db_tx_new(db, &none);
	enum status st;

	if (!tx)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	db_args_init(&args, a);
	db_add(tx, "edition", &args);
	st = db_run(tx, 0, err);
	if (st == ST_OK)
		*ret = db_int(tx, 0, 0, 0);
	return st;
}
