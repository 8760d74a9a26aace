/* Callers of serve.c by the generated caller, as the edge calls auth. */
#include "bench.h"

#include "contract/auth.h"

#include <stdio.h>

#define CALL_MS 5000

static bool list(struct call *call, Auth__V1__ListBrandsReply **out)
{
	Auth__V1__ListBrandsRequest in = AUTH__V1__LIST_BRANDS_REQUEST__INIT;

	in.page_size = 50;
	return auth_list_brands(call, &in, out) == ST_OK;
}

static bool list_once(struct call *call, void *arg)
{
	Auth__V1__ListBrandsReply *out = NULL;

	(void)arg;
	return list(call, &out) && out->n_brands > 0;
}

/* The size of the answer, for the bare responder. */
static bool measure_answer(struct call *call, void *arg)
{
	Auth__V1__ListBrandsReply *out = NULL;

	(void)arg;
	if (!list(call, &out))
		return false;
	printf("ANSWER %zu\n", auth__v1__list_brands_reply__get_packed_size(out));
	return true;
}

int bench_typed(int argc, char **argv)
{
	static const struct bench_calls calls = {
		.name = "api-edge",
		.summary = "a caller of serve.c",
		.call_ms = CALL_MS,
		.first = measure_answer,
		.once = list_once,
	};

	(void)argc;
	return bench_calls(&calls, argv[1], argv[2], argv[3]);
}
