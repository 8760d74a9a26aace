/* Between the files of the analyst: one answer at work, and how figures are written. Read next:
 * analyst.c. */
#ifndef AI_INSIGHTS_ANALYST_PRIV_H
#define AI_INSIGHTS_ANALYST_PRIV_H

#include "analyst.h"
#include "calculate_decimal.h"

#include "core/buf.h"

#define ANALYST_ROWS_MAX  64 /* rows of a report that are looked at; tools show fewer */
#define ANALYST_LINES_MAX 10 /* rows that get a line of their own */

struct analyst {
	struct arena *a;
	struct evidence_list *ev;
	const char *question;
	analyst_run_fn *run;
	void *arg;
	enum status ended; /* a failure after which there is no answer */
	/* What the question narrows down; "" when it does not. */
	char from[16], to[16], window[8];
	const char *model; /* "last_touch" or "linear" */
	struct buf prose, findings, recommendations;
};

/* A row of a report by its figures; each NULL when it has none. */
struct analyst_row {
	const struct evidence *orders, *revenue, *spend, *roas;
	const char *name, *group;
	int number;
};

/* ---- analyst_write.c ---- */

/* Runs a tool; false when it failed (the answer says so), or when the answer has ended. */
bool analyst_query(struct analyst *an, const char *tool, const char *input, unsigned *call);
/* A calculation with up to EVIDENCE_INPUTS_MAX figures; NULL when it cannot be made. */
const struct evidence *analyst_calculate(struct analyst *an, const char *op,
					 const struct evidence *const *of, size_t n);
/* "from":...,"to":... as JSON members; "" without days. */
const char *analyst_period_input(struct analyst *an);
const struct evidence *analyst_figure(const struct analyst *an, unsigned call, int row,
				      const char *key);
/* All figures of a row whose key is `key` or "key[currency=...]", as "1.00 GBP [e1] and 2.00 USD
 * [e2]";
 * "" when there is none. */
const char *analyst_amounts(const struct analyst *an, unsigned call, int row, const char *key);
size_t analyst_rows(const struct analyst *an, unsigned call, struct analyst_row *rows, size_t max);
int analyst_compare(const struct evidence *a, const struct evidence *b);
bool analyst_is_zero(const struct evidence *e);
/* "1,234.56 GBP [e1]", "12.5% [e2]", "12 orders [e3]". */
const char *analyst_cite(const struct analyst *an, const struct evidence *e);
/* "5.20x [e4]" */
const char *analyst_times(const struct analyst *an, const struct evidence *e);
/* A name in quotes; a channel's in words. */
const char *analyst_name(const struct analyst *an, const struct analyst_row *row);
/* "from 2011-01-01 to 2011-03-01", or "over all days there are". */
const char *analyst_period(const struct analyst *an);
/*
 * The summary (*summary 0: it cannot be had) and the report by "campaign" or "channel" of the days,
 * model and window asked for. False when there is no report.
 */
bool analyst_attribution(struct analyst *an, const char *by, unsigned *summary, unsigned *call);
/* The sentences that say what such a report shows. */
void analyst_say_attribution(struct analyst *an, const char *by);
/* The sentence that says how fresh the data is. */
void analyst_say_freshness(struct analyst *an);

/* ---- the answers ---- */
void analyst_campaigns(struct analyst *an);
void analyst_channels(struct analyst *an);
void analyst_summary(struct analyst *an);
void analyst_overview(struct analyst *an);
void analyst_products(struct analyst *an);
void analyst_orders(struct analyst *an);

#endif
