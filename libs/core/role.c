/*
 * Words for roles. Apart from contract.c, so that a program without generated tables can use them.
 */
#include "core/contract.h"

#include <string.h>

static const char *const role_words[] = {
	[ROLE_NONE] = "none",       [ROLE_PUBLIC] = "public", [ROLE_VIEWER] = "viewer",
	[ROLE_ANALYST] = "analyst", [ROLE_ADMIN] = "admin",   [ROLE_OPERATOR] = "operator",
	[ROLE_SERVICE] = "service",
};

#define N_ROLES (sizeof(role_words) / sizeof(role_words[0]))

const char *role_name(enum role r)
{
	return (size_t)r < N_ROLES ? role_words[r] : role_words[ROLE_NONE];
}

enum role role_from_name(const char *name)
{
	for (size_t i = 0; name != NULL && i < N_ROLES; i++) {
		if (strcmp(role_words[i], name) == 0)
			return (enum role)i;
	}
	return ROLE_NONE;
}
