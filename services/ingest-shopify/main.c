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
static const struct db_migration_set migrations[] = {
	RUNS_MIGRATION_SET, { "ingest-shopify", ingest_shopify_migrations }, { 0 }
};

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct shopify *app = arg;

	return ingest_engine_start(&app->engine, svc, &shopify_sync, app, (int)app->cfg.runners,
				   err);
}

static void stop(struct svc *svc, void *arg)
{
	struct shopify *app = arg;

	(void)svc;
	ingest_engine_stop(&app->engine);
}

static const struct svc_spec spec = {
	INGEST_SHOPIFY_SERVES(&shopify_handlers),
	INGEST_SHOPIFY_CONSUMES(&shopify_consumers),
	.summary = "pulls orders, products and stock from Shopify",
	.config = shopify_config_items,
	.statements = statements,
	.worker_statements = worker_statements,
	.migrations = migrations,
	.connections = 6,
	.start = start,
	.stop = stop,
};

int main(int argc, char **argv)
{
	static struct shopify app;

	return svc_main(&spec, &app, argc, argv);
}
