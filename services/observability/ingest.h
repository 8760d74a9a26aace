/*
 * Telemetry on its way into rows: a thread that takes pages of all services from the stream and
 * stores many in one transaction. Read next: ingest.c.
 */
#ifndef OBSERVABILITY_INGEST_H
#define OBSERVABILITY_INGEST_H

#include "service.h"

#include "core/buf.h"

struct ingest;
enum status ingest_start(struct svc *svc, struct observability *app, struct ingest **ret,
			 struct error *err) MUST_USE;
/* Ends after the batch at hand. Accepts NULL. */
void ingest_stop(struct ingest *in);
/* Its counters as members of a JSON object, each with a comma before it; for $SRV.STATS. */
void ingest_stats(const struct ingest *in, struct buf *out);

#endif
