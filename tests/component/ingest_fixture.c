/* See the header. The service's own code is what a real one has to write: open, fetch, store,
 * finish, failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/ingest_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD "only-for-tests"

/* ---- the service ---- */

static const struct db_stmt things_statements[] = {
	{ "things_upsert",
	  "INSERT INTO things (tenant_id, brand_id, thing_id, run_id)"
	  " SELECT $1::uuid, $2::uuid, t, $4::uuid FROM unnest($3::text[]) AS t"
	  " ON CONFLICT (tenant_id, brand_id, thing_id) DO UPDATE SET run_id = excluded.run_id,"
	  " written = things.written + 1" },
	{ "things_event", "INSERT INTO events (tenant_id, run_id, kind, page) VALUES ($1::uuid, "
			  "$2::uuid, $3, $4::int)" },
	{ "things_mark",
	  "INSERT INTO marks (tenant_id, run_id, status) VALUES ($1::uuid, $2::uuid, $3)" },
	{ NULL, NULL },
};
static const char roles_sql[] =
	"CREATE ROLE " THINGS_SCHEMA "_owner LOGIN PASSWORD '" PASSWORD "';"
	"CREATE ROLE " THINGS_SCHEMA "_app LOGIN PASSWORD '" PASSWORD "';"
	"CREATE ROLE " THINGS_SCHEMA "_worker LOGIN PASSWORD '" PASSWORD "';"
	"CREATE SCHEMA " THINGS_SCHEMA " AUTHORIZATION " THINGS_SCHEMA "_owner;"
	"GRANT USAGE ON SCHEMA " THINGS_SCHEMA " TO " THINGS_SCHEMA "_app, " THINGS_SCHEMA
	"_worker;";
static const char tables_sql[] = "CREATE TABLE things (tenant_id uuid, brand_id uuid, thing_id "
				 "text, run_id uuid, written int DEFAULT 1,"
				 " PRIMARY KEY (tenant_id, brand_id, thing_id));"
				 "CREATE TABLE events (tenant_id uuid, run_id uuid, kind text, "
				 "page int, at timestamptz DEFAULT clock_timestamp());"
				 "CREATE TABLE marks (tenant_id uuid, run_id uuid, status text);"
				 "GRANT ALL ON things, events, marks TO " THINGS_SCHEMA "_app;";

static struct things_plan *plan_of(struct things *t, const struct run *run)
{
	for (size_t i = 0; i < t->n_plans; i++) {
		if (strcmp(t->plans[i]->brand_id, run->brand_id) == 0)
			return t->plans[i];
	}
	INVARIANT(!"a run of no plan");
	return NULL;
}

static enum status bad(struct things_plan *p, struct error *err)
{
	p->bad_times--;
	error_set(err, p->bad_status, NULL, "%s", p->bad_words ? p->bad_words : "");
	if (err != NULL)
		err->retry_after_s = p->bad_retry_after_s; /* error_set cleared it */
	return p->bad_status;
}

static enum status things_session(void *app, const struct run *run, void **ret, struct error *err)
{
	struct things_plan *p = plan_of(app, run);

	if (p->bad_open && p->bad_times > 0)
		return bad(p, err);
	atomic_fetch_add(&p->opened, 1);
	*ret = p;
	return ST_OK;
}

static void things_session_end(void *app, void *session)
{
	struct things_plan *p = session;

	(void)app;
	atomic_fetch_add(&p->closed, 1);
}

/* Waits as a request to a stuck provider would: until it answers or the run is cancelled. */
static enum status hold(struct things_plan *p, const struct run *run)
{
	enum status st = ST_OK;

	pthread_mutex_lock(&p->lock);
	p->held = true;
	pthread_cond_broadcast(&p->cond);
	while (!p->go && st == ST_OK) {
		pthread_mutex_unlock(&p->lock);
		time_sleep_us(time_mono_us() + THINGS_LOOK_US);
		if (atomic_load(runs_cancelled(run)))
			st = ST_CANCELLED;
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return st;
}

static enum status things_fetch(void *app, struct run_page *page, struct error *err)
{
	struct things_plan *p = page->session;
	int n = page->checkpoint != NULL ? (int)strtol(page->checkpoint, NULL, 10) : 0;

	(void)app;
	INVARIANT(n < THINGS_PAGES_MAX);
	atomic_fetch_add(&p->asked[n], 1);
	if (n == p->hold_page && hold(p, page->run) != ST_OK)
		return ST_CANCELLED;
	if (n == p->bad_page && !p->bad_open && p->bad_times > 0)
		return bad(p, err);
	page->data = arena_printf(page->arena, "%d", n);
	page->next_checkpoint = arena_printf(page->arena, "%d", n + 1);
	page->next_checkpoint_len = strlen(page->next_checkpoint);
	page->last = n + 1 >= p->pages;
	page->progress = (int64_t)(n + 1) * p->rows;
	page->expected = (int64_t)p->pages * p->rows;
	return ST_OK;
}

static enum status put_event(struct db_tx *tx, const struct run *run, const char *kind, int page,
			     struct error *err)
{
	struct event_origin origin = run_origin(run);
	struct db_args args;

	db_args_init(&args, db_tx_arena(tx));
	db_arg_text(&args, origin.tenant_id);
	db_arg_text(&args, run->run_id);
	db_arg_text(&args, kind);
	db_arg_i64(&args, page);
	return db_do(tx, "things_event", &args, err);
}

static enum status things_store(void *app, struct run_page *page, struct db_tx *tx,
				struct error *err)
{
	struct things_plan *p = page->session;
	int n = (int)strtol(page->data, NULL, 10);
	const char **ids = arena_array(page->arena, (size_t)p->rows + 1, sizeof(*ids));
	struct db_args args;
	enum status st;

	(void)app;
	for (int i = 0; i < p->rows; i++)
		ids[i] = arena_printf(page->arena, "%d-%d", n, i);
	db_args_init(&args, page->arena);
	db_arg_text(&args, page->run->tenant_id);
	db_arg_text(&args, page->run->brand_id);
	db_arg_text_array(&args, ids, (size_t)p->rows);
	db_arg_text(&args, page->run->run_id);
	st = db_do(tx, "things_upsert", &args, err);
	if (st == ST_OK)
		st = put_event(tx, page->run, "page", n, err);
	if (st != ST_OK)
		return st;
	if (n == p->store_page && p->store_times > 0) {
		p->store_times--;
		return error_set(err, p->store_status, NULL, "row 4711 clashes");
	}
	atomic_fetch_add(&p->stored, 1);
	page->rows = (uint32_t)p->rows;
	page->events = 1;
	return ST_OK;
}

static enum status things_finish(void *app, struct run_page *page, const struct run *run,
				 struct db_tx *tx, struct error *err)
{
	struct things_plan *p = page->session;

	(void)app;
	atomic_store(&p->finished_events, (int)run->events);
	return put_event(tx, run, "finished", (int)run->events, err);
}

static enum status things_failed(void *app, const struct run *run, void *session, struct db_tx *tx,
				 const struct error *why, struct error *err)
{
	struct things_plan *p = plan_of(app, run);
	struct db_args args;

	INVARIANT(session == NULL || session == p);
	atomic_fetch_add(&p->hooks, 1);
	p->hook_status = why->status;
	if (p->hook_fails)
		return error_set(err, ST_INVALID, NULL, "the hook fails");
	db_args_init(&args, db_tx_arena(tx));
	db_arg_text(&args, run->tenant_id);
	db_arg_text(&args, run->run_id);
	db_arg_text(&args, status_name(why->status));
	return db_do(tx, "things_mark", &args, err);
}

static const struct ingest_spec things_spec = {
	.open = things_session,
	.close = things_session_end,
	.fetch = things_fetch,
	.store = things_store,
	.finish = things_finish,
	.failed = things_failed,
};

/* ---- plans ---- */

void things_plan_init(struct things_plan *p, const char *tenant_id, int pages, int rows)
{
	*p = (struct things_plan){
		.pages = pages, .rows = rows, .bad_page = -1, .store_page = -1, .hold_page = -1
	};
	memcpy(p->tenant_id, tenant_id, UUID_TEXT);
	uuid_v7(p->brand_id);
	INVARIANT(pthread_mutex_init(&p->lock, NULL) == 0);
	INVARIANT(pthread_cond_init(&p->cond, NULL) == 0);
}

void things_plan_await_held(struct things_plan *p)
{
	int64_t deadline = time_mono_us() + THINGS_WAIT_US;
	bool held = false;

	while (!held) {
		INVARIANT(time_mono_us() < deadline);
		time_sleep_us(time_mono_us() + THINGS_LOOK_US);
		pthread_mutex_lock(&p->lock);
		held = p->held;
		pthread_mutex_unlock(&p->lock);
	}
}

void things_plan_let_go(struct things_plan *p)
{
	pthread_mutex_lock(&p->lock);
	p->go = true;
	pthread_mutex_unlock(&p->lock);
}

/* ---- the database ---- */

int64_t things_count(const struct things_db *d, const char *sql)
{
	char text[2048];

	snprintf(text, sizeof(text), "SET client_min_messages = warning; SET search_path = %s; %s",
		 THINGS_SCHEMA, sql);
	return tk_sql_int(d->db.superuser, text);
}

void things_sql(const struct things_db *d, const char *sql)
{
	char text[2048];

	snprintf(text, sizeof(text), "SET client_min_messages = warning; SET search_path = %s; %s",
		 THINGS_SCHEMA, sql);
	tk_sql(d->db.superuser, text);
}

void things_db_attach(struct things_db *d, const char *app, const char *worker)
{
	snprintf(d->app, sizeof(d->app), "%s", app);
	snprintf(d->worker, sizeof(d->worker), "%s", worker);
}

void things_db_make(struct things_db *d, struct tk_pg *pg)
{
	const struct db_migration_set set = RUNS_MIGRATION_SET;
	char owner[TK_TEXT];
	struct error err = { 0 };

	tk_db_create(pg, &d->db);
	tk_db_conninfo(&d->db, THINGS_SCHEMA "_owner", PASSWORD, owner);
	tk_db_conninfo(&d->db, THINGS_SCHEMA "_app", PASSWORD, d->app);
	tk_db_conninfo(&d->db, THINGS_SCHEMA "_worker", PASSWORD, d->worker);
	tk_sql(d->db.superuser, roles_sql);
	if (db_migrate(owner, THINGS_SCHEMA, &set, 1, &err) != ST_OK) {
		fprintf(stderr, "%s\n", err.detail);
		INVARIANT(!"migration");
	}
	things_sql(d, tables_sql);
}

/* ---- the engine ---- */

static struct db *open_pool(const char *conninfo, int connections,
			    const struct db_stmt *const *stmts)
{
	struct db_config cfg = { .conninfo = conninfo,
				 .schema = THINGS_SCHEMA,
				 .connections = connections,
				 .stmts = stmts };
	struct error err = { 0 };
	struct db *db = NULL;

	if (db_open(&db, &cfg, &err) != ST_OK) {
		fprintf(stderr, "%s\n", err.detail);
		INVARIANT(!"pool");
	}
	return db;
}

void things_open_pools(struct things *t, const struct things_db *d)
{
	static const struct db_stmt *const app[] = { runs_statements, things_statements, NULL };
	static const struct db_stmt *const worker[] = { runs_worker_statements, NULL };

	*t = (struct things){ 0 };
	t->db = open_pool(d->app, 6, app);
	t->worker = open_pool(d->worker, 2, worker);
}

void things_open(struct things *t, const struct things_db *d, struct things_plan **plans,
		 size_t n_plans, const struct things_options *o)
{
	struct runs_config cfg = { .spec = &things_spec,
				   .app = t,
				   .worker_conninfo = d->worker,
				   .schema = THINGS_SCHEMA,
				   .runners = o->runners,
				   .poll_ms = o->poll_ms,
				   .lease_ms = o->lease_ms,
				   .retry_cap_ms = o->retry_cap_ms };
	struct error err = { 0 };

	things_open_pools(t, d);
	t->plans = plans;
	t->n_plans = n_plans;
	cfg.db = t->db;
	cfg.worker = t->worker;
	if (runs_open(&t->runs, &cfg, &err) != ST_OK) {
		fprintf(stderr, "%s\n", err.detail);
		INVARIANT(!"engine");
	}
}

void things_close(struct things *t)
{
	runs_close(t->runs);
	db_close(t->db);
	db_close(t->worker);
	*t = (struct things){ 0 };
}

enum status things_start(struct things *t, const struct things_plan *p, bool full,
			 char ret[UUID_TEXT], bool *is_new)
{
	struct db_scope scope = { p->tenant_id, "" };
	struct event_origin origin = { p->tenant_id, "a-user", "" };
	struct error err = { 0 };
	AUTO_TX *tx = NULL;
	enum status st = db_begin(&tx, t->db, &scope, 0, &err);

	if (st == ST_OK)
		st = runs_start(t->runs, tx, &origin, p->brand_id, "things", full, ret, is_new,
				&err);
	return st == ST_OK ? db_commit(tx, &err) : st;
}

/* Waits out a server that is being started again. */
struct run_view things_get(struct things *t, const struct things_plan *p, const char *run_id)
{
	int64_t deadline = time_mono_us() + THINGS_WAIT_US;
	struct db_scope scope = { p->tenant_id, "" };
	struct run_view v = { 0 };
	enum status st = ST_UNAVAILABLE;
	struct error err = { 0 };

	while (st == ST_UNAVAILABLE && time_mono_us() < deadline) {
		AUTO_TX *tx = db_tx_new(t->db, &scope);

		INVARIANT(tx != NULL);
		st = runs_get(tx, "things", run_id, 0, &v, &err);
		if (st != ST_OK)
			time_sleep_us(time_mono_us() + THINGS_LOOK_US);
	}
	if (st != ST_OK) {
		fprintf(stderr, "%s\n", err.detail);
		INVARIANT(!"runs_get");
	}
	return v;
}

struct run_view things_await(struct things *t, const struct things_plan *p, const char *run_id,
			     enum run_state state)
{
	int64_t deadline = time_mono_us() + THINGS_WAIT_US;
	struct run_view v = things_get(t, p, run_id);

	while (v.state != state) {
		if (time_mono_us() > deadline || v.state == RUN_FAILED || v.state == RUN_DONE) {
			fprintf(stderr, "run is %s, not %s: %s %s\n", run_state_name(v.state),
				run_state_name(state), v.error, v.note);
			INVARIANT(!"awaited state");
		}
		time_sleep_us(time_mono_us() + THINGS_LOOK_US);
		v = things_get(t, p, run_id);
	}
	return v;
}

/* ---- asking and asserting ---- */

int64_t things_countf(const struct things_db *d, const char *fmt, ...)
{
	char sql[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	return things_count(d, sql);
}

/* What must hold of a run that was fetched whole: every row once, every page's event once, one
 * sync.finished after them. */
void things_assert_whole(const struct things_db *d, const struct things_plan *p, const char *run_id,
			 int events_of_this_run)
{
	assert_int_equal(
		things_countf(d, "SELECT count(*) FROM things WHERE brand_id = '%s'", p->brand_id),
		p->pages * p->rows);
	assert_int_equal(
		things_countf(d,
			      "SELECT count(*) FROM events WHERE kind = 'page' AND run_id = '%s'",
			      run_id),
		events_of_this_run);
	assert_int_equal(
		things_countf(d,
			      "SELECT count(DISTINCT page) FROM events WHERE kind = 'page' AND "
			      "run_id = '%s'",
			      run_id),
		events_of_this_run);
	assert_int_equal(
		things_countf(
			d, "SELECT count(*) FROM events WHERE kind = 'finished' AND run_id = '%s'",
			run_id),
		1);
	assert_int_equal(
		things_countf(d,
			      "SELECT page FROM events WHERE kind = 'finished' AND run_id = '%s'",
			      run_id),
		events_of_this_run);
	assert_int_equal(
		things_countf(d,
			      "SELECT count(*) FROM events WHERE kind = 'page' AND run_id = '%s'"
			      " AND at > (SELECT max(at) FROM events WHERE kind = 'finished')",
			      run_id),
		0);
}

enum status things_projected(struct things *t, const struct things_plan *p, const char *const *ids,
			     size_t n)
{
	struct db_scope scope = { p->tenant_id, "" };
	struct arena *a = arena_new(1024 * 1024);
	struct error err = { 0 };
	AUTO_TX *tx = NULL;
	enum status st = db_begin(&tx, t->db, &scope, 0, &err);

	if (st == ST_OK)
		st = runs_projected(tx, a, ids, n, &err);
	if (st == ST_OK)
		st = db_commit(tx, &err);
	arena_free(a);
	return st;
}

/* Waits until the engine has looked n times for a run to claim. */
void things_await_looks(struct things *t, uint64_t n)
{
	int64_t deadline = time_mono_us() + THINGS_WAIT_US;
	struct runs_stats stats = { 0 };

	while (stats.looks < n) {
		assert_true(time_mono_us() < deadline);
		time_sleep_us(time_mono_us() + THINGS_LOOK_US);
		runs_stats(t->runs, &stats);
	}
}
