/*
 * What the tests of ingest-ads share on top of shopify_fixture.h (the same servers, simulator and
 * neighbours around another program): the three platforms as data/nasty.tar.gz has them, calls and
 * sums. Read next: test_ads_*.c.
 */
#ifndef COMPONENT_ADS_FIXTURE_H
#define COMPONENT_ADS_FIXTURE_H

#include "component/shopify_fixture.h"
#include "contract/ingest_ads.h"
#include "contract/ingest_ads_events.h"

#define ADS_PLATFORMS 3
#define ADS_PROJECTED PULSEPOINT__SYNC_STATE__SYNC_STATE_PROJECTING
#define ADS_DONE      PULSEPOINT__SYNC_STATE__SYNC_STATE_DONE
#define ADS_FAILED    PULSEPOINT__SYNC_STATE__SYNC_STATE_FAILED

/* A platform, and expected.json of it. */
struct ads_platform {
	Ads__V1__Platform id;
	const char *name, *title, *token; /* token: the name /control/tokens gives it */
	const char *field, *other;        /* of the credential it takes, and the one it does not */
	const char *endpoint;             /* where results come from */
	const char *account, *currency;
	int64_t spend, rows;
};
extern const struct ads_platform ads_platforms[ADS_PLATFORMS];

/* Events as attribution hears them. */
struct ads_ears {
	struct bus_consumer *results, *campaigns, *finished;
};
void ads_ears_open(struct sx_world *w, struct ads_ears *e);
void ads_ears_close(struct ads_ears *e);

/* Good credentials, fresh from the platform's consent page. */
const char *ads_token(struct sx_world *w, const struct ads_platform *p);
/* Connects with a credential put into `field`; `account` "" for all. */
struct reply ads_try(struct sx_world *w, const struct sx_tenant *t, const struct ads_platform *p,
		     const char *account, const char *field, const char *credential);
/* A new tenant and brand with all accounts of the platform; the same for one that is there. */
void ads_connected(struct sx_world *w, struct sx_tenant *t, const struct ads_platform *p);
void ads_connect(struct sx_world *w, const struct sx_tenant *t, const struct ads_platform *p);
const Ads__V1__Connection *ads_connection(struct sx_world *w, const struct sx_tenant *t,
					  const struct ads_platform *p);
const char *ads_sync(struct sx_world *w, const struct sx_tenant *t, const struct ads_platform *p);
const Pulsepoint__SyncRun *ads_run(struct sx_world *w, const struct sx_tenant *t,
				   const struct ads_platform *p, const char *run);
/* Waits for the state; the test fails when the run ends in another. */
const Pulsepoint__SyncRun *ads_await(struct sx_world *w, const struct sx_tenant *t,
				     const struct ads_platform *p, const char *run,
				     Pulsepoint__SyncState state);
/* A run to its very end, attribution's word included. */
const Pulsepoint__SyncRun *ads_synced(struct sx_world *w, const struct sx_tenant *t,
				      const struct ads_platform *p);
/* The platform's totals in the service's own tables. */
void ads_check_totals(struct sx_world *w, const struct sx_tenant *t, const struct ads_platform *p);
/* Events of the tenant so far: ad_results.upserted, sync.finished ... */
int64_t ads_events(struct sx_world *w, const struct sx_tenant *t, const char *what);

#endif
