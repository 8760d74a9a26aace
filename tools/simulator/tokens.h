/* Codes, access tokens and refresh tokens of all providers; they really expire, by the simulated
 * clock. Thread-safe. */
#ifndef SIM_TOKENS_H
#define SIM_TOKENS_H

#include "core/timeutil.h"

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_TEXT        80
#define TOKENS_MAX        8192 /* the oldest give way */
#define SHOPIFY_ACCESS_S  3600
#define SHOPIFY_REFRESH_S (90 * 86400)
#define SHOPIFY_RETRY_S   60 /* how long the immediately previous refresh token is taken again */
#define SHOPIFY_CODE_S    600
#define META_ACCESS_S     (60 * 86400)
#define GOOGLE_ACCESS_S   3599
#define TOKEN_FOREVER_S   (INT64_C(100) * 365 * 86400)

enum token_kind {
	TK_SHOPIFY_CODE,
	TK_SHOPIFY_ACCESS,
	TK_SHOPIFY_REFRESH,
	TK_META_ACCESS,
	TK_TIKTOK_ACCESS,
	TK_GOOGLE_REFRESH,
	TK_GOOGLE_ACCESS,
	TK_COUNT
};
enum token_state { TOKEN_OK, TOKEN_UNKNOWN, TOKEN_EXPIRED };

struct tokens;

struct tokens *tokens_new(void);
void tokens_free(struct tokens *t);
/* A fresh token of that kind, living `life_s` from `now_us`. */
void tokens_issue(struct tokens *t, enum token_kind kind, int64_t now_us, int64_t life_s,
		  char ret[TOKEN_TEXT]);
enum token_state tokens_check(struct tokens *t, enum token_kind kind, const char *text,
			      int64_t now_us);
/* Takes a code once; false when it is unknown, used or expired. */
bool tokens_take_code(struct tokens *t, const char *text, int64_t now_us);
/*
 * Shopify's rotation: a fresh refresh token is used up and its successor is given; the immediately
 * previous one gives the same successor again for SHOPIFY_RETRY_S. False: invalid_grant.
 */
bool tokens_rotate(struct tokens *t, const char *refresh, int64_t now_us, char ret[TOKEN_TEXT]);
/* Ends all live tokens of a kind; returns how many. */
unsigned tokens_expire(struct tokens *t, enum token_kind kind, int64_t now_us);

#endif
