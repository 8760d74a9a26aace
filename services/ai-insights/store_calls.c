/* Calls of the model as the asker's process sees them. Read next: store.h, settle.c. */
#include "store.h"

const struct db_stmt call_statements[] = {
	{ "call_open",
	  "INSERT INTO model_calls (tenant_id, reservation_id, brand_id, question_id, user_id,"
	  " model, overdue_at) VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5, $6,"
	  " $7::timestamptz)" },
	/* The asker's process settles within these seconds; the sweeper is for when it cannot. */
	{ "call_used",
	  "UPDATE model_calls SET state = CASE WHEN $2::boolean THEN 'used' ELSE 'unused' END,"
	  " input_tokens = $3::bigint, cache_read_tokens = $4::bigint,"
	  " cache_write_5m_tokens = $5::bigint, cache_write_1h_tokens = $6::bigint,"
	  " output_tokens = $7::bigint, provider_request_id = $8, model = $9,"
	  " used_at = $10::timestamptz, next_try_at = clock_timestamp() + interval '5 seconds'"
	  " WHERE reservation_id = $1::uuid AND state <> 'settled'" },
	{ "call_unknown", "UPDATE model_calls SET state = 'unknown', provider_request_id = $2"
			  " WHERE reservation_id = $1::uuid AND state = 'open'" },
	{ NULL, NULL },
};

const struct db_stmt settled_statements[] = {
	{ "call_settled", "UPDATE model_calls SET state = 'settled', cost_nano_usd = $2::bigint,"
			  " unpriced = $3::boolean, next_try_at = NULL"
			  " WHERE reservation_id = $1::uuid" },
	{ NULL, NULL },
};

enum status store_call_open(const struct place *p, const struct model_call *c)
{
	AUTO_TX *tx = store_tx(p);
	struct db_args args;

	store_args(p, &args);
	db_arg_text(&args, c->reservation_id);
	db_arg_text(&args, c->brand_id);
	db_arg_text(&args, c->question_id);
	db_arg_text(&args, c->user_id);
	db_arg_text(&args, c->model);
	db_arg_time(&args, c->overdue_at);
	return store_run(p, tx, "call_open", &args);
}

enum status store_call_used(const struct place *p, const struct model_call *c)
{
	AUTO_TX *tx = store_tx(p);
	struct db_args args;

	db_args_init(&args, p->arena);
	db_arg_text(&args, c->reservation_id);
	db_arg_bool(&args, c->used);
	db_arg_i64(&args, c->tokens.input);
	db_arg_i64(&args, c->tokens.cache_read);
	db_arg_i64(&args, c->tokens.cache_write_5m);
	db_arg_i64(&args, c->tokens.cache_write_1h);
	db_arg_i64(&args, c->tokens.output);
	db_arg_text(&args, c->request_id);
	db_arg_text(&args, c->model);
	db_arg_time(&args, c->used_at);
	return store_run(p, tx, "call_used", &args);
}

enum status store_call_unknown(const struct place *p, const struct model_call *c)
{
	AUTO_TX *tx = store_tx(p);
	struct db_args args;

	db_args_init(&args, p->arena);
	db_arg_text(&args, c->reservation_id);
	db_arg_text(&args, c->request_id);
	return store_run(p, tx, "call_unknown", &args);
}

enum status store_call_settled(const struct place *p, const char *reservation_id, int64_t cost_nano,
			       bool unpriced)
{
	AUTO_TX *tx = store_tx(p);
	struct db_args args;

	db_args_init(&args, p->arena);
	db_arg_text(&args, reservation_id);
	db_arg_i64(&args, cost_nano);
	db_arg_bool(&args, unpriced);
	return store_run(p, tx, "call_settled", &args);
}
