/*
 * What the simulator's tests share: dataset folders made or unpacked for one test, the server in
 * this process, and requests to it over HTTP. Read next: run_paging.c for the shortest use.
 */
#ifndef SIM_TEST_FIXTURE_H
#define SIM_TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FX_PATH_MAX   512
#define FX_TIMEOUT_S  30L
#define FX_HEADER_MAX 2048

struct fx {
	char dir[FX_PATH_MAX]; /* a folder of this test's own */
	char data[FX_PATH_MAX];
	char shop[256]; /* the domain; a reload may replace sim.data at any time */
	struct sim sim;
	struct mg_context *ctx;
	int port;
	CURL *curl;
	char access[TOKEN_TEXT], meta[TOKEN_TEXT], tiktok[TOKEN_TEXT], google[TOKEN_TEXT];
	/* the last answer */
	long status;
	struct buf body;
	char headers[FX_HEADER_MAX];
};

static inline void fx_spawn(const char *program, char *const argv[])
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		execvp(program, argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline void fx_make_dir(struct fx *fx)
{
	snprintf(fx->dir, sizeof(fx->dir), "/tmp/pp-sim-test-XXXXXX");
	assert_non_null(mkdtemp(fx->dir));
}

static inline void fx_write(const char *dir, const char *name, const char *text)
{
	char path[FX_PATH_MAX * 2];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Unpacks data/<name>.tar.gz; the tests run from the project's root. */
static inline void fx_unpack(struct fx *fx, const char *name)
{
	char archive[FX_PATH_MAX];
	char *argv[] = { "tar", "-xzf", archive, "-C", fx->dir, NULL };

	fx_make_dir(fx);
	snprintf(archive, sizeof(archive), "data/%s.tar.gz", name);
	fx_spawn("tar", argv);
	assert_true(snprintf(fx->data, sizeof(fx->data), "%s/%s", fx->dir, name) <
		    (int)sizeof(fx->data));
}

/* A folder with the files given as name, text, ..., NULL; those not named have their header only.
 */
static inline void fx_folder(struct fx *fx, ...)
{
	static const char *const empty[][2] = {
		{ "dataset.json",
		  "{\"name\":\"Tiny\",\"shop_domain\":\"tiny.myshopify.com\",\"currency\":\"GBP\","
		  "\"iana_timezone\":\"Europe/"
		  "London\",\"country\":\"GB\",\"first_day\":\"2025-01-01\","
		  "\"last_day\":\"2025-01-31\"}" },
		{ "products.csv", "product_id,variant_id,sku,title,product_type,price,unit_cost,"
				  "inventory_quantity,updated_at\n" },
		{ "orders.csv",
		  "order_id,name,created_at,processed_at,updated_at,customer_id,currency,"
		  "financial_status,cancelled_at,test,country\n" },
		{ "order_lines.csv",
		  "order_id,line_id,variant_id,sku,title,quantity,unit_price,discount\n" },
		{ "refunds.csv", "order_id,refund_id,created_at,amount\n" },
		{ "visits.csv",
		  "visitor_id,order_id,position,occurred_at,source,source_type,medium,"
		  "campaign,content,term,landing_page,referrer\n" },
		{ "ad_insights.csv",
		  "platform,account_id,campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,"
		  "date,"
		  "currency,spend,impressions,clicks,conversions,conversion_value\n" },
	};
	const char *name;
	va_list ap;

	fx_make_dir(fx);
	snprintf(fx->data, sizeof(fx->data), "%s", fx->dir);
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		fx_write(fx->data, empty[i][0], empty[i][1]);
	va_start(ap, fx);
	while ((name = va_arg(ap, const char *)) != NULL) {
		const char *rows = va_arg(ap, const char *);
		char text[16384];

		text[0] = '\0';
		for (size_t i = 1; i < sizeof(empty) / sizeof(empty[0]); i++)
			if (strcmp(empty[i][0], name) == 0)
				snprintf(text, sizeof(text), "%s%s", empty[i][1], rows);
		fx_write(fx->data, name, text[0] != '\0' ? text : rows);
	}
	va_end(ap);
}

static inline size_t fx_take_body(char *data, size_t size, size_t n, void *arg)
{
	struct fx *fx = arg;

	buf_put(&fx->body, data, size * n);
	return size * n;
}

static inline size_t fx_take_header(char *data, size_t size, size_t n, void *arg)
{
	struct fx *fx = arg;
	size_t used = strlen(fx->headers);

	snprintf(fx->headers + used, sizeof(fx->headers) - used, "%.*s", (int)(size * n), data);
	return size * n;
}

/* One request; `headers` is a list that ends with NULL, or NULL. Returns curl's code. */
static inline CURLcode fx_try(struct fx *fx, const char *method, const char *path,
			      const char *const *headers, const char *body)
{
	struct curl_slist *list = NULL;
	char url[8192];
	CURLcode code;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", fx->port, path);
	for (; headers != NULL && *headers != NULL; headers++)
		list = curl_slist_append(list, *headers);
	list = curl_slist_append(list, "Expect:");
	buf_reset(&fx->body);
	fx->headers[0] = '\0';
	curl_easy_reset(fx->curl);
	curl_easy_setopt(fx->curl, CURLOPT_URL, url);
	curl_easy_setopt(fx->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(fx->curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(fx->curl, CURLOPT_TIMEOUT, FX_TIMEOUT_S);
	curl_easy_setopt(fx->curl, CURLOPT_WRITEFUNCTION, fx_take_body);
	curl_easy_setopt(fx->curl, CURLOPT_WRITEDATA, fx);
	curl_easy_setopt(fx->curl, CURLOPT_HEADERFUNCTION, fx_take_header);
	curl_easy_setopt(fx->curl, CURLOPT_HEADERDATA, fx);
	curl_easy_setopt(fx->curl, CURLOPT_CUSTOMREQUEST, method);
	if (body != NULL)
		curl_easy_setopt(fx->curl, CURLOPT_COPYPOSTFIELDS, body);
	code = curl_easy_perform(fx->curl);
	curl_easy_getinfo(fx->curl, CURLINFO_RESPONSE_CODE, &fx->status);
	curl_slist_free_all(list);
	return code;
}

/* As fx_try, for requests that must get through. Returns the body. */
static inline const char *fx_request(struct fx *fx, const char *method, const char *path,
				     const char *const *headers, const char *body)
{
	assert_int_equal(fx_try(fx, method, path, headers, body), CURLE_OK);
	return buf_str(&fx->body);
}

/* The body of the last answer as JSON; the caller deletes it. */
static inline cJSON *fx_json(struct fx *fx)
{
	cJSON *j = cJSON_ParseWithLength(buf_str(&fx->body), fx->body.len);

	if (j == NULL)
		print_error("not JSON: %.300s\n", buf_str(&fx->body));
	assert_non_null(j);
	return j;
}

/* What lies at "a.b.0.c"; NULL when nothing does. */
static inline const cJSON *fx_at(const cJSON *j, const char *path)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *s = strtok_r(copy, ".", &save); s != NULL && j != NULL;
	     s = strtok_r(NULL, ".", &save))
		j = cJSON_IsArray(j) ? cJSON_GetArrayItem(j, (int)strtol(s, NULL, 10))
				     : cJSON_GetObjectItemCaseSensitive(j, s);
	return j;
}

/* The text at that path, or "" when there is none. */
static inline const char *fx_text(const cJSON *j, const char *path)
{
	const char *s = cJSON_GetStringValue(fx_at(j, path));

	return s != NULL ? s : "";
}

static inline void fx_control(struct fx *fx, const char *path, const char *body)
{
	const char *const headers[] = { "Content-Type: application/json", NULL };

	fx_request(fx, "POST", path, headers, body);
	if (fx->status != 200)
		print_error("%s: %s\n", path, buf_str(&fx->body));
	assert_int_equal(fx->status, 200);
}

static inline void fx_copy(char out[TOKEN_TEXT], const cJSON *j, const char *path)
{
	snprintf(out, TOKEN_TEXT, "%s", fx_text(j, path));
	assert_true(out[0] != '\0');
}

static inline const char *fx_oauth(struct fx *fx, const char *body)
{
	char host[300];
	const char *const headers[] = { host, "Content-Type: application/json", NULL };

	snprintf(host, sizeof(host), "Host: %s", fx->shop);
	return fx_request(fx, "POST", "/admin/oauth/access_token", headers, body);
}

/* Gets tokens of all providers, the way a user would connect. */
static inline void fx_connect(struct fx *fx)
{
	char body[1024], code[TOKEN_TEXT], refresh[TOKEN_TEXT];
	cJSON *j;

	fx_control(fx, "/control/tokens", "");
	j = fx_json(fx);
	fx_copy(code, j, "shopify_code");
	fx_copy(fx->meta, j, "meta_access_token");
	fx_copy(fx->tiktok, j, "tiktok_access_token");
	fx_copy(refresh, j, "google_refresh_token");
	cJSON_Delete(j);
	snprintf(body, sizeof(body),
		 "{\"client_id\":\"pulsepoint\",\"client_secret\":\"simulator-secret\",\"code\":\"%"
		 "s\","
		 "\"expiring\":\"1\"}",
		 code);
	fx_oauth(fx, body);
	assert_int_equal(fx->status, 200);
	j = fx_json(fx);
	fx_copy(fx->access, j, "access_token");
	cJSON_Delete(j);
	snprintf(body, sizeof(body),
		 "grant_type=refresh_token&client_id=" GOOGLE_CLIENT_ID
		 "&client_secret=" GOOGLE_CLIENT_SECRET "&refresh_token=%s",
		 refresh);
	fx_request(fx, "POST", "/token", NULL, body);
	assert_int_equal(fx->status, 200);
	j = fx_json(fx);
	fx_copy(fx->google, j, "access_token");
	cJSON_Delete(j);
}

static inline void fx_start(struct fx *fx, const char *plan)
{
	struct error err = { 0 };

	fx->sim.data_dir = fx->data;
	fx->sim.plan = plan_find(plan);
	if (sim_open(&fx->sim, &err) != ST_OK)
		print_error("%s\n", err.detail);
	assert_non_null(fx->sim.data);
	snprintf(fx->shop, sizeof(fx->shop), "%s", fx->sim.data->shop_domain);
	fx->ctx = sim_listen(&fx->sim, 0, &fx->port);
	assert_non_null(fx->ctx);
	buf_init(&fx->body, 64 * 1024 * 1024);
	fx->curl = curl_easy_init();
	assert_non_null(fx->curl);
	fx_connect(fx);
}

static inline void fx_remove_dir(struct fx *fx)
{
	char *argv[] = { "rm", "-rf", fx->dir, NULL };

	fx_spawn("rm", argv);
}

static inline void fx_stop(struct fx *fx)
{
	curl_easy_cleanup(fx->curl);
	mg_stop(fx->ctx);
	sim_close(&fx->sim);
	buf_done(&fx->body);
	fx_remove_dir(fx);
}

/* Asks Shopify; `variables` is JSON or NULL. The caller deletes the answer. */
static inline cJSON *fx_gql(struct fx *fx, const char *query, const char *variables)
{
	char host[300], token[200];
	const char *const headers[] = { host, token, "Content-Type: application/json", NULL };
	cJSON *j = cJSON_CreateObject();
	char *body;

	snprintf(host, sizeof(host), "Host: %s", fx->shop);
	snprintf(token, sizeof(token), "X-Shopify-Access-Token: %s", fx->access);
	cJSON_AddStringToObject(j, "query", query);
	if (variables != NULL)
		cJSON_AddItemToObject(j, "variables", cJSON_Parse(variables));
	body = cJSON_PrintUnformatted(j);
	fx_request(fx, "POST", "/admin/api/2026-10/graphql.json", headers, body);
	cJSON_free(body);
	cJSON_Delete(j);
	return fx_json(fx);
}

#endif
