/* Identifiers: UUIDv7 for what we make (RFC 9562), random tokens, trace ids. */
#ifndef CORE_ID_H
#define CORE_ID_H

#include <stdbool.h>
#include <stddef.h>

#define UUID_TEXT 37 /* 36 characters and NUL */

/* A fresh UUIDv7 in lower-case text; grows with time within a process (a counter breaks ties). */
void uuid_v7(char out[UUID_TEXT]);
/* True for 8-4-4-4-12 hex digits of either case. */
bool uuid_valid(const char *s);
/* Lower-cases a valid UUID in place, so that text comparison works. */
void uuid_normalise(char *s);
/* `bytes` bytes from the system's generator as lower-case hex; `out` holds 2*bytes+1. Aborts if the
 * system has none. */
void random_hex(char *out, size_t bytes);
void random_bytes(void *out, size_t bytes);

#define TRACEPARENT_TEXT 56
/* A new W3C traceparent: a child span of `parent` if that is well formed (same trace id), else a
 * new trace. */
void traceparent_child(const char *parent, char out[TRACEPARENT_TEXT]);

#endif
