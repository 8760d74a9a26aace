/*
 * The sync-run engine against a real PostgreSQL: whole runs, who sees them, faults of the provider
 * and of storing. Durations never decide. Processes that die are in test_ingest_takeover.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/ingest_fixture.h"
#include "core/log.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <string.h>

#define TENANT   "0190a000-0000-7000-8000-000000000001"
#define TENANT_2 "0190a000-0000-7000-8000-000000000002"
#define NEVER_MS (3600 * 1000)

static struct tk_pg *pg;
static struct things_db db;

static const struct things_options quick = {
	.runners = 2, .poll_ms = 50, .lease_ms = 30000, .retry_cap_ms = 20
};

static int group_setup(void **state)
{
	(void)state;
	pg = tk_pg_open(true); /* roles are made, and it is killed */
	things_db_make(&db, pg);
	return 0;
}

static int test_setup(void **state)
{
	(void)state;
	things_sql(&db, "TRUNCATE sync_runs, things, events, marks");
	return 0;
}
/* ---- the ordinary run ---- */

static void test_whole_run(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT], other[UUID_TEXT];
	const char *ids[] = { "not-an-id", other, run_id };
	struct run_view v;
	struct things t;
	bool is_new = false;

	(void)state;
	things_plan_init(&plan, TENANT, 5, 10);
	uuid_v7(other);
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, run_id, &is_new), ST_OK);
	assert_true(is_new);
	v = things_await(&t, &plan, run_id, RUN_PROJECTING);
	assert_int_equal(v.rows, 50);
	assert_int_equal(v.pages, 5);
	assert_int_equal(v.retries, 0);
	assert_int_equal(v.percent, 99);
	assert_string_equal(v.error, "");
	assert_string_equal(v.note, "");
	assert_string_equal(v.platform, "things");
	assert_string_equal(v.brand_id, plan.brand_id);
	assert_true(v.created_at > 0 && v.started_at >= v.created_at && v.finished_at == 0);
	things_assert_whole(&db, &plan, run_id, 5);
	assert_int_equal(atomic_load(&plan.finished_events), 5);
	/* The reports have caught up; told twice, and with ids that are not ours. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(things_projected(&t, &plan, ids, 3), ST_OK);
	v = things_get(&t, &plan, run_id);
	assert_int_equal(v.state, RUN_DONE);
	assert_int_equal(v.percent, 100);
	assert_true(v.finished_at >= v.started_at);
	things_close(&t);
	assert_int_equal(atomic_load(&plan.opened), 1);
	assert_int_equal(atomic_load(&plan.closed), 1);
}

/* A poll that never comes: only the wake after commit can have started the run. */
static void test_woken_after_commit(void **state)
{
	struct things_options slow = { .runners = 1, .poll_ms = NEVER_MS, .lease_ms = NEVER_MS };
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT];
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 2, 3);
	things_open(&t, &db, plans, 1, &slow);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_await(&t, &plan, run_id, RUN_PROJECTING);
	things_assert_whole(&db, &plan, run_id, 2);
	things_close(&t);
}

/* ---- starting ---- */

#define STARTERS 8
struct starter {
	struct things *t;
	const struct things_plan *plan;
	char run_id[UUID_TEXT];
	bool is_new;
	enum status st;
};

static void *start_one(void *arg)
{
	struct starter *s = arg;

	s->st = things_start(s->t, s->plan, false, s->run_id, &s->is_new);
	return NULL;
}

static void test_one_run_at_a_time(void **state)
{
	struct starter starters[STARTERS];
	pthread_t threads[STARTERS];
	struct things_plan plan;
	struct things t;
	int fresh = 0;

	(void)state;
	things_plan_init(&plan, TENANT, 1, 1);
	things_open_pools(&t, &db); /* nobody drives it */
	for (int i = 0; i < STARTERS; i++) {
		starters[i] = (struct starter){ .t = &t, .plan = &plan };
		assert_int_equal(pthread_create(&threads[i], NULL, start_one, &starters[i]), 0);
	}
	for (int i = 0; i < STARTERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(starters[i].st, ST_OK);
		assert_string_equal(starters[i].run_id, starters[0].run_id);
		fresh += starters[i].is_new;
	}
	assert_int_equal(fresh, 1);
	assert_int_equal(things_count(&db, "SELECT count(*) FROM sync_runs"), 1);
	/* One that projects answers too, but not for ever. */
	things_sql(&db, "UPDATE sync_runs SET state = 'projecting', fetched_at = now()");
	assert_int_equal(things_start(&t, &plan, false, starters[1].run_id, &starters[1].is_new),
			 ST_OK);
	assert_string_equal(starters[1].run_id, starters[0].run_id);
	assert_false(starters[1].is_new);
	things_sql(&db, "UPDATE sync_runs SET fetched_at = now() - interval '1 day'");
	assert_int_equal(things_start(&t, &plan, false, starters[1].run_id, &starters[1].is_new),
			 ST_OK);
	assert_string_not_equal(starters[1].run_id, starters[0].run_id);
	assert_true(starters[1].is_new);
	things_close(&t);
}

static void test_bad_starts(void **state)
{
	struct db_scope scope = { TENANT, "" };
	struct event_origin origin = { TENANT, "a-user", NULL };
	struct things_plan plan;
	char run_id[UUID_TEXT];
	struct error err = { 0 };
	struct db_tx *tx = NULL;
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 1, 1);
	things_open_pools(&t, &db);
	assert_int_equal(db_begin(&tx, t.db, &scope, 0, &err), ST_OK);
	assert_int_equal(runs_start(NULL, tx, &origin, "x", "things", false, run_id, NULL, &err),
			 ST_INVALID);
	assert_string_equal(err.field, "brand_id");
	assert_int_equal(runs_start(NULL, tx, &origin, plan.brand_id, "No Platform", false, run_id,
				    NULL, &err),
			 ST_INVALID);
	assert_string_equal(err.field, "platform");
	db_tx_free(tx);
	tx = db_tx_new(t.db, &scope);
	assert_int_equal(
		runs_start(NULL, tx, &origin, plan.brand_id, "things", false, run_id, NULL, &err),
		ST_INTERNAL);
	db_tx_free(tx);
	assert_int_equal(things_count(&db, "SELECT count(*) FROM sync_runs"), 0);
	things_close(&t);
}

/* ---- who sees what ---- */

static enum status get_as(struct things *t, const char *tenant, const char *brands,
			  const char *platform, const char *run_id)
{
	struct db_scope scope = { tenant, brands };
	AUTO_TX *tx = db_tx_new(t->db, &scope);
	struct error err = { 0 };
	struct run_view v;

	return runs_get(tx, platform, run_id, 0, &v, &err);
}

static void test_isolation(void **state)
{
	struct things_plan plan, stranger;
	const char *ids[1];
	char run_id[UUID_TEXT];
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 1, 1);
	things_plan_init(&stranger, TENANT_2, 1, 1);
	things_open_pools(&t, &db);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	assert_int_equal(get_as(&t, TENANT, "", "things", run_id), ST_OK);
	assert_int_equal(get_as(&t, TENANT, "", NULL, run_id), ST_OK);
	assert_int_equal(get_as(&t, TENANT, plan.brand_id, "things", run_id), ST_OK);
	assert_int_equal(get_as(&t, TENANT, stranger.brand_id, "things", run_id), ST_NOT_FOUND);
	assert_int_equal(get_as(&t, TENANT, "", "meta", run_id), ST_NOT_FOUND);
	assert_int_equal(get_as(&t, TENANT_2, "", "things", run_id), ST_NOT_FOUND);
	assert_int_equal(get_as(&t, NULL, NULL, "things", run_id), ST_NOT_FOUND);
	assert_int_equal(get_as(&t, TENANT, "", "things", "'; DROP TABLE sync_runs"), ST_NOT_FOUND);
	/* Another tenant's event ends nothing here. */
	things_sql(&db, "UPDATE sync_runs SET state = 'projecting', fetched_at = now()");
	ids[0] = run_id;
	assert_int_equal(things_projected(&t, &stranger, ids, 1), ST_OK);
	assert_int_equal(things_get(&t, &plan, run_id).state, RUN_PROJECTING);
	/* The stranger's own run of the same brand id is another run. */
	memcpy(stranger.brand_id, plan.brand_id, UUID_TEXT);
	assert_int_equal(things_start(&t, &stranger, false, run_id, NULL), ST_OK);
	assert_int_equal(things_count(&db, "SELECT count(DISTINCT tenant_id) FROM sync_runs"), 2);
	assert_int_equal(things_count(&db,
				      "SELECT count(*) FROM pg_class WHERE relname = 'sync_runs'"
				      " AND relrowsecurity AND relforcerowsecurity"),
			 1);
	things_close(&t);
}

/* A token limited to some brands starts nothing for another. */
static void test_start_outside_the_brands(void **state)
{
	struct things_plan plan, mine;
	struct db_scope scope = { TENANT, mine.brand_id };
	struct event_origin origin = { TENANT, "a-user", NULL };
	char run_id[UUID_TEXT];
	struct error err = { 0 };
	AUTO_TX *tx = NULL;
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 1, 1);
	things_plan_init(&mine, TENANT, 1, 1);
	things_open_pools(&t, &db);
	assert_int_equal(db_begin(&tx, t.db, &scope, 0, &err), ST_OK);
	assert_int_equal(
		runs_start(NULL, tx, &origin, plan.brand_id, "things", false, run_id, NULL, &err),
		ST_DENIED);
	db_tx_free(tx);
	tx = NULL;
	assert_int_equal(things_count(&db, "SELECT count(*) FROM sync_runs"), 0);
	things_close(&t);
}

/* ---- faults of the provider ---- */

static void test_retries(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT];
	struct run_view v;
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 3, 4);
	plan.bad_page = 1;
	plan.bad_times = RUNS_FAILURES_MAX - 1;
	plan.bad_status = ST_LIMITED;
	plan.bad_words = "Things answers 429";
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	v = things_await(&t, &plan, run_id, RUN_PROJECTING);
	assert_int_equal(v.retries, RUNS_FAILURES_MAX - 1);
	assert_int_equal(v.pages, 3);
	assert_int_equal(plan.asked[0], 1);
	assert_int_equal(plan.asked[1], RUNS_FAILURES_MAX);
	assert_int_equal(plan.asked[2], 1);
	things_assert_whole(&db, &plan, run_id, 3);
	things_close(&t);
}

/* The note says what the run waits for, and goes when it goes on. */
static void test_note(void **state)
{
	struct things_options uncapped = quick;
	struct things_plan plan, *plans[] = { &plan };
	int64_t deadline = time_mono_us() + THINGS_WAIT_US;
	char run_id[UUID_TEXT];
	struct run_view v;
	struct things t;

	(void)state;
	uncapped.retry_cap_ms = 0;
	things_plan_init(&plan, TENANT, 2, 1);
	plan.bad_page = 1;
	plan.bad_times = 1;
	plan.bad_status = ST_LIMITED;
	plan.bad_words = "Things answers 429";
	plan.bad_retry_after_s = 2;
	things_open(&t, &db, plans, 1, &uncapped);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	do {
		assert_true(time_mono_us() < deadline);
		time_sleep_us(time_mono_us() + THINGS_LOOK_US);
		v = things_get(&t, &plan, run_id);
	} while (v.note[0] == '\0');
	assert_int_equal(strncmp(v.note, "Things answers 429, trying again in ", 36), 0);
	assert_int_equal(v.state, RUN_RUNNING);
	assert_int_equal(v.retries, 1);
	assert_int_equal(v.percent, 49); /* one of two pages */
	v = things_await(&t, &plan, run_id, RUN_PROJECTING);
	assert_string_equal(v.note, "");
	things_close(&t);
}

/* Eight failures in a row end the run; what was fetched stays, and the next run goes on from there.
 */
static void test_given_up_and_resumed(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	char first[UUID_TEXT], second[UUID_TEXT];
	struct run_view v;
	struct things t;
	bool is_new;

	(void)state;
	things_plan_init(&plan, TENANT, 4, 5);
	plan.bad_page = 2;
	plan.bad_times = RUNS_FAILURES_MAX;
	plan.bad_status = ST_UNAVAILABLE;
	plan.bad_words = "Things cannot be reached";
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, first, NULL), ST_OK);
	v = things_await(&t, &plan, first, RUN_FAILED);
	assert_string_equal(v.error, "Things cannot be reached; given up after 8 tries");
	assert_int_equal(v.pages, 2);
	assert_int_equal(v.rows, 10);
	assert_true(v.finished_at > 0);
	assert_int_equal(plan.asked[2], RUNS_FAILURES_MAX);
	assert_int_equal(atomic_load(&plan.hooks), 1);
	assert_int_equal(plan.hook_status, ST_UNAVAILABLE);
	assert_int_equal(
		things_countf(
			&db,
			"SELECT count(*) FROM marks WHERE status = 'unavailable' AND run_id = '%s'",
			first),
		1);
	assert_int_equal(
		things_countf(
			&db,
			"SELECT count(*) FROM events WHERE kind = 'finished' AND run_id = '%s'",
			first),
		0);
	assert_int_equal(things_start(&t, &plan, false, second, &is_new), ST_OK);
	assert_true(is_new);
	v = things_await(&t, &plan, second, RUN_PROJECTING);
	assert_int_equal(v.pages, 2);
	assert_int_equal(plan.asked[0], 1); /* not fetched again */
	assert_int_equal(plan.asked[1], 1);
	things_assert_whole(&db, &plan, second, 2);
	things_close(&t);
}

/* `full` begins from the start, and so does what follows a run that did not fail. */
static void test_when_not_to_resume(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	const char *ids[1];
	char run_id[UUID_TEXT];
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 2, 1);
	plan.bad_page = 1;
	plan.bad_times = 1;
	plan.bad_status = ST_DENIED;
	plan.bad_words = "Things refuses";
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_await(&t, &plan, run_id, RUN_FAILED);
	assert_int_equal(things_start(&t, &plan, true, run_id, NULL), ST_OK);
	things_await(&t, &plan, run_id, RUN_PROJECTING);
	assert_int_equal(plan.asked[0], 2);
	ids[0] = run_id;
	assert_int_equal(things_projected(&t, &plan, ids, 1), ST_OK);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	things_await(&t, &plan, run_id, RUN_PROJECTING);
	assert_int_equal(plan.asked[0], 3);
	assert_int_equal(things_count(&db, "SELECT count(*) FROM sync_runs WHERE is_full"), 1);
	things_close(&t);
}

static void test_fatal(void **state)
{
	struct things_plan plan, at_open, stubborn, *plans[] = { &plan, &at_open, &stubborn };
	char ids[3][UUID_TEXT];
	struct run_view v;
	struct things t;

	(void)state;
	for (int i = 0; i < 3; i++) {
		things_plan_init(plans[i], TENANT, 2, 1);
		plans[i]->bad_page = 0;
		plans[i]->bad_times = 1;
		plans[i]->bad_status = ST_UNAUTHENTICATED;
		plans[i]->bad_words = "Things refuses the token: connect it again";
	}
	at_open.bad_open = true;
	stubborn.hook_fails = true;
	things_open(&t, &db, plans, 3, &quick);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(things_start(&t, plans[i], false, ids[i], NULL), ST_OK);
		v = things_await(&t, plans[i], ids[i], RUN_FAILED);
		assert_string_equal(v.error, plan.bad_words);
		assert_int_equal(v.retries, 0);
		assert_int_equal(plans[i]->hook_status, ST_UNAUTHENTICATED);
	}
	assert_int_equal(plan.asked[0], 1);
	assert_int_equal(at_open.asked[0], 0);
	assert_int_equal(atomic_load(&plan.hooks), 1);
	assert_int_equal(atomic_load(&at_open.hooks), 1);
	/* A hook that fails does not keep the run from being marked. */
	assert_int_equal(atomic_load(&stubborn.hooks), 1);
	assert_int_equal(things_count(&db, "SELECT count(*) FROM marks"), 2);
	things_close(&t);
}

/* ---- faults while storing ---- */

static void test_store_retries(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT];
	struct run_view v;
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 3, 6);
	plan.store_page = 1;
	plan.store_times = 3;
	plan.store_status = ST_CONFLICT;
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	v = things_await(&t, &plan, run_id, RUN_PROJECTING);
	assert_int_equal(v.retries, 0); /* the provider was asked once */
	assert_int_equal(plan.asked[1], 1);
	assert_int_equal(v.rows, 18);
	things_assert_whole(&db, &plan, run_id, 3);
	assert_int_equal(things_count(&db, "SELECT max(written) FROM things"),
			 1); /* rolled back each time */
	things_close(&t);
}

/* A page that can never be stored fails the run; its rows and events are not there. */
static void test_store_fatal(void **state)
{
	struct things_plan plan, *plans[] = { &plan };
	char run_id[UUID_TEXT];
	struct run_view v;
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 3, 6);
	plan.store_page = 2;
	plan.store_times = 1;
	plan.store_status = ST_INVALID;
	things_open(&t, &db, plans, 1, &quick);
	assert_int_equal(things_start(&t, &plan, false, run_id, NULL), ST_OK);
	v = things_await(&t, &plan, run_id, RUN_FAILED);
	assert_int_equal(v.rows, 12);
	assert_int_equal(things_count(&db, "SELECT count(*) FROM things"), 12);
	assert_int_equal(things_count(&db, "SELECT count(*) FROM events"), 2);
	things_close(&t);
}
/* ---- many ---- */

#define BRANDS 24

/* Two processes' worth of engines: every run is driven once. */
static void test_two_engines(void **state)
{
	struct things_options o = {
		.runners = 3, .poll_ms = 50, .lease_ms = 30000, .retry_cap_ms = 20
	};
	static struct things_plan plans[BRANDS];
	struct things_plan *list[BRANDS];
	char ids[BRANDS][UUID_TEXT];
	struct runs_stats one, two;
	struct things a, b;

	(void)state;
	for (int i = 0; i < BRANDS; i++) {
		list[i] = &plans[i];
		things_plan_init(&plans[i], i % 2 ? TENANT : TENANT_2, 1 + i % 5, 7);
	}
	things_open(&a, &db, list, BRANDS, &o);
	things_open(&b, &db, list, BRANDS, &o);
	for (int i = 0; i < BRANDS; i++)
		assert_int_equal(things_start(i % 3 ? &a : &b, &plans[i], false, ids[i], NULL),
				 ST_OK);
	for (int i = 0; i < BRANDS; i++) {
		things_await(&a, &plans[i], ids[i], RUN_PROJECTING);
		assert_int_equal(atomic_load(&plans[i].opened), 1);
		assert_int_equal(atomic_load(&plans[i].stored), plans[i].pages);
		things_assert_whole(&db, &plans[i], ids[i], plans[i].pages);
	}
	runs_stats(a.runs, &one);
	runs_stats(b.runs, &two);
	assert_int_equal(one.claimed + two.claimed, BRANDS);
	assert_int_equal(one.finished + two.finished, BRANDS);
	assert_int_equal(one.taken_over + two.taken_over + one.lost + two.lost, 0);
	things_close(&a);
	things_close(&b);
}

/* Old runs go, but the newest of a brand stays. */
static void test_retention(void **state)
{
	int64_t deadline = time_mono_us() + THINGS_WAIT_US;
	struct things_plan plan, *plans[] = { &plan };
	struct things t;

	(void)state;
	things_plan_init(&plan, TENANT, 1, 1);
	things_sql(
		&db,
		"INSERT INTO sync_runs (run_id, tenant_id, brand_id, platform, state, is_full, "
		"actor, traceparent,"
		" created_at, finished_at) SELECT gen_random_uuid(), '" TENANT "', '" TENANT_2
		"', p, s, false, '', '',"
		" now() - d * interval '1 day', now() - d * interval '1 day'"
		" FROM unnest(ARRAY['meta', 'google']) AS p, unnest(ARRAY['done', 'failed']) AS s,"
		" unnest(ARRAY[1, 89, 91, 200]) AS d WHERE p = 'meta' OR d > 90");
	assert_int_equal(things_count(&db, "SELECT count(*) FROM sync_runs"), 12);
	things_open(&t, &db, plans, 1, &quick);
	/* meta keeps four; of google both of day 91 are newest. */
	while (things_count(&db, "SELECT count(*) FROM sync_runs") != 6) {
		assert_true(time_mono_us() < deadline);
		time_sleep_us(time_mono_us() + THINGS_LOOK_US);
	}
	assert_int_equal(
		things_count(&db, "SELECT count(*) FROM sync_runs WHERE platform = 'meta'"), 4);
	assert_int_equal(things_count(&db, "SELECT count(*) FROM sync_runs WHERE finished_at < "
					   "now() - interval '92 days'"),
			 0);
	things_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_whole_run, test_setup),
		cmocka_unit_test_setup(test_woken_after_commit, test_setup),
		cmocka_unit_test_setup(test_one_run_at_a_time, test_setup),
		cmocka_unit_test_setup(test_bad_starts, test_setup),
		cmocka_unit_test_setup(test_isolation, test_setup),
		cmocka_unit_test_setup(test_start_outside_the_brands, test_setup),
		cmocka_unit_test_setup(test_retries, test_setup),
		cmocka_unit_test_setup(test_note, test_setup),
		cmocka_unit_test_setup(test_given_up_and_resumed, test_setup),
		cmocka_unit_test_setup(test_when_not_to_resume, test_setup),
		cmocka_unit_test_setup(test_fatal, test_setup),
		cmocka_unit_test_setup(test_store_retries, test_setup),
		cmocka_unit_test_setup(test_store_fatal, test_setup),
		cmocka_unit_test_setup(test_two_engines, test_setup),
		cmocka_unit_test_setup(test_retention, test_setup),
	};

	log_init("test", LOG_ERROR + 1); /* faults are the point here */
	return cmocka_run_group_tests_name("ingest runs", tests, group_setup, NULL);
}
