/* A change of an alert among the tenant's events, where GET /api/admin/events shows it. */
#include "alert.h"
#include "event.h"

enum status alert_events(const struct tenant_tx *t, const struct event_origin *origin,
			 const struct alert_change *changes, size_t n)
{
	struct event_row *rows = arena_array(t->arena, n + 1, sizeof(*rows));

	if (!rows)
		return tenant_no_memory(t);
	for (size_t i = 0; i < n; i++) {
		const struct alert_change *c = &changes[i];
		bool fired = c->change == CHANGE_FIRED;

		rows[i] = (struct event_row){
			.tenant_id = t->tenant_id,
			.at_us = alert_change_at(c),
			.category = EVENT_ALERT,
			.service = "observability",
			.action = fired ? "alert.fired" : "alert.resolved",
			.user_id = origin->actor,
			.subject = c->alert.rule_id,
			.detail = fired ? c->alert.text : c->alert.resolved_text,
		};
		event_trace(&rows[i], t->arena, origin->traceparent);
		/* The span is that of what caused the change, which is an event of its own. */
		rows[i].parent_span_id = rows[i].span_id;
		rows[i].span_id = 0;
	}
	return store_events(t->tx, t->arena, rows, n, t->err);
}
