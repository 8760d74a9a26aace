/*
 * A process that waits for the end of the test program on a pipe, then ends the suites it was told
 * of. It is forked after the test kit's own guardian, which therefore waits for it: files go last.
 * Read next: libs/testkit/guard.c, the same for single programs.
 */
#include "system/system_guard.h"

#include "system/system_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUITES_MAX 4

/* $1 suite.sh, $2 stack.sh, $3 DIR. What suite.sh cannot end in time is killed by its number. */
static const char last_will[] =
	"timeout 60 sh \"$1\" down \"$3\"\n"
	"for f in \"$3\"/pid/*; do\n"
	"  case $f in *.env) continue ;; esac\n"
	"  p=$(cat \"$f\" 2>/dev/null) || continue\n"
	"  case $(readlink \"/proc/$p/exe\") in \"$OUT\"/bin/*) kill -9 \"$p\" ;; esac\n"
	"done\n"
	"timeout 60 sh \"$2\" wipe \"$3\"\n";

static struct {
	pid_t owner, pid;
	int fd;
} guard = { .fd = -1 };

const char *guard_out(void)
{
	static char out[TK_TEXT];
	char bin[TK_TEXT];

	snprintf(bin, sizeof(bin), "%s", tk_bin("auth"));
	snprintf(out, sizeof(out), "%s", dirname(dirname(bin)));
	return out;
}

static void end_suite(const char *dir)
{
	char suite[TK_TEXT], stack[TK_TEXT];
	pid_t pid;

	snprintf(suite, sizeof(suite), "%s/deploy/local/suite.sh", tk_root());
	snprintf(stack, sizeof(stack), "%s/deploy/local/stack.sh", tk_root());
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		setenv("OUT", guard_out(), 1);
		execl("/bin/sh", "sh", "-c", last_will, "last_will", suite, stack, dir,
		      (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

_Noreturn static void guardian(int fd)
{
	char dirs[SUITES_MAX][TK_TEXT];
	FILE *in = fdopen(fd, "r");
	int n = 0;

	setsid();
	while (in != NULL && n < SUITES_MAX && fgets(dirs[n], TK_TEXT, in) != NULL) {
		dirs[n][strcspn(dirs[n], "\n")] = '\0';
		n++;
	}
	/* Further lines would be a fault of ours; the pipe's end is still what counts. */
	while (in != NULL && fgetc(in) != EOF)
		continue;
	for (int i = 0; i < n; i++)
		end_suite(dirs[i]);
	_exit(0);
}

static void at_exit(void)
{
	if (guard.owner != getpid())
		return;
	close(guard.fd);
	while (waitpid(guard.pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static void start(void)
{
	int fds[2];

	if (guard.fd >= 0)
		return;
	(void)tk_dir(); /* its guardian must be there before ours */
	if (pipe2(fds, O_CLOEXEC) != 0)
		suite_fail("no pipe for the guardian");
	fflush(NULL);
	guard.owner = getpid();
	guard.pid = fork();
	if (guard.pid < 0)
		suite_fail("no process for the guardian");
	if (guard.pid == 0) {
		close(fds[1]);
		guardian(fds[0]);
	}
	close(fds[0]);
	guard.fd = fds[1];
	atexit(at_exit);
}

void guard_suite(const char *dir)
{
	static int told;

	start();
	if (told++ == SUITES_MAX || dprintf(guard.fd, "%s\n", dir) < 0)
		suite_fail("the guardian takes no more suites");
}
