/* An answer's text taken apart: headings and bullets as models write them, and limits. */
#include "report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)8 * 1024 * 1024)

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

/* "prose|finding;finding|recommendation" */
static const struct {
	const char *text, *parts;
} cases[] = {
	{ "", "||" },
	{ "Only prose.", "Only prose.||" },
	{ "Prose.\n\nFindings:\n- A\n- B\n\nRecommendations:\n- C\n", "Prose.|A;B|C" },
	{ "Prose.\n**Findings:**\n* A\n**Recommendations**\n* C", "Prose.|A|C" },
	{ "Prose.\n## Findings\n1. A\n2) B\n### Recommendations:\n+ C", "Prose.|A;B|C" },
	{ "Prose.\n**Key findings**:\n\xe2\x80\xa2 A\nrecommendations\n- C", "Prose.|A|C" },
	{ "Findings:\n- A\n  goes on\n\n- B\nRecommendations:\n- C", "|A goes on;B|C" },
	{ "Findings:\nA without a bullet\nRecommendations:\nC", "|A without a bullet|C" },
	{ "Recommendations:\n- C\nFindings:\n- A", "|A|C" },
	{ "Prose.\r\n\r\nFindings:\r\n- A\r\nRecommendations:\r\n- C\r\n", "Prose.|A|C" },
	{ "The findings: none.\n- not one", "The findings: none.\n- not one||" },
	{ "Findings:\n- \n-  A\n", "|A|" },
	{ "Findings:\n- A [e1].\n\nAfterword.", "|A [e1].;Afterword.|" },
	{ "Findings:\n- 3.5x [e1]\n", "|3.5x [e1]|" },
	{ "Findings:\n3.5x [e1]\n", "|3.5x [e1]|" },
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char got[512];
		struct report r;
		size_t n;

		assert_int_equal(report_split(*state, cases[i].text, &r), ST_OK);
		n = (size_t)snprintf(got, sizeof(got), "%s|", r.prose);
		for (size_t k = 0; k < r.n_findings; k++)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s", k ? ";" : "",
					      r.findings[k]);
		n += (size_t)snprintf(got + n, sizeof(got) - n, "|");
		for (size_t k = 0; k < r.n_recommendations; k++)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s", k ? ";" : "",
					      r.recommendations[k]);
		assert_string_equal(got, cases[i].parts);
	}
}

/* Sixty bullets of 6,000 two-byte characters: fifty are kept, each cut between characters. */
static void test_limits(void **state)
{
	size_t n = 0, max = (size_t)60 * 13000;
	char *text = malloc(max);
	struct report r;

	assert_non_null(text);
	n += (size_t)snprintf(text, max, "Findings:\n");
	for (int i = 0; i < 60; i++) {
		n += (size_t)snprintf(text + n, max - n, "- x");
		for (int k = 0; k < 6000; k++, n += 2)
			memcpy(text + n, "\xc3\xa9", 2);
		text[n++] = '\n';
	}
	text[n] = '\0';
	assert_int_equal(report_split(*state, text, &r), ST_OK);
	assert_int_equal(r.n_findings, REPORT_ITEMS_MAX);
	assert_int_equal(strlen(r.findings[49]), REPORT_ITEM_TEXT_MAX - 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
