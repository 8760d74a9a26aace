/*
 * TikTok's Business API v1.3: advertisers and the synchronous report, in the envelope that is
 * always HTTP 200 (providers.md 2.2). Read next: tiktok_report.c.
 */
#include "tiktok.h"

#include "core/id.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static void open_envelope(struct exchange *ex, int code, const char *message)
{
	char request_id[33];

	random_hex(request_id, 16);
	web_json(ex->rep, 200, "");
	buf_printf(&ex->rep->body, "{\"code\":%d,\"message\":", code);
	buf_put_json(&ex->rep->body, message, strlen(message));
	buf_printf(&ex->rep->body, ",\"request_id\":\"%s\",\"data\":", request_id);
}

void tiktok_error(struct exchange *ex, int code, const char *message)
{
	open_envelope(ex, code, message);
	buf_puts(&ex->rep->body, "{}}");
}

void tiktok_open(struct exchange *ex)
{
	open_envelope(ex, 0, "OK");
}

static void too_many(struct exchange *ex, const char *endpoint)
{
	exchange_throttled(ex, PROV_TIKTOK, endpoint);
	tiktok_error(ex, 40100, "Too many requests. Please retry in some time.");
}

static bool misbehave(struct exchange *ex, const struct fault *f, const char *endpoint)
{
	switch (f->kind) {
	case FAULT_HTTP_429:
		exchange_throttled(ex, PROV_TIKTOK, endpoint);
		web_html(ex->rep, 429, "<html><body>429 Too Many Requests</body></html>");
		if (f->retry_after > 0)
			web_add_header(ex->rep, "Retry-After", "%lld", (long long)f->retry_after);
		return true;
	case FAULT_THROTTLE:
		too_many(ex, endpoint);
		return true;
	case FAULT_HTTP_5XX:
		web_html(ex->rep, 502, "<html><body>502 Bad Gateway</body></html>");
		return true;
	case FAULT_INTERNAL:
		tiktok_error(ex, 50000, "System error");
		return true;
	case FAULT_EXPIRED_TOKEN:
		tokens_expire(ex->sim->tokens, TK_TIKTOK_ACCESS, ex->now);
		return false;
	case FAULT_WRONG_TYPE:
		tiktok_open(ex);
		buf_puts(&ex->rep->body, "{\"list\":{\"spend\":1},\"page_info\":[]}}");
		return true;
	case FAULT_NONE:
	case FAULT_SLOW:
	case FAULT_TRUNCATE:
	case FAULT_BAD_JSON:
	case FAULT_NOT_READY:
	case FAULT_JOB_FAILED:
		break;
	}
	return false;
}

static bool authorised(struct exchange *ex)
{
	const char *token = web_header(ex->req, "Access-Token");

	if (token != NULL &&
	    tokens_check(ex->sim->tokens, TK_TIKTOK_ACCESS, token, ex->now) == TOKEN_OK)
		return true;
	tiktok_error(ex, 40105,
		     token == NULL ? "Access token is missing: the Access-Token header is required."
				   : "Access token is incorrect or has been revoked.");
	return false;
}

static const char *advertiser_name(struct exchange *ex, const struct ad_account *acc)
{
	return arena_printf(ex->arena, "%s %s", ex->data->name, acc->account_id.p);
}

/* The app's own credentials are optional here, but must be right where they are given. */
static bool app_is_known(struct exchange *ex)
{
	const char *app = web_param(ex->req, "app_id"), *secret = web_param(ex->req, "secret");

	if ((app == NULL || strcmp(app, TIKTOK_APP_ID) == 0) &&
	    (secret == NULL || strcmp(secret, TIKTOK_SECRET) == 0))
		return true;
	tiktok_error(ex, 40002, "app_id or secret is incorrect.");
	return false;
}

static void list_advertisers(struct exchange *ex)
{
	struct buf *b = &ex->rep->body;
	bool first = true;

	if (!app_is_known(ex))
		return;
	tiktok_open(ex);
	buf_puts(b, "{\"list\":[");
	for (uint32_t i = 0; i < ex->data->naccounts; i++) {
		const struct ad_account *acc = &ex->data->accounts[i];
		const char *name = advertiser_name(ex, acc);

		if (acc->platform != PLATFORM_TIKTOK)
			continue;
		buf_puts(b, first ? "{\"advertiser_id\":" : ",{\"advertiser_id\":");
		first = false;
		buf_put_json(b, acc->account_id.p, acc->account_id.n);
		buf_puts(b, ",\"advertiser_name\":");
		buf_put_json(b, name, strlen(name));
		buf_putc(b, '}');
	}
	buf_puts(b, "]}}");
}

static void put_info_field(struct exchange *ex, const char *key, const char *value)
{
	buf_printf(&ex->rep->body, ",\"%s\":", key);
	buf_put_json(&ex->rep->body, value, strlen(value));
}

static void put_info(struct exchange *ex, const struct ad_account *acc, bool first)
{
	buf_puts(&ex->rep->body, first ? "{\"advertiser_id\":" : ",{\"advertiser_id\":");
	buf_put_json(&ex->rep->body, acc->account_id.p, acc->account_id.n);
	put_info_field(ex, "name", advertiser_name(ex, acc));
	put_info_field(ex, "currency", acc->currency.p);
	put_info_field(ex, "timezone", ex->data->zone);
	put_info_field(ex, "display_timezone", ex->data->zone);
	put_info_field(ex, "country", ex->data->country);
	put_info_field(ex, "status", "STATUS_ENABLE");
	buf_putc(&ex->rep->body, '}');
}

static bool know_advertisers(struct exchange *ex, const char *const *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (dataset_account(ex->data, PLATFORM_TIKTOK, ids[i]) == NULL) {
			tiktok_error(ex, 40001,
				     arena_printf(ex->arena,
						  "No permission to operate advertiser %s.",
						  ids[i]));
			return false;
		}
	return true;
}

static void advertiser_info(struct exchange *ex)
{
	const char *ids[TIKTOK_LIST_MAX];
	size_t n = 0;

	if (!tiktok_list_param(ex, "advertiser_ids", true, ids, &n) ||
	    !know_advertisers(ex, ids, n))
		return;
	tiktok_open(ex);
	buf_puts(&ex->rep->body, "{\"list\":[");
	for (size_t i = 0; i < n; i++)
		put_info(ex, dataset_account(ex->data, PLATFORM_TIKTOK, ids[i]), i == 0);
	buf_puts(&ex->rep->body, "]}}");
}

bool tiktok_list_param(struct exchange *ex, const char *name, bool required, const char **ret,
		       size_t *ret_n)
{
	const char *text = web_param(ex->req, name);
	cJSON *list;
	const cJSON *item;
	bool ok;

	if (text == NULL) {
		if (required)
			tiktok_error(ex, 40002,
				     arena_printf(ex->arena, "%s: Missing data for required field.",
						  name));
		return !required;
	}
	list = cJSON_Parse(text);
	ok = cJSON_IsArray(list) && list->child != NULL;
	cJSON_ArrayForEach(item, list)
	{
		ok = ok && cJSON_IsString(item) && *ret_n < TIKTOK_LIST_MAX;
		if (ok)
			ret[(*ret_n)++] = arena_strdup(ex->arena, item->valuestring);
	}
	cJSON_Delete(list);
	if (!ok)
		tiktok_error(ex, 40002,
			     arena_printf(ex->arena, "%s: Not a valid list of strings.", name));
	return ok;
}

static const char *endpoint_of(const struct web_request *req)
{
	if (req->nseg == 5 && web_seg_is(req, 2, "report") && web_seg_is(req, 3, "integrated") &&
	    web_seg_is(req, 4, "get"))
		return "report";
	if (req->nseg == 5 && web_seg_is(req, 2, "oauth2") && web_seg_is(req, 3, "advertiser") &&
	    web_seg_is(req, 4, "get"))
		return "advertisers";
	if (req->nseg == 4 && web_seg_is(req, 2, "advertiser") && web_seg_is(req, 3, "info"))
		return "advertiser_info";
	return "unknown";
}

void tiktok_handle(struct exchange *ex)
{
	const char *endpoint = endpoint_of(ex->req);
	struct fault f = exchange_begin(ex, PROV_TIKTOK, endpoint);
	int64_t left;

	ex->now = clock_now(&ex->sim->clock);
	if (misbehave(ex, &f, endpoint))
		return;
	if (!web_seg_is(ex->req, 1, "v1.3") || strcmp(endpoint, "unknown") == 0)
		tiktok_error(ex, 40006, "The requested path does not exist.");
	else if (strcmp(ex->req->method, "GET") != 0)
		tiktok_error(ex, 40005, "The request method is not supported.");
	else if (!authorised(ex))
		return;
	else if (!bucket_take(&ex->sim->tiktok_bucket, 1, &left))
		too_many(ex, endpoint);
	else if (strcmp(endpoint, "report") == 0)
		tiktok_report(ex);
	else if (strcmp(endpoint, "advertisers") == 0)
		list_advertisers(ex);
	else
		advertiser_info(ex);
}
