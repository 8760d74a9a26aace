/*
 * observability: keeps events, measures latency, raises alerts. Read next: README.md, tables.c
 * (what answers and hears what), ingest.c (telemetry on its way into rows), histogram.h (latency),
 * samples.h and rule.h (alerts), migrations/.
 */
#ifndef OBSERVABILITY_SERVICE_H
#define OBSERVABILITY_SERVICE_H

#include "contract/observability.h"
#include "contract/observability_events.h"
#include "svc/events.h"
#include "svc/svc.h"

struct ingest; /* ingest.c */
struct keeper; /* keeper.c */
struct alerts; /* the evaluator and the deliveries */

struct observability_config {
	char webhook_private[16];
	int64_t retry_cap_ms; /* 0: none */
};

/* Zeroed at start; unchanging once start has returned, but for what is behind a lock. */
struct observability {
	struct observability_config cfg;
	struct keeper *keeper;
	struct ingest *ingest;
	struct alerts *alerts;
};

extern const struct config_item observability_config_items[];
/* tables.c: a slot for each method and each consumed event; the stores' tables, NULL-ended. */
extern const struct observability_handlers observability_handlers;
extern const struct observability_consumers observability_consumers;
extern const struct db_stmt *const observability_statements[];
extern const struct db_stmt *const observability_worker_statements[];

#endif
