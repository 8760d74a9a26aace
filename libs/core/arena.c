/*
 * A bounded arena: a chain of blocks that grow, emptied all at once. Under ASan everything not
 * handed out is poisoned and a gap follows each piece, so that overruns are seen as on the heap.
 */
#include "core/arena.h"

#include "core/magic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#define GAP            ARENA_ALIGN
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GAP            0
#endif

#define ARENA_MAGIC       0x6172656eU
#define ARENA_ALIGN       _Alignof(max_align_t)
#define ARENA_BLOCK_FIRST ((size_t)8 * 1024)
#define ARENA_BLOCK_MAX   ((size_t)256 * 1024)
/* Requests beyond this would overflow the sums below; no caller's ceiling is near it. */
#define ARENA_REQUEST_MAX (SIZE_MAX / 4)

struct block {
	struct block *next;
	size_t cap, used;
	_Alignas(max_align_t) unsigned char data[];
};

struct arena {
	uint32_t magic;
	int failed;
	size_t max, used;
	struct block *first, *last;
	char empty[1]; /* what string helpers return on failure */
};

struct arena *arena_new(size_t max)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->magic = ARENA_MAGIC;
	a->max = max < ARENA_REQUEST_MAX ? max : ARENA_REQUEST_MAX;
	return a;
}

static void blocks_free(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;

		UNPOISON(b->data, b->cap);
		free(b);
		b = next;
	}
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	CHECK_MAGIC(a, ARENA_MAGIC);
	blocks_free(a->first);
	a->magic = 0;
	free(a);
}

void arena_reset(struct arena *a)
{
	CHECK_MAGIC(a, ARENA_MAGIC);
	if (a->first != NULL) {
		blocks_free(a->first->next);
		a->first->next = NULL;
		a->first->used = 0;
		POISON(a->first->data, a->first->cap);
	}
	a->last = a->first;
	a->used = 0;
	a->failed = 0;
	a->empty[0] = '\0';
}

size_t arena_used(const struct arena *a)
{
	CHECK_MAGIC(a, ARENA_MAGIC);
	return a->used;
}

int arena_failed(const struct arena *a)
{
	CHECK_MAGIC(a, ARENA_MAGIC);
	return a->failed;
}

/* A block that holds `size`; each is twice as large as the one before, up to ARENA_BLOCK_MAX. */
static struct block *block_add(struct arena *a, size_t size)
{
	size_t cap = ARENA_BLOCK_FIRST;
	struct block *b;

	if (a->last != NULL)
		cap = a->last->cap < ARENA_BLOCK_MAX / 2 ? a->last->cap * 2 : ARENA_BLOCK_MAX;
	if (cap < size)
		cap = size;
	b = malloc(sizeof(*b) + cap);
	if (b == NULL)
		return NULL;
	b->next = NULL;
	b->cap = cap;
	b->used = 0;
	POISON(b->data, cap);
	if (a->last != NULL)
		a->last->next = b;
	else
		a->first = b;
	a->last = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b;
	size_t need;
	void *p;

	CHECK_MAGIC(a, ARENA_MAGIC);
	if (size > ARENA_REQUEST_MAX)
		goto full;
	need = (size + (size == 0) + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	if (need > a->max - a->used)
		goto full;
	b = a->last;
	if (b == NULL || need + GAP > b->cap - b->used)
		b = block_add(a, need + GAP);
	if (b == NULL)
		goto full;
	p = b->data + b->used;
	b->used += need + GAP;
	a->used += need;
	UNPOISON(p, size + (size == 0));
	return memset(p, 0, size + (size == 0));
full:
	a->failed = 1;
	return NULL;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		total = SIZE_MAX;
	return arena_alloc(a, total);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, s != NULL ? strlen(s) : 0);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = s != NULL ? strnlen(s, n) : 0;
	char *copy = arena_alloc(a, len + 1);

	if (copy == NULL)
		return a->empty;
	if (len > 0)
		memcpy(copy, s, len);
	return copy;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *text = NULL;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0)
		text = arena_alloc(a, (size_t)n + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	if (n < 0)
		a->failed = 1;
	return text != NULL ? text : a->empty;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}
