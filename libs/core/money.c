/*
 * Money and decimals in whole numbers. Products are taken in 128 bits, so that only results can
 * overflow, and those are checked. Read next: test/run_money.c, which states the rules as
 * properties.
 */
#include "core/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCALE_MAX    9
#define MICROS_SCALE 6
#define MINOR_USUAL  2
#define SHARES_MAX   100000
/* Splits of an order among its touches are this small; they need no heap. */
#define SHARES_ON_STACK 64

__extension__ typedef __int128 wide;

/*
 * ISO 4217 list one with the digits of the minor unit behind each code, sorted. ANG, BGN, HRK and
 * SLL left the list from 2023 to 2026; they stay because orders placed before then carry them.
 */
static const char currencies[][5] = {
	"AED2", "AFN2", "ALL2", "AMD2", "ANG2", "AOA2", "ARS2", "AUD2", "AWG2", "AZN2", "BAM2",
	"BBD2", "BDT2", "BGN2", "BHD3", "BIF0", "BMD2", "BND2", "BOB2", "BOV2", "BRL2", "BSD2",
	"BTN2", "BWP2", "BYN2", "BZD2", "CAD2", "CDF2", "CHE2", "CHF2", "CHW2", "CLF4", "CLP0",
	"CNY2", "COP2", "COU2", "CRC2", "CUP2", "CVE2", "CZK2", "DJF0", "DKK2", "DOP2", "DZD2",
	"EGP2", "ERN2", "ETB2", "EUR2", "FJD2", "FKP2", "GBP2", "GEL2", "GHS2", "GIP2", "GMD2",
	"GNF0", "GTQ2", "GYD2", "HKD2", "HNL2", "HRK2", "HTG2", "HUF2", "IDR2", "ILS2", "INR2",
	"IQD3", "IRR2", "ISK0", "JMD2", "JOD3", "JPY0", "KES2", "KGS2", "KHR2", "KMF0", "KPW2",
	"KRW0", "KWD3", "KYD2", "KZT2", "LAK2", "LBP2", "LKR2", "LRD2", "LSL2", "LYD3", "MAD2",
	"MDL2", "MGA2", "MKD2", "MMK2", "MNT2", "MOP2", "MRU2", "MUR2", "MVR2", "MWK2", "MXN2",
	"MXV2", "MYR2", "MZN2", "NAD2", "NGN2", "NIO2", "NOK2", "NPR2", "NZD2", "OMR3", "PAB2",
	"PEN2", "PGK2", "PHP2", "PKR2", "PLN2", "PYG0", "QAR2", "RON2", "RSD2", "RUB2", "RWF0",
	"SAR2", "SBD2", "SCR2", "SDG2", "SEK2", "SGD2", "SHP2", "SLE2", "SLL2", "SOS2", "SRD2",
	"SSP2", "STN2", "SVC2", "SYP2", "SZL2", "THB2", "TJS2", "TMT2", "TND3", "TOP2", "TRY2",
	"TTD2", "TWD2", "TZS2", "UAH2", "UGX0", "USD2", "USN2", "UYI0", "UYU2", "UYW4", "UZS2",
	"VED2", "VES2", "VND0", "VUV0", "WST2", "XAD2", "XAF0", "XAG2", "XAU2", "XBA2", "XBB2",
	"XBC2", "XBD2", "XCD2", "XCG2", "XDR2", "XOF0", "XPD2", "XPF0", "XPT2", "XSU2", "XUA2",
	"YER2", "ZAR2", "ZMW2", "ZWG2",
};

static const int64_t powers[] = { 1,      10,      100,      1000,      10000,
				  100000, 1000000, 10000000, 100000000, 1000000000 };

static int compare_code(const void *code, const void *row)
{
	return memcmp(code, row, CURRENCY_TEXT - 1);
}

static const char *currency_find(const char *currency)
{
	if (currency == NULL || strnlen(currency, CURRENCY_TEXT) != CURRENCY_TEXT - 1)
		return NULL;
	return bsearch(currency, currencies, sizeof(currencies) / sizeof(currencies[0]),
		       sizeof(currencies[0]), compare_code);
}

int currency_minor_digits(const char *currency)
{
	const char *row = currency_find(currency);

	return row != NULL ? row[CURRENCY_TEXT - 1] - '0' : MINOR_USUAL;
}

bool currency_known(const char *currency)
{
	return currency_find(currency) != NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Sums below zero, where there is room for one more than above. */
static bool push_digit(int64_t *value, int digit)
{
	return !__builtin_mul_overflow(*value, 10, value) &&
	       !__builtin_sub_overflow(*value, digit, value);
}

bool decimal_parse(const char *s, int scale, int64_t *ret)
{
	int64_t value = 0;
	bool negative;
	int n = 0;

	if (s == NULL || scale < 0 || scale > SCALE_MAX)
		return false;
	negative = *s == '-';
	s += negative;
	if (!is_digit(*s))
		return false;
	for (; is_digit(*s); s++) {
		if (!push_digit(&value, *s - '0'))
			return false;
	}
	if (*s == '.' && !is_digit(*++s))
		return false;
	for (; is_digit(*s); s++) {
		if (n == scale && *s != '0')
			return false;
		if (n < scale && !push_digit(&value, *s - '0'))
			return false;
		n += n < scale;
	}
	for (; n < scale; n++) {
		if (!push_digit(&value, 0))
			return false;
	}
	if (*s != '\0' || (!negative && __builtin_sub_overflow(0, value, &value)))
		return false;
	*ret = value;
	return true;
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void decimal_format(int64_t units, int scale, char *out)
{
	uint64_t whole = magnitude(units);
	const char *sign = units < 0 ? "-" : "";
	uint64_t power;

	scale = scale < 0 ? 0 : scale > SCALE_MAX ? SCALE_MAX : scale;
	power = (uint64_t)powers[scale];
	if (scale == 0)
		snprintf(out, DECIMAL_TEXT, "%s%" PRIu64, sign, whole);
	else
		snprintf(out, DECIMAL_TEXT, "%s%" PRIu64 ".%0*u", sign, whole / power, scale,
			 (unsigned)(whole % power));
}

void money_format(int64_t micros, const char *currency, char *out)
{
	int digits = currency_minor_digits(currency);

	while (digits < MICROS_SCALE && micros % powers[MICROS_SCALE - digits] != 0)
		digits++;
	decimal_format(micros / powers[MICROS_SCALE - digits], digits, out);
}

bool micros_add(int64_t a, int64_t b, int64_t *ret)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*ret = sum;
	return true;
}

bool micros_sub(int64_t a, int64_t b, int64_t *ret)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return false;
	*ret = difference;
	return true;
}

static bool narrow(wide value, int64_t *ret)
{
	if (value < INT64_MIN || value > INT64_MAX)
		return false;
	*ret = (int64_t)value;
	return true;
}

/* a / b, rounded half away from zero; b is not 0. */
static wide divide_round(wide a, wide b)
{
	wide away = (a < 0) != (b < 0) ? -1 : 1;
	wide quotient = a / b;
	wide rest = a % b;

	if (rest < 0)
		rest = -rest;
	if (b < 0)
		b = -b;
	return rest >= b - rest ? quotient + away : quotient;
}

static wide minor_unit(const char *currency)
{
	return powers[MICROS_SCALE - currency_minor_digits(currency)];
}

int64_t micros_round_minor(int64_t micros, const char *currency)
{
	wide unit = minor_unit(currency);
	int64_t rounded;

	if (!narrow(divide_round(micros, unit) * unit, &rounded))
		rounded = micros - micros % (int64_t)unit;
	return rounded;
}

bool line_total(int64_t quantity, int64_t unit_price_micros, int64_t discount_micros,
		const char *currency, int64_t *ret_micros)
{
	wide total = (wide)quantity * unit_price_micros - discount_micros;
	wide unit = minor_unit(currency);

	return narrow(divide_round(total, unit) * unit, ret_micros);
}

bool ratio_units(int64_t a, int64_t b, int scale, int64_t *ret)
{
	if (b == 0 || scale < 0 || scale > SCALE_MAX)
		return false;
	return narrow(divide_round((wide)a * powers[scale], b), ret);
}

/* What a share got by rounding down, and what that left over. */
struct share {
	wide rest;
	uint64_t part;
	size_t index;
};

/* Largest remainder first, ties to the lower index. */
static int compare_rest(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest < y->rest ? 1 : -1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* The sum of the weights; 0 when one is negative. 100,000 of them fit easily. */
static wide sum_weights(const int64_t *weights, size_t n)
{
	wide sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (weights[i] < 0)
			return 0;
		sum += weights[i];
	}
	return sum;
}

static void split(int64_t total, const int64_t *weights, size_t n, wide sum, struct share *shares,
		  int64_t *ret_shares)
{
	uint64_t whole = magnitude(total), left = whole;

	for (size_t i = 0; i < n; i++) {
		wide product = (wide)whole * weights[i];

		shares[i] = (struct share){ product % sum, (uint64_t)(product / sum), i };
		left -= shares[i].part;
	}
	/* Fewer than n units are left, and each goes to a share with a remainder. */
	qsort(shares, n, sizeof(*shares), compare_rest);
	for (size_t i = 0; i < n; i++) {
		uint64_t part = shares[i].part + (i < left);

		ret_shares[shares[i].index] = (int64_t)(total < 0 ? 0 - part : part);
	}
}

enum status share_split(int64_t total, const int64_t *weights, size_t n, int64_t *ret_shares)
{
	struct share few[SHARES_ON_STACK];
	struct share *shares = few;
	wide sum;

	if (n > SHARES_MAX)
		return ST_TOO_LARGE;
	sum = sum_weights(weights, n);
	if (sum == 0)
		return ST_INVALID;
	if (n > SHARES_ON_STACK) {
		shares = malloc(n * sizeof(*shares));
		if (shares == NULL)
			return ST_UNAVAILABLE;
	}
	split(total, weights, n, sum, shares, ret_shares);
	if (shares != few)
		free(shares);
	return ST_OK;
}
