/* observability - keeps events, measures latency, raises alerts. Read next: service.h. */
#include "service.h"

#include "alert.h"
#include "keeper.h"
#include "watch.h"

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

	enum status st = keeper_start(svc, &app->keeper, err);

	return st == ST_OK ? alerts_start(svc, app, err) : st;
}

static void stop(struct svc *svc, void *arg)
{
	struct observability *app = arg;

	svc_wake(svc);
	alerts_stop(app);
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
	.workers = 2 * WATCHERS_MAX,
	.connections = CONNECTIONS,
	.start = start,
	.stop = stop,
};

int main(int argc, char **argv)
{
	static struct observability app;

	return svc_main(&spec, &app, argc, argv);
}
