/* Sealing: key files in their forms and faults, what opens a blob and what does not, retired keys,
 * and the keyed hash. */
#include "svc/seal.h"

#include "core/arena.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* 16, 64 and 63 hexadecimal digits. */
#define HEX16   "0123456789abcdef"
#define HEX64   HEX16 HEX16 HEX16 HEX16
#define HEX63   HEX16 HEX16 HEX16 "0123456789abcde"
#define OTHER64 "ff" HEX16 HEX16 HEX16 "0123456789abcd"
#define THIRD64 "ee" HEX16 HEX16 HEX16 "0123456789abcd"
#define SECRET  "shpat_0123456789 of the shop"
#define PURPOSE "shopify-token"

static char path[64];
static struct arena *arena;

static int set_up(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/pp-seal-XXXXXX");
	fd = mkstemp(path);
	arena = arena_new(1 << 22);
	return fd >= 0 && close(fd) == 0 && arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return unlink(path);
}

/* ---- key files ---- */

static enum status load(const char *text, struct seal_ring **ret, struct error *err)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return seal_ring_load(ret, path, err);
}

static struct seal_ring *must_load(const char *text)
{
	struct seal_ring *r = NULL;
	struct error err = { 0 };

	if (load(text, &r, &err) != ST_OK)
		fail_msg("%s %s", err.field, err.detail);
	return r;
}

/* `n` keys k0, k1, … */
static const char *keys(int n)
{
	const char *text = "";

	for (int i = 0; i < n; i++)
		text = arena_printf(arena, "%sk%d %02x%s\n", text, i, (unsigned)i,
				    HEX16 HEX16 HEX16 "0123456789abcd");
	return text;
}

static void test_files_that_load(void **state)
{
	const char *const files[] = {
		"k1 " HEX64 "\n",
		"k1 " HEX64,        /* no line end */
		"k1 " HEX64 "\r\n", /* of another system */
		"k1 " HEX64 "\nk2 " OTHER64 "\n",
		"a_b-9 " HEX64 "\n",
		keys(1),
		keys(SEAL_KEYS_MAX),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct seal_ring *r = must_load(files[i]);
		const char *blob = seal_put(r, arena, PURPOSE, SECRET, strlen(SECRET));

		assert_string_equal(seal_get(r, arena, PURPOSE, blob, NULL), SECRET);
		seal_ring_free(r);
	}
	seal_ring_free(NULL);
}

static void test_files_that_are_refused(void **state)
{
	const struct {
		const char *text, *detail;
	} files[] = {
		{ "", "holds no key" },
		{ "\n", "line 1 is not" },
		{ "k1 " HEX63 "\n", "line 1 is not" },
		{ "k1 " HEX64 "0\n", "line 1 is not" },
		{ "k1 " HEX63 "g\n", "line 1 is not" },
		{ "k1  " HEX63 "\n", "line 1 is not" },
		{ "k1 " HEX64 " \n", "line 1 is not" },
		{ "k1\t" HEX64 "\n", "line 1 is not" },
		{ HEX64 "\n", "line 1 is not" },
		{ " " HEX64 "\n", "line 1 is not" },
		{ "K1 " HEX64 "\n", "line 1 is not" },
		{ "k.1 " HEX64 "\n", "line 1 is not" },
		{ "k1 " HEX64 "\n\nk2 " HEX64 "\n", "line 2 is not" },
		{ "k1 " HEX64 "\nk2 " HEX63 "\n", "line 2 is not" },
		{ "k1 " HEX64 HEX64 HEX64 HEX64 HEX64 "\n", "line 1 is not" },
		{ keys(SEAL_KEYS_MAX + 1), "holds more than 8 keys" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct seal_ring *untouched = (struct seal_ring *)&arena, *r = untouched;
		struct error err = { 0 };

		assert_int_equal(load(files[i].text, &r, &err), ST_INVALID);
		assert_ptr_equal(r, untouched);
		assert_string_equal(err.field, "PP_SEAL_KEY_FILE");
		assert_non_null(strstr(err.detail, files[i].detail));
		assert_null(strstr(err.detail, "0123"));
	}
}

static void test_a_missing_file(void **state)
{
	struct seal_ring *r = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(seal_ring_load(&r, "/tmp/pp-seal-is-not-here/key", &err), ST_UNAVAILABLE);
	assert_null(r);
	assert_string_equal(err.field, "PP_SEAL_KEY_FILE");
	assert_non_null(strstr(err.detail, "No such file"));
}

/* ---- blobs ---- */

static void test_what_is_sealed_opens(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 1000, 65536 };
	struct seal_ring *r = must_load("k1 " HEX64 "\n");

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint8_t *data = arena_alloc(arena, sizes[i] + 1);
		const char *blob, *again;
		size_t len = 7;
		char *out;

		for (size_t k = 0; k < sizes[i]; k++)
			data[k] = (uint8_t)(k * 7); /* zeros among them */
		blob = seal_put(r, arena, PURPOSE, data, sizes[i]);
		again = seal_put(r, arena, PURPOSE, data, sizes[i]);
		assert_memory_equal(blob, "k1.", 3);
		assert_string_not_equal(blob, again); /* a nonce of its own each time */
		assert_int_equal(strspn(blob + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
						  "wxyz0123456789-_"),
				 strlen(blob + 3));
		out = seal_get(r, arena, PURPOSE, blob, &len);
		assert_non_null(out);
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(out, data, len);
		assert_int_equal(out[len], 0);
		arena_reset(arena);
	}
	seal_ring_free(r);
}

static void test_the_text_is_not_in_the_blob(void **state)
{
	struct seal_ring *r = must_load("k1 " HEX64 "\n");
	const char *blob = seal_put(r, arena, PURPOSE, SECRET, strlen(SECRET));
	uint8_t *raw;
	size_t n = 0;

	(void)state;
	raw = base64url_decode(arena, blob + 3, &n);
	assert_int_equal(n, 24 + 16 + strlen(SECRET));
	assert_null(memmem(raw, n, SECRET, 8));
	seal_ring_free(r);
}

static void test_another_purpose_does_not_open(void **state)
{
	static const char *const purposes[] = { "",           "shopify-toke",  "shopify-token ",
						"meta-token", "SHOPIFY-TOKEN", "page-token" };
	struct seal_ring *r = must_load("k1 " HEX64 "\n");
	const char *blob = seal_put(r, arena, PURPOSE, SECRET, strlen(SECRET));

	(void)state;
	for (size_t i = 0; i < COUNT(purposes); i++)
		assert_null(seal_get(r, arena, purposes[i], blob, NULL));
	assert_non_null(seal_get(r, arena, PURPOSE, blob, NULL));
	seal_ring_free(r);
}

/* Each character of it, one after the other, and its length. */
static void test_an_altered_blob_does_not_open(void **state)
{
	struct seal_ring *r = must_load("k1 " HEX64 "\nk2 " OTHER64 "\n");
	/* 24 + 16 + 2 bytes: the text has no spare bits at its end. */
	const char *blob = seal_put(r, arena, PURPOSE, "42", 2);
	size_t len = strlen(blob);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char *altered = arena_strdup(arena, blob);

		altered[i] = altered[i] == 'A' ? 'B' : 'A';
		assert_null(seal_get(r, arena, PURPOSE, altered, NULL));
		altered[i] = '=';
		assert_null(seal_get(r, arena, PURPOSE, altered, NULL));
		assert_null(seal_get(r, arena, PURPOSE, arena_strndup(arena, blob, i), NULL));
	}
	assert_null(seal_get(r, arena, PURPOSE, arena_printf(arena, "%sA", blob), NULL));
	assert_null(seal_get(r, arena, PURPOSE, arena_printf(arena, "%sAAAA", blob), NULL));
	assert_null(seal_get(r, arena, PURPOSE, arena_printf(arena, "%s.AAAA", blob), NULL));
	/* Another key's name on it. */
	assert_null(seal_get(r, arena, PURPOSE, arena_printf(arena, "k2%s", blob + 2), NULL));
	assert_null(seal_get(r, arena, PURPOSE, arena_printf(arena, "k%s", blob + 2), NULL));
	assert_string_equal(seal_get(r, arena, PURPOSE, blob, NULL), "42");
	seal_ring_free(r);
}

static void test_a_full_arena_is_told(void **state)
{
	struct seal_ring *r = must_load("k1 " HEX64 "\n");
	static const char big[65536];
	struct arena *small = arena_new(4096);

	(void)state;
	assert_non_null(small);
	assert_null(seal_put(r, small, PURPOSE, big, sizeof(big)));
	arena_free(small);
	seal_ring_free(r);
}

/* ---- the ring ---- */

static void test_retired_keys_still_open(void **state)
{
	struct seal_ring *before = must_load("k1 " HEX64 "\n");
	struct seal_ring *after = must_load("k2 " OTHER64 "\nk1 " HEX64 "\n");
	struct seal_ring *later = must_load("k3 " THIRD64 "\nk2 " OTHER64 "\n");
	struct seal_ring *renamed = must_load("k2 " HEX64 "\n");
	const char *old = seal_put(before, arena, PURPOSE, SECRET, strlen(SECRET));
	const char *new = seal_put(after, arena, PURPOSE, SECRET, strlen(SECRET));

	(void)state;
	assert_memory_equal(old, "k1.", 3);
	assert_memory_equal(new, "k2.", 3);
	assert_string_equal(seal_get(after, arena, PURPOSE, old, NULL), SECRET);
	assert_string_equal(seal_get(after, arena, PURPOSE, new, NULL), SECRET);
	assert_string_equal(seal_get(later, arena, PURPOSE, new, NULL), SECRET);
	/* The key is gone from the ring, was not yet in it, or is another of that name. */
	assert_null(seal_get(later, arena, PURPOSE, old, NULL));
	assert_null(seal_get(before, arena, PURPOSE, new, NULL));
	assert_null(seal_get(renamed, arena, PURPOSE, new, NULL));

	assert_false(seal_is_old(before, old));
	assert_true(seal_is_old(after, old));
	assert_false(seal_is_old(after, new));
	assert_true(seal_is_old(later, new));
	assert_true(seal_is_old(later, old)); /* of no key it knows */
	assert_true(seal_is_old(later, "no blob"));
	assert_true(seal_is_old(later, ""));
	seal_ring_free(before);
	seal_ring_free(after);
	seal_ring_free(later);
	seal_ring_free(renamed);
}

static void test_ids_that_begin_alike(void **state)
{
	struct seal_ring *r = must_load("k " HEX64 "\nk1 " OTHER64 "\nk10 " THIRD64 "\n");
	struct seal_ring *k1 = must_load("k1 " OTHER64 "\n");
	struct seal_ring *k10 = must_load("k10 " THIRD64 "\n");

	(void)state;
	assert_string_equal(seal_get(r, arena, PURPOSE, seal_put(k1, arena, PURPOSE, "1", 1), NULL),
			    "1");
	assert_string_equal(
		seal_get(r, arena, PURPOSE, seal_put(k10, arena, PURPOSE, "10", 2), NULL), "10");
	seal_ring_free(r);
	seal_ring_free(k1);
	seal_ring_free(k10);
}

/* ---- the keyed hash ---- */

static void test_a_hash_is_of_its_data_purpose_and_key(void **state)
{
	struct seal_ring *r = must_load("k1 " HEX64 "\n");
	struct seal_ring *after = must_load("k2 " OTHER64 "\nk1 " HEX64 "\n");
	struct seal_ring *stranger = must_load("k1 " OTHER64 "\n");
	uint8_t hash[32], same[32], of_after[32];

	(void)state;
	seal_hash(r, PURPOSE, SECRET, strlen(SECRET), hash);
	seal_hash(r, PURPOSE, SECRET, strlen(SECRET), same);
	seal_hash(after, PURPOSE, SECRET, strlen(SECRET), of_after);
	assert_memory_equal(hash, same, sizeof(hash));
	assert_memory_not_equal(hash, of_after, sizeof(hash));
	assert_true(seal_hash_is(r, PURPOSE, SECRET, strlen(SECRET), hash));
	assert_true(seal_hash_is(after, PURPOSE, SECRET, strlen(SECRET), hash));
	assert_true(seal_hash_is(after, PURPOSE, SECRET, strlen(SECRET), of_after));
	assert_false(seal_hash_is(r, PURPOSE, SECRET, strlen(SECRET), of_after));
	assert_false(seal_hash_is(stranger, PURPOSE, SECRET, strlen(SECRET), hash));
	assert_false(seal_hash_is(r, "another", SECRET, strlen(SECRET), hash));
	assert_false(seal_hash_is(r, PURPOSE, SECRET, strlen(SECRET) - 1, hash));
	for (size_t i = 0; i < sizeof(hash); i++) {
		hash[i] ^= 1;
		assert_false(seal_hash_is(r, PURPOSE, SECRET, strlen(SECRET), hash));
		hash[i] ^= 1;
	}
	seal_ring_free(r);
	seal_ring_free(after);
	seal_ring_free(stranger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_that_load),
		cmocka_unit_test(test_files_that_are_refused),
		cmocka_unit_test(test_a_missing_file),
		cmocka_unit_test(test_what_is_sealed_opens),
		cmocka_unit_test(test_the_text_is_not_in_the_blob),
		cmocka_unit_test(test_another_purpose_does_not_open),
		cmocka_unit_test(test_an_altered_blob_does_not_open),
		cmocka_unit_test(test_a_full_arena_is_told),
		cmocka_unit_test(test_retired_keys_still_open),
		cmocka_unit_test(test_ids_that_begin_alike),
		cmocka_unit_test(test_a_hash_is_of_its_data_purpose_and_key),
	};

	return cmocka_run_group_tests_name("svc_seal", tests, set_up, tear_down);
}
