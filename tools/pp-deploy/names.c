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

/* Names in braces become wildcards. */
static void put_pattern(const char *subject, char out[SUBJECT_CAP])
{
	size_t n = 0;

	for (const char *p = subject; *p && n < SUBJECT_CAP - 1; p++) {
		out[n++] = *p == '{' ? '*' : *p;
		if (*p == '{')
			p += strcspn(p, "}");
	}
	out[n] = '\0';
}

bool own_subject(const struct contract_service *s, size_t i, char out[SUBJECT_CAP])
{
	char before[SUBJECT_CAP];

	for (size_t e = 0; e < s->n_events; e++) {
		bool known = false;

		if (!s->events[e].subject)
			continue;
		put_pattern(s->events[e].subject, out);
		for (size_t k = 0; !known && k < e; k++) {
			if (!s->events[k].subject)
				continue;
			put_pattern(s->events[k].subject, before);
			known = strcmp(before, out) == 0;
		}
		if (!known && i-- == 0)
			return true;
	}
	return false;
}

void telemetry_durable(const struct contract_service *s, char out[NAME_CAP])
{
	snprintf(out, NAME_CAP, "%s-" OBS_STREAM, s->name);
}
