/*
 * Checks a Messages request as the provider does: every refusal is a 400 that names the field (404
 * for an unknown model). What the provider serves and this simulator does not is refused too, never
 * ignored. Read next: anthropic_messages.c.
 */
#include "anthropic.h"
#include "member.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TOOLS_MAX       256
#define TOOL_NAME_MAX   64
#define WHERE_MAX       96
#define TOOL_NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

bool anth_bad(struct exchange *ex, const char *fmt, ...)
{
	va_list ap;
	char *message;

	va_start(ap, fmt);
	message = arena_vprintf(ex->arena, fmt, ap);
	va_end(ap);
	anth_error(ex, 400, "invalid_request_error", "%s", message);
	return false;
}

bool anth_check_members(struct exchange *ex, const cJSON *object, const char *where,
			const char *const *known)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, object)
	{
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], item->string) != 0)
			i++;
		if (known[i] == NULL)
			return anth_bad(ex, "%s%s%.64s: Extra inputs are not permitted", where,
					where[0] != '\0' ? "." : "", item->string);
	}
	return true;
}

bool anth_check_cache_control(struct exchange *ex, const cJSON *block, const char *where)
{
	static const char *const known[] = { "type", "ttl", NULL };
	const cJSON *control = member_of(block, "cache_control"), *ttl = member_of(control, "ttl");
	char path[WHERE_MAX + 16];

	if (control == NULL || cJSON_IsNull(control))
		return true;
	snprintf(path, sizeof(path), "%s.cache_control", where);
	if (!cJSON_IsObject(control) || strcmp(text_of(control, "type"), "ephemeral") != 0)
		return anth_bad(ex, "%s.type: Input should be 'ephemeral'", path);
	if (ttl != NULL && strcmp(text_of(control, "ttl"), "5m") != 0 &&
	    strcmp(text_of(control, "ttl"), "1h") != 0)
		return anth_bad(ex, "%s.ttl: Input should be '5m' or '1h'", path);
	return anth_check_members(ex, control, path, known);
}

/* ------------------------------------------------------------ the parts */

static bool is_one_of(const char *text, const char *const *known)
{
	while (*known != NULL && strcmp(*known, text) != 0)
		known++;
	return *known != NULL;
}

static bool check_model(struct exchange *ex, const cJSON *root, struct anth_request *r)
{
	const cJSON *model = member_of(root, "model");

	if (model == NULL)
		return anth_bad(ex, "model: Field required");
	if (!cJSON_IsString(model))
		return anth_bad(ex, "model: Input should be a valid string");
	r->model = anth_model_find(model->valuestring);
	if (r->model == NULL)
		anth_error(ex, 404, "not_found_error", "model: %.100s", model->valuestring);
	return r->model != NULL;
}

static bool check_max_tokens(struct exchange *ex, const cJSON *root, struct anth_request *r)
{
	const cJSON *max = member_of(root, "max_tokens");

	if (max == NULL)
		return anth_bad(ex, "max_tokens: Field required");
	if (!cJSON_IsNumber(max) || max->valuedouble != floor(max->valuedouble))
		return anth_bad(ex, "max_tokens: Input should be a valid integer");
	if (max->valuedouble < 1)
		return anth_bad(ex, "max_tokens: Input should be greater than or equal to 1");
	if (max->valuedouble > (double)r->model->max_output)
		return anth_bad(ex,
				"max_tokens: %.0f > %lld, which is the maximum allowed number of "
				"output tokens for %s",
				max->valuedouble, (long long)r->model->max_output, r->model->id);
	r->max_tokens = (int64_t)max->valuedouble;
	return true;
}

static bool check_sampling(struct exchange *ex, const cJSON *root, const struct anth_model *m)
{
	static const char *const names[] = { "temperature", "top_p", "top_k" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const cJSON *v = member_of(root, names[i]);
		double top = i == 2 ? 1e6 : 1;

		if (v == NULL)
			continue;
		if (!m->sampling)
			return anth_bad(ex, "`%s` is deprecated for this model.", names[i]);
		if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > top)
			return anth_bad(ex, "%s: Input should be between 0 and %.0f", names[i],
					top);
	}
	return true;
}

static bool check_thinking(struct exchange *ex, const cJSON *root, const struct anth_model *m)
{
	const cJSON *thinking = member_of(root, "thinking");
	const char *type = text_of(thinking, "type");

	if (thinking == NULL)
		return true;
	if (strcmp(type, "enabled") == 0 && !m->sampling)
		return anth_bad(ex, "thinking.budget_tokens: not supported for this model. Use "
				    "thinking.type 'adaptive' instead.");
	if (strcmp(type, "enabled") == 0)
		return anth_bad(ex, "thinking.enabled: the simulator does not serve it");
	if (strcmp(type, "disabled") == 0 && m->thinking_stays)
		return anth_bad(ex, "thinking.type: 'disabled' is not supported for this model");
	if (strcmp(type, "disabled") != 0 && strcmp(type, "adaptive") != 0)
		return anth_bad(ex, "thinking.type: Input should be 'enabled', 'disabled' or "
				    "'adaptive'");
	return true;
}

static bool check_effort(struct exchange *ex, const cJSON *root)
{
	static const char *const known[] = { "effort", NULL };
	static const char *const efforts[] = { "low", "medium", "high", "xhigh", "max", NULL };
	const cJSON *config = member_of(root, "output_config");

	if (config == NULL)
		return true;
	if (!cJSON_IsObject(config))
		return anth_bad(ex, "output_config: Input should be an object");
	if (!anth_check_members(ex, config, "output_config", known))
		return false;
	return member_of(config, "effort") == NULL ||
	       is_one_of(text_of(config, "effort"), efforts) ||
	       anth_bad(ex, "output_config.effort: Input should be 'low', 'medium', 'high', "
			    "'xhigh' or 'max'");
}

static bool check_stops(struct exchange *ex, const cJSON *root)
{
	const cJSON *stops = member_of(root, "stop_sequences");

	if (stops != NULL && !cJSON_IsArray(stops))
		return anth_bad(ex, "stop_sequences: Input should be a valid list");
	return cJSON_GetArraySize(stops) == 0 ||
	       anth_bad(ex, "stop_sequences: the simulator does not serve them");
}

static bool check_system(struct exchange *ex, const cJSON *root, struct anth_request *r)
{
	static const char *const known[] = { "type", "text", "cache_control", NULL };
	const cJSON *block;
	size_t i = 0;

	r->system = member_of(root, "system");
	if (r->system == NULL || cJSON_IsString(r->system))
		return true;
	if (!cJSON_IsArray(r->system))
		return anth_bad(ex, "system: Input should be a valid string or a list of text "
				    "blocks");
	cJSON_ArrayForEach(block, r->system)
	{
		char where[WHERE_MAX];

		snprintf(where, sizeof(where), "system.%zu", i++);
		if (strcmp(text_of(block, "type"), "text") != 0)
			return anth_bad(ex, "%s.type: Input should be 'text'", where);
		if (text_of(block, "text")[0] == '\0')
			return anth_bad(ex, "system: text content blocks must be non-empty");
		if (!anth_check_members(ex, block, where, known) ||
		    !anth_check_cache_control(ex, block, where))
			return false;
	}
	return true;
}

static bool check_schema(struct exchange *ex, const cJSON *schema, const char *where)
{
	if (schema == NULL)
		return anth_bad(ex, "%s.input_schema: Field required", where);
	if (!cJSON_IsObject(schema))
		return anth_bad(ex, "%s.input_schema: Input should be a valid dictionary", where);
	if (member_of(schema, "type") == NULL)
		return anth_bad(ex, "%s.input_schema.type: Field required", where);
	if (strcmp(text_of(schema, "type"), "object") != 0)
		return anth_bad(ex, "%s.input_schema.type: Input should be 'object'", where);
	return true;
}

static bool check_tool(struct exchange *ex, const cJSON *tool, size_t i)
{
	static const char *const known[] = {
		"name", "description", "input_schema", "cache_control", "type", "strict", NULL
	};
	const char *name = text_of(tool, "name"), *type = text_of(tool, "type");
	char where[WHERE_MAX];

	snprintf(where, sizeof(where), "tools.%zu.custom", i);
	if (type[0] != '\0' && strcmp(type, "custom") != 0)
		return anth_bad(ex,
				"tools.%zu: Input tag '%.64s' found using 'type' does not match "
				"any of the expected tags: 'custom'",
				i, type);
	if (!cJSON_IsString(member_of(tool, "name")))
		return anth_bad(ex, "%s.name: Field required", where);
	if (name[0] == '\0' || strlen(name) > TOOL_NAME_MAX ||
	    name[strspn(name, TOOL_NAME_CHARS)] != '\0')
		return anth_bad(ex, "%s.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'",
				where);
	if (member_of(tool, "description") != NULL &&
	    !cJSON_IsString(member_of(tool, "description")))
		return anth_bad(ex, "%s.description: Input should be a valid string", where);
	return anth_check_members(ex, tool, where, known) &&
	       check_schema(ex, member_of(tool, "input_schema"), where) &&
	       anth_check_cache_control(ex, tool, where);
}

static bool check_tools(struct exchange *ex, const cJSON *root, struct anth_request *r)
{
	const char *names[TOOLS_MAX];
	const cJSON *tool;
	size_t n = 0;

	r->tools = member_of(root, "tools");
	if (r->tools == NULL)
		return true;
	if (!cJSON_IsArray(r->tools))
		return anth_bad(ex, "tools: Input should be a valid list");
	cJSON_ArrayForEach(tool, r->tools)
	{
		if (n == TOOLS_MAX)
			return anth_bad(ex, "tools: the simulator takes %d at most", TOOLS_MAX);
		if (!check_tool(ex, tool, n))
			return false;
		for (size_t i = 0; i < n; i++)
			if (strcmp(names[i], text_of(tool, "name")) == 0)
				return anth_bad(ex, "tools: Tool names must be unique.");
		names[n++] = text_of(tool, "name");
	}
	return true;
}

static bool check_tool_choice(struct exchange *ex, const cJSON *root, struct anth_request *r)
{
	static const char *const known[] = { "type", "name", "disable_parallel_tool_use", NULL };
	static const char *const types[] = { "auto", "any", "tool", "none", NULL };
	const cJSON *choice = member_of(root, "tool_choice");
	const char *type = text_of(choice, "type");

	r->tool_choice = choice;
	if (choice == NULL)
		return true;
	if (!cJSON_IsObject(choice) || !is_one_of(type, types))
		return anth_bad(ex, "tool_choice: Input should be one of the types 'auto', 'any', "
				    "'tool' or 'none'");
	if (cJSON_GetArraySize(r->tools) == 0)
		return anth_bad(ex, "tool_choice may only be specified while providing tools");
	if (!anth_check_members(ex, choice, "tool_choice", known))
		return false;
	if (strcmp(type, "any") == 0 || strcmp(type, "tool") == 0)
		return anth_bad(ex, "tool_choice.type: the simulator does not serve '%s'", type);
	return !cJSON_IsTrue(member_of(choice, "disable_parallel_tool_use")) ||
	       anth_bad(ex,
			"tool_choice.disable_parallel_tool_use: the simulator does not serve it");
}

/* ------------------------------------------------------------ breakpoints */

struct breakpoints {
	int n;
	bool short_seen, out_of_order;
};

static void count_list(const cJSON *blocks, struct breakpoints *b)
{
	const cJSON *block;

	if (!cJSON_IsArray(blocks))
		return;
	cJSON_ArrayForEach(block, blocks)
	{
		const cJSON *control = member_of(block, "cache_control");

		if (!cJSON_IsObject(control))
			continue;
		b->n++;
		if (strcmp(text_of(control, "ttl"), "1h") != 0)
			b->short_seen = true;
		else if (b->short_seen)
			b->out_of_order = true;
	}
}

static bool check_breakpoints(struct exchange *ex, const struct anth_request *r)
{
	struct breakpoints b = { 0, false, false };
	const cJSON *message;

	count_list(r->tools, &b);
	count_list(r->system, &b);
	cJSON_ArrayForEach(message, r->messages) count_list(member_of(message, "content"), &b);
	if (b.n > ANTH_BREAKPOINTS_MAX)
		return anth_bad(ex,
				"A maximum of %d blocks with cache_control may be provided. Found "
				"%d.",
				ANTH_BREAKPOINTS_MAX, b.n);
	if (b.out_of_order)
		return anth_bad(ex, "a ttl='1h' cache_control block must not come after a "
				    "ttl='5m' cache_control block. Note that blocks are processed "
				    "in the following order: `tools`, `system`, `messages`.");
	return true;
}

static bool check_rest(struct exchange *ex, const cJSON *root, struct anth_request *r)
{
	static const char *const tiers[] = { "auto", "standard_only", NULL };
	const cJSON *stream = member_of(root, "stream"), *metadata = member_of(root, "metadata");

	if (stream != NULL && !cJSON_IsBool(stream))
		return anth_bad(ex, "stream: Input should be a valid boolean");
	if (metadata != NULL && !cJSON_IsObject(metadata))
		return anth_bad(ex, "metadata: Input should be an object");
	if (member_of(root, "service_tier") != NULL &&
	    !is_one_of(text_of(root, "service_tier"), tiers))
		return anth_bad(ex, "service_tier: Input should be 'auto' or 'standard_only'");
	r->stream = cJSON_IsTrue(stream);
	return true;
}

bool anth_check(struct exchange *ex, const cJSON *root, struct anth_request *ret)
{
	static const char *const known[] = {
		"model",          "max_tokens",  "messages",     "system",
		"tools",          "tool_choice", "stream",       "metadata",
		"stop_sequences", "temperature", "top_p",        "top_k",
		"output_config",  "thinking",    "service_tier", NULL
	};

	*ret = (struct anth_request){ .messages = member_of(root, "messages") };
	return anth_check_members(ex, root, "", known) && check_model(ex, root, ret) &&
	       check_max_tokens(ex, root, ret) && check_rest(ex, root, ret) &&
	       check_sampling(ex, root, ret->model) && check_thinking(ex, root, ret->model) &&
	       check_effort(ex, root) && check_stops(ex, root) && check_system(ex, root, ret) &&
	       check_tools(ex, root, ret) && check_tool_choice(ex, root, ret) &&
	       anth_check_messages(ex, ret->messages) && check_breakpoints(ex, ret);
}
