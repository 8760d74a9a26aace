/*
 * See attribution_fixture.h. Servers and programs are the test kit's; roles, users, permissions and
 * streams are made by pp-deploy, as everywhere else.
 */
#include "component/attribution_fixture.h"

#include "access/access.h"
#include "contract/auth.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "testkit/testkit.h"
#include "json/message.h"

#include <postgresql/libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ARENA_MAX  ((size_t)512 * 1024 * 1024)
#define OUTPUT_MAX 65536
#define LOG_MAX    (1024 * 1024)
#define STEP_MS    60000
#define LOOK_US    10000
#define CALL_MS    30000
#define PUBLISH_MS 10000
#define FETCH_MS   1000
#define KEY_ID     "test-key"

static PGconn *super_connection;

/* ---- the deploy step ---- */

/* A step that must succeed; what it prints. */
static const char *deploy(struct at_world *w, const char *const *words)
{
	const char *argv[8] = { tk_bin("pp-deploy") };
	char *out = arena_alloc(w->arena, OUTPUT_MAX);
	int n = 1;

	INVARIANT(out != NULL);
	while (*words && n < 7)
		argv[n++] = *words++;
	if (tk_run(argv, NULL, STEP_MS, out, OUTPUT_MAX) != 0) {
		fprintf(stderr, "pp-deploy %s failed: %s\n", argv[1], out);
		INVARIANT(!"pp-deploy failed");
	}
	return out;
}
#define DEPLOY(w, ...) deploy(w, (const char *const[]){ __VA_ARGS__, NULL })

static const char *put_file(struct at_world *w, const char *name, const char *text)
{
	return tk_write_file(arena_printf(w->arena, "world/%s", name), text);
}

static void load_env(struct at_world *w, const char *user, struct tk_env *env)
{
	const char *text = DEPLOY(w, "env", w->dir, user);

	*env = (struct tk_env){ 0 };
	tk_env_load(env, put_file(w, arena_printf(w->arena, "%s.env", user), text));
}

static const char *env_get(struct at_world *w, const struct tk_env *env, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return arena_strdup(w->arena, env->v[i] + len + 1);
	INVARIANT(!"a setting is missing");
	return NULL;
}

static struct bus *bus_as(struct at_world *w, const char *user)
{
	struct bus_config cfg = { .name = user };
	struct error err = { 0 };
	struct bus *bus = NULL;
	struct tk_env env;

	load_env(w, user, &env);
	cfg.url = env_get(w, &env, "PP_NATS_URL");
	cfg.user = env_get(w, &env, "PP_NATS_USER");
	cfg.seed_file = env_get(w, &env, "PP_NATS_SEED_FILE");
	cfg.inbox_prefix = arena_printf(w->arena, "_INBOX_%s", user);
	tk_env_done(&env);
	if (bus_open(&bus, &cfg, &err) != ST_OK)
		fprintf(stderr, "bus as %s: %s\n", user, err.detail);
	INVARIANT(bus != NULL);
	return bus;
}

/* The value in "host=/a port=1 user=...". */
static const char *word_of(struct at_world *w, const char *conninfo, const char *name)
{
	const char *at = strstr(conninfo, name);

	INVARIANT(at != NULL);
	at += strlen(name);
	return arena_strndup(w->arena, at, strcspn(at, " "));
}

static void start_servers(struct at_world *w)
{
	struct tk_pg *pg = tk_pg_open(true); /* alone: it gets roles */
	const char *admin = tk_pg_conninfo(pg);
	const char *host = word_of(w, admin, "host="), *port = word_of(w, admin, "port=");

	snprintf(w->dir, sizeof(w->dir), "%s/world", tk_dir());
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

/* In auth's place: the one key that signs the tokens of the tests. */
static void answer_access_state(void *arg, struct bus_msg *m)
{
	struct at_world *w = arg;
	Auth__V1__AccessStateReply reply = AUTH__V1__ACCESS_STATE_REPLY__INIT;
	Auth__V1__SigningKey key = AUTH__V1__SIGNING_KEY__INIT, *keys[] = { &key };
	const struct bus_header h = { "Pp-Status", "ok" };
	uint8_t packed[2048];

	key.kid = (char *)KEY_ID;
	key.public_pem = w->public_pem;
	reply.version = 1;
	reply.keys = keys;
	reply.n_keys = 1;
	INVARIANT(auth__v1__access_state_reply__get_packed_size(&reply) <= sizeof(packed));
	(void)!bus_reply(w->auth, m, &h, 1, packed,
			 auth__v1__access_state_reply__pack(&reply, packed));
}

static void play_auth(struct at_world *w)
{
	const struct bus_server_config cfg = { .subject = "pp.rpc.auth.access_state",
					       .queue = "auth",
					       .workers = 1,
					       .queue_max = 64,
					       .serve = answer_access_state,
					       .full = answer_access_state,
					       .arg = w };

	INVARIANT(access_new_key(w->private_pem, w->public_pem, sizeof(w->private_pem)) == ST_OK);
	INVARIANT(bus_serve(w->auth, &cfg, &w->access) == ST_OK);
}

/* ---- the service ---- */

static void migrate(struct at_world *w)
{
	const char *argv[] = { tk_bin("attribution"), "--migrate", NULL };
	char out[4096];
	struct tk_env env;

	load_env(w, "attribution", &env);
	argv[0] = tk_bin("attribution");
	if (tk_run(argv, &env, STEP_MS, out, sizeof(out)) != 0) {
		fprintf(stderr, "%s\n", out);
		INVARIANT(!"attribution --migrate failed");
	}
	tk_env_done(&env);
}

/* It verifies our token and knows that there is no such brand: keys, bus and database are there. */
static bool answers(void *arg)
{
	struct at_world *w = arg;
	Attribution__V1__OrderCreditsRequest in = ATTRIBUTION__V1__ORDER_CREDITS_REQUEST__INIT;
	char tenant[UUID_TEXT];
	const char *token;

	uuid_v7(tenant);
	token = at_token(w, tenant, ROLE_VIEWER, "");
	in.brand_id = tenant;
	in.order_id = (char *)"none";
	return at_call(w, token, ATTRIBUTION_ORDER_CREDITS, &in).status == ST_NOT_FOUND;
}

static void start_service(struct at_world *w)
{
	const char *argv[] = { NULL, NULL };
	struct tk_env env;

	load_env(w, "attribution", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "1");
	argv[0] = tk_bin("attribution");
	w->service = tk_spawn(argv, &env);
	tk_env_done(&env);
	if (!tk_wait_logged(w->service, "service.started", AT_WAIT_MS) ||
	    !tk_wait_until(answers, w, AT_WAIT_MS)) {
		fprintf(stderr, "attribution does not start, see %s\n", tk_proc_log(w->service));
		INVARIANT(!"attribution does not start");
	}
}

/* The one event that ingest-shopify hears. */
static void open_updates(struct at_world *w)
{
	const struct contract_consumer *c = contract_service_find("ingest-shopify")->consumers;

	INVARIANT(strcmp(c->event->service, "attribution") == 0);
	INVARIANT(bus_consumer_open(w->shopify, c->stream, c->durable, &w->updated) == ST_OK);
}

void at_start(struct at_world *w)
{
	memset(w, 0, sizeof(*w));
	w->arena = arena_new(ARENA_MAX);
	INVARIANT(w->arena != NULL);
	start_servers(w);
	migrate(w);
	super_connection = PQconnectdb(w->pg);
	INVARIANT(PQstatus(super_connection) == CONNECTION_OK);
	w->auth = bus_as(w, "auth");
	w->shopify = bus_as(w, "ingest-shopify");
	w->ads = bus_as(w, "ingest-ads");
	w->edge = bus_as(w, "api-edge");
	open_updates(w);
	play_auth(w);
	start_service(w);
}

static void stop_service(struct at_world *w)
{
	int code = tk_proc_stop(w->service, AT_WAIT_MS);

	if (code != 0)
		fprintf(stderr, "attribution ended with %d, see %s\n", code,
			tk_proc_log(w->service));
	INVARIANT(code == 0);
}

void at_restart(struct at_world *w)
{
	stop_service(w);
	start_service(w);
}

void at_stop(struct at_world *w)
{
	stop_service(w);
	bus_consumer_close(w->updated);
	bus_server_stop(w->access, 1000);
	bus_close(w->edge, 1000);
	bus_close(w->ads, 1000);
	bus_close(w->shopify, 1000);
	bus_close(w->auth, 1000);
	PQfinish(super_connection);
	arena_free(w->arena);
}

void at_fresh(struct at_world *w)
{
	arena_reset(w->arena);
}

/* ---- who asks ---- */

const char *at_token(struct at_world *w, const char *tenant, enum role role, const char *brands)
{
	struct access_claims c = { .role = role, .tier = "unlimited" };
	char *token = arena_alloc(w->arena, ACCESS_TOKEN_MAX);
	struct error err = { 0 };

	INVARIANT(token != NULL);
	uuid_v7(c.user_id);
	uuid_v7(c.session_id);
	snprintf(c.tenant_id, sizeof(c.tenant_id), "%s", tenant);
	snprintf(c.brand_ids, sizeof(c.brand_ids), "%s", brands);
	c.expires_at = time_now_us() / US_PER_SECOND + ACCESS_TOKEN_LIFE_S;
	INVARIANT(access_sign(&c, KEY_ID, w->private_pem, time_now_us() / US_PER_SECOND, token,
			      &err) == ST_OK);
	return token;
}

void at_tenant(struct at_world *w, struct at_tenant *t, const char *currency)
{
	uuid_v7(t->id);
	uuid_v7(t->brand);
	snprintf(t->token, sizeof(t->token), "%s", at_token(w, t->id, ROLE_ANALYST, ""));
	at_publish_brand(w, t->id, t->brand, currency, 1);
	at_settled(w, t->id);
}

/* ---- events ---- */

static struct bus *owner_of(struct at_world *w, const struct contract_event *event)
{
	if (strcmp(event->service, "auth") == 0)
		return w->auth;
	return strcmp(event->service, "ingest-ads") == 0 ? w->ads : w->shopify;
}

/* How many distinct events each tenant was sent: at_settled waits for as many rows of the inbox. */
#define TENANTS_MAX 64
static struct sent {
	char tenant[UUID_TEXT];
	int64_t n;
} sent[TENANTS_MAX];

static int64_t *sent_to(const char *tenant)
{
	size_t i = 0;

	while (i < TENANTS_MAX && *sent[i].tenant && strcmp(sent[i].tenant, tenant) != 0)
		i++;
	INVARIANT(i < TENANTS_MAX);
	snprintf(sent[i].tenant, sizeof(sent[i].tenant), "%s", tenant);
	return &sent[i].n;
}

static void publish(struct at_world *w, const char *tenant, const struct contract_event *event,
		    const void *message, const char *id)
{
	char uuid[UUID_TEXT];
	uint64_t seq = 0;
	size_t len;
	uint8_t *data;

	uuid_v7(uuid);
	INVARIANT(message_pack(w->arena, message, &data, &len) == ST_OK);
	const struct bus_header h[] = {
		{ "Pp-Tenant", tenant },
		{ "Pp-Actor", event->service },
		{ "Pp-Time", arena_printf(w->arena, "%lld", (long long)time_now_us()) },
		{ "Pp-Schema", "1" },
	};
	const struct bus_event e = {
		.subject = arena_printf(w->arena, "pp.evt.%s.%s.%s.%s", tenant, event->service,
					event->entity, event->action),
		.id = id ? id : arena_printf(w->arena, "%s:%s", event->service, uuid),
		.headers = h,
		.n_headers = sizeof(h) / sizeof(h[0]),
		.data = data,
		.len = len,
	};
	INVARIANT(bus_js_publish(owner_of(w, event), &e, 1, PUBLISH_MS, &seq) == ST_OK && seq > 0);
}

void at_publish(struct at_world *w, const char *tenant, const struct contract_event *event,
		const void *message, const char *id)
{
	publish(w, tenant, event, message, id);
	if (!id)
		++*sent_to(tenant);
}

void at_publish_bad(struct at_world *w, const char *tenant, const struct contract_event *event,
		    const void *message)
{
	publish(w, tenant, event, message, NULL);
}

void at_forget_streams(struct at_world *w)
{
	DEPLOY(w, "streams", "--wipe", w->dir);
}

int64_t at_dead_letters(struct at_world *w)
{
	static const char word[] = "event.dead_lettered";
	char *log = arena_alloc(w->arena, LOG_MAX);
	int64_t n = 0;

	INVARIANT(log != NULL && tk_read_file(tk_proc_log(w->service), log, LOG_MAX));
	while ((log = strstr(log, word)) != NULL) {
		log += sizeof(word) - 1;
		n++;
	}
	return n;
}

void at_until_dead_letters(struct at_world *w, int64_t want)
{
	const int64_t deadline = time_mono_us() + AT_WAIT_MS * INT64_C(1000);

	while (at_dead_letters(w) != want) {
		if (time_mono_us() > deadline)
			fail_msg("never %lld dead letters", (long long)want);
		time_sleep_us(time_mono_us() + LOOK_US);
	}
}

void at_publish_brand(struct at_world *w, const char *tenant, const char *brand,
		      const char *currency, uint64_t version)
{
	Auth__V1__BrandsUpserted m = AUTH__V1__BRANDS_UPSERTED__INIT;
	Auth__V1__BrandRow row = AUTH__V1__BRAND_ROW__INIT, *rows[] = { &row };

	row.brand_id = (char *)brand;
	row.name = (char *)"A brand";
	row.currency = (char *)currency;
	row.timezone = (char *)"UTC";
	row.version = version;
	m.rows = rows;
	m.n_rows = 1;
	at_publish(w, tenant, AT_BRANDS, &m, NULL);
}

void at_settled(struct at_world *w, const char *tenant)
{
	at_sql_until(w, *sent_to(tenant),
		     "SELECT count(*) FROM attribution.inbox WHERE tenant_id = '%s'", tenant);
}

const char *at_next_update(struct at_world *w, const char *tenant)
{
	const int64_t deadline = time_mono_us() + AT_WAIT_MS * INT64_C(1000);

	for (;;) {
		struct bus_msg *m = NULL;
		ProtobufCMessage *message;
		const char *told = NULL;
		int n = 0;

		if (time_mono_us() > deadline)
			fail_msg("no attribution.updated came");
		if (bus_consumer_fetch(w->updated, 1, FETCH_MS, &m, &n) != ST_OK || n == 0)
			continue;
		if (strstr(bus_msg_subject(m), tenant)) {
			const Attribution__V1__AttributionUpdated *u;
			size_t len;
			const void *data = bus_msg_data(m, &len);

			INVARIANT(message_unpack(w->arena,
						 &attribution__v1__attribution_updated__descriptor,
						 data, len, BUS_EVENT_MAX, &message) == ST_OK);
			u = (const Attribution__V1__AttributionUpdated *)message;
			told = arena_printf(w->arena, "%s %s %s", u->brand_id, u->run_id,
					    u->source);
		}
		INVARIANT(bus_js_ack(m) == ST_OK);
		bus_msg_free(m);
		if (told)
			return told;
	}
}

/* ---- calls ---- */

static const char *header(const struct bus_msg *m, const char *name)
{
	const char *value = bus_msg_header(m, name);

	return value ? value : "";
}

struct at_reply at_call(struct at_world *w, const char *token, enum attribution_method method,
			const void *in)
{
	const struct contract_method *contract = &attribution_methods[method];
	const struct bus_header h[] = { { "Authorization",
					  arena_printf(w->arena, "Bearer %s", token) },
					{ "Pp-Request-Id", "test-request" } };
	struct at_reply r = { .status = ST_INTERNAL };
	struct bus_msg *m = NULL;
	ProtobufCMessage *out;
	uint8_t *data;
	size_t len;

	INVARIANT(message_pack(w->arena, in, &data, &len) == ST_OK);
	r.status = bus_request(contract->http_path ? w->edge : w->shopify, contract->subject, h, 2,
			       data, len, CALL_MS, &m);
	if (r.status != ST_OK)
		return r;
	r.status = status_from_name(header(m, "Pp-Status"));
	snprintf(r.field, sizeof(r.field), "%s", header(m, "Pp-Field"));
	snprintf(r.detail, sizeof(r.detail), "%s", header(m, "Pp-Detail"));
	if (r.status == ST_OK) {
		const void *body = bus_msg_data(m, &len);

		r.status = message_unpack(w->arena, contract->output, body, len, BUS_PAYLOAD_MAX,
					  &out);
		r.out = out;
	}
	bus_msg_free(m);
	return r;
}

const void *at_must(struct at_world *w, const char *token, enum attribution_method method,
		    const void *in)
{
	struct at_reply r = at_call(w, token, method, in);

	if (r.status != ST_OK)
		fail_msg("%s: %s %s %s", attribution_methods[method].name, status_name(r.status),
			 r.field, r.detail);
	return r.out;
}

/* ---- the database ---- */

static const char *ask(struct at_world *w, const char *query)
{
	PGresult *r = PQexec(super_connection, query);
	ExecStatusType kind = PQresultStatus(r);
	const char *text;

	if (kind != PGRES_TUPLES_OK && kind != PGRES_COMMAND_OK)
		fail_msg("%s: %s", query, PQresultErrorMessage(r));
	text = arena_strdup(w->arena,
			    kind == PGRES_TUPLES_OK && PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return text;
}

static int64_t ask_int(struct at_world *w, const char *query)
{
	const char *text = ask(w, query);
	int64_t v = 0;

	if (!parse_i64(text, INT64_MIN, INT64_MAX, &v))
		fail_msg("%s: \"%s\" is no number", query, text);
	return v;
}

#define FORMAT(w, fmt, query)                               \
	do {                                                \
		va_list ap;                                 \
		va_start(ap, fmt);                          \
		query = arena_vprintf((w)->arena, fmt, ap); \
		va_end(ap);                                 \
	} while (0)

const char *at_sql(struct at_world *w, const char *fmt, ...)
{
	const char *query;

	FORMAT(w, fmt, query);
	return ask(w, query);
}

int64_t at_sql_int(struct at_world *w, const char *fmt, ...)
{
	const char *query;

	FORMAT(w, fmt, query);
	return ask_int(w, query);
}

void at_sql_until(struct at_world *w, int64_t want, const char *fmt, ...)
{
	const int64_t deadline = time_mono_us() + AT_WAIT_MS * INT64_C(1000);
	const char *query;
	int64_t got;

	FORMAT(w, fmt, query);
	while ((got = ask_int(w, query)) != want) {
		if (time_mono_us() > deadline)
			fail_msg("%s: %lld and never %lld", query, (long long)got, (long long)want);
		time_sleep_us(time_mono_us() + LOOK_US);
	}
}
