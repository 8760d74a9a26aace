/* Refresh tokens: rotation, the one repeat, re-use, and the end of a session. store_session.c
 * decides; here it is told. */
#include "audit.h"
#include "handlers.h"
#include "service.h"

/* Unknown, expired, ended and re-used are answered alike. */
static enum status refused(struct call *call)
{
	return error_set(call->err, ST_UNAUTHENTICATED, NULL, "the refresh token is not valid");
}

/* ST_OK with `found` false for what is no token of ours. */
static enum status find(struct call *call, const char *token, struct family *ret, bool *found)
{
	uint8_t *hash = arena_alloc(call->arena, CREDENTIAL_HASH);

	*found = false;
	if (!hash)
		return answer_out_of_memory(call);
	if (!credential_hash(CREDENTIAL_REFRESH, token, hash))
		return ST_OK;
	return store_refresh_lookup(call, hash, ret, found);
}

static enum status note(struct call *call, struct db_tx *tx, const struct family *f,
			const char *act)
{
	return audit_put(call, tx,
			 &(struct audit){ .tenant_id = f->member.tenant_id,
					  .actor = f->user_id,
					  .act = act,
					  .target = f->session_id });
}

/* What a session's end takes beyond its own row. */
static enum status commit_end(struct call *call, struct db_tx *tx, const struct family *f,
			      const char *act)
{
	enum status st = note(call, tx, f, act);

	if (st == ST_OK)
		st = store_access_bump(call, tx);
	if (st == ST_OK)
		st = db_commit(tx, call->err);
	if (st == ST_OK)
		answer_announce(call);
	return st;
}

static enum status rotate(struct call *call, const struct family *f, const uint8_t *next_hash)
{
	AUTO_TX *tx = NULL;
	enum rotation how;
	enum status st = store_begin_for(call, f->member.tenant_id, &tx);

	if (st == ST_OK)
		st = store_session_rotate(call, tx, f, next_hash, &how);
	if (st != ST_OK)
		return st;
	switch (how) {
	case ROTATION_NEW:
	case ROTATION_REPEAT:
		st = note(call, tx, f,
			  how == ROTATION_NEW ? "session.refreshed" : "session.repeated");
		return st == ST_OK ? db_commit(tx, call->err) : st;
	case ROTATION_REUSE:
		st = commit_end(call, tx, f, "session.reuse");
		return st == ST_OK ? refused(call) : st;
	case ROTATION_DEAD:
		break;
	}
	return refused(call);
}

static enum status refuse_suspended(struct call *call, const struct family *f)
{
	enum status st = audit_alone(call, &(struct audit){ .tenant_id = f->member.tenant_id,
							    .actor = f->user_id,
							    .act = "refresh.denied",
							    .target = f->session_id });

	return st == ST_OK ? answer_suspended(call) : st;
}

enum status auth_on_refresh(struct call *call, const Auth__V1__RefreshRequest *in,
			    Auth__V1__Tokens *out)
{
	const char *next = credential_new(call->arena, CREDENTIAL_REFRESH);
	uint8_t *next_hash = arena_alloc(call->arena, CREDENTIAL_HASH);
	struct access_claims claims;
	struct family f;
	bool found;
	enum status st = find(call, in->refresh_token, &f, &found);

	if (st != ST_OK)
		return st;
	if (!found)
		return refused(call);
	if (f.member.suspended)
		return refuse_suspended(call, &f);
	if (!next_hash || !credential_hash(CREDENTIAL_REFRESH, next, next_hash))
		return answer_out_of_memory(call);
	/* Signed before the rotation: a failure afterwards would cost the user the session. */
	st = answer_claims(call, &f.member, f.user_id, f.session_id, &claims);
	if (st == ST_OK)
		st = answer_tokens(call, &claims, next, out);
	return st == ST_OK ? rotate(call, &f, next_hash) : st;
}

enum status auth_on_logout(struct call *call, const Auth__V1__LogoutRequest *in,
			   Pulsepoint__Empty *out)
{
	AUTO_TX *tx = NULL;
	struct family f;
	bool found, ended = false;
	enum status st = find(call, in->refresh_token, &f, &found);

	(void)out;
	if (st != ST_OK || !found)
		return st;
	st = store_begin_for(call, f.member.tenant_id, &tx);
	if (st == ST_OK)
		st = store_session_logout(call, tx, f.session_id, &ended);
	if (st != ST_OK || !ended)
		return st;
	return commit_end(call, tx, &f, "logout");
}
