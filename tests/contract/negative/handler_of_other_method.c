// expect: incompatible(-function)?-pointer-types
/* A handler stands in the slot of another method. */
#include "contract/auth.h"

static enum status login(struct call *call, const Auth__V1__LoginRequest *in, Auth__V1__Tokens *out)
{
	(void)call, (void)in, (void)out;
	return ST_OK;
}

extern const struct auth_handlers handlers;
const struct auth_handlers handlers = {
#ifdef WRONG
	.refresh = login,
#else
	.login = login,
#endif
};
