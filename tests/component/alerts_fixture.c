/* See alerts_fixture.h. */
#include "component/alerts_fixture.h"

#include "contract/ai_insights_events.h"
#include "contract/auth_events.h"
#include "contract/token_billing_events.h"
#include "core/magic.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct tk_proc *copies[AL_COPIES]; /* NULL: not running */
static const char *private_hooks;

/* ---- the service ---- */

void al_copy_start(struct world *w, int i)
{
	struct tk_env env;

	world_env(w, "observability", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "1");
	tk_env_set(&env, "PP_WEBHOOK_PRIVATE", private_hooks);
	tk_env_set(&env, "PP_WEBHOOK_RETRY_CAP_MS", "300");
	copies[i] = world_program(w, "observability", &env);
}

void al_copy_stop(int i)
{
	world_program_stop(copies[i]);
	copies[i] = NULL;
}

void al_copy_kill(int i)
{
	tk_proc_kill(copies[i]);
	copies[i] = NULL;
}

bool al_copy_runs(int i)
{
	return copies[i] != NULL;
}

void al_private_hooks(const char *how)
{
	private_hooks = how;
}

void al_start(struct world *w)
{
	world_open(w);
	world_migrate(w, "observability");
	world_play_auth(w);
	hooks_start();
	al_private_hooks("allow");
	al_copy_start(w, 0);
}

void al_stop(struct world *w)
{
	for (int i = 0; i < AL_COPIES; i++)
		if (copies[i])
			al_copy_stop(i);
	hooks_stop();
	world_close(w);
}

void al_fresh(struct world *w)
{
	world_fresh(w);
	hooks_forget();
}
/* ---- causes ---- */

void al_tenant(struct world *w, struct al_tenant *t)
{
	Auth__V1__TenantChanged m = AUTH__V1__TENANT_CHANGED__INIT;

	uuid_v7(t->id);
	t->admin = world_token(w, t->id, ROLE_ADMIN, "");
	m.tenant_id = t->id;
	m.name = (char *)"A tenant";
	m.tier = AUTH__V1__TIER__TIER_UNLIMITED;
	m.state = AUTH__V1__TENANT_STATE__TENANT_STATE_ACTIVE;
	m.version = 1;
	world_publish(w, t->id, &auth_events[AUTH_EVENT_TENANT_CHANGED], &m, (struct sending){ 0 });
	world_sql_reach(w, AL_RULES,
			"SELECT count(*) FROM observability.alert_rules WHERE tenant_id = '%s'",
			t->id);
}

static void fill_row(Pulsepoint__RequestRow *r, const char *tenant, bool failed,
		     uint32_t duration_us)
{
	pulsepoint__request_row__init(r);
	r->duration_us = duration_us;
	r->started_at = time_now_us() - duration_us;
	r->tenant_id = (char *)tenant;
	r->method = (char *)"GET /api/brands";
	r->status = (char *)(failed ? "internal" : "ok");
	r->http_status = failed ? 500 : 200;
}

static void send_page(struct world *w, Pulsepoint__RequestRow **rows, size_t n)
{
	static char instance[UUID_TEXT];
	static uint64_t page, emitted;

	if (!*instance)
		uuid_v7(instance);
	emitted += n;
	tw_page(w, "api-edge", instance, ++page, emitted, 0, rows, n);
}

static void requests(struct world *w, const char *const *tenants, int n, int ok, int failed,
		     uint32_t duration_us)
{
	size_t total = (size_t)n * (size_t)(ok + failed), k = 0;
	Pulsepoint__RequestRow *list = arena_array(w->arena, total + 1, sizeof(*list));
	Pulsepoint__RequestRow **rows = arena_array(w->arena, total + 1, sizeof(*rows));

	INVARIANT(list && rows && total <= 1000);
	for (int t = 0; t < n; t++)
		for (int i = 0; i < ok + failed; i++, k++) {
			fill_row(&list[k], tenants[t], i >= ok, duration_us);
			rows[k] = &list[k];
		}
	send_page(w, rows, total);
}

void al_requests_of(struct world *w, const char *const *tenants, int n, int ok, int failed)
{
	requests(w, tenants, n, ok, failed, 1000);
}

void al_requests(struct world *w, const char *tenant, int ok, int failed, uint32_t duration_us)
{
	requests(w, &tenant, 1, ok, failed, duration_us);
}

void al_cost(struct world *w, const char *tenant, int64_t nano_usd)
{
	Billing__V1__UsageRecorded m = BILLING__V1__USAGE_RECORDED__INIT;
	Billing__V1__TokenCounts tokens = BILLING__V1__TOKEN_COUNTS__INIT;
	char id[UUID_TEXT], brand[UUID_TEXT], user[UUID_TEXT], question[UUID_TEXT];

	uuid_v7(id);
	uuid_v7(brand);
	uuid_v7(user);
	uuid_v7(question);
	m.usage_id = id;
	m.brand_id = brand;
	m.user_id = user;
	m.question_id = question;
	m.model = (char *)"claude-sonnet-5";
	m.tokens = &tokens;
	m.cost_nano_usd = nano_usd;
	m.version = 1;
	world_publish(w, tenant, &token_billing_events[TOKEN_BILLING_EVENT_USAGE_RECORDED], &m,
		      (struct sending){ 0 });
}

void al_answer(struct world *w, const char *tenant, char question[UUID_TEXT], bool traced)
{
	Insights__V1__AnswerGenerated m = INSIGHTS__V1__ANSWER_GENERATED__INIT;
	char brand[UUID_TEXT];

	if (!*question)
		uuid_v7(question);
	uuid_v7(brand);
	m.question_id = question;
	m.brand_id = brand;
	m.model = (char *)"claude-sonnet-5";
	m.evidence = 3;
	m.untraced = traced ? 0 : 1;
	m.attempts = 1;
	m.version = 1;
	world_publish(w, tenant, &ai_insights_events[AI_INSIGHTS_EVENT_ANSWER_GENERATED], &m,
		      (struct sending){ 0 });
}

void al_feedback(struct world *w, const char *tenant, const char *question, const char *user,
		 unsigned rating, uint64_t version)
{
	Insights__V1__FeedbackGiven m = INSIGHTS__V1__FEEDBACK_GIVEN__INIT;
	char brand[UUID_TEXT];

	uuid_v7(brand);
	m.question_id = (char *)question;
	m.brand_id = brand;
	m.rating = rating;
	m.version = version;
	world_publish(w, tenant, &ai_insights_events[AI_INSIGHTS_EVENT_FEEDBACK_GIVEN], &m,
		      (struct sending){ .actor = user });
}

/* ---- calls ---- */

struct reply al_call(struct world *w, const char *token, const char *key,
		     enum observability_method method, const void *in)
{
	return world_ask(w->edge, w->arena, (struct caller){ .token = token, .key = key },
			 &observability_methods[method], in);
}

const Observability__V1__AlertRule *al_rule(struct world *w, const struct al_tenant *t,
					    const char *name)
{
	const Observability__V1__ListAlertRulesRequest in =
		OBSERVABILITY__V1__LIST_ALERT_RULES_REQUEST__INIT;
	const Observability__V1__ListAlertRulesReply *list =
		tw_must(w, t->admin, OBSERVABILITY_LIST_ALERT_RULES, &in);

	for (size_t i = 0; i < list->n_rules; i++)
		if (strcmp(list->rules[i]->name, name) == 0)
			return list->rules[i];
	fail_msg("no rule \"%s\"", name);
	return NULL;
}

const Observability__V1__ListAlertsReply *al_alerts(struct world *w, const struct al_tenant *t)
{
	Observability__V1__ListAlertsRequest in = OBSERVABILITY__V1__LIST_ALERTS_REQUEST__INIT;

	in.page_size = 100;
	return tw_must(w, world_token(w, t->id, ROLE_VIEWER, ""), OBSERVABILITY_LIST_ALERTS, &in);
}

void al_assert_decimal(const Pulsepoint__Decimal *d, int64_t units, uint32_t scale)
{
	assert_non_null(d);
	assert_int_equal(d->units, units);
	assert_int_equal(d->scale, scale);
}

void al_until(struct world *w, const struct al_tenant *t, const char *name,
	      Observability__V1__RuleCondition condition)
{
	world_sql_reach(
		w, (int64_t)condition,
		"SELECT condition FROM observability.alert_rules WHERE tenant_id = '%s' AND "
		"name = '%s'",
		t->id, name);
}

const char *al_error_rule(struct world *w, const struct al_tenant *t, const char *name, int percent,
			  int recovery, uint32_t for_s)
{
	Observability__V1__CreateAlertRuleRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_RULE_REQUEST__INIT;
	Pulsepoint__Decimal over = PULSEPOINT__DECIMAL__INIT, back = PULSEPOINT__DECIMAL__INIT;
	const Observability__V1__AlertRule *r;

	over.units = percent;
	back.units = recovery;
	in.name = (char *)name;
	in.metric = OBSERVABILITY__V1__METRIC__METRIC_ERROR_RATE;
	in.comparison = OBSERVABILITY__V1__COMPARISON__COMPARISON_ABOVE;
	in.threshold = &over;
	in.recovery_threshold = &back;
	in.window_seconds = 3600;
	in.for_seconds = for_s;
	in.min_samples = 1;
	in.severity = OBSERVABILITY__V1__SEVERITY__SEVERITY_WARNING;
	r = tw_must(w, t->admin, OBSERVABILITY_CREATE_ALERT_RULE, &in);
	return r->rule_id;
}

void al_tenant_with_rule(struct world *w, struct al_tenant *t)
{
	al_tenant(w, t);
	al_error_rule(w, t, AL_HALF, 50, 50, 0);
}

void al_fire(struct world *w, const struct al_tenant *t)
{
	al_requests(w, t->id, 0, 1, 1000);
	al_until(w, t, AL_HALF, OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_FIRING);
}

void al_resolve(struct world *w, const struct al_tenant *t)
{
	al_requests(w, t->id, 1, 0, 1000);
	al_until(w, t, AL_HALF, OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_OK);
}

const Observability__V1__AlertChannel *al_channel(struct world *w, const struct al_tenant *t,
						  const char *name)
{
	Observability__V1__CreateAlertChannelRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_CHANNEL_REQUEST__INIT;

	in.name = (char *)name;
	in.kind = OBSERVABILITY__V1__CHANNEL_KIND__CHANNEL_KIND_WEBHOOK;
	in.url = (char *)arena_printf(w->arena, "%s/%s", hooks_url(), name);
	in.min_severity = OBSERVABILITY__V1__SEVERITY__SEVERITY_INFO;
	return tw_must(w, t->admin, OBSERVABILITY_CREATE_ALERT_CHANNEL, &in);
}

/* ---- what must hold ---- */

#define OF_TENANT "('%s' = '' OR tenant_id::text = '%s')"

int64_t al_check_changes(struct world *w, const char *tenant)
{
	int64_t changes = world_sql_int(
		w,
		"SELECT count(*) + count(resolved_at) FROM observability.alerts WHERE " OF_TENANT,
		tenant, tenant);

	/* Each change is numbered without gaps, has its own notice and its event. */
	assert_int_equal(world_sql_int(w,
				       "SELECT count(*) FROM observability.alert_changes "
				       "WHERE " OF_TENANT,
				       tenant, tenant),
			 changes);
	assert_int_equal(world_sql_int(w,
				       "SELECT count(DISTINCT notice_id) FROM "
				       "observability.alert_changes WHERE " OF_TENANT,
				       tenant, tenant),
			 changes);
	assert_int_equal(world_sql_int(w,
				       "SELECT count(*) FROM (SELECT tenant_id, seq - row_number() "
				       "OVER (PARTITION BY tenant_id ORDER BY seq) AS gap FROM "
				       "observability.alert_changes) x WHERE gap <> 0"),
			 0);
	assert_int_equal(
		world_sql_int(w,
			      "SELECT count(*) FROM observability.events WHERE category = 6 "
			      "AND " OF_TENANT,
			      tenant, tenant),
		changes);
	/* Fired, resolved, fired ... for each rule. */
	assert_int_equal(
		world_sql_int(
			w, "SELECT count(*) FROM (SELECT c.change, lag(c.change) OVER (PARTITION "
			   "BY a.rule_id ORDER BY c.seq) AS before FROM "
			   "observability.alert_changes c JOIN observability.alerts a USING "
			   "(alert_id)) x WHERE change = coalesce(before, 2)"),
		0);
	/* The events of the contract are the same notices. */
	assert_int_equal(
		world_sql_int(w,
			      "SELECT count(*) FROM observability.outbox WHERE subject LIKE "
			      "'pp.alert.%%' AND " OF_TENANT,
			      tenant, tenant),
		changes);
	return changes;
}

void al_delivered(struct world *w, const char *tenant)
{
	world_sql_reach(w, 0,
			"SELECT count(*) FROM observability.alert_deliveries WHERE state = 1 "
			"AND " OF_TENANT,
			tenant, tenant);
}
