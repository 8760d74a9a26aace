/*
 * How streams end before their time: clients that go or read nothing, tokens that end, too many,
 * SIGTERM, the broker away. Read next: edge_player.h, test_edge_stream.c.
 */
#include "component/edge_player.h"

#include "access/access.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "svc/seal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define PEM_MAX    2048
#define BIG_PARTS  400
#define BIG_PART   60000
#define FIRST_TEXT "id: 1\nevent: text\ndata: {\"delta\":\"It\"}\n\n"

static struct world w;
static struct gate_proc edge;
static const char *token;

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	players_play(PLAY_HAND);
	return 0;
}

/* A stream under way, its first event read. */
static struct played *under_way(int port, struct wire *c, const char *as)
{
	struct played *p;

	stream_send(&w, c, port, as, ASK, SSE, QUESTION);
	p = player_next();
	assert_true(played_text(p, "It"));
	assert_int_equal(wire_head(c, w.arena).status, 200);
	stream_expect(&w, c, FIRST_TEXT);
	return p;
}

static bool none_open(void *arg)
{
	const int *port = arg;

	return stream_metric(&w, *port, "pp_http_streams_open") == 0;
}

/* ---- clients ---- */

static void a_client_that_goes_cancels(void **state)
{
	static const char *const faces[] = { SSE, "" };
	struct played *p;
	struct wire c;

	(void)state;
	/* After an event, in silence; the connection ended in order or reset. */
	for (int reset = 0; reset < 2; reset++) {
		const struct linger now = { reset, 0 };

		p = under_way(edge.port, &c, token);
		setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		wire_close(&c);
		played_cancelled(p);
	}
	/* Before anything was sent, in both faces. */
	for (int i = 0; i < 2; i++) {
		stream_send(&w, &c, edge.port, token, ASK, faces[i], QUESTION);
		p = player_next();
		wire_close(&c);
		played_cancelled(p);
	}
	/* While parts are coming. */
	p = under_way(edge.port, &c, token);
	wire_close(&c);
	while (played_text(p, "more"))
		;
	played_cancelled(p);
	assert_true(tk_wait_until(none_open, &edge.port, WORLD_LIMIT_MS));
	assert_true(tk_proc_running(edge.p));
}

/* Whoever reads nothing is given up after PP_HTTP_BODY_MS; the service is never more than a window
 * ahead. */
static void a_client_that_does_not_read_is_given_up(void **state)
{
	char *text = arena_alloc(w.arena, BIG_PART + 1);
	struct played *p;
	struct wire c;
	int sent = 0;

	(void)state;
	memset(text, 'x', BIG_PART);
	p = under_way(edge.port, &c, token);
	while (sent < BIG_PARTS && played_text(p, text))
		sent++;
	printf("# %d parts of %d bytes were taken from a client's stream that nobody read\n", sent,
	       BIG_PART);
	assert_in_range(sent, 1, BIG_PARTS - 1);
	played_cancelled(p);
	wire_close(&c);
	assert_true(tk_wait_until(none_open, &edge.port, WORLD_LIMIT_MS));
}

/* ---- tokens ---- */

static void a_suspension_ends_the_stream(void **state)
{
	const char *tenant, *as = edge_tenant(&w, edge.port, "unlimited", &tenant);
	struct played *p, *other;
	struct answer r;
	struct wire c, d;
	int64_t start;

	(void)state;
	other = under_way(edge.port, &d, token);
	p = under_way(edge.port, &c, as);
	start = time_mono_us();
	r = edge_as(&w, edge.port, w.operator_token,
		    arena_printf(w.arena, "POST /api/admin/tenants/%s:suspend", tenant), "{}");
	assert_int_equal(r.status, 200);
	stream_expect_error(&w, &c, 403);
	printf("# a suspended tenant's stream ended after %lld ms\n",
	       (long long)(time_mono_us() - start) / 1000);
	played_cancelled(p);
	wire_close(&c);
	/* Nobody else's. */
	assert_true(played_text(other, "still"));
	stream_expect(&w, &d, "id: 2\nevent: text\ndata: {\"delta\":\"still\"}\n\n");
	played_end(other, ST_OK, NULL);
	stream_expect_end(&w, &d);
	wire_close(&d);
}

static void a_logout_ends_the_stream(void **state)
{
	struct answer r, login;
	struct played *p, *whole;
	struct wire c, d;
	const char *as;

	(void)state;
	edge_tenant(&w, edge.port, "unlimited", NULL);
	as = world_sql(&w, "SELECT email FROM auth.users ORDER BY created_at DESC LIMIT 1");
	login = edge_ask(
		&w, edge.port, "POST /api/auth/login", "",
		arena_printf(w.arena, "{\"email\":\"%s\",\"password\":\"" GOOD_PASSWORD "\"}", as));
	assert_int_equal(login.status, 200);
	as = answer_text_of(&w, &login, "access_token");
	p = under_way(edge.port, &c, as);
	stream_send(&w, &d, edge.port, as, ASK, "", QUESTION);
	whole = player_next();
	r = edge_ask(&w, edge.port, "POST /api/auth/logout", "",
		     arena_printf(w.arena, "{\"refresh_token\":\"%s\"}",
				  answer_text_of(&w, &login, "refresh_token")));
	assert_int_equal(r.status / 100, 2);
	stream_expect_error(&w, &c, 401);
	played_cancelled(p);
	r = wire_answer(&d, w.arena, false);
	assert_problem(&r, 401, NULL);
	played_cancelled(whole);
	wire_close(&c);
	wire_close(&d);
}

/* Signed with auth's own key, so that only its time is short: so many seconds from the signature
 * on. A clock may be ACCESS_CLOCK_SKEW_S off, which is taken off here. */
static const char *token_for(int seconds)
{
	const char *path = arena_printf(w.arena, "%s/seal/auth.key", w.dir);
	const char *from = "FROM auth.signing_keys WHERE retired_at IS NULL", *kid;
	struct access_claims claims = { .role = ROLE_ADMIN, .tier = "unlimited" };
	char *out = arena_alloc(w.arena, ACCESS_TOKEN_MAX), *pem;
	struct seal_ring *ring = NULL;
	struct error err = { 0 };
	int64_t now;

	(void)!text_copy(claims.tenant_id, sizeof(claims.tenant_id), world_claim(&w, token, "tid"));
	(void)!text_copy(claims.user_id, sizeof(claims.user_id), world_claim(&w, token, "sub"));
	(void)!text_copy(claims.session_id, sizeof(claims.session_id),
			 world_claim(&w, token, "sid"));
	assert_int_equal(seal_ring_load(&ring, path, &err), ST_OK);
	pem = seal_get(ring, w.arena, "signing-key",
		       world_sql(&w, "SELECT private_sealed %s", from), NULL);
	assert_non_null(pem);
	kid = world_sql(&w, "SELECT kid %s", from);
	now = time_now_us() / US_PER_SECOND;
	claims.expires_at = now + seconds - ACCESS_CLOCK_SKEW_S;
	assert_int_equal(access_sign(&claims, kid, pem, now - 10, out, &err), ST_OK);
	seal_ring_free(ring);
	return out;
}

static void the_end_of_the_token_ends_the_stream(void **state)
{
	int64_t now = time_now_us() / US_PER_SECOND;
	struct played *p;
	struct wire c;

	(void)state;
	p = under_way(edge.port, &c, token_for(3));
	stream_expect_error(&w, &c, 401);
	assert_true(time_now_us() / US_PER_SECOND >= now + 2);
	played_cancelled(p);
	wire_close(&c);
}

/* ---- the gateway ---- */

static bool may_enter(void *arg)
{
	struct gate_proc *g = arg;
	struct answer r;

	players_play(PLAY_ANSWER);
	r = edge_as(&w, g->port, token, ASK, QUESTION);
	players_play(PLAY_HAND);
	return r.status == 200;
}

static void only_so_many_are_open(void **state)
{
	static const char *const settings[] = { "PP_HTTP_STREAMS", "2", NULL };
	struct gate_proc g;
	struct played *p[2];
	struct answer r;
	struct wire c[2];

	(void)state;
	edge_spawn(&w, &g, settings);
	for (int i = 0; i < 2; i++)
		p[i] = under_way(g.port, &c[i], token);
	for (int i = 0; i < 3; i++) {
		r = edge_as(&w, g.port, token, i == 1 ? WATCH : ASK, i == 1 ? NULL : QUESTION);
		assert_problem(&r, 503, "");
		assert_string_equal(answer_header(&r, w.arena, "Retry-After"), "5");
	}
	assert_int_equal(stream_metric(&w, g.port, "pp_http_streams_open"), 2);
	assert_int_equal(stream_metric(&w, g.port, "pp_http_streams_refused_total"), 3);
	/* Other requests have their threads. */
	assert_int_equal(edge_as(&w, g.port, token, "GET /api/brands", NULL).status, 200);
	wire_close(&c[0]);
	played_cancelled(p[0]);
	assert_true(tk_wait_until(may_enter, &g, WORLD_LIMIT_MS));
	played_end(p[1], ST_OK, NULL);
	stream_expect_end(&w, &c[1]);
	wire_close(&c[1]);
	assert_int_equal(edge_end(&g), 0);
}

static void streams_must_leave_threads(void **state)
{
	const char *argv[] = { arena_strdup(w.arena, tk_bin("api-edge")), NULL };
	char *out = arena_alloc(w.arena, 65536);
	struct tk_env env;

	(void)state;
	world_env(&w, "api-edge", &env);
	tk_env_set(&env, "PP_HTTP_THREADS", "64");
	assert_int_equal(tk_run(argv, &env, WORLD_LIMIT_MS, out, 65536), 1);
	tk_env_done(&env);
	assert_non_null(strstr(out, "PP_HTTP_STREAMS"));
}

/* Events are told at once to come again elsewhere; an answer that is being made is waited for. */
static void sigterm_ends_events_and_finishes_answers(void **state)
{
	struct gate_proc g;
	struct played *p, *whole;
	struct wire c, d;
	struct answer r;
	const char *event;
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__Answer answer = INSIGHTS__V1__ANSWER__INIT;

	(void)state;
	edge_spawn(&w, &g, NULL);
	p = under_way(g.port, &c, token);
	stream_send(&w, &d, g.port, token, ASK, "", QUESTION);
	whole = player_next();
	tk_proc_signal(g.p, SIGTERM);
	event = stream_expect_error(&w, &c, 503);
	assert_non_null(strstr(event, "\nretry: 1000\n"));
	assert_true(wire_ended(&c));
	played_cancelled(p);
	answer.answer = "late";
	part.answer = &answer;
	assert_true(played_ask(whole, &part));
	played_end(whole, ST_OK, NULL);
	r = wire_answer(&d, w.arena, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(answer_header(&r, w.arena, "Connection"), "close");
	wire_close(&c);
	wire_close(&d);
	assert_int_equal(tk_proc_wait(g.p, WORLD_LIMIT_MS), 0);
}

/* A client that reads nothing does not hold up the end either. */
static void sigterm_does_not_wait_for_a_stuck_client(void **state)
{
	char *text = arena_alloc(w.arena, BIG_PART + 1);
	struct gate_proc g;
	struct played *p;
	struct wire c;
	int64_t start;

	(void)state;
	memset(text, 'x', BIG_PART);
	edge_spawn(&w, &g, NULL); /* with half a minute for slow clients */
	p = under_way(g.port, &c, token);
	/* More than the sockets and the window hold: the gateway is stuck in its write. */
	for (int i = 0; i < BIG_PARTS / 4; i++)
		if (!played_text(p, text))
			break;
	start = time_mono_us();
	assert_int_equal(edge_end(&g), 0);
	printf("# SIGTERM with a stuck client took %lld ms\n",
	       (long long)(time_mono_us() - start) / 1000);
	played_cancelled(p);
	wire_close(&c);
}

static void the_broker_away_ends_the_stream(void **state)
{
	struct played *p;
	struct wire c;

	(void)state;
	p = under_way(edge.port, &c, token);
	tk_nats_kill(w.nats);
	stream_expect_error(&w, &c, 503);
	wire_close(&c);
	tk_nats_start(w.nats);
	played_cancelled(p);
	world_until(&w, token, ST_OK);
	assert_true(tk_wait_until(may_enter, &edge, WORLD_LIMIT_MS));
}

static int begin(void **state)
{
	static const char *const settings[] = { "PP_HTTP_BODY_MS", "1000", NULL };

	(void)state;
	world_start(&w);
	players_start(&w);
	token = edge_open(&w, &edge, settings);
	return 0;
}

static int finish(void **state)
{
	int code = edge_end(&edge);

	(void)state;
	players_stop();
	world_stop(&w);
	return code;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_client_that_goes_cancels, fresh),
		cmocka_unit_test_setup(a_client_that_does_not_read_is_given_up, fresh),
		cmocka_unit_test_setup(a_suspension_ends_the_stream, fresh),
		cmocka_unit_test_setup(a_logout_ends_the_stream, fresh),
		cmocka_unit_test_setup(the_end_of_the_token_ends_the_stream, fresh),
		cmocka_unit_test_setup(only_so_many_are_open, fresh),
		cmocka_unit_test_setup(streams_must_leave_threads, fresh),
		cmocka_unit_test_setup(sigterm_ends_events_and_finishes_answers, fresh),
		cmocka_unit_test_setup(sigterm_does_not_wait_for_a_stuck_client, fresh),
		cmocka_unit_test_setup(the_broker_away_ends_the_stream, fresh),
	};

	return cmocka_run_group_tests_name("edge_stream_ends", tests, begin, finish);
}
