/* Identifiers from the system's random generator: RFC 9562 (UUIDv7), W3C Trace Context
 * (traceparent). */
#include "core/id.h"

#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define HEX_PIECE_BYTES 64

void random_bytes(void *out, size_t bytes)
{
	unsigned char *p = out;

	while (bytes > 0) {
		ssize_t n = getrandom(p, bytes, 0);

		INVARIANT(n > 0 || (n < 0 && errno == EINTR));
		if (n > 0) {
			p += n;
			bytes -= (size_t)n;
		}
	}
}

void random_hex(char *out, size_t bytes)
{
	unsigned char piece[HEX_PIECE_BYTES];

	out[0] = '\0';
	while (bytes > 0) {
		size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);

		random_bytes(piece, n);
		hex_encode(piece, n, out);
		out += 2 * n;
		bytes -= n;
	}
}

/*
 * Milliseconds and a 12-bit counter in one number that only grows: ids made within one millisecond,
 * or after the clock stepped back, still sort in the order they were made (RFC 9562 section 6.2,
 * method 1).
 */
static uint64_t next_tick(void)
{
	static _Atomic uint64_t last;
	uint64_t now = (uint64_t)(time_now_us() / 1000) << 12;
	uint64_t before = atomic_load(&last);
	uint64_t tick;

	do {
		tick = now > before ? now : before + 1;
	} while (!atomic_compare_exchange_weak(&last, &before, tick));
	return tick;
}

void uuid_v7(char out[UUID_TEXT])
{
	uint64_t tick = next_tick();
	unsigned char b[16];
	char hex[2 * sizeof(b) + 1];

	random_bytes(b + 8, 8);
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)(tick >> (52 - 8 * i));
	b[6] = (unsigned char)(0x70 | (tick >> 8 & 0x0F));
	b[7] = (unsigned char)tick;
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3F));
	hex_encode(b, sizeof(b), hex);
	snprintf(out, UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		 hex + 20);
}

bool uuid_valid(const char *s)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (s == NULL)
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		if (shape[i] == 'x' ? !isxdigit((unsigned char)s[i]) : s[i] != '-')
			return false;
	}
	return s[sizeof(shape) - 1] == '\0';
}

void uuid_normalise(char *s)
{
	for (; *s != '\0'; s++) {
		if (*s >= 'A' && *s <= 'F')
			*s = (char)(*s - 'A' + 'a');
	}
}

/* n lower-case hex digits that are not all zero, as the W3C form wants them. */
static bool trace_id_valid(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n && strspn(s, "0") < n;
}

/* 00-<32 hex>-<16 hex>-<2 hex>; a later version may carry more after a dash. */
static bool traceparent_valid(const char *s)
{
	static const char hex[] = "0123456789abcdef";
	bool version_0;

	if (s == NULL || strnlen(s, TRACEPARENT_TEXT) < TRACEPARENT_TEXT - 1)
		return false;
	version_0 = strncmp(s, "00-", 3) == 0;
	return strspn(s, hex) == 2 && strncmp(s, "ff", 2) != 0 && s[2] == '-' &&
	       trace_id_valid(s + 3, 32) && s[35] == '-' && trace_id_valid(s + 36, 16) &&
	       s[52] == '-' && strspn(s + 53, hex) == 2 &&
	       (s[55] == '\0' || (!version_0 && s[55] == '-'));
}

/* Random hex that is not all zero. */
static void span_hex(char *out, size_t bytes)
{
	do {
		random_hex(out, bytes);
	} while (strspn(out, "0") == 2 * bytes);
}

void traceparent_child(const char *parent, char out[TRACEPARENT_TEXT])
{
	char trace[33], span[17];
	bool sampled = true;

	if (traceparent_valid(parent)) {
		uint8_t flags = 0;

		memcpy(trace, parent + 3, 32);
		trace[32] = '\0';
		sampled = hex_decode(parent + 53, 2, &flags) && (flags & 1) != 0;
	} else {
		span_hex(trace, 16);
	}
	span_hex(span, 8);
	snprintf(out, TRACEPARENT_TEXT, "00-%s-%s-%s", trace, span, sampled ? "01" : "00");
}
