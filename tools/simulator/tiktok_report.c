/* TikTok's synchronous report: parameters checked, dimensions against the data level, strings for
 * numbers. */
#include "tiktok.h"

#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <string.h>

#define MICROS 1000000

struct report {
	const struct ad_account *account;
	enum ads_level level;
	const char *dimensions[TIKTOK_LIST_MAX], *metrics[TIKTOK_LIST_MAX];
	size_t ndimensions, nmetrics;
	bool daily;
	int32_t from, to;
	int64_t page, page_size;
};

static const char *const levels[] = { "AUCTION_ADVERTISER", "AUCTION_CAMPAIGN", "AUCTION_ADGROUP",
				      "AUCTION_AD" };
static const char *const level_ids[] = { "advertiser_id", "campaign_id", "adgroup_id", "ad_id" };

static const struct {
	const char *name;
	enum ads_level level; /* the coarsest level that has it */
} metrics[] = {
	{ "spend", LEVEL_ACCOUNT },
	{ "impressions", LEVEL_ACCOUNT },
	{ "clicks", LEVEL_ACCOUNT },
	{ "conversion", LEVEL_ACCOUNT },
	{ "ctr", LEVEL_ACCOUNT },
	{ "cpc", LEVEL_ACCOUNT },
	{ "cpm", LEVEL_ACCOUNT },
	{ "cost_per_conversion", LEVEL_ACCOUNT },
	{ "conversion_rate", LEVEL_ACCOUNT },
	{ "complete_payment", LEVEL_ACCOUNT },
	{ "total_purchase_value", LEVEL_ACCOUNT },
	{ "total_complete_payment_rate", LEVEL_ACCOUNT },
	{ "complete_payment_roas", LEVEL_ACCOUNT },
	{ "currency", LEVEL_ACCOUNT },
	{ "advertiser_id", LEVEL_ACCOUNT },
	{ "advertiser_name", LEVEL_ACCOUNT },
	{ "campaign_id", LEVEL_CAMPAIGN },
	{ "campaign_name", LEVEL_CAMPAIGN },
	{ "adgroup_id", LEVEL_ADSET },
	{ "adgroup_name", LEVEL_ADSET },
	{ "ad_id", LEVEL_AD },
	{ "ad_name", LEVEL_AD },
};

static bool bad(struct exchange *ex, const char *message)
{
	tiktok_error(ex, 40002, message);
	return false;
}

static bool read_account(struct exchange *ex, struct report *r)
{
	const char *id = web_param(ex->req, "advertiser_id");

	if (id == NULL)
		return bad(ex, "advertiser_id: Missing data for required field.");
	r->account = dataset_account(ex->data, PLATFORM_TIKTOK, id);
	if (r->account != NULL)
		return true;
	tiktok_error(ex, 40001,
		     arena_printf(ex->arena, "No permission to operate advertiser %s.", id));
	return false;
}

static bool read_kind(struct exchange *ex, struct report *r)
{
	static const char *const refused[] = { "filtering", "order_field", "order_type",
					       "multi_adv_report_in_utc_time", "advertiser_ids" };
	const char *type = web_param(ex->req, "report_type"), *level;
	const char *service = web_param(ex->req, "service_type");
	const char *lifetime = web_param(ex->req, "query_lifetime");

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (web_param(ex->req, refused[i]) != NULL)
			return bad(ex, arena_printf(ex->arena, "%s: not served by the simulator.",
						    refused[i]));
	if (type == NULL || strcmp(type, "BASIC") != 0)
		return bad(ex, "report_type: Only BASIC is served.");
	if (service != NULL && strcmp(service, "AUCTION") != 0)
		return bad(ex, "service_type: Only AUCTION is served.");
	if (lifetime != NULL && strcmp(lifetime, "false") != 0)
		return bad(ex, "query_lifetime: Only false is served.");
	level = web_param(ex->req, "data_level");
	for (unsigned i = 0; level != NULL && i < 4; i++)
		if (strcmp(levels[i], level) == 0) {
			r->level = (enum ads_level)i;
			return true;
		}
	return bad(ex, level == NULL ? "data_level: Missing data for required field."
				     : "data_level: Not a valid choice.");
}

static bool read_dimensions(struct exchange *ex, struct report *r)
{
	bool has_id = false;

	if (!tiktok_list_param(ex, "dimensions", true, r->dimensions, &r->ndimensions))
		return false;
	for (size_t i = 0; i < r->ndimensions; i++) {
		const char *d = r->dimensions[i];

		if (strcmp(d, "stat_time_day") == 0 && !r->daily)
			r->daily = true;
		else if (strcmp(d, level_ids[r->level]) == 0 && !has_id)
			has_id = true;
		else
			return bad(ex, arena_printf(ex->arena,
						    "dimensions: %s is not valid together with "
						    "data_level %s.",
						    d, levels[r->level]));
	}
	return has_id ||
	       bad(ex, arena_printf(ex->arena, "dimensions: %s is required for data_level %s.",
				    level_ids[r->level], levels[r->level]));
}

static bool read_metrics(struct exchange *ex, struct report *r)
{
	if (!tiktok_list_param(ex, "metrics", false, r->metrics, &r->nmetrics))
		return false;
	if (r->nmetrics == 0) {
		r->metrics[r->nmetrics++] = "spend";
		r->metrics[r->nmetrics++] = "impressions";
	}
	for (size_t i = 0; i < r->nmetrics; i++) {
		size_t k = 0, n = sizeof(metrics) / sizeof(metrics[0]);

		while (k < n && strcmp(metrics[k].name, r->metrics[i]) != 0)
			k++;
		if (k == n || metrics[k].level > r->level)
			return bad(ex, arena_printf(ex->arena,
						    "metrics: Invalid metric fields: ['%s'] for "
						    "data_level %s.",
						    r->metrics[i], levels[r->level]));
	}
	return true;
}

static bool read_dates(struct exchange *ex, struct report *r)
{
	const char *from = web_param(ex->req, "start_date"), *to = web_param(ex->req, "end_date");
	int32_t max = r->daily ? TIKTOK_DAYS_MAX : TIKTOK_TOTAL_DAYS_MAX;

	if (from == NULL || to == NULL)
		return bad(ex, from == NULL ? "start_date: Missing data for required field."
					    : "end_date: Missing data for required field.");
	if (!date_parse(from, &r->from) || !date_parse(to, &r->to))
		return bad(ex, "start_date, end_date: Not a valid date (YYYY-MM-DD).");
	if (r->to < r->from)
		return bad(ex, "end_date: must not be before start_date.");
	if (r->to - r->from + 1 > max)
		return bad(ex, arena_printf(
				       ex->arena,
				       "The time range of the report is too long: at most %d days.",
				       max));
	return true;
}

static bool read_page(struct exchange *ex, struct report *r)
{
	const char *page = web_param(ex->req, "page"), *size = web_param(ex->req, "page_size");

	r->page = 1;
	r->page_size = TIKTOK_PAGE_SIZE_DEFAULT;
	if (page != NULL && !parse_i64(page, 1, INT32_MAX, &r->page))
		return bad(ex, "page: Must be greater than or equal to 1.");
	if (size != NULL && !parse_i64(size, 1, TIKTOK_PAGE_SIZE_MAX, &r->page_size))
		return bad(ex, "page_size: Must be between 1 and 1000.");
	return true;
}

/* ------------------------------------------------------------------ writing */

static const char *number(struct exchange *ex, int64_t n)
{
	return arena_printf(ex->arena, "%lld", (long long)n);
}

static const char *metric_text(struct exchange *ex, const struct ads_row *s, const char *m)
{
	const struct ad_row *r = s->row;
	char money[DECIMAL_TEXT];

	if (strcmp(m, "spend") == 0 || strcmp(m, "total_purchase_value") == 0) {
		money_format(m[0] == 's' ? s->spend : s->conversion_value, r->currency.p, money);
		return arena_strdup(ex->arena, money);
	}
	if (strcmp(m, "impressions") == 0)
		return number(ex, s->impressions);
	if (strcmp(m, "clicks") == 0)
		return number(ex, s->clicks);
	if (strcmp(m, "conversion") == 0 || strcmp(m, "complete_payment") == 0)
		return ads_decimal(ex->arena, s->conversions);
	if (strcmp(m, "ctr") == 0)
		return ads_ratio(ex->arena, s->clicks * 100, s->impressions);
	if (strcmp(m, "cpc") == 0)
		return ads_ratio(ex->arena, s->spend, s->clicks * MICROS);
	if (strcmp(m, "cpm") == 0)
		return ads_ratio(ex->arena, s->spend, s->impressions * (MICROS / 1000));
	if (strcmp(m, "cost_per_conversion") == 0)
		return ads_ratio(ex->arena, s->spend, s->conversions);
	if (strcmp(m, "conversion_rate") == 0 || strcmp(m, "total_complete_payment_rate") == 0)
		return ads_ratio(ex->arena, s->conversions * 100, s->clicks * MICROS);
	if (strcmp(m, "complete_payment_roas") == 0)
		return ads_ratio(ex->arena, s->conversion_value, s->spend);
	return NULL;
}

static const char *attribute_text(struct exchange *ex, const struct ads_row *s, const char *m)
{
	const struct ad_row *r = s->row;

	if (strcmp(m, "currency") == 0)
		return r->currency.p;
	if (strcmp(m, "advertiser_id") == 0)
		return r->account_id.p;
	if (strcmp(m, "advertiser_name") == 0)
		return arena_printf(ex->arena, "%s %s", ex->data->name, r->account_id.p);
	if (strcmp(m, "campaign_id") == 0)
		return r->campaign_id.p;
	if (strcmp(m, "campaign_name") == 0)
		return r->campaign_name.p;
	if (strcmp(m, "adgroup_id") == 0)
		return r->adset_id.p;
	if (strcmp(m, "adgroup_name") == 0)
		return r->adset_name.p;
	return strcmp(m, "ad_id") == 0 ? r->ad_id.p : r->ad_name.p;
}

static void put_pair(struct exchange *ex, const char *key, const char *value, bool first)
{
	buf_printf(&ex->rep->body, "%s\"%s\":", first ? "" : ",", key);
	/* What TikTok does not have it shows as a dash. */
	if (value[0] == '\0')
		value = "-";
	buf_put_json(&ex->rep->body, value, strlen(value));
}

static void put_row(struct exchange *ex, const struct report *r, const struct ads_row *s)
{
	char day[TIME_TEXT_MAX];

	date_format(s->day, day);
	buf_puts(&ex->rep->body, "{\"dimensions\":{");
	for (size_t i = 0; i < r->ndimensions; i++) {
		const char *d = r->dimensions[i];

		put_pair(ex, d,
			 strcmp(d, "stat_time_day") == 0
				 ? arena_printf(ex->arena, "%s 00:00:00", day)
				 : attribute_text(ex, s, d),
			 i == 0);
	}
	buf_puts(&ex->rep->body, "},\"metrics\":{");
	for (size_t i = 0; i < r->nmetrics; i++) {
		const char *value = metric_text(ex, s, r->metrics[i]);

		put_pair(ex, r->metrics[i],
			 value != NULL ? value : attribute_text(ex, s, r->metrics[i]), i == 0);
	}
	buf_puts(&ex->rep->body, "}}");
}

static void answer(struct exchange *ex, const struct report *r)
{
	struct ads_query q = { PLATFORM_TIKTOK, r->account->account_id.p, r->from, r->to, r->level,
			       r->daily };
	size_t total = 0, size = (size_t)r->page_size, from, n;
	const struct ads_row *rows = ads_sum(ex->arena, ex->data, &q, &total);

	if (rows == NULL) {
		tiktok_error(ex, 50000, "System error");
		return;
	}
	from = (size_t)(r->page - 1) * size;
	from = from > total ? total : from;
	n = total - from < size ? total - from : size;
	tiktok_open(ex);
	buf_puts(&ex->rep->body, "{\"list\":[");
	for (size_t i = from; i < from + n; i++) {
		if (i > from)
			buf_putc(&ex->rep->body, ',');
		put_row(ex, r, &rows[i]);
	}
	buf_printf(&ex->rep->body,
		   "],\"page_info\":{\"total_number\":%zu,\"page\":%lld,\"page_size\":%zu,"
		   "\"total_page\":%zu}}}",
		   total, (long long)r->page, size, (total + size - 1) / size);
	exchange_page(ex, PROV_TIKTOK, "report",
		      arena_printf(ex->arena, "%s %d..%d %s page %lld", q.account_id, r->from,
				   r->to, levels[r->level], (long long)r->page));
}

void tiktok_report(struct exchange *ex)
{
	struct report r = { .page = 1 };

	if (read_account(ex, &r) && read_kind(ex, &r) && read_dimensions(ex, &r) &&
	    read_metrics(ex, &r) && read_dates(ex, &r) && read_page(ex, &r))
		answer(ex, &r);
}
