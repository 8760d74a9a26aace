/*
 * Which tools to ask, and with what. Tools are known by words in their names, and their arguments
 * by their schemas: one that is not offered is not used. Read next: model_write.c.
 */
#include "anthropic.h"
#include "member.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- the question ---- */

static bool holds_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = text; *p != '\0'; p++) {
		size_t i = 0;

		if (p != text && isalnum((unsigned char)p[-1]))
			continue;
		while (i < len && tolower((unsigned char)p[i]) == word[i])
			i++;
		if (i == len)
			return true;
	}
	return false;
}

static bool question_has(const struct model_talk *t, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (holds_word(t->question, words[i]))
			return true;
	return false;
}

bool asks_campaigns(const struct model_talk *t)
{
	static const char *const words[] = { "campaign", "spend more", "budget", "scale", NULL };

	return question_has(t, words);
}

bool asks_channels(const struct model_talk *t)
{
	static const char *const words[] = { "channel", "source", "platform", "meta",
					     "google",  "tiktok", "email",    NULL };

	return question_has(t, words);
}

bool asks_products(const struct model_talk *t)
{
	static const char *const words[] = { "product", "stock", "inventory", "item", "sku", NULL };

	return question_has(t, words);
}

bool asks_shop(const struct model_talk *t)
{
	static const char *const words[] = { "revenue",  "order",  "sale",    "sold",    "earn",
					     "net",      "gross",  "refund",  "spend",   "roas",
					     "cost",     "return", "compare", "how did", "summary",
					     "overview", NULL };

	return question_has(t, words);
}

/* ---- tools ---- */

static const cJSON *tool_named(const struct model_talk *t, const char *word)
{
	const cJSON *tool;

	cJSON_ArrayForEach(tool, t->tools)
	{
		if (strstr(text_of(tool, "name"), word) != NULL)
			return tool;
	}
	return NULL;
}

const cJSON *talk_result(const struct model_talk *t, const char *word, const char *by)
{
	for (size_t i = t->n_results; i > 0; i--) {
		const struct model_result *r = &t->results[i - 1];

		if (strstr(r->tool, word) != NULL && !r->is_error && r->tree != NULL &&
		    (by == NULL || strcmp(text_of(r->input, "by"), by) == 0))
			return r->tree;
	}
	return NULL;
}

static bool was_asked(const struct model_talk *t, const char *word, const char *by)
{
	for (size_t i = 0; i < t->n_results; i++)
		if (strstr(t->results[i].tool, word) != NULL &&
		    (by == NULL || strcmp(text_of(t->results[i].input, "by"), by) == 0))
			return true;
	return false;
}

static bool schema_takes(const cJSON *tool, const char *field, const char *value)
{
	const cJSON *p = member_of(member_of(member_of(tool, "input_schema"), "properties"), field),
		    *e;

	if (p == NULL || value == NULL)
		return p != NULL;
	if (member_of(p, "enum") == NULL)
		return true;
	cJSON_ArrayForEach(e, member_of(p, "enum"))
	{
		if (cJSON_IsString(e) && strcmp(e->valuestring, value) == 0)
			return true;
	}
	return false;
}

/* A value that the schema of a required field allows: the first word of its enum, or a plain one.
 */
static void fill_required(const cJSON *tool, cJSON *input)
{
	const cJSON *schema = member_of(tool, "input_schema"), *name;

	cJSON_ArrayForEach(name, member_of(schema, "required"))
	{
		const cJSON *p, *words;

		if (!cJSON_IsString(name) || member_of(input, name->valuestring) != NULL)
			continue;
		p = member_of(member_of(schema, "properties"), name->valuestring);
		words = member_of(p, "enum");
		if (words != NULL)
			cJSON_AddStringToObject(input, name->valuestring,
						cJSON_GetStringValue(words->child));
		else if (strcmp(text_of(p, "type"), "integer") == 0)
			cJSON_AddNumberToObject(input, name->valuestring, 10);
		else
			cJSON_AddStringToObject(input, name->valuestring, "all");
	}
}

static void add_call(const struct model_talk *t, struct model_reply *ret, const cJSON *tool,
		     cJSON *input)
{
	struct model_call *c = &ret->calls[ret->n_calls];
	char *printed;

	fill_required(tool, input);
	printed = cJSON_PrintUnformatted(input);
	if (printed != NULL && ret->n_calls < MODEL_CALLS_MAX) {
		c->name = text_of(tool, "name");
		c->input = arena_strdup(t->arena, printed);
		c->id = arena_printf(t->arena, "toolu_%02zu%02zu%016llx", t->n_turns, ret->n_calls,
				     (unsigned long long)(strlen(printed) * 2654435761u));
		ret->n_calls++;
	}
	cJSON_free(printed);
	cJSON_Delete(input);
}

static void want(const struct model_talk *t, struct model_reply *ret, const char *word,
		 const char *by)
{
	const cJSON *tool = tool_named(t, word);
	cJSON *input;

	if (tool == NULL || was_asked(t, word, by) || (by != NULL && !schema_takes(tool, "by", by)))
		return;
	input = cJSON_CreateObject();
	if (by != NULL)
		cJSON_AddStringToObject(input, "by", by);
	add_call(t, ret, tool, input);
}

/* What the campaigns to be recommended earned together. */
static void want_sum(const struct model_talk *t, struct model_reply *ret)
{
	const cJSON *tool = tool_named(t, "calculate");
	const char *ids[MODEL_CALLS_MAX];
	size_t n = tool == NULL || was_asked(t, "calculate", NULL)
			   ? 0
			   : best_revenues(t, ids, MODEL_CALLS_MAX);
	cJSON *input, *of;

	if (n < 2)
		return;
	input = cJSON_CreateObject();
	cJSON_AddStringToObject(input, "op", "sum");
	of = cJSON_AddArrayToObject(input, "of");
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(of, cJSON_CreateString(ids[i]));
	add_call(t, ret, tool, input);
}

bool plan_calls(const struct model_talk *t, struct model_reply *ret)
{
	bool products = asks_products(t);

	if (products)
		want(t, ret, "product", NULL);
	if (asks_campaigns(t)) {
		want(t, ret, "summary", NULL);
		want(t, ret, "attribution", "campaign");
	} else if (asks_channels(t)) {
		want(t, ret, "summary", NULL);
		want(t, ret, "attribution", "channel");
	} else if (asks_shop(t) || !products) {
		want(t, ret, "summary", NULL);
	}
	if (ret->n_calls == 0 && asks_campaigns(t))
		want_sum(t, ret);
	return ret->n_calls > 0;
}
