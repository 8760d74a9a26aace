/*
 * The test in the places of ai-insights' neighbours: attribution and ingest-shopify with figures,
 * token-billing with a ledger, auth with grants. See insights_fixture.h.
 */
#include "component/insights_fixture.h"

#include "contract/auth.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <stdio.h>
#include <string.h>

#define SCRATCH_MAX ((size_t)1024 * 1024)
#define FAKE_HELD   INT64_C(1000)

/* ---- answering in a neighbour's place ---- */

struct request {
	struct in_world *w;
	struct bus *bus;
	struct bus_msg *m;
	struct arena *a;
	const void *in;
	struct access_claims who;
};

static void reply(struct request *r, enum status st, const char *detail, const void *message)
{
	world_reply(r->bus, r->m, st, detail, message);
}

/* Reads the message and who asks; answers and returns false without a good token. */
static bool take(struct request *r, struct in_world *w, struct bus *bus, struct bus_msg *m,
		 const ProtobufCMessageDescriptor *type)
{
	const char *token = bus_msg_header(m, "Authorization");
	ProtobufCMessage *in = NULL;
	const void *data;
	size_t len;

	*r = (struct request){ .w = w, .bus = bus, .m = m, .a = arena_new(SCRATCH_MAX) };
	INVARIANT(r->a != NULL);
	data = bus_msg_data(m, &len);
	INVARIANT(message_unpack(r->a, type, data, len, BUS_PAYLOAD_MAX, &in) == ST_OK);
	r->in = in;
	if (token && strncmp(token, "Bearer ", 7) == 0 &&
	    access_verify(bus == w->billing_bus ? w->billing_access : w->sx.access, token + 7,
			  &r->who, NULL, NULL) == ST_OK)
		return true;
	reply(r, ST_UNAUTHENTICATED, "no token of the caller", NULL);
	return false;
}

static void done(struct request *r)
{
	arena_free(r->a);
}

/* ---- attribution ---- */

static Pulsepoint__Money money_of(int64_t pence)
{
	Pulsepoint__Money m = PULSEPOINT__MONEY__INIT;

	m.micros = pence * 10000;
	m.currency = (char *)"GBP";
	return m;
}

static void answer_summary(void *arg, struct bus_msg *m)
{
	struct in_world *w = arg;
	Attribution__V1__Summary out = ATTRIBUTION__V1__SUMMARY__INIT;
	Pulsepoint__Money gross = money_of(1250000), refunds = money_of(50000),
			  net = money_of(1200000), spend = money_of(300000), *spends[] = { &spend };
	Pulsepoint__Date first = PULSEPOINT__DATE__INIT, last = PULSEPOINT__DATE__INIT;
	Pulsepoint__Decimal roas = PULSEPOINT__DECIMAL__INIT;
	struct request r;

	if (take(&r, w, w->sx.attribution, m, &attribution__v1__summary_request__descriptor)) {
		out.orders = 120;
		out.gross = &gross;
		out.refunds = &refunds;
		out.net = &net;
		out.ad_spend = spends;
		out.n_ad_spend = 1;
		roas.units = 40000;
		roas.scale = 4;
		out.roas = &roas;
		first.days = days_from_civil(2011, 1, 1);
		last.days = days_from_civil(2011, 3, 31);
		out.first_day = &first;
		out.last_day = &last;
		reply(&r, ST_OK, "", &out);
	}
	pthread_mutex_lock(&w->lock);
	w->summaries++;
	pthread_mutex_unlock(&w->lock);
	done(&r);
}

#define CAMPAIGNS 3
struct campaign_row {
	Attribution__V1__AttributionRow row;
	Pulsepoint__Money revenue, spend, *revenues[1], *spends[1];
	Pulsepoint__Decimal orders, roas;
};

static void fill_row(struct campaign_row *c, const char *name, const char *platform, int64_t orders,
		     int64_t revenue, int64_t spend)
{
	attribution__v1__attribution_row__init(&c->row);
	pulsepoint__decimal__init(&c->orders);
	pulsepoint__decimal__init(&c->roas);
	c->row.channel = strcmp(platform, "google") == 0
				 ? ATTRIBUTION__V1__CHANNEL__CHANNEL_GOOGLE_ADS
				 : ATTRIBUTION__V1__CHANNEL__CHANNEL_META_ADS;
	c->row.platform = (char *)platform;
	c->row.campaign = (char *)name;
	c->row.campaign_id = (char *)"1200";
	c->revenue = money_of(revenue);
	c->spend = money_of(spend);
	c->orders.units = orders * 1000000;
	c->orders.scale = 6;
	c->roas.units = revenue * 10000 / spend;
	c->roas.scale = 4;
	c->row.revenue = &c->revenue;
	c->row.spend = &c->spend;
	c->row.orders = &c->orders;
	c->row.roas = &c->roas;
	c->revenues[0] = &c->revenue;
	c->spends[0] = &c->spend;
	c->row.revenue_by_currency = c->revenues;
	c->row.n_revenue_by_currency = 1;
	c->row.spend_by_currency = c->spends;
	c->row.n_spend_by_currency = 1;
}

static void answer_report(void *arg, struct bus_msg *m)
{
	struct in_world *w = arg;
	Attribution__V1__AttributionReport out = ATTRIBUTION__V1__ATTRIBUTION_REPORT__INIT;
	Attribution__V1__AttributionRow *rows[CAMPAIGNS];
	struct campaign_row c[CAMPAIGNS];
	struct request r;
	bool good = take(&r, w, w->sx.attribution, m,
			 &attribution__v1__attribution_request__descriptor);

	if (good && atomic_load(&w->broken_reports)) {
		reply(&r, ST_UNAVAILABLE, "the reports are being rebuilt", NULL);
	} else if (good) {
		const Attribution__V1__AttributionRequest *in = r.in;

		out.model = in->model;
		out.by = in->by;
		out.measure = in->measure;
		out.window = in->window;
		fill_row(&c[0], w->campaign, "google", 61, 734512, 100019);
		fill_row(&c[1], "Spring Prospecting", "meta", 38, 318927, 150044);
		fill_row(&c[2], "Retargeting", "meta", 21, 146561, 49937);
		for (int i = 0; i < CAMPAIGNS; i++)
			rows[i] = &c[i].row;
		out.rows = rows;
		out.n_rows = CAMPAIGNS;
		reply(&r, ST_OK, "", &out);
	}
	pthread_mutex_lock(&w->lock);
	w->reports++;
	pthread_mutex_unlock(&w->lock);
	done(&r);
}

/* ---- ingest-shopify ---- */

static void answer_products(void *arg, struct bus_msg *m)
{
	struct in_world *w = arg;
	Shopify__V1__ListProductsReply out = SHOPIFY__V1__LIST_PRODUCTS_REPLY__INIT;
	struct request r;

	if (take(&r, w, w->shopify_bus, m, &shopify__v1__list_products_request__descriptor))
		reply(&r, ST_OK, "", &out);
	done(&r);
}

static void answer_orders(void *arg, struct bus_msg *m)
{
	struct in_world *w = arg;
	Shopify__V1__ListOrdersReply out = SHOPIFY__V1__LIST_ORDERS_REPLY__INIT;
	struct request r;

	if (take(&r, w, w->shopify_bus, m, &shopify__v1__list_orders_request__descriptor))
		reply(&r, ST_OK, "", &out);
	done(&r);
}

/* ---- token-billing ---- */

/* With the lock held. */
static struct in_line *line_of(struct in_world *w, const char *reservation_id)
{
	for (size_t i = 0; i < w->n_ledger; i++)
		if (strcmp(w->ledger[i].reservation_id, reservation_id) == 0)
			return &w->ledger[i];
	return NULL;
}

/* Both kinds of refusal are told as token-billing tells them. */
static void reply_limited(struct request *r, const char *detail, const char *wait_s)
{
	const struct bus_header h[] = { { "Pp-Status", status_name(ST_LIMITED) },
					{ "Pp-Detail", detail },
					{ "Pp-Retry-After", wait_s } };

	(void)!bus_reply(r->bus, r->m, h, 3, NULL, 0);
}

static void answer_reserve(void *arg, struct bus_msg *m)
{
	struct in_world *w = arg;
	Billing__V1__Reservation out = BILLING__V1__RESERVATION__INIT;
	struct request r;
	bool good = take(&r, w, w->billing_bus, m, &billing__v1__reserve_request__descriptor);

	pthread_mutex_lock(&w->lock);
	w->reserves += good;
	if (good && w->billing == IN_BILLING_SPENT) {
		reply_limited(&r, "the tenant's hard budget for the day is spent", "36000");
	} else if (good && w->reserves > w->busy_after && w->busy > 0) {
		w->busy--;
		reply_limited(&r, "calls under way hold what is left of the budget", "1");
	} else if (good) {
		const Billing__V1__ReserveRequest *in = r.in;
		struct in_line *l = &w->ledger[w->n_ledger++];

		INVARIANT(w->n_ledger < IN_LEDGER);
		snprintf(l->reservation_id, sizeof(l->reservation_id), "%s", in->reservation_id);
		l->most_input = in->estimate->input + in->estimate->cache_read +
				in->estimate->cache_write_5m + in->estimate->cache_write_1h;
		l->most_output = in->estimate->output;
		out.reservation_id = in->reservation_id;
		out.held_nano_usd = FAKE_HELD;
		reply(&r, ST_OK, "", &out);
	}
	pthread_mutex_unlock(&w->lock);
	done(&r);
}

static void settle(struct in_line *l, const Billing__V1__SettleRequest *in, const char *service)
{
	l->settles++;
	l->settled = true;
	l->late = *service != '\0';
	l->used = in->used != NULL;
	snprintf(l->request_id, sizeof(l->request_id), "%s", in->provider_request_id);
	snprintf(l->model, sizeof(l->model), "%s", in->model);
	if (!l->used)
		return;
	l->input = in->used->input;
	l->cache_read = in->used->cache_read;
	l->write_5m = in->used->cache_write_5m;
	l->write_1h = in->used->cache_write_1h;
	l->output = in->used->output;
}

static void answer_settle(void *arg, struct bus_msg *m)
{
	struct in_world *w = arg;
	Billing__V1__Settlement out = BILLING__V1__SETTLEMENT__INIT;
	struct request r;
	bool good = take(&r, w, w->billing_bus, m, &billing__v1__settle_request__descriptor);

	pthread_mutex_lock(&w->lock);
	if (good && w->billing == IN_BILLING_DEAF) {
		reply(&r, ST_UNAVAILABLE, "the ledger cannot be written", NULL);
	} else if (good) {
		const Billing__V1__SettleRequest *in = r.in;
		struct in_line *l = line_of(w, in->reservation_id);

		if (!l) {
			reply(&r, ST_NOT_FOUND, "no such reservation", NULL);
		} else {
			settle(l, in, r.who.service);
			out.unpriced = w->billing == IN_BILLING_UNPRICED;
			out.cost_nano_usd = l->used && !out.unpriced ? IN_COST : 0;
			reply(&r, ST_OK, "", &out);
		}
	}
	pthread_mutex_unlock(&w->lock);
	done(&r);
}

/* ---- auth ---- */

static void answer_grant(void *arg, struct bus_msg *m)
{
	struct in_world *w = arg;
	struct request r = { .w = w, .bus = w->sx.auth, .m = m, .a = arena_new(SCRATCH_MAX) };
	Auth__V1__GrantReply out = AUTH__V1__GRANT_REPLY__INIT;
	struct access_claims c = { .role = ROLE_ANALYST, .tier = "unlimited" };
	const Auth__V1__GrantRequest *in;
	const int64_t now_s = time_now_us() / US_PER_SECOND;
	ProtobufCMessage *message = NULL;
	const void *data;
	size_t len;

	data = bus_msg_data(m, &len);
	INVARIANT(r.a && message_unpack(r.a, &auth__v1__grant_request__descriptor, data, len, len,
					&message) == ST_OK);
	in = (const Auth__V1__GrantRequest *)message;
	snprintf(c.user_id, sizeof(c.user_id), "%s", in->service);
	snprintf(c.service, sizeof(c.service), "%s", in->service);
	snprintf(c.tenant_id, sizeof(c.tenant_id), "%s", in->tenant_id);
	c.expires_at = now_s + ACCESS_GRANT_LIFE_S;
	out.access_token = (char *)world_sign(&w->sx.world, r.a, &c);
	out.expires_in = ACCESS_GRANT_LIFE_S;
	reply(&r, ST_OK, "", &out);
	pthread_mutex_lock(&w->lock);
	w->grants++;
	pthread_mutex_unlock(&w->lock);
	done(&r);
}

/* ---- starting ---- */

static void serve_billing(struct in_world *w)
{
	w->reserve_server = world_serve(
		w->billing_bus, &token_billing_methods[TOKEN_BILLING_RESERVE], answer_reserve, w);
	w->settle_server = world_serve(w->billing_bus, &token_billing_methods[TOKEN_BILLING_SETTLE],
				       answer_settle, w);
}

static void stop_billing(struct in_world *w)
{
	bus_server_stop(w->reserve_server, 1000);
	bus_server_stop(w->settle_server, 1000);
	w->reserve_server = w->settle_server = NULL;
}

void in_billing(struct in_world *w, enum in_billing how)
{
	pthread_mutex_lock(&w->lock);
	w->billing = how;
	pthread_mutex_unlock(&w->lock);
	if (how == IN_BILLING_AWAY)
		stop_billing(w);
	else if (!w->reserve_server)
		serve_billing(w);
}

void in_busy(struct in_world *w, int after, int refusals)
{
	pthread_mutex_lock(&w->lock);
	w->busy_after = after;
	w->busy = refusals;
	pthread_mutex_unlock(&w->lock);
}

int in_reserves(struct in_world *w)
{
	int n;

	pthread_mutex_lock(&w->lock);
	n = w->reserves;
	pthread_mutex_unlock(&w->lock);
	return n;
}

static void play(struct in_world *w, struct bus *bus, const struct contract_method *m,
		 bus_serve_fn *fn)
{
	w->servers[w->n_servers++] = world_serve(bus, m, fn, w);
}

void in_neighbours_start(struct in_world *w)
{
	w->billing_bus = world_bus(&w->sx.world, "token-billing");
	w->billing_access = world_access(&w->sx.world, "token-billing");
	w->shopify_bus = world_bus(&w->sx.world, "ingest-shopify");
	play(w, w->sx.attribution, &attribution_methods[ATTRIBUTION_GET_SUMMARY], answer_summary);
	play(w, w->sx.attribution, &attribution_methods[ATTRIBUTION_GET_ATTRIBUTION],
	     answer_report);
	play(w, w->shopify_bus, &ingest_shopify_methods[INGEST_SHOPIFY_LIST_PRODUCTS],
	     answer_products);
	play(w, w->shopify_bus, &ingest_shopify_methods[INGEST_SHOPIFY_LIST_ORDERS], answer_orders);
	play(w, w->sx.auth, &auth_methods[AUTH_GRANT], answer_grant);
	serve_billing(w);
}

void in_neighbours_stop(struct in_world *w)
{
	stop_billing(w);
	for (int i = 0; i < w->n_servers; i++)
		bus_server_stop(w->servers[i], 1000);
	access_free(w->billing_access);
}
