/*
 * What is said to a model in one question: a system prompt, tools, and turns; and the request body
 * made of it. The body begins with tools and system, the same bytes for everybody and every day, so
 * that the provider's cache holds them: put no date, name or id of a tenant there, but into the
 * first user text. Read next: model.h.
 */
#ifndef INSIGHTS_CONVERSATION_H
#define INSIGHTS_CONVERSATION_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

#define CONVERSATION_TOOLS_MAX       32
#define CONVERSATION_MESSAGES_MAX    64           /* user and assistant messages together */
#define CONVERSATION_BLOCKS_MAX      512          /* content blocks of all messages */
#define CONVERSATION_TOOL_NAME_MAX   64           /* the provider's limit: [a-zA-Z0-9_-]{1,64} */
#define CONVERSATION_TOOL_ID_MAX     128          /* bytes of an id of a tool call */
#define CONVERSATION_TEXT_MAX        (256 * 1024) /* bytes of a text, schema or tool result */
#define CONVERSATION_BODY_MAX        (4 * 1024 * 1024)
#define CONVERSATION_JSON_DEPTH      32
#define CONVERSATION_BREAKPOINTS_MAX 4 /* the provider's limit */
/* Of names of tools and ids of their calls. */
#define CONVERSATION_NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
/* Tokens beyond what is said: the provider's own prompt for tools, which differs with what the
 * model may call, frames of messages, tokens that run over the end of what was told. */
#define CONVERSATION_SLACK 1024

enum conversation_ttl { CONVERSATION_TTL_5M, CONVERSATION_TTL_1H };

struct conversation; /* in the arena it was made in; belongs to one thread at a time */

/*
 * A conversation with a system prompt (UTF-8, 1..CONVERSATION_TEXT_MAX bytes, copied). `ttl`: how
 * long the provider shall keep tools and system; the turns are always kept for five minutes. NULL
 * when the arena is full or the prompt is not of its form.
 */
struct conversation *conversation_new(struct arena *a, const char *system,
				      enum conversation_ttl ttl);

/*
 * Offers a tool; any order, the body has them sorted by name. `schema` is a JSON object and goes
 * out as its bytes are. All is copied. ST_INVALID names `tools` and the reason (a bad name, twice
 * the same, no JSON, after the first message); ST_TOO_LARGE beyond a limit or with a full arena.
 */
enum status conversation_add_tool(struct conversation *c, const char *name, const char *description,
				  const char *schema, struct error *err) MUST_USE;

/*
 * Text of the user (UTF-8, not empty). Follows in the same message when the last one is the user's.
 * ST_INVALID names `messages`; ST_TOO_LARGE as above.
 */
enum status conversation_add_user(struct conversation *c, const char *text,
				  struct error *err) MUST_USE;

/*
 * What the model said, as model_send gave it in model_reply.content (a JSON array of blocks, sent
 * back as its bytes are: thinking blocks with their signatures, unknown blocks too). Empty text
 * blocks are left out, because the provider refuses them. ST_INVALID when it is no such array, when
 * nothing is left of it. Behind a turn that paused it goes on with that message.
 */
enum status conversation_add_assistant(struct conversation *c, const char *content, size_t len,
				       struct error *err) MUST_USE;

/*
 * The result of a tool call of the last assistant message, text (of ours: JSON). Every call needs
 * exactly one before the next turn, in any order, before any user text. ST_INVALID names
 * `messages`: no such call, a second result, or not UTF-8.
 */
enum status conversation_add_result(struct conversation *c, const char *tool_id, const char *text,
				    size_t len, bool is_error, struct error *err) MUST_USE;

/* True when tools and system are kept for an hour. */
bool conversation_keeps_hour(const struct conversation *c);

/* From now on the model may call no tool: it has to answer. The cached prefix stays as it is. */
void conversation_forbid_tools(struct conversation *c);

/*
 * What has been said so far, tools and system with it, is at most `read` tokens, and what the model
 * says to it, which is added next, was `written` tokens to write: more than its bytes when it
 * thinks more than it shows. read 0: it is not known. Replaces what was told before.
 */
void conversation_told(struct conversation *c, size_t read, size_t written);

/*
 * No fewer tokens than the body can be, for a reservation before the call: what was told, and for
 * what has been said since (without it: for all) its bytes, because a token is at least a byte; and
 * CONVERSATION_SLACK.
 */
size_t conversation_tokens_at_most(const struct conversation *c);

/*
 * Appends the request body. Breakpoints of the cache: one behind tools and system, one behind the
 * last user message and one behind the user message before it, so that each turn reads what the one
 * before wrote, however many blocks have come since. Never temperature, top_p or top_k, which new
 * models refuse. ST_INVALID when there is no message, or a tool call has no result (named);
 * ST_TOO_LARGE over CONVERSATION_BODY_MAX. A conversation that ends with the assistant is sent as
 * it is: that is how a paused turn (MODEL_STOP_PAUSE_TURN) goes on.
 */
enum status conversation_body(const struct conversation *c, const char *model, int max_tokens,
			      struct buf *out, struct error *err) MUST_USE;

#endif
