/* Tenants. Operators list and suspend them; each is made and read in its own scope. */
#include "store.h"

#include <string.h>

#define TENANT_COLUMNS "tenant_id, name, tier, state = 'suspended', version, created_at"

const struct db_stmt tenant_statements[] = {
	{ "tenant_add", "INSERT INTO tenants (tenant_id, name, tier, created_at)"
			" VALUES ($1::uuid, $2, $3, $4::timestamptz)" },
	{ "tenant_get", "SELECT " TENANT_COLUMNS " FROM tenants WHERE tenant_id = $1::uuid" },
	{ "tenant_lock",
	  "SELECT " TENANT_COLUMNS " FROM tenants WHERE tenant_id = $1::uuid FOR UPDATE" },
	{ "tenant_suspend",
	  "UPDATE tenants SET state = CASE WHEN $2::boolean THEN 'suspended' ELSE 'active' END,"
	  " suspended_at = CASE WHEN $2::boolean THEN clock_timestamp() END, version = version + 1"
	  " WHERE tenant_id = $1::uuid RETURNING version" },
	{ "tenants", "SELECT " TENANT_COLUMNS " FROM tenants"
		     " WHERE (created_at, tenant_id) < ($1::timestamptz, $2::uuid)"
		     " ORDER BY created_at DESC, tenant_id DESC LIMIT $3" },
	{ NULL, NULL },
};

static struct tenant read_tenant(struct call *call, const struct db_tx *tx, int result, int row)
{
	return (struct tenant){
		.tenant_id = arena_strdup(call->arena, db_str(tx, result, row, 0)),
		.name = arena_strdup(call->arena, db_str(tx, result, row, 1)),
		.tier = arena_strdup(call->arena, db_str(tx, result, row, 2)),
		.suspended = db_bool(tx, result, row, 3),
		.version = db_int(tx, result, row, 4),
		.created_at = db_time(tx, result, row, 5),
	};
}

static enum status no_tenant(struct call *call)
{
	return error_set(call->err, ST_NOT_FOUND, "tenant_id", "no such tenant");
}

enum status store_tenant_add(struct call *call, struct db_tx *tx, const struct tenant *t)
{
	struct db_args args;

	db_args_init(&args, call->arena);
	db_arg_text(&args, t->tenant_id);
	db_arg_text(&args, t->name);
	db_arg_text(&args, t->tier);
	db_arg_time(&args, t->created_at);
	return db_do(tx, "tenant_add", &args, call->err);
}

enum status store_tenant_lock(struct call *call, struct db_tx *tx, const char *tenant_id,
			      struct tenant *ret)
{
	struct db_args args;
	enum status st;
	int result;

	db_args_init(&args, call->arena);
	db_arg_text(&args, tenant_id);
	st = db_exec(tx, "tenant_lock", &args, &result, call->err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, result) == 0)
		return no_tenant(call);
	*ret = read_tenant(call, tx, result, 0);
	return ST_OK;
}

enum status store_tenant_suspend(struct call *call, struct db_tx *tx, const char *tenant_id,
				 bool suspended, int64_t *version)
{
	struct db_args args;
	enum status st;
	int result;

	db_args_init(&args, call->arena);
	db_arg_text(&args, tenant_id);
	db_arg_bool(&args, suspended);
	st = db_exec(tx, "tenant_suspend", &args, &result, call->err);
	if (st == ST_OK)
		*version = db_int(tx, result, 0, 0);
	return st;
}

enum status store_tenant_get(struct call *call, const char *tenant_id, struct tenant *ret)
{
	AUTO_TX *tx = store_tx_for(call, tenant_id);
	struct db_args args;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_text(&args, tenant_id);
	if (tx)
		db_add(tx, "tenant_get", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, 0) == 0)
		return no_tenant(call);
	*ret = read_tenant(call, tx, 0, 0);
	return ST_OK;
}

enum status store_tenants(struct call *call, int64_t before_us, const char *before_id,
			  int64_t limit, struct tenant **ret, size_t *n)
{
	AUTO_TX *tx = call_tx(call);
	struct tenant *tenants;
	struct db_args args;
	enum status st;

	db_args_init(&args, call->arena);
	if (before_us == INT64_MAX)
		db_arg_text(&args, "infinity");
	else
		db_arg_time(&args, before_us);
	db_arg_text(&args, before_id);
	db_arg_i64(&args, limit);
	if (tx)
		db_add(tx, "tenants", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	*ret = tenants = arena_array(call->arena, *n + 1, sizeof(*tenants));
	if (!tenants)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	for (int i = 0; i < (int)*n; i++)
		tenants[i] = read_tenant(call, tx, 0, i);
	return ST_OK;
}
