/*
 * Consuming events. The runtime fetches batches, groups them by tenant in order, opens a
 * transaction in that tenant's scope, drops what the inbox knows, and calls the consumer with the
 * rest; inbox rows commit with the effect. The consumer returns a status and never acks: ACK on
 * ST_OK; RETRY statuses come back with back-off; TERM statuses (bad data) and ten failed deliveries
 * go to the dead letters. A failing batch is halved until the poisonous message stands alone.
 */
#ifndef SVC_EVENTS_H
#define SVC_EVENTS_H

#include "core/arena.h"
#include "core/status.h"
#include "db/db.h"
#include "svc/outbox.h"

struct svc;

#define EVENT_BATCH_MAX      64
#define EVENT_DELIVERIES_MAX 10

struct event_meta {
	const char *id; /* "<service>:<uuid>" */
	const char *actor;
	const char *traceparent;
	int64_t occurred_us;
};

struct event_batch {
	struct svc *svc;
	void *app;
	struct db_tx *tx; /* open, in the tenant's scope; the runtime commits */
	const char *tenant_id;
	struct arena *arena;
	struct error *err;
	const struct event_meta *meta; /* one per message */
};

/* The origin of events that consuming a batch causes (actor: this service). */
struct event_origin batch_origin(const struct event_batch *b);

#endif
