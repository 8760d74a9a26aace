/* The model: reads the conversation, plans, writes; and the ways it can be told to misbehave. */
#include "anthropic.h"
#include "member.h"

#include <stdio.h>
#include <string.h>

#define PLACES 3

/* ---- reading ---- */

static const char *last_text(const cJSON *content)
{
	const char *found = NULL;
	const cJSON *block;

	if (cJSON_IsString(content))
		return content->valuestring;
	cJSON_ArrayForEach(block, content)
	{
		if (strcmp(text_of(block, "type"), "text") == 0)
			found = text_of(block, "text");
	}
	return found;
}

/* The question itself, where the text is a JSON object that names it. */
static const char *question_of(struct arena *a, const char *text)
{
	cJSON *o = cJSON_Parse(text);
	const char *q = text_of(o, "question");
	const char *ret = q[0] != '\0' ? arena_strdup(a, q) : text;

	cJSON_Delete(o);
	return ret != NULL ? ret : "";
}

static const char *result_text(const cJSON *block)
{
	const char *s = last_text(member_of(block, "content"));

	return s != NULL ? s : "";
}

static const cJSON *use_of(const cJSON *message, const char *id)
{
	const cJSON *block;

	cJSON_ArrayForEach(block, member_of(message, "content"))
	{
		if (strcmp(text_of(block, "type"), "tool_use") == 0 &&
		    strcmp(text_of(block, "id"), id) == 0)
			return block;
	}
	return NULL;
}

static void read_results(struct model_talk *t, const cJSON *before, const cJSON *message)
{
	const cJSON *block;

	cJSON_ArrayForEach(block, member_of(message, "content"))
	{
		const cJSON *use;
		struct model_result *r = &t->results[t->n_results];

		if (strcmp(text_of(block, "type"), "tool_result") != 0 ||
		    t->n_results == MODEL_RESULTS_MAX)
			continue;
		use = use_of(before, text_of(block, "tool_use_id"));
		r->tool = text_of(use, "name");
		r->input = member_of(use, "input");
		r->is_error = cJSON_IsTrue(member_of(block, "is_error"));
		r->tree = cJSON_Parse(result_text(block));
		t->n_results++;
	}
}

static void read_talk(struct arena *a, const struct anth_request *r, struct model_talk *t)
{
	const cJSON *message, *before = NULL;
	size_t user_texts = 0;

	*t = (struct model_talk){ .arena = a, .tools = r->tools, .question = "" };
	cJSON_ArrayForEach(message, r->messages)
	{
		const char *text = last_text(member_of(message, "content"));

		if (strcmp(text_of(message, "role"), "assistant") == 0) {
			t->n_turns++;
		} else {
			read_results(t, before, message);
			if (text != NULL && user_texts++ == 0)
				t->question = question_of(a, text);
			else if (text != NULL)
				t->corrected = true;
		}
		before = message;
	}
}

static void free_talk(struct model_talk *t)
{
	for (size_t i = 0; i < t->n_results; i++)
		cJSON_Delete((cJSON *)(uintptr_t)t->results[i].tree);
}

/* ---- misbehaving ---- */

/* A number that no tool gave, in a form that grows with the serial. */
static const char *invention(struct arena *a, uint64_t serial)
{
	unsigned v = 1000 + (unsigned)(serial * 7919 % 8971);

	switch (serial % 12) {
	case 0:
		return arena_printf(a, "Returning visitors added %u orders.", v);
	case 1:
		return arena_printf(a, "That is %u,%03u.%02u more than a year ago.", v / 10,
				    v % 997, v % 97);
	case 2:
		return arena_printf(a, "Conversion rose by %u.%u%%.", v % 89 + 3, v % 7 + 1);
	case 3:
		return arena_printf(a, "Expect another $%u.%uk next month.", v % 83 + 7, v % 9 + 1);
	case 4:
		return arena_printf(a, "The market is worth %u.%uM.", v % 67 + 3, v % 8 + 1);
	case 5:
		return arena_strdup(a, "About seventeen competitors bid on the same words.");
	case 6:
		return arena_printf(a, "Rivals return %u.%ux.", v % 41 + 13, v % 7 + 2);
	case 7:
		return arena_printf(a, "EUR %u.%02u are left on the table.", v * 3, v % 89 + 11);
	case 8:
		return arena_printf(a, "Between %u and %u people saw it.", v * 11, v * 13);
	case 9:
		return arena_strdup(a, "Returns have doubled to forty-three a week.");
	case 10:
		return arena_printf(a, "Roughly %u per cent of buyers come back.", v % 71 + 13);
	default:
		return arena_printf(a, "Our forecast says %u/%u of it is wasted.", v % 7 + 3,
				    v % 11 + 13);
	}
}

/* The sentence goes to the front, before the findings, or behind the first finding. */
static const char *with_invention(struct arena *a, const char *text, uint64_t serial)
{
	const char *at = text, *more = invention(a, serial);

	if (serial % PLACES == 1)
		at = strstr(text, "\n\nFindings:");
	else if (serial % PLACES == 2)
		at = strstr(text, "\n\nRecommendations:");
	if (at == NULL || at == text)
		return arena_printf(a, "%s %s", more, text);
	return arena_printf(a, "%.*s%s%s%s", (int)(at - text), text,
			    serial % PLACES == 1 ? " " : "\n- ", more, at);
}

static void call_anything(const struct model_talk *t, struct model_reply *ret)
{
	const cJSON *tool = t->tools != NULL ? t->tools->child : NULL;

	for (; tool != NULL; tool = tool->next)
		if (strstr(text_of(tool, "name"), "summary") != NULL)
			break;
	ret->calls[0].name = tool != NULL ? text_of(tool, "name") : "get_summary";
	ret->calls[0].input = "{}";
	ret->calls[0].id = arena_printf(t->arena, "toolu_loop%06zu", t->n_turns);
	ret->n_calls = 1;
	ret->stop_reason = "tool_use";
}

/* ---- thinking ---- */

static void answer(const struct model_talk *t, struct model_reply *ret)
{
	struct buf b;

	buf_init(&b, MODEL_TEXT_MAX);
	write_answer(t, &b);
	ret->text = arena_strdup(t->arena, buf_str(&b));
	buf_done(&b);
	ret->stop_reason = "end_turn";
}

/* The rule fits: see modes_take. */
static void misbehave(const struct model_talk *t, const struct mode_rule *m,
		      struct model_reply *ret)
{
	switch (m->mode) {
	case MODE_INVENT:
		ret->text = with_invention(t->arena, ret->text, m->serial);
		break;
	case MODE_LOOP:
		call_anything(t, ret);
		break;
	case MODE_BAD_JSON_TOOL:
		if (m->serial % 2 == 0)
			ret->calls[0].input = "{\"by\": \"nothing like it\", \"tenant_id\": 1}";
		else
			ret->calls[0].name = "no_such_tool";
		break;
	case MODE_REFUSE:
		*ret = (struct model_reply){ .stop_reason = "refusal", .text = "" };
		break;
	case MODE_CONTEXT_WINDOW:
		*ret = (struct model_reply){ .stop_reason = "model_context_window_exceeded",
					     .text = "The " };
		break;
	case MODE_PAUSE_TURN:
		*ret = (struct model_reply){ .stop_reason = "pause_turn",
					     .text = MODEL_PAUSE_TEXT };
		break;
	case MODE_MAX_TOKENS:
		ret->stop_reason = "max_tokens";
		ret->text = arena_strndup(t->arena, ret->text, strlen(ret->text) / 2);
		break;
	case MODE_NONE:
	case MODE_OVERLOAD:
	case MODE_RATE_LIMIT:
	case MODE_UNAUTHORIZED:
	case MODE_ERROR_IN_STREAM:
	case MODE_BREAK_OFF:
	case MODE_SLOW:
		break; /* these are of what is sent, not of what it says */
	}
}

bool model_think(struct arena *a, const struct anth_request *r, struct modes *modes,
		 struct mode_rule *ret_mode, struct model_reply *ret)
{
	struct model_talk *t = arena_alloc(a, sizeof(*t));
	struct model_intent intent = { .has_tools = r->tools != NULL, .streams = r->stream };

	if (t == NULL)
		return false;
	*ret = (struct model_reply){ .stop_reason = "tool_use", .text = "" };
	read_talk(a, r, t);
	intent.corrected = t->corrected;
	intent.answers = r->tools == NULL || strcmp(text_of(r->tool_choice, "type"), "none") == 0 ||
			 !plan_calls(t, ret);
	if (intent.answers)
		answer(t, ret);
	*ret_mode = modes_take(modes, &intent);
	if (!arena_failed(a))
		misbehave(t, ret_mode, ret);
	free_talk(t);
	return !arena_failed(a);
}
