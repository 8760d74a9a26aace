/*
 * ingest-ads - pulls campaign results from Meta, TikTok and Google Ads. Read next: provider.h,
 * sync.c.
 */
#include "handlers.h"
#include "service.h"

extern const struct db_migration ingest_ads_migrations[];

static const struct db_stmt *const statements[] = { connection_statements, result_statements,
						    runs_statements, NULL };
static const struct db_stmt *const worker_statements[] = { runs_worker_statements, NULL };
static const struct db_migration_set migrations[] = { RUNS_MIGRATION_SET,
						      { "ingest-ads", ingest_ads_migrations },
						      { 0 } };

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct ads *app = arg;

	return ingest_engine_start(&app->engine, svc, &ads_sync, app, (int)app->cfg.runners, err);
}

static void stop(struct svc *svc, void *arg)
{
	struct ads *app = arg;

	(void)svc;
	ingest_engine_stop(&app->engine);
}

static const struct svc_spec spec = {
	INGEST_ADS_SERVES(&ads_handlers),
	INGEST_ADS_CONSUMES(&ads_consumers),
	.summary = "pulls campaign results from Meta, TikTok and Google Ads",
	.config = ads_config_items,
	.statements = statements,
	.worker_statements = worker_statements,
	.migrations = migrations,
	.connections = 6,
	.start = start,
	.stop = stop,
};

int main(int argc, char **argv)
{
	static struct ads app;

	return svc_main(&spec, &app, argc, argv);
}
