/*
 * Values to the server and back: every kind of argument, arrays with hostile strings, bulk writes
 * by unnest, and what does not fit. Real PostgreSQL.
 */
#include "core/timeutil.h"
#include "db_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BULK_ROWS 10000
#define ARENA_MAX ((size_t)16 * 1024 * 1024)

static struct tk_db database;
static struct db *db;
static struct arena *arena;

static const struct db_stmt stmts[] = {
	{ "text", "SELECT $1::text, $1::text IS NULL, octet_length($1::text)" },
	{ "i64", "SELECT $1::bigint" },
	{ "bool", "SELECT $1::bool" },
	{ "time",
	  "SELECT $1::timestamptz, (extract(epoch FROM $1::timestamptz) * 1000000)::bigint" },
	{ "date", "SELECT $1::date" },
	{ "bytes", "SELECT $1::bytea, octet_length($1::bytea)" },
	{ "echo",
	  "SELECT v, v IS NULL FROM unnest($1::text[]) WITH ORDINALITY AS t(v, n) ORDER BY n" },
	{ "length", "SELECT coalesce(array_length($1::text[], 1), 0)" },
	{ "bulk", "INSERT INTO bulk SELECT * FROM"
		  " unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::date[], $5::bool[])" },
	{ "bulk_rows", "SELECT id, name, at, day, flag FROM bulk ORDER BY id" },
	{ "many", "SELECT concat($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, "
		  "$7::text, $8::text, $9::text, $10::text, $11::text,"
		  " $12::text, $13::text, $14::text, $15::text, $16::text, $17::text, $18::text, "
		  "$19::text, $20::text, $21::text, $22::text,"
		  " $23::text, $24::text, $25::text, $26::text, $27::text, $28::text, $29::text, "
		  "$30::text, $31::text, $32::text)" },
	{ "odd_times", "SELECT 'infinity'::timestamptz, '0044-03-15 BC'::timestamptz,"
		       " '2024-02-29 23:59:59.5+00'::timestamptz, '1969-12-31 "
		       "23:59:59.999999+00'::timestamptz" },
	{ NULL, NULL },
};

static int setup_group(void **state)
{
	(void)state;
	tk_db_create(tk_pg_open(false), &database);
	tk_sql(database.superuser, "CREATE TABLE bulk (id bigint PRIMARY KEY, name text,"
				   " at timestamptz, day date, flag bool)");
	db = dbf_pool(database.superuser, 1, stmts);
	arena = arena_new(ARENA_MAX);
	return 0;
}

static int teardown_group(void **state)
{
	(void)state;
	db_close(db);
	arena_free(arena);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	arena_reset(arena);
	return 0;
}

/* Runs one statement; its result has the number 0. */
static struct db_tx *ask(const char *stmt, const struct db_args *args)
{
	struct db_tx *tx = db_tx_new(db, NULL);
	struct error err = { 0 };

	assert_int_equal(db_add(tx, stmt, args), 0);
	if (db_run(tx, 0, &err) != ST_OK)
		fail_msg("%s: %s", stmt, err.detail);
	return tx;
}

static const char *const hostile[] = {
	"",
	" ",
	"NULL",
	"null",
	"a,b",
	"{a}",
	"{",
	"}",
	"\"",
	"\\",
	"\\\\",
	"\\\"",
	"a\"b\\c,d{e}f",
	"'; DROP TABLE bulk; --",
	"line\nbreak\ttab\r\n",
	"\x01\x7f",
	" leading and trailing ",
	"$1 %s %n {}",
	"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
	"E'\\x41'",
};
#define N_HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

static void test_text(void **state)
{
	struct db_args args;
	struct db_tx *tx;

	(void)state;
	for (size_t i = 0; i < N_HOSTILE; i++) {
		db_args_init(&args, NULL);
		db_arg_text(&args, hostile[i]);
		tx = ask("text", &args);
		assert_string_equal(db_str(tx, 0, 0, 0), hostile[i]);
		assert_false(db_null(tx, 0, 0, 0));
		assert_int_equal(db_int(tx, 0, 0, 2), strlen(hostile[i]));
		db_tx_free(tx);
	}
	for (int i = 0; i < 3; i++) {
		db_args_init(&args, NULL);
		if (i == 0)
			db_arg_text(&args, NULL);
		else if (i == 1)
			db_arg_text_or_null(&args, "");
		else
			db_arg_null(&args);
		tx = ask("text", &args);
		assert_true(db_null(tx, 0, 0, 0));
		assert_true(db_bool(tx, 0, 0, 1));
		assert_string_equal(db_str(tx, 0, 0, 0), "");
		db_tx_free(tx);
	}
}

static void test_text_arrays(void **state)
{
	const char *v[N_HOSTILE + 2];
	struct db_args args;
	struct db_tx *tx;

	(void)state;
	v[0] = NULL;
	memcpy(v + 1, hostile, sizeof(hostile));
	v[N_HOSTILE + 1] = NULL;
	db_args_init(&args, arena);
	db_arg_text_array(&args, v, N_HOSTILE + 2);
	tx = ask("echo", &args);
	assert_int_equal(db_rows(tx, 0), N_HOSTILE + 2);
	for (int i = 0; i < (int)N_HOSTILE + 2; i++) {
		assert_int_equal(db_null(tx, 0, i, 0), v[i] == NULL);
		assert_string_equal(db_str(tx, 0, i, 0), v[i] ? v[i] : "");
	}
	db_tx_free(tx);
	/* No elements at all. */
	db_args_init(&args, arena);
	db_arg_text_array(&args, NULL, 0);
	tx = ask("length", &args);
	assert_int_equal(db_int(tx, 0, 0, 0), 0);
	db_tx_free(tx);
}

/* Every string of up to three characters of those that mean something in an array literal. */
static void test_text_arrays_exhaustively(void **state)
{
	static const char alphabet[] = "a\"\\{}, \n'N";
	const size_t base = sizeof(alphabet) - 1;
	const size_t n = base + base * base + base * base * base;
	const char **v = arena_array(arena, n, sizeof(*v));
	struct db_args args;
	struct db_tx *tx;
	size_t k = 0;

	(void)state;
	for (size_t i = 0; i < base; i++) {
		v[k++] = arena_printf(arena, "%c", alphabet[i]);
		for (size_t j = 0; j < base; j++) {
			v[k++] = arena_printf(arena, "%c%c", alphabet[i], alphabet[j]);
			for (size_t l = 0; l < base; l++)
				v[k++] = arena_printf(arena, "%c%c%c", alphabet[i], alphabet[j],
						      alphabet[l]);
		}
	}
	assert_int_equal(k, n);
	db_args_init(&args, arena);
	db_arg_text_array(&args, v, n);
	tx = ask("echo", &args);
	assert_int_equal(db_rows(tx, 0), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(db_str(tx, 0, (int)i, 0), v[i]);
	db_tx_free(tx);
}

static void test_numbers(void **state)
{
	static const int64_t values[] = { 0,         1,        -1, 9, 10, -10, 120210000000000017,
					  INT64_MAX, INT64_MIN };
	struct db_args args;
	struct db_tx *tx;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		db_args_init(&args, arena);
		db_arg_i64(&args, values[i]);
		tx = ask("i64", &args);
		assert_true(db_int(tx, 0, 0, 0) == values[i]);
		db_tx_free(tx);
	}
	for (int i = 0; i < 2; i++) {
		db_args_init(&args, NULL);
		db_arg_bool(&args, i);
		tx = ask("bool", &args);
		assert_int_equal(db_bool(tx, 0, 0, 0), i);
		db_tx_free(tx);
	}
}

static void test_times(void **state)
{
	static const int64_t values[] = { 1,
					  -1,
					  1704067200000000,
					  1709251199999999,
					  951782400000001,
					  -62135596800000000,
					  253402300799999999 };
	struct db_args args;
	struct db_tx *tx;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		db_args_init(&args, arena);
		db_arg_time(&args, values[i]);
		tx = ask("time", &args);
		assert_true(db_time(tx, 0, 0, 0) == values[i]);
		assert_true(db_int(tx, 0, 0, 1) == values[i]);
		db_tx_free(tx);
	}
	db_args_init(&args, arena);
	db_arg_time_or_null(&args, 0);
	tx = ask("time", &args);
	assert_true(db_null(tx, 0, 0, 0));
	assert_int_equal(db_time(tx, 0, 0, 0), 0);
	db_tx_free(tx);
	tx = ask("odd_times", NULL);
	assert_int_equal(db_time(tx, 0, 0, 0), 0);
	assert_int_equal(db_time(tx, 0, 0, 1), 0);
	assert_true(db_time(tx, 0, 0, 2) == 1709251199500000);
	assert_true(db_time(tx, 0, 0, 3) == -1);
	db_tx_free(tx);
}

static void test_dates(void **state)
{
	static const int32_t values[] = { 0, 1, -1, 19782, 11016, -719162, 2932896 };
	struct db_args args;
	struct db_tx *tx;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		db_args_init(&args, arena);
		db_arg_date(&args, values[i]);
		tx = ask("date", &args);
		assert_int_equal(db_date(tx, 0, 0, 0), values[i]);
		db_tx_free(tx);
	}
}

static void test_bytes(void **state)
{
	uint8_t all[256];
	struct db_args args;
	struct db_tx *tx;
	uint8_t *back;
	size_t len = 99;

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	db_args_init(&args, NULL);
	db_arg_bytes(&args, all, sizeof(all));
	tx = ask("bytes", &args);
	back = db_bytes(tx, arena, 0, 0, 0, &len);
	assert_int_equal(len, sizeof(all));
	assert_memory_equal(back, all, sizeof(all));
	/* A column that holds no bytes gives none. */
	assert_null(db_bytes(tx, arena, 0, 0, 1, &len));
	assert_int_equal(len, 0);
	db_tx_free(tx);
	db_args_init(&args, NULL);
	db_arg_bytes(&args, NULL, 0);
	tx = ask("bytes", &args);
	assert_false(db_null(tx, 0, 0, 0));
	assert_int_equal(db_int(tx, 0, 0, 1), 0);
	assert_non_null(db_bytes(tx, arena, 0, 0, 0, &len));
	assert_int_equal(len, 0);
	db_tx_free(tx);
}

static void check_bulk_row(const struct db_tx *tx, int i)
{
	char name[32];

	snprintf(name, sizeof(name), "row \"%d\", {%d}", i, i);
	assert_int_equal(db_int(tx, 0, i, 0), i);
	if (i % 7 == 0)
		assert_true(db_null(tx, 0, i, 1));
	else
		assert_string_equal(db_str(tx, 0, i, 1), name);
	assert_true(db_time(tx, 0, i, 2) == (i % 5 ? 1700000000000000 + i : 0));
	assert_int_equal(db_null(tx, 0, i, 2), i % 5 == 0);
	assert_int_equal(db_date(tx, 0, i, 3), 19000 + i % 400);
	assert_int_equal(db_bool(tx, 0, i, 4), i % 2);
}

static void test_bulk_insert_by_unnest(void **state)
{
	int64_t *ids = arena_array(arena, BULK_ROWS, sizeof(*ids));
	int64_t *times = arena_array(arena, BULK_ROWS, sizeof(*times));
	int32_t *days = arena_array(arena, BULK_ROWS, sizeof(*days));
	bool *flags = arena_array(arena, BULK_ROWS, sizeof(*flags));
	const char **names = arena_array(arena, BULK_ROWS, sizeof(*names));
	struct db_args args;
	struct db_tx *tx;

	(void)state;
	for (int i = 0; i < BULK_ROWS; i++) {
		ids[i] = i;
		times[i] = i % 5 ? 1700000000000000 + i : 0;
		days[i] = 19000 + i % 400;
		flags[i] = i % 2;
		names[i] = i % 7 ? arena_printf(arena, "row \"%d\", {%d}", i, i) : NULL;
	}
	db_args_init(&args, arena);
	db_arg_i64_array(&args, ids, BULK_ROWS);
	db_arg_text_array(&args, names, BULK_ROWS);
	db_arg_time_array(&args, times, BULK_ROWS);
	db_arg_date_array(&args, days, BULK_ROWS);
	db_arg_bool_array(&args, flags, BULK_ROWS);
	tx = ask("bulk", &args);
	assert_int_equal(db_affected(tx, 0), BULK_ROWS);
	db_tx_free(tx);
	tx = ask("bulk_rows", NULL);
	assert_int_equal(db_rows(tx, 0), BULK_ROWS);
	for (int i = 0; i < BULK_ROWS; i++)
		check_bulk_row(tx, i);
	db_tx_free(tx);
}

static void test_number_of_arguments(void **state)
{
	struct db_args args;
	struct error err = { 0 };
	struct db_tx *tx;

	(void)state;
	db_args_init(&args, arena);
	for (int i = 1; i <= DB_ARGS_MAX; i++)
		db_arg_text(&args, i == 1 ? "first" : i == DB_ARGS_MAX ? "last" : "");
	tx = ask("many", &args);
	assert_string_equal(db_str(tx, 0, 0, 0), "firstlast");
	db_tx_free(tx);
	db_arg_text(&args, "one too many");
	tx = db_tx_new(db, NULL);
	assert_int_equal(db_add(tx, "many", &args), -1);
	assert_int_equal(db_run(tx, 0, &err), ST_INTERNAL);
	assert_non_null(strstr(err.detail, "too many arguments"));
	db_tx_free(tx);
	/* Many statements with many arguments move the transaction's vectors to the heap. */
	args.n = DB_ARGS_MAX;
	tx = db_tx_new(db, NULL);
	for (int i = 0; i < DB_STATEMENTS_MAX; i++)
		assert_int_equal(db_add(tx, "many", &args), i);
	assert_int_equal(db_run(tx, 0, NULL), ST_OK);
	for (int i = 0; i < DB_STATEMENTS_MAX; i++)
		assert_string_equal(db_str(tx, i, 0, 0), "firstlast");
	db_tx_free(tx);
}

static void test_arguments_beyond_their_arena(void **state)
{
	struct arena *small = arena_new(1000);
	char *text = calloc(1, 4001);
	const char *v[] = { text };
	struct db_args args;
	struct error err = { 0 };
	struct db_tx *tx = db_tx_new(db, NULL);

	(void)state;
	memset(text, 'x', 4000);
	db_args_init(&args, small);
	db_arg_text_array(&args, v, 1);
	db_add(tx, "echo", &args);
	/* It must not be sent as NULL, which the statement would take. */
	assert_int_equal(db_run(tx, 0, &err), ST_TOO_LARGE);
	db_tx_free(tx);
	arena_free(small);
	free(text);
}

static void test_values_of_a_wrong_form(void **state)
{
	static const struct {
		const char *stmt, *value;
	} rows[] = { { "i64", "12x" },         { "i64", "9223372036854775808" },
		     { "bool", "maybe" },      { "time", "yesterday-ish" },
		     { "date", "2023-02-29" }, { "length", "{unclosed" },
		     { "text", "\xff\xfe" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dbf_job job = { .db = db, .stmt = rows[i].stmt, .args = { rows[i].value } };

		assert_int_equal(dbf_job_run(&job), ST_INVALID);
		assert_non_null(strstr(job.err.detail, rows[i].stmt));
		assert_null(strstr(job.err.detail, rows[i].value));
	}
	assert_int_equal(db_ping(db), ST_OK);
}

static void test_numbers_and_cells_out_of_range(void **state)
{
	struct db_args args;
	struct db_tx *tx;

	(void)state;
	db_args_init(&args, NULL);
	db_arg_text(&args, "text");
	tx = ask("text", &args);
	assert_int_equal(db_int(tx, 0, 0, 0), 0); /* text is no number */
	assert_false(db_bool(tx, 0, 0, 0));
	assert_int_equal(db_time(tx, 0, 0, 0), 0);
	assert_int_equal(db_date(tx, 0, 0, 0), 0);
	assert_true(db_null(tx, 0, 1, 0));
	assert_true(db_null(tx, 0, 0, 3));
	assert_true(db_null(tx, 0, -1, 0));
	assert_true(db_null(tx, 0, 0, -1));
	assert_true(db_null(tx, 1, 0, 0));
	assert_string_equal(db_str(tx, 0, 9, 9), "");
	db_tx_free(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_text, setup),
		cmocka_unit_test_setup(test_text_arrays, setup),
		cmocka_unit_test_setup(test_text_arrays_exhaustively, setup),
		cmocka_unit_test_setup(test_numbers, setup),
		cmocka_unit_test_setup(test_times, setup),
		cmocka_unit_test_setup(test_dates, setup),
		cmocka_unit_test_setup(test_bytes, setup),
		cmocka_unit_test_setup(test_bulk_insert_by_unnest, setup),
		cmocka_unit_test_setup(test_number_of_arguments, setup),
		cmocka_unit_test_setup(test_arguments_beyond_their_arena, setup),
		cmocka_unit_test_setup(test_values_of_a_wrong_form, setup),
		cmocka_unit_test_setup(test_numbers_and_cells_out_of_range, setup),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
