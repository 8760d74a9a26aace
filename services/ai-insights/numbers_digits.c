/*
 * Numbers that are written with digits. The whole run of digits and what stands between them is
 * taken first; then it is read as English writes it, or said to be odd. Read next: numbers_units.c.
 */
#include "numbers_priv.h"

#include "core/money.h"

#include <stdio.h>
#include <string.h>

#define JOINERS_MAX 4 /* between two digits */

/* "US$" and its like: letters that belong to a dollar sign. */
static bool dollar_letters(const struct scan *t, size_t at, size_t end, const char **code)
{
	static const struct {
		const char *letters, *code;
	} known[] = { { "US", "USD" }, { "A", "AUD" },  { "AU", "AUD" }, { "C", "CAD" },
		      { "CA", "CAD" }, { "NZ", "NZD" }, { "HK", "HKD" }, { "S", "SGD" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (byte_at(t, end) == '$' && strlen(known[i].letters) == end - at &&
		    strncmp(t->s + at, known[i].letters, end - at) == 0) {
			*code = known[i].code;
			return true;
		}
	return false;
}

/* Codes that are words as well, when all is written in capitals. */
static bool is_also_a_word(const char *code)
{
	static const char words[] = "ALL TOP TRY CUP MAD SOS ";

	return strstr(words, code) != NULL;
}

/* A currency before the digits: behind it, or `at` when there is none. */
static size_t currency_before(const struct scan *t, size_t at, struct number *ret)
{
	size_t end = scan_letters(t, at), n;
	const char *sign = char_currency(scan_char(t, at, &n)), *code;
	char letters[CURRENCY_TEXT] = "";

	if (sign[0] != '\0') {
		snprintf(ret->code, sizeof(ret->code), "%s", sign);
		end = at + n;
	} else if (end > at && dollar_letters(t, at, end, &code)) {
		snprintf(ret->code, sizeof(ret->code), "%s", code);
		end++;
	} else if (end - at == 3) {
		memcpy(letters, t->s + at, 3);
		if (!currency_known(letters) || is_also_a_word(letters))
			return at;
		snprintf(ret->code, sizeof(ret->code), "%s", letters);
	} else {
		return at;
	}
	ret->unit = NUMBER_CURRENCY;
	return scan_spaces(t, end, 1);
}

/* A minus that is a sign, not a hyphen or the dash of a range. */
static bool is_sign(const struct scan *t, size_t at)
{
	uint32_t before = scan_before(t, at);
	size_t n;

	return char_is_minus(scan_char(t, at, &n)) && !char_is_letter(before) &&
	       !char_is_numeral(before) && before != ')' && before != ']' && before != '%' &&
	       before != '-' && char_currency(before)[0] == '\0';
}

/* Behind sign and currency, in either order; the digits begin there, or nothing does. */
static size_t skip_prefix(const struct scan *t, size_t at, struct number *ret)
{
	size_t n;

	for (int i = 0; i < 2; i++) {
		uint32_t c = scan_char(t, at, &n);

		if (!ret->negative && char_is_minus(c)) {
			if (ret->unit == NUMBER_BARE && !is_sign(t, at))
				return at;
			ret->negative = true;
			at += n;
		}
		if (ret->unit == NUMBER_BARE)
			at = currency_before(t, at, ret);
	}
	return at;
}

/* The end of joiners at `at` that a numeral follows; `at` when none does. */
static size_t over_joiners(const struct scan *t, size_t at)
{
	size_t p = at, n;

	for (int i = 0; i < JOINERS_MAX; i++) {
		uint32_t c = scan_char(t, p, &n);

		if (c < 0x80 && i > 0)
			break;
		if (!char_is_joiner(c))
			break;
		p += n;
	}
	return char_is_numeral(scan_char(t, p, &n)) ? p : at;
}

/* "1 234 567": groups of three behind plain spaces. */
static size_t spaced_groups(const struct scan *t, size_t from, size_t end)
{
	if (end - from > 3)
		return end;
	for (size_t p = end; byte_at(t, p) == ' ';) {
		size_t group;

		if (scan_small(t, p + 1, 3, &group) < 0 || group != p + 4)
			break;
		p = end = group;
	}
	return end;
}

/* The end of all digits of one number. */
static size_t take_run(const struct scan *t, size_t from, bool *odd)
{
	size_t p = from, next, n;
	bool joined = false;

	for (;;) {
		uint32_t c = scan_char(t, p, &n);

		if (char_is_numeral(c)) {
			*odd |= c >= 0x80;
			p += n;
			continue;
		}
		next = over_joiners(t, p);
		if (next == p)
			break;
		joined = true;
		p = next;
	}
	if (!joined && !*odd) {
		next = spaced_groups(t, from, p);
		*odd = next != p;
		p = next;
	}
	return p;
}

/* A separator of thousands: a comma, an apostrophe, a space that does not break; its length or 0.
 */
static size_t group_separator(const struct scan *t, size_t at)
{
	size_t n;
	uint32_t c = scan_char(t, at, &n);

	return c == ',' || c == '\'' || c == 0x2019 || c == 0x00a0 || c == 0x2009 || c == 0x202f
		       ? n
		       : 0;
}

/* Copies the digits of [at, end) without separators; false when they are not written so in English.
 */
static bool read_english(const struct scan *t, size_t at, size_t end, char *out, size_t cap,
			 struct number *ret)
{
	size_t group = 0, n = 0, sep, len = 0;
	uint32_t kind = 0;

	for (; at < end && byte_at(t, at) != '.'; at += sep) {
		sep = 1;
		if (is_digit(t->s[at])) {
			if (n + 2 >= cap || (ret->grouped && group == 3))
				return false;
			out[n++] = t->s[at];
			group++;
			continue;
		}
		sep = group_separator(t, at);
		if (sep == 0 || group == 0 || group > 3 || (ret->grouped && group != 3) ||
		    (ret->grouped && kind != scan_char(t, at, &len)))
			return false;
		kind = scan_char(t, at, &len);
		ret->grouped = true;
		group = 0;
	}
	if ((ret->grouped && group != 3) || (n > 1 && out[0] == '0'))
		return false;
	if (n == 0)
		out[n++] = '0';
	if (at < end)
		out[n++] = t->s[at++];
	for (; at < end; at++, ret->fraction++) {
		if (!is_digit(t->s[at]) || n + 1 >= cap)
			return false;
		out[n++] = t->s[at];
	}
	out[n] = '\0';
	return true;
}

static int significant(const char *digits)
{
	int n = 0;

	for (; *digits; digits++)
		if (is_digit(*digits) && (n > 0 || *digits != '0'))
			n++;
	return n;
}

static void read_value(const struct scan *t, size_t at, size_t end, struct number *ret)
{
	char text[FIGURE_DIGITS_MAX + 3];

	if (!read_english(t, at, end, text, sizeof(text), ret) ||
	    !figure_read(text, strlen(text), &ret->value)) {
		ret->form = NUMBER_ODD;
		return;
	}
	ret->digits = significant(text);
	if (ret->negative)
		ret->value.units = -ret->value.units;
}

/* "x10^6" behind a number, or its exponent, or the rest of a fraction; `at` when nothing of them.
 */
static size_t odd_tail(const struct scan *t, size_t at)
{
	char c = byte_at(t, at), next = byte_at(t, at + 1);
	size_t p, n;
	uint32_t wide_c;

	if ((c == 'e' || c == 'E') &&
	    (is_digit(next) || ((next == '+' || next == '-') && is_digit(byte_at(t, at + 2)))))
		return at + 2;
	wide_c = scan_char(t, at, &n);
	if ((wide_c == '/' || wide_c == 0x2044 || wide_c == 0x2215 || wide_c == ':' ||
	     wide_c == '^') &&
	    is_digit(byte_at(t, at + n)))
		return at + n;
	p = scan_spaces(t, at, 1);
	wide_c = scan_char(t, p, &n);
	if (wide_c != 'x' && wide_c != 'X' && wide_c != 0xd7 && wide_c != '*' && wide_c != 0xb7)
		return at;
	p = scan_spaces(t, p + n, 1);
	if (byte_at(t, p) != '1' || byte_at(t, p + 1) != '0')
		return at;
	wide_c = scan_char(t, p + 2, &n);
	return wide_c == '^' || wide_c == '*' || (wide_c >= 0x80 && char_is_numeral(wide_c)) ? p
											     : at;
}

static size_t take_odd_tail(const struct scan *t, size_t end, bool *odd)
{
	size_t p;

	while ((p = odd_tail(t, end)) != end) {
		bool ignored = true;

		*odd = true;
		end = take_run(t, p, &ignored);
		while (byte_at(t, end) == '^' || byte_at(t, end) == '*' || byte_at(t, end) == '+' ||
		       (byte_at(t, end) == '-' && byte_at(t, end - 1) == '^'))
			end++;
		end = take_run(t, end, &ignored);
	}
	return end;
}

static bool take_ordinal(const struct scan *t, struct number *ret)
{
	static const char *const ends[] = { "st", "nd", "rd", "th" };
	size_t at = ret->offset + ret->len, end = scan_letters(t, at);

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (ret->fraction == 0 && scan_is_word(t, at, end, ends[i])) {
			ret->form = NUMBER_ORDINAL;
			ret->len += 2;
			return true;
		}
	return false;
}

/* "minus 5" */
static bool is_minus_word(const struct scan *t, size_t at)
{
	size_t end = at > 0 && t->s[at - 1] == ' ' ? at - 1 : at, from = end;

	while (from > 0 && is_alpha(t->s[from - 1]))
		from--;
	return end < at &&
	       (scan_is_word(t, from, end, "minus") || scan_is_word(t, from, end, "negative"));
}

bool scan_digits(const struct scan *t, size_t at, struct number *ret)
{
	size_t from = skip_prefix(t, at, ret), end, n;
	bool odd = false;
	uint32_t before = scan_before(t, from);

	if (byte_at(t, from) == '.' && is_digit(byte_at(t, from + 1)))
		end = take_run(t, from + 1, &odd);
	else if (char_is_numeral(scan_char(t, from, &n)))
		end = take_run(t, from, &odd);
	else
		return false;
	/* An apostrophe or a point behind the last digit was not taken: a joiner needs a digit
	 * behind. */
	ret->form = NUMBER_DIGITS;
	ret->negative |= is_minus_word(t, at);
	ret->in_word = from == at && (char_is_letter(before) || before == '_');
	read_value(t, from, end, ret);
	end = take_odd_tail(t, end, &odd);
	ret->len = end - at;
	if (odd)
		ret->form = NUMBER_ODD;
	if (!take_ordinal(t, ret))
		scan_unit(t, ret);
	return true;
}
