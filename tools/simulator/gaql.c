/*
 * A parser of the Google Ads query language
 * (developers.google.com/google-ads/api/docs/query/grammar) for the resources and fields a dataset
 * can answer, with the codes of QueryErrorEnum. Read next: google_rows.c.
 */
#include "gaql.h"

#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <string.h>
#include <strings.h>

const struct gaql_field_info gaql_fields[GF_COUNT] = {
	[GF_CUSTOMER_NAME] = { "customer.resource_name", "customer.resourceName", "customer",
			       "resourceName", GK_TEXT, LEVEL_ACCOUNT },
	[GF_CUSTOMER_ID] = { "customer.id", "customer.id", "customer", "id", GK_TEXT,
			     LEVEL_ACCOUNT },
	[GF_CUSTOMER_DESCRIPTIVE] = { "customer.descriptive_name", "customer.descriptiveName",
				      "customer", "descriptiveName", GK_TEXT, LEVEL_ACCOUNT },
	[GF_CUSTOMER_CURRENCY] = { "customer.currency_code", "customer.currencyCode", "customer",
				   "currencyCode", GK_TEXT, LEVEL_ACCOUNT },
	[GF_CUSTOMER_ZONE] = { "customer.time_zone", "customer.timeZone", "customer", "timeZone",
			       GK_TEXT, LEVEL_ACCOUNT },
	[GF_CAMPAIGN_RESOURCE] = { "campaign.resource_name", "campaign.resourceName", "campaign",
				   "resourceName", GK_TEXT, LEVEL_CAMPAIGN },
	[GF_CAMPAIGN_ID] = { "campaign.id", "campaign.id", "campaign", "id", GK_TEXT,
			     LEVEL_CAMPAIGN },
	[GF_CAMPAIGN_NAME] = { "campaign.name", "campaign.name", "campaign", "name", GK_TEXT,
			       LEVEL_CAMPAIGN },
	[GF_CAMPAIGN_STATUS] = { "campaign.status", "campaign.status", "campaign", "status",
				 GK_TEXT, LEVEL_CAMPAIGN },
	[GF_GROUP_RESOURCE] = { "ad_group.resource_name", "adGroup.resourceName", "adGroup",
				"resourceName", GK_TEXT, LEVEL_ADSET },
	[GF_GROUP_ID] = { "ad_group.id", "adGroup.id", "adGroup", "id", GK_TEXT, LEVEL_ADSET },
	[GF_GROUP_NAME] = { "ad_group.name", "adGroup.name", "adGroup", "name", GK_TEXT,
			    LEVEL_ADSET },
	[GF_GROUP_STATUS] = { "ad_group.status", "adGroup.status", "adGroup", "status", GK_TEXT,
			      LEVEL_ADSET },
	[GF_AD_RESOURCE] = { "ad_group_ad.resource_name", "adGroupAd.resourceName", "adGroupAd",
			     "resourceName", GK_TEXT, LEVEL_AD },
	[GF_AD_ID] = { "ad_group_ad.ad.id", "adGroupAd.ad.id", "adGroupAd", "ad.id", GK_TEXT,
		       LEVEL_AD },
	[GF_AD_NAME] = { "ad_group_ad.ad.name", "adGroupAd.ad.name", "adGroupAd", "ad.name",
			 GK_TEXT, LEVEL_AD },
	[GF_AD_STATUS] = { "ad_group_ad.status", "adGroupAd.status", "adGroupAd", "status", GK_TEXT,
			   LEVEL_AD },
	[GF_DATE] = { "segments.date", "segments.date", "segments", "date", GK_DATE,
		      LEVEL_ACCOUNT },
	[GF_COST] = { "metrics.cost_micros", "metrics.costMicros", "metrics", "costMicros",
		      GK_INT64, LEVEL_ACCOUNT },
	[GF_IMPRESSIONS] = { "metrics.impressions", "metrics.impressions", "metrics", "impressions",
			     GK_INT64, LEVEL_ACCOUNT },
	[GF_CLICKS] = { "metrics.clicks", "metrics.clicks", "metrics", "clicks", GK_INT64,
			LEVEL_ACCOUNT },
	[GF_CONVERSIONS] = { "metrics.conversions", "metrics.conversions", "metrics", "conversions",
			     GK_DOUBLE, LEVEL_ACCOUNT },
	[GF_VALUE] = { "metrics.conversions_value", "metrics.conversionsValue", "metrics",
		       "conversionsValue", GK_DOUBLE, LEVEL_ACCOUNT },
};

struct reader {
	struct arena *arena;
	const char *pos;
	struct gaql_error *err;
	int32_t today;
};

static bool fail(struct reader *r, const char *code, const char *message)
{
	if (r->err->code == NULL)
		*r->err = (struct gaql_error){ code, message };
	return false;
}

static bool fail_at(struct reader *r, const char *what)
{
	return fail(
		r, "UNEXPECTED_INPUT",
		arena_printf(r->arena, "Error in query: expected %s at '%.40s'.", what, r->pos));
}

static void skip_space(struct reader *r)
{
	r->pos += strspn(r->pos, " \t\r\n");
}

#define WORD_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."

static bool at_word(struct reader *r, const char *word)
{
	size_t n;

	skip_space(r);
	n = strspn(r->pos, WORD_CHARS);
	return n == strlen(word) && strncasecmp(r->pos, word, n) == 0;
}

static bool take_word(struct reader *r, const char *word)
{
	if (!at_word(r, word))
		return false;
	r->pos += strlen(word);
	return true;
}

static bool take_char(struct reader *r, char c)
{
	skip_space(r);
	if (*r->pos != c)
		return false;
	r->pos++;
	return true;
}

static bool read_name(struct reader *r, const char *what, const char **ret)
{
	size_t n;

	skip_space(r);
	n = strspn(r->pos, WORD_CHARS);
	if (n == 0)
		return fail_at(r, what);
	*ret = arena_strndup(r->arena, r->pos, n);
	r->pos += n;
	return true;
}

static bool read_field(struct reader *r, enum gaql_field *ret)
{
	const char *name;

	if (!read_name(r, "a field", &name))
		return false;
	for (unsigned f = 0; f < GF_COUNT; f++)
		if (strcmp(gaql_fields[f].name, name) == 0) {
			*ret = (enum gaql_field)f;
			return true;
		}
	return fail(r, "UNRECOGNIZED_FIELD",
		    arena_printf(r->arena, "Unrecognized field in the query: '%s'.", name));
}

static bool has_field(const struct gaql_query *q, enum gaql_field f)
{
	for (size_t i = 0; i < q->nfields; i++)
		if (q->fields[i] == f)
			return true;
	return false;
}

static bool read_select(struct reader *r, struct gaql_query *q)
{
	if (!take_word(r, "SELECT"))
		return fail_at(r, "SELECT");
	do {
		enum gaql_field f;

		if (!read_field(r, &f))
			return false;
		if (q->nfields == GAQL_FIELDS_MAX)
			return fail(r, "QUERY_TOO_LONG", "Too many fields in the query.");
		if (!has_field(q, f))
			q->fields[q->nfields++] = f;
	} while (take_char(r, ','));
	q->daily = has_field(q, GF_DATE);
	return true;
}

static bool read_from(struct reader *r, struct gaql_query *q)
{
	static const char *const resources[] = { "customer", "campaign", "ad_group",
						 "ad_group_ad" };
	const char *name;

	if (!take_word(r, "FROM"))
		return *r->pos == '\0' ? fail(r, "EXPECTED_FROM", "Error in query: expected FROM.")
				       : fail_at(r, "FROM");
	if (!read_name(r, "a resource", &name))
		return false;
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(resources[i], name) == 0) {
			q->level = (enum ads_level)i;
			q->resource = resources[i];
			return true;
		}
	return fail(r, "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE",
		    arena_printf(r->arena, "'%s' is not a valid resource name.", name));
}

/* A quoted string, a number or a bare word. */
static bool read_value(struct reader *r, const char **ret)
{
	char quote;
	char *out;
	size_t n = 0;

	skip_space(r);
	quote = *r->pos;
	if (quote != '\'' && quote != '"') {
		n = strspn(r->pos, WORD_CHARS "-");
		if (n == 0)
			return fail(r, "BAD_VALUE",
				    arena_printf(r->arena,
						 "Error in query: expected a value at '%.40s'.",
						 r->pos));
		*ret = arena_strndup(r->arena, r->pos, n);
		r->pos += n;
		return true;
	}
	out = arena_alloc(r->arena, strlen(r->pos) + 1);
	if (out == NULL)
		return fail(r, "QUERY_TOO_LONG", "The query is too long.");
	for (r->pos++; *r->pos != quote; r->pos++) {
		if (*r->pos == '\\' && r->pos[1] != '\0')
			r->pos++;
		if (*r->pos == '\0')
			return fail(r, "INVALID_STRING_VALUE",
				    "Error in query: a string is not closed.");
		out[n++] = *r->pos;
	}
	r->pos++;
	*ret = out;
	return true;
}

static bool read_list(struct reader *r, struct gaql_cond *c)
{
	const char **values = arena_array(r->arena, GAQL_VALUES_MAX, sizeof(*values));

	if (values == NULL)
		return fail(r, "QUERY_TOO_LONG", "The query is too long.");
	c->values = values;
	if (!take_char(r, '('))
		return fail_at(r, "(");
	do {
		if (c->nvalues == GAQL_VALUES_MAX)
			return fail(r, "FILTER_HAS_TOO_MANY_VALUES", "Too many values in a list.");
		if (!read_value(r, &values[c->nvalues++]))
			return false;
	} while (take_char(r, ','));
	return take_char(r, ')') || fail_at(r, ")");
}

/* DURING becomes the two days it means. */
static bool read_during(struct reader *r, struct gaql_cond *c)
{
	static const struct {
		const char *name;
		int32_t from, to; /* days before today */
	} ranges[] = { { "TODAY", 0, 0 },
		       { "YESTERDAY", 1, 1 },
		       { "LAST_7_DAYS", 7, 1 },
		       { "LAST_14_DAYS", 14, 1 },
		       { "LAST_30_DAYS", 30, 1 } };
	const char **values = arena_array(r->arena, 2, sizeof(*values));
	char text[TIME_TEXT_MAX];
	const char *name;

	if (values == NULL || !read_name(r, "a date range", &name))
		return false;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (strcasecmp(ranges[i].name, name) != 0)
			continue;
		date_format(r->today - ranges[i].from, text);
		values[0] = arena_strdup(r->arena, text);
		date_format(r->today - ranges[i].to, text);
		values[1] = arena_strdup(r->arena, text);
		c->op = GO_BETWEEN;
		c->values = values;
		c->nvalues = 2;
		return true;
	}
	return fail(r, "INVALID_VALUE_WITH_DURING_OPERATOR",
		    arena_printf(r->arena, "'%s' is not a date range served here.", name));
}

static bool read_operator(struct reader *r, struct gaql_cond *c)
{
	static const struct {
		const char *text;
		enum gaql_op op;
	} ops[] = { { "!=", GO_NE }, { ">=", GO_GE }, { "<=", GO_LE },
		    { "=", GO_EQ },  { ">", GO_GT },  { "<", GO_LT } };

	skip_space(r);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strncmp(r->pos, ops[i].text, strlen(ops[i].text)) == 0) {
			r->pos += strlen(ops[i].text);
			c->op = ops[i].op;
			return true;
		}
	return fail(
		r, "INVALID_OPERATOR",
		arena_printf(r->arena, "Error in query: expected an operator at '%.40s'.", r->pos));
}

static bool read_cond(struct reader *r, struct gaql_cond *c)
{
	const char **values;

	if (!read_field(r, &c->field))
		return false;
	if (take_word(r, "IN")) {
		c->op = GO_IN;
		return read_list(r, c);
	}
	if (take_word(r, "NOT")) {
		c->op = GO_NOT_IN;
		return (take_word(r, "IN") || fail_at(r, "IN")) && read_list(r, c);
	}
	if (take_word(r, "DURING"))
		return read_during(r, c);
	values = arena_array(r->arena, 2, sizeof(*values));
	if (values == NULL)
		return fail(r, "QUERY_TOO_LONG", "The query is too long.");
	c->values = values;
	c->nvalues = 1;
	if (take_word(r, "BETWEEN")) {
		c->op = GO_BETWEEN;
		c->nvalues = 2;
		return read_value(r, &values[0]) && (take_word(r, "AND") || fail_at(r, "AND")) &&
		       read_value(r, &values[1]);
	}
	return read_operator(r, c) && read_value(r, &values[0]);
}

static bool read_where(struct reader *r, struct gaql_query *q)
{
	if (!take_word(r, "WHERE"))
		return true;
	do {
		if (q->nconds == GAQL_CONDS_MAX)
			return fail(r, "TOO_MANY_FILTERS", "Too many conditions in the query.");
		if (!read_cond(r, &q->conds[q->nconds++]))
			return false;
	} while (take_word(r, "AND"));
	return true;
}

static bool read_order(struct reader *r, struct gaql_query *q)
{
	if (!take_word(r, "ORDER"))
		return true;
	if (!take_word(r, "BY"))
		return fail(r, "EXPECTED_BY", "Error in query: expected BY after ORDER.");
	do {
		size_t i = q->norders;

		if (i == GAQL_CONDS_MAX)
			return fail(r, "TOO_MANY_ORDERINGS", "Too many orderings in the query.");
		if (!read_field(r, &q->orders[i].field))
			return false;
		if (!has_field(q, q->orders[i].field))
			return fail(r, "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE",
				    "A field in ORDER BY must be in the SELECT clause.");
		q->orders[i].descending = take_word(r, "DESC");
		if (!q->orders[i].descending)
			take_word(r, "ASC");
		q->norders++;
	} while (take_char(r, ','));
	return true;
}

static bool read_limit(struct reader *r, struct gaql_query *q)
{
	const char *text;

	if (!take_word(r, "LIMIT"))
		return true;
	if (!read_name(r, "a number", &text))
		return false;
	return parse_i64(text, 1, INT32_MAX, &q->limit) ||
	       fail(r, "INVALID_LIMIT", "LIMIT must be a number of at least 1.");
}

/* Only what the resource has, and what its parents have, can be selected or compared. */
static bool check_field(struct reader *r, const struct gaql_query *q, enum gaql_field f,
			bool selected)
{
	if (gaql_fields[f].level <= q->level)
		return true;
	return fail(
		r,
		selected ? "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE"
			 : "PROHIBITED_FIELD_IN_WHERE_CLAUSE",
		arena_printf(r->arena,
			     "The following field is incompatible with the resource '%s' in the "
			     "FROM clause: '%s'.",
			     q->resource, gaql_fields[f].name));
}

static bool take_dates(struct reader *r, struct gaql_query *q, const struct gaql_cond *c)
{
	int32_t day, last;

	if (!date_parse(c->values[0], &day) ||
	    (c->nvalues == 2 && !date_parse(c->values[1], &last)))
		return fail(r, "BAD_VALUE", "segments.date takes days such as '2026-01-31'.");
	if (c->op == GO_IN || c->op == GO_NOT_IN || c->op == GO_NE)
		return fail(r, "INVALID_OPERATOR", "The operator is not allowed on segments.date.");
	if (c->op != GO_BETWEEN)
		last = day;
	if (c->op == GO_GT)
		day++;
	if (c->op == GO_LT)
		last--;
	if (c->op != GO_LT && c->op != GO_LE && day > q->from)
		q->from = day;
	if (c->op != GO_GT && c->op != GO_GE && last < q->to)
		q->to = last;
	return true;
}

static bool check_values(struct reader *r, const struct gaql_cond *c)
{
	enum gaql_kind kind = gaql_fields[c->field].kind;
	int64_t ignored;

	for (size_t i = 0; i < c->nvalues && (kind == GK_INT64 || kind == GK_DOUBLE); i++)
		if (!decimal_parse(c->values[i], 6, &ignored))
			return fail(r, "BAD_NUMBER",
				    arena_printf(r->arena, "'%s' is not a number.", c->values[i]));
	return true;
}

static bool check(struct reader *r, struct gaql_query *q)
{
	for (size_t i = 0; i < q->nfields; i++)
		if (!check_field(r, q, q->fields[i], true))
			return false;
	q->from = INT32_MIN;
	q->to = INT32_MAX;
	for (size_t i = 0; i < q->nconds; i++) {
		if (!check_field(r, q, q->conds[i].field, false) || !check_values(r, &q->conds[i]))
			return false;
		if (q->conds[i].field == GF_DATE && !take_dates(r, q, &q->conds[i]))
			return false;
	}
	if (q->daily && (q->from == INT32_MIN || q->to == INT32_MAX))
		return fail(
			r, "EXPECTED_FILTERS_ON_DATE_RANGE",
			"The query selects segments.date, so its WHERE clause must give a finite "
			"date range.");
	return true;
}

bool gaql_parse(struct arena *a, const char *text, int32_t today, struct gaql_query *ret,
		struct gaql_error *err)
{
	struct reader r = { .arena = a, .pos = text, .err = err, .today = today };

	*ret = (struct gaql_query){ .nfields = 0 };
	*err = (struct gaql_error){ NULL, NULL };
	if (strlen(text) > GAQL_TEXT_MAX)
		return fail(&r, "QUERY_TOO_LONG", "The query is too long.");
	if (!read_select(&r, ret) || !read_from(&r, ret) || !read_where(&r, ret) ||
	    !read_order(&r, ret) || !read_limit(&r, ret))
		return false;
	skip_space(&r);
	if (at_word(&r, "PARAMETERS"))
		return fail(&r, "UNEXPECTED_INPUT", "PARAMETERS is not served by the simulator.");
	if (*r.pos != '\0')
		return fail_at(&r, "the end of the query");
	return check(&r, ret);
}
