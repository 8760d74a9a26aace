/*
 * Rules of alerts in people's hands: what a change does, what is refused, limits, tenants apart,
 * pages, and what is forgotten. Read next: test_alerts_rules.c,
 * services/observability/rule_handlers.c.
 */
#include "component/alerts_fixture.h"

#include <stdio.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NO_DATA OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_NO_DATA
#define FINE    OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_OK
#define FIRING  OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_FIRING
#define ERRORS  "errors above 5 %"

static struct world w;

static Observability__V1__UpdateAlertRuleRequest update_of(const char *rule_id)
{
	Observability__V1__UpdateAlertRuleRequest in =
		OBSERVABILITY__V1__UPDATE_ALERT_RULE_REQUEST__INIT;

	in.rule_id = (char *)rule_id;
	return in;
}

static void test_changing_a_rule(void **state)
{
	Observability__V1__UpdateAlertRuleRequest in;
	Pulsepoint__Decimal high = PULSEPOINT__DECIMAL__INIT, low = PULSEPOINT__DECIMAL__INIT;
	const Observability__V1__AlertRule *r;
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	al_requests(&w, t.id, 70, 30, 1000);
	al_until(&w, &t, ERRORS, FIRING);
	/* 30 % is not above 40 %: resolved with the change, although it is above the recovery
	 * threshold. */
	in = update_of(al_rule(&w, &t, ERRORS)->rule_id);
	high.units = 40;
	low.units = 20;
	in.threshold = &high;
	in.recovery_threshold = &low;
	r = tw_must(&w, t.admin, OBSERVABILITY_UPDATE_ALERT_RULE, &in);
	assert_int_equal(r->condition, FINE);
	al_assert_decimal(r->value, 30, 0);
	assert_int_equal(al_check_changes(&w, t.id), 2);
	/* Back: fires with the change. Fields that are not given stay. */
	high.units = 5;
	low.units = 4;
	r = tw_must(&w, t.admin, OBSERVABILITY_UPDATE_ALERT_RULE, &in);
	assert_int_equal(r->condition, FIRING);
	assert_int_equal(r->window_seconds, 300);
	assert_int_equal(r->min_samples, 20);
	assert_string_equal(r->name, ERRORS);
	/* The name alone changes nothing of the alert. */
	in = update_of(r->rule_id);
	in.name_given_case = OBSERVABILITY__V1__UPDATE_ALERT_RULE_REQUEST__NAME_GIVEN_NAME;
	in.name = (char *)"renamed";
	r = tw_must(&w, t.admin, OBSERVABILITY_UPDATE_ALERT_RULE, &in);
	assert_string_equal(r->name, "renamed");
	assert_int_equal(r->condition, FIRING);
	assert_string_equal(al_alerts(&w, &t)->alerts[0]->rule, ERRORS);
	assert_int_equal(al_check_changes(&w, t.id), 3);
	/* Disabled: resolved. Samples change nothing any more. Enabled: looked at. */
	in = update_of(r->rule_id);
	in.state = OBSERVABILITY__V1__RULE_STATE__RULE_STATE_DISABLED;
	r = tw_must(&w, t.admin, OBSERVABILITY_UPDATE_ALERT_RULE, &in);
	assert_int_equal(r->condition, NO_DATA);
	assert_int_equal(al_check_changes(&w, t.id), 4);
	assert_non_null(strstr(al_alerts(&w, &t)->alerts[0]->text, "the rule was disabled"));
	al_requests(&w, t.id, 0, 30, 1000);
	world_sql_reach(&w, 0,
			"SELECT count(*) FROM observability.sample_news WHERE tenant_id = '%s'",
			t.id);
	assert_int_equal(al_check_changes(&w, t.id), 4);
	in.state = OBSERVABILITY__V1__RULE_STATE__RULE_STATE_ENABLED;
	r = tw_must(&w, t.admin, OBSERVABILITY_UPDATE_ALERT_RULE, &in);
	assert_int_equal(r->condition, FIRING);
	assert_int_equal(al_check_changes(&w, t.id), 5);
}

static void assert_refused(struct reply r, enum status st, const char *field)
{
	assert_int_equal(r.status, st);
	assert_string_equal(r.field, field);
	assert_true(r.detail[0] != '\0');
}

static void test_bad_rules(void **state)
{
	Observability__V1__CreateAlertRuleRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_RULE_REQUEST__INIT;
	Pulsepoint__Decimal d = PULSEPOINT__DECIMAL__INIT, back = PULSEPOINT__DECIMAL__INIT;
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	in.name = (char *)"bad";
	in.metric = OBSERVABILITY__V1__METRIC__METRIC_ERROR_RATE;
	in.comparison = OBSERVABILITY__V1__COMPARISON__COMPARISON_ABOVE;
	in.threshold = &d;
	d.units = 101;
	assert_refused(al_call(&w, t.admin, NULL, OBSERVABILITY_CREATE_ALERT_RULE, &in), ST_INVALID,
		       "threshold");
	d.units = 50;
	in.recovery_threshold = &back;
	back.units = 51;
	assert_refused(al_call(&w, t.admin, NULL, OBSERVABILITY_CREATE_ALERT_RULE, &in), ST_INVALID,
		       "recovery_threshold");
	back.units = 123456;
	back.scale = 5;
	assert_refused(al_call(&w, t.admin, NULL, OBSERVABILITY_CREATE_ALERT_RULE, &in), ST_INVALID,
		       "recovery_threshold");
	in.recovery_threshold = NULL;
	in.window_seconds = 9;
	assert_refused(al_call(&w, t.admin, NULL, OBSERVABILITY_CREATE_ALERT_RULE, &in), ST_INVALID,
		       "window_seconds");
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.alert_rules WHERE "
				       "tenant_id = '%s'",
				       t.id),
			 AL_RULES);
	/* With the defaults it is a rule; a viewer may not make one. */
	in.window_seconds = 0;
	assert_int_equal(al_call(&w, world_token(&w, t.id, ROLE_VIEWER, ""), NULL,
				 OBSERVABILITY_CREATE_ALERT_RULE, &in)
				 .status,
			 ST_DENIED);
	in.name = (char *)"good";
	assert_int_equal(((const Observability__V1__AlertRule *)tw_must(
				  &w, t.admin, OBSERVABILITY_CREATE_ALERT_RULE, &in))
				 ->window_seconds,
			 300);
}

static void test_limits(void **state)
{
	Observability__V1__CreateAlertRuleRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_RULE_REQUEST__INIT;
	Pulsepoint__Decimal d = PULSEPOINT__DECIMAL__INIT;
	const Observability__V1__AlertRule *r;
	struct reply again;
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	in.name = (char *)"once";
	in.metric = OBSERVABILITY__V1__METRIC__METRIC_AI_COST;
	in.comparison = OBSERVABILITY__V1__COMPARISON__COMPARISON_ABOVE;
	in.threshold = &d;
	d.units = 5;
	again = al_call(&w, t.admin, "the-key", OBSERVABILITY_CREATE_ALERT_RULE, &in);
	assert_int_equal(again.status, ST_OK);
	r = again.out;
	again = al_call(&w, t.admin, "the-key", OBSERVABILITY_CREATE_ALERT_RULE, &in);
	assert_int_equal(again.status, ST_OK);
	assert_string_equal(((const Observability__V1__AlertRule *)again.out)->rule_id, r->rule_id);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.alert_rules WHERE "
				       "tenant_id = '%s'",
				       t.id),
			 AL_RULES + 1);
	for (int i = AL_RULES + 1; i < 100; i++)
		tw_must(&w, t.admin, OBSERVABILITY_CREATE_ALERT_RULE, &in);
	assert_refused(al_call(&w, t.admin, NULL, OBSERVABILITY_CREATE_ALERT_RULE, &in),
		       ST_CONFLICT, "");
}

/* A tenant's rules, alerts and samples are nobody else's. */
static void test_tenants_apart(void **state)
{
	Observability__V1__UpdateAlertRuleRequest in;
	struct al_tenant a, b;

	(void)state;
	al_tenant(&w, &a);
	al_tenant(&w, &b);
	al_requests(&w, a.id, 10, 20, 1000);
	al_until(&w, &a, ERRORS, FIRING);
	al_until(&w, &b, ERRORS, NO_DATA);
	assert_int_equal(al_alerts(&w, &b)->n_alerts, 0);
	in = update_of(al_rule(&w, &a, ERRORS)->rule_id);
	in.state = OBSERVABILITY__V1__RULE_STATE__RULE_STATE_DISABLED;
	assert_int_equal(al_call(&w, b.admin, NULL, OBSERVABILITY_UPDATE_ALERT_RULE, &in).status,
			 ST_NOT_FOUND);
	assert_int_equal(al_rule(&w, &a, ERRORS)->condition, FIRING);
	/* As the service's own role in the other tenant's scope, on every table of alerts. */
	assert_string_equal(
		world_sql(
			&w,
			"BEGIN; SET LOCAL ROLE observability_app; SET LOCAL search_path = "
			"observability; SELECT set_config('app.tenant_id', '%s', true); "
			"SELECT (SELECT count(*) FROM alerts) || ' ' || (SELECT count(*) FROM "
			"alert_rules) || ' ' || (SELECT count(*) FROM alert_changes) || ' ' || "
			"(SELECT count(*) FROM sample_slots) || ' ' || (SELECT count(*) FROM "
			"alert_channels) || ' ' || (SELECT count(*) FROM alert_deliveries) || ' ' "
			"|| "
			"(SELECT count(*) FROM alert_tenants) || ' ' || (SELECT count(*) FROM "
			"sample_answers) || ' ' || (SELECT count(*) FROM sample_verdicts) || ' ' "
			"|| "
			"(SELECT count(*) FROM sample_news)",
			b.id),
		"0 4 0 0 0 0 1 0 0 0");
	world_sql(&w, "COMMIT");
}

/* Pages of the list: newest first, each alert once. */
static void test_pages(void **state)
{
	Observability__V1__ListAlertsRequest in = OBSERVABILITY__V1__LIST_ALERTS_REQUEST__INIT;
	const Observability__V1__ListAlertsReply *list;
	char seen[7][UUID_TEXT];
	struct al_tenant t;
	int n = 0;

	(void)state;
	al_tenant(&w, &t);
	for (int i = 0; i < 7; i++)
		al_error_rule(&w, &t, "one of seven", 50, 40, 0);
	al_requests(&w, t.id, 0, 2, 1000); /* too few for the default rules */
	world_sql_reach(&w, 7, "SELECT count(*) FROM observability.alerts WHERE tenant_id = '%s'",
			t.id);
	in.page_size = 3;
	in.page_token = (char *)"";
	do {
		list = tw_must(&w, t.admin, OBSERVABILITY_LIST_ALERTS, &in);
		for (size_t i = 0; i < list->n_alerts; i++) {
			for (int k = 0; k < n; k++)
				assert_string_not_equal(seen[k], list->alerts[i]->alert_id);
			assert_true(n < 7);
			snprintf(seen[n++], UUID_TEXT, "%s", list->alerts[i]->alert_id);
		}
		in.page_token = list->next_page_token;
	} while (*list->next_page_token);
	assert_int_equal(n, 7);
	in.page_token = (char *)"";
	in.state = OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_RESOLVED;
	list = tw_must(&w, t.admin, OBSERVABILITY_LIST_ALERTS, &in);
	assert_int_equal(list->n_alerts, 0);
	in.state = OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_FIRING;
	in.page_size = 50;
	list = tw_must(&w, t.admin, OBSERVABILITY_LIST_ALERTS, &in);
	assert_int_equal(list->n_alerts, 7);
}

/* What is past its keeping goes when a copy starts, and every minute; what is not stays. */
static void test_old_things_go(void **state)
{
	static const char *const gone[] = { "alerts",       "alert_changes",  "alert_deliveries",
					    "sample_slots", "sample_answers", "sample_verdicts" };
	char question[UUID_TEXT] = "", user[UUID_TEXT];
	struct al_tenant old, young, *both[] = { &old, &young };

	(void)state;
	uuid_v7(user);
	for (int i = 0; i < 2; i++) {
		al_tenant(&w, both[i]);
		al_channel(&w, both[i], "old");
		al_requests(&w, both[i]->id, 10, 20, 1000);
		al_until(&w, both[i], ERRORS, FIRING);
		al_requests(&w, both[i]->id, 970, 0, 1000);
		al_until(&w, both[i], ERRORS, FINE);
		*question = '\0';
		al_answer(&w, both[i]->id, question, true);
		al_feedback(&w, both[i]->id, question, user, 1, 1);
		world_sql_reach(&w, 1,
				"SELECT against FROM observability.sample_answers WHERE "
				"tenant_id = '%s'",
				both[i]->id);
		al_delivered(&w, both[i]->id);
	}
	al_copy_stop(0);
	world_sql(
		&w,
		"SET search_path = observability;"
		"UPDATE alerts SET resolved_at = resolved_at - interval '366 days' WHERE tenant_id "
		"= '%s';"
		"UPDATE alert_deliveries SET changed_at = changed_at - interval '91 days' WHERE "
		"tenant_id = '%s';"
		"UPDATE sample_slots SET slot = slot - 40 * 86400 WHERE tenant_id = '%s';"
		"UPDATE sample_answers SET made_at = made_at - interval '32 days' WHERE tenant_id "
		"= "
		"'%s';"
		"INSERT INTO sample_news VALUES (gen_random_uuid(), 1, now() - interval '2 hours');"
		"RESET search_path",
		old.id, old.id, old.id, old.id);
	al_copy_start(&w, 0);
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		world_sql_reach(&w, 0,
				"SELECT count(*) FROM observability.%s WHERE tenant_id = '%s'",
				gone[i], old.id);
		assert_true(world_sql_int(&w,
					  "SELECT count(*) FROM observability.%s WHERE "
					  "tenant_id = '%s'",
					  gone[i], young.id) > 0);
	}
	world_sql_reach(&w, 0,
			"SELECT count(*) FROM observability.sample_news WHERE at < now() - "
			"interval '1 hour'");
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
		cmocka_unit_test_setup(test_changing_a_rule, fresh),
		cmocka_unit_test_setup(test_bad_rules, fresh),
		cmocka_unit_test_setup(test_limits, fresh),
		cmocka_unit_test_setup(test_tenants_apart, fresh),
		cmocka_unit_test_setup(test_pages, fresh),
		cmocka_unit_test_setup(test_old_things_go, fresh),
	};
	int failed;

	al_start(&w);
	failed = cmocka_run_group_tests_name("rules in people's hands", tests, NULL, NULL);
	al_stop(&w);
	return failed;
}
