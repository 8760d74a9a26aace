/* Reserve, Settle and the grant for settling late, between plain values and the contract. */
#include "billing.h"
#include "contract/auth.h"
#include "contract/token_billing.h"
#include "handlers.h"

static Billing__V1__TokenCounts counts_of(const struct tokens *t)
{
	Billing__V1__TokenCounts counts = BILLING__V1__TOKEN_COUNTS__INIT;

	counts.input = (uint64_t)t->input;
	counts.cache_read = (uint64_t)t->cache_read;
	counts.cache_write_5m = (uint64_t)t->cache_write_5m;
	counts.cache_write_1h = (uint64_t)t->cache_write_1h;
	counts.output = (uint64_t)t->output;
	return counts;
}

enum status billing_reserve(struct call *call, const struct model_call *c,
			    const struct tokens *estimate)
{
	Billing__V1__ReserveRequest in = BILLING__V1__RESERVE_REQUEST__INIT;
	Billing__V1__TokenCounts counts = counts_of(estimate);
	Billing__V1__Reservation *out;

	in.reservation_id = text_of(c->reservation_id);
	in.brand_id = text_of(c->brand_id);
	in.model = text_of(c->model);
	in.question_id = text_of(c->question_id);
	in.user_id = text_of(c->user_id);
	in.estimate = &counts;
	return token_billing_reserve(call, &in, &out);
}

enum status billing_settle(struct call *call, const struct model_call *c, struct settlement *ret)
{
	Billing__V1__SettleRequest in = BILLING__V1__SETTLE_REQUEST__INIT;
	Billing__V1__TokenCounts counts = counts_of(&c->tokens);
	Pulsepoint__Timestamp at = PULSEPOINT__TIMESTAMP__INIT;
	Billing__V1__Settlement *out;
	enum status st;

	in.reservation_id = text_of(c->reservation_id);
	in.brand_id = text_of(c->brand_id);
	if (c->used) {
		at.micros = c->used_at;
		in.used = &counts;
		in.used_at = &at;
		in.model = text_of(c->model);
		in.provider_request_id = text_of(c->request_id ? c->request_id : "");
	}
	st = token_billing_settle(call, &in, &out);
	if (st == ST_OK)
		*ret = (struct settlement){ out->cost_nano_usd, out->unpriced };
	return st;
}

enum status billing_grant(struct call *call, const char *tenant_id, const char **ret)
{
	Auth__V1__GrantRequest in = AUTH__V1__GRANT_REQUEST__INIT;
	Auth__V1__GrantReply *out;
	enum status st;

	in.tenant_id = text_of(tenant_id);
	in.service = text_of("token-billing");
	in.reason = text_of("calls of the model that a dead process left unsettled");
	st = auth_grant(call, &in, &out);
	if (st == ST_OK)
		*ret = out->access_token;
	return st;
}
