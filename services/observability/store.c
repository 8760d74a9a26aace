/* See store.h. */
#include "store.h"

#include "core/timeutil.h"
#include "svc/call.h"

enum status tenant_begin(struct call *call, struct db_tx **tx, struct tenant_tx *ret)
{
	enum status st = call_begin(call, tx);

	*ret = (struct tenant_tx){ *tx, call->arena, call->err, call_scope(call).tenant_id };
	return st;
}

void tenant_args(struct db_args *args, const struct tenant_tx *t)
{
	db_args_init(args, t->arena);
	db_arg_text(args, t->tenant_id);
}

enum status tenant_ask(const struct tenant_tx *t, const char *stmt, int *r)
{
	struct db_args args;

	tenant_args(&args, t);
	return db_exec(t->tx, stmt, &args, r, t->err);
}

enum status tenant_no_memory(const struct tenant_tx *t)
{
	return error_set(t->err, ST_TOO_LARGE, NULL, "the tenant's alerts do not fit in memory");
}

enum status store_run(struct db_tx *tx, struct error *err)
{
	return db_run(tx, time_mono_us() + STORE_LIMIT_S * US_PER_SECOND, err);
}

enum status store_ask_worker(struct db *worker, const char *stmt, const struct db_args *args,
			     struct db_tx **ret, struct error *err)
{
	const struct db_scope nobody = { 0 };

	*ret = db_tx_new(worker, &nobody);
	if (!*ret)
		return store_no_memory(err);
	db_add(*ret, stmt, args);
	return store_run(*ret, err);
}

enum status store_no_memory(struct error *err)
{
	return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
}
