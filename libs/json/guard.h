/*
 * Parses JSON from outside into a cJSON tree after one strict pass over the bytes, because cJSON accepts what we must not:
 * \u0000, duplicate keys, bad UTF-8, integers beyond 2^53 (see docs/internals/json.md).
 */
#ifndef JSON_GUARD_H
#define JSON_GUARD_H

#include "core/status.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/*
 * `max_depth` nested containers at most. Numbers that a double cannot hold exactly as integers are refused unless
 * `lenient_numbers` (answers of providers, whose big numbers arrive as strings anyway). The caller frees with cJSON_Delete.
 * err->field is the path of the fault ("admin.email", "rows[3].id").
 */
enum status json_parse(const char *text, size_t len, int max_depth, int lenient_numbers, cJSON **ret,
		       struct error *err) MUST_USE;

#endif
