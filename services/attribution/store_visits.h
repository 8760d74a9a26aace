/* What the import of visits keeps, and how far each import has come. Read next: handlers_import.c.
 */
#ifndef ATTRIBUTION_STORE_VISITS_H
#define ATTRIBUTION_STORE_VISITS_H

#include "store.h"

#define IMPORTS_KEEP_DAYS 30 /* after its last chunk an import can be resumed for as long */

struct visit_row {
	const char *visitor_id;
	int32_t position;
	int64_t occurred_us;
	const char *source, *source_type, *medium, *campaign, *content, *term, *landing_page,
		*referrer;
};

/* How far the import with this key has come. */
struct import_state {
	bool known;
	bool same_body; /* its first line was this one */
	int64_t next_line;
};
int store_ask_import(const struct brand_tx *b, const char *key, const char *first_line);
struct import_state store_read_import(const struct brand_tx *b, int result);

/* Makes the import known, or takes its row's lock; `ret` is what it was then. */
enum status store_lock_import(const struct brand_tx *b, const char *key, const char *first_line,
			      struct import_state *ret) MUST_USE;
enum status store_advance_import(const struct brand_tx *b, const char *key,
				 int64_t next_line) MUST_USE;
/* Keeps visits that are not there yet; `*kept` of them were new. */
enum status store_put_visits(const struct brand_tx *b, const struct visit_row *rows, size_t n,
			     int64_t *kept) MUST_USE;
/* The import is whole: visits are as fresh as the latest of them. */
enum status store_finish_import(const struct brand_tx *b) MUST_USE;

#endif
