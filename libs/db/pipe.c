/*
 * Segments on the wire. A segment is: the scope, the statements, a Sync. There is no BEGIN and no
 * COMMIT: what stands between two Syncs is one implicit transaction which fails alone
 * (docs/internals/db.md tells what BEGIN would do).
 */
#include "core/timeutil.h"
#include "db_priv.h"

#include <stdio.h>

bool db__send_call(struct db_conn *c, const struct db_tx *tx, const struct db_call *call)
{
	return PQsendQueryPrepared(c->pg, c->db->stmts[call->stmt].name, call->n,
				   tx->vals + call->first, tx->lens + call->first,
				   tx->formats + call->first, 0) == 1;
}

bool db__send_plain(struct db_conn *c, enum db_internal id)
{
	return PQsendQueryPrepared(c->pg, c->db->stmts[id].name, 0, NULL, NULL, NULL, 0) == 1;
}

/*
 * Whose rows, and how long a statement may take: what is left until the caller's deadline, so that
 * the server too stops working for somebody who has left.
 */
bool db__send_scope(struct db_conn *c, const struct db_tx *tx)
{
	int64_t left = (tx->deadline - time_mono_us()) / 1000;
	char timeout[24];
	const char *values[] = { tx->scope.tenant_id, tx->scope.brand_ids, timeout };

	if (left < 1)
		left = 1;
	if (left > c->db->statement_timeout_ms)
		left = c->db->statement_timeout_ms;
	snprintf(timeout, sizeof(timeout), "%lld", (long long)left);
	return PQsendQueryPrepared(c->pg, c->db->stmts[DB_SCOPE].name, 3, values, NULL, NULL, 0) ==
	       1;
}

bool db__send_sync(struct db_conn *c)
{
	int rc;

	if (PQpipelineSync(c->pg) != 1)
		return false;
	rc = PQflush(c->pg);
	c->unsent = rc > 0;
	c->progress = time_mono_us();
	return rc >= 0;
}

struct db_segment *db__segment_push(struct db_conn *c, struct db_tx *tx, bool scoped)
{
	struct db_segment *s = &c->segments[(c->first + c->n++) % DB_BATCH_MAX];

	s->tx = tx;
	s->scoped = !scoped;
	s->too_large = false;
	s->n_results = 0;
	s->bytes = 0;
	s->failure = NULL;
	s->failed_call = -1;
	return s;
}

static void drop_results(struct db_segment *s)
{
	for (int i = 0; i < s->n_results; i++) {
		PQclear(s->results[i]);
		s->results[i] = NULL;
	}
}

void db__segment_pop(struct db_conn *c)
{
	struct db_segment *s = &c->segments[c->first];

	drop_results(s);
	s->n_results = 0;
	PQclear(s->failure);
	s->failure = NULL;
	s->tx = NULL;
	c->first = (c->first + 1) % DB_BATCH_MAX;
	c->n--;
}

static void keep_failure(struct db_conn *c, struct db_segment *s, PGresult *r)
{
	if (db__stale_plan(r))
		c->recycle = true;
	if (s->failure) {
		PQclear(r);
		return;
	}
	s->failure = r;
	s->failed_call = s->scoped ? s->n_results : -1;
}

/* Results beyond the limit are dropped at once, and so is what comes after them. */
static void keep_result(struct db_segment *s, PGresult *r)
{
	if (!s->scoped) {
		s->scoped = true;
		PQclear(r);
		return;
	}
	s->bytes += PQresultMemorySize(r);
	if (s->bytes > DB_RESULT_BYTES_MAX && !s->too_large) {
		s->too_large = true;
		drop_results(s);
	}
	if (s->too_large || s->n_results == DB_STATEMENTS_MAX) {
		PQclear(r);
		r = NULL;
	}
	if (s->n_results < DB_STATEMENTS_MAX)
		s->results[s->n_results++] = r;
}

/* True when the segment's Sync was read. */
static bool take(struct db_conn *c, PGresult *r)
{
	struct db_segment *s = &c->segments[c->first];
	ExecStatusType kind = PQresultStatus(r);

	if (kind == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		return true;
	}
	if (kind == PGRES_PIPELINE_ABORTED)
		PQclear(r);
	else if (kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK || kind == PGRES_EMPTY_QUERY)
		keep_result(s, r);
	else
		keep_failure(c, s, r);
	return false;
}

int db__pipe_step(struct db_conn *c)
{
	int nothing = 0;

	/* One NULL ends each statement; two in a row mean that libpq waits for the server. */
	while (c->n && nothing < 2 && !PQisBusy(c->pg)) {
		PGresult *r = PQgetResult(c->pg);

		nothing = r ? 0 : nothing + 1;
		if (r && take(c, r))
			return 1;
	}
	return PQstatus(c->pg) == CONNECTION_BAD ? -1 : 0;
}
