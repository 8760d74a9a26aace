/* observability - keeps events, measures latency, raises alerts. Read next: service.h. */
#include "service.h"

#include "keeper.h"

/* Eleven consumers with a transaction each, and the requests; few of them at the same time. */
#define CONNECTIONS 8

extern const struct db_migration observability_migrations[];

static const struct db_migration_set migrations[] = {
	{ "observability", observability_migrations },
	{ NULL, NULL },
};

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct observability *app = arg;

	return keeper_start(svc, &app->keeper, err);
}

static void stop(struct svc *svc, void *arg)
{
	struct observability *app = arg;

	svc_wake(svc);
	keeper_stop(app->keeper);
}

static const struct svc_spec spec = {
	OBSERVABILITY_SERVES(&observability_handlers),
	OBSERVABILITY_CONSUMES(&observability_consumers),
	.summary = "keeps events, measures latency, raises alerts",
	.config = observability_config_items,
	.statements = observability_statements,
	.worker_statements = observability_worker_statements,
	.migrations = migrations,
	.connections = CONNECTIONS,
	.start = start,
	.stop = stop,
};

int main(int argc, char **argv)
{
	static struct observability app;

	return svc_main(&spec, &app, argc, argv);
}
