/*
 * Turns against a server that answers from a script: what is tried again and what is not, with
 * whose advice, what each attempt is told to cost, and that no secret gets into an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/timeutil.h"
#include "model.h"
#include "model_streams.h"

#include <civetweb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define ARENA_MAX  (16 * 1024 * 1024)
#define KEY        "sk-ant-s3cret"
#define SCRIPT_MAX 4
#define SSE        "200 OK\r\nContent-Type: text/event-stream\r\nrequest-id: req_1\r\n"
#define JSON(code) code "\r\nContent-Type: application/json\r\n"
#define BODY(type) "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"s3cret\"}}"
#define USED_UP                                                                             \
	START EV("message_delta", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":" \
				  "\"end_turn\"},\"usage\":{\"output_tokens\":9}}")

#define UNREADABLE(input)                                                                         \
	EV("message_start",                                                                       \
	   "{\"type\":\"message_start\",\"message\":{\"usage\":{" input "\"output_tokens\":1}}}") \
	HELLO STOP("end_turn")

struct step {
	const char *head, *body; /* the status and headers; "" closes without a word */
};

static struct mg_context *server;
static struct arena *arena;
static struct model_client *client;
static const struct step *script;
static atomic_int served;
static char base[64];

struct heard {
	int reports, partial, unknown;
	int64_t output;
	size_t text;
};

static int serve(struct mg_connection *c, void *arg)
{
	const struct step *s = &script[atomic_fetch_add(&served, 1)];
	static const struct step refused = { JSON("418 Teapot"), "" };
	const char *key = mg_get_header(c, "x-api-key");
	const char *version = mg_get_header(c, "anthropic-version");
	char body[4096];

	(void)arg;
	while (mg_read(c, body, sizeof(body)) > 0)
		continue;
	if (key == NULL || strcmp(key, KEY) != 0 || version == NULL)
		s = &refused;
	if (s->head[0] != '\0')
		mg_printf(c, "HTTP/1.1 %sContent-Length: %zu\r\nConnection: close\r\n\r\n", s->head,
			  strlen(s->body));
	mg_write(c, s->body, strlen(s->body));
	mg_disable_connection_keep_alive(c);
	return 200;
}

static void on_text(void *arg, const char *text, size_t len)
{
	(void)text;
	((struct heard *)arg)->text += len;
}

static void on_usage(void *arg, const struct model_spent *spent)
{
	struct heard *h = arg;

	h->reports += spent->usage->known;
	h->unknown += !spent->usage->known;
	assert_int_equal(spent->attempt, atomic_load(&served));
	h->partial += spent->usage->partial;
	h->output += spent->usage->known ? spent->usage->output : 0;
}

static const struct row {
	struct step steps[SCRIPT_MAX];
	int requests;
	enum model_fault fault;
	int reports, partial;
	int64_t output;
} rows[] = {
	{ { { SSE, STREAM_HELLO } }, 1, MODEL_FAULT_NONE, 1, 0, 106 },
	{ { { "", "" }, { SSE, STREAM_HELLO } }, 2, MODEL_FAULT_NONE, 1, 0, 106 },
	{ { { "", "" }, { "", "" } }, 2, MODEL_FAULT_TRUNCATED, 0, 0, 0 },
	/* Nothing was handed on: again, and both are on the bill. */
	{ { { SSE, START PING }, { SSE, STREAM_HELLO } }, 2, MODEL_FAULT_NONE, 2, 1, 111 },
	{ { { SSE, START ERROR_EVENT("overloaded_error") }, { SSE, STREAM_HELLO } },
	  2,
	  MODEL_FAULT_NONE,
	  2,
	  1,
	  111 },
	{ { { SSE, START ERROR_EVENT("invalid_request_error") } },
	  1,
	  MODEL_FAULT_REQUEST,
	  1,
	  1,
	  5 },
	/* Text was handed on, or the whole price was told. */
	{ { { SSE, START TEXT_BLOCK(0) TEXT(0, "a") } }, 1, MODEL_FAULT_TRUNCATED, 1, 1, 5 },
	{ { { SSE, USED_UP } }, 1, MODEL_FAULT_TRUNCATED, 1, 0, 9 },
	{ { { SSE, START "data: {\n\n" STOP("end_turn") } }, 1, MODEL_FAULT_ANSWER, 1, 0, 106 },
	/* Codes. */
	{ { { JSON("400 Bad"), BODY("invalid_request_error") } }, 1, MODEL_FAULT_REQUEST, 0, 0, 0 },
	{ { { JSON("401 No"), BODY("authentication_error") } }, 1, MODEL_FAULT_KEY, 0, 0, 0 },
	{ { { JSON("402 Pay"), BODY("billing_error") } }, 1, MODEL_FAULT_CREDIT, 0, 0, 0 },
	{ { { JSON("403 No"), BODY("permission_error") } }, 1, MODEL_FAULT_KEY, 0, 0, 0 },
	{ { { JSON("404 No"), BODY("not_found_error") } }, 1, MODEL_FAULT_REQUEST, 0, 0, 0 },
	{ { { JSON("413 Big"), BODY("request_too_large") } }, 1, MODEL_FAULT_REQUEST, 0, 0, 0 },
	{ { { JSON("408 Slow"), "" }, { SSE, STREAM_HELLO } }, 2, MODEL_FAULT_NONE, 1, 0, 106 },
	{ { { JSON("409 Conflict"), "" }, { SSE, STREAM_HELLO } }, 2, MODEL_FAULT_NONE, 1, 0, 106 },
	{ { { JSON("500 Oh"), BODY("api_error") }, { JSON("504 Oh"), BODY("timeout_error") } },
	  2,
	  MODEL_FAULT_PROVIDER,
	  0,
	  0,
	  0 },
	{ { { JSON("529 Overloaded"), BODY("overloaded_error") }, { JSON("529 Overloaded"), "" } },
	  2,
	  MODEL_FAULT_OVERLOADED,
	  0,
	  0,
	  0 },
	{ { { "502 Bad\r\nContent-Type: text/html\r\n", "<html>s3cret</html>" },
	    { SSE, STREAM_HELLO } },
	  2,
	  MODEL_FAULT_NONE,
	  1,
	  0,
	  106 },
	/* Advice. */
	{ { { JSON("429 Wait") "retry-after-ms: 20\r\n", BODY("rate_limit_error") },
	    { SSE, STREAM_HELLO } },
	  2,
	  MODEL_FAULT_NONE,
	  1,
	  0,
	  106 },
	{ { { JSON("429 Wait") "retry-after: 0.05\r\n", "" }, { SSE, STREAM_HELLO } },
	  2,
	  MODEL_FAULT_NONE,
	  1,
	  0,
	  106 },
	{ { { JSON("429 Wait") "retry-after: 61\r\n", "" } }, 1, MODEL_FAULT_RATE, 0, 0, 0 },
	{ { { JSON("429 Wait") "x-should-retry: false\r\n", "" } }, 1, MODEL_FAULT_RATE, 0, 0, 0 },
	{ { { JSON("400 Bad") "x-should-retry: true\r\n", "" }, { SSE, STREAM_HELLO } },
	  2,
	  MODEL_FAULT_NONE,
	  1,
	  0,
	  106 },
	/* No stream, but a message that came whole was billed. */
	{ { { JSON("200 OK"), "{\"type\":\"message\",\"usage\":{\"input_tokens\":3,"
			      "\"output_tokens\":4}}" } },
	  1,
	  MODEL_FAULT_ANSWER,
	  1,
	  0,
	  4 },
	{ { { JSON("302 Found") "Location: /x\r\n", "" } }, 1, MODEL_FAULT_ANSWER, 0, 0, 0 },
};

/* What began and did not say what it read may have used anything; what was refused has not. */
static const struct doubtful {
	struct row row;
	int unknown; /* attempts of which nobody can say what they used */
} doubtful[] = {
	{ { { { SSE, UNREADABLE("\"input_tokens\":-5,") } }, 1, MODEL_FAULT_ANSWER, 0, 0, 0 }, 1 },
	{ { { { SSE, UNREADABLE("\"input_tokens\":4611686018427387904,") } },
	    1,
	    MODEL_FAULT_ANSWER,
	    0,
	    0,
	    0 },
	  1 },
	{ { { { SSE, UNREADABLE("") } }, 1, MODEL_FAULT_NONE, 0, 0, 0 }, 1 },
	{ { { { SSE, "" }, { SSE, STREAM_HELLO } }, 2, MODEL_FAULT_NONE, 1, 0, 106 }, 1 },
	{ { { { SSE, PING }, { SSE, PING } }, 2, MODEL_FAULT_TRUNCATED, 0, 0, 0 }, 2 },
	{ { { { JSON("200 OK"), "{\"type\":\"message\",\"usage\":{\"input_tokens\":-5}}" } },
	    1,
	    MODEL_FAULT_ANSWER,
	    0,
	    0,
	    0 },
	  1 },
	{ { { { "200 OK\r\nContent-Type: text/html\r\n", "<html>hello</html>" } },
	    1,
	    MODEL_FAULT_ANSWER,
	    0,
	    0,
	    0 },
	  1 },
	{ { { { SSE, ERROR_EVENT("overloaded_error") }, { SSE, STREAM_HELLO } },
	    2,
	    MODEL_FAULT_NONE,
	    1,
	    0,
	    106 },
	  0 },
};

static struct conversation *talk(void)
{
	struct conversation *c = conversation_new(arena, "words", CONVERSATION_TTL_5M);

	assert_int_equal(conversation_add_user(c, "q", NULL), ST_OK);
	return c;
}

static void run_row(const struct row *row, size_t i, int unknown)
{
	struct heard heard = { 0 };
	const struct model_turn turn = { .talk = talk(), .events = { &heard, on_text, on_usage } };
	struct error err = { 0 };
	struct model_reply r;
	enum status st;

	atomic_store(&served, 0);
	script = row->steps;
	st = model_send(client, &turn, arena, &r, &err);
	if (r.fault != row->fault || atomic_load(&served) != row->requests)
		fail_msg("row %zu: fault %d, %d requests: %s", i, (int)r.fault,
			 atomic_load(&served), err.detail);
	assert_int_equal(st == ST_OK, r.fault == MODEL_FAULT_NONE);
	assert_int_equal(st, err.status * (st != ST_OK));
	assert_int_equal(r.attempts, row->requests);
	assert_int_equal(heard.reports, row->reports);
	assert_int_equal(heard.partial, row->partial);
	assert_int_equal(heard.unknown, unknown);
	assert_int_equal(heard.output, row->output);
	assert_int_equal(r.text_given, heard.text > 0);
	assert_int_equal(heard.text, r.text_len);
	assert_null(strstr(err.detail, "s3cret"));
}

static void test_script(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i], i, 0);
}

static void test_doubtful(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++)
		run_row(&doubtful[i].row, i, doubtful[i].unknown);
}

/* A wait that would pass the deadline is not begun. */
static void test_no_time_to_wait(void **state)
{
	static const struct step steps[] = { { JSON("429 Wait") "retry-after: 50\r\n", "" } };
	const struct model_turn turn = { .talk = talk(),
					 .deadline_mono_us = time_mono_us() + 20 * US_PER_SECOND };
	struct error err = { 0 };
	struct model_reply r;

	(void)state;
	atomic_store(&served, 0);
	script = steps;
	assert_int_equal(model_send(client, &turn, arena, &r, &err), ST_LIMITED);
	assert_int_equal(atomic_load(&served), 1);
	assert_int_equal(err.retry_after_s, 50);
}

/* What cannot be sent is not sent. */
static void test_not_sent(void **state)
{
	struct conversation *c = talk();
	const char *use = "[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{}}]";
	const struct model_turn turn = { .talk = c };
	struct error err = { 0 };
	struct model_reply r;

	(void)state;
	atomic_store(&served, 0);
	assert_int_equal(conversation_add_assistant(c, use, strlen(use), NULL), ST_OK);
	assert_int_equal(model_send(client, &turn, arena, &r, &err), ST_INTERNAL);
	assert_int_equal(r.fault, MODEL_FAULT_REQUEST);
	assert_int_equal(r.attempts, 0);
	assert_int_equal(atomic_load(&served), 0);
	assert_int_equal(conversation_add_user(c, "x", &err), ST_INVALID);
	assert_int_equal(conversation_add_result(c, "u", "{}", 2, false, &err), ST_INVALID);
	assert_int_equal(conversation_add_result(c, "t", "{}", 2, false, &err), ST_OK);
	assert_int_equal(conversation_add_result(c, "t", "{}", 2, false, &err), ST_INVALID);
}

static void test_configuration(void **state)
{
	static const struct model_config good = {
		.url = "http://h", .key = "k", .model = "m", .max_tokens = 1
	};
	struct model_config bad[5] = { good, good, good, good, good };
	static const char *const names[] = { "url", "key", "model", "max_tokens", "attempts" };
	struct model_client *c = NULL;

	(void)state;
	bad[0].url = "ftp://h";
	bad[1].key = "a\nb";
	bad[2].model = "";
	bad[3].max_tokens = 0;
	bad[4].attempts = MODEL_ATTEMPTS_MAX + 1;
	for (int i = 0; i < 5; i++) {
		struct error err = { 0 };

		assert_int_equal(model_client_new(&bad[i], &c, &err), ST_INVALID);
		assert_string_equal(err.field, names[i]);
	}
	assert_null(c);
}

static int group_setup(void **state)
{
	const char *options[] = { "listening_ports", "127.0.0.1:0", "num_threads", "4", NULL };
	const struct model_config cfg = {
		.url = base, .key = KEY, .model = "claude-sonnet-5", .max_tokens = 100
	};
	struct mg_server_port port[1];

	(void)state;
	mg_init_library(0);
	server = mg_start(NULL, NULL, options);
	arena = arena_new(ARENA_MAX);
	if (server == NULL || arena == NULL || mg_get_server_ports(server, 1, port) != 1)
		return 1;
	mg_set_request_handler(server, "/v1/messages", serve, NULL);
	snprintf(base, sizeof(base), "http://127.0.0.1:%d", port[0].port);
	return model_client_new(&cfg, &client, NULL) != ST_OK;
}

static int group_teardown(void **state)
{
	(void)state;
	model_client_free(client);
	mg_stop(server);
	mg_exit_library();
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script),          cmocka_unit_test(test_doubtful),
		cmocka_unit_test(test_no_time_to_wait), cmocka_unit_test(test_not_sent),
		cmocka_unit_test(test_configuration),
	};

	return cmocka_run_group_tests_name("model_send", tests, group_setup, group_teardown);
}
