/*
 * Requests to the model. Blocks are kept as the JSON they will be sent as; a breakpoint of the
 * cache is put into a block while the body is written. Read next: conversation.h.
 */
#include "conversation.h"

#include "core/magic.h"
#include "core/text.h"
#include "json/guard.h"

#include <cjson/cJSON.h>
#include <string.h>

#define TALK_MAGIC  0x54414c4bu
#define PENDING_MAX 64 /* tool calls of one assistant message */

/* JSON that is sent as it is. */
struct piece {
	const char *json;
	size_t len;
};

struct tool_piece {
	const char *name;
	struct piece json;
};

/* Blocks [first, first + n) of a conversation. An assistant's are one piece: an array. */
struct message {
	bool user;
	size_t first, n;
};

struct pending {
	const char *id;
	bool answered;
};

struct conversation {
	uint32_t magic;
	struct arena *arena;
	enum conversation_ttl ttl;
	struct piece system; /* a JSON string */
	struct tool_piece tools[CONVERSATION_TOOLS_MAX];
	size_t n_tools;
	struct message messages[CONVERSATION_MESSAGES_MAX];
	size_t n_messages;
	struct piece blocks[CONVERSATION_BLOCKS_MAX];
	size_t n_blocks;
	struct pending pending[PENDING_MAX]; /* calls of the last assistant message */
	size_t n_pending;
	size_t told, told_blocks; /* at most so many tokens, of tools, system and so many blocks */
	size_t written;           /* tokens, of all that the model said */
	bool forbid;
};

static enum status invalid(struct error *err, const char *words)
{
	return error_set(err, ST_INVALID, "messages", "%s", words);
}

static enum status too_large(struct error *err, const char *words)
{
	return error_set(err, ST_TOO_LARGE, NULL, "%s", words);
}

/* Moves a finished buffer into the arena. */
static bool keep(struct arena *a, struct buf *b, struct piece *ret)
{
	bool good = !b->failed;

	if (good) {
		*ret = (struct piece){ arena_strndup(a, buf_str(b), b->len), b->len };
		good = !arena_failed(a);
	}
	buf_done(b);
	return good;
}

static bool good_text(const char *s, size_t len)
{
	return len > 0 && len <= CONVERSATION_TEXT_MAX && utf8_valid(s, len) &&
	       memchr(s, '\0', len) == NULL;
}

struct conversation *conversation_new(struct arena *a, const char *system,
				      enum conversation_ttl ttl)
{
	size_t len = strnlen(system, CONVERSATION_TEXT_MAX + 1);
	struct conversation *c;
	struct buf b;

	if (!good_text(system, len))
		return NULL;
	c = arena_alloc(a, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->magic = TALK_MAGIC;
	c->arena = a;
	c->ttl = ttl;
	buf_init(&b, CONVERSATION_BODY_MAX);
	buf_put_json(&b, system, len);
	return keep(a, &b, &c->system) ? c : NULL;
}

bool conversation_keeps_hour(const struct conversation *c)
{
	return c->ttl == CONVERSATION_TTL_1H;
}

/* ---- tools ---- */

static enum status bad_tool(struct error *err, const char *words)
{
	return error_set(err, ST_INVALID, "tools", "%s", words);
}

static bool is_schema(const char *schema)
{
	cJSON *tree = NULL;
	bool good = json_parse(schema, strlen(schema), CONVERSATION_JSON_DEPTH, 1, &tree, NULL) ==
			    ST_OK &&
		    cJSON_IsObject(tree);

	cJSON_Delete(tree);
	return good;
}

static enum status check_tool(const struct conversation *c, const char *name,
			      const char *description, const char *schema, struct error *err)
{
	size_t len = strnlen(name, CONVERSATION_TOOL_NAME_MAX + 1);

	if (c->n_messages > 0)
		return bad_tool(err, "come before the first message");
	if (len == 0 || len > CONVERSATION_TOOL_NAME_MAX ||
	    name[strspn(name, CONVERSATION_NAME_CHARS)] != '\0')
		return bad_tool(err, "have names of 1 to 64 letters, digits, - and _");
	if (!good_text(description, strnlen(description, CONVERSATION_TEXT_MAX + 1)))
		return bad_tool(err, "need a description");
	if (strnlen(schema, CONVERSATION_TEXT_MAX + 1) > CONVERSATION_TEXT_MAX ||
	    !is_schema(schema))
		return bad_tool(err, "need a schema that is a JSON object");
	for (size_t i = 0; i < c->n_tools; i++) {
		if (strcmp(c->tools[i].name, name) == 0)
			return bad_tool(err, "have names of their own each");
	}
	return ST_OK;
}

enum status conversation_add_tool(struct conversation *c, const char *name, const char *description,
				  const char *schema, struct error *err)
{
	enum status st = check_tool(c, name, description, schema, err);
	struct tool_piece t = { 0 };
	size_t at = c->n_tools;
	struct buf b;

	CHECK_MAGIC(c, TALK_MAGIC);
	if (st != ST_OK)
		return st;
	if (c->n_tools == CONVERSATION_TOOLS_MAX)
		return too_large(err, "too many tools");
	buf_init(&b, CONVERSATION_BODY_MAX);
	buf_printf(&b, "{\"name\":\"%s\",\"description\":", name);
	buf_put_json(&b, description, strlen(description));
	buf_printf(&b, ",\"input_schema\":%s}", schema);
	t.name = arena_strdup(c->arena, name);
	if (!keep(c->arena, &b, &t.json))
		return too_large(err, "the tools do not fit");
	for (; at > 0 && strcmp(c->tools[at - 1].name, name) > 0; at--)
		c->tools[at] = c->tools[at - 1];
	c->tools[at] = t;
	c->n_tools++;
	return ST_OK;
}

/* ---- messages ---- */

/* The user's message that is being written; a new one behind the assistant's. NULL: full. */
static struct message *user_message(struct conversation *c)
{
	struct message *m = c->n_messages > 0 ? &c->messages[c->n_messages - 1] : NULL;

	if (c->n_blocks == CONVERSATION_BLOCKS_MAX)
		return NULL;
	if (m != NULL && m->user)
		return m;
	if (c->n_messages == CONVERSATION_MESSAGES_MAX)
		return NULL;
	m = &c->messages[c->n_messages++];
	*m = (struct message){ .user = true, .first = c->n_blocks };
	return m;
}

static enum status add_block(struct conversation *c, struct buf *b, struct error *err)
{
	struct message *m;
	struct piece p;

	if (!keep(c->arena, b, &p))
		return too_large(err, "the conversation does not fit");
	m = user_message(c);
	if (m == NULL)
		return too_large(err, "the conversation has too many parts");
	c->blocks[c->n_blocks++] = p;
	m->n++;
	return ST_OK;
}

static const struct pending *unanswered(const struct conversation *c)
{
	for (size_t i = 0; i < c->n_pending; i++) {
		if (!c->pending[i].answered)
			return &c->pending[i];
	}
	return NULL;
}

enum status conversation_add_user(struct conversation *c, const char *text, struct error *err)
{
	size_t len = strnlen(text, CONVERSATION_TEXT_MAX + 1);
	enum status st;
	struct buf b;

	CHECK_MAGIC(c, TALK_MAGIC);
	if (len > CONVERSATION_TEXT_MAX)
		return too_large(err, "a text is longer than allowed");
	if (!good_text(text, len) || text[strspn(text, " \t\r\n")] == '\0')
		return invalid(err, "a text is empty or not UTF-8");
	if (unanswered(c) != NULL)
		return invalid(err, "a tool call has no result yet");
	buf_init(&b, CONVERSATION_BODY_MAX);
	buf_puts(&b, "{\"type\":\"text\",\"text\":");
	buf_put_json(&b, text, len);
	buf_putc(&b, '}');
	st = add_block(c, &b, err);
	return st;
}

static bool is_empty_text(const cJSON *block)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(block, "type"));
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(block, "text"));

	return type != NULL && strcmp(type, "text") == 0 &&
	       (text == NULL || text[strspn(text, " \t\r\n")] == '\0');
}

static enum status note_call(struct conversation *c, const cJSON *block, struct error *err)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(block, "type"));
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(block, "id"));

	if (type == NULL)
		return invalid(err, "a block of the model has no type");
	if (strcmp(type, "tool_use") != 0)
		return ST_OK;
	if (id == NULL || *id == '\0' || id[strspn(id, CONVERSATION_NAME_CHARS)] != '\0' ||
	    strlen(id) > CONVERSATION_TOOL_ID_MAX)
		return invalid(err, "a tool call has no good id");
	if (c->n_pending == PENDING_MAX)
		return too_large(err, "the model calls too many tools");
	c->pending[c->n_pending++] = (struct pending){ .id = arena_strdup(c->arena, id) };
	return ST_OK;
}

/* The blocks without empty texts; the bytes as they came when there is none. */
static enum status take_blocks(struct conversation *c, cJSON *tree, const char *content, size_t len,
			       struct piece *ret, struct error *err)
{
	cJSON *block, *next;
	enum status st = ST_OK;
	bool dropped = content[0] != '[' || content[len - 1] != ']'; /* printed anew */
	struct buf b;

	c->n_pending = 0;
	for (block = tree->child; block != NULL && st == ST_OK; block = next) {
		next = block->next;
		if (is_empty_text(block)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(tree, block));
			dropped = true;
		} else {
			st = note_call(c, block, err);
		}
	}
	if (st != ST_OK)
		return st;
	if (tree->child == NULL)
		return invalid(err, "the model said nothing");
	buf_init(&b, CONVERSATION_BODY_MAX);
	if (dropped) {
		char *printed = cJSON_PrintUnformatted(tree);

		if (printed != NULL)
			buf_puts(&b, printed);
		b.failed = b.failed || printed == NULL;
		cJSON_free(printed);
	} else {
		buf_put(&b, content, len);
	}
	return keep(c->arena, &b, ret) ? ST_OK : too_large(err, "the conversation does not fit");
}

enum status conversation_add_assistant(struct conversation *c, const char *content, size_t len,
				       struct error *err)
{
	cJSON *tree = NULL;
	struct piece p;
	enum status st;

	CHECK_MAGIC(c, TALK_MAGIC);
	if (c->n_messages == 0)
		return invalid(err, "the user speaks first");
	if (c->n_messages == CONVERSATION_MESSAGES_MAX || c->n_blocks == CONVERSATION_BLOCKS_MAX)
		return too_large(err, "the conversation has too many parts");
	if (unanswered(c) != NULL)
		return invalid(err, "a tool call has no result yet");
	if (json_parse(content, len, CONVERSATION_JSON_DEPTH, 1, &tree, NULL) != ST_OK)
		return invalid(err, "what the model said is no JSON");
	st = cJSON_IsArray(tree) ? take_blocks(c, tree, content, len, &p, err)
				 : invalid(err, "what the model said is no list of blocks");
	cJSON_Delete(tree);
	if (st != ST_OK) {
		c->n_pending = 0;
		return st;
	}
	if (c->messages[c->n_messages - 1].user)
		c->messages[c->n_messages++] =
			(struct message){ .user = false, .first = c->n_blocks };
	c->messages[c->n_messages - 1].n++;
	c->blocks[c->n_blocks++] = p;
	return ST_OK;
}

enum status conversation_add_result(struct conversation *c, const char *tool_id, const char *text,
				    size_t len, bool is_error, struct error *err)
{
	struct pending *p = NULL;
	struct buf b;
	enum status st;

	CHECK_MAGIC(c, TALK_MAGIC);
	for (size_t i = 0; i < c->n_pending; i++) {
		if (strcmp(c->pending[i].id, tool_id) == 0 && !c->pending[i].answered)
			p = &c->pending[i];
	}
	if (p == NULL)
		return invalid(err, "a result belongs to no open tool call");
	if (len > CONVERSATION_TEXT_MAX)
		return too_large(err, "a tool result is longer than allowed");
	if (!good_text(text, len))
		return invalid(err, "a tool result is empty or not UTF-8");
	buf_init(&b, CONVERSATION_BODY_MAX);
	buf_printf(&b, "{\"type\":\"tool_result\",\"tool_use_id\":\"%s\",\"content\":", p->id);
	buf_put_json(&b, text, len);
	buf_puts(&b, is_error ? ",\"is_error\":true}" : "}");
	st = add_block(c, &b, err);
	p->answered = st == ST_OK;
	return st;
}

void conversation_forbid_tools(struct conversation *c)
{
	c->forbid = true;
}

void conversation_told(struct conversation *c, size_t read, size_t written)
{
	CHECK_MAGIC(c, TALK_MAGIC);
	c->told = read > 0 ? read + written : 0;
	c->told_blocks = read > 0 ? c->n_blocks : 0;
	c->written += written;
}

size_t conversation_tokens_at_most(const struct conversation *c)
{
	size_t bytes = c->system.len + c->written, known = c->told;

	CHECK_MAGIC(c, TALK_MAGIC);
	for (size_t i = 0; i < c->n_tools; i++)
		bytes += c->tools[i].json.len;
	for (size_t i = 0; i < c->n_blocks; i++) {
		bytes += c->blocks[i].len;
		known += i < c->told_blocks ? 0 : c->blocks[i].len;
	}
	return (c->told > 0 && known < bytes ? known : bytes) + CONVERSATION_SLACK;
}

/* ---- the body ---- */

/* An object with a breakpoint of the cache behind it: its last byte is the closing brace. */
static void put_cached(struct buf *out, const struct piece *p, enum conversation_ttl ttl)
{
	buf_put(out, p->json, p->len - 1);
	buf_puts(out, ttl == CONVERSATION_TTL_1H
			      ? ",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}"
			      : ",\"cache_control\":{\"type\":\"ephemeral\"}}");
}

static void put_prefix(const struct conversation *c, struct buf *out)
{
	struct buf b;
	struct piece system;

	for (size_t i = 0; i < c->n_tools; i++) {
		buf_puts(out, i == 0 ? "\"tools\":[" : ",");
		buf_put(out, c->tools[i].json.json, c->tools[i].json.len);
	}
	if (c->n_tools > 0)
		buf_puts(out, "],");
	buf_init(&b, CONVERSATION_BODY_MAX);
	buf_puts(&b, "{\"type\":\"text\",\"text\":");
	buf_put(&b, c->system.json, c->system.len);
	buf_putc(&b, '}');
	system = (struct piece){ buf_str(&b), b.len };
	buf_puts(out, "\"system\":[");
	if (b.failed)
		out->failed = true;
	else
		put_cached(out, &system, c->ttl);
	buf_puts(out, "],");
	buf_done(&b);
}

/* Pieces are arrays; a turn that went on after a pause has several, which become one. */
static void put_assistant(const struct conversation *c, const struct message *m, struct buf *out)
{
	buf_puts(out, "{\"role\":\"assistant\",\"content\":[");
	for (size_t i = 0; i < m->n; i++) {
		const struct piece *p = &c->blocks[m->first + i];

		if (i > 0)
			buf_putc(out, ',');
		buf_put(out, p->json + 1, p->len - 2);
	}
	buf_puts(out, "]}");
}

static void put_message(const struct conversation *c, const struct message *m, bool cached,
			struct buf *out)
{
	if (!m->user) {
		put_assistant(c, m, out);
		return;
	}
	buf_puts(out, "{\"role\":\"user\",\"content\":[");
	for (size_t i = 0; i < m->n; i++) {
		const struct piece *p = &c->blocks[m->first + i];

		if (i > 0)
			buf_putc(out, ',');
		if (cached && i + 1 == m->n)
			put_cached(out, p, CONVERSATION_TTL_5M);
		else
			buf_put(out, p->json, p->len);
	}
	buf_puts(out, "]}");
}

/* The two last user messages end in breakpoints: the turn before wrote the cache up to the first of
 * them. */
static void put_messages(const struct conversation *c, struct buf *out)
{
	size_t users = 0, seen = 0;

	for (size_t i = 0; i < c->n_messages; i++)
		users += c->messages[i].user;
	buf_puts(out, "\"messages\":[");
	for (size_t i = 0; i < c->n_messages; i++) {
		if (i > 0)
			buf_putc(out, ',');
		seen += c->messages[i].user;
		put_message(c, &c->messages[i], seen + 2 > users, out);
	}
	buf_putc(out, ']');
}

enum status conversation_body(const struct conversation *c, const char *model, int max_tokens,
			      struct buf *out, struct error *err)
{
	CHECK_MAGIC(c, TALK_MAGIC);
	if (c->n_messages == 0)
		return invalid(err, "nothing was said");
	if (unanswered(c) != NULL)
		return invalid(err, "a tool call has no result");
	buf_printf(out, "{\"model\":\"%s\",\"max_tokens\":%d,\"stream\":true,", model, max_tokens);
	put_prefix(c, out);
	put_messages(c, out);
	if (c->forbid && c->n_tools > 0)
		buf_puts(out, ",\"tool_choice\":{\"type\":\"none\"}");
	buf_putc(out, '}');
	return buf_status(out) == ST_OK ? ST_OK : too_large(err, "the conversation does not fit");
}
