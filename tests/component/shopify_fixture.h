/*
 * What the tests of ingest-shopify share: PostgreSQL, nats-server, users and streams as the deploy
 * step makes them, the simulator on a copy of data/nasty.tar.gz, the ingest-shopify program as a
 * process, and this test in the places of its neighbours: auth (keys, brands), attribution
 * (credits, attribution.updated, reading events) and api-edge (calls). Read next:
 * shopify_fixture.c, test_shopify_*.c.
 */
#ifndef COMPONENT_SHOPIFY_FIXTURE_H
#define COMPONENT_SHOPIFY_FIXTURE_H

#include "access/access.h"
#include "component/world.h"
#include "contract/attribution.h"
#include "contract/ingest_shopify.h"
#include "contract/ingest_shopify_events.h"
#include "http/client.h"

#include <cjson/cJSON.h>
#include <stdatomic.h>

#define SX_WAIT_MS 60000 /* a condition that is not met by then fails the test */
#define SX_SHOP    "nasty.myshopify.com"
#define SX_BRANDS  64
/* expected.json of data/nasty.tar.gz */
#define SX_ORDERS  140
#define SX_COUNT   113
#define SX_GROSS   INT64_C(965318954000)
#define SX_REFUNDS INT64_C(59331138000)

struct sx_tenant {
	char id[UUID_TEXT], brand[UUID_TEXT];
	char admin[ACCESS_TOKEN_MAX], viewer[ACCESS_TOKEN_MAX];
};

struct sx_world {
	struct world world;
	struct arena *arena;     /* the world's */
	const char *dir;         /* the world's */
	const char *program;     /* the service under test, world.service its process */
	const char *settings;    /* a file of more settings of it; NULL: none */
	char data[TK_TEXT + 16]; /* the folder the simulator serves */
	struct bus *auth, *attribution;
	struct bus_server *brand_server, *credit_server;
	struct bus_consumer *orders; /* orders.upserted, as attribution hears it */
	struct access *access;
	struct http_client *http;
	struct tk_proc *simulator;
	char simulator_url[128];
	struct sx_tenant brands[SX_BRANDS]; /* whose GetBrand is answered */
	atomic_int n_brands, brand_calls, credit_calls;
};

/* Starts all of it. `plan` is the shop's at the simulator. Fails hard: no test can run without. */
void sx_start(struct sx_world *w, const char *plan);
/* The same around ingest-ads. */
void sx_start_ads(struct sx_world *w);
/* The same around ai-insights; read next: insights_fixture.h. */
void sx_start_insights(struct sx_world *w);
/* The same around token-billing. */
void sx_start_billing(struct sx_world *w);
/* A connection of one of the bus users; the caller closes it. */
struct bus *sx_bus(struct sx_world *w, const char *user);
void sx_stop(struct sx_world *w);
/* Frees what the test before left, forgets faults and reloads the data as they were. */
void sx_fresh(struct sx_world *w);
/* The program: started (and ready), ended in order (exit code 0), killed. */
void sx_service_start(struct sx_world *w);
void sx_service_stop(struct sx_world *w);
void sx_service_kill(struct sx_world *w);

/* ---- who asks ---- */

/* A tenant with one brand that auth knows. */
void sx_tenant(struct sx_world *w, struct sx_tenant *t);

struct reply sx_call(struct sx_world *w, const char *token, enum ingest_shopify_method method,
		     const void *in);
/* Any method of any service, as the edge calls it. */
struct reply sx_ask(struct sx_world *w, const char *token, const struct contract_method *c,
		    const void *in);
/* The same; anything but ST_OK fails the test. */
const void *sx_must(struct sx_world *w, const char *token, enum ingest_shopify_method method,
		    const void *in);
/* The usual: connects the simulator's shop with a fresh code; starts a run; its row; waits until it
 * is in the state (fails the test when it ends in another). */
const Shopify__V1__Connection *sx_connect(struct sx_world *w, const struct sx_tenant *t);
const char *sx_sync(struct sx_world *w, const struct sx_tenant *t, bool full);
const Pulsepoint__SyncRun *sx_run(struct sx_world *w, const struct sx_tenant *t, const char *run);
const Pulsepoint__SyncRun *sx_await(struct sx_world *w, const struct sx_tenant *t, const char *run,
				    Pulsepoint__SyncState state);

/* ---- attribution's part ---- */

/* Says that the reports contain the run. */
void sx_announce(struct sx_world *w, const struct sx_tenant *t, const char *run,
		 const char *source);
/* Credits are answered (the default), refused with words, or nobody listens. */
enum sx_credits { SX_CREDITS_GIVEN, SX_CREDITS_REFUSED };
void sx_credits(struct sx_world *w, enum sx_credits how);
/* The next orders.upserted of the tenant, in the world's arena; NULL when none comes within
 * wait_ms. Others' are skipped. */
const Shopify__V1__OrdersUpserted *sx_next_orders(struct sx_world *w, const struct sx_tenant *t,
						  int wait_ms);

/* ---- the provider ---- */

void sx_simulator_start(struct sx_world *w, const char *plan);
void sx_simulator_stop(struct sx_world *w);
/* No faults, no pace, the data as they were. */
void sx_simulator_fresh(struct sx_world *w);
/* POST to the control port; `body` "" for none. The answer's text, in the arena. */
const char *sx_control(struct sx_world *w, const char *path, const char *body);
/* A code of the consent page; and what a fresh one is exchanged for: "access_token" or
 * "refresh_token". */
const char *sx_code(struct sx_world *w);
const char *sx_exchange(struct sx_world *w, const char *which);
/* Uses up the shop's budget until at most `left` points are there. */
void sx_drain(struct sx_world *w, int left);
/* Requests to an endpoint so far, what the provider counts as `name` ("requests", "throttled"). */
int64_t sx_served(struct sx_world *w, const char *endpoint, const char *name);
int64_t sx_served_by(struct sx_world *w, const char *provider, const char *endpoint,
		     const char *name);
/* A fault on an endpoint ("" for any). */
void sx_fault(struct sx_world *w, const char *endpoint, const char *kind, int count, int after);
void sx_fault_of(struct sx_world *w, const char *provider, const char *endpoint, const char *kind,
		 int count, int after);
/* Each answer of the provider takes that much longer. */
void sx_pace(struct sx_world *w, const char *provider, int delay_ms);
/* Replaces a line of a file of the data that begins with `start` by `line` (NULL: adds `line` at
 * the end) and has the simulator read them again. */
void sx_edit(struct sx_world *w, const char *file, const char *start, const char *line);

/* ---- the database, as its superuser ---- */

#define sx_int(w, ...)   world_sql_int(&(w)->world, __VA_ARGS__)
#define sx_text(w, ...)  world_sql(&(w)->world, __VA_ARGS__)
#define sx_until(w, ...) world_sql_reach(&(w)->world, __VA_ARGS__)
/* The totals of nasty, from the service's own tables. */
void sx_check_totals(struct sx_world *w, const struct sx_tenant *t);
/* Events of the tenant so far: orders.upserted, sync.finished ... */
int64_t sx_events(struct sx_world *w, const struct sx_tenant *t, const char *what);

#endif
