/* Rules without a database: the machine as a table, what is refused, words. See rule.h. */
#include "rule.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S       US_PER_SECOND
#define NO_DATA INT64_MIN

static struct rule base(void)
{
	struct rule r = { .rule_id = "r",
			  .name = "errors above 5 %",
			  .metric = METRIC_ERRORS,
			  .comparison = COMPARE_ABOVE,
			  .threshold = 50000,
			  .recovery = 40000,
			  .window_s = 300,
			  .min_samples = 20,
			  .severity = SEVERITY_WARN,
			  .enabled = true,
			  .condition = CONDITION_NO_DATA };

	return r;
}

/* ---- the machine ---- */

struct stride {
	int64_t at_s;             /* when it is looked at */
	int64_t value;            /* what the window's value is; NO_DATA: too few samples */
	bool fresh;               /* the rule was changed just now */
	enum condition condition; /* after it */
	enum change change;
	int64_t due_s; /* 0: no need */
};

#define STRIDES_MAX 8
static const struct story {
	const char *name;
	enum comparison comparison;
	int64_t threshold, recovery, for_s;
	struct stride strides[STRIDES_MAX];
} stories[] = {
	{ "fires at once and resolves behind the recovery threshold",
	  COMPARE_ABOVE,
	  50000,
	  40000,
	  0,
	  { { 1000, NO_DATA, false, CONDITION_NO_DATA, CHANGE_NONE, 0 },
	    { 1001, 50000, false, CONDITION_OK, CHANGE_NONE, 1311 },
	    { 1002, 50001, false, CONDITION_FIRING, CHANGE_FIRED, 1312 },
	    { 1003, 60000, false, CONDITION_FIRING, CHANGE_NONE, 1313 },
	    { 1004, 50000, false, CONDITION_FIRING, CHANGE_NONE, 1314 },
	    { 1005, 40001, false, CONDITION_FIRING, CHANGE_NONE, 1315 },
	    { 1006, 40000, false, CONDITION_OK, CHANGE_RESOLVED, 1316 },
	    { 1007, 45000, false, CONDITION_OK, CHANGE_NONE, 1317 } } },
	{ "without hysteresis it resolves at the threshold itself",
	  COMPARE_ABOVE,
	  50000,
	  50000,
	  0,
	  { { 1000, 50001, false, CONDITION_FIRING, CHANGE_FIRED, 1310 },
	    { 1001, 50000, false, CONDITION_OK, CHANGE_RESOLVED, 1311 },
	    { 1002, 50001, false, CONDITION_FIRING, CHANGE_FIRED, 1312 },
	    { 1003, 50000, false, CONDITION_OK, CHANGE_RESOLVED, 1313 } } },
	{ "below",
	  COMPARE_BELOW,
	  800000,
	  850000,
	  0,
	  { { 1000, 800000, false, CONDITION_OK, CHANGE_NONE, 1310 },
	    { 1001, 799999, false, CONDITION_FIRING, CHANGE_FIRED, 1311 },
	    { 1002, 849999, false, CONDITION_FIRING, CHANGE_NONE, 1312 },
	    { 1003, 850000, false, CONDITION_OK, CHANGE_RESOLVED, 1313 } } },
	{ "pending for so long, due when it is over",
	  COMPARE_ABOVE,
	  50000,
	  40000,
	  60,
	  { { 1000, 50001, false, CONDITION_PENDING, CHANGE_NONE, 1060 },
	    { 1030, 70000, false, CONDITION_PENDING, CHANGE_NONE, 1060 },
	    { 1059, 70000, false, CONDITION_PENDING, CHANGE_NONE, 1060 },
	    { 1060, 70000, false, CONDITION_FIRING, CHANGE_FIRED, 1370 },
	    { 1061, 40000, false, CONDITION_OK, CHANGE_RESOLVED, 1371 } } },
	{ "pending begins anew when it held no more, whatever the recovery threshold",
	  COMPARE_ABOVE,
	  50000,
	  40000,
	  60,
	  { { 1000, 50001, false, CONDITION_PENDING, CHANGE_NONE, 1060 },
	    { 1050, 45000, false, CONDITION_OK, CHANGE_NONE, 1360 },
	    { 1055, 50001, false, CONDITION_PENDING, CHANGE_NONE, 1115 },
	    { 1100, NO_DATA, false, CONDITION_NO_DATA, CHANGE_NONE, 0 },
	    { 1101, 50001, false, CONDITION_PENDING, CHANGE_NONE, 1161 },
	    { 1161, 50001, false, CONDITION_FIRING, CHANGE_FIRED, 1471 } } },
	{ "no data counts as not holding",
	  COMPARE_ABOVE,
	  50000,
	  40000,
	  0,
	  { { 1000, 90000, false, CONDITION_FIRING, CHANGE_FIRED, 1310 },
	    { 1400, NO_DATA, false, CONDITION_NO_DATA, CHANGE_RESOLVED, 0 },
	    { 1401, NO_DATA, false, CONDITION_NO_DATA, CHANGE_NONE, 0 },
	    { 1402, 90000, false, CONDITION_FIRING, CHANGE_FIRED, 1712 } } },
	{ "a changed rule keeps no hysteresis",
	  COMPARE_ABOVE,
	  50000,
	  40000,
	  0,
	  { { 1000, 90000, false, CONDITION_FIRING, CHANGE_FIRED, 1310 },
	    { 1001, 45000, false, CONDITION_FIRING, CHANGE_NONE, 1311 },
	    { 1002, 45000, true, CONDITION_OK, CHANGE_RESOLVED, 1312 },
	    { 1003, 90000, true, CONDITION_FIRING, CHANGE_FIRED, 1313 },
	    { 1004, 90000, true, CONDITION_FIRING, CHANGE_NONE, 1314 } } },
	{ "a changed rule that was pending waits from the beginning",
	  COMPARE_ABOVE,
	  50000,
	  40000,
	  60,
	  { { 1000, 90000, false, CONDITION_PENDING, CHANGE_NONE, 1060 },
	    { 1030, 90000, true, CONDITION_PENDING, CHANGE_NONE, 1090 },
	    { 1060, 90000, false, CONDITION_PENDING, CHANGE_NONE, 1090 },
	    { 1090, 90000, false, CONDITION_FIRING, CHANGE_FIRED, 1400 } } },
};

static struct look look_of(const struct stride *s)
{
	if (s->value == NO_DATA)
		return (struct look){ 0 };
	return (struct look){ 100, true, s->value, (s->at_s + 310) * S };
}

static void check_stride(const struct story *t, int i, struct rule *r)
{
	const struct stride *s = &t->strides[i];
	const struct look look = look_of(s);
	enum change change = rule_step(r, &look, s->at_s * S, s->fresh);

	if (change != s->change || r->condition != s->condition || r->due_us != s->due_s * S)
		fail_msg("%s, look %d: change %d, condition %d, due %lld", t->name, i, change,
			 r->condition, (long long)(r->due_us / S));
	assert_int_equal(r->has_value, s->value != NO_DATA);
	assert_int_equal(r->value, s->value == NO_DATA ? 0 : s->value);
	assert_int_equal(r->evaluated_at_us, s->at_s * S);
	assert_int_equal(r->pending_since_us != 0, r->condition == CONDITION_PENDING);
}

static void test_the_machine(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct rule r = base();

		r.comparison = stories[i].comparison;
		r.threshold = stories[i].threshold;
		r.recovery = stories[i].recovery;
		r.for_s = stories[i].for_s;
		for (int k = 0; k < STRIDES_MAX && stories[i].strides[k].at_s; k++)
			check_stride(&stories[i], k, &r);
	}
}

/* Whatever the values are, changes alternate: fired, resolved, fired ... */
static void test_changes_alternate(void **state)
{
	unsigned short seed[3] = { 7, 7, 7 };
	enum change last = CHANGE_RESOLVED;
	struct rule r = base();
	int changes = 0;

	(void)state;
	r.for_s = 3;
	for (int i = 0; i < 100000; i++) {
		struct look look = { 100, nrand48(seed) % 10 != 0, nrand48(seed) % 100000, 1 };
		enum change change = rule_step(&r, &look, i * S, nrand48(seed) % 50 == 0);

		assert_int_equal(r.condition == CONDITION_FIRING,
				 change == CHANGE_FIRED ||
					 (change == CHANGE_NONE && last == CHANGE_FIRED));
		if (change == CHANGE_NONE)
			continue;
		assert_int_not_equal(change, last);
		last = change;
		changes++;
	}
	assert_true(changes > 1000);
}

static void test_disabling(void **state)
{
	const struct look high = { 100, true, 90000, 1 };
	struct rule r = base();

	(void)state;
	assert_int_equal(rule_disable(&r, 5), CHANGE_NONE);
	r = base();
	assert_int_equal(rule_step(&r, &high, S, false), CHANGE_FIRED);
	assert_int_equal(rule_disable(&r, 2 * S), CHANGE_RESOLVED);
	assert_false(r.enabled);
	assert_int_equal(r.condition, CONDITION_NO_DATA);
	assert_int_equal(r.due_us, 0);
	assert_false(r.has_value);
}

/* ---- a look ---- */

static void test_looks(void **state)
{
	struct window_sums sums = { .n = 40, .amount = 3, .percentile = { 1, 2, 3 }, .edge_us = 9 };
	struct rule r = base();

	(void)state;
	assert_int_equal(rule_look(&r, &sums).value, 75000); /* 7.5 % */
	r.metric = METRIC_P50;
	assert_int_equal(rule_look(&r, &sums).value, 1);
	r.metric = METRIC_P95;
	assert_int_equal(rule_look(&r, &sums).value, 2);
	r.metric = METRIC_P99;
	assert_int_equal(rule_look(&r, &sums).value, 3);
	r.metric = METRIC_COST;
	assert_int_equal(rule_look(&r, &sums).value, 3);
	assert_true(rule_look(&r, &sums).has_value);
	assert_int_equal(rule_look(&r, &sums).edge_us, 9);
	sums.n = 19; /* fewer than the rule wants */
	assert_false(rule_look(&r, &sums).has_value);
	assert_int_equal(rule_look(&r, &sums).edge_us, 9);
	sums = (struct window_sums){ 0 };
	r.min_samples = 1;
	assert_false(rule_look(&r, &sums).has_value);
	assert_int_equal(rule_look(&r, &sums).edge_us, 0);
}

static void test_thirds_are_rounded(void **state)
{
	const struct window_sums sums = { .n = 3, .amount = 2 };
	struct rule r = base();

	(void)state;
	r.min_samples = 1;
	assert_int_equal(rule_look(&r, &sums).value, 666667); /* 66.6667 % */
}

/* ---- what is refused ---- */

static const struct bad {
	enum metric metric;
	enum comparison comparison;
	int64_t threshold, recovery, window_s, for_s, min_samples;
	const char *field;
} bad_rules[] = {
	{ METRIC_NONE, COMPARE_ABOVE, 1, 1, 300, 0, 1, "metric" },
	{ (enum metric)7, COMPARE_ABOVE, 1, 1, 300, 0, 1, "metric" },
	{ METRIC_ERRORS, COMPARE_NONE, 1, 1, 300, 0, 1, "comparison" },
	{ METRIC_ERRORS, COMPARE_ABOVE, -1, -1, 300, 0, 1, "threshold" },
	{ METRIC_ERRORS, COMPARE_ABOVE, 1000000, 1, 300, 0, 1, "threshold" },
	{ METRIC_ERRORS, COMPARE_ABOVE, 1000001, 1, 300, 0, 1, "threshold" },
	{ METRIC_ACCURACY, COMPARE_BELOW, 0, 0, 300, 0, 1, "threshold" },
	{ METRIC_ACCURACY, COMPARE_BELOW, 800000, 799999, 300, 0, 1, "recovery_threshold" },
	{ METRIC_ACCURACY, COMPARE_BELOW, 800000, 1000001, 300, 0, 1, "recovery_threshold" },
	{ METRIC_ERRORS, COMPARE_ABOVE, 50000, 50001, 300, 0, 1, "recovery_threshold" },
	{ METRIC_ERRORS, COMPARE_ABOVE, 50000, -1, 300, 0, 1, "recovery_threshold" },
	{ METRIC_P95, COMPARE_ABOVE, INT64_C(86400000001), 1, 300, 0, 1, "threshold" },
	{ METRIC_COST, COMPARE_ABOVE, INT64_C(1000000000000000001), 1, 300, 0, 1, "threshold" },
	{ METRIC_COST, COMPARE_ABOVE, 5, 5, 9, 0, 1, "window_seconds" },
	{ METRIC_COST, COMPARE_ABOVE, 5, 5, 2592001, 0, 1, "window_seconds" },
	{ METRIC_COST, COMPARE_ABOVE, 5, 5, 300, 86401, 1, "for_seconds" },
	{ METRIC_COST, COMPARE_ABOVE, 5, 5, 300, 0, 0, "min_samples" },
	{ METRIC_COST, COMPARE_ABOVE, 5, 5, 300, 0, 1000001, "min_samples" },
};

static void test_bad_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rules) / sizeof(bad_rules[0]); i++) {
		const struct bad *b = &bad_rules[i];
		struct error err = { 0 };
		struct rule r = base();

		r.metric = b->metric;
		r.comparison = b->comparison;
		r.threshold = b->threshold;
		r.recovery = b->recovery;
		r.window_s = b->window_s;
		r.for_s = b->for_s;
		r.min_samples = b->min_samples;
		if (rule_check(&r, &err) != ST_INVALID || strcmp(err.field, b->field) != 0 ||
		    err.detail[0] == '\0')
			fail_msg("rule %zu: field \"%s\", %s", i, err.field, err.detail);
	}
}

static void test_good_rules(void **state)
{
	struct error err = { 0 };
	struct rule r = base();

	(void)state;
	assert_int_equal(rule_check(&r, &err), ST_OK);
	r.recovery = r.threshold;
	assert_int_equal(rule_check(&r, &err), ST_OK);
	for (int i = 0; i < RULE_DEFAULTS; i++) {
		r = rule_default(i);
		assert_int_equal(rule_check(&r, &err), ST_OK);
		assert_true(r.enabled);
		/* Each has room between its two thresholds. */
		assert_int_not_equal(r.recovery, r.threshold);
	}
	r = base();
	r.name = "";
	assert_int_equal(rule_check(&r, &err), ST_INVALID);
	assert_string_equal(err.field, "name");
}

/* The four of the first notes, with what README.md says of them. */
static void test_defaults(void **state)
{
	static const struct rule want[RULE_DEFAULTS] = {
		{ .metric = METRIC_COST,
		  .comparison = COMPARE_ABOVE,
		  .threshold = INT64_C(1000000000000),
		  .recovery = INT64_C(900000000000),
		  .window_s = 86400,
		  .min_samples = 1 },
		{ .metric = METRIC_ERRORS,
		  .comparison = COMPARE_ABOVE,
		  .threshold = 50000,
		  .recovery = 40000,
		  .window_s = 300,
		  .min_samples = 20 },
		{ .metric = METRIC_P95,
		  .comparison = COMPARE_ABOVE,
		  .threshold = 5000000,
		  .recovery = 4000000,
		  .window_s = 300,
		  .min_samples = 20 },
		{ .metric = METRIC_ACCURACY,
		  .comparison = COMPARE_BELOW,
		  .threshold = 800000,
		  .recovery = 850000,
		  .window_s = 86400,
		  .min_samples = 10 },
	};

	(void)state;
	for (int i = 0; i < RULE_DEFAULTS; i++) {
		const struct rule r = rule_default(i);

		assert_int_equal(r.metric, want[i].metric);
		assert_int_equal(r.comparison, want[i].comparison);
		assert_int_equal(r.threshold, want[i].threshold);
		assert_int_equal(r.recovery, want[i].recovery);
		assert_int_equal(r.window_s, want[i].window_s);
		assert_int_equal(r.min_samples, want[i].min_samples);
		assert_int_equal(r.for_s, 0);
		assert_true(r.enabled);
		assert_int_equal(r.condition, CONDITION_NO_DATA);
	}
}

static void test_figures(void **state)
{
	struct error err = { 0 };
	int64_t v = 0;

	(void)state;
	assert_int_equal(rule_figure(METRIC_ERRORS, 5, 0, "threshold", &v, &err), ST_OK);
	assert_int_equal(v, 50000);
	assert_int_equal(rule_figure(METRIC_COST, 10005, 1, "threshold", &v, &err), ST_OK);
	assert_int_equal(v, INT64_C(1000500000000));
	assert_int_equal(rule_figure(METRIC_P95, 1500000, 5, "threshold", &v, &err), ST_OK);
	assert_int_equal(v, 15000);
	assert_int_equal(rule_figure(METRIC_P95, 15001, 4, "threshold", &v, &err), ST_INVALID);
	assert_string_equal(err.field, "threshold");
	assert_int_equal(rule_figure(METRIC_COST, INT64_MAX / 5, 0, "recovery_threshold", &v, &err),
			 ST_INVALID);
	assert_string_equal(err.field, "recovery_threshold");
	assert_int_equal(rule_figure(METRIC_COST, 1, 10, "threshold", &v, &err), ST_INVALID);
	assert_int_equal(rule_figure(METRIC_NONE, 1, 0, "threshold", &v, &err), ST_INVALID);
	assert_string_equal(err.field, "metric");
}

/* ---- words ---- */

static void test_words(void **state)
{
	struct arena *a = arena_new(65536);
	struct rule r = base();

	(void)state;
	r.value = 75000;
	r.has_value = true;
	assert_string_equal(rule_fired_text(a, &r), "error rate 7.5 % over 5 minutes: above 5 %");
	r.value = 30000;
	assert_string_equal(rule_resolved_text(a, &r),
			    "error rate 3 % over 5 minutes: no longer above 4 %");
	r.value = 45000; /* the rule was changed: between the two */
	assert_string_equal(rule_resolved_text(a, &r),
			    "error rate 4.5 % over 5 minutes: no longer above 5 %");
	r.has_value = false;
	assert_string_equal(rule_resolved_text(a, &r),
			    "error rate: fewer than 20 samples over 5 minutes");
	r.enabled = false;
	assert_string_equal(rule_resolved_text(a, &r), "error rate: the rule was disabled");
	r = rule_default(0);
	r.value = INT64_C(1000500000001);
	assert_string_equal(rule_fired_text(a, &r),
			    "AI cost 1000.500000001 USD over 1 day: above 1000 USD");
	r = rule_default(2);
	r.value = 6200500;
	r.window_s = 90;
	assert_string_equal(rule_fired_text(a, &r),
			    "latency p95 6200.5 ms over 90 seconds: above 5000 ms");
	r = rule_default(3);
	r.value = 0;
	assert_string_equal(rule_fired_text(a, &r), "AI accuracy 0 % over 1 day: below 80 %");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_machine),
		cmocka_unit_test(test_changes_alternate),
		cmocka_unit_test(test_disabling),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_thirds_are_rounded),
		cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_good_rules),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
