/*
 * One notice for each change: 10,000 changes of alerts while copies of the service are killed, and
 * two copies at once. Notices are counted where they are made, on the subjects of alerts, and at
 * the receiver of the webhooks. Read next: services/observability/evaluate.c, deliver.c.
 */
#include "component/alerts_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TENANTS   20
#define RULES     25 /* of a tenant, beside the default ones */
#define ROUNDS    20
#define CHANGES   (TENANTS * RULES * ROUNDS)
#define RULE      "over and under"
#define KILL_US   120000 /* a kill comes at most so long after a round's cause */
#define HEARD_MAX 40000
#define FIRING    OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_FIRING
#define FINE      OBSERVABILITY__V1__RULE_CONDITION__RULE_CONDITION_OK

static struct world w;
static struct al_tenant tenants[TENANTS];
static unsigned short seed[3] = { 11, 22, 33 };
static int kills;

/* ---- what is heard on pp.alert.> ---- */

static pthread_mutex_t heard_lock = PTHREAD_MUTEX_INITIALIZER;
static char (*heard)[UUID_TEXT]; /* notice ids; under the lock */
static int n_heard;

/* pp.alert.<tenant>.<severity>.<rule>, so that others can subscribe to what they care for. */
static void check_subject(struct arena *a, const char *subject, Observability__V1__Severity s,
			  const char *rule_id)
{
	static const char prefix[] = "pp.alert.";
	const char *word = enum_word(a, &observability__v1__severity__descriptor, (int)s);
	const char *tenant = subject + sizeof(prefix) - 1;

	INVARIANT(strncmp(subject, prefix, sizeof(prefix) - 1) == 0 && word);
	INVARIANT(uuid_valid(arena_strndup(a, tenant, UUID_TEXT - 1)) && uuid_valid(rule_id));
	INVARIANT(strcmp(tenant + UUID_TEXT - 1, arena_printf(a, ".%s.%s", word, rule_id)) == 0);
}

static void check_message(struct arena *a, const char *subject, const ProtobufCMessage *m)
{
	if (m->descriptor == &observability__v1__alert_fired__descriptor) {
		const Observability__V1__AlertFired *f = (const void *)m;

		check_subject(a, subject, f->severity, f->rule_id);
		INVARIANT(f->value && f->threshold && *f->text && f->at && f->version > 0);
	} else {
		const Observability__V1__AlertResolved *r = (const void *)m;

		check_subject(a, subject, r->severity, r->rule_id);
		INVARIANT(*r->text && r->at && r->version > 0);
	}
}

static void hear(void *arg, const struct bus_msg *m)
{
	struct arena *a = arena_new(65536);
	ProtobufCMessage *message = NULL;
	size_t len;
	const void *data = bus_msg_data(m, &len);

	(void)arg;
	/* Both begin with the notice's id; a resolved one is no fired one, for its text stands
	 * elsewhere. */
	INVARIANT(a != NULL);
	if (message_unpack(a, &observability__v1__alert_fired__descriptor, data, len, BUS_EVENT_MAX,
			   &message) != ST_OK)
		INVARIANT(message_unpack(a, &observability__v1__alert_resolved__descriptor, data,
					 len, BUS_EVENT_MAX, &message) == ST_OK);
	check_message(a, bus_msg_subject(m), message);
	pthread_mutex_lock(&heard_lock);
	INVARIANT(n_heard < HEARD_MAX);
	snprintf(heard[n_heard++], UUID_TEXT, "%s", message_string_field(message, "notice_id"));
	pthread_mutex_unlock(&heard_lock);
	arena_free(a);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int heard_distinct(void)
{
	int n = 0;

	pthread_mutex_lock(&heard_lock);
	qsort(heard, (size_t)n_heard, UUID_TEXT, by_text);
	for (int i = 0; i < n_heard; i++)
		n += i == 0 || strcmp(heard[i - 1], heard[i]) != 0;
	pthread_mutex_unlock(&heard_lock);
	return n;
}

static bool heard_enough(void *arg)
{
	return heard_distinct() >= *(const int *)arg;
}

/* ---- rounds ---- */

static void make_tenants(void)
{
	for (int t = 0; t < TENANTS; t++) {
		char name[32];

		al_tenant(&w, &tenants[t]);
		/* Its own rules only: the default ones see the same requests. */
		world_sql(&w,
			  "UPDATE observability.alert_rules SET enabled = false WHERE tenant_id = "
			  "'%s'",
			  tenants[t].id);
		for (int r = 0; r < RULES; r++)
			al_error_rule(&w, &tenants[t], RULE, 50, 50, 0);
		snprintf(name, sizeof(name), "tenant-%d", t);
		al_channel(&w, &tenants[t], name);
	}
}

/* One more request of each tenant: 1 of 1, 1 of 2, 2 of 3, 2 of 4 ... have failed. */
static void cause(int round)
{
	const char *ids[TENANTS];

	for (int t = 0; t < TENANTS; t++)
		ids[t] = tenants[t].id;
	al_requests_of(&w, ids, TENANTS, round % 2, 1 - round % 2);
}

static void until_all(int round)
{
	world_sql_reach(&w, TENANTS * RULES,
			"SELECT count(*) FROM observability.alert_rules WHERE name = '" RULE
			"' AND condition = %d",
			round % 2 == 0 ? FIRING : FINE);
}

static void kill_some(int round)
{
	time_sleep_us(time_mono_us() + nrand48(seed) % KILL_US);
	for (int i = 0; i < AL_COPIES; i++) {
		if (round % 4 != 3 && i != round % AL_COPIES)
			continue; /* every fourth round both, else one of them */
		al_copy_kill(i);
		kills++;
	}
	for (int i = 0; i < AL_COPIES; i++)
		if (!al_copy_runs(i))
			al_copy_start(&w, i);
}

static void check_all(int64_t begun)
{
	int64_t changes = al_check_changes(&w, "");
	int want = CHANGES;

	assert_int_equal(changes, CHANGES);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM observability.alerts WHERE "
					   "resolved_at IS NULL"),
			 0);
	al_delivered(&w, "");
	assert_int_equal(world_sql_int(&w, "SELECT count(DISTINCT notice_id) FROM "
					   "observability.alert_deliveries WHERE state = 2"),
			 CHANGES);
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM observability.alert_deliveries"),
			 CHANGES);
	assert_int_equal(hooks_distinct(), CHANGES);
	tk_wait_until(heard_enough, &want, WORLD_LIMIT_MS);
	assert_int_equal(heard_distinct(), CHANGES);
	printf("# %d changes, %d kills, %.1f s: %d distinct notices heard (%d messages), %d "
	       "distinct "
	       "webhooks (%d requests)\n",
	       CHANGES, kills, (double)(time_mono_us() - begun) / 1e6, heard_distinct(), n_heard,
	       hooks_distinct(), hooks_count(NULL));
}

/* What a rule was told of last. */
struct told {
	char rule_id[UUID_TEXT], notice_id[UUID_TEXT];
	bool fired;
	int changes;
};

static struct told *told_of(struct told *list, int *n, const char *body)
{
	static const char mark[] = "\"rule_id\":\"";
	const char *id = strstr(body, mark);
	int i = 0;

	assert_non_null(id);
	id += sizeof(mark) - 1;
	while (i < *n && strncmp(list[i].rule_id, id, UUID_TEXT - 1) != 0)
		i++;
	assert_true(i < RULES);
	if (i == *n) {
		list[(*n)++] = (struct told){ .fired = false };
		snprintf(list[i].rule_id, UUID_TEXT, "%.36s", id);
	}
	return &list[i];
}

/* At the receiver a rule's changes come in their order, fired and resolved in turn; what comes
 * twice is the same notice, before the next one of its rule. */
static void check_order(void)
{
	for (int t = 0; t < TENANTS; t++) {
		struct told list[RULES];
		char path[32];
		int n = 0, requests;

		snprintf(path, sizeof(path), "/tenant-%d", t);
		requests = hooks_count(path);
		for (int i = 0; i < requests; i++) {
			const struct hook *h = hooks_get(path, i);
			struct told *rule = told_of(list, &n, h->body);
			bool fired = strstr(h->body, "\"change\":\"fired\"") != NULL;

			if (strcmp(h->notice_id, rule->notice_id) == 0)
				continue;
			snprintf(rule->notice_id, UUID_TEXT, "%.36s", h->notice_id);
			assert_int_not_equal(fired, rule->fired);
			rule->fired = fired;
			rule->changes++;
		}
		assert_int_equal(n, RULES);
		for (int i = 0; i < n; i++)
			assert_int_equal(list[i].changes, ROUNDS);
	}
}

static void test_exactly_one_notice(void **state)
{
	const int64_t begun = time_mono_us();

	(void)state;
	make_tenants();
	al_copy_start(&w, 1);
	for (int round = 0; round < ROUNDS; round++) {
		cause(round);
		kill_some(round);
		until_all(round);
	}
	assert_true(kills >= 10);
	check_all(begun);
	check_order();
}

/* Both copies look for work at the same time, nothing is killed. */
static void test_two_copies(void **state)
{
	const int64_t before =
		world_sql_int(&w, "SELECT count(*) FROM observability.alert_changes");

	(void)state;
	for (int round = ROUNDS; round < ROUNDS + 4; round++) {
		cause(round);
		until_all(round);
	}
	assert_int_equal(al_check_changes(&w, ""), before + 4 * TENANTS * RULES);
	al_delivered(&w, "");
	assert_int_equal(hooks_distinct(), CHANGES + 4 * TENANTS * RULES);
}

static struct bus *bus_as_deploy(void)
{
	static const char mark[] = "# deploy\n      nkey: ";
	struct bus_config cfg = { .url = tk_nats_url(w.nats),
				  .name = "deploy",
				  .inbox_prefix = "_INBOX_deploy" };
	const char *text = world_deploy(&w, "nats-conf", w.dir, "/tmp/unused", "4222");
	struct bus *bus = NULL;
	struct error err = { 0 };
	const char *at;

	at = strstr(text, mark);
	INVARIANT(at != NULL);
	at += strlen(mark);
	cfg.user = arena_strndup(w.arena, at, strcspn(at, "\n"));
	cfg.seed_file = arena_printf(w.arena, "%s/nats/deploy.seed", w.dir);
	INVARIANT(bus_open(&bus, &cfg, &err) == ST_OK);
	return bus;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exactly_one_notice),
		cmocka_unit_test(test_two_copies),
	};
	struct bus_sub *sub = NULL;
	struct bus *deploy;
	int failed;

	heard = calloc(HEARD_MAX, UUID_TEXT);
	INVARIANT(heard != NULL);
	al_start(&w);
	deploy = bus_as_deploy();
	INVARIANT(bus_subscribe(deploy, "pp.alert.>", hear, NULL, &sub) == ST_OK);
	failed = cmocka_run_group_tests_name("one notice", tests, NULL, NULL);
	bus_unsubscribe(sub);
	bus_close(deploy, 1000);
	al_stop(&w);
	free(heard);
	return failed;
}
