/*
 * Request telemetry: each process tells of every request it answered (pulsepoint/telemetry.proto).
 * Rows wait in a ring; a thread sends them in pages to the stream `obs`. Telling never blocks: what
 * does not fit is dropped and counted, and each page says how much was. Read next: telemetry.c.
 */
#ifndef SVC_TELEMETRY_H
#define SVC_TELEMETRY_H

#include "pulsepoint/telemetry.pb-c.h"

#include <stdint.h>

struct svc;

#define TELEMETRY_RING_ROWS 16384 /* rows that may wait, and at most 4 MiB of them */
#define TELEMETRY_ROW_MAX   512   /* bytes of a packed row; a longer one is dropped */
#define TELEMETRY_PAGE_ROWS 100   /* rows in a message */
#define TELEMETRY_FLUSH_MS  100   /* the longest that a row waits for others */

/*
 * Tells of a request. The row is copied; its texts must be UTF-8, tenant_id and brand_id empty or a
 * UUID. Any thread; a few hundred nanoseconds; nothing before the runtime has started.
 */
void svc_telemetry_request(struct svc *svc, const Pulsepoint__RequestRow *row);

/* The binary ids of a row: memory that has to live until svc_telemetry_request returned. */
struct telemetry_ids {
	uint8_t trace[16], span[8], parent[8];
};
/*
 * Sets the row's trace, span and parent span. `traceparent` is this hop's own (traceparent_child),
 * `parent` what came in: NULL, malformed or of another trace means that the trace begins here.
 */
void svc_telemetry_trace(Pulsepoint__RequestRow *row, struct telemetry_ids *ids,
			 const char *traceparent, const char *parent);

struct telemetry_counts {
	uint64_t emitted; /* rows told since the start */
	uint64_t dropped; /* of these: the ring was full */
	uint64_t pages;   /* messages that the stream has acknowledged */
	uint64_t unsent;  /* rows of messages given up; observability counts them as lost */
	uint64_t waiting; /* rows in the ring */
};
void svc_telemetry_counts(const struct svc *svc, struct telemetry_counts *out);

#endif
