/* Programs under test: started with an environment of their own, their output in a file, ended by
 * the guardian at the latest. */
#include "core/timeutil.h"
#include "testkit_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_LOOK_MAX (1024 * 1024) /* how much of an output is searched, from its end */
#define KILL_WAIT_MS 10000

struct tk_proc {
	pid_t pid;
	bool ended;
	int code; /* once ended */
	char log[TK_TEXT];
};

static struct tk_proc procs[TK_PROCS_MAX];
static int n_procs;

/* ---- environment ---- */

void tk_env_set(struct tk_env *env, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *text = malloc(size);

	if (!text || env->n == TK_ENV_MAX)
		tk__die("too many variables for a program");
	snprintf(text, size, "%s=%s", name, value);
	env->v[env->n++] = text;
	env->v[env->n] = NULL;
}

/* Takes the shell's quotes off in place: '...', with '\'' for a quote, or a plain word. */
static void unquote(char *s)
{
	char *to = s;
	bool quoted = false;

	for (; *s && *s != '\n'; s++) {
		if (*s == '\'')
			quoted = !quoted;
		else if (*s == '\\' && !quoted && s[1])
			*to++ = *++s;
		else
			*to++ = *s;
	}
	*to = '\0';
}

void tk_env_load(struct tk_env *env, const char *path)
{
	char line[4 * TK_TEXT];
	FILE *f = fopen(path, "re");

	if (!f)
		tk__die("cannot read %s", path);
	while (fgets(line, sizeof(line), f)) {
		char *value = strchr(line, '=');

		if (line[0] == '#' || !value)
			continue;
		*value++ = '\0';
		unquote(value);
		tk_env_set(env, strncmp(line, "export ", 7) == 0 ? line + 7 : line, value);
	}
	fclose(f);
}

void tk_env_done(struct tk_env *env)
{
	while (env->n)
		free(env->v[--env->n]);
	env->v[0] = NULL;
}

/* What every program gets; its own variables come after and are not in this list. */
static int base_env(char *out[], int cap)
{
	static const char *const passed[] = { "PATH=",         "HOME=",         "LANG=",
					      "ASAN_OPTIONS=", "TSAN_OPTIONS=", "UBSAN_OPTIONS=",
					      "LSAN_OPTIONS=" };
	static char utc[] = "TZ=UTC";
	int n = 0;

	out[n++] = utc;
	for (char **e = environ; *e; e++)
		for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]) && n < cap; i++)
			if (strncmp(*e, passed[i], strlen(passed[i])) == 0)
				out[n++] = *e;
	return n;
}

/* ---- starting ---- */

static struct tk_proc *new_proc(const char *program)
{
	struct tk_proc *p;
	const char *name = strrchr(program, '/');

	if (n_procs == TK_PROCS_MAX)
		tk__die("more than %d programs", TK_PROCS_MAX);
	p = &procs[n_procs];
	tk__print(p->log, sizeof(p->log), "%s/%02d-%s.log", tk_dir(), n_procs++,
		  name ? name + 1 : program);
	return p;
}

/* Input from nowhere, output into the log, a process group of its own. */
static int spawn(struct tk_proc *p, const char *const *argv, char *const *env)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, p->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	rc = posix_spawn(&p->pid, argv[0], &files, &attr, (char *const *)argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

struct tk_proc *tk_spawn(const char *const *argv, const struct tk_env *env)
{
	struct tk_proc *p = new_proc(argv[0]);
	char *all[2 * TK_ENV_MAX + 1];
	int n = base_env(all, TK_ENV_MAX), rc;

	for (int i = 0; env && i < env->n; i++)
		all[n++] = env->v[i];
	all[n] = NULL;
	rc = spawn(p, argv, all);
	if (rc != 0)
		tk__die("cannot start %s: %s", argv[0], strerror(rc));
	tk__guard_process(p->pid);
	return p;
}

/* ---- watching and ending ---- */

pid_t tk_proc_pid(const struct tk_proc *p)
{
	return p->pid;
}

const char *tk_proc_log(const struct tk_proc *p)
{
	return p->log;
}

static bool has_ended(void *arg)
{
	struct tk_proc *p = arg;
	int status;

	if (p->ended)
		return true;
	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return false;
	p->ended = true;
	p->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	tk__guard_forget_process(p->pid);
	return true;
}

bool tk_proc_running(struct tk_proc *p)
{
	return !has_ended(p);
}

int tk_proc_wait(struct tk_proc *p, int timeout_ms)
{
	return tk_wait_until(has_ended, p, timeout_ms) ? p->code : -1;
}

void tk_proc_signal(struct tk_proc *p, int sig)
{
	if (!has_ended(p))
		kill(p->pid, sig);
}

void tk_proc_kill(struct tk_proc *p)
{
	tk_proc_signal(p, SIGKILL);
	if (tk_proc_wait(p, KILL_WAIT_MS) < 0)
		tk__die("process %d survives kill -9", (int)p->pid);
}

int tk_proc_stop(struct tk_proc *p, int timeout_ms)
{
	int code;

	tk_proc_signal(p, SIGTERM);
	code = tk_proc_wait(p, timeout_ms);
	if (code < 0)
		tk_proc_kill(p);
	return code;
}

bool tk_proc_logged(const struct tk_proc *p, const char *text)
{
	FILE *f = fopen(p->log, "re");
	char *all = malloc(LOG_LOOK_MAX);
	bool found = false;

	if (f && all) {
		if (fseek(f, -LOG_LOOK_MAX, SEEK_END) != 0)
			rewind(f);
		found = memmem(all, fread(all, 1, LOG_LOOK_MAX, f), text, strlen(text)) != NULL;
	}
	free(all);
	if (f)
		fclose(f);
	return found;
}

struct log_wait {
	struct tk_proc *p;
	const char *text;
	bool found;
};

static bool logged_or_ended(void *arg)
{
	struct log_wait *w = arg;
	bool ended = has_ended(w->p); /* first, or a last line could be missed */

	w->found = tk_proc_logged(w->p, w->text);
	return w->found || ended;
}

bool tk_wait_logged(struct tk_proc *p, const char *text, int timeout_ms)
{
	struct log_wait w = { .p = p, .text = text };

	return tk_wait_until(logged_or_ended, &w, timeout_ms) && w.found;
}

/* The third field of /proc/<pid>/stat, behind the name in parentheses. */
static bool is_stopped(void *arg)
{
	char path[64], text[1024];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)*(const pid_t *)arg);
	return tk_read_file(path, text, sizeof(text)) && (p = strrchr(text, ')')) &&
	       strncmp(p, ") T", 3) == 0;
}

bool tk_wait_stopped(const struct tk_proc *p, int timeout_ms)
{
	pid_t pid = tk_proc_pid(p);

	return tk_wait_until(is_stopped, &pid, timeout_ms);
}

int tk_run(const char *const *argv, const struct tk_env *env, int timeout_ms, char *out, size_t cap)
{
	struct tk_proc *p = tk_spawn(argv, env);
	int code = tk_proc_wait(p, timeout_ms);

	if (code < 0)
		tk_proc_kill(p);
	if (out && !tk_read_file(p->log, out, cap))
		out[0] = '\0';
	/* Its place in the list may be used again when nothing was started since. */
	if (p == &procs[n_procs - 1]) {
		unlink(p->log);
		memset(p, 0, sizeof(*p));
		n_procs--;
	}
	return code;
}
