/*
 * The client of the Messages API against the simulated provider: turns with tools, the cache seen
 * in the usage, each way the provider misbehaves, and what was told of usage held against the
 * provider's own record, token by token.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../services/ai-insights/model.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "http/client.h"
#include "testkit/testkit.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX   (128 * 1024 * 1024)
#define START_MS    30000
#define TURNS_MAX   12
#define TURN_US     (30 * US_PER_SECOND)
#define SYSTEM_SIZE 24000
#define RESULT                                                                             \
	"{\"tool\":\"get_summary\",\"net\":{\"id\":\"e1\",\"value\":\"1234.56\",\"unit\":" \
	"\"GBP\"},\"orders\":{\"id\":\"e2\",\"value\":\"17\"}}"

static struct arena *arena;
static struct http_client *http;
static struct model_client *client;
static char base[64], sim_port[TK_TEXT];
static char system_text[SYSTEM_SIZE + 1];

/* What one conversation came to. */
struct heard {
	struct model_usage sum, turns[TURNS_MAX];
	struct buf text;
	int reports, turns_n, attempts, calls, malformed, pauses, partial;
};

static struct heard heard;

static void on_text(void *arg, const char *text, size_t len)
{
	buf_put(&((struct heard *)arg)->text, text, len);
}

static void on_usage(void *arg, const struct model_spent *spent)
{
	struct heard *h = arg;
	const struct model_usage *u = spent->usage;

	assert_true(u->known);
	assert_string_equal(spent->model, "claude-sonnet-5");
	assert_true(spent->request_id[0] != '\0');
	h->reports++;
	h->partial += u->partial;
	h->sum.input += u->input;
	h->sum.cache_read += u->cache_read;
	h->sum.cache_write_5m += u->cache_write_5m;
	h->sum.cache_write_1h += u->cache_write_1h;
	h->sum.output += u->output;
}

/* ---- the simulator ---- */

static bool file_there(void *path)
{
	char text[32];

	return tk_read_file(path, text, sizeof(text)) && text[0] != '\0';
}

static void start_simulator(void)
{
	char archive[TK_TEXT], data[TK_TEXT], bin[TK_TEXT], port[32];
	const char *const unpack[] = { "/bin/tar",        "-xzf", archive, "-C", tk_dir(),
				       "--no-same-owner", NULL };
	const char *const argv[] = { bin, "--data",      data,     "--port",
				     "0", "--port-file", sim_port, NULL };

	snprintf(archive, sizeof(archive), "%s/data/nasty.tar.gz", tk_root());
	snprintf(data, sizeof(data), "%s/nasty", tk_dir());
	snprintf(bin, sizeof(bin), "%s", tk_bin("simulator"));
	snprintf(sim_port, sizeof(sim_port), "%s/simulator.port", tk_dir());
	assert_int_equal(tk_run(unpack, NULL, START_MS, NULL, 0), 0);
	tk_spawn(argv, NULL);
	assert_true(tk_wait_until(file_there, sim_port, START_MS));
	assert_true(tk_read_file(sim_port, port, sizeof(port)));
	port[strcspn(port, "\n")] = '\0';
	snprintf(base, sizeof(base), "http://127.0.0.1:%s", port);
}

static cJSON *control(const char *method, const char *path, const char *body)
{
	const struct http_header type = { "Content-Type", "application/json" };
	struct http_request q = { .method = method,
				  .url = arena_printf(arena, "%s/control/%s", base, path),
				  .headers = &type,
				  .n_headers = 1,
				  .body = body,
				  .body_len = body != NULL ? strlen(body) : 0 };
	struct http_response r;
	struct error err = { 0 };
	cJSON *tree;

	assert_int_equal(http_send(http, &q, arena, &r, &err), ST_OK);
	if (r.code != 200)
		fail_msg("%s %s: %d %s", method, path, r.code, r.body);
	tree = cJSON_Parse(r.body);
	assert_non_null(tree);
	return tree;
}

static void tell(const char *rule)
{
	cJSON_Delete(control("POST", "model", rule));
}

static int64_t total(const cJSON *tree, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(tree, "totals"), name);

	assert_true(cJSON_IsNumber(v));
	return (int64_t)v->valuedouble;
}

/* The provider writes its record when it has sent the end of an answer, which may be read by then.
 */
static bool all_recorded(void *arg)
{
	cJSON *tree = control("GET", "usage", NULL);
	bool all = total(tree, "requests") == heard.reports;

	(void)arg;
	cJSON_Delete(tree);
	return all;
}

/* What on_usage was told is the provider's record, to the token. */
static void expect_billed(void)
{
	cJSON *tree;

	tk_wait_until(all_recorded, NULL, START_MS);
	tree = control("GET", "usage", NULL);
	assert_int_equal(total(tree, "requests"), heard.reports);
	assert_int_equal(total(tree, "input_tokens"), heard.sum.input);
	assert_int_equal(total(tree, "cache_read_tokens"), heard.sum.cache_read);
	assert_int_equal(total(tree, "cache_write_5m_tokens"), heard.sum.cache_write_5m);
	assert_int_equal(total(tree, "cache_write_1h_tokens"), heard.sum.cache_write_1h);
	assert_int_equal(total(tree, "output_tokens"), heard.sum.output);
	assert_int_equal(total(tree, "broken_off"), heard.partial);
	cJSON_Delete(tree);
}

/* ---- a conversation ---- */

static struct conversation *talk_of(const char *question, enum conversation_ttl ttl)
{
	struct conversation *c = conversation_new(arena, system_text, ttl);

	assert_non_null(c);
	assert_int_equal(
		conversation_add_tool(
			c, "get_summary", "Orders and revenue of the brand.",
			"{\"type\":\"object\",\"properties\":{\"period\":{\"type\":"
			"\"string\",\"enum\":[\"from_the_first_day_to_the_last_of_all_time\"]}},"
			"\"required\":[\"period\"],\"additionalProperties\":false}",
			NULL),
		ST_OK);
	assert_int_equal(conversation_add_user(c, question, NULL), ST_OK);
	return c;
}

static void answer_calls(struct conversation *c, const struct model_reply *r)
{
	for (size_t i = 0; i < r->n_calls; i++) {
		bool bad = r->calls[i].malformed;
		const char *text = bad ? "{\"error\":{\"message\":\"no JSON\"}}" : RESULT;

		heard.calls++;
		heard.malformed += bad;
		assert_int_equal(
			conversation_add_result(c, r->calls[i].id, text, strlen(text), bad, NULL),
			ST_OK);
	}
}

/* Turns until the model is done or one fails; `r` and `err` are of the last. */
static enum status converse(struct conversation *c, struct model_reply *r, struct error *err)
{
	enum status st = ST_OK;
	bool more = true;

	while (more) {
		const struct model_turn turn = {
			.talk = c,
			.deadline_mono_us = time_mono_us() + TURN_US,
			.events = { .arg = &heard, .on_text = on_text, .on_usage = on_usage },
		};

		assert_true(heard.turns_n < TURNS_MAX);
		*err = (struct error){ 0 };
		st = model_send(client, &turn, arena, r, err);
		heard.turns[heard.turns_n++] = r->usage;
		heard.attempts += r->attempts;
		more = st == ST_OK &&
		       (r->stop == MODEL_STOP_TOOL_USE || r->stop == MODEL_STOP_PAUSE_TURN);
		if (!more)
			break;
		assert_int_equal(conversation_add_assistant(c, r->content, r->content_len, NULL),
				 ST_OK);
		heard.pauses += r->stop == MODEL_STOP_PAUSE_TURN;
		if (r->stop == MODEL_STOP_TOOL_USE)
			answer_calls(c, r);
	}
	return st;
}

static void test_turns_and_cache(void **state)
{
	struct model_reply r;
	struct error err;

	(void)state;
	assert_int_equal(converse(talk_of("How much did we earn?", CONVERSATION_TTL_1H), &r, &err),
			 ST_OK);
	assert_int_equal(r.stop, MODEL_STOP_END_TURN);
	assert_true(heard.calls >= 1);
	assert_true(heard.turns_n >= 2);
	assert_non_null(strstr(buf_str(&heard.text), "[e"));
	assert_true(r.message_id[0] != '\0');
	/* The prefix is written for an hour once, and read by the second turn with what the first
	 * turn added to it. */
	assert_true(heard.turns[0].cache_write_1h > 1000);
	assert_int_equal(heard.turns[0].cache_read, 0);
	assert_int_equal(heard.turns[1].cache_write_1h, 0);
	assert_int_equal(heard.turns[1].cache_read,
			 heard.turns[0].cache_write_1h + heard.turns[0].cache_write_5m);
	expect_billed();
	/* Somebody else's question reads the same prefix. */
	assert_int_equal(converse(talk_of("How many orders?", CONVERSATION_TTL_1H), &r, &err),
			 ST_OK);
	assert_int_equal(heard.turns[0].cache_write_1h, heard.sum.cache_write_1h);
	expect_billed();
}

static const struct row {
	const char *rule;
	enum status status;
	enum model_fault fault;
	enum model_stop stop;
	int extra; /* attempts above one a turn; -1: not said */
	int partial;
} rows[] = {
	{ "{\"mode\":\"overload\"}", ST_OK, MODEL_FAULT_NONE, MODEL_STOP_END_TURN, 1, 0 },
	{ "{\"mode\":\"overload\",\"count\":2}", ST_UNAVAILABLE, MODEL_FAULT_OVERLOADED,
	  MODEL_STOP_NONE, 1, 0 },
	{ "{\"mode\":\"rate_limit\"}", ST_OK, MODEL_FAULT_NONE, MODEL_STOP_END_TURN, 1, 0 },
	{ "{\"mode\":\"rate_limit\",\"retry_after\":1}", ST_OK, MODEL_FAULT_NONE,
	  MODEL_STOP_END_TURN, 1, 0 },
	{ "{\"mode\":\"rate_limit\",\"retry_after\":3600}", ST_LIMITED, MODEL_FAULT_RATE,
	  MODEL_STOP_NONE, 0, 0 },
	{ "{\"mode\":\"unauthorized\"}", ST_UNAVAILABLE, MODEL_FAULT_KEY, MODEL_STOP_NONE, 0, 0 },
	{ "{\"mode\":\"refuse\"}", ST_OK, MODEL_FAULT_NONE, MODEL_STOP_REFUSAL, 0, 0 },
	{ "{\"mode\":\"max_tokens\"}", ST_OK, MODEL_FAULT_NONE, MODEL_STOP_MAX_TOKENS, 0, 0 },
	{ "{\"mode\":\"context_window\"}", ST_OK, MODEL_FAULT_NONE, MODEL_STOP_CONTEXT_WINDOW, 0,
	  0 },
	{ "{\"mode\":\"pause_turn\"}", ST_OK, MODEL_FAULT_NONE, MODEL_STOP_END_TURN, 0, 0 },
	{ "{\"mode\":\"slow\",\"delay_ms\":20}", ST_OK, MODEL_FAULT_NONE, MODEL_STOP_END_TURN, 0,
	  0 },
	{ "{\"mode\":\"bad_json_tool\"}", ST_OK, MODEL_FAULT_NONE, MODEL_STOP_END_TURN, 0, 0 },
};

static void forget(void)
{
	cJSON_Delete(control("DELETE", "model", NULL));
	cJSON_Delete(control("DELETE", "usage", NULL));
	buf_reset(&heard.text);
	heard = (struct heard){ .text = heard.text };
}

/* Every way to end, each with the provider's record of it. */
static void test_misbehaviour(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct model_reply r;
		struct error err;
		enum status st;

		forget();
		tell(row->rule);
		st = converse(talk_of("How much did we earn?", CONVERSATION_TTL_5M), &r, &err);
		if (st != row->status || r.fault != row->fault || r.stop != row->stop)
			fail_msg("%s: %s, fault %d, stop %d, %s", row->rule, status_name(st),
				 (int)r.fault, (int)r.stop, err.detail);
		assert_int_equal(heard.attempts - heard.turns_n, row->extra);
		assert_int_equal(heard.partial, row->partial);
		if (row->fault == MODEL_FAULT_RATE)
			assert_int_equal(err.retry_after_s, 3600);
		if (strstr(row->rule, "pause") != NULL)
			assert_int_equal(heard.pauses, 1);
		assert_true(heard.calls >= (strstr(row->rule, "bad_json") != NULL));
		assert_int_equal(heard.malformed, 0);
		expect_billed();
	}
}

/* Broken in the middle: tried again while nothing was handed on, told as it is after that; either
 * way each request that was begun is on the bill. */
static void test_broken_off(void **state)
{
	static const char *const rules[] = { "{\"mode\":\"break_off\"}",
					     "{\"mode\":\"error_in_stream\"}",
					     "{\"mode\":\"break_off\",\"count\":6}",
					     "{\"mode\":\"error_in_stream\",\"count\":6}" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct model_reply r;
		struct error err;
		enum status st;

		forget();
		tell(rules[i]);
		st = converse(talk_of("How much did we earn?", CONVERSATION_TTL_5M), &r, &err);
		if (heard.partial < 1)
			fail_msg("%s: partial %d reports %d attempts %d turns %d st %d", rules[i],
				 heard.partial, heard.reports, heard.attempts, heard.turns_n,
				 (int)st);
		assert_int_equal(heard.reports, heard.attempts);
		if (i >= 2)
			assert_int_not_equal(st, ST_OK);
		if (st == ST_OK) {
			assert_int_equal(heard.attempts, heard.turns_n + 1);
		} else {
			assert_true(r.fault == MODEL_FAULT_TRUNCATED ||
				    r.fault == MODEL_FAULT_OVERLOADED ||
				    r.fault == MODEL_FAULT_PROVIDER);
			assert_true(r.text_given || r.attempts == MODEL_ATTEMPTS);
			assert_true(!r.text_given || r.attempts == 1);
			assert_true(r.usage.known && r.usage.partial);
		}
		expect_billed();
	}
}

/* The beginning of the body, up to the messages, is the same for two askers; the tools' order does
 * not matter. */
static void test_prefix_stable(void **state)
{
	static const char *const order[2][3] = { { "a", "b", "c" }, { "c", "a", "b" } };
	struct buf body[2];
	size_t len[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct conversation *c = conversation_new(arena, system_text, CONVERSATION_TTL_1H);

		for (int j = 0; j < 3; j++)
			assert_int_equal(conversation_add_tool(c, order[i][j], "words",
							       "{\"type\":\"object\"}", NULL),
					 ST_OK);
		assert_int_equal(
			conversation_add_user(c, i == 0 ? "tenant A, today" : "tenant B", NULL),
			ST_OK);
		buf_init(&body[i], CONVERSATION_BODY_MAX);
		assert_int_equal(conversation_body(c, "claude-sonnet-5", 1000, &body[i], NULL),
				 ST_OK);
		len[i] = (size_t)(strstr(body[i].data, "\"messages\":[") - body[i].data);
	}
	assert_int_equal(len[0], len[1]);
	assert_true(len[0] > SYSTEM_SIZE);
	assert_memory_equal(body[0].data, body[1].data, len[0]);
	assert_string_not_equal(body[0].data, body[1].data);
	buf_done(&body[0]);
	buf_done(&body[1]);
}

static void test_unreachable(void **state)
{
	struct model_client *other = NULL, *right = client;
	char url[64];
	struct model_reply r;
	struct error err;
	const struct model_config cfg = { .url = url,
					  .key = "sk-ant-test-0123456789",
					  .model = "claude-sonnet-5",
					  .max_tokens = 1000 };

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", tk_free_port());
	assert_int_equal(model_client_new(&cfg, &other, NULL), ST_OK);
	client = other;
	assert_int_equal(converse(talk_of("q", CONVERSATION_TTL_5M), &r, &err), ST_UNAVAILABLE);
	client = right;
	assert_int_equal(r.fault, MODEL_FAULT_UNREACHABLE);
	assert_int_equal(r.attempts, MODEL_ATTEMPTS);
	assert_null(strstr(err.detail, "sk-ant"));
	assert_int_equal(heard.reports, 0);
	model_client_free(other);
}

static int group_setup(void **state)
{
	struct model_config cfg = { .url = base,
				    .key = "sk-ant-test-0123456789",
				    .model = "claude-sonnet-5",
				    .max_tokens = 2000 };

	(void)state;
	arena = arena_new(ARENA_MAX);
	http = http_client_new("model-test");
	buf_init(&heard.text, 1024 * 1024);
	for (size_t i = 0; i < SYSTEM_SIZE; i++)
		system_text[i] = "answer with figures only "[i % 25];
	start_simulator();
	return arena == NULL || http == NULL || model_client_new(&cfg, &client, NULL) != ST_OK;
}

static int group_teardown(void **state)
{
	(void)state;
	model_client_free(client);
	http_client_free(http);
	buf_done(&heard.text);
	arena_free(arena);
	return 0;
}

static int test_setup(void **state)
{
	(void)state;
	forget();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_turns_and_cache, test_setup),
		cmocka_unit_test_setup(test_misbehaviour, test_setup),
		cmocka_unit_test_setup(test_broken_off, test_setup),
		cmocka_unit_test_setup(test_prefix_stable, test_setup),
		cmocka_unit_test_setup(test_unreachable, test_setup),
	};

	return cmocka_run_group_tests_name("model_provider", tests, group_setup, group_teardown);
}
