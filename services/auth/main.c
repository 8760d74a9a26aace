/*
 * auth - who somebody is and what they may see: tenants, users, brands, sessions and the keys that
 * sign tokens. Read next: service.h, handlers.c, store.h, README.md.
 */
#include "service.h"
#include "store.h"

/*
 * A login that waits for the hasher holds a worker: HASHER_WAITING_MAX is half of them. Few
 * connections, because transactions share pipelines: four serve more reads than eight on two cores.
 */
#define AUTH_WORKERS     64
#define AUTH_CONNECTIONS 4

extern const struct db_migration auth_migrations[];

static const struct db_migration_set migrations[] = { { "auth", auth_migrations }, { 0 } };

static const struct svc_spec spec = {
	.contract = &auth_contract,
	.summary = "tenants, users, brands, sessions and the keys that sign tokens",
	.handlers = &auth_handlers,
	.statements = auth_statements,
	.worker_statements = auth_worker_statements,
	.migrations = migrations,
	.workers = AUTH_WORKERS,
	.connections = AUTH_CONNECTIONS,
	.start = auth_start,
	.stop = auth_stop,
	.access_state = auth_own_access_state,
	.command = auth_command,
};

int main(int argc, char **argv)
{
	static struct auth app;
	struct error err = { 0 };
	int code;

	/* The access state is fetched before auth_start, and signs. */
	if (signer_init(&app.signer, &err) != ST_OK)
		return 1;
	code = svc_main(&spec, &app, argc, argv);
	signer_done(&app.signer);
	return code;
}
