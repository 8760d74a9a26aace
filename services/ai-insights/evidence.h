/*
 * Evidence: every figure that a tool gave for one answer, with an id ("e12") that the answer names
 * behind the number. What else a tool's result states that an answer may repeat (names of rows,
 * days, windows) is kept beside it. Pure: core only. Read next: tools.h (who adds), trace.h (who
 * looks up).
 */
#ifndef AI_INSIGHTS_EVIDENCE_H
#define AI_INSIGHTS_EVIDENCE_H

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVIDENCE_MAX           4096  /* figures of one answer */
#define EVIDENCE_ID_TEXT       8     /* "e4096" with its NUL, and room */
#define EVIDENCE_ARGUMENTS_MAX 16384 /* bytes; as the contract's field */
#define EVIDENCE_METRIC_MAX    1000
#define EVIDENCE_VALUE_MAX     40 /* bytes of a value: a sign, 38 digits and a point */
#define EVIDENCE_UNIT_MAX      32
#define EVIDENCE_NAME_MAX      200  /* bytes of a row's name */
#define EVIDENCE_FACTS_MAX     4096 /* names, days, windows */
#define EVIDENCE_INPUTS_MAX    64   /* figures that one calculation takes */

#define EVIDENCE_UNIT_PERCENT "percent"

/* What evidence_add is told. Texts are copied. */
struct evidence_new {
	const char *tool;      /* "get_summary" */
	const char *arguments; /* JSON, with the defaults filled in; never brand or tenant */
	const char *metric;    /* "rows[campaign=Brand Search, platform=google].revenue" */
	const char *value;     /* exact decimal: "-1234.5678"; no exponent */
	const char *unit;      /* ISO 4217, "orders", "percent", "days" ...; "" or NULL: plain */
	/* Where it stands in the result; "" or NULL when nowhere. */
	const char *key;   /* "revenue" */
	const char *name;  /* of its row: campaign, channel, platform, product; tidied */
	const char *group; /* what the name is: "campaign", "channel", "platform", "product" */
	unsigned call;     /* evidence_begin's number */
	int row;           /* in the result's rows, from 0; -1: not in a row */
	bool is_count;     /* a number of things: orders of a row are not, rows of a table are */
	const uint16_t *inputs; /* of a calculation: indexes into items */
	size_t n_inputs;
};

struct evidence {
	char id[EVIDENCE_ID_TEXT];
	const char *tool, *arguments, *metric, *value, *unit; /* never NULL */
	const char *key, *name, *group;                       /* never NULL */
	unsigned call;
	int row;
	bool is_count;
	bool used; /* a number of the answer is traced to it, or it went into such a one */
	const uint16_t *inputs;
	size_t n_inputs;
};

enum evidence_fact {
	EVIDENCE_NAME,   /* of a row, whole: a number inside it is part of the name */
	EVIDENCE_DAY,    /* "2011-03-01", from arguments or results */
	EVIDENCE_TIME,   /* "2011-03-01T09:30:00Z" */
	EVIDENCE_WINDOW, /* "28d" */
};
struct evidence_known {
	enum evidence_fact fact;
	const char *text;
};

struct evidence_list {
	struct arena *arena;    /* owns every text */
	struct evidence *items; /* room for EVIDENCE_MAX: a figure never moves */
	size_t n;
	struct evidence_known *known;
	size_t n_known, cap_known;
	unsigned calls; /* evidence_begin's last number */
};

/* An empty list whose memory is the arena's; it lives as long as that. */
void evidence_init(struct evidence_list *list, struct arena *arena);
/* The number of the next query, from 1: the figures of one result carry the same. */
unsigned evidence_begin(struct evidence_list *list);
/*
 * Adds a figure; *ret is its id, valid as long as the arena. A figure that is there already (same
 * tool, arguments, metric, value, unit) keeps its id and moves to the new call, so that a model
 * that asks twice gets the same ids. ST_INVALID for a value that is no decimal or inputs that are
 * not in the list; ST_TOO_LARGE when the list or the arena is full or a text is too long.
 */
enum status evidence_add(struct evidence_list *list, const struct evidence_new *figure,
			 const char **ret) MUST_USE;
/* The figure with that id ("e12"); NULL when there is none. */
struct evidence *evidence_find(const struct evidence_list *list, const char *id, size_t len);
/* The figure of a query's row and key; NULL when there is none. row -1: outside the rows. */
const struct evidence *evidence_at(const struct evidence_list *list, unsigned call, int row,
				   const char *key);
/* Marks a figure and all it was calculated from as used; evidence_forget_uses begins anew (the
 * streamed text was withdrawn). evidence_used is the number of those marked. */
void evidence_use(struct evidence_list *list, struct evidence *e);
void evidence_forget_uses(struct evidence_list *list);
size_t evidence_used(const struct evidence_list *list);

/* Remembers a name, day or window (once). ST_TOO_LARGE when full; "" is not kept. */
enum status evidence_know(struct evidence_list *list, enum evidence_fact fact,
			  const char *text) MUST_USE;
bool evidence_knows(const struct evidence_list *list, enum evidence_fact fact, const char *text);

#endif
