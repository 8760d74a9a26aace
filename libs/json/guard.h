/*
 * Parses JSON from outside into a cJSON tree after one strict pass over the bytes, because cJSON
 * accepts what we must not: \u0000, duplicate keys, bad UTF-8, integers beyond 2^53 (see
 * docs/internals/json.md).
 */
#ifndef JSON_GUARD_H
#define JSON_GUARD_H

#include "core/status.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/*
 * `max_depth` nested containers at most (64 whatever is asked), 4,096 keys in an object, a million
 * values in all. Numbers that are not whole or lie beyond 2^53, which cJSON would not keep exactly,
 * are refused unless `lenient_numbers` (answers of providers, whose big numbers arrive as strings
 * anyway); infinite ones always. The caller frees with cJSON_Delete. ST_INVALID with err->field the
 * path of the fault ("admin.email", "rows[3].id"), or "body" for the document itself;
 * ST_UNAVAILABLE when memory is out.
 */
enum status json_parse(const char *text, size_t len, int max_depth, int lenient_numbers,
		       cJSON **ret, struct error *err) MUST_USE;

#endif
