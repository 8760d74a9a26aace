/* What stands behind a number: percent, times, thousands, currencies, nouns. */
#include "numbers_priv.h"

#include "core/money.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct unit_word {
	const char *word;
	const char *code; /* of a currency; NULL: see the table's use */
	int power;
};

static const struct unit_word scales[] = {
	{ "k", NULL, 3 },        { "m", NULL, 6 },         { "mm", NULL, 6 },
	{ "mn", NULL, 6 },       { "mio", NULL, 6 },       { "b", NULL, 9 },
	{ "bn", NULL, 9 },       { "tn", NULL, 12 },       { "hundred", NULL, 2 },
	{ "thousand", NULL, 3 }, { "thousands", NULL, 3 }, { "million", NULL, 6 },
	{ "millions", NULL, 6 }, { "billion", NULL, 9 },   { "trillion", NULL, 12 },
	{ "lakh", NULL, 5 },     { "crore", NULL, 7 },     { "hundreds", NULL, 2 },
};
#define SHORT_SCALES 8 /* those that are written close to the digits, or behind one space */

static const struct unit_word currencies[] = {
	{ "pound", "\xc2\xa3", 0 },    { "pounds", "\xc2\xa3", 0 },    { "quid", "\xc2\xa3", 0 },
	{ "dollar", "$", 0 },          { "dollars", "$", 0 },          { "bucks", "$", 0 },
	{ "euro", "\xe2\x82\xac", 0 }, { "euros", "\xe2\x82\xac", 0 }, { "yen", "\xc2\xa5", 0 },
	{ "yuan", "\xc2\xa5", 0 },
};
/* Hundredths of what a figure is in: never said of a figure as it stands. */
static const char *const odd_units[] = { "pence", "penny", "cent", "cents",
					 "p",     "bps",   "bp",   "basis" };
static const char *const percents[] = { "percent", "pct", "percentage", "pp" };
static const char *const times[] = { "times", "fold" };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct unit_word *find(const struct unit_word *table, size_t n, const struct scan *t,
				    size_t at, size_t end)
{
	for (size_t i = 0; i < n; i++)
		if (scan_is_word(t, at, end, table[i].word))
			return &table[i];
	return NULL;
}

static bool is_one_of(const char *const *words, size_t n, const struct scan *t, size_t at,
		      size_t end)
{
	for (size_t i = 0; i < n; i++)
		if (scan_is_word(t, at, end, words[i]))
			return true;
	return false;
}

int scale_of(const struct scan *t, size_t at, size_t end)
{
	const struct unit_word *w =
		find(scales + SHORT_SCALES, COUNT(scales) - SHORT_SCALES, t, at, end);

	return w ? w->power : 0;
}

/* Where a word behind the number begins: attached, behind a space, or behind a hyphen. */
static size_t word_start(const struct scan *t, size_t at)
{
	size_t p = scan_spaces(t, at, 2);

	return p == at && byte_at(t, at) == '-' && is_alpha(byte_at(t, at + 1)) ? at + 1 : p;
}

static void take_to(struct number *ret, size_t end)
{
	ret->len = end - ret->offset;
}

static void take_scale(const struct scan *t, struct number *ret)
{
	size_t at = scan_spaces(t, ret->offset + ret->len, 1), end = scan_letters(t, at);
	const struct unit_word *w = find(scales, SHORT_SCALES, t, at, end);

	if (w && ret->form == NUMBER_DIGITS) {
		ret->power = w->power;
		take_to(ret, end);
		return;
	}
	for (int i = 0; i < 3; i++) {
		int power;

		at = word_start(t, ret->offset + ret->len);
		end = scan_letters(t, at);
		power = scale_of(t, at, end);
		if (power == 0 || ret->power + power > FIGURE_SCALE_MAX)
			return;
		ret->power += power;
		take_to(ret, end);
	}
}

/* Signs, attached or behind a space; true when the unit is known then. */
static bool take_sign(const struct scan *t, struct number *ret)
{
	size_t end = ret->offset + ret->len, at = scan_spaces(t, end, 1), n;
	uint32_t c = scan_char(t, at, &n);
	uint32_t next = scan_char(t, at + n, &(size_t){ 0 });

	if (c == '%' || c == 0xff05 || c == 0x066a || c == 0xfe6a) {
		ret->unit = NUMBER_PERCENT;
		if (ret->code[0] != '\0')
			ret->form = NUMBER_ODD;
	} else if (c == 0x2030 || c == 0x2031) {
		ret->form = NUMBER_ODD;
	} else if ((c == 'x' || c == 'X' || c == 0xd7) && !char_is_letter(next) &&
		   !char_is_numeral(next) &&
		   !char_is_numeral(scan_char(t, scan_spaces(t, at + n, 1), &(size_t){ 0 }))) {
		ret->unit = NUMBER_TIMES;
	} else if (ret->unit == NUMBER_BARE && char_currency(c)[0] != '\0' &&
		   !char_is_numeral(next)) {
		ret->unit = NUMBER_CURRENCY;
		snprintf(ret->code, sizeof(ret->code), "%s", char_currency(c));
	} else {
		return false;
	}
	take_to(ret, at + n);
	return true;
}

/* "gbp": codes in small letters, of those only that are no words. */
static bool lower_code(const struct scan *t, size_t at, size_t end, char code[NUMBER_CODE_MAX])
{
	static const char *const codes[] = {
		"GBP", "USD", "EUR", "JPY", "CAD", "AUD", "NZD", "CHF",
		"SEK", "NOK", "DKK", "PLN", "CZK", "INR", "CNY", "KWD"
	};

	for (size_t i = 0; i < COUNT(codes); i++)
		if (scan_is_word(t, at, end, codes[i])) {
			snprintf(code, NUMBER_CODE_MAX, "%s", codes[i]);
			return true;
		}
	return false;
}

/* "US dollars", the second word is the currency's. */
static bool two_words(const struct scan *t, size_t at, size_t *end, char code[NUMBER_CODE_MAX])
{
	static const struct unit_word countries[] = {
		{ "us", "USD", 0 },         { "american", "USD", 0 }, { "canadian", "CAD", 0 },
		{ "australian", "AUD", 0 }, { "british", "GBP", 0 },  { "sterling", "GBP", 0 },
		{ "kuwaiti", "KWD", 0 },    { "japanese", "JPY", 0 }, { "swiss", "CHF", 0 },
	};
	const struct unit_word *w = find(countries, COUNT(countries), t, at, *end);
	size_t second = scan_spaces(t, *end, 1), second_end = scan_letters(t, second);

	if (!w || second == *end ||
	    (!find(currencies, COUNT(currencies), t, second, second_end) &&
	     !scan_is_word(t, second, second_end, "francs") &&
	     !scan_is_word(t, second, second_end, "dinars")))
		return false;
	snprintf(code, NUMBER_CODE_MAX, "%s", w->code);
	*end = second_end;
	return true;
}

/* Whether a sign in front and a code behind can mean the same currency. */
static bool may_say(const char *sign, const char *code)
{
	if (strcmp(sign, "$") == 0)
		return code[0] == '$' || code[2] == 'D' || strcmp(code, "MXN") == 0;
	if (strcmp(sign, "£") == 0)
		return strcmp(code, "GBP") == 0;
	if (strcmp(sign, "€") == 0)
		return strcmp(code, "EUR") == 0;
	return strcmp(sign, "¥") == 0 && (strcmp(code, "JPY") == 0 || strcmp(code, "CNY") == 0);
}

/* "GBP", "pounds"; a second currency ("£5 USD") makes the number odd unless it says the same. */
static bool take_currency(const struct scan *t, size_t at, size_t end, struct number *ret)
{
	const struct unit_word *w = find(currencies, COUNT(currencies), t, at, end);
	char code[NUMBER_CODE_MAX] = "";

	if (w) {
		snprintf(code, sizeof(code), "%s", w->code);
	} else if (!lower_code(t, at, end, code) && !two_words(t, at, &end, code)) {
		if (end - at != 3)
			return false;
		memcpy(code, t->s + at, 3);
		if (!currency_known(code))
			return false;
	}
	/* "$5 USD": the code says which dollars; "£5 USD" says two things. */
	if (ret->unit == NUMBER_CURRENCY && strcmp(ret->code, code) != 0 &&
	    (is_alpha(ret->code[0]) || !may_say(ret->code, code)))
		ret->form = NUMBER_ODD;
	if (ret->unit != NUMBER_CURRENCY || is_alpha(code[0]))
		snprintf(ret->code, sizeof(ret->code), "%s", code);
	ret->unit = NUMBER_CURRENCY;
	take_to(ret, end);
	return true;
}

static void keep_word(const struct scan *t, size_t at, size_t end, struct number *ret)
{
	size_t n = end - at;

	if (n >= sizeof(ret->word))
		n = sizeof(ret->word) - 1;
	for (size_t i = 0; i < n; i++)
		ret->word[i] = (char)tolower((unsigned char)t->s[at + i]);
	ret->word[n] = '\0';
	if (ret->unit == NUMBER_BARE && n > 0)
		ret->unit = NUMBER_NOUN;
}

static bool is_per_cent(const struct scan *t, size_t at, size_t *end)
{
	size_t second = scan_spaces(t, *end, 1), second_end = scan_letters(t, second);

	if (!scan_is_word(t, at, *end, "per") || !scan_is_word(t, second, second_end, "cent"))
		return false;
	*end = second_end;
	return true;
}

void scan_unit(const struct scan *t, struct number *ret)
{
	size_t direct = ret->offset + ret->len, at, end;

	if (!take_sign(t, ret))
		take_scale(t, ret);
	if (ret->unit != NUMBER_PERCENT && ret->unit != NUMBER_TIMES)
		take_sign(t, ret);
	at = word_start(t, ret->offset + ret->len);
	end = scan_letters(t, at);
	if (at == end)
		return;
	if (ret->unit == NUMBER_PERCENT || ret->unit == NUMBER_TIMES) {
		keep_word(t, at, end, ret);
	} else if (is_per_cent(t, at, &end) || is_one_of(percents, COUNT(percents), t, at, end)) {
		ret->unit = NUMBER_PERCENT;
		take_to(ret, end);
	} else if (is_one_of(times, COUNT(times), t, at, end)) {
		ret->unit = NUMBER_TIMES;
		take_to(ret, end);
	} else if (is_one_of(odd_units, COUNT(odd_units), t, at, end)) {
		ret->form = NUMBER_ODD;
		take_to(ret, end);
	} else if (take_currency(t, at, end, ret)) {
		at = word_start(t, end);
		keep_word(t, at, scan_letters(t, at), ret);
	} else {
		keep_word(t, at, end, ret);
		ret->in_word |= at == direct;
	}
}
