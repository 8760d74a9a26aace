/* Customer journeys, counts and page info of the Shopify schema. Read next: shopify_fields.c. */
#include "shopify_fields.h"

#include "core/timeutil.h"

#include <string.h>

static const struct visit *the_visit(const struct gexec *x, const struct gnode *self)
{
	return &x->data->visits[self->i];
}

LEAF(journey_ready)
{
	UNUSED;
	put_bool(x, !self->flag);
}
LEAF(journey_index)
{
	UNUSED;
	if (self->flag || the_order(x, self)->customer_index == 0)
		put_null(x);
	else
		put_int(x, the_order(x, self)->customer_index);
}
LEAF(journey_days)
{
	const struct order *o = the_order(x, self);

	UNUSED;
	if (self->flag || o->nvisits == 0)
		put_null(x);
	else
		put_int(x, (o->processed_at - x->data->visits[o->visit0].occurred_at) / US_PER_DAY);
}
GET(journey_first)
{
	const struct order *o = the_order(x, self);

	UNUSED;
	*ret = (struct gnode){ .type = T_VISIT, .i = o->visit0 };
	return !self->flag && o->nvisits > 0;
}
GET(journey_last)
{
	const struct order *o = the_order(x, self);

	UNUSED;
	*ret = (struct gnode){ .type = T_VISIT, .i = o->visit0 + o->nvisits - 1 };
	return !self->flag && o->nvisits > 0;
}
GET(journey_count)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_COUNT,
			       .micros = self->flag ? 0 : the_order(x, self)->nvisits };
	return true;
}
LIST(journey_moments)
{
	const struct order *o = the_order(x, self);

	return list_nested(x, p, T_VISIT, o->visit0, self->flag ? 0 : o->nvisits, ret);
}
const struct gfield journey_fields[] = {
	{ .name = "ready", .type = T_BOOLEAN, .leaf = journey_ready },
	{ .name = "customerOrderIndex", .type = T_INT, .leaf = journey_index },
	{ .name = "daysToConversion", .type = T_INT, .leaf = journey_days },
	{ .name = "firstVisit", .type = T_VISIT, .get = journey_first },
	{ .name = "lastVisit", .type = T_VISIT, .get = journey_last },
	{ .name = "momentsCount", .type = T_COUNT, .flags = GF_FREE, .get = journey_count },
	{ .name = "moments",
	  .type = T_MOMENT,
	  .flags = GF_CONNECTION,
	  .args = nested_args,
	  .list = journey_moments },
	{ 0 },
};

LEAF(visit_id)
{
	const struct visit *v = the_visit(x, self);
	const struct order *o = &x->data->orders[v->order];

	UNUSED;
	/* The place in its journey: the same after a reload that adds other orders. */
	put_gid(x, "CustomerVisit",
		arena_printf(x->arena, "%s.%u", o->order_id.p, self->i - o->visit0));
}
LEAF(visit_time)
{
	UNUSED;
	put_time(x, the_visit(x, self)->occurred_at);
}
LEAF(visit_landing)
{
	UNUSED;
	put_str_or_null(x, the_visit(x, self)->landing_page);
}
LEAF(visit_referrer)
{
	UNUSED;
	put_str_or_null(x, the_visit(x, self)->referrer);
}
LEAF(visit_source)
{
	UNUSED;
	put_str(x, the_visit(x, self)->source);
}
LEAF(visit_source_type)
{
	UNUSED;
	put_str_or_null(x, the_visit(x, self)->source_type);
}
LEAF(visit_nothing)
{
	UNUSED;
	put_null(x);
}
GET(visit_utm)
{
	const struct visit *v = the_visit(x, self);

	UNUSED;
	*ret = (struct gnode){ .type = T_UTM, .i = self->i };
	return v->medium.n + v->campaign.n + v->content.n + v->term.n > 0;
}
const struct gfield moment_fields[] = {
	{ .name = "occurredAt", .type = T_DATETIME, .leaf = visit_time },
	{ 0 },
};
const struct gfield visit_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = visit_id },
	{ .name = "occurredAt", .type = T_DATETIME, .leaf = visit_time },
	{ .name = "landingPage", .type = T_URL, .leaf = visit_landing },
	{ .name = "referrerUrl", .type = T_URL, .leaf = visit_referrer },
	{ .name = "referralCode", .type = T_STRING, .leaf = visit_nothing },
	{ .name = "source", .type = T_STRING, .leaf = visit_source },
	{ .name = "sourceDescription", .type = T_STRING, .leaf = visit_nothing },
	{ .name = "sourceType", .type = T_TACTIC, .leaf = visit_source_type },
	{ .name = "utmParameters", .type = T_UTM, .flags = GF_FREE, .get = visit_utm },
	{ 0 },
};

LEAF(utm_source)
{
	UNUSED;
	put_str_or_null(x, the_visit(x, self)->source);
}
LEAF(utm_medium)
{
	UNUSED;
	put_str_or_null(x, the_visit(x, self)->medium);
}
LEAF(utm_campaign)
{
	UNUSED;
	put_str_or_null(x, the_visit(x, self)->campaign);
}
LEAF(utm_content)
{
	UNUSED;
	put_str_or_null(x, the_visit(x, self)->content);
}
LEAF(utm_term)
{
	UNUSED;
	put_str_or_null(x, the_visit(x, self)->term);
}
const struct gfield utm_fields[] = {
	{ .name = "source", .type = T_STRING, .leaf = utm_source },
	{ .name = "medium", .type = T_STRING, .leaf = utm_medium },
	{ .name = "campaign", .type = T_STRING, .leaf = utm_campaign },
	{ .name = "content", .type = T_STRING, .leaf = utm_content },
	{ .name = "term", .type = T_STRING, .leaf = utm_term },
	{ 0 },
};

/* ------------------------------------------------------- counts and page info */

LEAF(count_value)
{
	UNUSED;
	put_int(x, self->micros);
}
LEAF(count_precision)
{
	UNUSED;
	put_text(x, self->flag ? "AT_LEAST" : "EXACT");
}
const struct gfield count_fields[] = {
	{ .name = "count", .type = T_INT, .leaf = count_value },
	{ .name = "precision", .type = T_PRECISION, .leaf = count_precision },
	{ 0 },
};

LEAF(page_next)
{
	UNUSED;
	put_bool(x, self->page->has_next);
}
LEAF(page_previous)
{
	UNUSED;
	put_bool(x, self->page->has_previous);
}
static void put_page_cursor(struct gexec *x, const struct gpage *page, uint32_t k)
{
	const char *plain;

	if (page->n == 0) {
		put_null(x);
		return;
	}
	plain = page->cursor(x, page, k);
	put_text(x, gql_cursor_seal(x->arena, plain, strlen(plain)));
}
LEAF(page_start)
{
	UNUSED;
	put_page_cursor(x, self->page, 0);
}
LEAF(page_end)
{
	UNUSED;
	put_page_cursor(x, self->page, self->page->n - 1);
}
const struct gfield page_info_fields[] = {
	{ .name = "hasNextPage", .type = T_BOOLEAN, .leaf = page_next },
	{ .name = "hasPreviousPage", .type = T_BOOLEAN, .leaf = page_previous },
	{ .name = "startCursor", .type = T_STRING, .leaf = page_start },
	{ .name = "endCursor", .type = T_STRING, .leaf = page_end },
	{ 0 },
};
