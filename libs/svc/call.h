/*
 * One call of a method: what the runtime has checked before the handler runs, and what the handler
 * may use. Everything in `out` lives in call->arena, because the reply is packed after the handler
 * returned.
 */
#ifndef SVC_CALL_H
#define SVC_CALL_H

#include "access/access.h"
#include "bus/bus.h"
#include "core/arena.h"
#include "core/contract.h"
#include "core/status.h"
#include "db/db.h"

#include <protobuf-c/protobuf-c.h>

#define CALL_ARENA_MAX      (16 * 1024 * 1024)
#define REQUEST_ID_MAX      64
#define IDEMPOTENCY_KEY_MAX 255

struct svc;

struct call {
	struct svc *svc;
	void *app; /* the service's own struct */
	const struct contract_method *method;
	struct arena *arena;
	struct error *err;
	const struct access_claims
		*who;      /* NULL for a public method called without a token, and for services */
	const char *token; /* the caller's, passed on by svc_call; NULL: none */
	char request_id[REQUEST_ID_MAX + 1];
	char traceparent[TRACEPARENT_TEXT]; /* this hop's span */
	int64_t deadline_us;                /* monotonic */
	const char *idempotency_key;        /* NULL: none */
	const char *client_ip;              /* as the edge saw it; "" when not from the edge */
	const ProtobufCMessage *in;         /* for the idempotency record */
	int64_t db_us;                      /* waited for the database; known at the end */
	size_t sent_bytes;                  /* of the answer or its parts, for telemetry */
	bool idempotency_lost; /* set by call_seal and call_run: another copy won the race */
};

/* The scope of the caller's rows, for db_tx_new and db_begin. */
struct db_scope call_scope(const struct call *call);

/*
 * A queued transaction in the caller's scope on the service's pool. Free with AUTO_TX. NULL when
 * memory is out.
 */
struct db_tx *call_tx(struct call *call);
/* db_run with the call's deadline. */
enum status call_run(struct call *call, struct db_tx *tx) MUST_USE;
/* db_begin in the caller's scope with the call's deadline. */
enum status call_begin(struct call *call, struct db_tx **ret) MUST_USE;

/*
 * Adds the idempotency record (key, method, request, this answer) to the transaction, when the call
 * carries a key. The runtime answered already if the key was known; if another copy wins the race,
 * the transaction fails with ST_CONFLICT on "idempotency_pkey" and the runtime answers with the
 * winner's record. Call it last before db_run / db_commit. For methods marked idempotent.
 */
enum status call_seal(struct call *call, struct db_tx *tx, const ProtobufCMessage *out) MUST_USE;

/*
 * Calls another service's method with this call's token, request id, trace and remaining time. The
 * answer lives in call->arena. Errors of the callee come back as its status with call->err filled.
 * Used by the generated typed callers.
 */
enum status svc_call(struct call *call, const struct contract_method *m, const ProtobufCMessage *in,
		     ProtobufCMessage **out) MUST_USE;

/* ---- calls of methods that answer in parts; one thread at a time for each ---- */
struct call_parts;
/*
 * As svc_call, for a method with `stream`. Lives in call->arena until svc_parts_close, which must
 * come before the arena is reset.
 */
enum status svc_parts_open(struct call *call, const struct contract_method *m,
			   const ProtobufCMessage *in, struct call_parts **ret) MUST_USE;
/*
 * Waits at most timeout_ms for the next part. ST_OK with `*part` in `arena`; ST_OK with `*part`
 * NULL and `*ended` false: nothing came yet, ask again. `*ended` true: there will be nothing more,
 * and the status is the outcome that the callee gave or that its loss has (ST_UNAVAILABLE), with
 * call->err filled. The method's deadline is the caller's to watch.
 */
enum status svc_parts_next(struct call_parts *p, struct arena *arena, int timeout_ms,
			   ProtobufCMessage **part, bool *ended) MUST_USE;
/* Cancels the call when its end has not been seen. Accepts NULL. */
void svc_parts_close(struct call_parts *p);

/* ---- streamed answers ---- */
struct call_stream;
/* Sends one part (a message of the method's output type). ST_CANCELLED when the caller went away.
 */
enum status call_stream_send(struct call_stream *s, const ProtobufCMessage *part) MUST_USE;
bool call_stream_cancelled(const struct call_stream *s);

/* ---- page tokens: opaque, sealed to tenant and method ---- */
/* A token that holds `text`; in the arena. Somebody else's, altered or foreign-method tokens are
 * refused by call_page_open with field "page_token". */
const char *call_page_seal(struct call *call, const char *text);
/* The text, or NULL for an empty token; ST_INVALID otherwise. */
enum status call_page_open(struct call *call, const char *token, const char **ret) MUST_USE;

#endif
