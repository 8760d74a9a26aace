/* For other services: keys, the access state, grants. */
#include "audit.h"
#include "core/log.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "handlers.h"
#include "service.h"

#define JWK_COORDINATE_TEXT 44 /* 32 bytes as base64url */

static enum status state(struct call *call, struct access_state *ret)
{
	bool full = false;
	enum status st = store_access_state(svc_db(call->svc), call->arena, ret, &full, call->err);

	if (st == ST_OK && full)
		log_event(LOG_ERROR, "access.state_full",
			  "more sessions ended within the life of a token than the access state "
			  "holds");
	return st;
}

/* ---- JWKS ---- */

static enum status fill_jwk(struct call *call, const struct access_key *key, Auth__V1__Jwk *out)
{
	out->x = arena_alloc(call->arena, JWK_COORDINATE_TEXT);
	out->y = arena_alloc(call->arena, JWK_COORDINATE_TEXT);
	if (!out->x || !out->y)
		return answer_out_of_memory(call);
	out->kty = arena_strdup(call->arena, "EC");
	out->crv = arena_strdup(call->arena, "P-256");
	out->kid = (char *)key->kid;
	out->alg = arena_strdup(call->arena, "ES256");
	out->use = arena_strdup(call->arena, "sig");
	if (access_jwk_xy(key->public_pem, out->x, out->y, JWK_COORDINATE_TEXT) != ST_OK)
		return error_set(call->err, ST_INTERNAL, NULL, "a signing key cannot be read");
	return ST_OK;
}

enum status auth_on_jwks(struct call *call, const Pulsepoint__Empty *in, Auth__V1__JwksReply *out)
{
	struct access_state s;
	enum status st = state(call, &s);

	(void)in;
	if (st != ST_OK)
		return st;
	out->keys = arena_array(call->arena, s.n_keys + 1, sizeof(*out->keys));
	if (!out->keys)
		return answer_out_of_memory(call);
	for (size_t i = 0; st == ST_OK && i < s.n_keys; i++) {
		Auth__V1__Jwk *jwk = arena_alloc(call->arena, sizeof(*jwk));

		if (!jwk)
			return answer_out_of_memory(call);
		auth__v1__jwk__init(jwk);
		st = fill_jwk(call, &s.keys[i], jwk);
		out->keys[out->n_keys++] = jwk;
	}
	return st;
}

/* ---- access state ---- */

enum status auth_on_access_state(struct call *call, const Pulsepoint__Empty *in,
				 Auth__V1__AccessStateReply *out)
{
	struct access_state s;
	enum status st = state(call, &s);

	(void)in;
	if (st != ST_OK)
		return st;
	out->version = s.version;
	out->keys = arena_array(call->arena, s.n_keys + 1, sizeof(*out->keys));
	if (!out->keys)
		return answer_out_of_memory(call);
	for (size_t i = 0; i < s.n_keys; i++) {
		Auth__V1__SigningKey *key = arena_alloc(call->arena, sizeof(*key));

		if (!key)
			return answer_out_of_memory(call);
		auth__v1__signing_key__init(key);
		key->kid = (char *)s.keys[i].kid;
		key->public_pem = (char *)s.keys[i].public_pem;
		out->keys[out->n_keys++] = key;
	}
	out->suspended_tenants = (char **)s.suspended_tenants;
	out->n_suspended_tenants = s.n_suspended;
	out->ended_sessions = (char **)s.ended_sessions;
	out->n_ended_sessions = s.n_ended;
	return ST_OK;
}

/* ---- grants ---- */

static enum status grant_claims(struct call *call, const Auth__V1__GrantRequest *in,
				const struct tenant *t, struct access_claims *c)
{
	*c = (struct access_claims){ .role = ROLE_ANALYST };
	c->expires_at = time_now_us() / US_PER_SECOND + ACCESS_GRANT_LIFE_S;
	/* The actor of what is done with it: the service that does it. */
	if (text_copy(c->user_id, sizeof(c->user_id), in->service) != ST_OK ||
	    text_copy(c->service, sizeof(c->service), in->service) != ST_OK ||
	    text_copy(c->tenant_id, sizeof(c->tenant_id), t->tenant_id) != ST_OK ||
	    text_copy(c->tier, sizeof(c->tier), t->tier) != ST_OK)
		return error_set(call->err, ST_INVALID, "service", "is too long for a grant");
	return ST_OK;
}

enum status auth_on_grant(struct call *call, const Auth__V1__GrantRequest *in,
			  Auth__V1__GrantReply *out)
{
	struct auth *app = call->app;
	char *token = arena_alloc(call->arena, ACCESS_TOKEN_MAX);
	struct access_claims claims;
	struct tenant t;
	enum status st;

	if (!token)
		return answer_out_of_memory(call);
	if (!contract_service_find(in->service))
		return error_set(call->err, ST_INVALID, "service", "is not a service");
	st = store_tenant_get(call, in->tenant_id, &t);
	if (st != ST_OK)
		return st;
	if (t.suspended)
		return answer_suspended(call);
	st = grant_claims(call, in, &t, &claims);
	if (st == ST_OK)
		st = signer_sign(&app->signer, &claims, token, call->err);
	if (st == ST_OK)
		st = audit_alone(call, &(struct audit){ .tenant_id = t.tenant_id,
							.actor = claims.user_id,
							.act = "grant",
							.target = in->service,
							.note = in->reason });
	out->access_token = token;
	out->expires_in = ACCESS_GRANT_LIFE_S;
	return st;
}
