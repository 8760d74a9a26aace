/*
 * What the tests of observability add to the world: the program as a process, and this test in the
 * places of the services that send it telemetry. Read next: telemetry_fixture.c,
 * test_observability_*.c, alerts_fixture.h.
 */
#ifndef COMPONENT_TELEMETRY_FIXTURE_H
#define COMPONENT_TELEMETRY_FIXTURE_H

#include "component/world.h"
#include "contract/observability.h"
#include "pulsepoint/telemetry.pb-c.h"

#include <stdint.h>

/* Starts all of it. Fails hard: no test can run without. */
void tw_start(struct world *w);
void tw_stop(struct world *w);
/* kill -9, and a new process that is ready. */
void tw_kill(struct world *w);
void tw_start_service(struct world *w);

/* ---- telemetry ---- */

/* A row whose method is "M<n>", with ids of its own. In the arena. */
Pulsepoint__RequestRow *tw_row(struct world *w, const char *tenant, int n);
/* Publishes a page as that service; the counts as libs/svc tells them. */
void tw_page(struct world *w, const char *service, const char *instance, uint64_t page,
	     uint64_t emitted, uint64_t dropped, Pulsepoint__RequestRow **rows, size_t n);
/* Publishes bytes on the service's telemetry subject. */
void tw_page_bytes(struct world *w, const char *service, const char *id, const void *data,
		   size_t len);

/* ---- calls ---- */

struct reply tw_call(struct world *w, const char *token, enum observability_method method,
		     const void *in);
/* The same; anything but ST_OK fails the test. */
const void *tw_must(struct world *w, const char *token, enum observability_method method,
		    const void *in);

#endif
