/*
 * What table-driven tests share: a check that names its row, and a generator of repeatable random
 * numbers. Include it first.
 */
#ifndef CORE_TEST_ROWS_H
#define CORE_TEST_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_ROWS(a) (sizeof(a) / sizeof((a)[0]))

/* Fails with the row's comment, so that the output says which case broke and why it is there. */
#define CHECK_ROW(why, cond)                                          \
	do {                                                          \
		if (!(cond))                                          \
			fail_msg("row \"%s\": not %s", (why), #cond); \
	} while (0)

/* splitmix64 (S. Vigna, public domain): the same numbers on every run. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* A number of random size: few bits as often as many, of either sign. */
static inline int64_t random_i64(uint64_t *state)
{
	uint64_t bits = next_random(state) % 64;
	int64_t value = (int64_t)(next_random(state) >> bits);

	return next_random(state) % 2 != 0 ? value : -(value / 2);
}

#endif
