/*
 * Which ad platform's campaign a link means. Pure. Read next: channel.h (links whose campaign is
 * nobody's), store_kinds.c (where the answers are kept, one per distinct link).
 */
#ifndef ATTRIBUTION_CAMPAIGN_H
#define ATTRIBUTION_CAMPAIGN_H

#include "channel.h"

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

/* One name that a campaign has or had; a campaign is known by at least its latest. */
struct campaign_name {
	enum ad_platform platform;
	const char *account_id, *campaign_id, *name;
	bool latest;
};

/* Names prepared for look-ups by id and by name. */
struct campaign_book {
	const struct campaign_name **by_id, **by_name;
	size_t n;
};
/* Keeps pointers into `names`. ST_TOO_LARGE when the arena is full. */
enum status campaign_book_make(struct arena *a, const struct campaign_name *names, size_t n,
			       struct campaign_book *ret) MUST_USE;

/*
 * The campaign that a link's campaign text means; NULL when it means none:
 *  1. by id. An id that several platforms know belongs to the one that the source names, else to
 * none.
 *  2. by exact name, present or past, on the platform that the source names.
 * Of several candidates a present name goes before a past one, then the lowest campaign id, then
 * the lowest account id (as bytes).
 */
const struct campaign_name *campaign_match(const struct campaign_book *book, const struct link *l);

#endif
