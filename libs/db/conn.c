/*
 * One connection: made without blocking beyond a deadline, set up and prepared in one pipeline, so
 * that a typo in any statement is found at start. (Name resolution alone may block: libpq has no
 * other.)
 */
#include "core/timeutil.h"
#include "db_priv.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* pg_temp is named last, or tables a session makes would shadow the schema's. */
static const char setup_sql[] =
	"SELECT set_config('search_path', quote_ident($1) || ', pg_temp', false),"
	" set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false),"
	" set_config('IntervalStyle', 'iso_8601', false), set_config('bytea_output', 'hex', false),"
	" set_config('statement_timeout', $2, false)";

int db__poll_ms(int64_t until)
{
	int64_t left = until - time_mono_us();

	if (left <= 0)
		return 0;
	left = (left + 999) / 1000;
	return left > 60000 ? 60000 : (int)left;
}

void db__conn_close(struct db_conn *c)
{
	while (c->n)
		db__segment_pop(c);
	PQfinish(c->pg);
	c->pg = NULL;
	c->unsent = false;
	c->recycle = false;
}

/* Flushes what libpq still holds and takes what the socket has; false when the connection is lost.
 */
static bool exchange(struct db_conn *c, short events)
{
	if (c->unsent || (events & POLLOUT)) {
		int rc = PQflush(c->pg);

		if (rc < 0)
			return false;
		c->unsent = rc > 0;
	}
	return !(events & (POLLIN | POLLHUP | POLLERR)) || PQconsumeInput(c->pg) == 1;
}

int db__conn_wait(struct db_conn *c, int64_t until)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };
	int64_t started = time_mono_us();
	int rc;

	if (c->unsent)
		p.events |= POLLOUT;
	rc = poll(&p, 1, db__poll_ms(until));
	c->busy_us += (uint64_t)(time_mono_us() - started);
	if (rc <= 0)
		return 0;
	c->progress = time_mono_us();
	return exchange(c, p.revents) ? 1 : -1;
}

static bool alive(struct db_conn *c)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };

	c->idle = false;
	/*
	 * The server has nothing to say on an idle connection of ours but its end (a terminated
	 * backend, a restart). Making a new one for the rare notice costs milliseconds; sending
	 * into a dead one fails a transaction.
	 */
	if (poll(&p, 1, 0) == 0)
		return true;
	db__conn_close(c);
	return false;
}

/* Drives libpq's handshake to its end. */
static enum status handshake(PGconn *pg, int64_t deadline, struct error *err)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	char line[ERROR_DETAIL_MAX];

	while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
		struct pollfd p = { .fd = PQsocket(pg),
				    .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT };

		if (poll(&p, 1, db__poll_ms(deadline)) <= 0 && time_mono_us() >= deadline)
			return error_set(err, ST_UNAVAILABLE, NULL,
					 "the database did not answer in time");
		if (p.revents)
			next = PQconnectPoll(pg);
	}
	if (next == PGRES_POLLING_OK)
		return ST_OK;
	db__first_line(PQerrorMessage(pg), line, sizeof(line));
	return error_set(err, ST_UNAVAILABLE, NULL, "%s", line);
}

void db__ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static enum status dial(struct db_conn *c, int64_t deadline, struct error *err)
{
	/* keepalive and tcp_user_timeout bound how long a vanished machine goes unnoticed. */
	const char *keys[] = { "dbname",           "client_encoding",           "keepalives_idle",
			       "tcp_user_timeout", "fallback_application_name", NULL };
	const char *values[] = { c->db->conninfo, "UTF8", "30", "20000", c->db->schema, NULL };
	enum status st;

	c->pg = PQconnectStartParams(keys, values, 1);
	if (!c->pg)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	PQsetNoticeProcessor(c->pg, db__ignore_notice, NULL);
	st = PQstatus(c->pg) == CONNECTION_BAD
		     ? error_set(err, ST_UNAVAILABLE, NULL, "cannot start to connect")
		     : handshake(c->pg, deadline, err);
	if (st == ST_OK && (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) != 1))
		st = error_set(err, ST_UNAVAILABLE, NULL, "cannot enter pipeline mode");
	return st;
}

static bool send_setup(struct db_conn *c)
{
	const struct db *db = c->db;
	char timeout[16];
	const char *values[] = { db->schema, timeout };

	snprintf(timeout, sizeof(timeout), "%d", db->statement_timeout_ms);
	if (PQsendQueryParams(c->pg, setup_sql, 2, NULL, values, NULL, NULL, 0) != 1)
		return false;
	for (int i = 0; i < db->n_stmts; i++)
		if (PQsendPrepare(c->pg, db->stmts[i].name, db->stmts[i].sql, 0, NULL) != 1)
			return false;
	return db__send_sync(c);
}

/* Names the statement that the server refused. Statements hold no values, so its own words can be
 * told. */
static enum status setup_fault(const struct db_conn *c, const PGresult *r, int answered,
			       struct error *err)
{
	char constraint[DB_CONSTRAINT_MAX];
	const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	enum status st;

	if (answered == 0 || answered > c->db->n_stmts)
		return db__error(r, "session setup", constraint, err);
	st = db__error(r, c->db->stmts[answered - 1].name, constraint, NULL);
	return error_set(err, st, NULL, "statement %s: %s", c->db->stmts[answered - 1].name,
			 message ? message : "refused");
}

/* Reads the answers of send_setup; the first failure decides. */
static enum status read_setup(struct db_conn *c, int64_t deadline, struct error *err)
{
	enum status st = ST_OK;
	int answered = 0;

	for (;;) {
		while (!PQisBusy(c->pg)) {
			PGresult *r = PQgetResult(c->pg);
			ExecStatusType kind = PQresultStatus(r);

			if (r && kind == PGRES_PIPELINE_SYNC) {
				PQclear(r);
				return st;
			}
			if (r && kind == PGRES_FATAL_ERROR && st == ST_OK)
				st = setup_fault(c, r, answered, err);
			answered += r != NULL;
			PQclear(r);
			if (!r && PQstatus(c->pg) == CONNECTION_BAD)
				break;
		}
		if (PQstatus(c->pg) == CONNECTION_BAD || db__conn_wait(c, deadline) < 0)
			return st != ST_OK ? st
					   : error_set(err, ST_UNAVAILABLE, NULL,
						       "the connection was lost at its start");
		if (time_mono_us() >= deadline)
			return error_set(err, ST_UNAVAILABLE, NULL,
					 "the database did not answer in time");
	}
}

enum status db__conn_open(struct db_conn *c, int64_t deadline, struct error *err)
{
	int64_t limit = time_mono_us() + DB_CONNECT_LIMIT_US;
	enum status st;

	if (deadline < limit)
		limit = deadline;
	c->unsent = c->recycle = c->idle = false;
	st = dial(c, limit, err);
	if (st == ST_OK && !send_setup(c))
		st = error_set(err, ST_UNAVAILABLE, NULL, "the connection was lost at its start");
	if (st == ST_OK)
		st = read_setup(c, limit, err);
	if (st != ST_OK) {
		db__conn_close(c);
		return st;
	}
	c->progress = time_mono_us();
	return ST_OK;
}

enum status db__conn_ready(struct db_conn *c, int64_t deadline, struct error *err)
{
	enum status st;

	/* Answers under way mean that the socket is readable for a good reason. */
	if (c->pg && (c->n || alive(c))) {
		c->idle = false;
		return ST_OK;
	}
	st = db__conn_open(c, deadline, err);
	if (st != ST_OK)
		return st;
	c->reconnects += c->was_up;
	c->was_up = true;
	c->backoff = 0;
	return ST_OK;
}
