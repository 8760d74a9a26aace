/* Tokens right and wrong for the tests of libs/access: one place that knows what a good one looks
 * like. */
#ifndef ACCESS_TEST_FORGE_H
#define ACCESS_TEST_FORGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/access_priv.h"

#include <stdio.h>
#include <string.h>

#define NOW       INT64_C(1795223261)
#define TENANT    "0190a000-0000-7000-8000-000000000001"
#define TENANT_2  "0190a000-0000-7000-8000-000000000002"
#define SESSION   "0190b000-0000-7000-8000-000000000001"
#define SESSION_2 "0190b000-0000-7000-8000-000000000002"
#define USER      "0190c000-0000-7000-8000-000000000001"
#define BRAND     "0190d000-0000-7000-8000-000000000001"
#define BRAND_2   "0190d000-0000-7000-8000-000000000002"
#define HEADER    "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"

struct forge {
	char private_pem[512], public_pem[512];
	EVP_PKEY *key;
};

static inline void forge_new(struct forge *f)
{
	assert_int_equal(access_new_key(f->private_pem, f->public_pem, sizeof(f->private_pem)),
			 ST_OK);
	f->key = access__private_key(f->private_pem);
	assert_non_null(f->key);
}

static inline void forge_done(struct forge *f)
{
	EVP_PKEY_free(f->key);
	f->key = NULL;
}

/* An access that knows the forge's key as k1. */
static inline struct access *forge_access(const struct forge *f, const char *service,
					  uint64_t version)
{
	struct access_key key = { "k1", f->public_pem };
	struct access_state st = { .version = version, .keys = &key, .n_keys = 1 };
	struct access *a = access_new(service);

	assert_non_null(a);
	assert_int_equal(access_set_state(a, &st), ST_OK);
	return a;
}

static inline struct access_claims good_claims(void)
{
	struct access_claims c = { .role = ROLE_ANALYST, .expires_at = NOW + ACCESS_TOKEN_LIFE_S };

	memcpy(c.user_id, USER, sizeof(USER));
	memcpy(c.tenant_id, TENANT, sizeof(TENANT));
	memcpy(c.session_id, SESSION, sizeof(SESSION));
	memcpy(c.tier, "standard", sizeof("standard"));
	return c;
}

static inline void sign_claims(const struct forge *f, const struct access_claims *c,
			       char out[ACCESS_TOKEN_MAX])
{
	struct error err = { 0 };

	assert_int_equal(access_sign(c, "k1", f->private_pem, NOW, out, &err), ST_OK);
}

#endif
