/* orders.upserted: the pages of a shop's orders become projected orders and credits. Read next:
 * project.h. */
#include "consumers.h"
#include "project.h"

#include "core/log.h"
#include "core/money.h"

#include <string.h>

#define CURRENCY_LEN (CURRENCY_TEXT - 1)

/* What is wrong with a row. */
static struct fault order_fault(const Shopify__V1__OrderRow *r)
{
	int64_t net;

	if (!id_fits(r->order_id))
		return (struct fault){ "order_id", "is empty or too long" };
	if (r->version == 0 || r->version > INT64_MAX)
		return (struct fault){ "version", "is out of range" };
	if (!r->processed_at)
		return (struct fault){ "processed_at", "is missing" };
	if (!r->day)
		return (struct fault){ "day", "is missing" };
	if (!r->gross || strlen(r->gross->currency) != CURRENCY_LEN)
		return (struct fault){ "gross", "is missing or has no currency" };
	if (r->refunds && r->refunds->micros != 0 &&
	    strcmp(r->refunds->currency, r->gross->currency) != 0)
		return (struct fault){ "refunds", "has another currency than gross" };
	if (!micros_sub(r->gross->micros, r->refunds ? r->refunds->micros : 0, &net) ||
	    net == INT64_MIN || r->gross->micros == INT64_MIN)
		return (struct fault){ "refunds", "is out of range" };
	if (r->n_touches > CREDIT_TOUCHES_MAX)
		return (struct fault){ "touches", "are too many" };
	for (size_t i = 0; i < r->n_touches; i++)
		if (!r->touches[i]->occurred_at || r->touches[i]->position > INT32_MAX)
			return (struct fault){ "touches", "lack a time or a position" };
	return (struct fault){ NULL, NULL };
}

/* The kind of a touch is the number of its link for now; project.c settles it. */
static enum status read_touches(struct arena *a, const Shopify__V1__OrderRow *r,
				struct links *links, struct order_state *o)
{
	enum status st = ST_OK;

	o->touches = arena_array(a, r->n_touches ? r->n_touches : 1, sizeof(*o->touches));
	if (!o->touches)
		return ST_TOO_LARGE;
	for (size_t i = 0; st == ST_OK && i < r->n_touches; i++) {
		const Shopify__V1__Touch *t = r->touches[i];
		const struct link l = { t->source, t->source_type, t->medium, t->campaign };
		size_t link = 0;

		st = links_add(links, &l, &link);
		o->touches[i] = (struct touch){ t->occurred_at->micros, (int64_t)link,
						(int32_t)t->position };
	}
	o->n_touches = r->n_touches;
	return st;
}

static enum status read_page(struct event_batch *batch, const Shopify__V1__OrdersUpserted *page,
			     struct links *links, struct order_state *out)
{
	for (size_t i = 0; i < page->n_rows; i++) {
		const Shopify__V1__OrderRow *r = page->rows[i];
		const struct fault f = order_fault(r);

		if (f.reason)
			return bad_row(batch, i, f);
		out[i] = (struct order_state){ .order_id = r->order_id,
					       .version = (int64_t)r->version,
					       .processed_us = r->processed_at->micros,
					       .day = r->day->days,
					       .counts = r->counts,
					       .currency = r->gross->currency,
					       .gross = r->gross->micros,
					       .refunds = r->refunds ? r->refunds->micros : 0 };
		if (read_touches(batch->arena, r, links, &out[i]) != ST_OK)
			return error_set(batch->err, ST_TOO_LARGE, NULL,
					 "the batch does not fit in memory");
	}
	return ST_OK;
}

static enum status brand_orders(struct event_batch *batch, const struct brand_tx *b, const void *in,
				const struct brand_event *events, size_t n)
{
	const Shopify__V1__OrdersUpserted *const *pages = in;
	struct run_step *steps = arena_array(batch->arena, n, sizeof(*steps));
	struct order_state *orders;
	struct projected done;
	struct links links;
	size_t total = 0, at = 0;
	enum status st = ST_OK;

	for (size_t i = 0; i < n; i++)
		total += pages[events[i].i]->n_rows;
	orders = arena_array(batch->arena, total ? total : 1, sizeof(*orders));
	if (!steps || !orders)
		return error_set(batch->err, ST_TOO_LARGE, NULL,
				 "the batch does not fit in memory");
	links_init(&links, batch->arena);
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		const Shopify__V1__OrdersUpserted *page = pages[events[i].i];

		st = read_page(batch, page, &links, orders + at);
		at += page->n_rows;
		steps[i] = (struct run_step){ "shopify", page->run_id, 1, -1, 0 };
	}
	if (st == ST_OK)
		st = project_orders(b, orders, total, &links, &done);
	if (st == ST_OK && done.folded > 0)
		log_event(LOG_WARN, "links.folded", "brand %s: %zu new links go to one row",
			  b->brand_id, done.folded);
	return st == ST_OK ? step_runs(batch, b, steps, n) : st;
}

CONSUMER(consume_orders, Shopify__V1__OrdersUpserted)
{
	const char *brands[EVENT_BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		brands[i] = in[i]->brand_id;
	return for_each_brand(batch, in, brands, n, brand_orders);
}
