/* The tables of statements together, and transactions in the scope of a tenant that no token names.
 * Read next: store.h. */
#include "store.h"

#include "svc/svc.h"

const struct db_stmt *const auth_statements[] = { login_statements,    session_statements,
						  tenant_statements,   brand_statements,
						  platform_statements, NULL };
const struct db_stmt *const auth_worker_statements[] = { worker_statements, NULL };

struct db_tx *store_tx_for(struct call *call, const char *tenant_id)
{
	return db_tx_new(svc_db(call->svc), &(struct db_scope){ .tenant_id = tenant_id });
}

enum status store_begin_for(struct call *call, const char *tenant_id, struct db_tx **ret)
{
	return db_begin(ret, svc_db(call->svc), &(struct db_scope){ .tenant_id = tenant_id },
			call->deadline_us, call->err);
}
