/*
 * The end of a process whose invariants are broken. Uses nothing that could itself be broken: no
 * heap, no log settings.
 */
#include "core/magic.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void panic(const char *file, int line, const char *what)
{
	fprintf(stderr, "panic: %s:%d: %s\n", file, line, what);
	abort();
}
