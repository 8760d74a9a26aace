/* The thread that keeps the days of `events` and what telemetry leaves beside them. Read next:
 * keeper.c, partitions.h. */
#ifndef OBSERVABILITY_KEEPER_H
#define OBSERVABILITY_KEEPER_H

#include "svc/svc.h"

struct keeper;
/* Makes the days; its thread then does a round at once, and one every ten minutes. */
enum status keeper_start(struct svc *svc, struct keeper **ret, struct error *err) MUST_USE;
/* After svc_wake, when the service is stopping. Accepts NULL. */
void keeper_stop(struct keeper *k);

#endif
