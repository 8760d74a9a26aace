/* See auth_fixture.h. */
#include "component/auth_fixture.h"

#include "core/magic.h"

#include <stdio.h>
#include <string.h>

#define STEP_MS  60000
#define ARGS_MAX 8

int world_run(struct world *w, char *out, size_t cap, const char *const *flags)
{
	const char *argv[ARGS_MAX] = { NULL };
	struct tk_env env;
	int n = 1, code;

	while (*flags && n < ARGS_MAX - 1)
		argv[n++] = *flags++;
	world_env(w, "auth", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "2");
	argv[0] = tk_bin("auth");
	code = tk_run(argv, &env, STEP_MS, out, cap);
	tk_env_done(&env);
	return code;
}

static bool answers(void *arg)
{
	const Pulsepoint__Empty in = PULSEPOINT__EMPTY__INIT;
	struct world *w = arg;

	return world_call(w, (struct caller){ 0 }, AUTH_JWKS, &in).status == ST_OK;
}

struct tk_proc *world_spawn(struct world *w)
{
	return world_spawn_with(w, "PP_LOG_LEVEL", "0");
}

struct tk_proc *world_spawn_with(struct world *w, const char *name, const char *value)
{
	struct tk_proc *p;
	struct tk_env env;

	world_env(w, "auth", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "0");
	tk_env_set(&env, name, value);
	p = world_program(w, "auth", &env);
	if (!tk_wait_until(answers, w, WORLD_LIMIT_MS))
		fprintf(stderr, "auth does not answer, see %s\n", tk_proc_log(p));
	INVARIANT(tk_proc_running(p));
	return p;
}

int world_end(struct tk_proc *p)
{
	return tk_proc_stop(p, WORLD_LIMIT_MS);
}

static void first_operator(struct world *w)
{
	Auth__V1__ExchangeKeyRequest in = AUTH__V1__EXCHANGE_KEY_REQUEST__INIT;
	char key[256];
	struct reply r;

	INVARIANT(world_run(w, key, sizeof(key), (const char *const[]){ "--bootstrap", NULL }) ==
		  0);
	key[strcspn(key, "\n")] = '\0';
	in.api_key = key;
	r = world_call(w, (struct caller){ 0 }, AUTH_EXCHANGE_KEY, &in);
	if (r.status != ST_OK)
		fprintf(stderr, "ExchangeKey: %s %s\n", status_name(r.status), r.detail);
	INVARIANT(r.status == ST_OK);
	w->operator_token = arena_strdup(w->keep, ((const Auth__V1__Tokens *)r.out)->access_token);
}

void world_start(struct world *w)
{
	world_open(w);
	world_migrate(w, "auth");
	world_bus(w, "ingest-shopify");
	world_bus(w, "auth");
	w->auth = world_spawn(w);
	first_operator(w);
}

void world_stop(struct world *w)
{
	int code = world_end(w->auth);

	world_close(w);
	INVARIANT(code == 0);
}
