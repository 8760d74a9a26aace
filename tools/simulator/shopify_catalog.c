/* Products, variants and stock of the Shopify schema. Read next: shopify_fields.c (orders),
 * shopify_journey.c. */
#include "shopify_fields.h"

#include <string.h>

static const struct variant *first_variant(const struct gexec *x, const struct gnode *self)
{
	return &x->data->variants[x->data->products[self->i].first];
}

LEAF(product_id)
{
	UNUSED;
	put_gid(x, "Product", x->data->products[self->i].product_id.p);
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
	{ .name = "variants",
	  .type = T_VARIANT,
	  .flags = GF_CONNECTION,
	  .args = variant_sort_args,
	  .list = product_variants },
	{ 0 },
};

LEAF(variant_id)
{
	UNUSED;
	put_gid(x, "ProductVariant", the_variant(x, self)->variant_id.p);
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
	put_gid(x, "InventoryItem", the_variant(x, self)->variant_id.p);
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
		return gql_exec_fail(
			x, p, "NOT_SUPPORTED",
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
	{ .name = "inventoryLevels",
	  .type = T_INVENTORY_LEVEL,
	  .flags = GF_CONNECTION,
	  .args = level_args,
	  .list = item_levels },
	{ 0 },
};

LEAF(level_id)
{
	UNUSED;
	put_gid(x, "InventoryLevel", the_variant(x, self)->variant_id.p);
}
GET(level_location)
{
	UNUSED;
	*ret = (struct gnode){ .type = T_LOCATION };
	return true;
}
LIST(level_quantities)
{
	static const char *const known[] = { "available",    "on_hand",        "committed",
					     "incoming",     "reserved",       "damaged",
					     "safety_stock", "quality_control" };
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
	{ .name = "quantities",
	  .type = T_INVENTORY_QUANTITY,
	  .flags = GF_LIST | GF_FREE,
	  .args = names_args,
	  .list = level_quantities },
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
		arena_printf(x->arena, "%s?name=%s", the_variant(x, self)->variant_id.p,
			     self->text));
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
