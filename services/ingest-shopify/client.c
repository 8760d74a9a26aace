/* See client.h. */
#include "client.h"

#include "core/text.h"
#include "core/timeutil.h"
#include "json/guard.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOP_SLOT     "{shop}"
#define SHOP_SUFFIX   ".myshopify.com"
#define ANSWER_MAX    (24 * 1024 * 1024)
#define ANSWER_DEPTH  24
#define TOKEN_BODY    8192
#define TOKEN_TIME_MS 15000
#define LIFE_MAX_S    (10 * 365 * 86400)

static bool is_shopify_domain(const char *domain)
{
	size_t len = strlen(domain), suffix = strlen(SHOP_SUFFIX), name;

	if (len <= suffix || strcmp(domain + len - suffix, SHOP_SUFFIX) != 0)
		return false;
	name = strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return name == len - suffix && domain[0] != '-';
}

enum status client_init(struct shop_client *c, struct shopify *app, const char *domain,
			struct error *err)
{
	*c = (struct shop_client){ .app = app };
	if (text_copy(c->domain, sizeof(c->domain), domain) != ST_OK)
		return error_set(err, ST_INVALID, "shop_domain", "is too long");
	for (char *p = c->domain; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (strstr(app->cfg.url, SHOP_SLOT) && !is_shopify_domain(c->domain))
		return error_set(err, ST_INVALID, "shop_domain",
				 "is not the domain of a shop, <name>" SHOP_SUFFIX);
	return ST_OK;
}

int64_t client_now(const struct shop_client *c)
{
	return c->date_us ? c->date_us + time_mono_us() - c->date_mono_us : 0;
}

/* The base address with the shop's domain in its slot. */
static void put_url(const struct shop_client *c, struct arena *a, struct buf *url, const char *path)
{
	const char *base = c->app->cfg.url, *slot = strstr(base, SHOP_SLOT);

	if (slot)
		base = arena_printf(a, "%.*s%s%s", (int)(slot - base), base, c->domain,
				    slot + strlen(SHOP_SLOT));
	buf_init(url, HTTP_URL_MAX);
	http_url_begin(url, base);
	http_url_path(url, path);
}

static enum status send_json(struct shop_client *c, struct arena *a, const char *path,
			     const struct buf *body, const char *access, int total_ms,
			     struct http_response *r, struct error *err)
{
	const struct http_header headers[] = { { "Host", c->domain },
					       { "Content-Type", "application/json" },
					       { "Accept", "application/json" },
					       { "X-Shopify-Access-Token", access } };
	struct error why = { 0 };
	struct buf url;
	enum status st;

	put_url(c, a, &url, path);
	if (buf_status(body) != ST_OK || buf_status(&url) != ST_OK) {
		buf_done(&url);
		return error_set(err, ST_INTERNAL, NULL, "a request to Shopify is too large");
	}
	st = http_send(c->app->engine.http,
		       &(struct http_request){ .method = "POST",
					       .url = buf_str(&url),
					       .headers = headers,
					       .n_headers = access ? 4 : 3,
					       .body = buf_str(body),
					       .body_len = body->len,
					       .total_ms = total_ms,
					       .deadline_mono_us = c->deadline_us,
					       .max_body = ANSWER_MAX,
					       .cancel = c->cancel },
		       a, r, &why);
	buf_done(&url);
	if (st != ST_OK)
		return error_set(err, st, NULL, "Shopify: %s", why.detail);
	if (r->date_us > 0) {
		c->date_us = r->date_us;
		c->date_mono_us = time_mono_us();
	}
	return ST_OK;
}

/* Shopify writes Retry-After with a fraction ("2.0"), which HTTP does not know. */
static int retry_after(const struct http_response *r)
{
	const char *text = http_response_header(r, "Retry-After");
	long s = r->retry_after_s == 0 && text ? strtol(text, NULL, 10) : r->retry_after_s;

	if (s < 0)
		return 0;
	return s < HTTP_RETRY_AFTER_SEEN_MAX_S ? (int)s : HTTP_RETRY_AFTER_SEEN_MAX_S;
}

static enum status transient(const struct http_response *r, struct error *err)
{
	enum status st = error_set(err, r->code == 429 ? ST_LIMITED : ST_UPSTREAM, NULL,
				   "Shopify answers %d", r->code);

	if (err)
		err->retry_after_s = retry_after(r);
	return st;
}

/* What a code other than 200 means for a query. */
static enum status judge_code(const struct http_response *r, bool *refused, struct error *err)
{
	*refused = r->code == 401;
	if (*refused)
		return error_set(err, ST_UNAUTHENTICATED, NULL,
				 "Shopify refuses our credentials; connect the shop again");
	if (http_code_transient(r->code))
		return transient(r, err);
	switch (r->code) {
	case 402:
	case 423:
		return error_set(err, ST_DENIED, NULL, "Shopify says that the shop is closed (%d)",
				 r->code);
	case 403:
		return error_set(err, ST_UNAUTHENTICATED, NULL,
				 "Shopify denies us the shop; connect it again");
	case 404:
		return error_set(err, ST_NOT_FOUND, NULL,
				 "Shopify knows no such shop or API version");
	default:
		return error_set(err, ST_INTERNAL, NULL, "Shopify answers our query with %d",
				 r->code);
	}
}

static enum status parse(const struct http_response *r, cJSON **tree, struct error *err)
{
	struct error why = { 0 };

	if (json_parse(r->body, r->body_len, ANSWER_DEPTH, 1, tree, &why) != ST_OK)
		return error_set(err, ST_UPSTREAM, NULL,
				 "Shopify sent an answer that is not good JSON");
	if (cJSON_IsObject(*tree))
		return ST_OK;
	cJSON_Delete(*tree);
	*tree = NULL;
	return error_set(err, ST_UPSTREAM, NULL, "Shopify sent an answer that is no object");
}

enum status client_graphql(struct shop_client *c, struct arena *a, const char *access,
			   const struct buf *body, cJSON **tree, bool *refused, struct error *err)
{
	const char *path = arena_printf(a, "admin/api/%s/graphql.json", c->app->cfg.version);
	struct http_response r;
	enum status st = send_json(c, a, path, body, access, 0, &r, err);

	*refused = false;
	if (st != ST_OK)
		return st;
	return r.code == 200 ? parse(&r, tree, err) : judge_code(&r, refused, err);
}

/* ---- tokens ---- */

static void put_member(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s\"%s\":", b->len > 0 ? "," : "{", name);
	buf_put_json(b, value, strlen(value));
}

static enum status read_tokens(const struct shop_client *c, const cJSON *tree, struct tokens *ret,
			       struct error *err)
{
	const char *access =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "access_token"));
	const char *refresh =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "refresh_token"));
	const cJSON *life = cJSON_GetObjectItemCaseSensitive(tree, "expires_in");

	if (!access || !*access || !refresh || !*refresh || !cJSON_IsNumber(life) ||
	    !(life->valuedouble >= 0 && life->valuedouble <= LIFE_MAX_S) ||
	    text_copy(ret->access, sizeof(ret->access), access) != ST_OK ||
	    text_copy(ret->refresh, sizeof(ret->refresh), refresh) != ST_OK ||
	    strpbrk(access, "\r\n"))
		return error_set(err, ST_UPSTREAM, NULL,
				 "Shopify sent tokens that are not of their form");
	ret->lives_s = (int64_t)life->valuedouble;
	ret->expires_at = client_now(c) + ret->lives_s * US_PER_SECOND;
	return ST_OK;
}

/* A refusal comes as HTTP 400 with an OAuth error code. */
static enum status judge_refusal(const struct http_response *r, const cJSON *tree,
				 struct error *err)
{
	const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "error"));

	if (r->code == 404)
		return error_set(err, ST_NOT_FOUND, NULL, "Shopify knows no such shop");
	if (code && strcmp(code, "application_cannot_be_found") == 0)
		return error_set(
			err, ST_INTERNAL, NULL,
			"Shopify does not know our app (PP_SHOPIFY_CLIENT_ID and _SECRET)");
	if (r->code == 400 || r->code == 401)
		return error_set(err, ST_UNAUTHENTICATED, NULL,
				 "Shopify refuses our credentials; connect the shop again");
	return error_set(err, ST_INTERNAL, NULL, "Shopify answers %d where it gives tokens",
			 r->code);
}

static enum status take_tokens(const struct shop_client *c, const struct http_response *r,
			       struct tokens *ret, struct error *err)
{
	cJSON *tree = NULL;
	enum status st;

	if (http_code_transient(r->code))
		return transient(r, err);
	st = parse(r, &tree, err);
	if (st == ST_OK && r->code == 200)
		st = read_tokens(c, tree, ret, err);
	else if (r->code != 200)
		st = judge_refusal(r, tree, err);
	cJSON_Delete(tree);
	return st;
}

enum status client_tokens(struct shop_client *c, struct arena *a, const char *code,
			  const char *refresh, struct tokens *ret, struct error *err)
{
	struct http_response r;
	struct buf body;
	enum status st;

	buf_init(&body, TOKEN_BODY);
	put_member(&body, "client_id", c->app->cfg.client_id);
	put_member(&body, "client_secret", c->app->cfg.client_secret);
	if (code) {
		put_member(&body, "code", code);
		put_member(&body, "expiring", "1");
	} else {
		put_member(&body, "grant_type", "refresh_token");
		put_member(&body, "refresh_token", refresh);
	}
	buf_putc(&body, '}');
	st = send_json(c, a, "admin/oauth/access_token", &body, NULL, TOKEN_TIME_MS, &r, err);
	if (body.data)
		sodium_memzero(body.data, body.len);
	buf_done(&body);
	return st == ST_OK ? take_tokens(c, &r, ret, err) : st;
}
