/*
 * Configuration from the environment. Every value is checked before any is stored, so that a struct
 * is either filled or untouched. Read next: libs/svc, which owns the runtime's table.
 */
#include "core/config.h"

#include "core/magic.h"
#include "core/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_PREFIX "PP_"

extern char **environ;

static const struct config_item *table_find(const struct config_item *items, const char *name,
					    size_t len)
{
	for (; items->name != NULL; items++) {
		if (strlen(items->name) == len && strncmp(items->name, name, len) == 0)
			return items;
	}
	return NULL;
}

/* Refuses the first PP_ variable that no table knows. */
static enum status refuse_unknown(const struct config_table *tables, size_t n, struct error *err)
{
	for (char **e = environ; e != NULL && *e != NULL; e++) {
		size_t len = strcspn(*e, "=");
		bool known = strncmp(*e, CONFIG_PREFIX, strlen(CONFIG_PREFIX)) != 0;
		char name[ERROR_FIELD_MAX];

		for (size_t i = 0; i < n && !known; i++)
			known = table_find(tables[i].items, *e, len) != NULL;
		if (known)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name)),
			 *e);
		return error_set(err, ST_INVALID, name, "is not a setting of this program");
	}
	return ST_OK;
}

/* The functions below check `value`, and store it when `to` is not NULL. */
static enum status take_string(const struct config_item *item, const char *value, char *to,
			       struct error *err)
{
	size_t len = strlen(value);

	if (len >= item->size)
		return error_set(err, ST_INVALID, item->name, "is longer than %zu bytes",
				 item->size - 1);
	if (!utf8_valid(value, len))
		return error_set(err, ST_INVALID, item->name, "is not valid UTF-8");
	if (to != NULL)
		memcpy(to, value, len + 1);
	return ST_OK;
}

static enum status take_int(const struct config_item *item, const char *value, void *to,
			    struct error *err)
{
	int64_t number;

	INVARIANT(item->size == sizeof(number));
	if (!parse_i64(value, item->min, item->max, &number))
		return error_set(err, ST_INVALID, item->name,
				 "must be a whole number from %lld to %lld", (long long)item->min,
				 (long long)item->max);
	if (to != NULL)
		memcpy(to, &number, sizeof(number));
	return ST_OK;
}

static enum status take_bool(const struct config_item *item, const char *value, void *to,
			     struct error *err)
{
	bool on = strcmp(value, "true") == 0;

	INVARIANT(item->size == sizeof(on));
	if (!on && strcmp(value, "false") != 0)
		return error_set(err, ST_INVALID, item->name, "must be true or false");
	if (to != NULL)
		memcpy(to, &on, sizeof(on));
	return ST_OK;
}

static enum status take_item(const struct config_item *item, char *ctx, struct error *err)
{
	const char *value = getenv(item->name);
	char *to = ctx != NULL ? ctx + item->offset : NULL;

	if (value == NULL)
		value = item->default_value;
	if (value == NULL)
		return error_set(err, ST_INVALID, item->name, "must be set: %s", item->doc);
	if (value[0] == '\0' && item->default_value == NULL)
		return error_set(err, ST_INVALID, item->name, "is empty: %s", item->doc);
	switch (item->type) {
	case CONFIG_STRING:
	case CONFIG_SECRET:
		return take_string(item, value, to, err);
	case CONFIG_INT:
		return take_int(item, value, to, err);
	case CONFIG_BOOL:
		return take_bool(item, value, to, err);
	}
	return error_set(err, ST_INTERNAL, item->name, "has no known type");
}

static enum status take_tables(const struct config_table *tables, size_t n, bool store,
			       struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct config_item *item = tables[i].items;

		for (; item->name != NULL; item++) {
			enum status st = take_item(item, store ? tables[i].ctx : NULL, err);

			if (st != ST_OK)
				return st;
		}
	}
	return ST_OK;
}

enum status config_load(const struct config_table *tables, size_t n, struct error *err)
{
	enum status st = refuse_unknown(tables, n, err);

	if (st == ST_OK)
		st = take_tables(tables, n, false, err);
	if (st == ST_OK)
		st = take_tables(tables, n, true, err);
	return st;
}

static void describe_item(const struct config_item *item)
{
	static const char *const types[] = {
		[CONFIG_STRING] = "string",
		[CONFIG_SECRET] = "secret",
		[CONFIG_INT] = "integer",
		[CONFIG_BOOL] = "boolean",
	};
	const char *shown = item->default_value;

	printf("| `%s` | %s", item->name, types[item->type]);
	if (item->type == CONFIG_INT)
		printf(" %lld to %lld", (long long)item->min, (long long)item->max);
	if (shown == NULL)
		printf(" | required");
	else if (item->type == CONFIG_SECRET || shown[0] == '\0')
		printf(" | ");
	else
		printf(" | `%s`", shown);
	printf(" | %s |\n", item->doc);
}

void config_describe(const struct config_table *tables, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (const struct config_item *item = tables[i].items; item->name != NULL; item++)
			describe_item(item);
	}
}
