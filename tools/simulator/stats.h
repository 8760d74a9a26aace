/* What was asked and served, for the tests: counters per endpoint, and how often each page was
 * fetched. Thread-safe. */
#ifndef SIM_STATS_H
#define SIM_STATS_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define STATS_ENDPOINTS_MAX 64
#define STATS_PAGES_MAX     20000
#define STATS_KEY_MAX       600

enum stat { STAT_REQUESTS, STAT_PAGES, STAT_THROTTLED, STAT_FAULTS, STAT_COUNT };

struct stats;

struct stats *stats_new(void);
void stats_free(struct stats *s);
void stats_add(struct stats *s, const char *provider, const char *endpoint, enum stat what);
/* Counts a page served under its cursor (what tells it from other pages of that endpoint). */
void stats_page(struct stats *s, const char *provider, const char *endpoint, const char *cursor);
/* The counters as a JSON object; with `pages` also each page and how often it was fetched. */
void stats_write(struct stats *s, struct buf *out, bool pages);

#endif
