/*
 * Names on the bus, without a server: subjects, stream ids, inbox subjects, and the reply subjects
 * of JetStream in the forms of older and newer servers.
 */
#include "bus/bus_priv.h"

/* For its static ack_parse. */
#include "bus/consumer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_subjects(void **state)
{
	static const struct {
		const char *subject;
		bool plain, wild;
	} row[] = {
		{ "a", true, true },
		{ "pp.rpc.auth.list_brands", true, true },
		{ "$JS.API.STREAM.MSG.GET.evt-auth", true, true },
		{ "a.*.b", false, true },
		{ "a.>", false, true },
		{ "", false, false },
		{ ".", false, false },
		{ ".a", false, false },
		{ "a.", false, false },
		{ "a..b", false, false },
		{ "a b", false, false },
		{ "a\tb", false, false },
		{ "a\r\nPUB b 0\r\n", false, false },
		{ "a.\x01", false, false },
		{ "caf\xc3\xa9", false, false },
	};
	char longest[BUS_SUBJECT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(bus_subject_valid(row[i].subject, false), row[i].plain);
		assert_int_equal(bus_subject_valid(row[i].subject, true), row[i].wild);
	}
	assert_false(bus_subject_valid(NULL, true));
	memset(longest, 'a', sizeof(longest));
	longest[BUS_SUBJECT_MAX] = '\0';
	assert_false(bus_subject_valid(longest, false));
	longest[BUS_SUBJECT_MAX - 1] = '\0';
	assert_true(bus_subject_valid(longest, false));
}

static void test_stream_ids(void **state)
{
	static const char *const bad[] = {
		"",    "-",    "1",     "1-",           "-1",           "1-x",
		"x-1", "+1-1", "1-2-3", "1-4294967296", "4294967296-1", "12345678901234-1"
	};
	uint32_t slot = 7, serial = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(bus_id_parse(bad[i], &slot, &serial));
	assert_int_equal(slot, 7);
	assert_int_equal(serial, 7);
	assert_true(bus_id_parse("255-4294967295", &slot, &serial));
	assert_int_equal(slot, 255);
	assert_int_equal(serial, UINT32_MAX);
}

static void test_inbox_subjects(void **state)
{
	struct inbox in = { .base = "_INBOX_auth.00ff.a3", .use = 41 }, later = in;
	char subject[BUS_SUBJECT_MAX];
	size_t index = 9;

	(void)state;
	later.use++;
	inbox_subject(&in, 255, subject);
	assert_true(inbox_index(&in, subject, &index));
	assert_int_equal(index, 255);
	/* What comes late for an earlier use is not this one's. */
	assert_false(inbox_index(&later, subject, &index));
	assert_false(inbox_index(&in, "_INBOX_auth.00ff.a3.41", &index));
	assert_false(inbox_index(&in, "_INBOX_auth.00ff.a3.41-", &index));
	assert_false(inbox_index(&in, "_INBOX_auth.00ff.a3.41-x", &index));
	assert_false(inbox_index(&in, "_INBOX_auth.00ff.a3.x-1", &index));
	assert_false(inbox_index(&in, "_INBOX_auth.00ff.a31.41-1", &index));
	assert_false(inbox_index(&in, "t.orders.upserted", &index));
	assert_int_equal(index, 255);
}

static void test_reply_subjects_of_jetstream(void **state)
{
	static const struct {
		const char *reply;
		uint64_t deliveries, sequence; /* 0: refused */
	} row[] = {
		{ "$JS.ACK.evt.c1.3.1024.77.1795225082393476776.5", 3, 1024 },
		{ "$JS.ACK.evt.c1.1.1.1.1795225082393476776.0", 1, 1 },
		{ "$JS.ACK._.ACCHASH.evt.c1.3.1024.77.1795225082393476776.5", 3, 1024 },
		{ "$JS.ACK.hub.ACCHASH.evt.c1.2.9.77.1795225082393476776.5.rAnDoM", 2, 9 },
		{ "$JS.ACK.evt.c1.3.1024.77.1795225082393476776", 0, 0 },
		{ "$JS.ACK.a.evt.c1.3.1024.77.1795225082393476776.5", 0, 0 },
		{ "$JS.ACK.a.b.c.d.e.f.g.h.i.j.k", 0, 0 },
		{ "$JS.ACK.evt.c1.x.1024.77.1795225082393476776.5", 0, 0 },
		{ "$JS.ACK.evt.c1.0.1024.77.1795225082393476776.5", 0, 0 },
		{ "$JS.ACK.evt.c1.1.99999999999999999999.77.1.5", 0, 0 },
		{ "$JS.ACK.", 0, 0 },
		{ "_INBOX.abc.1", 0, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ack_fields f = { 0, 0 };

		assert_int_equal(ack_parse(row[i].reply, &f), row[i].sequence != 0);
		assert_int_equal(f.deliveries, row[i].deliveries);
		assert_int_equal(f.sequence, row[i].sequence);
	}
	assert_false(ack_parse(NULL, &(struct ack_fields){ 0, 0 }));
}

static void test_every_failure_of_cnats_has_a_status(void **state)
{
	(void)state;
	assert_int_equal(bus_status_of(NATS_OK), ST_OK);
	assert_int_equal(bus_status_of(NATS_TIMEOUT), ST_TIMEOUT);
	assert_int_equal(bus_status_of(NATS_NO_RESPONDERS), ST_UNAVAILABLE);
	assert_int_equal(bus_status_of(NATS_CONNECTION_DISCONNECTED), ST_UNAVAILABLE);
	assert_int_equal(bus_status_of(NATS_MAX_PAYLOAD), ST_TOO_LARGE);
	/* None of them is taken for success. */
	for (int s = NATS_OK + 1; s <= NATS_MISSED_HEARTBEAT; s++)
		assert_int_not_equal(bus_status_of((natsStatus)s), ST_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_stream_ids),
		cmocka_unit_test(test_inbox_subjects),
		cmocka_unit_test(test_reply_subjects_of_jetstream),
		cmocka_unit_test(test_every_failure_of_cnats_has_a_status),
	};

	return cmocka_run_group_tests_name("bus_names", tests, NULL, NULL);
}
