/* Tenants, for operators of the platform. Each change is told to everybody who holds the access
 * state. */
#include "audit.h"
#include "contract/auth_events.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "handlers.h"
#include "password.h"
#include "service.h"
#include "svc/outbox.h"

#include <string.h>

static void fill_tenant(struct call *call, const struct tenant *t, Auth__V1__Tenant *out)
{
	out->tenant_id = (char *)t->tenant_id;
	out->name = (char *)t->name;
	out->tier = answer_tier(t->tier);
	out->state = t->suspended ? AUTH__V1__TENANT_STATE__TENANT_STATE_SUSPENDED
				  : AUTH__V1__TENANT_STATE__TENANT_STATE_ACTIVE;
	out->created_at = answer_time(call, t->created_at);
}

/* The event is the tenant's, whoever caused it. */
static struct event_origin origin_in(const struct call *call, const char *tenant_id)
{
	return (struct event_origin){ tenant_id, call->who->user_id, call->traceparent };
}

static enum status emit_tenant(struct call *call, struct db_tx *tx, const struct tenant *t)
{
	const struct event_origin origin = origin_in(call, t->tenant_id);
	Auth__V1__TenantChanged m = AUTH__V1__TENANT_CHANGED__INIT;

	m.tenant_id = (char *)t->tenant_id;
	m.name = (char *)t->name;
	m.tier = answer_tier(t->tier);
	m.state = t->suspended ? AUTH__V1__TENANT_STATE__TENANT_STATE_SUSPENDED
			       : AUTH__V1__TENANT_STATE__TENANT_STATE_ACTIVE;
	m.version = (uint64_t)t->version;
	return emit_auth_tenant_changed(tx, &origin, &m, call->err);
}

static enum status note(struct call *call, struct db_tx *tx, const struct tenant *t,
			const char *act)
{
	return audit_put(call, tx,
			 &(struct audit){ .tenant_id = t->tenant_id,
					  .actor = call->who->user_id,
					  .act = act,
					  .target = t->tenant_id });
}

/* ---- made ---- */

static enum status emit_admin(struct call *call, struct db_tx *tx, const struct tenant *t,
			      const struct user *admin)
{
	const struct event_origin origin = origin_in(call, t->tenant_id);
	Auth__V1__UserChanged m = AUTH__V1__USER_CHANGED__INIT;

	m.user_id = (char *)admin->user_id;
	m.role = answer_role(admin->role);
	m.version = 1;
	return emit_auth_user_changed(tx, &origin, &m, call->err);
}

/* In the new tenant's own scope: an operator's would see none of these rows. */
static enum status add_tenant(struct call *call, const struct tenant *t, const char *email,
			      const char *hash, Auth__V1__Tenant *out)
{
	AUTO_TX *tx = NULL;
	struct user admin = { .brand_ids = "", .role = ROLE_ADMIN, .created_at = t->created_at };
	enum status st = store_begin_for(call, t->tenant_id, &tx);

	if (st == ST_OK)
		st = store_user_put(call, tx, email, hash, &admin.user_id);
	if (st != ST_OK)
		return st;
	fill_tenant(call, t, out);
	out->admin_user_id = (char *)admin.user_id;
	st = call_seal(call, tx, &out->base);
	if (st == ST_OK)
		st = store_tenant_add(call, tx, t);
	if (st == ST_OK)
		st = store_membership_add(call, tx, t->tenant_id, &admin);
	if (st == ST_OK)
		st = emit_tenant(call, tx, t);
	if (st == ST_OK)
		st = emit_admin(call, tx, t, &admin);
	if (st == ST_OK)
		st = note(call, tx, t, "tenant.created");
	return st == ST_OK ? db_commit(tx, call->err) : st;
}

enum status auth_on_create_tenant(struct call *call, const Auth__V1__CreateTenantRequest *in,
				  Auth__V1__Tenant *out)
{
	const char *email = answer_email(call, in->admin->email), *hash;
	char *id = arena_alloc(call->arena, UUID_TEXT);
	struct tenant t = { .tenant_id = id,
			    .name = in->name,
			    .tier = answer_tier_word(in->tier),
			    .version = 1,
			    .created_at = time_now_us() };
	enum status st = password_check(email, in->admin->password, "admin.password", call->err);

	if (st != ST_OK)
		return st;
	if (!id)
		return answer_out_of_memory(call);
	uuid_v7(id);
	st = answer_hash(call, in->admin->password, &hash);
	return st == ST_OK ? add_tenant(call, &t, email, hash, out) : st;
}

/* ---- listed ---- */

#define NEWEST INT64_MAX

/* A page ends at "<micros> <tenant id>". */
static enum status read_token(struct call *call, const char *token, int64_t *before_us,
			      const char **before_id)
{
	const char *text, *space;
	enum status st = call_page_open(call, token, &text);

	*before_us = NEWEST;
	*before_id = PLATFORM_TENANT;
	if (st != ST_OK || !text)
		return st;
	space = strchr(text, ' ');
	if (!space || !parse_i64(arena_strndup(call->arena, text, (size_t)(space - text)), 0,
				 NEWEST - 1, before_us))
		return error_set(call->err, ST_INVALID, "page_token",
				 "is not a token of this list");
	*before_id = space + 1;
	return ST_OK;
}

enum status auth_on_list_tenants(struct call *call, const Auth__V1__ListTenantsRequest *in,
				 Auth__V1__ListTenantsReply *out)
{
	struct tenant *tenants = NULL;
	const char *before_id;
	int64_t before_us;
	size_t n = 0;
	enum status st = read_token(call, in->page_token, &before_us, &before_id);

	if (st == ST_OK)
		st = store_tenants(call, before_us, before_id, (int64_t)in->page_size + 1, &tenants,
				   &n);
	if (st != ST_OK)
		return st;
	out->n_tenants = n < in->page_size ? n : in->page_size;
	out->tenants = arena_array(call->arena, n + 1, sizeof(*out->tenants));
	for (size_t i = 0; out->tenants && i < out->n_tenants; i++) {
		out->tenants[i] = arena_alloc(call->arena, sizeof(**out->tenants));
		if (!out->tenants[i])
			return answer_out_of_memory(call);
		auth__v1__tenant__init(out->tenants[i]);
		fill_tenant(call, &tenants[i], out->tenants[i]);
	}
	if (n > in->page_size)
		out->next_page_token = (char *)call_page_seal(
			call, arena_printf(call->arena, "%lld %s",
					   (long long)tenants[in->page_size - 1].created_at,
					   tenants[in->page_size - 1].tenant_id));
	return out->tenants ? ST_OK : answer_out_of_memory(call);
}

/* ---- suspended and resumed ---- */

static enum status change_state(struct call *call, struct db_tx *tx, struct tenant *t, bool suspend)
{
	enum status st = store_tenant_suspend(call, tx, t->tenant_id, suspend, &t->version);

	t->suspended = suspend;
	if (st == ST_OK)
		st = emit_tenant(call, tx, t);
	if (st == ST_OK)
		st = note(call, tx, t, suspend ? "tenant.suspended" : "tenant.resumed");
	if (st == ST_OK)
		st = store_access_bump(call, tx);
	if (st == ST_OK)
		st = db_commit(tx, call->err);
	if (st == ST_OK)
		answer_announce(call);
	return st;
}

/* Repeating it changes nothing and is no fault. */
static enum status set_suspended(struct call *call, const char *tenant_id, bool suspend,
				 Auth__V1__Tenant *out)
{
	AUTO_TX *tx = NULL;
	struct tenant t;
	enum status st = call_begin(call, &tx);

	if (st == ST_OK)
		st = store_tenant_lock(call, tx, tenant_id, &t);
	if (st == ST_OK && t.suspended != suspend)
		st = change_state(call, tx, &t, suspend);
	if (st == ST_OK)
		fill_tenant(call, &t, out);
	return st;
}

enum status auth_on_suspend_tenant(struct call *call, const Auth__V1__TenantRequest *in,
				   Auth__V1__Tenant *out)
{
	return set_suspended(call, in->tenant_id, true, out);
}

enum status auth_on_resume_tenant(struct call *call, const Auth__V1__TenantRequest *in,
				  Auth__V1__Tenant *out)
{
	return set_suspended(call, in->tenant_id, false, out);
}
