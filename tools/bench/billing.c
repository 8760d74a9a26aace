/* Callers of token-billing, as ai-insights calls it: a reservation and its settlement, on one
 * tenant's budget rows. Read next: services/token-billing/README.md. */
#include "bench.h"

#include "access/access.h"
#include "contract/token_billing.h"
#include "core/id.h"
#include "svc/svc.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CALL_MS 10000
#define MODEL   "claude-sonnet-5"

struct billing_bench {
	char token[ACCESS_TOKEN_MAX];
	char *brand;
	int callers, seconds;
	struct svc *svc;
	struct arena *arenas[BENCH_CALLERS_MAX];
	struct load_result result;
};

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

static bool pair_once(void *arg, int caller)
{
	struct billing_bench *b = arg;
	struct arena *a = b->arenas[caller];
	struct error err = { 0 };
	char id[UUID_TEXT];
	struct call call;
	bool good;

	uuid_v7(id);
	svc_call_init(&call, b->svc, a, &err, b->token, NULL, NULL, CALL_MS);
	good = reserve(&call, b->brand, id) && settle(&call, b->brand, id);
	if (!good)
		fprintf(stderr, "bench: %s\n", err.detail);
	arena_reset(a);
	return good;
}

static enum status start(struct svc *svc, void *app, struct error *err)
{
	struct billing_bench *b = app;
	struct load l = { b->callers, b->seconds, pair_once, b };

	b->svc = svc;
	for (int i = 0; i < b->callers; i++) {
		b->arenas[i] = arena_new(CALL_ARENA_MAX);
		if (!b->arenas[i])
			return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	}
	if (!load_run(&l, &b->result))
		return error_set(err, ST_UNAVAILABLE, NULL, "the load could not run");
	load_print(&b->result);
	/* The runtime waits for this to take everything down again. */
	if (kill(getpid(), SIGTERM) != 0)
		return error_set(err, ST_INTERNAL, NULL, "cannot end");
	return ST_OK;
}

static void stop(struct svc *svc, void *app)
{
	struct billing_bench *b = app;

	(void)svc;
	for (int i = 0; i < b->callers; i++)
		arena_free(b->arenas[i]);
}

static const struct svc_spec spec = {
	.name = "ai-insights",
	.summary = "a caller of token-billing",
	.start = start,
	.stop = stop,
};

int bench_billing(int argc, char **argv)
{
	static struct billing_bench b;
	FILE *f = fopen(argv[1], "re");
	bool read = f && fgets(b.token, sizeof(b.token), f);

	(void)argc;
	if (f)
		fclose(f);
	if (!read) {
		fprintf(stderr, "bench: %s cannot be read\n", argv[1]);
		return 1;
	}
	b.token[strcspn(b.token, "\n")] = '\0';
	b.brand = argv[2];
	b.callers = (int)bench_number("CALLERS", argv[3], 1, BENCH_CALLERS_MAX);
	b.seconds = (int)bench_number("SECONDS", argv[4], 1, 600);
	return svc_main(&spec, &b, 1, argv) == 0 && b.result.errors == 0 ? 0 : 1;
}
