/* Meta, TikTok and Google Ads over HTTP: totals at every level, names as of their day, errors in
 * each provider's words. */
#include "test/fixture.h"

#include "core/money.h"

static const char ads[] =
	"meta,m/1,77,spring,a1,set,x1,\"ad \"\"1\"\"\",2025-01-01,KWD,1.250,100,10,1,5.5\n"
	"meta,m/1,77,spring,a1,set,x2,ad 2,2025-01-01,KWD,0.0006,50,5,0,0\n"
	"meta,m/1,77,renamed,a1,set,x1,\"ad \"\"1\"\"\",2025-01-02,KWD,2,200,20,2,7\n"
	"meta,m/1,78,other,a2,set 2,x3,ad 3,2025-01-02,KWD,4,0,0,0,0\n"
	"tiktok,tt,77,t-1,s,,z,z,2025-01-01,USD,0,0,0,0,0\n"
	"tiktok,tt,77,t-1,s,,z,z,2025-01-31,USD,12.5,1000,9,3,40\n"
	"google,123-usd,77,g,g1,group,y1,ad 1,2025-01-01,USD,837.67,6948,69,4.5,3572.95\n"
	"google,123-usd,77,g,g1,group,y2,,2025-01-02,USD,0.000001,1,0,0,0\n";

static void start(struct fx *fx)
{
	fx_folder(fx, "ad_insights.csv", ads, NULL);
	fx_start(fx, "standard");
}

static cJSON *meta(struct fx *fx, const char *method, const char *path)
{
	char token[200];
	const char *const headers[] = { token, NULL };

	snprintf(token, sizeof(token), "Authorization: Bearer %s", fx->meta);
	fx_request(fx, method, path, headers, strcmp(method, "POST") == 0 ? "" : NULL);
	return fx_json(fx);
}

static cJSON *tiktok(struct fx *fx, const char *path)
{
	char token[200];
	const char *const headers[] = { token, NULL };

	snprintf(token, sizeof(token), "Access-Token: %s", fx->tiktok);
	fx_request(fx, "GET", path, headers, NULL);
	assert_int_equal(fx->status, 200);
	return fx_json(fx);
}

static cJSON *google(struct fx *fx, const char *path, const char *query, const char *more)
{
	char token[200], body[2000];
	const char *const headers[] = { token, "developer-token: " GOOGLE_DEVELOPER_TOKEN,
					"Content-Type: application/json", NULL };

	snprintf(token, sizeof(token), "Authorization: Bearer %s", fx->google);
	snprintf(body, sizeof(body), "{\"query\":\"%s\"%s}", query, more);
	fx_request(fx, "POST", path, headers, body);
	return fx_json(fx);
}

static int64_t sum(const cJSON *rows, const char *path)
{
	int64_t total = 0, micros = 0;
	const cJSON *r;

	cJSON_ArrayForEach(r, rows)
	{
		assert_true(decimal_parse(fx_text(r, path), 6, &micros));
		total += micros;
	}
	return total;
}

#define JANUARY  "time_range=%7B%22since%22%3A%222025-01-01%22%2C%22until%22%3A%222025-01-31%22%7D"
#define INSIGHTS "/v25.0/act_m%2F1/insights?time_increment=1&" JANUARY

static void meta_insights(void **state)
{
	static const struct {
		const char *level;
		int rows;
	} levels[] = { { "account", 2 }, { "campaign", 3 }, { "adset", 3 }, { "ad", 4 } };
	struct fx fx = { .port = 0 };
	char path[500];
	cJSON *j;

	(void)state;
	start(&fx);
	j = meta(&fx, "GET", "/v25.0/me/adaccounts?fields=account_id,currency,timezone_name");
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "data")), 1);
	assert_string_equal(fx_text(j, "data.0.id"), "act_m/1");
	assert_string_equal(fx_text(j, "data.0.currency"), "KWD");
	assert_string_equal(fx_text(j, "data.0.timezone_name"), "Europe/London");
	cJSON_Delete(j);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s&fields=spend,actions&level=%s", INSIGHTS,
			 levels[i].level);
		j = meta(&fx, "GET", path);
		assert_int_equal(cJSON_GetArraySize(fx_at(j, "data")), levels[i].rows);
		assert_int_equal(sum(fx_at(j, "data"), "spend"), 7250600);
		assert_non_null(
			strstr(fx.headers, "X-Business-Use-Case-Usage: {\"m/1\":[{\"type\":"));
		cJSON_Delete(j);
	}
	j = meta(&fx, "GET",
		 INSIGHTS
		 "&level=campaign&fields=campaign_id,campaign_name,spend,impressions,clicks,"
		 "actions,action_values,ad_id&action_attribution_windows=%5B%227d_click%22%5D");
	assert_string_equal(fx_text(j, "data.0.campaign_name"), "spring");
	assert_string_equal(fx_text(j, "data.0.spend"), "1.2506");
	assert_string_equal(fx_text(j, "data.0.impressions"), "150");
	assert_string_equal(fx_text(j, "data.0.actions.1.action_type"), "purchase");
	assert_string_equal(fx_text(j, "data.0.actions.1.value"), "1");
	assert_string_equal(fx_text(j, "data.0.actions.1.7d_click"), "1");
	assert_string_equal(fx_text(j, "data.0.action_values.0.value"), "5.5");
	assert_string_equal(fx_text(j, "data.0.date_start"), "2025-01-01");
	assert_string_equal(fx_text(j, "data.0.date_stop"), "2025-01-01");
	assert_null(fx_at(j, "data.0.ad_id"));
	assert_string_equal(fx_text(j, "data.1.campaign_name"), "renamed");
	assert_null(fx_at(j, "data.2.actions")); /* nothing happened: left out */
	cJSON_Delete(j);
	fx_stop(&fx);
}

static void meta_pages_follow_next(void **state)
{
	struct fx fx = { .port = 0 };
	char path[3000] = INSIGHTS "&level=ad&fields=ad_id,spend&limit=1";
	char seen[200] = "";
	unsigned pages = 0;

	(void)state;
	start(&fx);
	while (path[0] != '\0') {
		cJSON *j = meta(&fx, "GET", path);
		const char *next = fx_text(j, "paging.next");

		assert_int_equal(cJSON_GetArraySize(fx_at(j, "data")), 1);
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s ",
			 fx_text(j, "data.0.ad_id"));
		snprintf(path, sizeof(path), "%s", next[0] != '\0' ? strstr(next, "/v25.0/") : "");
		cJSON_Delete(j);
		pages++;
	}
	assert_int_equal(pages, 4);
	assert_string_equal(seen, "x1 x2 x1 x3 ");
	fx_stop(&fx);
}

static void meta_errors(void **state)
{
	static const struct {
		const char *path;
		int code, subcode;
	} table[] = {
		{ INSIGHTS "&fields=nope", 100, 0 },
		{ INSIGHTS "&level=nope", 100, 0 },
		{ INSIGHTS "&limit=0", 100, 0 },
		{ INSIGHTS "&limit=5001", 100, 1487534 },
		{ INSIGHTS "&after=zzz", 100, 0 },
		{ INSIGHTS "&breakdowns=age", 100, 0 },
		{ INSIGHTS "&action_attribution_windows=7d_view", 100, 0 },
		{ "/v25.0/act_m%2F1/insights?time_range=soon", 100, 0 },
		{ "/v25.0/act_m%2F1/"
		  "insights?time_range=%7B%22since%22:%222020-01-01%22,%22until%22:"
		  "%222020-01-02%22%7D",
		  3018, 0 },
		{ "/v25.0/act_none/insights", 100, 33 },
		{ "/v25.0/12345", 100, 33 },
		{ "/v25.0/act_m%2F1/nope", 2500, 0 },
		{ "/v24.0/me/adaccounts", 2635, 0 },
	};
	struct fx fx = { .port = 0 };
	cJSON *j;

	(void)state;
	start(&fx);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		j = meta(&fx, "GET", table[i].path);
		assert_int_equal(fx.status, 400);
		assert_int_equal(fx_at(j, "error.code")->valueint, table[i].code);
		if (table[i].subcode != 0)
			assert_int_equal(fx_at(j, "error.error_subcode")->valueint,
					 table[i].subcode);
		assert_true(strlen(fx_text(j, "error.fbtrace_id")) > 0);
		cJSON_Delete(j);
	}
	fx_control(&fx, "/control/faults",
		   "{\"provider\":\"meta\",\"endpoint\":\"insights\",\"kind\":\"throttle\"}");
	j = meta(&fx, "GET", INSIGHTS);
	assert_int_equal(fx_at(j, "error.code")->valueint, 80004);
	assert_non_null(strstr(fx.headers, "\"estimated_time_to_regain_access\":5"));
	cJSON_Delete(j);
	fx_control(&fx, "/control/expire", "{\"provider\":\"meta\"}");
	j = meta(&fx, "GET", "/v25.0/me/adaccounts");
	assert_int_equal(fx_at(j, "error.code")->valueint, 190);
	assert_int_equal(fx_at(j, "error.error_subcode")->valueint, 463);
	cJSON_Delete(j);
	fx_stop(&fx);
}

static void meta_reports_run_to_their_end(void **state)
{
	static const char *const statuses[] = { "Job Not Started", "Job Running", "Job Completed" };
	struct fx fx = { .port = 0 };
	char run[100], rows[200];
	cJSON *j;

	(void)state;
	start(&fx);
	j = meta(&fx, "POST", INSIGHTS "&level=ad&fields=spend");
	snprintf(run, sizeof(run), "/v25.0/%s", fx_text(j, "report_run_id"));
	snprintf(rows, sizeof(rows), "%s/insights?limit=3", run);
	cJSON_Delete(j);
	j = meta(&fx, "GET", rows);
	assert_int_equal(fx.status, 400); /* not yet */
	cJSON_Delete(j);
	for (size_t i = 0; i < 3; i++) {
		j = meta(&fx, "GET", run);
		assert_string_equal(fx_text(j, "async_status"), statuses[i]);
		assert_int_equal(fx_at(j, "async_percent_completion")->valueint, (int)i * 50);
		cJSON_Delete(j);
	}
	j = meta(&fx, "GET", rows);
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "data")), 3);
	assert_non_null(fx_at(j, "paging.next"));
	cJSON_Delete(j);
	fx_control(
		&fx, "/control/faults",
		"{\"provider\":\"meta\",\"endpoint\":\"insights_async\",\"kind\":\"job_failed\"}");
	j = meta(&fx, "POST", INSIGHTS "&level=ad&fields=spend");
	snprintf(run, sizeof(run), "/v25.0/%s", fx_text(j, "report_run_id"));
	cJSON_Delete(j);
	for (size_t i = 0; i < 2; i++)
		cJSON_Delete(meta(&fx, "GET", run));
	j = meta(&fx, "GET", run);
	assert_string_equal(fx_text(j, "async_status"), "Job Failed");
	assert_int_equal(fx_at(j, "error_code")->valueint, 2);
	cJSON_Delete(j);
	fx_stop(&fx);
}

/* ------------------------------------------------------------------- tiktok */

#define REPORT(level, dims, metrics, from, to)                                         \
	"/open_api/v1.3/report/integrated/get/"                                        \
	"?advertiser_id=tt&report_type=BASIC&data_level=" level "&dimensions=%5B" dims \
	"%5D&metrics=%5B" metrics "%5D&start_date=" from "&end_date=" to
#define DAILY "%22campaign_id%22,%22stat_time_day%22"

static void tiktok_reports(void **state)
{
	struct fx fx = { .port = 0 };
	cJSON *j;

	(void)state;
	start(&fx);
	j = tiktok(&fx, REPORT("AUCTION_CAMPAIGN", DAILY,
			       "%22spend%22,%22conversion%22,%22total_purchase_value%22,%"
			       "22campaign_name%22,"
			       "%22clicks%22",
			       "2025-01-02", "2025-01-31"));
	assert_int_equal(fx_at(j, "code")->valueint, 0);
	assert_int_equal(fx_at(j, "data.page_info.total_number")->valueint, 1);
	assert_string_equal(fx_text(j, "data.list.0.dimensions.stat_time_day"),
			    "2025-01-31 00:00:00");
	assert_string_equal(fx_text(j, "data.list.0.dimensions.campaign_id"), "77");
	assert_string_equal(fx_text(j, "data.list.0.metrics.spend"), "12.50");
	assert_string_equal(fx_text(j, "data.list.0.metrics.conversion"), "3");
	assert_string_equal(fx_text(j, "data.list.0.metrics.total_purchase_value"), "40.00");
	assert_string_equal(fx_text(j, "data.list.0.metrics.campaign_name"), "t-1");
	cJSON_Delete(j);
	j = tiktok(&fx, REPORT("AUCTION_ADGROUP", "%22adgroup_id%22",
			       "%22spend%22,%22adgroup_name%22", "2025-01-01", "2025-01-31"));
	assert_string_equal(fx_text(j, "data.list.0.metrics.spend"), "12.50");
	assert_string_equal(fx_text(j, "data.list.0.metrics.adgroup_name"), "-");
	cJSON_Delete(j);
	j = tiktok(&fx, REPORT("AUCTION_CAMPAIGN", DAILY, "%22spend%22", "2025-01-01",
			       "2025-01-30") "&page=2&page_size=1");
	assert_int_equal(fx_at(j, "data.page_info.total_page")->valueint, 1);
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "data.list")), 0);
	cJSON_Delete(j);
	j = tiktok(&fx, "/open_api/v1.3/advertiser/info/?advertiser_ids=%5B%22tt%22%5D");
	assert_string_equal(fx_text(j, "data.list.0.currency"), "USD");
	assert_string_equal(fx_text(j, "data.list.0.timezone"), "Europe/London");
	cJSON_Delete(j);
	fx_stop(&fx);
}

static void tiktok_errors(void **state)
{
	static const struct {
		const char *path;
		int code;
	} table[] = {
		{ REPORT("AUCTION_CAMPAIGN", DAILY, "%22spend%22", "2025-01-01", "2025-01-31"),
		  40002 },
		{ REPORT("AUCTION_CAMPAIGN", DAILY, "%22nope%22", "2025-01-01", "2025-01-02"),
		  40002 },
		{ REPORT("AUCTION_CAMPAIGN", DAILY, "%22ad_name%22", "2025-01-01", "2025-01-02"),
		  40002 },
		{ REPORT("AUCTION_AD", DAILY, "%22spend%22", "2025-01-01", "2025-01-02"), 40002 },
		{ REPORT("AUCTION_AD", "%22stat_time_day%22", "%22spend%22", "2025-01-01",
			 "2025-01-02"),
		  40002 },
		{ REPORT("AUCTION_AD", "nope", "%22spend%22", "2025-01-01", "2025-01-02"), 40002 },
		{ REPORT("NOPE", DAILY, "%22spend%22", "2025-01-01", "2025-01-02"), 40002 },
		{ REPORT("AUCTION_CAMPAIGN", DAILY, "%22spend%22", "2025-01-03", "2025-01-02"),
		  40002 },
		{ REPORT("AUCTION_CAMPAIGN", DAILY, "%22spend%22", "2025-1-3", "2025-01-02"),
		  40002 },
		{ REPORT("AUCTION_CAMPAIGN", DAILY, "%22spend%22", "2025-01-01",
			 "2025-01-02") "&page_size=1001",
		  40002 },
		{ "/open_api/v1.3/advertiser/info/?advertiser_ids=%5B%22other%22%5D", 40001 },
		{ "/open_api/v1.3/report/integrated/get/", 40002 },
		{ "/open_api/v1.2/advertiser/info/", 40006 },
	};
	struct fx fx = { .port = 0 };
	cJSON *j;

	(void)state;
	start(&fx);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		j = tiktok(&fx, table[i].path);
		assert_int_equal(fx_at(j, "code")->valueint, table[i].code);
		assert_true(strlen(fx_text(j, "message")) > 0);
		cJSON_Delete(j);
	}
	fx_control(&fx, "/control/faults", "{\"provider\":\"tiktok\",\"kind\":\"throttle\"}");
	j = tiktok(&fx, "/open_api/v1.3/oauth2/advertiser/get/");
	assert_int_equal(fx_at(j, "code")->valueint, 40100);
	cJSON_Delete(j);
	fx_control(&fx, "/control/expire", "{\"provider\":\"tiktok\"}");
	j = tiktok(&fx, "/open_api/v1.3/oauth2/advertiser/get/");
	assert_int_equal(fx_at(j, "code")->valueint, 40105);
	cJSON_Delete(j);
	fx_stop(&fx);
}

/* ------------------------------------------------------------------- google */

#define STREAM "/v25/customers/123-usd/googleAds:searchStream"
#define SEARCH "/v25/customers/123-usd/googleAds:search"
#define DATES  " WHERE segments.date BETWEEN '2025-01-01' AND '2025-01-31'"

static void google_rows_sum_to_the_resource(void **state)
{
	static const struct {
		const char *resource;
		int rows;
	} table[] = {
		{ "customer", 1 }, { "campaign", 1 }, { "ad_group", 1 }, { "ad_group_ad", 2 }
	};
	struct fx fx = { .port = 0 };
	char query[500];
	cJSON *j;

	(void)state;
	start(&fx);
	for (size_t i = 0; i < 4; i++) {
		snprintf(query, sizeof(query), "SELECT metrics.cost_micros FROM %s",
			 table[i].resource);
		j = google(&fx, STREAM, query, "");
		assert_int_equal(cJSON_GetArraySize(fx_at(j, "0.results")), table[i].rows);
		assert_int_equal(sum(fx_at(j, "0.results"), "metrics.costMicros"),
				 INT64_C(837670001) * 1000000);
		cJSON_Delete(j);
	}
	j = google(&fx, STREAM,
		   "SELECT customer.currency_code, customer.time_zone, campaign.id, campaign.name, "
		   "ad_group.id, "
		   "ad_group_ad.ad.id, ad_group_ad.ad.name, segments.date, metrics.cost_micros, "
		   "metrics.conversions, metrics.conversions_value, metrics.clicks FROM "
		   "ad_group_ad" DATES " ORDER BY metrics.cost_micros DESC LIMIT 1",
		   "");
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "0.results")), 1);
	assert_string_equal(fx_text(j, "0.results.0.customer.currencyCode"), "USD");
	assert_string_equal(fx_text(j, "0.results.0.customer.resourceName"), "customers/123-usd");
	assert_string_equal(fx_text(j, "0.results.0.campaign.id"), "77");
	assert_string_equal(fx_text(j, "0.results.0.adGroupAd.ad.id"), "y1");
	assert_string_equal(fx_text(j, "0.results.0.segments.date"), "2025-01-01");
	assert_string_equal(fx_text(j, "0.results.0.metrics.costMicros"), "837670000");
	assert_string_equal(fx_text(j, "0.results.0.metrics.clicks"), "69");
	assert_true(fx_at(j, "0.results.0.metrics.conversions")->valuedouble == 4.5);
	assert_true(strncmp(fx_text(j, "0.fieldMask"), "customer.currencyCode,customer.timeZone",
			    39) == 0);
	cJSON_Delete(j);
	j = google(&fx, SEARCH, "SELECT campaign.id FROM campaign WHERE campaign.name = 'none'",
		   "");
	assert_null(fx_at(j, "results"));
	assert_null(fx_at(j, "nextPageToken"));
	cJSON_Delete(j);
	j = google(&fx, SEARCH,
		   "SELECT ad_group_ad.ad.id, metrics.clicks FROM ad_group_ad WHERE metrics.clicks "
		   ">= 69 AND "
		   "campaign.id IN ('77', '78')",
		   "");
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "results")), 1);
	cJSON_Delete(j);
	fx_stop(&fx);
}

static void google_errors(void **state)
{
	static const struct {
		const char *path, *query, *more;
		int status;
		const char *category, *code;
	} table[] = {
		{ SEARCH, "SELECT nope.x FROM campaign", "", 400, "queryError",
		  "UNRECOGNIZED_FIELD" },
		{ SEARCH, "SELECT campaign.id FROM campaign", ",\"pageSize\":10", 400,
		  "requestError", "PAGE_SIZE_NOT_SUPPORTED" },
		{ SEARCH, "SELECT campaign.id FROM campaign", ",\"pageToken\":\"zz\"", 400,
		  "requestError", "INVALID_PAGE_TOKEN" },
		{ "/v25/customers/999/googleAds:search", "SELECT campaign.id FROM campaign", "",
		  403, "authorizationError", "USER_PERMISSION_DENIED" },
		{ "/v20/customers/123-usd/googleAds:search", "SELECT campaign.id FROM campaign", "",
		  400, "requestError", "UNSUPPORTED_VERSION" },
	};
	struct fx fx = { .port = 0 };
	char path[100];
	cJSON *j;

	(void)state;
	start(&fx);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		j = google(&fx, table[i].path, table[i].query, table[i].more);
		assert_int_equal(fx.status, table[i].status);
		assert_int_equal(fx_at(j, "error.code")->valueint, table[i].status);
		snprintf(path, sizeof(path), "error.details.0.errors.0.errorCode.%s",
			 table[i].category);
		assert_string_equal(fx_text(j, path), table[i].code);
		cJSON_Delete(j);
	}
	fx_control(&fx, "/control/faults",
		   "{\"provider\":\"google\",\"endpoint\":\"searchStream\",\"kind\":\"http_429\","
		   "\"retry_after\":60}");
	j = google(&fx, STREAM, "SELECT campaign.id FROM campaign", "");
	assert_int_equal(fx.status, 429);
	assert_string_equal(fx_text(j, "0.error.status"), "RESOURCE_EXHAUSTED");
	assert_string_equal(
		fx_text(j, "0.error.details.0.errors.0.details.quotaErrorDetails.retryDelay"),
		"60s");
	cJSON_Delete(j);
	fx_control(&fx, "/control/clock", "{\"advance_s\":3600}");
	j = google(&fx, STREAM, "SELECT campaign.id FROM campaign", "");
	assert_int_equal(fx.status, 401);
	assert_string_equal(fx_text(j, "0.error.details.0.errors.0.errorCode.authenticationError"),
			    "OAUTH_TOKEN_EXPIRED");
	cJSON_Delete(j);
	fx_control(&fx, "/control/expire", "{\"provider\":\"google\",\"refresh\":true}");
	fx_request(&fx, "POST", "/token", NULL,
		   "grant_type=refresh_token&client_id=" GOOGLE_CLIENT_ID
		   "&client_secret=" GOOGLE_CLIENT_SECRET "&refresh_token=x");
	assert_int_equal(fx.status, 400);
	assert_non_null(strstr(buf_str(&fx.body), "invalid_grant"));
	fx_stop(&fx);
}

/* 12,000 ads of one day: two pages of :search, two batches of :searchStream. */
static void google_pages_hold_ten_thousand(void **state)
{
	struct fx fx = { .port = 0 };
	char path[FX_PATH_MAX * 2], more[300];
	cJSON *j;
	FILE *f;

	(void)state;
	fx_folder(&fx, NULL);
	snprintf(path, sizeof(path), "%s/ad_insights.csv", fx.data);
	f = fopen(path, "a");
	assert_non_null(f);
	for (int i = 0; i < 12000; i++)
		fprintf(f, "google,123-usd,77,g,g1,group,%d,a,2025-01-01,USD,1,1,1,1,1\n", i);
	assert_int_equal(fclose(f), 0);
	fx_start(&fx, "standard");
	j = google(&fx, STREAM, "SELECT ad_group_ad.ad.id FROM ad_group_ad", "");
	assert_int_equal(cJSON_GetArraySize(j), 2);
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "0.results")), 10000);
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "1.results")), 2000);
	cJSON_Delete(j);
	j = google(&fx, SEARCH, "SELECT ad_group_ad.ad.id FROM ad_group_ad", "");
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "results")), 10000);
	snprintf(more, sizeof(more), ",\"pageToken\":\"%s\"", fx_text(j, "nextPageToken"));
	cJSON_Delete(j);
	j = google(&fx, SEARCH, "SELECT ad_group_ad.ad.id FROM ad_group_ad", more);
	assert_int_equal(cJSON_GetArraySize(fx_at(j, "results")), 2000);
	assert_string_equal(fx_text(j, "results.0.adGroupAd.ad.id"), "10000");
	assert_null(fx_at(j, "nextPageToken"));
	cJSON_Delete(j);
	/* A token belongs to its query. */
	j = google(&fx, SEARCH, "SELECT campaign.id FROM ad_group_ad", more);
	assert_int_equal(fx.status, 400);
	cJSON_Delete(j);
	fx_stop(&fx);
}

static void retail_uk_spends_what_it_should(void **state)
{
	struct fx fx = { .port = 0 };
	cJSON *j;

	(void)state;
	fx_unpack(&fx, "retail-uk");
	fx_start(&fx, "standard");
	j = meta(&fx, "GET",
		 "/v25.0/act_1000001/"
		 "insights?fields=spend&time_range=%7B%22since%22%3A%222011-09-10%22%2C"
		 "%22until%22%3A%222011-12-09%22%7D");
	assert_string_equal(fx_text(j, "data.0.spend"), "150688.5798");
	cJSON_Delete(j);
	j = google(&fx, "/v25/customers/2000000002/googleAds:search",
		   "SELECT metrics.cost_micros FROM customer", "");
	assert_string_equal(fx_text(j, "results.0.metrics.costMicros"), "17037349600");
	cJSON_Delete(j);
	j = tiktok(&fx, "/open_api/v1.3/report/integrated/get/"
			"?advertiser_id=3000000000000003&report_type=BASIC&"
			"data_level=AUCTION_ADVERTISER&dimensions=%5B%22advertiser_id%22%5D&"
			"metrics=%5B%22spend%22%5D"
			"&start_date=2011-09-10&end_date=2011-12-09");
	assert_string_equal(fx_text(j, "data.list.0.metrics.spend"), "7467.0663");
	cJSON_Delete(j);
	fx_stop(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meta_insights),
		cmocka_unit_test(meta_pages_follow_next),
		cmocka_unit_test(meta_errors),
		cmocka_unit_test(meta_reports_run_to_their_end),
		cmocka_unit_test(tiktok_reports),
		cmocka_unit_test(tiktok_errors),
		cmocka_unit_test(google_rows_sum_to_the_resource),
		cmocka_unit_test(google_errors),
		cmocka_unit_test(google_pages_hold_ten_thousand),
		cmocka_unit_test(retail_uk_spends_what_it_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
