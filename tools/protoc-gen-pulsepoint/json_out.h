/* Writes JSON to a stream: keys, values and the commas between them. `key` is NULL inside an array.
 */
#ifndef GEN_JSON_OUT_H
#define GEN_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
	FILE *out;
	bool comma; /* the next value needs one before it */
};

void json_object(struct json_out *j, const char *key);
void json_array(struct json_out *j, const char *key);
void json_end_object(struct json_out *j);
void json_end_array(struct json_out *j);
void json_string(struct json_out *j, const char *key, const char *text);
/* Nothing when the text is empty. */
void json_string_if(struct json_out *j, const char *key, const char *text);
void json_int(struct json_out *j, const char *key, int64_t v);
void json_bool(struct json_out *j, const char *key, bool v);
/* {"$ref": "#/components/<kind>/<name>"} */
void json_ref(struct json_out *j, const char *key, const char *kind, const char *name);

#endif
