/* attribution - says which campaign earned which order. Read next: service.h. */
#include "service.h"
#include "store.h"

#include "svc/svc.h"

extern const struct db_migration svc_migrations[], attribution_migrations[];

static const struct db_migration_set migrations[] = {
	{ "attribution", attribution_migrations },
	{ NULL, NULL },
};

static const struct svc_spec spec = {
	.contract = &attribution_contract,
	.summary = "says which campaign earned which order",
	.handlers = &attribution_handlers,
	.consumers = &attribution_consumers,
	.statements = store_statements,
	.migrations = migrations,
	/* Six consumers with a transaction each, two long reports, and the requests. */
	.connections = 12,
};

int main(int argc, char **argv)
{
	static struct attribution app;

	return svc_main(&spec, &app, argc, argv);
}
