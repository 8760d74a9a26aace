/* Rules and alerts as messages of the contract. Read next: alert_message.c. */
#ifndef OBSERVABILITY_ALERT_MESSAGE_H
#define OBSERVABILITY_ALERT_MESSAGE_H

#include "alert.h"

/* All in the arena; NULL when it is full. */
Pulsepoint__Decimal *message_figure(struct arena *a, enum metric m, int64_t units);
Pulsepoint__Timestamp *message_time(struct arena *a, int64_t us); /* NULL for 0 as well */
/* Fill an initialised message. Texts are those of the struct, not copied. */
void message_rule(struct arena *a, const struct rule *r, Observability__V1__AlertRule *out);
/* `change`: as the alert was right after it fired, or as it is. */
void message_alert(struct arena *a, const struct alert *alert, enum change change,
		   Observability__V1__Alert *out);
/* Emits the event of a change. */
enum status message_emit(struct db_tx *tx, struct arena *a, const struct event_origin *origin,
			 const struct alert_change *c, struct error *err) MUST_USE;

#endif
