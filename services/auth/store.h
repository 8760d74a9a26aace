/*
 * What auth keeps, one function per question. SQL stands at the top of the store_*.c files;
 * protobuf does not come here. Texts in results live in the call's arena. Functions that take a
 * transaction add to it; the others run their own, in no tenant's scope where none is known yet.
 */
#ifndef AUTH_STORE_H
#define AUTH_STORE_H

#include "access/access.h"
#include "core/arena.h"
#include "credential.h"
#include "db/db.h"
#include "svc/call.h"

#include <stdbool.h>
#include <stdint.h>

/* NULL-ended lists of the tables, for svc_spec. */
extern const struct db_stmt *const auth_statements[];
extern const struct db_stmt *const auth_worker_statements[];

extern const struct db_stmt login_statements[], session_statements[], tenant_statements[],
	brand_statements[], platform_statements[], worker_statements[];

/* A transaction in the scope of a tenant that the caller's token does not name (login, grants, a
 * tenant being made). */
struct db_tx *store_tx_for(struct call *call, const char *tenant_id);
enum status store_begin_for(struct call *call, const char *tenant_id, struct db_tx **ret) MUST_USE;

/* ---- logins: store_login.c ---- */

/* What a user may do in one tenant. */
struct membership {
	const char *tenant_id, *brand_ids, *tier;
	enum role role;
	bool suspended; /* the tenant is */
};
struct login_view {
	const char *user_id; /* NULL: nobody has this address */
	const char *password_hash;
	int locked_s; /* seconds until the next try is taken; 0: now */
	struct membership *memberships;
	size_t n_memberships;
};
enum status store_login_lookup(struct call *call, const char *email, const uint8_t *failure_key,
			       struct login_view *ret) MUST_USE;
/* Counts a wrong password (`user_id` NULL: nobody's). */
enum status store_login_failed(struct call *call, const uint8_t *failure_key,
			       const char *user_id) MUST_USE;

/* Adds a user to the tenant in scope: the id of the new identity, or of the one with that address.
 */
enum status store_user_put(struct call *call, struct db_tx *tx, const char *email,
			   const char *password_hash, const char **user_id) MUST_USE;
struct user {
	const char *user_id, *email, *brand_ids;
	enum role role;
	int64_t created_at;
};
/* ST_CONFLICT with "memberships_pkey" when the user is in the tenant already. */
enum status store_membership_add(struct call *call, struct db_tx *tx, const char *tenant_id,
				 const struct user *u) MUST_USE;
/* Up to `limit` users of the caller's tenant after that address. */
enum status store_users(struct call *call, const char *after, int64_t limit, struct user **ret,
			size_t *n) MUST_USE;

/* ---- sessions: store_session.c ---- */

#define SESSION_LIFE_S   (INT64_C(30) * 86400) /* however busy (ASVS 5.0, 7.3.2) */
#define SESSION_IDLE_S   (INT64_C(7) * 86400)  /* without a refresh (7.3.1) */
#define SESSION_REPEAT_S 10                    /* for one repeat of the previous token */

struct new_session {
	const char *session_id, *tenant_id, *user_id;
	const uint8_t *refresh_hash;
	const uint8_t *failure_key;
};
/* Queues the session, its first refresh token, and the end of the account's failures from this
 * address. */
void store_session_add(struct call *call, struct db_tx *tx, const struct new_session *s);

/* A refresh token that was ours once, and the session it belongs to. */
struct family {
	const char *session_id, *user_id;
	int64_t generation; /* of the token, not of the session */
	struct membership member;
};
enum status store_refresh_lookup(struct call *call, const uint8_t *hash, struct family *ret,
				 bool *found) MUST_USE;

enum rotation {
	ROTATION_NEW,    /* the token was of the newest generation: there is a newer one now */
	ROTATION_REPEAT, /* of the one before, within SESSION_REPEAT_S, for the first time */
	ROTATION_REUSE,  /* older, or repeated again: the session has been ended */
	ROTATION_DEAD,   /* the session had ended or expired before */
};
/* Decides by generation and, for the first two, adds the next refresh token. `tx` is open in the
 * tenant's scope. */
enum status store_session_rotate(struct call *call, struct db_tx *tx, const struct family *f,
				 const uint8_t *next_hash, enum rotation *ret) MUST_USE;
/* `ended` false: it had ended before. */
enum status store_session_logout(struct call *call, struct db_tx *tx, const char *session_id,
				 bool *ended) MUST_USE;
/* The access state has changed: once per transaction, last. */
enum status store_access_bump(struct call *call, struct db_tx *tx) MUST_USE;

/* ---- tenants: store_tenant.c ---- */

struct tenant {
	const char *tenant_id, *name, *tier;
	bool suspended;
	int64_t version, created_at;
};
/* In the new tenant's own scope. */
enum status store_tenant_add(struct call *call, struct db_tx *tx, const struct tenant *t) MUST_USE;
/* Locks and reads; ST_NOT_FOUND with field "tenant_id". `tx` is open in an operator's scope. */
enum status store_tenant_lock(struct call *call, struct db_tx *tx, const char *tenant_id,
			      struct tenant *ret) MUST_USE;
enum status store_tenant_suspend(struct call *call, struct db_tx *tx, const char *tenant_id,
				 bool suspended, int64_t *version) MUST_USE;
/* Reads in the tenant's own scope; ST_NOT_FOUND with field "tenant_id". */
enum status store_tenant_get(struct call *call, const char *tenant_id, struct tenant *ret) MUST_USE;
/* Up to `limit` tenants older than (before_us, before_id); the first page is before INT64_MAX. */
enum status store_tenants(struct call *call, int64_t before_us, const char *before_id,
			  int64_t limit, struct tenant **ret, size_t *n) MUST_USE;

/* ---- brands: store_brand.c ---- */

struct brand {
	const char *brand_id, *name, *domain, *currency, *timezone;
	int64_t version, created_at, updated_at;
};
void store_brand_add(struct call *call, struct db_tx *tx, const char *tenant_id,
		     const struct brand *b);
/* Up to `limit` brands after (after_name, after_id), which are "" and the nil UUID for the first
 * page; `words` NULL: all. */
enum status store_brands(struct call *call, const char *words, const char *after_name,
			 const char *after_id, int64_t limit, struct brand **ret,
			 size_t *n) MUST_USE;
/* ST_NOT_FOUND when it is not there or not for the caller. */
enum status store_brand_get(struct call *call, const char *brand_id, struct brand *ret) MUST_USE;
/* Empty texts of `change` leave a column as it is; `ret` is the row as it then stands. `changed`
 * false: nothing was different. */
enum status store_brand_change(struct call *call, struct db_tx *tx, const struct brand *change,
			       struct brand *ret, bool *changed) MUST_USE;
/* How many of these brands are there for the caller. */
enum status store_brands_count(struct call *call, struct db_tx *tx, char *const *brand_ids,
			       size_t n, int64_t *ret) MUST_USE;

/* ---- platform: store_platform.c ---- */

struct audit_row {
	const char *tenant_id, *actor, *act, *target, *note;
	int64_t at;
};
enum status store_audit_add(struct call *call, struct db_tx *tx,
			    const struct audit_row *row) MUST_USE;

/* NULL when no operator has this key. */
enum status store_operator_lookup(struct call *call, const uint8_t *key_hash,
				  const char **operator_id) MUST_USE;

/* AccessState fits one message of the bus: 36 bytes and 2 of framing per id, below 1 MiB. */
#define ACCESS_SUSPENDED_MAX 5000
#define ACCESS_ENDED_MAX     20000
/* From one snapshot, in the arena. `full` tells that a limit cut the lists. */
enum status store_access_state(struct db *db, struct arena *a, struct access_state *ret, bool *full,
			       struct error *err) MUST_USE;

struct stored_key {
	const char *kid, *public_pem, *private_sealed;
};
enum status store_key_active(struct db *db, struct arena *a, struct stored_key *ret, bool *found,
			     struct error *err) MUST_USE;

/* ---- as auth_worker: store_worker.c ---- */

enum status store_key_rotate(struct db *worker, struct arena *a, const struct stored_key *key,
			     int64_t age_s, bool *rotated, struct error *err) MUST_USE;
/* False when there is an operator and `more` is not set. */
enum status store_operator_add(struct db *worker, struct arena *a, const char *operator_id,
			       const uint8_t *key_hash, bool more, bool *added,
			       struct error *err) MUST_USE;
/* Deletes a batch of what nobody can use any more; `n` gets how many rows. */
enum status store_forget(struct db *worker, struct arena *a, int64_t *n,
			 struct error *err) MUST_USE;

#endif
