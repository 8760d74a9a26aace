/* What the three platforms share: numbers, days and texts of answers that may hold anything. */
#include "core/test/rows.h"

#include "provider.h"

#include <stdio.h>
#include <string.h>

#define ARENA    ((size_t)256 * 1024)
#define UNITS(n) (INT64_C(1000000) * (n))
#define FAULT    ST_UPSTREAM

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(ARENA);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void test_micros(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t micros;
	} rows[] = {
		{ "", true, 0 },
		{ "-", true, 0 },
		{ "0", true, 0 },
		{ "12", true, UNITS(12) },
		{ "12.5", true, 12500000 },
		{ "0.0060", true, 6000 },
		{ "0.000001", true, 1 },
		{ "-12.5", true, -12500000 },
		{ "9223372036854.775807", true, INT64_MAX },
		/* beyond the sixth digit: half up, away from zero */
		{ "0.0000004", true, 0 },
		{ "0.0000005", true, 1 },
		{ "0.00000049999", true, 0 },
		{ "1.9999995", true, UNITS(2) },
		{ "1.9999994999999999", true, 1999999 },
		{ "66.38100000000001", true, 66381000 },
		{ "-0.0000005", true, -1 },
		{ "-0.0000004", true, 0 },
		{ "-1.9999995", true, -UNITS(2) },
		/* not numbers; and numbers that have no room */
		{ " ", false, 0 },
		{ "12,5", false, 0 },
		{ ".5", false, 0 },
		{ "5.", false, 0 },
		{ "--5", false, 0 },
		{ "+5", false, 0 },
		{ "1e3", false, 0 },
		{ "1.00000005e3", false, 0 },
		{ "1.0000000-", false, 0 },
		{ "1.2.3456789", false, 0 },
		{ "x.1234567", false, 0 },
		{ "NaN", false, 0 },
		{ "0x10", false, 0 },
		{ "9223372036855", false, 0 },
		{ "9223372036854.7758079", false, 0 },
		{ "-9223372036854.7758089", false, 0 },
		{ "00000000000000000000000000000000000000000000000000000000000001.1234567", false,
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t got = 77;

		CHECK_ROW(rows[i].text, micros_of_text(rows[i].text, &got) == rows[i].good);
		CHECK_ROW(rows[i].text, got == (rows[i].good ? rows[i].micros : 77));
	}
}

/* A member "x" of an object, read; the words of a refusal begin with the provider and the name. */
struct outcome {
	enum status st;
	struct error err;
	int64_t number;
	const char *text;
};
enum kind { MICROS, COUNT, DAY, TEXT, NEEDED };

static struct outcome read_x(const char *json, enum kind kind)
{
	struct outcome o = { .text = "" };
	struct reader r = { "Meta", arena, &o.err, ST_OK };
	cJSON *tree = cJSON_Parse(json);

	assert_non_null(tree);
	if (kind == MICROS)
		o.number = read_micros(&r, tree, "x");
	else if (kind == COUNT)
		o.number = read_count(&r, tree, "x");
	else if (kind == DAY)
		o.number = read_day(&r, tree, "x");
	else
		o.text = read_text(&r, tree, "x", kind == NEEDED);
	cJSON_Delete(tree);
	o.st = r.st;
	if (o.st != ST_OK && strncmp(o.err.detail, "Meta sent \"x\" that ", 19) != 0)
		fail_msg("%s: \"%s\"", json, o.err.detail);
	return o;
}

static void test_numbers(void **state)
{
	static const struct {
		const char *json;
		enum kind kind;
		enum status st;
		int64_t want;
	} rows[] = {
		{ "{\"x\":\"3\"}", COUNT, ST_OK, 3 },
		{ "{\"x\":3}", COUNT, ST_OK, 3 },
		{ "{\"x\":\"3.000\"}", COUNT, ST_OK, 3 },
		{ "{\"x\":\"-\"}", COUNT, ST_OK, 0 },
		{ "{\"x\":null}", COUNT, ST_OK, 0 },
		{ "{}", COUNT, ST_OK, 0 },
		{ "{\"x\":\"3.5\"}", COUNT, FAULT, 0 },
		{ "{\"x\":3.5}", COUNT, FAULT, 0 },
		{ "{\"x\":\"-3\"}", COUNT, FAULT, 0 },
		{ "{\"x\":-3}", COUNT, FAULT, 0 },
		{ "{\"x\":true}", COUNT, FAULT, 0 },
		{ "{\"x\":[3]}", COUNT, FAULT, 0 },
		{ "{\"x\":\"three\"}", COUNT, FAULT, 0 },
		{ "{\"x\":\"66.381\"}", MICROS, ST_OK, 66381000 },
		{ "{\"x\":837.67}", MICROS, ST_OK, 837670000 },
		{ "{\"x\":-0.25}", MICROS, ST_OK, -250000 },
		{ "{\"x\":{}}", MICROS, FAULT, 0 },
		{ "{\"x\":1e300}", MICROS, FAULT, 0 },
		{ "{\"x\":\"2025-04-06\"}", DAY, ST_OK, 20184 },
		{ "{\"x\":\"2025-04-06 00:00:00\"}", DAY, ST_OK, 20184 },
		{ "{\"x\":\"2024-02-29\"}", DAY, ST_OK, 19782 },
		{ "{\"x\":\"2025-02-29\"}", DAY, FAULT, 0 },
		{ "{\"x\":\"2025-4-6\"}", DAY, FAULT, 0 },
		{ "{\"x\":\"06/04/2025\"}", DAY, FAULT, 0 },
		{ "{\"x\":\"\"}", DAY, FAULT, 0 },
		{ "{\"x\":20250406}", DAY, FAULT, 0 },
		{ "{\"x\":null}", DAY, FAULT, 0 },
		{ "{}", DAY, FAULT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct outcome o = read_x(rows[i].json, rows[i].kind);

		CHECK_ROW(rows[i].json, o.st == rows[i].st);
		CHECK_ROW(rows[i].json, o.st != ST_OK || o.number == rows[i].want);
	}
}

static void test_texts(void **state)
{
	static const struct {
		const char *json, *text;
		enum status free, needed;
	} rows[] = {
		{ "{\"x\":\"spring\"}", "spring", ST_OK, ST_OK },
		{ "{\"x\":\"\"}", "", ST_OK, ST_OK },
		{ "{\"x\":\"123/a b\"}", "123/a b", ST_OK, ST_OK },
		{ "{\"x\":12.5}", "12.500000", ST_OK, ST_OK },
		{ "{\"x\":null}", "", ST_OK, FAULT },
		{ "{}", "", ST_OK, FAULT },
		{ "{\"x\":true}", "", FAULT, FAULT },
		{ "{\"x\":[]}", "", FAULT, FAULT },
		{ "{\"x\":{}}", "", FAULT, FAULT },
		{ "[]", "", ST_OK, FAULT },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct outcome any = read_x(rows[i].json, TEXT), o = read_x(rows[i].json, NEEDED);

		CHECK_ROW(rows[i].json, any.st == rows[i].free && o.st == rows[i].needed);
		CHECK_ROW(rows[i].json, strcmp(any.text, rows[i].text) == 0);
		CHECK_ROW(rows[i].json, strcmp(o.text, rows[i].text) == 0);
	}
}

/* The first fault is the one that is told. */
static void test_first_fault(void **state)
{
	struct error err = { 0 };
	struct reader r = { "TikTok", arena, &err, ST_OK };
	cJSON *tree = cJSON_Parse("{\"a\":\"?\",\"c\":{\"d\":1}}");

	(void)state;
	assert_non_null(read_member(&r, tree, "c"));
	assert_int_equal(r.st, ST_OK);
	read_micros(&r, tree, "a");
	assert_null(read_member(&r, tree, "b"));
	read_day(&r, NULL, "e");
	assert_int_equal(r.st, FAULT);
	assert_string_equal(err.detail, "TikTok sent \"a\" that is not a number");
	cJSON_Delete(tree);
}

/* What is walked as a list is one: an answer of another shape is no empty page. */
static void test_lists(void **state)
{
	static const struct {
		const char *json;
		enum status st;
		int n;
	} rows[] = {
		{ "{\"x\":[]}", ST_OK, 0 },
		{ "{\"x\":[1,2]}", ST_OK, 2 },
		{ "{\"x\":{}}", FAULT, 0 },
		{ "{\"x\":{\"a\":{}}}", FAULT, 0 },
		{ "{\"x\":\"none\"}", FAULT, 0 },
		{ "{\"x\":7}", FAULT, 0 },
		{ "{\"x\":null}", FAULT, 0 },
		{ "{}", FAULT, 0 },
		{ "[[1]]", FAULT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };
		struct reader r = { "Meta", arena, &err, ST_OK };
		cJSON *tree = cJSON_Parse(rows[i].json);
		const cJSON *list = read_list(&r, tree, "x");

		CHECK_ROW(rows[i].json, r.st == rows[i].st);
		CHECK_ROW(rows[i].json, cJSON_GetArraySize(list) == rows[i].n);
		cJSON_Delete(tree);
	}
}

static void test_find(void **state)
{
	static const char *const unknown[] = { "", "Meta", "met", "metas", "shopify" };
	static const struct provider *const all[] = { &provider_meta, &provider_tiktok,
						      &provider_google };
	static const char *const names[] = { "meta", "tiktok", "google" };

	(void)state;
	for (size_t i = 0; i < N_ROWS(names); i++)
		assert_ptr_equal(provider_find(names[i]), all[i]);
	for (size_t i = 0; i < N_ROWS(unknown); i++)
		assert_null(provider_find(unknown[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_micros),      cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_texts),       cmocka_unit_test(test_lists),
		cmocka_unit_test(test_first_fault), cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
