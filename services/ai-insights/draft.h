/*
 * A text on its way to the asker: it is released sentence by sentence, each only after every number
 * of it was traced. At the first number that cannot be, nothing more is released; whoever wrote the
 * text hears of it once, and what is still untraced then is released with marks. Pure: core only.
 * Read next: trace.h (what is traced), ask.c (who writes).
 */
#ifndef INSIGHTS_DRAFT_H
#define INSIGHTS_DRAFT_H

#include "trace.h"

#include "core/buf.h"

#define DRAFT_TEXT_MAX  ((size_t)48 * 1024) /* bytes that are written */
#define DRAFT_FINAL_MAX ((size_t)64 * 1024) /* with marks; the contract's field */
#define DRAFT_PART_MAX  ((size_t)32 * 1024) /* bytes released at once */

/* Takes what is released; its failure ends the draft. */
typedef enum status draft_release_fn(void *arg, const char *text);

struct draft {
	struct arena *arena;
	struct evidence_list *evidence;
	const char *question;
	draft_release_fn *release;
	void *arg;
	bool hold;             /* release nothing before draft_end */
	struct buf text;       /* as written */
	size_t judged;         /* all before was traced, and released unless on hold */
	bool stopped;          /* behind `judged` stands an untraced number */
	bool shown;            /* something was released since the last draft_begin */
	const char **untraced; /* of the final text, in order */
	size_t n_untraced;
};

/* Memory for texts comes from the heap: end with draft_done. */
void draft_init(struct draft *d, struct arena *a, struct evidence_list *evidence,
		const char *question, draft_release_fn *release, void *arg);
void draft_done(struct draft *d);
/* A new text; what was used by the former one is forgotten. */
void draft_begin(struct draft *d, bool hold);
/* More of it. ST_TOO_LARGE when the text is longer than DRAFT_TEXT_MAX; else what release says. */
enum status draft_add(struct draft *d, const char *text, size_t len) MUST_USE;
/* The text is complete: the rest is judged, and released up to the first untraced number. */
enum status draft_end(struct draft *d) MUST_USE;
/* For who wrote it: the untraced numbers of the complete text, a line each; "" when there are none.
 */
enum status draft_complaint(struct draft *d, const char **ret) MUST_USE;
/*
 * The final text, in the arena: what was not released yet is marked and released now; the marked
 * numbers are in `untraced`. ST_TOO_LARGE when it is longer than DRAFT_FINAL_MAX.
 */
enum status draft_finish(struct draft *d, const char **ret) MUST_USE;

#endif
