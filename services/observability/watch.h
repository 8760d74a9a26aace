/*
 * Alerts as they change, for streams. The changes of a tenant are numbered in the order of their
 * commits, so a stream is a place in them; it asks for what is behind it whenever the tenant's
 * latest number has grown. One thread of the process asks for those numbers, of all tenants that
 * are watched, every WATCH_LOOK_MS: so a change by another copy is seen as fast as one of our own.
 * Read next: watch.c.
 */
#ifndef OBSERVABILITY_WATCH_H
#define OBSERVABILITY_WATCH_H

#include "core/status.h"

#include <stdint.h>

/* Of a process. A watcher keeps one of its workers, so it is at most half of them as well. */
#define WATCHERS_MAX        32
#define WATCHERS_TENANT_MAX 8 /* of one tenant, so that others find room */
#define WATCH_LOOK_MS       100
#define WATCH_WAIT_MS       250 /* a cancelled watcher notices by then */
#define WATCH_PAGE          64  /* changes read at once */
#define WATCH_RETRY_AFTER_S 5

struct svc;
struct watch;
enum status watch_start(struct svc *svc, struct watch **ret, struct error *err) MUST_USE;
void watch_stop(struct watch *w); /* accepts NULL; no watcher may be left */
/* Look at once: this copy made a change. */
void watch_wake(struct watch *w);

#endif
