/* See system_servers.h. PostgreSQL and nats-server are stack.sh's, the rest is suite.sh's. */
#include "system/system_servers.h"

#include "system/system_guard.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS     90000 /* PostgreSQL goes through its log first */
#define GONE_MS      20000
#define CHILDREN_MAX 256

static bool is_postgres(const char *name)
{
	return strcmp(name, SERVER_POSTGRES) == 0;
}

static bool is_stack(const char *name)
{
	return is_postgres(name) || strcmp(name, SERVER_NATS) == 0;
}

static pid_t read_pid(const char *path)
{
	char text[TK_TEXT];

	return tk_read_file(path, text, sizeof(text)) ? (pid_t)strtol(text, NULL, 10) : 0;
}

pid_t server_pid(struct suite *s, const char *name)
{
	char path[2 * TK_TEXT], data[TK_TEXT];

	if (!is_stack(name))
		return suite_pid(s, name);
	snprintf(path, sizeof(path), "%s/%s", s->dir,
		 is_postgres(name) ? "pgdata.path" : "nats.pid");
	if (!is_postgres(name))
		return read_pid(path);
	if (!tk_read_file(path, data, sizeof(data)))
		return 0;
	snprintf(path, sizeof(path), "%.*s/postmaster.pid", (int)strcspn(data, "\n"), data);
	return read_pid(path);
}

/* ---- killing ---- */

/* The parent's number stands behind the name, which may hold blanks and parentheses. */
static pid_t parent_of(const char *pid)
{
	char path[64], text[TK_TEXT], *end;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	if (!tk_read_file(path, text, sizeof(text)) || (end = strrchr(text, ')')) == NULL)
		return 0;
	return strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

static int children_of(pid_t parent, pid_t *ret)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (proc != NULL && (e = readdir(proc)) != NULL && n < CHILDREN_MAX)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && parent_of(e->d_name) == parent)
			ret[n++] = (pid_t)strtol(e->d_name, NULL, 10);
	if (proc != NULL)
		closedir(proc);
	return n;
}

struct processes {
	pid_t pid[CHILDREN_MAX + 1];
	int n;
};

/* A killed process whose parent has not looked yet is gone all the same. */
static bool is_gone(pid_t pid)
{
	char path[64], text[TK_TEXT], *end;

	if (!suite_alive(pid))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return !tk_read_file(path, text, sizeof(text)) || (end = strrchr(text, ')')) == NULL ||
	       strncmp(end, ") Z", 3) == 0 || strncmp(end, ") X", 3) == 0;
}

static bool all_gone(void *arg)
{
	const struct processes *p = arg;

	for (int i = 0; i < p->n; i++)
		if (!is_gone(p->pid[i]))
			return false;
	return true;
}

void server_kill(struct suite *s, const char *name)
{
	struct processes p = { .n = 1 };

	p.pid[0] = server_pid(s, name);
	if (p.pid[0] <= 1)
		suite_fail("%s does not run", name);
	/* The postmaster stands still first, so that it starts no child behind our back. */
	if (is_postgres(name)) {
		kill(p.pid[0], SIGSTOP);
		p.n += children_of(p.pid[0], p.pid + 1);
	}
	for (int i = 0; i < p.n; i++)
		kill(p.pid[i], SIGKILL);
	if (!tk_wait_until(all_gone, &p, GONE_MS))
		suite_fail("%s does not die", name);
}

/* ---- starting ---- */

void server_start(struct suite *s, const char *name)
{
	char path[TK_TEXT], out[TK_TEXT];
	const char *argv[] = { "/bin/sh", path, is_postgres(name) ? "pg-up" : "nats-up", s->dir,
			       NULL };
	struct tk_env env = { 0 };

	if (!is_stack(name)) {
		suite_command(s, "start", name);
		return;
	}
	snprintf(path, sizeof(path), "%s/deploy/local/stack.sh", tk_root());
	tk_env_set(&env, "OUT", guard_out());
	if (tk_run(argv, &env, START_MS, out, sizeof(out)) != 0)
		suite_fail("%s does not start again: %s", name, out);
	tk_env_done(&env);
}
