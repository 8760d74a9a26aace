/* Orders and products as we keep them. Read next: handlers.c, store_lists.c. */
#include "contract/attribution.h"
#include "handlers.h"
#include "ingest/values.h"
#include "service.h"
#include "store.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

static enum status memory(const struct call *call)
{
	return arena_failed(call->arena)
		       ? error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory")
		       : ST_OK;
}

/* A number in front of a page token's text; `rest` is what follows the space after it. */
static bool token_number(const char *text, int64_t *ret, const char **rest)
{
	char *end;

	*ret = strtoll(text, &end, 10);
	if (end == text || (*end != ' ' && *end != '\0'))
		return false;
	*rest = *end ? end + 1 : end;
	return true;
}

static enum status bad_token(const struct call *call)
{
	return error_set(call->err, ST_INVALID, "page_token",
			 "is not a token of this list; ask for the first page again");
}

/* Amounts of an order, in its currency. */
static Pulsepoint__Money *amount(const struct call *call, const struct order *o, int64_t micros)
{
	return value_money(call->arena, micros, o->currency);
}

/* order_close saw to it that the difference fits. */
static Pulsepoint__Money *net(const struct call *call, const struct order *o)
{
	int64_t micros = 0;

	return micros_sub(o->gross, o->refunded, &micros) ? amount(call, o, micros) : NULL;
}

/* ---- a list of orders ---- */

static Shopify__V1__OrderSummary *summary(const struct call *call, const struct order_row *row)
{
	Shopify__V1__OrderSummary *s = arena_alloc(call->arena, sizeof(*s));
	const struct order *o = &row->order;

	if (!s)
		return NULL;
	shopify__v1__order_summary__init(s);
	s->order_id = value_text(o->order_id);
	s->name = value_text(o->name);
	s->processed_at = value_time(call->arena, o->processed_at);
	s->day = value_date(call->arena, row->day);
	s->financial_status = value_text(o->status);
	s->test = o->test;
	s->cancelled_at = value_time(call->arena, o->cancelled_at);
	s->counts = o->counts;
	s->gross = amount(call, o, o->gross);
	s->refunds = amount(call, o, o->refunded);
	s->net = net(call, o);
	return s;
}

/* Tokens of orders are "<brand> <processed_at> <row>". */
static enum status open_orders_token(struct call *call, const Shopify__V1__ListOrdersRequest *in,
				     struct order_place *place, bool *given)
{
	const char *text = NULL, *rest;
	size_t brand = strlen(in->brand_id);
	enum status st = call_page_open(call, in->page_token, &text);

	*given = st == ST_OK && text;
	if (!*given)
		return st;
	if (strncmp(text, in->brand_id, brand) != 0 || text[brand] != ' ' ||
	    !token_number(text + brand + 1, &place->processed_at, &rest) ||
	    !token_number(rest, &place->row_no, &rest))
		return bad_token(call);
	return ST_OK;
}

enum status list_orders(struct call *call, const Shopify__V1__ListOrdersRequest *in,
			Shopify__V1__ListOrdersReply *out)
{
	struct order_place place;
	struct order_row *rows;
	size_t n, size = in->page_size;
	bool given;
	AUTO_TX *tx = NULL;
	enum status st = open_orders_token(call, in, &place, &given);

	if (st != ST_OK)
		return st;
	tx = call_tx(call);
	st = tx ? store_orders(tx, call->arena, in->brand_id, given ? &place : NULL, (int)size + 1,
			       call->deadline_us, &rows, &n, call->err)
		: ST_UNAVAILABLE;
	/* A brand without orders, and one that is not the caller's, look alike from here. */
	if (st == ST_OK && n == 0 && !given)
		st = check_brand(call, in->brand_id);
	if (st != ST_OK)
		return st;
	out->orders = arena_array(call->arena, n + 1, sizeof(*out->orders));
	for (size_t i = 0; out->orders && i < n && i < size; i++)
		out->orders[out->n_orders++] = summary(call, &rows[i]);
	if (n > size)
		out->next_page_token = value_text(call_page_seal(
			call, arena_printf(call->arena, "%s %lld %lld", in->brand_id,
					   (long long)rows[size - 1].order.processed_at,
					   (long long)rows[size - 1].row_no)));
	return memory(call);
}

/* ---- one order ---- */

static void fill_lines(const struct call *call, const struct order *o, Shopify__V1__Order *out)
{
	struct arena *a = call->arena;

	out->lines = arena_array(a, o->lines_part.n + 1, sizeof(*out->lines));
	for (size_t i = 0; out->lines && i < o->lines_part.n; i++) {
		Shopify__V1__OrderLine *l = arena_alloc(a, sizeof(*l));
		const struct line *from = &o->lines[i];

		if (!l)
			return;
		shopify__v1__order_line__init(l);
		l->line_id = value_text(from->line_id);
		l->variant_id = value_text(from->variant_id);
		l->sku = value_text(from->sku);
		l->title = value_text(from->title);
		l->quantity = from->quantity;
		l->unit_price = amount(call, o, from->unit_price);
		l->discount = amount(call, o, from->discount);
		l->total = amount(call, o, from->total);
		out->lines[out->n_lines++] = l;
	}
}

static void fill_refunds(const struct call *call, const struct order *o, Shopify__V1__Order *out)
{
	out->refunds = arena_array(call->arena, o->n_refunds + 1, sizeof(*out->refunds));
	for (size_t i = 0; out->refunds && i < o->n_refunds; i++) {
		Shopify__V1__Refund *r = arena_alloc(call->arena, sizeof(*r));

		if (!r)
			return;
		shopify__v1__refund__init(r);
		r->refund_id = value_text(o->refunds[i].refund_id);
		r->created_at = value_time(call->arena, o->refunds[i].created_at);
		r->amount = amount(call, o, o->refunds[i].amount);
		out->refunds[out->n_refunds++] = r;
	}
}

static void fill_journey(const struct call *call, const struct order *o, Shopify__V1__Order *out)
{
	struct arena *a = call->arena;

	out->journey = arena_array(a, o->touches_part.n + 1, sizeof(*out->journey));
	for (size_t i = 0; out->journey && i < o->touches_part.n; i++) {
		Shopify__V1__Touch *t = arena_alloc(a, sizeof(*t));
		const struct touch *from = &o->touches[i];

		if (!t)
			return;
		shopify__v1__touch__init(t);
		t->position = (uint32_t)i + 1;
		t->occurred_at = value_time(a, from->occurred_at);
		t->source = value_text(from->source);
		t->source_type = value_text(from->source_type);
		t->medium = value_text(from->medium);
		t->campaign = value_text(from->campaign);
		t->content = value_text(from->content);
		t->term = value_text(from->term);
		t->landing_page = value_text(from->landing_page);
		t->referrer = value_text(from->referrer);
		out->journey[out->n_journey++] = t;
	}
}

static void fill_order(const struct call *call, const struct order_row *row,
		       Shopify__V1__Order *out)
{
	const struct order *o = &row->order;
	struct arena *a = call->arena;

	out->order_id = value_text(o->order_id);
	out->name = value_text(o->name);
	out->created_at = value_time(a, o->created_at);
	out->processed_at = value_time(a, o->processed_at);
	out->updated_at = value_time(a, o->updated_at);
	out->day = value_date(a, row->day);
	out->financial_status = value_text(o->status);
	out->test = o->test;
	out->cancelled_at = value_time(a, o->cancelled_at);
	out->counts = o->counts;
	out->customer_id = value_text(o->customer_id);
	out->country = value_text(o->country);
	out->gross = amount(call, o, o->gross);
	out->refunds_total = amount(call, o, o->refunded);
	out->net = net(call, o);
	fill_lines(call, o, out);
	fill_refunds(call, o, out);
	fill_journey(call, o, out);
}

/* An answer without credits would say that nobody earned the order: better none at all. */
static enum status ask_credits(struct call *call, const Shopify__V1__GetOrderRequest *in,
			       Shopify__V1__Order *out)
{
	Attribution__V1__OrderCreditsRequest ask = ATTRIBUTION__V1__ORDER_CREDITS_REQUEST__INIT;
	Attribution__V1__OrderCreditsReply *reply;
	char words[ERROR_DETAIL_MAX];
	enum status st;

	ask.brand_id = in->brand_id;
	ask.order_id = in->order_id;
	st = attribution_order_credits(call, &ask, &reply);
	if (st != ST_OK) {
		if (text_copy(words, sizeof(words), call->err->detail) != ST_OK || !*words)
			(void)!text_copy(words, sizeof(words), status_name(st));
		return error_set(call->err, ST_UNAVAILABLE, NULL,
				 "attribution does not tell the credits: %.300s", words);
	}
	out->credits = reply->credits;
	out->n_credits = reply->n_credits;
	return ST_OK;
}

enum status get_order(struct call *call, const Shopify__V1__GetOrderRequest *in,
		      Shopify__V1__Order *out)
{
	struct order_row row;
	AUTO_TX *tx = call_tx(call);
	enum status st = tx ? store_order(tx, call->arena, in->brand_id, in->order_id,
					  call->deadline_us, &row, call->err)
			    : ST_UNAVAILABLE;

	if (st != ST_OK)
		return st;
	fill_order(call, &row, out);
	st = memory(call);
	return st == ST_OK ? ask_credits(call, in, out) : st;
}

/* ---- products ---- */

static Shopify__V1__Product *product(const struct call *call, const struct variant_row *row)
{
	Shopify__V1__Product *p = arena_alloc(call->arena, sizeof(*p));
	const struct variant *v = &row->variant;

	if (!p)
		return NULL;
	shopify__v1__product__init(p);
	p->brand_id = value_text(row->brand_id);
	p->product_id = value_text(v->product_id);
	p->variant_id = value_text(v->variant_id);
	p->sku = value_text(v->sku);
	p->title = value_text(v->title);
	p->product_type = value_text(v->product_type);
	p->price = value_money(call->arena, v->price, v->currency);
	p->unit_cost = v->has_cost ? value_money(call->arena, v->cost, v->cost_currency) : NULL;
	p->inventory_quantity = v->inventory;
	p->updated_at = value_time(call->arena, v->updated_at);
	return p;
}

/* Tokens of products are "<row> <brand or -> <beginning of the title>". */
static enum status open_products_token(struct call *call,
				       const Shopify__V1__ListProductsRequest *in, int64_t *row,
				       const char **title)
{
	const char *text = NULL, *brand = *in->brand_id ? in->brand_id : "-";
	enum status st = call_page_open(call, in->page_token, &text);

	*title = NULL;
	if (st != ST_OK || !text)
		return st;
	if (!token_number(text, row, &text) || strncmp(text, brand, strlen(brand)) != 0 ||
	    text[strlen(brand)] != ' ')
		return bad_token(call);
	*title = text + strlen(brand) + 1;
	return ST_OK;
}

enum status list_products(struct call *call, const Shopify__V1__ListProductsRequest *in,
			  Shopify__V1__ListProductsReply *out)
{
	struct variant_row *rows;
	const char *title;
	int64_t after = 0;
	size_t n, size = in->page_size;
	AUTO_TX *tx = NULL;
	enum status st = open_products_token(call, in, &after, &title);

	if (st != ST_OK)
		return st;
	tx = call_tx(call);
	st = tx ? store_variants(tx, call->arena, call->who->tenant_id, in->brand_id, title, after,
				 (int)size + 1, call->deadline_us, &rows, &n, call->err)
		: ST_UNAVAILABLE;
	if (st == ST_OK && n == 0 && *in->brand_id && !title)
		st = check_brand(call, in->brand_id);
	if (st != ST_OK)
		return st;
	out->products = arena_array(call->arena, n + 1, sizeof(*out->products));
	for (size_t i = 0; out->products && i < n && i < size; i++)
		out->products[out->n_products++] = product(call, &rows[i]);
	if (n > size)
		out->next_page_token = value_text(
			call_page_seal(call, arena_printf(call->arena, "%lld %s %s",
							  (long long)rows[size - 1].row_no,
							  *in->brand_id ? in->brand_id : "-",
							  rows[size - 1].title_start)));
	return memory(call);
}
