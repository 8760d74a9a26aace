/*
 * Times and dates without libc's zone functions, which read files and environment. Civil dates
 * follow H. Hinnant, "chrono-compatible low-level date algorithms" (days_from_civil,
 * civil_from_days).
 */
#include "core/timeutil.h"

#include "core/magic.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define DAY_FIRST (-719162) /* 0001-01-01 */
#define DAY_LAST  2932896   /* 9999-12-31 */

static int64_t clock_us(clockid_t id)
{
	struct timespec ts;

	INVARIANT(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

int64_t time_now_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t time_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

void time_sleep_us(int64_t mono_us)
{
	struct timespec until = {
		.tv_sec = mono_us / US_PER_SECOND,
		.tv_nsec = (long)(mono_us % US_PER_SECOND) * 1000,
	};

	if (mono_us <= 0)
		return;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

int32_t days_from_civil(int y, int m, int d)
{
	int era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

void civil_from_days(int32_t days, int *y, int *m, int *d)
{
	int64_t z = (int64_t)days + 719468;
	int era = (int)((z >= 0 ? z : z - 146096) / 146097);
	int doe = (int)(z - (int64_t)era * 146097);
	int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = yoe + era * 400 + (*m <= 2);
}

/* Writes `n` digits of value at `out`; returns where the next character goes. Printing a page of
 * rows prints hundreds of times, and this is several times as fast as printf. */
static char *put_digits(char *out, int n, int value)
{
	for (int i = n - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + n;
}

static char *put_date(char *out, int32_t days)
{
	int y, m, d;

	civil_from_days(days, &y, &m, &d);
	out = put_digits(out, 4, y);
	*out++ = '-';
	out = put_digits(out, 2, m);
	*out++ = '-';
	return put_digits(out, 2, d);
}

static char *put_clock(char *out, int seconds)
{
	out = put_digits(out, 2, seconds / 3600);
	*out++ = ':';
	out = put_digits(out, 2, seconds / 60 % 60);
	*out++ = ':';
	return put_digits(out, 2, seconds % 60);
}

void date_format(int32_t days, char *out)
{
	if (days >= DAY_FIRST && days <= DAY_LAST)
		out = put_date(out, days);
	*out = '\0';
}

void time_format(int64_t us, char *out)
{
	int64_t days = us / US_PER_DAY;
	int64_t rest = us % US_PER_DAY;
	int fraction;

	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	out[0] = '\0';
	if (days < DAY_FIRST || days > DAY_LAST)
		return;
	fraction = (int)(rest % US_PER_SECOND);
	out = put_date(out, (int32_t)days);
	*out++ = 'T';
	out = put_clock(out, (int)(rest / US_PER_SECOND));
	if (fraction != 0)
		*out++ = '.';
	if (fraction % 1000 != 0)
		out = put_digits(out, 6, fraction);
	else if (fraction != 0)
		out = put_digits(out, 3, fraction / 1000);
	*out++ = 'Z';
	*out = '\0';
}

/* Reads exactly `n` digits at *s into [min,max] and steps over them. */
static bool take_number(const char **s, int n, int min, int max, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if ((*s)[i] < '0' || (*s)[i] > '9')
			return false;
		value = value * 10 + ((*s)[i] - '0');
	}
	if (value < min || value > max)
		return false;
	*s += n;
	*ret = value;
	return true;
}

static bool take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static int days_in_month(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	return days[m - 1] + (m == 2 && leap);
}

static bool take_date(const char **s, int32_t *ret)
{
	int y, m, d;

	if (!take_number(s, 4, 1, 9999, &y) || !take_char(s, '-') ||
	    !take_number(s, 2, 1, 12, &m) || !take_char(s, '-') ||
	    !take_number(s, 2, 1, days_in_month(y, m), &d))
		return false;
	*ret = days_from_civil(y, m, d);
	return true;
}

/* "HH:MM:SS" as seconds of the day. */
static bool take_clock(const char **s, int *ret)
{
	int h, m, sec;

	if (!take_number(s, 2, 0, 23, &h) || !take_char(s, ':') || !take_number(s, 2, 0, 59, &m) ||
	    !take_char(s, ':') || !take_number(s, 2, 0, 59, &sec))
		return false;
	*ret = h * 3600 + m * 60 + sec;
	return true;
}

/* ".123456789" as microseconds; nothing there is 0. */
static bool take_fraction(const char **s, int *ret)
{
	int value = 0, n = 0;

	*ret = 0;
	if (!take_char(s, '.'))
		return true;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if (n++ < 6)
			value = value * 10 + (**s - '0');
	}
	if (n < 1 || n > 9)
		return false;
	for (; n < 6; n++)
		value *= 10;
	*ret = value;
	return true;
}

/* "Z" or "+01:00" as seconds east of UTC. */
static bool take_offset(const char **s, int *ret)
{
	int sign, h, m;

	*ret = 0;
	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	sign = take_char(s, '-') ? -1 : take_char(s, '+') ? 1 : 0;
	if (sign == 0 || !take_number(s, 2, 0, 23, &h) || !take_char(s, ':') ||
	    !take_number(s, 2, 0, 59, &m))
		return false;
	*ret = sign * (h * 3600 + m * 60);
	return true;
}

bool time_parse(const char *s, int64_t *ret_us)
{
	int seconds, fraction, offset;
	int32_t days;
	int64_t us;

	if (s == NULL || !take_date(&s, &days) || (!take_char(&s, 'T') && !take_char(&s, 't')) ||
	    !take_clock(&s, &seconds) || !take_fraction(&s, &fraction) ||
	    !take_offset(&s, &offset) || *s != '\0')
		return false;
	us = days * US_PER_DAY + (seconds - offset) * US_PER_SECOND + fraction;
	/* An offset can push the first or last day out of the years that time_format can say. */
	if (us < DAY_FIRST * US_PER_DAY || us >= (DAY_LAST + 1) * US_PER_DAY)
		return false;
	*ret_us = us;
	return true;
}

bool date_parse(const char *s, int32_t *ret_days)
{
	int32_t days;

	if (s == NULL || !take_date(&s, &days) || *s != '\0')
		return false;
	*ret_days = days;
	return true;
}

/* One of n three-letter names; its index in `ret`. */
static bool take_name(const char **s, const char *names, int n, int *ret)
{
	for (int i = 0; i < n; i++) {
		if (strncmp(*s, names + 3 * i, 3) == 0) {
			*s += 3;
			*ret = i;
			return true;
		}
	}
	return false;
}

bool http_date_parse(const char *s, int64_t *ret_us)
{
	int weekday, d, m, y, seconds;
	int32_t days;

	if (s == NULL || !take_name(&s, "ThuFriSatSunMonTueWed", 7, &weekday) ||
	    !take_char(&s, ',') || !take_char(&s, ' ') || !take_number(&s, 2, 1, 31, &d) ||
	    !take_char(&s, ' ') || !take_name(&s, "JanFebMarAprMayJunJulAugSepOctNovDec", 12, &m) ||
	    !take_char(&s, ' ') || !take_number(&s, 4, 1, 9999, &y) || !take_char(&s, ' ') ||
	    !take_clock(&s, &seconds) || strcmp(s, " GMT") != 0)
		return false;
	if (d > days_in_month(y, m + 1))
		return false;
	days = days_from_civil(y, m + 1, d);
	/* Day 0 was a Thursday; a header that contradicts itself is not believed. */
	if (((days % 7) + 7) % 7 != weekday)
		return false;
	*ret_us = days * US_PER_DAY + seconds * US_PER_SECOND;
	return true;
}
