/*
 * Server-sent events out of bytes, however they are cut (WHATWG HTML, section 9.2.6): any line end,
 * several data lines, comments, a byte order mark. Bounded. Read next: docs/internals/http.md.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "core/buf.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSE_TYPE_MAX  64 /* bytes of an event's name; a longer one is cut */
#define SSE_FIELD_MAX 8  /* bytes of a field's name that matter */

/* `data` is NUL-terminated after `len` bytes; it may hold anything, NUL too. `type` is "message"
 * when the event names none. Both are gone when the call returns. */
typedef void sse_event_fn(void *arg, const char *type, const char *data, size_t len);

struct sse {
	uint32_t magic;
	sse_event_fn *on_event;
	void *arg;
	struct buf line, data;
	char type[SSE_TYPE_MAX];
	bool has_data;  /* a data line has come since the last event */
	bool oversize;  /* the event that is arriving does not fit: it is passed over */
	bool after_cr;  /* a line feed now belongs to the line end before it */
	unsigned bom;   /* bytes of a byte order mark seen at the beginning; 3: that is decided */
	size_t dropped; /* events that did not fit */
};

/* A parser whose events hold at most `max` bytes of data. Larger ones, and lines that are longer
 * than that, are counted in `dropped` and passed over. */
void sse_init(struct sse *s, size_t max, sse_event_fn *on_event, void *arg);
void sse_done(struct sse *s);
/* Takes the next bytes and reports each event that they complete. */
void sse_feed(struct sse *s, const char *bytes, size_t len);
/*
 * The end of the stream. The standard forgets an event that no empty line ended; we report it,
 * because some servers leave the last line end out. Its data may be cut.
 */
void sse_end(struct sse *s);

#endif
