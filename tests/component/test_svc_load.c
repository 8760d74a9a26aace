/*
 * More requests than a service can take, and its end while it works: every request is answered
 * once, at once when there is no room, and what was taken is finished. Auth is the service, with
 * one worker that a locked table holds up. Read next: libs/bus/server.c, libs/svc/svc.c.
 */
#include "component/auth_fixture.h"

#include "bus/connect.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <cjson/cJSON.h>
#include <nats/nats.h>
#include <postgresql/libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CALL_MS   15000
#define QUEUE_MAX 1024 /* SVC_REQUESTS_MAX */
#define FLOOD     2000
#define TAKEN     300
#define PREFIX    "_INBOX_api-edge.flood."

static struct world w;
static const char *authorization;
static natsConnection *edge;

/* ---- requests without waiting for their answers ---- */

struct flood {
	natsSubscription *answers;
	bool answered[FLOOD];
	int sent, ok, refused, others;
};

static void flood_begin(struct flood *f)
{
	*f = (struct flood){ .sent = 0 };
	assert_int_equal(natsConnection_SubscribeSync(&f->answers, edge, PREFIX "*"), NATS_OK);
	assert_int_equal(natsSubscription_SetPendingLimits(f->answers, -1, -1), NATS_OK);
}

static void flood_end(struct flood *f)
{
	natsSubscription_Destroy(f->answers);
}

static void flood_send(struct flood *f, int n)
{
	for (int i = 0; i < n; i++) {
		natsMsg *m = NULL;

		INVARIANT(f->sent < FLOOD);
		INVARIANT(natsMsg_Create(&m, "pp.rpc.auth.list_brands",
					 arena_printf(w.arena, PREFIX "%d", f->sent++), NULL,
					 0) == NATS_OK);
		INVARIANT(natsMsgHeader_Set(m, "Authorization", authorization) == NATS_OK);
		INVARIANT(natsConnection_PublishMsg(edge, m) == NATS_OK);
		natsMsg_Destroy(m);
	}
	assert_int_equal(natsConnection_FlushTimeout(edge, CALL_MS), NATS_OK);
}

static const char *header_of(natsMsg *m, const char *name)
{
	const char *value = NULL;

	return natsMsgHeader_Get(m, name, &value) == NATS_OK && value ? value : "";
}

/* Takes `n` answers; each belongs to a request that had none yet. */
static void flood_take(struct flood *f, int n)
{
	for (int i = 0; i < n; i++) {
		natsMsg *m = NULL;
		int64_t k = 0;

		if (natsSubscription_NextMsg(&m, f->answers, CALL_MS) != NATS_OK)
			fail_msg("%d answers came, and no more: %d ok, %d refused", i, f->ok,
				 f->refused);
		assert_true(parse_i64(natsMsg_GetSubject(m) + strlen(PREFIX), 0, f->sent - 1, &k));
		assert_false(f->answered[k]);
		f->answered[k] = true;
		if (strcmp(header_of(m, "Pp-Status"), "ok") == 0) {
			f->ok++;
		} else if (strcmp(header_of(m, "Pp-Status"), "unavailable") == 0 &&
			   strcmp(header_of(m, "Pp-Retry-After"), "1") == 0 &&
			   strcmp(header_of(m, "Nats-Service-Error-Code"), "503") == 0) {
			f->refused++;
		} else {
			print_error("%s %s\n", header_of(m, "Pp-Status"),
				    header_of(m, "Pp-Detail"));
			f->others++;
		}
		natsMsg_Destroy(m);
	}
}

static uint64_t flood_waiting(struct flood *f)
{
	uint64_t n = 0;

	assert_int_equal(natsSubscription_QueuedMsgs(f->answers, &n), NATS_OK);
	return n;
}

/* ---- what the service says of itself ---- */

struct load {
	int waiting, busy, refused;
};

static struct load load_now(void)
{
	struct load l = { -1, -1, -1 };
	struct bus_msg *m = NULL;
	const cJSON *data;
	const void *bytes;
	cJSON *root;
	size_t len;

	if (bus_request(w.edge, "$SRV.STATS.auth", NULL, 0, NULL, 0, CALL_MS, &m) != ST_OK)
		return l;
	bytes = bus_msg_data(m, &len);
	root = cJSON_ParseWithLength(bytes, len);
	bus_msg_free(m);
	data = cJSON_GetObjectItemCaseSensitive(root, "data");
	assert_non_null(data);
	l.waiting = cJSON_GetObjectItemCaseSensitive(data, "waiting")->valueint;
	l.busy = cJSON_GetObjectItemCaseSensitive(data, "busy")->valueint;
	l.refused = cJSON_GetObjectItemCaseSensitive(data, "refused_full")->valueint;
	cJSON_Delete(root);
	return l;
}

static bool has_load(void *arg)
{
	const struct load *want = arg, now = load_now();

	return now.waiting == want->waiting && now.busy == want->busy;
}

static void until_load(int waiting, int busy)
{
	struct load want = { .waiting = waiting, .busy = busy };

	if (!tk_wait_until(has_load, &want, WORLD_LIMIT_MS))
		fail_msg("%d wait and %d are served, never %d and %d", load_now().waiting,
			 load_now().busy, waiting, busy);
}

/* ---- the one worker is held up ---- */

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

static void test_a_full_queue_answers_at_once(void **state)
{
	static struct flood f;
	PGconn *held = lock_brands();
	int taken = 1 + QUEUE_MAX, before = load_now().refused;

	(void)state;
	flood_begin(&f);
	flood_send(&f, 1);
	until_load(0, 1);
	flood_send(&f, FLOOD - 1);
	/* Nobody was served yet: these are the refused ones, all of them, and only they. */
	flood_take(&f, FLOOD - taken);
	assert_int_equal(f.refused, FLOOD - taken);
	until_load(QUEUE_MAX, 1);
	assert_int_equal(load_now().refused, before + FLOOD - taken);
	assert_int_equal(flood_waiting(&f), 0);
	unlock(held);
	flood_take(&f, taken);
	assert_int_equal(f.ok, taken);
	assert_int_equal(f.refused, FLOOD - taken);
	assert_int_equal(f.others, 0);
	until_load(0, 0);
	assert_int_equal(flood_waiting(&f), 0);
	assert_int_equal(world_list_brands(&w, w.operator_token).status, ST_DENIED);
	flood_end(&f);
}

/* The one who is held up is asked to end: what was taken is answered, then it is gone. */
static void test_the_end_answers_what_was_taken(void **state)
{
	static struct flood f;
	PGconn *held = lock_brands();
	struct bus_msg *m = NULL;

	(void)state;
	flood_begin(&f);
	flood_send(&f, TAKEN);
	until_load(TAKEN - 1, 1);
	tk_proc_signal(w.auth, SIGTERM);
	assert_true(tk_wait_logged(w.auth, "service.stopping", WORLD_LIMIT_MS));
	assert_int_equal(flood_waiting(&f), 0);
	unlock(held);
	flood_take(&f, TAKEN);
	assert_int_equal(f.ok, TAKEN);
	assert_int_equal(tk_proc_wait(w.auth, WORLD_LIMIT_MS), 0);
	assert_int_equal(flood_waiting(&f), 0);
	flood_end(&f);
	assert_int_equal(
		bus_request(w.edge, "pp.rpc.auth.list_brands", NULL, 0, NULL, 0, CALL_MS, &m),
		ST_UNAVAILABLE);
	assert_null(m);
	w.auth = world_spawn(&w);
}

/* Ended again and again under load, while a copy stands by: each request is answered by one. */
static void test_a_copy_takes_over(void **state)
{
	static struct flood f;
	struct tk_proc *other = world_spawn(&w);

	(void)state;
	flood_begin(&f);
	for (int round = 0; round < 3; round++) {
		flood_send(&f, 200);
		tk_proc_signal(w.auth, SIGTERM);
		flood_send(&f, 200);
		flood_take(&f, 400);
		assert_int_equal(tk_proc_wait(w.auth, WORLD_LIMIT_MS), 0);
		w.auth = world_spawn(&w);
	}
	assert_int_equal(f.ok, 1200);
	assert_int_equal(flood_waiting(&f), 0);
	flood_end(&f);
	assert_int_equal(world_end(other), 0);
}

/* ---- the world ---- */

static const char *setting(const struct tk_env *env, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return env->v[i] + len + 1;
	INVARIANT(!"a setting is missing");
	return NULL;
}

static void connect_edge(void)
{
	natsOptions *opts = NULL;
	struct tk_env env = { 0 };

	tk_env_load(&env, arena_printf(w.arena, "%s/api-edge.env", w.dir));
	INVARIANT(natsOptions_Create(&opts) == NATS_OK);
	INVARIANT(natsOptions_SetURL(opts, setting(&env, "PP_NATS_URL")) == NATS_OK);
	INVARIANT(natsOptions_SetNKeyFromSeed(opts, setting(&env, "PP_NATS_USER"),
					      setting(&env, "PP_NATS_SEED_FILE")) == NATS_OK);
	INVARIANT(bus_connect_signed(&edge, opts) == NATS_OK);
	natsOptions_Destroy(opts);
	tk_env_done(&env);
}

static int start(void **state)
{
	(void)state;
	world_start(&w);
	world_tenant(&w, "load@tests.example");
	authorization = arena_printf(w.keep, "Bearer %s",
				     world_must_login(&w, "load@tests.example")->access_token);
	connect_edge();
	INVARIANT(world_end(w.auth) == 0);
	w.auth = world_spawn_with(&w, "PP_WORKERS", "1");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	natsConnection_Destroy(edge);
	world_stop(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_queue_answers_at_once),
		cmocka_unit_test(test_the_end_answers_what_was_taken),
		cmocka_unit_test(test_a_copy_takes_over),
	};

	return cmocka_run_group_tests_name("svc_load", tests, start, stop);
}
