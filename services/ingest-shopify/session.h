/*
 * Speaking for a brand: the client with the brand's tokens, renewed under a lock when they end, and
 * paced by what Shopify says of its budget. Lives as long as a run (sync.c) or a Connect call
 * (handlers.c).
 */
#ifndef SHOPIFY_SESSION_H
#define SHOPIFY_SESSION_H

#include "answer.h"
#include "client.h"
#include "pace.h"
#include "queries.h"
#include "store.h"

struct session {
	struct shop_client client;
	const struct run *run; /* NULL: a call, which does not wait */
	struct tokens tokens;
	int64_t renew_at; /* by the provider's clock; 0: when it refuses the token */
	struct pace pace;
	struct connection connection; /* texts in the arena given to session_open */
};

/*
 * From the row of the run's brand. ST_NOT_FOUND without a connection; ST_UNAUTHENTICATED when it is
 * in state reconnect, or its tokens do not open.
 */
enum status session_open(struct session *s, struct shopify *app, const struct run *run,
			 struct arena *a, struct error *err) MUST_USE;
/* With tokens just given; `run` stays NULL. */
void session_start(struct session *s, const struct tokens *t);
/* Wipes the tokens. */
void session_done(struct session *s);

/*
 * Asks until there is an answer to use: waits for the budget, renews the access token once when it
 * is refused. ANSWER_DATA comes with *tree, whose "data" holds the answer (cJSON_Delete it);
 * ANSWER_TOO_DEAR and ANSWER_BAD_CURSOR come with ST_OK and no tree. Statuses as client_graphql and
 * answer_judge; ST_LIMITED when the budget stays too low, ST_CANCELLED as runs_wait.
 */
enum status session_ask(struct session *s, struct arena *a, enum query q,
			const struct query_args *args, enum answer_kind *kind, cJSON **tree,
			struct error *err) MUST_USE;

/* Both tokens as text for the row; in the arena. ST_UNAVAILABLE when it is full. */
struct sealed_tokens {
	const char *access, *refresh;
};
enum status tokens_seal(struct shopify *app, struct arena *a, const struct tokens *t,
			struct sealed_tokens *ret, struct error *err) MUST_USE;

#endif
