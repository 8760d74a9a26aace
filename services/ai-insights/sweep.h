/*
 * The schedule of ai-insights: settles calls of the model that a dead process left unsettled, and
 * marks failed what it left unanswered. Every copy runs one; a row is claimed by one at a time.
 * Read next: sweep.c, store_sweep.c.
 */
#ifndef INSIGHTS_SWEEP_H
#define INSIGHTS_SWEEP_H

#include "service.h"

#define SWEEP_EVERY_MS 2000
#define SWEEP_MAX      50 /* calls settled in one round */

enum status sweep_start(struct svc *svc, struct insights *app, struct error *err) MUST_USE;
void sweep_stop(struct svc *svc, struct insights *app);

#endif
