/*
 * The "model" behind the Anthropic simulator: a small planner that reads the tools it is offered
 * and the question, calls tools, and writes its answer from their results alone. It knows nothing
 * of our services. Read next: model_plan.c; model_mode.c for what it does when it is told to
 * misbehave.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "core/arena.h"
#include "core/buf.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define MODEL_BLOCKS_MAX 17 /* of one message: a text and 16 calls */
#define MODEL_CALLS_MAX	 16
#define MODEL_TURNS_MAX	 10 /* messages with calls that an honest model makes for one question */
#define MODEL_ANSWER_MAX (64 * 1024)
#define MODEL_ID_TEXT	 40
#define MODEL_PAUSE_TEXT "I am still looking into this."
#define MODES_MAX	 64
#define MODE_DELAY_MAX	 10000 /* ms between two pieces of a slow answer */
#define MODE_WORD_MAX	 24

/* What the model was given; all parts of one checked request. */
struct model_input {
	struct arena *arena;
	const cJSON *tools, *system, *messages, *tool_choice;
};

struct model_block {
	const char *name; /* of the tool called; NULL: a text */
	const char *text; /* the text, or the call's input as JSON */
	char id[MODEL_ID_TEXT];
};

/* What kind of message it is that the model is about to write. */
enum model_turn { TURN_TOOLS = 1, TURN_ANSWER = 2, TURN_CORRECTION = 4 };

struct model_reply {
	struct model_block blocks[MODEL_BLOCKS_MAX];
	size_t n;
	const char *stop_reason;
	enum model_turn turn;
	const int64_t *seen; /* every figure of the results, in millionths */
	const char *const *ids;
	size_t nseen;
};

/* The honest next message. The same input gives the same message, ids of calls apart. */
void model_plan(const struct model_input *in, struct model_reply *ret);

/* mode, the word at the control port, the turns it fits when nothing is said */
/* clang-format off */
#define MODE_LIST(X)                                                  \
	X(NONE, "none", 0)                                            \
	X(INVENT, "invent", TURN_ANSWER)                              \
	X(REFUSE, "refuse", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION)   \
	X(OVERLOAD, "overload", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION) \
	X(RATE_LIMIT, "rate_limit", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION) \
	X(ERROR_IN_STREAM, "error_in_stream", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION) \
	X(BREAK_OFF, "break_off", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION) \
	X(LOOP, "loop", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION)       \
	X(MAX_TOKENS, "max_tokens", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION) \
	X(PAUSE_TURN, "pause_turn", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION) \
	X(CONTEXT_WINDOW, "context_window", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION) \
	X(SLOW, "slow", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION)       \
	X(BAD_JSON_TOOL, "bad_json_tool", TURN_TOOLS)                 \
	X(UNAUTHORIZED, "unauthorized", TURN_TOOLS | TURN_ANSWER | TURN_CORRECTION)
/* clang-format on */

enum mode {
#define X(name, word, turns) MODE_##name,
	MODE_LIST(X)
#undef X
};

struct mode_rule {
	enum mode mode;
	unsigned turns;	       /* of enum model_turn */
	int64_t count, after;  /* how often still; how many that fit to let pass first */
	int64_t delay_ms;      /* slow: between two pieces */
	int64_t retry_after_s; /* -1: without the header */
	int64_t form;	       /* invent, bad_json_tool: this form always; -1: each in turn */
	uint64_t seq;	       /* how many of this mode were taken before */
};

struct modes;

struct modes *modes_new(void);
void modes_free(struct modes *m);
/* False when too many rules wait. */
bool modes_add(struct modes *m, const struct mode_rule *rule);
void modes_clear(struct modes *m);
/* The rule for a message of that turn, used up by one; mode MODE_NONE when none fits. */
struct mode_rule modes_take(struct modes *m, enum model_turn turn);
/* The mode of that word or MODE_NONE; the turns it fits by itself. */
enum mode mode_parse(const char *word);
unsigned mode_turns(enum mode mode);
const char *mode_word(enum mode mode);
/* Waiting rules and how often each mode was taken, as a JSON object. */
void modes_write(struct modes *m, struct buf *out);

/* Changes the honest reply into what the rule says: invent, loop, bad_json_tool and the like. */
void model_misbehave(const struct model_input *in, const struct mode_rule *rule,
		     struct model_reply *reply);
/* Names a call: toolu_ and 24 letters and digits. */
void model_new_id(char out[MODEL_ID_TEXT]);

#endif
