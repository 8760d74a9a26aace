/*
 * What the tests of attribution share: PostgreSQL, nats-server, streams and users as the deploy
 * step makes them, the attribution program as a process, and this test in the places of its
 * neighbours: auth (keys of tokens, brands), the two ingest services (events) and api-edge (calls).
 * Read next: attribution_fixture.c, test_attribution_*.c.
 */
#ifndef COMPONENT_ATTRIBUTION_FIXTURE_H
#define COMPONENT_ATTRIBUTION_FIXTURE_H

#include "component/world.h"
#include "contract/attribution.h"
#include "contract/attribution_events.h"
#include "contract/auth_events.h"
#include "contract/ingest_ads_events.h"
#include "contract/ingest_shopify_events.h"

#include <stdint.h>

/* Starts all of it. Fails hard: no test can run without. */
void at_start(struct world *w);
void at_stop(struct world *w);
/* SIGTERM, its exit code, and a new process that is ready. */
void at_restart(struct world *w);

/* ---- who asks ---- */

struct at_tenant {
	char id[UUID_TEXT], brand[UUID_TEXT];
	char token[4096]; /* of an analyst of all its brands */
};
/* A tenant of its own with one brand that attribution knows. */
void at_tenant(struct world *w, struct at_tenant *t, const char *currency);

/* ---- events ---- */

/* Publishes as the event's owner would; `id` NULL for a new one. */
void at_publish(struct world *w, const char *tenant, const struct contract_event *event,
		const void *message, const char *id);
/* As at_publish for events that will be refused: at_settled does not wait for them. */
void at_publish_bad(struct world *w, const char *tenant, const struct contract_event *event,
		    const void *message);
/* The broker forgets everything it stored. */
void at_forget_streams(struct world *w);
/* How many dead letters the service has told of in its log; waits until there are as many. */
int64_t at_dead_letters(struct world *w);
void at_until_dead_letters(struct world *w, int64_t want);
/* Shortcuts. */
#define AT_ORDERS    (&ingest_shopify_events[INGEST_SHOPIFY_EVENT_ORDERS_UPSERTED])
#define AT_SHOP_DONE (&ingest_shopify_events[INGEST_SHOPIFY_EVENT_SYNC_FINISHED])
#define AT_RESULTS   (&ingest_ads_events[INGEST_ADS_EVENT_AD_RESULTS_UPSERTED])
#define AT_CAMPAIGNS (&ingest_ads_events[INGEST_ADS_EVENT_CAMPAIGNS_UPSERTED])
#define AT_ADS_DONE  (&ingest_ads_events[INGEST_ADS_EVENT_SYNC_FINISHED])
#define AT_BRANDS    (&auth_events[AUTH_EVENT_BRANDS_UPSERTED])
void at_publish_brand(struct world *w, const char *tenant, const char *brand, const char *currency,
		      uint64_t version);
/* Waits until every event of the tenant published so far stands in the inbox, so its effect is
 * committed. */
void at_settled(struct world *w, const char *tenant);
/* The next attribution.updated of the tenant as "brand run source"; waits for it. */
const char *at_next_update(struct world *w, const char *tenant);

/* ---- calls ---- */

struct reply at_call(struct world *w, const char *token, enum attribution_method method,
		     const void *in);
/* The same; anything but ST_OK fails the test. */
const void *at_must(struct world *w, const char *token, enum attribution_method method,
		    const void *in);

#endif
