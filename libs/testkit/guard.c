/*
 * The guardian: a process that outlives the test program by the time it takes to clean up. It reads
 * one line for everything made, and works when the pipe ends, which the kernel sees to even after
 * kill -9.
 */
#include "testkit_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <postgresql/libpq-fe.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTES_MAX 512
#define TREE_FDS  16

/* A line is a kind and one or two words behind tabs. */
enum kind { KIND_PROCESS = 'P', KIND_STACK = 'S', KIND_DATABASE = 'B', KIND_DIRECTORY = 'D' };
#define KIND_FORGET 'p'

struct note {
	char kind;
	char what[TK_TEXT];
	char extra[TK_TEXT];
};

static struct {
	pid_t owner; /* forked children of the program inherit this; they are not it */
	pid_t guardian;
	int fd;
	char script[TK_TEXT];
} guard = { .fd = -1 };

/* The 22nd field of /proc/<pid>/stat; with the number it names a process for good. */
static bool start_time(pid_t pid, char out[32])
{
	char path[64], text[1024];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!tk_read_file(path, text, sizeof(text)) || !(p = strrchr(text, ')')))
		return false;
	/* Behind the name in parentheses: a space, then fields 3, 4, ... */
	for (int field = 2; field < 22 && p; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return false;
	snprintf(out, 32, "%.*s", (int)strcspn(p + 1, " \n"), p + 1);
	return true;
}

/* ---- in the guardian ---- */

static void end_process(const struct note *n)
{
	char now[32];
	pid_t pid = (pid_t)strtol(n->what, NULL, 10);

	if (pid > 1 && start_time(pid, now) && strcmp(now, n->extra) == 0)
		kill(pid, SIGKILL);
}

static void wipe_stack(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", guard.script, "wipe", dir, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static void drop_database(const char *conninfo, const char *name)
{
	PGconn *pg = PQconnectdb(conninfo);
	char sql[2048];

	snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS \"%s\" WITH (FORCE)", name);
	PQclear(PQexec(pg, sql));
	PQfinish(pg);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	remove(path);
	return 0;
}

static void clean_up(struct note *notes, int n)
{
	for (int i = 0; i < n; i++)
		if (notes[i].kind == KIND_PROCESS)
			end_process(&notes[i]);
	for (int i = 0; i < n; i++) {
		if (notes[i].kind == KIND_DATABASE)
			drop_database(notes[i].what, notes[i].extra);
		if (notes[i].kind == KIND_STACK)
			wipe_stack(notes[i].what);
	}
	for (int i = 0; i < n; i++)
		if (notes[i].kind == KIND_DIRECTORY && !getenv("PP_TEST_KEEP"))
			nftw(notes[i].what, remove_entry, TREE_FDS, FTW_DEPTH | FTW_PHYS);
}

/* Takes a line in; returns the new count. */
static int take_note(struct note *notes, int n, char *line)
{
	char *save = NULL;
	const char *kind = strtok_r(line, "\t\n", &save);
	const char *what = strtok_r(NULL, "\t\n", &save);
	const char *extra = strtok_r(NULL, "\t\n", &save);

	if (!kind || !what)
		return n;
	if (kind[0] == KIND_FORGET) {
		for (int i = 0; i < n; i++)
			if (notes[i].kind == KIND_PROCESS && strcmp(notes[i].what, what) == 0)
				notes[i] = notes[--n];
		return n;
	}
	if (n == NOTES_MAX)
		return n;
	notes[n].kind = kind[0];
	snprintf(notes[n].what, sizeof(notes[n].what), "%s", what);
	snprintf(notes[n].extra, sizeof(notes[n].extra), "%s", extra ? extra : "");
	return n + 1;
}

_Noreturn static void guardian_main(int fd)
{
	static struct note notes[NOTES_MAX];
	char line[2 * TK_TEXT + 64];
	FILE *in = fdopen(fd, "r");
	int n = 0;

	/* Ctrl-C and the like are for the test program; its end is what counts here. */
	setsid();
	while (in && fgets(line, sizeof(line), in))
		n = take_note(notes, n, line);
	clean_up(notes, n);
	_exit(0);
}

/* ---- in the test program ---- */

/* Ends the guardian and waits for it, so that everything is gone when the program is. */
static void at_exit(void)
{
	if (guard.owner != getpid())
		return;
	close(guard.fd);
	while (waitpid(guard.guardian, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static void start_guardian(void)
{
	int fds[2];

	if (guard.fd >= 0)
		return;
	tk__print(guard.script, sizeof(guard.script), "%s/deploy/local/stack.sh", tk_root());
	if (pipe2(fds, O_CLOEXEC) != 0)
		tk__die("cannot make a pipe");
	fflush(NULL); /* or the guardian would hold a copy of what is not written yet */
	guard.owner = getpid();
	guard.guardian = fork();
	if (guard.guardian < 0)
		tk__die("cannot fork");
	if (guard.guardian == 0) {
		close(fds[1]);
		guardian_main(fds[0]);
	}
	close(fds[0]);
	guard.fd = fds[1];
	atexit(at_exit);
}

static void PRINTF_LIKE(1, 2) tell(const char *fmt, ...)
{
	char line[2 * TK_TEXT + 64];
	va_list ap;
	int n;

	start_guardian();
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line) || write(guard.fd, line, (size_t)n) != n)
		tk__die("cannot tell the guardian");
}

void tk__guard_process(pid_t pid)
{
	char start[32];

	/* A program that has ended already needs no guarding. */
	if (start_time(pid, start))
		tell("%c\t%d\t%s\n", KIND_PROCESS, (int)pid, start);
}

void tk__guard_forget_process(pid_t pid)
{
	tell("%c\t%d\n", KIND_FORGET, (int)pid);
}

void tk__guard_stack(const char *dir)
{
	tell("%c\t%s\n", KIND_STACK, dir);
}

void tk__guard_database(const char *conninfo, const char *name)
{
	tell("%c\t%s\t%s\n", KIND_DATABASE, conninfo, name);
}

void tk__guard_directory(const char *dir)
{
	tell("%c\t%s\n", KIND_DIRECTORY, dir);
}
