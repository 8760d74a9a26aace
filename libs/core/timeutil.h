/* Time is int64 microseconds since 1970-01-01T00:00:00Z; a day is days since that date. */
#ifndef CORE_TIMEUTIL_H
#define CORE_TIMEUTIL_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define US_PER_DAY    (24 * US_PER_HOUR)
#define TIME_TEXT_MAX 40

/* Wall clock in microseconds. */
int64_t time_now_us(void);
/* Monotonic clock in microseconds, for deadlines and durations. */
int64_t time_mono_us(void);
/* Sleeps until the monotonic time given (time_mono_us() + wait), signals notwithstanding; returns
 * at once when it is past. */
void time_sleep_us(int64_t mono_us);

/*
 * RFC 3339 in UTC with as many fraction digits as needed (0, 3 or 6). `out` holds TIME_TEXT_MAX.
 * Years 0001-9999; what lies outside gives "".
 */
void time_format(int64_t us, char *out);
/* Parses RFC 3339 (any offset, "t"/"z" too, up to 9 fraction digits, the last ones cut; leap second
 * :60 refused). */
bool time_parse(const char *s, int64_t *ret_us);
/* "YYYY-MM-DD"; proleptic Gregorian, years 0001-9999 ("" outside), days checked against the month.
 */
void date_format(int32_t days, char *out);
bool date_parse(const char *s, int32_t *ret_days);
/* Days since the epoch of a civil date, and back (algorithm: H. Hinnant, days_from_civil). */
int32_t days_from_civil(int y, int m, int d);
void civil_from_days(int32_t days, int *y, int *m, int *d);
/* The `Date` header of HTTP (RFC 9110 IMF-fixdate) as microseconds; false when malformed. */
bool http_date_parse(const char *s, int64_t *ret_us);

#endif
