/* Names. The C forms repeat what protoc-c does (its c_helpers.cc), so that generated files fit
 * together. */
#include "names.h"

#include "mem.h"

#include "core/text.h"

#include <ctype.h>
#include <string.h>

char *name_snake(const char *camel)
{
	char *out = mem_alloc(2 * strlen(camel) + 1), *p = out;
	bool was_upper = true; /* no underscore at the front */

	for (; *camel != '\0'; camel++) {
		bool upper = isupper((unsigned char)*camel) != 0;

		if (upper && !was_upper)
			*p++ = '_';
		*p++ = (char)tolower((unsigned char)*camel);
		was_upper = upper;
	}
	return out;
}

char *name_c_type(const char *full)
{
	char *out = mem_alloc(2 * strlen(full) + 1), *p = out;
	bool raise = true;

	for (; *full != '\0'; full++) {
		if (*full == '.') {
			*p++ = '_';
			*p++ = '_';
			raise = true;
		} else if (*full == '_') {
			raise = true;
		} else {
			*p++ = raise ? (char)toupper((unsigned char)*full) : *full;
			raise = false;
		}
	}
	return out;
}

char *name_c_lower(const char *full)
{
	char *out = mem_alloc(1);

	while (*full != '\0') {
		size_t n = strcspn(full, ".");
		char *piece = name_snake(mem_copy(full, n));

		out = mem_printf("%s%s%s", out, *out != '\0' ? "__" : "", piece);
		full += n;
		if (*full == '.')
			full++;
	}
	return out;
}

char *name_ident(const char *token)
{
	char *out = mem_copy(token, strlen(token));

	for (char *p = out; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	return out;
}

char *name_upper(const char *s)
{
	char *out = mem_copy(s, strlen(s));

	for (char *p = out; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return out;
}

char *name_pbc_header(const char *proto)
{
	size_t n = strlen(proto);

	if (n > 6 && strcmp(proto + n - 6, ".proto") == 0)
		n -= 6;
	return mem_printf("%.*s.pb-c.h", (int)n, proto);
}

bool name_is_token(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= SUBJECT_TOKEN_MAX && s[n] == '\0';
}

char *name_enum_word(const char *value, const char *prefix)
{
	size_t n = strlen(prefix);
	char *out;

	if (strncmp(value, prefix, n) != 0 || value[n] == '\0')
		return NULL;
	out = mem_copy(value + n, strlen(value + n));
	for (char *p = out; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}
