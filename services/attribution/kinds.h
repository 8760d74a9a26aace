/*
 * Gives links their kinds, and looks again at those that new or renamed campaigns may mean. Read
 * next: links.h, campaign.h (the rules), store_kinds.c. Both functions need the brand's lock.
 */
#ifndef ATTRIBUTION_KINDS_H
#define ATTRIBUTION_KINDS_H

#include "links.h"
#include "store.h"

/*
 * Kinds of one brand. Links come from outside, so their number needs an end: beyond it new links
 * are counted together as one, of source KINDS_REST and channel "other".
 */
#define KINDS_MAX  100000
#define KINDS_REST "(too many links)"

/* The kind of every link of the set, in its order. `*folded` gets how many went to KINDS_REST. */
enum status kinds_resolve(const struct brand_tx *b, const struct links *set, int64_t **ret,
			  size_t *folded) MUST_USE;

/* Looks again at every link that could mean a campaign with one of these ids or names. `*changed`
 * gets how many mean something else now. */
enum status kinds_reclassify(const struct brand_tx *b, const char *const *texts, size_t n,
			     size_t *changed) MUST_USE;

#endif
