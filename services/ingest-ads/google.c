/*
 * Google Ads API: access tokens from a refresh token, accounts by listAccessibleCustomers, results
 * by searchStream over ad_group_ad: an array of batches, int64 as strings, money in micros. The
 * delay of a quota error sits in quotaErrorDetails.retryDelay (google-ads-python, errors.proto).
 */
#include "provider.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_SPARE_US (60 * US_PER_SECOND)
#define DELAY_MAX_S    300

/* ---- access tokens ---- */

static enum status keep_token(struct provider_session *s, struct arena *a, int code,
			      const cJSON *tree, struct error *err)
{
	struct reader r = { s->provider->title, a, err, ST_OK };
	const char *token;
	int64_t life;

	if (code == 400 || code == 401)
		return provider_refused(s->provider, err, "the refresh token is not good any more");
	if (code != 200)
		return error_set(err, ST_UPSTREAM, NULL, "Google's token endpoint answers %d",
				 code);
	token = read_text(&r, tree, "access_token", true);
	life = read_count(&r, tree, "expires_in");
	if (r.st == ST_OK && text_copy(s->token, sizeof(s->token), token) != ST_OK)
		return error_set(err, ST_UPSTREAM, NULL, "Google sent a token that is too long");
	s->token_until_us = time_mono_us() + life * US_PER_SECOND - TOKEN_SPARE_US;
	return r.st;
}

static enum status refresh(struct provider_session *s, struct arena *a, struct error *err)
{
	struct http_header h = { "Content-Type", "application/x-www-form-urlencoded" };
	struct buf url, body;
	cJSON *tree = NULL;
	int code = 0;
	enum status st;

	buf_init(&url, HTTP_URL_MAX);
	buf_init(&body, HTTP_URL_MAX);
	http_url_begin(&url, s->app->cfg.google_token_url);
	http_url_path(&url, "token");
	buf_puts(&body, "grant_type=refresh_token&client_id=");
	http_percent_put(&body, s->app->cfg.google_client_id);
	buf_puts(&body, "&client_secret=");
	http_percent_put(&body, s->app->cfg.google_client_secret);
	buf_puts(&body, "&refresh_token=");
	http_percent_put(&body, s->refresh_token);
	st = provider_ask(s, a,
			  &(struct http_request){ .method = "POST",
						  .url = buf_str(&url),
						  .headers = &h,
						  .n_headers = 1,
						  .body = body.data,
						  .body_len = body.len },
			  &code, &tree, err);
	if (st == ST_OK)
		st = keep_token(s, a, code, tree, err);
	cJSON_Delete(tree);
	buf_done(&url);
	buf_done(&body);
	return st;
}

/* ---- errors ---- */

/* The first element with that name anywhere below; error bodies nest differently per endpoint.
 * Bounded by the parser's depth. */
static const cJSON *find(const cJSON *tree, const char *name)
{
	const cJSON *x;

	cJSON_ArrayForEach(x, tree)
	{
		const cJSON *below;

		if (x->string && strcmp(x->string, name) == 0)
			return x;
		below = find(x, name);
		if (below)
			return below;
	}
	return NULL;
}

static int retry_delay(const cJSON *tree)
{
	const cJSON *d = find(tree, "retryDelay");
	char digits[16] = "";
	int64_t s = 0;

	if (!cJSON_IsString(d))
		return 0;
	snprintf(digits, sizeof(digits), "%.*s", (int)strspn(d->valuestring, "0123456789"),
		 d->valuestring);
	return parse_i64(digits, 0, DELAY_MAX_S, &s) ? (int)s : 0;
}

static enum status judge(struct provider_session *s, int code, const cJSON *tree, struct error *err)
{
	const cJSON *status = find(tree, "status");
	const char *word = cJSON_IsString(status) ? status->valuestring : "";

	if (code == 200)
		return ST_OK;
	if (code == 401 || strcmp(word, "UNAUTHENTICATED") == 0) {
		s->token_until_us = 0;
		s->token[0] = '\0';
		return error_set(err, ST_UNAUTHENTICATED, NULL, "Google refuses our access token");
	}
	if (code == 403)
		return provider_refused(s->provider, err, "permission denied");
	if (code == 429 || strcmp(word, "RESOURCE_EXHAUSTED") == 0) {
		error_set(err, ST_LIMITED, NULL, "Google answers RESOURCE_EXHAUSTED");
		if (err)
			err->retry_after_s = retry_delay(tree);
		return ST_LIMITED;
	}
	if (http_code_transient(code))
		return error_set(err, ST_UPSTREAM, NULL, "Google answers %d", code);
	return error_set(err, ST_INTERNAL, NULL, "Google refuses the request with %d %s", code,
			 word);
}

static enum status ask_once(struct provider_session *s, struct arena *a, const char *method,
			    const char *url, const struct buf *body, cJSON **tree,
			    struct error *err)
{
	struct http_header h[4] = { { "Authorization", "" },
				    { "developer-token", s->app->cfg.google_developer_token } };
	size_t n = 2;
	int code = 0;
	enum status st = ST_OK;

	if (!s->token[0] || s->token_until_us < time_mono_us())
		st = refresh(s, a, err);
	if (st != ST_OK)
		return st;
	h[0].value = arena_printf(a, "Bearer %s", s->token);
	if (s->login_customer_id[0])
		h[n++] = (struct http_header){ "login-customer-id", s->login_customer_id };
	if (body)
		h[n++] = (struct http_header){ "Content-Type", "application/json" };
	st = provider_ask(s, a,
			  &(struct http_request){ .method = method,
						  .url = url,
						  .headers = h,
						  .n_headers = n,
						  .body = body ? body->data : NULL,
						  .body_len = body ? body->len : 0 },
			  &code, tree, err);
	if (st == ST_OK)
		st = judge(s, code, *tree, err);
	if (st != ST_OK) {
		cJSON_Delete(*tree);
		*tree = NULL;
	}
	return st;
}

/* A token may end early; a fresh one is tried once. */
static enum status ask(struct provider_session *s, struct arena *a, const char *method,
		       const char *url, const struct buf *body, cJSON **tree, struct error *err)
{
	enum status st = ask_once(s, a, method, url, body, tree, err);

	if (st == ST_UNAUTHENTICATED && !s->token[0])
		st = ask_once(s, a, method, url, body, tree, err);
	return st;
}

static enum status query(struct provider_session *s, struct arena *a, const char *customer,
			 const char *gaql, cJSON **tree, struct error *err)
{
	struct buf url, body;
	enum status st;

	buf_init(&url, HTTP_URL_MAX);
	buf_init(&body, HTTP_URL_MAX);
	http_url_begin(&url, s->app->cfg.google_url);
	http_url_segment(&url, s->app->cfg.google_version);
	http_url_path(&url, "customers");
	http_url_segment(&url, customer);
	http_url_path(&url, "googleAds:searchStream");
	buf_puts(&body, "{\"query\":");
	buf_put_json(&body, gaql, strlen(gaql));
	buf_putc(&body, '}');
	st = ask(s, a, "POST", buf_str(&url), &body, tree, err);
	buf_done(&url);
	buf_done(&body);
	return st;
}

/* ---- accounts ---- */

static enum status list_customers(struct provider_session *s, struct arena *a,
				  struct ad_account *accounts, size_t *n, struct error *err)
{
	static const char prefix[] = "customers/";
	struct reader r = { s->provider->title, a, err, ST_OK };
	cJSON *tree = NULL;
	const cJSON *x;
	struct buf url;
	enum status st;

	buf_init(&url, HTTP_URL_MAX);
	http_url_begin(&url, s->app->cfg.google_url);
	http_url_segment(&url, s->app->cfg.google_version);
	http_url_path(&url, "customers:listAccessibleCustomers");
	st = ask(s, a, "GET", buf_str(&url), NULL, &tree, err);
	buf_done(&url);
	if (st != ST_OK)
		return st;
	/* Absent when there is none. */
	cJSON_ArrayForEach(x, cJSON_GetObjectItemCaseSensitive(tree, "resourceNames"))
	{
		if (!cJSON_IsString(x) || strncmp(x->valuestring, prefix, sizeof(prefix) - 1) != 0)
			r.st = error_set(err, ST_UPSTREAM, NULL,
					 "Google sent a resource name that is none");
		else if (*n < PROVIDER_ACCOUNTS_MAX)
			accounts[(*n)++] = (struct ad_account){
				arena_strdup(a, x->valuestring + sizeof(prefix) - 1), "", "", ""
			};
	}
	cJSON_Delete(tree);
	return r.st;
}

static enum status describe(struct provider_session *s, struct arena *a, struct ad_account *account,
			    struct error *err)
{
	struct reader r = { s->provider->title, a, err, ST_OK };
	const cJSON *results, *customer;
	cJSON *tree = NULL;
	enum status st =
		query(s, a, account->account_id,
		      "SELECT customer.id, customer.descriptive_name, customer.currency_code, "
		      "customer.time_zone FROM customer",
		      &tree, err);

	if (st != ST_OK)
		return st;
	results = read_member(&r, cJSON_GetArrayItem(tree, 0), "results");
	customer = read_member(&r, cJSON_GetArrayItem(results, 0), "customer");
	account->name = read_text(&r, customer, "descriptiveName", false);
	account->currency = read_text(&r, customer, "currencyCode", true);
	account->timezone = read_text(&r, customer, "timeZone", true);
	cJSON_Delete(tree);
	return r.st;
}

static enum status google_accounts(struct provider_session *s, struct arena *a,
				   struct ad_account **ret, size_t *n, struct error *err)
{
	struct ad_account *accounts = arena_array(a, PROVIDER_ACCOUNTS_MAX, sizeof(*accounts));
	enum status st;

	*n = 0;
	if (!accounts)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	st = list_customers(s, a, accounts, n, err);
	for (size_t i = 0; st == ST_OK && i < *n; i++)
		st = describe(s, a, &accounts[i], err);
	*ret = accounts;
	return st;
}

/* ---- results ---- */

/* Micros arrive as whole numbers of micros, not as units. */
static int64_t read_cost(struct reader *r, const cJSON *m)
{
	const char *s = read_text(r, m, "costMicros", false);
	int64_t v = 0;

	if (*s && !parse_i64(s, INT64_MIN, INT64_MAX, &v) && r->st == ST_OK)
		r->st = error_set(r->err, ST_UPSTREAM, NULL,
				  "Google sent \"costMicros\" that is not a number");
	return v;
}

static void read_row(struct reader *r, const cJSON *row, struct ad_result *out)
{
	const cJSON *campaign = read_member(r, row, "campaign"),
		    *group = read_member(r, row, "adGroup");
	const cJSON *ad = read_member(r, read_member(r, row, "adGroupAd"), "ad");
	const cJSON *m = read_member(r, row, "metrics");

	*out = (struct ad_result){
		.campaign_id = read_text(r, campaign, "id", true),
		.campaign_name = read_text(r, campaign, "name", false),
		.adset_id = read_text(r, group, "id", true),
		.adset_name = read_text(r, group, "name", false),
		.ad_id = read_text(r, ad, "id", true),
		.ad_name = read_text(r, ad, "name", false),
		.day = read_day(r, read_member(r, row, "segments"), "date"),
		.spend_micros = read_cost(r, m),
		.impressions = read_count(r, m, "impressions"),
		.clicks = read_count(r, m, "clicks"),
		.conversions_micros = read_micros(r, m, "conversions"),
		.value_micros = read_micros(r, m, "conversionsValue"),
	};
}

static size_t count_rows(const cJSON *tree)
{
	const cJSON *batch;
	size_t n = 0;

	cJSON_ArrayForEach(batch, tree) n +=
		(size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(batch, "results"));
	return n;
}

static enum status google_results(struct provider_session *s, struct arena *a,
				  const struct ad_account *account, int32_t since, int32_t until,
				  const char *cursor, int attempt, struct result_page *ret,
				  struct error *err)
{
	struct reader r = { s->provider->title, a, err, ST_OK };
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
	const cJSON *batch, *list, *row;
	cJSON *tree = NULL;
	enum status st;

	(void)cursor; /* a stream has no pages */
	(void)attempt;
	date_format(since, from);
	date_format(until, to);
	st = query(s, a, account->account_id,
		   arena_printf(a,
				"SELECT campaign.id, campaign.name, ad_group.id, ad_group.name, "
				"ad_group_ad.ad.id, "
				"ad_group_ad.ad.name, segments.date, metrics.cost_micros, "
				"metrics.impressions, "
				"metrics.clicks, metrics.conversions, metrics.conversions_value "
				"FROM ad_group_ad "
				"WHERE segments.date BETWEEN '%s' AND '%s'",
				from, to),
		   &tree, err);
	if (st != ST_OK)
		return st;
	ret->n = 0;
	ret->next = NULL;
	ret->rows = arena_array(a, count_rows(tree) + 1, sizeof(*ret->rows));
	if (!ret->rows || !cJSON_IsArray(tree))
		r.st = error_set(err, ST_UPSTREAM, NULL,
				 "Google sent a stream that cannot be read");
	else
		cJSON_ArrayForEach(batch, tree)
		{
			/* Absent when there is none. */
			list = cJSON_GetObjectItemCaseSensitive(batch, "results")
				       ? read_list(&r, batch, "results")
				       : NULL;
			cJSON_ArrayForEach(row, list) read_row(&r, row, &ret->rows[ret->n++]);
		}
	cJSON_Delete(tree);
	return r.st;
}

const struct provider provider_google = { "google", "Google", 90, google_accounts, google_results };
