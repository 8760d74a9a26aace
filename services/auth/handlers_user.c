/* Users of a tenant, for its admins. */
#include "audit.h"
#include "contract/auth_events.h"
#include "core/timeutil.h"
#include "handlers.h"
#include "password.h"
#include "service.h"
#include "svc/outbox.h"

#include <string.h>

static enum status fill_user(struct call *call, const struct user *u, Auth__V1__User *out)
{
	out->user_id = (char *)u->user_id;
	out->email = (char *)u->email;
	out->role = answer_role(u->role);
	out->created_at = answer_time(call, u->created_at);
	return answer_ids(call, u->brand_ids, &out->brand_ids, &out->n_brand_ids);
}

/* ---- listed ---- */

enum status auth_on_list_users(struct call *call, const Auth__V1__ListUsersRequest *in,
			       Auth__V1__ListUsersReply *out)
{
	const char *after = NULL;
	struct user *users = NULL;
	size_t n = 0;
	enum status st = call_page_open(call, in->page_token, &after);

	if (st == ST_OK)
		st = store_users(call, after ? after : "", (int64_t)in->page_size + 1, &users, &n);
	if (st != ST_OK)
		return st;
	out->n_users = n < in->page_size ? n : in->page_size;
	out->users = arena_array(call->arena, n + 1, sizeof(*out->users));
	if (!out->users)
		return answer_out_of_memory(call);
	for (size_t i = 0; st == ST_OK && i < out->n_users; i++) {
		out->users[i] = arena_alloc(call->arena, sizeof(**out->users));
		if (!out->users[i])
			return answer_out_of_memory(call);
		auth__v1__user__init(out->users[i]);
		st = fill_user(call, &users[i], out->users[i]);
	}
	if (n > in->page_size)
		out->next_page_token = (char *)call_page_seal(call, users[in->page_size - 1].email);
	return st;
}

/* ---- made ---- */

static enum role role_of(Auth__V1__UserRole role)
{
	if (role == AUTH__V1__USER_ROLE__USER_ROLE_ADMIN)
		return ROLE_ADMIN;
	return role == AUTH__V1__USER_ROLE__USER_ROLE_ANALYST ? ROLE_ANALYST : ROLE_VIEWER;
}

/* The brands as lower-case ids without repetitions, comma separated. `n` gets how many. */
static const char *brand_list(struct call *call, const Auth__V1__CreateUserRequest *in, size_t *n)
{
	const char *list = "";

	*n = 0;
	for (size_t i = 0; i < in->n_brand_ids; i++) {
		char *id = arena_strdup(call->arena, in->brand_ids[i]);

		uuid_normalise(id);
		if (*list && access_brand_visible(list, id))
			continue;
		list = arena_printf(call->arena, "%s%s%s", list, *list ? "," : "", id);
		(*n)++;
	}
	return list;
}

/* The caller's own limits are the most that can be passed on: row-level security shows no brand
 * beyond them. */
static enum status check_brands(struct call *call, struct db_tx *tx,
				const Auth__V1__CreateUserRequest *in, size_t n)
{
	int64_t known = 0;
	enum status st;

	if (n == 0)
		return ST_OK;
	st = store_brands_count(call, tx, in->brand_ids, in->n_brand_ids, &known);
	if (st == ST_OK && known != (int64_t)n)
		st = error_set(call->err, ST_INVALID, "brand_ids",
			       "holds %lld ids that are no brands of this tenant",
			       (long long)n - (long long)known);
	return st;
}

static enum status emit(struct call *call, struct db_tx *tx, const Auth__V1__User *u)
{
	const struct event_origin origin = call_origin(call);
	Auth__V1__UserChanged m = AUTH__V1__USER_CHANGED__INIT;

	m.user_id = u->user_id;
	m.role = u->role;
	m.brand_ids = u->brand_ids;
	m.n_brand_ids = u->n_brand_ids;
	m.version = 1;
	return emit_auth_user_changed(tx, &origin, &m, call->err);
}

static enum status add_membership(struct call *call, struct db_tx *tx, const struct user *u)
{
	enum status st = store_membership_add(call, tx, call->who->tenant_id, u);

	if (st == ST_CONFLICT && strcmp(db_constraint(tx), "memberships_pkey") == 0)
		return error_set(call->err, st, "email", "is a user of this tenant already");
	return st;
}

/*
 * The key is sealed before the membership is added: of two copies of one request the later must
 * meet the other's key, not its membership.
 */
static enum status add_user(struct call *call, const Auth__V1__CreateUserRequest *in,
			    struct user *u, const char *hash, size_t n_brands, Auth__V1__User *out)
{
	AUTO_TX *tx = NULL;
	enum status st = call_begin(call, &tx);

	if (st == ST_OK)
		st = check_brands(call, tx, in, n_brands);
	if (st == ST_OK)
		st = store_user_put(call, tx, u->email, hash, &u->user_id);
	if (st == ST_OK)
		st = fill_user(call, u, out);
	if (st == ST_OK)
		st = call_seal(call, tx, &out->base);
	if (st == ST_OK)
		st = add_membership(call, tx, u);
	if (st == ST_OK)
		st = emit(call, tx, out);
	if (st == ST_OK)
		st = audit_put(call, tx,
			       &(struct audit){ .tenant_id = call->who->tenant_id,
						.actor = call->who->user_id,
						.act = "user.created",
						.target = u->user_id });
	return st == ST_OK ? db_commit(tx, call->err) : st;
}

enum status auth_on_create_user(struct call *call, const Auth__V1__CreateUserRequest *in,
				Auth__V1__User *out)
{
	size_t n_brands;
	struct user u = { .email = answer_email(call, in->email),
			  .role = role_of(in->role),
			  .brand_ids = brand_list(call, in, &n_brands),
			  .created_at = time_now_us() };
	const char *hash;
	enum status st = password_check(u.email, in->password, "password", call->err);

	if (st != ST_OK)
		return st;
	if (n_brands == 0 && call->who->brand_ids[0])
		return error_set(call->err, ST_DENIED, "brand_ids",
				 "the caller sees some brands only and must name some of them");
	st = answer_hash(call, in->password, &hash);
	return st == ST_OK ? add_user(call, in, &u, hash, n_brands, out) : st;
}
