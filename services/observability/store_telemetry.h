/*
 * The account of telemetry: which pages were taken in, and what each process says it sent. Read
 * next: store_telemetry.c, migrations/0004_telemetry.sql.
 */
#ifndef OBSERVABILITY_STORE_TELEMETRY_H
#define OBSERVABILITY_STORE_TELEMETRY_H

#include "page.h"

#define PAGES_KEEP_DAYS   2 /* longer than the stream has them */
#define SOURCES_KEEP_DAYS 7 /* after a process told for the last time */

extern const struct db_stmt telemetry_statements[];
extern const struct db_stmt telemetry_worker_statements[];

/* Notes the pages in the worker's open transaction and sets `fresh` of those that are new. Waits
 * for another copy that is at the same page. */
enum status store_add_pages(struct db_tx *tx, struct arena *a, struct page *pages, size_t n,
			    struct error *err) MUST_USE;
/* Adds what the fresh ones say to the accounts of their processes. */
enum status store_add_sources(struct db_tx *tx, struct arena *a, const struct page *pages, size_t n,
			      struct error *err) MUST_USE;
/* Forgets old pages, accounts and latency, as the worker, some ten thousand rows; `more`: there is
 * more of it. */
enum status store_forget_telemetry(struct db *worker, struct arena *a, bool *more,
				   struct error *err) MUST_USE;

struct telemetry_loss {
	const char *service;
	int64_t stored, dropped, lost;
};
/* Queues the question for the accounts by service, over all tenants. */
int store_ask_losses(struct db_tx *tx, struct arena *a);
void store_read_loss(const struct db_tx *tx, int result, int i, struct telemetry_loss *ret);

#endif
