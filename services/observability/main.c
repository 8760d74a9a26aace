/* observability - keeps events, measures latency, raises alerts. Read next: service.h. */
#include "service.h"

#include "alert.h"
#include "ingest.h"
#include "keeper.h"
#include "watch.h"

/* Eleven consumers with a transaction each, and the requests; few of them at the same time. */
#define CONNECTIONS 8
/* The relay, the telemetry, the evaluator and the senders each hold one for a transaction. */
#define WORKER_CONNECTIONS 7

extern const struct db_migration observability_migrations[];

static const struct db_migration_set migrations[] = {
	{ "observability", observability_migrations },
	{ NULL, NULL },
};

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct observability *app = arg;
	enum status st = keeper_start(svc, &app->keeper, err);

	if (st == ST_OK)
		st = alerts_start(svc, app, err);
	return st == ST_OK ? ingest_start(svc, app, &app->ingest, err) : st;
}

static void stop(struct svc *svc, void *arg)
{
	struct observability *app = arg;

	svc_wake(svc);
	ingest_stop(app->ingest);
	alerts_stop(app);
	keeper_stop(app->keeper);
}

static void stats(struct svc *svc, void *arg, struct buf *out)
{
	struct observability *app = arg;

	(void)svc;
	if (app->ingest)
		ingest_stats(app->ingest, out);
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
	.worker_connections = WORKER_CONNECTIONS,
	.start = start,
	.stop = stop,
	.stats = stats,
};

int main(int argc, char **argv)
{
	static struct observability app;

	return svc_main(&spec, &app, argc, argv);
}
