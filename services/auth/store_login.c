/* Users and their memberships, and logins before a tenant is known. The functions called here:
 * migrations/0003_functions.sql. */
#include "store.h"

#include <string.h>

const struct db_stmt login_statements[] = {
	{ "login_lookup",
	  "SELECT locked_s, user_id, password_hash, tenant_id, role, brand_ids, tier, suspended"
	  " FROM login_lookup($1, $2)" },
	{ "login_failed", "SELECT login_failed($1, $2, $3)" },
	{ "login_passed", "SELECT login_passed($1)" },
	{ "user_put", "SELECT user_put($1::uuid, $2, $3)" },
	{ "membership_add",
	  "INSERT INTO memberships (tenant_id, user_id, role, brand_ids, created_at)"
	  " VALUES ($1::uuid, $2::uuid, $3, string_to_array($4, ',')::uuid[], $5::timestamptz)" },
	{ "users", "SELECT user_id, email, role, brand_ids, created_at FROM tenant_users($1, $2)" },
	{ NULL, NULL },
};

static struct membership read_membership(struct call *call, const struct db_tx *tx, int row)
{
	return (struct membership){
		.tenant_id = arena_strdup(call->arena, db_str(tx, 0, row, 3)),
		.role = role_from_name(db_str(tx, 0, row, 4)),
		.brand_ids = arena_strdup(call->arena, db_str(tx, 0, row, 5)),
		.tier = arena_strdup(call->arena, db_str(tx, 0, row, 6)),
		.suspended = db_bool(tx, 0, row, 7),
	};
}

/* A stranger is one row without a user; a user without a tenant one row without a tenant. */
static enum status read_login(struct call *call, const struct db_tx *tx, struct login_view *ret)
{
	int rows = db_rows(tx, 0);

	*ret = (struct login_view){ .locked_s = (int)db_int(tx, 0, 0, 0) };
	ret->memberships = arena_array(call->arena, (size_t)rows, sizeof(*ret->memberships));
	if (!ret->memberships)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	if (db_null(tx, 0, 0, 1))
		return ST_OK;
	ret->user_id = arena_strdup(call->arena, db_str(tx, 0, 0, 1));
	ret->password_hash = arena_strdup(call->arena, db_str(tx, 0, 0, 2));
	for (int i = 0; i < rows; i++) {
		if (!db_null(tx, 0, i, 3))
			ret->memberships[ret->n_memberships++] = read_membership(call, tx, i);
	}
	return ST_OK;
}

enum status store_login_lookup(struct call *call, const char *email, const uint8_t *failure_key,
			       struct login_view *ret)
{
	AUTO_TX *tx = call_tx(call);
	struct db_args args;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, email);
	db_arg_bytes(&args, failure_key, CREDENTIAL_HASH);
	if (tx)
		db_add(tx, "login_lookup", &args);
	st = call_run(call, tx);
	return st == ST_OK ? read_login(call, tx, ret) : st;
}

enum status store_login_failed(struct call *call, const uint8_t *failure_key, const char *user_id)
{
	AUTO_TX *tx = call_tx(call);
	struct db_args args;

	db_args_init(&args, call->arena);
	db_arg_bytes(&args, failure_key, CREDENTIAL_HASH);
	db_arg_text(&args, user_id ? user_id : "");
	db_arg_text(&args, call->request_id);
	if (tx)
		db_add(tx, "login_failed", &args);
	return call_run(call, tx);
}

enum status store_user_put(struct call *call, struct db_tx *tx, const char *email,
			   const char *password_hash, const char **user_id)
{
	char *fresh = arena_alloc(call->arena, UUID_TEXT);
	struct db_args args;
	enum status st;
	int result;

	if (!fresh)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	uuid_v7(fresh);
	db_args_init(&args, call->arena);
	db_arg_text(&args, fresh);
	db_arg_text(&args, email);
	db_arg_text(&args, password_hash);
	st = db_exec(tx, "user_put", &args, &result, call->err);
	if (st == ST_OK)
		*user_id = arena_strdup(call->arena, db_str(tx, result, 0, 0));
	return st;
}

enum status store_membership_add(struct call *call, struct db_tx *tx, const char *tenant_id,
				 const struct user *u)
{
	struct db_args args;

	db_args_init(&args, call->arena);
	db_arg_text(&args, tenant_id);
	db_arg_text(&args, u->user_id);
	db_arg_text(&args, role_name(u->role));
	db_arg_text(&args, u->brand_ids);
	db_arg_time(&args, u->created_at);
	return db_do(tx, "membership_add", &args, call->err);
}

enum status store_users(struct call *call, const char *after, int64_t limit, struct user **ret,
			size_t *n)
{
	AUTO_TX *tx = call_tx(call);
	struct user *users;
	struct db_args args;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, after);
	db_arg_i64(&args, limit);
	if (tx)
		db_add(tx, "users", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	*ret = users = arena_array(call->arena, *n + 1, sizeof(*users));
	if (!users)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	for (int i = 0; i < (int)*n; i++)
		users[i] = (struct user){
			.user_id = arena_strdup(call->arena, db_str(tx, 0, i, 0)),
			.email = arena_strdup(call->arena, db_str(tx, 0, i, 1)),
			.role = role_from_name(db_str(tx, 0, i, 2)),
			.brand_ids = arena_strdup(call->arena, db_str(tx, 0, i, 3)),
			.created_at = db_time(tx, 0, i, 4),
		};
	return ST_OK;
}
