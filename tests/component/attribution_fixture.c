/* See attribution_fixture.h. */
#include "component/attribution_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LOG_MAX (1024 * 1024)
#define LOOK_US 10000

/* attribution.updated, as ingest-shopify hears it. */
static struct bus_consumer *updated;

/* ---- the service ---- */

/* It verifies our token and knows that there is no such brand: keys, bus and database are there. */
static bool answers(void *arg)
{
	struct world *w = arg;
	Attribution__V1__OrderCreditsRequest in = ATTRIBUTION__V1__ORDER_CREDITS_REQUEST__INIT;
	char tenant[UUID_TEXT];
	const char *token;

	uuid_v7(tenant);
	token = world_token(w, tenant, ROLE_VIEWER, "");
	in.brand_id = tenant;
	in.order_id = (char *)"none";
	return at_call(w, token, ATTRIBUTION_ORDER_CREDITS, &in).status == ST_NOT_FOUND;
}

static void start_service(struct world *w)
{
	struct tk_env env;

	world_env(w, "attribution", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "1");
	w->service = world_program(w, "attribution", &env);
	if (!tk_wait_until(answers, w, WORLD_LIMIT_MS)) {
		fprintf(stderr, "attribution does not answer, see %s\n", tk_proc_log(w->service));
		INVARIANT(!"attribution does not answer");
	}
}

void at_start(struct world *w)
{
	world_open(w);
	world_migrate(w, "attribution");
	updated = world_listen(w, "ingest-shopify",
			       &attribution_events[ATTRIBUTION_EVENT_ATTRIBUTION_UPDATED]);
	world_play_auth(w);
	start_service(w);
}

void at_restart(struct world *w)
{
	world_program_stop(w->service);
	start_service(w);
}

void at_stop(struct world *w)
{
	world_program_stop(w->service);
	bus_consumer_close(updated);
	world_close(w);
}

/* ---- who asks ---- */

void at_tenant(struct world *w, struct at_tenant *t, const char *currency)
{
	uuid_v7(t->id);
	uuid_v7(t->brand);
	snprintf(t->token, sizeof(t->token), "%s", world_token(w, t->id, ROLE_ANALYST, ""));
	at_publish_brand(w, t->id, t->brand, currency, 1);
	at_settled(w, t->id);
}

/* ---- events ---- */

/* How many distinct events each tenant was sent: at_settled waits for as many rows of the inbox. */
#define TENANTS_MAX 64
static struct sent {
	char tenant[UUID_TEXT];
	int64_t n;
} sent[TENANTS_MAX];

static int64_t *sent_to(const char *tenant)
{
	size_t i = 0;

	while (i < TENANTS_MAX && *sent[i].tenant && strcmp(sent[i].tenant, tenant) != 0)
		i++;
	INVARIANT(i < TENANTS_MAX);
	snprintf(sent[i].tenant, sizeof(sent[i].tenant), "%s", tenant);
	return &sent[i].n;
}

void at_publish(struct world *w, const char *tenant, const struct contract_event *event,
		const void *message, const char *id)
{
	world_publish(w, tenant, event, message, (struct sending){ .id = id });
	if (!id)
		++*sent_to(tenant);
}

void at_publish_bad(struct world *w, const char *tenant, const struct contract_event *event,
		    const void *message)
{
	world_publish(w, tenant, event, message, (struct sending){ 0 });
}

void at_forget_streams(struct world *w)
{
	world_deploy(w, "streams", "--wipe", w->dir);
}

int64_t at_dead_letters(struct world *w)
{
	static const char word[] = "event.dead_lettered";
	char *log = arena_alloc(w->arena, LOG_MAX);
	int64_t n = 0;

	INVARIANT(log != NULL && tk_read_file(tk_proc_log(w->service), log, LOG_MAX));
	while ((log = strstr(log, word)) != NULL) {
		log += sizeof(word) - 1;
		n++;
	}
	return n;
}

void at_until_dead_letters(struct world *w, int64_t want)
{
	const int64_t deadline = time_mono_us() + WORLD_LIMIT_MS * INT64_C(1000);

	while (at_dead_letters(w) != want) {
		if (time_mono_us() > deadline)
			fail_msg("never %lld dead letters", (long long)want);
		time_sleep_us(time_mono_us() + LOOK_US);
	}
}

void at_publish_brand(struct world *w, const char *tenant, const char *brand, const char *currency,
		      uint64_t version)
{
	Auth__V1__BrandsUpserted m = AUTH__V1__BRANDS_UPSERTED__INIT;
	Auth__V1__BrandRow row = AUTH__V1__BRAND_ROW__INIT, *rows[] = { &row };

	row.brand_id = (char *)brand;
	row.name = (char *)"A brand";
	row.currency = (char *)currency;
	row.timezone = (char *)"UTC";
	row.version = version;
	m.rows = rows;
	m.n_rows = 1;
	at_publish(w, tenant, AT_BRANDS, &m, NULL);
}

void at_settled(struct world *w, const char *tenant)
{
	world_sql_reach(w, *sent_to(tenant),
			"SELECT count(*) FROM attribution.inbox WHERE tenant_id = '%s'", tenant);
}

const char *at_next_update(struct world *w, const char *tenant)
{
	const Attribution__V1__AttributionUpdated *u =
		world_next(w, updated, tenant, &attribution__v1__attribution_updated__descriptor,
			   WORLD_LIMIT_MS);

	if (!u)
		fail_msg("no attribution.updated came");
	return arena_printf(w->arena, "%s %s %s", u->brand_id, u->run_id, u->source);
}

/* ---- calls ---- */

struct reply at_call(struct world *w, const char *token, enum attribution_method method,
		     const void *in)
{
	const struct contract_method *m = &attribution_methods[method];

	return world_ask(m->http_path ? w->edge : world_bus(w, "ingest-shopify"), w->arena,
			 (struct caller){ .token = token }, m, in);
}

const void *at_must(struct world *w, const char *token, enum attribution_method method,
		    const void *in)
{
	return world_must(at_call(w, token, method, in), attribution_methods[method].name);
}
