/*
 * What a call is said to read at most: never less than a provider counts, however it cuts bytes
 * into tokens, and far less than a token for each byte where it has counted before.
 */
#include "bound.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define ARENA_MAX     ((size_t)16 * 1024 * 1024)
#define SYSTEM_BYTES  4000
#define TEXT_MAX      3000
#define CONVERSATIONS 40
#define CALLS         6
#define FRAME         5   /* tokens around a message */
#define TOOLS_AUTO    346 /* of the provider's own prompt for tools */
#define TOOLS_NONE    590
#define TOOL          "{\"type\":\"object\",\"properties\":{\"from\":{\"type\":\"string\"}}}"

/* A model, as far as its tokens go. */
struct model {
	uint32_t seed, every; /* about one byte in `every` begins a token */
	size_t hidden;        /* thinking that was counted and not shown, so far */
};

static uint32_t dice;

static uint32_t roll(uint32_t below)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % below;
}

static void random_text(struct buf *b, size_t max)
{
	static const char *const parts[] = { "a",  "e", "revenue ", "\"",       " ",  "1,234.56",
					     "\n", "é", "茶",       "[e12]",    "\\", "{\"id\":1}",
					     "0",  ".", "campaign", "________", "€ " };

	buf_init(b, max + 16);
	buf_puts(b, "t");
	for (size_t want = 1 + roll((uint32_t)max - 16); b->len < want;)
		buf_puts(b, parts[roll(sizeof(parts) / sizeof(parts[0]))]);
	assert_false(b->failed);
}

/* ---- the provider ---- */

/* A token begins where the bytes around say so: what follows a text can change its last one. */
static size_t count(const struct model *m, const char *text)
{
	size_t n = *text != '\0';

	for (const char *p = text + 1; *text != '\0' && *p != '\0'; p++) {
		uint32_t h = m->seed;

		h = (h ^ (uint8_t)p[-1]) * 16777619u;
		h = (h ^ (uint8_t)p[0]) * 16777619u;
		h = (h ^ (uint8_t)p[1]) * 16777619u;
		n += (h >> 7) % m->every == 0;
	}
	return n;
}

static size_t count_json(const struct model *m, cJSON *block)
{
	char *text;
	size_t n;

	cJSON_DeleteItemFromObjectCaseSensitive(block, "cache_control");
	text = cJSON_PrintUnformatted(block);
	assert_non_null(text);
	n = count(m, text);
	cJSON_free(text);
	return n;
}

/* What the provider tells that it read. */
static int64_t read_by(const struct model *m, const struct conversation *c)
{
	size_t n = m->hidden;
	cJSON *body, *item, *block;
	struct buf b;

	buf_init(&b, CONVERSATION_BODY_MAX);
	assert_int_equal(conversation_body(c, "claude-sonnet-5", 4096, &b, NULL), ST_OK);
	body = cJSON_Parse(buf_str(&b));
	assert_non_null(body);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(body, "tools")) n += count_json(m, item);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(body, "system")) n += count_json(m, item);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(body, "messages"))
	{
		n += FRAME;
		cJSON_ArrayForEach(block, cJSON_GetObjectItem(item, "content")) n +=
			count_json(m, block);
	}
	n += cJSON_HasObjectItem(body, "tool_choice") ? TOOLS_NONE : TOOLS_AUTO;
	cJSON_Delete(body);
	buf_done(&b);
	return (int64_t)n;
}

/* ---- conversations ---- */

static struct conversation *begin(struct arena *a)
{
	static char system[SYSTEM_BYTES + 1];
	struct conversation *c;

	for (size_t i = 0; i < SYSTEM_BYTES; i++)
		system[i] = "You are the analyst. "[i % 21];
	c = conversation_new(a, system, CONVERSATION_TTL_5M);
	assert_non_null(c);
	assert_int_equal(conversation_add_tool(c, "get_summary", "The totals.", TOOL, NULL), ST_OK);
	assert_int_equal(conversation_add_tool(c, "calculate", "A sum.", TOOL, NULL), ST_OK);
	return c;
}

static void say(struct conversation *c)
{
	struct buf b;

	random_text(&b, TEXT_MAX);
	assert_int_equal(conversation_add_user(c, buf_str(&b), NULL), ST_OK);
	buf_done(&b);
}

/* What the model says in a call: a text, and perhaps tools. */
struct said {
	struct buf content;
	uint32_t tools;
	size_t written; /* tokens, hidden ones among them */
};

static void make_answer(struct model *m, int call, struct said *ret)
{
	size_t hidden = roll(2) ? roll(900) : 0;
	struct buf text;

	ret->tools = roll(3);
	random_text(&text, TEXT_MAX / 2);
	buf_init(&ret->content, CONVERSATION_BODY_MAX);
	buf_puts(&ret->content, "[{\"type\":\"text\",\"text\":");
	buf_put_json(&ret->content, buf_str(&text), text.len);
	buf_putc(&ret->content, '}');
	for (uint32_t i = 0; i < ret->tools; i++)
		buf_printf(&ret->content,
			   ",{\"type\":\"tool_use\",\"id\":\"toolu_%d_%u\",\"name\":\"calculate\","
			   "\"input\":{\"op\":\"sum\"}}",
			   call, i);
	buf_putc(&ret->content, ']');
	ret->written = count(m, buf_str(&ret->content)) + hidden;
	m->hidden += hidden;
	buf_done(&text);
}

/* With the results of its tools; without tools it paused, or is told to write again. */
static void add_answer(struct conversation *c, int call, struct said *s)
{
	struct buf text;
	char id[32];

	assert_int_equal(conversation_add_assistant(c, buf_str(&s->content), s->content.len, NULL),
			 ST_OK);
	for (uint32_t i = 0; i < s->tools; i++) {
		random_text(&text, TEXT_MAX);
		snprintf(id, sizeof(id), "toolu_%d_%u", call, i);
		assert_int_equal(
			conversation_add_result(c, id, buf_str(&text), text.len, false, NULL),
			ST_OK);
		buf_done(&text);
	}
	if (s->tools == 0 && roll(2))
		say(c);
	buf_done(&s->content);
}

static void one_question(struct bound *b, struct model *m)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct conversation *c;

	assert_non_null(a);
	c = begin(a);
	bound_begin(b, c);
	m->hidden = 0;
	say(c);
	for (int i = 0; i < CALLS; i++) {
		int64_t most = (int64_t)conversation_tokens_at_most(c), read = read_by(m, c);
		struct said s;

		if (read > most)
			fail_msg("one in %u, call %d: %lld read, %lld reserved", m->every, i,
				 (long long)read, (long long)most);
		make_answer(m, i, &s);
		bound_learn(b, c, most, read, (int64_t)s.written);
		add_answer(c, i, &s);
		if (i + 2 == CALLS)
			conversation_forbid_tools(c);
	}
	arena_free(a);
}

/* ---- tests ---- */

static void no_call_reads_more_than_was_reserved(void **state)
{
	static const uint32_t every[] = { 1, 2, 3, 4, 7, 16, 64 };

	(void)state;
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		struct bound b = { 0 };

		dice = (uint32_t)(i + 1) * 2654435761u;
		for (int k = 0; k < CONVERSATIONS; k++) {
			struct model m = { .seed = 2166136261u, .every = every[i] };

			one_question(&b, &m);
		}
		assert_true(atomic_load(&b.prefix) > 0);
	}
}

static size_t bytes_of(const char *text)
{
	return strlen("{\"type\":\"text\",\"text\":\"\"}") + strlen(text);
}

static void what_was_counted_is_not_counted_again_by_bytes(void **state)
{
	static const char said[] = "[{\"type\":\"text\",\"text\":\"words\"}]";
	struct arena *a = arena_new(ARENA_MAX);
	struct conversation *c = begin(a), *next = begin(a);
	struct bound b = { 0 };
	size_t first;

	(void)state;
	bound_begin(&b, c);
	assert_int_equal(conversation_add_user(c, "What?", NULL), ST_OK);
	first = conversation_tokens_at_most(c);
	assert_true(first > SYSTEM_BYTES + bytes_of("What?") + CONVERSATION_SLACK);
	bound_learn(&b, c, (int64_t)first, 1500, 70);
	assert_int_equal(conversation_tokens_at_most(c), 1570 + CONVERSATION_SLACK);
	assert_int_equal(conversation_add_assistant(c, said, strlen(said), NULL), ST_OK);
	assert_int_equal(conversation_add_user(c, "Again.", NULL), ST_OK);
	assert_int_equal(conversation_tokens_at_most(c),
			 1570 + strlen(said) + bytes_of("Again.") + CONVERSATION_SLACK);
	/* Another question: what the first call read, and its own first message. */
	bound_begin(&b, next);
	assert_int_equal(conversation_add_user(next, "Which?", NULL), ST_OK);
	assert_int_equal(conversation_tokens_at_most(next),
			 1500 + bytes_of("Which?") + CONVERSATION_SLACK);
	/* The fewest that any call read. */
	bound_learn(&b, next, 2600, 1400, 0);
	bound_learn(&b, next, 2600, 1900, 0);
	assert_int_equal(atomic_load(&b.prefix), 1400);
	arena_free(a);
}

static void bytes_count_where_counts_cannot_be_believed(void **state)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct conversation *c = begin(a), *next = begin(a);
	struct bound b = { 0 };
	size_t bytes;

	(void)state;
	assert_int_equal(conversation_add_user(c, "What?", NULL), ST_OK);
	bytes = conversation_tokens_at_most(c);
	/* Nothing, and more than each byte would be: the bytes stay. */
	bound_learn(&b, c, (int64_t)bytes, 0, 0);
	assert_int_equal(conversation_tokens_at_most(c), bytes);
	bound_learn(&b, c, (int64_t)bytes, (int64_t)bytes - 1, 0);
	assert_int_equal(conversation_tokens_at_most(c), bytes);
	bound_learn(&b, c, (int64_t)bytes, 900, 0);
	assert_true(conversation_tokens_at_most(c) < bytes);
	/* A call that read more than was reserved: no count is believed any more. */
	bound_learn(&b, c, 1924, 1925, 0);
	assert_int_equal(conversation_tokens_at_most(c), bytes);
	bound_begin(&b, next);
	assert_int_equal(conversation_add_user(next, "What?", NULL), ST_OK);
	assert_int_equal(conversation_tokens_at_most(next), bytes);
	bound_learn(&b, next, (int64_t)bytes, 900, 0);
	assert_int_equal(conversation_tokens_at_most(next), bytes);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_call_reads_more_than_was_reserved),
		cmocka_unit_test(what_was_counted_is_not_counted_again_by_bytes),
		cmocka_unit_test(bytes_count_where_counts_cannot_be_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
