/*
 * What of a text is released: whole sentences whose numbers were traced, nothing behind the first
 * number that was not, and marks where it is final, however the text was cut into pieces.
 */
#include "draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)16 * 1024 * 1024)
#define SHOWN_MAX ((size_t)128 * 1024)

static const char good[] = "Brand Search earned 7,345.12 GBP [e1] for 1,000.19 GBP [e2]. That is "
			   "much.\n\nFindings:\n- It earned 7,345.12 GBP [e1].\n";
static const char first[] = "Brand Search earned 7,345.12 GBP [e1]. ";
static const char bad[] = "Brand Search earned 7,345.12 GBP [e1]. It will earn 9,999.00 GBP. It "
			  "cost 1,000.19 GBP [e2].";

struct fixture {
	struct arena *arena;
	struct evidence_list evidence;
	struct draft draft;
	struct buf shown;
	int parts;
	enum status fail; /* what release says; ST_OK: goes on */
};

static enum status take(void *arg, const char *text)
{
	struct fixture *f = arg;

	buf_puts(&f->shown, text);
	f->parts++;
	return f->fail;
}

static void add(struct fixture *f, const char *key, const char *value, const char *unit)
{
	const char *id;

	assert_int_equal(evidence_add(&f->evidence,
				      &(struct evidence_new){ .tool = "get_attribution",
							      .arguments = "{}",
							      .metric = key,
							      .value = value,
							      .unit = unit,
							      .key = key,
							      .name = "Brand Search",
							      .group = "campaign",
							      .call = 1,
							      .row = 0 },
				      &id),
			 ST_OK);
}

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .arena = arena_new(ARENA_MAX) };
	evidence_init(&f.evidence, f.arena);
	assert_int_equal(evidence_begin(&f.evidence), 1);
	add(&f, "revenue", "7345.12", "GBP");
	add(&f, "spend", "1000.19", "GBP");
	buf_init(&f.shown, SHOWN_MAX);
	draft_init(&f.draft, f.arena, &f.evidence, "", take, &f);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	draft_done(&f->draft);
	buf_done(&f->shown);
	arena_free(f->arena);
	return 0;
}

/* In pieces of that many bytes. */
static void write_in(struct fixture *f, const char *text, size_t piece)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i += piece)
		assert_int_equal(draft_add(&f->draft, text + i, len - i < piece ? len - i : piece),
				 ST_OK);
}

static void begin(struct fixture *f, bool hold)
{
	buf_reset(&f->shown);
	f->parts = 0;
	draft_begin(&f->draft, hold);
}

static void a_traced_text_is_shown_whole_however_it_is_cut(void **state)
{
	struct fixture *f = *state;

	for (size_t piece = 1; piece <= sizeof(good); piece++) {
		const char *text;

		begin(f, false);
		write_in(f, good, piece);
		assert_int_equal(draft_end(&f->draft), ST_OK);
		assert_false(f->draft.stopped);
		assert_string_equal(buf_str(&f->shown), good);
		assert_int_equal(draft_finish(&f->draft, &text), ST_OK);
		assert_string_equal(text, good);
		assert_string_equal(buf_str(&f->shown), good);
		assert_int_equal(f->draft.n_untraced, 0);
		assert_int_equal(evidence_used(&f->evidence), 2);
	}
}

static void sentences_are_shown_while_the_next_is_written(void **state)
{
	struct fixture *f = *state;
	const char *half = strstr(good, "That is");

	begin(f, false);
	assert_int_equal(draft_add(&f->draft, good, (size_t)(half - good) + 4), ST_OK);
	/* The space behind may come with the next sentence. */
	assert_int_equal(strncmp(buf_str(&f->shown), good, (size_t)(half - good) - 1), 0);
	assert_true(f->shown.len <= (size_t)(half - good));
	assert_true(f->draft.shown);
}

static void nothing_is_shown_on_hold(void **state)
{
	struct fixture *f = *state;

	begin(f, true);
	write_in(f, good, 7);
	assert_int_equal(f->parts, 0);
	assert_false(f->draft.shown);
	assert_int_equal(draft_end(&f->draft), ST_OK);
	assert_string_equal(buf_str(&f->shown), good);
}

static void nothing_is_shown_behind_an_untraced_number(void **state)
{
	struct fixture *f = *state;

	for (size_t piece = 1; piece <= sizeof(bad); piece++) {
		const char *complaint;

		begin(f, false);
		write_in(f, bad, piece);
		assert_int_equal(draft_end(&f->draft), ST_OK);
		assert_true(f->draft.stopped);
		assert_in_range(f->shown.len, sizeof(first) - 2, sizeof(first) - 1);
		assert_int_equal(strncmp(buf_str(&f->shown), first, f->shown.len), 0);
		assert_int_equal(draft_complaint(&f->draft, &complaint), ST_OK);
		assert_non_null(strstr(complaint, "9,999.00"));
		assert_null(strstr(complaint, "7,345.12"));
	}
}

static void what_stays_untraced_is_marked(void **state)
{
	struct fixture *f = *state;
	const char *text;

	begin(f, false);
	write_in(f, bad, 5);
	assert_int_equal(draft_end(&f->draft), ST_OK);
	assert_int_equal(draft_finish(&f->draft, &text), ST_OK);
	assert_string_equal(buf_str(&f->shown), text);
	assert_non_null(strstr(text, "[untraced]"));
	assert_null(strstr(strstr(text, "[untraced]") + 1, "[untraced]"));
	assert_non_null(strstr(text, "1,000.19 GBP [e2]."));
	assert_int_equal(f->draft.n_untraced, 1);
	assert_non_null(strstr(f->draft.untraced[0], "9,999.00"));
	/* Nothing is used but what the text stands on. */
	assert_int_equal(evidence_used(&f->evidence), 2);
	begin(f, false);
	assert_int_equal(evidence_used(&f->evidence), 0);
}

static void an_asker_who_left_ends_the_draft(void **state)
{
	struct fixture *f = *state;

	begin(f, false);
	f->fail = ST_CANCELLED;
	assert_int_equal(draft_add(&f->draft, good, strlen(good)), ST_CANCELLED);
	assert_int_equal(f->parts, 1);
}

static void a_text_without_an_end_is_refused(void **state)
{
	struct fixture *f = *state;
	enum status st = ST_OK;

	begin(f, true);
	for (size_t n = 0; st == ST_OK && n <= DRAFT_TEXT_MAX; n += 55)
		st = draft_add(&f->draft,
			       "words and words and words and words and words and wordy. ", 55);
	assert_int_equal(st, ST_TOO_LARGE);
}

static void a_long_text_comes_in_parts(void **state)
{
	struct fixture *f = *state;
	const size_t len = DRAFT_TEXT_MAX - 8;
	char *text = arena_alloc(f->arena, len + 1);
	const char *final;

	/* One sentence of characters of three bytes. */
	for (size_t i = 0; i + 3 <= len; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	begin(f, true);
	assert_int_equal(draft_add(&f->draft, text, strlen(text)), ST_OK);
	assert_int_equal(draft_end(&f->draft), ST_OK);
	assert_int_equal(draft_finish(&f->draft, &final), ST_OK);
	assert_string_equal(buf_str(&f->shown), text);
	assert_true(f->parts >= 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_traced_text_is_shown_whole_however_it_is_cut),
		TEST(sentences_are_shown_while_the_next_is_written),
		TEST(nothing_is_shown_on_hold),
		TEST(nothing_is_shown_behind_an_untraced_number),
		TEST(what_stays_untraced_is_marked),
		TEST(an_asker_who_left_ends_the_draft),
		TEST(a_text_without_an_end_is_refused),
		TEST(a_long_text_comes_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
