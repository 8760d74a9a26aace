/*
 * Answers in parts over HTTP: events one by one, the whole answer, what a client may accept, errors
 * before and after the first part. Read next: edge_player.h, test_edge_stream_ends.c.
 */
#include "component/edge_player.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WHOLE                                                                              \
	"{\"question_id\":\"q1\",\"answer\":\"Line one\\nline \\\"two\\\" \xe2\x82\xac\"," \
	"\"findings\":[],\"recommendations\":[],\"evidence\":[],\"model\":\"analyst\","    \
	"\"tokens\":null,\"cost\":null,\"fallback_used\":false,\"fallback_reason\":\"\","  \
	"\"untraced\":[],\"attempts\":0}"

static struct world w;
static struct gate_proc edge;
static const char *token;

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	players_play(PLAY_HAND);
	return 0;
}

static struct answer ask(const char *headers)
{
	return edge_ask(&w, edge.port, ASK,
			arena_printf(w.arena, "Authorization: Bearer %s\r\n%s", token, headers),
			QUESTION);
}

/* ---- events ---- */

/* Each part is read by the client before the service sends the next. */
static void parts_arrive_one_by_one(void **state)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__AskStarted started = INSIGHTS__V1__ASK_STARTED__INIT;
	Insights__V1__AskTool tool = INSIGHTS__V1__ASK_TOOL__INIT;
	int64_t parts = stream_metric(&w, edge.port, "pp_http_stream_parts_total");
	struct played *p;
	struct wire c;

	(void)state;
	stream_send(&w, &c, edge.port, token, ASK, SSE, QUESTION);
	p = player_next();
	assert_int_equal(stream_metric(&w, edge.port, "pp_http_streams_open"), 1);
	assert_string_equal(played_header(p, "Authorization"),
			    arena_printf(w.arena, "Bearer %s", token));
	assert_int_equal(strlen(played_header(p, "traceparent")), 55);
	started.question_id = "q1";
	started.model = "analyst";
	part.started = &started;
	assert_true(played_ask(p, &part));
	assert_int_equal(wire_head(&c, w.arena).status, 200);
	stream_expect(&w, &c,
		      "id: 1\nevent: started\n"
		      "data: {\"question_id\":\"q1\",\"model\":\"analyst\"}\n\n");
	part.started = NULL;
	tool.tool = "summary";
	tool.arguments = "{\n\"a\": 1}";
	part.tool = &tool;
	assert_true(played_ask(p, &part));
	stream_expect(&w, &c,
		      "id: 2\nevent: tool\ndata: "
		      "{\"tool\":\"summary\",\"arguments\":\"{\\n\\\"a\\\": 1}\"}\n\n");
	assert_true(played_text(p, "one\r\ntwo\n\nthree"));
	stream_expect(&w, &c,
		      "id: 3\nevent: text\ndata: {\"delta\":\"one\\r\\ntwo\\n\\nthree\"}\n\n");
	played_end(p, ST_OK, NULL);
	stream_expect_end(&w, &c);
	assert_int_equal(stream_metric(&w, edge.port, "pp_http_stream_parts_total"), parts + 3);
	assert_int_equal(stream_metric(&w, edge.port, "pp_http_streams_open"), 0);
	/* The connection serves on. */
	wire_puts(&c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(wire_answer(&c, w.arena, false).status, 200);
	wire_close(&c);
}

/* An id of the part's own is where the client goes on; one that would break the line is none. */
static void events_carry_ids(void **state)
{
	Observability__V1__AlertPart part = OBSERVABILITY__V1__ALERT_PART__INIT;
	Observability__V1__Alert alert = OBSERVABILITY__V1__ALERT__INIT;
	static const char *const ids[][2] = { { "a-17", "id: a-17\nevent: alert\ndata: {" },
					      { "", "id: 2\nevent: alert\ndata: {" },
					      { "x\ndata: forged",
						"id: 3\nevent: alert\ndata: {" } };
	const char *chunk;
	struct played *p;
	struct wire c;

	(void)state;
	stream_send(&w, &c, edge.port, token, WATCH, "Last-Event-ID: a-16\r\n", NULL);
	p = player_next();
	assert_string_equal(played_last_event(p), "a-16");
	part.alert = &alert;
	for (int i = 0; i < 3; i++) {
		part.id = (char *)(uintptr_t)ids[i][0];
		assert_true(played_alert(p, &part));
		if (i == 0)
			assert_int_equal(wire_head(&c, w.arena).status, 200);
		chunk = wire_chunk(&c, w.arena);
		assert_non_null(chunk);
		assert_memory_equal(chunk, ids[i][1], strlen(ids[i][1]));
		assert_string_equal(strchr(strstr(chunk, "data: "), '\n'), "\n\n");
	}
	played_end(p, ST_OK, NULL);
	stream_expect_end(&w, &c);
	wire_close(&c);
}

static void the_last_event_comes_in_its_header_only(void **state)
{
	struct answer r = edge_as(&w, edge.port, token, WATCH "?last_event_id=a-16", NULL);
	char *long_id = arena_alloc(w.arena, 200);

	(void)state;
	assert_problem(&r, 400, "last_event_id");
	memset(long_id, 'a', 199);
	r = edge_ask(&w, edge.port, WATCH,
		     arena_printf(w.arena, "Authorization: Bearer %s\r\nLast-Event-ID: %s\r\n",
				  token, long_id),
		     NULL);
	assert_problem(&r, 400, "last_event_id");
}

/* While nothing comes there are comments, and the head does not wait for the first part for ever.
 * On a gateway of its own: elsewhere a beat would stand between parts that are late. */
static void a_silent_stream_beats(void **state)
{
	static const char *const settings[] = { "PP_HTTP_HEARTBEAT_MS", "200", NULL };
	struct gate_proc g;
	struct played *p;
	struct wire c;

	(void)state;
	edge_spawn(&w, &g, settings);
	stream_open(&w, &c, g.port, token, WATCH, "", NULL);
	p = player_next();
	for (int i = 0; i < 5; i++)
		stream_expect(&w, &c, ": \n\n");
	played_end(p, ST_OK, NULL);
	for (;;) {
		const char *chunk = wire_chunk(&c, w.arena);

		assert_non_null(chunk);
		if (strcmp(chunk, ": \n\n") == 0)
			continue;
		assert_string_equal(chunk, "event: end\ndata: {}\n\n");
		break;
	}
	stream_expect(&w, &c, "");
	wire_close(&c);
	assert_int_equal(edge_end(&g), 0);
}

/* A part that says nothing opens the stream: whoever watches knows that he does. */
static void an_empty_part_is_a_comment(void **state)
{
	Observability__V1__AlertPart part = OBSERVABILITY__V1__ALERT_PART__INIT;
	struct played *p;
	struct wire c;

	(void)state;
	stream_send(&w, &c, edge.port, token, WATCH, SSE, NULL);
	p = player_next();
	assert_true(played_alert(p, &part));
	assert_int_equal(wire_head(&c, w.arena).status, 200);
	stream_expect(&w, &c, ": \n\n");
	played_end(p, ST_OK, NULL);
	stream_expect_end(&w, &c);
	wire_close(&c);
}

static void a_part_that_says_two_things_ends_it(void **state)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__AskStarted started = INSIGHTS__V1__ASK_STARTED__INIT;
	Insights__V1__AskText text = INSIGHTS__V1__ASK_TEXT__INIT;
	struct played *p;
	struct wire c;

	(void)state;
	stream_send(&w, &c, edge.port, token, ASK, SSE, QUESTION);
	p = player_next();
	assert_true(played_text(p, "It"));
	assert_int_equal(wire_head(&c, w.arena).status, 200);
	stream_expect(&w, &c, "id: 1\nevent: text\ndata: {\"delta\":\"It\"}\n\n");
	part.started = &started;
	part.text = &text;
	assert_true(played_ask(p, &part));
	stream_expect_error(&w, &c, 500);
	played_cancelled(p);
	wire_close(&c);
}

/* ---- the whole answer ---- */

static void without_events_the_answer_is_json(void **state)
{
	struct answer r;

	(void)state;
	players_play(PLAY_ANSWER);
	r = ask("");
	assert_int_equal(r.status, 200);
	assert_string_equal(answer_header(&r, w.arena, "Content-Type"), "application/json");
	assert_string_equal(answer_header(&r, w.arena, "Cache-Control"), "no-store");
	assert_string_equal(r.body, WHOLE);
}

static void an_end_without_an_answer_is_no_answer(void **state)
{
	struct answer r;

	(void)state;
	players_play(PLAY_SILENT);
	r = ask("");
	assert_problem(&r, 500, "");
}

/* An answer that was given is told although the service's end is late. */
static void a_late_end_does_not_hold_the_answer(void **state)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__Answer answer = INSIGHTS__V1__ANSWER__INIT;
	struct answer r;
	struct played *p;
	struct wire c;

	(void)state;
	stream_send(&w, &c, edge.port, token, ASK, "", QUESTION);
	p = player_next();
	answer.answer = "early";
	part.answer = &answer;
	assert_true(played_ask(p, &part));
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(answer_text_of(&w, &r, "answer"), "early");
	played_cancelled(p);
	wire_close(&c);
}

/* ---- what a client accepts ---- */

struct accept {
	const char *headers;
	int status;
	bool events;
};

static void a_client_gets_what_it_accepts(void **state)
{
	static const struct accept asks[] = {
		{ "", 200, false },
		{ "Accept: */*\r\n", 200, false },
		{ "Accept: application/json\r\n", 200, false },
		{ "Accept: application/*\r\n", 200, false },
		{ "Accept: text/event-stream\r\n", 200, true },
		{ "Accept: Text/Event-Stream; charset=utf-8\r\n", 200, true },
		{ "Accept: text/*\r\n", 200, true },
		{ "Accept: application/json, text/event-stream\r\n", 200, true },
		{ "Accept: application/json, text/event-stream;q=0.9\r\n", 200, false },
		{ "Accept: text/event-stream;q=0, */*\r\n", 200, false },
		{ "Accept: text/html\r\n", 406, false },
		{ "Accept: application/json;q=0, text/event-stream;q=0.0\r\n", 406, false },
	};

	(void)state;
	players_play(PLAY_ANSWER);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		struct answer r;
		struct wire c;

		stream_send(&w, &c, edge.port, token, ASK, asks[i].headers, QUESTION);
		if (asks[i].events) {
			assert_int_equal(wire_head(&c, w.arena).status, 200);
			stream_expect(&w, &c,
				      "id: 1\nevent: text\ndata: {\"delta\":\"It is\"}\n\n");
			stream_expect(&w, &c, "id: 2\nevent: answer\ndata: " WHOLE "\n\n");
			stream_expect_end(&w, &c);
		} else {
			r = wire_answer(&c, w.arena, false);
			if (r.status != asks[i].status)
				fail_msg("%s: %d", asks[i].headers, r.status);
			if (r.status == 406)
				assert_problem(&r, 406, "Accept");
		}
		wire_close(&c);
	}
}

/* A stream that has no whole answer shows only events. */
static void a_watch_is_events_or_nothing(void **state)
{
	static const struct accept watches[] = {
		{ "", 200, true },
		{ "Accept: */*\r\n", 200, true },
		{ "Accept: text/event-stream\r\n", 200, true },
		{ "Accept: application/json\r\n", 406, false },
		{ "Accept: text/event-stream;q=0, */*\r\n", 406, false },
	};

	(void)state;
	players_play(PLAY_SILENT);
	for (size_t i = 0; i < sizeof(watches) / sizeof(watches[0]); i++) {
		struct answer r;
		struct wire c;

		stream_send(&w, &c, edge.port, token, WATCH, watches[i].headers, NULL);
		r = wire_head(&c, w.arena);
		if (r.status != watches[i].status)
			fail_msg("%s: %d", watches[i].headers, r.status);
		wire_close(&c);
	}
}

static void heads_alone_and_old_clients(void **state)
{
	struct wire c;
	struct answer r;

	(void)state;
	players_play(PLAY_FAIL);
	r = edge_raw(&w, edge.port,
		     arena_printf(w.arena,
				  "HEAD /api/alerts/stream HTTP/1.1\r\nHost: x\r\n"
				  "Authorization: Bearer %s\r\n\r\n",
				  token));
	assert_int_equal(r.status, 409);
	players_play(PLAY_ANSWER);
	stream_send(&w, &c, edge.port, token, "HEAD /api/alerts/stream", "", NULL);
	assert_int_equal(wire_head(&c, w.arena).status, 200);
	wire_puts(&c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(wire_answer(&c, w.arena, false).status, 200);
	wire_close(&c);
	wire_open(&c, edge.port);
	wire_puts(&c, arena_printf(w.arena,
				   "POST /api/brands/0190a000-0000-7000-8000-000000000001/ask "
				   "HTTP/1.0\r\nAccept: text/event-stream\r\nAuthorization: Bearer "
				   "%s\r\nContent-Type: application/json\r\nContent-Length: "
				   "%zu\r\n\r\n" QUESTION,
				   token, strlen(QUESTION)));
	r = wire_head(&c, w.arena);
	assert_int_equal(r.status, 200);
	assert_int_equal(answer_count(&r, "Transfer-Encoding"), 0);
	assert_string_equal(answer_header(&r, w.arena, "Connection"), "close");
	assert_non_null(strstr(wire_rest(&c), "id: 2\nevent: answer\ndata: " WHOLE "\n\n"
					      "event: end\ndata: {}\n\n"));
	wire_close(&c);
}

/* ---- errors ---- */

static void an_error_before_the_first_part_is_an_answer(void **state)
{
	static const char *const faces[] = { "", SSE };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct answer r;

		players_play(PLAY_REFUSE);
		r = ask(faces[i]);
		assert_problem(&r, 404, "brand_id");
		players_play(PLAY_FAIL);
		r = ask(faces[i]);
		assert_problem(&r, 409, "");
		assert_string_equal(answer_text_of(&w, &r, "detail"), "it is being changed");
	}
}

static void what_the_edge_refuses_opens_nothing(void **state)
{
	struct answer r = edge_ask(&w, edge.port, ASK, SSE, QUESTION);

	(void)state;
	players_play(PLAY_REFUSE);
	assert_problem(&r, 401, NULL);
	r = edge_ask(&w, edge.port, WATCH, SSE "Authorization: Bearer a.b.c\r\n", NULL);
	assert_problem(&r, 401, NULL);
	r = edge_as(&w, edge.port, w.operator_token, WATCH, NULL);
	assert_problem(&r, 403, NULL);
	r = edge_as(&w, edge.port, token, ASK, "{}");
	assert_problem(&r, 400, "question");
	r = edge_as(&w, edge.port, token, ASK, "{\"question\":\"x\",\"more\":1}");
	assert_problem(&r, 400, "more");
	r = edge_as(&w, edge.port, token, "POST /api/brands/none/ask", QUESTION);
	assert_true(r.status == 400 || r.status == 404);
}

static void an_error_afterwards_is_the_last_event(void **state)
{
	const char *event;
	struct answer r;
	struct played *p;
	struct wire c;

	(void)state;
	stream_send(&w, &c, edge.port, token, ASK, SSE, QUESTION);
	p = player_next();
	assert_true(played_text(p, "It"));
	assert_int_equal(wire_head(&c, w.arena).status, 200);
	stream_expect(&w, &c, "id: 1\nevent: text\ndata: {\"delta\":\"It\"}\n\n");
	played_end(p, ST_LIMITED, "the \"budget\" is spent");
	event = stream_expect_error(&w, &c, 429);
	assert_non_null(strstr(event, "\nretry: 7000\n"));
	assert_non_null(strstr(event, "the \\\"budget\\\" is spent"));
	wire_close(&c);
	/* For who waits for the whole it is the answer. */
	stream_send(&w, &c, edge.port, token, ASK, "", QUESTION);
	p = player_next();
	assert_true(played_text(p, "It"));
	played_end(p, ST_LIMITED, "the budget is spent");
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 429, "");
	assert_string_equal(answer_header(&r, w.arena, "Retry-After"), "7");
	wire_close(&c);
}

static int begin(void **state)
{
	(void)state;
	world_start(&w);
	players_start(&w);
	token = edge_open(&w, &edge, NULL);
	return 0;
}

static int finish(void **state)
{
	int code = edge_end(&edge);

	(void)state;
	players_stop();
	world_stop(&w);
	return code;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(parts_arrive_one_by_one, fresh),
		cmocka_unit_test_setup(events_carry_ids, fresh),
		cmocka_unit_test_setup(the_last_event_comes_in_its_header_only, fresh),
		cmocka_unit_test_setup(a_silent_stream_beats, fresh),
		cmocka_unit_test_setup(an_empty_part_is_a_comment, fresh),
		cmocka_unit_test_setup(a_part_that_says_two_things_ends_it, fresh),
		cmocka_unit_test_setup(without_events_the_answer_is_json, fresh),
		cmocka_unit_test_setup(an_end_without_an_answer_is_no_answer, fresh),
		cmocka_unit_test_setup(a_late_end_does_not_hold_the_answer, fresh),
		cmocka_unit_test_setup(a_client_gets_what_it_accepts, fresh),
		cmocka_unit_test_setup(a_watch_is_events_or_nothing, fresh),
		cmocka_unit_test_setup(heads_alone_and_old_clients, fresh),
		cmocka_unit_test_setup(an_error_before_the_first_part_is_an_answer, fresh),
		cmocka_unit_test_setup(what_the_edge_refuses_opens_nothing, fresh),
		cmocka_unit_test_setup(an_error_afterwards_is_the_last_event, fresh),
	};

	return cmocka_run_group_tests_name("edge_stream", tests, begin, finish);
}
