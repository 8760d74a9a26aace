/*
 * Prompt caching as the provider does it: prefixes in the order tools, system, messages, identical
 * to the byte, kept from breakpoints for five minutes or an hour of the simulator's clock, for one
 * API key and one model (providers.md 4.1). Read next: anthropic_send.c.
 */
#include "anthropic.h"
#include "member.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BUCKETS    4096
#define CACHE_WAYS       4   /* entries of a bucket; the one that ends soonest gives way */
#define TOOLS_OVERHEAD   346 /* tokens of the provider's own text about tools */
#define MESSAGE_OVERHEAD 4   /* tokens of a message's frame */
#define BLOCK_OVERHEAD   4

struct entry {
	unsigned char digest[32];
	int64_t expires_us, ttl_s; /* 0: free */
};

struct anth_cache {
	pthread_mutex_t lock;
	struct entry entries[CACHE_BUCKETS][CACHE_WAYS];
};

struct anth_cache *anth_cache_new(void)
{
	struct anth_cache *c = calloc(1, sizeof(*c));

	if (c != NULL)
		pthread_mutex_init(&c->lock, NULL);
	return c;
}

void anth_cache_free(struct anth_cache *c)
{
	if (c == NULL)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ------------------------------------------------------------ the prompt in blocks */

struct cutter {
	const struct anth_model *model;
	unsigned char digest[32]; /* of all that was taken */
	int64_t tokens;
	struct anth_segment *segs;
	size_t n;
};

static int64_t ttl_of(const cJSON *block)
{
	const cJSON *control = member_of(block, "cache_control");

	if (!cJSON_IsObject(control))
		return 0;
	return strcmp(text_of(control, "ttl"), "1h") == 0 ? ANTH_TTL_1H_S : ANTH_TTL_5M_S;
}

static void take(struct cutter *c, const char *text)
{
	unsigned char next[sizeof(c->digest)];

	/* Keyed by what came before; with its NUL, so that two texts never run into one. */
	crypto_generichash(next, sizeof(next), (const unsigned char *)text, strlen(text) + 1,
			   c->digest, sizeof(c->digest));
	memcpy(c->digest, next, sizeof(next));
}

static void end_segment(struct cutter *c, int64_t ttl_s)
{
	struct anth_segment *s = &c->segs[c->n++];

	memcpy(s->digest, c->digest, sizeof(s->digest));
	s->tokens = c->tokens;
	s->ttl_s = ttl_s;
}

/* What the model reads of a block: texts as they are, everything else as its JSON. */
static int64_t block_units(const cJSON *block, const char *printed)
{
	const cJSON *content = member_of(block, "content"), *part;
	const char *text = text_of(block, "text"), *whole = cJSON_GetStringValue(content);
	int64_t units = 0;

	if (strcmp(text_of(block, "type"), "text") == 0)
		return anth_units(text, strlen(text));
	if (strcmp(text_of(block, "type"), "tool_result") != 0)
		return anth_units(printed, strlen(printed));
	if (whole != NULL)
		return anth_units(whole, strlen(whole));
	cJSON_ArrayForEach(part, content)
	{
		text = text_of(part, "text");
		units += anth_units(text, strlen(text));
	}
	return units;
}

static void take_block(struct cutter *c, const cJSON *block)
{
	cJSON *bare = cJSON_Duplicate(block, true);
	int64_t ttl_s = ttl_of(block);
	char *printed;

	cJSON_DeleteItemFromObjectCaseSensitive(bare, "cache_control");
	printed = cJSON_PrintUnformatted(bare);
	if (printed != NULL) {
		take(c, printed);
		c->tokens += BLOCK_OVERHEAD + anth_tokens(c->model, block_units(bare, printed));
	}
	cJSON_free(printed);
	cJSON_Delete(bare);
	end_segment(c, ttl_s);
}

/* A text alone is the same as one text block with it. */
static void take_blocks(struct cutter *c, const cJSON *content)
{
	const cJSON *block;

	if (cJSON_IsArray(content)) {
		cJSON_ArrayForEach(block, content) take_block(c, block);
	} else if (cJSON_IsString(content)) {
		cJSON *one = cJSON_CreateObject();

		cJSON_AddStringToObject(one, "type", "text");
		cJSON_AddStringToObject(one, "text", content->valuestring);
		take_block(c, one);
		cJSON_Delete(one);
	}
}

static size_t count_blocks(const struct anth_request *r)
{
	size_t n = (size_t)cJSON_GetArraySize(r->tools) + 1;
	const cJSON *message;

	n += cJSON_IsArray(r->system) ? (size_t)cJSON_GetArraySize(r->system) : 0;
	cJSON_ArrayForEach(message, r->messages)
	{
		const cJSON *content = member_of(message, "content");

		n += cJSON_IsArray(content) ? (size_t)cJSON_GetArraySize(content) : 1;
	}
	return n;
}

struct anth_segment *anth_segments(struct arena *a, const struct anth_request *r,
				   const char *key_hash, size_t *ret_n)
{
	struct cutter c = { .model = r->model };
	const cJSON *message;
	char *choice;

	c.segs = arena_array(a, count_blocks(r), sizeof(*c.segs));
	if (c.segs == NULL)
		return NULL;
	take(&c, key_hash);
	take(&c, r->model->id);
	c.tokens = cJSON_GetArraySize(r->tools) > 0 ? TOOLS_OVERHEAD : 0;
	take_blocks(&c, r->tools);
	take(&c, "system");
	take_blocks(&c, r->system);
	/* Another tool_choice keeps tools and system, and loses the messages. */
	choice = r->tool_choice != NULL ? cJSON_PrintUnformatted(r->tool_choice) : NULL;
	take(&c, choice != NULL ? choice : "auto");
	cJSON_free(choice);
	cJSON_ArrayForEach(message, r->messages)
	{
		take(&c, text_of(message, "role"));
		c.tokens += MESSAGE_OVERHEAD;
		take_blocks(&c, member_of(message, "content"));
	}
	*ret_n = c.n;
	return c.segs;
}

/* ------------------------------------------------------------ look up, store */

static struct entry *bucket_of(struct anth_cache *c, const unsigned char *digest)
{
	return c->entries[(digest[0] * 256u + digest[1]) % CACHE_BUCKETS];
}

static struct entry *live(struct anth_cache *c, const unsigned char *digest, int64_t now_us)
{
	struct entry *b = bucket_of(c, digest);

	for (size_t i = 0; i < CACHE_WAYS; i++)
		if (b[i].expires_us > now_us &&
		    memcmp(b[i].digest, digest, sizeof(b[i].digest)) == 0)
			return &b[i];
	return NULL;
}

static void store(struct anth_cache *c, const struct anth_segment *s, int64_t now_us)
{
	struct entry *b = bucket_of(c, s->digest), *e = live(c, s->digest, now_us);

	for (size_t i = 0; e == NULL && i < CACHE_WAYS; i++)
		if (b[i].expires_us <= now_us)
			e = &b[i];
	if (e == NULL) {
		e = &b[0];
		for (size_t i = 1; i < CACHE_WAYS; i++)
			if (b[i].expires_us < e->expires_us)
				e = &b[i];
	}
	memcpy(e->digest, s->digest, sizeof(e->digest));
	e->ttl_s = s->ttl_s;
	e->expires_us = now_us + s->ttl_s * US_PER_SECOND;
}

/* The longest live prefix: how many blocks it has, 0 for none. */
static size_t find_hit(struct anth_cache *c, const struct anth_segment *segs, size_t n, int64_t min,
		       int64_t now_us)
{
	for (size_t b = n; b-- > 0;) {
		if (segs[b].ttl_s == 0)
			continue;
		for (size_t back = 0; back < ANTH_LOOK_BACK && back <= b; back++) {
			const struct anth_segment *s = &segs[b - back];

			if (s->tokens >= min && live(c, s->digest, now_us) != NULL)
				return b - back + 1;
		}
	}
	return 0;
}

static void write_prefixes(struct anth_cache *c, const struct anth_segment *segs, size_t n,
			   size_t hit, int64_t min, int64_t now_us, struct anth_usage *ret)
{
	int64_t done = ret->cache_read;

	for (size_t i = hit; i < n; i++) {
		if (segs[i].ttl_s == 0 || segs[i].tokens < min)
			continue;
		*(segs[i].ttl_s == ANTH_TTL_1H_S ? &ret->write_1h : &ret->write_5m) +=
			segs[i].tokens - done;
		done = segs[i].tokens;
		store(c, &segs[i], now_us);
	}
	ret->input = segs[n - 1].tokens - done;
}

void anth_cache_use(struct anth_cache *c, const struct anth_segment *segs, size_t n,
		    const struct anth_model *m, int64_t now_us, struct anth_usage *ret)
{
	size_t hit;

	*ret = (struct anth_usage){ 0 };
	pthread_mutex_lock(&c->lock);
	hit = find_hit(c, segs, n, m->cache_min, now_us);
	if (hit > 0)
		ret->cache_read = segs[hit - 1].tokens;
	/* What is read lives on from now. */
	for (size_t i = 0; i < hit; i++) {
		struct entry *e = live(c, segs[i].digest, now_us);

		if (e != NULL)
			e->expires_us = now_us + e->ttl_s * US_PER_SECOND;
	}
	write_prefixes(c, segs, n, hit, m->cache_min, now_us, ret);
	pthread_mutex_unlock(&c->lock);
}
