/* What auth does as auth_worker: make operators and signing keys, forget what is dead. auth_app,
 * which serves requests, may do none of it. */
#include "store.h"

#include "core/timeutil.h"

#define WORKER_DEADLINE_US (INT64_C(10) * 1000000)

const struct db_stmt worker_statements[] = {
	{ "signing_key_rotate", "SELECT signing_key_rotate($1, $2, $3, $4)" },
	{ "operator_add", "SELECT operator_add($1::uuid, $2, $3)" },
	/* A session that nobody can use, a day on: its refresh tokens go with it. */
	{ "forget_sessions",
	  "DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions"
	  " WHERE good_until < now() - interval '1 day' OR ended_at < now() - interval '1 day'"
	  " LIMIT 1000)" },
	{ "forget_failures",
	  "DELETE FROM login_failures WHERE key IN (SELECT key FROM login_failures"
	  " WHERE last_at < now() - interval '1 day' LIMIT 1000)" },
	{ NULL, NULL },
};

static enum status run(struct db_tx *tx, struct error *err)
{
	return db_run(tx, time_mono_us() + WORKER_DEADLINE_US, err);
}

static enum status out_of_memory(struct error *err)
{
	return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
}

enum status store_key_rotate(struct db *worker, struct arena *a, const struct stored_key *key,
			     int64_t age_s, bool *rotated, struct error *err)
{
	AUTO_TX *tx = db_tx_new(worker, &(struct db_scope){ 0 });
	struct db_args args;
	enum status st;

	if (!tx)
		return out_of_memory(err);
	db_args_init(&args, a);
	db_arg_text(&args, key->kid);
	db_arg_text(&args, key->public_pem);
	db_arg_text(&args, key->private_sealed);
	db_arg_i64(&args, age_s);
	db_add(tx, "signing_key_rotate", &args);
	st = run(tx, err);
	if (st == ST_OK)
		*rotated = db_bool(tx, 0, 0, 0);
	return st;
}

enum status store_operator_add(struct db *worker, struct arena *a, const char *operator_id,
			       const uint8_t *key_hash, bool more, bool *added, struct error *err)
{
	AUTO_TX *tx = db_tx_new(worker, &(struct db_scope){ 0 });
	struct db_args args;
	enum status st;

	if (!tx)
		return out_of_memory(err);
	db_args_init(&args, a);
	db_arg_text(&args, operator_id);
	db_arg_bytes(&args, key_hash, CREDENTIAL_HASH);
	db_arg_bool(&args, more);
	db_add(tx, "operator_add", &args);
	st = run(tx, err);
	if (st == ST_OK)
		*added = db_bool(tx, 0, 0, 0);
	return st;
}

enum status store_forget(struct db *worker, struct arena *a, int64_t *n, struct error *err)
{
	AUTO_TX *tx = db_tx_new(worker, &(struct db_scope){ 0 });
	struct db_args args;
	enum status st;

	if (!tx)
		return out_of_memory(err);
	db_args_init(&args, a);
	db_add(tx, "forget_sessions", &args);
	db_add(tx, "forget_failures", &args);
	st = run(tx, err);
	if (st == ST_OK)
		*n = db_affected(tx, 0) + db_affected(tx, 1);
	return st;
}
