/* See tokens.h. Tokens are kept in a ring, newest last. Read next: shopify_auth.c, google.c. */
#include "tokens.h"

#include "core/id.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct token {
	enum token_kind kind;
	char text[TOKEN_TEXT];
	int64_t expires_at, used_at; /* used_at 0: not yet */
	char successor[TOKEN_TEXT];  /* of a used refresh token */
};

struct tokens {
	pthread_mutex_t lock;
	struct token ring[TOKENS_MAX];
	size_t issued;
};

static const char *const prefixes[TK_COUNT] = {
	[TK_SHOPIFY_CODE] = "",          [TK_SHOPIFY_ACCESS] = "shpat_",
	[TK_SHOPIFY_REFRESH] = "shprt_", [TK_META_ACCESS] = "EAA",
	[TK_TIKTOK_ACCESS] = "",         [TK_GOOGLE_REFRESH] = "1//0",
	[TK_GOOGLE_ACCESS] = "ya29.",
};

struct tokens *tokens_new(void)
{
	struct tokens *t = calloc(1, sizeof(*t));

	if (t != NULL)
		pthread_mutex_init(&t->lock, NULL);
	return t;
}

void tokens_free(struct tokens *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Call with the lock held. */
static struct token *issue(struct tokens *t, enum token_kind kind, int64_t expires_at)
{
	struct token *slot = &t->ring[t->issued++ % TOKENS_MAX];
	char hex[41];

	random_hex(hex, 20);
	*slot = (struct token){ .kind = kind, .expires_at = expires_at };
	snprintf(slot->text, sizeof(slot->text), "%s%s", prefixes[kind], hex);
	return slot;
}

/* Call with the lock held. */
static struct token *find(struct tokens *t, enum token_kind kind, const char *text)
{
	size_t n = t->issued < TOKENS_MAX ? t->issued : TOKENS_MAX;

	for (size_t i = 1; i <= n; i++) {
		struct token *k = &t->ring[(t->issued - i) % TOKENS_MAX];

		if (k->kind == kind && strcmp(k->text, text) == 0)
			return k;
	}
	return NULL;
}

void tokens_issue(struct tokens *t, enum token_kind kind, int64_t now_us, int64_t life_s,
		  char ret[TOKEN_TEXT])
{
	pthread_mutex_lock(&t->lock);
	memcpy(ret, issue(t, kind, now_us + life_s * US_PER_SECOND)->text, TOKEN_TEXT);
	pthread_mutex_unlock(&t->lock);
}

enum token_state tokens_check(struct tokens *t, enum token_kind kind, const char *text,
			      int64_t now_us)
{
	enum token_state state = TOKEN_UNKNOWN;
	const struct token *k;

	pthread_mutex_lock(&t->lock);
	k = find(t, kind, text);
	if (k != NULL)
		state = now_us < k->expires_at ? TOKEN_OK : TOKEN_EXPIRED;
	pthread_mutex_unlock(&t->lock);
	return state;
}

bool tokens_take_code(struct tokens *t, const char *text, int64_t now_us)
{
	struct token *k;
	bool ok;

	pthread_mutex_lock(&t->lock);
	k = find(t, TK_SHOPIFY_CODE, text);
	ok = k != NULL && k->used_at == 0 && now_us < k->expires_at;
	if (ok)
		k->used_at = now_us;
	pthread_mutex_unlock(&t->lock);
	return ok;
}

bool tokens_rotate(struct tokens *t, const char *refresh, int64_t now_us, char ret[TOKEN_TEXT])
{
	struct token *k, *next;
	bool ok = false;

	pthread_mutex_lock(&t->lock);
	k = find(t, TK_SHOPIFY_REFRESH, refresh);
	if (k != NULL && now_us < k->expires_at && k->used_at == 0) {
		k->used_at = now_us;
		next = issue(t, TK_SHOPIFY_REFRESH, now_us + SHOPIFY_REFRESH_S * US_PER_SECOND);
		memcpy(k->successor, next->text, TOKEN_TEXT);
		memcpy(ret, next->text, TOKEN_TEXT);
		ok = true;
	} else if (k != NULL && k->used_at != 0 &&
		   now_us - k->used_at <= SHOPIFY_RETRY_S * US_PER_SECOND) {
		/* Once the successor has been used too, this one is no longer the immediately
		 * previous. */
		next = find(t, TK_SHOPIFY_REFRESH, k->successor);
		ok = next != NULL && next->used_at == 0 && now_us < next->expires_at;
		if (ok)
			memcpy(ret, next->text, TOKEN_TEXT);
	}
	pthread_mutex_unlock(&t->lock);
	return ok;
}

unsigned tokens_expire(struct tokens *t, enum token_kind kind, int64_t now_us)
{
	unsigned n = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < TOKENS_MAX; i++)
		if (t->ring[i].kind == kind && t->ring[i].text[0] != '\0' &&
		    t->ring[i].expires_at > now_us) {
			t->ring[i].expires_at = now_us;
			n++;
		}
	pthread_mutex_unlock(&t->lock);
	return n;
}
