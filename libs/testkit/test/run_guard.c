/*
 * The promise of the test kit: whatever way a test program ends, what it started is ended and what
 * it made is removed. The program runs itself as the victim.
 */
#include "testkit/testkit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS 20000

static const char *self;

/* Starts a program, tells its number and its directory, then ends as told. */
static int victim(const char *way)
{
	const char *argv[] = { "/bin/sleep", "600", NULL };
	struct tk_proc *p = tk_spawn(argv, NULL);

	tk_write_file("kept", "text");
	printf("\npid=%d dir=%s\n", (int)tk_proc_pid(p), tk_dir());
	fflush(stdout);
	if (strcmp(way, "abort") == 0)
		abort();
	if (strcmp(way, "kill") == 0)
		raise(SIGKILL);
	return 7;
}

static bool process_gone(void *arg)
{
	char path[64], text[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/cmdline", *(const int *)arg);
	return !tk_read_file(path, text, sizeof(text)) || strcmp(text, "/bin/sleep") != 0;
}

static bool directory_gone(void *arg)
{
	return access(arg, F_OK) != 0;
}

static void check_victim(const char *way, int code)
{
	const char *argv[] = { self, way, NULL };
	char out[2048], dir[TK_TEXT] = "";
	const char *line;
	int pid = 0;

	assert_int_equal(tk_run(argv, NULL, LIMIT_MS, out, sizeof(out)), code);
	line = strstr(out, "\npid=");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "\npid=%d dir=%1023s", &pid, dir), 2);
	assert_true(pid > 1);
	assert_true(tk_wait_until(process_gone, &pid, LIMIT_MS));
	assert_true(tk_wait_until(directory_gone, dir, LIMIT_MS));
}

static void test_ends_with_exit(void **state)
{
	(void)state;
	check_victim("exit", 7);
}

static void test_ends_with_abort(void **state)
{
	(void)state;
	check_victim("abort", 128 + SIGABRT);
}

static void test_ends_with_kill(void **state)
{
	(void)state;
	check_victim("kill", 128 + SIGKILL);
}

static void test_stop_kill_and_codes(void **state)
{
	const char *deaf[] = { "/bin/sh", "-c",
			       "trap '' TERM; echo ready; while :; do sleep 1; done", NULL };
	const char *polite[] = { "/bin/sh", "-c",
				 "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done",
				 NULL };
	struct tk_proc *p = tk_spawn(polite, NULL);

	(void)state;
	assert_true(tk_wait_logged(p, "ready", LIMIT_MS));
	assert_true(tk_proc_running(p));
	assert_int_equal(tk_proc_stop(p, LIMIT_MS), 3);
	assert_false(tk_proc_running(p));
	p = tk_spawn(deaf, NULL);
	assert_true(tk_wait_logged(p, "ready", LIMIT_MS));
	assert_int_equal(tk_proc_stop(p, 100), -1);
	assert_false(tk_proc_running(p));
	/* It ended without saying so. */
	assert_false(tk_wait_logged(p, "never said", LIMIT_MS));
}

static void test_environment(void **state)
{
	const char *argv[] = { "/usr/bin/env", NULL };
	const char *path =
		tk_write_file("env", "# comment\nPP_A='it'\\''s $HOME'\nexport PP_B=plain\n");
	struct tk_env env = { 0 };
	char out[8192];

	(void)state;
	setenv("PP_TEST_SECRET", "1", 1);
	tk_env_load(&env, path);
	tk_env_set(&env, "PP_C", "a b");
	assert_int_equal(tk_run(argv, &env, LIMIT_MS, out, sizeof(out)), 0);
	tk_env_done(&env);
	assert_non_null(strstr(out, "PP_A=it's $HOME\n"));
	assert_non_null(strstr(out, "PP_B=plain\n"));
	assert_non_null(strstr(out, "PP_C=a b\n"));
	assert_non_null(strstr(out, "PATH="));
	assert_null(strstr(out, "PP_TEST_SECRET"));
}

/* The kernel closes a killed process's sockets a moment after its end. */
static bool port_refuses(void *port)
{
	return !tk_wait_port(*(int *)port, 0);
}

static void test_nats_keeps_its_port_and_store(void **state)
{
	struct tk_nats *nats = tk_nats_open(
		"include users.conf\n", "authorization { users: [ {user: a, password: b} ] }\n");
	char url[TK_TEXT];
	int port;

	(void)state;
	snprintf(url, sizeof(url), "%s", tk_nats_url(nats));
	assert_int_equal(sscanf(url, "nats://127.0.0.1:%d", &port), 1);
	assert_true(tk_wait_port(port, LIMIT_MS));
	tk_nats_kill(nats);
	assert_true(tk_wait_until(port_refuses, &port, LIMIT_MS));
	tk_nats_start(nats);
	assert_string_equal(tk_nats_url(nats), url);
	assert_true(tk_wait_port(port, LIMIT_MS));
	tk_nats_wipe(nats);
	assert_true(tk_wait_until(port_refuses, &port, LIMIT_MS));
	tk_nats_start(nats);
	assert_string_equal(tk_nats_url(nats), url);
	assert_true(tk_wait_port(port, LIMIT_MS));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_with_exit),
		cmocka_unit_test(test_ends_with_abort),
		cmocka_unit_test(test_ends_with_kill),
		cmocka_unit_test(test_stop_kill_and_codes),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_nats_keeps_its_port_and_store),
	};

	self = argv[0];
	if (argc > 1)
		return victim(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
