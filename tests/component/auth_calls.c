/* Calls of auth's methods over the bus, and shortcuts. See auth_fixture.h. */
#include "component/auth_fixture.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LOOK_US 20000
#define CALL_MS 15000

/* ---- calls ---- */

struct reply world_call_on(struct bus *bus, struct arena *a, struct caller who,
			   enum auth_method method, const void *in)
{
	if (!who.wait_ms)
		who.wait_ms = CALL_MS;
	return world_ask(bus, a, who, &auth_methods[method], in);
}

struct reply world_call(struct world *w, struct caller who, enum auth_method method, const void *in)
{
	bool for_services = auth_methods[method].role == ROLE_SERVICE;

	return world_call_on(for_services ? world_bus(w, "ingest-shopify") : w->edge, w->arena, who,
			     method, in);
}

/* ---- shortcuts ---- */

const char *world_tenant(struct world *w, const char *admin_email)
{
	Auth__V1__CreateTenantRequest in = AUTH__V1__CREATE_TENANT_REQUEST__INIT;
	Auth__V1__NewAdmin admin = AUTH__V1__NEW_ADMIN__INIT;
	const Auth__V1__Tenant *t;

	in.name = (char *)"Tenant";
	in.tier = AUTH__V1__TIER__TIER_GROWTH;
	in.admin = &admin;
	admin.email = (char *)admin_email;
	admin.password = (char *)GOOD_PASSWORD;
	t = world_must(world_call(w, (struct caller){ .token = w->operator_token },
				  AUTH_CREATE_TENANT, &in),
		       "CreateTenant");
	return t->tenant_id;
}

struct reply world_login(struct world *w, const char *email, const char *password,
			 const char *tenant_id)
{
	Auth__V1__LoginRequest in = AUTH__V1__LOGIN_REQUEST__INIT;

	in.email = (char *)email;
	in.password = (char *)password;
	if (tenant_id)
		in.tenant_id = (char *)tenant_id;
	return world_call(w, (struct caller){ .ip = "192.0.2.1" }, AUTH_LOGIN, &in);
}

const Auth__V1__Tokens *world_must_login(struct world *w, const char *email)
{
	return world_must(world_login(w, email, GOOD_PASSWORD, NULL), "Login");
}

struct reply world_refresh(struct world *w, const char *refresh_token)
{
	Auth__V1__RefreshRequest in = AUTH__V1__REFRESH_REQUEST__INIT;

	in.refresh_token = (char *)refresh_token;
	return world_call(w, (struct caller){ 0 }, AUTH_REFRESH, &in);
}

const Auth__V1__Tokens *world_must_refresh(struct world *w, const char *refresh_token)
{
	return world_must(world_refresh(w, refresh_token), "Refresh");
}

void world_assert_refused(struct world *w, const char *refresh_token)
{
	struct reply r = world_refresh(w, refresh_token);

	assert_int_equal(r.status, ST_UNAUTHENTICATED);
	assert_string_equal(r.detail, "the refresh token is not valid");
	assert_string_equal(r.field, "");
}

struct reply world_logout(struct world *w, const char *refresh_token)
{
	Auth__V1__LogoutRequest in = AUTH__V1__LOGOUT_REQUEST__INIT;

	in.refresh_token = (char *)refresh_token;
	return world_call(w, (struct caller){ 0 }, AUTH_LOGOUT, &in);
}

const Auth__V1__Brand *world_brand(struct world *w, const char *token, const char *name,
				   const char *domain)
{
	Auth__V1__CreateBrandRequest in = AUTH__V1__CREATE_BRAND_REQUEST__INIT;

	in.name = (char *)name;
	in.domain = (char *)domain;
	return world_must(world_call(w, (struct caller){ .token = token }, AUTH_CREATE_BRAND, &in),
			  "CreateBrand");
}

const Auth__V1__User *world_user(struct world *w, const char *token, const char *email,
				 Auth__V1__UserRole role, const char *brand_id)
{
	Auth__V1__CreateUserRequest in = AUTH__V1__CREATE_USER_REQUEST__INIT;
	char *brands[] = { (char *)brand_id };

	in.email = (char *)email;
	in.password = (char *)GOOD_PASSWORD;
	in.role = role;
	in.brand_ids = brands;
	in.n_brand_ids = brand_id ? 1 : 0;
	return world_must(world_call(w, (struct caller){ .token = token }, AUTH_CREATE_USER, &in),
			  "CreateUser");
}

struct reply world_list_brands(struct world *w, const char *token)
{
	const Auth__V1__ListBrandsRequest in = AUTH__V1__LIST_BRANDS_REQUEST__INIT;

	return world_call(w, (struct caller){ .token = token }, AUTH_LIST_BRANDS, &in);
}

const char *world_claim(struct world *w, const char *token, const char *name)
{
	const char *dot = strchr(token, '.'), *end = dot ? strchr(dot + 1, '.') : NULL, *at;
	char *json;
	size_t len;

	assert_non_null(end);
	json = (char *)base64url_decode(
		w->arena, arena_strndup(w->arena, dot + 1, (size_t)(end - dot - 1)), &len);
	assert_non_null(json);
	json = arena_strndup(w->arena, json, len);
	at = strstr(json, arena_printf(w->arena, "\"%s\":", name));
	if (!at)
		return "";
	at += strlen(name) + 3;
	if (*at == '"')
		return arena_strndup(w->arena, at + 1, strcspn(at + 1, "\""));
	return arena_strndup(w->arena, at, strspn(at, "-0123456789"));
}

/* ---- conditions ---- */

void world_sql_until(struct world *w, const char *want, const char *query)
{
	int64_t deadline = time_mono_us() + WORLD_LIMIT_MS * INT64_C(1000);
	const char *got;

	while (strcmp(got = world_sql(w, "%s", query), want) != 0) {
		if (time_mono_us() > deadline)
			fail_msg("%s: \"%s\" and never \"%s\"", query, got, want);
		time_sleep_us(time_mono_us() + LOOK_US);
	}
}

int64_t world_until(struct world *w, const char *token, enum status want)
{
	int64_t start = time_mono_us(), deadline = start + WORLD_LIMIT_MS * INT64_C(1000);
	struct reply r;

	while ((r = world_list_brands(w, token)).status != want) {
		if (time_mono_us() > deadline)
			fail_msg("the token is answered %s and never %s", status_name(r.status),
				 status_name(want));
		time_sleep_us(time_mono_us() + 2000);
	}
	return time_mono_us() - start;
}

/* ---- sessions ---- */

const char *world_sid(struct world *w, const Auth__V1__Tokens *t)
{
	return world_claim(w, t->access_token, "sid");
}

const char *world_end_reason(struct world *w, const Auth__V1__Tokens *t)
{
	return world_sql(w, "SELECT end_reason FROM auth.sessions WHERE session_id = '%s'",
			 world_sid(w, t));
}

int64_t world_acts(struct world *w, const Auth__V1__Tokens *t, const char *act)
{
	return world_sql_int(
		w, "SELECT count(*) FROM auth.audit_log WHERE act = '%s' AND target = '%s'", act,
		world_sid(w, t));
}
