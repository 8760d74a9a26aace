/* Numbers that need no figure: lists, days and windows of the queries, turns of phrase. Read next:
 * trace_priv.h. */
#include "trace_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_MAX 99

/* ---- lists ---- */

/* The number that a line of a list begins with; 0 when it is none. *at: where the digits stand. */
static long list_number(const char *text, size_t from, size_t len, size_t *at)
{
	long n = 0;
	size_t p = from;

	while (p < len && strchr(" \t#*->", text[p]))
		p++;
	*at = p;
	for (; p < len && p < *at + 2 && isdigit((unsigned char)text[p]); p++)
		n = n * 10 + (text[p] - '0');
	if (p == *at || p + 1 >= len || (text[p] != '.' && text[p] != ')'))
		return 0;
	return text[p + 1] == ' ' || text[p + 1] == '*' ? n : 0;
}

static size_t line_start(const char *text, size_t at)
{
	while (at > 0 && text[at - 1] != '\n')
		at--;
	return at;
}

bool trace_is_list(const char *text, size_t len, const struct number *n)
{
	size_t start = line_start(text, n->offset), at;
	long number = list_number(text, start, len, &at), before;

	if (number < 1 || at != n->offset)
		return false;
	/* It goes on where the last line of a list stopped: a lone "42." is a number. */
	while (number > 1 && start > 0) {
		start = line_start(text, start - 1);
		before = list_number(text, start, len, &at);
		if (before > 0)
			return before == number - 1;
	}
	return number == 1;
}

/* ---- words around a number ---- */

static bool in_list(const char *const *words, const char *text, struct span word)
{
	size_t len = word.to - word.from;

	for (; *words; words++)
		if (strlen(*words) == len && strncasecmp(*words, text + word.from, len) == 0)
			return true;
	return false;
}

/* Bytes that part words; emphasis is written around numbers. */
static bool is_gap(char c)
{
	return c == ' ' || c == '-' || c == '*' || c == '_';
}

/* The word before or behind a place, within the sentence; empty when there is none. */
static struct span word_before(const char *text, struct span s, size_t at)
{
	struct span word = { .to = at };

	while (word.to > s.from && is_gap(text[word.to - 1]))
		word.to--;
	for (word.from = word.to;
	     word.from > s.from && isalpha((unsigned char)text[word.from - 1]);)
		word.from--;
	return word;
}

static struct span word_behind(const char *text, struct span s, size_t at)
{
	struct span word = { .from = at };

	while (word.from < s.to && is_gap(text[word.from]))
		word.from++;
	for (word.to = word.from; word.to < s.to && isalpha((unsigned char)text[word.to]);)
		word.to++;
	return word;
}

/* ---- days, times, windows ---- */

static int field(const char *s, size_t from, size_t n)
{
	int value = 0;

	for (size_t i = from; i < from + n; i++)
		value = value * 10 + (s[i] - '0');
	return value;
}

/* `text` is "2011-03-01" or "2011-03-01T09:30:00Z". */
static bool is_that_day(const struct number *n, const char *text)
{
	if (strlen(text) < 10)
		return false;
	return (n->year == 0 || n->year == field(text, 0, 4)) &&
	       (n->month == 0 || n->month == field(text, 5, 2)) &&
	       (n->day == 0 || n->day == field(text, 8, 2));
}

static bool is_that_time(const struct number *n, const char *text)
{
	return strlen(text) >= 16 && n->hour == field(text, 11, 2) &&
	       n->minute == field(text, 14, 2);
}

static bool is_known_day(const struct evidence_list *ev, const struct number *n)
{
	for (size_t i = 0; i < ev->n_known; i++) {
		const struct evidence_known *k = &ev->known[i];

		if (k->fact != EVIDENCE_DAY && k->fact != EVIDENCE_TIME)
			continue;
		if (n->form == NUMBER_DATE && !is_that_day(n, k->text))
			continue;
		if (n->hour >= 0 && (k->fact != EVIDENCE_TIME || !is_that_time(n, k->text)))
			continue;
		return true;
	}
	return false;
}

/* Digits that may be a year of the data; not "2011 orders". */
static bool is_year(const struct evidence_list *ev, const struct number *n)
{
	static const char *const counted[] = { "orders",   "order",       "units", "campaigns",
					       "products", "variants",    "days",  "customers",
					       "clicks",   "visits",      "sales", "rows",
					       "channels", "impressions", "items" };
	struct number date = { .form = NUMBER_DATE, .hour = -1, .minute = -1 };

	if (n->form != NUMBER_DIGITS || n->grouped || n->fraction > 0 || n->digits != 4 ||
	    n->power != 0 || n->negative || n->in_word ||
	    (n->unit != NUMBER_BARE && n->unit != NUMBER_NOUN))
		return false;
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++)
		if (strcmp(counted[i], n->word) == 0)
			return false;
	date.year = (int)n->value.units;
	return n->value.scale == 0 && is_known_day(ev, &date);
}

/* "2010 and 2011", "2010 to 2011", "2010-2011": goes on from a year, which is judged itself. */
static bool joins_year(const struct evidence_list *ev, const char *text, struct span s,
		       struct span word)
{
	static const char *const joints[] = {
		"and", "or", "to", "until", "vs", "through", "", NULL
	};
	struct number date = { .form = NUMBER_DATE, .hour = -1, .minute = -1 };
	size_t end = word.from, at;

	if (!in_list(joints, text, word))
		return false;
	if (end >= s.from + 3 && memcmp(text + end - 3, "\xe2\x80\x93", 3) == 0)
		end -= 3; /* an en dash */
	while (end > s.from && is_gap(text[end - 1]))
		end--;
	for (at = end; at > s.from && isdigit((unsigned char)text[at - 1]);)
		at--;
	if (end - at != 4 || (at > s.from && !is_gap(text[at - 1])))
		return false;
	date.year = field(text, at, 4);
	return is_known_day(ev, &date);
}

/* "2011 was the better year", "2011: ..." at the start of a sentence. */
static bool begins_sentence(const char *text, struct span s, const struct number *n)
{
	static const char *const verbs[] = { "was",   "is",  "has",  "had", "saw",
					     "began", "and", "ends", NULL };
	size_t start = n->offset, end = n->offset + n->len;

	while (start > s.from && strchr(" \t#*->", text[start - 1]))
		start--;
	if (start > s.from)
		return false;
	if (end < s.to && text[end] == ':')
		return true;
	return in_list(verbs, text, word_behind(text, s, end));
}

/* A year is one only where a date is said: "in 2011", "the end of 2011", "from 2010 to 2011". "To
 * 2011", "by 2011" and "of 2011" alone can as well say how much. */
static bool is_date(const struct evidence_list *ev, const char *text, struct span s,
		    const struct number *n)
{
	static const char *const before[] = { "in",     "during",    "since",      "until",
					      "till",   "early",     "late",       "mid",
					      "year",   "years",     "spring",     "summer",
					      "autumn", "winter",    "season",     "fiscal",
					      "Easter", "Christmas", "throughout", NULL };
	static const char *const of[] = { "of", "for", "to", NULL };
	static const char *const parts[] = {
		"end",       "start",   "beginning", "middle",   "rest",     "course",  "quarter",
		"half",      "spring",  "summer",    "autumn",   "winter",   "year",    "all",
		"whole",     "most",    "data",      "days",     "months",   "weeks",   "January",
		"February",  "March",   "April",     "May",      "June",     "July",    "August",
		"September", "October", "November",  "December", "compared", "figures", NULL
	};
	static const char *const behind[] = { "to",  "until", "till",    "through",
					      "and", "on",    "onwards", NULL };
	static const char *const periods[] = { "season", "data",      "figures", "period",
					       "year",   "Christmas", "summer",  "winter",
					       "spring", "autumn",    NULL };
	static const char *const from[] = { "from", "between", NULL };
	static const char *const article[] = { "the", NULL };
	struct span word = word_before(text, s, n->offset);
	struct span next = word_behind(text, s, n->offset + n->len);

	if (in_list(before, text, word) || joins_year(ev, text, s, word) ||
	    begins_sentence(text, s, n))
		return true;
	return (in_list(of, text, word) && in_list(parts, text, word_before(text, s, word.from))) ||
	       (in_list(from, text, word) && in_list(behind, text, next)) ||
	       (in_list(article, text, word) && in_list(periods, text, next));
}

static bool is_window(const struct evidence_list *ev, const struct number *n)
{
	if ((n->form != NUMBER_DIGITS && n->form != NUMBER_WORDS) || n->fraction > 0 ||
	    n->power != 0 || n->negative ||
	    (strcmp(n->word, "d") != 0 && strcmp(n->word, "day") != 0 &&
	     strcmp(n->word, "days") != 0))
		return false;
	for (size_t i = 0; i < ev->n_known; i++)
		if (ev->known[i].fact == EVIDENCE_WINDOW &&
		    (wide)strtol(ev->known[i].text, NULL, 10) == n->value.units)
			return true;
	return false;
}

/* Days are the window's where a window is said: "the last 28 days", "a window of 28 days", "the
 * 28-day window"; "28 days of stock" and "takes 28 days" are figures. */
static bool is_span(const char *text, struct span s, const struct number *n)
{
	static const char *const heads[] = { "last",     "past",      "these",  "those",
					     "previous", "preceding", "within", "window",
					     "lookback", NULL };
	static const char *const behind[] = { "window", "windows",     "period", "lookback",
					      "click",  "attribution", NULL };
	static const char *const links[] = { "of", "is", "was", NULL };
	static const char *const windows[] = { "window", "period", "lookback", NULL };
	static const char *const article[] = { "the", NULL };
	static const char *const over[] = { "over", "in", "during", "within", "across", NULL };
	struct span days = word_behind(text, s, n->offset + n->len);
	struct span word = word_before(text, s, n->offset), first = word_before(text, s, word.from);

	if (in_list(behind, text, word_behind(text, s, days.to)))
		return true;
	return in_list(heads, text, word) ||
	       (in_list(links, text, word) && in_list(windows, text, first)) ||
	       (in_list(article, text, word) && in_list(over, text, first));
}

bool trace_is_period(const struct evidence_list *ev, const char *text, struct span sentence,
		     const struct number *n)
{
	if (n->form == NUMBER_DATE || n->form == NUMBER_TIME)
		return is_known_day(ev, n);
	return (is_year(ev, n) && is_date(ev, text, sentence, n)) ||
	       (is_window(ev, n) && is_span(text, sentence, n));
}

/* ---- turns of phrase ---- */

static bool is_pronoun(const char *text, struct span s, const struct number *n)
{
	static const char *const before[] = { "no",   "any",   "every",   "each",    "this",
					      "that", "the",   "which",   "another", "some",
					      "only", "every", "neither", "either",  NULL };
	static const char *const behind[] = {
		"of", "another", "or", "that", "which", "thing", NULL
	};

	return in_list(before, text, word_before(text, s, n->offset)) ||
	       in_list(behind, text, word_behind(text, s, n->offset + n->len));
}

/* "First, ..." and "at first"; the ranks of things are judged. */
static bool is_order_word(const char *text, struct span s, const struct number *n)
{
	static const char *const before[] = { "at", NULL };
	static const char *const behind[] = { "touch", "click", "day", "step", "time", NULL };
	size_t end = n->offset + n->len, start = n->offset;

	if (n->value.units == 1 && (in_list(before, text, word_before(text, s, n->offset)) ||
				    in_list(behind, text, word_behind(text, s, end))))
		return true;
	while (start > s.from && strchr(" \t*->", text[start - 1]))
		start--;
	return start == s.from && end < s.to && text[end] == ',';
}

bool trace_is_idiom(const char *text, struct span sentence, const struct number *n)
{
	if (!isalpha((unsigned char)text[n->offset]))
		return false;
	if (n->form == NUMBER_WORDS && n->unit != NUMBER_PERCENT && n->unit != NUMBER_TIMES &&
	    n->value.units == 1 && n->len == 3)
		return is_pronoun(text, sentence, n);
	return n->form == NUMBER_ORDINAL && is_order_word(text, sentence, n);
}

bool trace_is_falling(const char *text, struct span sentence)
{
	static const char *const words[] = {
		"fell",   "fall",     "falls",   "fallen",   "down",      "loss",    "lost",
		"lower",  "less",     "below",   "decrease", "decreased", "drop",    "dropped",
		"short",  "oversold", "minus",   "negative", "under",     "decline", "declined",
		"behind", "fewer",    "missing", NULL
	};
	size_t at = sentence.from, end;

	for (; at < sentence.to; at = end + 1) {
		for (end = at; end < sentence.to && isalpha((unsigned char)text[end]);)
			end++;
		if (in_list(words, text, (struct span){ at, end }))
			return true;
	}
	return false;
}

/* ---- the question's numbers ---- */

/* A whole number of things, in digits or words. */
static bool is_number_of(const struct number *n)
{
	return (n->form == NUMBER_DIGITS || n->form == NUMBER_WORDS) &&
	       (n->unit == NUMBER_BARE || n->unit == NUMBER_NOUN) && n->fraction == 0 &&
	       n->power == 0 && !n->negative && !n->in_word;
}

bool trace_is_wanted(const char *question, const char *text, struct span sentence,
		     const struct number *n)
{
	static const char *const heads[] = { "top",   "best", "worst", "bottom",
					     "first", "last", "past",  NULL };
	const char *dash;
	struct span word = word_before(text, sentence, n->offset);
	size_t pos = 0;
	struct number asked;

	if (!is_number_of(n) || !in_list(heads, text, word))
		return false;
	dash = memchr(text + word.from, '-', n->offset - word.from);
	while (!dash && numbers_next(question, strlen(question), &pos, &asked))
		if (is_number_of(&asked) && figure_compare(asked.value, n->value) == 0)
			return true;
	return false;
}

/* ---- counts ---- */

/* The noun behind a place, with at most two words like "best performing" before it; its kind. */
static int counted_kind(const char *text, struct span s, size_t at, bool one)
{
	static const char *const adjectives[] = { "best",      "worst",     "top",     "bottom",
						  "highest",   "lowest",    "largest", "smallest",
						  "biggest",   "strongest", "weakest", "leading",
						  "different", "listed",    "known",   "performing",
						  "selling",   "single",    "ad",      "active",
						  "distinct",  NULL };
	char noun[NUMBER_WORD_MAX];
	struct span word = word_behind(text, s, at);
	size_t len;

	for (int i = 0; i < 2 && in_list(adjectives, text, word); i++)
		word = word_behind(text, s, word.to);
	len = word.to - word.from;
	if (len == 0 || len >= sizeof(noun) ||
	    (!one && tolower((unsigned char)text[word.to - 1]) != 's'))
		return 0;
	for (size_t i = 0; i < len; i++)
		noun[i] = (char)tolower((unsigned char)text[word.from + i]);
	noun[len] = '\0';
	return trace_noun_kind(noun);
}

/* "all 3 of them", "all three are" */
static bool is_all(const char *text, struct span s, const struct number *n)
{
	static const char *const before[] = { "all", "these", "those", NULL };
	static const char *const verbs[] = { "are", "were", "have", "had", NULL };
	static const char *const of[] = { "of", NULL };
	static const char *const them[] = { "them", "these", "those", NULL };
	struct span word = word_behind(text, s, n->offset + n->len);

	return in_list(before, text, word_before(text, s, n->offset)) &&
	       (in_list(verbs, text, word) ||
		(in_list(of, text, word) && in_list(them, text, word_behind(text, s, word.to))));
}

bool trace_counts(const char *text, struct span sentence, const struct number *n, const char *unit)
{
	static const char *const of[] = { "of", NULL };
	static const char *const article[] = { "the", "all", "these", NULL };
	size_t at = n->offset + n->len;
	struct span word = word_behind(text, sentence, at);
	int kind = trace_noun_kind(unit);

	if (is_all(text, sentence, n) ||
	    (kind != 0 && counted_kind(text, sentence, at, n->value.units == 1) == kind))
		return true;
	/* "3 of 12 campaigns", "3 of the 12 campaigns", "3 of the campaigns" */
	if (kind == 0 || !in_list(of, text, word))
		return false;
	at = word.to;
	word = word_behind(text, sentence, at);
	if (in_list(article, text, word))
		at = word.to;
	while (at < sentence.to && (is_gap(text[at]) || isdigit((unsigned char)text[at])))
		at++;
	return counted_kind(text, sentence, at, false) == kind;
}
