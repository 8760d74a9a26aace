/* What belongs to the platform rather than to a tenant: audit, operators, signing keys, the access
 * state. */
#include "store.h"

#include "core/timeutil.h"

#include <string.h>

#define STATE_ROWS_MAX    (ACCESS_SUSPENDED_MAX + ACCESS_ENDED_MAX + 100)
#define STATE_DEADLINE_US (INT64_C(5) * 1000000)

const struct db_stmt platform_statements[] = {
	{ "audit_add", "INSERT INTO audit_log (tenant_id, actor, act, target, note, request_id, at)"
		       " VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::timestamptz)" },
	{ "operator_lookup", "SELECT operator_lookup($1)" },
	{ "access_state", "SELECT kind, id, pem FROM access_state($1, $2)" },
	{ "signing_key", "SELECT kid, private_sealed FROM signing_key()" },
	{ NULL, NULL },
};

enum status store_audit_add(struct call *call, struct db_tx *tx, const struct audit_row *row)
{
	struct db_args args;

	db_args_init(&args, call->arena);
	db_arg_text(&args, row->tenant_id);
	db_arg_text(&args, row->actor);
	db_arg_text(&args, row->act);
	db_arg_text(&args, row->target);
	db_arg_text(&args, row->note ? row->note : "");
	db_arg_text(&args, call->request_id);
	db_arg_time(&args, row->at);
	return db_do(tx, "audit_add", &args, call->err);
}

enum status store_operator_lookup(struct call *call, const uint8_t *key_hash,
				  const char **operator_id)
{
	AUTO_TX *tx = call_tx(call);
	struct db_args args;
	enum status st;

	db_args_init(&args, call->arena);
	db_arg_bytes(&args, key_hash, CREDENTIAL_HASH);
	if (tx)
		db_add(tx, "operator_lookup", &args);
	st = call_run(call, tx);
	if (st == ST_OK)
		*operator_id = db_null(tx, 0, 0, 0)
				       ? NULL
				       : arena_strdup(call->arena, db_str(tx, 0, 0, 0));
	return st;
}

/* ---- without a call: hooks of the runtime ---- */

static enum status out_of_memory(struct error *err)
{
	return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
}

struct state_lists {
	struct access_key *keys;
	const char **suspended, **ended;
};

static enum status read_state(const struct db_tx *tx, struct arena *a, struct state_lists *l,
			      struct access_state *ret)
{
	for (int i = 0; i < db_rows(tx, 0); i++) {
		const char *kind = db_str(tx, 0, i, 0), *id = arena_strdup(a, db_str(tx, 0, i, 1));

		if (strcmp(kind, "version") == 0)
			ret->version = (uint64_t)db_int(tx, 0, i, 1);
		else if (strcmp(kind, "key") == 0)
			l->keys[ret->n_keys++] =
				(struct access_key){ id, arena_strdup(a, db_str(tx, 0, i, 2)) };
		else if (strcmp(kind, "suspended") == 0)
			l->suspended[ret->n_suspended++] = id;
		else
			l->ended[ret->n_ended++] = id;
	}
	ret->keys = l->keys;
	ret->suspended_tenants = l->suspended;
	ret->ended_sessions = l->ended;
	return ret->version > 0 && !arena_failed(a) ? ST_OK : ST_INTERNAL;
}

enum status store_access_state(struct db *db, struct arena *a, struct access_state *ret, bool *full,
			       struct error *err)
{
	AUTO_TX *tx = db_tx_new(db, &(struct db_scope){ 0 });
	struct state_lists l;
	struct db_args args;
	enum status st;
	size_t rows;

	if (!tx)
		return out_of_memory(err);
	db_args_init(&args, a);
	db_arg_i64(&args, ACCESS_SUSPENDED_MAX);
	db_arg_i64(&args, ACCESS_ENDED_MAX);
	db_add(tx, "access_state", &args);
	st = db_run(tx, time_mono_us() + STATE_DEADLINE_US, err);
	if (st != ST_OK)
		return st;
	rows = (size_t)db_rows(tx, 0);
	if (rows > STATE_ROWS_MAX)
		return error_set(err, ST_INTERNAL, NULL, "the access state has too many keys");
	l.keys = arena_array(a, rows + 1, sizeof(*l.keys));
	l.suspended = arena_array(a, rows + 1, sizeof(*l.suspended));
	l.ended = arena_array(a, rows + 1, sizeof(*l.ended));
	if (!l.keys || !l.suspended || !l.ended)
		return out_of_memory(err);
	*ret = (struct access_state){ 0 };
	st = read_state(tx, a, &l, ret);
	if (st != ST_OK)
		return error_set(err, st, NULL, "the access state cannot be read");
	*full = ret->n_ended == ACCESS_ENDED_MAX || ret->n_suspended == ACCESS_SUSPENDED_MAX;
	return ST_OK;
}

enum status store_key_active(struct db *db, struct arena *a, struct stored_key *ret, bool *found,
			     struct error *err)
{
	AUTO_TX *tx = db_tx_new(db, &(struct db_scope){ 0 });
	struct db_args args;
	enum status st;

	if (!tx)
		return out_of_memory(err);
	db_args_init(&args, a);
	db_add(tx, "signing_key", &args);
	st = db_run(tx, time_mono_us() + STATE_DEADLINE_US, err);
	if (st != ST_OK)
		return st;
	*found = db_rows(tx, 0) == 1;
	if (*found)
		*ret = (struct stored_key){ .kid = arena_strdup(a, db_str(tx, 0, 0, 0)),
					    .private_sealed =
						    arena_strdup(a, db_str(tx, 0, 0, 1)) };
	return ST_OK;
}
