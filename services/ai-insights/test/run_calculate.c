/* Exact decimals and the five operations on figures; evidence and its limits. */
#include "calculate.h"
#include "calculate_decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)16 * 1024 * 1024)

static int setup(void **state)
{
	*state = arena_new(ARENA_MAX);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

/* ---- decimals ---- */

static const struct {
	const char *text, *printed; /* NULL: refused */
} decimals[] = {
	{ "0", "0" },
	{ "-0", "0" },
	{ "1234.5600", "1234.56" },
	{ "-0.05", "-0.05" },
	{ "0.000001", "0.000001" },
	{ "100", "100" },
	{ "123456789012345678901234567890", "123456789012345678901234567890" },
	{ "1234567890123456789012345678901", NULL },
	{ "0.1234567890123456789", NULL },
	{ "", NULL },
	{ "-", NULL },
	{ ".5", NULL },
	{ "5.", NULL },
	{ "1.2.3", NULL },
	{ "+1", NULL },
	{ "1e3", NULL },
	{ " 1", NULL },
	{ "1,000", NULL },
};

static void test_decimals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(decimals) / sizeof(*decimals); i++) {
		char out[FIGURE_TEXT];
		struct figure f;
		bool ok = figure_read(decimals[i].text, strlen(decimals[i].text), &f);

		assert_int_equal(ok, decimals[i].printed != NULL);
		if (!ok)
			continue;
		figure_print(f, 0, out);
		assert_string_equal(out, decimals[i].printed);
	}
}

static const struct {
	const char *value;
	int power, scale;
	const char *up, *even; /* in units of the last digit */
} rounded[] = {
	{ "2.5", 0, 0, "3", "2" },
	{ "3.5", 0, 0, "4", "4" },
	{ "-2.5", 0, 0, "-3", "-2" },
	{ "2.4999", 0, 0, "2", "2" },
	{ "2.345", 0, 2, "235", "234" },
	{ "1234.56", 3, 1, "12", "12" },
	{ "1250", 3, 1, "13", "12" },
	{ "0.5", -2, 0, "50", "50" },
	{ "12.345678", -2, 1, "12346", "12346" },
	{ "0.004", 0, 2, "0", "0" },
	{ "0.005", 0, 2, "1", "0" },
	{ "-0.005", 0, 2, "-1", "0" },
	{ "7", 0, 3, "7000", "7000" },
};

static void test_rounding(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rounded) / sizeof(*rounded); i++) {
		char out[FIGURE_TEXT];
		struct figure f;
		wide w;

		assert_true(figure_read(rounded[i].value, strlen(rounded[i].value), &f));
		assert_true(figure_round(f, rounded[i].power, rounded[i].scale, HALF_UP, &w));
		figure_print((struct figure){ w, 0 }, 0, out);
		assert_string_equal(out, rounded[i].up);
		assert_true(figure_round(f, rounded[i].power, rounded[i].scale, HALF_EVEN, &w));
		figure_print((struct figure){ w, 0 }, 0, out);
		assert_string_equal(out, rounded[i].even);
	}
}

/* ---- operations ---- */

static const char *const values[][3] = {
	/* value, unit, row */
	{ "3866957.37", "GBP", "" },
	{ "175192.9957", "GBP", "" },
	{ "7212", "orders", "" },
	{ "0", "GBP", "" },
	{ "10", "USD", "" },
	{ "1", "GBP", "Brand" },
	{ "2", "GBP", "Brand" },
	{ "4", "GBP", "Other" },
	{ "-3.005", "GBP", "" },
	{ "50", "percent", "" },
	{ "99999999999999999999", "GBP", "" },
	{ "0.000000000000000001", "", "" },
	{ "91", "days", "" },
};

static void fill(struct evidence_list *ev, struct arena *a)
{
	const char *id;

	evidence_init(ev, a);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char metric[16];

		snprintf(metric, sizeof(metric), "m%zu", i);
		assert_int_equal(evidence_add(ev,
					      &(struct evidence_new){ .tool = "t",
								      .metric = metric,
								      .value = values[i][0],
								      .unit = values[i][1],
								      .name = values[i][2],
								      .group = "campaign",
								      .row = -1 },
					      &id),
				 ST_OK);
	}
}

static const struct {
	const char *op, *of, *value, *unit, *row, *field; /* value NULL: refused for `field` */
} operations[] = {
	{ "sum", "e1 e2", "4042150.3657", "GBP", "", NULL },
	{ "sum", "e6 e7", "3.00", "GBP", "Brand", NULL },
	{ "sum", "e6 e8", "5.00", "GBP", "", NULL },
	{ "sum", "e1 e9", "3866954.365", "GBP", "", NULL },
	{ "sum", "e1", NULL, NULL, NULL, "of" },
	{ "sum", "e1 e3", NULL, NULL, NULL, "of" },
	{ "sum", "e1 e5", NULL, NULL, NULL, "of" },
	{ "difference", "e2 e1", "-3691764.3743", "GBP", "", NULL },
	{ "difference", "e1 e2 e4", NULL, NULL, NULL, "of" },
	{ "difference", "e1 e5", NULL, NULL, NULL, "of" },
	{ "ratio", "e1 e2", "22.072557", "", "", NULL },
	{ "ratio", "e1 e3", "536.183773", "GBP", "", NULL },
	{ "ratio", "e3 e1", "0.001865", "", "", NULL },
	{ "ratio", "e3 e13", "79.252747", "orders", "", NULL },
	{ "ratio", "e1 e4", NULL, NULL, NULL, "of" },
	{ "ratio", "e1 e5", NULL, NULL, NULL, "of" },
	{ "ratio", "e6 e8", "0.25", "", "", NULL },
	{ "ratio", "e6 e1", "0", "", "Brand", NULL },
	{ "share", "e2 e1", "4.530513", "percent", "", NULL },
	{ "share", "e6 e8", "25", "percent", "", NULL },
	{ "share", "e6 e3", NULL, NULL, NULL, "of" },
	{ "share", "e6 e4", NULL, NULL, NULL, "of" },
	{ "average", "e6 e7 e8", "2.333333", "GBP", "", NULL },
	{ "average", "e6", "1.00", "GBP", "Brand", NULL },
	{ "average", "e9 e4", "-1.5025", "GBP", "", NULL },
	{ "average", "e1 e10", NULL, NULL, NULL, "of" },
	{ "ratio", "e11 e12", NULL, NULL, NULL, "of" },
	{ "median", "e1 e2", NULL, NULL, NULL, "op" },
	{ "sum", "e1 e99", NULL, NULL, NULL, "of" },
	{ "sum", "e1 e0", NULL, NULL, NULL, "of" },
	{ "sum", "e1 x", NULL, NULL, NULL, "of" },
	{ "sum", "e01 e1", NULL, NULL, NULL, "of" },
};

static size_t split(char *text, const char **ids, size_t max)
{
	size_t n = 0;
	char *save, *id = strtok_r(text, " ", &save);

	for (; id && n < max; id = strtok_r(NULL, " ", &save))
		ids[n++] = id;
	return n;
}

static void test_operations(void **state)
{
	struct evidence_list ev;

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const struct evidence *e = NULL;
		struct error err = { .status = ST_OK };
		char of[64];
		const char *ids[8];
		size_t n;
		enum status st;

		arena_reset(*state);
		fill(&ev, *state);
		snprintf(of, sizeof(of), "%s", operations[i].of);
		n = split(of, ids, 8);
		st = calculate(&ev, 2, operations[i].op, ids, n, &e, &err);
		if (!operations[i].value) {
			assert_true(st == ST_INVALID || st == ST_TOO_LARGE);
			assert_string_equal(err.field, operations[i].field);
			assert_true(err.detail[0] != '\0');
			assert_int_equal(ev.n, sizeof(values) / sizeof(*values));
			continue;
		}
		assert_int_equal(st, ST_OK);
		assert_string_equal(e->value, operations[i].value);
		assert_string_equal(e->unit, operations[i].unit);
		assert_string_equal(e->name, operations[i].row);
		assert_string_equal(e->tool, "calculate");
		assert_int_equal(e->n_inputs, n);
		assert_non_null(strstr(e->arguments, operations[i].op));
		for (size_t k = 0; k < n; k++)
			assert_non_null(strstr(e->arguments, ids[k]));
	}
}

/* What a used figure was made from is used, too, to the bottom. */
static void test_uses(void **state)
{
	const struct evidence *sum, *share;
	struct evidence_list ev;
	struct error err;

	arena_reset(*state);
	fill(&ev, *state);
	assert_int_equal(calculate(&ev, 1, "sum", (const char *[]){ "e6", "e7" }, 2, &sum, &err),
			 ST_OK);
	assert_string_equal(sum->id, "e14");
	assert_int_equal(
		calculate(&ev, 2, "share", (const char *[]){ "e14", "e8" }, 2, &share, &err),
		ST_OK);
	assert_string_equal(share->arguments, "{\"op\":\"share\",\"of\":[\"e14\",\"e8\"]}");
	assert_string_equal(share->metric, "share(e14, e8)");
	evidence_use(&ev, evidence_find(&ev, "e15", 3));
	assert_int_equal(evidence_used(&ev), 5);
	assert_true(ev.items[5].used && ev.items[6].used && ev.items[7].used && !ev.items[0].used);
	evidence_forget_uses(&ev);
	assert_int_equal(evidence_used(&ev), 0);
}

static void test_limits(void **state)
{
	struct evidence_new e = { .tool = "t", .metric = "m", .value = "1", .row = -1 };
	char metric[16], name[EVIDENCE_NAME_MAX + 2];
	struct evidence_list ev;
	const char *id, *again;

	arena_reset(*state);
	evidence_init(&ev, *state);
	assert_null(evidence_find(&ev, "e1", 2));
	e.value = "1e5";
	assert_int_equal(evidence_add(&ev, &e, &id), ST_INVALID);
	e.value = NULL;
	assert_int_equal(evidence_add(&ev, &e, &id), ST_INVALID);
	e.value = "1";
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	e.name = name;
	assert_int_equal(evidence_add(&ev, &e, &id), ST_INVALID);
	e.name = "";
	e.inputs = (uint16_t[]){ 7 };
	e.n_inputs = 1;
	assert_int_equal(evidence_add(&ev, &e, &id), ST_INVALID);
	e.n_inputs = 0;
	assert_int_equal(ev.n, 0);
	for (int i = 0; i < EVIDENCE_MAX; i++) {
		snprintf(metric, sizeof(metric), "m%d", i);
		e.metric = metric;
		assert_int_equal(evidence_add(&ev, &e, &id), ST_OK);
	}
	assert_string_equal(id, "e4096");
	assert_string_equal(evidence_find(&ev, "e4096", 5)->metric, "m4095");
	assert_int_equal(evidence_add(&ev, &e, &again), ST_OK); /* it is there already */
	assert_ptr_equal(again, id);
	e.metric = "one more";
	assert_int_equal(evidence_add(&ev, &e, &id), ST_TOO_LARGE);
	for (int i = 0; i < EVIDENCE_FACTS_MAX; i++) {
		snprintf(metric, sizeof(metric), "n%d", i);
		assert_int_equal(evidence_know(&ev, EVIDENCE_NAME, metric), ST_OK);
	}
	assert_int_equal(evidence_know(&ev, EVIDENCE_NAME, "n0"), ST_OK);
	assert_int_equal(evidence_know(&ev, EVIDENCE_NAME, "another"), ST_TOO_LARGE);
	assert_false(evidence_knows(&ev, EVIDENCE_NAME, "another"));
	assert_false(evidence_knows(&ev, EVIDENCE_DAY, "n0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimals),   cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_operations), cmocka_unit_test(test_uses),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
