/*
 * Users with narrow permissions on a real nats-server, shaped like those the deploy step makes:
 * what a service needs works, what belongs to another is refused and counted.
 */
#include "component/bus_fixture.h"
#include "core/magic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define PATIENT_MS 60000

static struct broker broker;
static struct nkey_user alpha_key, beta_key, deploy_key;
static struct bus *alpha, *beta, *deploy;

/* alpha asks beta and publishes events; beta answers and consumes them with one consumer. */
static const char users[] =
	"authorization { users = [\n"
	" { nkey: %s, permissions: {\n"
	"   publish: [\"pp.rpc.beta.>\", \"_INBOX_beta.>\", \"pp.ctl.>\", \"pp.evt.*.alpha.>\",\n"
	"     \"$JS.API.STREAM.MSG.GET.evt-alpha\"],\n"
	"   subscribe: [\"_INBOX_alpha.>\", \"pp.ctl.>\", \"pp.rpc.alpha.>\"] } },\n"
	" { nkey: %s, permissions: {\n"
	"   publish: [\"_INBOX_alpha.>\", \"pp.ctl.>\",\n"
	"     \"$JS.API.CONSUMER.MSG.NEXT.evt-alpha.beta-c1\", \"$JS.ACK.evt-alpha.beta-c1.>\"],\n"
	"   subscribe: [\"_INBOX_beta.>\", \"pp.ctl.>\", \"pp.rpc.beta.>\"] } },\n"
	" { nkey: %s }\n"
	"] }\n";

static enum status open_as(const struct nkey_user *id, const struct nkey_user *seed,
			   const char *name, struct bus **ret, struct error *err)
{
	char prefix[32];
	struct bus_config cfg = {
		.url = broker.url,
		.name = name,
		.user = id->id,
		.seed_file = seed->seed_file,
		.inbox_prefix = prefix,
	};

	snprintf(prefix, sizeof(prefix), "_INBOX_%s", name);
	return bus_open(ret, &cfg, err);
}

static int set_up(void **state)
{
	static char extra[2048];
	struct error err = { 0 };

	(void)state;
	nkey_make(&alpha_key, "alpha");
	nkey_make(&beta_key, "beta");
	nkey_make(&deploy_key, "deploy");
	snprintf(extra, sizeof(extra), users, alpha_key.id, beta_key.id, deploy_key.id);
	broker_start(&broker, extra);
	INVARIANT(open_as(&alpha_key, &alpha_key, "alpha", &alpha, &err) == ST_OK);
	INVARIANT(open_as(&beta_key, &beta_key, "beta", &beta, &err) == ST_OK);
	INVARIANT(open_as(&deploy_key, &deploy_key, "deploy", &deploy, &err) == ST_OK);
	fixture_stream(deploy, "evt-alpha", "pp.evt.*.alpha.>");
	fixture_consumer(deploy, "evt-alpha", "beta-c1", ",\"ack_wait\":1000000000");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bus_close(alpha, 1000);
	bus_close(beta, 1000);
	bus_close(deploy, 1000);
	broker_stop(&broker);
	return 0;
}

/* ---- refusals are counted ---- */
struct denial_goal {
	struct bus *bus;
	uint64_t n;
};

static bool denied(void *arg)
{
	struct denial_goal *g = arg;
	struct bus_stats st;

	bus_stats(g->bus, &st);
	return st.denials == g->n;
}

static struct denial_goal one_more(struct bus *bus)
{
	struct bus_stats st;

	bus_stats(bus, &st);
	return (struct denial_goal){ bus, st.denials + 1 };
}

static void assert_denied(struct denial_goal *g, const char *subject)
{
	struct bus_stats st;

	assert_true(wait_for(denied, g));
	bus_stats(g->bus, &st);
	assert_string_equal(st.last_denied, subject);
}

/* ---- what is allowed works ---- */
static void answer(void *arg, struct bus_msg *m)
{
	(void)arg;
	INVARIANT(bus_reply(beta, m, NULL, 0, "yes", 3) == ST_OK);
}

static void answer_in_parts(void *arg, struct bus_msg *m)
{
	struct bus_stream *s;

	(void)arg;
	INVARIANT(bus_stream_open(beta, m, &s) == ST_OK);
	for (int i = 0; i < 200; i++)
		INVARIANT(bus_stream_send(s, "part", 4) == ST_OK);
	bus_stream_end(s, NULL, 0);
}

static struct bus_server *serve(struct bus *bus, const char *subject, bus_serve_fn *fn)
{
	struct bus_server_config cfg = { subject, "q", 2, 64, fn, fn, NULL };
	struct bus_server *s = NULL;

	assert_int_equal(bus_serve(bus, &cfg, &s), ST_OK);
	assert_int_equal(bus_flush(bus, PATIENT_MS), ST_OK);
	return s;
}

static void test_requests_and_streams_to_the_one_it_may_ask(void **state)
{
	struct bus_server *s = serve(beta, "pp.rpc.beta.one", answer);
	struct bus_server *p = serve(beta, "pp.rpc.beta.parts", answer_in_parts);
	struct bus_msg *m = NULL;
	struct bus_call *c;
	struct bus_stats st;
	int parts = 0;

	(void)state;
	assert_int_equal(bus_request(alpha, "pp.rpc.beta.one", NULL, 0, NULL, 0, PATIENT_MS, &m),
			 ST_OK);
	bus_msg_free(m);
	assert_int_equal(bus_call_open(alpha, "pp.rpc.beta.parts", NULL, 0, NULL, 0, &c), ST_OK);
	for (;;) {
		m = NULL;
		assert_int_equal(bus_call_next(c, PATIENT_MS, &m), ST_OK);
		if (!m)
			break;
		parts++;
		bus_msg_free(m);
	}
	assert_int_equal(parts, 200);
	bus_call_close(c);
	bus_server_stop(s, 1000);
	bus_server_stop(p, 1000);
	bus_stats(alpha, &st);
	assert_int_equal(st.denials, 0);
	bus_stats(beta, &st);
	assert_int_equal(st.denials, 0);
}

static void test_a_consumer_with_nothing_but_its_own_subjects(void **state)
{
	struct bus_event e[3] = { { .subject = "pp.evt.t1.alpha.orders.upserted", .id = "alpha:1" },
				  { .subject = "pp.evt.t1.alpha.orders.upserted", .id = "alpha:2" },
				  { .subject = "pp.evt.t2.alpha.orders.upserted",
				    .id = "alpha:3" } };
	struct bus_consumer *c;
	struct bus_msg *msgs[4];
	uint64_t seq[3];
	char id[16];
	int n = 0, have = 0;

	(void)state;
	assert_int_equal(bus_js_publish(alpha, e, 3, PATIENT_MS, seq), ST_OK);
	assert_int_equal(bus_js_msg_id(alpha, "evt-alpha", seq[2], id, sizeof(id)), ST_OK);
	assert_string_equal(id, "alpha:3");
	assert_int_equal(bus_consumer_open(beta, "evt-alpha", "beta-c1", &c), ST_OK);
	while (have < 3) {
		assert_int_equal(bus_consumer_fetch(c, 3 - have, 5000, msgs + have, &n), ST_OK);
		assert_true(n > 0);
		have += n;
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bus_js_deliveries(msgs[i]), 1);
		assert_int_equal(bus_js_ack(msgs[i]), ST_OK);
		bus_msg_free(msgs[i]);
	}
	/* Longer than the ack wait: the acknowledgements have counted. */
	assert_int_equal(bus_consumer_fetch(c, 3, 1500, msgs, &n), ST_OK);
	assert_int_equal(n, 0);
	bus_consumer_close(c);
}

/* ---- what is another's is refused ---- */
static void test_another_services_method(void **state)
{
	struct denial_goal g = one_more(alpha);
	struct bus_server *s = serve(deploy, "pp.rpc.gamma.>", answer);
	struct bus_msg *m = NULL;

	(void)state;
	assert_int_equal(bus_request(alpha, "pp.rpc.gamma.get", NULL, 0, NULL, 0, 300, &m),
			 ST_DENIED);
	assert_null(m);
	assert_denied(&g, "pp.rpc.gamma.get");
	g = one_more(alpha);
	{
		struct bus_call *c;

		assert_int_equal(bus_call_open(alpha, "pp.rpc.gamma.get", NULL, 0, NULL, 0, &c),
				 ST_OK);
		/* Seen at once, not when the silence has lasted. */
		assert_int_equal(bus_call_next(c, PATIENT_MS, &m), ST_DENIED);
		bus_call_close(c);
	}
	assert_denied(&g, "pp.rpc.gamma.get");
	/* Refusing one subject harms no other. */
	assert_true(bus_connected(alpha));
	bus_server_stop(s, 1000);
}

static void hear(void *arg, const struct bus_msg *m)
{
	(void)m;
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_another_services_replies_and_requests(void **state)
{
	static const char *const subjects[] = { "_INBOX_alpha.>", "_INBOX_alpha.*.*", ">",
						"pp.rpc.alpha.>", "pp.evt.>",         "_INBOX.>" };
	struct bus_server *s = serve(beta, "pp.rpc.beta.one", answer);
	atomic_int heard = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		struct denial_goal g = one_more(beta);
		struct bus_msg *m = NULL;
		struct bus_sub *sub;

		assert_int_equal(bus_subscribe(beta, subjects[i], hear, &heard, &sub), ST_OK);
		assert_denied(&g, subjects[i]);
		assert_int_equal(
			bus_request(alpha, "pp.rpc.beta.one", NULL, 0, NULL, 0, PATIENT_MS, &m),
			ST_OK);
		bus_msg_free(m);
		assert_int_equal(bus_flush(beta, PATIENT_MS), ST_OK);
		bus_unsubscribe(sub);
	}
	assert_int_equal(atomic_load(&heard), 0);
	bus_server_stop(s, 1000);
}

static void test_anothers_events_and_consumers(void **state)
{
	struct bus_event e = { .subject = "pp.evt.t1.alpha.orders.upserted", .id = "forged:1" };
	struct denial_goal g = one_more(beta);
	struct bus_consumer *c;
	struct bus_msg *m = NULL;
	uint64_t seq = 7;
	int n = -1;

	(void)state;
	/* Long before the deadline, which would be ST_UNAVAILABLE. */
	assert_int_equal(bus_js_publish(beta, &e, 1, PATIENT_MS, &seq), ST_DENIED);
	assert_int_equal(seq, 0);
	assert_denied(&g, "pp.evt.t1.alpha.orders.upserted");
	g = one_more(alpha);
	assert_int_equal(bus_consumer_open(alpha, "evt-alpha", "beta-c1", &c), ST_OK);
	assert_int_equal(bus_consumer_fetch(c, 1, 100, &m, &n), ST_UNAVAILABLE);
	assert_denied(&g, "$JS.API.CONSUMER.MSG.NEXT.evt-alpha.beta-c1");
	bus_consumer_close(c);
	/* Subject permissions do not bound a consumer one may make oneself: so none may be made. */
	assert_int_equal(
		bus_request(beta, "$JS.API.CONSUMER.CREATE.evt-alpha", NULL, 0, "{}", 2, 300, &m),
		ST_DENIED);
	assert_int_equal(bus_request(beta, "$JS.API.STREAM.MSG.GET.evt-alpha", NULL, 0,
				     "{\"seq\":1}", 9, 300, &m),
			 ST_DENIED);
	assert_null(m);
}

/* ---- who one is ---- */
struct impostor {
	pthread_t thread;
	struct bus *bus;
	struct error err;
	enum status st;
};

static struct impostor impostor;

static void *open_impostor(void *arg)
{
	struct impostor *i = arg;

	i->st = open_as(&alpha_key, &beta_key, "alpha", &i->bus, &i->err);
	return NULL;
}

/* It is tried for 10 s, so the others run meanwhile. */
static void begin_impostor(void **state)
{
	(void)state;
	assert_int_equal(pthread_create(&impostor.thread, NULL, open_impostor, &impostor), 0);
}

static void test_a_wrong_seed_does_not_connect(void **state)
{
	(void)state;
	pthread_join(impostor.thread, NULL);
	assert_int_equal(impostor.st, ST_UNAVAILABLE);
	assert_null(impostor.bus);
	assert_true(*impostor.err.detail);
}

static void test_a_seed_open_to_everybody_is_refused(void **state)
{
	struct error err = { 0 };
	struct bus *b = NULL;

	(void)state;
	assert_int_equal(chmod(beta_key.seed_file, 0644), 0);
	assert_int_equal(open_as(&beta_key, &beta_key, "beta", &b, &err), ST_INVALID);
	assert_string_equal(err.field, "seed_file");
	assert_int_equal(chmod(beta_key.seed_file, 0600), 0);
	assert_int_equal(open_as(&beta_key, &beta_key, "beta", &b, &err), ST_OK);
	bus_close(b, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begin_impostor),
		cmocka_unit_test(test_requests_and_streams_to_the_one_it_may_ask),
		cmocka_unit_test(test_a_consumer_with_nothing_but_its_own_subjects),
		cmocka_unit_test(test_another_services_method),
		cmocka_unit_test(test_another_services_replies_and_requests),
		cmocka_unit_test(test_anothers_events_and_consumers),
		cmocka_unit_test(test_a_wrong_seed_does_not_connect),
		cmocka_unit_test(test_a_seed_open_to_everybody_is_refused),
	};

	return cmocka_run_group_tests_name("bus_permissions", tests, set_up, tear_down);
}
