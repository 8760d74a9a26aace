/* Sliding windows in a fixed table of tenants. Read next: ratelimit.h for the stated error. */
#include "ratelimit.h"

#include "core/id.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STRIPES 64

static const int64_t window_s[LIMITS_WINDOWS] = { 60, 3600, 86400 };

struct tier {
	const char *name, *policy;
	int64_t limit[LIMITS_WINDOWS];
};
static const struct tier tiers[] = {
	{ "standard", "60;w=60, 1000;w=3600, 10000;w=86400", { 60, 1000, 10000 } },
	{ "growth", "600;w=60, 10000;w=3600, 100000;w=86400", { 600, 10000, 100000 } },
};

struct slot {
	char tenant[UUID_TEXT];
	int64_t start[LIMITS_WINDOWS]; /* seconds, of the current fixed window */
	int64_t now[LIMITS_WINDOWS], before[LIMITS_WINDOWS];
	int64_t untold;
	int64_t used_at; /* for eviction */
};
struct limits {
	pthread_mutex_t lock[STRIPES];
	struct slot *slots; /* open addressing within a stripe */
};

struct limits *limits_new(void)
{
	struct limits *l = calloc(1, sizeof(*l)); /* allowed: lives as long as the process */

	if (l)
		l->slots = calloc(LIMITS_TENANTS_MAX, sizeof(*l->slots)); /* allowed: as above */
	if (!l || !l->slots) {
		free(l);
		return NULL;
	}
	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_init(&l->lock[i], NULL);
	return l;
}

void limits_free(struct limits *l)
{
	if (!l)
		return;
	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&l->lock[i]);
	free(l->slots);
	free(l);
}

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* The tenant's slot in its stripe; the one unused longest makes room. The stripe's lock is held. */
static struct slot *find(struct limits *l, uint32_t stripe, const char *tenant)
{
	const uint32_t per = LIMITS_TENANTS_MAX / STRIPES;
	struct slot *first = &l->slots[stripe * per], *oldest = first;

	for (uint32_t i = 0; i < per; i++) {
		if (strcmp(first[i].tenant, tenant) == 0)
			return &first[i];
		if (first[i].used_at < oldest->used_at)
			oldest = &first[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	if (text_copy(oldest->tenant, sizeof(oldest->tenant), tenant) != ST_OK)
		return NULL;
	return oldest;
}

/* A clock that is set back a little does not give the windows anew. */
static void roll(struct slot *s, int64_t now_s)
{
	for (int w = 0; w < LIMITS_WINDOWS; w++) {
		int64_t start = now_s - now_s % window_s[w];

		if (start <= s->start[w] && s->start[w] - start <= window_s[w])
			continue;
		s->before[w] = start - s->start[w] == window_s[w] ? s->now[w] : 0;
		s->now[w] = 0;
		s->start[w] = start;
	}
	s->used_at = now_s;
}

static int64_t estimate(const struct slot *s, int w, int64_t now_s)
{
	int64_t left = s->start[w] + window_s[w] - now_s;

	if (left > window_s[w])
		left = window_s[w];
	return s->now[w] + s->before[w] * left / window_s[w];
}

static const struct tier *find_tier(const char *name)
{
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++)
		if (strcmp(tiers[i].name, name) == 0)
			return &tiers[i];
	/* A tier this build does not know gets the default limits; only "unlimited" has none. */
	return strcmp(name, "unlimited") == 0 ? NULL : &tiers[0];
}

/* Seconds until the estimate of a window falls below its limit. */
static int64_t wait_for(const struct slot *s, int w, int64_t limit, int64_t now_s)
{
	int64_t left = s->start[w] + window_s[w] - now_s;
	int64_t spare = limit - 1 - s->now[w];

	if (estimate(s, w, now_s) < limit)
		return 0;
	/* Within this window: what the last one still counts shrinks to what is spare. */
	if (spare >= 0 && s->before[w] > 0)
		return left - ((spare + 1) * window_s[w] - 1) / s->before[w];
	/* In the next one, where this one is the last. */
	return left + window_s[w] - (limit * window_s[w] - 1) / s->now[w];
}

static struct limits_verdict judge(const struct slot *s, const struct tier *t, int64_t now_s)
{
	struct limits_verdict v = { true, true, 0, INT64_MAX, 0, 0 };

	for (int w = 0; w < LIMITS_WINDOWS; w++) {
		int64_t left = t->limit[w] - estimate(s, w, now_s);
		int64_t wait = wait_for(s, w, t->limit[w], now_s);

		if (wait > v.wait_s)
			v.wait_s = wait;
		if (left > v.remaining)
			continue;
		v.limit = t->limit[w];
		v.remaining = left;
		v.reset_s = s->start[w] + window_s[w] - now_s;
	}
	v.allowed = v.remaining > 0;
	v.remaining = v.allowed ? v.remaining - 1 : 0;
	if (!v.allowed)
		v.reset_s = v.wait_s;
	return v;
}

static void add(struct slot *s, int64_t n)
{
	for (int w = 0; w < LIMITS_WINDOWS; w++)
		s->now[w] += n;
}

struct limits_verdict limits_take(struct limits *l, const char *tenant_id, const char *tier,
				  int64_t now_us)
{
	const struct tier *t = find_tier(tier);
	struct limits_verdict v = { false, true, 0, 0, 0, 0 };
	uint32_t stripe = hash(tenant_id) % STRIPES;
	int64_t now_s = now_us / US_PER_SECOND;
	struct slot *s;

	pthread_mutex_lock(&l->lock[stripe]);
	s = find(l, stripe, tenant_id);
	if (s) {
		roll(s, now_s);
		if (t)
			v = judge(s, t, now_s);
		if (v.allowed) {
			add(s, 1);
			s->untold++;
		}
	}
	pthread_mutex_unlock(&l->lock[stripe]);
	return v;
}

void limits_drain(struct limits *l, struct buf *out)
{
	const uint32_t per = LIMITS_TENANTS_MAX / STRIPES;

	for (uint32_t stripe = 0; stripe < STRIPES; stripe++) {
		pthread_mutex_lock(&l->lock[stripe]);
		for (uint32_t i = 0; i < per && !out->failed; i++) {
			struct slot *s = &l->slots[stripe * per + i];

			if (s->untold == 0)
				continue;
			buf_printf(out, "%s %lld\n", s->tenant, (long long)s->untold);
			if (!out->failed)
				s->untold = 0;
		}
		pthread_mutex_unlock(&l->lock[stripe]);
	}
}

static void merge_line(struct limits *l, const char *tenant, int64_t n, int64_t now_s)
{
	uint32_t stripe = hash(tenant) % STRIPES;
	struct slot *s;

	pthread_mutex_lock(&l->lock[stripe]);
	s = find(l, stripe, tenant);
	if (s) {
		roll(s, now_s);
		add(s, n);
	}
	pthread_mutex_unlock(&l->lock[stripe]);
}

void limits_merge(struct limits *l, const char *text, size_t len, int64_t now_us)
{
	const char *end = text + len;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = nl ? (size_t)(nl - text) : (size_t)(end - text);
		char line[UUID_TEXT + 24];
		int64_t count;
		char *space;

		if (n < sizeof(line)) {
			memcpy(line, text, n);
			line[n] = '\0';
			space = strchr(line, ' ');
			if (space)
				*space = '\0';
			if (space && uuid_valid(line) && parse_i64(space + 1, 1, 1000000, &count))
				merge_line(l, line, count, now_us / US_PER_SECOND);
		}
		text += n + 1;
	}
}

const char *limits_policy(const char *tier)
{
	const struct tier *t = find_tier(tier);

	return t ? t->policy : NULL;
}
