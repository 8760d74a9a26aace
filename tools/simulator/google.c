/*
 * Google Ads API v25 over REST: OAuth token, accessible customers, :search and :searchStream, with
 * GoogleAdsFailure errors (providers.md 2.3). Read next: gaql.c, google_rows.c.
 */
#include "google.h"

#include "zone.h"

#include "core/id.h"
#include "core/text.h"

#include <cjson/cJSON.h>
#include <string.h>

#define FAILURE_TYPE "type.googleapis.com/google.ads.googleads.v25.errors.GoogleAdsFailure"

/* How an error is told: HTTP code and status, the category of the error code and its name. */
struct failure {
	int http;
	const char *status, *category, *code, *message;
	const char *retry_delay; /* of a quota error; NULL: none */
};

static void put_failure(struct exchange *ex, const struct failure *f, bool array)
{
	struct buf *b = &ex->rep->body;
	char request_id[23];

	random_hex(request_id, 11);
	web_json(ex->rep, f->http, array ? "[{\"error\":{" : "{\"error\":{");
	buf_printf(b, "\"code\":%d,\"message\":", f->http);
	buf_put_json(b, f->message, strlen(f->message));
	buf_printf(b, ",\"status\":\"%s\"", f->status);
	if (f->category != NULL) {
		buf_printf(b,
			   ",\"details\":[{\"@type\":\"" FAILURE_TYPE
			   "\",\"errors\":[{\"errorCode\":"
			   "{\"%s\":\"%s\"},\"message\":",
			   f->category, f->code);
		buf_put_json(b, f->message, strlen(f->message));
		if (f->retry_delay != NULL)
			buf_printf(b,
				   ",\"details\":{\"quotaErrorDetails\":{\"rateScope\":\"ACCOUNT\","
				   "\"rateName\":\"Number of operations for basic access\","
				   "\"retryDelay\":\"%s\"}}",
				   f->retry_delay);
		buf_printf(b, "}],\"requestId\":\"%s\"}]", request_id);
	}
	buf_puts(b, array ? "}}]" : "}}");
}

/* -------------------------------------------------------------------- token */

static void oauth_error(struct exchange *ex, int status, const char *error, const char *why)
{
	web_json(ex->rep, status, "");
	buf_printf(&ex->rep->body, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error, why);
}

static bool param_is(struct exchange *ex, const char *name, const char *value)
{
	const char *have = web_param(ex->req, name);

	return have != NULL && strcmp(have, value) == 0;
}

static void grant(struct exchange *ex)
{
	const char *refresh = web_param(ex->req, "refresh_token");
	char access[TOKEN_TEXT];

	if (!param_is(ex, "client_id", GOOGLE_CLIENT_ID) ||
	    !param_is(ex, "client_secret", GOOGLE_CLIENT_SECRET)) {
		oauth_error(ex, 401, "invalid_client", "The OAuth client was not found.");
	} else if (!param_is(ex, "grant_type", "refresh_token")) {
		oauth_error(ex, 400, "unsupported_grant_type", "Invalid grant_type");
	} else if (refresh == NULL ||
		   tokens_check(ex->sim->tokens, TK_GOOGLE_REFRESH, refresh, ex->now) != TOKEN_OK) {
		oauth_error(ex, 400, "invalid_grant", "Token has been expired or revoked.");
	} else {
		tokens_issue(ex->sim->tokens, TK_GOOGLE_ACCESS, ex->now, GOOGLE_ACCESS_S, access);
		web_json(ex->rep, 200, "");
		buf_printf(&ex->rep->body,
			   "{\"access_token\":\"%s\",\"expires_in\":%d,\"scope\":"
			   "\"https://www.googleapis.com/auth/adwords\",\"token_type\":\"Bearer\"}",
			   access, GOOGLE_ACCESS_S);
	}
}

void google_token(struct exchange *ex)
{
	struct fault f = exchange_begin(ex, PROV_GOOGLE, "token");

	if (f.kind == FAULT_HTTP_5XX || f.kind == FAULT_INTERNAL)
		oauth_error(ex, 503, "internal_failure", "backend_error");
	else if (f.kind == FAULT_HTTP_429 || f.kind == FAULT_THROTTLE)
		oauth_error(ex, 429, "rate_limit_exceeded", "Rate Limit Exceeded");
	else if (f.kind == FAULT_EXPIRED_TOKEN)
		oauth_error(ex, 400, "invalid_grant", "Token has been expired or revoked.");
	else if (f.kind == FAULT_WRONG_TYPE)
		web_json(ex->rep, 200, "{\"access_token\":17,\"expires_in\":\"soon\"}");
	else if (strcmp(ex->req->method, "POST") != 0 || ex->req->nseg != 1)
		oauth_error(ex, 404, "not_found", "Not Found");
	else
		grant(ex);
}

/* ----------------------------------------------------------- who may ask what */

static const char *delay_text(struct exchange *ex, const struct fault *f)
{
	return arena_printf(ex->arena, "%llds", (long long)f->retry_after);
}

static bool misbehave(struct exchange *ex, const struct fault *f, const char *endpoint, bool array)
{
	struct failure quota = { 429,
				 "RESOURCE_EXHAUSTED",
				 "quotaError",
				 f->kind == FAULT_THROTTLE ? "RESOURCE_TEMPORARILY_EXHAUSTED"
							   : "RESOURCE_EXHAUSTED",
				 "Too many requests. Retry in a while.",
				 delay_text(ex, f) };
	struct failure internal = { 500,
				    "INTERNAL",
				    "internalError",
				    "INTERNAL_ERROR",
				    "An internal error has occurred.",
				    NULL };

	switch (f->kind) {
	case FAULT_HTTP_429:
	case FAULT_THROTTLE:
		exchange_throttled(ex, PROV_GOOGLE, endpoint);
		put_failure(ex, &quota, array);
		return true;
	case FAULT_HTTP_5XX:
		web_html(ex->rep, 503,
			 "<html><title>Error 503 (Service Unavailable)</title></html>");
		return true;
	case FAULT_INTERNAL:
		put_failure(ex, &internal, array);
		return true;
	case FAULT_EXPIRED_TOKEN:
		tokens_expire(ex->sim->tokens, TK_GOOGLE_ACCESS, ex->now);
		return false;
	case FAULT_WRONG_TYPE:
		web_json(ex->rep, 200,
			 array ? "[{\"results\":{\"metrics\":[]}}]" : "{\"results\":7}");
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

static bool authorised(struct exchange *ex, bool array)
{
	static const char bad[] =
		"Request had invalid authentication credentials. Expected OAuth 2 "
		"access token, login cookie or other valid authentication credential. "
		"See https://developers.google.com/identity/sign-in/web/devconsole-project.";
	const char *token = web_bearer(ex->req),
		   *developer = web_header(ex->req, "developer-token");
	struct failure f = {
		401, "UNAUTHENTICATED", "authenticationError", "OAUTH_TOKEN_INVALID", bad, NULL
	};
	enum token_state state =
		token != NULL ? tokens_check(ex->sim->tokens, TK_GOOGLE_ACCESS, token, ex->now)
			      : TOKEN_UNKNOWN;

	if (state == TOKEN_EXPIRED)
		f.code = "OAUTH_TOKEN_EXPIRED";
	if (state == TOKEN_OK && developer == NULL) {
		f.code = "DEVELOPER_TOKEN_PARAMETER_MISSING";
		f.message = "The developer token is not set.";
		f.category = "headerError";
	} else if (state == TOKEN_OK && strcmp(developer, GOOGLE_DEVELOPER_TOKEN) != 0) {
		f.code = "DEVELOPER_TOKEN_INVALID";
		f.message = "The developer token is not valid.";
	} else if (state == TOKEN_OK) {
		return true;
	}
	put_failure(ex, &f, array);
	return false;
}

static void list_customers(struct exchange *ex)
{
	struct buf *b = &ex->rep->body;
	bool first = true;

	web_json(ex->rep, 200, "{\"resourceNames\":[");
	for (uint32_t i = 0; i < ex->data->naccounts; i++) {
		const struct ad_account *acc = &ex->data->accounts[i];
		const char *name = arena_printf(ex->arena, "customers/%s", acc->account_id.p);

		if (acc->platform != PLATFORM_GOOGLE)
			continue;
		if (!first)
			buf_putc(b, ',');
		first = false;
		buf_put_json(b, name, strlen(name));
	}
	buf_puts(b, "]}");
}

/* ------------------------------------------------------------------- search */

struct search_request {
	const struct ad_account *account;
	const char *text;
	struct gaql_query query;
	size_t from; /* of :search, the row its page begins with */
	bool stream;
};

/* A token fits its own query only: it holds the query's hash. */
static const char *page_token(struct exchange *ex, const char *text, size_t from)
{
	uint64_t h = UINT64_C(14695981039346656037);
	const char *plain;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	plain = arena_printf(ex->arena, "g%zu.%llx", from, (unsigned long long)h);
	return base64url_encode(ex->arena, plain, strlen(plain));
}

static bool bad_argument(struct exchange *ex, bool stream, const char *category, const char *code,
			 const char *message)
{
	struct failure f = { 400, "INVALID_ARGUMENT", category, code, message, NULL };

	put_failure(ex, &f, stream);
	return false;
}

/* The row a page token stands for: a multiple of the page size, proven by making the token anew. */
static bool take_page_token(struct exchange *ex, struct search_request *s, const char *token)
{
	size_t len = 0;
	uint8_t *plain = base64url_decode(ex->arena, token, &len);
	char *text = plain != NULL ? arena_strndup(ex->arena, (char *)plain, len) : NULL;
	char *dot = text != NULL ? strchr(text, '.') : NULL;
	int64_t from;

	if (dot != NULL && text[0] == 'g') {
		*dot = '\0';
		if (parse_i64(text + 1, 0, INT32_MAX, &from) &&
		    strcmp(page_token(ex, s->text, (size_t)from), token) == 0) {
			s->from = (size_t)from;
			return true;
		}
	}
	return bad_argument(ex, s->stream, "requestError", "INVALID_PAGE_TOKEN",
			    "The page token is invalid.");
}

static bool read_body(struct exchange *ex, struct search_request *s, const cJSON *body)
{
	const char *token = NULL;
	const cJSON *item;

	if (!cJSON_IsObject(body))
		return bad_argument(ex, s->stream, NULL, NULL, "Invalid JSON payload received.");
	cJSON_ArrayForEach(item, body)
	{
		if (strcmp(item->string, "query") == 0 && cJSON_IsString(item))
			s->text = arena_strdup(ex->arena, item->valuestring);
		else if (!s->stream && strcmp(item->string, "pageToken") == 0 &&
			 cJSON_IsString(item))
			token = item->valuestring;
		else if (strcmp(item->string, "pageSize") == 0)
			return bad_argument(ex, s->stream, "requestError",
					    "PAGE_SIZE_NOT_SUPPORTED",
					    "Setting the page size is not supported.");
		else
			return bad_argument(
				ex, s->stream, NULL, NULL,
				arena_printf(ex->arena,
					     "Invalid JSON payload received. Unknown name "
					     "\"%.60s\": Cannot find field.",
					     item->string));
	}
	if (s->text == NULL)
		return bad_argument(ex, s->stream, "requestError", "REQUIRED_FIELD_MISSING",
				    "Required field was not present: query.");
	return token == NULL || *token == '\0' || take_page_token(ex, s, token);
}

static void answer_stream(struct exchange *ex, const struct search_request *s,
			  const struct ads_row *rows, size_t n)
{
	struct buf *b = &ex->rep->body;
	char request_id[23];
	size_t from = 0;

	random_hex(request_id, 11);
	web_json(ex->rep, 200, "[");
	do {
		size_t part = n - from < GOOGLE_PAGE_MAX ? n - from : GOOGLE_PAGE_MAX;

		if (from > 0)
			buf_putc(b, ',');
		google_put_batch(ex, &s->query, rows + from, part);
		buf_printf(b, ",\"requestId\":\"%s\"}", request_id);
		from += part;
	} while (from < n);
	buf_putc(b, ']');
}

static void answer_page(struct exchange *ex, const struct search_request *s,
			const struct ads_row *rows, size_t n)
{
	size_t from = s->from < n ? s->from : n;
	size_t part = n - from < GOOGLE_PAGE_MAX ? n - from : GOOGLE_PAGE_MAX;

	web_json(ex->rep, 200, "");
	google_put_batch(ex, &s->query, rows + from, part);
	if (from + part < n)
		buf_printf(&ex->rep->body, ",\"nextPageToken\":\"%s\"",
			   page_token(ex, s->text, from + part));
	buf_putc(&ex->rep->body, '}');
}

static void run_query(struct exchange *ex, struct search_request *s, const char *endpoint)
{
	int32_t today = zone_day(ex->data->zone, ex->now);
	const struct ads_row *rows = NULL;
	struct gaql_error err;
	size_t n = 0;

	if (!gaql_parse(ex->arena, s->text, today, &s->query, &err)) {
		bad_argument(ex, s->stream, "queryError", err.code, err.message);
		return;
	}
	if (!google_rows(ex, s->account, &s->query, &rows, &n)) {
		bad_argument(ex, s->stream, NULL, NULL, "The answer is too large.");
		return;
	}
	if (s->stream)
		answer_stream(ex, s, rows, n);
	else
		answer_page(ex, s, rows, n);
	exchange_page(ex, PROV_GOOGLE, endpoint,
		      arena_printf(ex->arena, "%s %s from %zu", s->account->account_id.p, s->text,
				   s->from));
}

static void search(struct exchange *ex, const char *endpoint, bool stream)
{
	struct search_request s = { .stream = stream };
	struct failure denied = {
		403,
		"PERMISSION_DENIED",
		"authorizationError",
		"USER_PERMISSION_DENIED",
		"User doesn't have permission to access customer. Note: If you're "
		"accessing a client customer, the manager's customer id must be set in "
		"the 'login-customer-id' header.",
		NULL
	};
	cJSON *body;

	s.account = dataset_account(ex->data, PLATFORM_GOOGLE, ex->req->seg[2]);
	if (s.account == NULL) {
		put_failure(ex, &denied, stream);
		return;
	}
	body = cJSON_Parse(ex->req->body);
	if (read_body(ex, &s, body))
		run_query(ex, &s, endpoint);
	cJSON_Delete(body);
}

void google_handle(struct exchange *ex)
{
	const struct web_request *req = ex->req;
	bool post = strcmp(req->method, "POST") == 0;
	bool stream = web_seg_is(req, 3, "googleAds:searchStream");
	bool list = req->nseg == 2 && web_seg_is(req, 1, "customers:listAccessibleCustomers");
	bool query = req->nseg == 4 && web_seg_is(req, 1, "customers") &&
		     (stream || web_seg_is(req, 3, "googleAds:search"));
	const char *endpoint = list ? "customers" : stream ? "searchStream" : "search";
	struct fault f = exchange_begin(ex, PROV_GOOGLE, endpoint);
	struct failure unsupported = {
		400,
		"INVALID_ARGUMENT",
		"requestError",
		"UNSUPPORTED_VERSION",
		"This version of the API is deprecated. Requests to this version "
		"are blocked.",
		NULL
	};

	ex->now = clock_now(&ex->sim->clock);
	if (misbehave(ex, &f, endpoint, stream))
		return;
	if (!web_seg_is(req, 0, GOOGLE_VERSION))
		put_failure(ex, &unsupported, stream);
	else if ((list && post) || (query && !post) || (!list && !query))
		web_html(ex->rep, 404, "<html><title>Error 404 (Not Found)!!1</title></html>");
	else if (!authorised(ex, stream))
		return;
	else if (list)
		list_customers(ex);
	else
		search(ex, endpoint, stream);
}
