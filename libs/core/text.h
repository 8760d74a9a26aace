/* Text from outside: UTF-8, hex, base64url, percent-encoding, safe tokens, constant-time
 * comparison. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBJECT_TOKEN_MAX 64

/* True for well-formed UTF-8 (RFC 3629: no overlong forms, surrogates or values over U+10FFFF). */
bool utf8_valid(const char *s, size_t len);
/* Largest length <= len and <= max that does not end inside a character. */
size_t utf8_clip(const char *s, size_t len, size_t max);
/* True for a NATS subject token of ours: [a-z0-9_-]{1,64}. Check before building any subject. */
bool token_valid(const char *s);
/* Copies with a limit; ST_TOO_LARGE (and dst empty) when it does not fit. `cap` counts the NUL. */
enum status text_copy(char *dst, size_t cap, const char *src) MUST_USE;
/* Percent-decodes into the arena; NULL for a bad escape, a NUL or a full arena. `plus_is_space` for
 * queries. */
char *percent_decode(struct arena *a, const char *s, size_t len, bool plus_is_space);
/* Percent-encodes all but unreserved characters of RFC 3986; "" when the arena is full, as
 * arena_strdup. */
char *percent_encode(struct arena *a, const char *s);
/* Lower-case hex; `out` holds 2*len+1. */
void hex_encode(const void *data, size_t len, char *out);
bool hex_decode(const char *hex, size_t hex_len, uint8_t *out);
/* base64url without padding (RFC 4648 section 5) into the arena; "" when it is full. */
char *base64url_encode(struct arena *a, const void *data, size_t len);
/* Decodes; NULL when malformed. `len` gets the byte count. */
uint8_t *base64url_decode(struct arena *a, const char *s, size_t *len);
/* Equality in time that depends on the length only. */
bool equal_constant_time(const void *a, const void *b, size_t len);
/* Whole decimal number in [min,max]; false for anything else ("", "+1", " 1", "1e3"). */
bool parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);

#endif
