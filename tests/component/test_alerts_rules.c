/*
 * From causes to alerts: default rules, hysteresis, waiting, no data. Read next:
 * test_alerts_people.c, test_alerts_delivery.c, services/observability/evaluate.c.
 */
#include "component/alerts_fixture.h"

#include <stdio.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NO_DATA  OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_NO_DATA
#define FINE     OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_OK
#define PENDING  OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_PENDING
#define FIRING   OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_FIRING
#define ERRORS   "errors above 5 %"
#define LATENCY  "latency p95 above 5 s"
#define COST     "AI cost above 1000 USD a day"
#define ACCURACY "accuracy below 80 %"
#define USD      INT64_C(1000000000)

static struct world w;

/* How many of that state GET /api/alerts tells. */
static size_t alerts_in(const struct al_tenant *t, Observability__V1__AlertState alert_state)
{
	Observability__V1__ListAlertsRequest in = OBSERVABILITY__V1__LIST_ALERTS_REQUEST__INIT;

	in.page_size = 100;
	in.state = alert_state;
	return ((const Observability__V1__ListAlertsReply *)tw_must(&w, t->admin,
								    OBSERVABILITY_LIST_ALERTS, &in))
		->n_alerts;
}

/* Time passes: all samples of the tenant grow older by so much, and every rule is looked at. */
static void pass_time(const struct al_tenant *t, int64_t seconds)
{
	world_sql(&w,
		  "UPDATE observability.sample_slots SET slot = slot - %lld WHERE tenant_id = '%s';"
		  "UPDATE observability.sample_answers SET at = at - %lld * interval '1 second' "
		  "WHERE "
		  "tenant_id = '%s';"
		  "UPDATE observability.alert_rules SET due_at = now(), pending_since = "
		  "pending_since "
		  "- %lld * interval '1 second' WHERE tenant_id = '%s'",
		  (long long)seconds, t->id, (long long)seconds, t->id, (long long)seconds, t->id);
}

/* ---- default rules ---- */

static void test_errors(void **state)
{
	const Observability__V1__ListAlertsReply *list;
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	assert_int_equal(al_rule(&w, &t, ERRORS)->condition, NO_DATA);
	al_requests(&w, t.id, 18, 1, 1000); /* 19 samples are too few */
	al_until(&w, &t, ERRORS, NO_DATA);
	al_requests(&w, t.id, 0, 1, 1000); /* 2 of 20 */
	al_until(&w, &t, ERRORS, FIRING);
	list = al_alerts(&w, &t);
	assert_int_equal(list->n_alerts, 1);
	assert_string_equal(list->alerts[0]->rule, ERRORS);
	assert_int_equal(list->alerts[0]->severity, OBSERVABILITY__V1__SEVERITY__SEVERITY_CRITICAL);
	assert_int_equal(list->alerts[0]->state,
			 OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_FIRING);
	al_assert_decimal(list->alerts[0]->value, 10, 0);
	al_assert_decimal(list->alerts[0]->threshold, 5, 0);
	assert_string_equal(list->alerts[0]->text, "error rate 10 % over 5 minutes: above 5 %");
	assert_null(list->alerts[0]->resolved_at);
	al_requests(&w, t.id, 30, 0, 1000); /* 2 of 50: 4 % */
	al_until(&w, &t, ERRORS, FINE);
	list = al_alerts(&w, &t);
	assert_int_equal(list->n_alerts, 1);
	assert_int_equal(list->alerts[0]->state,
			 OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_RESOLVED);
	assert_non_null(list->alerts[0]->resolved_at);
	al_assert_decimal(list->alerts[0]->resolved_value, 4, 0);
	assert_int_equal(alerts_in(&t, OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_RESOLVED), 1);
	assert_int_equal(alerts_in(&t, OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_FIRING), 0);
	assert_int_equal(al_check_changes(&w, t.id), 2);
}

/* So many requests are counted, and the rules were looked at since. */
static void looked_at(const struct al_tenant *t, int64_t requests)
{
	world_sql_reach(&w, requests,
			"SELECT sum(n) FROM observability.sample_slots WHERE tenant_id = '%s' AND "
			"kind = 1 AND tier = 0",
			t->id);
	world_sql_reach(&w, 0,
			"SELECT count(*) FROM observability.sample_news WHERE tenant_id = '%s'",
			t->id);
}

/* Between the two thresholds nothing changes, in either direction. */
static void test_hysteresis(void **state)
{
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	al_requests(&w, t.id, 190, 9, 1000); /* 4.5 % */
	al_until(&w, &t, ERRORS, FINE);
	al_requests(&w, t.id, 0, 5, 1000); /* 14 of 204: 6.9 % */
	al_until(&w, &t, ERRORS, FIRING);
	al_requests(&w, t.id, 100, 0, 1000); /* 14 of 304: 4.6 %, not yet */
	looked_at(&t, 304);
	al_until(&w, &t, ERRORS, FIRING);
	assert_int_equal(al_check_changes(&w, t.id), 1);
	al_requests(&w, t.id, 50, 0, 1000); /* 14 of 354: 3.95 % */
	al_until(&w, &t, ERRORS, FINE);
	assert_int_equal(al_check_changes(&w, t.id), 2);
}

static void test_latency(void **state)
{
	const Observability__V1__ListAlertsReply *list;
	struct al_tenant t;
	int64_t ms;

	(void)state;
	al_tenant(&w, &t);
	al_requests(&w, t.id, 95, 0, 20000);
	al_requests(&w, t.id, 5, 0, 6000000);
	al_until(&w, &t, LATENCY, FINE); /* the 95th of 100 is fast */
	al_requests(&w, t.id, 1, 0, 6000000);
	al_until(&w, &t, LATENCY, FIRING);
	list = al_alerts(&w, &t);
	assert_int_equal(list->n_alerts, 1);
	assert_string_equal(list->alerts[0]->rule, LATENCY);
	ms = list->alerts[0]->value->units;
	for (uint32_t i = 0; i < list->alerts[0]->value->scale; i++)
		ms /= 10;
	assert_in_range(ms, 5950, 6050); /* a bucket is at most 1/64 wide */
	al_requests(&w, t.id, 100, 0, 20000);
	al_until(&w, &t, LATENCY, FINE);
	assert_int_equal(al_check_changes(&w, t.id), 2);
}

static void test_cost(void **state)
{
	const Observability__V1__ListAlertsReply *list;
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	al_cost(&w, t.id, 999 * USD);
	al_until(&w, &t, COST, FINE);
	al_cost(&w, t.id, 1 * USD); /* 1000 is not above 1000 */
	world_sql_reach(&w, 2,
			"SELECT sum(n) FROM observability.sample_slots WHERE tenant_id = '%s' AND "
			"tier = 0",
			t.id);
	al_until(&w, &t, COST, FINE);
	al_cost(&w, t.id, 1);
	al_until(&w, &t, COST, FIRING);
	list = al_alerts(&w, &t);
	assert_int_equal(list->n_alerts, 1);
	al_assert_decimal(list->alerts[0]->value, INT64_C(1000000000001), 9);
	assert_string_equal(list->alerts[0]->text,
			    "AI cost 1000.000000001 USD over 1 day: above 1000 USD");
	/* A day later it has left the window: no data, so it holds no more. */
	pass_time(&t, 87000);
	al_until(&w, &t, COST, NO_DATA);
	list = al_alerts(&w, &t);
	assert_non_null(list->alerts[0]->resolved_at);
	assert_null(list->alerts[0]->resolved_value);
	assert_int_equal(al_check_changes(&w, t.id), 2);
}

static void test_accuracy(void **state)
{
	char questions[12][UUID_TEXT] = { { 0 } }, users[3][UUID_TEXT];
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	for (int i = 0; i < 3; i++)
		uuid_v7(users[i]);
	for (int i = 0; i < 10; i++)
		al_answer(&w, t.id, questions[i], i >= 2); /* 8 of 10 */
	al_until(&w, &t, ACCURACY, FINE);
	al_feedback(&w, t.id, questions[5], users[0], 2, 1);
	al_until(&w, &t, ACCURACY, FIRING); /* 7 of 10 */
	/* The same judge thinks again; an older word of his that comes late changes nothing. */
	al_feedback(&w, t.id, questions[5], users[0], 5, 3);
	al_feedback(&w, t.id, questions[5], users[0], 1, 2);
	world_sql_reach(&w, 0,
			"SELECT against FROM observability.sample_answers WHERE question_id = '%s'",
			questions[5]);
	al_until(&w, &t, ACCURACY, FIRING); /* 80 % is not behind 85 % */
	/* A verdict that comes before its answer counts once that is there. */
	uuid_v7(questions[10]);
	al_feedback(&w, t.id, questions[10], users[1], 1, 1);
	al_feedback(&w, t.id, questions[10], users[2], 5, 1);
	world_sql_reach(&w, 1,
			"SELECT against FROM observability.sample_answers WHERE question_id = '%s'",
			questions[10]);
	al_answer(&w, t.id, questions[10], true); /* 8 of 11 */
	world_sql_reach(&w, 11,
			"SELECT count(at) FROM observability.sample_answers WHERE tenant_id = '%s'",
			t.id);
	al_feedback(&w, t.id, questions[10], users[1], 4, 2); /* 9 of 11: 81.8 % */
	for (int i = 0; i < 4; i++) {
		char more[UUID_TEXT] = "";

		al_answer(&w, t.id, more, true); /* 13 of 15: 86.7 % */
	}
	al_until(&w, &t, ACCURACY, FINE);
	assert_int_equal(al_check_changes(&w, t.id), 2);
}

/* ---- waiting, silence ---- */

static int64_t changes_of(const struct al_tenant *t, const char *rule)
{
	return world_sql_int(&w,
			     "SELECT count(*) + count(resolved_at) FROM observability.alerts WHERE "
			     "tenant_id = '%s' AND rule = '%s'",
			     t->id, rule);
}

static void test_pending(void **state)
{
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	al_error_rule(&w, &t, "slow to fire", 50, 40, 600);
	al_requests(&w, t.id, 0, 10, 1000);
	al_until(&w, &t, "slow to fire", PENDING);
	pass_time(&t, 300);
	world_sql_reach(&w, 0,
			"SELECT count(*) FROM observability.alert_rules WHERE tenant_id = '%s' AND "
			"due_at <= now()",
			t.id);
	al_until(&w, &t, "slow to fire", PENDING);
	assert_int_equal(changes_of(&t, "slow to fire"), 0);
	pass_time(&t, 310);
	al_until(&w, &t, "slow to fire", FIRING);
	al_requests(&w, t.id, 20, 0, 1000);
	al_until(&w, &t, "slow to fire", FINE);
	/* It holds again, and no more before the time is over. */
	al_requests(&w, t.id, 0, 40, 1000);
	al_until(&w, &t, "slow to fire", PENDING);
	al_requests(&w, t.id, 100, 0, 1000);
	al_until(&w, &t, "slow to fire", FINE);
	assert_int_equal(changes_of(&t, "slow to fire"), 2);
}

/* A short time, by the clock alone: nothing new comes while it is pending. */
static void test_pending_by_the_clock(void **state)
{
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	al_error_rule(&w, &t, "two seconds", 50, 40, 2);
	al_requests(&w, t.id, 0, 5, 1000);
	al_until(&w, &t, "two seconds", PENDING);
	al_until(&w, &t, "two seconds", FIRING);
	assert_true(
		world_sql_int(&w,
			      "SELECT extract(epoch FROM a.fired_at - min(e.at))::bigint FROM "
			      "observability.alerts a JOIN observability.events e ON e.tenant_id "
			      "= a.tenant_id AND e.category = 1 WHERE a.tenant_id = '%s' GROUP BY "
			      "a.fired_at",
			      t.id) >= 2);
}

static void test_no_data(void **state)
{
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	al_requests(&w, t.id, 10, 20, 1000);
	al_until(&w, &t, ERRORS, FIRING);
	pass_time(&t, 320);
	al_until(&w, &t, ERRORS, NO_DATA);
	assert_int_equal(al_check_changes(&w, t.id), 2);
	/* Without samples nobody looks: no rule is due. */
	world_sql_reach(&w, 0,
			"SELECT count(*) FROM observability.alert_rules WHERE tenant_id = '%s' AND "
			"due_at IS NOT NULL",
			t.id);
}

/* The transaction that wrote the rule's row last. */
static int64_t row_written(const char *rule_id)
{
	return world_sql_int(
		&w, "SELECT xmin::text::bigint FROM observability.alert_rules WHERE rule_id = '%s'",
		rule_id);
}

/* Percentiles over more than a day are many rows: looked at once a minute, not with each sample. */
static void test_long_windows(void **state)
{
	Observability__V1__CreateAlertRuleRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_RULE_REQUEST__INIT;
	Pulsepoint__Decimal d = PULSEPOINT__DECIMAL__INIT;
	const Observability__V1__AlertRule *r;
	struct al_tenant t;
	int64_t written;

	(void)state;
	al_tenant(&w, &t);
	in.name = (char *)"two days";
	in.metric = OBSERVABILITY__V1__METRIC__METRIC_LATENCY_P50;
	in.comparison = OBSERVABILITY__V1__COMPARISON__COMPARISON_ABOVE;
	in.threshold = &d;
	d.units = 100;
	in.window_seconds = 172800;
	r = tw_must(&w, t.admin, OBSERVABILITY_CREATE_ALERT_RULE, &in);
	assert_int_equal(r->condition, NO_DATA);
	al_requests(&w, t.id, 5, 0, 200000);
	world_sql_reach(&w, 1,
			"SELECT count(*) FROM observability.alert_rules WHERE rule_id = '%s' AND "
			"due_at = evaluated_at + interval '60 s' AND condition = 1",
			r->rule_id);
	/* More samples change nothing, not even the row. */
	written = row_written(r->rule_id);
	al_requests(&w, t.id, 5, 0, 200000);
	looked_at(&t, 10);
	assert_int_equal(row_written(r->rule_id), written);
	world_sql(&w,
		  "UPDATE observability.alert_rules SET evaluated_at = now() - interval '61 s', "
		  "due_at = now() WHERE rule_id = '%s'",
		  r->rule_id);
	al_until(&w, &t, "two days", FIRING);
}

/* However much of its work waits: another tenant is looked at all the same. */
static void test_a_tenant_that_fails_stops_no_other(void **state)
{
	struct al_tenant broken, good;

	(void)state;
	al_tenant(&w, &broken);
	al_tenant(&w, &good);
	/* Its rule says that an alert stands which is not there: no look at it can end well. Under
	 * the tenant's lock, or a look that has begun would put it right. */
	world_sql(&w,
		  "SELECT 1 FROM observability.alert_tenants WHERE tenant_id = '%s' FOR UPDATE; "
		  "UPDATE observability.alert_rules SET condition = 4, alert_id = "
		  "gen_random_uuid() WHERE tenant_id = '%s' AND name = '%s'",
		  broken.id, broken.id, ERRORS);
	world_sql(&w,
		  "TRUNCATE observability.sample_news; INSERT INTO observability.sample_news "
		  "(tenant_id, kind) SELECT '%s', 1 FROM "
		  "generate_series(1, 5000)",
		  broken.id);
	al_requests(&w, good.id, 10, 20, 1000);
	al_until(&w, &good, ERRORS, FIRING);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.sample_news WHERE "
				       "tenant_id = '%s'",
				       broken.id),
			 5000);
	/* Its work stays, and is done when it can be. */
	world_sql(&w,
		  "UPDATE observability.alert_rules SET condition = 1, alert_id = NULL WHERE "
		  "tenant_id = '%s'",
		  broken.id);
	world_sql_reach(&w, 0,
			"SELECT count(*) FROM observability.sample_news WHERE tenant_id = '%s'",
			broken.id);
	assert_int_equal(al_check_changes(&w, good.id), 1);
	assert_int_equal(al_check_changes(&w, broken.id), 0);
}

static int fresh(void **state)
{
	(void)state;
	al_fresh(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_errors, fresh),
		cmocka_unit_test_setup(test_hysteresis, fresh),
		cmocka_unit_test_setup(test_latency, fresh),
		cmocka_unit_test_setup(test_cost, fresh),
		cmocka_unit_test_setup(test_accuracy, fresh),
		cmocka_unit_test_setup(test_pending, fresh),
		cmocka_unit_test_setup(test_pending_by_the_clock, fresh),
		cmocka_unit_test_setup(test_no_data, fresh),
		cmocka_unit_test_setup(test_long_windows, fresh),
		cmocka_unit_test_setup(test_a_tenant_that_fails_stops_no_other, fresh),
	};
	int failed;

	al_start(&w);
	failed = cmocka_run_group_tests_name("rules of alerts", tests, NULL, NULL);
	al_stop(&w);
	return failed;
}
