/*
 * Meta's Marketing API v25.0: accounts, insights and asynchronous reports, with Graph's errors,
 * paging and usage headers (providers.md 2.1). Read next: meta_insights.c, meta_jobs.c.
 */
#include "meta.h"

#include "core/id.h"
#include "core/text.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define REGAIN_MINUTES 5

void meta_error(struct exchange *ex, int status, int code, int subcode, const char *type,
		const char *message)
{
	struct buf *b = &ex->rep->body;
	char trace[23];

	random_hex(trace, 11);
	web_json(ex->rep, status, "{\"error\":{\"message\":");
	buf_put_json(b, message, strlen(message));
	buf_printf(b, ",\"type\":\"%s\",\"code\":%d", type, code);
	if (subcode != 0)
		buf_printf(b, ",\"error_subcode\":%d", subcode);
	if (code == 2 || code == 4 || code == 80004)
		buf_puts(b, ",\"is_transient\":true");
	buf_printf(b, ",\"fbtrace_id\":\"%s\"}}", trace);
	if (code == 190)
		web_add_header(ex->rep, "WWW-Authenticate",
			       "OAuth \"Facebook Platform\" \"invalid_token\" \"%s\"", message);
}

static void usage_headers(struct exchange *ex, const char *account_id, int64_t left, int64_t regain)
{
	int64_t max = ex->sim->meta_bucket.max;
	int used = (int)((max - left) * 100 / max);
	struct buf b;

	buf_init(&b, 4096);
	buf_putc(&b, '{');
	buf_put_json(&b, account_id, strlen(account_id));
	buf_printf(&b,
		   ":[{\"type\":\"ads_insights\",\"call_count\":%d,\"total_cputime\":%d,"
		   "\"total_time\":%d,\"estimated_time_to_regain_access\":%lld,"
		   "\"ads_api_access_tier\":\"standard_access\"}]}",
		   used, used / 2, used / 2, (long long)regain);
	/* Header text is latin; an account of other letters is told by the other headers alone. */
	if (b.len > 0 && b.len < 900)
		web_add_header(ex->rep, "X-Business-Use-Case-Usage", "%s", buf_str(&b));
	buf_done(&b);
	web_add_header(ex->rep, "X-App-Usage",
		       "{\"call_count\":%d,\"total_cputime\":%d,\"total_time\":%d}", used, used / 2,
		       used / 2);
	web_add_header(ex->rep, "X-Ad-Account-Usage",
		       "{\"acc_id_util_pct\":%d.0,\"reset_time_duration\":300,"
		       "\"ads_api_access_tier\":\"standard_access\"}",
		       used);
	web_add_header(ex->rep, "x-fb-ads-insights-throttle",
		       "{\"app_id_util_pct\":%d.0,\"acc_id_util_pct\":%d.0,"
		       "\"ads_api_access_tier\":\"standard_access\"}",
		       used, used);
	web_add_header(ex->rep, "facebook-api-version", META_VERSION);
}

static void account_throttled(struct exchange *ex, const char *account_id, const char *endpoint)
{
	exchange_throttled(ex, PROV_META, endpoint);
	meta_error(ex, 400, 80004, 2446079, "OAuthException",
		   "(#80004) There have been too many calls to this ad-account. Wait a bit and try "
		   "again. For more info, please refer to "
		   "https://developers.facebook.com/docs/graph-api/overview/rate-limiting.");
	usage_headers(ex, account_id, 0, REGAIN_MINUTES);
}

static bool misbehave(struct exchange *ex, const struct fault *f, const char *account_id,
		      const char *endpoint)
{
	switch (f->kind) {
	case FAULT_HTTP_429:
		exchange_throttled(ex, PROV_META, endpoint);
		meta_error(ex, 429, 4, 1504022, "OAuthException",
			   "(#4) Application request limit reached");
		if (f->retry_after > 0)
			web_add_header(ex->rep, "Retry-After", "%lld", (long long)f->retry_after);
		return true;
	case FAULT_THROTTLE:
		account_throttled(ex, account_id, endpoint);
		return true;
	case FAULT_HTTP_5XX:
		web_html(ex->rep, 503, "<html><body>Service Unavailable</body></html>");
		return true;
	case FAULT_INTERNAL:
		meta_error(ex, 500, 2, 0, "OAuthException",
			   "An unexpected error has occurred. Please retry your request later.");
		return true;
	case FAULT_EXPIRED_TOKEN:
		tokens_expire(ex->sim->tokens, TK_META_ACCESS, ex->now);
		return false;
	case FAULT_WRONG_TYPE:
		web_json(ex->rep, 200, "{\"data\":{\"spend\":[1]},\"paging\":7}");
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

const char *meta_param(struct exchange *ex, const char *name)
{
	const char *value = web_param(ex->req, name), *type = web_header(ex->req, "Content-Type");
	cJSON *body;
	const cJSON *item;

	if (value != NULL || type == NULL || strncmp(type, "application/json", 16) != 0)
		return value;
	body = cJSON_Parse(ex->req->body);
	item = cJSON_GetObjectItemCaseSensitive(body, name);
	if (cJSON_IsString(item)) {
		value = arena_strdup(ex->arena, item->valuestring);
	} else if (item != NULL) {
		char *text = cJSON_PrintUnformatted(item);

		value = arena_strdup(ex->arena, text);
		cJSON_free(text);
	}
	cJSON_Delete(body);
	return value;
}

static bool authorised(struct exchange *ex)
{
	const char *token = web_bearer(ex->req);

	if (token == NULL)
		token = meta_param(ex, "access_token");
	if (token == NULL) {
		meta_error(ex, 400, 104, 0, "OAuthException",
			   "An access token is required to request this resource.");
		return false;
	}
	switch (tokens_check(ex->sim->tokens, TK_META_ACCESS, token, ex->now)) {
	case TOKEN_OK:
		return true;
	case TOKEN_EXPIRED:
		meta_error(ex, 400, 190, 463, "OAuthException",
			   "Error validating access token: Session has expired.");
		return false;
	case TOKEN_UNKNOWN:
		break;
	}
	meta_error(ex, 400, 190, 0, "OAuthException",
		   "Invalid OAuth access token - Cannot parse access token");
	return false;
}

/* ----------------------------------------------------------------- accounts */

static void account_field(struct exchange *ex, const struct ad_account *acc, const char *field)
{
	struct buf *b = &ex->rep->body;
	const char *value = NULL;

	if (strcmp(field, "id") == 0)
		value = arena_printf(ex->arena, "act_%s", acc->account_id.p);
	else if (strcmp(field, "account_id") == 0)
		value = acc->account_id.p;
	else if (strcmp(field, "name") == 0)
		value = arena_printf(ex->arena, "%s %s", ex->data->name, acc->account_id.p);
	else if (strcmp(field, "currency") == 0)
		value = acc->currency.p;
	else if (strcmp(field, "timezone_name") == 0)
		value = ex->data->zone;
	buf_printf(b, "\"%s\":", field);
	if (value != NULL)
		buf_put_json(b, value, strlen(value));
	else
		buf_puts(b, "1"); /* account_status: active */
}

/* Splits "a,b,c"; false with error 100 for a field that is not in `known`. */
static bool split_fields(struct exchange *ex, const char *text, const char *const *known,
			 const char **ret, size_t *ret_n)
{
	char *copy = arena_strdup(ex->arena, text), *save = NULL;

	for (char *f = strtok_r(copy, ", ", &save); f != NULL; f = strtok_r(NULL, ", ", &save)) {
		const char *const *k = known;

		while (*k != NULL && strcmp(*k, f) != 0)
			k++;
		if (*k == NULL || *ret_n == META_FIELDS_MAX) {
			meta_error(ex, 400, 100, 0, "OAuthException",
				   arena_printf(
					   ex->arena,
					   "(#100) Tried accessing nonexisting field (%s) on node "
					   "type (AdAccount)",
					   f));
			return false;
		}
		ret[(*ret_n)++] = *k;
	}
	return true;
}

static void account_object(struct exchange *ex, const struct ad_account *acc, const char **fields,
			   size_t n)
{
	buf_putc(&ex->rep->body, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&ex->rep->body, ',');
		account_field(ex, acc, fields[i]);
	}
	buf_putc(&ex->rep->body, '}');
}

/* The fields asked for, always with the id. */
static bool account_fields(struct exchange *ex, const char **fields, size_t *n)
{
	static const char *const known[] = { "id",       "account_id",    "name",
					     "currency", "timezone_name", "account_status",
					     NULL };
	const char *text = meta_param(ex, "fields");
	bool has_id = false;

	*n = 0;
	if (!split_fields(ex, text != NULL ? text : "account_id", known, fields, n))
		return false;
	for (size_t i = 0; i < *n; i++)
		has_id = has_id || strcmp(fields[i], "id") == 0;
	if (!has_id && *n < META_FIELDS_MAX)
		fields[(*n)++] = "id";
	return true;
}

static void list_accounts(struct exchange *ex)
{
	const char *fields[META_FIELDS_MAX];
	const struct ad_account *accounts = ex->data->accounts;
	size_t nfields, total = 0, from, n;

	/* Meta sorts first among the platforms, so its accounts are the first ones. */
	while (total < ex->data->naccounts && accounts[total].platform == PLATFORM_META)
		total++;
	if (!account_fields(ex, fields, &nfields) || !meta_paging(ex, total, &from, &n))
		return;
	web_json(ex->rep, 200, "{\"data\":[");
	for (size_t i = from; i < from + n; i++) {
		if (i > from)
			buf_putc(&ex->rep->body, ',');
		account_object(ex, &accounts[i], fields, nfields);
	}
	buf_putc(&ex->rep->body, ']');
	meta_paging_write(ex, from, n, total);
	exchange_page(ex, PROV_META, "adaccounts", arena_printf(ex->arena, "%zu", from));
}

static void no_object(struct exchange *ex, const char *id)
{
	meta_error(ex, 400, 100, 33, "GraphMethodException",
		   arena_printf(
			   ex->arena,
			   "Unsupported %s request. Object with ID '%s' does not exist, cannot be "
			   "loaded due to missing permissions, or does not support this operation. "
			   "Please read the Graph API documentation at "
			   "https://developers.facebook.com/docs/graph-api",
			   strcmp(ex->req->method, "POST") == 0 ? "post" : "get", id));
}

static void one_account(struct exchange *ex, const struct ad_account *acc)
{
	const char *fields[META_FIELDS_MAX];
	size_t n;

	if (!account_fields(ex, fields, &n))
		return;
	web_json(ex->rep, 200, "");
	account_object(ex, acc, fields, n);
}

/* ------------------------------------------------------------------ routing */

static const char *endpoint_of(const struct exchange *ex)
{
	const struct web_request *req = ex->req;
	bool insights = req->nseg == 3 && web_seg_is(req, 2, "insights");

	if (web_seg_is(req, 1, "me"))
		return "adaccounts";
	if (strncmp(req->seg[1], "act_", 4) == 0) {
		if (!insights)
			return "account";
		return strcmp(req->method, "POST") == 0 ? "insights_async" : "insights";
	}
	return insights ? "report_rows" : "report_run";
}

static void account_request(struct exchange *ex, const struct fault *f, const char *endpoint)
{
	const char *id = ex->req->seg[1] + 4;
	const struct ad_account *acc = dataset_account(ex->data, PLATFORM_META, id);
	struct meta_insights in;
	int64_t left;

	if (acc == NULL) {
		no_object(ex, ex->req->seg[1]);
		return;
	}
	if (!bucket_take(&ex->sim->meta_bucket, 1, &left)) {
		account_throttled(ex, id, endpoint);
		return;
	}
	if (strcmp(endpoint, "account") == 0) {
		if (ex->req->nseg == 2)
			one_account(ex, acc);
		else
			meta_error(ex, 400, 2500, 0, "OAuthException",
				   arena_printf(ex->arena, "Unknown path components: /%s",
						ex->req->seg[2]));
	} else if (strcmp(endpoint, "insights_async") == 0) {
		meta_job_start(ex, id, f->kind == FAULT_JOB_FAILED);
	} else if (meta_insights_read(ex, &in)) {
		meta_insights_answer(ex, id, &in, endpoint);
	}
	usage_headers(ex, id, left, 0);
}

static void route(struct exchange *ex, const struct fault *f, const char *endpoint)
{
	const struct web_request *req = ex->req;

	if (req->nseg == 3 && web_seg_is(req, 1, "me") && web_seg_is(req, 2, "adaccounts"))
		list_accounts(ex);
	else if (strncmp(req->seg[1], "act_", 4) == 0)
		account_request(ex, f, endpoint);
	else if (req->nseg == 3 && web_seg_is(req, 2, "insights") && meta_job_rows(ex, req->seg[1]))
		return;
	else if (req->nseg == 2 && meta_job_status(ex, req->seg[1]))
		return;
	else
		no_object(ex, req->seg[1]);
}

void meta_handle(struct exchange *ex)
{
	const struct web_request *req = ex->req;
	const char *endpoint = endpoint_of(ex);
	struct fault f = exchange_begin(ex, PROV_META, endpoint);
	const char *account = strncmp(req->seg[1], "act_", 4) == 0 ? req->seg[1] + 4 : "app";

	ex->now = clock_now(&ex->sim->clock);
	if (misbehave(ex, &f, account, endpoint))
		return;
	if (!web_seg_is(req, 0, META_VERSION))
		meta_error(ex, 400, 2635, 0, "OAuthException",
			   "(#2635) You are calling a deprecated version of the Ads API. Please "
			   "update to "
			   "the latest version: " META_VERSION ".");
	else if (!authorised(ex))
		return;
	else if (req->nseg < 2)
		meta_error(ex, 400, 2500, 0, "OAuthException", "Unknown path components: /");
	else
		route(ex, &f, endpoint);
}
