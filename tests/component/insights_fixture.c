/* See insights_fixture.h. */
#include "component/insights_fixture.h"

#include "contract/auth.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SCRATCH_MAX ((size_t)1024 * 1024)
#define TEXT_MAX    ((size_t)256 * 1024)
#define FAKE_HELD   INT64_C(1000)
#define FAKE_COST   INT64_C(2500)

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
	const struct bus_header h[] = { { "Pp-Status", status_name(st) }, { "Pp-Detail", detail } };
	uint8_t *data = NULL;
	size_t len = 0;

	if (message)
		INVARIANT(message_pack(r->a, message, &data, &len) == ST_OK);
	(void)!bus_reply(r->bus, r->m, h, *detail ? 2 : 1, data, len);
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

static void answer_reserve(void *arg, struct bus_msg *m)
{
	struct in_world *w = arg;
	Billing__V1__Reservation out = BILLING__V1__RESERVATION__INIT;
	struct request r;
	bool good = take(&r, w, w->billing_bus, m, &billing__v1__reserve_request__descriptor);

	pthread_mutex_lock(&w->lock);
	if (good && w->billing == IN_BILLING_SPENT) {
		reply(&r, ST_LIMITED, "the budget of the tenant is spent", NULL);
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
			out.cost_nano_usd = l->used && !out.unpriced ? FAKE_COST : 0;
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
	char token[ACCESS_TOKEN_MAX];
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
	INVARIANT(access_sign(&c, "shopify-test-key", w->sx.private_pem, now_s, token, NULL) ==
		  ST_OK);
	out.access_token = token;
	out.expires_in = ACCESS_GRANT_LIFE_S;
	reply(&r, ST_OK, "", &out);
	pthread_mutex_lock(&w->lock);
	w->grants++;
	pthread_mutex_unlock(&w->lock);
	done(&r);
}

/* ---- starting ---- */

static struct bus *bus_as(struct in_world *w, const char *user)
{
	const char *argv[] = { arena_strdup(w->sx.arena, tk_bin("pp-deploy")), "env", w->sx.dir,
			       user, NULL };
	struct bus_config cfg = { .name = user };
	char *out = arena_alloc(w->sx.arena, TEXT_MAX);
	struct error err = { 0 };
	struct bus *bus = NULL;
	struct tk_env env = { 0 };

	INVARIANT(out && tk_run(argv, NULL, IN_WAIT_MS, out, TEXT_MAX) == 0);
	tk_env_load(&env, tk_write_file("neighbour.env", out));
	for (int i = 0; i < env.n; i++) {
		char *v = env.v[i];

		if (strncmp(v, "PP_NATS_URL=", 12) == 0)
			cfg.url = v + 12;
		else if (strncmp(v, "PP_NATS_USER=", 13) == 0)
			cfg.user = v + 13;
		else if (strncmp(v, "PP_NATS_SEED_FILE=", 18) == 0)
			cfg.seed_file = v + 18;
	}
	cfg.inbox_prefix = arena_printf(w->sx.arena, "_INBOX_%s", user);
	if (bus_open(&bus, &cfg, &err) != ST_OK)
		fprintf(stderr, "%s: %s\n", user, err.detail);
	INVARIANT(bus != NULL);
	tk_env_done(&env);
	return bus;
}

static struct bus_server *serve(struct in_world *w, struct bus *bus,
				const struct contract_method *m, bus_serve_fn *fn)
{
	const struct bus_server_config cfg = { .subject = m->subject,
					       .queue = m->service,
					       .workers = 4,
					       .queue_max = 1024,
					       .serve = fn,
					       .full = fn,
					       .arg = w };
	struct bus_server *server = NULL;

	INVARIANT(bus_serve(bus, &cfg, &server) == ST_OK);
	return server;
}

static void serve_billing(struct in_world *w)
{
	w->reserve_server = serve(w, w->billing_bus, &token_billing_methods[TOKEN_BILLING_RESERVE],
				  answer_reserve);
	w->settle_server = serve(w, w->billing_bus, &token_billing_methods[TOKEN_BILLING_SETTLE],
				 answer_settle);
}

static void stop_billing(struct in_world *w)
{
	bus_server_stop(w->reserve_server, 1000);
	bus_server_stop(w->settle_server, 1000);
	w->reserve_server = w->settle_server = NULL;
}

static struct access *access_of(struct in_world *w, const char *service)
{
	const struct access_key key = { "shopify-test-key", w->sx.public_pem };
	struct access *access = access_new(service);

	INVARIANT(access != NULL);
	INVARIANT(access_set_state(access, &(struct access_state){ .version = 1,
								   .keys = &key,
								   .n_keys = 1 }) == ST_OK);
	return access;
}

static void play_neighbours(struct in_world *w)
{
	w->billing_bus = bus_as(w, "token-billing");
	w->billing_access = access_of(w, "token-billing");
	w->shopify_bus = bus_as(w, "ingest-shopify");
	w->servers[w->n_servers++] =
		serve(w, w->sx.attribution, &attribution_methods[ATTRIBUTION_GET_SUMMARY],
		      answer_summary);
	w->servers[w->n_servers++] =
		serve(w, w->sx.attribution, &attribution_methods[ATTRIBUTION_GET_ATTRIBUTION],
		      answer_report);
	w->servers[w->n_servers++] =
		serve(w, w->shopify_bus, &ingest_shopify_methods[INGEST_SHOPIFY_LIST_PRODUCTS],
		      answer_products);
	w->servers[w->n_servers++] =
		serve(w, w->shopify_bus, &ingest_shopify_methods[INGEST_SHOPIFY_LIST_ORDERS],
		      answer_orders);
	w->servers[w->n_servers++] = serve(w, w->sx.auth, &auth_methods[AUTH_GRANT], answer_grant);
	serve_billing(w);
}

static void give_key(struct in_world *w, const char *more)
{
	const char *key = arena_strdup(
		w->sx.arena, tk_write_file("ai.key", "sk-ant-simulator-0123456789abcdef\n"));

	INVARIANT(chmod(key, 0600) == 0);
	w->sx.settings = arena_strdup(
		w->sx.arena,
		tk_write_file(
			"ai.env",
			arena_printf(w->sx.arena,
				     "PP_AI_URL='http://127.0.0.1:%d'\nPP_AI_KEY_FILE='%s'\n%s\n",
				     w->provider.port, key, more)));
}

void in_restart(struct in_world *w, const char *setting)
{
	sx_service_stop(&w->sx);
	give_key(w, setting);
	sx_service_start(&w->sx);
}

void in_start(struct in_world *w, bool key)
{
	memset(w, 0, sizeof(*w));
	INVARIANT(pthread_mutex_init(&w->lock, NULL) == 0);
	w->campaign = "Brand Search";
	ip_start(&w->provider);
	sx_start_insights(&w->sx);
	play_neighbours(w);
	if (!key)
		return;
	in_restart(w, "");
}

void in_stop(struct in_world *w)
{
	stop_billing(w);
	for (int i = 0; i < w->n_servers; i++)
		bus_server_stop(w->servers[i], 1000);
	bus_close(w->billing_bus, 1000);
	access_free(w->billing_access);
	bus_close(w->shopify_bus, 1000);
	sx_stop(&w->sx);
	ip_stop(&w->provider);
	pthread_mutex_destroy(&w->lock);
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

void in_fresh(struct in_world *w)
{
	in_billing(w, IN_BILLING_GOOD);
	pthread_mutex_lock(&w->lock);
	memset(w->ledger, 0, sizeof(w->ledger));
	w->n_ledger = 0;
	w->summaries = w->reports = w->grants = 0;
	w->campaign = "Brand Search";
	pthread_mutex_unlock(&w->lock);
	atomic_store(&w->broken_reports, false);
	ip_fresh(&w->provider);
}

/* ---- asking ---- */

struct asking {
	struct bus_call *call;
	struct in_world *w;
	struct in_answer a;
};

static struct asking open_ask(struct in_world *w, const struct sx_tenant *t, const char *question,
			      int ms)
{
	const struct bus_header h[] = { { "Authorization",
					  arena_printf(w->sx.arena, "Bearer %s", t->viewer) },
					{ "Pp-Timeout-Ms", arena_printf(w->sx.arena, "%d", ms) } };
	Insights__V1__AskRequest in = INSIGHTS__V1__ASK_REQUEST__INIT;
	struct asking x = { .w = w,
			    .a = { .status = ST_INTERNAL,
				   .parts = "",
				   .text = "",
				   .shown = "",
				   .question_id = "",
				   .model = "" } };
	uint8_t *data;
	size_t len;

	in.brand_id = (char *)t->brand;
	in.question = (char *)question;
	INVARIANT(message_pack(w->sx.arena, &in.base, &data, &len) == ST_OK);
	INVARIANT(bus_call_open(w->sx.edge, ai_insights_methods[AI_INSIGHTS_ASK].subject, h, 2,
				data, len, &x.call) == ST_OK);
	return x;
}

static const char *take_part(struct asking *x, const Insights__V1__AskPart *p)
{
	struct arena *a = x->w->sx.arena;

	if (p->started) {
		x->a.question_id = p->started->question_id;
		x->a.model = p->started->model;
		return "started";
	}
	if (p->tool)
		return "tool";
	if (p->restart) {
		x->a.text = "";
		return "restart";
	}
	if (p->text) {
		x->a.text = arena_printf(a, "%s%s", x->a.text, p->text->delta);
		x->a.shown = arena_printf(a, "%s%s", x->a.shown, p->text->delta);
		return "text";
	}
	INVARIANT(p->answer != NULL);
	x->a.answer = p->answer;
	return "answer";
}

/* The kind of the next part; NULL at the end. */
static const char *next_part(struct asking *x)
{
	const Insights__V1__AskPart *part;
	ProtobufCMessage *message;
	struct bus_msg *m = NULL;
	const char *kind;
	const void *data;
	size_t len;
	enum status st = bus_call_next(x->call, IN_ASK_MS, &m);

	if (st != ST_OK)
		fail_msg("the stream broke: %s", status_name(st));
	if (!m)
		return NULL;
	data = bus_msg_data(m, &len);
	INVARIANT(message_unpack(x->w->sx.arena, &insights__v1__ask_part__descriptor, data, len,
				 BUS_PAYLOAD_MAX, &message) == ST_OK);
	part = (const Insights__V1__AskPart *)message;
	kind = take_part(x, part);
	bus_msg_free(m);
	x->a.parts =
		arena_printf(x->w->sx.arena, "%s%s%s", x->a.parts, *x->a.parts ? " " : "", kind);
	return kind;
}

static void take_end(struct asking *x)
{
	const struct bus_msg *end = bus_call_end(x->call);
	const char *status = end ? bus_msg_header(end, "Pp-Status") : NULL;
	const char *detail = end ? bus_msg_header(end, "Pp-Detail") : NULL;
	const char *after = end ? bus_msg_header(end, "Pp-Retry-After") : NULL;

	INVARIANT(status != NULL);
	x->a.status = status_from_name(status);
	snprintf(x->a.detail, sizeof(x->a.detail), "%s", detail ? detail : "");
	x->a.retry_after_s = after ? (int)strtol(after, NULL, 10) : 0;
}

struct in_answer in_ask_within(struct in_world *w, const struct sx_tenant *t, const char *question,
			       int ms)
{
	struct asking x = open_ask(w, t, question, ms);

	while (next_part(&x))
		;
	take_end(&x);
	bus_call_close(x.call);
	return x.a;
}

struct in_answer in_ask(struct in_world *w, const struct sx_tenant *t, const char *question)
{
	return in_ask_within(w, t, question, IN_ASK_MS);
}

void in_ask_and_leave(struct in_world *w, const struct sx_tenant *t, const char *kind,
		      char question_id[UUID_TEXT])
{
	struct asking x = open_ask(w, t, IN_QUESTION, IN_ASK_MS);
	const char *part;

	while ((part = next_part(&x)) != NULL && strcmp(part, kind) != 0)
		;
	if (!part)
		fail_msg("the answer had no part %s: %s", kind, x.a.parts);
	snprintf(question_id, UUID_TEXT, "%s", x.a.question_id);
	bus_call_close(x.call);
}

struct sx_reply in_call(struct in_world *w, const char *token, enum ai_insights_method method,
			const void *in)
{
	return sx_ask(&w->sx, token, &ai_insights_methods[method], in);
}

const Insights__V1__Question *in_question(struct in_world *w, const struct sx_tenant *t,
					  const char *question_id)
{
	Insights__V1__GetQuestionRequest in = INSIGHTS__V1__GET_QUESTION_REQUEST__INIT;
	struct sx_reply r;

	in.question_id = (char *)question_id;
	r = in_call(w, t->viewer, AI_INSIGHTS_GET_QUESTION, &in);
	if (r.status != ST_OK)
		fail_msg("the question %s: %s %s", question_id, status_name(r.status), r.detail);
	return r.out;
}

/* ---- the provider's record ---- */

const Insights__V1__Evidence *in_evidence(const Insights__V1__Answer *a, const char *id)
{
	for (size_t i = 0; i < a->n_evidence; i++)
		if (strcmp(a->evidence[i]->id, id) == 0)
			return a->evidence[i];
	return NULL;
}

int64_t in_events(struct in_world *w, const struct sx_tenant *t, const char *what)
{
	return sx_int(&w->sx,
		      "SELECT count(*) FROM ai_insights.outbox WHERE subject = "
		      "'pp.evt.%s.ai-insights.%s'",
		      t->id, what);
}
void in_check_ledger(struct in_world *w)
{
	const struct ip_tokens billed = ip_billed(&w->provider);
	struct ip_tokens sum = { 0 };

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_ledger; i++) {
		const struct in_line *l = &w->ledger[i];

		assert_true(l->settled);
		sum.calls += l->used;
		sum.input += l->input;
		sum.cache_read += l->cache_read;
		sum.write_5m += l->write_5m;
		sum.write_1h += l->write_1h;
		sum.output += l->output;
		/* The estimate is never too low. */
		assert_true(l->input + l->cache_read + l->write_5m + l->write_1h <= l->most_input);
		assert_true(l->output <= l->most_output);
	}
	pthread_mutex_unlock(&w->lock);
	assert_int_equal(sum.calls, billed.calls);
	assert_int_equal(sum.input, billed.input);
	assert_int_equal(sum.cache_read, billed.cache_read);
	assert_int_equal(sum.write_5m, billed.write_5m);
	assert_int_equal(sum.write_1h, billed.write_1h);
	assert_int_equal(sum.output, billed.output);
}
