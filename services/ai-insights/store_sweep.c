/* What a dead process left behind, read and ended as ai_insights_worker. Read next: sweep.c. */
#include "store.h"

const struct db_stmt sweep_statements[] = {
	/* A claim is a later time to try again: it outlives whoever made it, and doubles. */
	{ "sweep_claim",
	  "UPDATE model_calls m SET tries = m.tries + 1, next_try_at = clock_timestamp()"
	  " + least(interval '1 hour', interval '5 seconds' * power(2, least(m.tries, 12)))"
	  " FROM (SELECT reservation_id FROM model_calls WHERE state IN ('used', 'unused')"
	  " AND next_try_at <= clock_timestamp() ORDER BY next_try_at LIMIT $1::int"
	  " FOR UPDATE SKIP LOCKED) d WHERE m.reservation_id = d.reservation_id"
	  " RETURNING m.tenant_id, m.reservation_id, m.brand_id, m.question_id, m.user_id, m.model,"
	  " m.state = 'used', m.input_tokens, m.cache_read_tokens, m.cache_write_5m_tokens,"
	  " m.cache_write_1h_tokens, m.output_tokens, m.provider_request_id, m.used_at, m.tries" },
	{ "sweep_questions", "UPDATE questions SET state = 'failed', version = version + 1"
			     " WHERE state = 'asked' AND overdue_at < clock_timestamp()" },
	{ "sweep_calls", "UPDATE model_calls SET state = 'unknown'"
			 " WHERE state = 'open' AND overdue_at < clock_timestamp()" },
	{ NULL, NULL },
};

static void read_unsettled(const struct db_tx *tx, struct arena *a, int row, struct unsettled *ret)
{
	*ret = (struct unsettled){
		.tenant_id = arena_strdup(a, db_str(tx, 0, row, 0)),
		.call = { .reservation_id = arena_strdup(a, db_str(tx, 0, row, 1)),
			  .brand_id = arena_strdup(a, db_str(tx, 0, row, 2)),
			  .question_id = arena_strdup(a, db_str(tx, 0, row, 3)),
			  .user_id = arena_strdup(a, db_str(tx, 0, row, 4)),
			  .model = arena_strdup(a, db_str(tx, 0, row, 5)),
			  .used = db_bool(tx, 0, row, 6),
			  .tokens = { db_int(tx, 0, row, 7), db_int(tx, 0, row, 8),
				      db_int(tx, 0, row, 9), db_int(tx, 0, row, 10),
				      db_int(tx, 0, row, 11) },
			  .request_id = arena_strdup(a, db_str(tx, 0, row, 12)),
			  .used_at = db_time(tx, 0, row, 13) },
		.tries = (int)db_int(tx, 0, row, 14),
	};
}

enum status store_sweep_claim(const struct place *p, int max, struct unsettled **ret, size_t *ret_n)
{
	AUTO_TX *tx = store_tx(p);
	struct unsettled *list;
	struct db_args args;
	enum status st;
	size_t n;

	db_args_init(&args, p->arena);
	db_arg_i64(&args, max);
	st = store_run(p, tx, "sweep_claim", &args);
	if (st != ST_OK)
		return st;
	n = (size_t)db_rows(tx, 0);
	list = arena_array(p->arena, n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++)
		read_unsettled(tx, p->arena, (int)i, &list[i]);
	if (arena_failed(p->arena))
		return error_set(p->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	*ret = list;
	*ret_n = n;
	return ST_OK;
}

enum status store_sweep_overdue(const struct place *p, int64_t *questions, int64_t *calls)
{
	AUTO_TX *tx = store_tx(p);
	struct db_args args;
	enum status st;

	if (!tx)
		return ST_UNAVAILABLE;
	db_args_init(&args, p->arena);
	db_add(tx, "sweep_questions", &args);
	st = store_run(p, tx, "sweep_calls", &args);
	if (st == ST_OK) {
		*questions = db_affected(tx, 0);
		*calls = db_affected(tx, 1);
	}
	return st;
}
