/*
 * Tokens from outside. The first byte says where the rest goes: as a whole token (never accepted:
 * nobody can forge a signature), as the claims or as the header of a token that is signed with the
 * right key (parsed, and what is accepted must hold together). Read next: libs/access/token.c.
 */
#include "access/access_priv.h"
#include "core/magic.h"
#include "core/timeutil.h"

#include <string.h>

#define NOW INT64_C(1795223261)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char good_header[] = "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}";
static const char good_claims[] =
	"{\"iat\":1795223261,\"nbf\":1795223261,\"exp\":1795224161,\"iss\":\"pulsepoint\",\"aud\":"
	"\"pulsepoint\",\"jti\":\"j\","
	"\"sub\":\"0190c000-0000-7000-8000-000000000001\",\"tid\":\"0190a000-0000-7000-8000-"
	"000000000001\","
	"\"sid\":\"0190b000-0000-7000-8000-000000000001\",\"rol\":\"viewer\"}";

static struct access *access;
static EVP_PKEY *key;

static void set_up(void)
{
	static char private_pem[512], public_pem[512];
	struct access_key keys = { "k1", public_pem };
	struct access_state st = { .version = 1, .keys = &keys, .n_keys = 1 };

	if (access != NULL)
		return;
	INVARIANT(access_new_key(private_pem, public_pem, sizeof(private_pem)) == ST_OK);
	key = access__private_key(private_pem);
	access = access_new("auth");
	INVARIANT(key != NULL && access != NULL);
	INVARIANT(access_set_state(access, &st) == ST_OK);
}

/* What verified claims promise to those who use them. */
static void check_claims(const struct access_claims *c)
{
	INVARIANT(c->role >= ROLE_VIEWER && c->role <= ROLE_OPERATOR);
	INVARIANT((c->role == ROLE_OPERATOR) == (c->tenant_id[0] == '\0'));
	INVARIANT(c->tenant_id[0] == '\0' || uuid_valid(c->tenant_id));
	INVARIANT((c->service[0] == '\0') == (c->session_id[0] != '\0'));
	INVARIANT(c->service[0] == '\0' || strcmp(c->service, "auth") == 0);
	INVARIANT(NOW < c->expires_at + ACCESS_CLOCK_SKEW_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[2 * ACCESS_TOKEN_MAX], token[ACCESS_TOKEN_MAX];
	struct access_claims c = { 0 };
	struct error err = { 0 };
	const char *subject = text;
	enum status st;

	set_up();
	if (size == 0 || size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] % 3 != 0) {
		bool claims = data[0] % 3 == 1;

		if (access__token_seal(claims ? good_header : text, claims ? text : good_claims,
				       key, token, sizeof(token)) != ST_OK)
			return 0;
		subject = token;
	}
	st = access__verify_at(access, subject, NOW, &c, NULL, &err);
	INVARIANT(st != ST_OK || data[0] % 3 != 0);
	if (st == ST_OK)
		check_claims(&c);
	else
		INVARIANT(err.detail[0] != '\0' && err.status == st);
	return 0;
}
