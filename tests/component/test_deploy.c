/*
 * pp-deploy on a PostgreSQL and a nats-server of its own: what it makes is there, twice is as good
 * as once, and nobody reaches what the contract does not give. Read next:
 * tools/pp-deploy/permissions.c, tools/pp-deploy/roles.c.
 */
#include "component/world.h"

#include "bus/connect.h"
#include "core/contract.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <nats/nats.h>
#include <postgresql/libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGS_MAX   8
#define OUTPUT_MAX 65536
#define TENANT     "0192f0a0-0000-7000-8000-000000000001"
#define IDS_MAX    8
#define WAIT_MS    60000 /* for what must happen */
#define SHORT_MS   300   /* a request that is refused by silence */

static struct world w;
static const char *dir, *deploy, *url; /* in the world */
static char output[OUTPUT_MAX];
static PGconn *admin; /* superuser on the database pulsepoint */

/* ---- programs ---- */

/* Runs a program, its stdout and stderr into `output`; its exit code. */
static int run(const char *const *argv)
{
	char *args[ARGS_MAX + 1] = { 0 };
	size_t len = 0;
	ssize_t n;
	int fds[2], code;
	pid_t pid;

	for (int i = 0; i < ARGS_MAX && argv[i] != NULL; i++)
		args[i] = strdup(argv[i]); /* execvp wants them writable */
	INVARIANT(pipe(fds) == 0);
	pid = fork();
	INVARIANT(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		execvp(args[0], args);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], output + len, OUTPUT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(fds[0]);
	INVARIANT(waitpid(pid, &code, 0) == pid);
	for (int i = 0; args[i] != NULL; i++)
		free(args[i]);
	return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

/* The value of NAME='value' in `output`. */
static void setting(const char *key, char *out, size_t cap)
{
	char text[OUTPUT_MAX], *at;
	size_t n = strlen(key);

	INVARIANT(text_copy(text, sizeof(text), output) == ST_OK);
	for (at = text; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, n) == 0 && at[n] == '=')
			break;
	}
	INVARIANT(at != NULL);
	at += n + 1;
	at[strcspn(at, "\n")] = '\0';
	n = strlen(at);
	if (n >= 2 && at[0] == '\'' && at[n - 1] == '\'') {
		at[n - 1] = '\0';
		at++;
	}
	INVARIANT(snprintf(out, cap, "%s", at) < (int)cap);
}

static int set_up(void **state)
{
	(void)state;
	world_open(&w);
	dir = w.dir;
	url = tk_nats_url(w.nats);
	deploy = arena_strdup(w.keep, tk_bin("pp-deploy"));
	admin = w.super;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

/* ---- the bus ---- */

static uint64_t publish(struct bus *bus, const char *subject, const char *id, enum status expected)
{
	struct bus_event e = { .subject = subject, .id = id, .data = "x", .len = 1 };
	uint64_t seq = 0;

	assert_int_equal(bus_js_publish(bus, &e, 1, expected == ST_OK ? WAIT_MS : SHORT_MS, &seq),
			 expected);
	return seq;
}

/* Takes what is there, waiting until it is as many as wanted; how many. */
static int fetch_ids(struct bus *bus, const char *stream, const char *durable, char ids[][64],
		     int want, enum status *st)
{
	struct bus_consumer *c = NULL;
	struct bus_msg *msgs[IDS_MAX];
	int64_t until = time_mono_us() + WAIT_MS * INT64_C(1000);
	int n = 0, got;

	assert_int_equal(bus_consumer_open(bus, stream, durable, &c), ST_OK);
	do {
		got = 0;
		*st = bus_consumer_fetch(c, IDS_MAX - n, SHORT_MS, msgs, &got);
		for (int i = 0; i < got; i++, n++) {
			snprintf(ids[n], 64, "%s", bus_msg_header(msgs[i], "Nats-Msg-Id"));
			assert_int_equal(bus_js_ack(msgs[i]), ST_OK);
			bus_msg_free(msgs[i]);
		}
	} while (*st == ST_OK && n < want && time_mono_us() < until);
	assert_int_equal(bus_flush(bus, WAIT_MS), ST_OK);
	bus_consumer_close(c);
	return n;
}

static void events_reach_their_consumer_only(void **state)
{
	static const char subject[] = "pp.evt." TENANT ".auth.brands.upserted";
	static const char durable[] = "attribution-auth-brands-upserted";
	struct bus *auth = world_bus_new(&w, "auth"), *ads = world_bus_new(&w, "ingest-ads"),
		   *attribution = world_bus_new(&w, "attribution");
	char ids[IDS_MAX][64];
	enum status st;
	uint64_t first, second;

	(void)state;
	first = publish(auth, subject, "auth:1", ST_OK);
	/* Another service cannot speak as auth, and leaves no trace. */
	st = bus_js_publish(
		ads,
		&(struct bus_event){ .subject = subject, .id = "auth:2", .data = "x", .len = 1 }, 1,
		SHORT_MS, &second);
	assert_int_not_equal(st, ST_OK);
	second = publish(auth, subject, "auth:3", ST_OK);
	assert_int_equal(second, first + 1);
	/* Nor take from another's consumer. */
	assert_int_equal(fetch_ids(ads, "evt-auth", durable, ids, 0, &st), 0);
	assert_int_not_equal(st, ST_OK);
	assert_int_equal(fetch_ids(attribution, "evt-auth", durable, ids, 2, &st), 2);
	assert_int_equal(st, ST_OK);
	assert_string_equal(ids[0], "auth:1");
	assert_string_equal(ids[1], "auth:3");
	/* What was acknowledged does not come again. */
	assert_int_equal(fetch_ids(attribution, "evt-auth", durable, ids, 0, &st), 0);
	/* The relay's look at its own stream is allowed, at another's it is not. */
	assert_int_equal(bus_js_msg_id(auth, "evt-auth", second, ids[0], sizeof(ids[0])), ST_OK);
	assert_string_equal(ids[0], "auth:3");
	assert_int_not_equal(bus_js_msg_id(ads, "evt-auth", second, ids[0], sizeof(ids[0])), ST_OK);
	/* Its own dead letters are kept, another's are not taken. */
	publish(attribution, "pp.dlq.attribution.auth-brands-upserted", "dead:1", ST_OK);
	assert_int_not_equal(bus_js_publish(ads,
					    &(struct bus_event){ .subject = "pp.dlq.attribution.x",
								 .id = "dead:2",
								 .data = "x",
								 .len = 1 },
					    1, SHORT_MS, &second),
			     ST_OK);
	bus_close(auth, 1000);
	bus_close(ads, 1000);
	bus_close(attribution, 1000);
}

/* An alert is published where the contract says, by its owner alone, into the owner's stream. */
static void alerts_are_observabilitys(void **state)
{
	static const char subject[] = "pp.alert." TENANT ".critical.rule-1";
	struct bus *owner_bus = world_bus_new(&w, "observability"),
		   *ads = world_bus_new(&w, "ingest-ads");
	const struct bus_event forged = {
		.subject = subject, .id = "ads:1", .data = "x", .len = 1
	};
	uint64_t first, second;
	char id[64];

	(void)state;
	first = publish(owner_bus, subject, "observability:1", ST_OK);
	assert_int_not_equal(bus_js_publish(ads, &forged, 1, SHORT_MS, &second), ST_OK);
	/* It speaks of alerts in this form and of nothing else there. */
	assert_int_not_equal(bus_js_publish(owner_bus,
					    &(struct bus_event){ .subject = "pp.alert." TENANT,
								 .id = "observability:2",
								 .data = "x",
								 .len = 1 },
					    1, SHORT_MS, &second),
			     ST_OK);
	second = publish(owner_bus, "pp.evt." TENANT ".observability.alert.other",
			 "observability:3", ST_OK);
	assert_int_equal(second, first + 1);
	/* The relay finds both where it looks. */
	assert_int_equal(bus_js_msg_id(owner_bus, "evt-observability", first, id, sizeof(id)),
			 ST_OK);
	assert_string_equal(id, "observability:1");
	bus_close(owner_bus, 1000);
	bus_close(ads, 1000);
}

/* Everybody tells for himself; one service takes it. */
static void telemetry_reaches_observability_only(void **state)
{
	static const char durable[] = "observability-obs";
	struct bus *auth = world_bus_new(&w, "auth"), *edge = world_bus_new(&w, "api-edge"),
		   *ads = world_bus_new(&w, "ingest-ads"),
		   *observability = world_bus_new(&w, "observability");
	char ids[IDS_MAX][64];
	uint64_t seq;
	enum status st;

	(void)state;
	publish(auth, "pp.obs.auth", "auth:page:1", ST_OK);
	publish(edge, "pp.obs.api-edge", "edge:page:1", ST_OK);
	st = bus_js_publish(
		ads,
		&(struct bus_event){
			.subject = "pp.obs.auth", .id = "ads:page:1", .data = "x", .len = 1 },
		1, SHORT_MS, &seq);
	assert_int_not_equal(st, ST_OK);
	assert_int_equal(fetch_ids(ads, "obs", durable, ids, 0, &st), 0);
	assert_int_not_equal(st, ST_OK);
	assert_int_equal(fetch_ids(edge, "obs", durable, ids, 0, &st), 0);
	assert_int_not_equal(st, ST_OK);
	assert_int_equal(fetch_ids(observability, "obs", durable, ids, 2, &st), 2);
	assert_string_equal(ids[0], "auth:page:1");
	assert_string_equal(ids[1], "edge:page:1");
	assert_int_equal(fetch_ids(observability, "obs", durable, ids, 0, &st), 0);
	bus_close(auth, 1000);
	bus_close(edge, 1000);
	bus_close(ads, 1000);
	bus_close(observability, 1000);
}

static _Atomic int served, overheard;
static struct bus *owner;

static void answer(void *arg, struct bus_msg *m)
{
	(void)arg;
	atomic_fetch_add(&served, 1);
	INVARIANT(bus_reply(owner, m, NULL, 0, "secret", 6) == ST_OK);
}

static void overhear(void *arg, const struct bus_msg *m)
{
	(void)arg;
	(void)m;
	atomic_fetch_add(&overheard, 1);
}

static enum status ask(struct bus *bus, const char *subject, int wait_ms)
{
	struct bus_msg *reply = NULL;
	size_t len = 0;
	enum status st = bus_request(bus, subject, NULL, 0, "q", 1, wait_ms, &reply);

	if (st == ST_OK)
		assert_memory_equal(bus_msg_data(reply, &len), "secret", 6);
	bus_msg_free(reply);
	return st;
}

static void requests_follow_the_contract(void **state)
{
	struct bus_server_config cfg = { .subject = "pp.rpc.auth.>",
					 .queue = "auth",
					 .workers = 1,
					 .queue_max = 8,
					 .serve = answer,
					 .full = answer };
	struct bus *shopify = world_bus_new(&w, "ingest-shopify"),
		   *attribution = world_bus_new(&w, "attribution"),
		   *edge = world_bus_new(&w, "api-edge");
	struct bus_server *server = NULL;
	struct bus_sub *sub = NULL, *other = NULL;

	(void)state;
	owner = world_bus_new(&w, "auth");
	assert_int_equal(bus_serve(owner, &cfg, &server), ST_OK);
	assert_int_equal(bus_flush(owner, WAIT_MS), ST_OK);
	/* A refused subscription is told later or not at all; what counts is that nothing comes. */
	(void)!bus_subscribe(attribution, "_INBOX_ingest-shopify.>", overhear, NULL, &sub);
	(void)!bus_subscribe(attribution, "pp.rpc.auth.>", overhear, NULL, &other);
	(void)!bus_flush(attribution, WAIT_MS);

	assert_int_equal(ask(shopify, "pp.rpc.auth.get_brand", WAIT_MS), ST_OK);
	assert_int_equal(ask(edge, "pp.rpc.auth.login", WAIT_MS), ST_OK);
	assert_int_equal(ask(attribution, "pp.rpc.auth.grant", WAIT_MS), ST_OK);
	assert_int_equal(atomic_load(&served), 3);
	/* Not among its calls; a method for services; a role for others. */
	assert_int_not_equal(ask(attribution, "pp.rpc.auth.get_brand", SHORT_MS), ST_OK);
	assert_int_not_equal(ask(shopify, "pp.rpc.auth.login", SHORT_MS), ST_OK);
	assert_int_not_equal(ask(edge, "pp.rpc.auth.grant", SHORT_MS), ST_OK);
	assert_int_equal(ask(edge, "pp.rpc.auth.access_state", WAIT_MS), ST_OK);
	assert_int_equal(atomic_load(&served), 4);

	assert_int_equal(bus_flush(attribution, WAIT_MS), ST_OK);
	assert_int_equal(atomic_load(&overheard), 0);
	bus_unsubscribe(sub);
	bus_unsubscribe(other);
	bus_server_stop(server, 1000);
	bus_close(owner, 1000);
	bus_close(shopify, 1000);
	bus_close(attribution, 1000);
	bus_close(edge, 1000);
}

/* With that user and seed (NULL: none); bus_open would try for ten seconds. */
static natsStatus try_connect(const char *user, const char *seed)
{
	natsConnection *nc = NULL;
	natsOptions *opts = NULL;
	natsStatus s;

	INVARIANT(natsOptions_Create(&opts) == NATS_OK);
	INVARIANT(natsOptions_SetURL(opts, url) == NATS_OK);
	if (user != NULL)
		INVARIANT(natsOptions_SetNKeyFromSeed(opts, user, seed) == NATS_OK);
	s = bus_connect_signed(&nc, opts);
	natsConnection_Destroy(nc);
	natsOptions_Destroy(opts);
	return s;
}

static void strangers_are_refused(void **state)
{
	char user[80], seed[256], other[256];

	(void)state;
	INVARIANT(RUN(deploy, "env", dir, "auth") == 0);
	setting("PP_NATS_USER", user, sizeof(user));
	setting("PP_NATS_SEED_FILE", seed, sizeof(seed));
	INVARIANT(RUN(deploy, "env", dir, "ingest-ads") == 0);
	setting("PP_NATS_SEED_FILE", other, sizeof(other));
	assert_int_equal(try_connect(user, seed), NATS_OK);
	assert_int_equal(try_connect(NULL, NULL), NATS_CONNECTION_AUTH_FAILED);
	assert_int_equal(try_connect(user, other), NATS_CONNECTION_AUTH_FAILED);
}

/*
 * A seed that is right gets in every time, though cnats 3.4.1 spoils one signature in 256: of so
 * many runs, all with a single attempt each succeed with a chance of 1 in 55.
 */
static void a_right_seed_is_never_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 1024; i++)
		assert_int_equal(RUN(deploy, "dlq", "list", dir), 0);
}

static void streams_twice_keeps_and_wipe_empties(void **state)
{
	static const char subject[] = "pp.evt." TENANT ".ingest-shopify.orders.upserted";
	static const char durable[] = "attribution-ingest-shopify-orders-upserted";
	struct bus *shopify = world_bus_new(&w, "ingest-shopify"),
		   *attribution = world_bus_new(&w, "attribution");
	char ids[IDS_MAX][64];
	enum status st;
	uint64_t seq;

	(void)state;
	seq = publish(shopify, subject, "ingest-shopify:1", ST_OK);
	assert_int_equal(RUN(deploy, "streams", dir), 0);
	assert_int_equal(RUN(deploy, "streams", dir, url), 0);
	assert_int_equal(bus_js_msg_id(shopify, "evt-ingest-shopify", seq, ids[0], 64), ST_OK);
	assert_int_equal(fetch_ids(attribution, "evt-ingest-shopify", durable, ids, 1, &st), 1);
	assert_string_equal(ids[0], "ingest-shopify:1");
	assert_int_equal(RUN(deploy, "streams", "--wipe", dir), 0);
	assert_int_equal(bus_js_msg_id(shopify, "evt-ingest-shopify", seq, ids[0], 64),
			 ST_NOT_FOUND);
	assert_int_equal(publish(shopify, subject, "ingest-shopify:1", ST_OK), 1);
	assert_int_equal(fetch_ids(attribution, "evt-ingest-shopify", durable, ids, 1, &st), 1);
	bus_close(shopify, 1000);
	bus_close(attribution, 1000);
}

/* ---- the database ---- */

static PGconn *db_as(const char *service, const char *variable)
{
	char conninfo[512];

	INVARIANT(RUN(deploy, "env", dir, service) == 0);
	setting(variable, conninfo, sizeof(conninfo));
	return PQconnectdb(conninfo);
}

/* The SQLSTATE of a statement, "00000" when it succeeds; the first value goes to `output`. */
static const char *sql(PGconn *conn, const char *text)
{
	static char state[6];
	PGresult *r = PQexec(conn, text);
	const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	snprintf(state, sizeof(state), "%s", code != NULL ? code : "00000");
	snprintf(output, sizeof(output), "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return state;
}

/* Every role of every service: its own schema it may use, every other it may not. */
static void schemas_are_shut(void **state)
{
	static const char *const variables[] = { "PP_DB_OWNER", "PP_DB_APP", "PP_DB_WORKER" };
	char text[320], schema[80];
	size_t roles = 0;

	(void)state;
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t v = 0; v < 3; v++, roles++) {
			PGconn *conn = db_as(contract_services[i]->name, variables[v]);

			assert_int_equal(PQstatus(conn), CONNECTION_OK);
			for (size_t o = 0; o < contract_services_n; o++) {
				INVARIANT(text_copy(schema, sizeof(schema),
						    contract_services[o]->name) == ST_OK);
				for (char *p = schema; *p != '\0'; p++)
					*p = *p == '-' ? '_' : *p;
				snprintf(text, sizeof(text),
					 "SELECT has_schema_privilege('%s', 'USAGE')::int::text || "
					 "has_schema_privilege('%s', 'CREATE')::int::text",
					 schema, schema);
				assert_string_equal(sql(conn, text), "00000");
				assert_string_equal(output, i != o ? "00" : v == 0 ? "11" : "10");
			}
			assert_string_equal(sql(conn, "CREATE TABLE public.x (a int)"), "42501");
			assert_string_equal(sql(conn, "CREATE TEMP TABLE x (a int)"), "42501");
			assert_string_equal(sql(conn,
						"SELECT rolsuper OR rolbypassrls OR rolcreaterole"
						" FROM pg_roles WHERE rolname = current_user"),
					    "00000");
			assert_string_equal(output, "f");
			PQfinish(conn);
		}
	assert_int_equal(roles, 3 * contract_services_n);
}

static void superview_reads_all_and_writes_nothing(void **state)
{
	PGconn *auth_owner = db_as("auth", "PP_DB_OWNER"), *view;
	char conninfo[512], password[64];

	(void)state;
	assert_string_equal(sql(auth_owner, "CREATE TABLE auth.seen (tenant_id text)"), "00000");
	assert_string_equal(sql(auth_owner, "INSERT INTO auth.seen VALUES ('a'), ('b')"), "00000");
	assert_string_equal(sql(auth_owner, "ALTER TABLE auth.seen ENABLE ROW LEVEL SECURITY"),
			    "00000");
	assert_string_equal(sql(auth_owner, "ALTER TABLE auth.seen FORCE ROW LEVEL SECURITY"),
			    "00000");
	assert_string_equal(sql(auth_owner, "SELECT count(*) FROM auth.seen"), "00000");
	assert_string_equal(output, "0");

	snprintf(conninfo, sizeof(conninfo), "%s/db/pp_superview", dir);
	INVARIANT(tk_read_file(conninfo, password, sizeof(password)));
	password[strcspn(password, "\n")] = '\0';
	snprintf(conninfo, sizeof(conninfo), "%s user=pp_superview password=%s", w.pg, password);
	view = PQconnectdb(conninfo);
	assert_int_equal(PQstatus(view), CONNECTION_OK);
	assert_string_equal(sql(view, "SELECT count(*) FROM auth.seen"), "00000");
	assert_string_equal(output, "2");
	assert_string_equal(sql(view, "DELETE FROM auth.seen"), "25006"); /* read only */
	/* The setting is a guard against accidents; that it may not write is a matter of rights. */
	assert_string_equal(sql(view, "SET default_transaction_read_only = off"), "00000");
	assert_string_equal(sql(view, "DELETE FROM auth.seen"), "42501");
	PQfinish(view);
	PQfinish(auth_owner);
}

static void passwords_are_asked(void **state)
{
	char conninfo[512], *at;
	PGconn *conn;

	(void)state;
	INVARIANT(RUN(deploy, "env", dir, "auth") == 0);
	setting("PP_DB_APP", conninfo, sizeof(conninfo));
	at = strstr(conninfo, "password=");
	assert_non_null(at);
	at[9] = at[9] == '0' ? '1' : '0';
	conn = PQconnectdb(conninfo);
	assert_int_equal(PQstatus(conn), CONNECTION_BAD);
	PQfinish(conn);
}

/* A second run changes nothing that works, and a grant that somebody made is taken back or named.
 */
static void roles_twice_puts_right(void **state)
{
	char conninfo[256];
	PGconn *conn;

	(void)state;
	/* Another database than the world's: what stands last counts. */
	INVARIANT(snprintf(conninfo, sizeof(conninfo), "%s dbname=postgres", w.pg) < 256);
	assert_string_equal(sql(admin, "GRANT USAGE ON SCHEMA auth TO ingest_ads_app"), "00000");
	assert_string_equal(sql(admin, "ALTER ROLE ingest_ads_worker BYPASSRLS CREATEROLE"),
			    "00000");
	assert_int_equal(RUN(deploy, "roles", dir, conninfo), 0);
	conn = db_as("ingest-ads", "PP_DB_APP");
	assert_string_equal(sql(conn, "SELECT has_schema_privilege('auth', 'USAGE')"), "00000");
	assert_string_equal(output, "f");
	assert_string_equal(sql(conn, "SELECT bool_or(rolbypassrls OR rolcreaterole) FROM pg_roles"
				      " WHERE rolname LIKE 'ingest_ads_%'"),
			    "00000");
	assert_string_equal(output, "f");
	PQfinish(conn);
	/* A membership is no grant on a schema: it is not taken back, but the run fails and says
	 * so. */
	assert_string_equal(sql(admin, "GRANT auth_owner TO ingest_ads_app"), "00000");
	assert_int_equal(RUN(deploy, "roles", dir, conninfo), 1);
	assert_non_null(strstr(output, "ingest_ads_app reaches auth"));
	assert_string_equal(sql(admin, "REVOKE auth_owner FROM ingest_ads_app"), "00000");
	assert_int_equal(RUN(deploy, "roles", dir, conninfo), 0);
}

static void keys_stay(void **state)
{
	char before[OUTPUT_MAX];

	(void)state;
	INVARIANT(RUN(deploy, "env", dir, "attribution") == 0);
	INVARIANT(text_copy(before, sizeof(before), output) == ST_OK);
	assert_int_equal(RUN(deploy, "keys", dir), 0);
	assert_string_equal(output, "keys: 0 secrets made\n");
	INVARIANT(RUN(deploy, "env", dir, "attribution") == 0);
	assert_string_equal(output, before);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	assert_int_equal(RUN(deploy, "env", dir, "nobody"), 1);
	assert_string_equal(output, "pp-deploy: nobody: is no service\n");
	assert_int_equal(RUN(deploy, "nats-conf", dir, "/tmp/x", "99999"), 1);
	assert_non_null(strstr(output, "PORT: is not a number from 1 to 65535"));
	assert_int_equal(RUN(deploy, "roles", dir, "host=/nowhere port=1"), 1);
	assert_non_null(strstr(output, "ADMIN_CONNINFO: "));
	assert_int_equal(RUN(deploy, "keys", "/nowhere"), 1);
	assert_int_equal(RUN(deploy, "streams", "--replicas", "9", dir), 2);
	assert_int_equal(RUN(deploy, "frobnicate"), 2);
	assert_int_equal(RUN(deploy, "keys"), 2);
	assert_int_equal(RUN(deploy, "keys", dir, "--force"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_reach_their_consumer_only),
		cmocka_unit_test(alerts_are_observabilitys),
		cmocka_unit_test(telemetry_reaches_observability_only),
		cmocka_unit_test(requests_follow_the_contract),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(a_right_seed_is_never_refused),
		cmocka_unit_test(streams_twice_keeps_and_wipe_empties),
		cmocka_unit_test(schemas_are_shut),
		cmocka_unit_test(superview_reads_all_and_writes_nothing),
		cmocka_unit_test(passwords_are_asked),
		cmocka_unit_test(roles_twice_puts_right),
		cmocka_unit_test(keys_stay),
		cmocka_unit_test(mistakes_are_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
