/*
 * What the files of the model client share: the state of one answer that is arriving. Nobody else
 * includes this. Read next: model_stream.c.
 */
#ifndef INSIGHTS_MODEL_PRIV_H
#define INSIGHTS_MODEL_PRIV_H

#include "http/sse.h"
#include "model.h"

#define MODEL_EVENT_MAX      (1024 * 1024) /* bytes of one event */
#define MODEL_JSON_DEPTH     32
#define MODEL_WORD_MAX       65          /* a type or reason of the provider's, with its NUL */
#define MODEL_ERROR_BODY_MAX (64 * 1024) /* read of an answer that is no stream */

/* A content block that is arriving. */
struct model_block {
	cJSON *start;     /* as content_block_start had it; ours to free */
	struct buf text;  /* of text and thinking */
	struct buf input; /* partial JSON, put together */
	struct buf signature;
	cJSON *citations;      /* NULL: none came */
	bool is_text, is_tool; /* is_tool: a tool_use, which wants a result from us */
	bool strange; /* an unknown delta of an unknown block came: it cannot be sent back */
};

struct model_stream {
	struct sse sse;
	const struct model_events *events;
	bool hour; /* the request asked for a cache of an hour */

	bool started, done, text_given, final_usage;
	bool usage_lost; /* the first usage could not be read: none is known, whatever comes */
	char message_id[MODEL_ID_MAX], model[MODEL_NAME_MAX];
	char category[MODEL_CATEGORY_MAX];
	enum model_stop stop;
	struct model_usage usage;
	struct model_block blocks[MODEL_BLOCKS_MAX];
	size_t n_blocks;
	struct buf text; /* all text */

	/* The first thing that was wrong. The stream is read on: usage comes at its end. */
	enum model_fault fault;
	bool error_event;          /* the provider said so, in the stream */
	char word[MODEL_WORD_MAX]; /* the kind of error or unknown stop reason; "" when none */
	const char *why;           /* words of ours; static */
};

/* `s` is large: keep it off the stack of deep callers. */
void model__stream_init(struct model_stream *s, const struct model_events *events, bool hour);
void model__stream_done(struct model_stream *s);
void model__stream_feed(struct model_stream *s, const char *bytes, size_t len);
/* The bytes have ended; what misses then is MODEL_FAULT_TRUNCATED. */
void model__stream_end(struct model_stream *s);
/* Fills text, content, calls, ids, stop and usage of a reply; false when the arena is full or a
 * call is not of its form (s->fault says which). */
bool model__stream_reply(struct model_stream *s, struct arena *a, struct model_reply *ret);

/* The fault for a kind of error ("overloaded_error"). */
enum model_fault model__fault_of_type(const char *type);
/* The fault for an HTTP code other than 200. */
enum model_fault model__fault_of_code(int code);
/* Reads the kind of error out of an error body; "" when it has none or it is not of that form. */
void model__error_type(const char *body, size_t len, char ret[MODEL_WORD_MAX]);
/* The usage of a message that came whole although a stream was asked for; false: there is none. */
bool model__whole_usage(const char *body, size_t len, bool hour, struct model_stream *s);
/* Copies a word of the provider's ([a-z0-9_.-]) or leaves "". */
void model__word(char *dst, size_t cap, const char *src);

#endif
