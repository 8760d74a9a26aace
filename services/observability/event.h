/*
 * An event as a row: requests of all services, and what happened in a tenant. Read next:
 * store_events.c (how rows are written and read), page.h (requests), consumers.c (the rest).
 */
#ifndef OBSERVABILITY_EVENT_H
#define OBSERVABILITY_EVENT_H

#include "core/arena.h"
#include "core/status.h"
#include "db/db.h"

#include <stddef.h>
#include <stdint.h>

/* The values are the contract's (observability.v1.Category); handlers_events.c asserts it. */
enum event_category {
	EVENT_REQUEST = 1,
	EVENT_QUESTION,
	EVENT_BILLING,
	EVENT_SYNC,
	EVENT_AUDIT,
	EVENT_ALERT,
};

/* Texts may be NULL for none. */
struct event_row {
	const char *tenant_id;
	int64_t at_us;
	/* The event's own span is its id; 0: a fresh one is made. Parent 0: none. */
	int64_t span_id, parent_span_id;
	const char *trace_id; /* 32 hexadecimal digits */
	const char *brand_id;
	enum event_category category;
	const char *service, *action, *status;
	const char *user_id, *request_id, *subject, *detail;
	int64_t duration_us, database_us, request_bytes, response_bytes, http_status;
};

#define EVENT_TEXT_MAX 4096 /* bytes of detail that are kept */

extern const struct db_stmt event_statements[];
extern const struct db_stmt event_worker_statements[];

/* Trace and span of a traceparent into the row; leaves a malformed one out. */
void event_trace(struct event_row *row, struct arena *a, const char *traceparent);

/*
 * Adds n events, whose days must have partitions (partitions_need), to the transaction: in the
 * scope of their one tenant, or as the worker of any. Memory is the arena's.
 */
enum status store_events(struct db_tx *tx, struct arena *a, const struct event_row *rows, size_t n,
			 struct error *err) MUST_USE;

/* What GET /api/admin/events asks; texts "" and numbers 0 are no filter. */
struct event_question {
	const char *user_id, *service;
	const char *trace_id; /* NULL: no filter */
	enum event_category category;
	int64_t from_us, to_us;
	int64_t before_us, before_span; /* newer ones and itself were told already */
	int64_t limit;
};
/* Queues the question; the number of its result. Newest first. */
int store_ask_events(struct db_tx *tx, struct arena *a, const struct event_question *q);
/* Row i of the answer; texts live as long as the transaction. */
void store_read_event(const struct db_tx *tx, int result, int i, struct event_row *ret);

#endif
