/* See alert_message.h. The numbers of our enums are those of the contract. */
#include "alert_message.h"

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), "a number of the contract")
SAME(METRIC_ERRORS, OBSERVABILITY__V1__METRIC__METRIC_ERROR_RATE);
SAME(METRIC_P50, OBSERVABILITY__V1__METRIC__METRIC_LATENCY_P50);
SAME(METRIC_P95, OBSERVABILITY__V1__METRIC__METRIC_LATENCY_P95);
SAME(METRIC_P99, OBSERVABILITY__V1__METRIC__METRIC_LATENCY_P99);
SAME(METRIC_COST, OBSERVABILITY__V1__METRIC__METRIC_AI_COST);
SAME(METRIC_ACCURACY, OBSERVABILITY__V1__METRIC__METRIC_AI_ACCURACY);
SAME(COMPARE_ABOVE, OBSERVABILITY__V1__COMPARISON__COMPARISON_ABOVE);
SAME(COMPARE_BELOW, OBSERVABILITY__V1__COMPARISON__COMPARISON_BELOW);
SAME(SEVERITY_INFORM, OBSERVABILITY__V1__SEVERITY__SEVERITY_INFO);
SAME(SEVERITY_WARN, OBSERVABILITY__V1__SEVERITY__SEVERITY_WARNING);
SAME(SEVERITY_CRIT, OBSERVABILITY__V1__SEVERITY__SEVERITY_CRITICAL);
SAME(CONDITION_NO_DATA, OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_NO_DATA);
SAME(CONDITION_OK, OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_OK);
SAME(CONDITION_PENDING, OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_PENDING);
SAME(CONDITION_FIRING, OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_FIRING);
SAME(CHANGE_FIRED, OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_FIRING);
SAME(CHANGE_RESOLVED, OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_RESOLVED);

Pulsepoint__Decimal *message_figure(struct arena *a, enum metric m, int64_t units)
{
	Pulsepoint__Decimal *d = arena_alloc(a, sizeof(*d));
	unsigned scale = (unsigned)metric_scale(m);

	if (!d)
		return NULL;
	pulsepoint__decimal__init(d);
	rule_trim(&units, &scale);
	d->units = units;
	d->scale = scale;
	return d;
}

Pulsepoint__Timestamp *message_time(struct arena *a, int64_t us)
{
	Pulsepoint__Timestamp *t = us != 0 ? arena_alloc(a, sizeof(*t)) : NULL;

	if (t) {
		pulsepoint__timestamp__init(t);
		t->micros = us;
	}
	return t;
}

void message_rule(struct arena *a, const struct rule *r, Observability__V1__AlertRule *out)
{
	out->rule_id = (char *)r->rule_id;
	out->name = (char *)r->name;
	out->metric = (Observability__V1__Metric)r->metric;
	out->comparison = (Observability__V1__Comparison)r->comparison;
	out->threshold = message_figure(a, r->metric, r->threshold);
	out->recovery_threshold = message_figure(a, r->metric, r->recovery);
	out->window_seconds = (uint32_t)r->window_s;
	out->for_seconds = (uint32_t)r->for_s;
	out->min_samples = (uint32_t)r->min_samples;
	out->severity = (Observability__V1__Severity)r->severity;
	out->state = r->enabled ? OBSERVABILITY__V1__RULE_STATE__RULE_STATE_ENABLED
				: OBSERVABILITY__V1__RULE_STATE__RULE_STATE_DISABLED;
	out->condition = (Observability__V1__RuleCondition)r->condition;
	out->value = r->has_value ? message_figure(a, r->metric, r->value) : NULL;
	out->evaluated_at = message_time(a, r->evaluated_at_us);
	out->created_at = message_time(a, r->created_us);
	out->updated_at = message_time(a, r->updated_us);
}

void message_alert(struct arena *a, const struct alert *alert, enum change change,
		   Observability__V1__Alert *out)
{
	out->alert_id = (char *)alert->alert_id;
	out->rule_id = (char *)alert->rule_id;
	out->rule = (char *)alert->rule;
	out->metric = (Observability__V1__Metric)alert->metric;
	out->severity = (Observability__V1__Severity)alert->severity;
	out->state = OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_FIRING;
	out->value = message_figure(a, alert->metric, alert->value);
	out->threshold = message_figure(a, alert->metric, alert->threshold);
	out->text = (char *)alert->text;
	out->fired_at = message_time(a, alert->fired_us);
	if (change == CHANGE_FIRED || alert->resolved_us == 0)
		return;
	out->state = OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_RESOLVED;
	out->text = arena_printf(a, "%s; resolved: %s", alert->text, alert->resolved_text);
	out->resolved_at = message_time(a, alert->resolved_us);
	if (alert->has_resolved_value)
		out->resolved_value = message_figure(a, alert->metric, alert->resolved_value);
}

/* ---- events ---- */

/* What the events of both changes tell; their messages are two types with these fields alike. */
#define TELL_CHANGE(a, m, c)                                                      \
	do {                                                                      \
		(m)->notice_id = (char *)(c)->notice_id;                          \
		(m)->alert_id = (char *)(c)->alert.alert_id;                      \
		(m)->rule_id = (char *)(c)->alert.rule_id;                        \
		(m)->rule = (char *)(c)->alert.rule;                              \
		(m)->metric = (Observability__V1__Metric)(c)->alert.metric;       \
		(m)->severity = (Observability__V1__Severity)(c)->alert.severity; \
		(m)->at = message_time((a), alert_change_at(c));                  \
		(m)->version = (uint64_t)(c)->seq;                                \
	} while (0)

static enum status emit_fired(struct db_tx *tx, struct arena *a, const struct event_origin *origin,
			      const struct alert_change *c, struct error *err)
{
	Observability__V1__AlertFired m = OBSERVABILITY__V1__ALERT_FIRED__INIT;

	TELL_CHANGE(a, &m, c);
	m.value = message_figure(a, c->alert.metric, c->alert.value);
	m.threshold = message_figure(a, c->alert.metric, c->alert.threshold);
	m.text = (char *)c->alert.text;
	return emit_observability_alert_fired(tx, origin, &m, err);
}

static enum status emit_resolved(struct db_tx *tx, struct arena *a,
				 const struct event_origin *origin, const struct alert_change *c,
				 struct error *err)
{
	Observability__V1__AlertResolved m = OBSERVABILITY__V1__ALERT_RESOLVED__INIT;

	TELL_CHANGE(a, &m, c);
	if (c->alert.has_resolved_value)
		m.value = message_figure(a, c->alert.metric, c->alert.resolved_value);
	m.text = (char *)c->alert.resolved_text;
	return emit_observability_alert_resolved(tx, origin, &m, err);
}

enum status message_emit(struct db_tx *tx, struct arena *a, const struct event_origin *origin,
			 const struct alert_change *c, struct error *err)
{
	return c->change == CHANGE_FIRED ? emit_fired(tx, a, origin, c, err)
					 : emit_resolved(tx, a, origin, c, err);
}
