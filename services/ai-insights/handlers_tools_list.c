/* list_products and list_orders: ingest-shopify's lists as figures. Read next: handlers_tools.h. */
#include "handlers_tools.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE 200

static size_t limit_of(const struct tool_work *work)
{
	int64_t limit = TOOL_LIST_DEFAULT;
	const char *text = tool_input_value(&work->in, "limit");

	if (text && !parse_i64(text, 1, TOOL_LIST_MAX, &limit))
		limit = TOOL_LIST_DEFAULT;
	return (size_t)limit;
}

/* ---- list_products ---- */

typedef Shopify__V1__Product product;

struct products {
	const product **rows;
	size_t n, cap;
	bool more; /* the shop has more than TOOL_PAGES_MAX pages */
};

static int by_title(const void *a, const void *b)
{
	const product *x = *(const product *const *)a, *y = *(const product *const *)b;
	int order = strcmp(x->title, y->title);

	return order != 0 ? order : strcmp(x->variant_id, y->variant_id);
}

static int by_stock(const void *a, const void *b)
{
	const product *x = *(const product *const *)a, *y = *(const product *const *)b;

	if (x->inventory_quantity != y->inventory_quantity)
		return x->inventory_quantity < y->inventory_quantity ? -1 : 1;
	return by_title(a, b);
}

static int by_stock_down(const void *a, const void *b)
{
	const product *x = *(const product *const *)a, *y = *(const product *const *)b;

	return x->inventory_quantity == y->inventory_quantity ? by_title(a, b) : by_stock(b, a);
}

static int by_price_down(const void *a, const void *b)
{
	const product *x = *(const product *const *)a, *y = *(const product *const *)b;
	int64_t p = x->price ? x->price->micros : INT64_MIN;
	int64_t q = y->price ? y->price->micros : INT64_MIN;

	return p == q ? by_title(a, b) : p < q ? 1 : -1;
}

static const struct {
	const char *word;
	int (*compare)(const void *a, const void *b);
} product_orders[] = {
	{ "title", by_title },
	{ "stock_asc", by_stock },
	{ "stock_desc", by_stock_down },
	{ "price_desc", by_price_down },
};

static enum status keep_page(struct tool_work *work, const Shopify__V1__ListProductsReply *page,
			     struct products *all)
{
	for (size_t i = 0; i < page->n_products; i++) {
		if (all->n == all->cap)
			return error_set(work->call.err, ST_TOO_LARGE, NULL,
					 "a page of products is larger than it may be");
		all->rows[all->n++] = page->products[i];
	}
	return ST_OK;
}

static enum status read_products(struct tool_work *work, struct products *all)
{
	Shopify__V1__ListProductsRequest request = SHOPIFY__V1__LIST_PRODUCTS_REQUEST__INIT;
	Shopify__V1__ListProductsReply *page;
	enum status st = ST_OK;

	all->cap = (size_t)TOOL_PAGES_MAX * PAGE_SIZE;
	all->rows = arena_array(work->call.arena, all->cap, sizeof(*all->rows));
	if (!all->rows)
		return error_set(work->call.err, ST_TOO_LARGE, NULL, "the list is too large");
	request.brand_id = arena_strdup(work->call.arena, work->brand_id);
	request.page_size = PAGE_SIZE;
	for (int i = 0; st == ST_OK && i < TOOL_PAGES_MAX; i++) {
		st = ingest_shopify_list_products(&work->call, &request, &page);
		if (st == ST_OK)
			st = keep_page(work, page, all);
		if (st != ST_OK)
			break;
		all->more = page->next_page_token[0] != '\0';
		request.page_token = page->next_page_token;
		if (!all->more)
			break;
	}
	return st;
}

static void write_product(struct tool_work *work, int number, const product *p)
{
	struct tool_writer *w = &work->w;
	const char *title = tool_tidy(w->ev->arena, p->title);

	tool_write_row(w, number,
		       arena_printf(work->call.arena, "rows[variant_id=%s, title=%s]",
				    tool_tidy(work->call.arena, p->variant_id), title),
		       title, "product");
	tool_write_text(w, "title", title);
	tool_write_text(w, "sku", tool_tidy(work->call.arena, p->sku));
	tool_write_text(w, "product_type", tool_tidy(work->call.arena, p->product_type));
	tool_write_amount(w, "price", p->price);
	tool_write_amount(w, "unit_cost", p->unit_cost);
	tool_write_decimal(w, "stock", p->inventory_quantity, 0, "units");
	tool_write_row_end(w);
}

static void write_products(struct tool_work *work, const struct products *all)
{
	struct tool_writer *w = &work->w;
	size_t shown = limit_of(work) < all->n ? limit_of(work) : all->n;
	int64_t empty = 0;

	for (size_t i = 0; i < all->n; i++)
		empty += all->rows[i]->inventory_quantity <= 0;
	tool_write_text(w, "order", tool_input_value(&work->in, "order"));
	tool_write_count(w, "rows_total", (int64_t)all->n, "variants");
	tool_write_count(w, "rows_shown", (int64_t)shown, "variants");
	tool_write_count(w, "out_of_stock", empty, "variants");
	tool_write_open(w, "rows", '[');
	for (size_t i = 0; i < shown; i++)
		write_product(work, (int)i, all->rows[i]);
	tool_write_close(w, ']');
	tool_write_open(w, "notes", '[');
	if (all->more)
		tool_write_text(
			w, NULL,
			"The shop has more variants than were read: rows_total and out_of_stock "
			"are of those that were.");
	tool_write_close(w, ']');
}

enum status tool_products(struct tool_work *work)
{
	const char *order = tool_input_value(&work->in, "order");
	struct products all = { .n = 0 };
	enum status st = read_products(work, &all);

	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < sizeof(product_orders) / sizeof(*product_orders); i++)
		if (strcmp(product_orders[i].word, order) == 0)
			qsort(all.rows, all.n, sizeof(*all.rows), product_orders[i].compare);
	write_products(work, &all);
	return ST_OK;
}

/* ---- list_orders ---- */

static void write_order(struct tool_work *work, int number, const Shopify__V1__OrderSummary *o)
{
	struct tool_writer *w = &work->w;
	struct arena *a = work->call.arena;
	const char *name = tool_tidy(w->ev->arena, o->name);
	char day[TIME_TEXT_MAX] = "";

	if (o->day)
		date_format(o->day->days, day);
	tool_write_row(
		w, number,
		arena_printf(a, "rows[order_id=%s, name=%s]", tool_tidy(a, o->order_id), name),
		name, "order");
	tool_write_text(w, "name", name);
	tool_write_text(w, "day", day);
	tool_write_text(w, "status", tool_tidy(a, o->financial_status));
	tool_write_flag(w, "counts", o->counts);
	tool_write_amount(w, "gross", o->gross);
	tool_write_amount(w, "refunds", o->refunds);
	tool_write_amount(w, "net", o->net);
	tool_write_row_end(w);
	tool_write_know(w, EVIDENCE_DAY, day);
}

enum status tool_orders(struct tool_work *work)
{
	Shopify__V1__ListOrdersRequest request = SHOPIFY__V1__LIST_ORDERS_REQUEST__INIT;
	Shopify__V1__ListOrdersReply *page;
	struct tool_writer *w = &work->w;
	enum status st;

	request.brand_id = arena_strdup(work->call.arena, work->brand_id);
	request.page_size = (uint32_t)limit_of(work);
	st = ingest_shopify_list_orders(&work->call, &request, &page);
	if (st != ST_OK)
		return st;
	tool_write_count(w, "rows_shown", (int64_t)page->n_orders, "orders");
	tool_write_open(w, "rows", '[');
	for (size_t i = 0; i < page->n_orders; i++)
		write_order(work, (int)i, page->orders[i]);
	tool_write_close(w, ']');
	tool_write_open(w, "notes", '[');
	if (page->next_page_token[0] != '\0')
		tool_write_text(w, NULL, "There are older orders that are not shown.");
	tool_write_text(w, NULL,
			"An order whose counts is false is cancelled, a test or voided, and "
			"in no total.");
	tool_write_close(w, ']');
	return ST_OK;
}
