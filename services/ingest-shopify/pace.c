/* See pace.h. */
#include "pace.h"

#include "core/timeutil.h"

#define WAIT_MAX_US (120 * US_PER_SECOND)

void pace_note(struct pace *p, const struct query_cost *c, int64_t now_us)
{
	if (!c->known)
		return;
	*p = (struct pace){ true, c->available, c->maximum, c->restore, now_us };
}

int64_t pace_wait(const struct pace *p, int64_t cost, int64_t now_us)
{
	int64_t missing, wait;

	if (!p->known)
		return 0;
	if (cost > p->maximum)
		cost = p->maximum;
	missing = cost - p->available;
	if (missing <= 0)
		return 0;
	wait = (missing * US_PER_SECOND + p->restore - 1) / p->restore - (now_us - p->at_us);
	if (wait <= 0)
		return 0;
	return wait < WAIT_MAX_US ? wait : WAIT_MAX_US;
}
