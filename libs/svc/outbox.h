/*
 * Events leave a service through its outbox: a row in the same transaction as the change. The relay
 * publishes rows after commit, in order, with the event id as Nats-Msg-Id, and sends again what the
 * broker lost. docs/internals/svc.md tells the whole road.
 */
#ifndef SVC_OUTBOX_H
#define SVC_OUTBOX_H

#include "core/contract.h"
#include "core/status.h"
#include "db/db.h"

#include <protobuf-c/protobuf-c.h>

#define OUTBOX_KEEP_DAYS 7
#define OUTBOX_CLAIM_MAX 256

/* Where an event comes from. */
struct event_origin {
	const char *tenant_id;
	const char *actor;       /* user id, or "service:<name>" for work nobody started */
	const char *traceparent; /* may be NULL */
};
struct call;
/* The origin of events that a call causes. */
struct event_origin call_origin(const struct call *call);

/*
 * Adds the event to the transaction (queued or open) and wakes the relay after commit. ST_TOO_LARGE
 * beyond BUS_EVENT_MAX: split the page. ST_INVALID for an event with a subject of its own when a
 * field of it is no token ([a-z0-9_-]{1,64}). The message is packed at once. Used by the generated
 * emit_* functions.
 */
enum status outbox_put(struct db_tx *tx, const struct contract_event *event,
		       const struct event_origin *origin, const ProtobufCMessage *m,
		       struct error *err) MUST_USE;

#endif
