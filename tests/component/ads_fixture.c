/* See ads_fixture.h. */
#include "component/ads_fixture.h"

#include "core/magic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

const struct ads_platform ads_platforms[ADS_PLATFORMS] = {
	{ ADS__V1__PLATFORM__PLATFORM_META, "meta", "Meta", "meta_access_token", "access_token",
	  "refresh_token", "insights", "act-1", "KWD", INT64_C(2018496000), 41 },
	{ ADS__V1__PLATFORM__PLATFORM_TIKTOK, "tiktok", "TikTok", "tiktok_access_token",
	  "access_token", "refresh_token", "report", "tt", "KWD", 0, 14 },
	{ ADS__V1__PLATFORM__PLATFORM_GOOGLE, "google", "Google", "google_refresh_token",
	  "refresh_token", "access_token", "searchStream", "123-usd", "USD", INT64_C(16337660000),
	  41 },
};

void ads_ears_open(struct sx_world *w, struct ads_ears *e)
{
	e->results = world_listen(&w->world, "attribution",
				  &ingest_ads_events[INGEST_ADS_EVENT_AD_RESULTS_UPSERTED]);
	e->campaigns = world_listen(&w->world, "attribution",
				    &ingest_ads_events[INGEST_ADS_EVENT_CAMPAIGNS_UPSERTED]);
	e->finished = world_listen(&w->world, "attribution",
				   &ingest_ads_events[INGEST_ADS_EVENT_SYNC_FINISHED]);
}

void ads_ears_close(struct ads_ears *e)
{
	bus_consumer_close(e->results);
	bus_consumer_close(e->campaigns);
	bus_consumer_close(e->finished);
}

static const void *must(struct sx_world *w, const char *token, enum ingest_ads_method method,
			const void *in)
{
	return world_must(sx_ask(w, token, &ingest_ads_methods[method], in),
			  ingest_ads_methods[method].name);
}

const char *ads_token(struct sx_world *w, const struct ads_platform *p)
{
	cJSON *tree = cJSON_Parse(sx_control(w, "tokens", ""));
	const cJSON *token = cJSON_GetObjectItem(tree, p->token);
	const char *text;

	INVARIANT(cJSON_IsString(token));
	text = arena_strdup(w->arena, token->valuestring);
	cJSON_Delete(tree);
	return text;
}

struct reply ads_try(struct sx_world *w, const struct sx_tenant *t, const struct ads_platform *p,
		     const char *account, const char *field, const char *credential)
{
	Ads__V1__ConnectRequest in = ADS__V1__CONNECT_REQUEST__INIT;

	in.platform = p->id;
	in.brand_id = (char *)t->brand;
	in.account_id = (char *)account;
	if (strcmp(field, "access_token") == 0)
		in.access_token = (char *)credential;
	else
		in.refresh_token = (char *)credential;
	return sx_ask(w, t->admin, &ingest_ads_methods[INGEST_ADS_CONNECT], &in);
}

void ads_connect(struct sx_world *w, const struct sx_tenant *t, const struct ads_platform *p)
{
	world_must(ads_try(w, t, p, "", p->field, ads_token(w, p)), p->name);
}

void ads_connected(struct sx_world *w, struct sx_tenant *t, const struct ads_platform *p)
{
	sx_tenant(w, t);
	ads_connect(w, t, p);
}

const Ads__V1__Connection *ads_connection(struct sx_world *w, const struct sx_tenant *t,
					  const struct ads_platform *p)
{
	Ads__V1__ListConnectionsRequest in = ADS__V1__LIST_CONNECTIONS_REQUEST__INIT;
	const Ads__V1__ListConnectionsReply *list;

	in.platform = p->id;
	list = must(w, t->viewer, INGEST_ADS_LIST_CONNECTIONS, &in);
	assert_int_equal(list->n_connections, 1);
	return list->connections[0];
}

const char *ads_sync(struct sx_world *w, const struct sx_tenant *t, const struct ads_platform *p)
{
	Ads__V1__StartSyncRequest in = ADS__V1__START_SYNC_REQUEST__INIT;
	const Pulsepoint__SyncStarted *started;

	in.platform = p->id;
	in.brand_id = (char *)t->brand;
	started = must(w, t->admin, INGEST_ADS_START_SYNC, &in);
	return started->run_id;
}

const Pulsepoint__SyncRun *ads_run(struct sx_world *w, const struct sx_tenant *t,
				   const struct ads_platform *p, const char *run)
{
	Ads__V1__GetSyncRequest in = ADS__V1__GET_SYNC_REQUEST__INIT;

	in.platform = p->id;
	in.run_id = (char *)run;
	return must(w, t->viewer, INGEST_ADS_GET_SYNC, &in);
}

struct awaited {
	struct sx_world *w;
	const struct sx_tenant *t;
	const struct ads_platform *p;
	const char *run;
	Pulsepoint__SyncState state;
	const Pulsepoint__SyncRun *got;
};

static bool state_reached(void *arg)
{
	struct awaited *x = arg;

	x->got = ads_run(x->w, x->t, x->p, x->run);
	return x->got->state == x->state || x->got->state == ADS_FAILED;
}

const Pulsepoint__SyncRun *ads_await(struct sx_world *w, const struct sx_tenant *t,
				     const struct ads_platform *p, const char *run,
				     Pulsepoint__SyncState state)
{
	struct awaited x = { w, t, p, run, state, NULL };

	if (!tk_wait_until(state_reached, &x, SX_WAIT_MS) || x.got->state != state)
		fail_msg("the run is in state %d, not %d: %s %s", (int)x.got->state, (int)state,
			 x.got->error, x.got->note);
	return x.got;
}

const Pulsepoint__SyncRun *ads_synced(struct sx_world *w, const struct sx_tenant *t,
				      const struct ads_platform *p)
{
	const char *run = ads_sync(w, t, p);

	ads_await(w, t, p, run, ADS_PROJECTED);
	sx_announce(w, t, run, p->name);
	return ads_await(w, t, p, run, ADS_DONE);
}

void ads_check_totals(struct sx_world *w, const struct sx_tenant *t, const struct ads_platform *p)
{
	assert_string_equal(sx_text(w,
				    "SELECT count(*) || ' ' || sum(spend_micros) || ' ' || "
				    "string_agg(DISTINCT currency, ',') || ' ' || max(version) "
				    "FROM ingest_ads.results WHERE brand_id = '%s' AND platform = "
				    "'%s'",
				    t->brand, p->name),
			    arena_printf(w->arena, "%lld %lld %s 1", (long long)p->rows,
					 (long long)p->spend, p->currency));
}

int64_t ads_events(struct sx_world *w, const struct sx_tenant *t, const char *what)
{
	return sx_int(w,
		      "SELECT count(*) FROM ingest_ads.outbox WHERE subject = "
		      "'pp.evt.%s.ingest-ads.%s'",
		      t->id, what);
}
