/* Between the files that find numbers: a cursor over bytes, and what each kind of number needs. */
#ifndef AI_INSIGHTS_NUMBERS_PRIV_H
#define AI_INSIGHTS_NUMBERS_PRIV_H

#include "numbers.h"

struct scan {
	const char *s;
	size_t len;
};

/* A character at `at`: its code point and length; a byte that is no UTF-8 counts as itself. 0 and
 * length 0 at the end. */
uint32_t scan_char(const struct scan *t, size_t at, size_t *ret_len);
/* The character that ends before `at`. */
uint32_t scan_before(const struct scan *t, size_t at);
/* numbers_unicode.c */
bool char_is_numeral(uint32_t c); /* any script's digits and numbers, ASCII digits too */
bool char_is_joiner(uint32_t c);  /* stands between digits of one number: , . ' _ thin spaces ... */
bool char_is_space(uint32_t c);   /* of any width, the no-break ones too; no line end */
/* Shows nothing, and may be put between two digits or letters: a soft hyphen, zero-width spaces ...
 */
bool char_is_invisible(uint32_t c);
bool char_is_minus(uint32_t c);
bool char_is_letter(uint32_t c); /* ASCII letters and all beyond ASCII that is no sign or space */
/* The sign of a currency ("£"); "" when it is none. */
const char *char_currency(uint32_t c);

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
/* The byte at `at`, NUL at the end. */
static inline char byte_at(const struct scan *t, size_t at)
{
	return at < t->len ? t->s[at] : '\0';
}
/* End of the ASCII letters that begin at `at`. */
size_t scan_letters(const struct scan *t, size_t at);
/* Behind the white space at `at`, at most `max` characters. */
size_t scan_spaces(const struct scan *t, size_t at, int max);
/* True when the letters at [at, end) are `word` in any case. */
bool scan_is_word(const struct scan *t, size_t at, size_t end, const char *word);
/* The whole number of ASCII digits at `at`, at most `max` of them; *end behind. -1: none, or more.
 */
int scan_small(const struct scan *t, size_t at, int max, size_t *end);

/* ---- kinds; each gives true and fills ret when such a number begins at `at` ---- */
bool scan_marker(const struct scan *t, size_t at, struct number *ret);
bool scan_date(const struct scan *t, size_t at, struct number *ret);       /* begins with a digit */
bool scan_month_date(const struct scan *t, size_t at, struct number *ret); /* with a month's name */
bool scan_time(const struct scan *t, size_t at, struct number *ret);
bool scan_digits(const struct scan *t, size_t at, struct number *ret);
bool scan_words(const struct scan *t, size_t at, struct number *ret);
/* Unit behind a number that ends at ret->offset + ret->len: percent, times, scale, currency, noun.
 */
void scan_unit(const struct scan *t, struct number *ret);
/* The month with that name ("March", "Mar"), 0 when it is none. */
int month_of(const struct scan *t, size_t at, size_t end);
/* A scale's power of ten ("million" 6); 0 when the word is none. */
int scale_of(const struct scan *t, size_t at, size_t end);

#endif
