/* What an answer that has arrived says: its text, its tool calls, its blocks to send back. */
#include "model_priv.h"
#include "json/guard.h"

#include <string.h>

static bool fail(struct model_stream *s, enum model_fault f, const char *why)
{
	s->fault = f;
	s->why = why;
	return false;
}

static bool is_object(const char *text, size_t len)
{
	cJSON *tree = NULL;
	bool good = json_parse(text, len, CONVERSATION_JSON_DEPTH - 8, 1, &tree, NULL) == ST_OK &&
		    cJSON_IsObject(tree);

	cJSON_Delete(tree);
	return good;
}

/* In the place of the member of exactly that name, or behind the others. Takes `value`, even when
 * it fails. */
static bool put(cJSON *block, const char *name, cJSON *value)
{
	bool stands = cJSON_GetObjectItemCaseSensitive(block, name) != NULL;
	bool good = value != NULL &&
		    (stands ? cJSON_ReplaceItemInObjectCaseSensitive(block, name, value)
			    : cJSON_AddItemToObject(block, name, value));

	if (!good)
		cJSON_Delete(value);
	return good;
}

/* A string member of a block, replaced by what came in deltas. */
static bool put_text(cJSON *block, const char *name, const struct buf *b)
{
	return put(block, name, cJSON_CreateString(buf_str(b)));
}

/* The input as the model wrote it; one that is no JSON is wrapped, as the provider advises. */
static bool put_input(cJSON *block, const struct buf *input)
{
	cJSON *value;

	if (is_object(buf_str(input), input->len)) {
		value = cJSON_CreateRaw(buf_str(input));
	} else {
		value = cJSON_CreateObject();
		if (value != NULL &&
		    cJSON_AddStringToObject(value, "INVALID_JSON", buf_str(input)) == NULL) {
			cJSON_Delete(value);
			value = NULL;
		}
	}
	return put(block, "input", value);
}

static bool finish_block(struct model_block *b)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(b->start, "type"));
	bool good = true;

	if (b->is_text)
		good = put_text(b->start, "text", &b->text);
	else if (strcmp(type, "thinking") == 0)
		good = put_text(b->start, "thinking", &b->text) &&
		       put_text(b->start, "signature", &b->signature);
	if (b->input.len > 0)
		good = good && put_input(b->start, &b->input);
	if (b->citations != NULL && good) {
		cJSON_DeleteItemFromObjectCaseSensitive(b->start, "citations");
		good = cJSON_AddItemToObject(b->start, "citations", b->citations);
		if (good)
			b->citations = NULL;
	}
	return good;
}

/* The input of a call: what came in deltas, else what the block began with. */
static bool take_call(struct model_stream *s, struct arena *a, const struct model_block *b,
		      struct model_tool_call *ret)
{
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(b->start, "id"));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(b->start, "name"));
	const cJSON *input = cJSON_GetObjectItemCaseSensitive(b->start, "input");
	char *printed = NULL;

	if (id == NULL || *id == '\0' || strlen(id) > CONVERSATION_TOOL_ID_MAX ||
	    id[strspn(id, CONVERSATION_NAME_CHARS)] != '\0' || name == NULL || *name == '\0' ||
	    strlen(name) > CONVERSATION_TOOL_NAME_MAX ||
	    name[strspn(name, CONVERSATION_NAME_CHARS)] != '\0')
		return fail(s, MODEL_FAULT_ANSWER, "calls a tool by no name");
	if (!cJSON_IsObject(input))
		return fail(s, MODEL_FAULT_ANSWER, "calls a tool without an input");
	*ret = (struct model_tool_call){ .id = arena_strdup(a, id), .name = arena_strdup(a, name) };
	if (b->input.len > 0) {
		ret->malformed = !is_object(buf_str(&b->input), b->input.len);
		ret->input = arena_strndup(a, buf_str(&b->input), b->input.len);
	} else {
		printed = cJSON_PrintUnformatted(input);
		if (printed == NULL)
			return fail(s, MODEL_FAULT_MEMORY, "needs more memory than there is");
		ret->input = arena_strdup(a, printed);
		cJSON_free(printed);
	}
	ret->input_len = strlen(ret->input);
	return true;
}

static bool take_calls(struct model_stream *s, struct arena *a, struct model_reply *ret)
{
	struct model_tool_call *calls = arena_array(a, MODEL_CALLS_MAX, sizeof(*calls));
	size_t n = 0;

	for (size_t i = 0; calls != NULL && i < s->n_blocks; i++) {
		if (!s->blocks[i].is_tool)
			continue;
		if (n == MODEL_CALLS_MAX)
			return fail(s, MODEL_FAULT_TOO_LARGE, "calls more tools than are allowed");
		if (!take_call(s, a, &s->blocks[i], &calls[n]))
			return false;
		for (size_t j = 0; j < n; j++) {
			if (strcmp(calls[j].id, calls[n].id) == 0)
				return fail(s, MODEL_FAULT_ANSWER, "calls two tools by one id");
		}
		n++;
	}
	if (s->stop == MODEL_STOP_TOOL_USE && n == 0)
		return fail(s, MODEL_FAULT_ANSWER, "stops for a tool and calls none");
	ret->calls = calls;
	ret->n_calls = n;
	return true;
}

static bool take_content(struct model_stream *s, struct arena *a, struct model_reply *ret)
{
	struct buf out;
	bool good = true;

	buf_init(&out, CONVERSATION_BODY_MAX);
	buf_putc(&out, '[');
	for (size_t i = 0; good && i < s->n_blocks; i++) {
		char *printed;

		if (s->blocks[i].strange)
			continue;
		printed = finish_block(&s->blocks[i]) ? cJSON_PrintUnformatted(s->blocks[i].start)
						      : NULL;
		good = printed != NULL;
		if (out.len > 1)
			buf_putc(&out, ',');
		buf_puts(&out, good ? printed : "");
		cJSON_free(printed);
	}
	buf_putc(&out, ']');
	good = good && !out.failed;
	if (good) {
		ret->content = arena_strndup(a, buf_str(&out), out.len);
		ret->content_len = out.len;
	}
	buf_done(&out);
	return good || fail(s, MODEL_FAULT_MEMORY, "needs more memory than there is");
}

bool model__stream_reply(struct model_stream *s, struct arena *a, struct model_reply *ret)
{
	bool good = true;

	ret->text = arena_strndup(a, buf_str(&s->text), s->text.len);
	ret->text_len = s->text.len;
	ret->message_id = arena_strdup(a, s->message_id);
	ret->model = arena_strdup(a, s->model);
	ret->usage = s->usage;
	if (s->fault == MODEL_FAULT_NONE) {
		ret->category = arena_strdup(a, s->category);
		good = take_calls(s, a, ret) && take_content(s, a, ret);
		ret->stop = s->stop;
	}
	if (good && arena_failed(a))
		good = fail(s, MODEL_FAULT_MEMORY, "needs more memory than there is");
	return good;
}
