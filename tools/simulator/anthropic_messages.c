/*
 * Checks the messages of a request: roles in turn, blocks of the right kinds, and every tool_use
 * answered by exactly one tool_result in the next message. Read next: anthropic_cache.c.
 */
#include "anthropic.h"
#include "member.h"

#include <stdio.h>
#include <string.h>

#define MESSAGES_MAX 10000
#define CALLS_MAX    256 /* tool_use blocks of one message */
#define WHERE_MAX    96
#define ID_CHARS     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* The tool_use ids of the message before, and how often each was answered. */
struct calls {
	const char *ids[CALLS_MAX];
	unsigned answers[CALLS_MAX];
	size_t n;
};

static bool check_text(struct exchange *ex, const cJSON *block, const char *where)
{
	static const char *const known[] = { "type", "text", "cache_control", "citations", NULL };

	if (!cJSON_IsString(member_of(block, "text")))
		return anth_bad(ex, "%s.text: Field required", where);
	if (text_of(block, "text")[0] == '\0')
		return anth_bad(ex, "messages: text content blocks must be non-empty");
	return anth_check_members(ex, block, where, known);
}

static bool check_use(struct exchange *ex, const cJSON *block, const char *where, struct calls *c)
{
	static const char *const known[] = { "type",          "id",     "name", "input",
					     "cache_control", "caller", NULL };
	const char *id = text_of(block, "id");

	if (id[0] == '\0' || id[strspn(id, ID_CHARS)] != '\0')
		return anth_bad(ex, "%s.id: String should match pattern '^[a-zA-Z0-9_-]+$'", where);
	if (text_of(block, "name")[0] == '\0')
		return anth_bad(ex, "%s.name: Field required", where);
	if (!cJSON_IsObject(member_of(block, "input")))
		return anth_bad(ex, "%s.input: Input should be a valid dictionary", where);
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->ids[i], id) == 0)
			return anth_bad(ex, "messages: `tool_use` ids must be unique");
	if (c->n == CALLS_MAX)
		return anth_bad(ex,
				"messages: the simulator takes %d `tool_use` blocks in a "
				"message",
				CALLS_MAX);
	c->answers[c->n] = 0;
	c->ids[c->n++] = id;
	return anth_check_members(ex, block, where, known);
}

static bool check_result_content(struct exchange *ex, const cJSON *content, const char *where)
{
	static const char *const known[] = { "type", "text", NULL };
	const cJSON *part;
	size_t i = 0;

	if (content == NULL || cJSON_IsString(content))
		return true;
	if (!cJSON_IsArray(content))
		return anth_bad(ex, "%s.content: Input should be a valid string or list", where);
	cJSON_ArrayForEach(part, content)
	{
		char path[WHERE_MAX + 32];

		snprintf(path, sizeof(path), "%s.content.%zu", where, i++);
		if (strcmp(text_of(part, "type"), "text") != 0 ||
		    !cJSON_IsString(member_of(part, "text")))
			return anth_bad(ex, "%s: Input should be a text block", path);
		if (!anth_check_members(ex, part, path, known))
			return false;
	}
	return true;
}

static bool check_result(struct exchange *ex, const cJSON *block, const char *where,
			 struct calls *asked, size_t message)
{
	static const char *const known[] = { "type",     "tool_use_id",   "content",
					     "is_error", "cache_control", NULL };
	const char *id = text_of(block, "tool_use_id");

	if (id[0] == '\0')
		return anth_bad(ex, "%s.tool_use_id: Field required", where);
	if (member_of(block, "is_error") != NULL && !cJSON_IsBool(member_of(block, "is_error")))
		return anth_bad(ex, "%s.is_error: Input should be a valid boolean", where);
	if (!anth_check_members(ex, block, where, known) ||
	    !check_result_content(ex, member_of(block, "content"), where))
		return false;
	for (size_t i = 0; i < asked->n; i++)
		if (strcmp(asked->ids[i], id) == 0)
			return asked->answers[i]++ == 0 ||
			       anth_bad(
				       ex,
				       "messages.%zu.content: each tool_use must have a single "
				       "result. Found multiple `tool_result` blocks with id: %.64s",
				       message, id);
	return anth_bad(ex,
			"%s: unexpected `tool_use_id` found in `tool_result` blocks: %.64s. Each "
			"`tool_result` block must have a corresponding `tool_use` block in the "
			"previous message.",
			where, id);
}

static bool check_block(struct exchange *ex, const cJSON *block, bool user, const char *where,
			struct calls *asked, struct calls *asks, size_t message)
{
	const char *type = text_of(block, "type");

	if (!anth_check_cache_control(ex, block, where))
		return false;
	if (strcmp(type, "text") == 0)
		return check_text(ex, block, where);
	if (user && strcmp(type, "tool_result") == 0)
		return check_result(ex, block, where, asked, message);
	if (!user && strcmp(type, "tool_use") == 0)
		return check_use(ex, block, where, asks);
	return anth_bad(ex,
			"%s: Input tag '%.64s' found using 'type' does not match any of the "
			"expected tags: 'text', '%s'",
			where, type, user ? "tool_result" : "tool_use");
}

/* Results come before any text; what the provider finds missing otherwise. */
static bool check_blocks(struct exchange *ex, const cJSON *content, bool user, size_t message,
			 struct calls *asked, struct calls *asks)
{
	const cJSON *block;
	bool text_seen = false;
	size_t i = 0;

	cJSON_ArrayForEach(block, content)
	{
		char where[WHERE_MAX];

		snprintf(where, sizeof(where), "messages.%zu.content.%zu", message, i++);
		if (!cJSON_IsObject(block))
			return anth_bad(ex, "%s: Input should be a valid dictionary", where);
		if (!check_block(ex, block, user, where, asked, asks, message))
			return false;
		if (strcmp(text_of(block, "type"), "text") == 0)
			text_seen = true;
		else if (user && text_seen)
			return anth_bad(ex,
					"messages.%zu: `tool_result` blocks must come first in "
					"the content",
					message);
	}
	return true;
}

static bool check_answered(struct exchange *ex, const struct calls *asked, size_t message)
{
	for (size_t i = 0; i < asked->n; i++)
		if (asked->answers[i] == 0)
			return anth_bad(
				ex,
				"messages.%zu: `tool_use` ids were found without `tool_result` "
				"blocks immediately after: %.64s. Each `tool_use` block must have "
				"a corresponding `tool_result` block in the next message.",
				message, asked->ids[i]);
	return true;
}

static bool check_role(struct exchange *ex, const cJSON *message, size_t i, bool user)
{
	static const char *const known[] = { "role", "content", NULL };
	const char *role = text_of(message, "role");
	char where[WHERE_MAX];

	snprintf(where, sizeof(where), "messages.%zu", i);
	if (!cJSON_IsObject(message))
		return anth_bad(ex, "%s: Input should be a valid dictionary", where);
	if (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0)
		return anth_bad(ex, "%s.role: Input should be 'user' or 'assistant'", where);
	if ((strcmp(role, "user") == 0) != user)
		return i == 0 ? anth_bad(ex, "messages: first message must use the \"user\" role")
			      : anth_bad(ex,
					 "messages: roles must alternate between \"user\" and "
					 "\"assistant\", but found multiple \"%s\" roles in a row",
					 role);
	return anth_check_members(ex, message, where, known);
}

static bool check_message(struct exchange *ex, const cJSON *message, size_t i, struct calls *asked,
			  struct calls *asks)
{
	const cJSON *content = member_of(message, "content");
	bool user = i % 2 == 0;

	asks->n = 0;
	if (!check_role(ex, message, i, user))
		return false;
	if (content == NULL)
		return anth_bad(ex, "messages.%zu.content: Field required", i);
	if (!cJSON_IsString(content) && !cJSON_IsArray(content))
		return anth_bad(ex, "messages.%zu.content: Input should be a valid string or list",
				i);
	if (cJSON_IsString(content) ? content->valuestring[0] == '\0' : content->child == NULL)
		return anth_bad(ex, "messages.%zu: all messages must have non-empty content", i);
	if (cJSON_IsArray(content) && !check_blocks(ex, content, user, i, asked, asks))
		return false;
	return check_answered(ex, asked, i - 1);
}

/* The assistant's last word may stand only where a paused turn goes on. */
static bool is_paused(const cJSON *message)
{
	const cJSON *block, *content = member_of(message, "content");

	if (!cJSON_IsArray(content))
		return false;
	cJSON_ArrayForEach(block, content)
	{
		/* Paused twice, it has said so twice. */
		if (strcmp(text_of(block, "text"), MODEL_PAUSE_TEXT) != 0)
			return false;
	}
	return content->child != NULL;
}

bool anth_check_messages(struct exchange *ex, const cJSON *messages)
{
	struct calls *pair = arena_array(ex->arena, 2, sizeof(*pair));
	const cJSON *message, *last = NULL;
	size_t i = 0;

	if (messages == NULL)
		return anth_bad(ex, "messages: Field required");
	if (!cJSON_IsArray(messages))
		return anth_bad(ex, "messages: Input should be a valid list");
	if (messages->child == NULL)
		return anth_bad(ex, "messages: at least one message is required");
	if (cJSON_GetArraySize(messages) > MESSAGES_MAX || pair == NULL)
		return anth_bad(ex, "messages: the simulator takes %d at most", MESSAGES_MAX);
	cJSON_ArrayForEach(message, messages)
	{
		if (!check_message(ex, message, i, &pair[(i + 1) % 2], &pair[i % 2]))
			return false;
		last = message;
		i++;
	}
	if (!check_answered(ex, &pair[(i + 1) % 2], i - 1))
		return false;
	if (i % 2 == 0 && !is_paused(last))
		return anth_bad(ex, "This model does not support assistant message prefill. The "
				    "conversation must end with a user message.");
	return true;
}
