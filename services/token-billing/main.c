/*
 * token-billing - meters AI tokens, prices them, holds budgets. Read next: service.h, README.md.
 */
#include "service.h"
#include "store.h"

#define BILLING_WORKERS     64
#define BILLING_CONNECTIONS 8

extern const struct db_migration token_billing_migrations[];

int main(int argc, char **argv)
{
	static struct billing app;
	static const struct db_migration_set sets[] = {
		{ "token_billing", token_billing_migrations }, { 0 }
	};
	static const struct db_stmt *const statements[] = { billing_statements, NULL };
	static const struct db_stmt *const worker[] = { billing_worker_statements, NULL };
	const struct svc_spec spec = {
		TOKEN_BILLING_SERVES(&token_billing_handlers),
		.summary = "meters AI tokens, prices them, holds budgets",
		.statements = statements,
		.worker_statements = worker,
		.migrations = sets,
		.workers = BILLING_WORKERS,
		.connections = BILLING_CONNECTIONS,
		.start = billing_start,
		.stop = billing_stop,
		.command = billing_command,
	};

	return svc_main(&spec, &app, argc, argv);
}
