/*
 * Answers a plan: walks it once and writes JSON as it goes, no tree in between. Connections, edges
 * and page info are the same for every type and stand here; all other fields are in
 * shopify_schema.c. Read next: shopify_fields.c.
 */
#include "gql_schema.h"

#include "core/text.h"

#include <string.h>

static unsigned answer_object(struct gexec *x, const struct gplan *p, const struct gnode *self);

unsigned gql_weight(uint32_t n)
{
	uint64_t target = (uint64_t)n * n;
	unsigned w = 0;

	while ((uint64_t)w * w * w * w * w < target)
		w++;
	return w;
}

size_t gql_concrete(enum gtype t, enum gtype ret[GQL_CONCRETE_MAX])
{
	size_t n = 0;

	if (t >= T_COUNT_OF_TYPES || !shopify_types[t].interface) {
		ret[0] = t;
		return 1;
	}
	for (unsigned c = T_QUERY; c < T_COUNT_OF_TYPES && n < GQL_CONCRETE_MAX; c++)
		if (shopify_types[c].implements[0] == t || shopify_types[c].implements[1] == t)
			ret[n++] = (enum gtype)c;
	return n;
}

const char *gql_type_name(struct arena *a, enum gtype t)
{
	const char *base = shopify_types[t & T_BASE].name;

	if (t & T_CONNECTION)
		return arena_printf(a, "%sConnection", base);
	return t & T_EDGE ? arena_printf(a, "%sEdge", base) : base;
}

const struct gfield *gql_find_field(enum gtype t, const char *name, enum gtype *ret_type)
{
	const struct gfield *f = shopify_types[t & T_BASE].fields;

	if (t & T_CONNECTION)
		f = gql_connection_fields;
	else if (t & T_EDGE)
		f = gql_edge_fields;
	while (f != NULL && f->name != NULL && strcmp(f->name, name) != 0)
		f++;
	if (f == NULL || f->name == NULL)
		return NULL;
	*ret_type = f->type;
	/* The wrappers' fields are written for no type in particular. */
	if (f->type == T_EDGE)
		*ret_type = (enum gtype)(T_EDGE | (t & T_BASE));
	else if (f->type == T_NONE)
		*ret_type = (enum gtype)(t & T_BASE);
	else if (f->flags & GF_CONNECTION)
		*ret_type = (enum gtype)(T_CONNECTION | f->type);
	return f;
}

bool gql_exec_fail(struct gexec *x, const struct gplan *p, const char *code, const char *message)
{
	const char **path;

	if (x->err->set)
		return false;
	gql_fail(x->err, x->arena, p->loc, "%s", message);
	gql_fail_ext(x->err, "code", code);
	path = arena_array(x->arena, x->npath + 1, sizeof(*path));
	if (path != NULL) {
		memcpy(path, x->path, x->npath * sizeof(*path));
		x->err->path = path;
		x->err->npath = x->npath;
	}
	return false;
}

/* ------------------------------------------------------------------ cursors */

const char *gql_cursor_seal(struct arena *a, const char *plain, size_t len)
{
	return base64url_encode(a, plain, len);
}

const char *gql_cursor_open(struct arena *a, const char *sealed, size_t *ret_len)
{
	uint8_t *bytes = base64url_decode(a, sealed, ret_len);
	char *text;

	if (bytes == NULL || memchr(bytes, '\0', *ret_len) != NULL)
		return NULL;
	text = arena_strndup(a, (const char *)bytes, *ret_len);
	return text;
}

static void put_cursor(struct gexec *x, const struct gpage *page, uint32_t k)
{
	const char *plain = page->cursor(x, page, k);
	const char *sealed = gql_cursor_seal(x->arena, plain, strlen(plain));

	buf_put_json(x->out, sealed, strlen(sealed));
}

/* ------------------------------------------------------------- the wrappers */

static void item_node(const struct gpage *page, uint32_t k, struct gnode *ret)
{
	if (page->nodes != NULL) {
		*ret = page->nodes[k];
		return;
	}
	*ret = (struct gnode){ .type = page->item,
			       .i = page->rows != NULL ? page->rows[k] : page->start + k };
}

static bool list_of_page(struct gexec *x, const struct gplan *p, const struct gnode *self,
			 struct gpage *ret)
{
	(void)x;
	(void)p;
	*ret = *self->page;
	return true;
}

static void leaf_cursor(struct gexec *x, const struct gplan *p, const struct gnode *self)
{
	(void)p;
	put_cursor(x, self->page, self->k);
}

static bool get_edge_node(struct gexec *x, const struct gplan *p, const struct gnode *self,
			  struct gnode *ret)
{
	(void)x;
	(void)p;
	item_node(self->page, self->k, ret);
	return true;
}

static bool get_page_info(struct gexec *x, const struct gplan *p, const struct gnode *self,
			  struct gnode *ret)
{
	(void)x;
	(void)p;
	*ret = (struct gnode){ .type = T_PAGE_INFO, .page = self->page };
	return true;
}

const struct gfield gql_connection_fields[] = {
	{ "edges", T_EDGE, GF_LIST | GF_PASS, NULL, NULL, NULL, list_of_page },
	{ "nodes", T_NONE, GF_LIST | GF_PASS, NULL, NULL, NULL, list_of_page },
	{ "pageInfo", T_PAGE_INFO, GF_FREE, NULL, NULL, get_page_info, NULL },
	{ 0 },
};

const struct gfield gql_edge_fields[] = {
	{ "cursor", T_STRING, 0, NULL, leaf_cursor, NULL, NULL },
	{ "node", T_NONE, GF_PASS, NULL, NULL, get_edge_node, NULL },
	{ 0 },
};

/* -------------------------------------------------------------------- lists */

/* Writes the items of a list; returns the cost of the dearest. */
static unsigned answer_items(struct gexec *x, const struct gplan *p, const struct gpage *page)
{
	bool edges = (p->type & T_EDGE) != 0;
	unsigned most = 0;

	buf_putc(x->out, '[');
	for (uint32_t k = 0; k < page->n && !x->err->set; k++) {
		struct gnode node = { .type = p->type, .page = page, .k = k };
		unsigned cost;

		if (!edges)
			item_node(page, k, &node);
		if (k > 0)
			buf_putc(x->out, ',');
		if (node.type == T_NONE) {
			buf_puts(x->out, "null");
			continue;
		}
		cost = answer_object(x, p, &node);
		most = cost > most ? cost : most;
	}
	buf_putc(x->out, ']');
	return most;
}

static unsigned answer_list(struct gexec *x, const struct gplan *p, const struct gnode *self)
{
	struct gpage page = { .item = p->type };
	unsigned most;

	if (!p->field->list(x, p, self, &page)) {
		buf_puts(x->out, "null");
		return 0;
	}
	if (p->field->flags & GF_CONNECTION) {
		struct gnode node = { .type = p->type, .page = &page };

		most = answer_object(x, p, &node);
	} else {
		most = answer_items(x, p, &page);
	}
	if (p->field->flags & (GF_PASS | GF_FREE))
		return most;
	return gql_weight(page.n) * (1 + most);
}

/* ------------------------------------------------------------------ objects */

static unsigned answer_field(struct gexec *x, const struct gplan *p, const struct gnode *self)
{
	struct gnode child = { .type = p->type };
	unsigned cost;

	if (p->field->leaf != NULL) {
		p->field->leaf(x, p, self);
		return 0;
	}
	if (p->field->list != NULL)
		return answer_list(x, p, self);
	if (!p->field->get(x, p, self, &child)) {
		buf_puts(x->out, "null");
		return 0;
	}
	cost = answer_object(x, p, &child);
	return p->field->flags & (GF_FREE | GF_PASS) ? cost : cost + 1;
}

static const struct gplan *children_for(const struct gplan *p, enum gtype type)
{
	enum gtype concrete[GQL_CONCRETE_MAX];
	size_t n = 0;

	if (p->type >= T_COUNT_OF_TYPES || !shopify_types[p->type].interface)
		return p->children[0];
	n = gql_concrete(p->type, concrete);
	for (size_t i = 0; i < n; i++)
		if (concrete[i] == type)
			return p->children[i];
	return NULL;
}

static unsigned answer_object(struct gexec *x, const struct gplan *p, const struct gnode *self)
{
	unsigned cost = 0;
	bool first = true;

	buf_putc(x->out, '{');
	for (const struct gplan *c = children_for(p, self->type); c != NULL && !x->err->set;
	     c = c->next) {
		buf_puts(x->out, first ? "\"" : ",\"");
		buf_puts(x->out, c->key);
		buf_puts(x->out, "\":");
		first = false;
		if (c->field == NULL) {
			const char *name = gql_type_name(x->arena, self->type);

			buf_put_json(x->out, name, strlen(name));
			continue;
		}
		if (x->npath < GQL_PATH_MAX)
			x->path[x->npath++] = c->key;
		cost += answer_field(x, c, self);
		if (x->npath > 0)
			x->npath--;
	}
	buf_putc(x->out, '}');
	return cost;
}

unsigned gql_exec(struct gexec *x, const struct gquery *q)
{
	struct gplan top = { .type = T_QUERY, .children = { q->root } };
	struct gnode root = { .type = T_QUERY };
	unsigned cost = answer_object(x, &top, &root);

	return cost > 0 ? cost : 1;
}
