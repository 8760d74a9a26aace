// expect: no member named|does not refer to any field
/* A handler for a method that the contract does not have. */
#include "contract/auth.h"

static enum status jwks(struct call *call, const Pulsepoint__Empty *in, Auth__V1__JwksReply *out)
{
	(void)call, (void)in, (void)out;
	return ST_OK;
}

extern const struct auth_handlers handlers;
const struct auth_handlers handlers = {
#ifdef WRONG
	.keys = jwks,
#else
	.jwks = jwks,
#endif
};
