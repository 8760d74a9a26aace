/* See audit.h. */
#include "audit.h"

#include "contract/auth_events.h"
#include "core/timeutil.h"
#include "store.h"
#include "svc/outbox.h"

#include <string.h>

/* Neither event nor row holds more than ids, so both may be read by whoever reads the tenant's
 * events. */
static enum status emit(struct call *call, struct db_tx *tx, const struct audit *a, int64_t at_us)
{
	const struct event_origin origin = { a->tenant_id, a->actor, call->traceparent };
	Pulsepoint__Timestamp at = PULSEPOINT__TIMESTAMP__INIT;
	Auth__V1__AuditRecorded m = AUTH__V1__AUDIT_RECORDED__INIT;

	at.micros = at_us;
	m.actor = (char *)a->actor;
	m.act = (char *)a->act;
	m.target = (char *)a->target;
	m.at = &at;
	return emit_auth_audit_recorded(tx, &origin, &m, call->err);
}

enum status audit_put(struct call *call, struct db_tx *tx, const struct audit *a)
{
	const struct audit_row row = { a->tenant_id, a->actor, a->act,
				       a->target,    a->note,  time_now_us() };
	enum status st = store_audit_add(call, tx, &row);

	if (st != ST_OK || strcmp(a->tenant_id, PLATFORM_TENANT) == 0)
		return st;
	return emit(call, tx, a, row.at);
}

enum status audit_alone(struct call *call, const struct audit *a)
{
	AUTO_TX *tx = store_tx_for(call, a->tenant_id);
	enum status st;

	if (!tx)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	st = audit_put(call, tx, a);
	return st == ST_OK ? call_run(call, tx) : st;
}
