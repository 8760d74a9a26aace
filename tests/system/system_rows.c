/*
 * What stands in the database, seen by the role that may read everything and write nothing. The
 * tables are found in the catalogue, so that a new one joins by itself.
 */
#include "system/system_fixture.h"

#include "core/buf.h"
#include "core/timeutil.h"

#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STILL_US   (300 * 1000) /* rows that did not change so long stand still */
#define ROWS_MAX   (1024 * 1024)
#define ROWS_TEXT  4096
#define SECRET_MIN 12 /* shorter texts may stand in an answer by chance */

/*
 * observability writes of what others do whenever it comes to it: requests that were refused are
 * among its events. Of its tables only those are compared that nobody but a caller changes.
 */
#define CALLERS_OWN \
	" AND (n.nspname <> 'observability' OR c.relname IN ('alert_rules', 'alert_channels'))"
/* What a caller decides of a rule; the rest is how it stands. */
#define WORDS                                                                                     \
	"CASE c.relname WHEN 'alert_rules' THEN '(x.rule_id, x.name, x.comparison, x.threshold, " \
	"x.recovery, x.window_s, x.for_s, x.enabled)' ELSE 'x' END"

static const char tables_sql[] =
	"SELECT coalesce(string_agg(format("
	"'SELECT %L || '' '' || count(*) || '' '' || coalesce(sum(hashtextextended((%s)::text, "
	"0)), 0)"
	" AS line FROM %I.%I AS x WHERE x.tenant_id::text = $1',"
	" n.nspname || '.' || c.relname, " WORDS ", n.nspname, c.relname), ' UNION ALL '), '')"
	" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	" JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnum > 0"
	" WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
	" AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'" CALLERS_OWN;
static const char counts_sql[] =
	"SELECT string_agg(format('SELECT %L || '' '' || count(*) AS line FROM %I.%I',"
	" n.nspname || '.' || c.relname, n.nspname, c.relname), ' UNION ALL ')"
	" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	" WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> "
	"'information_schema'" CALLERS_OWN;

/* Runs that have not ended and events that have not left, over all services that have such. */
static const char busy_tables_sql[] =
	"SELECT 'SELECT ' || string_agg(format("
	"'(SELECT count(*) FROM %I.%I WHERE tenant_id = $1::uuid AND %s)', n.nspname, c.relname,"
	" CASE c.relname WHEN 'outbox' THEN 'sent_at IS NULL'"
	" ELSE 'state NOT IN (''done'', ''failed'')' END), ' + ')"
	" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	" WHERE c.relkind = 'r' AND c.relname IN ('outbox', 'sync_runs')";

static PGconn *view;

static void disconnect(void)
{
	PQfinish(view);
	view = NULL;
}

static PGconn *superview(struct suite *s)
{
	char port[32], path[2 * TK_TEXT], password[128], conninfo[TK_TEXT];

	if (view != NULL && PQstatus(view) == CONNECTION_OK)
		return view;
	if (view == NULL)
		atexit(disconnect);
	else
		disconnect();
	suite_setting(s, "pg.env", "PGPORT", port, sizeof(port));
	snprintf(path, sizeof(path), "%s/db/pp_superview", s->dir);
	if (!tk_read_file(path, password, sizeof(password)))
		suite_fail("cannot read %s", path);
	snprintf(conninfo, sizeof(conninfo),
		 "host=127.0.0.1 port=%s user=pp_superview dbname=pulsepoint connect_timeout=10 "
		 "options='-c statement_timeout=60000' password=%.*s",
		 port, (int)strcspn(password, "\n"), password);
	view = PQconnectdb(conninfo);
	if (PQstatus(view) != CONNECTION_OK)
		suite_fail("pp_superview cannot connect: %s", PQerrorMessage(view));
	return view;
}

static PGresult *ask(struct suite *s, const char *sql, const char *arg)
{
	PGresult *r = PQexecParams(superview(s), sql, arg != NULL, NULL, &arg, NULL, NULL, 0);

	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		suite_fail("%s: %s", PQresultErrorMessage(r), sql);
	return r;
}

void suite_sql(struct suite *s, const char *sql, const char *arg, char *out, size_t cap)
{
	PGresult *r = ask(s, sql, arg);

	snprintf(out, cap, "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
}

char **suite_sql_list(struct suite *s, const char *sql, const char *arg)
{
	PGresult *r = ask(s, sql, arg);
	int n = PQntuples(r);
	char **list = calloc((size_t)n + 1, sizeof(*list));

	for (int i = 0; list != NULL && i < n; i++)
		list[i] = strdup(PQgetvalue(r, i, 0));
	PQclear(r);
	if (list == NULL)
		suite_fail("memory is out");
	return list;
}

void sql_free(char **list)
{
	for (char **p = list; p != NULL && *p != NULL; p++)
		free(*p);
	free(list);
}

/* The lines that the query tells, which the catalogue made. */
static char *lines_of(struct suite *s, const char *query, const char *arg)
{
	struct buf sql, out;
	char **lines;
	PGresult *r = ask(s, query, NULL);

	buf_init(&sql, ROWS_MAX);
	buf_init(&out, ROWS_MAX);
	buf_printf(&sql, "SELECT line FROM (%s) AS t ORDER BY 1", PQgetvalue(r, 0, 0));
	if (*PQgetvalue(r, 0, 0) == 0)
		suite_fail("there are no tables");
	PQclear(r);
	lines = suite_sql_list(s, buf_str(&sql), arg);
	for (char **p = lines; *p != NULL; p++)
		buf_printf(&out, "%s\n", *p);
	if (buf_status(&sql) != ST_OK || buf_status(&out) != ST_OK)
		suite_fail("the tables are too many");
	sql_free(lines);
	buf_done(&sql);
	return out.data;
}

char *suite_rows_of(struct suite *s, const char *tenant_id)
{
	return lines_of(s, tables_sql, tenant_id);
}

char *suite_counts(struct suite *s)
{
	return lines_of(s, counts_sql, NULL);
}

char **suite_secrets(struct suite *s, const char *column, const char *id)
{
	static const char columns_sql[] =
		"SELECT string_agg(format('(SELECT DISTINCT %%I::text AS v FROM %%I.%%I"
		" WHERE %s::text = $1 AND length(%%I::text) >= %d LIMIT 60)',"
		" a.attname, n.nspname, c.relname, a.attname), ' UNION ')"
		" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
		" JOIN pg_namespace n ON n.oid = c.relnamespace"
		" WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
		" AND a.attname IN ('tenant_id', 'brand_id', 'user_id', 'session_id', 'run_id',"
		" 'connection_id', 'order_id', 'name', 'campaign_id', 'account_id', 'visitor_id',"
		" 'question_id', 'rule_id', 'channel_id')"
		/* Everybody's default rules have the same names. */
		" AND (n.nspname <> 'observability' OR a.attname IN ('rule_id', 'channel_id'))"
		" AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid"
		"   AND t.attname = '%s')%s";
	char sql[4096], *all;
	char **list;

	snprintf(sql, sizeof(sql), columns_sql, column, SECRET_MIN, column,
		 strcmp(column, "brand_id") == 0
			 ? " AND a.attname NOT IN ('tenant_id', 'user_id', 'session_id')"
			 : "");
	all = malloc(65536);
	if (all == NULL)
		suite_fail("memory is out");
	suite_sql(s, sql, NULL, all, 65536);
	list = suite_sql_list(s, all, id);
	free(all);
	return list;
}

/* ---- standing still ---- */

struct still {
	struct suite *suite;
	const char *tenant_id;
	char *seen, busy_sql[ROWS_TEXT];
	int64_t since_us;
};

static bool is_still(void *arg)
{
	struct still *w = arg;
	char busy[32], *now;

	suite_sql(w->suite, w->busy_sql, w->tenant_id, busy, sizeof(busy));
	now = suite_rows_of(w->suite, w->tenant_id);
	if (strcmp(busy, "0") != 0 || w->seen == NULL || strcmp(w->seen, now) != 0)
		w->since_us = time_mono_us();
	free(w->seen);
	w->seen = now;
	return time_mono_us() - w->since_us >= STILL_US;
}

void suite_settle(struct suite *s, const char *tenant_id)
{
	struct still w = { .suite = s, .tenant_id = tenant_id };

	suite_sql(s, busy_tables_sql, NULL, w.busy_sql, sizeof(w.busy_sql));
	if (!tk_wait_until(is_still, &w, SUITE_WAIT_MS))
		suite_fail("tenant %s does not come to rest:\n%s", tenant_id, w.seen);
	free(w.seen);
}

const char *rows_difference(const char *before, const char *after)
{
	static char text[512];

	while (*before != '\0' && *after != '\0') {
		size_t a = strcspn(before, "\n"), b = strcspn(after, "\n");

		if (a != b || memcmp(before, after, a) != 0) {
			snprintf(text, sizeof(text), "\"%.*s\" became \"%.*s\"", (int)a, before,
				 (int)b, after);
			return text;
		}
		before += a + (before[a] == '\n');
		after += b + (after[b] == '\n');
	}
	return *before == *after ? "nothing" : "a table came or went";
}
