/*
 * Dead letters, with attribution as the consumer: a poisonous event stands alone however large its
 * batch is, keeps its envelope, is listed, handed to its consumer again and applied once, or
 * dropped. Read next: libs/svc/consumer.c, tools/pp-deploy/dlq.c.
 */
#include "component/attribution_build.h"

#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "testkit/testkit.h"
#include "json/message.h"

#include <nats/nats.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DAY1       INT32_C(20000)
#define BATCH      64 /* EVENT_BATCH_MAX: one fetch */
#define POISON_AT  37
#define STEP_MS    60000
#define PUBLISH_MS 10000
#define OUTPUT_MAX 65536
#define DURABLE    "attribution-ingest-shopify-orders-upserted"
#define TRACE      "0af7651916cd43dd8448eb211c80319c"
#define POISON     "\x0a\xff\xff\xff\xff" /* a length beyond the end */

static struct world world;
static char output[OUTPUT_MAX];
static natsConnection *observer;

/* ---- pp-deploy ---- */

static int dlq(const char *verb, const char *a, const char *b, const char *c, const char *d)
{
	const char *argv[] = { tk_bin("pp-deploy"), "dlq", verb, world.dir, a, b, c, d, NULL };

	return tk_run(argv, NULL, STEP_MS, output, sizeof(output));
}

static void must_dlq(const char *verb, const char *a, const char *b, const char *told)
{
	if (dlq(verb, a, b, NULL, NULL) != 0)
		fail_msg("dlq %s: %s", verb, output);
	assert_string_equal(output, told);
}

/* The line of the event in the list, as a number of words; NULL when it is not listed. */
static char **listed(const char *event_id)
{
	char **word = arena_array(world.arena, 9, sizeof(*word)), *lines, *save = NULL;
	char **found = NULL;

	assert_int_equal(dlq("list", "--service", "attribution", NULL, NULL), 0);
	lines = arena_strdup(world.arena, output);
	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *end = NULL;
		int n = 0;

		if (!strstr(line, event_id))
			continue;
		assert_null(found); /* once */
		for (char *w = strtok_r(line, "\t", &end); w && n < 8;
		     w = strtok_r(NULL, "\t", &end))
			word[n++] = w;
		assert_int_equal(n, 8);
		found = word;
	}
	return found;
}

static int64_t letters(void)
{
	int64_t n = 0;

	assert_int_equal(dlq("list", NULL, NULL, NULL, NULL), 0);
	for (const char *p = output; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

/* ---- events ---- */

struct bytes {
	uint8_t *data;
	size_t len;
};

static struct bytes page(const struct at_tenant *t, const char *run, const char *order_id)
{
	const struct at_order o = { .order_id = order_id,
				    .version = 1,
				    .processed_us = AT_NOON(DAY1),
				    .day = DAY1,
				    .currency = "GBP",
				    .gross = AT_UNIT };
	struct bytes b;

	INVARIANT(message_pack(world.arena, &at_orders_message(&world, t, run, &o, 1)->base,
			       &b.data, &b.len) == ST_OK);
	return b;
}

static const char *new_id(void)
{
	char uuid[UUID_TEXT];

	uuid_v7(uuid);
	return arena_printf(world.arena, "ingest-shopify:%s", uuid);
}

/* An event of ingest-shopify with every header of the envelope, and two more (NULL: none). */
static struct bus_event event(const struct at_tenant *t, const char *id, struct bytes b,
			      const char *event_id, const char *consumer)
{
	struct bus_header *h = arena_array(world.arena, 7, sizeof(*h));

	h[0] = (struct bus_header){ "Pp-Tenant", t->id };
	h[1] = (struct bus_header){ "Pp-Actor", "service:ingest-shopify" };
	h[2] = (struct bus_header){ "Pp-Time", "1700000000000000" };
	h[3] = (struct bus_header){ "Pp-Schema", "1" };
	h[4] = (struct bus_header){ "traceparent", "00-" TRACE "-b7ad6b7169203331-01" };
	h[5] = (struct bus_header){ "Pp-Event-Id", event_id };
	h[6] = (struct bus_header){ "Pp-Consumer", consumer };
	return (struct bus_event){ .subject = arena_printf(
					   world.arena, "pp.evt.%s.ingest-shopify.orders.upserted",
					   t->id),
				   .id = id,
				   .headers = h,
				   .n_headers = 7,
				   .data = b.data,
				   .len = b.len };
}

static void send(const struct bus_event *events, size_t n)
{
	uint64_t seq[BATCH] = { 0 };

	INVARIANT(n <= BATCH);
	assert_int_equal(
		bus_js_publish(world_bus(&world, "ingest-shopify"), events, n, PUBLISH_MS, seq),
		ST_OK);
}

static void send_one(struct bus_event e)
{
	send(&e, 1);
}

/* ---- what attribution holds ---- */

static int64_t orders(const struct at_tenant *t)
{
	return world_sql_int(
		&world, "SELECT count(*) FROM attribution.orders WHERE tenant_id = '%s'", t->id);
}

static int64_t in_inbox(const char *event_id)
{
	return world_sql_int(&world, "SELECT count(*) FROM attribution.inbox WHERE event_id = '%s'",
			     event_id);
}

static void until_in_inbox(const char *event_id)
{
	world_sql_reach(&world, 1, "SELECT count(*) FROM attribution.inbox WHERE event_id = '%s'",
			event_id);
}

/* Counts each page that was applied, whatever its rows' versions are. */
static int64_t pages_seen(const struct at_tenant *t, const char *run)
{
	return world_sql_int(&world,
			     "SELECT coalesce(sum(pages_seen), 0) FROM attribution.run_progress"
			     " WHERE tenant_id = '%s' AND run_id = '%s'",
			     t->id, run);
}

/*
 * Holds up the consumer while what comes next gathers in its stream: it waits with one event for
 * the inbox that we have locked.
 */
static PGconn *hold(const struct at_tenant *t)
{
	PGconn *c = PQconnectdb(world.pg);
	const char *id = new_id();

	INVARIANT(PQstatus(c) == CONNECTION_OK);
	PQclear(PQexec(c, "BEGIN; LOCK TABLE attribution.inbox IN ACCESS EXCLUSIVE MODE"));
	send_one(event(t, id, page(t, "", "held"), NULL, NULL));
	world_sql_reach(&world, 1,
			"SELECT count(*) FROM pg_locks WHERE NOT granted"
			" AND relation = 'attribution.inbox'::regclass");
	return c;
}

static void let_go(PGconn *c)
{
	PQclear(PQexec(c, "COMMIT"));
	PQfinish(c);
}

/* Refuses the tenant's orders with an error that is the row's fault. */
static void forbid(const struct at_tenant *t)
{
	world_sql(
		&world,
		"CREATE FUNCTION attribution.forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		" IF NEW.tenant_id = '%s' THEN RAISE EXCEPTION 'forbidden' USING ERRCODE = '22023';"
		" END IF; RETURN NEW; END $$",
		t->id);
	world_sql(&world, "CREATE TRIGGER forbid BEFORE INSERT ON attribution.orders"
			  " FOR EACH ROW EXECUTE FUNCTION attribution.forbid()");
}

static void permit(void)
{
	world_sql(&world, "DROP TRIGGER forbid ON attribution.orders");
	world_sql(&world, "DROP FUNCTION attribution.forbid()");
}

static void begin(struct at_tenant *t)
{
	world_fresh(&world);
	at_tenant(&world, t, "GBP");
}

/* ---- tests ---- */

/* 64 events in one batch: the halves without the poison are one transaction each, and commit. */
static void test_the_poison_stands_alone(void **state)
{
	struct bus_event events[BATCH];
	const char *ids[BATCH];
	struct at_tenant t;
	char **line;
	PGconn *held;
	int64_t before = at_dead_letters(&world);

	(void)state;
	begin(&t);
	for (int i = 0; i < BATCH; i++) {
		const char *order = arena_printf(world.arena, "order-%d", i);

		ids[i] = new_id();
		events[i] = event(&t, ids[i], page(&t, "run-1", order), NULL, NULL);
	}
	events[POISON_AT].data = POISON;
	events[POISON_AT].len = sizeof(POISON) - 1;
	held = hold(&t);
	send(events, BATCH);
	let_go(held);
	at_until_dead_letters(&world, before + 1);
	world_sql_reach(&world, BATCH,
			"SELECT count(*) FROM attribution.orders WHERE tenant_id = '%s'",
			t.id); /* 63, and the one that held */
	assert_int_equal(pages_seen(&t, "run-1"), BATCH - 1);
	for (int i = 0; i < BATCH; i++)
		assert_int_equal(in_inbox(ids[i]), i != POISON_AT);
	/* 32, 16, 8, 4, 2 and 1 of them, after the one that held: halved six times. */
	assert_int_equal(world_sql_int(&world,
				       "SELECT count(DISTINCT xmin::text) FROM attribution.inbox"
				       " WHERE tenant_id = '%s' AND consumer = '" DURABLE "'",
				       t.id),
			 6 + 1);
	line = listed(ids[POISON_AT]);
	assert_non_null(line);
	assert_string_equal(line[2], "attribution");
	assert_string_equal(line[3], DURABLE);
	assert_string_equal(line[4], t.id);
	assert_string_equal(line[5], ids[POISON_AT]);
	assert_string_equal(line[6], "5");
	assert_string_equal(line[7], "invalid:  is not a orders.upserted message");
	assert_int_equal(letters(), 1);
	assert_int_equal(at_dead_letters(&world), before + 1);
}

/* The poison of the test before: fails again, is another letter of the same event, and goes. */
static void test_poison_comes_back_until_it_is_dropped(void **state)
{
	int64_t before = at_dead_letters(&world);
	char **line, *id;
	const char *first;

	(void)state;
	world_fresh(&world);
	line = listed("ingest-shopify:");
	assert_non_null(line);
	first = line[0];
	id = line[5];
	must_dlq("replay", "--seq", first, "dlq: 1 replayed\n");
	at_until_dead_letters(&world, before + 1);
	line = listed(id);
	assert_non_null(line);
	assert_string_not_equal(line[0], first);
	assert_string_equal(line[7], "invalid:  is not a orders.upserted message");
	assert_int_equal(in_inbox(id), 0);
	must_dlq("drop", "--seq", line[0], "dlq: 1 dropped\n");
	assert_null(listed(id));
	assert_int_equal(letters(), 0);
	assert_int_equal(dlq("drop", "--seq", line[0], NULL, NULL), 1);
	assert_non_null(strstr(
		output, arena_printf(world.arena, "--seq: there is no dead letter %s", line[0])));
	assert_int_equal(dlq("replay", "--seq", line[0], NULL, NULL), 1);
	must_dlq("replay", "--all", NULL, "dlq: 0 replayed\n");
	assert_int_equal(at_dead_letters(&world), before + 1);
}

static const char *header_of(natsMsg *m, const char *name)
{
	const char *value = NULL;

	assert_int_equal(natsMsgHeader_Get(m, name, &value), NATS_OK);
	return value;
}

/* The event was refused for a reason that is mended: its replay is the event, header by header. */
static void test_a_mended_event_is_applied_once(void **state)
{
	int64_t before = at_dead_letters(&world);
	natsSubscription *sub = NULL;
	struct at_tenant t;
	const char *id;
	struct bytes b;
	natsMsg *m = NULL;
	char **line;

	(void)state;
	begin(&t);
	id = new_id();
	b = page(&t, "run-1", "a");
	forbid(&t);
	send_one(event(&t, id, b, NULL, NULL));
	at_shop_done(&world, &t, "run-1", 1, AT_NOON(DAY1));
	at_until_dead_letters(&world, before + 1);
	at_settled(&world, t.id); /* the end of the run; its page is missing */
	assert_int_equal(orders(&t), 0);
	permit();
	line = listed(id);
	assert_non_null(line);
	assert_non_null(strstr(line[7], "invalid: "));
	assert_non_null(strstr(line[7], "22023"));

	INVARIANT(natsConnection_SubscribeSync(
			  &sub, observer,
			  arena_printf(world.arena, "pp.evt.%s.ingest-shopify.>", t.id)) ==
		  NATS_OK);
	INVARIANT(natsConnection_Flush(observer) == NATS_OK);
	must_dlq("replay", "--seq", line[0], "dlq: 1 replayed\n");
	assert_string_equal(at_next_update(&world, t.id),
			    arena_printf(world.arena, "%s run-1 shopify", t.brand));
	until_in_inbox(id);
	assert_int_equal(orders(&t), 1);
	assert_int_equal(pages_seen(&t, "run-1"), 1);
	assert_null(listed(id));

	assert_int_equal(natsSubscription_NextMsg(&m, sub, PUBLISH_MS), NATS_OK);
	assert_string_equal(header_of(m, "Nats-Msg-Id"),
			    arena_printf(world.arena, "replay:%s:%s", line[0], id));
	assert_string_equal(header_of(m, "Pp-Event-Id"), id);
	assert_string_equal(header_of(m, "Pp-Consumer"), DURABLE);
	assert_string_equal(header_of(m, "Pp-Tenant"), t.id);
	assert_string_equal(header_of(m, "Pp-Actor"), "service:ingest-shopify");
	assert_string_equal(header_of(m, "Pp-Time"), "1700000000000000");
	assert_string_equal(header_of(m, "Pp-Schema"), "1");
	assert_string_equal(header_of(m, "traceparent"), "00-" TRACE "-b7ad6b7169203331-01");
	assert_int_equal(natsMsg_GetDataLength(m), b.len);
	assert_memory_equal(natsMsg_GetData(m), b.data, b.len);
	natsMsg_Destroy(m);
	natsSubscription_Destroy(sub);
	/* What the event causes belongs to its trace. */
	assert_int_equal(
		world_sql_int(&world,
			      "SELECT count(*) FROM attribution.outbox WHERE tenant_id = '%s'"
			      " AND headers LIKE '%%traceparent: 00-" TRACE "-%%'",
			      t.id),
		1);
	assert_int_equal(at_dead_letters(&world), before + 1);
}

/* As after a replay whose letter could not be erased: the event under another message id. */
static void test_an_event_twice_is_applied_once(void **state)
{
	struct at_tenant t;
	struct bus_event two[2];
	const char *id, *both, *last;
	PGconn *held;

	(void)state;
	begin(&t);
	id = new_id();
	both = new_id();
	last = new_id();
	send_one(event(&t, id, page(&t, "run-1", "a"), NULL, NULL));
	until_in_inbox(id);
	send_one(event(&t, "replay:9001:a", page(&t, "run-1", "a"), id, DURABLE));
	/* And both in one batch. */
	held = hold(&t);
	two[0] = event(&t, both, page(&t, "run-1", "b"), NULL, NULL);
	two[1] = event(&t, "replay:9002:b", page(&t, "run-1", "b"), both, DURABLE);
	send(two, 2);
	let_go(held);
	until_in_inbox(both);
	send_one(event(&t, last, page(&t, "run-1", "c"), NULL, NULL));
	until_in_inbox(last);
	assert_int_equal(pages_seen(&t, "run-1"), 3);
	assert_int_equal(orders(&t), 4); /* with the one that held */
	assert_int_equal(in_inbox("replay:9001:a") + in_inbox("replay:9002:b"), 0);
}

/* A replay for one consumer of a subject leaves no trace with the others. */
static void test_a_replay_for_another_consumer_passes(void **state)
{
	struct at_tenant t;
	const char *theirs, *last;

	(void)state;
	begin(&t);
	theirs = new_id();
	last = new_id();
	send_one(event(&t, "replay:9003:x", page(&t, "run-1", "a"), theirs, "somebody-else"));
	send_one(event(&t, last, page(&t, "run-1", "b"), NULL, NULL));
	until_in_inbox(last);
	assert_int_equal(in_inbox(theirs), 0);
	assert_int_equal(orders(&t), 1);
	assert_int_equal(pages_seen(&t, "run-1"), 1);
	/* Nor is it in the way when the event itself comes. */
	send_one(event(&t, theirs, page(&t, "run-1", "a"), NULL, NULL));
	until_in_inbox(theirs);
	assert_int_equal(pages_seen(&t, "run-1"), 2);
}

/* Three that are mended and one that is not: all are tried once, the poison is a letter again. */
static void test_all_are_replayed(void **state)
{
	int64_t before = at_dead_letters(&world);
	const char *ids[3], *poison;
	struct bytes bad = { (uint8_t *)(uintptr_t)POISON, sizeof(POISON) - 1 };
	struct at_tenant t;

	(void)state;
	begin(&t);
	forbid(&t);
	for (int i = 0; i < 3; i++) {
		ids[i] = new_id();
		send_one(event(&t, ids[i],
			       page(&t, "run-1", arena_printf(world.arena, "order-%d", i)), NULL,
			       NULL));
	}
	poison = new_id();
	send_one(event(&t, poison, bad, NULL, NULL));
	at_until_dead_letters(&world, before + 4);
	permit();
	assert_int_equal(letters(), 4);
	assert_int_equal(dlq("list", "--limit", "3", NULL, NULL), 0);
	assert_non_null(strstr(output, "there may be more than 3 dead letters"));
	assert_int_equal(dlq("replay", "--all", "--service", "ingest-ads", NULL), 0);
	assert_string_equal(output, "dlq: 0 replayed\n");
	assert_int_equal(letters(), 4);
	must_dlq("replay", "--all", NULL, "dlq: 4 replayed\n");
	for (int i = 0; i < 3; i++)
		until_in_inbox(ids[i]);
	at_until_dead_letters(&world, before + 5);
	assert_int_equal(orders(&t), 3);
	assert_int_equal(pages_seen(&t, "run-1"), 3);
	assert_int_equal(letters(), 1);
	assert_non_null(listed(poison));
	must_dlq("drop", "--seq", listed(poison)[0], "dlq: 1 dropped\n");
}

static void forge(const char *durable, const char *subject, const char *event_id)
{
	const struct bus_header h[] = { { "Pp-Reason", "forged\x1b[2J" },
					{ "Pp-Subject", subject },
					{ "Pp-Event-Id", event_id } };
	const struct bus_event e = { .subject = arena_printf(world.arena, "pp.dlq.ingest-ads.%s",
							     durable),
				     .id = new_id(),
				     .headers = h,
				     .n_headers = 3,
				     .data = "x",
				     .len = 1 };
	uint64_t seq = 0;

	assert_int_equal(bus_js_publish(world_bus(&world, "ingest-ads"), &e, 1, PUBLISH_MS, &seq),
			 ST_OK);
}

/* The deploy user may publish everything; a service must not make it do so. */
static void test_forged_letters_are_refused(void **state)
{
	static const char hears[] = "ingest-ads-attribution-attribution-updated";
	static const char tenant[] = "0192f0a0-0000-7000-8000-000000000001";
	static const char *const reasons[] = {
		"stays: Pp-Subject is none that ingest-ads-attribution-attribution-updated hears\n",
		"stays: attribution-auth-brands-upserted is no consumer of ingest-ads\n",
		"stays: Pp-Event-Id is missing\n",
	};
	const char *good =
		arena_printf(world.arena, "pp.evt.%s.attribution.attribution.updated", tenant);

	(void)state;
	forge(hears, "$JS.API.STREAM.DELETE.evt-auth", "x:1");
	forge(hears, arena_printf(world.arena, "pp.evt.%s.auth.brands.upserted", tenant), "x:2");
	forge(hears, "pp.evt.*.attribution.attribution.updated", "x:3");
	forge(hears, "pp.evt.a b.attribution.attribution.updated", "x:4");
	forge(hears, arena_printf(world.arena, "%s.more", good), "x:5");
	forge("attribution-auth-brands-upserted", good, "x:6");
	forge(hears, good, NULL);
	assert_int_equal(dlq("replay", "--all", NULL, NULL, NULL), 1);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		assert_non_null(strstr(output, reasons[i]));
	assert_non_null(strstr(output, "--all: 7 dead letters were not replayed"));
	assert_int_equal(letters(), 7);
	assert_null(strchr(output, '\x1b'));
	/* The stream that the first one names is there, and nothing came into it. */
	assert_int_equal(dlq("list", "--service", "attribution", NULL, NULL), 0);
	assert_string_equal(output, "");
}

static void test_mistakes_are_named(void **state)
{
	static const struct {
		const char *verb, *a, *b, *c, *told;
		int code;
	} rows[] = {
		{ "replay", NULL, NULL, NULL, "--seq: is needed, or --all instead", 1 },
		{ "replay", "--all", "--seq", "1", "--seq: is needed, or --all instead", 1 },
		{ "drop", NULL, NULL, NULL, "--seq: is needed", 1 },
		{ "drop", "--all", NULL, NULL, "--all: goes with replay only", 1 },
		{ "list", "--seq", "1", NULL, "--seq: goes with replay and drop only", 1 },
		{ "burn", NULL, NULL, NULL, "burn: is not list, replay or drop", 1 },
		{ "list", "--service", "nobody", NULL, "nobody: is no service", 1 },
		{ "list", "--limit", "0", NULL, "usage:", 2 },
		{ "drop", "--seq", "-1", NULL, "usage:", 2 },
		{ "drop", "--seq", NULL, NULL, "usage:", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(dlq(rows[i].verb, rows[i].a, rows[i].b, rows[i].c, NULL),
				 rows[i].code);
		assert_non_null(strstr(output, rows[i].told));
	}
}

static int start(void **state)
{
	const char *argv[4] = { NULL };

	(void)state;
	at_start(&world);
	argv[0] = tk_bin("pp-deploy");
	argv[1] = "nats-url";
	argv[2] = world.dir;
	INVARIANT(tk_run(argv, NULL, STEP_MS, output, sizeof(output)) == 0);
	output[strcspn(output, "\n")] = '\0';
	INVARIANT(natsConnection_ConnectTo(&observer, output) == NATS_OK);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	natsConnection_Destroy(observer);
	at_stop(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_poison_stands_alone),
		cmocka_unit_test(test_poison_comes_back_until_it_is_dropped),
		cmocka_unit_test(test_a_mended_event_is_applied_once),
		cmocka_unit_test(test_an_event_twice_is_applied_once),
		cmocka_unit_test(test_a_replay_for_another_consumer_passes),
		cmocka_unit_test(test_all_are_replayed),
		cmocka_unit_test(test_forged_letters_are_refused),
		cmocka_unit_test(test_mistakes_are_named),
	};

	return cmocka_run_group_tests_name("svc_dlq", tests, start, stop);
}
