/* One cursor, so one snapshot; memory for one batch of orders at a time. */
#include "adhoc.h"

#define BATCH_ARENA_MAX ((size_t)64 * 1024 * 1024)

static enum status tally_batch(const struct order_state *orders, size_t n, enum credit_model model,
			       int64_t window_us, struct tally *t)
{
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < n; i++) {
		struct credit_order value;

		st = order_value(&orders[i], &value);
		if (st == ST_OK) /* the day is no part of the key: the report is over all of them */
			st = tally_order(t, TALLY_ADD, model, window_us, 0, orders[i].currency,
					 &value);
	}
	return st;
}

enum status adhoc_tally(const struct brand_tx *b, enum credit_model model, int64_t window_us,
			const struct day_range *days, struct tally *ret)
{
	struct brand_tx batch = *b;
	struct order_state *orders;
	size_t n = 0;
	enum status st = store_open_orders(b, days->from, days->to);

	tally_init(ret, b->arena);
	batch.arena = arena_new(BATCH_ARENA_MAX);
	if (!batch.arena)
		return error_set(b->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	do {
		arena_reset(batch.arena);
		if (st == ST_OK)
			st = store_next_orders(&batch, &orders, &n);
		if (st == ST_OK && tally_batch(orders, n, model, window_us, ret) != ST_OK)
			st = error_set(b->err, ST_TOO_LARGE, NULL, "the report is too large");
	} while (st == ST_OK && n > 0);
	arena_free(batch.arena);
	tally_finish(ret);
	return st;
}
