/*
 * The fields of each Shopify type: how a row of the dataset answers them. Values absent in the dataset are null where the
 * real schema says so. Read next: shopify_schema.c (types and roots).
 */
#include "shopify_view.h"

#include "core/money.h"
#include "core/timeutil.h"

#include <string.h>

#define LEAF(fn) static void fn(struct gexec *x, const struct gplan *p, const struct gnode *self)
#define GET(fn)                                                                              \
	static bool fn(struct gexec *x, const struct gplan *p, const struct gnode *self,     \
		       struct gnode *ret)
#define LIST(fn)                                                                             \
	static bool fn(struct gexec *x, const struct gplan *p, const struct gnode *self,     \
		       struct gpage *ret)
/* Most resolvers need only part of what they are given. */
#define UNUSED ((void)x, (void)p, (void)self)

static const struct order *the_order(const struct gexec *x, const struct gnode *self)
{
	return &x->data->orders[self->i];
}

static const struct variant *the_variant(const struct gexec *x, const struct gnode *self)
{
	return &x->data->variants[self->i];
}

static const struct variant *first_variant(const struct gexec *x, const struct gnode *self)
{
	return &x->data->variants[x->data->products[self->i].first];
}

/* ------------------------------------------------------------------ writing */

static void put_text(struct gexec *x, const char *s)
{
	buf_put_json(x->out, s, strlen(s));
}

static void put_str(struct gexec *x, struct str s)
{
	buf_put_json(x->out, s.p, s.n);
}

static void put_str_or_null(struct gexec *x, struct str s)
{
	if (s.n > 0)
		put_str(x, s);
	else
		buf_puts(x->out, "null");
}

static void put_null(struct gexec *x)
{
	buf_puts(x->out, "null");
}

static void put_int(struct gexec *x, int64_t n)
{
	buf_printf(x->out, "%lld", (long long)n);
}

static void put_bool(struct gexec *x, bool b)
{
	buf_puts(x->out, b ? "true" : "false");
}

static void put_time(struct gexec *x, int64_t us)
{
	char text[TIME_TEXT_MAX];

	time_format(us, text);
	put_text(x, text);
}

/* A global id; the raw id may hold any punctuation. */
static void put_gid(struct gexec *x, const char *type, struct str id)
{
	const char *gid = arena_printf(x->arena, "gid://shopify/%s/%s", type, id.p);

	put_text(x, gid);
}

static bool money_node(struct gnode *ret, int64_t micros, const char *currency)
{
	*ret = (struct gnode){ .type = T_MONEY_BAG, .micros = micros, .currency = currency };
	return true;
}

static bool money_text_node(struct gnode *ret, const char *amount, const char *currency)
{
	*ret = (struct gnode){ .type = T_MONEY_BAG, .text = amount, .currency = currency };
	return true;
}

/* --------------------------------------------------------------------- shop */

LEAF(shop_id)
{
	UNUSED;
	put_text(x, "gid://shopify/Shop/1");
}
LEAF(shop_name)
{
	UNUSED;
	put_text(x, x->data->name);
}
LEAF(shop_domain)
{
	UNUSED;
	put_text(x, x->data->shop_domain);
}
LEAF(shop_currency)
{
	UNUSED;
	put_text(x, x->data->currency);
}
LEAF(shop_zone)
{
	UNUSED;
	put_text(x, x->data->zone);
}
LEAF(shop_country)
{
	UNUSED;
	put_text(x, x->data->country);
}
LEAF(plan_name)
{
	UNUSED;
	put_text(x, ((const struct shop_view *)x->owner)->plan_name);
}
LEAF(plan_plus)
{
	UNUSED;
	put_bool(x, ((const struct shop_view *)x->owner)->plus);
}
LEAF(plan_development)
{
	UNUSED;
	put_bool(x, false);
}
GET(shop_address)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_SHOP_ADDRESS };
	return true;
}
GET(shop_plan)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_SHOP_PLAN };
	return true;
}

const struct gfield shop_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = shop_id },
	{ .name = "name", .type = T_STRING, .leaf = shop_name },
	{ .name = "myshopifyDomain", .type = T_STRING, .leaf = shop_domain },
	{ .name = "currencyCode", .type = T_CURRENCY, .leaf = shop_currency },
	{ .name = "ianaTimezone", .type = T_STRING, .leaf = shop_zone },
	{ .name = "billingAddress", .type = T_SHOP_ADDRESS, .get = shop_address },
	{ .name = "plan", .type = T_SHOP_PLAN, .flags = GF_FREE, .get = shop_plan },
	{ 0 },
};
const struct gfield shop_address_fields[] = {
	{ .name = "countryCodeV2", .type = T_COUNTRY, .leaf = shop_country },
	{ 0 },
};
const struct gfield shop_plan_fields[] = {
	{ .name = "displayName", .type = T_STRING, .leaf = plan_name },
	{ .name = "publicDisplayName", .type = T_STRING, .leaf = plan_name },
	{ .name = "shopifyPlus", .type = T_BOOLEAN, .leaf = plan_plus },
	{ .name = "partnerDevelopment", .type = T_BOOLEAN, .leaf = plan_development },
	{ 0 },
};

/* ------------------------------------------------------------------- orders */

LEAF(order_id)
{
	UNUSED;
	put_gid(x, "Order", the_order(x, self)->order_id);
}
LEAF(order_name)
{
	UNUSED;
	put_str(x, the_order(x, self)->name);
}
LEAF(order_created)
{
	UNUSED;
	put_time(x, the_order(x, self)->created_at);
}
LEAF(order_processed)
{
	UNUSED;
	put_time(x, the_order(x, self)->processed_at);
}
LEAF(order_updated)
{
	UNUSED;
	put_time(x, the_order(x, self)->updated_at);
}
LEAF(order_cancelled)
{
	UNUSED;
	if (the_order(x, self)->cancelled_at == TIME_NONE)
		put_null(x);
	else
		put_time(x, the_order(x, self)->cancelled_at);
}
LEAF(order_reason)
{
	UNUSED;
	if (the_order(x, self)->cancelled_at == TIME_NONE)
		put_null(x);
	else
		put_text(x, "OTHER");
}
LEAF(order_test)
{
	UNUSED;
	put_bool(x, the_order(x, self)->test);
}
LEAF(order_currency)
{
	UNUSED;
	put_str(x, the_order(x, self)->currency);
}
LEAF(order_status)
{
	UNUSED;
	put_str(x, the_order(x, self)->status);
}
LEAF(order_quantity)
{
	UNUSED;
	put_int(x, the_order(x, self)->quantity);
}
GET(order_customer)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_CUSTOMER, .i = self->i };
	return the_order(x, self)->customer_id.n > 0;
}
GET(order_address)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_ADDRESS, .i = self->i };
	return the_order(x, self)->country.n > 0;
}
GET(order_total)
{
	UNUSED;
	return money_node(ret, the_order(x, self)->total, the_order(x, self)->currency.p);
}
GET(order_current_total)
{
	const struct order *o = the_order(x, self);

	UNUSED;
	return money_node(ret, o->total - o->refunded, o->currency.p);
}
GET(order_refunded)
{
	UNUSED;
	return money_node(ret, the_order(x, self)->refunded, the_order(x, self)->currency.p);
}
/* What was paid: nothing as long as a payment is only promised, or was given up. */
static int64_t received(const struct order *o)
{
	static const char *const unpaid[] = { "VOIDED", "PENDING", "AUTHORIZED", "EXPIRED" };

	for (size_t i = 0; i < sizeof(unpaid) / sizeof(unpaid[0]); i++)
		if (strcmp(o->status.p, unpaid[i]) == 0)
			return 0;
	return o->total;
}
GET(order_net)
{
	const struct order *o = the_order(x, self);

	UNUSED;
	return money_node(ret, received(o) - o->refunded, o->currency.p);
}
GET(order_received)
{
	UNUSED;
	return money_node(ret, received(the_order(x, self)), the_order(x, self)->currency.p);
}
GET(order_journey)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_JOURNEY, .i = self->i };
	/* Told to misbehave, the next journeys are reported as still being built. */
	if (x->not_ready > 0) {
		x->not_ready--;
		ret->flag = true;
	}
	return true;
}
LIST(order_lines)
{
	const struct order *o = the_order(x, self);

	return list_nested(x, p, T_LINE_ITEM, o->line0, o->nlines, ret);
}
LIST(order_refunds)
{
	const struct order *o = the_order(x, self);

	UNUSED;
	*ret = (struct gpage){ .item = T_REFUND, .n = o->nrefunds, .start = o->refund0 };
	if (p->args[ARG_FIRST].given && ret->n > p->size)
		ret->n = p->size;
	return true;
}

const struct gfield order_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = order_id },
	{ .name = "name", .type = T_STRING, .leaf = order_name },
	{ .name = "createdAt", .type = T_DATETIME, .leaf = order_created },
	{ .name = "processedAt", .type = T_DATETIME, .leaf = order_processed },
	{ .name = "updatedAt", .type = T_DATETIME, .leaf = order_updated },
	{ .name = "cancelledAt", .type = T_DATETIME, .leaf = order_cancelled },
	{ .name = "cancelReason", .type = T_CANCEL_REASON, .leaf = order_reason },
	{ .name = "test", .type = T_BOOLEAN, .leaf = order_test },
	{ .name = "currencyCode", .type = T_CURRENCY, .leaf = order_currency },
	{ .name = "presentmentCurrencyCode", .type = T_CURRENCY, .leaf = order_currency },
	{ .name = "displayFinancialStatus", .type = T_FINANCIAL_STATUS, .leaf = order_status },
	{ .name = "subtotalLineItemsQuantity", .type = T_INT, .leaf = order_quantity },
	{ .name = "customer", .type = T_CUSTOMER, .get = order_customer },
	{ .name = "billingAddress", .type = T_ADDRESS, .flags = GF_FREE, .get = order_address },
	{ .name = "shippingAddress", .type = T_ADDRESS, .flags = GF_FREE, .get = order_address },
	{ .name = "totalPriceSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = order_total },
	{ .name = "currentTotalPriceSet", .type = T_MONEY_BAG, .flags = GF_FREE,
	  .get = order_current_total },
	{ .name = "totalRefundedSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = order_refunded },
	{ .name = "totalReceivedSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = order_received },
	{ .name = "netPaymentSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = order_net },
	{ .name = "lineItems", .type = T_LINE_ITEM, .flags = GF_CONNECTION, .args = nested_args,
	  .list = order_lines },
	{ .name = "refunds", .type = T_REFUND, .flags = GF_LIST, .args = refund_args,
	  .list = order_refunds },
	{ .name = "customerJourneySummary", .type = T_JOURNEY, .get = order_journey },
	{ 0 },
};

LEAF(customer_id)
{
	UNUSED;
	put_gid(x, "Customer", the_order(x, self)->customer_id);
}
const struct gfield customer_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = customer_id },
	{ 0 },
};

LEAF(address_country)
{
	UNUSED;
	put_str(x, the_order(x, self)->country);
}
const struct gfield address_fields[] = {
	{ .name = "country", .type = T_STRING, .leaf = address_country },
	{ 0 },
};

/* -------------------------------------------------------------------- money */

GET(money_bag)
{
	UNUSED;
	*ret = *self;
	ret->type = T_MONEY_V2;
	return true;
}
LEAF(money_amount)
{
	char text[DECIMAL_TEXT];

	UNUSED;
	if (self->text != NULL) {
		put_text(x, self->text);
		return;
	}
	money_format(self->micros, self->currency, text);
	put_text(x, text);
}
LEAF(money_currency)
{
	UNUSED;
	put_text(x, self->currency);
}
const struct gfield money_bag_fields[] = {
	{ .name = "shopMoney", .type = T_MONEY_V2, .flags = GF_FREE, .get = money_bag },
	{ .name = "presentmentMoney", .type = T_MONEY_V2, .flags = GF_FREE, .get = money_bag },
	{ 0 },
};
const struct gfield money_fields[] = {
	{ .name = "amount", .type = T_DECIMAL, .leaf = money_amount },
	{ .name = "currencyCode", .type = T_CURRENCY, .leaf = money_currency },
	{ 0 },
};

/* -------------------------------------------------------------------- lines */

static const struct order_line *the_line(const struct gexec *x, const struct gnode *self)
{
	return &x->data->lines[self->i];
}
static const char *line_currency(const struct gexec *x, const struct gnode *self)
{
	return x->data->orders[the_line(x, self)->order].currency.p;
}
LEAF(line_id)
{
	UNUSED;
	put_gid(x, "LineItem", the_line(x, self)->line_id);
}
LEAF(line_title)
{
	UNUSED;
	put_str(x, the_line(x, self)->title);
}
LEAF(line_sku)
{
	UNUSED;
	put_str_or_null(x, the_line(x, self)->sku);
}
LEAF(line_quantity)
{
	UNUSED;
	put_int(x, the_line(x, self)->quantity);
}
GET(line_variant)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_VARIANT, .i = the_line(x, self)->variant };
	return ret->i != INDEX_NONE;
}
GET(line_unit_price)
{
	UNUSED;
	return money_text_node(ret, the_line(x, self)->unit_price.p, line_currency(x, self));
}
GET(line_discount)
{
	UNUSED;
	return money_text_node(ret, the_line(x, self)->discount.p, line_currency(x, self));
}
GET(line_original)
{
	UNUSED;
	return money_node(ret, the_line(x, self)->original, line_currency(x, self));
}
GET(line_discounted)
{
	UNUSED;
	return money_node(ret, the_line(x, self)->total, line_currency(x, self));
}
const struct gfield line_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = line_id },
	{ .name = "title", .type = T_STRING, .leaf = line_title },
	{ .name = "name", .type = T_STRING, .leaf = line_title },
	{ .name = "sku", .type = T_STRING, .leaf = line_sku },
	{ .name = "quantity", .type = T_INT, .leaf = line_quantity },
	{ .name = "variant", .type = T_VARIANT, .get = line_variant },
	{ .name = "originalUnitPriceSet", .type = T_MONEY_BAG, .flags = GF_FREE,
	  .get = line_unit_price },
	{ .name = "totalDiscountSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = line_discount },
	{ .name = "originalTotalSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = line_original },
	{ .name = "discountedTotalSet", .type = T_MONEY_BAG, .flags = GF_FREE,
	  .get = line_discounted },
	{ 0 },
};

LEAF(refund_id)
{
	UNUSED;
	put_gid(x, "Refund", x->data->refunds[self->i].refund_id);
}
LEAF(refund_created)
{
	UNUSED;
	put_time(x, x->data->refunds[self->i].created_at);
}
GET(refund_total)
{
	const struct refund *r = &x->data->refunds[self->i];

	UNUSED;
	return money_text_node(ret, r->amount_text.p, x->data->orders[r->order].currency.p);
}
const struct gfield refund_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = refund_id },
	{ .name = "createdAt", .type = T_DATETIME, .leaf = refund_created },
	{ .name = "processedAt", .type = T_DATETIME, .leaf = refund_created },
	{ .name = "updatedAt", .type = T_DATETIME, .leaf = refund_created },
	{ .name = "totalRefundedSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = refund_total },
	{ 0 },
};

/* ----------------------------------------------------------------- products */

LEAF(product_id)
{
	UNUSED;
	put_gid(x, "Product", x->data->products[self->i].product_id);
}
LEAF(product_title)
{
	UNUSED;
	put_str(x, first_variant(x, self)->title);
}
LEAF(product_type)
{
	UNUSED;
	put_str(x, first_variant(x, self)->product_type);
}
LEAF(product_status)
{
	UNUSED;
	put_text(x, "ACTIVE");
}
LEAF(product_updated)
{
	UNUSED;
	put_time(x, x->data->products[self->i].updated_at);
}
LEAF(product_inventory)
{
	UNUSED;
	put_int(x, x->data->products[self->i].inventory);
}
LIST(product_variants)
{
	const struct product *pr = &x->data->products[self->i];
	const char *sort = p->args[ARG_QUERY].text;

	if (sort != NULL && strcmp(sort, "POSITION") != 0)
		return gql_exec_fail(x, p, "NOT_SUPPORTED",
				     "This sort key is not supported by the simulator.");
	return list_nested(x, p, T_VARIANT, pr->first, pr->n, ret);
}
const struct gfield product_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = product_id },
	{ .name = "title", .type = T_STRING, .leaf = product_title },
	{ .name = "productType", .type = T_STRING, .leaf = product_type },
	{ .name = "status", .type = T_PRODUCT_STATUS, .leaf = product_status },
	{ .name = "updatedAt", .type = T_DATETIME, .leaf = product_updated },
	{ .name = "totalInventory", .type = T_INT, .leaf = product_inventory },
	{ .name = "variants", .type = T_VARIANT, .flags = GF_CONNECTION, .args = variant_sort_args,
	  .list = product_variants },
	{ 0 },
};

LEAF(variant_id)
{
	UNUSED;
	put_gid(x, "ProductVariant", the_variant(x, self)->variant_id);
}
LEAF(variant_sku)
{
	UNUSED;
	put_str_or_null(x, the_variant(x, self)->sku);
}
/* A product's only variant has no name of its own in Shopify. */
LEAF(variant_title)
{
	const struct variant *v = the_variant(x, self);

	UNUSED;
	if (x->data->products[v->product].n == 1)
		put_text(x, "Default Title");
	else
		put_str(x, v->title);
}
LEAF(variant_display_name)
{
	UNUSED;
	put_str(x, the_variant(x, self)->title);
}
LEAF(variant_price)
{
	UNUSED;
	put_str(x, the_variant(x, self)->price);
}
LEAF(variant_stock)
{
	UNUSED;
	put_int(x, the_variant(x, self)->inventory_quantity);
}
LEAF(variant_updated)
{
	UNUSED;
	put_time(x, the_variant(x, self)->updated_at);
}
GET(variant_item)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_INVENTORY_ITEM, .i = self->i };
	return true;
}
GET(variant_product)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_PRODUCT, .i = the_variant(x, self)->product };
	return true;
}
const struct gfield variant_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = variant_id },
	{ .name = "sku", .type = T_STRING, .leaf = variant_sku },
	{ .name = "title", .type = T_STRING, .leaf = variant_title },
	{ .name = "displayName", .type = T_STRING, .leaf = variant_display_name },
	{ .name = "price", .type = T_MONEY, .leaf = variant_price },
	{ .name = "inventoryQuantity", .type = T_INT, .leaf = variant_stock },
	{ .name = "updatedAt", .type = T_DATETIME, .leaf = variant_updated },
	{ .name = "inventoryItem", .type = T_INVENTORY_ITEM, .get = variant_item },
	{ .name = "product", .type = T_PRODUCT, .get = variant_product },
	{ 0 },
};

/* ---------------------------------------------------------------- inventory */

LEAF(item_id)
{
	UNUSED;
	put_gid(x, "InventoryItem", the_variant(x, self)->variant_id);
}
LEAF(item_tracked)
{
	UNUSED;
	put_bool(x, true);
}
GET(item_cost)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_MONEY_V2,
			       .text = the_variant(x, self)->unit_cost.p,
			       .currency = x->data->currency };
	return the_variant(x, self)->unit_cost.n > 0;
}
LIST(item_levels)
{
	/* Each variant lies at the one location, so the level's row is the variant's. */
	if (p->args[ARG_QUERY].given && p->args[ARG_QUERY].text[0] != '\0')
		return gql_exec_fail(x, p, "NOT_SUPPORTED",
				     "A query on inventory levels is not supported by the simulator.");
	return list_nested(x, p, T_INVENTORY_LEVEL, self->i, 1, ret);
}
GET(item_variant)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_VARIANT, .i = self->i };
	return true;
}
const struct gfield item_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = item_id },
	{ .name = "sku", .type = T_STRING, .leaf = variant_sku },
	{ .name = "tracked", .type = T_BOOLEAN, .leaf = item_tracked },
	{ .name = "updatedAt", .type = T_DATETIME, .leaf = variant_updated },
	{ .name = "unitCost", .type = T_MONEY_V2, .flags = GF_FREE, .get = item_cost },
	{ .name = "variant", .type = T_VARIANT, .get = item_variant },
	{ .name = "inventoryLevels", .type = T_INVENTORY_LEVEL, .flags = GF_CONNECTION,
	  .args = level_args, .list = item_levels },
	{ 0 },
};

LEAF(level_id)
{
	UNUSED;
	put_gid(x, "InventoryLevel", the_variant(x, self)->variant_id);
}
GET(level_location)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_LOCATION };
	return true;
}
LIST(level_quantities)
{
	static const char *const known[] = { "available", "on_hand",  "committed", "incoming",
					     "reserved",  "damaged", "safety_stock",
					     "quality_control" };
	const struct gval *names = &p->args[0];
	struct gnode *nodes = arena_array(x->arena, names->nlist + 1, sizeof(*nodes));

	if (nodes == NULL)
		return gql_exec_fail(x, p, "INTERNAL_SERVER_ERROR", "out of memory");
	for (size_t k = 0; k < names->nlist; k++) {
		bool found = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found = found || strcmp(known[i], names->list[k]) == 0;
		if (!found)
			return gql_exec_fail(x, p, "INVALID_FIELD_ARGUMENTS",
					     arena_printf(x->arena,
							  "%s is not a valid quantity name",
							  names->list[k]));
		nodes[k] = (struct gnode){ .type = T_INVENTORY_QUANTITY,
					   .i = self->i,
					   .text = names->list[k] };
	}
	*ret = (struct gpage){ .item = T_INVENTORY_QUANTITY,
			       .n = (uint32_t)names->nlist,
			       .nodes = nodes };
	return true;
}
const struct gfield level_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = level_id },
	{ .name = "updatedAt", .type = T_DATETIME, .leaf = variant_updated },
	{ .name = "location", .type = T_LOCATION, .get = level_location },
	{ .name = "item", .type = T_INVENTORY_ITEM, .get = variant_item },
	{ .name = "quantities", .type = T_INVENTORY_QUANTITY, .flags = GF_LIST | GF_FREE,
	  .args = names_args, .list = level_quantities },
	{ 0 },
};

LEAF(quantity_name)
{
	UNUSED;
	put_text(x, self->text);
}
/* Nothing is committed, reserved or on its way in a dataset: all that is there is available. */
LEAF(quantity_value)
{
	bool here = strcmp(self->text, "available") == 0 || strcmp(self->text, "on_hand") == 0;

	UNUSED;
	put_int(x, here ? the_variant(x, self)->inventory_quantity : 0);
}
LEAF(quantity_id)
{
	UNUSED;
	put_gid(x, "InventoryQuantity",
		(struct str){ arena_printf(x->arena, "%s?name=%s",
					   the_variant(x, self)->variant_id.p, self->text),
			      0 });
}
const struct gfield quantity_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = quantity_id },
	{ .name = "name", .type = T_STRING, .leaf = quantity_name },
	{ .name = "quantity", .type = T_INT, .leaf = quantity_value },
	{ .name = "updatedAt", .type = T_DATETIME, .leaf = variant_updated },
	{ 0 },
};

LEAF(location_id)
{
	UNUSED;
	put_text(x, "gid://shopify/Location/1");
}
LEAF(location_name)
{
	UNUSED;
	put_text(x, "Main warehouse");
}
const struct gfield location_fields[] = {
	{ .name = "id", .type = T_ID, .leaf = location_id },
	{ .name = "name", .type = T_STRING, .leaf = location_name },
	{ 0 },
};

/* ------------------------------------------------------------------ journey */

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
	{ .name = "moments", .type = T_MOMENT, .flags = GF_CONNECTION, .args = nested_args,
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
		(struct str){ arena_printf(x->arena, "%s.%u", o->order_id.p, self->i - o->visit0),
			      0 });
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
