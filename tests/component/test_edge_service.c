/*
 * The gateway beside what fails and what is many: limits of tenants, two gateways, auth or the
 * broker away, clients that go, SIGTERM under load. Read next: test_edge_upload.c.
 */
#include "component/edge_fixture.h"

#include "contract/auth.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define LOADERS    8
#define LOAD_ARENA ((size_t)4 * 1024 * 1024)

static struct world w;
static struct gate_proc edge;
static const char *token; /* of an admin without limits */

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	return 0;
}

static struct answer brands(int port, const char *as)
{
	return edge_as(&w, port, as, "GET /api/brands", NULL);
}

static long number(const struct answer *r, const char *header)
{
	const char *text = answer_header(r, w.arena, header);
	int64_t v = -1;

	if (!parse_i64(text, 0, 1000000, &v))
		fail_msg("%s: \"%s\"", header, text);
	return (long)v;
}

struct wanted {
	int status;
	const char *as, *what;
	int port;
};

static bool answers(void *arg)
{
	struct wanted *want = arg;
	struct answer r = want->as ? edge_as(&w, want->port, want->as, want->what, NULL)
				   : edge_ask(&w, want->port, want->what, "", NULL);

	return r.status == want->status;
}

/* Asks until it is answered so; fails at the deadline. */
static void until(int port, const char *as, const char *what, int status)
{
	struct wanted want = { status, as, what, port };

	if (!tk_wait_until(answers, &want, WORLD_LIMIT_MS))
		fail_msg("%s is never answered %d", what, status);
}

/* ---- limits ---- */

/* Sixty pass and no more. The tests' minute may end amid them: then it is tried again. */
static void sixty_pass_and_the_next_is_told_when(void **state)
{
	const char *other = edge_tenant(&w, edge.port, "standard", NULL);
	const char *as = NULL;
	struct answer r = { 0 };
	int passed = 0, tries = 0;
	int64_t minute;

	(void)state;
	do {
		as = edge_tenant(&w, edge.port, "standard", NULL);
		minute = time_now_us() / US_PER_MINUTE;
		for (passed = 0; passed < 70; passed++) {
			r = brands(edge.port, as);
			if (r.status != 200)
				break;
			assert_int_equal(number(&r, "RateLimit-Limit"), 60);
		}
	} while (time_now_us() / US_PER_MINUTE != minute && ++tries < 3);
	assert_int_equal(passed, 60);
	assert_problem(&r, 429, "");
	assert_in_range(number(&r, "Retry-After"), 1, 61);
	assert_int_equal(number(&r, "RateLimit-Remaining"), 0);
	assert_int_equal(number(&r, "RateLimit-Reset"), number(&r, "Retry-After"));
	assert_string_equal(answer_header(&r, w.arena, "RateLimit-Policy"),
			    "60;w=60, 1000;w=3600, 10000;w=86400");
	/* Others are not hurt: another tenant, an operator, a public route. */
	r = brands(edge.port, other);
	assert_int_equal(r.status, 200);
	assert_int_equal(number(&r, "RateLimit-Remaining"), 59);
	for (int i = 0; i < 70; i++) {
		r = edge_as(&w, edge.port, w.operator_token, "GET /api/admin/tenants", NULL);
		assert_int_equal(r.status, 200);
		assert_int_equal(answer_count(&r, "RateLimit-Limit"), 0);
		r = edge_as(&w, edge.port, as, "GET /.well-known/jwks.json", NULL);
		assert_int_equal(r.status, 200);
	}
	for (int i = 0; i < 70; i++) {
		r = brands(edge.port, token);
		assert_int_equal(r.status, 200);
		assert_int_equal(answer_count(&r, "RateLimit-Limit"), 0);
	}
}

struct limits_seen {
	int port;
	const char *as;
	long at_most;
};

static bool knows_of(void *arg)
{
	struct limits_seen *s = arg;
	struct answer r = brands(s->port, s->as);

	return r.status == 429 || number(&r, "RateLimit-Remaining") <= s->at_most;
}

/* What one has let through, the other knows a second later: together 60, and at most what passed
 * within that second more. */
static void two_gateways_share_one_count(void **state)
{
	struct gate_proc second;
	struct limits_seen seen;
	int passed = 0;
	struct answer r;

	(void)state;
	edge_spawn(&w, &second, NULL);
	while (time_now_us() % US_PER_MINUTE > 40 * US_PER_SECOND)
		time_sleep_us(time_mono_us() + 100000); /* so that the minute lasts */
	seen = (struct limits_seen){ second.port, edge_tenant(&w, edge.port, "standard", NULL),
				     19 };
	for (int i = 0; i < 40; i++)
		assert_int_equal(brands(edge.port, seen.as).status, 200);
	assert_true(tk_wait_until(knows_of, &seen, WORLD_LIMIT_MS));
	while (passed < 60 && brands(second.port, seen.as).status == 200)
		passed++;
	assert_in_range(passed, 0, 19);
	/* And back: the first one is told of these. */
	seen.port = edge.port;
	seen.at_most = -1;
	assert_true(tk_wait_until(knows_of, &seen, WORLD_LIMIT_MS));
	r = brands(edge.port, seen.as);
	assert_problem(&r, 429, "");
	assert_int_equal(edge_end(&second), 0);
}

/* ---- who may ---- */

static void a_suspended_tenant_is_out_within_a_second(void **state)
{
	const char *tenant, *as = edge_tenant(&w, edge.port, "unlimited", &tenant);
	struct answer r = brands(edge.port, as);
	int64_t start;

	(void)state;
	assert_int_equal(r.status, 200);
	r = edge_as(&w, edge.port, w.operator_token,
		    arena_printf(w.arena, "POST /api/admin/tenants/%s:suspend", tenant), "{}");
	assert_int_equal(r.status, 200);
	start = time_mono_us();
	until(edge.port, as, "GET /api/brands", 403);
	printf("# suspension seen after %lld ms\n", (long long)(time_mono_us() - start) / 1000);
	r = brands(edge.port, as);
	assert_problem(&r, 403, NULL);
	assert_int_equal(brands(edge.port, token).status, 200);
	r = edge_as(&w, edge.port, w.operator_token,
		    arena_printf(w.arena, "POST /api/admin/tenants/%s:resume", tenant), "{}");
	assert_int_equal(r.status, 200);
	until(edge.port, as, "GET /api/brands", 200);
}

static void a_key_is_exchanged_once(void **state)
{
	char key[512];
	const char *head;
	struct answer r;

	(void)state;
	assert_int_equal(
		world_run(&w, key, sizeof(key),
			  (const char *const[]){ "--bootstrap", "--force-new-operator-key", NULL }),
		0);
	key[strcspn(key, "\n")] = '\0';
	assert_memory_equal(key, "ppo_", 4);
	r = edge_as(&w, edge.port, key, "GET /api/admin/tenants", NULL);
	assert_int_equal(r.status, 200);
	/* Kept: it still serves when auth does not know it any more, as its token would. */
	world_sql(
		&w,
		"UPDATE auth.operators SET retired_at = now() WHERE key_hash = sha256('%s'::bytea)",
		key);
	assert_int_equal(edge_as(&w, edge.port, key, "GET /api/admin/tenants", NULL).status, 200);
	/* A key is nobody's tenant token; almost the same key is none. */
	assert_int_equal(edge_as(&w, edge.port, key, "GET /api/brands", NULL).status, 403);
	key[strlen(key) - 1] ^= 1;
	r = edge_as(&w, edge.port, key, "GET /api/admin/tenants", NULL);
	assert_problem(&r, 401, NULL);
	head = answer_header(&r, w.arena, "WWW-Authenticate");
	assert_string_equal(head, "Bearer realm=\"pulsepoint\"");
	assert_null(strstr(r.body, "ppo_"));
	assert_false(tk_proc_logged(edge.p, "ppo_"));
}

/* ---- clients that go ---- */

static void clients_that_go_harm_nobody(void **state)
{
	struct answer r;

	(void)state;
	for (int i = 0; i < 60; i++) {
		const struct linger now = { 1, 0 };
		struct wire c;

		wire_open(&c, edge.port);
		for (int k = 0; k < 4; k++)
			wire_puts(&c, "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n");
		if (i % 2)
			wire_answer(&c, w.arena, false);
		/* Resets the connection, with most of it unread. */
		setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		wire_close(&c);
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(brands(edge.port, token).status, 200);
	assert_true(tk_proc_running(edge.p));
	r = edge_ask(&w, edge.port, "GET /metrics", "", NULL);
	assert_non_null(strstr(r.body, "\npp_http_in_flight "));
}

/* ---- what is away ---- */

static void without_auth_it_is_503_at_once(void **state)
{
	int64_t start;
	struct answer r;

	(void)state;
	assert_int_equal(world_end(w.auth), 0);
	start = time_mono_us();
	r = brands(edge.port, token);
	assert_problem(&r, 503, "");
	assert_int_equal(number(&r, "Retry-After"), 1);
	assert_non_null(strstr(r.body, "the auth service"));
	r = edge_ask(&w, edge.port, "POST /api/auth/login", "",
		     "{\"email\":\"a@b.example\",\"password\":\"x\"}");
	assert_problem(&r, 503, "");
	/* 503 and not 504: nobody was waited for. */
	printf("# %s: %lld ms\n", __func__, (long long)(time_mono_us() - start) / 1000);
	/* A token is still told from a bad one. */
	r = brands(edge.port, "a.b.c");
	assert_problem(&r, 401, NULL);
	assert_int_equal(edge_ask(&w, edge.port, "GET /healthz", "", NULL).status, 200);
	assert_int_equal(edge_ask(&w, edge.port, "GET /readyz", "", NULL).status, 503);
	w.auth = world_spawn(&w);
	until(edge.port, token, "GET /api/brands", 200);
}

static void without_the_broker_it_is_503_at_once(void **state)
{
	int64_t start;
	struct answer r;

	(void)state;
	tk_nats_kill(w.nats);
	until(edge.port, token, "GET /api/brands", 503);
	start = time_mono_us();
	for (int i = 0; i < 20; i++) {
		r = brands(edge.port, token);
		assert_problem(&r, 503, "");
		assert_int_equal(number(&r, "Retry-After"), 1);
		assert_int_equal(edge_ask(&w, edge.port, "GET /healthz", "", NULL).status, 200);
		r = edge_ask(&w, edge.port, "GET /readyz", "", NULL);
		assert_int_equal(r.status, 503);
	}
	printf("# %s: %lld ms\n", __func__, (long long)(time_mono_us() - start) / 1000);
	r = edge_ask(&w, edge.port, "GET /metrics", "", NULL);
	assert_non_null(strstr(r.body, "\npp_bus_connected 0\n"));
	tk_nats_start(w.nats);
	until(edge.port, token, "GET /api/brands", 200);
	r = edge_ask(&w, edge.port, "GET /metrics", "", NULL);
	assert_non_null(strstr(r.body, "\npp_bus_connected 1\n"));
}

/* ---- the end ---- */

struct loader {
	pthread_t thread;
	struct arena *arena;
	const char *request;
	int port;
	bool keep_alive;
	_Atomic long answered;
	long refused, cut, failed;
};

/* One connection until the gateway ends it; false when there is none to be had. */
static bool load_connection(struct loader *l)
{
	struct wire c;

	if (!wire_try(&c, l->port))
		return false;
	do {
		struct answer r;

		if (!wire_puts(&c, l->request))
			break;
		r = wire_answer(&c, l->arena, false);
		if (r.status == 0)
			break;
		if (!r.whole)
			l->cut++;
		else if (r.status != 200)
			l->failed++;
		else
			l->answered++;
		if (answer_header(&r, l->arena, "Connection")[0])
			break;
		arena_reset(l->arena);
	} while (l->keep_alive);
	wire_close(&c);
	arena_reset(l->arena);
	return true;
}

static void *load(void *arg)
{
	struct loader *l = arg;

	while (load_connection(l))
		;
	l->refused++;
	return NULL;
}

static bool all_loaded(void *arg)
{
	struct loader *l = arg;

	for (int i = 0; i < LOADERS; i++)
		if (l[i].answered < 200)
			return false;
	return true;
}

/* All threads ask until nobody listens any more: nothing is cut, nothing fails, and the gateway
 * counts as many answers as came. */
static void every_request_taken_is_answered(void **state)
{
	struct gate_proc g;
	struct loader l[LOADERS] = { 0 };
	long answered = 0;
	char *log = arena_alloc(w.arena, 4 * 1024 * 1024);
	const char *line;
	unsigned long long taken = 0, told = 0;

	(void)state;
	edge_spawn(&w, &g, NULL);
	for (int i = 0; i < LOADERS; i++) {
		l[i].arena = arena_new(LOAD_ARENA);
		l[i].port = g.port;
		l[i].keep_alive = i % 2;
		l[i].request = arena_printf(w.arena,
					    "GET /api/brands HTTP/1.1\r\nHost: x\r\n"
					    "Authorization: Bearer %s\r\n%s\r\n",
					    token, i % 2 ? "" : "Connection: close\r\n");
		assert_int_equal(pthread_create(&l[i].thread, NULL, load, &l[i]), 0);
	}
	assert_true(tk_wait_until(all_loaded, l, WORLD_LIMIT_MS));
	assert_int_equal(edge_end(&g), 0);
	for (int i = 0; i < LOADERS; i++) {
		pthread_join(l[i].thread, NULL);
		assert_int_equal(l[i].cut, 0);
		assert_int_equal(l[i].failed, 0);
		assert_int_equal(l[i].refused, 1);
		answered += l[i].answered;
		arena_free(l[i].arena);
	}
	assert_true(tk_read_file(tk_proc_log(g.p), log, 4 * 1024 * 1024));
	line = strstr(log, "http.drained");
	assert_non_null(line);
	line = strpbrk(strstr(line, "\"msg\"") ? strstr(line, "\"msg\"") : line, "0123456789");
	assert_int_equal(sscanf(line, "%llu requests taken, %llu answered", &taken, &told), 2);
	assert_int_equal(taken, told);
	/* What the fixture asked to see it start is in it. */
	assert_in_range(told - (unsigned long long)answered, 1, 200);
	printf("# drained under load: %ld answers, none cut\n", answered);
}

static bool nobody_listens(void *arg)
{
	struct wire c;

	if (!wire_try(&c, *(const int *)arg))
		return true;
	wire_close(&c);
	return false;
}

/* A request that was taken before SIGTERM is answered after it, and says that the connection ends.
 */
static void a_request_under_way_is_finished(void **state)
{
	struct gate_proc g;
	struct answer r;
	struct wire c;
	const char *body = "{\"name\":\"Slowly\"}";

	(void)state;
	edge_spawn(&w, &g, NULL);
	wire_open(&c, g.port);
	wire_puts(&c, arena_printf(w.arena,
				   "POST /api/brands HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
				   "%s\r\nExpect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
				   token, strlen(body)));
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 100);
	tk_proc_signal(g.p, SIGTERM);
	assert_true(tk_wait_logged(g.p, "service.stopping", WORLD_LIMIT_MS));
	/* Nobody else gets in. */
	assert_true(tk_wait_until(nobody_listens, &g.port, WORLD_LIMIT_MS));
	wire_puts(&c, body);
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 201);
	assert_string_equal(answer_header(&r, w.arena, "Connection"), "close");
	assert_true(wire_ended(&c));
	wire_close(&c);
	assert_int_equal(tk_proc_wait(g.p, WORLD_LIMIT_MS), 0);
}

static int begin(void **state)
{
	(void)state;
	world_start(&w);
	token = edge_open(&w, &edge, NULL);
	return 0;
}

static int finish(void **state)
{
	int code = edge_end(&edge);

	(void)state;
	world_stop(&w);
	return code;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sixty_pass_and_the_next_is_told_when, fresh),
		cmocka_unit_test_setup(two_gateways_share_one_count, fresh),
		cmocka_unit_test_setup(a_suspended_tenant_is_out_within_a_second, fresh),
		cmocka_unit_test_setup(a_key_is_exchanged_once, fresh),
		cmocka_unit_test_setup(clients_that_go_harm_nobody, fresh),
		cmocka_unit_test_setup(without_auth_it_is_503_at_once, fresh),
		cmocka_unit_test_setup(without_the_broker_it_is_503_at_once, fresh),
		cmocka_unit_test_setup(every_request_taken_is_answered, fresh),
		cmocka_unit_test_setup(a_request_under_way_is_finished, fresh),
	};

	return cmocka_run_group_tests_name("edge_service", tests, begin, finish);
}
