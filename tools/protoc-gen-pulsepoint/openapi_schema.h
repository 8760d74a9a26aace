/* JSON Schema of fields and messages, in the JSON forms of libs/json/message.h. */
#ifndef GEN_OPENAPI_SCHEMA_H
#define GEN_OPENAPI_SCHEMA_H

#include "json_out.h"
#include "model.h"

/* Where a message is used: what a client may leave out, and what it will always find, differ. */
enum usage { USED_NOWHERE = 0, USED_IN = 1, USED_OUT = 2 };

/* Marks every message (in `mark`) with how it is used by methods with a route. */
void openapi_mark_usage(const struct model *m);
/* The schema of one field as the value of `key`. */
void openapi_field(struct json_out *j, const char *key, const struct field *f, int usage);
/* An object schema of those fields for which `keep` (NULL: all but in_header ones) says yes. */
typedef bool openapi_keep_fn(const struct method *me, const struct field *f);
void openapi_object(struct json_out *j, const char *key, const struct message *msg, int usage,
		    openapi_keep_fn *keep, const struct method *me);
/* "schemas": every message of the contract, and the problem document. */
void openapi_schemas(struct json_out *j, const struct model *m);

#endif
