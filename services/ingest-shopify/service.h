/*
 * ingest-shopify: what its files share. Read next: model.h (what a page holds), sync.c (a run),
 * session.h (how we speak for a brand).
 */
#ifndef SHOPIFY_SERVICE_H
#define SHOPIFY_SERVICE_H

#include "ingest/engine.h"

#define PLATFORM    "shopify"
#define QUERIES_MAX 16

struct shopify_config {
	char url[256], version[16];
	char client_id[128], client_secret[256];
	int64_t runners;
};

struct shopify {
	struct shopify_config cfg;
	struct ingest_engine engine;
	/* What Shopify charges beforehand for each question of queries.h, as told last to any run
	 * of this process; 0: not asked yet. */
	_Atomic int64_t cost[QUERIES_MAX];
};

extern const struct config_item shopify_config_items[];
extern const struct ingest_spec shopify_sync;
extern const struct db_stmt connection_statements[], product_statements[], order_statements[],
	list_statements[];

#endif
