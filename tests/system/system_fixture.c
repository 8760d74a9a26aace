/* See system_fixture.h. */
#include "system/system_fixture.h"

#include "core/timeutil.h"
#include "system/system_guard.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCRIPT_MS  180000 /* suite.sh up: a cluster is made, all programs start */
#define ARENA_MAX  ((size_t)128 * 1024 * 1024)
#define OUTPUT_MAX 8192
#define FILE_MAX   65536
#define BUS_NAMES  64

_Noreturn void suite_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("system: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* ---- suite.sh ---- */

static void script(struct suite *s, const char *command, const char *arg)
{
	char path[TK_TEXT], out[OUTPUT_MAX];
	const char *argv[] = { "/bin/sh", path, command, s->dir, arg, NULL };
	struct tk_env env = { 0 };
	int code;

	snprintf(path, sizeof(path), "%s/deploy/local/suite.sh", tk_root());
	tk_env_set(&env, "OUT", guard_out());
	code = tk_run(argv, &env, SCRIPT_MS, out, sizeof(out));
	tk_env_done(&env);
	if (code != 0)
		suite_fail("suite.sh %s %s failed (%d): %s", command, arg ? arg : "", code, out);
}

void suite_command(struct suite *s, const char *command, const char *name)
{
	script(s, command, name);
}

pid_t suite_pid(const struct suite *s, const char *name)
{
	char path[2 * TK_TEXT], text[32];

	snprintf(path, sizeof(path), "%s/pid/%s", s->dir, name);
	return tk_read_file(path, text, sizeof(text)) ? (pid_t)strtol(text, NULL, 10) : 0;
}

bool suite_alive(pid_t pid)
{
	return pid > 1 && kill(pid, 0) == 0;
}

void suite_setting(const struct suite *s, const char *file, const char *name, char *out, size_t cap)
{
	char path[2 * TK_TEXT], text[FILE_MAX], key[128];
	const char *p;
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/%s", s->dir, file);
	snprintf(key, sizeof(key), "\n%s=", name);
	text[0] = '\n';
	if (!tk_read_file(path, text + 1, sizeof(text) - 1) || (p = strstr(text, key)) == NULL)
		suite_fail("%s is not in %s", name, path);
	for (p += strlen(key); *p && *p != '\n' && n + 1 < cap; p++)
		if (*p != '\'')
			out[n++] = *p;
	out[n] = '\0';
}

/* ---- the first operator ---- */

static void bootstrap(struct suite *s)
{
	char path[2 * TK_TEXT], out[OUTPUT_MAX];
	const char *argv[] = { tk_bin("auth"), "--bootstrap", NULL };
	struct tk_env env = { 0 };
	const char *key;

	snprintf(path, sizeof(path), "%s/pid/auth.env", s->dir);
	tk_env_load(&env, path);
	if (tk_run(argv, &env, SUITE_WAIT_MS, out, sizeof(out)) != 0 ||
	    (key = strstr(out, "ppo_")) == NULL)
		suite_fail("auth --bootstrap gave no key");
	tk_env_done(&env);
	snprintf(s->operator_key, sizeof(s->operator_key), "%.*s", (int)strcspn(key, "\n"), key);
}

static void read_addresses(struct suite *s)
{
	char port[32];

	suite_setting(s, "edge.env", "EDGE_PORT", port, sizeof(port));
	s->edge_port = (int)strtol(port, NULL, 10);
	snprintf(s->edge, sizeof(s->edge), "http://127.0.0.1:%d", s->edge_port);
	suite_setting(s, "simulator.env", "SIMULATOR_PORT", port, sizeof(port));
	snprintf(s->simulator, sizeof(s->simulator), "http://127.0.0.1:%s", port);
}

void suite_up(struct suite *s, const char *dataset)
{
	static int made;
	char data[TK_TEXT];

	*s = (struct suite){ .http = http_client_new("pulsepoint-system-test"),
			     .arena = arena_new(ARENA_MAX) };
	snprintf(data, sizeof(data), "%s%s%s", dataset[0] == '/' ? "" : tk_root(),
		 dataset[0] == '/' ? "" : "/", dataset);
	if ((size_t)snprintf(s->dir, sizeof(s->dir), "%s/suite%d", tk_dir(), made++) >=
		    sizeof(s->dir) ||
	    mkdir(s->dir, 0755) != 0 || s->http == NULL || s->arena == NULL)
		suite_fail("cannot make a place for the suite");
	guard_suite(s->dir);
	script(s, "up", data);
	read_addresses(s);
	bootstrap(s);
}

void suite_down(struct suite *s)
{
	script(s, "down", NULL);
	http_client_free(s->http);
	arena_free(s->arena);
	s->http = NULL;
	s->arena = NULL;
}

/* ---- HTTP ---- */

struct http_response suite_send(struct suite *s, const char *method, const char *path,
				const char *token, const char *type, const char *body, size_t len)
{
	struct http_response r;
	struct http_header h[2];
	struct error err = { 0 };
	struct http_request q = { .method = method,
				  .headers = h,
				  .body = body,
				  .body_len = len,
				  .total_ms = SUITE_CALL_MS,
				  .max_body = HTTP_BODY_MAX };

	arena_reset(s->arena);
	q.url = *path == '/' ? arena_printf(s->arena, "%s%s", s->edge, path) : path;
	if (type != NULL)
		h[q.n_headers++] = (struct http_header){ "Content-Type", type };
	if (token != NULL && *token != '\0')
		h[q.n_headers++] =
			(struct http_header){ "Authorization",
					      arena_printf(s->arena, "Bearer %s", token) };
	if (http_send(s->http, &q, s->arena, &r, &err) != ST_OK)
		suite_fail("%s %s got no answer: %s", method, path, err.detail);
	return r;
}

cJSON *suite_json(struct suite *s, const char *method, const char *path, const char *token,
		  const char *body, int want)
{
	struct http_response r =
		suite_send(s, method, path, token, body ? "application/json" : NULL, body,
			   body ? strlen(body) : 0);

	if (r.code != want)
		suite_fail("%s %s answered %d, not %d: %s", method, path, r.code, want, r.body);
	return cJSON_ParseWithLength(r.body, r.body_len);
}

const char *json_text(const cJSON *o, const char *name)
{
	const char *v = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return v != NULL ? v : "";
}

/* ---- bus ---- */

struct bus *suite_bus(struct suite *s, const char *service)
{
	char file[BUS_NAMES], url[TK_TEXT], user[TK_TEXT], seed[TK_TEXT], inbox[BUS_NAMES + 8];
	struct bus_config cfg = { .url = url,
				  .name = "system-test",
				  .user = user,
				  .seed_file = seed,
				  .inbox_prefix = inbox };
	struct error err = { 0 };
	struct bus *bus;

	snprintf(file, sizeof(file), "pid/%s.env", service);
	suite_setting(s, file, "PP_NATS_URL", url, sizeof(url));
	suite_setting(s, file, "PP_NATS_USER", user, sizeof(user));
	suite_setting(s, file, "PP_NATS_SEED_FILE", seed, sizeof(seed));
	snprintf(inbox, sizeof(inbox), "_INBOX_%s", service);
	if (bus_open(&bus, &cfg, &err) != ST_OK)
		suite_fail("no bus as %s: %s", service, err.detail);
	return bus;
}
