/* Matching of paths, segment by segment. Read next: router.h. */
#include "router.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

struct segment {
	const char *text; /* literal, or the parameter's name */
	size_t len;
	bool param;
	const char *verb; /* ":suspend" behind a parameter or literal; NULL: none */
	size_t verb_len;
};
struct entry {
	struct route route;
	struct segment seg[ROUTE_SEGMENTS_MAX];
	int n;
};
struct router {
	struct entry *entries;
	size_t n;
};

static struct segment parse_segment(const char *s, size_t len)
{
	struct segment g = { s, len, false, NULL, 0 };
	const char *colon;

	if (len > 1 && s[0] == '{') {
		const char *end = memchr(s, '}', len);

		g.param = true;
		g.text = s + 1;
		g.len = (size_t)(end - s) - 1;
		if (end + 1 < s + len) {
			g.verb = end + 1;
			g.verb_len = (size_t)(s + len - g.verb);
		}
		return g;
	}
	colon = memchr(s, ':', len);
	if (colon) {
		g.len = (size_t)(colon - s);
		g.verb = colon;
		g.verb_len = len - g.len;
	}
	return g;
}

static void add(struct router *r, const struct contract_method *m)
{
	struct entry *e = &r->entries[r->n];
	const char *p = m->http_path;

	e->route = (struct route){ m, r->n };
	while (*p == '/' && e->n < ROUTE_SEGMENTS_MAX) {
		size_t len = strcspn(++p, "/");

		e->seg[e->n++] = parse_segment(p, len);
		p += len;
	}
	r->n++;
}

struct router *router_new(const struct contract_service *const *services, size_t n)
{
	struct router *r = calloc(1, sizeof(*r)); /* allowed: lives as long as the process */
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += services[i]->n_methods;
	if (r)
		r->entries = calloc(total + 1, sizeof(*r->entries)); /* allowed: as above */
	if (!r || !r->entries) {
		free(r);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < services[i]->n_methods; k++)
			if (services[i]->methods[k].http_path)
				add(r, &services[i]->methods[k]);
	return r;
}

void router_free(struct router *r)
{
	if (r)
		free(r->entries);
	free(r);
}

size_t router_count(const struct router *r)
{
	return r->n;
}

const struct route *router_at(const struct router *r, size_t i)
{
	return &r->entries[i].route;
}

struct piece {
	const char *s;
	size_t len;
};

static int split(const char *path, struct piece *out)
{
	int n = 0;

	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (n == ROUTE_SEGMENTS_MAX)
			return -1;
		out[n++] = (struct piece){ path, len };
		path += len;
	}
	return *path ? -1 : n;
}

/* The part of a piece before the segment's verb, or false when they do not fit. */
static bool fits(const struct segment *g, struct piece p, size_t *value_len)
{
	*value_len = p.len;
	if (g->verb) {
		if (p.len <= g->verb_len ||
		    memcmp(p.s + p.len - g->verb_len, g->verb, g->verb_len) != 0)
			return false;
		*value_len = p.len - g->verb_len;
	}
	if (g->param)
		return *value_len > 0;
	return *value_len == g->len && memcmp(p.s, g->text, g->len) == 0;
}

/* How well an entry fits: -1 not at all, else more for each literal or verb, earlier segments
 * counting more. */
static int score(const struct entry *e, const struct piece *p, int n)
{
	int points = 0;
	size_t len;

	if (e->n != n)
		return -1;
	for (int i = 0; i < n; i++) {
		if (!fits(&e->seg[i], p[i], &len))
			return -1;
		points = points * 4 + (e->seg[i].param ? 0 : 2) + (e->seg[i].verb ? 1 : 0);
	}
	return points;
}

static enum status take_params(const struct entry *e, const struct piece *p, struct arena *a,
			       struct json_param *params, size_t *n_params)
{
	*n_params = 0;
	for (int i = 0; i < e->n; i++) {
		size_t len;
		char *value;

		if (!e->seg[i].param || !fits(&e->seg[i], p[i], &len))
			continue;
		value = percent_decode(a, p[i].s, len, false);
		if (!value || *n_params == ROUTE_PARAMS_MAX)
			return ST_INVALID;
		params[(*n_params)++] =
			(struct json_param){ .name = arena_strndup(a, e->seg[i].text,
								   e->seg[i].len),
					     .value = value,
					     .from_path = true };
	}
	return ST_OK;
}

enum status router_find(const struct router *r, struct arena *a, const char *method,
			const char *path, const struct route **ret, struct json_param *params,
			size_t *n_params, const char **allow)
{
	struct piece pieces[ROUTE_SEGMENTS_MAX];
	const struct entry *best = NULL;
	int n = split(path, pieces), best_score = -1, any_score = -1;
	char *methods = arena_strdup(a, "");

	for (size_t i = 0; n > 0 && i < r->n; i++) {
		const struct entry *e = &r->entries[i];
		int s = score(e, pieces, n);

		if (s < 0)
			continue;
		any_score = s > any_score ? s : any_score;
		/* Two routes may share a path that a literal or a parameter matches. */
		if (!strstr(methods, e->route.method->http_method))
			methods = arena_printf(a, "%s%s%s", methods, *methods ? ", " : "",
					       e->route.method->http_method);
		if (s > best_score && strcmp(e->route.method->http_method, method) == 0) {
			best = e;
			best_score = s;
		}
	}
	*allow = methods;
	if (!best)
		return any_score >= 0 ? ST_NOT_ALLOWED : ST_NOT_FOUND;
	*ret = &best->route;
	return take_params(best, pieces, a, params, n_params);
}
