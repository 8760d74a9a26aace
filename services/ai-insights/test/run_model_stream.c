/*
 * Answers out of events: what each says, the same however the bytes are cut, and what is wrong by
 * its name with the usage that was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model_priv.h"
#include "model_streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (64 * 1024 * 1024)

static struct arena *arena;
static struct model_stream *stream; /* large */
static struct model_reply reply;
static struct buf given; /* to on_text */

static void on_text(void *arg, const char *text, size_t len)
{
	buf_put(arg, text, len);
}

static const struct model_events events = { .arg = &given, .on_text = on_text };

static void begin(bool hour)
{
	buf_reset(&given);
	model__stream_init(stream, &events, hour);
	reply = (struct model_reply){ .category = "", .content = "[]" };
}

/* The end of the bytes; the reply is filled. Frees the stream. */
static enum model_fault finish(void)
{
	enum model_fault f;

	model__stream_end(stream);
	model__stream_reply(stream, arena, &reply);
	f = stream->fault;
	reply.usage = stream->usage;
	model__stream_done(stream);
	return f;
}

static enum model_fault run(const char *bytes)
{
	begin(false);
	model__stream_feed(stream, bytes, strlen(bytes));
	return finish();
}

static void expect_usage(int64_t input, int64_t read, int64_t w5, int64_t w1, int64_t output)
{
	assert_true(reply.usage.known);
	assert_int_equal(reply.usage.input, input);
	assert_int_equal(reply.usage.cache_read, read);
	assert_int_equal(reply.usage.cache_write_5m, w5);
	assert_int_equal(reply.usage.cache_write_1h, w1);
	assert_int_equal(reply.usage.output, output);
}

static void test_text(void **state)
{
	(void)state;
	assert_int_equal(run(STREAM_HELLO), MODEL_FAULT_NONE);
	assert_int_equal(reply.stop, MODEL_STOP_END_TURN);
	assert_string_equal(reply.text, "Hello th\xC3\xA9re!");
	assert_string_equal(buf_str(&given), reply.text);
	assert_int_equal(reply.text_len, strlen(reply.text));
	assert_string_equal(reply.content,
			    "[{\"type\":\"text\",\"text\":\"Hello th\xC3\xA9re!\"}]");
	assert_int_equal(reply.n_calls, 0);
	assert_string_equal(reply.model, "claude-sonnet-5");
	assert_string_equal(reply.message_id, "msg_01");
	expect_usage(40, 300, 200, 1000, 106);
	assert_false(reply.usage.partial);
}

static void test_tools(void **state)
{
	(void)state;
	assert_int_equal(run(STREAM_TOOLS), MODEL_FAULT_NONE);
	assert_int_equal(reply.stop, MODEL_STOP_TOOL_USE);
	assert_int_equal(reply.n_calls, 2);
	assert_string_equal(reply.calls[0].id, "toolu_A");
	assert_string_equal(reply.calls[0].name, "get_summary");
	assert_string_equal(reply.calls[0].input, "{\"from\": 1.50, \"x\": \"\xE2\x82\xAC\"}");
	assert_int_equal(reply.calls[0].input_len, strlen(reply.calls[0].input));
	assert_false(reply.calls[0].malformed);
	assert_string_equal(reply.calls[1].id, "toolu_B");
	assert_string_equal(reply.calls[1].input, "{}");
	assert_false(reply.calls[1].malformed);
	/* Thinking with its signature, and the input's own bytes: 1.50 stays 1.50. */
	assert_string_equal(
		reply.content,
		"[{\"type\":\"thinking\",\"thinking\":\"First \\\"the\\\" summary.\",\"signature\":"
		"\"c2ln\"},{\"type\":\"text\",\"text\":\"I look.\"},{\"type\":\"tool_use\",\"id\":"
		"\"toolu_A\",\"name\":\"get_summary\",\"caller\":{\"type\":\"direct\"},\"input\":"
		"{\"from\": 1.50, \"x\": "
		"\"\xE2\x82\xAC\"}},{\"type\":\"tool_use\",\"id\":\"toolu_B\","
		"\"name\":\"get_summary\",\"caller\":{\"type\":\"direct\"},\"input\":{}}]");
}

/* Each recorded answer is the same for every place it may be cut, and byte by byte. */
static void test_all_cuts(void **state)
{
	static const char *const streams[] = { STREAM_HELLO, STREAM_TOOLS, STREAM_REFUSAL };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(streams[i]);
		struct model_reply whole;
		const char *text;

		arena_reset(arena);
		assert_int_equal(run(streams[i]), MODEL_FAULT_NONE);
		whole = reply;
		text = arena_strdup(arena, buf_str(&given));
		for (size_t cut = 0; cut <= len + 1; cut++) {
			begin(false);
			if (cut <= len) {
				model__stream_feed(stream, streams[i], cut);
				model__stream_feed(stream, streams[i] + cut, len - cut);
			}
			for (size_t j = 0; cut > len && j < len; j++)
				model__stream_feed(stream, streams[i] + j, 1);
			assert_int_equal(finish(), MODEL_FAULT_NONE);
			assert_int_equal(reply.stop, whole.stop);
			assert_string_equal(reply.content, whole.content);
			assert_string_equal(buf_str(&given), text);
			assert_string_equal(reply.category, whole.category);
			assert_int_equal(reply.n_calls, whole.n_calls);
			assert_memory_equal(&reply.usage, &whole.usage, sizeof(whole.usage));
		}
	}
}

/* Cut at any byte: truncated, never anything else, and the usage of the start is known as soon as
 * it was told. */
static void test_truncated_anywhere(void **state)
{
	const char *bytes = STREAM_TOOLS;
	size_t len = strlen(bytes), start = strlen(START);

	(void)state;
	for (size_t cut = 0; cut < len - 2; cut++) {
		enum model_fault f;

		begin(false);
		model__stream_feed(stream, bytes, cut);
		f = finish();
		/* Without the last line end the last event is whole. */
		assert_int_equal(f, MODEL_FAULT_TRUNCATED);
		assert_int_equal(reply.n_calls, 0);
		if (cut >= start) {
			assert_true(reply.usage.known);
			assert_int_equal(reply.usage.input, 40);
			assert_int_equal(reply.usage.partial, reply.usage.output != 106);
		}
		arena_reset(arena);
	}
}

static void test_stop_reasons(void **state)
{
	static const struct {
		const char *bytes;
		enum model_stop stop;
	} rows[] = {
		{ START HELLO STOP("end_turn"), MODEL_STOP_END_TURN },
		{ START HELLO STOP("max_tokens"), MODEL_STOP_MAX_TOKENS },
		{ START HELLO STOP("stop_sequence"), MODEL_STOP_STOP_SEQUENCE },
		{ STREAM_TOOLS, MODEL_STOP_TOOL_USE },
		{ START HELLO STOP("pause_turn"), MODEL_STOP_PAUSE_TURN },
		{ STREAM_REFUSAL, MODEL_STOP_REFUSAL },
		{ START HELLO STOP("model_context_window_exceeded"), MODEL_STOP_CONTEXT_WINDOW },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(run(rows[i].bytes), MODEL_FAULT_NONE);
		assert_int_equal(reply.stop, rows[i].stop);
		assert_string_equal(reply.category,
				    rows[i].stop == MODEL_STOP_REFUSAL ? "cyber" : "");
	}
	assert_int_equal(run(START HELLO STOP("out_of_cheese")), MODEL_FAULT_ANSWER);
	begin(false);
	model__stream_feed(stream, START HELLO STOP("out_of_cheese"),
			   strlen(START HELLO STOP("out_of_cheese")));
	model__stream_end(stream);
	assert_string_equal(stream->word, "out_of_cheese");
	model__stream_done(stream);
}

/* What is new to us is passed over; a block whose deltas we could not read is not sent back. */
static void test_unknown_passed_over(void **state)
{
	(void)state;
	assert_int_equal(
		run(START EV("dance", "{\"type\":\"dance\",\"x\":[1]}") BLOCK(
			0,
			"{\"type\":\"fallback\",\"from\":{\"model\":\"a\"},\"to\":{\"model\":"
			"\"b\"}}") CLOSE(0) BLOCK(1, "{\"type\":\"compaction\",\"content\":null}")
			    DELTA(1, "{\"type\":\"compaction_delta\",\"content\":\"x\"}") CLOSE(1)
				    TEXT_BLOCK(2) TEXT(2, "a")
					    DELTA(2, "{\"type\":\"hum_delta\",\"hum\":1}") CLOSE(2)
						    BLOCK(3, "{\"type\":\"text\",\"text\":\"bc\"}")
							    CLOSE(3) STOP("end_turn")),
		MODEL_FAULT_NONE);
	assert_string_equal(reply.text, "abc");
	assert_string_equal(buf_str(&given), "abc");
	assert_string_equal(reply.content, "[{\"type\":\"fallback\",\"from\":{\"model\":\"a\"},"
					   "\"to\":{\"model\":\"b\"}},{\"type\":\"text\",\"text\":"
					   "\"a\"},{\"type\":\"text\",\"text\":"
					   "\"bc\"}]");
}

/* A call whose block had an unknown delta is a call all the same, and takes its result. */
static void test_unknown_delta_in_call(void **state)
{
	struct conversation *c = conversation_new(arena, "s", CONVERSATION_TTL_5M);

	(void)state;
	assert_int_equal(run(START TOOL_BLOCK(0, "toolu_A")
				     DELTA(0, "{\"type\":\"hum_delta\",\"hum\":1}")
					     INPUT(0, "{\\\"a\\\":1}") CLOSE(0) STOP("tool_use")),
			 MODEL_FAULT_NONE);
	assert_int_equal(reply.n_calls, 1);
	assert_int_equal(conversation_add_user(c, "q", NULL), ST_OK);
	assert_int_equal(conversation_add_assistant(c, reply.content, reply.content_len, NULL),
			 ST_OK);
	assert_int_equal(conversation_add_result(c, "toolu_A", "{}", 2, false, NULL), ST_OK);
}

static void test_citations(void **state)
{
	(void)state;
	assert_int_equal(
		run(START BLOCK(0, "{\"type\":\"text\",\"text\":\"\",\"citations\":[]}") TEXT(
			0, "x") DELTA(0, "{\"type\":\"citations_delta\",\"citation\":{\"n\":1}}")
			    DELTA(0, "{\"type\":\"citations_delta\",\"citation\":{\"n\":2}}")
				    CLOSE(0) STOP("end_turn")),
		MODEL_FAULT_NONE);
	assert_string_equal(
		reply.content,
		"[{\"type\":\"text\",\"text\":\"x\",\"citations\":[{\"n\":1},{\"n\":2}]}]");
}

/* A member whose name differs only in its letters' case is another one, and stays. */
static void test_names_are_exact(void **state)
{
	(void)state;
	assert_int_equal(
		run(START BLOCK(0, "{\"type\":\"thinking\",\"Thinking\":\"t\",\"signaturE\":1}")
			    CLOSE(0) BLOCK(1, "{\"type\":\"text\",\"Text\":\"t\"}") TEXT(1, "x")
				    CLOSE(1) BLOCK(2, "{\"type\":\"tool_use\",\"id\":\"toolu_A\","
						      "\"name\":\"n\",\"Input\":1,\"input\":{}}")
					    INPUT(2, "{}") CLOSE(2) STOP("tool_use")),
		MODEL_FAULT_NONE);
	assert_string_equal(
		reply.content,
		"[{\"type\":\"thinking\",\"Thinking\":\"t\",\"signaturE\":1,\"thinking\":\"\","
		"\"signature\":\"\"},{\"type\":\"text\",\"Text\":\"t\",\"text\":\"x\"},{\"type\":"
		"\"tool_use\",\"id\":\"toolu_A\",\"name\":\"n\",\"Input\":1,\"input\":{}}]");
}

/* Input that is no JSON object is told with the call and can be sent back. */
static void test_malformed_input(void **state)
{
	static const char *const streams[] = {
		START TOOL_BLOCK(0, "toolu_A") INPUT(0, "{\\\"a\\\": [1,") STOP("max_tokens"),
		START TOOL_BLOCK(0, "toolu_A") INPUT(0, "[1]") CLOSE(0) STOP("tool_use"),
		START TOOL_BLOCK(0, "toolu_A") INPUT(0, "{\\\"a\\\":1,\\\"a\\\":2}") CLOSE(0)
			STOP("tool_use"),
		START TOOL_BLOCK(0, "toolu_A") INPUT(0, "nonsense") CLOSE(0) STOP("tool_use"),
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct conversation *c = conversation_new(arena, "s", CONVERSATION_TTL_5M);

		assert_int_equal(run(streams[i]), MODEL_FAULT_NONE);
		assert_int_equal(reply.n_calls, 1);
		assert_true(reply.calls[0].malformed);
		assert_non_null(strstr(reply.content, "\"INVALID_JSON\":"));
		assert_int_equal(conversation_add_user(c, "q", NULL), ST_OK);
		assert_int_equal(
			conversation_add_assistant(c, reply.content, reply.content_len, NULL),
			ST_OK);
	}
}

static void test_usage(void **state)
{
	(void)state;
	/* Without cache members; a total without a split goes where the request asked. */
	assert_int_equal(
		run(EV("message_start", "{\"type\":\"message_start\",\"message\":{\"id\":\"m\","
					"\"model\":\"x\",\"usage\":{\"input_tokens\":11,"
					"\"output_tokens\":1,\"cache_creation_input_tokens\":7}}}")
			    HELLO STOP("end_turn")),
		MODEL_FAULT_NONE);
	expect_usage(11, 0, 7, 0, 106);
	begin(true);
	model__stream_feed(stream,
			   EV("message_start",
			      "{\"type\":\"message_start\",\"message\":{\"usage\":"
			      "{\"input_tokens\":0,\"cache_creation_input_tokens\":7}}}"),
			   strlen(EV("message_start",
				     "{\"type\":\"message_start\",\"message\":{\"usage\":"
				     "{\"input_tokens\":0,\"cache_creation_input_tokens\":7}}}")));
	assert_int_equal(finish(), MODEL_FAULT_TRUNCATED);
	expect_usage(0, 0, 0, 7, 0);
	assert_true(reply.usage.partial);
	/* A later count replaces; null and absent leave; the split stays while the total fits. */
	assert_int_equal(run(START HELLO STOP_WITH(
				 "end_turn", "",
				 "{\"input_tokens\":28,\"cache_creation_input_tokens\":1200,"
				 "\"cache_read_input_tokens\":null,\"output_tokens\":9,"
				 "\"server_tool_use\":{\"web_search_requests\":0}}")),
			 MODEL_FAULT_NONE);
	expect_usage(28, 300, 200, 1000, 9);
	assert_int_equal(run(START HELLO STOP_WITH("end_turn", "",
						   "{\"cache_creation_input_tokens\":0,"
						   "\"output_tokens\":9}")),
			 MODEL_FAULT_NONE);
	expect_usage(40, 300, 0, 0, 9);
}

static void test_bad_usage(void **state)
{
	static const char *const counts[] = { "-1", "1.5", "\"7\"", "1e12", "true", "[]" };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		char bytes[400];

		snprintf(bytes, sizeof(bytes),
			 EV("message_start", "{\"type\":\"message_start\",\"message\":{\"usage\":"
					     "{\"input_tokens\":3,\"output_tokens\":%s}}}"),
			 counts[i]);
		begin(false);
		model__stream_feed(stream, bytes, strlen(bytes));
		model__stream_feed(stream, HELLO STOP("end_turn"), strlen(HELLO STOP("end_turn")));
		assert_int_equal(finish(), MODEL_FAULT_ANSWER);
		/* The end told its tokens; what was read stays unknown. */
		assert_false(reply.usage.known);
		assert_int_equal(buf_str(&given)[0], '\0');
	}
	/* An end that cannot be read takes nothing from what the start told: a lower bound. */
	assert_int_equal(run(START HELLO STOP_WITH("end_turn", "",
						   "{\"input_tokens\":40,\"output_tokens\":-1}")),
			 MODEL_FAULT_ANSWER);
	expect_usage(40, 300, 200, 1000, 5);
	assert_true(reply.usage.partial);
}

/* Each is named, and what the answer cost is still learned when its end comes. */
static void test_faults(void **state)
{
	static const struct {
		const char *bytes;
		enum model_fault fault;
		bool ends; /* the usage of the end was told */
	} rows[] = {
		{ START HELLO ERROR_EVENT("overloaded_error"), MODEL_FAULT_OVERLOADED, false },
		{ START ERROR_EVENT("api_error"), MODEL_FAULT_PROVIDER, false },
		{ START ERROR_EVENT("rate_limit_error"), MODEL_FAULT_RATE, false },
		{ START ERROR_EVENT("timeout_error"), MODEL_FAULT_PROVIDER, false },
		{ START ERROR_EVENT("never_heard_of"), MODEL_FAULT_PROVIDER, false },
		{ START ERROR_EVENT("authentication_error"), MODEL_FAULT_KEY, false },
		{ START ERROR_EVENT("overloaded_error") HELLO STOP("end_turn"),
		  MODEL_FAULT_OVERLOADED, true },
		{ START EV("content_block_start", "{\"type\":") HELLO STOP("end_turn"),
		  MODEL_FAULT_ANSWER, true },
		{ START EV("x", "[]") HELLO STOP("end_turn"), MODEL_FAULT_ANSWER, true },
		{ START START HELLO STOP("end_turn"), MODEL_FAULT_ANSWER, true },
		{ START TEXT(0, "a") STOP("end_turn"), MODEL_FAULT_ANSWER, true },
		{ START TEXT(-1, "a") STOP("end_turn"), MODEL_FAULT_ANSWER, true },
		{ START TEXT_BLOCK(0) TEXT(0.5, "a") STOP("end_turn"), MODEL_FAULT_ANSWER, true },
		{ START TEXT_BLOCK(1) STOP("end_turn"), MODEL_FAULT_ANSWER, true },
		{ START BLOCK(0, "{}") STOP("end_turn"), MODEL_FAULT_ANSWER, true },
		{ START BLOCK(0, "7") STOP("end_turn"), MODEL_FAULT_ANSWER, true },
		{ START HELLO STOP("tool_use"), MODEL_FAULT_ANSWER, true },
		{ START TOOL_BLOCK(0, "a") CLOSE(0) TOOL_BLOCK(1, "a") CLOSE(1) STOP("tool_use"),
		  MODEL_FAULT_ANSWER, true },
		{ START TOOL_BLOCK(0, "a b") CLOSE(0) STOP("tool_use"), MODEL_FAULT_ANSWER, true },
		{ START BLOCK(0, "{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"n\"}") CLOSE(0)
			  STOP("tool_use"),
		  MODEL_FAULT_ANSWER, true },
		{ START HELLO EV("message_stop", "{\"type\":\"message_stop\"}"), MODEL_FAULT_ANSWER,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum model_fault f = run(rows[i].bytes);

		if (f != rows[i].fault)
			fail_msg("row %zu: fault %d", i, (int)f);
		assert_true(reply.usage.known);
		assert_int_equal(reply.usage.output, rows[i].ends ? 106 : 5);
		assert_int_equal(reply.usage.partial, !rows[i].ends);
	}
	assert_int_equal(run(HELLO STOP("end_turn")), MODEL_FAULT_ANSWER);
	assert_false(reply.usage.known);
	assert_int_equal(run(""), MODEL_FAULT_TRUNCATED);
	assert_false(reply.usage.known);
}

static void feed_text(const char *before, const char *unit, size_t times, const char *after)
{
	model__stream_feed(stream, before, strlen(before));
	for (size_t i = 0; i < times; i++)
		model__stream_feed(stream, unit, strlen(unit));
	model__stream_feed(stream, after, strlen(after));
}

/* Past a limit nothing more is kept or handed on, but the usage at the end is heard. */
static void assert_too_large(void)
{
	assert_int_equal(finish(), MODEL_FAULT_TOO_LARGE);
	assert_int_equal(reply.usage.output, 106);
}

static void test_text_limit(void **state)
{
	char kilo[1001];

	(void)state;
	memset(kilo, 'k', 1000);
	kilo[1000] = '\0';
	begin(false);
	feed_text(START TEXT_BLOCK(0),
		  arena_printf(arena,
			       "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
			       "{\"type\":\"text_delta\",\"text\":\"%s\"}}\n\n",
			       kilo),
		  MODEL_TEXT_MAX / 1000 + 2, STOP("end_turn"));
	assert_too_large();
	assert_true(given.len <= MODEL_TEXT_MAX);
	/* One event. */
	begin(false);
	feed_text(START "data: ", kilo, MODEL_EVENT_MAX / 1000 + 1, "\n\n" STOP("end_turn"));
	assert_too_large();
}

static void test_input_limit(void **state)
{
	(void)state;
	begin(false);
	feed_text(START TOOL_BLOCK(0, "a"), INPUT(0, "0123456789012345678901234567890123456789"),
		  MODEL_BLOCK_MAX / 40 + 1, STOP("tool_use"));
	assert_too_large();
}

/* So many blocks begin, each of them `block` with its own number. */
static void feed_blocks(int n, const char *block, const char *stop)
{
	char event[160];

	begin(false);
	model__stream_feed(stream, START, strlen(START));
	for (int i = 0; i < n; i++) {
		snprintf(event, sizeof(event),
			 "data: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":"
			 "{%s,\"id\":\"t%d\"}}\n\n",
			 i, block, i);
		model__stream_feed(stream, event, strlen(event));
	}
	model__stream_feed(stream, stop, strlen(stop));
}

static void test_block_limits(void **state)
{
	(void)state;
	feed_blocks(MODEL_BLOCKS_MAX + 1, "\"type\":\"text\",\"text\":\"\"", STOP("end_turn"));
	assert_too_large();
	/* Calls. */
	feed_blocks(MODEL_CALLS_MAX + 1, "\"type\":\"tool_use\",\"name\":\"n\",\"input\":{}",
		    STOP("tool_use"));
	assert_too_large();
}

/* Ids and words of the provider that are not of their form do not get into rows and logs. */
static void test_strange_ids(void **state)
{
	(void)state;
	assert_int_equal(
		run(EV("message_start", "{\"type\":\"message_start\",\"message\":{\"id\":\"a\\nb\","
					"\"model\":\"x y\","
					"\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}")
			    HELLO STOP_WITH("refusal", ",\"stop_details\":{\"category\":\"<b>\"}",
					    "{\"output_tokens\":2}")),
		MODEL_FAULT_NONE);
	assert_string_equal(reply.message_id, "");
	assert_string_equal(reply.model, "");
	assert_string_equal(reply.category, "");
}

static int group_setup(void **state)
{
	(void)state;
	arena = arena_new(ARENA_MAX);
	stream = malloc(sizeof(*stream));
	buf_init(&given, SIZE_MAX);
	return arena == NULL || stream == NULL;
}

static int group_teardown(void **state)
{
	(void)state;
	buf_done(&given);
	free(stream);
	arena_free(arena);
	return 0;
}

static int reset(void **state)
{
	(void)state;
	arena_reset(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_text, reset),
		cmocka_unit_test_setup(test_tools, reset),
		cmocka_unit_test_setup(test_all_cuts, reset),
		cmocka_unit_test_setup(test_truncated_anywhere, reset),
		cmocka_unit_test_setup(test_stop_reasons, reset),
		cmocka_unit_test_setup(test_unknown_passed_over, reset),
		cmocka_unit_test_setup(test_unknown_delta_in_call, reset),
		cmocka_unit_test_setup(test_citations, reset),
		cmocka_unit_test_setup(test_names_are_exact, reset),
		cmocka_unit_test_setup(test_malformed_input, reset),
		cmocka_unit_test_setup(test_usage, reset),
		cmocka_unit_test_setup(test_bad_usage, reset),
		cmocka_unit_test_setup(test_faults, reset),
		cmocka_unit_test_setup(test_text_limit, reset),
		cmocka_unit_test_setup(test_input_limit, reset),
		cmocka_unit_test_setup(test_block_limits, reset),
		cmocka_unit_test_setup(test_strange_ids, reset),
	};

	return cmocka_run_group_tests_name("model_stream", tests, group_setup, group_teardown);
}
