/*
 * The price book: all price versions in memory, replaced whole when the table has newer ones. Any
 * thread may look up. Read next: store.h (where it comes from).
 */
#ifndef BILLING_BOOK_H
#define BILLING_BOOK_H

#include "cost.h"

#include <stddef.h>

#define BOOK_MAX       200000 /* versions */
#define BOOK_MODEL_MAX 128

struct price {
	int64_t price_id;
	char model[BOOK_MODEL_MAX + 1];
	enum token_kind kind;
	int64_t from_us; /* effective from, UTC */
	bool known;      /* false: from then on nobody knows */
	int64_t nano_per_mtok;
};

struct book;
/* Takes over `prices` (malloc; sorted by model, kind, from_us); NULL when memory is out. */
struct book *book_new(struct price *prices, size_t n);
void book_free(struct book *b);
/* The largest price_id it holds; 0 for an empty one. */
int64_t book_edition(const struct book *b);
/* The rates of a model at a moment; all unknown, and not listed, for a model that is not in it. */
void book_rates(const struct book *b, const char *model, int64_t at_us, struct rates *ret);

#endif
