/* Look up, match what is new, store, look up again: four statements when a batch brings new links,
 * one when it does not. */
#include "kinds.h"

#include <string.h>

static enum status full(const struct brand_tx *b)
{
	return error_set(b->err, ST_TOO_LARGE, NULL,
			 "the links of this batch do not fit in memory");
}

static struct kind classify(const struct campaign_book *book, const struct link *l)
{
	const struct campaign_name *c = campaign_match(book, l);

	if (!c)
		return (struct kind){ 0, channel_of_link(l), AD_NONE, "", "" };
	return (struct kind){ 0, ad_platform_channel(c->platform), c->platform, c->account_id,
			      c->campaign_id };
}

/* The campaigns that these links could mean. */
static enum status book_for(const struct brand_tx *b, const char *const *texts, size_t n,
			    struct campaign_book *book)
{
	struct campaign_name *names;
	size_t n_names;
	enum status st = store_campaign_names(b, texts, n, &names, &n_names);

	if (st != ST_OK)
		return st;
	return campaign_book_make(b->arena, names, n_names, book) == ST_OK ? ST_OK : full(b);
}

/* Adds kinds for links that have none, then finds their ids. */
static enum status add(const struct brand_tx *b, const struct link *links, size_t n, int64_t *ids)
{
	const char **texts = arena_array(b->arena, n, sizeof(*texts));
	struct kind *kinds = arena_array(b->arena, n, sizeof(*kinds));
	struct campaign_book book;
	enum status st;

	if (!texts || !kinds)
		return full(b);
	for (size_t i = 0; i < n; i++)
		texts[i] = links[i].campaign;
	st = book_for(b, texts, n, &book);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < n; i++)
		kinds[i] = classify(&book, &links[i]);
	st = store_add_kinds(b, links, kinds, n);
	return st == ST_OK ? store_find_kinds(b, links, n, ids) : st;
}

/* The one kind that stands for all links beyond the limit. */
static enum status add_rest(const struct brand_tx *b, size_t n, int64_t *ids)
{
	const struct link rest = { KINDS_REST, "", "", "" };
	int64_t id = 0;
	enum status st = store_find_kinds(b, &rest, 1, &id);

	if (st == ST_OK && id == 0)
		st = add(b, &rest, 1, &id);
	for (size_t i = 0; i < n; i++)
		ids[i] = id;
	return st;
}

/* Kinds for those links of the set whose id is 0 so far. */
static enum status resolve_new(const struct brand_tx *b, const struct links *set, size_t n_new,
			       int64_t *ids, size_t *folded)
{
	struct link *links = arena_array(b->arena, n_new, sizeof(*links));
	int64_t *found = arena_array(b->arena, n_new, sizeof(*found));
	int64_t known = 0;
	size_t at = 0;
	enum status st;

	if (!links || !found)
		return full(b);
	for (size_t i = 0; i < set->n; i++)
		if (ids[i] == 0)
			links[at++] = set->rows[i];
	st = store_count_kinds(b, &known);
	if (st != ST_OK)
		return st;
	if (known + (int64_t)n_new > KINDS_MAX) {
		*folded = n_new;
		st = add_rest(b, n_new, found);
	} else {
		st = add(b, links, n_new, found);
	}
	at = 0;
	for (size_t i = 0; st == ST_OK && i < set->n; i++)
		if (ids[i] == 0)
			ids[i] = found[at++];
	return st;
}

enum status kinds_resolve(const struct brand_tx *b, const struct links *set, int64_t **ret,
			  size_t *folded)
{
	int64_t *ids = arena_array(b->arena, set->n ? set->n : 1, sizeof(*ids));
	size_t n_new = 0;
	enum status st;

	*folded = 0;
	if (!ids)
		return full(b);
	*ret = ids;
	if (set->n == 0)
		return ST_OK;
	st = store_find_kinds(b, set->rows, set->n, ids);
	for (size_t i = 0; st == ST_OK && i < set->n; i++)
		n_new += ids[i] == 0;
	return st == ST_OK && n_new > 0 ? resolve_new(b, set, n_new, ids, folded) : st;
}

static bool same_meaning(const struct kind *x, const struct kind *y)
{
	return x->channel == y->channel && x->platform == y->platform &&
	       strcmp(x->account_id, y->account_id) == 0 &&
	       strcmp(x->campaign_id, y->campaign_id) == 0;
}

enum status kinds_reclassify(const struct brand_tx *b, const char *const *texts, size_t n,
			     size_t *changed)
{
	struct kind_link *links;
	struct campaign_book book;
	const char **campaigns;
	struct kind *kinds;
	size_t n_links;
	enum status st = store_kinds_of_campaigns(b, texts, n, &links, &n_links);

	*changed = 0;
	if (st != ST_OK || n_links == 0)
		return st;
	campaigns = arena_array(b->arena, n_links, sizeof(*campaigns));
	kinds = arena_array(b->arena, n_links, sizeof(*kinds));
	if (!campaigns || !kinds)
		return full(b);
	for (size_t i = 0; i < n_links; i++)
		campaigns[i] = links[i].link.campaign;
	st = book_for(b, campaigns, n_links, &book);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < n_links; i++) {
		struct kind now = classify(&book, &links[i].link);

		if (same_meaning(&now, &links[i].now))
			continue;
		now.kind_id = links[i].now.kind_id;
		kinds[(*changed)++] = now;
	}
	return store_change_kinds(b, kinds, *changed);
}
