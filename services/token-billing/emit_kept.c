/* Tells what the keeper has done: reservations that expired, limits that were reached. Read next:
 * keeper.c. */
#include "contract/token_billing_events.h"
#include "service.h"
#include "svc/outbox.h"

#include <string.h>

static struct event_origin own_origin(const char *tenant_id)
{
	return (struct event_origin){ tenant_id, "token-billing", NULL };
}

enum status emit_expired(struct db_tx *tx, struct arena *a, const char *tenant_id, int r,
			 struct error *err)
{
	struct event_origin origin = own_origin(tenant_id);
	enum status st = ST_OK;

	for (int i = 0; st == ST_OK && i < db_rows(tx, r); i++) {
		Billing__V1__ReservationExpired m = BILLING__V1__RESERVATION_EXPIRED__INIT;

		m.reservation_id = arena_strdup(a, db_str(tx, r, i, 0));
		m.brand_id = arena_strdup(a, db_str(tx, r, i, 1));
		m.model = arena_strdup(a, db_str(tx, r, i, 2));
		m.held_nano_usd = db_int(tx, r, i, 3);
		m.version = 1;
		st = emit_token_billing_reservation_expired(tx, &origin, &m, err);
	}
	return st;
}

enum status emit_crossed(struct db_tx *tx, struct arena *a, const char *tenant_id, int r,
			 struct error *err)
{
	struct event_origin origin = own_origin(tenant_id);
	enum status st = ST_OK;

	for (int i = 0; st == ST_OK && i < db_rows(tx, r); i++) {
		Billing__V1__BudgetCrossed m = BILLING__V1__BUDGET_CROSSED__INIT;
		const char *brand = db_str(tx, r, i, 0);

		m.brand_id = arena_strdup(a, strspn(brand, "0-") == strlen(brand) ? "" : brand);
		m.period = strcmp(db_str(tx, r, i, 1), "day") == 0
				   ? BILLING__V1__PERIOD__PERIOD_DAY
				   : BILLING__V1__PERIOD__PERIOD_MONTH;
		m.level = strcmp(db_str(tx, r, i, 2), "soft") == 0
				  ? BILLING__V1__BUDGET_LEVEL__BUDGET_LEVEL_SOFT
				  : BILLING__V1__BUDGET_LEVEL__BUDGET_LEVEL_HARD;
		m.limit_nano_usd = db_int(tx, r, i, 3);
		m.used_nano_usd = db_int(tx, r, i, 4);
		m.version = (uint64_t)db_int(tx, r, i, 5);
		st = emit_token_billing_budget_crossed(tx, &origin, &m, err);
	}
	return st;
}
