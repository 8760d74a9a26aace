/*
 * Who signs in, and with what right. An unknown address takes the same road as a wrong password:
 * same hash, same rows, same answer. A slot of the hasher is held from the look at the lock to the
 * count of the failure, so that a burst of guesses gets no further than the number of cores.
 */
#include "audit.h"
#include "core/text.h"
#include "handlers.h"
#include "service.h"

#include <string.h>
#include <strings.h>

#define NAMED_TENANTS_MAX 8 /* ids that fit an error's detail */

struct attempt {
	const char *email, *password;
	uint8_t *failure_key;
	struct login_view view;
};

static enum status look(struct call *call, struct attempt *a)
{
	enum status st = store_login_lookup(call, a->email, a->failure_key, &a->view);

	if (st != ST_OK || a->view.locked_s == 0)
		return st;
	st = error_set(call->err, ST_LIMITED, NULL, "too many wrong passwords; wait and try again");
	call->err->retry_after_s = a->view.locked_s;
	return st;
}

/* With a slot. */
static enum status check_password(struct call *call, struct attempt *a)
{
	struct auth *app = call->app;
	bool known = a->view.user_id != NULL;
	bool good =
		hasher_matches(known ? a->view.password_hash : app->hasher.stranger, a->password);
	enum status st;

	if (known && good)
		return ST_OK;
	st = store_login_failed(call, a->failure_key, a->view.user_id);
	if (st != ST_OK)
		return st;
	return error_set(call->err, ST_UNAUTHENTICATED, NULL,
			 "the e-mail address or the password is wrong");
}

static enum status prove(struct call *call, struct attempt *a)
{
	struct auth *app = call->app;
	bool waited = false;
	enum status st = look(call, a);

	if (st == ST_OK)
		st = hasher_enter(&app->hasher, call->deadline_us, &waited, call->err);
	if (st != ST_OK)
		return st;
	/* While this one waited, others may have guessed wrong. */
	if (waited)
		st = look(call, a);
	if (st == ST_OK)
		st = check_password(call, a);
	hasher_leave(&app->hasher);
	return st;
}

static enum status name_one(struct call *call, const struct login_view *v)
{
	const char *list = "";
	size_t n = v->n_memberships < NAMED_TENANTS_MAX ? v->n_memberships : NAMED_TENANTS_MAX;

	for (size_t i = 0; i < n; i++)
		list = arena_printf(call->arena, "%s%s%s", list, i ? ", " : "",
				    v->memberships[i].tenant_id);
	return error_set(call->err, ST_CONFLICT, "tenant_id",
			 "the user belongs to several tenants; name one: %s%s", list,
			 n < v->n_memberships ? ", and others" : "");
}

/* Only after the password was right. */
static enum status choose(struct call *call, const struct login_view *v, const char *tenant_id,
			  const struct membership **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < v->n_memberships; i++) {
		if (!*tenant_id || strcasecmp(v->memberships[i].tenant_id, tenant_id) == 0)
			*ret = &v->memberships[i];
	}
	if (!*tenant_id && v->n_memberships > 1)
		return name_one(call, v);
	if (!*ret)
		return error_set(call->err, ST_DENIED, *tenant_id ? "tenant_id" : NULL,
				 "the user does not belong to %s tenant",
				 *tenant_id ? "this" : "any");
	return ST_OK;
}

static enum status refuse_suspended(struct call *call, const struct login_view *v,
				    const struct membership *m)
{
	enum status st = audit_alone(call, &(struct audit){ .tenant_id = m->tenant_id,
							    .actor = v->user_id,
							    .act = "login.denied",
							    .target = v->user_id });

	return st == ST_OK ? answer_suspended(call) : st;
}

/* One round trip: the session, its first refresh token, the failures forgotten, the audit. */
static enum status keep_session(struct call *call, const struct new_session *s)
{
	AUTO_TX *tx = store_tx_for(call, s->tenant_id);
	enum status st;

	if (!tx)
		return answer_out_of_memory(call);
	store_session_add(call, tx, s);
	st = audit_put(call, tx,
		       &(struct audit){ .tenant_id = s->tenant_id,
					.actor = s->user_id,
					.act = "login",
					.target = s->session_id });
	return st == ST_OK ? call_run(call, tx) : st;
}

static enum status open_session(struct call *call, const struct attempt *a,
				const struct membership *m, Auth__V1__Tokens *out)
{
	const char *refresh = credential_new(call->arena, CREDENTIAL_REFRESH);
	uint8_t *hash = arena_alloc(call->arena, CREDENTIAL_HASH);
	char *session_id = arena_alloc(call->arena, UUID_TEXT);
	struct access_claims claims;
	enum status st;

	if (!hash || !session_id || !credential_hash(CREDENTIAL_REFRESH, refresh, hash))
		return answer_out_of_memory(call);
	uuid_v7(session_id);
	st = answer_claims(call, m, a->view.user_id, session_id, &claims);
	if (st == ST_OK)
		st = answer_tokens(call, &claims, refresh, out);
	if (st != ST_OK)
		return st;
	return keep_session(call, &(struct new_session){ .session_id = session_id,
							 .tenant_id = m->tenant_id,
							 .user_id = a->view.user_id,
							 .refresh_hash = hash,
							 .failure_key = a->failure_key });
}

enum status auth_on_login(struct call *call, const Auth__V1__LoginRequest *in,
			  Auth__V1__Tokens *out)
{
	struct attempt a = { .email = answer_email(call, in->email), .password = in->password };
	const struct membership *m;
	enum status st;

	a.failure_key = arena_alloc(call->arena, CREDENTIAL_HASH);
	if (!a.failure_key)
		return answer_out_of_memory(call);
	credential_failure_key(a.email, call->client_ip, a.failure_key);
	st = prove(call, &a);
	if (st == ST_OK)
		st = choose(call, &a.view, in->tenant_id, &m);
	if (st != ST_OK)
		return st;
	if (m->suspended)
		return refuse_suspended(call, &a.view, m);
	return open_session(call, &a, m, out);
}

/* ---- operators ---- */

enum status auth_on_exchange_key(struct call *call, const Auth__V1__ExchangeKeyRequest *in,
				 Auth__V1__Tokens *out)
{
	uint8_t *hash = arena_alloc(call->arena, CREDENTIAL_HASH);
	struct access_claims claims = { .role = ROLE_OPERATOR, .tier = "unlimited" };
	const char *operator_id = NULL;
	enum status st = ST_OK;

	if (!hash)
		return answer_out_of_memory(call);
	if (credential_hash(CREDENTIAL_OPERATOR, in->api_key, hash))
		st = store_operator_lookup(call, hash, &operator_id);
	if (st != ST_OK)
		return st;
	if (!operator_id)
		return error_set(call->err, ST_UNAUTHENTICATED, NULL, "the API key is not valid");
	uuid_v7(claims.session_id);
	st = text_copy(claims.user_id, sizeof(claims.user_id), operator_id);
	if (st == ST_OK)
		st = answer_tokens(call, &claims, "", out);
	if (st != ST_OK)
		return st;
	return audit_alone(call, &(struct audit){ .tenant_id = PLATFORM_TENANT,
						  .actor = operator_id,
						  .act = "operator.token",
						  .target = operator_id });
}
