/*
 * What the server's errors mean to a caller: one table from SQLSTATE to status, and a sentence that
 * never holds a row's values. Codes: PostgreSQL 15 manual, appendix A.
 */
#include "db_priv.h"

#include <stdio.h>
#include <string.h>

/* The first row whose prefix fits decides. `message` tells whether the server's primary message is
 * free of row values. */
static const struct {
	const char *prefix;
	enum status status;
	bool message;
	const char *text;
} sqlstates[] = {
	{ "23505", ST_CONFLICT, false, "the value exists already" },
	{ "23503", ST_CONFLICT, false, "another row refers to it, or it refers to a missing row" },
	{ "23", ST_INVALID, false, "a rule of the table is broken" },
	{ "22", ST_INVALID, false, "a value has a wrong form" },
	{ "40", ST_CONFLICT, false, "another transaction changed the same rows" },
	{ "57014", ST_TIMEOUT, false, "the statement took too long" },
	{ "42501", ST_DENIED, true, "not permitted" },
	{ "08", ST_UNAVAILABLE, true, "the connection failed" },
	{ "53", ST_UNAVAILABLE, true, "the server is out of resources" },
	{ "57", ST_UNAVAILABLE, true, "the server is going away" },
	{ "42", ST_INTERNAL, true, "the statement does not fit the tables" },
	{ "", ST_INTERNAL, false, "the statement failed" },
};

static const char *field(const PGresult *r, int code)
{
	const char *s = PQresultErrorField(r, code);

	return s ? s : "";
}

void db__first_line(const char *message, char *out, size_t cap)
{
	size_t n = strcspn(message, "\r\n");

	snprintf(out, cap, "%.*s", (int)(n < cap ? n : cap - 1), message);
}

enum status db__error(const PGresult *r, const char *stmt, char constraint[DB_CONSTRAINT_MAX],
		      struct error *err)
{
	const char *state = field(r, PG_DIAG_SQLSTATE);
	const char *named = field(r, PG_DIAG_CONSTRAINT_NAME);
	const char *column = field(r, PG_DIAG_COLUMN_NAME);
	const char *text;
	size_t i = 0;

	while (strncmp(state, sqlstates[i].prefix, strlen(sqlstates[i].prefix)) != 0)
		i++;
	snprintf(constraint, DB_CONSTRAINT_MAX, "%s", named);
	text = sqlstates[i].message ? field(r, PG_DIAG_MESSAGE_PRIMARY) : sqlstates[i].text;
	return error_set(err, sqlstates[i].status, NULL, "%s: %s%s%s%s%s (SQLSTATE %s)", stmt,
			 *text ? text : sqlstates[i].text, *named ? ", constraint " : "", named,
			 *column ? ", column " : "", column, *state ? state : "unknown");
}

bool db__stale_plan(const PGresult *r)
{
	/* A prepared statement whose table was altered: only a new connection prepares it anew. */
	return strcmp(field(r, PG_DIAG_SQLSTATE), "0A000") == 0 &&
	       strcmp(field(r, PG_DIAG_SOURCE_FUNCTION), "RevalidateCachedQuery") == 0;
}

bool db__retryable(const PGresult *r)
{
	const char *state = field(r, PG_DIAG_SQLSTATE);

	return strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0 || db__stale_plan(r);
}
