/*
 * The part of Shopify's Admin schema 2026-10 that the simulator serves: types, arguments, enums and
 * the root query. Names, types and defaults were checked against the introspection of 2026-10. Read
 * next: shopify_fields.c (the other types).
 */
#include "shopify_view.h"

#include <string.h>

#define GID_PREFIX "gid://shopify/"

static const char *const order_sorts[] = {
	"CREATED_AT",   "CURRENT_TOTAL_PRICE", "CUSTOMER_NAME",
	"DESTINATION",  "FINANCIAL_STATUS",    "FULFILLMENT_STATUS",
	"ID",           "ORDER_NUMBER",        "PO_NUMBER",
	"PROCESSED_AT", "RELEVANCE",           "TOTAL_ITEMS_QUANTITY",
	"TOTAL_PRICE",  "UPDATED_AT",          NULL
};
static const char *const product_sorts[] = {
	"CREATED_AT", "ID",    "INVENTORY_TOTAL", "PRODUCT_TYPE", "PUBLISHED_AT",
	"RELEVANCE",  "TITLE", "UPDATED_AT",      "VENDOR",       NULL
};
static const char *const variant_sorts[] = { "FULL_TITLE",
					     "ID",
					     "INVENTORY_LEVELS_AVAILABLE",
					     "INVENTORY_MANAGEMENT",
					     "INVENTORY_POLICY",
					     "INVENTORY_QUANTITY",
					     "NAME",
					     "POPULAR",
					     "POSITION",
					     "RELEVANCE",
					     "SKU",
					     "TITLE",
					     NULL };

const char *const shopify_input_types[] = {
	"Int", "Float",         "String",          "Boolean",
	"ID",  "DateTime",      "Decimal",         "Money",
	"URL", "OrderSortKeys", "ProductSortKeys", "ProductVariantSortKeys",
	NULL
};

/* Every list of arguments begins so, in the order of enum garg_place. */
#define PAGE_ARGS                                                                              \
	{ .name = "first", .kind = ARG_INT, .type = "Int" },                                   \
		{ .name = "last", .kind = ARG_INT, .type = "Int" },                            \
		{ .name = "after", .kind = ARG_STRING, .type = "String" },                     \
		{ .name = "before", .kind = ARG_STRING, .type = "String" },                    \
	{                                                                                      \
		.name = "reverse", .kind = ARG_BOOLEAN, .type = "Boolean", .fallback = "false" \
	}
#define QUERY_ARG                                                     \
	{                                                             \
		.name = "query", .kind = ARG_STRING, .type = "String" \
	}

const struct garg nested_args[] = { PAGE_ARGS, { 0 } };
const struct garg variant_sort_args[] = { PAGE_ARGS,
					  { .name = "sortKey",
					    .kind = ARG_ENUM,
					    .type = "ProductVariantSortKeys",
					    .values = variant_sorts,
					    .fallback = "POSITION" },
					  { 0 } };
const struct garg level_args[] = {
	PAGE_ARGS,
	QUERY_ARG,
	{ .name = "includeInactive", .kind = ARG_BOOLEAN, .type = "Boolean", .fallback = "false" },
	{ 0 }
};
const struct garg refund_args[] = { { .name = "first", .kind = ARG_INT, .type = "Int" }, { 0 } };
const struct garg names_args[] = {
	{ .name = "names", .kind = ARG_STRINGS, .type = "String", .required = true }, { 0 }
};
static const struct garg order_args[] = { PAGE_ARGS,
					  QUERY_ARG,
					  { .name = "sortKey",
					    .kind = ARG_ENUM,
					    .type = "OrderSortKeys",
					    .values = order_sorts,
					    .fallback = "PROCESSED_AT" },
					  { 0 } };
static const struct garg product_args[] = { PAGE_ARGS,
					    QUERY_ARG,
					    { .name = "sortKey",
					      .kind = ARG_ENUM,
					      .type = "ProductSortKeys",
					      .values = product_sorts,
					      .fallback = "ID" },
					    { 0 } };
static const struct garg variant_args[] = { PAGE_ARGS,
					    QUERY_ARG,
					    { .name = "sortKey",
					      .kind = ARG_ENUM,
					      .type = "ProductVariantSortKeys",
					      .values = variant_sorts,
					      .fallback = "ID" },
					    { 0 } };
static const struct garg id_args[] = {
	{ .name = "id", .kind = ARG_ID, .type = "ID", .required = true }, { 0 }
};
static const struct garg ids_args[] = {
	{ .name = "ids", .kind = ARG_IDS, .type = "ID", .required = true }, { 0 }
};
static const struct garg count_args[] = {
	{ .name = "limit", .kind = ARG_INT, .type = "Int", .fallback = COUNT_LIMIT_DEFAULT },
	QUERY_ARG,
	{ 0 }
};

/* -------------------------------------------------------------------- roots */

static bool get_shop(struct gexec *x, const struct gplan *p, const struct gnode *self,
		     struct gnode *ret)
{
	(void)x;
	(void)p;
	(void)self;
	*ret = (struct gnode){ .type = T_SHOP };
	return true;
}

struct gid_kind {
	const char *name;
	enum gtype type;
	enum collection coll;
};

static const struct gid_kind gid_kinds[] = {
	{ "Order/", T_ORDER, COLL_ORDERS },
	{ "Product/", T_PRODUCT, COLL_PRODUCTS },
	{ "ProductVariant/", T_VARIANT, COLL_VARIANTS },
	{ "InventoryItem/", T_INVENTORY_ITEM, COLL_VARIANTS },
};

/* The row of a global id of type `want` (T_NODE: any); false when there is none. */
static bool find_gid(const struct gexec *x, const char *gid, enum gtype want, struct gnode *ret)
{
	if (strncmp(gid, GID_PREFIX, strlen(GID_PREFIX)) != 0)
		return false;
	gid += strlen(GID_PREFIX);
	for (size_t i = 0; i < sizeof(gid_kinds) / sizeof(gid_kinds[0]); i++) {
		const struct gid_kind *k = &gid_kinds[i];
		size_t n = strlen(k->name);

		if (strncmp(gid, k->name, n) != 0 || (want != T_NODE && want != k->type))
			continue;
		*ret = (struct gnode){ .type = k->type,
				       .i = dataset_find(x->data, k->coll, gid + n) };
		return ret->i != INDEX_NONE;
	}
	return false;
}

/* A well-formed id of another type, or of nothing, is null; anything else is an error. */
static bool get_by_id(struct gexec *x, const struct gplan *p, const struct gnode *self,
		      struct gnode *ret)
{
	const char *gid = p->args[0].text;

	(void)self;
	if (strncmp(gid, GID_PREFIX, strlen(GID_PREFIX)) != 0)
		return gql_exec_fail(x, p, "argumentLiteralsIncompatible",
				     arena_printf(x->arena, "Invalid global id '%s'", gid));
	return find_gid(x, gid, p->field->type, ret);
}

static bool list_by_ids(struct gexec *x, const struct gplan *p, const struct gnode *self,
			struct gpage *ret)
{
	const struct gval *ids = &p->args[0];
	struct gnode *nodes = arena_array(x->arena, ids->nlist + 1, sizeof(*nodes));

	(void)self;
	if (nodes == NULL)
		return gql_exec_fail(x, p, "INTERNAL_SERVER_ERROR", "out of memory");
	for (size_t k = 0; k < ids->nlist; k++)
		if (!find_gid(x, ids->list[k], T_NODE, &nodes[k]))
			nodes[k] = (struct gnode){ .type = T_NONE };
	*ret = (struct gpage){ .item = T_NODE, .n = (uint32_t)ids->nlist, .nodes = nodes };
	return true;
}

static bool get_orders_count(struct gexec *x, const struct gplan *p, const struct gnode *self,
			     struct gnode *ret)
{
	(void)self;
	return count_rows(x, p, COLL_ORDERS, ret);
}

static bool get_products_count(struct gexec *x, const struct gplan *p, const struct gnode *self,
			       struct gnode *ret)
{
	(void)self;
	return count_rows(x, p, COLL_PRODUCTS, ret);
}

static bool get_variants_count(struct gexec *x, const struct gplan *p, const struct gnode *self,
			       struct gnode *ret)
{
	(void)self;
	return count_rows(x, p, COLL_VARIANTS, ret);
}

static const struct gfield query_fields[] = {
	{ .name = "shop", .type = T_SHOP, .get = get_shop },
	{ .name = "orders",
	  .type = T_ORDER,
	  .flags = GF_CONNECTION,
	  .args = order_args,
	  .list = list_orders },
	{ .name = "order", .type = T_ORDER, .args = id_args, .get = get_by_id },
	{ .name = "products",
	  .type = T_PRODUCT,
	  .flags = GF_CONNECTION,
	  .args = product_args,
	  .list = list_products },
	{ .name = "product", .type = T_PRODUCT, .args = id_args, .get = get_by_id },
	{ .name = "productVariants",
	  .type = T_VARIANT,
	  .flags = GF_CONNECTION,
	  .args = variant_args,
	  .list = list_variants },
	{ .name = "productVariant", .type = T_VARIANT, .args = id_args, .get = get_by_id },
	{ .name = "inventoryItem", .type = T_INVENTORY_ITEM, .args = id_args, .get = get_by_id },
	{ .name = "node", .type = T_NODE, .args = id_args, .get = get_by_id },
	{ .name = "nodes",
	  .type = T_NODE,
	  .flags = GF_LIST,
	  .args = ids_args,
	  .list = list_by_ids },
	{ .name = "ordersCount", .type = T_COUNT, .args = count_args, .get = get_orders_count },
	{ .name = "productsCount", .type = T_COUNT, .args = count_args, .get = get_products_count },
	{ .name = "productVariantsCount",
	  .type = T_COUNT,
	  .args = count_args,
	  .get = get_variants_count },
	{ 0 },
};

static const struct gfield node_fields[] = {
	/* Never answered itself: the type behind the interface is. */
	{ .name = "id", .type = T_ID },
	{ 0 },
};

const struct gtype_info shopify_types[T_COUNT_OF_TYPES] = {
	[T_NONE] = { .name = "None" },
	[T_ID] = { .name = "ID" },
	[T_STRING] = { .name = "String" },
	[T_INT] = { .name = "Int" },
	[T_BOOLEAN] = { .name = "Boolean" },
	[T_DATETIME] = { .name = "DateTime" },
	[T_DECIMAL] = { .name = "Decimal" },
	[T_MONEY] = { .name = "Money" },
	[T_CURRENCY] = { .name = "CurrencyCode" },
	[T_URL] = { .name = "URL" },
	[T_FINANCIAL_STATUS] = { .name = "OrderDisplayFinancialStatus" },
	[T_CANCEL_REASON] = { .name = "OrderCancelReason" },
	[T_TACTIC] = { .name = "MarketingTactic" },
	[T_PRECISION] = { .name = "CountPrecision" },
	[T_PRODUCT_STATUS] = { .name = "ProductStatus" },
	[T_COUNTRY] = { .name = "CountryCode" },
	[T_QUERY] = { .name = "QueryRoot", .fields = query_fields },
	[T_SHOP] = { .name = "Shop", .fields = shop_fields },
	[T_SHOP_ADDRESS] = { .name = "ShopAddress", .fields = shop_address_fields },
	[T_SHOP_PLAN] = { .name = "ShopPlan", .fields = shop_plan_fields },
	[T_ORDER] = { .name = "Order", .fields = order_fields, .implements = { T_NODE } },
	[T_CUSTOMER] = { .name = "Customer", .fields = customer_fields },
	[T_ADDRESS] = { .name = "MailingAddress", .fields = address_fields },
	[T_MONEY_BAG] = { .name = "MoneyBag", .fields = money_bag_fields },
	[T_MONEY_V2] = { .name = "MoneyV2", .fields = money_fields },
	[T_LINE_ITEM] = { .name = "LineItem", .fields = line_fields },
	[T_VARIANT] = { .name = "ProductVariant",
			.fields = variant_fields,
			.implements = { T_NODE } },
	[T_PRODUCT] = { .name = "Product", .fields = product_fields, .implements = { T_NODE } },
	[T_INVENTORY_ITEM] = { .name = "InventoryItem",
			       .fields = item_fields,
			       .implements = { T_NODE } },
	[T_INVENTORY_LEVEL] = { .name = "InventoryLevel", .fields = level_fields },
	[T_INVENTORY_QUANTITY] = { .name = "InventoryQuantity", .fields = quantity_fields },
	[T_LOCATION] = { .name = "Location", .fields = location_fields },
	[T_REFUND] = { .name = "Refund", .fields = refund_fields },
	[T_JOURNEY] = { .name = "CustomerJourneySummary", .fields = journey_fields },
	[T_MOMENT] = { .name = "CustomerMoment", .fields = moment_fields, .interface = true },
	[T_VISIT] = { .name = "CustomerVisit", .fields = visit_fields, .implements = { T_MOMENT } },
	[T_UTM] = { .name = "UTMParameters", .fields = utm_fields },
	[T_COUNT] = { .name = "Count", .fields = count_fields },
	[T_NODE] = { .name = "Node", .fields = node_fields, .interface = true },
	[T_PAGE_INFO] = { .name = "PageInfo", .fields = page_info_fields },
};
