/*
 * TikTok Business API v1.3: every answer is HTTP 200 with {"code","message","data"}; metrics are
 * strings and "-" where there is none; at most 30 days a request (tiktok-business-api-sdk). A row's
 * campaign and ad group come as attribute metrics of the ad.
 */
#include "provider.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <stdio.h>
#include <string.h>

#define PAGE_ROWS 1000

static enum status judge(struct provider_session *s, const cJSON *tree, struct error *err)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(tree, "code");
	int n = cJSON_IsNumber(code) ? code->valueint : -1;

	if (n == 0)
		return ST_OK;
	if (n == 40105 || n == 40104 || n == 40102 || n == 40001)
		return provider_refused(s->provider, err,
					n == 40001 ? "code 40001, no permission"
						   : "code 40105, the token is not good any more");
	if (n == 40100)
		return error_set(err, ST_LIMITED, NULL, "TikTok answers 40100, its request limit");
	if (n >= 50000)
		return error_set(err, ST_UPSTREAM, NULL, "TikTok answers %d, a fault on its side",
				 n);
	if (n < 0)
		return error_set(err, ST_UPSTREAM, NULL, "TikTok sent an answer without a code");
	return error_set(err, ST_INTERNAL, NULL, "TikTok refuses the request with code %d", n);
}

static enum status ask(struct provider_session *s, struct arena *a, const char *url, cJSON **tree,
		       struct error *err)
{
	struct http_header h = { "Access-Token", s->token };
	int code = 0;
	enum status st =
		provider_ask(s, a,
			     &(struct http_request){
				     .method = "GET", .url = url, .headers = &h, .n_headers = 1 },
			     &code, tree, err);

	if (st != ST_OK)
		return st;
	st = judge(s, *tree, err);
	if (st != ST_OK) {
		cJSON_Delete(*tree);
		*tree = NULL;
	}
	return st;
}

static void base(struct provider_session *s, struct buf *url, const char *path)
{
	http_url_begin(url, s->app->cfg.tiktok_url);
	/* TikTok's paths end in a slash. */
	http_url_path(url, path);
}

static enum status list_ids(struct provider_session *s, struct arena *a,
			    struct ad_account *accounts, size_t *n, struct error *err)
{
	struct reader r = { s->provider->title, a, err, ST_OK };
	cJSON *tree = NULL;
	const cJSON *list, *row;
	struct buf url;
	enum status st;

	buf_init(&url, HTTP_URL_MAX);
	base(s, &url, "open_api/v1.3/oauth2/advertiser/get/");
	http_url_query(&url, "app_id", s->app->cfg.tiktok_app_id);
	http_url_query(&url, "secret", s->app->cfg.tiktok_secret);
	st = ask(s, a, buf_str(&url), &tree, err);
	buf_done(&url);
	if (st != ST_OK)
		return st;
	list = read_list(&r, read_member(&r, tree, "data"), "list");
	cJSON_ArrayForEach(row, list) if (*n < PROVIDER_ACCOUNTS_MAX) accounts[(*n)++] =
		(struct ad_account){ read_text(&r, row, "advertiser_id", true),
				     read_text(&r, row, "advertiser_name", false), "", "" };
	cJSON_Delete(tree);
	return r.st;
}

static enum status describe(struct provider_session *s, struct arena *a, struct ad_account *account,
			    struct error *err)
{
	struct reader r = { s->provider->title, a, err, ST_OK };
	cJSON *tree = NULL;
	const cJSON *row;
	struct buf url, ids;
	enum status st;

	buf_init(&url, HTTP_URL_MAX);
	buf_init(&ids, 2048);
	buf_putc(&ids, '[');
	buf_put_json(&ids, account->account_id, strlen(account->account_id));
	buf_putc(&ids, ']');
	base(s, &url, "open_api/v1.3/advertiser/info/");
	http_url_query(&url, "advertiser_ids", buf_str(&ids));
	st = ask(s, a, buf_str(&url), &tree, err);
	buf_done(&url);
	buf_done(&ids);
	if (st != ST_OK)
		return st;
	row = cJSON_GetArrayItem(read_member(&r, read_member(&r, tree, "data"), "list"), 0);
	account->currency = read_text(&r, row, "currency", true);
	account->timezone = read_text(&r, row, "timezone", true);
	cJSON_Delete(tree);
	return r.st;
}

static enum status tiktok_accounts(struct provider_session *s, struct arena *a,
				   struct ad_account **ret, size_t *n, struct error *err)
{
	struct ad_account *accounts = arena_array(a, PROVIDER_ACCOUNTS_MAX, sizeof(*accounts));
	enum status st;

	*n = 0;
	if (!accounts)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	st = list_ids(s, a, accounts, n, err);
	for (size_t i = 0; st == ST_OK && i < *n; i++)
		st = describe(s, a, &accounts[i], err);
	*ret = accounts;
	return st;
}

static void report_url(struct provider_session *s, struct arena *a,
		       const struct ad_account *account, int32_t since, int32_t until, int64_t page,
		       struct buf *url)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];

	date_format(since, from);
	date_format(until, to);
	base(s, url, "open_api/v1.3/report/integrated/get/");
	http_url_query(url, "advertiser_id", account->account_id);
	http_url_query(url, "report_type", "BASIC");
	http_url_query(url, "service_type", "AUCTION");
	http_url_query(url, "data_level", "AUCTION_AD");
	http_url_query(url, "dimensions", "[\"ad_id\",\"stat_time_day\"]");
	http_url_query(url, "metrics",
		       "[\"campaign_id\",\"campaign_name\",\"adgroup_id\",\"adgroup_name\",\"ad_"
		       "name\",\"spend\","
		       "\"impressions\",\"clicks\",\"conversion\",\"total_purchase_value\"]");
	http_url_query(url, "start_date", from);
	http_url_query(url, "end_date", to);
	http_url_query(url, "page", arena_printf(a, "%lld", (long long)page));
	http_url_query(url, "page_size", arena_printf(a, "%d", PAGE_ROWS));
}

static void read_row(struct reader *r, const cJSON *row, struct ad_result *out)
{
	const cJSON *d = read_member(r, row, "dimensions"), *m = read_member(r, row, "metrics");

	*out = (struct ad_result){
		.campaign_id = read_text(r, m, "campaign_id", true),
		.campaign_name = read_text(r, m, "campaign_name", false),
		.adset_id = read_text(r, m, "adgroup_id", true),
		.adset_name = read_text(r, m, "adgroup_name", false),
		.ad_id = read_text(r, d, "ad_id", true),
		.ad_name = read_text(r, m, "ad_name", false),
		.day = read_day(r, d, "stat_time_day"),
		.spend_micros = read_micros(r, m, "spend"),
		.impressions = read_count(r, m, "impressions"),
		.clicks = read_count(r, m, "clicks"),
		.conversions_micros = read_micros(r, m, "conversion"),
		.value_micros = read_micros(r, m, "total_purchase_value"),
	};
}

static enum status tiktok_results(struct provider_session *s, struct arena *a,
				  const struct ad_account *account, int32_t since, int32_t until,
				  const char *cursor, int attempt, struct result_page *ret,
				  struct error *err)
{
	struct reader r = { s->provider->title, a, err, ST_OK };
	const cJSON *data, *info, *list, *row;
	int64_t page = 1, pages;
	cJSON *tree = NULL;
	struct buf url;
	enum status st;

	(void)attempt; /* TikTok's page size has no bearing on its limits */
	if (cursor && !parse_i64(cursor, 1, 1000000, &page))
		return error_set(err, ST_INTERNAL, NULL, "a kept page number is unreadable");
	buf_init(&url, HTTP_URL_MAX);
	report_url(s, a, account, since, until, page, &url);
	st = ask(s, a, buf_str(&url), &tree, err);
	buf_done(&url);
	if (st != ST_OK)
		return st;
	data = read_member(&r, tree, "data");
	info = read_member(&r, data, "page_info");
	list = read_list(&r, data, "list");
	read_member(&r, info, "total_page"); /* without it the rest would be lost in silence */
	pages = read_count(&r, info, "total_page");
	ret->n = 0;
	ret->rows = arena_array(a, (size_t)cJSON_GetArraySize(list) + 1, sizeof(*ret->rows));
	if (!ret->rows)
		r.st = error_set(err, ST_UPSTREAM, NULL, "TikTok sent a page that is too large");
	else
		cJSON_ArrayForEach(row, list) read_row(&r, row, &ret->rows[ret->n++]);
	ret->next = page < pages ? arena_printf(a, "%lld", (long long)page + 1) : NULL;
	cJSON_Delete(tree);
	return r.st;
}

const struct provider provider_tiktok = { "tiktok", "TikTok", 30, tiktok_accounts, tiktok_results };
