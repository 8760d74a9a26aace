/*
 * See auth_fixture.h. Servers and programs are the test kit's; roles, users, permissions and
 * streams are made by pp-deploy, as everywhere else.
 */
#include "component/auth_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"

#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ARENA_MAX  ((size_t)64 * 1024 * 1024)
#define STEP_MS    60000
#define OUTPUT_MAX 65536
#define ARGS_MAX   8

/* ---- settings ---- */

/* A step that must succeed; what it prints, in the arena. */
static const char *deploy(struct world *w, const char *command, const char *a, const char *b)
{
	const char *argv[] = { tk_bin("pp-deploy"), command, w->dir, a, b, NULL };
	char *out = arena_alloc(w->arena, OUTPUT_MAX);

	INVARIANT(out != NULL);
	if (tk_run(argv, NULL, STEP_MS, out, OUTPUT_MAX) == 0)
		return out;
	fprintf(stderr, "pp-deploy %s failed: %s\n", command, out);
	INVARIANT(!"pp-deploy failed");
	return NULL;
}

static const char *write_setting(struct world *w, const char *file, const char *text)
{
	return tk_write_file(arena_printf(w->arena, "world/%s", file), text);
}

static void load_env(struct world *w, const char *user, struct tk_env *env)
{
	const char *text = deploy(w, "env", user, NULL);

	*env = (struct tk_env){ 0 };
	tk_env_load(env, write_setting(w, arena_printf(w->arena, "%s.env", user), text));
}

static const char *env_get(struct world *w, const struct tk_env *env, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return arena_strdup(w->arena, env->v[i] + len + 1);
	INVARIANT(!"a setting is missing");
	return NULL;
}

static struct bus *bus_as(struct world *w, const char *user)
{
	struct error err = { 0 };
	struct bus *bus = NULL;
	struct bus_config cfg = { .name = user };
	struct tk_env env;

	load_env(w, user, &env);
	cfg.url = env_get(w, &env, "PP_NATS_URL");
	cfg.user = env_get(w, &env, "PP_NATS_USER");
	cfg.seed_file = env_get(w, &env, "PP_NATS_SEED_FILE");
	cfg.inbox_prefix = arena_printf(w->arena, "_INBOX_%s", user);
	tk_env_done(&env);
	if (bus_open(&bus, &cfg, &err) != ST_OK)
		fprintf(stderr, "bus as %s: %s\n", user, err.detail);
	INVARIANT(bus != NULL);
	return bus;
}

/* ---- the stack ---- */

/* "host=/a port=1 user=..." as the settings file that pp-deploy reads. */
static void write_pg_settings(struct world *w, const char *conninfo)
{
	const char *host = strstr(conninfo, "host="), *port = strstr(conninfo, "port=");

	INVARIANT(host && port);
	host += strlen("host=");
	port += strlen("port=");
	write_setting(w, "pg.env",
		      arena_printf(w->arena, "PGHOST=%.*s\nPGPORT=%.*s\nPGUSER=postgres\n",
				   (int)strcspn(host, " "), host, (int)strcspn(port, " "), port));
	w->pg = arena_printf(w->keep, "host=%.*s port=%.*s user=postgres dbname=pulsepoint",
			     (int)strcspn(host, " "), host, (int)strcspn(port, " "), port);
}

static void start_servers(struct world *w)
{
	struct tk_pg *pg = tk_pg_open(true); /* alone: it gets roles */

	w->dir = arena_printf(w->keep, "%s/world", tk_dir());
	INVARIANT(mkdir(w->dir, 0755) == 0);
	deploy(w, "keys", NULL, NULL);
	w->nats = tk_nats_open(
		deploy(w, "nats-conf", arena_printf(w->arena, "%s/unused", w->dir), "4222"), NULL);
	write_setting(w, "nats.env", arena_printf(w->arena, "NATS_URL=%s\n", tk_nats_url(w->nats)));
	write_pg_settings(w, tk_pg_conninfo(pg));
	deploy(w, "roles", tk_pg_conninfo(pg), NULL);
	deploy(w, "streams", NULL, NULL);
}

int world_run(struct world *w, char *out, size_t cap, const char *const *flags)
{
	const char *argv[ARGS_MAX] = { arena_strdup(w->arena, tk_bin("auth")) };
	struct tk_env env;
	int n = 1, code;

	while (*flags && n < ARGS_MAX - 1)
		argv[n++] = *flags++;
	load_env(w, "auth", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "2");
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
	const char *argv[] = { arena_strdup(w->arena, tk_bin("auth")), NULL };
	struct tk_proc *p;
	struct tk_env env;

	load_env(w, "auth", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "0");
	tk_env_set(&env, name, value);
	p = tk_spawn(argv, &env);
	tk_env_done(&env);
	if (!tk_wait_logged(p, "service.started", WORLD_WAIT_MS) ||
	    !tk_wait_until(answers, w, WORLD_WAIT_MS))
		fprintf(stderr, "auth did not start, see %s\n", tk_proc_log(p));
	INVARIANT(tk_proc_running(p));
	return p;
}

int world_end(struct tk_proc *p)
{
	return tk_proc_stop(p, WORLD_WAIT_MS);
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
	char out[4096];

	*w = (struct world){ .arena = arena_new(ARENA_MAX), .keep = arena_new(ARENA_MAX) };
	INVARIANT(w->arena && w->keep);
	start_servers(w);
	if (world_run(w, out, sizeof(out), (const char *const[]){ "--migrate", NULL }) != 0) {
		fprintf(stderr, "%s\n", out);
		INVARIANT(!"auth --migrate failed");
	}
	w->super = PQconnectdb(w->pg);
	INVARIANT(PQstatus(w->super) == CONNECTION_OK);
	w->edge = bus_as(w, "api-edge");
	w->ingest = bus_as(w, "ingest-shopify");
	w->own = bus_as(w, "auth");
	w->auth = world_spawn(w);
	first_operator(w);
}

void world_stop(struct world *w)
{
	int code = world_end(w->auth);

	bus_close(w->edge, 1000);
	bus_close(w->ingest, 1000);
	bus_close(w->own, 1000);
	PQfinish(w->super);
	arena_free(w->arena);
	arena_free(w->keep);
	INVARIANT(code == 0);
}

void world_fresh(struct world *w)
{
	arena_reset(w->arena);
}

void world_streams(struct world *w)
{
	deploy(w, "streams", NULL, NULL);
}
