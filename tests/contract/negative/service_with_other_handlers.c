// expect: not compatible with any (association|generic)|selector of type
/* A service's description holds another service's handlers. */
#include "contract/auth.h"
#include "contract/ingest_ads.h"
#include "svc/svc.h"

static const struct auth_handlers auth = { 0 };
static const struct ingest_ads_handlers ads = { 0 };

extern const struct svc_spec spec;
#ifdef WRONG
const struct svc_spec spec = { AUTH_SERVES(&ads) };
#else
const struct svc_spec spec = { AUTH_SERVES(&auth) };
#endif
const void *use(void);
const void *use(void)
{
	return auth.login ? (const void *)&ads : (const void *)&auth;
}
