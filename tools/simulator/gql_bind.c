/*
 * Checks a query against the schema and turns it into a plan: fields found, arguments coerced,
 * fragments expanded, equal keys merged, cost summed. Messages and codes are those of graphql-ruby,
 * which Shopify uses. Read next: gql_coerce.c for arguments and variables, gql_exec.c for the
 * answer.
 */
#include "gql_bind.h"

#include <string.h>

bool bind_error(struct binder *b, struct gql_loc loc, const char *code, const char *message)
{
	const char **path;

	if (b->err->set)
		return false;
	gql_fail(b->err, b->arena, loc, "%s", message);
	path = arena_array(b->arena, b->npath + 1, sizeof(*path));
	if (path != NULL) {
		memcpy(path, b->path + b->path_base, (b->npath - b->path_base) * sizeof(*path));
		b->err->path = path;
		b->err->npath = b->npath - b->path_base;
	}
	gql_fail_ext(b->err, "code", code);
	return false;
}

static bool push(struct binder *b, const char *step, struct gql_loc loc)
{
	if (b->npath == GQL_PATH_MAX)
		return gql_fail(b->err, b->arena, loc, "Query has depth of more than %d",
				GQL_DEPTH_MAX);
	b->path[b->npath++] = step;
	return true;
}

static struct gql_frag *find_fragment(const struct binder *b, const char *name)
{
	struct gql_frag *f = b->doc->frags;

	while (f != NULL && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

static enum gtype find_type(const char *name)
{
	for (unsigned t = T_QUERY; t < T_COUNT_OF_TYPES; t++)
		if (strcmp(shopify_types[t].name, name) == 0)
			return (enum gtype)t;
	return T_NONE;
}

static bool implements(enum gtype t, enum gtype interface)
{
	const struct gtype_info *info = &shopify_types[t & T_BASE];

	return t < T_COUNT_OF_TYPES && (t == interface || info->implements[0] == interface ||
					info->implements[1] == interface);
}

static bool types_overlap(enum gtype a, enum gtype b)
{
	enum gtype concrete[GQL_CONCRETE_MAX];
	size_t n = gql_concrete(a, concrete);

	for (size_t i = 0; i < n; i++)
		if (implements(concrete[i], b))
			return true;
	return false;
}

static bool same_args(const struct gplan *a, const struct gplan *b)
{
	for (size_t i = 0; i < GQL_ARGS_MAX; i++) {
		const struct gval *x = &a->args[i], *y = &b->args[i];

		if (x->given != y->given || x->number != y->number || x->nlist != y->nlist)
			return false;
		if (x->given && x->text != NULL && y->text != NULL && strcmp(x->text, y->text) != 0)
			return false;
		for (size_t k = 0; k < x->nlist; k++)
			if (strcmp(x->list[k], y->list[k]) != 0)
				return false;
	}
	return true;
}

/* How many items a list or connection may bring; also refuses a page without exactly one of first
 * and last. */
static bool page_size(struct binder *b, const struct gql_sel *s, struct gplan *p)
{
	const struct gval *first = &p->args[ARG_FIRST], *last = &p->args[ARG_LAST];
	const struct gval *given = first->given ? first : last;

	if (p->field->flags & GF_LIST) {
		p->size = GQL_LIST_GUESS;
		if (first->nlist > 0)
			p->size = (uint32_t)first->nlist;
		if (!first->given || first->nlist > 0)
			return true;
	} else if (first->given == last->given) {
		return bind_error(b, s->loc, "BAD_REQUEST",
				  first->given ? "providing both first and last is not supported"
					       : "you must provide one of first or last");
	}
	if (given->number < 1 || given->number > GQL_LIST_MAX)
		return bind_error(b, s->loc, "BAD_REQUEST",
				  arena_printf(b->arena, "%s must be between 1 and %d",
					       first->given ? "first" : "last", GQL_LIST_MAX));
	p->size = (uint32_t)given->number;
	return true;
}

static bool selection_mismatch(struct binder *b, const struct gql_sel *s, enum gtype type)
{
	const char *name = gql_type_name(b->arena, type);

	if (s->sels == NULL)
		bind_error(
			b, s->loc, "selectionMismatch",
			arena_printf(b->arena,
				     "Field must have selections (field '%s' returns %s but has no "
				     "selections. Did you mean '%s { ... }'?)",
				     s->name, name, s->name));
	else
		bind_error(b, s->loc, "selectionMismatch",
			   arena_printf(
				   b->arena,
				   "Selections can't be made on scalars (field '%s' returns %s but "
				   "has selections [\"%s\"])",
				   s->name, name, s->sels->name != NULL ? s->sels->name : "..."));
	gql_fail_ext(b->err, "nodeName", arena_printf(b->arena, "field '%s'", s->name));
	gql_fail_ext(b->err, "typeName", name);
	return false;
}

static bool undefined_field(struct binder *b, const struct gql_sel *s, enum gtype type)
{
	const char *name = gql_type_name(b->arena, type);

	bind_error(b, s->loc, "undefinedField",
		   arena_printf(b->arena, "Field '%s' doesn't exist on type '%s'", s->name, name));
	gql_fail_ext(b->err, "typeName", name);
	gql_fail_ext(b->err, "fieldName", s->name);
	return false;
}

/* Adds the field to the list, or finds the one of the same key that it must agree with. */
static bool place(struct binder *b, const struct gql_sel *s, struct gplan **list, struct gplan *p,
		  struct gplan **ret)
{
	while (*list != NULL && strcmp((*list)->key, p->key) != 0)
		list = &(*list)->next;
	if (*list == NULL) {
		*list = p;
	} else if ((*list)->field != p->field || !same_args(*list, p)) {
		bind_error(b, s->loc, "fieldConflict",
			   arena_printf(b->arena, "Field '%s' has a field conflict", s->alias));
		gql_fail_ext(b->err, "conflicts", s->name);
		return false;
	}
	*ret = *list;
	return true;
}

static bool bind_selections(struct binder *b, enum gtype seen, enum gtype real,
			    const struct gql_sel *sels, struct gplan **list);

/* The selections of an object; of an interface, once for each type that may stand behind it. */
static bool bind_children(struct binder *b, const struct gql_sel *s, struct gplan *p)
{
	enum gtype concrete[GQL_CONCRETE_MAX];
	size_t n = gql_concrete(p->type, concrete);

	for (size_t i = 0; i < n; i++)
		if (!bind_selections(b, p->type, concrete[i], s->sels, &p->children[i]))
			return false;
	return true;
}

static bool is_leaf(enum gtype t)
{
	return t < T_QUERY;
}

static struct gplan *new_plan(struct binder *b, const struct gql_sel *s)
{
	struct gplan *p = NULL;

	if (++b->nplan <= GQL_PLAN_MAX)
		p = arena_alloc(b->arena, sizeof(*p));
	if (p == NULL) {
		gql_fail(b->err, b->arena, s->loc, "This query is too large to execute");
		return NULL;
	}
	p->key = s->alias;
	p->loc = s->loc;
	p->type = T_STRING;
	return p;
}

static bool bind_typename(struct binder *b, const struct gql_sel *s, struct gplan **list)
{
	struct gplan *p = new_plan(b, s), *placed;

	if (p == NULL)
		return false;
	if (s->sels != NULL)
		return selection_mismatch(b, s, T_STRING);
	if (s->args != NULL)
		return bind_error(b, s->loc, "argumentNotAccepted",
				  "Field '__typename' doesn't accept arguments");
	return place(b, s, list, p, &placed);
}

static bool bind_field(struct binder *b, enum gtype seen, enum gtype real, const struct gql_sel *s,
		       struct gplan **list)
{
	enum gtype type;
	const struct gfield *seen_field = gql_find_field(seen, s->name, &type);
	struct gplan *p, *placed;

	if (strcmp(s->name, "__typename") == 0)
		return bind_typename(b, s, list);
	if (seen_field == NULL)
		return undefined_field(b, s, seen);
	p = new_plan(b, s);
	if (p == NULL)
		return false;
	/* An interface says which fields may be asked; the type behind it knows how to answer. */
	p->field = gql_find_field(real, s->name, &p->type);
	if (p->field == NULL)
		return undefined_field(b, s, real);
	if (is_leaf(p->type) != (s->sels == NULL))
		return selection_mismatch(b, s, p->type);
	if (!bind_args(b, s, p))
		return false;
	if ((p->field->flags & (GF_CONNECTION | GF_LIST)) && !(p->field->flags & GF_PASS) &&
	    !page_size(b, s, p))
		return false;
	if (!place(b, s, list, p, &placed))
		return false;
	return s->sels == NULL || bind_children(b, s, placed);
}

static bool cannot_spread(struct binder *b, const struct gql_sel *s, const char *cond,
			  const char *fragment, enum gtype seen)
{
	const char *parent = gql_type_name(b->arena, seen);

	bind_error(b, s->loc, "cannotSpreadFragment",
		   arena_printf(b->arena, "Fragment%s%s on %s can't be spread inside %s",
				fragment != NULL ? " " : "", fragment != NULL ? fragment : "", cond,
				parent));
	gql_fail_ext(b->err, "typeName", cond);
	gql_fail_ext(b->err, "fragmentName", fragment != NULL ? fragment : "unknown");
	gql_fail_ext(b->err, "parentName", parent);
	return false;
}

/* The selections of a fragment with type condition `cond` (NULL: none), where they apply. */
static bool bind_condition(struct binder *b, enum gtype seen, enum gtype real,
			   const struct gql_sel *s, const char *cond, const char *fragment,
			   const struct gql_sel *sels, struct gplan **list)
{
	enum gtype type = seen;

	if (cond != NULL) {
		type = find_type(cond);
		/* Connections and edges can be named too; they only fit where they are. */
		if (type == T_NONE && strcmp(cond, gql_type_name(b->arena, seen)) == 0)
			type = seen;
		if (type == T_NONE) {
			bind_error(
				b, s->loc, "undefinedType",
				arena_printf(b->arena,
					     "No such type %s, so it can't be a fragment condition",
					     cond));
			gql_fail_ext(b->err, "typeName", cond);
			return false;
		}
		if (type != seen && !types_overlap(seen, type))
			return cannot_spread(b, s, cond, fragment, seen);
	}
	if (type != real && !implements(real, type))
		return true;
	return bind_selections(b, type, real, sels, list);
}

static bool bind_spread(struct binder *b, enum gtype seen, enum gtype real, const struct gql_sel *s,
			struct gplan **list)
{
	struct gql_frag *f = find_fragment(b, s->name);
	size_t base = b->path_base;
	bool ok;

	if (f == NULL || f->open) {
		bind_error(b, s->loc, f == NULL ? "useAndDefineFragment" : "infiniteLoop",
			   arena_printf(b->arena,
					f == NULL ? "Fragment %s was used, but not defined"
						  : "Fragment %s contains an infinite loop",
					s->name));
		gql_fail_ext(b->err, "fragmentName", s->name);
		return false;
	}
	if (!push(b, arena_printf(b->arena, "fragment %s", f->name), s->loc))
		return false;
	f->used = f->open = true;
	b->path_base = b->npath - 1;
	ok = bind_condition(b, seen, real, s, f->type, f->name, f->sels, list);
	b->path_base = base;
	b->npath--;
	f->open = false;
	return ok;
}

static bool bind_inline(struct binder *b, enum gtype seen, enum gtype real, const struct gql_sel *s,
			struct gplan **list)
{
	bool ok;

	if (!push(b, s->name != NULL ? arena_printf(b->arena, "... on %s", s->name) : "...",
		  s->loc))
		return false;
	ok = bind_condition(b, seen, real, s, s->name, NULL, s->sels, list);
	b->npath--;
	return ok;
}

static bool bind_selections(struct binder *b, enum gtype seen, enum gtype real,
			    const struct gql_sel *sels, struct gplan **list)
{
	for (const struct gql_sel *s = sels; s != NULL; s = s->next) {
		bool ok = false;

		if (++b->steps > GQL_PLAN_MAX * 4)
			return gql_fail(b->err, b->arena, s->loc,
					"This query is too large to execute");
		switch (s->kind) {
		case SEL_FIELD:
			if (!push(b, s->alias, s->loc))
				return false;
			ok = bind_field(b, seen, real, s, list);
			b->npath--;
			break;
		case SEL_SPREAD:
			ok = bind_spread(b, seen, real, s, list);
			break;
		case SEL_INLINE:
			ok = bind_inline(b, seen, real, s, list);
			break;
		}
		if (!ok)
			return false;
	}
	return true;
}

/* ----------------------------------------------------------------- the cost */

static uint64_t cost_of(const struct gplan *list);

static uint64_t cost_of_children(const struct gplan *p)
{
	uint64_t most = 0;

	for (size_t i = 0; i < GQL_CONCRETE_MAX; i++) {
		uint64_t c = cost_of(p->children[i]);

		most = c > most ? c : most;
	}
	return most;
}

static uint64_t cost_of(const struct gplan *list)
{
	uint64_t sum = 0;

	for (const struct gplan *p = list; p != NULL; p = p->next) {
		unsigned flags;
		uint64_t inside;

		if (is_leaf(p->type))
			continue;
		flags = p->field->flags;
		inside = cost_of_children(p);
		if (flags & (GF_PASS | GF_FREE))
			sum += inside;
		else if (flags & (GF_CONNECTION | GF_LIST))
			sum += gql_weight(p->size) * (1 + inside);
		else
			sum += 1 + inside;
		/* Deep nesting could overflow; whatever is beyond this is refused anyway. */
		sum = sum > 1000000000 ? 1000000000 : sum;
	}
	return sum;
}

/* ------------------------------------------------------------ the operation */

static bool pick_operation(struct binder *b, const char *name)
{
	const struct gql_loc nowhere = { 0, 0 };
	struct gql_op *op = b->doc->ops;

	if (op == NULL)
		return gql_fail(b->err, b->arena, nowhere, "No operation named \"%s\"",
				name != NULL ? name : "");
	if (name == NULL && op->next != NULL)
		return gql_fail(b->err, b->arena, nowhere, "An operation name is required");
	while (name != NULL && op != NULL && (op->name == NULL || strcmp(op->name, name) != 0))
		op = op->next;
	if (op == NULL)
		return gql_fail(b->err, b->arena, nowhere, "No operation named \"%s\"", name);
	if (strcmp(op->type, "query") != 0)
		return gql_fail(b->err, b->arena, op->loc, "Schema is not configured for %ss",
				op->type);
	b->op = op;
	return true;
}

static bool check_all_used(struct binder *b)
{
	const char *who = b->op->name != NULL ? b->op->name : "anonymous query";

	for (const struct gql_var *v = b->op->vars; v != NULL; v = v->next)
		if (!v->used) {
			bind_error(b, v->loc, "variableNotUsed",
				   arena_printf(b->arena,
						"Variable $%s is declared by %s but not used",
						v->name, who));
			gql_fail_ext(b->err, "variableName", v->name);
			return false;
		}
	for (const struct gql_frag *f = b->doc->frags; f != NULL; f = f->next)
		if (!f->used && b->doc->ops->next == NULL) {
			bind_error(b, f->loc, "useAndDefineFragment",
				   arena_printf(b->arena, "Fragment %s was defined, but not used",
						f->name));
			gql_fail_ext(b->err, "fragmentName", f->name);
			return false;
		}
	return true;
}

bool gql_bind(struct arena *a, const struct gql_doc *doc, const char *operation,
	      const cJSON *variables, struct gquery *ret, struct gql_error *err)
{
	struct binder b = { .arena = a, .err = err, .doc = doc, .variables = variables };
	struct gplan *root = NULL;
	uint64_t cost;

	if (!pick_operation(&b, operation))
		return false;
	b.path[b.npath++] = b.op->name != NULL ? arena_printf(a, "query %s", b.op->name) : "query";
	if (!check_vars(&b) || !bind_selections(&b, T_QUERY, T_QUERY, b.op->sels, &root) ||
	    !check_all_used(&b))
		return false;
	if (arena_failed(a))
		return gql_fail(err, a, (struct gql_loc){ 0, 0 },
				"This query is too large to execute");
	cost = cost_of(root);
	ret->root = root;
	ret->cost = cost > 0 ? (unsigned)cost : 1;
	return true;
}
