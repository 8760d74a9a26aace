/*
 * The simulated model: a small honest planner. It reads the tools it is offered and the question,
 * calls tools, and writes its answer from their results; it keeps no state between requests, so the
 * same conversation always goes on in the same way. It can be told to misbehave (modes). Read next:
 * model_plan.c (what to ask), model_write.c (what to say), model_modes.c.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "core/arena.h"
#include "core/buf.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_PAUSE_TEXT  "One moment."
#define MODEL_CALLS_MAX   8
#define MODEL_RESULTS_MAX 64
#define MODEL_TEXT_MAX    ((size_t)64 * 1024)

struct anth_request;
struct exchange;

/* ---- modes: how it is told to misbehave ---- */

#define MODEL_MODE_LIST(X)                    \
	X(NONE, "none")                       \
	X(INVENT, "invent")                   \
	X(REFUSE, "refuse")                   \
	X(OVERLOAD, "overload")               \
	X(RATE_LIMIT, "rate_limit")           \
	X(ERROR_IN_STREAM, "error_in_stream") \
	X(BREAK_OFF, "break_off")             \
	X(LOOP, "loop")                       \
	X(MAX_TOKENS, "max_tokens")           \
	X(PAUSE_TURN, "pause_turn")           \
	X(CONTEXT_WINDOW, "context_window")   \
	X(SLOW, "slow")                       \
	X(BAD_JSON_TOOL, "bad_json_tool")     \
	X(UNAUTHORIZED, "unauthorized")
enum model_mode {
#define X(name, word) MODE_##name,
	MODEL_MODE_LIST(X)
#undef X
};

struct mode_rule {
	enum model_mode mode;
	bool persist;        /* invent: again after the correction */
	int64_t retry_after; /* overload, rate_limit: seconds; 0: no header */
	int64_t delay_ms;    /* slow */
	uint64_t serial;     /* grows with each request that a rule took */
};
/* What the honest model would do next, as far as modes care. */
struct model_intent {
	bool answers;   /* no tool call any more */
	bool corrected; /* its draft was sent back */
	bool has_tools; /* some are offered */
	bool streams;
};
struct modes;
struct modes *modes_new(void);
void modes_free(struct modes *m);
/* The first rule that fits what it is about to do, counted down; MODE_NONE without one. */
struct mode_rule modes_take(struct modes *m, const struct model_intent *intent);
/* /control/model: POST {mode, count, persist, retry_after, delay_ms}, GET, DELETE. */
void modes_handle(struct exchange *ex);

/* ---- what it says ---- */

struct model_call {
	const char *id, *name, *input; /* input: JSON, perhaps no object when told to be bad */
};
struct model_reply {
	const char *stop_reason; /* end_turn, tool_use ... */
	const char *text;        /* "" for none */
	struct model_call calls[MODEL_CALLS_MAX];
	size_t n_calls;
};

/* A tool's result in the conversation: which tool was asked what, and its JSON tree. */
struct model_result {
	const char *tool;
	const cJSON *input, *tree;
	bool is_error;
};
struct model_talk {
	struct arena *arena;
	const cJSON *tools;
	const char *question;
	bool corrected; /* the last user text sends the draft back */
	struct model_result results[MODEL_RESULTS_MAX];
	size_t n_results;
	size_t n_turns; /* assistant messages so far */
};

/*
 * Thinks, then misbehaves by the rule of `modes` that fits what it is about to do, which is
 * `ret_mode`. Memory is the arena's; false when it is full.
 */
bool model_think(struct arena *a, const struct anth_request *r, struct modes *modes,
		 struct mode_rule *ret_mode, struct model_reply *ret);

/* model_plan.c: adds the calls that are still needed; false when it can answer. */
bool plan_calls(const struct model_talk *t, struct model_reply *ret);
/* The last good result of the tool whose name holds `word`; NULL. `by` (may be NULL) must be its
 * input's "by". */
const cJSON *talk_result(const struct model_talk *t, const char *word, const char *by);
bool asks_campaigns(const struct model_talk *t);
bool asks_channels(const struct model_talk *t);
bool asks_products(const struct model_talk *t);
bool asks_shop(const struct model_talk *t);
/* model_write.c */
void write_answer(const struct model_talk *t, struct buf *out);
/* Ids of what the campaigns it would recommend earned, in one currency; how many. */
size_t best_revenues(const struct model_talk *t, const char *ids[], size_t max);

#endif
