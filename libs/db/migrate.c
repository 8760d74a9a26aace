/*
 * Migrations over one blocking connection of the owner's. The list of what was applied lives beside
 * the tables it made; an advisory lock keeps two deploy steps apart.
 */
#include "db/migrate.h"

#include "core/text.h"
#include "db_priv.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA256_BYTES       32
#define SHA256_TEXT        (2 * SHA256_BYTES + 1)
#define MIGRATION_MAX      9999
#define LOCK_WAIT_TEXT     "120s" /* for another deploy step to end */
#define CONNECT_LIMIT_TEXT "10"   /* seconds */

static const char table_sql[] =
	"CREATE TABLE IF NOT EXISTS schema_migrations ("
	" set_name text NOT NULL, number int NOT NULL, name text NOT NULL, sha256 text NOT NULL,"
	" applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (set_name, number))";
/* The service's own roles read it at start; it holds nothing of any tenant. */
static const char grant_sql[] = "GRANT SELECT ON schema_migrations TO PUBLIC";

struct migrator {
	PGconn *pg;
	const char *schema;
	struct error *err;
};

/* SHA-256 in lower-case hex. */
static bool sha256_hex(const char *text, char out[SHA256_TEXT])
{
	unsigned char digest[SHA256_BYTES];

	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	hex_encode(digest, sizeof(digest), out);
	return true;
}

/* The server's own words may be told: migrations hold no rows of tenants, and a deployer needs the
 * reason. */
static enum status server_fault(struct migrator *m, const PGresult *r, const char *what)
{
	char constraint[DB_CONSTRAINT_MAX];
	const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	char line[ERROR_DETAIL_MAX];
	enum status st;

	if (!message) {
		db__first_line(PQerrorMessage(m->pg), line, sizeof(line));
		return error_set(m->err, ST_UNAVAILABLE, NULL, "%s: %s", what, line);
	}
	st = db__error(r, what, constraint, NULL);
	return error_set(m->err, st, NULL, "%s: %s", what, message);
}

/* Runs a statement; the rows, if any, are given to `ret`. */
static enum status query(struct migrator *m, const char *what, const char *sql, int n,
			 const char *const *values, PGresult **ret)
{
	PGresult *r =
		n ? PQexecParams(m->pg, sql, n, NULL, values, NULL, NULL, 0) : PQexec(m->pg, sql);
	ExecStatusType kind = PQresultStatus(r);
	enum status st = ST_OK;

	if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK && kind != PGRES_EMPTY_QUERY)
		st = server_fault(m, r, what);
	if (st == ST_OK && ret)
		*ret = r;
	else
		PQclear(r);
	return st;
}

static enum status connect_to(struct migrator *m, const char *conninfo)
{
	const char *keys[] = { "dbname", "connect_timeout", "client_encoding", NULL };
	const char *values[] = { conninfo, CONNECT_LIMIT_TEXT, "UTF8", NULL };
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	char line[ERROR_DETAIL_MAX];

	/* libpq's own message would repeat the string, with the password in it. */
	if (!options)
		return error_set(m->err, ST_INVALID, "conninfo", "is not a connection string");
	PQconninfoFree(options);
	m->pg = PQconnectdbParams(keys, values, 1);
	if (!m->pg || PQstatus(m->pg) != CONNECTION_OK) {
		db__first_line(m->pg ? PQerrorMessage(m->pg) : "out of memory", line, sizeof(line));
		return error_set(m->err, ST_UNAVAILABLE, NULL, "%s", line);
	}
	PQsetNoticeProcessor(m->pg, db__ignore_notice, NULL);
	return query(m, "session setup",
		     "SELECT set_config('search_path', quote_ident($1) || ', pg_temp', false)", 1,
		     &m->schema, NULL);
}

/* The numbers of a table are 1, 2, 3 ..., so that a forgotten file is noticed at once. */
static enum status check_set(const struct db_migration_set *set, struct error *err)
{
	int n = 0;

	for (const struct db_migration *g = set->migrations; g->name; g++) {
		n++;
		if (g->number != n || n > MIGRATION_MAX)
			return error_set(err, ST_INTERNAL, NULL, "%s/%s has number %d, not %d",
					 set->set, g->name, g->number, n);
	}
	return ST_OK;
}

/* Whether the migration is applied; ST_CONFLICT when its text changed since. */
static enum status look_up(struct migrator *m, const char *set, const struct db_migration *g,
			   const char *sha256, bool *ret)
{
	char number[16];
	const char *values[] = { set, number };
	PGresult *r = NULL;
	enum status st;

	snprintf(number, sizeof(number), "%d", g->number);
	st = query(m, g->name,
		   "SELECT name, sha256 FROM schema_migrations WHERE set_name = $1 AND number = $2",
		   2, values, &r);
	if (st != ST_OK)
		return st;
	if (PQntuples(r) && strcmp(PQgetvalue(r, 0, 1), sha256) != 0)
		st = error_set(m->err, ST_CONFLICT, NULL,
			       "migration %s/%s was applied as %s with another text; add a new "
			       "migration instead of changing it",
			       set, g->name, PQgetvalue(r, 0, 0));
	else
		*ret = PQntuples(r) > 0;
	PQclear(r);
	return st;
}

static enum status note_applied(struct migrator *m, const char *set, const struct db_migration *g,
				const char *sha256)
{
	char number[16];
	const char *values[] = { set, number, g->name, sha256 };

	snprintf(number, sizeof(number), "%d", g->number);
	return query(m, g->name,
		     "INSERT INTO schema_migrations (set_name, number, name, sha256)"
		     " VALUES ($1, $2, $3, $4)",
		     4, values, NULL);
}

/* The migration and its row in one transaction. */
static enum status apply(struct migrator *m, const char *set, const struct db_migration *g,
			 const char *sha256)
{
	enum status st = query(m, g->name, "BEGIN", 0, NULL, NULL);

	if (st == ST_OK)
		st = query(m, g->name, g->sql, 0, NULL, NULL);
	if (st == ST_OK && PQtransactionStatus(m->pg) != PQTRANS_INTRANS)
		st = error_set(m->err, ST_INTERNAL, NULL,
			       "migration %s/%s ends its own transaction", set, g->name);
	if (st == ST_OK)
		st = note_applied(m, set, g, sha256);
	if (st == ST_OK)
		st = query(m, g->name, "COMMIT", 0, NULL, NULL);
	if (st == ST_OK)
		printf("%s: %s/%s applied\n", m->schema, set, g->name);
	else
		PQclear(PQexec(m->pg, "ROLLBACK"));
	return st;
}

/* Goes through the sets in order; `change` applies what is missing, else the first missing one is
 * told. */
static enum status walk(struct migrator *m, const struct db_migration_set *sets, int n_sets,
			bool change)
{
	enum status st = ST_OK;

	for (int i = 0; i < n_sets && st == ST_OK; i++) {
		const struct db_migration *g = sets[i].migrations;

		for (; g->name && st == ST_OK; g++) {
			char sha256[SHA256_TEXT];
			bool applied = false;

			if (!sha256_hex(g->sql, sha256))
				return error_set(m->err, ST_INTERNAL, NULL, "SHA-256 failed");
			st = look_up(m, sets[i].set, g, sha256, &applied);
			if (st != ST_OK || applied)
				continue;
			st = change ? apply(m, sets[i].set, g, sha256)
				    : error_set(m->err, ST_UNAVAILABLE, NULL,
						"migration %s/%s is not applied in schema %s",
						sets[i].set, g->name, m->schema);
		}
	}
	return st;
}

/* The first 64 bits of the schema's SHA-256, as a signed number. */
static enum status take_lock(struct migrator *m)
{
	char sha256[SHA256_TEXT], key[24];
	const char *values[] = { key };
	enum status st;

	if (!sha256_hex(m->schema, sha256))
		return error_set(m->err, ST_INTERNAL, NULL, "SHA-256 failed");
	sha256[16] = '\0';
	snprintf(key, sizeof(key), "%lld", (long long)strtoull(sha256, NULL, 16));
	st = query(m, "migration lock", "SET lock_timeout = '" LOCK_WAIT_TEXT "'", 0, NULL, NULL);
	if (st == ST_OK)
		st = query(m, "migration lock", "SELECT pg_advisory_lock($1)", 1, values, NULL);
	/* Waiting for a table under use is another matter than waiting for a deploy step. */
	if (st == ST_OK)
		st = query(m, "migration lock", "RESET lock_timeout", 0, NULL, NULL);
	return st;
}

/*
 * IF NOT EXISTS would ask for the right to create schemas even when there is nothing to create,
 * which an owner need not have.
 */
static enum status make_schema(struct migrator *m)
{
	PGresult *r = NULL;
	char *quoted;
	char sql[160];
	enum status st = query(m, "schema", "SELECT 1 FROM pg_namespace WHERE nspname = $1", 1,
			       &m->schema, &r);
	bool missing = st == ST_OK && PQntuples(r) == 0;

	PQclear(r);
	if (!missing)
		return st;
	quoted = PQescapeIdentifier(m->pg, m->schema, strlen(m->schema));
	if (!quoted)
		return error_set(m->err, ST_INVALID, "schema", "is not a name");
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", quoted);
	PQfreemem(quoted);
	return query(m, "schema", sql, 0, NULL, NULL);
}

static enum status table_exists(struct migrator *m, bool *ret)
{
	PGresult *r = NULL;
	enum status st = query(m, "schema_migrations",
			       "SELECT 1 FROM pg_tables WHERE schemaname = $1 AND"
			       " tablename = 'schema_migrations'",
			       1, &m->schema, &r);

	if (st == ST_OK)
		*ret = PQntuples(r) > 0;
	PQclear(r);
	return st;
}

static enum status make_table(struct migrator *m)
{
	bool exists = false;
	enum status st = table_exists(m, &exists);

	if (st != ST_OK || exists)
		return st;
	st = query(m, "schema_migrations", table_sql, 0, NULL, NULL);
	return st == ST_OK ? query(m, "schema_migrations", grant_sql, 0, NULL, NULL) : st;
}

static enum status check_sets(const char *schema, const struct db_migration_set *sets, int n_sets,
			      struct error *err)
{
	enum status st = ST_OK;

	if (!*schema || strlen(schema) > DB_STMT_NAME_MAX)
		return error_set(err, ST_INVALID, "schema", "must have 1 to %d bytes",
				 DB_STMT_NAME_MAX);
	for (int i = 0; i < n_sets && st == ST_OK; i++)
		st = check_set(&sets[i], err);
	return st;
}

enum status db_migrate(const char *conninfo, const char *schema,
		       const struct db_migration_set *sets, int n_sets, struct error *err)
{
	struct error own = { 0 };
	struct migrator m = { .schema = schema, .err = err ? err : &own };
	enum status st = check_sets(schema, sets, n_sets, m.err);

	if (st == ST_OK)
		st = connect_to(&m, conninfo);
	if (st == ST_OK)
		st = take_lock(&m);
	if (st == ST_OK)
		st = make_schema(&m);
	if (st == ST_OK)
		st = make_table(&m);
	if (st == ST_OK)
		st = walk(&m, sets, n_sets, true);
	PQfinish(m.pg); /* the lock goes with the session */
	return st;
}

/* Without the table nothing was ever applied; naming the first is more use than the server's "does
 * not exist". */
static enum status check_table(struct migrator *m, const struct db_migration_set *sets, int n_sets)
{
	bool exists = false;
	enum status st = table_exists(m, &exists);

	for (int i = 0; i < n_sets && st == ST_OK && !exists; i++)
		if (sets[i].migrations[0].name)
			st = error_set(m->err, ST_UNAVAILABLE, NULL,
				       "migration %s/%s is not applied in schema %s", sets[i].set,
				       sets[i].migrations[0].name, m->schema);
	return st;
}

enum status db_migrations_check(const char *conninfo, const char *schema,
				const struct db_migration_set *sets, int n_sets, struct error *err)
{
	struct error own = { 0 };
	struct migrator m = { .schema = schema, .err = err ? err : &own };
	enum status st = check_sets(schema, sets, n_sets, m.err);

	if (st == ST_OK)
		st = connect_to(&m, conninfo);
	if (st == ST_OK)
		st = check_table(&m, sets, n_sets);
	if (st == ST_OK)
		st = walk(&m, sets, n_sets, false);
	PQfinish(m.pg);
	return st;
}
