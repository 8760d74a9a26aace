/*
 * Configuration: environment variables only, one table per program, parsed once into a struct. An
 * unknown variable that starts with PP_ is refused by name, so that a typo cannot pass.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_STRING, /* char[size] inside the struct */
	CONFIG_SECRET, /* as string; never printed */
	CONFIG_INT,    /* int64_t, with min and max */
	CONFIG_BOOL,   /* bool; true/false */
};

struct config_item {
	const char *name; /* "PP_DB_APP" */
	enum config_type type;
	size_t offset, size;       /* where in the struct; size of the char array for strings */
	const char *default_value; /* NULL: must be given */
	int64_t min, max;          /* CONFIG_INT */
	const char *doc;           /* one sentence with the unit */
};

/* clang-format off */
#define CONFIG_STR(st, member, env, def, text) \
	{ env, CONFIG_STRING, offsetof(st, member), sizeof(((st *)0)->member), def, 0, 0, text }
#define CONFIG_SEC(st, member, env, def, text) \
	{ env, CONFIG_SECRET, offsetof(st, member), sizeof(((st *)0)->member), def, 0, 0, text }
#define CONFIG_NUM(st, member, env, def, lo, hi, text) \
	{ env, CONFIG_INT, offsetof(st, member), sizeof(((st *)0)->member), def, lo, hi, text }
#define CONFIG_FLAG(st, member, env, def, text) \
	{ env, CONFIG_BOOL, offsetof(st, member), sizeof(((st *)0)->member), def, 0, 0, text }
/* clang-format on */

/*
 * One program may have several tables (runtime, own); `ctx` is the struct each fills. A table ends
 * with a zeroed item.
 */
struct config_table {
	const struct config_item *items;
	void *ctx;
};

/* Reads all tables (n of them). The first fault is named in err->field with the reason. */
enum status config_load(const struct config_table *tables, size_t n, struct error *err) MUST_USE;
/* Prints the tables as Markdown rows (name, type, default, doc; no heading) on stdout, for
 * --describe. Secrets show no default. */
void config_describe(const struct config_table *tables, size_t n);

#endif
