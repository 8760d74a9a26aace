/* A growing byte buffer that declares its ceiling at birth. Always NUL-terminated after its
 * content. */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* NULL until the first byte */
	size_t len, cap, max;
	bool failed; /* a write did not fit or memory was out; later writes are ignored */
};

/* An empty buffer of at most `max` bytes of content. */
void buf_init(struct buf *b, size_t max);
/* Frees and zeroes; may be called twice. */
void buf_done(struct buf *b);
/* Empties, keeps memory, clears `failed`. */
void buf_reset(struct buf *b);
void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends `s` as a JSON string with quotes; `s` must be valid UTF-8 (see utf8_valid). */
void buf_put_json(struct buf *b, const char *s, size_t len);
/* The content as a C string, "" when empty. Valid until the next write. */
const char *buf_str(const struct buf *b);
/* ST_OK, or ST_TOO_LARGE when a write failed. */
enum status buf_status(const struct buf *b) MUST_USE;

#endif
