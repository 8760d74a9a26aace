/*
 * What the tests of telemetry share: PostgreSQL, nats-server, streams and users as the deploy step
 * makes them, the observability program as a process, and this test in the places of the services
 * that tell it something. Read next: telemetry_fixture.c, test_observability_*.c.
 */
#ifndef COMPONENT_TELEMETRY_FIXTURE_H
#define COMPONENT_TELEMETRY_FIXTURE_H

#include "bus/bus.h"
#include "contract/observability.h"
#include "core/arena.h"
#include "core/contract.h"
#include "core/id.h"
#include "pulsepoint/telemetry.pb-c.h"
#include "testkit/testkit.h"

#include <stdbool.h>
#include <stdint.h>

#define TW_WAIT_MS 60000 /* a condition that is not met by then fails the test */
#define TW_BUSES   8

struct tw_world {
	char dir[TK_TEXT];         /* settings and secrets of the deploy step */
	char pg[2 * TK_TEXT + 64]; /* superuser's connection string */
	struct arena *arena;
	struct bus *buses[TW_BUSES]; /* as the users of the bus, see tw_bus */
	const char *users[TW_BUSES];
	struct bus_server *access; /* answers auth.AccessState */
	char private_pem[512], public_pem[512];
	struct tk_nats *nats;
	struct tk_proc *service;
};

/* Starts all of it. Fails hard: no test can run without. */
void tw_start(struct tw_world *w);
void tw_stop(struct tw_world *w);
/* Forgets the answers of the test before. */
void tw_fresh(struct tw_world *w);
/* kill -9, and a new process that is ready. */
void tw_kill(struct tw_world *w);
void tw_start_service(struct tw_world *w);
/* A connection as that user of the bus; made at the first use, closed by tw_stop. */
struct bus *tw_bus(struct tw_world *w, const char *user);
/* The environment of a program as pp-deploy prints it; free with tk_env_done. */
void tw_env(struct tw_world *w, const char *user, struct tk_env *env);

/* A token of that tenant; `brands` "" for all. */
const char *tw_token(struct tw_world *w, const char *tenant, enum role role, const char *brands);

/* Publishes an event as its owner would; `id` NULL for a new one (the same id again: as a replay,
 * which the stream lets through); at 0 is now. */
void tw_publish(struct tw_world *w, const char *tenant, const struct contract_event *event,
		const void *message, const char *actor, const char *id, int64_t at_us);

/* ---- telemetry ---- */

/* A row whose method is "M<n>", with ids of its own. In the arena. */
Pulsepoint__RequestRow *tw_row(struct tw_world *w, const char *tenant, int n);
/* Publishes a page as that service; the counts as libs/svc tells them. */
void tw_page(struct tw_world *w, const char *service, const char *instance, uint64_t page,
	     uint64_t emitted, uint64_t dropped, Pulsepoint__RequestRow **rows, size_t n);
/* Publishes bytes on the service's telemetry subject. */
void tw_page_bytes(struct tw_world *w, const char *service, const char *id, const void *data,
		   size_t len);

/* ---- calls ---- */

struct tw_reply {
	enum status status;
	char field[ERROR_FIELD_MAX], detail[ERROR_DETAIL_MAX];
	const void *out; /* the method's output message when status is ST_OK */
};
struct tw_reply tw_call(struct tw_world *w, const char *token, enum observability_method method,
			const void *in);
/* The same; anything but ST_OK fails the test. */
const void *tw_must(struct tw_world *w, const char *token, enum observability_method method,
		    const void *in);

/* ---- the database, as its superuser ---- */

const char *tw_sql(struct tw_world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
int64_t tw_sql_int(struct tw_world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void tw_sql_until(struct tw_world *w, int64_t want, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
