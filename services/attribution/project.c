/* The steps of one page, all under the brand's lock, so that what was read is still true when it is
 * replaced. */
#include "project.h"

#include "kinds.h"
#include "tally.h"

#include "core/timeutil.h"

#include <stdlib.h>
#include <string.h>

static int by_id_newest_first(const void *a, const void *b)
{
	const struct order_state *x = a, *y = b;
	int order = strcmp(x->order_id, y->order_id);

	if (order != 0)
		return order;
	return (x->version < y->version) - (x->version > y->version);
}

/* Keeps the newest version of each order. */
static size_t newest(struct order_state *orders, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(orders, n, sizeof(*orders), by_id_newest_first);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(orders[kept - 1].order_id, orders[i].order_id) != 0)
			orders[kept++] = orders[i];
	return kept;
}

static enum status tally(struct tally *t, enum tally_sign sign, const struct order_state *o)
{
	struct credit_order value;
	enum status st;

	if (!o->counts)
		return ST_OK;
	st = order_value(o, &value);
	for (size_t m = 0; st == ST_OK && m < CREDIT_MODELS; m++)
		st = tally_order(t, sign, credit_models[m], CREDIT_WINDOW_DAYS * US_PER_DAY, o->day,
				 o->currency, &value);
	return st;
}

/*
 * Drops orders that are stored as new or newer, and takes back the credits of those that will be
 * replaced. Both arrays are sorted by id; all of `orders` are stored in some version.
 */
static enum status drop_stale(struct order_state *orders, size_t *n, const struct order_state *now,
			      size_t n_now, struct tally *t)
{
	enum status st = ST_OK;
	size_t kept = 0, at = 0;

	for (size_t i = 0; st == ST_OK && i < *n; i++) {
		while (at < n_now && strcmp(now[at].order_id, orders[i].order_id) < 0)
			at++;
		if (at < n_now && strcmp(now[at].order_id, orders[i].order_id) == 0) {
			if (now[at].version >= orders[i].version)
				continue;
			st = tally(t, TALLY_TAKE_BACK, &now[at]);
		}
		orders[kept++] = orders[i];
	}
	*n = kept;
	return st;
}

static enum status too_large(const struct brand_tx *b)
{
	return error_set(b->err, ST_TOO_LARGE, NULL, "the credits of this page are too large");
}

/* Replaces older versions of orders that are stored; `*n` becomes how many were older. */
static enum status replace(const struct brand_tx *b, struct order_state *orders, size_t *n,
			   struct tally *t)
{
	struct order_state *now = NULL;
	size_t n_now = 0;
	enum status st;

	if (*n == 0)
		return ST_OK;
	st = store_orders_now(b, orders, *n, &now, &n_now);
	if (st != ST_OK)
		return st;
	n_now = newest(now, n_now);
	if (drop_stale(orders, n, now, n_now, t) != ST_OK)
		return too_large(b);
	for (size_t i = 0; i < *n; i++)
		if (tally(t, TALLY_ADD, &orders[i]) != ST_OK)
			return too_large(b);
	return store_put_orders(b, orders, *n);
}

/*
 * Most orders of a page are new, so they are added first and only those that were there already are
 * looked up. `*n` becomes how many were taken.
 */
static enum status add_or_replace(const struct brand_tx *b, struct order_state *orders, size_t *n,
				  struct tally *t)
{
	bool *added = arena_array(b->arena, *n + 1, sizeof(*added));
	size_t old = 0, taken = 0;
	enum status st = added ? store_add_orders(b, orders, *n, added) : too_large(b);

	for (size_t i = 0; st == ST_OK && i < *n; i++) {
		if (!added[i])
			orders[old++] = orders[i];
		else if (tally(t, TALLY_ADD, &orders[i]) == ST_OK)
			taken++;
		else
			st = too_large(b);
	}
	if (st == ST_OK)
		st = replace(b, orders, &old, t);
	*n = taken + old;
	return st;
}

/* From numbers of links to kinds, in the order in which the models need them. */
static void settle_touches(struct order_state *o, const int64_t *kinds)
{
	for (size_t i = 0; i < o->n_touches; i++)
		o->touches[i].kind = kinds[o->touches[i].kind];
	touches_sort(o->touches, o->n_touches);
}

enum status project_orders(const struct brand_tx *b, struct order_state *orders, size_t n,
			   const struct links *links, struct projected *ret)
{
	struct tally credits;
	int64_t *kinds = NULL;
	size_t all = n;
	enum status st = store_lock_brand(b);

	*ret = (struct projected){ 0 };
	n = newest(orders, n);
	tally_init(&credits, b->arena);
	if (st == ST_OK)
		st = kinds_resolve(b, links, &kinds, &ret->folded);
	for (size_t i = 0; st == ST_OK && i < n; i++)
		settle_touches(&orders[i], kinds);
	if (st == ST_OK)
		st = add_or_replace(b, orders, &n, &credits);
	if (st != ST_OK)
		return st;
	tally_finish(&credits);
	ret->applied = n;
	ret->stale = all - n;
	return store_add_credits(b, &credits);
}
