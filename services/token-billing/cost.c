/* See cost.h. */
#include "cost.h"

#include "core/text.h"

#include <string.h>

#define RATE_EXPONENT 15 /* dollars per token to nano-dollars per million tokens */
#define DIGITS_MAX    40
#define EXPONENT_MAX  60

__extension__ typedef unsigned __int128 wide;

static const char *const words[TOKEN_KINDS] = {
#define X(name, word) word,
	TOKEN_KIND_LIST(X)
#undef X
};

const char *token_kind_word(enum token_kind k)
{
	return words[k];
}

bool token_kind_parse(const char *word, enum token_kind *ret)
{
	for (unsigned i = 0; i < TOKEN_KINDS; i++)
		if (strcmp(words[i], word) == 0) {
			*ret = (enum token_kind)i;
			return true;
		}
	return false;
}

enum status cost_of(const struct token_counts *t, const struct rates *r, int64_t *ret_nano,
		    unsigned *ret_missing)
{
	wide sum = 0;

	*ret_missing = 0;
	for (unsigned i = 0; i < TOKEN_KINDS; i++) {
		if (t->n[i] < 0 || t->n[i] > TOKENS_MAX)
			return ST_INVALID;
		if (t->n[i] > 0 && !r->of[i].known)
			*ret_missing |= 1u << i;
		else if (t->n[i] > 0)
			/* At most 10^12 x 2^63 each: five of them fit 128 bits. */
			sum += (wide)t->n[i] * (wide)r->of[i].nano_per_mtok;
	}
	if (!r->listed)
		*ret_missing = COST_UNLISTED;
	sum = (sum + TOKENS_PER_RATE / 2) / TOKENS_PER_RATE;
	if (sum > (wide)INT64_MAX)
		return ST_TOO_LARGE;
	if (*ret_missing == 0)
		*ret_nano = (int64_t)sum;
	return ST_OK;
}

/* The digits without the point; `exponent` loses one for each behind it. NULL when malformed. */
static const char *read_digits(const char *p, char digits[DIGITS_MAX + 1], int *exponent)
{
	bool point = false;
	size_t n = 0;

	for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		if (n == DIGITS_MAX)
			return NULL;
		digits[n++] = *p;
		*exponent -= point;
	}
	digits[n] = '\0';
	return n > 0 ? p : NULL;
}

bool rate_parse(const char *text, int64_t *ret)
{
	char digits[DIGITS_MAX + 1];
	int exponent = RATE_EXPONENT;
	int64_t given = 0;
	size_t n;
	wide v = 0;

	text = read_digits(text, digits, &exponent);
	if (!text || (*text == 'e' || *text == 'E' ? !parse_i64(text + 1 + (text[1] == '+'),
								-EXPONENT_MAX, EXPONENT_MAX, &given)
						   : *text != '\0'))
		return false;
	exponent += (int)given;
	n = strlen(digits);
	for (; exponent < 0 && n > 0 && digits[n - 1] == '0'; exponent++)
		digits[--n] = '\0';
	if (exponent < 0 && n > 0)
		return false;
	for (size_t i = 0; i < n || (v > 0 && exponent > 0); i++) {
		v = v * 10 + (i < n ? (unsigned)(digits[i] - '0') : 0);
		exponent -= i >= n;
		if (v > (wide)INT64_MAX)
			return false;
	}
	*ret = (int64_t)v;
	return true;
}
