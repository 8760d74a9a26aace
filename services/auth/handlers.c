/* The table of handlers: what auth answers. Order and types are the contract's. */
#include "handlers.h"

#include "service.h"

const struct auth_handlers auth_handlers = {
	.login = auth_on_login,
	.refresh = auth_on_refresh,
	.logout = auth_on_logout,
	.exchange_key = auth_on_exchange_key,
	.jwks = auth_on_jwks,
	.create_tenant = auth_on_create_tenant,
	.list_tenants = auth_on_list_tenants,
	.suspend_tenant = auth_on_suspend_tenant,
	.resume_tenant = auth_on_resume_tenant,
	.list_users = auth_on_list_users,
	.create_user = auth_on_create_user,
	.list_brands = auth_on_list_brands,
	.create_brand = auth_on_create_brand,
	.get_brand = auth_on_get_brand,
	.update_brand = auth_on_update_brand,
	.access_state = auth_on_access_state,
	.grant = auth_on_grant,
};
