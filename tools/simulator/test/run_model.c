/* The model without the service around it: what a caller may offer and report, however odd, ends in
 * a turn. Read next: model.c, model_plan.c, model_write.c. */
#include "anthropic.h"

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)1024 * 1024)
#define ASK       "{\"role\":\"user\",\"content\":\"What was the revenue?\"}"

struct thought {
	struct arena *arena;
	cJSON *tools, *messages;
	struct modes *modes;
	struct model_reply reply;
};

static void think(struct thought *t, const char *tools, const char *messages)
{
	struct anth_request r = { .max_tokens = 500 };
	struct mode_rule mode;

	*t = (struct thought){ .arena = arena_new(ARENA_MAX),
			       .tools = cJSON_Parse(tools),
			       .messages = cJSON_Parse(messages),
			       .modes = modes_new() };
	assert_non_null(t->arena);
	assert_non_null(t->tools);
	assert_non_null(t->messages);
	assert_non_null(t->modes);
	r.tools = t->tools;
	r.messages = t->messages;
	assert_true(model_think(t->arena, &r, t->modes, &mode, &t->reply));
}

static void forget(struct thought *t)
{
	modes_free(t->modes);
	cJSON_Delete(t->messages);
	cJSON_Delete(t->tools);
	arena_free(t->arena);
}

static void a_list_without_words_is_left_out(void **state)
{
	struct thought t;

	(void)state;
	think(&t,
	      "[{\"name\":\"get_summary\",\"input_schema\":{\"type\":\"object\",\"properties\":{"
	      "\"by\":{\"enum\":[]},\"to\":{\"enum\":[7]},\"of\":{\"enum\":[\"net\"]}},"
	      "\"required\":[\"by\",\"to\",\"of\"]}}]",
	      "[" ASK "]");
	assert_int_equal(t.reply.n_calls, 1);
	assert_string_equal(t.reply.calls[0].name, "get_summary");
	assert_string_equal(t.reply.calls[0].input, "{\"of\":\"net\"}");
	forget(&t);
}

static void amounts_at_the_ends_are_rounded(void **state)
{
	static const char *const lines[] = { "Gross came to 9,223,372,036,854.78 [e1].",
					     "Refunds came to -9,223,372,036,854.78 [e2].",
					     "Net came to -0.01 [e3].", "Ads cost 0.01 [e4]." };
	struct thought t;

	(void)state;
	think(&t, "[{\"name\":\"get_summary\",\"input_schema\":{\"type\":\"object\"}}]",
	      "[" ASK ",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\","
	      "\"name\":\"get_summary\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{"
	      "\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"{"
	      "\\\"gross\\\":{\\\"id\\\":\\\"e1\\\",\\\"value\\\":\\\"9223372036854.775807\\\"},"
	      "\\\"refunds\\\":{\\\"id\\\":\\\"e2\\\",\\\"value\\\":\\\"-9223372036854.775807\\\"},"
	      "\\\"net\\\":{\\\"id\\\":\\\"e3\\\",\\\"value\\\":\\\"-0.005\\\"},"
	      "\\\"ad_spend\\\":{\\\"id\\\":\\\"e4\\\",\\\"value\\\":\\\"0.0149\\\"}}\"}]}]");
	assert_int_equal(t.reply.n_calls, 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(t.reply.text, lines[i]))
			fail_msg("%s is not in: %s", lines[i], t.reply.text);
	forget(&t);
}

/* A return of nothing is not the best one. */
static void nothing_earned_is_no_reason_to_spend(void **state)
{
	struct thought t;

	(void)state;
	think(&t,
	      "[{\"name\":\"get_summary\",\"input_schema\":{\"type\":\"object\"}},"
	      "{\"name\":\"get_attribution\",\"input_schema\":{\"type\":\"object\"}}]",
	      "[{\"role\":\"user\",\"content\":\"Which campaigns should I spend more on?\"},"
	      "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\","
	      "\"name\":\"get_summary\",\"input\":{}},{\"type\":\"tool_use\",\"id\":\"t2\","
	      "\"name\":\"get_attribution\",\"input\":{\"by\":\"campaign\"}}]},"
	      "{\"role\":\"user\",\"content\":["
	      "{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":"
	      "\"{\\\"roas\\\":{\\\"id\\\":\\\"e1\\\",\\\"value\\\":\\\"0.50\\\"}}\"},"
	      "{\"type\":\"tool_result\",\"tool_use_id\":\"t2\",\"content\":"
	      "\"{\\\"rows\\\":[{\\\"campaign\\\":\\\"Idle\\\","
	      "\\\"revenue\\\":{\\\"id\\\":\\\"e2\\\",\\\"value\\\":\\\"0.00\\\"},"
	      "\\\"spend\\\":{\\\"id\\\":\\\"e3\\\",\\\"value\\\":\\\"10.00\\\"},"
	      "\\\"roas\\\":{\\\"id\\\":\\\"e4\\\",\\\"value\\\":\\\"0.00\\\"}}]}\"}]}]");
	assert_int_equal(t.reply.n_calls, 0);
	assert_non_null(strstr(t.reply.text, "Spend more on none: no campaign returns anything."));
	assert_null(strstr(t.reply.text, "Raise the budget"));
	assert_non_null(strstr(t.reply.text, "Do not spend more on "));
	forget(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_without_words_is_left_out),
		cmocka_unit_test(amounts_at_the_ends_are_rounded),
		cmocka_unit_test(nothing_earned_is_no_reason_to_spend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
