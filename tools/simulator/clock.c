/* The simulated clock; see clock.h. Read next: dataset.c, which says where it starts. */
#include "clock.h"

#include "core/timeutil.h"

#include <stdio.h>

void clock_set(struct sim_clock *c, int64_t now_us)
{
	atomic_store(&c->offset_us, now_us - time_mono_us());
}

void clock_advance(struct sim_clock *c, int64_t by_us)
{
	atomic_fetch_add(&c->offset_us, by_us);
}

int64_t clock_now(const struct sim_clock *c)
{
	return time_mono_us() + atomic_load(&c->offset_us);
}

void clock_http_date(int64_t us, char out[HTTP_DATE_TEXT])
{
	static const char days[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int32_t day = (int32_t)(us / US_PER_DAY - (us % US_PER_DAY < 0));
	unsigned s = (unsigned)((us - day * US_PER_DAY) / US_PER_SECOND);
	int y = 0, m = 0, d = 0;

	civil_from_days(day, &y, &m, &d);
	snprintf(out, HTTP_DATE_TEXT, "%s, %02u %s %04u %02u:%02u:%02u GMT",
		 days[((day % 7) + 7) % 7], (unsigned)d % 100, months[m - 1], (unsigned)y % 10000,
		 s / 3600 % 24, s / 60 % 60, s % 60);
}
