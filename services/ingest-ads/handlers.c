/* What ingest-ads answers: connections and runs. Read next: sync.c for what a run does. */
#include "handlers.h"
#include "contract/auth.h"
#include "contract/ingest_ads.h"
#include "core/text.h"
#include "ingest/values.h"
#include "session.h"
#include "json/message.h"

#include <sodium.h>
#include <string.h>

/* The contract's platform to the word that tables and providers use; the contract refuses others.
 */
static const char *platform_word(Ads__V1__Platform p)
{
	if (p == ADS__V1__PLATFORM__PLATFORM_META)
		return "meta";
	return p == ADS__V1__PLATFORM__PLATFORM_TIKTOK ? "tiktok" : "google";
}

/* auth owns brands: it says whether this caller may see this one. */
static enum status check_brand(struct call *call, char *brand_id)
{
	Auth__V1__BrandRequest in = AUTH__V1__BRAND_REQUEST__INIT;
	Auth__V1__Brand *brand;

	in.brand_id = brand_id;
	return auth_get_brand(call, &in, &brand);
}

static enum status read_credential(struct call *call, const Ads__V1__ConnectRequest *in,
				   struct credential *c)
{
	bool google = in->platform == ADS__V1__PLATFORM__PLATFORM_GOOGLE;
	const char *need = google ? in->refresh_token : in->access_token;
	const char *other = google ? in->access_token : in->refresh_token;

	if (!*need)
		return error_set(call->err, ST_INVALID, google ? "refresh_token" : "access_token",
				 "is required");
	if (*other)
		return error_set(call->err, ST_INVALID, google ? "access_token" : "refresh_token",
				 "is not taken for this platform");
	if (strpbrk(need, "\r\n") || strpbrk(in->login_customer_id, "\r\n"))
		return error_set(call->err, ST_INVALID, google ? "refresh_token" : "access_token",
				 "holds a line break");
	memset(c, 0, sizeof(*c));
	if (text_copy(c->access_token, sizeof(c->access_token), in->access_token) != ST_OK ||
	    text_copy(c->refresh_token, sizeof(c->refresh_token), in->refresh_token) != ST_OK ||
	    text_copy(c->login_customer_id, sizeof(c->login_customer_id), in->login_customer_id) !=
		    ST_OK)
		return error_set(call->err, ST_INVALID, NULL, "a credential is too long");
	c->all_accounts = !*in->account_id;
	return ST_OK;
}

/* A refusal of the provider is the caller's to mend: his credentials, not his token for us. */
static enum status soften(struct call *call, enum status st, const char *field)
{
	if (st != ST_UNAUTHENTICATED)
		return st;
	return error_set(call->err, ST_INVALID, field, "is refused by the platform");
}

/* Keeps the account that was named, or all. */
static enum status pick(struct call *call, const char *wanted, struct ad_account *accounts,
			size_t *n)
{
	if (!*wanted)
		return ST_OK;
	for (size_t i = 0; i < *n; i++)
		if (strcmp(accounts[i].account_id, wanted) == 0) {
			accounts[0] = accounts[i];
			*n = 1;
			return ST_OK;
		}
	return error_set(call->err, ST_NOT_FOUND, "account_id",
			 "is not an account these credentials reach");
}

static Ads__V1__Connection *connection(struct arena *a, Ads__V1__Platform platform,
				       const struct connection_row *row)
{
	Ads__V1__Connection *c = arena_alloc(a, sizeof(*c));

	if (!c)
		return NULL;
	ads__v1__connection__init(c);
	c->connection_id = value_text(row->connection_id);
	c->brand_id = value_text(row->brand_id);
	c->platform = platform;
	c->account_id = value_text(row->account_id);
	c->account_name = value_text(row->name);
	c->currency = value_text(row->currency);
	c->timezone = value_text(row->timezone);
	c->state = strcmp(row->state, "connected") == 0
			   ? PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_CONNECTED
			   : PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_RECONNECT;
	c->connected_at = value_time(a, row->connected_at);
	c->synced_at = value_time(a, row->synced_at);
	return c;
}

static enum status list(struct call *call, Ads__V1__Platform platform, const char *brand,
			Ads__V1__Connection ***ret, size_t *n)
{
	struct connection_row *rows;
	Ads__V1__Connection **out;
	AUTO_TX *tx = call_tx(call);
	enum status st = tx ? store_list(tx, call->arena, platform_word(platform), brand,
					 call->deadline_us, &rows, n, call->err)
			    : ST_UNAVAILABLE;

	if (st != ST_OK)
		return st;
	out = arena_array(call->arena, *n + 1, sizeof(*out));
	for (size_t i = 0; out && i < *n; i++)
		out[i] = connection(call->arena, platform, &rows[i]);
	*ret = out;
	return arena_failed(call->arena)
		       ? error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory")
		       : ST_OK;
}

static enum status keep(struct call *call, const Ads__V1__ConnectRequest *in,
			const struct credential *c, const struct ad_account *accounts, size_t n,
			Ads__V1__ConnectReply *out)
{
	const char *platform = platform_word(in->platform), *tenant = call->who->tenant_id;
	const char *sealed = session_seal(call->app, call->arena, c);
	AUTO_TX *tx = NULL;
	enum status st;

	if (!sealed)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	st = call_begin(call, &tx);
	if (st == ST_OK)
		st = store_put_credential(tx, call->arena, tenant, in->brand_id, platform, sealed,
					  c->all_accounts, call->err);
	if (st == ST_OK)
		st = store_put_accounts(tx, call->arena, tenant, in->brand_id, platform, accounts,
					n, call->err);
	if (st == ST_OK)
		st = db_commit(tx, call->err);
	return st == ST_OK ? list(call, in->platform, in->brand_id, &out->connections,
				  &out->n_connections)
			   : st;
}

static enum status connect_accounts(struct call *call, const Ads__V1__ConnectRequest *in,
				    Ads__V1__ConnectReply *out)
{
	const struct provider *p = provider_find(platform_word(in->platform));
	struct provider_session session;
	struct ad_account *accounts;
	struct credential c;
	size_t n;
	enum status st = read_credential(call, in, &c);

	if (st == ST_OK)
		st = check_brand(call, in->brand_id);
	if (st != ST_OK)
		return st;
	session_init(call->app, p, &c, &session);
	st = p->accounts(&session, call->arena, &accounts, &n, call->err);
	st = soften(call, st, *in->refresh_token ? "refresh_token" : "access_token");
	if (st == ST_OK)
		st = pick(call, in->account_id, accounts, &n);
	if (st == ST_OK)
		st = keep(call, in, &c, accounts, n, out);
	sodium_memzero(&session, sizeof(session));
	sodium_memzero(&c, sizeof(c));
	return st;
}

static enum status list_connections(struct call *call, const Ads__V1__ListConnectionsRequest *in,
				    Ads__V1__ListConnectionsReply *out)
{
	return list(call, in->platform, in->brand_id, &out->connections, &out->n_connections);
}

static enum status start_sync(struct call *call, const Ads__V1__StartSyncRequest *in,
			      Pulsepoint__SyncStarted *out)
{
	const char *platform = platform_word(in->platform), *sealed;
	const struct event_origin origin = call_origin(call);
	struct ads *app = call->app;
	char run_id[UUID_TEXT];
	AUTO_TX *tx = NULL;
	bool all;
	enum status st = call_begin(call, &tx);

	if (st == ST_OK)
		st = store_get_credential(tx, call->arena, in->brand_id, platform, &sealed, &all,
					  call->err);
	if (st == ST_OK)
		st = runs_start(app->engine.runs, tx, &origin, in->brand_id, platform, in->full,
				run_id, NULL, call->err);
	if (st != ST_OK)
		return st;
	out->run_id = arena_strdup(call->arena, run_id);
	st = call_seal(call, tx, &out->base);
	return st == ST_OK ? db_commit(tx, call->err) : st;
}

static enum status get_sync(struct call *call, const Ads__V1__GetSyncRequest *in,
			    Pulsepoint__SyncRun *out)
{
	struct run_view v;
	AUTO_TX *tx = call_tx(call);
	enum status st = tx ? runs_get(tx, platform_word(in->platform), in->run_id,
				       call->deadline_us, &v, call->err)
			    : ST_UNAVAILABLE;

	if (st != ST_OK)
		return st;
	value_sync_run(call->arena, &v, out);
	return ST_OK;
}

const struct ingest_ads_handlers ads_handlers = {
	.connect = connect_accounts,
	.list_connections = list_connections,
	.start_sync = start_sync,
	.get_sync = get_sync,
};
