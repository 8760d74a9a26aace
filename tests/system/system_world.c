/* See system_world.h. */
#include "system/system_world.h"

#include "core/timeutil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MS    170000
#define BODY_TEXT 2048
#define PATH_TEXT 512
#define DATA_TEXT 4096

const char *const world_platforms[WORLD_PLATFORMS] = { "shopify", "meta", "google", "tiktok" };

static void copy(char *dst, size_t cap, const char *src, const char *what)
{
	if (*src == '\0' || (size_t)snprintf(dst, cap, "%s", src) >= cap)
		suite_fail("%s is empty or too long", what);
}

/* ---- tenants, users, brands ---- */

void fresh_email(const char *word, char out[PERSON_TEXT])
{
	char random[17];

	random_hex(random, 8);
	snprintf(out, PERSON_TEXT, "%s-%s@system.example", word, random);
}

void sign_in(struct suite *s, struct person *p)
{
	char body[BODY_TEXT];
	cJSON *o;

	snprintf(body, sizeof(body), "{\"email\":\"%s\",\"password\":\"%s\",\"tenant_id\":\"%s\"}",
		 p->email, WORLD_PASSWORD, p->tenant_id);
	o = suite_json(s, "POST", "/api/auth/login", "", body, 200);
	copy(p->token, sizeof(p->token), json_text(o, "access_token"), "the access token");
	copy(p->refresh_token, sizeof(p->refresh_token), json_text(o, "refresh_token"),
	     "the refresh token");
	cJSON_Delete(o);
}

void make_tenant(struct suite *s, const char *name, struct person *admin)
{
	char body[BODY_TEXT];
	cJSON *o;

	fresh_email("admin", admin->email);
	snprintf(body, sizeof(body),
		 "{\"name\":\"%s\",\"tier\":\"unlimited\",\"admin\":{\"email\":\"%s\","
		 "\"password\":\"%s\"}}",
		 name, admin->email, WORLD_PASSWORD);
	o = suite_json(s, "POST", "/api/admin/tenants", s->operator_key, body, 201);
	copy(admin->tenant_id, sizeof(admin->tenant_id), json_text(o, "tenant_id"), "tenant_id");
	copy(admin->user_id, sizeof(admin->user_id), json_text(o, "admin_user_id"),
	     "admin_user_id");
	cJSON_Delete(o);
	sign_in(s, admin);
}

void make_user(struct suite *s, const struct person *admin, const char *role, const char *brand_id,
	       struct person *ret)
{
	char body[BODY_TEXT];
	cJSON *o;

	fresh_email(role, ret->email);
	memcpy(ret->tenant_id, admin->tenant_id, sizeof(ret->tenant_id));
	snprintf(body, sizeof(body),
		 "{\"email\":\"%s\",\"password\":\"%s\",\"role\":\"%s\",\"brand_ids\":[%s%s%s]}",
		 ret->email, WORLD_PASSWORD, role, brand_id ? "\"" : "", brand_id ? brand_id : "",
		 brand_id ? "\"" : "");
	o = suite_json(s, "POST", "/api/users", admin->token, body, 201);
	copy(ret->user_id, sizeof(ret->user_id), json_text(o, "user_id"), "user_id");
	cJSON_Delete(o);
	sign_in(s, ret);
}

static cJSON *read_dataset(const struct suite *s)
{
	char path[2 * TK_TEXT], text[DATA_TEXT];
	cJSON *o;

	snprintf(path, sizeof(path), "%s/dataset/dataset.json", s->dir);
	o = tk_read_file(path, text, sizeof(text)) ? cJSON_Parse(text) : NULL;
	if (o == NULL)
		suite_fail("cannot read %s", path);
	return o;
}

void make_brand(struct suite *s, const struct person *admin, const char *name,
		char brand_id[UUID_TEXT])
{
	cJSON *data = read_dataset(s), *o;
	char body[BODY_TEXT];

	snprintf(body, sizeof(body),
		 "{\"name\":\"%s\",\"domain\":\"%s\",\"currency\":\"%s\",\"timezone\":\"%s\"}",
		 name, json_text(data, "shop_domain"), json_text(data, "currency"),
		 json_text(data, "iana_timezone"));
	cJSON_Delete(data);
	o = suite_json(s, "POST", "/api/brands", admin->token, body, 201);
	copy(brand_id, UUID_TEXT, json_text(o, "brand_id"), "brand_id");
	cJSON_Delete(o);
}

/* ---- connections ---- */

void fresh_credentials(struct suite *s, struct credentials *ret)
{
	static const char *const names[WORLD_PLATFORMS] = { "shopify_code", "meta_access_token",
							    "google_refresh_token",
							    "tiktok_access_token" };
	char url[2 * TK_TEXT];
	cJSON *data = read_dataset(s), *o;

	snprintf(url, sizeof(url), "%s/control/tokens", s->simulator);
	o = suite_json(s, "POST", url, "", "{}", 200);
	for (int i = 0; i < WORLD_PLATFORMS; i++)
		copy(ret->secret[i], PERSON_TEXT, json_text(o, names[i]), names[i]);
	copy(ret->shop_domain, PERSON_TEXT, json_text(data, "shop_domain"), "shop_domain");
	cJSON_Delete(o);
	cJSON_Delete(data);
}

char *connect_body(const struct credentials *c, int platform, const char *brand_id)
{
	static const char *const fields[WORLD_PLATFORMS] = { "code", "access_token",
							     "refresh_token", "access_token" };
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "brand_id", brand_id);
	if (platform == 0)
		cJSON_AddStringToObject(o, "shop_domain", c->shop_domain);
	cJSON_AddStringToObject(o, fields[platform], c->secret[platform]);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}

void connect_brand(struct suite *s, const struct person *admin, const char *brand_id)
{
	struct credentials c;

	fresh_credentials(s, &c);
	for (int i = 0; i < WORLD_PLATFORMS; i++) {
		char path[PATH_TEXT], *body = connect_body(&c, i, brand_id);

		snprintf(path, sizeof(path), "/api/integrations/%s", world_platforms[i]);
		cJSON_Delete(suite_json(s, "POST", path, admin->token, body, 201));
		free(body);
	}
}

/* ---- runs ---- */

void start_sync(struct suite *s, const struct person *p, const char *brand_id, const char *platform,
		char run_id[UUID_TEXT])
{
	char path[PATH_TEXT], body[BODY_TEXT];
	cJSON *o;

	snprintf(path, sizeof(path), "/api/sync/%s", platform);
	snprintf(body, sizeof(body), "{\"brand_id\":\"%s\"}", brand_id);
	o = suite_json(s, "POST", path, p->token, body, 202);
	copy(run_id, UUID_TEXT, json_text(o, "run_id"), "run_id");
	cJSON_Delete(o);
}

struct run {
	struct suite *suite;
	const struct person *who;
	const char *platform, *run_id;
	char state[32], last[BODY_TEXT];
};

static bool has_ended(void *arg)
{
	struct run *r = arg;
	char path[PATH_TEXT];
	cJSON *o;

	snprintf(path, sizeof(path), "/api/sync/%s/%s", r->platform, r->run_id);
	o = suite_json(r->suite, "GET", path, r->who->token, NULL, 200);
	copy(r->state, sizeof(r->state), json_text(o, "state"), "the run's state");
	cJSON_PrintPreallocated(o, r->last, sizeof(r->last), 0);
	cJSON_Delete(o);
	return strcmp(r->state, "done") == 0 || strcmp(r->state, "failed") == 0;
}

void wait_sync(struct suite *s, const struct person *p, const char *platform, const char *run_id)
{
	struct run r = { .suite = s, .who = p, .platform = platform, .run_id = run_id };

	if (!tk_wait_until(has_ended, &r, RUN_MS) || strcmp(r.state, "done") != 0)
		suite_fail("the sync of %s is not done: %s", platform, r.last);
}

void sync_brand(struct suite *s, const struct person *p, const char *brand_id,
		char run_ids[WORLD_PLATFORMS][UUID_TEXT])
{
	char own[WORLD_PLATFORMS][UUID_TEXT];

	if (run_ids == NULL)
		run_ids = own;
	for (int i = 0; i < WORLD_PLATFORMS; i++)
		start_sync(s, p, brand_id, world_platforms[i], run_ids[i]);
	for (int i = 0; i < WORLD_PLATFORMS; i++)
		wait_sync(s, p, world_platforms[i], run_ids[i]);
}

/* ---- visits ---- */

void import_visits(struct suite *s, const struct person *p, const char *brand_id)
{
	char path[PATH_TEXT], url[2 * TK_TEXT], *lines;
	struct http_response r;
	size_t len;

	snprintf(url, sizeof(url), "%s/control/visits", s->simulator);
	r = suite_send(s, "GET", url, "", NULL, NULL, 0);
	len = r.body_len;
	lines = malloc(len + 1);
	if (r.code != 200 || lines == NULL)
		suite_fail("the simulator exports no visits (%d)", r.code);
	memcpy(lines, r.body, len + 1);
	snprintf(path, sizeof(path), "/api/brands/%s/touchpoints:import", brand_id);
	r = suite_send(s, "POST", path, p->token, "application/x-ndjson", lines, len);
	free(lines);
	if (r.code != 200)
		suite_fail("the import answered %d: %s", r.code, r.body);
}
