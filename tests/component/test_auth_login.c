/*
 * Logging in: what an attacker learns (nothing), how fast he may guess, and that he is in nobody's
 * way. User complaints behind some of these: Keycloak #48272 (concurrent valid logins blocked),
 * #49960 (a refresh resets the attacker's count).
 */
#include "component/auth_fixture.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WRONG      "not the password"
#define TRIES_FREE 5

static struct world w;

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	return 0;
}

static struct reply exchange(const char *key)
{
	Auth__V1__ExchangeKeyRequest in = AUTH__V1__EXCHANGE_KEY_REQUEST__INIT;

	in.api_key = (char *)key;
	return world_call(&w, (struct caller){ 0 }, AUTH_EXCHANGE_KEY, &in);
}

/* ---- operators ---- */

static void the_first_operator_is_made_once(void **state)
{
	char out[512];
	const Auth__V1__Tokens *t;

	(void)state;
	assert_int_equal(
		world_run(&w, out, sizeof(out), (const char *const[]){ "--bootstrap", NULL }), 1);
	assert_non_null(strstr(out, "there is an operator already"));
	assert_null(strstr(out, "ppo_"));
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.operators"), 1);
	assert_int_equal(world_run(&w, out, sizeof(out),
				   (const char *const[]){ "--bootstrap", "--nonsense", NULL }),
			 2);

	assert_int_equal(
		world_run(&w, out, sizeof(out),
			  (const char *const[]){ "--bootstrap", "--force-new-operator-key", NULL }),
		0);
	assert_int_equal(strlen(out), 4 + 43 + 1);
	out[strcspn(out, "\n")] = '\0';
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.operators"), 2);
	assert_int_equal(
		world_sql_int(
			&w,
			"SELECT count(*) FROM auth.operators WHERE key_hash = sha256('%s'::bytea)",
			out),
		1);

	t = exchange(out).out;
	assert_non_null(t);
	assert_string_equal(t->token_type, "Bearer");
	assert_string_equal(t->refresh_token, "");
	assert_int_equal(t->expires_in, 900);
	assert_string_equal(world_claim(&w, t->access_token, "rol"), "operator");
	assert_string_equal(world_claim(&w, t->access_token, "tid"), "");
	world_sql(
		&w,
		"UPDATE auth.operators SET retired_at = now() WHERE key_hash = sha256('%s'::bytea)",
		out);
	assert_int_equal(exchange(out).status, ST_UNAUTHENTICATED);
}

static void other_keys_are_refused_alike(void **state)
{
	static const char *const keys[] = { "ppo_",
					    "ppr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					    "ppo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					    "x" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct reply r = exchange(keys[i]);

		assert_int_equal(r.status, ST_UNAUTHENTICATED);
		assert_string_equal(r.detail, "the API key is not valid");
	}
}

/* ---- users ---- */

static void a_login_says_who_and_where(void **state)
{
	const char *tenant = world_tenant(&w, "Claims@Login.example");
	const Auth__V1__Tokens *t = world_must_login(&w, "claims@LOGIN.example");
	const char *user = world_sql(
		&w, "SELECT user_id FROM auth.users WHERE email = 'claims@login.example'");
	int64_t iat = strtoll(world_claim(&w, t->access_token, "iat"), NULL, 10);

	(void)state;
	assert_string_equal(world_claim(&w, t->access_token, "sub"), user);
	assert_string_equal(world_claim(&w, t->access_token, "tid"), tenant);
	assert_string_equal(world_claim(&w, t->access_token, "rol"), "admin");
	assert_string_equal(world_claim(&w, t->access_token, "tier"), "growth");
	assert_string_equal(world_claim(&w, t->access_token, "brd"), "");
	assert_int_equal(strtoll(world_claim(&w, t->access_token, "exp"), NULL, 10) - iat, 900);
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.sessions WHERE session_id = '%s' AND "
			      "user_id = '%s'",
			      world_claim(&w, t->access_token, "sid"), user),
		1);
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.refresh_tokens WHERE token_hash = "
			      "sha256('%s'::bytea)",
			      t->refresh_token),
		1);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.users WHERE password_hash"
					   " LIKE '$argon2id$v=19$m=19456,t=2,p=1$%%' AND email = "
					   "'claims@login.example'"),
			 1);
}

static int compare_us(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Same status, same words, same rows. The times are shown, not judged: the machine is shared. */
static void strangers_and_wrong_passwords_look_alike(void **state)
{
	enum { ROUNDS = 9 };
	int64_t us[2][ROUNDS];
	struct reply r[2];

	(void)state;
	world_tenant(&w, "known@login.example");
	for (int i = 0; i < ROUNDS; i++) {
		for (int known = 0; known < 2; known++) {
			int64_t start = time_mono_us();

			r[known] = world_login(
				&w, known ? "known@login.example" : "stranger@login.example", WRONG,
				NULL);
			us[known][i] = time_mono_us() - start;
			assert_int_equal(r[known].status, ST_UNAUTHENTICATED);
		}
		world_sql(&w, "DELETE FROM auth.login_failures");
		assert_string_equal(r[0].detail, r[1].detail);
		assert_string_equal(r[0].field, r[1].field);
		assert_int_equal(r[0].retry_after_s, r[1].retry_after_s);
	}
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.audit_log WHERE act = "
					   "'login.failed' AND target = ''"),
			 ROUNDS);
	assert_int_equal(
		world_sql_int(&w, "SELECT count(*) FROM auth.audit_log JOIN auth.users ON target = "
				  "user_id::text"
				  " WHERE act = 'login.failed' AND email = 'known@login.example'"),
		ROUNDS);
	for (int known = 0; known < 2; known++)
		qsort(us[known], ROUNDS, sizeof(us[known][0]), compare_us);
	print_message("median time: stranger %lld us, wrong password %lld us\n",
		      (long long)us[0][ROUNDS / 2], (long long)us[1][ROUNDS / 2]);
}

/* ---- lockout ---- */

static struct reply try_from(const char *ip, const char *email, const char *password)
{
	Auth__V1__LoginRequest in = AUTH__V1__LOGIN_REQUEST__INIT;

	in.email = (char *)email;
	in.password = (char *)password;
	return world_call(&w, (struct caller){ .ip = ip }, AUTH_LOGIN, &in);
}

static void unlock(void)
{
	world_sql(&w,
		  "UPDATE auth.login_failures SET locked_until = now() - interval '1 second' WHERE "
		  "locked_until IS NOT NULL");
}

static void guesses_double_the_wait(const char *email)
{
	struct reply r;

	world_sql(&w, "DELETE FROM auth.login_failures");
	for (int64_t n = 1, wait_s = 0; n <= 17; n++) {
		unlock();
		assert_int_equal(try_from("192.0.2.7", email, WRONG).status, ST_UNAUTHENTICATED);
		if (n >= TRIES_FREE)
			wait_s = wait_s == 0 ? 1 : wait_s * 2 > 900 ? 900 : wait_s * 2;
		assert_int_equal(world_sql_int(&w, "SELECT failures FROM auth.login_failures"), n);
		assert_int_equal(world_sql_int(&w, "SELECT coalesce(round(extract(epoch FROM "
						   "locked_until - last_at)), 0)"
						   " FROM auth.login_failures"),
				 wait_s);
	}
	/* Locked: even the right password waits, and is told how long; nothing is counted. */
	r = try_from("192.0.2.7", email, GOOD_PASSWORD);
	assert_int_equal(r.status, ST_LIMITED);
	assert_in_range(r.retry_after_s, 1, 900);
	assert_int_equal(world_sql_int(&w, "SELECT failures FROM auth.login_failures"), 17);
}

static void guessing_gets_slower_and_slower(void **state)
{
	const Auth__V1__Tokens *t;

	(void)state;
	world_tenant(&w, "locked@login.example");
	t = world_must_login(&w, "locked@login.example");
	guesses_double_the_wait("nobody@login.example");
	guesses_double_the_wait("locked@login.example");

	/* The lock is the guesser's: from elsewhere the user comes in, and his refresh does not
	 * help the guesser. */
	assert_int_equal(try_from("192.0.2.8", "locked@login.example", GOOD_PASSWORD).status,
			 ST_OK);
	assert_int_equal(world_refresh(&w, t->refresh_token).status, ST_OK);
	assert_int_equal(world_sql_int(&w, "SELECT failures FROM auth.login_failures"), 17);
	assert_int_equal(try_from("192.0.2.7", "locked@login.example", WRONG).status, ST_LIMITED);

	/* The right password from the guesser's own address forgets them; so does a day. */
	unlock();
	assert_int_equal(try_from("192.0.2.7", "locked@login.example", GOOD_PASSWORD).status,
			 ST_OK);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.login_failures"), 0);
	assert_int_equal(try_from("192.0.2.7", "locked@login.example", WRONG).status,
			 ST_UNAUTHENTICATED);
	world_sql(&w, "UPDATE auth.login_failures SET failures = 30, last_at = now() - interval "
		      "'25 hours'");
	assert_int_equal(try_from("192.0.2.7", "locked@login.example", WRONG).status,
			 ST_UNAUTHENTICATED);
	assert_int_equal(world_sql_int(&w, "SELECT failures FROM auth.login_failures"), 1);
}

#define THREADS 16

struct
try {
	pthread_t thread;
	struct arena *arena;
	const char *email, *password;
	struct reply reply;
};

static void *try_main(void *arg)
{
	struct try *t = arg;
	Auth__V1__LoginRequest in = AUTH__V1__LOGIN_REQUEST__INIT;

	in.email = (char *)t->email;
	in.password = (char *)t->password;
	t->reply = world_call_on(w.edge, t->arena, (struct caller){ .ip = "192.0.2.9" }, AUTH_LOGIN,
				 &in);
	return NULL;
}

static void try_all(struct try *tries, int n)
{
	for (int i = 0; i < n; i++) {
		tries[i].arena = arena_new(1024 * 1024);
		assert_non_null(tries[i].arena);
		assert_int_equal(pthread_create(&tries[i].thread, NULL, try_main, &tries[i]), 0);
	}
	for (int i = 0; i < n; i++) {
		pthread_join(tries[i].thread, NULL);
		arena_free(tries[i].arena);
	}
}

static int count(const struct try *tries, int n, enum status st)
{
	int found = 0;

	for (int i = 0; i < n; i++)
		found += tries[i].reply.status == st;
	return found;
}

static void concurrent_valid_logins_all_pass(void **state)
{
	struct try tries[THREADS] = { 0 };

	(void)state;
	world_sql(&w, "DELETE FROM auth.login_failures");
	world_tenant(&w, "many@login.example");
	for (int i = 0; i < THREADS; i++)
		tries[i] = (struct try){ .email = "many@login.example", .password = GOOD_PASSWORD };
	try_all(tries, THREADS);
	assert_int_equal(count(tries, THREADS, ST_OK), THREADS);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.login_failures"), 0);
}

/* A burst is no way around the lock: what is not answered 401 was not tried. */
static void a_burst_of_guesses_meets_the_lock(void **state)
{
	struct try tries[THREADS * 2] = { 0 };
	int wrong, limited, full;

	(void)state;
	world_sql(&w, "DELETE FROM auth.login_failures");
	for (int i = 0; i < THREADS * 2; i++)
		tries[i] = (struct try){ .email = "burst@login.example", .password = WRONG };
	try_all(tries, THREADS * 2);
	wrong = count(tries, THREADS * 2, ST_UNAUTHENTICATED);
	limited = count(tries, THREADS * 2, ST_LIMITED);
	full = count(tries, THREADS * 2, ST_UNAVAILABLE);
	assert_int_equal(wrong + limited + full, THREADS * 2);
	assert_true(limited > 0);
	assert_int_equal(world_sql_int(&w, "SELECT failures FROM auth.login_failures"), wrong);
}

/* ---- several tenants ---- */

static void a_user_of_several_tenants_names_one(void **state)
{
	const char *one = world_tenant(&w, "both@login.example"),
		   *two = world_tenant(&w, "both@login.example");
	const char *third = world_tenant(&w, "other@login.example");
	struct reply r = world_login(&w, "both@login.example", GOOD_PASSWORD, NULL);

	(void)state;
	assert_int_equal(r.status, ST_CONFLICT);
	assert_string_equal(r.field, "tenant_id");
	assert_non_null(strstr(r.detail, one));
	assert_non_null(strstr(r.detail, two));
	assert_null(strstr(r.detail, third));

	/* Without the password nothing of this is told. */
	r = world_login(&w, "both@login.example", WRONG, NULL);
	assert_int_equal(r.status, ST_UNAUTHENTICATED);
	assert_string_equal(r.field, "");
	assert_int_equal(world_login(&w, "both@login.example", WRONG, third).status,
			 ST_UNAUTHENTICATED);

	r = world_login(&w, "both@login.example", GOOD_PASSWORD, two);
	assert_int_equal(r.status, ST_OK);
	assert_string_equal(world_claim(&w, ((const Auth__V1__Tokens *)r.out)->access_token, "tid"),
			    two);
	r = world_login(&w, "both@login.example", GOOD_PASSWORD, third);
	assert_int_equal(r.status, ST_DENIED);
	assert_string_equal(r.field, "tenant_id");
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.users WHERE email = 'both@login.example'"),
		1);
}

static void weak_passwords_are_refused(void **state)
{
	static const struct {
		const char *password, *word;
	} rows[] = {
		{ "Password1234", "common" },
		{ "policy@login.example", "e-mail" },
		{ "12345", "12" },
	};
	Auth__V1__CreateTenantRequest in = AUTH__V1__CREATE_TENANT_REQUEST__INIT;
	Auth__V1__NewAdmin admin = AUTH__V1__NEW_ADMIN__INIT;

	(void)state;
	in.name = (char *)"Weak";
	in.admin = &admin;
	admin.email = (char *)"policy@login.example";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply r;

		admin.password = (char *)rows[i].password;
		r = world_call(&w, (struct caller){ .token = w.operator_token }, AUTH_CREATE_TENANT,
			       &in);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, "admin.password");
		assert_non_null(strstr(r.detail, rows[i].word));
	}
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.tenants WHERE name = 'Weak'"),
			 0);
	assert_int_equal(
		world_sql_int(
			&w, "SELECT count(*) FROM auth.users WHERE email = 'policy@login.example'"),
		0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_operator_is_made_once, fresh),
		cmocka_unit_test_setup(other_keys_are_refused_alike, fresh),
		cmocka_unit_test_setup(a_login_says_who_and_where, fresh),
		cmocka_unit_test_setup(strangers_and_wrong_passwords_look_alike, fresh),
		cmocka_unit_test_setup(guessing_gets_slower_and_slower, fresh),
		cmocka_unit_test_setup(concurrent_valid_logins_all_pass, fresh),
		cmocka_unit_test_setup(a_burst_of_guesses_meets_the_lock, fresh),
		cmocka_unit_test_setup(a_user_of_several_tenants_names_one, fresh),
		cmocka_unit_test_setup(weak_passwords_are_refused, fresh),
	};
	int failed;

	world_start(&w);
	failed = cmocka_run_group_tests_name("auth login", tests, NULL, NULL);
	world_stop(&w);
	return failed;
}
