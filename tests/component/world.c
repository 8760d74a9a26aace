/*
 * See world.h. Servers and programs are the test kit's; roles, users, permissions and streams are
 * made by pp-deploy, as everywhere else.
 */
#include "component/world.h"

#include "access/access.h"
#include "contract/auth.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <postgresql/libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ARENA_MAX  ((size_t)512 * 1024 * 1024)
#define SMALL_MAX  ((size_t)1024 * 1024)
#define OUTPUT_MAX 65536
#define WORDS_MAX  8
#define STEP_MS    60000
#define CALL_MS    30000
#define PUBLISH_MS 10000
#define FETCH_MS   200
#define KEY_ID     "test-key"

/* ---- the deploy step ---- */

/* Runs a program that must succeed; what it prints. */
static const char *run(struct world *w, const char *const *argv, const struct tk_env *env)
{
	char *out = arena_alloc(w->arena, OUTPUT_MAX);

	INVARIANT(out != NULL);
	if (tk_run(argv, env, STEP_MS, out, OUTPUT_MAX) != 0) {
		fprintf(stderr, "%s %s: %s\n", argv[0], argv[1], out);
		INVARIANT(!"a step of the deployment failed");
	}
	return out;
}

const char *world_deploy_words(struct world *w, const char *const *words)
{
	const char *argv[WORDS_MAX] = { tk_bin("pp-deploy") };
	int n = 1;

	while (*words && n < WORDS_MAX - 1)
		argv[n++] = *words++;
	INVARIANT(!*words);
	return run(w, argv, NULL);
}

void world_streams(struct world *w)
{
	world_deploy(w, "streams", w->dir);
}

const char *world_file(struct world *w, const char *name, const char *text)
{
	return tk_write_file(arena_printf(w->arena, WORLD_DIR "/%s", name), text);
}

void world_env(struct world *w, const char *user, struct tk_env *env)
{
	const char *text = world_deploy(w, "env", w->dir, user);

	*env = (struct tk_env){ 0 };
	tk_env_load(env, world_file(w, arena_printf(w->arena, "%s.env", user), text));
}

static const char *env_get(struct world *w, const struct tk_env *env, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return arena_strdup(w->arena, env->v[i] + len + 1);
	INVARIANT(!"a setting is missing");
	return NULL;
}

/* The value in "host=/a port=1 user=...". */
static const char *word_of(struct world *w, const char *conninfo, const char *name)
{
	const char *at = strstr(conninfo, name);

	INVARIANT(at != NULL);
	at += strlen(name);
	return arena_strndup(w->arena, at, strcspn(at, " "));
}

static void start_servers(struct world *w)
{
	struct tk_pg *pg = tk_pg_open(true); /* alone: it gets roles */
	const char *admin = tk_pg_conninfo(pg);
	const char *host = word_of(w, admin, "host="), *port = word_of(w, admin, "port=");

	w->dir = arena_printf(w->keep, "%s/" WORLD_DIR, tk_dir());
	INVARIANT(mkdir(w->dir, 0755) == 0);
	world_deploy(w, "keys", w->dir);
	w->nats = tk_nats_open(world_deploy(w, "nats-conf", w->dir,
					    arena_printf(w->arena, "%s/unused", w->dir), "4222"),
			       NULL);
	world_file(w, "nats.env", arena_printf(w->arena, "NATS_URL=%s\n", tk_nats_url(w->nats)));
	world_file(w, "pg.env",
		   arena_printf(w->arena, "PGHOST=%s\nPGPORT=%s\nPGUSER=postgres\n", host, port));
	w->pg = arena_printf(w->keep, "host=%s port=%s user=postgres dbname=pulsepoint", host,
			     port);
	world_deploy(w, "roles", w->dir, admin);
	world_streams(w);
}

void world_open(struct world *w)
{
	*w = (struct world){ .arena = arena_new(ARENA_MAX), .keep = arena_new(ARENA_MAX) };
	INVARIANT(w->arena && w->keep);
	start_servers(w);
	w->super = PQconnectdb(w->pg);
	INVARIANT(PQstatus(w->super) == CONNECTION_OK);
	w->edge = world_bus(w, "api-edge");
}

void world_close(struct world *w)
{
	if (w->access)
		bus_server_stop(w->access, 1000);
	for (size_t i = 0; i < WORLD_BUSES && w->buses[i]; i++)
		bus_close(w->buses[i], 1000);
	PQfinish(w->super);
	arena_free(w->arena);
	arena_free(w->keep);
}

void world_fresh(struct world *w)
{
	arena_reset(w->arena);
}

/* ---- programs ---- */

void world_migrate(struct world *w, const char *program)
{
	const char *argv[] = { NULL, "--migrate", NULL };
	struct tk_env env;

	world_env(w, program, &env);
	argv[0] = arena_strdup(w->arena, tk_bin(program));
	run(w, argv, &env);
	tk_env_done(&env);
}

struct tk_proc *world_program(struct world *w, const char *program, struct tk_env *env)
{
	const char *argv[] = { arena_strdup(w->arena, tk_bin(program)), NULL };
	struct tk_proc *p = tk_spawn(argv, env);

	tk_env_done(env);
	if (!tk_wait_logged(p, "service.started", WORLD_LIMIT_MS)) {
		fprintf(stderr, "%s does not start, see %s\n", program, tk_proc_log(p));
		INVARIANT(!"a program does not start");
	}
	return p;
}

void world_program_stop(struct tk_proc *p)
{
	int code = tk_proc_stop(p, WORLD_LIMIT_MS);

	if (code != 0)
		fprintf(stderr, "a program ended with %d, see %s\n", code, tk_proc_log(p));
	INVARIANT(code == 0);
}

/* ---- the bus ---- */

struct bus *world_bus_new(struct world *w, const char *user)
{
	struct bus_config cfg = { .name = user };
	struct error err = { 0 };
	struct bus *bus = NULL;
	struct tk_env env;

	world_env(w, user, &env);
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

struct bus *world_bus(struct world *w, const char *user)
{
	size_t i = 0;

	while (i < WORLD_BUSES && w->buses[i] && strcmp(w->users[i], user) != 0)
		i++;
	INVARIANT(i < WORLD_BUSES);
	if (!w->buses[i]) {
		w->users[i] = arena_strdup(w->keep, user);
		w->buses[i] = world_bus_new(w, user);
	}
	return w->buses[i];
}

static const char *header_of(const struct bus_msg *m, const char *name)
{
	const char *value = bus_msg_header(m, name);

	return value ? value : "";
}

/* What an answer says; its message lives in `a`. */
static void read_answer(struct reply *r, struct arena *a, const struct bus_msg *m,
			const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *out = NULL;
	const void *data;
	int64_t s = 0;
	size_t len;

	r->status = status_from_name(header_of(m, "Pp-Status"));
	snprintf(r->field, sizeof(r->field), "%s", header_of(m, "Pp-Field"));
	snprintf(r->detail, sizeof(r->detail), "%s", header_of(m, "Pp-Detail"));
	if (parse_i64(header_of(m, "Pp-Retry-After"), 0, 100000, &s))
		r->retry_after_s = (int)s;
	if (r->status != ST_OK)
		return;
	data = bus_msg_data(m, &len);
	INVARIANT(message_unpack(a, type, data, len, BUS_PAYLOAD_MAX, &out) == ST_OK);
	r->out = out;
}

struct reply world_ask(struct bus *bus, struct arena *a, struct caller who,
		       const struct contract_method *method, const void *in)
{
	const struct bus_header h[] = {
		{ "Authorization", who.token ? arena_printf(a, "Bearer %s", who.token) : NULL },
		{ "Idempotency-Key", who.key },
		{ "Pp-Client-Ip", who.ip },
		{ "Pp-Request-Id", "test-request" },
	};
	struct reply r = { .status = ST_INTERNAL };
	struct bus_msg *m = NULL;
	uint8_t *data;
	size_t len;

	INVARIANT(message_pack(a, in, &data, &len) == ST_OK);
	r.status = bus_request(bus, method->subject, h, sizeof(h) / sizeof(h[0]), data, len,
			       who.wait_ms ? who.wait_ms : CALL_MS, &m);
	if (r.status != ST_OK)
		return r;
	read_answer(&r, a, m, method->output);
	bus_msg_free(m);
	return r;
}

const void *world_must(struct reply r, const char *what)
{
	if (r.status != ST_OK)
		fail_msg("%s: %s %s %s", what, status_name(r.status), r.field, r.detail);
	return r.out;
}

/* ---- in a neighbour's place ---- */

struct bus_server *world_serve(struct bus *bus, const struct contract_method *method,
			       bus_serve_fn *fn, void *arg)
{
	const struct bus_server_config cfg = { .subject = method->subject,
					       .queue = method->service,
					       .workers = 4,
					       .queue_max = 1024,
					       .serve = fn,
					       .full = fn,
					       .arg = arg };
	struct bus_server *server = NULL;

	INVARIANT(bus_serve(bus, &cfg, &server) == ST_OK);
	return server;
}

void world_reply(struct bus *bus, struct bus_msg *m, enum status st, const char *detail,
		 const void *message)
{
	const struct bus_header h[] = { { "Pp-Status", status_name(st) }, { "Pp-Detail", detail } };
	struct arena *a = arena_new(SMALL_MAX);
	uint8_t *data = NULL;
	size_t len = 0;

	INVARIANT(a != NULL);
	if (message)
		INVARIANT(message_pack(a, message, &data, &len) == ST_OK);
	(void)!bus_reply(bus, m, h, 2, data, len);
	arena_free(a);
}

static void answer_access_state(void *arg, struct bus_msg *m)
{
	struct world *w = arg;
	Auth__V1__AccessStateReply reply = AUTH__V1__ACCESS_STATE_REPLY__INIT;
	Auth__V1__SigningKey key = AUTH__V1__SIGNING_KEY__INIT, *keys[] = { &key };

	key.kid = (char *)KEY_ID;
	key.public_pem = w->public_pem;
	reply.version = 1;
	reply.keys = keys;
	reply.n_keys = 1;
	world_reply(w->auth_bus, m, ST_OK, "", &reply);
}

void world_play_auth(struct world *w)
{
	w->auth_bus = world_bus(w, "auth");
	INVARIANT(access_new_key(w->private_pem, w->public_pem, sizeof(w->private_pem)) == ST_OK);
	w->access =
		world_serve(w->auth_bus, &auth_methods[AUTH_ACCESS_STATE], answer_access_state, w);
}

struct access *world_access(struct world *w, const char *service)
{
	const struct access_key key = { KEY_ID, w->public_pem };
	struct access *access = access_new(service);

	INVARIANT(access != NULL);
	INVARIANT(access_set_state(access, &(struct access_state){ .version = 1,
								   .keys = &key,
								   .n_keys = 1 }) == ST_OK);
	return access;
}

const char *world_sign(struct world *w, struct arena *a, const struct access_claims *c)
{
	char *token = arena_alloc(a, ACCESS_TOKEN_MAX);
	struct error err = { 0 };

	INVARIANT(token != NULL);
	INVARIANT(access_sign(c, KEY_ID, w->private_pem, time_now_us() / US_PER_SECOND, token,
			      &err) == ST_OK);
	return token;
}

const char *world_token(struct world *w, const char *tenant, enum role role, const char *brands)
{
	struct access_claims c = { .role = role, .tier = "unlimited" };

	uuid_v7(c.user_id);
	uuid_v7(c.session_id);
	snprintf(c.tenant_id, sizeof(c.tenant_id), "%s", tenant);
	snprintf(c.brand_ids, sizeof(c.brand_ids), "%s", brands);
	c.expires_at = time_now_us() / US_PER_SECOND + ACCESS_TOKEN_LIFE_S;
	return world_sign(w, w->arena, &c);
}

void world_publish(struct world *w, const char *tenant, const struct contract_event *event,
		   const void *message, struct sending how)
{
	char uuid[UUID_TEXT], traceparent[TRACEPARENT_TEXT];
	const int64_t at = how.at_us ? how.at_us : time_now_us();
	uint64_t seq = 0;
	size_t len;
	uint8_t *data;

	uuid_v7(uuid);
	traceparent_child(NULL, traceparent);
	INVARIANT(message_pack(w->arena, message, &data, &len) == ST_OK);
	const struct bus_header h[] = {
		{ "Pp-Tenant", tenant },
		{ "Pp-Actor", how.actor ? how.actor : event->service },
		{ "Pp-Time", arena_printf(w->arena, "%lld", (long long)at) },
		{ "Pp-Schema", "1" },
		{ "traceparent", traceparent },
		/* As in a replay: the stream sees another id. */
		{ "Pp-Event-Id", how.replay },
	};
	const struct bus_event e = {
		.subject = arena_printf(w->arena, "pp.evt.%s.%s.%s.%s", tenant, event->service,
					event->entity, event->action),
		.id = how.id ? how.id : arena_printf(w->arena, "%s:%s", event->service, uuid),
		.headers = h,
		.n_headers = sizeof(h) / sizeof(h[0]),
		.data = data,
		.len = len,
	};
	INVARIANT(bus_js_publish(world_bus(w, event->service), &e, 1, PUBLISH_MS, &seq) == ST_OK &&
		  seq > 0);
}

struct bus_consumer *world_listen(struct world *w, const char *service,
				  const struct contract_event *event)
{
	const struct contract_service *s = contract_service_find(service);
	struct bus_consumer *consumer = NULL;

	for (size_t i = 0; i < s->n_consumers; i++)
		if (s->consumers[i].event == event)
			INVARIANT(bus_consumer_open(world_bus(w, service), s->consumers[i].stream,
						    s->consumers[i].durable, &consumer) == ST_OK);
	INVARIANT(consumer != NULL);
	return consumer;
}

const void *world_next(struct world *w, struct bus_consumer *consumer, const char *tenant,
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
		if (strstr(bus_msg_subject(m), tenant))
			found = message;
		INVARIANT(bus_js_ack(m) == ST_OK);
		bus_msg_free(m);
	}
	return found;
}

/* ---- the database ---- */

static const char *ask(struct world *w, const char *query)
{
	PGresult *r = PQexec(w->super, query);
	ExecStatusType kind = PQresultStatus(r);
	const char *text;

	if (kind != PGRES_TUPLES_OK && kind != PGRES_COMMAND_OK)
		fail_msg("%s: %s", query, PQresultErrorMessage(r));
	text = arena_strdup(w->arena,
			    kind == PGRES_TUPLES_OK && PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return text;
}

#define FORMAT(w, fmt, query)                               \
	do {                                                \
		va_list ap;                                 \
		va_start(ap, fmt);                          \
		query = arena_vprintf((w)->arena, fmt, ap); \
		va_end(ap);                                 \
	} while (0)

const char *world_sql(struct world *w, const char *fmt, ...)
{
	const char *query;

	FORMAT(w, fmt, query);
	return ask(w, query);
}

int64_t world_sql_int(struct world *w, const char *fmt, ...)
{
	const char *query, *text;
	int64_t v = 0;

	FORMAT(w, fmt, query);
	text = ask(w, query);
	if (!parse_i64(text, INT64_MIN, INT64_MAX, &v))
		fail_msg("%s: \"%s\" is no number", query, text);
	return v;
}

struct wanted {
	struct world *w;
	const char *query, *text;
	int64_t want;
};

static bool reached(void *arg)
{
	struct wanted *x = arg;
	int64_t got = 0;

	x->text = ask(x->w, x->query);
	return parse_i64(x->text, INT64_MIN, INT64_MAX, &got) && got == x->want;
}

void world_sql_reach(struct world *w, int64_t want, const char *fmt, ...)
{
	struct wanted x = { .w = w, .want = want };

	FORMAT(w, fmt, x.query);
	if (!tk_wait_until(reached, &x, WORLD_LIMIT_MS))
		fail_msg("%s: \"%s\" and never %lld", x.query, x.text, (long long)want);
}
