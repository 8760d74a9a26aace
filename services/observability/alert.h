/*
 * Alerts and their changes, and what runs them: the evaluator, the senders of webhooks, and the
 * watchers. Read next: alerts.c (threads), evaluate.c (a change in one transaction), notice.c (what
 * a webhook is told), deliver.c, watch.c.
 */
#ifndef OBSERVABILITY_ALERT_H
#define OBSERVABILITY_ALERT_H

#include "rule.h"
#include "service.h"
#include "store_rules.h"

#include "svc/outbox.h"

#define ALERTS_KEEP_DAYS     365 /* after they were resolved, with their changes */
#define DELIVERIES_KEEP_DAYS 90

struct alert {
	const char *alert_id, *rule_id, *rule; /* the rule's name when it fired */
	enum metric metric;
	enum severity severity;
	int64_t value, threshold; /* units of the metric's scale */
	const char *text;
	int64_t fired_seq, fired_us;
	int64_t resolved_us; /* 0: it stands */
	bool has_resolved_value;
	int64_t resolved_value;
	const char *resolved_text;
};

/* A change of an alert: fired or resolved. Its notice is made with it, once. */
struct alert_change {
	enum change change;
	int64_t seq; /* of the tenant's changes: 1, 2, 3 ... in the order of their commits */
	const char *notice_id;
	struct alert alert; /* as it is after the change */
	const char *body;   /* of the notice; notice.c */
};
/* When it happened. */
int64_t alert_change_at(const struct alert_change *c);

/* ---- evaluate.c ---- */

/*
 * Looks at the rules in the open transaction, which holds the tenant's lock, and writes what
 * follows: states, alerts, changes, events, deliveries. `seq` is the number of the latest change
 * before. `fresh`: see rule_step. `n_changes` counts.
 */
enum status evaluate_rules(const struct tenant_tx *t, const struct event_origin *origin,
			   struct rule *rules, size_t n, int64_t seq, bool fresh,
			   size_t *n_changes) MUST_USE;
/* The rule was disabled: resolves its alert. */
enum status evaluate_disabled(const struct tenant_tx *t, const struct event_origin *origin,
			      struct rule *rule, int64_t seq, size_t *n_changes) MUST_USE;
/* A tenant's turn, in a transaction of its own; nothing when another copy is at it. */
enum status evaluate_tenant(struct svc *svc, struct arena *a, const char *tenant_id,
			    size_t *n_changes, struct error *err) MUST_USE;

/* ---- alert_event.c ---- */

/* Notes the changes among the tenant's events. */
enum status alert_events(const struct tenant_tx *t, const struct event_origin *origin,
			 const struct alert_change *changes, size_t n) MUST_USE;

/* ---- rule_defaults.c ---- */

/* auth.tenant.changed: the tenant's default rules, made once. */
enum status consume_tenant(struct event_batch *batch, const Auth__V1__TenantChanged *const *in,
			   size_t n);
/* ---- alerts.c: for start and stop of svc_spec ---- */

enum status alerts_start(struct svc *svc, struct observability *app, struct error *err) MUST_USE;
void alerts_stop(struct observability *app);
/* After commit of a change of an alert: senders and watchers look at once. */
void alerts_changed(struct observability *app);

/* ---- handlers ---- */

enum status handle_list_alert_rules(struct call *call,
				    const Observability__V1__ListAlertRulesRequest *in,
				    Observability__V1__ListAlertRulesReply *out);
enum status handle_create_alert_rule(struct call *call,
				     const Observability__V1__CreateAlertRuleRequest *in,
				     Observability__V1__AlertRule *out);
enum status handle_update_alert_rule(struct call *call,
				     const Observability__V1__UpdateAlertRuleRequest *in,
				     Observability__V1__AlertRule *out);
enum status handle_list_alerts(struct call *call, const Observability__V1__ListAlertsRequest *in,
			       Observability__V1__ListAlertsReply *out);
enum status handle_watch_alerts(struct call *call, const Observability__V1__WatchAlertsRequest *in,
				struct call_stream *out);
enum status handle_list_alert_channels(struct call *call,
				       const Observability__V1__ListAlertChannelsRequest *in,
				       Observability__V1__ListAlertChannelsReply *out);
enum status handle_create_alert_channel(struct call *call,
					const Observability__V1__CreateAlertChannelRequest *in,
					Observability__V1__AlertChannel *out);
enum status handle_delete_alert_channel(struct call *call,
					const Observability__V1__AlertChannelRequest *in,
					Pulsepoint__Empty *out);
enum status handle_list_deliveries(struct call *call,
				   const Observability__V1__ListDeliveriesRequest *in,
				   Observability__V1__ListDeliveriesReply *out);

#endif
