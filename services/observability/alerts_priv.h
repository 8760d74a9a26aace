/* What runs alerts in a process; alerts.c and watch.c only. */
#ifndef OBSERVABILITY_ALERTS_PRIV_H
#define OBSERVABILITY_ALERTS_PRIV_H

#include "bell.h"
#include "deliver.h"
#include "watch.h"

#include <pthread.h>
#include <stdbool.h>

struct alerts {
	struct svc *svc;
	struct observability *app;
	struct deliver *deliver;
	struct watch *watch;
	pthread_t thread; /* of the evaluator */
	bool thread_on;
	struct bell bell; /* it waits here */
};

#endif
