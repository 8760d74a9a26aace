/* See system_tokens.h. */
#include "system/system_tokens.h"

#include "core/text.h"
#include "core/timeutil.h"
#include "svc/seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define ARENA_MAX ((size_t)16 * 1024 * 1024)
#define PEM_MAX   2048
#define KID_MAX   128
#define HOUR_S    3600
#define PURPOSE   "signing-key" /* what auth seals it for */

struct forger {
	struct arena *arena; /* its own: tokens are made between requests */
	char kid[KID_MAX], private_pem[PEM_MAX], public_pem[PEM_MAX], other_pem[PEM_MAX];
};

const char *forgery_name(enum forgery f)
{
	static const char *const names[FORGERY_N] = { "expired",  "not valid yet", "HS256",
						      "alg none", "another key",   "altered" };

	return names[f];
}

static void unseal(struct suite *s, struct forger *f)
{
	static const char active[] = " FROM auth.signing_keys WHERE retired_at IS NULL";
	char path[2 * TK_TEXT], sealed[PEM_MAX], sql[256], *pem;
	struct seal_ring *ring;
	struct error err = { 0 };

	snprintf(sql, sizeof(sql), "SELECT kid%s", active);
	suite_sql(s, sql, NULL, f->kid, sizeof(f->kid));
	snprintf(sql, sizeof(sql), "SELECT public_pem%s", active);
	suite_sql(s, sql, NULL, f->public_pem, sizeof(f->public_pem));
	snprintf(sql, sizeof(sql), "SELECT private_sealed%s", active);
	suite_sql(s, sql, NULL, sealed, sizeof(sealed));
	snprintf(path, sizeof(path), "%s/seal/auth.key", s->dir);
	if (seal_ring_load(&ring, path, &err) != ST_OK)
		suite_fail("the sealing key cannot be read: %s", err.detail);
	pem = seal_get(ring, f->arena, PURPOSE, sealed, NULL);
	if (pem == NULL || text_copy(f->private_pem, sizeof(f->private_pem), pem) != ST_OK)
		suite_fail("the signing key cannot be unsealed");
	seal_ring_free(ring);
}

struct forger *forger_new(struct suite *s)
{
	static struct forger f;
	char public_pem[PEM_MAX];

	f = (struct forger){ .arena = arena_new(ARENA_MAX) };
	if (f.arena == NULL || access_new_key(f.other_pem, public_pem, PEM_MAX) != ST_OK)
		suite_fail("no key for forged tokens");
	unseal(s, &f);
	return &f;
}

/* ---- parts of a token ---- */

static char *payload_of(struct arena *a, const char *token)
{
	const char *from = strchr(token, '.'), *to = from ? strchr(from + 1, '.') : NULL;
	size_t len;
	char *json = NULL;

	if (to != NULL)
		json = (char *)base64url_decode(
			a, arena_strndup(a, from + 1, (size_t)(to - from - 1)), &len);
	if (json == NULL)
		suite_fail("a token cannot be read");
	return arena_strndup(a, json, len);
}

static void claim(const cJSON *o, const char *name, char *out, size_t cap)
{
	if (text_copy(out, cap, json_text(o, name)) != ST_OK)
		suite_fail("the claim %s is too long", name);
}

void forger_claims(const char *token, struct access_claims *ret)
{
	struct arena *a = arena_new(ARENA_MAX);
	cJSON *o = cJSON_Parse(payload_of(a, token));

	*ret = (struct access_claims){ .role = role_from_name(json_text(o, "rol")) };
	claim(o, "sub", ret->user_id, sizeof(ret->user_id));
	claim(o, "tid", ret->tenant_id, sizeof(ret->tenant_id));
	claim(o, "sid", ret->session_id, sizeof(ret->session_id));
	claim(o, "tier", ret->tier, sizeof(ret->tier));
	claim(o, "brd", ret->brand_ids, sizeof(ret->brand_ids));
	claim(o, "svc", ret->service, sizeof(ret->service));
	ret->expires_at = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItem(o, "exp"));
	cJSON_Delete(o);
	arena_free(a);
}

static void sign_at(const char *kid, const char *pem, const struct access_claims *c, int64_t now_s,
		    char out[ACCESS_TOKEN_MAX])
{
	struct error err = { 0 };

	if (access_sign(c, kid, pem, now_s, out, &err) != ST_OK)
		suite_fail("a token cannot be signed: %s", err.detail);
}

void forger_sign(const struct forger *f, const struct access_claims *c, char out[ACCESS_TOKEN_MAX])
{
	sign_at(f->kid, f->private_pem, c, time_now_us() / US_PER_SECOND, out);
}

/* ---- forgeries ---- */

/* "header.payload.signature" with HMAC-SHA256 under the public key's text, or no signature. */
static void put_other_alg(const struct forger *f, const char *alg, const char *good, bool hmac,
			  char out[ACCESS_TOKEN_MAX])
{
	struct arena *a = f->arena;
	const char *header =
		arena_printf(a, "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", alg, f->kid);
	const char *payload = payload_of(a, good), *text;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len = 0;

	text = arena_printf(a, "%s.%s", base64url_encode(a, header, strlen(header)),
			    base64url_encode(a, payload, strlen(payload)));
	if (hmac && HMAC(EVP_sha256(), f->public_pem, (int)strlen(f->public_pem),
			 (const unsigned char *)text, strlen(text), mac, &mac_len) == NULL)
		suite_fail("no HMAC");
	if (text_copy(out, ACCESS_TOKEN_MAX,
		      arena_printf(a, "%s.%s", text, base64url_encode(a, mac, mac_len))) != ST_OK)
		suite_fail("a forged token is too long");
}

/* The role is raised and nothing else; the signature stays the old one. */
static void put_promoted(const struct forger *f, const char *good, char out[ACCESS_TOKEN_MAX])
{
	struct arena *a = f->arena;
	const char *dot = strchr(good, '.'), *dot2 = strchr(dot + 1, '.');
	cJSON *o = cJSON_Parse(payload_of(a, good));
	const char *role = json_text(o, "rol");
	char *text;

	cJSON_SetValuestring(cJSON_GetObjectItem(o, "rol"),
			     strcmp(role, "admin") == 0 ? "viewer" : "admin");
	text = cJSON_PrintUnformatted(o);
	if (text_copy(out, ACCESS_TOKEN_MAX,
		      arena_printf(a, "%.*s.%s%s", (int)(dot - good), good,
				   base64url_encode(a, text, strlen(text)), dot2)) != ST_OK)
		suite_fail("a forged token is too long");
	cJSON_free(text);
	cJSON_Delete(o);
}

void forger_forge(const struct forger *f, enum forgery kind, const char *good,
		  char out[ACCESS_TOKEN_MAX])
{
	int64_t now_s = time_now_us() / US_PER_SECOND;
	struct access_claims c;

	forger_claims(good, &c);
	switch (kind) {
	case FORGERY_EXPIRED:
		c.expires_at = now_s - HOUR_S + ACCESS_TOKEN_LIFE_S;
		sign_at(f->kid, f->private_pem, &c, now_s - HOUR_S, out);
		break;
	case FORGERY_NOT_YET:
		c.expires_at = now_s + HOUR_S + ACCESS_TOKEN_LIFE_S;
		sign_at(f->kid, f->private_pem, &c, now_s + HOUR_S, out);
		break;
	case FORGERY_HS256:
		put_other_alg(f, "HS256", good, true, out);
		break;
	case FORGERY_NONE:
		put_other_alg(f, "none", good, false, out);
		break;
	case FORGERY_OTHER_KEY:
		sign_at(f->kid, f->other_pem, &c, now_s, out);
		break;
	case FORGERY_PROMOTED:
		put_promoted(f, good, out);
		break;
	case FORGERY_N:
		suite_fail("no such forgery");
	}
	arena_reset(f->arena);
}
