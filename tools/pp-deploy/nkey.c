/* NATS nkeys of users. Read next: keys.c. */
#include "nkey.h"

#include <sodium.h>
#include <stddef.h>
#include <string.h>

#define PREFIX_SEED 0x90 /* 'S' */
#define PREFIX_USER 0xA0 /* 'U' */
#define CRC_BYTES   2
#define PUBLIC_LEN  (1 + NKEY_RAW + CRC_BYTES)
#define SEED_LEN    (2 + NKEY_RAW + CRC_BYTES)

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static uint16_t crc16(const uint8_t *data, size_t len)
{
	uint16_t crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc = (uint16_t)(crc ^ (data[i] << 8));
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
	}
	return crc;
}

/* `data` has room for the checksum after its `len` bytes; `out` for all digits and NUL. */
static void encode(uint8_t *data, size_t len, char *out)
{
	uint16_t crc = crc16(data, len);
	uint32_t bits = 0;
	int n = 0;

	data[len++] = (uint8_t)(crc & 0xff);
	data[len++] = (uint8_t)(crc >> 8);
	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8) | data[i];
		for (n += 8; n >= 5; n -= 5)
			*out++ = base32[(bits >> (n - 5)) & 31];
	}
	if (n > 0)
		*out++ = base32[(bits << (5 - n)) & 31];
	*out = '\0';
}

void nkey_seed_encode(const uint8_t raw[NKEY_RAW], char out[NKEY_SEED_TEXT])
{
	uint8_t data[SEED_LEN];

	data[0] = PREFIX_SEED | (PREFIX_USER >> 5);
	data[1] = (PREFIX_USER & 31) << 3;
	memcpy(data + 2, raw, NKEY_RAW);
	encode(data, 2 + NKEY_RAW, out);
	sodium_memzero(data, sizeof(data));
}

/* Exactly SEED_LEN bytes, checksum included and right. */
static bool decode_seed(const char *seed, uint8_t out[SEED_LEN])
{
	uint32_t bits = 0;
	size_t len = 0;
	int n = 0;

	if (strlen(seed) != NKEY_SEED_TEXT - 1)
		return false;
	for (; *seed != '\0'; seed++) {
		const char *digit = strchr(base32, *seed);

		if (digit == NULL)
			return false;
		bits = (bits << 5) | (uint32_t)(digit - base32);
		n += 5;
		if (n >= 8 && len < SEED_LEN) {
			n -= 8;
			out[len++] = (uint8_t)(bits >> n);
		}
	}
	return len == SEED_LEN &&
	       crc16(out, SEED_LEN - CRC_BYTES) == (out[SEED_LEN - 2] | (out[SEED_LEN - 1] << 8));
}

bool nkey_public_of(const char *seed, char out[NKEY_PUBLIC_TEXT])
{
	uint8_t data[SEED_LEN], secret[crypto_sign_SECRETKEYBYTES], public[PUBLIC_LEN];
	bool ok = decode_seed(seed, data) && data[0] == (PREFIX_SEED | (PREFIX_USER >> 5)) &&
		  data[1] == (PREFIX_USER & 31) << 3;

	if (ok) {
		public[0] = PREFIX_USER;
		crypto_sign_seed_keypair(public + 1, secret, data + 2);
		encode(public, 1 + NKEY_RAW, out);
	}
	sodium_memzero(data, sizeof(data));
	sodium_memzero(secret, sizeof(secret));
	return ok;
}
