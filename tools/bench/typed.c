/* Callers of serve.c by the generated caller, as the edge calls auth. */
#include "bench.h"

#include "access/access.h"
#include "contract/auth.h"
#include "svc/svc.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CALL_MS 5000

struct typed {
	char token[ACCESS_TOKEN_MAX];
	int callers, seconds;
	struct svc *svc;
	struct arena *arenas[BENCH_CALLERS_MAX];
	struct load_result result;
};

static bool list_once(void *arg, int caller)
{
	Auth__V1__ListBrandsRequest in = AUTH__V1__LIST_BRANDS_REQUEST__INIT;
	struct typed *t = arg;
	struct arena *a = t->arenas[caller];
	Auth__V1__ListBrandsReply *out = NULL;
	struct error err = { 0 };
	struct call call;
	bool good;

	svc_call_init(&call, t->svc, a, &err, t->token, NULL, NULL, CALL_MS);
	in.page_size = 50;
	good = auth_list_brands(&call, &in, &out) == ST_OK && out->n_brands > 0;
	if (!good)
		fprintf(stderr, "bench: %s\n", err.detail);
	arena_reset(a);
	return good;
}

/* The size of the answer, for the bare responder. */
static bool measure_answer(struct typed *t)
{
	Auth__V1__ListBrandsRequest in = AUTH__V1__LIST_BRANDS_REQUEST__INIT;
	Auth__V1__ListBrandsReply *out = NULL;
	struct error err = { 0 };
	struct call call;
	bool good;

	svc_call_init(&call, t->svc, t->arenas[0], &err, t->token, NULL, NULL, CALL_MS);
	in.page_size = 50;
	good = auth_list_brands(&call, &in, &out) == ST_OK;
	if (good)
		printf("ANSWER %zu\n", auth__v1__list_brands_reply__get_packed_size(out));
	else
		fprintf(stderr, "bench: %s\n", err.detail);
	arena_reset(t->arenas[0]);
	return good;
}

static enum status start(struct svc *svc, void *app, struct error *err)
{
	struct typed *t = app;
	struct load l = { t->callers, t->seconds, list_once, t };

	t->svc = svc;
	for (int i = 0; i < t->callers; i++) {
		t->arenas[i] = arena_new(CALL_ARENA_MAX);
		if (!t->arenas[i])
			return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	}
	if (!measure_answer(t) || !load_run(&l, &t->result))
		return error_set(err, ST_UNAVAILABLE, NULL, "the load could not run");
	load_print(&t->result);
	/* The runtime waits for this to take everything down again. */
	if (kill(getpid(), SIGTERM) != 0)
		return error_set(err, ST_INTERNAL, NULL, "cannot end");
	return ST_OK;
}

static void stop(struct svc *svc, void *app)
{
	struct typed *t = app;

	(void)svc;
	for (int i = 0; i < t->callers; i++)
		arena_free(t->arenas[i]);
}

static const struct svc_spec spec = {
	.name = "api-edge",
	.summary = "a caller of serve.c",
	.start = start,
	.stop = stop,
};

int bench_typed(int argc, char **argv)
{
	static struct typed t;
	FILE *f = fopen(argv[1], "re");
	bool read = f && fgets(t.token, sizeof(t.token), f);

	(void)argc;
	if (f)
		fclose(f);
	if (!read) {
		fprintf(stderr, "bench: %s cannot be read\n", argv[1]);
		return 1;
	}
	t.token[strcspn(t.token, "\n")] = '\0';
	t.callers = (int)bench_number("CALLERS", argv[2], 1, BENCH_CALLERS_MAX);
	t.seconds = (int)bench_number("SECONDS", argv[3], 1, 600);
	return svc_main(&spec, &t, 1, argv) == 0 && t.result.errors == 0 ? 0 : 1;
}
