/*
 * Who may call what. Pure: the contract's role against the caller's claims. Whose rows they then
 * see is row-level security's business.
 */
#include "access/access.h"

#include <string.h>
#include <strings.h>

bool access_brand_visible(const char *brand_ids, const char *brand_id)
{
	size_t want = strlen(brand_id);
	const char *at = brand_ids;

	if (*at == '\0')
		return true;
	while (at != NULL) {
		size_t len = strcspn(at, ",");

		if (len == want && strncasecmp(at, brand_id, len) == 0)
			return true;
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	return false;
}

static enum status allow_tenant(enum role least, const struct access_claims *who, struct error *err)
{
	if (who->tenant_id[0] == '\0' || who->role == ROLE_OPERATOR)
		return error_set(err, ST_DENIED, NULL, "operators have no access to tenants' data");
	if (who->role < least || who->role > ROLE_ADMIN)
		return error_set(err, ST_DENIED, NULL, "needs the role %s, the caller is %s",
				 role_name(least), role_name(who->role));
	return ST_OK;
}

static enum status allow_role(enum role least, const struct access_claims *who, struct error *err)
{
	switch (least) {
	case ROLE_PUBLIC:
		return ST_OK;
	case ROLE_VIEWER:
	case ROLE_ANALYST:
	case ROLE_ADMIN:
		if (who == NULL)
			break;
		return allow_tenant(least, who, err);
	case ROLE_OPERATOR:
		if (who == NULL)
			break;
		if (who->role != ROLE_OPERATOR || who->tenant_id[0] != '\0')
			return error_set(err, ST_DENIED, NULL,
					 "only operators of the platform may do this");
		return ST_OK;
	case ROLE_NONE:
	case ROLE_SERVICE:
		return error_set(err, ST_DENIED, NULL, "only services may call this");
	}
	return error_set(err, ST_UNAUTHENTICATED, NULL, "an access token is needed");
}

enum status access_allow(const struct contract_method *m, const struct access_claims *who,
			 const char *brand_id, struct error *err)
{
	enum status st = allow_role(m->role, who, err);

	if (st != ST_OK || m->role == ROLE_PUBLIC || brand_id == NULL || *brand_id == '\0')
		return st;
	if (!access_brand_visible(who->brand_ids, brand_id))
		return error_set(err, ST_NOT_FOUND, NULL, ACCESS_NO_BRAND);
	return ST_OK;
}
