// expect: incompatible(-function)?-pointer-types
/* An emitter is given another event's message. */
#include "contract/auth_events.h"

enum status tell(struct db_tx *tx, const struct event_origin *origin, struct error *err);
enum status tell(struct db_tx *tx, const struct event_origin *origin, struct error *err)
{
#ifdef WRONG
	Auth__V1__UserChanged m = AUTH__V1__USER_CHANGED__INIT;
#else
	Auth__V1__TenantChanged m = AUTH__V1__TENANT_CHANGED__INIT;
#endif
	return emit_auth_tenant_changed(tx, origin, &m, err);
}
