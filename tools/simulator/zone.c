/*
 * The C library knows one zone at a time (TZ), so each question is asked under a lock. The
 * simulator asks rarely: at load, and for "today" in a request. Read next: clock.c.
 */
#include "zone.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONE_DIR      "/usr/share/zoneinfo"
#define ZONE_NAME_MAX 64

static pthread_mutex_t zone_lock = PTHREAD_MUTEX_INITIALIZER;
static char zone_current[ZONE_NAME_MAX + 2];

bool zone_known(const char *zone)
{
	char path[sizeof(ZONE_DIR) + ZONE_NAME_MAX + 2];

	if (zone[0] == '\0' || zone[0] == '/' || strlen(zone) > ZONE_NAME_MAX ||
	    strstr(zone, "..") != NULL)
		return false;
	snprintf(path, sizeof(path), "%s/%s", ZONE_DIR, zone);
	return access(path, R_OK) == 0;
}

/* Call with the lock held. */
static void use_zone(const char *zone)
{
	char value[ZONE_NAME_MAX + 2];

	snprintf(value, sizeof(value), ":%.*s", ZONE_NAME_MAX, zone);
	if (strcmp(value, zone_current) == 0)
		return;
	snprintf(zone_current, sizeof(zone_current), "%s", value);
	setenv("TZ", value, 1);
	tzset();
}

int32_t zone_offset_s(const char *zone, int64_t us)
{
	time_t t = (time_t)(us / US_PER_SECOND - (us % US_PER_SECOND < 0));
	struct tm tm = { 0 };

	pthread_mutex_lock(&zone_lock);
	use_zone(zone);
	localtime_r(&t, &tm);
	pthread_mutex_unlock(&zone_lock);
	return (int32_t)tm.tm_gmtoff;
}

int32_t zone_day(const char *zone, int64_t us)
{
	int64_t local = us + zone_offset_s(zone, us) * US_PER_SECOND;

	return (int32_t)(local / US_PER_DAY - (local % US_PER_DAY < 0));
}

int64_t zone_instant(const char *zone, int32_t day, int hour)
{
	int64_t local = day * US_PER_DAY + hour * US_PER_HOUR;
	int64_t before = local - zone_offset_s(zone, local - US_PER_DAY) * US_PER_SECOND;

	/* The offset of the day before holds until a clock change; after one, the offset at the
	 * guess itself. */
	if (zone_offset_s(zone, before) == zone_offset_s(zone, local - US_PER_DAY))
		return before;
	return local - zone_offset_s(zone, before) * US_PER_SECOND;
}
