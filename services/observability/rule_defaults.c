/* The rules that every tenant begins with; whoever wants others changes them. See rule.c. */
#include "alert.h"
#include "core/id.h"
#include "core/timeutil.h"
#include "samples.h"

static enum status add_defaults(const struct tenant_tx *t)
{
	int64_t now_us = time_now_us();
	enum status st = ST_OK;

	for (int i = 0; st == ST_OK && i < RULE_DEFAULTS; i++) {
		struct rule r = rule_default(i);
		char id[UUID_TEXT];

		uuid_v7(id);
		r.rule_id = id;
		r.created_us = now_us;
		r.due_us = now_us; /* samples may be there already */
		st = store_rule_add(t, &r);
	}
	return st;
}

static enum status make_defaults(struct db_tx *tx, struct arena *a, const char *tenant_id,
				 struct error *err)
{
	const struct tenant_tx t = { tx, a, err, tenant_id };
	bool locked = false, first = false;
	int64_t seq;
	enum status st = store_tenant_lock(&t, true, &locked, &seq);

	if (st == ST_OK)
		st = store_tenant_defaults(&t, &first);
	return st == ST_OK && first ? add_defaults(&t) : st;
}

enum status consume_tenant(struct event_batch *batch, const Auth__V1__TenantChanged *const *in,
			   size_t n)
{
	(void)in; /* that the tenant is there is all that matters */
	(void)n;
	db_after_commit(batch->tx, alerts_wake, batch->app);
	return make_defaults(batch->tx, batch->arena, batch->tenant_id, batch->err);
}
