/*
 * Text from outside. Everything here is pure and bounded by its input; encoders write into an
 * arena. Sources: RFC 3629 (UTF-8), RFC 3986 (percent-encoding), RFC 4648 (base64url).
 */
#include "core/text.h"

#include <string.h>

#define ASCII_WORD UINT64_C(0x8080808080808080)

static bool is_continuation(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* Length of the well-formed character at `s`, 0 if there is none (RFC 3629 section 4). */
static size_t utf8_char(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xBF;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	n = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (len < n)
		return 0;
	if (s[0] == 0xE0)
		low = 0xA0; /* overlong */
	else if (s[0] == 0xED)
		high = 0x9F; /* surrogates */
	else if (s[0] == 0xF0)
		low = 0x90; /* overlong */
	else if (s[0] == 0xF4)
		high = 0x8F; /* over U+10FFFF */
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if (!is_continuation(s[i]))
			return 0;
	}
	return n;
}

bool utf8_valid(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t at = 0;

	while (at < len) {
		uint64_t word;
		size_t n;

		/* Most text is ASCII: eight bytes at a time. */
		if (len - at >= sizeof(word)) {
			memcpy(&word, p + at, sizeof(word));
			if ((word & ASCII_WORD) == 0) {
				at += sizeof(word);
				continue;
			}
		}
		n = utf8_char(p + at, len - at);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

size_t utf8_clip(const char *s, size_t len, size_t max)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t end = len < max ? len : max;
	size_t lead = end;

	while (lead > 0 && end - lead < 3 && is_continuation(p[lead - 1]))
		lead--;
	if (lead == 0 || p[lead - 1] < 0xC0)
		return end;
	lead--;
	return end - lead < (p[lead] < 0xE0 ? 2U : p[lead] < 0xF0 ? 3U : 4U) ? lead : end;
}

bool token_valid(const char *s)
{
	size_t i = 0;

	if (s == NULL)
		return false;
	while ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
	       s[i] == '-') {
		if (++i > SUBJECT_TOKEN_MAX)
			return false;
	}
	return i > 0 && s[i] == '\0';
}

enum status text_copy(char *dst, size_t cap, const char *src)
{
	size_t len = src != NULL ? strlen(src) : 0;

	if (cap == 0)
		return ST_TOO_LARGE;
	if (len >= cap) {
		dst[0] = '\0';
		return ST_TOO_LARGE;
	}
	if (len > 0)
		memcpy(dst, src, len);
	dst[len] = '\0';
	return ST_OK;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that two hex digits say, -1 if they are not. */
static int hex_byte(const char *s)
{
	int high = hex_digit(s[0]);
	int low = high >= 0 ? hex_digit(s[1]) : -1;

	return low >= 0 ? high * 16 + low : -1;
}

char *percent_decode(struct arena *a, const char *s, size_t len, bool plus_is_space)
{
	char *out = arena_alloc(a, len + 1);
	size_t n = 0;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)s[i];

		if (c == '%') {
			c = len - i > 2 ? hex_byte(s + i + 1) : -1;
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c <= 0)
			return NULL;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return out;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

char *percent_encode(struct arena *a, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = strlen(s), n = 0;
	char *out = arena_array(a, len + 1, 3);

	if (out == NULL)
		return arena_strdup(a, "");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (is_unreserved(s[i])) {
			out[n++] = s[i];
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	return out;
}

void hex_encode(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

bool hex_decode(const char *hex, size_t hex_len, uint8_t *out)
{
	if (hex_len % 2 != 0)
		return false;
	for (size_t i = 0; i < hex_len; i++) {
		if (hex_digit(hex[i]) < 0)
			return false;
	}
	for (size_t i = 0; i < hex_len; i += 2)
		out[i / 2] = (uint8_t)hex_byte(hex + i);
	return true;
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64url_encode(struct arena *a, const void *data, size_t len)
{
	const unsigned char *p = data;
	char *out = arena_array(a, len / 3 + 1, 4);
	size_t n = 0;
	uint32_t bits = 0;
	int have = 0;

	if (out == NULL)
		return arena_strdup(a, "");
	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			out[n++] = base64url[bits >> (have - 6) & 63];
	}
	if (have > 0)
		out[n++] = base64url[bits << (6 - have) & 63];
	out[n] = '\0';
	return out;
}

static int base64url_digit(char c)
{
	const char *at = c != '\0' ? strchr(base64url, c) : NULL;

	return at != NULL ? (int)(at - base64url) : -1;
}

uint8_t *base64url_decode(struct arena *a, const char *s, size_t *len)
{
	size_t n = 0;
	uint8_t *out = arena_alloc(a, strlen(s) / 4 * 3 + 3);
	uint32_t bits = 0;
	int have = 0;

	if (out == NULL || strlen(s) % 4 == 1)
		return NULL;
	for (; *s != '\0'; s++) {
		int digit = base64url_digit(*s);

		if (digit < 0)
			return NULL;
		bits = (bits << 6 | (uint32_t)digit) & 0xFFFFFF;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	/* Bits left over must be zero, or two texts would mean the same bytes. */
	if ((bits & ((1U << have) - 1)) != 0)
		return NULL;
	*len = n;
	return out;
}

bool equal_constant_time(const void *a, const void *b, size_t len)
{
	const volatile unsigned char *p = a, *q = b;
	unsigned char differs = 0;

	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(p[i] ^ q[i]);
	return differs == 0;
}

bool parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = s != NULL && s[0] == '-';
	int64_t value = 0;

	if (s == NULL)
		return false;
	if (negative)
		s++;
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		int digit = *s - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, digit, &value))
			return false;
	}
	/* Summed below zero, where there is room for one more. */
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return false;
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}
