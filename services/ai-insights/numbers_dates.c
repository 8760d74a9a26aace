/* Dates and times: 2011-03-01, 2011-03-01T09:30:00Z, 1 March 2011, March 1st, March 2011, 14:30. */
#include "numbers_priv.h"

#include <ctype.h>

static const char *const months[] = { "January",   "February", "March",    "April",
				      "May",       "June",     "July",     "August",
				      "September", "October",  "November", "December" };

#define MONTH_WORDS 12

int month_of(const struct scan *t, size_t at, size_t end)
{
	size_t n = end - at;

	/* "may" and "march" are verbs; a month is written with a capital letter. */
	if (n < 3 || !isupper((unsigned char)byte_at(t, at)))
		return 0;
	for (int i = 0; i < MONTH_WORDS; i++)
		if (scan_is_word(t, at, end, months[i]) ||
		    (n == 3 &&
		     scan_is_word(t, at, end,
				  (char[]){ months[i][0], months[i][1], months[i][2], 0 })))
			return i + 1;
	return n == 4 && scan_is_word(t, at, end, "Sept") ? 9 : 0;
}

/* True when the digits that end at `end` go on as another number: "10,000", "5%", "2011x". */
static bool goes_on(const struct scan *t, size_t end)
{
	size_t n;
	uint32_t c = scan_char(t, end, &n);

	if (char_is_numeral(c) || char_is_letter(c) || c == '%' || c == '_' ||
	    char_currency(c)[0] != '\0')
		return true;
	return (char_is_joiner(c) || c == '/' || c == ':') &&
	       char_is_numeral(scan_char(t, end + n, &n));
}

static bool take_year(const struct scan *t, size_t at, size_t *end, int *year)
{
	int y = scan_small(t, at, 4, end);

	if (y < 1000 || *end != at + 4 || goes_on(t, *end))
		return false;
	*year = y;
	return true;
}

/* "1", "1st" */
static bool take_day(const struct scan *t, size_t at, size_t *end, int *day)
{
	size_t p;
	int d = scan_small(t, at, 2, &p);

	if (d < 1 || d > 31)
		return false;
	*end = scan_letters(t, p);
	if (!scan_is_word(t, p, *end, "st") && !scan_is_word(t, p, *end, "nd") &&
	    !scan_is_word(t, p, *end, "rd") && !scan_is_word(t, p, *end, "th"))
		*end = p;
	*day = d;
	return true;
}

static bool is_part_of_word(const struct scan *t, size_t at)
{
	uint32_t before = scan_before(t, at);

	return char_is_letter(before) || char_is_numeral(before) || before == '_' ||
	       char_currency(before)[0] != '\0';
}

/* ":30", ":30.123" and a zone; the end. */
static size_t rest_of_time(const struct scan *t, size_t at)
{
	size_t end;

	if (byte_at(t, at) == ':' && scan_small(t, at + 1, 2, &end) >= 0 && end == at + 3) {
		at = end;
		if (byte_at(t, at) == '.' && scan_small(t, at + 1, 9, &end) >= 0)
			at = end;
	}
	if (byte_at(t, at) == 'Z' && !is_alpha(byte_at(t, at + 1)))
		return at + 1;
	if ((byte_at(t, at) == '+' || byte_at(t, at) == '-') &&
	    scan_small(t, at + 1, 2, &end) >= 0 && end == at + 3 && byte_at(t, end) == ':' &&
	    scan_small(t, end + 1, 2, &end) >= 0 && end == at + 6)
		return end;
	return at;
}

static bool take_clock(const struct scan *t, size_t at, size_t *end, struct number *ret)
{
	size_t p, q;
	int h = scan_small(t, at, 2, &p), m;

	if (h < 0 || h > 23 || byte_at(t, p) != ':')
		return false;
	m = scan_small(t, p + 1, 2, &q);
	if (m < 0 || m > 59 || q != p + 3)
		return false;
	ret->hour = h;
	ret->minute = m;
	*end = rest_of_time(t, q);
	return true;
}

static void take_clock_behind(const struct scan *t, struct number *ret)
{
	size_t at = ret->offset + ret->len, end;
	char c = byte_at(t, at);

	if ((c == 'T' || c == 't' || c == ' ') && is_digit(byte_at(t, at + 1)) &&
	    take_clock(t, at + 1, &end, ret) && !goes_on(t, end))
		ret->len = end - ret->offset;
	else
		ret->hour = ret->minute = -1;
}

/* "2011-03-01", "2011-03" */
static bool iso_date(const struct scan *t, size_t at, struct number *ret)
{
	size_t p, end;
	int y = scan_small(t, at, 4, &p), m, d = 0;

	if (y < 1000 || p != at + 4 || byte_at(t, p) != '-')
		return false;
	m = scan_small(t, p + 1, 2, &end);
	if (m < 1 || m > 12 || end != p + 3)
		return false;
	if (byte_at(t, end) == '-' && is_digit(byte_at(t, end + 1))) {
		p = end;
		d = scan_small(t, p + 1, 2, &end);
		if (d < 1 || d > 31 || end != p + 3)
			return false;
	}
	ret->year = y;
	ret->month = m;
	ret->day = d;
	ret->len = end - at;
	if (d > 0)
		take_clock_behind(t, ret);
	return !goes_on(t, at + ret->len);
}

/* "1 March 2011", "1st of March" */
static bool day_month(const struct scan *t, size_t at, struct number *ret)
{
	size_t p, end, word;

	if (!take_day(t, at, &p, &ret->day))
		return false;
	word = scan_spaces(t, p, 2);
	end = scan_letters(t, word);
	if (scan_is_word(t, word, end, "of")) {
		word = scan_spaces(t, end, 2);
		end = scan_letters(t, word);
	}
	ret->month = word > p ? month_of(t, word, end) : 0;
	if (ret->month == 0)
		return false;
	ret->len = end - at;
	p = scan_spaces(t, byte_at(t, end) == ',' ? end + 1 : end, 2);
	if (p > end && take_year(t, p, &p, &ret->year))
		ret->len = p - at;
	return true;
}

bool scan_date(const struct scan *t, size_t at, struct number *ret)
{
	const struct number blank = *ret;

	if (is_part_of_word(t, at))
		return false;
	ret->form = NUMBER_DATE;
	if (iso_date(t, at, ret))
		return true;
	*ret = blank;
	ret->form = NUMBER_DATE;
	if (day_month(t, at, ret))
		return true;
	*ret = blank;
	return false;
}

bool scan_month_date(const struct scan *t, size_t at, struct number *ret)
{
	const struct number blank = *ret;
	size_t end = scan_letters(t, at), p, q;

	ret->form = NUMBER_DATE;
	ret->month = month_of(t, at, end);
	p = scan_spaces(t, byte_at(t, end) == '.' ? end + 1 : end, 2);
	if (ret->month > 0 && p > end && take_year(t, p, &q, &ret->year)) {
		ret->len = q - at;
		return true;
	}
	if (ret->month == 0 || p == end || !take_day(t, p, &end, &ret->day) || goes_on(t, end)) {
		*ret = blank;
		return false;
	}
	ret->len = end - at;
	p = scan_spaces(t, byte_at(t, end) == ',' ? end + 1 : end, 2);
	if (p > end && take_year(t, p, &q, &ret->year))
		ret->len = q - at;
	return true;
}

bool scan_time(const struct scan *t, size_t at, struct number *ret)
{
	const struct number blank = *ret;
	size_t end, word, word_end;

	ret->form = NUMBER_TIME;
	if (is_part_of_word(t, at) || !take_clock(t, at, &end, ret))
		goto no;
	word = scan_spaces(t, end, 1);
	word_end = scan_letters(t, word);
	if (scan_is_word(t, word, word_end, "am") || scan_is_word(t, word, word_end, "pm")) {
		if (ret->hour < 1 || ret->hour > 12)
			goto no;
		ret->hour = ret->hour % 12 + (scan_is_word(t, word, word_end, "pm") ? 12 : 0);
		end = word_end;
	}
	ret->len = end - at;
	if (!goes_on(t, end))
		return true;
no:
	*ret = blank;
	return false;
}
