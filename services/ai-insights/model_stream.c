/*
 * The events of one answer, in the provider's order: message_start, then for each block start,
 * deltas and stop, then message_delta with stop reason and usage, message_stop. Events, blocks and
 * deltas that we do not know are passed over. Read next: model_reply.c, model.c.
 */
#include "model_priv.h"
#include "json/guard.h"

#include <string.h>

static void fault(struct model_stream *s, enum model_fault f, const char *why)
{
	if (s->fault != MODEL_FAULT_NONE)
		return;
	s->fault = f;
	s->why = why;
}

static const cJSON *get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(get(object, name));

	return s != NULL ? s : "";
}

/* ---- text ---- */

static void give_text(struct model_stream *s, struct model_block *b, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || s->fault != MODEL_FAULT_NONE)
		return;
	buf_put(&b->text, text, len);
	buf_put(&s->text, text, len);
	if (b->text.failed || s->text.failed) {
		fault(s, MODEL_FAULT_TOO_LARGE, "writes more text than is allowed");
		return;
	}
	if (s->events->on_text == NULL)
		return;
	s->text_given = true;
	s->events->on_text(s->events->arg, text, len);
}

static void add(struct model_stream *s, struct buf *b, const char *text)
{
	buf_puts(b, text);
	if (b->failed)
		fault(s, MODEL_FAULT_TOO_LARGE, "sends a larger block than is allowed");
}

/* ---- blocks ---- */

static void on_block_start(struct model_stream *s, cJSON *event)
{
	cJSON *start = cJSON_DetachItemFromObjectCaseSensitive(event, "content_block");
	const cJSON *index = get(event, "index");
	struct model_block *b = &s->blocks[s->n_blocks];
	const char *type = text_of(start, "type");

	if (!cJSON_IsObject(start) || *type == '\0' || !cJSON_IsNumber(index) ||
	    index->valuedouble != (int)s->n_blocks) {
		cJSON_Delete(start);
		fault(s, MODEL_FAULT_ANSWER, "begins a block out of order");
		return;
	}
	if (s->n_blocks == MODEL_BLOCKS_MAX) {
		cJSON_Delete(start);
		fault(s, MODEL_FAULT_TOO_LARGE, "sends more blocks than are allowed");
		return;
	}
	*b = (struct model_block){ .start = start };
	buf_init(&b->text, MODEL_BLOCK_MAX);
	buf_init(&b->input, MODEL_BLOCK_MAX);
	buf_init(&b->signature, MODEL_BLOCK_MAX);
	b->is_text = strcmp(type, "text") == 0;
	b->is_tool = strcmp(type, "tool_use") == 0;
	s->n_blocks++;
	if (b->is_text)
		give_text(s, b, text_of(start, "text"));
	else if (strcmp(type, "thinking") == 0)
		add(s, &b->text, text_of(start, "thinking"));
	add(s, &b->signature, text_of(start, "signature"));
}

static void add_citation(struct model_stream *s, struct model_block *b, cJSON *delta)
{
	cJSON *one = cJSON_DetachItemFromObjectCaseSensitive(delta, "citation");

	if (b->citations == NULL) {
		b->citations = cJSON_DetachItemFromObjectCaseSensitive(b->start, "citations");
		if (!cJSON_IsArray(b->citations)) {
			cJSON_Delete(b->citations);
			b->citations = cJSON_CreateArray();
		}
	}
	if (one != NULL && !cJSON_AddItemToArray(b->citations, one)) {
		cJSON_Delete(one);
		fault(s, MODEL_FAULT_MEMORY, "needs more memory than there is");
	}
}

static void on_block_delta(struct model_stream *s, cJSON *event)
{
	const cJSON *index = get(event, "index");
	cJSON *delta = cJSON_GetObjectItemCaseSensitive(event, "delta");
	const char *type = text_of(delta, "type");
	struct model_block *b;

	if (!cJSON_IsNumber(index) || !cJSON_IsObject(delta) || index->valuedouble < 0 ||
	    index->valuedouble >= (int)s->n_blocks || index->valuedouble != index->valueint) {
		fault(s, MODEL_FAULT_ANSWER, "goes on with a block that never began");
		return;
	}
	b = &s->blocks[index->valueint];
	if (strcmp(type, "text_delta") == 0 && b->is_text)
		give_text(s, b, text_of(delta, "text"));
	else if (strcmp(type, "input_json_delta") == 0)
		add(s, &b->input, text_of(delta, "partial_json"));
	else if (strcmp(type, "thinking_delta") == 0)
		add(s, &b->text, text_of(delta, "thinking"));
	else if (strcmp(type, "signature_delta") == 0)
		add(s, &b->signature, text_of(delta, "signature"));
	else if (strcmp(type, "citations_delta") == 0)
		add_citation(s, b, delta);
	else
		b->strange = !b->is_text && !b->is_tool; /* these two are known without it */
}

/* ---- the message ---- */

/* False when it cannot be read. What the start did not tell is not pieced together from the end. */
static bool take_usage(struct model_stream *s, const cJSON *usage)
{
	if (!s->usage_lost && usage_read(&s->usage, usage, s->hour))
		return true;
	s->usage_lost = !s->usage.known;
	fault(s, MODEL_FAULT_ANSWER, "tells a usage that is none");
	return false;
}

/* Printable ASCII without quotes, so that it can stand in logs and rows; else "". */
static void copy_id(char *dst, size_t cap, const char *src)
{
	size_t len = strlen(src);

	dst[0] = '\0';
	if (len >= cap)
		return;
	for (size_t i = 0; i < len; i++) {
		if (src[i] <= ' ' || src[i] > '~' || src[i] == '"' || src[i] == '\\')
			return;
	}
	memcpy(dst, src, len + 1);
}

static void on_start(struct model_stream *s, const cJSON *event)
{
	const cJSON *message = get(event, "message");

	if (s->started || !cJSON_IsObject(message)) {
		fault(s, MODEL_FAULT_ANSWER, "begins its message twice or not at all");
		return;
	}
	s->started = true;
	copy_id(s->message_id, sizeof(s->message_id), text_of(message, "id"));
	copy_id(s->model, sizeof(s->model), text_of(message, "model"));
	(void)take_usage(s, get(message, "usage"));
}

static void take_stop(struct model_stream *s, const char *word)
{
	for (int i = MODEL_STOP_NONE + 1; i <= MODEL_STOP_CONTEXT_WINDOW; i++) {
		if (strcmp(word, model_stop_word((enum model_stop)i)) == 0) {
			s->stop = (enum model_stop)i;
			return;
		}
	}
	if (s->fault == MODEL_FAULT_NONE)
		model__word(s->word, sizeof(s->word), word);
	fault(s, MODEL_FAULT_ANSWER, "stopped for a reason we do not know");
}

static void on_message_delta(struct model_stream *s, const cJSON *event)
{
	const cJSON *delta = get(event, "delta"), *usage = get(event, "usage");
	const char *stop = text_of(delta, "stop_reason");

	if (usage != NULL && !cJSON_IsNull(usage) && take_usage(s, usage))
		s->final_usage = true;
	if (*stop != '\0')
		take_stop(s, stop);
	model__word(s->category, sizeof(s->category),
		    text_of(get(delta, "stop_details"), "category"));
}

static void on_stop(struct model_stream *s)
{
	if (!s->started)
		fault(s, MODEL_FAULT_ANSWER, "ends a message that never began");
	else if (s->stop == MODEL_STOP_NONE)
		fault(s, MODEL_FAULT_ANSWER, "ends without a reason");
	s->done = true;
}

static void on_error(struct model_stream *s, const cJSON *event)
{
	const char *type = text_of(get(event, "error"), "type");

	if (s->fault != MODEL_FAULT_NONE)
		return;
	s->error_event = true;
	model__word(s->word, sizeof(s->word), type);
	fault(s, model__fault_of_type(type), "reported an error while it answered");
}

static void take_event(struct model_stream *s, cJSON *event)
{
	const char *type = text_of(event, "type");

	if (s->done)
		return;
	if (strcmp(type, "error") == 0)
		on_error(s, event);
	else if (strcmp(type, "message_start") == 0)
		on_start(s, event);
	else if (strcmp(type, "message_delta") == 0)
		on_message_delta(s, event);
	else if (strcmp(type, "message_stop") == 0)
		on_stop(s);
	else if (s->fault != MODEL_FAULT_NONE)
		return; /* what is left to learn is the usage */
	else if (strcmp(type, "content_block_start") == 0)
		on_block_start(s, event);
	else if (strcmp(type, "content_block_delta") == 0)
		on_block_delta(s, event);
}

static void on_event(void *arg, const char *name, const char *data, size_t len)
{
	struct model_stream *s = arg;
	cJSON *event = NULL;

	(void)name; /* the data say it again */
	if (json_parse(data, len, MODEL_JSON_DEPTH, 1, &event, NULL) != ST_OK ||
	    !cJSON_IsObject(event))
		fault(s, MODEL_FAULT_ANSWER, "sent an event that is not good JSON");
	else
		take_event(s, event);
	cJSON_Delete(event);
}

void model__stream_init(struct model_stream *s, const struct model_events *events, bool hour)
{
	memset(s, 0, sizeof(*s));
	s->events = events;
	s->hour = hour;
	s->why = "";
	buf_init(&s->text, MODEL_TEXT_MAX);
	sse_init(&s->sse, MODEL_EVENT_MAX, on_event, s);
}

void model__stream_done(struct model_stream *s)
{
	for (size_t i = 0; i < s->n_blocks; i++) {
		struct model_block *b = &s->blocks[i];

		cJSON_Delete(b->start);
		cJSON_Delete(b->citations);
		buf_done(&b->text);
		buf_done(&b->input);
		buf_done(&b->signature);
	}
	s->n_blocks = 0;
	buf_done(&s->text);
	sse_done(&s->sse);
}

void model__stream_feed(struct model_stream *s, const char *bytes, size_t len)
{
	sse_feed(&s->sse, bytes, len);
	if (s->sse.dropped > 0)
		fault(s, MODEL_FAULT_TOO_LARGE, "sends a larger event than is allowed");
}

void model__stream_end(struct model_stream *s)
{
	enum model_fault before = s->fault;

	sse_end(&s->sse);
	/* A last event that cannot be read was cut. */
	if (!s->done && before == MODEL_FAULT_NONE && !s->error_event)
		s->fault = MODEL_FAULT_NONE;
	if (!s->done)
		fault(s, MODEL_FAULT_TRUNCATED, "broke off before the end of its answer");
	s->usage.partial = s->usage.known && !s->final_usage;
}
