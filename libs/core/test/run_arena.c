/* The arena: its ceiling, its alignment, its emptying, and what happens when memory runs out. */
#include "core/test/rows.h"

#include <stdlib.h>

/* Fails the allocation when the count reaches zero; -1 never fails. */
static int mallocs_left = -1;

static void *failing_malloc(size_t size)
{
	if (mallocs_left == 0)
		return NULL;
	if (mallocs_left > 0)
		mallocs_left--;
	return malloc(size);
}

#define malloc failing_malloc
#include "core/arena.c"
#undef malloc

static void test_ceiling(void **state)
{
	struct arena *a = arena_new(1000);
	size_t n = 0;

	(void)state;
	assert_non_null(a);
	while (arena_alloc(a, 10) != NULL)
		n++;
	assert_int_equal(n, 1000 / 16);
	assert_true(arena_failed(a));
	assert_in_range(arena_used(a), 1000 - 15, 1000);
	assert_null(arena_alloc(a, 9));
	arena_reset(a);
	assert_false(arena_failed(a));
	assert_int_equal(arena_used(a), 0);
	assert_non_null(arena_alloc(a, 992));
	assert_false(arena_failed(a));
	arena_free(a);
}

static void test_huge_requests_do_not_wrap(void **state)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX / 2,
					1 << 20 };

	(void)state;
	for (size_t i = 0; i < N_ROWS(sizes); i++) {
		struct arena *a = arena_new(1 << 16);

		assert_null(arena_alloc(a, sizes[i]));
		assert_true(arena_failed(a));
		arena_reset(a);
		assert_null(arena_array(a, sizes[i], 16));
		assert_true(arena_failed(a));
		arena_free(a);
	}
}

/* Everything handed out is aligned, zero, apart from everything else, and stays as written. */
static void test_pieces(void **state)
{
	enum { N = 2000 };
	static unsigned char *pieces[N];
	static size_t sizes[N];
	struct arena *a = arena_new(8 << 20);
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			sizes[i] = next_random(&seed) % (i % 100 == 0 ? 20000 : 300);
			pieces[i] = arena_alloc(a, sizes[i]);
			assert_non_null(pieces[i]);
			assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
			for (size_t b = 0; b < sizes[i]; b++)
				assert_int_equal(pieces[i][b], 0);
			memset(pieces[i], i % 251 + 1, sizes[i]);
		}
		for (int i = 0; i < N; i++) {
			for (size_t b = 0; b < sizes[i]; b++)
				assert_int_equal(pieces[i][b], i % 251 + 1);
		}
		arena_reset(a);
	}
	arena_free(a);
}

static void test_strings(void **state)
{
	struct arena *a = arena_new(64);
	char *s;

	(void)state;
	assert_string_equal(arena_strdup(a, "abc"), "abc");
	assert_string_equal(arena_strdup(a, NULL), "");
	assert_string_equal(arena_strndup(a, "abcdef", 2), "ab");
	assert_string_equal(arena_strndup(a, "ab", 20), "ab");
	assert_false(arena_failed(a));
	assert_string_equal(arena_printf(a, "%050d", 7), "");
	assert_true(arena_failed(a));
	/* What is returned on failure may be written to without harm to the next. */
	s = arena_strdup(a, "too long for what is left of it");
	assert_string_equal(s, "");
	assert_ptr_equal(s, arena_strdup(a, "again too long for what is left"));
	arena_reset(a);
	assert_string_equal(arena_printf(a, "%s-%d", "x", 42), "x-42");
	assert_false(arena_failed(a));
	arena_free(a);
}

static void test_memory_runs_out(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	mallocs_left = 1;
	assert_non_null(arena_alloc(a, 100));
	assert_null(arena_alloc(a, 100000));
	assert_true(arena_failed(a));
	assert_string_equal(arena_printf(a, "%0*d", 100000, 1), "");
	mallocs_left = -1;
	arena_reset(a);
	assert_non_null(arena_alloc(a, 100000));
	assert_false(arena_failed(a));
	arena_free(a);
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_huge_requests_do_not_wrap),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
