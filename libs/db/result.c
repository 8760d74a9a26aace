/* Reading results: text forms of PostgreSQL with DateStyle ISO and TimeZone UTC, which every
 * connection sets. */
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "db_priv.h"

#include <stdlib.h>
#include <string.h>

/* The cell, or NULL when it is NULL or there is none. */
static const char *cell(const struct db_tx *tx, int result, int row, int col)
{
	const PGresult *r;

	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (result < 0 || result >= tx->n_results)
		return NULL;
	r = tx->results[result];
	if (!r || row < 0 || row >= PQntuples(r) || col < 0 || col >= PQnfields(r) ||
	    PQgetisnull(r, row, col))
		return NULL;
	return PQgetvalue(r, row, col);
}

int db_rows(const struct db_tx *tx, int result)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (result < 0 || result >= tx->n_results || !tx->results[result])
		return 0;
	return PQntuples(tx->results[result]);
}

int64_t db_affected(const struct db_tx *tx, int result)
{
	int64_t n;

	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (result < 0 || result >= tx->n_results || !tx->results[result])
		return 0;
	/* libpq's prototype is not const, though it only reads. */
	return parse_i64(PQcmdTuples(tx->results[result]), 0, INT64_MAX, &n) ? n : 0;
}

bool db_null(const struct db_tx *tx, int result, int row, int col)
{
	return cell(tx, result, row, col) == NULL;
}

const char *db_str(const struct db_tx *tx, int result, int row, int col)
{
	const char *s = cell(tx, result, row, col);

	return s ? s : "";
}

int64_t db_int(const struct db_tx *tx, int result, int row, int col)
{
	const char *s = cell(tx, result, row, col);
	int64_t v;

	return s && parse_i64(s, INT64_MIN, INT64_MAX, &v) ? v : 0;
}

bool db_bool(const struct db_tx *tx, int result, int row, int col)
{
	const char *s = cell(tx, result, row, col);

	return s && strcmp(s, "t") == 0;
}

/* Exactly n digits at *s; steps over them. */
static bool digits(const char **s, int n, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if ((*s)[i] < '0' || (*s)[i] > '9')
			return false;
		v = v * 10 + ((*s)[i] - '0');
	}
	*s += n;
	*ret = v;
	return true;
}

static bool expect(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* ".123456" with one to six digits, or nothing. */
static int fraction_us(const char **s)
{
	int v = 0, n = 0;

	if (!expect(s, '.'))
		return 0;
	for (; n < 6 && **s >= '0' && **s <= '9'; n++)
		v = v * 10 + (*(*s)++ - '0');
	for (; n < 6; n++)
		v *= 10;
	return v;
}

/*
 * "2011-03-04 05:06:07.890123+00". Years beyond four digits, BC and infinity have no form in our
 * contracts and count as no time at all.
 */
static bool timestamptz_parse(const char *s, int64_t *ret)
{
	int y, mo, d, h, mi, sec, us;

	if (!digits(&s, 4, &y) || !expect(&s, '-') || !digits(&s, 2, &mo) || !expect(&s, '-') ||
	    !digits(&s, 2, &d) || !expect(&s, ' ') || !digits(&s, 2, &h) || !expect(&s, ':') ||
	    !digits(&s, 2, &mi) || !expect(&s, ':') || !digits(&s, 2, &sec))
		return false;
	us = fraction_us(&s);
	if (strcmp(s, "+00") != 0 && *s != '\0')
		return false;
	*ret = days_from_civil(y, mo, d) * US_PER_DAY +
	       (int64_t)(h * 3600 + mi * 60 + sec) * US_PER_SECOND + us;
	return true;
}

int64_t db_time(const struct db_tx *tx, int result, int row, int col)
{
	const char *s = cell(tx, result, row, col);
	int64_t us;

	return s && timestamptz_parse(s, &us) ? us : 0;
}

int32_t db_date(const struct db_tx *tx, int result, int row, int col)
{
	const char *s = cell(tx, result, row, col);
	int32_t days;

	return s && date_parse(s, &days) ? days : 0;
}

uint8_t *db_bytes(const struct db_tx *tx, struct arena *a, int result, int row, int col,
		  size_t *len)
{
	const char *s = cell(tx, result, row, col);
	size_t n;
	uint8_t *out;

	*len = 0;
	if (!s || s[0] != '\\' || s[1] != 'x')
		return NULL;
	n = strlen(s + 2);
	out = arena_alloc(a, n / 2 + 1);
	if (!out || !hex_decode(s + 2, n, out))
		return NULL;
	*len = n / 2;
	return out;
}

const char *db_constraint(const struct db_tx *tx)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	return tx->constraint;
}
