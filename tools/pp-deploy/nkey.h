/*
 * NATS nkeys of users: base32 (RFC 4648, no padding) of prefix bytes, 32 bytes of Ed25519, and
 * CRC16 (XMODEM, little endian). Source of the format: the nkeys README of the NATS project.
 */
#ifndef DEPLOY_NKEY_H
#define DEPLOY_NKEY_H

#include <stdbool.h>
#include <stdint.h>

#define NKEY_RAW         32
#define NKEY_PUBLIC_TEXT 57 /* "U..." and NUL */
#define NKEY_SEED_TEXT   59 /* "SU..." and NUL */

void nkey_seed_encode(const uint8_t raw[NKEY_RAW], char out[NKEY_SEED_TEXT]);
/* The public key that belongs to a seed's text; false when the text is not a user's seed (prefix,
 * length, checksum). */
bool nkey_public_of(const char *seed, char out[NKEY_PUBLIC_TEXT]);

#endif
