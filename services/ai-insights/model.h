/*
 * A client of the Messages API: one turn of a conversation, streamed. Facts of the protocol: the
 * provider's own SDK and its recorded streams. Read next: conversation.h (what is sent), usage.h
 * (what it costs), README.md (what can go wrong).
 */
#ifndef INSIGHTS_MODEL_H
#define INSIGHTS_MODEL_H

#include "conversation.h"
#include "core/arena.h"
#include "core/status.h"
#include "usage.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_ATTEMPTS       2 /* when the configuration says 0 */
#define MODEL_ATTEMPTS_MAX   5
#define MODEL_TOTAL_MS       300000 /* one attempt; when the configuration says 0 */
#define MODEL_FIRST_BYTE_MS  60000
#define MODEL_IDLE_MS        30000 /* pings come more often than that */
#define MODEL_RETRY_AFTER_MS 15000 /* longer advice is not waited for: the call fails */
#define MODEL_NAME_MAX       128
#define MODEL_KEY_MAX        512
#define MODEL_ID_MAX         128
#define MODEL_BLOCKS_MAX     64                 /* content blocks of one answer */
#define MODEL_BLOCK_MAX      (512 * 1024)       /* bytes of one block's text or input */
#define MODEL_TEXT_MAX       (512 * 1024)       /* bytes of all text of one answer */
#define MODEL_STREAM_MAX     (16 * 1024 * 1024) /* bytes of one answer on the wire */
#define MODEL_CALLS_MAX      32                 /* tool calls of one answer */
#define MODEL_CATEGORY_MAX   64

struct model_config {
	const char *url;                      /* "https://api.anthropic.com" */
	const char *key;                      /* the API key; never in a log or an error */
	const char *model;                    /* "claude-sonnet-5" */
	int max_tokens;                       /* the model may write so many in one turn */
	int total_ms, first_byte_ms, idle_ms; /* 0: the limits above */
	int attempts;                         /* requests for one turn; 0: MODEL_ATTEMPTS */
};

struct model_client;

/*
 * Copies the configuration. Any thread may send at any time. ST_INVALID names the member at fault
 * (`url`, `key`, `model`, `max_tokens`, `attempts`). model_client_free accepts NULL; no turn may be
 * under way.
 */
enum status model_client_new(const struct model_config *cfg, struct model_client **ret,
			     struct error *err) MUST_USE;
void model_client_free(struct model_client *c);

/* Why the model stopped: names and words of the provider. */
#define MODEL_STOP_LIST(X)                \
	X(END_TURN, "end_turn")           \
	X(MAX_TOKENS, "max_tokens")       \
	X(STOP_SEQUENCE, "stop_sequence") \
	X(TOOL_USE, "tool_use")           \
	X(PAUSE_TURN, "pause_turn")       \
	X(REFUSAL, "refusal")             \
	X(CONTEXT_WINDOW, "model_context_window_exceeded")
enum model_stop {
	MODEL_STOP_NONE, /* there was no whole answer */
#define X(name, word) MODEL_STOP_##name,
	MODEL_STOP_LIST(X)
#undef X
};
/* The provider's word; "" for MODEL_STOP_NONE. */
const char *model_stop_word(enum model_stop s);

/* What happened to a turn that got no whole answer, with the status model_send returns for it. */
#define MODEL_FAULT_LIST(X)                                                                      \
	X(NONE, OK)                                                                              \
	X(REQUEST, INTERNAL)        /* our request is not good: 400, 404, 405, 413, 422, or the  \
				       conversation cannot be sent */                            \
	X(KEY, UNAVAILABLE)         /* the key is not good: 401, 403 */                          \
	X(CREDIT, UNAVAILABLE)      /* the provider's account is out of money: 402 */            \
	X(RATE, LIMITED)            /* 429; err->retry_after_s as the provider says */           \
	X(OVERLOADED, UNAVAILABLE)  /* 529, or so in the stream */                               \
	X(PROVIDER, UPSTREAM)       /* other 5xx, or such an error in the stream */              \
	X(UNREACHABLE, UNAVAILABLE) /* no connection, no such name, a bad certificate */         \
	X(TIMEOUT, TIMEOUT)         /* no first byte, silence, or the whole took too long */     \
	X(TRUNCATED, UPSTREAM)      /* the stream ended before its end */                        \
	X(ANSWER, UPSTREAM)         /* it cannot be understood, or names a stop reason we do not \
				       know */                                                   \
	X(TOO_LARGE, UPSTREAM)      /* larger than a limit above */                              \
	X(CANCELLED, CANCELLED)                                                                  \
	X(MEMORY, TOO_LARGE)
enum model_fault {
#define X(name, status) MODEL_FAULT_##name,
	MODEL_FAULT_LIST(X)
#undef X
};

/* What one attempt used. */
struct model_spent {
	const struct model_usage
		*usage;         /* not known: it may be billed, and nobody can say how much */
	const char *request_id; /* the provider's; "" when it told none */
	const char *model;      /* that answered, which may be another than the one asked */
	int attempt;            /* 1 is the first */
	bool again;             /* another attempt may follow, with a bill of its own */
};

struct model_events {
	void *arg;
	/*
	 * A piece of the answer's text, not NUL-terminated; whole UTF-8 characters. After the first
	 * one no attempt is begun anew. NULL: nobody listens. It cannot end the turn: the answer is
	 * read to its end, because what it costs is told there.
	 */
	void (*on_text)(void *arg, const char *text, size_t len);
	/*
	 * Exactly once for every attempt that the provider bills or may bill, the failed ones and
	 * the last one too, when the attempt has ended: the sum over all these is the cost of the
	 * turn. Nothing is used only where it was refused: no connection, no 200, an error in the
	 * stream before the message began.
	 */
	void (*on_usage)(void *arg, const struct model_spent *spent);
};

struct model_tool_call {
	const char *id, *name;
	const char *input; /* JSON object as the model wrote it ({} when it wrote none) */
	size_t input_len;
	bool malformed; /* `input` is no JSON object: answer with an error result, run nothing */
};

/* Texts are in the arena, NUL-terminated and never NULL. */
struct model_reply {
	enum model_fault fault;
	enum model_stop stop;
	const char *category; /* of a refusal; "" when none is told */
	const char *text;     /* all text blocks; what on_text was given */
	size_t text_len;
	const char *content; /* the blocks as a JSON array, for conversation_add_assistant */
	size_t content_len;
	const struct model_tool_call *calls; /* with stop MODEL_STOP_TOOL_USE they want results */
	size_t n_calls;
	const char *message_id, *request_id, *model;
	struct model_usage usage; /* of the last attempt alone */
	int attempts;             /* requests sent */
	bool text_given;          /* on_text was called */
};

struct model_turn {
	const struct conversation *talk;
	int64_t deadline_mono_us;  /* 0: none */
	const atomic_bool *cancel; /* NULL, or a flag looked at about once a second; only for the
				      end of the process or of the asker's time */
	struct model_events events;
};

/*
 * One turn. ST_OK with a whole answer, whatever its stop reason; look at ret->stop. Otherwise the
 * fault's status, with ret->fault, attempts, usage, text (as far as it came), request_id and model
 * set: `ret` is always written. err->detail holds words for people and the provider's kind of
 * error, never its text, which may quote the conversation.
 *
 * Tried again, at most `attempts` requests in all and only while no text was handed on: connections
 * that fail or break, silence, 408, 409, 429, 5xx and such errors inside the
 * stream, but none after the usage was told to its end (partial is false); x-should-retry decides
 * where the provider sends it. It waits as retry-after-ms or
 * retry-after say, else 0.5 s doubling, and gives up at once where the wait would pass the deadline
 * or MODEL_RETRY_AFTER_MS.
 */
enum status model_send(struct model_client *c, const struct model_turn *turn, struct arena *a,
		       struct model_reply *ret, struct error *err) MUST_USE;

#endif
