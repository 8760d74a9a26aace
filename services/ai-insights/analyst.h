/*
 * The analyst: answers without a model, from the same tools, in the same form. It decides by the
 * words of the question which report is asked for, makes the queries, and writes what they say,
 * each number with its marker. Pure: what runs a tool is given to it. Read next: analyst.c,
 * trace.h.
 */
#ifndef AI_INSIGHTS_ANALYST_H
#define AI_INSIGHTS_ANALYST_H

#include "evidence.h"

#define ANALYST_TEXT_MAX 16384 /* bytes of an answer */

/*
 * Runs a tool and adds its figures to the list that the analyst was given: a wrapper of tool_run
 * that may tell the asker first. *ret_call is tool_result.call. A failure ends the answer; a result
 * with is_error is returned as its status.
 */
typedef enum status analyst_run_fn(void *arg, const char *tool, const char *input,
				   unsigned *ret_call);

/*
 * The answer to a question, markers included, in the arena; every number in it can be traced to
 * `ev`. When a tool fails the answer says what could not be read, unless the failure is one of
 * those that end the whole call (ST_CANCELLED, ST_TIMEOUT, ST_UNAUTHENTICATED, ST_DENIED), which is
 * returned. ST_TOO_LARGE when the arena is full.
 */
enum status analyst_answer(struct arena *a, struct evidence_list *ev, const char *question,
			   analyst_run_fn *run, void *arg, const char **ret) MUST_USE;

#endif
