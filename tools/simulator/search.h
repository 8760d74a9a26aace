/* Shopify's search syntax for the `query` argument: parsed once, then asked for each row. Read
 * next: search.c. */
#ifndef SIM_SEARCH_H
#define SIM_SEARCH_H

#include "dataset.h"

#include "core/arena.h"

#define SEARCH_TEXT_MAX  4000
#define SEARCH_TERMS_MAX 100
#define SEARCH_DEPTH_MAX 20

struct search; /* NULL matches everything */

/*
 * Parses `text` for a collection. `now_us` is what "now" means in a time. False with a sentence in
 * *why (in the arena) for syntax it does not know, an unknown field, or a value that does not fit
 * the field.
 */
bool search_parse(struct arena *a, const struct dataset *ds, enum collection coll, const char *text,
		  int64_t now_us, struct search **ret, const char **why);
bool search_match(const struct dataset *ds, const struct search *s, uint32_t row);

#endif
