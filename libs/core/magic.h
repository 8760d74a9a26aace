/*
 * Long-lived objects start with a magic number, so that a callback which gets the wrong or a freed
 * pointer stops at its first line.
 */
#ifndef CORE_MAGIC_H
#define CORE_MAGIC_H

#include <stdint.h>

/* Prints what failed and where, then aborts. For broken invariants, never for bad input. */
_Noreturn void panic(const char *file, int line, const char *what);

#define INVARIANT(cond)                                   \
	do {                                              \
		if (!(cond))                              \
			panic(__FILE__, __LINE__, #cond); \
	} while (0)
#define CHECK_MAGIC(obj, value) INVARIANT((obj) != NULL && (obj)->magic == (value))

#endif
