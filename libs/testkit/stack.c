/* PostgreSQL and nats-server by deploy/local/stack.sh, the one script that starts them anywhere. */
#include "testkit_priv.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GONE_LIMIT_MS 10000

struct tk_nats {
	char dir[TK_TEXT];
	char url[TK_TEXT];
};

void tk__stack(const char *command, const char *dir, const char *config)
{
	char script[TK_TEXT], out[2048];
	const char *argv[] = { "/bin/sh", script, command, dir, config, NULL };

	tk__print(script, sizeof(script), "%s/deploy/local/stack.sh", tk_root());
	if (tk_run(argv, NULL, TK_SCRIPT_LIMIT_MS, out, sizeof(out)) != 0)
		tk__die("stack.sh %s failed: %s", command, out);
}

void tk__stack_setting(const char *dir, const char *file, const char *name, char *out, size_t cap)
{
	char path[TK_TEXT], text[TK_TEXT], key[64];
	const char *p;

	tk__print(path, sizeof(path), "%s/%s", dir, file);
	tk__print(key, sizeof(key), "\n%s=", name);
	text[0] = '\n';
	if (!tk_read_file(path, text + 1, sizeof(text) - 1) || !(p = strstr(text, key)))
		tk__die("%s is not in %s", name, path);
	p += strlen(key);
	tk__print(out, cap, "%.*s", (int)strcspn(p, "\n"), p);
}

void tk__stack_dir(const char *kind, char out[TK_TEXT])
{
	static int made;

	tk__print(out, TK_TEXT, "%s/%s%d", tk_dir(), kind, made++);
	if (mkdir(out, 0755) != 0)
		tk__die("cannot make %s", out);
	tk__guard_stack(out);
}

/* One that nobody waited for has no command line any more. */
static bool is_gone(void *arg)
{
	char path[64], text[8];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)*(const pid_t *)arg);
	return !tk_read_file(path, text, sizeof(text)) || !text[0];
}

static pid_t signal_pid_file(const char *path, int sig)
{
	char text[64];
	pid_t pid;

	if (!tk_read_file(path, text, sizeof(text)))
		tk__die("cannot read %s", path);
	pid = (pid_t)strtol(text, NULL, 10);
	if (pid <= 1 || kill(pid, sig) != 0)
		tk__die("cannot signal the process of %s", path);
	return pid;
}

void tk__kill_pid_file(const char *path)
{
	pid_t pid = signal_pid_file(path, SIGKILL);

	if (!tk_wait_until(is_gone, &pid, GONE_LIMIT_MS))
		tk__die("process %d survives kill -9", (int)pid);
}

/* ---- NATS ---- */

void tk_nats_configure(struct tk_nats *nats, const char *config, const char *users)
{
	static const char none[] = "max_payload: 1MB\n";
	const char *const names[] = { "nats.conf", "users.conf" };
	const char *const texts[] = { config ? config : none, users };

	for (int i = 0; i < 2 && texts[i]; i++) {
		char path[TK_TEXT];
		FILE *f;

		tk__print(path, sizeof(path), "%s/%s", nats->dir, names[i]);
		f = fopen(path, "we");
		if (!f || fputs(texts[i], f) < 0 || fclose(f) != 0)
			tk__die("cannot write %s", path);
	}
}

struct tk_nats *tk_nats_open(const char *config, const char *users)
{
	static struct tk_nats all[8];
	static size_t n;
	struct tk_nats *nats = &all[n++];

	if (n > sizeof(all) / sizeof(all[0]))
		tk__die("too many nats-servers");
	tk__stack_dir("nats", nats->dir);
	tk_nats_configure(nats, config, users);
	tk_nats_start(nats);
	return nats;
}

const char *tk_nats_url(const struct tk_nats *nats)
{
	return nats->url;
}

void tk_nats_start(struct tk_nats *nats)
{
	char url[TK_TEXT];

	tk__stack("nats-up", nats->dir, NULL);
	tk__stack_setting(nats->dir, "nats.env", "NATS_URL", url, sizeof(url));
	if (nats->url[0] && strcmp(url, nats->url) != 0)
		tk__die("nats-server lost its port to somebody");
	tk__print(nats->url, sizeof(nats->url), "%s", url);
}

void tk_nats_stop(struct tk_nats *nats)
{
	tk__stack("nats-down", nats->dir, NULL);
}

void tk_nats_kill(struct tk_nats *nats)
{
	char path[TK_TEXT];

	tk__print(path, sizeof(path), "%s/nats.pid", nats->dir);
	tk__kill_pid_file(path);
}

void tk_nats_signal(struct tk_nats *nats, int sig)
{
	char path[TK_TEXT];

	tk__print(path, sizeof(path), "%s/nats.pid", nats->dir);
	signal_pid_file(path, sig);
}

void tk_nats_wipe(struct tk_nats *nats)
{
	char store[TK_TEXT];
	const char *argv[] = { "/bin/rm", "-rf", store, NULL };

	tk_nats_stop(nats);
	tk__print(store, sizeof(store), "%s/jetstream", nats->dir);
	if (tk_run(argv, NULL, TK_SCRIPT_LIMIT_MS, NULL, 0) != 0)
		tk__die("cannot remove %s", store);
}
