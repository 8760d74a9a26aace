/*
 * Rules as people make and change them. A rule that is made or changed is looked at in the same
 * transaction, so the answer tells its condition, and an alert that no longer holds is resolved
 * with the change. Read next: rule.h, evaluate.c.
 */
#include "alert.h"
#include "alert_message.h"
#include "core/id.h"
#include "core/timeutil.h"
#include "store_rules.h"

static enum status commit(struct call *call, struct db_tx *tx, size_t n_changes)
{
	enum status st = db_commit(tx, call->err);

	if (st == ST_OK && n_changes > 0)
		alerts_changed(call->app);
	return st;
}

/* ---- list ---- */

enum status handle_list_alert_rules(struct call *call,
				    const Observability__V1__ListAlertRulesRequest *in,
				    Observability__V1__ListAlertRulesReply *out)
{
	AUTO_TX *tx = NULL;
	struct tenant_tx t;
	struct rule *rules = NULL;
	Observability__V1__AlertRule *answers;
	size_t n = 0;
	enum status st = tenant_begin(call, &tx, &t);

	(void)in;
	if (st == ST_OK)
		st = store_rules(&t, &rules, &n);
	if (st != ST_OK)
		return st;
	answers = arena_array(call->arena, n + 1, sizeof(*answers));
	out->rules = arena_array(call->arena, n + 1, sizeof(*out->rules));
	if (!answers || !out->rules)
		return tenant_no_memory(&t);
	for (size_t i = 0; i < n; i++) {
		observability__v1__alert_rule__init(&answers[i]);
		message_rule(call->arena, &rules[i], &answers[i]);
		out->rules[i] = &answers[i];
	}
	out->n_rules = n;
	return ST_OK;
}

/* ---- make ---- */

static enum status read_new(struct call *call, const Observability__V1__CreateAlertRuleRequest *in,
			    struct rule *r)
{
	const Pulsepoint__Decimal *recovery =
		in->recovery_threshold ? in->recovery_threshold : in->threshold;
	enum metric m = (enum metric)in->metric;
	enum status st;

	*r = (struct rule){ .rule_id = arena_alloc(call->arena, UUID_TEXT),
			    .name = in->name,
			    .metric = m,
			    .comparison = (enum comparison)in->comparison,
			    .window_s = in->window_seconds,
			    .for_s = in->for_seconds,
			    .min_samples = in->min_samples,
			    .severity = (enum severity)in->severity,
			    .enabled = true,
			    .condition = CONDITION_NO_DATA,
			    .created_us = time_now_us() };
	if (!r->rule_id)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	uuid_v7((char *)r->rule_id);
	r->updated_us = r->created_us;
	st = rule_figure(m, in->threshold->units, in->threshold->scale, "threshold", &r->threshold,
			 call->err);
	if (st == ST_OK)
		st = rule_figure(m, recovery->units, recovery->scale, "recovery_threshold",
				 &r->recovery, call->err);
	return st == ST_OK ? rule_check(r, call->err) : st;
}

static enum status check_count(const struct tenant_tx *t)
{
	int64_t n = 0;
	enum status st = store_rules_count(t, &n);

	if (st == ST_OK && n >= RULES_MAX)
		return error_set(t->err, ST_CONFLICT, NULL,
				 "the tenant has %d rules, which is the most", RULES_MAX);
	return st;
}

enum status handle_create_alert_rule(struct call *call,
				     const Observability__V1__CreateAlertRuleRequest *in,
				     Observability__V1__AlertRule *out)
{
	const struct event_origin origin = call_origin(call);
	AUTO_TX *tx = NULL;
	struct tenant_tx t;
	struct rule r;
	bool locked = false;
	int64_t seq = 0;
	size_t n_changes = 0;
	enum status st = read_new(call, in, &r);

	if (st == ST_OK)
		st = tenant_begin(call, &tx, &t);
	if (st == ST_OK)
		st = store_tenant_lock(&t, true, &locked, &seq);
	if (st == ST_OK)
		st = check_count(&t);
	if (st == ST_OK)
		st = store_rule_add(&t, &r);
	if (st == ST_OK)
		st = evaluate_rules(&t, &origin, &r, 1, seq, true, &n_changes);
	if (st != ST_OK)
		return st;
	message_rule(call->arena, &r, out);
	st = call_seal(call, tx, &out->base);
	return st == ST_OK ? commit(call, tx, n_changes) : st;
}

/* ---- change ---- */

static enum status read_figures(struct call *call,
				const Observability__V1__UpdateAlertRuleRequest *in, struct rule *r)
{
	/* A rule made without a recovery threshold goes on without one. */
	bool follows = r->recovery == r->threshold && !in->recovery_threshold;
	enum status st = ST_OK;

	if (in->threshold)
		st = rule_figure(r->metric, in->threshold->units, in->threshold->scale, "threshold",
				 &r->threshold, call->err);
	if (st == ST_OK && in->recovery_threshold)
		st = rule_figure(r->metric, in->recovery_threshold->units,
				 in->recovery_threshold->scale, "recovery_threshold", &r->recovery,
				 call->err);
	if (follows)
		r->recovery = r->threshold;
	return st;
}

/* What is given, over what is there. */
static enum status read_change(struct call *call,
			       const Observability__V1__UpdateAlertRuleRequest *in, struct rule *r)
{
	enum status st;

	if (in->name_given_case)
		r->name = in->name;
	if (in->comparison)
		r->comparison = (enum comparison)in->comparison;
	if (in->window_given_case)
		r->window_s = in->window_seconds;
	if (in->for_given_case)
		r->for_s = in->for_seconds;
	if (in->samples_given_case)
		r->min_samples = in->min_samples;
	if (in->severity)
		r->severity = (enum severity)in->severity;
	if (in->state)
		r->enabled = in->state == OBSERVABILITY__V1__RULE_STATE__RULE_STATE_ENABLED;
	st = read_figures(call, in, r);
	return st == ST_OK ? rule_check(r, call->err) : st;
}

/* It looks at something else now, or fires at something else. */
static bool sees_other(const struct rule *a, const struct rule *b)
{
	return a->comparison != b->comparison || a->threshold != b->threshold ||
	       a->recovery != b->recovery || a->window_s != b->window_s || a->for_s != b->for_s ||
	       a->min_samples != b->min_samples || a->enabled != b->enabled;
}

static enum status change(struct call *call, const struct tenant_tx *t, const struct rule *before,
			  struct rule *r, int64_t seq, size_t *n_changes)
{
	const struct event_origin origin = call_origin(call);
	enum status st;

	r->updated_us = time_now_us();
	st = store_rule_change(t, r);
	if (st != ST_OK || !sees_other(before, r))
		return st;
	if (r->enabled)
		return evaluate_rules(t, &origin, r, 1, seq, true, n_changes);
	return before->enabled ? evaluate_disabled(t, &origin, r, seq, n_changes) : ST_OK;
}

enum status handle_update_alert_rule(struct call *call,
				     const Observability__V1__UpdateAlertRuleRequest *in,
				     Observability__V1__AlertRule *out)
{
	AUTO_TX *tx = NULL;
	struct tenant_tx t;
	struct rule r, before;
	bool locked = false;
	int64_t seq = 0;
	size_t n_changes = 0;
	enum status st = tenant_begin(call, &tx, &t);

	if (st == ST_OK)
		st = store_tenant_lock(&t, true, &locked, &seq);
	if (st == ST_OK)
		st = store_rule(&t, in->rule_id, &r);
	if (st != ST_OK)
		return st;
	before = r;
	st = read_change(call, in, &r);
	if (st == ST_OK)
		st = change(call, &t, &before, &r, seq, &n_changes);
	if (st == ST_OK)
		st = commit(call, tx, n_changes);
	if (st == ST_OK)
		message_rule(call->arena, &r, out);
	return st;
}
