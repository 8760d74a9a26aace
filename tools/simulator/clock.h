/* The simulated clock: a fixed distance from the monotonic clock, so that lifetimes pass in real
 * time. */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#define HTTP_DATE_TEXT 32

struct sim_clock {
	_Atomic int64_t offset_us; /* simulated now minus monotonic now */
};

/* From now on the clock shows `now_us` (UTC microseconds) and goes on from there. */
void clock_set(struct sim_clock *c, int64_t now_us);
void clock_advance(struct sim_clock *c, int64_t by_us);
int64_t clock_now(const struct sim_clock *c);
/* `us` as IMF-fixdate (RFC 9110), e.g. "Fri, 09 Dec 2011 20:00:00 GMT". */
void clock_http_date(int64_t us, char out[HTTP_DATE_TEXT]);

#endif
