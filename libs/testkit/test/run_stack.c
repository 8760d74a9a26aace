/*
 * deploy/local/stack.sh: every command may be repeated, what was killed or left a stale pid file is
 * put right, ports and data stay.
 */
#include "testkit/testkit_priv.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS 240000

static char dir[TK_TEXT], script[TK_TEXT], out[4096];

/* The exit code of a command; what it printed is in `out`. */
static int stack(const char *command)
{
	const char *argv[] = { "/bin/sh", script, command, dir, NULL };

	return tk_run(argv, NULL, LIMIT_MS, out, sizeof(out));
}

/* The first line of dir/name. */
static void first_line(const char *name, char *line, size_t cap)
{
	char path[2 * TK_TEXT];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (!tk_read_file(path, line, cap))
		fail_msg("cannot read %s", path);
	line[strcspn(line, "\n")] = '\0';
}

static void overwrite(const char *path, const char *text)
{
	FILE *f = fopen(path, "r+e");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Path of PostgreSQL's pid file, wherever its cluster is. */
static const char *postmaster_file(void)
{
	static char path[TK_TEXT + 32];
	char data[TK_TEXT];

	first_line("pgdata.path", data, sizeof(data));
	snprintf(path, sizeof(path), "%s/postmaster.pid", data);
	return path;
}

static pid_t pid_in(const char *path)
{
	char text[64];

	assert_true(tk_read_file(path, text, sizeof(text)));
	return (pid_t)strtol(text, NULL, 10);
}

static void superuser(char conninfo[TK_TEXT])
{
	char env[TK_TEXT], path[2 * TK_TEXT], host[512];
	int port;

	snprintf(path, sizeof(path), "%s/pg.env", dir);
	assert_true(tk_read_file(path, env, sizeof(env)));
	assert_int_equal(sscanf(env, "PGHOST=%511s\nPGPORT=%d\n", host, &port), 2);
	snprintf(conninfo, TK_TEXT, "host=%s port=%d user=postgres dbname=postgres", host, port);
}

/* Everything up, then up again: the same processes, the same addresses. */
static void test_up_is_idempotent(void **state)
{
	char before[4096], first[TK_TEXT], second[TK_TEXT];

	(void)state;
	assert_int_equal(stack("status"), 3);
	assert_int_equal(stack("pg-up"), 0);
	assert_int_equal(stack("status"), 3); /* one of two */
	assert_int_equal(stack("nats-up"), 0);
	assert_int_equal(stack("status"), 0);
	snprintf(before, sizeof(before), "%s", out);
	superuser(first);
	assert_int_equal(stack("pg-up"), 0);
	assert_int_equal(stack("nats-up"), 0);
	assert_int_equal(stack("status"), 0);
	assert_string_equal(out, before);
	superuser(second);
	assert_string_equal(first, second);
}

static void check_setting(const char *conninfo, const char *name, const char *expected)
{
	char sql[128], value[128];

	snprintf(sql, sizeof(sql), "SELECT current_setting('%s')", name);
	tk_sql_text(conninfo, sql, value, sizeof(value));
	assert_string_equal(value, expected);
}

static void test_settings(void **state)
{
	char conninfo[TK_TEXT];

	(void)state;
	superuser(conninfo);
	check_setting(conninfo, "fsync", "on");
	check_setting(conninfo, "max_connections", "200");
	check_setting(conninfo, "shared_buffers", "256MB");
	check_setting(conninfo, "password_encryption", "scram-sha-256");
	check_setting(conninfo, "listen_addresses", "127.0.0.1");
	check_setting(conninfo, "log_error_verbosity", "terse");
	/* Not even with the right password does the superuser come in over TCP. */
	assert_int_equal(tk_sql_int(conninfo, "SELECT count(*) FROM pg_hba_file_rules WHERE"
					      " type = 'host' AND user_name = '{postgres}'"
					      " AND auth_method = 'reject'"),
			 1);
	assert_int_equal(tk_sql_int(conninfo, "SELECT count(*) FROM pg_hba_file_rules WHERE"
					      " auth_method = 'trust' OR error IS NOT NULL"),
			 0);
}

static void test_killed_servers_come_back(void **state)
{
	char first[TK_TEXT], second[TK_TEXT], nats_pid[2 * TK_TEXT], env1[TK_TEXT], env2[TK_TEXT];

	(void)state;
	superuser(first);
	tk_sql(first, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)");
	first_line("nats.env", env1, sizeof(env1));
	snprintf(nats_pid, sizeof(nats_pid), "%s/nats.pid", dir);
	assert_int_equal(kill(pid_in(nats_pid), SIGKILL), 0);
	assert_int_equal(kill(pid_in(postmaster_file()), SIGKILL), 0);
	assert_int_equal(stack("nats-up"), 0);
	assert_int_equal(stack("pg-up"), 0);
	assert_int_equal(stack("status"), 0);
	superuser(second);
	assert_string_equal(first, second);
	first_line("nats.env", env2, sizeof(env2));
	assert_string_equal(env1, env2);
	assert_int_equal(tk_sql_int(second, "SELECT count(*) FROM kept"), 1);
}

/* The numbers in the pid files belong to somebody else now: to this test. */
static void test_stale_pid_files(void **state)
{
	char nats_pid[2 * TK_TEXT], conninfo[TK_TEXT], mine[32];

	(void)state;
	snprintf(nats_pid, sizeof(nats_pid), "%s/nats.pid", dir);
	snprintf(mine, sizeof(mine), "%d\n", (int)getpid());
	assert_int_equal(kill(pid_in(nats_pid), SIGKILL), 0);
	assert_int_equal(kill(pid_in(postmaster_file()), SIGKILL), 0);
	overwrite(nats_pid, mine);
	overwrite(postmaster_file(), mine);
	assert_int_equal(stack("status"), 3);
	/* Nobody is ended by mistake. */
	assert_int_equal(stack("nats-down"), 0);
	assert_int_equal(stack("pg-down"), 0);
	overwrite(postmaster_file(), mine);
	assert_int_equal(stack("nats-up"), 0);
	assert_int_equal(stack("pg-up"), 0);
	assert_int_equal(stack("status"), 0);
	superuser(conninfo);
	assert_int_equal(tk_sql_int(conninfo, "SELECT count(*) FROM kept"), 1);
}

static void test_down_and_wipe(void **state)
{
	char data[TK_TEXT];

	(void)state;
	first_line("pgdata.path", data, sizeof(data));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stack("pg-down"), 0);
		assert_int_equal(stack("nats-down"), 0);
		assert_int_equal(stack("status"), 3);
	}
	assert_int_equal(access(data, F_OK), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stack("wipe"), 0);
		assert_int_not_equal(access(data, F_OK), 0);
	}
}

static void test_bad_configuration_is_told(void **state)
{
	char path[TK_TEXT];
	const char *argv[] = { "/bin/sh", script, "nats-up", dir, path, NULL };

	(void)state;
	snprintf(path, sizeof(path), "%s", tk_write_file("bad.conf", "port: no number {\n"));
	assert_int_equal(tk_run(argv, NULL, LIMIT_MS, out, sizeof(out)), 1);
	assert_non_null(strstr(out, "nats-server does not start"));
	assert_int_equal(stack("status"), 3);
	assert_int_equal(stack("no-such-command"), 2);
}

static int setup_group(void **state)
{
	(void)state;
	snprintf(script, sizeof(script), "%s/deploy/local/stack.sh", tk_root());
	snprintf(dir, sizeof(dir), "%s/stack", tk_dir());
	tk__guard_stack(dir); /* started past the kit, but not left behind */
	return mkdir(dir, 0755);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_is_idempotent),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_killed_servers_come_back),
		cmocka_unit_test(test_stale_pid_files),
		cmocka_unit_test(test_down_and_wipe),
		cmocka_unit_test(test_bad_configuration_is_told),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
