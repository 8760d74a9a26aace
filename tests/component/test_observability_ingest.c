/*
 * Telemetry on its way into rows: each page once, whatever is killed and whatever comes again; what
 * did not come is counted; days are made and dropped. Read next: services/observability/ingest.c,
 * test_observability_events.c.
 */
#include "component/telemetry_fixture.h"

#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <postgresql/libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define FLOOD_ROWS "150000"
#define PAGES      200

static struct world w;
static char tenant[UUID_TEXT], instance[UUID_TEXT];

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	uuid_v7(tenant);
	uuid_v7(instance);
	return 0;
}

static int64_t rows_of(const char *of)
{
	return world_sql_int(&w, "SELECT count(*) FROM observability.events WHERE tenant_id = '%s'",
			     of);
}

/* What the service tells of this test's own calls comes when it comes, and is not counted. */
static void until_rows(int64_t want)
{
	world_sql_reach(&w, want,
			"SELECT count(*) FROM observability.events WHERE tenant_id = '%s' AND"
			" service <> 'observability'",
			tenant);
}

/* emitted, dropped, stored of the process. */
static const char *account(const char *of)
{
	return world_sql(&w,
			 "SELECT emitted || ' ' || dropped || ' ' || stored"
			 " FROM observability.telemetry_sources WHERE instance = '%s'",
			 of);
}

static Pulsepoint__RequestRow **some_rows(size_t n)
{
	Pulsepoint__RequestRow **rows = arena_array(w.arena, n, sizeof(*rows));

	INVARIANT(rows != NULL);
	for (size_t i = 0; i < n; i++)
		rows[i] = tw_row(&w, tenant, (int)i);
	return rows;
}

static void test_a_row_is_kept_as_it_was_told(void **state)
{
	Pulsepoint__RequestRow *row = tw_row(&w, tenant, 7);
	char hex[33];

	(void)state;
	row->brand_id = (char *)"0190b0b0-0000-7000-8000-00000000000b";
	row->parent_span_id = (ProtobufCBinaryData){ 8, (uint8_t *)"\xff\1\2\3\4\5\6\7" };
	row->status = (char *)"unavailable";
	row->http_status = 503;
	hex_encode(row->trace_id.data, 16, hex);
	tw_page(&w, "auth", instance, 1, 1, 0, &row, 1);
	until_rows(1);
	assert_string_equal(
		world_sql(&w,
			  "SELECT concat_ws(' ', category, service, action, status, http_status,"
			  " duration_us, database_us, request_bytes, response_bytes, user_id, "
			  "brand_id,"
			  " request_id, to_hex(parent_span_id)) FROM observability.events"
			  " WHERE tenant_id = '%s'",
			  tenant),
		"1 auth M7 unavailable 503 1000 400 10 20 user-1"
		" 0190b0b0-0000-7000-8000-00000000000b request-7 ff01020304050607");
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.events WHERE tenant_id ="
				       " '%s' AND trace_id = '%s' AND at = 'epoch'::timestamptz +"
				       " %lld * interval '1 microsecond'",
				       tenant, hex, (long long)row->started_at),
			 1);
	assert_string_equal(account(instance), "1 0 1");
}

static void test_a_page_twice_is_stored_once(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		tw_page(&w, "auth", instance, 1, 5, 0, some_rows(5), 5);
	tw_page(&w, "auth", instance, 2, 9, 1, some_rows(3), 3);
	/* Another service's page of the same instance and number is another page. */
	tw_page(&w, "attribution", instance, 1, 2, 0, some_rows(2), 2);
	until_rows(10);
	assert_string_equal(world_sql(&w,
				      "SELECT string_agg(concat_ws(' ', service, emitted, dropped,"
				      " stored), ', ' ORDER BY service) FROM"
				      " observability.telemetry_sources WHERE instance = '%s'",
				      instance),
			    "attribution 2 0 2, auth 9 1 8");
	assert_int_equal(world_sql_int(&w,
				       "SELECT sum(requests) FROM observability.latency"
				       " WHERE tenant_id = '%s'",
				       tenant),
			 10);
}

static void test_what_is_malformed_blocks_nobody(void **state)
{
	Pulsepoint__RequestRow **bad_tenant = some_rows(2), **bad_span = some_rows(2),
			       **old = some_rows(3);

	(void)state;
	tw_page_bytes(&w, "auth", arena_printf(w.arena, "%s:garbage", instance), "\xff\xff no", 5);
	tw_page_bytes(&w, "auth", arena_printf(w.arena, "%s:empty", instance), "", 0);
	bad_tenant[1]->tenant_id = (char *)"not-a-tenant";
	tw_page(&w, "auth", instance, 1, 2, 0, bad_tenant, 2);
	bad_span[0]->span_id.len = 3;
	tw_page(&w, "auth", instance, 2, 4, 0, bad_span, 2);
	tw_page(&w, "auth", "no-instance", 3, 4, 0, some_rows(1), 1);
	/* Of no day that is kept: left out, the others are not. */
	old[0]->started_at = 1;
	old[1]->started_at = INT64_MAX;
	tw_page(&w, "auth", instance, 3, 7, 0, old, 3);
	until_rows(1);
	/* Seven were offered, one is stored: what was malformed shows as lost. */
	assert_string_equal(account(instance), "7 0 1");
	assert_true(tk_wait_logged(w.service, "telemetry.malformed", WORLD_LIMIT_MS));
	tw_page(&w, "auth", instance, 4, 9, 0, some_rows(2), 2);
	until_rows(3);
}

static void test_an_unknown_tenant_is_nobody(void **state)
{
	Pulsepoint__RequestRow *row = tw_row(&w, "", 1);
	const char nobody[] = "00000000-0000-0000-0000-000000000000";
	int64_t before = rows_of(nobody);

	(void)state;
	tw_page(&w, "api-edge", instance, 1, 1, 0, &row, 1);
	world_sql_reach(&w, before + 1,
			"SELECT count(*) FROM observability.events WHERE tenant_id = '%s'", nobody);
}

static void test_gaps_are_losses(void **state)
{
	const char *admin = world_token(&w, tenant, ROLE_ADMIN, "");
	Observability__V1__LatencyRequest in = OBSERVABILITY__V1__LATENCY_REQUEST__INIT;
	const Observability__V1__LatencyReply *out;
	bool found = false;

	(void)state;
	/* Page 2 of four rows never comes; three were dropped before page 3 was made. */
	tw_page(&w, "ingest-ads", instance, 1, 2, 0, some_rows(2), 2);
	tw_page(&w, "ingest-ads", instance, 3, 14, 3, some_rows(5), 5);
	until_rows(7);
	out = tw_must(&w, admin, OBSERVABILITY_GET_LATENCY, &in);
	for (size_t i = 0; i < out->n_losses; i++) {
		const Observability__V1__TelemetryLoss *l = out->losses[i];

		if (strcmp(l->service, "ingest-ads") != 0)
			continue;
		found = true;
		assert_int_equal(l->stored, 7);
		assert_int_equal(l->dropped, 3);
		assert_int_equal(l->lost, 4);
	}
	assert_true(found);
	/* It was only late. */
	tw_page(&w, "ingest-ads", instance, 2, 6, 0, some_rows(4), 4);
	until_rows(11);
	assert_string_equal(account(instance), "14 3 11");
}

/* ---- crashes ---- */

static PGconn *hold(const char *table)
{
	PGconn *c = PQconnectdb(w.pg);

	INVARIANT(PQstatus(c) == CONNECTION_OK);
	PQclear(PQexec(c, "BEGIN"));
	PQclear(PQexec(
		c, arena_printf(w.arena, "LOCK TABLE observability.%s IN EXCLUSIVE MODE", table)));
	INVARIANT(PQtransactionStatus(c) == PQTRANS_INTRANS);
	return c;
}

static void until_waiting(void)
{
	world_sql_reach(&w, 1,
			"SELECT least(count(*), 1) FROM pg_locks AS l JOIN pg_stat_activity AS a"
			" USING (pid) WHERE NOT l.granted AND a.usename = 'observability_worker'");
}

static void publish_pages(int first, int n)
{
	for (int i = first; i < first + n; i++)
		tw_page(&w, "auth", instance, (uint64_t)i, (uint64_t)i * 10, 0, some_rows(10), 10);
}

static void assert_each_once(int64_t rows)
{
	assert_int_equal(rows_of(tenant), rows);
	assert_string_equal(account(instance),
			    arena_printf(w.arena, "%lld 0 %lld", (long long)rows, (long long)rows));
	assert_int_equal(world_sql_int(&w,
				       "SELECT sum(requests) FROM observability.latency"
				       " WHERE tenant_id = '%s'",
				       tenant),
			 rows);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(DISTINCT span_id) FROM observability.events"
				       " WHERE tenant_id = '%s'",
				       tenant),
			 rows);
}

static void test_killed_between_fetch_and_commit(void **state)
{
	PGconn *held = hold("telemetry_sources");

	(void)state;
	publish_pages(1, 20);
	until_waiting();
	tk_proc_kill(w.service);
	PQfinish(held);
	assert_int_equal(rows_of(tenant), 0);
	tw_start_service(&w);
	until_rows(200); /* when the broker hands them out again: after 30 s */
	assert_each_once(200);
}

static void test_killed_between_commit_and_ack(void **state)
{
	PGconn *held = hold("telemetry_sources");

	(void)state;
	publish_pages(1, 20);
	until_waiting();
	/* Without a broker the commit goes through and the acknowledgements do not. */
	tk_nats_kill(w.nats);
	PQfinish(held);
	world_sql_reach(
		&w, 1, "SELECT least(count(*), 1) FROM observability.events WHERE tenant_id = '%s'",
		tenant);
	tk_proc_kill(w.service);
	tk_nats_start(w.nats);
	tw_start_service(&w);
	publish_pages(21, 1);
	until_rows(210);
	/* They come again, and are known. */
	world_sql_reach(&w, 0,
			"SELECT count(*) FROM generate_series(1, 21) AS page WHERE NOT EXISTS"
			" (SELECT FROM observability.telemetry_pages AS p WHERE p.page = page.page"
			" AND p.instance = '%s')",
			instance);
	assert_each_once(210);
}

static void test_killed_again_and_again(void **state)
{
	(void)state;
	publish_pages(1, PAGES);
	for (int i = 0; i < 4; i++) {
		time_sleep_us(time_mono_us() + 3000 * (i + 1));
		tw_kill(&w);
		publish_pages(PAGES + 1 + 10 * i, 10);
	}
	until_rows((PAGES + 40) * 10);
	assert_each_once((PAGES + 40) * 10);
}

static void test_a_restarted_database_loses_nothing(void **state)
{
	(void)state;
	publish_pages(1, 30);
	world_sql(&w, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		      " WHERE usename LIKE 'observability%%'");
	publish_pages(31, 30);
	until_rows(600);
	assert_each_once(600);
}

/* A page that the database refuses stands alone in the end: the others of its batch are stored. */
static void test_a_refused_page_takes_no_other_with_it(void **state)
{
	PGconn *held;

	(void)state;
	world_sql(&w, "ALTER TABLE observability.telemetry_pages ADD CONSTRAINT refused"
		      " CHECK (page <> 13) NOT VALID");
	/* What comes while the first wait is fetched as one batch. */
	held = hold("telemetry_sources");
	publish_pages(1, 20);
	until_waiting();
	PQfinish(held);
	until_rows(190);
	assert_string_equal(account(instance), "200 0 190");
	/* Not before it was ended, or it would be taken after all. */
	assert_true(tk_wait_logged(w.service, "page 13 of auth", WORLD_LIMIT_MS));
	world_sql(&w, "ALTER TABLE observability.telemetry_pages DROP CONSTRAINT refused");
	/* Only what comes afterwards is stored. */
	publish_pages(21, 1);
	until_rows(200);
	assert_string_equal(account(instance), "210 0 200");
}

/* ---- overload ---- */

static void test_overload_is_accounted_for(void **state)
{
	const char *argv[] = { arena_strdup(w.arena, tk_bin("bench")),
			       "telemetry",
			       tenant,
			       FLOOD_ROWS,
			       "flood",
			       NULL };
	char out[8192], *result;
	const char *pid;
	int64_t stored, dropped;
	struct tk_proc *flood;
	struct tk_env env;

	(void)state;
	world_env(&w, "api-edge", &env);
	/* What the gateway alone understands. */
	for (int i = 0; i < env.n; i++)
		if (strncmp(env.v[i], "PP_NATS", 7) != 0) {
			free(env.v[i]);
			env.v[i] = env.v[--env.n];
			env.v[env.n] = NULL;
			i--;
		}
	flood = tk_spawn(argv, &env);
	tk_env_done(&env);
	/* While the server stands still nothing leaves the ring, however slow the rows come. */
	assert_true(tk_wait_stopped(flood, WORLD_LIMIT_MS));
	tk_nats_signal(w.nats, SIGSTOP);
	tk_proc_signal(flood, SIGCONT);
	assert_true(tk_wait_logged(flood, "RESULT ", WORLD_LIMIT_MS));
	assert_true(tk_wait_stopped(flood, WORLD_LIMIT_MS));
	tk_nats_signal(w.nats, SIGCONT);
	tk_proc_signal(flood, SIGCONT);
	assert_int_equal(tk_proc_wait(flood, WORLD_LIMIT_MS), 0);
	assert_true(tk_read_file(tk_proc_log(flood), out, sizeof(out)));
	result = strstr(out, "RESULT ");
	assert_non_null(result);
	dropped = strtoll(strchr(result + 7, ' '), NULL, 10);
	assert_true(dropped > 0);
	pid = strstr(out, "instance ");
	assert_non_null(pid);
	snprintf(instance, sizeof(instance), "%s", pid + 9);
	/* Its last flush tells the last numbers. */
	world_sql_reach(&w, strtoll(FLOOD_ROWS, NULL, 10),
			"SELECT coalesce(max(dropped + stored), 0) FROM"
			" observability.telemetry_sources WHERE instance = '%s'",
			instance);
	stored = rows_of(tenant);
	assert_string_equal(account(instance), arena_printf(w.arena, "%s %lld %lld", FLOOD_ROWS,
							    (long long)dropped, (long long)stored));
	print_message("# of %s rows told at once %lld were stored, %lld dropped, 0 lost\n",
		      FLOOD_ROWS, (long long)stored, (long long)dropped);
}

/* ---- days ---- */

static int64_t days(const char *where)
{
	return world_sql_int(
		&w,
		"SELECT count(*) FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid"
		" WHERE inhparent = 'observability.events'::regclass AND %s",
		where);
}

static const char *day_name(int ahead)
{
	return world_sql(&w,
			 "SELECT 'events_' || to_char((now() AT TIME ZONE 'UTC')::date + %d,"
			 " 'YYYYMMDD')",
			 ahead);
}

static void test_days_are_made_ahead_and_for_late_rows(void **state)
{
	Pulsepoint__RequestRow *late = tw_row(&w, tenant, 1);

	(void)state;
	for (int i = -1; i <= 2; i++)
		assert_int_equal(days(arena_printf(w.arena, "relname = '%s'", day_name(i))), 1);
	assert_int_equal(days(arena_printf(w.arena, "relname = '%s'", day_name(-20))), 0);
	late->started_at -= 20 * US_PER_DAY;
	tw_page(&w, "auth", instance, 1, 1, 0, &late, 1);
	until_rows(1);
	assert_int_equal(days(arena_printf(w.arena, "relname = '%s'", day_name(-20))), 1);
	/* Row-level security on each, and nobody may touch one but through the table. */
	assert_int_equal(days("NOT (relrowsecurity AND relforcerowsecurity)"), 0);
	assert_int_equal(days("relacl IS NOT NULL"), 0);
}

/* What the worker's functions do when 90 days are over; older days are put there by hand. */
static void test_days_are_dropped_whole(void **state)
{
	const char *edge = day_name(-90), *old = day_name(-91), *older = day_name(-400);

	(void)state;
	for (int i = 0; i < 3; i++)
		world_sql(&w,
			  "SELECT observability.events_make_day((now() AT TIME ZONE 'UTC')::date - "
			  "%d)",
			  (const int[]){ 90, 91, 400 }[i]);
	world_sql(&w,
		  "INSERT INTO observability.events (tenant_id, at, span_id, category, service, "
		  "action)"
		  " SELECT '%s', now() - n * interval '1 day', n, 1, 'auth', 'Old'"
		  " FROM unnest(ARRAY[90, 91, 400]) AS n",
		  tenant);
	assert_int_equal(rows_of(tenant), 3);
	assert_string_equal(world_sql(&w, "SELECT observability.events_drop_days()"), "2");
	assert_int_equal(days(arena_printf(w.arena, "relname IN ('%s', '%s')", old, older)), 0);
	assert_int_equal(days(arena_printf(w.arena, "relname = '%s'", edge)), 1);
	assert_int_equal(rows_of(tenant), 1);
	/* Asking for a day that is not kept, or far ahead, makes none. */
	assert_string_equal(world_sql(&w, "SELECT observability.events_make_days("
					  "current_date - 500, current_date - 400)"),
			    "0");
	assert_string_equal(world_sql(&w, "SELECT observability.events_make_days("
					  "current_date + 10, current_date + 400)"),
			    "0");
}

/* What forgetting takes several rounds for, and the younger one of each beside it. */
static void test_what_is_old_goes(void **state)
{
	static const char *const kept[] = { "telemetry_pages WHERE service = 'old'",
					    "telemetry_sources WHERE service = 'old'",
					    "latency WHERE service = 'old'" };

	(void)state;
	world_sql(
		&w,
		"SET search_path = observability;"
		"INSERT INTO telemetry_pages (service, instance, page, received_at)"
		" SELECT 'old', '%s', n, now() - CASE n WHEN 0 THEN 47 ELSE 49 END * interval '1 h'"
		" FROM generate_series(0, 250000) n;"
		"INSERT INTO telemetry_sources SELECT 'old', gen_random_uuid(), 0, 0, 0,"
		" now() - days * interval '1 day' FROM unnest(ARRAY[6, 8]) AS days;"
		"INSERT INTO latency SELECT '%s', date_trunc('minute', now()) - interval '91 days'"
		" + CASE n WHEN 0 THEN 2 ELSE 0 END * interval '1 day', 'old', 'M', n, 1, 0, 1,"
		" '{1}', '{1}' FROM generate_series(0, 50000) n;"
		"RESET search_path",
		instance, tenant);
	tw_kill(&w);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		world_sql_reach(&w, 1, "SELECT count(*) FROM observability.%s", kept[i]);
	assert_int_equal(world_sql_int(&w, "SELECT page FROM observability.telemetry_pages"
					   " WHERE service = 'old'"),
			 0);
	assert_int_equal(world_sql_int(&w, "SELECT writer FROM observability.latency"
					   " WHERE service = 'old'"),
			 0);
}

static const char *state_as(const char *service_role, const char *statement)
{
	static char state[6];
	struct tk_env env;
	PGconn *c = NULL;
	PGresult *r;

	world_env(&w, "observability", &env);
	for (int i = 0; i < env.n; i++)
		if (strncmp(env.v[i], service_role, strlen(service_role)) == 0)
			c = PQconnectdb(env.v[i] + strlen(service_role) + 1);
	tk_env_done(&env);
	INVARIANT(c != NULL && PQstatus(c) == CONNECTION_OK);
	r = PQexec(c, arena_printf(w.arena, "SET search_path = observability; %s", statement));
	snprintf(state, sizeof(state), "%s",
		 PQresultErrorField(r, PG_DIAG_SQLSTATE) ? PQresultErrorField(r, PG_DIAG_SQLSTATE)
							 : "00000");
	PQclear(r);
	PQfinish(c);
	return state;
}

static void test_the_roles_reach_no_further(void **state)
{
	const char *today = day_name(0);

	(void)state;
	assert_string_equal(state_as("PP_DB_WORKER", "SELECT events_drop_days()"), "00000");
	assert_string_equal(state_as("PP_DB_WORKER", "SELECT 1 FROM events"), "42501");
	assert_string_equal(state_as("PP_DB_WORKER", "DELETE FROM events"), "42501");
	assert_string_equal(
		state_as("PP_DB_WORKER", arena_printf(w.arena, "SELECT 1 FROM %s", today)),
		"42501");
	assert_string_equal(state_as("PP_DB_WORKER", arena_printf(w.arena, "DROP TABLE %s", today)),
			    "42501");
	assert_string_equal(state_as("PP_DB_WORKER", "SELECT events_make_day(current_date)"),
			    "42501");
	assert_string_equal(state_as("PP_DB_APP", arena_printf(w.arena, "SELECT 1 FROM %s", today)),
			    "42501");
	assert_string_equal(state_as("PP_DB_APP", "SELECT events_drop_days()"), "42501");
	assert_string_equal(state_as("PP_DB_APP", "DELETE FROM events"), "42501");
	assert_string_equal(state_as("PP_DB_APP", "UPDATE latency SET requests = 0"), "42501");
	/* Without a scope there are no rows, and none can be written for a tenant. */
	assert_string_equal(state_as("PP_DB_APP", "SELECT 1 / count(*) FROM events"), "22012");
	assert_string_equal(state_as("PP_DB_APP",
				     "INSERT INTO events (tenant_id, at, span_id, category,"
				     " service, action) VALUES (gen_random_uuid(), now(), 1, 2,"
				     " 'a', 'b')"),
			    "42501");
}

static int start_world(void **state)
{
	(void)state;
	tw_start(&w);
	return 0;
}

static int stop_world(void **state)
{
	(void)state;
	tw_stop(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_row_is_kept_as_it_was_told, fresh),
		cmocka_unit_test_setup(test_a_page_twice_is_stored_once, fresh),
		cmocka_unit_test_setup(test_what_is_malformed_blocks_nobody, fresh),
		cmocka_unit_test_setup(test_a_refused_page_takes_no_other_with_it, fresh),
		cmocka_unit_test_setup(test_an_unknown_tenant_is_nobody, fresh),
		cmocka_unit_test_setup(test_gaps_are_losses, fresh),
		cmocka_unit_test_setup(test_overload_is_accounted_for, fresh),
		cmocka_unit_test_setup(test_days_are_made_ahead_and_for_late_rows, fresh),
		cmocka_unit_test_setup(test_days_are_dropped_whole, fresh),
		cmocka_unit_test_setup(test_what_is_old_goes, fresh),
		cmocka_unit_test_setup(test_the_roles_reach_no_further, fresh),
		cmocka_unit_test_setup(test_a_restarted_database_loses_nothing, fresh),
		cmocka_unit_test_setup(test_killed_between_fetch_and_commit, fresh),
		cmocka_unit_test_setup(test_killed_between_commit_and_ack, fresh),
		cmocka_unit_test_setup(test_killed_again_and_again, fresh),
	};

	return cmocka_run_group_tests(tests, start_world, stop_world);
}
