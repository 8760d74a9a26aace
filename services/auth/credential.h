/*
 * Random credentials: a prefix and 256 bits as base64url. Only the SHA-256 is stored; so many
 * random bits need neither salt nor a slow hash (ASVS 5.0, 6.5.2). Pure but for randomness.
 */
#ifndef AUTH_CREDENTIAL_H
#define AUTH_CREDENTIAL_H

#include "core/arena.h"

#include <stdbool.h>
#include <stdint.h>

#define CREDENTIAL_REFRESH  "ppr_"
#define CREDENTIAL_OPERATOR "ppo_"
#define CREDENTIAL_HASH     32

/* A fresh one in the arena; "" when that is full. */
const char *credential_new(struct arena *a, const char *prefix);
/* Its hash; false for a text that no credential with this prefix has. */
bool credential_hash(const char *prefix, const char *text, uint8_t hash[CREDENTIAL_HASH]);
/* Under which failed logins for this account from this address are counted. `email` is lower case.
 */
void credential_failure_key(const char *email, const char *client_ip, uint8_t key[CREDENTIAL_HASH]);

#endif
