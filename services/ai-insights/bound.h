/*
 * How many tokens a call of the model can read, so that its reservation is never too low. A token
 * is at least a byte, which says far too much; what the provider has counted already says more. A
 * conversation knows what its last call read (conversation_told), and the process the fewest that
 * any call of its model read: tools and system prompt, the same in every one, cannot be more. Read
 * next: conversation.h, docs/adr/0020-tracing.md.
 *
 * Both rest on this: what was said already is no more tokens when more is said behind it, but for
 * what conversation_tokens_at_most adds. A call that reads more than was reserved refutes it; from
 * then on this process goes by bytes alone.
 */
#ifndef INSIGHTS_BOUND_H
#define INSIGHTS_BOUND_H

#include "conversation.h"

#include <stdatomic.h>
#include <stdint.h>

/* Of a process, whose calls all go to one model with the same tools and system prompt. All 0 is
 * where it begins. Any thread may use it. */
struct bound {
	_Atomic int64_t prefix; /* at most so many; 0: nothing was counted yet, -1: refuted */
};

/* A conversation that has its tools and nothing else yet: tells it what they come to. */
void bound_begin(const struct bound *b, struct conversation *c);
/* The conversation as it is was read as `read` tokens, of the model asked, where `most` had been
 * reserved; the model wrote `written`, which the next call reads. */
void bound_learn(struct bound *b, struct conversation *c, int64_t most, int64_t read,
		 int64_t written);

#endif
