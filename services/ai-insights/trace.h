/*
 * Says of each number in an answer where it comes from: which figure of which query, or why it may
 * stand without one (a day of the period, how many were asked for, a name). What nothing vouches
 * for is untraced. Pure: core only. Read next: numbers.h (what counts as a number), evidence.h.
 *
 * The rules, in this order:
 *  1. A marker `[e12]` behind a number (units and words between, no other number, no end of
 *     sentence): the number must be the value of e12, rounded (half up or half even) to the digits
 *     written, its unit must not contradict, and the sentence must not name another row instead.
 *  2. Part of a row's name that stands whole in the text and in quotes; an order's "#536365"; a
 *     list's "1." at the start of a line; "one" and "first" that count nothing; a day, month, year
 *     or window of the arguments and results where the sentence says one ("in 2011", "the last 28
 *     days"; not "2011 baskets", "28 days of stock"); how many the question wants to see ("top
 *     10").
 *  3. Without a marker: exactly the value of some figure, with three significant digits or with its
 *     currency or percent sign; or its rounding with both.
 *  4. A whole number up to 99 that is the value of a count ("rows_total"), with the noun of what
 *     was counted behind it ("3 campaigns", "the 3 best campaigns", "3 of 12 campaigns") or
 *     said of all ("all 3 of them"); a place within a count ("3rd").
 * Everything else is untraced, markers of unknown figures too.
 */
#ifndef AI_INSIGHTS_TRACE_H
#define AI_INSIGHTS_TRACE_H

#include "evidence.h"

#define TRACE_NUMBERS_MAX 8192 /* numbers of one text */
#define TRACE_MARK        " [untraced]"

enum trace_reason {
	TRACE_EVIDENCE,  /* traced: the figure its marker names */
	TRACE_VALUE,     /* traced: a figure has that value */
	TRACE_COUNT,     /* traced: a count has that value */
	TRACE_NAME,      /* traced: part of a row's name */
	TRACE_LIST,      /* traced: numbers a line of a list */
	TRACE_IDIOM,     /* traced: no quantity: "one of them", "at first" */
	TRACE_PERIOD,    /* traced: a day, month, year or window of the queries */
	TRACE_QUESTION,  /* traced: how many the question wants to see ("top 10") */
	TRACE_NOT_FOUND, /* untraced from here: nothing has that value */
	TRACE_WRONG,     /* the marker's figure has another value */
	TRACE_UNIT,      /* the marker's figure has another unit */
	TRACE_OTHER_ROW, /* the marker's figure belongs to a row that the sentence does not name */
	TRACE_NO_SUCH,   /* the marker names no figure */
	TRACE_ODD,       /* written in a form that is not read: "1.234,56", full-width digits */
};

struct trace_item {
	size_t offset, len; /* of the number in the text, its marker left out */
	bool traced;
	enum trace_reason reason;
	struct evidence *evidence; /* NULL when none */
};
struct trace {
	struct trace_item *items; /* in the order of the text; markers of known figures left out */
	size_t n, n_untraced;
};

/*
 * Judges the numbers that begin in text[from, to); what stands before is context (names, lists), so
 * a streamed answer is judged sentence by sentence with the whole text so far, `to` being the end
 * that trace_sentence gave. Both texts are NUL-terminated; `question` may be "". The items point
 * into `ev`, until that grows. In the arena. ST_TOO_LARGE when it is full or there are more
 * than TRACE_NUMBERS_MAX.
 */
enum status trace_text(struct arena *a, const struct evidence_list *ev, const char *question,
		       const char *text, size_t from, size_t to, struct trace *ret) MUST_USE;
/* Marks the figures that the trace found as used. */
void trace_use(struct evidence_list *ev, const struct trace *t);
/* "not found", "the figure is another" ... for the model that has to write it again; never NULL. */
const char *trace_reason_text(enum trace_reason reason);
/*
 * What went wrong, for the model: a line for each untraced number, with its words and its reason,
 * 20 at most; "" when all are traced. In the arena.
 */
const char *trace_complaint(struct arena *a, const struct trace *t, const char *text);
/* text[from, to) with TRACE_MARK behind each untraced number (and its marker); in the arena. `t` is
 * trace_text's of the same range. */
const char *trace_mark(struct arena *a, const struct trace *t, const char *text, size_t from,
		       size_t to);
/* The same for one item: the number as written, clipped to 100 bytes; for Answer.untraced. */
const char *trace_words(struct arena *a, const struct trace_item *item, const char *text);

/*
 * The end (exclusive) of the first complete sentence or line of text[from, len), or `from` when
 * there is none yet. A sentence is complete when what follows shows it: its markers, closing quotes
 * and white space belong to it, and a number cut in half by the end of the text is never in it.
 * With `final` the text is all there is, and its end is an end.
 */
size_t trace_sentence(const char *text, size_t len, size_t from, bool final);

/* How to write numbers so that they can be traced: a paragraph for the model's system prompt; the
 * same bytes always. */
extern const char trace_rules[];

#endif
