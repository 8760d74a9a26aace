/*
 * Meta Marketing API: ad accounts and insights at ad level, a row per day. Numbers are strings;
 * pages by paging.cursors.after while paging.next is there; errors in {"error":{code,...}} with
 * codes of their own (facebook-business-sdk, Meta's error reference).
 */
#include "provider.h"

#include "core/timeutil.h"

#include <stdio.h>
#include <string.h>

#define PAGE_ROWS     500
#define PAGE_ROWS_MIN 50

/* Codes that pass by themselves: 1, 2 (service), 4, 17, 32, 613 (limits), 80000-80014 (business
 * limits), 104, 960. */
static bool code_is_transient(int code)
{
	static const int codes[] = { 1, 2, 4, 17, 32, 104, 613, 960 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return code >= 80000 && code <= 80014;
}

static enum status judge(struct provider_session *s, int http, const cJSON *tree, struct error *err)
{
	const cJSON *e = cJSON_GetObjectItemCaseSensitive(tree, "error");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(e, "code");
	int n = cJSON_IsNumber(code) ? code->valueint : 0;

	if (http == 200 && !e)
		return ST_OK;
	if (n == 190 || n == 102 || http == 401)
		return provider_refused(s->provider, err,
					"code 190, the token is not good any more");
	if (n == 10 || (n >= 200 && n <= 299))
		return provider_refused(s->provider, err, "a permission is missing");
	if (code_is_transient(n) ||
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(e, "is_transient")))
		return error_set(err, ST_LIMITED, NULL,
				 "Meta answers with code %d (a limit or a passing fault)", n);
	return error_set(err, ST_INTERNAL, NULL, "Meta refuses the request with HTTP %d, code %d",
			 http, n);
}

static enum status ask(struct provider_session *s, struct arena *a, const char *url, cJSON **tree,
		       struct error *err)
{
	struct http_header h = { "Authorization", arena_printf(a, "Bearer %s", s->token) };
	int code = 0;
	enum status st =
		provider_ask(s, a,
			     &(struct http_request){
				     .method = "GET", .url = url, .headers = &h, .n_headers = 1 },
			     &code, tree, err);

	if (st != ST_OK)
		return st;
	st = judge(s, code, *tree, err);
	if (st != ST_OK) {
		cJSON_Delete(*tree);
		*tree = NULL;
	}
	return st;
}

/* The cursor of the next page, NULL on the last. */
static const char *next_cursor(struct arena *a, const cJSON *tree)
{
	const cJSON *paging = cJSON_GetObjectItemCaseSensitive(tree, "paging");
	const cJSON *cursors = cJSON_GetObjectItemCaseSensitive(paging, "cursors");
	const cJSON *after = cJSON_GetObjectItemCaseSensitive(cursors, "after");

	if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(paging, "next")) ||
	    !cJSON_IsString(after))
		return NULL;
	return arena_strdup(a, after->valuestring);
}

static enum status account_page(struct provider_session *s, struct arena *a, const char **cursor,
				struct ad_account *accounts, size_t *n, struct error *err)
{
	struct reader r = { s->provider->title, a, err, ST_OK };
	const cJSON *data, *row;
	cJSON *tree = NULL;
	struct buf url;
	enum status st;

	buf_init(&url, HTTP_URL_MAX);
	http_url_begin(&url, s->app->cfg.meta_url);
	http_url_segment(&url, s->app->cfg.meta_version);
	http_url_path(&url, "me/adaccounts");
	http_url_query(&url, "fields", "account_id,name,currency,timezone_name");
	http_url_query(&url, "limit", "100");
	if (*cursor)
		http_url_query(&url, "after", *cursor);
	st = ask(s, a, buf_str(&url), &tree, err);
	buf_done(&url);
	if (st != ST_OK)
		return st;
	data = read_list(&r, tree, "data");
	cJSON_ArrayForEach(row, data)
	{
		if (*n == PROVIDER_ACCOUNTS_MAX)
			break;
		accounts[(*n)++] = (struct ad_account){ read_text(&r, row, "account_id", true),
							read_text(&r, row, "name", false),
							read_text(&r, row, "currency", true),
							read_text(&r, row, "timezone_name", true) };
	}
	*cursor = next_cursor(a, tree);
	cJSON_Delete(tree);
	return r.st;
}

static enum status meta_accounts(struct provider_session *s, struct arena *a,
				 struct ad_account **ret, size_t *n, struct error *err)
{
	struct ad_account *accounts = arena_array(a, PROVIDER_ACCOUNTS_MAX, sizeof(*accounts));
	const char *cursor = NULL;
	enum status st;

	*n = 0;
	if (!accounts)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	do {
		st = account_page(s, a, &cursor, accounts, n, err);
	} while (st == ST_OK && cursor && *n < PROVIDER_ACCOUNTS_MAX);
	*ret = accounts;
	return st;
}

/* Purchases are one of many action types; the pixel's own name for them comes first where both are
 * sent. */
static int64_t purchases(struct reader *r, const cJSON *row, const char *list)
{
	static const char *const types[] = { "purchase", "omni_purchase",
					     "offsite_conversion.fb_pixel_purchase" };
	const cJSON *actions = cJSON_GetObjectItemCaseSensitive(row, list), *x;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		cJSON_ArrayForEach(
			x, actions) if (strcmp(read_text(r, x, "action_type", true), types[i]) ==
					0) return read_micros(r, x, "value");
	return 0;
}

static void read_row(struct reader *r, const cJSON *row, struct ad_result *out)
{
	*out = (struct ad_result){
		.campaign_id = read_text(r, row, "campaign_id", true),
		.campaign_name = read_text(r, row, "campaign_name", false),
		.adset_id = read_text(r, row, "adset_id", true),
		.adset_name = read_text(r, row, "adset_name", false),
		.ad_id = read_text(r, row, "ad_id", true),
		.ad_name = read_text(r, row, "ad_name", false),
		.day = read_day(r, row, "date_start"),
		.spend_micros = read_micros(r, row, "spend"),
		.impressions = read_count(r, row, "impressions"),
		.clicks = read_count(r, row, "clicks"),
		.conversions_micros = purchases(r, row, "actions"),
		.value_micros = purchases(r, row, "action_values"),
	};
}

static void insights_url(struct provider_session *s, struct arena *a,
			 const struct ad_account *account, int32_t since, int32_t until,
			 const char *cursor, int attempt, struct buf *url)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
	int rows = PAGE_ROWS >> (attempt < 3 ? attempt : 3);

	date_format(since, from);
	date_format(until, to);
	http_url_begin(url, s->app->cfg.meta_url);
	http_url_segment(url, s->app->cfg.meta_version);
	http_url_segment(url, arena_printf(a, "act_%s", account->account_id));
	http_url_path(url, "insights");
	http_url_query(url, "level", "ad");
	http_url_query(url, "fields",
		       "campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,spend,"
		       "impressions,clicks,actions,action_values");
	http_url_query(url, "time_range",
		       arena_printf(a, "{\"since\":\"%s\",\"until\":\"%s\"}", from, to));
	http_url_query(url, "time_increment", "1");
	http_url_query(url, "limit",
		       arena_printf(a, "%d", rows > PAGE_ROWS_MIN ? rows : PAGE_ROWS_MIN));
	if (cursor)
		http_url_query(url, "after", cursor);
}

static enum status meta_results(struct provider_session *s, struct arena *a,
				const struct ad_account *account, int32_t since, int32_t until,
				const char *cursor, int attempt, struct result_page *ret,
				struct error *err)
{
	struct reader r = { s->provider->title, a, err, ST_OK };
	const cJSON *data, *row;
	cJSON *tree = NULL;
	struct buf url;
	enum status st;

	buf_init(&url, HTTP_URL_MAX);
	insights_url(s, a, account, since, until, cursor, attempt, &url);
	st = ask(s, a, buf_str(&url), &tree, err);
	buf_done(&url);
	if (st != ST_OK)
		return st;
	data = read_list(&r, tree, "data");
	ret->n = 0;
	ret->rows = arena_array(a, (size_t)cJSON_GetArraySize(data) + 1, sizeof(*ret->rows));
	if (!ret->rows)
		r.st = error_set(err, ST_UPSTREAM, NULL, "Meta sent a page that is too large");
	else
		cJSON_ArrayForEach(row, data) read_row(&r, row, &ret->rows[ret->n++]);
	ret->next = next_cursor(a, tree);
	cJSON_Delete(tree);
	return r.st;
}

const struct provider provider_meta = { "meta", "Meta", 90, meta_accounts, meta_results };
