/*
 * The life of a call in the runtime, seen from outside with auth as the service: what is refused
 * and how it is named, deadlines, $SRV. Read next: libs/svc/dispatch.c; test_svc_answers.c,
 * test_svc_load.c.
 */
#include "component/auth_fixture.h"

#include "access/access.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "svc/seal.h"
#include "json/message.h"

#include <cjson/cJSON.h>
#include <postgresql/libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CALL_MS  15000
#define SHORT_MS 300 /* for what is not answered */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct world w;
static struct bus *deploy; /* may send on every subject */
static const char *tenant, *token;

/* ---- calls, header by header ---- */

struct answer {
	enum status sent; /* of bus_request; the rest only when ST_OK */
	char status[32], field[ERROR_FIELD_MAX], detail[ERROR_DETAIL_MAX], error[32], code[8];
	size_t len;
};

static void copy_header(const struct bus_msg *m, const char *name, char *out, size_t cap)
{
	const char *value = bus_msg_header(m, name);

	INVARIANT(text_copy(out, cap, value ? value : "") == ST_OK);
}

static struct answer ask(const char *subject, const char *authorization, const char *timeout_ms,
			 const void *data, size_t len)
{
	const struct bus_header h[] = { { "Authorization", authorization },
					{ "Pp-Timeout-Ms", timeout_ms } };
	struct answer a = { .sent = ST_OK };
	struct bus_msg *m = NULL;

	a.sent = bus_request(deploy, subject, h, COUNT(h), data, len, CALL_MS, &m);
	if (a.sent != ST_OK)
		return a;
	copy_header(m, "Pp-Status", a.status, sizeof(a.status));
	copy_header(m, "Pp-Field", a.field, sizeof(a.field));
	copy_header(m, "Pp-Detail", a.detail, sizeof(a.detail));
	copy_header(m, "Nats-Service-Error", a.error, sizeof(a.error));
	copy_header(m, "Nats-Service-Error-Code", a.code, sizeof(a.code));
	(void)bus_msg_data(m, &a.len);
	bus_msg_free(m);
	return a;
}

static const char *bearer(const char *t)
{
	return arena_printf(w.arena, "Bearer %s", t);
}

static struct answer list_brands(const char *authorization, const char *timeout_ms)
{
	return ask("pp.rpc.auth.list_brands", authorization, timeout_ms, "", 0);
}

/* ---- what is refused ---- */

static void test_unknown_methods(void **state)
{
	static const char *const subjects[] = { "pp.rpc.auth.no_such_method",
						"pp.rpc.auth.list_brands.more",
						"pp.rpc.auth.LIST_BRANDS", "pp.rpc.auth.x" };

	(void)state;
	for (size_t i = 0; i < COUNT(subjects); i++) {
		struct answer a = ask(subjects[i], bearer(token), NULL, "", 0);

		assert_int_equal(a.sent, ST_OK);
		assert_string_equal(a.status, "not_found");
		assert_string_equal(a.detail, "the auth service has no such method");
		assert_string_equal(a.error, "not_found");
		assert_string_equal(a.code, "404");
		assert_int_equal(a.len, 0);
	}
}

static void test_garbage(void **state)
{
	static const char *const bodies[] = { "\xff", "\x0a\x05x", "\x0a\xff\xff\xff\xff\xff",
					      "not a message at all", "\x0b" };
	struct answer a;

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		a = ask("pp.rpc.auth.list_brands", bearer(token), NULL, bodies[i],
			strlen(bodies[i]));
		assert_string_equal(a.status, "invalid");
		assert_string_equal(a.field, "body");
		assert_string_equal(a.detail, "is not a ListBrands message");
		assert_string_equal(a.code, "400");
		/* A stranger learns nothing about his message. */
		a = ask("pp.rpc.auth.list_brands", NULL, NULL, bodies[i], strlen(bodies[i]));
		assert_string_equal(a.status, "unauthenticated");
	}
}

/* Whatever the bytes are, there is an answer, and it is "ok" or names the bad input. */
static void test_random_bytes(void **state)
{
	unsigned short seed[3] = { 1, 2, 3 };
	int invalid = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		uint8_t body[64];
		size_t len = (size_t)(nrand48(seed) % 64) + 1;
		struct answer a;

		for (size_t k = 0; k < len; k++)
			body[k] = (uint8_t)nrand48(seed);
		a = ask("pp.rpc.auth.list_brands", bearer(token), NULL, body, len);
		assert_int_equal(a.sent, ST_OK);
		if (strcmp(a.status, "ok") == 0)
			continue;
		assert_string_equal(a.status, "invalid");
		assert_true(*a.field != '\0');
		invalid++;
	}
	assert_true(invalid > 400);
	assert_string_equal(list_brands(bearer(token), NULL).status, "ok");
}

static void test_large_bodies(void **state)
{
	Auth__V1__CreateBrandRequest in = AUTH__V1__CREATE_BRAND_REQUEST__INIT;
	char *big = arena_alloc(w.arena, BUS_PAYLOAD_MAX + 1);
	struct answer a;
	uint8_t *data;
	size_t len;

	(void)state;
	memset(big, 'x', BUS_PAYLOAD_MAX);
	big[BUS_PAYLOAD_MAX] = '\0';
	/* More than the bus carries is refused before it is sent. */
	assert_int_equal(
		ask("pp.rpc.auth.create_brand", bearer(token), NULL, big, BUS_PAYLOAD_MAX).sent,
		ST_TOO_LARGE);
	/* What it carries is measured against the contract. */
	big[900000] = '\0';
	in.name = big;
	assert_int_equal(message_pack(w.arena, &in.base, &data, &len), ST_OK);
	a = ask("pp.rpc.auth.create_brand", bearer(token), NULL, data, len);
	assert_string_equal(a.status, "invalid");
	assert_string_equal(a.field, "name");
	assert_non_null(strstr(a.detail, "200"));
	assert_int_equal(
		world_sql_int(&w, "SELECT count(*) FROM auth.brands WHERE name LIKE 'xx%%'"), 0);
}

/* ---- tokens ---- */

/* A token that auth itself might have signed, good from `from_s` to `to_s` seconds from now. */
static const char *signed_token(int64_t from_s, int64_t to_s)
{
	const int64_t now = time_now_us() / US_PER_SECOND;
	struct access_claims c = { .role = ROLE_VIEWER, .tier = "growth" };
	char *out = arena_alloc(w.arena, ACCESS_TOKEN_MAX), *pem;
	struct seal_ring *ring = NULL;
	struct error err = { 0 };

	INVARIANT(seal_ring_load(&ring, arena_printf(w.arena, "%s/seal/auth.key", w.dir), &err) ==
		  ST_OK);
	pem = seal_get(ring, w.arena, "signing-key",
		       world_sql(&w, "SELECT private_sealed FROM auth.signing_keys"
				     " WHERE retired_at IS NULL"),
		       NULL);
	seal_ring_free(ring);
	INVARIANT(pem != NULL);
	uuid_v7(c.user_id);
	uuid_v7(c.session_id);
	snprintf(c.tenant_id, sizeof(c.tenant_id), "%s", tenant);
	c.expires_at = now + to_s;
	INVARIANT(access_sign(&c,
			      world_sql(&w, "SELECT kid FROM auth.signing_keys"
					    " WHERE retired_at IS NULL"),
			      pem, now + from_s, out, &err) == ST_OK);
	return out;
}

static const char *altered(const char *text, size_t at)
{
	char *copy = arena_strdup(w.arena, text);

	copy[at] = copy[at] == 'A' ? 'B' : 'A';
	return copy;
}

static void test_tokens(void **state)
{
	const char *good = signed_token(-100, 100);
	const size_t len = strlen(good);
	const struct {
		const char *authorization, *detail;
	} rows[] = {
		{ NULL, "an access token is needed" },
		{ "", "an access token is needed" },
		{ "Bearer", "an access token is needed" },
		{ good, "an access token is needed" },
		{ arena_printf(w.arena, "bearer %s", good), "an access token is needed" },
		{ arena_printf(w.arena, "Basic %s", good), "an access token is needed" },
		{ "Bearer x", "" },
		{ "Bearer a.b.c", "" },
		{ bearer(signed_token(-1000, -60)), "expired" },
		{ bearer(signed_token(60, 1000)), "" },
		{ bearer(altered(good, 5)), "" },
		{ bearer(altered(good, len / 2)), "" },
		{ bearer(altered(good, len - 10)), "" },
		{ bearer(arena_strndup(w.arena, good, len - 1)), "" },
	};

	(void)state;
	assert_string_equal(list_brands(bearer(good), NULL).status, "ok");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a = list_brands(rows[i].authorization, NULL);

		if (strcmp(a.status, "unauthenticated") != 0)
			fail_msg("row %zu: %s %s", i, a.status, a.detail);
		assert_string_equal(a.code, "401");
		assert_non_null(strstr(a.detail, rows[i].detail));
		assert_null(strstr(a.detail, "eyJ"));
	}
}

/* ---- deadlines ---- */

static PGconn *lock_brands(void)
{
	PGconn *c = PQconnectdb(w.pg);

	INVARIANT(PQstatus(c) == CONNECTION_OK);
	PQclear(PQexec(c, "BEGIN; LOCK TABLE auth.brands IN ACCESS EXCLUSIVE MODE"));
	return c;
}

static void unlock(PGconn *c)
{
	PQclear(PQexec(c, "COMMIT"));
	PQfinish(c);
}

struct patient {
	const char *authorization;
	struct answer answer;
	_Atomic bool answered;
};

static void *wait_patiently(void *arg)
{
	struct patient *p = arg;

	p->answer = list_brands(p->authorization, NULL);
	p->answered = true;
	return NULL;
}

static bool one_waits(void *arg)
{
	(void)arg;
	return world_sql_int(&w, "SELECT count(*) FROM pg_locks WHERE NOT granted"
				 " AND relation = 'auth.brands'::regclass") > 0;
}

/* The one who has little time is told when it is over; the other waits on. */
static void test_deadline_of_the_caller(void **state)
{
	static const char *const none[] = { "abc", "0", "-5", "1e3", "99999999999", "" };
	struct patient p = { .authorization = bearer(token) };
	PGconn *held = lock_brands();
	struct answer a;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_patiently, &p), 0);
	assert_true(tk_wait_until(one_waits, NULL, WORLD_LIMIT_MS));
	a = list_brands(bearer(token), "200");
	assert_string_equal(a.status, "timeout");
	assert_string_equal(a.code, "504");
	assert_false(p.answered);
	unlock(held);
	pthread_join(thread, NULL);
	assert_string_equal(p.answer.status, "ok");
	/* What is no number of milliseconds counts as none. */
	for (size_t i = 0; i < COUNT(none); i++)
		assert_string_equal(list_brands(bearer(token), none[i]).status, "ok");
}

/* ---- $SRV, NATS ADR-32 ---- */

static cJSON *srv(const char *subject)
{
	struct bus_msg *m = NULL;
	const void *data;
	size_t len;
	cJSON *root;

	if (bus_request(w.edge, subject, NULL, 0, NULL, 0, CALL_MS, &m) != ST_OK)
		fail_msg("%s is not answered", subject);
	data = bus_msg_data(m, &len);
	root = cJSON_ParseWithLength(data, len);
	bus_msg_free(m);
	assert_non_null(root);
	return root;
}

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsString(v))
		fail_msg("%s is no text", name);
	return v->valuestring;
}

static int64_t number_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsNumber(v))
		fail_msg("%s is no number", name);
	return (int64_t)v->valuedouble;
}

static void assert_identity(const cJSON *o, const char *type, const char *id)
{
	assert_string_equal(text_of(o, "type"), type);
	assert_string_equal(text_of(o, "name"), "auth");
	assert_string_equal(text_of(o, "version"), "1.0.0");
	assert_true(cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(o, "metadata")));
	assert_true(uuid_valid(text_of(o, "id")));
	if (id)
		assert_string_equal(text_of(o, "id"), id);
}

static void assert_endpoints(const cJSON *o)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "endpoints"), *e;
	const struct contract_service *auth = contract_service_find("auth");
	size_t i = 0;

	assert_int_equal(cJSON_GetArraySize(list), auth->n_methods);
	cJSON_ArrayForEach(e, list)
	{
		assert_string_equal(text_of(e, "name"), auth->methods[i].name);
		assert_string_equal(text_of(e, "subject"), auth->methods[i].subject);
		assert_string_equal(text_of(e, "queue_group"), "auth");
		i++;
	}
}

static void test_ping_and_info(void **state)
{
	static const char *const verbs[] = { "PING", "INFO", "STATS" };
	static const char *const types[] = { "io.nats.micro.v1.ping_response",
					     "io.nats.micro.v1.info_response",
					     "io.nats.micro.v1.stats_response" };
	cJSON *first = srv("$SRV.PING.auth");
	const char *id = text_of(first, "id");

	(void)state;
	for (size_t i = 0; i < COUNT(verbs); i++) {
		const char *const subjects[] = {
			arena_printf(w.arena, "$SRV.%s", verbs[i]),
			arena_printf(w.arena, "$SRV.%s.auth", verbs[i]),
			arena_printf(w.arena, "$SRV.%s.auth.%s", verbs[i], id),
		};

		for (size_t k = 0; k < COUNT(subjects); k++) {
			cJSON *o = srv(subjects[k]);

			assert_identity(o, types[i], id);
			if (i > 0)
				assert_endpoints(o);
			if (i == 1)
				assert_true(*text_of(o, "description") != '\0');
			cJSON_Delete(o);
		}
	}
	cJSON_Delete(first);
}

static void test_srv_of_others(void **state)
{
	static const char *const subjects[] = {
		"$SRV.PING.nobody", "$SRV.PING.auth2",
		"$SRV.PING.au",     "$SRV.PINGS.auth",
		"$SRV.STOP",        "$SRV.PING.auth.0192f0a0-0000-7000-8000-000000000001"
	};
	struct bus_msg *m = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(subjects); i++) {
		assert_int_equal(bus_request(w.edge, subjects[i], NULL, 0, NULL, 0, SHORT_MS, &m),
				 ST_TIMEOUT);
		assert_null(m);
	}
}

/* The statistics of one method, in an object of the caller's. */
static cJSON *stats_of(const char *method)
{
	cJSON *root = srv("$SRV.STATS.auth"), *e, *found = NULL;
	int64_t started = 0;

	assert_true(time_parse(text_of(root, "started"), &started));
	assert_true(started > 0 && started <= time_now_us());
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(root, "endpoints"))
	{
		if (strcmp(text_of(e, "name"), method) == 0)
			found = cJSON_Duplicate(e, true);
	}
	cJSON_Delete(root);
	assert_non_null(found);
	return found;
}

static void test_counters_grow(void **state)
{
	cJSON *before = stats_of("ListBrands"), *after;
	PGconn *held;
	int64_t n;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_string_equal(list_brands(bearer(token), NULL).status, "ok");
	for (int i = 0; i < 3; i++)
		assert_string_equal(list_brands(NULL, NULL).status, "unauthenticated");
	held = lock_brands();
	assert_string_equal(list_brands(bearer(token), "100").status, "timeout");
	unlock(held);
	after = stats_of("ListBrands");
	n = number_of(after, "num_requests");
	assert_int_equal(n, number_of(before, "num_requests") + 9);
	/* A caller's mistake is no error of the service. */
	assert_int_equal(number_of(after, "num_errors"), number_of(before, "num_errors") + 1);
	assert_string_equal(text_of(after, "last_error"), "timeout");
	assert_true(number_of(after, "processing_time") > number_of(before, "processing_time"));
	assert_int_equal(number_of(after, "average_processing_time"),
			 number_of(after, "processing_time") / n);
	assert_true(number_of(cJSON_GetObjectItemCaseSensitive(after, "data"), "database_time") >
		    number_of(cJSON_GetObjectItemCaseSensitive(before, "data"), "database_time"));
	cJSON_Delete(before);
	cJSON_Delete(after);
}

/* ---- the world ---- */

/* The deploy user has no environment; its public key is in the configuration. */
static struct bus *bus_as_deploy(void)
{
	static const char mark[] = "# deploy\n      nkey: ";
	const char *argv[] = {
		tk_bin("pp-deploy"), "nats-conf", w.dir, "/tmp/unused", "4222", NULL
	};
	size_t cap = 65536;
	char *conf = arena_alloc(w.keep, cap), *key;
	struct bus_config cfg = { .url = tk_nats_url(w.nats),
				  .name = "deploy",
				  .inbox_prefix = "_INBOX_deploy" };
	struct error err = { 0 };
	struct bus *bus = NULL;

	INVARIANT(conf && tk_run(argv, NULL, CALL_MS, conf, cap) == 0);
	key = strstr(conf, mark);
	INVARIANT(key != NULL);
	key += strlen(mark);
	key[strcspn(key, "\n")] = '\0';
	cfg.user = key;
	cfg.seed_file = arena_printf(w.keep, "%s/nats/deploy.seed", w.dir);
	INVARIANT(bus_open(&bus, &cfg, &err) == ST_OK);
	return bus;
}

static int start(void **state)
{
	(void)state;
	world_start(&w);
	deploy = bus_as_deploy();
	tenant = arena_strdup(w.keep, world_tenant(&w, "calls@tests.example"));
	token = arena_strdup(w.keep, world_must_login(&w, "calls@tests.example")->access_token);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	bus_close(deploy, 1000);
	world_stop(&w);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_unknown_methods, fresh),
		cmocka_unit_test_setup(test_garbage, fresh),
		cmocka_unit_test_setup(test_random_bytes, fresh),
		cmocka_unit_test_setup(test_large_bodies, fresh),
		cmocka_unit_test_setup(test_tokens, fresh),
		cmocka_unit_test_setup(test_deadline_of_the_caller, fresh),
		cmocka_unit_test_setup(test_ping_and_info, fresh),
		cmocka_unit_test_setup(test_srv_of_others, fresh),
		cmocka_unit_test_setup(test_counters_grow, fresh),
	};

	return cmocka_run_group_tests_name("svc_calls", tests, start, stop);
}
