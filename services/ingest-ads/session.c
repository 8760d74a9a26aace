/* The sealed form is three lines: access token, refresh token, login customer. Tokens hold no line
 * breaks: the contract's walk refuses control characters in them. */
#include "session.h"

#include "core/text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PURPOSE "ads-credentials"

const char *session_seal(struct ads *app, struct arena *a, const struct credential *c)
{
	char *text = arena_printf(a, "%s\n%s\n%s", c->access_token, c->refresh_token,
				  c->login_customer_id);
	char *sealed = seal_put(svc_seal_ring(app->engine.svc), a, PURPOSE, text, strlen(text));

	sodium_memzero(text, strlen(text));
	return sealed;
}

void session_init(struct ads *app, const struct provider *p, const struct credential *c,
		  struct provider_session *s)
{
	*s = (struct provider_session){ .provider = p, .app = app };
	snprintf(s->token, sizeof(s->token), "%s", c->access_token);
	snprintf(s->refresh_token, sizeof(s->refresh_token), "%s", c->refresh_token);
	snprintf(s->login_customer_id, sizeof(s->login_customer_id), "%s", c->login_customer_id);
}

enum status session_open(struct ads *app, const struct provider *p, struct arena *a,
			 const char *sealed, struct provider_session *s, struct error *err)
{
	char *text = seal_get(svc_seal_ring(app->engine.svc), a, PURPOSE, sealed, NULL);
	char *refresh = text ? strchr(text, '\n') : NULL;
	char *login = refresh ? strchr(refresh + 1, '\n') : NULL;

	if (!login)
		return provider_refused(p, err, "the kept ones cannot be opened");
	*refresh++ = '\0';
	*login++ = '\0';
	*s = (struct provider_session){ .provider = p, .app = app };
	if (text_copy(s->token, sizeof(s->token), text) != ST_OK ||
	    text_copy(s->refresh_token, sizeof(s->refresh_token), refresh) != ST_OK ||
	    text_copy(s->login_customer_id, sizeof(s->login_customer_id), login) != ST_OK)
		return provider_refused(p, err, "the kept ones are too long");
	return ST_OK;
}
