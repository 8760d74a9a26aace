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

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct ads *app = arg;

	app->svc = svc;
	app->http = http_client_new("pulsepoint-ingest-ads/1");
	if (!app->http)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	return runs_open(&app->runs,
			 &(struct runs_config){ .spec = &ads_sync,
						.app = app,
						.db = svc_db(svc),
						.worker = svc_worker_db(svc),
						.worker_conninfo = svc_worker_conninfo(svc),
						.schema = "ingest_ads",
						.runners = (int)app->cfg.runners },
			 err);
}

static void stop(struct svc *svc, void *arg)
{
	struct ads *app = arg;

	(void)svc;
	runs_close(app->runs);
	http_client_free(app->http);
}

int main(int argc, char **argv)
{
	static struct ads app;
	struct db_migration_set sets[] = { RUNS_MIGRATION_SET,
					   { "ingest-ads", ingest_ads_migrations },
					   { 0 } };
	struct svc_spec spec = {
		INGEST_ADS_SERVES(&ads_handlers),
		INGEST_ADS_CONSUMES(&ads_consumers),
		.summary = "pulls campaign results from Meta, TikTok and Google Ads",
		.config = ads_config_items,
		.statements = statements,
		.worker_statements = worker_statements,
		.migrations = sets,
		.connections = 6,
		.start = start,
		.stop = stop,
	};

	return svc_main(&spec, &app, argc, argv);
}
