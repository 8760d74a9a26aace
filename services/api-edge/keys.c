/*
 * API keys of platform operators. The edge changes a key for a short access token at auth and keeps
 * the token until a minute before it expires; keys are remembered by their hash only.
 */
#include "contract/auth.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "edge.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX    64
#define KEY_SPARE_S 60

struct kept {
	uint8_t hash[32];
	char token[ACCESS_TOKEN_MAX];
	int64_t good_until_us; /* monotonic; 0: free */
};
struct operator_keys {
	pthread_mutex_t lock;
	struct kept kept[KEYS_MAX];
};

struct operator_keys *operator_keys_new(void)
{
	struct operator_keys *k = calloc(1, sizeof(*k)); /* allowed: lives as long as the process */

	if (k)
		pthread_mutex_init(&k->lock, NULL);
	return k;
}

void operator_keys_free(struct operator_keys *k)
{
	if (!k)
		return;
	pthread_mutex_destroy(&k->lock);
	sodium_memzero(k, sizeof(*k));
	free(k);
}

static bool look_up(struct operator_keys *k, const uint8_t hash[32], char *token, size_t cap)
{
	int64_t now = time_mono_us();
	bool found = false;

	pthread_mutex_lock(&k->lock);
	for (int i = 0; i < KEYS_MAX && !found; i++)
		if (k->kept[i].good_until_us > now &&
		    equal_constant_time(k->kept[i].hash, hash, sizeof(k->kept[i].hash)))
			found = text_copy(token, cap, k->kept[i].token) == ST_OK;
	pthread_mutex_unlock(&k->lock);
	return found;
}

static void keep(struct operator_keys *k, const uint8_t hash[32], const char *token, int64_t life_s)
{
	struct kept *oldest = &k->kept[0];

	if (life_s <= KEY_SPARE_S)
		return;
	pthread_mutex_lock(&k->lock);
	for (int i = 1; i < KEYS_MAX; i++)
		if (k->kept[i].good_until_us < oldest->good_until_us)
			oldest = &k->kept[i];
	memcpy(oldest->hash, hash, sizeof(oldest->hash));
	oldest->good_until_us = 0;
	if (text_copy(oldest->token, sizeof(oldest->token), token) == ST_OK)
		oldest->good_until_us = time_mono_us() + (life_s - KEY_SPARE_S) * US_PER_SECOND;
	pthread_mutex_unlock(&k->lock);
}

enum status operator_keys_exchange(struct operator_keys *k, struct call *call, const char *key,
				   char *token, size_t cap)
{
	Auth__V1__ExchangeKeyRequest in = AUTH__V1__EXCHANGE_KEY_REQUEST__INIT;
	Auth__V1__Tokens *out = NULL;
	uint8_t hash[32];
	enum status st;

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)key, strlen(key), NULL, 0);
	if (look_up(k, hash, token, cap))
		return ST_OK;
	in.api_key = (char *)(uintptr_t)key;
	st = auth_exchange_key(call, &in, &out);
	if (st == ST_INVALID)
		st = error_set(call->err, ST_UNAUTHENTICATED, NULL, "the API key is not known");
	if (st != ST_OK)
		return st;
	st = text_copy(token, cap, out->access_token);
	if (st == ST_OK)
		keep(k, hash, token, out->expires_in);
	return st;
}

void operator_keys_forget(struct operator_keys *k, const char *key)
{
	uint8_t hash[32];

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)key, strlen(key), NULL, 0);
	pthread_mutex_lock(&k->lock);
	for (int i = 0; i < KEYS_MAX; i++)
		if (equal_constant_time(k->kept[i].hash, hash, sizeof(k->kept[i].hash)))
			k->kept[i].good_until_us = 0;
	pthread_mutex_unlock(&k->lock);
}
