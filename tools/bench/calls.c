/*
 * Callers of a service by its generated caller, all with one token: load.c with a call's arena for
 * each. Read next: typed.c, billing.c.
 */
#include "bench.h"

#include <stdio.h>

struct calling {
	const struct bench_calls *calls;
	char token[ACCESS_TOKEN_MAX];
	int callers, seconds;
	struct svc *svc;
	struct arena *arenas[BENCH_CALLERS_MAX];
};

static bool make_call(struct calling *c, bench_call_fn *fn, int caller)
{
	struct arena *a = c->arenas[caller];
	struct error err = { 0 };
	struct call call;
	bool good;

	svc_call_init(&call, c->svc, a, &err, c->token, NULL, NULL, c->calls->call_ms);
	good = fn(&call, c->calls->arg);
	if (!good)
		fprintf(stderr, "bench: %s\n", err.detail);
	arena_reset(a);
	return good;
}

static bool once(void *arg, int caller)
{
	struct calling *c = arg;

	return make_call(c, c->calls->once, caller);
}

static bool run(struct svc *svc, void *arg)
{
	struct calling *c = arg;
	struct load l = { c->callers, c->seconds, once, c };
	struct load_result result;

	c->svc = svc;
	if (c->calls->first && !make_call(c, c->calls->first, 0))
		return false;
	if (!load_run(&l, &result)) {
		fprintf(stderr, "bench: the load could not run\n");
		return false;
	}
	load_print(&result);
	return result.errors == 0;
}

int bench_calls(const struct bench_calls *calls, const char *token_file, const char *callers,
		const char *seconds)
{
	static struct calling c;
	int code = 1;
	bool room = true;

	c.calls = calls;
	c.callers = (int)bench_number("CALLERS", callers, 1, BENCH_CALLERS_MAX);
	c.seconds = (int)bench_number("SECONDS", seconds, 1, 600);
	if (!bench_token(token_file, c.token))
		return 1;
	for (int i = 0; i < c.callers; i++)
		room = (c.arenas[i] = arena_new(CALL_ARENA_MAX)) && room;
	if (room)
		code = bench_as_service(calls->name, calls->summary, run, &c);
	else
		fprintf(stderr, "bench: out of memory\n");
	for (int i = 0; i < c.callers; i++)
		arena_free(c.arenas[i]);
	return code;
}
