/*
 * Arguments of a statement in PostgreSQL's text forms, and array literals for unnest(). Everything
 * that has to be written is written into the arena of the arguments; a full arena is noticed by
 * db_add and db_exec.
 */
#include "core/magic.h"
#include "core/timeutil.h"
#include "db/db.h"

#include <string.h>

#define I64_TEXT_MAX 21 /* "-9223372036854775808" and NUL */

void db_args_init(struct db_args *args, struct arena *a)
{
	args->arena = a;
	args->n = 0;
}

/* Counts on beyond the limit, so that db_add can refuse. */
static void put(struct db_args *args, const char *v, int len)
{
	if (args->n < DB_ARGS_MAX) {
		args->v[args->n] = v;
		args->len[args->n] = len;
	}
	args->n++;
}

void db_arg_text(struct db_args *args, const char *s)
{
	put(args, s, -1);
}

void db_arg_text_or_null(struct db_args *args, const char *s)
{
	put(args, s && *s ? s : NULL, -1);
}

void db_arg_i64_or_null(struct db_args *args, bool known, int64_t v)
{
	if (known)
		db_arg_i64(args, v);
	else
		db_arg_null(args);
}

void db_arg_null(struct db_args *args)
{
	put(args, NULL, -1);
}

void db_arg_bool(struct db_args *args, bool v)
{
	put(args, v ? "t" : "f", -1);
}

/* Writes the number and returns its length; `out` holds I64_TEXT_MAX. */
static size_t write_i64(int64_t v, char *out)
{
	char digits[I64_TEXT_MAX];
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	size_t n = 0, len = 0;

	do {
		digits[n++] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		out[len++] = '-';
	while (n)
		out[len++] = digits[--n];
	out[len] = '\0';
	return len;
}

void db_arg_i64(struct db_args *args, int64_t v)
{
	char text[I64_TEXT_MAX];

	write_i64(v, text);
	put(args, arena_strdup(args->arena, text), -1);
}

void db_arg_time(struct db_args *args, int64_t us)
{
	char text[TIME_TEXT_MAX];

	time_format(us, text);
	put(args, arena_strdup(args->arena, text), -1);
}

void db_arg_time_or_null(struct db_args *args, int64_t us)
{
	if (us == 0)
		db_arg_null(args);
	else
		db_arg_time(args, us);
}

void db_arg_date(struct db_args *args, int32_t days)
{
	char text[TIME_TEXT_MAX];

	date_format(days, text);
	put(args, arena_strdup(args->arena, text), -1);
}

void db_arg_bytes(struct db_args *args, const void *data, size_t len)
{
	if (!data && len == 0)
		data = "";
	/* libpq counts in int; a longer value is refused by db_add like too many arguments. */
	if (len > INT32_MAX)
		args->n = DB_ARGS_MAX;
	put(args, data, (int)(len > INT32_MAX ? 0 : len));
}

/* Room for one array literal: braces, a comma per element and `each` bytes for every element at
 * most. */
static char *array_room(struct db_args *args, size_t n, size_t each)
{
	size_t room;

	if (__builtin_mul_overflow(n, each + 1, &room) || __builtin_add_overflow(room, 3, &room))
		room = SIZE_MAX / 2; /* more than any arena has: marks it failed */
	return arena_alloc(args->arena, room);
}

/* Every element is quoted, so that NULL, spaces and an empty string need no further rule. */
static char *put_quoted(char *p, const char *s)
{
	*p++ = '"';
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			*p++ = '\\';
		*p++ = *s;
	}
	*p++ = '"';
	return p;
}

static char *put_word(char *p, const char *word)
{
	size_t len = strlen(word);

	memcpy(p, word, len);
	return p + len;
}

void db_arg_text_array(struct db_args *args, const char *const *v, size_t n)
{
	size_t total = n + 3; /* commas, braces, NUL */
	char *text, *p;

	for (size_t i = 0; i < n; i++)
		total += v[i] ? 2 * strlen(v[i]) + 2 : 4;
	text = arena_alloc(args->arena, total);
	if (!text) {
		put(args, NULL, -1);
		return;
	}
	p = put_word(text, "{");
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		p = v[i] ? put_quoted(p, v[i]) : put_word(p, "NULL");
	}
	*p++ = '}';
	*p = '\0';
	put(args, text, -1);
}

/* Builds an array of n elements; `write` prints element i, at most `each` bytes. */
static void put_array(struct db_args *args, const void *v, size_t n, size_t each,
		      char *(*write)(char *p, const void *v, size_t i))
{
	char *text = array_room(args, n, each), *p;

	if (!text) {
		put(args, NULL, -1);
		return;
	}
	p = put_word(text, "{");
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		p = write(p, v, i);
	}
	*p++ = '}';
	*p = '\0';
	put(args, text, -1);
}

static char *write_i64_item(char *p, const void *v, size_t i)
{
	return p + write_i64(((const int64_t *)v)[i], p);
}

static char *write_time_item(char *p, const void *v, size_t i)
{
	int64_t us = ((const int64_t *)v)[i];

	if (us == 0)
		return put_word(p, "NULL");
	time_format(us, p);
	return p + strlen(p);
}

static char *write_date_item(char *p, const void *v, size_t i)
{
	date_format(((const int32_t *)v)[i], p);
	return p + strlen(p);
}

static char *write_bool_item(char *p, const void *v, size_t i)
{
	*p = ((const bool *)v)[i] ? 't' : 'f';
	return p + 1;
}

void db_arg_i64_array(struct db_args *args, const int64_t *v, size_t n)
{
	put_array(args, v, n, I64_TEXT_MAX, write_i64_item);
}

void db_arg_time_array(struct db_args *args, const int64_t *us, size_t n)
{
	put_array(args, us, n, TIME_TEXT_MAX, write_time_item);
}

void db_arg_date_array(struct db_args *args, const int32_t *days, size_t n)
{
	put_array(args, days, n, TIME_TEXT_MAX, write_date_item);
}

void db_arg_bool_array(struct db_args *args, const bool *v, size_t n)
{
	put_array(args, v, n, 1, write_bool_item);
}
