/*
 * `pp-deploy roles`: database, roles and schemas. One schema and three roles per service, each shut
 * out of every other schema; the result is read back and checked. Needs a superuser: row security
 * of pp_superview is bypassed by grant. Read next: libs/db/migrate.h.
 */
#include "deploy.h"

#include <postgresql/libpq-fe.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PARAMS_MAX 64

/* Arguments of the blocks below travel as settings, since DO takes no parameters. */
static const char set_arg_sql[] = "SELECT set_config($1, $2, false)";

static const char lock_sql[] = "SELECT pg_advisory_lock(hashtext('pp-deploy'))";

static const char find_database_sql[] = "SELECT 1 FROM pg_database WHERE datname = $1";

/* One byte order everywhere: sorting must not depend on the machine. */
static const char create_database_sql[] =
	"CREATE DATABASE " DATABASE " TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'";

static const char role_sql[] =
	"DO $$\n"
	"DECLARE r text := current_setting('deploy.role');\n"
	"BEGIN\n"
	"  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN\n"
	"    EXECUTE format('CREATE ROLE %I', r);\n"
	"  END IF;\n"
	"  EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION'\n"
	"    ' NOBYPASSRLS PASSWORD %L', r, current_setting('deploy.verifier'));\n"
	"END $$";

static const char database_sql[] =
	"DO $$\n"
	"BEGIN\n"
	"  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());\n"
	"  REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
	"END $$";

static const char schema_sql[] =
	"DO $$\n"
	"DECLARE\n"
	"  s text := current_setting('deploy.schema');\n"
	"  o text := s || '_owner';\n"
	"  a text := s || '_app';\n"
	"  w text := s || '_worker';\n"
	"  other text;\n"
	"BEGIN\n"
	"  EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', s);\n"
	"  EXECUTE format('ALTER SCHEMA %I OWNER TO %I', s, o);\n"
	"  EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', s);\n"
	"  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I', s, a, w);\n"
	"  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I, %I, %I', current_database(), o, a, "
	"w);\n"
	"  FOR other IN SELECT nspname FROM pg_namespace WHERE nspname <> s\n"
	"    AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'\n"
	"  LOOP\n"
	"    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I, %I, %I', other, o, a, w);\n"
	"  END LOOP;\n"
	"END $$";

static const char superview_sql[] =
	"DO $$\n"
	"BEGIN\n"
	"  ALTER ROLE " SUPERVIEW " BYPASSRLS;\n"
	"  ALTER ROLE " SUPERVIEW " SET default_transaction_read_only = on;\n"
	"  GRANT pg_read_all_data TO " SUPERVIEW ";\n"
	"  EXECUTE format('GRANT CONNECT ON DATABASE %I TO " SUPERVIEW "', current_database());\n"
	"END $$";

/* A role of one service that reaches another's schema: none may be left. */
static const char strangers_sql[] =
	"SELECT r.rolname || ' reaches ' || n.nspname FROM pg_roles r, pg_namespace n"
	" WHERE r.rolname ~ '_(owner|app|worker)$'"
	" AND regexp_replace(r.rolname, '_(owner|app|worker)$', '') = ANY"
	" (string_to_array(current_setting('deploy.schemas'), ','))"
	" AND (n.nspname = ANY (string_to_array(current_setting('deploy.schemas'), ',')) OR "
	"n.nspname = 'public')"
	" AND n.nspname <> regexp_replace(r.rolname, '_(owner|app|worker)$', '')"
	" AND (has_schema_privilege(r.oid, n.oid, 'USAGE') OR has_schema_privilege(r.oid, n.oid, "
	"'CREATE'))"
	" ORDER BY 1 LIMIT 1";

/* libpq ends its message with a line break. */
static enum status fail(PGconn *conn, const char *what, struct error *err)
{
	const char *text = PQerrorMessage(conn);

	return error_set(err, ST_UNAVAILABLE, what, "%.*s", (int)strcspn(text, "\n"), text);
}

/* Runs `sql`; `rows` (may be NULL) gets the number of rows, `text` (may be NULL) the first value.
 */
static enum status run(PGconn *conn, const char *sql, const char *const *args, int n, int *rows,
		       char text[VALUE_CAP], struct error *err)
{
	PGresult *r = PQexecParams(conn, sql, n, NULL, args, NULL, NULL, 0);
	ExecStatusType kind = PQresultStatus(r);
	enum status st = ST_OK;

	if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK)
		st = fail(conn, "ADMIN_CONNINFO", err);
	if (st == ST_OK && rows != NULL)
		*rows = PQntuples(r);
	if (st == ST_OK && text != NULL)
		snprintf(text, VALUE_CAP, "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return st;
}

static enum status run_plain(PGconn *conn, const char *sql, struct error *err)
{
	return run(conn, sql, NULL, 0, NULL, NULL, err);
}

static enum status set_arg(PGconn *conn, const char *name, const char *value, struct error *err)
{
	const char *args[] = { name, value };

	return run(conn, set_arg_sql, args, 2, NULL, NULL, err);
}

static void ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* Connects with `conninfo`; `database` (may be NULL) takes the place of its dbname. */
static enum status connect_admin(const char *conninfo, const char *database, PGconn **ret,
				 struct error *err)
{
	const char *keys[PARAMS_MAX + 1] = { "dbname" }, *values[PARAMS_MAX + 1] = { conninfo };
	int n = 1;

	/* The first dbname is expanded as a connection string; what follows wins over it. */
	if (database != NULL) {
		keys[n] = "dbname";
		values[n++] = database;
	}
	keys[n] = "application_name";
	values[n] = "pp-deploy";
	*ret = PQconnectdbParams(keys, values, 1);
	if (PQstatus(*ret) != CONNECTION_OK)
		return fail(*ret, "ADMIN_CONNINFO", err);
	PQsetNoticeProcessor(*ret, ignore_notice, NULL);
	return ST_OK;
}

static enum status ensure_database(PGconn *conn, struct error *err)
{
	const char *args[] = { DATABASE };
	int rows;
	enum status st = run_plain(conn, lock_sql, err);

	if (st == ST_OK)
		st = run(conn, find_database_sql, args, 1, &rows, NULL, err);
	if (st == ST_OK && rows == 0)
		st = run_plain(conn, create_database_sql, err);
	return st;
}

/* The password goes to the server as its SCRAM verifier only, so no log of statements can hold it.
 */
static enum status ensure_role(PGconn *conn, const char *dir, const char *role, struct error *err)
{
	char password[SECRET_CAP], *verifier;
	enum status st = secrets_get(dir, "db", role, password, err);

	if (st != ST_OK)
		return st;
	verifier = PQencryptPasswordConn(conn, password, role, "scram-sha-256");
	sodium_memzero(password, sizeof(password));
	if (verifier == NULL)
		return fail(conn, role, err);
	st = set_arg(conn, "deploy.role", role, err);
	if (st == ST_OK)
		st = set_arg(conn, "deploy.verifier", verifier, err);
	PQfreemem(verifier);
	if (st == ST_OK)
		st = run_plain(conn, role_sql, err);
	return st;
}

static enum status ensure_service(PGconn *conn, const char *dir, const char *service,
				  struct buf *schemas, struct error *err)
{
	char schema[NAME_CAP], role[NAME_CAP + 16];
	enum status st = ST_OK;

	schema_name(service, schema);
	for (size_t i = 0; st == ST_OK && role_kinds[i] != NULL; i++) {
		snprintf(role, sizeof(role), "%s_%s", schema, role_kinds[i]);
		st = ensure_role(conn, dir, role, err);
	}
	if (st == ST_OK)
		st = set_arg(conn, "deploy.schema", schema, err);
	if (st == ST_OK)
		st = run_plain(conn, schema_sql, err);
	buf_printf(schemas, "%s%s", schemas->len > 0 ? "," : "", schema);
	return st;
}

static enum status ensure_all(PGconn *conn, const char *dir, struct error *err)
{
	char stranger[VALUE_CAP];
	struct buf schemas;
	enum status st = run_plain(conn, lock_sql, err);

	buf_init(&schemas, CONFIG_MAX);
	if (st == ST_OK)
		st = run_plain(conn, database_sql, err);
	for (size_t i = 0; st == ST_OK && i < contract_services_n; i++)
		st = ensure_service(conn, dir, contract_services[i]->name, &schemas, err);
	if (st == ST_OK)
		st = ensure_role(conn, dir, SUPERVIEW, err);
	if (st == ST_OK)
		st = run_plain(conn, superview_sql, err);
	if (st == ST_OK)
		st = buf_status(&schemas);
	if (st == ST_OK)
		st = set_arg(conn, "deploy.schemas", buf_str(&schemas), err);
	if (st == ST_OK)
		st = run(conn, strangers_sql, NULL, 0, NULL, stranger, err);
	if (st == ST_OK && stranger[0] != '\0')
		st = error_set(err, ST_DENIED, "roles", "%s, by a grant that is not ours",
			       stranger);
	buf_done(&schemas);
	return st;
}

enum status command_roles(int argc, char **argv, const struct options *o, struct error *err)
{
	PGconn *first = NULL, *conn = NULL;
	char dir[PATH_MAX];
	enum status st = secrets_open(argv[0], dir, err);

	(void)argc;
	(void)o;
	if (st == ST_OK)
		st = connect_admin(argv[1], NULL, &first, err);
	if (st == ST_OK)
		st = ensure_database(first, err);
	PQfinish(first);
	if (st == ST_OK)
		st = connect_admin(argv[1], DATABASE, &conn, err);
	if (st == ST_OK)
		st = ensure_all(conn, dir, err);
	PQfinish(conn);
	if (st == ST_OK)
		printf("roles: %zu services, 3 roles and a schema each\n", contract_services_n);
	return st;
}
