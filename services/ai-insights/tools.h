/*
 * The typed queries that a model may make, and the one that does sums. A tool's input is checked
 * against the contract like any request; the brand is the call's and the tenant is in the asker's
 * token, so neither can be said. Read next: handlers_tools.c, evidence.h.
 *
 * A result is compact JSON. Every figure in it is {"id":"e12","value":"1234.56","unit":"GBP"} (unit
 * left out when it is a plain number); all else is text:
 *   get_summary {"tool","period":{"from","to"},"period_days":F,"orders":F,"gross":F,"refunds":F,
 *                    "net":F,"ad_spend":[F],"roas":F,"by_currency":[{"currency","orders":F,"gross":F,
 *                    "refunds":F,"net":F}],"spend_by_platform":[{"platform","spend":F}],
 *                    "freshness":[{"source","data_through","syncing"}],"notes":[text]}
 *   get_attribution {"tool","by","model","measure","window","window_days":F,"period":{"from","to"},
 *                    "rows_total":F,"rows_shown":F,"campaigns_total":F,"rows":[{"channel","platform",
 *                    "campaign","orders":F,"revenue":F,"spend":F,"roas":F,"revenue_by_currency":[F],
 *                    "spend_by_currency":[F]}],"freshness":[...],"notes":[text]}
 *   list_products {"tool","order","rows_total":F,"rows_shown":F,"out_of_stock":F,"rows":[{"title",
 *                    "sku","product_type","price":F,"unit_cost":F,"stock":F}],"notes":[text]}
 *   list_orders      {"tool","rows_shown":F,"rows":[{"name","day","status","counts","gross":F,
 *                    "refunds":F,"net":F}],"notes":[text]}
 *   calculate        {"tool","op","of":["e1","e2"],"result":F}
 * A member without a value (no spend, several currencies) is null, a list may be empty;
 * revenue_by_currency and spend_by_currency stand only where the amount is null. An error is
 * {"error":{"field","message"}} with is_error set.
 */
#ifndef AI_INSIGHTS_TOOLS_H
#define AI_INSIGHTS_TOOLS_H

#include "evidence.h"

struct call;

#define TOOL_INPUT_MAX    16384        /* bytes of a tool's input */
#define TOOL_RESULT_MAX   (128 * 1024) /* bytes of a result */
#define TOOL_ROWS_MAX     50           /* rows of a report that are shown */
#define TOOL_LIST_MAX     100          /* rows of a list that are shown */
#define TOOL_LIST_DEFAULT 20
#define TOOL_PAGES_MAX    40                 /* pages of 200 that one list_products reads */
#define TOOL_TEXT_MAX     200                /* bytes of a text of a shop or an ad platform */
#define TOOL_SCRATCH_MAX  (32 * 1024 * 1024) /* bytes of memory that one query may take */

struct tool {
	const char *name;
	const char *description;  /* when to use it, and what its figures mean */
	const char *input_schema; /* JSON Schema, one object, additionalProperties false */
};

/*
 * All tools, sorted by name, the same bytes for every asker and day: they are the head of the
 * model's cached prompt. In the arena. ST_TOO_LARGE when it is full.
 */
enum status tools_list(struct arena *a, const struct tool **ret, size_t *ret_n) MUST_USE;

struct tool_result {
	const char *json; /* for the model; in the arena of `ev` */
	size_t len;
	bool is_error;      /* the input was refused or the query failed: json says why */
	enum status status; /* of the query: ST_OK when !is_error */
	unsigned call;      /* evidence_begin's number of this query */
};

/*
 * Runs one tool with the asker's token and adds its figures to `ev` (whose arena should be
 * call->arena). What a model can mend or must be told is a result with is_error; a failure is
 * returned only when there is no use in going on: ST_CANCELLED, ST_TIMEOUT, ST_UNAUTHENTICATED,
 * ST_DENIED, ST_TOO_LARGE (the arena is full), ST_UNAVAILABLE (there is no memory). call->err is
 * filled then, and only then.
 */
enum status tool_run(struct call *call, const char *brand_id, struct evidence_list *ev,
		     const char *name, const char *input, size_t input_len,
		     struct tool_result *ret) MUST_USE;

#endif
