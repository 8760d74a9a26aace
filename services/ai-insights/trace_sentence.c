/* Where a sentence or line ends, also of a text that is still being written. Read next: trace.h. */
#include "trace_priv.h"

#include <ctype.h>
#include <string.h>

#define CLOSERS    ")]\"'*_`"
#define MARKER_MAX 80 /* bytes of brackets with ids */

/* Behind quotes, brackets and emphasis that close what ended; a bracket that opens is not among
 * them. */
static size_t skip_closers(const char *text, size_t len, size_t at)
{
	for (;;) {
		if (at < len && strchr(CLOSERS, text[at]) && text[at] != '\0')
			at++;
		else if (at + 3 <= len && (memcmp(text + at, "\xe2\x80\x9d", 3) == 0 ||
					   memcmp(text + at, "\xe2\x80\x99", 3) == 0))
			at += 3;
		else
			return at;
	}
}

/* True when the point ends the number of a list's line. */
static bool is_list_point(const char *text, size_t at)
{
	size_t p = at, digits;

	while (p > 0 && isdigit((unsigned char)text[p - 1]))
		p--;
	digits = at - p;
	if (digits == 0 || digits > 2)
		return false;
	while (p > 0 && strchr(" \t#*->", text[p - 1]))
		p--;
	return p == 0 || text[p - 1] == '\n';
}

/*
 * The markers behind a full stop belong to its sentence: "... 5 GBP. [e1]". The end behind them; 0
 * when the text stops before that is clear.
 */
static size_t skip_markers(const char *text, size_t len, size_t at, bool final)
{
	for (;;) {
		size_t p = at, end;
		struct number n;

		while (p < len && (text[p] == ' ' || text[p] == '\t'))
			p++;
		if (p == len)
			return final ? len : 0;
		if (text[p] != '[')
			return at;
		for (end = p; end < len && end - p < MARKER_MAX && text[end] != ']';)
			end++;
		if (end == len && !final)
			return 0;
		if (!numbers_next(text, len, &(size_t){ p }, &n) || n.form != NUMBER_MARKER ||
		    n.offset != p)
			return at;
		at = p + n.len;
	}
}

/* A sentence does not end inside double quotes: names are written in them. A line does. */
size_t trace_sentence(const char *text, size_t len, size_t from, bool final)
{
	bool quoted = false;

	for (size_t i = from; i < len; i++) {
		size_t end;

		if (text[i] == '\n')
			return i + 1;
		if (text[i] == '"')
			quoted = !quoted;
		if (quoted || (text[i] != '.' && text[i] != '!' && text[i] != '?'))
			continue;
		if (text[i] == '.' && is_list_point(text, i))
			continue;
		end = skip_closers(text, len, i + 1);
		if (end == len)
			return final ? len : from;
		if (text[end] != ' ' && text[end] != '\t')
			continue;
		end = skip_markers(text, len, end, final);
		return end > 0 ? end : from;
	}
	return final ? len : from;
}
