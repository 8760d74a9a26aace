/* See pages.h. The facts of the schema are those of the Admin API 2026-10. */
#include "pages.h"

#include "order.h"

#include <string.h>

#define PART_FIRST_CAP 8

/* ---- lists ---- */

/* The node itself, or a fault. */
static const cJSON *node_of(struct reader *r, const cJSON *node)
{
	if (!cJSON_IsObject(node))
		reader_wrong(r, "nodes", "holds something else than objects");
	return r->st == ST_OK ? node : NULL;
}

/* The cursor after a connection's part, NULL when it was the last. */
static const char *read_next(struct reader *r, const cJSON *connection)
{
	const cJSON *info = read_object(r, connection, "pageInfo");
	const char *next;

	if (!read_bool(r, info, "hasNextPage"))
		return NULL;
	next = read_text(r, info, "endCursor");
	if (!*next)
		reader_wrong(r, "endCursor", "is empty although there is a next page");
	return r->st == ST_OK ? next : NULL;
}

/* As read_next for the next part of a list; a cursor that does not move would go on for ever. */
static void read_part_end(struct reader *r, const cJSON *connection, struct part_list *part)
{
	const char *before = part->next;

	part->next = read_next(r, connection);
	if (before && part->next && strcmp(before, part->next) == 0)
		reader_wrong(r, "endCursor", "does not move");
}

/* Room for one more item of `size` bytes in *list; NULL with a fault beyond `max`. */
static void *part_slot(struct reader *r, void **list, struct part_list *part, size_t size,
		       size_t max, const char *name)
{
	if (r->st != ST_OK)
		return NULL;
	if (part->n == max) {
		reader_wrong(r, name, "has more items in one order than we take");
		return NULL;
	}
	if (part->n == part->cap) {
		size_t cap = part->cap ? 2 * part->cap : PART_FIRST_CAP;
		void *bigger = arena_array(r->arena, cap, size);

		if (!bigger)
			return NULL;
		if (part->n > 0)
			memcpy(bigger, *list, part->n * size);
		*list = bigger;
		part->cap = cap;
	}
	return (char *)*list + part->n++ * size;
}

static size_t count_of(const cJSON *array)
{
	return array ? (size_t)cJSON_GetArraySize(array) : 0;
}

/* ---- shop ---- */

enum status page_shop(const cJSON *data, struct arena *a, struct shop *ret, struct error *err)
{
	struct reader r = { a, err, ST_OK };
	const cJSON *shop = read_object(&r, data, "shop");

	*ret = (struct shop){ .domain = read_text(&r, shop, "myshopifyDomain"),
			      .name = read_text(&r, shop, "name"),
			      .currency = read_currency(&r, shop, "currencyCode"),
			      .timezone = read_text(&r, shop, "ianaTimezone") };
	return reader_end(&r);
}

static int64_t read_count(struct reader *r, const cJSON *data, const char *name)
{
	const cJSON *o = read_object_or_null(r, data, name);
	int32_t n = o ? read_int(r, o, "count") : 0;

	return n > 0 ? n : 0;
}

enum status page_counts(const cJSON *data, struct arena *a, struct shop_counts *ret,
			struct error *err)
{
	struct reader r = { a, err, ST_OK };

	ret->variants = read_count(&r, data, "productVariantsCount");
	ret->orders = read_count(&r, data, "ordersCount");
	return reader_end(&r);
}

/* ---- products ---- */

/* A product's only variant has no title of its own: Shopify calls it "Default Title". */
static const char *variant_title(struct reader *r, const cJSON *node, const cJSON *product)
{
	const cJSON *own = cJSON_GetObjectItemCaseSensitive(node, "title");

	if (cJSON_IsString(own) && strcmp(own->valuestring, "Default Title") == 0)
		return read_text(r, product, "title");
	return read_text(r, node, "displayName");
}

static void read_variant(struct reader *r, const cJSON *node, const char *currency,
			 struct variant *v)
{
	const cJSON *product = read_object(r, node, "product");
	const cJSON *item = read_object(r, node, "inventoryItem");
	const cJSON *cost = read_object_or_null(r, item, "unitCost");

	*v = (struct variant){
		.variant_id = read_id(r, node, "id", "ProductVariant"),
		.product_id = read_id(r, product, "id", "Product"),
		.sku = read_text_or_empty(r, node, "sku"),
		.title = variant_title(r, node, product),
		.product_type = read_text_or_empty(r, product, "productType"),
		.currency = currency,
		.price = read_micros(r, node, "price"),
		.has_cost = cost != NULL,
		.cost = cost ? read_micros(r, cost, "amount") : 0,
		.cost_currency = cost ? read_currency(r, cost, "currencyCode") : "",
		.inventory = read_int_or_zero(r, node, "inventoryQuantity"),
		.updated_at = read_time(r, node, "updatedAt"),
	};
	variant_close(r->arena, v);
}

/* A variant that came twice in one page: the later one stands. */
static void put_variant(struct variant_page *page, const struct variant *v)
{
	size_t at = 0;

	while (at < page->n && strcmp(page->rows[at].variant_id, v->variant_id) != 0)
		at++;
	page->rows[at] = *v;
	page->n += at == page->n;
}

enum status page_variants(const cJSON *data, struct arena *a, const char *currency,
			  struct variant_page *ret, struct error *err)
{
	struct reader r = { a, err, ST_OK };
	const cJSON *connection = read_object(&r, data, "productVariants");
	const cJSON *nodes = read_array(&r, connection, "nodes"), *node;

	*ret = (struct variant_page){ .rows = arena_array(a, count_of(nodes) + 1,
							  sizeof(*ret->rows)) };
	cJSON_ArrayForEach(node, nodes)
	{
		struct variant v;

		read_variant(&r, node_of(&r, node), currency, &v);
		if (reader_end(&r) != ST_OK)
			return r.st;
		put_variant(ret, &v);
	}
	ret->next = read_next(&r, connection);
	return reader_end(&r);
}

/* ---- parts of orders ---- */

static void read_line(struct reader *r, const cJSON *node, struct line *l)
{
	const cJSON *variant = read_object_or_null(r, node, "variant");

	*l = (struct line){
		.line_id = read_id(r, node, "id", "LineItem"),
		.variant_id = variant ? read_id(r, variant, "id", "ProductVariant") : "",
		.sku = read_text_or_empty(r, node, "sku"),
		.title = read_text(r, node, "title"),
		.quantity = read_int(r, node, "quantity"),
		.unit_price = read_shop_money(r, node, "originalUnitPriceSet"),
		.discount = read_shop_money(r, node, "totalDiscountSet"),
	};
}

static void read_lines(struct reader *r, const cJSON *order, struct order *o)
{
	const cJSON *connection = read_object(r, order, "lineItems");
	const cJSON *nodes = read_array(r, connection, "nodes"), *node;

	cJSON_ArrayForEach(node, nodes)
	{
		void *list = o->lines;
		struct line *l = part_slot(r, &list, &o->lines_part, sizeof(*l), ORDER_LINES_MAX,
					   "lineItems");

		o->lines = list;
		if (!l)
			return;
		read_line(r, node_of(r, node), l);
	}
	read_part_end(r, connection, &o->lines_part);
}

/* The link's own words (UTM) say more than the source that Shopify derives. */
static void read_visit(struct reader *r, const cJSON *node, struct touch *t)
{
	const cJSON *utm = read_object_or_null(r, node, "utmParameters");

	*t = (struct touch){
		.occurred_at = read_time(r, node, "occurredAt"),
		.source = read_text_or_empty(r, utm, "source"),
		.source_type = read_text_or_empty(r, node, "sourceType"),
		.medium = read_text_or_empty(r, utm, "medium"),
		.campaign = read_text_or_empty(r, utm, "campaign"),
		.content = read_text_or_empty(r, utm, "content"),
		.term = read_text_or_empty(r, utm, "term"),
		.landing_page = read_text_or_empty(r, node, "landingPage"),
		.referrer = read_text_or_empty(r, node, "referrerUrl"),
	};
	if (!*t->source)
		t->source = read_text(r, node, "source");
}

/* Moments that are no visits (the interface allows others) say nothing about a campaign. */
static bool is_visit(struct reader *r, const cJSON *node)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(node_of(r, node), "__typename");

	if (!cJSON_IsString(type))
		reader_wrong(r, "__typename", "is missing");
	return r->st == ST_OK && strcmp(type->valuestring, "CustomerVisit") == 0;
}

/* Room for a touch. A journey longer than anybody looks at loses its oldest ones. */
static struct touch *touch_slot(struct reader *r, struct order *o)
{
	struct part_list *part = &o->touches_part;
	void *list = o->touches;
	struct touch *t;

	if (part->n == ORDER_TOUCHES_MAX) {
		part->n--;
		memmove(o->touches, o->touches + 1, part->n * sizeof(*t));
	}
	t = part_slot(r, &list, part, sizeof(*t), ORDER_TOUCHES_MAX, "moments");
	o->touches = list;
	return t;
}

static void read_moments(struct reader *r, const cJSON *journey, struct order *o)
{
	const cJSON *connection = read_object_or_null(r, journey, "moments");
	const cJSON *nodes, *node;

	o->touches_part.next = NULL;
	if (!connection) /* null in the schema while the journey is being built */
		return;
	nodes = read_array(r, connection, "nodes");
	cJSON_ArrayForEach(node, nodes)
	{
		struct touch *t;

		if (!is_visit(r, node)) {
			if (r->st != ST_OK)
				return;
			continue;
		}
		t = touch_slot(r, o);
		if (!t)
			return;
		read_visit(r, node, t);
	}
	o->touches_part.next = read_next(r, connection);
}

static void read_refunds(struct reader *r, const cJSON *order, size_t first, struct order *o)
{
	const cJSON *list = read_array(r, order, "refunds"), *node;
	size_t n = count_of(list);

	if (n > ORDER_REFUNDS_MAX)
		reader_wrong(r, "refunds", "has more items in one order than we take");
	o->n_refunds = 0;
	o->refunds_cut = first > 0 && n >= first;
	o->refunds = r->st == ST_OK ? arena_array(r->arena, n + 1, sizeof(*o->refunds)) : NULL;
	if (!o->refunds)
		return;
	cJSON_ArrayForEach(node, list)
	{
		const cJSON *refund = node_of(r, node);

		o->refunds[o->n_refunds++] = (struct refund){
			.refund_id = read_id(r, refund, "id", "Refund"),
			/* null while a refund is being made */
			.created_at = read_time_or_zero(r, refund, "createdAt"),
			.amount = read_shop_money(r, refund, "totalRefundedSet"),
		};
		if (o->refunds[o->n_refunds - 1].created_at == 0)
			o->refunds[o->n_refunds - 1].created_at = o->updated_at;
	}
}

/* ---- orders ---- */

static const char *read_country(struct reader *r, const cJSON *node)
{
	const cJSON *to = read_object_or_null(r, node, "shippingAddress");

	if (!to)
		to = read_object_or_null(r, node, "billingAddress");
	return read_text_or_empty(r, to, "country");
}

static void read_order(struct reader *r, const cJSON *node, size_t refunds_first, struct order *o)
{
	const cJSON *customer = read_object_or_null(r, node, "customer");
	const cJSON *journey = read_object_or_null(r, node, "customerJourneySummary");

	*o = (struct order){
		.order_id = read_id(r, node, "id", "Order"),
		.name = read_text(r, node, "name"),
		.created_at = read_time(r, node, "createdAt"),
		.processed_at = read_time(r, node, "processedAt"),
		.updated_at = read_time(r, node, "updatedAt"),
		.cancelled_at = read_time_or_zero(r, node, "cancelledAt"),
		.test = read_bool(r, node, "test"),
		.currency = read_currency(r, node, "currencyCode"),
		.status = read_text_or_empty(r, node, "displayFinancialStatus"),
		.customer_id = customer ? read_id(r, customer, "id", "Customer") : "",
		.country = read_country(r, node),
		/* An order that no customer's browser made has no journey, and never will. */
		.journey_ready = !journey || read_bool(r, journey, "ready"),
	};
	read_lines(r, node, o);
	read_refunds(r, node, refunds_first, o);
	if (journey)
		read_moments(r, journey, o);
}

/* An order that came twice in one page: the later one stands. */
static void put_order(struct order_page *page, const struct order *o)
{
	size_t at = 0;

	while (at < page->n && strcmp(page->rows[at].order_id, o->order_id) != 0)
		at++;
	page->rows[at] = *o;
	page->n += at == page->n;
}

static enum status read_orders(struct reader *r, const cJSON *nodes, bool gaps,
			       size_t refunds_first, struct order_page *ret)
{
	const cJSON *node;

	*ret = (struct order_page){ .rows = arena_array(r->arena, count_of(nodes) + 1,
							sizeof(*ret->rows)) };
	cJSON_ArrayForEach(node, nodes)
	{
		struct order o;

		if (gaps && cJSON_IsNull(node))
			continue;
		read_order(r, node_of(r, node), refunds_first, &o);
		if (reader_end(r) != ST_OK)
			return r->st;
		put_order(ret, &o);
	}
	return reader_end(r);
}

enum status page_orders(const cJSON *data, struct arena *a, size_t refunds_first,
			struct order_page *ret, struct error *err)
{
	struct reader r = { a, err, ST_OK };
	const cJSON *connection = read_object(&r, data, "orders");
	enum status st =
		read_orders(&r, read_array(&r, connection, "nodes"), false, refunds_first, ret);

	if (st != ST_OK)
		return st;
	ret->next = read_next(&r, connection);
	return reader_end(&r);
}

enum status page_order_nodes(const cJSON *data, struct arena *a, size_t refunds_first,
			     struct order_page *ret, struct error *err)
{
	struct reader r = { a, err, ST_OK };

	return read_orders(&r, read_array(&r, data, "nodes"), true, refunds_first, ret);
}

enum status page_more_lines(const cJSON *data, struct arena *a, struct order *o, struct error *err)
{
	struct reader r = { a, err, ST_OK };

	read_lines(&r, read_object(&r, data, "order"), o);
	return reader_end(&r);
}

enum status page_more_touches(const cJSON *data, struct arena *a, struct order *o,
			      struct error *err)
{
	struct reader r = { a, err, ST_OK };
	const cJSON *order = read_object(&r, data, "order");
	const char *before = o->touches_part.next;

	read_moments(&r, read_object(&r, order, "customerJourneySummary"), o);
	if (before && o->touches_part.next && strcmp(before, o->touches_part.next) == 0)
		reader_wrong(&r, "endCursor", "does not move");
	return reader_end(&r);
}

enum status page_all_refunds(const cJSON *data, struct arena *a, struct order *o, struct error *err)
{
	struct reader r = { a, err, ST_OK };

	read_refunds(&r, read_object(&r, data, "order"), 0, o);
	return reader_end(&r);
}
