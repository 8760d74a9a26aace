/*
 * See shopify_fixture.h. Servers and programs are the test kit's; roles, users, permissions and
 * streams are pp-deploy's, as everywhere else.
 */
#include "component/shopify_fixture.h"

#include "contract/attribution_events.h"
#include "contract/auth.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ARENA_MAX  ((size_t)512 * 1024 * 1024)
#define OUTPUT_MAX 65536
#define FILE_MAX   (4 * 1024 * 1024)
#define STEP_MS    60000
#define CALL_MS    30000
#define PUBLISH_MS 10000
#define FETCH_MS   200
#define KEY_ID     "shopify-test-key"

/* ---- steps of the deployment ---- */

static char *run_step(struct sx_world *w, const char *const *argv, const struct tk_env *env)
{
	char *out = arena_alloc(w->arena, OUTPUT_MAX);

	INVARIANT(out != NULL);
	if (tk_run(argv, env, STEP_MS, out, OUTPUT_MAX) != 0) {
		fprintf(stderr, "%s: %s\n", argv[0], out);
		INVARIANT(!"a step of the deployment failed");
	}
	return out;
}

#define DEPLOY(w, ...)                                                                 \
	run_step((w),                                                                  \
		 (const char *const[]){ arena_strdup((w)->arena, tk_bin("pp-deploy")), \
					__VA_ARGS__, NULL },                           \
		 NULL)

static void put_file(struct sx_world *w, const char *name, const char *text)
{
	tk_write_file(arena_printf(w->arena, "shopify/%s", name), text);
}

/* The variables of a user, as the deploy step prints them. */
static struct tk_env env_of(struct sx_world *w, const char *user)
{
	const char *file = arena_printf(w->arena, "%s.env", user);
	struct tk_env env = { 0 };

	put_file(w, file, DEPLOY(w, "env", w->dir, user));
	tk_env_load(&env, arena_printf(w->arena, "%s/%s", w->dir, file));
	return env;
}

static const char *variable(struct sx_world *w, const struct tk_env *env, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return arena_strdup(w->arena, env->v[i] + len + 1);
	INVARIANT(!"a variable is missing");
	return NULL;
}

static struct bus *bus_of(struct sx_world *w, const char *user)
{
	struct tk_env env = env_of(w, user);
	const struct bus_config cfg = { .url = variable(w, &env, "PP_NATS_URL"),
					.name = user,
					.user = variable(w, &env, "PP_NATS_USER"),
					.seed_file = variable(w, &env, "PP_NATS_SEED_FILE"),
					.inbox_prefix = arena_printf(w->arena, "_INBOX_%s", user) };
	struct error err = { 0 };
	struct bus *bus = NULL;

	tk_env_done(&env);
	if (bus_open(&bus, &cfg, &err) != ST_OK)
		fprintf(stderr, "%s: %s\n", user, err.detail);
	INVARIANT(bus != NULL);
	return bus;
}

/* A word of a connection string. */
static const char *part_of(struct sx_world *w, const char *conninfo, const char *name)
{
	const char *at = strstr(conninfo, name);

	INVARIANT(at != NULL);
	at += strlen(name);
	return arena_strndup(w->arena, at, strcspn(at, " "));
}

static void start_servers(struct sx_world *w)
{
	const char *admin, *host, *port;

	w->cluster = tk_pg_open(true);
	admin = tk_pg_conninfo(w->cluster);
	host = part_of(w, admin, "host=");
	port = part_of(w, admin, "port=");
	snprintf(w->dir, sizeof(w->dir), "%s/shopify", tk_dir());
	INVARIANT(mkdir(w->dir, 0755) == 0);
	DEPLOY(w, "keys", w->dir);
	w->nats = tk_nats_open(
		DEPLOY(w, "nats-conf", w->dir, arena_printf(w->arena, "%s/unused", w->dir), "4222"),
		NULL);
	put_file(w, "nats.env", arena_printf(w->arena, "NATS_URL=%s\n", tk_nats_url(w->nats)));
	put_file(w, "pg.env",
		 arena_printf(w->arena, "PGHOST=%s\nPGPORT=%s\nPGUSER=postgres\n", host, port));
	snprintf(w->pg, sizeof(w->pg), "host=%s port=%s user=postgres dbname=pulsepoint", host,
		 port);
	DEPLOY(w, "roles", w->dir, admin);
	DEPLOY(w, "streams", w->dir);
}

/* ---- neighbours ---- */

static void reply_message(struct bus *bus, struct bus_msg *m, enum status st, const char *detail,
			  const void *message)
{
	const struct bus_header h[] = { { "Pp-Status", status_name(st) }, { "Pp-Detail", detail } };
	struct arena *a = arena_new(1024 * 1024);
	uint8_t *data = NULL;
	size_t len = 0;

	INVARIANT(a != NULL);
	if (message)
		INVARIANT(message_pack(a, message, &data, &len) == ST_OK);
	(void)!bus_reply(bus, m, h, *detail ? 2 : 1, data, len);
	arena_free(a);
}

static void answer_access(void *arg, struct bus_msg *m)
{
	struct sx_world *w = arg;
	Auth__V1__AccessStateReply reply = AUTH__V1__ACCESS_STATE_REPLY__INIT;
	Auth__V1__SigningKey key = AUTH__V1__SIGNING_KEY__INIT, *keys[] = { &key };

	key.kid = (char *)KEY_ID;
	key.public_pem = w->public_pem;
	reply.version = 1;
	reply.keys = keys;
	reply.n_keys = 1;
	reply_message(w->auth, m, ST_OK, "", &reply);
}

/* Whose token a message carries; NULL for none that is good. */
static const char *tenant_of(struct sx_world *w, const struct bus_msg *m, struct access_claims *c)
{
	const char *token = bus_msg_header(m, "Authorization");
	struct error err = { 0 };

	if (!token || strncmp(token, "Bearer ", 7) != 0 ||
	    access_verify(w->access, token + 7, c, NULL, &err) != ST_OK)
		return NULL;
	return c->tenant_id;
}

/* Like auth: a brand of another tenant does not exist. */
static void answer_brand(void *arg, struct bus_msg *m)
{
	struct sx_world *w = arg;
	Auth__V1__Brand brand = AUTH__V1__BRAND__INIT;
	struct arena *a = arena_new(65536);
	ProtobufCMessage *in = NULL;
	struct access_claims claims;
	const char *tenant = tenant_of(w, m, &claims);
	const void *data;
	size_t len;
	bool known = false;

	INVARIANT(a != NULL);
	atomic_fetch_add(&w->brand_calls, 1);
	data = bus_msg_data(m, &len);
	INVARIANT(message_unpack(a, &auth__v1__brand_request__descriptor, data, len, len, &in) ==
		  ST_OK);
	brand.brand_id = ((Auth__V1__BrandRequest *)in)->brand_id;
	brand.name = (char *)"A brand";
	brand.currency = (char *)"GBP";
	brand.timezone = (char *)"Europe/London";
	for (int i = 0; tenant && i < atomic_load(&w->n_brands); i++)
		known = known || (strcmp(w->brands[i].id, tenant) == 0 &&
				  strcmp(w->brands[i].brand, brand.brand_id) == 0);
	if (!tenant)
		reply_message(w->auth, m, ST_UNAUTHENTICATED, "no token of the caller", NULL);
	else
		reply_message(w->auth, m, known ? ST_OK : ST_NOT_FOUND,
			      known ? "" : ACCESS_NO_BRAND, known ? &brand : NULL);
	arena_free(a);
}

static void answer_credits(void *arg, struct bus_msg *m)
{
	struct sx_world *w = arg;
	Attribution__V1__OrderCreditsReply reply = ATTRIBUTION__V1__ORDER_CREDITS_REPLY__INIT;
	Attribution__V1__Credit credit = ATTRIBUTION__V1__CREDIT__INIT, *credits[] = { &credit };
	struct access_claims claims;

	credit.model = ATTRIBUTION__V1__MODEL__MODEL_LAST_TOUCH;
	credit.channel = ATTRIBUTION__V1__CHANNEL__CHANNEL_EMAIL;
	credit.campaign = (char *)"the test's";
	reply.credits = credits;
	reply.n_credits = 1;
	atomic_fetch_add(&w->credit_calls, 1);
	if (tenant_of(w, m, &claims))
		reply_message(w->attribution, m, ST_OK, "", &reply);
	else
		reply_message(w->attribution, m, ST_UNAUTHENTICATED, "no token", NULL);
}

static void refuse_credits(void *arg, struct bus_msg *m)
{
	struct sx_world *w = arg;

	atomic_fetch_add(&w->credit_calls, 1);
	reply_message(w->attribution, m, ST_TIMEOUT, "the reports are being rebuilt", NULL);
}

static struct bus_server *serve(struct bus *bus, const char *subject, const char *queue,
				bus_serve_fn *fn, struct sx_world *w)
{
	const struct bus_server_config cfg = { .subject = subject,
					       .queue = queue,
					       .workers = 2,
					       .queue_max = 256,
					       .serve = fn,
					       .full = fn,
					       .arg = w };
	struct bus_server *server = NULL;

	INVARIANT(bus_serve(bus, &cfg, &server) == ST_OK);
	return server;
}

void sx_credits(struct sx_world *w, enum sx_credits how)
{
	bus_server_stop(w->credit_server, 1000);
	w->credit_server =
		serve(w->attribution, attribution_methods[ATTRIBUTION_ORDER_CREDITS].subject,
		      "attribution", how == SX_CREDITS_GIVEN ? answer_credits : refuse_credits, w);
}

static void play_neighbours(struct sx_world *w)
{
	const struct access_key key = { KEY_ID, w->public_pem };

	w->auth = bus_of(w, "auth");
	w->attribution = bus_of(w, "attribution");
	w->edge = bus_of(w, "api-edge");
	INVARIANT(access_new_key(w->private_pem, w->public_pem, sizeof(w->private_pem)) == ST_OK);
	w->access = access_new("auth");
	INVARIANT(w->access != NULL);
	INVARIANT(access_set_state(w->access, &(struct access_state){ .version = 1,
								      .keys = &key,
								      .n_keys = 1 }) == ST_OK);
	w->access_server =
		serve(w->auth, auth_methods[AUTH_ACCESS_STATE].subject, "auth", answer_access, w);
	w->brand_server =
		serve(w->auth, auth_methods[AUTH_GET_BRAND].subject, "auth", answer_brand, w);
	sx_credits(w, SX_CREDITS_GIVEN);
}

struct bus_consumer *sx_open(struct sx_world *w, const struct contract_event *event)
{
	const struct contract_service *s = contract_service_find("attribution");
	struct bus_consumer *consumer = NULL;

	for (size_t i = 0; i < s->n_consumers; i++)
		if (s->consumers[i].event == event)
			INVARIANT(bus_consumer_open(w->attribution, s->consumers[i].stream,
						    s->consumers[i].durable, &consumer) == ST_OK);
	INVARIANT(consumer != NULL);
	return consumer;
}

/* ---- the provider ---- */

static bool file_there(void *arg)
{
	char text[32];

	return tk_read_file(arg, text, sizeof(text)) && strchr(text, '\n');
}

static void unpack(struct sx_world *w)
{
	run_step(w,
		 (const char *const[]){ "/bin/tar", "-xzf",
					arena_printf(w->arena, "%s/data/nasty.tar.gz", tk_root()),
					"-C", w->dir, "--no-same-owner", NULL },
		 NULL);
	snprintf(w->data, sizeof(w->data), "%s/nasty", w->dir);
}

static void start_simulator(struct sx_world *w, const char *plan)
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
	tk_write_file(arena_printf(w->arena, "shopify/nasty/%s", file), edited);
	sx_control(w, "reload", "");
}

/* ---- the service ---- */

/* Where its providers stand. */
static void point_at_simulator(struct sx_world *w, struct tk_env *env)
{
	static const struct {
		const char *program, *name, *value; /* NULL: the simulator's address */
	} rows[] = {
		{ "ingest-shopify", "PP_SHOPIFY_URL", NULL },
		{ "ingest-shopify", "PP_SHOPIFY_CLIENT_ID", "pulsepoint" },
		{ "ingest-shopify", "PP_SHOPIFY_CLIENT_SECRET", "simulator-secret" },
		{ "ingest-ads", "PP_META_URL", NULL },
		{ "ingest-ads", "PP_TIKTOK_URL", NULL },
		{ "ingest-ads", "PP_TIKTOK_APP_ID", "pulsepoint-tiktok" },
		{ "ingest-ads", "PP_TIKTOK_SECRET", "simulator-secret" },
		{ "ingest-ads", "PP_GOOGLE_ADS_URL", NULL },
		{ "ingest-ads", "PP_GOOGLE_TOKEN_URL", NULL },
		{ "ingest-ads", "PP_GOOGLE_CLIENT_ID", "pulsepoint.apps.simulator" },
		{ "ingest-ads", "PP_GOOGLE_CLIENT_SECRET", "simulator-secret" },
		{ "ingest-ads", "PP_GOOGLE_DEVELOPER_TOKEN", "simulator-developer-token" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].program, w->program) == 0)
			tk_env_set(env, rows[i].name,
				   rows[i].value ? rows[i].value : w->simulator_url);
}

void sx_service_start(struct sx_world *w)
{
	const char *argv[] = { arena_strdup(w->arena, tk_bin(w->program)), NULL };
	struct tk_env env = env_of(w, w->program);

	tk_env_set(&env, "PP_LOG_LEVEL", "1");
	point_at_simulator(w, &env);
	if (w->settings)
		tk_env_load(&env, w->settings);
	w->service = tk_spawn(argv, &env);
	tk_env_done(&env);
	if (!tk_wait_logged(w->service, "service.started", SX_WAIT_MS)) {
		fprintf(stderr, "%s does not start, see %s\n", w->program, tk_proc_log(w->service));
		INVARIANT(!"the service does not start");
	}
}

void sx_service_stop(struct sx_world *w)
{
	int code = tk_proc_stop(w->service, SX_WAIT_MS);

	if (code != 0)
		fprintf(stderr, "%s ended with %d, see %s\n", w->program, code,
			tk_proc_log(w->service));
	INVARIANT(code == 0);
}

void sx_service_kill(struct sx_world *w)
{
	tk_proc_kill(w->service);
}

static void migrate(struct sx_world *w)
{
	const char *argv[] = { arena_strdup(w->arena, tk_bin(w->program)), "--migrate", NULL };
	struct tk_env env = env_of(w, w->program);

	run_step(w, argv, &env);
	tk_env_done(&env);
}

static void start(struct sx_world *w, const char *program, const char *plan)
{
	memset(w, 0, sizeof(*w));
	w->program = program;
	w->arena = arena_new(ARENA_MAX);
	INVARIANT(w->arena != NULL);
	start_servers(w);
	migrate(w);
	play_neighbours(w);
	w->orders = sx_open(w, &ingest_shopify_events[INGEST_SHOPIFY_EVENT_ORDERS_UPSERTED]);
	start_simulator(w, plan);
	sx_service_start(w);
}

void sx_start(struct sx_world *w, const char *plan)
{
	start(w, "ingest-shopify", plan);
}

void sx_start_ads(struct sx_world *w)
{
	start(w, "ingest-ads", "enterprise");
}

void sx_start_insights(struct sx_world *w)
{
	start(w, "ai-insights", "enterprise");
}

void sx_start_billing(struct sx_world *w)
{
	start(w, "token-billing", "enterprise");
}

struct bus *sx_bus(struct sx_world *w, const char *user)
{
	return bus_of(w, user);
}

void sx_stop(struct sx_world *w)
{
	sx_service_stop(w);
	tk_proc_stop(w->simulator, SX_WAIT_MS);
	bus_consumer_close(w->orders);
	bus_server_stop(w->credit_server, 1000);
	bus_server_stop(w->brand_server, 1000);
	bus_server_stop(w->access_server, 1000);
	bus_close(w->edge, 1000);
	bus_close(w->attribution, 1000);
	bus_close(w->auth, 1000);
	access_free(w->access);
	http_client_free(w->http);
	arena_free(w->arena);
}

void sx_fresh(struct sx_world *w)
{
	arena_reset(w->arena);
	control(w, "DELETE", "faults", "");
	sx_pace(w, "shopify", 0);
	sx_pace(w, "meta", 0);
	sx_pace(w, "tiktok", 0);
	sx_pace(w, "google", 0);
	unpack(w);
	sx_control(w, "reload", "");
}

/* ---- who asks ---- */

const char *sx_token(struct sx_world *w, const char *tenant, enum role role)
{
	struct access_claims c = { .role = role, .tier = "unlimited" };
	char *token = arena_alloc(w->arena, ACCESS_TOKEN_MAX);
	const int64_t now_s = time_now_us() / US_PER_SECOND;
	struct error err = { 0 };

	INVARIANT(token != NULL);
	uuid_v7(c.user_id);
	uuid_v7(c.session_id);
	snprintf(c.tenant_id, sizeof(c.tenant_id), "%s", tenant);
	c.expires_at = now_s + ACCESS_TOKEN_LIFE_S;
	INVARIANT(access_sign(&c, KEY_ID, w->private_pem, now_s, token, &err) == ST_OK);
	return token;
}

void sx_tenant(struct sx_world *w, struct sx_tenant *t)
{
	int n = atomic_load(&w->n_brands);

	INVARIANT(n < SX_BRANDS);
	uuid_v7(t->id);
	uuid_v7(t->brand);
	snprintf(t->admin, sizeof(t->admin), "%s", sx_token(w, t->id, ROLE_ADMIN));
	snprintf(t->viewer, sizeof(t->viewer), "%s", sx_token(w, t->id, ROLE_VIEWER));
	w->brands[n] = *t;
	atomic_store(&w->n_brands, n + 1);
}

static const char *header_of(const struct bus_msg *m, const char *name)
{
	const char *v = bus_msg_header(m, name);

	return v ? v : "";
}

struct sx_reply sx_ask(struct sx_world *w, const char *token, const struct contract_method *c,
		       const void *in)
{
	const struct bus_header h = { "Authorization", arena_printf(w->arena, "Bearer %s", token) };
	struct sx_reply r = { .status = ST_INTERNAL };
	struct bus_msg *m = NULL;
	ProtobufCMessage *out;
	uint8_t *data;
	size_t len;

	INVARIANT(message_pack(w->arena, in, &data, &len) == ST_OK);
	r.status = bus_request(w->edge, c->subject, &h, 1, data, len, CALL_MS, &m);
	if (r.status != ST_OK)
		return r;
	r.status = status_from_name(header_of(m, "Pp-Status"));
	snprintf(r.field, sizeof(r.field), "%s", header_of(m, "Pp-Field"));
	snprintf(r.detail, sizeof(r.detail), "%s", header_of(m, "Pp-Detail"));
	if (r.status == ST_OK) {
		const void *body = bus_msg_data(m, &len);

		INVARIANT(message_unpack(w->arena, c->output, body, len, BUS_PAYLOAD_MAX, &out) ==
			  ST_OK);
		r.out = out;
	}
	bus_msg_free(m);
	return r;
}

struct sx_reply sx_call(struct sx_world *w, const char *token, enum ingest_shopify_method method,
			const void *in)
{
	return sx_ask(w, token, &ingest_shopify_methods[method], in);
}

const void *sx_must(struct sx_world *w, const char *token, enum ingest_shopify_method method,
		    const void *in)
{
	struct sx_reply r = sx_call(w, token, method, in);

	if (r.status != ST_OK)
		fail_msg("%s: %s %s %s", ingest_shopify_methods[method].name, status_name(r.status),
			 r.field, r.detail);
	return r.out;
}

const Shopify__V1__Connection *sx_connect(struct sx_world *w, const struct sx_tenant *t)
{
	Shopify__V1__ConnectRequest in = SHOPIFY__V1__CONNECT_REQUEST__INIT;

	in.brand_id = (char *)t->brand;
	in.shop_domain = (char *)SX_SHOP;
	in.code = (char *)sx_code(w);
	return sx_must(w, t->admin, INGEST_SHOPIFY_CONNECT, &in);
}

const char *sx_sync(struct sx_world *w, const struct sx_tenant *t, bool full)
{
	Pulsepoint__SyncRequest in = PULSEPOINT__SYNC_REQUEST__INIT;
	const Pulsepoint__SyncStarted *started;

	in.brand_id = (char *)t->brand;
	in.full = full;
	started = sx_must(w, t->admin, INGEST_SHOPIFY_START_SYNC, &in);
	return started->run_id;
}

const Pulsepoint__SyncRun *sx_run(struct sx_world *w, const struct sx_tenant *t, const char *run)
{
	Shopify__V1__GetSyncRequest in = SHOPIFY__V1__GET_SYNC_REQUEST__INIT;

	in.run_id = (char *)run;
	return sx_must(w, t->viewer, INGEST_SHOPIFY_GET_SYNC, &in);
}

struct awaited {
	struct sx_world *w;
	const struct sx_tenant *t;
	const char *run;
	Pulsepoint__SyncState state;
	const Pulsepoint__SyncRun *got;
};

static bool state_reached(void *arg)
{
	struct awaited *x = arg;

	x->got = sx_run(x->w, x->t, x->run);
	return x->got->state == x->state ||
	       x->got->state == PULSEPOINT__SYNC_STATE__SYNC_STATE_FAILED;
}

const Pulsepoint__SyncRun *sx_await(struct sx_world *w, const struct sx_tenant *t, const char *run,
				    Pulsepoint__SyncState state)
{
	struct awaited x = { w, t, run, state, NULL };

	if (!tk_wait_until(state_reached, &x, SX_WAIT_MS) || x.got->state != state)
		fail_msg("the run is in state %d, not %d: %s %s", (int)x.got->state, (int)state,
			 x.got->error, x.got->note);
	return x.got;
}

/* ---- attribution's part ---- */

void sx_announce(struct sx_world *w, const struct sx_tenant *t, const char *run, const char *source)
{
	Attribution__V1__AttributionUpdated m = ATTRIBUTION__V1__ATTRIBUTION_UPDATED__INIT;
	const struct bus_header h[] = { { "Pp-Tenant", t->id },
					{ "Pp-Actor", "attribution" },
					{ "Pp-Time", "1700000000000000" },
					{ "Pp-Schema", "1" } };
	struct bus_event e = { .headers = h, .n_headers = 4 };
	char uuid[UUID_TEXT];
	uint8_t *data;
	uint64_t seq = 0;

	m.brand_id = (char *)t->brand;
	m.run_id = (char *)run;
	m.source = (char *)source;
	INVARIANT(message_pack(w->arena, &m.base, &data, &e.len) == ST_OK);
	uuid_v7(uuid);
	e.data = data;
	e.id = arena_printf(w->arena, "attribution:%s", uuid);
	e.subject = arena_printf(w->arena, "pp.evt.%s.attribution.attribution.updated", t->id);
	INVARIANT(bus_js_publish(w->attribution, &e, 1, PUBLISH_MS, &seq) == ST_OK && seq > 0);
}

const void *sx_next(struct sx_world *w, struct bus_consumer *consumer, const struct sx_tenant *t,
		    const ProtobufCMessageDescriptor *type, int wait_ms)
{
	const int64_t deadline = time_mono_us() + wait_ms * INT64_C(1000);
	const void *found = NULL;

	while (!found && time_mono_us() < deadline) {
		struct bus_msg *m = NULL;
		ProtobufCMessage *message;
		const void *data;
		size_t len;
		int n = 0;

		if (bus_consumer_fetch(consumer, 1, FETCH_MS, &m, &n) != ST_OK || n == 0)
			continue;
		data = bus_msg_data(m, &len);
		INVARIANT(message_unpack(w->arena, type, data, len, BUS_EVENT_MAX, &message) ==
			  ST_OK);
		if (strstr(bus_msg_subject(m), t->id))
			found = message;
		INVARIANT(bus_js_ack(m) == ST_OK);
		bus_msg_free(m);
	}
	return found;
}

const Shopify__V1__OrdersUpserted *sx_next_orders(struct sx_world *w, const struct sx_tenant *t,
						  int wait_ms)
{
	return sx_next(w, w->orders, t, &shopify__v1__orders_upserted__descriptor, wait_ms);
}

/* ---- the database ---- */

#define FORMAT(w, fmt, query)                               \
	do {                                                \
		va_list ap;                                 \
		va_start(ap, fmt);                          \
		query = arena_vprintf((w)->arena, fmt, ap); \
		va_end(ap);                                 \
	} while (0)

int64_t sx_int(struct sx_world *w, const char *fmt, ...)
{
	const char *query;

	FORMAT(w, fmt, query);
	return tk_sql_int(w->pg, query);
}

const char *sx_text(struct sx_world *w, const char *fmt, ...)
{
	char *out = arena_alloc(w->arena, OUTPUT_MAX);
	const char *query;

	INVARIANT(out != NULL);
	FORMAT(w, fmt, query);
	tk_sql_text(w->pg, query, out, OUTPUT_MAX);
	return out;
}

struct wanted {
	struct sx_world *w;
	const char *query;
	int64_t want, got;
};

static bool number_reached(void *arg)
{
	struct wanted *x = arg;

	x->got = tk_sql_int(x->w->pg, x->query);
	return x->got == x->want;
}

void sx_until(struct sx_world *w, int64_t want, const char *fmt, ...)
{
	struct wanted x = { .w = w, .want = want };

	FORMAT(w, fmt, x.query);
	if (!tk_wait_until(number_reached, &x, SX_WAIT_MS))
		fail_msg("%s: %lld and never %lld", x.query, (long long)x.got, (long long)want);
}

void sx_check_totals(struct sx_world *w, const struct sx_tenant *t)
{
	assert_int_equal(sx_int(w,
				"SELECT count(*) FROM ingest_shopify.orders WHERE brand_id = '%s'",
				t->brand),
			 SX_ORDERS);
	assert_int_equal(sx_int(w,
				"SELECT count(*) FROM ingest_shopify.orders WHERE counts AND "
				"brand_id = '%s'",
				t->brand),
			 SX_COUNT);
	/* From the lines and refunds themselves, not from what the order says of them. */
	assert_int_equal(sx_int(w,
				"SELECT sum(l.total_micros) FROM ingest_shopify.order_lines l JOIN "
				"ingest_shopify.orders o USING (brand_id, order_id) WHERE o.counts "
				"AND brand_id = '%s'",
				t->brand),
			 SX_GROSS);
	assert_int_equal(sx_int(w,
				"SELECT sum(r.amount_micros) FROM ingest_shopify.refunds r JOIN "
				"ingest_shopify.orders o USING (brand_id, order_id) WHERE o.counts "
				"AND brand_id = '%s'",
				t->brand),
			 SX_REFUNDS);
	assert_int_equal(sx_int(w,
				"SELECT sum(gross_micros - refunds_micros) FROM "
				"ingest_shopify.orders WHERE counts AND brand_id = '%s'",
				t->brand),
			 SX_GROSS - SX_REFUNDS);
}

int64_t sx_events(struct sx_world *w, const struct sx_tenant *t, const char *what)
{
	return sx_int(w,
		      "SELECT count(*) FROM ingest_shopify.outbox WHERE subject = "
		      "'pp.evt.%s.ingest-shopify.%s'",
		      t->id, what);
}
