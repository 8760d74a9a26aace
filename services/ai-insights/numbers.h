/*
 * Finds every number in a text: digits of any script, number words, dates, markers. English forms
 * are read (1,234.56, 12%, $1.2k, 1.5 million, twenty-one); every other form (1.234,56, full-width
 * digits, 1e6, 1/3) is found too, and said to be odd, so that nothing passes unseen. Pure. Read
 * next: numbers_digits.c, numbers_words.c, trace.h.
 */
#ifndef AI_INSIGHTS_NUMBERS_H
#define AI_INSIGHTS_NUMBERS_H

#include "calculate_decimal.h"

#include <stdint.h>

#define NUMBER_MARKER_IDS 8  /* ids in one pair of brackets */
#define NUMBER_WORD_MAX   24 /* bytes of a unit's word with its NUL */
#define NUMBER_CODE_MAX   8  /* of a currency's code or sign with its NUL */

enum number_form {
	NUMBER_DIGITS,
	NUMBER_WORDS,   /* "twenty-one", "a dozen", "twice" */
	NUMBER_ORDINAL, /* "3rd", "third" */
	NUMBER_DATE,
	NUMBER_TIME,   /* 14:30 */
	NUMBER_MARKER, /* [e12] */
	NUMBER_ODD,    /* a number whose value is not read */
};
enum number_unit {
	NUMBER_BARE,
	NUMBER_PERCENT,
	NUMBER_TIMES,    /* 3.5x, "3 times", "threefold", "twice" */
	NUMBER_CURRENCY, /* code: an ISO 4217 code, or the sign as written */
	NUMBER_NOUN,     /* word: the word behind it, in lower case */
};

struct number {
	size_t offset, len; /* of all that was written: sign, currency, digits, unit; no noun */
	enum number_form form;
	/* Digits, words and ordinals: value x 10^power; of a percentage the percents. */
	struct figure value;
	int fraction;  /* digits written behind the point */
	int digits;    /* significant digits written */
	int power;     /* "k" 3, "million" 6 */
	bool negative; /* a minus sign */
	bool grouped;  /* with thousands' separators */
	bool in_word;  /* letters touch it: "Q3", "B2B" */
	enum number_unit unit;
	char code[NUMBER_CODE_MAX];
	char word[NUMBER_WORD_MAX]; /* the word behind, whatever the unit is; "" without one */
	int year, month, day;       /* of a date, 0: not said */
	int hour, minute;           /* of a time, and of a date with one; -1: not said */
	uint16_t ids[NUMBER_MARKER_IDS];
	size_t n_ids;
};

/*
 * The first number of text[*pos, len), which need not be well-formed UTF-8; *pos is moved behind
 * it. False when there is none. Start at the beginning of a text or of a word.
 */
bool numbers_next(const char *text, size_t len, size_t *pos, struct number *ret);
/*
 * A unit that stands at `at`, behind the number's marker ("5 [e1] million", "5 [e1] USD"): adds it
 * to the number, whose unit is bare or a noun. What belongs to the next number ("[e1] GBP 6") is
 * none.
 */
void numbers_unit_behind(const char *text, size_t len, size_t at, struct number *n);

#endif
