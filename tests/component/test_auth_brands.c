/* Brands, and the walls around every row: row-level security as the catalog has it and as auth_app
 * meets it. */
#include "component/auth_fixture.h"

#include <postgresql/libpq-fe.h>
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

static struct caller as(const char *token)
{
	return (struct caller){ .token = token };
}

static struct reply search(const char *token, const char *q, uint32_t size, const char *page)
{
	Auth__V1__ListBrandsRequest in = AUTH__V1__LIST_BRANDS_REQUEST__INIT;

	in.q = (char *)q;
	in.page_size = size;
	in.page_token = (char *)page;
	return world_call(&w, as(token), AUTH_LIST_BRANDS, &in);
}

/* Names of all pages, joined; checks that each page but the last is full. */
static const char *all_names(const char *token, const char *q, uint32_t size)
{
	const char *names = "", *page = "";

	do {
		struct reply r = search(token, q, size, page);
		const Auth__V1__ListBrandsReply *list = r.out;

		if (r.status != ST_OK)
			fail_msg("ListBrands \"%s\": %s %s", q, r.field, r.detail);
		for (size_t i = 0; i < list->n_brands; i++)
			names = arena_printf(w.arena, "%s%s%s", names, *names ? "|" : "",
					     list->brands[i]->name);
		page = list->next_page_token;
		assert_true(!*page || list->n_brands == size);
	} while (*page);
	return names;
}

static struct reply get_brand(const char *token, const char *id)
{
	Auth__V1__BrandRequest in = AUTH__V1__BRAND_REQUEST__INIT;

	in.brand_id = (char *)id;
	return world_call(&w, as(token), AUTH_GET_BRAND, &in);
}

/* ---- what it answers ---- */

static void a_brand_is_made_read_and_changed(void **state)
{
	const Auth__V1__Tokens *t;
	const Auth__V1__Brand *made, *got;
	Auth__V1__UpdateBrandRequest change = AUTH__V1__UPDATE_BRAND_REQUEST__INIT;
	const char *tenant = world_tenant(&w, "crud@brand.example");

	(void)state;
	t = world_must_login(&w, "crud@brand.example");
	made = world_brand(&w, t->access_token, "M\xc3\xbcller's \"Best\"", "shop.mueller.example");
	assert_string_equal(made->currency, "USD");
	assert_string_equal(made->timezone, "UTC");
	got = get_brand(t->access_token, made->brand_id).out;
	assert_non_null(got);
	assert_string_equal(got->name, "M\xc3\xbcller's \"Best\"");
	assert_string_equal(got->domain, "shop.mueller.example");
	assert_int_equal(got->created_at->micros, made->created_at->micros);
	assert_int_equal(got->updated_at->micros, made->updated_at->micros);

	/* Absent fields stay. */
	change.brand_id = made->brand_id;
	change.timezone = (char *)"Europe/Berlin";
	got = world_call(&w, as(t->access_token), AUTH_UPDATE_BRAND, &change).out;
	assert_non_null(got);
	assert_string_equal(got->timezone, "Europe/Berlin");
	assert_string_equal(got->name, made->name);
	assert_string_equal(got->domain, made->domain);
	assert_true(got->updated_at->micros > made->updated_at->micros);
	/* What changes nothing is no change: no version, no event. */
	assert_non_null(world_call(&w, as(t->access_token), AUTH_UPDATE_BRAND, &change).out);
	assert_int_equal(world_sql_int(&w, "SELECT version FROM auth.brands WHERE brand_id = '%s'",
				       made->brand_id),
			 2);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM auth.outbox WHERE subject = "
				       "'pp.evt.%s.auth.brands.upserted'",
				       tenant),
			 2);
}

static void bad_fields_are_refused_by_name(void **state)
{
	const Auth__V1__Tokens *t;
	struct {
		const char *field, *name, *domain, *currency, *timezone;
	} rows[] = {
		{ "name", "", "a.example", "USD", "UTC" },
		{ "domain", "A", "not a host", "USD", "UTC" },
		{ "currency", "A", "a.example", "XXQ", "UTC" },
		{ "timezone", "A", "a.example", "USD", "Mars/Olympus" },
	};

	(void)state;
	world_tenant(&w, "bad@brand.example");
	t = world_must_login(&w, "bad@brand.example");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		Auth__V1__CreateBrandRequest in = AUTH__V1__CREATE_BRAND_REQUEST__INIT;
		struct reply r;

		in.name = (char *)rows[i].name;
		in.domain = (char *)rows[i].domain;
		in.currency = (char *)rows[i].currency;
		in.timezone = (char *)rows[i].timezone;
		r = world_call(&w, as(t->access_token), AUTH_CREATE_BRAND, &in);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, rows[i].field);
	}
	assert_string_equal(all_names(t->access_token, "", 50), "");
}

static void brands_are_listed_by_name_each_once(void **state)
{
	static const char *const names[] = { "delta", "alpha",   "echo", "bravo",
					     "bravo", "charlie", "bravo" };
	const Auth__V1__Tokens *t;

	(void)state;
	world_tenant(&w, "list@brand.example");
	t = world_must_login(&w, "list@brand.example");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		world_brand(&w, t->access_token, names[i], "");
	for (uint32_t size = 1; size <= 8; size++)
		assert_string_equal(all_names(t->access_token, "", size),
				    "alpha|bravo|bravo|bravo|charlie|delta|echo");
}

static void words_find_names_and_domains(void **state)
{
	static const struct {
		const char *name, *domain;
	} brands[] = {
		{ "Acme Shoes", "shop.acme-co.com" },
		{ "Blue Acme", "blue.example" },
		{ "K\xc3\xb6ln Kaffee", "kaffee.example" },
		{ "O'Neil & Sons", "oneil.example" },
	};
	static const struct {
		const char *q, *found;
	} rows[] = {
		{ "acme", "Acme Shoes|Blue Acme" },
		{ "ACME shoes", "Acme Shoes" },
		{ "acme -shoes", "Blue Acme" },
		{ "acme-co", "Acme Shoes" },
		{ "shop.acme-co.com", "Acme Shoes" },
		{ "blue or kaffee", "Blue Acme|K\xc3\xb6ln Kaffee" },
		{ "\"blue acme\"", "Blue Acme" },
		{ "\"shoes acme\"", "" },
		{ "k\xc3\xb6ln", "K\xc3\xb6ln Kaffee" },
		{ "example", "Blue Acme|K\xc3\xb6ln Kaffee|O'Neil & Sons" },
		{ "acm", "" },
		{ "'; DROP TABLE brands --", "" },
		{ "& | ! ( ) : * <->", "" },
		{ "\\", "" },
		{ "%", "" },
	};
	const Auth__V1__Tokens *t;

	(void)state;
	world_tenant(&w, "search@brand.example");
	t = world_must_login(&w, "search@brand.example");
	for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
		world_brand(&w, t->access_token, brands[i].name, brands[i].domain);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = all_names(t->access_token, rows[i].q, 1);

		if (strcmp(found, rows[i].found) != 0)
			fail_msg("q = %s finds \"%s\" and not \"%s\"", rows[i].q, found,
				 rows[i].found);
	}
}

static void the_same_key_makes_one_brand(void **state)
{
	Auth__V1__CreateBrandRequest in = AUTH__V1__CREATE_BRAND_REQUEST__INIT;
	const Auth__V1__Tokens *t;
	struct reply a, b;
	struct caller who;

	(void)state;
	world_tenant(&w, "once@brand.example");
	t = world_must_login(&w, "once@brand.example");
	who = (struct caller){ .token = t->access_token, .key = "brand-key" };
	in.name = (char *)"Once";
	a = world_call(&w, who, AUTH_CREATE_BRAND, &in);
	b = world_call(&w, who, AUTH_CREATE_BRAND, &in);
	assert_int_equal(a.status, ST_OK);
	assert_int_equal(b.status, ST_OK);
	assert_string_equal(((const Auth__V1__Brand *)a.out)->brand_id,
			    ((const Auth__V1__Brand *)b.out)->brand_id);
	in.name = (char *)"Twice";
	assert_int_equal(world_call(&w, who, AUTH_CREATE_BRAND, &in).status, ST_MISMATCH);
	assert_string_equal(all_names(t->access_token, "", 50), "Once");
	/* Another user's key of the same name is another key. */
	world_user(&w, t->access_token, "twice@brand.example", AUTH__V1__USER_ROLE__USER_ROLE_ADMIN,
		   NULL);
	who.token = world_must_login(&w, "twice@brand.example")->access_token;
	assert_int_equal(world_call(&w, who, AUTH_CREATE_BRAND, &in).status, ST_OK);
	assert_string_equal(all_names(t->access_token, "", 50), "Once|Twice");
}

/* ---- walls ---- */

static void assert_no_brand(struct reply r)
{
	assert_int_equal(r.status, ST_NOT_FOUND);
	assert_string_equal(r.detail, "no such brand");
	assert_string_equal(r.field, "");
}

static void a_foreign_brand_is_no_brand(void **state)
{
	const Auth__V1__Tokens *mine, *theirs, *limited;
	const Auth__V1__Brand *one, *two;
	Auth__V1__UpdateBrandRequest change = AUTH__V1__UPDATE_BRAND_REQUEST__INIT;
	Auth__V1__CreateBrandRequest more = AUTH__V1__CREATE_BRAND_REQUEST__INIT;

	(void)state;
	world_tenant(&w, "mine@brand.example");
	world_tenant(&w, "theirs@brand.example");
	mine = world_must_login(&w, "mine@brand.example");
	theirs = world_must_login(&w, "theirs@brand.example");
	one = world_brand(&w, mine->access_token, "One", "");
	two = world_brand(&w, mine->access_token, "Two", "");
	world_user(&w, mine->access_token, "limited@brand.example",
		   AUTH__V1__USER_ROLE__USER_ROLE_ADMIN, one->brand_id);
	limited = world_must_login(&w, "limited@brand.example");

	/* Another tenant's, one beyond the token's limits, and none at all are answered alike. */
	assert_no_brand(get_brand(theirs->access_token, one->brand_id));
	assert_no_brand(get_brand(limited->access_token, two->brand_id));
	assert_no_brand(get_brand(mine->access_token, "01890000-0000-7000-8000-000000000000"));
	change.name = (char *)"Stolen";
	change.brand_id = one->brand_id;
	assert_no_brand(world_call(&w, as(theirs->access_token), AUTH_UPDATE_BRAND, &change));
	change.brand_id = two->brand_id;
	assert_no_brand(world_call(&w, as(limited->access_token), AUTH_UPDATE_BRAND, &change));
	assert_int_equal(
		world_sql_int(&w, "SELECT count(*) FROM auth.brands WHERE name = 'Stolen'"), 0);

	assert_string_equal(all_names(theirs->access_token, "", 50), "");
	assert_string_equal(all_names(limited->access_token, "", 50), "One");
	assert_string_equal(all_names(limited->access_token, "two", 50), "");
	assert_string_equal(all_names(mine->access_token, "", 50), "One|Two");
	more.name = (char *)"Three";
	assert_int_equal(world_call(&w, as(limited->access_token), AUTH_CREATE_BRAND, &more).status,
			 ST_DENIED);
	/* Another tenant's page token opens nothing. */
	assert_int_equal(
		search(theirs->access_token, "", 1,
		       ((const Auth__V1__ListBrandsReply *)search(mine->access_token, "", 1, "")
				.out)
			       ->next_page_token)
			.status,
		ST_INVALID);
}

/* The only tables without row-level security, and why. */
static const struct {
	const char *table, *why;
} no_tenant[] = {
	{ "users", "one identity per address, whatever tenants it works for" },
	{ "operators", "the platform's own people" },
	{ "signing_keys", "the platform's" },
	{ "login_failures", "counted before anybody is known" },
	{ "access_version", "one row for all" },
	{ "schema_migrations", "which migrations are applied; read by --check" },
};

static void every_table_has_a_wall_or_a_reason(void **state)
{
	const char *list = "''";
	int64_t walled;

	(void)state;
	for (size_t i = 0; i < sizeof(no_tenant) / sizeof(no_tenant[0]); i++) {
		list = arena_printf(w.arena, "%s, '%s'", list, no_tenant[i].table);
		assert_int_equal(world_sql_int(&w,
					       "SELECT count(*) FROM pg_class WHERE relnamespace = "
					       "'auth'::regnamespace AND relname = '%s'",
					       no_tenant[i].table),
				 1);
	}
	/* ENABLE and FORCE, a policy for auth_app that asks for the tenant, and none for everybody.
	 */
	walled = world_sql_int(
		&w,
		"SELECT count(*) FROM pg_class AS c WHERE relnamespace = 'auth'::regnamespace AND "
		"relkind IN ('r', 'p')"
		" AND relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policies "
		"AS p"
		" WHERE schemaname = 'auth' AND tablename = relname AND 'auth_app' = ANY (roles)"
		" AND coalesce(qual, with_check) LIKE '%%tenant_id = "
		"(NULLIF(current_setting(''app.tenant_id''%%')");
	assert_int_equal(walled, 9);
	assert_string_equal(
		world_sql(&w,
			  "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace "
			  "= 'auth'::regnamespace"
			  " AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (relrowsecurity "
			  "AND relforcerowsecurity)"
			  " AND relname NOT IN (%s)",
			  list),
		"");
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM pg_policies WHERE schemaname = 'auth' "
				       "AND 'public' = ANY (roles)"),
			 0);
	/* auth_app reaches tables without a tenant through functions only. */
	assert_string_equal(
		world_sql(&w,
			  "SELECT string_agg(relname || ' ' || p, ',') FROM pg_class,"
			  " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p"
			  " WHERE relnamespace = 'auth'::regnamespace AND relkind = 'r' AND "
			  "relname IN "
			  "(%s)"
			  " AND (has_table_privilege('auth_app', pg_class.oid, p)"
			  " OR p NOT IN ('DELETE', 'TRUNCATE') AND "
			  "has_any_column_privilege('auth_app', "
			  "pg_class.oid, p))",
			  list),
		"schema_migrations SELECT");
}

static void functions_are_narrow(void **state)
{
	(void)state;
	assert_int_equal(
		world_sql_int(
			&w,
			"SELECT count(*) FROM pg_proc WHERE pronamespace = 'auth'::regnamespace"),
		12);
	/* Each runs as the owner with a pinned path, and nobody but auth's own roles may call it.
	 */
	assert_string_equal(world_sql(&w, "SELECT string_agg(proname, ',') FROM pg_proc WHERE "
					  "pronamespace = 'auth'::regnamespace"
					  " AND NOT (prosecdef AND proowner = 'auth_owner'::regrole"
					  " AND 'search_path=auth, pg_temp' = ANY (proconfig))"),
			    "");
	assert_string_equal(
		world_sql(&w, "SELECT string_agg(DISTINCT coalesce(r.rolname, 'public'), ',') "
			      "FROM pg_proc AS p,"
			      " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a"
			      " LEFT JOIN pg_roles AS r ON r.oid = a.grantee WHERE "
			      "p.pronamespace = 'auth'::regnamespace"),
		"auth_app,auth_owner,auth_worker");
	assert_string_equal(
		world_sql(&w, "SELECT string_agg(proname, ',' ORDER BY proname) FROM pg_proc"
			      " WHERE pronamespace = 'auth'::regnamespace AND NOT "
			      "has_function_privilege('auth_app', oid, 'EXECUTE')"),
		"operator_add,signing_key_rotate");
}

/* Runs as auth_app with a scope; the first value, or "ERROR <sqlstate>". */
static const char *as_app(const char *tenant, const char *query)
{
	PGconn *c = PQconnectdb(w.pg);
	const char *text;
	PGresult *r;

	assert_int_equal(PQstatus(c), CONNECTION_OK);
	PQclear(PQexec(c, "SET ROLE auth_app; SET search_path = auth"));
	PQclear(PQexec(c, arena_printf(w.arena, "SET app.tenant_id = '%s'", tenant)));
	r = PQexec(c, query);
	if (PQresultStatus(r) == PGRES_FATAL_ERROR)
		text = arena_printf(w.arena, "ERROR %s", PQresultErrorField(r, PG_DIAG_SQLSTATE));
	else
		text = arena_strdup(w.arena,
				    PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : PQcmdTuples(r));
	PQclear(r);
	PQfinish(c);
	return text;
}

static void auth_app_sees_its_scope_and_nothing_else(void **state)
{
	static const char *const tables[] = { "tenants", "memberships", "brands", "sessions" };
	const char *mine = world_tenant(&w, "wall@brand.example"),
		   *theirs = world_tenant(&w, "beyond@brand.example");
	const char *user =
		world_sql(&w, "SELECT user_id FROM auth.users WHERE email = 'wall@brand.example'");

	(void)state;
	world_brand(&w, world_must_login(&w, "wall@brand.example")->access_token, "Mine", "");
	world_brand(&w, world_must_login(&w, "beyond@brand.example")->access_token, "Theirs", "");
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		assert_string_equal(
			as_app(mine, arena_printf(w.arena, "SELECT count(*) FROM %s", tables[i])),
			"1");
		assert_string_equal(
			as_app(mine, arena_printf(w.arena,
						  "SELECT count(*) FROM %s WHERE tenant_id <> '%s'",
						  tables[i], mine)),
			"0");
		assert_string_equal(
			as_app("", arena_printf(w.arena, "SELECT count(*) FROM %s", tables[i])),
			"0");
	}
	/* Writing for another tenant, in every way there is. */
	assert_string_equal(
		as_app(mine,
		       arena_printf(
			       w.arena,
			       "INSERT INTO brands (brand_id, tenant_id, name, domain, currency,"
			       " timezone, created_at, updated_at) VALUES (gen_random_uuid(), '%s',"
			       " 'x', '', 'USD', 'UTC', now(), now())",
			       theirs)),
		"ERROR 42501");
	assert_string_equal(as_app(mine, arena_printf(w.arena,
						      "INSERT INTO memberships VALUES ('%s', '%s', "
						      "'admin', '{}', 1, now())",
						      theirs, user)),
			    "ERROR 42501");
	assert_string_equal(as_app(mine, arena_printf(w.arena,
						      "INSERT INTO audit_log (tenant_id, actor, "
						      "act, target, request_id, at)"
						      " VALUES ('%s', '', '', '', '', now())",
						      theirs)),
			    "ERROR 42501");
	assert_string_equal(as_app(mine, "UPDATE brands SET name = 'x'"), "1");
	assert_string_equal(
		as_app(mine, arena_printf(w.arena, "UPDATE brands SET tenant_id = '%s'", theirs)),
		"ERROR 42501");
	assert_string_equal(
		as_app(mine, "UPDATE tenants SET state = 'suspended', suspended_at = now()"), "0");
	assert_string_equal(as_app(mine, "DELETE FROM brands"), "ERROR 42501");
	assert_string_equal(as_app(mine, "SELECT count(*) FROM users"), "ERROR 42501");
	assert_string_equal(as_app(mine, "SELECT count(*) FROM refresh_tokens"), "ERROR 42501");
	assert_string_equal(as_app(mine, "SELECT count(*) FROM audit_log"), "ERROR 42501");
	assert_string_equal(as_app(mine, "SELECT count(*) FROM tenant_users('', 100)"), "1");
	assert_string_equal(as_app("", "SELECT count(*) FROM tenant_users('', 100)"), "0");
	assert_string_equal(
		as_app(mine, "SELECT operator_add(gen_random_uuid(), sha256('x'), true)"),
		"ERROR 42501");
	/* An operator's scope reaches tenants, never what is theirs. */
	assert_string_equal(
		as_app("00000000-0000-0000-0000-000000000000", "SELECT count(*) > 1 FROM tenants"),
		"t");
	assert_string_equal(
		as_app("00000000-0000-0000-0000-000000000000", "SELECT count(*) FROM brands"), "0");
	assert_string_equal(
		as_app("00000000-0000-0000-0000-000000000000", "SELECT count(*) FROM memberships"),
		"0");
	assert_string_equal(
		as_app("00000000-0000-0000-0000-000000000000", "SELECT count(*) FROM sessions"),
		"0");
	assert_string_equal(
		world_sql(&w, "SELECT name FROM auth.brands WHERE tenant_id = '%s'", theirs),
		"Theirs");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_brand_is_made_read_and_changed, fresh),
		cmocka_unit_test_setup(bad_fields_are_refused_by_name, fresh),
		cmocka_unit_test_setup(brands_are_listed_by_name_each_once, fresh),
		cmocka_unit_test_setup(words_find_names_and_domains, fresh),
		cmocka_unit_test_setup(the_same_key_makes_one_brand, fresh),
		cmocka_unit_test_setup(a_foreign_brand_is_no_brand, fresh),
		cmocka_unit_test_setup(every_table_has_a_wall_or_a_reason, fresh),
		cmocka_unit_test_setup(functions_are_narrow, fresh),
		cmocka_unit_test_setup(auth_app_sees_its_scope_and_nothing_else, fresh),
	};
	int failed;

	world_start(&w);
	failed = cmocka_run_group_tests_name("auth brands", tests, NULL, NULL);
	world_stop(&w);
	return failed;
}
