/* See shopify_fixture.h. */
#include "component/shopify_fixture.h"

#include "contract/attribution_events.h"
#include "contract/auth.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- neighbours ---- */

/* Whose token a message carries; NULL for none that is good. */
static const char *tenant_of(struct sx_world *w, const struct bus_msg *m, struct access_claims *c)
{
	const char *token = bus_msg_header(m, "Authorization");
	struct error err = { 0 };

	if (!token || strncmp(token, "Bearer ", 7) != 0 ||
	    access_verify(w->access, token + 7, c, NULL, &err) != ST_OK)
		return NULL;
	return c->tenant_id;
}

/* Like auth: a brand of another tenant does not exist. */
static void answer_brand(void *arg, struct bus_msg *m)
{
	struct sx_world *w = arg;
	Auth__V1__Brand brand = AUTH__V1__BRAND__INIT;
	struct arena *a = arena_new(65536);
	ProtobufCMessage *in = NULL;
	struct access_claims claims;
	const char *tenant = tenant_of(w, m, &claims);
	const void *data;
	size_t len;
	bool known = false;

	INVARIANT(a != NULL);
	atomic_fetch_add(&w->brand_calls, 1);
	data = bus_msg_data(m, &len);
	INVARIANT(message_unpack(a, &auth__v1__brand_request__descriptor, data, len, len, &in) ==
		  ST_OK);
	brand.brand_id = ((Auth__V1__BrandRequest *)in)->brand_id;
	brand.name = (char *)"A brand";
	brand.currency = (char *)"GBP";
	brand.timezone = (char *)"Europe/London";
	for (int i = 0; tenant && i < atomic_load(&w->n_brands); i++)
		known = known || (strcmp(w->brands[i].id, tenant) == 0 &&
				  strcmp(w->brands[i].brand, brand.brand_id) == 0);
	if (!tenant)
		world_reply(w->auth, m, ST_UNAUTHENTICATED, "no token of the caller", NULL);
	else
		world_reply(w->auth, m, known ? ST_OK : ST_NOT_FOUND, known ? "" : ACCESS_NO_BRAND,
			    known ? &brand : NULL);
	arena_free(a);
}

static void answer_credits(void *arg, struct bus_msg *m)
{
	struct sx_world *w = arg;
	Attribution__V1__OrderCreditsReply reply = ATTRIBUTION__V1__ORDER_CREDITS_REPLY__INIT;
	Attribution__V1__Credit credit = ATTRIBUTION__V1__CREDIT__INIT, *credits[] = { &credit };
	struct access_claims claims;

	credit.model = ATTRIBUTION__V1__MODEL__MODEL_LAST_TOUCH;
	credit.channel = ATTRIBUTION__V1__CHANNEL__CHANNEL_EMAIL;
	credit.campaign = (char *)"the test's";
	reply.credits = credits;
	reply.n_credits = 1;
	atomic_fetch_add(&w->credit_calls, 1);
	if (tenant_of(w, m, &claims))
		world_reply(w->attribution, m, ST_OK, "", &reply);
	else
		world_reply(w->attribution, m, ST_UNAUTHENTICATED, "no token", NULL);
}

static void refuse_credits(void *arg, struct bus_msg *m)
{
	struct sx_world *w = arg;

	atomic_fetch_add(&w->credit_calls, 1);
	world_reply(w->attribution, m, ST_TIMEOUT, "the reports are being rebuilt", NULL);
}

void sx_credits(struct sx_world *w, enum sx_credits how)
{
	bus_server_stop(w->credit_server, 1000);
	w->credit_server =
		world_serve(w->attribution, &attribution_methods[ATTRIBUTION_ORDER_CREDITS],
			    how == SX_CREDITS_GIVEN ? answer_credits : refuse_credits, w);
}

static void play_neighbours(struct sx_world *w)
{
	world_play_auth(&w->world);
	w->auth = w->world.auth_bus;
	w->attribution = world_bus(&w->world, "attribution");
	w->access = world_access(&w->world, "auth");
	w->brand_server = world_serve(w->auth, &auth_methods[AUTH_GET_BRAND], answer_brand, w);
	sx_credits(w, SX_CREDITS_GIVEN);
}

/* ---- the service ---- */

/* Where its providers stand. */
static void point_at_simulator(struct sx_world *w, struct tk_env *env)
{
	static const struct {
		const char *program, *name, *value; /* NULL: the simulator's address */
	} rows[] = {
		{ "ingest-shopify", "PP_SHOPIFY_URL", NULL },
		{ "ingest-shopify", "PP_SHOPIFY_CLIENT_ID", "pulsepoint" },
		{ "ingest-shopify", "PP_SHOPIFY_CLIENT_SECRET", "simulator-secret" },
		{ "ingest-ads", "PP_META_URL", NULL },
		{ "ingest-ads", "PP_TIKTOK_URL", NULL },
		{ "ingest-ads", "PP_TIKTOK_APP_ID", "pulsepoint-tiktok" },
		{ "ingest-ads", "PP_TIKTOK_SECRET", "simulator-secret" },
		{ "ingest-ads", "PP_GOOGLE_ADS_URL", NULL },
		{ "ingest-ads", "PP_GOOGLE_TOKEN_URL", NULL },
		{ "ingest-ads", "PP_GOOGLE_CLIENT_ID", "pulsepoint.apps.simulator" },
		{ "ingest-ads", "PP_GOOGLE_CLIENT_SECRET", "simulator-secret" },
		{ "ingest-ads", "PP_GOOGLE_DEVELOPER_TOKEN", "simulator-developer-token" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].program, w->program) == 0)
			tk_env_set(env, rows[i].name,
				   rows[i].value ? rows[i].value : w->simulator_url);
}

void sx_service_start(struct sx_world *w)
{
	struct tk_env env;

	world_env(&w->world, w->program, &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "1");
	point_at_simulator(w, &env);
	if (w->settings)
		tk_env_load(&env, w->settings);
	w->world.service = world_program(&w->world, w->program, &env);
}

void sx_service_stop(struct sx_world *w)
{
	world_program_stop(w->world.service);
}

void sx_service_kill(struct sx_world *w)
{
	tk_proc_kill(w->world.service);
}

static void start(struct sx_world *w, const char *program, const char *plan)
{
	memset(w, 0, sizeof(*w));
	w->program = program;
	world_open(&w->world);
	w->arena = w->world.arena;
	w->dir = w->world.dir;
	world_migrate(&w->world, program);
	play_neighbours(w);
	w->orders = world_listen(&w->world, "attribution",
				 &ingest_shopify_events[INGEST_SHOPIFY_EVENT_ORDERS_UPSERTED]);
	sx_simulator_start(w, plan);
	sx_service_start(w);
}

void sx_start(struct sx_world *w, const char *plan)
{
	start(w, "ingest-shopify", plan);
}

void sx_start_ads(struct sx_world *w)
{
	start(w, "ingest-ads", "enterprise");
}

void sx_start_insights(struct sx_world *w)
{
	start(w, "ai-insights", "enterprise");
}

void sx_start_billing(struct sx_world *w)
{
	start(w, "token-billing", "enterprise");
}

struct bus *sx_bus(struct sx_world *w, const char *user)
{
	return world_bus_new(&w->world, user);
}

void sx_stop(struct sx_world *w)
{
	sx_service_stop(w);
	sx_simulator_stop(w);
	bus_consumer_close(w->orders);
	bus_server_stop(w->credit_server, 1000);
	bus_server_stop(w->brand_server, 1000);
	access_free(w->access);
	world_close(&w->world);
}

void sx_fresh(struct sx_world *w)
{
	world_fresh(&w->world);
	sx_simulator_fresh(w);
}

/* ---- who asks ---- */

void sx_tenant(struct sx_world *w, struct sx_tenant *t)
{
	int n = atomic_load(&w->n_brands);

	INVARIANT(n < SX_BRANDS);
	uuid_v7(t->id);
	uuid_v7(t->brand);
	snprintf(t->admin, sizeof(t->admin), "%s", world_token(&w->world, t->id, ROLE_ADMIN, ""));
	snprintf(t->viewer, sizeof(t->viewer), "%s",
		 world_token(&w->world, t->id, ROLE_VIEWER, ""));
	w->brands[n] = *t;
	atomic_store(&w->n_brands, n + 1);
}

struct reply sx_ask(struct sx_world *w, const char *token, const struct contract_method *c,
		    const void *in)
{
	return world_ask(w->world.edge, w->arena, (struct caller){ .token = token }, c, in);
}

struct reply sx_call(struct sx_world *w, const char *token, enum ingest_shopify_method method,
		     const void *in)
{
	return sx_ask(w, token, &ingest_shopify_methods[method], in);
}

const void *sx_must(struct sx_world *w, const char *token, enum ingest_shopify_method method,
		    const void *in)
{
	return world_must(sx_call(w, token, method, in), ingest_shopify_methods[method].name);
}

const Shopify__V1__Connection *sx_connect(struct sx_world *w, const struct sx_tenant *t)
{
	Shopify__V1__ConnectRequest in = SHOPIFY__V1__CONNECT_REQUEST__INIT;

	in.brand_id = (char *)t->brand;
	in.shop_domain = (char *)SX_SHOP;
	in.code = (char *)sx_code(w);
	return sx_must(w, t->admin, INGEST_SHOPIFY_CONNECT, &in);
}

const char *sx_sync(struct sx_world *w, const struct sx_tenant *t, bool full)
{
	Pulsepoint__SyncRequest in = PULSEPOINT__SYNC_REQUEST__INIT;
	const Pulsepoint__SyncStarted *started;

	in.brand_id = (char *)t->brand;
	in.full = full;
	started = sx_must(w, t->admin, INGEST_SHOPIFY_START_SYNC, &in);
	return started->run_id;
}

const Pulsepoint__SyncRun *sx_run(struct sx_world *w, const struct sx_tenant *t, const char *run)
{
	Shopify__V1__GetSyncRequest in = SHOPIFY__V1__GET_SYNC_REQUEST__INIT;

	in.run_id = (char *)run;
	return sx_must(w, t->viewer, INGEST_SHOPIFY_GET_SYNC, &in);
}

struct awaited {
	struct sx_world *w;
	const struct sx_tenant *t;
	const char *run;
	Pulsepoint__SyncState state;
	const Pulsepoint__SyncRun *got;
};

static bool state_reached(void *arg)
{
	struct awaited *x = arg;

	x->got = sx_run(x->w, x->t, x->run);
	return x->got->state == x->state ||
	       x->got->state == PULSEPOINT__SYNC_STATE__SYNC_STATE_FAILED;
}

const Pulsepoint__SyncRun *sx_await(struct sx_world *w, const struct sx_tenant *t, const char *run,
				    Pulsepoint__SyncState state)
{
	struct awaited x = { w, t, run, state, NULL };

	if (!tk_wait_until(state_reached, &x, SX_WAIT_MS) || x.got->state != state)
		fail_msg("the run is in state %d, not %d: %s %s", (int)x.got->state, (int)state,
			 x.got->error, x.got->note);
	return x.got;
}

/* ---- attribution's part ---- */

void sx_announce(struct sx_world *w, const struct sx_tenant *t, const char *run, const char *source)
{
	Attribution__V1__AttributionUpdated m = ATTRIBUTION__V1__ATTRIBUTION_UPDATED__INIT;

	m.brand_id = (char *)t->brand;
	m.run_id = (char *)run;
	m.source = (char *)source;
	world_publish(&w->world, t->id, &attribution_events[ATTRIBUTION_EVENT_ATTRIBUTION_UPDATED],
		      &m, (struct sending){ .at_us = INT64_C(1700000000000000) });
}

const Shopify__V1__OrdersUpserted *sx_next_orders(struct sx_world *w, const struct sx_tenant *t,
						  int wait_ms)
{
	return world_next(&w->world, w->orders, t->id, &shopify__v1__orders_upserted__descriptor,
			  wait_ms);
}

/* ---- what must hold ---- */

void sx_check_totals(struct sx_world *w, const struct sx_tenant *t)
{
	assert_int_equal(sx_int(w,
				"SELECT count(*) FROM ingest_shopify.orders WHERE brand_id = '%s'",
				t->brand),
			 SX_ORDERS);
	assert_int_equal(sx_int(w,
				"SELECT count(*) FROM ingest_shopify.orders WHERE counts AND "
				"brand_id = '%s'",
				t->brand),
			 SX_COUNT);
	/* From the lines and refunds themselves, not from what the order says of them. */
	assert_int_equal(sx_int(w,
				"SELECT sum(l.total_micros) FROM ingest_shopify.order_lines l JOIN "
				"ingest_shopify.orders o USING (brand_id, order_id) WHERE o.counts "
				"AND brand_id = '%s'",
				t->brand),
			 SX_GROSS);
	assert_int_equal(sx_int(w,
				"SELECT sum(r.amount_micros) FROM ingest_shopify.refunds r JOIN "
				"ingest_shopify.orders o USING (brand_id, order_id) WHERE o.counts "
				"AND brand_id = '%s'",
				t->brand),
			 SX_REFUNDS);
	assert_int_equal(sx_int(w,
				"SELECT sum(gross_micros - refunds_micros) FROM "
				"ingest_shopify.orders WHERE counts AND brand_id = '%s'",
				t->brand),
			 SX_GROSS - SX_REFUNDS);
}

int64_t sx_events(struct sx_world *w, const struct sx_tenant *t, const char *what)
{
	return sx_int(w,
		      "SELECT count(*) FROM ingest_shopify.outbox WHERE subject = "
		      "'pp.evt.%s.ingest-shopify.%s'",
		      t->id, what);
}
