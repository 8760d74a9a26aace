/* What ai-insights answers, and what its handlers share. Read next: handlers.c, handlers_ask.c. */
#ifndef INSIGHTS_HANDLERS_H
#define INSIGHTS_HANDLERS_H

#include "contract/ai_insights.h"
#include "store.h"
#include "svc/call.h"

extern const struct ai_insights_handlers insights_handlers;

/* protobuf-c's structs have plain char pointers; nothing is written through them. */
static inline char *text_of(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* The stores' view of a call. */
struct place call_place(const struct call *call);
/* An answer as the contract has it, in the call's arena; NULL when that is full. */
Insights__V1__Answer *make_answer(struct arena *a, const struct answer *from);

enum status handle_ask(struct call *call, const Insights__V1__AskRequest *in,
		       struct call_stream *out) MUST_USE;

#endif
