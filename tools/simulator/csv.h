/*
 * RFC 4180 with a header line, strict: quotes, commas and line breaks in fields, UTF-8 without a
 * mark. Fields point into the text, which is unquoted in place. Read next: dataset.c.
 */
#ifndef SIM_CSV_H
#define SIM_CSV_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

#define CSV_FIELD_MAX   (1024 * 1024)
#define CSV_COLUMNS_MAX 32

/* A piece of text inside a longer-lived buffer; `p` is NUL-terminated and never NULL. */
struct str {
	const char *p;
	uint32_t n;
};

struct csv {
	const char *name; /* the file's name, for messages */
	char *pos, *end;  /* what is left; *end is writable and NUL */
	const char *const *columns;
	size_t ncolumns;
	unsigned line;     /* physical line being read, from 1 */
	unsigned row_line; /* line on which the last record began */
};

/*
 * Starts reading `text` (`len` bytes and a NUL, changed in place, must outlive the fields) and
 * checks its header against `columns`. `err` names file, line and column.
 */
enum status csv_open(struct csv *c, const char *name, char *text, size_t len,
		     const char *const *columns, size_t ncolumns, struct error *err) MUST_USE;
/* The next record into fields[0..ncolumns-1]; ST_NOT_FOUND at the end of the text. */
enum status csv_next(struct csv *c, struct str *fields, struct error *err) MUST_USE;
/* Fills `err` for a field of the last record: "orders.csv line 12 column created_at: <why>". */
enum status csv_bad_field(const struct csv *c, size_t column, struct error *err, const char *why);

#endif
