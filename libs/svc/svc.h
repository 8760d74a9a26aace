/*
 * The runtime every service shares: configuration, database, bus, access checks, dispatch, events,
 *health. A service is a description and tables:
 *
 *	int main(int argc, char **argv)
 *	{
 *		static struct auth app;
 *		return svc_main(&auth_spec, &app, argc, argv);
 *	}
 *
 * svc_main boots in this order: flags, environment, log, database (migrations must be applied:
 *`--migrate`), bus, access state, start hook, relay, consumers, requests; then waits for SIGTERM
 *and takes it all down in reverse, answering what it took.
 */
#ifndef SVC_SVC_H
#define SVC_SVC_H

#include "access/access.h"
#include "bus/bus.h"
#include "core/buf.h"
#include "core/config.h"
#include "core/contract.h"
#include "db/db.h"
#include "db/migrate.h"
#include "svc/call.h"
#include "svc/seal.h"

#include <stdbool.h>
#include <stdint.h>

struct svc;

struct svc_spec {
	const struct contract_service *contract; /* NULL: a client of the bus only (api-edge) */
	const char *name;                        /* only without contract */
	const char *summary;
	const struct config_item *config; /* own settings, offsets in app; may be NULL */
	const void *handlers;             /* the generated struct of handlers */
	const void *consumers;            /* the generated struct of consumers; may be NULL */
	const struct db_stmt *const
		*statements; /* NULL-ended list of the stores' tables; NULL: no database */
	const struct db_stmt *const *worker_statements; /* those run as <svc>_worker; may be NULL */
	const struct db_migration_set *migrations; /* the service's sets, ended by a zeroed one */
	int workers;                               /* request threads; 0: 16 */
	int connections;        /* database connections for requests and consumers; 0: 4 */
	int worker_connections; /* of the worker's pool, of which the relay uses one; 0: 3 */
	/* Hooks, each may be NULL. start runs before requests are taken, stop after the last was
	 * answered. */
	enum status (*start)(struct svc *svc, void *app, struct error *err);
	void (*stop)(struct svc *svc, void *app);
	/* Members of its own for the answer to $SRV.STATS, each as ",\"name\":value". */
	void (*stats)(struct svc *svc, void *app, struct buf *out);
	/* Reads the access state itself instead of asking auth over the bus (only auth does). */
	enum status (*access_state)(struct svc *svc, void *app, struct arena *arena,
				    struct access_state *ret, struct error *err);
	/*
	 * Commands of the program before serving, e.g. auth --bootstrap: returns true when it
	 * handled argv and sets *exit_code. The database pools are open, the bus is not.
	 */
	bool (*command)(struct svc *svc, void *app, int argc, char **argv, int *exit_code);
};

/* Runs the service until SIGTERM or SIGINT; the exit code. Flags: --migrate, --check, --describe,
 * --version. */
int svc_main(const struct svc_spec *spec, void *app, int argc, char **argv);

const char *svc_name(const struct svc *svc);
struct bus *svc_bus(struct svc *svc);
struct access *svc_access(struct svc *svc);
/* The pool as <svc>_app (row-level security applies) and, with worker_statements, as <svc>_worker.
 */
struct db *svc_db(struct svc *svc);
struct db *svc_worker_db(struct svc *svc);
/* Its connection string, for who needs a session of its own (libs/ingest). Never logged. */
const char *svc_worker_conninfo(const struct svc *svc);
/* Request threads of this process: who keeps some of them for long leaves the others. */
int svc_workers(const struct svc *svc);
/* True once a stop was asked for; long work must look and leave. */
bool svc_stopping(const struct svc *svc);
/* Waits until stop, a svc_wake, or the timeout. */
void svc_wait(struct svc *svc, int timeout_ms);
void svc_wake(struct svc *svc);
/* Wakes this process's relay (outbox_put registers it itself). */
void svc_wake_relay(struct svc *svc);
/* Tells all services to fetch the access state again now (auth, after a suspension or logout). */
enum status svc_announce_access(struct svc *svc) MUST_USE;
/* Fetches the access state now; used at start and for an unknown key. Rate-limited to once per 200
 * ms. */
enum status svc_refresh_access(struct svc *svc, struct error *err) MUST_USE;

/* The ring of sealing keys (svc/seal.h). */
struct seal_ring *svc_seal_ring(struct svc *svc);

/*
 * A call made without an incoming one (jobs, api-edge): fills `call` for svc_call. `token` may be
 * NULL. The caller owns arena and err.
 */
void svc_call_init(struct call *call, struct svc *svc, struct arena *arena, struct error *err,
		   const char *token, const char *request_id, const char *traceparent,
		   int timeout_ms);

#endif
