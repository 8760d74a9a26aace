/*
 * What the tests of attribution share: PostgreSQL, nats-server, streams and users as the deploy
 * step makes them, the attribution program as a process, and this test in the places of its
 * neighbours: auth (keys of tokens, brands), the two ingest services (events) and api-edge (calls).
 * Read next: attribution_fixture.c, test_attribution_*.c.
 */
#ifndef COMPONENT_ATTRIBUTION_FIXTURE_H
#define COMPONENT_ATTRIBUTION_FIXTURE_H

#include "bus/bus.h"
#include "contract/attribution.h"
#include "contract/attribution_events.h"
#include "contract/auth_events.h"
#include "contract/ingest_ads_events.h"
#include "contract/ingest_shopify_events.h"
#include "core/arena.h"
#include "core/contract.h"
#include "core/id.h"
#include "testkit/testkit.h"

#include <stdbool.h>
#include <stdint.h>

#define AT_WAIT_MS 60000 /* a condition that is not met by then fails the test */

struct at_world {
	char dir[TK_TEXT];         /* settings and secrets of the deploy step */
	char pg[2 * TK_TEXT + 64]; /* superuser's connection string */
	struct arena *arena;
	struct bus *auth, *shopify, *ads, *edge;
	struct bus_server *access;    /* answers auth.AccessState */
	struct bus_consumer *updated; /* attribution.updated, as ingest-shopify hears it */
	char private_pem[512], public_pem[512];
	struct tk_nats *nats;
	struct tk_proc *service;
};

/* Starts all of it. Fails hard: no test can run without. */
void at_start(struct at_world *w);
void at_stop(struct at_world *w);
/* Forgets the answers of the test before. */
void at_fresh(struct at_world *w);
/* SIGTERM, its exit code, and a new process that is ready. */
void at_restart(struct at_world *w);

/* ---- who asks ---- */

struct at_tenant {
	char id[UUID_TEXT], brand[UUID_TEXT];
	char token[4096]; /* of an analyst of all its brands */
};
/* A tenant of its own with one brand that attribution knows. */
void at_tenant(struct at_world *w, struct at_tenant *t, const char *currency);
/* A token of that tenant; `brands` "" for all. */
const char *at_token(struct at_world *w, const char *tenant, enum role role, const char *brands);

/* ---- events ---- */

/* Publishes as the event's owner would; `id` NULL for a new one. */
void at_publish(struct at_world *w, const char *tenant, const struct contract_event *event,
		const void *message, const char *id);
/* As at_publish for events that will be refused: at_settled does not wait for them. */
void at_publish_bad(struct at_world *w, const char *tenant, const struct contract_event *event,
		    const void *message);
/* The broker forgets everything it stored. */
void at_forget_streams(struct at_world *w);
/* How many dead letters the service has told of in its log; waits until there are as many. */
int64_t at_dead_letters(struct at_world *w);
void at_until_dead_letters(struct at_world *w, int64_t want);
/* Shortcuts. */
#define AT_ORDERS    (&ingest_shopify_events[INGEST_SHOPIFY_EVENT_ORDERS_UPSERTED])
#define AT_SHOP_DONE (&ingest_shopify_events[INGEST_SHOPIFY_EVENT_SYNC_FINISHED])
#define AT_RESULTS   (&ingest_ads_events[INGEST_ADS_EVENT_AD_RESULTS_UPSERTED])
#define AT_CAMPAIGNS (&ingest_ads_events[INGEST_ADS_EVENT_CAMPAIGNS_UPSERTED])
#define AT_ADS_DONE  (&ingest_ads_events[INGEST_ADS_EVENT_SYNC_FINISHED])
#define AT_BRANDS    (&auth_events[AUTH_EVENT_BRANDS_UPSERTED])
void at_publish_brand(struct at_world *w, const char *tenant, const char *brand,
		      const char *currency, uint64_t version);
/* Waits until every event of the tenant published so far stands in the inbox, so its effect is
 * committed. */
void at_settled(struct at_world *w, const char *tenant);
/* The next attribution.updated of the tenant as "brand run source"; waits for it. */
const char *at_next_update(struct at_world *w, const char *tenant);

/* ---- calls ---- */

struct at_reply {
	enum status status;
	char field[ERROR_FIELD_MAX], detail[ERROR_DETAIL_MAX];
	const void *out; /* the method's output message when status is ST_OK */
};
struct at_reply at_call(struct at_world *w, const char *token, enum attribution_method method,
			const void *in);
/* The same; anything but ST_OK fails the test. */
const void *at_must(struct at_world *w, const char *token, enum attribution_method method,
		    const void *in);

/* ---- the database, as its superuser ---- */

const char *at_sql(struct at_world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
int64_t at_sql_int(struct at_world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void at_sql_until(struct at_world *w, int64_t want, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
