/*
 * Notices on their way: signed webhooks, tries again, order, a dead receiver beside a good one,
 * where webhooks may lead, the log. Read next: services/observability/deliver.c;
 * test_alerts_exactly.c.
 */
#include "component/alerts_fixture.h"

#include "core/timeutil.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CHANNELS       10   /* the most a tenant may have */
#define TENANT_SENDERS 2    /* of a process: DELIVER_TENANT_MAX in deliver.h */
#define SICK_SENDERS   4    /* at receivers that fail or are slow: DELIVER_SICK_MAX */
#define SLOW_TENANTS   10   /* more than there are senders */
#define SLOW_MS        1300 /* longer than DELIVER_TURN_US */
#define PATIENCE_S     600  /* longer than a test lasts */

static struct world w;

static const Observability__V1__ListDeliveriesReply *
deliveries(const struct al_tenant *t, Observability__V1__DeliveryState state)
{
	Observability__V1__ListDeliveriesRequest in =
		OBSERVABILITY__V1__LIST_DELIVERIES_REQUEST__INIT;

	in.page_size = 100;
	in.state = state;
	return tw_must(&w, t->admin, OBSERVABILITY_LIST_DELIVERIES, &in);
}

static void assert_text(const cJSON *o, const char *name, const char *want)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	assert_true(cJSON_IsString(item));
	assert_string_equal(item->valuestring, want);
}

static void test_signed(void **state)
{
	const Observability__V1__AlertChannel *c;
	const Observability__V1__ListAlertChannelsReply *channels;
	const Observability__V1__ListAlertChannelsRequest none =
		OBSERVABILITY__V1__LIST_ALERT_CHANNELS_REQUEST__INIT;
	const Observability__V1__ListDeliveriesReply *log;
	const struct hook *h;
	struct al_tenant t;
	cJSON *body;

	(void)state;
	al_tenant_with_rule(&w, &t);
	c = al_channel(&w, &t, "signed");
	assert_memory_equal(c->secret, "whsec_", 6);
	al_fire(&w, &t);
	hooks_wait("/signed", 1);
	h = hooks_get("/signed", 0);
	assert_true(hook_signed(h, c->secret));
	assert_false(hook_signed(h, "whsec_another"));
	body = cJSON_Parse(h->body);
	assert_non_null(body);
	assert_text(body, "notice_id", h->notice_id);
	assert_text(body, "change", "fired");
	assert_text(body, "tenant_id", t.id);
	assert_text(cJSON_GetObjectItemCaseSensitive(body, "alert"), "rule", AL_HALF);
	assert_text(cJSON_GetObjectItemCaseSensitive(body, "alert"), "state", "firing");
	cJSON_Delete(body);
	al_resolve(&w, &t);
	hooks_wait("/signed", 2);
	h = hooks_get("/signed", 1);
	assert_true(hook_signed(h, c->secret));
	assert_non_null(strstr(h->body, "\"change\":\"resolved\""));
	al_delivered(&w, t.id);
	log = deliveries(&t, 0);
	assert_int_equal(log->n_deliveries, 2);
	assert_string_equal(log->deliveries[0]->notice_id, h->notice_id); /* newest first */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(log->deliveries[i]->state,
				 OBSERVABILITY__V1__DELIVERY_STATE__DELIVERY_STATE_DELIVERED);
		assert_int_equal(log->deliveries[i]->attempts, 1);
		assert_int_equal(log->deliveries[i]->http_status, 200);
		assert_string_equal(log->deliveries[i]->reason, "");
		assert_non_null(log->deliveries[i]->delivered_at);
	}
	/* The secret is told once, and kept sealed. */
	channels = tw_must(&w, t.admin, OBSERVABILITY_LIST_ALERT_CHANNELS, &none);
	assert_int_equal(channels->n_channels, 1);
	assert_string_equal(channels->channels[0]->secret, "");
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.alert_channels WHERE "
				       "strpos(secret, '%s') > 0",
				       c->secret + 6),
			 0);
	assert_int_equal(al_check_changes(&w, t.id), 2);
}

/* What is kept for an Idempotency-Key has no secret either. */
static void test_secret_once(void **state)
{
	Observability__V1__CreateAlertChannelRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_CHANNEL_REQUEST__INIT;
	const Observability__V1__AlertChannel *c;
	struct reply r;
	struct al_tenant t;

	(void)state;
	al_tenant(&w, &t);
	in.name = (char *)"once";
	in.url = (char *)arena_printf(w.arena, "%s/once", hooks_url());
	r = al_call(&w, t.admin, "a-key", OBSERVABILITY_CREATE_ALERT_CHANNEL, &in);
	assert_int_equal(r.status, ST_OK);
	c = r.out;
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.idempotency WHERE "
				       "position('%s'::bytea in reply) > 0",
				       c->secret),
			 0);
	r = al_call(&w, t.admin, "a-key", OBSERVABILITY_CREATE_ALERT_CHANNEL, &in);
	assert_int_equal(r.status, ST_OK);
	assert_string_equal(((const Observability__V1__AlertChannel *)r.out)->channel_id,
			    c->channel_id);
	assert_string_equal(((const Observability__V1__AlertChannel *)r.out)->secret, "");
}

/* The same notice in each attempt, until it is taken; the later change waits for it. */
static void test_again(void **state)
{
	static const int codes[] = { 500, 404, 410, 302, 429 };
	const Observability__V1__ListDeliveriesReply *log;
	struct al_tenant t;

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		char name[32], path[33];

		snprintf(name, sizeof(name), "again-%d", codes[i]);
		snprintf(path, sizeof(path), "/%s", name);
		al_tenant_with_rule(&w, &t);
		al_channel(&w, &t, name);
		hooks_answer(path, codes[i], 2, 0, 0);
		al_fire(&w, &t);
		hooks_wait(path, 1);
		al_resolve(&w, &t);
		hooks_wait(path, 4);
		al_delivered(&w, t.id);
		assert_int_equal(hooks_count(path), 4);
		for (int k = 1; k < 3; k++) {
			assert_string_equal(hooks_get(path, k)->notice_id,
					    hooks_get(path, 0)->notice_id);
			assert_string_equal(hooks_get(path, k)->body, hooks_get(path, 0)->body);
		}
		assert_non_null(strstr(hooks_get(path, 2)->body, "\"change\":\"fired\""));
		assert_non_null(strstr(hooks_get(path, 3)->body, "\"change\":\"resolved\""));
		log = deliveries(&t, 0);
		assert_int_equal(log->n_deliveries, 2);
		assert_int_equal(log->deliveries[1]->attempts, 3);
		assert_int_equal(log->deliveries[0]->attempts, 1);
		assert_int_equal(hooks_count("/elsewhere"), 0); /* no redirect was followed */
	}
}

/* Nobody waits any longer for what the tenant's receivers asked for. */
static void let_wait_be_over(const struct al_tenant *t)
{
	world_sql(&w,
		  "UPDATE observability.alert_deliveries SET next_attempt_at = now() WHERE "
		  "tenant_id = '%s' AND state = 1;"
		  "UPDATE observability.alert_channels SET rest_until = '-infinity', next_due_at = "
		  "now() WHERE tenant_id = '%s'",
		  t->id, t->id);
}

static void test_why(void **state)
{
	const Observability__V1__ListDeliveriesReply *log;
	struct al_tenant t;

	(void)state;
	al_tenant_with_rule(&w, &t);
	al_channel(&w, &t, "why");
	/* Its patience is for us: meanwhile there is one attempt to look at. */
	hooks_answer("/why", 503, 1, 0, PATIENCE_S);
	al_fire(&w, &t);
	world_sql_reach(
		&w, 1, "SELECT attempts FROM observability.alert_deliveries WHERE tenant_id = '%s'",
		t.id);
	log = deliveries(&t, OBSERVABILITY__V1__DELIVERY_STATE__DELIVERY_STATE_WAITING);
	assert_int_equal(log->n_deliveries, 1);
	assert_string_equal(log->deliveries[0]->reason, "the receiver answered 503");
	assert_int_equal(log->deliveries[0]->http_status, 503);
	assert_non_null(log->deliveries[0]->next_attempt_at);
	assert_null(log->deliveries[0]->delivered_at);
	hooks_answer("/why", 503, -1, 0, 0);
	let_wait_be_over(&t);
	/* Eight attempts, then it has failed, and nobody sends it again. */
	hooks_wait("/why", 8);
	al_delivered(&w, t.id);
	log = deliveries(&t, OBSERVABILITY__V1__DELIVERY_STATE__DELIVERY_STATE_FAILED);
	assert_int_equal(log->n_deliveries, 1);
	assert_int_equal(log->deliveries[0]->attempts, 8);
	assert_int_equal(hooks_count("/why"), 8);
	/* The change after it is told all the same. */
	hooks_answer("/why", 200, -1, 0, 0);
	al_resolve(&w, &t);
	hooks_wait("/why", 9);
	assert_non_null(strstr(hooks_get("/why", 8)->body, "\"change\":\"resolved\""));
}

/* Our own waits are cut at 300 ms in these tests; what the receiver asks for is not. */
static void test_retry_after(void **state)
{
	struct al_tenant t;

	(void)state;
	al_tenant_with_rule(&w, &t);
	al_channel(&w, &t, "patience");
	hooks_answer("/patience", 429, 1, 0, 2);
	al_fire(&w, &t);
	hooks_wait("/patience", 2);
	assert_true(hooks_get("/patience", 1)->at_us - hooks_get("/patience", 0)->at_us >=
		    2 * US_PER_SECOND);
	al_delivered(&w, t.id);
}

static void test_nobody_there(void **state)
{
	Observability__V1__CreateAlertChannelRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_CHANNEL_REQUEST__INIT;
	const Observability__V1__ListDeliveriesReply *log;
	struct al_tenant t;

	(void)state;
	al_tenant_with_rule(&w, &t);
	in.name = (char *)"nobody";
	in.url = (char *)arena_printf(w.arena, "http://127.0.0.1:%d/", tk_free_port());
	tw_must(&w, t.admin, OBSERVABILITY_CREATE_ALERT_CHANNEL, &in);
	al_fire(&w, &t);
	al_delivered(&w, t.id);
	log = deliveries(&t, 0);
	assert_int_equal(log->deliveries[0]->state,
			 OBSERVABILITY__V1__DELIVERY_STATE__DELIVERY_STATE_FAILED);
	assert_int_equal(log->deliveries[0]->http_status, 0);
	assert_string_equal(log->deliveries[0]->reason, "the server cannot be reached");
}

/* Twelve receivers that hang keep twelve threads' worth of time; the good one hears at once. */
static void test_the_dead_hold_up_nobody(void **state)
{
	struct al_tenant dead[12], good;
	const int64_t begun = time_now_us();

	(void)state;
	for (int i = 0; i < 12; i++) {
		char name[32], path[33];

		snprintf(name, sizeof(name), "dead-%d", i);
		snprintf(path, sizeof(path), "/%s", name);
		al_tenant_with_rule(&w, &dead[i]);
		al_channel(&w, &dead[i], name);
		hooks_answer(path, 200, -1, 8000, 0); /* longer than an attempt may take */
	}
	al_tenant_with_rule(&w, &good);
	al_channel(&w, &good, "good");
	for (int i = 0; i < 12; i++)
		al_fire(&w, &dead[i]);
	/* All have been tried: those that are tried again leave threads for the rest. */
	world_sql_reach(
		&w, 12,
		"SELECT count(*) FROM observability.alert_deliveries d JOIN "
		"observability.alert_channels c USING (channel_id) WHERE c.name LIKE 'dead-%%' "
		"AND d.attempts > 0 AND d.reason = 'the server did not answer in time'");
	for (int i = 0; i < 5; i++) {
		al_fire(&w, &good);
		al_resolve(&w, &good);
	}
	hooks_wait("/good", 10);
	printf("# good receiver beside twelve dead ones: ten notices, the slowest %lld ms after "
	       "its "
	       "change\n",
	       (long long)world_sql_int(
		       &w,
		       "SELECT (1000 * max(extract(epoch FROM delivered_at - "
		       "changed_at)))::bigint FROM observability.alert_deliveries WHERE "
		       "tenant_id = '%s' AND state = 2",
		       good.id));
	for (int i = 0; i < 10; i++)
		assert_non_null(
			strstr(hooks_get("/good", i)->body,
			       i % 2 == 0 ? "\"change\":\"fired\"" : "\"change\":\"resolved\""));
	assert_true(time_now_us() > begun);
	for (int i = 0; i < 12; i++) {
		char path[33];

		snprintf(path, sizeof(path), "/dead-%d", i);
		hooks_answer(path, 200, -1, 0, 0);
	}
	al_delivered(&w, "");
}

/* Waits for the first request of `path`; all the while at most so many of the tenant are under way
 * at `slow`: came, and have no outcome. Counted in this order an attempt that ends between the two
 * only makes it less. */
static void wait_beside(const char *path, const char *slow, const char *tenant, int most)
{
	const int64_t deadline = time_mono_us() + WORLD_LIMIT_MS * INT64_C(1000);

	while (hooks_count(path) == 0) {
		int came = hooks_count(slow);
		int64_t ended =
			world_sql_int(&w,
				      "SELECT coalesce(sum(attempts), 0) FROM "
				      "observability.alert_deliveries WHERE tenant_id = '%s'",
				      tenant);

		assert_in_range(came, most, ended + most);
		assert_true(time_mono_us() < deadline);
	}
}

/* The slow receivers of one tenant keep two senders; another's alert does not wait for them. */
static void test_a_slow_tenant_holds_up_nobody_else(void **state)
{
	struct al_tenant slow, other;

	(void)state;
	al_tenant_with_rule(&w, &slow);
	al_tenant_with_rule(&w, &other);
	for (int i = 0; i < CHANNELS; i++)
		al_channel(&w, &slow, "slow");
	al_channel(&w, &other, "other");
	hooks_hold("/slow");
	al_fire(&w, &slow);
	hooks_wait("/slow", TENANT_SENDERS); /* as many as it may have are with it */
	al_fire(&w, &other);
	wait_beside("/other", "/slow", slow.id, TENANT_SENDERS);
	al_delivered(&w, other.id);
	/* Nothing of the slow tenant is delivered, and it has no more senders than that. */
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.alert_deliveries "
				       "WHERE tenant_id = '%s' AND state = 1",
				       slow.id),
			 CHANNELS);
	assert_in_range(world_sql_int(&w,
				      "SELECT count(*) FROM observability.alert_channels WHERE "
				      "tenant_id = '%s' AND leased_until > clock_timestamp()",
				      slow.id),
			0, TENANT_SENDERS);
	hooks_hold("");
	al_delivered(&w, slow.id);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.alert_deliveries "
				       "WHERE tenant_id = '%s' AND state = 2",
				       slow.id),
			 CHANNELS);
	/* And each channel hears the next change once, in turn. */
	al_resolve(&w, &slow);
	al_delivered(&w, slow.id);
	for (int i = 0; i < CHANNELS; i++)
		assert_non_null(strstr(hooks_get("/slow", hooks_count("/slow") - 1 - i)->body,
				       "\"change\":\"resolved\""));
	assert_int_equal(al_check_changes(&w, slow.id), 2);
}

static int64_t slow_channels(const char *what)
{
	return world_sql_int(&w,
			     "SELECT count(*) FROM observability.alert_channels WHERE name = 'slow'"
			     " AND %s",
			     what);
}

/* Receivers of many tenants that answer, but late, keep no more senders than those that fail. */
static void test_slow_tenants_hold_up_nobody_else(void **state)
{
	struct al_tenant slow[SLOW_TENANTS], good;

	(void)state;
	hooks_answer("/slow", 200, -1, SLOW_MS, 0);
	for (int i = 0; i < SLOW_TENANTS; i++) {
		al_tenant_with_rule(&w, &slow[i]);
		al_channel(&w, &slow[i], "slow");
		al_fire(&w, &slow[i]);
	}
	al_tenant_with_rule(&w, &good);
	al_channel(&w, &good, "good");
	al_delivered(&w, "");
	assert_int_equal(slow_channels("slow AND failures = 0"), SLOW_TENANTS);
	/* Known by now: of the next, SICK_SENDERS are under way at a time. */
	hooks_hold("/slow");
	for (int i = 0; i < SLOW_TENANTS; i++)
		al_resolve(&w, &slow[i]);
	hooks_wait("/slow", SLOW_TENANTS + SICK_SENDERS);
	for (int i = 0; i < 5; i++) {
		al_fire(&w, &good);
		assert_in_range(slow_channels("leased_until > clock_timestamp()"), 0, SICK_SENDERS);
		al_resolve(&w, &good);
		al_delivered(&w, good.id);
	}
	assert_int_equal(hooks_count("/good"), 10);
	assert_true(world_sql_int(&w, "SELECT count(*) FROM observability.alert_deliveries WHERE "
				      "state = 1") > 0);
	hooks_answer("/slow", 200, -1, 0, 0);
	hooks_hold("");
	al_delivered(&w, "");
	/* Who answers soon again is like the others. */
	for (int i = 0; i < SLOW_TENANTS; i++)
		al_fire(&w, &slow[i]);
	al_delivered(&w, "");
	assert_int_equal(slow_channels("slow"), 0);
	for (int i = 0; i < SLOW_TENANTS; i++)
		assert_int_equal(al_check_changes(&w, slow[i].id), 3);
}

/* Lets the tenant's channels hear, or not, without a look at what waits. */
static void rest(const struct al_tenant *t, const char *until)
{
	(void)world_sql(&w,
			"UPDATE observability.alert_channels SET rest_until = '%s' WHERE tenant_id "
			"= '%s' RETURNING 1",
			until, t->id);
}

/* Two receivers with much to hear do not keep the third one of their tenant from its turn. */
static void test_a_backlog_takes_turns(void **state)
{
	struct al_tenant t;
	int i = 0;

	(void)state;
	al_tenant_with_rule(&w, &t);
	for (int k = 0; k < TENANT_SENDERS; k++)
		al_channel(&w, &t, "much");
	hooks_answer("/much", 200, -1, SLOW_MS, 0); /* a turn for each notice */
	rest(&t, "infinity");
	al_fire(&w, &t);
	al_resolve(&w, &t);
	al_fire(&w, &t);
	al_channel(&w, &t, "little");
	rest(&t, "infinity");
	al_resolve(&w, &t);
	rest(&t, "-infinity");
	hooks_wait("/little", 1);
	hooks_answer("/much", 200, -1, 0, 0);
	while (strcmp(hooks_get(NULL, i)->path, "/little") != 0)
		i++;
	/* Behind their first ones, and not behind all that they had before it. */
	assert_in_range(i, 0, 2 * TENANT_SENDERS - 1);
	al_delivered(&w, t.id);
	assert_int_equal(hooks_count("/much"), 4 * TENANT_SENDERS);
	assert_int_equal(hooks_count("/little"), 1);
}

/* ---- channels ---- */

static void test_severity_and_deletion(void **state)
{
	Observability__V1__CreateAlertChannelRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_CHANNEL_REQUEST__INIT;
	Observability__V1__AlertChannelRequest gone =
		OBSERVABILITY__V1__ALERT_CHANNEL_REQUEST__INIT;
	const Observability__V1__AlertChannel *c;
	struct al_tenant t, other;

	(void)state;
	al_tenant_with_rule(&w, &t); /* of severity warning */
	al_tenant(&w, &other);
	in.name = (char *)"critical";
	in.url = (char *)arena_printf(w.arena, "%s/critical", hooks_url());
	in.min_severity = OBSERVABILITY__V1__SEVERITY__SEVERITY_CRITICAL;
	tw_must(&w, t.admin, OBSERVABILITY_CREATE_ALERT_CHANNEL, &in);
	c = al_channel(&w, &t, "all");
	al_fire(&w, &t);
	hooks_wait("/all", 1);
	al_delivered(&w, t.id);
	assert_int_equal(hooks_count("/critical"), 0);
	assert_int_equal(deliveries(&t, 0)->n_deliveries, 1);
	gone.channel_id = c->channel_id;
	assert_int_equal(
		al_call(&w, other.admin, NULL, OBSERVABILITY_DELETE_ALERT_CHANNEL, &gone).status,
		ST_NOT_FOUND);
	/* What waits for it when it is deleted has failed, with the reason. */
	hooks_answer("/all", 500, -1, 0, PATIENCE_S);
	al_resolve(&w, &t);
	hooks_wait("/all", 2);
	tw_must(&w, t.admin, OBSERVABILITY_DELETE_ALERT_CHANNEL, &gone);
	al_delivered(&w, t.id);
	assert_string_equal(deliveries(&t, 0)->deliveries[0]->reason, "the channel was deleted");
	assert_int_equal(
		al_call(&w, t.admin, NULL, OBSERVABILITY_DELETE_ALERT_CHANNEL, &gone).status,
		ST_NOT_FOUND);
	al_fire(&w, &t);
	al_delivered(&w, t.id);
	assert_int_equal(deliveries(&t, 0)->n_deliveries, 2);
	assert_int_equal(deliveries(&other, 0)->n_deliveries, 0);
	for (int i = 1; i < 10; i++)
		al_channel(&w, &t, "more");
	in.min_severity = OBSERVABILITY__V1__SEVERITY__SEVERITY_INFO;
	assert_int_equal(al_call(&w, t.admin, NULL, OBSERVABILITY_CREATE_ALERT_CHANNEL, &in).status,
			 ST_CONFLICT);
}

/* Without the operator's word: https, public addresses, looked at where the name leads. */
static void test_where_webhooks_may_lead(void **state)
{
	static const char *const refused[] = { "http://example.com/", "https://127.0.0.1/",
					       "https://[::1]:8443/", "https://169.254.169.254/x",
					       "https://localhost/" };
	Observability__V1__CreateAlertChannelRequest in =
		OBSERVABILITY__V1__CREATE_ALERT_CHANNEL_REQUEST__INIT;
	const Observability__V1__ListDeliveriesReply *log;
	struct al_tenant t;

	(void)state;
	al_tenant_with_rule(&w, &t);
	al_channel(&w, &t, "inside"); /* made while the operator allowed it */
	al_copy_stop(0);
	al_private_hooks("refuse");
	al_copy_start(&w, 0);
	in.name = (char *)"x";
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct reply r;

		in.url = (char *)refused[i];
		r = al_call(&w, t.admin, NULL, OBSERVABILITY_CREATE_ALERT_CHANNEL, &in);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, "url");
	}
	al_fire(&w, &t);
	al_delivered(&w, t.id);
	log = deliveries(&t, 0);
	assert_int_equal(log->n_deliveries, 1);
	assert_string_equal(log->deliveries[0]->reason,
			    "the receiver's address is not a public one");
	assert_int_equal(hooks_count("/inside"), 0);
	al_copy_stop(0);
	al_private_hooks("allow");
	al_copy_start(&w, 0);
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
		cmocka_unit_test_setup(test_signed, fresh),
		cmocka_unit_test_setup(test_secret_once, fresh),
		cmocka_unit_test_setup(test_again, fresh),
		cmocka_unit_test_setup(test_retry_after, fresh),
		cmocka_unit_test_setup(test_why, fresh),
		cmocka_unit_test_setup(test_nobody_there, fresh),
		cmocka_unit_test_setup(test_severity_and_deletion, fresh),
		cmocka_unit_test_setup(test_the_dead_hold_up_nobody, fresh),
		cmocka_unit_test_setup(test_a_slow_tenant_holds_up_nobody_else, fresh),
		cmocka_unit_test_setup(test_slow_tenants_hold_up_nobody_else, fresh),
		cmocka_unit_test_setup(test_a_backlog_takes_turns, fresh),
		cmocka_unit_test_setup(test_where_webhooks_may_lead, fresh),
	};
	int failed;

	al_start(&w);
	failed = cmocka_run_group_tests_name("webhooks", tests, NULL, NULL);
	al_stop(&w);
	return failed;
}
