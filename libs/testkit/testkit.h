/*
 * Fixtures for tests with real servers: throw-away PostgreSQL and nats-server, databases, programs,
 * waiting for conditions.
 *
 * Everything a test program starts or makes is ended and removed when the program ends, however it
 * ends: a guardian process, forked at the first use, does it when the program's end of a pipe
 * closes (exit, failed assertion, signal, kill -9). Functions that return nothing end the program
 * with a message when they cannot do their work: a fixture has no other use. All but tk_wait_until
 * are for one thread.
 *
 * Environment: PP_TEST_DIR or TMPDIR, where temporary files go (default /tmp); PP_TEST_PG, the
 * connection string of a superuser of a cluster to share (default: one of the program's own);
 * PP_TEST_KEEP=1 keeps the files for a look.
 */
#ifndef TESTKIT_TESTKIT_H
#define TESTKIT_TESTKIT_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TK_TEXT      1024 /* connection strings, paths, addresses */
#define TK_ENV_MAX   64   /* variables of one program */
#define TK_PROCS_MAX 64   /* programs of one test program, ended ones included */

/* ---- places ---- */

/* The checkout, found upwards from the program. */
const char *tk_root(void);
/* This program's temporary directory (mode 755, so that the postgres user can pass). */
const char *tk_dir(void);
/* build/<variant>/bin/<name>, of the variant this program was built as. Valid until the next call.
 */
const char *tk_bin(const char *name);
/* Writes `text` to a file of that name in tk_dir and returns its path, valid until the next call.
 */
const char *tk_write_file(const char *name, const char *text);
/* The content of a file of at most `cap` - 1 bytes; false when it cannot be read. Longer content is
 * cut. */
bool tk_read_file(const char *path, char *out, size_t cap);
/* A port of 127.0.0.1 nobody listens on now. */
int tk_free_port(void);

/* ---- waiting ---- */

/* True as soon as cond(arg) is; false when that takes longer than timeout_ms. Looks every 2 to 50
 * ms. */
bool tk_wait_until(bool (*cond)(void *arg), void *arg, int timeout_ms);
/* True as soon as somebody accepts connections on that port of 127.0.0.1. */
bool tk_wait_port(int port, int timeout_ms);

/* ---- PostgreSQL ---- */

struct tk_pg;
/*
 * A running cluster (PostgreSQL 15, fsync on). `own`: this program's alone, which may be stopped
 * and may be given roles; else that of PP_TEST_PG when there is one. Started by
 * deploy/local/stack.sh. Takes about a second.
 */
struct tk_pg *tk_pg_open(bool own);
/* Superuser, database "postgres". */
const char *tk_pg_conninfo(const struct tk_pg *pg);
/* Only for an own cluster: a fast stop, a start on the same port, kill -9 of the postmaster. */
void tk_pg_stop(struct tk_pg *pg);
void tk_pg_start(struct tk_pg *pg);
void tk_pg_kill(struct tk_pg *pg);

struct tk_db {
	struct tk_pg *pg;
	char name[64];
	char superuser[TK_TEXT]; /* connection string */
};
/* A fresh database, dropped at the end. */
void tk_db_create(struct tk_pg *pg, struct tk_db *ret);
void tk_db_drop(struct tk_db *db);
/* The connection string of another role. */
void tk_db_conninfo(const struct tk_db *db, const char *role, const char *password,
		    char out[TK_TEXT]);
/* Runs SQL (several statements allowed) on a connection of its own; ends the program when it fails.
 */
void tk_sql(const char *conninfo, const char *sql);
/* Runs SQL and tells the SQLSTATE of its failure in `state` ("" when it went well). */
void tk_sql_state(const char *conninfo, const char *sql, char state[6]);
/* The first column of the first row: a whole number, or text ("" for NULL). */
int64_t tk_sql_int(const char *conninfo, const char *sql);
void tk_sql_text(const char *conninfo, const char *sql, char *out, size_t cap);

/* ---- NATS ---- */

struct tk_nats;
/*
 * A running nats-server with JetStream on files. `config` is the text of its configuration (NULL:
 * no users); address, port and storage are the kit's, so it names no store_dir. `users` (may be
 * NULL) is stored beside it for `include users.conf`.
 */
struct tk_nats *tk_nats_open(const char *config, const char *users);
/* "nats://127.0.0.1:<port>"; stays the same over restarts. */
const char *tk_nats_url(const struct tk_nats *nats);
void tk_nats_stop(struct tk_nats *nats);
void tk_nats_kill(struct tk_nats *nats); /* kill -9 */
/* SIGSTOP: it stands still, with its connections, until SIGCONT. */
void tk_nats_signal(struct tk_nats *nats, int sig);
void tk_nats_start(struct tk_nats *nats);
/* Stops it if need be and removes all it stored, as a lost disk would. */
void tk_nats_wipe(struct tk_nats *nats);
/* Replaces the configuration; holds from the next start. */
void tk_nats_configure(struct tk_nats *nats, const char *config, const char *users);

/* ---- programs ---- */

/* Variables for a program; it sees these, PATH, HOME, LANG, TZ=UTC and the sanitizers' options,
 * nothing else. */
struct tk_env {
	int n;
	char *v[TK_ENV_MAX + 1];
};
void tk_env_set(struct tk_env *env, const char *name, const char *value);
/* Adds the NAME='value' lines of a file (what `pp-deploy env` prints). */
void tk_env_load(struct tk_env *env, const char *path);
void tk_env_done(struct tk_env *env);

struct tk_proc;
/* Starts argv[0] (a path) with its output in a file. `env` may be NULL. */
struct tk_proc *tk_spawn(const char *const *argv, const struct tk_env *env);
pid_t tk_proc_pid(const struct tk_proc *p);
bool tk_proc_running(struct tk_proc *p);
/* Path of its standard output and error. */
const char *tk_proc_log(const struct tk_proc *p);
/* True when the output holds the text. */
bool tk_proc_logged(const struct tk_proc *p, const char *text);
/* Waits until it does; false after the time, or when the program ended without. */
bool tk_wait_logged(struct tk_proc *p, const char *text, int timeout_ms);
/* Waits until it has stopped itself (SIGSTOP); false after the time. */
bool tk_wait_stopped(const struct tk_proc *p, int timeout_ms);
/* Waits for its end: the exit code, 128 + signal, or -1 after the time. */
int tk_proc_wait(struct tk_proc *p, int timeout_ms);
void tk_proc_signal(struct tk_proc *p, int sig);
/* SIGTERM and wait: as tk_proc_wait; killed hard after the time (then -1). */
int tk_proc_stop(struct tk_proc *p, int timeout_ms);
/* kill -9 and wait. */
void tk_proc_kill(struct tk_proc *p);
/* Runs a program to its end: as tk_proc_wait. Its output (cut at cap) goes to `out`, which may be
 * NULL. */
int tk_run(const char *const *argv, const struct tk_env *env, int timeout_ms, char *out,
	   size_t cap);

#endif
