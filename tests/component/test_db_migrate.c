/*
 * Migrations: once each, in order, whole or not at all, by one deploy step at a time; changed texts
 * are refused. Real PostgreSQL, as a role that owns its schema and may create no other.
 */
#include "db/migrate.h"

#include "db_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PASSWORD "pw"
#define PARALLEL 6
#define APPLIED  "SELECT count(*) FROM svc.schema_migrations"
#define TABLES   "SELECT count(*) FROM pg_tables WHERE schemaname = 'svc'"

static struct tk_db database;
static char as_owner[TK_TEXT], as_app[TK_TEXT];

static const struct db_migration shared[] = {
	{ 1, "0001_outbox", "CREATE TABLE outbox (id bigint PRIMARY KEY)" },
	{ 0, NULL, NULL },
};
static const struct db_migration own[] = {
	{ 1, "0001_brands", "CREATE TABLE brands (id int); INSERT INTO brands VALUES (1);" },
	{ 2, "0002_names",
	  "ALTER TABLE brands ADD COLUMN name text; UPDATE brands SET name = 'a'" },
	{ 0, NULL, NULL },
};

static int setup_group(void **state)
{
	(void)state;
	tk_db_create(tk_pg_open(true), &database);
	tk_sql(database.superuser, "CREATE ROLE svc_owner LOGIN PASSWORD '" PASSWORD "';"
				   "CREATE ROLE svc_app LOGIN PASSWORD '" PASSWORD "'");
	tk_db_conninfo(&database, "svc_owner", PASSWORD, as_owner);
	tk_db_conninfo(&database, "svc_app", PASSWORD, as_app);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	tk_sql(database.superuser, "DROP SCHEMA IF EXISTS svc CASCADE;"
				   "CREATE SCHEMA svc AUTHORIZATION svc_owner;"
				   "GRANT USAGE ON SCHEMA svc TO svc_app");
	return 0;
}

static enum status migrate(const struct db_migration *second, struct error *err)
{
	const struct db_migration_set sets[] = { { "svc", shared }, { "auth", second } };

	return db_migrate(as_owner, "svc", sets, 2, err);
}

static enum status check(const struct db_migration *second, struct error *err)
{
	const struct db_migration_set sets[] = { { "svc", shared }, { "auth", second } };

	return db_migrations_check(as_app, "svc", sets, 2, err);
}

static int64_t ask(const char *sql)
{
	return tk_sql_int(database.superuser, sql);
}

static void test_applies_once_in_order(void **state)
{
	struct error err = { 0 };
	char text[256];

	(void)state;
	assert_int_equal(migrate(own, &err), ST_OK);
	assert_int_equal(ask(APPLIED), 3);
	tk_sql_text(database.superuser,
		    "SELECT string_agg(set_name || '/' || name, ' ' ORDER BY applied_at, number)"
		    " FROM svc.schema_migrations",
		    text, sizeof(text));
	assert_string_equal(text, "svc/0001_outbox auth/0001_brands auth/0002_names");
	tk_sql_text(database.superuser,
		    "SELECT sha256 FROM svc.schema_migrations WHERE set_name = 'svc'", text,
		    sizeof(text));
	/* sha256sum of the text above. */
	assert_string_equal(text,
			    "f434c3d55092a03e1b799887f3472000447b71df4e3d82ec307983780991a866");
	tk_sql_text(database.superuser, "SELECT name FROM svc.brands", text, sizeof(text));
	assert_string_equal(text, "a");
	/* Again: nothing to do, and the INSERT is not repeated. */
	assert_int_equal(migrate(own, &err), ST_OK);
	assert_int_equal(ask(APPLIED), 3);
	assert_int_equal(ask("SELECT count(*) FROM svc.brands"), 1);
}

static void test_new_ones_are_added(void **state)
{
	const struct db_migration longer[] = {
		own[0], own[1], { 3, "0003_more", "CREATE TABLE more (id int)" }, { 0, NULL, NULL }
	};
	struct error err = { 0 };

	(void)state;
	assert_int_equal(check(own, &err), ST_UNAVAILABLE);
	assert_non_null(strstr(err.detail, "svc/0001_outbox"));
	assert_int_equal(migrate(own, &err), ST_OK);
	assert_int_equal(check(own, &err), ST_OK);
	assert_int_equal(check(longer, &err), ST_UNAVAILABLE);
	assert_non_null(strstr(err.detail, "auth/0003_more"));
	assert_int_equal(migrate(longer, &err), ST_OK);
	assert_int_equal(check(longer, &err), ST_OK);
	/* An older program beside a newer schema, as in a rolling update. */
	assert_int_equal(check(own, &err), ST_OK);
	assert_int_equal(migrate(own, &err), ST_OK);
	assert_int_equal(ask(APPLIED), 4);
}

static void test_changed_text_is_refused(void **state)
{
	const struct db_migration changed[] = { own[0],
						{ 2, "0002_names", "SELECT 1" },
						{ 3, "0003_more", "CREATE TABLE more (id int)" },
						{ 0, NULL, NULL } };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(migrate(own, &err), ST_OK);
	assert_int_equal(migrate(changed, &err), ST_CONFLICT);
	assert_non_null(strstr(err.detail, "auth/0002_names"));
	assert_int_equal(ask(APPLIED), 3);
	assert_int_equal(check(changed, &err), ST_CONFLICT);
}

static void test_a_failing_one_leaves_nothing(void **state)
{
	const struct db_migration broken[] = {
		own[0],
		{ 2, "0002_broken", "CREATE TABLE half (id int); SELECT * FROM no_such_table" },
		{ 3, "0003_more", "CREATE TABLE more (id int)" },
		{ 0, NULL, NULL }
	};
	struct error err = { 0 };

	(void)state;
	assert_int_equal(migrate(broken, &err), ST_INTERNAL);
	assert_non_null(strstr(err.detail, "0002_broken"));
	assert_non_null(strstr(err.detail, "no_such_table"));
	/* What came before it stays; itself and what comes after are not there. */
	assert_int_equal(ask(APPLIED), 2);
	assert_int_equal(ask(TABLES), 3);
	assert_int_equal(migrate(own, &err), ST_OK);
	assert_int_equal(ask(APPLIED), 3);
}

static void test_one_that_commits_is_refused(void **state)
{
	const struct db_migration commits[] = {
		{ 1, "0001_commits", "CREATE TABLE a (id int); COMMIT" }, { 0, NULL, NULL }
	};
	struct error err = { 0 };

	(void)state;
	assert_int_equal(migrate(commits, &err), ST_INTERNAL);
	assert_non_null(strstr(err.detail, "ends its own transaction"));
	assert_int_equal(ask(APPLIED), 1);
}

static void test_gaps_are_refused(void **state)
{
	const struct db_migration gap[] = { own[0],
					    { 3, "0003_c", "SELECT 1" },
					    { 0, NULL, NULL } };
	const struct db_migration from_two[] = { { 2, "0002_b", "SELECT 1" }, { 0, NULL, NULL } };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(migrate(gap, &err), ST_INTERNAL);
	assert_non_null(strstr(err.detail, "0003_c has number 3, not 2"));
	assert_int_equal(migrate(from_two, &err), ST_INTERNAL);
	/* Found before anything was touched. */
	assert_int_equal(ask(TABLES), 0);
}

static void *migrate_main(void *arg)
{
	enum status *st = arg;

	*st = migrate(own, NULL);
	return NULL;
}

static void test_several_deploy_steps_at_once(void **state)
{
	pthread_t threads[PARALLEL];
	enum status st[PARALLEL];

	(void)state;
	for (int i = 0; i < PARALLEL; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, migrate_main, &st[i]), 0);
	for (int i = 0; i < PARALLEL; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(st[i], ST_OK);
	}
	assert_int_equal(ask(APPLIED), 3);
	assert_int_equal(ask("SELECT count(*) FROM svc.brands"), 1);
}

static void test_makes_the_schema_when_it_may(void **state)
{
	const struct db_migration_set sets[] = { { "svc", shared } };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(db_migrate(as_owner, "other-schema", sets, 1, &err), ST_DENIED);
	assert_int_equal(db_migrate(database.superuser, "other-schema", sets, 1, &err), ST_OK);
	assert_int_equal(ask("SELECT count(*) FROM \"other-schema\".outbox"), 0);
	assert_int_equal(db_migrations_check(database.superuser, "other-schema", sets, 1, &err),
			 ST_OK);
	tk_sql(database.superuser, "DROP SCHEMA \"other-schema\" CASCADE");
}

static void test_cannot_connect(void **state)
{
	const struct db_migration_set sets[] = { { "svc", shared } };
	char dead[TK_TEXT];
	struct error err = { 0 };

	(void)state;
	snprintf(dead, sizeof(dead), "host=127.0.0.1 port=%d password=hush", tk_free_port());
	assert_int_equal(db_migrate(dead, "svc", sets, 1, &err), ST_UNAVAILABLE);
	assert_null(strstr(err.detail, "hush"));
	assert_int_equal(db_migrate("password=hush =", "svc", sets, 1, &err), ST_INVALID);
	assert_null(strstr(err.detail, "hush"));
	assert_int_equal(db_migrations_check(dead, "svc", sets, 1, &err), ST_UNAVAILABLE);
	assert_int_equal(db_migrate(as_owner, "", sets, 1, &err), ST_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_applies_once_in_order, setup),
		cmocka_unit_test_setup(test_new_ones_are_added, setup),
		cmocka_unit_test_setup(test_changed_text_is_refused, setup),
		cmocka_unit_test_setup(test_a_failing_one_leaves_nothing, setup),
		cmocka_unit_test_setup(test_one_that_commits_is_refused, setup),
		cmocka_unit_test_setup(test_gaps_are_refused, setup),
		cmocka_unit_test_setup(test_several_deploy_steps_at_once, setup),
		cmocka_unit_test_setup(test_makes_the_schema_when_it_may, setup),
		cmocka_unit_test_setup(test_cannot_connect, setup),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
