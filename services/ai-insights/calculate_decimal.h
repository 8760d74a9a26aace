/*
 * Exact decimals: what a figure's text means, added, divided and rounded without a float. Read
 * next: calculate.h (what a model may ask for), trace_value.c (whether a number is a figure's
 * rounding).
 */
#ifndef AI_INSIGHTS_CALCULATE_DECIMAL_H
#define AI_INSIGHTS_CALCULATE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#define FIGURE_DIGITS_MAX 30 /* digits of a decimal, those behind the point included */
#define FIGURE_SCALE_MAX  18 /* digits behind the point */
#define FIGURE_TEXT       48 /* a printed decimal with its NUL */

/* Wider than any amount: 38 digits. */
__extension__ typedef __int128 wide;

/* units / 10^scale. Without trailing zeros behind the point when it comes from figure_read. */
struct figure {
	wide units;
	int scale; /* 0 to FIGURE_SCALE_MAX */
};

/* Reads "-1234.5600"; false for anything else (signs "+", exponents, spaces, too many digits). */
bool figure_read(const char *s, size_t len, struct figure *ret);
/* Prints it with its scale's digits, at least `min_digits` of them behind the point. */
void figure_print(struct figure f, int min_digits, char out[FIGURE_TEXT]);
/* Without trailing zeros behind the point. */
struct figure figure_trim(struct figure f);
/* -1, 0, 1. Figures of up to FIGURE_DIGITS_MAX digits always compare. */
int figure_compare(struct figure a, struct figure b);
/* False when the result does not fit. */
bool figure_add(struct figure a, struct figure b, struct figure *ret);
/* a * 10^power / b, rounded half away from zero to `scale` digits; false when b is 0 or it does not
 * fit. */
bool figure_divide(struct figure a, struct figure b, int power, int scale, struct figure *ret);
/* How figure_round settles what lies exactly between. */
enum figure_half { HALF_UP, HALF_EVEN };
/* f / 10^power in units of 10^-scale; `power` -18 to 18. False when it does not fit. */
bool figure_round(struct figure f, int power, int scale, enum figure_half half, wide *ret);

#endif
