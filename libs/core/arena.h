/*
 * One request, one arena: handlers allocate and never free. Bounded from birth; not thread-safe
 * (one arena belongs to one thread at a time).
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "core/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* A new arena that will hold at most `max` bytes. NULL when memory is out. arena_free accepts NULL.
 */
struct arena *arena_new(size_t max);
void arena_free(struct arena *a);
/* Forgets all content but keeps the first block for reuse. Freed bytes are poisoned under ASan. */
void arena_reset(struct arena *a);
/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *a);

/*
 * `size` bytes aligned for any type, zeroed. NULL when the ceiling or memory is reached;
 * `arena_failed` then stays true until reset, so a builder may check once at its end.
 */
void *arena_alloc(struct arena *a, size_t size);
/* As arena_alloc for n items, with overflow checked. */
void *arena_array(struct arena *a, size_t n, size_t size);
int arena_failed(const struct arena *a);

/*
 * String helpers for builders: on failure they return "" (never NULL) and mark the arena failed.
 * A NULL `s` counts as "".
 */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

#endif
