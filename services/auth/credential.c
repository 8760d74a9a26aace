/* See credential.h. */
#include "credential.h"

#include "core/id.h"
#include "core/text.h"

#include <sodium.h>
#include <string.h>

#define RANDOM_BYTES 32
#define RANDOM_TEXT  43 /* of 32 bytes in base64url */

const char *credential_new(struct arena *a, const char *prefix)
{
	uint8_t random[RANDOM_BYTES];
	char *text;

	random_bytes(random, sizeof(random));
	text = arena_printf(a, "%s%s", prefix, base64url_encode(a, random, sizeof(random)));
	sodium_memzero(random, sizeof(random));
	return text;
}

bool credential_hash(const char *prefix, const char *text, uint8_t hash[CREDENTIAL_HASH])
{
	size_t len = strlen(text), prefix_len = strlen(prefix);

	if (len != prefix_len + RANDOM_TEXT || memcmp(text, prefix, prefix_len) != 0)
		return false;
	crypto_hash_sha256(hash, (const unsigned char *)text, len);
	return true;
}

void credential_failure_key(const char *email, const char *client_ip, uint8_t key[CREDENTIAL_HASH])
{
	crypto_hash_sha256_state state;

	/* The NUL after each part keeps "a" + "bc" apart from "ab" + "c". */
	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const unsigned char *)email, strlen(email) + 1);
	crypto_hash_sha256_update(&state, (const unsigned char *)client_ip, strlen(client_ip) + 1);
	crypto_hash_sha256_final(&state, key);
}
