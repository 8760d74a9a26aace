/*
 * The model's side of an answer: turns, tools, drafts, the bill. Read next: ask.h, ask_turns.c.
 */
#ifndef INSIGHTS_ASK_TURNS_H
#define INSIGHTS_ASK_TURNS_H

#include "ask.h"
#include "draft.h"
#include "settle.h"

/* Why the model's answer is not the asker's; the contract's words. */
#define ASK_REASON_LIST(X)                                              \
	X(NONE, "", "")                                                 \
	X(NO_KEY, "no_key", "no model is set up")                       \
	X(UNREACHABLE, "unreachable", "the model cannot be reached")    \
	X(OVERLOADED, "overloaded", "the model has too much to do")     \
	X(BUDGET, "budget", "the budget for the model has no room")     \
	X(REFUSED, "refused", "the model declined to answer")           \
	X(UNFINISHED, "unfinished", "the model did not come to an end") \
	X(REJECTED, "rejected", "the model's provider did not accept the request")
enum ask_reason {
#define X(name, word, text) ASK_##name,
	ASK_REASON_LIST(X)
#undef X
};

struct turns {
	const struct asking *asking;
	struct call call; /* the asker's, with an arena of its own that may fill up */
	struct bill bill;
	struct evidence_list evidence;
	struct draft draft;
	enum ask_reason reason; /* ASK_NONE: `text` is the answer */
	const char *text;
	const char *model; /* that answered */
	int drafts;
};

/*
 * Lets the model answer; memory for it is in t->call.arena. ST_OK with a text or a reason; else the
 * asker left or may ask no more. turns_done frees what is not the arena's.
 */
enum status turns_run(struct turns *t) MUST_USE;
/* What was shown of a draft is taken back: the asker is told why. */
enum status turns_withdraw(struct turns *t, const char *why) MUST_USE;
void turns_done(struct turns *t);

#endif
