/*
 * What the tests of alerts share: PostgreSQL, nats-server, streams and users as the deploy step
 * makes them, one or two copies of observability as processes, a receiver of webhooks, and this
 * test in the places of observability's neighbours: auth (keys of tokens, tenants), api-edge
 * (telemetry, calls), ai-insights and token-billing (events). Read next: alerts_fixture.c,
 * alerts_receiver.c, test_alerts_*.c.
 */
#ifndef COMPONENT_ALERTS_FIXTURE_H
#define COMPONENT_ALERTS_FIXTURE_H

#include "component/telemetry_fixture.h"
#include "contract/observability_events.h"

#include <stdbool.h>
#include <stdint.h>

#define AL_COPIES 2
#define AL_RULES  4 /* that every tenant begins with */

/* Starts servers, receiver and the first copy. Fails hard: no test can run without. */
void al_start(struct world *w);
void al_stop(struct world *w);
/* Forgets the answers of the test before. */
void al_fresh(struct world *w);
void al_copy_start(struct world *w, int i);
/* SIGTERM and its exit code, which must be 0; kill -9. */
void al_copy_stop(int i);
void al_copy_kill(int i);
bool al_copy_runs(int i);
/* PP_WEBHOOK_PRIVATE of copies started from now on; "allow" at first. */
void al_private_hooks(const char *how);

/* ---- who asks ---- */

struct al_tenant {
	char id[UUID_TEXT];
	const char *admin; /* token; lives until al_fresh */
};
/* A tenant that auth has told of, with its default rules. */
void al_tenant(struct world *w, struct al_tenant *t);

/* ---- causes ---- */

/* Telemetry of api-edge: `ok` requests answered with 200 and `failed` with 500, of that duration.
 * At most 1,000 in all. */
void al_requests(struct world *w, const char *tenant, int ok, int failed, uint32_t duration_us);
/* The same for n tenants in one page. */
void al_requests_of(struct world *w, const char *const *tenants, int n, int ok, int failed);
void al_cost(struct world *w, const char *tenant, int64_t nano_usd);
/* An answer to a question (a fresh one when `question` is ""), traced or not. */
void al_answer(struct world *w, const char *tenant, char question[UUID_TEXT], bool traced);
void al_feedback(struct world *w, const char *tenant, const char *question, const char *user,
		 unsigned rating, uint64_t version);

/* ---- calls ---- */

/* `key`: Idempotency-Key, NULL for none. */
struct reply al_call(struct world *w, const char *token, const char *key,
		     enum observability_method method, const void *in);
/* The tenant's rule of that name. */
const Observability__V1__AlertRule *al_rule(struct world *w, const struct al_tenant *t,
					    const char *name);
/* The first page of its alerts, as a viewer sees them. */
const Observability__V1__ListAlertsReply *al_alerts(struct world *w, const struct al_tenant *t);
void al_assert_decimal(const Pulsepoint__Decimal *d, int64_t units, uint32_t scale);
/* Waits until that rule is in the condition. */
void al_until(struct world *w, const struct al_tenant *t, const char *name,
	      Observability__V1__RuleCondition condition);
/* A rule on the error rate over 10 s: above `percent` fires, at or below `recovery` resolves. */
const char *al_error_rule(struct world *w, const struct al_tenant *t, const char *name, int percent,
			  int recovery, uint32_t for_s);
/* A tenant with a rule of that name that half of the requests must fail for; makes it fire, or
 * resolve, by few samples, so that only this rule sees them. */
#define AL_HALF "half fail"
void al_tenant_with_rule(struct world *w, struct al_tenant *t);
void al_fire(struct world *w, const struct al_tenant *t);
void al_resolve(struct world *w, const struct al_tenant *t);
/* A webhook to the receiver's path "/<name>"; its channel with the secret. */
const Observability__V1__AlertChannel *al_channel(struct world *w, const struct al_tenant *t,
						  const char *name);

/* Sets of changes, deliveries and events of a tenant ("" for all) are the same, each change once,
 * fired and resolved in turn for each rule. How many. */
int64_t al_check_changes(struct world *w, const char *tenant);
/* Waits until nothing is left to deliver. */
void al_delivered(struct world *w, const char *tenant);

/* ---- the receiver: alerts_receiver.c ---- */

#define HOOK_BODY_MAX 2048
struct hook {
	char path[64], notice_id[64], signature[128];
	char body[HOOK_BODY_MAX];
	int64_t at_us;
};
#define HOOKS_MAX 60000
void hooks_start(void);
void hooks_stop(void);
/* "http://127.0.0.1:<port>" */
const char *hooks_url(void);
/* What a path answers from now on: its first `times` requests (-1: all) with that code, after so
 * long, with Retry-After when above 0; the others with 200. */
void hooks_answer(const char *path, int code, int times, int delay_ms, int retry_after_s);
/* Requests of that path are kept and not answered until another path, or "", is named. */
void hooks_hold(const char *path);
/* Number of requests of the path (NULL: all) so far, and number i of them. */
int hooks_count(const char *path);
const struct hook *hooks_get(const char *path, int i);
/* Waits for as many. */
void hooks_wait(const char *path, int n);
/* Distinct notice ids of all that came. */
int hooks_distinct(void);
void hooks_forget(void);
/* Whether the signature is that of the body under the secret, by OpenSSL. */
bool hook_signed(const struct hook *h, const char *secret);

#endif
