/* The thread that keeps the days of `events` and what telemetry leaves beside them. Read next:
 * keeper.c, partitions.h. */
#ifndef OBSERVABILITY_KEEPER_H
#define OBSERVABILITY_KEEPER_H

#include "svc/svc.h"

struct keeper;
/* Does a first round, then one every ten minutes. */
enum status keeper_start(struct svc *svc, struct keeper **ret, struct error *err) MUST_USE;
void keeper_stop(struct keeper *k); /* accepts NULL */

#endif
