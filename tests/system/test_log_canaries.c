/*
 * Secrets and personal data never reach a log: words that exist nowhere else are sent through every
 * door where such things come in, in right and in wrong requests, and then looked for in all that
 * services and servers have written. Read next: system_world.h.
 */
#include "system/system_raw.h"
#include "system/system_world.h"

#include "core/buf.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CANARIES_MAX 64
#define LOG_MAX      (64 * 1024 * 1024)
#define PART         40 /* of a long secret: a log that cuts it gives it away all the same */

static struct suite suite;
static struct person admin;
static char brand[UUID_TEXT];
static struct {
	const char *what;
	char text[PART + 1];
} canaries[CANARIES_MAX];
static size_t n_canaries;

static void plant(const char *what, const char *text)
{
	assert_true(n_canaries < CANARIES_MAX && strlen(text) >= 8);
	canaries[n_canaries].what = what;
	snprintf(canaries[n_canaries].text, sizeof(canaries[0].text), "%.*s", PART, text);
	n_canaries++;
}

/* A word nobody else has; it stays valid. */
static const char *fresh(const char *what, const char *before, const char *after)
{
	static char words[CANARIES_MAX][256];
	static size_t n;
	char random[17];

	random_hex(random, 8);
	assert_true(n < CANARIES_MAX);
	snprintf(words[n], sizeof(words[n]), "%s%s%s", before, random, after);
	plant(what, random);
	return words[n++];
}

static int set_up(void **state)
{
	(void)state;
	suite_up(&suite, "data/nasty.tar.gz");
	make_tenant(&suite, "Log canaries", &admin);
	make_brand(&suite, &admin, "Log canaries", brand);
	plant("the operator's key", suite.operator_key);
	/* Only the middle of a token says who; its head is the same for all. */
	plant("an access token", strchr(admin.token, '.') + 1);
	plant("a signature", strrchr(admin.token, '.') + 1);
	plant("a refresh token", admin.refresh_token);
	plant("an e-mail address", admin.email);
	plant("a password", WORLD_PASSWORD);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	suite_down(&suite);
	return 0;
}

/* ---- sending them ---- */

static int post(const char *path, const char *token, const char *fmt, ...)
{
	char body[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(body, sizeof(body), fmt, ap);
	va_end(ap);
	return raw_send(&suite, "POST", path, token, "Content-Type: application/json\r\n", body,
			strlen(body))
		.code;
}

static void users(void)
{
	const char *email = fresh("a new user's address", "new-", "@system.example");
	const char *password = fresh("a new user's password", "Battery-Staple-", "!");

	assert_int_equal(post("/api/users", admin.token,
			      "{\"email\":\"%s\",\"password\":\"%s\",\"role\":\"viewer\"}", email,
			      password),
			 201);
	assert_int_equal(post("/api/auth/login", "", "{\"email\":\"%s\",\"password\":\"%s\"}",
			      email, password),
			 200);
	/* The same again: the conflict names no address. */
	assert_int_equal(post("/api/users", admin.token,
			      "{\"email\":\"%s\",\"password\":\"%s\",\"role\":\"viewer\"}", email,
			      password),
			 409);
	assert_int_equal(post("/api/users", admin.token,
			      "{\"email\":\"%s\",\"password\":\"%s\",\"role\":\"king\"}",
			      fresh("an address in a bad request", "bad-", "@system.example"),
			      fresh("a password in a bad request", "Battery-", "-staple")),
			 400);
}

static void strangers(void)
{
	assert_int_equal(post("/api/auth/login", "", "{\"email\":\"%s\",\"password\":\"%s\"}",
			      fresh("a stranger's address", "who-", "@system.example"),
			      fresh("a stranger's password", "Guess-", "-guess")),
			 401);
	assert_int_equal(post("/api/auth/login", "", "{\"email\":\"%s\",\"password\":\"%s\"}",
			      admin.email, fresh("a wrong password", "Wrong-", "-password")),
			 401);
	assert_int_equal(post("/api/auth/refresh", "", "{\"refresh_token\":\"%s\"}",
			      fresh("a made-up refresh token", "ppr_", "")),
			 401);
	assert_int_equal(post("/api/auth/token", "", "{\"api_key\":\"%s\"}",
			      fresh("a made-up key", "ppo_", "")),
			 401);
	assert_int_equal(raw_send(&suite, "GET", "/api/brands",
				  fresh("a made-up access token", "eyJhbGciOiJub25lIn0.", ".x"), "",
				  NULL, 0)
				 .code,
			 401);
	/* The whole body is no JSON; and what stands in a query is in no line either. */
	assert_int_equal(post("/api/auth/login", "", "{\"password\":\"%s",
			      fresh("a password in no JSON", "Broken-", "-body")),
			 400);
	assert_int_equal(
		post(fresh("a secret in a query", "/api/auth/login?password=", ""), "", "{}"), 400);
	assert_int_equal(raw_send(&suite, "GET",
				  fresh("a secret in a path", "/api/no/such/place/", ""), "", "",
				  NULL, 0)
				 .code,
			 404);
}

static void provider_tokens(void)
{
	static const char *const fields[WORLD_PLATFORMS] = { "code", "access_token",
							     "refresh_token", "access_token" };
	struct credentials c;

	fresh_credentials(&suite, &c);
	for (int i = 0; i < WORLD_PLATFORMS; i++) {
		char path[128];

		plant("a provider's credential", c.secret[i]);
		snprintf(path, sizeof(path), "/api/integrations/%s", world_platforms[i]);
		/* First one that the provider refuses, then the right one. */
		assert_in_range(post(path, admin.token, "{\"brand_id\":\"%s\"%s%s%s,\"%s\":\"%s\"}",
				     brand, i == 0 ? ",\"shop_domain\":\"" : "",
				     i == 0 ? c.shop_domain : "", i == 0 ? "\"" : "", fields[i],
				     fresh("a credential that is refused", "refused-", "")),
				400, 499);
		assert_int_equal(
			post(path, admin.token, "{\"brand_id\":\"%s\"%s%s%s,\"%s\":\"%s\"}", brand,
			     i == 0 ? ",\"shop_domain\":\"" : "", i == 0 ? c.shop_domain : "",
			     i == 0 ? "\"" : "", fields[i], c.secret[i]),
			201);
	}
}

/* What people typed: titles of orders, words of links. */
static void payloads(void)
{
	char path[256], line[1024], **titles;

	sync_brand(&suite, &admin, brand, NULL);
	titles = suite_sql_list(
		&suite,
		"SELECT DISTINCT title FROM ingest_shopify.products"
		" WHERE tenant_id = $1::uuid AND length(title) BETWEEN 12 AND 200 LIMIT 8",
		admin.tenant_id);
	assert_non_null(titles[0]);
	for (char **t = titles; *t != NULL; t++)
		plant("a product's title", *t);
	sql_free(titles);
	snprintf(path, sizeof(path), "/api/brands/%s/touchpoints:import", brand);
	snprintf(line, sizeof(line),
		 "{\"visitor_id\":\"%s\",\"position\":1,\"occurred_at\":\"2025-04-01T00:00:00Z\","
		 "\"landing_page\":\"%s\"}\n{\"visitor_id\":\"%s\"}\n",
		 fresh("a visitor", "visitor-", ""),
		 fresh("a landing page", "https://shop.example/?token=", ""),
		 fresh("a visitor of a bad line", "visitor-", ""));
	assert_int_equal(raw_send(&suite, "POST", path, admin.token,
				  "Content-Type: application/x-ndjson\r\n", line, strlen(line))
				 .code,
			 400);
}

/* What people ask and where alerts go: right, wrong, and as a stream. */
static void questions_and_hooks(void)
{
	char path[256];
	cJSON *o;

	snprintf(path, sizeof(path), "/api/brands/%s/ask", brand);
	assert_int_equal(post(path, admin.token, "{\"question\":\"How much did %s earn?\"}",
			      fresh("a question", "Campaign-", "")),
			 200);
	assert_int_equal(post(path, admin.token, "{\"question\":\"%s\",\"more\":1}",
			      fresh("a question in a bad request", "Why-", "?")),
			 400);
	assert_int_equal(post(path, "", "{\"question\":\"%s\"}",
			      fresh("a stranger's question", "Who-", "?")),
			 401);
	assert_int_equal(post("/api/admin/alert-channels", admin.token,
			      "{\"name\":\"hook\",\"url\":\"%s\"}",
			      fresh("a webhook in a bad request", "javascript:", "")),
			 400);
	o = suite_json(&suite, "POST", "/api/admin/alert-channels", admin.token,
		       "{\"name\":\"hook\",\"url\":\"https://hooks.example/pulsepoint\"}", 201);
	plant("a webhook's secret", json_text(o, "secret"));
	cJSON_Delete(o);
}

/* ---- looking for them ---- */

static unsigned look_into(const char *path, char *text)
{
	unsigned found = 0;

	if (!tk_read_file(path, text, LOG_MAX))
		fail_msg("%s cannot be read", path);
	for (size_t i = 0; i < n_canaries; i++) {
		const char *at = strstr(text, canaries[i].text), *line = at;

		if (at == NULL)
			continue;
		while (line > text && line[-1] != '\n')
			line--;
		printf("LOGGED %s in %s: %.*s\n", canaries[i].what, path, (int)strcspn(line, "\n"),
		       line);
		found++;
	}
	return found;
}

/* Where stack.sh put the cluster. */
static void server_log(char *out, size_t cap)
{
	char path[TK_TEXT + 16], data[TK_TEXT];

	snprintf(path, sizeof(path), "%s/pgdata.path", suite.dir);
	assert_true(tk_read_file(path, data, sizeof(data)));
	snprintf(out, cap, "%.*s/server.log", (int)strcspn(data, "\n"), data);
}

static unsigned look_into_all(size_t *files)
{
	char dir[TK_TEXT + 8], path[2 * TK_TEXT], *text = malloc(LOG_MAX);
	struct dirent *e;
	unsigned found = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/log", suite.dir);
	d = opendir(dir);
	assert_non_null(d);
	assert_non_null(text);
	for (*files = 0; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, "simulator", 9) == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		found += look_into(path, text);
		(*files)++;
	}
	closedir(d);
	snprintf(path, sizeof(path), "%s/nats.log", suite.dir);
	found += look_into(path, text);
	server_log(path, sizeof(path));
	found += look_into(path, text);
	free(text);
	return found;
}

static void no_log_holds_a_secret(void **state)
{
	size_t files;

	(void)state;
	users();
	strangers();
	provider_tokens();
	payloads();
	questions_and_hooks();
	assert_int_equal(look_into_all(&files), 0);
	/* Every service has a log, and the search reads them. */
	assert_true(files > contract_services_n);
	plant("what is logged", "http.listening");
	assert_true(look_into_all(&files) > 0);
	printf("# logs: %zu canaries in no line of %zu files\n", n_canaries - 1, files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_log_holds_a_secret),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
