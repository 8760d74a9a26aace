/*
 * Request limits per tenant: 60 a minute, 1,000 an hour, 10,000 a day by default (by tier). Counted
 * in this process and told to the other replicas once a second.
 *
 * Error: each window is a sliding estimate from two fixed ones (the last one weighted by what of it
 * still counts), exact when requests are even and off by at most one window's share when they are
 * not; replicas see each other's counts up to one second late, so n replicas may together let
 * through (n-1) x one second's requests more.
 */
#ifndef RATELIMIT_H
#define RATELIMIT_H

#include "core/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITS_TENANTS_MAX 16384
#define LIMITS_WINDOWS     3

struct limits;
struct limits_verdict {
	bool counted; /* the tenant has limits: headers are sent */
	bool allowed;
	int64_t limit, remaining, reset_s; /* of the tightest window */
	int64_t wait_s; /* refused: until a request passes again, when nobody else asks */
};

struct limits *limits_new(void);
void limits_free(struct limits *l);
/* Counts one request of the tenant at `now_us` (wall clock) and says whether it may pass. Tiers:
 * standard, growth, unlimited. A refused request is not counted. */
struct limits_verdict limits_take(struct limits *l, const char *tenant_id, const char *tier,
				  int64_t now_us);
/* Counts taken here since the last call, as "tenant count" lines for the other replicas. */
void limits_drain(struct limits *l, struct buf *out);
/* Adds what another replica told. Malformed lines are skipped. */
void limits_merge(struct limits *l, const char *text, size_t len, int64_t now_us);
/* "60;w=60, 1000;w=3600, 10000;w=86400" for RateLimit-Policy; NULL for a tier without limits. */
const char *limits_policy(const char *tier);

#endif
