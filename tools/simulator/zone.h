/* Days and wall times in the shop's time zone, from the system's tz database. Thread-safe. */
#ifndef SIM_ZONE_H
#define SIM_ZONE_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

/* True when the tz database has a zone of that name. */
bool zone_known(const char *zone);
/* The day (since 1970-01-01) that instant has in `zone`. */
int32_t zone_day(const char *zone, int64_t us);
/* Seconds east of UTC in `zone` at that instant. */
int32_t zone_offset_s(const char *zone, int64_t us);
/* The instant of `hour`:00 of a day in `zone` (the earlier one where a clock change doubles it). */
int64_t zone_instant(const char *zone, int32_t day, int hour);

#endif
