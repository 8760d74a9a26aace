/*
 * See alerts_fixture.h. Servers and programs are the test kit's; roles, users, permissions and
 * streams are made by pp-deploy, as everywhere else.
 */
#include "component/alerts_fixture.h"

#include "access/access.h"
#include "contract/ai_insights_events.h"
#include "contract/auth.h"
#include "contract/auth_events.h"
#include "contract/token_billing_events.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "pulsepoint/telemetry.pb-c.h"
#include "json/message.h"

#include <postgresql/libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ARENA_MAX  ((size_t)256 * 1024 * 1024)
#define OUTPUT_MAX 65536
#define STEP_MS    60000
#define LOOK_US    10000
#define CALL_MS    30000
#define PUBLISH_MS 10000
#define KEY_ID     "test-key"

static PGconn *super_connection;

/* ---- the deploy step ---- */

static const char *deploy(struct al_world *w, const char *const *words)
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

static const char *put_file(struct al_world *w, const char *name, const char *text)
{
	return tk_write_file(arena_printf(w->arena, "world/%s", name), text);
}

static void load_env(struct al_world *w, const char *user, struct tk_env *env)
{
	const char *text = DEPLOY(w, "env", w->dir, user);

	*env = (struct tk_env){ 0 };
	tk_env_load(env, put_file(w, arena_printf(w->arena, "%s.env", user), text));
}

static const char *env_get(struct al_world *w, const struct tk_env *env, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return arena_strdup(w->arena, env->v[i] + len + 1);
	INVARIANT(!"a setting is missing");
	return NULL;
}

static struct bus *bus_as(struct al_world *w, const char *user)
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

static const char *word_of(struct al_world *w, const char *conninfo, const char *name)
{
	const char *at = strstr(conninfo, name);

	INVARIANT(at != NULL);
	at += strlen(name);
	return arena_strndup(w->arena, at, strcspn(at, " "));
}

static void start_servers(struct al_world *w)
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
	struct al_world *w = arg;
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

static void play_auth(struct al_world *w)
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

static void migrate(struct al_world *w)
{
	const char *argv[] = { NULL, "--migrate", NULL };
	char out[4096];
	struct tk_env env;

	load_env(w, "observability", &env);
	argv[0] = tk_bin("observability");
	if (tk_run(argv, &env, STEP_MS, out, sizeof(out)) != 0) {
		fprintf(stderr, "%s\n", out);
		INVARIANT(!"observability --migrate failed");
	}
	tk_env_done(&env);
}

void al_copy_start(struct al_world *w, int i)
{
	const char *argv[] = { NULL, NULL };
	struct tk_env env;

	load_env(w, "observability", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "1");
	tk_env_set(&env, "PP_WEBHOOK_PRIVATE", w->private_hooks);
	tk_env_set(&env, "PP_WEBHOOK_RETRY_CAP_MS", "300");
	argv[0] = tk_bin("observability");
	w->copies[i] = tk_spawn(argv, &env);
	tk_env_done(&env);
	if (!tk_wait_logged(w->copies[i], "service.started", AL_WAIT_MS)) {
		fprintf(stderr, "observability does not start, see %s\n",
			tk_proc_log(w->copies[i]));
		INVARIANT(!"observability does not start");
	}
}

void al_copy_stop(struct al_world *w, int i)
{
	int code = tk_proc_stop(w->copies[i], AL_WAIT_MS);

	if (code != 0)
		fprintf(stderr, "observability ended with %d, see %s\n", code,
			tk_proc_log(w->copies[i]));
	INVARIANT(code == 0);
	w->copies[i] = NULL;
}

void al_copy_kill(struct al_world *w, int i)
{
	tk_proc_kill(w->copies[i]);
	w->copies[i] = NULL;
}

void al_start(struct al_world *w)
{
	memset(w, 0, sizeof(*w));
	w->arena = arena_new(ARENA_MAX);
	w->private_hooks = "allow";
	INVARIANT(w->arena != NULL);
	start_servers(w);
	migrate(w);
	super_connection = PQconnectdb(w->pg);
	INVARIANT(PQstatus(super_connection) == CONNECTION_OK);
	w->auth = bus_as(w, "auth");
	w->edge = bus_as(w, "api-edge");
	w->insights = bus_as(w, "ai-insights");
	w->billing = bus_as(w, "token-billing");
	play_auth(w);
	hooks_start();
	al_copy_start(w, 0);
}

void al_stop(struct al_world *w)
{
	for (int i = 0; i < AL_COPIES; i++)
		if (w->copies[i])
			al_copy_stop(w, i);
	hooks_stop();
	bus_server_stop(w->access, 1000);
	bus_close(w->billing, 1000);
	bus_close(w->insights, 1000);
	bus_close(w->edge, 1000);
	bus_close(w->auth, 1000);
	PQfinish(super_connection);
	arena_free(w->arena);
}

void al_fresh(struct al_world *w)
{
	arena_reset(w->arena);
	hooks_forget();
}

/* ---- who asks ---- */

const char *al_token(struct al_world *w, const char *tenant, enum role role)
{
	struct access_claims c = { .role = role, .tier = "unlimited" };
	char *token = arena_alloc(w->arena, ACCESS_TOKEN_MAX);
	struct error err = { 0 };

	INVARIANT(token != NULL);
	uuid_v7(c.user_id);
	uuid_v7(c.session_id);
	snprintf(c.tenant_id, sizeof(c.tenant_id), "%s", tenant);
	c.expires_at = time_now_us() / US_PER_SECOND + ACCESS_TOKEN_LIFE_S;
	INVARIANT(access_sign(&c, KEY_ID, w->private_pem, time_now_us() / US_PER_SECOND, token,
			      &err) == ST_OK);
	return token;
}

/* ---- causes ---- */

static void publish(struct al_world *w, struct bus *bus, const char *subject, const char *id,
		    const char *tenant, const char *actor, const void *message)
{
	const struct bus_header h[] = {
		{ "Pp-Tenant", tenant },
		{ "Pp-Actor", actor },
		{ "Pp-Time", arena_printf(w->arena, "%lld", (long long)time_now_us()) },
		{ "Pp-Schema", "1" },
	};
	struct bus_event e = { .subject = subject, .id = id, .headers = h, .n_headers = 4 };
	uint64_t seq = 0;
	uint8_t *data;

	INVARIANT(message_pack(w->arena, message, &data, &e.len) == ST_OK);
	e.data = data;
	INVARIANT(bus_js_publish(bus, &e, 1, PUBLISH_MS, &seq) == ST_OK && seq > 0);
}

static void emit(struct al_world *w, struct bus *bus, const char *tenant, const char *actor,
		 const struct contract_event *event, const void *message)
{
	char uuid[UUID_TEXT];

	uuid_v7(uuid);
	publish(w, bus,
		arena_printf(w->arena, "pp.evt.%s.%s.%s.%s", tenant, event->service, event->entity,
			     event->action),
		arena_printf(w->arena, "%s:%s", event->service, uuid), tenant, actor, message);
}

void al_tenant(struct al_world *w, struct al_tenant *t)
{
	Auth__V1__TenantChanged m = AUTH__V1__TENANT_CHANGED__INIT;

	uuid_v7(t->id);
	t->admin = al_token(w, t->id, ROLE_ADMIN);
	m.tenant_id = t->id;
	m.name = (char *)"A tenant";
	m.tier = AUTH__V1__TIER__TIER_UNLIMITED;
	m.state = AUTH__V1__TENANT_STATE__TENANT_STATE_ACTIVE;
	m.version = 1;
	emit(w, w->auth, t->id, "auth", &auth_events[AUTH_EVENT_TENANT_CHANGED], &m);
	al_sql_until(w, AL_RULES,
		     "SELECT count(*) FROM observability.alert_rules WHERE tenant_id = '%s'",
		     t->id);
}

static void fill_row(Pulsepoint__RequestRow *r, const char *tenant, bool failed,
		     uint32_t duration_us)
{
	pulsepoint__request_row__init(r);
	r->duration_us = duration_us;
	r->started_at = time_now_us() - duration_us;
	r->tenant_id = (char *)tenant;
	r->method = (char *)"GET /api/brands";
	r->status = (char *)(failed ? "internal" : "ok");
	r->http_status = failed ? 500 : 200;
}

static void send_page(struct al_world *w, Pulsepoint__RequestRow **rows, size_t n)
{
	static char instance[UUID_TEXT];
	static uint64_t page, emitted;
	Pulsepoint__Telemetry m = PULSEPOINT__TELEMETRY__INIT;

	if (!*instance)
		uuid_v7(instance);
	emitted += n;
	m.service = (char *)"api-edge";
	m.instance = instance;
	m.page = ++page;
	m.emitted = emitted;
	m.rows = rows;
	m.n_rows = n;
	publish(w, w->edge, "pp.obs.api-edge",
		arena_printf(w->arena, "%s:%llu", instance, (unsigned long long)page), "-",
		"api-edge", &m);
}

void al_requests_of(struct al_world *w, const char *const *tenants, int n, int ok, int failed)
{
	size_t total = (size_t)n * (size_t)(ok + failed), k = 0;
	Pulsepoint__RequestRow *list = arena_array(w->arena, total + 1, sizeof(*list));
	Pulsepoint__RequestRow **rows = arena_array(w->arena, total + 1, sizeof(*rows));

	INVARIANT(list && rows && total <= 1000);
	for (int t = 0; t < n; t++)
		for (int i = 0; i < ok + failed; i++, k++) {
			fill_row(&list[k], tenants[t], i >= ok, 1000);
			rows[k] = &list[k];
		}
	send_page(w, rows, total);
}

void al_requests(struct al_world *w, const char *tenant, int ok, int failed, uint32_t duration_us)
{
	size_t total = (size_t)(ok + failed);
	Pulsepoint__RequestRow *list = arena_array(w->arena, total + 1, sizeof(*list));
	Pulsepoint__RequestRow **rows = arena_array(w->arena, total + 1, sizeof(*rows));

	INVARIANT(list && rows && total <= 1000);
	for (size_t i = 0; i < total; i++) {
		fill_row(&list[i], tenant, (int)i >= ok, duration_us);
		rows[i] = &list[i];
	}
	send_page(w, rows, total);
}

void al_cost(struct al_world *w, const char *tenant, int64_t nano_usd)
{
	Billing__V1__UsageRecorded m = BILLING__V1__USAGE_RECORDED__INIT;
	Billing__V1__TokenCounts tokens = BILLING__V1__TOKEN_COUNTS__INIT;
	char id[UUID_TEXT], brand[UUID_TEXT], user[UUID_TEXT], question[UUID_TEXT];

	uuid_v7(id);
	uuid_v7(brand);
	uuid_v7(user);
	uuid_v7(question);
	m.usage_id = id;
	m.brand_id = brand;
	m.user_id = user;
	m.question_id = question;
	m.model = (char *)"claude-sonnet-5";
	m.tokens = &tokens;
	m.cost_nano_usd = nano_usd;
	m.version = 1;
	emit(w, w->billing, tenant, "token-billing",
	     &token_billing_events[TOKEN_BILLING_EVENT_USAGE_RECORDED], &m);
}

void al_answer(struct al_world *w, const char *tenant, char question[UUID_TEXT], bool traced)
{
	Insights__V1__AnswerGenerated m = INSIGHTS__V1__ANSWER_GENERATED__INIT;
	char brand[UUID_TEXT];

	if (!*question)
		uuid_v7(question);
	uuid_v7(brand);
	m.question_id = question;
	m.brand_id = brand;
	m.model = (char *)"claude-sonnet-5";
	m.evidence = 3;
	m.untraced = traced ? 0 : 1;
	m.attempts = 1;
	m.version = 1;
	emit(w, w->insights, tenant, "ai-insights",
	     &ai_insights_events[AI_INSIGHTS_EVENT_ANSWER_GENERATED], &m);
}

void al_feedback(struct al_world *w, const char *tenant, const char *question, const char *user,
		 unsigned rating, uint64_t version)
{
	Insights__V1__FeedbackGiven m = INSIGHTS__V1__FEEDBACK_GIVEN__INIT;
	char brand[UUID_TEXT];

	uuid_v7(brand);
	m.question_id = (char *)question;
	m.brand_id = brand;
	m.rating = rating;
	m.version = version;
	emit(w, w->insights, tenant, user, &ai_insights_events[AI_INSIGHTS_EVENT_FEEDBACK_GIVEN],
	     &m);
}

/* ---- calls ---- */

static const char *header(const struct bus_msg *m, const char *name)
{
	const char *value = bus_msg_header(m, name);

	return value ? value : "";
}

struct al_reply al_call(struct al_world *w, const char *token, const char *key,
			enum observability_method method, const void *in)
{
	const struct contract_method *contract = &observability_methods[method];
	const struct bus_header h[] = {
		{ "Authorization", arena_printf(w->arena, "Bearer %s", token) },
		{ "Pp-Request-Id", "test-request" },
		{ "Idempotency-Key", key },
	};
	struct al_reply r = { .status = ST_INTERNAL };
	struct bus_msg *m = NULL;
	ProtobufCMessage *out;
	int64_t after = 0;
	uint8_t *data;
	size_t len;

	INVARIANT(message_pack(w->arena, in, &data, &len) == ST_OK);
	r.status = bus_request(w->edge, contract->subject, h, 3, data, len, CALL_MS, &m);
	if (r.status != ST_OK)
		return r;
	r.status = status_from_name(header(m, "Pp-Status"));
	snprintf(r.field, sizeof(r.field), "%s", header(m, "Pp-Field"));
	snprintf(r.detail, sizeof(r.detail), "%s", header(m, "Pp-Detail"));
	if (parse_i64(header(m, "Pp-Retry-After"), 0, 100000, &after))
		r.retry_after_s = (int)after;
	if (r.status == ST_OK) {
		const void *body = bus_msg_data(m, &len);

		r.status = message_unpack(w->arena, contract->output, body, len, BUS_PAYLOAD_MAX,
					  &out);
		r.out = out;
	}
	bus_msg_free(m);
	return r;
}

const void *al_must(struct al_world *w, const char *token, enum observability_method method,
		    const void *in)
{
	struct al_reply r = al_call(w, token, NULL, method, in);

	if (r.status != ST_OK)
		fail_msg("%s: %s %s %s", observability_methods[method].name, status_name(r.status),
			 r.field, r.detail);
	return r.out;
}

const Observability__V1__AlertRule *al_rule(struct al_world *w, const struct al_tenant *t,
					    const char *name)
{
	const Observability__V1__ListAlertRulesRequest in =
		OBSERVABILITY__V1__LIST_ALERT_RULES_REQUEST__INIT;
	const Observability__V1__ListAlertRulesReply *list =
		al_must(w, t->admin, OBSERVABILITY_LIST_ALERT_RULES, &in);

	for (size_t i = 0; i < list->n_rules; i++)
		if (strcmp(list->rules[i]->name, name) == 0)
			return list->rules[i];
	fail_msg("no rule \"%s\"", name);
	return NULL;
}

void al_until(struct al_world *w, const struct al_tenant *t, const char *name,
	      Observability__V1__RuleCondition condition)
{
	al_sql_until(w, (int64_t)condition,
		     "SELECT condition FROM observability.alert_rules WHERE tenant_id = '%s' AND "
		     "name = '%s'",
		     t->id, name);
}

const char *al_error_rule(struct al_world *w, const struct al_tenant *t, const char *name,
			  int percent, int recovery, uint32_t for_s)
{
	Observability__V1__CreateAlertRuleRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_RULE_REQUEST__INIT;
	Pulsepoint__Decimal over = PULSEPOINT__DECIMAL__INIT, back = PULSEPOINT__DECIMAL__INIT;
	const Observability__V1__AlertRule *r;

	over.units = percent;
	back.units = recovery;
	in.name = (char *)name;
	in.metric = OBSERVABILITY__V1__METRIC__METRIC_ERROR_RATE;
	in.comparison = OBSERVABILITY__V1__COMPARISON__COMPARISON_ABOVE;
	in.threshold = &over;
	in.recovery_threshold = &back;
	in.window_seconds = 3600;
	in.for_seconds = for_s;
	in.min_samples = 1;
	in.severity = OBSERVABILITY__V1__SEVERITY__SEVERITY_WARNING;
	r = al_must(w, t->admin, OBSERVABILITY_CREATE_ALERT_RULE, &in);
	return r->rule_id;
}

const Observability__V1__AlertChannel *al_channel(struct al_world *w, const struct al_tenant *t,
						  const char *name)
{
	Observability__V1__CreateAlertChannelRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_CHANNEL_REQUEST__INIT;

	in.name = (char *)name;
	in.kind = OBSERVABILITY__V1__CHANNEL_KIND__CHANNEL_KIND_WEBHOOK;
	in.url = (char *)arena_printf(w->arena, "%s/%s", hooks_url(), name);
	in.min_severity = OBSERVABILITY__V1__SEVERITY__SEVERITY_INFO;
	return al_must(w, t->admin, OBSERVABILITY_CREATE_ALERT_CHANNEL, &in);
}

/* ---- what must hold ---- */

#define OF_TENANT "('%s' = '' OR tenant_id::text = '%s')"

int64_t al_check_changes(struct al_world *w, const char *tenant)
{
	int64_t changes = al_sql_int(
		w,
		"SELECT count(*) + count(resolved_at) FROM observability.alerts WHERE " OF_TENANT,
		tenant, tenant);

	/* Each change is numbered without gaps, has its own notice and its event. */
	assert_int_equal(al_sql_int(w,
				    "SELECT count(*) FROM observability.alert_changes "
				    "WHERE " OF_TENANT,
				    tenant, tenant),
			 changes);
	assert_int_equal(al_sql_int(w,
				    "SELECT count(DISTINCT notice_id) FROM "
				    "observability.alert_changes WHERE " OF_TENANT,
				    tenant, tenant),
			 changes);
	assert_int_equal(al_sql_int(w, "SELECT count(*) FROM (SELECT tenant_id, seq - row_number() "
				       "OVER (PARTITION BY tenant_id ORDER BY seq) AS gap FROM "
				       "observability.alert_changes) x WHERE gap <> 0"),
			 0);
	assert_int_equal(al_sql_int(w,
				    "SELECT count(*) FROM observability.events WHERE category = 6 "
				    "AND " OF_TENANT,
				    tenant, tenant),
			 changes);
	/* Fired, resolved, fired ... for each rule. */
	assert_int_equal(
		al_sql_int(w,
			   "SELECT count(*) FROM (SELECT c.change, lag(c.change) OVER (PARTITION "
			   "BY a.rule_id ORDER BY c.seq) AS before FROM "
			   "observability.alert_changes c JOIN observability.alerts a USING "
			   "(alert_id)) x WHERE change = coalesce(before, 2)"),
		0);
	/* The events of the contract are the same notices. */
	assert_int_equal(al_sql_int(w,
				    "SELECT count(*) FROM observability.outbox WHERE subject LIKE "
				    "'pp.alert.%%' AND " OF_TENANT,
				    tenant, tenant),
			 changes);
	return changes;
}

void al_delivered(struct al_world *w, const char *tenant)
{
	al_sql_until(w, 0,
		     "SELECT count(*) FROM observability.alert_deliveries WHERE state = 1 "
		     "AND " OF_TENANT,
		     tenant, tenant);
}

/* ---- the database ---- */

static const char *ask(struct al_world *w, const char *query)
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

static int64_t ask_int(struct al_world *w, const char *query)
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

const char *al_sql(struct al_world *w, const char *fmt, ...)
{
	const char *query;

	FORMAT(w, fmt, query);
	return ask(w, query);
}

int64_t al_sql_int(struct al_world *w, const char *fmt, ...)
{
	const char *query;

	FORMAT(w, fmt, query);
	return ask_int(w, query);
}

void al_sql_until(struct al_world *w, int64_t want, const char *fmt, ...)
{
	const int64_t deadline = time_mono_us() + AL_WAIT_MS * INT64_C(1000);
	const char *query, *text;
	int64_t got = 0;

	FORMAT(w, fmt, query);
	for (;;) {
		text = ask(w, query); /* "": there is no such row yet */
		if (parse_i64(text, INT64_MIN, INT64_MAX, &got) && got == want)
			return;
		if (time_mono_us() > deadline)
			fail_msg("%s: \"%s\" and never %lld", query, text, (long long)want);
		time_sleep_us(time_mono_us() + LOOK_US);
	}
}
