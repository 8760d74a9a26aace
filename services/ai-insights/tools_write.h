/*
 * Writes a tool's result: JSON in which each figure is added to the evidence as it is written.
 * Texts of shops and ad platforms are tidied first. Pure: core only.
 */
#ifndef AI_INSIGHTS_TOOLS_WRITE_H
#define AI_INSIGHTS_TOOLS_WRITE_H

#include "tools.h"

#include "core/buf.h"

/* The row that is being written. */
struct tool_row {
	int number;         /* -1: none */
	const char *metric; /* "rows[campaign=Brand Search, platform=google]" */
	const char *name;   /* tidied; "" none */
	const char *group;
};
struct tool_writer {
	struct buf out;
	struct evidence_list *ev;
	const char *tool, *arguments;
	unsigned call;
	struct tool_row row;
	enum status status; /* of the first figure that did not fit */
};

void tool_write_begin(struct tool_writer *w, struct evidence_list *ev, const char *tool,
		      const char *arguments);
void tool_write_done(struct tool_writer *w);

/* Members of the object that is being written; each writes its own comma. `key` NULL: in an array.
 */
void tool_write_key(struct tool_writer *w, const char *key);
void tool_write_text(struct tool_writer *w, const char *key, const char *text);
void tool_write_flag(struct tool_writer *w, const char *key, bool value);
/* Numbers of things; `unit` says which. */
void tool_write_count(struct tool_writer *w, const char *key, int64_t n, const char *unit);
/* Any figure. `metric`: what it is called in its row, where that is not its key; NULL: it is. */
void tool_write_figure(struct tool_writer *w, const char *key, const char *metric,
		       const char *value, const char *unit);
void tool_write_decimal(struct tool_writer *w, const char *key, int64_t units, int scale,
			const char *unit);
void tool_write_money(struct tool_writer *w, const char *key, const char *metric, int64_t micros,
		      const char *currency);
void tool_write_null(struct tool_writer *w, const char *key);
void tool_write_open(struct tool_writer *w, const char *key, char bracket);
void tool_write_close(struct tool_writer *w, char bracket);
/* A row of rows[] begins and ends; the name is remembered for the trace. */
void tool_write_row(struct tool_writer *w, int number, const char *metric, const char *name,
		    const char *group);
void tool_write_row_end(struct tool_writer *w);
/* Remembers a day, time or window that an answer may repeat. */
void tool_write_know(struct tool_writer *w, enum evidence_fact fact, const char *text);

/*
 * Text from outside as it may stand in a result, in the arena: well-formed, without control and
 * invisible characters, on one line, at most TOOL_TEXT_MAX bytes; double quotes become single ones,
 * so that it can be quoted, and "[e12]" becomes "(e12)", so that no shop can cite our figures.
 */
char *tool_tidy(struct arena *a, const char *text);

#endif
