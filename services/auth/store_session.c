/*
 * Sessions. Generations decide, not times: two rotations within one second are as distinct as two
 * within a year. What is re-read after waiting for a row lock is the row as it then stands, so of
 * two that race one wins and the other finds itself a generation behind.
 */
#include "store.h"

const struct db_stmt session_statements[] = {
	{ "session_add",
	  "INSERT INTO sessions (session_id, tenant_id, user_id, expires_at, good_until)"
	  " VALUES ($1::uuid, $2::uuid, $3::uuid, clock_timestamp() + $4 * interval '1 second',"
	  " clock_timestamp() + $5 * interval '1 second')" },
	{ "refresh_add",
	  "INSERT INTO refresh_tokens (token_hash, tenant_id, session_id, generation)"
	  " VALUES ($1, $2::uuid, $3::uuid, $4::bigint)" },
	{ "refresh_lookup",
	  "SELECT session_id, user_id, generation, tenant_id, role, brand_ids, tier, suspended"
	  " FROM refresh_lookup($1)" },
	{ "session_rotate",
	  "UPDATE sessions SET generation = generation + 1, rotated_at = clock_timestamp(),"
	  " repeat_used = false,"
	  " good_until = least(expires_at, clock_timestamp() + $3 * interval '1 second')"
	  " WHERE session_id = $1::uuid AND generation = $2::bigint"
	  " AND ended_at IS NULL AND good_until > clock_timestamp()" },
	{ "session_repeat",
	  "UPDATE sessions SET repeat_used = true"
	  " WHERE session_id = $1::uuid AND generation = $2::bigint + 1 AND NOT repeat_used"
	  " AND rotated_at > clock_timestamp() - $3 * interval '1 second'"
	  " AND ended_at IS NULL AND good_until > clock_timestamp()" },
	{ "session_reuse",
	  "UPDATE sessions SET ended_at = clock_timestamp(), end_reason = 'reuse'"
	  " WHERE session_id = $1::uuid AND generation > $2::bigint AND ended_at IS NULL" },
	{ "session_logout",
	  "UPDATE sessions SET ended_at = clock_timestamp(), end_reason = 'logout'"
	  " WHERE session_id = $1::uuid AND ended_at IS NULL" },
	{ "access_bump", "SELECT access_bump()" },
	{ NULL, NULL },
};

static void refresh_args(struct call *call, struct db_args *args, const uint8_t *hash,
			 const char *tenant_id, const char *session_id, int64_t generation)
{
	db_args_init(args, call->arena);
	db_arg_bytes(args, hash, CREDENTIAL_HASH);
	db_arg_text(args, tenant_id);
	db_arg_text(args, session_id);
	db_arg_i64(args, generation);
}

void store_session_add(struct call *call, struct db_tx *tx, const struct new_session *s)
{
	struct db_args args;

	db_args_init(&args, call->arena);
	db_arg_text(&args, s->session_id);
	db_arg_text(&args, s->tenant_id);
	db_arg_text(&args, s->user_id);
	db_arg_i64(&args, SESSION_LIFE_S);
	db_arg_i64(&args, SESSION_IDLE_S);
	db_add(tx, "session_add", &args);
	refresh_args(call, &args, s->refresh_hash, s->tenant_id, s->session_id, 1);
	db_add(tx, "refresh_add", &args);
	db_args_init(&args, call->arena);
	db_arg_bytes(&args, s->failure_key, CREDENTIAL_HASH);
	db_add(tx, "login_passed", &args);
}

enum status store_refresh_lookup(struct call *call, const uint8_t *hash, struct family *ret,
				 bool *found)
{
	AUTO_TX *tx = call_tx(call);
	struct db_args args;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_bytes(&args, hash, CREDENTIAL_HASH);
	if (tx)
		db_add(tx, "refresh_lookup", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	*found = db_rows(tx, 0) == 1;
	if (!*found)
		return ST_OK;
	*ret = (struct family){
		.session_id = arena_strdup(call->arena, db_str(tx, 0, 0, 0)),
		.user_id = arena_strdup(call->arena, db_str(tx, 0, 0, 1)),
		.generation = db_int(tx, 0, 0, 2),
		.member = { .tenant_id = arena_strdup(call->arena, db_str(tx, 0, 0, 3)),
			    .role = role_from_name(db_str(tx, 0, 0, 4)),
			    .brand_ids = arena_strdup(call->arena, db_str(tx, 0, 0, 5)),
			    .tier = arena_strdup(call->arena, db_str(tx, 0, 0, 6)),
			    .suspended = db_bool(tx, 0, 0, 7) },
	};
	return ST_OK;
}

/* One UPDATE by session and generation; `seconds` 0: the statement takes none. */
static enum status change(struct call *call, struct db_tx *tx, const char *stmt,
			  const struct family *f, int64_t seconds, bool *done)
{
	struct db_args args;
	enum status st;
	int result;

	db_args_init(&args, call->arena);
	db_arg_text(&args, f->session_id);
	db_arg_i64(&args, f->generation);
	if (seconds > 0)
		db_arg_i64(&args, seconds);
	st = db_exec(tx, stmt, &args, &result, call->err);
	if (st == ST_OK)
		*done = db_affected(tx, result) == 1;
	return st;
}

static enum status decide(struct call *call, struct db_tx *tx, const struct family *f,
			  enum rotation *ret)
{
	bool done = false;
	enum status st = change(call, tx, "session_rotate", f, SESSION_IDLE_S, &done);

	*ret = ROTATION_NEW;
	if (st != ST_OK || done)
		return st;
	st = change(call, tx, "session_repeat", f, SESSION_REPEAT_S, &done);
	*ret = ROTATION_REPEAT;
	if (st != ST_OK || done)
		return st;
	st = change(call, tx, "session_reuse", f, 0, &done);
	*ret = done ? ROTATION_REUSE : ROTATION_DEAD;
	return st;
}

enum status store_session_rotate(struct call *call, struct db_tx *tx, const struct family *f,
				 const uint8_t *next_hash, enum rotation *ret)
{
	struct db_args args;
	enum status st = decide(call, tx, f, ret);

	if (st != ST_OK || *ret == ROTATION_REUSE || *ret == ROTATION_DEAD)
		return st;
	/* A repeat yields a twin of the token that the first one yielded: whichever of the two a
	 * browser keeps is of the newest generation. */
	refresh_args(call, &args, next_hash, f->member.tenant_id, f->session_id, f->generation + 1);
	return db_do(tx, "refresh_add", &args, call->err);
}

enum status store_session_logout(struct call *call, struct db_tx *tx, const char *session_id,
				 bool *ended)
{
	struct db_args args;
	enum status st;
	int result;

	db_args_init(&args, call->arena);
	db_arg_text(&args, session_id);
	st = db_exec(tx, "session_logout", &args, &result, call->err);
	if (st == ST_OK)
		*ended = db_affected(tx, result) == 1;
	return st;
}

enum status store_access_bump(struct call *call, struct db_tx *tx)
{
	struct db_args args;

	db_args_init(&args, call->arena);
	return db_do(tx, "access_bump", &args, call->err);
}
