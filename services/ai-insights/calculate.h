/*
 * Sums, differences, ratios, shares and averages of figures that are there already: exact, and with
 * a figure of its own as the result, whose arguments name what it was made from. Pure: core only.
 * Read next: calculate_decimal.h.
 */
#ifndef AI_INSIGHTS_CALCULATE_H
#define AI_INSIGHTS_CALCULATE_H

#include "evidence.h"

#define CALCULATE_SCALE 6 /* digits of a quotient behind the point, rounded half away from zero */

/* The operations' words, NULL behind the last. */
extern const char *const calculate_ops[];

/*
 * Adds the result to the list; *ret is it (it stays where it is). Units: those of a sum,
 * difference, share or average must be the same; a ratio of the same units is a plain number, of
 * money to a count money, and of two currencies refused. A share is a percentage. ST_INVALID with
 * field "op" or "of" and a reason that a model can read; ST_TOO_LARGE when the list is full or the
 * result does not fit.
 */
enum status calculate(struct evidence_list *ev, unsigned call, const char *op,
		      const char *const *ids, size_t n, const struct evidence **ret,
		      struct error *err) MUST_USE;

#endif
