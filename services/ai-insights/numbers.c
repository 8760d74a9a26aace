/*
 * Walks a text and tries at each place which kind of number begins there. Read next:
 * numbers_digits.c (forms with digits), numbers_words.c, numbers_dates.c, numbers_units.c.
 */
#include "numbers_priv.h"

#include "core/text.h"

#include <string.h>

uint32_t scan_char(const struct scan *t, size_t at, size_t *ret_len)
{
	unsigned char first;
	size_t n;
	uint32_t c;

	*ret_len = at < t->len;
	if (at >= t->len)
		return 0;
	first = (unsigned char)t->s[at];
	n = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
	if (n == 1 || at + n > t->len || !utf8_valid(t->s + at, n))
		return first;
	c = first & (0x7fU >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)t->s[at + i] & 0x3fU);
	*ret_len = n;
	return c;
}

uint32_t scan_before(const struct scan *t, size_t at)
{
	size_t back = 1, n;

	if (at == 0)
		return 0;
	while (back < 4 && back < at && ((unsigned char)t->s[at - back] & 0xc0) == 0x80)
		back++;
	uint32_t c = scan_char(t, at - back, &n);

	return n == back ? c : (unsigned char)t->s[at - 1];
}

size_t scan_letters(const struct scan *t, size_t at)
{
	while (at < t->len && is_alpha(t->s[at]))
		at++;
	return at;
}

size_t scan_spaces(const struct scan *t, size_t at, int max)
{
	size_t n;

	while (max-- > 0 && char_is_space(scan_char(t, at, &n)))
		at += n;
	return at;
}

bool scan_is_word(const struct scan *t, size_t at, size_t end, const char *word)
{
	return strlen(word) == end - at && strncasecmp(t->s + at, word, end - at) == 0;
}

int scan_small(const struct scan *t, size_t at, int max, size_t *end)
{
	int value = 0, n = 0;

	for (; is_digit(byte_at(t, at)); at++, n++) {
		if (n == max)
			return -1;
		value = value * 10 + (t->s[at] - '0');
	}
	*end = at;
	return n > 0 ? value : -1;
}

/* "[e12]", "[e1, e2]" */
bool scan_marker(const struct scan *t, size_t at, struct number *ret)
{
	size_t p = at + 1, end;
	int id;

	ret->n_ids = 0;
	do {
		p = scan_spaces(t, p, 4);
		if (byte_at(t, p) != 'e' || byte_at(t, p + 1) == '0')
			return false;
		id = scan_small(t, p + 1, 4, &end);
		if (id < 1 || ret->n_ids == NUMBER_MARKER_IDS)
			return false;
		ret->ids[ret->n_ids++] = (uint16_t)id;
		p = scan_spaces(t, end, 4);
	} while ((byte_at(t, p) == ',' || byte_at(t, p) == ';') && ++p);
	if (byte_at(t, p) != ']')
		return false;
	ret->form = NUMBER_MARKER;
	ret->len = p + 1 - at;
	return true;
}

/* True where digits may follow: a sign, a currency, a point. */
static bool may_begin_digits(const struct scan *t, size_t at, uint32_t c)
{
	return char_is_numeral(c) || char_is_minus(c) || char_currency(c)[0] != '\0' || c == '.' ||
	       (c < 0x80 && is_alpha((char)c) && !char_is_letter(scan_before(t, at)));
}

static bool number_at(const struct scan *t, size_t at, uint32_t c, struct number *ret)
{
	bool letter = c < 0x80 && is_alpha((char)c);

	*ret = (struct number){ .offset = at, .hour = -1, .minute = -1 };
	if (c == '[' && scan_marker(t, at, ret))
		return true;
	if (c < 0x80 && is_digit((char)c) && (scan_date(t, at, ret) || scan_time(t, at, ret)))
		return true;
	if (letter && !char_is_letter(scan_before(t, at)) &&
	    (scan_month_date(t, at, ret) || scan_words(t, at, ret)))
		return true;
	*ret = (struct number){ .offset = at, .hour = -1, .minute = -1 };
	return may_begin_digits(t, at, c) && scan_digits(t, at, ret);
}

bool numbers_next(const char *text, size_t len, size_t *pos, struct number *ret)
{
	const struct scan t = { text, len };
	size_t at = *pos, n;

	while (at < len) {
		uint32_t c = scan_char(&t, at, &n);

		if (number_at(&t, at, c, ret)) {
			*pos = at + ret->len;
			return true;
		}
		/* A word that is no number is left as a whole, but not the digits in it. */
		at = c < 0x80 && is_alpha((char)c) ? scan_letters(&t, at) : at + n;
	}
	*pos = len;
	return false;
}

void numbers_unit_behind(const char *text, size_t len, size_t at, struct number *n)
{
	const struct scan t = { text, len };
	struct number behind = *n;
	size_t pos = at, next;
	struct number other;

	if (n->unit != NUMBER_BARE && n->unit != NUMBER_NOUN)
		return;
	behind.len = at - n->offset;
	behind.unit = NUMBER_BARE;
	behind.word[0] = '\0';
	scan_unit(&t, &behind);
	next = scan_spaces(&t, behind.offset + behind.len, 1);
	if (numbers_next(text, len, &pos, &other) && other.offset < next + 1)
		return;
	if (behind.unit != NUMBER_BARE && behind.unit != NUMBER_NOUN) {
		n->unit = behind.unit;
		memcpy(n->code, behind.code, sizeof(n->code));
	}
	n->power = behind.power;
	n->form = behind.form;
}
