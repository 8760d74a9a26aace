/* ai-insights - answers questions about the business, every number traced. Read next: service.h. */
#include "handlers.h"
#include "service.h"
#include "store.h"
#include "sweep.h"

extern const struct db_migration ai_insights_migrations[];

static const struct db_stmt *const statements[] = { question_statements, call_statements, NULL };
static const struct db_stmt *const worker_statements[] = { sweep_statements, NULL };
static const struct db_migration_set migrations[] = { { "ai-insights", ai_insights_migrations },
						      { 0 } };

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct insights *app = arg;
	enum status st = insights_config_finish(app, err);

	return st == ST_OK ? sweep_start(svc, app, err) : st;
}

static void stop(struct svc *svc, void *arg)
{
	sweep_stop(svc, arg);
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
