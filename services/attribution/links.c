/* A hash set over an array of links; both grow by doubling within the arena. */
#include "links.h"

#include "core/text.h"

#include <stdbool.h>
#include <string.h>

#define FIRST_CAP 64

void links_init(struct links *set, struct arena *a)
{
	*set = (struct links){ .arena = a };
}

static const char *cut(struct arena *a, const char *s, size_t max)
{
	size_t len = strlen(s);

	return len <= max ? s : arena_strndup(a, s, utf8_clip(s, len, max));
}

const char *link_campaign_text(struct arena *a, const char *name)
{
	return cut(a, name, LINK_CAMPAIGN_MAX);
}

/* FNV-1a over the four texts and their ends. */
static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

static size_t hash(const struct link *l)
{
	uint64_t h = hash_text(UINT64_C(0xcbf29ce484222325), l->source);

	h = hash_text(h, l->source_type);
	h = hash_text(h, l->medium);
	h = hash_text(h, l->campaign);
	return (size_t)(h ^ (h >> 32));
}

static bool same(const struct link *x, const struct link *y)
{
	return strcmp(x->source, y->source) == 0 && strcmp(x->source_type, y->source_type) == 0 &&
	       strcmp(x->medium, y->medium) == 0 && strcmp(x->campaign, y->campaign) == 0;
}

static uint32_t *slot_of(struct links *set, const struct link *l)
{
	size_t mask = 2 * set->cap - 1;
	size_t at = hash(l) & mask;

	while (set->slots[at] && !same(&set->rows[set->slots[at] - 1], l))
		at = (at + 1) & mask;
	return &set->slots[at];
}

static enum status grow(struct links *set)
{
	size_t cap = set->cap ? 2 * set->cap : FIRST_CAP;
	struct link *rows = arena_array(set->arena, cap, sizeof(*rows));
	uint32_t *slots = arena_array(set->arena, 2 * cap, sizeof(*slots));

	if (!rows || !slots)
		return ST_TOO_LARGE;
	if (set->n > 0)
		memcpy(rows, set->rows, set->n * sizeof(*rows));
	set->rows = rows;
	set->slots = slots;
	set->cap = cap;
	for (size_t i = 0; i < set->n; i++)
		*slot_of(set, &rows[i]) = (uint32_t)i + 1;
	return ST_OK;
}

enum status links_add(struct links *set, const struct link *l, size_t *ret)
{
	struct arena *a = set->arena;
	const struct link short_one = { cut(a, l->source, LINK_SOURCE_MAX),
					cut(a, l->source_type, LINK_TYPE_MAX),
					cut(a, l->medium, LINK_MEDIUM_MAX),
					cut(a, l->campaign, LINK_CAMPAIGN_MAX) };
	enum status st = set->n == set->cap ? grow(set) : ST_OK;
	uint32_t *slot;

	if (st != ST_OK)
		return st;
	slot = slot_of(set, &short_one);
	if (!*slot) {
		set->rows[set->n++] = (struct link){ arena_strdup(a, short_one.source),
						     arena_strdup(a, short_one.source_type),
						     arena_strdup(a, short_one.medium),
						     arena_strdup(a, short_one.campaign) };
		*slot = (uint32_t)set->n;
	}
	*ret = *slot - 1;
	return arena_failed(a) ? ST_TOO_LARGE : ST_OK;
}
