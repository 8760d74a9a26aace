/*
 * What the tests of token-billing share on top of shopify_fixture.h (the same servers and bus users
 * around another program): calls as ai-insights makes them, from any thread. Read next:
 * test_billing_*.c.
 */
#ifndef COMPONENT_BILLING_FIXTURE_H
#define COMPONENT_BILLING_FIXTURE_H

#include "component/shopify_fixture.h"
#include "contract/token_billing.h"

#define BL_MODEL  "claude-opus-5"     /* 5 USD input, 25 USD output a million tokens */
#define BL_NANO   INT64_C(5000000000) /* what BL_TOKENS of its input cost: 5 USD */
#define BL_TOKENS 1000000

struct bl_world {
	struct sx_world sx;
	struct bus *insights;
	int wait_ms; /* of a call as ai-insights; 0: as long as any (world_ask) */
};
void bl_start(struct bl_world *w);
void bl_stop(struct bl_world *w);

Billing__V1__TokenCounts bl_input(uint64_t n); /* n tokens of input, nothing else */

struct bl_reply {
	enum status status;
	char field[ERROR_FIELD_MAX], detail[ERROR_DETAIL_MAX];
	int64_t nano; /* held, or the cost */
	bool unpriced;
	char usage_id[UUID_TEXT];
	int retry_after_s; /* of a refusal; 0: none */
};
/* Reserves `input` tokens of the model; a new id goes to `id` when that is empty. Any thread. */
struct bl_reply bl_reserve(struct bl_world *w, const char *token, const char *brand,
			   const char *model, uint64_t input, char id[UUID_TEXT]);
/* `used` NULL: nothing was used; used_at 0: now. Any thread. */
struct bl_reply bl_settle(struct bl_world *w, const char *token, const char *brand, const char *id,
			  const Billing__V1__TokenCounts *used, int64_t used_at);
/* Calls of the admin's methods; in the world's arena. */
struct reply bl_admin(struct bl_world *w, const char *token, enum token_billing_method method,
		      const void *in);
/* Sets the hard budget of the tenant's day ("" brand) in nano-dollars; fails the test if it cannot.
 */
void bl_budget(struct bl_world *w, const struct sx_tenant *t, const char *brand, int64_t soft,
	       int64_t hard);
/* used and held of a budget's row are what ledger and reservations say. */
void bl_check_books(struct bl_world *w, const struct sx_tenant *t);
int64_t bl_events(struct bl_world *w, const struct sx_tenant *t, const char *what);

#endif
