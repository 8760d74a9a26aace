/* Names of users, schemas and roles, and text forms of the outside. Read next: env.c. */
#include "deploy.h"

#include <stdio.h>
#include <string.h>

const char *const role_kinds[] = { "owner", "app", "worker", NULL };

const char *bus_user(size_t i)
{
	if (i < contract_services_n)
		return contract_services[i]->name;
	if (i == contract_services_n)
		return EDGE_NAME;
	return i == contract_services_n + 1 ? DEPLOY_NAME : NULL;
}

void schema_name(const char *service, char out[NAME_CAP])
{
	snprintf(out, NAME_CAP, "%s", service);
	for (char *p = out; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
}

void put_shell_word(struct buf *b, const char *text)
{
	buf_putc(b, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_puts(b, "'\\''");
		else
			buf_putc(b, *text);
	}
	buf_putc(b, '\'');
}

void put_conninfo(struct buf *b, const char *key, const char *value)
{
	bool quote = value[0] == '\0' || strpbrk(value, " '\\") != NULL;

	buf_printf(b, "%s%s=%s", b->len > 0 ? " " : "", key, quote ? "'" : "");
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *value);
	}
	if (quote)
		buf_putc(b, '\'');
}
