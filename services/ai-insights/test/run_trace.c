/*
 * Tracing: which numbers of a text are vouched for, by what, and which are not.
 * long: a table of sentences.
 */
#include "trace.h"

#include "core/id.h"

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

/* The figures that all tests trace to; the ids are their places from 1. */
static const struct evidence_new figures[] = {
	/* e1 to e4: the brand */
	{ .tool = "get_summary", .metric = "orders", .value = "7212", .unit = "orders", .row = -1 },
	{ .tool = "get_summary", .metric = "net", .value = "3866957.37", .unit = "GBP", .row = -1 },
	{ .tool = "get_summary", .metric = "roas", .value = "22.0726", .unit = "", .row = -1 },
	{ .tool = "get_summary",
	  .metric = "period_days",
	  .value = "91",
	  .unit = "days",
	  .row = -1 },
	/* e5 to e8, e9 to e12: two campaigns, one name the beginning of the other */
	{ .tool = "get_attribution",
	  .metric = "a.orders",
	  .value = "123.5",
	  .unit = "orders",
	  .name = "Brand",
	  .group = "campaign",
	  .row = 0 },
	{ .tool = "get_attribution",
	  .metric = "a.revenue",
	  .value = "45678.9",
	  .unit = "GBP",
	  .name = "Brand",
	  .group = "campaign",
	  .row = 0 },
	{ .tool = "get_attribution",
	  .metric = "a.spend",
	  .value = "1234.5678",
	  .unit = "GBP",
	  .name = "Brand",
	  .group = "campaign",
	  .row = 0 },
	{ .tool = "get_attribution",
	  .metric = "a.roas",
	  .value = "37",
	  .unit = "",
	  .name = "Brand",
	  .group = "campaign",
	  .row = 0 },
	{ .tool = "get_attribution",
	  .metric = "b.orders",
	  .value = "12",
	  .unit = "orders",
	  .name = "Brand Summer 2024",
	  .group = "campaign",
	  .row = 1 },
	{ .tool = "get_attribution",
	  .metric = "rows[channel=meta_ads, platform=meta, campaign_id=2].revenue",
	  .value = "987.65",
	  .unit = "GBP",
	  .name = "Brand Summer 2024",
	  .group = "campaign",
	  .row = 1 },
	{ .tool = "get_attribution",
	  .metric = "b.spend",
	  .value = "500",
	  .unit = "GBP",
	  .name = "Brand Summer 2024",
	  .group = "campaign",
	  .row = 1 },
	{ .tool = "get_attribution",
	  .metric = "b.roas",
	  .value = "1.4753",
	  .unit = "",
	  .name = "Brand Summer 2024",
	  .group = "campaign",
	  .row = 1 },
	/* e13: a channel; e14: a count; e15: a share; e16: a loss; e17: half way; e18: another
	   currency */
	{ .tool = "get_attribution",
	  .metric = "c.revenue",
	  .value = "250000",
	  .unit = "GBP",
	  .name = "google_ads",
	  .group = "channel",
	  .row = 0 },
	{ .tool = "get_attribution",
	  .metric = "rows_total",
	  .value = "3",
	  .unit = "rows",
	  .row = -1,
	  .is_count = true },
	{ .tool = "calculate",
	  .metric = "share(e6, e2)",
	  .value = "12.345678",
	  .unit = "percent",
	  .row = -1 },
	{ .tool = "calculate",
	  .metric = "difference(e11, e10)",
	  .value = "-487.65",
	  .unit = "GBP",
	  .row = -1 },
	{ .tool = "calculate", .metric = "average(e1)", .value = "2.5", .unit = "GBP", .row = -1 },
	{ .tool = "get_summary", .metric = "spend", .value = "88.25", .unit = "USD", .row = -1 },
	/* e19 */
	{ .tool = "list_products",
	  .metric = "stock",
	  .value = "-7",
	  .unit = "units",
	  .name = "SET OF 6 TEA LIGHTS",
	  .group = "product",
	  .row = 0 },
	/* e20, e21: counts of other things, and of other rows */
	{ .tool = "get_attribution",
	  .metric = "campaigns_total",
	  .value = "2",
	  .unit = "campaigns",
	  .row = -1,
	  .is_count = true },
	{ .tool = "get_attribution",
	  .metric = "rows_shown",
	  .value = "2",
	  .unit = "rows",
	  .row = -1,
	  .is_count = true },
};

struct fixture {
	struct arena *a;
	struct evidence_list ev;
};

static int fill(struct fixture *f)
{
	const char *id;

	evidence_init(&f->ev, f->a);
	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
		if (evidence_add(&f->ev, &figures[i], &id) != ST_OK)
			return -1;
		if (figures[i].name &&
		    evidence_know(&f->ev, EVIDENCE_NAME, figures[i].name) != ST_OK)
			return -1;
	}
	/* Campaigns whose names would vouch for any amount, and some that are bare numbers. */
	if (evidence_know(&f->ev, EVIDENCE_NAME, "1,000,000 GBP") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "revenue of 9,000 GBP") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "#536365") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "#5000") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "#1") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "net revenue of 9000") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "sales of 5000000units") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "Rs9000") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "SET OF 3 CAKE TINS") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "fifty") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "meta") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_NAME, "4711") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_DAY, "2010-12-01") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_DAY, "2011-03-01") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_TIME, "2011-03-01T20:15:00Z") != ST_OK ||
	    evidence_know(&f->ev, EVIDENCE_WINDOW, "28d") != ST_OK)
		return -1;
	return 0;
}

static int setup(void **state)
{
	static struct fixture f;

	f.a = arena_new(ARENA_MAX);
	*state = &f;
	return f.a ? fill(&f) : -1;
}

static int teardown(void **state)
{
	arena_free(((struct fixture *)*state)->a);
	return 0;
}

static const char *const words[] = {
	[TRACE_EVIDENCE] = "cited",  [TRACE_VALUE] = "value",       [TRACE_COUNT] = "count",
	[TRACE_NAME] = "name",       [TRACE_LIST] = "list",         [TRACE_IDIOM] = "idiom",
	[TRACE_PERIOD] = "period",   [TRACE_QUESTION] = "question", [TRACE_NOT_FOUND] = "NOT-FOUND",
	[TRACE_WRONG] = "WRONG",     [TRACE_UNIT] = "UNIT",         [TRACE_OTHER_ROW] = "OTHER-ROW",
	[TRACE_NO_SUCH] = "NO-SUCH", [TRACE_ODD] = "ODD",
};

static const char *const question =
	"Is it true that we earned 5,555 GBP in the top 10 ads of 2009?";

/* What stands behind each number, in its order; capitals are untraced. */
static const struct {
	const char *text, *reasons;
} cases[] = {
#include "trace_cases.h"
};

static void judge(struct fixture *f, const char *text, struct trace *t)
{
	assert_int_equal(trace_text(f->a, &f->ev, question, text, 0, strlen(text), t), ST_OK);
}

static void describe(const struct trace *t, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < t->n && n < cap - 32; i++) {
		n += (size_t)snprintf(out + n, cap - n, "%s%s", i > 0 ? " " : "",
				      words[t->items[i].reason]);
		assert_int_equal(t->items[i].traced, t->items[i].reason < TRACE_NOT_FOUND);
	}
}

static void test_cases(void **state)
{
	struct fixture *f = *state;
	int bad = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char reasons[512];
		struct trace t;

		judge(f, cases[i].text, &t);
		describe(&t, reasons, sizeof(reasons));
		if (strcmp(reasons, cases[i].reasons) == 0)
			continue;
		print_message("%s\n  is %s, not %s\n", cases[i].text, reasons, cases[i].reasons);
		bad++;
	}
	assert_int_equal(bad, 0);
	print_message("# %zu sentences\n", sizeof(cases) / sizeof(*cases));
}

/* ---- invented numbers ---- */

static const char honest[] =
	"From 2010-12-01 to 2011-03-01 the brand had 7,212 orders [e1] and 3,866,957.37 GBP [e2] "
	"of net revenue, a return of "
	"22.07x [e3] on ads.\n\n"
	"Findings:\n"
	"- Brand earned 45,678.90 GBP [e6] from 123.5 orders [e5] within the 28-day window.\n"
	"- \"Brand Summer 2024\" earned 987.65 GBP [e10] on 500 GBP [e11] of spend, a return of "
	"1.48x [e12].\n"
	"- Google Ads brought 250k GBP [e13], which is a share of 12.3% [e15] of it.\n\n"
	"Recommendations:\n"
	"1. Spend more on Brand, which returned 37x [e8].\n"
	"2. Look at \"SET OF 6 TEA LIGHTS\", oversold by 7 units [e19].\n";

/* Written forms of numbers that nothing says; %d is one to three digits, none of a figure's. */
static const char *const invented[] = {
	"%d,813",
	"%d813",
	"%d,813.07",
	"%d.813,07",
	"%d 813",
	"%d'813",
	"%d\xe2\x80\xaf"
	"813",
	"%d\xc2\xa0"
	"813 GBP",
	"GBP %d,813",
	"\xc2\xa3%d,813",
	"$%d.8k",
	"\xe2\x82\xac%d.8m",
	"%d.8k GBP",
	"%d.81 million",
	"%d.81 million GBP",
	"%d.8bn",
	"%d813%%",
	"%d.81%%",
	"%d.81 percent",
	"%d.81 per cent",
	"%d.81x",
	"%d.81 times",
	"-%d,813",
	"\xe2\x88\x92%d.81 GBP",
	"(%d,813)",
	"~%d,813",
	"%d813+",
	"%d,813th",
	"%de5",
	"%d.8E+4",
	"%d.8 x 10^4",
	"%d/813",
	"%d\xc2\xbd",
	"\xef\xbc\x98\xef\xbc\x93\xef\xbc\x97",
	"\xe0\xa5\xa7\xe0\xa5\xa9",
	"\xd9\xa3\xd9\xa7",
	"\xe2\x91\xa6",
	"\xe2\x85\xa7",
	"%d,813 [e2]",
	"%d,813 GBP [e6]",
	"%d.81%% [e15]",
	"%d.81x [e3]",
	"%d813 [e4000]",
	"%d,813 orders [e1]",
	"forty-seven",
	"two hundred and six",
	"eighty thousand",
	"two dozen",
	"dozens",
	"thousands of GBP",
	"twice",
	"doubled",
	"tripled",
	"fivefold",
	"half of that",
	"three quarters",
	"a third of it",
	"fifty percent",
	"seventy-seventh",
	"seven thirds",
	"2013-05-17",
	"17 May 2013",
	"May 2013",
	"17:45",
	"in 2013",
	"%d813-day",
	"29d",
	"Q%d813",
	"#%d813",
	"0.0%d813",
	".%d813",
	"%d_813",
	"1.%d.813",
	"%d\xe2\x80\x8b"
	"813",
	"%d813-%d813",
	"\xe4\xba\x94\xe7\x99\xbe",
	"five and a half",
	"hundreds",
	"ninetynine percent",
	"twohundred",
	"fif**ty** GBP",
	"fif\xc2\xadty",
	"nonupled",
	"a fiver",
};
#define FORMS (sizeof(invented) / sizeof(*invented))

static uint32_t random_below(uint32_t n)
{
	uint32_t r;

	random_bytes(&r, sizeof(r));
	return r % n;
}

/* A number is put in place of a space of the honest text; what it is called must be caught. */
static bool is_caught(struct fixture *f, const char *form, size_t place)
{
	/* Two digits that begin no figure, so that no rounding of one is met by chance. */
	static const int begins[] = { 52, 61, 63, 64, 66, 74, 76, 82, 83, 84, 93 };
	int begin = begins[random_below(sizeof(begins) / sizeof(*begins))];
	char words_of_it[128], text[2048];
	struct trace t;
	int n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(words_of_it, sizeof(words_of_it), form, begin, begin);
#pragma GCC diagnostic pop
	n = snprintf(text, sizeof(text), "%.*s %s%s", (int)place, honest, words_of_it,
		     honest + place);
	assert_true(n > 0 && (size_t)n < sizeof(text));
	judge(f, text, &t);
	for (size_t i = 0; i < t.n; i++)
		if (!t.items[i].traced && t.items[i].offset + t.items[i].len > place &&
		    t.items[i].offset <= place + strlen(words_of_it))
			return true;
	print_message("%s\n", text);
	return false;
}

static void test_invented(void **state)
{
	struct fixture *f = *state;
	size_t places = 0, tried = 0;
	struct trace t;

	judge(f, honest, &t);
	assert_int_equal(t.n_untraced, 0);
	for (size_t at = 0; honest[at] != '\0'; at++) {
		if (honest[at] != ' ')
			continue;
		places++;
		for (size_t i = 0; i < FORMS; i++, tried++)
			assert_true(is_caught(f, invented[i], at));
		arena_reset(f->a);
		assert_int_equal(fill(f), 0);
	}
	assert_true(FORMS >= 40);
	print_message("# %zu invented forms at %zu places: %zu caught\n", FORMS, places, tried);
}

/* ---- honest numbers ---- */

/* v / 10^scale, rounded half up to `digits`, with or without commas. */
static void write_rounded(char *out, size_t cap, uint64_t v, int scale, int digits, bool commas)
{
	uint64_t unit = 1, part = 1;
	char whole[32];
	size_t n = 0, len;

	for (int i = digits; i < scale; i++)
		unit *= 10;
	for (int i = 0; i < digits; i++)
		part *= 10;
	v = (v + unit / 2) / unit;
	len = (size_t)snprintf(whole, sizeof(whole), "%llu", (unsigned long long)(v / part));
	for (size_t i = 0; i < len && n + 2 < cap; i++) {
		if (commas && i > 0 && (len - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = whole[i];
	}
	out[n] = '\0';
	if (digits > 0 && digits < 16)
		snprintf(out + n, cap - n, ".%0*llu", digits, (unsigned long long)(v % part));
}

/* A figure of any size, written honestly: rounded to any digits, in thousands and millions. */
static void test_honest(void **state)
{
	static const struct {
		const char *before, *behind;
		int power;
	} units[] = { { "", " GBP", 0 },  { "\xc2\xa3", "", 0 },         { "GBP ", "", 0 },
		      { "", "k GBP", 3 }, { "\xc2\xa3", "M", 6 },        { "", " million GBP", 6 },
		      { "", "", 0 },      { "", " thousand pounds", 3 }, { "", " gbp", 0 } };
	struct fixture *f = *state;

	for (int round = 0; round < 3000; round++) {
		uint64_t v = ((uint64_t)random_below(UINT32_MAX) << 8) >> random_below(24);
		int scale = 1 + (int)random_below(4), unit = (int)random_below(9);
		int all = scale + units[unit].power, digits = (int)random_below((uint32_t)all + 1);
		char value[64], written[64], text[256];
		const char *id;
		struct trace t;

		write_rounded(value, sizeof(value), v, scale, scale, false);
		write_rounded(written, sizeof(written), v, all, digits, random_below(2) == 0);
		/* Rounded to nothing in thousands is not honest. */
		if (units[unit].power > 0 && strspn(written, "0.") == strlen(written))
			continue;
		assert_int_equal(evidence_add(&f->ev,
					      &(struct evidence_new){ .tool = "t",
								      .metric = "m",
								      .value = value,
								      .unit = "GBP",
								      .row = -1 },
					      &id),
				 ST_OK);
		snprintf(text, sizeof(text), "It was %s%s%s [%s].", units[unit].before, written,
			 units[unit].behind, id);
		judge(f, text, &t);
		if (t.n != 1 || t.n_untraced != 0)
			fail_msg("%s: %s", value, text);
		/* One more in the last digit is another number. */
		write_rounded(written, sizeof(written), v + 1, all, all, false);
		snprintf(text, sizeof(text), "It was %s%s%s [%s].", units[unit].before, written,
			 units[unit].behind, id);
		judge(f, text, &t);
		assert_int_equal(t.n_untraced, 1);
		arena_reset(f->a);
		assert_int_equal(fill(f), 0);
	}
}

/* ---- streaming ---- */

/* Judged sentence by sentence while it arrives in pieces, a text gives what it gives as a whole. */
static void test_streaming(void **state)
{
	struct fixture *f = *state;
	struct trace whole, part;

	judge(f, honest, &whole);
	for (int round = 0; round < 300; round++) {
		size_t len = 0, from = 0, seen = 0, all = strlen(honest);
		char text[sizeof(honest)];

		while (from < all) {
			size_t end = trace_sentence(text, len, from, len == all);

			if (end == from) {
				size_t more = 1 + random_below(9);

				len = len + more > all ? all : len + more;
				memcpy(text, honest, len);
				text[len] = '\0';
				continue;
			}
			assert_int_equal(trace_text(f->a, &f->ev, question, text, from, end, &part),
					 ST_OK);
			for (size_t i = 0; i < part.n; i++, seen++) {
				assert_int_equal(part.items[i].offset, whole.items[seen].offset);
				assert_int_equal(part.items[i].reason, whole.items[seen].reason);
			}
			from = end;
		}
		assert_int_equal(seen, whole.n);
		arena_reset(f->a);
		assert_int_equal(fill(f), 0);
		judge(f, honest, &whole);
	}
}

static const struct {
	const char *text;
	size_t end, final; /* of the first sentence, not all there and all there */
} sentences[] = {
	{ "", 0, 0 },
	{ "One two", 0, 7 },
	{ "Revenue was 1,234.", 0, 18 },
	{ "Revenue was 1,234. ", 0, 19 },
	{ "Revenue was 1,234. Next", 18, 18 },
	{ "Revenue was 1,234.5", 0, 19 },
	{ "Was it? Yes", 7, 7 },
	{ "A line\nanother", 7, 7 },
	{ "1. Brand earned. Next", 16, 16 },
	{ "It was 5. [e1] Next", 14, 14 },
	{ "It was 5. [e", 0, 9 },
	{ "It was 5. [e1]", 0, 14 },
	{ "It was 5. [e1] [e2] Next", 19, 19 },
	{ "It was 5. [note] Next", 9, 9 },
	{ "\"A. B\" earned 5. Next", 16, 16 },
	{ "\"A. B\nNext", 6, 6 },
	{ "He said \"5.\" Next", 0, 17 },
	{ "**Bold.** Next", 9, 9 },
	{ "e.g. this", 4, 4 },
};

static void test_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++) {
		const char *text = sentences[i].text;

		if (trace_sentence(text, strlen(text), 0, false) != sentences[i].end ||
		    trace_sentence(text, strlen(text), 0, true) != sentences[i].final)
			fail_msg("%s: %zu %zu", text, trace_sentence(text, strlen(text), 0, false),
				 trace_sentence(text, strlen(text), 0, true));
	}
}

/* ---- marks, complaints, uses ---- */

static void test_marks(void **state)
{
	static const char text[] = "Of 5,000 orders, 7,212 orders [e1] and 9 GBP [e2]. 37x [e8].";
	struct fixture *f = *state;
	struct trace t;

	judge(f, text, &t);
	assert_int_equal(t.n, 4);
	assert_int_equal(t.n_untraced, 2);
	assert_string_equal(trace_mark(f->a, &t, text, 0, strlen(text)),
			    "Of 5,000 [untraced] orders, 7,212 orders [e1] and 9 GBP [e2] "
			    "[untraced]. 37x [e8].");
	assert_string_equal(trace_words(f->a, &t.items[2], text), "9 GBP");
	assert_string_equal(trace_complaint(f->a, &t, text),
			    "- \"5,000\" is in no tool result\n"
			    "- \"9 GBP\" is not the value of the figure cited behind it\n");
	trace_use(&f->ev, &t);
	assert_int_equal(evidence_used(&f->ev), 2);
	assert_true(f->ev.items[0].used && f->ev.items[7].used);
	evidence_forget_uses(&f->ev);
	assert_int_equal(evidence_used(&f->ev), 0);
}

static void test_all_traced_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct trace t;

	judge(f, honest, &t);
	assert_string_equal(trace_complaint(f->a, &t, honest), "");
	assert_string_equal(trace_mark(f->a, &t, honest, 0, strlen(honest)), honest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invented, setup, teardown),
		cmocka_unit_test_setup_teardown(test_honest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streaming, setup, teardown),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_traced_says_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
