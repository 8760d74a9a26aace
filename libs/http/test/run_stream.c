/* Answers as they come: in order, bounded in size, time and silence, and by what the sink says. */
#include "misbehaving.h"

#include <pthread.h>

struct heard {
	struct buf body;
	int heads, code;
	size_t pieces, stop_after; /* pieces; 0: never */
	bool refuse_head;
	const char *type;
	int retry_after_s;
};

static bool on_head(void *arg, const struct http_response *head)
{
	struct heard *h = arg;

	assert_int_equal(h->pieces, 0);
	assert_null(head->body);
	h->heads++;
	h->code = head->code;
	h->type = http_response_header(head, "X-Final");
	h->retry_after_s = head->retry_after_s;
	return !h->refuse_head;
}

static bool on_data(void *arg, const char *data, size_t len)
{
	struct heard *h = arg;

	assert_int_equal(h->heads, 1);
	buf_put(&h->body, data, len);
	h->pieces++;
	atomic_store(&let_go, true); /* the server may go on: it has been heard */
	return h->stop_after == 0 || h->pieces < h->stop_after;
}

static struct heard heard;
static struct http_sink sink;

static int stream_setup(void **state)
{
	buf_init(&heard.body, BIG_BODY + 1);
	sink = (struct http_sink){ .arg = &heard, .on_head = on_head, .on_data = on_data };
	return test_setup(state);
}

static int stream_teardown(void **state)
{
	(void)state;
	atomic_store(&let_go, true);
	buf_done(&heard.body);
	heard = (struct heard){ 0 };
	return 0;
}

static enum status stream(struct http_request *q)
{
	return http_stream(client, q, &sink, arena, &res, &err);
}

static void expect_stream_fault(struct http_request *q, enum http_fault want)
{
	enum status st = stream(q);

	if (res.fault != want)
		fail_msg("fault %d (%s), expected %d", (int)res.fault, err.detail, (int)want);
	assert_int_equal(st, http_fault_status(want));
	assert_null(strstr(err.detail, secret));
	assert_null(strstr(err.detail, "/path"));
}

/* The head comes once, after any 1xx, and the pieces make up the body. */
static void test_head_and_pieces(void **state)
{
	struct http_request q = secret_get("/chunked");

	(void)state;
	assert_int_equal(stream(&q), ST_OK);
	assert_string_equal(buf_str(&heard.body), "hello world");
	assert_int_equal(res.code, 200);
	assert_int_equal(res.body_len, 0);
	heard.heads = 0;
	heard.pieces = 0;
	q = secret_get("/early");
	assert_int_equal(stream(&q), ST_OK);
	assert_int_equal(heard.heads, 1);
	assert_int_equal(heard.code, 201);
	assert_string_equal(heard.type, "yes");
	assert_string_equal(buf_str(&heard.body), "hello worldok");
	heard.heads = 0;
	heard.pieces = 0;
	q = secret_get("/throttled");
	assert_int_equal(stream(&q), ST_OK);
	assert_int_equal(res.code, 429);
	assert_int_equal(heard.retry_after_s, 17);
	heard.heads = 0;
	heard.pieces = 0;
	q = secret_get("/no_content");
	assert_int_equal(stream(&q), ST_OK);
	assert_int_equal(heard.heads, 1);
	assert_int_equal(res.code, 204);
}

/* The first piece is here while the server still holds the rest. */
static void test_pieces_come_at_once(void **state)
{
	struct http_request q = secret_get("/drip");

	(void)state;
	assert_int_equal(stream(&q), ST_OK);
	assert_string_equal(buf_str(&heard.body), "firstsecond");
	assert_true(heard.pieces >= 2);
}

static void test_bounded(void **state)
{
	static const char *const paths[] = { "/big", "/big_chunks", "/packed" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct http_request q = secret_get(paths[i]);

		heard.heads = 0;
		heard.pieces = 0;
		buf_reset(&heard.body);
		q.max_body = BIG_BODY - 1;
		expect_stream_fault(&q, HTTP_FAULT_TOO_LARGE);
		assert_true(heard.body.len < BIG_BODY);
		heard.heads = 0;
		heard.pieces = 0;
		buf_reset(&heard.body);
		q.max_body = BIG_BODY;
		assert_int_equal(stream(&q), ST_OK);
		assert_int_equal(heard.body.len, BIG_BODY);
	}
}

/* What had come by then was given, and the code stays known. */
static void test_cut(void **state)
{
	static const char *const paths[] = { "/truncated", "/truncated_chunk" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct http_request q = secret_get(paths[i]);

		q.url = arena_printf(arena, "%s%s/path?token=%s", closing_base, paths[i], secret);
		heard.heads = 0;
		heard.pieces = 0;
		buf_reset(&heard.body);
		expect_stream_fault(&q, HTTP_FAULT_TRUNCATED);
		assert_string_equal(buf_str(&heard.body), "{\"half\":");
		assert_int_equal(res.code, 200);
	}
	struct http_request q = secret_get("/nothing");

	heard.heads = 0;
	heard.pieces = 0;
	q.url = arena_printf(arena, "%s/nothing", closing_base);
	expect_stream_fault(&q, HTTP_FAULT_TRUNCATED);
	assert_int_equal(heard.heads, 0);
	assert_int_equal(res.code, 0);
}

static void test_silence(void **state)
{
	struct http_request q = secret_get("/hold");

	(void)state;
	sink.first_byte_ms = 50;
	expect_stream_fault(&q, HTTP_FAULT_TIMEOUT);
	assert_int_equal(heard.heads, 0);
	atomic_store(&let_go, true);
	sink.first_byte_ms = 20000;
	sink.idle_ms = 50;
	q = secret_get("/silent");
	expect_stream_fault(&q, HTTP_FAULT_TIMEOUT);
	assert_string_equal(buf_str(&heard.body), "first");
	assert_int_equal(res.code, 200);
}

static void test_total(void **state)
{
	struct http_request q = secret_get("/silent");

	(void)state;
	q.deadline_mono_us = time_mono_us() + 200000;
	expect_stream_fault(&q, HTTP_FAULT_TIMEOUT);
	q.deadline_mono_us = time_mono_us() - 1;
	expect_stream_fault(&q, HTTP_FAULT_TIMEOUT);
	assert_int_equal(atomic_load(&requests), 1);
}

static void test_sink_says_no(void **state)
{
	struct http_request q = secret_get("/big_chunks");

	(void)state;
	heard.stop_after = 1;
	expect_stream_fault(&q, HTTP_FAULT_CANCELLED);
	assert_int_equal(heard.pieces, 1);
	heard.heads = 0;
	heard.pieces = 0;
	heard.refuse_head = true;
	q = secret_get("/echo");
	expect_stream_fault(&q, HTTP_FAULT_CANCELLED);
	assert_int_equal(heard.pieces, 0);
}

static void *cancel_after_first(void *flag)
{
	int64_t deadline = time_mono_us() + 20 * US_PER_SECOND;

	while (!atomic_load(&arrived) && time_mono_us() < deadline)
		time_sleep_us(time_mono_us() + 1000);
	atomic_store((atomic_bool *)flag, true);
	return NULL;
}

static void test_cancelled_in_silence(void **state)
{
	struct http_request q = secret_get("/hold");
	atomic_bool flag = false;
	pthread_t thread;

	(void)state;
	q.cancel = &flag;
	assert_int_equal(pthread_create(&thread, NULL, cancel_after_first, &flag), 0);
	expect_stream_fault(&q, HTTP_FAULT_CANCELLED);
	pthread_join(thread, NULL);
	assert_true(atomic_load(&arrived));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_head_and_pieces, stream_setup,
						stream_teardown),
		cmocka_unit_test_setup_teardown(test_pieces_come_at_once, stream_setup,
						stream_teardown),
		cmocka_unit_test_setup_teardown(test_bounded, stream_setup, stream_teardown),
		cmocka_unit_test_setup_teardown(test_cut, stream_setup, stream_teardown),
		cmocka_unit_test_setup_teardown(test_silence, stream_setup, stream_teardown),
		cmocka_unit_test_setup_teardown(test_total, stream_setup, stream_teardown),
		cmocka_unit_test_setup_teardown(test_sink_says_no, stream_setup, stream_teardown),
		cmocka_unit_test_setup_teardown(test_cancelled_in_silence, stream_setup,
						stream_teardown),
	};

	return cmocka_run_group_tests_name("stream", tests, group_setup, group_teardown);
}
