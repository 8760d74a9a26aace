/* ai-insights - answers questions about the business, every number traced. Read next: service.h. */
#include "handlers.h"
#include "model.h"
#include "service.h"
#include "store.h"
#include "sweep.h"

#include "core/log.h"

extern const struct db_migration ai_insights_migrations[];

static const struct db_stmt *const statements[] = { question_statements, call_statements,
						    settled_statements, NULL };
static const struct db_stmt *const worker_statements[] = { sweep_statements, settled_statements,
							   NULL };
static const struct db_migration_set migrations[] = { { "ai-insights", ai_insights_migrations },
						      { 0 } };

static enum status open_model(struct insights *app, struct error *err)
{
	const struct model_config cfg = {
		.url = app->cfg.url,
		.key = app->key,
		.model = app->cfg.model,
		.max_tokens = (int)app->cfg.max_tokens,
	};

	if (app->key[0])
		return model_client_new(&cfg, &app->model, err);
	log_event(LOG_INFO, "model.none", "there is no key: the analyst answers");
	return ST_OK;
}

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct insights *app = arg;
	enum status st = insights_config_finish(app, err);

	if (st == ST_OK)
		st = open_model(app, err);
	return st == ST_OK ? sweep_start(svc, app, err) : st;
}

static void stop(struct svc *svc, void *arg)
{
	struct insights *app = arg;

	sweep_stop(svc, app);
	model_client_free(app->model);
}

static const struct svc_spec spec = {
	AI_INSIGHTS_SERVES(&insights_handlers),
	.summary = "answers questions about the business, every number traced to a query",
	.config = insights_config_items,
	.statements = statements,
	.worker_statements = worker_statements,
	.migrations = migrations,
	/* A question holds its thread while the model writes, so there are many, nearly all asleep;
	 * PP_AI_ASKS leaves some of them to the lists. */
	.workers = 64,
	.connections = 6,
	.start = start,
	.stop = stop,
};

int main(int argc, char **argv)
{
	static struct insights app;

	return svc_main(&spec, &app, argc, argv);
}
