/* See book.h. */
#include "book.h"

#include <stdlib.h>
#include <string.h>

struct book {
	struct price *prices;
	size_t n;
	int64_t edition;
};

struct book *book_new(struct price *prices, size_t n)
{
	struct book *b = calloc(1, sizeof(*b));

	if (!b) {
		free(prices);
		return NULL;
	}
	*b = (struct book){ .prices = prices, .n = n };
	for (size_t i = 0; i < n; i++)
		if (prices[i].price_id > b->edition)
			b->edition = prices[i].price_id;
	return b;
}

void book_free(struct book *b)
{
	if (b)
		free(b->prices);
	free(b);
}

int64_t book_edition(const struct book *b)
{
	return b->edition;
}

/* The first price of the model, or b->n. */
static size_t first_of(const struct book *b, const char *model)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(b->prices[middle].model, model) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void book_rates(const struct book *b, const char *model, int64_t at_us, struct rates *ret)
{
	memset(ret, 0, sizeof(*ret));
	/* Of one kind the later version overwrites the earlier one. */
	for (size_t i = first_of(b, model); i < b->n && strcmp(b->prices[i].model, model) == 0;
	     i++) {
		const struct price *p = &b->prices[i];

		ret->listed = true;
		if (p->from_us > at_us)
			continue;
		ret->of[p->kind].known = p->known;
		ret->of[p->kind].nano_per_mtok = p->nano_per_mtok;
		ret->of[p->kind].price_id = p->price_id;
	}
}
