/* See auth_fixture.h. The stack is the one of demo and bench: deploy/local/stack.sh and pp-deploy.
 */
#include "component/auth_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"

#include <fcntl.h>
#include <ftw.h>
#include <postgresql/libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA_MAX   (64 * 1024 * 1024)
#define LOOK_US     20000
#define ENV_MAX     64
#define OUTPUT_MAX  65536
#define ARGS_MAX    16
#define SETTING_MAX 600

static struct world *the_world;

/* ---- processes ---- */

/* Reads to the end; what does not fit is dropped. */
static void read_all(int fd, char *out, size_t cap)
{
	char drop[512];
	size_t n = 0;
	ssize_t got;

	while ((got = n + 1 < cap ? read(fd, out + n, cap - 1 - n) : read(fd, drop, sizeof(drop))) >
	       0)
		if (n + 1 < cap)
			n += (size_t)got;
	out[n] = '\0';
}

static int run(struct world *w, char *out, size_t cap, char *const *argv, char *const *env)
{
	int fds[2], code = 0;
	pid_t pid;

	INVARIANT(pipe(fds) == 0);
	pid = fork();
	INVARIANT(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		if (chdir(w->root) != 0)
			_exit(126);
		if (env)
			execvpe(argv[0], argv, env);
		else
			execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	read_all(fds[0], out, cap);
	close(fds[0]);
	INVARIANT(waitpid(pid, &code, 0) == pid);
	return WIFEXITED(code) ? WEXITSTATUS(code) : 128;
}

/* A step of the stack, which must succeed; its output when somebody wants it. */
static void step(struct world *w, char *out, size_t cap, const char *const *argv)
{
	char mine[4096];
	int code = run(w, out ? out : mine, out ? cap : sizeof(mine), (char *const *)argv, NULL);

	if (code == 0)
		return;
	fprintf(stderr, "%s %s failed (%d): %s\n", argv[0], argv[1], code, out ? out : mine);
	INVARIANT(!"a step of the stack failed");
}

#define STEP(w, out, cap, ...) step(w, out, cap, (const char *const[]){ __VA_ARGS__, NULL })

static const char *path_in(struct world *w, const char *base, const char *name)
{
	return arena_printf(w->arena, "%s/%s", base, name);
}

/* The build is where this program lies: <root>/build/<variant>/test/<program>. */
static void find_places(struct world *w)
{
	char exe[512] = "", *slash;

	INVARIANT(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	for (int up = 0; up < 2; up++) {
		slash = strrchr(exe, '/');
		INVARIANT(slash != NULL);
		*slash = '\0';
	}
	snprintf(w->out, sizeof(w->out), "%s", exe);
	for (int up = 0; up < 2; up++) {
		slash = strrchr(exe, '/');
		INVARIANT(slash != NULL);
		*slash = '\0';
	}
	snprintf(w->root, sizeof(w->root), "%s", exe);
	snprintf(w->dir, sizeof(w->dir), "/tmp/pp-auth-XXXXXX");
	INVARIANT(mkdtemp(w->dir) != NULL);
}

/* ---- settings ---- */

/* NAME='value' or NAME=value, a line each, as environment; the vector is NULL-ended. */
static char **read_env(struct world *w, const char *user)
{
	char *text = arena_alloc(w->arena, OUTPUT_MAX), *line, *save = NULL;
	char **env = arena_array(w->arena, ENV_MAX, sizeof(*env));
	int n = 0;

	INVARIANT(text && env);
	STEP(w, text, OUTPUT_MAX, path_in(w, w->out, "bin/pp-deploy"), "env", w->dir, user);
	for (line = strtok_r(text, "\n", &save); line && n < ENV_MAX - 3;
	     line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, '=');

		INVARIANT(value != NULL);
		*value++ = '\0';
		if (*value == '\'')
			*strrchr(++value, '\'') = '\0';
		env[n++] = arena_printf(w->arena, "%s=%s", line, value);
	}
	env[n++] = arena_printf(w->arena, "PATH=%s", getenv("PATH"));
	env[n++] = (char *)"PP_LOG_LEVEL=2";
	return env;
}

static const char *env_get(char **env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	INVARIANT(!"a setting is missing");
	return NULL;
}

static struct bus *bus_as(struct world *w, const char *user)
{
	char **env = read_env(w, user);
	struct bus_config cfg = { .url = env_get(env, "PP_NATS_URL"),
				  .name = user,
				  .user = env_get(env, "PP_NATS_USER"),
				  .seed_file = env_get(env, "PP_NATS_SEED_FILE"),
				  .inbox_prefix = arena_printf(w->arena, "_INBOX_%s", user) };
	struct error err = { 0 };
	struct bus *bus = NULL;

	if (bus_open(&bus, &cfg, &err) != ST_OK)
		fprintf(stderr, "bus as %s: %s\n", user, err.detail);
	INVARIANT(bus != NULL);
	return bus;
}

/* ---- the stack ---- */

static void read_setting(struct world *w, const char *file, const char *name, char *out, size_t cap)
{
	FILE *f = fopen(path_in(w, w->dir, file), "r");
	char line[SETTING_MAX];
	size_t len = strlen(name);

	INVARIANT(f != NULL);
	out[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, name, len) == 0 && line[len] == '=')
			snprintf(out, cap, "%.*s", (int)strcspn(line + len + 1, "\n"),
				 line + len + 1);
	fclose(f);
	INVARIANT(*out != '\0');
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	INVARIANT(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void start_servers(struct world *w)
{
	const char *deploy = path_in(w, w->out, "bin/pp-deploy");
	const char *conf = path_in(w, w->dir, "nats.conf.new");
	char host[256], port[32], *text = arena_alloc(w->arena, OUTPUT_MAX);

	INVARIANT(text != NULL);
	STEP(w, NULL, 0, deploy, "keys", w->dir);
	STEP(w, NULL, 0, "sh", "deploy/local/stack.sh", "pg-up", w->dir);
	STEP(w, text, OUTPUT_MAX, deploy, "nats-conf", w->dir, path_in(w, w->dir, "jetstream"),
	     "4222");
	write_file(conf, text);
	STEP(w, NULL, 0, "sh", "deploy/local/stack.sh", "nats-up", w->dir, conf);
	read_setting(w, "pg.env", "PGHOST", host, sizeof(host));
	read_setting(w, "pg.env", "PGPORT", port, sizeof(port));
	snprintf(w->pg, sizeof(w->pg), "host=%s port=%s user=postgres dbname=pulsepoint", host,
		 port);
	STEP(w, NULL, 0, deploy, "roles", w->dir,
	     arena_printf(w->arena, "host=%s port=%s user=postgres dbname=postgres", host, port));
	STEP(w, NULL, 0, deploy, "streams", w->dir);
}

int world_run(struct world *w, char *out, size_t cap, const char *const *flags)
{
	char *argv[ARGS_MAX] = { (char *)path_in(w, w->out, "bin/auth") };
	int n = 1;

	while (*flags && n < ARGS_MAX - 1)
		argv[n++] = (char *)*flags++;
	return run(w, out, cap, argv, read_env(w, "auth"));
}

static bool answers(struct world *w)
{
	const Pulsepoint__Empty in = PULSEPOINT__EMPTY__INIT;

	return world_call(w, (struct caller){ 0 }, AUTH_JWKS, &in).status == ST_OK;
}

pid_t world_spawn(struct world *w)
{
	char *const argv[] = { (char *)path_in(w, w->out, "bin/auth"), NULL };
	char **env = read_env(w, "auth");
	const char *log = path_in(w, w->dir, "auth.log");
	int64_t deadline = time_mono_us() + WORLD_WAIT_MS * INT64_C(1000);
	pid_t pid = fork();

	INVARIANT(pid >= 0);
	if (pid == 0) {
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		dup2(fd, 1);
		dup2(fd, 2);
		execve(argv[0], argv, env);
		_exit(127);
	}
	while (!answers(w)) {
		if (waitpid(pid, NULL, WNOHANG) == pid || time_mono_us() > deadline)
			fprintf(stderr, "auth did not start, see %s\n", log);
		INVARIANT(kill(pid, 0) == 0 && time_mono_us() < deadline);
		time_sleep_us(time_mono_us() + LOOK_US);
	}
	return pid;
}

int world_end(pid_t pid)
{
	int code = 0;

	kill(pid, SIGTERM);
	INVARIANT(waitpid(pid, &code, 0) == pid);
	return WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
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
		fprintf(stderr, "ExchangeKey: %s %s %s\n", status_name(r.status), r.field,
			r.detail);
	INVARIANT(r.status == ST_OK);
	snprintf(w->operator_token, sizeof(w->operator_token), "%s",
		 ((const Auth__V1__Tokens *)r.out)->access_token);
}

/* A broken invariant aborts: the servers must not outlive the test. Only calls that a signal
 * handler may make. */
static void wipe_on_abort(int sig)
{
	struct world *w = the_world;
	char *const argv[] = { (char *)"sh", (char *)"deploy/local/stack.sh", (char *)"wipe",
			       w->dir, NULL };
	pid_t pid;

	(void)sig;
	if (w->auth > 0)
		kill(w->auth, SIGKILL);
	pid = fork();
	if (pid == 0) {
		if (chdir(w->root) == 0)
			execvp(argv[0], argv);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	_exit(134);
}

void world_start(struct world *w)
{
	char out[4096];

	memset(w, 0, sizeof(*w));
	w->arena = arena_new(ARENA_MAX);
	INVARIANT(w->arena != NULL);
	find_places(w);
	the_world = w;
	signal(SIGABRT, wipe_on_abort);
	start_servers(w);
	if (world_run(w, out, sizeof(out), (const char *const[]){ "--migrate", NULL }) != 0) {
		fprintf(stderr, "%s\n", out);
		INVARIANT(!"auth --migrate failed");
	}
	w->super = PQconnectdb(w->pg);
	INVARIANT(PQstatus(w->super) == CONNECTION_OK);
	w->edge = bus_as(w, "api-edge");
	w->ingest = bus_as(w, "ingest-shopify");
	w->auth = world_spawn(w);
	first_operator(w);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void world_stop(struct world *w)
{
	int code = w->auth > 0 ? world_end(w->auth) : 0;

	bus_close(w->edge, 1000);
	bus_close(w->ingest, 1000);
	PQfinish(w->super);
	STEP(w, NULL, 0, "sh", "deploy/local/stack.sh", "wipe", w->dir);
	nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(w->arena);
	INVARIANT(code == 0);
}

void world_fresh(struct world *w)
{
	arena_reset(w->arena);
}
