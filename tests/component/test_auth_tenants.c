/* Tenants, users, grants, audit: who may do what to whom, once, and that it can be answered for. */
#include "component/auth_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	return 0;
}

static struct caller operator_with(const char *key)
{
	return (struct caller){ .token = w.operator_token, .key = key };
}

/* ---- tenants ---- */

static struct reply create_tenant(struct bus *bus, struct arena *a, struct caller who,
				  const char *name, const char *email)
{
	Auth__V1__CreateTenantRequest in = AUTH__V1__CREATE_TENANT_REQUEST__INIT;
	Auth__V1__NewAdmin admin = AUTH__V1__NEW_ADMIN__INIT;

	in.name = (char *)name;
	in.admin = &admin;
	admin.email = (char *)email;
	admin.password = (char *)GOOD_PASSWORD;
	return world_call_on(bus, a, who, AUTH_CREATE_TENANT, &in);
}

static void a_tenant_is_made_with_its_admin(void **state)
{
	struct reply r =
		create_tenant(w.edge, w.arena, operator_with(NULL), "Made", "Made@Tenant.example");
	const Auth__V1__Tenant *t = r.out;

	(void)state;
	assert_int_equal(r.status, ST_OK);
	assert_string_equal(t->name, "Made");
	assert_int_equal(t->tier, AUTH__V1__TIER__TIER_STANDARD);
	assert_int_equal(t->state, AUTH__V1__TENANT_STATE__TENANT_STATE_ACTIVE);
	assert_string_equal(
		world_sql(&w,
			  "SELECT role FROM auth.memberships JOIN auth.users USING (user_id)"
			  " WHERE tenant_id = '%s' AND user_id = '%s' AND email = "
			  "'made@tenant.example'",
			  t->tenant_id, t->admin_user_id),
		"admin");
	/* Told in the tenant's name: the tenant, the user, the audit. The relay sends them. */
	assert_string_equal(world_sql(&w,
				      "SELECT string_agg(split_part(subject, '.', 5), ',' ORDER BY "
				      "position) FROM auth.outbox"
				      " WHERE tenant_id = '%s'",
				      t->tenant_id),
			    "tenant,user,audit");
	world_sql_until(&w, "0",
			arena_printf(w.arena,
				     "SELECT count(*) FROM auth.outbox WHERE sent_at IS NULL AND "
				     "tenant_id = '%s'",
				     t->tenant_id));
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM auth.outbox WHERE tenant_id = '%s'"
				       " AND position('made@tenant'::bytea IN payload) > 0",
				       t->tenant_id),
			 0);
}

static void the_same_key_makes_one_tenant(void **state)
{
	struct reply a = create_tenant(w.edge, w.arena, operator_with("key-1"), "Once",
				       "once@tenant.example"),
		     b;

	(void)state;
	assert_int_equal(a.status, ST_OK);
	b = create_tenant(w.edge, w.arena, operator_with("key-1"), "Once", "once@tenant.example");
	assert_int_equal(b.status, ST_OK);
	assert_string_equal(((const Auth__V1__Tenant *)a.out)->tenant_id,
			    ((const Auth__V1__Tenant *)b.out)->tenant_id);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.tenants WHERE name = 'Once'"),
			 1);
	b = create_tenant(w.edge, w.arena, operator_with("key-1"), "Other", "once@tenant.example");
	assert_int_equal(b.status, ST_MISMATCH);
	assert_int_equal(
		world_sql_int(&w, "SELECT count(*) FROM auth.tenants WHERE name = 'Other'"), 0);
	assert_int_equal(create_tenant(w.edge, w.arena, operator_with("key-2"), "Once",
				       "once@tenant.example")
				 .status,
			 ST_OK);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.tenants WHERE name = 'Once'"),
			 2);
}

#define THREADS 8

struct copy {
	pthread_t thread;
	struct arena *arena;
	const char *token; /* NULL: the operator's */
	struct reply reply;
};

static void *copy_main(void *arg)
{
	struct copy *c = arg;

	if (!c->token) {
		c->reply = create_tenant(w.edge, c->arena, operator_with("race"), "Race",
					 "race@tenant.example");
	} else {
		Auth__V1__CreateUserRequest in = AUTH__V1__CREATE_USER_REQUEST__INIT;

		in.email = (char *)"raced@tenant.example";
		in.password = (char *)GOOD_PASSWORD;
		in.role = AUTH__V1__USER_ROLE__USER_ROLE_VIEWER;
		c->reply = world_call_on(w.edge, c->arena,
					 (struct caller){ .token = c->token, .key = "race" },
					 AUTH_CREATE_USER, &in);
	}
	return NULL;
}

/* All copies get the one answer, whoever won. */
static void race(struct copy *copies, const char *token)
{
	for (int i = 0; i < THREADS; i++) {
		copies[i] = (struct copy){ .arena = arena_new(1024 * 1024), .token = token };
		assert_int_equal(pthread_create(&copies[i].thread, NULL, copy_main, &copies[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(copies[i].thread, NULL);
	for (int i = 0; i < THREADS; i++)
		if (copies[i].reply.status != ST_OK)
			fail_msg("copy %d: %s %s %s", i, status_name(copies[i].reply.status),
				 copies[i].reply.field, copies[i].reply.detail);
}

static void end_race(struct copy *copies)
{
	for (int i = 0; i < THREADS; i++)
		arena_free(copies[i].arena);
}

static void copies_at_the_same_time_make_one(void **state)
{
	struct copy copies[THREADS];
	const Auth__V1__Tokens *t;

	(void)state;
	race(copies, NULL);
	for (int i = 1; i < THREADS; i++)
		assert_string_equal(((const Auth__V1__Tenant *)copies[i].reply.out)->tenant_id,
				    ((const Auth__V1__Tenant *)copies[0].reply.out)->tenant_id);
	end_race(copies);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.tenants WHERE name = 'Race'"),
			 1);
	assert_int_equal(
		world_sql_int(
			&w, "SELECT count(*) FROM auth.users WHERE email = 'race@tenant.example'"),
		1);

	t = world_must_login(&w, "race@tenant.example");
	race(copies, t->access_token);
	for (int i = 1; i < THREADS; i++)
		assert_string_equal(((const Auth__V1__User *)copies[i].reply.out)->user_id,
				    ((const Auth__V1__User *)copies[0].reply.out)->user_id);
	end_race(copies);
	assert_int_equal(
		world_sql_int(
			&w, "SELECT count(*) FROM auth.memberships JOIN auth.users USING (user_id)"
			    " WHERE email = 'raced@tenant.example'"),
		1);
}

static struct reply list_tenants(const char *token, uint32_t size, const char *page)
{
	Auth__V1__ListTenantsRequest in = AUTH__V1__LIST_TENANTS_REQUEST__INIT;

	in.page_size = size;
	in.page_token = (char *)page;
	return world_call(&w, (struct caller){ .token = token }, AUTH_LIST_TENANTS, &in);
}

static void tenants_are_listed_newest_first_each_once(void **state)
{
	const char *page = "", *seen = "";
	int64_t n = 0, want;

	(void)state;
	for (int i = 0; i < 7; i++)
		world_tenant(&w, "list@tenant.example");
	want = world_sql_int(&w, "SELECT count(*) FROM auth.tenants");
	do {
		const Auth__V1__ListTenantsReply *r = list_tenants(w.operator_token, 3, page).out;

		assert_non_null(r);
		assert_in_range(r->n_tenants, 1, 3);
		for (size_t i = 0; i < r->n_tenants; i++, n++)
			seen = arena_printf(w.arena, "%s%s%s", seen, n ? "," : "",
					    r->tenants[i]->tenant_id);
		page = r->next_page_token;
	} while (*page);
	assert_int_equal(n, want);
	assert_string_equal(seen, world_sql(&w, "SELECT string_agg(tenant_id::text, ',' ORDER BY "
						"created_at DESC, tenant_id DESC)"
						" FROM auth.tenants"));
}

static void a_page_token_is_good_for_its_list_only(void **state)
{
	const Auth__V1__ListTenantsReply *r = list_tenants(w.operator_token, 1, "").out;
	Auth__V1__ListUsersRequest in = AUTH__V1__LIST_USERS_REQUEST__INIT;
	char *altered = arena_strdup(w.arena, r->next_page_token);
	struct reply answer;

	(void)state;
	altered[strlen(altered) / 2] = altered[strlen(altered) / 2] == 'A' ? 'B' : 'A';
	answer = list_tenants(w.operator_token, 1, altered);
	assert_int_equal(answer.status, ST_INVALID);
	assert_string_equal(answer.field, "page_token");
	world_tenant(&w, "pages@tenant.example");
	in.page_size = 10;
	in.page_token = r->next_page_token;
	answer = world_call(
		&w,
		(struct caller){
			.token = world_must_login(&w, "pages@tenant.example")->access_token },
		AUTH_LIST_USERS, &in);
	assert_int_equal(answer.status, ST_INVALID);
	assert_string_equal(answer.field, "page_token");
}

static void each_keeps_to_his_own(void **state)
{
	const char *tenant = world_tenant(&w, "roles@tenant.example");
	const Auth__V1__Tokens *admin = world_must_login(&w, "roles@tenant.example"), *viewer;
	Auth__V1__CreateBrandRequest brand = AUTH__V1__CREATE_BRAND_REQUEST__INIT;
	Auth__V1__TenantRequest suspend = AUTH__V1__TENANT_REQUEST__INIT;

	(void)state;
	world_user(&w, admin->access_token, "viewer@tenant.example",
		   AUTH__V1__USER_ROLE__USER_ROLE_VIEWER, NULL);
	viewer = world_must_login(&w, "viewer@tenant.example");
	brand.name = (char *)"No";
	suspend.tenant_id = (char *)tenant;
	assert_int_equal(world_list_brands(&w, NULL).status, ST_UNAUTHENTICATED);
	assert_int_equal(world_list_brands(&w, "nonsense").status, ST_UNAUTHENTICATED);
	assert_int_equal(world_list_brands(&w, w.operator_token).status, ST_DENIED);
	assert_int_equal(world_list_brands(&w, viewer->access_token).status, ST_OK);
	assert_int_equal(world_call(&w, (struct caller){ .token = viewer->access_token },
				    AUTH_CREATE_BRAND, &brand)
				 .status,
			 ST_DENIED);
	assert_int_equal(world_call(&w, (struct caller){ .token = admin->access_token },
				    AUTH_SUSPEND_TENANT, &suspend)
				 .status,
			 ST_DENIED);
	assert_int_equal(list_tenants(admin->access_token, 1, "").status, ST_DENIED);
	assert_int_equal(create_tenant(w.edge, w.arena,
				       (struct caller){ .token = admin->access_token }, "No",
				       "no@tenant.example")
				 .status,
			 ST_DENIED);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.tenants WHERE name = 'No'"),
			 0);
}

/* ---- users ---- */

static struct reply create_user(const char *token, const char *email, Auth__V1__UserRole role,
				const char *const *brands, size_t n)
{
	Auth__V1__CreateUserRequest in = AUTH__V1__CREATE_USER_REQUEST__INIT;

	in.email = (char *)email;
	in.password = (char *)GOOD_PASSWORD;
	in.role = role;
	in.brand_ids = (char **)brands;
	in.n_brand_ids = n;
	return world_call(&w, (struct caller){ .token = token }, AUTH_CREATE_USER, &in);
}

static void an_address_known_elsewhere_gains_a_membership(void **state)
{
	const char *one = world_tenant(&w, "home@tenant.example"), *two;
	const Auth__V1__Tokens *t;
	const char *hash = world_sql(
		&w, "SELECT password_hash FROM auth.users WHERE email = 'home@tenant.example'");
	Auth__V1__CreateUserRequest in = AUTH__V1__CREATE_USER_REQUEST__INIT;
	struct reply r;

	(void)state;
	two = world_tenant(&w, "away@tenant.example");
	t = world_must_login(&w, "away@tenant.example");
	in.email = (char *)"HOME@tenant.example";
	in.password = (char *)"another long one";
	in.role = AUTH__V1__USER_ROLE__USER_ROLE_ANALYST;
	r = world_call(&w, (struct caller){ .token = t->access_token }, AUTH_CREATE_USER, &in);
	assert_int_equal(r.status, ST_OK);
	assert_string_equal(((const Auth__V1__User *)r.out)->email, "home@tenant.example");
	assert_string_equal(
		world_sql(
			&w,
			"SELECT password_hash FROM auth.users WHERE email = 'home@tenant.example'"),
		hash);
	assert_int_equal(world_login(&w, "home@tenant.example", "another long one", two).status,
			 ST_UNAUTHENTICATED);
	r = world_login(&w, "home@tenant.example", GOOD_PASSWORD, two);
	assert_int_equal(r.status, ST_OK);
	assert_string_equal(world_claim(&w, ((const Auth__V1__Tokens *)r.out)->access_token, "rol"),
			    "analyst");
	r = world_login(&w, "home@tenant.example", GOOD_PASSWORD, one);
	assert_string_equal(world_claim(&w, ((const Auth__V1__Tokens *)r.out)->access_token, "rol"),
			    "admin");

	r = world_call(&w, (struct caller){ .token = t->access_token }, AUTH_CREATE_USER, &in);
	assert_int_equal(r.status, ST_CONFLICT);
	assert_string_equal(r.field, "email");
}

static void users_are_listed_by_address_and_only_the_tenants_own(void **state)
{
	static const char *const emails[] = { "d@list.example", "a@list.example", "c@list.example",
					      "b@list.example" };
	const Auth__V1__Tokens *t;
	const char *page = "", *seen = "";
	Auth__V1__ListUsersRequest in = AUTH__V1__LIST_USERS_REQUEST__INIT;

	(void)state;
	world_tenant(&w, "e@list.example");
	t = world_must_login(&w, "e@list.example");
	for (size_t i = 0; i < 4; i++)
		world_user(&w, t->access_token, emails[i], AUTH__V1__USER_ROLE__USER_ROLE_VIEWER,
			   NULL);
	do {
		const Auth__V1__ListUsersReply *r;

		in.page_size = 2;
		in.page_token = (char *)page;
		r = world_call(&w, (struct caller){ .token = t->access_token }, AUTH_LIST_USERS,
			       &in)
			    .out;
		assert_non_null(r);
		for (size_t i = 0; i < r->n_users; i++)
			seen = arena_printf(w.arena, "%s%c%d", seen, r->users[i]->email[0],
					    (int)r->users[i]->role);
		page = r->next_page_token;
	} while (*page);
	assert_string_equal(seen, "a1b1c1d1e3");
}

static void nobody_passes_on_more_than_he_has(void **state)
{
	const Auth__V1__Tokens *t, *limited;
	const Auth__V1__Brand *one, *two, *foreign;
	const char *brands[3];
	struct reply r;

	(void)state;
	world_tenant(&w, "stranger@limit.example");
	foreign = world_brand(&w, world_must_login(&w, "stranger@limit.example")->access_token,
			      "Foreign", "");
	world_tenant(&w, "boss@limit.example");
	t = world_must_login(&w, "boss@limit.example");
	one = world_brand(&w, t->access_token, "One", "");
	two = world_brand(&w, t->access_token, "Two", "");

	brands[0] = one->brand_id;
	brands[1] = foreign->brand_id;
	r = create_user(t->access_token, "x@limit.example", AUTH__V1__USER_ROLE__USER_ROLE_VIEWER,
			brands, 2);
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "brand_ids");
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.users WHERE email = 'x@limit.example'"),
		0);

	/* Repetitions and upper case are the same brand. */
	brands[1] = one->brand_id;
	brands[2] = world_sql(&w, "SELECT upper('%s')", one->brand_id);
	r = create_user(t->access_token, "sub@limit.example", AUTH__V1__USER_ROLE__USER_ROLE_ADMIN,
			brands, 3);
	assert_int_equal(r.status, ST_OK);
	assert_int_equal(((const Auth__V1__User *)r.out)->n_brand_ids, 1);
	limited = world_must_login(&w, "sub@limit.example");
	assert_string_equal(world_claim(&w, limited->access_token, "brd"), one->brand_id);

	r = create_user(limited->access_token, "y@limit.example",
			AUTH__V1__USER_ROLE__USER_ROLE_ADMIN, NULL, 0);
	assert_int_equal(r.status, ST_DENIED);
	brands[0] = two->brand_id;
	r = create_user(limited->access_token, "y@limit.example",
			AUTH__V1__USER_ROLE__USER_ROLE_ADMIN, brands, 1);
	assert_int_equal(r.status, ST_INVALID);
	brands[0] = one->brand_id;
	assert_int_equal(create_user(limited->access_token, "y@limit.example",
				     AUTH__V1__USER_ROLE__USER_ROLE_ADMIN, brands, 1)
				 .status,
			 ST_OK);
}

/* ---- grants ---- */

static struct reply grant(const char *tenant, const char *service)
{
	Auth__V1__GrantRequest in = AUTH__V1__GRANT_REQUEST__INIT;

	in.tenant_id = (char *)tenant;
	in.service = (char *)service;
	in.reason = (char *)"nightly sync";
	return world_call(&w, (struct caller){ 0 }, AUTH_GRANT, &in);
}

static void a_grant_is_for_one_tenant_and_one_service(void **state)
{
	const char *tenant = world_tenant(&w, "grant@tenant.example");
	Auth__V1__TenantRequest suspend = AUTH__V1__TENANT_REQUEST__INIT;
	struct reply r = grant(tenant, "auth"), other;
	const Auth__V1__GrantReply *g = r.out;
	int64_t life;

	(void)state;
	world_brand(&w, world_must_login(&w, "grant@tenant.example")->access_token, "Granted", "");
	assert_int_equal(r.status, ST_OK);
	assert_int_equal(g->expires_in, 180);
	life = strtoll(world_claim(&w, g->access_token, "exp"), NULL, 10) -
	       strtoll(world_claim(&w, g->access_token, "iat"), NULL, 10);
	assert_int_equal(life, 180);
	assert_string_equal(world_claim(&w, g->access_token, "svc"), "auth");
	assert_string_equal(world_claim(&w, g->access_token, "tid"), tenant);
	assert_string_equal(world_claim(&w, g->access_token, "rol"), "analyst");
	assert_string_equal(world_claim(&w, g->access_token, "sid"), "");
	r = world_list_brands(&w, g->access_token);
	assert_int_equal(r.status, ST_OK);
	assert_int_equal(((const Auth__V1__ListBrandsReply *)r.out)->n_brands, 1);

	other = grant(tenant, "attribution");
	assert_int_equal(other.status, ST_OK);
	assert_int_equal(
		world_list_brands(&w, ((const Auth__V1__GrantReply *)other.out)->access_token)
			.status,
		ST_UNAUTHENTICATED);
	other = grant(tenant, "nonsense");
	assert_int_equal(other.status, ST_INVALID);
	assert_string_equal(other.field, "service");
	other = grant("01890000-0000-7000-8000-000000000000", "auth");
	assert_int_equal(other.status, ST_NOT_FOUND);
	assert_string_equal(other.field, "tenant_id");
	assert_string_equal(
		world_sql(&w,
			  "SELECT string_agg(target || ':' || note, ',' ORDER BY position) "
			  "FROM auth.audit_log"
			  " WHERE act = 'grant' AND tenant_id = '%s'",
			  tenant),
		"auth:nightly sync,attribution:nightly sync");

	suspend.tenant_id = (char *)tenant;
	assert_int_equal(world_call(&w, operator_with(NULL), AUTH_SUSPEND_TENANT, &suspend).status,
			 ST_OK);
	assert_int_equal(grant(tenant, "auth").status, ST_DENIED);
	world_until(&w, g->access_token, ST_DENIED);
}

/* ---- audit ---- */

static void every_act_is_on_record_and_told(void **state)
{
	const char *tenant = world_tenant(&w, "audit@tenant.example");
	const Auth__V1__Tokens *t = world_must_login(&w, "audit@tenant.example");
	const Auth__V1__Brand *brand = world_brand(&w, t->access_token, "Audited", "");
	Auth__V1__UpdateBrandRequest update = AUTH__V1__UPDATE_BRAND_REQUEST__INIT;
	struct reply r;

	(void)state;
	world_user(&w, t->access_token, "audited@tenant.example",
		   AUTH__V1__USER_ROLE__USER_ROLE_VIEWER, NULL);
	update.brand_id = brand->brand_id;
	update.name = (char *)"Renamed";
	assert_int_equal(world_call(&w, (struct caller){ .token = t->access_token },
				    AUTH_UPDATE_BRAND, &update)
				 .status,
			 ST_OK);
	r = world_refresh(&w, t->refresh_token);
	assert_int_equal(r.status, ST_OK);
	world_logout(&w, t->refresh_token);
	assert_string_equal(
		world_sql(&w,
			  "SELECT string_agg(act, ',' ORDER BY position) FROM auth.audit_log "
			  "WHERE tenant_id = '%s'",
			  tenant),
		"tenant.created,login,brand.created,user.created,brand.updated,session."
		"refreshed,logout");
	/* Actors and targets are ids, the request is named, nothing else is told. */
	assert_int_equal(
		world_sql_int(&w,
			      "SELECT count(*) FROM auth.audit_log WHERE tenant_id = '%s' AND "
			      "(actor !~ '^[0-9a-f-]{36}$'"
			      " OR target !~ '^[0-9a-f-]{36}$' OR request_id <> 'test-request')",
			      tenant),
		0);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM auth.audit_log WHERE position('@' IN "
				       "actor || target || note) > 0"),
			 0);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM auth.outbox WHERE subject = "
				       "'pp.evt.%s.auth.audit.recorded'",
				       tenant),
			 7);
	assert_int_equal(
		world_sql_int(
			&w,
			"SELECT count(*) FROM auth.outbox WHERE subject LIKE 'pp.evt.00000000-%%'"),
		0);
	world_sql_until(&w, "0", "SELECT count(*) FROM auth.outbox WHERE sent_at IS NULL");
}

/* What the log and the events must never hold. */
static void no_secret_and_no_address_is_logged(void **state)
{
	static const char *const canaries[] = { GOOD_PASSWORD, "@tenant.example", "ppr_", "ppo_",
						"eyJ" };
	char *text = arena_alloc(w.arena, 1024 * 1024);

	(void)state;
	assert_non_null(text);
	assert_true(tk_read_file(tk_proc_log(w.auth), text, 1024 * 1024));
	assert_non_null(strstr(text, "service.started"));
	for (size_t i = 0; i < sizeof(canaries) / sizeof(canaries[0]); i++) {
		assert_null(strstr(text, canaries[i]));
		assert_int_equal(world_sql_int(&w,
					       "SELECT count(*) FROM auth.outbox WHERE "
					       "position('%s'::bytea IN payload) > 0",
					       canaries[i]),
				 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_tenant_is_made_with_its_admin, fresh),
		cmocka_unit_test_setup(the_same_key_makes_one_tenant, fresh),
		cmocka_unit_test_setup(copies_at_the_same_time_make_one, fresh),
		cmocka_unit_test_setup(tenants_are_listed_newest_first_each_once, fresh),
		cmocka_unit_test_setup(a_page_token_is_good_for_its_list_only, fresh),
		cmocka_unit_test_setup(each_keeps_to_his_own, fresh),
		cmocka_unit_test_setup(an_address_known_elsewhere_gains_a_membership, fresh),
		cmocka_unit_test_setup(users_are_listed_by_address_and_only_the_tenants_own, fresh),
		cmocka_unit_test_setup(nobody_passes_on_more_than_he_has, fresh),
		cmocka_unit_test_setup(a_grant_is_for_one_tenant_and_one_service, fresh),
		cmocka_unit_test_setup(every_act_is_on_record_and_told, fresh),
		cmocka_unit_test_setup(no_secret_and_no_address_is_logged, fresh),
	};
	int failed;

	world_start(&w);
	failed = cmocka_run_group_tests_name("auth tenants", tests, NULL, NULL);
	world_stop(&w);
	return failed;
}
