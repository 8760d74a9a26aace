/* When a failed delivery is tried again. See deliver.h. */
#include "deliver.h"

#include "core/id.h"
#include "core/timeutil.h"

/* After the first failure, the second ...: 3 hours and 56 minutes in all. */
static const int64_t waits_s[DELIVER_ATTEMPTS - 1] = {
	2, 10, 60, 300, 1200, 3600, DELIVER_WAIT_MAX_S,
};

/* Many channels fail at once when a network does; they need not come back at once. */
static int64_t up_to_a_tenth(int64_t us)
{
	uint32_t r;

	random_bytes(&r, sizeof(r));
	return us + (int64_t)((uint64_t)(us / 10) * r / UINT32_MAX);
}

static int64_t at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t capped(int64_t us, int64_t cap_ms)
{
	return cap_ms > 0 && us > cap_ms * 1000 ? cap_ms * 1000 : us;
}

void deliver_failed(int attempts, int64_t age_us, int channel_failures, int retry_after_s,
		    int64_t cap_ms, struct attempt *ret)
{
	int64_t after = retry_after_s < DELIVER_AFTER_MAX_S ? retry_after_s : DELIVER_AFTER_MAX_S;
	int64_t rest = DELIVER_REST_MAX_S;

	ret->failures = channel_failures + 1;
	if (ret->failures < 6)
		rest = INT64_C(1) << ret->failures;
	ret->rest_us = at_least(capped(rest * US_PER_SECOND, cap_ms), after * US_PER_SECOND);
	ret->wait_us = 0;
	ret->state = DELIVERY_FAILED;
	if (attempts >= DELIVER_ATTEMPTS || age_us > DELIVER_AGE_MAX_S * US_PER_SECOND)
		return;
	ret->state = DELIVERY_WAITING;
	ret->wait_us =
		at_least(capped(up_to_a_tenth(waits_s[attempts - 1] * US_PER_SECOND), cap_ms),
			 after * US_PER_SECOND);
}
