/*
 * A common password is a word of password_common.c, alone, repeated, or dressed up with digits and
 * signs at its ends ("Summer2024!!!"): that is what guessing programs try first. Repetitions of up
 * to four characters count too. Read next: password_common.c.
 */
#include "password.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PERIOD_MAX 4

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

/* ASCII only: a letter of another script is itself in either case. */
static void lower_copy(char *dst, const char *src, size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[i] = (char)(src[i] >= 'A' && src[i] <= 'Z' ? src[i] - 'A' + 'a' : src[i]);
	dst[len] = '\0';
}

/* True when the text is its own first `period` bytes over and over; the last round may be cut. */
static bool repeats(const char *s, size_t len, size_t period)
{
	return period < len && memcmp(s, s + period, len - period) == 0;
}

static int compare_word(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

static bool known(const char *word)
{
	return bsearch(word, password_common, password_common_n, sizeof(password_common[0]),
		       compare_word) != NULL;
}

/* "passwordpassword": a known word two or more times and nothing else. */
static bool known_repeated(char *s, size_t len)
{
	for (size_t period = PERIOD_MAX + 1; period <= len / 2; period++) {
		char cut = s[period];
		bool found;

		if (len % period != 0 || !repeats(s, len, period))
			continue;
		s[period] = '\0';
		found = known(s);
		s[period] = cut;
		if (found)
			return true;
	}
	return false;
}

/* `s` is lower case and may be changed. */
static bool is_common(char *s)
{
	size_t len = strlen(s);

	for (size_t period = 1; period <= PERIOD_MAX; period++) {
		if (repeats(s, len, period))
			return true;
	}
	if (known(s) || known_repeated(s, len))
		return true;
	while (len > 0 && !is_letter(s[len - 1]))
		s[--len] = '\0';
	if (known(s))
		return true;
	while (len > 0 && !is_letter(*s)) {
		s++;
		len--;
	}
	return known(s) || known_repeated(s, len);
}

enum status password_check(const char *email, const char *password, const char *field,
			   struct error *err)
{
	size_t len = strlen(password);
	char lower[PASSWORD_MAX + 1];

	if (len < PASSWORD_MIN || len > PASSWORD_MAX)
		return error_set(err, ST_INVALID, field, "must have %d to %d bytes", PASSWORD_MIN,
				 PASSWORD_MAX);
	if (strcasecmp(email, password) == 0)
		return error_set(err, ST_INVALID, field, "must not be the e-mail address");
	lower_copy(lower, password, len);
	if (is_common(lower))
		return error_set(err, ST_INVALID, field,
				 "is one of the most common passwords; choose another");
	return ST_OK;
}
