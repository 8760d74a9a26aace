/*
 * Money is an integer number of micros (millionths of a currency's unit) and a currency. Never a
 * float. Members are private to money.c: use the functions (tools/check-source looks).
 */
#ifndef CORE_MONEY_H
#define CORE_MONEY_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MICROS_PER_UNIT INT64_C(1000000)
#define CURRENCY_TEXT   4
#define DECIMAL_TEXT    40

/* Digits after the point of the currency's minor unit by ISO 4217 (JPY 0, GBP 2, KWD 3, CLF 4); 2
 * when unknown. */
int currency_minor_digits(const char *currency);
/* True for a code in the ISO 4217 list. */
bool currency_known(const char *currency);

/*
 * Parses a decimal ("-12.345", "0.28175", no exponent, no sign "+") into units of 10^-scale, scale
 * 0-9. More fraction digits than `scale` are refused unless they are zeros; overflow is refused.
 */
bool decimal_parse(const char *s, int scale, int64_t *ret);
/* Prints units of 10^-scale with exactly `scale` digits. `out` holds DECIMAL_TEXT. */
void decimal_format(int64_t units, int scale, char *out);
/* Prints micros with the currency's minor digits, and more (up to 6) only where they are not zero.
 */
void money_format(int64_t micros, const char *currency, char *out);

/* Checked arithmetic: false on overflow, `ret` then unchanged. */
bool micros_add(int64_t a, int64_t b, int64_t *ret) MUST_USE;
bool micros_sub(int64_t a, int64_t b, int64_t *ret) MUST_USE;

/* Rounds micros half up (away from zero) to the currency's minor unit; toward zero where int64
 * would overflow. */
int64_t micros_round_minor(int64_t micros, const char *currency);
/*
 * A line's total: quantity x unit_price - discount, rounded half up to the minor unit of the
 * currency. False on overflow.
 */
bool line_total(int64_t quantity, int64_t unit_price_micros, int64_t discount_micros,
		const char *currency, int64_t *ret_micros) MUST_USE;
/*
 * Splits `total` into n shares by integer weights (sum > 0, each >= 0) so that they add up to it
 * exactly: largest remainder, ties to the lower index (Hamilton's method). Works for negative
 * totals. ST_INVALID for bad weights, ST_TOO_LARGE for n > 100,000. `ret_shares` may not overlap
 * `weights`.
 */
enum status share_split(int64_t total, const int64_t *weights, size_t n,
			int64_t *ret_shares) MUST_USE;
/* a / b as units of 10^-scale, rounded half away from zero; false when b is 0 or the result
 * overflows. */
bool ratio_units(int64_t a, int64_t b, int scale, int64_t *ret) MUST_USE;

#endif
