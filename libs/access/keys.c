/*
 * Signing keys: P-256 pairs as PEM, and their JWK form. Only this curve is ever read, so a key of
 * another kind cannot slip in.
 */
#include "access/access_priv.h"
#include "core/text.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define PEM_MAX        4096
#define COORDINATE_LEN 32
#define GROUP_NAME_MAX 32

typedef EVP_PKEY *pem_read_fn(BIO *b, EVP_PKEY **x, pem_password_cb *cb, void *u);

/* An encrypted key must not make OpenSSL ask the terminal. */
static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return 0;
}

static EVP_PKEY *read_pem(const char *pem, pem_read_fn *read)
{
	char group[GROUP_NAME_MAX] = "";
	size_t len = pem != NULL ? strnlen(pem, PEM_MAX) : PEM_MAX;
	EVP_PKEY *key;
	BIO *bio;

	if (len >= PEM_MAX)
		return NULL;
	bio = BIO_new_mem_buf(pem, (int)len);
	if (bio == NULL)
		return NULL;
	key = read(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (key != NULL && EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	    strcmp(group, "prime256v1") == 0)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

EVP_PKEY *access__public_key(const char *pem)
{
	return read_pem(pem, PEM_read_bio_PUBKEY);
}

EVP_PKEY *access__private_key(const char *pem)
{
	return read_pem(pem, PEM_read_bio_PrivateKey);
}

bool access__kid_valid(const char *kid)
{
	size_t n = kid != NULL ? strspn(kid, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0"
					     "123456789._-")
			       : 0;

	return n > 0 && n <= ACCESS_KID_MAX && kid[n] == '\0';
}

/* The content of a memory BIO as text. */
static bool bio_text(BIO *bio, char *out, size_t cap)
{
	const char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	if (len <= 0 || (size_t)len >= cap)
		return false;
	memcpy(out, data, (size_t)len);
	out[len] = '\0';
	return true;
}

enum status access_new_key(char *private_pem, char *public_pem, size_t cap)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *priv = BIO_new(BIO_s_secmem()), *pub = BIO_new(BIO_s_mem());
	bool good = key != NULL && priv != NULL && pub != NULL &&
		    PEM_write_bio_PKCS8PrivateKey(priv, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		    PEM_write_bio_PUBKEY(pub, key) == 1;

	good = good && bio_text(priv, private_pem, cap) && bio_text(pub, public_pem, cap);
	BIO_free(priv);
	BIO_free(pub);
	EVP_PKEY_free(key);
	return good ? ST_OK : ST_INTERNAL;
}

static bool coordinate(EVP_PKEY *key, const char *param, struct arena *a, char *out, size_t cap)
{
	uint8_t raw[COORDINATE_LEN];
	BIGNUM *n = NULL;
	bool good = EVP_PKEY_get_bn_param(key, param, &n) == 1 &&
		    BN_bn2binpad(n, raw, sizeof(raw)) == (int)sizeof(raw) &&
		    text_copy(out, cap, base64url_encode(a, raw, sizeof(raw))) == ST_OK;

	BN_free(n);
	return good;
}

enum status access_jwk_xy(const char *public_pem, char *x, char *y, size_t cap)
{
	struct arena *a = arena_new(ACCESS_ARENA_MAX);
	EVP_PKEY *key = access__public_key(public_pem);
	enum status st = ST_INTERNAL;

	if (key == NULL)
		st = ST_INVALID;
	else if (a != NULL && coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, a, x, cap) &&
		 coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, a, y, cap))
		st = ST_OK;
	EVP_PKEY_free(key);
	arena_free(a);
	return st;
}
