/*
 * The fields of each Shopify type: how a row of the dataset answers them. Values absent in the
 * dataset are null where the real schema says so. Orders here; read next: shopify_catalog.c,
 * shopify_journey.c, shopify_schema.c (types and roots).
 */
#include "shopify_fields.h"

#include "core/money.h"
#include "core/timeutil.h"

#include <string.h>

/* ------------------------------------------------------------------ writing */

void put_text(struct gexec *x, const char *s)
{
	buf_put_json(x->out, s, strlen(s));
}

void put_str(struct gexec *x, struct str s)
{
	buf_put_json(x->out, s.p, s.n);
}

void put_str_or_null(struct gexec *x, struct str s)
{
	if (s.n > 0)
		put_str(x, s);
	else
		buf_puts(x->out, "null");
}

void put_null(struct gexec *x)
{
	buf_puts(x->out, "null");
}

void put_int(struct gexec *x, int64_t n)
{
	buf_printf(x->out, "%lld", (long long)n);
}

void put_bool(struct gexec *x, bool b)
{
	buf_puts(x->out, b ? "true" : "false");
}

void put_time(struct gexec *x, int64_t us)
{
	char text[TIME_TEXT_MAX];

	time_format(us, text);
	put_text(x, text);
}

/* A global id; the raw id may hold any punctuation. */
void put_gid(struct gexec *x, const char *type, const char *id)
{
	const char *gid = arena_printf(x->arena, "gid://shopify/%s/%s", type, id);

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
	put_gid(x, "Order", the_order(x, self)->order_id.p);
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
	{ .name = "currentTotalPriceSet",
	  .type = T_MONEY_BAG,
	  .flags = GF_FREE,
	  .get = order_current_total },
	{ .name = "totalRefundedSet",
	  .type = T_MONEY_BAG,
	  .flags = GF_FREE,
	  .get = order_refunded },
	{ .name = "totalReceivedSet",
	  .type = T_MONEY_BAG,
	  .flags = GF_FREE,
	  .get = order_received },
	{ .name = "netPaymentSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = order_net },
	{ .name = "lineItems",
	  .type = T_LINE_ITEM,
	  .flags = GF_CONNECTION,
	  .args = nested_args,
	  .list = order_lines },
	{ .name = "refunds",
	  .type = T_REFUND,
	  .flags = GF_LIST,
	  .args = refund_args,
	  .list = order_refunds },
	{ .name = "customerJourneySummary", .type = T_JOURNEY, .get = order_journey },
	{ 0 },
};

LEAF(customer_id)
{
	UNUSED;
	put_gid(x, "Customer", the_order(x, self)->customer_id.p);
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
	put_gid(x, "LineItem", the_line(x, self)->line_id.p);
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
	{ .name = "originalUnitPriceSet",
	  .type = T_MONEY_BAG,
	  .flags = GF_FREE,
	  .get = line_unit_price },
	{ .name = "totalDiscountSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = line_discount },
	{ .name = "originalTotalSet", .type = T_MONEY_BAG, .flags = GF_FREE, .get = line_original },
	{ .name = "discountedTotalSet",
	  .type = T_MONEY_BAG,
	  .flags = GF_FREE,
	  .get = line_discounted },
	{ 0 },
};

LEAF(refund_id)
{
	UNUSED;
	put_gid(x, "Refund", x->data->refunds[self->i].refund_id.p);
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
