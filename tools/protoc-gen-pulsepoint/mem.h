/*
 * Memory of the generator: everything lives until the process ends, in one obstack. Texts that grow
 * (the output files) are stdio memory streams.
 */
#ifndef GEN_MEM_H
#define GEN_MEM_H

#include <stddef.h>
#include <stdio.h>

/* Zeroed memory; the process ends with a message when there is none. */
void *mem_alloc(size_t size);
void *mem_array(size_t n, size_t size);
char *mem_copy(const char *s, size_t len);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Frees all of it. */
void mem_done(void);

#endif
