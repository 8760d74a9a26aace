/*
 * Webhooks: notices are sent to the channels of their tenant, several channels at once, one after
 * the other within a channel. Read next: deliver.c (the threads), deliver_policy.c (when again).
 */
#ifndef OBSERVABILITY_DELIVER_H
#define OBSERVABILITY_DELIVER_H

#include "rule.h"

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

#define DELIVER_THREADS     8
#define DELIVER_SICK_MAX    4  /* of them, at channels that failed last time, or were slow */
#define DELIVER_TENANT_MAX  2  /* of them, with channels of one tenant: the others are for others */
#define DELIVER_BATCH       32 /* deliveries of one channel in a row */
#define DELIVER_TURN_US     1000000 /* others go first then; a single attempt over it is slow */
#define DELIVER_CONNECT_MS  2000
#define DELIVER_TOTAL_MS    5000
#define DELIVER_ANSWER_MAX  (1024 * 1024) /* a larger answer counts as a failure */
#define DELIVER_LEASE_S     8             /* longer than an attempt and its record take */
#define DELIVER_ATTEMPTS    8
#define DELIVER_AGE_MAX_S   21600 /* a notice that is older is given up after its next failure */
#define DELIVER_WAIT_MAX_S  9000
#define DELIVER_AFTER_MAX_S 3600 /* a longer Retry-After counts as this */
#define DELIVER_REST_MAX_S  60
#define DELIVER_REASON_MAX  200

enum delivery_state { DELIVERY_WAITING = 1, DELIVERY_DELIVERED, DELIVERY_FAILED };

struct claim {
	const char *channel_id, *tenant_id, *lease;
	int failures; /* of the channel, in a row */
	bool slow;    /* its last attempt was */
};

struct delivery {
	const char *notice_id, *channel_id, *alert_id;
	int64_t seq;
	enum change change;
	const char *body;
	enum delivery_state state;
	int attempts, http_status;
	const char *reason;
	int64_t changed_us, attempted_us, delivered_us, next_attempt_us; /* 0: not so far */
};

/* What came of an attempt, and what follows. */
struct attempt {
	enum delivery_state state;
	int http_status;
	char reason[DELIVER_REASON_MAX];
	int64_t wait_us; /* until the next attempt, when it waits */
	int64_t rest_us; /* until anything is sent to the channel again */
	int failures;    /* of the channel, in a row */
	bool slow;       /* it took longer than a turn */
};

/* ---- deliver_policy.c: pure ---- */

/*
 * After attempt number `attempts` (from 1) of a notice of that age failed: 2 s, 10 s, 1, 5 and 20
 * minutes, 1 and 2.5 hours, each up to a tenth longer; at least retry_after_s. About four hours in
 * all, then it has failed. The channel rests 2 s, 4 s, 8 s ... 60 s. `cap_ms` above 0 cuts all
 * waits short, for tests. Fills state, wait_us, rest_us and failures of `ret`.
 */
void deliver_failed(int attempts, int64_t age_us, int channel_failures, int retry_after_s,
		    int64_t cap_ms, struct attempt *ret);

/* ---- deliver.c ---- */

struct svc;
struct deliver;
struct observability_config;
enum status deliver_start(struct svc *svc, const struct observability_config *cfg,
			  struct deliver **ret, struct error *err) MUST_USE;
void deliver_stop(struct deliver *d); /* accepts NULL */
/* Look at once. */
void deliver_wake(struct deliver *d);

#endif
