/*
 * Sessions: rotation, parallel tabs, re-use, the end by logout, suspension and new keys. User
 * complaints behind some of these: Keycloak #50999 (an old token replayed within the same second),
 * #16081 and Hydra #2022 (two tabs end the session).
 */
#include "component/auth_fixture.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	return 0;
}

static void later(const Auth__V1__Tokens *t)
{
	world_sql(&w,
		  "UPDATE auth.sessions SET rotated_at = rotated_at - interval '11 seconds' WHERE "
		  "session_id = '%s'",
		  world_sid(&w, t));
}

/* ---- rotation ---- */

static void a_refresh_gives_a_new_pair_of_the_same_session(void **state)
{
	const Auth__V1__Tokens *t, *next;

	(void)state;
	world_tenant(&w, "rotate@session.example");
	t = world_must_login(&w, "rotate@session.example");
	for (int64_t generation = 2; generation <= 6; generation++) {
		next = world_must_refresh(&w, t->refresh_token);
		assert_string_equal(world_sid(&w, next), world_sid(&w, t));
		assert_string_not_equal(next->refresh_token, t->refresh_token);
		assert_string_not_equal(next->access_token, t->access_token);
		assert_int_equal(world_list_brands(&w, next->access_token).status, ST_OK);
		assert_int_equal(
			world_sql_int(
				&w, "SELECT generation FROM auth.sessions WHERE session_id = '%s'",
				world_sid(&w, t)),
			generation);
		t = next;
	}
	assert_int_equal(world_acts(&w, t, "session.refreshed"), 5);
}

/* All within one second: times cannot tell these tokens apart, generations do. */
static void an_old_token_ends_the_session_even_in_the_same_second(void **state)
{
	const Auth__V1__Tokens *first, *second, *third;

	(void)state;
	world_tenant(&w, "second@session.example");
	first = world_must_login(&w, "second@session.example");
	second = world_must_refresh(&w, first->refresh_token);
	third = world_must_refresh(&w, second->refresh_token);
	world_assert_refused(&w, first->refresh_token);
	assert_string_equal(world_end_reason(&w, first), "reuse");
	world_assert_refused(&w, third->refresh_token);
	world_until(&w, third->access_token, ST_UNAUTHENTICATED);
	assert_int_equal(world_acts(&w, first, "session.reuse"), 1);
	/* The same again changes nothing more. */
	world_assert_refused(&w, first->refresh_token);
	assert_int_equal(world_acts(&w, first, "session.reuse"), 1);
}

static void the_previous_token_serves_once_more_within_ten_seconds(void **state)
{
	const Auth__V1__Tokens *t, *a, *b;

	(void)state;
	world_tenant(&w, "repeat@session.example");
	t = world_must_login(&w, "repeat@session.example");
	a = world_must_refresh(&w, t->refresh_token);
	b = world_must_refresh(&w, t->refresh_token);
	assert_string_not_equal(a->refresh_token, b->refresh_token);
	assert_string_equal(world_sid(&w, a), world_sid(&w, b));
	assert_int_equal(world_acts(&w, t, "session.repeated"), 1);
	/* Whichever of the twins a browser kept works. */
	later(t);
	a = world_must_refresh(&w, a->refresh_token);
	b = world_must_refresh(&w, b->refresh_token);
	/* A third use of one token is no accident. */
	world_assert_refused(&w, t->refresh_token);
	assert_string_equal(world_end_reason(&w, t), "reuse");
	world_assert_refused(&w, a->refresh_token);
	world_assert_refused(&w, b->refresh_token);
}

static void the_previous_token_is_refused_after_ten_seconds(void **state)
{
	const Auth__V1__Tokens *t, *next;

	(void)state;
	world_tenant(&w, "late@session.example");
	t = world_must_login(&w, "late@session.example");
	next = world_must_refresh(&w, t->refresh_token);
	later(t);
	world_assert_refused(&w, t->refresh_token);
	assert_string_equal(world_end_reason(&w, t), "reuse");
	world_assert_refused(&w, next->refresh_token);
}

#define THREADS 12

struct racer {
	pthread_t thread;
	struct arena *arena;
	const char *token;
	struct reply reply;
};

static void *race_main(void *arg)
{
	struct racer *r = arg;
	Auth__V1__RefreshRequest in = AUTH__V1__REFRESH_REQUEST__INIT;

	in.refresh_token = (char *)r->token;
	r->reply = world_call_on(w.edge, r->arena, (struct caller){ 0 }, AUTH_REFRESH, &in);
	return NULL;
}

/* Runs n refreshes at once; how many were answered. The arenas are freed by end_race. */
static int race(struct racer *racers, int n, const char *token)
{
	int ok = 0;

	for (int i = 0; i < n; i++) {
		racers[i] = (struct racer){ .arena = arena_new(1024 * 1024), .token = token };
		assert_non_null(racers[i].arena);
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race_main, &racers[i]), 0);
	}
	for (int i = 0; i < n; i++)
		pthread_join(racers[i].thread, NULL);
	for (int i = 0; i < n; i++) {
		assert_true(racers[i].reply.status == ST_OK ||
			    racers[i].reply.status == ST_UNAUTHENTICATED);
		ok += racers[i].reply.status == ST_OK;
	}
	return ok;
}

static void end_race(struct racer *racers, int n)
{
	for (int i = 0; i < n; i++)
		arena_free(racers[i].arena);
}

/* Fifty times two tabs: never a false alarm, and whichever token the browser kept goes on. */
static void two_tabs_never_end_the_session(void **state)
{
	const Auth__V1__Tokens *t;
	struct racer tabs[2];
	const char *token;

	(void)state;
	world_tenant(&w, "tabs@session.example");
	t = world_must_login(&w, "tabs@session.example");
	token = t->refresh_token;
	for (int round = 0; round < 50; round++) {
		assert_int_equal(race(tabs, 2, token), 2);
		token = arena_strdup(
			w.arena,
			((const Auth__V1__Tokens *)tabs[round % 2].reply.out)->refresh_token);
		end_race(tabs, 2);
	}
	assert_string_equal(world_end_reason(&w, t), "");
	assert_int_equal(world_acts(&w, t, "session.refreshed"), 50);
	assert_int_equal(world_acts(&w, t, "session.repeated"), 50);
}

static void of_many_at_once_two_get_tokens_and_the_third_is_an_alarm(void **state)
{
	const Auth__V1__Tokens *t;
	struct racer racers[THREADS];

	(void)state;
	world_tenant(&w, "race@session.example");
	t = world_must_login(&w, "race@session.example");
	assert_int_equal(race(racers, THREADS, t->refresh_token), 2);
	end_race(racers, THREADS);
	assert_string_equal(world_end_reason(&w, t), "reuse");
	assert_int_equal(world_acts(&w, t, "session.reuse"), 1);
}

static void idle_and_old_sessions_expire(void **state)
{
	const Auth__V1__Tokens *t;

	(void)state;
	world_tenant(&w, "idle@session.example");
	t = world_must_login(&w, "idle@session.example");
	assert_int_equal(world_sql_int(&w,
				       "SELECT round(extract(epoch FROM good_until - created_at) / "
				       "86400) FROM auth.sessions"
				       " WHERE session_id = '%s'",
				       world_sid(&w, t)),
			 7);
	assert_int_equal(world_sql_int(&w,
				       "SELECT round(extract(epoch FROM expires_at - created_at) / "
				       "86400) FROM auth.sessions"
				       " WHERE session_id = '%s'",
				       world_sid(&w, t)),
			 30);
	/* Being used does not carry a session beyond its absolute end. */
	world_sql(
		&w,
		"UPDATE auth.sessions SET expires_at = now() + interval '1 day' WHERE session_id = "
		"'%s'",
		world_sid(&w, t));
	t = world_must_refresh(&w, t->refresh_token);
	assert_string_equal(
		world_sql(
			&w,
			"SELECT good_until = expires_at FROM auth.sessions WHERE session_id = '%s'",
			world_sid(&w, t)),
		"t");
	world_sql(&w,
		  "UPDATE auth.sessions SET good_until = now() - interval '1 second' WHERE "
		  "session_id = "
		  "'%s'",
		  world_sid(&w, t));
	world_assert_refused(&w, t->refresh_token);
	assert_string_equal(world_end_reason(&w, t), "");
	/* A day on the keeper forgets it with its tokens; the count shows that the cascade reaches
	 * them. */
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.refresh_tokens WHERE session_id = '%s'",
			      world_sid(&w, t)),
		2);
}

static void the_keeper_forgets_what_is_dead(void **state)
{
	const Auth__V1__Tokens *dead, *ended, *alive;
	struct tk_proc *copy;

	(void)state;
	world_tenant(&w, "keeper@session.example");
	dead = world_must_login(&w, "keeper@session.example");
	ended = world_must_login(&w, "keeper@session.example");
	alive = world_must_login(&w, "keeper@session.example");
	world_sql(&w,
		  "UPDATE auth.sessions SET good_until = now() - interval '25 hours' WHERE "
		  "session_id = "
		  "'%s'",
		  world_sid(&w, dead));
	world_sql(&w,
		  "UPDATE auth.sessions SET ended_at = now() - interval '25 hours', end_reason = "
		  "'logout' WHERE session_id = '%s'",
		  world_sid(&w, ended));
	world_sql(&w,
		  "INSERT INTO auth.login_failures VALUES (sha256('old'), 3, now() - interval '25 "
		  "hours', NULL),"
		  " (sha256('new'), 3, now() - interval '23 hours', NULL)");
	/* A copy's keeper looks when it starts. */
	copy = world_spawn(&w);
	world_sql_until(&w, "0",
			"SELECT count(*) FROM auth.login_failures WHERE key = sha256('old')");
	assert_int_equal(world_end(copy), 0);
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.sessions WHERE session_id IN ('%s', '%s')",
			      world_sid(&w, dead), world_sid(&w, ended)),
		0);
	assert_int_equal(
		world_sql_int(
			&w,
			"SELECT count(*) FROM auth.refresh_tokens WHERE session_id IN ('%s', '%s')",
			world_sid(&w, dead), world_sid(&w, ended)),
		0);
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.login_failures WHERE key = sha256('new')"),
		1);
	world_must_refresh(&w, alive->refresh_token);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_refresh_gives_a_new_pair_of_the_same_session, fresh),
		cmocka_unit_test_setup(an_old_token_ends_the_session_even_in_the_same_second,
				       fresh),
		cmocka_unit_test_setup(the_previous_token_serves_once_more_within_ten_seconds,
				       fresh),
		cmocka_unit_test_setup(the_previous_token_is_refused_after_ten_seconds, fresh),
		cmocka_unit_test_setup(two_tabs_never_end_the_session, fresh),
		cmocka_unit_test_setup(of_many_at_once_two_get_tokens_and_the_third_is_an_alarm,
				       fresh),
		cmocka_unit_test_setup(idle_and_old_sessions_expire, fresh),
		cmocka_unit_test_setup(the_keeper_forgets_what_is_dead, fresh),
	};
	int failed;

	world_start(&w);
	failed = cmocka_run_group_tests_name("auth sessions", tests, NULL, NULL);
	world_stop(&w);
	return failed;
}
