/* Key pairs and their JWK coordinates. */
#include "forge.h"

#include "core/text.h"

#include <openssl/pem.h>

static void test_new_keys_differ_and_fit(void **state)
{
	struct forge one, two;

	(void)state;
	forge_new(&one);
	forge_new(&two);
	assert_string_not_equal(one.private_pem, two.private_pem);
	assert_string_not_equal(one.public_pem, two.public_pem);
	assert_non_null(strstr(one.private_pem, "BEGIN PRIVATE KEY"));
	assert_non_null(strstr(one.public_pem, "BEGIN PUBLIC KEY"));
	assert_null(strstr(one.public_pem, "PRIVATE"));
	forge_done(&one);
	forge_done(&two);
}

static void test_small_buffer(void **state)
{
	char priv[64], pub[64];

	(void)state;
	assert_int_equal(access_new_key(priv, pub, sizeof(priv)), ST_INTERNAL);
}

/* x and y, put back together as an uncompressed point, are the key's own encoding. */
static void test_jwk(void **state)
{
	struct arena *a = arena_new(ACCESS_ARENA_MAX);
	char x[44], y[44];
	struct forge f;

	(void)state;
	for (int round = 0; round < 50;
	     round++) { /* leading zeros in a coordinate come up now and then */
		unsigned char *point = NULL;
		uint8_t *px, *py;
		size_t lx = 0, ly = 0;

		forge_new(&f);
		assert_int_equal(access_jwk_xy(f.public_pem, x, y, sizeof(x)), ST_OK);
		assert_int_equal(strlen(x), 43);
		assert_int_equal(strlen(y), 43);
		px = base64url_decode(a, x, &lx);
		py = base64url_decode(a, y, &ly);
		assert_int_equal(lx, 32);
		assert_int_equal(ly, 32);
		assert_int_equal(EVP_PKEY_get1_encoded_public_key(f.key, &point), 65);
		assert_int_equal(point[0], 4);
		assert_memory_equal(point + 1, px, 32);
		assert_memory_equal(point + 33, py, 32);
		OPENSSL_free(point);
		forge_done(&f);
		arena_reset(a);
	}
	arena_free(a);
}

/* PEM text of another kind of key. */
static void foreign_pem(EVP_PKEY *key, char *out, size_t cap)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	len = BIO_read(bio, out, (int)cap - 1);
	assert_true(len > 0);
	out[len] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void test_other_keys_are_refused(void **state)
{
	static const char *const nonsense[] = {
		"", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "x"
	};
	char pem[2048], x[44], y[44];
	struct forge f;

	(void)state;
	foreign_pem(EVP_EC_gen("P-384"), pem, sizeof(pem));
	assert_int_equal(access_jwk_xy(pem, x, y, sizeof(x)), ST_INVALID);
	foreign_pem(EVP_EC_gen("secp256k1"), pem, sizeof(pem));
	assert_int_equal(access_jwk_xy(pem, x, y, sizeof(x)), ST_INVALID);
	foreign_pem(EVP_RSA_gen(2048), pem, sizeof(pem));
	assert_int_equal(access_jwk_xy(pem, x, y, sizeof(x)), ST_INVALID);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(access_jwk_xy(nonsense[i], x, y, sizeof(x)), ST_INVALID);
	assert_int_equal(access_jwk_xy(NULL, x, y, sizeof(x)), ST_INVALID);
	forge_new(&f);
	assert_int_equal(access_jwk_xy(f.private_pem, x, y, sizeof(x)), ST_INVALID);
	forge_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_keys_differ_and_fit),
		cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_jwk),
		cmocka_unit_test(test_other_keys_are_refused),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
