/* Exact decimals on 128 bits, every step checked for overflow. */
#include "calculate_decimal.h"

#include <stdio.h>
#include <string.h>

/* Multiplies by 10^power; false on overflow. */
static bool shift_up(wide v, int power, wide *ret)
{
	for (; power > 0; power--)
		if (__builtin_mul_overflow(v, (wide)10, &v))
			return false;
	*ret = v;
	return true;
}

/* num / den, rounded; den is positive. */
static wide divide_round(wide num, wide den, enum figure_half half)
{
	wide q = num / den, r = num % den;
	wide magnitude = r < 0 ? -r : r;
	wide rest = den - magnitude;
	bool up = magnitude > rest || (magnitude == rest && (half == HALF_UP || q % 2 != 0));

	if (up)
		q += num < 0 ? -1 : 1;
	return q;
}

struct figure figure_trim(struct figure f)
{
	while (f.scale > 0 && f.units % 10 == 0) {
		f.units /= 10;
		f.scale--;
	}
	return f;
}

bool figure_read(const char *s, size_t len, struct figure *ret)
{
	struct figure f = { 0, 0 };
	bool negative = len > 0 && s[0] == '-', point = false;
	int digits = 0;

	for (size_t i = negative; i < len; i++) {
		if (s[i] == '.' && !point && i > (size_t)negative && i + 1 < len) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		if (++digits > FIGURE_DIGITS_MAX || f.scale == FIGURE_SCALE_MAX)
			return false;
		f.units = f.units * 10 + (s[i] - '0');
		f.scale += point;
	}
	if (digits == 0)
		return false;
	if (negative)
		f.units = -f.units;
	*ret = figure_trim(f);
	return true;
}

void figure_print(struct figure f, int min_digits, char out[FIGURE_TEXT])
{
	char digits[FIGURE_TEXT];
	size_t at = sizeof(digits), n;
	bool negative = f.units < 0;
	int written = 0;

	if (min_digits > FIGURE_SCALE_MAX)
		min_digits = FIGURE_SCALE_MAX;
	while (f.scale < min_digits && shift_up(f.units, 1, &f.units))
		f.scale++;
	do {
		int digit = (int)(f.units % 10);

		digits[--at] = (char)('0' + (digit < 0 ? -digit : digit));
		f.units /= 10;
		if (++written == f.scale)
			digits[--at] = '.';
	} while (f.units != 0 || written <= f.scale);
	if (negative)
		digits[--at] = '-';
	n = sizeof(digits) - at;
	memcpy(out, digits + at, n);
	out[n] = '\0';
}

int figure_compare(struct figure a, struct figure b)
{
	int scale = a.scale > b.scale ? a.scale : b.scale;
	wide x, y;

	/* What does not fit after scaling is larger in magnitude than what does. */
	if (!shift_up(a.units, scale - a.scale, &x))
		return a.units < 0 ? -1 : 1;
	if (!shift_up(b.units, scale - b.scale, &y))
		return b.units < 0 ? 1 : -1;
	return (x > y) - (x < y);
}

bool figure_add(struct figure a, struct figure b, struct figure *ret)
{
	int scale = a.scale > b.scale ? a.scale : b.scale;
	wide x, y, sum;

	if (!shift_up(a.units, scale - a.scale, &x) || !shift_up(b.units, scale - b.scale, &y) ||
	    __builtin_add_overflow(x, y, &sum))
		return false;
	*ret = (struct figure){ sum, scale };
	return true;
}

bool figure_divide(struct figure a, struct figure b, int power, int scale, struct figure *ret)
{
	int up = scale + power + b.scale - a.scale;
	wide num = a.units, den = b.units;

	if (den == 0)
		return false;
	if (!shift_up(up > 0 ? num : den, up > 0 ? up : -up, up > 0 ? &num : &den))
		return false;
	if (den < 0) {
		num = -num;
		den = -den;
	}
	*ret = (struct figure){ divide_round(num, den, HALF_UP), scale };
	return true;
}

bool figure_round(struct figure f, int power, int scale, enum figure_half half, wide *ret)
{
	int down = f.scale + power - scale;
	wide den;

	if (down <= 0)
		return shift_up(f.units, -down, ret);
	if (!shift_up(1, down, &den)) {
		*ret = 0; /* it is smaller than a half of anything that fits */
		return true;
	}
	*ret = divide_round(f.units, den, half);
	return true;
}
