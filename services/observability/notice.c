/* See notice.h. */
#include "notice.h"

#include "alert_message.h"
#include "core/id.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <sodium.h>
#include <string.h>

#define SECRET_BYTES 32

enum status notice_body(struct arena *a, const char *tenant_id, const struct alert_change *c,
			const char **ret, struct error *err)
{
	Observability__V1__Alert alert = OBSERVABILITY__V1__ALERT__INIT;
	char at[TIME_TEXT_MAX];
	struct buf b;
	enum status st;

	message_alert(a, &c->alert, c->change, &alert);
	time_format(alert_change_at(c), at);
	buf_init(&b, NOTICE_BODY_MAX);
	buf_printf(&b,
		   "{\"notice_id\":\"%s\",\"change\":\"%s\",\"tenant_id\":\"%s\","
		   "\"occurred_at\":\"%s\",\"alert\":",
		   c->notice_id, c->change == CHANGE_FIRED ? "fired" : "resolved", tenant_id, at);
	st = message_to_json(&alert.base, &b);
	buf_putc(&b, '}');
	if (st == ST_OK)
		st = buf_status(&b);
	if (st == ST_OK)
		*ret = arena_strdup(a, buf_str(&b));
	else
		error_set(err, st, NULL, "a notice cannot be written");
	buf_done(&b);
	return st;
}

const char *notice_signature(struct arena *a, const char *secret, int64_t unix_s, const char *body)
{
	const char *t = arena_printf(a, "%lld", (long long)unix_s);
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	char hex[2 * sizeof(mac) + 1];
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret, strlen(secret));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)t, strlen(t));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)body, strlen(body));
	crypto_auth_hmacsha256_final(&state, mac);
	hex_encode(mac, sizeof(mac), hex);
	return arena_printf(a, "t=%s,v1=%s", t, hex);
}

void notice_secret(char out[NOTICE_SECRET_MAX])
{
	uint8_t bytes[SECRET_BYTES];

	random_bytes(bytes, sizeof(bytes));
	memcpy(out, "whsec_", 7);
	sodium_bin2base64(out + 6, NOTICE_SECRET_MAX - 6, bytes, sizeof(bytes),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bytes, sizeof(bytes));
}
