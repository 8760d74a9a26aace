/*
 * GraphQL grammar by recursive descent (specification of October 2021, section 2). Directives are
 * refused by name: none of our queries needs one. Read next: gql_bind.c, which checks the tree
 * against the schema.
 */
#include "gql.h"

#include <string.h>

struct parser {
	struct gql_lexer lx;
	struct arena *arena;
	struct gql_error *err;
	int depth;
};

static bool unexpected(struct parser *p)
{
	char punct[2] = { p->lx.punct, '\0' };

	if (p->err->set)
		return false;
	if (p->lx.tok == TOK_END)
		return gql_fail(p->err, p->arena, p->lx.loc,
				"syntax error, unexpected end of file at [%d, %d]", p->lx.loc.line,
				p->lx.loc.col);
	return gql_fail(p->err, p->arena, p->lx.loc, "Parse error on \"%s\" at [%d, %d]",
			p->lx.tok == TOK_PUNCT ? punct
					       : (p->lx.tok == TOK_SPREAD ? "..." : p->lx.text),
			p->lx.loc.line, p->lx.loc.col);
}

static bool at_punct(const struct parser *p, char c)
{
	return p->lx.tok == TOK_PUNCT && p->lx.punct == c;
}

static bool take_punct(struct parser *p, char c)
{
	return at_punct(p, c) ? gql_lex_next(&p->lx) : unexpected(p);
}

static bool take_name(struct parser *p, const char **ret)
{
	if (p->lx.tok != TOK_NAME)
		return unexpected(p);
	*ret = p->lx.text;
	return gql_lex_next(&p->lx);
}

static bool at_name(const struct parser *p, const char *name)
{
	return p->lx.tok == TOK_NAME && strcmp(p->lx.text, name) == 0;
}

static bool deeper(struct parser *p)
{
	if (++p->depth <= GQL_DEPTH_MAX)
		return true;
	return gql_fail(p->err, p->arena, p->lx.loc, "Query has depth of more than %d",
			GQL_DEPTH_MAX);
}

static void *take_memory(struct parser *p, size_t size)
{
	void *m = arena_alloc(p->arena, size);

	if (m == NULL)
		gql_fail(p->err, p->arena, p->lx.loc, "This query is too large to execute");
	return m;
}

static bool refuse_directive(struct parser *p)
{
	if (!at_punct(p, '@'))
		return true;
	return gql_fail(p->err, p->arena, p->lx.loc,
			"Directives such as @include and @skip are not supported here");
}

static bool parse_value(struct parser *p, struct gql_value **ret);

/* The items of "[...]" or "{...}", after its opening mark. */
static bool parse_items(struct parser *p, struct gql_value *v, char close)
{
	struct gql_value **tail = &v->items;

	if (!deeper(p))
		return false;
	while (!at_punct(p, close)) {
		const char *key = NULL;

		if (close == '}' && (!take_name(p, &key) || !take_punct(p, ':')))
			return false;
		if (!parse_value(p, tail))
			return false;
		(*tail)->key = key;
		tail = &(*tail)->next;
	}
	p->depth--;
	return gql_lex_next(&p->lx);
}

static bool value_kind(struct parser *p, struct gql_value *v)
{
	if (p->lx.tok == TOK_INT) {
		v->kind = GV_INT;
	} else if (p->lx.tok == TOK_FLOAT) {
		v->kind = GV_FLOAT;
	} else if (p->lx.tok == TOK_STRING) {
		v->kind = GV_STRING;
	} else if (at_name(p, "true") || at_name(p, "false")) {
		v->kind = GV_BOOL;
	} else if (at_name(p, "null")) {
		v->kind = GV_NULL;
	} else if (p->lx.tok == TOK_NAME) {
		v->kind = GV_ENUM;
	} else {
		return unexpected(p);
	}
	return true;
}

static bool parse_value(struct parser *p, struct gql_value **ret)
{
	struct gql_value *v = take_memory(p, sizeof(*v));

	if (v == NULL)
		return false;
	*ret = v;
	v->loc = p->lx.loc;
	if (at_punct(p, '$')) {
		v->kind = GV_VAR;
		return gql_lex_next(&p->lx) && take_name(p, &v->text);
	}
	if (at_punct(p, '[') || at_punct(p, '{')) {
		char close = p->lx.punct == '[' ? ']' : '}';

		v->kind = close == ']' ? GV_LIST : GV_OBJECT;
		return gql_lex_next(&p->lx) && parse_items(p, v, close);
	}
	if (!value_kind(p, v))
		return false;
	v->text = p->lx.text;
	return gql_lex_next(&p->lx);
}

static bool parse_args(struct parser *p, struct gql_arg **tail)
{
	if (!at_punct(p, '('))
		return true;
	if (!gql_lex_next(&p->lx) || at_punct(p, ')'))
		return unexpected(p);
	while (!at_punct(p, ')')) {
		struct gql_arg *a = take_memory(p, sizeof(*a));

		if (a == NULL)
			return false;
		a->loc = p->lx.loc;
		if (!take_name(p, &a->name) || !take_punct(p, ':') || !parse_value(p, &a->value))
			return false;
		*tail = a;
		tail = &a->next;
	}
	return gql_lex_next(&p->lx);
}

static bool parse_selections(struct parser *p, struct gql_sel **tail);

static bool parse_field(struct parser *p, struct gql_sel *s)
{
	s->kind = SEL_FIELD;
	if (!take_name(p, &s->name))
		return false;
	s->alias = s->name;
	if (at_punct(p, ':') && (!gql_lex_next(&p->lx) || !take_name(p, &s->name)))
		return false;
	if (!parse_args(p, &s->args) || !refuse_directive(p))
		return false;
	return !at_punct(p, '{') || parse_selections(p, &s->sels);
}

static bool parse_spread(struct parser *p, struct gql_sel *s)
{
	if (!gql_lex_next(&p->lx))
		return false;
	if (p->lx.tok == TOK_NAME && !at_name(p, "on")) {
		s->kind = SEL_SPREAD;
		return take_name(p, &s->name) && refuse_directive(p);
	}
	s->kind = SEL_INLINE;
	if (at_name(p, "on") && (!gql_lex_next(&p->lx) || !take_name(p, &s->name)))
		return false;
	return refuse_directive(p) && parse_selections(p, &s->sels);
}

static bool parse_selections(struct parser *p, struct gql_sel **tail)
{
	if (!deeper(p) || !take_punct(p, '{'))
		return false;
	do {
		struct gql_sel *s = take_memory(p, sizeof(*s));

		if (s == NULL)
			return false;
		s->loc = p->lx.loc;
		*tail = s;
		tail = &s->next;
		if (!(p->lx.tok == TOK_SPREAD ? parse_spread(p, s) : parse_field(p, s)))
			return false;
	} while (!at_punct(p, '}'));
	p->depth--;
	return gql_lex_next(&p->lx);
}

static bool parse_type(struct parser *p, struct gql_type_ref **ret)
{
	struct gql_type_ref *t = take_memory(p, sizeof(*t));

	if (t == NULL || !deeper(p))
		return false;
	*ret = t;
	if (at_punct(p, '[')) {
		if (!gql_lex_next(&p->lx) || !parse_type(p, &t->of) || !take_punct(p, ']'))
			return false;
	} else if (!take_name(p, &t->name)) {
		return false;
	}
	p->depth--;
	t->nonnull = at_punct(p, '!');
	return !t->nonnull || gql_lex_next(&p->lx);
}

static bool parse_vars(struct parser *p, struct gql_var **tail)
{
	if (!at_punct(p, '('))
		return true;
	if (!gql_lex_next(&p->lx) || at_punct(p, ')'))
		return unexpected(p);
	while (!at_punct(p, ')')) {
		struct gql_var *v = take_memory(p, sizeof(*v));

		if (v == NULL)
			return false;
		v->loc = p->lx.loc;
		if (!take_punct(p, '$') || !take_name(p, &v->name) || !take_punct(p, ':') ||
		    !parse_type(p, &v->type))
			return false;
		if (at_punct(p, '=') && (!gql_lex_next(&p->lx) || !parse_value(p, &v->fallback)))
			return false;
		if (!refuse_directive(p))
			return false;
		*tail = v;
		tail = &v->next;
	}
	return gql_lex_next(&p->lx);
}

static bool parse_operation(struct parser *p, struct gql_op **ret)
{
	struct gql_op *op = take_memory(p, sizeof(*op));

	if (op == NULL)
		return false;
	*ret = op;
	op->type = "query";
	op->loc = p->lx.loc;
	if (p->lx.tok == TOK_NAME) {
		if (!at_name(p, "query") && !at_name(p, "mutation") && !at_name(p, "subscription"))
			return unexpected(p);
		if (!take_name(p, &op->type))
			return false;
		if (p->lx.tok == TOK_NAME && !take_name(p, &op->name))
			return false;
		if (!parse_vars(p, &op->vars) || !refuse_directive(p))
			return false;
	}
	return parse_selections(p, &op->sels);
}

static bool parse_fragment(struct parser *p, struct gql_frag **ret)
{
	struct gql_frag *f = take_memory(p, sizeof(*f));

	if (f == NULL)
		return false;
	*ret = f;
	f->loc = p->lx.loc;
	if (!gql_lex_next(&p->lx) || at_name(p, "on"))
		return unexpected(p);
	if (!take_name(p, &f->name) || !at_name(p, "on"))
		return unexpected(p);
	return gql_lex_next(&p->lx) && take_name(p, &f->type) && refuse_directive(p) &&
	       parse_selections(p, &f->sels);
}

bool gql_parse(struct arena *a, const char *text, size_t len, struct gql_doc *ret,
	       struct gql_error *err)
{
	struct parser p = { .arena = a, .err = err };
	struct gql_op **ops = &ret->ops;
	struct gql_frag **frags = &ret->frags;

	*ret = (struct gql_doc){ 0 };
	if (len > GQL_TEXT_MAX)
		return gql_fail(err, a, (struct gql_loc){ 0, 0 },
				"This query is too large to execute: %zu characters of at most %d",
				len, GQL_TEXT_MAX);
	gql_lex_init(&p.lx, a, text, len, err);
	if (!gql_lex_next(&p.lx))
		return false;
	if (p.lx.tok == TOK_END)
		return gql_fail(err, a, p.lx.loc,
				"syntax error, unexpected end of file at [%d, %d]", p.lx.loc.line,
				p.lx.loc.col);
	while (p.lx.tok != TOK_END) {
		if (at_name(&p, "fragment")) {
			if (!parse_fragment(&p, frags))
				return false;
			frags = &(*frags)->next;
		} else {
			if (!parse_operation(&p, ops))
				return false;
			ops = &(*ops)->next;
		}
	}
	return true;
}

const char *gql_type_text(struct arena *a, const struct gql_type_ref *t)
{
	if (t->of != NULL)
		return arena_printf(a, "[%s]%s", gql_type_text(a, t->of), t->nonnull ? "!" : "");
	return arena_printf(a, "%s%s", t->name, t->nonnull ? "!" : "");
}

const char *gql_value_text(struct arena *a, const struct gql_value *v)
{
	const char *text = "";

	switch (v->kind) {
	case GV_VAR:
		return arena_printf(a, "$%s", v->text);
	case GV_STRING:
		return arena_printf(a, "\"%s\"", v->text);
	case GV_INT:
	case GV_FLOAT:
	case GV_BOOL:
	case GV_NULL:
	case GV_ENUM:
		return v->text;
	case GV_LIST:
	case GV_OBJECT:
		break;
	}
	for (const struct gql_value *i = v->items; i != NULL; i = i->next)
		text = arena_printf(a, "%s%s%s%s%s", text, *text != '\0' ? ", " : "",
				    i->key != NULL ? i->key : "", i->key != NULL ? ": " : "",
				    gql_value_text(a, i));
	return arena_printf(a, v->kind == GV_LIST ? "[%s]" : "{%s}", text);
}
