/* Paging through whole datasets over HTTP: every row once, the sums of dataset.md, and cursors that
 * survive changes. */
#include "test/fixture.h"

#include "core/money.h"

#define ORDERS_QUERY                                                                             \
	"query($n:Int!,$c:String){orders(first:$n,after:$c,sortKey:UPDATED_AT){pageInfo{"        \
	"hasNextPage "                                                                           \
	"hasPreviousPage endCursor} nodes{id cancelledAt test displayFinancialStatus "           \
	"totalPriceSet{shopMoney"                                                                \
	"{amount}} totalRefundedSet{shopMoney{amount}} "                                         \
	"refunds{totalRefundedSet{shopMoney{amount}}} "                                          \
	"customerJourneySummary{momentsCount{count}} lineItems(first:250){pageInfo{hasNextPage " \
	"endCursor} "                                                                            \
	"nodes{discountedTotalSet{shopMoney{amount}}}}}}}"
#define LINES_QUERY                                                                                \
	"query($i:ID!,$c:String){order(id:$i){lineItems(first:250,after:$c){pageInfo{hasNextPage " \
	"endCursor} "                                                                              \
	"nodes{discountedTotalSet{shopMoney{amount}}}}}}"

struct sums {
	unsigned orders, counted, lines, pages, visits;
	int64_t gross, refunds, by_lines, by_refunds, counted_gross, counted_refunds;
};

static int64_t amount(const cJSON *j, const char *path)
{
	int64_t micros = 0;

	assert_true(decimal_parse(fx_text(j, path), 6, &micros));
	return micros;
}

static void sum_lines(const cJSON *lines, struct sums *s)
{
	const cJSON *l;

	cJSON_ArrayForEach(l, fx_at(lines, "nodes"))
	{
		s->lines++;
		s->by_lines += amount(l, "discountedTotalSet.shopMoney.amount");
	}
}

/* The lines of an order beyond its first page. */
static void more_lines(struct fx *fx, const char *id, const char *cursor, struct sums *s)
{
	char vars[1024], after[256];
	bool more = true;

	snprintf(after, sizeof(after), "%s", cursor);
	while (more) {
		cJSON *answer;
		const cJSON *lines;

		snprintf(vars, sizeof(vars), "{\"i\":\"%s\",\"c\":\"%s\"}", id, after);
		answer = fx_gql(fx, LINES_QUERY, vars);
		lines = fx_at(answer, "data.order.lineItems");
		assert_true(cJSON_GetArraySize(fx_at(lines, "nodes")) > 0);
		sum_lines(lines, s);
		more = cJSON_IsTrue(fx_at(lines, "pageInfo.hasNextPage"));
		snprintf(after, sizeof(after), "%s", fx_text(lines, "pageInfo.endCursor"));
		cJSON_Delete(answer);
	}
}

static void sum_order(struct fx *fx, const cJSON *o, struct sums *s)
{
	int64_t gross = amount(o, "totalPriceSet.shopMoney.amount");
	int64_t refunds = amount(o, "totalRefundedSet.shopMoney.amount");
	const cJSON *r;

	s->orders++;
	s->gross += gross;
	s->refunds += refunds;
	s->visits += (unsigned)fx_at(o, "customerJourneySummary.momentsCount.count")->valueint;
	if (cJSON_IsNull(fx_at(o, "cancelledAt")) && cJSON_IsFalse(fx_at(o, "test")) &&
	    strcmp(fx_text(o, "displayFinancialStatus"), "VOIDED") != 0) {
		s->counted++;
		s->counted_gross += gross;
		s->counted_refunds += refunds;
	}
	cJSON_ArrayForEach(r, fx_at(o, "refunds")) s->by_refunds +=
		amount(r, "totalRefundedSet.shopMoney.amount");
	sum_lines(fx_at(o, "lineItems"), s);
	if (cJSON_IsTrue(fx_at(o, "lineItems.pageInfo.hasNextPage")))
		more_lines(fx, fx_text(o, "id"), fx_text(o, "lineItems.pageInfo.endCursor"), s);
}

static struct sums sum_all(struct fx *fx, unsigned page)
{
	struct sums s = { 0 };
	char vars[512], cursor[256] = "null";
	bool more = true;

	while (more) {
		cJSON *answer;
		const cJSON *o;

		snprintf(vars, sizeof(vars), "{\"n\":%u,\"c\":%s}", page, cursor);
		answer = fx_gql(fx, ORDERS_QUERY, vars);
		assert_non_null(fx_at(answer, "data.orders.nodes"));
		assert_int_equal(
			cJSON_IsTrue(fx_at(answer, "data.orders.pageInfo.hasPreviousPage")),
			s.pages > 0);
		cJSON_ArrayForEach(o, fx_at(answer, "data.orders.nodes")) sum_order(fx, o, &s);
		s.pages++;
		more = cJSON_IsTrue(fx_at(answer, "data.orders.pageInfo.hasNextPage"));
		snprintf(cursor, sizeof(cursor), "\"%s\"",
			 fx_text(answer, "data.orders.pageInfo.endCursor"));
		cJSON_Delete(answer);
	}
	return s;
}

static void retail_uk_has_its_totals(void **state)
{
	struct fx fx = { .port = 0 };
	struct sums s;

	(void)state;
	fx_unpack(&fx, "retail-uk");
	fx_start(&fx, "enterprise");
	s = sum_all(&fx, 100);
	assert_int_equal(s.orders, 7212);
	assert_int_equal(s.pages, 73);
	assert_int_equal(s.lines, 204208);
	assert_int_equal(s.gross, INT64_C(4107854720000));
	assert_int_equal(s.by_lines, s.gross);
	assert_int_equal(s.refunds, INT64_C(240897350000));
	assert_int_equal(s.by_refunds, s.refunds);
	fx_stop(&fx);
}

static void nasty_has_its_totals(void **state)
{
	struct fx fx = { .port = 0 };
	struct sums s;

	(void)state;
	fx_unpack(&fx, "nasty");
	fx_start(&fx, "enterprise");
	s = sum_all(&fx, 7);
	assert_int_equal(s.orders, 140);
	assert_int_equal(s.counted, 113);
	assert_int_equal(s.lines, 419);
	assert_int_equal(s.by_lines, s.gross);
	assert_int_equal(s.by_refunds, s.refunds);
	assert_int_equal(s.counted_gross, INT64_C(965318954000));
	assert_int_equal(s.counted_refunds, INT64_C(59331138000));
	assert_int_equal(s.visits, fx.sim.data->nvisits);
	fx_stop(&fx);
}

/* ------------------------------------------------------------ stable cursors */

#define ORDER_ROW(id, at) \
	id ",#" id ",2025-01-01T00:00:00Z,2025-01-01T00:00:00Z," at ",,GBP,PAID,,false,GB\n"

/* Ids of a page with spaces between, the cursor of its last row, and whether there are more. */
static bool page(struct fx *fx, const char *args, char *ids, size_t size, char *cursor,
		 size_t csize)
{
	char query[1024];
	cJSON *answer;
	const cJSON *edge;
	bool more;

	snprintf(query, sizeof(query),
		 "{orders(%s){edges{cursor node{id}} pageInfo{hasNextPage hasPreviousPage}}}",
		 args);
	answer = fx_gql(fx, query, NULL);
	if (fx_at(answer, "data.orders.edges") == NULL)
		print_error("%s\n%s\n", query, buf_str(&fx->body));
	assert_non_null(fx_at(answer, "data.orders.edges"));
	ids[0] = '\0';
	cJSON_ArrayForEach(edge, fx_at(answer, "data.orders.edges"))
	{
		size_t n = strlen(ids);

		snprintf(ids + n, size - n, "%s%s", n > 0 ? " " : "",
			 fx_text(edge, "node.id") + strlen("gid://shopify/Order/"));
		snprintf(cursor, csize, "%s", fx_text(edge, "cursor"));
	}
	more = cJSON_IsTrue(fx_at(answer, "data.orders.pageInfo.hasNextPage"));
	cJSON_Delete(answer);
	return more;
}

static void pages_are_stable(void **state)
{
	/* Four share their time: the id decides, as a number among numbers. */
	static const char rows[] = ORDER_ROW("9", "2025-01-05T00:00:00Z")
		ORDER_ROW("10", "2025-01-05T00:00:00Z") ORDER_ROW("100", "2025-01-05T00:00:00Z")
			ORDER_ROW("2", "2025-01-05T00:00:00Z")
				ORDER_ROW("1", "2025-01-09T00:00:00Z")
					ORDER_ROW("u-1", "2025-01-02T00:00:00Z");
	struct fx fx = { .port = 0 };
	char ids[200], cursor[200], args[400];

	(void)state;
	fx_folder(&fx, "orders.csv", rows, NULL);
	fx_start(&fx, "enterprise");
	assert_false(
		page(&fx, "first:10,sortKey:UPDATED_AT", ids, sizeof(ids), cursor, sizeof(cursor)));
	assert_string_equal(ids, "u-1 2 9 10 100 1");
	assert_false(page(&fx, "first:10,sortKey:UPDATED_AT,reverse:true", ids, sizeof(ids), cursor,
			  sizeof(cursor)));
	assert_string_equal(ids, "1 100 10 9 2 u-1");
	assert_true(
		page(&fx, "first:3,sortKey:UPDATED_AT", ids, sizeof(ids), cursor, sizeof(cursor)));
	assert_string_equal(ids, "u-1 2 9");
	snprintf(args, sizeof(args), "first:2,after:\"%s\",sortKey:UPDATED_AT", cursor);
	assert_true(page(&fx, args, ids, sizeof(ids), args + 200, 100));
	assert_string_equal(ids, "10 100");
	snprintf(args, sizeof(args), "first:2,after:\"%s\",sortKey:UPDATED_AT,reverse:true",
		 cursor);
	assert_false(page(&fx, args, ids, sizeof(ids), args + 200, 100));
	assert_string_equal(ids, "2 u-1");
	snprintf(args, sizeof(args), "last:1,before:\"%s\",sortKey:UPDATED_AT", cursor);
	page(&fx, args, ids, sizeof(ids), args + 200, 100);
	assert_string_equal(ids, "2");
	page(&fx, "last:2,sortKey:UPDATED_AT", ids, sizeof(ids), args, sizeof(args));
	assert_string_equal(ids, "100 1");
	fx_stop(&fx);
}

static void a_cursor_survives_a_reload(void **state)
{
	static const char before[] = ORDER_ROW("1", "2025-01-01T00:00:00Z")
		ORDER_ROW("2", "2025-01-02T00:00:00Z") ORDER_ROW("3", "2025-01-03T00:00:00Z");
	/* The order the cursor stands on has moved on, an older one came, and one more is new. */
	static const char after[] = ORDER_ROW("0", "2025-01-01T12:00:00Z")
		ORDER_ROW("1", "2025-01-01T00:00:00Z") ORDER_ROW("2", "2025-01-06T00:00:00Z")
			ORDER_ROW("3", "2025-01-03T00:00:00Z")
				ORDER_ROW("4", "2025-01-04T00:00:00Z");
	static const char header[] = "order_id,name,created_at,processed_at,updated_at,customer_id,"
				     "currency,financial_status,cancelled_at,test,country\n";
	struct fx fx = { .port = 0 };
	char ids[200], cursor[200], args[400], text[4096];

	(void)state;
	fx_folder(&fx, "orders.csv", before, NULL);
	fx_start(&fx, "enterprise");
	assert_true(
		page(&fx, "first:2,sortKey:UPDATED_AT", ids, sizeof(ids), cursor, sizeof(cursor)));
	snprintf(text, sizeof(text), "%s%s", header, after);
	fx_write(fx.data, "orders.csv", text);
	fx_control(&fx, "/control/reload", "");
	snprintf(args, sizeof(args), "first:9,after:\"%s\",sortKey:UPDATED_AT", cursor);
	page(&fx, args, ids, sizeof(ids), cursor, sizeof(cursor));
	assert_string_equal(ids, "3 4 2");
	/* A broken folder changes nothing. */
	fx_write(fx.data, "orders.csv", "nonsense\n");
	fx_request(&fx, "POST", "/control/reload", NULL, "");
	assert_int_equal(fx.status, 400);
	assert_non_null(strstr(buf_str(&fx.body), "orders.csv line 1"));
	page(&fx, args, ids, sizeof(ids), cursor, sizeof(cursor));
	assert_string_equal(ids, "3 4 2");
	fx_stop(&fx);
}

static void foreign_cursors_are_refused(void **state)
{
	static const char rows[] =
		ORDER_ROW("1", "2025-01-01T00:00:00Z") ORDER_ROW("2", "2025-01-02T00:00:00Z");
	struct fx fx = { .port = 0 };
	char ids[200], cursor[200], query[600];
	const char *const forms[] = {
		"{orders(first:1,after:\"%s\",sortKey:ID){nodes{id}}}",
		"{orders(first:1,before:\"%s\"){nodes{id}}}",
		"{products(first:1,after:\"%s\"){nodes{id}}}",
		"{orders(first:1,after:\"x%s\",sortKey:UPDATED_AT){nodes{id}}}"
	};

	(void)state;
	fx_folder(&fx, "orders.csv", rows, NULL);
	fx_start(&fx, "enterprise");
	page(&fx, "first:1,sortKey:UPDATED_AT", ids, sizeof(ids), cursor, sizeof(cursor));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *mark = strstr(forms[i], "%s");
		cJSON *answer;

		snprintf(query, sizeof(query), "%.*s%s%s", (int)(mark - forms[i]), forms[i], cursor,
			 mark + 2);
		answer = fx_gql(&fx, query, NULL);
		assert_string_equal(fx_text(answer, "errors.0.message"),
				    "Invalid cursor for current pagination sort.");
		assert_true(cJSON_IsNull(fx_at(answer, "data")));
		cJSON_Delete(answer);
	}
	fx_stop(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retail_uk_has_its_totals),
		cmocka_unit_test(nasty_has_its_totals),
		cmocka_unit_test(pages_are_stable),
		cmocka_unit_test(a_cursor_survives_a_reload),
		cmocka_unit_test(foreign_cursors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
