/* The Google Ads query language: what parses into what, and the codes of what is refused. */
#include "test/fixture.h"

#include "gaql.h"

#include "core/timeutil.h"

static int32_t day(const char *text)
{
	int32_t d = 0;

	assert_true(date_parse(text, &d));
	return d;
}

struct good {
	const char *text;
	size_t nfields, nconds;
	enum ads_level level;
	bool daily;
	const char *from, *to; /* NULL: open */
	int64_t limit;
};

static const struct good good[] = {
	{ "SELECT campaign.id FROM campaign", 1, 0, LEVEL_CAMPAIGN, false, NULL, NULL, 0 },
	{ "select campaign.id,campaign.id , customer.id from campaign limit 5", 2, 0,
	  LEVEL_CAMPAIGN, false, NULL, NULL, 5 },
	{ "SELECT segments.date, metrics.clicks FROM customer WHERE segments.date = '2025-01-02'",
	  2, 1, LEVEL_ACCOUNT, true, "2025-01-02", "2025-01-02", 0 },
	{ "SELECT segments.date FROM ad_group WHERE segments.date BETWEEN \"2025-01-01\" AND "
	  "'2025-01-31' AND metrics.clicks > 5 ORDER BY segments.date DESC LIMIT 10",
	  1, 2, LEVEL_ADSET, true, "2025-01-01", "2025-01-31", 10 },
	{ "SELECT segments.date FROM ad_group_ad WHERE segments.date >= '2025-01-01' AND "
	  "segments.date "
	  "< '2025-02-01'",
	  1, 2, LEVEL_AD, true, "2025-01-01", "2025-01-31", 0 },
	{ "SELECT segments.date FROM campaign WHERE segments.date > '2025-01-01' AND segments.date "
	  "<= "
	  "'2025-02-01'",
	  1, 2, LEVEL_CAMPAIGN, true, "2025-01-02", "2025-02-01", 0 },
	{ "SELECT segments.date FROM campaign WHERE segments.date DURING LAST_7_DAYS", 1, 1,
	  LEVEL_CAMPAIGN, true, "2025-03-03", "2025-03-09", 0 },
	{ "SELECT metrics.clicks FROM campaign WHERE campaign.id IN ('1', '2,3', 4)", 1, 1,
	  LEVEL_CAMPAIGN, false, NULL, NULL, 0 },
	{ "SELECT metrics.clicks FROM campaign WHERE campaign.name != 'it\\'s' AND campaign.status "
	  "= "
	  "ENABLED",
	  1, 2, LEVEL_CAMPAIGN, false, NULL, NULL, 0 },
};

static void accepts(void **state)
{
	struct arena *a = arena_new(8 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct good *g = &good[i];
		struct gaql_query q;
		struct gaql_error err;

		if (!gaql_parse(a, g->text, day("2025-03-10"), &q, &err))
			print_error("%s: %s\n", g->text, err.message);
		assert_null(err.code);
		assert_int_equal(q.nfields, g->nfields);
		assert_int_equal(q.nconds, g->nconds);
		assert_int_equal(q.level, g->level);
		assert_int_equal(q.daily, g->daily);
		assert_int_equal(q.from, g->from != NULL ? day(g->from) : INT32_MIN);
		assert_int_equal(q.to, g->to != NULL ? day(g->to) : INT32_MAX);
		assert_int_equal(q.limit, g->limit);
	}
	arena_free(a);
}

static void values_keep_what_was_quoted(void **state)
{
	struct arena *a = arena_new(8 << 20);
	struct gaql_query q;
	struct gaql_error err;

	(void)state;
	assert_true(gaql_parse(a,
			       "SELECT campaign.id FROM campaign WHERE campaign.name IN ('a, b', "
			       "\"c'd\", 'e\\'f') ORDER BY campaign.id ASC",
			       0, &q, &err));
	assert_int_equal(q.conds[0].nvalues, 3);
	assert_string_equal(q.conds[0].values[0], "a, b");
	assert_string_equal(q.conds[0].values[1], "c'd");
	assert_string_equal(q.conds[0].values[2], "e'f");
	assert_int_equal(q.norders, 1);
	assert_false(q.orders[0].descending);
	arena_free(a);
}

static const char *const bad[][2] = {
	{ "", "UNEXPECTED_INPUT" },
	{ "UPDATE campaign", "UNEXPECTED_INPUT" },
	{ "SELECT FROM campaign", "UNRECOGNIZED_FIELD" },
	{ "SELECT campaign.foo FROM campaign", "UNRECOGNIZED_FIELD" },
	{ "SELECT campaign.id", "EXPECTED_FROM" },
	{ "SELECT campaign.id campaign.name FROM campaign", "UNEXPECTED_INPUT" },
	{ "SELECT campaign.id FROM nowhere", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE" },
	{ "SELECT ad_group.id FROM campaign", "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE" },
	{ "SELECT campaign.id FROM campaign WHERE ad_group.id = 1",
	  "PROHIBITED_FIELD_IN_WHERE_CLAUSE" },
	{ "SELECT segments.date FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE" },
	{ "SELECT segments.date FROM campaign WHERE segments.date >= '2025-01-01'",
	  "EXPECTED_FILTERS_ON_DATE_RANGE" },
	{ "SELECT campaign.id FROM campaign WHERE segments.date = 'soon'", "BAD_VALUE" },
	{ "SELECT campaign.id FROM campaign WHERE segments.date IN ('2025-01-01')",
	  "INVALID_OPERATOR" },
	{ "SELECT campaign.id FROM campaign WHERE segments.date DURING LAST_BUSINESS_WEEK",
	  "INVALID_VALUE_WITH_DURING_OPERATOR" },
	{ "SELECT campaign.id FROM campaign WHERE campaign.id ~ 1", "INVALID_OPERATOR" },
	{ "SELECT campaign.id FROM campaign WHERE campaign.id = ", "BAD_VALUE" },
	{ "SELECT campaign.id FROM campaign WHERE campaign.id = 'x", "INVALID_STRING_VALUE" },
	{ "SELECT campaign.id FROM campaign WHERE metrics.clicks > many", "BAD_NUMBER" },
	{ "SELECT campaign.id FROM campaign WHERE campaign.id IN (1", "UNEXPECTED_INPUT" },
	{ "SELECT campaign.id FROM campaign ORDER campaign.id", "EXPECTED_BY" },
	{ "SELECT campaign.id FROM campaign ORDER BY campaign.name",
	  "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE" },
	{ "SELECT campaign.id FROM campaign LIMIT 0", "INVALID_LIMIT" },
	{ "SELECT campaign.id FROM campaign LIMIT 5 LIMIT 6", "UNEXPECTED_INPUT" },
	{ "SELECT campaign.id FROM campaign PARAMETERS include_drafts=true", "UNEXPECTED_INPUT" },
};

static void refuses(void **state)
{
	struct arena *a = arena_new(8 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gaql_query q;
		struct gaql_error err;

		assert_false(gaql_parse(a, bad[i][0], 0, &q, &err));
		if (strcmp(err.code, bad[i][1]) != 0)
			print_error("%s: %s\n", bad[i][0], err.message);
		assert_string_equal(err.code, bad[i][1]);
		assert_true(strlen(err.message) > 0);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(values_keep_what_was_quoted),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
