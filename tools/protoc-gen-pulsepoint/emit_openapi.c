/* Writes openapi.json. */
#include "emit.h"

#include <string.h>

void emit_openapi_c(FILE *out, const char *json, size_t len)
{
	fputs("/* openapi.json as bytes. Made by protoc-gen-pulsepoint; not to be edited. */\n"
	      "#include <stddef.h>\n\n"
	      "extern const char contract_openapi[];\nextern const size_t contract_openapi_len;\n\n"
	      "const char contract_openapi[] = {",
	      out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s%d,", i % 24 == 0 ? "\n\t" : " ", (signed char)json[i]);
	fprintf(out, "\n\t0 };\nconst size_t contract_openapi_len = %zu;\n", len);
}

void emit_openapi(FILE *out, const struct model *m)
{
	(void)m;
	fputs("{}", out);
}
