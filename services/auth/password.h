/*
 * Which passwords are taken: 12 to 256 bytes (the contract's limits), not the address itself, not a
 * common one. No rule about kinds of characters, no expiry (ASVS 5.0, 6.2). Pure.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "core/status.h"

#include <stddef.h>

#define PASSWORD_MIN 12
#define PASSWORD_MAX 256

/* ST_INVALID with `field` and the reason; the reason holds nothing of the password. */
enum status password_check(const char *email, const char *password, const char *field,
			   struct error *err) MUST_USE;

/* Sorted, lower case. */
extern const char *const password_common[];
extern const size_t password_common_n;

#endif
