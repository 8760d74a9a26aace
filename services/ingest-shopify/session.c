/* See session.h. */
#include "session.h"

#include "core/log.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PURPOSE        "shopify-token"
#define RENEW_EARLY_S  60
#define RENEW_ARENA    ((size_t)1024 * 1024)
#define THROTTLED_MAX  30            /* answers of one question in a row; then it is a failure */
#define THROTTLED_US   US_PER_SECOND /* waited for when the answer tells no budget */
#define BUDGET_NOTE    "waiting for Shopify's query budget"
#define BUDGET_RETRY_S 5
#define CONNECT_AGAIN  "Shopify refuses our credentials; connect the shop again"

_Static_assert(QUERY_N <= QUERIES_MAX, "a cost for each question");

enum status tokens_seal(struct shopify *app, struct arena *a, const struct tokens *t,
			struct sealed_tokens *ret, struct error *err)
{
	const struct seal_ring *ring = svc_seal_ring(app->engine.svc);

	ret->access = seal_put(ring, a, PURPOSE, t->access, strlen(t->access));
	ret->refresh = seal_put(ring, a, PURPOSE, t->refresh, strlen(t->refresh));
	return ret->access && ret->refresh ? ST_OK
					   : error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
}

static bool open_token(struct shopify *app, struct arena *a, const char *sealed,
		       char out[TOKEN_MAX])
{
	char *text = seal_get(svc_seal_ring(app->engine.svc), a, PURPOSE, sealed, NULL);
	bool ok = text && text_copy(out, TOKEN_MAX, text) == ST_OK;

	if (text)
		sodium_memzero(text, strlen(text));
	return ok;
}

static enum status tokens_open(struct shopify *app, struct arena *a, const struct connection *c,
			       struct tokens *ret, struct error *err)
{
	*ret = (struct tokens){ .expires_at = c->access_expires_at };
	if (open_token(app, a, c->access_sealed, ret->access) &&
	    open_token(app, a, c->refresh_sealed, ret->refresh))
		return ST_OK;
	return error_set(err, ST_UNAUTHENTICATED, NULL,
			 "the kept credentials cannot be opened; connect the shop again");
}

void session_start(struct session *s, const struct tokens *t)
{
	s->tokens = *t;
	s->renew_at = t->lives_s > 2 * RENEW_EARLY_S || t->lives_s == 0
			      ? t->expires_at - RENEW_EARLY_S * US_PER_SECOND
			      : 0;
}

void session_done(struct session *s)
{
	sodium_memzero(s, sizeof(*s));
}

enum status session_open(struct session *s, struct shopify *app, const struct run *run,
			 struct arena *a, struct error *err)
{
	const struct db_scope scope = { run->tenant_id, run->brand_id };
	struct tokens t = { 0 };
	AUTO_TX *tx = db_tx_new(svc_db(app->engine.svc), &scope);
	enum status st = ST_UNAVAILABLE;

	*s = (struct session){ .run = run };
	if (tx)
		st = store_connection(tx, a, run->brand_id, 0, &s->connection, err);
	if (st == ST_OK && strcmp(s->connection.state, "connected") != 0)
		st = error_set(err, ST_UNAUTHENTICATED, NULL, CONNECT_AGAIN);
	if (st == ST_OK)
		st = client_init(&s->client, app, s->connection.shop.domain, err);
	if (st == ST_OK)
		st = tokens_open(app, a, &s->connection, &t, err);
	if (st == ST_OK)
		session_start(s, &t);
	s->client.cancel = runs_cancelled(run);
	sodium_memzero(&t, sizeof(t));
	return st;
}

/* ---- renewing ---- */

/* With the connection's row locked: takes what another process renewed meanwhile, or renews. */
static enum status renew_locked(struct session *s, struct arena *a, struct db_tx *tx,
				struct tokens *t, struct error *err)
{
	struct shopify *app = s->client.app;
	struct sealed_tokens sealed;
	struct connection c;
	enum status st = store_lock_connection(tx, a, s->run->brand_id, &c, err);

	if (st == ST_OK)
		st = tokens_open(app, a, &c, t, err);
	if (st != ST_OK || strcmp(t->access, s->tokens.access) != 0)
		return st;
	st = client_tokens(&s->client, a, NULL, t->refresh, t, err);
	if (st == ST_OK)
		st = tokens_seal(app, a, t, &sealed, err);
	if (st == ST_OK)
		st = store_put_tokens(tx, a, s->run->brand_id, sealed.access, sealed.refresh,
				      t->expires_at, err);
	return st;
}

/*
 * One process renews a shop's tokens at a time: the refresh token is good once. Both tokens are
 * written together; if that fails, Shopify still takes the old refresh token for a while.
 */
static enum status renew(struct session *s, struct error *err)
{
	const struct db_scope scope = { s->run->tenant_id, s->run->brand_id };
	struct arena *a = arena_new(RENEW_ARENA);
	struct tokens t = { 0 };
	AUTO_TX *tx = NULL;
	enum status st = a ? db_begin(&tx, svc_db(s->client.app->engine.svc), &scope, 0, err)
			   : error_set(err, ST_UNAVAILABLE, NULL, "memory is out");

	if (st == ST_OK)
		st = renew_locked(s, a, tx, &t, err);
	if (st == ST_OK)
		st = db_commit(tx, err);
	if (st == ST_OK) {
		session_start(s, &t);
		log_event(LOG_INFO, "shopify.token_renewed", "run %s", s->run->run_id);
	}
	sodium_memzero(&t, sizeof(t));
	arena_free(a);
	return st;
}

/* ---- asking ---- */

static enum status wait_budget(struct session *s, int64_t us, struct error *err)
{
	if (us <= 0)
		return ST_OK;
	if (s->run)
		return runs_wait(s->run, us, BUDGET_NOTE);
	error_set(err, ST_LIMITED, NULL, "Shopify's query budget for this shop is used up");
	if (err)
		err->retry_after_s = BUDGET_RETRY_S;
	return ST_LIMITED;
}

/* One question to the endpoint; a refused token is renewed and the question repeated, once. */
static enum status ask_once(struct session *s, struct arena *a, const struct buf *body,
			    cJSON **tree, struct error *err)
{
	bool refused = false;
	enum status st = ST_OK;

	if (s->run && s->renew_at > 0 && client_now(&s->client) > s->renew_at)
		st = renew(s, err);
	if (st == ST_OK)
		st = client_graphql(&s->client, a, s->tokens.access, body, tree, &refused, err);
	if (!refused || !s->run)
		return st;
	st = renew(s, err);
	return st == ST_OK
		       ? client_graphql(&s->client, a, s->tokens.access, body, tree, &refused, err)
		       : st;
}

/* How long to wait after THROTTLED: what is missing, and never nothing. */
static int64_t throttled_wait(const struct session *s, const struct query_cost *cost)
{
	int64_t us = cost->known ? pace_wait(&s->pace, cost->requested, time_mono_us()) : 0;

	return us > 0 ? us : THROTTLED_US;
}

static enum status ask_paced(struct session *s, struct arena *a, enum query q,
			     const struct buf *body, enum answer_kind *kind, cJSON **tree,
			     struct error *err)
{
	_Atomic int64_t *cost_of = &s->client.app->cost[q];

	for (int tries = 0; tries < THROTTLED_MAX; tries++) {
		struct query_cost cost;
		enum status st = wait_budget(
			s, pace_wait(&s->pace, atomic_load(cost_of), time_mono_us()), err);

		if (st == ST_OK)
			st = ask_once(s, a, body, tree, err);
		if (st != ST_OK)
			return st;
		st = answer_judge(*tree, kind, &cost, err);
		pace_note(&s->pace, &cost, time_mono_us());
		if (cost.known)
			atomic_store(cost_of, cost.requested);
		if (st == ST_OK && *kind == ANSWER_DATA)
			return ST_OK;
		cJSON_Delete(*tree);
		*tree = NULL;
		if (st != ST_OK || *kind != ANSWER_THROTTLED)
			return st;
		st = wait_budget(s, throttled_wait(s, &cost), err);
		if (st != ST_OK)
			return st;
	}
	return error_set(err, ST_LIMITED, NULL, "Shopify throttles all we ask");
}

enum status session_ask(struct session *s, struct arena *a, enum query q,
			const struct query_args *args, enum answer_kind *kind, cJSON **tree,
			struct error *err)
{
	struct buf body;
	enum status st;

	*tree = NULL;
	buf_init(&body, QUERY_BODY_MAX);
	query_write(&body, q, args);
	st = ask_paced(s, a, q, &body, kind, tree, err);
	buf_done(&body);
	return st;
}
