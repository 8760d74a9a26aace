/* The bounded buffer. Each write is taken whole or not at all; the first that does not fit fails
 * all later ones. */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_CAP 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4 };
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Makes room for `len` more bytes and the NUL; false (and failed) when the ceiling or memory is
 * reached. */
static bool reserve(struct buf *b, size_t len)
{
	size_t cap = b->cap > 0 ? b->cap : BUF_FIRST_CAP;
	char *data;

	if (b->failed || len > b->max - b->len)
		goto full;
	if (b->len + len < b->cap)
		return true;
	while (cap <= b->len + len)
		cap *= 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	data = realloc(b->data, cap);
	if (data == NULL)
		goto full;
	b->data = data;
	b->cap = cap;
	return true;
full:
	b->failed = true;
	return false;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (!reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

/* Bytes of `s` up to the next one that JSON wants escaped. */
static size_t plain_run(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && (unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

static void put_escape(struct buf *b, char c)
{
	static const char letters[] = "\"\\bfnrt";
	static const char meant[] = "\"\\\b\f\n\r\t";
	const char *at = c != '\0' ? strchr(meant, c) : NULL;

	if (at != NULL) {
		const char escape[2] = { '\\', letters[at - meant] };

		buf_put(b, escape, sizeof(escape));
	} else {
		buf_printf(b, "\\u%04x", (unsigned)(unsigned char)c);
	}
}

void buf_put_json(struct buf *b, const char *s, size_t len)
{
	size_t at = 0;

	buf_putc(b, '"');
	while (at < len && !b->failed) {
		size_t run = plain_run(s + at, len - at);

		buf_put(b, s + at, run);
		at += run;
		if (at < len)
			put_escape(b, s[at++]);
	}
	buf_putc(b, '"');
}

const char *buf_str(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}

enum status buf_status(const struct buf *b)
{
	return b->failed ? ST_TOO_LARGE : ST_OK;
}
