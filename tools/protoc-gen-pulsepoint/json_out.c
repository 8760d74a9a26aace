/* Writes JSON to a stream. Read next: emit_openapi.c. */
#include "json_out.h"

#include "mem.h"

#include <inttypes.h>

static void put_text(struct json_out *j, const char *text)
{
	fputc('"', j->out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(j->out, "\\%c", c);
		else if (c < 0x20)
			fprintf(j->out, "\\u%04x", c);
		else
			fputc(c, j->out);
	}
	fputc('"', j->out);
}

static void begin(struct json_out *j, const char *key)
{
	if (j->comma)
		fputc(',', j->out);
	j->comma = true;
	if (key != NULL) {
		put_text(j, key);
		fputc(':', j->out);
	}
}

void json_object(struct json_out *j, const char *key)
{
	begin(j, key);
	fputc('{', j->out);
	j->comma = false;
}

void json_array(struct json_out *j, const char *key)
{
	begin(j, key);
	fputc('[', j->out);
	j->comma = false;
}

void json_end_object(struct json_out *j)
{
	fputc('}', j->out);
	j->comma = true;
}

void json_end_array(struct json_out *j)
{
	fputc(']', j->out);
	j->comma = true;
}

void json_string(struct json_out *j, const char *key, const char *text)
{
	begin(j, key);
	put_text(j, text);
}

void json_string_if(struct json_out *j, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_string(j, key, text);
}

void json_int(struct json_out *j, const char *key, int64_t v)
{
	begin(j, key);
	fprintf(j->out, "%" PRId64, v);
}

void json_bool(struct json_out *j, const char *key, bool v)
{
	begin(j, key);
	fputs(v ? "true" : "false", j->out);
}

void json_ref(struct json_out *j, const char *key, const char *kind, const char *name)
{
	json_object(j, key);
	json_string(j, "$ref", mem_printf("#/components/%s/%s", kind, name));
	json_end_object(j);
}
