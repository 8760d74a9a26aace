/*
 * A strict reader of RFC 4180: what it does not understand it refuses with file, line and column,
 * because a dataset that is read wrongly gives tests that pass wrongly. Read next: csv.h for the
 * contract, dataset.c for its user.
 */
#include "csv.h"

#include "core/text.h"

#include <stdbool.h>
#include <string.h>

static enum status syntax_error(const struct csv *c, size_t column, struct error *err,
				const char *why)
{
	return error_set(err, ST_INVALID, c->name, "%s line %u column %zu: %s", c->name, c->line,
			 column + 1, why);
}

enum status csv_bad_field(const struct csv *c, size_t column, struct error *err, const char *why)
{
	return error_set(err, ST_INVALID, c->name, "%s line %u column %s: %s", c->name, c->row_line,
			 c->columns[column], why);
}

/* Moves over the end of a line ("\n" or "\r\n"); false when there is none here. */
static bool take_newline(struct csv *c)
{
	size_t left = (size_t)(c->end - c->pos);

	if (left >= 2 && c->pos[0] == '\r' && c->pos[1] == '\n')
		c->pos += 2;
	else if (left >= 1 && c->pos[0] == '\n')
		c->pos++;
	else
		return false;
	c->line++;
	return true;
}

static enum status read_quoted(struct csv *c, size_t column, struct str *ret, char **ret_end,
			       struct error *err)
{
	char *from = ++c->pos;
	char *to = from;

	for (;;) {
		if (c->pos == c->end)
			return syntax_error(c, column, err, "a quoted field is not closed");
		if (*c->pos == '"') {
			if (c->end - c->pos < 2 || c->pos[1] != '"')
				break;
			c->pos++;
		} else if (*c->pos == '\n') {
			c->line++;
		}
		*to++ = *c->pos++;
	}
	c->pos++;
	if ((size_t)(to - from) > CSV_FIELD_MAX)
		return syntax_error(c, column, err, "a field is too long");
	*ret = (struct str){ from, (uint32_t)(to - from) };
	*ret_end = to;
	return ST_OK;
}

static enum status read_plain(struct csv *c, size_t column, struct str *ret, char **ret_end,
			      struct error *err)
{
	char *from = c->pos;

	while (c->pos < c->end && *c->pos != ',' && *c->pos != '\n') {
		if (*c->pos == '"')
			return syntax_error(c, column, err, "a quote inside an unquoted field");
		if (*c->pos == '\r') {
			if (c->end - c->pos >= 2 && c->pos[1] == '\n')
				break;
			return syntax_error(c, column, err,
					    "a carriage return without a line feed");
		}
		c->pos++;
	}
	if ((size_t)(c->pos - from) > CSV_FIELD_MAX)
		return syntax_error(c, column, err, "a field is too long");
	*ret = (struct str){ from, (uint32_t)(c->pos - from) };
	*ret_end = c->pos;
	return ST_OK;
}

/* Reads one field and what follows it. `ret_last` tells that the record ends here. */
static enum status read_field(struct csv *c, size_t column, struct str *ret, bool *ret_last,
			      struct error *err)
{
	bool quoted = c->pos < c->end && *c->pos == '"';
	char *end = NULL;
	enum status st = quoted ? read_quoted(c, column, ret, &end, err)
				: read_plain(c, column, ret, &end, err);

	if (st != ST_OK)
		return st;
	*ret_last = true;
	if (c->pos < c->end && *c->pos == ',') {
		c->pos++;
		*ret_last = false;
	} else if (c->pos < c->end && !take_newline(c)) {
		return syntax_error(c, column, err, "text after a closing quote");
	}
	*end = '\0';
	return ST_OK;
}

static enum status check_text(const struct csv *c, const char *text, size_t len, struct error *err)
{
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return syntax_error(c, 0, err, "a byte order mark is not allowed");
	if (memchr(text, '\0', len) != NULL)
		return syntax_error(c, 0, err, "the file holds a NUL byte");
	if (!utf8_valid(text, len))
		return syntax_error(c, 0, err, "the file is not valid UTF-8");
	return ST_OK;
}

enum status csv_next(struct csv *c, struct str *fields, struct error *err)
{
	bool last = false;
	size_t n = 0;

	if (c->pos == c->end)
		return ST_NOT_FOUND;
	c->row_line = c->line;
	while (!last) {
		struct str field;
		enum status st;

		if (n == c->ncolumns)
			return error_set(err, ST_INVALID, c->name,
					 "%s line %u column %zu: more fields than the header has",
					 c->name, c->row_line, n + 1);
		st = read_field(c, n, &field, &last, err);
		if (st != ST_OK)
			return st;
		fields[n++] = field;
	}
	if (n != c->ncolumns)
		return error_set(err, ST_INVALID, c->name,
				 "%s line %u column %zu: %zu fields, the header has %zu", c->name,
				 c->row_line, n, n, c->ncolumns);
	return ST_OK;
}

enum status csv_open(struct csv *c, const char *name, char *text, size_t len,
		     const char *const *columns, size_t ncolumns, struct error *err)
{
	struct str names[CSV_COLUMNS_MAX];
	enum status st;

	*c = (struct csv){ .name = name,
			   .pos = text,
			   .end = text + len,
			   .columns = columns,
			   .ncolumns = ncolumns,
			   .line = 1,
			   .row_line = 1 };
	if (ncolumns == 0 || ncolumns > CSV_COLUMNS_MAX)
		return error_set(err, ST_INTERNAL, name, "%s: bad column table", name);
	st = check_text(c, text, len, err);
	if (st != ST_OK)
		return st;
	st = csv_next(c, names, err);
	if (st == ST_NOT_FOUND)
		return error_set(err, ST_INVALID, name, "%s line 1 column 1: no header line", name);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < ncolumns; i++)
		if (strcmp(names[i].p, columns[i]) != 0)
			return error_set(err, ST_INVALID, name,
					 "%s line 1 column %zu: the header says \"%.40s\", not %s",
					 name, i + 1, names[i].p, columns[i]);
	return ST_OK;
}
