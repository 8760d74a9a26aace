/*
 * Reads what a model sends to a tool. Only the tool's own fields are taken, each by its name: a
 * brand or a tenant is none of them. Read next: tools_list.h.
 */
#include "tools_list.h"

#include "calculate_decimal.h"

#include "core/buf.h"
#include "core/text.h"
#include "json/guard.h"

#include <stdio.h>
#include <string.h>

#define INPUT_DEPTH 3

static const struct tool_field *find_field(const struct tool_def *def, const char *name)
{
	for (const struct tool_field *f = def->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static enum status unknown(const struct tool_def *def, const char *name, struct error *err)
{
	char known[200] = "";
	size_t n = 0;

	for (const struct tool_field *f = def->fields; f->name && n < sizeof(known); f++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n > 0 ? ", " : "",
				      f->name);
	return error_set(err, ST_INVALID, name, "is unknown; %s takes %s", def->name, known);
}

/* A string or whole number as text; NULL for anything else. */
static const char *scalar(struct arena *a, const cJSON *item)
{
	if (cJSON_IsString(item))
		return arena_strdup(a, item->valuestring);
	/* The guard has let whole numbers through only, which print exactly. */
	return cJSON_IsNumber(item) ? arena_printf(a, "%.0f", item->valuedouble) : NULL;
}

static enum status read_ids(struct arena *a, const cJSON *item, struct tool_input *ret,
			    struct error *err)
{
	const cJSON *id;
	int n = cJSON_GetArraySize(item);

	if (!cJSON_IsArray(item) || n < 1 || n > EVIDENCE_INPUTS_MAX)
		return error_set(err, ST_INVALID, item->string,
				 "must be a list of 1 to %d ids of figures", EVIDENCE_INPUTS_MAX);
	ret->ids = arena_array(a, (size_t)n, sizeof(*ret->ids));
	cJSON_ArrayForEach(id, item)
	{
		if (!cJSON_IsString(id))
			return error_set(err, ST_INVALID, item->string,
					 "must be a list of ids of figures, such as \"e1\"");
		if (ret->ids)
			ret->ids[ret->n_ids++] = arena_strdup(a, id->valuestring);
	}
	return ST_OK;
}

static enum status check_value(const struct tool_field *f, const char *text, struct error *err)
{
	char list[200] = "";
	int64_t number;
	size_t n = 0;

	if (f->kind == TOOL_NUMBER && !parse_i64(text, f->min, f->max, &number))
		return error_set(err, ST_INVALID, f->name, "must be a whole number from %d to %d",
				 (int)f->min, (int)f->max);
	if (f->kind != TOOL_WORD)
		return ST_OK;
	for (size_t i = 0; f->words[i]; i++) {
		if (strcmp(f->words[i], text) == 0)
			return ST_OK;
		if (n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i > 0 ? ", " : "",
					      f->words[i]);
	}
	return error_set(err, ST_INVALID, f->name, "must be one of %s", list);
}

static enum status read_members(struct arena *a, const cJSON *body, struct tool_input *ret,
				struct error *err)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, body)
	{
		const struct tool_field *f = find_field(ret->def, item->string);
		struct tool_value *v;
		enum status st;

		if (!f)
			return unknown(ret->def, item->string, err);
		if (cJSON_IsNull(item))
			continue;
		if (f->kind == TOOL_IDS) {
			st = read_ids(a, item, ret, err);
			if (st != ST_OK)
				return st;
			continue;
		}
		v = &ret->values[f - ret->def->fields];
		v->text = scalar(a, item);
		if (!v->text)
			return error_set(err, ST_INVALID, f->name, "must be a string%s",
					 f->kind == TOOL_NUMBER ? " or a number" : "");
		st = check_value(f, v->text, err);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static enum status fill_absent(struct tool_input *in, struct error *err)
{
	const struct contract_method *m = tool_method(in->def);

	for (size_t i = 0; in->def->fields[i].name; i++) {
		const struct tool_field *f = &in->def->fields[i];
		const struct field_rule *rule = NULL;

		if (in->values[i].text && in->values[i].text[0] != '\0')
			continue;
		if (f->required && (f->kind != TOOL_IDS || in->n_ids == 0))
			return error_set(err, ST_INVALID, f->name, "is required");
		in->values[i].text = f->otherwise;
		if (f->kind == TOOL_FIELD && m && tool_descriptor(m, f->name, &rule) && rule)
			in->values[i].text = rule->default_value;
	}
	return ST_OK;
}

static const char *arguments_of(struct arena *a, const struct tool_input *in)
{
	const char *between = "", *text;
	struct buf b;

	buf_init(&b, EVIDENCE_ARGUMENTS_MAX);
	buf_putc(&b, '{');
	for (size_t i = 0; in->def->fields[i].name; i++) {
		const char *value = in->values[i].text;

		if (!value)
			continue;
		buf_printf(&b, "%s\"%s\":", between, in->def->fields[i].name);
		if (in->def->fields[i].kind == TOOL_NUMBER)
			buf_puts(&b, value);
		else
			buf_put_json(&b, value, strlen(value));
		between = ",";
	}
	buf_putc(&b, '}');
	text = buf_status(&b) == ST_OK ? arena_strdup(a, buf_str(&b)) : NULL;
	buf_done(&b);
	return text;
}

enum status tool_input_read(struct arena *a, const struct tool_def *def, const char *json,
			    size_t len, struct tool_input *ret, struct error *err)
{
	cJSON *body = NULL;
	enum status st;

	*ret = (struct tool_input){ .def = def };
	if (len > TOOL_INPUT_MAX)
		return error_set(err, ST_INVALID, "body", "is longer than %d bytes",
				 TOOL_INPUT_MAX);
	if (len == 0) {
		json = "{}";
		len = 2;
	}
	st = json_parse(json, len, INPUT_DEPTH, 0, &body, err);
	if (st != ST_OK)
		return st;
	if (cJSON_IsObject(body))
		st = read_members(a, body, ret, err);
	else
		st = error_set(err, ST_INVALID, "body", "must be an object");
	cJSON_Delete(body);
	if (st == ST_OK)
		st = fill_absent(ret, err);
	if (st != ST_OK)
		return st;
	ret->arguments = arguments_of(a, ret);
	return ret->arguments && !arena_failed(a)
		       ? ST_OK
		       : error_set(err, ST_TOO_LARGE, NULL, "the input is too large");
}

const char *tool_input_value(const struct tool_input *in, const char *name)
{
	const struct tool_field *f = find_field(in->def, name);

	return f ? in->values[f - in->def->fields].text : NULL;
}
