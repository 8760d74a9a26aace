/* Any text as a query in Google's language: a checked query, or an error with code and words. */
#include "gaql.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (16 * 1024 * 1024)
#define TODAY     20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(ARENA_MAX);
	char *text = malloc(size + 1);
	struct gaql_query query;
	struct gaql_error err;

	if (a != NULL && text != NULL) {
		memcpy(text, data, size);
		text[size] = '\0';
		if (gaql_parse(a, text, TODAY, &query, &err)
			    ? query.nfields == 0
			    : err.code == NULL || err.message == NULL)
			__builtin_trap();
	}
	free(text);
	arena_free(a);
	return 0;
}
