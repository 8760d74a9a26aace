/* PostgreSQL clusters and databases for tests, and SQL on connections of its own (not libs/db's,
 * which is under test). */
#include "core/text.h"
#include "testkit_priv.h"

#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLUSTERS_MAX 4

struct tk_pg {
	bool own;
	char dir[TK_TEXT];
	char conninfo[TK_TEXT];
};

struct tk_pg *tk_pg_open(bool own)
{
	static struct tk_pg all[CLUSTERS_MAX];
	static size_t n;
	const char *shared = getenv("PP_TEST_PG");
	struct tk_pg *pg = &all[n++];

	if (n > CLUSTERS_MAX)
		tk__die("too many clusters");
	if (!own && shared && *shared) {
		tk__print(pg->conninfo, sizeof(pg->conninfo), "%s", shared);
		return pg;
	}
	pg->own = true;
	tk__stack_dir("pg", pg->dir);
	tk_pg_start(pg);
	return pg;
}

const char *tk_pg_conninfo(const struct tk_pg *pg)
{
	return pg->conninfo;
}

static void need_own(const struct tk_pg *pg)
{
	if (!pg->own)
		tk__die("a shared cluster is not stopped");
}

void tk_pg_start(struct tk_pg *pg)
{
	char host[TK_TEXT], port[16], conninfo[TK_TEXT];

	need_own(pg);
	tk__stack("pg-up", pg->dir, NULL);
	tk__stack_setting(pg->dir, "pg.env", "PGHOST", host, sizeof(host));
	tk__stack_setting(pg->dir, "pg.env", "PGPORT", port, sizeof(port));
	tk__print(conninfo, sizeof(conninfo), "host=%s port=%s user=postgres dbname=postgres", host,
		  port);
	if (pg->conninfo[0] && strcmp(conninfo, pg->conninfo) != 0)
		tk__die("PostgreSQL lost its port to somebody");
	tk__print(pg->conninfo, sizeof(pg->conninfo), "%s", conninfo);
}

void tk_pg_stop(struct tk_pg *pg)
{
	need_own(pg);
	tk__stack("pg-down", pg->dir, NULL);
}

void tk_pg_kill(struct tk_pg *pg)
{
	char path[TK_TEXT], data[TK_TEXT];

	need_own(pg);
	tk__print(path, sizeof(path), "%s/pgdata.path", pg->dir);
	if (!tk_read_file(path, data, sizeof(data)))
		tk__die("cannot read %s", path);
	data[strcspn(data, "\n")] = '\0';
	tk__print(path, sizeof(path), "%s/postmaster.pid", data);
	tk__kill_pid_file(path);
}

/* ---- SQL ---- */

static void ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static PGconn *connect_to(const char *conninfo)
{
	PGconn *pg = PQconnectdb(conninfo);

	if (PQstatus(pg) != CONNECTION_OK)
		tk__die("cannot connect: %s", PQerrorMessage(pg));
	PQsetNoticeProcessor(pg, ignore_notice, NULL);
	return pg;
}

/* Runs SQL; the caller clears the result. */
static PGresult *run(PGconn *pg, const char *sql)
{
	PGresult *r = PQexec(pg, sql);
	ExecStatusType kind = PQresultStatus(r);

	if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK)
		tk__die("%s in: %s", PQerrorMessage(pg), sql);
	return r;
}

void tk_sql(const char *conninfo, const char *sql)
{
	PGconn *pg = connect_to(conninfo);

	PQclear(run(pg, sql));
	PQfinish(pg);
}

void tk_sql_state(const char *conninfo, const char *sql, char state[6])
{
	PGconn *pg = connect_to(conninfo);
	PGresult *r = PQexec(pg, sql);
	const char *found = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	snprintf(state, 6, "%s", found ? found : "");
	PQclear(r);
	PQfinish(pg);
}

void tk_sql_text(const char *conninfo, const char *sql, char *out, size_t cap)
{
	PGconn *pg = connect_to(conninfo);
	PGresult *r = run(pg, sql);

	if (PQntuples(r) < 1 || PQnfields(r) < 1)
		tk__die("no row from: %s", sql);
	tk__print(out, cap, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	PQfinish(pg);
}

int64_t tk_sql_int(const char *conninfo, const char *sql)
{
	char text[32];
	int64_t v;

	tk_sql_text(conninfo, sql, text, sizeof(text));
	if (!parse_i64(text, INT64_MIN, INT64_MAX, &v))
		tk__die("not a number from: %s", sql);
	return v;
}

/* ---- databases ---- */

/* The cluster's connection string with these options behind, which win. */
static void with_options(const struct tk_pg *pg, const char *options, char out[TK_TEXT])
{
	tk__print(out, TK_TEXT, "%s %s", pg->conninfo, options);
}

void tk_db_create(struct tk_pg *pg, struct tk_db *ret)
{
	static int made;
	char sql[128], options[128];

	ret->pg = pg;
	tk__print(ret->name, sizeof(ret->name), "t_%d_%d", (int)getpid(), made++);
	/* Told first: a database that was not made is dropped without harm. An own cluster goes as
	 * a whole. */
	if (!pg->own)
		tk__guard_database(pg->conninfo, ret->name);
	tk__print(sql, sizeof(sql), "CREATE DATABASE %s", ret->name);
	tk_sql(pg->conninfo, sql);
	tk__print(options, sizeof(options), "dbname=%s", ret->name);
	with_options(pg, options, ret->superuser);
}

void tk_db_drop(struct tk_db *db)
{
	char sql[128];

	tk__print(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", db->name);
	tk_sql(db->pg->conninfo, sql);
}

void tk_db_conninfo(const struct tk_db *db, const char *role, const char *password,
		    char out[TK_TEXT])
{
	char options[512];

	tk__print(options, sizeof(options), "dbname=%s user=%s password='%s'", db->name, role,
		  password);
	with_options(db->pg, options, out);
}
