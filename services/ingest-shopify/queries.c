/* See queries.h. Refunds are a plain list: `first` cuts it, and there is no cursor for the rest. */
#include "queries.h"

#include "core/timeutil.h"

#include <string.h>

#define TEXT_OF(x)    #x
#define NUMBER_OF(x)  TEXT_OF(x)
#define LINES_FIRST   100
#define TOUCHES_FIRST 50

#define PAGE_INFO " pageInfo{hasNextPage endCursor}"
#define LINE_FIELDS                                \
	"nodes{id title sku quantity variant{id}"  \
	" originalUnitPriceSet{shopMoney{amount}}" \
	" totalDiscountSet{shopMoney{amount}}}" PAGE_INFO
#define MOMENT_FIELDS                                                       \
	"nodes{__typename occurredAt ...on CustomerVisit{source sourceType" \
	" landingPage referrerUrl"                                          \
	" utmParameters{source medium campaign content term}}}" PAGE_INFO
#define REFUND_FIELDS "id createdAt totalRefundedSet{shopMoney{amount}}"
#define ORDER_FIELDS                                                                              \
	"id name createdAt processedAt updatedAt cancelledAt test currencyCode"                   \
	" displayFinancialStatus customer{id} shippingAddress{country}"                           \
	" billingAddress{country} lineItems(first:" NUMBER_OF(                                    \
		LINES_FIRST) "){" LINE_FIELDS                                                     \
			     "} refunds(first:" NUMBER_OF(                                        \
				     REFUNDS_PER_ORDER) "){" REFUND_FIELDS                        \
							"} customerJourneySummary{ready "         \
							"moments(first:" NUMBER_OF(               \
								TOUCHES_FIRST) "){" MOMENT_FIELDS \
									       "}}"

static const char *const texts[QUERY_N] = {
	[QUERY_SHOP] = "query Shop{shop{name myshopifyDomain currencyCode ianaTimezone}}",
	[QUERY_COUNTS] = "query Counts($query:String){productVariantsCount(limit:null){count}"
			 " ordersCount(limit:null,query:$query){count}}",
	[QUERY_VARIANTS] = "query Variants($first:Int!,$after:String){productVariants(first:$first,"
			   "after:$after,sortKey:ID){nodes{id sku title displayName price"
			   " inventoryQuantity updatedAt product{id title productType}"
			   " inventoryItem{unitCost{amount currencyCode}}}" PAGE_INFO "}}",
	[QUERY_ORDERS] = "query Orders($first:Int!,$after:String,$query:String){orders("
			 "first:$first,after:$after,query:$query,sortKey:UPDATED_AT){"
			 "nodes{" ORDER_FIELDS "}" PAGE_INFO "}}",
	[QUERY_NODES] = "query Nodes($ids:[ID!]!){nodes(ids:$ids){...on Order{" ORDER_FIELDS "}}}",
	[QUERY_LINES] = "query Lines($id:ID!,$first:Int!,$after:String){order(id:$id){"
			"lineItems(first:$first,after:$after){" LINE_FIELDS "}}}",
	[QUERY_TOUCHES] =
		"query Touches($id:ID!,$first:Int!,$after:String){order(id:$id){"
		"customerJourneySummary{moments(first:$first,after:$after){" MOMENT_FIELDS "}}}}",
	[QUERY_REFUNDS] = "query Refunds($id:ID!){order(id:$id){refunds{" REFUND_FIELDS "}}}",
};

static void put_text(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, "%s\"%s\":", b->data[b->len - 1] == '{' ? "" : ",", key);
	buf_put_json(b, value, strlen(value));
}

static void put_variables(struct buf *b, const struct query_args *args)
{
	if (args->first > 0)
		buf_printf(b, "\"first\":%d", args->first);
	if (args->after)
		put_text(b, "after", args->after);
	if (args->query)
		put_text(b, "query", args->query);
	if (args->id)
		put_text(b, "id", args->id);
	if (args->n_ids == 0)
		return;
	buf_puts(b, "\"ids\":[");
	for (size_t i = 0; i < args->n_ids; i++) {
		buf_puts(b, i > 0 ? "," : "");
		buf_put_json(b, args->ids[i], strlen(args->ids[i]));
	}
	buf_putc(b, ']');
}

void query_write(struct buf *b, enum query q, const struct query_args *args)
{
	buf_puts(b, "{\"query\":");
	buf_put_json(b, texts[q], strlen(texts[q]));
	buf_puts(b, ",\"variables\":{");
	if (!b->failed)
		put_variables(b, args);
	buf_puts(b, "}}");
}

const char *query_gid(struct arena *a, const char *type, const char *id)
{
	return arena_printf(a, "gid://shopify/%s/%s", type, id);
}

const char *query_since(struct arena *a, int64_t since_us)
{
	char text[TIME_TEXT_MAX];

	time_format(since_us - since_us % US_PER_SECOND, text);
	return arena_printf(a, "updated_at:>='%s'", text);
}
