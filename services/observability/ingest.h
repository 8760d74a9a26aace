/*
 * Telemetry on its way into rows: threads that take pages of all services from the stream and
 * store many in one transaction. Read next: ingest.c.
 */
#ifndef OBSERVABILITY_INGEST_H
#define OBSERVABILITY_INGEST_H

#include "service.h"

#include "core/buf.h"

struct ingest;
/* `*ret` is NULL before; what it is afterwards goes to ingest_stop, also when this failed. */
enum status ingest_start(struct svc *svc, struct observability *app, struct ingest **ret,
			 struct error *err) MUST_USE;
/* When the service is stopping: waits for the batches at hand. Accepts NULL. */
void ingest_stop(struct ingest *first);
/* Its counters as members of a JSON object, each with a comma before it; for $SRV.STATS. */
void ingest_stats(const struct ingest *first, struct buf *out);

#endif
