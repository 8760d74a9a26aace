/*
 * JWS compact serialisation (RFC 7515) with ES256 and nothing else. The header must be exactly
 * ours: alg ES256, typ at+jwt (RFC 9068), a kid. Signing and verifying are OpenSSL's; libjwt 1.10.2
 * cannot be used for these tokens (docs/internals/access.md). Read next: access.c.
 */
#include "access/access_priv.h"
#include "core/buf.h"
#include "core/text.h"

#include <openssl/ecdsa.h>
#include <stdio.h>
#include <string.h>

#define HALF              (ACCESS_SIGNATURE_LEN / 2)
#define DER_SIGNATURE_MAX 128
#define HEADER_MEMBERS    3
#define JTI_BYTES         16

static enum status refuse(struct error *err, const char *why)
{
	return error_set(err, ST_UNAUTHENTICATED, NULL, "%s", why);
}

/* ---- reading ---- */

/* The JSON object in a base64url part. */
static bool read_part(struct arena *a, const char *part, struct flat *ret)
{
	size_t len = 0;
	char *json = (char *)base64url_decode(a, part, &len);

	return json != NULL && access__flat_parse(json, len, ret);
}

static enum status check_header(struct arena *a, const char *part, struct token *ret,
				struct error *err)
{
	const char *alg, *typ, *kid;
	struct flat head;

	if (!read_part(a, part, &head))
		return refuse(err, "the token's header is malformed");
	if (!access__flat_text(&head, "alg", &alg) || strcmp(alg, "ES256") != 0)
		return refuse(err, "the token is not signed with ES256");
	if (!access__flat_text(&head, "typ", &typ) || strcmp(typ, "at+jwt") != 0)
		return refuse(err, "the token is not an access token");
	if (!access__flat_text(&head, "kid", &kid) || !access__kid_valid(kid))
		return refuse(err, "the token names no key");
	/* jwk, jku, x5c and crit would change what the token means. */
	if (head.n != HEADER_MEMBERS)
		return refuse(err, "the token's header holds more than alg, typ and kid");
	return text_copy(ret->kid, sizeof(ret->kid), kid);
}

enum status access__token_split(struct arena *a, const char *token, size_t len, struct token *ret,
				struct error *err)
{
	const char *dot1 = memchr(token, '.', len), *dot2 = NULL;
	uint8_t *signature;
	size_t signature_len = 0;
	enum status st;

	if (dot1 != NULL)
		dot2 = memchr(dot1 + 1, '.', len - (size_t)(dot1 + 1 - token));
	if (dot2 == NULL || memchr(dot2 + 1, '.', len - (size_t)(dot2 + 1 - token)) != NULL)
		return refuse(err, "the token has not three parts");
	st = check_header(a, arena_strndup(a, token, (size_t)(dot1 - token)), ret, err);
	if (st != ST_OK)
		return st;
	signature = base64url_decode(
		a, arena_strndup(a, dot2 + 1, len - (size_t)(dot2 + 1 - token)), &signature_len);
	if (signature == NULL || signature_len != ACCESS_SIGNATURE_LEN)
		return refuse(err, "the token's signature is malformed");
	memcpy(ret->signature, signature, ACCESS_SIGNATURE_LEN);
	ret->signed_text = token;
	ret->signed_len = (size_t)(dot2 - token);
	ret->payload = arena_strndup(a, dot1 + 1, (size_t)(dot2 - dot1 - 1));
	return arena_failed(a) ? error_set(err, ST_INTERNAL, NULL, "memory is out") : ST_OK;
}

/* ---- claims ---- */

/* A claim that may be absent, which is the same as empty. */
static bool copy_optional(const struct flat *f, const char *name, char *dst, size_t cap)
{
	const char *v = "";

	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->members[i].name, name) == 0 && !access__flat_text(f, name, &v))
			return false;
	}
	return text_copy(dst, cap, v) == ST_OK;
}

static bool brands_valid(const char *list)
{
	char id[UUID_TEXT];

	while (*list != '\0') {
		size_t len = strcspn(list, ",");

		if (len != UUID_TEXT - 1)
			return false;
		memcpy(id, list, len);
		id[len] = '\0';
		if (!uuid_valid(id))
			return false;
		list += len;
		if (*list == ',' && *++list == '\0')
			return false;
	}
	return true;
}

/* Operators have no tenant, everybody else has one; grants have no session, users have one. */
static bool identity_consistent(const struct access_claims *c)
{
	bool is_grant = c->service[0] != '\0';

	if (is_grant ? !token_valid(c->service) || !token_valid(c->user_id)
		     : !uuid_valid(c->user_id))
		return false;
	if (is_grant ? c->session_id[0] != '\0' : !uuid_valid(c->session_id))
		return false;
	switch (c->role) {
	case ROLE_OPERATOR:
		return c->tenant_id[0] == '\0' && c->brand_ids[0] == '\0' && !is_grant;
	case ROLE_VIEWER:
	case ROLE_ANALYST:
	case ROLE_ADMIN:
		return uuid_valid(c->tenant_id);
	case ROLE_NONE:
	case ROLE_PUBLIC:
	case ROLE_SERVICE:
		return false;
	}
	return false;
}

static bool read_identity(const struct flat *f, struct access_claims *c)
{
	const char *role = "", *jti = "";

	if (!access__flat_text(f, "rol", &role) || !access__flat_text(f, "jti", &jti) ||
	    *jti == '\0')
		return false;
	c->role = role_from_name(role);
	if (!(copy_optional(f, "sub", c->user_id, sizeof(c->user_id)) &&
	      copy_optional(f, "tid", c->tenant_id, sizeof(c->tenant_id)) &&
	      copy_optional(f, "sid", c->session_id, sizeof(c->session_id)) &&
	      copy_optional(f, "tier", c->tier, sizeof(c->tier)) &&
	      copy_optional(f, "svc", c->service, sizeof(c->service)) &&
	      copy_optional(f, "brd", c->brand_ids, sizeof(c->brand_ids)) &&
	      brands_valid(c->brand_ids) && identity_consistent(c)))
		return false;
	/* Suspensions and ended sessions are compared as text. */
	if (c->tenant_id[0] != '\0')
		uuid_normalise(c->tenant_id);
	if (c->session_id[0] != '\0')
		uuid_normalise(c->session_id);
	return true;
}

static enum status check_times(const struct flat *f, int64_t now_s, struct access_claims *c,
			       struct error *err)
{
	int64_t iat, nbf, exp;

	if (!access__flat_number(f, "exp", &exp) || !access__flat_number(f, "nbf", &nbf) ||
	    !access__flat_number(f, "iat", &iat))
		return refuse(err, "the token lacks exp, nbf or iat");
	if (now_s >= exp + ACCESS_CLOCK_SKEW_S)
		return refuse(err, "the token has expired");
	if (now_s < nbf - ACCESS_CLOCK_SKEW_S || now_s < iat - ACCESS_CLOCK_SKEW_S)
		return refuse(err, "the token is not valid yet");
	c->expires_at = exp;
	return ST_OK;
}

enum status access__token_claims(struct arena *a, const struct token *t, const char *service,
				 int64_t now_s, struct access_claims *ret, struct error *err)
{
	struct access_claims c = { 0 };
	const char *iss, *aud;
	struct flat f;
	enum status st;

	if (!read_part(a, t->payload, &f))
		return refuse(err, "the token's claims are malformed");
	if (!access__flat_text(&f, "iss", &iss) || strcmp(iss, ACCESS_ISSUER) != 0)
		return refuse(err, "the token is of another issuer");
	if (!access__flat_text(&f, "aud", &aud) || strcmp(aud, ACCESS_AUDIENCE) != 0)
		return refuse(err, "the token is for another audience");
	st = check_times(&f, now_s, &c, err);
	if (st != ST_OK)
		return st;
	if (!read_identity(&f, &c))
		return refuse(err, "the token's claims contradict each other");
	if (c.service[0] != '\0' && strcmp(c.service, service) != 0)
		return refuse(err, "the token is a grant for another service");
	*ret = c;
	return ST_OK;
}

/* ---- signatures ---- */

bool access__signature_good(EVP_PKEY *key, const struct token *t)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(t->signature, HALF, NULL);
	BIGNUM *s = BN_bin2bn(t->signature + HALF, HALF, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool good = false;
	int len = 0;

	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* now the signature's */
		len = i2d_ECDSA_SIG(sig, &der);
	}
	if (len > 0 && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1)
		good = EVP_DigestVerify(ctx, der, (size_t)len,
					(const unsigned char *)t->signed_text, t->signed_len) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return good;
}

static bool sign_raw(EVP_PKEY *key, const char *text, size_t len, uint8_t out[ACCESS_SIGNATURE_LEN])
{
	unsigned char der[DER_SIGNATURE_MAX];
	const unsigned char *at = der;
	size_t der_len = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *sig = NULL;
	bool good = false;

	if (ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, der, &der_len, (const unsigned char *)text, len) == 1)
		sig = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
	if (sig != NULL)
		good = BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, HALF) == HALF &&
		       BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + HALF, HALF) == HALF;
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return good;
}

enum status access__token_seal(const char *header, const char *payload, EVP_PKEY *key, char *out,
			       size_t cap)
{
	struct arena *a = arena_new(ACCESS_ARENA_MAX);
	uint8_t signature[ACCESS_SIGNATURE_LEN];
	enum status st = ST_INTERNAL;
	const char *head;

	if (a == NULL)
		return ST_INTERNAL;
	head = arena_printf(a, "%s.%s", base64url_encode(a, header, strlen(header)),
			    base64url_encode(a, payload, strlen(payload)));
	if (!arena_failed(a) && sign_raw(key, head, strlen(head), signature))
		st = text_copy(out, cap,
			       arena_printf(a, "%s.%s", head,
					    base64url_encode(a, signature, sizeof(signature))));
	if (arena_failed(a))
		st = ST_TOO_LARGE;
	arena_free(a);
	return st;
}

/* ---- signing ---- */

static void put_text(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	buf_put_json(b, value, strlen(value));
}

static void put_claims(struct buf *b, const struct access_claims *c, int64_t now_s)
{
	char jti[2 * JTI_BYTES + 1];

	random_hex(jti, JTI_BYTES);
	buf_printf(b, "{\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld", (long long)now_s, (long long)now_s,
		   (long long)c->expires_at);
	put_text(b, "iss", ACCESS_ISSUER);
	put_text(b, "aud", ACCESS_AUDIENCE);
	put_text(b, "jti", jti);
	put_text(b, "sub", c->user_id);
	put_text(b, "tid", c->tenant_id);
	put_text(b, "sid", c->session_id);
	put_text(b, "rol", role_name(c->role));
	put_text(b, "tier", c->tier);
	put_text(b, "brd", c->brand_ids);
	put_text(b, "svc", c->service);
	buf_putc(b, '}');
}

enum status access_sign(const struct access_claims *c, const char *kid, const char *private_pem,
			int64_t now_s, char *out, struct error *err)
{
	char header[ACCESS_KID_MAX + 64];
	EVP_PKEY *key = NULL;
	struct buf claims;
	enum status st;

	if (!access__kid_valid(kid))
		return error_set(err, ST_INVALID, "kid", "is not a key id");
	if (!identity_consistent(c) || !brands_valid(c->brand_ids))
		return error_set(err, ST_INVALID, NULL, "the claims contradict each other");
	key = access__private_key(private_pem);
	if (key == NULL)
		return error_set(err, ST_INVALID, "private_pem", "is not a P-256 private key");
	snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		 kid);
	buf_init(&claims, ACCESS_TOKEN_MAX);
	put_claims(&claims, c, now_s);
	st = buf_status(&claims);
	if (st == ST_OK)
		st = access__token_seal(header, buf_str(&claims), key, out, ACCESS_TOKEN_MAX);
	buf_done(&claims);
	EVP_PKEY_free(key);
	return st == ST_OK ? ST_OK : error_set(err, st, NULL, "the token cannot be made");
}
