// expect: incompatible(-function)?-pointer-types
/* A caller expects another method's reply. */
#include "contract/auth.h"

#ifdef WRONG
typedef Auth__V1__Tenant expected;
#else
typedef Auth__V1__Brand expected;
#endif
enum status ask(struct call *call, const Auth__V1__BrandRequest *in, expected **out);
enum status ask(struct call *call, const Auth__V1__BrandRequest *in, expected **out)
{
	return auth_get_brand(call, in, out);
}
