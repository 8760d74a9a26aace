/* Channels as people make and delete them. The secret is told once. Read next: channel.h. */
#include "alert.h"
#include "alert_message.h"
#include "core/id.h"
#include "core/timeutil.h"
#include "notice.h"
#include "store_channels.h"

static void fill(struct arena *a, const struct channel *c, Observability__V1__AlertChannel *out)
{
	out->channel_id = (char *)c->channel_id;
	out->name = (char *)c->name;
	out->kind = OBSERVABILITY__V1__CHANNEL_KIND__CHANNEL_KIND_WEBHOOK;
	out->url = (char *)c->url;
	out->min_severity = (Observability__V1__Severity)c->min_severity;
	out->created_at = message_time(a, c->created_us);
}

enum status handle_list_alert_channels(struct call *call,
				       const Observability__V1__ListAlertChannelsRequest *in,
				       Observability__V1__ListAlertChannelsReply *out)
{
	AUTO_TX *tx = NULL;
	struct tenant_tx t;
	struct channel *channels = NULL;
	Observability__V1__AlertChannel *answers;
	size_t n = 0;
	enum status st = tenant_begin(call, &tx, &t);

	(void)in;
	if (st == ST_OK)
		st = store_channels(&t, &channels, &n);
	if (st != ST_OK)
		return st;
	answers = arena_array(call->arena, n + 1, sizeof(*answers));
	out->channels = arena_array(call->arena, n + 1, sizeof(*out->channels));
	if (!answers || !out->channels)
		return tenant_no_memory(&t);
	for (size_t i = 0; i < n; i++) {
		observability__v1__alert_channel__init(&answers[i]);
		fill(call->arena, &channels[i], &answers[i]);
		out->channels[i] = &answers[i];
	}
	out->n_channels = n;
	return ST_OK;
}

static enum status check_count(const struct tenant_tx *t)
{
	struct channel *channels = NULL;
	size_t n = 0;
	enum status st = store_channels(t, &channels, &n);

	if (st == ST_OK && n >= CHANNELS_MAX)
		return error_set(t->err, ST_CONFLICT, NULL,
				 "the tenant has %d channels, which is the most", CHANNELS_MAX);
	return st;
}

static enum status add(struct call *call, const struct channel *c, const char *sealed,
		       const Observability__V1__AlertChannel *out)
{
	/* The secret is told once: what is kept for the same Idempotency-Key has none. */
	Observability__V1__AlertChannel kept = *out;
	AUTO_TX *tx = NULL;
	struct tenant_tx t;
	bool locked = false;
	int64_t seq;
	enum status st = tenant_begin(call, &tx, &t);

	kept.secret = (char *)"";
	if (st == ST_OK)
		st = store_tenant_lock(&t, true, &locked, &seq);
	if (st == ST_OK)
		st = check_count(&t);
	if (st == ST_OK)
		st = store_channel_add(&t, c, sealed);
	if (st == ST_OK)
		st = call_seal(call, tx, &kept.base);
	return st == ST_OK ? db_commit(tx, call->err) : st;
}

enum status handle_create_alert_channel(struct call *call,
					const Observability__V1__CreateAlertChannelRequest *in,
					Observability__V1__AlertChannel *out)
{
	const struct observability *app = call->app;
	char *id = arena_alloc(call->arena, UUID_TEXT);
	char *secret = arena_alloc(call->arena, NOTICE_SECRET_MAX);
	const struct channel c = { .channel_id = id,
				   .name = in->name,
				   .url = in->url,
				   .min_severity = (enum severity)in->min_severity,
				   .created_us = time_now_us() };
	const char *sealed;
	enum status st = channel_url_check(in->url, channel_private_allowed(&app->cfg), call->err);

	if (st != ST_OK)
		return st;
	if (!id || !secret)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	uuid_v7(id);
	notice_secret(secret);
	sealed = channel_secret_seal(call->svc, call->arena, secret);
	if (!sealed)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	fill(call->arena, &c, out);
	out->secret = secret;
	return add(call, &c, sealed, out);
}

enum status handle_delete_alert_channel(struct call *call,
					const Observability__V1__AlertChannelRequest *in,
					Pulsepoint__Empty *out)
{
	AUTO_TX *tx = NULL;
	struct tenant_tx t;
	bool locked = false;
	int64_t seq;
	enum status st = tenant_begin(call, &tx, &t);

	(void)out;
	if (st == ST_OK)
		st = store_tenant_lock(&t, true, &locked, &seq);
	if (st == ST_OK)
		st = store_channel_delete(&t, in->channel_id);
	return st == ST_OK ? db_commit(tx, call->err) : st;
}
