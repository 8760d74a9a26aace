/* Callers of token-billing, as ai-insights calls it: a reservation and its settlement, on one
 * tenant's budget rows. Read next: services/token-billing/README.md. */
#include "bench.h"

#include "contract/token_billing.h"
#include "core/id.h"

#define CALL_MS 10000
#define MODEL   "claude-sonnet-5"

/* What a turn of a question reserves and uses. */
static bool reserve(struct call *call, char *brand, char *id)
{
	Billing__V1__ReserveRequest in = BILLING__V1__RESERVE_REQUEST__INIT;
	Billing__V1__TokenCounts most = BILLING__V1__TOKEN_COUNTS__INIT;
	Billing__V1__Reservation *out = NULL;

	most.cache_write_1h = 12000;
	most.output = 4096;
	in.reservation_id = id;
	in.brand_id = brand;
	in.model = (char *)MODEL;
	in.estimate = &most;
	return token_billing_reserve(call, &in, &out) == ST_OK && !out->unpriced;
}

static bool settle(struct call *call, char *brand, char *id)
{
	Billing__V1__SettleRequest in = BILLING__V1__SETTLE_REQUEST__INIT;
	Billing__V1__TokenCounts used = BILLING__V1__TOKEN_COUNTS__INIT;
	Billing__V1__Settlement *out = NULL;

	used.cache_read = 4257;
	used.cache_write_5m = 1915;
	used.output = 238;
	in.reservation_id = id;
	in.brand_id = brand;
	in.used = &used;
	return token_billing_settle(call, &in, &out) == ST_OK && out->cost_nano_usd > 0;
}

static bool pair_once(struct call *call, void *brand)
{
	char id[UUID_TEXT];

	uuid_v7(id);
	return reserve(call, brand, id) && settle(call, brand, id);
}

int bench_billing(int argc, char **argv)
{
	const struct bench_calls calls = {
		.name = "ai-insights",
		.summary = "a caller of token-billing",
		.call_ms = CALL_MS,
		.once = pair_once,
		.arg = argv[2],
	};

	(void)argc;
	return bench_calls(&calls, argv[1], argv[3], argv[4]);
}
