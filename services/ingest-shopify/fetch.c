/*
 * One page of a run: variants, then orders whose journey was not ready last time, then orders by
 * the time of their last change. Lists inside an order that do not fit its page are followed to
 * their end within the same fetch. See docs/internals/ingest.md for what the engine does with it.
 */
#include "fetch.h"

#include "order.h"

#include "core/log.h"
#include "core/timeutil.h"

#include <string.h>

#define OVERLAP_US        (5 * US_PER_MINUTE) /* Shopify's search lags behind its writes */
#define CURSOR_ORDERS_MAX 20000 /* Shopify pages through 25,000 objects of a query at most */
#define FETCH_MEMORY_MAX  ((size_t)20 * 1024 * 1024) /* storing takes as much again and more */
#define PARTS_MAX         100                        /* of one list in one order */
#define SHRINK_MAX        6
#define VARIANTS_FACTOR   (VARIANTS_PER_PAGE / ORDERS_PER_PAGE)

/* A fetch on its way. */
struct step {
	struct run_page *page;
	struct sync *sync;
	struct checkpoint at;
	struct fetched *out;
	int size;    /* orders to ask for now */
	bool shrink; /* what came is too much: ask for less in a step of its own */
};

static enum status ask(struct step *s, enum query q, const struct query_args *args,
		       enum answer_kind *kind, cJSON **tree, struct error *err)
{
	arena_reset(s->sync->scratch);
	return session_ask(&s->sync->session, s->sync->scratch, q, args, kind, tree, err);
}

static const cJSON *data_of(const cJSON *tree)
{
	return cJSON_GetObjectItemCaseSensitive(tree, "data");
}

/*
 * Answers to a page's question that are not data. Too dear: the next step asks for half. A cursor
 * that is no good any more (a run resumed after days): the phase begins again, and what is stored
 * already is found unchanged.
 */
static enum status not_data(struct step *s, enum answer_kind kind, struct error *err)
{
	if (kind == ANSWER_TOO_DEAR && s->size == 1)
		return error_set(err, ST_INTERNAL, NULL,
				 "Shopify finds even the smallest page too dear");
	if (kind == ANSWER_TOO_DEAR) {
		s->shrink = true;
		return ST_OK;
	}
	if (kind != ANSWER_BAD_CURSOR || !s->at.cursor)
		return error_set(err, ST_UPSTREAM, NULL, "Shopify refuses a page without reason");
	log_event(LOG_WARN, "shopify.cursor_lost", "run %s: the phase begins again",
		  s->page->run->run_id);
	s->at.cursor = NULL;
	s->at.asked = 0;
	s->page->skipped = true;
	return ST_OK;
}

static enum status moved(const struct step *s, const char *next, struct error *err)
{
	if (next && s->at.cursor && strcmp(next, s->at.cursor) == 0)
		return error_set(err, ST_UPSTREAM, NULL,
				 "Shopify sent a page that ends where it began");
	return ST_OK;
}

/* ---- the beginning ---- */

static enum status begin(struct step *s, struct error *err)
{
	const struct run *run = s->page->run;
	int64_t since = run->full ? 0 : s->sync->session.connection.orders_since;
	struct shop_counts counts = { 0 };
	struct query_args args = { 0 };
	enum answer_kind kind;
	cJSON *tree;
	enum status st;

	s->at = (struct checkpoint){ .phase = PHASE_PRODUCTS, .size = ORDERS_PER_PAGE };
	s->at.since = since > OVERLAP_US ? since - OVERLAP_US : 0;
	s->at.from = s->at.since;
	args.query = s->at.since ? query_since(s->page->arena, s->at.since) : NULL;
	st = ask(s, QUERY_COUNTS, &args, &kind, &tree, err);
	if (st != ST_OK)
		return st;
	if (kind == ANSWER_DATA)
		st = page_counts(data_of(tree), s->page->arena, &counts, err);
	cJSON_Delete(tree);
	s->at.expected = counts.variants + counts.orders;
	/* Before anything is read: what changes from now on is the next run's. */
	s->at.clock = s->sync->session.client.date_us;
	return st;
}

/* ---- products ---- */

static void end_products(struct step *s)
{
	/* All orders come anyway when nothing limits them. */
	s->at.phase = s->at.since ? PHASE_UNREADY : PHASE_ORDERS;
	s->at.cursor = NULL;
}

static enum status fetch_variants(struct step *s, struct error *err)
{
	const struct query_args args = { .first = s->size * VARIANTS_FACTOR,
					 .after = s->at.cursor };
	const char *currency = s->sync->session.connection.shop.currency;
	enum answer_kind kind;
	cJSON *tree;
	enum status st = ask(s, QUERY_VARIANTS, &args, &kind, &tree, err);

	if (st != ST_OK || kind != ANSWER_DATA)
		return st == ST_OK ? not_data(s, kind, err) : st;
	st = page_variants(data_of(tree), s->page->arena, currency, &s->out->variants, err);
	cJSON_Delete(tree);
	if (st == ST_OK)
		st = moved(s, s->out->variants.next, err);
	if (st != ST_OK)
		return st;
	s->at.done += (int64_t)s->out->variants.n;
	s->at.cursor = s->out->variants.next;
	if (!s->at.cursor)
		end_products(s);
	return ST_OK;
}

/* ---- what does not fit an order's page ---- */

typedef enum status page_more_fn(const cJSON *data, struct arena *a, struct order *o,
				 struct error *err);

static enum status fetch_more(struct step *s, enum query q, page_more_fn *read, struct order *o,
			      const char *after, struct error *err)
{
	const struct query_args args = { .first = q == QUERY_REFUNDS ? 0 : MORE_PER_PAGE,
					 .after = after,
					 .id = query_gid(s->page->arena, "Order", o->order_id) };
	enum answer_kind kind;
	cJSON *tree;
	enum status st = ask(s, q, &args, &kind, &tree, err);

	if (st == ST_OK && kind != ANSWER_DATA)
		st = error_set(err, ST_UPSTREAM, NULL,
			       "Shopify does not tell the rest of an order");
	if (st == ST_OK)
		st = read(data_of(tree), s->page->arena, o, err);
	cJSON_Delete(tree);
	return st;
}

static enum status complete(struct step *s, struct order *o, struct error *err)
{
	enum status st = ST_OK;

	if (o->refunds_cut)
		st = fetch_more(s, QUERY_REFUNDS, page_all_refunds, o, NULL, err);
	for (int i = 0; st == ST_OK && o->lines_part.next; i++)
		st = i < PARTS_MAX ? fetch_more(s, QUERY_LINES, page_more_lines, o,
						o->lines_part.next, err)
				   : error_set(err, ST_UPSTREAM, NULL,
					       "Shopify sent an order whose lines do not end");
	for (int i = 0; st == ST_OK && o->touches_part.next && i < PARTS_MAX; i++)
		st = fetch_more(s, QUERY_TOUCHES, page_more_touches, o, o->touches_part.next, err);
	return st == ST_OK ? order_close(s->page->arena, o,
					 s->sync->session.connection.shop.timezone, err)
			   : st;
}

static enum status complete_all(struct step *s, struct error *err)
{
	struct order_page *orders = &s->out->orders;
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < orders->n; i++) {
		st = complete(s, &orders->rows[i], err);
		s->shrink = s->size > 1 && arena_used(s->page->arena) > FETCH_MEMORY_MAX;
		if (s->shrink)
			break;
	}
	return st;
}

/* ---- orders ---- */

static enum status read_orders(struct step *s, const cJSON *tree, bool nodes, struct error *err)
{
	struct order_page *orders = &s->out->orders;
	struct arena *a = s->page->arena;
	enum status st = nodes ? page_order_nodes(data_of(tree), a, REFUNDS_PER_ORDER, orders, err)
			       : page_orders(data_of(tree), a, REFUNDS_PER_ORDER, orders, err);

	return st == ST_OK ? complete_all(s, err) : st;
}

static enum status ask_orders(struct step *s, enum query q, const struct query_args *args,
			      bool *got, struct error *err)
{
	enum answer_kind kind;
	cJSON *tree;
	enum status st = ask(s, q, args, &kind, &tree, err);

	*got = st == ST_OK && kind == ANSWER_DATA;
	if (!*got)
		return st == ST_OK ? not_data(s, kind, err) : st;
	st = read_orders(s, tree, q == QUERY_NODES, err);
	cJSON_Delete(tree);
	return st;
}

/* The cursor of a long list is given up in time, for a new query from where it stood. */
static void next_orders(struct step *s, const char *next)
{
	const struct order_page *orders = &s->out->orders;
	int64_t high;

	for (size_t i = 0; i < orders->n; i++)
		if (orders->rows[i].updated_at > s->at.high)
			s->at.high = orders->rows[i].updated_at;
	s->at.done += (int64_t)orders->n;
	s->at.asked += (int64_t)orders->n;
	s->at.cursor = next;
	s->page->last = next == NULL;
	high = s->at.high - s->at.high % US_PER_SECOND;
	if (next && s->at.asked >= CURSOR_ORDERS_MAX && high > s->at.from) {
		s->at.from = high;
		s->at.asked = 0;
		s->at.cursor = NULL;
	}
}

static enum status fetch_orders(struct step *s, struct error *err)
{
	const struct query_args args = {
		.first = s->size,
		.after = s->at.cursor,
		.query = s->at.from ? query_since(s->page->arena, s->at.from) : NULL,
	};
	bool got;
	enum status st = ask_orders(s, QUERY_ORDERS, &args, &got, err);

	if (st == ST_OK && got)
		st = moved(s, s->out->orders.next, err);
	if (st == ST_OK && got && !s->shrink)
		next_orders(s, s->out->orders.next);
	return st;
}

/* ---- journeys that were not ready ---- */

static enum status find_unready(struct step *s, struct error *err)
{
	const struct run *run = s->page->run;
	const struct db_scope scope = { run->tenant_id, run->brand_id };
	AUTO_TX *tx = db_tx_new(svc_db(s->sync->session.client.app->engine.svc), &scope);

	if (!tx)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	return store_unready(tx, s->page->arena, run->brand_id, s->at.cursor ? s->at.cursor : "",
			     s->size, &s->out->looked_again, &s->out->n_looked_again, err);
}

static enum status fetch_unready(struct step *s, struct error *err)
{
	enum status st = find_unready(s, err);
	size_t n = s->out->n_looked_again;
	const char **gids = arena_array(s->page->arena, n + 1, sizeof(char *));
	bool got;

	if (st != ST_OK || !gids)
		return st == ST_OK ? error_set(err, ST_UNAVAILABLE, NULL, "memory is out") : st;
	if (n == 0) {
		s->at.phase = PHASE_ORDERS;
		s->at.cursor = NULL;
		return fetch_orders(s, err);
	}
	for (size_t i = 0; i < n; i++)
		gids[i] = query_gid(s->page->arena, "Order", s->out->looked_again[i]);
	st = ask_orders(s, QUERY_NODES, &(struct query_args){ .ids = gids, .n_ids = n }, &got, err);
	if (st == ST_OK && got && !s->shrink)
		s->at.cursor = s->out->looked_again[n - 1];
	return st;
}

/* ---- a page ---- */

static enum status fetch_phase(struct step *s, struct error *err)
{
	switch (s->at.phase) {
	case PHASE_PRODUCTS:
		return fetch_variants(s, err);
	case PHASE_UNREADY:
		return fetch_unready(s, err);
	case PHASE_ORDERS:
		return fetch_orders(s, err);
	}
	return error_set(err, ST_INTERNAL, NULL, "there is no such phase");
}

/* Too much came, or would: nothing of it is kept, and the next step asks for half. */
static void ask_for_less(struct step *s)
{
	s->at.size = s->size / 2;
	s->page->skipped = true;
	s->page->last = false;
	*s->out = (struct fetched){ 0 };
	log_event(LOG_INFO, "shopify.smaller_pages", "run %s: %d orders at once",
		  s->page->run->run_id, s->at.size);
}

static void keep_place(struct step *s)
{
	struct run_page *page = s->page;

	page->progress = s->at.done;
	page->expected = s->at.expected > s->at.done ? s->at.expected : s->at.done;
	page->next_checkpoint = checkpoint_write(page->arena, &s->at);
	page->next_checkpoint_len = strlen(page->next_checkpoint);
	s->out->clock = s->at.clock;
	page->data = s->out;
}

enum status fetch_page(void *app, struct run_page *page, struct error *err)
{
	struct step s = { .page = page,
			  .sync = page->session,
			  .out = arena_alloc(page->arena, sizeof(*s.out)) };
	enum status st = ST_OK;

	(void)app;
	if (!s.out)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	if (!page->checkpoint || !checkpoint_read(page->checkpoint, &s.at))
		st = begin(&s, err);
	if (st != ST_OK)
		return st;
	s.size = s.at.size >> (page->attempt < SHRINK_MAX ? page->attempt : SHRINK_MAX);
	if (s.size < 1)
		s.size = 1;
	st = fetch_phase(&s, err);
	if (st != ST_OK)
		return st;
	if (s.shrink)
		ask_for_less(&s);
	keep_place(&s);
	return arena_failed(page->arena)
		       ? error_set(err, ST_UPSTREAM, NULL,
				   "Shopify sent a page that does not fit in memory")
		       : ST_OK;
}
