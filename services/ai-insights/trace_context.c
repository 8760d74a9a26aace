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

/* "2011" standing alone; not "2011 orders". */
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

static bool is_window(const struct evidence_list *ev, const struct number *n)
{
	if ((n->form != NUMBER_DIGITS && n->form != NUMBER_WORDS) || n->fraction > 0 ||
	    n->power != 0 || n->negative ||
	    (strcmp(n->word, "d") != 0 && strcmp(n->word, "day") != 0 &&
	     strcmp(n->word, "days") != 0))
		return false;
	for (size_t i = 0; i < ev->n_known; i++)
		if (ev->known[i].fact == EVIDENCE_WINDOW &&
		    strtol(ev->known[i].text, NULL, 10) == (long)n->value.units)
			return true;
	return false;
}

bool trace_is_period(const struct evidence_list *ev, const struct number *n)
{
	if (n->form == NUMBER_DATE || n->form == NUMBER_TIME)
		return is_known_day(ev, n);
	return is_year(ev, n) || is_window(ev, n);
}

/* ---- turns of phrase ---- */

static bool in_list(const char *const *words, const char *s, size_t len)
{
	for (; *words; words++)
		if (strlen(*words) == len && strncasecmp(*words, s, len) == 0)
			return true;
	return false;
}

/* The word before or behind a place, within the sentence; its length. */
static size_t word_before(const char *text, struct span s, size_t at, const char **word)
{
	size_t end = at;

	while (end > s.from && (text[end - 1] == ' ' || text[end - 1] == '-'))
		end--;
	at = end;
	while (at > s.from && isalpha((unsigned char)text[at - 1]))
		at--;
	*word = text + at;
	return end - at;
}

static size_t word_behind(const char *text, struct span s, size_t at, const char **word)
{
	size_t end;

	while (at < s.to && (text[at] == ' ' || text[at] == '-'))
		at++;
	for (end = at; end < s.to && isalpha((unsigned char)text[end]);)
		end++;
	*word = text + at;
	return end - at;
}

static bool is_pronoun(const char *text, struct span s, const struct number *n)
{
	static const char *const before[] = { "no",   "any",   "every",   "each",    "this",
					      "that", "the",   "which",   "another", "some",
					      "only", "every", "neither", "either",  NULL };
	static const char *const behind[] = {
		"of", "another", "or", "that", "which", "thing", NULL
	};
	const char *word;
	size_t len = word_before(text, s, n->offset, &word);

	if (in_list(before, word, len))
		return true;
	len = word_behind(text, s, n->offset + n->len, &word);
	return in_list(behind, word, len);
}

/* "First, ..." and "at first"; the ranks of things are judged. */
static bool is_order_word(const char *text, struct span s, const struct number *n)
{
	static const char *const before[] = { "at", NULL };
	static const char *const behind[] = { "touch", "click", "day", "step", "time", NULL };
	size_t end = n->offset + n->len, start = n->offset;
	const char *word;
	size_t len = word_before(text, s, n->offset, &word);

	if (n->value.units == 1 && in_list(before, word, len))
		return true;
	if (n->value.units == 1 && in_list(behind, word, word_behind(text, s, end, &word)))
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
		if (end > at && in_list(words, text + at, end - at))
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
	const char *word, *dash;
	size_t len = word_before(text, sentence, n->offset, &word), pos = 0;
	struct number asked;

	if (!is_number_of(n) || !in_list(heads, word, len))
		return false;
	dash = memchr(word, '-', (size_t)(text + n->offset - word));
	while (!dash && numbers_next(question, strlen(question), &pos, &asked))
		if (is_number_of(&asked) && figure_compare(asked.value, n->value) == 0)
			return true;
	return false;
}
