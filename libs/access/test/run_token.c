/* Forged, broken and foreign tokens: each is refused, and for the right reason. */
#include "forge.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <jwt.h>
#include <openssl/hmac.h>
#include <stdlib.h>

static struct forge key, stranger;

static int group_setup(void **state)
{
	(void)state;
	forge_new(&key);
	forge_new(&stranger);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	forge_done(&key);
	forge_done(&stranger);
	return 0;
}

/* Verifies at NOW by a service named "auth" and expects the outcome. */
static void expect(const char *name, const char *token, enum status want, const char *reason)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = { 0 };
	struct error err = { 0 };
	enum status st = access__verify_at(a, token, NOW, &c, NULL, &err);

	if (st != want || (want != ST_OK && strstr(err.detail, reason) == NULL))
		fail_msg("%s: %s \"%s\", expected %s \"%s\"", name, status_name(st), err.detail,
			 status_name(want), reason);
	if (want != ST_OK && strlen(token) > 20)
		assert_null(strstr(err.detail, token));
	assert_int_equal(access__cached(a), want == ST_OK ? 1 : 0);
	access_free(a);
}

static void sealed(const struct forge *f, const char *header, const char *payload, char *out)
{
	assert_int_equal(access__token_seal(header, payload, f->key, out, ACCESS_TOKEN_MAX), ST_OK);
}

static void test_round_trip(void **state)
{
	struct access *a = forge_access(&key, "auth", 7);
	struct access_claims c = good_claims(), got = { 0 };
	char token[ACCESS_TOKEN_MAX];
	struct error err = { 0 };
	bool unknown = true;

	(void)state;
	snprintf(c.brand_ids, sizeof(c.brand_ids), "%s,%s", BRAND, BRAND_2);
	sign_claims(&key, &c, token);
	for (int i = 0; i < 2; i++) { /* fresh, then from the cache */
		memset(&got, 0x5a, sizeof(got));
		assert_int_equal(access__verify_at(a, token, NOW, &got, &unknown, &err), ST_OK);
		assert_false(unknown);
		assert_string_equal(got.user_id, USER);
		assert_string_equal(got.tenant_id, TENANT);
		assert_string_equal(got.session_id, SESSION);
		assert_string_equal(got.tier, "standard");
		assert_string_equal(got.brand_ids, c.brand_ids);
		assert_string_equal(got.service, "");
		assert_int_equal(got.role, ROLE_ANALYST);
		assert_int_equal(got.expires_at, c.expires_at);
		assert_int_equal(access__cached(a), 1);
	}
	assert_int_equal(access_version(a), 7);
	access_free(a);
}

/* Two tokens of the same claims differ (jti), and a token of the most brands fits. */
static void test_sign_limits(void **state)
{
	struct access_claims c = good_claims();
	char one[ACCESS_TOKEN_MAX], two[ACCESS_TOKEN_MAX];
	struct error err = { 0 };
	size_t at = 0;

	(void)state;
	sign_claims(&key, &c, one);
	sign_claims(&key, &c, two);
	assert_string_not_equal(one, two);
	for (int i = 0; i < 64; i++)
		at += (size_t)snprintf(c.brand_ids + at, sizeof(c.brand_ids) - at, "%s%s",
				       i ? "," : "", BRAND);
	assert_int_equal(at, 64 * (UUID_TEXT - 1) + 63);
	sign_claims(&key, &c, one);
	expect("64 brands", one, ST_OK, "");
	assert_int_equal(access_sign(&c, "bad kid", key.private_pem, NOW, one, &err), ST_INVALID);
	assert_int_equal(access_sign(&c, "k1", key.public_pem, NOW, one, &err), ST_INVALID);
	c.role = ROLE_OPERATOR;
	assert_int_equal(access_sign(&c, "k1", key.private_pem, NOW, one, &err), ST_INVALID);
}

/* The payload of a good token with one member replaced, added or (NULL) left out. */
static void payload_with(const char *name, const char *value, char *out, size_t cap)
{
	static const char *const members[][2] = {
		{ "iat", "1795223261" },
		{ "nbf", "1795223261" },
		{ "exp", "1795224161" },
		{ "iss", "\"pulsepoint\"" },
		{ "aud", "\"pulsepoint\"" },
		{ "jti", "\"j1\"" },
		{ "sub", "\"" USER "\"" },
		{ "tid", "\"" TENANT "\"" },
		{ "sid", "\"" SESSION "\"" },
		{ "rol", "\"admin\"" },
		{ "tier", "\"growth\"" },
		{ "brd", "\"\"" },
		{ "svc", "\"\"" },
	};
	bool replaced = false;
	size_t at = 0;

	out[at++] = '{';
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		bool same = strcmp(members[i][0], name) == 0;
		const char *v = same ? value : members[i][1];

		replaced = replaced || same;
		if (v != NULL)
			at += (size_t)snprintf(out + at, cap - at, "%s\"%s\":%s", at > 1 ? "," : "",
					       members[i][0], v);
	}
	if (!replaced)
		at += (size_t)snprintf(out + at, cap - at, ",%s", value);
	snprintf(out + at, cap - at, "}");
}

/* Claims signed with the right key, so that only the claim itself is at fault. */
static const struct {
	const char *name, *member, *value;
	enum status want;
	const char *reason;
} claim_rows[] = {
	{ "as it should be", "rol", "\"admin\"", ST_OK, "" },
	{ "a claim of a later release", "+", "\"new\":\"x\"", ST_OK, "" },
	{ "expired", "exp", "1795223256", ST_UNAUTHENTICATED, "expired" },
	{ "expired within the skew", "exp", "1795223257", ST_OK, "" },
	{ "no exp", "exp", NULL, ST_UNAUTHENTICATED, "lacks exp" },
	{ "exp as text", "exp", "\"1795224161\"", ST_UNAUTHENTICATED, "lacks exp" },
	{ "exp as fraction", "exp", "1795224161.5", ST_UNAUTHENTICATED, "malformed" },
	{ "exp with exponent", "exp", "1e12", ST_UNAUTHENTICATED, "malformed" },
	{ "exp beyond 2^53", "exp", "9007199254740993", ST_UNAUTHENTICATED, "malformed" },
	{ "exp negative", "exp", "-1", ST_UNAUTHENTICATED, "expired" },
	{ "not yet valid", "nbf", "1795223267", ST_UNAUTHENTICATED, "not valid yet" },
	{ "not yet valid within the skew", "nbf", "1795223266", ST_OK, "" },
	{ "issued in the future", "iat", "1795223267", ST_UNAUTHENTICATED, "not valid yet" },
	{ "no nbf", "nbf", NULL, ST_UNAUTHENTICATED, "lacks exp" },
	{ "no iat", "iat", NULL, ST_UNAUTHENTICATED, "lacks exp" },
	{ "other issuer", "iss", "\"evil\"", ST_UNAUTHENTICATED, "issuer" },
	{ "no issuer", "iss", NULL, ST_UNAUTHENTICATED, "issuer" },
	{ "issuer cut", "iss", "\"pulsepoin\"", ST_UNAUTHENTICATED, "issuer" },
	{ "other audience", "aud", "\"other\"", ST_UNAUTHENTICATED, "audience" },
	{ "list of audiences", "aud", "[\"pulsepoint\"]", ST_UNAUTHENTICATED, "malformed" },
	{ "no audience", "aud", NULL, ST_UNAUTHENTICATED, "audience" },
	{ "no subject", "sub", NULL, ST_UNAUTHENTICATED, "contradict" },
	{ "subject is no id", "sub", "\"root\"", ST_UNAUTHENTICATED, "contradict" },
	{ "subject too long", "sub", "\"" USER "0\"", ST_UNAUTHENTICATED, "contradict" },
	{ "subject a number", "sub", "1", ST_UNAUTHENTICATED, "contradict" },
	{ "no tenant", "tid", NULL, ST_UNAUTHENTICATED, "contradict" },
	{ "tenant empty", "tid", "\"\"", ST_UNAUTHENTICATED, "contradict" },
	{ "tenant is no id", "tid", "\"*\"", ST_UNAUTHENTICATED, "contradict" },
	{ "no session", "sid", NULL, ST_UNAUTHENTICATED, "contradict" },
	{ "no role", "rol", NULL, ST_UNAUTHENTICATED, "contradict" },
	{ "unknown role", "rol", "\"root\"", ST_UNAUTHENTICATED, "contradict" },
	{ "role service", "rol", "\"service\"", ST_UNAUTHENTICATED, "contradict" },
	{ "role public", "rol", "\"public\"", ST_UNAUTHENTICATED, "contradict" },
	{ "operator with a tenant", "rol", "\"operator\"", ST_UNAUTHENTICATED, "contradict" },
	{ "no jti", "jti", NULL, ST_UNAUTHENTICATED, "contradict" },
	{ "brand is no id", "brd", "\"x\"", ST_UNAUTHENTICATED, "contradict" },
	{ "brands end in a comma", "brd", "\"" BRAND ",\"", ST_UNAUTHENTICATED, "contradict" },
	{ "brand list of one", "brd", "\"" BRAND "\"", ST_OK, "" },
	{ "grant with a session", "svc", "\"auth\"", ST_UNAUTHENTICATED, "contradict" },
	{ "duplicate claim", "+", "\"tid\":\"" TENANT_2 "\"", ST_UNAUTHENTICATED, "malformed" },
	{ "duplicate by escape", "+", "\"ti\\u0064\":\"" TENANT_2 "\"", ST_UNAUTHENTICATED,
	  "malformed" },
	{ "nested claim", "+", "\"x\":{\"a\":1}", ST_UNAUTHENTICATED, "malformed" },
	{ "null claim", "svc", "null", ST_UNAUTHENTICATED, "malformed" },
	{ "not ASCII", "+", "\"x\":\"\303\251\"", ST_UNAUTHENTICATED, "malformed" },
	{ "text after the object", "svc", "\"\"} {", ST_UNAUTHENTICATED, "malformed" },
};

static void test_claims(void **state)
{
	char payload[2048], token[ACCESS_TOKEN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(claim_rows) / sizeof(claim_rows[0]); i++) {
		payload_with(claim_rows[i].member, claim_rows[i].value, payload, sizeof(payload));
		sealed(&key, HEADER, payload, token);
		expect(claim_rows[i].name, token, claim_rows[i].want, claim_rows[i].reason);
	}
}

/* Headers signed with the right key. */
static void test_headers(void **state)
{
	static const struct {
		const char *name, *header, *reason;
	} rows[] = {
		{ "alg none", "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", "ES256" },
		{ "alg None", "{\"alg\":\"None\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", "ES256" },
		{ "alg lower case", "{\"alg\":\"es256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		  "ES256" },
		{ "alg HS256", "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", "ES256" },
		{ "alg ES384", "{\"alg\":\"ES384\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", "ES256" },
		{ "alg a number", "{\"alg\":1,\"typ\":\"at+jwt\",\"kid\":\"k1\"}", "ES256" },
		{ "no alg", "{\"typ\":\"at+jwt\",\"kid\":\"k1\"}", "ES256" },
		{ "two algs",
		  "{\"alg\":\"ES256\",\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		  "malformed" },
		{ "typ JWT", "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
		  "not an access token" },
		{ "typ refresh", "{\"alg\":\"ES256\",\"typ\":\"rt+jwt\",\"kid\":\"k1\"}",
		  "not an access token" },
		{ "no typ", "{\"alg\":\"ES256\",\"kid\":\"k1\"}", "not an access token" },
		{ "no kid", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", "names no key" },
		{ "empty kid", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"\"}",
		  "names no key" },
		{ "kid a path", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"../k1\"}",
		  "names no key" },
		{ "unknown kid", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k2\"}",
		  "key is unknown" },
		{ "own key along",
		  "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\",\"jku\":\"https://evil\"}",
		  "holds more" },
		{ "critical extension",
		  "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\",\"crit\":[\"b64\"]}",
		  "malformed" },
		{ "empty object", "{}", "ES256" },
		{ "no object", "\"ES256\"", "malformed" },
		{ "not closed", "{\"alg\":\"ES256\"", "malformed" },
	};
	char payload[2048], token[ACCESS_TOKEN_MAX];

	(void)state;
	payload_with("rol", "\"admin\"", payload, sizeof(payload));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sealed(&key, rows[i].header, payload, token);
		expect(rows[i].name, token, ST_UNAUTHENTICATED, rows[i].reason);
	}
}

/* header.payload with a MAC made with the public PEM as the secret, which a naive verifier accepts.
 */
static void test_hs256_with_public_key(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
		"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
	};
	char payload[2048], token[ACCESS_TOKEN_MAX];
	struct arena *a = arena_new(ACCESS_ARENA_MAX);
	uint8_t mac[32];
	unsigned int len = 0;

	(void)state;
	payload_with("rol", "\"admin\"", payload, sizeof(payload));
	for (size_t i = 0; i < 2; i++) {
		snprintf(token, sizeof(token), "%s.%s",
			 base64url_encode(a, headers[i], strlen(headers[i])),
			 base64url_encode(a, payload, strlen(payload)));
		assert_non_null(HMAC(EVP_sha256(), key.public_pem, (int)strlen(key.public_pem),
				     (const unsigned char *)token, strlen(token), mac, &len));
		snprintf(token + strlen(token), sizeof(token) - strlen(token), ".%s",
			 base64url_encode(a, mac, len));
		expect(headers[i], token, ST_UNAUTHENTICATED,
		       i == 0 ? "not signed with ES256" : "signature is malformed");
	}
	arena_free(a);
}

/* The same forgery as libjwt makes it, which libjwt itself accepts. */
static void test_hs256_by_libjwt(void **state)
{
	jwt_t *forged = NULL, *accepted = NULL;
	char *token;

	(void)state;
	assert_int_equal(jwt_new(&forged), 0);
	assert_int_equal(jwt_add_header(forged, "kid", "k1"), 0);
	assert_int_equal(jwt_add_grant(forged, "sub", USER), 0);
	assert_int_equal(jwt_set_alg(forged, JWT_ALG_HS256, (const unsigned char *)key.public_pem,
				     (int)strlen(key.public_pem)),
			 0);
	token = jwt_encode_str(forged);
	assert_non_null(token);
	assert_int_equal(jwt_decode(&accepted, token, (const unsigned char *)key.public_pem,
				    (int)strlen(key.public_pem)),
			 0);
	expect("libjwt HS256", token, ST_UNAUTHENTICATED, "not signed with ES256");
	free(token);
	jwt_free(forged);
	jwt_free(accepted);
}

/* Our signatures are those of RFC 7518: an independent implementation takes them, and we take its.
 */
static void test_signature_agrees_with_libjwt(void **state)
{
	struct arena *a = arena_new(ACCESS_ARENA_MAX);
	char token[ACCESS_TOKEN_MAX];
	struct token t = { .signed_text = token };
	jwt_t *read = NULL, *made = NULL;
	char *theirs, *dot;
	size_t len = 0;
	uint8_t *signature;

	(void)state;
	sealed(&key, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "{\"sub\":\"x\"}", token);
	assert_int_equal(jwt_decode(&read, token, (const unsigned char *)key.public_pem,
				    (int)strlen(key.public_pem)),
			 0);
	assert_string_equal(jwt_get_grant(read, "sub"), "x");
	assert_int_equal(jwt_new(&made), 0);
	assert_int_equal(jwt_set_alg(made, JWT_ALG_ES256, (const unsigned char *)key.private_pem,
				     (int)strlen(key.private_pem)),
			 0);
	theirs = jwt_encode_str(made);
	assert_non_null(theirs);
	dot = strrchr(theirs, '.');
	assert_non_null(dot);
	signature = base64url_decode(a, dot + 1, &len);
	assert_int_equal(len, ACCESS_SIGNATURE_LEN);
	memcpy(t.signature, signature, len);
	t.signed_text = theirs;
	t.signed_len = (size_t)(dot - theirs);
	assert_true(access__signature_good(key.key, &t));
	assert_false(access__signature_good(stranger.key, &t));
	t.signature[0] ^= 1;
	assert_false(access__signature_good(key.key, &t));
	free(theirs);
	jwt_free(read);
	jwt_free(made);
	arena_free(a);
}

static void test_signed_by_a_stranger(void **state)
{
	struct access_claims c = good_claims();
	char token[ACCESS_TOKEN_MAX];

	(void)state;
	sign_claims(&stranger, &c, token);
	expect("stranger", token, ST_UNAUTHENTICATED, "signature is not good");
}

/* Every single character of the token that changes, changes the outcome to refusal. */
static void test_any_change_is_refused(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims(), got;
	char token[ACCESS_TOKEN_MAX];
	struct error err = { 0 };
	size_t len, refused = 0;

	(void)state;
	sign_claims(&key, &c, token);
	len = strlen(token);
	for (size_t i = 0; i < len; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		if (access__verify_at(a, token, NOW, &got, NULL, &err) == ST_UNAUTHENTICATED)
			refused++;
		token[i] = was;
	}
	assert_int_equal(refused, len);
	assert_int_equal(access__cached(a), 0);
	assert_int_equal(access__verify_at(a, token, NOW, &got, NULL, &err), ST_OK);
	access_free(a);
}

/* The payload of another good token under this one's signature. */
static void test_swapped_payload(void **state)
{
	struct access_claims c = good_claims();
	char one[ACCESS_TOKEN_MAX], two[ACCESS_TOKEN_MAX], mixed[2 * ACCESS_TOKEN_MAX];
	const char *p1, *p2, *s1;

	(void)state;
	sign_claims(&key, &c, one);
	memcpy(c.tenant_id, TENANT_2, sizeof(TENANT_2));
	c.role = ROLE_ADMIN;
	sign_claims(&key, &c, two);
	p1 = strchr(one, '.');
	p2 = strchr(two, '.');
	s1 = strrchr(one, '.');
	snprintf(mixed, sizeof(mixed), "%.*s%.*s%s", (int)(p1 - one), one,
		 (int)(strrchr(two, '.') - p2), p2, s1);
	expect("swapped payload", mixed, ST_UNAUTHENTICATED, "signature is not good");
}

static void test_shapes(void **state)
{
	struct access_claims c = good_claims();
	char token[ACCESS_TOKEN_MAX], bad[2 * ACCESS_TOKEN_MAX];
	char *dot1, *dot2, *huge;

	(void)state;
	sign_claims(&key, &c, token);
	dot1 = strchr(token, '.');
	dot2 = strrchr(token, '.');
	expect("empty", "", ST_UNAUTHENTICATED, "empty");
	expect("dots", "..", ST_UNAUTHENTICATED, "header is malformed");
	expect("one part", "abc", ST_UNAUTHENTICATED, "three parts");
	snprintf(bad, sizeof(bad), "%.*s", (int)(dot2 - token), token);
	expect("two parts", bad, ST_UNAUTHENTICATED, "three parts");
	snprintf(bad, sizeof(bad), "%.*s.", (int)(dot2 - token), token);
	expect("no signature", bad, ST_UNAUTHENTICATED, "signature is malformed");
	snprintf(bad, sizeof(bad), "%s.x", token);
	expect("four parts", bad, ST_UNAUTHENTICATED, "three parts");
	snprintf(bad, sizeof(bad), "%.*s", (int)strlen(token) - 2, token);
	expect("signature truncated", bad, ST_UNAUTHENTICATED, "signature");
	snprintf(bad, sizeof(bad), "%.*s.%086d", (int)(dot2 - token), token, 0);
	memset(strrchr(bad, '.') + 1, 'A', 86);
	expect("signature zero", bad, ST_UNAUTHENTICATED, "signature is not good");
	snprintf(bad, sizeof(bad), "%s=", token);
	expect("padding", bad, ST_UNAUTHENTICATED, "signature is malformed");
	snprintf(bad, sizeof(bad), "%s%s", "+/+/", dot1);
	expect("base64 instead of base64url", bad, ST_UNAUTHENTICATED, "header is malformed");
	snprintf(bad, sizeof(bad), "%.*s.!!!!%s", (int)(dot1 - token), token, dot2);
	expect("payload is no base64", bad, ST_UNAUTHENTICATED, "signature is not good");
	snprintf(bad, sizeof(bad), " %s", token);
	expect("space before", bad, ST_UNAUTHENTICATED, "header is malformed");
	huge = calloc(1, 1 << 20);
	assert_non_null(huge);
	memset(huge, 'a', (1 << 20) - 1);
	expect("huge", huge, ST_UNAUTHENTICATED, "too long");
	free(huge);
}

/* A payload signed by us that is no JSON at all, or empty. */
static void test_signed_nonsense(void **state)
{
	static const char *const payloads[] = { "",          "null",       "[]",  "{",
						"{\"exp\"}", "{\"exp\":}", "{,}", "\"\"" };
	char token[ACCESS_TOKEN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		sealed(&key, HEADER, payloads[i], token);
		expect(payloads[i], token, ST_UNAUTHENTICATED, "malformed");
	}
}

/* More members than the reader keeps are refused, not overrun. */
static void test_too_many_claims(void **state)
{
	char payload[2048] = "{\"a\":1", token[ACCESS_TOKEN_MAX];
	size_t at = strlen(payload);

	(void)state;
	for (int i = 1; i < FLAT_MEMBERS_MAX + 1; i++)
		at += (size_t)snprintf(payload + at, sizeof(payload) - at, ",\"a%d\":1", i);
	snprintf(payload + at, sizeof(payload) - at, "}");
	sealed(&key, HEADER, payload, token);
	expect("25 claims", token, ST_UNAUTHENTICATED, "malformed");
}

static void test_grants(void **state)
{
	struct access_claims c = good_claims(), got;
	struct access *other = forge_access(&key, "attribution", 1);
	char token[ACCESS_TOKEN_MAX];
	struct error err = { 0 };

	(void)state;
	snprintf(c.user_id, sizeof(c.user_id), "ingest-ads");
	snprintf(c.service, sizeof(c.service), "auth");
	c.session_id[0] = '\0';
	sign_claims(&key, &c, token);
	expect("grant for auth", token, ST_OK, "");
	assert_int_equal(access__verify_at(other, token, NOW, &got, NULL, &err),
			 ST_UNAUTHENTICATED);
	assert_non_null(strstr(err.detail, "another service"));
	assert_int_equal(access__cached(other), 0);
	access_free(other);
}

static void test_operator(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims(), got;
	char token[ACCESS_TOKEN_MAX];
	struct error err = { 0 };

	(void)state;
	c.role = ROLE_OPERATOR;
	c.tenant_id[0] = '\0';
	sign_claims(&key, &c, token);
	assert_int_equal(access__verify_at(a, token, NOW, &got, NULL, &err), ST_OK);
	assert_int_equal(got.role, ROLE_OPERATOR);
	assert_string_equal(got.tenant_id, "");
	access_free(a);
}

/* The public function takes the wall clock. */
static void test_wall_clock(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims(), got;
	char token[ACCESS_TOKEN_MAX];
	struct error err = { 0 };
	int64_t now_s = time_now_us() / US_PER_SECOND;

	(void)state;
	c.expires_at = now_s + ACCESS_TOKEN_LIFE_S;
	assert_int_equal(access_sign(&c, "k1", key.private_pem, now_s, token, &err), ST_OK);
	assert_int_equal(access_verify(a, token, &got, NULL, &err), ST_OK);
	c.expires_at = now_s - ACCESS_CLOCK_SKEW_S;
	assert_int_equal(access_sign(&c, "k1", key.private_pem, now_s - 10, token, &err), ST_OK);
	assert_int_equal(access_verify(a, token, &got, NULL, &err), ST_UNAUTHENTICATED);
	access_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_sign_limits),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_hs256_with_public_key),
		cmocka_unit_test(test_hs256_by_libjwt),
		cmocka_unit_test(test_signature_agrees_with_libjwt),
		cmocka_unit_test(test_signed_by_a_stranger),
		cmocka_unit_test(test_any_change_is_refused),
		cmocka_unit_test(test_swapped_payload),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_signed_nonsense),
		cmocka_unit_test(test_too_many_claims),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_operator),
		cmocka_unit_test(test_wall_clock),
	};

	return cmocka_run_group_tests_name("token", tests, group_setup, group_teardown);
}
