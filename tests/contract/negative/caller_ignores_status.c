// expect: unused-(result|value)|warn_unused_result
/* A call's outcome is dropped. */
#include "contract/auth.h"

enum status ask(struct call *call, const Auth__V1__BrandRequest *in, Auth__V1__Brand **out);
enum status ask(struct call *call, const Auth__V1__BrandRequest *in, Auth__V1__Brand **out)
{
#ifdef WRONG
	auth_get_brand(call, in, out);
	return ST_OK;
#else
	return auth_get_brand(call, in, out);
#endif
}
