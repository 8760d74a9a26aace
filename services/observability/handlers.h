/* What observability answers about events and latency; alert.h has the rest. Read next:
 * handlers_events.c, handlers_latency.c. */
#ifndef OBSERVABILITY_HANDLERS_H
#define OBSERVABILITY_HANDLERS_H

#include "service.h"

#include "core/timeutil.h"

enum status handle_list_events(struct call *call, const Observability__V1__ListEventsRequest *in,
			       Observability__V1__ListEventsReply *out) MUST_USE;
enum status handle_get_latency(struct call *call, const Observability__V1__LatencyRequest *in,
			       Observability__V1__LatencyReply *out) MUST_USE;

/* Times that questions may name, 2000-01-01 up to 2100-01-01: PostgreSQL cannot hold all that a
 * Timestamp can, and minutes and days are added to them. */
#define TIME_FIRST_US (INT64_C(946684800) * US_PER_SECOND)
#define TIME_END_US   (INT64_C(4102444800) * US_PER_SECOND)
/* The time of that field, `otherwise` when it has none; ST_INVALID outside of the above. */
enum status time_or(struct call *call, const char *field, const Pulsepoint__Timestamp *asked,
		    int64_t otherwise, int64_t *ret) MUST_USE;

/* A time in the arena; NULL when it is full. */
Pulsepoint__Timestamp *reply_time(struct arena *a, int64_t us);

#endif
