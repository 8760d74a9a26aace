/* Answers a checked GAQL query: rows summed to the resource, filtered, ordered, and written as
 * Google's JSON. */
#include "google.h"

#include "core/id.h"
#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <stdlib.h>
#include <string.h>

#define MICROS 1000000

struct order_ctx {
	struct exchange *ex;
	const struct gaql_query *q;
};

static const char *resource_name(struct exchange *ex, const struct ad_row *r, enum gaql_field f)
{
	const char *customer = arena_printf(ex->arena, "customers/%s", r->account_id.p);

	if (f == GF_CAMPAIGN_RESOURCE)
		return arena_printf(ex->arena, "%s/campaigns/%s", customer, r->campaign_id.p);
	if (f == GF_GROUP_RESOURCE)
		return arena_printf(ex->arena, "%s/adGroups/%s", customer, r->adset_id.p);
	if (f == GF_AD_RESOURCE)
		return arena_printf(ex->arena, "%s/adGroupAds/%s~%s", customer, r->adset_id.p,
				    r->ad_id.p);
	return customer;
}

static const char *date_of(struct exchange *ex, int32_t day)
{
	char text[TIME_TEXT_MAX];

	date_format(day, text);
	return arena_strdup(ex->arena, text);
}

static const char *text_of(struct exchange *ex, const struct ads_row *s, enum gaql_field f)
{
	const struct ad_row *r = s->row;

	switch (f) {
	case GF_CUSTOMER_NAME:
	case GF_CAMPAIGN_RESOURCE:
	case GF_GROUP_RESOURCE:
	case GF_AD_RESOURCE:
		return resource_name(ex, r, f);
	case GF_CUSTOMER_ID:
		return r->account_id.p;
	case GF_CUSTOMER_DESCRIPTIVE:
		return arena_printf(ex->arena, "%s %s", ex->data->name, r->account_id.p);
	case GF_CUSTOMER_CURRENCY:
		return r->currency.p;
	case GF_CUSTOMER_ZONE:
		return ex->data->zone;
	case GF_CAMPAIGN_ID:
		return r->campaign_id.p;
	case GF_CAMPAIGN_NAME:
		return r->campaign_name.p;
	case GF_CAMPAIGN_STATUS:
	case GF_GROUP_STATUS:
	case GF_AD_STATUS:
		return "ENABLED";
	case GF_GROUP_ID:
		return r->adset_id.p;
	case GF_GROUP_NAME:
		return r->adset_name.p;
	case GF_AD_ID:
		return r->ad_id.p;
	case GF_AD_NAME:
		return r->ad_name.p;
	case GF_DATE:
		return date_of(ex, s->day);
	case GF_COST:
	case GF_IMPRESSIONS:
	case GF_CLICKS:
	case GF_CONVERSIONS:
	case GF_VALUE:
	case GF_COUNT:
		break;
	}
	return "";
}

/* A metric in millionths, so that whole numbers and decimals compare alike. */
static int64_t number_of(const struct ads_row *s, enum gaql_field f)
{
	if (f == GF_COST)
		return s->spend; /* cost_micros is a whole number of micros: see compare_number */
	if (f == GF_IMPRESSIONS)
		return s->impressions;
	if (f == GF_CLICKS)
		return s->clicks;
	return f == GF_CONVERSIONS ? s->conversions : s->conversion_value;
}

static int compare_value(struct exchange *ex, const struct ads_row *s, enum gaql_field f,
			 const char *value)
{
	const struct gaql_field_info *info = &gaql_fields[f];
	const char *have;
	int64_t want = 0, number;

	if (info->kind == GK_INT64 || info->kind == GK_DOUBLE) {
		int scale = info->kind == GK_DOUBLE ? 6 : 0;

		number = number_of(s, f);
		if (!decimal_parse(value, scale, &want)) {
			/* A fraction against a whole number: compare with its whole part, and it is
			 * never equal. */
			if (!decimal_parse(value, 6, &want))
				return 1;
			want /= MICROS;
			return number <= want ? -1 : 1;
		}
		return (number > want) - (number < want);
	}
	have = text_of(ex, s, f);
	return id_compare((struct str){ have, (uint32_t)strlen(have) },
			  (struct str){ value, (uint32_t)strlen(value) });
}

static bool cond_holds(struct exchange *ex, const struct ads_row *s, const struct gaql_cond *c)
{
	int d = compare_value(ex, s, c->field, c->values[0]);
	bool found = false;

	switch (c->op) {
	case GO_EQ:
		return d == 0;
	case GO_NE:
		return d != 0;
	case GO_GT:
		return d > 0;
	case GO_GE:
		return d >= 0;
	case GO_LT:
		return d < 0;
	case GO_LE:
		return d <= 0;
	case GO_BETWEEN:
		return d >= 0 && compare_value(ex, s, c->field, c->values[1]) <= 0;
	case GO_IN:
	case GO_NOT_IN:
		break;
	}
	for (size_t i = 0; i < c->nvalues; i++)
		found = found || compare_value(ex, s, c->field, c->values[i]) == 0;
	return found == (c->op == GO_IN);
}

static bool row_matches(struct exchange *ex, const struct gaql_query *q, const struct ads_row *s)
{
	for (size_t i = 0; i < q->nconds; i++)
		if (q->conds[i].field != GF_DATE && !cond_holds(ex, s, &q->conds[i]))
			return false;
	return true;
}

static int compare_rows(const void *pa, const void *pb, void *arg)
{
	const struct order_ctx *ctx = arg;
	const struct ads_row *a = pa, *b = pb;

	for (size_t i = 0; i < ctx->q->norders; i++) {
		enum gaql_field f = ctx->q->orders[i].field;
		int d;

		if (gaql_fields[f].kind == GK_INT64 || gaql_fields[f].kind == GK_DOUBLE)
			d = (number_of(a, f) > number_of(b, f)) -
			    (number_of(a, f) < number_of(b, f));
		else
			d = compare_value(ctx->ex, a, f, text_of(ctx->ex, b, f));
		if (d != 0)
			return ctx->q->orders[i].descending ? -d : d;
	}
	/* Rows come sorted by day and id; keeping that order makes pages stable. */
	return (a->day > b->day) - (a->day < b->day) != 0 ? (a->day > b->day) - (a->day < b->day)
							  : (a->row > b->row) - (a->row < b->row);
}

bool google_rows(struct exchange *ex, const struct ad_account *acc, const struct gaql_query *q,
		 const struct ads_row **ret, size_t *ret_n)
{
	struct ads_query sum = { PLATFORM_GOOGLE, acc->account_id.p, q->from,
				 q->to,           q->level,          q->daily };
	struct order_ctx ctx = { ex, q };
	size_t n = 0, kept = 0;
	const struct ads_row *rows = ads_sum(ex->arena, ex->data, &sum, &n);
	struct ads_row *out = arena_array(ex->arena, n + 1, sizeof(*out));

	if (rows == NULL || out == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (row_matches(ex, q, &rows[i]))
			out[kept++] = rows[i];
	if (q->norders > 0)
		qsort_r(out, kept, sizeof(*out), compare_rows, &ctx);
	*ret = out;
	*ret_n = q->limit > 0 && (size_t)q->limit < kept ? (size_t)q->limit : kept;
	return true;
}

/* ------------------------------------------------------------------ writing */

static void put_value(struct exchange *ex, const struct ads_row *s, enum gaql_field f)
{
	struct buf *b = &ex->rep->body;
	const char *text;

	if (gaql_fields[f].kind == GK_INT64) {
		buf_printf(b, "\"%lld\"", (long long)number_of(s, f));
	} else if (gaql_fields[f].kind == GK_DOUBLE) {
		buf_puts(b, ads_decimal(ex->arena, number_of(s, f)));
	} else {
		text = text_of(ex, s, f);
		buf_put_json(b, text, strlen(text));
	}
}

/* The members of one group, with the ad's own in an object inside. Resource names come with every
 * resource. */
static void put_group(struct exchange *ex, const struct gaql_query *q, const struct ads_row *s,
		      const char *group, enum gaql_field name_field)
{
	struct buf *b = &ex->rep->body;
	bool first = true, ad = false;

	buf_printf(b, "\"%s\":{", group);
	if (name_field != GF_COUNT) {
		buf_puts(b, "\"resourceName\":");
		put_value(ex, s, name_field);
		first = false;
	}
	for (size_t i = 0; i < q->nfields; i++) {
		const struct gaql_field_info *info = &gaql_fields[q->fields[i]];

		if (strcmp(info->group, group) != 0 || q->fields[i] == name_field)
			continue;
		if (strncmp(info->key, "ad.", 3) == 0) {
			ad = true;
			continue;
		}
		buf_printf(b, "%s\"%s\":", first ? "" : ",", info->key);
		put_value(ex, s, q->fields[i]);
		first = false;
	}
	if (ad) {
		const char *ad_name = arena_printf(ex->arena, "customers/%s/ads/%s",
						   s->row->account_id.p, s->row->ad_id.p);

		buf_puts(b, first ? "\"ad\":{\"resourceName\":" : ",\"ad\":{\"resourceName\":");
		buf_put_json(b, ad_name, strlen(ad_name));
		for (size_t i = 0; i < q->nfields; i++)
			if (strncmp(gaql_fields[q->fields[i]].key, "ad.", 3) == 0) {
				buf_printf(b, ",\"%s\":", gaql_fields[q->fields[i]].key + 3);
				put_value(ex, s, q->fields[i]);
			}
		buf_putc(b, '}');
	}
	buf_putc(b, '}');
}

static void put_row(struct exchange *ex, const struct gaql_query *q, const struct ads_row *s)
{
	static const struct {
		const char *group;
		enum gaql_field name;
		enum ads_level level;
	} groups[] = { { "customer", GF_CUSTOMER_NAME, LEVEL_ACCOUNT },
		       { "campaign", GF_CAMPAIGN_RESOURCE, LEVEL_CAMPAIGN },
		       { "adGroup", GF_GROUP_RESOURCE, LEVEL_ADSET },
		       { "adGroupAd", GF_AD_RESOURCE, LEVEL_AD },
		       { "metrics", GF_COUNT, LEVEL_AD },
		       { "segments", GF_COUNT, LEVEL_AD } };
	bool first = true;

	buf_putc(&ex->rep->body, '{');
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		/* The resource asked for always shows its name. */
		bool wanted = groups[g].name != GF_COUNT && groups[g].level == q->level;

		for (size_t i = 0; i < q->nfields; i++)
			wanted = wanted ||
				 strcmp(gaql_fields[q->fields[i]].group, groups[g].group) == 0;
		if (!wanted)
			continue;
		if (!first)
			buf_putc(&ex->rep->body, ',');
		first = false;
		put_group(ex, q, s, groups[g].group, groups[g].name);
	}
	buf_putc(&ex->rep->body, '}');
}

void google_put_batch(struct exchange *ex, const struct gaql_query *q, const struct ads_row *rows,
		      size_t n)
{
	struct buf *b = &ex->rep->body;

	buf_putc(b, '{');
	if (n > 0) {
		buf_puts(b, "\"results\":[");
		for (size_t i = 0; i < n; i++) {
			if (i > 0)
				buf_putc(b, ',');
			put_row(ex, q, &rows[i]);
		}
		buf_puts(b, "],");
	}
	buf_puts(b, "\"fieldMask\":\"");
	for (size_t i = 0; i < q->nfields; i++)
		buf_printf(b, "%s%s", i > 0 ? "," : "", gaql_fields[q->fields[i]].path);
	buf_printf(b, "\",\"queryResourceConsumption\":\"%zu\"", 100 + n * q->nfields);
}
