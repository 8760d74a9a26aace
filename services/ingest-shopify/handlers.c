/* What ingest-shopify answers about connections and runs. Read next: handlers_lists.c (orders and
 * products), sync.c for what a run does. */
#include "handlers.h"
#include "contract/auth.h"
#include "ingest/values.h"
#include "pages.h"
#include "session.h"

#include "core/text.h"

#include <sodium.h>
#include <string.h>

static enum status memory(const struct call *call)
{
	return arena_failed(call->arena)
		       ? error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory")
		       : ST_OK;
}

/* ---- connections ---- */

static void fill_connection(struct arena *a, const struct connection *row,
			    Shopify__V1__Connection *out)
{
	out->connection_id = value_text(row->connection_id);
	out->brand_id = value_text(row->brand_id);
	out->shop_domain = value_text(row->shop.domain);
	out->shop_name = value_text(row->shop.name);
	out->currency = value_text(row->shop.currency);
	out->timezone = value_text(row->shop.timezone);
	out->state = strcmp(row->state, "connected") == 0
			     ? PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_CONNECTED
			     : PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_RECONNECT;
	out->connected_at = value_time(a, row->connected_at);
	out->synced_at = value_time(a, row->synced_at);
}

enum status check_brand(struct call *call, const char *brand_id)
{
	Auth__V1__BrandRequest in = AUTH__V1__BRAND_REQUEST__INIT;
	Auth__V1__Brand *brand;

	in.brand_id = value_text(brand_id);
	return auth_get_brand(call, &in, &brand);
}

static enum status check_credential(struct call *call, const Shopify__V1__ConnectRequest *in)
{
	if (!*in->code && !*in->refresh_token)
		return error_set(call->err, ST_INVALID, "code",
				 "is required, or a refresh_token instead");
	if (*in->code && *in->refresh_token)
		return error_set(call->err, ST_INVALID, "refresh_token",
				 "is not taken together with a code");
	return ST_OK;
}

/* A brand has one shop; asked before the code is used up. */
static enum status check_shop(struct call *call, const Shopify__V1__ConnectRequest *in,
			      const char *domain)
{
	struct error none = { 0 };
	struct connection now;
	AUTO_TX *tx = call_tx(call);
	enum status st =
		tx ? store_connection(tx, call->arena, in->brand_id, call->deadline_us, &now, &none)
		   : ST_UNAVAILABLE;

	if (st == ST_NOT_FOUND)
		return ST_OK;
	if (st == ST_OK && strcmp(now.shop.domain, domain) != 0)
		return error_set(call->err, ST_CONFLICT, "shop_domain",
				 "is another shop than the one this brand is connected to");
	return st == ST_OK ? ST_OK : error_set(call->err, st, none.field, "%s", none.detail);
}

/* What Shopify refuses here is the caller's to mend: his input, not his token for us. */
static enum status soften(struct call *call, const Shopify__V1__ConnectRequest *in, enum status st)
{
	if (st == ST_UNAUTHENTICATED)
		return error_set(call->err, ST_INVALID, *in->code ? "code" : "refresh_token",
				 "is refused by Shopify");
	if (st == ST_NOT_FOUND)
		return error_set(call->err, ST_INVALID, "shop_domain",
				 "is no shop that Shopify knows");
	if (st == ST_DENIED)
		return error_set(call->err, ST_INVALID, "shop_domain",
				 "is a shop that Shopify says is closed");
	return st;
}

static enum status ask_shop(struct call *call, struct session *s, struct shop *ret)
{
	const struct query_args args = { 0 };
	enum answer_kind kind;
	cJSON *tree;
	enum status st = session_ask(s, call->arena, QUERY_SHOP, &args, &kind, &tree, call->err);

	if (st != ST_OK)
		return st;
	st = kind == ANSWER_DATA
		     ? page_shop(cJSON_GetObjectItemCaseSensitive(tree, "data"), call->arena, ret,
				 call->err)
		     : error_set(call->err, ST_UPSTREAM, NULL, "Shopify does not tell its shop");
	cJSON_Delete(tree);
	return st;
}

static enum status keep(struct call *call, const Shopify__V1__ConnectRequest *in,
			const struct session *s, const struct shop *shop,
			Shopify__V1__Connection *out)
{
	struct connection c = { .brand_id = in->brand_id,
				.shop = *shop,
				.access_expires_at = s->tokens.expires_at };
	struct sealed_tokens sealed;
	struct connection kept;
	AUTO_TX *tx = NULL;
	enum status st = tokens_seal(call->app, call->arena, &s->tokens, &sealed, call->err);

	c.shop.domain = s->client.domain;
	if (st == ST_OK) {
		c.access_sealed = sealed.access;
		c.refresh_sealed = sealed.refresh;
		st = call_begin(call, &tx);
	}
	if (st == ST_OK)
		st = store_connect(tx, call->arena, call->who->tenant_id, &c, &kept, call->err);
	if (st == ST_INVALID) /* the row's check of the zone */
		return error_set(call->err, ST_UPSTREAM, NULL,
				 "the shop's time zone is not known here");
	if (st != ST_OK)
		return st;
	fill_connection(call->arena, &kept, out);
	st = memory(call);
	if (st == ST_OK)
		st = call_seal(call, tx, &out->base);
	return st == ST_OK ? db_commit(tx, call->err) : st;
}

static enum status connect_with(struct call *call, const Shopify__V1__ConnectRequest *in,
				struct session *s, Shopify__V1__Connection *out)
{
	struct tokens t = { 0 };
	struct shop shop;
	enum status st =
		client_tokens(&s->client, call->arena, *in->code ? in->code : NULL,
			      *in->refresh_token ? in->refresh_token : NULL, &t, call->err);

	if (st == ST_OK) {
		session_start(s, &t);
		st = ask_shop(call, s, &shop);
	}
	sodium_memzero(&t, sizeof(t));
	st = soften(call, in, st);
	return st == ST_OK ? keep(call, in, s, &shop, out) : st;
}

static enum status connect_shop(struct call *call, const Shopify__V1__ConnectRequest *in,
				Shopify__V1__Connection *out)
{
	struct session s = { 0 };
	enum status st = check_credential(call, in);

	if (st == ST_OK)
		st = client_init(&s.client, call->app, in->shop_domain, call->err);
	if (st == ST_OK)
		st = check_brand(call, in->brand_id);
	if (st == ST_OK)
		st = check_shop(call, in, s.client.domain);
	s.client.deadline_us = call->deadline_us;
	if (st == ST_OK)
		st = connect_with(call, in, &s, out);
	session_done(&s);
	return st;
}

static enum status list_connections(struct call *call,
				    const Shopify__V1__ListConnectionsRequest *in,
				    Shopify__V1__ListConnectionsReply *out)
{
	struct connection *rows;
	AUTO_TX *tx = call_tx(call);
	size_t n;
	enum status st = tx ? store_connections(tx, call->arena, in->brand_id, call->deadline_us,
						&rows, &n, call->err)
			    : ST_UNAVAILABLE;
	if (st == ST_OK && n == 0 && *in->brand_id)
		st = check_brand(call, in->brand_id);
	if (st != ST_OK)
		return st;
	out->connections = arena_array(call->arena, n + 1, sizeof(*out->connections));
	for (size_t i = 0; out->connections && i < n; i++) {
		Shopify__V1__Connection *c = arena_alloc(call->arena, sizeof(*c));

		if (!c)
			break;
		shopify__v1__connection__init(c);
		fill_connection(call->arena, &rows[i], c);
		out->connections[out->n_connections++] = c;
	}
	return memory(call);
}

/* ---- runs ---- */

static enum status start_sync(struct call *call, const Pulsepoint__SyncRequest *in,
			      Pulsepoint__SyncStarted *out)
{
	const struct event_origin origin = call_origin(call);
	struct shopify *app = call->app;
	char run_id[UUID_TEXT];
	AUTO_TX *tx = NULL;
	enum status st = call_begin(call, &tx);

	if (st == ST_OK)
		st = store_need_connection(tx, call->arena, in->brand_id, call->err);
	if (st == ST_OK)
		st = runs_start(app->engine.runs, tx, &origin, in->brand_id, PLATFORM, in->full,
				run_id, NULL, call->err);
	if (st != ST_OK)
		return st;
	out->run_id = arena_strdup(call->arena, run_id);
	st = call_seal(call, tx, &out->base);
	return st == ST_OK ? db_commit(tx, call->err) : st;
}

static enum status get_sync(struct call *call, const Shopify__V1__GetSyncRequest *in,
			    Pulsepoint__SyncRun *out)
{
	struct run_view v;
	AUTO_TX *tx = call_tx(call);
	enum status st = tx ? runs_get(tx, PLATFORM, in->run_id, call->deadline_us, &v, call->err)
			    : ST_UNAVAILABLE;

	if (st == ST_OK)
		value_sync_run(call->arena, &v, out);
	return st;
}

const struct ingest_shopify_handlers shopify_handlers = {
	.connect = connect_shop,
	.list_connections = list_connections,
	.start_sync = start_sync,
	.get_sync = get_sync,
	.list_orders = list_orders,
	.get_order = get_order,
	.list_products = list_products,
};
