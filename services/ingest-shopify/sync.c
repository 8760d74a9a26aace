/* A run as the engine of libs/ingest drives it. Read next: fetch.c, store_orders.c, emit.c. */
#include "emit.h"
#include "fetch.h"

#include "core/log.h"

#include <stdlib.h>
#include <string.h>

#define SYNC_ARENA    ((size_t)1024 * 1024)
#define SCRATCH_ARENA ((size_t)32 * 1024 * 1024) /* an answer of 24 MiB, and headers */

static void close_sync(void *app, void *session)
{
	struct sync *s = session;

	(void)app;
	if (!s)
		return;
	session_done(&s->session);
	arena_free(s->arena);
	arena_free(s->scratch);
	free(s);
}

static enum status open_sync(void *app, const struct run *run, void **ret, struct error *err)
{
	struct sync *s = calloc(1, sizeof(*s)); /* allowed: freed by close_sync */
	enum status st;

	if (s) {
		s->arena = arena_new(SYNC_ARENA);
		s->scratch = arena_new(SCRATCH_ARENA);
	}
	if (!s || !s->arena || !s->scratch) {
		close_sync(app, s);
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	}
	st = session_open(&s->session, app, run, s->arena, err);
	if (st != ST_OK) {
		close_sync(app, s);
		return st;
	}
	*ret = s;
	return ST_OK;
}

static enum status store_variants_of(const struct fetched *f, struct run_page *page,
				     const struct owner *own, struct db_tx *tx, struct error *err)
{
	struct changed_variant *changed = NULL;
	size_t n = 0;
	enum status st = store_put_variants(tx, page->arena, own, f->variants.rows, f->variants.n,
					    &changed, &n, err);

	return st == ST_OK ? emit_variants(tx, page->arena, page->run, changed, n, err) : st;
}

static enum status store_orders_of(const struct fetched *f, struct run_page *page,
				   const struct owner *own, struct db_tx *tx, struct error *err)
{
	struct changed_order *changed = NULL;
	size_t n = 0;
	enum status st = store_put_orders(tx, page->arena, own, f->orders.rows, f->orders.n,
					  &changed, &n, err);

	if (st == ST_OK)
		st = store_count_tries(tx, page->arena, own->brand_id, f->looked_again,
				       f->n_looked_again, err);
	return st == ST_OK ? emit_orders(tx, page->arena, page->run, changed, n, &page->events, err)
			   : st;
}

static enum status store_page(void *app, struct run_page *page, struct db_tx *tx, struct error *err)
{
	const struct fetched *f = page->data;
	const struct sync *s = page->session;
	const struct owner own = { page->run->tenant_id, page->run->brand_id,
				   s->session.connection.shop.timezone };
	enum status st;

	(void)app;
	page->events = 0;
	page->rows = (uint32_t)(f->variants.n + f->orders.n);
	st = store_variants_of(f, page, &own, tx, err);
	return st == ST_OK ? store_orders_of(f, page, &own, tx, err) : st;
}

static enum status finish(void *app, struct run_page *page, const struct run *run, struct db_tx *tx,
			  struct error *err)
{
	const struct fetched *f = page->data;
	int64_t unready = 0;
	enum status st = store_count_unready(tx, page->arena, run->brand_id, &unready, err);

	(void)app;
	if (st == ST_OK && unready > 0)
		log_event(LOG_INFO, "shopify.journeys_unready",
			  "run %s: the journeys of %lld orders are still being built", run->run_id,
			  (long long)unready);
	if (st == ST_OK && f->clock > 0)
		st = store_mark_since(tx, page->arena, run->brand_id, f->clock, err);
	return st == ST_OK ? emit_finished(tx, run, f->clock, err) : st;
}

/* Credentials that Shopify refuses are not tried again until somebody connects the shop anew. */
static enum status failed(void *app, const struct run *run, void *session, struct db_tx *tx,
			  const struct error *why, struct error *err)
{
	struct arena *a = db_tx_arena(tx);

	(void)app;
	(void)session;
	if (why->status != ST_UNAUTHENTICATED)
		return ST_OK;
	return a ? store_mark_reconnect(tx, a, run->brand_id, err)
		 : error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
}

const struct ingest_spec shopify_sync = {
	.open = open_sync,
	.close = close_sync,
	.fetch = fetch_page,
	.store = store_page,
	.finish = finish,
	.failed = failed,
};
