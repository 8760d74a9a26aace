/*
 * Takes the text of an answer apart: prose, findings, recommendations. The text is prose, then a
 * line `Findings:` with bullets, then a line `Recommendations:` with bullets; markdown around the
 * headings is forgiven. Pure: core only.
 */
#ifndef AI_INSIGHTS_REPORT_H
#define AI_INSIGHTS_REPORT_H

#include "core/arena.h"
#include "core/status.h"

#include <stddef.h>

#define REPORT_ITEMS_MAX     50   /* of each list; what is beyond stays in the text only */
#define REPORT_ITEM_TEXT_MAX 4096 /* bytes; as the contract's fields */

struct report {
	const char *prose; /* what stands before the first heading, white space around it cut */
	char **findings;   /* without bullets; a bullet's further lines joined by spaces */
	size_t n_findings;
	char **recommendations;
	size_t n_recommendations;
};

/* In the arena; the text is well-formed UTF-8. Both lists are empty when there are no headings.
 * ST_TOO_LARGE when the arena is full. */
enum status report_split(struct arena *a, const char *text, struct report *ret) MUST_USE;

#endif
