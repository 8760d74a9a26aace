/* What observability answers about events and latency; alert.h has the rest. Read next:
 * handlers_events.c, handlers_latency.c. */
#ifndef OBSERVABILITY_HANDLERS_H
#define OBSERVABILITY_HANDLERS_H

#include "service.h"

enum status handle_list_events(struct call *call, const Observability__V1__ListEventsRequest *in,
			       Observability__V1__ListEventsReply *out) MUST_USE;
enum status handle_get_latency(struct call *call, const Observability__V1__LatencyRequest *in,
			       Observability__V1__LatencyReply *out) MUST_USE;

/* A time in the arena; NULL when it is full. */
Pulsepoint__Timestamp *reply_time(struct arena *a, int64_t us);

#endif
