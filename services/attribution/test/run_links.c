/* Distinct links: numbered in the order of their coming, cut to what the table takes. */
#include "links.h"

#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)16 * 1024 * 1024)

static int setup(void **state)
{
	*state = arena_new(ARENA_MAX);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static size_t add(struct links *set, const char *source, const char *type, const char *medium,
		  const char *campaign)
{
	const struct link l = { source, type, medium, campaign };
	size_t n = SIZE_MAX;

	assert_int_equal(links_add(set, &l, &n), ST_OK);
	return n;
}

static void test_numbers(void **state)
{
	struct links set;

	links_init(&set, *state);
	assert_int_equal(add(&set, "a", "", "", ""), 0);
	assert_int_equal(add(&set, "", "a", "", ""), 1);
	assert_int_equal(add(&set, "", "", "a", ""), 2);
	assert_int_equal(add(&set, "", "", "", "a"), 3);
	assert_int_equal(add(&set, "", "a", "", ""), 1);
	assert_int_equal(add(&set, "A", "", "", ""), 4);
	assert_int_equal(add(&set, "", "", "", ""), 5);
	assert_int_equal(set.n, 6);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 5000; i++)
			assert_int_equal(add(&set, arena_printf(*state, "%zu", i), "", "m", ""),
					 6 + i);
	assert_int_equal(set.n, 5006);
	assert_string_equal(set.rows[6 + 77].source, "77");
}

/* Texts are cut at a character, so that what is stored is still UTF-8; what is the same once cut is
 * one link. */
static void test_cuts(void **state)
{
	char text[3000], other[3000];
	struct links set;
	size_t n;

	links_init(&set, *state);
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x98\x83", 4);
	memcpy(other, text, sizeof(text));
	memcpy(other + strlen(other) - 3, "end", 3);
	n = add(&set, text, text, text, text);
	assert_int_equal(add(&set, other, other, other, other), n);
	assert_int_equal(strlen(set.rows[n].source), LINK_SOURCE_MAX / 3 * 3);
	assert_int_equal(strlen(set.rows[n].source_type), LINK_TYPE_MAX / 3 * 3);
	assert_int_equal(strlen(set.rows[n].medium), LINK_MEDIUM_MAX / 3 * 3);
	assert_int_equal(strlen(set.rows[n].campaign), LINK_CAMPAIGN_MAX / 3 * 3);
	assert_true(utf8_valid(set.rows[n].campaign, strlen(set.rows[n].campaign)));
	assert_string_equal(link_campaign_text(*state, text), set.rows[n].campaign);
	assert_string_equal(link_campaign_text(*state, "short"), "short");
}

static void test_full(void **state)
{
	struct arena *small = arena_new(8192);
	enum status st = ST_OK;
	struct links set;
	size_t n;

	(void)state;
	links_init(&set, small);
	for (int i = 0; st == ST_OK && i < 100000; i++) {
		char text[16];
		const struct link l = { text, "", "", "" };

		memset(text, 0, sizeof(text));
		text[0] = (char)('a' + i % 26);
		text[1] = (char)('a' + i / 26 % 26);
		text[2] = (char)('a' + i / 676 % 26);
		st = links_add(&set, &l, &n);
	}
	assert_int_equal(st, ST_TOO_LARGE);
	arena_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cuts, setup, teardown),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
