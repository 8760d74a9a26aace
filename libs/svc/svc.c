/*
 * The boot order of every service, and its end. Read top down from svc_main.
 */
#include "svc/svc.h"

#include "core/log.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "svc/svc_priv.h"

#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SVC_SETS_MAX       8
#define SVC_STMTS_MAX      16
#define WORKER_CONNECTIONS 3

extern const struct db_migration svc_migrations[];

static const struct config_item runtime_config[] = {
	CONFIG_SEC(struct svc_config, db_app, "PP_DB_APP", "", "libpq conninfo as <service>_app"),
	CONFIG_SEC(struct svc_config, db_worker, "PP_DB_WORKER", "",
		   "libpq conninfo as <service>_worker"),
	CONFIG_SEC(struct svc_config, db_owner, "PP_DB_OWNER", "",
		   "libpq conninfo as <service>_owner, for --migrate"),
	CONFIG_STR(struct svc_config, nats_url, "PP_NATS_URL", "nats://127.0.0.1:4222",
		   "address of nats-server"),
	CONFIG_STR(struct svc_config, nats_user, "PP_NATS_USER", "",
		   "public nkey of the service's user; empty: no authentication"),
	CONFIG_STR(struct svc_config, nats_seed_file, "PP_NATS_SEED_FILE", "",
		   "file with the nkey seed, mode 0600"),
	CONFIG_STR(struct svc_config, seal_key_file, "PP_SEAL_KEY_FILE", "",
		   "file with the sealing keys (libs/svc/seal.h)"),
	CONFIG_NUM(struct svc_config, log_level, "PP_LOG_LEVEL", "1", 0, 3,
		   "lowest level logged: 0 debug, 1 info, 2 warn, 3 error"),
	CONFIG_NUM(struct svc_config, workers, "PP_WORKERS", "0", 0, 64,
		   "request threads; 0: the service's default"),
	CONFIG_NUM(struct svc_config, connections, "PP_DB_CONNECTIONS", "0", 0, 64,
		   "database connections for requests and consumers; 0: the service's default"),
	CONFIG_NUM(struct svc_config, drain_ms, "PP_DRAIN_MS", "8000", 100, 60000,
		   "milliseconds to finish what was taken, at the end"),
	{ 0 },
};

/* ---- accessors ---- */

const char *svc_name(const struct svc *svc)
{
	return svc->name;
}
struct bus *svc_bus(struct svc *svc)
{
	return svc->bus;
}
struct access *svc_access(struct svc *svc)
{
	return svc->access;
}
struct db *svc_db(struct svc *svc)
{
	return svc->db;
}
struct db *svc_worker_db(struct svc *svc)
{
	return svc->worker_db;
}
const char *svc_worker_conninfo(const struct svc *svc)
{
	return svc->cfg.db_worker;
}
int svc_workers(const struct svc *svc)
{
	if (svc->cfg.workers)
		return (int)svc->cfg.workers;
	return svc->spec->workers ? svc->spec->workers : 16;
}
struct seal_ring *svc_seal_ring(struct svc *svc)
{
	return svc->seal;
}
bool svc_stopping(const struct svc *svc)
{
	return atomic_load(&svc->stopping);
}

void svc_wake(struct svc *svc)
{
	pthread_mutex_lock(&svc->wait_lock);
	svc->wakes++;
	pthread_cond_broadcast(&svc->wait_cond);
	pthread_mutex_unlock(&svc->wait_lock);
}

void svc_wait(struct svc *svc, int timeout_ms)
{
	struct timespec until;
	uint64_t seen;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&svc->wait_lock);
	seen = svc->wakes;
	while (seen == svc->wakes && !svc_stopping(svc))
		if (pthread_cond_timedwait(&svc->wait_cond, &svc->wait_lock, &until) != 0)
			break;
	pthread_mutex_unlock(&svc->wait_lock);
}

/* ---- opening, in order ---- */

static enum status load_config(struct svc *svc, struct error *err)
{
	struct config_table tables[2] = { { runtime_config, &svc->cfg },
					  { svc->spec->config, svc->app } };

	return config_load(tables, svc->spec->config ? 2 : 1, err);
}

static int migration_sets(const struct svc_spec *spec, struct db_migration_set *sets)
{
	int n = 0;

	sets[n++] = (struct db_migration_set){ "svc", svc_migrations };
	for (const struct db_migration_set *s = spec->migrations; s && s->set && n < SVC_SETS_MAX;
	     s++)
		sets[n++] = *s;
	return n;
}

/* The schema is the service's name with underscores. */
static void schema_name(const struct svc *svc, char *out, size_t cap)
{
	snprintf(out, cap, "%s", svc->name);
	for (char *p = out; *p; p++)
		if (*p == '-')
			*p = '_';
}

static enum status open_pool(struct svc *svc, struct db **ret, const char *conninfo,
			     int connections, const struct db_stmt *runtime,
			     const struct db_stmt *const *own, struct error *err)
{
	const struct db_stmt *stmts[SVC_STMTS_MAX] = { runtime };
	char schema[SVC_SUBJECT_MAX];
	int n = 1;

	for (; own && *own && n < SVC_STMTS_MAX - 1; own++)
		stmts[n++] = *own;
	schema_name(svc, schema, sizeof(schema));
	return db_open(ret,
		       &(struct db_config){ .conninfo = conninfo,
					    .schema = schema,
					    .connections = connections,
					    .stmts = stmts },
		       err);
}

static enum status open_database(struct svc *svc, struct error *err)
{
	struct db_migration_set sets[SVC_SETS_MAX];
	const struct svc_spec *spec = svc->spec;
	char schema[SVC_SUBJECT_MAX];
	int connections = svc->cfg.connections ? (int)svc->cfg.connections
			  : spec->connections  ? spec->connections
					       : 4;
	enum status st;

	if (!spec->statements)
		return ST_OK;
	schema_name(svc, schema, sizeof(schema));
	st = db_migrations_check(svc->cfg.db_app, schema, sets, migration_sets(spec, sets), err);
	if (st == ST_OK)
		st = open_pool(svc, &svc->db, svc->cfg.db_app, connections, svc_app_statements,
			       spec->statements, err);
	if (st == ST_OK)
		st = open_pool(svc, &svc->worker_db, svc->cfg.db_worker,
			       spec->worker_connections ? spec->worker_connections
							: WORKER_CONNECTIONS,
			       svc_worker_statements, spec->worker_statements, err);
	return st;
}

static enum status open_seal(struct svc *svc, struct error *err)
{
	if (!svc->cfg.seal_key_file[0])
		return svc->spec->contract
			       ? error_set(err, ST_INVALID, "PP_SEAL_KEY_FILE", "is required")
			       : ST_OK;
	return seal_ring_load(&svc->seal, svc->cfg.seal_key_file, err);
}

static enum status open_bus(struct svc *svc, struct error *err)
{
	char inbox[SVC_SUBJECT_MAX];

	snprintf(inbox, sizeof(inbox), "_INBOX_%s", svc->name);
	return bus_open(&svc->bus,
			&(struct bus_config){
				.url = svc->cfg.nats_url,
				.name = svc->name,
				.user = svc->cfg.nats_user[0] ? svc->cfg.nats_user : NULL,
				.seed_file = svc->cfg.nats_seed_file,
				.inbox_prefix = inbox,
			},
			err);
}

static enum status start_server(struct svc *svc, struct error *err)
{
	char subject[SVC_SUBJECT_MAX];
	const struct svc_spec *spec = svc->spec;
	struct bus_server_config cfg = {
		.subject = subject,
		.queue = svc->name,
		.workers = svc_workers(svc),
		.queue_max = SVC_REQUESTS_MAX,
		.serve = svc__serve,
		.full = svc__serve_full,
		.arg = svc,
	};

	if (!spec->contract)
		return ST_OK;
	snprintf(subject, sizeof(subject), "pp.rpc.%s.>", svc->name);
	if (bus_serve(svc->bus, &cfg, &svc->server) != ST_OK)
		return error_set(err, ST_UNAVAILABLE, NULL, "cannot serve %s", subject);
	return ST_OK;
}

/* The order is the one an operator sees in the log when a step fails. */
static enum status start_all(struct svc *svc, struct error *err)
{
	enum status st = svc__telemetry_start(svc, err);

	if (st == ST_OK)
		st = svc__access_start(svc, err);
	if (st == ST_OK && svc->spec->start)
		st = svc->spec->start(svc, svc->app, err);
	/* So that a started service knows the keys; without auth it starts all the same and refuses
	 * tokens until then. */
	if (st == ST_OK && access_version(svc->access) == 0)
		(void)!svc_refresh_access(svc, NULL);
	if (st == ST_OK && svc->db)
		st = svc__relay_start(svc);
	if (st == ST_OK)
		st = svc__consumers_start(svc, err);
	if (st == ST_OK)
		st = start_server(svc, err);
	if (st == ST_OK)
		st = svc__micro_start(svc);
	return st;
}

/* ---- the end, in reverse ---- */

static void stop_all(struct svc *svc)
{
	atomic_store(&svc->stopping, true);
	svc_wake(svc);
	bus_unsubscribe(svc->srv_sub);
	bus_server_stop(svc->server, (int)svc->cfg.drain_ms);
	svc__consumers_stop(svc);
	if (svc->spec->stop)
		svc->spec->stop(svc, svc->app);
	svc__relay_stop(svc);
	svc__access_stop(svc);
	svc__telemetry_stop(svc);
}

static void close_all(struct svc *svc)
{
	bus_close(svc->bus, (int)svc->cfg.drain_ms);
	svc__telemetry_free(svc);
	db_close(svc->db);
	db_close(svc->worker_db);
	seal_ring_free(svc->seal);
	access_free(svc->access);
	for (size_t i = 0; svc->counters && i < svc->spec->contract->n_methods; i++)
		pthread_mutex_destroy(&svc->counters[i].lock);
	free(svc->counters);
	pthread_cond_destroy(&svc->wait_cond);
	pthread_mutex_destroy(&svc->wait_lock);
	pthread_cond_destroy(&svc->access_cond);
	pthread_mutex_destroy(&svc->access_lock);
}

static void init_locks(struct svc *svc)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&svc->wait_lock, NULL);
	pthread_mutex_init(&svc->access_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&svc->wait_cond, &attr);
	pthread_cond_init(&svc->access_cond, &attr);
	pthread_condattr_destroy(&attr);
}

static enum status init(struct svc *svc, const struct svc_spec *spec, void *app)
{
	size_t n = spec->contract ? spec->contract->n_methods : 0;

	*svc = (struct svc){ .magic = SVC_MAGIC,
			     .spec = spec,
			     .app = app,
			     .name = spec->contract ? spec->contract->name : spec->name };
	init_locks(svc);
	uuid_v7(svc->instance);
	time_format(time_now_us(), svc->started_at);
	svc->access = access_new(svc->name);
	if (n > 0)
		svc->counters = calloc(
			n, sizeof(*svc->counters)); /* allowed: lives as long as the process */
	if (!svc->access || (n > 0 && !svc->counters) || sodium_init() < 0)
		return ST_UNAVAILABLE;
	for (size_t i = 0; i < n; i++)
		pthread_mutex_init(&svc->counters[i].lock, NULL);
	return ST_OK;
}

/* ---- commands ---- */

static int fail(const struct error *err)
{
	log_event(LOG_ERROR, "service.failed", "%s%s%s", err->field, err->field[0] ? " " : "",
		  err->detail[0] ? err->detail : "could not start");
	return 1;
}

static int migrate(struct svc *svc)
{
	struct db_migration_set sets[SVC_SETS_MAX];
	char schema[SVC_SUBJECT_MAX];
	struct error err = { 0 };

	if (!svc->spec->statements)
		return 0;
	schema_name(svc, schema, sizeof(schema));
	return db_migrate(svc->cfg.db_owner, schema, sets, migration_sets(svc->spec, sets), &err) ==
			       ST_OK
		       ? 0
		       : fail(&err);
}

static int describe(struct svc *svc)
{
	const struct contract_service *c = svc->spec->contract;
	struct config_table tables[2] = { { runtime_config, &svc->cfg },
					  { svc->spec->config, svc->app } };

	printf("# %s\n\n%s\n\n## Settings\n\n", svc->name, svc->spec->summary);
	config_describe(tables, svc->spec->config ? 2 : 1);
	printf("\n## Methods\n\n| subject | route | role |\n|---|---|---|\n");
	for (size_t i = 0; c && i < c->n_methods; i++)
		printf("| `%s` | %s %s | %s |\n", c->methods[i].subject,
		       c->methods[i].http_method ? c->methods[i].http_method : "",
		       c->methods[i].http_path ? c->methods[i].http_path : "",
		       role_name(c->methods[i].role));
	printf("\n## Events\n\n| event | |\n|---|---|\n");
	for (size_t i = 0; c && i < c->n_events; i++)
		printf("| `%s.%s.%s` | %s |\n", c->name, c->events[i].entity, c->events[i].action,
		       c->events[i].doc ? c->events[i].doc : "");
	return 0;
}

/*
 * SIGTERM and SIGINT are blocked in every thread and taken here. A bus connection that is closed
 * for good (our user was taken away) ends the process with an error, so that whoever watches it
 * starts it anew.
 */
static enum status wait_for_signal(struct svc *svc, const sigset_t *set, struct error *err)
{
	const struct timespec look = { 1, 0 };
	int sig;

	for (;;) {
		sig = sigtimedwait(set, NULL, &look);
		if (sig > 0)
			break;
		if (bus_lost(svc->bus))
			return error_set(err, ST_UNAVAILABLE, NULL,
					 "nats-server has closed our connection for good");
	}
	log_event(LOG_INFO, "service.stopping", "signal %d", sig);
	return ST_OK;
}

static int serve(struct svc *svc, const sigset_t *set, bool check_only)
{
	struct error err = { 0 };
	enum status st = open_bus(svc, &err);

	if (st == ST_OK && check_only) {
		log_event(LOG_INFO, "service.checked",
			  "settings, database, statements and bus are fine");
		return 0;
	}
	if (st == ST_OK)
		st = start_all(svc, &err);
	if (st == ST_OK) {
		log_event(LOG_INFO, "service.started", "instance %s", svc->instance);
		st = wait_for_signal(svc, set, &err);
	}
	if (svc->bus)
		stop_all(svc);
	return st == ST_OK ? 0 : fail(&err);
}

static int run(struct svc *svc, int argc, char **argv, const sigset_t *set)
{
	const char *flag = argc > 1 ? argv[1] : "";
	struct error err = { 0 };
	int code = 0;

	if (strcmp(flag, "--version") == 0)
		return printf("%s 1.0.0\n", svc->name) < 0;
	if (strcmp(flag, "--describe") == 0)
		return describe(svc);
	if (load_config(svc, &err) != ST_OK)
		return fail(&err);
	log_init(svc->name, (enum log_level)svc->cfg.log_level);
	if (strcmp(flag, "--migrate") == 0)
		return migrate(svc);
	if (open_seal(svc, &err) != ST_OK || open_database(svc, &err) != ST_OK)
		return fail(&err);
	if (svc->spec->command && svc->spec->command(svc, svc->app, argc, argv, &code))
		return code;
	if (*flag && strcmp(flag, "--check") != 0) {
		fprintf(stderr, "usage: %s [--migrate | --check | --describe | --version]\n",
			svc->name);
		return 2;
	}
	return serve(svc, set, strcmp(flag, "--check") == 0);
}

/*
 * Who wakes waits for its turn instead of taking the core from who runs: a thread that has just
 * woken another mostly holds a lock that the other wants. Shares of the processor stay as they are
 * (sched(7), SCHED_BATCH). Where it is not allowed, all works the same, a tenth dearer.
 */
static void yield_to_who_runs(void)
{
	const struct sched_param none = { 0 };

	(void)sched_setscheduler(0, SCHED_BATCH, &none);
}

int svc_main(const struct svc_spec *spec, void *app, int argc, char **argv)
{
	static struct svc svc;
	sigset_t set;
	int code;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	yield_to_who_runs();
	log_init(spec->contract ? spec->contract->name : spec->name, LOG_INFO);
	if (init(&svc, spec, app) != ST_OK) {
		log_event(LOG_ERROR, "service.failed", "out of memory");
		return 1;
	}
	code = run(&svc, argc, argv, &set);
	close_all(&svc);
	return code;
}
