/* Memory of the generator. Read next: model.c. */
#include "mem.h"

#include <obstack.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

static struct obstack all;
static int started;

static void out_of_memory(void)
{
	fputs("protoc-gen-pulsepoint: out of memory\n", stderr);
	exit(1);
}

/* obstack_alloc of glibc 2.36 rounds a pointer up by adding to a null pointer (PTR_ALIGN). */
__attribute__((no_sanitize("pointer-overflow"))) void *mem_alloc(size_t size)
{
	void *p;

	if (!started) {
		obstack_alloc_failed_handler = out_of_memory;
		obstack_init(&all);
		started = 1;
	}
	p = obstack_alloc(&all, size);
	return memset(p, 0, size);
}

void *mem_array(size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		out_of_memory();
	return mem_alloc(n * size);
}

char *mem_copy(const char *s, size_t len)
{
	char *p = mem_alloc(len + 1);

	memcpy(p, s, len);
	return p;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	p = mem_alloc((size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

void mem_done(void)
{
	if (started)
		obstack_free(&all, NULL);
	started = 0;
}
