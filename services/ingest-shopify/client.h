/*
 * One request to Shopify over HTTP: the GraphQL endpoint and the token endpoint (facts: shopify.dev
 * and Shopify/shopify-app-js, lib/auth/oauth). Never tries again by itself. Read next: session.h.
 */
#ifndef SHOPIFY_CLIENT_H
#define SHOPIFY_CLIENT_H

#include "service.h"

#include <cjson/cJSON.h>

#define TOKEN_MAX  1024
#define DOMAIN_MAX 254

/* Whom we ask. */
struct shop_client {
	struct shopify *app;
	char domain[DOMAIN_MAX];
	const atomic_bool *cancel;     /* may be NULL */
	int64_t deadline_us;           /* monotonic; 0: none but the client's own */
	int64_t date_us, date_mono_us; /* the provider's clock as last heard, and when; 0: never */
};
/* What the token endpoint gives. Wipe after use. */
struct tokens {
	char access[TOKEN_MAX], refresh[TOKEN_MAX];
	int64_t expires_at; /* by the provider's clock */
	int64_t lives_s;
};

/*
 * ST_INVALID on "shop_domain" when the domain cannot be Shopify's: with {shop} in PP_SHOPIFY_URL it
 * must be <name>.myshopify.com, so that nobody makes us talk to hosts of his choice.
 */
enum status client_init(struct shop_client *c, struct shopify *app, const char *domain,
			struct error *err) MUST_USE;
/* The provider's clock now; 0 before the first answer. */
int64_t client_now(const struct shop_client *c);

/*
 * Asks once. ST_OK with *tree (the caller's, cJSON_Delete) for any JSON object under HTTP 200.
 * *refused: HTTP 401, the token is not good (any more); then ST_UNAUTHENTICATED. Else a status and
 * words as libs/ingest wants them.
 */
enum status client_graphql(struct shop_client *c, struct arena *a, const char *access,
			   const struct buf *body, cJSON **tree, bool *refused,
			   struct error *err) MUST_USE;
/*
 * Tokens for a code of the consent page, or for a refresh token (the other is NULL).
 * ST_UNAUTHENTICATED when Shopify refuses it, ST_NOT_FOUND when it knows no such shop.
 */
enum status client_tokens(struct shop_client *c, struct arena *a, const char *code,
			  const char *refresh, struct tokens *ret, struct error *err) MUST_USE;

#endif
