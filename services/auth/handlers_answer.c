/* What several handlers need: words for enums, tokens, hashes. See handlers.h. */
#include "core/log.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "handlers.h"
#include "service.h"

#include <string.h>

enum status answer_out_of_memory(struct call *call)
{
	return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
}

enum status answer_suspended(struct call *call)
{
	return error_set(call->err, ST_DENIED, NULL, "tenant is suspended");
}

Pulsepoint__Timestamp *answer_time(struct call *call, int64_t us)
{
	Pulsepoint__Timestamp *t = arena_alloc(call->arena, sizeof(*t));

	if (t) {
		pulsepoint__timestamp__init(t);
		t->micros = us;
	}
	return t;
}

Auth__V1__UserRole answer_role(enum role role)
{
	switch (role) {
	case ROLE_VIEWER:
		return AUTH__V1__USER_ROLE__USER_ROLE_VIEWER;
	case ROLE_ANALYST:
		return AUTH__V1__USER_ROLE__USER_ROLE_ANALYST;
	case ROLE_ADMIN:
		return AUTH__V1__USER_ROLE__USER_ROLE_ADMIN;
	case ROLE_NONE:
	case ROLE_PUBLIC:
	case ROLE_OPERATOR:
	case ROLE_SERVICE:
		break;
	}
	return AUTH__V1__USER_ROLE__USER_ROLE_UNSPECIFIED;
}

static const struct {
	const char *word;
	Auth__V1__Tier tier;
} tiers[] = {
	{ "standard", AUTH__V1__TIER__TIER_STANDARD },
	{ "growth", AUTH__V1__TIER__TIER_GROWTH },
	{ "unlimited", AUTH__V1__TIER__TIER_UNLIMITED },
};
#define TIERS_N (sizeof(tiers) / sizeof(tiers[0]))

Auth__V1__Tier answer_tier(const char *word)
{
	for (size_t i = 0; i < TIERS_N; i++) {
		if (strcmp(tiers[i].word, word) == 0)
			return tiers[i].tier;
	}
	return AUTH__V1__TIER__TIER_UNSPECIFIED;
}

/* Unknown values do not pass the contract's check; the first is the least generous. */
const char *answer_tier_word(Auth__V1__Tier tier)
{
	for (size_t i = 0; i < TIERS_N; i++) {
		if (tiers[i].tier == tier)
			return tiers[i].word;
	}
	return tiers[0].word;
}

enum status answer_ids(struct call *call, const char *list, char ***ret, size_t *n)
{
	char **ids = arena_array(call->arena, strlen(list) / (UUID_TEXT - 1) + 1, sizeof(*ids));

	*n = 0;
	if (!ids)
		return answer_out_of_memory(call);
	while (*list) {
		size_t len = strcspn(list, ",");

		ids[(*n)++] = arena_strndup(call->arena, list, len);
		list += len + (list[len] == ',');
	}
	*ret = ids;
	return ST_OK;
}

char *answer_email(struct call *call, const char *email)
{
	char *lower = arena_strdup(call->arena, email);

	for (char *p = lower; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return lower;
}

enum status answer_claims(struct call *call, const struct membership *m, const char *user_id,
			  const char *session_id, struct access_claims *ret)
{
	*ret = (struct access_claims){ .role = m->role };
	if (text_copy(ret->user_id, sizeof(ret->user_id), user_id) != ST_OK ||
	    text_copy(ret->tenant_id, sizeof(ret->tenant_id), m->tenant_id) != ST_OK ||
	    text_copy(ret->session_id, sizeof(ret->session_id), session_id) != ST_OK ||
	    text_copy(ret->tier, sizeof(ret->tier), m->tier) != ST_OK ||
	    text_copy(ret->brand_ids, sizeof(ret->brand_ids), m->brand_ids) != ST_OK)
		return error_set(call->err, ST_INTERNAL, NULL,
				 "the membership does not fit a token");
	return ST_OK;
}

enum status answer_tokens(struct call *call, struct access_claims *claims, const char *refresh,
			  Auth__V1__Tokens *out)
{
	struct auth *app = call->app;
	char *token = arena_alloc(call->arena, ACCESS_TOKEN_MAX);
	enum status st;

	if (!token)
		return answer_out_of_memory(call);
	claims->expires_at = time_now_us() / US_PER_SECOND + ACCESS_TOKEN_LIFE_S;
	st = signer_sign(&app->signer, claims, token, call->err);
	if (st != ST_OK)
		return st;
	out->access_token = token;
	out->refresh_token = arena_strdup(call->arena, refresh);
	out->token_type = arena_strdup(call->arena, "Bearer");
	out->expires_in = ACCESS_TOKEN_LIFE_S;
	return ST_OK;
}

enum status answer_hash(struct call *call, const char *password, const char **ret)
{
	struct auth *app = call->app;
	char *hash = arena_alloc(call->arena, crypto_pwhash_STRBYTES);
	enum status st;

	if (!hash)
		return answer_out_of_memory(call);
	st = hasher_enter(&app->hasher, call->deadline_us, NULL, call->err);
	if (st != ST_OK)
		return st;
	st = hasher_make(password, hash, call->err);
	hasher_leave(&app->hasher);
	*ret = hash;
	return st;
}

void answer_announce(struct call *call)
{
	/* Without it the others see the change at their next poll; the change itself has been made.
	 */
	if (svc_announce_access(call->svc) != ST_OK)
		log_event(LOG_WARN, "access.announce_failed",
			  "a change of the access state could not be announced");
}
