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

struct bus_msg;
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

/*
 * The ends of a message, for the runtime and for who takes messages of a stream by himself (as
 * observability does its telemetry). event_settle and event_retry_later free it.
 */
/* Acknowledges or ends it: `fn` is bus_js_ack or bus_js_term. That a lost answer brings it again is
 * the receiver's to know. */
void event_settle(struct bus_msg *m, enum status (*fn)(struct bus_msg *));
/* Comes again after 100 ms, doubled with each delivery, at most 30 s. */
void event_retry_later(struct bus_msg *m);
/* Our own trouble is not the message's fault: it waits, however long that lasts. */
bool event_is_outage(enum status st);
/* What failed with that status is to be tried again: an outage always, else up to
 * EVENT_DELIVERIES_MAX deliveries of what may go better next time. */
bool event_worth_another(const struct bus_msg *m, enum status st);

/* The origin of events that consuming a batch causes (actor: this service). */
struct event_origin batch_origin(const struct event_batch *b);

#endif
