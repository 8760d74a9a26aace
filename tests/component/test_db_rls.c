/*
 * Row-level security through libs/db, with roles as the services have them: <svc>_owner makes the
 * tables, <svc>_app sees one tenant's rows, <svc>_worker has policies of its own. A missing, empty
 * or foreign tenant sees nothing and writes nothing.
 */
#include "db_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define THREADS       32
#define RUNS          200
#define TENANT_FORMAT "00000000-0000-0000-0000-%012d"
#define BRAND_FORMAT  "b0000000-0000-0000-0000-%012d"
#define PASSWORD      "pw of a test"

static struct tk_db database;
static char as_app[TK_TEXT], as_worker[TK_TEXT], as_owner[TK_TEXT];

static const struct db_stmt stmts[] = {
	{ "insert",
	  "INSERT INTO orders (tenant_id, brand_id, note) VALUES ($1::uuid, $2::uuid, $3)" },
	{ "list", "SELECT tenant_id, brand_id, note FROM orders ORDER BY id" },
	{ "count", "SELECT count(*) FROM orders" },
	{ "mine", "SELECT count(*) FILTER (WHERE tenant_id = $1::uuid),"
		  " count(*) FILTER (WHERE tenant_id <> $1::uuid) FROM orders" },
	{ "update", "UPDATE orders SET note = 'changed'" },
	{ "steal", "UPDATE orders SET tenant_id = $1::uuid" },
	{ "delete", "DELETE FROM orders" },
	{ NULL, NULL },
};

static const char roles_sql[] = "CREATE ROLE svc_owner LOGIN PASSWORD '" PASSWORD "';"
				"CREATE ROLE svc_app LOGIN PASSWORD '" PASSWORD "';"
				"CREATE ROLE svc_worker LOGIN PASSWORD '" PASSWORD "';"
				"CREATE SCHEMA svc AUTHORIZATION svc_owner;"
				"GRANT USAGE ON SCHEMA svc TO svc_app, svc_worker";

static const char tables_sql[] =
	"CREATE TABLE svc.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	" tenant_id uuid NOT NULL, brand_id uuid NOT NULL, note text NOT NULL);"
	"ALTER TABLE svc.orders ENABLE ROW LEVEL SECURITY;"
	"ALTER TABLE svc.orders FORCE ROW LEVEL SECURITY;"
	"CREATE POLICY app_rows ON svc.orders TO svc_app"
	" USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
	"  AND (coalesce(current_setting('app.brand_ids', true), '') = ''"
	"   OR brand_id = ANY (string_to_array(current_setting('app.brand_ids', true), "
	"',')::uuid[])));"
	"CREATE POLICY worker_rows ON svc.orders FOR SELECT TO svc_worker USING (true);"
	"GRANT SELECT, INSERT, UPDATE, DELETE ON svc.orders TO svc_app;"
	"GRANT SELECT ON svc.orders TO svc_worker;"
	"GRANT TRUNCATE ON svc.orders TO svc_owner";

static struct db *pool(const char *conninfo, const struct db_stmt *table, int connections)
{
	const struct db_stmt *tables[] = { table, NULL };
	struct db_config cfg = {
		.conninfo = conninfo, .schema = "svc", .connections = connections, .stmts = tables
	};
	struct error err = { 0 };
	struct db *db = NULL;

	if (db_open(&db, &cfg, &err) != ST_OK)
		fail_msg("db_open: %s", err.detail);
	return db;
}

/* Roles belong to a cluster, so this one is the test's own. */
static int setup_group(void **state)
{
	(void)state;
	tk_db_create(tk_pg_open(true), &database);
	tk_sql(database.superuser, roles_sql);
	tk_db_conninfo(&database, "svc_owner", PASSWORD, as_owner);
	tk_db_conninfo(&database, "svc_app", PASSWORD, as_app);
	tk_db_conninfo(&database, "svc_worker", PASSWORD, as_worker);
	tk_sql(as_owner, tables_sql);
	return 0;
}

/* Tenant 1 has two orders of brand 1 and one of brand 2, tenant 2 has one. */
static int setup(void **state)
{
	(void)state;
	tk_sql(as_owner, "TRUNCATE svc.orders");
	tk_sql(database.superuser,
	       "INSERT INTO svc.orders (tenant_id, brand_id, note)"
	       " SELECT format('00000000-0000-0000-0000-%s', lpad(t::text, 12, '0'))::uuid,"
	       "  format('b0000000-0000-0000-0000-%s', lpad(b::text, 12, '0'))::uuid, 'n'"
	       " FROM (VALUES (1, 1), (1, 1), (1, 2), (2, 1)) AS v(t, b)");
	return 0;
}

/* Texts that stay, since scopes point to them. */
static const char *tenant(int n)
{
	static char texts[100][40];

	assert_in_range(n, 0, 99);
	snprintf(texts[n], sizeof(texts[n]), TENANT_FORMAT, n);
	return texts[n];
}

static const char *brand(int n)
{
	static char texts[100][40];

	assert_in_range(n, 0, 99);
	snprintf(texts[n], sizeof(texts[n]), BRAND_FORMAT, n);
	return texts[n];
}

/* Rows that the statement touched or, for "count", told; -1 with the status when it failed. */
static int64_t touched(struct db *db, const struct db_scope *scope, const char *stmt,
		       enum status *st)
{
	struct db_tx *tx = db_tx_new(db, scope);
	int64_t n = -1;
	int r = db_add(tx, stmt, NULL);

	*st = db_run(tx, 0, NULL);
	if (*st == ST_OK)
		n = strcmp(stmt, "count") == 0 ? db_int(tx, r, 0, 0) : db_affected(tx, r);
	db_tx_free(tx);
	return n;
}

static enum status insert_as(struct db *db, const struct db_scope *scope, int tenant_n, int brand_n)
{
	struct db_tx *tx = db_tx_new(db, scope);
	struct db_args args;
	enum status st;

	db_args_init(&args, NULL);
	db_arg_text(&args, tenant(tenant_n));
	db_arg_text(&args, brand(brand_n));
	db_arg_text(&args, "new");
	db_add(tx, "insert", &args);
	st = db_run(tx, 0, NULL);
	db_tx_free(tx);
	return st;
}

static int64_t all_rows(void)
{
	return tk_sql_int(database.superuser, "SELECT count(*) FROM svc.orders");
}

static void test_each_tenant_sees_its_own(void **state)
{
	struct db *db = pool(as_app, stmts, 1);
	struct db_scope one = { .tenant_id = tenant(1) };
	enum status st;

	(void)state;
	assert_int_equal(touched(db, &one, "count", &st), 3);
	one.tenant_id = tenant(2);
	assert_int_equal(touched(db, &one, "count", &st), 1);
	assert_int_equal(touched(db, &one, "update", &st), 1);
	assert_int_equal(touched(db, &one, "delete", &st), 1);
	assert_int_equal(all_rows(), 3);
	assert_int_equal(tk_sql_int(database.superuser,
				    "SELECT count(*) FROM svc.orders WHERE note = 'changed'"),
			 0);
	db_close(db);
}

static void check_sees_nothing(struct db *db, const struct db_scope *scope)
{
	enum status st;

	assert_int_equal(touched(db, scope, "count", &st), 0);
	assert_int_equal(touched(db, scope, "update", &st), 0);
	assert_int_equal(touched(db, scope, "delete", &st), 0);
	assert_int_equal(insert_as(db, scope, 1, 1), ST_DENIED);
	assert_int_equal(all_rows(), 4);
}

static void test_no_tenant_sees_nothing(void **state)
{
	struct db *db = pool(as_app, stmts, 1);
	struct db_scope missing = { .tenant_id = NULL }, empty = { .tenant_id = "" };
	struct db_scope foreign = { .tenant_id = tenant(77) }, used = { .tenant_id = tenant(1) };
	enum status st;

	(void)state;
	check_sees_nothing(db, NULL);
	check_sees_nothing(db, &missing);
	check_sees_nothing(db, &empty);
	check_sees_nothing(db, &foreign);
	/* Also right after a tenant used the same connection. */
	assert_int_equal(touched(db, &used, "count", &st), 3);
	check_sees_nothing(db, NULL);
	db_close(db);
}

static void test_malformed_scope_is_refused(void **state)
{
	struct db *db = pool(as_app, stmts, 1);
	struct db_scope bad = { .tenant_id = "' OR true --" };
	struct db_scope bad_brand = { .tenant_id = tenant(1), .brand_ids = "all" };
	enum status st;

	(void)state;
	assert_int_equal(touched(db, &bad, "count", &st), -1);
	assert_int_equal(st, ST_INVALID);
	assert_int_equal(touched(db, &bad_brand, "count", &st), -1);
	assert_int_equal(st, ST_INVALID);
	db_close(db);
}

static void test_foreign_writes_are_refused(void **state)
{
	struct db *db = pool(as_app, stmts, 1);
	struct db_scope one = { .tenant_id = tenant(1) };
	struct db_tx *tx = db_tx_new(db, &one);
	struct db_args args;

	(void)state;
	assert_int_equal(insert_as(db, &one, 2, 1), ST_DENIED);
	assert_int_equal(insert_as(db, &one, 1, 1), ST_OK);
	db_args_init(&args, NULL);
	db_arg_text(&args, tenant(2));
	db_add(tx, "steal", &args);
	assert_int_equal(db_run(tx, 0, NULL), ST_DENIED);
	db_tx_free(tx);
	assert_int_equal(all_rows(), 5);
	db_close(db);
}

static void test_brand_scope_narrows(void **state)
{
	struct db *db = pool(as_app, stmts, 1);
	char both[2 * 40];
	struct db_scope one = { .tenant_id = tenant(1), .brand_ids = brand(1) };
	enum status st;

	(void)state;
	assert_int_equal(touched(db, &one, "count", &st), 2);
	assert_int_equal(insert_as(db, &one, 1, 2), ST_DENIED);
	assert_int_equal(insert_as(db, &one, 1, 1), ST_OK);
	one.brand_ids = brand(2);
	assert_int_equal(touched(db, &one, "count", &st), 1);
	snprintf(both, sizeof(both), BRAND_FORMAT "," BRAND_FORMAT, 1, 2);
	one.brand_ids = both;
	assert_int_equal(touched(db, &one, "count", &st), 4);
	one.brand_ids = brand(9);
	assert_int_equal(touched(db, &one, "count", &st), 0);
	/* The scope of the one before does not stick. */
	one.brand_ids = "";
	assert_int_equal(touched(db, &one, "count", &st), 4);
	db_close(db);
}

static void test_scope_of_open_transactions(void **state)
{
	struct db *db = pool(as_app, stmts, 1);
	struct db_scope one = { .tenant_id = tenant(1), .brand_ids = brand(1) };
	struct db_tx *tx = NULL;
	int r = -1;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const struct db_scope *scope = i == 2 ? NULL : &one;

		assert_int_equal(db_begin(&tx, db, scope, 0, NULL), ST_OK);
		assert_int_equal(db_exec(tx, "count", NULL, &r, NULL), ST_OK);
		assert_int_equal(db_int(tx, r, 0, 0), scope ? 2 : 0);
		if (i == 0) /* it ends with an error */
			assert_int_equal(db_exec_sql(tx, "SELECT 1 / 0", NULL), ST_INVALID);
		db_tx_free(tx);
	}
	db_close(db);
}

static void test_worker_has_policies_of_its_own(void **state)
{
	static const struct db_stmt worker_stmts[] = { { "count", "SELECT count(*) FROM orders" },
						       { NULL, NULL } };
	struct db *db = pool(as_worker, worker_stmts, 1);
	char state_text[6];
	enum status st;

	(void)state;
	assert_int_equal(touched(db, NULL, "count", &st), 4);
	tk_sql_state(as_worker, "DELETE FROM svc.orders", state_text);
	assert_string_equal(state_text, "42501");
	/* FORCE: not even the owner sees a row. */
	assert_int_equal(tk_sql_int(as_owner, "SELECT count(*) FROM svc.orders"), 0);
	db_close(db);
}

struct client {
	struct db *db;
	int number, wrong;
	pthread_t thread;
};

/* Writes a row and looks, in one transaction of two statements; everything seen must be the
 * client's own. */
static void *run_client(void *arg)
{
	struct client *c = arg;
	char id[40];
	struct db_scope scope = { .tenant_id = id };

	snprintf(id, sizeof(id), TENANT_FORMAT, c->number);
	for (int i = 1; i <= RUNS; i++) {
		struct db_tx *tx = db_tx_new(c->db, &scope);
		struct db_args args, who;
		int r;

		db_args_init(&args, NULL);
		db_arg_text(&args, id);
		db_arg_text(&args, id);
		db_arg_text(&args, id);
		db_args_init(&who, NULL);
		db_arg_text(&who, id);
		db_add(tx, "insert", &args);
		r = db_add(tx, "mine", &who);
		if (db_run(tx, 0, NULL) != ST_OK || db_int(tx, r, 0, 0) != i ||
		    db_int(tx, r, 0, 1) != 0)
			c->wrong++;
		db_tx_free(tx);
	}
	return NULL;
}

static void test_many_tenants_at_once(void **state)
{
	struct db *db = pool(as_app, stmts, 2);
	struct client clients[THREADS];
	struct db_stats s;

	(void)state;
	tk_sql(as_owner, "TRUNCATE svc.orders");
	for (int i = 0; i < THREADS; i++) {
		clients[i] = (struct client){ .db = db, .number = i + 1 };
		assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]),
				 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(clients[i].thread, NULL);
		assert_int_equal(clients[i].wrong, 0);
	}
	db_stats(db, &s);
	assert_int_equal(s.transactions, THREADS * RUNS);
	assert_int_equal(s.failures, 0);
	/* With 32 callers and two connections they must have met. */
	assert_true(s.pipelines < s.transactions);
	assert_true(s.pipelines >= s.transactions / DB_BATCH_MAX);
	assert_int_equal(all_rows(), THREADS * RUNS);
	assert_int_equal(
		tk_sql_int(database.superuser,
			   "SELECT count(*) FROM svc.orders WHERE note <> tenant_id::text"),
		0);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_tenant_sees_its_own, setup),
		cmocka_unit_test_setup(test_no_tenant_sees_nothing, setup),
		cmocka_unit_test_setup(test_malformed_scope_is_refused, setup),
		cmocka_unit_test_setup(test_foreign_writes_are_refused, setup),
		cmocka_unit_test_setup(test_brand_scope_narrows, setup),
		cmocka_unit_test_setup(test_scope_of_open_transactions, setup),
		cmocka_unit_test_setup(test_worker_has_policies_of_its_own, setup),
		cmocka_unit_test_setup(test_many_tenants_at_once, setup),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
