/*
 * ingest-shopify - pulls orders, products and stock from Shopify. Read next: service.h, sync.c.
 */
#include "handlers.h"
#include "service.h"

extern const struct db_migration ingest_shopify_migrations[];

static const struct db_stmt *const statements[] = { connection_statements, product_statements,
						    order_statements,      list_statements,
						    runs_statements,       NULL };
static const struct db_stmt *const worker_statements[] = { runs_worker_statements, NULL };

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct shopify *app = arg;

	app->svc = svc;
	app->http = http_client_new("pulsepoint-ingest-shopify/1");
	if (!app->http)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	return runs_open(&app->runs,
			 &(struct runs_config){ .spec = &shopify_sync,
						.app = app,
						.db = svc_db(svc),
						.worker = svc_worker_db(svc),
						.worker_conninfo = svc_worker_conninfo(svc),
						.schema = "ingest_shopify",
						.runners = (int)app->cfg.runners },
			 err);
}

static void stop(struct svc *svc, void *arg)
{
	struct shopify *app = arg;

	(void)svc;
	runs_close(app->runs);
	http_client_free(app->http);
}

int main(int argc, char **argv)
{
	static struct shopify app;
	struct db_migration_set sets[] = { RUNS_MIGRATION_SET,
					   { "ingest-shopify", ingest_shopify_migrations },
					   { 0 } };
	struct svc_spec spec = {
		INGEST_SHOPIFY_SERVES(&shopify_handlers),
		INGEST_SHOPIFY_CONSUMES(&shopify_consumers),
		.summary = "pulls orders, products and stock from Shopify",
		.config = shopify_config_items,
		.statements = statements,
		.worker_statements = worker_statements,
		.migrations = sets,
		.connections = 6,
		.start = start,
		.stop = stop,
	};

	return svc_main(&spec, &app, argc, argv);
}
