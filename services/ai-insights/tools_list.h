/*
 * What each tool takes, as a table; the schema that a model is shown and the check of what it sends
 * both read it. Fields that a request of the contract has are described by the contract. Read next:
 * tools_input.c, handlers_tools.c.
 */
#ifndef AI_INSIGHTS_TOOLS_LIST_H
#define AI_INSIGHTS_TOOLS_LIST_H

#include "tools.h"

#include "core/contract.h"

enum tool_kind {
	TOOL_FIELD, /* of the contract's request: type, words, form and default are its */
	TOOL_NUMBER,
	TOOL_WORD,
	TOOL_IDS,
};
struct tool_field {
	const char *name; /* of a TOOL_FIELD also the request's field */
	enum tool_kind kind;
	const char *doc;          /* NULL: the contract's */
	int64_t min, max;         /* of a TOOL_NUMBER */
	const char *const *words; /* of a TOOL_WORD, NULL behind the last */
	const char *otherwise;    /* what is taken when it is absent; NULL: nothing */
	bool required;
};

enum tool_id { TOOL_CALCULATE, TOOL_ATTRIBUTION, TOOL_SUMMARY, TOOL_ORDERS, TOOL_PRODUCTS };

#define TOOL_FIELDS_MAX 8

struct tool_def {
	const char *name;
	enum tool_id id;
	const char *service, *subject; /* whose method; NULL: no query */
	const char *description;
	struct tool_field fields[TOOL_FIELDS_MAX]; /* those with a name */
};

#define TOOLS_N 5
/* Sorted by name. */
extern const struct tool_def tool_defs[TOOLS_N];

const struct tool_def *tool_find(const char *name);
/* The method a tool asks; NULL when it asks none. */
const struct contract_method *tool_method(const struct tool_def *def);
/* The descriptor of a TOOL_FIELD; *rule its rule (may be NULL). */
const struct ProtobufCFieldDescriptor *
tool_descriptor(const struct contract_method *m, const char *field, const struct field_rule **rule);

/* ---- tools_input.c ---- */

struct tool_value {
	const char *text; /* given or by default; NULL: absent. Enum words and dates as text */
};
struct tool_input {
	const struct tool_def *def;
	struct tool_value values[TOOL_FIELDS_MAX]; /* as def->fields */
	const char **ids;                          /* of a TOOL_IDS */
	size_t n_ids;
	const char *arguments; /* what was understood, as JSON with defaults */
};
/* Reads a tool's input strictly into the arena. ST_INVALID names the field and says why. */
enum status tool_input_read(struct arena *a, const struct tool_def *def, const char *json,
			    size_t len, struct tool_input *ret, struct error *err) MUST_USE;
/* The value of a field, NULL when it is absent. */
const char *tool_input_value(const struct tool_input *in, const char *name);

#endif
