/*
 * Shopify's OAuth endpoint: code exchange and refresh of expiring offline tokens
 * (providers.md 1.2). Refresh tokens rotate; the immediately previous one is taken again for a
 * minute, any older one is invalid_grant. Read next: tokens.c.
 */
#include "member.h"
#include "sim.h"

#include <string.h>

#define SCOPES \
	"read_orders,read_all_orders,read_products,read_inventory,read_locations,read_customers"

static void refuse(struct exchange *ex, const char *error, const char *why)
{
	web_json(ex->rep, 400, "");
	buf_printf(&ex->rep->body, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error, why);
}

static void grant(struct exchange *ex, const char *refresh)
{
	char access[TOKEN_TEXT];

	tokens_issue(ex->sim->tokens, TK_SHOPIFY_ACCESS, ex->now, SHOPIFY_ACCESS_S, access);
	web_json(ex->rep, 200, "");
	buf_printf(&ex->rep->body,
		   "{\"access_token\":\"%s\",\"scope\":\"" SCOPES "\",\"expires_in\":%d,"
		   "\"refresh_token\":\"%s\",\"refresh_token_expires_in\":%d}",
		   access, SHOPIFY_ACCESS_S, refresh, SHOPIFY_REFRESH_S);
}

static void refresh_grant(struct exchange *ex, const cJSON *body)
{
	char next[TOKEN_TEXT];

	if (tokens_rotate(ex->sim->tokens, text_of(body, "refresh_token"), ex->now, next))
		grant(ex, next);
	else
		refuse(ex, "invalid_grant",
		       "The refresh token is invalid, expired or was used before.");
}

static void code_grant(struct exchange *ex, const cJSON *body)
{
	const cJSON *expiring = member_of(body, "expiring");
	char refresh[TOKEN_TEXT];

	if (strcmp(text_of(body, "expiring"), "1") != 0 &&
	    !(cJSON_IsNumber(expiring) && expiring->valueint == 1)) {
		refuse(ex, "invalid_request",
		       "Non-expiring offline tokens are no longer issued to public apps.");
		return;
	}
	if (!tokens_take_code(ex->sim->tokens, text_of(body, "code"), ex->now)) {
		refuse(ex, "invalid_request",
		       "The authorization code was not found or was already used");
		return;
	}
	tokens_issue(ex->sim->tokens, TK_SHOPIFY_REFRESH, ex->now, SHOPIFY_REFRESH_S, refresh);
	grant(ex, refresh);
}

static void answer(struct exchange *ex, const cJSON *body)
{
	const char *type = text_of(body, "grant_type");

	if (strcmp(text_of(body, "client_id"), SHOPIFY_CLIENT_ID) != 0 ||
	    strcmp(text_of(body, "client_secret"), SHOPIFY_CLIENT_SECRET) != 0)
		refuse(ex, "application_cannot_be_found",
		       "Matching API application could not be found");
	else if (strcmp(type, "refresh_token") == 0)
		refresh_grant(ex, body);
	else if (type[0] == '\0')
		code_grant(ex, body);
	else
		refuse(ex, "unsupported_grant_type", "The grant type is not supported.");
}

void shopify_token(struct exchange *ex)
{
	struct fault f = exchange_begin(ex, PROV_SHOPIFY, "token");
	cJSON *body = NULL;

	if (f.kind == FAULT_HTTP_429 || f.kind == FAULT_THROTTLE) {
		exchange_throttled(ex, PROV_SHOPIFY, "token");
		web_json(ex->rep, 429, "{\"errors\":\"Too Many Requests\"}");
		web_add_header(ex->rep, "Retry-After", "%lld", (long long)f.retry_after);
		return;
	}
	if (f.kind == FAULT_HTTP_5XX || f.kind == FAULT_INTERNAL) {
		web_html(ex->rep, 503,
			 "<html><body><h1>503 Service Unavailable</h1></body></html>");
		return;
	}
	if (f.kind == FAULT_EXPIRED_TOKEN) {
		refuse(ex, "invalid_grant",
		       "The refresh token is invalid, expired or was used before.");
		return;
	}
	if (strcmp(ex->req->method, "POST") != 0) {
		web_json(ex->rep, 404, "{\"errors\":\"Not Found\"}");
		return;
	}
	body = cJSON_Parse(ex->req->body);
	if (cJSON_IsObject(body))
		answer(ex, body);
	else
		refuse(ex, "invalid_request", "The request body is not a JSON object.");
	if (f.kind == FAULT_WRONG_TYPE && ex->rep->status == 200)
		web_json(ex->rep, 200, "{\"access_token\":17,\"expires_in\":\"soon\"}");
	cJSON_Delete(body);
}
