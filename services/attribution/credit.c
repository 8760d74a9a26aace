/*
 * The models. A new one is a function over the touches that count, a row in `models`, and its
 * number in the contract.
 */
#include "credit.h"

#include "core/money.h"

#include <stdlib.h>

const enum credit_model credit_models[CREDIT_MODELS] = { CREDIT_LAST_TOUCH, CREDIT_LINEAR };

static int by_time(const void *a, const void *b)
{
	const struct touch *x = a, *y = b;

	if (x->occurred_us != y->occurred_us)
		return x->occurred_us < y->occurred_us ? -1 : 1;
	return (x->position > y->position) - (x->position < y->position);
}

void touches_sort(struct touch *touches, size_t n)
{
	if (n > 1)
		qsort(touches, n, sizeof(*touches), by_time);
}

size_t touches_counting(const struct credit_order *o, int64_t window_us, size_t *first)
{
	int64_t since;
	size_t begin = 0, end = o->n_touches;

	if (__builtin_sub_overflow(o->processed_us, window_us, &since))
		since = INT64_MIN;
	while (end > 0 && o->touches[end - 1].occurred_us > o->processed_us)
		end--;
	while (begin < end && o->touches[begin].occurred_us < since)
		begin++;
	*first = begin;
	return end - begin;
}

/* `t` are the n >= 1 touches that count. */
typedef enum status model_fn(const struct credit_order *o, const struct touch *t, size_t n,
			     struct credit *out, size_t *ret);

static enum status last_touch(const struct credit_order *o, const struct touch *t, size_t n,
			      struct credit *out, size_t *ret)
{
	out[0] = (struct credit){ .kind = t[n - 1].kind,
				  .position = t[n - 1].position,
				  .micro_orders = CREDIT_ONE_ORDER,
				  .net = o->net,
				  .gross = o->gross };
	*ret = 1;
	return ST_OK;
}

/* Equal shares; what does not divide goes to the earliest touches (core/money.h: ties to the lower
 * index). */
static enum status linear(const struct credit_order *o, const struct touch *t, size_t n,
			  struct credit *out, size_t *ret)
{
	int64_t weights[CREDIT_TOUCHES_MAX], orders[CREDIT_TOUCHES_MAX], net[CREDIT_TOUCHES_MAX],
		gross[CREDIT_TOUCHES_MAX];
	enum status st;

	for (size_t i = 0; i < n; i++)
		weights[i] = 1;
	st = share_split(CREDIT_ONE_ORDER, weights, n, orders);
	if (st == ST_OK)
		st = share_split(o->net, weights, n, net);
	if (st == ST_OK)
		st = share_split(o->gross, weights, n, gross);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct credit){ .kind = t[i].kind,
					  .position = t[i].position,
					  .micro_orders = orders[i],
					  .net = net[i],
					  .gross = gross[i] };
	*ret = n;
	return ST_OK;
}

static model_fn *const models[] = {
	[CREDIT_LAST_TOUCH] = last_touch,
	[CREDIT_LINEAR] = linear,
};

enum status credit_order(enum credit_model model, const struct credit_order *o, int64_t window_us,
			 struct credit *out, size_t *n)
{
	size_t first, counting;

	if (o->n_touches > CREDIT_TOUCHES_MAX)
		return ST_TOO_LARGE;
	counting = touches_counting(o, window_us, &first);
	if (counting > 0)
		return models[model](o, o->touches + first, counting, out, n);
	out[0] = (struct credit){ .kind = CREDIT_KIND_NONE,
				  .micro_orders = CREDIT_ONE_ORDER,
				  .net = o->net,
				  .gross = o->gross };
	*n = 1;
	return ST_OK;
}
