/*
 * Reads the JSON of tokens. We alone write them, so the reader takes what we write and nothing
 * more: a parser with fewer features has fewer ways to be misled (duplicate names, nesting, escapes
 * that spell a name differently).
 */
#include "access/access_priv.h"

#include <string.h>

#define FLAT_DIGITS_MAX 15 /* below 2^53 */

struct reader {
	char *at, *end;
};

static void skip_space(struct reader *r)
{
	while (r->at < r->end &&
	       (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (r->at >= r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* A string; its closing quote becomes the NUL. */
static const char *take_string(struct reader *r)
{
	const char *start;

	if (!take(r, '"'))
		return NULL;
	start = r->at;
	while (r->at < r->end && *r->at != '"') {
		if (*r->at < ' ' || *r->at > '~' || *r->at == '\\')
			return NULL;
		r->at++;
	}
	if (r->at >= r->end)
		return NULL;
	*r->at++ = '\0';
	return start;
}

static bool take_number(struct reader *r, int64_t *ret)
{
	bool negative = take(r, '-');
	int digits = 0;
	int64_t v = 0;
	char first;

	skip_space(r);
	first = r->at < r->end ? *r->at : '\0';
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
		if (++digits > FLAT_DIGITS_MAX)
			return false;
		v = v * 10 + (*r->at++ - '0');
	}
	if (digits == 0 || (first == '0' && digits > 1))
		return false;
	*ret = negative ? -v : v;
	return true;
}

static bool known_name(const struct flat *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->members[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool take_member(struct reader *r, struct flat *f)
{
	struct flat_member m = { 0 };

	if (f->n >= FLAT_MEMBERS_MAX)
		return false;
	m.name = take_string(r);
	if (m.name == NULL || known_name(f, m.name) || !take(r, ':'))
		return false;
	skip_space(r);
	if (r->at < r->end && *r->at == '"') {
		m.text = take_string(r);
		if (m.text == NULL)
			return false;
	} else if (!take_number(r, &m.number)) {
		return false;
	}
	f->members[f->n++] = m;
	return true;
}

bool access__flat_parse(char *json, size_t len, struct flat *ret)
{
	struct reader r = { json, json + len };

	ret->n = 0;
	if (!take(&r, '{'))
		return false;
	if (!take(&r, '}')) {
		do {
			if (!take_member(&r, ret))
				return false;
		} while (take(&r, ','));
		if (!take(&r, '}'))
			return false;
	}
	skip_space(&r);
	return r.at == r.end;
}

static const struct flat_member *find(const struct flat *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->members[i].name, name) == 0)
			return &f->members[i];
	}
	return NULL;
}

bool access__flat_text(const struct flat *f, const char *name, const char **ret)
{
	const struct flat_member *m = find(f, name);

	if (m == NULL || m->text == NULL)
		return false;
	*ret = m->text;
	return true;
}

bool access__flat_number(const struct flat *f, const char *name, int64_t *ret)
{
	const struct flat_member *m = find(f, name);

	if (m == NULL || m->text != NULL)
		return false;
	*ret = m->number;
	return true;
}
