/* How access ends: logout, suspension, new signing keys; and that every copy and every token hears
 * of it. */
#include "component/auth_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

static atomic_int announcements;

static void on_announcement(void *arg, const struct bus_msg *m)
{
	(void)arg;
	(void)m;
	atomic_fetch_add(&announcements, 1);
}

static bool announced(void *arg)
{
	return atomic_load(&announcements) >= *(const int *)arg;
}

/* Nobody waits for his next poll: what ends is announced, once each. */
static void every_end_is_announced(void **state)
{
	const char *tenant = world_tenant(&w, "announce@session.example");
	const Auth__V1__Tokens *t = world_must_login(&w, "announce@session.example");
	const Auth__V1__Tokens *other = world_must_login(&w, "announce@session.example");
	Auth__V1__TenantRequest in = AUTH__V1__TENANT_REQUEST__INIT;
	int want = 4;
	struct bus_sub *sub;

	(void)state;
	in.tenant_id = (char *)tenant;
	assert_int_equal(bus_subscribe(w.edge, "pp.ctl.access", on_announcement, NULL, &sub),
			 ST_OK);
	assert_int_equal(bus_flush(w.edge, WORLD_LIMIT_MS), ST_OK);
	assert_int_equal(world_logout(&w, t->refresh_token).status, ST_OK);
	world_must_refresh(&w, other->refresh_token);
	world_must_refresh(&w, other->refresh_token);
	world_assert_refused(&w, other->refresh_token);
	assert_int_equal(world_call(&w, (struct caller){ .token = w.operator_token },
				    AUTH_SUSPEND_TENANT, &in)
				 .status,
			 ST_OK);
	assert_int_equal(world_call(&w, (struct caller){ .token = w.operator_token },
				    AUTH_RESUME_TENANT, &in)
				 .status,
			 ST_OK);
	assert_true(tk_wait_until(announced, &want, WORLD_LIMIT_MS));
	assert_int_equal(world_logout(&w, t->refresh_token).status, ST_OK);
	assert_int_equal(bus_flush(w.edge, WORLD_LIMIT_MS), ST_OK);
	assert_int_equal(atomic_load(&announcements), want);
	bus_unsubscribe(sub);
}

static void logout_is_idempotent_and_tells_nothing(void **state)
{
	const Auth__V1__Tokens *t, *other;
	int64_t version;

	(void)state;
	world_tenant(&w, "logout@session.example");
	t = world_must_login(&w, "logout@session.example");
	other = world_must_login(&w, "logout@session.example");
	version = world_sql_int(&w, "SELECT version FROM auth.access_version");
	assert_int_equal(world_logout(&w, t->refresh_token).status, ST_OK);
	print_message("logout to refusal: %lld us\n",
		      (long long)world_until(&w, t->access_token, ST_UNAUTHENTICATED));
	assert_int_equal(world_logout(&w, t->refresh_token).status, ST_OK);
	assert_int_equal(world_logout(&w, "ppr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").status,
			 ST_OK);
	assert_int_equal(world_logout(&w, "nonsense").status, ST_OK);
	assert_int_equal(world_sql_int(&w, "SELECT version FROM auth.access_version"), version + 1);
	assert_int_equal(world_acts(&w, t, "logout"), 1);
	assert_string_equal(world_end_reason(&w, t), "logout");
	world_assert_refused(&w, t->refresh_token);
	/* One session, not the user. */
	assert_int_equal(world_list_brands(&w, other->access_token).status, ST_OK);
	world_must_refresh(&w, other->refresh_token);
}

static bool listed(char *const *ids, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

static const Auth__V1__AccessStateReply *access_state(void)
{
	const Pulsepoint__Empty in = PULSEPOINT__EMPTY__INIT;
	struct reply r = world_call(&w, (struct caller){ 0 }, AUTH_ACCESS_STATE, &in);

	assert_int_equal(r.status, ST_OK);
	return r.out;
}

static void the_access_state_names_sessions_while_their_tokens_live(void **state)
{
	const Auth__V1__Tokens *t;
	const Auth__V1__AccessStateReply *s;

	(void)state;
	world_tenant(&w, "state@session.example");
	t = world_must_login(&w, "state@session.example");
	s = access_state();
	assert_false(listed(s->ended_sessions, s->n_ended_sessions, world_sid(&w, t)));
	world_logout(&w, t->refresh_token);
	assert_true(access_state()->version > s->version);
	s = access_state();
	assert_true(listed(s->ended_sessions, s->n_ended_sessions, world_sid(&w, t)));
	world_sql(&w,
		  "UPDATE auth.sessions SET ended_at = now() - interval '961 seconds' WHERE "
		  "session_id = "
		  "'%s'",
		  world_sid(&w, t));
	s = access_state();
	assert_false(listed(s->ended_sessions, s->n_ended_sessions, world_sid(&w, t)));
}

static struct reply set_state(enum auth_method method, const char *tenant)
{
	Auth__V1__TenantRequest in = AUTH__V1__TENANT_REQUEST__INIT;

	in.tenant_id = (char *)tenant;
	return world_call(&w, (struct caller){ .token = w.operator_token }, method, &in);
}

static void suspension_stops_everything_at_once(void **state)
{
	const char *tenant = world_tenant(&w, "suspended@session.example");
	const Auth__V1__Tokens *t = world_must_login(&w, "suspended@session.example");
	const Auth__V1__AccessStateReply *s;
	struct reply r = set_state(AUTH_SUSPEND_TENANT, tenant);
	int64_t version;

	(void)state;
	assert_int_equal(r.status, ST_OK);
	assert_int_equal(((const Auth__V1__Tenant *)r.out)->state,
			 AUTH__V1__TENANT_STATE__TENANT_STATE_SUSPENDED);
	print_message("suspension to refusal: %lld us\n",
		      (long long)world_until(&w, t->access_token, ST_DENIED));
	r = world_login(&w, "suspended@session.example", GOOD_PASSWORD, NULL);
	assert_int_equal(r.status, ST_DENIED);
	assert_string_equal(r.detail, "tenant is suspended");
	assert_int_equal(
		world_login(&w, "suspended@session.example", "wrong password", NULL).status,
		ST_UNAUTHENTICATED);
	r = world_refresh(&w, t->refresh_token);
	assert_int_equal(r.status, ST_DENIED);
	assert_string_equal(r.detail, "tenant is suspended");
	s = access_state();
	assert_true(listed(s->suspended_tenants, s->n_suspended_tenants, tenant));
	version = (int64_t)s->version;

	/* Twice is once. */
	assert_int_equal(set_state(AUTH_SUSPEND_TENANT, tenant).status, ST_OK);
	assert_int_equal(access_state()->version, version);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM auth.audit_log WHERE act = "
				       "'tenant.suspended' AND tenant_id = '%s'",
				       tenant),
			 1);
	assert_int_equal(world_sql_int(&w,
				       "SELECT version FROM auth.tenants WHERE tenant_id = '%s'",
				       tenant),
			 2);

	assert_int_equal(set_state(AUTH_RESUME_TENANT, tenant).status, ST_OK);
	world_until(&w, t->access_token, ST_OK);
	world_must_refresh(&w, t->refresh_token);
	assert_int_equal(world_login(&w, "suspended@session.example", GOOD_PASSWORD, NULL).status,
			 ST_OK);
	s = access_state();
	assert_false(listed(s->suspended_tenants, s->n_suspended_tenants, tenant));
	/* Made, suspended, resumed: three events, in the tenant's name. */
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM auth.outbox WHERE subject = "
				       "'pp.evt.%s.auth.tenant.changed'",
				       tenant),
			 3);
	assert_int_equal(
		set_state(AUTH_SUSPEND_TENANT, "01890000-0000-7000-8000-000000000000").status,
		ST_NOT_FOUND);
}

/* Another copy of auth hears of the end as every service does. */
static void every_copy_hears_of_a_logout(void **state)
{
	const Auth__V1__Tokens *t;
	struct tk_proc *copy = world_spawn(&w);
	int refused = 0;

	(void)state;
	world_tenant(&w, "copies@session.example");
	t = world_must_login(&w, "copies@session.example");
	for (int i = 0; i < 20; i++)
		assert_int_equal(world_list_brands(&w, t->access_token).status, ST_OK);
	assert_int_equal(world_logout(&w, t->refresh_token).status, ST_OK);
	/* The queue group spreads requests: forty refusals in a row come from both. */
	for (int i = 0; refused < 40 && i < 20000; i++)
		refused = world_list_brands(&w, t->access_token).status == ST_UNAUTHENTICATED
				  ? refused + 1
				  : 0;
	assert_int_equal(refused, 40);
	assert_int_equal(world_end(copy), 0);
}

/* ---- keys ---- */

static const char *kid_of(const char *token)
{
	const char *dot = strchr(token, '.');
	/* The header is a JWT's first part; claim reads the second. */
	const char *shifted = arena_printf(w.arena, "x.%.*s.x", (int)(dot - token), token);

	return world_claim(&w, shifted, "kid");
}

static bool published(const char *kid)
{
	const Pulsepoint__Empty in = PULSEPOINT__EMPTY__INIT;
	struct reply r = world_call(&w, (struct caller){ 0 }, AUTH_JWKS, &in);
	const Auth__V1__JwksReply *keys = r.out;
	bool found = false;

	assert_int_equal(r.status, ST_OK);
	for (size_t i = 0; i < keys->n_keys; i++) {
		const Auth__V1__Jwk *k = keys->keys[i];

		assert_string_equal(k->kty, "EC");
		assert_string_equal(k->crv, "P-256");
		assert_string_equal(k->alg, "ES256");
		assert_string_equal(k->use, "sig");
		assert_int_equal(strlen(k->x), 43);
		assert_int_equal(strlen(k->y), 43);
		found = found || strcmp(k->kid, kid) == 0;
	}
	return found;
}

static void a_new_key_takes_over_and_the_old_one_fades(void **state)
{
	const Auth__V1__Tokens *before, *after;
	char out[1024];

	(void)state;
	world_tenant(&w, "keys@session.example");
	before = world_must_login(&w, "keys@session.example");
	assert_int_equal(world_run(&w, out, sizeof(out),
				   (const char *const[]){ "--rotate-signing-key", NULL }),
			 0);
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.signing_keys WHERE retired_at IS NULL"),
		1);
	assert_int_equal(
		world_sql_int(&w, "SELECT count(*) FROM auth.signing_keys WHERE private_sealed "
				  "LIKE '%%PRIVATE%%'"),
		0);

	/* A restart, as a running copy polls: the sealed key opens, old tokens are good. */
	assert_int_equal(world_end(w.auth), 0);
	w.auth = world_spawn(&w);
	after = world_must_login(&w, "keys@session.example");
	assert_string_not_equal(kid_of(before->access_token), kid_of(after->access_token));
	assert_true(published(kid_of(before->access_token)));
	assert_true(published(kid_of(after->access_token)));
	world_until(&w, before->access_token, ST_OK);
	world_until(&w, after->access_token, ST_OK);

	world_sql(&w,
		  "UPDATE auth.signing_keys SET retired_at = now() - interval '1801 seconds' WHERE "
		  "kid = "
		  "'%s'",
		  kid_of(before->access_token));
	assert_false(published(kid_of(before->access_token)));
	assert_int_equal(world_logout(&w, after->refresh_token).status,
			 ST_OK); /* announces, so that the state is read again */
	world_until(&w, before->access_token, ST_UNAUTHENTICATED);
	/* The operator's token of world_start was signed with the first key. */
	assert_int_equal(world_end(w.auth), 0);
	world_sql(&w, "UPDATE auth.signing_keys SET retired_at = now() WHERE kid = '%s'",
		  kid_of(before->access_token));
	w.auth = world_spawn(&w);
	world_until(&w, world_must_login(&w, "keys@session.example")->access_token, ST_OK);
}

static void an_old_key_is_replaced_by_itself(void **state)
{
	const char *kid =
		world_sql(&w, "SELECT kid FROM auth.signing_keys WHERE retired_at IS NULL");
	struct tk_proc *copy;

	(void)state;
	world_sql(&w,
		  "UPDATE auth.signing_keys SET created_at = now() - interval '91 days' WHERE kid "
		  "= '%s'",
		  kid);
	copy = world_spawn(&w);
	world_sql_until(
		&w, "f",
		arena_printf(w.arena,
			     "SELECT retired_at IS NULL FROM auth.signing_keys WHERE kid = '%s'",
			     kid));
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.signing_keys WHERE retired_at IS NULL"),
		1);
	assert_int_equal(world_end(copy), 0);
	world_tenant(&w, "newkey@session.example");
	world_until(&w, world_must_login(&w, "newkey@session.example")->access_token, ST_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_end_is_announced, fresh),
		cmocka_unit_test_setup(logout_is_idempotent_and_tells_nothing, fresh),
		cmocka_unit_test_setup(the_access_state_names_sessions_while_their_tokens_live,
				       fresh),
		cmocka_unit_test_setup(suspension_stops_everything_at_once, fresh),
		cmocka_unit_test_setup(every_copy_hears_of_a_logout, fresh),
		cmocka_unit_test_setup(a_new_key_takes_over_and_the_old_one_fades, fresh),
		cmocka_unit_test_setup(an_old_key_is_replaced_by_itself, fresh),
	};
	int failed;

	world_start(&w);
	failed = cmocka_run_group_tests_name("auth ends", tests, NULL, NULL);
	world_stop(&w);
	return failed;
}
