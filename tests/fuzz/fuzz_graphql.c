/*
 * Any text as a GraphQL query: the parser and the check against the schema must end with a plan or
 * an error, within their limits. The schema is tools/simulator/shopify_schema.c.
 */
#include "gql_schema.h"

#include <stdint.h>

#define ARENA_MAX (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct gql_error err = { .set = false };
	struct gql_doc doc;
	struct gquery query;
	struct buf out;
	bool ok;

	if (a == NULL)
		return 0;
	buf_init(&out, ARENA_MAX);
	ok = gql_parse(a, (const char *)data, size, &doc, &err) &&
	     gql_bind(a, &doc, NULL, NULL, &query, &err);
	/* Exactly one of the two: a plan with a cost, or an error with words. */
	if (ok ? err.set || query.cost == 0 : !err.set || err.message == NULL)
		__builtin_trap();
	if (!ok)
		gql_error_write(&err, &out);
	buf_done(&out);
	arena_free(a);
	return 0;
}
