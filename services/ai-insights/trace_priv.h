/* Between the files that trace numbers. Read next: trace.h (the rules). */
#ifndef AI_INSIGHTS_TRACE_PRIV_H
#define AI_INSIGHTS_TRACE_PRIV_H

#include "numbers.h"
#include "trace.h"

/* A part of the text: [from, to). */
struct span {
	size_t from, to;
};

/* Whether a figure can be what a number says. */
enum fit {
	FIT_NO,      /* another value */
	FIT_UNIT,    /* the value, but of another unit */
	FIT_ROUNDED, /* the value's rounding to the digits written */
	FIT_EXACT,
};
struct fitness {
	enum fit fit;
	bool agrees; /* currency or percent are said, and are the figure's */
};
/* `falling`: the text says that something went down, so a minus may be missing. */
struct fitness trace_fit(const struct number *n, const struct evidence *e, bool falling);
/* What a noun counts ("campaigns", in small letters): the same for words that mean the same things;
 * 0 when it is not known. */
int trace_noun_kind(const char *noun);

/* ---- trace_names.c: rows that a sentence names ---- */

#define SENTENCE_NAMES_MAX 64
struct names {
	struct span at[SENTENCE_NAMES_MAX];
	const char *text[SENTENCE_NAMES_MAX]; /* as known */
	bool exact[SENTENCE_NAMES_MAX];       /* written in the same letters */
	size_t n;
};
void trace_find_names(const struct evidence_list *ev, const char *text, struct span s,
		      struct names *ret);
/* True when the number lies inside a name that vouches for it. */
bool trace_inside_name(const struct names *names, const char *text, const struct number *n);
/* True when the sentence names rows, and not this figure's. */
bool trace_other_row(const struct names *names, const struct evidence *e);

/* ---- trace_context.c: what needs no figure ---- */

/* A list's number at the start of its line. */
bool trace_is_list(const char *text, size_t len, const struct number *n);
/* A day, month, year, time or window of the queries, where the sentence says one: "in 2011", "the
 * last 28 days"; not "2011 baskets", "28 days of stock". */
bool trace_is_period(const struct evidence_list *ev, const char *text, struct span sentence,
		     const struct number *n);
/* "one" as a pronoun, "at first": no quantity. */
bool trace_is_idiom(const char *text, struct span sentence, const struct number *n);
/* True when the sentence has a word of loss or fall. */
bool trace_is_falling(const char *text, struct span sentence);
/* "top 10", "last 30 days": how many the asker wants to see, no figure of the business. Any other
 * number of the question is the asker's own word for it, and no proof. */
bool trace_is_wanted(const char *question, const char *text, struct span sentence,
		     const struct number *n);

/* True when a number counts things of that unit ("campaigns"): their noun is behind it ("the 3 best
 * campaigns", "3 of the 12 campaigns"), or it is said to be all ("all 3 of them"). */
bool trace_counts(const char *text, struct span sentence, const struct number *n, const char *unit);

#endif
