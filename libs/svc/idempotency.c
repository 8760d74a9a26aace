/*
 * Idempotency keys are rows in the owner's transaction: key, hash of the request, the answer. The
 * same key with the same request gets the same answer; with another request it is refused
 * (draft-ietf-httpapi-idempotency-key-header: 422).
 */
#include "core/text.h"
#include "svc/call.h"
#include "svc/svc_priv.h"
#include "json/message.h"

#include <sodium.h>
#include <string.h>

#define HASH_PURPOSE "idempotency"

/*
 * Keyed, because a request may hold a password: from a plain hash it could be guessed around
 * Argon2.
 */
static enum status request_hash(struct call *call, uint8_t hash[32])
{
	uint8_t *data;
	size_t len;
	enum status st = message_pack(call->arena, call->in, &data, &len);

	if (st == ST_OK)
		seal_hash(call->svc->seal, HASH_PURPOSE, data, len, hash);
	return st;
}

static void key_args(struct call *call, struct db_args *args)
{
	db_args_init(args, call->arena);
	db_arg_text(args, call_scope(call).tenant_id);
	db_arg_text(args, call->who->user_id);
	db_arg_text(args, call->method->subject);
	db_arg_text(args, call->idempotency_key);
}

enum status svc__idempotency_find(struct call *call, const uint8_t **reply, size_t *len,
				  bool *found)
{
	AUTO_TX *tx = call_tx(call);
	struct db_args args;
	uint8_t *stored, *data;
	size_t hash_len = 0, data_len;
	enum status st;

	*found = false;
	if (!tx)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	key_args(call, &args);
	db_add(tx, "svc_idempotency_find", &args);
	st = call_run(call, tx);
	if (st != ST_OK || db_rows(tx, 0) == 0)
		return st;
	st = message_pack(call->arena, call->in, &data, &data_len);
	if (st != ST_OK)
		return st;
	stored = db_bytes(tx, call->arena, 0, 0, 0, &hash_len);
	if (!stored || hash_len != 32 ||
	    !seal_hash_is(call->svc->seal, HASH_PURPOSE, data, data_len, stored))
		return error_set(call->err, ST_MISMATCH, HDR_IDEMPOTENCY,
				 "was used with another request; take a new key");
	*reply = db_bytes(tx, call->arena, 0, 0, 1, len);
	*found = *reply != NULL;
	return *found ? ST_OK
		      : error_set(call->err, ST_INTERNAL, NULL, "a kept answer is unreadable");
}

enum status call_seal(struct call *call, struct db_tx *tx, const ProtobufCMessage *out)
{
	uint8_t *data, *hash;
	struct db_args args;
	enum status st;
	size_t len;

	if (!call->idempotency_key || !call->method->idempotent)
		return ST_OK;
	/* A queued statement is sent later: what it points to must live in the call's arena, never
	 * on this stack. */
	hash = arena_alloc(call->arena, 32);
	if (!hash)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	st = request_hash(call, hash);
	if (st == ST_OK)
		st = message_pack(call->arena, out, &data, &len);
	if (st != ST_OK)
		return st;
	key_args(call, &args);
	db_arg_bytes(&args, hash, 32);
	db_arg_bytes(&args, data, len);
	st = db_do(tx, "svc_idempotency_add", &args, call->err);
	if (st == ST_CONFLICT && strcmp(db_constraint(tx), "idempotency_pkey") == 0)
		call->idempotency_lost = true;
	return st;
}
