/* A way there and back for tests of libs/json: text and parameters into a message, and the message
 * printed. */
#ifndef JSON_TEST_TRIP_H
#define JSON_TEST_TRIP_H

#include "json/message.h"

#include <string.h>

#define TRIP_ARENA_MAX ((size_t)4 << 20)
#define BRAND          "0190a3f0-1234-7abc-8def-0123456789ab"

/* Parses, and prints what came of it into `out`; on a fault there is no message and nothing is
 * printed. */
static inline enum status round_trip(const ProtobufCMessageDescriptor *d, const char *text,
				     const struct json_param *params, size_t n, struct buf *out,
				     struct error *err)
{
	struct arena *a = arena_new(TRIP_ARENA_MAX);
	ProtobufCMessage *m = NULL;
	enum status st;

	assert_non_null(a);
	st = message_from_json(a, d, text, text != NULL ? strlen(text) : 0, params, n, &m, err);
	assert_true((m != NULL) == (st == ST_OK));
	if (st == ST_OK)
		assert_int_equal(message_to_json(m, out), ST_OK);
	arena_free(a);
	return st;
}

#endif
