/*
 * Alerts as a stream: what stands first, then each change once, from whichever copy; going on
 * behind the last one; limits and ends. Read next: services/observability/watch.h.
 */
#include "component/alerts_fixture.h"

#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <stdio.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SHORT_MS        300 /* for what does not come */
#define WATCHERS        32  /* of one process: WATCHERS_MAX in watch.h */
#define TENANT_WATCHERS 8   /* of them, of one tenant: WATCHERS_TENANT_MAX */
#define TENANTS         (WATCHERS / TENANT_WATCHERS)
#define FIRING          OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_FIRING
#define STANDS          OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_FIRING
#define OVER            OBSERVABILITY__V1__ALERT_STATE__ALERT_STATE_RESOLVED

static struct world w;

static struct bus_call *open_watch(const char *token, const char *last)
{
	const struct contract_method *m = &observability_methods[OBSERVABILITY_WATCH_ALERTS];
	Observability__V1__WatchAlertsRequest in = OBSERVABILITY__V1__WATCH_ALERTS_REQUEST__INIT;
	const struct bus_header h[] = {
		{ "Authorization", arena_printf(w.arena, "Bearer %s", token) },
		{ "Pp-Request-Id", "test-request" },
	};
	struct bus_call *c = NULL;
	uint8_t *data;
	size_t len;

	in.last_event_id = (char *)last;
	INVARIANT(message_pack(w.arena, &in.base, &data, &len) == ST_OK);
	assert_int_equal(bus_call_open(w.edge, m->subject, h, 2, data, len, &c), ST_OK);
	return c;
}

/* The next part with an alert; NULL when none comes in that time, or at the end. */
static const Observability__V1__AlertPart *next(struct bus_call *c, int timeout_ms)
{
	struct bus_msg *m = NULL;
	ProtobufCMessage *part = NULL;
	enum status st = bus_call_next(c, timeout_ms, &m);
	const void *data;
	size_t len;

	if (st != ST_OK || !m)
		return NULL;
	data = bus_msg_data(m, &len);
	INVARIANT(message_unpack(w.arena, &observability__v1__alert_part__descriptor, data, len,
				 BUS_PAYLOAD_MAX, &part) == ST_OK);
	bus_msg_free(m);
	/* The opening part has none. */
	if (!((const Observability__V1__AlertPart *)part)->alert)
		return next(c, timeout_ms);
	return (const Observability__V1__AlertPart *)part;
}

static const char *must(struct bus_call *c, Observability__V1__AlertState state)
{
	const Observability__V1__AlertPart *p = next(c, WORLD_LIMIT_MS);

	if (!p)
		fail_msg("no part came");
	assert_int_equal(p->alert->state, state);
	return p->id;
}

/* The word of the end's status. */
static const char *end_of(struct bus_call *c)
{
	const Observability__V1__AlertPart *p;

	while (!bus_call_end(c)) {
		p = next(c, WORLD_LIMIT_MS);
		if (!p && !bus_call_end(c))
			fail_msg("the stream does not end");
	}
	return bus_msg_header(bus_call_end(c), "Pp-Status");
}

/* Opens one that has to enter, also while one that was closed has not left so far; behind `last`
 * the opening part comes first. */
static struct bus_call *open_entered(const char *token, const char *last)
{
	const int64_t until = time_mono_us() + WORLD_LIMIT_MS * INT64_C(1000);

	for (;;) {
		struct bus_call *c = open_watch(token, last);
		struct bus_msg *m = NULL;

		if (bus_call_next(c, WORLD_LIMIT_MS, &m) == ST_OK && m) {
			bus_msg_free(m);
			return c;
		}
		bus_call_close(c);
		assert_true(time_mono_us() < until);
	}
}

static void test_what_stands_then_what_changes(void **state)
{
	struct al_tenant t, other;
	const char *viewer;
	struct bus_call *c;

	(void)state;
	al_tenant_with_rule(&w, &t);
	al_tenant_with_rule(&w, &other);
	viewer = world_token(&w, t.id, ROLE_VIEWER, "");
	al_fire(&w, &t);
	al_resolve(&w, &t);
	al_fire(&w, &t);
	al_fire(&w, &other); /* is nobody's business here */
	c = open_watch(viewer, "");
	assert_string_equal(must(c, STANDS), "3"); /* the third change fired what stands */
	assert_null(next(c, SHORT_MS));
	al_resolve(&w, &t);
	assert_string_equal(must(c, OVER), "4");
	al_resolve(&w, &other);
	al_fire(&w, &t);
	assert_string_equal(must(c, STANDS), "5");
	assert_null(next(c, SHORT_MS));
	bus_call_close(c);
}

/* Wherever it breaks: behind the last one, nothing missing, nothing twice. */
static void test_going_on(void **state)
{
	struct al_tenant t;
	const char *viewer;

	(void)state;
	al_tenant_with_rule(&w, &t);
	viewer = world_token(&w, t.id, ROLE_VIEWER, "");
	for (int i = 0; i < 4; i++) {
		al_fire(&w, &t);
		al_resolve(&w, &t);
	}
	for (int from = 0; from <= 8; from++) {
		struct bus_call *c = open_entered(viewer, arena_printf(w.arena, "%d", from));

		for (int i = from + 1; i <= 8; i++)
			assert_string_equal(must(c, i % 2 == 1 ? STANDS : OVER),
					    arena_printf(w.arena, "%d", i));
		assert_null(next(c, from == 8 ? SHORT_MS : 10));
		bus_call_close(c);
	}
}

static void test_bad_ids(void **state)
{
	static const char *const bad[] = { "x", "-1", "1e3", "2", "99999999999999999999" };
	struct al_tenant t;

	(void)state;
	al_tenant_with_rule(&w, &t);
	al_fire(&w, &t); /* number 1 */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bus_call *c = open_watch(world_token(&w, t.id, ROLE_VIEWER, ""), bad[i]);

		assert_string_equal(end_of(c), "invalid");
		assert_string_equal(bus_msg_header(bus_call_end(c), "Pp-Field"), "last_event_id");
		bus_call_close(c);
	}
}

/* A stream on one copy hears of a change that the other made. */
static void test_another_copy(void **state)
{
	struct al_tenant t;
	struct bus_call *calls[8];
	int64_t worst = 0, late;

	(void)state;
	al_tenant_with_rule(&w, &t);
	al_copy_start(&w, 1);
	for (int i = 0; i < 8; i++) /* some on each */
		calls[i] = open_watch(world_token(&w, t.id, ROLE_VIEWER, ""), "");
	for (int round = 0; round < 6; round++) {
		if (round % 2 == 0)
			al_fire(&w, &t);
		else
			al_resolve(&w, &t);
		for (int i = 0; i < 8; i++)
			assert_string_equal(must(calls[i], round % 2 == 0 ? STANDS : OVER),
					    arena_printf(w.arena, "%d", round + 1));
		late = world_sql_int(
			&w,
			"SELECT (1000 * extract(epoch FROM clock_timestamp() - "
			"coalesce(resolved_at, fired_at)))::bigint FROM "
			"observability.alerts WHERE tenant_id = '%s' ORDER BY fired_seq "
			"DESC LIMIT 1",
			t.id);
		worst = late > worst ? late : worst;
	}
	printf("# eight streams on two copies: at most %lld ms after the change all have it\n",
	       (long long)worst);
	/* A copy that ends tells its streams so, and they go on at the other. */
	al_copy_stop(1);
	for (int i = 0; i < 8; i++) {
		if (bus_call_end(calls[i]) == NULL && next(calls[i], SHORT_MS))
			fail_msg("a part that no change made");
		bus_call_close(calls[i]);
	}
	for (int i = 0; i < 8; i++) {
		calls[i] = open_entered(world_token(&w, t.id, ROLE_VIEWER, ""), "5");
		assert_string_equal(must(calls[i], OVER), "6");
	}
	for (int i = 0; i < 8; i++)
		bus_call_close(calls[i]);
}

/* Watchers never take all workers: the last is refused with advice, calls are answered. */
static void test_too_many(void **state)
{
	struct bus_call *calls[WATCHERS], *more;
	struct al_tenant t[TENANTS], last;

	(void)state;
	for (int i = 0; i < TENANTS; i++) {
		al_tenant_with_rule(&w, &t[i]);
		al_fire(&w, &t[i]);
	}
	al_tenant_with_rule(&w, &last);
	al_copy_stop(0); /* none of the tests before is left */
	al_copy_start(&w, 0);
	for (int i = 0; i < WATCHERS; i++) {
		calls[i] = open_watch(world_token(&w, t[i % TENANTS].id, ROLE_VIEWER, ""), "");
		assert_string_equal(must(calls[i], STANDS), "1");
	}
	more = open_watch(world_token(&w, last.id, ROLE_VIEWER, ""), "");
	assert_string_equal(end_of(more), "unavailable");
	assert_string_equal(bus_msg_header(bus_call_end(more), "Pp-Retry-After"), "5");
	assert_null(strstr(bus_msg_header(bus_call_end(more), "Pp-Detail"), "tenant"));
	bus_call_close(more);
	assert_int_equal(al_rule(&w, &t[0], AL_HALF)->condition, FIRING);
	for (int i = 0; i < TENANTS; i++)
		al_resolve(&w, &t[i]);
	for (int i = 0; i < WATCHERS; i++)
		assert_string_equal(must(calls[i], OVER), "2");
	/* Who leaves makes room. */
	for (int i = 0; i < WATCHERS; i++)
		bus_call_close(calls[i]);
	for (int64_t until = time_mono_us() + WORLD_LIMIT_MS * INT64_C(1000);;) {
		more = open_watch(world_token(&w, t[0].id, ROLE_VIEWER, ""), "1");
		if (next(more, 1000))
			break;
		bus_call_close(more);
		assert_true(time_mono_us() < until);
	}
	bus_call_close(more);
}

/* A tenant that takes all it may leaves room for others. */
static void test_too_many_of_a_tenant(void **state)
{
	struct bus_call *calls[TENANT_WATCHERS], *more, *others;
	struct al_tenant t, other;
	const char *viewer;

	(void)state;
	al_tenant_with_rule(&w, &t);
	al_tenant_with_rule(&w, &other);
	al_fire(&w, &t);
	al_fire(&w, &other);
	al_copy_stop(0); /* none of the tests before is left */
	al_copy_start(&w, 0);
	viewer = world_token(&w, t.id, ROLE_VIEWER, "");
	for (int i = 0; i < TENANT_WATCHERS; i++) {
		calls[i] = open_watch(viewer, "");
		assert_string_equal(must(calls[i], STANDS), "1");
	}
	more = open_watch(world_token(&w, t.id, ROLE_ADMIN, ""), ""); /* whoever asks */
	assert_string_equal(end_of(more), "unavailable");
	assert_string_equal(bus_msg_header(bus_call_end(more), "Pp-Retry-After"), "5");
	assert_non_null(strstr(bus_msg_header(bus_call_end(more), "Pp-Detail"), "one tenant (8)"));
	bus_call_close(more);
	others = open_watch(world_token(&w, other.id, ROLE_VIEWER, ""), "");
	assert_string_equal(must(others, STANDS), "1");
	al_resolve(&w, &other);
	assert_string_equal(must(others, OVER), "2");
	al_resolve(&w, &t);
	for (int i = 0; i < TENANT_WATCHERS; i++)
		assert_string_equal(must(calls[i], OVER), "2");
	/* Who leaves makes room, for one. */
	bus_call_close(calls[0]);
	calls[0] = open_entered(viewer, "1");
	assert_string_equal(must(calls[0], OVER), "2");
	more = open_watch(viewer, "");
	assert_string_equal(end_of(more), "unavailable");
	bus_call_close(more);
	for (int i = 0; i < TENANT_WATCHERS; i++)
		bus_call_close(calls[i]);
	bus_call_close(others);
}

static int fresh(void **state)
{
	(void)state;
	al_fresh(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_stands_then_what_changes, fresh),
		cmocka_unit_test_setup(test_going_on, fresh),
		cmocka_unit_test_setup(test_bad_ids, fresh),
		cmocka_unit_test_setup(test_another_copy, fresh),
		cmocka_unit_test_setup(test_too_many, fresh),
		cmocka_unit_test_setup(test_too_many_of_a_tenant, fresh),
	};
	int failed;

	al_start(&w);
	failed = cmocka_run_group_tests_name("watching alerts", tests, NULL, NULL);
	al_stop(&w);
	return failed;
}
