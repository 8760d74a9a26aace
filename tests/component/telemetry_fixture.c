/*
 * See telemetry_fixture.h. Servers and programs are the test kit's; roles, users, permissions and
 * streams are made by pp-deploy, as everywhere else.
 */
#include "component/telemetry_fixture.h"

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
#define STEP_MS    60000
#define LOOK_US    10000
#define CALL_MS    30000
#define PUBLISH_MS 10000
#define KEY_ID     "test-key"

static PGconn *super_connection;

/* ---- the deploy step ---- */

/* A step that must succeed; what it prints. */
static const char *deploy(struct tw_world *w, const char *const *words)
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

static const char *put_file(struct tw_world *w, const char *name, const char *text)
{
	return tk_write_file(arena_printf(w->arena, "world/%s", name), text);
}

void tw_env(struct tw_world *w, const char *user, struct tk_env *env)
{
	const char *text = DEPLOY(w, "env", w->dir, user);

	*env = (struct tk_env){ 0 };
	tk_env_load(env, put_file(w, arena_printf(w->arena, "%s.env", user), text));
}

static const char *env_get(struct tw_world *w, const struct tk_env *env, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return arena_strdup(w->arena, env->v[i] + len + 1);
	INVARIANT(!"a setting is missing");
	return NULL;
}

static struct bus *bus_as(struct tw_world *w, const char *user)
{
	struct bus_config cfg = { .name = user };
	struct error err = { 0 };
	struct bus *bus = NULL;
	struct tk_env env;

	tw_env(w, user, &env);
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

struct bus *tw_bus(struct tw_world *w, const char *user)
{
	size_t i = 0;

	while (i < TW_BUSES && w->buses[i] && strcmp(w->users[i], user) != 0)
		i++;
	INVARIANT(i < TW_BUSES);
	if (!w->buses[i]) {
		w->users[i] = user;
		w->buses[i] = bus_as(w, user);
	}
	return w->buses[i];
}

/* The value in "host=/a port=1 user=...". */
static const char *word_of(struct tw_world *w, const char *conninfo, const char *name)
{
	const char *at = strstr(conninfo, name);

	INVARIANT(at != NULL);
	at += strlen(name);
	return arena_strndup(w->arena, at, strcspn(at, " "));
}

static void start_servers(struct tw_world *w)
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
	struct tw_world *w = arg;
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
	(void)!bus_reply(w->buses[0], m, &h, 1, packed,
			 auth__v1__access_state_reply__pack(&reply, packed));
}

static void play_auth(struct tw_world *w)
{
	const struct bus_server_config cfg = { .subject = "pp.rpc.auth.access_state",
					       .queue = "auth",
					       .workers = 1,
					       .queue_max = 64,
					       .serve = answer_access_state,
					       .full = answer_access_state,
					       .arg = w };

	INVARIANT(access_new_key(w->private_pem, w->public_pem, sizeof(w->private_pem)) == ST_OK);
	INVARIANT(bus_serve(tw_bus(w, "auth"), &cfg, &w->access) == ST_OK);
}

/* ---- the service ---- */

static void migrate(struct tw_world *w)
{
	const char *argv[] = { tk_bin("observability"), "--migrate", NULL };
	char out[4096];
	struct tk_env env;

	tw_env(w, "observability", &env);
	argv[0] = tk_bin("observability");
	if (tk_run(argv, &env, STEP_MS, out, sizeof(out)) != 0) {
		fprintf(stderr, "%s\n", out);
		INVARIANT(!"observability --migrate failed");
	}
	tk_env_done(&env);
}

/* It verifies our token: keys, bus and database are there. */
static bool answers(void *arg)
{
	struct tw_world *w = arg;
	Observability__V1__ListAlertRulesRequest in =
		OBSERVABILITY__V1__LIST_ALERT_RULES_REQUEST__INIT;
	char tenant[UUID_TEXT];

	uuid_v7(tenant);
	return tw_call(w, tw_token(w, tenant, ROLE_ADMIN, ""), OBSERVABILITY_LIST_ALERT_RULES, &in)
		       .status == ST_OK;
}

void tw_start_service(struct tw_world *w)
{
	const char *argv[] = { NULL, NULL };
	struct tk_env env;

	tw_env(w, "observability", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "1");
	argv[0] = tk_bin("observability");
	w->service = tk_spawn(argv, &env);
	tk_env_done(&env);
	if (!tk_wait_logged(w->service, "service.started", TW_WAIT_MS) ||
	    !tk_wait_until(answers, w, TW_WAIT_MS)) {
		fprintf(stderr, "observability does not start, see %s\n", tk_proc_log(w->service));
		INVARIANT(!"observability does not start");
	}
}

void tw_start(struct tw_world *w)
{
	memset(w, 0, sizeof(*w));
	w->arena = arena_new(ARENA_MAX);
	INVARIANT(w->arena != NULL);
	start_servers(w);
	migrate(w);
	super_connection = PQconnectdb(w->pg);
	INVARIANT(PQstatus(super_connection) == CONNECTION_OK);
	play_auth(w);
	tw_start_service(w);
}

static void stop_service(struct tw_world *w)
{
	int code = tk_proc_stop(w->service, TW_WAIT_MS);

	if (code != 0)
		fprintf(stderr, "observability ended with %d, see %s\n", code,
			tk_proc_log(w->service));
	INVARIANT(code == 0);
}

void tw_kill(struct tw_world *w)
{
	tk_proc_kill(w->service);
	tw_start_service(w);
}

void tw_stop(struct tw_world *w)
{
	stop_service(w);
	bus_server_stop(w->access, 1000);
	for (size_t i = 0; i < TW_BUSES; i++)
		bus_close(w->buses[i], 1000);
	PQfinish(super_connection);
	arena_free(w->arena);
}

void tw_fresh(struct tw_world *w)
{
	arena_reset(w->arena);
}

/* ---- who asks ---- */

const char *tw_token(struct tw_world *w, const char *tenant, enum role role, const char *brands)
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

/* ---- events ---- */

void tw_publish(struct tw_world *w, const char *tenant, const struct contract_event *event,
		const void *message, const char *actor, const char *id, int64_t at_us)
{
	char uuid[UUID_TEXT], traceparent[TRACEPARENT_TEXT];
	uint64_t seq = 0;
	size_t len;
	uint8_t *data;

	uuid_v7(uuid);
	traceparent_child(NULL, traceparent);
	INVARIANT(message_pack(w->arena, message, &data, &len) == ST_OK);
	const struct bus_header h[] = {
		{ "Pp-Tenant", tenant },
		{ "Pp-Actor", actor },
		{ "Pp-Time",
		  arena_printf(w->arena, "%lld", (long long)(at_us ? at_us : time_now_us())) },
		{ "Pp-Schema", "1" },
		{ "traceparent", traceparent },
		/* As in a replay: the stream sees another id. */
		{ "Pp-Event-Id", id },
	};
	const struct bus_event e = {
		.subject = arena_printf(w->arena, "pp.evt.%s.%s.%s.%s", tenant, event->service,
					event->entity, event->action),
		.id = arena_printf(w->arena, "%s:%s", event->service, uuid),
		.headers = h,
		.n_headers = (int)(sizeof(h) / sizeof(h[0])),
		.data = data,
		.len = len,
	};
	INVARIANT(bus_js_publish(tw_bus(w, event->service), &e, 1, PUBLISH_MS, &seq) == ST_OK &&
		  seq > 0);
}

/* ---- telemetry ---- */

static ProtobufCBinaryData random_id(struct tw_world *w, size_t len)
{
	uint8_t *data = arena_alloc(w->arena, len);

	INVARIANT(data != NULL);
	random_bytes(data, len);
	return (ProtobufCBinaryData){ len, data };
}

Pulsepoint__RequestRow *tw_row(struct tw_world *w, const char *tenant, int n)
{
	Pulsepoint__RequestRow *row = arena_alloc(w->arena, sizeof(*row));

	INVARIANT(row != NULL);
	pulsepoint__request_row__init(row);
	row->started_at = time_now_us();
	row->duration_us = 1000;
	row->database_us = 400;
	row->tenant_id = (char *)tenant;
	row->user_id = (char *)"user-1";
	row->method = arena_printf(w->arena, "M%d", n);
	row->status = (char *)"ok";
	row->http_status = 200;
	row->request_bytes = 10;
	row->response_bytes = 20;
	row->request_id = arena_printf(w->arena, "request-%d", n);
	row->trace_id = random_id(w, 16);
	row->span_id = random_id(w, 8);
	return row;
}

void tw_page_bytes(struct tw_world *w, const char *service, const char *id, const void *data,
		   size_t len)
{
	uint64_t seq = 0;
	const struct bus_event e = {
		.subject = arena_printf(w->arena, "pp.obs.%s", service),
		.id = id,
		.data = data,
		.len = len,
	};

	INVARIANT(bus_js_publish(tw_bus(w, service), &e, 1, PUBLISH_MS, &seq) == ST_OK && seq > 0);
}

void tw_page(struct tw_world *w, const char *service, const char *instance, uint64_t page,
	     uint64_t emitted, uint64_t dropped, Pulsepoint__RequestRow **rows, size_t n)
{
	Pulsepoint__Telemetry m = PULSEPOINT__TELEMETRY__INIT;
	char unique[UUID_TEXT];
	uint8_t *data;
	size_t len;

	m.service = (char *)service;
	m.instance = (char *)instance;
	m.page = page;
	m.emitted = emitted;
	m.dropped = dropped;
	m.rows = rows;
	m.n_rows = n;
	uuid_v7(unique);
	INVARIANT(message_pack(w->arena, &m.base, &data, &len) == ST_OK);
	/* An id of its own each time: the stream must not be what keeps doubles out. */
	tw_page_bytes(w, service, arena_strdup(w->arena, unique), data, len);
}

/* ---- calls ---- */

static const char *header(const struct bus_msg *m, const char *name)
{
	const char *value = bus_msg_header(m, name);

	return value ? value : "";
}

struct tw_reply tw_call(struct tw_world *w, const char *token, enum observability_method method,
			const void *in)
{
	const struct contract_method *contract = &observability_methods[method];
	const struct bus_header h[] = { { "Authorization",
					  arena_printf(w->arena, "Bearer %s", token) },
					{ "Pp-Request-Id", "test-request" } };
	struct tw_reply r = { .status = ST_INTERNAL };
	struct bus_msg *m = NULL;
	ProtobufCMessage *out;
	uint8_t *data;
	size_t len;

	INVARIANT(message_pack(w->arena, in, &data, &len) == ST_OK);
	r.status =
		bus_request(tw_bus(w, "api-edge"), contract->subject, h, 2, data, len, CALL_MS, &m);
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

const void *tw_must(struct tw_world *w, const char *token, enum observability_method method,
		    const void *in)
{
	struct tw_reply r = tw_call(w, token, method, in);

	if (r.status != ST_OK)
		fail_msg("%s: %s %s %s", observability_methods[method].name, status_name(r.status),
			 r.field, r.detail);
	return r.out;
}

/* ---- the database ---- */

static const char *ask(struct tw_world *w, const char *query)
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

static int64_t ask_int(struct tw_world *w, const char *query)
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

const char *tw_sql(struct tw_world *w, const char *fmt, ...)
{
	const char *query;

	FORMAT(w, fmt, query);
	return ask(w, query);
}

int64_t tw_sql_int(struct tw_world *w, const char *fmt, ...)
{
	const char *query;

	FORMAT(w, fmt, query);
	return ask_int(w, query);
}

void tw_sql_until(struct tw_world *w, int64_t want, const char *fmt, ...)
{
	const int64_t deadline = time_mono_us() + TW_WAIT_MS * INT64_C(1000);
	const char *query;
	int64_t got;

	FORMAT(w, fmt, query);
	while ((got = ask_int(w, query)) != want) {
		if (time_mono_us() > deadline)
			fail_msg("%s: %lld and never %lld", query, (long long)got, (long long)want);
		time_sleep_us(time_mono_us() + LOOK_US);
	}
}
