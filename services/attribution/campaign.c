/* Matching by binary search in two orders of the same names. */
#include "campaign.h"

#include <stdlib.h>
#include <string.h>

/* Which of two candidates goes first; see campaign.h. */
static int by_preference(const struct campaign_name *x, const struct campaign_name *y)
{
	int order;

	if (x->latest != y->latest)
		return x->latest ? -1 : 1;
	order = strcmp(x->campaign_id, y->campaign_id);
	return order != 0 ? order : strcmp(x->account_id, y->account_id);
}

static int by_id(const void *a, const void *b)
{
	const struct campaign_name *x = *(const struct campaign_name *const *)a;
	const struct campaign_name *y = *(const struct campaign_name *const *)b;
	int order = strcmp(x->campaign_id, y->campaign_id);

	return order != 0 ? order : by_preference(x, y);
}

static int by_name(const void *a, const void *b)
{
	const struct campaign_name *x = *(const struct campaign_name *const *)a;
	const struct campaign_name *y = *(const struct campaign_name *const *)b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : by_preference(x, y);
}

enum status campaign_book_make(struct arena *a, const struct campaign_name *names, size_t n,
			       struct campaign_book *ret)
{
	const struct campaign_name **ids = arena_array(a, n ? n : 1, sizeof(*ids));
	const struct campaign_name **texts = arena_array(a, n ? n : 1, sizeof(*texts));

	if (!ids || !texts)
		return ST_TOO_LARGE;
	for (size_t i = 0; i < n; i++)
		ids[i] = texts[i] = &names[i];
	if (n > 1) {
		qsort(ids, n, sizeof(*ids), by_id);
		qsort(texts, n, sizeof(*texts), by_name);
	}
	*ret = (struct campaign_book){ ids, texts, n };
	return ST_OK;
}

static const char *key_of(const struct campaign_name *c, bool id)
{
	return id ? c->campaign_id : c->name;
}

/* The first place in `list` whose key is not below `text`. */
static size_t lower_bound(const struct campaign_name **list, size_t n, bool id, const char *text)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(key_of(list[mid], id), text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const struct campaign_name *match_id(const struct campaign_book *book, const char *text,
					    enum ad_platform source)
{
	const struct campaign_name *first = NULL;
	bool several = false;

	for (size_t i = lower_bound(book->by_id, book->n, true, text);
	     i < book->n && strcmp(book->by_id[i]->campaign_id, text) == 0; i++) {
		const struct campaign_name *c = book->by_id[i];

		if (c->platform == source)
			return c;
		if (!first)
			first = c;
		else if (c->platform != first->platform)
			several = true;
	}
	return several ? NULL : first;
}

static const struct campaign_name *match_name(const struct campaign_book *book, const char *text,
					      enum ad_platform source)
{
	for (size_t i = lower_bound(book->by_name, book->n, false, text);
	     i < book->n && strcmp(book->by_name[i]->name, text) == 0; i++)
		if (book->by_name[i]->platform == source)
			return book->by_name[i];
	return NULL;
}

const struct campaign_name *campaign_match(const struct campaign_book *book, const struct link *l)
{
	const enum ad_platform source = ad_platform_of_source(l->source);
	const struct campaign_name *found;

	if (*l->campaign == '\0')
		return NULL;
	found = match_id(book, l->campaign, source);
	if (!found && source != AD_NONE)
		found = match_name(book, l->campaign, source);
	return found;
}
