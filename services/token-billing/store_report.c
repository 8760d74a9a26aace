/* What usage and budgets look like; the statements stand in store.c. */
#include "store.h"

#include <string.h>

static void read_row(struct call *call, const struct db_tx *tx, int i, struct usage_row *row)
{
	row->key = arena_strdup(call->arena, db_str(tx, 0, i, 0));
	row->calls = db_int(tx, 0, i, 1);
	row->unpriced = db_int(tx, 0, i, 2);
	for (int k = 0; k < TOKEN_KINDS; k++)
		row->tokens[k] = db_int(tx, 0, i, 3 + k);
	row->nano = db_int(tx, 0, i, 3 + TOKEN_KINDS);
}

static void add_row(struct usage_row *total, const struct usage_row *row)
{
	total->calls += row->calls;
	total->unpriced += row->unpriced;
	for (int k = 0; k < TOKEN_KINDS; k++)
		total->tokens[k] += row->tokens[k];
	total->nano += row->nano;
}

enum status store_usage(struct call *call, int32_t from, int32_t to, const char *by,
			struct usage *ret)
{
	struct db_args args;
	AUTO_TX *tx = call_tx(call);
	bool day = strcmp(by, "day") == 0;
	enum status st;

	*ret = (struct usage){ .total.key = "" };
	db_args_init(&args, call->arena);
	db_arg_date(&args, from);
	db_arg_date(&args, to);
	db_arg_i64(&args, USAGE_ROWS_MAX + 1);
	if (!day)
		db_arg_text(&args, by);
	if (tx)
		db_add(tx, day ? "usage_day" : "usage_of", &args);
	db_args_init(&args, call->arena);
	db_arg_date(&args, from);
	db_arg_date(&args, to);
	if (tx)
		db_add(tx, "usage_open", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	ret->n = (size_t)db_rows(tx, 0);
	if (ret->n > USAGE_ROWS_MAX)
		return error_set(call->err, ST_TOO_LARGE, "from",
				 "gives more than %d rows; ask for fewer days", USAGE_ROWS_MAX);
	ret->rows = arena_array(call->arena, ret->n + 1, sizeof(*ret->rows));
	for (size_t i = 0; ret->rows && i < ret->n; i++) {
		read_row(call, tx, (int)i, &ret->rows[i]);
		add_row(&ret->total, &ret->rows[i]);
	}
	ret->open = db_int(tx, 1, 0, 0);
	ret->expired = db_int(tx, 1, 0, 1);
	return ret->rows ? ST_OK
			 : error_set(call->err, ST_TOO_LARGE, NULL,
				     "the answer is too large; ask for less");
}

static enum status read_budgets(struct call *call, const struct db_tx *tx, int result,
				struct budget **ret, size_t *ret_n)
{
	*ret_n = (size_t)db_rows(tx, result);
	*ret = arena_array(call->arena, *ret_n + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < *ret_n; i++) {
		int r = (int)i;

		(*ret)[i] = (struct budget){
			.brand_id = arena_strdup(call->arena, db_str(tx, result, r, 0)),
			.period = arena_strdup(call->arena, db_str(tx, result, r, 1)),
			.has_soft = !db_null(tx, result, r, 2),
			.has_hard = !db_null(tx, result, r, 3),
			.soft = db_int(tx, result, r, 2),
			.hard = db_int(tx, result, r, 3),
			.used = db_int(tx, result, r, 4),
			.held = db_int(tx, result, r, 5),
			.start_us = db_time(tx, result, r, 6),
			.end_us = db_time(tx, result, r, 7),
			.updated_us = db_time(tx, result, r, 8),
		};
	}
	return *ret ? ST_OK
		    : error_set(call->err, ST_TOO_LARGE, NULL, "there are too many budgets");
}

static void add_budgets(struct call *call, struct db_tx *tx, const char *brand_id,
			const char *period)
{
	struct db_args args;

	db_args_init(&args, call->arena);
	db_arg_text(&args, brand_id);
	db_arg_text(&args, period);
	if (tx)
		db_add(tx, "budgets", &args);
}

enum status store_budgets(struct call *call, struct budget **ret, size_t *ret_n)
{
	AUTO_TX *tx = call_tx(call);
	enum status st;

	add_budgets(call, tx, "", "");
	st = call_run(call, tx);
	return st == ST_OK ? read_budgets(call, tx, 0, ret, ret_n) : st;
}

enum status store_budget_put(struct call *call, const struct budget *b, struct budget **ret)
{
	struct db_args args;
	AUTO_TX *tx = call_tx(call);
	size_t n = 0;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, call_scope(call).tenant_id);
	db_arg_text(&args, b->brand_id);
	db_arg_text(&args, b->period);
	db_arg_i64_or_null(&args, b->has_soft, b->soft);
	db_arg_i64_or_null(&args, b->has_hard, b->hard);
	if (tx)
		db_add(tx, "budget_put", &args);
	add_budgets(call, tx, b->brand_id, b->period);
	st = call_run(call, tx);
	if (st == ST_OK)
		st = read_budgets(call, tx, 1, ret, &n);
	return st == ST_OK && n != 1 ? error_set(call->err, ST_INTERNAL, NULL,
						 "the budget that was set is not there")
				     : st;
}
