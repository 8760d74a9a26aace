/*
 * How a question is answered: the model with its tools and its bill, every sentence traced before
 * it is released, and the analyst where no model answers. Read next: ask.c (the turns), draft.h
 * (what may be shown), settle.h (the bill), prompt.h (what the model is told).
 */
#ifndef INSIGHTS_ASK_H
#define INSIGHTS_ASK_H

#include "prompt.h"
#include "service.h"
#include "store.h"

#define ASK_TURNS_MAX 8  /* calls of the model for one question; the last must answer */
#define ASK_TOOLS_MAX 24 /* tools that the model may run for one question */
#define ASK_DRAFTS    2  /* a draft with untraced numbers goes back once */

/*
 * What the asker is told while the answer is made. A sender that fails (the asker left) stops the
 * work: its status comes back from ask_answer.
 */
struct ask_out {
	void *arg;
	enum status (*tool)(void *arg, const char *name, const char *arguments);
	enum status (*text)(void *arg, const char *delta);
	enum status (*restart)(void *arg, const char *reason);
	bool (*left)(void *arg); /* the asker went away */
};

struct asking {
	struct call *call;
	struct insights *app;
	const struct question *question;
	const struct prompt_facts *facts;
	const struct ask_out *out;
};

/*
 * The whole answer in the call's arena, tokens and cost included; its text is what the asker was
 * sent since the last restart. No turn of the model is read on in the last twelfth of the call's
 * time, which the analyst has; steps of the bill that are under way may end a little later. Fails
 * with ST_CANCELLED when the asker left, ST_TIMEOUT, or with what makes even the analyst fail.
 */
enum status ask_answer(const struct asking *a, struct answer *ret) MUST_USE;

#endif
