/*
 * All SQL of the engine. Table: migrations/0001_sync_runs.sql. Statements of the app role see the
 * tenant and brand of the transaction's scope; those of the worker see all tenants. Every write to
 * a run that is being driven names its claim number, so that who lost a run changes nothing.
 */
#include "core/text.h"
#include "core/timeutil.h"
#include "ingest/runs_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_TRIES        3
#define KEEP_BATCH         1000
#define PROJECTING_PERCENT 99

#define NOW "clock_timestamp()"
/* Of a run that is being driven, by who claimed it last. */
#define MINE " WHERE run_id = $1::uuid AND claim = $2::bigint AND state = 'running'"

const struct db_stmt runs_statements[] = {
	{ "runs_active", "SELECT run_id FROM sync_runs WHERE brand_id = $1::uuid AND platform = $2"
			 " AND (state IN ('queued', 'running') OR (state = 'projecting'"
			 "  AND fetched_at > " NOW " - $3::bigint * interval '1 second'))"
			 " ORDER BY state = 'projecting', created_at DESC LIMIT 1" },
	/* Resumes where the latest run failed; then it is as full as that one was. */
	{ "runs_insert",
	  "WITH latest AS (SELECT state, is_full, checkpoint FROM sync_runs"
	  "  WHERE brand_id = $2::uuid AND platform = $3 ORDER BY created_at DESC LIMIT 1),"
	  " resumed AS (SELECT is_full, checkpoint FROM latest"
	  "  WHERE state = 'failed' AND NOT $4::boolean)"
	  " INSERT INTO sync_runs (run_id, tenant_id, brand_id, platform, is_full,"
	  "  actor, traceparent, checkpoint)"
	  " SELECT $1::uuid, nullif(current_setting('app.tenant_id', true), '')::uuid,"
	  "  $2::uuid, $3, $4::boolean OR coalesce((SELECT is_full FROM resumed), false),"
	  "  $5, $6, (SELECT checkpoint FROM resumed)"
	  " ON CONFLICT (tenant_id, brand_id, platform)"
	  "  WHERE state IN ('queued', 'running') DO NOTHING RETURNING run_id" },
	{ "runs_get", "SELECT run_id, brand_id, platform, state, rows, pages, retries, progress,"
		      " expected, error, note, created_at, started_at, finished_at"
		      " FROM sync_runs WHERE run_id = $1::uuid" },
	{ "runs_projected",
	  "UPDATE sync_runs SET state = 'done', finished_at = " NOW ", note = ''"
	  " WHERE run_id IN (SELECT run_id FROM sync_runs WHERE run_id = ANY ($1::uuid[])"
	  "  AND state = 'projecting' ORDER BY run_id FOR UPDATE)" },
	{ "runs_note", "UPDATE sync_runs SET note = $3, retries = $4::bigint" MINE },
	{ "runs_page",
	  "UPDATE sync_runs SET checkpoint = coalesce($3, checkpoint), rows = $4::bigint,"
	  " pages = $5::bigint, events = $6::bigint, retries = $7::bigint,"
	  " progress = $8::bigint, expected = $9::bigint,"
	  " note = '', stalled = 0, step = step + 1,"
	  " state = CASE WHEN $10::boolean THEN 'projecting' ELSE state END,"
	  " fetched_at = CASE WHEN $10::boolean THEN " NOW " END,"
	  " owner = CASE WHEN NOT $10::boolean THEN owner END,"
	  " lease_until = CASE WHEN NOT $10::boolean THEN lease_until END" MINE
	  " AND step = $11::bigint" },
	{ "runs_failed",
	  "UPDATE sync_runs SET state = 'failed', error = $3, retries = $4::bigint, note = '',"
	  " owner = NULL, lease_until = NULL, finished_at = " NOW MINE },
	{ NULL, NULL },
};

const struct db_stmt runs_worker_statements[] = {
	/*
	 * The oldest run that nobody drives: queued, handed back, of a process whose session (and
	 * with it its lock) is gone, or of one that renews no more. pg_locks is read only when
	 * another's run is looked at.
	 */
	{ "runs_claim",
	  "WITH alive AS MATERIALIZED ("
	  "  SELECT (classid::bigint << 32) | objid::bigint AS key FROM pg_locks"
	  "  WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND database ="
	  "   (SELECT oid FROM pg_database WHERE datname = current_database())),"
	  " next AS (SELECT run_id, owner IS NOT NULL AS was_owned FROM sync_runs"
	  "  WHERE state IN ('queued', 'running') AND (state = 'queued' OR owner IS NULL"
	  "   OR lease_until < " NOW " OR owner NOT IN (SELECT key FROM alive))"
	  "  ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
	  " UPDATE sync_runs AS r SET state = 'running', owner = $1::bigint,"
	  "  claim = r.claim + 1, note = '', stalled = r.stalled + next.was_owned::int,"
	  "  lease_until = " NOW " + $2::bigint * interval '1 millisecond',"
	  "  started_at = coalesce(r.started_at, " NOW ")"
	  " FROM next WHERE r.run_id = next.run_id RETURNING r.run_id, r.tenant_id,"
	  "  r.brand_id, r.platform, r.is_full, r.started_at, r.rows, r.pages, r.events,"
	  "  r.retries, r.actor, r.traceparent, r.claim, next.was_owned, r.stalled,"
	  "  r.checkpoint, r.progress, r.expected, r.step" },
	{ "runs_renew",
	  "UPDATE sync_runs AS r"
	  " SET lease_until = " NOW " + $3::bigint * interval '1 millisecond'"
	  " FROM unnest($1::uuid[], $2::bigint[]) AS mine (run_id, claim)"
	  " WHERE r.run_id = mine.run_id AND r.claim = mine.claim AND r.state = 'running'"
	  " RETURNING r.run_id" },
	{ "runs_release", "UPDATE sync_runs SET owner = NULL, lease_until = NULL, note = ''" MINE },
	{ "runs_keep",
	  "DELETE FROM sync_runs WHERE run_id IN (SELECT run_id FROM sync_runs AS old"
	  " WHERE state IN ('done', 'failed')"
	  " AND finished_at < now() - $1::bigint * interval '1 day'"
	  " AND EXISTS (SELECT FROM sync_runs AS newer WHERE newer.tenant_id = old.tenant_id"
	  "  AND newer.brand_id = old.brand_id AND newer.platform = old.platform"
	  "  AND newer.created_at > old.created_at) LIMIT $2::bigint)" },
	{ NULL, NULL },
};

/* For the keeper's one session; one that was made anew takes the lock again. */
const struct db_stmt runs__keeper_statements[] = {
	{ "runs_lock", "SELECT CASE WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'"
		       "  AND pid = pg_backend_pid() AND objsubid = 1 AND granted"
		       "  AND (classid::bigint << 32) | objid::bigint = $1::bigint)"
		       " THEN true ELSE pg_try_advisory_lock($1::bigint) END" },
	{ NULL, NULL },
};

static const char *const state_words[] = {
	[RUN_QUEUED] = "queued", [RUN_RUNNING] = "running", [RUN_PROJECTING] = "projecting",
	[RUN_DONE] = "done",     [RUN_FAILED] = "failed",
};
#define N_STATES (sizeof(state_words) / sizeof(state_words[0]))

const char *run_state_name(enum run_state s)
{
	return (size_t)s < N_STATES ? state_words[s] : "";
}

static uint32_t count_of(int64_t v)
{
	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static enum status no_memory(struct error *err)
{
	return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
}

/* ---- starting ---- */

static enum status find_active(struct db_tx *tx, const char *brand_id, const char *platform,
			       char ret_run_id[UUID_TEXT], struct error *err)
{
	struct db_args args;
	enum status st;
	int res = 0;

	db_args_init(&args, db_tx_arena(tx));
	db_arg_text(&args, brand_id);
	db_arg_text(&args, platform);
	db_arg_i64(&args, RUNS_PROJECTING_WAIT_S);
	st = db_exec(tx, "runs_active", &args, &res, err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, res) == 0)
		return ST_NOT_FOUND;
	return text_copy(ret_run_id, UUID_TEXT, db_str(tx, res, 0, 0));
}

/* ST_NOT_FOUND when another run came in between. */
static enum status insert_run(struct db_tx *tx, const struct event_origin *origin,
			      const char *brand_id, const char *platform, bool full,
			      char ret_run_id[UUID_TEXT], struct error *err)
{
	char run_id[UUID_TEXT];
	struct db_args args;
	enum status st;
	int res = 0;

	uuid_v7(run_id);
	db_args_init(&args, db_tx_arena(tx));
	db_arg_text(&args, run_id);
	db_arg_text(&args, brand_id);
	db_arg_text(&args, platform);
	db_arg_bool(&args, full);
	db_arg_text(&args, origin->actor ? origin->actor : "");
	db_arg_text(&args, origin->traceparent ? origin->traceparent : "");
	st = db_exec(tx, "runs_insert", &args, &res, err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, res) == 0)
		return ST_NOT_FOUND;
	memcpy(ret_run_id, run_id, sizeof(run_id));
	return ST_OK;
}

static enum status check_start(const struct db_tx *tx, const struct event_origin *origin,
			       const char *brand_id, const char *platform, struct error *err)
{
	if (!db_is_open(tx))
		return error_set(err, ST_INTERNAL, NULL, "a run is started in an open transaction");
	if (!uuid_valid(brand_id))
		return error_set(err, ST_INVALID, "brand_id", "is not a UUID");
	if (!token_valid(platform) || strlen(platform) >= RUNS_PLATFORM_TEXT)
		return error_set(err, ST_INVALID, "platform", "is not a platform");
	if (origin->actor && strlen(origin->actor) >= RUNS_ACTOR_TEXT)
		return error_set(err, ST_INVALID, "actor", "is too long");
	return ST_OK;
}

enum status runs_start(struct runs *r, struct db_tx *tx, const struct event_origin *origin,
		       const char *brand_id, const char *platform, bool full,
		       char ret_run_id[UUID_TEXT], bool *is_new, struct error *err)
{
	enum status st = check_start(tx, origin, brand_id, platform, err);

	if (st != ST_OK)
		return st;
	for (int i = 0; i < START_TRIES; i++) {
		st = find_active(tx, brand_id, platform, ret_run_id, err);
		if (st == ST_OK && is_new != NULL)
			*is_new = false;
		if (st != ST_NOT_FOUND)
			return st;
		st = insert_run(tx, origin, brand_id, platform, full, ret_run_id, err);
		if (st == ST_OK) {
			if (r != NULL)
				db_after_commit(tx, runs__wake, r);
			if (is_new != NULL)
				*is_new = true;
		}
		if (st != ST_NOT_FOUND)
			return st;
	}
	return error_set(err, ST_CONFLICT, NULL, "another run was started at the same time");
}

/* ---- looking ---- */

static uint32_t percent_of(enum run_state state, int64_t progress, int64_t expected)
{
	switch (state) {
	case RUN_QUEUED:
		return 0;
	case RUN_PROJECTING:
		return PROJECTING_PERCENT;
	case RUN_DONE:
		return 100;
	case RUN_RUNNING:
	case RUN_FAILED:
		break;
	}
	if (expected <= 0 || progress <= 0)
		return 0;
	if (progress >= expected)
		return PROJECTING_PERCENT;
	while (progress > INT64_MAX / PROJECTING_PERCENT) {
		progress /= 2;
		expected /= 2;
	}
	return (uint32_t)(progress * PROJECTING_PERCENT / expected);
}

static enum status read_view(const struct db_tx *tx, int res, struct run_view *ret)
{
	struct run_view v = { 0 };
	const char *state = db_str(tx, res, 0, 3);

	for (size_t i = 0; i < N_STATES; i++) {
		if (strcmp(state, state_words[i]) == 0)
			v.state = (enum run_state)i;
	}
	if (text_copy(v.run_id, sizeof(v.run_id), db_str(tx, res, 0, 0)) != ST_OK ||
	    text_copy(v.brand_id, sizeof(v.brand_id), db_str(tx, res, 0, 1)) != ST_OK ||
	    text_copy(v.platform, sizeof(v.platform), db_str(tx, res, 0, 2)) != ST_OK)
		return ST_INTERNAL;
	v.rows = count_of(db_int(tx, res, 0, 4));
	v.pages = count_of(db_int(tx, res, 0, 5));
	v.retries = count_of(db_int(tx, res, 0, 6));
	v.percent = percent_of(v.state, db_int(tx, res, 0, 7), db_int(tx, res, 0, 8));
	snprintf(v.error, sizeof(v.error), "%s", db_str(tx, res, 0, 9));
	snprintf(v.note, sizeof(v.note), "%s", db_str(tx, res, 0, 10));
	v.created_at = db_time(tx, res, 0, 11);
	v.started_at = db_time(tx, res, 0, 12);
	v.finished_at = db_time(tx, res, 0, 13);
	*ret = v;
	return ST_OK;
}

enum status runs_get(struct db_tx *tx, const char *platform, const char *run_id,
		     int64_t deadline_mono_us, struct run_view *ret, struct error *err)
{
	struct db_args args;
	enum status st;
	int res;

	if (!uuid_valid(run_id))
		return error_set(err, ST_NOT_FOUND, NULL, "no such run");
	db_args_init(&args, db_tx_arena(tx));
	db_arg_text(&args, run_id);
	res = db_add(tx, "runs_get", &args);
	st = db_run(tx, deadline_mono_us, err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, res) == 0 ||
	    (platform != NULL && strcmp(platform, db_str(tx, res, 0, 2)) != 0))
		return error_set(err, ST_NOT_FOUND, NULL, "no such run");
	return read_view(tx, res, ret);
}

enum status runs_projected(struct db_tx *tx, struct arena *a, const char *const *run_ids, size_t n,
			   struct error *err)
{
	const char **good = arena_array(a, n + 1, sizeof(*good));
	struct db_args args;
	size_t n_good = 0;

	if (n > RUNS_PROJECTED_MAX)
		return error_set(err, ST_TOO_LARGE, NULL, "more than %d runs at once",
				 RUNS_PROJECTED_MAX);
	if (good == NULL)
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		if (run_ids[i] != NULL && uuid_valid(run_ids[i]))
			good[n_good++] = run_ids[i];
	}
	if (n_good == 0)
		return ST_OK;
	db_args_init(&args, a);
	db_arg_text_array(&args, good, n_good);
	return db_do(tx, "runs_projected", &args, err);
}

/* ---- claims and leases ---- */

bool runs__store_lock(struct runs *r)
{
	AUTO_TX *tx = db_tx_new(r->keeper, NULL);
	struct error err = { 0 };
	struct db_args args;
	int res;

	if (tx == NULL)
		return false;
	db_args_init(&args, db_tx_arena(tx));
	db_arg_i64(&args, r->owner);
	res = db_add(tx, "runs_lock", &args);
	return db_run(tx, 0, &err) == ST_OK && db_bool(tx, res, 0, 0);
}

void runs__claimed_done(struct claimed *c)
{
	free(c->checkpoint);
	*c = (struct claimed){ 0 };
}

static enum status read_run(const struct db_tx *tx, int res, struct run *ret)
{
	struct run v = {
		.full = db_bool(tx, res, 0, 4),
		.started_at = db_time(tx, res, 0, 5),
		.rows = count_of(db_int(tx, res, 0, 6)),
		.pages = count_of(db_int(tx, res, 0, 7)),
		.events = count_of(db_int(tx, res, 0, 8)),
		.retries = count_of(db_int(tx, res, 0, 9)),
	};

	if (text_copy(v.run_id, sizeof(v.run_id), db_str(tx, res, 0, 0)) != ST_OK ||
	    text_copy(v.tenant_id, sizeof(v.tenant_id), db_str(tx, res, 0, 1)) != ST_OK ||
	    text_copy(v.brand_id, sizeof(v.brand_id), db_str(tx, res, 0, 2)) != ST_OK ||
	    text_copy(v.platform, sizeof(v.platform), db_str(tx, res, 0, 3)) != ST_OK ||
	    text_copy(v.actor, sizeof(v.actor), db_str(tx, res, 0, 10)) != ST_OK ||
	    text_copy(v.traceparent, sizeof(v.traceparent), db_str(tx, res, 0, 11)) != ST_OK)
		return ST_INTERNAL;
	*ret = v;
	return ST_OK;
}

static enum status read_claimed(struct db_tx *tx, int res, struct claimed *ret)
{
	struct claimed c = {
		.claim = db_int(tx, res, 0, 12),
		.was_owned = db_bool(tx, res, 0, 13),
		.stalled = (int)db_int(tx, res, 0, 14),
		.progress = db_int(tx, res, 0, 16),
		.expected = db_int(tx, res, 0, 17),
		.step = db_int(tx, res, 0, 18),
	};
	enum status st = read_run(tx, res, &c.run);
	const uint8_t *bytes;

	if (st != ST_OK)
		return st;
	if (!db_null(tx, res, 0, 15)) {
		bytes = db_bytes(tx, db_tx_arena(tx), res, 0, 15, &c.checkpoint_len);
		c.checkpoint = bytes != NULL ? malloc(c.checkpoint_len + 1)
					     : NULL; /* allowed: outlives the tx */
		if (c.checkpoint == NULL)
			return ST_UNAVAILABLE;
		memcpy(c.checkpoint, bytes, c.checkpoint_len);
		c.checkpoint[c.checkpoint_len] = '\0';
	}
	*ret = c;
	return ST_OK;
}

enum status runs__store_claim(struct runs *r, struct claimed *ret, struct error *err)
{
	AUTO_TX *tx = db_tx_new(r->cfg.worker, NULL);
	struct db_args args;
	enum status st;
	int res;

	if (tx == NULL)
		return no_memory(err);
	db_args_init(&args, db_tx_arena(tx));
	db_arg_i64(&args, r->owner);
	db_arg_i64(&args, r->cfg.lease_ms);
	res = db_add(tx, "runs_claim", &args);
	st = db_run(tx, 0, err);
	if (st != ST_OK)
		return st;
	return db_rows(tx, res) == 0 ? ST_NOT_FOUND : read_claimed(tx, res, ret);
}

enum status runs__store_renew(struct runs *r, const char *const *run_ids, const int64_t *claims,
			      size_t n, bool *kept, struct error *err)
{
	AUTO_TX *tx = db_tx_new(r->cfg.worker, NULL);
	struct db_args args;
	enum status st;
	int res;

	if (tx == NULL)
		return no_memory(err);
	db_args_init(&args, db_tx_arena(tx));
	db_arg_text_array(&args, run_ids, n);
	db_arg_i64_array(&args, claims, n);
	db_arg_i64(&args, r->cfg.lease_ms);
	res = db_add(tx, "runs_renew", &args);
	st = db_run(tx, 0, err);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < n; i++) {
		kept[i] = false;
		for (int row = 0; row < db_rows(tx, res); row++)
			kept[i] = kept[i] || strcmp(run_ids[i], db_str(tx, res, row, 0)) == 0;
	}
	return ST_OK;
}

enum status runs__store_release(struct runs *r, const struct claimed *c, struct error *err)
{
	AUTO_TX *tx = db_tx_new(r->cfg.worker, NULL);
	struct db_args args;

	if (tx == NULL)
		return no_memory(err);
	db_args_init(&args, db_tx_arena(tx));
	db_arg_text(&args, c->run.run_id);
	db_arg_i64(&args, c->claim);
	db_add(tx, "runs_release", &args);
	return db_run(tx, 0, err);
}

enum status runs__store_keep(struct runs *r, struct error *err)
{
	AUTO_TX *tx = db_tx_new(r->cfg.worker, NULL);
	struct db_args args;

	if (tx == NULL)
		return no_memory(err);
	db_args_init(&args, db_tx_arena(tx));
	db_arg_i64(&args, RUNS_KEEP_DAYS);
	db_arg_i64(&args, KEEP_BATCH);
	db_add(tx, "runs_keep", &args);
	return db_run(tx, 0, err);
}

/* ---- writing the run that is driven ---- */

static void claim_args(struct db_args *args, struct db_tx *tx, const struct claimed *c)
{
	db_args_init(args, db_tx_arena(tx));
	db_arg_text(args, c->run.run_id);
	db_arg_i64(args, c->claim);
}

static enum status lost(struct error *err)
{
	return error_set(err, ST_CANCELLED, NULL, "the run went on without this process");
}

enum status runs__store_note(struct runs *r, const struct claimed *c, const char *note,
			     struct error *err)
{
	struct db_scope scope = { c->run.tenant_id, c->run.brand_id };
	AUTO_TX *tx = db_tx_new(r->cfg.db, &scope);
	struct db_args args;
	enum status st;
	int res;

	if (tx == NULL)
		return no_memory(err);
	claim_args(&args, tx, c);
	db_arg_text(&args, note);
	db_arg_i64(&args, c->run.retries);
	res = db_add(tx, "runs_note", &args);
	st = db_run(tx, 0, err);
	return st == ST_OK && db_affected(tx, res) == 0 ? lost(err) : st;
}

enum status runs__store_page(struct db_tx *tx, const struct claimed *c, const struct run_page *page,
			     const struct run *now, struct error *err)
{
	struct db_args args;
	enum status st;
	int res = 0;

	claim_args(&args, tx, c);
	if (page->next_checkpoint != NULL)
		db_arg_bytes(&args, page->next_checkpoint, page->next_checkpoint_len);
	else
		db_arg_null(&args);
	db_arg_i64(&args, now->rows);
	db_arg_i64(&args, now->pages);
	db_arg_i64(&args, now->events);
	db_arg_i64(&args, now->retries);
	db_arg_i64(&args, page->progress);
	db_arg_i64(&args, page->expected);
	db_arg_bool(&args, page->last);
	db_arg_i64(&args, c->step);
	st = db_exec(tx, "runs_page", &args, &res, err);
	return st == ST_OK && db_affected(tx, res) == 0 ? lost(err) : st;
}

enum status runs__store_failed(struct db_tx *tx, const struct claimed *c, const char *why,
			       struct error *err)
{
	struct db_args args;
	enum status st;
	int res = 0;

	claim_args(&args, tx, c);
	db_arg_text(&args, why);
	db_arg_i64(&args, c->run.retries);
	st = db_exec(tx, "runs_failed", &args, &res, err);
	return st == ST_OK && db_affected(tx, res) == 0 ? lost(err) : st;
}
