/*
 * The operator's port: tokens to begin with, faults, pace, clock, reload, counters, and a receiver
 * for webhooks. Only tests and the demo use it; no provider has anything like it. Read next:
 * hooks.c.
 */
#include "control.h"

#include "anthropic.h"
#include "member.h"

#include "core/timeutil.h"

#include <stdio.h>
#include <string.h>

void control_refuse(struct exchange *ex, int status, const char *why)
{
	web_json(ex->rep, status, "{\"error\":");
	buf_put_json(&ex->rep->body, why, strlen(why));
	buf_putc(&ex->rep->body, '}');
}

static void done(struct exchange *ex)
{
	web_json(ex->rep, 200, "{\"ok\":true}");
}

static void put_text(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, "\"%s\":", key);
	buf_put_json(b, value, strlen(value));
}

static void put_day(struct buf *b, const char *key, int32_t day)
{
	char text[TIME_TEXT_MAX];

	date_format(day, text);
	buf_printf(b, ",\"%s\":\"%s\"", key, text);
}

static void state(struct exchange *ex)
{
	const struct dataset *ds = ex->data;
	struct buf *b = &ex->rep->body;
	char now[TIME_TEXT_MAX];

	time_format(ex->now, now);
	web_json(ex->rep, 200, "{\"dataset\":{");
	put_text(b, "name", ds->name);
	buf_putc(b, ',');
	put_text(b, "shop_domain", ds->shop_domain);
	buf_putc(b, ',');
	put_text(b, "currency", ds->currency);
	buf_putc(b, ',');
	put_text(b, "iana_timezone", ds->zone);
	put_day(b, "first_day", ds->first_day);
	put_day(b, "last_day", ds->last_day);
	buf_printf(b,
		   ",\"shift_days\":%d,\"orders\":%u,\"lines\":%u,\"refunds\":%u,\"products\":%u,"
		   "\"variants\":%u,\"visits\":%u,\"loose_visits\":%u,\"ad_rows\":%u,"
		   "\"ad_accounts\":%u},\"now\":\"%s\",\"plan\":\"%s\",\"faults\":",
		   ds->shift_days, ds->norders, ds->nlines, ds->nrefunds, ds->nproducts,
		   ds->nvariants, ds->nvisits, ds->loose_visits, ds->nads, ds->naccounts, now,
		   ex->sim->plan->word);
	faults_write(ex->sim->faults, b);
	buf_puts(b, ",\"served\":");
	stats_write(ex->sim->stats, b, web_param(ex->req, "pages") != NULL);
	buf_putc(b, '}');
}

/* The shop's own pixel exports what led to no order, as the touchpoint import takes it. */
static void put_visit(struct buf *b, const struct loose_visit *l)
{
	const struct visit *v = &l->visit;
	const struct {
		const char *key;
		struct str value;
	} texts[] = { { "source", v->source },
		      { "source_type", v->source_type },
		      { "medium", v->medium },
		      { "campaign", v->campaign },
		      { "content", v->content },
		      { "term", v->term },
		      { "landing_page", v->landing_page },
		      { "referrer", v->referrer } };
	char time[TIME_TEXT_MAX];

	time_format(v->occurred_at, time);
	buf_puts(b, "{\"visitor_id\":");
	buf_put_json(b, l->visitor_id.p, l->visitor_id.n);
	buf_printf(b, ",\"position\":%lld,\"occurred_at\":\"%s\"", (long long)v->position, time);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_printf(b, ",\"%s\":", texts[i].key);
		buf_put_json(b, texts[i].value.p, texts[i].value.n);
	}
	buf_puts(b, "}\n");
}

static void visits(struct exchange *ex)
{
	web_json(ex->rep, 200, "");
	ex->rep->type = "application/x-ndjson";
	for (uint32_t i = 0; i < ex->data->loose_visits; i++)
		put_visit(&ex->rep->body, &ex->data->loose[i]);
}

static void tokens(struct exchange *ex)
{
	struct tokens *t = ex->sim->tokens;
	char code[TOKEN_TEXT], meta[TOKEN_TEXT], tiktok[TOKEN_TEXT], google[TOKEN_TEXT];

	tokens_issue(t, TK_SHOPIFY_CODE, ex->now, SHOPIFY_CODE_S, code);
	tokens_issue(t, TK_META_ACCESS, ex->now, META_ACCESS_S, meta);
	tokens_issue(t, TK_TIKTOK_ACCESS, ex->now, TOKEN_FOREVER_S, tiktok);
	tokens_issue(t, TK_GOOGLE_REFRESH, ex->now, TOKEN_FOREVER_S, google);
	web_json(ex->rep, 200, "");
	buf_printf(&ex->rep->body,
		   "{\"shopify_client_id\":\"" SHOPIFY_CLIENT_ID "\",\"shopify_client_secret\":"
		   "\"" SHOPIFY_CLIENT_SECRET "\",\"shopify_code\":\"%s\",\"meta_access_token\":"
		   "\"%s\",\"tiktok_access_token\":\"%s\",\"tiktok_app_id\":\"" TIKTOK_APP_ID
		   "\",\"tiktok_secret\":\"" TIKTOK_SECRET "\",\"google_refresh_token\":\"%s\","
		   "\"google_client_id\":\"" GOOGLE_CLIENT_ID "\",\"google_client_secret\":"
		   "\"" GOOGLE_CLIENT_SECRET "\",\"google_developer_token\":"
		   "\"" GOOGLE_DEVELOPER_TOKEN "\"}",
		   code, meta, tiktok, google);
}

static void shopify_code(struct exchange *ex)
{
	char code[TOKEN_TEXT];

	tokens_issue(ex->sim->tokens, TK_SHOPIFY_CODE, ex->now, SHOPIFY_CODE_S, code);
	web_json(ex->rep, 200, "");
	buf_printf(&ex->rep->body, "{\"code\":\"%s\"}", code);
}

/* ------------------------------------------------------- orders with a body */

bool control_number(struct exchange *ex, const cJSON *body, const char *key, int64_t fallback,
		    int64_t max, int64_t *ret)
{
	const cJSON *item = member_of(body, key);

	*ret = fallback;
	if (item == NULL)
		return true;
	if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= (double)max) {
		*ret = (int64_t)item->valuedouble;
		return true;
	}
	control_refuse(
		ex, 400,
		arena_printf(ex->arena, "%s must be a number from 0 to %lld", key, (long long)max));
	return false;
}

static bool provider_of(struct exchange *ex, const cJSON *body, enum provider *ret)
{
	*ret = provider_parse(text_of(body, "provider"));
	if (*ret == PROV_COUNT)
		control_refuse(ex, 400,
			       "provider must be shopify, meta, tiktok, google or anthropic");
	return *ret != PROV_COUNT;
}

static void expire(struct exchange *ex, const cJSON *body)
{
	static const enum token_kind kinds[PROV_COUNT] = { TK_SHOPIFY_ACCESS, TK_META_ACCESS,
							   TK_TIKTOK_ACCESS, TK_GOOGLE_ACCESS,
							   TK_COUNT };
	enum provider p;
	unsigned n;

	if (!provider_of(ex, body, &p))
		return;
	if (p == PROV_ANTHROPIC) {
		control_refuse(ex, 400,
			       "anthropic has keys, which do not expire: see /control/model");
		return;
	}
	n = tokens_expire(ex->sim->tokens, kinds[p], ex->now);
	/* With "refresh": true the connection is dead until somebody connects again. */
	if (cJSON_IsTrue(member_of(body, "refresh"))) {
		if (p == PROV_SHOPIFY)
			n += tokens_expire(ex->sim->tokens, TK_SHOPIFY_REFRESH, ex->now);
		if (p == PROV_GOOGLE)
			n += tokens_expire(ex->sim->tokens, TK_GOOGLE_REFRESH, ex->now);
	}
	web_json(ex->rep, 200, "");
	buf_printf(&ex->rep->body, "{\"ok\":true,\"expired\":%u}", n);
}

static void add_fault(struct exchange *ex, const cJSON *body)
{
	struct fault f = { .kind = fault_kind_parse(text_of(body, "kind")) };
	enum provider p;

	if (!provider_of(ex, body, &p))
		return;
	if (f.kind == FAULT_NONE) {
		control_refuse(
			ex, 400,
			"kind must be http_429, http_5xx, internal, slow, truncate, bad_json, "
			"expired_token, throttle, wrong_type, not_ready or job_failed");
		return;
	}
	if (strlen(text_of(body, "endpoint")) >= sizeof(f.endpoint)) {
		control_refuse(ex, 400, "endpoint is too long");
		return;
	}
	snprintf(f.provider, sizeof(f.provider), "%s", provider_name(p));
	snprintf(f.endpoint, sizeof(f.endpoint), "%s", text_of(body, "endpoint"));
	if (!control_number(ex, body, "count", 1, INT32_MAX, &f.count) ||
	    !control_number(ex, body, "after", 0, INT32_MAX, &f.after) ||
	    !control_number(ex, body, "delay_ms", 0, FAULT_DELAY_MS_MAX, &f.delay_ms) ||
	    !control_number(ex, body, "retry_after", 1, 86400, &f.retry_after))
		return;
	if (f.count == 0)
		control_refuse(ex, 400, "count must be at least 1");
	else if (faults_add(ex->sim->faults, &f))
		done(ex);
	else
		control_refuse(ex, 409, "too many faults are waiting");
}

static void set_clock(struct exchange *ex, const cJSON *body)
{
	const cJSON *advance = member_of(body, "advance_s");
	char now[TIME_TEXT_MAX];
	int64_t us;

	if (cJSON_IsNumber(advance) && advance->valuedouble >= -1e10 &&
	    advance->valuedouble <= 1e10) {
		clock_advance(&ex->sim->clock, (int64_t)(advance->valuedouble * 1e6));
	} else if (time_parse(text_of(body, "now"), &us)) {
		clock_set(&ex->sim->clock, us);
	} else {
		control_refuse(ex, 400, "now (a time) or advance_s (a number) is needed");
		return;
	}
	time_format(clock_now(&ex->sim->clock), now);
	web_json(ex->rep, 200, "");
	buf_printf(&ex->rep->body, "{\"now\":\"%s\"}", now);
}

static void pace(struct exchange *ex, const cJSON *body)
{
	enum provider p;
	int64_t delay;

	if (!provider_of(ex, body, &p) ||
	    !control_number(ex, body, "delay_ms", 0, FAULT_DELAY_MS_MAX, &delay))
		return;
	atomic_store(&ex->sim->pace_ms[p], delay);
	done(ex);
}

static void reload(struct exchange *ex)
{
	struct error err = { 0 };

	if (sim_reload(ex->sim, &err) == ST_OK)
		done(ex);
	else
		control_refuse(ex, 400, err.detail);
}

static const struct {
	const char *path;
	void (*act)(struct exchange *ex, const cJSON *body);
} orders[] = {
	{ "expire", expire }, { "faults", add_fault }, { "clock", set_clock }, { "pace", pace }
};

/* A POST with a JSON body; false when there is no such path. */
static bool order(struct exchange *ex)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		cJSON *body;

		if (!web_seg_is(ex->req, 1, orders[i].path))
			continue;
		body = cJSON_Parse(ex->req->body);
		if (cJSON_IsObject(body))
			orders[i].act(ex, body);
		else
			control_refuse(ex, 400, "the body is not a JSON object");
		cJSON_Delete(body);
		return true;
	}
	return false;
}

void control_handle(struct exchange *ex)
{
	const struct web_request *req = ex->req;
	bool get = strcmp(req->method, "GET") == 0, post = strcmp(req->method, "POST") == 0;

	if (web_seg_is(req, 1, "usage"))
		anth_usage_handle(ex);
	else if (web_seg_is(req, 1, "model"))
		modes_handle(ex);
	else if (get && web_seg_is(req, 1, "health"))
		done(ex);
	else if (get && web_seg_is(req, 1, "state"))
		state(ex);
	else if (get && web_seg_is(req, 1, "visits"))
		visits(ex);
	else if (post && web_seg_is(req, 1, "tokens"))
		tokens(ex);
	else if (post && web_seg_is(req, 1, "shopify") && web_seg_is(req, 2, "code"))
		shopify_code(ex);
	else if (post && web_seg_is(req, 1, "reload"))
		reload(ex);
	else if (strcmp(req->method, "DELETE") == 0 && web_seg_is(req, 1, "faults")) {
		faults_clear(ex->sim->faults);
		done(ex);
	} else if (req->nseg == 3 && web_seg_is(req, 1, "webhook"))
		hooks_handle(ex, req->seg[2]);
	else if (!post || !order(ex))
		control_refuse(ex, 404, "no such control");
}
