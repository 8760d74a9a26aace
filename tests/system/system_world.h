/*
 * Tenants with users, brands, connections and data, made over HTTP as anybody would make them. Read
 * next: system_requests.h.
 */
#ifndef SYSTEM_WORLD_H
#define SYSTEM_WORLD_H

#include "access/access.h"
#include "system/system_fixture.h"

#define PERSON_TEXT     256
#define WORLD_PASSWORD  "correct-Horse-battery-42!"
#define WORLD_PLATFORMS 4

/* Somebody who has signed in. */
struct person {
	char email[PERSON_TEXT], user_id[UUID_TEXT], tenant_id[UUID_TEXT];
	char token[ACCESS_TOKEN_MAX], refresh_token[PERSON_TEXT];
};

/* A fresh address: "<word>-<random>@system.example". */
void fresh_email(const char *word, char out[PERSON_TEXT]);
/* A tenant with its first admin, who has signed in. */
void make_tenant(struct suite *s, const char *name, struct person *admin);
/* A user of the admin's tenant, signed in; `brand_id` NULL: sees all brands. */
void make_user(struct suite *s, const struct person *admin, const char *role, const char *brand_id,
	       struct person *ret);
/* Signs in again: a new session with new tokens. */
void sign_in(struct suite *s, struct person *p);
/* A brand in the currency and zone of the dataset served. */
void make_brand(struct suite *s, const struct person *admin, const char *name,
		char brand_id[UUID_TEXT]);

/* shopify, meta, google, tiktok */
extern const char *const world_platforms[WORLD_PLATFORMS];

/* Credentials of the simulator's control port, in the order of world_platforms. */
struct credentials {
	char shop_domain[PERSON_TEXT];
	char secret[WORLD_PLATFORMS][PERSON_TEXT];
};
void fresh_credentials(struct suite *s, struct credentials *ret);
/* The JSON of a connect request: {"brand_id":...,"<credential>":...}; free() it. */
char *connect_body(const struct credentials *c, int platform, const char *brand_id);
/* Connects all four platforms to the brand. */
void connect_brand(struct suite *s, const struct person *admin, const char *brand_id);
/* Starts a run; its id. */
void start_sync(struct suite *s, const struct person *p, const char *brand_id, const char *platform,
		char run_id[UUID_TEXT]);
/* Waits for "done"; fails the program when the run fails. */
void wait_sync(struct suite *s, const struct person *p, const char *platform, const char *run_id);
/* Syncs all platforms and waits; run_ids (may be NULL) in the order of world_platforms. */
void sync_brand(struct suite *s, const struct person *p, const char *brand_id,
		char run_ids[WORLD_PLATFORMS][UUID_TEXT]);
/* Imports all visits of the simulator that led to no order. */
void import_visits(struct suite *s, const struct person *p, const char *brand_id);

#endif
