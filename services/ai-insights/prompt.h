/*
 * What the model is told. The system prompt is the same bytes for every asker and day, so that the
 * provider's cache holds it; what differs (brand, days, the question) is data in the first message.
 */
#ifndef INSIGHTS_PROMPT_H
#define INSIGHTS_PROMPT_H

#include "core/arena.h"

#include <stdint.h>

struct prompt_facts {
	const char *brand, *currency, *zone; /* of the shop; not to be trusted */
	const char *today;                   /* "2026-11-21", in that zone */
	const char *first_day, *last_day;    /* of the data; "" when there are none */
};

/* The system prompt, in the arena; "" when that is full. */
const char *prompt_system(struct arena *a);
/* The first message: the facts and the question as JSON; "" when the arena is full. */
const char *prompt_question(struct arena *a, const struct prompt_facts *facts,
			    const char *question);
/* What is said to a draft with untraced numbers; `complaint` is trace_complaint's. */
const char *prompt_again(struct arena *a, const char *complaint);

#endif
