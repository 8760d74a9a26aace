/* The handlers of the contract, one per method, and what they share. handlers.c puts them into the
 * table. */
#ifndef AUTH_HANDLERS_H
#define AUTH_HANDLERS_H

#include "contract/auth.h"
#include "store.h"
#include "svc/call.h"

/* handlers_login.c */
enum status auth_on_login(struct call *call, const Auth__V1__LoginRequest *in,
			  Auth__V1__Tokens *out);
enum status auth_on_exchange_key(struct call *call, const Auth__V1__ExchangeKeyRequest *in,
				 Auth__V1__Tokens *out);
/* handlers_session.c */
enum status auth_on_refresh(struct call *call, const Auth__V1__RefreshRequest *in,
			    Auth__V1__Tokens *out);
enum status auth_on_logout(struct call *call, const Auth__V1__LogoutRequest *in,
			   Pulsepoint__Empty *out);
/* handlers_tenant.c */
enum status auth_on_create_tenant(struct call *call, const Auth__V1__CreateTenantRequest *in,
				  Auth__V1__Tenant *out);
enum status auth_on_list_tenants(struct call *call, const Auth__V1__ListTenantsRequest *in,
				 Auth__V1__ListTenantsReply *out);
enum status auth_on_suspend_tenant(struct call *call, const Auth__V1__TenantRequest *in,
				   Auth__V1__Tenant *out);
enum status auth_on_resume_tenant(struct call *call, const Auth__V1__TenantRequest *in,
				  Auth__V1__Tenant *out);
/* handlers_user.c */
enum status auth_on_list_users(struct call *call, const Auth__V1__ListUsersRequest *in,
			       Auth__V1__ListUsersReply *out);
enum status auth_on_create_user(struct call *call, const Auth__V1__CreateUserRequest *in,
				Auth__V1__User *out);
/* handlers_brand.c */
enum status auth_on_list_brands(struct call *call, const Auth__V1__ListBrandsRequest *in,
				Auth__V1__ListBrandsReply *out);
enum status auth_on_create_brand(struct call *call, const Auth__V1__CreateBrandRequest *in,
				 Auth__V1__Brand *out);
enum status auth_on_get_brand(struct call *call, const Auth__V1__BrandRequest *in,
			      Auth__V1__Brand *out);
enum status auth_on_update_brand(struct call *call, const Auth__V1__UpdateBrandRequest *in,
				 Auth__V1__Brand *out);
/* handlers_platform.c */
enum status auth_on_jwks(struct call *call, const Pulsepoint__Empty *in, Auth__V1__JwksReply *out);
enum status auth_on_access_state(struct call *call, const Pulsepoint__Empty *in,
				 Auth__V1__AccessStateReply *out);
enum status auth_on_grant(struct call *call, const Auth__V1__GrantRequest *in,
			  Auth__V1__GrantReply *out);

/* ---- shared: handlers_answer.c ---- */

enum status answer_out_of_memory(struct call *call);
/* "tenant is suspended", with the same words as libs/access. */
enum status answer_suspended(struct call *call);
/* A timestamp in the arena; NULL when that is full, which the runtime notices. */
Pulsepoint__Timestamp *answer_time(struct call *call, int64_t us);
Auth__V1__UserRole answer_role(enum role role);
Auth__V1__Tier answer_tier(const char *word);
const char *answer_tier_word(Auth__V1__Tier tier);
/* A comma separated list as a repeated field. */
enum status answer_ids(struct call *call, const char *list, char ***ret, size_t *n) MUST_USE;
/* The address in the form it is stored and compared in: lower case (ASCII). In the arena. */
char *answer_email(struct call *call, const char *email);
/* Signs the claims for ACCESS_TOKEN_LIFE_S and fills the answer; `refresh` "" for operators. */
enum status answer_tokens(struct call *call, struct access_claims *claims, const char *refresh,
			  Auth__V1__Tokens *out) MUST_USE;
/* The claims of a user's session; ST_INTERNAL when they do not fit a token. */
enum status answer_claims(struct call *call, const struct membership *m, const char *user_id,
			  const char *session_id, struct access_claims *ret) MUST_USE;
/* Hashes a password in its turn. In the arena. */
enum status answer_hash(struct call *call, const char *password, const char **ret) MUST_USE;
/* Tells every service that the access state has changed; after commit. */
void answer_announce(struct call *call);

#endif
