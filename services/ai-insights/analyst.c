/*
 * Decides which report a question asks for and puts the answer together. Read next:
 * analyst_campaigns.c, analyst_reports.c.
 */
#include "analyst_priv.h"

#include "numbers.h"

#include "core/timeutil.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- what is asked ---- */

struct topic {
	const char *words[20]; /* any of them, whole words or beginnings of words ("campaign") */
	void (*answer)(struct analyst *an);
};

/* The first topic with a word of the question wins. */
static const struct topic topics[] = {
	{ { "campaign", "spend more", "spend less", "spending more", "budget", "invest", "scale",
	    "waste", "advert", "which ads", "best ads", "worst ads" },
	  analyst_campaigns },
	{ { "product", "stock", "inventor", "variant", "sku", "price", "prices", "out of",
	    "restock" },
	  analyst_products },
	{ { "channel", "organic", "email", "sms", "referral", "affiliate", "traffic", "source",
	    "come from", "came from" },
	  analyst_channels },
	{ { "recent order", "latest order", "last order", "newest order", "new order", "list order",
	    "recent purchase" },
	  analyst_orders },
	{ { "revenue", "sales", "order", "spend", "spent", "net", "gross", "refund", "earn", "roas",
	    "return", "income", "turnover", "doing", "perform", "money" },
	  analyst_summary },
};

/* True when `words` begin a word of the text. */
static bool has_words(const char *text, const char *words)
{
	size_t n = strlen(words);

	for (const char *at = text; *at != '\0'; at++)
		if (strncasecmp(at, words, n) == 0 &&
		    (at == text || !isalpha((unsigned char)at[-1])))
			return true;
	return false;
}

static void (*find_topic(const char *question))(struct analyst *an)
{
	for (size_t i = 0; i < sizeof(topics) / sizeof(*topics); i++)
		for (size_t k = 0; topics[i].words[k]; k++)
			if (has_words(question, topics[i].words[k]))
				return topics[i].answer;
	return analyst_overview;
}

/* ---- which days, model and window ---- */

static int last_day_of(int year, int month)
{
	int32_t next =
		month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, month + 1, 1);
	int y, m, d;

	civil_from_days(next - 1, &y, &m, &d);
	return d;
}

/* The day a date begins or ends with; false when it says no year. */
static bool day_of(const struct number *n, bool last, char out[16])
{
	int month = n->month > 0 ? n->month : last ? 12 : 1, day = n->day;
	char text[TIME_TEXT_MAX];
	int32_t days;

	if (n->year == 0)
		return false;
	if (day == 0)
		day = last ? last_day_of(n->year, month) : 1;
	snprintf(text, sizeof(text), "%04d-%02d-%02d", n->year % 10000, month % 100, day % 100);
	if (!date_parse(text, &days))
		return false;
	memcpy(out, text, 11);
	return true;
}

/* "2011" standing alone is a date, too. */
static bool as_date(struct number *n)
{
	if (n->form == NUMBER_DIGITS && n->digits == 4 && n->fraction == 0 && !n->grouped &&
	    n->power == 0 && n->unit == NUMBER_BARE && n->value.units >= 1990 &&
	    n->value.units < 2100 && n->value.scale == 0) {
		n->form = NUMBER_DATE;
		n->year = (int)n->value.units;
	}
	return n->form == NUMBER_DATE;
}

static void read_question(struct analyst *an)
{
	size_t pos = 0, len = strlen(an->question);
	struct number n;
	char first[16] = "", last[16] = "";

	while (numbers_next(an->question, len, &pos, &n)) {
		if (as_date(&n) && day_of(&n, false, first) && day_of(&n, true, last)) {
			if (an->from[0] == '\0' || strcmp(first, an->from) < 0)
				memcpy(an->from, first, sizeof(first));
			if (an->to[0] == '\0' || strcmp(last, an->to) > 0)
				memcpy(an->to, last, sizeof(last));
		} else if (n.form == NUMBER_DIGITS && has_words(an->question, "window") &&
			   (n.word[0] == 'd') && n.fraction == 0 && n.value.units >= 1 &&
			   n.value.units <= 90) {
			snprintf(an->window, sizeof(an->window), "%dd", (int)n.value.units);
		}
	}
	/* "since 2011-01-01" has no end, "until" no beginning. */
	if (strcmp(an->from, an->to) == 0 && has_words(an->question, "since"))
		an->to[0] = '\0';
	else if (strcmp(an->from, an->to) == 0 &&
		 (has_words(an->question, "until") || has_words(an->question, "before")))
		an->from[0] = '\0';
	an->model = has_words(an->question, "linear") ? "linear" : "last_touch";
}

/* ---- the answer ---- */

static const char *put_together(struct analyst *an)
{
	const char *text;
	struct buf b;

	buf_init(&b, ANALYST_TEXT_MAX);
	buf_puts(&b, buf_str(&an->prose));
	while (b.len > 0 && b.data[b.len - 1] == ' ')
		b.len--;
	buf_puts(&b, "\n");
	if (an->findings.len > 0)
		buf_printf(&b, "\nFindings:\n%s", buf_str(&an->findings));
	if (an->recommendations.len > 0)
		buf_printf(&b, "\nRecommendations:\n%s", buf_str(&an->recommendations));
	text = buf_status(&b) == ST_OK ? arena_strndup(an->a, buf_str(&b), b.len) : NULL;
	buf_done(&b);
	return text;
}

enum status analyst_answer(struct arena *a, struct evidence_list *ev, const char *question,
			   analyst_run_fn *run, void *arg, const char **ret)
{
	struct analyst an = {
		.a = a, .ev = ev, .question = question, .run = run, .arg = arg, .ended = ST_OK
	};
	const char *text;

	buf_init(&an.prose, ANALYST_TEXT_MAX);
	buf_init(&an.findings, ANALYST_TEXT_MAX);
	buf_init(&an.recommendations, ANALYST_TEXT_MAX);
	read_question(&an);
	find_topic(question)(&an);
	text = put_together(&an);
	buf_done(&an.prose);
	buf_done(&an.findings);
	buf_done(&an.recommendations);
	if (an.ended != ST_OK)
		return an.ended;
	if (!text || arena_failed(a))
		return ST_TOO_LARGE;
	*ret = text;
	return ST_OK;
}
