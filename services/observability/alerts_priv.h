/* What runs alerts in a process; alerts.c and watch.c only. */
#ifndef OBSERVABILITY_ALERTS_PRIV_H
#define OBSERVABILITY_ALERTS_PRIV_H

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
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken, stopping; /* under the lock */
};

#endif
