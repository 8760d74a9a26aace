/* Speaking for a brand: credentials to a provider session and back. */
#ifndef ADS_SESSION_H
#define ADS_SESSION_H

#include "provider.h"
#include "store.h"

/* Seals what is to be kept; in the arena. NULL when memory is out. */
const char *session_seal(struct ads *app, struct arena *a, const struct credential *c);
/* Fills `s` from sealed text. ST_UNAUTHENTICATED when it does not open. */
enum status session_open(struct ads *app, const struct provider *p, struct arena *a,
			 const char *sealed, struct provider_session *s, struct error *err);
/* Fills `s` from fresh credentials. */
void session_init(struct ads *app, const struct provider *p, const struct credential *c,
		  struct provider_session *s);

#endif
