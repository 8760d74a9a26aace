/* Shopify's search syntax: which rows a query finds, and what is refused. */
#include "test/fixture.h"

#include "search.h"

#include "core/timeutil.h"

static const char orders[] =
	"9,#9,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,2025-01-09T00:00:00Z,c1,GBP,PAID,,false,"
	"GB\n"
	"10,#10,2025-01-02T00:00:00Z,2025-01-02T00:00:00Z,2025-01-08T00:00:00Z,c2,GBP,REFUNDED,,"
	"false,GB\n"
	"11,#11,2025-01-03T00:00:00Z,2025-01-03T12:00:00Z,2025-01-08T00:00:00Z,,GBP,VOIDED,,true,"
	"GB\n"
	"x-1,EU "
	"1,2025-01-04T00:00:00Z,2025-01-04T00:00:00Z,2025-01-10T23:59:59Z,c1,GBP,PAID,,false,GB\n";
static const char products[] = "p1,v1,SKU-1,Blue mug,Mugs,1.00,,5,2025-01-01T00:00:00Z\n"
			       "p1,v2,SKU-2,Red mug,Mugs,1.00,,-1,2025-01-02T00:00:00Z\n"
			       "p2,v3,\"S,3\",Cup,,1.00,,0,2025-01-03T00:00:00Z\n";

struct found {
	enum collection coll;
	const char *query, *ids; /* in id order, with spaces between */
};

static const struct found found[] = {
	{ COLL_ORDERS, "", "9 10 11 x-1" },
	{ COLL_ORDERS, "   ", "9 10 11 x-1" },
	{ COLL_ORDERS, "updated_at:>='2025-01-09T00:00:00Z'", "9 x-1" },
	{ COLL_ORDERS, "updated_at:>'2025-01-09T00:00:00Z'", "x-1" },
	{ COLL_ORDERS, "updated_at:<2025-01-09T00:00:00Z", "10 11" },
	{ COLL_ORDERS, "updated_at:<=2025-01-09T01:00:00+01:00", "9 10 11" },
	{ COLL_ORDERS, "updated_at:2025-01-08", "10 11" },
	{ COLL_ORDERS, "updated_at:<=2025-01-08", "10 11" },
	{ COLL_ORDERS, "updated_at:>2025-01-08", "9 x-1" },
	{ COLL_ORDERS, "updated_at:<now", "9 10 11 x-1" },
	{ COLL_ORDERS, "created_at:>=2025-01-02 created_at:<2025-01-04", "10 11" },
	{ COLL_ORDERS, "created_at:>=2025-01-02 AND created_at:<2025-01-04", "10 11" },
	{ COLL_ORDERS, "processed_at:>=2025-01-03T12:00:00Z", "11 x-1" },
	{ COLL_ORDERS, "id:9 OR id:x-1", "9 x-1" },
	{ COLL_ORDERS, "id:>9", "10 11 x-1" },
	{ COLL_ORDERS, "id:gid://shopify/Order/10", "10" },
	{ COLL_ORDERS, "(id:9 OR id:10) AND financial_status:paid", "9" },
	{ COLL_ORDERS, "id:9 OR id:10 financial_status:paid", "9" },
	{ COLL_ORDERS, "NOT financial_status:paid", "10 11" },
	{ COLL_ORDERS, "-financial_status:paid test:false", "10" },
	{ COLL_ORDERS, "test:true", "11" },
	{ COLL_ORDERS, "name:#10", "10" },
	{ COLL_ORDERS, "name:10", "10" },
	{ COLL_ORDERS, "name:'EU 1'", "x-1" },
	{ COLL_ORDERS, "name:\"EU 1\"", "x-1" },
	{ COLL_ORDERS, "name:1*", "10 11" },
	{ COLL_ORDERS, "customer_id:c1", "9 x-1" },
	{ COLL_PRODUCTS, "title:'red mug'", "p1" },
	{ COLL_PRODUCTS, "title:Blue*", "p1" },
	{ COLL_PRODUCTS, "sku:'S,3'", "p2" },
	{ COLL_PRODUCTS, "inventory_total:>3", "p1" },
	{ COLL_PRODUCTS, "updated_at:>=2025-01-03", "p2" },
	{ COLL_PRODUCTS, "status:active", "p1 p2" },
	{ COLL_VARIANTS, "inventory_quantity:<0", "v2" },
	{ COLL_VARIANTS, "product_id:p1", "v1 v2" },
	{ COLL_VARIANTS, "sku:SKU-*", "v1 v2" },
	{ COLL_VARIANTS, "updated_at:>2025-01-01T00:00:00Z", "v2 v3" },
};

static const char *const refused[][2] = {
	{ "foo:1", "\"foo\" is not a field of this query" },
	{ "financial_statusx:paid", "is not a field" },
	{ "hello", "unexpected text at \"hello\"" },
	{ "updated_at:yesterday", "\"yesterday\" is not a time" },
	{ "updated_at:", "a value is missing" },
	{ "updated_at:>=", "a value is missing" },
	{ "updated_at:'2025", "a quote is not closed" },
	{ "(id:1", "a parenthesis is not closed" },
	{ "id:1)", "a parenthesis too many" },
	{ "id:1 AND", "unexpected text" },
	{ "id:1 OR OR id:2", "unexpected text" },
	{ "test:maybe", "not true or false" },
	{ "financial_status:>paid", "takes no comparison" },
};

static struct dataset *open_data(struct fx *fx)
{
	struct dataset *ds = NULL;
	struct error err = { 0 };

	fx_folder(fx, "orders.csv", orders, "products.csv", products, NULL);
	assert_int_equal(dataset_load(&ds, fx->data, INT32_MIN, &err), ST_OK);
	return ds;
}

static void finds(void **state)
{
	struct fx fx = { .port = 0 };
	struct dataset *ds = open_data(&fx);
	struct arena *a = arena_new(1 << 20);
	int64_t now;

	(void)state;
	assert_true(time_parse("2025-02-01T00:00:00Z", &now));
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		const struct found *f = &found[i];
		const uint32_t *rows = ds->sorted[f->coll][SORT_ID];
		char ids[200] = "";
		const char *why = NULL;
		struct search *s = NULL;

		if (!search_parse(a, ds, f->coll, f->query, now, &s, &why))
			print_error("%s: %s\n", f->query, why);
		assert_null(why);
		for (uint32_t k = 0; k < dataset_size(ds, f->coll); k++)
			if (search_match(ds, s, rows[k]))
				snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s",
					 ids[0] != '\0' ? " " : "",
					 dataset_id(ds, f->coll, rows[k]).p);
		if (strcmp(ids, f->ids) != 0)
			print_error("%s\n", f->query);
		assert_string_equal(ids, f->ids);
	}
	arena_free(a);
	dataset_drop(ds);
	fx_remove_dir(&fx);
}

static void refuses(void **state)
{
	struct fx fx = { .port = 0 };
	struct dataset *ds = open_data(&fx);
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *why = NULL;
		struct search *s = NULL;

		assert_false(search_parse(a, ds, COLL_ORDERS, refused[i][0], 0, &s, &why));
		assert_non_null(why);
		if (strstr(why, refused[i][1]) == NULL)
			print_error("%s: %s\n", refused[i][0], why);
		assert_non_null(strstr(why, refused[i][1]));
	}
	arena_free(a);
	dataset_drop(ds);
	fx_remove_dir(&fx);
}

static void limits_hold(void **state)
{
	struct fx fx = { .port = 0 };
	struct dataset *ds = open_data(&fx);
	struct arena *a = arena_new(1 << 20);
	char text[SEARCH_TEXT_MAX + 10];
	const char *why = NULL;
	struct search *s = NULL;

	(void)state;
	memset(text, '(', 100);
	text[100] = '\0';
	assert_false(search_parse(a, ds, COLL_ORDERS, text, 0, &s, &why));
	assert_string_equal(why, "the query is nested too deeply");
	text[0] = '\0';
	for (int i = 0; i <= SEARCH_TERMS_MAX; i++)
		memcpy(text + i * 5, "id:1 ", 6);
	assert_false(search_parse(a, ds, COLL_ORDERS, text, 0, &s, &why));
	assert_string_equal(why, "the query has too many terms");
	memset(text, ' ', SEARCH_TEXT_MAX + 1);
	text[SEARCH_TEXT_MAX + 1] = '\0';
	assert_false(search_parse(a, ds, COLL_ORDERS, text, 0, &s, &why));
	assert_string_equal(why, "the query is too long");
	arena_free(a);
	dataset_drop(ds);
	fx_remove_dir(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(refuses),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
