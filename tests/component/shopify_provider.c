/*
 * The provider of the tests of ingest-shopify and its neighbours: the simulator on a copy of
 * data/nasty.tar.gz, its control port, and what the test asks it past the service. See
 * shopify_fixture.h.
 */
#include "component/shopify_fixture.h"

#include "core/magic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX (4 * 1024 * 1024)
#define STEP_MS  60000

static bool file_there(void *arg)
{
	char text[32];

	return tk_read_file(arg, text, sizeof(text)) && strchr(text, '\n');
}

static void unpack(struct sx_world *w)
{
	const char *argv[] = {
		"/bin/tar", "-xzf", arena_printf(w->arena, "%s/data/nasty.tar.gz", tk_root()),
		"-C",       w->dir, "--no-same-owner",
		NULL
	};

	INVARIANT(tk_run(argv, NULL, STEP_MS, NULL, 0) == 0);
	snprintf(w->data, sizeof(w->data), "%s/nasty", w->dir);
}

void sx_simulator_start(struct sx_world *w, const char *plan)
{
	char *port_file = arena_printf(w->arena, "%s/simulator.port", w->dir), port[32];
	const char *argv[] = { arena_strdup(w->arena, tk_bin("simulator")),
			       "--data",
			       w->data,
			       "--port",
			       "0",
			       "--port-file",
			       port_file,
			       "--plan",
			       plan,
			       NULL };

	unpack(w);
	w->simulator = tk_spawn(argv, NULL);
	INVARIANT(tk_wait_until(file_there, port_file, SX_WAIT_MS));
	INVARIANT(tk_read_file(port_file, port, sizeof(port)));
	port[strcspn(port, "\n")] = '\0';
	snprintf(w->simulator_url, sizeof(w->simulator_url), "http://127.0.0.1:%s", port);
	w->http = http_client_new("shopify-test");
	INVARIANT(w->http != NULL);
}

static const char *control(struct sx_world *w, const char *method, const char *path,
			   const char *body)
{
	const struct http_header type = { "Content-Type", "application/json" };
	struct http_request q = { .method = method,
				  .url = arena_printf(w->arena, "%s/control/%s", w->simulator_url,
						      path),
				  .headers = &type,
				  .n_headers = 1 };
	struct http_response r;
	struct error err = { 0 };

	if (strcmp(method, "POST") == 0) {
		q.body = body;
		q.body_len = strlen(body);
	}
	INVARIANT(http_send(w->http, &q, w->arena, &r, &err) == ST_OK);
	if (r.code != 200)
		fail_msg("%s %s: %d %s", method, path, r.code, r.body);
	return r.body;
}

void sx_simulator_stop(struct sx_world *w)
{
	tk_proc_stop(w->simulator, SX_WAIT_MS);
	http_client_free(w->http);
}

void sx_simulator_fresh(struct sx_world *w)
{
	control(w, "DELETE", "faults", "");
	sx_pace(w, "shopify", 0);
	sx_pace(w, "meta", 0);
	sx_pace(w, "tiktok", 0);
	sx_pace(w, "google", 0);
	unpack(w);
	sx_control(w, "reload", "");
}

const char *sx_control(struct sx_world *w, const char *path, const char *body)
{
	return control(w, "POST", path, *body ? body : "{}");
}

void sx_pace(struct sx_world *w, const char *provider, int delay_ms)
{
	sx_control(w, "pace",
		   arena_printf(w->arena, "{\"provider\":\"%s\",\"delay_ms\":%d}", provider,
				delay_ms));
}

static cJSON *provider_post(struct sx_world *w, const char *path, const char *token,
			    const char *body)
{
	const struct http_header h[] = { { "Host", SX_SHOP },
					 { "Content-Type", "application/json" },
					 { "X-Shopify-Access-Token", token ? token : "" } };
	const struct http_request q = { .method = "POST",
					.url = arena_printf(w->arena, "%s/admin/%s",
							    w->simulator_url, path),
					.headers = h,
					.n_headers = token ? 3 : 2,
					.body = body,
					.body_len = strlen(body) };
	struct http_response r;
	struct error err = { 0 };
	cJSON *tree;

	INVARIANT(http_send(w->http, &q, w->arena, &r, &err) == ST_OK);
	if (r.code != 200)
		fail_msg("%s: %d %s", path, r.code, r.body);
	tree = cJSON_Parse(r.body);
	INVARIANT(tree != NULL);
	return tree;
}

const char *sx_code(struct sx_world *w)
{
	cJSON *tree = cJSON_Parse(sx_control(w, "shopify/code", ""));
	const char *code = arena_strdup(w->arena, cJSON_GetObjectItem(tree, "code")->valuestring);

	cJSON_Delete(tree);
	return code;
}

const char *sx_exchange(struct sx_world *w, const char *which)
{
	static const char form[] =
		"{\"client_id\":\"pulsepoint\",\"client_secret\":\"simulator-secret\","
		"\"code\":\"%s\",\"expiring\":\"1\"}";
	cJSON *tree = provider_post(w, "oauth/access_token", NULL,
				    arena_printf(w->arena, form, sx_code(w)));
	const char *token = arena_strdup(w->arena, cJSON_GetObjectItem(tree, which)->valuestring);

	cJSON_Delete(tree);
	return token;
}

void sx_drain(struct sx_world *w, int left)
{
	static const char *const questions[] = {
		"{\"query\":\"{orders(first:250){nodes{lineItems(first:250){nodes{id}}}}}\"}",
		"{\"query\":\"{shop{name}}\"}"
	};
	const char *token = sx_exchange(w, "access_token");
	int64_t available = INT64_MAX;

	while (available > left) {
		cJSON *tree = provider_post(w, "api/2026-10/graphql.json", token,
					    questions[available < 400]);
		const cJSON *cost =
			cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "extensions"), "cost");
		const cJSON *now = cJSON_GetObjectItem(cJSON_GetObjectItem(cost, "throttleStatus"),
						       "currentlyAvailable");

		INVARIANT(cJSON_IsNumber(now));
		available = (int64_t)now->valuedouble;
		cJSON_Delete(tree);
	}
}

int64_t sx_served_by(struct sx_world *w, const char *provider, const char *endpoint,
		     const char *name)
{
	cJSON *tree = cJSON_Parse(control(w, "GET", "state", ""));
	const cJSON *list = cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "served"), "endpoints");
	const cJSON *e;
	int64_t n = 0;

	INVARIANT(cJSON_IsArray(list));
	cJSON_ArrayForEach(e, list)
	{
		if (strcmp(cJSON_GetObjectItem(e, "provider")->valuestring, provider) == 0 &&
		    (!*endpoint ||
		     strcmp(cJSON_GetObjectItem(e, "endpoint")->valuestring, endpoint) == 0))
			n += (int64_t)cJSON_GetObjectItem(e, name)->valuedouble;
	}
	cJSON_Delete(tree);
	return n;
}

int64_t sx_served(struct sx_world *w, const char *endpoint, const char *name)
{
	return sx_served_by(w, "shopify", endpoint, name);
}

void sx_fault_of(struct sx_world *w, const char *provider, const char *endpoint, const char *kind,
		 int count, int after)
{
	sx_control(w, "faults",
		   arena_printf(w->arena,
				"{\"provider\":\"%s\",\"endpoint\":\"%s\",\"kind\":\"%s\","
				"\"count\":%d,\"after\":%d,\"delay_ms\":50,\"retry_after\":1}",
				provider, endpoint, kind, count, after));
}

void sx_fault(struct sx_world *w, const char *endpoint, const char *kind, int count, int after)
{
	sx_fault_of(w, "shopify", endpoint, kind, count, after);
}

void sx_edit(struct sx_world *w, const char *file, const char *start, const char *line)
{
	const char *path = arena_printf(w->arena, "%s/%s", w->data, file);
	char *text = arena_alloc(w->arena, FILE_MAX), *at, *end;
	const char *edited;

	INVARIANT(text != NULL && tk_read_file(path, text, FILE_MAX));
	if (start) {
		at = strstr(text, arena_printf(w->arena, "\n%s", start));
		INVARIANT(at != NULL);
		*++at = '\0';
		end = at + 1 + strcspn(at + 1, "\n");
		edited = arena_printf(w->arena, "%s%s%s", text, line, end);
	} else {
		edited = arena_printf(w->arena, "%s%s\n", text, line);
	}
	tk_write_file(arena_printf(w->arena, WORLD_DIR "/nasty/%s", file), edited);
	sx_control(w, "reload", "");
}
