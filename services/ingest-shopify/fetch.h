/* What a run keeps between its pages, and the fetching of one page. Read next: sync.c. */
#ifndef SHOPIFY_FETCH_H
#define SHOPIFY_FETCH_H

#include "checkpoint.h"
#include "pages.h"
#include "session.h"

struct sync {
	struct session session;
	struct arena *arena;   /* of the connection's texts */
	struct arena *scratch; /* of one answer; what is kept of it is copied to the page's arena */
};
struct fetched {
	struct variant_page variants;
	struct order_page orders;  /* complete and closed */
	const char **looked_again; /* ids of orders asked for their journey's sake */
	size_t n_looked_again;
	int64_t clock;
};

/* struct ingest_spec's fetch. */
enum status fetch_page(void *app, struct run_page *page, struct error *err);

#endif
