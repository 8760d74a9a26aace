/*
 * Arguments and variables: from text or JSON to a checked value (specification, section 3, input
 * coercion). Read next: gql_bind.c, its caller.
 */
#include "gql_bind.h"

#include "core/text.h"

#include <math.h>
#include <string.h>

static bool is_list(const struct garg *g)
{
	return g->kind == ARG_STRINGS || g->kind == ARG_IDS;
}

static const char *arg_type_text(struct binder *b, const struct garg *g)
{
	if (is_list(g))
		return arena_printf(b->arena, "[%s!]%s", g->type, g->required ? "!" : "");
	return arena_printf(b->arena, "%s%s", g->type, g->required ? "!" : "");
}

static bool bad_literal(struct binder *b, const struct gql_sel *s, const struct garg *g,
			const struct gql_value *v)
{
	bind_error(b, s->loc, "argumentLiteralsIncompatible",
		   arena_printf(b->arena,
				"Argument '%s' on Field '%s' has an invalid value (%s). Expected "
				"type '%s'.",
				g->name, s->name, gql_value_text(b->arena, v),
				arg_type_text(b, g)));
	gql_fail_ext(b->err, "typeName", "Field");
	gql_fail_ext(b->err, "argumentName", g->name);
	return false;
}

static bool enum_has(const struct garg *g, const char *value)
{
	for (const char *const *v = g->values; v != NULL && *v != NULL; v++)
		if (strcmp(*v, value) == 0)
			return true;
	return false;
}

/* One value that is no list; false when it is of the wrong kind. */
static bool take_scalar(enum arg_kind kind, const struct garg *g, enum gql_kind have,
			const char *text, struct gval *ret)
{
	bool ok = false;

	switch (kind) {
	case ARG_INT:
		ok = have == GV_INT && parse_i64(text, INT32_MIN, INT32_MAX, &ret->number);
		break;
	case ARG_STRING:
	case ARG_STRINGS:
		ok = have == GV_STRING;
		break;
	case ARG_ID:
	case ARG_IDS:
		ok = have == GV_STRING || have == GV_INT;
		break;
	case ARG_BOOLEAN:
		ok = have == GV_BOOL;
		ret->number = ok && strcmp(text, "true") == 0;
		break;
	case ARG_ENUM:
		ok = have == GV_ENUM && enum_has(g, text);
		break;
	}
	ret->text = text;
	ret->given = ok;
	return ok;
}

/* A JSON value as the literal it stands for; GV_OBJECT when there is none. */
static enum gql_kind json_literal(struct binder *b, const cJSON *j, const struct garg *g,
				  const char **text)
{
	*text = "";
	if (cJSON_IsString(j)) {
		*text = j->valuestring;
		return g->kind == ARG_ENUM ? GV_ENUM : GV_STRING;
	}
	if (cJSON_IsBool(j)) {
		*text = cJSON_IsTrue(j) ? "true" : "false";
		return GV_BOOL;
	}
	if (cJSON_IsNumber(j) && floor(j->valuedouble) == j->valuedouble &&
	    fabs(j->valuedouble) < 9e15) {
		*text = arena_printf(b->arena, "%.0f", j->valuedouble);
		return GV_INT;
	}
	return cJSON_IsNumber(j) ? GV_FLOAT : GV_OBJECT;
}

static bool bad_variable(struct binder *b, const struct gql_var *v, const char *why)
{
	gql_fail(b->err, b->arena, v->loc, "Variable $%s of type %s was provided invalid value",
		 v->name, gql_type_text(b->arena, v->type));
	gql_fail_ext(b->err, "code", "INVALID_VARIABLE");
	gql_fail_ext(b->err, "problem", why);
	return false;
}

static const cJSON *variable_value(const struct binder *b, const struct gql_var *v)
{
	const cJSON *j = cJSON_GetObjectItemCaseSensitive(b->variables, v->name);

	return cJSON_IsNull(j) ? NULL : j;
}

static bool take_json_list(struct binder *b, const struct gql_var *v, const struct garg *g,
			   const cJSON *j, struct gval *ret)
{
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : 1;
	const char **list = arena_array(b->arena, (size_t)n + 1, sizeof(*list));
	const cJSON *item = cJSON_IsArray(j) ? j->child : j;

	if (list == NULL || n > GQL_LIST_MAX)
		return bad_variable(
			b, v, "the input array size is greater than the maximum allowed of 250");
	for (int i = 0; i < n; i++, item = item->next) {
		const char *text;
		struct gval one = { 0 };
		enum gql_kind kind = json_literal(b, item, g, &text);

		if (!take_scalar(g->kind, g, kind, text, &one))
			return bad_variable(b, v, "Could not coerce a value of the list");
		list[i] = text;
	}
	*ret = (struct gval){ .given = true, .list = list, .nlist = (size_t)n };
	return true;
}

/* A literal (default or argument) as the argument `g` takes it; `who` for errors. */
static bool take_literal(struct binder *b, const struct gql_sel *s, const struct garg *g,
			 const struct gql_value *v, struct gval *ret)
{
	const char **list;
	size_t n = 0;

	if (v->kind == GV_NULL) {
		*ret = (struct gval){ 0 };
		return !g->required || bad_literal(b, s, g, v);
	}
	if (!is_list(g))
		return take_scalar(g->kind, g, v->kind, v->text, ret) || bad_literal(b, s, g, v);
	list = arena_array(b->arena, GQL_LIST_MAX + 1, sizeof(*list));
	for (const struct gql_value *i = v->kind == GV_LIST ? v->items : v; i != NULL;
	     i = i->next) {
		struct gval one = { 0 };

		if (list == NULL || n == GQL_LIST_MAX ||
		    !take_scalar(g->kind, g, i->kind, i->text, &one))
			return bad_literal(b, s, g, v);
		list[n++] = i->text;
		if (v->kind != GV_LIST)
			break;
	}
	*ret = (struct gval){ .given = true, .list = list, .nlist = n };
	return true;
}

static struct gql_var *find_var(const struct binder *b, const char *name)
{
	struct gql_var *v = b->op->vars;

	while (v != NULL && strcmp(v->name, name) != 0)
		v = v->next;
	return v;
}

static bool var_mismatch(struct binder *b, const struct gql_sel *s, const struct garg *g,
			 const struct gql_var *v, const char *what)
{
	const char *have = gql_type_text(b->arena, v->type);

	bind_error(b, s->loc, "variableMismatch",
		   arena_printf(b->arena, "%s on variable $%s and argument %s (%s / %s)", what,
				v->name, g->name, have, arg_type_text(b, g)));
	gql_fail_ext(b->err, "variableName", v->name);
	gql_fail_ext(b->err, "typeName", have);
	gql_fail_ext(b->err, "argumentName", g->name);
	gql_fail_ext(b->err, "errorMessage", what);
	return false;
}

static bool take_variable(struct binder *b, const struct gql_sel *s, const struct garg *g,
			  const char *name, struct gval *ret)
{
	struct gql_var *v = find_var(b, name);
	const struct gql_type_ref *t;
	enum gql_kind kind;
	const char *text;
	const cJSON *j;

	if (v == NULL) {
		bind_error(b, s->loc, "variableNotDefined",
			   arena_printf(b->arena, "Variable $%s is used by %s but not declared",
					name,
					b->op->name != NULL ? b->op->name : "anonymous query"));
		gql_fail_ext(b->err, "variableName", name);
		return false;
	}
	v->used = true;
	t = v->type->of != NULL ? v->type->of : v->type;
	if ((v->type->of != NULL) != is_list(g))
		return var_mismatch(b, s, g, v,
				    v->type->of != NULL ? "List dimension mismatch"
							: "Type mismatch");
	if (t->name == NULL || strcmp(t->name, g->type) != 0)
		return var_mismatch(b, s, g, v, "Type mismatch");
	if ((g->required && !v->type->nonnull && v->fallback == NULL) ||
	    (is_list(g) && !t->nonnull))
		return var_mismatch(b, s, g, v, "Nullability mismatch");
	j = variable_value(b, v);
	if (j == NULL)
		return v->fallback == NULL || take_literal(b, s, g, v->fallback, ret);
	if (is_list(g))
		return take_json_list(b, v, g, j, ret);
	kind = json_literal(b, j, g, &text);
	return take_scalar(g->kind, g, kind, text, ret) ||
	       bad_variable(b, v, arena_printf(b->arena, "Could not coerce value to %s", g->type));
}

static int find_arg(const struct gfield *f, const char *name)
{
	for (int i = 0; f->args != NULL && f->args[i].name != NULL; i++)
		if (strcmp(f->args[i].name, name) == 0)
			return i;
	return -1;
}

static bool give_defaults(struct binder *b, const struct gql_sel *s, struct gplan *p,
			  const bool *present)
{
	for (size_t i = 0; p->field->args != NULL && p->field->args[i].name != NULL; i++) {
		const struct garg *g = &p->field->args[i];

		if (g->required && !present[i]) {
			bind_error(b, s->loc, "missingRequiredArguments",
				   arena_printf(b->arena,
						"Field '%s' is missing required arguments: %s",
						s->name, g->name));
			gql_fail_ext(b->err, "className", "Field");
			gql_fail_ext(b->err, "name", s->name);
			gql_fail_ext(b->err, "arguments", g->name);
			return false;
		}
		if (!p->args[i].given && g->fallback != NULL) {
			enum gql_kind kind = g->kind == ARG_INT       ? GV_INT
					     : g->kind == ARG_BOOLEAN ? GV_BOOL
								      : GV_ENUM;

			take_scalar(g->kind, g, kind, g->fallback, &p->args[i]);
		}
	}
	return true;
}

bool bind_args(struct binder *b, const struct gql_sel *s, struct gplan *p)
{
	bool present[GQL_ARGS_MAX] = { false };

	for (const struct gql_arg *a = s->args; a != NULL; a = a->next) {
		int i = find_arg(p->field, a->name);
		const struct garg *g;

		if (i < 0) {
			bind_error(b, a->loc, "argumentNotAccepted",
				   arena_printf(b->arena, "Field '%s' doesn't accept argument '%s'",
						s->name, a->name));
			gql_fail_ext(b->err, "name", s->name);
			gql_fail_ext(b->err, "typeName", "Field");
			gql_fail_ext(b->err, "argumentName", a->name);
			return false;
		}
		g = &p->field->args[i];
		if (present[i])
			return bind_error(
				b, a->loc, "argumentNotUnique",
				arena_printf(b->arena,
					     "There can be only one argument named \"%s\"",
					     a->name));
		present[i] = true;
		if (a->value->kind == GV_VAR ? !take_variable(b, s, g, a->value->text, &p->args[i])
					     : !take_literal(b, s, g, a->value, &p->args[i]))
			return false;
	}
	return give_defaults(b, s, p, present);
}

static bool known_input_type(const char *name)
{
	for (const char *const *t = shopify_input_types; *t != NULL; t++)
		if (strcmp(*t, name) == 0)
			return true;
	return false;
}

bool check_vars(struct binder *b)
{
	for (const struct gql_var *v = b->op->vars; v != NULL; v = v->next) {
		const struct gql_type_ref *t = v->type;

		while (t->of != NULL)
			t = t->of;
		if (find_var(b, v->name) != v)
			return bind_error(
				b, v->loc, "variableNotUnique",
				arena_printf(b->arena,
					     "There can only be one variable named \"%s\"",
					     v->name));
		if (!known_input_type(t->name)) {
			bind_error(b, v->loc, "variableRequiresValidType",
				   arena_printf(b->arena, "%s isn't a defined input type (on $%s)",
						t->name, v->name));
			gql_fail_ext(b->err, "typeName", t->name);
			gql_fail_ext(b->err, "variableName", v->name);
			return false;
		}
		if (v->type->nonnull && v->fallback == NULL && variable_value(b, v) == NULL)
			return bad_variable(b, v, "Expected value to not be null");
	}
	return true;
}
